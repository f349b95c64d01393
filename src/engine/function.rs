//! One function: its instances, its queue, and what happens to them. One method for each event.

mod autoscaling;
mod expiry;
mod faults;
mod fleet;
mod initial;
mod lifecycle;
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
use crate::rng::{Marks, Purpose, Streams};
use crate::scenario::{Function, Platform};
use crate::time::{SimTime, Span};
use autoscaling::Autoscaling;
use expiry::Expiry;
use faults::Failures;
pub(super) use fleet::Order;
use lifecycle::Reason;
use rates::Rates;
use resources::ResourceLinks;
use sharing::Sharing;
use steps::{Speed, Steps};

/// Which concurrency a function's requests use up.
#[derive(Clone, Copy, Debug)]
enum Quota {
    /// Its own.
    Reserved(u32),
    /// The account's.
    Account,
}

/// A function in the course of the simulation.
pub(super) struct FunctionState<'s> {
    id: LocalFn,
    pub(super) spec: &'s Function,
    quota: Quota,
    max_instances: u32,
    levels: Levels,
    instances: Slab<Instance>,
    created: u64,
    /// What instances draw that no request waits for, by their number.
    cold_starts: Marks,
    on_demand: Available,
    provisioned: Available,
    /// Whether there may ever be provisioned instances.
    has_provisioned: bool,
    /// Starting instances with a slot left, first created first; used or ready ones are dropped when met.
    starting: VecDeque<(Key<Instance>, InstanceId)>,
    /// Whether starting instances stand in `on_demand` among the ready ones: the rule `newest` asks for it.
    starting_is_available: bool,
    keep_alive: Window,
    resources: Option<Box<ResourceLinks>>,
    expiry: Expiry,
    /// The earliest pending event that looks for expired instances. A function simulated alone needs none: it looks
    /// whenever something happens to it, and nobody sees the difference.
    expiry_event: Option<SimTime>,
    invocations: Slab<Invocation>,
    queue: VecDeque<Key<Invocation>>,
    /// The limit that the queue waits for.
    held_by: Limit,
    /// Under this time the function waits for the account.
    account_wait: Option<SimTime>,
    tokens: Option<TokenBucket>,
    /// How many requests may start each second.
    rates: Option<Box<Rates>>,
    /// The earliest pending event that looks at the queue because a token comes; "never" if there is none.
    token_due: SimTime,
    timeout_pending: bool,
    /// Where a policy orders instances.
    autoscaling: Option<Box<Autoscaling>>,
    /// How long the requests run on that are in progress at the start.
    in_progress_at_start: Vec<Span>,
    /// Where requests go through steps.
    steps: Option<Box<Steps>>,
    /// Where requests share the processors of their instance.
    sharing: Option<Box<Sharing>>,
    failures: Failures,
    /// What faults do to it: how fast work goes, how much longer instances take to start.
    speed: Speed,
    cold_start_factor: f64,
    /// Whether there are steps, shared processors, failures or faults at all.
    is_unusual: bool,
}

impl<'s> FunctionState<'s> {
    /// `is_alone`: no other function is simulated with this one.
    pub(super) fn new(
        id: LocalFn,
        spec: &'s Function,
        membership: Option<Membership>,
        platform: &Platform,
        streams: &Streams,
        is_alone: bool,
    ) -> Self {
        let concurrency = &spec.concurrency;
        let available = || Available::new(spec.selection, || streams.stream(&spec.name, Purpose::Policy));
        let keep_alive = spec.keep_alive.build(&|| streams.stream(&spec.name, Purpose::KeepAlive));
        // Where memory is short, an instance may go from anywhere in the list.
        let has_deadlines = spec.initial.as_ref().is_some_and(|initial| !initial.idle_expire_in.is_empty());
        let by_last_use = concurrency.per_instance == 1
            && spec.selection.is_by_last_use()
            && platform.memory_budget_mb.is_none()
            && !has_deadlines;
        let autoscaling = Autoscaling::new(spec, streams).map(Box::new);
        let expiry = match (&keep_alive, spec.max_lifetime) {
            _ if autoscaling.as_ref().is_some_and(|autoscaling| autoscaling.orders_all()) => Expiry::Never,
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
                || autoscaling.as_ref().is_some_and(|autoscaling| !autoscaling.orders_all()),
            starting: VecDeque::new(),
            starting_is_available: spec.selection.includes_starting(),
            keep_alive,
            resources: ResourceLinks::new(spec, membership, platform).map(Box::new),
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
            failures: Failures::of(spec, streams),
            speed: Speed(1.0),
            cold_start_factor: 1.0,
            is_unusual: !spec.steps.is_empty() || spec.failure_ratio > 0.0 || spec.cpu.sharing.is_some(),
        }
    }

