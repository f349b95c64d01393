//! The report of a catalogue of faults: what hurts most.

use super::Kind;
use super::run::details;
use crate::experiment::chaos::Found;
use crate::measure::Manifest;
use crate::measure::chaos::{Chaos, Effect};
use crate::measure::summary::Stat;
use crate::report::document::{Block, Cell, Column, Document, Place, Row, Section, Table, Tone};
use crate::report::format::{NOTHING, Quantity, count, duration, exactly};
use crate::report::{Draft, Report, csv, json, read_back};

/// Rows on the first screen.
const ROWS: usize = 10;

/// The result of `forewarm chaos`.
pub const KIND: Kind = Kind {
    name: "chaos",
    read: |_, folder| {
        let chaos = read_back::chaos(&read_back::text(folder, read_back::CHAOS)?)?;
        Ok(Box::new(Found { chaos, simulated: 0, is_whole: true }))
    },
};

impl Report for Found {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn data(&self) -> Vec<Draft<'_>> {
        vec![Draft::new(read_back::CHAOS, || self.json()), Draft::csv("chaos.csv", |to| csv::chaos(&self.chaos, to))]
    }

    fn json(&self) -> String {
        json::chaos(&self.chaos)
    }

    fn document(&self, manifest: &Manifest) -> Document {
        let chaos = &self.chaos;
        let first = chaos.effects.first();
        let (shown, others) = chaos.effects.split_at(chaos.effects.len().min(ROWS));
        let mut answer = vec![Block::Table(table(shown))];
        if !others.is_empty() {
            let more = match others.len() {
                1 => "1 fault with less effect is not shown; use --verbose.".to_owned(),
                n => format!("{} faults with less effect are not shown; use --verbose.", count(n as f64)),
            };
            answer.push(Block::Note(more.into()));
        }
        if chaos.left_out > 0 {
            let left = count(chaos.left_out as f64);
            answer.push(Block::Note(
                format!("Not tested: {left} targets, such as functions with little traffic.").into(),
            ));
        }
        let mut sections = Vec::new();
        if !others.is_empty() {
            let all = vec![Block::Table(table(others))];
            sections.push(Section::new("more", "Other faults", Place::Detail, all));
        }
        sections.push(Section::new("method", "Method", Place::Detail, vec![Block::Note(method(chaos).into())]));
        let name = &chaos.scenario.name;
        sections.push(Section::new("details", "Run details", Place::Page, details(name, manifest)));
        Document {
            kind: KIND.name,
            name: name.clone(),
            title: title(chaos),
            tone: first.map_or(Tone::Plain, |first| Tone::of(!first.is_harmful())),
            alerts: undisturbed(chaos).into_iter().collect(),
            extent: extent(chaos),
            answer,
            sections,
            foot: "± is the half-width of the 95 % confidence interval of the difference from the undisturbed run."
                .to_owned(),
        }
    }
}

/// What hurts most, in one line.
fn title(chaos: &Chaos) -> String {
    let Some(first) = chaos.effects.first() else { return "Nothing to disturb in this scenario".to_owned() };
    let worst = format!("{} ({})", named(first), first.kind);
    let (lost, messages) = (first.lost.mean, first.lost_messages.mean);
    let lost: Vec<String> = [(lost, "requests"), (messages, "messages")]
        .iter()
        .filter(|(number, _)| *number >= 0.5)
        .map(|(number, what)| format!("{} {what} lost", count(*number)))
        .collect();
    if !first.is_harmful() {
        return format!("No lasting harm: none of {} faults loses requests or outlasts its cause", chaos.effects.len());
    }
    let done = if lost.is_empty() { "no requests lost".to_owned() } else { lost.join(", ") };
    let after = match first.recovered_after_s {
        None => "not recovered by the end of the run".to_owned(),
        Some(0.0) => "recovered at once".to_owned(),
        Some(seconds) => format!("recovered {} after the fault", duration(seconds)),
    };
    format!("What hurts most: {worst}, {done}, {after}")
}

