//! Metrics of CloudWatch as JSON: `get-metric-data` and `get-metric-statistics`.

use serde_json::Value;

use super::{Content, Reader, number, time};
use crate::fit::measured::{Measured, Metric};

pub(super) const DATA: Reader = Reader { name: "CloudWatch get-metric-data", is: is_data, read: read_data };
pub(super) const STATISTICS: Reader =
    Reader { name: "CloudWatch get-metric-statistics", is: is_statistics, read: read_statistics };

fn is_data(content: &Content<'_>) -> bool {
    content.json.as_ref().is_some_and(|json| json.get("MetricDataResults").is_some())
}

fn is_statistics(content: &Content<'_>) -> bool {
    content.json.as_ref().is_some_and(|json| json.get("Datapoints").is_some())
}

/// The metric of a label, and what its values are multiplied with: durations are in ms.
pub(super) fn metric(label: &str) -> Option<(Metric, f64)> {
    let label = label.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| label.contains(word));
    if has(&["duration", "latency", "responsetime", "response time"]) {
        let metric = match () {
            () if has(&["p99", "99th"]) => Metric::DurationP99,
            () if has(&["p95"]) => Metric::DurationP95,
            () if has(&["p90"]) => Metric::DurationP90,
            () if has(&["p50", "median"]) => Metric::DurationP50,
            () if has(&["max", "min", "sum", "init"]) => return None,
            () => Metric::DurationMean,
        };
        return Some((metric, if has(&["targetresponsetime", "_seconds", "(s)"]) { 1.0 } else { 1e-3 }));
    }
    let metric = match () {
        () if has(&["concurrent", "concurrency"]) => Metric::Concurrency,
        () if has(&["throttle", "4xx"]) => Metric::Throttles,
        () if has(&["error", "5xx"]) => Metric::Errors,
        () if has(&["invocation", "requestcount", "request count", "count"]) => Metric::Requests,
        () => return None,
    };
    Some((metric, 1.0))
}

fn read_data(content: &Content<'_>, measured: &mut Measured) {
    let Some(json) = &content.json else { return };
    for (place, result) in json["MetricDataResults"].as_array().into_iter().flatten().enumerate() {
        let label = result["Label"].as_str().unwrap_or_default();
        let id = result["Id"].as_str().unwrap_or_default();
        let Some((metric, factor)) = metric(label).or_else(|| metric(id)) else {
            measured.skip(content.name, place + 1, format!("the metric {label:?} ({id}) is not supported"));
            continue;
        };
        let times = result["Timestamps"].as_array().into_iter().flatten();
        let values = result["Values"].as_array().into_iter().flatten();
        for (at, value) in times.zip(values) {
            if let (Some(at), Some(value)) = (time(at), number(value)) {
                measured.add(metric, (label, id), at, value * factor);
            }
        }
    }
    if json["NextToken"].is_string() {
        measured.skip(content.name, 1, "the export is incomplete (NextToken): export all pages");
    }
}

fn read_statistics(content: &Content<'_>, measured: &mut Measured) {
    let Some(json) = &content.json else { return };
    let label = json["Label"].as_str().unwrap_or_default();
    for point in json["Datapoints"].as_array().into_iter().flatten() {
        let Some(at) = time(&point["Timestamp"]) else { continue };
        let factor = match point["Unit"].as_str() {
            Some("Milliseconds") => 1e-3,
            _ => 1.0,
        };
        let Some((metric, _)) = metric(label) else {
            measured.skip(content.name, 1, format!("the metric {label:?} is not supported"));
            return;
        };
        let is_count = matches!(metric, Metric::Requests | Metric::Throttles | Metric::Errors);
        let keys: &[&str] = match (is_count, metric) {
            (true, _) => &["Sum"],
            (_, Metric::Concurrency) => &["Maximum", "Average"],
            _ => &["Average"],
        };
        if let Some(value) = keys.iter().find_map(|key| point[*key].as_f64()) {
            measured.add(metric, label, at, value * factor);
        }
        for (name, metric) in [
            ("p50", Metric::DurationP50),
            ("p90", Metric::DurationP90),
            ("p95", Metric::DurationP95),
            ("p99", Metric::DurationP99),
        ] {
            if let Some(value) = point["ExtendedStatistics"].get(name).and_then(Value::as_f64) {
                measured.add(metric, label, at, value * factor);
            }
        }
    }
}
