//! Metrics against one parameter, a line for each value of a second.

use super::{Digest, GROUPS, Levels, by_effect, goes_along, left_out, means, together_with};
use crate::measure::summary::Stat;
use crate::report::chart::{
    Axis, BLUE, Colour, Dash, Drawn, GREEN, INK, Mark, ORANGE, Panel, Plot, SKY, Scale, Shape, Style, Tip, VERMILLION,
};
use crate::report::format::Quantity;
use crate::report::phrases::sanitize;

/// Metrics shown one above the other.
const PANELS: usize = 4;
/// More lines than this cannot be told apart.
const LINES: usize = 6;
/// More whiskers than this cover the line.
const WHISKERS: usize = 24;

/// The parameter with the largest effect that has numbers, or the one with the largest.
pub(super) fn chart(digest: &Digest) -> Option<Drawn> {
    let order = by_effect(digest);
    let is_number = |axis: &&usize| digest.axes[**axis].unit.is_some();
    let along = *order.iter().find(is_number).or(order.first())?;
    // Axes that are zipped with it vary along with it.
    let is_free = |axis: &&usize| **axis != along && !goes_along(digest, along, **axis);
    let beside =
        order.iter().filter(is_free).find(|axis| Levels::of(digest, **axis, LINES + 1).len() <= LINES).copied();
    let lines = beside.map(|axis| (axis, Levels::of(digest, axis, LINES)));
    let groups = digest.points.len() / (super::IN_GROUP * lines.as_ref().map_or(1, |(_, lines)| lines.len()));
    let levels = Levels::grouped(digest, along, GROUPS, groups);
    let axis = &digest.axes[along];
    let name = axis.name.clone();
    let x = if axis.unit.is_some() {
        axis.axis(&levels.at)
    } else {
        Axis::new(name.clone(), Quantity::Count, Scale::Near).with_names(&levels.names)
    };
    let mut panels = Vec::new();
    let mut said = Vec::new();
    for metric in (0..digest.metrics.len()).filter(|metric| !digest.is_repeated(*metric)).take(PANELS) {
        let mut marks = Vec::new();
        let mut low_high: Vec<f64> = Vec::new();
        for line in 0..lines.as_ref().map_or(1, |(_, lines)| lines.len()) {
            let stats = means(&digest.points, metric, levels.len(), |kept| {
                let is_here = lines.as_ref().is_none_or(|(axis, lines)| lines.find(kept.at[*axis]) == Some(line));
                if is_here { levels.find(kept.at[along]) } else { None }
            });
            low_high.extend(stats.iter().map(|stat| stat.mean).filter(|mean| mean.is_finite()));
            let label = lines.as_ref().filter(|_| panels.is_empty()).map_or(String::new(), |(axis, lines)| {
                let name = &digest.axes[*axis].name;
                format!("{name} = {}", sanitize(&lines.names[line], 22))
            });
            marks.extend(line_of(&levels.at, &stats, label, line, levels.len() <= WHISKERS));
        }
        // A metric without any value says less than a sentence would.
        if panels.len() + 1 < digest.metrics.len() && low_high.iter().all(|value| *value == 0.0) {
            continue;
        }
        let shown = &digest.metrics[metric];
        said.push(range_of(&shown.name, shown.quantity, &low_high));
        panels.push(Panel {
            y: Axis::new(shown.name.clone(), shown.quantity, scale_of(&low_high)),
            height: 150.0,
            marks,
        });
    }
    let others = order.len() - 1 - usize::from(beside.is_some());
    let title = format!("{} by {name}", said.first().map_or("Results", |first| first.as_str()));
    let plot =
        Plot { description: format!("{title}. {}.", said.join("; ")), title, x, panels, tips: tips(&levels, &name) };
    let mut caption = format!("Metrics by {}{}", axis.key, together_with(digest, along));
    if let Some((axis, _)) = &lines {
        caption += &format!(", one line for each value of {}", digest.axes[*axis].key);
        caption += &together_with(digest, *axis);
    }
    caption += ". Whiskers are 95 % intervals.";
    if others > 0 {
        caption += " Values are means over all other parameters, as are their intervals.";
    }
    if levels.is_grouped() {
        caption += " Values are grouped.";
    }
    Some(plot.drawn("parameter", caption + &left_out(digest)))
}

fn line_of(at: &[f64], stats: &[Stat], name: String, line: usize, has_whiskers: bool) -> Vec<Mark> {
    const COLOURS: [Colour; LINES] = [BLUE, VERMILLION, GREEN, ORANGE, SKY, INK];
    const DASHES: [Dash; LINES] = [Dash::Solid, Dash::Dashed, Dash::Solid, Dash::Dashed, Dash::Solid, Dash::Dotted];
    let style = Style::line(COLOURS[line % LINES], DASHES[line % LINES], 2.0);
    let points: Vec<(f64, f64)> = at.iter().zip(stats).map(|(x, stat)| (*x, stat.mean)).collect();
    let dots: Vec<Mark> = (points.iter().zip(stats).filter(|_| has_whiskers))
        .map(|(at, stat)| {
            let half = (0.0, stat.half_width.unwrap_or(0.0));
            Mark::new(
                "",
                Style { width: 1.25, dash: Dash::Solid, ..style },
                Shape::Point { at: *at, half, label: String::new() },
            )
        })
        .collect();
    [Mark::new(name, style, Shape::Line(points))].into_iter().chain(dots).collect()
}

fn scale_of(values: &[f64]) -> Scale {
    let (low, high) =
        (values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(0.0, f64::max));
    if low > 0.0 && high > 20.0 * low { Scale::Log } else { Scale::Near }
}

fn range_of(name: &str, quantity: Quantity, values: &[f64]) -> String {
    let (low, high) = (
        values.iter().copied().fold(f64::INFINITY, f64::min),
        values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    );
    if low > high {
        return format!("{name}: no data");
    }
    match (quantity.text(low), quantity.text(high)) {
        (low, high) if low == high => format!("{name}: {low}"),
        (low, high) => format!("{name}: {low} to {high}"),
    }
}

/// What each value is, over the part of the axis that is nearest to it.
fn tips(levels: &Levels, name: &str) -> Vec<Tip> {
    let middle = |a: usize, b: usize| f64::midpoint(levels.at[a], levels.at[b]);
    (0..levels.len())
        .map(|at| Tip {
            from: if at == 0 { levels.at[0] } else { middle(at - 1, at) },
            to: if at + 1 == levels.len() { levels.at[at] } else { middle(at, at + 1) },
            text: format!("{name} = {}", levels.names[at]),
        })
        .filter(|tip| tip.to > tip.from)
        .collect()
}