/// `outage of orders-db`.
fn named(effect: &Effect) -> String {
    let target = &effect.target;
    match effect.fault.as_str() {
        "slow" => format!("slow {target}"),
        "errors" => format!("errors of {target}"),
        "delay" => format!("delay at {target}"),
        "deploy" => format!("deployment of {target}"),
        "slow-cold-start" => format!("slow cold starts of {target}"),
        "new-tenant" => "new tenant as large as all others".to_owned(),
        "zone-lost" => format!("loss of a zone of {target}"),
        "spike" => format!("spike of {target}"),
        _ => format!("outage of {target}"),
    }
}

fn table(effects: &[Effect]) -> Table {
    let has_messages = effects.iter().any(|one| one.lost_messages.mean != 0.0);
    let has_prices = effects.iter().any(|one| one.cost_usd.mean != 0.0);
    let mut columns = vec![
        Column::new("Lost", "Requests without a successful response, in excess of the undisturbed run"),
        Column::new("p99", "Highest 99th percentile of latency in any interval during the fault"),
        Column::text("Recovered", "Time from the end of the fault until responses are as in the undisturbed run"),
    ];
    if has_messages {
        columns.insert(
            1,
            Column::new(
                "Messages",
                "Messages and records dead-lettered, expired or skipped, in excess of the \
                                     undisturbed run",
            ),
        );
    }
    if has_prices {
        columns.push(Column::new("Extra cost", "Difference in cost from the undisturbed run"));
    }
    let row = |one: &Effect| {
        let p99 = match one.p99_s {
            Some(mean) => Cell::stat(Quantity::Seconds, Stat { mean, half_width: None }),
            None => Cell::text(NOTHING),
        };
        let recovered = match one.recovered_after_s {
            None => Cell::badge(Tone::Bad, "never"),
            Some(0.0) => Cell::text("at once"),
            Some(seconds) => Cell::text(format!("+{}", duration(seconds))),
        };
        let mut cells = vec![Cell::stat(Quantity::Count, one.lost), p99, recovered];
        if has_messages {
            cells.insert(1, Cell::stat(Quantity::Count, one.lost_messages));
        }
        if has_prices {
            cells.push(Cell::text(Quantity::Usd.difference(&one.cost_usd)));
        }
        Row::new(named(one), cells)
    };
    let rows = effects.iter().map(row).collect();
    Table { caption: String::new(), rows_are: "Fault", columns, rows, total: None, shown: usize::MAX }
}

/// What fails without a fault, if that is much.
fn undisturbed(chaos: &Chaos) -> Option<String> {
    let ratio = chaos.undisturbed.failed.mean / chaos.undisturbed.arrived.mean;
    (ratio > 0.01).then(|| {
        format!(
            "{} of requests fail even without a fault; losses are counted in excess of that",
            Quantity::Ratio.text(ratio)
        )
    })
}

fn extent(chaos: &Chaos) -> String {
    let faults = match chaos.effects.len() {
        1 => "1 fault".to_owned(),
        n => format!("{} faults", count(n as f64)),
    };
    let lasts = format!("{} starting at {}", exactly(chaos.lasts_s), exactly(chaos.at_s));
    let replications = match chaos.replications {
        1 => "1 replication".to_owned(),
        n => format!("{} replications", count(f64::from(n))),
    };
    format!("{faults}, each for {lasts}, {replications}, seed {}", chaos.seed)
}

fn method(chaos: &Chaos) -> String {
    format!(
        "Each fault is injected into a separate run, which receives the same requests as the undisturbed run (common \
         random numbers); differences are taken replication by replication. Faults are ranked by requests and messages \
         lost, then by recovery time, then by p99. A run has recovered at the start of 3 consecutive intervals of {} \
         with at least 95 % of the responses of the undisturbed run and a p95 of at most twice its p95.",
        exactly(chaos.interval_s)
    )
}
