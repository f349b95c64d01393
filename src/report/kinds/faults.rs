//! What a report tells of faults: what they cost, and whether the system recovered.

use crate::measure::FaultResult;
use crate::measure::summary::Summary;
use crate::report::chart::run::clock;
use crate::report::document::{Block, Cell, Column, Place, Row, Section, Table, Tone};
use crate::report::format::{Quantity, count, duration};

/// How many faults are shown before "show all".
const ROWS: usize = 25;

/// The section of the faults; none where there are none.
pub(super) fn section(summary: &Summary) -> Option<Section> {
    let columns = vec![
        Column::new("Requests lost", "Failed requests that were in progress while it was active"),
        Column::text(
            "Recovery",
            "From its end until latency and failures were as before for three intervals of the time series",
        ),
        Column::text("Fault", ""),
        Column::text("When", "Since the start of the run"),
        Column::new("Messages lost", "Dead-lettered, expired, skipped or dropped while it was active"),
        Column::new("Work lost", "Instance time of invocations that failed while it was active"),
    ];
    let row = |(name, fault): &(String, FaultResult)| {
        let cells = vec![
            Cell::stat(Quantity::Count, fault.lost).toned(tone(fault.lost.mean > 0.0)),
            recovery(fault),
            Cell::text(format!("{} at {}", fault.kind, fault.target)),
            Cell::text(when(fault)),
            Cell::stat(Quantity::Count, fault.lost_messages).toned(tone(fault.lost_messages.mean > 0.0)),
            Cell::stat(Quantity::Seconds, fault.lost_work_s),
        ];
        Row::new(name.as_str(), cells)
    };
    let rows: Vec<Row> = summary.faults.iter().map(row).collect();
    let table = Table { caption: String::new(), rows_are: "Name", columns, rows, total: None, shown: ROWS };
    (!summary.faults.is_empty()).then(|| Section::new("faults", "Faults", Place::Everywhere, vec![Block::Table(table)]))
}

fn tone(is_bad: bool) -> Tone {
    if is_bad { Tone::Bad } else { Tone::Plain }
}

/// `at 1m for 10s`, `at random: 4.2 times, 50s in all`.
fn when(fault: &FaultResult) -> String {
    match (fault.at_s, fault.lasts_s) {
        (Some(at), Some(0.0)) => format!("at {}", clock(at)),
        (Some(at), Some(lasts)) => format!("at {} for {}", clock(at), clock(lasts)),
        _ => {
            let (times, active) = (fault.times.mean, fault.active_s.mean);
            format!("at random: {} times, {} in all", count(times), duration(active))
        }
    }
}

/// When it was over for the requests; where that was not always so, how often it was.
fn recovery(fault: &FaultResult) -> Cell {
    let (times, recovered) = (fault.times.mean, fault.recovered.mean);
    if times == 0.0 {
        return Cell::text("did not occur");
    }
    if recovered == 0.0 {
        return Cell::text("not by the end").toned(Tone::Bad);
    }
    let after = match fault.recovered_after_s.mean {
        0.0 => "at once".to_owned(),
        seconds => duration(seconds),
    };
    match recovered < times {
        true => Cell::text(format!("{after} ({} of {} times)", count(recovered), count(times))).toned(Tone::Bad),
        false => Cell::text(after),
    }
}
