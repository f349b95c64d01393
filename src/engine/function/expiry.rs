//! How long idle instances stay, and how they are removed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::event::{Event, Kind};
use super::super::instance::Instance;
use super::super::kernel::Context;
use super::super::observer::Observer;
use super::super::slab::Key;
use super::FunctionState;
use super::lifecycle::Cause;
use crate::id::InstanceId;
use crate::policy::keep_alive::{View, Window};
use crate::time::{SimTime, Span};

/// When idle instances are checked.
#[derive(Debug)]
pub(super) enum Expiry {
    /// Never.
    Never,
    /// Deadlines are in the order of last use: the least recently used instance is the next to be removed.
    LeastRecent,
    /// In order of deadline, with at most one current entry for each instance.
    Sorted(BinaryHeap<Reverse<(SimTime, Key<Instance>, InstanceId)>>),
}

impl FunctionState<'_> {
    /// The window of an idle instance may have ended.
    pub(in super::super) fn expiry_due<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        self.expire_before(now + Span::from_nanos(1), ctx);
        ctx.observer.levels(now, self.id, &self.levels);
        if self.expiry_event.is_some_and(|at| at <= now) {
            self.expiry_event = Some(SimTime::NEVER);
            let next = match &self.expiry {
                Expiry::Never => None,
                Expiry::LeastRecent => self.on_demand.least_recent().map(|entry| entry.deadline),
                Expiry::Sorted(heap) => heap.peek().map(|&Reverse((deadline, ..))| deadline),
            };
            if let Some(deadline) = next {
                self.watch_expiry(deadline, ctx);
            }
        }
    }

    /// Schedules the removal of an instance that stays idle until `deadline`.
    #[inline]
    pub(super) fn watch_expiry<O: Observer>(&mut self, deadline: SimTime, ctx: &mut Context<O>) {
        if self.expiry_event.is_some_and(|at| deadline < at) {
            self.expiry_event = Some(deadline);
            ctx.events.push(Event::of_function(deadline, Kind::Expiry, self.id));
        }
    }

    #[inline]
    pub(super) fn expire_before<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        match &self.expiry {
            Expiry::Never => {}
            Expiry::LeastRecent => {
                while let Some(entry) = self.on_demand.least_recent().filter(|entry| entry.deadline < now) {
                    let (place, deadline) = (entry.place, entry.deadline);
                    if self.on_demand.drop_least_recent(&self.instances) {
                        self.expire(place, deadline, ctx);
                    }
                }
            }
            Expiry::Sorted(_) => self.expire_sorted(now, ctx),
        }
    }

    pub(super) fn expire_sorted<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        while let Expiry::Sorted(heap) = &mut self.expiry
            && let Some(&Reverse((deadline, place, id))) = heap.peek()
            && deadline < now
        {
            heap.pop();
            let instance = self.instances.get_mut(place);
            if instance.id != id || instance.expiry_queued != deadline {
                continue; // removed, or covered by an earlier entry
            }
            instance.expiry_queued = SimTime::NEVER;
            if !instance.is_idle() {
                continue;
            }
            if instance.deadline == deadline {
                self.on_demand.remove(place, &mut self.instances);
                self.expire(place, deadline, ctx);
            } else {
                instance.expiry_queued = instance.deadline;
                heap.push(Reverse((instance.deadline, place, id)));
            }
        }
    }

    /// Removes an idle instance at the end of its window.
    #[inline]
    pub(super) fn expire<O: Observer>(&mut self, place: Key<Instance>, at: SimTime, ctx: &mut Context<O>) {
        ctx.counts.expirations += u64::from(at < ctx.sources.horizon());
        ctx.observer.levels(at, self.id, &self.levels);
        self.remove_instance(place, Cause::Expired, at, ctx);
    }

    /// Asks the policy how long a newly idle instance stays.
    #[inline]
    pub(super) fn fall_idle<O: Observer>(&mut self, place: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        let window = match &mut self.keep_alive {
            Window::Fixed(window) => *window,
            Window::Asked(policy) => policy.window(&View { now, idle: self.levels.idle, busy: self.levels.busy }),
            Window::ByApp => self.window_of_app(place, ctx),
        };
        self.stay_until(place, now + window, ctx);
    }

    /// Sets the time at which an instance is removed if it stays idle.
    #[inline]
    pub(super) fn stay_until<O: Observer>(&mut self, place: Key<Instance>, until: SimTime, ctx: &mut Context<O>) {
        let instance = self.instances.get_mut(place);
        instance.deadline = until.min(instance.retires);
        if let Expiry::Sorted(heap) = &mut self.expiry
            && instance.deadline < instance.expiry_queued
        {
            instance.expiry_queued = instance.deadline;
            heap.push(Reverse((instance.deadline, place, instance.id)));
        }
        if !matches!(self.expiry, Expiry::Never) {
            let deadline = instance.deadline;
            self.watch_expiry(deadline, ctx);
        }
    }
}
