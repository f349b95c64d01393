//! What `forewarm run --decisions` writes: what a scaling policy saw and decided.

use super::{Content, Reader};
use crate::fit::measured::{Measured, Metric};
use crate::policy::scaling::replay::Gauge;

pub(super) const READER: Reader = Reader { name: "log of scaling decisions", is, read };

fn is(content: &Content<'_>) -> bool {
    content.has(&["time_s", "function", "policy", "ordered", "existing", "reason"])
}

fn read(content: &Content<'_>, measured: &mut Measured) {
    let mut first: Option<String> = None;
    let mut others = 0;
    content.rows(measured, |row, measured| {
        let at = row.number(&["time_s"])?;
        let function = row.get(&["function"]).unwrap_or_default();
        // Gauges have no function of their own: they are those of the first.
        if first.get_or_insert_with(|| function.to_owned()) != function {
            others += 1;
            return Some(());
        }
        let gauges = [
            ("ordered", Metric::DesiredInstances),
            ("existing", Metric::Instances),
            ("ready", Metric::Gauge(Gauge::Ready)),
            ("in_progress", Metric::Concurrency),
            ("queued", Metric::Gauge(Gauge::Queue)),
        ];
        for (column, metric) in gauges {
            measured.add(metric, column, at, row.number(&[column])?);
        }
        for (name, value) in row.get(&["inputs"]).unwrap_or_default().split(';').filter_map(|one| one.split_once('=')) {
            if let (Some(gauge), Ok(value)) = (Gauge::of_name(name), value.parse()) {
                match gauge {
                    // It is the same as the column.
                    Gauge::Queue => {}
                    gauge => measured.add(Metric::Gauge(gauge), name, at, value),
                }
            }
        }
        Some(())
    });
    if others > 0 {
        let first = first.unwrap_or_default();
        measured.skip(content.name, 1, format!("{others} decisions of other functions than `{first}`, the first"));
    }
}
