//! The report of a back-test: measured beside simulated, over time too, and the decisions of the autoscaler.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::chart::{Axis, BLUE, Dash, Drawn, Mark, Panel, Plot, Scale, Shape, Style, Tip, VERMILLION};
use super::document::{
    Block, Cell, Column, Document, Place, Prose, Row, Section, Table, Tone, html, markdown, terminal,
};
use super::format::{NOTHING, Quantity, count, duration, exactly, percent};
use crate::measure::backtest::{Backtest, Decisions, Difference, OverTime, Part, Verdict};
use crate::policy::scaling::replay::Tick;
use crate::time::{SimTime, Span};

/// At the beginning of a file of decisions.
pub const DECISIONS_MARK: &str = "time_s,recorded,decided,difference,pods,ready_pods,reason";
/// Differences that are shown.
const DIFFERENCES: usize = 10;
/// Intervals of the table over time.
const INTERVALS: usize = 24;
/// Metrics of a table over time: as many as fit beside each other.
const METRICS: usize = 3;
/// Points of the chart of decisions.
const POINTS: usize = 600;

/// The page.
#[must_use]
pub fn page(found: &Backtest) -> String {
    html::render(&document(found))
}

/// The same as Markdown; `command` made it.
#[must_use]
pub fn as_markdown(found: &Backtest, command: &str) -> String {
    markdown::render(&document(found), command)
}

/// The same for the terminal.
#[must_use]
pub fn text(found: &Backtest, colour: bool) -> String {
    terminal::render(&document(found), terminal::Detail::Everything, colour)
}

