//! Initial state, precision, batches and rare events, by hand and by their rules.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use forewarm::engine::SimError;
use forewarm::experiment::{self, Progress, Run};
use forewarm::measure::evidence::EndedBy;
use forewarm::report::json;

use crate::harness::{scenario, summary};

/// One function under what is given.
fn text(simulation: &str, function: &str, arrivals: &str) -> String {
    format!(
        "[scenario]\nname = \"x\"\n[simulation]\n{simulation}\n[[function]]\nname = \"f\"\n{function}\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.{arrivals}\n"
    )
}

fn run(text: &str, threads: usize) -> Run {
    let threads = NonZeroUsize::new(threads).expect("some");
    experiment::run(&scenario(text), threads, &(), None).expect("it runs")
}

/// Busy until 10 s, idle until 3 s and until 5 s. At 4 s the second idle instance is taken, at 4.5 s none is left.
#[test]
fn an_initial_state_by_hand() {
    let function = "duration.constant.value = \"10s\"\nkeep-alive.fixed.window = \"1m\"\n\
                    initial = { busy = 1, idle-expire-in = [\"3s\", \"5s\"] }";
    for selection in ["most-recently-used", "least-recently-used", "newest", "oldest", "random", "round-robin"] {
        let function = format!("{function}\nselection = \"{selection}\"");
        let total = summary(&text("horizon = \"100s\"", &function, "times.at = [\"4s\", \"4500ms\"]")).total;
        assert_eq!((total.requests.arrived.mean, total.requests.completed.mean), (2.0, 2.0), "{selection}");
        assert_eq!((total.invocations.cold.mean, total.instances.created.mean), (1.0, 1.0), "{selection}");
        assert_eq!((total.concurrency.peak.mean, total.instances.peak.mean), (3.0, 3.0), "{selection}");
        assert_eq!(total.instances.busy_mean.mean, 0.3, "{selection}");
        assert_eq!(total.instances.idle_mean.mean, 1.87, "{selection}");
        assert_eq!(total.instances.lifespan_mean_s.mean, (3.0 + 70.0 + 74.0 + 70.0) / 4.0, "{selection}");
        assert_eq!(total.latency_s.mean.mean, 10.0, "{selection}: what was in progress is not counted");
    }
}

#[test]
fn what_is_busy_at_the_start_has_its_place_in_the_limits() {
    for (limit, rejected) in [("reserved = 1", 1.0), ("reserved = 2", 0.0), ("max-instances = 1", 1.0)] {
        let function = format!(
            "duration.constant.value = \"10s\"\ninitial.busy = 1\nconcurrency.{limit}\nconcurrency.overflow = \"reject\""
        );
        let total = summary(&text("horizon = \"100s\"", &function, "times.at = [\"5s\", \"11s\"]")).total;
        assert_eq!(total.requests.rejected.mean, rejected, "{limit}");
        assert_eq!(total.requests.completed.mean, 2.0 - rejected, "{limit}");
    }
    // Old instances go when they are free: the busy one at 10 s, the idle one at 2 s.
    let function =
        "duration.constant.value = \"10s\"\nmax-lifetime = \"1m\"\ninitial = { busy = 1, idle = 1, age = \"58s\" }";
    let total = summary(&text("horizon = \"100s\"", function, "times.at = [\"20s\"]")).total;
    assert_eq!((total.invocations.cold.mean, total.instances.idle_mean.mean), (1.0, (2.0 + 50.0) / 100.0));
}

/// Several functions together, on one and on many threads, with memory that is short and queues that start full.
#[test]
fn an_initial_state_of_many() {
    let functions: String = (0..5)
        .map(|i| {
            format!(
                "[[function]]\nname = \"f{i}\"\nduration.exponential.mean = \"3s\"\ncold-start.constant.value = \"1s\"\n\
                 concurrency.overflow = \"queue\"\nconcurrency.per-instance = {}\ninitial = {{ busy = {i}, idle = 2 }}\n\
                 [[source]]\nname = \"s{i}\"\nfunction = \"f{i}\"\narrivals.poisson.rate = \"1/s\"\n",
                1 + i % 2
            )
        })
        .collect();
    let head = "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"5m\"\nreplications = 3\n[platform]\n";
    for platform in
        ["", "memory.budget = \"3GB\"\n", "concurrency.account-limit = 10\nconcurrency.min-unreserved = 0\n"]
    {
        let text = format!("{head}{platform}{functions}");
        let found = run(&text, 1).result.summary;
        assert_eq!(json::summary(&found), json::summary(&run(&text, 4).result.summary), "{platform}");
        assert!(found.total.concurrency.peak.mean >= 10.0 && found.total.instances.peak.mean >= 20.0, "{platform}");
        assert_eq!(found.total.requests.completed.mean, found.total.requests.arrived.mean, "{platform}");
    }
}

