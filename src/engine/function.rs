//! One function: its instances and its queue, with one method for each event.

mod autoscaling;
mod batching;
mod expiry;
mod faults;
mod fleet;
mod initial;
mod lifecycle;
mod machines;
mod placement;
mod rates;
mod resources;
mod sharing;
mod steps;
mod termination;
mod waiting;

use std::collections::{BinaryHeap, VecDeque};

use super::apps::Membership;
use super::available::Available;
use super::event::{Event, Kind};
use super::instance::Instance;
use super::invocation::{Invocation, NewRequest};
use super::kernel::{Context, Effect};
use super::limits::TokenBucket;
use super::observer::{Finished, Levels, Limit, Observer};
use super::slab::{Key, Slab};
use crate::id::{InstanceId, LocalFn};
use crate::path::Outcome;
use crate::policy::keep_alive::Window;
use crate::rng::{KeyedStreams, Purpose, Streams};
use crate::scenario::{Function, Platform};
use crate::time::{SimTime, Span};
use autoscaling::Autoscaling;
use batching::Batches;
use expiry::Expiry;
pub(super) use faults::CRASH;
use faults::Failures;
pub(super) use fleet::Order;
use lifecycle::Reason;
use rates::Rates;
use resources::ResourceLinks;
use sharing::Sharing;
use steps::{Speed, Steps};

/// Which concurrency the requests of a function use.
#[derive(Clone, Copy, Debug)]
enum Quota {
    /// Its own.
    Reserved(u32),
    /// The account's.
    Account,
}

/// What a function is simulated with.
pub(super) struct Surroundings<'a> {
    pub(super) membership: Option<Membership>,
    pub(super) platform: &'a Platform,
    /// Whether instances run on machines.
    pub(super) has_machines: bool,
    /// No other function is simulated with this one, and nothing else asks when an instance goes.
    pub(super) is_alone: bool,
}

/// The state of a function during the simulation.
pub(super) struct FunctionState<'s> {
    id: LocalFn,
    pub(super) spec: &'s Function,
    quota: Quota,
    max_instances: u32,
    levels: Levels,
    instances: Slab<Instance>,
    created: u64,
    /// Random numbers of instances that are not created for a request, by instance number.
    cold_starts: KeyedStreams,
    on_demand: Available,
    provisioned: Available,
    /// Whether the function can ever have provisioned instances.
    has_provisioned: bool,
    /// Starting instances with a free slot, oldest first; stale entries are dropped when encountered.
    starting: VecDeque<(Key<Instance>, InstanceId)>,
    /// Whether `on_demand` includes starting instances, as the rule `newest` requires.
    starting_is_available: bool,
    keep_alive: Window,
    resources: Option<Box<ResourceLinks>>,
    expiry: Expiry,
    /// The earliest pending event that looks for expired instances. A function simulated alone needs none: it checks at
    /// each of its events, which makes no observable difference.
    expiry_event: Option<SimTime>,
    invocations: Slab<Invocation>,
    queue: VecDeque<Key<Invocation>>,
    /// The limit that the queue waits for.
    held_by: Limit,
    /// The arrival time under which the function waits for the account.
    account_wait: Option<SimTime>,
    tokens: Option<TokenBucket>,
    /// How many requests may start each second.
    rates: Option<Box<Rates>>,
    /// The earliest pending event that serves the queue when a token is available; "never" if there is none.
    token_due: SimTime,
    timeout_pending: bool,
    /// If a scaling policy creates the instances.
    autoscaling: Option<Box<Autoscaling>>,
    /// Remaining durations of the requests in progress at the start.
    in_progress_at_start: Vec<Span>,
    /// If requests go through steps.
    steps: Option<Box<Steps>>,
    /// Where requests share the processors of their instance.
    sharing: Option<Box<Sharing>>,
    /// Where an instance serves its requests in one batch.
    batches: Option<Box<Batches<'s>>>,
    failures: Box<Failures>,
    /// Effects of faults: processing speed and slower starts.
    speed: Speed,
    cold_start_factor: f64,
    /// Whether there are steps, shared processors, failures or faults at all.
    is_unusual: bool,
}

