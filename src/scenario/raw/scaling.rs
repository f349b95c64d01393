//! Scaling policies, as they may be written.

pub(in crate::scenario) mod kubernetes;
pub(in crate::scenario) mod predictive;
pub(in crate::scenario) mod timed;

use super::function::{ConcurrencyTable, OverflowWord};
use crate::policy::scaling::knative::settings::{Aggregation, Metric};
use crate::policy::scaling::{Governs, Load};
use crate::policy::selection::Selection;
use crate::scenario::decode::{At, Field, Reader, choice, entry, key, mode, table, union};
use crate::scenario::diagnostic::Place;
use crate::scenario::leaf::{Count, Duration, Flag, Number, Positive};
use crate::scenario::shape::{FieldShape, KindShape, Shape, TableShape, UnionShape};
use crate::scenario::tree::{Entry, Node, Value};
use crate::time::Span;
use kubernetes::{HpaTable, KedaTable};
use predictive::PredictiveTable;
use timed::{ScheduledTable, TargetTrackingTable};

/// The most that a number of instances can be.
const MANY: u32 = 1_000_000;
/// Slots of an instance that has no limit of its own.
const UNLIMITED_SLOTS: u32 = 1_000_000;

union! {
    /// How many instances there are.
    enum ScalingTable ("scaling") {
        /// A request that finds no free slot gets an instance of its own, as on AWS Lambda.
        "per-request" => PerRequest(PerRequestTable),
        /// So many instances that each has a target of load, decided on a clock.
        "thresholds" => Thresholds(ThresholdsTable),
        /// The Knative Pod Autoscaler, with activator, queue-proxies and scale to zero.
        "knative" => Knative(Box<KnativeTable>),
        /// The Kubernetes HorizontalPodAutoscaler.
        "hpa" => Hpa(Box<HpaTable>),
        /// KEDA on the function's queue: none, one, and as many as an HPA wants.
        "keda" => Keda(Box<KedaTable>),
        /// Target tracking of provisioned instances, as by AWS Application Auto Scaling.
        "target-tracking" => TargetTracking(Box<TargetTrackingTable>),
        /// As many instances as a timetable says.
        "scheduled" => Scheduled(Box<ScheduledTable>),
        /// Instances for the load that is forecast.
        "predictive" => Predictive(Box<PredictiveTable>),
    }
}

impl ScalingTable {
    /// What holds where nothing is said.
    pub(in crate::scenario) fn standard() -> Self {
        Self::PerRequest(PerRequestTable { place: Place::default() })
    }

    /// Whether the policy orders every instance.
    fn orders_all(&self) -> bool {
        match self {
            Self::PerRequest(_) | Self::TargetTracking(_) => false,
            Self::Scheduled(table) => *table.governs == Governs::Instances,
            Self::Predictive(table) => *table.governs == Governs::Instances,
            Self::Thresholds(_) | Self::Knative(_) | Self::Hpa(_) | Self::Keda(_) => true,
        }
    }

    /// Puts what the policy implies where nothing is said: requests wait for the instances that it orders, and on Knative
    /// they go to any of them, each with the slots of its container. `table` is the place of the function.
    pub(super) fn settle(&self, table: Place, selection: &mut At<Selection>, concurrency: &mut ConcurrencyTable) {
        if self.orders_all() && concurrency.overflow.place == concurrency.place {
            concurrency.overflow.value = OverflowWord::Queue;
        }
        if let Self::Knative(knative) = self {
            if selection.place == table {
                selection.value = Selection::Random;
            }
            if concurrency.per_instance.place == concurrency.place {
                concurrency.per_instance.value = knative.slots();
            }
        }
    }
}

table! {
    /// Each request decides.
    struct PerRequestTable {}
}

table! {
    /// So many instances that each has a target of load.
    struct ThresholdsTable {
        /// What is measured.
        default load: Load = Load::Concurrency,
        /// How much of it each instance is to have.
        required target: Positive,
        /// How often it decides.
        default interval: Duration = Span::from_secs(10),
        /// Fewer instances only if no decision of so long wanted more.
        default scale_down_delay: Duration = Span::from_secs(60),
        /// Fewest instances.
        default min_instances: Count<0, MANY> = 1,
    }
}

