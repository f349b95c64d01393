//! As many instances as a timetable says.

use super::schedule::{Schedule, Timer};
use super::{Governs, Scaling, View};
use crate::time::SimTime;

/// A timetable: of all instances, or of those that are kept warm while every other request gets one of its own, as the
/// scheduled actions of Application Auto Scaling have it for provisioned concurrency, and what is called a minimum of
/// instances elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduledSpec {
    /// Which instances it governs.
    pub governs: Governs,
    /// Instances until the first action; none: as many as there are.
    pub instances: Option<u32>,
    /// When there are to be how many.
    pub actions: Vec<(Timer, u32)>,
}

impl ScheduledSpec {
    /// The most instances that it ever orders.
    #[must_use]
    pub fn most(&self) -> u32 {
        let actions = self.actions.iter().map(|(_, instances)| *instances);
        actions.chain(self.instances).max().unwrap_or(0)
    }
}

/// The timetable at work.
#[derive(Clone, Debug)]
pub struct Scheduled {
    schedule: Schedule<u32>,
}

impl Scheduled {
    /// At the start of the run.
    #[must_use]
    pub fn new(spec: &ScheduledSpec) -> Self {
        let start = Timer { at: crate::time::Span::ZERO, every: None };
        let first = spec.instances.map(|instances| (start, instances));
        Self { schedule: Schedule::new(first.into_iter().chain(spec.actions.iter().copied())) }
    }
}

impl Scaling for Scheduled {
    fn next(&self) -> SimTime {
        self.schedule.next()
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        self.schedule.due(view.now).last().map(|instances| view.bounded(f64::from(*instances)))
    }
}
