//! The charts of a plan.

use super::axis::{Axis, Scale};
use super::plot::{Mark, Panel, Plot, Shape};
use super::{BLUE, Dash, Drawn, GREEN, INK, MUTED, SKY, Style, VERMILLION};
use crate::measure::plan::{Candidate, Estimate, LoadPoint, Plan};
use crate::report::format::{Quantity, times};
use crate::report::phrases::sanitize;

/// More names than this cover one another.
const NAMED: usize = 8;
/// The longest name that is shown whole.
const NAME: usize = 34;

/// All charts of a plan.
#[must_use]
pub fn charts(plan: &Plan) -> Vec<Drawn> {
    let mut charts = vec![Drawn {
        name: "front",
        caption: "Left is cheaper, down is faster. The line connects the best trade-offs: no tested configuration is both cheaper \
                  and faster. Pale points are the others."
            .to_owned(),
        svg: front(plan).svg(),
    }];
    if plan.headroom.is_some() {
        charts.push(Drawn {
            name: "headroom",
            caption:
                "The recommended configuration under a multiple of today's load, with nothing else changed. Dashed: \
                      objective."
                    .to_owned(),
            svg: headroom(plan).svg(),
        });
    }
    charts
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
                Quantity::of(&plan.latency).text(latency)
            )
        }
        None => format!("{} and cost: no configuration is shown to meet", sanitize(&plan.latency, 34)),
    };
    let of_each = on_front.iter().filter_map(|one| {
        let (cost, latency) = at(one)?;
        Some(format!(
            "{}: {}, {}",
            plan.describe(one),
            Quantity::Usd.text(cost),
            Quantity::of(&plan.latency).text(latency)
        ))
    });
    Plot {
        description: format!("{title}. The front: {}.", of_each.collect::<Vec<_>>().join("; ")),
        title,
        x: Axis::new("cost of a month", Quantity::Usd, Scale::Near),
        panels: vec![Panel {
            y: Axis::new(plan.latency.clone(), Quantity::of(&plan.latency), scale),
            height: 340.0,
            marks,
        }],
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
    let mut cost = panel("cost of a month".to_owned(), Quantity::Usd, &|point| Some(point.month_usd), None);
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
