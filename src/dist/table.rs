//! Distributions from data: percentiles with straight lines between them, and observed values.

use std::sync::Arc;

use rand::RngExt;

use super::{Dist, DistError, Distribution, error};
use crate::dist::error::{report, report_in_list};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::limits::{MAX_LISTED, MAX_POINTS};
use crate::schema::scalars::{Duration, Share, Text};
use crate::time::Span;

/// Known percentiles, linear between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Percentiles(Arc<[(f64, f64)]>);

/// Observed values in rising order.
#[derive(Clone, Debug, PartialEq)]
pub struct Empirical(Arc<[Span]>);

parameters! {
    /// Linear between known percentiles, from p = 0 to p = 1.
    pub struct PercentilesSpec {
        /// From p = 0 (the smallest value) to p = 1 (the largest).
        required points: List<PercentileSpec, 2, MAX_POINTS>,
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
        Dist::percentiles(&points)
    }
}

parameters! {
    /// Drawn from observed values: `values`, or a `file` of them.
    pub struct EmpiricalSpec {
        /// The values.
        optional values: List<Duration, 1, MAX_LISTED>,
        /// A file with one value on each line, beside the scenario file; empty lines and lines from # on do not count.
        optional file: Spanned<Text>,
        /// The unit of the numbers in the file, if they carry none.
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
            let help = "`values` carry their units themselves: remove `unit`";
            check.wrong_with("unit", "is for the numbers of a file", help);
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

/// The unit of numbers in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// ns.
    Nanoseconds,
    /// us.
    Microseconds,
    /// ms.
    Milliseconds,
    /// s.
    Seconds,
    /// m.
    Minutes,
    /// h.
    Hours,
}

choice! { Unit {
    "ns" => Unit::Nanoseconds, "Nanoseconds.";
    "us" => Unit::Microseconds, "Microseconds.";
    "ms" => Unit::Milliseconds, "Milliseconds.";
    "s" => Unit::Seconds, "Seconds.";
    "m" => Unit::Minutes, "Minutes.";
    "h" => Unit::Hours, "Hours.";
} }

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
    /// Values whose quantile function is linear between these points (p in 0..=1 and value), from the smallest value
    /// at p = 0 to the largest at p = 1.
    ///
    /// # Errors
    /// Refuses no points, points that do not begin at 0 and end at 1, p that do not rise, values that fall, and what
    /// does not fit the clock.
    pub fn percentiles(points: &[(f64, Span)]) -> Result<Self, DistError> {
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return Err(DistError::Empty("points"));
        };
        if first.0 != 0.0 || last.0 != 1.0 {
            return Err(DistError::OpenEnds { first: first.0, last: last.0 });
        }
        let rises = |pair: &[(f64, Span)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1;
        if let Some(wrong) = points.windows(2).position(|pair| !rises(pair)) {
            return Err(DistError::Unsorted { place: wrong + 2 });
        }
        error::fits("value", last.1)?;
        Ok(Self::Percentiles(Percentiles(points.iter().map(|&(p, value)| (p, value.as_nanos() as f64)).collect())))
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

impl Percentiles {
    /// All values times `factor`.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        Self(self.0.iter().map(|(p, value)| (*p, value * factor)).collect())
    }

    /// For `p` in 0..=1.
    pub(super) fn quantile_ns(&self, p: f64) -> f64 {
        // The points end at 0 and 1, so the segment that ends at or after `p` always has a beginning.
        let end = self.0.partition_point(|point| point.0 < p).clamp(1, self.0.len() - 1);
        let ((p_low, low), (p_high, high)) = (self.0[end - 1], self.0[end]);
        low + (high - low) * (p - p_low) / (p_high - p_low)
    }

    /// Each segment is a uniform distribution: weighted mean, weighted spread inside and between.
    pub(super) fn moments_ns(&self) -> (f64, f64) {
        let segments = || self.0.windows(2).map(|pair| (pair[1].0 - pair[0].0, pair[0].1, pair[1].1));
        let mean: f64 = segments().map(|(weight, low, high)| weight * (low + high) / 2.0).sum();
        let variance = segments()
            .map(|(weight, low, high)| {
                let (low, high) = (low - mean, high - mean);
                weight * (low * low + low * high + high * high) / 3.0
            })
            .sum();
        (mean, variance)
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
