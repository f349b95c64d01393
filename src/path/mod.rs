//! Components of the request path: gateways, queues, streams, clients with retries.
//!
//! A component is a state machine. It is notified of arriving calls, of its timers, and of responses to its own calls,
//! and returns actions through its [`Ports`]. It knows neither events nor the engine, so a test can exercise it step by
//! step (`testing`).
//!
//! A new component is a file next to this one and a line in `component_kinds!`.

pub mod async_queue;
mod batch;
pub use crate::stats::books;
pub mod bucket;
pub mod client;
pub mod dependency;
pub mod gateway;
mod kinds;
pub mod link;
mod pace;
pub mod queue;
pub mod router;
mod slots;
pub mod stream;
pub mod tenant;
#[cfg(test)]
pub(crate) mod testing;
mod timers;
pub mod topic;
pub mod workflow;

use std::fmt::Debug;

use crate::dist::Dist;
use crate::metric::component::Kind;
use crate::rng::Stream;
use crate::time::{SimTime, Span};
use books::{Books, Measured};
use bucket::BucketSpec;

/// How a request, or one attempt to serve it, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Requests that completed successfully.
    Completed,
    /// Rejected: throttled, by a limit or by a full queue.
    Rejected,
    /// Waited in a queue for longer than allowed; it never started.
    QueueTimedOut,
    /// Took longer than the callee or the caller allows.
    TimedOut,
    /// Ended by an error.
    Failed,
    /// Rejected by a circuit breaker of the caller: it was not sent.
    BreakerOpen,
    /// Not retried because the caller's retry budget was used up.
    NoBudget,
    /// Too old for another attempt.
    Expired,
    /// Larger than the callee accepts, as by HTTP 413: not retried.
    TooLarge,
    /// Requests still queued at the end of the run.
    Unfinished,
}

impl Outcome {
    /// Whether the response was a success.
    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::Completed
    }
}

/// A call that a component has accepted and not answered. Its number is reused once it has been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u32);

impl CallId {
    /// No call.
    pub const NONE: Self = Self(u32::MAX);
}

/// A component's own number for something that it waits for: a call that it made, or a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// What travels with a call. A component that passes a call on passes its parcel on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parcel {
    /// Index of the source that sent the request; of a batch, that of its first message.
    pub source: u32,
    /// Number of that request in its source.
    pub number: u64,
    /// The call with which it arrived; `None` from a source. A component that passes the parcel on sets it to its own
    /// call.
    pub cause: CallId,
    /// Number of requests or messages: 1, or the size of a batch.
    pub items: u32,
    /// Whether processing it always fails: it contains a poison message.
    pub is_poison: bool,
    /// Duration at a function, if the source sets one; `None`: that of the function's requests.
    pub service: Option<Span>,
    /// Its size, bytes.
    pub bytes: u64,
    /// The size of a successful response, bytes.
    pub answer_bytes: u64,
    /// The instance of a function that makes the call, unique among those of the function: its slot, then a number;
    /// else [`Self::NO_INSTANCE`].
    pub instance: u64,
}

impl Parcel {
    /// The call is not made by an instance.
    pub const NO_INSTANCE: u64 = u64::MAX;

    /// One request, number `number` of source `source`.
    #[must_use]
    pub const fn one(source: u32, number: u64) -> Self {
        Self {
            source,
            number,
            cause: CallId::NONE,
            items: 1,
            is_poison: false,
            service: None,
            bytes: 0,
            answer_bytes: 0,
            instance: Self::NO_INSTANCE,
        }
    }
}

/// What a component wants done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// Call target number `target` of the component; [`Component::answered`] is notified with `token` when it ends.
    Call {
        /// The component's number of this call, not used by another outstanding call.
        token: Token,
        /// Index of the component's target.
        target: u32,
        /// What travels with the call.
        parcel: Parcel,
    },
    /// Nobody waits for the response to this call any more: it is discarded, and [`Component::answered`] is not
    /// notified.
    Abandon {
        /// The component's number of the call.
        token: Token,
        /// What happens to the work.
        how: Abandon,
    },
    /// `call` has ended.
    Answer {
        /// The call.
        call: CallId,
        /// How it ended.
        outcome: Outcome,
    },
    /// `call` gets lost: nobody is told. Who made it has a time-out.
    Lose {
        /// The call.
        call: CallId,
    },
    /// Wake the component at a time.
    Wake {
        /// The component's number of this time, passed to [`Component::woken`].
        token: Token,
        /// The time, not in the past.
        at: SimTime,
        /// Whether responses at the same time come first, including those that need a [`Action::Wake`] of their own:
        /// true of timeouts.
        is_deadline: bool,
    },
}

/// What happens to the work on a call whose response nobody waits for any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Abandon {
    /// It continues, queued or running.
    #[default]
    GoesOn,
    /// In the queue of a function, it is dropped when its turn comes; once running, it continues.
    DropsQueued,
    /// It ends at once, wherever it is.
    Cancels,
}

