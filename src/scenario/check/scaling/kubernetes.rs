//! What Kubernetes would refuse of an HPA, and KEDA of a `ScaledObject`.
//!
//! Source: `pkg/apis/autoscaling/validation/validation.go` of kubernetes/kubernetes,
//! `apis/keda/v1alpha1/scaledobject_types.go` of kedacore/keda.

use super::super::{Checker, either};
use super::REMEMBERED_MAX;
use crate::policy::scaling::hpa::autoscaler::{AutoscalerSpec, Metric};
use crate::policy::scaling::hpa::behavior::{Amount, Behavior, Policy, ScalingRules};
use crate::policy::scaling::hpa::calculator::{Calculator, Tolerance};
use crate::policy::scaling::hpa::controller::{DOWNSCALE_WINDOW, HpaSpec};
use crate::policy::scaling::hpa::pods::Initialization;
use crate::policy::scaling::hpa::samples::Sampling;
use crate::policy::scaling::keda::ScaledObject;
use crate::policy::scaling::keda::autoscaler::KedaSpec;
use crate::scenario::raw::scaling::kubernetes::{BehaviorTable, HpaTable, KedaTable, RateTable, RulesTable};
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::{Problem, SourceSpan};
use crate::time::Span;

/// The longest stabilisation window that Kubernetes accepts.
const WINDOW_MAX: Span = Span::from_secs(3600);
/// The longest period of a policy.
const PERIOD_MAX: Span = Span::from_secs(1800);

impl Checker<'_, '_> {
    pub(super) fn hpa(&mut self, table: &HpaTable, path: &str) -> Option<AutoscalerSpec> {
        let key = |key: &str| format!("{path}.hpa.{key}");
        let max_replicas = table.max_replicas.value?;
        self.at_most_max(table.min_replicas.place, *table.min_replicas, max_replicas, &key("min-replicas"));
        if *table.min_replicas == 0 && table.target_queue_length.is_none() {
            let message = format!(
                "`{}` = 0 needs `target-queue-length`: without pods there is nothing else to measure",
                key("min-replicas")
            );
            self.refused(table.min_replicas.place, message, "Kubernetes");
        }
        for (name, target) in [
            ("target-concurrency", &table.target_concurrency),
            ("target-requests-per-second", &table.target_requests_per_second),
            ("target-queue-length", &table.target_queue_length),
        ] {
            self.quantity(target, &key(name));
        }
        let sync_period = self.pause(table.sync_period.place, *table.sync_period, &key("sync-period"));
        let resolution =
            self.pause(table.metrics_resolution.place, *table.metrics_resolution, &key("metrics-resolution"));
        if let Some(remembered) = resolution.map(|resolution| table.metrics_delay.as_nanos() / resolution.as_nanos())
            && remembered > REMEMBERED_MAX
        {
            let message = format!(
                "`{}` ({}) is {remembered} times `metrics-resolution`, and each sample is remembered: at most {REMEMBERED_MAX}",
                key("metrics-delay"),
                *table.metrics_delay
            );
            self.problems.push(Problem::error(table.metrics_delay.place, message));
        }
        let window = *table.downscale_stabilization;
        let behavior = table.behavior.as_ref().map(|rules| self.behavior(rules, window, &key("behavior")));
        let tolerance = |rules: fn(&BehaviorTable) -> Option<&RulesTable>| {
            let own = table.behavior.as_ref().and_then(rules).and_then(|rules| *rules.tolerance);
            own.unwrap_or(*table.tolerance)
        };
        let calculator = Calculator {
            tolerance: Tolerance {
                up: tolerance(|behavior| behavior.scale_up.as_ref()),
                down: tolerance(|behavior| behavior.scale_down.as_ref()),
            },
            initialization: Initialization {
                cpu_period: *table.cpu_initialization_period,
                readiness_delay: *table.initial_readiness_delay,
            },
        };
        Some(AutoscalerSpec {
            hpa: HpaSpec {
                min_replicas: *table.min_replicas as i32,
                max_replicas: max_replicas as i32,
                behavior: behavior.map_or(Some(None), |behavior| behavior.map(Some))?,
                downscale_window: window,
                calculator,
            },
            metrics: metrics(table),
            sync_period: sync_period?,
            sampling: Sampling { resolution: resolution?, delay: *table.metrics_delay },
            initial_replicas: table.initial_replicas.unwrap_or(*table.min_replicas),
        })
    }

