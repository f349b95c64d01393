//! The simulation: events, instances, limits.
//!
//! [`simulate`] runs one cell, a set of functions that share something (or one function alone), and tells an
//! [`Observer`] what happens. It keeps no statistics, knows no threads and reads no clock. The life of a request, with
//! the method that handles each step, is in `function.rs`; the order of events in `event.rs`.

mod apps;
#[cfg(debug_assertions)]
mod audit;
mod available;
mod direct;
mod event;
mod function;
mod instance;
mod limits;
mod memory;
mod observer;
mod queue;
mod request;
mod slab;
mod source;
mod stem_cells;

use std::hint::black_box;
use std::ops::ControlFlow;

pub use observer::{Finished, Levels, Limit, Observer, Outcome};

use crate::id::{FnId, LocalFn, SourceId};
use crate::rng::Streams;
use crate::scenario::{Function, Scenario};
use crate::time::{SimTime, Span};
use crate::workload::TraceError;
use apps::Apps;
use direct::Directs;
use event::{Event, Kind};
use function::FunctionState;
use limits::Account;
use memory::Memory;
use queue::EventQueue;
use request::Birth;
use source::Sources;
use stem_cells::Pools;

/// Units of work between two looks at whether to go on: an event is one, and so is each instance that a scaling policy
/// looks at, orders or withdraws. Even where each takes a microsecond they are done in a small part of a second.
const PULSE: u64 = 1 << 16;

/// Pending events from which on memory is waited for, so that what they need is best read before they are due: of a few
/// functions, and of many.
const READ_AHEAD: [usize; 2] = [1 << 15, 1 << 10];
const MANY_FUNCTIONS: usize = 64;

/// Is called now and then with the time reached and the arrivals since the last call; it says whether to go on.
pub type Pulse<'a> = &'a mut dyn FnMut(SimTime, u64) -> ControlFlow<()>;

/// A set of functions that are simulated together, with the sources that call them. Two cells share nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The functions, in the order of the scenario.
    pub functions: Vec<FnId>,
    /// The sources, in the order of the scenario.
    pub sources: Vec<SourceId>,
    /// What the account has for those of its functions that have nothing reserved: [`Scenario::unreserved_concurrency`].
    pub unreserved: u32,
}

impl Cell {
    /// All functions and sources of a scenario together.
    #[must_use]
    pub fn whole(scenario: &Scenario) -> Self {
        Self {
            functions: (0..scenario.functions.len() as u32).map(FnId).collect(),
            sources: (0..scenario.sources.len() as u32).map(SourceId).collect(),
            unreserved: scenario.unreserved_concurrency(),
        }
    }
}

/// How many events of each kind there were: N_event is their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Requests that arrived.
    pub arrivals: u64,
    /// Executions that ended.
    pub completions: u64,
    /// Instances that became ready after starting.
    pub instances_ready: u64,
    /// Idle instances whose window ended before the horizon.
    pub expirations: u64,
    /// Scaling tokens that a queue waited for.
    pub scaling_tokens: u64,
    /// Looks at a queue whose first request may have waited too long.
    pub queue_timeouts: u64,
    /// Questions to scaling policies.
    pub scaling_decisions: u64,
    /// Applications that were loaded again before anybody asked for them.
    pub pre_warms: u64,
}

impl EventCounts {
    /// Kind and number, in a fixed order.
    #[must_use]
    pub const fn by_kind(&self) -> [(&'static str, u64); 8] {
        let Self {
            arrivals,
            completions,
            instances_ready,
            expirations,
            scaling_tokens,
            queue_timeouts,
            scaling_decisions,
            pre_warms,
        } = *self;
        [
            ("arrival", arrivals),
            ("completion", completions),
            ("instance-ready", instances_ready),
            ("expiration", expirations),
            ("scaling-token", scaling_tokens),
            ("queue-timeout", queue_timeouts),
            ("scaling-decision", scaling_decisions),
            ("pre-warm", pre_warms),
        ]
    }
}

impl std::ops::AddAssign for EventCounts {
    fn add_assign(&mut self, other: Self) {
        let Self {
            arrivals,
            completions,
            instances_ready,
            expirations,
            scaling_tokens,
            queue_timeouts,
            scaling_decisions,
            pre_warms,
        } = other;
        self.arrivals += arrivals;
        self.completions += completions;
        self.instances_ready += instances_ready;
        self.expirations += expirations;
        self.scaling_tokens += scaling_tokens;
        self.queue_timeouts += queue_timeouts;
        self.scaling_decisions += scaling_decisions;
        self.pre_warms += pre_warms;
    }
}

/// Why a simulation ended early.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SimError {
    /// Somebody wanted it to stop.
    #[error("interrupted")]
    Cancelled,
    /// A trace could not be read on.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// More than an event has room for.
    #[error("a simulation holds at most {} functions and as many sources", event::OWNERS_MAX)]
    TooMany,
    /// A scaling policy gave an answer that means nothing.
    #[error("the scaling policy `{policy}` of function `{function}` {fault}, at {at}")]
    Policy {
        /// The policy's name.
        policy: String,
        /// The function's name.
        function: String,
        /// What it did.
        fault: String,
        /// When, since the start of the run.
        at: Span,
    },
}