const POISSON: &str = "poisson.rate = \"1/s\"";
const FUNCTION: &str = "duration.exponential.mean = \"1s\"\nkeep-alive.fixed.window = \"5s\"";

#[test]
fn precision_is_reached_or_given_up_and_threads_change_nothing() {
    let precise = |metrics: &str, most: u32| {
        let simulation =
            format!("horizon = \"5m\"\nprecision = {{ metrics = {{ {metrics} }}, max-replications = {most} }}");
        text(&simulation, FUNCTION, POISSON)
    };
    let easy = precise("\"latency_s.mean\" = \"5%\", cold_start_ratio = 0.02", 300);
    let found = run(&easy, 1).result.summary;
    let precision = found.evidence.precision.clone().expect("it was asked for");
    assert_eq!(precision.ended_by, EndedBy::Precision);
    assert!(precision.metrics.iter().all(|metric| metric.met), "{precision:?}");
    let latency = found.total.latency_s.mean;
    assert_eq!(precision.metrics[0].half_width, latency.half_width);
    assert!(latency.half_width.expect("an interval") <= 0.05 * latency.mean);
    assert!(precision.looks.contains(&found.replications) && found.replications > 10);
    assert_eq!(json::summary(&found), json::summary(&run(&easy, 5).result.summary));

    let hard = run(&precise("\"latency_s.p99\" = \"0.1%\"", 20), 2).result.summary;
    let precision = hard.evidence.precision.expect("it was asked for");
    assert_eq!((hard.replications, precision.ended_by), (20, EndedBy::MaxReplications));
    assert!(!precision.metrics[0].met);

    // What is never there does not keep it going: nothing goes with "forever".
    let never = precise("\"instances.lifespan_mean_s\" = \"5%\"", 50).replace("\"5s\"", "\"forever\"");
    assert_eq!(run(&never, 2).result.summary.replications, 15, "two looks");
}

#[test]
fn what_was_never_seen_is_not_known_exactly() {
    let function = "duration.constant.value = \"1s\"\nkeep-alive.fixed.window = \"forever\"";
    let text = text("horizon = \"1000s\"\nwarm-up = \"10s\"\nreplications = 2", function, "constant.rate = \"1/s\"");
    let found = summary(&text);
    let [rare] = &found.evidence.rare[..] else { panic!("{:?}", found.evidence.rare) };
    assert_eq!((rare.metric.as_str(), rare.seen, rare.of), ("cold_start_ratio", 0, 2 * 990), "nothing can be rejected");
    assert!((rare.high - (1.0 - 0.05_f64.powf(1.0 / 1980.0))).abs() < 1e-12 && rare.low == 0.0);
    // Where a policy creates the instances no request does: what is rare then is to wait for one.
    let kept =
        text.replace("keep-alive.fixed.window = \"forever\"", "scaling.hpa = { min-replicas = 5, max-replicas = 6 }");
    let metrics: Vec<String> = summary(&kept).evidence.rare.into_iter().map(|rare| rare.metric).collect();
    assert_eq!(metrics, ["cold_affected_ratio", "rejection_ratio"]);
    // An absolute precision is judged by that bound, not by the width zero of an interval of zeros.
    let ask = |size: &str| {
        let precision = format!("precision = {{ metrics = {{ cold_start_ratio = {size} }}, max-replications = 30 }}");
        run(&text.replace("replications = 2", &precision), 2).result.summary
    };
    assert_eq!(ask("0.001").replications, 15);
    let relative = ask("\"5%\"").evidence.precision.expect("it was asked for");
    assert!(!relative.metrics[0].met, "of nothing seen no part is known");
    // Without an interval there is no confidence.
    let one = text.replace("replications = 2", "replications = 1");
    let one = run(&format!("{one}[[objective]]\nmetric = \"latency_s.p99\"\nbelow = \"2s\"\n"), 1).result.summary;
    assert!(one.objectives[0].met && !one.objectives[0].is_met_with_confidence());
}

#[test]
fn ratios_are_those_of_the_sums() {
    let text = text("horizon = \"10m\"\nreplications = 4", FUNCTION, POISSON);
    let found = summary(&text).total;
    assert!((found.cold_start_ratio.mean - found.invocations.cold.mean / found.invocations.started.mean).abs() < 1e-12);
}

