//! Counters of components.

use super::{Histogram, Moments};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// Histograms of components have 2^8 bins for each power of two: quantiles are exact to 0.4 %.
const BITS: u32 = 8;

/// The figures of a component at the end of a run, by dotted keys such as `messages.sent`; NaN if there was nothing to
/// measure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Books(pub Vec<(String, f64)>);

impl Books {
    /// A count.
    pub fn count(&mut self, key: &str, count: u64) {
        self.figure(key, count as f64);
    }

    /// Any figure.
    pub fn figure(&mut self, key: &str, value: f64) {
        self.0.push((key.to_owned(), value));
    }

    /// The statistics of times, s: `key.mean`, `key.p50` ...
    pub fn times(&mut self, key: &str, times: &Times) {
        let Times { histogram, moments } = times;
        let quantiles = histogram.quantiles([0.5, 0.9, 0.95, 0.99, 0.999, 1.0]).unwrap_or([f64::NAN; 6]);
        self.figure(&format!("{key}.mean"), moments.mean_s().unwrap_or(f64::NAN));
        self.figure(&format!("{key}.sd"), moments.sd_s().unwrap_or(f64::NAN));
        for (name, ns) in ["p50", "p90", "p95", "p99", "p999", "max"].into_iter().zip(quantiles) {
            self.figure(&format!("{key}.{name}"), ns / NANOS_PER_SECOND as f64);
        }
    }

    /// The mean and peak of a level over the measured period: `key.mean`, `key.peak`.
    pub fn level(&mut self, key: &str, level: &Level, end: SimTime) {
        self.figure(&format!("{key}.mean"), level.mean(end));
        self.figure(&format!("{key}.peak"), level.peak_until(end) as f64);
    }

    /// The figure with a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<f64> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| *value)
    }
}

/// Times of one kind.
#[derive(Clone, Debug)]
pub struct Times {
    histogram: Histogram,
    moments: Moments,
}

impl Default for Times {
    fn default() -> Self {
        Self { histogram: Histogram::new(BITS), moments: Moments::default() }
    }
}

impl Times {
    /// One more.
    pub fn record(&mut self, time: Span) {
        self.histogram.record(time.as_nanos());
        self.moments.record(time.as_nanos());
    }
}

/// The measured part of a run: from the end of the warm-up to the horizon. Requests are followed to their end beyond it, but no
/// level holds, and nothing is paid by the hour, in the time that this takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Its start.
    pub from: SimTime,
    /// Its end.
    pub until: SimTime,
}

impl Default for Measured {
    /// All the time.
    fn default() -> Self {
        Self { from: SimTime::ZERO, until: SimTime::NEVER }
    }
}

impl Measured {
    /// The moment that is nearest to this one in it.
    #[must_use]
    pub fn nearest(&self, moment: SimTime) -> SimTime {
        moment.min(self.until).max(self.from)
    }

    /// Whether a moment belongs to it.
    #[must_use]
    pub fn has(&self, moment: SimTime) -> bool {
        moment >= self.from && moment < self.until
    }

    /// How much of the time between two moments belongs to it, ns.
    #[must_use]
    pub fn between(&self, since: SimTime, now: SimTime) -> u128 {
        u128::from(self.nearest(now).since(self.nearest(since)).as_nanos())
    }
}

/// A level: its mean and peak over the measured period.
#[derive(Clone, Debug, Default)]
pub struct Level {
    now: u64,
    peak: u64,
    integral: u128,
    last: SimTime,
    measured: Measured,
}

impl Level {
    /// Sets what is measured.
    pub fn measured(&mut self, measured: Measured) {
        self.measured = measured;
    }

    /// Records a change.
    pub fn set(&mut self, level: u64, now: SimTime) {
        self.integral += self.held(now);
        self.peak = self.peak_until(now);
        if self.measured.has(now) {
            self.peak = self.peak.max(level);
        }
        (self.now, self.last) = (level, now);
    }

    /// What it is.
    #[must_use]
    pub const fn get(&self) -> u64 {
        self.now
    }

