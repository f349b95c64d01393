//! The windows over which load is averaged: a ring of buckets aligned to the Unix clock.

use super::settings::Aggregation;
use crate::time::{SimTime, Span};

/// The weight that the buckets of a weighted window leave out of a total of 1. The original computes 1 - 0.9999 in
/// exact constants.
const REMAINING_WEIGHT: f64 = 0.0001;
/// Minimum weight of the most recent bucket of a weighted window.
const MIN_COEFFICIENT: f64 = 0.2;

/// A window over recorded values; values in the same bucket add up.
///
/// Source: `pkg/autoscaler/aggregation/bucketing.go` of knative/serving. A window younger than its length divides by
/// its age, and seconds in which nothing was recorded are not zeros: without writes, the linear average stays up until
/// the buckets expire.
#[derive(Clone, Debug)]
pub struct Window {
    weighting: Weighting,
    length: Span,
    granularity: Span,
    buckets: Vec<f64>,
    total: f64,
    /// The bucket of the first write that counts; also unset after a resize of an empty window. Buckets are numbered from
    /// the Unix epoch.
    first: Option<u64>,
    /// The last bucket written.
    last: Option<u64>,
    /// The last bucket with a value other than 0.
    last_load: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Weighting {
    Linear,
    Exponential { coefficient: f64 },
}

impl Window {
    /// An empty window of `length` with buckets of `granularity`, which must not be zero.
    #[must_use]
    pub fn new(aggregation: Aggregation, length: Span, granularity: Span) -> Self {
        let buckets = bucket_count(length, granularity);
        let weighting = match aggregation {
            Aggregation::Linear => Weighting::Linear,
            Aggregation::WeightedExponential => Weighting::Exponential { coefficient: coefficient(buckets) },
        };
        Self {
            weighting,
            length,
            granularity,
            buckets: vec![0.0; buckets],
            total: 0.0,
            first: None,
            last: None,
            last_load: None,
        }
    }

    /// Adds `value` to the bucket of `at`. Values a whole window or more older than the last bucket are ignored.
    pub fn record(&mut self, at: SimTime, value: f64) {
        let bucket = self.index(at);
        if self.last != Some(bucket) && !self.open(bucket) {
            return;
        }
        if value == 0.0 {
            return;
        }
        let slot = ring(bucket, self.buckets.len());
        self.buckets[slot] += value;
        self.total += value;
        self.last_load = self.last_load.max(Some(bucket));
    }

    /// Records 0 in every bucket from that of `from` to that of `until`: equivalent to one write each, but faster.
    pub fn record_zeros(&mut self, from: SimTime, until: SimTime) {
        // A gap shorter than the length of the window leaves the buckets in between as if they had been written.
        let stride = Span::from_nanos(self.length.as_nanos().saturating_sub(self.granularity.as_nanos()));
        let stride = stride.max(self.granularity);
        let mut at = from;
        self.record(at, 0.0);
        while at < until {
            at = (at + stride).min(until);
            self.record(at, 0.0);
        }
    }

    /// When the most recent load leaves the window, and how much it was; `None` if there was none yet.
    #[must_use]
    pub fn load_leaves(&self) -> Option<(SimTime, f64)> {
        self.last_load.map(|bucket| {
            let leaves = SimTime::ZERO + times(self.granularity, bucket) + self.length;
            (leaves, self.buckets[ring(bucket, self.buckets.len())])
        })
    }

    /// Whether all buckets have the same weight.
    #[must_use]
    pub fn is_linear(&self) -> bool {
        matches!(self.weighting, Weighting::Linear)
    }

    /// How many buckets it has.
    #[must_use]
    pub fn bucket_count(&self) -> usize {
        self.buckets.len()
    }

    /// The average at `now`: linear, rounded to six decimals half away from zero, or exponentially weighted.
    #[must_use]
    pub fn average(&self, now: SimTime) -> f64 {
        match self.weighting {
            Weighting::Linear => self.linear(now),
            Weighting::Exponential { coefficient } => self.weighted(now, coefficient),
        }
    }

    /// Whether nothing was recorded within the window before `now`. The linear average is 0 one instant earlier.
    #[must_use]
    pub fn is_empty(&self, now: SimTime) -> bool {
        let whole = self.length.as_nanos() / self.granularity.as_nanos();
        self.last.is_none_or(|last| self.index(now).saturating_sub(last) > whole)
    }

    /// The weight of the most recent bucket; `None` for a linear window.
    #[must_use]
    pub fn smoothing_coefficient(&self) -> Option<f64> {
        match self.weighting {
            Weighting::Linear => None,
            Weighting::Exponential { coefficient } => Some(coefficient),
        }
    }

