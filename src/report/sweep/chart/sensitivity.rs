//! What matters most: how far each parameter moves each metric (a tornado chart).

use super::{Digest, Levels, by_effect, left_out, means};
use crate::report::chart::Axis;
use crate::report::chart::canvas::{self, SMALL, Side, is_narrow, picture, text_width, tip, tips};
use crate::report::chart::{BLUE, Drawn, GRID, INK, MUTED, SKY, Scale, Style};
use crate::report::phrases::{largest_first, sanitize};

/// Parameters and metrics at most.
const MOST: (usize, usize) = (12, 4);
/// Values of a parameter are put together into so many groups where there are more.
const GROUPS: usize = 5;
const ROW: f64 = 28.0;
const BAR: f64 = 16.0;
const HEAD: f64 = 26.0;
const FOOT: f64 = 34.0;

/// A bar: the lowest and the highest mean of a metric over the values of a parameter, and at which values.
struct Bar {
    name: String,
    low: (f64, String),
    high: (f64, String),
}

/// A panel for each metric, a bar for each parameter, the longest on top.
pub(super) fn chart(digest: &Digest) -> Option<Drawn> {
    let axes = by_effect(digest);
    if axes.len() < 2 {
        return None;
    }
    let panels: Vec<(usize, Vec<Bar>)> = (0..digest.metrics.len())
        .filter(|metric| !digest.is_repeated(*metric))
        .take(MOST.1)
        .map(|metric| (metric, bars(digest, &axes, metric)))
        .filter(|(_, bars)| bars.iter().any(|bar| bar.high.0 > bar.low.0))
        .collect();
    let (metric, first) = panels.first().map(|(metric, bars)| (*metric, &bars[0]))?;
    let title = format!("{} affects {} most", first.name, digest.metrics[metric].name);
    let caption = format!(
        "The effect of each parameter on each metric: from the lowest to the highest mean over its values, averaged \
         over all other parameters. The line is the mean over all configurations.{}{}",
        if axes.len() > MOST.0 { format!(" Shown: the {} with the largest effects.", MOST.0) } else { String::new() },
        left_out(digest)
    );
    Some(Drawn::new("sensitivity", caption, |width| svg(digest, &title, &panels, width)))
}

fn bars(digest: &Digest, axes: &[usize], metric: usize) -> Vec<Bar> {
    let mut bars: Vec<Bar> = axes
        .iter()
        .take(MOST.0)
        .filter_map(|axis| {
            let levels =
                Levels::of(digest, *axis, if digest.axes[*axis].levels.is_empty() { GROUPS } else { super::GROUPS });
            let stats = means(&digest.points, metric, levels.len(), |kept| levels.find(kept.at[*axis]));
            let there = || stats.iter().zip(&levels.names).filter(|(stat, _)| stat.mean.is_finite());
            let (low, high) = (
                there().min_by(|a, b| a.0.mean.total_cmp(&b.0.mean))?,
                there().max_by(|a, b| a.0.mean.total_cmp(&b.0.mean))?,
            );
            let end = |(stat, name): (&crate::measure::summary::Stat, &String)| (stat.mean, sanitize(name, 16));
            Some(Bar { name: digest.axes[*axis].name.clone(), low: end(low), high: end(high) })
        })
        .collect();
    bars.sort_by(|a, b| largest_first(a.high.0 - a.low.0, b.high.0 - b.low.0));
    bars
}

fn svg(digest: &Digest, title: &str, panels: &[(usize, Vec<Bar>)], width: f64) -> String {
    // On a phone names and values are cut, so that bars have room.
    let (name, value, ticks) = if is_narrow(width) { (13, 8, 3) } else { (usize::MAX, usize::MAX, 6) };
    let names = panels.iter().flat_map(|(_, bars)| bars).map(|bar| text_width(&sanitize(&bar.name, name), SMALL));
    let left = names.fold(60.0, f64::max) + 22.0;
    let ends = panels.iter().flat_map(|(_, bars)| bars).flat_map(|bar| [&bar.low.1, &bar.high.1]);
    let room = ends.map(|end| text_width(&sanitize(end, value), SMALL)).fold(20.0, f64::max) + 10.0;
    let right = width - 16.0;
    let height = |bars: &[Bar]| HEAD + ROW * bars.len() as f64 + FOOT;
    let all = canvas::top(width) + panels.iter().map(|(_, bars)| height(bars)).sum::<f64>();
    let mut overlay = String::new();
    let mut said = Vec::new();
    let mut top = canvas::top(width);
    for (metric, bars) in panels {
        let quantity = digest.metrics[*metric].quantity;
        for (index, bar) in bars.iter().enumerate() {
            let y = top + HEAD + ROW * index as f64;
            let text = format!(
                "{}\n{}: {}\n{}: {}",
                bar.name,
                bar.low.1,
                quantity.text(bar.low.0),
                bar.high.1,
                quantity.text(bar.high.0)
            );
            overlay += &tip((0.0, y), (width, y + ROW), &text);
            said.push(format!(
                "{} moves {} from {} to {}",
                bar.name,
                digest.metrics[*metric].name,
                quantity.text(bar.low.0),
                quantity.text(bar.high.0)
            ));
        }
        top += height(bars);
    }
    picture((width, all), title, &format!("{title}. {}.", said.join("; ")), &tips(&overlay), |canvas| {
        let mut top = canvas::top(width);
        for (metric, bars) in panels {
            let shown = &digest.metrics[*metric];
            let mean = means(&digest.points, *metric, 1, |_| Some(0))[0].mean;
            let values = bars.iter().flat_map(|bar| [bar.low.0, bar.high.0]).chain([mean]);
            let axis = Axis::new(shown.name.clone(), shown.quantity, Scale::Near);
            let (start, bottom) = (top + HEAD, top + HEAD + ROW * bars.len() as f64);
            top += height(bars);
            let Some(fitted) = axis.fit(values, ticks) else { continue };
            let at = |x: f64| left + room + fitted.place(x).unwrap_or(0.0) * (right - left - 2.0 * room);
            canvas.text(&fitted.title, (12.0, start - 12.0), Side::Start, SMALL, INK);
            for (value, label) in &fitted.ticks {
                canvas.line(&[(at(*value), start), (at(*value), bottom)], Style::fill(GRID));
                canvas.text(label, (at(*value), bottom + 13.0), Side::Middle, SMALL, MUTED);
            }
            for (index, bar) in bars.iter().enumerate() {
                let middle = start + ROW * (index as f64 + 0.5);
                let (low, high, centre) = (at(bar.low.0), at(bar.high.0), at(mean));
                canvas.text(&sanitize(&bar.name, name), (left - 8.0, middle), Side::End, SMALL, INK);
                canvas.rect((low, middle - BAR / 2.0), (centre.clamp(low, high), middle + BAR / 2.0), SKY);
                canvas.rect((centre.clamp(low, high), middle - BAR / 2.0), (high, middle + BAR / 2.0), BLUE);
                if bar.high.0 > bar.low.0 {
                    canvas.text(&sanitize(&bar.low.1, value), (low - 6.0, middle), Side::End, SMALL, MUTED);
                    canvas.text(&sanitize(&bar.high.1, value), (high + 6.0, middle), Side::Start, SMALL, MUTED);
                }
            }
            canvas.line(&[(at(mean), start - 4.0), (at(mean), bottom)], Style::fill(INK));
        }
    })
}