/// What all functions of a cell share while it is simulated.
struct Shared<O> {
    events: EventQueue,
    account: Account,
    sources: Sources,
    /// What only some scenarios have: there the common case passes by with one look.
    commons: Option<Box<Commons>>,
    counts: EventCounts,
    observer: O,
    /// Units of work until the next look at whether to go on.
    until_pulse: u64,
    /// Why the simulation cannot go on: nothing more is due then.
    fault: Option<SimError>,
}

/// What functions may share beside the account.
struct Commons {
    /// Decisions about keep-alive that concern a whole application.
    apps: Apps,
    /// A budget of memory.
    memory: Option<Memory>,
    /// Instances that wait to become those of a function.
    stem_cells: Pools,
}

impl Commons {
    /// None if there is nothing in it.
    fn of(apps: Apps, memory: Option<Memory>, stem_cells: Pools) -> Option<Box<Self>> {
        let is_needed = !apps.is_empty() || memory.is_some() || !stem_cells.is_empty();
        is_needed.then(|| Box::new(Self { apps, memory, stem_cells }))
    }
}

impl<O: Observer> Shared<O> {
    /// Something was done that is more than one event's work.
    #[inline]
    fn work(&mut self, units: usize) {
        self.until_pulse = self.until_pulse.saturating_sub(units as u64);
    }

    /// A request has ended.
    #[inline]
    fn finish(&mut self, request: &Finished) {
        self.observer.finished(request);
        self.sources.answered(request.source, request.ended);
    }
}

/// The functions of a cell, and what happens to them.
trait Model<O: Observer> {
    /// The run begins.
    fn start(&mut self, shared: &mut Shared<O>);
    /// A request arrives for a function.
    fn arrive(&mut self, function: LocalFn, birth: Birth, now: SimTime, shared: &mut Shared<O>);
    /// An event is due.
    fn handle(&mut self, event: Event, shared: &mut Shared<O>);
    /// What follows at the same moment, after an arrival or an event.
    fn settle(&mut self, now: SimTime, shared: &mut Shared<O>);
    /// Nothing more will happen; levels are reported up to `end`.
    fn end(&mut self, end: SimTime, shared: &mut Shared<O>);
    /// Something will soon happen to a function: reads what that will need, so that it is near. What it read
    /// means nothing.
    fn prepare(&self, _function: LocalFn) -> u64 {
        0
    }
    /// How long the request that a pending event ends has taken by then, if it ends one.
    fn latency(&self, _event: Event) -> Span {
        Span::ZERO
    }
}

/// Functions of every kind.
struct Functions<'s>(Vec<FunctionState<'s>>);

/// Simulates a cell to the horizon and on until every request has ended.
///
/// # Errors
/// When `pulse` breaks, when a trace turns out to be malformed, or when a policy gives an answer that means nothing.
pub fn simulate<O: Observer>(
    scenario: &Scenario,
    cell: &Cell,
    streams: &Streams,
    observer: O,
    pulse: Pulse<'_>,
) -> Result<EventCounts, SimError> {
    #[cfg(debug_assertions)]
    {
        let mut audit = audit::Audit::new(scenario, cell);
        let counts = simulate_unaudited(scenario, cell, streams, (observer, &mut audit), pulse)?;
        audit.finish(&counts);
        Ok(counts)
    }
    #[cfg(not(debug_assertions))]
    simulate_unaudited(scenario, cell, streams, observer, pulse)
}

