//! The parameters of a `ScaledObject` on the queue of its function, and KEDA's rules for them.
//!
//! Source: `apis/keda/v1alpha1/scaledobject_types.go` of kedacore/keda.

use super::ScaledObject;
use super::autoscaler::{KedaAutoscaler, KedaSpec};
use crate::policy::scaling::hpa::controller::{DOWNSCALE_WINDOW, SYNC_PERIOD};
use crate::policy::scaling::hpa::parameters::{BehaviorParameters, at_most_max};
use crate::policy::scaling::replay::Gauge;
use crate::policy::scaling::{MANY, POD_GRACE_PERIOD, Pause, Policy, Scaling};
use crate::rng::{Purpose, Stream};
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, Flag};
use crate::time::Span;

parameters! {
    /// KEDA on the function's queue: scales between zero and one, and above one with an HPA.
    pub struct KedaParameters {
        /// Target number of messages per pod (queueLength).
        default queue_length: Count<1, MANY> = 5,
        /// The queue is active if there are more messages than this (activationQueueLength).
        default activation_queue_length: Count<0, MANY> = 0,
        /// Whether messages in progress count in addition to waiting ones (scaleOnInFlight).
        default scale_on_in_flight: Flag = true,
        /// How often the queue is polled (pollingInterval).
        default polling_interval: Pause = Span::from_secs(30),
        /// How long the queue must have been inactive before it scales to zero (cooldownPeriod).
        default cooldown_period: Duration = Span::from_secs(300),
        /// The same for a queue that has never been active, from the start of the run (initialCooldownPeriod).
        default initial_cooldown_period: Duration = Span::ZERO,
        /// Minimum number of pods (minReplicaCount).
        default min_replicas: Count<0, MANY> = 0,
        /// Maximum number of pods (maxReplicaCount).
        default max_replicas: Count<1, MANY> = 100,
        /// Pods while the queue is inactive, if fewer than `min-replicas` (idleReplicaCount).
        optional idle_replicas: Count<0, MANY>,
        /// Pods at the start of the run. Default: `min-replicas`.
        optional initial_replicas: Count<0, MANY>,
        /// Stabilization windows and rates of its HPA (horizontalPodAutoscalerConfig.behavior).
        optional behavior: BehaviorParameters,
    }
}

impl KedaParameters {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let min = self.min_replicas;
        at_most_max(check, min, self.max_replicas);
        if let Some(idle) = self.idle_replicas.filter(|&idle| idle >= min) {
            let what = format!("({idle}) must be fewer than `min-replicas` ({min})");
            check.refused("idle-replicas", what, "KEDA");
        }
    }

    fn spec(&self) -> KedaSpec {
        KedaSpec {
            object: ScaledObject {
                polling_interval: self.polling_interval,
                cooldown_period: self.cooldown_period,
                initial_cooldown_period: self.initial_cooldown_period,
                idle_replicas: self.idle_replicas.map(|idle| idle as i32),
                min_replicas: self.min_replicas as i32,
                max_replicas: self.max_replicas as i32,
                queue_length: i64::from(self.queue_length),
                activation_queue_length: i64::from(self.activation_queue_length),
            },
            scale_on_in_flight: self.scale_on_in_flight,
            behavior: self.behavior.as_ref().map(|behavior| behavior.with(DOWNSCALE_WINDOW)),
            initial_replicas: self.initial_replicas.unwrap_or(self.min_replicas),
        }
    }
}

impl Policy for KedaParameters {
    fn build(&self, _: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        Some(Box::new(KedaAutoscaler::new(self.spec())))
    }

    fn decides_on(&self) -> &'static [Gauge] {
        &[Gauge::Queue, Gauge::QueuePerPod]
    }

    fn termination_grace_period(&self, _timeout: Option<Span>) -> Option<Span> {
        Some(POD_GRACE_PERIOD)
    }

    fn pause(&self) -> Option<Span> {
        Some(self.polling_interval.min(SYNC_PERIOD))
    }
}
