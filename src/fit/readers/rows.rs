//! Tables with a row for each request: forewarm's own request log and traces, and others by the names of their columns.

use std::borrow::Cow;

use super::{Content, Reader, csv_metrics};
use crate::fit::measured::{Measured, Metric, Outcome, Request};
use crate::fit::units;
use crate::fit::when::Clock;

pub(super) const READER: Reader = Reader { name: "table of requests", is, read };

/// Columns of arrivals without their unit, the first that there is being taken.
const STARTS: [&str; 22] = [
    "born",
    "client_start_time",
    "start_time",
    "start",
    "started",
    "started_at",
    "start_timestamp",
    "arrival",
    "arrival_time",
    "arrived_at",
    "time",
    "timestamp",
    "time_stamp",
    "ts",
    "datetime",
    "date_time",
    "date",
    "epoch",
    "unix_time",
    "unix_timestamp",
    "created_at",
    "at",
];
/// The same of the end.
const ENDS: [&str; 10] = [
    "end_time",
    "end",
    "ended",
    "ended_at",
    "end_timestamp",
    "finished",
    "finished_at",
    "finish_time",
    "completed_at",
    "completion_time",
];
/// Columns of durations, and the seconds of their unit where it is known without being named.
const DURATIONS: [(&str, Option<f64>); 20] = [
    ("aws_duration", Some(1e-3)),
    ("execution", None),
    ("client_elapsed_time", Some(1.0)),
    ("duration", None),
    ("elapsed", None),
    ("elapsed_time", None),
    ("latency", None),
    ("execution_time", None),
    ("execution_duration", None),
    ("run_time", None),
    ("runtime", None),
    ("running_time", None),
    ("processing_time", None),
    ("service_time", None),
    ("response_time", None),
    ("responsetime", None),
    ("request_time", None),
    ("request_duration", None),
    ("total_time", None),
    ("time_taken", None),
];
/// Columns that only requests have.
const OF_REQUESTS: [&str; 14] = [
    "function",
    "function_name",
    "func",
    "instance",
    "instance_id",
    "exist_id",
    "pod",
    "is_cold",
    "cold",
    "coldstart",
    "cold_start",
    "outcome",
    "status",
    "request_id",
];

/// Where a table has what.
struct Layout {
    /// The column of times.
    time: usize,
    /// Whether they are those of the ends.
    is_end: bool,
    duration: usize,
    /// Seconds of the unit of durations, if it is known.
    unit_s: Option<f64>,
    /// The unit otherwise.
    assumed_s: f64,
}

fn layout(content: &Content<'_>) -> Option<Layout> {
    let columns: Vec<(String, Option<f64>)> = content.columns.iter().map(|column| units::split(column)).collect();
    let place = |name: &str| columns.iter().position(|(base, _)| base == name);
    let start = STARTS.iter().find_map(|name| place(name));
    let time = start.or_else(|| ENDS.iter().find_map(|name| place(name)))?;
    let (duration, known_s) = DURATIONS.iter().find_map(|(name, unit_s)| Some((place(name)?, *unit_s)))?;
    // Who writes times in milliseconds does so with durations.
    let assumed_s = columns[time].1.filter(|unit_s| *unit_s < 1.0).unwrap_or(1.0);
    Some(Layout { time, is_end: start.is_none(), duration, unit_s: columns[duration].1.or(known_s), assumed_s })
}

fn is(content: &Content<'_>) -> bool {
    let Some(layout) = layout(content) else { return false };
    // Counts and rates are those of intervals.
    let is_count = |column: &String| matches!(csv_metrics::metric(column), Some((Metric::Requests | Metric::Rate, _)));
    // A job that a clock starts has times like a table of metrics, whose durations have other names.
    let (duration, _) = units::split(&content.columns[layout.duration]);
    let is_of_requests = layout.is_end
        || matches!(duration.as_str(), "duration" | "execution" | "client_elapsed_time" | "aws_duration")
        || OF_REQUESTS.iter().any(|name| content.has(&[name]));
    !content.columns.iter().any(is_count) && (is_of_requests || !is_regular(content, &layout))
}

