//! Tables of metrics: a column of times and columns of metrics, as consoles and dashboards export them.

use super::{Content, Reader, cloudwatch};
use crate::fit::measured::{Measured, Metric, of_gauge};
use crate::fit::when;
use crate::policy::scaling::replay::Gauge;

pub(super) const READER: Reader = Reader { name: "table of metrics", is, read };

/// Names of columns of times.
const TIMES: [&str; 9] = ["time", "timestamp", "date", "period", "time_s", "minute", "start", "datetime", "label"];

/// The metric of a column.
fn metric(column: &str) -> Option<(Metric, f64)> {
    // As `forewarm run --metrics` names them: what queues and gateways have is not the functions'.
    if let Some((namespace, rest)) = column.split_once(' ')
        && let Some(service) = namespace.strip_prefix("AWS/")
    {
        let (_, named) = rest.split_once(' ')?;
        return if service == "Lambda" && !named.starts_with("Async") { cloudwatch::metric(named) } else { None };
    }
    let lower = column.to_lowercase();
    match lower.as_str() {
        "count" | "requests" | "invocations" | "sum" | "hits" => return Some((Metric::Requests, 1.0)),
        "rate" | "rps" | "requests_per_s" | "requests per second" => return Some((Metric::Rate, 1.0)),
        "pods" | "instances" | "replicas" => return Some((Metric::Instances, 1.0)),
        "desired" | "desired_replicas" | "desired_pods" => return Some((Metric::DesiredInstances, 1.0)),
        "cold" | "cold_starts" => return Some((Metric::ColdStarts, 1.0)),
        "cost" | "cost_usd" => return Some((Metric::Cost, 1.0)),
        "ready" => return Some((Metric::Gauge(Gauge::Ready), 1.0)),
        "cpu_percent" | "cpu_utilization_percent" | "cpu %" => {
            return Some((Metric::Gauge(Gauge::CpuUtilization), 1e-2));
        }
        _ => {}
    }
    if let Some(gauge) = Gauge::of_name(&lower) {
        return Some((of_gauge(gauge), 1.0));
    }
    if TIMES.contains(&lower.as_str()) { None } else { cloudwatch::metric(column) }
}

fn is(content: &Content<'_>) -> bool {
    content.columns.len() >= 2 && header(content).is_some()
}

/// The line of the names of metrics: consoles write a few lines before it.
fn header(content: &Content<'_>) -> Option<usize> {
    content
        .text
        .lines()
        .take(8)
        .position(|line| super::columns(line).iter().skip(1).any(|column| metric(column).is_some()))
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    let Some(header) = header(content) else { return };
    let mut lines = content.text.lines().enumerate().skip(header);
    let Some((_, names)) = lines.next() else { return };
    let names = super::columns(names);
    let metrics: Vec<Option<(Metric, f64)>> = names.iter().map(|name| metric(name)).collect();
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let fields = super::columns(line);
        let Some(at) = fields.first().and_then(|field| when::parse(field)) else {
            // Lines about units and labels stand between the header and the values.
            if number > header + 5 {
                measured.skip(content.name, number + 1, "a row whose first field is not a time");
            }
            continue;
        };
        for (field, metric) in fields.iter().zip(&metrics).skip(1) {
            if let (Some((metric, factor)), Ok(value)) = (metric, field.replace(',', "").parse::<f64>()) {
                measured.add(*metric, "", at, value * factor);
            }
        }
    }
}
