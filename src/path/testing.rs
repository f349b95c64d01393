//! A component for tests of the engine: it waits, passes on, and tries again.

use std::collections::HashMap;

use super::{Action, CallId, Component, Outcome};
use crate::rng::Stream;
use crate::time::{SimTime, Span};

/// Passes each call on after a delay, and again after each failure, so many times in all. An attempt that takes longer than
/// the time-out is abandoned: it goes on, and what it answers is thrown away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scripted {
    pub delay: Span,
    pub attempts: u32,
    pub timeout: Span,
}

impl Scripted {
    pub fn build(&self, _: Stream) -> AtWork {
        AtWork { spec: *self, calls: HashMap::new() }
    }
}

/// Attempts of each call so far, and whether the last one is out.
pub struct AtWork {
    spec: Scripted,
    calls: HashMap<CallId, (u32, bool)>,
}

impl AtWork {
    fn go_on(&mut self, call: CallId, outcome: Outcome, now: SimTime, actions: &mut Vec<Action>) {
        let (attempts, is_out) = self.calls.get_mut(&call).expect("a call that arrived");
        if outcome == Outcome::Completed || *attempts == self.spec.attempts {
            self.calls.remove(&call);
            actions.push(Action::Answer { call, outcome });
        } else {
            *is_out = false;
            actions.push(Action::Wake { call, at: now + self.spec.delay });
        }
    }
}

impl Component for AtWork {
    fn arrived(&mut self, call: CallId, now: SimTime, actions: &mut Vec<Action>) {
        self.calls.insert(call, (0, false));
        actions.push(Action::Wake { call, at: now + self.spec.delay });
    }

    fn woken(&mut self, call: CallId, now: SimTime, actions: &mut Vec<Action>) {
        let (attempts, is_out) = self.calls.get_mut(&call).expect("a call that arrived");
        if *is_out {
            self.go_on(call, Outcome::TimedOut, now, actions);
            return;
        }
        (*attempts, *is_out) = (*attempts + 1, true);
        actions.push(Action::Forward { call, attempt: *attempts, target: 0 });
        actions.push(Action::Wake { call, at: now + self.spec.timeout });
    }

    fn answered(&mut self, call: CallId, attempt: u32, outcome: Outcome, now: SimTime, actions: &mut Vec<Action>) {
        if self.calls.get(&call) == Some(&(attempt, true)) {
            self.go_on(call, outcome, now, actions);
        }
    }
}