fn document(found: &Backtest) -> Document {
    let mut sections = Vec::new();
    let mut answer = Vec::new();
    for (place, part) in found.parts.iter().enumerate().filter(|(_, part)| !part.rows.is_empty()) {
        match place {
            0 => answer.push(Block::Table(comparison(part))),
            _ => sections.push(Section::new(
                ["part-1", "part-2", "part-3", "part-4"][(place - 1).min(3)],
                capitalized(&part.title),
                Place::Everywhere,
                vec![Block::Table(comparison(part))],
            )),
        }
    }
    if !found.fitted.is_empty() {
        let block = Block::Facts(found.fitted.clone());
        sections.push(Section::new("fitted", "Fitted to the first 70 %", Place::Everywhere, vec![block]));
    }
    if let Some(decisions) = &found.decisions {
        sections.push(Section::new(
            "decisions",
            "Decisions of the autoscaler",
            Place::Everywhere,
            of_decisions(decisions),
        ));
    }
    if !found.over_time.is_empty() {
        let blocks = vec![Block::Figure(over_time_chart(found))];
        let tables = found.over_time.chunks(METRICS).map(|metrics| Block::Table(over_time(found, metrics)));
        let blocks = blocks.into_iter().chain(tables).collect();
        sections.push(Section::new("over-time", "Over time", Place::Detail, blocks));
    }
    if !found.caveats.is_empty() {
        let notes = found.caveats.iter().map(|caveat| format!("{}.", capitalized(caveat)).into()).collect();
        sections.push(Section::new("notes", "Notes", Place::Everywhere, vec![Block::List(notes)]));
    }
    Document {
        kind: "backtest",
        name: found.name.clone(),
        title: title(found),
        tone: Tone::Plain,
        alerts: Vec::new(),
        extent: extent(found),
        answer,
        sections,
        foot: "This is a counterfactual, not a forecast: the same requests under the settings of the scenario."
            .to_owned(),
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn title(found: &Backtest) -> String {
    let mut parts = Vec::new();
    if let Some(part) = found.parts.first().filter(|part| !part.rows.is_empty()) {
        let within = part.rows.iter().filter(|row| row.verdict == Verdict::Within).count();
        parts.push(format!("{within} of {} metrics within the run-to-run spread", part.rows.len()));
    }
    if let Some(decisions) = &found.decisions {
        parts.push(match decisions.compared() {
            0 => "no decision could be compared".to_owned(),
            compared => format!("{} of {compared} decisions equal", decisions.equal()),
        });
    }
    capitalized(&parts.join("; "))
}

fn extent(found: &Backtest) -> String {
    let over = duration(found.length_s);
    match found.requests {
        0 => format!("metrics over {over}"),
        requests => {
            let requests = count(requests as f64);
            format!("{requests} recorded requests over {over} replayed, {} replications", found.replications)
        }
    }
}

fn comparison(part: &Part) -> Table {
    let rows = part.rows.iter().map(|row| {
        let error = row.error().map_or_else(|| NOTHING.to_owned(), |error| format!("{:+.1} %", 100.0 * error));
        let verdict = match row.verdict {
            Verdict::Within => Cell::badge(Tone::Good, "within spread"),
            Verdict::Outside => match [row.range.0, row.range.1].map(|end| row.quantity.text(end)) {
                [low, high] if low == high => Cell::badge(Tone::Bad, "outside spread"),
                [low, high] => Cell::badge(Tone::Bad, format!("outside {low} to {high}")),
            },
        };
        let cells = vec![
            Cell::text(row.quantity.text(row.measured)),
            Cell::stat(row.quantity, row.simulated),
            Cell::text(error),
            verdict,
        ];
        Row::new(row.key, cells)
    });
    Table {
        caption: capitalized(&part.title),
        rows_are: "Metric",
        columns: vec![
            Column::new("Measured", "What was measured"),
            Column::new("Simulated", "Mean over the replications, with its 95 % interval"),
            Column::new("Error", "Simulated divided by measured, minus one"),
            Column::text("Verdict", "Whether 95 % of single runs have such a value"),
        ],
        rows: rows.collect(),
        total: None,
        shown: usize::MAX,
    }
}

/// Values of intervals taken together.
fn grouped(values: &[f64], size: usize, is_count: bool) -> Vec<f64> {
    let whole = |chunk: &[f64]| {
        let known: Vec<f64> = chunk.iter().copied().filter(|value| !value.is_nan()).collect();
        let sum: f64 = known.iter().sum();
        match known.len() {
            0 => f64::NAN,
            _ if is_count => sum,
            number => sum / number as f64,
        }
    };
    values.chunks(size).map(whole).collect()
}

fn over_time(found: &Backtest, metrics: &[OverTime]) -> Table {
    let number = metrics.iter().map(|one| one.simulated.len()).max().unwrap_or(0);
    let size = number.div_ceil(INTERVALS).max(1);
    let both: Vec<[Vec<f64>; 2]> = metrics
        .iter()
        .map(|one| [&one.measured, &one.simulated].map(|values| grouped(values, size, one.is_count)))
        .collect();
    let value = |quantity: Quantity, values: &[f64], place: usize| match values.get(place) {
        Some(value) if !value.is_nan() => Cell::text(quantity.text(*value)),
        _ => Cell::text(NOTHING),
    };
    let rows = (0..number.div_ceil(size)).map(|place| {
        let pairs = metrics.iter().zip(&both);
        let cells = pairs.flat_map(|(one, both)| both.iter().map(move |values| value(one.quantity, values, place)));
        let from = found.interval.as_secs_f64() * (place * size) as f64;
        Row::new(clock(from), cells.collect())
    });
    let columns = metrics.iter().flat_map(|one| {
        [
            Column::new(one.title, format!("Measured {}", one.title)),
            Column::new("Simulated", format!("Simulated {}", one.title)),
        ]
    });
    let mut caption = format!("Measured and simulated, by {}", clock(found.interval.as_secs_f64() * size as f64));
    if metrics.iter().any(|one| one.key.starts_with("latency")) {
        caption += "; latencies are means of those of shorter intervals, on both sides alike";
    }
    Table { caption, rows_are: "From", columns: columns.collect(), rows: rows.collect(), total: None, shown: INTERVALS }
}

fn over_time_chart(found: &Backtest) -> Drawn {
    let width = found.interval.as_secs_f64();
    let middle = |place: usize| (place as f64 + 0.5) * width;
    let line =
        |values: &[f64]| Shape::Line(values.iter().enumerate().map(|(at, value)| (middle(at), *value)).collect());
    let panel = |one: &OverTime| {
        let label = if one.is_count { format!("{} per {}", one.title, exactly(width)) } else { one.title.to_owned() };
        Panel {
            y: Axis::new(label, one.quantity, Scale::Linear),
            height: 130.0,
            marks: vec![
                Mark::new("measured", Style::line(BLUE, Dash::Solid, 2.5), line(&one.measured)),
                Mark::new("simulated", Style::line(VERMILLION, Dash::Dashed, 2.0), line(&one.simulated)),
            ],
        }
    };
    let number = found.over_time.iter().map(|one| one.simulated.len()).max().unwrap_or(0);
    let tips = (0..number).map(|place| {
        let mut text = format!("{} to {}", duration(width * place as f64), duration(width * (place + 1) as f64));
        for one in &found.over_time {
            let value = |values: &[f64]| {
                values
                    .get(place)
                    .filter(|value| !value.is_nan())
                    .map_or_else(|| NOTHING.to_owned(), |value| one.quantity.text(*value))
            };
            let _ =
                write!(text, "\n{}: {} measured, {} simulated", one.title, value(&one.measured), value(&one.simulated));
        }
        Tip { from: width * place as f64, to: width * (place + 1) as f64, text }
    });
    let names: Vec<&str> = found.over_time.iter().map(|one| one.title).collect();
    let chart = Plot {
        description: format!("Measured and simulated: {}", names.join(", ")),
        title: "Measured and simulated over time".to_owned(),
        x: Axis::new("time", Quantity::Seconds, Scale::Time),
        panels: found.over_time.iter().map(panel).collect(),
        tips: tips.collect(),
    };
    let caption = format!("Each point is an interval of {}.", duration(width));
    chart.drawn("over-time", caption)
}

fn of_decisions(decisions: &Decisions) -> Vec<Block> {
    let (equal, compared) = (decisions.equal(), decisions.compared());
    let Decisions { function, policy, outcome, recorded, ticks } = decisions;
    let agreement = match compared {
        0 => "nothing was recorded to compare them with".to_owned(),
        _ => format!(
            "{equal} of {compared} recorded values of {outcome} are equal ({})",
            percent(equal as f64 / compared as f64)
        ),
    };
    let what = Prose::default().plain("What ").code(*policy).plain(" of function ").code(function.as_str());
    let mut blocks = vec![
        Block::Text(
            what.plain(format!(" decides on the recorded metrics, {} times: {agreement}.", count(ticks.len() as f64))),
        ),
        Block::Note(format!("Recorded: {}.", recorded.join(", ")).into()),
    ];
    if compared > 0 {
        blocks.push(Block::Figure(decisions_chart(decisions)));
    }
    let differences = decisions.differences(DIFFERENCES);
    if !differences.is_empty() {
        blocks.push(Block::Text("The largest differences:".into()));
        blocks.push(largest(&differences));
    }
    blocks
}

fn seconds(at: SimTime) -> f64 {
    at.since(SimTime::ZERO).as_secs_f64()
}

/// A time to the second, as `1h20m`; short ones as they are.
fn clock(seconds: f64) -> String {
    if seconds < 10.0 { duration(seconds) } else { Span::from_secs(seconds.round() as u64).to_string() }
}

fn largest(differences: &[Difference<'_>]) -> Block {
    let line = |one: &Difference<'_>| {
        let Difference { first, last, largest, recorded, count: number } = one;
        let [from, to, at] = [first.at, last.at, largest.at].map(|at| clock(seconds(at)));
        let when = match number {
            1 => from,
            number => format!("{from} to {to} ({number} decisions), the largest at {at}"),
        };
        let what = format!(": recorded {recorded}, decided {}: {}", largest.decided, largest.why);
        Prose::default().strong(when).plain(what)
    };
    Block::List(differences.iter().map(line).collect())
}

fn decisions_chart(decisions: &Decisions) -> Drawn {
    let size = decisions.ticks.len().div_ceil(POINTS).max(1);
    // The largest of each group, so that no peak is lost; what was recorded holds until it is recorded again.
    let line = |value: fn(&Tick) -> Option<u32>| {
        let mut held = f64::NAN;
        let points = decisions.ticks.chunks(size).map(|chunk| {
            held = chunk.iter().filter_map(value).max().map_or(held, f64::from);
            (seconds(chunk[0].at), held)
        });
        Shape::Line(points.collect())
    };
    let marks = vec![
        Mark::new("recorded", Style::line(BLUE, Dash::Solid, 2.5), line(|tick| tick.recorded)),
        Mark::new("decided", Style::line(VERMILLION, Dash::Dashed, 2.0), line(|tick| Some(tick.decided))),
    ];
    let most = decisions.ticks.iter().map(|tick| tick.decided).max().unwrap_or(0);
    let title = format!("{} of {} decisions equal, at most {most} pods", decisions.equal(), decisions.compared());
    let chart = Plot {
        description: title.clone(),
        title,
        x: Axis::new("time", Quantity::Seconds, Scale::Time),
        panels: vec![Panel { y: Axis::new("pods", Quantity::Count, Scale::Linear), height: 200.0, marks }],
        tips: Vec::new(),
    };
    let caption = "Pods that were recorded, and pods that the policy orders on the recorded metrics.".to_owned();
    chart.drawn("decisions", caption)
}

/// Every decision as CSV.
#[must_use]
pub fn ticks(decisions: &Decisions) -> String {
    let mut text = format!("{DECISIONS_MARK}\n");
    for Tick { at, recorded, decided, pods, ready, why } in &decisions.ticks {
        let difference = recorded.map(|recorded| i64::from(*decided) - i64::from(recorded));
        let number = |value: Option<i64>| value.map_or_else(String::new, |value| value.to_string());
        let (recorded, difference) = (number(recorded.map(i64::from)), number(difference));
        let why = why.replace('"', "\"\"");
        let _ = writeln!(text, "{},{recorded},{decided},{difference},{pods},{ready},\"{why}\"", seconds(*at));
    }
    text
}

/// The same for scripts.
#[must_use]
pub fn json(found: &Backtest) -> Value {
    let parts: Vec<Value> = found
        .parts
        .iter()
        .map(|part| {
            let rows: serde_json::Map<String, Value> = part
                .rows
                .iter()
                .map(|row| {
                    let is_within = row.verdict == Verdict::Within;
                    let row_json = json!({"measured": row.measured, "simulated": row.simulated, "low": row.range.0, "high": row.range.1, "error": row.error(), "within": is_within});
                    (row.key.to_owned(), row_json)
                })
                .collect();
            json!({"part": part.title, "metrics": rows})
        })
        .collect();
    let fitted: serde_json::Map<String, Value> =
        found.fitted.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    let over_time: serde_json::Map<String, Value> = found
        .over_time
        .iter()
        .map(|one| (one.key.to_owned(), json!({"measured": one.measured, "simulated": one.simulated})))
        .collect();
    let decisions = found.decisions.as_ref().map(|decisions| {
        let differences: Vec<Value> = decisions
            .differences(DIFFERENCES)
            .iter()
            .map(|one| {
                json!({"from_s": seconds(one.first.at), "to_s": seconds(one.last.at), "decisions": one.count, "at_s": seconds(one.largest.at), "recorded": one.recorded, "decided": one.largest.decided, "reason": one.largest.why})
            })
            .collect();
        let (equal, compared) = (decisions.equal(), decisions.compared());
        json!({
            "function": decisions.function,
            "policy": decisions.policy,
            "compared_with": decisions.outcome,
            "recorded": decisions.recorded,
            "decisions": decisions.ticks.len(),
            "compared": compared,
            "equal": equal,
            "equal_ratio": if compared > 0 { Some(equal as f64 / compared as f64) } else { None },
            "differences": differences,
        })
    });
    json!({
        "scenario": found.name,
        "requests": found.requests,
        "length_s": found.length_s,
        "replications": found.replications,
        "parts": parts,
        "fitted": fitted,
        "over_time": {"interval_s": found.interval.as_secs_f64(), "metrics": over_time},
        "decisions": decisions,
        "notes": found.caveats,
    })
}
