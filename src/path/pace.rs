//! When the next token of a bucket is available, for calls that wait for their turn instead of being throttled.

use super::bucket::BucketSpec;
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// A token bucket, in whole nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// The time to regain one token, and all of them.
    token: Span,
    all: Span,
    /// When it is full again.
    full: SimTime,
}

impl Pace {
    /// A full bucket.
    pub(super) fn new(spec: &BucketSpec) -> Self {
        let token = NANOS_PER_SECOND as f64 / spec.rate;
        let [token, all] = [token, token * spec.capacity()].map(|ns| Span::from_nanos_f64_saturating(ns.round()));
        Self { token, all: all.max(token), full: SimTime::ZERO }
    }

    /// When a token is available, `now` or later.
    pub(super) fn next(&self, now: SimTime) -> SimTime {
        (self.full.max(now) + self.token - self.all).max(now)
    }

    /// Takes the next token, even if it is not available yet.
    pub(super) fn take(&mut self, now: SimTime) {
        self.full = self.full.max(now) + self.token;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_goes_at_once_and_the_rest_at_the_rate() {
        let mut pace = Pace::new(&BucketSpec { rate: 4.0, burst: Some(3.0) });
        let mut turns = |now: u64, number| -> Vec<f64> {
            let now = SimTime::from(Span::from_secs(now));
            (0..number).map(|_| (pace.next(now), pace.take(now)).0.as_secs_f64()).collect()
        };
        assert_eq!(turns(1, 6), [1.0, 1.0, 1.0, 1.25, 1.5, 1.75]);
        // After two and a half seconds all are back: 3, not 10.
        assert_eq!(turns(5, 4), [5.0, 5.0, 5.0, 5.25]);
        // Without a burst, it holds those of one second.
        let mut pace = Pace::new(&BucketSpec { rate: 2.0, burst: None });
        let turns: Vec<f64> =
            (0..3).map(|_| (pace.next(SimTime::ZERO), pace.take(SimTime::ZERO)).0.as_secs_f64()).collect();
        assert_eq!(turns, [0.0, 0.0, 0.5]);
    }
}
