//! The map of a system: what calls what, from left to right (on a phone from top to bottom), with the load on the arrows and what fails.
//!
//! Clients have no box of their own: what they send stands on the arrow of their caller. What fails is said in words too, and not by
//! colour alone.

mod graph;
mod layout;

use super::canvas::{SMALL, Side, is_narrow, picture, text_width, tip, tips, top};
use super::{BLUE, Colour, Dash, Drawn, GROUND, INK, MUTED, Style, VERMILLION};
use crate::measure::summary::Summary;
use crate::report::format::{count, duration, percent};
use crate::report::phrases::sanitize;
use graph::{Box as Node, Graph};
use layout::Layout;

/// How much room a column takes, and how wide a box is in it.
const COLUMN: f64 = 178.0;
const BOX: f64 = 118.0;
const HEIGHT: f64 = 50.0;
const ROW: f64 = 68.0;
const MARGIN: f64 = 14.0;
/// How far apart boxes are on a phone, side by side and from top to bottom, and how many stand side by side.
const GAP: f64 = 4.0;
const LEVEL: f64 = 104.0;
const ABREAST: usize = 3;
/// Characters of a name that fit into a box.
const NAME: usize = 16;
/// From this part on what fails is shown.
const MUCH: f64 = 0.001;
/// Arrows from and to the same side.
const LINE: f64 = 1.4;
const THICK: f64 = 4.0;

/// The map of a run; none where there is no path to show.
#[must_use]
pub fn map(summary: &Summary) -> Option<Drawn> {
    let graph = Graph::of(summary);
    if graph.arrows.is_empty() {
        return None;
    }
    let layout = Layout::of(&graph);
    let folded = graph.folded > 0;
    let caption = format!(
        "Calls between components. Arrows: attempts per second over the measured period, and the share without a successful response{}. \
         Red and thick: failures and losses.{}",
        if graph.has_clients { ", retries included" } else { "" },
        if folded { " Components with the least load are drawn as one." } else { "" },
    );
    Some(Drawn::new("map", caption, |width| svg(&graph, &layout, summary.measured_s, width)))
}

fn title(graph: &Graph) -> String {
    let worst = graph.nodes.iter().filter(|node| node.is_failing()).max_by(|a, b| a.lost().total_cmp(&b.lost()));
    match worst {
        Some(node) => format!("{} at {} {}", node.trouble(), node.kind, node.name),
        None => "Map of the system: nothing fails".to_owned(),
    }
}

fn description(graph: &Graph, measured_s: f64) -> String {
    let arrow = |arrow: &graph::Arrow| {
        let (from, to) = (&graph.nodes[arrow.from], &graph.nodes[arrow.to]);
        let failed = if arrow.failed_ratio() > MUCH {
            format!(", {} failed", percent(arrow.failed_ratio()))
        } else {
            String::new()
        };
        format!("{} to {}: {}{failed}", from.label(), to.label(), rate(arrow.calls, measured_s))
    };
    graph.arrows.iter().map(arrow).collect::<Vec<_>>().join("; ")
}

/// A number of calls in the measured part as a rate that people read easily.
fn rate(calls: f64, measured_s: f64) -> String {
    let per_second = calls / measured_s;
    match per_second {
        0.0 => "none".to_owned(),
        x if x >= 0.1 => format!("{}/s", short(x)),
        x if x * 60.0 >= 0.1 => format!("{}/min", short(x * 60.0)),
        x => format!("{}/h", short(x * 3_600.0)),
    }
}

/// Three digits at most.
fn short(x: f64) -> String {
    if x >= 100.0 {
        count(x.round())
    } else if x >= 10.0 {
        count((x * 10.0).round() / 10.0)
    } else {
        count((x * 100.0).round() / 100.0)
    }
}

/// The ends of an arrow, and where it passes between them, in pixels.
type Way = ((usize, usize), Vec<(f64, f64)>);

/// Where everything is, in pixels. Arrows run along the flow: from left to right, or from top to bottom on a phone.
struct Plan {
    extent: (f64, f64),
    /// The upper left corners of boxes.
    corners: Vec<(f64, f64)>,
    /// Where arrows pass, between their ends.
    ways: Vec<Way>,
    is_down: bool,
}

impl Plan {
    fn of(layout: &Layout, width: f64) -> Self {
        if is_narrow(width) { Self::down(layout, width) } else { Self::across(layout, width) }
    }

