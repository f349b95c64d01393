//! The charts of a plan.

use std::cmp::Ordering;

use super::axis::{Axis, Scale};
use super::plot::{Mark, Panel, Plot, Shape};
use super::{BLUE, Dash, Drawn, GREEN, INK, MUTED, SKY, Style, VERMILLION};
use crate::measure::plan::{Candidate, Estimate, LoadPoint, Plan, Verdict};
use crate::report::format::{Quantity, count, times};
use crate::report::phrases::sanitize;

/// More names than this cover one another.
const NAMED: usize = 8;
/// What the metric of the front is, whatever its function.
const LATENCY: Quantity = Quantity::Seconds;
/// The longest name that is shown whole.
const NAME: usize = 34;

/// All charts of a plan.
#[must_use]
pub fn charts(plan: &Plan) -> Vec<Drawn> {
    let caption = "Left is cheaper, down is faster. The line connects the best trade-offs: no tested configuration is \
                   both cheaper and faster. Pale points are the others.";
    let mut charts = vec![front(plan).drawn("front", caption)];
    charts.extend(memory(plan));
    if plan.headroom.is_some() {
        let caption = "The recommended configuration under multiples of today's load, with nothing else changed. \
                       Dashed: objective.";
        charts.push(headroom(plan).drawn("headroom", caption));
    }
    charts
}

/// Cost and latency over memory, where it is varied: of each size the cheapest that meets every objective, or else the cheapest.
fn memory(plan: &Plan) -> Option<Drawn> {
    let place = plan.axes.iter().position(|axis| axis.key.ends_with(".memory"))?;
    let axis = &plan.axes[place];
    let best = plan.best.and_then(|number| plan.candidate(number));
    let others = |one: &Candidate| -> Vec<String> {
        one.values.iter().enumerate().filter(|(at, _)| *at != place).map(|(_, value)| value.clone()).collect()
    };
    let as_best = |one: &Candidate| best.is_some_and(|best| others(one) == others(best));
    let of_each_size = |is_alike: bool| -> Vec<(f64, &Candidate)> {
        let size = |(size, text): (&Option<f64>, &String)| {
            let tested = plan.candidates.iter().filter(|one| one.values.get(place) == Some(text) && at(one).is_some());
            let rank = |one: &&Candidate| (one.verdict != Verdict::Met, one.month_usd.mean.unwrap_or(f64::INFINITY));
            let tested = tested.filter(|one| !is_alike || as_best(one));
            let one = tested.min_by(|a, b| rank(a).partial_cmp(&rank(b)).unwrap_or(Ordering::Equal))?;
            Some(((*size)?, one))
        };
        axis.numbers.iter().zip(&axis.values).filter_map(size).collect()
    };
    let alike = of_each_size(true);
    let is_alike = alike.len() > 2 || plan.axes.len() == 1;
    let mut sizes = if is_alike { alike } else { of_each_size(false) };
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    if sizes.len() < 2 {
        return None;
    }
    let least = |value: &dyn Fn(&Candidate) -> Option<f64>| {
        let value = |one: &Candidate| value(one).unwrap_or(f64::INFINITY);
        sizes.iter().min_by(|a, b| value(a.1).total_cmp(&value(b.1))).map(|(_, one)| one.number)
    };
    let panel =
        |label: &str, quantity: Quantity, value: &dyn Fn(&Candidate) -> Option<f64>, what: &str, bound: Option<f64>| {
            let first = least(value);
            let line = sizes.iter().filter_map(|(size, one)| Some((*size, value(one)?))).collect();
            let mut marks = vec![Mark::new("", Style::line(BLUE, Dash::Solid, 2.0), Shape::Line(line))];
            marks.extend(sizes.iter().filter_map(|(size, one)| {
                let is_best = plan.best == Some(one.number);
                let label = match (is_best, first == Some(one.number)) {
                    (true, true) => format!("recommended, {what}"),
                    (true, false) => "recommended".to_owned(),
                    (false, true) => what.to_owned(),
                    (false, false) => String::new(),
                };
                let style =
                    Style::line(if is_best { VERMILLION } else { BLUE }, Dash::Solid, if is_best { 2.5 } else { 1.5 });
                Some(Mark::new("", style, Shape::Point { at: (*size, value(one)?), half: (0.0, 0.0), label }))
            }));
            if let Some(bound) = bound {
                marks.push(Mark::new("objective", Style::line(MUTED, Dash::Dashed, 1.25), Shape::Rule(bound)));
            }
            Panel { y: Axis::new(label, quantity, Scale::Linear), height: 170.0, marks }
        };
    let asked = plan.objectives.iter().find(|asked| asked.subject() == plan.latency);
    let slowest = sizes.iter().filter_map(|(_, one)| one.latency_s.mean).fold(0.0, f64::max);
    let bound = asked.and_then(|asked| asked.below).filter(|bound| *bound < 5.0 * slowest);
    let of = |number: Option<usize>| {
        let one = number.and_then(|number| plan.candidate(number));
        one.and_then(|one| one.values.get(place)).cloned().unwrap_or_default()
    };
    let (cheapest, fastest) = (least(&|one| one.month_usd.mean), least(&|one| one.latency_s.mean));
    let title = format!("Memory: {} is cheapest, {} is fastest", of(cheapest), of(fastest));
    let plot = Plot {
        description: format!(
            "{title}. {}.",
            sizes
                .iter()
                .filter_map(|(_, one)| {
                    let (cost, latency) = at(one)?;
                    let texts = [Quantity::Usd.text(cost), LATENCY.text(latency)];
                    Some(format!("{}: {} a month, {}", plan.describe(one), texts[0], texts[1]))
                })
                .collect::<Vec<_>>()
                .join("; ")
        ),
        title,
        x: Axis::new("memory (MB)", Quantity::Count, Scale::Linear).with_ticks(apart(&sizes)),
        panels: vec![
            panel("cost per month", Quantity::Usd, &|one| one.month_usd.mean, "lowest cost", None),
            panel(&plan.latency, LATENCY, &|one| one.latency_s.mean, "fastest", bound),
        ],
        tips: Vec::new(),
    };
    let caption = match (is_alike, plan.axes.len()) {
        (true, 1) => "Dashed: objective.",
        (true, _) => "Everything else as recommended. Dashed: objective.",
        (false, _) => {
            "For each memory size: the cheapest tested configuration that meets every objective, or else the cheapest one. \
             Dashed: objective."
        }
    };
    Some(plot.drawn("memory", caption))
}

