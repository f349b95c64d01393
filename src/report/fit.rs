//! The page of `forewarm fit`: the data beside what was fitted to them, and what they cannot tell.

use super::chart::{Axis, BLUE, Dash, Drawn, MUTED, Mark, Panel, Plot, Scale, Shape, Style, VERMILLION};
use super::document::{Block, Card, Cell, Column, Document, Place, Row, Section, Table, Tone, html};
use super::format::{Quantity, count, duration, numbered, percent};
use crate::fit::arrivals::Arrivals;
use crate::fit::laws::Found;
use crate::fit::{Fit, FittedFunction, Measured};

/// Functions with charts; more of them are in the table only.
const SHOWN: usize = 6;
/// Points of a chart.
const POINTS: usize = 200;

/// The page.
#[must_use]
pub fn page(name: &str, fit: &Fit, measured: &Measured) -> String {
    html::render(&document(name, fit, measured))
}

fn document(name: &str, fit: &Fit, measured: &Measured) -> Document {
    let requests: usize = fit.functions.iter().map(|function| function.counts.requests).sum();
    let mut sections = Vec::new();
    for (number, function) in fit.functions.iter().take(SHOWN).enumerate() {
        let id = ["f1", "f2", "f3", "f4", "f5", "f6"][number];
        sections.push(Section::new(id, function.name.clone(), Place::Everywhere, blocks(function)));
    }
    sections.push(Section::new("data", "Data", Place::Everywhere, vec![Block::List(read(measured))]));
    sections.push(Section::new(
        "scenario",
        "Scenario",
        Place::Page,
        vec![Block::Source("The scenario".to_owned(), fit.scenario.clone())],
    ));
    let cards = fit.functions.first().map(cards).unwrap_or_default();
    Document {
        kind: "fit",
        name: name.to_owned(),
        title: format!(
            "{}, {}",
            numbered(requests as u64, "request"),
            numbered(fit.functions.len() as u64, "function")
        ),
        tone: Tone::Plain,
        alerts: Vec::new(),
        extent: measured
            .read
            .iter()
            .map(|(file, format, _)| format!("{file} ({format})"))
            .collect::<Vec<_>>()
            .join(", "),
        answer: vec![Block::Cards(cards)],
        sections,
        foot: "Distributions are fitted by maximum likelihood and selected by AIC (Akaike information criterion). \
               Intervals are 95 %."
            .to_owned(),
    }
}

fn read(measured: &Measured) -> Vec<super::document::Prose> {
    let files = measured
        .read
        .iter()
        .map(|(file, format, number)| format!("{file}: {format}, {} records", count(*number as f64)));
    let skipped = measured.skipped.iter().map(|(file, line, why)| format!("skipped: {file}:{line}: {why}"));
    let assumed = measured.assumed.iter().map(|line| format!("assumed: {line}"));
    files.chain(skipped).chain(assumed).map(Into::into).collect()
}

fn cards(function: &FittedFunction) -> Vec<Card> {
    let mut cards = Vec::new();
    if let Some(arrivals) = &function.arrivals {
        let lines = vec![arrivals.kind.to_string(), format!("over {}", duration(arrivals.length_s))];
        cards.push(Card::new("Arrivals", format!("{:.4}/s", arrivals.rate), lines));
    }
    if let Some(found) = &function.durations {
        let law = found.best().filter(|_| found.is_good).map_or("quantiles", |best| best.law.family.name());
        cards.push(Card::new("Duration", duration(found.quantile(0.5)), vec!["median".to_owned(), law.to_owned()]));
    }
    if function.counts.known > 0 {
        let share = function.counts.cold as f64 / function.counts.known as f64;
        let lines = vec![format!("{} of {}", count(function.counts.cold as f64), count(function.counts.known as f64))];
        cards.push(Card::new("Cold starts", percent(share), lines));
    }
    if let Some(found) = &function.keep_alive {
        let (low, high) = found.between_s;
        let lines =
            vec![format!("{} of {} idle times do not fit", found.misfits, count((found.seen.0 + found.seen.1) as f64))];
        cards.push(Card::new("Keep-alive", format!("{} to {}", duration(low), duration(high)), lines));
    }
    cards
}