    pub(super) fn keda(&mut self, table: &KedaTable, path: &str) -> Option<KedaSpec> {
        let key = |key: &str| format!("{path}.keda.{key}");
        let (min, max) = (*table.min_replicas, *table.max_replicas);
        self.at_most_max(table.min_replicas.place, min, max, &key("min-replicas"));
        if let Some(idle) = table.idle_replicas.filter(|&idle| idle >= min) {
            let message = format!("`{}` ({idle}) must be fewer than `min-replicas` ({min})", key("idle-replicas"));
            self.refused(table.idle_replicas.place, message, "KEDA");
        }
        let polling = self.pause(table.polling_interval.place, *table.polling_interval, &key("polling-interval"));
        let behavior = table.behavior.as_ref().map(|rules| self.behavior(rules, DOWNSCALE_WINDOW, &key("behavior")));
        let object = ScaledObject {
            polling_interval: polling?,
            cooldown_period: *table.cooldown_period,
            initial_cooldown_period: *table.initial_cooldown_period,
            idle_replicas: table.idle_replicas.map(|idle| idle as i32),
            min_replicas: min as i32,
            max_replicas: max as i32,
            queue_length: i64::from(*table.queue_length),
            activation_queue_length: i64::from(*table.activation_queue_length),
        };
        Some(KedaSpec {
            object,
            scale_on_in_flight: *table.scale_on_in_flight,
            behavior: behavior.map_or(Some(None), |behavior| behavior.map(Some))?,
            initial_replicas: table.initial_replicas.unwrap_or(min),
        })
    }

    /// A target is a Quantity, kept in thousandths.
    fn quantity(&mut self, target: &Spanned<Option<f64>>, path: &str) {
        if let Some(value) = target.value.filter(|value| !(0.001..=1e12).contains(value)) {
            let message = format!("`{path}` = {value} must be from 0.001 to 1e12: it is kept in thousandths");
            self.refused(target.place, message, "Kubernetes");
        }
    }

    /// A minimum of pods must not be more than their maximum.
    fn at_most_max(&mut self, place: SourceSpan, min: u32, max: u32, path: &str) {
        if min > max {
            let message = format!("`{path}` ({min}) must not be more than `max-replicas` ({max})");
            self.refused(place, message, "Kubernetes");
        }
    }

    /// Reports what the real system would not accept.
    pub(super) fn refused(&mut self, place: SourceSpan, message: String, system: &str) {
        self.problems.push(Problem::error(place, message).help(format!("{system} would refuse this")));
    }

    /// What is missing in a direction is filled in; `window` is the one on the way down.
    fn behavior(&mut self, table: &BehaviorTable, window: Span, path: &str) -> Option<Behavior> {
        let defaults = Behavior::with_downscale_window(window);
        let mut rules = |table: Option<&RulesTable>, defaults: ScalingRules, key: &str| match table {
            Some(table) => self.rules(table, defaults, &format!("{path}.{key}")),
            None => Some(defaults),
        };
        let up = rules(table.scale_up.as_ref(), defaults.up, "scale-up");
        let down = rules(table.scale_down.as_ref(), defaults.down, "scale-down");
        Some(Behavior { up: up?, down: down? })
    }

    fn rules(&mut self, table: &RulesTable, defaults: ScalingRules, path: &str) -> Option<ScalingRules> {
        let window = table.stabilization_window.unwrap_or(defaults.window);
        if window > WINDOW_MAX {
            let message = format!("`{path}.stabilization-window` must be at most {WINDOW_MAX}");
            self.refused(table.stabilization_window.place, message, "Kubernetes");
        }
        let policies = match table.policies.as_ref() {
            None => defaults.policies,
            Some(rates) => {
                let path = format!("{path}.policies");
                let policies: Vec<_> = rates.iter().map(|rate| self.rate(rate, &path)).collect();
                policies.into_iter().collect::<Option<_>>()?
            }
        };
        Some(ScalingRules { window, select: *table.select_policy, policies })
    }

    fn rate(&mut self, table: &RateTable, path: &str) -> Option<Policy> {
        let way = either(table.place, path, &[&[("pods", &table.pods)], &[("percent", &table.percent)]], self.problems);
        let period = table.period.value?;
        if !(Span::from_secs(1)..=PERIOD_MAX).contains(&period) {
            let message = format!("`{path}.period` must be from 1s to {PERIOD_MAX}");
            self.refused(table.period.place, message, "Kubernetes");
        }
        let amount = match way? {
            0 => Amount::Pods(table.pods.value? as i32),
            _ => Amount::Percent(table.percent.value? as i32),
        };
        Some(Policy { amount, period })
    }
}

/// The metrics that have a target; if there are none, what Kubernetes takes.
fn metrics(table: &HpaTable) -> Vec<Metric> {
    let given = [
        table.target_cpu_utilization.map(Metric::CpuUtilization),
        table.target_concurrency.map(Metric::Concurrency),
        table.target_requests_per_second.map(Metric::RequestRate),
        table.target_queue_length.map(Metric::QueueLength),
    ];
    let metrics: Vec<Metric> = given.into_iter().flatten().collect();
    if metrics.is_empty() { AutoscalerSpec::default().metrics } else { metrics }
}
