//! Metrics of CloudWatch as JSON: `get-metric-data` and `get-metric-statistics`.

use serde_json::Value;

use super::{Content, Reader, number, time};
use crate::fit::measured::{Measured, Metric};
use crate::fit::units;

pub(super) const DATA: Reader = Reader { name: "CloudWatch get-metric-data", is: is_data, read: read_data };
pub(super) const STATISTICS: Reader =
    Reader { name: "CloudWatch get-metric-statistics", is: is_statistics, read: read_statistics };

fn is_data(content: &Content<'_>) -> bool {
    content.json.as_ref().is_some_and(|json| json.get("MetricDataResults").is_some())
}

fn is_statistics(content: &Content<'_>) -> bool {
    content.json.as_ref().is_some_and(|json| json.get("Datapoints").is_some())
}

/// The parts of a label, each with its words: `Duration p99 (ms)` has three.
fn parts(label: &str) -> Vec<Vec<String>> {
    let parts = label.split(|c: char| c.is_whitespace() || "/():,;\"".contains(c)).map(units::words);
    parts.filter(|words| !words.is_empty()).collect()
}

/// Whether a word is, or ends, the name of a duration.
fn is_duration(word: &str) -> bool {
    matches!(word, "duration" | "durations" | "latency" | "latencies" | "time" | "responsetime")
}

/// Seconds of the unit that the label of a duration names behind its name, as in `latency_ms` and `Duration p99 (ms)`; what else
/// looks like a unit, such as the region `us-east-1`, is none.
pub(super) fn unit(label: &str) -> Option<f64> {
    let parts = parts(label);
    let place = parts.iter().rposition(|words| words.iter().any(|word| is_duration(word)))?;
    // `min` is the minimum.
    let seconds = |word: &String| if word == "min" { None } else { units::seconds(word) };
    let own = parts[place].iter().skip_while(|word| !is_duration(word)).find_map(seconds);
    let alone = || parts[place + 1..].iter().filter(|words| words.len() == 1).find_map(|words| seconds(&words[0]));
    // AWS has seconds here.
    let is_target = || parts[place].join("").contains("targetresponsetime");
    own.or_else(alone).or_else(|| is_target().then_some(1.0))
}

/// The metric of a label, and what its values are multiplied with: durations without a unit are in ms.
pub(super) fn metric(label: &str) -> Option<(Metric, f64)> {
    named(label).flatten()
}

/// The same; none also if a label names something that is not used, such as another percentile: nothing else may tell its metric.
fn named(label: &str) -> Option<Option<(Metric, f64)>> {
    let (parts, all) = (parts(label), units::words(label));
    // Names of functions may have words of metrics: a part that is nothing but the name of a metric decides first.
    let exact =
        parts.iter().rev().find_map(|words| of_name(&words.join(""), &all)).or_else(|| of_name(&all.join(""), &all));
    let kind = exact.or_else(|| parts.iter().rev().find_map(|words| of_words(words))).or_else(|| of_words(&all))?;
    let metric = match kind {
        Kind::Duration => duration(&statistic(&parts)).map(|metric| (metric, unit(label).unwrap_or(1e-3))),
        Kind::Other(metric) => Some((metric, 1.0)),
        Kind::Unused => None,
    };
    Some(metric)
}

/// What a label is about.
#[derive(Clone, Copy)]
enum Kind {
    Duration,
    Other(Metric),
    /// Known, but not used: requests of other kinds, and what is not about requests.
    Unused,
}

/// Words of counts of something else than requests.
const OTHERS: [&str; 16] = [
    "healthy",
    "host",
    "hosts",
    "pod",
    "pods",
    "node",
    "nodes",
    "instance",
    "instances",
    "connection",
    "connections",
    "cold",
    "message",
    "messages",
    "error",
    "errors",
];

/// By a name without spaces and underscores, which has these words among others.
fn of_name(name: &str, all: &[String]) -> Option<Kind> {
    Some(match name {
        "count" if all.iter().any(|word| OTHERS.contains(&word.as_str())) => return None,
        "duration" | "latency" | "integrationlatency" | "targetresponsetime" | "responsetime" => Kind::Duration,
        "concurrentexecutions" | "concurrency" | "concurrentrequests" => Kind::Other(Metric::Concurrency),
        "throttles" | "4xxerror" | "4xx" => Kind::Other(Metric::Throttles),
        "errors" | "5xxerror" | "5xx" => Kind::Other(Metric::Errors),
        "invocations" | "requestcount" | "requests" | "count" => Kind::Other(Metric::Requests),
        _ => return None,
    })
}

