//! Sampled requests as OpenTelemetry traces: one trace for each request, with a span for each call on its path.
//!
//! | span | kind | from, to |
//! |---|---|---|
//! | the request | client, of its source | from the first attempt to the last answer |
//! | a call of a gateway, a router, a workflow, a client that tries again | internal, of its name | until its caller has an answer or gives up |
//! | a call of a dependency | client, of its name | the same |
//! | a message sent to a queue, a stream, a topic | producer, of its name | until it is accepted |
//! | `wait` | internal, of the queue | from then until it is first handed over |
//! | an invocation | client, of the function | until its caller has an answer |
//! | `queueing`, `cold start` | internal, of the function | before it runs |
//! | `environment`, `initialization` | internal, under `cold start` | what the platform does not charge for, then what it does (runtime, init) |
//! | what runs | server, of the function and its instance | T_func |
//!
//! What a queue delivers in a batch is in the trace of the first message of the batch. Ids follow from the run, so that the same run
//! writes the same bytes. Memory grows with sampled requests under way and with sampled messages that wait, of which the oldest are
//! forgotten beyond 100,000.

mod span;

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write};

use serde_json::json;

use super::epoch::Epoch;
use crate::engine::{CallEnd, CallMade, Finished, Observer, Outcome, RequestEnd};
use crate::id::{InstanceId, LocalFn};
use crate::path::CallId;
use crate::scenario::{CallerId, Destination, Scenario, Target};
use crate::time::SimTime;
use span::{Kind, Span, Writer, id, resources};

/// At the beginning of each file.
pub const MARKS: [&str; 1] = [span::HEAD];
/// Sampled messages that wait are forgotten beyond so many.
const WAITING: usize = 100_000;

/// What calls at one place are.
#[derive(Clone, Debug)]
struct Place {
    name: String,
    kind: Kind,
    keeps: bool,
}

/// A call that is not over.
#[derive(Clone, Copy, Debug)]
struct Open {
    call: CallId,
    id: u64,
    /// Of a function: the span of what runs, under which its own calls are.
    inner: u64,
    parent: u64,
    from: SimTime,
    /// Whether its caller has given it up: its span is written.
    is_abandoned: bool,
}

/// A sampled request as long as anything of it is under way.
#[derive(Debug)]
struct Trace {
    /// The span of the request; of a source that calls a function itself also that of what runs.
    root: u64,
    inner: u64,
    open: Vec<Open>,
    done: Vec<Span>,
    is_over: bool,
}

/// A message that was accepted and waits.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    at: u32,
    parent: u64,
    since: SimTime,
}

/// How an instance starts.
#[derive(Clone, Copy, Debug)]
struct Start {
    created: SimTime,
    ready: SimTime,
    /// The last part of it, which platforms charge for.
    billed: crate::time::Span,
}

/// The observer that writes traces.
pub struct TraceLog<W: Write> {
    to: Writer<W>,
    error: Option<io::Error>,
    every: u64,
    epoch: Epoch,
    seed: u64,
    sources: Vec<(String, bool)>,
    places: Vec<Place>,
    functions: usize,
    edges: Vec<(CallerId, usize)>,
    serial: u64,
    /// What ended last of a source that calls a function itself: if a request ends now, this was it.
    last: Option<Finished>,
    live: HashMap<(u32, u64), Trace>,
    /// The instances that there are, by function and id.
    starts: HashMap<(u32, u64), Start>,
    waiting: HashMap<(u32, u64), Waiting>,
    order: VecDeque<(u32, u64)>,
}

