//! Horizontal bars made of parts: a row for each name.

use super::axis::Axis;
use super::canvas::{self, SMALL, Side, empty, is_narrow, picture, text_width, tip, tips};
use super::{Colour, Dash, Drawn, GRID, GROUND, INK, MUTED, Style};
use crate::measure::summary::Stat;
use crate::report::format::Quantity;
use crate::report::phrases::sanitize;

/// A chart with a bar for each row.
#[derive(Clone, Debug)]
pub struct Bars {
    /// What one sees, in one sentence.
    pub title: String,
    /// The same for those who do not see it, with the numbers that matter.
    pub description: String,
    /// What the length of a bar means; linear.
    pub axis: Axis,
    /// The parts of every bar: name and colour.
    pub parts: Vec<(String, Colour)>,
    /// From top to bottom.
    pub rows: Vec<Row>,
}

/// One bar.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it stands for.
    pub name: String,
    /// The length of each part. What is not a positive number is left out.
    pub parts: Vec<f64>,
    /// Half of the interval of its whole length, drawn as whiskers.
    pub half_width: Option<f64>,
}

const LEGEND: f64 = 28.0;
const ROW: f64 = 30.0;
const BAR: f64 = 18.0;
const AXIS: f64 = 48.0;
const WHISKER: Style = Style::line(INK, Dash::Solid, 1.5);

impl Bars {
    /// The chart with its name and caption.
    pub(in crate::report) fn drawn(&self, name: &'static str, caption: impl Into<String>) -> Drawn {
        Drawn::new(name, caption, |width| self.svg(width))
    }

    /// The chart as one `<svg>` element.
    #[must_use]
    pub fn svg(&self, width: f64) -> String {
        let length = |x: f64| if x.is_finite() && x > 0.0 { x } else { 0.0 };
        let sums: Vec<f64> = self.rows.iter().map(|row| row.parts.iter().copied().map(length).sum()).collect();
        let halves: Vec<f64> = self.rows.iter().map(|row| length(row.half_width.unwrap_or(0.0))).collect();
        let ends = sums.iter().zip(&halves).map(|(sum, half)| sum + half);
        let fitted =
            self.axis.fit(ends, if is_narrow(width) { 3 } else { 6 }).filter(|_| sums.iter().any(|sum| *sum > 0.0));
        let Some(fitted) = fitted else {
            return empty(&self.title, width);
        };
        let names: Vec<String> =
            self.rows.iter().map(|row| sanitize(&row.name, if is_narrow(width) { 14 } else { 26 })).collect();
        // The interval of an amount is longer than its bar; the whiskers show it.
        let is_short = is_narrow(width) || self.axis.quantity == Quantity::Usd;
        let value = |(row, sum): (&Row, &f64)| {
            self.axis.quantity.stat(&Stat { mean: *sum, half_width: row.half_width.filter(|_| !is_short) })
        };
        let values: Vec<String> = self.rows.iter().zip(&sums).map(value).collect();
        let widest = |texts: &[String]| texts.iter().map(|text| text_width(text, SMALL)).fold(40.0, f64::max);
        let (left, right) = (widest(&names) + 22.0, width - widest(&values) - 20.0);
        let at = |x: f64| left + fitted.place(x).unwrap_or(0.0) * (right - left);
        let head = canvas::top(width);
        let top = head + LEGEND;
        let bottom = top + ROW * self.rows.len() as f64;
        let mut overlay = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            let y = top + ROW * index as f64;
            let parts = self.parts.iter().zip(&row.parts);
            let lines =
                parts.map(|((name, _), x)| format!("\n{name}: {}", self.axis.quantity.text(*x))).collect::<String>();
            overlay += &tip((0.0, y), (width, y + ROW), &format!("{}{lines}", row.name));
        }
        picture((width, bottom + AXIS), &self.title, &self.description, &tips(&overlay), |canvas| {
            let mut x = if is_narrow(width) { 12.0 } else { left };
            for (name, colour) in &self.parts {
                canvas.rect((x, head + 2.0), (x + 16.0, head + 14.0), *colour);
                canvas.text(name, (x + 22.0, head + 8.0), Side::Start, SMALL, INK);
                x += 22.0 + text_width(name, SMALL) + 18.0;
            }
            for (value, label) in &fitted.ticks {
                let x = at(*value);
                canvas.line(&[(x, top), (x, bottom)], Style::fill(GRID));
                canvas.text(label, (x, bottom + 14.0), Side::Middle, SMALL, MUTED);
            }
            canvas.text(&fitted.title, ((left + right) / 2.0, bottom + 34.0), Side::Middle, SMALL, INK);
            for (index, row) in self.rows.iter().enumerate() {
                let middle = top + ROW * (index as f64 + 0.5);
                canvas.text(&names[index], (left - 8.0, middle), Side::End, SMALL, INK);
                let mut sum = 0.0;
                for ((_, colour), part) in self.parts.iter().zip(row.parts.iter().copied().map(length)) {
                    let (from, to) = (at(sum), at(sum + part));
                    sum += part;
                    if to - from >= 0.25 {
                        canvas.rect((from, middle - BAR / 2.0), (to, middle + BAR / 2.0), *colour);
                        canvas.line(&[(to, middle - BAR / 2.0), (to, middle + BAR / 2.0)], Style::fill(GROUND));
                    }
                }
                let (low, high) = (at((sum - halves[index]).max(0.0)), at(sum + halves[index]));
                if halves[index] > 0.0 {
                    canvas.line(&[(low, middle), (high, middle)], WHISKER);
                    for end in [low, high] {
                        canvas.line(&[(end, middle - 4.0), (end, middle + 4.0)], WHISKER);
                    }
                }
                canvas.text(&values[index], (high + 6.0, middle), Side::Start, SMALL, INK);
            }
            canvas.line(&[(left, top), (left, bottom)], Style::fill(MUTED));
        })
    }
}
