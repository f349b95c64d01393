//! What AWS would refuse of target tracking and of provisioned concurrency; timetables.

use super::super::Checker;
use crate::policy::scaling::ScalingSpec;
use crate::policy::scaling::schedule::Timer;
use crate::policy::scaling::scheduled::ScheduledSpec;
use crate::policy::scaling::target_tracking::TargetTrackingSpec;
use crate::policy::scaling::target_tracking::tracker::{Bounds, TrackerSpec};
use crate::scenario::model::Concurrency;
use crate::scenario::raw::scaling::timed::{ScheduledTable, TargetTrackingTable};
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::{Problem, SourceSpan};
use crate::time::Span;

impl Checker<'_, '_> {
    pub(super) fn target_tracking(&mut self, table: &TargetTrackingTable, path: &str) -> Option<TrackerSpec> {
        let key = |key: &str| format!("{path}.target-tracking.{key}");
        if !(0.1..=0.9).contains(&*table.target) {
            let message = format!("`{}` must be from 0.1 to 0.9, not {}", key("target"), *table.target);
            self.refused(table.target.place, message, "AWS Lambda");
        }
        if !(0.0..=1.0).contains(&*table.in_fraction) {
            let message = format!("`{}` must be from 0 to 1, not {}", key("in-fraction"), *table.in_fraction);
            self.problems.push(Problem::error(table.in_fraction.place, message));
        }
        let (min, max) = (*table.min_capacity, table.max_capacity.value?);
        self.capacity(table.min_capacity.place, min, max, &key("min-capacity"));
        let actions: Vec<_> = table
            .schedule
            .iter()
            .map(|entry| {
                let path = key("schedule");
                let bounds = Bounds { min: *entry.min_capacity, max: *entry.max_capacity };
                let of = (bounds.min.unwrap_or(0), bounds.max.unwrap_or(u32::MAX));
                self.capacity(entry.min_capacity.place, of.0, of.1, &format!("{path}.min-capacity"));
                Some((self.timer(&entry.at, &entry.every, &path)?, bounds))
            })
            .collect();
        let tracking = TargetTrackingSpec {
            target: *table.target,
            min,
            max,
            out_datapoints: *table.out_datapoints as usize,
            in_datapoints: *table.in_datapoints as usize,
            in_fraction: *table.in_fraction,
            out_cooldown: *table.scale_out_cooldown,
            in_cooldown: *table.scale_in_cooldown,
            disable_scale_in: *table.disable_scale_in,
        };
        Some(TrackerSpec { tracking, actions: actions.into_iter().collect::<Option<_>>()? })
    }

    fn capacity(&mut self, place: SourceSpan, min: u32, max: u32, path: &str) {
        if min > max {
            let message = format!("`{path}` ({min}) must not be more than `max-capacity` ({max})");
            self.refused(place, message, "Application Auto Scaling");
        }
    }

    pub(super) fn scheduled(&mut self, table: &ScheduledTable, path: &str) -> Option<ScheduledSpec> {
        let path = format!("{path}.scheduled.actions");
        let actions: Vec<_> = table
            .actions
            .value
            .as_ref()?
            .iter()
            .map(|entry| Some((self.timer(&entry.at, &entry.every, &path)?, entry.instances.value?)))
            .collect();
        Some(ScheduledSpec {
            governs: *table.governs,
            instances: *table.instances,
            actions: actions.into_iter().collect::<Option<_>>()?,
        })
    }

    fn timer(&mut self, at: &Spanned<Option<Span>>, every: &Spanned<Option<Span>>, path: &str) -> Option<Timer> {
        let again = every.value.map(|again| self.pause(every.place, again, &format!("{path}.every")));
        Some(Timer { at: at.value?, every: again.map_or(Some(None), |again| again.map(Some))? })
    }

    /// What a policy may provision must fit into what the function may have; `place` is where the policy stands.
    pub(super) fn provisioned_by_policy(
        &mut self,
        place: SourceSpan,
        path: &str,
        scaling: &ScalingSpec,
        concurrency: &Concurrency,
    ) {
        let (policy, most) = (scaling.name(), scaling.most_provisioned());
        if let Some(reserved) = concurrency.reserved.filter(|&reserved| most > reserved) {
            let message = format!("`{path}.scaling.{policy}` may provision {most}, more than `reserved` ({reserved})");
            let help = "reserved concurrency is the most a function gets: reserve at least what may be provisioned";
            self.problems.push(Problem::error(place, message).help(help));
        }
        if let Some(max) = concurrency.max_instances.filter(|&max| most > max) {
            let message = format!("`{path}.scaling.{policy}` may provision {most}, more than `max-instances` ({max})");
            self.problems.push(Problem::error(place, message).help("raise max-instances, or let it provision less"));
        }
    }
}
