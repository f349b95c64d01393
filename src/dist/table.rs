//! Distributions from data: percentiles with straight lines between them, and observed values.

use std::sync::Arc;

use rand::RngExt;

use super::{Dist, DistError, Distribution, error};
use crate::dist::error::{report, report_in_list};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::limits::{MAX_LISTED, MAX_POINTS};
use crate::schema::scalars::{Duration, Share, Text};
use crate::time::{NANOS_PER_SECOND, Span};

/// Known percentiles and what lies between and beyond them.
#[derive(Clone, Debug, PartialEq)]
pub struct Percentiles {
    /// The first is at p = 0.
    knots: Arc<[Knot]>,
    /// Beyond the last knot the excess is exponential with this mean, ns; 0 where the last knot is at p = 1.
    tail_ns: f64,
}

/// A known percentile, and the way to it from the one before: low + (value - low) u^shape, where u goes from 0 to 1.
/// A shape of 1 is a straight line, a larger one lies below it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Knot {
    p: f64,
    value: f64,
    shape: f64,
}

/// Observed values in rising order.
#[derive(Clone, Debug, PartialEq)]
pub struct Empirical(Arc<[Span]>);

parameters! {
    /// Interpolates linearly between known percentiles, such as p50, p90 and p99, with or without a `mean`.
    /// The smallest (p = 0) and the largest value (p = 1) can be omitted: beyond the last point, values grow in
    /// proportion to -ln(1 - p); below the first, they decrease towards 0.
    pub struct PercentilesSpec {
        /// At least two points, in increasing order of p.
        required points: List<PercentileSpec, 2, MAX_POINTS>,
        /// The mean, if known; the tail is chosen so that the mean is exact.
        optional mean: Duration,
    }
}

parameters! {
    /// A known percentile.
    pub struct PercentileSpec {
        /// The share of values at or below this one, 0 to 1.
        required p: Share,
        /// The value.
        required value: Duration,
    }
}

impl PercentilesSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        report_in_list(check, self.dist(), "points");
    }
}

impl Distribution for PercentilesSpec {
    fn dist(&self) -> Result<Dist, DistError> {
        let points: Vec<_> = self.points.iter().map(|point| (point.p, point.value)).collect();
        match self.mean {
            Some(mean) => Dist::percentiles_with_mean(&points, mean),
            None => Dist::percentiles(&points),
        }
    }
}

parameters! {
    /// Drawn from observed values: `values`, or a `file` of them.
    pub struct EmpiricalSpec {
        /// The values.
        optional values: List<Duration, 1, MAX_LISTED>,
        /// A file with one value per line, relative to the scenario file; empty lines and comments (#) are ignored.
        optional file: Spanned<Text>,
        /// Unit of the numbers in the file, if they have none.
        optional unit: Unit,
    }
}

impl EmpiricalSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let ways: [&[_]; 2] = [&[("values", self.values.is_some())], &[("file", self.file.is_some())]];
        if check.either(&ways) != Some(0) {
            return;
        }
        if self.unit.is_some() {
            let help = "`values` have their own units: remove `unit`";
            check.wrong_with("unit", "applies to the numbers in a file only", help);
        }
        report(check, self.dist(), &[]);
    }
}

impl Distribution for EmpiricalSpec {
    fn dist(&self) -> Result<Dist, DistError> {
        Dist::empirical(self.values.clone().unwrap_or_default())
    }

    fn file(&self) -> Option<(&Spanned<String>, Option<Unit>)> {
        self.file.as_ref().map(|file| (file, self.unit))
    }

    fn load(&mut self, values: &Empirical) {
        *self = Self { values: Some(values.0.to_vec()), file: None, unit: None };
    }
}

choice! {
    /// The unit of numbers in a file.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Unit {
        "ns" => Nanoseconds, "Nanoseconds.";
        "us" => Microseconds, "Microseconds.";
        "ms" => Milliseconds, "Milliseconds.";
        "s" => Seconds, "Seconds.";
        "m" => Minutes, "Minutes.";
        "h" => Hours, "Hours.";
    }
}

