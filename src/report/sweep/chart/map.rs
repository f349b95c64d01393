//! A metric over two parameters as a field of colours.

use super::{Digest, Levels, by_effect, goes_along, left_out, means, together_with};
use crate::measure::summary::Stat;
use crate::report::chart::canvas::{self, SMALL, Side, is_narrow, picture, text_width, tip, tips};
use crate::report::chart::{Colour, Drawn, GROUND, INK, MUTED, Style};
use crate::report::format::Quantity;
use crate::report::phrases::sanitize;

/// Columns and rows at most; more values are put together.
const MOST: (usize, usize) = (40, 30);
/// With more columns there is no room for numbers.
const WRITTEN: usize = 12;
const FOOT: f64 = 74.0;
const RIGHT: f64 = 24.0;
/// What stands for no number.
const NONE: Colour = Colour(0xEE, 0xEE, 0xEE);
/// From low to high: light to dark, and safe for colour-blind people (after ColorBrewer's YlGnBu, Harrower and Brewer 2003).
const RAMP: [Colour; 5] = [
    Colour(0xFF, 0xFF, 0xD9),
    Colour(0xC7, 0xE9, 0xB4),
    Colour(0x41, 0xB6, 0xC4),
    Colour(0x22, 0x5E, 0xA8),
    Colour(0x08, 0x1D, 0x58),
];

/// The two parameters with the largest effects, of which neither says what the other is.
pub(super) fn chart(digest: &Digest) -> Option<Drawn> {
    let order = by_effect(digest);
    let metric = 0;
    let shown_metric = digest.metrics.get(metric)?;
    let (x, y) = pair(digest, &order)?;
    // Groups as wide as high, with enough points in each field.
    let groups = ((digest.points.len() / super::IN_GROUP) as f64).sqrt() as usize;
    let (columns, rows) = (Levels::grouped(digest, x, MOST.0, groups), Levels::grouped(digest, y, MOST.1, groups));
    let width = columns.len();
    let stats = means(&digest.points, metric, width * rows.len(), |kept| {
        Some(rows.find(kept.at[y])? * width + columns.find(kept.at[x])?)
    });
    let field = Field { digest, x, y, columns, rows, stats, quantity: shown_metric.quantity };
    let (low, high) = field.range()?;
    let texts = [low, high].map(|value| shown_metric.quantity.text(value));
    let title = match field.has_differences() {
        true => format!("{}: {} to {} over two parameters", shown_metric.name, texts[0], texts[1]),
        false => format!("{}: no significant difference over two parameters", shown_metric.name),
    };
    let mut caption = format!(
        "{} over {}{} and {}{}; darker is more. Hover over a cell for its interval.",
        shown_metric.name,
        digest.axes[x].key,
        together_with(digest, x),
        digest.axes[y].key,
        together_with(digest, y)
    );
    if order.len() > 2 {
        caption += " Values are means over all other parameters.";
    }
    if field.columns.is_grouped() || field.rows.is_grouped() {
        caption += " Values are grouped.";
    }
    Some(Drawn::new("map", caption + &left_out(digest), |width| field.svg(&title, width)))
}

fn pair(digest: &Digest, order: &[usize]) -> Option<(usize, usize)> {
    let size = |axis: usize| Levels::of(digest, axis, MOST.0).len();
    order.iter().enumerate().find_map(|(place, first)| {
        let second = order[place + 1..].iter().find(|other| !goes_along(digest, *first, **other))?;
        // The longer one lies flat.
        Some(if size(*first) >= size(*second) { (*first, *second) } else { (*second, *first) })
    })
}

struct Field<'a> {
    digest: &'a Digest,
    x: usize,
    y: usize,
    columns: Levels,
    rows: Levels,
    /// Row by row.
    stats: Vec<Stat>,
    quantity: Quantity,
}