/// The tested sizes that are far enough apart for their labels.
fn apart(sizes: &[(f64, &Candidate)]) -> Vec<(f64, String)> {
    let least = sizes.last().map_or(0.0, |(most, _)| most / 16.0);
    let mut ticks: Vec<(f64, String)> = Vec::new();
    for (size, _) in sizes {
        if ticks.last().is_none_or(|(last, _)| size - last >= least) {
            ticks.push((*size, count(*size)));
        }
    }
    ticks
}

fn at(one: &Candidate) -> Option<(f64, f64)> {
    Some((one.month_usd.mean?, one.latency_s.mean?))
}

fn front(plan: &Plan) -> Plot {
    let on_front: Vec<&Candidate> = plan.front.iter().filter_map(|number| plan.candidate(*number)).collect();
    let point = |one: &Candidate, label: String, style: Style| {
        let at = at(one)?;
        // A line of one point is a dot, without a place for a name.
        let shape = if label.is_empty() { Shape::Line(vec![at]) } else { Shape::Point { at, half: (0.0, 0.0), label } };
        Some(Mark::new("", style, shape))
    };
    let others =
        plan.candidates.iter().filter(|one| !plan.front.contains(&one.number) && Some(one.number) != plan.best);
    let mut marks: Vec<Mark> =
        others.filter_map(|one| point(one, String::new(), Style::line(SKY, Dash::Solid, 1.0))).collect();
    marks.push(Mark::new(
        "the front",
        Style::line(BLUE, Dash::Solid, 1.5),
        Shape::Line(on_front.iter().filter_map(|one| at(one)).collect()),
    ));
    let every = on_front.len().div_ceil(NAMED).max(1);
    for (place, one) in on_front.iter().enumerate().filter(|(_, one)| Some(one.number) != plan.best) {
        let label = if place % every == 0 { sanitize(&plan.describe(one), NAME) } else { String::new() };
        marks.extend(point(one, label, Style::line(BLUE, Dash::Solid, 1.5)));
    }
    let best = plan.best.and_then(|number| plan.candidate(number));
    if let Some(best) = best {
        marks.extend(point(
            best,
            format!("recommended: {}", plan.describe(best)),
            Style::line(VERMILLION, Dash::Solid, 2.5),
        ));
    }
    let asked = plan.objectives.iter().find(|asked| asked.subject() == plan.latency);
    let slowest = on_front.iter().filter_map(|one| one.latency_s.mean).fold(0.0, f64::max);
    if let Some(bound) = asked.and_then(|asked| asked.below).filter(|bound| *bound < 20.0 * slowest) {
        marks.push(Mark::new("objective", Style::line(MUTED, Dash::Dashed, 1.25), Shape::Rule(bound)));
    }
    let latencies = || plan.candidates.iter().filter_map(|one| one.latency_s.mean);
    let (fastest, slowest) = (latencies().fold(f64::INFINITY, f64::min), latencies().fold(0.0, f64::max));
    let scale = if fastest > 0.0 && slowest > 4.0 * fastest { Scale::Log } else { Scale::Near };
    let title = match best.and_then(at) {
        Some((cost, latency)) => {
            format!(
                "{} a month for a {} of {}",
                Quantity::Usd.text(cost),
                sanitize(&plan.latency, 34),
                LATENCY.text(latency)
            )
        }
        None => format!("{} and cost: no configuration is shown to meet every objective", sanitize(&plan.latency, 34)),
    };
    let of_each = on_front.iter().filter_map(|one| {
        let (cost, latency) = at(one)?;
        Some(format!("{}: {}, {}", plan.describe(one), Quantity::Usd.text(cost), LATENCY.text(latency)))
    });
    Plot {
        description: format!("{title}. Pareto front: {}.", of_each.collect::<Vec<_>>().join("; ")),
        title,
        x: Axis::new("cost per month", Quantity::Usd, Scale::Near),
        panels: vec![Panel { y: Axis::new(plan.latency.clone(), LATENCY, scale), height: 340.0, marks }],
        tips: Vec::new(),
    }
}

