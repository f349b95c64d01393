//! Against closed forms. Every tolerance is 3.9 standard errors, estimated from the run's own replications; seeds are
//! the first that came to mind.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use crate::queueing;
use forewarm::engine::{Cell, Finished, Levels, Observer, simulate};
use forewarm::id::LocalFn;
use forewarm::rng::Streams;
use forewarm::time::SimTime;

use crate::harness::{assert_close, result, scenario, summary};

const REPLICATIONS: u32 = 30;

/// One function under Poisson arrivals.
fn poisson(rate: f64, horizon: &str, warm_up: &str, function: &str) -> String {
    format!(
        "[scenario]\nname = \"oracle\"\n[simulation]\nhorizon = \"{horizon}\"\nwarm-up = \"{warm_up}\"\nseed = 7\n\
         replications = {REPLICATIONS}\n[[function]]\nname = \"f\"\n{function}\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"{rate}/s\"\n"
    )
}

#[test]
fn without_service_a_request_is_cold_when_the_gap_exceeds_the_window() {
    for (rate, window) in [(0.01, 60.0), (0.01, 300.0), (0.002, 600.0)] {
        let function = format!("duration.constant.value = \"0s\"\nkeep-alive.fixed.window = \"{window}s\"");
        let found = summary(&poisson(rate, "1000h", "1h", &function)).total;
        assert_close("cold", found.cold_start_ratio, REPLICATIONS, queueing::cold_start_ratio(rate, window));
        // Idle for min(gap, window) after each request: (1 - exp(-rate window)) / rate of each mean gap 1 / rate.
        let idle = 1.0 - (-rate * window).exp();
        assert_close("idle", found.instances.idle_mean, REPLICATIONS, idle);
        // A life lasts until the first gap longer than the window: geometrically many shorter gaps, then a window.
        let lifespan = ((rate * window).exp() - 1.0) / rate;
        assert_close("lifespan", found.instances.lifespan_mean_s, REPLICATIONS, lifespan);
    }
}

#[test]
fn erlang_b_whatever_the_law_of_service() {
    let laws = [
        "exponential.mean = \"2s\"",
        "constant.value = \"2s\"",
        "log-normal = { mean = \"2s\", sd = \"3s\" }",
        "hyper-exponential.branches = [{ mean = \"1s\", probability = 0.9 }, { mean = \"11s\", probability = 0.1 }]",
    ];
    for law in laws {
        for (limit, key) in [("reserved", "reserved"), ("max-instances", "max-instances")] {
            let function = format!(
                "duration.{law}\nkeep-alive.fixed.window = \"forever\"\nconcurrency.{key} = 5\nconcurrency.overflow = \"reject\""
            );
            let found = summary(&poisson(2.0, "3h", "2m", &function)).total;
            let blocked = queueing::erlang_b(5, 4.0);
            assert_close(&format!("{law}, {limit}"), found.rejection_ratio, REPLICATIONS, blocked);
            assert_close("busy", found.instances.busy_mean, REPLICATIONS, 4.0 * (1.0 - blocked));
        }
    }
}

#[test]
fn erlang_c_waits_and_their_distribution() {
    let function = "duration.exponential.mean = \"2s\"\nkeep-alive.fixed.window = \"forever\"\n\
                    concurrency.max-instances = 5\nconcurrency.overflow = \"queue\"";
    let found = summary(&poisson(2.0, "6h", "10m", function)).total;
    let (servers, rate, service) = (5, 2.0, 2.0);
    assert_close("mean wait", found.wait_s.mean, REPLICATIONS, queueing::mmc_wait_mean(servers, rate, service));
    let throttled = found.invocations.throttled.mean / found.requests.arrived.mean;
    let waits = queueing::erlang_c(servers, rate * service);
    assert!((throttled - waits).abs() < 0.02, "{throttled} instead of {waits}");
    for (p, quantile) in [(0.9, found.wait_s.p90), (0.95, found.wait_s.p95), (0.99, found.wait_s.p99)] {
        // P(wait > t) = 1 - p, solved for t.
        let t = service / (5.0 - rate * service) * (waits / (1.0 - p)).ln();
        assert!((queueing::mmc_wait_exceeds(servers, rate, service, t) - (1.0 - p)).abs() < 1e-12);
        assert_close(&format!("wait at {p}"), quantile, REPLICATIONS, t);
    }
    // Little's law in the queue.
    assert_close("queue", found.queue.mean, REPLICATIONS, rate * queueing::mmc_wait_mean(servers, rate, service));
}