impl Field<'_> {
    fn range(&self) -> Option<(f64, f64)> {
        let values = || self.stats.iter().map(|stat| stat.mean).filter(|mean| mean.is_finite());
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        (low <= high).then_some((low, high))
    }

    /// By how much two fields differ at most without any difference between them, roughly: two half-widths of the intervals;
    /// where there are none, a hundredth.
    fn noise(&self) -> f64 {
        let mut halves: Vec<f64> =
            self.stats.iter().filter_map(|stat| stat.half_width).filter(|half| half.is_finite()).collect();
        halves.sort_by(f64::total_cmp);
        let least = self.range().map_or(0.0, |(low, high)| 0.01 * low.abs().max(high.abs()));
        halves.get(halves.len() / 2).map_or(least, |half| (2.0 * half).max(0.001 * least))
    }

    /// Whether any two fields differ by more than the noise.
    fn has_differences(&self) -> bool {
        self.range().is_some_and(|(low, high)| high - low > self.noise())
    }

    fn svg(&self, title: &str, width: f64) -> String {
        let (low, high) = self.range().unwrap_or((0.0, 1.0));
        let is_log = low > 0.0 && high > 20.0 * low;
        let noise = self.noise();
        // The whole way from light to dark stands for no less than what is certainly a difference.
        let share = |value: f64| {
            let share = if is_log {
                (value / low).ln() / (high / low).ln()
            } else {
                0.5 + (value - f64::midpoint(low, high)) / (high - low).max(2.0 * noise)
            };
            if share.is_finite() && high - low > noise { share } else { 0.5 }
        };
        let name = |axis: usize| self.digest.axes[axis].name.clone();
        let names: Vec<String> =
            self.rows.names.iter().map(|name| sanitize(name, if is_narrow(width) { 10 } else { 24 })).collect();
        let left = names.iter().map(|name| text_width(name, SMALL)).fold(40.0, f64::max) + 22.0;
        let right = width - RIGHT;
        let (cell, row) =
            ((right - left) / self.columns.len() as f64, (300.0 / self.rows.len() as f64).clamp(16.0, 46.0));
        let top = canvas::top(width) + 26.0;
        let bottom = top + row * self.rows.len() as f64;
        let corner = |column: usize, line: usize| (left + cell * column as f64, bottom - row * (line + 1) as f64);
        let mut overlay = String::new();
        for (place, stat) in self.stats.iter().enumerate() {
            let (column, line) = (place % self.columns.len(), place / self.columns.len());
            let (at, what) = (corner(column, line), self.quantity.stat(stat));
            let text = format!(
                "{} = {}\n{} = {}\n{what}",
                name(self.x),
                self.columns.names[column],
                name(self.y),
                self.rows.names[line]
            );
            overlay += &tip(at, (at.0 + cell, at.1 + row), &text);
        }
        let description = format!("{title}. {} rows, {} columns.", self.rows.len(), self.columns.len());
        picture((width, bottom + FOOT), title, &description, &tips(&overlay), |canvas| {
            canvas.text(&name(self.y), (12.0, top - 12.0), Side::Start, SMALL, INK);
            let has_numbers = self.columns.len() <= WRITTEN;
            for (place, stat) in self.stats.iter().enumerate() {
                let (column, line) = (place % self.columns.len(), place / self.columns.len());
                let (x, y) = corner(column, line);
                let depth = share(stat.mean);
                let colour = if stat.mean.is_finite() { ramp(depth) } else { NONE };
                canvas.rect((x, y), (x + cell, y + row), colour);
                canvas.line(&[(x, y), (x + cell, y)], Style::fill(GROUND));
                canvas.line(&[(x, y), (x, y + row)], Style::fill(GROUND));
                let text = self.quantity.text(stat.mean);
                if has_numbers && text_width(&text, SMALL) < cell - 4.0 {
                    // Not the colours of ink and ground, which the page exchanges in the dark: the fields stay as they are.
                    let ink = if depth > 0.5 && stat.mean.is_finite() {
                        Colour(0xFE, 0xFE, 0xFE)
                    } else {
                        Colour(0x1B, 0x1B, 0x1B)
                    };
                    canvas.text(&text, (x + cell / 2.0, y + row / 2.0), Side::Middle, SMALL, ink);
                }
            }
            for (line, name) in names.iter().enumerate() {
                let at = bottom - row * (line as f64 + 0.5);
                canvas.text(name, (left - 8.0, at), Side::End, SMALL, MUTED);
            }
            // Long words are cut where all can stand, else some are left out.
            let room = if has_numbers { (cell / (SMALL * 0.58)) as usize } else { 24 };
            let names: Vec<String> =
                self.columns.names.iter().map(|name| sanitize(name, room.saturating_sub(1))).collect();
            let widest = names.iter().map(|name| text_width(name, SMALL)).fold(1.0, f64::max);
            let every = if has_numbers { 1.0 } else { (widest + 8.0) / cell };
            for (column, name) in names.iter().enumerate().step_by((every.ceil() as usize).max(1)) {
                let at = left + cell * (column as f64 + 0.5);
                canvas.text(name, (at, bottom + 14.0), Side::Middle, SMALL, MUTED);
            }
            canvas.text(&name(self.x), (f64::midpoint(left, right), bottom + 34.0), Side::Middle, SMALL, INK);
            let (from, to, y) = (left, left + 160.0, bottom + 52.0);
            if !self.has_differences() {
                return;
            }
            for step in 0..40 {
                let x = from + (to - from) * f64::from(step) / 40.0;
                canvas.rect((x, y), (x + (to - from) / 40.0 + 0.5, y + 10.0), ramp(f64::from(step) / 39.0));
            }
            let scale = if is_log { " (log scale)" } else { "" };
            let text = format!("{} to {}{scale}", self.quantity.text(low), self.quantity.text(high));
            canvas.text(&text, (to + 10.0, y + 5.0), Side::Start, SMALL, MUTED);
        })
    }
}

/// The colour at a share of the way from low to high.
fn ramp(share: f64) -> Colour {
    let at = share.clamp(0.0, 1.0) * (RAMP.len() - 1) as f64;
    let place = (at as usize).min(RAMP.len() - 2);
    let (a, b, part) = (RAMP[place], RAMP[place + 1], at - place as f64);
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * part).round() as u8;
    Colour(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}
