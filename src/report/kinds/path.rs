//! What a report tells of requests on a path: what sources asked for, and what each component did.

use super::flow;
use crate::measure::summary::{SourceResult, Summary};
use crate::measure::{Figures, Group};
use crate::metric::component::{BATCHING, find_of_batching};
use crate::path::of_group;
use crate::report::document::{Block, Cell, Column, Place, Row, Section, Table, Tone};
use crate::report::format::{Quantity, count};

/// How many components of a kind are shown before "show all".
const ROWS: usize = 25;
/// From this part on what is lost is worth an alert.
const MUCH: f64 = 0.001;

use Quantity::{Count, Seconds};

/// The key of a figure, its heading, and what it measures.
type Figure = (&'static str, &'static str, Quantity);

/// What is shown of functions that serve requests in batches.
const OF_BATCHING: [Figure; 5] = [
    ("ttft_s.p50", "TTFT p50", Seconds),
    ("ttft_s.p99", "TTFT p99", Seconds),
    ("tpot_s.p50", "TPOT p50", Seconds),
    ("tpot_s.p99", "TPOT p99", Seconds),
    ("output_tokens_per_s", "Tokens/s", Count),
];

/// The sections of what lies on the path of requests; none where there is nothing.
pub(super) fn sections(summary: &Summary) -> Vec<Section> {
    let groups = summary.components.groups();
    if groups.is_empty() {
        // Without a path, sources tell something new where several of them send to one function.
        let is_new = summary.sources.len() > summary.functions.len();
        let table = || Block::Table(Table { caption: String::new(), ..sources(summary) });
        return is_new
            .then(|| Section::new("sources", "Sources", Place::Everywhere, vec![table()]))
            .into_iter()
            .collect();
    }
    let mut first = vec![Block::Table(sources(summary))];
    if !summary.calls.is_empty() {
        first.push(flow::table(summary));
    }
    first.extend(flow::latency(summary));
    let mut blocks = Vec::new();
    for (name, group) in &groups {
        if let Some(kind) = of_group(name) {
            let quantity = |key: &str| kind.find(key).map_or(Count, |metric| metric.quantity);
            let columns: Vec<_> = kind.columns.iter().map(|(key, heading)| (*key, *heading, quantity(key))).collect();
            blocks.push(table(kind.title, kind.rows_are, &columns, group));
        }
        if *name == BATCHING {
            first.push(table("Time to first token and per token", "Function", &OF_BATCHING, group));
        }
    }
    let mut sections = vec![Section::new("path", "Request path", Place::Everywhere, first)];
    if !blocks.is_empty() {
        sections.push(Section::new("components", "Components", Place::Detail, blocks));
    }
    sections
}

/// What a figure of functions that serve requests in batches means; their headings are abbreviations.
fn about(key: &str) -> &'static str {
    find_of_batching(key).map_or("", |metric| metric.about.as_str())
}

/// What the components of a kind did.
fn table(title: &str, rows_are: &'static str, figures: &[Figure], group: &Group) -> Block {
    let row = |(name, of_it): &(String, Figures)| {
        let cell = |(key, _, quantity): &Figure| {
            of_it.get(key).map_or_else(|| Cell::text(""), |stat| Cell::stat(*quantity, stat))
        };
        Row::new(name.as_str(), figures.iter().map(cell).collect())
    };
    Block::Table(Table {
        caption: title.to_owned(),
        rows_are,
        columns: figures.iter().map(|(key, heading, _)| Column::new(*heading, about(key))).collect(),
        rows: group.0.iter().map(row).collect(),
        total: None,
        shown: ROWS,
    })
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
        let Some(losses) = of_group(name).and_then(|kind| kind.losses) else { continue };
        for (component, figures) in &group.0 {
            let mean = |key: &str| figures.get(key).map_or(0.0, |stat| stat.mean);
            let (all, lost): (f64, f64) = (mean(losses.of), losses.lost.iter().map(|key| mean(key)).sum());
            if lost > 0.0 && lost > MUCH * all {
                let (lost, all) = (count(lost), count(all));
                alerts.push(format!("{lost} of {all} {} {component} were accepted and then lost", losses.what));
            }
        }
    }
    alerts
}
