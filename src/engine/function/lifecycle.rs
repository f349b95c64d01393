//! The lifecycle of instances: creation, readiness, use and removal. No other code creates, removes or counts
//! instances, so everything about them (where they run, what they have drawn) is decided here.

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
    /// For a request, which waits for it to start.
    Request(Key<Invocation>),
    /// By the scaling policy.
    Order,
    /// Its application is loaded in advance.
    PreWarm,
    /// A provisioned one was on a machine that is gone.
    Replacement,
    /// Provisioned, and ready at the start of the run.
    Provisioned,
    /// One of those that the scaling policy keeps at least, and ready at the start of the run.
    Minimum,
    /// Part of the initial state, busy or idle, with a maximum lifetime until `retires`.
    Found { is_busy: bool, retires: SimTime },
}

/// Why an instance is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its keep-alive window has ended.
    Expired,
    /// It was retired: too old, or withdrawn by the scaling policy.
    Retired,
    /// Evicted: its memory has been given to another instance.
    Evicted,
    /// Its machine is gone.
    Lost,
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
    /// Creates an instance. Initial instances are ready at once, and so is one for a request if starting takes no time;
    /// all others become ready by an event.
    ///
    /// The order of draws affects results: from the stream of a request first the phases of the start, then its cold
    /// duration; without a request, the phases from the stream of the instance's number. A stem cell is taken once the
    /// start time is known. Memory has been allocated before, if there is a budget.
    pub(super) fn create<O: Observer>(&mut self, reason: Reason, now: SimTime, ctx: &mut Context<O>) -> Key<Instance> {
        let (start_up, billed) = match reason {
            Reason::Request(request) => self.draw_cold_start(request, ctx),
            Reason::Order | Reason::PreWarm | Reason::Replacement => {
                self.spec.start_up(&mut self.cold_starts.of(self.created))
            }
            Reason::Provisioned | Reason::Minimum | Reason::Found { .. } => (Span::ZERO, Span::ZERO),
        };
        let is_there = matches!(reason, Reason::Provisioned | Reason::Minimum | Reason::Found { .. });
        let start_up = if self.resources.is_some() && !is_there {
            self.start_up_with_stem_cell(start_up, billed, now, ctx)
        } else {
            start_up
        };
        let id = InstanceId(self.created);
        self.created += 1;
        let mut instance = Instance::new(id, now, self.retirement(reason, now));
        instance.provisioned = match reason {
            Reason::Provisioned | Reason::Replacement => true,
            Reason::Order => self.autoscaling.as_ref().is_some_and(|autoscaling| !autoscaling.owns_all_instances()),
            Reason::Request(_) | Reason::PreWarm | Reason::Minimum | Reason::Found { .. } => false,
        };
        let provisioned = instance.provisioned;
        let key = self.instances.insert(instance);
        if let Some(sharing) = &mut self.sharing {
            sharing.renew(key);
        }
        if let Some(batches) = &mut self.batches {
            batches.renew(key);
        }
        // Where there are machines it may have to wait for one, or for its image there.
        let begins = self.resources.is_none() || self.take_place_on_machine(key, is_there, start_up, now, ctx);
        if !begins
            && matches!(reason, Reason::Request(_))
            && let Some(links) = &mut self.resources
        {
            links.without_node.push_back((key, id));
        }
        let ready = if begins { now + start_up } else { SimTime::NEVER };
        let instance = self.instances.get_mut(key);
        if begins && (is_there || matches!(reason, Reason::Request(_)) && start_up == Span::ZERO) {
            instance.become_ready(now);
        } else {
            instance.deadline = ready;
        }
        let stage = instance.stage();
        *self.levels.at(stage) += 1;
        self.notify_memory_of_creation(key, reason, now, ctx);
        match reason {
            Reason::Minimum => ctx.observer.instance_found(self.id, id, false),
            Reason::Found { is_busy, .. } => ctx.observer.instance_found(self.id, id, is_busy),
            _ => ctx.observer.instance_created(now, self.id, id, ready, billed, provisioned),
        }
        if stage == Stage::Starting && begins {
            ctx.events.push(Event::of_item(ready, Kind::Ready, self.id, key));
        }
        if self.is_unusual && self.failures.outgrown(self.instances.len()) {
            self.await_crash(now, ctx);
        }
        self.check_levels();
        key
    }

    /// Draws the start of an instance created for a request: how long it takes, and how much of it is billed.
    fn draw_cold_start<O: Observer>(&mut self, request: Key<Invocation>, ctx: &Context<O>) -> (Span, Span) {
        let request = self.invocations.get_mut(request);
        let source = request.source().expect("what was in progress at the start has its instance");
        // Each attempt of a request has its own draws.
        let mut rng = if request.call.is_nil() {
            ctx.sources.cold_start_rng(source, request.number)
        } else {
            self.cold_starts.of(self.created)
        };
        let ColdStart { start_up, billed, init_again } = self.spec.cold_start(&mut rng);
        if let Some(duration) = &self.spec.cold_duration {
            request.service = duration.sample(&mut rng);
        }
        request.service += init_again;
        if self.cold_start_factor != 1.0 {
            let slowed = |span: Span| Speed(1.0 / self.cold_start_factor).scaled(span);
            return (slowed(start_up), slowed(billed));
        }
        (start_up, billed)
    }

    /// When an instance stops accepting requests. Those created by a policy stay until they are withdrawn.
    fn retirement(&self, reason: Reason, now: SimTime) -> SimTime {
        match reason {
            Reason::Request(_) | Reason::PreWarm => {
                self.spec.max_lifetime.map_or(SimTime::NEVER, |lifetime| now + lifetime)
            }
            Reason::Found { retires, .. } => retires,
            Reason::Order | Reason::Minimum | Reason::Provisioned | Reason::Replacement => SimTime::NEVER,
        }
    }

    /// An instance that had to wait for a machine begins to start.
    pub(super) fn begin_to_start<O: Observer>(
        &mut self,
        key: Key<Instance>,
        start_up: Span,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        let ready = now + start_up;
        let instance = self.instances.get_mut(key);
        instance.deadline = ready;
        // Its lifetime is counted from here.
        if let Some(lifetime) = self.spec.max_lifetime
            && instance.retires == instance.created + lifetime
        {
            instance.retires = now + lifetime;
        }
        ctx.observer.instance_begins(now, self.id, instance.id, ready);
        ctx.events.push(Event::of_item(ready, Kind::Ready, self.id, key));
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
    pub(super) fn notify_served<O: Observer>(&mut self, key: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        let instance = self.instances.get_mut(key);
        let since = std::mem::replace(&mut instance.busy_since, SimTime::NEVER);
        ctx.observer.served(now, self.id, instance.id, since, instance.provisioned);
    }

    /// Removes an instance without requests, which is in no list any more.
    pub(super) fn remove_instance<O: Observer>(
        &mut self,
        key: Key<Instance>,
        cause: Cause,
        at: SimTime,
        ctx: &mut Context<O>,
    ) {
        if self.resources.is_some() {
            if cause != Cause::Evicted {
                self.give_memory_back(key, ctx);
            }
            self.leave_machine(key, at, ctx);
        }
        let instance = self.instances.get_mut(key);
        debug_assert!(instance.in_flight == 0, "nobody is on an instance that goes: {cause:?}");
        *self.levels.at(instance.stage()) -= 1;
        // Outdates any entry of the expiry heap and any pending `Ready`.
        (instance.expiry_queued, instance.deadline) = (SimTime::NEVER, SimTime::NEVER);
        ctx.observer.instance_removed(at, self.id, instance.id, instance.created);
        self.instances.remove(key);
        self.check_levels();
    }

    /// Counters match the actual numbers.
    #[inline]
    fn check_levels(&self) {
        debug_assert_eq!(self.levels.instances() as usize, self.instances.len(), "{:?}", self.levels);
    }
}