impl<'s> FunctionState<'s> {
    pub(super) fn new(id: LocalFn, spec: &'s Function, around: &Surroundings<'_>, streams: &Streams) -> Self {
        let Surroundings { membership, platform, has_machines, is_alone } = *around;
        let concurrency = &spec.concurrency;
        let available = || Available::new(spec.selection, || streams.stream(&spec.name, Purpose::Policy));
        let keep_alive = spec.keep_alive.build(&|| streams.stream(&spec.name, Purpose::KeepAlive));
        // With a memory budget, an instance may be removed from anywhere in the list.
        let has_deadlines = spec.initial.as_ref().is_some_and(|initial| !initial.idle_expire_in.is_empty());
        let by_last_use = concurrency.per_instance == 1
            && spec.selection.is_by_last_use()
            && platform.memory_budget_mb.is_none()
            && !has_deadlines;
        let autoscaling = Autoscaling::new(spec, streams).map(Box::new);
        let expiry = match (&keep_alive, spec.max_lifetime) {
            _ if autoscaling.as_ref().is_some_and(|autoscaling| autoscaling.owns_all_instances()) => Expiry::Never,
            (Window::Fixed(Span::FOREVER), None) => Expiry::Never,
            (Window::Fixed(_), None) if by_last_use => Expiry::LeastRecent,
            _ => Expiry::Sorted(BinaryHeap::new()),
        };
        Self {
            id,
            spec,
            quota: concurrency.reserved.map_or(Quota::Account, Quota::Reserved),
            max_instances: concurrency.max_instances.unwrap_or(u32::MAX),
            levels: Levels::default(),
            instances: Slab::new(),
            created: 0,
            cold_starts: streams.marks(&spec.name, Purpose::ColdStart),
            on_demand: available(),
            provisioned: available(),
            has_provisioned: concurrency.provisioned > 0
                || autoscaling.as_ref().is_some_and(|autoscaling| !autoscaling.owns_all_instances()),
            starting: VecDeque::new(),
            starting_is_available: spec.selection.includes_starting(),
            keep_alive,
            resources: ResourceLinks::new(spec, membership, platform, has_machines).map(Box::new),
            expiry,
            expiry_event: (!is_alone).then_some(SimTime::NEVER),
            invocations: Slab::new(),
            queue: VecDeque::new(),
            held_by: Limit::MaxInstances,
            account_wait: None,
            tokens: platform.scaling.map(TokenBucket::new),
            rates: Rates::of(spec, platform).map(Box::new),
            token_due: SimTime::NEVER,
            timeout_pending: false,
            autoscaling,
            in_progress_at_start: initial::services(spec, streams),
            steps: Steps::of(spec, streams).map(Box::new),
            sharing: Sharing::of(spec).map(Box::new),
            batches: Batches::of(spec).map(Box::new),
            failures: Box::new(Failures::of(spec, streams)),
            speed: Speed(1.0),
            cold_start_factor: 1.0,
            is_unusual: !spec.steps.is_empty()
                || spec.failure_ratio > 0.0
                || spec.cpu.sharing.is_some()
                || spec.batching.is_some(),
        }
    }

    /// Creates the provisioned instances, ready at the start, and schedules the first decision of the scaling policy.
    pub(super) fn provision<O: Observer>(&mut self, ctx: &mut Context<O>) {
        for _ in 0..self.spec.concurrency.provisioned {
            let place = self.create(Reason::Provisioned, SimTime::ZERO, ctx);
            if self.instances.get(place).ready {
                self.provisioned.insert(place, &mut self.instances);
            }
            if let Some(autoscaling) = self.autoscaling.as_mut().filter(|autoscaling| !autoscaling.owns_all_instances())
            {
                autoscaling.adopt(place, &mut self.instances);
            }
        }
        self.begin_with_minimum(ctx);
        self.begin(ctx);
        self.watch_policy(SimTime::ZERO, ctx);
    }

    /// How many requests it holds, waiting or running.
    pub(super) fn held(&self) -> u64 {
        self.invocations.len() as u64
    }

