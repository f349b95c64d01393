//! Lines, areas and limits over a horizontal axis, in one panel or several that share it.

use super::axis::{Axis, Fitted, Scale};
use super::canvas::{
    Canvas, SMALL, Side, anchored, dashed, empty, haloed, is_narrow, layer, picture, sub, text_width, tip, tips, top,
    window,
};
use super::{Dash, Drawn, GRID, GROUND, INK, MUTED, Style};
use crate::measure::summary::Stat;
use crate::report::phrases::escape;

/// A chart with a horizontal axis.
#[derive(Clone, Debug)]
pub struct Plot {
    /// What one sees, in one sentence.
    pub title: String,
    /// The same for those who do not see it, with the numbers that matter.
    pub description: String,
    /// The horizontal axis.
    pub x: Axis,
    /// From top to bottom.
    pub panels: Vec<Panel>,
    /// What is said about parts of the horizontal axis, in order.
    pub tips: Vec<Tip>,
}

/// A vertical axis and what is drawn over it.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The vertical axis.
    pub y: Axis,
    /// Height in pixels, without the legend.
    pub height: f64,
    /// The first is drawn first.
    pub marks: Vec<Mark>,
}

/// Something drawn, with its place in the legend.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Its name in the legend.
    pub name: String,
    /// What is drawn.
    pub shape: Shape,
    /// How.
    pub style: Style,
}

impl Mark {
    /// A mark.
    pub fn new(name: impl Into<String>, style: Style, shape: Shape) -> Self {
        Self { name: name.into(), shape, style }
    }
}

/// What a mark consists of. Values that cannot be shown (NaN; not positive on a log axis) leave a gap.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A line through points (x, y).
    Line(Vec<(f64, f64)>),
    /// Filled steps (from x, to x, low, high): areas, stacked areas, bars.
    Steps(Vec<(f64, f64, f64, f64)>),
    /// Many small dots (x, y).
    Dots(Vec<(f64, f64)>),
    /// A horizontal line over the whole width.
    Rule(f64),
    /// A point with its label beside it, and half of an interval in both directions.
    Point {
        /// Where.
        at: (f64, f64),
        /// Half widths; 0: none.
        half: (f64, f64),
        /// What it stands for.
        label: String,
    },
}

/// What is said about a part of the horizontal axis when the pointer is there.
#[derive(Clone, Debug)]
pub struct Tip {
    /// Where the part begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// One line for each value.
    pub text: String,
}

const RIGHT: f64 = 22.0;
const LEGEND_ROW: f64 = 22.0;
const X_AXIS: f64 = 48.0;
/// More tips than this would be narrower than a pointer, or than a finger on a phone.
const TIPS: usize = 400;
const TIPS_ON_A_PHONE: usize = 40;

impl Plot {
    /// The chart as one `<svg>` element.
    #[must_use]
    pub fn svg(&self, width: f64) -> String {
        let ticks = if is_narrow(width) { 5 } else { 12 };
        let x = self.x.fit(self.panels.iter().flat_map(|panel| &panel.marks).flat_map(|mark| mark.shape.xs()), ticks);
        let fitted: Vec<Option<Fitted>> = self.panels.iter().map(Panel::fit).collect();
        let (Some(x), true) = (x, fitted.iter().any(Option::is_some)) else {
            return empty(&self.title, width);
        };
        let longest = fitted.iter().flatten().flat_map(|y| &y.ticks).map(|(_, label)| text_width(label, SMALL));
        let left = longest.fold(36.0, f64::max) + 22.0;
        let mut top = top(width);
        let mut frames = Vec::new();
        for (panel, y) in self.panels.iter().zip(&fitted) {
            let Some(y) = y else { continue };
            let legend = Legend::new(panel, &y.title, left, width);
            let plot_top = top + legend.rows as f64 * LEGEND_ROW + 6.0;
            let bottom = plot_top + panel.height;
            frames.push(Frame { width, x: &x, y, left, top: plot_top, bottom, panel, legend });
            top = plot_top + panel.height + 10.0;
        }
        let height = top - 10.0 + X_AXIS;
        let marks = frames.iter().map(|frame| frame.marks(height)).collect::<String>();
        let overlay = x_axis(&frames, height) + &marks + &self.overlay(&frames, height - X_AXIS);
        picture((width, height), &self.title, &self.description, &overlay, |canvas| {
            for frame in &frames {
                frame.draw(canvas);
            }
        })
    }

