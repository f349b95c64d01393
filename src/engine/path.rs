//! Requests on their way through components: who has called whom, and who is to be told of an answer.
//!
//! A *request* is what a client wants, from its arrival until somebody answers for good. A *call* is one attempt at one
//! component of its path, which may make further calls. A call that reaches a function is an *invocation* there. Where the
//! path of a request is empty there is neither of the first two: the invocation is the request.

use std::collections::{BTreeSet, VecDeque};

use super::event::{Event, Kind};
use super::invocation::NewRequest;
use super::kernel::{Context, Effect};
use super::observer::{Observer, RequestEnd};
use super::slab::{Key, Slab};
use crate::id::{ComponentId, FnId, LocalFn, LocalSource};
use crate::path::{Action, CallId, Component, Outcome};
use crate::rng::{Purpose, Streams};
use crate::scenario::{Destination, Scenario, Source};
use crate::time::SimTime;

/// Where a call goes: a function of the cell, or a component; components are numbered after the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// What a client wants, until it is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    source: LocalSource,
    number: u64,
    born: SimTime,
}

/// One attempt at one component.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// No call has the same: a key may mean another one by now.
    serial: u64,
    request: NewRequest,
    at: Node,
    caller: Caller,
    /// When its component wants to be woken for it.
    alarm: SimTime,
}

/// Who is told of the answer to a call.
#[derive(Clone, Copy, Debug)]
enum Caller {
    /// The client: the request has ended.
    Client(Key<Request>),
    /// A component, if `call` is still the one with this `serial`.
    Component { call: Key<Call>, serial: u64, attempt: u32 },
}

/// Components and what is under way between them.
pub(super) struct Path {
    functions: usize,
    nodes: Vec<PathNode>,
    requests: Slab<Request>,
    calls: Slab<Call>,
    serials: u64,
    /// Room for what a component wants done.
    actions: Vec<Action>,
}

struct PathNode {
    component: Box<dyn Component>,
    targets: Vec<Node>,
}

/// The components that requests of these sources pass, in the order of the scenario.
pub(super) fn components_of<'s>(
    scenario: &Scenario,
    sources: impl Iterator<Item = &'s Source>,
) -> BTreeSet<ComponentId> {
    let mut found: BTreeSet<ComponentId> = BTreeSet::new();
    let mut open: Vec<ComponentId> = sources.filter_map(|source| source.entry).collect();
    while let Some(id) = open.pop() {
        if found.insert(id) {
            open.extend(scenario.components[id.index()].targets.iter().filter_map(|target| match target {
                Destination::Component(id) => Some(*id),
                Destination::Function(_) => None,
            }));
        }
    }
    found
}

/// The node of a component of a cell with so many functions, of which these are the components.
pub(super) fn node_of(id: ComponentId, components: &BTreeSet<ComponentId>, functions: usize) -> Node {
    Node((functions + components.range(..id).count()) as u32)
}

impl Path {
    /// Components as they are when the run begins; `local` gives a function's place in the cell.
    pub(super) fn start(
        scenario: &Scenario,
        components: &BTreeSet<ComponentId>,
        functions: usize,
        local: impl Fn(FnId) -> LocalFn,
        streams: &Streams,
    ) -> Self {
        let node = |id: &ComponentId| {
            let component = &scenario.components[id.index()];
            let targets = component.targets.iter().map(|target| match target {
                Destination::Function(id) => local(*id).into(),
                Destination::Component(id) => node_of(*id, components, functions),
            });
            let stream = streams.stream(&component.name, Purpose::Path);
            PathNode { component: component.spec.build(stream), targets: targets.collect() }
        };
        Self {
            functions,
            nodes: components.iter().map(node).collect(),
            requests: Slab::new(),
            calls: Slab::new(),
            serials: 0,
            actions: Vec::new(),
        }
    }

    /// A source's request sets out, to the first component of its path.
    pub(super) fn enter(&mut self, to: Node, new: NewRequest, now: SimTime, effects: &mut VecDeque<Effect>) {
        let NewRequest { source, number, service: _, call: _ } = new;
        let request = self.requests.insert(Request { source, number, born: now });
        self.call(to, new, Caller::Client(request), effects);
    }