    fn across(layout: &Layout, least: f64) -> Self {
        let columns = layout.columns.max(1) as f64;
        let width = (2.0 * MARGIN + columns * COLUMN - (COLUMN - BOX)).max(least);
        let step = if columns > 1.0 { (width - 2.0 * MARGIN - BOX) / (columns - 1.0) } else { 0.0 };
        let top = top(width) + 16.0;
        let at = |(column, row): &(usize, f64)| (MARGIN + *column as f64 * step, top + row * ROW);
        let middle = |place: &(usize, f64)| (at(place).0, at(place).1 + HEIGHT / 2.0);
        let way = |(ends, way): &layout::Way| (*ends, way.iter().map(middle).collect());
        Self {
            extent: (width, top + layout.rows.max(1.0) * ROW + 16.0),
            corners: layout.places.iter().map(at).collect(),
            ways: layout.ways.iter().map(way).collect(),
            is_down: false,
        }
    }

    /// Columns become levels, of as many rows as they need.
    fn down(layout: &Layout, width: f64) -> Self {
        let mut corners = vec![(0.0, 0.0); layout.places.len()];
        let mut y = top(width) + 8.0;
        for column in 0..layout.columns {
            let mut level: Vec<usize> = (0..corners.len()).filter(|place| layout.places[*place].0 == column).collect();
            level.sort_by(|a, b| layout.places[*a].1.total_cmp(&layout.places[*b].1));
            for row in level.chunks(ABREAST) {
                let all = row.len() as f64 * (BOX + GAP) - GAP;
                for (place, corner) in row.iter().enumerate() {
                    corners[*corner] = ((width - all) / 2.0 + place as f64 * (BOX + GAP), y);
                }
                y += LEVEL;
            }
        }
        Self { extent: (width, y - LEVEL + HEIGHT + 40.0), corners, ways: Vec::new(), is_down: true }
    }
}

fn svg(graph: &Graph, layout: &Layout, measured_s: f64, width: f64) -> String {
    let plan = Plan::of(layout, width);
    let most = graph.arrows.iter().map(|arrow| arrow.calls).fold(0.0, f64::max);
    let mut overlay = String::new();
    for (place, node) in graph.nodes.iter().enumerate() {
        let (left, y) = plan.corners[place];
        overlay += &tip((left, y), (left + BOX, y + HEIGHT), &node.about(measured_s));
    }
    let line = |arrow: &graph::Arrow| Line::of(arrow, graph, &plan, measured_s);
    let lines: Vec<Line> = graph.arrows.iter().map(line).collect();
    for line in &lines {
        let (x, y) = line.at;
        overlay += &tip((x - 30.0, y - 16.0), (x + 30.0, y + 16.0), &line.about);
    }
    picture(plan.extent, &title(graph), &description(graph, measured_s), &tips(&overlay), |canvas| {
        for (line, arrow) in lines.iter().zip(&graph.arrows) {
            let colour = if line.is_failing { VERMILLION } else { MUTED };
            let load = if most > 0.0 { (arrow.calls / most).sqrt() } else { 0.0 };
            let dash = if arrow.calls == 0.0 { Dash::Dotted } else { Dash::Solid };
            canvas.line(&line.points, Style::line(colour, dash, LINE + (THICK - LINE) * load));
            canvas.area(&line.head, colour);
        }
        for line in &lines {
            line.label(canvas);
        }
        for (place, node) in graph.nodes.iter().enumerate() {
            draw(canvas, plan.corners[place], node, measured_s);
        }
    })
}

/// A box with its name, its kind, and what is to be known of it.
fn draw(canvas: &super::canvas::Canvas<'_>, (left, top): (f64, f64), node: &Node, measured_s: f64) {
    let (right, bottom) = (left + BOX, top + HEIGHT);
    let is_failing = node.is_failing();
    canvas.rect((left, top), (right, bottom), GROUND);
    let (colour, width) = if is_failing { (VERMILLION, 3.0) } else { (colour_of(node), 1.5) };
    let corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
    canvas.line(&corners, Style::line(colour, Dash::Solid, width));
    let text =
        |text: &str, y: f64, size: f64, colour: Colour| canvas.text(text, (left + 7.0, y), Side::Start, size, colour);
    text(&sanitize(&node.name, NAME), top + 12.0, SMALL, INK);
    text(&node.kind, top + 26.0, 11.0, MUTED);
    let (said, colour) = match is_failing {
        true => (format!("✗ {}", node.trouble()), INK),
        false => (node.figure(measured_s), MUTED),
    };
    text(&sanitize(&said, 20), top + 40.0, 11.0, colour);
}

const fn colour_of(node: &Node) -> Colour {
    if node.is_function { BLUE } else { INK }
}

/// An arrow as it is drawn.
struct Line {
    points: Vec<(f64, f64)>,
    head: Vec<(f64, f64)>,
    /// Where its label is.
    at: (f64, f64),
    labels: Vec<String>,
    about: String,
    is_failing: bool,
}

