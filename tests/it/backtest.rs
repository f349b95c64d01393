//! Measured requests replayed: what the simulation itself has measured is found again; what it has not is not.

use crate::harness::{Folder, shared};

const MADE: &str = "[scenario]\nname = \"made\"\n[simulation]\nhorizon = \"60h\"\nseed = 5\n[[function]]\nname = \"shop\"\n\
    duration = { gamma = { mean = \"3s\", shape = 2.0 } }\ncold-start = { log-normal = { median = \"1s\", sigma = 0.3 } }\n\
    keep-alive.fixed.window = \"10m\"\n[[source]]\nname = \"web\"\nfunction = \"shop\"\narrivals.poisson.rate = \"20/h\"\n\
    [[variant]]\nname = \"busy\"\nset = { \"source.web.arrivals.poisson.rate\" = \"9/s\" }\n\
    [[objective]]\nsource = \"web\"\nshare = \"99%\"\nwithin = \"1m\"\n";

/// A folder with the scenario, another with a window that is too short, and a log of the first.
fn made() -> Folder {
    let folder = Folder::new();
    folder.write("made.toml", MADE);
    folder.write("short.toml", &MADE.replace("\"10m\"", "\"2m\"").replace("\"made\"", "\"short\""));
    folder.run(&["run", "made.toml", "--requests", "log.csv", "--quiet"]).ends(0);
    folder
}

fn json(folder: &Folder, arguments: &[&str]) -> serde_json::Value {
    let answer = folder.run(&[&["backtest"], arguments, &["--format", "json"]].concat()).ends(0);
    serde_json::from_str(&answer.out).expect("JSON")
}

fn of<'a>(found: &'a serde_json::Value, part: &str, metric: &str) -> &'a serde_json::Value {
    let parts = found["parts"].as_array().expect("parts");
    let part = parts.iter().find(|one| one["part"] == part).unwrap_or_else(|| panic!("{part}: {found}"));
    &part["metrics"][metric]
}

#[test]
fn what_the_simulation_measured_is_within_its_spread() {
    let folder = made();
    let right = json(&folder, &["made.toml", "--measured", "log.csv", "--seed", "77"]);
    for metric in ["cold_start_ratio", "execution_s.mean", "execution_s.p50", "execution_s.p95", "concurrency.mean"] {
        let row = of(&right, "all of the time", metric);
        // One metric in twenty may be outside; so far outside is none.
        let error = row["error"].as_f64().expect("an error");
        assert!(error.abs() < 0.1, "{metric}: {row}");
    }
    assert_eq!(of(&right, "all of the time", "execution_s.p50")["within"], true);
    let wrong = json(&folder, &["short.toml", "--measured", "log.csv"]);
    let row = of(&wrong, "all of the time", "cold_start_ratio");
    assert!(row["within"] == false && row["error"].as_f64().expect("an error") > 1.0, "{row}");
}

#[test]
fn calibration_finds_the_window_again_and_is_judged_on_what_it_did_not_see() {
    let folder = made();
    let knob = "function.shop.keep-alive.fixed.window=60s..3600s";
    let found = json(&folder, &["short.toml", "--measured", "log.csv", "--calibrate", knob]);
    let window: f64 = found["fitted"]["function.shop.keep-alive.fixed.window"]
        .as_str()
        .expect("a value")
        .trim_end_matches('s')
        .parse()
        .expect("seconds");
    assert!((420.0..840.0).contains(&window), "{window}");
    let error = |part| of(&found, part, "cold_start_ratio")["error"].as_f64().expect("an error").abs();
    assert!(error("held-out last 30 %, fitted") < 0.5 * error("held-out last 30 %, as it is"), "{found}");
    let four = ["--calibrate", knob].repeat(4);
    let refused = folder.run(&[&["backtest", "short.toml", "--measured", "log.csv"][..], &four[..]].concat()).ends(2);
    assert!(refused.err.contains("at most three parameters"), "{}", refused.err);
}

#[test]
fn two_settings_meet_the_same_requests() {
    let folder = made();
    let answer = folder.run(&["backtest", "made.toml", "--measured", "log.csv", "--against", "short.toml"]).ends(0);
    let line = answer.out.lines().find(|line| line.trim_start().starts_with("cold_start_ratio")).expect("a line");
    assert!(line.ends_with("worse") && answer.out.contains("counterfactual"), "{}", answer.out);
}

#[test]
fn what_cannot_be_replayed_is_refused() {
    let folder = made();
    folder.write("locust.csv", "Type,Name,Request Count,50%,99%\n,Aggregated,10,100,200\n");
    folder.write(
        "two.toml",
        &MADE.replace(
            "[[source]]",
            "[[function]]\nname = \"cart\"\nduration = { constant = { value = \"1s\" } }\n[[source]]",
        ),
    );
    folder.write("rows.csv", "time_s,function,duration_s\n1,shop,2\n2,basket,2\n");
    for (scenario, measured, expected) in [
        ("made.toml", "locust.csv", "time"),
        ("two.toml", "rows.csv", "\"basket\""),
        ("made.toml", "made.toml", "not in a supported format"),
    ] {
        let answer = folder.run(&["backtest", scenario, "--measured", measured]).ends(2);
        assert!(answer.err.contains(expected), "{}", answer.err);
    }
}

#[test]
fn metrics_of_intervals_are_replayed_too() {
    let folder = made();
    let points = (0..60)
        .map(|minute| format!("[{},\"{}\"]", 1_774_000_000 + 60 * minute, if minute % 2 == 0 { 3 } else { 1 }))
        .collect::<Vec<_>>();
    let pods = (0..60).map(|minute| format!("[{},\"{}\"]", 1_774_000_000 + 60 * minute, 1)).collect::<Vec<_>>();
    folder.write(
        "prometheus.json",
        &format!(
            "{{\"data\":{{\"resultType\":\"matrix\",\"result\":[{{\"metric\":{{}},\"values\":[{}]}},{{\"metric\":{{\"__name__\":\"actual_pods\"}},\"values\":[{}]}}]}}}}",
            points.join(","),
            pods.join(",")
        ),
    );
    let found = json(&folder, &["made.toml", "--measured", "prometheus.json"]);
    assert_eq!(found["requests"], 60 * 120);
    assert_eq!(of(&found, "all of the time", "instances.mean")["measured"], 1.0);
}

#[test]
fn aws_in_2020_is_near() {
    let Some(path) = shared("data/aws-lambda-experiments-2020/res-01-2020-05-26_01-31-35.csv") else { return };
    let folder = Folder::new();
    let path = path.display().to_string();
    folder.run(&["fit", &path, "--out", "fitted.toml", "--quiet"]).ends(0);
    let found = json(&folder, &["fitted.toml", "--measured", &path]);
    for (metric, allowed) in
        [("execution_s.mean", 0.01), ("execution_s.p99", 0.03), ("concurrency.mean", 0.01), ("cold_start_ratio", 0.35)]
    {
        let error = of(&found, "all of the time", metric)["error"].as_f64().expect("an error");
        assert!(error.abs() < allowed, "{metric}: {error}");
    }
}