fn blocks(function: &FittedFunction) -> Vec<Block> {
    let mut blocks = Vec::new();
    if let Some(arrivals) = &function.arrivals {
        blocks.push(Block::List(arrivals.evidence.iter().map(|line| line.as_str().into()).collect()));
        blocks.push(Block::Figure(rate(arrivals)));
        if arrivals.gaps.len() >= 20 {
            blocks.push(Block::Figure(gaps(arrivals)));
        }
    }
    for (what, found) in [
        ("duration", &function.durations),
        ("cold duration", &function.cold_durations),
        ("initialization", &function.inits),
    ] {
        let Some(found) = found.as_ref().filter(|found| found.count >= 3) else { continue };
        blocks.push(Block::Table(laws(what, found)));
        blocks.push(Block::Figure(tail(what, found)));
        blocks.push(Block::Figure(quantiles(what, found)));
    }
    if !function.caveats.is_empty() {
        blocks.push(Block::Note("What the data cannot show:".into()));
        blocks.push(Block::List(function.caveats.iter().map(|line| line.as_str().into()).collect()));
    }
    blocks
}

/// Every law that was tried.
fn laws(what: &str, found: &Found) -> Table {
    let best = found.best().map_or(0.0, |best| best.aic);
    let rows = found.fitted.iter().enumerate().map(|(place, fitted)| Row {
        is_chosen: place == 0 && found.is_good,
        ..Row::new(
            fitted.law.family.name(),
            vec![
                Cell::text(format!("{:.1}", fitted.aic - best)),
                Cell::text(format!("{:.2} %", 100.0 * fitted.distance)),
                Cell::text(fitted.law.toml()),
            ],
        )
    });
    Table {
        caption: format!("Distributions fitted to the {what} ({} values)", count(found.count as f64)),
        rows_are: "Distribution",
        columns: vec![
            Column::new("AIC", "AIC above that of the best distribution"),
            Column::new(
                "Off by",
                "Largest distance between the cumulative distributions of data and fit \
                                   (Kolmogorov-Smirnov)",
            ),
            Column::text("Parameters", "As written in a scenario"),
        ],
        rows: rows.collect(),
        total: None,
        shown: 10,
    }
}

fn plot(name: &'static str, caption: &str, plot: &Plot) -> Drawn {
    plot.drawn(name, caption)
}

/// Shares of values that are longer, data beside law.
fn tail(what: &str, found: &Found) -> Drawn {
    let n = found.values.len();
    let step = n.div_ceil(POINTS);
    let data = found
        .values
        .iter()
        .enumerate()
        .step_by(step)
        .map(|(place, value)| (*value, 1.0 - place as f64 / n as f64))
        .collect();
    let mut marks = vec![Mark::new("data", Style::line(BLUE, Dash::Solid, 2.5), Shape::Line(data))];
    let (least, most) = (found.quantile(0.0), found.quantile(1.0));
    if let Some(best) = found.best() {
        let at = |place: usize| least * (most / least).powf(place as f64 / POINTS as f64);
        let law = (0..=POINTS)
            .map(at)
            .map(|value| (value, 1.0 - best.law.share(value)))
            .filter(|(_, share)| *share > 0.2 / n as f64)
            .collect();
        marks.push(Mark::new(best.law.family.name(), Style::line(VERMILLION, Dash::Dashed, 2.0), Shape::Line(law)));
    }
    let title = format!(
        "Half of the {what}s are longer than {}, one in 100 longer than {}",
        duration(found.quantile(0.5)),
        duration(found.quantile(0.99))
    );
    let panel = Panel { y: Axis::new("share longer", Quantity::Ratio, Scale::Log), height: 260.0, marks };
    let chart = Plot {
        description: title.clone(),
        title,
        x: Axis::new(what, Quantity::Seconds, Scale::Log),
        panels: vec![panel],
        tips: Vec::new(),
    };
    plot("tail", "The share of values that are longer, on logarithmic axes: the data and the best fit.", &chart)
}

