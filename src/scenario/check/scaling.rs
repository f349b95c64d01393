//! What a scaling policy means for its function: keys that only one of them can set, and keys that cannot be combined.

use super::Checker;
use crate::policy::scaling::{Governs, ScalingSpec};
use crate::policy::selection::Selection;
use crate::scenario::model::{Concurrency, Overflow, Phase};
use crate::scenario::raw::function::FunctionTable;
use crate::schema::diagnostic::{Problem, SourceSpan};

/// Slots of an instance without a limit of its own.
const UNLIMITED_SLOTS: u32 = 1_000_000;

impl Checker<'_, '_> {
    /// If a policy orders all of a function's instances, keys about instances created by requests do not apply; if it
    /// orders the provisioned ones, they must fit.
    pub(super) fn ordered(
        &mut self,
        table: &FunctionTable,
        path: &str,
        scaling: &ScalingSpec,
        selection: &mut Selection,
        concurrency: &mut Concurrency,
    ) {
        if !scaling.owns_all_instances() {
            if scaling.governs() == Governs::Provisioned {
                self.provisioned_by_policy(table.scaling.place, path, scaling, concurrency);
            }
            return;
        }
        let policy = scaling.name();
        if table.max_lifetime.flatten().is_some() {
            let message =
                format!("`{path}.max-lifetime` has no effect with scaling.{policy}, which creates every instance");
            self.problems.push(Problem::warning(table.max_lifetime.place, message));
        }
        if *table.concurrency.provisioned > 0 {
            let message = format!("`{path}.concurrency.provisioned` cannot be used with scaling.{policy}");
            let help = "set the minimum number of instances of the policy instead";
            self.problems.push(Problem::error(table.concurrency.provisioned.place, message).help(help));
        }
        if let Some(slots) = scaling.slots(*table.memory) {
            if table.concurrency.per_instance.is_some() {
                let message = format!("`{path}.concurrency.per-instance` has a different name with scaling.{policy}");
                let help = format!("write scaling.{policy}.{}", slots.key);
                self.problems.push(Problem::error(table.concurrency.per_instance.place, message).help(help));
            }
            concurrency.per_instance = if slots.number == 0 { UNLIMITED_SLOTS } else { slots.number };
        }
        if table.selection.is_some() && matches!(scaling, ScalingSpec::Knative(_)) {
            let message =
                format!("`{path}.selection` has no effect with scaling.knative, whose activator chooses the pod");
            self.problems.push(Problem::warning(table.selection.place, message));
        }
        if table.selection.is_none() {
            *selection = scaling.selection().unwrap_or_default();
        }
    }

    /// Reports a memory size that the platform of a policy does not have.
    pub(super) fn instance_memory(&mut self, table: &FunctionTable, path: &str, scaling: &ScalingSpec) {
        if let Some(refusal) = scaling.refused_memory(*table.memory) {
            let message = format!("`{path}.memory` is {}MB: {}", *table.memory, refusal.what);
            self.problems.push(Problem::error(table.memory.place, message).help(refusal.help));
        }
    }

    /// What a policy may provision must fit the limits of the function; `place` is the location of the policy.
    fn provisioned_by_policy(
        &mut self,
        place: SourceSpan,
        path: &str,
        scaling: &ScalingSpec,
        concurrency: &Concurrency,
    ) {
        let (policy, most) = (scaling.name(), scaling.most_provisioned());
        if let Some(reserved) = concurrency.reserved.filter(|&reserved| most > reserved) {
            let message = format!("`{path}.scaling.{policy}` may provision {most}, more than `reserved` ({reserved})");
            let help = "reserved concurrency is an upper limit: reserve at least what may be provisioned";
            self.problems.push(Problem::error(place, message).help(help));
        }
        if let Some(max) = concurrency.max_instances.filter(|&max| most > max) {
            let message = format!("`{path}.scaling.{policy}` may provision {most}, more than `max-instances` ({max})");
            self.problems.push(Problem::error(place, message).help(
                "raise max-instances, or lower the maximum of the \
                                                                    policy",
            ));
        }
    }

    /// How long a request waits for an instance if only the policy sets it.
    pub(super) fn queue_timeout(
        table: &FunctionTable,
        scaling: &ScalingSpec,
        cold_start: &[Phase],
        concurrency: &mut Concurrency,
    ) {
        if let Overflow::Queue { timeout: timeout @ None, .. } = &mut concurrency.overflow
            && table.concurrency.queue_timeout.is_none()
        {
            *timeout = scaling.queue_timeout(cold_start.iter().map(|phase| phase.duration.mean_s()).sum());
        }
    }
}
