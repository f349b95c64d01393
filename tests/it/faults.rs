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
        ("target = \"q\"\nslow-down.speed = 0.5\n", "`slow-down` does nothing to \"q\""),
        ("target = \"f\"\npoison.ratio = 0.5\n", "`poison` does nothing to \"f\""),
        ("target = \"pod\"\ncrash.rate = \"1/h\"\n", "are ordered by `hpa`"),
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
