//! Whole runs under the rules of AWS Lambda, with numbers that follow from what those say.

use std::ops::ControlFlow;

use forewarm::engine::{Cell, Finished, Limit, Observer, Outcome, simulate};
use forewarm::id::{InstanceId, LocalFn};
use forewarm::measure::summary::Summary;
use forewarm::rng::Streams;
use forewarm::time::{SimTime, Span};

use crate::harness::{scenario, summary};

/// What happened to each request, in the order in which they ended, and to instances.
#[derive(Default)]
struct Log {
    ended: Vec<Finished>,
    throttled: Vec<Limit>,
    /// What is charged of each start.
    starts: Vec<Span>,
    removed: usize,
}

impl Observer for &mut Log {
    fn finished(&mut self, request: &Finished) {
        self.ended.push(*request);
    }

    fn throttled(&mut self, _: SimTime, _: LocalFn, by: Limit) {
        self.throttled.push(by);
    }

    fn instance_created(&mut self, _: SimTime, _: LocalFn, _: InstanceId, _: SimTime, billed: Span, _: bool) {
        self.starts.push(billed);
    }

    fn instance_removed(&mut self, now: SimTime, _: LocalFn, _: InstanceId, _: SimTime) {
        self.removed += usize::from(now < SimTime::from(Span::from_secs(1_800)));
    }
}

impl Log {
    fn of(text: &str) -> Self {
        let (scenario, mut log) = (scenario(text), Self::default());
        let mut pulse = |_, _| ControlFlow::Continue(());
        simulate(&scenario, &Cell::whole(&scenario), &Streams::new(1, 0), &mut log, &mut pulse).expect("it runs");
        log
    }

    fn count(&self, is_counted: impl Fn(&Finished) -> bool) -> usize {
        self.ended.iter().filter(|request| is_counted(request)).count()
    }

    fn rejected(&self) -> usize {
        self.count(|request| request.outcome == Outcome::Rejected)
    }

    fn on_provisioned(&self) -> usize {
        self.count(|request| request.provisioned)
    }

    /// From arrival to end, s, of those with this outcome.
    fn latencies(&self, outcome: Outcome) -> Vec<f64> {
        let ended = self.ended.iter().filter(|request| request.outcome == outcome);
        ended.map(|request| request.ended.since(request.born).as_secs_f64()).collect()
    }
}

/// A scenario on AWS Lambda: keys of the platform, functions with a source each.
fn lambda(horizon: &str, platform: &str, functions: &[(&str, &str)]) -> String {
    let functions = functions.iter().enumerate().map(|(place, (function, arrivals))| {
        format!(
            "[[function]]\nname = \"f{place}\"\nmemory = \"1GB\"\n{function}\n[[source]]\nname = \"s{place}\"\n\
             function = \"f{place}\"\narrivals.{arrivals}\n"
        )
    });
    format!(
        "[scenario]\nname = \"lambda\"\n[simulation]\nhorizon = \"{horizon}\"\n[platform]\npreset = \"aws-lambda\"\n{platform}\n{}",
        functions.collect::<String>()
    )
}

fn limits(summary: &Summary) -> Vec<(&str, Option<f64>)> {
    summary.limits.iter().map(|hit| (hit.limit.as_str(), hit.value)).collect()
}

/// How many of more than enough requests start from the first, at `from_s`, to the last: a second's worth at once, for so
/// much is there, and then so many each second.
fn startable(per_second: f64, from_s: f64, until_s: f64) -> usize {
    (per_second * (1.0 + until_s - from_s) + 1e-6).floor() as usize
}

