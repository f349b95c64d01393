//! Shared resources of a function: its application, and memory.

use std::collections::{BTreeSet, VecDeque};

use super::super::apps::Membership;
use super::super::instance::Instance;
use super::super::kernel::{Context, Effect};
use super::super::memory::Memory;
use super::super::observer::{Limit, Observer};
use super::super::slab::Key;
use super::FunctionState;
use super::lifecycle::{Cause, Reason};
use super::placement::Placement;
use crate::id::{InstanceId, PoolId};
use crate::policy::keep_alive::greedy_dual::Victim;
use crate::scenario::{Function, Platform};
use crate::time::{SimTime, Span};

/// A function's share of common resources.
pub(super) struct ResourceLinks {
    membership: Option<Membership>,
    /// Instances that have become idle or been loaded in advance since the application was last unloaded.
    idle: BTreeSet<Key<Instance>>,
    /// The instance that is being loaded in advance, and until when it stays.
    loading: Option<(Key<Instance>, InstanceId, SimTime)>,
    /// Whether there is a budget of memory for all functions.
    shares_memory: bool,
    /// The arrival time under which the function waits for memory.
    memory_wait: Option<SimTime>,
    /// The stem cells that fit.
    pool: Option<PoolId>,
    /// Whether its instances run on machines.
    pub(super) has_machines: bool,
    /// Instances that were created for requests and had to wait for a node, oldest first; stale entries are dropped when
    /// encountered.
    pub(super) without_node: VecDeque<(Key<Instance>, InstanceId)>,
}

impl ResourceLinks {
    /// None for a function that shares nothing.
    pub(super) fn new(
        spec: &Function,
        membership: Option<Membership>,
        platform: &Platform,
        has_machines: bool,
    ) -> Option<Self> {
        let shares_memory = platform.memory_budget_mb.is_some();
        let pool = platform.stem_cells_of(spec);
        let idle = BTreeSet::new();
        let without_node = VecDeque::new();
        let links = Self {
            membership,
            idle,
            loading: None,
            shares_memory,
            memory_wait: None,
            pool,
            has_machines,
            without_node,
        };
        (membership.is_some() || shares_memory || pool.is_some() || has_machines).then_some(links)
    }
}

impl ResourceLinks {
    /// Whether nothing but machines is shared.
    pub(super) const fn is_machines_only(&self) -> bool {
        self.has_machines && !self.shares_memory && self.membership.is_none()
    }
}

