//! Requests that share the processors of their instance: closed forms, vectors by hand, and what else has to stay right.

use std::num::NonZeroUsize;

use forewarm::experiment;

use crate::harness::{assert_close, scenario, summary};
use crate::queueing;

const REPLICATIONS: u32 = 20;

/// One instance that takes everybody, under Poisson arrivals.
fn one_instance(rate: f64, function: &str) -> String {
    format!(
        "[scenario]\nname = \"shared\"\n[simulation]\nhorizon = \"40m\"\nwarm-up = \"2m\"\nseed = 11\n\
         replications = {REPLICATIONS}\n[[function]]\nname = \"f\"\n{function}\nkeep-alive.fixed.window = \"forever\"\n\
         concurrency = {{ per-instance = 100000, max-instances = 1, overflow = \"queue\" }}\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"{rate}/s\"\n"
    )
}

/// Requests at these times, each from a source of its own with a running time of its own; s.
fn at_times(function: &str, more: &str, requests: &[(f64, f64)]) -> String {
    let source = |(place, (at, runs)): (usize, &(f64, f64))| {
        format!(
            "[[source]]\nname = \"s{place}\"\nfunction = \"f\"\narrivals.times.at = [\"{at}s\"]\n\
             duration.constant.value = \"{runs}s\"\n"
        )
    };
    let sources: String = requests.iter().enumerate().map(source).collect();
    format!(
        "[scenario]\nname = \"hand\"\n[simulation]\nhorizon = \"1m\"\n{more}\n[[function]]\nname = \"f\"\n{function}\n\
         duration.constant.value = \"1s\"\nconcurrency.per-instance = 100\n{sources}"
    )
}

/// How long the request of each source took; s, to the microsecond.
fn latencies(text: &str) -> Vec<f64> {
    let found = summary(text);
    let latencies = found.sources.iter().map(|(_, source)| source.latency_s.mean.mean);
    latencies.map(|latency| (latency * 1e6).round() / 1e6).collect()
}

/// M/G/1 with processor sharing: E[T] = E[S] / (1 - rho), whatever the law of the work (Kleinrock, Queueing Systems II,
/// 1976, section 4.4).
#[test]
fn the_mean_under_processor_sharing_does_not_depend_on_the_law() {
    for law in [
        "exponential.mean = \"100ms\"",
        "constant.value = \"100ms\"",
        "log-normal = { mean = \"100ms\", sd = \"150ms\" }",
    ] {
        let found = summary(&one_instance(6.0, &format!("duration.{law}\ncpu.cpu-bound-share = 1.0"))).total;
        assert_close(law, found.execution_s.mean, REPLICATIONS, 0.1 / (1.0 - 0.6));
        // The number of them is geometric: its mean is rho / (1 - rho).
        assert_close(law, found.concurrency.mean, REPLICATIONS, 0.6 / (1.0 - 0.6));
    }
}

/// Who waits takes no part of the processor: waiting adds to the time and changes nothing else, in whatever order both come
/// (Baskett, Chandy, Muntz and Palacios, JACM 22(2), 1975).
#[test]
fn what_is_waited_for_comes_on_top() {
    for law in ["exponential.mean = \"100ms\"", "constant.value = \"100ms\""] {
        let found = summary(&one_instance(15.0, &format!("duration.{law}\ncpu.cpu-bound-share = 0.4"))).total;
        assert_close(law, found.execution_s.mean, REPLICATIONS, 0.04 / (1.0 - 0.6) + 0.06);
    }
}

/// With k processors and exponential work the number of requests is that of M/M/k, and so is the mean time.
#[test]
fn several_processors_have_the_mean_of_as_many_servers() {
    for (limit, rate) in [(2, 15.0), (4, 34.0)] {
        let function =
            format!("duration.exponential.mean = \"100ms\"\ncpu = {{ limit = {limit}, cpu-bound-share = 1.0 }}");
        let found = summary(&one_instance(rate, &function)).total;
        let mean = queueing::mmc_wait_mean(limit, rate, 0.1) + 0.1;
        assert_close(&format!("{limit} processors"), found.execution_s.mean, REPLICATIONS, mean);
    }
}

/// The quota, where requests have an instance to themselves, also by the memory of AWS Lambda.
#[test]
fn a_lone_request_takes_what_the_quota_says() {
    let alone = |function: &str| {
        let found = summary(&format!(
            "[scenario]\nname = \"alone\"\n[simulation]\nhorizon = \"1m\"\n{function}\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"0.5/s\"\n"
        ));
        let execution = &found.total.execution_s;
        assert_eq!(execution.max.mean, execution.p50.mean, "all are equal");
        (execution.max.mean * 1e9).round() / 1e9
    };
    let function = "[[function]]\nname = \"f\"\nduration.constant.value = \"250ms\"\n";
    assert_eq!(alone(&format!("{function}cpu.limit = 0.5")), 0.45);
    assert_eq!(alone(&format!("{function}cpu = {{ limit = 0.5, period = \"20ms\" }}")), 0.49);
    assert_eq!(alone(&format!("{function}cpu = {{ limit = 0.5, threads = 2 }}")), 0.425);
    assert_eq!(alone(&format!("{function}cpu = {{ limit = 4, threads = 2 }}")), 0.125);
    // 125 core-ms take 2 periods and 25 ms, then it waits for 125 ms.
    assert_eq!(alone(&format!("{function}cpu = {{ limit = 0.5, cpu-bound-share = 0.5 }}")), 0.35);
    assert_eq!(alone(&format!("{function}cpu.request = 0.1")), 0.25, "what it takes of a node slows nobody down");
}

