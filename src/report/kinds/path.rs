//! What a report tells of requests on a path: what sources asked for, and what each component did.

use super::flow;
use crate::measure::summary::{SourceResult, Summary};
use crate::report::document::{Block, Cell, Column, Place, Row, Section, Table, Tone};
use crate::report::format::{Quantity, count};

/// How many components of a kind are shown before "show all".
const ROWS: usize = 25;
/// From this part on what is lost is worth an alert.
const MUCH: f64 = 0.001;

/// What is shown of a kind of components: its group in the summary, its title, and figures with their headings, the most
/// important first.
struct Shown {
    group: &'static str,
    title: &'static str,
    rows_are: &'static str,
    columns: &'static [(&'static str, &'static str, Quantity)],
}

use Quantity::{Count, Seconds, Usd};

const SHOWN: [Shown; 12] = [
    Shown {
        group: "clients",
        title: "Clients",
        rows_are: "Client",
        columns: &[
            ("attempts_per_request", "Attempts per request", Count),
            ("calls.succeeded", "Succeeded", Count),
            ("calls.failed", "Failed", Count),
            ("attempts.timed_out", "Attempts timed out", Count),
            ("attempts.refused", "Rejected by breaker", Count),
        ],
    },
    Shown {
        group: "gateways",
        title: "Gateways",
        rows_are: "Gateway",
        columns: &[
            ("requests.arrived", "Arrived", Count),
            ("requests.throttled", "Throttled", Count),
            ("requests.timed_out", "Timed out", Count),
            ("requests.failed", "Failed", Count),
            ("requests.cached", "From cache", Count),
            ("cost_usd", "Cost", Usd),
        ],
    },
    Shown {
        group: "queues",
        title: "Queues",
        rows_are: "Queue",
        columns: &[
            ("messages.sent", "Sent", Count),
            ("messages.completed", "Completed", Count),
            ("messages.dead_lettered", "Dead letters", Count),
            ("messages.expired", "Expired", Count),
            ("messages.remaining", "Remaining", Count),
            ("age_s.p99", "Age p99", Seconds),
            ("depth.peak", "Peak depth", Count),
            ("cost_usd", "Cost", Usd),
        ],
    },
    Shown {
        group: "asynchronous",
        title: "Asynchronous invocation",
        rows_are: "Function",
        columns: &[
            ("events.received", "Received", Count),
            ("events.completed", "Completed", Count),
            ("events.dead_lettered", "Dead letters", Count),
            ("events.expired", "Expired", Count),
            ("events.remaining", "Remaining", Count),
            ("attempts", "Attempts", Count),
            ("age_s.p99", "Age p99", Seconds),
        ],
    },
    Shown {
        group: "topics",
        title: "Topics",
        rows_are: "Topic",
        columns: &[
            ("messages.published", "Published", Count),
            ("messages.delivered", "Delivered", Count),
            ("messages.dropped", "Dropped", Count),
            ("retries", "Retries", Count),
            ("cost_usd", "Cost", Usd),
        ],
    },
    Shown {
        group: "streams",
        title: "Streams",
        rows_are: "Stream",
        columns: &[
            ("records.sent", "Sent", Count),
            ("records.completed", "Completed", Count),
            ("records.skipped", "Skipped", Count),
            ("records.expired", "Expired", Count),
            ("records.remaining", "Remaining", Count),
            ("iterator_age_s.max", "Max. iterator age", Seconds),
            ("retries", "Retries", Count),
            ("cost_usd", "Cost", Usd),
        ],
    },
    Shown {
        group: "dependencies",
        title: "Dependencies",
        rows_are: "Dependency",
        columns: &[
            ("calls.arrived", "Calls", Count),
            ("latency_s.p99", "Latency p99", Seconds),
            ("wait_s.p99", "Wait p99", Seconds),
            ("calls.throttled", "Throttled", Count),
            ("calls.timed_out", "Timed out", Count),
            ("calls.failed", "Failed", Count),
            ("concurrency.peak", "Peak concurrency", Count),
            ("cost_usd", "Cost", Usd),
        ],
    },
    Shown {
        group: "workflows",
        title: "Workflows",
        rows_are: "Workflow",
        columns: &[
            ("executions.started", "Started", Count),
            ("executions.succeeded", "Succeeded", Count),
            ("executions.failed", "Failed", Count),
            ("latency_s.p99", "Latency p99", Seconds),
            ("transitions", "Transitions", Count),
            ("cost_usd", "Cost", Usd),
        ],
    },
    Shown {
        group: "routers",
        title: "Routers",
        rows_are: "Router",
        columns: &[
            ("calls.arrived", "Calls", Count),
            ("calls.completed", "Completed", Count),
            ("calls.failed", "Failed", Count),
            ("calls.failed_over", "Failed over", Count),
        ],
    },
    Shown {
        group: "links",
        title: "Links",
        rows_are: "Link",
        columns: &[
            ("calls.arrived", "Calls", Count),
            ("calls.lost", "Lost", Count),
            ("calls.failed", "Failed", Count),
            ("bytes", "Bytes", Count),
            ("wait_s.p99", "Wait for bandwidth p99", Seconds),
            ("cost_usd", "Cost", Usd),
        ],
    },
    Shown {
        group: "tenants",
        title: "Tenants",
        rows_are: "Tenant",
        columns: &[
            ("requests.arrived", "Arrived", Count),
            ("requests.throttled", "Throttled", Count),
            ("requests.completed", "Completed", Count),
            ("requests.failed", "Failed", Count),
            ("latency_s.p99", "Latency p99", Seconds),
            ("concurrency.peak", "Peak concurrency", Count),
        ],
    },
    Shown {
        group: "batching",
        title: "Served in batches",
        rows_are: "Function",
        columns: &[
            ("ttft_s.p50", "First token p50", Seconds),
            ("ttft_s.p99", "First token p99", Seconds),
            ("tpot_s.p50", "Per token p50", Seconds),
            ("tpot_s.p99", "Per token p99", Seconds),
            ("output_tokens_per_s", "Tokens a second", Count),
        ],
    },
];

