//! Independent gaps, and users who think.

use super::moment;
use crate::dist::Dist;
use crate::rng::{Purpose, Stream, Streams};
use crate::time::SimTime;

/// Gaps of one distribution, in whole nanoseconds as it draws them.
pub(super) struct Renewal {
    gap: Dist,
    now: SimTime,
    stream: Stream,
}

impl Renewal {
    pub(super) fn new(gap: Dist, stream: Stream) -> Self {
        Self { gap, now: SimTime::ZERO, stream }
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        self.now = self.now + self.gap.sample(&mut self.stream);
        moment(self.now.as_nanos())
    }
}

/// Users who wait for their answer, think, and ask again.
pub struct ClosedUsers {
    think: Dist,
    stream: Stream,
}

impl ClosedUsers {
    /// Users who think for `think`, drawing from the stream of `owner`, the source's name.
    #[must_use]
    pub fn new(think: Dist, streams: &Streams, owner: &str) -> Self {
        Self { think, stream: streams.stream(owner, Purpose::Arrivals) }
    }

    /// When a user asks again who got an answer `now`.
    pub fn next(&mut self, now: SimTime) -> SimTime {
        now + self.think.sample(&mut self.stream)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::time::Span;
    use crate::workload::ArrivalSpec;

    #[test]
    fn gaps_have_the_mean_and_the_cv_of_their_distribution() {
        let mean = Span::from_millis(200);
        let gaps = [
            Dist::gamma(mean, 0.25).unwrap(),
            Dist::gamma(mean, 4.0).unwrap(),
            Dist::weibull_mean(mean, 0.7).unwrap(),
            Dist::uniform(Span::ZERO, mean).unwrap(),
        ];
        for (gap, seed) in gaps.into_iter().zip(50..) {
            let (mean, sd) = (gap.mean_s(), gap.variance_s2().sqrt());
            let n = 100_000;
            let times = take(&ArrivalSpec::Renewal { gap }, seed, n);
            let drawn = scaled_gaps(&times, 1.0);
            assert_near(average(&drawn), mean, sd / (n as f64).sqrt());
            let squares: Vec<f64> = drawn.iter().map(|gap| ((gap - mean) / sd).powi(2)).collect();
            assert_mean(&squares, 1.0);
            // The index of dispersion of a renewal process tends to cv^2; here against exponential only: by its gaps.
        }
    }

    #[test]
    fn exponential_gaps_are_poisson_and_equal_gaps_constant() {
        let gap = Dist::exponential(Span::from_millis(10)).unwrap();
        assert_exponential(&scaled_gaps(&take(&ArrivalSpec::Renewal { gap }, 55, 100_000), 100.0));
        let gap = Dist::Constant(Span::from_secs(2));
        assert_eq!(take(&ArrivalSpec::Renewal { gap }, 55, 3), [2.0, 4.0, 6.0]);
        let gap = Dist::Constant(Span::FOREVER);
        assert!(take(&ArrivalSpec::Renewal { gap }, 55, 3).is_empty());
    }

    #[test]
    fn users_think_before_they_ask() {
        let mut users = ClosedUsers::new(Dist::Constant(Span::from_secs(3)), &Streams::new(1, 0), "s");
        assert_eq!(users.next(SimTime::from_nanos(5)), SimTime::from_nanos(3_000_000_005));
        assert_eq!(users.next(SimTime::NEVER), SimTime::NEVER);
    }
}
