//! How much arrives until when, on average.

use std::f64::consts::TAU;

use super::ArrivalSpec;
use crate::time::{SimTime, Span};

impl ArrivalSpec {
    /// Requests that are expected in each of the first `intervals` intervals; none where only the trace knows.
    #[must_use]
    pub fn expected_by_interval(&self, interval: Span, intervals: u64, service: f64) -> Option<Vec<f64>> {
        let mut ends = (0..=intervals).map(|number| SimTime::from_nanos(interval.as_nanos().saturating_mul(number)));
        let totals: Vec<f64> = match self {
            ArrivalSpec::Counts(counts) => counts.expected_before_each(ends),
            ArrivalSpec::Schedule(schedule) => schedule.expected_before_each(ends),
            _ => ends.try_fold(Vec::new(), |mut totals, end| {
                totals.push(self.expected_before(end, service)?);
                Some(totals)
            })?,
        };
        Some(totals.windows(2).map(|pair| (pair[1] - pair[0]).max(0.0)).collect())
    }

    /// Requests that are expected before `until`, where a request takes `service` seconds; none where only the trace knows.
    /// Of processes that remember (renewal, modulated, users) it is the average over all times.
    #[must_use]
    pub fn expected_before(&self, until: SimTime, service: f64) -> Option<f64> {
        let seconds = until.since(SimTime::ZERO).as_secs_f64();
        Some(match self {
            ArrivalSpec::Constant { .. }
            | ArrivalSpec::Poisson { .. }
            | ArrivalSpec::Mmpp { .. }
            | ArrivalSpec::Renewal { .. }
            | ArrivalSpec::Closed { .. } => self.mean_rate(service, seconds) * seconds,
            ArrivalSpec::Piecewise { points, period } => match period.map(Span::as_secs_f64) {
                Some(period) if period > 0.0 => {
                    let periods = (seconds / period).floor();
                    periods * area(points, period) + area(points, seconds - periods * period)
                }
                _ => area(points, seconds),
            },
            ArrivalSpec::Diurnal { rate, amplitude, period, peak_at } => {
                let (turn, peak) = (TAU / period.as_secs_f64(), peak_at.as_secs_f64());
                let wave = ((seconds - peak) * turn).sin() + (peak * turn).sin();
                rate * (seconds + amplitude / turn * wave)
            }
            ArrivalSpec::Burst { size, every, first, within, background } => {
                background * seconds + f64::from(*size) * bursts(until, *every, *first, *within)
            }
            ArrivalSpec::Times { at } => at.partition_point(|at| *at < until) as f64,
            ArrivalSpec::Schedule(schedule) => *schedule.expected_before_each([until].into_iter()).first()?,
            ArrivalSpec::Fleet(fleet) => fleet.expected_before(until),
            ArrivalSpec::Counts(counts) => counts.expected_before(until),
            ArrivalSpec::Rows(_) => return None,
            ArrivalSpec::Recorded { of, function } => {
                of.kept(*function).partition_point(|request| request.at() < until) as f64
            }
            ArrivalSpec::Repeated { of, factor } => factor * of.expected_before(until, service)?,
        })
    }
}

/// The area below lines through these points up to `until` (s); before the first and after the last it is level.
fn area(points: &[(SimTime, f64)], until: f64) -> f64 {
    let (Some(&(_, first)), Some(&(_, last))) = (points.first(), points.last()) else { return 0.0 };
    let inner = points.iter().map(|(at, rate)| (at.since(SimTime::ZERO).as_secs_f64(), *rate));
    let mut corners: Vec<(f64, f64)> = std::iter::once((0.0, first)).chain(inner).collect();
    corners.push((until.max(corners[corners.len() - 1].0), last));
    let part = |pair: &[(f64, f64)]| {
        let ((from, low), (to, high)) = (pair[0], pair[1]);
        let end = to.min(until);
        if end <= from {
            return 0.0;
        }
        let reached = low + (high - low) * (end - from) / (to - from);
        (end - from) * (low + reached) / 2.0
    };
    corners.windows(2).map(part).sum()
}