/// What messages and records that were given up are called, by group: given up, of how many.
const LOSSES: [(&str, &str, &str, &[&str]); 4] = [
    ("queues", "messages of queue", "messages.sent", &["messages.dead_lettered", "messages.expired"]),
    ("asynchronous", "events of function", "events.received", &["events.dead_lettered", "events.expired"]),
    ("streams", "records of stream", "records.sent", &["records.skipped", "records.expired"]),
    ("topics", "deliveries of topic", "messages.published", &["messages.dropped"]),
];

/// The sections of what lies on the path of requests; none where there is nothing.
pub(super) fn sections(summary: &Summary) -> Vec<Section> {
    let groups = summary.components.groups();
    if groups.is_empty() {
        return Vec::new();
    }
    let mut first = vec![Block::Table(sources(summary))];
    if !summary.calls.is_empty() {
        first.push(flow::table(summary));
    }
    first.extend(flow::latency(summary));
    let mut blocks = Vec::new();
    for shown in &SHOWN {
        let Some((_, group)) = groups.iter().find(|(name, _)| *name == shown.group) else { continue };
        let columns = shown.columns.iter().map(|(_, heading, _)| Column::new(*heading, ""));
        let rows = group.0.iter().map(|(name, figures)| {
            let cell = |(key, _, quantity): &(&str, &str, Quantity)| {
                figures.get(key).map_or_else(|| Cell::text(""), |stat| Cell::stat(*quantity, stat))
            };
            Row::new(name.as_str(), shown.columns.iter().map(cell).collect())
        });
        blocks.push(Block::Table(Table {
            caption: shown.title.to_owned(),
            rows_are: shown.rows_are,
            columns: columns.collect(),
            rows: rows.collect(),
            total: None,
            shown: ROWS,
        }));
    }
    vec![
        Section::new("path", "Request path", Place::Everywhere, first),
        Section::new("components", "Components", Place::Detail, blocks),
    ]
}

/// What sources asked for, from the first attempt to the last answer.
fn sources(summary: &Summary) -> Table {
    let columns = vec![
        Column::new("Arrived", "Requests, counted once regardless of retries"),
        Column::new("Failed", "Share without a successful response"),
        Column::new("p50", "From the first attempt to the final response, successful requests only"),
        Column::new("p99", ""),
        Column::new("Attempts", "For each request"),
        Column::new("Cold", "Cold starts as a share of the invocations that its requests start"),
    ];
    let row = |(name, source): &(String, SourceResult)| {
        let attempts = source.attempts_per_request.map_or_else(|| Cell::text("1"), |stat| Cell::stat(Count, stat));
        let is_bad = source.failure_ratio.mean > MUCH;
        let cells = vec![
            Cell::stat(Count, source.requests.arrived),
            Cell::stat(Quantity::Ratio, source.failure_ratio).toned(if is_bad { Tone::Bad } else { Tone::Plain }),
            Cell::stat(Seconds, source.latency_s.p50),
            Cell::stat(Seconds, source.latency_s.p99),
            attempts,
            Cell::stat(Quantity::Ratio, source.cold_start_ratio),
        ];
        Row::new(name.as_str(), cells)
    };
    Table {
        caption: "Sources".to_owned(),
        rows_are: "Source",
        columns,
        rows: summary.sources.iter().map(row).collect(),
        total: None,
        shown: ROWS,
    }
}

/// What was accepted and then given up: its source knows nothing of it.
pub(super) fn losses(summary: &Summary) -> Vec<String> {
    let mut alerts = Vec::new();
    for (name, group) in summary.components.groups() {
        let Some((_, what, of, given_up)) = LOSSES.iter().find(|(known, ..)| *known == name) else { continue };
        for (component, figures) in &group.0 {
            let mean = |key: &str| figures.get(key).map_or(0.0, |stat| stat.mean);
            let (all, lost): (f64, f64) = (mean(of), given_up.iter().map(|key| mean(key)).sum());
            if lost > 0.0 && lost > MUCH * all {
                let (lost, all) = (count(lost), count(all));
                alerts.push(format!("{lost} of {all} {what} {component} were accepted and then lost"));
            }
        }
    }
    alerts
}
