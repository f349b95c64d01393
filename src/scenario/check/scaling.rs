//! Scaling policies: what their values mean together, and what the real systems would refuse.

mod clouds;
mod kubernetes;
mod predictive;
mod timed;

use std::collections::BTreeSet;

use super::Checker;
use crate::policy::scaling::knative::KnativeSpec;
use crate::policy::scaling::knative::annotations::{Annotations, PREFIX};
use crate::policy::scaling::knative::config::ConfigMap;
use crate::policy::scaling::knative::settings::{Revision, Settings};
use crate::policy::scaling::{Governs, ScalingSpec, ThresholdsSpec, Trigger};
use crate::policy::selection::Selection;
use crate::scenario::limits::MIN_PAUSE;
use crate::scenario::model::Concurrency;
use crate::scenario::raw::function::FunctionTable;
use crate::scenario::raw::scaling::{KnativeTable, ScalingTable, ThresholdsTable};
use crate::schema::diagnostic::{Problem, SourceSpan};
use crate::time::Span;

/// Slots of an instance that has no limit of its own.
const UNLIMITED_SLOTS: u32 = 1_000_000;
/// Measurements that a scaling policy remembers at a time.
const REMEMBERED_MAX: u64 = 100_000;

impl Checker<'_, '_> {
    pub(super) fn scaling(&mut self, function: &FunctionTable, path: &str) -> Option<ScalingSpec> {
        Some(match &*function.scaling {
            ScalingTable::PerRequest(_) => ScalingSpec::PerRequest,
            ScalingTable::Thresholds(table) => ScalingSpec::Thresholds(self.thresholds(table, path)?),
            ScalingTable::Knative(table) => ScalingSpec::Knative(Box::new(self.knative(table, path)?)),
            ScalingTable::AzureConsumption(table) => {
                ScalingSpec::AzureConsumption(self.azure_consumption(table, path)?)
            }
            ScalingTable::AzureFlex(table) => ScalingSpec::AzureFlex(self.azure_flex(table, function, path)?),
            ScalingTable::CloudRun(table) => ScalingSpec::CloudRun(Box::new(self.cloud_run(table, path)?)),
            ScalingTable::OpenFaas(table) => ScalingSpec::OpenFaas(Box::new(self.openfaas(table, path)?)),
            ScalingTable::OpenFaasCe(table) => ScalingSpec::OpenFaasCe(self.openfaas_ce(table, path)?),
            ScalingTable::Hpa(table) => ScalingSpec::Hpa(Box::new(self.hpa(table, path)?)),
            ScalingTable::Keda(table) => ScalingSpec::Keda(Box::new(self.keda(table, path)?)),
            ScalingTable::TargetTracking(table) => {
                ScalingSpec::TargetTracking(Box::new(self.target_tracking(table, path)?))
            }
            ScalingTable::Scheduled(table) => ScalingSpec::Scheduled(self.scheduled(table, path)?),
            ScalingTable::Predictive(table) => ScalingSpec::Predictive(Box::new(self.predictive(table, path)?)),
        })
    }

    /// The time between two decisions, or two measurements, of a policy.
    fn pause(&mut self, at: SourceSpan, value: Span, path: &str) -> Option<Span> {
        let value = self.positive(at, value, path)?;
        if value < MIN_PAUSE {
            let message = format!("`{path}` = {value}: a scaling policy acts at most once in {MIN_PAUSE}");
            self.problems
                .push(Problem::error(at, message).help(format!("no autoscaler is faster: write {MIN_PAUSE} or more")));
            return None;
        }
        Some(value)
    }

    fn thresholds(&mut self, table: &ThresholdsTable, path: &str) -> Option<ThresholdsSpec> {
        let interval = self.pause(table.interval.place, *table.interval, &format!("{path}.thresholds.interval"));
        Some(ThresholdsSpec {
            load: *table.load,
            target: table.target.value?,
            interval: interval?,
            scale_down_delay: *table.scale_down_delay,
            min_instances: *table.min_instances,
        })
    }

