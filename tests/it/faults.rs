//! What faults do, against closed forms and exact counts.

use forewarm::scenario::{ParseOptions, parse};
use serde_json::Value;

use crate::harness::{Memory, assert_close, summary};

fn json(text: &str) -> Value {
    serde_json::to_value(summary(text)).expect("JSON")
}

fn figure(summary: &Value, keys: &[&str]) -> f64 {
    let found = keys.iter().try_fold(summary, |value, key| value.get(key)).unwrap_or_else(|| panic!("no {keys:?}"));
    found["mean"].as_f64().unwrap_or_else(|| panic!("{keys:?} is {found}"))
}

fn run(horizon: &str, replications: u32, more: &str) -> String {
    format!("[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"{horizon}\"\nreplications = {replications}\n{more}")
}

/// A run of 10 s on an instance that crashes three times a minute survives with probability exp(-1/2).
#[test]
fn instances_crash_each_at_its_rate() {
    let summary = summary(&run(
        "2h",
        12,
        "[[function]]\nname = \"f\"\nduration.constant.value = \"10s\"\nkeep-alive.fixed.window = \"1m\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"1/s\"\n\
         [[fault]]\nname = \"unstable\"\ntarget = \"f\"\nat = \"0s\"\nfor = \"2h\"\ncrash.rate = \"3/m\"\n",
    ));
    assert_close("failures", summary.total.failure_ratio, 12, 1.0 - (-0.5f64).exp());
    let total = &summary.total;
    // What failed was cut off, and nothing else went wrong.
    assert_eq!(total.requests.rejected.mean + total.requests.timed_out.mean, 0.0);
}

/// While the fault lasts, a start of a second takes as many seconds as the factor says.
#[test]
fn starts_take_as_many_times_as_long() {
    for factor in [1.5, 2.0, 3.0] {
        let found = summary(&format!(
            "[scenario]\nname = \"slow\"\n[simulation]\nhorizon = \"1m\"\n[[function]]\nname = \"f\"\n\
             duration.constant.value = \"1s\"\ncold-start.constant.value = \"1s\"\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"10s\"]\n\
             [[fault]]\nname = \"slow\"\ntarget = \"f\"\nat = \"5s\"\nfor = \"10s\"\ncold-start = {{ factor = {factor} }}\n"
        ));
        assert_eq!(found.total.latency_s.max.mean, 1.0 + factor);
    }
}

/// Of 10 a second for a minute a bucket of 5 and 2 a second lets 125 through, wherever it is.
#[test]
fn a_throttling_storm_lets_through_what_a_token_bucket_does() {
    let summary = json(&run(
        "3m",
        1,
        "[[function]]\nname = \"f\"\nduration.constant.value = \"10ms\"\n\
         [[function]]\nname = \"g\"\nduration.constant.value = \"10ms\"\n\
         [[gateway]]\nname = \"api\"\ntarget = \"g\"\n[[dependency]]\nname = \"db\"\nlatency.constant.value = \"5ms\"\n\
         [[source]]\nname = \"a\"\nfunction = \"f\"\narrivals.constant.rate = \"10/s\"\n\
         [[source]]\nname = \"b\"\ntarget = \"api\"\narrivals.constant.rate = \"10/s\"\n\
         [[source]]\nname = \"c\"\ntarget = \"db\"\narrivals.constant.rate = \"10/s\"\n\
         [[fault]]\nname = \"1\"\ntarget = \"f\"\nat = \"1m\"\nfor = \"1m\"\nthrottle = { rate = \"2/s\", burst = 5 }\n\
         [[fault]]\nname = \"2\"\ntarget = \"api\"\nat = \"1m\"\nfor = \"1m\"\nthrottle = { rate = \"2/s\", burst = 5 }\n\
         [[fault]]\nname = \"3\"\ntarget = \"db\"\nat = \"1m\"\nfor = \"1m\"\nthrottle = { rate = \"2/s\", burst = 5 }\n",
    ));
    for source in ["a", "b", "c"] {
        let throttled = figure(&summary, &["sources", source, "requests", "failed_by", "throttled"]);
        assert!((throttled - 475.0).abs() <= 1.0, "{source}: {throttled}");
        assert_eq!(figure(&summary, &["sources", source, "requests", "failed"]), throttled);
    }
    assert_eq!(
        figure(&summary, &["functions", "f", "invocations", "throttled"]),
        figure(&summary, &["functions", "f", "requests", "rejected"])
    );
}

