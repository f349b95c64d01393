//! What goes into everything on the path, and what becomes of it: in = succeeded + failed + remaining, place by place; and where the
//! latency of requests went.

use crate::measure::summary::{Stat, Summary};
use crate::path::kinds;
use crate::report::document::{Block, Cell, Column, Row, Table, Tone};
use crate::report::format::Quantity;

/// How many rows are shown before "show all".
const ROWS: usize = 25;
/// How many parts of the latency.
const PARTS: usize = 8;
/// From this part on what is lost is worth a colour.
const MUCH: f64 = 0.001;

/// What goes in at one place, and what becomes of it.
#[derive(Clone, Debug)]
pub(in crate::report) struct Flow {
    /// Such as "queue.orders", "function.checkout", "source.web".
    pub(in crate::report) at: String,
    /// What arrives there.
    pub(in crate::report) incoming: f64,
    /// What is done with, successfully.
    pub(in crate::report) succeeded: f64,
    /// What failed, was refused or given up.
    pub(in crate::report) failed: f64,
    /// What is still there at the end.
    pub(in crate::report) remaining: f64,
    /// Arrivals per request of the sources.
    pub(in crate::report) amplification: Option<f64>,
    /// A time that says how it keeps up: what it is, and its value, s.
    pub(in crate::report) time: Option<(&'static str, f64)>,
    /// What failing is called there.
    pub(in crate::report) word: &'static str,
}

impl Flow {
    /// The part of what arrives that fails or is given up.
    pub(in crate::report) fn lost_ratio(&self) -> f64 {
        if self.incoming > 0.0 { self.failed / self.incoming } else { 0.0 }
    }
}

/// Every source, every component but clients, every function.
pub(in crate::report) fn of(summary: &Summary) -> Vec<Flow> {
    let asked = summary.total.requests.arrived.mean;
    let of_sources = summary.sources.iter().map(|(name, source)| {
        let requests = &source.requests;
        Flow {
            at: format!("source.{name}"),
            incoming: requests.arrived.mean,
            succeeded: requests.succeeded.mean,
            failed: requests.failed.mean,
            remaining: requests.unfinished.mean,
            amplification: None,
            time: Some(("p99", source.latency_s.p99.mean)),
            word: "failed",
        }
    });
    let groups = summary.components.groups();
    let described = kinds().iter().filter_map(|kind| Some((kind, kind.flow?)));
    let of_components = described.flat_map(|(kind, flow)| {
        let group = groups.iter().find(|(name, _)| *name == kind.group);
        group.into_iter().flat_map(|(_, group)| &group.0).map(move |(name, figures)| {
            let figure = |key: &str| figures.get(key).map_or(0.0, |stat| stat.mean);
            let sum = |keys: &[&str]| keys.iter().map(|key| figure(key)).sum::<f64>();
            Flow {
                at: format!("{}.{name}", kind.kind),
                incoming: sum(flow.incoming),
                succeeded: sum(flow.succeeded),
                failed: sum(flow.failed),
                remaining: sum(flow.remaining),
                amplification: figures.get("amplification").map(|stat| stat.mean),
                time: flow.time.map(|(what, key)| (what, figures.get(key).map_or(f64::NAN, |stat| stat.mean))),
                word: flow.word,
            }
        })
    });
    let of_functions = summary.functions.iter().map(|(name, function)| {
        let requests = &function.requests;
        Flow {
            at: format!("function.{name}"),
            incoming: requests.arrived.mean,
            succeeded: requests.completed.mean,
            failed: requests.rejected.mean + requests.timed_out.mean + requests.failed.mean,
            remaining: requests.unfinished.mean,
            amplification: Some(requests.arrived.mean / asked),
            time: Some(("p99", function.latency_s.p99.mean)),
            word: "failed",
        }
    });
    of_sources.chain(of_components).chain(of_functions).collect()
}

/// The table of it.
pub(super) fn table(summary: &Summary) -> Block {
    let columns = vec![
        Column::new("In", "What arrives: requests, messages, records, calls or invocations"),
        Column::new("Succeeded", "Successful responses, processed, delivered"),
        Column::new("Failed", "Throttled, timed out, ended with an error, or discarded"),
        Column::new("Remaining", "Left at the end of the run"),
        Column::new("Lost", "Failed as a share of in"),
        Column::new("Amplification", "Arrivals per request of the sources"),
        Column::new("Time", "p99 of latency or age; for streams, the largest age"),
    ];
    let plain = |mean: f64| Stat { mean, half_width: None };
    let row = |flow: &Flow| {
        let lost = flow.lost_ratio();
        let number = |mean: f64| Cell::stat(Quantity::Count, plain(mean));
        let cells = vec![
            number(flow.incoming),
            number(flow.succeeded),
            number(flow.failed),
            number(flow.remaining),
            Cell::stat(Quantity::Ratio, plain(lost)).toned(if lost > MUCH { Tone::Bad } else { Tone::Plain }),
            flow.amplification.map_or_else(|| Cell::text(""), number),
            flow.time.map_or_else(|| Cell::text(""), |(_, seconds)| Cell::stat(Quantity::Seconds, plain(seconds))),
        ];
        Row::new(flow.at.as_str(), cells)
    };
    Block::Table(Table {
        caption: "Flow: in = succeeded + failed + remaining".to_owned(),
        rows_are: "Component",
        columns,
        rows: of(summary).iter().map(row).collect(),
        total: None,
        shown: ROWS,
    })
}

/// Where the latency went, the largest part first; none where no time passed.
pub(super) fn latency(summary: &Summary) -> Option<Block> {
    let mut parts: Vec<_> = summary.latency_parts.iter().collect();
    parts.sort_by(|a, b| b.share.mean.total_cmp(&a.share.mean));
    let row = |part: &&crate::measure::LatencyPart| {
        let name = match &part.part {
            Some(what) => format!("{}: {}", part.at, what.replace('-', " ")),
            None => part.at.clone(),
        };
        let cells = vec![Cell::stat(Quantity::Ratio, part.share), Cell::stat(Quantity::Ratio, part.share_of_slowest)];
        Row::new(name, cells)
    };
    let columns = vec![
        Column::new("Of all", "Share of the latency of successful requests"),
        Column::new("Of the slowest 1 %", "The same for the slowest requests"),
    ];
    (!parts.is_empty()).then(|| {
        Block::Table(Table {
            caption: "Where the latency went, along the critical path".to_owned(),
            rows_are: "Part",
            columns,
            rows: parts.iter().map(row).collect(),
            total: None,
            shown: PARTS,
        })
    })
}