/// Bursts before `until`, the last one perhaps in part.
fn bursts(until: SimTime, every: Span, first: Span, within: Span) -> f64 {
    let since_first = until.since(SimTime::ZERO).as_nanos().saturating_sub(first.as_nanos());
    if since_first == 0 {
        return 0.0;
    }
    // At the very moment of a burst it is not yet there.
    let (every, within) = (every.as_nanos().max(1), within.as_nanos());
    let whole = (since_first - 1) / every;
    let into_last = since_first - whole * every;
    let part = if within == 0 { 1.0 } else { (into_last as f64 / within as f64).min(1.0) };
    whole as f64 + part
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::workload::{Counts, Spread};

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(secs)
    }

    fn expected(spec: &ArrivalSpec, secs: [u64; 4]) -> [f64; 4] {
        // Rounded, for sines are not exact.
        secs.map(|secs| (spec.expected_before(at(secs), 1.0).expect("known") * 1e6).round() / 1e6)
    }

    #[test]
    fn integrals_of_the_rates() {
        assert_eq!(expected(&ArrivalSpec::Poisson { rate: 2.0 }, [0, 1, 10, 100]), [0.0, 2.0, 20.0, 200.0]);
        let points = [(at(10), 0.0), (at(20), 10.0)];
        let once = ArrivalSpec::Piecewise { points: points.into(), period: None };
        assert_eq!(expected(&once, [10, 15, 20, 30]), [0.0, 12.5, 50.0, 150.0]);
        let again = ArrivalSpec::Piecewise { points: points.into(), period: Some(Span::from_secs(20)) };
        assert_eq!(expected(&again, [20, 30, 35, 60]), [50.0, 50.0, 62.5, 150.0]);
        let day = |peak_at| ArrivalSpec::Diurnal {
            rate: 2.0,
            amplitude: 0.5,
            period: Span::from_secs(400),
            peak_at: Span::from_secs(peak_at),
        };
        // A quarter of a period from the peak on: 2 * (100 + 0.5 * 400 / (2 pi)).
        assert_eq!(expected(&day(0), [0, 100, 200, 400]), [0.0, 263.661_977, 400.0, 800.0]);
        assert_eq!(expected(&day(100), [0, 100, 200, 400]), [0.0, 263.661_977, 527.323_954, 800.0]);
    }

    #[test]
    fn counts_interval_by_interval() {
        let counts = Counts::new(Span::from_secs(60), at(30), Spread::Uniform, 0.5, [60.0, 60.0, 0.0, 240.0]);
        let spec = ArrivalSpec::Counts(Arc::new(counts));
        let each = spec.expected_by_interval(Span::from_secs(45), 8, 1.0);
        // Half a request per second from 30 s to 150 s, two from 210 s to 270 s.
        assert_eq!(each, Some(vec![7.5, 22.5, 22.5, 7.5, 30.0, 90.0, 0.0, 0.0]));
        assert_eq!(spec.expected_before(at(240), 1.0), Some(120.0));
        let poisson = ArrivalSpec::Poisson { rate: 2.0 };
        assert_eq!(poisson.expected_by_interval(Span::from_secs(3), 3, 1.0), Some(vec![6.0; 3]));
    }

    #[test]
    fn bursts_and_moments() {
        let burst = |within| ArrivalSpec::Burst {
            size: 100,
            every: Span::from_secs(60),
            first: Span::from_secs(10),
            within: Span::from_secs(within),
            background: 1.0,
        };
        assert_eq!(expected(&burst(0), [10, 11, 70, 71]), [10.0, 111.0, 170.0, 271.0]);
        assert_eq!(expected(&burst(20), [10, 15, 70, 80]), [10.0, 40.0, 170.0, 230.0]);
        let times = ArrivalSpec::Times { at: [at(1), at(1), at(5)].into() };
        assert_eq!(expected(&times, [1, 2, 5, 6]), [0.0, 2.0, 2.0, 3.0]);
    }
}
