//! Faults: what goes wrong when, by the scenario's timetable or at random.

use super::Cell;
use super::event::{Event, Kind};
use super::kernel::Context;
use super::observer::Observer;
use super::path::{Node, node_of};
use crate::path::Disturbance;
use crate::rng::{Purpose, Stream, Streams};
use crate::scenario::{Destination, Fault, FaultKind, Scenario, Timing};
use crate::time::{SimTime, Span};

/// All faults of a cell.
pub(super) struct Faults(Vec<FaultState>);

struct FaultState {
    spec: Fault,
    at: Vec<Node>,
    stream: Stream,
    is_on: bool,
}

impl Faults {
    pub(super) fn of(scenario: &Scenario, cell: &Cell, streams: &Streams) -> Self {
        let node = |target: &Destination| match target {
            Destination::Function(id) => cell.functions.binary_search(id).ok().map(|place| Node(place as u32)),
            Destination::Component(id) | Destination::Entry(id, _) => Some(node_of(*id, cell.functions.len())),
        };
        let state = |fault: &Fault| {
            let stream = streams.stream(&fault.name, Purpose::Path);
            FaultState {
                spec: fault.clone(),
                at: fault.targets.iter().filter_map(node).collect(),
                stream,
                is_on: false,
            }
        };
        Self(scenario.faults.iter().map(state).collect())
    }

    /// The first of each is awaited.
    pub(super) fn start<O: Observer>(&mut self, ctx: &mut Context<O>) {
        for (place, fault) in self.0.iter_mut().enumerate() {
            let at = match &fault.spec.timing {
                Timing::Once { at, .. } => SimTime::ZERO + *at,
                Timing::AtRandom { every, .. } => SimTime::ZERO + every.sample(&mut fault.stream),
            };
            push(at, place as u32, ctx);
        }
    }

    /// One begins or ends: at which nodes, and what that means there.
    pub(super) fn due<O: Observer>(&mut self, event: Event, ctx: &mut Context<O>) -> Option<(&[Node], Disturbance)> {
        let place = event.node().index();
        let fault = self.0.get_mut(place)?;
        fault.is_on = !fault.is_on;
        let now = event.at();
        let (lasts, every) = match &fault.spec.timing {
            Timing::Once { lasts, .. } => (*lasts, None),
            Timing::AtRandom { every, lasts } if fault.is_on => (lasts.sample(&mut fault.stream), Some(every)),
            Timing::AtRandom { every, .. } => (Span::ZERO, Some(every)),
        };
        if fault.is_on {
            push(now + lasts, place as u32, ctx);
        } else if let Some(every) = every {
            push(now + every.sample(&mut fault.stream), place as u32, ctx);
        }
        Some((&fault.at, fault.spec.kind.disturbance(fault.is_on)?))
    }
}

fn push<O: Observer>(at: SimTime, place: u32, ctx: &mut Context<O>) {
    if at < ctx.sources.horizon() {
        ctx.events.push(Event::new(at, Kind::Fault, place, 0));
    }
}

impl FaultKind {
    /// What it does when it begins, and when it is over: nothing, where it is over at once.
    fn disturbance(&self, is_on: bool) -> Option<Disturbance> {
        Some(match self {
            Self::SlowDown(speed) => Disturbance::Speed(if is_on { *speed } else { 1.0 }),
            Self::Errors(ratio) => Disturbance::Errors(if is_on { *ratio } else { 0.0 }),
            Self::Delay(delay) => Disturbance::Delay(is_on.then(|| delay.clone())),
            Self::Outage => Disturbance::Outage(is_on),
            Self::ColdStart(factor) => Disturbance::ColdStart(if is_on { *factor } else { 1.0 }),
            Self::Deploy if is_on => Disturbance::Deploy,
            Self::Deploy => return None,
        })
    }
}