/// What is sent while the fault lasts is poison, and nothing else.
#[test]
fn poison_is_what_is_sent_meanwhile() {
    let summary = json(&run(
        "5m",
        1,
        "[[function]]\nname = \"f\"\nduration.constant.value = \"10ms\"\n\
         [[queue]]\nname = \"q\"\ntarget = \"f\"\nmax-receives = 1\ndead-letter = \"dead\"\nconsumer.batch-size = 1\n\
         [[queue]]\nname = \"dead\"\n\
         [[source]]\nname = \"s\"\ntarget = \"q\"\narrivals.constant.rate = \"10/s\"\n\
         [[fault]]\nname = \"bad-release\"\ntarget = \"q\"\nat = \"1m\"\nfor = \"1m\"\npoison.ratio = 1.0\n",
    ));
    let of = |key| figure(&summary, &["queues", "q", "messages", key]);
    assert!((of("dead_lettered") - 600.0).abs() <= 1.0, "{}", of("dead_lettered"));
    assert_eq!(of("sent"), of("completed") + of("dead_lettered") + of("expired") + of("remaining"));
}

/// Calls of 10 s that are given up after 1 s hold their connection for 1 s where they are cancelled, else for 10 s.
#[test]
fn a_dependency_stops_what_is_cancelled() {
    for (on_timeout, busy) in [("cancel", 0.5), ("abandon", 5.0)] {
        let summary = json(&run(
            "1h",
            1,
            &format!(
                "warm-up = \"1m\"\n[[function]]\nname = \"f\"\nduration.constant.value = \"1s\"\n\
                 [[dependency]]\nname = \"db\"\nlatency.constant.value = \"10s\"\nconcurrency = 20\n\
                 [[source]]\nname = \"s\"\ntarget = \"db\"\narrivals.constant.rate = \"0.5/s\"\n\
                 client = {{ timeout = \"1s\", on-timeout = \"{on_timeout}\" }}\n"
            ),
        ));
        let mean = figure(&summary, &["dependencies", "db", "concurrency", "mean"]);
        assert!((mean / busy - 1.0).abs() < 0.01, "{on_timeout}: {mean}");
        let calls = |key: &str| figure(&summary, &["dependencies", "db", "calls", key]);
        let ends = ["completed", "throttled", "timed_out", "failed", "unfinished"];
        assert_eq!(calls("arrived"), ends.map(calls).iter().sum::<f64>());
    }
}

#[test]
fn what_a_fault_cannot_do_is_said() {
    let base = "[[function]]\nname = \"f\"\nduration.constant.value = \"10ms\"\n\
                [[queue]]\nname = \"q\"\ntarget = \"f\"\n\
                [[function]]\nname = \"pod\"\nduration.constant.value = \"10ms\"\nscaling.hpa.max-replicas = 3\n\
                [[source]]\nname = \"s\"\ntarget = \"q\"\narrivals.constant.rate = \"1/s\"\n\
                [[fault]]\nname = \"x\"\nat = \"1m\"\nfor = \"1m\"\n";
    for (fault, part) in [
        ("target = \"q\"\nslow-down.speed = 0.5\n", "`slow-down` has no effect on \"q\""),
        ("target = \"f\"\npoison.ratio = 0.5\n", "`poison` has no effect on \"f\""),
        ("target = \"site.eu\"\noutage = true\n", "there is no site \"eu\""),
        ("target = \"link.wan\"\noutage = true\n", "there is no link \"wan\""),
        ("target = \"f\"\noutage = true\ncrash.rate = \"1/h\"\n", "cannot combine"),
    ] {
        let text = run("10m", 1, &format!("{base}{fault}"));
        let said =
            parse("test.toml", &text, &ParseOptions::default(), &Memory::default()).expect_err("wrong").to_string();
        assert!(said.contains(part), "`{part}` is not said:\n{said}");
    }
}

