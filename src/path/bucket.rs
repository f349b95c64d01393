//! Token buckets: so many calls in the long run, and so many at once.

use crate::schema::declare::*;
use crate::schema::scalars::{Positive, Rate};
use crate::time::{NANOS_PER_SECOND, SimTime};

parameters! {
    /// A token bucket: each call takes a token; without one it is refused.
    pub struct BucketSpec {
        /// How fast tokens come back.
        required rate: Rate,
        /// Tokens that it holds; it is full at the start. Without it, those of one second, and at least one.
        optional burst: Positive,
    }
}

impl BucketSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if self.burst.is_some_and(|burst| burst < 1.0) {
            check.wrong("burst", "must be at least 1: a call takes a whole token");
        }
    }

    /// Tokens that it holds.
    #[must_use]
    pub fn capacity(&self) -> f64 {
        self.burst.unwrap_or(self.rate).max(1.0)
    }
}

/// Token buckets, asked one after the other: all of them have to let a call through.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Throttle(pub Vec<BucketSpec>);

/// Buckets in a row.
type Row = List<BucketSpec, 1, 100>;

impl Field for Throttle {
    type Value = Self;
    // One bucket, as nearly all have; a list is read too.
    const SHAPE: Shape = BucketSpec::SHAPE;
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match node.value {
            Value::List(_) => Row::read(node, reader).map(Self),
            _ => BucketSpec::read(node, reader).map(|bucket| Self(vec![bucket])),
        }
    }
    fn write(value: &Self) -> Value {
        match &value.0[..] {
            [bucket] => BucketSpec::write(bucket),
            _ => Row::write(&value.0),
        }
    }
}

/// Buckets at work.
#[derive(Clone, Debug)]
pub(super) struct Buckets(Vec<Bucket>);

#[derive(Clone, Debug)]
struct Bucket {
    per_ns: f64,
    capacity: f64,
    tokens: f64,
    last: SimTime,
}

/// What rounding may take from a token.
const ROUNDING: f64 = 1e-9;

impl Bucket {
    fn take(&mut self, now: SimTime) -> bool {
        let gained = now.since(self.last).as_nanos() as f64 * self.per_ns;
        (self.tokens, self.last) = ((self.tokens + gained).min(self.capacity), now);
        let is_let_through = self.tokens >= 1.0 - ROUNDING;
        if is_let_through {
            self.tokens -= 1.0;
        }
        is_let_through
    }
}

impl Buckets {
    pub(super) fn new(throttle: &Throttle) -> Self {
        let bucket = |spec: &BucketSpec| Bucket {
            per_ns: spec.rate / NANOS_PER_SECOND as f64,
            capacity: spec.capacity(),
            tokens: spec.capacity(),
            last: SimTime::ZERO,
        };
        Self(throttle.0.iter().map(bucket).collect())
    }

    /// Whether a call is let through by all. Those before the one that refuses it have given a token all the same.
    pub(super) fn take(&mut self, now: SimTime) -> bool {
        self.0.iter_mut().all(|bucket| bucket.take(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The calls that are let through of a constant load per second from a full bucket, until this time.
    fn let_through(throttle: &Throttle, load: u64, secs: u64) -> Vec<f64> {
        let mut buckets = Buckets::new(throttle);
        let times = (0..load * secs).map(|number| SimTime::from_nanos(number * NANOS_PER_SECOND / load));
        times.filter(|now| buckets.take(*now)).map(SimTime::as_secs_f64).collect()
    }

    #[test]
    fn the_first_refusal_comes_when_the_burst_is_used_up() {
        // Full with 5,000, gaining 10,000/s under 15,000/s: empty after 5,000 / (15,000 - 10,000) = 1 s.
        let throttle = Throttle(vec![BucketSpec { rate: 10_000.0, burst: Some(5_000.0) }]);
        let times = let_through(&throttle, 15_000, 3);
        let gap = times.windows(2).find(|pair| pair[1] - pair[0] > 1.5 / 15_000.0).expect("a refusal");
        assert!((gap[1] - 1.0).abs() < 2.0 / 5_000.0, "{gap:?}");
        assert!((times.len() as f64 - 35_000.0).abs() <= 1.0, "5,000 + 3 s x 10,000: {}", times.len());
        assert_eq!(let_through(&throttle, 10_000, 3).len(), 30_000, "what the rate allows is never refused");
    }

    #[test]
    fn all_buckets_have_to_let_a_call_through_and_the_first_is_asked_first() {
        let bucket = |burst| BucketSpec { rate: 1e-9, burst: Some(burst) };
        let mut buckets = Buckets::new(&Throttle(vec![bucket(5.0), bucket(2.0)]));
        let taken: Vec<bool> = (0..7).map(|_| buckets.take(SimTime::ZERO)).collect();
        assert_eq!(taken, [true, true, false, false, false, false, false]);
        assert!(buckets.0[0].tokens < 1.0, "refused by the second, a call has taken from the first");
    }
}
