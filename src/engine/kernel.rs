//! The simulation as such: the clock, the pending events, and what follows from one at the same moment.
//!
//! The loop takes what comes next, an arrival or an event, and hands it to the [`Model`]. What that does to others (to a
//! function that waits for the same limit, to whoever called) is an [`Effect`]: it waits in a queue until the event is
//! done with, and is applied at the same moment, first come, first served. So no handler runs inside another one.

use std::collections::{HashSet, VecDeque};
use std::hint::black_box;
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
use super::{Cell, EventCounts, Pulse, SimError};
use crate::id::LocalFn;
use crate::path::{CallId, Outcome, Parcel};
use crate::rng::Streams;
use crate::scenario::{Function, Scenario};
use crate::time::{SimTime, Span};

/// Units of work between two looks at whether to go on: an event is one, and so is each instance that a scaling policy
/// looks at, orders or withdraws. Even where each takes a microsecond they are done in a small part of a second.
const PULSE: u64 = 1 << 16;

/// Pending events from which on memory is waited for, so that what they need is best read before they are due: of a few
/// functions, and of many. Measured: below that all lies in the cache, and reading ahead costs more than it saves.
const PREFETCH_FROM: [usize; 2] = [1 << 15, 1 << 10];
const MANY_FUNCTIONS: usize = 64;

/// What all that happens in a cell works with: every handler is given it.
pub(super) struct Context<O> {
    pub(super) events: EventQueue,
    /// What follows at this moment.
    pub(super) effects: VecDeque<Effect>,
    pub(super) account: Account,
    pub(super) sources: Sources,
    /// What only some scenarios have: there the common case passes by with one look.
    pub(super) resources: Option<Box<SharedResources>>,
    pub(super) counts: EventCounts,
    /// Calls that nobody wants any more once their turn comes.
    pub(super) dropped: HashSet<u32, FixedState>,
    pub(super) observer: O,
    /// Units of work until the next look at whether to go on.
    until_pulse: u64,
    /// Why the simulation cannot go on: nothing more is due then.
    pub(super) fault: Option<SimError>,
}

/// What an event does to others than the one that it is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Effect {
    /// A call reaches the component or the function that it is for.
    Arrive(Key<Call>),
    /// A call has been answered: who made it is told.
    Answer(Key<Call>, Outcome),
    /// An invocation reaches the step with this number, which makes calls.
    StepCalls(StepOf, u32, Parcel),
    /// A call of a step has been answered.
    StepAnswered(StepOf, Outcome),
    /// Nobody waits for the answer to this call any more: what runs for it ends.
    Cancel(LocalFn, Key<Invocation>, Key<Call>),
    /// The account's concurrency is used less: those who wait for it are served.
    AccountFreed,
    /// The idle instances of a function go, because its application does.
    Unload(LocalFn),
    /// Instances have to go for others, or somebody waits for memory and there may be some.
    MemoryChanged,
}

impl<O: Observer> Context<O> {
    /// Something was done that is more than one event's work.
    #[inline]
    pub(super) fn work(&mut self, units: usize) {
        self.until_pulse = self.until_pulse.saturating_sub(units as u64);
    }

    /// An invocation has ended. Where the path is empty it was the whole request.
    // Always: a call would write what has ended to memory only to read it again, at every request.
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

    /// A request has been answered: a user who waited for it thinks, and asks again.
    #[inline]
    pub(super) fn end_request(&mut self, end: &RequestEnd) {
        self.observer.request_ended(end);
        self.sources.answered(end.source, end.ended);
    }
}

/// What there is in a cell, and what happens to it.
pub(super) trait Model<O: Observer> {
    /// Whether events may have effects on others than the one that they are about.
    const HAS_EFFECTS: bool;

    /// The run begins.
    fn start(&mut self, ctx: &mut Context<O>);
    /// Time goes on: told before all that happens now.
    fn tick(&mut self, _now: SimTime, _ctx: &mut Context<O>) {}
    /// A request arrives at the first node of its path.
    fn arrive(&mut self, at: path::Node, new: NewRequest, now: SimTime, ctx: &mut Context<O>);
    /// An event is due.
    fn handle(&mut self, event: Event, ctx: &mut Context<O>);
    /// What follows at the same moment from an arrival, an event or another effect.
    fn apply(&mut self, effect: Effect, now: SimTime, ctx: &mut Context<O>);
    /// Nothing more will happen; levels are reported up to `end`.
    fn end(&mut self, end: SimTime, ctx: &mut Context<O>);
    /// Something will soon happen to a function: reads what that will need, so that it is near. What it read
    /// means nothing.
    fn prefetch(&self, _function: LocalFn) -> u64 {
        0
    }
    /// How long the request that a pending event ends has taken by then, if it ends one.
    fn latency(&self, _event: Event) -> Span {
        Span::ZERO
    }
    /// Nothing that follows at this moment has been forgotten.
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
    // Where requests may be on their way for ever they are followed for a while only.
    let last = scenario.drain().map_or(Event::NEVER, |drain| Event::end(horizon + drain));
    let mut ctx = Context {
        events: EventQueue::new(prefetch_from),
        effects: VecDeque::new(),
        account: Account::new(cell.unreserved, cell.unreserved_rate),
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
                prefetch_arrivals(&model, &ctx);
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
            if pulse(reached, ctx.counts.arrivals - arrivals_told).is_break() {
                return Err(SimError::Cancelled);
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
        ControlFlow::Break(()) => Err(SimError::Cancelled),
        ControlFlow::Continue(()) => Ok(ctx.counts),
    }
}

/// Reads what the events need that have become near: one after the other they would wait for memory each, together
/// they wait once.
#[inline(never)]
fn prefetch_events<O: Observer, M: Model<O>>(model: &M, ctx: &Context<O>, functions: usize) {
    // What is about components has nothing that it would wait for.
    let upcoming = || ctx.events.upcoming().filter(move |event| event.function().index() < functions);
    let read = upcoming()
        .map(Event::function)
        .fold(0, |read, function| read ^ model.prefetch(function) ^ ctx.observer.prefetch(function));
    black_box(
        upcoming().fold(read, |read, event| read ^ ctx.observer.prefetch_end(event.function(), model.latency(event))),
    );
}

/// The same for arrivals.
#[inline(never)]
fn prefetch_arrivals<O: Observer, M: Model<O>>(model: &M, ctx: &Context<O>) {
    black_box(
        ctx.sources
            .near_functions()
            .fold(0, |read, function| read ^ model.prefetch(function) ^ ctx.observer.prefetch(function)),
    );
}
