//! Requests on their path through components: calls, and where their responses go.
//!
//! A *request* is what a source sends, from its arrival to its final response. A *call* is one attempt at one component
//! of its path, which may make further calls. A call that reaches a function is an *invocation* there. If the path of a
//! request is empty, neither of the first two exists: the invocation is the request.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::Cell;
use super::event::{Event, Kind};
use super::invocation::{Invocation, NewRequest};
use super::kernel::{Context, Effect};
use super::observer::{CallEnd, CallMade, Observer, RequestEnd};
use super::slab::{Key, Slab};
use crate::id::{ComponentId, FnId, LocalFn, LocalSource, SourceId};
use crate::path::books::{Books, Measured};
use crate::path::{Abandon, Action, CallId, Component, Disturbance, Outcome, Parcel, Ports, Token};
use crate::rng::{Purpose, Stream, Streams};
use crate::scenario::{Calls, Destination, Function, Scenario, Step, Work};
use crate::time::{SimTime, Span};
use crate::workload::Payload;

/// Where a call goes: a function of the cell, or a component; components are numbered after the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node(pub(super) u32);

impl Node {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl From<LocalFn> for Node {
    fn from(function: LocalFn) -> Self {
        Self(function.0)
    }
}

/// A request until its final response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    source: LocalSource,
    number: u64,
    born: SimTime,
}

/// One attempt at one component.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    parcel: Parcel,
    at: Node,
    /// By which entry it comes in there.
    entry: u32,
    caller: Caller,
    /// Who calls whom.
    edge: u32,
    made: SimTime,
    /// Its invocation at a function, until that has ended.
    invocation: Key<Invocation>,
}

/// A timer of a component.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alarm {
    token: Token,
}

/// Who gets the response to a call.
#[derive(Clone, Copy, Debug)]
enum Caller {
    /// The source: the request has ended.
    Client(Key<Request>),
    /// A component.
    Component { at: Node, token: Token },
    /// A step of an invocation, if that is still the one with this `serial`.
    Step(StepOf),
    /// Nobody: the call was abandoned.
    Nobody,
}

/// An invocation that waits for a call of one of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StepOf {
    pub(super) function: LocalFn,
    pub(super) invocation: Key<Invocation>,
    /// Unique among the invocations of a function.
    pub(super) serial: u64,
}

/// Components and the calls in progress between them.
pub(super) struct Path {
    functions: Vec<FunctionNode>,
    components: Vec<PathNode>,
    requests: Slab<Request>,
    calls: Slab<Call>,
    alarms: Slab<Alarm>,
    /// How large the requests of each source are, where that is said.
    payloads: Vec<Option<(Payload, Stream)>>,
    /// The calls of components, by caller.
    out: HashMap<(Node, Token), Key<Call>, FixedState>,
    /// When it is told next what components hold, and how often.
    next_gauge: SimTime,
    gauges_every: Span,
    measured: Measured,
    /// Buffer for the actions of a component.
    actions: Vec<Action>,
}

/// The data of a function that calls need.
struct FunctionNode {
    /// Durations of invocations whose source does not set them.
    service: Stream,
    /// Where the calls of its steps go, and the number of the first of each step among all edges.
    calls: Vec<(u32, Vec<Door>)>,
}

/// Where a call goes, and by which entry it comes in there.
type Door = (Node, u32);

struct PathNode {
    id: ComponentId,
    component: Box<dyn Component>,
    targets: Vec<Door>,
    /// The number of the first of them among all edges.
    first_edge: u32,
    /// Whether it answers before it calls, so that nobody waits for what it calls.
    keeps: bool,
    /// Whether it is the client of a source.
    is_client: bool,
}

/// What is told of the end of a call.
fn end_of(
    call: Key<Call>,
    edge: u32,
    parcel: &Parcel,
    made: SimTime,
    at: SimTime,
    outcome: Option<Outcome>,
) -> CallEnd {
    let Parcel { source, number, items, .. } = *parcel;
    CallEnd {
        call: CallId(call.get()),
        edge,
        source: LocalSource(source),
        number,
        items,
        made,
        at,
        outcome,
        is_late: false,
    }
}

/// The components of the cell, in the order of the scenario: all of them, because coupled functions are simulated
/// together.
pub(super) fn node_of(id: ComponentId, functions: usize) -> Node {
    Node(functions as u32 + id.0)
}

