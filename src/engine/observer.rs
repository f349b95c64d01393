//! What the engine tells the outside: the seam between simulating and measuring.
//!
//! The engine keeps no statistics. An [`Observer`] is a generic parameter: what it ignores costs nothing. For each
//! function calls come in order of time; between functions that are simulated together only if the observer needs it.
//! Functions and sources are those of the simulated cell.

use crate::id::{ComponentId, InstanceId, LocalFn, LocalSource};
use crate::path::books::Books;
use crate::path::{CallId, Gauges, Outcome};
use crate::time::{SimTime, Span};

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
    /// The instances that its scaling policy has ordered.
    Scaling,
    /// The requests that may wait at one instance.
    InstanceQueue,
    /// The memory that all functions share.
    Memory,
    /// Requests that may start each second, of the account or of reserved concurrency.
    RequestRate,
}

/// An invocation of a function at its end. Points in time: born <= assigned <= started <= ended, and born <= instance_ready <=
/// started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Finished {
    /// The source it came from.
    pub source: LocalSource,
    /// Its number in that source, from 0.
    pub number: u64,
    /// Its function.
    pub function: LocalFn,
    /// The instance that served it, if any did.
    pub instance: Option<InstanceId>,
    /// When it arrived.
    pub born: SimTime,
    /// When it was given an instance, ready or starting; equal to `ended` if it never was.
    pub assigned: SimTime,
    /// When its instance became ready; equal to `born` if it was before that, or if there was none.
    pub instance_ready: SimTime,
    /// When it began to run; equal to `ended` if it never did.
    pub started: SimTime,
    /// When it ended.
    pub ended: SimTime,
    /// Whether its instance was created for it.
    pub cold: bool,
    /// Whether its instance was not ready when it arrived: it waited for one that was being created, for itself or for another.
    pub cold_affected: bool,
    /// Whether its instance was a provisioned one.
    pub provisioned: bool,
    /// How it ended.
    pub outcome: Outcome,
}

/// A request at its end: what a client wanted, through whatever stands between the client and functions. Where nothing
/// does, the request and its only invocation are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestEnd {
    /// The source it came from.
    pub source: LocalSource,
    /// Its number in that source, from 0.
    pub number: u64,
    /// When the client asked.
    pub born: SimTime,
    /// When it was answered for good.
    pub ended: SimTime,
    /// With what.
    pub outcome: Outcome,
}

/// A call: one attempt at a component or a function that requests reach through components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallMade {
    /// Its number, which is used again when it has been answered.
    pub call: CallId,
    /// The call that it is made for; none where a source makes it, where that is a function that a source called itself, and where
    /// what it is made for has been answered long ago, as of a message in a queue.
    pub cause: Option<CallId>,
    /// Whether a step of a function makes it.
    pub is_of_step: bool,
    /// Who calls whom: its place in [`Scenario::calls`](crate::scenario::Scenario::calls).
    pub edge: u32,
    /// The source of the request, of a batch that of its first message.
    pub source: LocalSource,
    /// The number of that request in its source.
    pub number: u64,
    /// Requests or messages in it.
    pub items: u32,
    /// When it is made.
    pub at: SimTime,
}

/// The end of a call for its caller: it was answered, or nobody waits for the answer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallEnd {
    /// Its number.
    pub call: CallId,
    /// Who called whom.
    pub edge: u32,
    /// The source of the request.
    pub source: LocalSource,
    /// The number of that request in its source.
    pub number: u64,
    /// Requests or messages in it.
    pub items: u32,
    /// When it was made.
    pub made: SimTime,
    /// When it ended.
    pub at: SimTime,
    /// With what it was answered; none: the caller gave it up.
    pub outcome: Option<Outcome>,
    /// Whether the caller had given it up before: this is the answer that nobody waits for.
    pub is_late: bool,
}

impl Finished {
    /// T_wait: from its arrival until it began to run.
    #[inline]
    #[must_use]
    pub const fn wait(&self) -> Span {
        self.started.since(self.born)
    }

    /// The part of its wait for a cold start: until the instance that served it was ready, if it was not when it arrived.
    #[inline]
    #[must_use]
    pub const fn cold_start(&self) -> Span {
        self.instance_ready.since(self.born)
    }