impl Unit {
    /// Its length.
    #[must_use]
    pub const fn span(self) -> Span {
        match self {
            Self::Nanoseconds => Span::from_nanos(1),
            Self::Microseconds => Span::from_nanos(1_000),
            Self::Milliseconds => Span::from_millis(1),
            Self::Seconds => Span::from_secs(1),
            Self::Minutes => Span::from_secs(60),
            Self::Hours => Span::from_secs(3_600),
        }
    }
}

impl Dist {
    /// Values whose quantile function is linear between these points: p in 0..=1 and value.
    ///
    /// Without a smallest value (p = 0) the quantile function goes down from the first point as a power of p with the slope
    /// that it has behind that point, but at least as high as a straight line to 0. Without a largest value (p = 1) it rises
    /// in proportion to -ln(1 - p) along the last two points: an exponential tail.
    ///
    /// # Errors
    /// Refuses fewer than two points, p outside 0..=1, p that do not rise, values that fall, and what does not fit the clock.
    pub fn percentiles(points: &[(f64, Span)]) -> Result<Self, DistError> {
        Percentiles::through(points).map(Self::Percentiles)
    }

    /// The same with this mean: where it differs from that of straight lines, the tails carry the difference. An open end
    /// gets longer or shorter; where that is not enough, or there is none, the lines above the median are bent, all by the
    /// same exponent, and only if they do not suffice all of them.
    ///
    /// # Errors
    /// Also refuses a mean that no distribution through these points has.
    pub fn percentiles_with_mean(points: &[(f64, Span)], mean: Span) -> Result<Self, DistError> {
        Percentiles::through(points)?.with_mean(mean).map(Self::Percentiles)
    }

    /// Of two laws, one that stands for drawing from the first or the second in proportion to their weights: it has the
    /// mixture's mean exactly, and its percentiles at 11 places.
    ///
    /// # Errors
    /// Refuses weights of zero together.
    pub fn merged(laws: [(&Self, f64); 2]) -> Result<Self, DistError> {
        let total: f64 = laws.iter().map(|(_, weight)| weight).sum();
        if total.is_nan() || total <= 0.0 {
            return Err(DistError::Empty("weights"));
        }
        let laws = laws.map(|(law, weight)| (law, weight / total));
        let mean_s: f64 = laws.iter().map(|(law, weight)| law.mean_s() * weight).sum();
        let points = MERGED_AT.map(|p| (p, mixed_quantile(&laws, p)));
        let law = Percentiles::through(&points)?;
        // Percentiles are rounded, so that the mean may lie a little beyond what they allow.
        let (low, high) = law.mean_range();
        let mean = Span::from_nanos_f64_saturating((mean_s * NANOS_PER_SECOND as f64).clamp(low, high));
        law.with_mean(mean).map(Self::Percentiles)
    }

    /// Draws from these observations with equal probability.
    ///
    /// # Errors
    /// Refuses no observations, and what does not fit the clock.
    pub fn empirical(mut values: Vec<Span>) -> Result<Self, DistError> {
        values.sort_unstable();
        error::fits("values", *values.last().ok_or(DistError::Empty("values"))?)?;
        Ok(Self::Empirical(Empirical(values.into())))
    }
}

/// Where the percentiles of merged laws are taken.
const MERGED_AT: [f64; 11] = [0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0];
/// How strongly the lines above the median may be bent before those below are bent too: their height over the mean height
/// of a draw on them.
const BENDS: std::ops::RangeInclusive<f64> = 1.01..=1_000.0;

/// The value that a draw from either of these laws stays below with probability `p`, by bisection.
fn mixed_quantile(laws: &[(&Dist, f64); 2], p: f64) -> Span {
    let at = laws.map(|(law, _)| law.quantile(p).as_nanos());
    let (mut low, mut high) = (at[0].min(at[1]), at[0].max(at[1]));
    if p == 0.0 || p == 1.0 {
        return Span::from_nanos(if p == 0.0 { low } else { high });
    }
    // The share of values at or below `value`.
    let below = |value: u64| laws.iter().map(|(law, weight)| weight * share_below(law, value)).sum::<f64>();
    while high - low > 1 + low / 1_000_000 {
        let middle = low + (high - low) / 2;
        if below(middle) < p { low = middle } else { high = middle }
    }
    Span::from_nanos(high)
}