    /// The chart with its name and caption.
    pub(in crate::report) fn drawn(&self, name: &'static str, caption: impl Into<String>) -> Drawn {
        Drawn::new(name, caption, |width| self.svg(width))
    }

    /// A strip for each tip, over the whole height, and a square around each point.
    fn overlay(&self, frames: &[Frame<'_>], bottom: f64) -> String {
        let Some(frame) = frames.first() else { return String::new() };
        let most = if is_narrow(frame.width) { TIPS_ON_A_PHONE } else { TIPS };
        let every = self.tips.len().div_ceil(most).max(1);
        let strips = self.tips.chunks(every).filter_map(|chunk| {
            let (from, to) = (frame.at_x(chunk.first()?.from)?, frame.at_x(chunk.last()?.to)?);
            Some(tip((from, frame.top), (to, bottom), &chunk.first()?.text))
        });
        let points =
            frames.iter().flat_map(|frame| frame.panel.marks.iter().filter_map(|mark| self.of_point(frame, mark)));
        tips(&strips.chain(points).collect::<String>())
    }

    fn of_point(&self, frame: &Frame<'_>, mark: &Mark) -> Option<String> {
        const REACH: f64 = 10.0;
        let Shape::Point { at, half, label } = &mark.shape else { return None };
        let (x, y) = (frame.at_x(at.0)?, frame.at_y(at.1)?);
        let line = |axis: &Axis, mean: f64, half: f64| {
            format!("\n{}: {}", axis.label, axis.quantity.stat(&Stat { mean, half_width: Some(half) }))
        };
        let text = format!("{label}{}{}", line(&frame.panel.y, at.1, half.1), line(&self.x, at.0, half.0));
        Some(tip((x - REACH, y - REACH), (x + REACH, y + REACH), &text))
    }
}

/// The horizontal axis that all panels share, with its lines through them. The page draws it anew when it zooms.
fn x_axis(frames: &[Frame<'_>], height: f64) -> String {
    let Some(last) = frames.last() else { return String::new() };
    let drawn = layer((last.width, height), |canvas| {
        for frame in frames {
            frame.draw_x_grid(canvas);
        }
        last.draw_x_axis(canvas);
    });
    let panels: Vec<String> = frames.iter().map(|frame| format!("{} {}", sub(frame.top), sub(frame.bottom))).collect();
    format!(
        "<g class=\"x-axis\" data-left=\"{}\" data-right=\"{}\" {} data-panels=\"{}\" data-title=\"{}\">{drawn}</g>\n",
        sub(last.left),
        sub(last.right()),
        last.x.attributes(),
        panels.join(" "),
        escape(&last.x.title),
    )
}

impl Panel {
    /// The vertical axis over all marks; none if they hold no value.
    fn fit(&self) -> Option<Fitted> {
        // A limit alone is nothing to show.
        let data = self.marks.iter().filter(|mark| !matches!(mark.shape, Shape::Rule(_)));
        if !data
            .flat_map(|mark| mark.shape.ys(self.y.scale))
            .any(|y| y.is_finite() && (self.y.scale != Scale::Log || y > 0.0))
        {
            return None;
        }
        let ticks = (self.height / 34.0).clamp(2.0, 8.0) as usize;
        self.y.fit(self.marks.iter().flat_map(|mark| mark.shape.ys(self.y.scale)), ticks)
    }
}

impl Shape {
    fn xs(&self) -> Vec<f64> {
        match self {
            Self::Line(points) | Self::Dots(points) => {
                points.iter().filter(|(_, y)| y.is_finite()).map(|(x, _)| *x).collect()
            }
            Self::Steps(steps) => steps.iter().flat_map(|(from, to, _, _)| [*from, *to]).collect(),
            Self::Rule(_) => Vec::new(),
            Self::Point { at, half, .. } if at.1.is_finite() => whiskers(at.0, half.0),
            Self::Point { .. } => Vec::new(),
        }
    }

    fn ys(&self, scale: Scale) -> Vec<f64> {
        match self {
            Self::Line(points) | Self::Dots(points) => points.iter().map(|(_, y)| *y).collect(),
            // The low end of a bar on a log axis is the axis.
            Self::Steps(steps) if scale == Scale::Log => steps.iter().map(|(_, _, _, high)| *high).collect(),
            Self::Steps(steps) => steps.iter().flat_map(|(_, _, low, high)| [*low, *high]).collect(),
            Self::Rule(y) => vec![*y],
            Self::Point { at, half, .. } if at.0.is_finite() => whiskers(at.1, half.1),
            Self::Point { .. } => Vec::new(),
        }
    }
}

/// The ends of an interval. What is not negative has none below zero.
fn whiskers(at: f64, half: f64) -> Vec<f64> {
    let low = at - half;
    vec![if at >= 0.0 { low.max(0.0) } else { low }, at + half]
}

/// Where a panel lies in the picture.
struct Frame<'a> {
    /// Of the picture.
    width: f64,
    x: &'a Fitted,
    y: &'a Fitted,
    left: f64,
    top: f64,
    bottom: f64,
    panel: &'a Panel,
    legend: Legend<'a>,
}

impl Frame<'_> {
    fn right(&self) -> f64 {
        self.width - RIGHT
    }

