//! What the terminal, scripts and `report.html` say of a sweep.

use maud::html;
use serde_json::{Value, json};

use super::digest::{Digest, Kept};
use crate::measure::Manifest;
use crate::measure::summary::Stat;
use crate::report::chart::Drawn;
use crate::report::number::{Quantity, count};
use crate::report::page::{Cell, Column, Section, figure, render, table};
use crate::report::wording::shown;
use crate::scenario::Scenario;

/// Rows of the table of points; all are in the files.
const ROWS: usize = 2_000;
/// Rows that are shown at first.
const SHOWN: usize = 20;

/// The answer in a few lines, for the terminal.
#[must_use]
pub fn answer(scenario: &Scenario, digest: &Digest) -> String {
    let mut text = format!("{}: {}\n", scenario.name, verdict(digest));
    if let Some(best) = &digest.best {
        text.push_str(&format!("\n{}: point {}\n", title_of_best(digest), best.number + 1));
        let pairs = digest.axes.iter().zip(&best.texts).map(|(axis, text)| (axis.key.clone(), text.clone()));
        let found = digest.metrics.iter().zip(&best.stats);
        let found = found.map(|(metric, stat)| (metric.name.clone(), metric.quantity.stat(stat)));
        let month = [("cost of a month".to_owned(), Quantity::Usd.stat(&best.cost_and_latency[0]))];
        let lines: Vec<(String, String)> = pairs.chain(found).chain(month).collect();
        let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in lines {
            text.push_str(&format!("  {name:<width$}  {}\n", shown(&value, 60)));
        }
    }
    text
}

/// The answer for scripts.
#[must_use]
pub fn json(scenario: &Scenario, digest: &Digest) -> String {
    let stat = |stat: &Stat| json!({"mean": Some(stat.mean).filter(|x| x.is_finite()), "half_width": stat.half_width});
    let point = |kept: &Kept| {
        let set: serde_json::Map<String, Value> =
            digest.axes.iter().zip(&kept.texts).map(|(axis, text)| (axis.key.clone(), json!(text))).collect();
        let found: serde_json::Map<String, Value> =
            digest.metrics.iter().zip(&kept.stats).map(|(metric, found)| (metric.name.clone(), stat(found))).collect();
        json!({"point": kept.number + 1, "set": set, "found": found, "monthly_cost_usd": stat(&kept.cost_and_latency[0])})
    };
    let text = json!({
        "scenario": {"name": scenario.name, "hash": scenario.hash},
        "seed": scenario.simulation.seed,
        "points": digest.count,
        "objectives_met": digest.met,
        "best": digest.best.as_ref().map(point),
    });
    format!("{text:#}\n")
}

/// `report.html`.
#[must_use]
pub fn page(scenario: &Scenario, digest: &Digest, manifest: &Manifest, charts: &[Drawn]) -> String {
    let top = html! {
        header {
            p.kicker { "forewarm sweep · " (scenario.name) }
            h1.verdict { (verdict(digest)) }
            @if !scenario.description.is_empty() { p.extent { (scenario.description) } }
        }
        @if let Some(best) = &digest.best { (best_of(digest, best)) }
    };
    let pictures = html! { @for chart in charts { (figure(chart)) } };
    let mut sections = Vec::new();
    if !charts.is_empty() {
        sections.push(Section { id: "charts", title: "What depends on what", body: pictures });
    }
    sections.push(Section { id: "points", title: "Points", body: points(digest) });
    sections.push(Section { id: "method", title: "How it was made", body: method(scenario, digest, manifest) });
    let foot = format!("forewarm {}, {}", manifest.version, manifest.command);
    render(&format!("{} · forewarm", scenario.name), &top, &sections, &foot)
}

fn verdict(digest: &Digest) -> String {
    let points = points_in_words(digest.count);
    match digest.met {
        Some(met) if digest.count == 1 => {
            format!("{points}; the objectives are{} met", if met == 1 { "" } else { " not" })
        }
        None => format!("{points}; no objectives in this scenario"),
        Some(0) => format!("{points}; the objectives are met at none of them"),
        Some(met) if met == digest.count => format!("{points}; the objectives are met at all of them"),
        Some(met) => format!("{points}; the objectives are met at {} of them", count(met as f64)),
    }
}