/// Quantiles of the data over those of the law.
fn quantiles(what: &str, found: &Found) -> Drawn {
    let best = found.best().map(|best| best.law);
    let shares = (1..POINTS).map(|place| place as f64 / POINTS as f64).chain([0.999]);
    let points: Vec<(f64, f64)> =
        best.map_or_else(Vec::new, |law| shares.map(|share| (law.quantile(share), found.quantile(share))).collect());
    let (least, most) = points
        .iter()
        .fold((f64::INFINITY, 0.0_f64), |(least, most), (x, y)| (least.min(*x).min(*y), most.max(*x).max(*y)));
    let off = found.best().map_or(0.0, |best| best.distance);
    let title = format!("{what}: fit and data differ by at most {} of the values", percent(off));
    let marks = vec![
        Mark::new("equal", Style::line(MUTED, Dash::Dashed, 1.5), Shape::Line(vec![(least, least), (most, most)])),
        Mark::new("quantiles", Style::line(BLUE, Dash::Solid, 2.0), Shape::Dots(points)),
    ];
    let panel = Panel { y: Axis::new("data", Quantity::Seconds, Scale::Log), height: 260.0, marks };
    let chart = Plot {
        description: title.clone(),
        title,
        x: Axis::new("fit", Quantity::Seconds, Scale::Log),
        panels: vec![panel],
        tips: Vec::new(),
    };
    plot(
        "quantiles",
        "Quantile-quantile plot: each dot is a quantile of the data against the same quantile of the \
                       fit.",
        &chart,
    )
}

/// Requests a second over time.
fn rate(arrivals: &Arrivals) -> Drawn {
    let width = arrivals.length_s / arrivals.rates.len().max(1) as f64;
    let steps = arrivals.rates.iter().map(|(at, rate)| (at - width / 2.0, at + width / 2.0, 0.0, *rate)).collect();
    let marks = vec![
        Mark::new("measured", Style::line(BLUE, Dash::Solid, 2.0), Shape::Steps(steps)),
        Mark::new("mean", Style::line(VERMILLION, Dash::Dashed, 2.0), Shape::Rule(arrivals.rate)),
    ];
    let title = format!("{:.4} requests per second: {}", arrivals.rate, arrivals.kind);
    let panel = Panel { y: Axis::new("requests per second", Quantity::Count, Scale::Linear), height: 200.0, marks };
    let chart = Plot {
        description: title.clone(),
        title,
        x: Axis::new("time", Quantity::Seconds, Scale::Linear),
        panels: vec![panel],
        tips: Vec::new(),
    };
    plot("rate", "Requests per second, by interval.", &chart)
}

/// Gaps between requests beside those of a Poisson process.
fn gaps(arrivals: &Arrivals) -> Drawn {
    let n = arrivals.gaps.len();
    let mean = arrivals.gaps.iter().sum::<f64>() / n as f64;
    let step = n.div_ceil(POINTS);
    let data = arrivals
        .gaps
        .iter()
        .enumerate()
        .step_by(step)
        .map(|(place, gap)| (*gap, 1.0 - place as f64 / n as f64))
        .collect();
    let most = arrivals.gaps.last().copied().unwrap_or(mean);
    let law = (0..=POINTS)
        .map(|place| most * place as f64 / POINTS as f64)
        .map(|gap| (gap, (-gap / mean).exp()))
        .filter(|(_, share)| *share > 0.2 / n as f64)
        .collect();
    let marks = vec![
        Mark::new("measured", Style::line(BLUE, Dash::Solid, 2.5), Shape::Line(data)),
        Mark::new("Poisson process of the same rate", Style::line(VERMILLION, Dash::Dashed, 2.0), Shape::Line(law)),
    ];
    let title = format!("Gaps between requests: {} on average", duration(mean));
    let panel = Panel { y: Axis::new("share longer", Quantity::Ratio, Scale::Log), height: 220.0, marks };
    let chart = Plot {
        description: title.clone(),
        title,
        x: Axis::new("gap", Quantity::Seconds, Scale::Linear),
        panels: vec![panel],
        tips: Vec::new(),
    };
    plot("gaps", "The share of gaps that are longer. A Poisson process gives a straight line.", &chart)
}
