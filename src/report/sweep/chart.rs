//! The charts of a sweep: a metric against a parameter, a map over two, cost against latency, and what matters most.

mod map;
mod parameter;
mod sensitivity;
mod tradeoff;

use std::collections::HashMap;

use super::digest::{Digest, Kept, Parameter};
use crate::measure::summary::Stat;
use crate::report::chart::{Axis, Drawn, Scale};
use crate::report::format::{Quantity, count};
use crate::report::phrases::largest_first;
use crate::scenario::axis::Unit;

/// More values of a parameter than this are put together into this many groups of about the same size.
const GROUPS: usize = 40;

/// Points in a group on average, at least, where values are put together: fewer would show noise.
const IN_GROUP: usize = 40;

/// All charts of a sweep that have something to show.
#[must_use]
pub fn charts(digest: &Digest) -> Vec<Drawn> {
    let all = [parameter::chart(digest), map::chart(digest), tradeoff::chart(digest), sensitivity::chart(digest)];
    all.into_iter().flatten().collect()
}

impl Parameter {
    /// A number of it as people write it.
    fn text(&self, number: f64) -> String {
        match self.unit {
            Some(Unit::Seconds) => Quantity::Seconds.text(number),
            Some(Unit::Megabytes) => format!("{}MB", count(number.round())),
            Some(Unit::PerSecond) => format!("{}/s", count(number)),
            Some(Unit::Count | Unit::Number) | None => count(number),
        }
    }

    /// An axis for values of it; what is no time gets its unit into the name.
    fn axis(&self, values: &[f64]) -> Axis {
        let name = self.name.clone();
        let (label, quantity) = match self.unit {
            Some(Unit::Seconds) => (name, Quantity::Seconds),
            Some(Unit::Megabytes) => (format!("{name} (MB)"), Quantity::Count),
            Some(Unit::PerSecond) => (format!("{name} (1/s)"), Quantity::Count),
            Some(Unit::Count | Unit::Number) | None => (name, Quantity::Count),
        };
        Axis::new(label, quantity, scale(values))
    }
}

/// By factors where that spreads the values more evenly.
fn scale(values: &[f64]) -> Scale {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    let widest_gap = |place: fn(f64) -> f64| {
        let gaps = sorted.windows(2).map(|pair| place(pair[1]) - place(pair[0]));
        let all = place(sorted[sorted.len() - 1]) - place(sorted[0]);
        gaps.fold(0.0, f64::max) / all
    };
    let is_log = sorted.len() > 2 && sorted[0] > 0.0 && widest_gap(f64::ln) < 0.8 * widest_gap(|x| x);
    if is_log { Scale::Log } else { Scale::Near }
}

/// The values that a parameter takes, put together where there are too many.
struct Levels {
    /// What each is called.
    names: Vec<String>,
    /// Where each is; of groups the middle.
    at: Vec<f64>,
    /// The upper ends of groups; empty where each value is by itself.
    ends: Vec<f64>,
}

impl Levels {
    /// Those of an axis: all if there are at most `most`, else as many groups, but at most `groups`.
    fn grouped(digest: &Digest, axis: usize, most: usize, groups: usize) -> Self {
        let mut seen: Vec<(f64, &str)> = Vec::new();
        for kept in &digest.points {
            let value = (kept.at[axis], kept.texts[axis].as_str());
            if value.0.is_finite() {
                seen.push(value);
            }
        }
        seen.sort_by(|a, b| a.0.total_cmp(&b.0));
        let all: Vec<f64> = seen.iter().map(|(at, _)| *at).collect();
        seen.dedup_by(|a, b| a.0 == b.0);
        let Some(lowest) = all.first().copied() else {
            return Self { names: Vec::new(), at: Vec::new(), ends: Vec::new() };
        };
        if seen.len() <= most {
            let (at, names) = seen.into_iter().map(|(at, name)| (at, name.to_owned())).unzip();
            return Self { names, at, ends: Vec::new() };
        }
        let most = most.min(groups).max(2);
        let mut ends: Vec<f64> = (1..=most).map(|group| all[(group * all.len() / most).max(1) - 1]).collect();
        ends.dedup();
        let mut low = lowest;
        let middles: Vec<f64> = ends
            .iter()
            .map(|end| {
                let middle = f64::midpoint(low, *end);
                low = *end;
                middle
            })
            .collect();
        let names = middles.iter().map(|middle| format!("about {}", digest.axes[axis].text(*middle))).collect();
        Self { names, at: middles, ends }
    }