fn points_in_words(count_of: u64) -> String {
    if count_of == 1 { "1 point".to_owned() } else { format!("{} points", count(count_of as f64)) }
}

fn title_of_best(digest: &Digest) -> &'static str {
    let is_charged = digest.best.as_ref().is_some_and(|best| best.cost_and_latency[0].mean > 0.0);
    match (is_charged, digest.met.is_some()) {
        (true, true) => "Cheapest that meets the objectives",
        (true, false) => "Cheapest",
        (false, true) => "Fastest that meets the objectives (nothing is charged)",
        (false, false) => "Fastest (nothing is charged)",
    }
}

fn best_of(digest: &Digest, best: &Kept) -> maud::Markup {
    html! {
        div.cards {
            section.card aria-labelledby="best-title" {
                h2 id="best-title" { (title_of_best(digest)) ": point " (best.number + 1) }
                @for (axis, text) in digest.axes.iter().zip(&best.texts) {
                    p { code { (axis.key) } }
                    p.figure { (text) }
                }
            }
            section.card aria-labelledby="there-title" {
                h2 id="there-title" { "What it is like there" }
                @for (metric, stat) in digest.metrics.iter().zip(&best.stats) {
                    p { code { (metric.name) } }
                    p.figure { (metric.quantity.stat(stat)) }
                }
            }
            section.card aria-labelledby="month-title" {
                h2 id="month-title" { "Cost per month" }
                p.figure { (Quantity::Usd.stat(&best.cost_and_latency[0])) }
                p { "30 days at this rate." }
            }
        }
    }
}

fn points(digest: &Digest) -> maud::Markup {
    let cell = |quantity: Quantity, stat: &Stat| Cell {
        text: quantity.text(stat.mean),
        half_width: quantity.half_width(stat),
        value: stat.mean,
    };
    let columns: Vec<Column> = [Column { name: "month", about: "Cost of 30 days at the measured rate" }]
        .into_iter()
        .chain(digest.metrics.iter().enumerate().map(|(at, _)| Column { name: NUMBERED[at], about: "" }))
        .collect();
    let rows: Vec<(String, Vec<Cell>)> = digest
        .points
        .iter()
        .take(ROWS)
        .map(|kept| {
            let month = cell(Quantity::Usd, &kept.cost_and_latency[0]);
            let found = digest.metrics.iter().zip(&kept.stats).map(|(metric, stat)| cell(metric.quantity, stat));
            (format!("{}: {}", kept.number + 1, kept.texts.join(", ")), [month].into_iter().chain(found).collect())
        })
        .collect();
    let legend = digest.metrics.iter().enumerate();
    html! {
        p {
            "Each row is a point: " (digest.axes.iter().map(|axis| axis.key.as_str()).collect::<Vec<_>>().join(", ")) ". "
            @for (at, metric) in legend { (NUMBERED[at]) " = " code { (metric.name) } ". " }
            @if digest.count as usize > rows.len() {
                "The first " (count(rows.len() as f64)) " of " (count(digest.count as f64)) " points; all are in sweep.csv and sweep.parquet."
            }
        }
        (table("Points", "point", &columns, &rows, None, SHOWN))
    }
}

/// Names of the columns of metrics, whose own names are too long.
const NUMBERED: [&str; 6] = ["(a)", "(b)", "(c)", "(d)", "(e)", "(f)"];

fn method(scenario: &Scenario, digest: &Digest, manifest: &Manifest) -> maud::Markup {
    let is_common = scenario.sweep.as_ref().is_some_and(|sweep| sweep.common_random_numbers);
    html! {
        p {
            (points_in_words(digest.count)) ", "
            @if manifest.replications == 1 { "1 replication" } @else { (manifest.replications) " replications" }
            " of each"
            @if is_common {
                ". All points use common random numbers: differences between points are more certain than their \
                 intervals suggest."
            } @else { ". Each point has a seed of its own." }
        }
        p { "± is half of the 95 % interval over replications." }
        details { summary { "The scenario" } pre { (manifest.scenario) } }
    }
}
