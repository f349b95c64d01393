//! Tables of metrics: a column of times and columns of metrics, as consoles and dashboards export them.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::{Content, Reader, cloudwatch};
use crate::fit::measured::{Measured, Metric, of_gauge};
use crate::fit::units;
use crate::policy::scaling::replay::Gauge;

pub(super) const READER: Reader = Reader { name: "table of metrics", is, read };

/// Names of columns of times.
const TIMES: [&str; 9] = ["time", "timestamp", "date", "period", "time_s", "minute", "start", "datetime", "label"];

/// The metric of a column, and what its values are multiplied with.
pub(super) fn metric(column: &str) -> Option<(Metric, f64)> {
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
        "rpm" | "requests_per_minute" | "requests per minute" => return Some((Metric::Rate, 1.0 / 60.0)),
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
    content.text.lines().take(8).position(|line| {
        super::columns(line, super::separator(line)).iter().skip(1).any(|column| metric(column).is_some())
    })
}

/// Whether a column is a duration in milliseconds only because CloudWatch's are.
fn is_unit_assumed(column: &str) -> bool {
    let is_duration = metric(column).is_some_and(|(metric, _)| {
        matches!(
            metric,
            Metric::DurationMean
                | Metric::DurationP50
                | Metric::DurationP90
                | Metric::DurationP95
                | Metric::DurationP99
        )
    });
    is_duration && !column.starts_with("AWS/") && cloudwatch::unit(column).is_none()
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    let Some(header) = header(content) else { return };
    let lines = || content.text.lines().enumerate().skip(header + 1).filter(|(_, line)| !line.trim().is_empty());
    let Some(names) = content.text.lines().nth(header) else { return };
    let separator = super::separator(names);
    let names = super::columns(names, separator);
    let metrics: Vec<Option<(Metric, f64)>> = names.iter().map(|name| metric(name)).collect();
    let mark = char::from(separator);
    let times = lines().map(|(number, line)| {
        let field = line.split(mark).next().unwrap_or_default();
        (number + 1, Cow::Borrowed(field.trim().trim_matches('"')))
    });
    let column = names.first().map(String::as_str).unwrap_or_default();
    let Some(clock) = super::clock(content, column, separator, times, measured) else { return };
    for name in names.iter().skip(1).filter(|name| is_unit_assumed(name)) {
        measured.assumed.push(format!(
            "{}: `{name}` names no unit and is read as milliseconds, as in CloudWatch; for another unit, rename the column, \
             such as to `{name} (s)`",
            content.name
        ));
    }
    for (number, line) in lines() {
        let fields = super::columns(line, separator);
        let Some(at) = fields.first().and_then(|field| clock.read(field)) else {
            // Lines about units and labels stand between the header and the values.
            if number > header + 5 {
                measured.skip(content.name, number + 1, "a row whose first field is not a time");
            }
            continue;
        };
        // Other texts in the row, such as the name of a function, tell whose values they are.
        let mut others = DefaultHasher::new();
        fields
            .iter()
            .zip(&metrics)
            .skip(1)
            .filter(|(field, metric)| metric.is_none() && units::number(field, separator).is_none())
            .filter(|(field, _)| clock.read(field).is_none())
            .for_each(|(field, _)| field.hash(&mut others));
        let others = others.finish();
        for ((field, name), metric) in fields.iter().zip(&names).zip(&metrics).skip(1) {
            let Some((metric, factor)) = metric else { continue };
            match units::number(field, separator) {
                Some(value) => measured.add(*metric, (name, others), at, value * factor),
                None if units::is_absent(field) => {}
                None => measured.skip(
                    content.name,
                    number + 1,
                    format!("`{field}` in the column `{name}` is not a number; write it as in 1234.5"),
                ),
            }
        }
    }
}
