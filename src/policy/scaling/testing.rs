//! What the tests of the policies share.

use super::{InstanceView, Policy, Removal, Scaling, Totals, View};
use crate::id::InstanceId;
use crate::rng::{Purpose, Stream};
use crate::time::{SimTime, Span};

/// A moment, in seconds.
pub(super) fn at(seconds: u64) -> SimTime {
    SimTime::from_nanos(seconds * 1_000_000_000)
}

/// A view of nothing at a moment; what matters is set on it.
pub(super) const fn view(now: SimTime) -> View<'static> {
    let totals = Totals { arrived: 0, ended: 0, in_progress_ns: 0, queued_ns: 0, ready_ns: 0, load_ns: 0 };
    View {
        now,
        limit: 1_000_000,
        ordered: 0,
        per_instance: 1,
        existing: 0,
        ready: 0,
        taken: 0,
        instances: &[],
        in_progress: 0,
        queued: 0,
        totals,
    }
}

/// Instances that have been ready since the start, with so many requests on each.
pub(super) fn ready(in_flight: &[u32]) -> Vec<InstanceView> {
    let instance = |(id, &in_flight): (usize, &u32)| InstanceView {
        id: InstanceId(id as u64),
        created: SimTime::ZERO,
        ready: Some(SimTime::ZERO),
        in_flight,
        last_used: SimTime::ZERO,
    };
    in_flight.iter().enumerate().map(instance).collect()
}

/// A policy that answers what it is told to: one answer a second, the last one ever after.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// What it answers.
    pub answers: Vec<f64>,
    /// How long after a question it wants to be asked again.
    pub pause: Span,
    /// Which instances go first.
    pub removal: Removal,
    /// When it wants to be asked next.
    pub next: SimTime,
}

impl Script {
    /// These answers, a second apart.
    pub(crate) fn of(answers: &[f64]) -> Self {
        let pause = Span::from_secs(1);
        Self { answers: answers.to_vec(), pause, removal: Removal::IdleFirst, next: SimTime::ZERO }
    }
}

impl Policy for Script {
    fn build(&self, _: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        Some(Box::new(self.clone()))
    }

    fn pause(&self) -> Option<Span> {
        Some(self.pause)
    }
}

impl Scaling for Script {
    fn next(&self) -> SimTime {
        self.next
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        self.next = view.now + self.pause;
        let answer = self.answers.first().copied();
        if self.answers.len() > 1 {
            self.answers.remove(0);
        }
        answer
    }

    fn removal(&self) -> Removal {
        self.removal
    }
}