#[test]
fn batches_are_parts_of_the_run() {
    let simulation = "horizon = \"1030s\"\nwarm-up = \"30s\"\nintervals = \"batch-means\"\nbatches = 20";
    let batched = summary(&text(simulation, FUNCTION, POISSON));
    let plain = summary(&text("horizon = \"1030s\"\nwarm-up = \"30s\"", FUNCTION, POISSON));
    let means = |summary: &forewarm::measure::summary::Summary| {
        let mut all = Vec::new();
        summary.total.visit(|metric, stat| all.push((metric.key.as_str(), stat.mean.to_bits())));
        all
    };
    assert_eq!(means(&batched), means(&plain), "only the intervals are new");
    assert_eq!(batched.evidence.batch_means.as_ref().map(|found| (found.count, found.length_s)), Some((20, 50.0)));
    let total = &batched.total;
    assert_eq!(batched.functions[0].1, *total, "a function by itself is the total");
    for stat in [total.latency_s.p99, total.requests.arrived, total.cold_start_ratio, total.instances.mean] {
        assert!(stat.half_width.is_some_and(|half| half > 0.0), "{stat:?}");
    }
    for stat in [total.latency_s.max, total.instances.peak, total.cost_usd.total, total.instances.lifespan_mean_s] {
        assert_eq!(stat.half_width, None);
    }
    // Poisson counts: half of the interval is about 2.09 sqrt(1000); the variance of 20 batches is off by 32 %.
    let arrived = total.requests.arrived.half_width.expect("an interval");
    assert!((0.5..1.6).contains(&(arrived / (2.09 * 1_000.0_f64.sqrt()))), "{arrived}");
}

