//! The report of a run.

use super::{Kind, alarms, faults, nodes, path};
use crate::measure::summary::{Shape, Stat, Summary};
use crate::measure::{Manifest, RunResult};
use crate::metric;
use crate::report::document::{Block, Card, Cell, Column, Document, Place, Prose, Row, Section, Table, Tone};
use crate::report::format::{Quantity, count, duration};
use crate::report::phrases::{self, N_EVENT, N_INSTANCE, T_EXEC};
use crate::report::{Draft, Report, chart, csv, evidence, json, read_back};

/// How many functions are shown before "show all".
const ROWS: usize = 25;
/// How many are worth a row among the first lines.
const FIRST: usize = 5;
/// How many limits are listed beside the first one.
const LIMITS: usize = 3;
/// How many remarks of one kind are made before they are only counted.
const NOTES: usize = 6;

/// What `forewarm run` leaves.
pub const KIND: Kind = Kind {
    name: "run",
    read: |_, folder| {
        let text = |name| read_back::text(folder, name);
        let files = [read_back::SUMMARY, read_back::TIMELINE, read_back::CHARTS];
        let [summary, timeline, charts] = files.map(text);
        Ok(Box::new(read_back::run(&summary?, &timeline?, &charts?)?))
    },
};

impl Report for RunResult {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn data(&self) -> Vec<Draft<'_>> {
        vec![
            Draft::new(read_back::SUMMARY, || json::summary(&self.summary)),
            Draft::csv("functions.csv", |to| csv::functions(&self.summary, to)),
            Draft::csv(read_back::TIMELINE, |to| csv::timeline(&self.timeline, to)),
            Draft::new(read_back::CHARTS, || json::charts(self)),
        ]
    }

    fn json(&self) -> String {
        json::summary(&self.summary)
    }

    fn document(&self, manifest: &Manifest) -> Document {
        let summary = &self.summary;
        let mut answer = Vec::new();
        if !summary.objectives.is_empty() {
            answer.push(Block::Table(objectives(summary)));
        }
        answer.push(Block::Cards(cards(summary)));
        answer.extend(phrases::based_on(&summary.assumptions).map(|text| Block::Note(text.into())));
        let map = chart::system::map(summary)
            .map(|map| Section::new("map", "Map of the system", Place::Page, vec![Block::Figure(map)]));
        let mut sections: Vec<Section> = alarms::section(summary)
            .into_iter()
            .chain(faults::section(summary))
            .chain(map)
            .chain(path::sections(summary))
            .collect();
        sections.extend(nodes::section(summary));
        if summary.functions.len() > 1 {
            let few = Table { shown: FIRST, ..functions(summary, &COLUMNS[..FEW], "") };
            sections.push(Section::new("busiest", "Busiest functions", Place::Everywhere, vec![Block::Table(few)]));
        }
        let figures = chart::run::charts(self).into_iter().map(Block::Figure).collect();
        sections.push(Section::new("charts", "Charts", Place::Page, figures));
        let all = functions(summary, &COLUMNS, "Busiest functions first");
        let notes = [Block::Note(T_EXEC.into()), Block::Note(N_INSTANCE.into())];
        let blocks = notes.into_iter().chain([Block::Table(all)]).collect();
        sections.push(Section::new("functions", "Functions", Place::Reference, blocks));
        let notes = evidence_blocks(summary);
        if !notes.is_empty() {
            // Requested precision, and notes that require action, belong to the answer.
            let is_asked =
                summary.evidence.precision.is_some() || evidence::notes(summary).iter().any(|one| one.is_warning);
            let place = if is_asked { Place::Everywhere } else { Place::Detail };
            sections.push(Section::new("confidence", "Confidence", place, notes));
        }
        if !summary.assumptions.is_empty() {
            let list = summary.assumptions.iter().map(|one| one.text.as_str().into()).collect();
            sections.push(Section::new("assumptions", "Assumptions", Place::Reference, vec![Block::List(list)]));
        }
        sections.push(Section::new("events", "Events and limits", Place::Reference, events(summary)));
        sections.push(Section::new("metrics", "All metrics", Place::Reference, vec![Block::Table(metrics(summary))]));
        sections.push(Section::new("details", "Run details", Place::Page, details(&summary.scenario.name, manifest)));
        Document {
            kind: KIND.name,
            name: summary.scenario.name.clone(),
            title: phrases::verdict(summary),
            tone: phrases::all_met(summary).map_or(Tone::Plain, Tone::of),
            alerts: phrases::failures(summary)
                .into_iter()
                .chain(path::losses(summary))
                .chain(nodes::still_pending(summary))
                .collect(),
            extent: phrases::extent(summary),
            answer,
            sections,
            foot: format!("{}.", phrases::intervals(summary)),
        }
    }

    fn as_run(&self) -> Option<&RunResult> {
        Some(self)
    }
}

