//! What the engine reports: the interface between simulation and measurement.
//!
//! The engine keeps no statistics. An [`Observer`] is a generic parameter: what it ignores costs nothing. For each
//! function, calls are in order of time; across functions that are simulated together, only if the observer requires
//! it. Functions and sources are those of the simulated cell.

use crate::cluster::NodeLevels;
use crate::id::{ComponentId, GroupId, InstanceId, LocalFn, LocalSource};
use crate::path::books::Books;
use crate::path::{CallId, Gauges, Outcome};
use crate::policy::scaling::replay::Gauge;
use crate::time::{SimTime, Span};

/// The limit that throttled an invocation.
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
    /// The instances created by its scaling policy.
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
    /// When it was assigned an instance, ready or starting; equal to `ended` if it never was.
    pub assigned: SimTime,
    /// When its instance became ready; equal to `born` if it was before that, or if there was none.
    pub instance_ready: SimTime,
    /// When it started to run; equal to `ended` if it never did.
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

/// What a request was answered with that was served in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generated {
    /// When the invocation arrived.
    pub born: SimTime,
    /// When its first token was there.
    pub first_token: SimTime,
    /// Tokens of the answer, the first one included.
    pub tokens: u64,
}

/// A completed or failed request of a source, including its whole path. If the path is empty, the request and its only
/// invocation are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestEnd {
    /// The source it came from.
    pub source: LocalSource,
    /// Its number in that source, from 0.
    pub number: u64,
    /// When it arrived.
    pub born: SimTime,
    /// When it got its final response.
    pub ended: SimTime,
    /// Its outcome.
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
    /// T_wait: from its arrival until it started to run.
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

    /// An invocation that ended without an instance.
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

/// The levels of a function at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Levels {
    /// Instances being started.
    pub starting: u32,
    /// Instances serving at least one request.
    pub busy: u32,
    /// Warm instances without a request.
    pub idle: u32,
    /// Requests in progress: on an instance, ready or starting.
    pub in_progress: u32,
    /// Requests waiting for capacity.
    pub queued: u32,
}

impl Levels {
    /// All instances.
    #[inline]
    #[must_use]
    pub const fn instances(&self) -> u32 {
        self.starting + self.busy + self.idle
    }
}

/// What a scaling policy saw and decided.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingDecision {
    /// Desired number of instances before.
    pub before: u32,
    /// Desired number of instances now.
    pub ordered: u32,
    /// Number of its instances that exist, and that are ready.
    pub existing: u32,
    /// See `existing`.
    pub ready: u32,
    /// Requests on instances.
    pub in_progress: u32,
    /// Requests that wait in front of the instances.
    pub queued: u32,
    /// The metrics that the policy decided on, if it names them.
    pub inputs: Vec<(Gauge, f64)>,
    /// The reason of the decision, in words; empty if the policy gives none.
    pub why: String,
}

