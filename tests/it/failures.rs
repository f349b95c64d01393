//! Requests without a successful answer count: in objectives, in plans and in what users wait for.

use forewarm::measure::summary::{ObjectiveResult, Summary};
use forewarm::metric::Stability;

use crate::harness::{Folder, assert_close, summary};

/// Requests that take up to a second, of which a timeout of 900 ms cuts off a tenth: the slowest.
fn cut_off(objectives: &str) -> Summary {
    summary(&format!(
        "[scenario]\nname = \"cut\"\n[simulation]\nhorizon = \"10m\"\nreplications = 5\n\
         [[function]]\nname = \"f\"\nduration.uniform = {{ min = \"0s\", max = \"1s\" }}\ntimeout = \"900ms\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"50/s\"\n{objectives}"
    ))
}

fn objective(keys: &str) -> String {
    format!("[[objective]]\n{}\n", keys.replace("; ", "\n"))
}

fn found(summary: &Summary, place: usize) -> &ObjectiveResult {
    &summary.objectives[place]
}

#[test]
fn quantiles_are_those_of_all_requests() {
    let objectives =
        ["p50", "p90", "p95"].map(|of| objective(&format!("metric = \"latency_s.{of}\"; below = \"10s\"")));
    let summary = cut_off(&objectives.concat());
    assert_close("failures", summary.total.failure_ratio, 5, 0.1);
    // Half of all requests take no longer than half a second; of those that succeed it is half of 900 ms.
    assert_close("p50 of all", found(&summary, 0).value, 5, 0.5);
    assert_close("p50 of completed", summary.total.latency_s.p50, 5, 0.45);
    assert!(found(&summary, 0).met && found(&summary, 0).failure_ratio.is_none());
    // A tenth is infinitely late, so that the 95th percentile is too.
    let never = found(&summary, 2);
    assert!(never.value.mean == f64::INFINITY && !never.met, "{never:?}");
    assert_eq!(never.failure_ratio, Some(summary.total.failure_ratio.mean));
    let json = serde_json::to_value(never).expect("JSON");
    assert!(json["value"].is_null() && json["met"] == false, "{json}");
    let back: ObjectiveResult = serde_json::from_value(json).expect("read back");
    assert_eq!(&back, never);
    // What cuts off is a limit like others.
    let limit = summary.limits.first().expect("a limit");
    assert_eq!((limit.limit.as_str(), limit.value), ("timeout", Some(0.9)));
    assert_close("cut off", limit.throttled, 5, 0.1 * summary.total.requests.arrived.mean);
}

#[test]
fn a_share_within_a_time_is_of_all_requests() {
    let objectives = [
        "share = \"39%\"; within = \"400ms\"; function = \"f\"",
        "share = \"41%\"; within = \"400ms\"",
        "share = \"90.5%\"; within = \"1h\"; source = \"s\"",
    ]
    .map(objective);
    let summary = cut_off(&objectives.concat());
    assert_close("within 400 ms", found(&summary, 0).value, 5, 0.4);
    assert_eq!(found(&summary, 0).value.mean, found(&summary, 1).value.mean);
    assert_eq!([0, 1, 2].map(|place| found(&summary, place).met), [true, false, false]);
    assert_close("ever", found(&summary, 2).value, 5, 0.9);
    let json = serde_json::to_value(found(&summary, 0)).expect("JSON");
    assert_eq!(
        (&json["share"], &json["within"], &json["function"]),
        (&0.39.into(), &0.4.into(), &"f".into()),
        "{json}"
    );
    assert!(json.get("metric").is_none() && json["value"]["mean"].is_number(), "{json}");
}

/// Exactly at the bound is within it: histograms would not know.
#[test]
fn within_means_up_to_and_including() {
    let one = |within: &str| {
        summary(&format!(
            "[scenario]\nname = \"exact\"\n[simulation]\nhorizon = \"1m\"\n[[function]]\nname = \"f\"\n\
             duration.constant.value = \"800ms\"\n[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"1/s\"\n\
             [[objective]]\nshare = \"100%\"\nwithin = \"{within}\"\n"
        ))
    };
    let [at, below] =
        ["800ms", "799999us"].map(|within| (one(within).objectives[0].value.mean, one(within).objectives[0].met));
    assert_eq!((at, below), ((1.0, true), (0.0, false)));
}

