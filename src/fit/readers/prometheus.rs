//! Answers of Prometheus to range queries.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Content, Reader, number};
use crate::fit::measured::{Measured, Metric, of_gauge};
use crate::policy::scaling::replay::Gauge;

pub(super) const READER: Reader = Reader { name: "Prometheus range query", is, read };

fn is(content: &Content<'_>) -> bool {
    content.json.as_ref().is_some_and(|json| json["data"]["resultType"] == "matrix" || json["resultType"] == "matrix")
}

/// The gauge that an autoscaler decides on; of its metrics, none for one that it does not decide on.
fn gauge(name: &str, labels: &Value) -> Option<Option<Metric>> {
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let known = match name {
        "autoscaler_stable_request_concurrency" => Gauge::StableConcurrency,
        "autoscaler_panic_request_concurrency" => Gauge::PanicConcurrency,
        "autoscaler_stable_requests_per_second" => Gauge::StableRate,
        "autoscaler_panic_requests_per_second" => Gauge::PanicRate,
        "autoscaler_actual_pods" => Gauge::Pods,
        "autoscaler_desired_pods" => Gauge::Desired,
        "kube_horizontalpodautoscaler_status_target_metric" => return Some(target(labels).map(Metric::Gauge)),
        _ if has(&["replicas_ready", "ready_replicas", "replicas_available", "available_replicas"]) => Gauge::Ready,
        _ if name == "keda_scaler_metrics_value" || has(&["messages_visible", "queue_length", "queue_depth"]) => {
            Gauge::Queue
        }
        // Settings, and pods that do not serve.
        _ if name.starts_with("autoscaler_")
            || has(&["_max_replicas", "_min_replicas", "unavailable", "not_ready"]) =>
        {
            return Some(None);
        }
        _ => Gauge::of_name(name)?,
    };
    Some(Some(of_gauge(known)))
}

/// The metric in the status of an HPA, by the name that it has there.
fn target(labels: &Value) -> Option<Gauge> {
    let label = |name: &str| labels[name].as_str().unwrap_or_default().to_lowercase();
    let (name, kind) = (label("metric_name"), label("metric_target_type"));
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    match kind.as_str() {
        "utilization" => (name == "cpu").then_some(Gauge::CpuUtilization),
        "average" if has(&["concurren", "in_flight", "inflight", "in_progress", "active"]) => {
            Some(Gauge::ConcurrencyPerPod)
        }
        "average" if has(&["queue", "message", "depth", "lag", "backlog", "visible"]) => Some(Gauge::QueuePerPod),
        "average" if has(&["rps", "per_second", "rate", "request"]) => Some(Gauge::RatePerPod),
        _ => None,
    }
}

/// The metric of a name; whether it is a counter.
fn metric(name: &str, labels: &Value) -> Option<(Metric, bool)> {
    let name = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if let Some(found) = gauge(&name, labels) {
        return found.map(|metric| (metric, false));
    }
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
    let mut names: BTreeMap<Metric, &str> = BTreeMap::new();
    // Several series of one metric are parts of a whole.
    let mut sums: BTreeMap<Metric, Vec<(f64, f64)>> = BTreeMap::new();
    for (place, series) in data["result"].as_array().into_iter().flatten().enumerate() {
        let labels = &series["metric"];
        let name = labels["__name__"].as_str().unwrap_or_default();
        let Some((metric, is_counter)) = metric(name, labels) else {
            measured.skip(content.name, place + 1, format!("the metric {name:?} is not supported"));
            continue;
        };
        let first = *names.entry(metric).or_insert(name);
        if first != name {
            measured.skip(content.name, place + 1, format!("the metric {name:?} says the same as {first:?}"));
            continue;
        }
        let points = series["values"].as_array().into_iter().flatten();
        let points: Vec<(f64, f64)> =
            points.filter_map(|point| Some((number(&point[0])?, number(&point[1])?))).collect();
        let is_sum = is_sum(metric);
        let mut take = |at: f64, value: f64| {
            if is_sum {
                sums.entry(metric).or_default().push((at, value));
            } else {
                measured.add(metric, labels.to_string(), at, value);
            }
        };
        if !is_counter {
            for (at, value) in points {
                let factor = match metric {
                    // Its status has percent.
                    Metric::Gauge(Gauge::CpuUtilization) if name.starts_with("kube_") => 1e-2,
                    _ if name.to_lowercase().contains("milli") => 1e-3,
                    _ => 1.0,
                };
                take(at, value * factor);
            }
            continue;
        }
        for pair in points.windows(2) {
            let ((at, before), (_, after)) = (pair[0], pair[1]);
            // A counter that falls was reset: it began anew from 0.
            take(at, if after >= before { after - before } else { after });
        }
    }
    for (metric, mut points) in sums {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        for one in points.chunk_by(|a, b| a.0 == b.0) {
            measured.add(metric, names[&metric], one[0].0, one.iter().map(|(_, value)| value).sum());
        }
    }
}

/// Whether series of a metric are added up.
const fn is_sum(metric: Metric) -> bool {
    match metric {
        Metric::Requests
        | Metric::Rate
        | Metric::Concurrency
        | Metric::Instances
        | Metric::DesiredInstances
        | Metric::Throttles
        | Metric::Errors
        | Metric::ColdStarts
        | Metric::Cost => true,
        Metric::Gauge(gauge) => {
            matches!(gauge, Gauge::Ready | Gauge::Queue | Gauge::SampledPods | Gauge::MissingPods)
        }
        _ => false,
    }
}
