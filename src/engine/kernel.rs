//! The simulation kernel: the clock, the pending events, and their effects at the same moment.
//!
//! The loop takes the next arrival or event and passes it to the [`Model`]. Its consequences for others (a function
//! that waits for the same limit, a caller) are [`Effect`]s, which are queued until the event has been handled and
//! applied at the same moment, first in, first out. So no handler runs inside another one.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;

use foldhash::fast::FixedState;

use super::event::{self, Event};
use super::invocation::{Invocation, NewRequest};
use super::limits::Account;
use super::observer::{Finished, Observer, RequestEnd};
use super::path::{self, Call, StepOf};

use super::queue::EventQueue;
use super::resources::SharedResources;
use super::slab::Key;
use super::source::Sources;
use super::{Cell, EventCounts, Halt, Pulse, SimError};
use crate::cluster::NodeId;
use crate::id::{LocalFn, PlatformId};
use crate::path::{CallId, Outcome, Parcel};
use crate::rng::Streams;
use crate::scenario::{Function, Scenario};
use crate::time::{SimTime, Span};

/// Units of work between two checks for an interruption: an event is one, and so is each instance that a scaling policy
/// examines, creates or withdraws. Even at one microsecond each, they take a small fraction of a second.
const PULSE: u64 = 1 << 16;

/// Number of pending events from which prefetching pays off, for few functions and for many. Measured: with fewer,
/// everything is in the cache, and prefetching costs more than it saves.
pub(super) const PREFETCH_FROM: [usize; 2] = [1 << 15, 1 << 10];
const MANY_FUNCTIONS: usize = 64;

/// The context that is passed to every handler of a cell.
pub(super) struct Context<O> {
    pub(super) events: EventQueue,
    /// What follows at this moment.
    pub(super) effects: VecDeque<Effect>,
    /// The account of the scenario's platform.
    pub(super) account: Account,
    /// Those of platforms of sites.
    site_accounts: Vec<Account>,
    pub(super) sources: Sources,
    /// Parts that only some scenarios have, so that the common case needs one check.
    pub(super) resources: Option<Box<SharedResources>>,
    pub(super) counts: EventCounts,
    /// Abandoned calls, to be dropped when their turn comes.
    pub(super) dropped: HashSet<u32, FixedState>,
    pub(super) observer: O,
    /// Units of work until the next check for an interruption.
    until_pulse: u64,
    /// Why the simulation has to stop; nothing more is due then.
    pub(super) fault: Option<SimError>,
}

/// A consequence of an event for others than its owner.
#[derive(Clone, Copy, Debug)]
pub(super) enum Effect {
    /// A call reaches its component or function.
    Arrive(Key<Call>),
    /// A call has a response: its caller is notified.
    Answer(Key<Call>, Outcome),
    /// An invocation reaches the step with this number, which makes calls.
    StepCalls(StepOf, u32, Parcel),
    /// A call of a step has a response.
    StepAnswered(StepOf, Outcome),
    /// The caller has abandoned this call: work for it ends.
    Cancel(LocalFn, Key<Invocation>, Key<Call>),
    /// Account concurrency has been released: waiting functions are served.
    AccountFreed,
    /// The idle instances of a function are removed with its application.
    Unload(LocalFn),
    /// Instances have to be evicted, or functions wait for memory that may be available.
    MemoryChanged,
    /// Something has happened to machines, or on them: what follows from it follows.
    MachinesChanged,
    /// What the instances on a node ask of its processors has changed: they are divided anew.
    NodeCpuChanged(NodeId),
}

impl<O: Observer> Context<O> {
    /// The account of a platform.
    #[inline]
    pub(super) fn account_of(&mut self, platform: PlatformId) -> &mut Account {
        match platform.0.checked_sub(1) {
            None => &mut self.account,
            Some(place) => &mut self.site_accounts[place as usize],
        }
    }

