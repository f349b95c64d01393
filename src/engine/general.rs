//! The general engine: functions of every kind, and the components of the request path.

use super::Cell;
use super::apps::Apps;
use super::cluster::Machines;
use super::cluster::{announce, machines_of, of_owner, owner, wake_machines};
use super::event::{Event, Kind};
use super::faults::{FaultEffect, Faults};
use super::function::{CRASH, FunctionState, Surroundings};
use super::invocation::NewRequest;
use super::kernel::{Context, Effect, Model};
use super::limits::Account;
use super::memory::Memory;
use super::observer::Observer;
use super::path::{Node, Path};
use super::resources::SharedResources;
use super::stem_cells::Pools;
use crate::cluster::{NodeId, NodeLevels};
use crate::id::{GroupId, LocalFn};
use crate::path::Outcome;
use crate::rng::Streams;
use crate::scenario::{Function, Scenario};
use crate::time::SimTime;

/// The functions of a cell, and the components that their requests pass.
pub(super) struct GeneralCell<'s> {
    functions: Vec<FunctionState<'s>>,
    path: Path,
    faults: Faults,
}

impl<'s> GeneralCell<'s> {
    /// A cell at the start of the run, and the shared resources of its functions.
    pub(super) fn new(scenario: &'s Scenario, cell: &Cell, streams: &Streams) -> (Self, Option<Box<SharedResources>>) {
        let is_alone = cell.functions.len() == 1;
        let specs = cell.functions.iter().map(|id| &scenario.functions[id.index()]);
        let (apps, memberships) = Apps::of(specs.clone());
        let memory = Memory::of(scenario, specs.clone(), streams);
        let machines = Machines::of(scenario, cell, streams);
        let is_placed = |spec: &Function| machines.is_some() && !spec.groups_of(&scenario.node_groups).is_empty();
        let placed: Vec<bool> = specs.clone().map(is_placed).collect();
        let resources = SharedResources::of(apps, memory, Pools::new(&scenario.platform.stem_cells), machines);
        let functions = specs.zip(memberships).enumerate().map(|(place, (spec, membership))| {
            let has_machines = placed[place];
            let is_alone = is_alone && !has_machines;
            let platform = scenario.platform_of(spec.platform);
            let surroundings = Surroundings { membership, platform, has_machines, is_alone };
            FunctionState::new(LocalFn(place as u32), spec, &surroundings, streams)
        });
        let path = Path::start(scenario, cell, |id| cell.local(id), streams);
        let faults = Faults::of(scenario, cell, streams);
        (Self { functions: functions.collect(), path, faults }, resources)
    }