/// What the summary says of a fault whose effect is known exactly: an outage of a minute under 10 requests a second of 10 ms each.
#[test]
fn a_fault_says_what_it_cost() {
    let summary = json(&run(
        "10m",
        1,
        "[[function]]\nname = \"f\"\nduration.constant.value = \"10ms\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"10/s\"\n\
         [[fault]]\nname = \"out\"\ntarget = \"f\"\nat = \"2m\"\nfor = \"1m\"\noutage = true\n\
         [[fault]]\nname = \"late\"\ntarget = \"f\"\nat = \"9m\"\nfor = \"5m\"\nerrors.failure-ratio = 1.0\n",
    ));
    let of = |fault, key| figure(&summary, &["faults", fault, key]);
    let found = &summary["faults"]["out"];
    assert_eq!((&found["kind"], &found["target"]), (&"outage".into(), &"f".into()));
    assert_eq!((&found["at_s"], &found["lasts_s"]), (&120.0.into(), &60.0.into()));
    assert_eq!(
        ["times", "active_s", "recovered", "recovered_after_s"].map(|key| of("out", key)),
        [1.0, 60.0, 1.0, 0.0]
    );
    let lost = of("out", "lost");
    assert!((lost - 600.0).abs() <= 1.0, "{lost}");
    assert!((of("out", "lost_work_s") - 0.01 * lost).abs() < 1e-6);
    // The other one lasts beyond the horizon: nobody knows whether anything recovers.
    assert_eq!((of("late", "active_s"), of("late", "recovered")), (60.0, 0.0));
    assert!(summary["faults"]["late"]["recovered_after_s"]["mean"].is_null());
    let failed = figure(&summary, &["total", "requests", "failed"]);
    assert_eq!(lost + of("late", "lost"), failed, "every failure is that of a fault");
}

/// A minute at a tenth of the speed leaves 5 - 1 requests a second waiting; they drain at 10 - 5 a second.
#[test]
fn a_backlog_delays_recovery_until_it_is_worked_off() {
    let summary = json(&run(
        "20m",
        1,
        "[[function]]\nname = \"f\"\nduration.constant.value = \"100ms\"\n\
         concurrency = { max-instances = 1, overflow = \"queue\" }\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"5/s\"\n\
         [[fault]]\nname = \"slow\"\ntarget = \"f\"\nat = \"10m\"\nfor = \"1m\"\nslow-down.speed = 0.1\n",
    ));
    let of = |key| figure(&summary, &["faults", "slow", key]);
    assert_eq!((of("lost"), of("recovered")), (0.0, 1.0));
    // To the end of an interval of the time series, 5 s.
    let after = of("recovered_after_s");
    assert!((after - 240.0 / 5.0).abs() <= 5.0, "{after}");
}

/// A fault of a queue loses messages, not requests: their senders have their answers.
#[test]
fn messages_that_a_fault_loses_are_told() {
    let summary = json(&run(
        "5m",
        1,
        "[[function]]\nname = \"f\"\nduration.constant.value = \"10ms\"\n\
         [[queue]]\nname = \"q\"\ntarget = \"f\"\nmax-receives = 1\nvisibility-timeout = \"1s\"\nconsumer.batch-size = 1\n\
         dead-letter = \"dead\"\n[[queue]]\nname = \"dead\"\n\
         [[source]]\nname = \"s\"\ntarget = \"q\"\narrivals.constant.rate = \"10/s\"\n\
         [[fault]]\nname = \"bad-release\"\ntarget = \"q\"\nat = \"1m\"\nfor = \"1m\"\npoison.ratio = 1.0\n",
    ));
    let dead = figure(&summary, &["queues", "q", "messages", "dead_lettered"]);
    let lost = figure(&summary, &["faults", "bad-release", "lost_messages"]);
    // The last ones are dead letters a visibility timeout after it.
    assert!(dead >= lost && dead - lost <= 20.0 && lost > 500.0, "{lost} of {dead}");
    assert_eq!(figure(&summary, &["faults", "bad-release", "lost"]), 0.0);
}