fn headroom(plan: &Plan) -> Plot {
    let points: &[LoadPoint] = plan.headroom.as_ref().map_or(&[], |headroom| &headroom.points);
    let panel =
        |label: String, quantity: Quantity, value: &dyn Fn(&LoadPoint) -> Option<Estimate>, bound: Option<f64>| {
            let known: Vec<(f64, Estimate)> =
                points.iter().filter_map(|point| Some((point.multiple, value(point)?))).collect();
            let means: Vec<(f64, f64)> = known.iter().filter_map(|(x, one)| Some((*x, one.mean?))).collect();
            let (low, high) =
                means.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), (_, y)| (low.min(*y), high.max(*y)));
            let scale = if low > 0.0 && high > 20.0 * low { Scale::Log } else { Scale::Linear };
            let dots = known.iter().filter_map(|(x, one)| {
                let (mean, low, high) = (one.mean?, one.low?, one.high?);
                let half = ((high - low) / 2.0).min(mean.abs());
                Some(Mark::new(
                    "",
                    Style::line(BLUE, Dash::Solid, 1.25),
                    Shape::Point { at: (*x, mean), half: (0.0, half), label: String::new() },
                ))
            });
            let mut marks: Vec<Mark> = dots.collect();
            marks.push(Mark::new("", Style::line(BLUE, Dash::Solid, 2.0), Shape::Line(means)));
            if let Some(bound) = bound {
                marks.push(Mark::new("objective", Style::line(INK, Dash::Dashed, 1.25), Shape::Rule(bound)));
            }
            Panel { y: Axis::new(label, quantity, scale), height: 120.0, marks }
        };
    let mut panels: Vec<Panel> = (plan.objectives.iter().enumerate())
        .map(|(place, asked)| {
            let value = move |point: &LoadPoint| point.objectives.get(place).map(|one| one.value);
            panel(asked.subject(), asked.quantity(), &value, asked.below.or(asked.above))
        })
        .collect();
    let mut cost = panel("cost per month".to_owned(), Quantity::Usd, &|point| Some(point.month_usd), None);
    cost.marks.iter_mut().for_each(|mark| mark.style.colour = GREEN);
    panels.push(cost);
    let holds_to = plan.headroom.as_ref().map_or(1.0, |headroom| headroom.holds_to);
    let title = format!("Headroom: every objective is met up to {} today's load", times(holds_to));
    let of_each = points.iter().map(|point| format!("{}: {:?}", times(point.multiple), point.verdict).to_lowercase());
    Plot {
        description: format!("{title}. {}.", of_each.collect::<Vec<_>>().join("; ")),
        title,
        x: Axis::new("multiple of today's load", Quantity::Count, Scale::Log),
        panels,
        tips: Vec::new(),
    }
}
