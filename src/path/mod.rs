//! Components of the request path: gateways, queues, streams, clients with retries.
//!
//! A component is a state machine. It is notified of arriving calls, of its timers, and of responses to its own calls,
//! and returns actions through its [`Ports`]. It does not know events or the engine, so that a test can exercise it
//! step by step (`testing`).
//!
//! A new component is a file beside this one, and a line in `component_kinds!`.

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
use books::Books;
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
    /// Took longer than whoever served it, or whoever asked, allows.
    TimedOut,
    /// Ended by an error.
    Failed,
    /// Refused by a circuit breaker of the caller: it reached nobody.
    BreakerOpen,
    /// Not tried again because the retry budget of the caller was used up.
    NoBudget,
    /// Too old to be worth another try.
    Expired,
    /// Larger than its receiver accepts (HTTP 413): another try is pointless.
    TooLarge,
    /// Requests still queued at the end of the run.
    Unfinished,
}

impl Outcome {
    /// Whether there was a successful answer.
    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::Completed
    }
}

/// A call that a component has accepted and not answered. Its number is used again when it has been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u32);

impl CallId {
    /// No call.
    pub const NONE: Self = Self(u32::MAX);
}

/// A component's own number of something that it waits for: a call that it made, or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// What travels with a call. Who passes a call on passes its parcel on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parcel {
    /// The source of the request that it belongs to, of a batch that of its first message; its place in the cell.
    pub source: u32,
    /// The number of that request in its source.
    pub number: u64,
    /// The call that it came with; none where a source sends it. Who passes the parcel on says for which call that is.
    pub cause: CallId,
    /// Requests or messages in it: 1, or those of a batch.
    pub items: u32,
    /// Whether whoever processes it fails, however often it is tried: a poison message is in it.
    pub is_poison: bool,
    /// How long it runs at a function, where its source says so; none: as long as the function's requests do.
    pub service: Option<Span>,
    /// Its size, bytes.
    pub bytes: u64,
    /// The size of its answer, if that is a success, bytes.
    pub answer_bytes: u64,
    /// The instance of a function that makes the call, unique among those of the function: its place, then a number; else
    /// [`Self::NO_INSTANCE`].
    pub instance: u64,
}

impl Parcel {
    /// No instance makes the call.
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
    /// Call target number `target` of the component; [`Component::answered`] is told how that ended, with `token`.
    Call {
        /// The component's number of this call. Not in use for another one that is out.
        token: Token,
        /// Which of the component's targets.
        target: u32,
        /// What goes along.
        parcel: Parcel,
    },
    /// Nobody waits for the answer to this call any more: it is thrown away, and [`Component::answered`] is not told.
    Abandon {
        /// The component's number of the call.
        token: Token,
        /// What becomes of the work.
        how: Abandon,
    },
    /// `call` has ended.
    Answer {
        /// Which one.
        call: CallId,
        /// How it ended.
        outcome: Outcome,
    },
    /// `call` gets lost: nobody is told. Who made it has a time-out.
    Lose {
        /// Which one.
        call: CallId,
    },
    /// Say when it is this late.
    Wake {
        /// The component's number of this moment: [`Component::woken`] is told it.
        token: Token,
        /// When, not before the present.
        at: SimTime,
        /// Whether answers at the same moment come first, also those that only come by a [`Action::Wake`]: of timeouts.
        is_deadline: bool,
    },
}

/// What becomes of the work on a call whose answer nobody waits for any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Abandon {
    /// It goes on, queued or running.
    #[default]
    GoesOn,
    /// If it waits in the queue of a function it leaves it when its turn comes; if it runs it runs on.
    DropsQueued,
    /// It ends at once, wherever it is.
    Cancels,
}

/// What a component holds at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gauges {
    /// Messages that wait: visible, delayed or to be tried again.
    pub waiting: u64,
    /// Messages that are being processed.
    pub in_flight: u64,
    /// When the oldest message that is neither processed nor given up was sent.
    pub oldest: Option<SimTime>,
    /// Messages that it has given up: dead-lettered, expired, skipped or dropped; of those sent in the measured part.
    pub given_up: u64,
    /// What it has cost since the beginning of the measured part, US dollars.
    pub cost_usd: f64,
}

impl Gauges {
    /// When and how often two are looked at together: at every moment at which either wants it. Both are multiples of the result from
    /// the same beginning.
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

/// What a component works with when it is told something.
pub struct Ports<'a> {
    /// The present.
    pub now: SimTime,
    /// Whether what begins now belongs to the measured period of the run.
    pub is_measured: bool,
    /// By which entry a call that arrives comes in, where the component has several; else 0.
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