    /// Level times nanoseconds since the last change.
    fn held(&self, now: SimTime) -> u128 {
        u128::from(self.now) * self.measured.between(self.last, now)
    }

    fn peak_until(&self, now: SimTime) -> u64 {
        let is_held = self.measured.between(self.last, now) > 0;
        if is_held { self.peak.max(self.now) } else { self.peak }
    }

    fn mean(&self, end: SimTime) -> f64 {
        let measured = self.measured.between(SimTime::ZERO, end);
        if measured == 0 { self.now as f64 } else { (self.integral + self.held(end)) as f64 / measured as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> SimTime {
        SimTime::from(Span::from_secs(secs))
    }

    const MEASURED: Measured =
        Measured { from: SimTime::from_nanos(10_000_000_000), until: SimTime::from_nanos(40_000_000_000) };

    #[test]
    fn what_a_level_is_at_the_beginning_of_the_measured_part_counts_from_there() {
        let mut level = Level::default();
        level.measured(MEASURED);
        level.set(6, at(0));
        level.set(0, at(30));
        let mut books = Books::default();
        // 6 for 20 of 30 s, whenever it changed before.
        books.level("depth", &level, at(40));
        assert_eq!(books.0, [("depth.mean".to_owned(), 4.0), ("depth.peak".to_owned(), 6.0)]);
        for (unchanged, mean) in [(0, 0.0), (3, 3.0)] {
            let mut level = Level::default();
            level.measured(MEASURED);
            level.set(unchanged, at(0));
            let mut books = Books::default();
            books.level("depth", &level, at(40));
            assert_eq!(books.0, [("depth.mean".to_owned(), mean), ("depth.peak".to_owned(), mean)]);
        }
    }

    #[test]
    fn nothing_holds_beyond_the_horizon() {
        let mut level = Level::default();
        level.measured(MEASURED);
        level.set(2, at(25));
        level.set(9, at(50));
        level.set(0, at(90));
        let mut books = Books::default();
        // 2 for 15 of 30 s, however long the run is followed.
        books.level("depth", &level, at(100));
        assert_eq!(books.0, [("depth.mean".to_owned(), 1.0), ("depth.peak".to_owned(), 2.0)]);
    }

    #[test]
    fn statistics_of_times_have_their_keys() {
        let mut times = Times::default();
        // By hand: 2, 4, 4, 4, 5, 5, 7, 9 has mean 5 and sum of squares 32 about it; the median lies between 4 and 5.
        [2, 4, 4, 4, 5, 5, 7, 9].into_iter().for_each(|secs| times.record(Span::from_secs(secs)));
        let mut books = Books::default();
        books.times("wait_s", &times);
        let keys: Vec<&str> = books.0.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["mean", "sd", "p50", "p90", "p95", "p99", "p999", "max"].map(|key| format!("wait_s.{key}")));
        let figure = |key: &str| books.get(&format!("wait_s.{key}")).expect("it is there");
        assert_eq!((figure("mean"), figure("max")), (5.0, 9.0));
        assert!((figure("sd") - (32.0_f64 / 7.0).sqrt()).abs() < 1e-12);
        // Ranks 0.5 * 7 and 0.9 * 7, to the width of a bin.
        assert!((figure("p50") - 4.5).abs() < 0.02 && (figure("p90") - 7.6).abs() < 0.04, "{:?}", books.0);
        let mut nothing = Books::default();
        nothing.times("wait_s", &Times::default());
        assert!(nothing.0.len() == 8 && nothing.0.iter().all(|(_, value)| value.is_nan()));
    }

    #[test]
    fn a_level_is_weighted_by_time_from_the_measured_part_on() {
        let mut level = Level::default();
        level.measured(MEASURED);
        level.set(7, at(0));
        level.set(2, at(10));
        level.set(4, at(20));
        let mut books = Books::default();
        // 2 for 10 s, 4 for 20 s.
        books.level("depth", &level, at(40));
        assert_eq!(books.0, [("depth.mean".to_owned(), 100.0 / 30.0), ("depth.peak".to_owned(), 4.0)]);
    }
}