/// What a component holds at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gauges {
    /// Messages that wait: visible, delayed, or to be retried.
    pub waiting: u64,
    /// Messages that are being processed.
    pub in_flight: u64,
    /// When the oldest message that is neither processed nor discarded was sent.
    pub oldest: Option<SimTime>,
    /// Messages discarded, of those sent in the measured period: dead-lettered, expired, skipped or dropped.
    pub given_up: u64,
    /// Cost since the beginning of the measured period, US dollars.
    pub cost_usd: f64,
}

impl Gauges {
    /// Merges two intervals at which the component is observed: both observe at every time at which either needs it.
    /// Both are multiples of the result from the same start.
    #[must_use]
    pub fn both(a: Option<(SimTime, Span)>, b: Option<(SimTime, Span)>) -> Option<(SimTime, Span)> {
        let (Some((first, every)), Some((other_first, other_every))) = (a, b) else { return a.or(b) };
        let (mut x, mut y) = (every.as_nanos(), other_every.as_nanos());
        while y > 0 {
            (x, y) = (y, x % y);
        }
        Some((first.min(other_first), Span::from_nanos(x)))
    }
}

/// What a component works with when it is notified.
pub struct Ports<'a> {
    /// The current time.
    pub now: SimTime,
    /// Whether work that begins now belongs to the measured period of the run.
    pub is_measured: bool,
    /// The entry through which a call arrives, where the component has several; else 0.
    pub entry: u32,
    pub(crate) actions: &'a mut Vec<Action>,
}

impl Ports<'_> {
    /// [`Action::Answer`].
    pub fn answer(&mut self, call: CallId, outcome: Outcome) {
        self.actions.push(Action::Answer { call, outcome });
    }

    /// [`Action::Lose`].
    pub fn lose(&mut self, call: CallId) {
        self.actions.push(Action::Lose { call });
    }

    /// [`Action::Call`].
    pub fn call(&mut self, target: u32, token: Token, parcel: Parcel) {
        self.actions.push(Action::Call { token, target, parcel });
    }

    /// [`Action::Abandon`].
    pub fn abandon(&mut self, token: Token, how: Abandon) {
        self.actions.push(Action::Abandon { token, how });
    }

    /// [`Action::Wake`].
    pub fn wake(&mut self, token: Token, at: SimTime) {
        self.actions.push(Action::Wake { token, at, is_deadline: false });
    }

    /// [`Action::Wake`] for a timeout.
    pub fn wake_late(&mut self, token: Token, at: SimTime) {
        self.actions.push(Action::Wake { token, at, is_deadline: true });
    }
}

/// The state of a component of the path.
pub trait Component: Send {
    /// What will be measured: called once, before anything else.
    fn measured(&mut self, measured: Measured) {
        let _ = measured;
    }

    /// A call arrives; it must be answered once, at some time.
    fn arrived(&mut self, call: CallId, parcel: Parcel, ports: &mut Ports<'_>);

    /// A time requested with [`Action::Wake`] has come. There is no way to cancel one: obsolete tokens must be ignored.
    fn woken(&mut self, token: Token, ports: &mut Ports<'_>) {
        let _ = (token, ports);
    }

    /// A call made with [`Action::Call`] has been answered.
    fn answered(&mut self, token: Token, outcome: Outcome, ports: &mut Ports<'_>) {
        let _ = (token, outcome, ports);
    }

    /// The caller of this call does not wait for its response any more and says so: it may be answered at once, as
    /// failed.
    fn cancelled(&mut self, call: CallId, ports: &mut Ports<'_>) {
        let _ = (call, ports);
    }

    /// A fault begins or ends here.
    fn disturbed(&mut self, disturbance: &Disturbance, ports: &mut Ports<'_>) {
        let _ = (disturbance, ports);
    }

    /// What it holds now, and what it has cost so far.
    fn gauges(&self, now: SimTime) -> Gauges {
        let _ = now;
        Gauges::default()
    }

    /// The run is over, and so is all that is followed: the counters of what began in the measured period.
    fn close(&mut self, end: SimTime, books: &mut Books);
}

/// What a fault does to a component from now on.
#[derive(Clone, Debug, PartialEq)]
pub enum Disturbance {
    /// Work is done at this speed; 1: as usual. Running work slows down too.
    Speed(f64),
    /// This share of the calls fails; 0: as usual.
    Errors(f64),
    /// Additional delay of responses; `None`: as usual.
    Delay(Option<Dist>),
    /// Whether it responds with errors only.
    Outage(bool),
    /// The instances of a function in the zone with this number, of so many, are lost; others start elsewhere.
    LoseZone(u32, u32),
    /// All instances of a function are replaced.
    Deploy,
    /// Factor of the start times of a function's instances; 1: as usual.
    ColdStart(f64),
    /// Crashes per second of each instance of a function; 0: as usual.
    Crash(f64),
    /// Calls above this rate are throttled; `None`: as usual.
    Throttle(Option<BucketSpec>),
    /// This share of what is sent from now on is poison; 0: as usual.
    Poison(f64),
    /// The contents of a cache are lost.
    Flush,
}

/// The delay of a fault, drawn for each call; zero without one.
fn drawn(delay: Option<&Dist>, stream: &mut Stream) -> Span {
    delay.map_or(Span::ZERO, |delay| delay.sample(stream))
}

/// The probability of at least one of two independent events; exactly that of one where the other never happens.
fn either(one: f64, other: f64) -> f64 {
    if other == 0.0 { one } else { one + other - one * other }
}

/// What a scenario says about a component.
pub trait Spec: Debug + Send + Sync {
    /// The names of its targets; their order gives their numbers.
    fn targets(&self) -> Vec<&str>;

