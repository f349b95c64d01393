//! Samples of k6: `--out json` and `--out csv`.

use super::{Content, Reader, number, time};
use crate::fit::measured::{Measured, Outcome, Request};
use crate::fit::when;

pub(super) const JSON: Reader = Reader { name: "k6 JSON", is: is_json, read: read_json };
pub(super) const CSV: Reader = Reader { name: "k6 CSV", is: is_csv, read: read_csv };

fn is_json(content: &Content<'_>) -> bool {
    content.first.as_ref().is_some_and(|value| {
        value.get("metric").is_some() && matches!(value["type"].as_str(), Some("Point" | "Metric"))
    })
}

fn is_csv(content: &Content<'_>) -> bool {
    content.has(&["metric_name", "timestamp", "metric_value"])
}

fn add(end: f64, milliseconds: f64, status: Option<f64>, measured: &mut Measured) {
    measured.seen_by_clients = true;
    let duration = milliseconds / 1_000.0;
    let outcome = match status.unwrap_or(200.0) as u32 {
        429 => Outcome::Throttled,
        0 | 500.. => Outcome::Failed,
        _ => Outcome::Completed,
    };
    let function = measured.function("");
    measured.requests.push(Request {
        at_s: Some(end - duration),
        duration_s: Some(duration),
        function,
        outcome,
        ..Request::default()
    });
}

fn read_json(content: &Content<'_>, measured: &mut Measured) {
    content.each(measured, |value, measured| {
        if value["type"] == "Point" && value["metric"] == "http_req_duration" {
            let data = &value["data"];
            add(time(&data["time"])?, number(&data["value"])?, number(&data["tags"]["status"]), measured);
        }
        Some(())
    });
}

fn read_csv(content: &Content<'_>, measured: &mut Measured) {
    measured.whole_seconds = true;
    content.rows(measured, |row, measured| {
        if row.get(&["metric_name"])? == "http_req_duration" {
            let end = row.get(&["timestamp"]).and_then(when::parse)?;
            add(end, row.number(&["metric_value"])?, row.number(&["status"]), measured);
        }
        Some(())
    });
}