impl<W: Write> TraceLog<W> {
    /// Traces of every `every`-th request of each source; `is_lines`: each on a line of its own.
    pub fn new(to: W, is_lines: bool, every: u64, scenario: &Scenario) -> Self {
        let functions = scenario.functions.iter().map(|function| Place {
            name: function.name.clone(),
            kind: Kind::Client,
            keeps: false,
        });
        let components = scenario.components.iter().map(|component| {
            let group = component.spec.group();
            let keeps = component.spec.kind().keeps;
            let kind = match group {
                _ if keeps => Kind::Producer,
                "dependencies" => Kind::Client,
                _ => Kind::Internal,
            };
            Place { name: component.name.clone(), kind, keeps }
        });
        let number = scenario.functions.len();
        let place = |to: Destination| match to {
            Destination::Function(id) => id.index(),
            Destination::Component(id) | Destination::Entry(id, _) => number + id.index(),
        };
        let sources = scenario.sources.iter().map(|source| {
            let is_direct = !matches!(source.target, Target::Component(_));
            (source.name.clone(), is_direct)
        });
        Self {
            to: Writer::new(to, is_lines),
            error: None,
            every: every.max(1),
            epoch: Epoch::of(scenario),
            seed: scenario.simulation.seed,
            sources: sources.collect(),
            places: functions.chain(components).collect(),
            functions: number,
            edges: scenario.calls().edges.iter().map(|edge| (edge.from, place(edge.to))).collect(),
            serial: 0,
            last: None,
            live: HashMap::new(),
            starts: HashMap::new(),
            waiting: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Writes what is still to be written and returns the output.
    ///
    /// # Errors
    /// The first error that the output had.
    pub fn finish(mut self) -> io::Result<W> {
        // What was given up and never answered.
        let mut left: Vec<_> = self.live.drain().filter(|(_, trace)| trace.is_over).collect();
        left.sort_by_key(|(key, _)| *key);
        for (key, trace) in left {
            self.write(key, &trace.done);
        }
        match self.error {
            Some(error) => Err(error),
            None => self.to.finish(),
        }
    }

    const fn is_sampled(&self, number: u64) -> bool {
        number.is_multiple_of(self.every)
    }

    fn id(&mut self) -> u64 {
        self.serial += 1;
        id(self.serial)
    }

    /// The id of the trace of a request.
    fn trace_of(&self, (source, number): (u32, u64)) -> u128 {
        let high = id(self.seed.wrapping_mul(0x1_0000_0001).wrapping_add(u64::from(source)).wrapping_add(1));
        let low = id(number.wrapping_add(1));
        u128::from(high) << 64 | u128::from(low)
    }

    /// Writes the spans of a request as soon as nothing of it is under way.
    fn write_if_ended(&mut self, key: (u32, u64)) {
        let Some(trace) = self.live.get(&key) else { return };
        if !trace.is_over || !trace.open.is_empty() {
            return;
        }
        let Some(trace) = self.live.remove(&key) else { return };
        self.write(key, &trace.done);
    }

    fn write(&mut self, key: (u32, u64), spans: &[Span]) {
        if self.error.is_none() && !spans.is_empty() {
            let resources = resources(self.epoch, self.trace_of(key), spans);
            self.error = self.to.write(&resources).err();
        }
    }

    /// The spans of an invocation: what it waited for, and what ran.
    fn invocation(&mut self, key: (u32, u64), parent: u64, inner: u64, invocation: &Finished) {
        let name = self.places[invocation.function.index()].name.clone();
        let Finished { born, instance_ready, started, ended, instance, cold, outcome, .. } = *invocation;
        let (cold_start, queueing) = (self.id(), self.id());
        let start = instance.and_then(|instance| self.starts.get(&(invocation.function.0, instance.0)).copied());
        let start = start.filter(|start| instance_ready > born && start.ready == instance_ready);
        let phases = start.map_or(Vec::new(), |Start { created, ready, billed }| {
            let initializes = created.max(ready - billed);
            let phases = [("environment", created, initializes), ("initialization", initializes, ready)];
            let seen = phases.map(|(what, from, until)| (what, from.max(born), until));
            seen.into_iter().filter(|(_, from, until)| from < until).map(|phase| (self.id(), phase)).collect()
        });
        let Some(trace) = self.live.get_mut(&key) else { return };
        let part = |id: u64, what: &str, from: SimTime, until: SimTime| Span {
            id,
            parent,
            service: name.clone(),
            instance: None,
            name: what.to_owned(),
            kind: Kind::Internal,
            from,
            until,
            failed: None,
            attributes: Vec::new(),
        };
        if instance_ready > born {
            trace.done.push(part(cold_start, "cold start", born, instance_ready));
            for (id, (what, from, until)) in phases {
                trace.done.push(Span { parent: cold_start, ..part(id, what, from, until) });
            }
        }
        if started > instance_ready {
            trace.done.push(part(queueing, "queueing", instance_ready, started));
        }
        if let Some(instance) = instance {
            let attributes = vec![("faas.coldstart", json!(cold))];
            trace.done.push(Span {
                id: inner,
                instance: Some(instance.0),
                kind: Kind::Server,
                failed: why(outcome),
                attributes,
                ..part(inner, &name, started, ended)
            });
        }
    }
}

/// Why something failed; none if it did not.
const fn why(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Completed => None,
        Outcome::Rejected => Some("throttled"),
        Outcome::QueueTimedOut | Outcome::TimedOut => Some("timed out"),
        Outcome::Failed => Some("error"),
        Outcome::BreakerOpen => Some("refused by a circuit breaker"),
        Outcome::NoBudget => Some("out of retry budget"),
        Outcome::Expired => Some("expired"),
        Outcome::TooLarge => Some("payload too large"),
        Outcome::Unfinished => Some("unfinished"),
    }
}

impl<W: Write> Observer for TraceLog<W> {
    fn needs_order(&self) -> bool {
        true
    }

