//! The reconciler of one revision: from desired pods to ordered pods, including scaling to zero and from zero.

use super::UNKNOWN_SCALE;
use super::decider::Decision;
use super::gate::{self, Probe};
use super::service::{Mode, Service, ServiceSpec};
use super::settings::{DeciderSpec, Settings};
use crate::time::{SimTime, Span};

/// Minimum number of activators that share a revision.
const MIN_ACTIVATORS: i32 = 2;
/// Delay after a failed probe of the activator until the revision is checked again.
const PROBE_AGAIN: Span = Span::from_secs(1);

/// Whether a revision serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Waiting for its pods ("Unknown").
    Activating,
    /// Serving ("True").
    Active,
    /// At zero, or on the way there ("False").
    Inactive,
}

/// Why a revision does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It serves, or its state is still unknown.
    None,
    /// Requests wait for pods.
    Queued,
    /// There are no requests.
    NoTraffic,
    /// Its pods did not become ready within the progress deadline.
    TimedOut,
}

/// What is known and published about a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether it serves.
    pub activity: Activity,
    /// Why not.
    pub reason: Reason,
    /// When activity and reason last changed.
    pub since: SimTime,
    /// Whether the initial scale has been reached once.
    pub initialized: bool,
    /// Desired pods; -1 until known.
    pub desired: i32,
    /// Ready pods.
    pub actual: i32,
}

/// The inputs of a reconcile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Situation {
    /// What the autoscaler published.
    pub decision: Decision,
    /// Pods that are running, ready and not terminating.
    pub ready: i32,
    /// Whether the activator would answer a probe on the revision's public address.
    pub activator_answers: bool,
}

/// The effects of a reconcile, besides status and service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Set the number of pods of the Deployment.
    pub replicas: Option<i32>,
    /// Reconcile the revision again after this time.
    pub look_again: Option<Span>,
    /// The activator was probed.
    pub probed: bool,
    /// The probe failed: probe again every second for up to 45 s, and reconcile one second after that ends.
    pub keep_probing: bool,
}

/// The reconciler of one revision.
///
/// Source: `pkg/reconciler/autoscaling/kpa` of knative/serving.
#[derive(Clone, Debug)]
pub struct Reconciler {
    status: Status,
    service: Service,
    service_named: bool,
    replicas: i32,
    /// Resolution of the times in the status: whole seconds once they are stored.
    resolution: Span,
}

impl Reconciler {
    /// A new revision at `now`, whose Deployment was created with `replicas` pods. With times `persisted`, as on a real
    /// cluster, the status knows only whole seconds.
    #[must_use]
    pub fn new(now: SimTime, replicas: i32, persisted: bool) -> Self {
        let status = Status {
            activity: Activity::Activating,
            reason: Reason::None,
            since: now,
            initialized: false,
            desired: UNKNOWN_SCALE,
            actual: 0,
        };
        let resolution = if persisted { Span::from_secs(1) } else { Span::from_nanos(1) };
        Self { status, service: Service::default(), service_named: false, replicas, resolution }
    }

    /// What is known and published.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Where the public address points.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Pods of the Deployment.
    #[must_use]
    pub fn replicas(&self) -> i32 {
        self.replicas
    }

    /// The service's own controller acts at `now`, with `ready` pods; see [`Service::catch_up`].
    pub fn service_catches_up(&mut self, now: SimTime, ready: i32) {
        self.service.catch_up(self.stored(now), ready);
    }

    /// One reconcile at `now`.
    pub fn reconcile(&mut self, now: SimTime, settings: &Settings, situation: &Situation) -> Effects {
        if self.service.seen().is_none() {
            // Nothing is published before there is a service.
            self.service.write(ServiceSpec { mode: Mode::Proxy, activators: MIN_ACTIVATORS });
            self.publish(now, settings, UNKNOWN_SCALE, 0);
            return Effects::default();
        }
        let (want, effects) = self.scale(now, settings, situation);
        let serve = want > 0 && situation.decision.excess_burst_capacity >= 0;
        self.service.write(ServiceSpec {
            mode: if serve { Mode::Serve } else { Mode::Proxy },
            activators: activators(&settings.decider, situation.ready),
        });
        self.service_named = true;
        self.publish(now, settings, want, situation.ready);
        effects
    }

    /// Reconciles at `now` until nothing is left to do; returns after how long to reconcile again, if ever.
    pub fn settle(&mut self, now: SimTime, settings: &Settings, decision: Decision, ready: i32) -> Option<Span> {
        loop {
            let before = (self.service.seen(), self.service.written());
            let activator_answers = self.service.proxied_since().is_some();
            let situation = Situation { decision, ready, activator_answers };
            let Effects { look_again, keep_probing, .. } = self.reconcile(now, settings, &situation);
            self.service_catches_up(now, ready);
            if before == (self.service.seen(), self.service.written()) {
                let again = if keep_probing { Some(PROBE_AGAIN) } else { look_again };
                return again.map(|again| again.max(Span::from_nanos(1)));
            }
        }
    }

