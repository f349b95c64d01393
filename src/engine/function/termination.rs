//! Withdrawing busy instances: they finish their requests, at most for the grace period if there is one. Requests still
//! on them then fail.
//!
//! Events cannot be cancelled: outdated ones are ignored when they are due.

use super::super::event::{Event, Kind};
use super::super::instance::Instance;
use super::super::invocation::Invocation;
use super::super::kernel::Context;
use super::super::observer::{Finished, Observer};
use super::super::slab::Key;
use super::FunctionState;
use super::lifecycle::Cause;
use crate::path::Outcome;
use crate::time::SimTime;

impl FunctionState<'_> {
    /// Whether requests may fail because their instance is removed.
    #[inline]
    pub(super) fn may_be_cut_off(&self) -> bool {
        self.spec.termination_grace_period.is_some()
    }

    /// Starts the grace period of a busy instance that was withdrawn.
    pub(super) fn begin_grace_period<O: Observer>(&mut self, place: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        if let Some(period) = self.spec.termination_grace_period {
            let instance = self.instances.get_mut(place);
            instance.deadline = now + period;
            ctx.events.push(Event::of_item(instance.deadline, Kind::Termination, self.id, place));
        }
    }

    /// The grace period of an instance is over.
    pub(in super::super) fn terminate<O: Observer>(
        &mut self,
        place: Key<Instance>,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        let instance = self.instances.get(place);
        let is_withdrawn = instance.retires <= now && self.autoscaling.as_ref().is_some_and(|it| it.has(instance));
        if !is_withdrawn || instance.deadline != now || instance.in_flight == 0 {
            return; // it has been removed, and its key may have been reused
        }
        self.advance(now, ctx);
        self.fail_waiting_at(place, now, ctx);
        loop {
            let running = self.instances.get(place).running;
            if running.is_nil() {
                break;
            }
            self.end_execution(running, Outcome::Failed, now, ctx);
            self.forget(running, now, ctx);
            self.vacate(place);
        }
        if self.spec.shares_instances() {
            self.notify_served(place, now, ctx);
        }
        self.remove_instance(place, Cause::Retired, now, ctx);
        if self.account_wait.is_none() {
            self.serve_queue(now, ctx);
        }
    }

    /// Requests that wait at an instance for a slot end with it.
    pub(super) fn fail_waiting_at<O: Observer>(&mut self, place: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        let instance = self.instances.get_mut(place);
        instance.last_waiting = Key::NIL;
        let mut next = std::mem::replace(&mut instance.first_waiting, Key::NIL);
        while !next.is_nil() {
            let waiting = next;
            self.levels.queued -= 1;
            self.notify_end(waiting, now);
            self.give_account_back(waiting, ctx);
            let request = self.invocations.get(waiting);
            next = request.next;
            let source = request.source().expect("who was in progress at the start has run since");
            let ended = Finished::unserved(source, request.number, self.id, request.born, now, Outcome::Failed);
            ctx.end_invocation(&ended, request.call);
            self.invocations.remove(waiting);
            self.vacate(place);
        }
    }

    /// Registers a request that runs on an instance and may fail with it.
    pub(super) fn chain(&mut self, place: Key<Invocation>) {
        let on = self.invocations.get(place).instance;
        let next = std::mem::replace(&mut self.instances.get_mut(on).running, place);
        let request = self.invocations.get_mut(place);
        (request.next, request.previous) = (next, Key::NIL);
        if !next.is_nil() {
            self.invocations.get_mut(next).previous = place;
        }
    }

    /// It has ended there.
    pub(super) fn unchain(&mut self, place: Key<Invocation>) {
        let request = self.invocations.get(place);
        let (next, previous, on) = (request.next, request.previous, request.instance);
        if previous.is_nil() {
            self.instances.get_mut(on).running = next;
        } else {
            self.invocations.get_mut(previous).next = next;
        }
        if !next.is_nil() {
            self.invocations.get_mut(next).previous = previous;
        }
    }
}