    /// The accounts of all platforms.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &Account> {
        std::iter::once(&self.account).chain(&self.site_accounts)
    }

    /// A function that has waited longest for its account, if there is capacity for one of its requests.
    pub(super) fn next_waiting_for_account(&mut self) -> Option<LocalFn> {
        let mut all = std::iter::once(&mut self.account).chain(&mut self.site_accounts);
        all.find_map(Account::next_waiting)
    }

    /// Work was done that counts as more than one event.
    #[inline]
    pub(super) fn work(&mut self, units: usize) {
        self.until_pulse = self.until_pulse.saturating_sub(units as u64);
    }

    /// An invocation has ended. If the path is empty, it was the whole request. Always inlined: a call would write the
    /// result to memory and read it back for every request.
    #[inline(always)]
    pub(super) fn end_invocation(&mut self, ended: &Finished, call: Key<Call>) {
        self.observer.finished(ended);
        if call.is_nil() {
            let Finished { source, number, born, ended, outcome, .. } = *ended;
            self.end_request(&RequestEnd { source, number, born, ended, outcome });
        } else {
            self.observer.call_served(CallId(call.get()), ended);
            self.effects.push_back(Effect::Answer(call, ended.outcome));
        }
    }

    /// A request has its response: a user who waited for it thinks and sends the next one.
    #[inline]
    pub(super) fn end_request(&mut self, end: &RequestEnd) {
        self.observer.request_ended(end);
        self.sources.answered(end.source, end.ended);
    }
}

/// The state of a cell, with its event handlers.
pub(super) trait Model<O: Observer> {
    /// Whether events may have effects on others than their owner.
    const HAS_EFFECTS: bool;

    /// The run begins.
    fn start(&mut self, ctx: &mut Context<O>);
    /// Time goes on: told before all that happens now.
    fn tick(&mut self, _now: SimTime, _ctx: &mut Context<O>) {}
    /// A request arrives at the first node of its path.
    fn arrive(&mut self, at: path::Node, new: NewRequest, now: SimTime, ctx: &mut Context<O>);
    /// An event is due.
    fn handle(&mut self, event: Event, ctx: &mut Context<O>);
    /// An effect of an arrival, an event or another effect, at the same moment.
    fn apply(&mut self, effect: Effect, now: SimTime, ctx: &mut Context<O>);
    /// The simulation ends; levels are reported up to `end`.
    fn end(&mut self, end: SimTime, ctx: &mut Context<O>);
    /// Prefetches the state of a function that has an upcoming event.
    fn prefetch(&self, _function: LocalFn) {}
    /// Prefetches the idle instance that its next request will likely take, after [`Self::prefetch`].
    fn prefetch_idle(&self, _function: LocalFn) {}
    /// Prefetches the item of an upcoming event, after [`Self::prefetch`].
    fn prefetch_item(&self, _event: Event) {}
    /// How long the request that a pending event ends has taken by then, if it ends one.
    fn latency(&self, _event: Event) -> Span {
        Span::ZERO
    }
    /// Who holds most requests or messages that have not ended, and how many.
    fn fullest(&self, now: SimTime) -> (path::Node, u64);
    /// Whether all effects of this moment have been applied.
    fn check(&self, _ctx: &Context<O>) {}
}