    fn knative(&mut self, table: &KnativeTable, path: &str) -> Option<KnativeSpec> {
        let config = ConfigMap {
            max_scale_up_rate: *table.max_scale_up_rate,
            max_scale_down_rate: *table.max_scale_down_rate,
            enable_scale_to_zero: *table.enable_scale_to_zero,
            scale_to_zero_grace_period: *table.scale_to_zero_grace_period,
            activator_capacity: *table.activator_capacity,
            allow_zero_initial_scale: *table.allow_zero_initial_scale,
            ..ConfigMap::default()
        };
        let count = |count: u32| Some(count as i32);
        let annotations = Annotations {
            metric: Some(*table.metric),
            metric_aggregation_algorithm: Some(*table.metric_aggregation_algorithm),
            target: *table.target,
            target_utilization_percentage: Some(*table.target_utilization_percentage),
            target_burst_capacity: Some(*table.target_burst_capacity),
            window: Some(*table.window),
            panic_window_percentage: Some(*table.panic_window_percentage),
            panic_threshold_percentage: Some(*table.panic_threshold_percentage),
            scale_down_delay: Some(*table.scale_down_delay),
            scale_to_zero_pod_retention_period: Some(*table.scale_to_zero_pod_retention_period),
            initial_scale: count(*table.initial_scale),
            min_scale: count(*table.min_scale),
            max_scale: count(*table.max_scale),
            activation_scale: count(*table.activation_scale).filter(|scale| *scale > 0),
            progress_deadline: Some(*table.progress_deadline),
        };
        let refused = [config.check(), annotations.check(&config)].concat();
        let mut told = BTreeSet::new();
        for rejection in &refused {
            let key = rejection.key.strip_prefix(PREFIX).unwrap_or(&rejection.key);
            if told.insert((key.to_owned(), rejection.rule.to_string())) {
                let message = format!("`{path}.knative.{key}` = {}: {}", rejection.value, rejection.rule);
                self.problems.push(Problem::error(table.place_of(key), message).help("Knative would refuse this"));
            }
        }
        let container_concurrency = *table.container_concurrency;
        let revision =
            Revision { container_concurrency, progress_deadline: *table.progress_deadline, ..Revision::default() };
        refused.is_empty().then(|| KnativeSpec {
            settings: Settings::resolve(&config, &annotations, &revision),
            container_concurrency,
        })
    }

    /// Where a policy orders all of a function's instances, what only a request that creates its instance would need has
    /// no place; where it orders the provisioned ones, they must fit.
    pub(super) fn ordered(
        &mut self,
        table: &FunctionTable,
        path: &str,
        scaling: &ScalingSpec,
        selection: &mut Selection,
        concurrency: &mut Concurrency,
    ) {
        if !scaling.orders_all() {
            if scaling.governs() == Governs::Provisioned {
                self.provisioned_by_policy(table.scaling.place, path, scaling, concurrency);
            }
            return;
        }
        let policy = scaling.name();
        if table.max_lifetime.flatten().is_some() {
            let message =
                format!("`{path}.max-lifetime` has no effect with scaling.{policy}, which orders every instance");
            self.problems.push(Problem::warning(table.max_lifetime.place, message));
        }
        if *table.concurrency.provisioned > 0 {
            let message = format!("`{path}.concurrency.provisioned` cannot be had with scaling.{policy}");
            let help = "give the policy a minimum of instances instead";
            self.problems.push(Problem::error(table.concurrency.provisioned.place, message).help(help));
        }
        if let Some((key, slots)) = slots(scaling) {
            if table.concurrency.per_instance.is_some() {
                let message = format!("`{path}.concurrency.per-instance` is called otherwise with scaling.{policy}");
                let help = format!("write scaling.{policy}.{key}");
                self.problems.push(Problem::error(table.concurrency.per_instance.place, message).help(help));
            }
            concurrency.per_instance = if slots == 0 { UNLIMITED_SLOTS } else { slots };
        }
        if table.selection.is_some() && matches!(scaling, ScalingSpec::Knative(_)) {
            let message =
                format!("`{path}.selection` has no effect with scaling.knative, whose activator chooses the pod");
            self.problems.push(Problem::warning(table.selection.place, message));
        }
        if table.selection.is_none() && is_spread(scaling) {
            *selection = Selection::Random;
        }
    }
}

/// How many requests an instance takes where the policy says so itself, and under which key; 0: any number.
const fn slots(scaling: &ScalingSpec) -> Option<(&'static str, u32)> {
    match scaling {
        ScalingSpec::Knative(knative) => Some(("container-concurrency", knative.container_concurrency)),
        ScalingSpec::AzureConsumption(azure) => Some(match azure.trigger {
            Trigger::Http => ("max-concurrent-requests", azure.slots),
            Trigger::TargetBased | Trigger::Incremental => ("target-executions-per-instance", azure.slots),
        }),
        ScalingSpec::AzureFlex(azure) => Some(("per-instance-concurrency", azure.concurrency)),
        ScalingSpec::CloudRun(service) => Some(("concurrency", service.concurrency)),
        ScalingSpec::OpenFaas(openfaas) => Some(("max-inflight", openfaas.max_inflight)),
        ScalingSpec::OpenFaasCe(openfaas) => Some(("max-inflight", openfaas.max_inflight)),
        _ => None,
    }
}

/// Whether requests are spread over the instances as the Service of Kubernetes does it.
const fn is_spread(scaling: &ScalingSpec) -> bool {
    matches!(scaling, ScalingSpec::Knative(_) | ScalingSpec::OpenFaas(_) | ScalingSpec::OpenFaasCe(_))
}
