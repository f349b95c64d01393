//! How instances come, become ready, are used, and go. Nothing else creates or removes one, and nothing else counts them:
//! whatever is to be known about instances (where they run, what they have drawn) is decided at this one door.

use super::super::event::{Event, Kind};
use super::super::instance::{Instance, Stage};
use super::super::invocation::Invocation;
use super::super::kernel::Context;
use super::super::observer::{Levels, Observer};
use super::super::slab::Key;
use super::FunctionState;
use super::steps::Speed;
use crate::id::InstanceId;
use crate::scenario::ColdStart;
use crate::time::{SimTime, Span};

/// Why an instance is created.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reason {
    /// A request found none: it waits for this one to start.
    Request(Key<Invocation>),
    /// The scaling policy ordered it.
    Order,
    /// Its application is loaded before anybody asks for it.
    PreWarm,
    /// It is provisioned, and ready when the run begins.
    Provisioned,
    /// It is there when the run begins, for a request or idle, and takes no further request from `retires` on.
    Found { is_busy: bool, retires: SimTime },
}

/// Why an instance goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its keep-alive window has ended.
    Expired,
    /// It takes no further request: it is too old, or the scaling policy wants fewer.
    Retired,
    /// Its memory goes to another one, which has it already.
    Evicted,
}

impl Levels {
    /// The number of instances at a stage.
    fn at(&mut self, stage: Stage) -> &mut u32 {
        match stage {
            Stage::Starting => &mut self.starting,
            Stage::Busy => &mut self.busy,
            Stage::Idle => &mut self.idle,
        }
    }
}

