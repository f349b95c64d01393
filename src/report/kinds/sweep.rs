//! The report of a sweep: where the objectives are met, and the cheapest point.

use serde_json::{Value, json};

use super::Kind;
use crate::measure::Manifest;
use crate::measure::summary::Stat;
use crate::report::document::{Block, Cell, Column, Document, Place, Row, Section, Table, Tone};
use crate::report::format::{Quantity, count, exactly};
use crate::report::sweep::digest::{Digest, Kept};
use crate::report::sweep::{SweepReport, chart};
use crate::report::{Draft, Report, phrases, read_back};

/// Rows of the table of points; all are in the files.
const ROWS: usize = 2_000;
/// Rows that are shown at first.
const SHOWN: usize = 20;

/// The result of `forewarm sweep`.
pub const KIND: Kind = Kind {
    name: "sweep",
    read: |manifest, folder| {
        let scenario = read_back::scenario(manifest, folder)?;
        let digest = read_back::sweep(&scenario, folder)?;
        Ok(Box::new(SweepReport { scenario, digest, tables: Vec::new() }))
    },
};

impl Report for SweepReport {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn data(&self) -> Vec<Draft<'_>> {
        self.tables.iter().map(|table| Draft::new(table.name.as_str(), || table.content.as_slice())).collect()
    }

    /// The answer for scripts.
    fn json(&self) -> String {
        let Self { scenario, digest, .. } = self;
        let stat =
            |stat: &Stat| json!({"mean": Some(stat.mean).filter(|x| x.is_finite()), "half_width": stat.half_width});
        let point = |kept: &Kept| {
            let set: serde_json::Map<String, Value> =
                digest.axes.iter().zip(&kept.texts).map(|(axis, text)| (axis.key.clone(), json!(text))).collect();
            let found = digest.metrics.iter().zip(&kept.stats);
            let found: serde_json::Map<String, Value> =
                found.map(|(metric, found)| (metric.name.clone(), stat(found))).collect();
            let cost = &kept.cost_and_latency[0];
            let finite = Some(cost.mean).filter(|mean| mean.is_finite());
            let cost = match cost.range() {
                Some((low, high)) => json!({"mean": finite, "half_width": cost.half_width, "low": low, "high": high}),
                None => stat(cost),
            };
            json!({"point": kept.number + 1, "set": set, "found": found, "monthly_cost_usd": cost})
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

    fn document(&self, manifest: &Manifest) -> Document {
        let Self { scenario, digest, .. } = self;
        let mut sections = Vec::new();
        let charts: Vec<Block> = chart::charts(digest).into_iter().map(Block::Figure).collect();
        if !charts.is_empty() {
            sections.push(Section::new("charts", "Parameter effects", Place::Page, charts));
        }
        let is_common = scenario.sweep.as_ref().is_some_and(|sweep| sweep.common_random_numbers);
        let random = match is_common {
            true => {
                "All configurations receive the same requests (common random numbers), so differences between them are \
                 more certain than their intervals suggest."
            }
            false => "Each configuration has its own seed.",
        };
        sections.push(Section::new("confidence", "Confidence", Place::Detail, vec![Block::Text(random.into())]));
        let details = super::run::details(&scenario.name, manifest);
        sections.push(Section::new("details", "Run details", Place::Page, details));
        let replications = match manifest.replications {
            1 => "1 replication".to_owned(),
            n => format!("{n} replications"),
        };
        Document {
            kind: KIND.name,
            name: scenario.name.clone(),
            title: title(digest),
            tone: digest.met.map_or(Tone::Plain, |met| Tone::of(met > 0)),
            alerts: Vec::new(),
            extent: format!(
                "{} simulated, {replications} per configuration, seed {}",
                exactly(scenario.simulation.horizon.as_secs_f64()),
                scenario.simulation.seed
            ),
            answer: vec![Block::Table(points(digest, has_prices(digest)))],
            sections,
            foot: format!(
                "± is the half-width of the 95 % confidence interval over replications. All configurations are in \
                 sweep.csv.{}",
                match &scenario.platform.billing {
                    Some(billing) if billing.has_free_tier() => format!(" {} A free tier is deducted.", phrases::MONTH),
                    _ if has_prices(digest) => format!(" {}", phrases::MONTH),
                    _ => String::new(),
                }
            ),
        }
    }
}

/// The answer in one line.
fn title(digest: &Digest) -> String {
    let all = count(digest.count as f64);
    let set = digest.best.as_ref().map(|best| described(digest, best));
    let is_charged = digest.best.as_ref().is_some_and(|best| best.cost_and_latency[0].mean > 0.0);
    let best = if is_charged { "cheapest" } else { "fastest" };
    let cost = digest.best.as_ref().filter(|_| is_charged);
    let cost =
        cost.map_or_else(String::new, |best| format!(" at {} a month", Quantity::Usd.stat(&best.cost_and_latency[0])));
    match (digest.met, set) {
        (Some(0), _) => format!("None of the {all} configurations meets every objective"),
        (Some(met), Some(set)) => {
            let met =
                if met == digest.count { format!("All {all}") } else { format!("{} of {all}", count(met as f64)) };
            format!("{met} configurations meet every objective; {best}: {set}{cost}")
        }
        (Some(met), None) => format!("{} of {all} configurations meet every objective", count(met as f64)),
        (None, Some(set)) => {
            format!("The {best} of {all} configurations is {set}{cost}; the scenario has no objectives")
        }
        (None, None) => format!("None of the {all} configurations completed a request"),
    }
}

/// Whether anything costs anything: a sweep may be over platforms of which some have prices.
fn has_prices(digest: &Digest) -> bool {
    digest.points.iter().any(|kept| kept.cost_and_latency[0].mean > 0.0)
}

/// `memory = 512MB, window = 5m`.
fn described(digest: &Digest, point: &Kept) -> String {
    let pairs = digest.axes.iter().zip(&point.texts).map(|(axis, text)| format!("{} = {text}", axis.name));
    pairs.collect::<Vec<_>>().join(", ")
}

/// A row for each point, those that meet first and of these the cheapest.
fn points(digest: &Digest, has_prices: bool) -> Table {
    let mut columns = Vec::new();
    if digest.met.is_some() {
        columns.push(Column::text("Objectives", ""));
    }
    columns.extend(
        digest
            .axes
            .iter()
            .map(|axis| Column { is_text: axis.unit.is_none(), ..Column::new(axis.name.as_str(), axis.key.as_str()) }),
    );
    columns.extend(has_prices.then(|| Column::new("Per month", "Cost of 30 days at this rate")));
    let is_shown = |metric: &usize| {
        (has_prices || !digest.metrics[*metric].name.contains("cost_usd.")) && !digest.is_repeated(*metric)
    };
    let shown: Vec<usize> = (0..digest.metrics.len()).filter(is_shown).collect();
    columns.extend(shown.iter().map(|metric| Column::new(digest.metrics[*metric].name.as_str(), "")));
    let mut order: Vec<&Kept> = digest.points.iter().take(ROWS).collect();
    let cost =
        |kept: &Kept| Some(kept.cost_and_latency[0].mean).filter(|mean| mean.is_finite()).unwrap_or(f64::INFINITY);
    order.sort_by(|a, b| {
        (a.met == Some(false))
            .cmp(&(b.met == Some(false)))
            .then(cost(a).total_cmp(&cost(b)))
            .then(a.number.cmp(&b.number))
    });
    let row = |kept: &&Kept| {
        let mut cells: Vec<Cell> = Vec::new();
        if digest.met.is_some() {
            let is_met = kept.met == Some(true);
            cells.push(Cell::badge(Tone::of(is_met), if is_met { "met" } else { "NOT MET" }));
        }
        cells.extend(kept.texts.iter().map(|text| Cell::text(text.as_str())));
        cells.extend(has_prices.then(|| Cell::stat(Quantity::Usd, kept.cost_and_latency[0])));
        cells.extend(shown.iter().map(|metric| Cell::stat(digest.metrics[*metric].quantity, kept.stats[*metric])));
        let is_chosen = digest.best.as_ref().is_some_and(|best| best.number == kept.number);
        Row { name: (kept.number + 1).to_string(), is_chosen, cells }
    };
    let more = digest.count as usize > order.len();
    let caption = if more {
        let (some, all) = (count(order.len() as f64), count(digest.count as f64));
        format!("The first {some} of {all} configurations; all are in sweep.csv")
    } else {
        String::new()
    };
    Table { caption, rows_are: "#", columns, rows: order.iter().map(row).collect(), total: None, shown: SHOWN }
}
