//! The charts of a comparison.

use super::axis::{Axis, Scale};
use super::bars::{Bars, Row};
use super::plot::{Mark, Panel, Plot, Shape, Tip};
use super::run::{clock, intervals, time_axis};
use super::{BLUE, Colour, Dash, Drawn, GREEN, INK, ORANGE, SKY, Style, VERMILLION};
use crate::measure::RunResult;
use crate::measure::comparison::{COLD_AFFECTED_RATIO, Comparison};
use crate::measure::summary::Stat;
use crate::report::format::{Quantity, count};
use crate::report::phrases::sanitize;

/// More lines than this cannot be told apart: then each contender has a panel of its own.
const LINES: usize = 8;
/// More points or bars than this cannot be read.
pub(super) const POINTS: usize = 30;
/// The longest name that is shown whole.
const NAME: usize = 26;

/// All charts of a comparison: `results` are those of the contenders, in their order.
#[must_use]
pub fn charts(comparison: &Comparison, results: &[(String, RunResult)]) -> Vec<Drawn> {
    // The baseline is always among those that are shown.
    let mut order: Vec<&(String, RunResult)> = results.iter().collect();
    order.sort_by_key(|(name, _)| *name != comparison.baseline);
    vec![
        tradeoff(&order[..order.len().min(POINTS)]).drawn(
            "tradeoff",
            format!(
                "Left is cheaper, down is faster. Bars are 95 % confidence intervals; with common random numbers, \
                 differences are more certain than these suggest.{}",
                left_out(order.len(), POINTS)
            ),
        ),
        cold_starts(Some(comparison), &order[..order.len().min(POINTS)])
            .drawn("cold-starts", format!("{}{}", cold_caption(comparison), left_out(order.len(), POINTS))),
        instances(&order[..order.len().min(POINTS)]).drawn(
            "instances",
            if order.len() > LINES {
                let baseline = &comparison.baseline;
                format!(
                    "Mean number of instances in each interval, and how many of them are busy. The line is {baseline}. \
                     Each panel has its own scale.{}",
                    left_out(order.len(), POINTS)
                )
            } else {
                "Mean number of instances in each interval: busy, idle and starting.".to_owned()
            },
        ),
    ]
}

pub(super) fn left_out(all: usize, most: usize) -> String {
    if all > most { format!(" Shown: the first {most} of {all}.") } else { String::new() }
}

/// The look of the contender at a place; the baseline is first.
pub(super) fn style(place: usize) -> Style {
    const COLOURS: [Colour; 6] = [INK, VERMILLION, BLUE, GREEN, ORANGE, SKY];
    let dash = [Dash::Solid, Dash::Dashed, Dash::Dotted][place / COLOURS.len() % 3];
    // The baseline shows below a line that covers it.
    Style::line(COLOURS[place % COLOURS.len()], dash, if place == 0 { 4.0 } else { 1.75 })
}

pub(super) fn name(result: &(String, RunResult)) -> String {
    sanitize(&result.0, NAME)
}

/// From the smallest to the largest mean, with the names: `598 ms (warm) to 905 ms (unchanged)`. Says what was seen, not
/// who wins. None if there is nothing to show.
pub(super) fn range(
    results: &[&(String, RunResult)],
    quantity: Quantity,
    value: impl Fn(&(String, RunResult)) -> f64,
) -> Option<String> {
    let finite = || results.iter().map(|one| (*one, value(one))).filter(|(_, value)| value.is_finite());
    let (low, high) = (finite().min_by(|a, b| a.1.total_cmp(&b.1))?, finite().max_by(|a, b| a.1.total_cmp(&b.1))?);
    let texts = [low.1, high.1].map(|value| quantity.text(value));
    if texts[0] == texts[1] {
        return Some(format!("{} for all", texts[0]));
    }
    let name = |one: &(String, RunResult)| sanitize(&one.0, 18);
    Some(format!("{} ({}) to {} ({})", texts[0], name(low.0), texts[1], name(high.0)))
}

pub(super) fn tradeoff(results: &[&(String, RunResult)]) -> Plot {
    let cost = |result: &RunResult| result.summary.monthly_cost_usd;
    let p99 = |result: &RunResult| result.summary.total.latency_s.p99;
    let title = match range(results, Quantity::Seconds, |one| p99(&one.1).mean) {
        Some(range) => format!("Latency p99 {range}, against cost"),
        None => "Latency and cost: no request was completed".to_owned(),
    };
    let half = |stat: Stat| stat.half_width.filter(|half| half.is_finite()).unwrap_or(0.0);
    let point = |(place, one): (usize, &&(String, RunResult))| {
        let (cost, p99) = (cost(&one.1), p99(&one.1));
        let (at, half) = ((cost.mean, p99.mean), (half(cost), half(p99)));
        Mark::new("", Style { width: 1.75, ..style(place) }, Shape::Point { at, half, label: name(one) })
    };
    let of_each = results.iter().map(|one| {
        format!("{}: p99 {}, {}", one.0, Quantity::Seconds.stat(&p99(&one.1)), Quantity::Usd.stat(&cost(&one.1)))
    });
    let slowest = results.iter().map(|one| p99(&one.1).mean).fold(0.0, f64::max);
    let fastest = results.iter().map(|one| p99(&one.1).mean).fold(f64::INFINITY, f64::min);
    // Beside a very slow one the others would be one and the same on an even scale.
    let scale = if fastest > 0.0 && slowest > 4.0 * fastest { Scale::Log } else { Scale::Near };
    Plot {
        description: format!("{title}. {}.", of_each.collect::<Vec<_>>().join("; ")),
        title,
        x: Axis::new("cost per month", Quantity::Usd, Scale::Near),
        panels: vec![Panel {
            y: Axis::new("latency p99", Quantity::Seconds, scale),
            height: if results.len() > LINES { 420.0 } else { 280.0 },
            marks: results.iter().enumerate().map(point).collect(),
        }],
        tips: Vec::new(),
    }
}

