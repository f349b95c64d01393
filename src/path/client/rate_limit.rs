//! Clients that reduce their rate when they are throttled.
//!
//! A request that waits for a token has not made an attempt yet; an attempt rejected here counts as throttled and is
//! not sent.

use std::collections::VecDeque;

use rand::RngExt;

use super::Cause;
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Positive, PositiveDuration};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

union! {
    /// How a client limits its own rate.
    pub enum RateLimitSpec ("rate limit"): Rules {
        "aws-adaptive" => AwsAdaptive(AwsAdaptiveSpec),
        "adaptive-throttling" => AdaptiveThrottling(AdaptiveThrottlingSpec),
    }
}

/// Parameters from which a rate limit is built.
pub trait Rules {
    /// The limit at the start of the run.
    fn build(&self) -> Box<dyn RateLimit>;
}

/// Decision of a rate limit on an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Send it.
    Go,
    /// Reject it.
    Refuse,
    /// Wait for this time, unless the limit changes in the meantime.
    Wait(Span),
}

/// The state of a rate limit.
pub trait RateLimit: Send {
    /// Whether an attempt may be made now.
    fn ask(&mut self, now: SimTime, stream: &mut Stream) -> Advice;

    /// An attempt has ended, with the cause if it failed.
    fn ended(&mut self, failure: Option<Cause>, now: SimTime);
}

parameters! {
    /// The adaptive mode of the AWS SDKs (github.com/boto/botocore, `retries/adaptive.py`, `throttling.py`, `bucket.py`):
    /// after the first throttled attempt, attempts wait for tokens, at a rate that decreases on throttling and grows
    /// back as a cubic function.
    pub struct AwsAdaptiveSpec {
        /// Factor applied to the rate when an attempt is throttled.
        default beta: Positive = 0.7,
        /// Growth of the rate.
        default scale: Positive = 0.4,
        /// Minimum rate, attempts per second.
        default min_rate: Positive = 0.5,
        /// Weight of a new rate measurement.
        default smoothing: Positive = 0.8,
    }
}

impl AwsAdaptiveSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        for (key, part) in [("beta", self.beta), ("smoothing", self.smoothing)] {
            if part > 1.0 {
                check.wrong(key, format!("must be at most 1, not {part}"));
            }
        }
    }
}

impl Rules for AwsAdaptiveSpec {
    fn build(&self) -> Box<dyn RateLimit> {
        Box::new(AwsAdaptive {
            spec: self.clone(),
            is_enabled: false,
            measured: 0.0,
            count: 0.0,
            half_second: 0,
            w_max: 0.0,
            k: 0.0,
            last_fail: SimTime::ZERO,
            tokens: 0.0,
            capacity: 1.0,
            fill_rate: 1.0,
            filled: None,
        })
    }
}

struct AwsAdaptive {
    spec: AwsAdaptiveSpec,
    is_enabled: bool,
    /// The smoothed rate of responses, and their number in the current half second.
    measured: f64,
    count: f64,
    half_second: u64,
    /// The cubic function: the rate at the last throttling, and the time after it at which that rate is reached again.
    w_max: f64,
    k: f64,
    last_fail: SimTime,
    tokens: f64,
    capacity: f64,
    fill_rate: f64,
    filled: Option<SimTime>,
}

/// The rate is measured over half seconds.
const HALF_SECOND: u64 = NANOS_PER_SECOND / 2;
/// The rate is at most this multiple of the measured one.
const MAX_SCALE: f64 = 2.0;

impl AwsAdaptive {
    fn refill(&mut self, now: SimTime) {
        if let Some(last) = self.filled {
            let gained = now.since(last).as_secs_f64() * self.fill_rate;
            self.tokens = (self.tokens + gained).min(self.capacity);
        }
        self.filled = Some(now);
    }

    fn measure(&mut self, now: SimTime) {
        let bucket = now.as_nanos() / HALF_SECOND;
        self.count += 1.0;
        if bucket > self.half_second {
            let rate = self.count / ((bucket - self.half_second) as f64 / 2.0);
            self.measured = rate * self.spec.smoothing + self.measured * (1.0 - self.spec.smoothing);
            (self.count, self.half_second) = (0.0, bucket);
        }
    }
}

impl RateLimit for AwsAdaptive {
    fn ask(&mut self, now: SimTime, _: &mut Stream) -> Advice {
        if !self.is_enabled {
            return Advice::Go;
        }
        self.refill(now);
        let missing = 1.0 - self.tokens;
        // A rounding error is no reason to wait.
        if missing > 1e-9 {
            let nanos = (missing / self.fill_rate * NANOS_PER_SECOND as f64).ceil();
            return Advice::Wait(Span::from_nanos_f64_saturating(nanos.max(1.0)));
        }
        self.tokens -= 1.0;
        Advice::Go
    }

    fn ended(&mut self, failure: Option<Cause>, now: SimTime) {
        self.measure(now);
        let rate = if failure == Some(Cause::Throttled) {
            let rate = if self.is_enabled { self.measured.min(self.fill_rate) } else { self.measured };
            self.w_max = rate;
            self.k = (rate * (1.0 - self.spec.beta) / self.spec.scale).cbrt();
            self.last_fail = now;
            self.is_enabled = true;
            rate * self.spec.beta
        } else {
            self.spec.scale * (now.since(self.last_fail).as_secs_f64() - self.k).powi(3) + self.w_max
        };
        let rate = rate.min(MAX_SCALE * self.measured);
        self.refill(now);
        self.fill_rate = rate.max(self.spec.min_rate);
        self.capacity = rate.max(1.0);
        self.tokens = self.tokens.min(self.capacity);
    }
}