/// What was asked and what was found.
fn objectives(summary: &Summary) -> Table {
    let columns = vec![
        Column::text("Result", ""),
        Column::text("Found", "Mean and 95 % interval"),
        Column::text("Objective", "Required value"),
    ];
    let row = |objective: &crate::measure::summary::ObjectiveResult| {
        let word = if objective.met { "met" } else { "NOT MET" };
        let cells = vec![
            Cell::badge(Tone::of(objective.met), word),
            Cell::text(phrases::found(objective)),
            Cell::text(phrases::bound(objective)),
        ];
        Row::new(objective.subject(), cells)
    };
    let rows = summary.objectives.iter().map(row).collect();
    Table { caption: String::new(), rows_are: "Metric", columns, rows, total: None, shown: ROWS }
}

fn cards(summary: &Summary) -> Vec<Card> {
    let total = &summary.total;
    let mut users = Card::new(
        "What users feel",
        format!("p99 {}", Quantity::Seconds.stat(&total.latency_s.p99)),
        [format!(
            "p50 {}; {} waited for a cold start, {} failed",
            Quantity::Seconds.text(total.latency_s.p50.mean),
            Quantity::Ratio.text(total.cold_affected_ratio.mean),
            Quantity::Ratio.text(total.failure_ratio.mean),
        )],
    );
    if phrases::is_much(total.failure_ratio.mean) {
        users.lines.push("latencies are of completed requests only".to_owned());
    }
    let limits = match summary.limits.split_first() {
        None => Card::new("Limits", "none reached", []),
        Some((first, others)) => {
            let mut lines = vec![phrases::held(first)];
            let told = others.iter().take(LIMITS);
            lines.extend(told.map(|hit| format!("{}: {}", phrases::limit(hit), phrases::held(hit))));
            let more = others.len().saturating_sub(LIMITS);
            lines.extend((more > 0).then(|| format!("{more} more")));
            Card::new("Limits", phrases::limit(first), lines)
        }
    };
    let instances = Card::new(
        "Instances",
        format!("{} on average", count(total.instances.mean.mean)),
        [format!("{} at the peak", count(total.instances.peak.mean))],
    );
    vec![users, phrases::cost_card(summary), limits, instances]
}

/// A number of a function and what its column is called.
type Metric = (&'static str, &'static str, Quantity, fn(&Shape<Stat>) -> &Stat);

/// What users feel of cold starts: under policies that create instances themselves, requests wait for instances that were not
/// created for them.
const WAITED: &str = "Invocations that waited for an instance to start, as a share of invocations started";
/// The columns that are worth a place among the first lines.
const FEW: usize = 5;
const COLUMNS: [Metric; 13] = [
    ("Arrived", "Requests that arrived", Quantity::Count, |f| &f.requests.arrived),
    ("p99", "99th percentile of T_exec (latency)", Quantity::Seconds, |f| &f.latency_s.p99),
    ("Failed", "Requests without a successful response, as a share of arrivals", Quantity::Ratio, |f| &f.failure_ratio),
    ("Cold", WAITED, Quantity::Ratio, |f| &f.cold_affected_ratio),
    ("Instances", "Mean number of instances", Quantity::Count, |f| &f.instances.mean),
    ("p50", "Median of T_exec (latency)", Quantity::Seconds, |f| &f.latency_s.p50),
    ("p95", "95th percentile of T_exec (latency)", Quantity::Seconds, |f| &f.latency_s.p95),
    ("T_func", "Mean duration", Quantity::Seconds, |f| &f.execution_s.mean),
    ("Queueing", "Mean wait for an instance to be assigned", Quantity::Seconds, |f| &f.queueing_s.mean),
    ("Cold start", "Mean wait for that instance to start", Quantity::Seconds, |f| &f.cold_start_s.mean),
    ("Rejected", "Rejected requests, as a share of arrivals", Quantity::Ratio, |f| &f.rejection_ratio),
    ("Peak", "Most instances at any moment", Quantity::Count, |f| &f.instances.peak),
    ("N_instance", "Static estimate: load divided by capacity", Quantity::Count, |f| &f.instances.static_estimate),
];