#[test]
fn an_account_starts_ten_times_its_concurrency_each_second() {
    // 20,000/s of 20 ms: 400 in progress. The 119,999 requests come until 5.99995 s.
    let twice = lambda(
        "6s",
        "",
        &[("cold-start = \"none\"\nduration.constant.value = \"20ms\"", "constant.rate = \"20000/s\"")],
    );
    let log = Log::of(&twice);
    assert_eq!(log.rejected(), 119_999 - startable(10_000.0, 0.000_05, 5.999_95));
    assert!(log.throttled.iter().all(|limit| *limit == Limit::RequestRate));
    assert_eq!(limits(&summary(&twice)), [("request-rate", Some(10_000.0))]);
    // A smaller account has a smaller quota.
    let half = Log::of(&twice.replace("[[function]]", "concurrency.account-limit = 500\n[[function]]"));
    assert_eq!(half.rejected(), 119_999 - startable(5_000.0, 0.000_05, 5.999_95));
    let none = twice.replace("[[function]]", "concurrency.request-rate-per-concurrency = \"none\"\n[[function]]");
    assert_eq!(Log::of(&none).rejected(), 0);
}

#[test]
fn functions_of_an_account_share_its_quota_less_what_is_reserved() {
    let function = "cold-start = \"none\"\nduration.constant.value = \"10ms\"";
    let reserved = format!("{function}\nconcurrency.reserved = 400");
    let log = Log::of(&lambda(
        "3s",
        "",
        &[
            (function, "constant.rate = \"5000/s\""),
            (function, "constant.rate = \"5000/s\""),
            (&reserved, "constant.rate = \"3000/s\""),
        ],
    ));
    // 29,998 until 2.9998 s on 600 that are not reserved; the third has more than enough with 4,000 each second.
    assert_eq!(log.rejected(), 29_998 - startable(6_000.0, 0.0002, 2.9998));
    assert!(log.ended.iter().all(|request| request.outcome == Outcome::Completed || request.function.index() != 2));
}

#[test]
fn reserved_concurrency_starts_ten_times_as_many_each_second() {
    // 200/s of 20 ms on ten: 4 in progress, 100 a second may start; 11,999 requests until 59.995 s.
    let function = "cold-start = \"none\"\nduration.constant.value = \"20ms\"\nconcurrency.reserved = 10";
    let text = lambda("1m", "", &[(function, "constant.rate = \"200/s\"")]);
    assert_eq!(Log::of(&text).rejected(), 11_999 - startable(100.0, 0.005, 59.995));
    assert_eq!(limits(&summary(&text)), [("request-rate", Some(100.0))]);
    // Those that may wait start later: 100 from 5 ms on, then one each 10 ms, so the last of 1,999 after 18.995 s.
    let queue =
        lambda("10s", "", &[(&format!("{function}\nconcurrency.overflow = \"queue\""), "constant.rate = \"200/s\"")]);
    let log = Log::of(&queue);
    let last = log.ended.iter().map(|request| request.started).max().expect("some");
    assert_eq!((log.rejected(), log.ended.len()), (0, 1_999));
    assert!((last.as_secs_f64() - 18.995).abs() < 1e-6, "{last}");
}

#[test]
fn beyond_ten_times_what_is_provisioned_requests_go_on_demand() {
    // 8,999 requests until 5.999333 s, of which 100 provisioned instances take 1,000 each second.
    let function = "duration.constant.value = \"5ms\"\nconcurrency.provisioned = 100";
    let text = lambda("6s", "", &[(function, "constant.rate = \"1500/s\"")]);
    let log = Log::of(&text);
    assert_eq!((log.rejected(), log.ended.len()), (0, 8_999));
    assert_eq!(log.on_provisioned(), startable(1_000.0, 0.000_667, 5.999_333));
    assert!(log.count(|request| request.cold) > 0, "on demand there are cold starts");
    assert!(summary(&text).total.cost_usd.compute.mean > 0.0);
    // With all of it reserved what is left over has only the rest of the reserve: 1,200 each second in all.
    let reserved =
        lambda("6s", "", &[(&format!("{function}\nconcurrency.reserved = 120"), "constant.rate = \"1500/s\"")]);
    let log = Log::of(&reserved);
    assert_eq!(log.rejected(), 8_999 - startable(1_200.0, 0.000_667, 5.999_333));
    assert_eq!(log.on_provisioned(), startable(1_000.0, 0.000_667, 5.999_333));
}