/// The times of those that succeed say little where others did not.
#[test]
fn other_statistics_need_few_failures() {
    let objectives = [
        "metric = \"latency_s.mean\"; below = \"10s\"",
        "metric = \"execution_s.p99\"; below = \"10s\"",
        "metric = \"cold_start_ratio\"; below = \"50%\"",
    ]
    .map(objective);
    let summary = cut_off(&objectives.concat());
    assert_eq!([0, 1, 2].map(|place| found(&summary, place).met), [false, false, true]);
    assert!(found(&summary, 0).value.mean < 1.0 && found(&summary, 0).failure_ratio.is_some());
    let good = objectives.concat();
    let text = format!(
        "[scenario]\nname = \"good\"\n[simulation]\nhorizon = \"10m\"\nreplications = 3\n[[function]]\nname = \"f\"\n\
         duration.uniform = {{ min = \"0s\", max = \"1s\" }}\n[[source]]\nname = \"s\"\nfunction = \"f\"\n\
         arrivals.poisson.rate = \"50/s\"\n{good}"
    );
    assert!(self::summary(&text).objectives.iter().all(|one| one.met));
}

/// One instance that takes 2 s to start, and requests of 1 s that come while it does. By hand: A comes at 0 s and runs from
/// 2 s on; B comes at 1 s, when the instance is not ready for another second, and runs from 3 s on; C comes at 2.5 s, when it
/// is ready, and runs from 4 s on.
#[test]
fn the_wait_for_an_instance_that_was_not_ready_is_cold_start() {
    let text = "[scenario]\nname = \"start\"\n[simulation]\nhorizon = \"1m\"\n[[function]]\nname = \"f\"\n\
                duration.constant.value = \"1s\"\ncold-start.constant.value = \"2s\"\n\
                concurrency = { max-instances = 1, overflow = \"queue\" }\n[[source]]\nname = \"s\"\nfunction = \"f\"\n\
                arrivals.times.at = [\"0s\", \"1s\", \"2500ms\"]\n";
    let total = summary(text).total;
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 2e-3, "{found} instead of {expected}");
    near(total.wait_s.mean.mean, (2.0 + 2.0 + 1.5) / 3.0);
    near(total.cold_start_s.mean.mean, (2.0 + 1.0 + 0.0) / 3.0);
    near(total.queueing_s.mean.mean, (0.0 + 1.0 + 1.5) / 3.0);
    assert_eq!((total.invocations.cold.mean, total.invocations.cold_affected.mean), (1.0, 2.0));
    near(total.cold_affected_ratio.mean, 2.0 / 3.0);
}