    fn at_x(&self, x: f64) -> Option<f64> {
        self.x.place(x).map(|share| self.left + share * (self.right() - self.left))
    }

    fn at_y(&self, y: f64) -> Option<f64> {
        self.y.place(y).map(|share| self.bottom - share * (self.bottom - self.top))
    }

    /// All but the marks and the horizontal axis.
    fn draw(&self, canvas: &Canvas<'_>) {
        for (value, label) in &self.y.ticks {
            let Some(y) = self.at_y(*value) else { continue };
            canvas.line(&[(self.left, y), (self.right(), y)], Style::fill(GRID));
            canvas.text(label, (self.left - 8.0, y), Side::End, SMALL, MUTED);
        }
        self.legend.draw(canvas, self.top - 6.0);
    }

    fn draw_x_grid(&self, canvas: &Canvas<'_>) {
        for x in self.x.ticks.iter().filter_map(|(value, _)| self.at_x(*value)) {
            canvas.line(&[(x, self.top), (x, self.bottom)], Style::fill(GRID));
        }
    }

    /// The marks, in a window that can be looked through at a part of the horizontal axis.
    fn marks(&self, height: f64) -> String {
        let marks = self.panel.marks.iter().map(|mark| {
            let solid = Style { dash: Dash::Solid, ..mark.style };
            let drawn = match &mark.shape {
                Shape::Line(points) => layer((self.width, height), |canvas| self.draw_line(canvas, points, solid)),
                Shape::Steps(steps) => layer((self.width, height), |canvas| self.draw_steps(canvas, steps, solid)),
                Shape::Dots(points) => layer((self.width, height), |canvas| {
                    let places = points.iter().filter_map(|(x, y)| self.at_x(*x).zip(self.at_y(*y)));
                    places.for_each(|place| canvas.dot(place, 2.0, solid.colour));
                }),
                Shape::Rule(y) => layer((self.width, height), |canvas| {
                    if let Some(y) = self.at_y(*y) {
                        canvas.line(&[(self.left, y), (self.right(), y)], solid);
                    }
                }),
                Shape::Point { at, half, .. } => return self.point(height, *at, *half, mark.style),
            };
            dashed(mark.style, &drawn)
        });
        let inside = marks.collect::<String>() + &self.labels(height);
        let base = layer((self.width, height), |canvas| {
            canvas.line(&[(self.left, self.bottom), (self.right(), self.bottom)], Style::fill(MUTED));
        });
        window((self.left, self.top - 6.0), (self.right(), self.bottom + 2.0), &inside) + &base
    }

    fn draw_x_axis(&self, canvas: &Canvas<'_>) {
        for (value, label) in &self.x.ticks {
            let Some(x) = self.at_x(*value) else { continue };
            canvas.line(&[(x, self.bottom), (x, self.bottom + 4.0)], Style::fill(MUTED));
            // The label of a tick at the end would stick out of the picture.
            let room = self.width - 4.0 - text_width(label, SMALL) / 2.0;
            canvas.text(label, (x.min(room), self.bottom + 14.0), Side::Middle, SMALL, MUTED);
        }
        let middle = (self.left + self.right()) / 2.0;
        canvas.text(&self.x.title, (middle, self.bottom + 34.0), Side::Middle, SMALL, INK);
    }

