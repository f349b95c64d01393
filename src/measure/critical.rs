//! Where the time of requests goes: their latency along the critical path, split by who held them up.
//!
//! Of a request that is sampled every call is remembered until it is answered. Then its time is followed backwards from the end: what
//! was waited for last is the call that ended last, and before that began, the one that ended last by then, and so on. What is left is
//! the time of the caller itself. So the parts of a request add up to its latency, exactly, and work beside the critical path does not
//! count. What was abandoned counts until then.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::replication::RunMeasures;
use super::summary::Stat;
use crate::engine::{CallEnd, CallMade, Finished, RequestEnd};
use crate::path::CallId;
use crate::scenario::{Destination, Scenario, Target};
use crate::time::{SimTime, Span};

/// So many requests of a replication are remembered at most; where there are more, every second, every fourth and so on.
const SAMPLES: usize = 8_192;

/// What the slowest are: this part of the requests.
const SLOWEST: f64 = 0.01;

/// What a function's time is spent on, in the order of [`PARTS`].
const PARTS: [&str; 3] = ["queueing", "cold-start", "running"];
const QUEUEING: usize = 0;
const COLD_START: usize = 1;
const RUNNING: usize = 2;

/// A call of a sampled request.
#[derive(Clone, Copy, Debug)]
struct Node {
    parent: usize,
    place: Destination,
    begun: SimTime,
    /// Never, as long as nobody has answered.
    ended: SimTime,
    /// When the instance was ready and when the invocation began, where it is one.
    invocation: Option<(SimTime, SimTime)>,
}

/// A request under way: what it is at first, and its calls in the order in which they were made.
#[derive(Debug, Default)]
struct Tree {
    calls: Vec<(CallId, Node)>,
    /// Of a source that calls a function itself.
    direct: Option<(SimTime, SimTime)>,
}

/// A request that was answered successfully: its latency, and what it consists of.
#[derive(Clone, Debug)]
struct Sample {
    number: u64,
    latency: Span,
    parts: Vec<(u32, u64)>,
}

/// The times of one replication, ns, by part: of all sampled requests and of the slowest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    all: Vec<u128>,
    slowest: Vec<u128>,
    sampled: u64,
}

/// Follows sampled requests while they are under way.
#[derive(Debug)]
pub(super) struct CriticalPath {
    from: SimTime,
    functions: usize,
    /// What sources call.
    targets: Vec<Option<Destination>>,
    parts: usize,
    to: Vec<Destination>,
    /// Every request whose number has none of these bits.
    mask: u64,
    open: HashMap<(u32, u64), Tree>,
    /// The invocation that ended last: if a request of a source that calls a function itself ends now, this was it.
    last: Option<Finished>,
    samples: Vec<Sample>,
}