fn functions(summary: &Summary, metrics: &[Metric], caption: &str) -> Table {
    let cells = |shape: &Shape<Stat>| -> Vec<Cell> {
        let stats = metrics.iter().map(|(.., quantity, stat)| Cell::stat(*quantity, *stat(shape)));
        let month = summary.has_prices.then(|| Cell::stat(Quantity::Usd, phrases::monthly(summary, shape)));
        stats.chain(month).collect()
    };
    let mut columns: Vec<Column> = metrics.iter().map(|(name, about, ..)| Column::new(*name, *about)).collect();
    columns.extend(summary.has_prices.then(|| Column::new("Per month", "Share of the cost of 30 days at this rate")));
    let (used, unused): (Vec<_>, Vec<_>) = phrases::busiest(summary).into_iter().partition(|(_, shape)| {
        shape.requests.arrived.mean > 0.0 || shape.instances.mean.mean > 0.0 || shape.cost_usd.total.mean > 0.0
    });
    let rows: Vec<Row> = used.into_iter().map(|(name, shape)| Row::new(name, cells(shape))).collect();
    let total = (summary.functions.len() != 1).then(|| cells(&summary.total));
    let without = match unused.len() {
        0 => None,
        1 => Some("1 function without requests is in functions.csv only".to_owned()),
        n => Some(format!("{n} functions without requests are in functions.csv only")),
    };
    let caption: Vec<String> =
        Some(caption.to_owned()).into_iter().filter(|one| !one.is_empty()).chain(without).collect();
    Table { caption: caption.join("; "), rows_are: "Function", columns, rows, total, shown: ROWS }
}

/// What there is to say about how sure the numbers are; what is the same for many functions is only counted.
fn evidence_blocks(summary: &Summary) -> Vec<Block> {
    let notes = evidence::notes(summary);
    let (warnings, others): (Vec<_>, Vec<_>) = notes.into_iter().partition(|note| note.is_warning);
    let more = others.len().saturating_sub(NOTES);
    let mut list: Vec<Prose> = warnings.into_iter().map(|note| Prose::default().strong(note.text)).collect();
    list.extend(others.into_iter().take(NOTES).map(|note| note.text.into()));
    list.extend((more > 0).then(|| format!("{more} more notes are in summary.json").into()));
    if list.is_empty() { Vec::new() } else { vec![Block::List(list)] }
}

fn events(summary: &Summary) -> Vec<Block> {
    let pairs = |rows_are, column: &str, list: Vec<(String, Stat)>| {
        let rows = list.into_iter().map(|(name, stat)| Row::new(name, vec![Cell::stat(Quantity::Count, stat)]));
        let columns = vec![Column::new(column, "Mean over replications")];
        Block::Table(Table {
            caption: String::new(),
            rows_are,
            columns,
            rows: rows.collect(),
            total: None,
            shown: ROWS,
        })
    };
    let mut blocks = vec![Block::Note(N_EVENT.into()), pairs("Event", "Number", summary.events.clone())];
    if !summary.limits.is_empty() {
        let hits = summary.limits.iter().map(|hit| (phrases::limit(hit), hit.throttled)).collect();
        blocks.push(pairs("Limit", "Requests throttled or timed out", hits));
    }
    blocks
}

/// Every metric of the total with its interval and its meaning.
fn metrics(summary: &Summary) -> Table {
    let columns = vec![Column::new("Value", "Mean and 95 % interval"), Column::text("Meaning", "")];
    let mut rows = Vec::new();
    summary.total.visit(|metric, stat| {
        let cells = vec![Cell::stat(metric.quantity, *stat), Cell::text(metric.about.as_str())];
        rows.push(Row::new(metric.key.as_str(), cells));
    });
    let caption = "All functions; counts are per replication, for the measured period".to_owned();
    Table { caption, rows_are: "Metric", columns, rows, total: None, shown: metric::metrics().len() }
}

/// How a result was made.
pub(super) fn details(name: &str, manifest: &Manifest) -> Vec<Block> {
    let facts = [
        ("Command", manifest.command.clone()),
        ("Version", manifest.version.clone()),
        ("Scenario", format!("{name}, hash {}", manifest.scenario_hash)),
        ("Seed", manifest.seed.to_string()),
        ("Replications", manifest.replications.to_string()),
        ("Threads", manifest.threads.to_string()),
        ("Wall time", duration(manifest.wall_s)),
        ("Invocations simulated", count(manifest.invocations as f64)),
        ("Speed", format!("{} invocations per second", count(manifest.invocations_per_s))),
    ];
    vec![
        Block::Facts(facts.map(|(name, value)| (name.to_owned(), value)).to_vec()),
        Block::Source("Resolved scenario, including defaults".to_owned(), manifest.scenario.clone()),
    ]
}
