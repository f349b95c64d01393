//! A component for tests of the engine, and a test bench that drives any component step by step.

use std::collections::HashMap;

use super::books::Books;
use super::{Action, CallId, Component, Outcome, Parcel, Ports, Spec, Token};
use crate::metric::component::{Kind, component_metrics};
use crate::rng::Stream;
use crate::time::{SimTime, Span};

/// Passes each call on after a delay, and again after each failure, up to a number of attempts. An attempt that exceeds
/// the timeout is abandoned: it continues, and its response is discarded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scripted {
    pub delay: Span,
    pub attempts: u32,
    pub timeout: Span,
}

/// It has no metrics.
pub(crate) const KIND: Kind = Kind {
    title: "Scripted",
    rows_are: "Scripted",
    arrivals: "calls.arrived",
    headline: &[],
    keeps: false,
    lasts: false,
    metrics: component_metrics! {},
    limits: &[],
    columns: &[],
    flow: None,
    losses: None,
    signals: &[],
    has_latency: false,
};

impl Spec for Scripted {
    fn targets(&self) -> Vec<&str> {
        vec!["next"]
    }

    fn build(&self, _: Stream) -> Box<dyn Component> {
        Box::new(AtWork { spec: *self, calls: HashMap::new(), tokens: 0 })
    }
}

/// The calls by token: their parcel, the attempts so far, and whether the last one is out.
struct AtWork {
    spec: Scripted,
    calls: HashMap<Token, (CallId, Parcel, u32, bool)>,
    tokens: u64,
}

impl AtWork {
    fn pause(&mut self, call: CallId, parcel: Parcel, attempts: u32, ports: &mut Ports<'_>) {
        self.tokens += 1;
        self.calls.insert(Token(self.tokens), (call, parcel, attempts, false));
        ports.wake(Token(self.tokens), ports.now + self.spec.delay);
    }

    fn go_on(&mut self, token: Token, outcome: Outcome, ports: &mut Ports<'_>) {
        let Some((call, parcel, attempts, _)) = self.calls.remove(&token) else { return };
        if outcome == Outcome::Completed || attempts == self.spec.attempts {
            ports.answer(call, outcome);
        } else {
            self.pause(call, parcel, attempts, ports);
        }
    }
}

impl Component for AtWork {
    fn arrived(&mut self, call: CallId, parcel: Parcel, ports: &mut Ports<'_>) {
        self.pause(call, parcel, 0, ports);
    }

    fn woken(&mut self, token: Token, ports: &mut Ports<'_>) {
        let Some((_, parcel, attempts, is_out)) = self.calls.get_mut(&token) else { return };
        if *is_out {
            self.go_on(token, Outcome::TimedOut, ports);
            return;
        }
        (*attempts, *is_out) = (*attempts + 1, true);
        ports.call(0, token, *parcel);
        ports.wake_late(token, ports.now + self.spec.timeout);
    }

    fn answered(&mut self, token: Token, outcome: Outcome, ports: &mut Ports<'_>) {
        self.go_on(token, outcome, ports);
    }

    fn close(&mut self, _: SimTime, _: &mut Books) {}
}

/// A component between a test that calls it and a test that answers its calls. Times are in seconds.
pub(crate) struct Bench {
    component: Box<dyn Component>,
    now: SimTime,
    alarms: Vec<(SimTime, bool, u64, Token)>,
    serial: u64,
    /// Its actions since the last look, with their times, except for requests to be woken.
    pub(crate) done: Vec<(f64, Action)>,
}

impl Bench {
    pub(crate) fn new(spec: &dyn Spec) -> Self {
        let stream = crate::rng::Streams::new(1, 0).stream("bench", crate::rng::Purpose::Path);
        Self { component: spec.build(stream), now: SimTime::ZERO, alarms: Vec::new(), serial: 0, done: Vec::new() }
    }

    fn tell(&mut self, tell: impl FnOnce(&mut dyn Component, &mut Ports<'_>)) {
        self.tell_at(0, tell);
    }

    fn tell_at(&mut self, entry: u32, tell: impl FnOnce(&mut dyn Component, &mut Ports<'_>)) {
        let mut actions = Vec::new();
        tell(&mut *self.component, &mut Ports { now: self.now, is_measured: true, entry, actions: &mut actions });
        for action in actions {
            if let Action::Wake { token, at, is_deadline } = action {
                assert!(at >= self.now, "alarms lie in the future");
                self.serial += 1;
                self.alarms.push((at, is_deadline, self.serial, token));
            } else {
                self.done.push((self.now.since(SimTime::ZERO).as_secs_f64(), action));
            }
        }
    }

    /// Advances the time, delivering every alarm up to and including it.
    pub(crate) fn until(&mut self, secs: f64) {
        let end = SimTime::ZERO + Span::from_secs_f64(secs).expect("a time");
        loop {
            self.alarms.sort_by_key(|alarm| std::cmp::Reverse((alarm.0, alarm.1, alarm.2)));
            let Some(&(at, _, _, token)) = self.alarms.last().filter(|alarm| alarm.0 <= end) else { break };
            self.alarms.pop();
            self.now = at;
            self.tell(|component, ports| component.woken(token, ports));
        }
        self.now = end;
    }

    /// Call number `id` arrives now.
    pub(crate) fn arrive(&mut self, id: u32) {
        self.arrive_with(id, Parcel::one(0, id.into()));
    }

    /// The same, with the test's own parcel.
    pub(crate) fn arrive_with(&mut self, id: u32, parcel: Parcel) {
        self.tell(|component, ports| component.arrived(CallId(id), parcel, ports));
    }

    /// The same, through this entry of the component.
    pub(crate) fn arrive_at(&mut self, id: u32, parcel: Parcel, entry: u32) {
        self.tell_at(entry, |component, ports| component.arrived(CallId(id), parcel, ports));
    }

    /// A call made by the component is answered now.
    pub(crate) fn answer(&mut self, token: Token, outcome: Outcome) {
        self.tell(|component, ports| component.answered(token, outcome, ports));
    }

    /// A fault begins or ends now.
    pub(crate) fn disturb(&mut self, disturbance: &super::Disturbance) {
        self.tell(|component, ports| component.disturbed(disturbance, ports));
    }

    /// Its actions since the last call of this function.
    pub(crate) fn take(&mut self) -> Vec<(f64, Action)> {
        std::mem::take(&mut self.done)
    }

    /// Its counters, as if the run ended now.
    pub(crate) fn books(&mut self) -> Books {
        let mut books = Books::default();
        self.component.close(self.now, &mut books);
        books
    }
}