    /// Makes the provisioned instances, ready at the start, and asks the scaling policy when it wants to be asked.
    pub(super) fn provision<O: Observer>(&mut self, ctx: &mut Context<O>) {
        for _ in 0..self.spec.concurrency.provisioned {
            let place = self.create(Reason::Provisioned, SimTime::ZERO, ctx);
            self.provisioned.insert(place, &mut self.instances);
            if let Some(autoscaling) = self.autoscaling.as_mut().filter(|autoscaling| !autoscaling.orders_all()) {
                autoscaling.took_over(place, &mut self.instances);
            }
        }
        self.begin(ctx);
        self.watch_policy(SimTime::ZERO, ctx);
    }

    /// A request arrives; says where it lies, if it is not refused at once.
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
            Window::ByApp => self.tell_app_of_arrival(now, ctx),
        }
        ctx.observer.arrived(now, self.id);
        if self.autoscaling.is_some() {
            self.tell_arrival(now, ctx);
        }
        // Where the service leads to the instances, nobody waits for those who came when there was none.
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
            Err(limit) => self.hold_back(Invocation::new(now, new), limit, now, ctx),
        }
    }

    /// A request's execution ends.
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

    /// What runs ends like this, and its slot is free.
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

    /// A request has ended: a completion that is still pending does not mean it.
    fn forget<O: Observer>(&mut self, place: Key<Invocation>, now: SimTime, ctx: &mut Context<O>) {
        if self.is_unusual {
            self.forget_steps(place);
            self.stop_computing(place, now, ctx);
        }
        self.invocations.get_mut(place).close();
        self.invocations.remove(place);
    }

    /// A request that runs ends like this: everybody is told but its instance.
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
                self.tell_end(place, now);
            }
        }
        self.give_account_back(place, ctx);
        if let Window::ByApp = self.keep_alive {
            self.tell_app_of_end(now, ctx);
        }
    }

    /// A request on an instance uses the account's concurrency no longer.
    #[inline]
    fn give_account_back<O: Observer>(&self, place: Key<Invocation>, ctx: &mut Context<O>) {
        let provisioned = self.instances.get(self.invocations.get(place).instance).provisioned;
        if !provisioned && matches!(self.quota, Quota::Account) {
            ctx.account.release();
            if ctx.account.is_waited_for() {
                ctx.effects.push_back(Effect::AccountFreed);
            }
        }
    }

    /// Whether a request whose time is over was still initialising its instance, which then is of no use to others.
    #[cold]
    fn init_was_cut_off<O: Observer>(&self, place: Key<Invocation>, ctx: &Context<O>) -> bool {
        let request = self.invocations.get(place);
        request.source().filter(|_| request.cold).is_some_and(|source| {
            self.spec.is_cut_off_while_it_starts(&mut ctx.sources.cold_start_rng(source, request.number))
        })
    }

    /// An instance has started: those who waited for it begin to run.
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
            self.tell_ready(place, now, ctx);
        }
        while !next.is_nil() {
            let request = next;
            next = self.invocations.get(request).next;
            self.start(request, now, ctx);
        }
        self.serve_queue(now, ctx);
    }

    /// There is a token again, for a new instance or for a request.
    pub(super) fn token_arrived<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        self.advance(now, ctx);
        if self.token_due <= now {
            self.token_due = SimTime::NEVER;
        }
        self.serve_queue(now, ctx);
    }

    /// Nothing more will happen: what still waits or runs stays unfinished. Levels are reported up to `end`.
    pub(super) fn end<O: Observer>(&mut self, end: SimTime, ctx: &mut Context<O>) {
        self.advance(end, ctx);
        while !self.queue.is_empty() {
            self.drop_front(Outcome::Unfinished, end, ctx);
        }
        if self.invocations.len() > 0 {
            // The run was broken off before they were through.
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
        if let Some(autoscaling) = &mut self.autoscaling {
            autoscaling.integrate(now, &self.levels, self.queue.len());
        }
        ctx.observer.levels(now, self.id, &self.levels);
        if self.resources.is_some() {
            self.make_room_for_others(now, ctx);
        }
    }

    /// A request begins to run.
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

    /// Everybody is told that a request runs there.
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
        let service = match self.steps {
            Some(_) => Span::FOREVER,
            None => {
                let runs = self.speed.scaled(self.invocations.get(place).service);
                let delay = self.failures.delay();
                if self.begin_to_compute(place, runs, delay, now, ctx) { Span::FOREVER } else { runs + delay }
            }
        };
        let request = self.invocations.get_mut(place);
        request.service = service;
        let ends = request.ends(self.spec.timeout);
        let on = request.instance;
        if ends < SimTime::NEVER {
            ctx.events.push(Event::of_item(ends, Kind::Completion, self.id, place));
        }
        self.has_started(place, on, now);
        if self.steps.is_some() {
            self.begin_steps(place, now, ctx);
        }
    }
}