    /// A request arrives; returns its key, unless it is rejected at once.
    #[inline]
    pub(super) fn arrive<O: Observer>(
        &mut self,
        new: NewRequest,
        now: SimTime,
        ctx: &mut Context<O>,
    ) -> Option<Key<Invocation>> {
        self.advance(now, ctx);
        match &mut self.keep_alive {
            Window::Fixed(_) => {}
            Window::Asked(policy) => policy.observe_arrival(now),
            Window::ByApp => self.notify_app_of_arrival(now, ctx),
        }
        ctx.observer.arrived(now, self.id);
        if self.autoscaling.is_some() {
            self.notify_arrival(now, ctx);
        }
        if self.is_unusual && self.failures.refuses(now) {
            ctx.observer.throttled(now, self.id, Limit::RequestRate);
            self.finish_unserved(&Invocation::new(now, new), Outcome::Rejected, false, now, ctx);
            return None;
        }
        // If the service routes directly to instances, new requests do not wait behind those that arrived when there
        // was none.
        let passes_queue =
            self.autoscaling.as_ref().is_some_and(|autoscaling| autoscaling.waits_at_instance().is_some());
        let placement =
            if self.queue.is_empty() || passes_queue { self.place(now, true, ctx) } else { Err(self.held_by) };
        match placement {
            Ok(placement) => {
                let request = self.invocations.insert(Invocation::new(now, new));
                self.assign(request, placement, now, ctx);
                Some(request)
            }
            Err(limit) => self.reject_or_queue(Invocation::new(now, new), limit, now, ctx),
        }
    }

    /// An invocation ends. Always inlined, as all that follows from it: the loop does this for every request. Others call
    /// [`Self::complete_now`].
    #[inline(always)]
    pub(super) fn complete<O: Observer>(&mut self, place: Key<Invocation>, now: SimTime, ctx: &mut Context<O>) {
        let request = self.invocations.get(place);
        if request.ends(self.spec.timeout) != now {
            return; // its end has moved
        }
        ctx.counts.completions += 1;
        self.advance(now, ctx);
        let request = self.invocations.get(place);
        let on = request.instance;
        let is_late = self.spec.timeout.is_some_and(|timeout| request.service > timeout);
        let has_failed = request.is_poison;
        let outcome = match is_late {
            true => Outcome::TimedOut,
            false if has_failed || self.is_unusual && self.failures.fails() => Outcome::Failed,
            false => Outcome::Completed,
        };
        if is_late && self.init_was_cut_off(place, ctx) {
            self.instances.get_mut(on).retires = now;
        }
        self.end_run(place, outcome, now, ctx);
    }

    /// The same, compiled once for all that call it.
    #[inline(never)]
    pub(super) fn complete_now<O: Observer>(&mut self, place: Key<Invocation>, now: SimTime, ctx: &mut Context<O>) {
        self.complete(place, now, ctx);
    }

    /// A running invocation fails.
    #[inline(never)]
    fn fail_run<O: Observer>(&mut self, place: Key<Invocation>, now: SimTime, ctx: &mut Context<O>) {
        self.end_run(place, Outcome::Failed, now, ctx);
    }

    /// A running invocation ends with this outcome and frees its slot.
    #[inline(always)]
    fn end_run<O: Observer>(&mut self, place: Key<Invocation>, outcome: Outcome, now: SimTime, ctx: &mut Context<O>) {
        let on = self.invocations.get(place).instance;
        self.end_execution(place, outcome, now, ctx);
        self.forget(place, now, ctx);
        let provisioned = self.instances.get(on).provisioned;
        self.free_slot(on, now, ctx);
        if self.account_wait.is_none() || provisioned {
            self.serve_queue(now, ctx);
        }
    }

    /// A request has ended; a pending completion for it is now outdated.
    #[inline]
    fn forget<O: Observer>(&mut self, place: Key<Invocation>, now: SimTime, ctx: &mut Context<O>) {
        if self.is_unusual {
            self.forget_unusual(place, now, ctx);
        }
        self.invocations.get_mut(place).close();
        self.invocations.remove(place);
    }

    #[cold]
    fn forget_unusual<O: Observer>(&mut self, place: Key<Invocation>, now: SimTime, ctx: &mut Context<O>) {
        self.forget_steps(place);
        self.stop_computing(place, now, ctx);
        self.leave_batch(place, now, ctx);
    }

