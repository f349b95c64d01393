//! One small world computed by hand: what happens in it is listed below, and every number of `summary.json` and every column of
//! `timeline.csv` follows from the list.
//!
//! At most two instances, which take 1 s to start, serve one request at a time and stay idle for 10 s; one request may wait;
//! all that arrives from 10 s to 100 s counts.
//!
//! | request | arrives | runs | on | so |
//! |---|---|---|---|---|
//! | a | 5 | 6 to 8 | 1, cold | before the measured part |
//! | b | 9 | 9 to 11 | 1 | born before it, and so not counted, though it ends in it |
//! | c | 21 | 21 to 23 | 1 | at the very end of the idle window, which still serves it |
//! | d | 22 | 23 to 25 | 2, cold | waits for its own instance, although 1 is free at 23 too |
//! | e | 22.5 | 23 to 25 | 1 | queued for 0.5 s: both instances are there, and throttled |
//! | f | 22.75 | | | rejected: the queue is full; throttled |
//! | i | 60 | 61 to 65 | 4, cold | needs 5 s and is cut off after 4 |
//! | g | 40 | 41 to 43 | 3, cold | |
//! | h | 98 | 99 to 101 | 5, cold | ends after the horizon, and is counted |

use std::collections::BTreeSet;

use forewarm::report::{csv, json as written};
use serde_json::{Value, json};

use crate::harness::result;

const WORLD: &str = r#"
    [scenario]
    name = "small-world"
    [simulation]
    horizon = "100s"
    warm-up = "10s"
    replications = 1
    [platform.billing]
    per-request-usd = 0.001
    gb-second-usd-x86 = [{ usd = 0.01 }]
    init-billed = false
    [[function]]
    name = "f"
    memory = "1GB"
    timeout = "4s"
    duration.constant.value = "2s"
    cold-start.constant.value = "1s"
    keep-alive.fixed.window = "10s"
    concurrency = { max-instances = 2, overflow = "queue", queue-limit = 1 }
    [[source]]
    name = "short"
    function = "f"
    arrivals.times.at = ["5s", "9s", "21s", "22s", "22500ms", "22750ms", "40s", "98s"]
    [[source]]
    name = "long"
    function = "f"
    duration.constant.value = "5s"
    arrivals.times.at = ["60s"]
    [[objective]]
    share = "30%"
    within = "2600ms"
    [[objective]]
    metric = "latency_s.p50"
    below = 3.1
"#;

/// The times of instances 1 to 5 at each stage; the last one stays idle to 111 s.
const STARTING: &[(f64, f64)] = &[(5.0, 6.0), (22.0, 23.0), (40.0, 41.0), (60.0, 61.0), (98.0, 99.0)];
const BUSY: &[(f64, f64)] =
    &[(6.0, 8.0), (9.0, 11.0), (21.0, 25.0), (23.0, 25.0), (41.0, 43.0), (61.0, 65.0), (99.0, 101.0)];
const IDLE: &[(f64, f64)] =
    &[(8.0, 9.0), (11.0, 21.0), (25.0, 35.0), (25.0, 35.0), (43.0, 53.0), (65.0, 75.0), (101.0, 111.0)];
/// Requests in progress, those that wait for their own instance too: a, b, c, d, e, g, i, h.
const IN_PROGRESS: &[(f64, f64)] =
    &[(5.0, 8.0), (9.0, 11.0), (21.0, 23.0), (22.0, 25.0), (23.0, 25.0), (40.0, 43.0), (60.0, 65.0), (98.0, 101.0)];
const QUEUED: &[(f64, f64)] = &[(22.5, 23.0)];

/// How many there are from one time to another, on average.
fn mean(of: &[(f64, f64)], from: f64, to: f64) -> f64 {
    of.iter().map(|(begin, end)| (end.min(to) - begin.max(from)).max(0.0)).sum::<f64>() / (to - from)
}

/// How many of these moments lie from one time to another.
fn count(of: &[f64], from: f64, to: f64) -> f64 {
    of.iter().filter(|at| **at >= from && **at < to).count() as f64
}

/// A distribution in seconds: mean, standard deviation (n - 1), and quantiles between the order statistics.
fn times(mut values: Vec<f64>) -> Value {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n == 0 {
        return json!({"mean": null, "sd": null, "p50": null, "p90": null, "p95": null, "p99": null, "p999": null, "max": null});
    }
    let quantile = |p: f64| {
        let place = p * (n - 1) as f64;
        let low = values[place as usize];
        low + place.fract() * (values[(place as usize + 1).min(n - 1)] - low)
    };
    let mean = values.iter().sum::<f64>() / n as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    json!({
        "mean": mean, "sd": (squares / (n - 1) as f64).sqrt(), "p50": quantile(0.5), "p90": quantile(0.9),
        "p95": quantile(0.95), "p99": quantile(0.99), "p999": quantile(0.999), "max": quantile(1.0),
    })
}