/// The share of values at or below `value`, to a millionth.
fn share_below(law: &Dist, value: u64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    if law.quantile(high).as_nanos() <= value {
        return high;
    }
    while high - low > 1e-6 {
        let middle = (low + high) / 2.0;
        if law.quantile(middle).as_nanos() <= value { low = middle } else { high = middle }
    }
    low
}

impl Percentiles {
    fn through(points: &[(f64, Span)]) -> Result<Self, DistError> {
        for &(p, value) in points {
            error::within("p", p, 0.0, 1.0)?;
            error::fits("value", value)?;
        }
        let [first, second, ..] = points else { return Err(DistError::FewPoints) };
        let rises = |pair: &[(f64, Span)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1;
        if let Some(wrong) = points.windows(2).position(|pair| !rises(pair)) {
            return Err(DistError::Unsorted { place: wrong + 2 });
        }
        let nanos = |point: &(f64, Span)| point.1.as_nanos() as f64;
        let mut knots: Vec<Knot> =
            points.iter().map(|point| Knot { p: point.0, value: nanos(point), shape: 1.0 }).collect();
        if first.0 > 0.0 {
            let slope = (nanos(second) - nanos(first)) / (second.0 - first.0);
            knots[0].shape = (slope * first.0 / nanos(first).max(1.0)).min(1.0);
            knots.insert(0, Knot { p: 0.0, value: 0.0, shape: 1.0 });
        }
        let [.., before, last] = points else { return Err(DistError::FewPoints) };
        let is_open = last.0 < 1.0;
        let slope = (nanos(last) - nanos(before)) / ((1.0 - before.0) / (1.0 - last.0)).ln();
        Ok(Self { knots: knots.into(), tail_ns: if is_open { slope } else { 0.0 } })
    }

    /// The same percentiles with this mean.
    fn with_mean(mut self, mean: Span) -> Result<Self, DistError> {
        let mean_ns = mean.as_nanos() as f64;
        let (low, high) = self.mean_range();
        // The points are whole nanoseconds, and sums of them are rounded.
        let slack = 1.0 + low * 1e-9;
        if mean_ns < low - slack || mean_ns > high + slack {
            let [low, high] = [low, high].map(Span::from_nanos_f64_saturating);
            return Err(DistError::MeanBeyondPoints { mean, low, high });
        }
        let (last, open) = self.open_end();
        if open > 0.0 {
            let closed: f64 = self.segments().map(|segment| segment.weight * segment.mean()).sum();
            let excess = (mean_ns - closed) / open - last;
            self.tail_ns = excess.max(0.0);
            if excess >= 0.0 {
                return Ok(self);
            }
        }
        // The height of the lines that are bent over what the mean leaves them above their lower ends: shape + 1.
        let bend = |from: usize| {
            let straight: f64 = self.segments().take(from).map(|segment| segment.weight * segment.mean()).sum();
            let bent = || self.segments().skip(from);
            let least: f64 = bent().map(|segment| segment.weight * segment.low).sum::<f64>() + open * last;
            let height: f64 = bent().map(|segment| segment.weight * segment.height).sum();
            height / (mean_ns - straight - least)
        };
        let above_median = self.knots.iter().skip(1).take_while(|knot| knot.p <= 0.5).count();
        let (from, bend) = match bend(above_median) {
            bend if BENDS.contains(&bend) => (above_median, bend),
            _ => (0, bend(0)),
        };
        // A mean at its very least, or of lines without height, leaves nothing to divide by.
        let shape = if bend > 0.0 { (bend - 1.0).max(0.0) } else { f64::INFINITY };
        let knots = self.knots.iter().enumerate();
        self.knots = knots.map(|(place, knot)| if place > from { Knot { shape, ..*knot } } else { *knot }).collect();
        Ok(self)
    }

    /// The least and the highest mean of a distribution with these percentiles, ns.
    fn mean_range(&self) -> (f64, f64) {
        let (last, open) = self.open_end();
        let low = self.segments().map(|segment| segment.weight * segment.low).sum::<f64>() + open * last;
        let high = self.segments().map(|segment| segment.weight * (segment.low + segment.height)).sum::<f64>();
        (low, if open > 0.0 { f64::INFINITY } else { high })
    }

    /// The last knot's value, and the share of values beyond it.
    fn open_end(&self) -> (f64, f64) {
        self.knots.last().map_or((0.0, 0.0), |last| (last.value, 1.0 - last.p))
    }

    fn segments(&self) -> impl Iterator<Item = Segment> {
        self.knots.windows(2).map(|pair| Segment {
            weight: pair[1].p - pair[0].p,
            low: pair[0].value,
            height: pair[1].value - pair[0].value,
            shape: pair[1].shape,
        })
    }

    /// All values times `factor`.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        let knots = self.knots.iter().map(|knot| Knot { value: knot.value * factor, ..*knot }).collect();
        Self { knots, tail_ns: self.tail_ns * factor }
    }