    /// Changes the length at wall-clock time `now`, keeping the most recent buckets.
    pub fn resize(&mut self, now: SimTime, length: Span) {
        if length == self.length {
            return;
        }
        let mut buckets = vec![0.0; bucket_count(length, self.granularity)];
        let mut total = 0.0;
        let mut first = None;
        if let Some(last) = self.last.filter(|_| !self.is_empty(now)) {
            for back in 0..buckets.len().min(self.buckets.len()) as u64 {
                let index = last.saturating_sub(back);
                let value = self.buckets[ring(index, self.buckets.len())];
                let slot = ring(index, buckets.len());
                buckets[slot] = value;
                total += value;
            }
            // The original uses the earliest time at which the old ring could have been written, not the actual one.
            first = Some(last.saturating_sub(self.buckets.len() as u64 - 1));
        }
        if let Weighting::Exponential { .. } = self.weighting {
            self.weighting = Weighting::Exponential { coefficient: coefficient(buckets.len()) };
        }
        self.length = length;
        self.buckets = buckets;
        self.total = total;
        self.first = first;
    }

    /// Makes room for a bucket that is not the last one; returns false if it is too old to count.
    fn open(&mut self, bucket: u64) -> bool {
        let len = self.buckets.len();
        if self.last.is_some_and(|last| bucket + len as u64 <= last) {
            return false;
        }
        if self.first.is_none_or(|first| bucket < first) {
            self.first = Some(bucket);
        }
        match self.last {
            Some(last) if bucket < last => return true,
            Some(last) if bucket - last < len as u64 => {
                for slot in self.leaving(last, bucket) {
                    self.total -= self.buckets[slot];
                    self.buckets[slot] = 0.0;
                }
            }
            _ => {
                self.buckets.fill(0.0);
                self.total = 0.0;
                self.first = Some(bucket);
            }
        }
        self.last = Some(bucket);
        true
    }

    fn linear(&self, now: SimTime) -> f64 {
        let Some(last) = self.last else { return 0.0 };
        let now = self.index(now);
        let gap = now.saturating_sub(last);
        if gap >= self.buckets.len() as u64 {
            return 0.0;
        }
        // The sum runs over the buckets that have left the window since the last write, oldest first.
        let mut sum = self.total;
        for slot in self.leaving(last, now) {
            sum -= self.buckets[slot];
        }
        if sum == 0.0 {
            return 0.0;
        }
        let age = self.first.map_or(f64::INFINITY, |first| last.saturating_sub(first) as f64 + 1.0);
        let remaining = self.buckets.len() as f64 - gap as f64;
        round_to_six_decimals(sum / age.min(remaining))
    }

    /// The slots of the buckets that leave the window when it moves from the bucket `last` to `until`, oldest first; only
    /// those that may hold a value.
    fn leaving(&self, last: u64, until: u64) -> impl Iterator<Item = usize> + use<> {
        let len = self.buckets.len();
        slots(last, until.min(self.last_load.map_or(0, |load| load + len as u64)), len)
    }

    fn weighted(&self, now: SimTime, coefficient: f64) -> f64 {
        let Some(last) = self.last.filter(|_| !self.is_empty(now)) else { return 0.0 };
        let missing = self.index(now).saturating_sub(last);
        let mut multiplier = coefficient;
        if missing > 0 {
            multiplier *= (1.0 - coefficient).powf(missing as f64);
        }
        let newest = last + self.buckets.len() as u64;
        let mut sum = 0.0;
        for back in 0..(self.buckets.len() as u64).saturating_sub(missing) {
            sum += self.buckets[ring(newest - back, self.buckets.len())] * multiplier;
            multiplier *= 1.0 - coefficient;
        }
        sum
    }

    /// The index of the bucket of `at`, counted from the Unix epoch.
    fn index(&self, at: SimTime) -> u64 {
        at.as_nanos() / self.granularity.as_nanos()
    }
}

fn ring(index: u64, len: usize) -> usize {
    (index % len as u64) as usize
}

/// The slots of the buckets after the one with the number `last` up to `until`, which are fewer than there are slots.
fn slots(last: u64, until: u64, len: usize) -> impl Iterator<Item = usize> {
    let first = ring(last + 1, len);
    // A division for each would take longer than everything else.
    (0..until.saturating_sub(last) as usize).map(move |further| {
        let slot = first + further;
        if slot < len { slot } else { slot - len }
    })
}

fn times(span: Span, count: u64) -> Span {
    Span::from_nanos(span.as_nanos().saturating_mul(count))
}

fn bucket_count(length: Span, granularity: Span) -> usize {
    (length.as_nanos().div_ceil(granularity.as_nanos()) as usize).max(1)
}

/// The weight of the most recent of `buckets` buckets, such that all of them leave [`REMAINING_WEIGHT`].
fn coefficient(buckets: usize) -> f64 {
    (1.0 - REMAINING_WEIGHT.powf(1.0 / buckets as f64)).max(MIN_COEFFICIENT)
}

fn round_to_six_decimals(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(1_000_000 + secs)
    }