/// By the words of a name.
fn of_words(words: &[String]) -> Option<Kind> {
    let has = |some: &[&str]| words.iter().any(|word| some.contains(&word.as_str()));
    let follow =
        |first: &str, then: &[&str]| words.windows(2).any(|pair| pair[0] == first && then.contains(&pair[1].as_str()));
    Some(match () {
        () if has(&["duration", "durations", "latency", "latencies", "responsetime"])
            || follow("response", &["time"]) =>
        {
            Kind::Duration
        }
        // Parts and shares of the others, and counts of something else.
        () if has(&[
            "provisioned",
            "unreserved",
            "claimed",
            "async",
            "recursive",
            "dead",
            "healthy",
            "per",
            "rate",
        ]) =>
        {
            Kind::Unused
        }
        () if has(&["concurrent", "concurrency"]) => Kind::Other(Metric::Concurrency),
        () if has(&["throttle", "throttles", "throttled", "rejected", "4xx"]) => Kind::Other(Metric::Throttles),
        () if has(&["error", "errors", "failed", "5xx"]) => Kind::Other(Metric::Errors),
        () if has(&["invocations", "requestcount"])
            || follow("invocation", &["count"])
            || follow("request", &["count", "total"])
            || follow("requests", &["count", "total"]) =>
        {
            Kind::Other(Metric::Requests)
        }
        () => return None,
    })
}

/// The words of a label that may name a statistic. In front of the name of the metric, those of a name such as `max-retries` do
/// not.
fn statistic(parts: &[Vec<String>]) -> Vec<String> {
    let place = parts.iter().rposition(|words| words.iter().any(|word| is_duration(word))).unwrap_or(0);
    let before = parts[..place].iter().filter(|words| words.len() == 1);
    before.chain(&parts[place..]).flatten().cloned().collect()
}

/// The metric of a duration with these words of its statistic; none: it is not used.
fn duration(words: &[String]) -> Option<Metric> {
    let has = |some: &[&str]| words.iter().any(|word| some.contains(&word.as_str()));
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    // `p95` or `95th`; a trimmed mean such as `tm95` is no percentile.
    let is_rank = |word: &str| {
        ["p", "tm", "wm", "tc", "ts", "pr"].iter().any(|mark| word.strip_prefix(mark).is_some_and(is_number))
            || is_number(word) && ["st", "nd", "rd", "th"].iter().any(|end| word.ends_with(end))
    };
    if let Some(place) = words.iter().position(|word| is_rank(word)) {
        // The rest of `p99_9` belongs to it.
        let is_whole = words.get(place + 1).is_none_or(|next| next.parse::<u32>().is_err());
        return match words[place].as_str() {
            "p50" | "50th" if is_whole => Some(Metric::DurationP50),
            "p90" | "90th" if is_whole => Some(Metric::DurationP90),
            "p95" | "95th" if is_whole => Some(Metric::DurationP95),
            "p99" | "99th" if is_whole => Some(Metric::DurationP99),
            _ => None,
        };
    }
    match () {
        () if has(&["median"]) => Some(Metric::DurationP50),
        () if has(&["max", "maximum", "min", "minimum", "sum", "init", "extensions", "count", "tm", "iqm"]) => None,
        () => Some(Metric::DurationMean),
    }
}

fn read_data(content: &Content<'_>, measured: &mut Measured) {
    let Some(json) = &content.json else { return };
    for (place, result) in json["MetricDataResults"].as_array().into_iter().flatten().enumerate() {
        let label = result["Label"].as_str().unwrap_or_default();
        let id = result["Id"].as_str().unwrap_or_default();
        let Some((metric, factor)) = named(label).or_else(|| named(id)).flatten() else {
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
        let Some((metric, factor)) = metric(label) else {
            measured.skip(content.name, 1, format!("the metric {label:?} is not supported"));
            return;
        };
        let factor = match point["Unit"].as_str() {
            Some("Microseconds") => 1e-6,
            Some("Milliseconds") => 1e-3,
            Some("Seconds" | "Count") => 1.0,
            _ => factor,
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