/// A contender's cold-affected ratio; none where the comparison judges cold starts.
fn cold_affected(comparison: Option<&Comparison>, name: &str) -> Option<Stat> {
    let comparison = comparison?;
    let mut judged = comparison.contrasts.iter().filter(|one| one.metric == COLD_AFFECTED_RATIO);
    if name == comparison.baseline {
        return judged.next().map(|one| one.baseline);
    }
    judged.find(|one| one.variant == name).map(|one| one.value)
}

fn cold_caption(comparison: &Comparison) -> &'static str {
    match cold_affected(Some(comparison), &comparison.baseline) {
        None => "Cold starts as a share of invocations started, over all functions, with 95 % intervals.",
        Some(_) => {
            "Invocations that waited for an instance to start, as a share of invocations started, over all functions, \
             with 95 % intervals. This includes instances that a scaling policy created, not only those created for a \
             request."
        }
    }
}

/// `comparison` says what of cold starts it judges, if there is one.
pub(super) fn cold_starts(comparison: Option<&Comparison>, results: &[&(String, RunResult)]) -> Bars {
    let ratio =
        |one: &(String, RunResult)| cold_affected(comparison, &one.0).unwrap_or(one.1.summary.total.cold_start_ratio);
    let [what, short] = match comparison.and_then(|found| cold_affected(comparison, &found.baseline)) {
        None => ["Cold starts", "cold-start ratio"],
        Some(_) => ["Waited for a cold start", "share of invocations"],
    };
    let title = match range(results, Quantity::Ratio, |one| ratio(one).mean) {
        Some(range) => format!("{what}: {range}"),
        None => format!("{what}: no invocation was started"),
    };
    let of_each = results.iter().map(|one| format!("{}: {}", one.0, Quantity::Ratio.stat(&ratio(one))));
    Bars {
        description: format!("{title}. {}.", of_each.collect::<Vec<_>>().join("; ")),
        title,
        axis: Axis::new(short, Quantity::Ratio, Scale::Linear),
        parts: vec![(what.to_lowercase(), ORANGE)],
        rows: (results.iter())
            .map(|one| Row { name: one.0.clone(), parts: vec![ratio(one).mean], half_width: ratio(one).half_width })
            .collect(),
    }
}

/// An interval: start and end (s), and the mean in it.
type Step = (f64, f64, f64);

fn instances(results: &[&(String, RunResult)]) -> Plot {
    let mean = |result: &RunResult| result.summary.total.instances.mean.mean;
    let title = match range(results, Quantity::Count, |one| mean(&one.1)) {
        Some(range) => format!("Instances on average: {range}"),
        None => "Instances over time".to_owned(),
    };
    let lines: Vec<(String, Vec<Step>)> = results
        .iter()
        .map(|one| {
            let points = intervals(&one.1).into_iter();
            let all =
                points.map(|(from, to, p)| (from, to, p.instances_busy + p.instances_idle + p.instances_starting));
            (name(one), all.collect())
        })
        .collect();
    let line = |steps: &[Step]| Shape::Line(steps.iter().map(|(from, to, all)| ((from + to) / 2.0, *all)).collect());
    let mark =
        |(place, (name, steps)): (usize, &(String, Vec<Step>))| Mark::new(name.clone(), style(place), line(steps));
    let panels = if results.len() > LINES {
        let baseline =
            |place: usize| (place > 0).then(|| Mark::new("", Style { width: 1.5, ..style(0) }, line(&lines[0].1)));
        let panel = |place: usize| {
            let (name, steps) = &lines[place];
            let [exist, busy] = if place == 0 { ["in existence", "busy"] } else { [""; 2] };
            let all = steps.iter().map(|(from, to, all)| (*from, *to, 0.0, *all)).collect();
            let used = intervals(&results[place].1)
                .into_iter()
                .map(|(from, to, p)| (from, to, 0.0, p.instances_busy))
                .collect();
            let areas = [
                Mark::new(exist, Style::fill(SKY), Shape::Steps(all)),
                Mark::new(busy, Style::fill(BLUE), Shape::Steps(used)),
            ];
            Panel {
                y: Axis::new(name.clone(), Quantity::Count, Scale::Linear),
                height: 62.0,
                marks: areas.into_iter().chain(baseline(place)).collect(),
            }
        };
        (0..lines.len()).map(panel).collect()
    } else {
        let y = Axis::new("instances", Quantity::Count, Scale::Linear);
        vec![Panel { y, height: 230.0, marks: lines.iter().enumerate().map(mark).collect() }]
    };
    let tip = |(place, (from, to, _)): (usize, &Step)| {
        let of_each = lines.iter().filter_map(|(name, line)| Some(format!("\n{name}: {}", count(line.get(place)?.2))));
        Tip { from: *from, to: *to, text: format!("{} to {}{}", clock(*from), clock(*to), of_each.collect::<String>()) }
    };
    let of_each = results.iter().map(|one| format!("{}: {}", one.0, count(mean(&one.1))));
    Plot {
        description: format!("{title}. Means: {}.", of_each.collect::<Vec<_>>().join("; ")),
        title,
        x: time_axis(),
        panels,
        tips: lines.first().map_or_else(Vec::new, |(_, line)| line.iter().enumerate().map(tip).collect()),
    }
}