/// [`simulate`], without the books that debug builds keep.
fn simulate_unaudited<O: Observer>(
    scenario: &Scenario,
    cell: &Cell,
    streams: &Streams,
    observer: O,
    pulse: Pulse<'_>,
) -> Result<EventCounts, SimError> {
    let specs = cell.functions.iter().map(|id| &scenario.functions[id.index()]);
    if (cell.functions.len() == 1 || !observer.needs_order())
        && let Some(directs) = Directs::new(specs, &scenario.platform)
    {
        return match directs.alone() {
            Ok(direct) => drive(direct, None, scenario, cell, streams, observer, pulse),
            Err(directs) => drive(directs, None, scenario, cell, streams, observer, pulse),
        };
    }
    simulate_any(scenario, cell, streams, observer, pulse)
}

/// [`simulate`], without a short cut for the common case.
fn simulate_any<O: Observer>(
    scenario: &Scenario,
    cell: &Cell,
    streams: &Streams,
    observer: O,
    pulse: Pulse<'_>,
) -> Result<EventCounts, SimError> {
    let is_alone = cell.functions.len() == 1;
    let specs = cell.functions.iter().map(|id| &scenario.functions[id.index()]);
    let (apps, memberships) = Apps::of(specs.clone());
    let commons =
        Commons::of(apps, Memory::of(scenario, specs.clone(), streams), Pools::new(&scenario.platform.stem_cells));
    let functions = specs.zip(memberships).enumerate().map(|(place, (spec, membership))| {
        FunctionState::new(LocalFn(place as u32), spec, membership, &scenario.platform, streams, is_alone)
    });
    drive(Functions(functions.collect()), commons, scenario, cell, streams, observer, pulse)
}

/// The loop: what comes next, an arrival or an event, and what the model makes of it.
fn drive<O: Observer, M: Model<O>>(
    mut model: M,
    commons: Option<Box<Commons>>,
    scenario: &Scenario,
    cell: &Cell,
    streams: &Streams,
    observer: O,
    pulse: Pulse<'_>,
) -> Result<EventCounts, SimError> {
    if cell.functions.len() > event::OWNERS_MAX || cell.sources.len() > event::OWNERS_MAX {
        return Err(SimError::TooMany);
    }
    let horizon = SimTime::from(scenario.simulation.horizon);
    let specs: Vec<&Function> = cell.functions.iter().map(|id| &scenario.functions[id.index()]).collect();
    let local = |id: FnId| {
        let place = cell.functions.binary_search(&id).expect("a source calls functions of its cell");
        LocalFn(place as u32)
    };
    let sources = cell.sources.iter().map(|id| &scenario.sources[id.index()]);
    let read_ahead = READ_AHEAD[usize::from(specs.len() >= MANY_FUNCTIONS)];
    let mut shared = Shared {
        events: EventQueue::new(read_ahead),
        account: Account::new(cell.unreserved),
        sources: Sources::start(sources, &specs, local, streams, horizon, read_ahead)?,
        commons,
        counts: EventCounts::default(),
        observer,
        until_pulse: PULSE,
        fault: None,
    };
    model.start(&mut shared);
    let mut reached = SimTime::ZERO;
    let mut arrivals_told = 0;
    loop {
        let event = shared.events.first();
        let arrival = shared.sources.first();
        if arrival < event {
            shared.counts.arrivals += 1;
            reached = arrival.at();
            let (function, birth) = shared.sources.take(&specs);
            if shared.sources.has_approached() {
                prepare_arrivals(&model, &shared);
            }
            model.arrive(function, birth, reached, &mut shared);
        } else if event == Event::NEVER {
            break;
        } else {
            shared.events.pop();
            if shared.events.has_approached() {
                prepare_events(&model, &shared);
            }
            reached = event.at();
            model.handle(event, &mut shared);
        }
        model.settle(reached, &mut shared);
        shared.until_pulse = shared.until_pulse.saturating_sub(1);
        if shared.until_pulse == 0 {
            shared.until_pulse = PULSE;
            if let Some(fault) = shared.fault {
                return Err(fault);
            }
            if pulse(reached, shared.counts.arrivals - arrivals_told).is_break() {
                return Err(SimError::Cancelled);
            }
            arrivals_told = shared.counts.arrivals;
        }
    }
    if let Some(fault) = shared.fault {
        return Err(fault);
    }
    if let Some(error) = shared.sources.error() {
        return Err(error.into());
    }
    model.end(reached.max(horizon), &mut shared);
    match pulse(horizon, shared.counts.arrivals - arrivals_told) {
        ControlFlow::Break(()) => Err(SimError::Cancelled),
        ControlFlow::Continue(()) => Ok(shared.counts),
    }
}