    /// A running request ends with this outcome: notifies everything except its instance.
    #[inline]
    fn end_execution<O: Observer>(
        &mut self,
        place: Key<Invocation>,
        outcome: Outcome,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        let request = self.invocations.get(place);
        let instance = self.instances.get(request.instance);
        let is_initial = request.source().is_none();
        if let Some(source) = request.source() {
            let call = request.call;
            let ended = Finished {
                source,
                number: request.number,
                function: self.id,
                instance: Some(instance.id),
                born: request.born,
                assigned: request.assigned,
                instance_ready: instance.ready_at.max(request.born),
                started: request.started,
                ended: now,
                cold: request.cold,
                cold_affected: request.cold || instance.ready_at > request.born,
                provisioned: instance.provisioned,
                outcome,
            };
            ctx.end_invocation(&ended, call);
        } else {
            ctx.observer.initial_ended(now, self.id, instance.id);
        }
        self.levels.in_progress -= 1;
        if self.autoscaling.is_some() {
            if self.may_be_cut_off() {
                self.unchain(place);
            }
            if !is_initial {
                self.notify_end(place, now);
            }
        }
        self.give_account_back(place, ctx);
        if let Window::ByApp = self.keep_alive {
            self.notify_app_of_end(now, ctx);
        }
    }

    /// A request on an instance releases its account concurrency.
    #[inline]
    fn give_account_back<O: Observer>(&self, place: Key<Invocation>, ctx: &mut Context<O>) {
        let provisioned = self.instances.get(self.invocations.get(place).instance).provisioned;
        if !provisioned && matches!(self.quota, Quota::Account) {
            ctx.account_of(self.spec.platform).release();
            if ctx.account_of(self.spec.platform).is_waited_for() {
                ctx.effects.push_back(Effect::AccountFreed);
            }
        }
    }

    /// Whether a timed-out request was still initializing its instance, which is then unusable for others.
    #[cold]
    fn init_was_cut_off<O: Observer>(&self, place: Key<Invocation>, ctx: &Context<O>) -> bool {
        let request = self.invocations.get(place);
        request.source().filter(|_| request.cold).is_some_and(|source| {
            self.spec.is_cut_off_while_it_starts(&mut ctx.sources.cold_start_rng(source, request.number))
        })
    }

    /// An instance has started: requests that waited for it start to run.
    pub(super) fn become_ready<O: Observer>(&mut self, place: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        if !self.instances.get(place).is_ready_at(now) {
            return; // withdrawn while it started
        }
        ctx.counts.instances_ready += 1;
        self.advance(now, ctx);
        self.make_ready(place, now);
        let instance = self.instances.get_mut(place);
        instance.last_waiting = Key::NIL;
        let mut next = std::mem::replace(&mut instance.first_waiting, Key::NIL);
        let has_slot = instance.in_flight < self.spec.concurrency.per_instance;
        let list = if instance.provisioned { &mut self.provisioned } else { &mut self.on_demand };
        if has_slot && !instance.listed {
            list.insert(place, &mut self.instances);
        }
        if self.resources.is_some() {
            self.loaded(place, now, ctx);
        }
        if self.autoscaling.is_some() {
            self.notify_ready(place, now, ctx);
        }
        while !next.is_nil() {
            let request = next;
            next = self.invocations.get(request).next;
            self.start(request, now, ctx);
        }
        while self.resources.is_some() && self.relieves_pending(place, now, ctx) {}
        self.serve_queue(now, ctx);
    }

