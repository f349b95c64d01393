//! Poisson.

use rand::Rng;

use super::{Arrival, Clock, fill};
use crate::rng::{Block, Stream, standard_exponential};
use crate::schema::declare::*;
use crate::schema::scalars::Rate;
use crate::time::{NANOS_PER_SECOND, SimTime};
use crate::workload::{ArrivalSpec, Process};

parameters! {
    /// Independent users: exponential interarrival times.
    pub struct PoissonRate {
        /// Requests per unit of time.
        required rate: Rate,
    }
}

impl Process for PoissonRate {
    fn arrivals(&self) -> Option<ArrivalSpec> {
        Some(ArrivalSpec::Poisson { rate: self.rate })
    }
}

/// Independent exponential gaps.
pub(super) struct Poisson {
    gaps: Gaps,
    stream: Stream,
}

struct Gaps {
    mean_ns: f64,
    clock: Clock,
}

impl Poisson {
    /// `rate` per second; above 0.
    pub(super) fn new(rate: f64, stream: Stream) -> Self {
        Self { gaps: Gaps { mean_ns: NANOS_PER_SECOND as f64 / rate, clock: Clock::default() }, stream }
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        self.gaps.next(&mut self.stream)
    }

    /// See [`super::Arrivals::draw`].
    pub(super) fn draw(&mut self, until: SimTime, places: &mut [Arrival]) -> usize {
        let gaps = &mut self.gaps;
        Block::<1>::lend(&mut self.stream, |stream| fill(until, places, || gaps.next(stream).map(Arrival::at)))
    }
}

impl Gaps {
    #[inline(always)]
    fn next(&mut self, stream: &mut impl Rng) -> Option<SimTime> {
        self.clock.advance(standard_exponential(stream) * self.mean_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::workload::ArrivalSpec;

    #[test]
    fn gaps_are_exponential_and_counts_poisson() {
        for (rate, seed) in [(1e-3, 1), (50.0, 2), (1e6, 3)] {
            let times = take(&ArrivalSpec::Poisson { rate }, seed, 100_000);
            assert_exponential(&scaled_gaps(&times, rate));
            let mut counts = counts(&times, 20.0 / rate);
            counts.pop(); // not whole
            // For Poisson counts, (m - 1) times the index of dispersion is chi-square with m - 1 degrees of freedom.
            assert_near(dispersion(&counts), 1.0, (2.0 / (counts.len() as f64 - 1.0)).sqrt());
        }
    }

    #[test]
    fn a_gap_of_a_nanosecond_is_not_biased() {
        // Gaps cut to whole nanoseconds would give 1.7 times the rate.
        let n = 1_000_000;
        let times = take(&ArrivalSpec::Poisson { rate: 1e9 }, 4, n);
        assert_near(times[n - 1] * 1e9, n as f64, (n as f64).sqrt());
    }
}