    fn call(&mut self, at: Node, request: NewRequest, caller: Caller, effects: &mut VecDeque<Effect>) {
        let serial = self.serials;
        self.serials += 1;
        let call = self.calls.insert(Call { serial, request, at, caller, alarm: SimTime::NEVER });
        self.calls.get_mut(call).request.call = call;
        effects.push_back(Effect::Arrive(call));
    }

    /// Where a call goes, and what is asked for there.
    pub(super) fn call_at(&self, call: Key<Call>) -> (Node, NewRequest) {
        let call = self.calls.get(call);
        (call.at, call.request)
    }

    /// A call reaches a component.
    pub(super) fn arrive<O: Observer>(&mut self, call: Key<Call>, now: SimTime, ctx: &mut Context<O>) {
        let at = self.calls.get(call).at;
        self.ask(at, now, ctx, |component, actions| component.arrived(CallId(call.get()), now, actions));
    }

    /// A call has been answered: its caller is told.
    pub(super) fn answer<O: Observer>(
        &mut self,
        call: Key<Call>,
        outcome: Outcome,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        let caller = self.calls.get(call).caller;
        let answered = self.calls.get_mut(call);
        // Neither a pending alarm nor an attempt that is still out means it from now on.
        (answered.serial, answered.alarm) = (u64::MAX, SimTime::NEVER);
        self.calls.remove(call);
        match caller {
            Caller::Client(request) => {
                let Request { source, number, born } = *self.requests.get(request);
                self.requests.remove(request);
                ctx.end_request(&RequestEnd { source, number, born, ended: now, outcome });
            }
            Caller::Component { call, serial, attempt } => {
                let Call { serial: current, at, .. } = *self.calls.get(call);
                if current == serial {
                    let id = CallId(call.get());
                    self.ask(at, now, ctx, |component, actions| {
                        component.answered(id, attempt, outcome, now, actions);
                    });
                }
            }
        }
    }

    /// A component wanted to be woken for a call at this moment, unless it has changed its mind.
    pub(super) fn alarm<O: Observer>(&mut self, event: Event, ctx: &mut Context<O>) {
        let (key, now) = (event.key(), event.at());
        let call = self.calls.get_mut(key);
        if call.alarm != now {
            return;
        }
        call.alarm = SimTime::NEVER;
        ctx.counts.alarms += 1;
        let at = call.at;
        self.ask(at, now, ctx, |component, actions| component.woken(CallId(key.get()), now, actions));
    }

    /// Nothing more will happen: requests without an answer stay unfinished.
    pub(super) fn end<O: Observer>(&mut self, end: SimTime, ctx: &mut Context<O>) {
        for key in self.requests.keys() {
            let Request { source, number, born } = *self.requests.get(key);
            ctx.end_request(&RequestEnd { source, number, born, ended: end, outcome: Outcome::Unfinished });
        }
    }

    /// Tells the component at a node something, and does what it wants done.
    fn ask<O: Observer>(
        &mut self,
        at: Node,
        now: SimTime,
        ctx: &mut Context<O>,
        tell: impl FnOnce(&mut dyn Component, &mut Vec<Action>),
    ) {
        let mut actions = std::mem::take(&mut self.actions);
        let node = at.index() - self.functions;
        tell(&mut *self.nodes[node].component, &mut actions);
        for action in actions.drain(..) {
            match action {
                Action::Forward { call, attempt, target } => {
                    let key = Key::new(call.0);
                    let Call { serial, request, .. } = *self.calls.get(key);
                    let to = self.nodes[node].targets[target as usize];
                    self.call(to, request, Caller::Component { call: key, serial, attempt }, &mut ctx.effects);
                }
                Action::Answer { call, outcome } => ctx.effects.push_back(Effect::Answer(Key::new(call.0), outcome)),
                Action::Wake { call, at: when } => {
                    debug_assert!(when >= now, "alarms lie in the future");
                    let key = Key::new(call.0);
                    self.calls.get_mut(key).alarm = when;
                    // One that lies beyond the clock never comes.
                    if when < SimTime::NEVER {
                        ctx.events.push(Event::of_node(when, Kind::Alarm, at, key));
                    }
                }
            }
        }
        self.actions = actions;
    }
}
