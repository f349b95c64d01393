//! The machines of a cell: the [`Cluster`] with its place among the events.

use super::Cell;
use super::instance::Instance;
use super::kernel::{Context, Effect};
use super::observer::Observer;
use super::slab::Key;
use crate::cluster::{Cluster, Notice, Owner, Setup};
use crate::id::LocalFn;
use crate::rng::Streams;
use crate::scenario::Scenario;
use crate::time::SimTime;

/// The machines of a cell.
pub(super) struct Machines {
    pub(super) cluster: Cluster,
    /// Whether there is an effect that looks after what has happened.
    pub(super) is_announced: bool,
    /// The earliest pending event that wakes the cluster.
    woken: SimTime,
}

impl Machines {
    /// None where instances run on nothing in particular.
    pub(super) fn of(scenario: &Scenario, cell: &Cell, streams: &Streams) -> Option<Self> {
        if scenario.node_groups.is_empty() {
            return None;
        }
        let simulation = &scenario.simulation;
        let setup = Setup {
            groups: scenario.node_groups.clone(),
            classes: cell.functions.iter().map(|id| scenario.pod_class(*id)).collect(),
            placement: scenario.platform.placement.clone(),
            registry: scenario.platform.registry.clone(),
            measured: simulation.measured(),
        };
        Some(Self { cluster: Cluster::new(&setup, streams), is_announced: false, woken: SimTime::NEVER })
    }

    /// When the cluster is to be woken, unless there is an event for it.
    pub(super) fn next_wake(&mut self) -> Option<SimTime> {
        let next = self.cluster.next();
        (next < self.woken).then(|| {
            self.woken = next;
            next
        })
    }
}

/// The owner of a pod: the function and the key of the instance.
pub(super) const fn owned_by(function: LocalFn, instance: Key<Instance>) -> Owner {
    Owner((function.0 as u64) << 32 | instance.get() as u64)
}

/// The function and the instance that own a pod.
pub(super) const fn of_owner(Owner(number): Owner) -> (LocalFn, Key<Instance>) {
    (LocalFn((number >> 32) as u32), Key::new(number as u32))
}

/// Whom a notice is about.
pub(super) const fn owner(notice: Notice) -> (LocalFn, Key<Instance>) {
    let (Notice::Begins(owner, _)
    | Notice::Drains(owner)
    | Notice::Fails(owner)
    | Notice::Unreachable(owner)
    | Notice::Lost(owner)) = notice;
    of_owner(owner)
}

/// The machines, where there are any.
pub(super) fn machines_of<O: Observer>(ctx: &mut Context<O>) -> Option<&mut Machines> {
    ctx.resources.as_mut()?.machines.as_mut()
}

/// The cluster wanted to be woken.
pub(super) fn wake_machines<O: Observer>(now: SimTime, ctx: &mut Context<O>) {
    let Some(machines) = machines_of(ctx) else { return };
    if machines.woken <= now {
        machines.woken = SimTime::NEVER;
    }
    if machines.cluster.next() <= now {
        machines.cluster.wake(now);
        ctx.counts.machines += 1;
    }
    announce(ctx);
}

/// What has happened to machines is looked after when this event is done.
pub(super) fn announce<O: Observer>(ctx: &mut Context<O>) {
    if let Some(machines) = machines_of(ctx)
        && !std::mem::replace(&mut machines.is_announced, true)
    {
        ctx.effects.push_back(Effect::MachinesChanged);
    }
}
