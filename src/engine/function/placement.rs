//! Assigning instances to requests, and managing their slots.

use super::super::instance::Instance;
use super::super::invocation::Invocation;
use super::super::kernel::Context;
use super::super::observer::{Limit, Observer};
use super::super::slab::Key;
use super::lifecycle::{Cause, Reason};
use super::{FunctionState, Quota};
use crate::time::SimTime;

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Placement {
    /// A ready instance, removed from its list.
    Ready(Key<Instance>),
    /// A starting instance with a free slot.
    Starting(Key<Instance>),
    /// A ready instance without a free slot, where the request waits.
    Waiting(Key<Instance>),
    /// A new instance.
    Create,
}

impl FunctionState<'_> {
    /// Finds an instance for a request, or the limit that prevents it. `arriving`: the request has just arrived,
    /// instead of coming from the queue.
    #[inline]
    pub(super) fn place<O: Observer>(
        &mut self,
        now: SimTime,
        arriving: bool,
        ctx: &mut Context<O>,
    ) -> Result<Placement, Limit> {
        if let Quota::Reserved(most) = self.quota
            && self.levels.in_progress + self.levels.queued - self.queue.len() as u32 >= most
        {
            return Err(Limit::Reserved);
        }
        if self.rates.is_some() && !self.reserve_has_rate(now) {
            return Err(Limit::RequestRate);
        }
        if self.has_provisioned
            && self.provisioned_has_rate(now)
            && let Some(place) = self.provisioned.take(&mut self.instances)
        {
            return Ok(Placement::Ready(place));
        }
        if matches!(self.quota, Quota::Account) && !ctx.account_of(self.spec.platform).has_room() {
            return Err(Limit::Account);
        }
        if matches!(self.quota, Quota::Account)
            && ctx.account_of(self.spec.platform).rate().is_some_and(|rate| !rate.has_room(now))
        {
            return Err(Limit::RequestRate);
        }
        if let Some(autoscaling) = self.autoscaling.as_mut().filter(|autoscaling| autoscaling.owns_all_instances()) {
            if arriving && let Some(most) = autoscaling.waits_at_instance() {
                return self.place_directly(most);
            }
            if autoscaling.chooses() {
                return self.place_as_chosen();
            }
            return self.on_demand.take(&mut self.instances).map(Placement::Ready).ok_or(Limit::Scaling);
        }
        while let Some(place) = self.on_demand.take(&mut self.instances) {
            let instance = self.instances.get(place);
            if instance.retires > now {
                return Ok(if instance.ready { Placement::Ready(place) } else { Placement::Starting(place) });
            }
            // Too old: a busy one finishes its requests outside the list; an idle one is removed, which makes room for
            // another.
            if instance.is_idle() {
                self.remove_instance(place, Cause::Retired, now, ctx);
            }
        }
        if let Some(place) = self.starting_with_slot() {
            return Ok(Placement::Starting(place));
        }
        if self.levels.instances() >= self.max_instances {
            return Err(Limit::MaxInstances);
        }
        let shares_memory = self.resources.is_some();
        if shares_memory && !self.fits_memory(ctx) {
            return Err(Limit::Memory);
        }
        if self.tokens.as_mut().is_some_and(|tokens| !tokens.take(now)) {
            return Err(Limit::ScalingRate);
        }
        if shares_memory {
            self.take_memory(now, ctx);
        }
        Ok(Placement::Create)
    }

    fn starting_with_slot(&mut self) -> Option<Key<Instance>> {
        while let Some(&(place, id)) = self.starting.front() {
            let instance = self.instances.get(place);
            if instance.id == id && !instance.ready && instance.in_flight < self.spec.concurrency.per_instance {
                return Some(place);
            }
            self.starting.pop_front();
        }
        None
    }

    /// Assigns an instance to a request.
    #[inline]
    pub(super) fn assign<O: Observer>(
        &mut self,
        request: Key<Invocation>,
        placement: Placement,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        match placement {
            Placement::Waiting(_) => self.levels.queued += 1,
            _ => self.levels.in_progress += 1,
        }
        self.invocations.get_mut(request).assigned = now;
        if self.resources.is_some() {
            self.notify_memory_of_use(placement, now, ctx);
        }
        if self.autoscaling.is_some() {
            self.notify_placement(request, placement, now);
        }
        let is_provisioned = matches!(placement, Placement::Ready(place) if self.instances.get(place).provisioned);
        if !is_provisioned && matches!(self.quota, Quota::Account) {
            ctx.account_of(self.spec.platform).acquire();
            if let Some(rate) = ctx.account_of(self.spec.platform).rate() {
                rate.take();
            }
        }
        if let Some(rates) = &mut self.rates {
            rates.take(is_provisioned);
        }
        match placement {
            Placement::Ready(place) => {
                let ready_at = self.instances.get(place).ready_at;
                self.take_slot(place);
                let this = self.invocations.get_mut(request);
                this.instance = place;
                let is_affected = ready_at > this.born;
                ctx.observer.assigned(now, self.id, false, is_affected);
                self.start(request, now, ctx);
            }
            Placement::Waiting(place) => {
                self.occupy(place);
                self.wait_at(request, place);
            }
            Placement::Starting(place) => {
                self.take_slot(place);
                self.wait_at(request, place);
                ctx.observer.assigned(now, self.id, false, true);
            }
            Placement::Create => {
                ctx.observer.assigned(now, self.id, true, true);
                self.create_for(request, now, ctx);
            }
        }
    }

    /// Adds a request to an instance that was removed from its list; it is returned to the list if a slot is free.
    #[inline]
    pub(super) fn take_slot(&mut self, place: Key<Instance>) {
        self.occupy(place);
        let instance = self.instances.get(place);
        if instance.in_flight < self.spec.concurrency.per_instance && (instance.ready || self.starting_is_available) {
            let list = if instance.provisioned { &mut self.provisioned } else { &mut self.on_demand };
            list.insert(place, &mut self.instances);
        }
    }

    /// Removes a request from an instance, which becomes available, idle, or is removed.
    #[inline(always)]
    pub(super) fn free_slot<O: Observer>(&mut self, place: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        let is_free = self.vacate(place);
        if is_free && self.spec.shares_instances() {
            self.notify_served(place, now, ctx);
        }
        let instance = self.instances.get(place);
        let (retired, provisioned) = (instance.retires <= now, instance.provisioned);
        let has_slot = instance.in_flight < self.spec.concurrency.per_instance;
        if self.autoscaling.is_some() {
            self.start_next_at(place, now, ctx);
        }
        let list = if provisioned { &mut self.provisioned } else { &mut self.on_demand };
        if retired {
            list.remove(place, &mut self.instances);
            if is_free {
                self.remove_instance(place, Cause::Retired, now, ctx);
            }
            return;
        }
        if has_slot && self.resources.is_some() && self.relieves_pending(place, now, ctx) {
            return;
        }
        if is_free && !provisioned {
            self.fall_idle(place, now, ctx);
            if self.resources.is_some() {
                self.notify_memory_of_idle(place, now, ctx);
            }
        }
        if has_slot {
            let list = if provisioned { &mut self.provisioned } else { &mut self.on_demand };
            list.touch(place, &mut self.instances);
        }
    }

    /// Creates an instance for a request, which waits for it to start (or runs at once, if starting takes no time).
    fn create_for<O: Observer>(&mut self, request: Key<Invocation>, now: SimTime, ctx: &mut Context<O>) {
        let this = self.invocations.get_mut(request);
        this.cold = true;
        let place = self.create(Reason::Request(request), now, ctx);
        self.take_slot(place);
        if self.instances.get(place).ready {
            self.invocations.get_mut(request).instance = place;
            self.start(request, now, ctx);
        } else {
            self.wait_at(request, place);
            self.offer_starting(place);
        }
    }

    /// A starting instance with a free slot may get more requests.
    pub(super) fn offer_starting(&mut self, place: Key<Instance>) {
        let instance = self.instances.get(place);
        if instance.in_flight == self.spec.concurrency.per_instance || instance.listed {
            return;
        }
        if self.starting_is_available {
            self.on_demand.insert(place, &mut self.instances);
        } else {
            self.starting.push_back((place, instance.id));
        }
    }

    /// Adds a request to the end of the queue of its instance.
    fn wait_at(&mut self, request: Key<Invocation>, place: Key<Instance>) {
        let instance = self.instances.get_mut(place);
        let last = std::mem::replace(&mut instance.last_waiting, request);
        if last.is_nil() {
            instance.first_waiting = request;
        } else {
            self.invocations.get_mut(last).next = request;
        }
        self.invocations.get_mut(request).instance = place;
    }
}