/// Whether the times are those of intervals: a number of seconds apart, or a multiple of it where intervals are absent.
fn is_regular(content: &Content<'_>, layout: &Layout) -> bool {
    const ROWS: usize = 1_000;
    let mut clock = Clock::of(&content.columns[layout.time], content.separator);
    let fields: Vec<(usize, Cow<'_, str>)> = content.fields(layout.time).take(ROWS).collect();
    // What is wrong with dates is said when they are read.
    fields.iter().for_each(|(line, field)| drop(clock.learn(*line, field)));
    let mut times: Vec<f64> = fields.iter().filter_map(|(_, field)| clock.read(field)).collect();
    times.sort_by(f64::total_cmp);
    let steps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let least = steps.iter().copied().fold(f64::INFINITY, f64::min);
    let is_multiple = |step: f64| (step / least - (step / least).round()).abs() < 1e-3;
    let usual = steps.iter().filter(|step| (**step / least).round() <= 1.0).count();
    steps.len() >= 2 && least >= 1.0 && steps.iter().all(|step| is_multiple(*step)) && 2 * usual > steps.len()
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    let Some(layout) = layout(content) else { return };
    let (time, column) = (&content.columns[layout.time], &content.columns[layout.duration]);
    let Some(clock) = super::clock(content, time, content.separator, content.fields(layout.time), measured) else {
        return;
    };
    let is_own = content.has(&["born_s", "outcome"]);
    let is_client = content.has(&["client_elapsed_time"]);
    // The platform's own duration is that of the function.
    let by_platform = content.has(&["aws_duration"]);
    measured.seen_by_clients |= is_client && !by_platform;
    let mut is_assumed = false;
    content.rows(measured, |row, measured| {
        let at = row.at(layout.time).and_then(|field| clock.read(field))?;
        let duration = match row.at(layout.duration).filter(|field| !units::is_absent(field)) {
            None => None,
            Some(field) => {
                let Some((value, unit_s)) =
                    units::duration(field, content.separator).filter(|(value, _)| *value >= 0.0)
                else {
                    let why =
                        format!("`{field}` in the column `{column}` is not a duration; write it as in 0.25 or 250ms");
                    measured.skip(content.name, row.line, why);
                    return Some(());
                };
                let unit_s = unit_s.or(layout.unit_s);
                is_assumed |= unit_s.is_none();
                Some(value * unit_s.unwrap_or(layout.assumed_s))
            }
        };
        let at = if layout.is_end { at - duration.unwrap_or(0.0) } else { at };
        let truth = |text: &str| matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes");
        let cold = row.get(&["is_cold", "cold", "coldstart", "cold_start"]).map(truth);
        let outcome = match row.get(&["outcome", "status"]) {
            Some("rejected" | "throttled" | "429") => Outcome::Throttled,
            Some("timed-out" | "queue-timed-out" | "timeout") => Outcome::TimedOut,
            Some("failed" | "error" | "unfinished") => Outcome::Failed,
            _ => Outcome::Completed,
        };
        let instance = row.get(&["exist_id", "instance", "instance_id", "pod", "logstream"]).map(str::to_owned);
        let function = measured.function(row.get(&["function", "function_name", "func"]).unwrap_or_default());
        // A row of forewarm's own log says how long the start took.
        let init =
            if is_own { row.number(&["cold_start_s"]).filter(|time| *time > 0.0 && cold == Some(true)) } else { None };
        let key = instance.map(|name| if is_own { format!("{function}/{name}") } else { name });
        let instance = key.map(|name| measured.instance(&name));
        measured.requests.push(Request {
            at_s: Some(at),
            duration_s: duration.filter(|_| outcome != Outcome::Throttled),
            init_s: init,
            cold: cold.filter(|_| outcome != Outcome::Throttled),
            instance: instance.filter(|_| outcome != Outcome::Throttled),
            function,
            memory_mb: row.number(&["memory_mb", "memory"]).map(|mb| mb as u32),
            billed_s: row.number(&["aws_billed_duration", "billed_ms"]).map(|ms| ms / 1_000.0),
            outcome,
        });
        Some(())
    });
    if is_assumed {
        let unit = units::name(layout.assumed_s);
        let why = if layout.assumed_s < 1.0 { format!(", as `{time}` does") } else { String::new() };
        measured.assumed.push(format!(
            "{}: `{column}` names no unit and is read as {unit}{why}; for another unit, rename the column, such as to \
             `{column}_{}`",
            content.name,
            if layout.assumed_s < 1.0 { "s" } else { "ms" }
        ));
    }
}
