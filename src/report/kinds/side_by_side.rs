//! Several stored runs side by side: a column for each, differences from the first.

use super::run::details;
use crate::measure::comparison::HEADLINE;
use crate::measure::summary::{Asked, ObjectiveResult, Stat, Summary};
use crate::measure::{Manifest, RunResult};
use crate::metric;
use crate::path::quantity_of;
use crate::report::document::{Block, Cell, Column, Document, Place, Row, Section, Table, Tone};
use crate::report::format::{Quantity, percent};
use crate::report::{chart, phrases};

/// Beside the headline of every comparison.
const MORE: [&str; 5] =
    ["requests.arrived", "instances.mean", "instances.peak", "concurrency.peak", "requests.rejected"];
/// What the numbers are and are not.
const APART: &str = "Differences are between independent runs; their intervals combine those of both runs (root of the \
                     sum of squares). `forewarm compare` pairs replications and detects smaller differences.";

/// A stored run with the name that it goes by.
pub struct Stored {
    /// Short, and different from the others'.
    pub name: String,
    /// What it found.
    pub result: RunResult,
    /// How it was made.
    pub manifest: Manifest,
}

/// The report of several runs; the others are compared with the first.
#[must_use]
pub fn document(runs: &[Stored]) -> Document {
    let first = runs.first().map(|run| run.name.as_str()).unwrap_or_default();
    let results: Vec<_> = runs.iter().map(|run| (run.name.clone(), run.result.clone())).collect();
    let figures = chart::runs::charts(&results).into_iter().map(Block::Figure).collect();
    let all: Vec<Line> = metric::metrics()
        .iter()
        .map(|metric| line(runs, &metric.key, &|summary| summary.total.get(&metric.key).copied()))
        .collect();
    let mut sections = vec![
        Section::new("charts", "Charts", Place::Page, figures),
        Section::new("metrics", "All metrics", Place::Reference, vec![Block::Table(table(runs, &all))]),
    ];
    for (place, run) in runs.iter().enumerate() {
        let id = IDS.get(place).copied().unwrap_or("details");
        let name = &run.result.summary.scenario.name;
        sections.push(Section::new(
            id,
            format!("Run details: {}", run.name),
            Place::Page,
            details(name, &run.manifest),
        ));
    }
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    Document {
        kind: "report",
        name: names.join(", "),
        title: format!("{} runs side by side", runs.len()),
        tone: Tone::Plain,
        alerts: Vec::new(),
        extent: format!("differences from {first}"),
        answer: vec![
            Block::Table(verdicts(runs)),
            Block::Table(table(runs, &headline(runs))),
            Block::Note(APART.into()),
        ],
        sections,
        foot: format!("From the stored results of {} runs.", runs.len()),
    }
}

/// Anchors of the runs.
const IDS: [&str; 8] = ["run-1", "run-2", "run-3", "run-4", "run-5", "run-6", "run-7", "run-8"];

fn verdicts(runs: &[Stored]) -> Table {
    let columns = vec![Column::text("Objectives", ""), Column::text("Scenario", ""), Column::text("Simulated", "")];
    let row = |run: &Stored| {
        let summary = &run.result.summary;
        let tone = phrases::all_met(summary).map_or(Tone::Plain, Tone::of);
        let verdict =
            Cell::badge(tone, phrases::verdict(summary)).noted(phrases::failures(summary).unwrap_or_default());
        let cells = vec![verdict, Cell::text(summary.scenario.name.as_str()), Cell::text(phrases::extent(summary))];
        Row::new(run.name.as_str(), cells)
    };
    Table {
        caption: String::new(),
        rows_are: "Run",
        columns,
        rows: runs.iter().map(row).collect(),
        total: None,
        shown: usize::MAX,
    }
}

/// A metric of all runs: its key with the function if there is one, and what each run found.
struct Line {
    key: String,
    quantity: Quantity,
    found: Vec<Stat>,
}

fn line(runs: &[Stored], key: &str, of: &dyn Fn(&Summary) -> Option<Stat>) -> Line {
    let nothing = Stat { mean: f64::NAN, half_width: None };
    let found = runs.iter().map(|run| of(&run.result.summary).unwrap_or(nothing)).collect();
    Line { key: key.to_owned(), quantity: quantity_of(key), found }
}

/// What people look at first, then what the objectives of any run name, then the cost of a month.
fn headline(runs: &[Stored]) -> Vec<Line> {
    let total = |key: &&str| line(runs, key, &|summary| summary.total.get(key).copied());
    let mut lines: Vec<Line> = HEADLINE.iter().chain(&MORE).map(total).collect();
    for objective in runs.iter().flat_map(|run| &run.result.summary.objectives) {
        let subject = objective.subject();
        if lines.iter().all(|line| line.key != subject) {
            let found = runs.iter().map(|run| of_objective(&run.result.summary, &objective.asked)).collect();
            lines.push(Line { key: subject, quantity: objective.quantity(), found });
        }
    }
    lines.push(line(runs, "monthly_cost_usd", &|summary| Some(summary.monthly_cost_usd)));
    lines
}

