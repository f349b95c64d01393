//! What a report tells of node groups.

use crate::measure::Figures;
use crate::measure::summary::Summary;
use crate::report::document::{Block, Cell, Column, Place, Row, Section, Table, Tone};
use crate::report::format::{Quantity, count};

/// How many groups are shown before "show all".
const ROWS: usize = 25;

use Quantity::{Count, Ratio, Seconds, Usd};

/// A column: its heading, what it means, the key of the figure, and what that is.
type Figure = (&'static str, &'static str, &'static str, Quantity);

const COLUMNS: [Figure; 7] = [
    ("Nodes", "Mean number of nodes, those that boot included", "count.mean", Count),
    ("Peak", "Most nodes at a time", "count.peak", Count),
    ("CPU", "Requests of instances over the CPU of the nodes", "cpu_utilization", Ratio),
    ("Memory", "Requests of instances over the memory of the nodes", "memory_utilization", Ratio),
    ("Pending", "Most instances that waited for a node at a time", "pending_pods.peak", Count),
    ("Wait p99", "How long instances waited for a node", "pending_s.p99", Seconds),
    ("Cost", "Node-seconds at the price of a node", "cost_usd", Usd),
];

/// The columns behind what nodes were short of.
const STRANDED: [Figure; 2] = [
    ("CPU stranded", "CPU that is free on nodes on which no instance fits any more", "cpu_stranded_share", Ratio),
    (
        "Memory stranded",
        "Memory that is free on nodes on which no instance fits any more",
        "memory_stranded_share",
        Ratio,
    ),
];

/// What a node had too little of, by the key of the figure.
const SHORT_OF: [(&str, &str); 5] = [
    ("short_of.cpu", "CPU"),
    ("short_of.memory", "memory"),
    ("short_of.gpu", "GPUs"),
    ("short_of.pods", "places for pods"),
    ("short_of.nodes", "nodes"),
];

/// The section about node groups; none where there is none.
pub(super) fn section(summary: &Summary) -> Option<Section> {
    let groups = &summary.components.nodes;
    if groups.is_empty() {
        return None;
    }
    let short_of = Column::text("Short of", "The resource that nodes were short of when an instance had to wait");
    let columns = headings(&COLUMNS).chain([short_of]).chain(headings(&STRANDED));
    let row = |(name, figures): &(String, Figures)| {
        let short = binding(figures).map_or_else(|| Cell::text(""), |what| Cell::text(what).toned(Tone::Bad));
        Row::new(name.as_str(), cells(&COLUMNS, figures).chain([short]).chain(cells(&STRANDED, figures)).collect())
    };
    let table = Table {
        caption: "Node groups".to_owned(),
        rows_are: "Node group",
        columns: columns.collect(),
        rows: groups.0.iter().map(row).collect(),
        total: None,
        shown: ROWS,
    };
    let blocks = [table].into_iter().chain(starts(summary)).map(Block::Table).collect();
    Some(Section::new("nodes", "Nodes", Place::Everywhere, blocks))
}

fn headings(columns: &[Figure]) -> impl Iterator<Item = Column> {
    columns.iter().map(|(heading, about, ..)| Column::new(*heading, *about))
}

fn cells(columns: &[Figure], figures: &Figures) -> impl Iterator<Item = Cell> {
    // Nodes without a price have no cost of $0.00.
    let has = |key: &str, mean: f64| key != "cost_usd" || mean > 0.0;
    columns.iter().map(move |(_, _, key, quantity)| match figures.get(key) {
        Some(stat) if has(key, stat.mean) => Cell::stat(*quantity, stat),
        _ => Cell::text(""),
    })
}

/// What instances wait for before they begin to start: the columns, as in [`COLUMNS`].
const PHASES: [Figure; 4] = [
    ("Node p50", "Median of the time that an instance waited for a node", "node_s.p50", Seconds),
    ("Node p99", "99th percentile of it", "node_s.p99", Seconds),
    ("Image p50", "Median of the time that its image took to be pulled to that node", "image_s.p50", Seconds),
    ("Image p99", "99th percentile of it", "image_s.p99", Seconds),
];

/// The phases `node` and `image` of the start of instances, where any of them waited.
fn starts(summary: &Summary) -> Option<Table> {
    let groups = &summary.components.starts.0;
    let waits = |(_, figures): &&(String, Figures)| {
        let most = |key| figures.get(key).map_or(0.0, |stat| stat.mean);
        most("node_s.max") > 0.0 || most("image_s.max") > 0.0
    };
    let row = |(name, figures): &(String, Figures)| Row::new(name.as_str(), cells(&PHASES, figures).collect());
    let rows: Vec<Row> = groups.iter().filter(waits).map(row).collect();
    (!rows.is_empty()).then(|| Table {
        caption: "Before an instance starts".to_owned(),
        rows_are: "Function",
        columns: headings(&PHASES).collect(),
        rows,
        total: None,
        shown: ROWS,
    })
}

/// What instances waited for most often.
fn binding(figures: &Figures) -> Option<&'static str> {
    let counts = SHORT_OF.iter().map(|(key, what)| (figures.get(key).map_or(0.0, |stat| stat.mean), *what));
    counts.filter(|(count, _)| *count > 0.0).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, what)| what)
}

/// Instances that had no node when the run ended.
pub(super) fn still_pending(summary: &Summary) -> Vec<String> {
    let mut alerts = Vec::new();
    for (name, figures) in &summary.components.nodes.0 {
        let left = figures.get("pods.pending").map_or(0.0, |stat| stat.mean);
        if left > 0.0 {
            let what = binding(figures).unwrap_or("nodes");
            let are = if left <= 1.0 { "instance was" } else { "instances were" };
            alerts.push(format!("{} {are} pending at the end: node group {name} is short of {what}", count(left)));
        }
    }
    alerts
}
