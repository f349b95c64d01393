//! Access logs of API Gateway as JSON, with the names that AWS's examples use.

use super::{Content, Reader, number, time};
use crate::fit::measured::{Measured, Outcome, Request};

pub(super) const READER: Reader = Reader { name: "API Gateway access log", is, read };

fn is(content: &Content<'_>) -> bool {
    let first = content.first.as_ref().or_else(|| content.json.as_ref().map(|json| json.get(0).unwrap_or(json)));
    first.is_some_and(|value| {
        value.get("requestTimeEpoch").is_some() || value.get("requestTime").is_some() && value.get("status").is_some()
    })
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    measured.seen_by_clients = true;
    content.each(measured, |value, measured| {
        let at = time(&value["requestTimeEpoch"]).or_else(|| time(&value["requestTime"]))?;
        let duration = ["integrationLatency", "responseLatency"]
            .iter()
            .find_map(|key| number(&value[*key]))
            .map(|ms| ms / 1_000.0);
        let outcome = match number(&value["status"]).unwrap_or(0.0) as u32 {
            429 => Outcome::Throttled,
            504 => Outcome::TimedOut,
            500.. => Outcome::Failed,
            _ => Outcome::Completed,
        };
        let function = measured.function("");
        measured.requests.push(Request {
            at_s: Some(at),
            duration_s: duration,
            function,
            outcome,
            ..Request::default()
        });
        Some(())
    });
}