impl Path {
    /// Components at the start of the run; `local` maps functions to the cell.
    pub(super) fn start(scenario: &Scenario, cell: &Cell, local: impl Fn(FnId) -> LocalFn, streams: &Streams) -> Self {
        let functions = &cell.functions;
        let measured = scenario.simulation.measured();
        let door = |destination: &Destination| match destination {
            Destination::Function(id) => (local(*id).into(), 0),
            Destination::Component(id) => (node_of(*id, functions.len()), 0),
            Destination::Entry(id, entry) => (node_of(*id, functions.len()), *entry),
        };
        // The graph of all functions is only looked at where there is a path: of many cells each would look at all of it.
        let has_path = scenario.has_path_to(functions);
        let edges = if has_path { scenario.calls() } else { Calls::default() };
        let function = |id: &FnId| {
            let spec = &scenario.functions[id.index()];
            let calls = |(place, step): (usize, &Step)| match &step.work {
                Work::Calls(targets) => (edges.of_steps[id.index()][place], targets.iter().map(door).collect()),
                Work::Run(_) | Work::Wait(_) => (0, Vec::new()),
            };
            FunctionNode {
                service: streams.stream(&spec.name, Purpose::Attempts),
                calls: spec.steps.iter().enumerate().map(calls).collect(),
            }
        };
        let component = |(place, component): (usize, &crate::scenario::Component)| PathNode {
            id: ComponentId(place as u32),
            component: {
                let mut built = component.spec.build(streams.stream(&component.name, Purpose::Path));
                built.measured(measured);
                built
            },
            targets: component.targets.iter().map(door).collect(),
            first_edge: edges.of_components[place],
            keeps: component.spec.kind().keeps,
            is_client: scenario.is_client_of_source(ComponentId(place as u32)),
        };
        let payload = |id: &SourceId| {
            let source = &scenario.sources[id.index()];
            source.payload.clone().map(|payload| (payload, streams.stream(&source.name, Purpose::Payload)))
        };
        let has_payloads = has_path && scenario.sources.iter().any(|source| source.payload.is_some());
        Self {
            functions: functions.iter().filter(|_| has_path).map(function).collect(),
            components: scenario.components.iter().enumerate().map(component).collect(),
            requests: Slab::new(),
            calls: Slab::new(),
            alarms: Slab::new(),
            payloads: cell.sources.iter().filter(|_| has_payloads).map(payload).collect(),
            out: HashMap::default(),
            next_gauge: SimTime::NEVER,
            gauges_every: Span::ZERO,
            measured,
            actions: Vec::new(),
        }
    }

    /// Somebody may want to know what components hold.
    pub(super) fn start_gauging<O: Observer>(&mut self, ctx: &Context<O>) {
        if let Some((first, every)) = ctx.observer.gauges_every().filter(|(_, every)| *every > Span::ZERO) {
            (self.next_gauge, self.gauges_every) = (first, every);
        }
    }

