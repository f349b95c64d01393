//! The autoscalers of Kubernetes, under the names of their manifests and flags.

use super::MANY;
use crate::policy::scaling::hpa::behavior::Select;
use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Duration, Flag, Positive};
use crate::time::Span;

table! {
    /// The Kubernetes HorizontalPodAutoscaler (v2) of a Deployment. Without a target: 80 % of the CPU. Of several metrics
    /// the one that asks for most pods counts.
    struct HpaTable {
        /// Fewest pods; 0 needs `target-queue-length`.
        default min_replicas: Count<0, MANY> = 1,
        /// Most pods.
        required max_replicas: Count<1, MANY>,
        /// Pods when the Deployment is created, at the start of the run; without it: `min-replicas`.
        optional initial_replicas: Count<0, MANY>,
        /// CPU in percent of what pods request (Resource, averageUtilization): the share of their slots that is taken.
        optional target_cpu_utilization: Count<1, 1000>,
        /// Requests on a pod (Pods, averageValue).
        optional target_concurrency: Positive,
        /// Requests per second that a pod is given (Pods, averageValue).
        optional target_requests_per_second: Positive,
        /// Requests waiting in front of the pods, for each pod (External, averageValue).
        optional target_queue_length: Positive,
        /// Windows and rates of both directions; without it: at most twice the pods, or four, in a sync, and fewer only
        /// after `downscale-stabilization`.
        optional behavior: BehaviorTable,
        /// How far from its target a metric may be before anything is done (--horizontal-pod-autoscaler-tolerance).
        default tolerance: Amount = 0.1,
        /// How long more pods must not have been wanted before some go (--horizontal-pod-autoscaler-downscale-stabilization).
        default downscale_stabilization: Duration = Span::from_secs(300),
        /// How long CPU samples of a young pod count only if taken while it was ready (--...-cpu-initialization-period).
        default cpu_initialization_period: Duration = Span::from_secs(300),
        /// After that, within which time of its start a pod must have been ready once (--...-initial-readiness-delay).
        default initial_readiness_delay: Duration = Span::from_secs(30),
        /// How often it decides (--horizontal-pod-autoscaler-sync-period).
        default sync_period: Duration = Span::from_secs(15),
        /// How often pods are measured, and over which time (--metric-resolution of metrics-server).
        default metrics_resolution: Duration = Span::from_secs(15),
        /// How long after its end a measurement can be seen.
        default metrics_delay: Duration = Span::from_secs(15),
    }
}

table! {
    /// How fast an HPA may go, in either direction.
    struct BehaviorTable {
        /// More pods.
        optional scale_up: RulesTable,
        /// Fewer pods.
        optional scale_down: RulesTable,
    }
}

table! {
    /// How fast an HPA may go in one direction.
    struct RulesTable {
        /// How far back recommendations hold a change; without it: 0 s up, `downscale-stabilization` down.
        optional stabilization_window: Duration,
        /// Which policy counts.
        default select_policy: Select = Select::Max,
        /// How much may change in which time; without it: 100 % in 15 s, on the way up or 4 pods in 15 s.
        optional policies: List<RateTable, 1, 100>,
        /// The tolerance in this direction.
        optional tolerance: Amount,
    }
}

table! {
    /// How much may change in a period: pods, or percent of the pods at its start.
    struct RateTable {
        /// So many pods.
        optional pods: Count<1, MANY>,
        /// So many percent of the pods.
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
table! {
    /// A ScaledObject of KEDA on the queue of the function: from zero to one and back by polling, in between by an HPA.
    struct KedaTable {
        /// Messages for each pod (queueLength).
        default queue_length: Count<1, MANY> = 5,
        /// The queue is active if there are more messages than this (activationQueueLength).
        default activation_queue_length: Count<0, MANY> = 0,
        /// Whether messages being worked on count beside those that wait (scaleOnInFlight).
        default scale_on_in_flight: Flag = true,
        /// How often the queue is looked at (pollingInterval).
        default polling_interval: Duration = Span::from_secs(30),
        /// How long the queue must have been inactive before the last pods go (cooldownPeriod).
        default cooldown_period: Duration = Span::from_secs(300),
        /// The same, if the queue never was active, from the start of the run (initialCooldownPeriod).
        default initial_cooldown_period: Duration = Span::ZERO,
        /// Fewest pods (minReplicaCount).
        default min_replicas: Count<0, MANY> = 0,
        /// Most pods (maxReplicaCount).
        default max_replicas: Count<1, MANY> = 100,
        /// Pods while the queue is inactive, if that is to be fewer than `min-replicas` (idleReplicaCount).
        optional idle_replicas: Count<0, MANY>,
        /// Pods at the start of the run; without it: `min-replicas`.
        optional initial_replicas: Count<0, MANY>,
        /// Windows and rates of its HPA (horizontalPodAutoscalerConfig.behavior).
        optional behavior: BehaviorTable,
    }
}
