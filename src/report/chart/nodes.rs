//! The chart of node groups over time.

use super::axis::{Axis, Scale};
use super::plot::{Mark, Panel, Plot, Shape, Tip};
use super::run::{clock, time_axis};
use super::{BLUE, Colour, Dash, GREEN, INK, ORANGE, SKY, Style, VERMILLION};
use crate::measure::RunResult;
use crate::measure::timeline::{NodePoint, NodeSeries};
use crate::report::format::{Quantity, count, percent};
use crate::report::phrases;

/// Groups with a colour of their own; the others share the last.
const COLOURS: [Colour; 4] = [BLUE, SKY, ORANGE, GREEN];

/// How many nodes there are, how much of them is requested, and how many instances wait.
pub(super) fn plot(result: &RunResult) -> Plot {
    let groups = &result.timeline.nodes;
    let length = result.timeline.interval.as_secs_f64();
    let intervals = groups.iter().map(|group| group.points.len()).max().unwrap_or(0);
    let bounds = move |index: usize| (index as f64 * length, (index + 1) as f64 * length);
    let sum = |value: fn(&NodePoint) -> f64, groups: &[NodeSeries], index: usize| {
        groups.iter().filter_map(|group| group.points.get(index)).map(value).sum::<f64>()
    };
    let nodes = |point: &NodePoint| point.nodes;
    let waiting = |point: &NodePoint| point.pending;
    let areas = (0..groups.len().min(COLOURS.len())).map(|place| {
        let is_last = place + 1 == COLOURS.len();
        let until = if is_last { groups.len() } else { place + 1 };
        let name = match until - place {
            1 => phrases::sanitize(&groups[place].group, 30),
            others => format!("{others} more groups"),
        };
        let area = |index: usize| {
            let (from, to) = bounds(index);
            (from, to, sum(nodes, &groups[..place], index), sum(nodes, &groups[..until], index))
        };
        Mark::new(name, Style::fill(COLOURS[place]), Shape::Steps((0..intervals).map(area).collect()))
    });
    let mut panels =
        vec![Panel { y: Axis::new("nodes", Quantity::Count, Scale::Linear), height: 150.0, marks: areas.collect() }];
    // Of all groups together, weighted by their nodes; exact where nodes are alike.
    let utilization = |value: fn(&NodePoint) -> f64| {
        let point = |index: usize| {
            let (from, to) = bounds(index);
            let all = groups.iter().filter_map(|group| group.points.get(index)).filter(|point| point.nodes > 0.0);
            let (used, of) =
                all.fold((0.0, 0.0), |sum, point| (sum.0 + value(point) * point.nodes, sum.1 + point.nodes));
            ((from + to) / 2.0, used / of)
        };
        Shape::Line((0..intervals).map(point).collect())
    };
    panels.push(Panel {
        y: Axis::new("requested of the nodes", Quantity::Ratio, Scale::Linear),
        height: 90.0,
        marks: vec![
            Mark::new("CPU", Style::line(VERMILLION, Dash::Solid, 2.25), utilization(|point| point.cpu_utilization)),
            Mark::new("memory", Style::line(INK, Dash::Dashed, 2.0), utilization(|point| point.memory_utilization)),
        ],
    });
    if (0..intervals).any(|index| sum(waiting, groups, index) > 0.0) {
        let area = |index: usize| {
            let (from, to) = bounds(index);
            (from, to, 0.0, sum(waiting, groups, index))
        };
        panels.push(Panel {
            y: Axis::new("instances without a node", Quantity::Count, Scale::Linear),
            height: 70.0,
            marks: vec![Mark::new("pending", Style::fill(ORANGE), Shape::Steps((0..intervals).map(area).collect()))],
        });
    }
    let figures = &result.summary.components.nodes.0;
    let total = |key: &str| figures.iter().filter_map(|(_, one)| one.get(key)).map(|stat| stat.mean).sum::<f64>();
    let title = format!(
        "Nodes: {} on average, {} pending at most",
        count(total("count.mean")),
        count(total("pending_pods.peak"))
    );
    let tip = |index: usize| {
        let (from, to) = bounds(index);
        let line = |group: &NodeSeries| {
            let point = group.points.get(index)?;
            let NodePoint { nodes, pending, cpu_utilization, memory_utilization } = point;
            let (cpu, memory) = (percent(*cpu_utilization), percent(*memory_utilization));
            Some(format!(
                "{}: {} nodes, CPU {cpu}, memory {memory}, pending {}",
                group.group,
                count(*nodes),
                count(*pending)
            ))
        };
        let lines: Vec<String> = groups.iter().filter_map(line).take(6).collect();
        Tip { from, to, text: format!("{} to {}\n{}", clock(from), clock(to), lines.join("\n")) }
    };
    Plot { description: format!("{title}."), title, x: time_axis(), panels, tips: (0..intervals).map(tip).collect() }
}