/// What a run found of an objective that it may not have itself.
fn of_objective(summary: &Summary, asked: &Asked) -> Stat {
    let same = |one: &&ObjectiveResult| one.subject() == asked.subject();
    if let Some(own) = summary.objectives.iter().find(same) {
        return own.value;
    }
    if let Some(name) = &asked.component {
        let found = asked.metric.as_deref().and_then(|metric| summary.components.figure(name, metric));
        return found.unwrap_or(Stat { mean: f64::NAN, half_width: None });
    }
    if let (Some(name), Some(key)) = (&asked.function, &asked.metric)
        && let Some(stat) = summary.components.batching.get(name).and_then(|figures| figures.get(key))
    {
        return stat;
    }
    let shape = match &asked.function {
        Some(function) => summary.functions.iter().find(|(name, _)| name == function).map(|(_, shape)| shape),
        None => Some(&summary.total),
    };
    let found = shape.zip(asked.metric.as_deref()).and_then(|(shape, metric)| shape.get(metric)).copied();
    found.unwrap_or(Stat { mean: f64::NAN, half_width: None })
}

/// What a run has more than the first, with its interval; none if either has nothing, or both the same.
fn difference(line: &Line, place: usize) -> Option<String> {
    let (first, other) = (line.found[0], line.found[place]);
    let mean = other.mean - first.mean;
    if !mean.is_finite() || mean == 0.0 {
        return None;
    }
    let half_width = first.half_width.zip(other.half_width).map(|(a, b)| a.hypot(b));
    let number = line.quantity.difference(&Stat { mean, half_width });
    // A difference of ratios is in percentage points, which a part of the first must not be taken for.
    let part = Some(mean / first.mean.abs()).filter(|part| part.is_finite() && line.quantity != Quantity::Ratio);
    let part =
        part.map_or_else(String::new, |part| format!(" ({}{})", if part > 0.0 { "+" } else { "" }, percent(part)));
    Some(format!("{number}{part}"))
}

fn table(runs: &[Stored], lines: &[Line]) -> Table {
    let row = |line: &Line| {
        let cell = |(place, stat): (usize, &Stat)| {
            let more = (place > 0).then(|| difference(line, place)).flatten();
            Cell::stat(line.quantity, *stat).noted(more.unwrap_or_default())
        };
        Row::new(line.key.as_str(), line.found.iter().enumerate().map(cell).collect())
    };
    Table {
        caption: String::new(),
        rows_are: "Metric",
        columns: runs.iter().map(|run| Column::new(run.name.as_str(), "")).collect(),
        rows: lines.iter().map(row).collect(),
        total: None,
        shown: usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::{html, markdown};
    use crate::report::sample;

    fn runs(names: &[&str]) -> Vec<Stored> {
        let run = |name: &&str| Stored {
            name: (*name).to_owned(),
            result: sample::result(3, 24),
            manifest: sample::manifest(),
        };
        names.iter().map(run).collect()
    }

    #[test]
    fn differences_are_those_of_independent_runs() {
        let mut runs = runs(&["before", "after"]);
        runs[0].result.summary.total.latency_s.p99 = Stat { mean: 0.5, half_width: Some(0.03) };
        runs[1].result.summary.total.latency_s.p99 = Stat { mean: 0.4, half_width: Some(0.04) };
        runs[0].result.summary.total.cold_start_ratio = Stat { mean: 0.02, half_width: Some(0.001) };
        runs[1].result.summary.total.cold_start_ratio = Stat { mean: 0.01, half_width: Some(0.001) };
        let page = html::render(&document(&runs));
        assert!(page.contains("-100\u{a0}±\u{a0}50 ms (-20\u{a0}%)"));
        assert!(page.contains("-1.00\u{a0}±\u{a0}0.14 pp<"), "a difference of shares, and no part of one");
        assert!(markdown::render(&document(&runs), "forewarm run").contains("-100 ± 50 ms (-20 %)"));
    }

    #[test]
    fn what_one_has_not_is_left_empty() {
        let mut runs = runs(&["before", "after"]);
        runs[1].result.summary.functions[0].0 = "renamed".into();
        runs[1].result.summary.objectives.clear();
        let lines = headline(&runs);
        let line = lines.iter().find(|line| line.key == "latency_s.p99 of checkout").unwrap();
        assert!(line.found[1].mean.is_nan() && difference(line, 1).is_none());
        runs[1].result = sample::empty();
        assert!(html::render(&document(&runs)).contains("2 runs side by side"));
    }

    #[test]
    fn names_are_data() {
        let page = html::render(&document(&runs(&["<script>alert(1)</script>", "\"><img src=x onerror=alert(2)>"])));
        assert!(!page.contains("<script>alert") && !page.contains("<img"));
        assert_eq!(page.matches("<script").count(), 1, "the page's own");
    }
}