    /// The indices of its targets, and how many of them must respond before the component responds itself: by default,
    /// all of them.
    fn awaited(&self) -> (Vec<usize>, usize) {
        let all = self.targets().len();
        ((0..all).collect(), all)
    }

    /// The component at the start of the run; its random draws come from `stream`.
    fn build(&self, stream: Stream) -> Box<dyn Component>;
}

impl<T: Spec> Spec for Box<T> {
    fn targets(&self) -> Vec<&str> {
        (**self).targets()
    }

    fn awaited(&self) -> (Vec<usize>, usize) {
        (**self).awaited()
    }

    fn build(&self, stream: Stream) -> Box<dyn Component> {
        (**self).build(stream)
    }
}

/// Lists the kinds of components, one line each, and passes them to a macro.
///
/// First those with a list in the scenario file: the type in the list, its key (also the kind in names, and the
/// module), the group in results, the table of an entry, and what the checked scenario stores. Then those derived from
/// something else, as a client is from its caller.
macro_rules! component_kinds {
    ($then:ident) => {
        $then! {
            listed {
                /// Gateways and load balancers.
                gateway in gateways: GatewaySpec => Gateway(GatewaySpec),
                /// Message queues.
                queue in queues: QueueSpec => Queue(QueueSpec),
                /// Record streams.
                stream in streams: StreamSpec => Stream(StreamSpec),
                /// Topics that deliver each published message to all subscribers.
                topic in topics: TopicSpec => Topic(TopicSpec),
                /// Databases, caches and other services.
                dependency in dependencies: DependencySpec => Dependency(DependencySpec),
                /// Workflows: sequential and parallel states, with tasks that call functions.
                workflow in workflows: WorkflowSpec => Workflow(Workflow),
                /// Routers that distribute calls over several targets.
                router in routers: RouterSpec => Router(RouterSpec),
            }
            other {
                /// Callers, with timeouts, retries and breakers.
                "client" in clients: client => Client(client::Client),
                /// The queue of the asynchronous invocations of a function.
                "async" in asynchronous: async_queue => Async(Box<async_queue::AsyncSpec>),
                /// The connection between two sites.
                "link" in links: link => Link(Box<link::LinkSpec>),
                /// A tenant with a quota.
                "tenant" in tenants: tenant => Tenant(Box<tenant::TenantSpec>),
                /// For tests of the engine.
                #[cfg(test)]
                "scripted" in scripted: testing => Scripted(testing::Scripted),
            }
        }
    };
}

macro_rules! component_spec {
    (
        listed { $($(#[doc = $doc:literal])+ $key:ident in $group:ident: $table:ident => $kind:ident($spec:ident),)* }
        other { $($(#[doc = $other_doc:literal])+ $(#[cfg($test:meta)])? $name:literal in $other_group:ident: $module:ident => $other:ident($other_spec:ty),)* }
    ) => {
        /// What a scenario says about a component.
        #[derive(Clone, Debug, PartialEq)]
        pub enum ComponentSpec {
            $($(#[doc = $doc])+ $kind(Box<$key::$spec>),)*
            $($(#[doc = $other_doc])+ $(#[cfg($test)])? $other($other_spec),)*
        }

        impl ComponentSpec {
            /// What results report about its kind.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match *self {
                    $(Self::$kind(_) => $key::KIND,)*
                    $($(#[cfg($test)])? Self::$other(_) => $module::KIND,)*
                }
            }

            /// Its group in results.
            #[must_use]
            pub const fn group(&self) -> &'static str {
                match *self {
                    $(Self::$kind(_) => stringify!($group),)*
                    $($(#[cfg($test)])? Self::$other(_) => stringify!($other_group),)*
                }
            }
        }

        $(impl From<Box<$key::$spec>> for ComponentSpec {
            fn from(spec: Box<$key::$spec>) -> Self {
                Self::$kind(spec)
            }
        })*

        impl std::ops::Deref for ComponentSpec {
            type Target = dyn Spec;
            fn deref(&self) -> &Self::Target {
                match *self {
                    $(Self::$kind(ref spec) => spec,)*
                    $($(#[cfg($test)])? Self::$other(ref spec) => spec,)*
                }
            }
        }
    };
}

component_kinds!(component_spec);

pub(crate) use component_kinds;
pub use kinds::{Described, kinds, of_group, quantity_of, signals_of};
