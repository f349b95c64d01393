//! How much arrives, on average.

use super::ArrivalSpec;
use crate::dist::Dist;
use crate::time::{SimTime, Span};

impl ArrivalSpec {
    /// Requests per second on average until the horizon (s), where a request takes `service` seconds.
    #[must_use]
    pub fn mean_rate(&self, service: f64, horizon: f64) -> f64 {
        match self {
            ArrivalSpec::Constant { rate } | ArrivalSpec::Poisson { rate } | ArrivalSpec::Diurnal { rate, .. } => *rate,
            ArrivalSpec::Mmpp { states } => {
                let time: f64 = states.iter().map(|state| state.stay.as_secs_f64()).sum();
                states.iter().map(|state| state.rate * state.stay.as_secs_f64()).sum::<f64>() / time
            }
            ArrivalSpec::Piecewise { points, period } => {
                let end = period.map_or(horizon, Span::as_secs_f64);
                let mut points: Vec<(f64, f64)> = points.iter().map(|(at, rate)| (at.as_secs_f64(), *rate)).collect();
                let (Some(&first), Some(&last)) = (points.first(), points.last()) else { return 0.0 };
                points.insert(0, (0.0, first.1));
                points.push((end.max(last.0), last.1));
                // Trapezoids, the last cut at the end.
                let area = |pair: &[(f64, f64)]| {
                    let ((from, low), (to, high)) = (pair[0], pair[1]);
                    let until = to.min(end);
                    if until <= from {
                        return 0.0;
                    }
                    let reached = low + (high - low) * (until - from) / (to - from);
                    (until - from) * (low + reached) / 2.0
                };
                points.windows(2).map(area).sum::<f64>() / end
            }
            ArrivalSpec::Burst { size, every, background, .. } => f64::from(*size) / every.as_secs_f64() + background,
            ArrivalSpec::Renewal { gap } => 1.0 / mean_s(gap),
            ArrivalSpec::Closed { users, think } => f64::from(*users) / (mean_s(think) + service).max(1e-9),
            ArrivalSpec::Times { at } => at.len() as f64 / horizon,
            ArrivalSpec::Schedule(_) | ArrivalSpec::Fleet(_) => {
                let until = Span::from_secs_f64(horizon).map_or(SimTime::NEVER, SimTime::from);
                self.expected_before(until, service).unwrap_or_default() / horizon
            }
            ArrivalSpec::Counts(counts) => {
                let until = Span::from_secs_f64(horizon).map_or(SimTime::NEVER, SimTime::from);
                counts.expected_before(until) / horizon
            }
            ArrivalSpec::Recorded { .. } => {
                let until = Span::from_secs_f64(horizon).map_or(SimTime::NEVER, SimTime::from);
                self.expected_before(until, service).unwrap_or_default() / horizon
            }
            ArrivalSpec::Repeated { of, factor } => factor * of.mean_rate(service, horizon),
            ArrivalSpec::Rows(trace) => trace.invocations() as f64 / horizon.max(trace.last.as_secs_f64()),
        }
    }

    /// Seconds that a request runs on average, where the requests bring their durations with them.
    #[must_use]
    pub fn service_s(&self) -> Option<f64> {
        match self {
            ArrivalSpec::Recorded { of, function } => of.functions.get(*function as usize)?.duration_mean_s,
            ArrivalSpec::Repeated { of, .. } => of.service_s(),
            _ => None,
        }
    }
}

/// The mean, at least a nanosecond: gaps of zero must not make endless rates.
fn mean_s(dist: &Dist) -> f64 {
    dist.mean_s().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::MmppState;

    #[test]
    fn mean_rates_are_those_of_the_formulas() {
        let seconds = Span::from_secs;
        let state = |rate, stay| MmppState { rate, stay: seconds(stay) };
        // (10 * 60 + 1 * 540) / 600
        let mmpp = ArrivalSpec::Mmpp { states: [state(10.0, 60), state(1.0, 540)].into() };
        assert!((mmpp.mean_rate(0.0, 1e5) - 1.9).abs() < 1e-12);
        // Up from 0 to 10 over 100 s, then 10 until 200 s: (500 + 1000) / 200.
        let point = |at, rate| (SimTime::from(seconds(at)), rate);
        let points = [point(0, 0.0), point(100, 10.0)];
        let piecewise = ArrivalSpec::Piecewise { points: points.into(), period: None };
        assert!((piecewise.mean_rate(0.0, 200.0) - 7.5).abs() < 1e-12);
        // Cut at 50 s: the mean of 0 and 5.
        assert!((piecewise.mean_rate(0.0, 50.0) - 2.5).abs() < 1e-12);
        let periodic = ArrivalSpec::Piecewise { points: points.into(), period: Some(seconds(200)) };
        assert!((periodic.mean_rate(0.0, 1e6) - 7.5).abs() < 1e-12);
        // 100 users, 9 s of thinking and 1 s of service.
        let closed = ArrivalSpec::Closed { users: 100, think: Dist::Constant(seconds(9)) };
        assert!((closed.mean_rate(1.0, 1e5) - 10.0).abs() < 1e-12);
        let burst = ArrivalSpec::Burst {
            size: 600,
            every: seconds(300),
            first: Span::ZERO,
            within: Span::ZERO,
            background: 3.0,
        };
        assert!((burst.mean_rate(0.0, 1e5) - 5.0).abs() < 1e-12);
    }
}