#[test]
fn one_server_with_a_short_queue() {
    let function = "duration.exponential.mean = \"1s\"\nkeep-alive.fixed.window = \"forever\"\n\
                    concurrency.max-instances = 1\nconcurrency.overflow = \"queue\"\nconcurrency.queue-limit = 3";
    let found = summary(&poisson(0.8, "10h", "5m", function)).total;
    assert_close("blocked", found.rejection_ratio, REPLICATIONS, queueing::mm1k_blocking(4, 0.8));
    // The number in the system is what waits and what runs.
    let number = found.queue.mean.mean + found.concurrency.mean.mean;
    let expected = queueing::mm1k_number_mean(4, 0.8);
    assert!((number / expected - 1.0).abs() < 0.01, "{number} instead of {expected}");
}

#[test]
fn one_server_and_any_law_of_service() {
    let function = "duration.log-normal = { mean = \"1s\", sd = \"1500ms\" }\nkeep-alive.fixed.window = \"forever\"\n\
                    concurrency.max-instances = 1\nconcurrency.overflow = \"queue\"";
    let found = summary(&poisson(0.6, "40h", "1h", function)).total;
    assert_close("mean wait", found.wait_s.mean, REPLICATIONS, queueing::mg1_wait_mean(0.6, 1.0, 2.25));
}

#[test]
fn as_many_busy_as_arrive_while_one_is_served() {
    for law in ["exponential.mean = \"3s\"", "pareto = { scale = \"2s\", shape = 3.0 }"] {
        let function = format!("duration.{law}\nkeep-alive.fixed.window = \"1m\"");
        let found = summary(&poisson(5.0, "2h", "10m", &function)).total;
        assert_close(law, found.instances.busy_mean, REPLICATIONS, queueing::mg_infinity_mean(5.0, 3.0));
        assert_close(law, found.concurrency.mean, REPLICATIONS, 15.0);
        assert_close(law, found.instances.static_estimate, REPLICATIONS, 15.0);
        assert_close(law, found.requests.arrived, REPLICATIONS, 5.0 * 6_600.0);
    }
}

/// Number in the system, weighted by time, and the time that requests spent there.
#[derive(Default)]
struct Little {
    number_ns: u128,
    sojourn_ns: u128,
    waited_ns: u128,
    queued_ns: u128,
    last: HashMap<LocalFn, SimTime>,
}

impl Observer for Little {
    fn levels(&mut self, now: SimTime, function: LocalFn, held: &Levels) {
        let last = self.last.insert(function, now).unwrap_or(SimTime::ZERO);
        let ns = u128::from(now.since(last).as_nanos());
        self.number_ns += ns * u128::from(held.in_progress + held.queued);
        self.queued_ns += ns * u128::from(held.queued);
    }

    fn finished(&mut self, request: &Finished) {
        self.sojourn_ns += u128::from(request.ended.since(request.born).as_nanos());
        self.waited_ns += u128::from(request.assigned.since(request.born).as_nanos());
    }
}

#[test]
fn littles_law_holds_to_the_nanosecond() {
    let shapes = [
        "cold-start.exponential.mean = \"1s\"\nconcurrency.max-instances = 3\nconcurrency.per-instance = 2\nconcurrency.overflow = \"queue\"",
        "cold-start.constant.value = \"5s\"\nconcurrency.reserved = 4\nconcurrency.overflow = \"queue\"\nconcurrency.queue-timeout = \"3s\"",
        "selection = \"random\"\nmax-lifetime = \"1m\"\ntimeout = \"2s\"\nconcurrency.max-instances = 4\nconcurrency.overflow = \"reject\"",
    ];
    for shape in shapes {
        let function = format!("duration.exponential.mean = \"2s\"\nkeep-alive.fixed.window = \"20s\"\n{shape}");
        let scenario = scenario(&poisson(1.5, "2h", "0s", &function));
        let mut little = Little::default();
        let mut pulse = |_, _| ControlFlow::Continue(());
        simulate(&scenario, &Cell::whole(&scenario), &Streams::new(1, 0), &mut little, &mut pulse).expect("it runs");
        assert_eq!(little.number_ns, little.sojourn_ns, "{shape}");
        assert_eq!(little.queued_ns, little.waited_ns, "{shape}");
        assert!(little.sojourn_ns > 0);
    }
}

