//! One instance of a function.

use super::function::Order;
use super::invocation::Invocation;
use super::slab::Key;
use crate::cluster::PodId;
use crate::id::InstanceId;
use crate::time::SimTime;

/// An instance from its creation to its removal.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) id: InstanceId,
    pub(super) created: SimTime,
    /// When it stops accepting requests.
    pub(super) retires: SimTime,
    /// While idle: when its keep-alive window ends; while it starts: when it is ready.
    pub(super) deadline: SimTime,
    /// The earliest entry that it has in the expiry heap.
    pub(super) expiry_queued: SimTime,
    /// If instances serve several requests at a time: since when it has been busy; "never" if it is not.
    pub(super) busy_since: SimTime,
    /// Requests on it, running or waiting there: for it to start, or for a slot.
    pub(super) in_flight: u32,
    /// Identifies its current entry in the list of available instances; entries with another number are stale.
    pub(super) stamp: u64,
    /// Its index in a list that is searched by position.
    pub(super) position: u32,
    /// The first and the last request that wait there.
    pub(super) first_waiting: Key<Invocation>,
    pub(super) last_waiting: Key<Invocation>,
    /// The head of the list of requests that run on it, if they may fail with it.
    pub(super) running: Key<Invocation>,
    /// Its position among the instances of the scaling policy that accept requests.
    pub(super) order: Option<Order>,
    pub(super) ready: bool,
    /// When it became ready, if it is.
    pub(super) ready_at: SimTime,
    pub(super) provisioned: bool,
    /// Whether it is in a list of available instances.
    pub(super) listed: bool,
    /// Where there are machines: its pod.
    pub(super) pod: PodId,
    /// Its machine has failed, and nobody knows yet: what comes to it gets no answer.
    pub(super) dead: bool,
}

/// Where an instance is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Starting,
    /// It has requests.
    Busy,
    Idle,
}

impl Instance {
    pub(super) fn new(id: InstanceId, created: SimTime, retires: SimTime) -> Self {
        Self {
            id,
            created,
            retires,
            deadline: SimTime::NEVER,
            expiry_queued: SimTime::NEVER,
            busy_since: SimTime::NEVER,
            in_flight: 0,
            stamp: 0,
            position: 0,
            first_waiting: Key::NIL,
            last_waiting: Key::NIL,
            running: Key::NIL,
            order: None,
            ready: false,
            ready_at: SimTime::NEVER,
            provisioned: false,
            listed: false,
            pod: PodId::NIL,
            dead: false,
        }
    }

    /// It can serve requests from now on.
    #[inline]
    pub(super) fn become_ready(&mut self, now: SimTime) {
        self.ready = true;
        self.ready_at = now;
    }

    #[inline]
    pub(super) const fn stage(&self) -> Stage {
        match (self.ready, self.in_flight) {
            (false, _) => Stage::Starting,
            (true, 0) => Stage::Idle,
            (true, _) => Stage::Busy,
        }
    }

    /// Whether a pending `Ready` event is still valid: it may have been withdrawn while it started.
    pub(super) fn is_ready_at(&self, now: SimTime) -> bool {
        !self.ready && self.deadline == now
    }

    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.stage() == Stage::Idle
    }
}
