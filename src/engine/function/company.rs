//! A function whose instances come and go with those of others: of its application, or because memory is short.

use std::collections::BTreeSet;

use super::super::Shared;
use super::super::apps::Membership;
use super::super::instance::Instance;
use super::super::kernel::Effect;
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

/// What a function has to do with others.
pub(super) struct Company {
    membership: Option<Membership>,
    /// Places of instances that have fallen idle since the application was last unloaded, or been loaded in advance.
    idle: BTreeSet<Key<Instance>>,
    /// The instance that is being loaded in advance, and until when it stays.
    loading: Option<(Key<Instance>, InstanceId, SimTime)>,
    /// Whether there is a budget of memory for all functions.
    shares_memory: bool,
    /// Under this time the function waits for memory.
    memory_ticket: Option<SimTime>,
    /// The stem cells that fit.
    pool: Option<PoolId>,
}

impl Company {
    /// None for a function that has to do with nobody.
    pub(super) fn new(spec: &Function, membership: Option<Membership>, platform: &Platform) -> Option<Self> {
        let shares_memory = platform.memory_budget_mb.is_some();
        let pool = platform.stem_cells_of(spec);
        let idle = BTreeSet::new();
        let company = Self { membership, idle, loading: None, shares_memory, memory_ticket: None, pool };
        (membership.is_some() || shares_memory || pool.is_some()).then_some(company)
    }
}