/// A plan does not recommend what most requests fail on, and what it recommends survives a run of its own.
#[test]
fn a_plan_recommends_what_serves() {
    let text = "[scenario]\nname = \"pdf\"\n[simulation]\nhorizon = \"1h\"\n[platform]\npreset = \"aws-lambda\"\n\
                [[function]]\nname = \"f\"\nmemory = \"512MB\"\ntimeout = \"2500ms\"\n\
                duration.log-normal = { median = \"2s\", p99 = \"5s\" }\n\
                [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"5/s\"\n\
                [[objective]]\nmetric = \"latency_s.p99\"\nbelow = \"2600ms\"\n\
                [plan]\n\"function.f.memory\" = { values = [\"256MB\", \"512MB\", \"1024MB\", \"3008MB\"], cpu-bound-share = 0.9 }\n";
    let folder = Folder::with("pdf.toml", text);
    let answer = folder.run(&["plan", "pdf.toml", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{}", answer.err));
    let implied = &plan["objectives"][1];
    assert_eq!((&implied["metric"], &implied["implied"]), (&"failure_ratio".into(), &true.into()), "{implied}");
    let best = plan["best"].as_u64().unwrap_or_else(|| panic!("{answer:?}"));
    let candidates = plan["candidates"].as_array().expect("candidates");
    let of = |number: u64| candidates.iter().find(|one| one["number"] == number).expect("it was looked at");
    // At 256 MB 85 % are cut off, at 512 MB 29 %, at 1024 MB about 3 %.
    assert_eq!(of(best)["values"][0], "3008MB");
    for number in [0, 1] {
        if let Some(one) = candidates.iter().find(|one| one["number"] == number) {
            assert_eq!(one["verdict"], "missed", "{one}");
        }
    }
    let failures = of(best)["objectives"][1]["value"]["mean"].as_f64().expect("a number");
    assert!(failures < 0.001, "{failures}");
}

/// What is said on the terminal.
#[test]
fn nobody_overlooks_failures() {
    let folder = Folder::new();
    let answer = folder.run(&["run", "quick.toml", "--set", "function.f.timeout=99ms", "--enforce=p99<800ms"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(
        answer.out.contains("never (100 % failed)") && answer.out.contains("100 % of requests failed"),
        "{answer:?}"
    );
    assert!(answer.out.contains("timeout 99 ms of f"), "{answer:?}");
}

/// Pings beside users, by hand: the user at 0 s is cold, its instance is idle from 4 s on and goes after 600 s. The ping at 500 s
/// takes it for 25 ms and keeps it until 1,100.025 s, so that the user at 1,000 s is not cold.
#[test]
fn sources_of_a_function_are_told_apart() {
    let folder = Folder::with(
        "pings.toml",
        "[scenario]\nname = \"pings\"\n[simulation]\nhorizon = \"30m\"\n[[function]]\nname = \"api\"\n\
         duration.constant.value = \"3s\"\ncold-start.constant.value = \"1s\"\nkeep-alive.fixed.window = \"10m\"\n\
         [[source]]\nname = \"users\"\nfunction = \"api\"\narrivals.times.at = [\"0s\", \"1000s\"]\n\
         [[objective]]\nmetric = \"cold_start_ratio\"\nsource = \"users\"\nbelow = \"60%\"\n\
         [[objective]]\nshare = \"50%\"\nwithin = \"3s\"\nsource = \"users\"\n\
         [[variant]]\nname = \"pings\"\n[[variant.source]]\nname = \"pings\"\nfunction = \"api\"\n\
         duration.constant.value = \"25ms\"\narrivals.times.at = [\"500s\"]\n",
    );
    // Without pings both users are cold.
    folder.run(&["run", "pings.toml", "--out", "alone", "-q"]).ends(1);
    folder.run(&["run", "pings.toml", "--variant", "pings", "--out", "pinged", "-q"]).ends(0);
    let [alone, pinged] = ["alone", "pinged"].map(|name| folder.json(&format!("{name}/summary.json")));
    let mean =
        |of: &serde_json::Value, path: &str| of.pointer(path).and_then(|stat| stat["mean"].as_f64()).expect("a mean");
    assert_eq!(mean(&alone, "/sources/users/cold_start_ratio"), 1.0);
    assert_eq!(mean(&pinged, "/sources/users/cold_start_ratio"), 0.5);
    assert_eq!(mean(&pinged, "/sources/pings/cold_start_ratio"), 0.0);
    assert_eq!(mean(&pinged, "/sources/pings/requests/succeeded"), 1.0);
    assert!((mean(&pinged, "/sources/pings/latency_s/max") - 0.025).abs() < 1e-9);
    assert!((mean(&pinged, "/sources/users/latency_s/mean") - 3.5).abs() < 1e-9);
    assert_eq!(mean(&pinged, "/objectives/1/value"), 0.5);
}

/// One function gets more than it can serve from 20 min on, the other is busy and keeps up.
/// Far more is refused than served. That is about the source, because a call that is refused may be made again.
#[test]
fn what_is_refused_and_tried_again_overloads_the_source() {
    let summary = summary(
        "[scenario]\nname = \"again\"\n[simulation]\nhorizon = \"1h\"\n[[function]]\nname = \"f\"\n\
         duration.constant.value = \"10s\"\nconcurrency.reserved = 1\n\
         [[source]]\nname = \"s\"\ntarget = \"f\"\narrivals.constant.rate = \"1/s\"\n\
         [source.client.retry]\nmax-attempts = 2\non = [\"throttled\"]\n",
    );
    assert_eq!(summary.stability.functions[0].1.verdict, Stability::Stable);
    assert_eq!(summary.stability.run.verdict, Stability::Overloaded);
}

#[test]
fn what_cannot_be_served_is_overloaded_since_it_tipped() {
    let text = "[scenario]\nname = \"tip\"\n[simulation]\nhorizon = \"1h\"\n\
                [[function]]\nname = \"slow\"\nduration.exponential.mean = \"1s\"\n\
                concurrency = { max-instances = 10, overflow = \"queue\" }\n\
                [[function]]\nname = \"ok\"\nduration.exponential.mean = \"1s\"\n\
                concurrency = { max-instances = 20, overflow = \"queue\" }\n\
                [[source]]\nname = \"a\"\nfunction = \"slow\"\narrivals.piecewise.points = [{ at = \"0s\", rate = \"8/s\" }, \
                { at = \"20m\", rate = \"8/s\" }, { at = \"20m1s\", rate = \"14/s\" }, { at = \"1h\", rate = \"14/s\" }]\n\
                [[source]]\nname = \"b\"\nfunction = \"ok\"\narrivals.poisson.rate = \"18/s\"\n\
                [[objective]]\nstability = \"stable\"\nfunction = \"ok\"\n[[objective]]\nstability = \"backlogged\"\n";
    let summary = summary(text);
    let of = |name: &str| summary.stability.functions.iter().find(|(known, _)| known == name).expect("it").1;
    assert_eq!(of("ok").verdict, Stability::Stable);
    assert_eq!((of("slow").verdict, summary.stability.run.verdict), (Stability::Overloaded, Stability::Overloaded));
    let since = of("slow").since_s.expect("a time");
    assert!((since - 1200.0).abs() <= 60.0, "{since}");
    assert_eq!([found(&summary, 0).met, found(&summary, 1).met], [true, false]);
}
