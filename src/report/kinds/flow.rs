//! What goes into everything on the path, and what becomes of it: in = succeeded + failed + remaining, place by place; and where the
//! latency of requests went.

use crate::measure::summary::{Stat, Summary};
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

/// What the books of a kind of components say of it: keys whose figures are added up.
struct Books {
    group: &'static str,
    kind: &'static str,
    incoming: &'static [&'static str],
    succeeded: &'static [&'static str],
    failed: &'static [&'static str],
    remaining: &'static [&'static str],
    time: Option<(&'static str, &'static str)>,
    word: &'static str,
}

const BOOKS: [Books; 10] = [
    Books {
        group: "links",
        kind: "link",
        incoming: &["calls.arrived"],
        succeeded: &["calls.answered"],
        failed: &["calls.lost", "calls.failed"],
        remaining: &["calls.unfinished"],
        time: Some(("wait p99", "wait_s.p99")),
        word: "lost",
    },
    Books {
        group: "tenants",
        kind: "tenant",
        incoming: &["requests.arrived"],
        succeeded: &["requests.completed"],
        failed: &["requests.throttled", "requests.failed"],
        remaining: &["requests.unfinished"],
        time: Some(("p99", "latency_s.p99")),
        word: "failed",
    },
    Books {
        group: "gateways",
        kind: "gateway",
        incoming: &["requests.arrived"],
        succeeded: &["requests.completed", "requests.cached"],
        failed: &["requests.throttled", "requests.timed_out", "requests.failed"],
        remaining: &["requests.unfinished"],
        time: Some(("p99", "latency_s.p99")),
        word: "failed",
    },
    Books {
        group: "routers",
        kind: "router",
        incoming: &["calls.arrived"],
        succeeded: &["calls.completed"],
        failed: &["calls.failed"],
        remaining: &["calls.unfinished"],
        time: None,
        word: "failed",
    },
    Books {
        group: "queues",
        kind: "queue",
        incoming: &["messages.sent", "messages.redriven"],
        succeeded: &["messages.completed"],
        failed: &["messages.dead_lettered", "messages.expired"],
        remaining: &["messages.remaining"],
        time: Some(("age p99", "age_s.p99")),
        word: "lost",
    },
    Books {
        group: "asynchronous",
        kind: "async",
        incoming: &["events.received", "events.duplicated"],
        succeeded: &["events.completed"],
        failed: &["events.dead_lettered", "events.expired"],
        remaining: &["events.remaining"],
        time: Some(("age p99", "age_s.p99")),
        word: "lost",
    },
    Books {
        group: "topics",
        kind: "topic",
        incoming: &["messages.delivered", "messages.dropped", "messages.in_flight"],
        succeeded: &["messages.delivered"],
        failed: &["messages.dropped"],
        remaining: &["messages.in_flight"],
        time: Some(("p99", "delivery_s.p99")),
        word: "lost",
    },
    Books {
        group: "streams",
        kind: "stream",
        incoming: &["records.sent", "records.throttled"],
        succeeded: &["records.completed"],
        failed: &["records.throttled", "records.skipped", "records.expired"],
        remaining: &["records.remaining"],
        time: Some(("age max", "iterator_age_s.max")),
        word: "lost",
    },
    Books {
        group: "workflows",
        kind: "workflow",
        incoming: &["executions.started", "executions.throttled"],
        succeeded: &["executions.succeeded"],
        failed: &["executions.throttled", "executions.failed"],
        remaining: &["executions.remaining"],
        time: Some(("p99", "latency_s.p99")),
        word: "failed",
    },
    Books {
        group: "dependencies",
        kind: "dependency",
        incoming: &["calls.arrived"],
        succeeded: &["calls.completed"],
        failed: &["calls.throttled", "calls.timed_out", "calls.failed"],
        remaining: &["calls.unfinished"],
        time: Some(("p99", "latency_s.p99")),
        word: "failed",
    },
];

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
    let of_components = BOOKS.iter().flat_map(|books| {
        let group = groups.iter().find(|(name, _)| *name == books.group);
        group.into_iter().flat_map(|(_, group)| &group.0).map(move |(name, figures)| {
            let figure = |key: &str| figures.get(key).map_or(0.0, |stat| stat.mean);
            let sum = |keys: &[&str]| keys.iter().map(|key| figure(key)).sum::<f64>();
            Flow {
                at: format!("{}.{name}", books.kind),
                incoming: sum(books.incoming),
                succeeded: sum(books.succeeded),
                failed: sum(books.failed),
                remaining: sum(books.remaining),
                amplification: figures.get("amplification").map(|stat| stat.mean),
                time: books.time.map(|(what, key)| (what, figures.get(key).map_or(f64::NAN, |stat| stat.mean))),
                word: books.word,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::component;

    #[test]
    fn the_keys_are_metrics() {
        for books in &BOOKS {
            let kind = component::of_group(books.group).expect("a group");
            assert_eq!(kind.kind, books.kind);
            let keys = [books.incoming, books.succeeded, books.failed, books.remaining].concat();
            for key in keys.into_iter().chain(books.time.map(|(_, key)| key)) {
                assert!(kind.find(key).is_some(), "{key} of {}", kind.kind);
            }
        }
    }
}