impl FunctionState<'_> {
    fn membership(&self) -> Option<Membership> {
        self.resources.as_ref().and_then(|links| links.membership)
    }

    pub(super) fn notify_app_of_arrival<O: Observer>(&self, now: SimTime, ctx: &mut Context<O>) {
        if let (Some(membership), Some(resources)) = (self.membership(), &mut ctx.resources) {
            resources.apps.arrived(membership, now);
        }
    }

    pub(super) fn notify_app_of_end<O: Observer>(&self, now: SimTime, ctx: &mut Context<O>) {
        if let (Some(membership), Some(resources)) = (self.membership(), &mut ctx.resources)
            && let Some(unloading) = resources.apps.ended(membership, now, ctx.sources.horizon())
        {
            ctx.effects.extend(unloading.functions().map(Effect::Unload));
            unloading.loaded_again.into_iter().for_each(|event| ctx.events.push(event));
        }
    }

    pub(super) fn notify_app_of_loss<O: Observer>(&self, ctx: &mut Context<O>) {
        if let (Some(membership), Some(resources)) = (self.membership(), &mut ctx.resources) {
            resources.apps.ended_unserved(membership);
        }
    }

    /// How long an instance that becomes idle stays, as decided by its application.
    pub(super) fn window_of_app<O: Observer>(&mut self, place: Key<Instance>, ctx: &Context<O>) -> Span {
        let (Some(links), Some(resources)) = (&mut self.resources, &ctx.resources) else { return Span::FOREVER };
        links.idle.insert(place);
        links.membership.map_or(Span::FOREVER, |membership| resources.apps.window(membership))
    }

    /// Its application is unloaded: idle instances are removed, unless a request arrives at the same moment.
    pub(in super::super) fn unload<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        let Some(links) = &mut self.resources else { return };
        for place in std::mem::take(&mut links.idle) {
            let instance = self.instances.get(place);
            if instance.listed && instance.is_idle() && !instance.provisioned && instance.deadline > now {
                self.stay_until(place, now, ctx);
            }
        }
    }

    /// Loads an instance in advance, to stay until `until`, unless one exists or a limit prevents it.
    pub(in super::super) fn pre_warm<O: Observer>(&mut self, until: SimTime, now: SimTime, ctx: &mut Context<O>) {
        self.advance(now, ctx);
        let has_room = self.levels.instances() == 0
            && self.memory(ctx).is_none_or(|memory| memory.is_free(self.id))
            && self.tokens.as_mut().is_none_or(|tokens| tokens.take(now))
            && self.take_memory(now, ctx);
        if !has_room {
            return;
        }
        let place = self.create(Reason::PreWarm, now, ctx);
        // A request that arrives while it starts waits for it.
        self.offer_starting(place);
        let id = self.instances.get(place).id;
        if let Some(links) = &mut self.resources {
            links.loading = Some((place, id, until));
        }
    }

    /// Registers a new instance with the shared memory, which allocates that of initial instances and counts a use if
    /// there is a request.
    pub(super) fn notify_memory_of_creation<O: Observer>(
        &mut self,
        place: Key<Instance>,
        reason: Reason,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        if self.resources.is_none() {
            return;
        }
        match reason {
            Reason::Order | Reason::Minimum | Reason::PreWarm | Reason::Replacement => {}
            Reason::Request(_) => self.notify_memory_of_use(Placement::Ready(place), now, ctx),
            Reason::Provisioned => {
                self.take_memory(now, ctx);
            }
            Reason::Found { .. } => {
                self.take_memory(now, ctx);
                self.notify_memory_of_use(Placement::Ready(place), now, ctx);
            }
        }
    }

    /// An instance has started. If no request waits for it, it was loaded in advance and stays as long as decided.
    pub(super) fn loaded<O: Observer>(&mut self, place: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        let Some(links) = &mut self.resources else { return };
        let instance = self.instances.get(place);
        let Some((.., until)) = links.loading.take_if(|loading| (loading.0, loading.1) == (place, instance.id)) else {
            return;
        };
        if instance.is_idle() {
            links.idle.insert(place);
            let id = instance.id;
            self.stay_until(place, until.max(now), ctx);
            if let Some(memory) = self.memory(ctx) {
                memory.loaded(self.id, id, place, now);
                self.memory_changed(ctx);
            }
        }
    }

    /// How long an instance takes to start. One from a stem cell only takes the function's own, billed phases; the
    /// others are the time to replace the stem cell.
    pub(super) fn start_up_with_stem_cell<O: Observer>(
        &self,
        start_up: Span,
        billed: Span,
        now: SimTime,
        ctx: &mut Context<O>,
    ) -> Span {
        let generic = Span::from_nanos(start_up.as_nanos() - billed.as_nanos());
        let pool = self.resources.as_ref().and_then(|links| links.pool);
        let is_taken = pool
            .zip(ctx.resources.as_mut())
            .is_some_and(|(pool, resources)| resources.stem_cells.take(pool, now, generic));
        if is_taken { billed } else { start_up }
    }

    /// The memory that it shares with others, if there is a budget.
    fn memory<'a, O: Observer>(&self, ctx: &'a mut Context<O>) -> Option<&'a mut Memory> {
        self.resources.as_ref().filter(|links| links.shares_memory)?;
        ctx.resources.as_mut()?.memory.as_mut()
    }

    /// Schedules the consequences of a change to the memory, at the same moment.
    fn memory_changed<O: Observer>(&self, ctx: &mut Context<O>) {
        if self.memory(ctx).is_some_and(Memory::is_to_be_announced) {
            ctx.effects.push_back(Effect::MemoryChanged);
        }
    }

    /// Whether one more instance fits.
    pub(super) fn fits_memory<O: Observer>(&self, ctx: &mut Context<O>) -> bool {
        self.memory(ctx).is_none_or(|memory| memory.fits(self.id))
    }

    /// Allocates memory for a new instance; returns whether there is enough. Instances of other functions are evicted
    /// after this event, those of the function itself at once, because it might otherwise use them.
    pub(super) fn take_memory<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) -> bool {
        if self.memory(ctx).is_some_and(|memory| !memory.take(self.id)) {
            return false;
        }
        self.make_room_for_others(now, ctx);
        self.memory_changed(ctx);
        true
    }

    /// Removes the function's instances whose memory others have by now, before anything is done with them.
    pub(super) fn make_room_for_others<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        while let Some(victim) = self.memory(ctx).and_then(|memory| memory.next_evicted_of(self.id)) {
            self.on_demand.remove(victim.handle, &mut self.instances);
            self.remove_instance(victim.handle, Cause::Evicted, now, ctx);
        }
    }

    /// Evicts an idle instance.
    pub(in super::super) fn evict<O: Observer>(
        &mut self,
        victim: Victim<Key<Instance>>,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        self.advance(now, ctx);
        self.on_demand.remove(victim.handle, &mut self.instances);
        self.remove_instance(victim.handle, Cause::Evicted, now, ctx);
    }

    pub(super) fn notify_memory_of_use<O: Observer>(&self, placement: Placement, now: SimTime, ctx: &mut Context<O>) {
        let (Placement::Ready(place) | Placement::Starting(place)) = placement else { return };
        let instance = self.instances.get(place);
        if let Some(memory) = self.memory(ctx).filter(|_| self.may_go(instance)) {
            memory.used(self.id, instance.id, place, now);
        }
    }

    pub(super) fn notify_memory_of_idle<O: Observer>(&self, place: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        if let Some(memory) = self.memory(ctx) {
            memory.idle(self.id, self.instances.get(place).id, now);
            self.memory_changed(ctx);
        }
    }

    pub(super) fn give_memory_back<O: Observer>(&self, place: Key<Instance>, ctx: &mut Context<O>) {
        if let Some(memory) = self.memory(ctx) {
            memory.gone(self.id, self.instances.get(place).id);
            self.memory_changed(ctx);
        }
    }

    /// Whether an instance may be evicted: those created by a policy are not.
    fn may_go(&self, instance: &Instance) -> bool {
        !instance.provisioned && self.autoscaling.as_ref().is_none_or(|autoscaling| !autoscaling.owns_all_instances())
    }

    /// The queue waits until an instance fits, as long as its first request has waited.
    pub(super) fn wait_for_memory<O: Observer>(&mut self, ctx: &mut Context<O>) {
        let front = self.queue.front().map(|&front| self.invocations.get(front).born);
        let (Some(born), Some(links)) = (front, &mut self.resources) else { return };
        let before = links.memory_wait.replace(born);
        if before == Some(born) {
            return;
        }
        if let Some(memory) = self.memory(ctx) {
            if let Some(before) = before {
                memory.leave(before, self.id);
            }
            memory.wait(born, self.id);
            self.memory_changed(ctx);
        }
    }

    /// Whether the queue waits until an instance fits.
    pub(super) fn waits_for_memory(&self) -> bool {
        self.resources.as_ref().is_some_and(|links| links.memory_wait.is_some())
    }

    /// No request waits any more.
    pub(super) fn leave_memory<O: Observer>(&mut self, ctx: &mut Context<O>) {
        let ticket = self.resources.as_mut().and_then(|links| links.memory_wait.take());
        if let (Some(born), Some(memory)) = (ticket, self.memory(ctx)) {
            memory.leave(born, self.id);
            self.memory_changed(ctx);
        }
    }

    /// An instance fits, and it is this function's turn.
    pub(in super::super) fn memory_has_room<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        self.advance(now, ctx);
        if let Some(links) = &mut self.resources {
            links.memory_wait = None;
        }
        self.serve_front(Limit::Memory, now, ctx);
    }
}