/// Reads what the events need that have become near: one after the other they would wait for memory each, together
/// they wait once.
#[inline(never)]
fn prepare_events<O: Observer, M: Model<O>>(model: &M, shared: &Shared<O>) {
    let soon = || shared.events.soon().map(|event| (event, event.function()));
    let functions =
        soon().fold(0, |read, (_, function)| read ^ model.prepare(function) ^ shared.observer.prepare(function));
    black_box(soon().fold(functions, |read, (event, function)| {
        read ^ shared.observer.prepare_finish(function, model.latency(event))
    }));
}

/// The same for arrivals.
#[inline(never)]
fn prepare_arrivals<O: Observer, M: Model<O>>(model: &M, shared: &Shared<O>) {
    black_box(
        shared
            .sources
            .near_functions()
            .fold(0, |read, function| read ^ model.prepare(function) ^ shared.observer.prepare(function)),
    );
}

impl<O: Observer> Model<O> for Functions<'_> {
    fn start(&mut self, shared: &mut Shared<O>) {
        for function in &mut self.0 {
            function.provision(shared);
        }
    }

    #[inline]
    fn arrive(&mut self, function: LocalFn, birth: Birth, now: SimTime, shared: &mut Shared<O>) {
        self.0[function.index()].arrive(birth, now, shared);
    }

    #[inline]
    fn handle(&mut self, event: Event, shared: &mut Shared<O>) {
        let (now, function) = (event.at(), &mut self.0[event.function().index()]);
        match event.kind() {
            Kind::Completion => function.complete(event.key(), now, shared),
            Kind::Termination => function.terminate(event.key(), now, shared),
            Kind::Ready => function.become_ready(event.key(), now, shared),
            Kind::Token => {
                shared.counts.scaling_tokens += 1;
                function.token_arrived(now, shared);
            }
            Kind::QueueTimeout => {
                shared.counts.queue_timeouts += 1;
                function.queue_timeout(now, shared);
            }
            Kind::Scaling => function.scaling_due(now, shared),
            Kind::Expiry => function.expiry_due(now, shared),
            Kind::PreWarm => self.load_again(event, shared),
            Kind::Arrival => {} // arrivals are streamed by the sources and never queued among the events
        }
    }

    #[inline]
    fn settle(&mut self, now: SimTime, shared: &mut Shared<O>) {
        while let Some(function) = shared.account.next_waiting() {
            self.0[function.index()].account_has_room(now, shared);
        }
        if shared.commons.is_some() {
            self.settle_commons(now, shared);
        }
    }

    fn end(&mut self, end: SimTime, shared: &mut Shared<O>) {
        for function in &mut self.0 {
            function.end(end, shared);
            debug_assert!(function.is_at_rest(), "every request has ended");
        }
    }
}

impl Functions<'_> {
    /// What a function does to others with which it shares something follows here.
    #[inline(never)]
    fn settle_commons<O: Observer>(&mut self, now: SimTime, shared: &mut Shared<O>) {
        while let Some(function) = shared.commons.as_mut().and_then(|commons| commons.apps.next_unloading()) {
            self.0[function.index()].unload(now, shared);
        }
        loop {
            let Some(memory) = shared.commons.as_mut().and_then(|commons| commons.memory.as_mut()) else { return };
            if let Some(victim) = memory.next_evicted() {
                self.0[victim.function.index()].evict(victim, now, shared);
            } else if let Some(function) = memory.next_waiting() {
                self.0[function.index()].memory_has_room(now, shared);
            } else {
                return;
            }
        }
    }

    /// An application is loaded before anybody asks for it.
    fn load_again<O: Observer>(&mut self, event: Event, shared: &mut Shared<O>) {
        let Some(commons) = &mut shared.commons else { return };
        let (functions, until) = commons.apps.due(event);
        shared.counts.pre_warms += u64::from(!functions.is_empty());
        for function in functions {
            self.0[function.index()].pre_warm(until, event.at(), shared);
        }
    }
}