    fn of(digest: &Digest, axis: usize, most: usize) -> Self {
        Self::grouped(digest, axis, most, digest.points.len() / IN_GROUP)
    }

    /// Which of them a value is.
    fn find(&self, value: f64) -> Option<usize> {
        if !self.ends.is_empty() {
            return self.ends.iter().position(|end| value <= *end);
        }
        self.at.iter().position(|at| *at == value)
    }

    fn is_grouped(&self) -> bool {
        !self.ends.is_empty()
    }

    fn len(&self) -> usize {
        self.at.len()
    }
}

/// The mean over points. Half of its interval is at most the mean of their halves, however they depend on each other.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    halves: f64,
    count: u32,
    with_interval: u32,
}

impl Mean {
    fn add(&mut self, stat: Stat) {
        if stat.mean.is_finite() {
            self.sum += stat.mean;
            self.count += 1;
            if let Some(half) = stat.half_width.filter(|half| half.is_finite()) {
                self.halves += half;
                self.with_interval += 1;
            }
        }
    }

    fn stat(self) -> Stat {
        let half_width = (self.with_interval > 0 && self.with_interval == self.count)
            .then(|| self.halves / f64::from(self.with_interval));
        Stat { mean: self.sum / f64::from(self.count), half_width }
    }
}

/// The mean of a metric in each of some groups of points.
fn means(points: &[Kept], metric: usize, groups: usize, group: impl Fn(&Kept) -> Option<usize>) -> Vec<Stat> {
    let mut means = vec![Mean::default(); groups];
    for kept in points {
        if let Some(mean) = group(kept).and_then(|group| means.get_mut(group)) {
            mean.add(kept.stats[metric]);
        }
    }
    means.into_iter().map(Mean::stat).collect()
}

/// How far the means of a metric over the values of a parameter are apart, as a share of their middle.
fn effect(digest: &Digest, axis: usize, metric: usize) -> f64 {
    let levels = Levels::of(digest, axis, GROUPS);
    let stats = means(&digest.points, metric, levels.len(), |kept| levels.find(kept.at[axis]));
    let values = || stats.iter().map(|stat| stat.mean).filter(|mean| mean.is_finite());
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let share = (high - low) / f64::midpoint(low.abs(), high.abs());
    if share.is_finite() { share } else { 0.0 }
}

/// The axes that take more than one value, those with the largest effect on the first metrics first.
fn by_effect(digest: &Digest) -> Vec<usize> {
    let is_varied = |axis: &usize| {
        let first = digest.points.first().map_or(f64::NAN, |kept| kept.at[*axis]);
        digest.points.iter().any(|kept| kept.at[*axis] != first)
    };
    let mut axes: Vec<(f64, usize)> = (0..digest.axes.len())
        .filter(is_varied)
        .map(|axis| ((0..digest.metrics.len()).map(|metric| effect(digest, axis, metric)).sum(), axis))
        .collect();
    axes.sort_by(|a, b| largest_first(a.0, b.0).then(a.1.cmp(&b.1)));
    // Of axes that vary together the first stands for all.
    let mut free: Vec<usize> = Vec::new();
    for (_, axis) in axes {
        if !free.iter().any(|other| goes_along(digest, *other, axis) && goes_along(digest, axis, *other)) {
            free.push(axis);
        }
    }
    free
}

/// Whether the value of one parameter says what that of the other is.
fn goes_along(digest: &Digest, axis: usize, other: usize) -> bool {
    let mut known: HashMap<u64, f64> = HashMap::new();
    // Each value by itself says everything about its point.
    let is_sample = digest.axes[axis].levels.is_empty();
    !is_sample
        && digest
            .points
            .iter()
            .all(|kept| *known.entry(kept.at[axis].to_bits()).or_insert(kept.at[other]) == kept.at[other])
}

/// The parameters that vary together with one, in words.
fn together_with(digest: &Digest, axis: usize) -> String {
    let others = (0..digest.axes.len()).filter(|other| *other != axis && goes_along(digest, axis, *other));
    let names: Vec<&str> = others.map(|other| digest.axes[other].key.as_str()).collect();
    if names.is_empty() { String::new() } else { format!(" (together with {})", names.join(", ")) }
}

/// What is said where not all points are in a chart.
fn left_out(digest: &Digest) -> String {
    if digest.count as usize > digest.points.len() {
        format!(" The chart shows the first {1} of {0} configurations.", digest.count, digest.points.len())
    } else {
        String::new()
    }
}