    #[inline]
    fn at(&mut self, function: LocalFn) -> &mut FunctionState<'s> {
        &mut self.functions[function.index()]
    }

    /// An application is loaded before anybody asks for it.
    fn load_again<O: Observer>(&mut self, event: Event, ctx: &mut Context<O>) {
        let Some(resources) = &mut ctx.resources else { return };
        let (functions, until) = resources.apps.due(event);
        ctx.counts.pre_warms += u64::from(!functions.is_empty());
        for function in functions {
            self.at(function).pre_warm(until, event.at(), ctx);
        }
    }

    /// A fault begins or ends.
    fn fault<O: Observer>(&mut self, event: Event, ctx: &mut Context<O>) {
        ctx.counts.faults += 1;
        let now = event.at();
        match self.faults.due(event, self.path.given_up(now), ctx) {
            Some(FaultEffect::Disturbed(nodes, disturbance)) => {
                for at in nodes {
                    match self.functions.get_mut(at.index()) {
                        Some(function) => function.disturbed(&disturbance, now, ctx),
                        None => self.path.disturb(at, &disturbance, now, ctx),
                    }
                }
            }
            Some(FaultEffect::Failed(groups, failure)) => {
                if let Some(machines) = machines_of(ctx) {
                    machines.cluster.fail(&groups, failure, now);
                    announce(ctx);
                }
            }
            None => {}
        }
    }

    /// Serves functions that wait for the account, while it has capacity.
    fn account_freed<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        while let Some(function) = ctx.next_waiting_for_account() {
            self.at(function).account_has_room(now, ctx);
        }
    }

    /// What has happened to machines is told to those whose instances are on them, and what follows from that follows too.
    fn machines_changed<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        let Some(machines) = ctx.resources.as_mut().and_then(|resources| resources.machines.as_mut()) else { return };
        machines.is_announced = false;
        machines.cluster.apply_changes(now);
        while let Some(notice) = machines_of(ctx).and_then(|machines| machines.cluster.take()) {
            let (function, instance) = owner(notice);
            self.at(function).machine_says(instance, notice, now, ctx);
        }
        if let Some(at) = machines_of(ctx).and_then(Machines::next_wake) {
            ctx.events.push(Event::of_cluster(at));
        }
        notify_node_levels(now, ctx);
    }

    /// The processors of a node are divided anew among the instances that compute there.
    fn share_cpu<O: Observer>(&mut self, node: NodeId, now: SimTime, ctx: &mut Context<O>) {
        let Some(machines) = machines_of(ctx) else { return };
        for (pod, share) in machines.cluster.share_cpu(node, now) {
            let (function, instance) = of_owner(pod);
            self.at(function).take_share_of_node(instance, share, now, ctx);
        }
    }

    /// First evicts instances, then serves functions that wait for memory one by one, because serving one may evict
    /// others.
    fn memory_changed<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        let Some(memory) = ctx.resources.as_mut().and_then(|resources| resources.memory.as_mut()) else { return };
        if let Some(victim) = memory.next_evicted() {
            ctx.effects.push_back(Effect::MemoryChanged);
            self.at(victim.function).evict(victim, now, ctx);
        } else if !ctx.effects.is_empty() {
            // Other effects at this moment may still need or free memory.
            ctx.effects.push_back(Effect::MemoryChanged);
        } else if let Some(function) = memory.next_waiting() {
            ctx.effects.push_back(Effect::MemoryChanged);
            self.at(function).memory_has_room(now, ctx);
        } else {
            memory.is_announced = false;
        }
    }
}

/// Notifies the observer of the node groups that have something else from now on.
fn notify_node_levels<O: Observer>(now: SimTime, ctx: &mut Context<O>) {
    let count = machines_of(ctx).map_or(0, |machines| machines.cluster.group_count());
    for group in 0..count {
        if let Some(held) = machines_of(ctx).and_then(|machines| machines.cluster.next_levels(group)) {
            ctx.observer.node_levels(now, GroupId(group as u32), &held);
        }
    }
}

