//! Bursts at regular times over a Poisson background.

use super::moment;
use super::poisson::Poisson;
use super::scatter::Scatter;
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, PositiveDuration, RateOrZero};
use crate::time::{SimTime, Span};
use crate::workload::{ArrivalSpec, Process};

parameters! {
    /// Bursts at regular times over a Poisson background.
    pub struct BurstSpec {
        /// Requests per burst.
        required size: Count<1, MAX_BURST>,
        /// From the start of one burst to the start of the next.
        required every: PositiveDuration,
        /// When the first burst starts.
        default first: Duration = Span::ZERO,
        /// Length of a burst, within which its requests arrive at random times; 0s: all at once.
        default within: Duration = Span::ZERO,
        /// Rate of the Poisson background.
        default background: RateOrZero = 0.0,
    }
}

/// Requests of one burst.
const MAX_BURST: u32 = 10_000_000;

impl BurstSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if self.within > self.every {
            let what = format!("({}) is longer than `every` ({})", self.within, self.every);
            check.wrong_with("within", what, "a burst must end before the next one starts");
        }
    }
}

impl Process for BurstSpec {
    fn arrivals(&self) -> Option<ArrivalSpec> {
        let Self { size, every, first, within, background } = *self;
        Some(ArrivalSpec::Burst { size, every, first, within, background })
    }
}

/// Two processes, merged.
pub(super) struct Burst {
    size: u64,
    every: u64,
    within: u64,
    /// When the next burst starts.
    upcoming: u64,
    burst: Scatter,
    stream: Stream,
    next_of_burst: Option<SimTime>,
    background: Option<Poisson>,
    next_of_background: Option<SimTime>,
}

impl Burst {
    pub(super) fn new(size: u32, every: Span, first: Span, within: Span, background: f64, stream: Stream) -> Self {
        let mut other = stream.clone();
        other.jump(); // far behind the bursts' own numbers
        let mut all = Self {
            size: u64::from(size),
            every: every.as_nanos().max(1),
            within: within.min(every).as_nanos(),
            upcoming: first.as_nanos(),
            burst: Scatter::new(0, 0, 0),
            stream,
            next_of_burst: None,
            background: (background > 0.0).then(|| Poisson::new(background, other)),
            next_of_background: None,
        };
        all.draw_burst();
        all.draw_background();
        all
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        let (burst, background) = (self.next_of_burst, self.next_of_background);
        // A missing one never comes first.
        if burst.unwrap_or(SimTime::NEVER) <= background.unwrap_or(SimTime::NEVER) {
            self.draw_burst();
            burst
        } else {
            self.draw_background();
            background
        }
    }

    fn draw_burst(&mut self) {
        let mut at = self.burst.next(&mut self.stream);
        if at.is_none() && self.size > 0 {
            self.burst = Scatter::new(self.upcoming, self.within, self.size);
            self.upcoming = self.upcoming.saturating_add(self.every);
            at = self.burst.next(&mut self.stream);
        }
        self.next_of_burst = at.and_then(moment);
    }

    fn draw_background(&mut self) {
        self.next_of_background = self.background.as_mut().and_then(Poisson::next);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::workload::ArrivalSpec;

    fn spec(size: u32, first: u64, within: u64, background: f64) -> ArrivalSpec {
        let [every, first, within] = [100, first, within].map(Span::from_secs);
        ArrivalSpec::Burst { size, every, first, within, background }
    }

    #[test]
    fn bursts_come_whole_and_at_once() {
        let times = take(&spec(3, 50, 0, 0.0), 1, 7);
        assert_eq!(times, [50.0, 50.0, 50.0, 150.0, 150.0, 150.0, 250.0]);
    }

    #[test]
    fn bursts_are_uniform_within_and_keep_their_size() {
        let times = take(&spec(1_000, 0, 40, 0.0), 41, 50_000);
        assert!(counts(&times, 100.0).iter().all(|n| *n == 1_000.0));
        let mut shares: Vec<f64> = times.iter().map(|at| at % 100.0 / 40.0).collect();
        shares.sort_by(f64::total_cmp);
        assert_uniform(&shares);
    }

    #[test]
    fn the_background_is_poisson_between_bursts() {
        // Bursts fill the first half of every 100 s; what comes in the second half is background.
        let times = until(&spec(500, 0, 50, 20.0), 42, 100_000.0);
        let counts = counts(&times, 50.0);
        let quiet: Vec<f64> = counts.iter().skip(1).step_by(2).copied().collect();
        let n = quiet.len() as f64;
        assert_near(average(&quiet), 1_000.0, (1_000.0 / n).sqrt());
        assert_near(dispersion(&quiet), 1.0, (2.0 / (n - 1.0)).sqrt());
        // The bursts add exactly their size.
        let loud: Vec<f64> = counts.iter().step_by(2).map(|n| n - 500.0).collect();
        assert_near(average(&loud), 1_000.0, (1_000.0 / loud.len() as f64).sqrt());
    }
}
