//! Polly v8's circuit breaker (github.com/App-vNext/Polly, `CircuitStateController`, `AdvancedCircuitBehavior`,
//! `RollingHealthMetrics`, as of August 2026).
//!
//! The ratio is evaluated only when a failure is recorded, and only while closed. The window consists of tenths; a
//! tenth begins with the first call after the previous one has ended, and is dropped when its *start* is as old as the
//! window. When open, it lets one call through as soon as the break is over; the first result after that decides. A
//! canceled call counts as a success, because the default predicate does not handle it.

use std::collections::VecDeque;

use super::{Breaker, Permit, Rules, Tally, Verdict};

use crate::schema::declare::*;
use crate::schema::scalars::{Count, PositiveDuration, Ratio};
use crate::time::{SimTime, Span};

parameters! {
    /// As in Polly v8, with its defaults.
    pub struct PollySpec {
        /// Share of failed calls at which the breaker opens.
        default failure_ratio: Ratio = 0.1,
        /// Minimum number of calls in the window before it is evaluated.
        default minimum_throughput: Count<2, 1_000_000> = 100,
        /// Sliding window of calls.
        default sampling_duration: PositiveDuration = Span::from_secs(30),
        /// How long it stays open.
        default break_duration: PositiveDuration = Span::from_secs(5),
    }
}

impl PollySpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let least = Span::from_millis(500);
        for (key, span) in [("sampling-duration", self.sampling_duration), ("break-duration", self.break_duration)] {
            if span < least {
                check.refused(key, format!("must be at least {least}, not {span}"), "Polly");
            }
        }
    }
}

/// Parts of a window.
const PARTS: u64 = 10;

impl Rules for PollySpec {
    fn build(&self) -> Box<dyn Breaker> {
        Box::new(Polly { spec: self.clone(), state: State::Closed, parts: VecDeque::new(), total: Tally::default() })
    }
}

/// The state of the breaker.
struct Polly {
    spec: PollySpec,
    state: State,
    /// Parts of the window and when each began.
    parts: VecDeque<(SimTime, Tally)>,
    total: Tally,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: SimTime },
    HalfOpen,
}

impl Polly {
    fn record(&mut self, failed: bool, now: SimTime) {
        let part = Span::from_nanos(self.spec.sampling_duration.as_nanos() / PARTS);
        let one = Tally::one(failed, false);
        self.total.add(one);
        match self.parts.back_mut() {
            Some((begun, tally)) if now.since(*begun) < part => tally.add(one),
            _ => self.parts.push_back((now, one)),
        }
        while let Some(&(begun, old)) = self.parts.front()
            && now.since(begun) >= self.spec.sampling_duration
        {
            self.total.remove(old);
            self.parts.pop_front();
        }
    }
}

impl Breaker for Polly {
    fn permit(&mut self, now: SimTime) -> Option<Permit> {
        match self.state {
            State::Closed => Some(Permit::default()),
            State::Open { until } if now >= until => {
                self.state = State::HalfOpen;
                Some(Permit::default())
            }
            State::Open { .. } | State::HalfOpen => None,
        }
    }

    fn ended(&mut self, _: Permit, verdict: Verdict, _: Span, now: SimTime) {
        let failed = matches!(verdict, Verdict::Failure | Verdict::Throttled);
        // A failed trial is not counted.
        if !failed || self.state != State::HalfOpen {
            self.record(failed, now);
        }
        let open = State::Open { until: now + self.spec.break_duration };
        match (self.state, failed) {
            (State::HalfOpen, true) => self.state = open,
            (State::HalfOpen, false) => {
                self.state = State::Closed;
                self.parts.clear();
                self.total = Tally::default();
            }
            (State::Closed, true)
                if self.total.calls >= self.spec.minimum_throughput.into()
                    && self.total.failure_ratio() >= self.spec.failure_ratio =>
            {
                self.state = open;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Script;
    use super::Verdict::{Failure, Success};
    use super::*;

    fn spec() -> PollySpec {
        PollySpec {
            failure_ratio: 0.1,
            minimum_throughput: 100,
            sampling_duration: Span::from_secs(30),
            break_duration: Span::from_secs(5),
        }
    }

    #[test]
    fn only_a_failure_opens_it() {
        let mut script = Script::of(&spec());
        script.calls(0.0, 50, Failure);
        assert_eq!(script.calls(0.0, 200, Success), 200, "20 % of 250 failed, and nobody looks");
        assert_eq!(script.calls(0.0, 10, Failure), 1);
    }

    #[test]
    fn it_needs_a_hundred_calls() {
        let mut script = Script::of(&spec());
        assert_eq!(script.calls(0.0, 150, Failure), 100);
    }

    #[test]
    fn a_tenth_falls_out_when_its_start_is_as_old_as_the_window() {
        let mut script = Script::of(&spec());
        // The tenth that began at 1 s covers calls until 4 s.
        script.calls(1.0, 50, Failure);
        script.calls(3.9, 40, Failure);
        assert_eq!(script.calls(30.9, 5, Failure), 5);
        assert_eq!(script.calls(31.0, 20, Failure), 20, "90 are out at 31 s, also those of 3.9 s");
        let mut script = Script::of(&spec());
        script.calls(1.0, 90, Failure);
        assert_eq!(script.calls(30.9, 20, Failure), 10, "at 30.9 s they are in");
    }

    #[test]
    fn one_trial_decides_and_closing_clears_the_window() {
        let mut script = Script::of(&spec());
        script.calls(0.0, 100, Failure);
        assert!(script.is_open(4.999));
        let trial = script.begin(5.0);
        assert!(script.is_open(60.0), "half-open as long as the trial takes");
        script.end(60.0, trial, Failure);
        assert!(script.is_open(64.9));
        let trial = script.begin(65.0);
        script.end(65.0, trial, Success);
        assert_eq!(script.calls(65.0, 200, Failure), 100);
    }
}