    /// A token is available again, for a new instance or for a request.
    pub(super) fn token_arrived<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        self.advance(now, ctx);
        if self.token_due <= now {
            self.token_due = SimTime::NEVER;
        }
        self.serve_queue(now, ctx);
    }

    /// The simulation ends: requests still waiting or running stay unfinished. Levels are reported up to `end`.
    pub(super) fn end<O: Observer>(&mut self, end: SimTime, ctx: &mut Context<O>) {
        self.advance(end, ctx);
        while !self.queue.is_empty() {
            self.drop_front(Outcome::Unfinished, end, ctx);
        }
        if self.invocations.len() > 0 {
            // The run was stopped before they finished.
            for place in self.invocations.keys() {
                self.leave_unfinished(place, end, ctx);
            }
        }
    }

    #[cold]
    fn leave_unfinished<O: Observer>(&mut self, place: Key<Invocation>, end: SimTime, ctx: &mut Context<O>) {
        let request = self.invocations.get(place).clone();
        if let Some(source) = request.source() {
            let has_begun = request.started <= end;
            let mut ended = Finished::unserved(source, request.number, self.id, request.born, end, Outcome::Unfinished);
            if has_begun || !self.instances.get(request.instance).ready {
                let instance = self.instances.get(request.instance);
                ended.instance = Some(instance.id);
                ended.assigned = request.assigned;
                ended.started = request.started.min(end);
                ended.instance_ready = instance.ready_at.max(request.born).min(ended.started);
                ended.cold = request.cold;
                ended.cold_affected = request.cold || instance.ready_at > request.born;
                ended.provisioned = instance.provisioned;
            }
            ctx.end_invocation(&ended, request.call);
        } else {
            ctx.observer.initial_ended(end, self.id, self.instances.get(request.instance).id);
        }
        self.forget(place, end, ctx);
    }

    /// Requests that have not ended.
    pub(super) fn is_at_rest(&self) -> bool {
        self.invocations.len() == 0
    }

    /// Removes the instances whose window has ended before `now`, and reports the levels that held until then.
    #[inline]
    fn advance<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        self.expire_before(now, ctx);
        ctx.observer.levels(now, self.id, &self.levels);
        if self.autoscaling.is_some() || self.resources.is_some() {
            self.advance_others(now, ctx);
        }
    }

    /// The same for the scaling policy, and for those who share resources with the function.
    #[inline(never)]
    fn advance_others<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        if let Some(autoscaling) = &mut self.autoscaling {
            autoscaling.integrate(now, &self.levels, self.queue.len());
        }
        if self.resources.is_some() {
            self.make_room_for_others(now, ctx);
        }
    }

    /// A request starts to run.
    #[inline]
    fn start<O: Observer>(&mut self, place: Key<Invocation>, now: SimTime, ctx: &mut Context<O>) {
        let request = self.invocations.get_mut(place);
        request.started = now;
        let on = request.instance;
        if self.is_unusual {
            return self.start_unusual(place, now, ctx);
        }
        let ends = request.ends(self.spec.timeout);
        ctx.events.push(Event::of_item(ends, Kind::Completion, self.id, place));
        self.has_started(place, on, now);
    }

    /// Notifies all parts that a request runs there.
    #[inline(always)]
    fn has_started(&mut self, place: Key<Invocation>, on: Key<Instance>, now: SimTime) {
        if self.autoscaling.is_some() && self.may_be_cut_off() {
            self.chain(place);
        }
        if self.spec.shares_instances() {
            let instance = self.instances.get_mut(on);
            instance.busy_since = instance.busy_since.min(now);
        }
    }

    /// The same where work goes slower than usual, step by step, or on processors that others use too.
    #[cold]
    fn start_unusual<O: Observer>(&mut self, place: Key<Invocation>, now: SimTime, ctx: &mut Context<O>) {
        let is_dead = self.instances.get(self.invocations.get(place).instance).dead;
        let service = if is_dead || self.steps.is_some() || self.join_batch(place, now, ctx) {
            Span::FOREVER
        } else {
            let runs = self.speed.scaled(self.invocations.get(place).service);
            let delay = self.failures.delay();
            if self.begin_to_compute(place, runs, delay, now, ctx) { Span::FOREVER } else { runs + delay }
        };
        let request = self.invocations.get_mut(place);
        request.service = service;
        let ends = request.ends(self.spec.timeout);
        let on = request.instance;
        if ends < SimTime::NEVER {
            ctx.events.push(Event::of_item(ends, Kind::Completion, self.id, place));
        }
        self.has_started(place, on, now);
        if self.steps.is_some() && !is_dead {
            self.begin_steps(place, now, ctx);
        }
    }
}
