//! Moments without chance: equal gaps, written times.

use std::sync::Arc;

use super::moment;
use crate::schema::declare::*;
use crate::schema::limits::MAX_LISTED;
use crate::schema::scalars::{Duration, Rate};
use crate::time::{NANOS_PER_SECOND, SimTime};
use crate::workload::{ArrivalSpec, Process};

parameters! {
    /// One request every 1/rate.
    pub struct ConstantRate {
        /// Requests per unit of time.
        required rate: Rate,
    }
}

impl Process for ConstantRate {
    fn arrivals(&self) -> Option<ArrivalSpec> {
        Some(ArrivalSpec::Constant { rate: self.rate })
    }
}

parameters! {
    /// At given times.
    pub struct TimesSpec {
        /// Arrival times, in increasing order.
        required at: List<Duration, 1, MAX_LISTED>,
    }
}

impl TimesSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if let Some(place) = self.at.windows(2).position(|pair| pair[0] > pair[1]) {
            let (before, moment) = (SimTime::from(self.at[place]), SimTime::from(self.at[place + 1]));
            let place = check.span(&format!("at.{}", place + 2));
            let what = format!("{moment} comes after {before}");
            check.fault_in(place, "at", what, Some("write the moments in increasing order"));
        }
    }
}

impl Process for TimesSpec {
    fn arrivals(&self) -> Option<ArrivalSpec> {
        Some(ArrivalSpec::Times { at: self.at.iter().map(|at| SimTime::from(*at)).collect() })
    }
}

/// A thousand days, in nanoseconds: rates written per s, min, h or day, with up to three decimals, are whole in it.
const THOUSAND_DAYS_NS: u64 = 86_400_000 * NANOS_PER_SECOND;

/// Requests at k / rate for k = 1, 2, ..., each rounded down to the nanosecond, without drift: the gap is a fraction,
/// and what rounding cuts off is counted in its denominator.
pub(super) struct Constant {
    whole: u64,
    rest: u64,
    denominator: u64,
    nanos: u64,
    /// In denominators; below 1.
    part: u64,
}

impl Constant {
    /// `rate` per second; above 0.
    pub(super) fn new(rate: f64) -> Self {
        let (numerator, denominator) = gap_ns(rate);
        Self { whole: numerator / denominator, rest: numerator % denominator, denominator, nanos: 0, part: 0 }
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        self.part += self.rest; // both below the denominator, which is at most 2^63
        let carry = u64::from(self.part >= self.denominator);
        self.part -= carry * self.denominator;
        self.nanos = self.nanos.saturating_add(self.whole).saturating_add(carry);
        moment(self.nanos)
    }
}

/// The gap as a fraction. A rate such as 1/60 is not a binary number: the fraction that was meant is taken, if it is
/// within the rounding of the rate.
fn gap_ns(rate: f64) -> (u64, u64) {
    let mut gap = NANOS_PER_SECOND as f64 / rate;
    let per_thousand_days = rate * (THOUSAND_DAYS_NS / NANOS_PER_SECOND) as f64;
    if gap >= 1.0 && nearly_whole(gap) {
        return (gap.round() as u64, 1);
    }
    if per_thousand_days >= 1.0 && nearly_whole(per_thousand_days) && per_thousand_days < (1u64 << 63) as f64 {
        return (THOUSAND_DAYS_NS, per_thousand_days.round() as u64);
    }
    // The binary number itself: doubled until it is whole.
    let mut denominator = 1;
    while gap.fract() != 0.0 && gap < (1u64 << 62) as f64 && denominator < 1 << 62 {
        gap *= 2.0;
        denominator *= 2;
    }
    (gap as u64, denominator)
}

/// Whether a number is whole but for two roundings.
fn nearly_whole(x: f64) -> bool {
    (x - x.round()).abs() <= 2.0 * f64::EPSILON * x
}

/// Written moments.
pub(super) struct Times {
    at: Arc<[SimTime]>,
    next: usize,
}

impl Times {
    pub(super) fn new(at: &Arc<[SimTime]>) -> Self {
        Self { at: Arc::clone(at), next: 0 }
    }

    pub(super) fn next(&mut self) -> Option<SimTime> {
        let at = self.at.get(self.next)?;
        self.next += 1;
        moment(at.as_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::workload::ArrivalSpec;

    fn nth(rate: f64, n: usize) -> u64 {
        let mut constant = Constant::new(rate);
        (0..n).map(|_| constant.next().expect("within the clock")).last().expect("n > 0").as_nanos()
    }

    #[test]
    fn whole_gaps_are_whole() {
        for (rate, gap) in [(1.0, 1_000_000_000), (8.0, 125_000_000), (0.1, 10_000_000_000), (1e9, 1)] {
            assert_eq!(nth(rate, 1), gap);
            assert_eq!(nth(rate, 100_000), 100_000 * gap);
        }
        for seconds in 1..2000u32 {
            assert_eq!(nth(1.0 / f64::from(seconds), 7), 7 * u64::from(seconds) * NANOS_PER_SECOND);
        }
    }

    #[test]
    fn other_gaps_are_fractions_that_do_not_drift() {
        // 3 per second: k / 3 s, rounded down.
        let mut constant = Constant::new(3.0);
        for k in 1..=3_000_000_u64 {
            assert_eq!(constant.next().map(SimTime::as_nanos), Some(k * NANOS_PER_SECOND / 3));
        }
        // As people write rates: 7 per minute, 1000 per day, 29.97 per second.
        assert_eq!(nth(7.0 / 60.0, 7 * 60 * 24), 86_400 * NANOS_PER_SECOND);
        assert_eq!(nth(1000.0 / 86_400.0, 1000), 86_400 * NANOS_PER_SECOND);
        assert_eq!(nth(29.97, 2997), 100 * NANOS_PER_SECOND);
        // Nothing that anybody writes: the binary number is taken, k / rate to its precision.
        let rate = 0.123_456_789_123_f64;
        let expected = 1000.0 * 1e9 / rate;
        assert!((nth(rate, 1000) as f64 - expected).abs() <= 1.0 + expected * f64::EPSILON);
    }

    #[test]
    fn counts_do_not_vary_and_the_clock_ends() {
        let times = take(&ArrivalSpec::Constant { rate: 40.0 }, 1, 100_000);
        // Without the first, which lacks the request at 0, and the last, which is not whole.
        let counts = counts(&times, 0.5);
        assert_eq!(dispersion(&counts[1..counts.len() - 1]), 0.0);
        let mut rare = Constant::new(1e-10); // every 317 years
        assert_eq!(rare.next(), Some(SimTime::from_nanos(10_000_000_000_000_000_000)));
        assert_eq!((rare.next(), rare.next()), (None, None));
        assert_eq!(Constant::new(1e-300).next(), None);
    }

    #[test]
    fn written_times_come_as_written() {
        let at = [5, 5, 9].map(SimTime::from_nanos);
        let times = take(&ArrivalSpec::Times { at: at.into() }, 1, 10);
        assert_eq!(times, [5e-9, 5e-9, 9e-9]);
    }
}