    fn instance_created(
        &mut self,
        now: SimTime,
        function: LocalFn,
        instance: InstanceId,
        ready: SimTime,
        billed: crate::time::Span,
        _: bool,
    ) {
        self.starts.insert((function.0, instance.0), Start { created: now, ready, billed });
    }

    fn instance_begins(&mut self, _: SimTime, function: LocalFn, instance: InstanceId, ready: SimTime) {
        if let Some(start) = self.starts.get_mut(&(function.0, instance.0)) {
            start.ready = ready;
        }
    }

    fn instance_removed(&mut self, _: SimTime, function: LocalFn, instance: InstanceId, _: SimTime) {
        self.starts.remove(&(function.0, instance.0));
    }

    fn called(&mut self, call: &CallMade) {
        if !self.is_sampled(call.number) || self.error.is_some() {
            return;
        }
        let key = (call.source.0, call.number);
        let (from, _) = self.edges[call.edge as usize];
        let (own, inner, root, of_root, wait) = (self.id(), self.id(), self.id(), self.id(), self.id());
        let is_first = matches!(from, CallerId::Source(_));
        let is_direct = self.sources[call.source.index()].1;
        let is_new = !self.live.contains_key(&key);
        // What a queue hands over belongs to a request that has been answered.
        let is_again = is_new && !is_first && !(is_direct && call.is_of_step && call.cause.is_none());
        // Its span was written long ago.
        let root = if is_again { self.waiting.get(&key).map_or(0, |waiting| waiting.parent) } else { root };
        let new = Trace { root, inner: of_root, open: Vec::new(), done: Vec::new(), is_over: is_again };
        let trace = self.live.entry(key).or_insert(new);
        let cause = call.cause.and_then(|cause| trace.open.iter().rev().find(|open| open.call == cause));
        let mut parent = match cause {
            Some(open) if call.is_of_step => open.inner,
            Some(open) => open.id,
            None if call.is_of_step => trace.inner,
            None => trace.root,
        };
        if let CallerId::Component(id) = from
            && let Some(waiting) = self.waiting.get(&key).copied()
            && waiting.at as usize == self.functions + id.index()
        {
            parent = waiting.parent;
            if waiting.since < call.at {
                let service = self.places[waiting.at as usize].name.clone();
                let (from, until) = (waiting.since, call.at);
                let (instance, failed, attributes) = (None, None, Vec::new());
                let (name, kind) = ("wait".to_owned(), Kind::Internal);
                trace.done.push(Span {
                    id: wait,
                    parent,
                    service,
                    instance,
                    name,
                    kind,
                    from,
                    until,
                    failed,
                    attributes,
                });
            }
            // It waits once; what is handed over again waits for nobody.
            self.waiting.insert(key, Waiting { since: SimTime::NEVER, ..waiting });
        }
        trace.open.push(Open { call: call.call, id: own, inner, parent, from: call.at, is_abandoned: false });
    }

