//! Requests counted in intervals.

use std::sync::Arc;

use rand::RngExt as _;
use rand_distr::Exp1;

use super::moment;
use super::scatter::Scatter;
use crate::rng::Stream;
use crate::time::{NANOS_PER_SECOND, SimTime};
use crate::workload::{Counts, Spread};

/// As many as counted, at uniform moments or at equal distances.
pub(super) struct Counted {
    /// How far into its part of the interval a request at equal distances comes, as a part of the whole interval, ns.
    phase: u64,
    counts: Arc<Counts>,
    place: usize,
    /// Of the current run: the scaled count, and how many intervals are still to come.
    count: f64,
    intervals: u64,
    /// The next interval starts here, ns.
    upcoming: u64,
    batch: Batch,
    stream: Stream,
}

/// The requests of the current interval.
enum Batch {
    Uniform(Scatter),
    /// At equal distances: which is next, of how many, in an interval that starts there.
    Equal {
        next: u64,
        of: u64,
        start: u64,
    },
}

impl Counted {
    pub(super) fn new(counts: &Arc<Counts>, mut stream: Stream) -> Self {
        let (upcoming, width) = (counts.start.as_nanos(), counts.interval.as_nanos());
        let batch = Batch::Uniform(Scatter::new(0, 0, 0));
        let phase = match counts.spread {
            Spread::Timer | Spread::Auto => stream.random_range(0..width.max(1)),
            _ => width / 2,
        };
        Self { phase, counts: Arc::clone(counts), place: 0, count: 0.0, intervals: 0, upcoming, batch, stream }
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        loop {
            if let Some(at) = self.next_of_batch() {
                return moment(at);
            }
            self.next_batch()?;
        }
    }

    fn next_of_batch(&mut self) -> Option<u64> {
        match &mut self.batch {
            Batch::Uniform(scatter) => scatter.next(&mut self.stream),
            Batch::Equal { next, of, .. } if next == of => None,
            Batch::Equal { next, of, start } => {
                let width = u128::from(self.counts.interval.as_nanos());
                let offset = (u128::from(*next) * width + u128::from(self.phase)) / u128::from(*of); // below the width
                *next += 1;
                Some(start.saturating_add(offset as u64))
            }
        }
    }

    /// Moves to the next interval with requests; none after the last.
    fn next_batch(&mut self) -> Option<()> {
        let width = self.counts.interval.as_nanos();
        while self.intervals == 0 {
            let run = self.counts.run(&mut self.place)?;
            self.count = run.count * self.counts.scale;
            if self.count > 0.0 {
                self.intervals = run.intervals;
            } else {
                self.upcoming = self.upcoming.saturating_add(width.saturating_mul(run.intervals));
            }
        }
        let below = self.count.floor();
        let above = self.count > below && self.stream.random::<f64>() < self.count - below;
        let of = (below as u64).saturating_add(u64::from(above));
        let is_equal = match self.counts.spread {
            Spread::Equidistant | Spread::Timer => true,
            Spread::Auto => of <= width / NANOS_PER_SECOND,
            Spread::Uniform | Spread::Poisson => false,
        };
        self.batch = if is_equal {
            Batch::Equal { next: 0, of, start: self.upcoming }
        } else {
            Batch::Uniform(Scatter::new(self.upcoming, width, of))
        };
        self.intervals -= 1;
        self.upcoming = self.upcoming.saturating_add(width);
        Some(())
    }
}

/// A Poisson process whose mean in each interval is the count; the intervals of a run are one stretch of equal rate.
pub(super) struct CountedPoisson {
    counts: Arc<Counts>,
    place: usize,
    /// The current run, ns, and the requests expected in it.
    start: u64,
    length: u64,
    mean: f64,
    /// The mean from the start of the run to the last request.
    done: f64,
    stream: Stream,
}

