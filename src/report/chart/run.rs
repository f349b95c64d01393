//! The charts of one run.

use super::axis::{Axis, Scale};
use super::bars::{Bars, Row};
use super::distribution::distribution;
use super::plot::{LIMIT, Mark, Panel, Plot, Shape, Tip};
use super::{BLUE, Colour, Dash, Drawn, GREEN, GRID, INK, MUTED, ORANGE, PURPLE, SKY, Style, VERMILLION, YELLOW};
use super::{nodes, warm_up};
use crate::measure::RunResult;
use crate::measure::summary::{self, Stat};
use crate::measure::timeline::Point;
use crate::report::format::{Quantity, count, duration, exactly, money, percent};
use crate::report::phrases;

/// How many functions a bar chart shows.
const ROWS: usize = 10;
/// A limit farther above the data than this factor would squeeze the data flat.
const FAR: f64 = 3.0;

/// All charts of a run, the most asked for first.
#[must_use]
pub fn charts(result: &RunResult) -> Vec<Drawn> {
    let warm_up = result.summary.evidence.warm_up.as_ref();
    let mut charts = vec![
        latency(result).drawn("latency", "Percentiles of T_exec for requests completed in each interval."),
        distribution(result).drawn(
            "distribution",
            "The share of requests that took longer than a given time; a line crosses 1 % at its p99. T_exec = T_func \
             + T_wait; T_wait = queueing + cold start.",
        ),
        wait(result).drawn(
            "wait",
            "Mean T_wait of completed requests: queueing is the time until an instance is assigned, cold start the \
             time until that instance is ready.",
        ),
        instances(result).drawn("instances", format!("Mean number in each interval, stacked. {}", phrases::N_INSTANCE)),
        limits(result).drawn(
            "limits",
            "Throttled: invocations that a limit rejected or delayed. Rejected: requests that got no instance. Timed \
             out: requests stopped by a timeout.",
        ),
        nodes::plot(result).drawn(
            "nodes",
            "Node groups, stacked: mean number of nodes in each interval. Below: what instances request of them, and \
             instances that wait for a node.",
        ),
        cost(result).drawn("cost", "Cost per month at the measured rate, by type of charge."),
    ];
    charts.extend(warm_up.map(|found| {
        let caption = "The pilot run that determined the warm-up: means over its replications. Everything before the \
                       solid line is discarded; dotted: where MSER-5 truncates each series.";
        warm_up::plot(found).drawn("warm-up", caption)
    }));
    charts.retain(|chart| chart.has_data() && says_something(chart.name, result));
    charts
}

/// Whether a chart says more than a sentence would.
fn says_something(name: &str, result: &RunResult) -> bool {
    let total = &result.summary.total;
    match name {
        "nodes" => !result.timeline.nodes.is_empty(),
        "wait" => total.wait_s.mean.mean > 0.0,
        "limits" => {
            let requests = &total.requests;
            total.invocations.throttled.mean + requests.rejected.mean + requests.timed_out.mean > 0.0
        }
        "cost" => result.summary.functions.len() > 1 || cost_parts(result).len() > 1,
        _ => true,
    }
}

/// The total's intervals: start and end (s) with what happened.
pub(super) fn intervals(result: &RunResult) -> Vec<(f64, f64, &Point)> {
    let length = result.timeline.interval.as_secs_f64();
    let points = result.timeline.series.first().map_or(&[][..], |total| &total.points);
    points.iter().enumerate().map(|(i, point)| (i as f64 * length, (i + 1) as f64 * length, point)).collect()
}

pub(super) fn time_axis() -> Axis {
    Axis::new("simulated time", Quantity::Seconds, Scale::Time)
}

fn line(intervals: &[(f64, f64, &Point)], value: impl Fn(&Point) -> f64) -> Shape {
    Shape::Line(intervals.iter().map(|(from, to, point)| ((from + to) / 2.0, value(point))).collect())
}

fn steps(intervals: &[(f64, f64, &Point)], low: impl Fn(&Point) -> f64, high: impl Fn(&Point) -> f64) -> Shape {
    Shape::Steps(intervals.iter().map(|(from, to, point)| (*from, *to, low(point), high(point))).collect())
}

fn tips(intervals: &[(f64, f64, &Point)], text: impl Fn(&Point) -> String) -> Vec<Tip> {
    let tip = |(from, to, point): &(f64, f64, &Point)| Tip {
        from: *from,
        to: *to,
        text: format!("{} to {}\n{}", clock(*from), clock(*to), text(point)),
    };
    intervals.iter().map(tip).collect()
}

