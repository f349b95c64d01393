//! Hystrix's circuit breaker (github.com/Netflix/Hystrix, `HystrixCircuitBreaker`, `HealthCountsStream`,
//! `HystrixCommandProperties`).
//!
//! It evaluates the health of the last window not at each call but every `health_snapshot_interval`: until then, calls
//! pass even if they fail. When open, it lets one call through after *more* than the sleep window has passed. The first
//! call that ends after that decides, even if it began earlier: a success closes it and empties the window, anything
//! else reopens it.

use std::collections::VecDeque;

use super::{Breaker, Permit, Rules, Tally, Verdict};

use crate::schema::declare::*;
use crate::schema::scalars::{Count, PositiveDuration, Ratio};
use crate::time::{SimTime, Span};

parameters! {
    /// As in Hystrix, with its defaults.
    pub struct HystrixSpec {
        /// Minimum number of calls in the window before it is evaluated.
        default request_volume_threshold: Count<1, 1_000_000> = 20,
        /// Share of failed calls at which the breaker opens; compared in whole percent, rounded down.
        default error_threshold: Ratio = 0.5,
        /// How long it stays open.
        default sleep_window: PositiveDuration = Span::from_secs(5),
        /// Sliding window of calls.
        default rolling_window: PositiveDuration = Span::from_secs(10),
        /// How often the window is evaluated, and the length of its buckets.
        default health_snapshot_interval: PositiveDuration = Span::from_millis(500),
    }
}

/// Maximum number of parts of a window.
const MAX_PARTS: u64 = 100_000;

impl HystrixSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let (window, interval) = (self.rolling_window.as_nanos(), self.health_snapshot_interval.as_nanos());
        if window % interval != 0 || window / interval > MAX_PARTS {
            let what = format!("({}) must be a whole number of `health-snapshot-interval`s", self.rolling_window);
            check.wrong("rolling-window", format!("{what}, at most {MAX_PARTS}"));
        }
    }

    fn parts(&self) -> u64 {
        (self.rolling_window.as_nanos() / self.health_snapshot_interval.as_nanos().max(1)).clamp(1, MAX_PARTS)
    }
}

impl Rules for HystrixSpec {
    fn build(&self) -> Box<dyn Breaker> {
        Box::new(Hystrix { state: State::Closed, health: Health::new(self, SimTime::ZERO), spec: self.clone() })
    }
}

/// The state of the breaker.
struct Hystrix {
    spec: HystrixSpec,
    state: State,
    health: Health,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { since: SimTime },
    HalfOpen,
}

/// The calls of the window, in parts as long as the snapshot interval.
struct Health {
    parts: VecDeque<Tally>,
    total: Tally,
    current: Tally,
    /// When the current part ends.
    next_look: SimTime,
}

impl Health {
    fn new(spec: &HystrixSpec, now: SimTime) -> Self {
        Self {
            parts: VecDeque::new(),
            total: Tally::default(),
            current: Tally::default(),
            next_look: now + spec.health_snapshot_interval,
        }
    }

    /// Ends the current part and returns the window up to it.
    fn look(&mut self, spec: &HystrixSpec) -> Tally {
        let part = std::mem::take(&mut self.current);
        self.parts.push_back(part);
        self.total.add(part);
        if self.parts.len() as u64 > spec.parts()
            && let Some(old) = self.parts.pop_front()
        {
            self.total.remove(old);
        }
        self.next_look = self.next_look + spec.health_snapshot_interval;
        self.total
    }
}

impl Hystrix {
    /// Evaluates the snapshots that are due.
    fn pass_time(&mut self, now: SimTime) {
        while self.health.next_look <= now {
            let at = self.health.next_look;
            let window = self.health.look(&self.spec);
            if window.calls >= self.spec.request_volume_threshold.into()
                && (window.failure_ratio() * 100.0).floor() >= (self.spec.error_threshold * 100.0).floor()
                && self.state == State::Closed
            {
                self.state = State::Open { since: at };
            }
            if window == Tally::default() {
                // No calls since then: the evaluations in between are skipped.
                let interval = self.spec.health_snapshot_interval.as_nanos();
                let skipped = now.since(self.health.next_look).as_nanos() / interval;
                self.health.next_look = self.health.next_look + Span::from_nanos(skipped * interval);
                self.health.parts.clear();
            }
        }
    }
}

