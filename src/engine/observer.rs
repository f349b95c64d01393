//! What the engine tells the outside: the seam between simulating and measuring.
//!
//! The engine keeps no statistics. An [`Observer`] is a generic parameter: what it ignores costs nothing. For each
//! function, calls come in order of time; between functions they may not, because idle instances are removed lazily.

use crate::id::{FnId, InstanceId, SourceId};
use crate::time::SimTime;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Served to the end.
    Completed,
    /// Refused for good.
    Rejected,
    /// Waited in the queue for longer than allowed; it never started.
    QueueTimedOut,
    /// Ran for longer than the function's time-out and was cut off.
    TimedOut,
    /// Ended by an error of the function.
    Failed,
    /// Still waiting when nothing more could happen.
    Unfinished,
}

/// The limit that refused an invocation or held it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// Requests in progress over all functions of the account.
    Account,
    /// The function's reserved concurrency.
    Reserved,
    /// The function's number of instances.
    MaxInstances,
    /// How fast the function may create instances.
    ScalingRate,
}

/// A request at its end. Points in time: born <= assigned <= started <= ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Finished {
    /// The source it came from.
    pub source: SourceId,
    /// Its number in that source, from 0.
    pub number: u64,
    /// Its function.
    pub function: FnId,
    /// The instance that served it, if any did.
    pub instance: Option<InstanceId>,
    /// When it arrived.
    pub born: SimTime,
    /// When it was given an instance, ready or starting; equal to `ended` if it never was.
    pub assigned: SimTime,
    /// When it began to run; equal to `ended` if it never did.
    pub started: SimTime,
    /// When it ended.
    pub ended: SimTime,
    /// Whether its instance was created for it.
    pub cold: bool,
    /// Whether it waited for an instance being created, its own or another's.
    pub cold_affected: bool,
    /// How it ended.
    pub outcome: Outcome,
}

/// How many of everything a function has at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Levels {
    /// Instances being started.
    pub starting: u32,
    /// Instances serving at least one request.
    pub busy: u32,
    /// Instances warm and free.
    pub idle: u32,
    /// Requests in progress: on an instance, ready or starting.
    pub in_progress: u32,
    /// Requests waiting for capacity.
    pub queued: u32,
}

impl Levels {
    /// Instances in existence.
    #[inline]
    #[must_use]
    pub const fn instances(&self) -> u32 {
        self.starting + self.busy + self.idle
    }
}

/// Is told what happens. Every method does nothing by default.
pub trait Observer {
    /// A request arrived.
    #[inline]
    fn arrived(&mut self, _now: SimTime, _function: FnId) {}

    /// A limit refused a request or put it into the queue.
    #[inline]
    fn throttled(&mut self, _now: SimTime, _function: FnId, _by: Limit) {}

    /// An invocation got its instance (`cold`: created for it; `cold_affected`: still starting).
    #[inline]
    fn assigned(&mut self, _now: SimTime, _function: FnId, _cold: bool, _cold_affected: bool) {}

    /// A request ended.
    #[inline]
    fn finished(&mut self, _request: &Finished) {}

    /// An instance was ordered; it becomes ready at `ready`, if the run lasts that long. `billed_ns` of the start-up
    /// belong to phases that platforms charge for.
    #[inline]
    fn instance_created(
        &mut self,
        _now: SimTime,
        _function: FnId,
        _instance: InstanceId,
        _ready: SimTime,
        _billed_ns: u64,
    ) {
    }

    /// An instance is gone. What still exists at the end of the run is not reported.
    #[inline]
    fn instance_removed(&mut self, _now: SimTime, _function: FnId, _instance: InstanceId, _created: SimTime) {}

    /// The levels of a function change at `now`: `before` held until here, `after` holds from here on.
    #[inline]
    fn levels(&mut self, _now: SimTime, _function: FnId, _before: &Levels, _after: &Levels) {}
}

/// Observes nothing.
impl Observer for () {}

/// Both are told, the first one first.
impl<A: Observer, B: Observer> Observer for (A, B) {
    #[inline]
    fn arrived(&mut self, now: SimTime, function: FnId) {
        self.0.arrived(now, function);
        self.1.arrived(now, function);
    }
    #[inline]
    fn throttled(&mut self, now: SimTime, function: FnId, by: Limit) {
        self.0.throttled(now, function, by);
        self.1.throttled(now, function, by);
    }
    #[inline]
    fn assigned(&mut self, now: SimTime, function: FnId, cold: bool, cold_affected: bool) {
        self.0.assigned(now, function, cold, cold_affected);
        self.1.assigned(now, function, cold, cold_affected);
    }
    #[inline]
    fn finished(&mut self, request: &Finished) {
        self.0.finished(request);
        self.1.finished(request);
    }
    #[inline]
    fn instance_created(&mut self, now: SimTime, function: FnId, instance: InstanceId, ready: SimTime, billed_ns: u64) {
        self.0.instance_created(now, function, instance, ready, billed_ns);
        self.1.instance_created(now, function, instance, ready, billed_ns);
    }
    #[inline]
    fn instance_removed(&mut self, now: SimTime, function: FnId, instance: InstanceId, created: SimTime) {
        self.0.instance_removed(now, function, instance, created);
        self.1.instance_removed(now, function, instance, created);
    }
    #[inline]
    fn levels(&mut self, now: SimTime, function: FnId, before: &Levels, after: &Levels) {
        self.0.levels(now, function, before, after);
        self.1.levels(now, function, before, after);
    }
}

/// An observer that may be absent.
impl<A: Observer> Observer for Option<A> {
    #[inline]
    fn arrived(&mut self, now: SimTime, function: FnId) {
        if let Some(inner) = self {
            inner.arrived(now, function);
        }
    }
    #[inline]
    fn throttled(&mut self, now: SimTime, function: FnId, by: Limit) {
        if let Some(inner) = self {
            inner.throttled(now, function, by);
        }
    }
    #[inline]
    fn assigned(&mut self, now: SimTime, function: FnId, cold: bool, cold_affected: bool) {
        if let Some(inner) = self {
            inner.assigned(now, function, cold, cold_affected);
        }
    }
    #[inline]
    fn finished(&mut self, request: &Finished) {
        if let Some(inner) = self {
            inner.finished(request);
        }
    }
    #[inline]
    fn instance_created(&mut self, now: SimTime, function: FnId, instance: InstanceId, ready: SimTime, billed_ns: u64) {
        if let Some(inner) = self {
            inner.instance_created(now, function, instance, ready, billed_ns);
        }
    }
    #[inline]
    fn instance_removed(&mut self, now: SimTime, function: FnId, instance: InstanceId, created: SimTime) {
        if let Some(inner) = self {
            inner.instance_removed(now, function, instance, created);
        }
    }
    #[inline]
    fn levels(&mut self, now: SimTime, function: FnId, before: &Levels, after: &Levels) {
        if let Some(inner) = self {
            inner.levels(now, function, before, after);
        }
    }
}