/// A moment of simulated time: `3 h 20 min`.
pub(in crate::report) fn clock(seconds: f64) -> String {
    // Intervals that divide the horizon may end between two milliseconds.
    exactly(if seconds < 60.0 { (seconds * 1e3).round() / 1e3 } else { seconds })
}

/// The interval in which a value is largest.
fn highest<'a>(intervals: &[(f64, f64, &'a Point)], value: impl Fn(&Point) -> f64) -> Option<(f64, &'a Point)> {
    let finite = intervals.iter().filter(|(_, _, point)| value(point).is_finite());
    finite.max_by(|a, b| value(a.2).total_cmp(&value(b.2))).map(|(from, _, point)| (*from, *point))
}

fn latency(result: &RunResult) -> Plot {
    let intervals = intervals(result);
    let title = match highest(&intervals, |p| p.latency_s_p99) {
        Some((at, p)) => {
            let (from, to) = (clock(at), clock(at + result.timeline.interval.as_secs_f64()));
            let highest = duration(p.latency_s_p99);
            match intervals.len() {
                1 => format!("Latency: p99 {highest}"),
                _ => format!("Latency over time: p99 is highest between {from} and {to}, at {highest}"),
            }
        }
        None => "Latency over time: no request was completed".to_owned(),
    };
    let values = || intervals.iter().flat_map(|(_, _, p)| [p.latency_s_p50, p.latency_s_p99]).filter(|x| *x > 0.0);
    let wide = values().fold(0.0, f64::max) > 20.0 * values().fold(f64::INFINITY, f64::min);
    let scale = if wide { Scale::Log } else { Scale::Linear };
    let cold: f64 = intervals.iter().map(|(_, _, p)| p.cold).sum();
    let marks = vec![
        Mark::new("p99", Style::line(VERMILLION, Dash::Solid, 2.25), line(&intervals, |p| p.latency_s_p99)),
        Mark::new("p95", Style::line(BLUE, Dash::Dashed, 2.0), line(&intervals, |p| p.latency_s_p95)),
        Mark::new("p50", Style::line(INK, Dash::Dotted, 1.75), line(&intervals, |p| p.latency_s_p50)),
    ];
    let highest = highest(&intervals, |p| p.latency_s_p99).map_or(0.0, |(_, p)| p.latency_s_p99);
    let marks = marks.into_iter().chain(objectives(result, highest)).collect();
    let mut panels = vec![Panel { y: Axis::new("latency", Quantity::Seconds, scale), height: 210.0, marks }];
    if cold > 0.0 {
        let every = Quantity::Seconds.bound(result.timeline.interval.as_secs_f64());
        panels.push(Panel {
            y: Axis::new(format!("cold starts per {every}"), Quantity::Count, Scale::Linear),
            height: 70.0,
            marks: vec![Mark::new("cold", Style::fill(SKY), steps(&intervals, |_| 0.0, |p| p.cold))],
        });
    }
    let total = &result.summary.total.latency_s;
    Plot {
        description: format!(
            "{title}. Over the measured period: p50 {}, p95 {}, p99 {}.",
            duration(total.p50.mean),
            duration(total.p95.mean),
            duration(total.p99.mean)
        ),
        title,
        x: time_axis(),
        panels,
        tips: tips(&intervals, |p| {
            format!(
                "p99: {}\np95: {}\np50: {}\ncold starts: {}",
                duration(p.latency_s_p99),
                duration(p.latency_s_p95),
                duration(p.latency_s_p50),
                count(p.cold)
            )
        }),
    }
}

/// A line for each objective on a percentile of the latency of all requests.
fn objectives(result: &RunResult, highest: f64) -> Vec<Mark> {
    let summary = &result.summary;
    let is_of_all = |function: &Option<String>| function.is_none() || summary.functions.len() == 1;
    let lines = summary.objectives.iter().filter(|one| is_of_all(&one.function)).filter_map(|one| {
        let percentile = one.metric.as_deref()?.strip_prefix("latency_s.p")?;
        let bound = one.below.filter(|bound| *bound <= FAR * highest)?;
        let name = format!("objective p{percentile} {}", Quantity::Seconds.bound(bound));
        Some(Mark::new(name, Style::line(GREEN, Dash::Dashed, 1.5), Shape::Rule(bound)))
    });
    lines.collect()
}

