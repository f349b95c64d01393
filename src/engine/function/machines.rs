//! A function whose instances run on machines: they wait for a node and for their image, and go with their node.

use super::super::cluster::{announce, machines_of, owned_by};
use super::super::instance::Instance;
use super::super::invocation::Invocation;
use super::super::kernel::Context;
use super::super::observer::Observer;
use super::super::slab::Key;
use super::FunctionState;
use super::lifecycle::{Cause, Reason};
use crate::cluster::{Notice, PodId};
use crate::path::Outcome;
use crate::time::{SimTime, Span};

impl FunctionState<'_> {
    pub(super) fn has_machines(&self) -> bool {
        self.resources.as_ref().is_some_and(|links| links.has_machines)
    }

    /// An instance needs a place on a machine; says whether it begins to start now.
    pub(super) fn take_place_on_machine<O: Observer>(
        &mut self,
        key: Key<Instance>,
        is_there: bool,
        start_up: Span,
        now: SimTime,
        ctx: &mut Context<O>,
    ) -> bool {
        if !self.has_machines() {
            return true;
        }
        let Some(machines) = machines_of(ctx) else { return true };
        let (class, owner) = (self.id.index(), owned_by(self.id, key));
        let present = if is_there { machines.cluster.add_present(class, owner) } else { None };
        let (pod, begins) = match present {
            Some(pod) => (pod, true),
            None => machines.cluster.add(class, owner, start_up, now),
        };
        self.instances.get_mut(key).pod = pod;
        announce(ctx);
        begins
    }

    /// An instance is gone: its place is free.
    pub(super) fn leave_machine<O: Observer>(&mut self, key: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        let pod = std::mem::replace(&mut self.instances.get_mut(key).pod, PodId::NIL);
        if !pod.is_nil()
            && let Some(machines) = machines_of(ctx)
        {
            machines.cluster.remove(pod, now);
            announce(ctx);
        }
    }

    /// A ready instance has a free slot: it serves the request that has waited longest for an instance without a node, which is not
    /// needed any more then. Says whether there is one. So requests are served in the order in which they came, however many
    /// instances wait for a node.
    pub(super) fn relieves_pending<O: Observer>(
        &mut self,
        place: Key<Instance>,
        now: SimTime,
        ctx: &mut Context<O>,
    ) -> bool {
        let Instance { ready, provisioned, dead, retires, in_flight, .. } = *self.instances.get(place);
        let is_free = ready && !dead && retires > now && in_flight < self.spec.concurrency.per_instance;
        // What is drawn for a cold request, and what others share, belongs to the instance that was created for it.
        let is_exchangeable = self.autoscaling.is_none()
            && self.spec.cold_duration.is_none()
            && self.spec.init_timeout.is_none()
            && (!provisioned || self.rates.is_none())
            && self.resources.as_ref().is_some_and(|links| links.is_machines_only());
        if !is_free || !is_exchangeable {
            return false;
        }
        let Some(pending) = self.first_without_node(ctx) else { return false };
        let request = self.instances.get(pending).first_waiting;
        if provisioned {
            // It took a place of the account, which it does not need there.
            self.give_account_back(request, ctx);
        }
        let this = self.invocations.get_mut(request);
        let instance = self.instances.get_mut(pending);
        instance.first_waiting = std::mem::replace(&mut this.next, Key::NIL);
        (this.instance, this.cold) = (place, false);
        if instance.first_waiting.is_nil() {
            instance.last_waiting = Key::NIL;
        }
        instance.in_flight -= 1;
        if instance.in_flight == 0 {
            self.take_from_lists(pending);
            self.remove_instance(pending, Cause::Retired, now, ctx);
        }
        let list = if provisioned { &mut self.provisioned } else { &mut self.on_demand };
        list.remove(place, &mut self.instances);
        self.take_slot(place);
        self.start(request, now, ctx);
        true
    }

    /// The oldest instance that was created for a request and waits for a node.
    fn first_without_node<O: Observer>(&mut self, ctx: &mut Context<O>) -> Option<Key<Instance>> {
        let links = self.resources.as_mut()?;
        let cluster = &machines_of(ctx)?.cluster;
        while let Some(&(key, id)) = links.without_node.front() {
            let instance = self.instances.get(key);
            if instance.id == id && !instance.first_waiting.is_nil() && cluster.is_pending(instance.pod) {
                return Some(key);
            }
            links.without_node.pop_front();
        }
        None
    }

    /// Something has happened to an instance's machine.
    pub(in super::super) fn machine_says<O: Observer>(
        &mut self,
        key: Key<Instance>,
        notice: Notice,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        self.advance(now, ctx);
        match notice {
            Notice::Begins(_, start_up) => self.begin_to_start(key, start_up, now, ctx),
            Notice::Drains(_) => self.drain(key, now, ctx),
            Notice::Fails(_) => self.die(key, now, ctx),
            Notice::Unreachable(_) => self.become_unreachable(key, now, ctx),
            Notice::Lost(_) => self.lose(key, Cause::Lost, now, ctx),
        }
        if self.account_wait.is_none() {
            self.serve_queue(now, ctx);
        }
        self.watch_policy(now, ctx);
    }

    /// The machine of an instance goes: it takes no further request, and another one is started in its place where there must be
    /// as many as before.
    fn drain<O: Observer>(&mut self, key: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        let instance = self.instances.get_mut(key);
        if instance.retires <= now {
            return; // it is on its way out already
        }
        let (provisioned, order) = (instance.provisioned, instance.order);
        if let Some(order) = order {
            self.withdraw_one(order, now, ctx);
            return self.scale(now, ctx);
        }
        instance.retires = now;
        let is_free = instance.in_flight == 0;
        self.take_from_lists(key);
        if is_free {
            self.remove_instance(key, Cause::Retired, now, ctx);
        }
        if provisioned {
            self.create(Reason::Replacement, now, ctx);
        }
    }

    /// The machine of an instance has failed: what was on the instance has failed too, and what comes to it gets no answer until
    /// somebody finds that out.
    fn die<O: Observer>(&mut self, key: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        self.is_unusual = true;
        if self.instances.get(key).ready {
            self.fail_all_on(key, now, ctx);
        }
        if self.remove_if_withdrawn(key, now, ctx) {
            return;
        }
        let instance = self.instances.get_mut(key);
        instance.dead = true;
        if !instance.ready {
            // It will not have started; who waits for it waits until it is found out.
            instance.deadline = SimTime::NEVER;
        }
    }

    /// It is found out that an instance does not answer: it takes no further request. It is replaced when it is given up.
    fn become_unreachable<O: Observer>(&mut self, key: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        self.take_from_lists(key);
        self.fail_all_on(key, now, ctx);
        if self.remove_if_withdrawn(key, now, ctx) {
            return;
        }
        let instance = self.instances.get_mut(key);
        // From its keep-alive window it is exempt: it goes when it is given up.
        (instance.dead, instance.deadline) = (true, SimTime::NEVER);
        if let Some(order) = instance.order {
            self.make_unready(order, now);
        }
    }

    /// An instance that was to go when its requests have ended is gone when its machine has failed and they with it. Whatever
    /// replaces it has been created when it was withdrawn. Says whether it is one.
    fn remove_if_withdrawn<O: Observer>(&mut self, key: Key<Instance>, now: SimTime, ctx: &mut Context<O>) -> bool {
        let Instance { order, retires, in_flight, .. } = *self.instances.get(key);
        let is_gone = order.is_none() && retires <= now && in_flight == 0;
        if is_gone {
            self.take_from_lists(key);
            self.remove_instance(key, Cause::Lost, now, ctx);
        }
        is_gone
    }

    /// An instance is gone, with its machine or alone, and what was on it has failed.
    pub(super) fn lose<O: Observer>(&mut self, key: Key<Instance>, cause: Cause, now: SimTime, ctx: &mut Context<O>) {
        let instance = self.instances.get_mut(key);
        let (provisioned, order) = (instance.provisioned, instance.order);
        let was_withdrawn = std::mem::replace(&mut instance.retires, now) <= now;
        self.take_from_lists(key);
        if let Some(order) = order {
            self.forget_order(order, now);
        }
        self.fail_all_on(key, now, ctx);
        self.remove_instance(key, cause, now, ctx);
        if order.is_some() {
            self.scale(now, ctx);
        } else if provisioned && !was_withdrawn {
            self.create(Reason::Replacement, now, ctx);
        }
    }

    /// An instance takes no further request.
    fn take_from_lists(&mut self, key: Key<Instance>) {
        let Instance { provisioned, ready, .. } = *self.instances.get(key);
        if !ready {
            self.starting.retain(|(place, _)| *place != key);
        }
        let list = if provisioned { &mut self.provisioned } else { &mut self.on_demand };
        list.remove(key, &mut self.instances);
    }

    /// What is on an instance has failed, whether it ran there or waited.
    fn fail_all_on<O: Observer>(&mut self, key: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        if self.instances.get(key).in_flight == 0 {
            return;
        }
        if self.instances.get(key).ready {
            self.fail_waiting_at(key, now, ctx);
        } else {
            // Who waits for it to start ends as those do that run there, without having run.
            self.make_ready(key, now);
            let instance = self.instances.get_mut(key);
            instance.last_waiting = Key::NIL;
            let mut next = std::mem::replace(&mut instance.first_waiting, Key::NIL);
            while !next.is_nil() {
                let request = self.invocations.get_mut(next);
                request.started = now;
                let waiting = std::mem::replace(&mut next, request.next);
                self.has_started(waiting, key, now);
            }
        }
        let runs_there = |request: &Invocation| request.instance == key && request.started != SimTime::NEVER;
        let all = self.invocations.keys().into_iter();
        for place in all.filter(|place| runs_there(self.invocations.get(*place))).collect::<Vec<_>>() {
            self.end_execution(place, Outcome::Failed, now, ctx);
            self.forget(place, now, ctx);
            if self.vacate(key) && self.spec.shares_instances() {
                self.notify_served(key, now, ctx);
            }
        }
    }

    /// Whether an instance that is there when the run begins has a place on a machine.
    pub(super) fn has_place_on_machine<O: Observer>(&self, ctx: &mut Context<O>) -> bool {
        !self.has_machines() || machines_of(ctx).is_none_or(|machines| machines.cluster.has_place(self.id.index()))
    }
}