choice! { Load {
    "concurrency" => Load::Concurrency, "Requests in progress or waiting, on average over the interval.";
    "request-rate" => Load::RequestRate, "Requests that arrive in a second, on average over the interval.";
    "queue-depth" => Load::QueueDepth, "Requests that wait at the moment of the decision.";
} }

table! {
    /// The Knative Pod Autoscaler: the annotations of a revision and the settings of its cluster, under their own names.
    struct KnativeTable {
        /// Requests that a pod handles at once; 0: no limit.
        default container_concurrency: Count<0, 1000> = 0,
        /// What is measured.
        default metric: Metric = Metric::Concurrency,
        /// How windows are averaged.
        default metric_aggregation_algorithm: Aggregation = Aggregation::Linear,
        /// Value of the metric that a pod can bear; without it: the container concurrency, or 100 (200 requests a second).
        optional target: Number,
        /// Percentage of it to aim for.
        default target_utilization_percentage: Number = 70.0,
        /// Burst that is absorbed without the activator; 0: it serves at zero pods only; -1: always.
        default target_burst_capacity: Number = 211.0,
        /// The stable window.
        default window: Duration = Span::from_secs(60),
        /// The panic window in percent of the stable one.
        default panic_window_percentage: Number = 10.0,
        /// Pods wanted in percent of ready pods from which on it panics.
        default panic_threshold_percentage: Number = 200.0,
        /// Most pods wanted at once, as a multiple of the ready ones.
        default max_scale_up_rate: Number = 1000.0,
        /// Fewest pods wanted at once: the ready ones divided by this.
        default max_scale_down_rate: Number = 2.0,
        /// How long fewer pods must have been wanted before they go.
        default scale_down_delay: Duration = Span::ZERO,
        /// Whether the last pod may go.
        default enable_scale_to_zero: Flag = true,
        /// How long the activator must have been in the path before the last pod goes.
        default scale_to_zero_grace_period: Duration = Span::from_secs(30),
        /// How long the last pod is kept after the revision became inactive.
        default scale_to_zero_pod_retention_period: Duration = Span::ZERO,
        /// Pods to begin with.
        default initial_scale: Count<0, MANY> = 1,
        /// Whether they may be none.
        default allow_zero_initial_scale: Flag = false,
        /// Fewest pods.
        default min_scale: Count<0, MANY> = 0,
        /// Most pods; 0: no limit.
        default max_scale: Count<0, MANY> = 0,
        /// Fewest pods whenever there is any load; 0: one.
        default activation_scale: Count<0, MANY> = 0,
        /// Concurrency that one activator handles.
        default activator_capacity: Number = 100.0,
        /// How long the first pods may take.
        default progress_deadline: Duration = Span::from_secs(600),
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

impl KnativeTable {
    /// Requests that an instance serves at a time.
    pub(in crate::scenario) fn slots(&self) -> u32 {
        if *self.container_concurrency == 0 { UNLIMITED_SLOTS } else { *self.container_concurrency }
    }

    /// Where the value of a key stands.
    pub(in crate::scenario) fn place_of(&self, key: &str) -> Place {
        match key {
            "target" => self.target.place,
            "target-utilization-percentage" => self.target_utilization_percentage.place,
            "target-burst-capacity" => self.target_burst_capacity.place,
            "window" | "stable-window" => self.window.place,
            "panic-window-percentage" => self.panic_window_percentage.place,
            "panic-threshold-percentage" => self.panic_threshold_percentage.place,
            "max-scale-up-rate" => self.max_scale_up_rate.place,
            "max-scale-down-rate" => self.max_scale_down_rate.place,
            "scale-down-delay" => self.scale_down_delay.place,
            "scale-to-zero-grace-period" => self.scale_to_zero_grace_period.place,
            "scale-to-zero-pod-retention-period" => self.scale_to_zero_pod_retention_period.place,
            "initial-scale" => self.initial_scale.place,
            "min-scale" => self.min_scale.place,
            "max-scale" => self.max_scale.place,
            "activation-scale" => self.activation_scale.place,
            "activator-capacity" => self.activator_capacity.place,
            _ => self.place,
        }
    }
}