    fn window(aggregation: Aggregation, secs: u64) -> Window {
        Window::new(aggregation, Span::from_secs(secs), Span::from_secs(1))
    }

    #[test]
    fn a_young_window_divides_by_its_age() {
        let mut w = window(Aggregation::Linear, 60);
        assert_eq!(w.average(at(0)), 0.0);
        w.record(at(0), 10.0);
        assert_eq!(w.average(at(0)), 10.0);
        w.record(at(1), 20.0);
        w.record(at(1), 10.0);
        assert_eq!(w.average(at(1)), 20.0); // (10 + 30) / 2: the same second adds up
    }

    #[test]
    fn silence_is_not_zero_until_buckets_expire() {
        let mut w = window(Aggregation::Linear, 3);
        for (secs, value) in [(0, 3.0), (1, 6.0), (2, 9.0)] {
            w.record(at(secs), value);
        }
        assert_eq!(w.average(at(2)), 6.0);
        assert_eq!(w.average(at(3)), 7.5); // (6 + 9) / 2
        assert_eq!(w.average(at(4)), 9.0);
        assert_eq!(w.average(at(5)), 0.0);
        assert!(!w.is_empty(at(5)));
        assert!(w.is_empty(at(6)));
    }

    #[test]
    fn late_values_count_and_too_late_ones_do_not() {
        let mut w = window(Aggregation::Linear, 3);
        w.record(at(10), 4.0);
        w.record(at(8), 2.0);
        assert_eq!(w.average(at(10)), 2.0); // the first write is now at 8: (4 + 2) / 3
        w.record(at(7), 100.0);
        assert_eq!(w.average(at(10)), 2.0);
    }

    #[test]
    fn the_newest_bucket_weighs_most() {
        // Two buckets: 1 - 0.0001^(1/2) = 0.99.
        let mut w = window(Aggregation::WeightedExponential, 2);
        assert!((w.smoothing_coefficient().expect("weighted") - 0.99).abs() < 1e-12);
        w.record(at(0), 100.0);
        w.record(at(1), 200.0);
        assert!((w.average(at(1)) - (200.0 * 0.99 + 100.0 * 0.0099)).abs() < 1e-9);
        assert!((w.average(at(2)) - 200.0 * 0.0099).abs() < 1e-9);
        // From 42 buckets on, the minimum of 0.2 applies.
        assert_eq!(window(Aggregation::WeightedExponential, 60).smoothing_coefficient(), Some(0.2));
    }

    #[test]
    fn a_resize_keeps_the_newest_buckets() {
        let mut w = window(Aggregation::Linear, 4);
        for secs in 0..4 {
            w.record(at(secs), secs as f64);
        }
        w.resize(at(3), Span::from_secs(2));
        assert_eq!(w.average(at(3)), 2.5); // (2 + 3) / 2
        w.resize(at(100), Span::from_secs(3));
        assert_eq!(w.average(at(3)), 0.0); // it was empty at the resize: nothing is kept
    }

    #[test]
    fn many_zeros_are_one_after_the_other() {
        for length in [1, 2, 6, 60] {
            for silence in [1, 2, 5, 6, 7, 59, 60, 61, 500] {
                let (mut fast, mut slow) = (window(Aggregation::Linear, length), window(Aggregation::Linear, length));
                for w in [&mut fast, &mut slow] {
                    [(0, 0.1), (3, 0.7), (4, 1e-9), (5, 0.3)]
                        .iter()
                        .for_each(|(secs, value)| w.record(at(*secs), *value));
                }
                fast.record_zeros(at(6), at(5 + silence));
                (6..=5 + silence).for_each(|secs| slow.record(at(secs), 0.0));
                assert_eq!(format!("{fast:?}"), format!("{slow:?}"), "{length} s after {silence} s");
            }
        }
    }

    #[test]
    fn six_decimals_half_away_from_zero() {
        assert_eq!(round_to_six_decimals(1.0 / 3.0), 0.333_333);
        assert_eq!(round_to_six_decimals(-0.000_000_5), -0.000_001);
    }
}