impl CriticalPath {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let target = |target: &Target| match target {
            Target::Function(id) => Some(Destination::Function(*id)),
            Target::Component(id) => Some(Destination::Component(*id)),
            Target::ByTrace(_) => None,
        };
        Self {
            from: SimTime::from(scenario.simulation.warm_up),
            functions: scenario.functions.len(),
            targets: scenario.sources.iter().map(|source| target(&source.target)).collect(),
            parts: names(scenario).len(),
            to: scenario.calls().edges.iter().map(|edge| edge.to).collect(),
            mask: 0,
            open: HashMap::new(),
            last: None,
            samples: Vec::new(),
        }
    }

    /// Whether a request is sampled.
    #[inline]
    fn is_sampled(&self, number: u64) -> bool {
        number & self.mask == 0
    }

    /// A call is made.
    #[inline]
    pub(super) fn called(&mut self, call: &CallMade) {
        if self.is_sampled(call.number) {
            self.begin(call);
        }
    }

    fn begin(&mut self, call: &CallMade) {
        let is_first = (call.edge as usize) < self.targets.len();
        let key = (call.source.0, call.number);
        // What a queue calls is no part of a request that has been answered.
        let Some(tree) = (if is_first { Some(self.open.entry(key).or_default()) } else { self.open.get_mut(&key) })
        else {
            // The request of a source that calls a function itself begins with its first step.
            let is_direct = matches!(self.targets.get(call.source.0 as usize), Some(Some(Destination::Function(_))));
            if is_direct && call.cause.is_none() && call.is_of_step {
                self.open.entry(key).or_default();
                self.begin(call);
            }
            return;
        };
        let cause = call
            .cause
            .and_then(|cause| tree.calls.iter().rposition(|(id, node)| *id == cause && node.ended == SimTime::NEVER));
        let is_of_root = is_first || call.is_of_step && call.cause.is_none();
        let Some(parent) = cause.or(is_of_root.then_some(usize::MAX)) else { return };
        let place = self.to[call.edge as usize];
        let node = Node { parent, place, begun: call.at, ended: SimTime::NEVER, invocation: None };
        tree.calls.push((call.call, node));
    }

    /// A call has ended for its caller.
    #[inline]
    pub(super) fn ended(&mut self, end: &CallEnd) {
        if self.is_sampled(end.number)
            && !end.is_late
            && let Some(tree) = self.open.get_mut(&(end.source.0, end.number))
            && let Some(node) = tree.find(end.call)
        {
            node.ended = end.at;
        }
    }

    /// An invocation ended.
    #[inline]
    pub(super) fn served(&mut self, call: CallId, invocation: &Finished) {
        if self.is_sampled(invocation.number)
            && let Some(tree) = self.open.get_mut(&(invocation.source.0, invocation.number))
            && let Some(node) = tree.find(call)
        {
            node.invocation = Some((invocation.instance_ready, invocation.started));
        }
    }

    /// An invocation ended: of a source that calls a function itself it may be the request.
    #[inline]
    pub(super) fn invocation_ended(&mut self, invocation: &Finished) {
        if self.is_sampled(invocation.number) {
            self.last = Some(*invocation);
        }
    }

    /// A request was answered for good.
    #[inline]
    pub(super) fn request_ended(&mut self, end: &RequestEnd) {
        if !self.is_sampled(end.number) {
            return;
        }
        let key = (end.source.0, end.number);
        let mut tree = self.open.remove(&key);
        if let Some(Some(Destination::Function(_))) = self.targets.get(end.source.index()) {
            let last = self.last.take().filter(|last| (last.source.0, last.number) == key);
            let direct = last.map(|last| (last.instance_ready, last.started));
            tree = Some(Tree { direct, ..tree.unwrap_or_default() });
        }
        let Some(tree) = tree else { return };
        if end.outcome.is_success() && end.born >= self.from {
            self.sample(&tree, end);
        }
    }

    fn sample(&mut self, tree: &Tree, end: &RequestEnd) {
        let mut spent = vec![0_u64; self.parts];
        let at = self.targets.get(end.source.index()).copied().flatten();
        match (at, tree.direct) {
            (Some(place @ Destination::Function(_)), Some(invocation)) => {
                let root =
                    Node { parent: usize::MAX, place, begun: end.born, ended: end.ended, invocation: Some(invocation) };
                self.follow(tree, usize::MAX, &root, (end.born, end.ended), &mut spent);
            }
            _ => {
                // Between the source and what it calls nothing takes a time.
                let first = tree.calls.iter().position(|(_, node)| node.parent == usize::MAX);
                let Some(first) = first else { return };
                self.follow(tree, first, &tree.calls[first].1, (end.born, end.ended), &mut spent);
            }
        }
        let parts = spent.iter().enumerate().filter(|(_, ns)| **ns > 0);
        let parts = parts.map(|(part, ns)| (part as u32, *ns)).collect();
        self.samples.push(Sample { number: end.number, latency: end.ended.since(end.born), parts });
        while self.samples.len() > SAMPLES {
            self.mask = self.mask << 1 | 1;
            let mask = self.mask;
            self.samples.retain(|sample| sample.number & mask == 0);
            self.open.retain(|(_, number), _| number & mask == 0);
        }
    }

    /// Follows the time of a call backwards, from `until` to `from`.
    fn follow(&self, tree: &Tree, at: usize, node: &Node, (from, until): (SimTime, SimTime), spent: &mut [u64]) {
        let mut until = until;
        loop {
            let child = tree.calls.iter().enumerate().filter(|(place, (_, child))| {
                *place != at
                    && child.parent == at
                    && child.begun < child.ended
                    && child.ended <= until
                    && child.ended > from
            });
            // Of those that ended together the one that took longest was waited for.
            let Some((place, (_, child))) =
                child.max_by_key(|(_, (_, child))| (child.ended, std::cmp::Reverse(child.begun)))
            else {
                break;
            };
            self.own(node, child.ended, until, spent);
            let begun = child.begun.max(from);
            self.follow(tree, place, child, (begun, child.ended), spent);
            until = begun;
        }
        self.own(node, from, until, spent);
    }

    /// The time of a call itself.
    fn own(&self, node: &Node, from: SimTime, until: SimTime, spent: &mut [u64]) {
        let mut add = |part: usize, from: SimTime, until: SimTime| {
            if until > from {
                spent[part] += until.since(from).as_nanos();
            }
        };
        match (node.place, node.invocation) {
            (Destination::Function(id), invocation) => {
                let first = id.index() * PARTS.len();
                let (ready, started) = invocation.unwrap_or((node.begun, node.begun));
                add(first + COLD_START, from, until.min(ready));
                add(first + QUEUEING, from.max(ready), until.min(started));
                add(first + RUNNING, from.max(started), until);
            }
            (Destination::Component(id) | Destination::Entry(id, _), _) => {
                add(self.functions * PARTS.len() + id.index(), from, until);
            }
        }
    }

    /// What was spent where, when the run is over.
    pub(super) fn finish(mut self) -> Spent {
        self.samples.sort_by(|a, b| b.latency.cmp(&a.latency).then(a.number.cmp(&b.number)));
        let slowest = (self.samples.len() as f64 * SLOWEST).ceil() as usize;
        let sum = |samples: &[Sample]| {
            let mut spent = vec![0_u128; self.parts];
            for (part, ns) in samples.iter().flat_map(|sample| &sample.parts) {
                spent[*part as usize] += u128::from(*ns);
            }
            spent
        };
        Spent { all: sum(&self.samples), slowest: sum(&self.samples[..slowest]), sampled: self.samples.len() as u64 }
    }
}

