//! Token buckets: a sustained rate and a burst.

use std::collections::VecDeque;

use crate::schema::declare::*;
use crate::schema::scalars::{Positive, PositiveDuration, Rate};
use crate::schema::shape::ListShape;
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

parameters! {
    /// A token bucket: each call takes a token, and is throttled if there is none.
    pub struct BucketSpec {
        /// Refill rate.
        required rate: Rate,
        /// Capacity; the bucket starts full. Default: one second's worth, at least one token.
        optional burst: Positive,
    }
}

impl BucketSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if self.burst.is_some_and(|burst| burst < 1.0) {
            check.wrong("burst", "must be at least 1: a call takes a whole token");
        }
    }

    /// Maximum number of tokens.
    #[must_use]
    pub fn capacity(&self) -> f64 {
        self.burst.unwrap_or(self.rate).max(1.0)
    }
}

/// Token buckets in sequence, all of which must admit a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Throttle(pub Vec<BucketSpec>);

/// Token buckets in sequence.
type Row = List<BucketSpec, 1, 100>;

impl Field for Throttle {
    type Value = Self;
    const SHAPE: Shape = Shape::OneOrMore(&ListShape { item: BucketSpec::SHAPE, min: 1, max: 100 });
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

/// The state of buckets.
#[derive(Clone, Debug)]
pub(crate) struct Buckets(Vec<Bucket>);

#[derive(Clone, Debug)]
struct Bucket {
    per_ns: f64,
    capacity: f64,
    tokens: f64,
    last: SimTime,
}

/// Tolerance for rounding.
const ROUNDING: f64 = 1e-9;

impl Bucket {
    fn new(spec: &BucketSpec) -> Self {
        let (per_ns, capacity) = (spec.rate / NANOS_PER_SECOND as f64, spec.capacity());
        Self { per_ns, capacity, tokens: capacity, last: SimTime::ZERO }
    }

    fn refill(&mut self, now: SimTime) {
        let gained = now.since(self.last).as_nanos() as f64 * self.per_ns;
        (self.tokens, self.last) = ((self.tokens + gained).min(self.capacity), now);
    }

    /// Changes the rate, and the capacity to one second's worth.
    fn set_rate(&mut self, rate: f64, now: SimTime) {
        self.refill(now);
        (self.per_ns, self.capacity) = (rate / NANOS_PER_SECOND as f64, rate.max(1.0));
    }

    fn take(&mut self, now: SimTime) -> bool {
        self.refill(now);
        let is_let_through = self.tokens >= 1.0 - ROUNDING;
        if is_let_through {
            self.tokens -= 1.0;
        }
        is_let_through
    }
}

impl Buckets {
    pub(super) fn new(throttle: &Throttle) -> Self {
        Self(throttle.0.iter().map(Bucket::new).collect())
    }

    /// A single bucket that is full now.
    pub(crate) fn full(spec: &BucketSpec, now: SimTime) -> Self {
        Self(vec![Bucket { last: now, ..Bucket::new(spec) }])
    }

    /// Whether all buckets admit a call. Buckets before the one that throttles it have still used a token.
    pub(crate) fn take(&mut self, now: SimTime) -> bool {
        self.0.iter_mut().all(|bucket| bucket.take(now))
    }
}

parameters! {
    /// A limit that follows the load, like that of DynamoDB's on-demand tables (developer guide,
    /// on-demand-capacity-mode): a multiple of the highest rate served within `window`.
    pub struct OnDemandSpec {
        /// Initial limit; a new DynamoDB table: 4,000 writes per second, or 12,000 reads.
        default initial: Rate = 4_000.0,
        /// Limit as a multiple of the highest recent rate.
        default factor: Positive = 2.0,
        /// Period over which the highest rate is determined, in steps of a thirtieth.
        default window: PositiveDuration = Span::from_secs(1_800),
    }
}

/// Parts of the window.
const PARTS: u64 = 30;

/// The state of a limit that follows the load: a bucket of one second whose rate grows.
#[derive(Clone, Debug)]
pub(super) struct OnDemand {
    spec: OnDemandSpec,
    bucket: Bucket,
    /// The highest rate served before the window, and in each part of it.
    before: f64,
    parts: VecDeque<(u64, f64)>,
    /// The current limit.
    rate: f64,
    /// The current second, and what was served in it.
    second: u64,
    served: u64,
}

impl OnDemand {
    pub(super) fn new(spec: OnDemandSpec) -> Self {
        let bucket = Bucket::new(&BucketSpec { rate: spec.initial, burst: None });
        let rate = spec.initial;
        Self { spec, bucket, before: 0.0, parts: VecDeque::new(), rate, second: 0, served: 0 }
    }

    /// Whether a call is admitted.
    pub(super) fn take(&mut self, now: SimTime) -> bool {
        let length = (self.spec.window.as_nanos() / PARTS).max(1);
        let second = now.as_nanos() / NANOS_PER_SECOND;
        if second > self.second {
            let part = self.second.saturating_mul(NANOS_PER_SECOND) / length;
            // A burst does not count as a rate.
            let rate = (self.served as f64).min(self.rate);
            match self.parts.back_mut() {
                Some((number, peak)) if *number == part => *peak = rate.max(*peak),
                _ => self.parts.push_back((part, rate)),
            }
            while let Some(&(number, peak)) = self.parts.front()
                && now.as_nanos() / length - number > PARTS
            {
                self.before = self.before.max(peak);
                self.parts.pop_front();
            }
            (self.second, self.served) = (second, 0);
            self.rate = self.spec.initial.max(self.spec.factor * self.before);
            self.bucket.set_rate(self.rate, now);
        }
        let is_let_through = self.bucket.take(now);
        self.served += u64::from(is_let_through);
        is_let_through
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls admitted from a constant load per second, up to this time, by a bucket that starts full.
    fn let_through(throttle: &Throttle, load: u64, secs: u64) -> Vec<f64> {
        let mut buckets = Buckets::new(throttle);
        let times = (0..load * secs).map(|number| SimTime::from_nanos(number * NANOS_PER_SECOND / load));
        times.filter(|now| buckets.take(*now)).map(SimTime::as_secs_f64).collect()
    }

    #[test]
    fn the_first_refusal_comes_when_the_burst_is_used_up() {
        // Starts with 5,000 and gains 10,000/s under 15,000/s: empty after 5,000 / (15,000 - 10,000) = 1 s.
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
    #[test]
    fn on_demand_allows_twice_what_was_served_half_an_hour_ago() {
        let mut limit = OnDemand::new(OnDemandSpec { initial: 10.0, factor: 2.0, window: Span::from_secs(1_800) });
        // 100 calls per second: how many are served in these seconds.
        let mut served = Vec::new();
        for second in 0..8_000_u64 {
            let times = (0..100).map(|number| SimTime::from_nanos(second * NANOS_PER_SECOND + number * 10_000_000));
            served.push(times.filter(|now| limit.take(*now)).count());
        }
        let around = |second: usize| served[second..second + 10].iter().sum::<usize>() as f64 / 10.0;
        assert!((around(1_000) - 10.0).abs() < 0.5, "{}", around(1_000));
        // From 31 minutes on, the first minute is more than half an hour ago.
        let after = [1_870, 3_730, 5_600, 7_500].map(around);
        for (served, expected) in after.into_iter().zip([20.0, 40.0, 80.0, 100.0]) {
            assert!((served - expected).abs() <= 0.5, "{after:?}");
        }
        assert!(limit.parts.len() <= 32);
    }
}