/// Random faults of 10 s every 50 s on average are on a sixth of the time.
#[test]
fn random_faults_are_counted() {
    let summary = json(&run(
        "6h",
        10,
        "[[function]]\nname = \"f\"\nduration.constant.value = \"10ms\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"1/s\"\n\
         [[fault]]\nname = \"flaky\"\ntarget = \"f\"\nevery.exponential.mean = \"50s\"\nlasts.exponential.mean = \"10s\"\n\
         outage = true\n",
    ));
    let of = |key| figure(&summary, &["faults", "flaky", key]);
    let (expected, n) = (6.0 * 3_600.0 / 60.0, 10.0_f64);
    // Renewals: the variance of their number over a time is cv^2 times the mean.
    let deviation = (expected * (50.0f64.powi(2) + 10.0f64.powi(2)) / 60.0f64.powi(2) / n).sqrt();
    assert!((of("times") - expected).abs() < 4.0 * deviation, "{}", of("times"));
    let lost = of("lost");
    assert!((lost - of("active_s")).abs() < 0.05 * lost, "one a second: {lost}");
    assert_eq!(lost, figure(&summary, &["total", "requests", "failed"]));
}

/// A delay is added once on the way through each: of a queue, stream, topic, workflow and asynchronous invocation.
#[test]
fn a_delay_makes_messages_and_executions_later() {
    let base = "[[function]]\nname = \"f\"\nduration.constant.value = \"10ms\"\n";
    let fault = |target: &str| {
        format!(
            "[[fault]]\nname = \"x\"\ntarget = \"{target}\"\nat = \"0s\"\nfor = \"10m\"\ndelay.constant.value = \"3s\"\n"
        )
    };
    for (component, to, place, times) in [
        ("[[queue]]\nname = \"c\"\ntarget = \"f\"\nconsumer.batch-size = 1\n", "c", ["queues", "c", "age_s"], 1.0),
        (
            "[[topic]]\nname = \"c\"\ntargets = [\"q\"]\n[[queue]]\nname = \"q\"\ntarget = \"f\"\nconsumer.batch-size = 1\n",
            "c",
            ["topics", "c", "delivery_s"],
            1.0,
        ),
        (
            "[[workflow]]\nname = \"c\"\n[[workflow.state]]\nname = \"a\"\ntask = \"f\"\n[[workflow.state]]\nname = \"b\"\ntask = \"f\"\n",
            "c",
            ["workflows", "c", "latency_s"],
            2.0,
        ),
        (
            "[[stream]]\nname = \"c\"\ntarget = \"f\"\nshards = 1\nconsumer.batch-size = 1\nconsumer.parallelization = 10\n",
            "c",
            ["streams", "c", "iterator_age_s"],
            1.0,
        ),
    ] {
        let text = |with: &str| {
            run(
                "10m",
                1,
                &format!(
                    "{base}{component}[[source]]\nname = \"s\"\ntarget = \"{to}\"\narrivals.constant.rate = \"6/m\"\n{with}"
                ),
            )
        };
        let mean = |with: &str| figure(&json(&text(with)), &[place[0], place[1], place[2], "mean"]);
        let added = mean(&fault(to)) - mean("");
        assert!((added - 3.0 * times).abs() < 0.3, "{to} {place:?}: {added}");
    }
}

/// A pod that crashes is ordered again: the number of them stays what the policy wants, and each crashes at its rate.
#[test]
fn pods_crash_and_are_ordered_again() {
    let summary = summary(&run(
        "4h",
        6,
        "warm-up = \"10m\"\n[[function]]\nname = \"pod\"\nduration.constant.value = \"2s\"\ncold-start.constant.value = \"1s\"\n\
         scaling.hpa = { min-replicas = 4, max-replicas = 4 }\nconcurrency = { overflow = \"queue\", per-instance = 1 }\n\
         [[source]]\nname = \"s\"\nfunction = \"pod\"\narrivals.poisson.rate = \"0.5/s\"\n\
         [[fault]]\nname = \"unstable\"\ntarget = \"pod\"\nat = \"0s\"\nfor = \"4h\"\ncrash.rate = \"6/m\"\n",
    ));
    // A run of 2 s on an instance that crashes every 10 s survives with probability exp(-0.2).
    assert_close("failures", summary.total.failure_ratio, 6, 1.0 - (-0.2f64).exp());
    // Four are wanted; each is away for the second that the next one takes to start after 10 s on average.
    let instances = &summary.total.instances;
    assert!(
        (instances.starting_mean.mean / instances.mean.mean - 1.0 / 11.0).abs() < 0.01,
        "{}",
        instances.starting_mean.mean
    );
    assert!((instances.mean.mean - 4.0).abs() < 0.05, "{}", instances.mean.mean);
}