    fn call_served(&mut self, call: CallId, invocation: &Finished) {
        if !self.is_sampled(invocation.number) {
            return;
        }
        let key = (invocation.source.0, invocation.number);
        let found =
            self.live.get(&key).and_then(|trace| trace.open.iter().rev().find(|open| open.call == call).copied());
        if let Some(open) = found {
            self.invocation(key, open.id, open.inner, invocation);
        }
    }

    fn call_ended(&mut self, end: &CallEnd) {
        if !self.is_sampled(end.number) {
            return;
        }
        let key = (end.source.0, end.number);
        let to = self.edges[end.edge as usize].1;
        let Place { name, kind, keeps, .. } = self.places[to].clone();
        let Some(trace) = self.live.get_mut(&key) else { return };
        let Some(at) = trace.open.iter().rposition(|open| open.call == end.call) else { return };
        let open = trace.open[at];
        if !open.is_abandoned {
            let attributes =
                if end.items > 1 { vec![("messaging.batch.message_count", json!(end.items))] } else { Vec::new() };
            let failed = end.outcome.map_or(Some("abandoned by the caller"), why);
            let name = name.split_once('.').map_or(name.as_str(), |(_, name)| name).to_owned();
            trace.done.push(Span {
                id: open.id,
                parent: open.parent,
                service: name.clone(),
                instance: None,
                name,
                kind,
                from: open.from,
                until: end.at,
                failed,
                attributes,
            });
        }
        if end.outcome.is_none() {
            trace.open[at].is_abandoned = true;
        } else {
            trace.open.remove(at);
        }
        if keeps && end.outcome.is_some_and(Outcome::is_success) {
            let waiting = Waiting { at: to as u32, parent: open.id, since: end.at };
            if self.waiting.insert(key, waiting).is_none() {
                self.order.push_back(key);
                if self.order.len() > WAITING
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.waiting.remove(&oldest);
                }
            }
        }
        self.write_if_ended(key);
    }

    fn finished(&mut self, request: &Finished) {
        // Of those on a path `call_served` tells.
        if !self.is_sampled(request.number) || !self.sources[request.source.index()].1 || self.error.is_some() {
            return;
        }
        self.last = Some(*request);
    }

    fn request_ended(&mut self, end: &RequestEnd) {
        if !self.is_sampled(end.number) || self.error.is_some() {
            return;
        }
        let key = (end.source.0, end.number);
        let (service, is_direct) = self.sources[end.source.index()].clone();
        let last = self.last.take().filter(|last| is_direct && (last.source.0, last.number) == key);
        if let Some(invocation) = last {
            let (root, inner) = (self.id(), self.id());
            let new = Trace { root, inner, open: Vec::new(), done: Vec::new(), is_over: false };
            let trace = self.live.entry(key).or_insert(new);
            let (root, inner) = (trace.root, trace.inner);
            self.invocation(key, root, inner, &invocation);
        }
        let Some(trace) = self.live.get_mut(&key) else { return };
        trace.is_over = true;
        trace.done.push(Span {
            id: trace.root,
            parent: 0,
            name: service.clone(),
            service,
            instance: None,
            kind: Kind::Client,
            from: end.born,
            until: end.ended,
            failed: why(end.outcome),
            attributes: vec![("forewarm.request", json!(end.number))],
        });
        if end.outcome == Outcome::Unfinished {
            // Nothing more is told of it.
            trace.open.clear();
        }
        self.write_if_ended(key);
    }
}
