//! The serverless service (SKS) of a revision: whether its public address points to the pods or to activators.

use crate::time::{SimTime, Span};

/// Where the public address points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To the ready pods, as long as there are any.
    Serve,
    /// To activators.
    Proxy,
}

/// What the reconciler requests of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceSpec {
    /// Where the public address should point.
    pub mode: Mode,
    /// How many activators share the revision.
    pub activators: i32,
}

/// The service as written, and as last seen by the reconciler.
#[derive(Clone, Debug, Default)]
pub struct Service {
    written: Option<ServiceSpec>,
    seen: Option<ServiceSpec>,
    has_backing: bool,
    proxied_since: Option<SimTime>,
}

impl Service {
    /// The service's own controller acts at `now`, with `ready` pods: the public address points to activators if that
    /// is the mode or no pod is ready, and the reconciler sees the result.
    pub fn catch_up(&mut self, now: SimTime, ready: i32) {
        self.seen = self.written;
        let Some(spec) = self.seen else { return };
        self.has_backing = true;
        if spec.mode == Mode::Serve && ready > 0 {
            self.proxied_since = None;
        } else if self.proxied_since.is_none() {
            self.proxied_since = Some(now);
        }
    }

    /// The last state written.
    #[must_use]
    pub fn written(&self) -> Option<ServiceSpec> {
        self.written
    }

    /// The state that the reconciler has seen, once there is a backing private service.
    #[must_use]
    pub fn seen(&self) -> Option<ServiceSpec> {
        self.seen.filter(|_| self.has_backing)
    }

    /// Since when the public address has pointed to activators without interruption.
    #[must_use]
    pub fn proxied_since(&self) -> Option<SimTime> {
        self.proxied_since
    }

    /// How long that is at `now`; otherwise zero.
    #[must_use]
    pub fn proxied_for(&self, now: SimTime) -> Span {
        self.proxied_since.map_or(Span::ZERO, |since| now.since(since))
    }

    /// Writes the requested state if it differs from the one the reconciler has *seen*: a change that it has not seen
    /// yet may survive a reversal, as on a real cluster.
    pub(super) fn write(&mut self, spec: ServiceSpec) {
        if self.seen != Some(spec) {
            self.written = Some(spec);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activators_serve_while_no_pod_can() {
        let at = |secs| SimTime::ZERO + Span::from_secs(secs);
        let mut service = Service::default();
        service.catch_up(at(1), 1);
        assert_eq!((service.seen(), service.proxied_since()), (None, None));
        service.write(ServiceSpec { mode: Mode::Serve, activators: 2 });
        assert_eq!(service.seen(), None);
        service.catch_up(at(2), 0);
        service.catch_up(at(3), 0);
        assert_eq!(service.proxied_for(at(5)), Span::from_secs(3));
        service.catch_up(at(6), 1);
        assert_eq!(service.proxied_for(at(7)), Span::ZERO);
    }
}
