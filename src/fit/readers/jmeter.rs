//! Result files of JMeter (JTL as CSV).

use super::{Content, Reader};
use crate::fit::measured::{Measured, Outcome, Request};
use crate::fit::when;

pub(super) const READER: Reader = Reader { name: "JMeter results", is, read };

fn is(content: &Content<'_>) -> bool {
    content.has(&["timeStamp", "elapsed"])
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    measured.seen_by_clients = true;
    content.rows(measured, |row, measured| {
        let at = row.get(&["timeStamp"]).and_then(when::parse)?;
        let elapsed = row.number(&["elapsed"])? / 1_000.0;
        let is_good = row.get(&["success"]).is_none_or(|text| text.eq_ignore_ascii_case("true"));
        let outcome = match (row.get(&["responseCode"]), is_good) {
            (Some("429"), _) => Outcome::Throttled,
            (_, false) => Outcome::Failed,
            _ => Outcome::Completed,
        };
        let function = measured.function(row.get(&["label"]).unwrap_or_default());
        measured.requests.push(Request {
            at_s: Some(at),
            duration_s: Some(elapsed),
            function,
            outcome,
            ..Request::default()
        });
        Some(())
    });
}
