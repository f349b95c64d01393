//! The number of instances follows a schedule.
//!
//! Either the number of all instances, or of those that are kept warm while every other request gets an instance of its
//! own, like the scheduled actions of Application Auto Scaling for provisioned concurrency, or a scheduled minimum of
//! instances elsewhere.

use super::replay::Gauge;
use super::schedule::{Schedule, Timer};
use super::{Governs, MANY, Pause, Policy, Scaling, View};
use crate::rng::{Purpose, Stream};
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration};
use crate::time::{SimTime, Span};

parameters! {
    /// The number of instances follows a schedule.
    pub struct ScheduledSpec {
        /// Which instances it controls.
        default governs: Governs = Governs::Provisioned,
        /// Instances until the first action. Default: `concurrency.provisioned`.
        optional instances: Count<0, MANY>,
        /// Times and numbers of instances.
        required actions: List<ActionSpec, 1, 1000>,
    }
}

parameters! {
    /// A number of instances from a given time on.
    pub struct ActionSpec {
        /// When, from the start of the run.
        required at: Duration,
        /// Interval of repetition, such as "24h". Default: once.
        optional every: Pause,
        /// How many.
        required instances: Count<0, MANY>,
    }
}

impl Policy for ScheduledSpec {
    fn build(&self, _: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        Some(Box::new(Scheduled::new(self)))
    }

    fn decides_on(&self) -> &'static [Gauge] {
        &[Gauge::Desired, Gauge::Pods, Gauge::Ready]
    }

    fn governs(&self) -> Governs {
        self.governs
    }

    fn most_ordered(&self) -> u32 {
        let actions = self.actions.iter().map(|action| action.instances);
        actions.chain(self.instances).max().unwrap_or(0)
    }

    fn pause(&self) -> Option<Span> {
        self.actions.iter().filter_map(|action| action.every).min()
    }
}

/// The state of the schedule.
#[derive(Clone, Debug)]
struct Scheduled {
    schedule: Schedule<u32>,
    last: Option<u32>,
}

impl Scheduled {
    /// At the start of the run.
    fn new(spec: &ScheduledSpec) -> Self {
        let start = Timer { at: Span::ZERO, every: None };
        let first = spec.instances.map(|instances| (start, instances));
        let actions = spec.actions.iter().map(|action| {
            let ActionSpec { at, every, instances } = *action;
            (Timer { at, every }, instances)
        });
        Self { schedule: Schedule::new(first.into_iter().chain(actions)), last: None }
    }
}

impl Scaling for Scheduled {
    fn next(&self) -> SimTime {
        self.schedule.next()
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        self.last = self.schedule.due(view.now).last().copied();
        self.last.map(|instances| view.bounded(f64::from(instances)))
    }

    fn why(&self) -> Option<String> {
        self.last.map(|instances| format!("scheduled action: {instances} instances"))
    }
}