/// All of it, of the measured 90 s. The requests are c, d, e, f, g, i, h; completed are c, d, e, g, h.
fn shape() -> Value {
    let [starting, busy, idle] = [STARTING, BUSY, IDLE].map(|stage| mean(stage, 10.0, 100.0));
    json!({
        "requests": {"arrived": 7, "completed": 5, "rejected": 1, "timed_out": 1, "failed": 0, "unfinished": 0},
        // Cold are d, g, i and h; e waited, but for no instance to start.
        "invocations": {"started": 6, "cold": 4, "cold_affected": 4, "throttled": 2},
        "cold_start_ratio": 4.0 / 6.0,
        "cold_affected_ratio": 4.0 / 6.0,
        "rejection_ratio": 1.0 / 7.0,
        "failure_ratio": 2.0 / 7.0,
        "latency_s": times(vec![2.0, 3.0, 2.5, 3.0, 3.0]),
        "wait_s": times(vec![0.0, 1.0, 0.5, 1.0, 1.0]),
        "queueing_s": times(vec![0.0, 0.0, 0.5, 0.0, 0.0]),
        "cold_start_s": times(vec![0.0, 1.0, 0.0, 1.0, 1.0]),
        "execution_s": times(vec![2.0; 5]),
        "instances": {
            "mean": 68.0 / 90.0, "busy_mean": busy, "idle_mean": idle, "starting_mean": starting, "peak": 2,
            // 2, 3, 4 and 5; of those that go, 1 lives from 5 to 35 s, 2 from 22, 3 from 40 to 53, 4 from 60 to 75.
            "created": 4, "lifespan_mean_s": (30.0 + 13.0 + 13.0 + 15.0) / 4.0,
            // What runs: five times 2 s and, of i, 4 s; an instance serves one request at a time.
            "static_estimate": 14.0 / 90.0,
        },
        "concurrency": {"mean": mean(IN_PROGRESS, 10.0, 100.0), "peak": 2},
        "queue": {"mean": mean(QUEUED, 10.0, 100.0), "peak": 1},
        // Six that ran at $0.001, and 14 s with 1 GB at $0.01: starting is not charged.
        "cost_usd": {
            "total": 0.146, "requests": 0.006, "compute": 0.14, "provisioned": 0, "nodes": 0, "gateways": 0,
            "messaging": 0, "workflows": 0, "dependencies": 0, "links": 0, "other": 0,
            "per_million_requests": 0.146e6 / 7.0, "per_million_succeeded": 0.146e6 / 5.0,
        },
    })
}

fn summary() -> Value {
    let source = |requests: Value, failure_ratio: f64, latency: Vec<f64>, cold: f64| json!({"requests": requests, "failure_ratio": failure_ratio, "latency_s": times(latency), "cold_start_ratio": cold, "cold_affected_ratio": cold});
    let short = json!({"arrived": 6, "succeeded": 5, "failed": 1, "unfinished": 0,
        "failed_by": {"timed_out": 0, "throttled": 1, "error": 0}});
    let long = json!({"arrived": 1, "succeeded": 0, "failed": 1, "unfinished": 0,
        "failed_by": {"timed_out": 1, "throttled": 0, "error": 0}});
    let limit = |limit: &str, value: u32, throttled: u32| json!({"limit": limit, "function": "f", "value": value, "throttled": throttled});
    let stable = json!({"verdict": "stable", "replications": 1});
    json!({
        "seed": 1,
        "replications": 1,
        "horizon_s": 100,
        "measured_s": 90,
        "total": shape(),
        "functions": {"f": shape()},
        "sources": {
            "short": source(short, 1.0 / 6.0, vec![2.0, 3.0, 2.5, 3.0, 3.0], 3.0 / 5.0),
            "long": source(long, 1.0, vec![], 1.0),
        },
        "stability": {"run": stable, "functions": {"f": stable}},
        // Within 2.6 s are c and e, of seven. Of all seven the fourth smallest latency is 3 s.
        "objectives": [
            {"share": 0.3, "within": 2.6, "value": 2.0 / 7.0, "met": false},
            {"metric": "latency_s.p50", "below": 3.1, "value": 3.0, "met": true},
        ],
        // All nine arrive, and all but f run; five instances start, and four go before the horizon.
        "events": {"arrival": 9, "completion": 8, "instance-ready": 5, "expiration": 4, "scaling-token": 0,
            "queue-timeout": 0, "scaling-decision": 0},
        "limits": [limit("max-instances", 2, 2), limit("queue-limit", 1, 1), limit("timeout", 4, 1)],
        "has_prices": true,
        // A month has 30 days: 28,800 times 90 s.
        "monthly_cost_usd": 0.146 * 28_800.0,
        "monthly_free_usd": 0,
    })
}

