//! Lines that AWS Lambda writes into logs: `START`, `REPORT`, `INIT_REPORT`; as text, in CSV, in the JSON of
//! `filter-log-events`, with the prefixes of `sam logs` and `awslogs`.

use std::collections::HashMap;

use serde_json::Value;

use super::{Content, Reader};
use crate::fit::measured::{Measured, Outcome, Request};
use crate::fit::when;

pub(super) const READER: Reader = Reader { name: "AWS Lambda log", is, read };

fn is(content: &Content<'_>) -> bool {
    content.text.contains("REPORT RequestId:") || content.text.contains("\"platform.report\"")
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    let mut log = Log { starts: HashMap::new(), file: content.name };
    // The JSON of the API: events with a stream, a time and a message.
    let events = content.json.as_ref().and_then(|json| json.get("events").or(Some(json))).and_then(Value::as_array);
    if let Some(events) = events {
        for (number, event) in events.iter().enumerate() {
            let message = event["message"].as_str().unwrap_or_default();
            let stream = event["logStreamName"].as_str().unwrap_or_default();
            let at = event["timestamp"].as_f64().and_then(when::of_number);
            for line in message.lines() {
                log.line(line, number + 1, stream, at, measured);
            }
        }
        return;
    }
    for (number, line) in content.text.lines().enumerate() {
        log.line(line, number + 1, "", None, measured);
    }
}

struct Log<'a> {
    /// When a request started, by its id: the time of its START line.
    starts: HashMap<String, f64>,
    file: &'a str,
}

impl Log<'_> {
    fn line(&mut self, line: &str, number: usize, stream: &str, at: Option<f64>, measured: &mut Measured) {
        if line.trim_start().starts_with('{') && line.contains("\"platform.") {
            if let Ok(value) = serde_json::from_str::<Value>(line) {
                self.structured(&value, stream, measured);
            }
            return;
        }
        if let Some(place) = line.find("INIT_REPORT Init Duration:") {
            if let Some(init) = field(&line[place..], "Init Duration:") {
                measured.failed_inits.push(init);
            }
            return;
        }
        if let Some(place) = line.find("START RequestId:").filter(|_| !line.contains("REPORT RequestId:")) {
            let (before, rest) = line.split_at(place);
            if !before.ends_with("RE") {
                let id = rest["START RequestId:".len()..].split_whitespace().next().unwrap_or_default().to_owned();
                if let Some(at) = at.or_else(|| prefix(before).1) {
                    self.starts.insert(id, at);
                }
            }
            return;
        }
        let Some(place) = line.find("REPORT RequestId:") else { return };
        let (before, report) = line.split_at(place);
        let Some(duration) = field(report, "\tDuration:").or_else(|| field(report, " Duration:")) else {
            measured.skip(self.file, number, "a REPORT line without Duration");
            return;
        };
        let id = report["REPORT RequestId:".len()..].split_whitespace().next().unwrap_or_default();
        let (in_line, written) = prefix(before);
        let written = at.or(written);
        let stream = if stream.is_empty() { in_line } else { stream };
        let init = field(report, "Init Duration:").or_else(|| field(report, "\tRestore Duration:"));
        // The report is written at the end, the start line when initialization is over.
        let start = self.starts.remove(id).or_else(|| written.map(|at| at - duration));
        let outcome = match report.split("Status:").nth(1).and_then(|rest| rest.split_whitespace().next()) {
            Some("timeout") => Outcome::TimedOut,
            Some("error") => Outcome::Failed,
            _ => Outcome::Completed,
        };
        let instance = (!stream.is_empty()).then(|| measured.instance(stream));
        let function = measured.function("");
        measured.requests.push(Request {
            at_s: start.map(|start| start - init.unwrap_or(0.0)),
            duration_s: Some(duration),
            init_s: init,
            cold: Some(init.is_some()),
            instance,
            function,
            memory_mb: field(report, "Memory Size:").map(|mb| (mb * 1_000.0).round() as u32),
            billed_s: field(report, "Billed Duration:"),
            outcome,
        });
    }

    /// A line of the structured format.
    fn structured(&mut self, value: &Value, stream: &str, measured: &mut Measured) {
        let at = value["time"].as_str().and_then(when::parse);
        let record = &value["record"];
        let id = record["requestId"].as_str().unwrap_or_default();
        match value["type"].as_str() {
            Some("platform.start") => {
                if let Some(at) = at {
                    self.starts.insert(id.to_owned(), at);
                }
            }
            Some("platform.report") => {
                let metrics = &record["metrics"];
                let seconds = |key: &str| metrics[key].as_f64().map(|ms| ms / 1_000.0);
                let Some(duration) = seconds("durationMs") else { return };
                let init = seconds("initDurationMs").or_else(|| seconds("restoreDurationMs"));
                let start = self.starts.remove(id).or_else(|| at.map(|at| at - duration));
                let outcome = match record["status"].as_str() {
                    Some("timeout") => Outcome::TimedOut,
                    Some("error" | "failure") => Outcome::Failed,
                    _ => Outcome::Completed,
                };
                let instance = (!stream.is_empty()).then(|| measured.instance(stream));
                let function = measured.function("");
                measured.requests.push(Request {
                    at_s: start.map(|start| start - init.unwrap_or(0.0)),
                    duration_s: Some(duration),
                    init_s: init,
                    cold: Some(init.is_some()),
                    instance,
                    function,
                    memory_mb: metrics["memorySizeMB"].as_f64().map(|mb| mb as u32),
                    billed_s: seconds("billedDurationMs"),
                    outcome,
                });
            }
            _ => {}
        }
    }
}

/// The number after a name, in seconds if it is in ms; MB count as thousandths, too.
fn field(text: &str, name: &str) -> Option<f64> {
    let mut rest = text;
    loop {
        let place = rest.find(name)?;
        // `Billed Duration` and `Init Duration` end like `Duration`.
        let before = &rest[..place];
        let after = &rest[place + name.len()..];
        let is_other = name.trim_start() == "Duration:"
            && (before.ends_with("Billed") || before.ends_with("Init") || before.ends_with("Restore"));
        if !is_other {
            let number: f64 = after.trim_start().split([' ', '\t']).next()?.parse().ok()?;
            return (number.is_finite() && number >= 0.0).then_some(number / 1_000.0);
        }
        rest = after;
    }
}

/// The log stream and the time that stand before a line.
fn prefix(before: &str) -> (&str, Option<f64>) {
    let mut stream = "";
    let mut at = None;
    for word in before.split([' ', '\t', ',', '"']).filter(|word| !word.is_empty()) {
        match when::parse(word) {
            Some(time) if word.len() >= 10 => at = Some(time),
            _ if word.contains("[$LATEST]") || word.contains('[') && word.contains(']') && word.len() > 30 => {
                stream = word;
            }
            _ => {}
        }
    }
    (stream, at)
}
