//! The charts of several stored runs, laid over each other.

use super::axis::{Axis, Scale};
use super::compare::{POINTS, cold_starts, left_out, name, range, style, tradeoff};
use super::distribution::{share_above, tail};
use super::plot::{Mark, Panel, Plot, Shape, Tip};
use super::run::{clock, intervals, time_axis};
use super::{Drawn, Style};
use crate::measure::RunResult;
use crate::measure::timeline::Point;
use crate::report::format::{Quantity, count, duration, percent};

/// More lines than this cannot be told apart.
const LINES: usize = 8;
/// Into how many strips the distribution is cut to read values.
const STRIPS: i32 = 80;

/// All charts of several runs; the first is what the others are set beside.
#[must_use]
pub fn charts(results: &[(String, RunResult)]) -> Vec<Drawn> {
    let all: Vec<&(String, RunResult)> = results.iter().take(POINTS).collect();
    let few: Vec<&(String, RunResult)> = results.iter().take(LINES).collect();
    let caption = |caption: &str, most| format!("{caption}{}", left_out(results.len(), most));
    vec![
        tradeoff(&all)
            .drawn("tradeoff", caption("Left is cheaper, down is faster. Bars are 95 % confidence intervals.", POINTS)),
        latency(&few)
            .drawn("latency", caption("99th percentile of T_exec for requests completed in each interval.", LINES)),
        distribution(&few).drawn(
            "distribution",
            caption("The share of requests that took longer than a given time; a line crosses 1 % at its p99.", LINES),
        ),
        cold_starts(None, &all).drawn(
            "cold-starts",
            caption("Cold starts as a share of invocations started, over all functions, with 95 % intervals.", POINTS),
        ),
        instances(&few)
            .drawn("instances", caption("Mean number of instances in each interval: busy, idle and starting.", LINES)),
    ]
}

fn p99(result: &RunResult) -> f64 {
    result.summary.total.latency_s.p99.mean
}

/// A line for each run.
fn marks(results: &[&(String, RunResult)], points: impl Fn(&RunResult) -> Vec<(f64, f64)>) -> Vec<Mark> {
    let thin = |place| Style { width: if place == 0 { 3.0 } else { 1.75 }, ..style(place) };
    let mark =
        |(place, one): (usize, &&(String, RunResult))| Mark::new(name(one), thin(place), Shape::Line(points(&one.1)));
    results.iter().enumerate().map(mark).collect()
}

fn of_each(results: &[&(String, RunResult)], value: impl Fn(&RunResult) -> String) -> String {
    results.iter().map(|one| format!("\n{}: {}", name(one), value(&one.1))).collect()
}

fn latency(results: &[&(String, RunResult)]) -> Plot {
    let title = match range(results, Quantity::Seconds, |one| p99(&one.1)) {
        Some(range) => format!("Latency p99 over time; overall {range}"),
        None => "Latency over time: no request was completed".to_owned(),
    };
    let said = of_each(results, |one| duration(p99(one)));
    over_time(results, &title, &said, ("latency p99", Quantity::Seconds), |point| point.latency_s_p99)
}

fn instances(results: &[&(String, RunResult)]) -> Plot {
    let mean = |result: &RunResult| result.summary.total.instances.mean.mean;
    let title = match range(results, Quantity::Count, |one| mean(&one.1)) {
        Some(range) => format!("Instances on average: {range}"),
        None => "Instances over time".to_owned(),
    };
    let said = of_each(results, |one| count(mean(one)));
    let all = |point: &Point| point.instances_busy + point.instances_idle + point.instances_starting;
    over_time(results, &title, &said, ("instances", Quantity::Count), all)
}

/// A line for each run; `said` are their means, for those who do not see them.
fn over_time(
    results: &[&(String, RunResult)],
    title: &str,
    said: &str,
    (label, quantity): (&str, Quantity),
    value: impl Fn(&Point) -> f64,
) -> Plot {
    let line = |result: &RunResult| {
        intervals(result).iter().map(|(from, to, point)| ((from + to) / 2.0, value(point))).collect::<Vec<_>>()
    };
    let values: Vec<f64> = results.iter().flat_map(|one| line(&one.1)).map(|(_, y)| y).filter(|y| *y > 0.0).collect();
    let (low, high) = values.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), y| (low.min(*y), high.max(*y)));
    let scale = if quantity == Quantity::Seconds && high > 20.0 * low { Scale::Log } else { Scale::Linear };
    // The runs may differ in how long they are and how they are cut.
    let finest = results.iter().map(|one| intervals(&one.1)).max_by_key(Vec::len).unwrap_or_default();
    let tip = |(from, to): (f64, f64)| {
        let middle = (from + to) / 2.0;
        let found = |result: &RunResult| {
            let all = intervals(result);
            let here = all.iter().find(|(from, to, _)| (*from..*to).contains(&middle));
            quantity.text(here.map_or(f64::NAN, |(_, _, point)| value(point)))
        };
        Tip { from, to, text: format!("{} to {}{}", clock(from), clock(to), of_each(results, found)) }
    };
    Plot {
        title: title.to_owned(),
        description: format!("{title}.{}", said.replace('\n', " ")),
        x: time_axis(),
        panels: vec![Panel { y: Axis::new(label, quantity, scale), height: 230.0, marks: marks(results, line) }],
        tips: finest.iter().map(|(from, to, _)| tip((*from, *to))).collect(),
    }
}

fn distribution(results: &[&(String, RunResult)]) -> Plot {
    let p50 = |result: &RunResult| result.summary.total.latency_s.p50.mean;
    let title = match range(results, Quantity::Seconds, |one| p50(&one.1)) {
        Some(range) => format!("One request in two takes longer than {range}"),
        None => "Distribution of latency: no request was completed".to_owned(),
    };
    let bins = |result: &RunResult| result.distributions.latency.bins.clone();
    let all = results.iter().flat_map(|one| bins(&one.1)).filter(|(_, high, share)| *high > 0.0 && *share > 0.0);
    let (low, high) =
        all.fold((f64::INFINITY, 0.0_f64), |(from, to), (low, high, _)| (from.min(low.max(high * 1e-3)), to.max(high)));
    let edge = |n: i32| low * (high / low).powf(f64::from(n) / f64::from(STRIPS));
    let tip = |n: i32| {
        let x = (edge(n) * edge(n + 1)).sqrt();
        let shares = of_each(results, |one| percent(share_above(&one.distributions.latency, x)));
        Tip { from: edge(n), to: edge(n + 1), text: format!("longer than {}{shares}", duration(x)) }
    };
    Plot {
        description: format!("{title}. p99:{}.", of_each(results, |one| duration(p99(one))).replace('\n', " ")),
        title,
        x: Axis::new("T_exec of one request", Quantity::Seconds, Scale::Log),
        panels: vec![Panel {
            y: Axis::new("requests that took longer", Quantity::Ratio, Scale::Log),
            height: 260.0,
            marks: marks(results, |one| tail(&one.distributions.latency)),
        }],
        tips: if low < high { (0..STRIPS).map(tip).collect() } else { Vec::new() },
    }
}