    /// Bounds the desired pods, applies the gate to zero and orders pods.
    fn scale(&mut self, now: SimTime, settings: &Settings, situation: &Situation) -> (i32, Effects) {
        let desired = situation.decision.desired;
        if desired < 0 && self.status.activity != Activity::Activating {
            return (desired, Effects::default());
        }
        let mut min = settings.lifecycle.min_scale;
        let initial = settings.decider.initial_scale;
        if initial > 1 && !self.status.initialized && settings.decider.reachable {
            min = min.max(initial);
        }
        let bounded = apply_bounds(min, settings.lifecycle.max_scale, desired);
        let passage = gate::pass(bounded, now, &self.status, &self.service, settings, situation.activator_answers);
        let mut effects = Effects {
            replicas: None,
            look_again: passage.look_again,
            probed: passage.probe != Probe::NotNeeded,
            keep_probing: passage.probe == Probe::Failed,
        };
        if passage.apply && passage.want != self.replicas {
            self.replicas = passage.want;
            effects.replicas = Some(passage.want);
        }
        (passage.want, effects)
    }

    /// Publishes desired and ready pods, and whether the revision serves.
    fn publish(&mut self, now: SimTime, settings: &Settings, want: i32, ready: i32) {
        self.status.actual = ready;
        if want >= 0 || self.status.desired < 0 {
            self.status.desired = want;
        }
        let min = settings.lifecycle.min_scale;
        let threshold = if self.status.initialized { min.max(1) } else { min.max(settings.decider.initial_scale) };
        if ready >= threshold && self.service_named {
            self.status.initialized = true;
        }
        let activity = self.status.activity;
        if want == 0 || threshold == 0 {
            let timed_out = activity == Activity::Activating && threshold > 0;
            self.mark(now, Activity::Inactive, if timed_out { Reason::TimedOut } else { Reason::NoTraffic });
        } else if want > 0 || activity != Activity::Inactive {
            if ready < threshold {
                self.mark(now, Activity::Activating, Reason::Queued);
            } else {
                self.mark(now, Activity::Active, Reason::None);
            }
        } else if ready < threshold {
            self.mark(now, Activity::Inactive, Reason::NoTraffic);
        }
    }

    fn mark(&mut self, now: SimTime, activity: Activity, reason: Reason) {
        if (self.status.activity, self.status.reason) != (activity, reason) {
            self.status = Status { activity, reason, since: self.stored(now), ..self.status };
        }
    }

    /// A time as stored in the status.
    fn stored(&self, at: SimTime) -> SimTime {
        SimTime::from_nanos(at.as_nanos() - at.as_nanos() % self.resolution.as_nanos())
    }
}

/// `pods` between `min` and `max`, where a `max` of 0 is none.
#[must_use]
pub fn apply_bounds(min: i32, max: i32, pods: i32) -> i32 {
    if pods < min {
        min
    } else if max != 0 && pods > max {
        max
    } else {
        pods
    }
}