impl CountedPoisson {
    pub(super) fn new(counts: &Arc<Counts>, stream: Stream) -> Self {
        let start = counts.start.as_nanos();
        Self { counts: Arc::clone(counts), place: 0, start, length: 0, mean: 0.0, done: 0.0, stream }
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        self.done += self.stream.sample::<f64, _>(Exp1);
        while self.done >= self.mean {
            let Some(run) = self.counts.run(&mut self.place) else {
                (self.mean, self.done) = (0.0, 0.0); // the end
                return None;
            };
            self.done -= self.mean;
            self.start = self.start.saturating_add(self.length);
            self.length = self.counts.interval.as_nanos().saturating_mul(run.intervals);
            self.mean = run.count * self.counts.scale * run.intervals as f64;
        }
        let offset = (self.done / self.mean * self.length as f64) as u64;
        moment(self.start.saturating_add(offset.min(self.length.saturating_sub(1))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::time::Span;
    use crate::workload::ArrivalSpec;

    fn spec(spread: Spread, scale: f64, counts: &[f64]) -> ArrivalSpec {
        let start = SimTime::from(Span::from_secs(120));
        ArrivalSpec::Counts(Arc::new(Counts::new(Span::from_secs(60), start, spread, scale, counts.iter().copied())))
    }

    #[test]
    fn uniform_and_equidistant_give_what_was_counted() {
        let counted = [3.0, 0.0, 0.0, 1.0, 1.0, 250_000.0, 0.0];
        for spread in [Spread::Uniform, Spread::Equidistant] {
            let mut found = counts(&take(&spec(spread, 1.0, &counted), 61, usize::MAX), 60.0);
            found.resize(9, 0.0);
            assert_eq!(found[..2], [0.0, 0.0]);
            assert_eq!(found[2..], counted);
        }
    }

    #[test]
    fn equidistant_is_in_the_middle_of_equal_parts() {
        assert_eq!(take(&spec(Spread::Equidistant, 1.0, &[3.0, 0.0, 1.0]), 1, 9), [130.0, 150.0, 170.0, 270.0]);
    }

    #[test]
    fn a_timer_keeps_its_distance_from_minute_to_minute() {
        let every_tenth: Vec<f64> = (0..60).map(|minute| if minute % 10 == 3 { 1.0 } else { 0.0 }).collect();
        let mut offsets = Vec::new();
        for seed in 1..200 {
            let times = take(&spec(Spread::Timer, 1.0, &every_tenth), seed, usize::MAX);
            assert_eq!(times.len(), 6);
            assert!(times.windows(2).all(|pair| (pair[1] - pair[0] - 600.0).abs() < 1e-6), "{times:?}");
            offsets.push((times[0] - 120.0 - 180.0) / 60.0);
        }
        offsets.sort_by(f64::total_cmp);
        assert_uniform(&offsets);
        let twenty_seconds = take(&spec(Spread::Timer, 1.0, &[3.0; 4]), 7, usize::MAX);
        assert!(twenty_seconds.windows(2).all(|pair| (pair[1] - pair[0] - 20.0).abs() < 1e-6), "{twenty_seconds:?}");
    }

    #[test]
    fn busy_intervals_are_spread_and_quiet_ones_spaced() {
        let gaps = |count: f64| {
            let times = take(&spec(Spread::Auto, 1.0, &[count]), 8, usize::MAX);
            assert_eq!(times.len() as f64, count);
            times.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>()
        };
        assert!(gaps(60.0).iter().all(|gap| (gap - 1.0).abs() < 1e-6));
        assert!(gaps(61.0).iter().any(|gap| (gap - 60.0 / 61.0).abs() > 0.1));
    }

    #[test]
    fn uniform_is_uniform() {
        let times = take(&spec(Spread::Uniform, 1.0, &[100_000.0]), 62, usize::MAX);
        assert_uniform(&times.iter().map(|at| (at - 120.0) / 60.0).collect::<Vec<_>>());
    }

    #[test]
    fn poisson_rescales_to_exponential_gaps() {
        let counted = [500.0, 500.0, 0.0, 0.5, 20_000.0, 7.0, 30_000.0];
        let times = take(&spec(Spread::Poisson, 2.0, &counted), 63, usize::MAX);
        let integral = |t: f64| {
            let minutes = (t - 120.0) / 60.0;
            let rate = |(k, n): (usize, &f64)| 2.0 * n * (minutes - k as f64).clamp(0.0, 1.0);
            counted.iter().enumerate().map(rate).sum::<f64>()
        };
        assert_exponential(&scaled_gaps(&times.iter().map(|at| integral(*at)).collect::<Vec<_>>(), 1.0));
        let expected: f64 = counted.iter().sum::<f64>() * 2.0;
        assert_near(times.len() as f64, expected, expected.sqrt());
    }

    #[test]
    fn scaled_counts_have_the_right_mean_and_only_a_coin_of_variance() {
        let intervals = 40_000;
        for spread in [Spread::Uniform, Spread::Equidistant] {
            let times = take(&spec(spread, 0.3, &vec![1.0; intervals]), 64, usize::MAX);
            let n = intervals as f64;
            assert_near(times.len() as f64, 0.3 * n, (0.3 * 0.7 * n).sqrt());
            let times = take(&spec(spread, 0.3, &vec![11.0; intervals]), 65, usize::MAX);
            let found = counts(&times, 60.0).split_off(2);
            assert!(found.iter().all(|n| *n == 3.0 || *n == 4.0));
            assert_near(times.len() as f64, 3.3 * n, (0.3 * 0.7 * n).sqrt());
        }
    }
}