/// What is cancelled far away stops there: through a link, a tenant, a router and a gateway with a client of its own.
#[test]
fn cancelling_reaches_what_lies_behind() {
    for (on_timeout, busy) in [("cancel", 0.5), ("abandon", 5.0)] {
        for more in ["", "client.retry.max-attempts = 2\n"] {
            let summary = json(&run(
                "1h",
                1,
                &format!(
                    "warm-up = \"1m\"\n[[site]]\nname = \"eu\"\n[[site]]\nname = \"us\"\n\
                     [[link]]\nname = \"wan\"\nbetween = [\"eu\", \"us\"]\n[[tenant]]\nname = \"shop\"\n\
                     [[function]]\nname = \"f\"\nsite = \"us\"\nduration.constant.value = \"1s\"\n\
                     [[dependency]]\nname = \"db\"\nsite = \"us\"\nlatency.constant.value = \"10s\"\nconcurrency = 20\n\
                     [[router]]\nname = \"front\"\nsite = \"us\"\ntargets = [{{ target = \"db\", share = 1.0 }}]\n\
                     [[gateway]]\nname = \"api\"\nsite = \"us\"\ntarget = \"front\"\n{more}\
                     [[source]]\nname = \"s\"\nsite = \"eu\"\ntenant = \"shop\"\ntarget = \"api\"\n\
                     arrivals.constant.rate = \"0.5/s\"\nclient = {{ timeout = \"1s\", on-timeout = \"{on_timeout}\" }}\n"
                ),
            ));
            let mean = figure(&summary, &["dependencies", "db", "concurrency", "mean"]);
            assert!((mean / busy - 1.0).abs() < 0.02, "{on_timeout} {more}: {mean}");
            let gateway = |key: &str| figure(&summary, &["gateways", "api", "requests", key]);
            let ends = ["throttled", "too_large", "timed_out", "cached", "completed", "failed", "unfinished"];
            assert_eq!(gateway("arrived"), ends.map(gateway).iter().sum::<f64>());
            let link = |key: &str| figure(&summary, &["links", "wan", "calls", key]);
            let ends = ["answered", "lost", "failed", "unfinished"];
            assert_eq!(link("arrived"), ends.map(link).iter().sum::<f64>());
        }
    }
}

/// Instances that crash three times a minute for an hour do so no longer afterwards.
#[test]
fn crashes_end_with_the_fault() {
    let summary = summary(&run(
        "2h",
        12,
        "[[function]]\nname = \"f\"\nduration.constant.value = \"10s\"\nkeep-alive.fixed.window = \"1m\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"1/s\"\n\
         [[fault]]\nname = \"unstable\"\ntarget = \"f\"\nat = \"0s\"\nfor = \"1h\"\ncrash.rate = \"3/m\"\n",
    ));
    // Of those of the last 10 s of the hour, the part that falls into it counts: 5 s less, by and large.
    assert_close("failures", summary.total.failure_ratio, 12, (3_595.0 / 7_200.0) * (1.0 - (-0.5f64).exp()));
}

/// Four invocations of 10 s whose caller gives up after 1 s: cancelled, they keep an instance busy for as long, else to their end.
#[test]
fn a_function_stops_what_is_cancelled() {
    for (on_timeout, busy, failed) in [("cancel", 4.0, 4.0), ("abandon", 40.0, 0.0)] {
        let summary = summary(&run(
            "1000s",
            1,
            &format!(
                "[[function]]\nname = \"f\"\nduration.constant.value = \"10s\"\nkeep-alive.forever = {{}}\n\
                 [[gateway]]\nname = \"api\"\ntarget = \"f\"\n\
                 [[source]]\nname = \"s\"\ntarget = \"api\"\narrivals.times.at = [\"10s\", \"100s\", \"200s\", \"300s\"]\n\
                 client = {{ timeout = \"1s\", on-timeout = \"{on_timeout}\" }}\n"
            ),
        ));
        let (_, function) = &summary.functions[0];
        assert!((function.instances.busy_mean.mean * 1_000.0 - busy).abs() < 1e-9, "{on_timeout}");
        assert_eq!((function.requests.failed.mean, function.requests.completed.mean), (failed, 4.0 - failed));
        assert_eq!(summary.sources[0].1.requests.failed_by.timed_out.mean, 4.0);
    }
}