/// Whole replications are kept when somebody breaks it off.
#[test]
fn what_is_interrupted_keeps_whole_replications() {
    struct After(AtomicU64);
    impl Progress for After {
        fn advance(&self, share: f64, _: u64) -> ControlFlow<()> {
            let done = self.0.fetch_add((share * 1e6) as u64, Ordering::Relaxed);
            if done > 500_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    let scenario = scenario(&text("horizon = \"10m\"\nreplications = 20", FUNCTION, POISSON));
    let stopped = |done| experiment::run(&scenario, NonZeroUsize::MIN, &After(AtomicU64::new(done)), None);
    let kept = stopped(0).expect("half of it is whole");
    assert!(
        !kept.is_whole && (8..13).contains(&kept.result.summary.replications),
        "{}",
        kept.result.summary.replications
    );
    assert!(matches!(stopped(600_000), Err(SimError::Cancelled)), "nothing is whole");
}

/// Measured from 5.5 s on, in the middle of an interval of the time series: an instance that starts until 8 s, a request that waits for
/// the only instance until 18 s, and is served until 28 s.
#[test]
fn a_warm_up_may_end_within_an_interval() {
    let function = "duration.constant.value = \"10s\"\ncold-start.constant.value = \"8s\"\nkeep-alive.forever = {}\n\
                    concurrency = { max-instances = 1, overflow = \"queue\" }";
    let total =
        summary(&text("horizon = \"105500ms\"\nwarm-up = \"5500ms\"", function, "times.at = [\"0s\", \"0s\"]")).total;
    let near = |what: &str, found: f64, expected: f64| {
        assert!((found - expected / 100.0).abs() < 1e-12, "{what}: {found}");
    };
    near("starting", total.instances.starting_mean.mean, 2.5);
    near("busy", total.instances.busy_mean.mean, 20.0);
    near("idle", total.instances.idle_mean.mean, 105.5 - 28.0);
    near("queue", total.queue.mean.mean, 12.5);
    near("concurrency", total.concurrency.mean.mean, 22.5);
}

/// Measured is what arrives from the end of the warm-up on, to the nanosecond, wherever it ends.
#[test]
fn what_arrives_as_the_warm_up_ends_is_measured() {
    for function in ["", "concurrency.per-instance = 2\n", "scaling.cloud-run = {}\nmemory = \"1GB\"\n"] {
        let function = format!("{function}duration.constant.value = \"1s\"");
        let arrivals = "times.at = [\"9999999999ns\", \"10s\", \"19999999999ns\", \"20s\"]";
        let total = summary(&text("horizon = \"20s\"\nwarm-up = \"10s\"", &function, arrivals)).total;
        assert_eq!((total.requests.arrived.mean, total.requests.completed.mean), (2.0, 2.0), "{function}");
    }
}

/// Ten batches of 10 s after a warm-up of 10 s. Requests of the warm-up are in none of them, those at the end of the last in that one.
#[test]
fn requests_are_in_the_batch_in_which_they_arrive() {
    let half_width = |simulation: &str, arrivals: &str| {
        let simulation = format!("intervals = \"batch-means\"\nbatches = 10\n{simulation}");
        let function = "duration.constant.value = \"1s\"\nconcurrency = { max-instances = 1, overflow = \"reject\" }";
        let total = summary(&text(&simulation, function, arrivals)).total;
        [total.requests.arrived, total.invocations.throttled].map(|stat| (stat.mean, stat.half_width.expect("batches")))
    };
    let warm_up = "horizon = \"110s\"\nwarm-up = \"10s\"";
    // Two in the first batch, of which one is rejected, and none elsewhere: the mean of ten is 0.2, the standard deviation
    // 2 / sqrt(10). Half an interval of the sum of ten is t(9) sqrt(10) times that, t(9) = 2.262.
    let [arrived, throttled] = half_width(warm_up, "times.at = [\"5s\", \"6s\", \"7s\", \"10s\", \"10500ms\"]");
    let t = 2.262_157_162_798_205;
    let near = |found: (f64, f64), mean: f64, half: f64| {
        assert!((found.0 - mean).abs() < 1e-12 && (found.1 - half).abs() < 1e-6, "{found:?}, not {mean} and {half}");
    };
    near(arrived, 2.0, 2.0 * t);
    near(throttled, 1.0, t);
    // A period of 100 s and 9 ns leaves 9 ns beyond ten batches: the last takes them.
    let [arrived, _] = half_width("horizon = \"100000000009ns\"", "times.at = [\"99s\", \"100000000005ns\"]");
    near(arrived, 2.0, 2.0 * t);
}

/// Ten cold starts are enough for an interval, nine are few. That nothing is rejected is worth a word where it could be.
#[test]
fn fewer_than_ten_are_rare() {
    let rare = |pairs: u32, limit: &str| {
        let at: Vec<String> =
            (0..pairs).flat_map(|n| [100 * n + 1, 100 * n + 3]).map(|at| format!("\"{at}s\"")).collect();
        let function = format!("duration.constant.value = \"1s\"\nkeep-alive.fixed.window = \"10s\"\n{limit}");
        let found = summary(&text("horizon = \"1000s\"", &function, &format!("times.at = [{}]", at.join(", "))));
        found.evidence.rare.into_iter().map(|one| (one.metric, one.seen, one.of)).collect::<Vec<_>>()
    };
    let expected = |metric: &str, seen, of| (metric.to_owned(), seen, of);
    assert_eq!(rare(10, ""), []);
    assert_eq!(rare(9, ""), [expected("cold_start_ratio", 9, 18)]);
    assert_eq!(rare(10, "concurrency.max-instances = 5"), [expected("rejection_ratio", 0, 20)]);
}

/// Where nothing is rejected that is worth a word only if something could be: by a limit of the function or of the account, unless all
/// may wait.
#[test]
fn what_cannot_be_rejected_is_not_rare() {
    let is_rare = |platform: &str, keys: &str| {
        let function =
            format!("memory = \"1000MB\"\nduration.constant.value = \"1s\"\nkeep-alive.forever = {{}}\n{keys}");
        let text = text("horizon = \"100s\"", &function, "times.at = [\"1s\", \"10s\"]") + platform;
        summary(&text).evidence.rare.iter().any(|rare| rare.metric == "rejection_ratio")
    };
    assert!(!is_rare("", ""), "without a limit");
    let limits = [
        ("[platform]\nconcurrency.account-limit = 10\n", ""),
        ("[platform]\nscaling = { burst = 10, rate = \"10/s\" }\n", ""),
        ("[platform]\nmemory.budget = \"5000MB\"\n", ""),
        ("", "max-instances = 10"),
        ("", "reserved = 10"),
    ];
    for (platform, limit) in limits {
        let with = |overflow: &str| {
            let keys = [limit, overflow].into_iter().filter(|key| !key.is_empty()).collect::<Vec<_>>().join(", ");
            is_rare(platform, &format!("concurrency = {{ {keys} }}"))
        };
        assert!(with(""), "{platform} {limit}");
        assert!(!with("overflow = \"queue\""), "{platform} {limit}: all may wait");
        assert!(with("overflow = \"queue\", queue-limit = 5"), "{platform} {limit}: some may wait");
    }
}

/// Of 999 requests in each of two replications, ten are beyond the 99th percentile.
#[test]
fn quantiles_that_few_requests_decide_are_named() {
    let function = "duration.constant.value = \"1s\"";
    let objective = "[[objective]]\nmetric = \"latency_s.p99\"\nbelow = \"2s\"\n";
    let found =
        summary(&(text("horizon = \"1000s\"\nreplications = 2", function, "constant.rate = \"1/s\"") + objective));
    let [few] = &found.evidence.few[..] else { panic!("{:?}", found.evidence.few) };
    assert!((few.beyond - 9.99).abs() < 1e-9, "{few:?}");
}