/// Simulates a cell to the horizon and on until nothing is pending.
pub(super) fn run<O: Observer, M: Model<O>>(
    mut model: M,
    resources: Option<Box<SharedResources>>,
    scenario: &Scenario,
    cell: &Cell,
    streams: &Streams,
    observer: O,
    pulse: Pulse<'_>,
) -> Result<EventCounts, SimError> {
    let nodes = cell.functions.len() + scenario.components.len();
    if nodes > event::OWNERS_MAX || cell.sources.len() > event::OWNERS_MAX {
        return Err(SimError::TooMany);
    }
    let horizon = SimTime::from(scenario.simulation.horizon);
    let specs: Vec<&Function> = cell.functions.iter().map(|id| &scenario.functions[id.index()]).collect();
    let sources = cell.sources.iter().map(|id| &scenario.sources[id.index()]);
    let prefetch_from = PREFETCH_FROM[usize::from(specs.len() >= MANY_FUNCTIONS)];
    let entry = |component| path::node_of(component, cell.functions.len());
    // Requests that may never end are followed for a limited time.
    let last = scenario.drain().map_or(Event::NEVER, |drain| Event::end(horizon + drain));
    let mut ctx = Context {
        events: EventQueue::new(prefetch_from),
        effects: VecDeque::new(),
        account: Account::new(cell.unreserved, cell.unreserved_rate),
        site_accounts: scenario.platforms().skip(1).map(|(id, _)| Account::of(scenario, id)).collect(),
        sources: Sources::start(sources, &specs, |id| cell.local(id), entry, streams, horizon, prefetch_from)?,
        resources,
        counts: EventCounts::default(),
        dropped: HashSet::default(),
        observer,
        until_pulse: PULSE,
        fault: None,
    };
    model.start(&mut ctx);
    let mut reached = SimTime::ZERO;
    let mut arrivals_told = 0;
    loop {
        let event = ctx.events.first();
        let arrival = ctx.sources.first();
        if arrival < event {
            ctx.counts.arrivals += 1;
            reached = arrival.at();
            let (at, new) = ctx.sources.take(&specs);
            model.tick(reached, &mut ctx);
            if ctx.sources.bucket_opened() {
                prefetch_arrivals(&model, &ctx, specs.len());
            }
            ctx.observer.requested(reached, new.source);
            model.arrive(at, new, reached, &mut ctx);
        } else if event >= last {
            break;
        } else {
            ctx.events.pop();
            if ctx.events.bucket_opened() {
                prefetch_events(&model, &ctx, specs.len());
            }
            reached = event.at();
            model.tick(reached, &mut ctx);
            model.handle(event, &mut ctx);
        }
        if M::HAS_EFFECTS {
            while let Some(effect) = ctx.effects.pop_front() {
                model.apply(effect, reached, &mut ctx);
            }
            if cfg!(debug_assertions) {
                model.check(&ctx);
            }
        }
        ctx.until_pulse = ctx.until_pulse.saturating_sub(1);
        if ctx.until_pulse == 0 {
            ctx.until_pulse = PULSE;
            if let Some(fault) = ctx.fault {
                return Err(fault);
            }
            if let ControlFlow::Break(halt) = pulse(reached, ctx.counts.arrivals - arrivals_told) {
                return Err(match halt {
                    Halt::Cancelled => SimError::Cancelled,
                    Halt::OutOfMemory => outgrown(model.fullest(reached), reached, scenario, cell),
                });
            }
            arrivals_told = ctx.counts.arrivals;
        }
    }
    if let Some(fault) = ctx.fault {
        return Err(fault);
    }
    if let Some(error) = ctx.sources.error() {
        return Err(error.into());
    }
    model.end(reached.max(horizon), &mut ctx);
    match pulse(horizon, ctx.counts.arrivals - arrivals_told) {
        ControlFlow::Break(Halt::Cancelled) => Err(SimError::Cancelled),
        // It has been enough.
        ControlFlow::Break(Halt::OutOfMemory) | ControlFlow::Continue(()) => Ok(ctx.counts),
    }
}

/// That somebody holds more than fits into memory.
#[cold]
fn outgrown((node, held): (path::Node, u64), now: SimTime, scenario: &Scenario, cell: &Cell) -> SimError {
    let what = match cell.functions.get(node.index()) {
        Some(id) => format!("function.{}", scenario.functions[id.index()].name),
        None => scenario.components[node.index() - cell.functions.len()].name.clone(),
    };
    SimError::Outgrown { what, held, at: now.since(SimTime::ZERO) }
}

/// Prefetches the data for upcoming events: individually, each would wait for memory; together, they wait once. Every pass
/// reads what the one before has prefetched, to find what is needed next.
#[inline(never)]
fn prefetch_events<O: Observer, M: Model<O>>(model: &M, ctx: &Context<O>, functions: usize) {
    // Events of components need no prefetch.
    let upcoming = || ctx.events.upcoming().filter(move |event| event.function().index() < functions);
    for event in upcoming() {
        model.prefetch(event.function());
        ctx.observer.prefetch(event.function());
    }
    for event in upcoming() {
        model.prefetch_item(event);
        model.prefetch_idle(event.function());
    }
    for event in upcoming() {
        ctx.observer.prefetch_end(event.function(), model.latency(event));
    }
}

/// The same for arrivals, and for the place of what they lead to in the queues.
#[inline(never)]
fn prefetch_arrivals<O: Observer, M: Model<O>>(model: &M, ctx: &Context<O>, functions: usize) {
    let function = |event: Event| Some(event.first_function()).filter(|function| function.index() < functions);
    for event in ctx.sources.upcoming() {
        ctx.sources.prefetch(event.source());
        if let Some(function) = function(event) {
            model.prefetch(function);
            ctx.observer.prefetch(function);
        }
    }
    for event in ctx.sources.upcoming() {
        ctx.sources.prefetch_drawn(event.source());
        if let Some(function) = function(event) {
            model.prefetch_idle(function);
        }
    }
    for event in ctx.sources.upcoming() {
        ctx.sources.prefetch_places(event.source(), &ctx.events);
    }
}