    /// Points that stand alone between gaps become dots.
    fn draw_line(&self, canvas: &Canvas<'_>, points: &[(f64, f64)], style: Style) {
        let places: Vec<Option<(f64, f64)>> = points.iter().map(|(x, y)| self.at_x(*x).zip(self.at_y(*y))).collect();
        for run in places.split(Option::is_none) {
            let run: Vec<(f64, f64)> = run.iter().copied().flatten().collect();
            match run[..] {
                [] => {}
                [point] => canvas.dot(point, 2.5, style.colour),
                _ => canvas.line(&run, style),
            }
        }
    }

    /// A dot with whiskers that end in short strokes.
    fn point(&self, height: f64, (x, y): (f64, f64), half: (f64, f64), style: Style) -> String {
        let place = |x: f64, y: f64| self.at_x(x).zip(self.at_y(y));
        let Some(middle) = place(x, y) else { return String::new() };
        let across = layer((self.width, height), |canvas| {
            let ends = self.at_x(x - half.0).zip(self.at_x(x + half.0)).filter(|_| half.0 > 0.0);
            if let Some((left, right)) = ends {
                canvas.line(&[(left, middle.1), (right, middle.1)], style);
                for end in [left, right] {
                    canvas.line(&[(end, middle.1 - 4.0), (end, middle.1 + 4.0)], style);
                }
            }
        });
        let upright = layer((self.width, height), |canvas| {
            let ends = self.at_y(y - half.1).zip(self.at_y(y + half.1)).filter(|_| half.1 > 0.0);
            if let Some((low, high)) = ends {
                canvas.line(&[(middle.0, low), (middle.0, high)], style);
                for end in [low, high] {
                    canvas.line(&[(middle.0 - 4.0, end), (middle.0 + 4.0, end)], style);
                }
            }
            canvas.dot(middle, 4.0, style.colour);
        });
        across + &anchored(middle.0, &upright)
    }

    /// The labels of points, each at the nearest corner at which it covers no other label or point; a line leads to those
    /// that stand farther off.
    fn labels(&self, height: f64) -> String {
        const GAP: f64 = 9.0;
        const HIGH: f64 = 8.0;
        let points: Vec<(f64, f64, &str)> = (self.panel.marks.iter())
            .filter_map(|mark| match &mark.shape {
                Shape::Point { at, label, .. } => Some((self.at_x(at.0)?, self.at_y(at.1)?, label.as_str())),
                _ => None,
            })
            .collect();
        // Boxes that are taken: from x, to x, middle y.
        let mut taken: Vec<(f64, f64, f64)> = points.iter().map(|(x, y, _)| (x - 4.0, x + 4.0, *y)).collect();
        let mut labels = String::new();
        // The last point is drawn on top: its name comes first.
        for (x, y, label) in points.iter().rev().filter(|(_, _, label)| !label.is_empty()) {
            let width = text_width(label, SMALL);
            let rows = (0..12).map(|row| 1.4 + 1.8 * f64::from(row));
            let corners = rows.flat_map(|dy| [(GAP, -dy), (GAP, dy), (-GAP - width, -dy), (-GAP - width, dy)]);
            let boxes: Vec<_> = corners.map(|(dx, dy)| (x + dx, x + dx + width, y + dy * HIGH)).collect();
            let is_free = |place: &&(f64, f64, f64)| {
                let (from, to, middle) = **place;
                let meets = |other: &(f64, f64, f64)| {
                    from < other.1 && other.0 < to && (middle - other.2).abs() < 2.0 * HIGH - 2.0
                };
                let is_inside = from >= self.left && to <= self.right() && middle >= self.top && middle <= self.bottom;
                is_inside && !taken.iter().any(meets)
            };
            if is_narrow(self.width) && !boxes.iter().any(|one| is_free(&one)) {
                continue;
            }
            let best =
                boxes.iter().find(is_free).copied().unwrap_or(boxes[usize::from(x + GAP + width > self.right()) * 2]);
            let (end, side) = if best.0 > *x { (best.0, Side::Start) } else { (best.1, Side::End) };
            let drawn = layer((self.width, height), |canvas| {
                if (best.2 - y).abs() > 2.0 * HIGH {
                    let gap = if end > *x { -3.0 } else { 3.0 };
                    canvas.line(&[(*x, *y), (end + gap, best.2)], Style::fill(MUTED));
                }
                canvas.text(label, (end, best.2), side, SMALL, INK);
            });
            labels += &anchored(*x, &haloed(&drawn));
            taken.push(best);
        }
        labels
    }