impl<O: Observer> Model<O> for GeneralCell<'_> {
    const HAS_EFFECTS: bool = true;

    fn start(&mut self, ctx: &mut Context<O>) {
        self.path.start_gauging(ctx);
        for function in &mut self.functions {
            function.provision(ctx);
        }
        self.faults.start(ctx);
        self.machines_changed(SimTime::ZERO, ctx);
    }

    #[inline]
    fn tick(&mut self, now: SimTime, ctx: &mut Context<O>) {
        self.path.gauge_until(now, ctx);
    }

    #[inline]
    fn arrive(&mut self, at: Node, new: NewRequest, now: SimTime, ctx: &mut Context<O>) {
        match self.functions.get_mut(at.index()) {
            Some(function) => {
                function.arrive(new, now, ctx);
            }
            None => self.path.enter(at, new, now, ctx),
        }
    }

    #[inline(always)]
    fn handle(&mut self, event: Event, ctx: &mut Context<O>) {
        let now = event.at();
        let function = event.function();
        match event.kind() {
            Kind::Completion => self.at(function).complete(event.key(), now, ctx),
            Kind::Processor => self.at(function).processor_due(event.key(), now, ctx),
            Kind::Termination => self.at(function).terminate(event.key(), now, ctx),
            Kind::Ready => self.at(function).become_ready(event.key(), now, ctx),
            Kind::Token => {
                ctx.counts.scaling_tokens += 1;
                self.at(function).token_arrived(now, ctx);
            }
            Kind::QueueTimeout => {
                ctx.counts.queue_timeouts += 1;
                self.at(function).queue_timeout(now, ctx);
            }
            Kind::Scaling => self.at(function).scaling_due(now, ctx),
            Kind::Expiry => self.at(function).expiry_due(now, ctx),
            Kind::Step => self.at(function).step_due(event.key(), now, ctx),
            Kind::PreWarm => self.load_again(event, ctx),
            Kind::Alarm | Kind::Deadline => self.path.alarm(event, ctx),
            Kind::Fault if event.key::<()>().get() == CRASH => self.at(function).crash_due(now, ctx),
            Kind::Fault => self.fault(event, ctx),
            Kind::Cluster => wake_machines(now, ctx),
            // The sources stream arrivals, and the loop ends before the end.
            Kind::Arrival | Kind::End => {}
        }
    }

    fn apply(&mut self, effect: Effect, now: SimTime, ctx: &mut Context<O>) {
        match effect {
            Effect::Arrive(call) => {
                let at = self.path.node_of_call(call);
                match self.functions.get_mut(at.index()) {
                    Some(function) if self.path.is_too_large(call, function.spec) => {
                        ctx.effects.push_back(Effect::Answer(call, Outcome::TooLarge));
                    }
                    Some(function) => {
                        let new = self.path.at_function(call, function.spec);
                        if let Some(invocation) = function.arrive(new, now, ctx) {
                            self.path.accepted(call, invocation);
                        }
                    }
                    None => self.path.arrive(call, now, ctx),
                }
            }
            Effect::Answer(call, outcome) => self.path.answer(call, outcome, now, ctx),
            Effect::StepCalls(of, step, parcel) => self.path.step(of, step as usize, parcel, now, ctx),
            Effect::StepAnswered(of, outcome) => self.at(of.function).step_answered(of, outcome, now, ctx),
            Effect::Cancel(function, invocation, call) => self.at(function).cancel(invocation, call, now, ctx),
            Effect::AccountFreed => self.account_freed(now, ctx),
            Effect::Unload(function) => self.at(function).unload(now, ctx),
            Effect::MemoryChanged => self.memory_changed(now, ctx),
            Effect::MachinesChanged => self.machines_changed(now, ctx),
            Effect::NodeCpuChanged(node) => self.share_cpu(node, now, ctx),
        }
    }

    fn end(&mut self, end: SimTime, ctx: &mut Context<O>) {
        self.path.gauge_until(end, ctx);
        for function in &mut self.functions {
            function.end(end, ctx);
            debug_assert!(function.is_at_rest(), "every invocation has ended");
        }
        // No time is left to react to anything reported now.
        ctx.effects.clear();
        self.faults.end(end, self.path.given_up(end), ctx);
        self.path.end(end, ctx);
        if let Some(machines) = machines_of(ctx) {
            let cluster = &mut machines.cluster;
            let levels: Vec<NodeLevels> = (0..cluster.group_count()).map(|group| cluster.levels(group)).collect();
            let (starts, books) = (cluster.close_starts(), cluster.close(end));
            for (group, (books, levels)) in (0..).zip(books.iter().zip(levels)) {
                ctx.observer.node_levels(end, GroupId(group), &levels);
                ctx.observer.nodes_closed(GroupId(group), books);
            }
            for (function, books) in (0..).zip(starts) {
                ctx.observer.starts_closed(LocalFn(function), &books);
            }
        }
    }

    fn fullest(&self, now: SimTime) -> (Node, u64) {
        let functions = self.functions.iter().map(FunctionState::held);
        let all = (0..).map(Node).zip(functions.chain(self.path.held(self.functions.len(), now)));
        // Of those that hold the same requests the innermost, which is the first: a function, or what calls nobody.
        all.min_by_key(|(_, held)| std::cmp::Reverse(*held)).unwrap_or((Node(0), 0))
    }

    fn check(&self, ctx: &Context<O>) {
        debug_assert!(!ctx.accounts().any(Account::has_next), "free account concurrency is used");
        let memory = ctx.resources.as_ref().and_then(|resources| resources.memory.as_ref());
        debug_assert!(memory.is_none_or(Memory::is_settled), "free memory is used");
    }
}
