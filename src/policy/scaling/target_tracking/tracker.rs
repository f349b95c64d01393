//! Target tracking as a scaling policy: one datapoint per minute, and bounds that scheduled actions change.

use super::{BoundsSpec, DATAPOINT_PERIOD, TargetTracking, TargetTrackingSpec};
use crate::policy::scaling::schedule::{Schedule, Timer};
use crate::policy::scaling::{Scaling, Totals, View, next_multiple};
use crate::time::{SimTime, Span};

/// Bounds from now on; `None`: unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Minimum number of provisioned instances.
    min: Option<u32>,
    /// Maximum number of provisioned instances.
    max: Option<u32>,
}

/// The state of the policy. A datapoint is the average number of requests on provisioned instances over the slots of
/// those that are ready; a minute without requests has none, because CloudWatch has none for a function that is not
/// called.
#[derive(Clone, Debug)]
pub(super) struct Tracker {
    policy: TargetTracking,
    /// The current bounds.
    min: u32,
    max: u32,
    schedule: Schedule<Bounds>,
    datapoint_at: SimTime,
    before: Totals,
    /// Utilization of the last minute.
    last: Option<f64>,
}

impl Tracker {
    /// At the start of the run, when the bounds are first set.
    pub(super) fn new(spec: TargetTrackingSpec) -> Self {
        let start = Timer { at: Span::ZERO, every: None };
        let first = (start, Bounds { min: None, max: None });
        let actions = spec.schedule.iter().map(|entry| {
            let BoundsSpec { at, every, min_capacity, max_capacity } = *entry;
            (Timer { at, every }, Bounds { min: min_capacity, max: max_capacity })
        });
        let actions: Vec<_> = actions.collect();
        Self {
            min: spec.min_capacity,
            max: spec.max_capacity,
            policy: TargetTracking::new(spec),
            schedule: Schedule::new(std::iter::once(first).chain(actions)),
            datapoint_at: SimTime::ZERO + DATAPOINT_PERIOD,
            before: Totals::default(),
            last: None,
        }
    }

    fn utilization(&mut self, view: &View<'_>) -> Option<f64> {
        let period = view.totals.since(&self.before);
        self.before = view.totals;
        let slots_ns = period.ready_ns as f64 * f64::from(view.per_instance);
        (period.in_progress_ns > 0 && slots_ns > 0.0).then(|| period.in_progress_ns as f64 / slots_ns)
    }
}

impl Scaling for Tracker {
    fn next(&self) -> SimTime {
        self.datapoint_at.min(self.schedule.next())
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        let mut capacity = view.ordered;
        if self.datapoint_at <= view.now {
            let utilization = self.utilization(view);
            self.last = utilization;
            capacity = self.policy.observe(view.now, utilization, capacity);
            self.datapoint_at = next_multiple(view.now, DATAPOINT_PERIOD);
        }
        for bounds in self.schedule.due(view.now) {
            self.min = bounds.min.unwrap_or(self.min);
            self.max = bounds.max.unwrap_or(self.max);
            capacity = self.policy.set_bounds(self.min, self.max, capacity);
        }
        Some(view.bounded(f64::from(capacity)))
    }

    fn why(&self) -> Option<String> {
        let used = self.last.map_or_else(
            || "no utilization measured in the last minute".to_owned(),
            |used| format!("utilization {:.1} % in the last minute", 100.0 * used),
        );
        Some(format!("{used}; alarms act after several such minutes, within {} to {}", self.min, self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::scaling::Policy;

    #[test]
    fn scheduled_bounds_move_the_capacity_and_stay() {
        let from = |secs, min_capacity, max_capacity| super::super::BoundsSpec {
            at: Span::from_secs(secs),
            every: None,
            min_capacity,
            max_capacity,
        };
        let schedule = vec![from(90, Some(20), None), from(150, Some(1), Some(5))];
        let spec = TargetTrackingSpec { max_capacity: 10, schedule, ..super::super::tests::spec() };
        assert_eq!(spec.most_ordered(), 20);
        let mut policy = Tracker::new(spec);
        let mut ordered = 0;
        let mut found = Vec::new();
        while policy.next() < SimTime::ZERO + Span::from_secs(200) {
            let view = View {
                now: policy.next(),
                limit: 100,
                ordered,
                per_instance: 1,
                existing: 0,
                ready: 0,
                taken: 0,
                instances: &[],
                in_progress: 0,
                queued: 0,
                totals: Totals::default(),
            };
            ordered = policy.decide(&view).expect("it always answers") as u32;
            found.push((view.now.as_nanos() / 1_000_000_000, ordered));
        }
        assert_eq!(found, [(0, 2), (60, 2), (90, 20), (120, 20), (150, 5), (180, 5)]);
    }
}