/// Fails unless the number is there: quantiles are those of a histogram with 1,024 buckets for each power of two.
fn same(at: &str, found: &Value, expected: &Value) {
    if let (Value::Object(found), Value::Object(expected)) = (found, expected) {
        let [found_keys, expected_keys] = [found, expected].map(|table| table.keys().collect::<BTreeSet<_>>());
        assert_eq!(found_keys, expected_keys, "{at}");
        found.iter().for_each(|(key, value)| same(&format!("{at}.{key}"), value, &expected[key]));
    } else if let (Value::Array(found), Value::Array(expected)) = (found, expected) {
        assert_eq!(found.len(), expected.len(), "{at}");
        found.iter().zip(expected).for_each(|(found, expected)| same(at, found, expected));
    } else if let (Some(stat), false) = (found.as_object(), expected.is_object()) {
        assert_eq!(stat.keys().collect::<Vec<_>>(), ["mean", "half_width"], "{at}");
        assert!(stat["half_width"].is_null(), "{at}: one replication");
        same(at, &stat["mean"], expected);
    } else if let (Some(found), Some(expected)) = (found.as_f64(), expected.as_f64()) {
        let is_quantile = at.contains(".p") && at.contains("_s.") || at.ends_with(".value");
        let tolerance = if is_quantile { 1e-3 } else { 1e-12 };
        assert!((found - expected).abs() <= tolerance * expected.abs(), "{at}: {found}, by hand {expected}");
    } else {
        assert_eq!(found, expected, "{at}");
    }
}

#[test]
fn every_number_of_the_summary() {
    let text = written::summary(&result(WORLD).summary);
    let mut found: Value = serde_json::from_str(&text).expect("JSON");
    // What is left are the name, and intervals of ratios of which few events were seen.
    for other in ["scenario", "rare", "few"] {
        found.as_object_mut().and_then(|all| all.remove(other)).unwrap_or_else(|| panic!("{other} is there"));
    }
    same("summary", &found, &summary());
}

/// What is charged for starting, where that is charged: 1 s for each of the four requests that had an instance created.
#[test]
fn starting_is_charged_where_it_is_billed() {
    let billed = result(&WORLD.replace("init-billed = false", "init-billed = true")).summary.total.cost_usd;
    assert!((billed.compute.mean - 0.18).abs() < 1e-12, "{}", billed.compute.mean);
}

#[test]
fn every_column_of_the_time_series() {
    let mut text = Vec::new();
    csv::timeline(&result(WORLD).timeline, &mut text).expect("in memory");
    let text = String::from_utf8(text).expect("UTF-8");
    let (head, rows) = text.split_once('\n').expect("a line of columns");
    let columns = [
        "requests_arrived",
        "requests_completed",
        "requests_rejected",
        "requests_timed_out",
        "invocations_throttled",
        "invocations_cold",
        "instances_busy_mean",
        "instances_idle_mean",
        "instances_starting_mean",
        "concurrency_mean",
        "queue_mean",
        "latency_s_p50",
        "latency_s_p95",
        "latency_s_p99",
    ];
    assert_eq!(head, format!("start_s,function,{}", columns.join(",")));
    let arrivals = [5.0, 9.0, 21.0, 22.0, 22.5, 22.75, 40.0, 60.0, 98.0];
    let rows: Vec<Vec<&str>> = rows.lines().map(|row| row.split(',').collect()).collect();
    assert_eq!(rows.len(), 400, "200 intervals of half a second, of the total and of the function");
    for row in rows {
        let from: f64 = row[0].parse().expect("a time");
        let to = from + 0.5;
        let ended: Vec<f64> =
            [(8.0, 3.0), (11.0, 2.0), (23.0, 2.0), (25.0, 3.0), (25.0, 2.5), (43.0, 3.0), (101.0, 3.0)]
                .iter()
                .filter(|(at, _)| *at >= from && *at < to)
                .map(|(_, latency)| *latency)
                .collect();
        let expected = [
            count(&arrivals, from, to),
            ended.len() as f64,
            count(&[22.75], from, to),
            count(&[65.0], from, to),
            count(&[22.5, 22.75], from, to),
            count(&[5.0, 22.0, 40.0, 60.0, 98.0], from, to),
            mean(BUSY, from, to),
            mean(IDLE, from, to),
            mean(STARTING, from, to),
            mean(IN_PROGRESS, from, to),
            mean(QUEUED, from, to),
        ];
        for ((found, expected), column) in row[2..].iter().zip(expected).zip(columns) {
            let found: f64 = found.parse().expect("a number");
            assert!((found - expected).abs() < 1e-12, "{column} at {from}: {found}, by hand {expected}");
        }
        // Buckets are coarser here: 128 for each power of two.
        let quantiles = times(ended.clone());
        for (found, key) in row[13..].iter().zip(["p50", "p95", "p99"]) {
            match (found.parse::<f64>(), quantiles[key].as_f64()) {
                (Ok(found), Some(expected)) => {
                    assert!((found / expected - 1.0).abs() < 5e-3, "{key} at {from}: {found}");
                }
                (found, expected) => assert!(found.is_err() && expected.is_none(), "{key} at {from}"),
            }
        }
        if ended.len() == 2 {
            let [p95, p99] = [14, 15].map(|column| row[column].parse::<f64>().expect("a number"));
            assert!(p95 < p99, "3 s and 2.5 s: {p95} {p99}");
        }
    }
}