impl Line {
    fn of(arrow: &graph::Arrow, graph: &Graph, plan: &Plan, measured_s: f64) -> Self {
        // As if the flow were from left to right; what runs down is turned afterwards.
        let turn = |(x, y): (f64, f64)| if plan.is_down { (y, x) } else { (x, y) };
        let (long, high) = turn((BOX, HEIGHT));
        let (from, to) = (turn(plan.corners[arrow.from]), turn(plan.corners[arrow.to]));
        let way = plan.ways.iter().find(|(ends, _)| *ends == (arrow.from, arrow.to)).map_or(&[][..], |(_, way)| way);
        let middle = high / 2.0;
        let is_forward = to.0 > from.0;
        // What goes back, or stays in its column, goes round beside it.
        let (start, end) = if is_forward {
            ((from.0 + long, from.1 + middle), (to.0 - 6.0, to.1 + middle))
        } else {
            ((from.0 + long / 2.0, from.1 + high), (to.0 + long / 2.0, to.1 + high + 6.0))
        };
        // From box to box, through its own place in each column between.
        let mut ends = vec![start];
        for (x, y) in way {
            ends.extend([(*x, *y), (x + long, *y)]);
        }
        ends.push(end);
        let parts: Vec<[(f64, f64); 2]> = ends.windows(2).map(|pair| [pair[0], pair[1]]).collect();
        let curve = |part: &[(f64, f64); 2], t: f64| {
            let [from, to] = *part;
            let bend = if is_forward { ((to.0 - from.0) / 2.0, 0.0) } else { (0.0, 26.0) };
            let (a, b) = ((from.0 + bend.0, from.1 + bend.1), (to.0 - bend.0, to.1 + bend.1));
            let mix = |p: f64, q: f64, r: f64, s: f64| {
                let u = 1.0 - t;
                u * u * u * p + 3.0 * u * u * t * q + 3.0 * u * t * t * r + t * t * t * s
            };
            (mix(from.0, a.0, b.0, to.0), mix(from.1, a.1, b.1, to.1))
        };
        let steps =
            |part: &[(f64, f64); 2]| (0..=20).map(|step| curve(part, f64::from(step) / 20.0)).collect::<Vec<_>>();
        let points: Vec<(f64, f64)> = parts.iter().flat_map(steps).collect();
        let head = match is_forward {
            true => vec![(end.0 + 6.0, end.1), (end.0 - 4.0, end.1 - 5.0), (end.0 - 4.0, end.1 + 5.0)],
            false => vec![(end.0, end.1 - 6.0), (end.0 - 5.0, end.1 + 4.0), (end.0 + 5.0, end.1 + 4.0)],
        };
        // Where many begin the label is near the end, and where many end near the beginning: there they are apart.
        let others = |of: &dyn Fn(&graph::Arrow) -> usize, place: usize| {
            graph.arrows.iter().filter(|one| of(one) == place).count()
        };
        let (leaving, arriving) = (others(&|one| one.from, arrow.from), others(&|one| one.to, arrow.to));
        let (part, t) = match leaving.cmp(&arriving) {
            std::cmp::Ordering::Greater => (parts.last(), 0.66),
            std::cmp::Ordering::Less => (parts.first(), 0.34),
            std::cmp::Ordering::Equal => (parts.first(), 0.5),
        };
        let at = part.map_or(start, |part| curve(part, t));
        let failed = arrow.failed_ratio();
        let is_failing = failed > MUCH;
        let mut labels = vec![rate(arrow.calls, measured_s)];
        labels.extend(is_failing.then(|| format!("✗ {}", percent((failed * 1_000.0).round() / 1_000.0))));
        let (source, target) = (graph.nodes[arrow.from].label(), graph.nodes[arrow.to].label());
        let mut about =
            format!("{source} to {target}\n{} calls, {}", count(arrow.calls), rate(arrow.calls, measured_s));
        if arrow.failed > 0.0 {
            about += &format!("\nwithout success: {} ({})", count(arrow.failed), percent(failed));
        }
        if arrow.latency_s.is_finite() {
            about += &format!("\nanswered after {} on average", duration(arrow.latency_s));
        }
        let turned = |points: Vec<(f64, f64)>| points.into_iter().map(turn).collect();
        Self { points: turned(points), head: turned(head), at: turn(at), labels, about, is_failing }
    }

    fn label(&self, canvas: &super::canvas::Canvas<'_>) {
        let (x, y) = self.at;
        for (row, text) in self.labels.iter().enumerate() {
            let y = y + 13.0 * (row as f64 - (self.labels.len() as f64 - 1.0) / 2.0);
            let half = text_width(text, 11.0) / 2.0 + 2.0;
            canvas.rect((x - half, y - 7.0), (x + half, y + 7.0), GROUND);
            canvas.text(text, (x, y), Side::Middle, 11.0, INK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_in_units_that_people_read() {
        for (calls, expected) in
            [(0.0, "none"), (3_600.0, "1/s"), (36_000_000.0, "10,000/s"), (60.0, "1/min"), (1.0, "1/h")]
        {
            assert_eq!(rate(calls, 3_600.0), expected);
        }
    }
}