/// Total and the functions for which `size` is largest, as rows of a bar chart.
fn rows(
    result: &RunResult,
    size: impl Fn(&summary::Shape<Stat>) -> f64,
    parts: impl Fn(&summary::Shape<Stat>) -> Vec<f64>,
) -> Vec<Row> {
    let mut functions: Vec<_> = result.summary.functions.iter().collect();
    functions.sort_by(|(_, a), (_, b)| phrases::largest_first(size(a), size(b)));
    let total = (functions.len() != 1).then(|| Row {
        name: "all functions".to_owned(),
        parts: parts(&result.summary.total),
        half_width: None,
    });
    let row = |(name, shape): &&(String, summary::Shape<Stat>)| Row {
        name: name.clone(),
        parts: parts(shape),
        half_width: None,
    };
    total.into_iter().chain(functions.iter().take(ROWS).map(row)).collect()
}

fn wait(result: &RunResult) -> Bars {
    let total = &result.summary.total;
    let (wait, run) = (total.wait_s.mean.mean, total.execution_s.mean.mean);
    let title = match wait {
        wait if wait > 0.0 => format!("Waiting adds {} to a duration of {}, on average", duration(wait), duration(run)),
        0.0 => "No request had to wait".to_owned(),
        _ => "Waiting: no request was completed".to_owned(),
    };
    Bars {
        description: format!(
            "{title}: queueing {}, cold start {}.",
            duration(total.queueing_s.mean.mean),
            duration(total.cold_start_s.mean.mean)
        ),
        title,
        axis: Axis::new("mean T_wait", Quantity::Seconds, Scale::Linear),
        parts: vec![("queueing".to_owned(), BLUE), ("cold start".to_owned(), ORANGE)],
        rows: rows(result, |f| f.wait_s.mean.mean, |f| vec![f.queueing_s.mean.mean, f.cold_start_s.mean.mean]),
    }
}

fn instances(result: &RunResult) -> Plot {
    let intervals = intervals(result);
    let total = &result.summary.total.instances;
    let (mean, peak, formula) = (total.mean.mean, total.peak.mean, total.static_estimate.mean);
    let title = format!(
        "Instances: {} on average, {} at the peak (static estimate: {})",
        count(mean),
        count(peak),
        count(formula)
    );
    let idle_top = |p: &Point| p.instances_busy + p.instances_idle;
    let all = move |p: &Point| idle_top(p) + p.instances_starting;
    let mut marks = vec![
        Mark::new("busy", Style::fill(BLUE), steps(&intervals, |_| 0.0, |p| p.instances_busy)),
        Mark::new("idle", Style::fill(SKY), steps(&intervals, |p| p.instances_busy, idle_top)),
        Mark::new("starting", Style::fill(ORANGE), steps(&intervals, idle_top, all)),
    ];
    let highest = highest(&intervals, all).map_or(0.0, |(_, p)| all(p));
    let dashes = [Dash::Dashed, Dash::Dotted, Dash::Solid];
    let mut above = Vec::new();
    for (index, (name, value)) in result.limit_lines.iter().enumerate() {
        let name = format!("{} {}", phrases::sanitize(name, 30), count(*value));
        if *value > FAR * highest {
            above.push(name);
        } else {
            marks.push(Mark::new(name, Style { dash: dashes[index % dashes.len()], ..LIMIT }, Shape::Rule(*value)));
        }
    }
    if formula > 0.0 && formula <= FAR * highest {
        marks.push(Mark::new(
            format!("static estimate {}", count(formula)),
            Style::line(INK, Dash::Dotted, 1.5),
            Shape::Rule(formula),
        ));
    }
    let label = match above.len() {
        0 => "instances".to_owned(),
        1 => format!("instances (off the chart: {})", above[0]),
        n => format!("instances ({n} limits are off the chart)"),
    };
    Plot {
        description: format!(
            "{title}. Busy {}, idle {} on average.",
            count(total.busy_mean.mean),
            count(total.idle_mean.mean)
        ),
        title,
        x: time_axis(),
        panels: vec![Panel { y: Axis::new(label, Quantity::Count, Scale::Linear), height: 230.0, marks }],
        tips: tips(&intervals, |p| {
            format!(
                "busy: {}\nidle: {}\nstarting: {}",
                count(p.instances_busy),
                count(p.instances_idle),
                count(p.instances_starting)
            )
        }),
    }
}