/// A deployment replaces what is there once, when it begins: the second request is cold for that, the third is not.
#[test]
fn a_deployment_happens_once() {
    let summary = summary(&run(
        "1000s",
        1,
        "[[function]]\nname = \"f\"\nduration.constant.value = \"1s\"\nkeep-alive.forever = {}\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"10s\", \"150s\", \"250s\"]\n\
         [[fault]]\nname = \"new\"\ntarget = \"f\"\nat = \"100s\"\nfor = \"100s\"\ndeploy = true\n",
    ));
    assert_eq!((summary.total.invocations.cold.mean, summary.total.instances.created.mean), (2.0, 2.0));
}

/// An outage from 60 s on, of which 40 s are within the run. Of four requests of a second the first is over before it begins, and the
/// last, at 99.5 s, fails after the end of the run. Of two messages, one is a dead letter before it begins and one while it is on.
#[test]
fn a_fault_that_is_still_on_at_the_end_was_on_until_then() {
    let summary = json(&run(
        "100s",
        1,
        "[[function]]\nname = \"f\"\nduration.constant.value = \"1s\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"10s\", \"70s\", \"80s\", \"99500ms\"]\n\
         [[function]]\nname = \"bad\"\nduration.constant.value = \"1s\"\nfailure-ratio = \"100%\"\n\
         [[queue]]\nname = \"q\"\ntarget = \"bad\"\nmax-receives = 1\nvisibility-timeout = \"5s\"\ndead-letter = \"dead\"\n\
         consumer.batch-size = 1\n[[queue]]\nname = \"dead\"\n\
         [[source]]\nname = \"m\"\ntarget = \"q\"\narrivals.times.at = [\"20s\", \"70s\"]\n\
         [[fault]]\nname = \"late\"\ntarget = \"f\"\nat = \"60s\"\nfor = \"5m\"\noutage = true\n",
    ));
    let of = |key| figure(&summary, &["faults", "late", key]);
    assert_eq!((of("times"), of("active_s")), (1.0, 40.0));
    assert_eq!((of("lost"), of("lost_messages")), (3.0, 1.0));
    // Each request for a second, and so the message.
    assert_eq!(of("lost_work_s"), 4.0);
    assert_eq!(of("recovered"), 0.0, "nobody knows");
}

/// Two pods, ready at 100 s, but one request at a time is allowed: the second one waits until the first fails with its pod at 133 s, and is
/// then served at once by the other pod, which is idle, before the policy decides anything at 135 s.
#[test]
fn a_crash_makes_room_for_who_waits() {
    let summary = json(&run(
        "10m",
        1,
        "[[site]]\nname = \"eu\"\nzones = 2\n\
         [[function]]\nname = \"pod\"\nduration.constant.value = \"1m\"\ncold-start.constant.value = \"100s\"\n\
         scaling.hpa = { min-replicas = 2, max-replicas = 2 }\n\
         concurrency = { overflow = \"queue\", per-instance = 1, reserved = 1 }\n\
         [[source]]\nname = \"s\"\nfunction = \"pod\"\narrivals.times.at = [\"110s\", \"120s\"]\n\
         [[fault]]\nname = \"lost\"\ntarget = \"zone.eu.2\"\nat = \"133s\"\nfor = \"1m\"\noutage = true\n",
    ));
    let of = |keys: &[&str]| figure(&summary, &[&["functions", "pod"], keys].concat());
    assert_eq!((of(&["requests", "failed"]), of(&["requests", "completed"])), (1.0, 1.0));
    assert_eq!(of(&["queueing_s", "max"]), 13.0);
    assert_eq!(figure(&summary, &["total", "latency_s", "max"]), 13.0 + 60.0);
}
