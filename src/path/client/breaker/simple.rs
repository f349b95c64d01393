//! A textbook circuit breaker.
//!
//! Closed: it opens when enough calls of the last `window` failed. Open: it lets nothing through for a while.
//! Half-open: it lets a number of trial calls through; the first failure reopens it, and when all have succeeded it
//! closes with an empty window. Calls that began before it opened are no longer counted.

use std::collections::VecDeque;

use super::{Breaker, Permit, Rules, Tally, Verdict};

use crate::schema::declare::*;
use crate::schema::scalars::{Count, PositiveDuration, Ratio};
use crate::time::{SimTime, Span};

parameters! {
    /// Opens when too many calls in a window fail, closes when trial calls succeed.
    pub struct SimpleSpec {
        /// Share of failed calls at which the breaker opens.
        default failure_ratio: Ratio = 0.5,
        /// Minimum number of calls in the window before it is evaluated.
        default minimum_calls: Count<1, 1_000_000> = 100,
        /// Sliding window of calls; it advances in steps of a hundredth.
        default window: PositiveDuration = Span::from_secs(10),
        /// How long it stays open.
        default open: PositiveDuration = Span::from_secs(5),
        /// Trial calls while half-open, all of which must succeed.
        default trials: Count<1, 1_000_000> = 10,
    }
}

/// Parts of a window.
const PARTS: u64 = 100;

impl Rules for SimpleSpec {
    fn build(&self) -> Box<dyn Breaker> {
        Box::new(Simple {
            spec: self.clone(),
            state: State::Closed,
            era: Permit::default(),
            parts: VecDeque::new(),
            total: Tally::default(),
        })
    }
}

/// The state of the breaker.
struct Simple {
    spec: SimpleSpec,
    state: State,
    /// Number of the current state: calls that began in another one are not counted.
    era: Permit,
    /// Parts of the window, by number.
    parts: VecDeque<(u64, Tally)>,
    total: Tally,
}

enum State {
    Closed,
    Open { until: SimTime },
    HalfOpen { permits: u32, succeeded: u32 },
}

impl Simple {
    fn enter(&mut self, state: State) {
        self.state = state;
        self.era = Permit(self.era.0.wrapping_add(1));
        self.parts.clear();
        self.total = Tally::default();
    }

    fn record(&mut self, failed: bool, now: SimTime) {
        let number = now.as_nanos() / (self.spec.window.as_nanos() / PARTS).max(1);
        let one = Tally::one(failed, false);
        self.total.add(one);
        match self.parts.back_mut() {
            Some((current, part)) if *current == number => part.add(one),
            _ => self.parts.push_back((number, one)),
        }
        while let Some(&(old, part)) = self.parts.front()
            && number - old >= PARTS
        {
            self.total.remove(part);
            self.parts.pop_front();
        }
    }
}

impl Breaker for Simple {
    fn permit(&mut self, now: SimTime) -> Option<Permit> {
        if let State::Open { until } = self.state {
            if now < until {
                return None;
            }
            self.enter(State::HalfOpen { permits: self.spec.trials, succeeded: 0 });
        }
        if let State::HalfOpen { permits, .. } = &mut self.state {
            *permits = permits.checked_sub(1)?;
        }
        Some(self.era)
    }

    fn ended(&mut self, permit: Permit, verdict: Verdict, _: Span, now: SimTime) {
        if permit != self.era {
            return;
        }
        let failed = matches!(verdict, Verdict::Failure | Verdict::Throttled);
        let open = State::Open { until: now + self.spec.open };
        match &mut self.state {
            State::Open { .. } => {}
            State::Closed if verdict == Verdict::Cancelled => {}
            State::HalfOpen { permits, .. } if verdict == Verdict::Cancelled => *permits += 1,
            State::Closed => {
                self.record(failed, now);
                if self.total.calls >= self.spec.minimum_calls.into()
                    && self.total.failure_ratio() >= self.spec.failure_ratio
                {
                    self.enter(open);
                }
            }
            State::HalfOpen { .. } if failed => self.enter(open),
            State::HalfOpen { succeeded, .. } => {
                *succeeded += 1;
                if *succeeded == self.spec.trials {
                    self.enter(State::Closed);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Script;
    use super::Verdict::{Cancelled, Failure, Success};
    use super::*;

    fn spec() -> SimpleSpec {
        SimpleSpec {
            failure_ratio: 0.5,
            minimum_calls: 100,
            window: Span::from_secs(10),
            open: Span::from_secs(5),
            trials: 10,
        }
    }

    #[test]
    fn it_opens_when_enough_calls_of_the_window_failed() {
        let mut script = Script::of(&spec());
        script.calls(0.0, 50, Success);
        assert_eq!(script.calls(9.9, 60, Failure), 50);
        let mut script = Script::of(&spec());
        script.calls(0.0, 50, Success);
        assert_eq!(script.calls(10.0, 150, Failure), 100, "what is 10 s old is out");
    }

    #[test]
    fn all_trials_have_to_succeed_and_one_failure_is_enough_to_open() {
        let mut script = Script::of(&spec());
        script.calls(0.0, 100, Failure);
        assert!(script.is_open(4.9));
        let trials: Vec<_> = (0..10).map(|_| script.begin(5.0)).collect();
        assert!(script.is_open(5.0));
        script.end(5.0, trials[0], Failure);
        assert!(script.is_open(9.9));
        for trial in &trials[1..] {
            script.end(9.9, *trial, Success); // of the era before: they close nothing
        }
        assert_eq!(script.calls(10.0, 9, Success), 9);
        assert_eq!(script.calls(10.0, 5, Cancelled), 5, "a cancelled trial can be tried again");
        assert_eq!(script.calls(10.0, 1, Success), 1);
        assert_eq!(script.calls(10.0, 200, Failure), 100, "closed, and judged anew");
    }

    #[test]
    fn late_results_of_calls_before_it_opened_do_not_count() {
        let mut script = Script::of(&spec());
        let late = script.begin(0.0);
        script.calls(0.0, 100, Failure);
        let trial = script.begin(5.0);
        script.end(5.1, late, Failure);
        script.end(5.1, trial, Success);
        assert_eq!(script.calls(5.1, 9, Success), 9);
        assert_eq!(script.calls(5.1, 1, Failure), 1, "closed");
        assert!(!script.is_open(5.1));
    }
}
