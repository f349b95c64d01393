//! The parameters of an HPA, named as in its manifest and its controller's flags, and the rules of Kubernetes for them.
//!
//! Source: `pkg/apis/autoscaling/validation/validation.go` of kubernetes/kubernetes. Default target: 80 % of the CPU.
//! Of several metrics, the one with the largest proposal counts.

use super::autoscaler::{Autoscaler, AutoscalerSpec, Metric};
use super::behavior::{self, Behavior, ScalingRules, Select};
use super::calculator::{Calculator, Tolerance};
use super::controller::HpaSpec;
use super::pods::Initialization;
use super::samples::Sampling;
use crate::policy::scaling::replay::{Conditions, Replay};
use crate::policy::scaling::{MANY, POD_GRACE_PERIOD, Pause, Policy, REMEMBERED_MAX, Scaling};
use crate::rng::{Purpose, Stream};
use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Duration, Positive};
use crate::time::Span;

/// The longest stabilization window that Kubernetes accepts.
const WINDOW_MAX: Span = Span::from_secs(3600);
/// The longest period of a policy.
const PERIOD_MAX: Span = Span::from_secs(1800);

parameters! {
    /// The Kubernetes HorizontalPodAutoscaler.
    pub struct HpaParameters {
        /// Minimum number of pods; 0 requires `target-queue-length`.
        default min_replicas: Count<0, MANY> = 1,
        /// Maximum number of pods.
        required max_replicas: Count<1, MANY>,
        /// Pods at the start of the run, when the Deployment is created. Default: `min-replicas`.
        optional initial_replicas: Count<0, MANY>,
        /// CPU as a percentage of what pods request (Resource, averageUtilization): the share of their slots in use.
        optional target_cpu_utilization: Count<1, 1000>,
        /// Requests in progress per pod (Pods, averageValue).
        optional target_concurrency: Positive,
        /// Requests per second per pod (Pods, averageValue).
        optional target_requests_per_second: Positive,
        /// Queued requests per pod (External, averageValue).
        optional target_queue_length: Positive,
        /// Stabilization windows and rates in both directions. Default: at most twice the pods, or four, per sync, and
        /// scale-in only after `downscale-stabilization`.
        optional behavior: BehaviorParameters,
        /// Deviation of a metric from its target that causes no change (--horizontal-pod-autoscaler-tolerance).
        default tolerance: Amount = 0.1,
        /// How long no recommendation may have been higher before it scales in
        /// (--horizontal-pod-autoscaler-downscale-stabilization).
        default downscale_stabilization: Duration = Span::from_secs(300),
        /// Period after pod start in which CPU samples count only if taken while the pod was ready
        /// (--...-cpu-initialization-period).
        default cpu_initialization_period: Duration = Span::from_secs(300),
        /// Period after pod start in which a pod counts as not yet ready unless it was ready before
        /// (--...-initial-readiness-delay).
        default initial_readiness_delay: Duration = Span::from_secs(30),
        /// Interval between decisions (--horizontal-pod-autoscaler-sync-period).
        default sync_period: Pause = Span::from_secs(15),
        /// How often pods are measured, and over what time (--metric-resolution of metrics-server).
        default metrics_resolution: Pause = Span::from_secs(15),
        /// Delay until a measurement becomes visible.
        default metrics_delay: Duration = Span::from_secs(15),
    }
}

parameters! {
    /// Scaling rates of an HPA in both directions.
    pub struct BehaviorParameters {
        /// Scaling out.
        optional scale_up: RulesParameters,
        /// Scaling in.
        optional scale_down: RulesParameters,
    }
}

parameters! {
    /// Scaling rate of an HPA in one direction.
    pub struct RulesParameters {
        /// How far back recommendations are considered. Default: 0 s up, `downscale-stabilization` down.
        optional stabilization_window: Duration,
        /// Which policy applies.
        default select_policy: Select = Select::Max,
        /// How much may change in what time. Default: 100 % in 15 s; when scaling up, or 4 pods in 15 s.
        optional policies: List<RateParameters, 1, 100>,
        /// The tolerance in this direction.
        optional tolerance: Amount,
    }
}

parameters! {
    /// Largest change within a period: in pods, or as a percentage of the pods at its start.
    pub struct RateParameters {
        /// Number of pods.
        optional pods: Count<1, MANY>,
        /// Percentage of the pods.
        optional percent: Count<1, MANY>,
        /// The period.
        required period: Duration,
    }
}

choice! { Select {
    "max" => Select::Max, "The one that allows the largest change.";
    "min" => Select::Min, "The one that allows the smallest change.";
    "disabled" => Select::Disabled, "None: nothing changes in this direction.";
} }