fn limits(result: &RunResult) -> Plot {
    let intervals = intervals(result);
    let total = &result.summary.total;
    let requests = &total.requests;
    let part = |number: f64, what: &str| {
        let share = percent(number / requests.arrived.mean);
        (number > 0.0).then(|| format!("{} {what} ({share})", count(number.round())))
    };
    let throttled = total.invocations.throttled.mean;
    let parts = [
        (throttled > 0.0).then(|| format!("{} invocations throttled", count(throttled.round()))),
        part(requests.rejected.mean, "requests rejected"),
        part(requests.timed_out.mean, "requests timed out"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let title = match parts.as_slice() {
        [] => "No request was throttled, rejected or timed out".to_owned(),
        parts => parts.join(", "),
    };
    let every = Quantity::Seconds.bound(result.timeline.interval.as_secs_f64());
    let count_axis = |label: &str| Axis::new(format!("{label} per {every}"), Quantity::Count, Scale::Linear);
    let any = |value: fn(&Point) -> f64| intervals.iter().any(|(_, _, p)| value(p) > 0.0);
    let mut refused = Vec::new();
    if any(|p| p.throttled) {
        refused.push(Mark::new("throttled", Style::fill(SKY), steps(&intervals, |_| 0.0, |p| p.throttled)));
    }
    if any(|p| p.rejected) {
        let style = Style::line(VERMILLION, Dash::Solid, 2.0);
        refused.push(Mark::new("rejected", style, line(&intervals, |p| p.rejected)));
    }
    if any(|p| p.timed_out) {
        let style = Style::line(INK, Dash::Dotted, 1.75);
        refused.push(Mark::new("timed out", style, line(&intervals, |p| p.timed_out)));
    }
    let mut panels = vec![
        Panel { y: count_axis("refused"), height: 130.0, marks: refused },
        Panel {
            y: count_axis("arrivals"),
            height: 70.0,
            marks: vec![Mark::new("arrived", Style::fill(BLUE), steps(&intervals, |_| 0.0, |p| p.arrived))],
        },
    ];
    if any(|p| p.queue) {
        panels.push(Panel {
            y: Axis::new("requests in the queue", Quantity::Count, Scale::Linear),
            height: 70.0,
            marks: vec![Mark::new("queue", Style::fill(ORANGE), steps(&intervals, |_| 0.0, |p| p.queue))],
        });
    }
    Plot {
        description: format!("{title}, of {} requests that arrived.", count(total.requests.arrived.mean)),
        title,
        x: time_axis(),
        panels,
        tips: tips(&intervals, |p| {
            format!(
                "arrived: {}\nthrottled: {}\nrejected: {}\ntimed out: {}\nin the queue: {}",
                count(p.arrived),
                count(p.throttled),
                count(p.rejected),
                count(p.timed_out),
                count(p.queue)
            )
        }),
    }
}

/// What is charged for, with its part of a cost and its colour.
type CostPart = (&'static str, fn(&summary::Cost<Stat>) -> &Stat, Colour);

const COSTS: [CostPart; 10] = [
    ("compute", |cost| &cost.compute, BLUE),
    ("requests", |cost| &cost.requests, SKY),
    ("provisioned capacity", |cost| &cost.provisioned, ORANGE),
    ("gateways", |cost| &cost.gateways, VERMILLION),
    ("messaging", |cost| &cost.messaging, PURPLE),
    ("workflows", |cost| &cost.workflows, YELLOW),
    ("dependencies", |cost| &cost.dependencies, INK),
    ("links", |cost| &cost.links, MUTED),
    ("nodes", |cost| &cost.nodes, GRID),
    ("other", |cost| &cost.other, GREEN),
];

/// Those of [`COSTS`] that cost anything.
fn cost_parts(result: &RunResult) -> Vec<CostPart> {
    let cost = &result.summary.total.cost_usd;
    COSTS.into_iter().filter(|(_, part, _)| part(cost).mean > 0.0).collect()
}

fn cost(result: &RunResult) -> Bars {
    let summary = &result.summary;
    let total = &summary.total.cost_usd;
    let used = cost_parts(result);
    let values = |f: &summary::Shape<Stat>| {
        let cost = &f.cost_usd;
        let month = phrases::monthly(summary, f).mean / cost.total.mean;
        let month = if month.is_finite() { month } else { 1.0 };
        used.iter().map(|(_, part, _)| part(cost).mean * month).collect::<Vec<f64>>()
    };
    let parts = values(&summary.total);
    let largest = (0..used.len()).min_by(|a, b| phrases::largest_first(parts[*a], parts[*b]));
    let title = match largest {
        Some(largest) if total.total.mean > 0.0 => {
            let share = parts[largest] / parts.iter().sum::<f64>();
            let (month, name) = (money(summary.monthly_cost_usd.mean), used[largest].0);
            match share {
                1.0 => format!("{month} a month, all of it {name}"),
                _ => format!("{month} a month, {} of it {name}", percent(share)),
            }
        }
        _ => "Cost: nothing was charged".to_owned(),
    };
    let mut rows = rows(result, |f| f.cost_usd.total.mean, values);
    // The bar of the only function would lack what components cost.
    if let [(_, only)] = &summary.functions[..]
        && only.cost_usd.total.mean < total.total.mean
    {
        let name = "everything".to_owned();
        rows.insert(0, Row { name, parts, half_width: None });
    }
    Bars {
        description: format!("{title}."),
        title,
        axis: Axis::new("cost per month", Quantity::Usd, Scale::Linear),
        parts: used.iter().map(|(name, _, colour)| ((*name).to_owned(), *colour)).collect(),
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::timeline::Bins;
    use crate::report::sample;
    use proptest::prelude::*;

    fn svg<'a>(charts: &'a [Drawn], name: &str) -> &'a str {
        &charts.iter().find(|chart| chart.name == name).unwrap().svg
    }

    /// The texts of an SVG, for what a reader sees.
    fn texts(svg: &str) -> String {
        let body = svg.split("</desc>").nth(1).unwrap().split("<g class=\"tips\"").next().unwrap();
        body.split('<').filter_map(|tag| tag.split_once('>')).map(|(_, text)| text.trim()).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn every_chart_says_what_it_shows() {
        let charts = charts(&sample::result(3, 288));
        let names: Vec<&str> = charts.iter().map(|chart| chart.name).collect();
        assert_eq!(names, ["latency", "distribution", "wait", "instances", "limits", "cost"]);
        for chart in &charts {
            assert!(chart.svg.contains("role=\"img\"") && chart.svg.contains("<title>") && !chart.svg.contains("NaN"));
        }
        let instances = texts(svg(&charts, "instances"));
        assert!(
            instances.contains("reserved (checkout) 200") && instances.contains("off the chart: account-limit 1,000")
        );
        assert!(texts(svg(&charts, "cost")).contains("77.2 % of it compute"));
    }

    #[test]
    fn text_is_at_least_twelve_pixels() {
        for chart in charts(&sample::result(3, 288)) {
            for size in chart.svg.split("font-size=\"").skip(1) {
                let size: f64 = size.split('"').next().unwrap().parse().unwrap();
                let view: f64 =
                    chart.svg.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
                assert!(size * super::super::WIDTH / view >= 12.0);
            }
        }
    }

    #[test]
    fn names_are_text() {
        let mut result = sample::result(2, 12);
        result.limit_lines[0].0 = "<b>&\"\u{1}".into();
        result.summary.functions[0].0 = "<b>&\"\u{1}".into();
        for chart in charts(&result) {
            assert!(!chart.svg.contains("<b>") && !chart.svg.contains("&\"") && !chart.svg.contains('\u{1}'));
        }
        assert!(svg(&charts(&result), "instances").contains("&lt;b&gt;&amp;&quot;"));
    }

    #[test]
    fn nothing_is_nothing_to_show() {
        assert_eq!(charts(&sample::empty()), []);
    }

    proptest! {
        #[test]
        fn no_value_breaks_a_chart(values in proptest::collection::vec(
            prop_oneof![Just(f64::NAN), Just(0.0), Just(f64::INFINITY), Just(-1.0), Just(1e-9), Just(1e9), Just(1e300), 1e-9..1e9f64],
            0..6,
        )) {
            let mut result = sample::result(2, values.len());
            for (point, x) in result.timeline.series[0].points.iter_mut().zip(&values) {
                *point = Point {
                    arrived: *x, rejected: *x, throttled: *x, cold: *x, queue: *x, instances_busy: *x, instances_idle: *x,
                    latency_s_p50: *x, latency_s_p95: *x, latency_s_p99: *x, ..Point::default()
                };
            }
            let edges = values.windows(2).map(|pair| (pair[0], pair[1], pair[0])).collect();
            result.distributions.latency = Bins { bins: edges, zero: *values.first().unwrap_or(&0.0) };
            if let Some(x) = values.first() {
                result.limit_lines[0].1 = *x;
                result.summary.total.wait_s.mean.mean = *x;
                result.summary.total.cost_usd.compute.mean = *x;
                result.summary.total.cost_usd.total.mean = *x;
                result.summary.functions[0].1.queueing_s.mean.mean = *x;
            }
            for chart in charts(&result) {
                prop_assert!(chart.svg.ends_with("</svg>\n"));
            }
        }
    }
}