impl FunctionState<'_> {
    fn membership(&self) -> Option<Membership> {
        self.company.as_ref().and_then(|company| company.membership)
    }

    pub(super) fn tell_app_of_arrival<O: Observer>(&self, now: SimTime, shared: &mut Shared<O>) {
        if let (Some(membership), Some(resources)) = (self.membership(), &mut shared.resources) {
            resources.apps.arrived(membership, now);
        }
    }

    pub(super) fn tell_app_of_end<O: Observer>(&self, now: SimTime, shared: &mut Shared<O>) {
        if let (Some(membership), Some(resources)) = (self.membership(), &mut shared.resources)
            && let Some(unloading) = resources.apps.ended(membership, now, shared.sources.horizon())
        {
            shared.effects.extend(unloading.functions().map(Effect::Unload));
            unloading.loaded_again.into_iter().for_each(|event| shared.events.push(event));
        }
    }

    pub(super) fn tell_app_of_loss<O: Observer>(&self, shared: &mut Shared<O>) {
        if let (Some(membership), Some(resources)) = (self.membership(), &mut shared.resources) {
            resources.apps.gave_up(membership);
        }
    }

    /// How long an instance that falls idle stays, as its application has decided.
    pub(super) fn window_of_app<O: Observer>(&mut self, place: Key<Instance>, shared: &Shared<O>) -> Span {
        let (Some(company), Some(resources)) = (&mut self.company, &shared.resources) else { return Span::FOREVER };
        company.idle.insert(place);
        company.membership.map_or(Span::FOREVER, |membership| resources.apps.window(membership))
    }

    /// Its application is unloaded: what is idle goes, unless a request comes at this very moment.
    pub(in super::super) fn unload<O: Observer>(&mut self, now: SimTime, shared: &mut Shared<O>) {
        let Some(company) = &mut self.company else { return };
        for place in std::mem::take(&mut company.idle) {
            let instance = self.instances.get(place);
            if instance.listed && instance.is_idle() && !instance.provisioned && instance.deadline > now {
                self.stay_until(place, now, shared);
            }
        }
    }

    /// An instance is loaded in advance, to stay until `until`, unless there is one or a limit stands in its way.
    pub(in super::super) fn pre_warm<O: Observer>(&mut self, until: SimTime, now: SimTime, shared: &mut Shared<O>) {
        self.advance(now, shared);
        let has_room = self.levels.instances() == 0
            && self.memory(shared).is_none_or(|memory| memory.is_free(self.id))
            && self.tokens.as_mut().is_none_or(|tokens| tokens.take(now))
            && self.take_memory(now, shared);
        if !has_room {
            return;
        }
        let place = self.create(Reason::PreWarm, now, shared);
        // A request that comes while it starts waits for it.
        self.offer_starting(place);
        let id = self.instances.get(place).id;
        if let Some(company) = &mut self.company {
            company.loading = Some((place, id, until));
        }
    }

    /// The memory that it shares is told of a new instance: it takes that of one which is there when the run begins, and it
    /// counts a use where there is a request.
    pub(super) fn tell_memory_of_creation<O: Observer>(
        &mut self,
        place: Key<Instance>,
        reason: Reason,
        now: SimTime,
        shared: &mut Shared<O>,
    ) {
        if self.company.is_none() {
            return;
        }
        match reason {
            Reason::Order | Reason::PreWarm => {}
            Reason::Request(_) => self.tell_memory_of_use(Placement::Ready(place), now, shared),
            Reason::Provisioned => {
                self.take_memory(now, shared);
            }
            Reason::Found { .. } => {
                self.take_memory(now, shared);
                self.tell_memory_of_use(Placement::Ready(place), now, shared);
            }
        }
    }

    /// An instance has started: if nobody waits for it, it was loaded in advance, and stays as long as was decided.
    pub(super) fn loaded<O: Observer>(&mut self, place: Key<Instance>, now: SimTime, shared: &mut Shared<O>) {
        let Some(company) = &mut self.company else { return };
        let instance = self.instances.get(place);
        let Some((.., until)) = company.loading.take_if(|loading| (loading.0, loading.1) == (place, instance.id))
        else {
            return;
        };
        if instance.is_idle() {
            company.idle.insert(place);
            let id = instance.id;
            self.stay_until(place, until.max(now), shared);
            if let Some(memory) = self.memory(shared) {
                memory.loaded(self.id, id, place, now);
                self.memory_changed(shared);
            }
        }
    }

    /// How long an instance takes to start: one made of a stem cell only what is the function's own, the billed phases.
    /// The others are what the next stem cell takes to be there.
    pub(super) fn start_up_with_stem_cell<O: Observer>(
        &self,
        start_up: Span,
        billed: Span,
        now: SimTime,
        shared: &mut Shared<O>,
    ) -> Span {
        let generic = Span::from_nanos(start_up.as_nanos() - billed.as_nanos());
        let pool = self.company.as_ref().and_then(|company| company.pool);
        let is_taken = pool
            .zip(shared.resources.as_mut())
            .is_some_and(|(pool, resources)| resources.stem_cells.take(pool, now, generic));
        if is_taken { billed } else { start_up }
    }

    /// The memory that it shares with others, if there is a budget.
    fn memory<'a, O: Observer>(&self, shared: &'a mut Shared<O>) -> Option<&'a mut Memory> {
        self.company.as_ref().filter(|company| company.shares_memory)?;
        shared.resources.as_mut()?.memory.as_mut()
    }

    /// Something has happened to the memory: what follows from it follows at this moment.
    fn memory_changed<O: Observer>(&self, shared: &mut Shared<O>) {
        if self.memory(shared).is_some_and(Memory::is_to_be_announced) {
            shared.effects.push_back(Effect::MemoryChanged);
        }
    }

    /// Whether one more instance fits.
    pub(super) fn fits_memory<O: Observer>(&self, shared: &mut Shared<O>) -> bool {
        self.memory(shared).is_none_or(|memory| memory.fits(self.id))
    }

    /// Takes the memory of an instance that is to be created; says whether there is enough. Instances of others go when
    /// this event is done, those of the function itself at once: it might use them.
    pub(super) fn take_memory<O: Observer>(&mut self, now: SimTime, shared: &mut Shared<O>) -> bool {
        if self.memory(shared).is_some_and(|memory| !memory.take(self.id)) {
            return false;
        }
        while let Some(victim) = self.memory(shared).and_then(|memory| memory.next_evicted_of(self.id)) {
            self.evict(victim, now, shared);
        }
        self.memory_changed(shared);
        true
    }

    /// An idle instance makes room for another.
    pub(in super::super) fn evict<O: Observer>(
        &mut self,
        victim: Victim<Key<Instance>>,
        now: SimTime,
        shared: &mut Shared<O>,
    ) {
        self.advance(now, shared);
        self.on_demand.remove(victim.handle, &mut self.instances);
        self.remove_instance(victim.handle, Cause::Evicted, now, shared);
    }

    pub(super) fn tell_memory_of_use<O: Observer>(&self, placement: Placement, now: SimTime, shared: &mut Shared<O>) {
        let (Placement::Ready(place) | Placement::Starting(place)) = placement else { return };
        let instance = self.instances.get(place);
        if let Some(memory) = self.memory(shared).filter(|_| self.may_go(instance)) {
            memory.used(self.id, instance.id, place, now);
        }
    }

    pub(super) fn tell_memory_of_idle<O: Observer>(&self, place: Key<Instance>, now: SimTime, shared: &mut Shared<O>) {
        if let Some(memory) = self.memory(shared) {
            memory.idle(self.id, self.instances.get(place).id, now);
            self.memory_changed(shared);
        }
    }

    pub(super) fn give_memory_back<O: Observer>(&self, place: Key<Instance>, shared: &mut Shared<O>) {
        if let Some(memory) = self.memory(shared) {
            memory.gone(self.id, self.instances.get(place).id);
            self.memory_changed(shared);
        }
    }

    /// Whether an instance may have to make room: those that were ordered stay.
    fn may_go(&self, instance: &Instance) -> bool {
        !instance.provisioned && self.governor.as_ref().is_none_or(|governor| !governor.orders_all())
    }

    /// The queue waits until an instance fits.
    pub(super) fn wait_for_memory<O: Observer>(&mut self, shared: &mut Shared<O>) {
        let front = self.queue.front().map(|&front| self.requests.get(front).born);
        if let (Some(born), Some(company)) = (front, &mut self.company)
            && company.memory_ticket.is_none()
        {
            company.memory_ticket = Some(born);
            if let Some(memory) = self.memory(shared) {
                memory.wait(born, self.id);
                self.memory_changed(shared);
            }
        }
    }

    /// Nobody waits any more.
    pub(super) fn leave_memory<O: Observer>(&mut self, shared: &mut Shared<O>) {
        let ticket = self.company.as_mut().and_then(|company| company.memory_ticket.take());
        if let (Some(born), Some(memory)) = (ticket, self.memory(shared)) {
            memory.leave(born, self.id);
            self.memory_changed(shared);
        }
    }

    /// An instance fits, and it is this function's turn.
    pub(in super::super) fn memory_has_room<O: Observer>(&mut self, now: SimTime, shared: &mut Shared<O>) {
        self.advance(now, shared);
        if let Some(company) = &mut self.company {
            company.memory_ticket = None;
        }
        self.serve_front(Limit::Memory, now, shared);
    }
}
