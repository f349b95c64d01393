//! What the tests of the policies share.

use super::{Removal, Scaling, View};
use crate::time::{SimTime, Span};

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
