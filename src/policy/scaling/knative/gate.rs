//! The gate to zero: whether the last pod can be removed now.

use super::UNKNOWN_SCALE;
use super::reconciler::{Activity, Status};
use super::service::{Mode, Service};
use super::settings::Settings;
use crate::time::{SimTime, Span};

/// Knative gives the Deployment this much more than its progress deadline.
const ACTIVATION_BUFFER: Span = Span::from_secs(30);
/// When an inactive revision is checked again if its service already routes to activators.
const RECHECK: Span = Span::from_secs(3);

/// The result of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passage {
    /// Desired pods.
    pub(super) want: i32,
    /// Whether to apply this number to the Deployment.
    pub(super) apply: bool,
    /// When to check the revision again.
    pub(super) look_again: Option<Span>,
    /// What happened to the probe of the activator.
    pub(super) probe: Probe,
}

/// The probe of whether the activator answers on the revision's public address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    NotNeeded,
    Answered,
    Failed,
}

impl Passage {
    fn apply(want: i32) -> Self {
        Self { want, apply: true, look_again: None, probe: Probe::NotNeeded }
    }

    fn hold(want: i32, look_again: Option<Span>) -> Self {
        Self { want, apply: false, look_again, probe: Probe::NotNeeded }
    }
}

/// Passes any number of pods except zero, which has to wait until nothing can be lost.
///
/// Source: `handleScaleToZero` in `pkg/reconciler/autoscaling/kpa/scaler.go` of knative/serving.
pub(super) fn pass(
    want: i32,
    now: SimTime,
    status: &Status,
    service: &Service,
    settings: &Settings,
    activator_answers: bool,
) -> Passage {
    if want != 0 {
        return Passage::apply(want);
    }
    if !settings.lifecycle.enable_scale_to_zero {
        return Passage::apply(1);
    }
    let in_state = now.since(status.since);
    match status.activity {
        Activity::Activating => {
            let timeout = settings.lifecycle.progress_deadline + ACTIVATION_BUFFER;
            if in_state > timeout { Passage::apply(0) } else { Passage::hold(UNKNOWN_SCALE, Some(timeout)) }
        }
        Activity::Active => {
            let window = settings.metric.stable_window;
            if in_state >= window {
                // Only just marked inactive. The change of the service triggers the next check, if there is one.
                let proxied = service.seen().is_some_and(|spec| spec.mode == Mode::Proxy);
                Passage::hold(0, proxied.then_some(RECHECK))
            } else {
                Passage { look_again: Some(window - in_state), ..Passage::apply(1) }
            }
        }
        Activity::Inactive => {
            // With the activator always in the path, no probe is needed.
            let probe = match (settings.decider.target_burst_capacity == -1.0, activator_answers) {
                (true, _) => Probe::NotNeeded,
                (false, true) => Probe::Answered,
                (false, false) => return Passage { probe: Probe::Failed, ..Passage::hold(0, None) },
            };
            Passage { probe, ..leave(in_state, service.proxied_for(now), settings) }
        }
    }
}

/// The last pod of a revision that has been inactive and behind activators for long enough.
fn leave(inactive: Span, proxied: Span, settings: &Settings) -> Passage {
    let (grace, retention) = (settings.lifecycle.grace_period, settings.lifecycle.last_pod_retention);
    if inactive >= grace.max(retention) || inactive >= retention && proxied >= grace {
        Passage::apply(0)
    } else if inactive < retention {
        Passage::hold(0, Some(retention - inactive))
    } else {
        Passage::hold(0, Some(grace - proxied))
    }
}