impl Tree {
    /// A call that has not ended.
    fn find(&mut self, call: CallId) -> Option<&mut Node> {
        let known = self.calls.iter_mut().rev().find(|(id, node)| *id == call && node.ended == SimTime::NEVER);
        known.map(|(_, node)| node)
    }
}

/// A part of the latency of requests, along the critical path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyPart {
    /// Who held the requests up, such as "function.checkout", "dependency.db", "client.web" (between attempts).
    pub at: String,
    /// Of functions: "queueing", "cold-start" or "running".
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub part: Option<String>,
    /// Its share of the latency of all requests that were answered successfully.
    pub share: Stat,
    /// The same of the slowest 1 % of them.
    pub share_of_slowest: Stat,
}

/// The parts in their order: three of each function, one of each component.
fn names(scenario: &Scenario) -> Vec<(String, Option<&'static str>)> {
    let functions = scenario
        .functions
        .iter()
        .flat_map(|function| PARTS.map(|part| (format!("function.{}", function.name), Some(part))));
    functions.chain(scenario.components.iter().map(|one| (one.name.clone(), None))).collect()
}

/// What replications show; parts that took no time are left out.
pub(super) fn results(scenario: &Scenario, replications: &[RunMeasures]) -> Vec<LatencyPart> {
    let spent: Vec<&Spent> = replications.iter().filter_map(|one| one.spent.as_ref()).collect();
    let share = |place: usize, of: &dyn Fn(&Spent) -> &Vec<u128>| {
        let pair = |spent: &&Spent| (of(spent)[place] as f64, of(spent).iter().sum::<u128>() as f64);
        Stat::of_ratio(&spent.iter().map(pair).collect::<Vec<_>>())
    };
    let part = |(place, (at, part)): (usize, (String, Option<&'static str>))| {
        let (all, slowest) = (share(place, &|spent| &spent.all), share(place, &|spent| &spent.slowest));
        let is_any = all.mean > 0.0 || slowest.mean > 0.0;
        is_any.then(|| LatencyPart { at, part: part.map(str::to_owned), share: all, share_of_slowest: slowest })
    };
    names(scenario).into_iter().enumerate().filter_map(part).collect()
}