impl Breaker for Hystrix {
    fn permit(&mut self, now: SimTime) -> Option<Permit> {
        self.pass_time(now);
        match self.state {
            State::Closed => Some(Permit::default()),
            State::Open { since } if now > since + self.spec.sleep_window => {
                self.state = State::HalfOpen;
                Some(Permit::default())
            }
            State::Open { .. } | State::HalfOpen => None,
        }
    }

    fn ended(&mut self, _: Permit, verdict: Verdict, _: Span, now: SimTime) {
        self.pass_time(now);
        // An abandoned call is not a health event, but does not close the breaker either.
        if verdict != Verdict::Cancelled {
            self.health.current.add(Tally::one(verdict != Verdict::Success, false));
        }
        if self.state == State::HalfOpen {
            if verdict == Verdict::Success {
                self.state = State::Closed;
                self.health = Health::new(&self.spec, now);
            } else {
                self.state = State::Open { since: now };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Script;
    use super::Verdict::{Cancelled, Failure, Success};
    use super::*;

    fn spec() -> HystrixSpec {
        HystrixSpec {
            request_volume_threshold: 20,
            error_threshold: 0.5,
            sleep_window: Span::from_secs(5),
            rolling_window: Span::from_secs(10),
            health_snapshot_interval: Span::from_millis(500),
        }
    }

    #[test]
    fn it_opens_at_the_next_look_not_with_the_call() {
        let mut script = Script::of(&spec());
        assert_eq!(script.calls(0.1, 1_000, Failure), 1_000, "all of them before the look");
        assert!(!script.is_open(0.499));
        assert!(script.is_open(0.5));
    }

    #[test]
    fn it_needs_twenty_calls_of_which_half_failed() {
        let mut few = Script::of(&spec());
        few.calls(0.1, 19, Failure);
        assert!(!few.is_open(0.6));
        let mut healthy = Script::of(&spec());
        healthy.calls(0.1, 51, Success);
        healthy.calls(0.2, 50, Failure);
        assert!(!healthy.is_open(0.6), "49 % after rounding down");
        healthy.calls(0.7, 1, Failure);
        assert!(healthy.is_open(1.0));
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let mut script = Script::of(&spec());
        script.calls(0.1, 10, Failure);
        script.calls(10.1, 10, Failure);
        assert!(!script.is_open(10.5), "the part that ended at 0.5 s has left when that at 10.5 s is in");
        let mut script = Script::of(&spec());
        script.calls(0.6, 10, Failure);
        script.calls(10.1, 10, Failure);
        assert!(script.is_open(10.5));
    }

    #[test]
    fn one_call_decides_after_the_sleep_window_which_is_passed_strictly() {
        let mut script = Script::of(&spec());
        script.calls(0.1, 20, Failure);
        assert!(script.is_open(5.5), "opened at 0.5 s");
        let permit = script.begin(5.501);
        assert!(script.is_open(9.0), "one at a time, however long it takes");
        script.end(9.0, permit, Failure);
        assert!(script.is_open(14.0));
        let permit = script.begin(14.001);
        script.end(14.1, permit, Success);
        assert_eq!(script.calls(14.1, 19, Failure), 19);
        assert!(!script.is_open(15.0), "the success emptied the window");
    }

    #[test]
    fn an_older_call_that_ends_while_it_is_half_open_decides_too() {
        let mut script = Script::of(&spec());
        let old = script.begin(0.1);
        script.calls(0.1, 20, Failure);
        script.begin(5.6);
        script.end(5.7, old, Success);
        assert!(!script.is_open(5.7));
    }

    #[test]
    fn a_cancelled_trial_opens_it_again() {
        let mut script = Script::of(&spec());
        script.calls(0.1, 20, Failure);
        let permit = script.begin(6.0);
        script.end(7.0, permit, Cancelled);
        assert!(script.is_open(12.0));
        assert!(!script.is_open(12.001));
    }

    #[test]
    fn the_looks_keep_their_rhythm_over_a_long_silence() {
        let mut script = Script::of(&spec());
        script.calls(0.1, 1, Success);
        script.calls(86_400.2, 20, Failure);
        assert!(!script.is_open(86_400.499));
        assert!(script.is_open(86_400.5));
    }
}