    /// Neighbouring steps become one area with a light edge on top.
    fn draw_steps(&self, canvas: &Canvas<'_>, steps: &[(f64, f64, f64, f64)], style: Style) {
        let places: Vec<Option<[f64; 4]>> = steps
            .iter()
            .map(|(from, to, low, high)| {
                let low = if self.y.place(*low).is_some() { *low } else { self.y.low() };
                Some([self.at_x(*from)?, self.at_x(*to)?, self.at_y(low)?, self.at_y(*high)?])
            })
            .map(|place| place.filter(|[_, _, low, high]| high < low))
            .collect();
        for run in places.split(Option::is_none).filter(|run| !run.is_empty()) {
            let run: Vec<[f64; 4]> = run.iter().copied().flatten().collect();
            let upper: Vec<(f64, f64)> =
                run.iter().flat_map(|[from, to, _, high]| [(*from, *high), (*to, *high)]).collect();
            let lower = run.iter().rev().flat_map(|[from, to, low, _]| [(*to, *low), (*from, *low)]);
            let outline: Vec<(f64, f64)> = upper.iter().copied().chain(lower).collect();
            canvas.area(&outline, style.colour);
            canvas.line(&upper, Style::fill(GROUND));
        }
    }
}

/// The axis title and the names of the marks above a panel, in rows.
struct Legend<'a> {
    title: String,
    left: f64,
    entries: Vec<(&'a Mark, f64, usize)>,
    rows: usize,
}

impl<'a> Legend<'a> {
    const SWATCH: f64 = 26.0;
    const GAP: f64 = 18.0;

    fn new(panel: &'a Panel, title: &str, left: f64, width: f64) -> Self {
        let title = title.to_owned();
        // On a phone the title has a row of its own.
        let has_names = panel.marks.iter().any(|mark| !mark.name.is_empty());
        let (start, first) = match is_narrow(width) && has_names {
            true => (12.0, 1),
            false => (12.0 + text_width(&title, SMALL) + 2.0 * Self::GAP, 0),
        };
        let right = width - RIGHT;
        let (mut at, mut row) = (start, first);
        let mut entries = Vec::new();
        for mark in panel.marks.iter().filter(|mark| !mark.name.is_empty()) {
            let width = Self::SWATCH + 6.0 + text_width(&mark.name, SMALL);
            if at + width > right && at > start {
                (at, row) = (start, row + 1);
            }
            entries.push((mark, at, row));
            at += width + Self::GAP;
        }
        Self { title, left: left.min(12.0), entries, rows: row + 1 }
    }

    /// Draws the rows, the last one just above `bottom`.
    fn draw(&self, canvas: &Canvas<'_>, bottom: f64) {
        let row_at = |row: usize| bottom - (self.rows - row) as f64 * LEGEND_ROW + LEGEND_ROW / 2.0;
        canvas.text(&self.title, (self.left, row_at(0)), Side::Start, SMALL, INK);
        for (mark, x, row) in &self.entries {
            let y = row_at(*row);
            match mark.shape {
                Shape::Steps(_) => {
                    canvas.rect((*x + 6.0, y - 6.0), (x + Self::SWATCH - 4.0, y + 6.0), mark.style.colour);
                }
                _ => canvas.line(&[(*x, y), (x + Self::SWATCH, y)], mark.style),
            }
            canvas.text(&mark.name, (x + Self::SWATCH + 6.0, y), Side::Start, SMALL, INK);
        }
    }
}

/// Used where a limit is drawn.
pub(super) const LIMIT: Style = Style::line(super::VERMILLION, Dash::Dashed, 1.75);
