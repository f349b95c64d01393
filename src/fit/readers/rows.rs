//! Tables with a row for each request: forewarm's own request log and traces, and others by the names of their columns.

use super::{Content, Reader};
use crate::fit::measured::{Measured, Outcome, Request};
use crate::fit::when;

pub(super) const READER: Reader = Reader { name: "table of requests", is, read };

/// Columns of arrivals, the first that there is being taken.
const STARTS: [&str; 8] =
    ["born_s", "client_start_time", "start_time", "start", "time_s", "arrival", "time", "timestamp"];
/// Columns of durations in seconds.
const SECONDS: [&str; 5] = ["execution_s", "client_elapsed_time", "duration_s", "duration", "elapsed_s"];
/// The same in milliseconds.
const MILLISECONDS: [&str; 5] = ["aws_duration", "duration_ms", "elapsed_ms", "latency_ms", "elapsed_time"];

fn is(content: &Content<'_>) -> bool {
    let has = |columns: &[&str]| columns.iter().any(|column| content.has(&[column]));
    has(&STARTS) && (has(&SECONDS) || has(&MILLISECONDS))
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    let is_own = content.has(&["born_s", "outcome"]);
    let is_client = content.has(&["client_elapsed_time"]);
    // The platform's own duration is that of the function.
    let by_platform = content.has(&["aws_duration"]);
    measured.seen_by_clients |= is_client && !by_platform;
    content.rows(measured, |row, measured| {
        let at = row.get(&STARTS).and_then(when::parse)?;
        let duration = match by_platform {
            true => row.number(&["aws_duration"]).map(|ms| ms / 1_000.0),
            false => row.number(&SECONDS).or_else(|| row.number(&MILLISECONDS).map(|ms| ms / 1_000.0)),
        };
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
}
