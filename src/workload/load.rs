//! The same arrivals under another load.

use std::sync::Arc;

use super::{ArrivalSpec, Fleet, MmppState};

impl ArrivalSpec {
    /// This process with `factor` times as many requests; 1 changes nothing at all.
    ///
    /// Rates are multiplied, which is exact for Poisson processes of every kind and for counts. Renewal processes get
    /// shorter gaps of the same coefficient of variation, bursts more requests, closed loops more users, fleets more devices
    /// (to the nearest whole number, at least 1). Written moments, those of timers and recorded requests are repeated or left out in turn; repeated
    /// ones lie evenly between one request and the next.
    #[must_use]
    pub fn under_load(&self, factor: f64) -> Self {
        if factor == 1.0 {
            return self.clone();
        }
        let whole = |number: u32| ((f64::from(number) * factor).round()).clamp(1.0, f64::from(u32::MAX)) as u32;
        match self {
            Self::Constant { rate } => Self::Constant { rate: rate * factor },
            Self::Poisson { rate } => Self::Poisson { rate: rate * factor },
            Self::Mmpp { states } => {
                let faster = |state: &MmppState| MmppState { rate: state.rate * factor, stay: state.stay };
                Self::Mmpp { states: states.iter().map(faster).collect() }
            }
            Self::Piecewise { points, period } => {
                let points = points.iter().map(|(at, rate)| (*at, rate * factor)).collect();
                Self::Piecewise { points, period: *period }
            }
            Self::Diurnal { rate, amplitude, period, peak_at } => {
                Self::Diurnal { rate: rate * factor, amplitude: *amplitude, period: *period, peak_at: *peak_at }
            }
            Self::Burst { size, every, first, within, background } => Self::Burst {
                size: whole(*size),
                every: *every,
                first: *first,
                within: *within,
                background: background * factor,
            },
            Self::Renewal { gap } => Self::Renewal { gap: gap.scaled(factor.recip()) },
            Self::Fleet(fleet) => Self::Fleet(Fleet { devices: whole(fleet.devices), ..*fleet }),
            Self::Closed { users, think } => Self::Closed { users: whole(*users), think: think.clone() },
            Self::Counts(counts) => Self::Counts(Arc::new(counts.under_load(factor))),
            Self::Repeated { of, factor: before } => Self::Repeated { of: Arc::clone(of), factor: before * factor },
            Self::Times { .. } | Self::Schedule(_) | Self::Rows(_) | Self::Recorded { .. } => {
                Self::Repeated { of: Arc::new(self.clone()), factor }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::Dist;
    use crate::rng::Streams;
    use crate::time::{SimTime, Span};
    use crate::workload::{Arrivals, Counts, Spread};

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(secs)
    }

    fn all() -> Vec<ArrivalSpec> {
        let state = |rate| MmppState { rate, stay: Span::from_secs(100) };
        let counts = Counts::new(Span::from_secs(60), at(0), Spread::Poisson, 1.0, [60.0, 120.0, 0.0, 240.0]);
        vec![
            ArrivalSpec::Constant { rate: 2.0 },
            ArrivalSpec::Poisson { rate: 2.0 },
            ArrivalSpec::Mmpp { states: [state(1.0), state(5.0)].into() },
            ArrivalSpec::Piecewise { points: [(at(10), 1.0), (at(200), 9.0)].into(), period: None },
            ArrivalSpec::Diurnal { rate: 2.0, amplitude: 0.5, period: Span::from_secs(400), peak_at: Span::ZERO },
            ArrivalSpec::Burst {
                size: 60,
                every: Span::from_secs(60),
                first: Span::ZERO,
                within: Span::ZERO,
                background: 1.0,
            },
            ArrivalSpec::Renewal { gap: Dist::gamma(Span::from_millis(500), 2.0).unwrap() },
            ArrivalSpec::Closed { users: 100, think: Dist::Constant(Span::from_secs(9)) },
            ArrivalSpec::Times { at: [at(1), at(1), at(5), at(10)].into() },
            ArrivalSpec::Fleet(Fleet {
                devices: 600,
                period: Span::from_secs(60),
                jitter: Span::from_secs(9),
                reconnect: None,
            }),
            ArrivalSpec::Counts(Arc::new(counts)),
        ]
    }

    #[test]
    fn the_expected_number_is_multiplied() {
        for spec in all() {
            for factor in [0.5, 1.25, 3.0] {
                let before = spec.expected_before(at(240), 1.0).expect("known");
                let after = spec.under_load(factor).expected_before(at(240), 1.0).expect("known");
                assert!((after / before - factor).abs() < 1e-9, "{spec:?} times {factor}: {after} of {before}");
                let rates = [&spec, &spec.under_load(factor)].map(|one| one.mean_rate(1.0, 240.0));
                assert!((rates[1] / rates[0] - factor).abs() < 1e-9, "{spec:?} times {factor}: {rates:?}");
            }
        }
    }

    #[test]
    fn once_the_load_is_the_same_load() {
        for spec in all() {
            assert_eq!(format!("{:?}", spec.under_load(1.0)), format!("{spec:?}"));
        }
    }

    #[test]
    fn moments_are_repeated_between_their_neighbours_or_left_out_in_turn() {
        let times = ArrivalSpec::Times { at: [at(1), at(3), at(9), at(10)].into() };
        let moments = |factor: f64| -> Vec<f64> {
            let arrivals = Arrivals::new(&times.under_load(factor), &Streams::new(1, 0), "s").expect("no trace");
            arrivals.map(|arrival| arrival.at.as_secs_f64()).collect()
        };
        assert_eq!(moments(2.0), [1.0, 2.0, 3.0, 6.0, 9.0, 9.5, 10.0, 10.0]);
        assert_eq!(moments(1.5), [1.0, 3.0, 6.0, 9.0, 10.0, 10.0]);
        assert_eq!(moments(0.5), [3.0, 10.0]);
        assert_eq!(times.under_load(0.5).under_load(2.0).expected_before(at(100), 0.0), Some(4.0));
    }
}
