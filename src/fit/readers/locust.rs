//! Statistics of Locust: percentiles of all requests, and rates over time.

use super::{Content, Reader};
use crate::fit::measured::{Measured, Metric};
use crate::fit::when;

pub(super) const READER: Reader = Reader { name: "Locust statistics", is, read };

/// Columns of percentiles.
const SHARES: [(&str, f64); 9] = [
    ("50%", 0.5),
    ("66%", 0.66),
    ("75%", 0.75),
    ("80%", 0.8),
    ("90%", 0.9),
    ("95%", 0.95),
    ("98%", 0.98),
    ("99%", 0.99),
    ("99.9%", 0.999),
];

fn is(content: &Content<'_>) -> bool {
    content.has(&["Type", "Name", "Request Count"]) || content.has(&["Timestamp", "User Count"])
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    measured.seen_by_clients = true;
    let is_history = content.has(&["Timestamp", "User Count"]);
    content.rows(measured, |row, measured| {
        if row.get(&["Name"]).is_some_and(|name| name != "Aggregated") {
            return Some(());
        }
        if is_history {
            let at = row.get(&["Timestamp"]).and_then(when::parse)?;
            if let Some(rate) = row.number(&["Requests/s"]) {
                measured.add(Metric::Rate, "", at, rate);
            }
            for (column, metric) in
                [("50%", Metric::DurationP50), ("95%", Metric::DurationP95), ("99%", Metric::DurationP99)]
            {
                if let Some(ms) = row.number(&[column]) {
                    measured.add(metric, "", at, ms / 1_000.0);
                }
            }
            return Some(());
        }
        row.number(&["Request Count"])?;
        measured.percentiles =
            SHARES.iter().filter_map(|(column, share)| Some((*share, row.number(&[column])? / 1_000.0))).collect();
        if let Some(rate) = row.number(&["Requests/s"]) {
            measured.add(Metric::Rate, "", 0.0, rate);
        }
        Some(())
    });
}