impl HpaParameters {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        at_most_max(check, self.min_replicas, self.max_replicas);
        if self.min_replicas == 0 && self.target_queue_length.is_none() {
            let what = "= 0 needs `target-queue-length`: without pods there is nothing else to measure";
            check.refused("min-replicas", what, "Kubernetes");
        }
        for (key, target) in [
            ("target-concurrency", self.target_concurrency),
            ("target-requests-per-second", self.target_requests_per_second),
            ("target-queue-length", self.target_queue_length),
        ] {
            if let Some(value) = target.filter(|value| !(0.001..=1e12).contains(value)) {
                let what = format!("= {value} must be from 0.001 to 1e12: it is kept in thousandths");
                check.refused(key, what, "Kubernetes");
            }
        }
        let remembered = self.metrics_delay.as_nanos() / self.metrics_resolution.as_nanos();
        if remembered > REMEMBERED_MAX {
            let delay = self.metrics_delay;
            check.wrong(
                "metrics-delay",
                format!(
                    "({delay}) is {remembered} times `metrics-resolution`, and each sample is remembered: \
                     at most {REMEMBERED_MAX}"
                ),
            );
        }
    }

    fn spec(&self) -> AutoscalerSpec {
        let tolerance = |rules: fn(&BehaviorParameters) -> &Option<RulesParameters>| {
            let own = self.behavior.as_ref().and_then(|behavior| rules(behavior).as_ref()?.tolerance);
            own.unwrap_or(self.tolerance)
        };
        let tolerance = Tolerance {
            up: tolerance(|behavior| &behavior.scale_up),
            down: tolerance(|behavior| &behavior.scale_down),
        };
        let initialization = Initialization {
            cpu_period: self.cpu_initialization_period,
            readiness_delay: self.initial_readiness_delay,
        };
        AutoscalerSpec {
            hpa: HpaSpec {
                min_replicas: self.min_replicas as i32,
                max_replicas: self.max_replicas as i32,
                behavior: self.behavior.as_ref().map(|behavior| behavior.with(self.downscale_stabilization)),
                downscale_window: self.downscale_stabilization,
                calculator: Calculator { tolerance, initialization },
            },
            metrics: self.metrics(),
            sync_period: self.sync_period,
            sampling: Sampling { resolution: self.metrics_resolution, delay: self.metrics_delay },
            initial_replicas: self.initial_replicas.unwrap_or(self.min_replicas),
        }
    }

    /// The metrics that have a target; if there are none, Kubernetes' default.
    fn metrics(&self) -> Vec<Metric> {
        let given = [
            self.target_cpu_utilization.map(Metric::CpuUtilization),
            self.target_concurrency.map(Metric::Concurrency),
            self.target_requests_per_second.map(Metric::RequestRate),
            self.target_queue_length.map(Metric::QueueLength),
        ];
        let metrics: Vec<Metric> = given.into_iter().flatten().collect();
        if metrics.is_empty() { AutoscalerSpec::default().metrics } else { metrics }
    }
}

impl Policy for HpaParameters {
    fn build(&self, _: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        Some(Box::new(Autoscaler::new(self.spec())))
    }

    fn replay(&self, conditions: &Conditions<'_>) -> Result<Box<dyn Replay>, String> {
        self.spec().replay(conditions)
    }

    fn termination_grace_period(&self, _timeout: Option<Span>) -> Option<Span> {
        Some(POD_GRACE_PERIOD)
    }

    fn pause(&self) -> Option<Span> {
        Some(self.sync_period.min(self.metrics_resolution))
    }
}

/// The minimum number of pods must not exceed the maximum.
pub(in crate::policy::scaling) fn at_most_max(check: &mut Check<'_, '_, '_>, min: u32, max: u32) {
    if min > max {
        let what = format!("({min}) must not be more than `max-replicas` ({max})");
        check.refused("min-replicas", what, "Kubernetes");
    }
}

impl BehaviorParameters {
    /// Fills in the defaults of a direction; `window` is the default for scaling in.
    pub(in crate::policy::scaling) fn with(&self, window: Span) -> Behavior {
        let defaults = Behavior::with_downscale_window(window);
        let rules = |rules: &Option<RulesParameters>, defaults: ScalingRules| match rules {
            Some(rules) => rules.with(defaults),
            None => defaults,
        };
        Behavior { up: rules(&self.scale_up, defaults.up), down: rules(&self.scale_down, defaults.down) }
    }
}

impl RulesParameters {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if self.stabilization_window.is_some_and(|window| window > WINDOW_MAX) {
            check.refused("stabilization-window", format!("must be at most {WINDOW_MAX}"), "Kubernetes");
        }
    }

    fn with(&self, defaults: ScalingRules) -> ScalingRules {
        let policies = self.policies.as_ref().map(|rates| rates.iter().map(RateParameters::policy).collect());
        ScalingRules {
            window: self.stabilization_window.unwrap_or(defaults.window),
            select: self.select_policy,
            policies: policies.unwrap_or(defaults.policies),
        }
    }
}

impl RateParameters {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        check.either(&[&[("pods", self.pods.is_some())], &[("percent", self.percent.is_some())]]);
        if !(Span::from_secs(1)..=PERIOD_MAX).contains(&self.period) {
            check.refused("period", format!("must be from 1s to {PERIOD_MAX}"), "Kubernetes");
        }
    }

    fn policy(&self) -> behavior::Policy {
        let percent = || behavior::Amount::Percent(self.percent.unwrap_or(0) as i32);
        let amount = self.pods.map_or_else(percent, |pods| behavior::Amount::Pods(pods as i32));
        behavior::Policy { amount, period: self.period }
    }
}