    /// For `p` in 0..=1.
    pub(super) fn quantile_ns(&self, p: f64) -> f64 {
        let end = self.knots.partition_point(|knot| knot.p < p);
        let Some(high) = self.knots.get(end.max(1)) else {
            let (last, open) = self.open_end();
            return if self.tail_ns > 0.0 { last + self.tail_ns * (open / (1.0 - p)).ln() } else { last };
        };
        let low = self.knots[end.max(1) - 1];
        let height = high.value - low.value;
        if high.shape == 1.0 {
            return low.value + height * (p - low.p) / (high.p - low.p);
        }
        low.value + height * ((p - low.p) / (high.p - low.p)).powf(high.shape)
    }

    /// Weighted mean; weighted spread inside and between the segments.
    pub(super) fn moments_ns(&self) -> (f64, f64) {
        let (last, open) = self.open_end();
        let closed: f64 = self.segments().map(|segment| segment.weight * segment.mean()).sum();
        let mean = closed + open * (last + self.tail_ns);
        let spread = |segment: Segment| {
            let (low, height) = (segment.low - mean, segment.height);
            let square = height * height / (2.0 * segment.shape + 1.0);
            segment.weight * (low * low + 2.0 * low * height / (segment.shape + 1.0) + square)
        };
        let closed: f64 = self.segments().map(spread).sum();
        let (last, tail) = (last - mean, self.tail_ns);
        (mean, closed + open * (last * last + 2.0 * last * tail + 2.0 * tail * tail))
    }
}

/// What lies between two knots, ns.
#[derive(Clone, Copy)]
struct Segment {
    weight: f64,
    low: f64,
    height: f64,
    shape: f64,
}

impl Segment {
    fn mean(self) -> f64 {
        self.low + self.height / (self.shape + 1.0)
    }
}

impl Empirical {
    /// All values times `factor`.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        let times = |value: &Span| Span::from_nanos_f64_saturating(value.as_nanos() as f64 * factor);
        Self(self.0.iter().map(times).collect())
    }

    pub(super) fn sample(&self, stream: &mut Stream) -> Span {
        self.0[stream.random_range(0..self.0.len())]
    }

    /// The smallest observation that at least the share `p` does not exceed.
    pub(super) fn quantile(&self, p: f64) -> Span {
        let rank = (p * self.0.len() as f64).ceil() as usize;
        self.0[rank.clamp(1, self.0.len()) - 1]
    }

    pub(super) fn moments_ns(&self) -> (f64, f64) {
        let count = self.0.len() as f64;
        let total: u128 = self.0.iter().map(|value| u128::from(value.as_nanos())).sum();
        let mean = total as f64 / count;
        (mean, self.0.iter().map(|value| (value.as_nanos() as f64 - mean).powi(2)).sum::<f64>() / count)
    }
}