#[test]
fn what_is_provisioned_later_takes_requests_from_then_on() {
    // Ten until 10 s, and then thirty that are ready at once: 100 each second at first, 300 from then on.
    let function = "cold-start = \"none\"\nduration.constant.value = \"1ms\"\nconcurrency.provisioned = 10\n\
        scaling.scheduled = { instances = 10, actions = [{ at = \"10s\", instances = 30 }] }";
    let text = lambda("20s", "", &[(function, "constant.rate = \"1000/s\"")]);
    let found = Log::of(&text).on_provisioned();
    let expected = startable(100.0, 0.001, 10.0) + 3_000;
    assert!(found.abs_diff(expected) <= 3, "{found}, not {expected}");
}

#[test]
fn many_functions_keep_the_quota_together() {
    // Forty times 600/s of 10 ms: 240 in progress, and 24,000 a second; 1,199 requests each until 1.99833 s.
    let one = ("cold-start = \"none\"\nduration.constant.value = \"10ms\"", "constant.rate = \"600/s\"");
    let total = summary(&lambda("2s", "", &[one; 40])).total;
    let started = startable(10_000.0, 1.0 / 600.0, 1_199.0 / 600.0);
    assert_eq!(total.requests.rejected.mean, (40 * 1_199 - started) as f64);
}

/// A function that needs `init` to initialize, called at 1 and 20 minutes and half a minute later.
fn heavy(timeout: &str, init: &str) -> String {
    let function =
        format!("timeout = \"{timeout}\"\ncold-start.phases.init.{init}\nduration.constant.value = \"100ms\"");
    lambda("30m", "", &[(&function, "times.at = [\"1m\", \"90s\", \"20m\"]")])
}

#[test]
fn initialization_is_cut_off_after_ten_seconds_and_begins_anew_within_the_request() {
    let text = heavy("30s", "constant.value = \"12s\"");
    let log = Log::of(&text);
    assert_eq!(log.latencies(Outcome::Completed), [22.1, 0.1, 22.1]);
    // Two cold ones of 22.1 s are charged, and one of 100 ms, with 1 GB each.
    let cost = summary(&text.replace("[[function]]", "[platform.billing]\nfree-gb-seconds = 0\n[[function]]"));
    assert!((cost.total.cost_usd.compute.mean - 44.3 * 1.66667e-5).abs() < 1e-9);
    // Up to the limit nothing changes.
    assert_eq!(Log::of(&heavy("30s", "constant.value = \"10s\"")).latencies(Outcome::Completed), [10.1, 0.1, 10.1]);
    // Time enough to initialize, but not for the request: it is cut off, and its instance is warm.
    let log = Log::of(&heavy("12050ms", "constant.value = \"12s\""));
    assert_eq!((log.latencies(Outcome::TimedOut), log.latencies(Outcome::Completed)), (vec![22.05; 2], vec![0.1]));
}

#[test]
fn an_instance_that_cannot_initialize_in_time_never_becomes_warm() {
    let text = heavy("3s", "constant.value = \"12s\"");
    let log = Log::of(&text);
    assert_eq!(log.latencies(Outcome::TimedOut), [13.0; 3]);
    assert_eq!((log.starts, log.removed), (vec![Span::from_secs(10); 3], 3));
    let cost = summary(&text.replace("[[function]]", "[platform.billing]\nfree-gb-seconds = 0\n[[function]]"));
    assert!((cost.total.cost_usd.compute.mean - 39.0 * 1.66667e-5).abs() < 1e-9);
    assert_eq!(cost.total.instances.idle_mean.mean, 0.0);
    // Provisioned instances may take their time.
    let provisioned = text.replace("timeout", "concurrency.provisioned = 1\ntimeout");
    assert_eq!(Log::of(&provisioned).latencies(Outcome::Completed), [0.1; 3]);
}