parameters! {
    /// Adaptive throttling as in Google's SRE book ("Handling Overload"): an attempt is rejected locally with
    /// probability max(0, (attempts - k x accepted) / (attempts + 1)), over the attempts of the last `window`.
    pub struct AdaptiveThrottlingSpec {
        /// Attempts made per accepted attempt; 2 in the book, 1.1 is aggressive.
        default k: Positive = 2.0,
        /// Sliding window of attempts; it advances in steps of a hundredth.
        default window: PositiveDuration = Span::from_secs(120),
    }
}

impl Rules for AdaptiveThrottlingSpec {
    fn build(&self) -> Box<dyn RateLimit> {
        Box::new(AdaptiveThrottling { spec: self.clone(), parts: VecDeque::new(), asked: 0, accepted: 0 })
    }
}

struct AdaptiveThrottling {
    spec: AdaptiveThrottlingSpec,
    /// Parts of the window by number: attempts, including those rejected here, and accepted ones.
    parts: VecDeque<(u64, u64, u64)>,
    asked: u64,
    accepted: u64,
}

/// Number of parts of a window.
const PARTS: u64 = 100;

impl AdaptiveThrottling {
    fn count(&mut self, asked: u64, accepted: u64, now: SimTime) {
        let number = now.as_nanos() / (self.spec.window.as_nanos() / PARTS).max(1);
        self.asked += asked;
        self.accepted += accepted;
        match self.parts.back_mut() {
            Some((current, all, good)) if *current == number => (*all, *good) = (*all + asked, *good + accepted),
            _ => self.parts.push_back((number, asked, accepted)),
        }
        while let Some(&(old, asked, accepted)) = self.parts.front()
            && number - old >= PARTS
        {
            self.asked -= asked;
            self.accepted -= accepted;
            self.parts.pop_front();
        }
    }
}

impl RateLimit for AdaptiveThrottling {
    fn ask(&mut self, now: SimTime, stream: &mut Stream) -> Advice {
        self.count(0, 0, now);
        let too_many = self.asked as f64 - self.spec.k * self.accepted as f64;
        let refusal = too_many / (self.asked as f64 + 1.0);
        self.count(1, 0, now);
        if refusal > 0.0 && stream.random::<f64>() < refusal { Advice::Refuse } else { Advice::Go }
    }

    fn ended(&mut self, failure: Option<Cause>, now: SimTime) {
        // An error of the callee does not indicate overload.
        self.count(0, u64::from(!matches!(failure, Some(Cause::Throttled | Cause::Timeout))), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Streams};

    fn at(secs: f64) -> SimTime {
        SimTime::ZERO + Span::from_secs_f64(secs).expect("a time")
    }

    fn stream() -> Stream {
        Streams::new(5, 0).stream("limit", Purpose::Path)
    }

    #[test]
    fn the_sdk_waits_for_tokens_once_it_was_throttled() {
        let spec = AwsAdaptiveSpec { beta: 0.7, scale: 0.4, min_rate: 0.5, smoothing: 0.8 };
        let (mut limit, mut stream) = (spec.build(), stream());
        // 100 responses per second for 10 s.
        for number in 0..1_000 {
            assert_eq!(limit.ask(at(f64::from(number) * 0.01), &mut stream), Advice::Go);
            limit.ended(None, at(f64::from(number) * 0.01));
        }
        limit.ended(Some(Cause::Throttled), at(10.0));
        // The measured rate is close to 100/s, of which 70 % are left. The bucket holds what it could fill in the
        // meantime.
        let mut went = 0;
        while limit.ask(at(10.0), &mut stream) == Advice::Go {
            went += 1;
        }
        assert!(went <= 70, "{went}");
        let Advice::Wait(wait) = limit.ask(at(10.0), &mut stream) else { panic!("it waits") };
        assert!((wait.as_secs_f64() - 1.0 / 70.0).abs() < 0.001, "{wait}");
        assert_eq!(limit.ask(at(10.0) + wait, &mut stream), Advice::Go);
        // k = cbrt(100 x 0.3 / 0.4) = 4.217 s: if as many are answered, the cubic is back at 100/s at 10 + k s.
        let mut rate = 0.0;
        for number in 0..422 {
            let now = at(10.0 + f64::from(number + 1) * 0.01);
            limit.ended(None, now);
            while limit.ask(now, &mut stream) == Advice::Go {}
            if let Advice::Wait(wait) = limit.ask(now, &mut stream) {
                rate = 1.0 / wait.as_secs_f64();
            }
        }
        assert!(rate > 95.0, "{rate}");
    }

    #[test]
    fn a_client_sends_about_k_times_what_is_accepted() {
        // 1,000 attempts per second, of which 100 are accepted.
        let spec = AdaptiveThrottlingSpec { k: 2.0, window: Span::from_secs(10) };
        let (mut limit, mut stream) = (spec.build(), stream());
        let (mut sent, mut taken) = (0, 0);
        for number in 0..60_000_u32 {
            let now = at(f64::from(number) * 0.001);
            if number % 10 == 0 {
                taken = 0;
            }
            if limit.ask(now, &mut stream) == Advice::Go {
                sent += u32::from(number >= 30_000);
                limit.ended((taken > 0).then_some(Cause::Throttled), now);
                taken += 1;
            }
        }
        // Half of the attempts are rejected locally, 200 per second for 30 s. Not all attempts of a hundredth are sent.
        assert!((4_500..=6_500).contains(&sent), "{sent}");
    }
}
