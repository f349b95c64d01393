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

/// A policy, with load and pods that make it go up, down and through all of its rules.
const SCALED: &str = "[scenario]\nname = \"scaled\"\n[simulation]\nhorizon = \"40m\"\nreplications = 1\n[[function]]\nname = \"web\"\n\
    duration.log-normal = { median = \"200ms\", p99 = \"2s\" }\ncold-start.constant.value = \"4s\"\nconcurrency.overflow = \"queue\"\n\
    SCALING\n[[source]]\nname = \"s\"\nfunction = \"web\"\narrivals.piecewise.points = [{ at = \"0s\", rate = \"5/s\" }, \
    { at = \"2m\", rate = \"100/s\" }, { at = \"5m\", rate = \"200/s\" }, { at = \"6m\", rate = \"0/s\" }, { at = \"15m\", rate = \"0/s\" }, \
    { at = \"16m\", rate = \"40/s\" }, { at = \"25m\", rate = \"1/s\" }]\n";

/// What a simulated autoscaler saw is recorded; on the recording it decides the same again, and another one does not.
#[test]
fn decisions_on_recorded_metrics_are_those_of_the_run() {
    // An HPA that is at its minimum, with nothing to do, is not asked.
    let hpa = "[function.scaling.hpa]\nmin-replicas = 2\nmax-replicas = 40";
    let cases = [
        ("[function.scaling.knative]\ntarget = 10\ncontainer-concurrency = 20", 500),
        (
            "[function.scaling.knative]\nmetric = \"rps\"\ntarget = 20\nscale-down-delay = \"1m\"\nmin-scale = 1\nmax-scale = 9",
            500,
        ),
        (
            "[function.scaling.knative]\ntarget = 3\ntarget-burst-capacity = -1\nmetric-aggregation-algorithm = \"weighted-exponential\"",
            500,
        ),
        (&format!("concurrency.per-instance = 4\n{hpa}\ntarget-cpu-utilization = 60\ntarget-concurrency = 3"), 140),
        (&format!("concurrency.per-instance = 4\n{hpa}\ntarget-requests-per-second = 7\ntarget-queue-length = 5"), 140),
        (
            &format!(
                "concurrency.per-instance = 2\n{hpa}\ntarget-cpu-utilization = 70\nbehavior.scale-down = {{ stabilization-window = \"1m\", \
                 policies = [{{ percent = 20, period = \"30s\" }}] }}"
            ),
            140,
        ),
        ("concurrency.per-instance = 4\n[function.scaling.keda]\nmax-replicas = 30\nqueue-length = 4", 150),
    ];
    for (scaling, least) in cases {
        let folder = Folder::new();
        let text = SCALED.replace("SCALING", scaling);
        folder.write("scaled.toml", &text);
        folder.run(&["run", "scaled.toml", "--decisions", "seen.csv", "--quiet"]).ends(0);
        let found = json(&folder, &["scaled.toml", "--measured", "seen.csv", "--decisions", "again.csv"]);
        let decisions = &found["decisions"];
        assert_eq!(decisions["equal"], decisions["compared"], "{scaling}: {decisions}");
        assert!(decisions["compared"].as_u64().expect("a number") > least, "{scaling}: {decisions}");
        assert_eq!(decisions["differences"], serde_json::json!([]));
        // The reasons are the same too.
        let reasons = |file: &str| -> std::collections::BTreeMap<String, String> {
            let text = folder.read(file);
            let mut rows = csv::Reader::from_reader(text.as_bytes());
            let columns: Vec<String> = rows.headers().expect("a header").iter().map(str::to_owned).collect();
            let of = |name: &str| columns.iter().position(|column| column == name).expect("a column");
            let (time, reason) = (of("time_s"), of("reason"));
            rows.records()
                .map(|row| row.expect("a row"))
                .map(|row| (row[time].to_owned(), row[reason].to_owned()))
                .collect()
        };
        let (seen, again) = (reasons("seen.csv"), reasons("again.csv"));
        let same = seen.iter().filter(|(time, reason)| again.get(*time) == Some(reason)).count();
        assert!(same * 100 >= seen.len() * 95, "{scaling}: {same} of {} reasons", seen.len());
    }
    let folder = Folder::new();
    folder.write("scaled.toml", &SCALED.replace("SCALING", "[function.scaling.knative]\ntarget = 10"));
    folder.run(&["run", "scaled.toml", "--decisions", "seen.csv", "--quiet"]).ends(0);
    folder.write("other.toml", &SCALED.replace("SCALING", "[function.scaling.knative]\ntarget = 5"));
    let found = json(&folder, &["other.toml", "--measured", "seen.csv"]);
    let ratio = found["decisions"]["equal_ratio"].as_f64().expect("a ratio");
    assert!((0.1..0.9).contains(&ratio), "{ratio}");
    let first = &found["decisions"]["differences"][0];
    assert!(
        first["decided"].as_u64() > first["recorded"].as_u64()
            && first["reason"].as_str().expect("text").contains("over target")
    );
    let text = folder.run(&["backtest", "other.toml", "--measured", "seen.csv"]).ends(0).out;
    assert!(text.contains("The largest differences") && text.contains("stable average"), "{text}");
}

