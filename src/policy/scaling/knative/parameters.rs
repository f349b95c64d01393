//! The annotations of a revision and the settings of its cluster, by their own names, and Knative's rules for them.

use std::collections::BTreeSet;

use super::annotations::{Annotations, PREFIX};
use super::config::ConfigMap;
use super::ingress::LoadBalancing;
use super::pod_autoscaler::KnativeSpec;
use super::settings::{Aggregation, Metric, Revision, Settings};
use crate::policy::scaling::replay::{Conditions, Replay};
use crate::policy::scaling::{MANY, Policy, Scaling, Slots};
use crate::policy::selection::Selection;
use crate::rng::{Purpose, Stream};
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, Flag, Number};
use crate::time::Span;

parameters! {
    /// The Knative Pod Autoscaler, with activator, queue-proxies and scale to zero.
    pub struct KnativeParameters {
        /// Simultaneous requests per pod; 0: no limit.
        default container_concurrency: Count<0, 1000> = 0,
        /// What is measured.
        default metric: Metric = Metric::Concurrency,
        /// How metrics are averaged over a window.
        default metric_aggregation_algorithm: Aggregation = Aggregation::Linear,
        /// Target value of the metric per pod. Default: the container concurrency, or 100 (200 requests per second).
        optional target: Number,
        /// Percentage of the target to aim for.
        default target_utilization_percentage: Number = 70.0,
        /// Burst capacity to keep without the activator; 0: the activator is used at zero pods only; -1: always.
        default target_burst_capacity: Number = 211.0,
        /// The stable window.
        default window: Duration = Span::from_secs(60),
        /// Panic window, as a percentage of the stable window.
        default panic_window_percentage: Number = 10.0,
        /// Desired pods, as a percentage of ready pods, at which it enters panic mode.
        default panic_threshold_percentage: Number = 200.0,
        /// Largest number of desired pods, as a multiple of the ready ones.
        default max_scale_up_rate: Number = 1000.0,
        /// Smallest number of desired pods: the ready ones divided by this.
        default max_scale_down_rate: Number = 2.0,
        /// How long fewer pods must have been desired before it scales in.
        default scale_down_delay: Duration = Span::ZERO,
        /// Whether it may scale to zero.
        default enable_scale_to_zero: Flag = true,
        /// How long the activator must have been in the path before the last pod is removed.
        default scale_to_zero_grace_period: Duration = Span::from_secs(30),
        /// How long the last pod is kept after the revision became inactive.
        default scale_to_zero_pod_retention_period: Duration = Span::ZERO,
        /// Initial number of pods.
        default initial_scale: Count<0, MANY> = 1,
        /// Whether the initial number may be zero.
        default allow_zero_initial_scale: Flag = false,
        /// Minimum number of pods.
        default min_scale: Count<0, MANY> = 0,
        /// Maximum number of pods; 0: no limit.
        default max_scale: Count<0, MANY> = 0,
        /// Minimum number of pods while there is any load; 0: one.
        default activation_scale: Count<0, MANY> = 0,
        /// Concurrency that one activator handles.
        default activator_capacity: Number = 100.0,
        /// How long the first pods may take to become ready.
        default progress_deadline: Duration = Span::from_secs(600),
        /// How the ingress chooses a pod for a request when the activator is not in the path.
        default ingress_load_balancing: LoadBalancing = LoadBalancing::RoundRobin,
    }
}

choice! { Metric {
    "concurrency" => Metric::Concurrency, "Requests in progress, waiting ones included.";
    "rps" => Metric::Rps, "Requests per second.";
} }

choice! { Aggregation {
    "linear" => Aggregation::Linear, "Every second alike.";
    "weighted-exponential" => Aggregation::WeightedExponential, "The newest second most.";
} }

impl KnativeParameters {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let config = self.config();
        let mut told = BTreeSet::new();
        for rejection in [config.check(), self.annotations().check(&config)].concat() {
            let key = rejection.key.strip_prefix(PREFIX).unwrap_or(&rejection.key);
            if told.insert((key.to_owned(), rejection.rule.to_string())) {
                check.refused(key, format!("= {}: {}", rejection.value, rejection.rule), "Knative");
            }
        }
    }

    fn config(&self) -> ConfigMap {
        ConfigMap {
            max_scale_up_rate: self.max_scale_up_rate,
            max_scale_down_rate: self.max_scale_down_rate,
            enable_scale_to_zero: self.enable_scale_to_zero,
            scale_to_zero_grace_period: self.scale_to_zero_grace_period,
            activator_capacity: self.activator_capacity,
            allow_zero_initial_scale: self.allow_zero_initial_scale,
            ..ConfigMap::default()
        }
    }

    fn annotations(&self) -> Annotations {
        let count = |count: u32| Some(count as i32);
        Annotations {
            metric: Some(self.metric),
            metric_aggregation_algorithm: Some(self.metric_aggregation_algorithm),
            target: self.target,
            target_utilization_percentage: Some(self.target_utilization_percentage),
            target_burst_capacity: Some(self.target_burst_capacity),
            window: Some(self.window),
            panic_window_percentage: Some(self.panic_window_percentage),
            panic_threshold_percentage: Some(self.panic_threshold_percentage),
            scale_down_delay: Some(self.scale_down_delay),
            scale_to_zero_pod_retention_period: Some(self.scale_to_zero_pod_retention_period),
            initial_scale: count(self.initial_scale),
            min_scale: count(self.min_scale),
            max_scale: count(self.max_scale),
            activation_scale: count(self.activation_scale).filter(|scale| *scale > 0),
            progress_deadline: Some(self.progress_deadline),
        }
    }

    fn spec(&self) -> KnativeSpec {
        let (container_concurrency, progress_deadline) = (self.container_concurrency, self.progress_deadline);
        let revision = Revision { container_concurrency, progress_deadline, ..Revision::default() };
        let settings = Settings::resolve(&self.config(), &self.annotations(), &revision);
        KnativeSpec { settings, container_concurrency, ingress: self.ingress_load_balancing }
    }
}

impl Policy for KnativeParameters {
    fn build(&self, stream: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        Some(Box::new(self.spec().build(stream(Purpose::Scaling), stream(Purpose::Routing))))
    }

    fn replay(&self, conditions: &Conditions<'_>) -> Result<Box<dyn Replay>, String> {
        self.spec().settings.replay(conditions)
    }

    fn slots(&self, _memory_mb: u32) -> Option<Slots> {
        Some(Slots { key: "container-concurrency", number: self.container_concurrency })
    }

    fn selection(&self) -> Option<Selection> {
        Some(Selection::Random)
    }

    /// The revision's `timeoutSeconds`, 300 s by default.
    fn termination_grace_period(&self, timeout: Option<Span>) -> Option<Span> {
        timeout.or(Some(Span::from_secs(300)))
    }

    fn pause(&self) -> Option<Span> {
        Some(super::REPORT_INTERVAL)
    }
}