    /// A request that ended without having been given an instance.
    pub(super) const fn unserved(
        source: LocalSource,
        number: u64,
        function: LocalFn,
        born: SimTime,
        ended: SimTime,
        outcome: Outcome,
    ) -> Self {
        Self {
            source,
            number,
            function,
            instance: None,
            born,
            assigned: ended,
            instance_ready: born,
            started: ended,
            ended,
            cold: false,
            cold_affected: false,
            provisioned: false,
            outcome,
        }
    }
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

/// What a scaling policy saw and decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalingDecision {
    /// Instances that were ordered before.
    pub before: u32,
    /// Instances that are ordered now.
    pub ordered: u32,
    /// Instances of those ordered that exist, and those of them that are ready.
    pub existing: u32,
    /// See `existing`.
    pub ready: u32,
    /// Requests on instances.
    pub in_progress: u32,
    /// Requests that wait in front of the instances.
    pub queued: u32,
    /// What the decision rests on, in words; empty where the policy says nothing.
    pub why: String,
}

/// Declares [`Observer`] once and passes every call on to pairs and options of observers.
macro_rules! observer {
    ($($(#[$doc:meta])* fn $call:ident($($name:ident: $kind:ty),*);)*) => {
        /// Is told what happens. Every method does nothing by default.
        pub trait Observer {
            $($(#[$doc])* #[inline] fn $call(&mut self, $($name: $kind),*) { let _ = ($($name),*); })*

            /// Whether calls about different functions must come in order of time too.
            #[inline]
            fn needs_order(&self) -> bool {
                false
            }

            /// Whether it wants to know what scaling policies decide, and why.
            #[inline]
            fn needs_decisions(&self) -> bool {
                false
            }

            /// When it wants to know for the first time what components hold, and how often from then on.
            #[inline]
            fn gauges_every(&self) -> Option<(SimTime, Span)> {
                None
            }

            /// Something will soon be told about a function: reads what it will need of it, so that it is near. What it
            /// read means nothing.
            #[inline]
            fn prefetch(&self, function: LocalFn) -> u64 {
                let _ = function;
                0
            }

            /// The same for the end of a request that will have taken so long, after [`Observer::prefetch`].
            #[inline]
            fn prefetch_end(&self, function: LocalFn, latency: Span) -> u64 {
                let _ = (function, latency);
                0
            }
        }

        /// Both are told, the first one first.
        impl<A: Observer, B: Observer> Observer for (A, B) {
            $(#[inline(always)] fn $call(&mut self, $($name: $kind),*) {
                self.0.$call($($name),*);
                self.1.$call($($name),*);
            })*
            #[inline]
            fn needs_order(&self) -> bool {
                self.0.needs_order() || self.1.needs_order()
            }
            #[inline]
            fn needs_decisions(&self) -> bool {
                self.0.needs_decisions() || self.1.needs_decisions()
            }
            #[inline]
            fn gauges_every(&self) -> Option<(SimTime, Span)> {
                Gauges::both(self.0.gauges_every(), self.1.gauges_every())
            }
            #[inline]
            fn prefetch(&self, function: LocalFn) -> u64 {
                self.0.prefetch(function) ^ self.1.prefetch(function)
            }
            #[inline]
            fn prefetch_end(&self, function: LocalFn, latency: Span) -> u64 {
                self.0.prefetch_end(function, latency) ^ self.1.prefetch_end(function, latency)
            }
        }

        /// An observer that may be absent.
        impl<A: Observer> Observer for Option<A> {
            $(#[inline(always)] fn $call(&mut self, $($name: $kind),*) {
                if let Some(inner) = self {
                    inner.$call($($name),*);
                }
            })*
            #[inline]
            fn needs_order(&self) -> bool {
                self.as_ref().is_some_and(Observer::needs_order)
            }
            #[inline]
            fn needs_decisions(&self) -> bool {
                self.as_ref().is_some_and(Observer::needs_decisions)
            }
            #[inline]
            fn gauges_every(&self) -> Option<(SimTime, Span)> {
                self.as_ref().and_then(Observer::gauges_every)
            }
            #[inline]
            fn prefetch(&self, function: LocalFn) -> u64 {
                self.as_ref().map_or(0, |inner| inner.prefetch(function))
            }
            #[inline]
            fn prefetch_end(&self, function: LocalFn, latency: Span) -> u64 {
                self.as_ref().map_or(0, |inner| inner.prefetch_end(function, latency))
            }
        }

        /// An observer that is lent.
        impl<A: Observer + ?Sized> Observer for &mut A {
            $(#[inline(always)] fn $call(&mut self, $($name: $kind),*) {
                (**self).$call($($name),*);
            })*
            #[inline]
            fn needs_order(&self) -> bool {
                (**self).needs_order()
            }
            #[inline]
            fn needs_decisions(&self) -> bool {
                (**self).needs_decisions()
            }
            #[inline]
            fn gauges_every(&self) -> Option<(SimTime, Span)> {
                (**self).gauges_every()
            }
            #[inline]
            fn prefetch(&self, function: LocalFn) -> u64 {
                (**self).prefetch(function)
            }
            #[inline]
            fn prefetch_end(&self, function: LocalFn, latency: Span) -> u64 {
                (**self).prefetch_end(function, latency)
            }
        }
    };
}

observer! {
    /// A request, or an attempt to serve one, arrived at a function.
    fn arrived(now: SimTime, function: LocalFn);
    /// A limit refused a request or put it into the queue.
    fn throttled(now: SimTime, function: LocalFn, by: Limit);
    /// An invocation got its instance (`cold`: created for it; `cold_affected`: it was not ready when the request arrived).
    fn assigned(now: SimTime, function: LocalFn, cold: bool, cold_affected: bool);
    /// An invocation ended.
    fn finished(request: &Finished);
    /// An invocation has computed as long as it has to, or as far as it came before it was cut off, with `work` of one core
    /// in all. Told only of functions whose requests share processors.
    fn computed(now: SimTime, function: LocalFn, work: Span);
    /// A request was answered for good: told after the end of its last invocation, if that was the reason.
    fn request_ended(request: &RequestEnd);
    /// The client of a source makes an attempt.
    fn attempted(now: SimTime, source: LocalSource);
    /// A source asks: a request arrives.
    fn requested(now: SimTime, source: LocalSource);
    /// What a component holds at a moment, told before all else that happens then; told only to those who [want
    /// it](Observer::gauges_every).
    fn gauged(now: SimTime, component: ComponentId, gauges: &Gauges);
    /// A call is made. Where a source calls a function itself there is none: the invocation is the request.
    fn called(call: &CallMade);
    /// An invocation ended that was a call: told after [`Observer::finished`].
    fn call_served(call: CallId, invocation: &Finished);
    /// A call has ended: it was answered, or its caller gave it up, and then the answer that nobody waits for is told too.
    fn call_ended(end: &CallEnd);
    /// A component of the path has closed its books at the end of the run.
    fn component_closed(component: ComponentId, books: &Books);
    /// An instance was ordered. It becomes ready at `ready`, if the run lasts that long; `billed` of the start-up belongs
    /// to phases that platforms charge for; `provisioned`: it is one of those that are there without being asked for.
    fn instance_created(
        now: SimTime, function: LocalFn, instance: InstanceId, ready: SimTime, billed: Span, provisioned: bool
    );
    /// An instance of a function whose instances serve several requests at a time was busy from `since` until `now`: it had
    /// one request or more all the time.
    fn served(now: SimTime, function: LocalFn, instance: InstanceId, since: SimTime, provisioned: bool);
    /// An instance was there when the run began, free or with a request that is none of the scenario's: of that request
    /// only the end is told.
    fn instance_found(function: LocalFn, instance: InstanceId, is_busy: bool);
    /// A request that was in progress when the run began has ended.
    fn initial_ended(now: SimTime, function: LocalFn, instance: InstanceId);
    /// An instance is gone. What still exists at the end of the run is not reported.
    fn instance_removed(now: SimTime, function: LocalFn, instance: InstanceId, created: SimTime);
    /// A scaling policy decided; told only to those who [need it](Observer::needs_decisions).
    fn decided(now: SimTime, function: LocalFn, decision: &ScalingDecision);
    /// These levels of a function held from the previous call for it (or the start of the run) until `now`.
    fn levels(now: SimTime, function: LocalFn, held: &Levels);
}

/// Observes nothing.
impl Observer for () {}
