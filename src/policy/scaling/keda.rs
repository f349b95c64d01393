//! KEDA: from zero to one and back by the length of a queue; above one, an HPA on the same length.
//!
//! Source: `pkg/scaling/executor` of kedacore/keda at commit 8b4f083.

pub mod autoscaler;
mod parameters;

pub use parameters::KedaParameters;

use super::hpa::calculator::Target;
use super::hpa::controller::HpaSpec;
use crate::time::{SimTime, Span};

/// The settings of a `ScaledObject` with one queue. [`Default`] is KEDA's, for an SQS queue.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaledObject {
    /// Interval between polls of the queue.
    pub polling_interval: Span,
    /// How long the queue must have been inactive before the replicas are removed.
    pub cooldown_period: Span,
    /// The same for a queue that was never active, from the creation.
    pub initial_cooldown_period: Span,
    /// Replicas while inactive, if fewer than `min_replicas`.
    pub idle_replicas: Option<i32>,
    /// Minimum number of replicas.
    pub min_replicas: i32,
    /// Maximum number of replicas.
    pub max_replicas: i32,
    /// Target number of messages per replica.
    pub queue_length: i64,
    /// The queue is active if it is *longer* than this.
    pub activation_queue_length: i64,
}

impl Default for ScaledObject {
    fn default() -> Self {
        Self {
            polling_interval: Span::from_secs(30),
            cooldown_period: Span::from_secs(300),
            initial_cooldown_period: Span::ZERO,
            idle_replicas: None,
            min_replicas: 0,
            max_replicas: 100,
            queue_length: 5,
            activation_queue_length: 0,
        }
    }
}

impl ScaledObject {
    /// The HPA that KEDA creates, and the target of its single metric, an external one in thousandths of a message.
    #[must_use]
    pub fn hpa(&self) -> (HpaSpec, Target) {
        let spec =
            HpaSpec { min_replicas: self.min_replicas.max(1), max_replicas: self.max_replicas, ..HpaSpec::default() };
        (spec, Target::AverageValue(self.queue_length.saturating_mul(1000)))
    }
}

/// The poller of a `ScaledObject`: it only switches between inactive and active.
#[derive(Clone, Debug)]
pub struct Keda {
    spec: ScaledObject,
    created: SimTime,
    last_active: Option<SimTime>,
}

impl Keda {
    /// A poller created at `now`.
    #[must_use]
    pub fn new(spec: ScaledObject, now: SimTime) -> Self {
        Self { spec, created: now, last_active: None }
    }

    /// One poll at `now`, with `replicas` and this many messages (`None`: the queue did not respond); returns the new
    /// number of replicas. A poll without a response changes nothing.
    pub fn poll(&mut self, now: SimTime, replicas: i32, messages: Option<i64>) -> i32 {
        let Some(messages) = messages else { return replicas };
        let spec = &self.spec;
        if messages > spec.activation_queue_length {
            self.last_active = Some(now);
            let idling = spec.idle_replicas.is_some() && replicas < spec.min_replicas;
            if replicas == 0 || idling { spec.min_replicas.max(1) } else { replicas }
        } else if spec.idle_replicas.is_some_and(|idle| replicas > idle) || replicas > 0 && spec.min_replicas == 0 {
            let cooled = match self.last_active {
                None => self.created + spec.initial_cooldown_period < now,
                Some(active) => active + spec.cooldown_period < now,
            };
            if cooled { spec.idle_replicas.unwrap_or(spec.min_replicas) } else { replicas }
        } else if spec.idle_replicas.is_none() {
            replicas.max(spec.min_replicas)
        } else {
            replicas
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hpa::calculator::Reading;
    use super::super::hpa::controller::Hpa;
    use super::*;

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(secs)
    }

    #[test]
    fn up_at_once_down_after_the_cooldown() {
        let mut keda = Keda::new(ScaledObject::default(), at(0));
        assert_eq!(keda.poll(at(30), 0, Some(0)), 0);
        assert_eq!(keda.poll(at(60), 0, Some(1)), 1);
        assert_eq!(keda.poll(at(90), 7, Some(40)), 7, "between one and many the HPA decides");
        assert_eq!(keda.poll(at(120), 7, None), 7);
        assert_eq!(keda.poll(at(390), 7, Some(0)), 7, "exactly the cooldown is not yet over");
        assert_eq!(keda.poll(at(420), 7, Some(0)), 0);
    }

    #[test]
    fn active_is_strictly_more() {
        let spec = ScaledObject { activation_queue_length: 10, ..ScaledObject::default() };
        let mut keda = Keda::new(spec, at(0));
        assert_eq!((keda.poll(at(30), 0, Some(10)), keda.poll(at(60), 0, Some(11))), (0, 1));
    }

    #[test]
    fn what_was_never_active_goes_after_the_initial_cooldown() {
        let spec = ScaledObject { initial_cooldown_period: Span::from_secs(60), ..ScaledObject::default() };
        let mut keda = Keda::new(spec, at(0));
        assert_eq!((keda.poll(at(60), 3, Some(0)), keda.poll(at(90), 3, Some(0))), (3, 0));
    }

    #[test]
    fn a_minimum_is_held_and_idle_replicas_go_below_it() {
        let held = ScaledObject { min_replicas: 2, ..ScaledObject::default() };
        assert_eq!(Keda::new(held.clone(), at(0)).poll(at(30), 1, Some(0)), 2);
        let mut idle = Keda::new(ScaledObject { idle_replicas: Some(0), ..held }, at(0));
        assert_eq!(idle.poll(at(30), 0, Some(5)), 2);
        assert_eq!(idle.poll(at(331), 2, Some(0)), 0);
    }

    #[test]
    fn the_hpa_divides_the_queue() {
        let (spec, target) = ScaledObject::default().hpa();
        let reading = Reading::Value { value: 42_000, ready: 1 };
        // 42 / 5 = 8.4; without a behavior, an HPA scales from 1 to at most 4 in one sync.
        let sync = Hpa::new(spec).sync(at(0), 1, 1, &[(target, Ok(reading))]);
        assert_eq!((sync.proposal, sync.desired), (Some(9), 4));
    }
}
