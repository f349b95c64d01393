//! Independent gaps, and users who think.

use super::moment;
use crate::dist::{Dist, DistError, DistSpec};
use crate::rng::{Purpose, Stream, Streams};
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Positive, Rate};
use crate::time::{SimTime, Span};
use crate::workload::{ArrivalSpec, Process};

parameters! {
    /// Independent gamma interarrival times: `rate` with `shape` or `cv`.
    pub struct GammaGaps {
        /// Mean rate.
        required rate: Rate,
        /// Shape: 1 is Poisson, smaller is burstier.
        optional shape: Positive,
        /// Coefficient of variation of interarrival times, instead of `shape`: 1 is Poisson, larger is burstier.
        optional cv: Positive,
    }
}

impl GammaGaps {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if check.either(&[&[("shape", self.shape.is_some())], &[("cv", self.cv.is_some())]]).is_some() {
            let spread = if self.cv.is_some() { "cv" } else { "shape" };
            report_gap(check, self.gap(), spread);
        }
    }

    fn gap(&self) -> Result<Dist, DistError> {
        Dist::gamma(mean_gap(self.rate)?, self.shape.or(self.cv.map(|cv| cv.powi(-2))).unwrap_or(1.0))
    }
}

impl Process for GammaGaps {
    fn arrivals(&self) -> Option<ArrivalSpec> {
        Some(ArrivalSpec::Renewal { gap: self.gap().ok()? })
    }
}

parameters! {
    /// Independent Weibull interarrival times.
    pub struct WeibullGaps {
        /// Mean rate.
        required rate: Rate,
        /// Shape: 1 is Poisson, smaller is burstier.
        required shape: Positive,
    }
}

impl WeibullGaps {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        report_gap(check, self.gap(), "shape");
    }

    fn gap(&self) -> Result<Dist, DistError> {
        Dist::weibull_mean(mean_gap(self.rate)?, self.shape)
    }
}

impl Process for WeibullGaps {
    fn arrivals(&self) -> Option<ArrivalSpec> {
        Some(ArrivalSpec::Renewal { gap: self.gap().ok()? })
    }
}

/// The mean gap at a rate per second.
fn mean_gap(rate: f64) -> Result<Span, DistError> {
    Span::from_secs_f64(1.0 / rate).map_err(|_| DistError::TooLong("mean"))
}

/// Reports what makes no gap; `spread` is the key that stands for its shape.
fn report_gap(check: &mut Check<'_, '_, '_>, gap: Result<Dist, DistError>, spread: &str) {
    if let Err(error) = gap {
        let key = match error.parameter() {
            "mean" => "rate",
            "shape" => spread,
            other => other,
        };
        check.fault(key, error);
    }
}

/// Whether a distribution that is made of its parameters alone is always zero.
fn is_zero(dist: &DistSpec) -> bool {
    dist.file().is_none() && dist.dist().is_ok_and(|dist| dist.mean_s() <= 0.0)
}

parameters! {
    /// Independent interarrival times of any distribution.
    pub struct RenewalSpec {
        /// Interarrival time.
        required gap: DistSpec,
    }
}

impl RenewalSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if is_zero(&self.gap) {
            check.wrong("gap", "is always zero: infinitely many requests would arrive at once");
        }
    }
}

impl Process for RenewalSpec {
    fn arrivals(&self) -> Option<ArrivalSpec> {
        let gap = self.gap.dist().ok().filter(|gap| gap.mean_s() > 0.0)?;
        Some(ArrivalSpec::Renewal { gap })
    }

    fn distribution(&mut self) -> Option<&mut DistSpec> {
        Some(&mut self.gap)
    }
}

parameters! {
    /// Closed loop: users who wait for a response, think, and send the next request.
    pub struct ClosedSpec {
        /// Number of users.
        required users: Count<1, MAX_USERS>,
        /// Time from a response to the next request of the same user.
        required think_time: DistSpec,
    }
}

/// Users of a closed loop.
const MAX_USERS: u32 = 1_000_000;

impl ClosedSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if is_zero(&self.think_time) {
            check.wrong_with(
                "think-time",
                "is always zero: a rejected user would retry at once, forever",
                "allow some time, for example constant.value = \"100ms\"",
            );
        }
    }
}

impl Process for ClosedSpec {
    fn arrivals(&self) -> Option<ArrivalSpec> {
        let think = self.think_time.dist().ok().filter(|think| think.mean_s() > 0.0)?;
        Some(ArrivalSpec::Closed { users: self.users, think })
    }

    fn distribution(&mut self) -> Option<&mut DistSpec> {
        Some(&mut self.think_time)
    }
}

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

/// Closed loop: users who wait for a response, think, and send the next request.
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
