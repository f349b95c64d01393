//! Injected faults, at scheduled or random times.

use super::Cell;
use super::event::{Event, Kind};
use super::kernel::Context;
use super::observer::Observer;
use super::path::{Node, node_of};
use crate::cluster::Failure;
use crate::path::Disturbance;
use crate::rng::{Purpose, Stream, Streams};
use crate::scenario::{Destination, Fault, FaultKind, Scenario, Timing};
use crate::time::{SimTime, Span};

/// All faults of a cell.
pub(super) struct Faults(Vec<FaultState>);

/// What begins or ends.
#[derive(Debug)]
pub(super) enum FaultEffect {
    /// At functions or components.
    Disturbed(Vec<Node>, Disturbance),
    /// On the nodes of these groups.
    Failed(Vec<usize>, Failure),
}

struct FaultState {
    spec: Fault,
    at: Vec<Node>,
    /// The places of the groups whose nodes it strikes.
    groups: Vec<usize>,
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
                groups: fault.node_groups.iter().map(|id| id.index()).collect(),
                stream,
                is_on: false,
            }
        };
        Self(scenario.faults.iter().map(state).collect())
    }

    /// Schedules the first occurrence of each.
    pub(super) fn start<O: Observer>(&mut self, ctx: &mut Context<O>) {
        for (place, fault) in self.0.iter_mut().enumerate() {
            let at = match &fault.spec.timing {
                Timing::Once { at, .. } => SimTime::ZERO + *at,
                Timing::AtRandom { every, .. } => SimTime::ZERO + every.sample(&mut fault.stream),
            };
            push(at, place as u32, ctx);
        }
    }

    /// One begins or ends: where, and what that means there.
    pub(super) fn due<O: Observer>(
        &mut self,
        event: Event,
        given_up: u64,
        ctx: &mut Context<O>,
    ) -> Option<FaultEffect> {
        let place = event.node().index();
        let fault = self.0.get_mut(place)?;
        fault.is_on = !fault.is_on;
        let now = event.at();
        ctx.observer.fault(now, place as u32, fault.is_on, given_up);
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
        if fault.groups.is_empty() {
            Some(FaultEffect::Disturbed(fault.at.clone(), fault.spec.kind.disturbance(fault.is_on)?))
        } else {
            Some(FaultEffect::Failed(fault.groups.clone(), fault.spec.kind.failure(fault.is_on)?))
        }
    }
}

impl Faults {
    /// The run is over, for those that are still on too.
    pub(super) fn end<O: Observer>(&self, end: SimTime, given_up: u64, ctx: &mut Context<O>) {
        for place in (0..self.0.len()).filter(|place| self.0[*place].is_on) {
            ctx.observer.fault(end, place as u32, false, given_up);
        }
    }
}

fn push<O: Observer>(at: SimTime, place: u32, ctx: &mut Context<O>) {
    if at < ctx.sources.horizon() {
        ctx.events.push(Event::new(at, Kind::Fault, place, 0));
    }
}

impl FaultKind {
    /// What it does to nodes when it begins, and when it is over.
    const fn failure(&self, is_on: bool) -> Option<Failure> {
        match self {
            Self::Crash(rate) => Some(Failure::Crashes(if is_on { *rate } else { 0.0 })),
            Self::Outage => Some(Failure::Outage(is_on)),
            _ => None,
        }
    }

    /// Its effect at the start, and at the end; none if it is instantaneous.
    fn disturbance(&self, is_on: bool) -> Option<Disturbance> {
        Some(match self {
            Self::SlowDown(speed) => Disturbance::Speed(if is_on { *speed } else { 1.0 }),
            Self::Errors(ratio) => Disturbance::Errors(if is_on { *ratio } else { 0.0 }),
            Self::Delay(delay) => Disturbance::Delay(is_on.then(|| delay.clone())),
            Self::Outage => Disturbance::Outage(is_on),
            Self::ColdStart(factor) => Disturbance::ColdStart(if is_on { *factor } else { 1.0 }),
            Self::Crash(per_second) => Disturbance::Crash(if is_on { *per_second } else { 0.0 }),
            Self::Throttle(bucket) => Disturbance::Throttle(is_on.then(|| bucket.clone())),
            Self::Poison(ratio) => Disturbance::Poison(if is_on { *ratio } else { 0.0 }),
            Self::ZoneOutage(zone, zones) if is_on => Disturbance::LoseZone(*zone, *zones),
            Self::Deploy if is_on => Disturbance::Deploy,
            Self::Flush if is_on => Disturbance::Flush,
            Self::ZoneOutage(..) | Self::Deploy | Self::Flush => return None,
        })
    }
}