/// Metrics as Prometheus has them: an HPA's status every 15 s, and the averages of Knative.
#[test]
fn decisions_on_metrics_of_prometheus() {
    let folder = Folder::new();
    let series = |name: &str, labels: &str, values: &[f64], step: usize| {
        let points: Vec<String> =
            values.iter().enumerate().map(|(n, value)| format!("[{},\"{value}\"]", 1_774_000_000 + n * step)).collect();
        format!("{{\"metric\":{{\"__name__\":\"{name}\"{labels}}},\"values\":[{}]}}", points.join(","))
    };
    let write = |name: &str, all: &[String]| {
        folder.write(name, &format!("{{\"data\":{{\"resultType\":\"matrix\",\"result\":[{}]}}}}", all.join(",")));
    };
    // 90 % of a target of 60 %: 1.5 times 4 pods. Then on target; the last value recorded is not what the HPA decides.
    let cpu = ",\"metric_name\":\"cpu\",\"metric_target_type\":\"utilization\"";
    write(
        "hpa.json",
        &[
            series("kube_horizontalpodautoscaler_status_target_metric", cpu, &[60.0, 90.0, 61.0, 60.0, 60.0], 15),
            series("kube_horizontalpodautoscaler_status_desired_replicas", "", &[4.0, 6.0, 6.0, 6.0, 9.0], 15),
            series("kube_horizontalpodautoscaler_status_current_replicas", "", &[4.0, 4.0, 6.0, 6.0, 6.0], 15),
            series("kube_horizontalpodautoscaler_spec_max_replicas", "", &[50.0; 5], 15),
        ],
    );
    folder.write(
        "hpa.toml",
        &SCALED.replace("SCALING", "[function.scaling.hpa]\nmax-replicas = 20\ntarget-cpu-utilization = 60"),
    );
    let found = json(&folder, &["hpa.toml", "--measured", "hpa.json"]);
    let decisions = &found["decisions"];
    assert_eq!((&decisions["compared"], &decisions["equal"]), (&4.into(), &3.into()), "{decisions}");
    let worst = &decisions["differences"][0];
    assert_eq!((&worst["recorded"], &worst["decided"], &worst["from_s"]), (&9.into(), &6.into(), &60.0.into()));
    // 25 requests over a target of 7 are 4 pods, and panic (2 ready pods).
    write(
        "knative.json",
        &[
            series("autoscaler_stable_request_concurrency", "", &[10.0, 25.0, 25.0], 2),
            series("autoscaler_panic_request_concurrency", "", &[10.0, 28.0, 14.0], 2),
            series("autoscaler_target_concurrency_per_pod", "", &[7.0; 3], 2),
            series("autoscaler_actual_pods", "", &[2.0, 2.0, 2.0], 2),
            series("autoscaler_desired_pods", "", &[2.0, 4.0, 4.0], 2),
        ],
    );
    folder.write("knative.toml", &SCALED.replace("SCALING", "[function.scaling.knative]\ntarget = 10"));
    let found = json(&folder, &["knative.toml", "--measured", "knative.json"]);
    let decisions = &found["decisions"];
    assert_eq!((&decisions["compared"], &decisions["equal"]), (&3.into(), &3.into()), "{decisions}");
    // A table with the load alone: 30 requests in progress are 5 pods within a minute.
    let rows: String = (0..60).map(|n| format!("{},30,{}\n", n * 2, if n < 2 { 1 } else { 5 })).collect();
    folder.write("load.csv", &format!("time_s,concurrency,pods\n{rows}"));
    let found = json(&folder, &["knative.toml", "--measured", "load.csv"]);
    let decisions = &found["decisions"];
    assert_eq!(decisions["compared_with"], "pods");
    assert!(decisions["equal_ratio"].as_f64().expect("a ratio") > 0.9, "{decisions}");
    // Pods alone are not enough.
    write("pods.json", &[series("autoscaler_actual_pods", "", &[2.0, 2.0], 2)]);
    let answer = folder.run(&["backtest", "knative.toml", "--measured", "pods.json"]).ends(2);
    assert!(answer.err.contains("`stable_concurrency` and `panic_concurrency`, or `concurrency`"), "{}", answer.err);
}

#[test]
fn measured_cost_is_compared_and_the_report_has_charts() {
    let folder = made();
    let priced = MADE.replace(
        "[[function]]",
        "[platform]\npreset = \"aws-lambda\"\n[[function]]\nmemory = \"1024MB\"\ntimeout = \"1m\"",
    );
    folder.write("priced.toml", &priced);
    let found = json(&folder, &["priced.toml", "--measured", "log.csv", "--cost", "0.07"]);
    let row = of(&found, "all of the time", "cost_usd.total");
    // 1,200 requests of 3 s and 1 GB at $0.0000166667.
    let simulated = row["simulated"]["mean"].as_f64().expect("a number");
    assert!(row["measured"] == 0.07 && (simulated - 0.06).abs() < 0.008, "{row}");
    folder.run(&["backtest", "priced.toml", "--measured", "log.csv", "--report", "page.html", "--quiet"]).ends(0);
    folder.run(&["backtest", "priced.toml", "--measured", "log.csv", "--report", "page.md", "--quiet"]).ends(0);
    let page = folder.read("page.html");
    assert!(page.contains("<svg") && page.contains("requests in progress") && page.contains("cold_start_ratio"));
    assert!(folder.read("page.md").contains("| cold_start_ratio |"));
    // Billed durations of a log have a price as well: 100 ms of 1 GB, 100 times.
    let log: String = (0..100)
        .map(|n| {
            format!(
                "2026-03-20T07:{:02}:{:02}.000Z REPORT RequestId: 00000000-0000-0000-0000-{n:012} Duration: 99.50 ms Billed Duration: 100 ms \
                 Memory Size: 1024 MB Max Memory Used: 80 MB\n",
                n / 60,
                n % 60
            )
        })
        .collect();
    folder.write("lambda.log", &log);
    let found = json(&folder, &["priced.toml", "--measured", "lambda.log"]);
    let measured = of(&found, "all of the time", "cost_usd.compute")["measured"].as_f64().expect("a number");
    assert!((measured - 10.0 * 0.000_016_666_7).abs() < 1e-9, "{measured}");
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