#[test]
fn requests_slow_each_other_down_as_by_hand() {
    // The first has 1 s alone; then both have a half until the second is through at 4 s; the first had 0.5 s left.
    assert_eq!(latencies(&at_times("cpu.cpu-bound-share = 1.0", "", &[(0.0, 3.0), (1.0, 1.5)])), [4.5, 3.0]);
    // They compute for half of it: the first from 0 s to 1 s and from 1 s to 2 s at half speed.
    assert_eq!(latencies(&at_times("cpu.cpu-bound-share = 0.5", "", &[(0.0, 3.0), (1.0, 1.0)])), [3.5, 1.5]);
}

#[test]
fn who_is_cut_off_leaves_the_processor_to_the_others() {
    // The first is cut off at 3.4 s; the second had 1.2 s by then, and has the last 0.3 s alone.
    let text = at_times("timeout = \"3400ms\"\ncpu.cpu-bound-share = 1.0", "", &[(0.0, 3.0), (1.0, 1.5)]);
    let found = summary(&text);
    assert_eq!(found.total.requests.timed_out.mean, 1.0);
    assert!((found.sources[1].1.latency_s.mean.mean - 2.7).abs() < 1e-8);
    // Who is through at the very moment is not cut off: it would have had its work by 4.5 s.
    let just = summary(&at_times("timeout = \"4500ms\"\ncpu.cpu-bound-share = 1.0", "", &[(0.0, 3.0), (1.0, 1.5)]));
    assert_eq!(just.total.requests.timed_out.mean, 0.0);
}

#[test]
fn a_slow_down_slows_what_computes_and_what_waits() {
    let fault = "[[fault]]\nname = \"slow\"\ntarget = \"f\"\nat = \"1s\"\nfor = \"2s\"\nslow-down.speed = \"50%\"\n";
    // By 1 s each has half a second of its 2 s; by 3 s another half; the last second takes two.
    let both = at_times("cpu.cpu-bound-share = 1.0", "", &[(0.0, 2.0), (0.0, 2.0)]) + fault;
    assert_eq!(latencies(&both), [5.0, 5.0]);
    // It computes for 0.5 s and waits for 3.5 s: 0.5 s of that by 1 s, 1 s by 3 s, 2 s after that.
    let waits = at_times("cpu.cpu-bound-share = 0.125", "", &[(0.0, 4.0)]) + fault;
    assert_eq!(latencies(&waits), [5.0]);
}

#[test]
fn steps_compute_and_wait() {
    let step = "concurrency.per-instance = 100\ncpu.cpu-bound-share = 1.0\n[[function.step]]\nrun.constant.value = \"1s\"\n\
                [[function.step]]\nwait.constant.value = \"1s\"\n[[function.step]]\nrun.constant.value = \"1s\"\n";
    let text = format!(
        "[scenario]\nname = \"steps\"\n[simulation]\nhorizon = \"1m\"\n[[function]]\nname = \"f\"\n{step}\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"0s\", \"0s\"]\n"
    );
    // Both compute until 2 s, wait until 3 s, and compute until 5 s.
    let found = summary(&text).total;
    assert_eq!(found.latency_s.max.mean, 5.0);
    assert_eq!(found.latency_s.mean.mean, 5.0);
}

/// Processor time that is charged for is the work, however long it took.
#[test]
fn what_is_charged_for_processor_time_is_the_work() {
    let billing = "[platform]\nbilling.cpu-second-usd = 1.0\n";
    let text = at_times("cpu.cpu-bound-share = 0.5", billing, &[(0.0, 3.0), (1.0, 1.0), (1.0, 4.0)]);
    assert!((summary(&text).total.cost_usd.total.mean - 4.0).abs() < 1e-9);
    // Of what is cut off, as far as it came: 3.4 s of one processor until then, and 0.3 s of the other after it.
    let text = at_times("timeout = \"3400ms\"\ncpu.cpu-bound-share = 1.0", billing, &[(0.0, 3.0), (1.0, 1.5)]);
    assert!((summary(&text).total.cost_usd.total.mean - 3.7).abs() < 1e-8);
}

#[test]
fn two_threads_write_the_same_bytes() {
    let text = one_instance(
        12.0,
        "duration.exponential.mean = \"100ms\"\ncpu = { limit = 1.5, cpu-bound-share = 0.9 }\ntimeout = \"1s\"",
    );
    let scenario = scenario(&text);
    let run = |threads| {
        let threads = NonZeroUsize::new(threads).expect("some");
        let found = experiment::run(&scenario, threads, &(), None).expect("it runs").result.summary;
        serde_json::to_string(&found).expect("JSON")
    };
    assert_eq!(run(1), run(2));
}