/// Declares [`Observer`] once and passes every call on to pairs and options of observers.
macro_rules! observer {
    ($($(#[$doc:meta])* fn $call:ident($($name:ident: $kind:ty),*);)*) => {
        /// Receives all events. Every method does nothing by default.
        pub trait Observer {
            $($(#[$doc])* #[inline] fn $call(&mut self, $($name: $kind),*) { let _ = ($($name),*); })*

            /// Whether calls about different functions must come in order of time too.
            #[inline]
            fn needs_order(&self) -> bool {
                false
            }

            /// Whether it needs the decisions of scaling policies, with reasons.
            #[inline]
            fn needs_decisions(&self) -> bool {
                false
            }

            /// When it wants to know for the first time what components hold, and how often from then on.
            #[inline]
            fn gauges_every(&self) -> Option<(SimTime, Span)> {
                None
            }

            /// Prefetches the data that an upcoming event of a function needs.
            #[inline]
            fn prefetch(&self, function: LocalFn) {
                let _ = function;
            }

            /// The same for the end of a request that will have taken so long, after [`Observer::prefetch`].
            #[inline]
            fn prefetch_end(&self, function: LocalFn, latency: Span) {
                let _ = (function, latency);
            }
        }

        /// Notifies both, in order.
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
            fn prefetch(&self, function: LocalFn) {
                self.0.prefetch(function);
                self.1.prefetch(function);
            }
            #[inline]
            fn prefetch_end(&self, function: LocalFn, latency: Span) {
                self.0.prefetch_end(function, latency);
                self.1.prefetch_end(function, latency);
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
            fn prefetch(&self, function: LocalFn) {
                if let Some(inner) = self {
                    inner.prefetch(function);
                }
            }
            #[inline]
            fn prefetch_end(&self, function: LocalFn, latency: Span) {
                if let Some(inner) = self {
                    inner.prefetch_end(function, latency);
                }
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
            fn prefetch(&self, function: LocalFn) {
                (**self).prefetch(function);
            }
            #[inline]
            fn prefetch_end(&self, function: LocalFn, latency: Span) {
                (**self).prefetch_end(function, latency);
            }
        }
    };
}

observer! {
    /// A request, or an attempt to serve one, arrived at a function.
    fn arrived(now: SimTime, function: LocalFn);
    /// A limit rejected or queued a request.
    fn throttled(now: SimTime, function: LocalFn, by: Limit);
    /// An invocation got its instance (`cold`: created for it; `cold_affected`: it was not ready when the request arrived).
    fn assigned(now: SimTime, function: LocalFn, cold: bool, cold_affected: bool);
    /// An invocation ended.
    fn finished(request: &Finished);
    /// An invocation has computed as long as it has to, or as far as it came before it has timed out, with `work` of
    /// one core in all. Told only of functions whose requests share processors.
    fn computed(now: SimTime, function: LocalFn, work: Span);
    /// An instance that serves its requests in batches has answered one, now, with its last token.
    fn generated(now: SimTime, function: LocalFn, answer: &Generated);
    /// A request got its final response; reported after the end of its last invocation.
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
    /// The final counters of a path component.
    fn component_closed(component: ComponentId, books: &Books);
    /// A node group has closed its books at the end of the run.
    fn nodes_closed(group: GroupId, books: &Books);
    /// A fault begins (`is_on`), is over, or is still on at the end of the run; `fault` is its place in the scenario, `given_up` how
    /// many messages components have given up so far. Told before it has an effect.
    fn fault(now: SimTime, fault: u32, is_on: bool, given_up: u64);
    /// These levels of a node group held from the previous call for it (or the start of the run) until `now`.
    fn node_levels(now: SimTime, group: GroupId, held: &NodeLevels);
    /// How long the instances of a function waited for a node and for their image, at the end of the run.
    fn starts_closed(function: LocalFn, books: &Books);
    /// An instance waited for a node or for its image: it becomes ready at `ready`, which was not known when it was ordered.
    fn instance_begins(now: SimTime, function: LocalFn, instance: InstanceId, ready: SimTime);
    /// An instance was created. It becomes ready at `ready`, if the run lasts that long; "never" if that is
    /// not known yet, because it waits for a node or for its image. `billed` is the part of its
    /// start that platforms charge for; `provisioned`: it was not created for a request.
    fn instance_created(
        now: SimTime, function: LocalFn, instance: InstanceId, ready: SimTime, billed: Span, provisioned: bool
    );
    /// An instance of a function whose instances serve several requests at a time was busy from `since` until `now`: it had
    /// one request or more all the time.
    fn served(now: SimTime, function: LocalFn, instance: InstanceId, since: SimTime, provisioned: bool);
    /// An instance of the initial state, idle or with a request. Only the end of that request is reported.
    fn instance_found(function: LocalFn, instance: InstanceId, is_busy: bool);
    /// A request of the initial state has ended.
    fn initial_ended(now: SimTime, function: LocalFn, instance: InstanceId);
    /// An instance has been removed. Instances that still exist at the end of the run are not reported.
    fn instance_removed(now: SimTime, function: LocalFn, instance: InstanceId, created: SimTime);
    /// A scaling policy made a decision; only reported to observers that [need it](Observer::needs_decisions).
    fn decided(now: SimTime, function: LocalFn, decision: &ScalingDecision);
    /// These levels of a function held from the previous call for it (or the start of the run) until `now`.
    fn levels(now: SimTime, function: LocalFn, held: &Levels);
}

/// Observes nothing.
impl Observer for () {}