/// Number of activators that share a revision with `ready` pods: enough for the capacity of its pods and for the burst.
fn activators(spec: &DeciderSpec, ready: i32) -> i32 {
    if spec.target_burst_capacity == 0.0 {
        return MIN_ACTIVATORS;
    }
    let to_cover = f64::from(ready) * spec.total_value + spec.target_burst_capacity.max(0.0);
    ((to_cover / spec.activator_capacity).ceil() as i32).max(MIN_ACTIVATORS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::scaling::knative::annotations::Annotations;
    use crate::policy::scaling::knative::config::ConfigMap;
    use crate::policy::scaling::knative::settings::Revision;

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(1_000 + secs)
    }

    fn settings(annotations: &Annotations) -> Settings {
        Settings::resolve(&ConfigMap::default(), annotations, &Revision::default())
    }

    fn situation(desired: i32, excess_burst_capacity: i32, ready: i32) -> Situation {
        Situation { decision: Decision { desired, excess_burst_capacity }, ready, activator_answers: true }
    }

    /// A revision that has been serving with one pod since second 1.
    fn serving(settings: &Settings) -> Reconciler {
        let excess = if settings.decider.target_burst_capacity == 0.0 { 0 } else { -111 };
        let mut reconciler = Reconciler::new(at(0), 1, false);
        reconciler.reconcile(at(0), settings, &situation(-1, excess, 0));
        reconciler.service_catches_up(at(1), 1);
        reconciler.reconcile(at(1), settings, &situation(1, excess, 1));
        assert_eq!(reconciler.status().activity, Activity::Active);
        reconciler
    }

    #[test]
    fn behind_the_activator_it_goes_to_zero_at_the_second_look() {
        let settings = settings(&Annotations::default());
        let mut reconciler = serving(&settings);
        let effects = reconciler.reconcile(at(62), &settings, &situation(0, -111, 1));
        assert_eq!(effects, Effects { look_again: Some(Span::from_secs(3)), ..Effects::default() });
        assert_eq!((reconciler.status().activity, reconciler.status().reason), (Activity::Inactive, Reason::NoTraffic));
        let effects = reconciler.reconcile(at(65), &settings, &situation(0, -111, 1));
        assert_eq!(effects, Effects { replicas: Some(0), probed: true, ..Effects::default() });
    }

    #[test]
    fn off_the_path_the_grace_period_comes_first() {
        let settings = settings(&Annotations { target_burst_capacity: Some(0.0), ..Annotations::default() });
        let mut reconciler = serving(&settings);
        reconciler.service_catches_up(at(2), 1);
        assert_eq!(reconciler.service().seen().map(|spec| spec.mode), Some(Mode::Serve));
        assert_eq!(reconciler.reconcile(at(62), &settings, &situation(0, 0, 1)), Effects::default());
        reconciler.service_catches_up(at(63), 1);
        let effects = reconciler.reconcile(at(63), &settings, &situation(0, 0, 1));
        assert_eq!(effects.look_again, Some(Span::from_secs(30)));
        let effects = reconciler.reconcile(at(92), &settings, &situation(0, 0, 1));
        assert_eq!(effects.replicas, Some(0), "inactive for 30 s");
    }

    #[test]
    fn too_young_to_go_it_keeps_one_pod() {
        let settings = settings(&Annotations::default());
        let mut reconciler = serving(&settings);
        let effects = reconciler.reconcile(at(31), &settings, &situation(0, -111, 3));
        assert_eq!(effects, Effects { look_again: Some(Span::from_secs(30)), ..Effects::default() });
        assert_eq!(reconciler.status().desired, 1);
    }

    #[test]
    fn a_failed_probe_is_repeated() {
        let settings = settings(&Annotations::default());
        let mut reconciler = serving(&settings);
        reconciler.reconcile(at(62), &settings, &situation(0, -111, 1));
        let deaf = Situation { activator_answers: false, ..situation(0, -111, 1) };
        let effects = reconciler.reconcile(at(65), &settings, &deaf);
        assert_eq!(effects, Effects { probed: true, keep_probing: true, ..Effects::default() });
    }

    #[test]
    fn the_last_pod_is_retained() {
        let retention = Some(Span::from_secs(100));
        let settings =
            settings(&Annotations { scale_to_zero_pod_retention_period: retention, ..Annotations::default() });
        let mut reconciler = serving(&settings);
        reconciler.reconcile(at(62), &settings, &situation(0, -111, 1));
        let effects = reconciler.reconcile(at(72), &settings, &situation(0, -111, 1));
        assert_eq!(effects.look_again, Some(Span::from_secs(90)));
        assert_eq!(reconciler.reconcile(at(162), &settings, &situation(0, -111, 1)).replicas, Some(0));
    }

    #[test]
    fn pods_that_never_come_are_given_up() {
        let settings = settings(&Annotations::default());
        let mut reconciler = Reconciler::new(at(0), 1, false);
        reconciler.reconcile(at(0), &settings, &situation(-1, -111, 0));
        reconciler.service_catches_up(at(1), 0);
        let effects = reconciler.reconcile(at(1), &settings, &situation(0, -111, 0));
        assert_eq!(effects.look_again, Some(Span::from_secs(630)));
        assert_eq!(reconciler.reconcile(at(630), &settings, &situation(0, -111, 0)).replicas, None);
        assert_eq!(reconciler.reconcile(at(631), &settings, &situation(0, -111, 0)).replicas, Some(0));
        assert_eq!(reconciler.status().reason, Reason::TimedOut);
    }

    #[test]
    fn the_initial_scale_is_a_floor_until_reached_once() {
        let settings = settings(&Annotations { initial_scale: Some(4), ..Annotations::default() });
        let mut reconciler = Reconciler::new(at(0), 4, false);
        reconciler.reconcile(at(0), &settings, &situation(-1, -111, 0));
        reconciler.service_catches_up(at(1), 1);
        reconciler.reconcile(at(1), &settings, &situation(1, 0, 3));
        assert_eq!((reconciler.replicas(), reconciler.status().activity), (4, Activity::Activating));
        reconciler.reconcile(at(2), &settings, &situation(1, 0, 4));
        assert!(reconciler.status().initialized);
        assert_eq!(reconciler.reconcile(at(3), &settings, &situation(1, 0, 4)).replicas, Some(1));
    }

    #[test]
    fn activators_for_pods_and_burst() {
        let spec = settings(&Annotations::default()).decider;
        // 100 each, 211 burst, 100 each activator.
        assert_eq!([0, 1, 5].map(|ready| activators(&spec, ready)), [3, 4, 8]);
        assert_eq!(activators(&DeciderSpec { target_burst_capacity: 0.0, ..spec.clone() }, 50), 2);
        assert_eq!(activators(&DeciderSpec { target_burst_capacity: -1.0, ..spec }, 50), 50);
    }

    #[test]
    fn stored_times_are_whole_seconds() {
        let settings = settings(&Annotations::default());
        let now = SimTime::ZERO + Span::from_millis(5_700);
        let mut reconciler = Reconciler::new(now, 1, true);
        reconciler.reconcile(now, &settings, &situation(-1, -111, 0));
        assert_eq!(reconciler.status().since, SimTime::ZERO + Span::from_secs(5));
    }
}