    /// [`Action::Wake`] for the end of somebody's patience.
    pub fn wake_late(&mut self, token: Token, at: SimTime) {
        self.actions.push(Action::Wake { token, at, is_deadline: true });
    }
}

/// The state of a component of the path.
pub trait Component: Send {
    /// What is counted begins here: told once, before anything else.
    fn measured_from(&mut self, from: SimTime) {
        let _ = from;
    }

    /// A call arrives; it is to be answered some time, once.
    fn arrived(&mut self, call: CallId, parcel: Parcel, ports: &mut Ports<'_>);

    /// The time has come that was asked for with [`Action::Wake`]. There is no taking back: a token that means nothing any
    /// more is to be passed over.
    fn woken(&mut self, token: Token, ports: &mut Ports<'_>) {
        let _ = (token, ports);
    }

    /// A call made with [`Action::Call`] has been answered.
    fn answered(&mut self, token: Token, outcome: Outcome, ports: &mut Ports<'_>) {
        let _ = (token, outcome, ports);
    }

    /// Who made this call does not wait for its answer any more and says so: it may be answered at once, as failed.
    fn cancelled(&mut self, call: CallId, ports: &mut Ports<'_>) {
        let _ = (call, ports);
    }

    /// A fault begins or ends here.
    fn disturbed(&mut self, disturbance: &Disturbance, ports: &mut Ports<'_>) {
        let _ = (disturbance, ports);
    }

    /// What it holds now, and what it has cost.
    fn gauges(&self, now: SimTime) -> Gauges {
        let _ = now;
        Gauges::default()
    }

    /// The run is over: what was counted, of what began in its measured part.
    fn close(&mut self, end: SimTime, books: &mut Books);
}

/// What a fault does to a component from now on.
#[derive(Clone, Debug, PartialEq)]
pub enum Disturbance {
    /// Work is done at this speed; 1 is as usual. Running work slows too.
    Speed(f64),
    /// This part of the calls fails; 0 is as usual.
    Errors(f64),
    /// It takes so much longer to answer; none: as usual.
    Delay(Option<Dist>),
    /// Whether it answers nothing but errors.
    Outage(bool),
    /// The instances of a function in the zone with this number, of so many, are lost; others start elsewhere.
    LoseZone(u32, u32),
    /// All instances of a function are replaced.
    Deploy,
    /// Instances of a function take so many times as long to start; 1 is as usual.
    ColdStart(f64),
    /// Each instance of a function crashes so many times a second; 0 is as usual.
    Crash(f64),
    /// What comes faster than this is refused; none: as usual.
    Throttle(Option<BucketSpec>),
    /// This part of what is sent from now on is poison; 0 is as usual.
    Poison(f64),
    /// What a cache holds is lost.
    Flush,
}

/// The delay of a fault, drawn anew; zero without one.
fn drawn(delay: Option<&Dist>, stream: &mut Stream) -> Span {
    delay.map_or(Span::ZERO, |delay| delay.sample(stream))
}

/// The probability that one of two independent things happens; exactly that of the one where the other never does.
fn either(one: f64, other: f64) -> f64 {
    if other == 0.0 { one } else { one + other - one * other }
}

/// What a scenario says about a component.
pub trait Spec: Debug + Send + Sync {
    /// Where its calls go, by name: targets have their numbers in this order.
    fn targets(&self) -> Vec<&str>;

    /// Targets by their numbers, and how many of them must end what they are asked for before the component ends what it is
    /// asked for. By default all of all.
    fn awaited(&self) -> (Vec<usize>, usize) {
        let all = self.targets().len();
        ((0..all).collect(), all)
    }

    /// The component at the start of the run; what it draws comes from `stream`.
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

/// Lists the kinds of components, one line each, and hands them to a macro.
///
/// First those that have a list in the scenario file: what the list contains, its key (also the kind in names, and the module),
/// the group in results, the table of an entry, and what the checked scenario stores. Then those that come from something else,
/// as a client does from its caller.
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
                /// Who calls, with timeouts, retries and breakers.
                "client" in clients: client => Client(client::Client),
                /// The queue of the asynchronous invocations of a function.
                "async" in asynchronous: async_queue => Async(Box<async_queue::AsyncSpec>),
                /// The way between two sites.
                "link" in links: link => Link(Box<link::LinkSpec>),
                /// A customer with a quota.
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
            /// What results say of its kind.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match *self {
                    $(Self::$kind(_) => $key::KIND,)*
                    $($(#[cfg($test)])? Self::$other(_) => $module::KIND,)*
                }
            }

            /// The group that it belongs to in results.
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