#[test]
fn the_tail_of_initialization_is_cut_off_draw_by_draw() {
    let function = "timeout = \"15m\"\ncold-start.phases = { environment.constant.value = \"1s\", \
        init.log-normal = { median = \"6s\", p99 = \"20s\" } }\nkeep-alive.fixed.window = \"0s\"\nduration.constant.value = \"100ms\"";
    let text = lambda("30m", "", &[(function, "constant.rate = \"1/s\"")]);
    // The same draws without the limit tell how long each initialization is.
    let free = Log::of(
        &text
            .replace("[[function]]", "[platform.concurrency]\n[[function]]")
            .replace("\"aws-lambda\"\n", "\"aws-lambda\"\ninit-timeout = \"none\"\n"),
    );
    let by_number = |log: &Log| {
        let mut ended: Vec<_> =
            log.ended.iter().map(|request| (request.number, request.ended.since(request.born).as_secs_f64())).collect();
        ended.sort_by_key(|(number, _)| *number);
        ended
    };
    let mut cut = 0;
    for ((number, without), (_, with)) in by_number(&free).into_iter().zip(by_number(&Log::of(&text))) {
        let init = without - 1.1;
        let expected = if init > 10.0 { without + 10.0 } else { without };
        assert!((with - expected).abs() < 1e-6, "request {number}: {with}, not {expected}");
        cut += usize::from(init > 10.0);
    }
    // P(init > 10 s) = 1 - Phi(ln(10 / 6) / (ln(20 / 6) / 2.326)) = 0.162.
    assert!((250..340).contains(&cut), "{cut} of 1,799");
}

#[test]
fn new_accounts_have_a_limit_of_ten_or_fifty() {
    let function = ("cold-start = \"none\"\nduration.constant.value = \"1s\"", "constant.rate = \"15/s\"");
    for (limit, rejected) in [(10, 295..=305), (50, 0..=0), (99, 0..=0)] {
        let log = Log::of(&lambda("1m", &format!("concurrency.account-limit = {limit}"), &[function]));
        // Ten of fifteen a second find room.
        assert!(rejected.contains(&log.rejected()), "{limit}: {}", log.rejected());
        assert!(log.throttled.iter().all(|limit| *limit == Limit::Account));
    }
}

/// A start of 25 s is cut off by its limit of 10 s and begins again under the timeout of 3 s, which is over first: the instance is
/// lost, and its place in the account is free again. Of 13 requests in 13 s ten have a place, for 13 s each.
#[test]
fn what_times_out_while_it_starts_leaves_the_account() {
    for window in ["", "keep-alive.fixed.window = \"10m\"\n"] {
        let requests = summary(&format!(
            "[scenario]\nname = \"slow\"\n[simulation]\nhorizon = \"1301s\"\n[platform]\npreset = \"aws-lambda\"\n\
             concurrency.account-limit = 10\n[[function]]\nname = \"f\"\nmemory = \"1GB\"\ntimeout = \"3s\"\n{window}\
             duration.constant.value = \"1s\"\ncold-start.constant.value = \"25s\"\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"1/s\"\n"
        ))
        .total
        .requests;
        assert_eq!((requests.timed_out.mean, requests.rejected.mean), (1_000.0, 300.0), "{window}");
    }
}

/// Ten provisioned instances start 100 requests a second, and from 10 s on, one instance ten a second. Of 50 a second, the rest goes
/// to instances on demand.
#[test]
fn the_rate_of_provisioned_instances_follows_their_number() {
    let function = "cold-start = \"none\"\nduration.constant.value = \"10ms\"\n\
                    scaling.scheduled = { instances = 10, actions = [{ at = \"10s\", instances = 1 }] }";
    let log = Log::of(&lambda("110s", "", &[(function, "constant.rate = \"50/s\"")]));
    // 499 before 10 s, and then one second's worth and ten a second for 100 s.
    let expected = 499 + startable(10.0, 10.0, 109.98);
    assert!(log.on_provisioned().abs_diff(expected) <= 1, "{} instead of {expected}", log.on_provisioned());
    assert_eq!(log.rejected(), 0);
}