/// Of n idle instances ceil(n / 2) remain after each 380 s (measured on AWS Lambda by Copik et al., Middleware 2021).
#[test]
fn halving_leaves_half_each_period() {
    let text = "[scenario]\nname = \"halving\"\n[simulation]\nhorizon = \"30m\"\n[[function]]\nname = \"f\"\n\
                duration.constant.value = \"5s\"\nkeep-alive.halving.period = \"380s\"\n\
                [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.burst = { size = 20, every = \"1h\", first = \"0s\", within = \"0s\" }\n";
    let found = result(text);
    let total = &found.timeline.series[0].points;
    let interval = found.timeline.interval.as_secs_f64();
    // The horizon is cut into intervals of equal length: levels are means over one.
    let idle_at = |t: f64| total[(t / interval) as usize].instances_idle;
    for (seconds, left) in [
        (100.0, 20.0),
        (360.0, 20.0),
        (420.0, 10.0),
        (720.0, 10.0),
        (800.0, 5.0),
        (1_100.0, 5.0),
        (1_200.0, 3.0),
        (1_600.0, 2.0),
    ] {
        assert_eq!(idle_at(seconds), left, "after {seconds} s");
    }
}

/// An instance that is too old at the very moment of an arrival makes room for its successor.
#[test]
fn a_limit_of_one_instance_does_not_outlive_it() {
    let text = "[scenario]\nname = \"age\"\n[simulation]\nhorizon = \"10m\"\n[[function]]\nname = \"f\"\n\
                duration.constant.value = \"500ms\"\nmax-lifetime = \"10s\"\nkeep-alive.fixed.window = \"1h\"\n\
                concurrency.max-instances = 1\nconcurrency.overflow = \"queue\"\n\
                [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"1/s\"\n";
    let found = summary(text).total;
    // Requests come at 1, 2, ... 599 s; the first instance lives from 1 to 11 s, and so on.
    assert_eq!((found.requests.arrived.mean, found.requests.completed.mean), (599.0, 599.0));
    assert_eq!(found.instances.created.mean, 60.0);
    assert_eq!(found.invocations.throttled.mean, 0.0);
}

/// More threads change nothing, not even the last digit.
#[test]
fn one_thread_and_many_give_the_same() {
    let text = poisson(
        3.0,
        "30m",
        "1m",
        "duration.exponential.mean = \"1s\"\ncold-start.exponential.mean = \"300ms\"\nkeep-alive.fixed.window = \"30s\"",
    );
    let scenario = scenario(&text);
    let run = |threads| {
        let threads = NonZeroUsize::new(threads).expect("some");
        let run = forewarm::experiment::run(&scenario, threads, &(), None).expect("it runs");
        (forewarm::report::json::summary(&run.result.summary), format!("{:?}", run.result.timeline))
    };
    assert_eq!(run(1), run(7));
}

#[test]
fn what_ends_after_the_clock_ends_with_it() {
    let text = |platform: &str, function: &str, size: u32| {
        format!(
            "[scenario]\nname = \"end\"\n[simulation]\nhorizon = \"10d\"\n{platform}\n\
             [[function]]\nname = \"f\"\n{function}\n[[source]]\nname = \"s\"\nfunction = \"f\"\n\
             arrivals.burst = {{ size = {size}, every = \"20d\", first = \"5d\" }}\n"
        )
    };
    // 5 days, and twice half of the clock.
    let long = "cold-start.constant.value = \"106751d\"\nduration.constant.value = \"106751d\"";
    let total = summary(&text("", long, 3)).total;
    assert_eq!((total.requests.completed.mean, total.concurrency.mean.mean), (3.0, 1.5));
    // Tokens 104,167 days apart, each for one request: the clock has room for the first three.
    let slow = "[platform]\nscaling = { burst = 1, rate = \"0.0000004/h\" }";
    let brief = "duration.constant.value = \"1s\"\nmax-lifetime = \"1s\"\nconcurrency.overflow = \"queue\"";
    let total = summary(&text(slow, brief, 10)).total;
    assert_eq!((total.requests.completed.mean, total.requests.unfinished.mean), (3.0, 7.0));
}
