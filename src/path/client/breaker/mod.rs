//! Circuit breakers: after enough failures, a client stops calling for a while.
//!
//! The kinds differ in what they count, when they evaluate it and which calls they let through first, which determines
//! how a failure ends. So each is a separate state machine, with the parameters and defaults of its library. Retries
//! are outside: each attempt asks the breaker. Rejected attempts are not sent.

mod envoy_outlier;
mod hystrix;
mod polly;
mod resilience4j;
mod simple;

pub use envoy_outlier::EnvoyOutlierSpec;
pub use hystrix::HystrixSpec;
pub use polly::PollySpec;
pub use resilience4j::Resilience4jSpec;
pub use simple::SimpleSpec;

use crate::schema::declare::*;
use crate::time::{SimTime, Span};

union! {
    /// A circuit breaker.
    pub enum BreakerSpec ("circuit breaker"): Rules {
        "resilience4j" => Resilience4j(Resilience4jSpec),
        "hystrix" => Hystrix(HystrixSpec),
        "polly" => Polly(PollySpec),
        "envoy-outlier" => EnvoyOutlier(EnvoyOutlierSpec),
        "simple" => Simple(SimpleSpec),
    }
}

/// Parameters from which a breaker is built.
pub trait Rules {
    /// The breaker at the start of the run: closed.
    fn build(&self) -> Box<dyn Breaker>;
}

/// A breaker's identifier of an admitted attempt, which is passed back when it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permit(pub u32);

/// How an attempt ended, as a breaker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A successful response.
    Success,
    /// Throttled by the callee, as with HTTP 429.
    Throttled,
    /// An error, or no response in time.
    Failure,
    /// Abandoned by the caller: nothing is known about the callee.
    Cancelled,
}

/// The state of a breaker.
pub trait Breaker: Send {
    /// Whether an attempt may be made now.
    fn permit(&mut self, now: SimTime) -> Option<Permit>;

    /// An admitted attempt has ended after this time.
    fn ended(&mut self, permit: Permit, verdict: Verdict, took: Span, now: SimTime);
}

/// Calls, and how many of them failed, in the parts of a sliding window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    calls: u64,
    failed: u64,
    slow: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.slow += other.slow;
    }

    fn remove(&mut self, other: Self) {
        self.calls -= other.calls;
        self.failed -= other.failed;
        self.slow -= other.slow;
    }

    fn failure_ratio(&self) -> f64 {
        self.failed as f64 / self.calls as f64
    }

    const fn one(failed: bool, slow: bool) -> Self {
        Self { calls: 1, failed: failed as u64, slow: slow as u64 }
    }
}

#[cfg(test)]
mod testing {
    use super::*;

    /// A breaker and a script. Times are in seconds.
    pub(super) struct Script(pub(super) Box<dyn Breaker>);

    impl Script {
        pub(super) fn of(rules: &dyn Rules) -> Self {
            Self(rules.build())
        }

        /// Makes this many calls in sequence, each of which ends at once; returns how many were let through.
        pub(super) fn calls(&mut self, secs: f64, count: u32, verdict: Verdict) -> u32 {
            self.calls_of(secs, count, verdict, 0.0)
        }

        /// The same, with the duration of each call.
        pub(super) fn calls_of(&mut self, secs: f64, count: u32, verdict: Verdict, took: f64) -> u32 {
            let took = Span::from_secs_f64(took).expect("a time");
            let mut through = 0;
            for _ in 0..count {
                if let Some(permit) = self.0.permit(at(secs)) {
                    through += 1;
                    self.0.ended(permit, verdict, took, at(secs));
                }
            }
            through
        }

        /// A call that is let through and has not ended yet.
        pub(super) fn begin(&mut self, secs: f64) -> Permit {
            self.0.permit(at(secs)).expect("it is let through")
        }

        pub(super) fn is_open(&mut self, secs: f64) -> bool {
            self.0.permit(at(secs)).is_none()
        }

        pub(super) fn end(&mut self, secs: f64, permit: Permit, verdict: Verdict) {
            self.0.ended(permit, verdict, Span::ZERO, at(secs));
        }
    }

    pub(super) fn at(secs: f64) -> SimTime {
        SimTime::ZERO + Span::from_secs_f64(secs).expect("a time")
    }
}