impl FunctionState<'_> {
    /// Creates an instance. One that is there when the run begins is ready, and so is one for a request if starting takes no
    /// time; every other one becomes ready by an event.
    ///
    /// What is drawn, and in which order, belongs to the results: of a request's own stream first the phases of the start,
    /// then how long it runs now that it is cold; without a request, the phases from the stream of the instance's number. A
    /// stem cell is looked for when the start is known. The memory is taken before, where there may be too little of it.
    pub(super) fn create<O: Observer>(&mut self, reason: Reason, now: SimTime, ctx: &mut Context<O>) -> Key<Instance> {
        let (start_up, billed) = match reason {
            Reason::Request(request) => self.draw_cold_start(request, ctx),
            Reason::Order | Reason::PreWarm => self.spec.start_up(&mut self.cold_starts.of(self.created)),
            Reason::Provisioned | Reason::Found { .. } => (Span::ZERO, Span::ZERO),
        };
        let is_there = matches!(reason, Reason::Provisioned | Reason::Found { .. });
        let start_up = if self.resources.is_some() && !is_there {
            self.start_up_with_stem_cell(start_up, billed, now, ctx)
        } else {
            start_up
        };
        let id = InstanceId(self.created);
        self.created += 1;
        let mut instance = Instance::new(id, now, self.retirement(reason, now));
        instance.provisioned = match reason {
            Reason::Provisioned => true,
            Reason::Order => self.autoscaling.as_ref().is_some_and(|autoscaling| !autoscaling.orders_all()),
            Reason::Request(_) | Reason::PreWarm | Reason::Found { .. } => false,
        };
        let ready = now + start_up;
        if is_there || matches!(reason, Reason::Request(_)) && start_up == Span::ZERO {
            instance.become_ready(now);
        } else {
            instance.deadline = ready;
        }
        let (stage, provisioned) = (instance.stage(), instance.provisioned);
        let key = self.instances.insert(instance);
        if let Some(sharing) = &mut self.sharing {
            sharing.renew(key);
        }
        *self.levels.at(stage) += 1;
        self.tell_memory_of_creation(key, reason, now, ctx);
        match reason {
            Reason::Found { is_busy, .. } => ctx.observer.instance_found(self.id, id, is_busy),
            _ => ctx.observer.instance_created(now, self.id, id, ready, billed, provisioned),
        }
        if stage == Stage::Starting {
            ctx.events.push(Event::of_item(ready, Kind::Ready, self.id, key));
        }
        self.check_levels();
        key
    }

    /// What a request draws that has to wait for an instance of its own: how long that takes to start, and how much of that is
    /// billed.
    fn draw_cold_start<O: Observer>(&mut self, request: Key<Invocation>, ctx: &Context<O>) -> (Span, Span) {
        let request = self.invocations.get_mut(request);
        let source = request.source().expect("what was in progress at the start has its instance");
        // Attempts of one request are not equally lucky.
        let mut luck = if request.call.is_nil() {
            ctx.sources.cold_start_rng(source, request.number)
        } else {
            self.cold_starts.of(self.created)
        };
        let ColdStart { start_up, billed, init_again } = self.spec.cold_start(&mut luck);
        if let Some(duration) = &self.spec.cold_duration {
            request.service = duration.sample(&mut luck);
        }
        request.service += init_again;
        if self.cold_start_factor != 1.0 {
            let slowed = |span: Span| Speed(1.0 / self.cold_start_factor).scaled(span);
            return (slowed(start_up), slowed(billed));
        }
        (start_up, billed)
    }

    /// From when on an instance takes no further request. Those that were ordered stay until they are withdrawn.
    fn retirement(&self, reason: Reason, now: SimTime) -> SimTime {
        match reason {
            Reason::Request(_) | Reason::PreWarm => {
                self.spec.max_lifetime.map_or(SimTime::NEVER, |lifetime| now + lifetime)
            }
            Reason::Found { retires, .. } => retires,
            Reason::Order | Reason::Provisioned => SimTime::NEVER,
        }
    }

    /// An instance has started.
    pub(super) fn make_ready(&mut self, key: Key<Instance>, now: SimTime) {
        let instance = self.instances.get_mut(key);
        debug_assert!(!instance.ready);
        self.levels.starting -= 1;
        instance.become_ready(now);
        instance.deadline = SimTime::NEVER;
        *self.levels.at(instance.stage()) += 1;
        self.check_levels();
    }

    /// An instance has one more request, running or waiting.
    #[inline]
    pub(super) fn occupy(&mut self, key: Key<Instance>) {
        let instance = self.instances.get_mut(key);
        instance.in_flight += 1;
        if instance.ready && instance.in_flight == 1 {
            self.levels.idle -= 1;
            self.levels.busy += 1;
        }
    }

    /// An instance has one request fewer; says whether it was the last.
    #[inline]
    pub(super) fn vacate(&mut self, key: Key<Instance>) -> bool {
        let instance = self.instances.get_mut(key);
        debug_assert!(instance.ready, "nobody runs on an instance that starts");
        instance.in_flight -= 1;
        let is_idle = instance.in_flight == 0;
        if is_idle {
            self.levels.busy -= 1;
            self.levels.idle += 1;
        }
        is_idle
    }

    /// An instance that serves several requests at a time has become free.
    pub(super) fn tell_served<O: Observer>(&mut self, key: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        let instance = self.instances.get_mut(key);
        let since = std::mem::replace(&mut instance.busy_since, SimTime::NEVER);
        ctx.observer.served(now, self.id, instance.id, since, instance.provisioned);
    }

    /// An instance without requests goes. It stands in no list any more.
    pub(super) fn remove_instance<O: Observer>(
        &mut self,
        key: Key<Instance>,
        cause: Cause,
        at: SimTime,
        ctx: &mut Context<O>,
    ) {
        if self.resources.is_some() && cause != Cause::Evicted {
            self.give_memory_back(key, ctx);
        }
        let instance = self.instances.get_mut(key);
        debug_assert!(instance.in_flight == 0, "nobody is on an instance that goes: {cause:?}");
        *self.levels.at(instance.stage()) -= 1;
        // Neither an entry of the expiry heap nor a pending `Ready` means it from now on.
        (instance.expiry_queued, instance.deadline) = (SimTime::NEVER, SimTime::NEVER);
        ctx.observer.instance_removed(at, self.id, instance.id, instance.created);
        self.instances.remove(key);
        self.check_levels();
    }

    /// What is counted is what there is.
    #[inline]
    fn check_levels(&self) {
        debug_assert_eq!(self.levels.instances() as usize, self.instances.len(), "{:?}", self.levels);
    }
}