    /// Tells what components held at all the moments until now at which that is wanted: nothing has happened to them since the last
    /// event.
    #[inline]
    pub(super) fn gauge_until<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        while self.next_gauge <= now && self.next_gauge <= self.measured.until {
            let at = self.next_gauge;
            for node in &self.components {
                ctx.observer.gauged(at, node.id, &node.component.gauges(at));
            }
            self.next_gauge = at + self.gauges_every;
        }
    }

    /// How much each component holds that has not ended: calls, and what it keeps when it has answered them.
    pub(super) fn held(&self, functions: usize, now: SimTime) -> Vec<u64> {
        let mut held: Vec<u64> = self
            .components
            .iter()
            .map(|node| {
                let gauges = node.component.gauges(now);
                if node.keeps { gauges.waiting + gauges.in_flight } else { 0 }
            })
            .collect();
        for key in self.calls.keys() {
            let at = self.calls.get(key).at.index();
            if let Some(calls) = at.checked_sub(functions).and_then(|place| held.get_mut(place)) {
                *calls += 1;
            }
        }
        held
    }

    /// How many messages components have given up until now.
    pub(super) fn given_up(&self, now: SimTime) -> u64 {
        self.components.iter().map(|node| node.component.gauges(now).given_up).sum()
    }

    /// A request of a source starts, at the first component of its path.
    pub(super) fn enter<O: Observer>(&mut self, to: Node, new: NewRequest, now: SimTime, ctx: &mut Context<O>) {
        let NewRequest { source, number, service, call: _, is_poison: _ } = new;
        let request = self.requests.insert(Request { source, number, born: now });
        let service = (service != NewRequest::UNSAID).then_some(service);
        let mut parcel = Parcel { service, ..Parcel::one(source.0, number) };
        if let Some(Some((payload, stream))) = self.payloads.get_mut(source.index()) {
            (parcel.bytes, parcel.answer_bytes) = payload.sample(stream);
        }
        self.call((to, 0), parcel, Caller::Client(request), source.0, now, ctx);
    }

    fn call<O: Observer>(
        &mut self,
        to: Door,
        parcel: Parcel,
        caller: Caller,
        edge: u32,
        now: SimTime,
        ctx: &mut Context<O>,
    ) -> Key<Call> {
        let (at, entry) = to;
        let call = self.calls.insert(Call { parcel, at, entry, caller, edge, made: now, invocation: Key::NIL });
        ctx.observer.called(&CallMade {
            call: CallId(call.get()),
            cause: (parcel.cause != CallId::NONE).then_some(parcel.cause),
            is_of_step: matches!(caller, Caller::Step(_)),
            edge,
            source: LocalSource(parcel.source),
            number: parcel.number,
            items: parcel.items,
            at: now,
        });
        ctx.effects.push_back(Effect::Arrive(call));
        call
    }

    /// Where a call goes.
    pub(super) fn node_of_call(&self, call: Key<Call>) -> Node {
        self.calls.get(call).at
    }

    /// Whether a call is larger than its function accepts. Of a batch that is seen to before.
    pub(super) fn is_too_large(&self, call: Key<Call>, spec: &Function) -> bool {
        let Parcel { items, bytes, .. } = self.calls.get(call).parcel;
        items == 1 && spec.payload_limit.is_some_and(|limit| bytes > limit)
    }

    /// The request that a call makes at its function.
    pub(super) fn at_function(&mut self, call: Key<Call>, spec: &Function) -> NewRequest {
        let Call { parcel, at, .. } = *self.calls.get(call);
        let service = parcel.service.unwrap_or_else(|| spec.duration.sample(&mut self.functions[at.index()].service));
        NewRequest {
            service,
            number: parcel.number,
            source: LocalSource(parcel.source),
            call,
            is_poison: parcel.is_poison,
        }
    }

    /// Links a call with its invocation.
    pub(super) fn accepted(&mut self, call: Key<Call>, invocation: Key<Invocation>) {
        self.calls.get_mut(call).invocation = invocation;
    }

    /// The invocation reaches a step that calls.
    pub(super) fn step<O: Observer>(
        &mut self,
        of: StepOf,
        step: usize,
        parcel: Parcel,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        let (first, targets) = self.functions[of.function.index()].calls[step].clone();
        for (edge, target) in (first..).zip(targets) {
            self.call(target, parcel, Caller::Step(of), edge, now, ctx);
        }
    }

    /// A call reaches a component.
    pub(super) fn arrive<O: Observer>(&mut self, call: Key<Call>, now: SimTime, ctx: &mut Context<O>) {
        let Call { at, entry, parcel, .. } = *self.calls.get(call);
        // What it passes on it passes on for this call.
        let parcel = Parcel { cause: CallId(call.get()), ..parcel };
        self.ask(at, now, ctx, |component, ports| {
            ports.entry = entry;
            component.arrived(CallId(call.get()), parcel, ports);
        });
    }

    /// A call has a response: notifies its caller.
    pub(super) fn answer<O: Observer>(
        &mut self,
        call: Key<Call>,
        outcome: Outcome,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        let Call { caller, parcel, edge, made, .. } = *self.calls.get(call);
        self.calls.remove(call);
        let is_late = matches!(caller, Caller::Nobody);
        ctx.observer.call_ended(&CallEnd { is_late, ..end_of(call, edge, &parcel, made, now, Some(outcome)) });
        if !ctx.dropped.is_empty() {
            ctx.dropped.remove(&call.get());
        }
        match caller {
            Caller::Client(request) => {
                let Request { source, number, born } = *self.requests.get(request);
                self.requests.remove(request);
                ctx.end_request(&RequestEnd { source, number, born, ended: now, outcome });
            }
            Caller::Component { at, token } => {
                self.out.remove(&(at, token));
                self.ask(at, now, ctx, |component, ports| component.answered(token, outcome, ports));
            }
            Caller::Step(of) => ctx.effects.push_back(Effect::StepAnswered(of, outcome)),
            Caller::Nobody => {}
        }
    }

    /// A timer of a component is due.
    pub(super) fn alarm<O: Observer>(&mut self, event: Event, ctx: &mut Context<O>) {
        let key = event.key();
        let Alarm { token } = *self.alarms.get(key);
        self.alarms.remove(key);
        ctx.counts.alarms += 1;
        self.ask(event.node(), event.at(), ctx, |component, ports| component.woken(token, ports));
    }

    /// A fault begins or ends at a component.
    pub(super) fn disturb<O: Observer>(
        &mut self,
        at: Node,
        disturbance: &Disturbance,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        self.ask(at, now, ctx, |component, ports| component.disturbed(disturbance, ports));
    }

    /// The simulation ends: requests without a response stay unfinished, and components report their counters.
    pub(super) fn end<O: Observer>(&mut self, end: SimTime, ctx: &mut Context<O>) {
        for key in self.requests.keys() {
            let Request { source, number, born } = *self.requests.get(key);
            ctx.end_request(&RequestEnd { source, number, born, ended: end, outcome: Outcome::Unfinished });
        }
        for node in &mut self.components {
            let mut books = Books::default();
            node.component.close(end, &mut books);
            ctx.observer.component_closed(node.id, &books);
        }
    }

    /// Calls the component at a node, and executes its actions.
    fn ask<O: Observer>(
        &mut self,
        at: Node,
        now: SimTime,
        ctx: &mut Context<O>,
        tell: impl FnOnce(&mut dyn Component, &mut Ports<'_>),
    ) {
        let mut actions = std::mem::take(&mut self.actions);
        let place = at.index() - self.functions.len();
        let is_measured = now >= self.measured.from;
        tell(&mut *self.components[place].component, &mut Ports { now, is_measured, entry: 0, actions: &mut actions });
        for action in actions.drain(..) {
            match action {
                Action::Call { token, target, parcel } => {
                    if self.components[place].is_client {
                        ctx.observer.attempted(now, LocalSource(parcel.source));
                    }
                    let PathNode { targets, first_edge, keeps, .. } = &self.components[place];
                    let (to, edge) = (targets[target as usize], first_edge + target);
                    let cause = if *keeps { CallId::NONE } else { parcel.cause };
                    let parcel = Parcel { cause, ..parcel };
                    let call = self.call(to, parcel, Caller::Component { at, token }, edge, now, ctx);
                    let before = self.out.insert((at, token), call);
                    debug_assert!(before.is_none(), "a token stands for one call that is out");
                }
                Action::Abandon { token, how } => self.abandon((at, token), how, now, ctx),
                Action::Answer { call, outcome } => ctx.effects.push_back(Effect::Answer(Key::new(call.0), outcome)),
                Action::Lose { call } => self.lose(Key::new(call.0), now, ctx),
                Action::Wake { token, at: when, is_deadline } => {
                    debug_assert!(when >= now, "alarms lie in the future");
                    // Timers beyond the end of the clock are dropped.
                    if when < SimTime::NEVER {
                        let kind = if is_deadline { Kind::Deadline } else { Kind::Alarm };
                        let key = self.alarms.insert(Alarm { token });
                        ctx.events.push(Event::of_node(when, kind, at, key));
                    }
                }
            }
        }
        self.actions = actions;
    }

    /// A call has been lost: its caller waits until it gives up.
    fn lose<O: Observer>(&mut self, key: Key<Call>, now: SimTime, ctx: &mut Context<O>) {
        let Call { caller, parcel, edge, made, .. } = *self.calls.get(key);
        if let Caller::Component { at, token } = caller {
            self.out.remove(&(at, token));
        }
        if !matches!(caller, Caller::Nobody) {
            ctx.observer.call_ended(&end_of(key, edge, &parcel, made, now, None));
        }
        let end = end_of(key, edge, &parcel, made, now, Some(Outcome::TimedOut));
        ctx.observer.call_ended(&CallEnd { is_late: true, ..end });
        self.calls.remove(key);
        ctx.dropped.remove(&key.get());
    }

    /// The caller has abandoned a call.
    fn abandon<O: Observer>(&mut self, call: (Node, Token), how: Abandon, now: SimTime, ctx: &mut Context<O>) {
        let Some(key) = self.out.remove(&call) else { return };
        let call = self.calls.get_mut(key);
        call.caller = Caller::Nobody;
        ctx.observer.call_ended(&end_of(key, call.edge, &call.parcel, call.made, now, None));
        match how {
            Abandon::GoesOn => {}
            Abandon::DropsQueued => drop(ctx.dropped.insert(key.get())),
            Abandon::Cancels => {
                ctx.dropped.insert(key.get());
                let at = call.at;
                if !call.invocation.is_nil() {
                    ctx.effects.push_back(Effect::Cancel(LocalFn(at.0), call.invocation, key));
                } else if at.index() >= self.functions.len() {
                    self.ask(at, now, ctx, |component, ports| component.cancelled(CallId(key.get()), ports));
                }
            }
        }
    }
}
