//! The report of a catalogue of faults: what hurts most.

use super::Kind;
use super::run::details;
use crate::experiment::chaos::Found;
use crate::measure::Manifest;
use crate::measure::chaos::{Chaos, Effect};
use crate::measure::summary::Stat;
use crate::report::document::{Block, Cell, Column, Document, Place, Row, Section, Table, Tone};
use crate::report::format::{Quantity, count, duration};
use crate::report::{Artefact, Report, csv, json, read_back};

/// Rows on the first screen.
const ROWS: usize = 10;

/// What `forewarm chaos` leaves.
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

    fn data(&self) -> Vec<Artefact> {
        vec![Artefact::new(read_back::CHAOS, self.json()), Artefact::csv("chaos.csv", |to| csv::chaos(&self.chaos, to))]
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
                1 => "1 more fault does less: --verbose shows it.".to_owned(),
                n => format!("{} more faults do less: --verbose shows them.", count(n as f64)),
            };
            answer.push(Block::Note(more.into()));
        }
        if chaos.left_out > 0 {
            let left = count(chaos.left_out as f64);
            answer.push(Block::Note(format!("Left out: {left} targets, the quieter functions among them.").into()));
        }
        let mut sections = Vec::new();
        if !others.is_empty() {
            let all = vec![Block::Table(table(others))];
            sections.push(Section::new("more", "The other faults", Place::Detail, all));
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
            foot: "± half of the 95 % interval of the difference to the undisturbed run.".to_owned(),
        }
    }
}

/// What hurts most, in one line.
fn title(chaos: &Chaos) -> String {
    let Some(first) = chaos.effects.first() else { return "There is nothing to disturb".to_owned() };
    let worst = format!("{} ({})", named(first), first.kind);
    let (lost, messages) = (first.lost.mean, first.lost_messages.mean);
    let lost: Vec<String> = [(lost, "requests"), (messages, "messages")]
        .iter()
        .filter(|(number, _)| *number >= 0.5)
        .map(|(number, what)| format!("{} {what} lost", count(*number)))
        .collect();
    if !first.is_harmful() {
        return format!("Nothing hurts: none of {} faults loses requests or lasts", chaos.effects.len());
    }
    let done = if lost.is_empty() { "no requests lost".to_owned() } else { lost.join(", ") };
    let after = match first.recovered_after_s {
        None => "not recovered by the horizon".to_owned(),
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
        "spike" => format!("spike of {target}"),
        _ => format!("outage of {target}"),
    }
}

fn table(effects: &[Effect]) -> Table {
    let has_messages = effects.iter().any(|one| one.lost_messages.mean != 0.0);
    let has_prices = effects.iter().any(|one| one.cost_usd.mean != 0.0);
    let mut columns = vec![
        Column::new("Lost", "Requests without a successful answer, more than in the undisturbed run"),
        Column::new("p99", "Highest 99th percentile of latency in an interval while the fault lasts"),
        Column::text(
            "Recovered",
            "Time from the end of the fault until requests are answered as in the undisturbed run",
        ),
    ];
    if has_messages {
        columns.insert(
            1,
            Column::new("Messages", "Messages and records dead-lettered, expired or skipped, more than undisturbed"),
        );
    }
    if has_prices {
        columns.push(Column::new("Cost", "Difference in cost to the undisturbed run"));
    }
    let row = |one: &Effect| {
        let p99 = match one.p99_s {
            Some(mean) => Cell::stat(Quantity::Seconds, Stat { mean, half_width: None }),
            None => Cell::text("-"),
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
            cells.push(Cell::stat(Quantity::Usd, one.cost_usd));
        }
        Row::new(named(one), cells)
    };
    let rows = effects.iter().map(row).collect();
    Table { caption: String::new(), rows_are: "Fault", columns, rows, total: None, shown: usize::MAX }
}

/// What fails without a fault, if that is much.
fn undisturbed(chaos: &Chaos) -> Option<String> {
    let ratio = chaos.undisturbed.failed.mean / chaos.undisturbed.arrived.mean;
    (ratio > 0.01)
        .then(|| format!("{} of requests fail without a fault: damage is what fails more", Quantity::Ratio.text(ratio)))
}

fn extent(chaos: &Chaos) -> String {
    let faults = match chaos.effects.len() {
        1 => "1 fault".to_owned(),
        n => format!("{} faults", count(n as f64)),
    };
    let lasts = format!("{} from {} on", duration(chaos.lasts_s), duration(chaos.at_s));
    let replications = match chaos.replications {
        1 => "1 replication".to_owned(),
        n => format!("{} replications", count(f64::from(n))),
    };
    format!("{faults}, each for {lasts}, {replications}, seed {}", chaos.seed)
}

fn method(chaos: &Chaos) -> String {
    format!(
        "Each fault disturbs a run of its own, which meets the same requests as the undisturbed run (common random numbers); \
         differences are taken replication by replication. Ranked by requests and messages lost, then by the time to recover, \
         then by p99. Recovered: from then on, in 3 intervals of {} in a row, at least 95 % of the answers of the undisturbed \
         run, and a p95 of at most twice that of the undisturbed run.",
        duration(chaos.interval_s)
    )
}
