//! Answers of Prometheus to range queries.

use serde_json::Value;

use super::{Content, Reader, number};
use crate::fit::measured::{Measured, Metric};

pub(super) const READER: Reader = Reader { name: "Prometheus range query", is, read };

fn is(content: &Content<'_>) -> bool {
    content.json.as_ref().is_some_and(|json| json["data"]["resultType"] == "matrix" || json["resultType"] == "matrix")
}

/// The metric of a name; whether it is a counter.
fn metric(name: &str, labels: &Value) -> Option<(Metric, bool)> {
    let name = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let quantile = labels["quantile"].as_str().and_then(|text| text.parse::<f64>().ok());
    if has(&["desired_pods", "desired_replicas", "spec_replicas", "desired"]) {
        return Some((Metric::DesiredInstances, false));
    }
    if has(&["actual_pods", "status_replicas", "current_replicas", "pods", "replicas"]) {
        return Some((Metric::Instances, false));
    }
    if has(&["_bucket", "_sum"]) {
        return None;
    }
    if has(&["concurrency", "in_flight", "inflight", "in_progress"]) {
        return Some((Metric::Concurrency, false));
    }
    if let Some(quantile) = quantile
        && has(&["duration", "latency", "latencies"])
    {
        let metric = [
            (0.5, Metric::DurationP50),
            (0.9, Metric::DurationP90),
            (0.95, Metric::DurationP95),
            (0.99, Metric::DurationP99),
        ];
        return metric.iter().find(|(share, _)| (share - quantile).abs() < 1e-9).map(|(_, metric)| (*metric, false));
    }
    if has(&["_total", "_count"]) {
        return Some((Metric::Requests, true));
    }
    if has(&["duration", "latency"]) {
        return Some((Metric::DurationMean, false));
    }
    // What a query has computed has no name: `rate(...)`.
    (name.is_empty() || has(&["rate", "rps", "per_second"])).then_some((Metric::Rate, false))
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    let Some(json) = &content.json else { return };
    let data = json.get("data").unwrap_or(json);
    for (place, series) in data["result"].as_array().into_iter().flatten().enumerate() {
        let labels = &series["metric"];
        let name = labels["__name__"].as_str().unwrap_or_default();
        let Some((metric, is_counter)) = metric(name, labels) else {
            measured.skip(content.name, place + 1, format!("the metric {name:?} is not supported"));
            continue;
        };
        let points = series["values"].as_array().into_iter().flatten();
        let points: Vec<(f64, f64)> =
            points.filter_map(|point| Some((number(&point[0])?, number(&point[1])?))).collect();
        if !is_counter {
            for (at, value) in points {
                let seconds = if name.to_lowercase().contains("milli") { value / 1_000.0 } else { value };
                measured.add(metric, at, seconds);
            }
            continue;
        }
        for pair in points.windows(2) {
            let ((at, before), (_, after)) = (pair[0], pair[1]);
            // A counter that falls was reset: it began anew from 0.
            measured.add(metric, at, if after >= before { after - before } else { after });
        }
    }
    // Several series of one metric are parts of a whole.
    for points in measured.series.values_mut() {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    for metric in [Metric::Requests, Metric::Rate, Metric::Concurrency, Metric::Instances, Metric::DesiredInstances] {
        if let Some(points) = measured.series.get_mut(&metric) {
            points.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                if same {
                    earlier.1 += later.1;
                }
                same
            });
        }
    }
}
