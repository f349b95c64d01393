//! A faster engine for the common case: functions whose requests only ever wait for the start of the instance created
//! for them.
//!
//! In this case an instance has at most one request, so both are stored in one [`Slot`]. Idle instances are linked in
//! the order of last use, and expired ones are removed at the next event of the function. The data that an event needs
//! is in a few cache lines, because with many functions each event would otherwise wait for every line. `function.rs`
//! handles every case; a test compares the two call by call.

use super::event::{Event, Kind};
use super::invocation::NewRequest;
use super::kernel::{Context, Effect, Model};
use super::limits::TokenBucket;
use super::observer::{Finished, Levels, Limit, Observer};
use super::path::Node;
use super::slab::Key;
use crate::id::{InstanceId, LocalFn, LocalSource};
use crate::path::Outcome;
use crate::policy::scaling::ScalingSpec;
use crate::policy::selection::Selection;
use crate::prefetch::prefetch;
use crate::scenario::{ColdStart, Concurrency, Function, Overflow, Platform, ScalingRate, Source, Target};
use crate::time::{SimTime, Span};

/// The functions of a cell, all of the common kind.
pub(super) struct FastCell<'s>(Vec<FastFunction<'s>>);

/// The state of a function during the simulation. Fields that every event needs come first.
#[repr(C, align(64))]
pub(super) struct FastFunction<'s> {
    id: LocalFn,
    levels: Levels,
    /// The most recently and the least recently used of the idle instances.
    newest: Key<Slot>,
    oldest: Key<Slot>,
    /// The head of the free list.
    free: Key<Slot>,
    /// When the window of the oldest one ends, cached here.
    expires: SimTime,
    window: Span,
    timeout: Span,
    slots: Vec<Slot>,
    reserved: Option<u32>,
    instances_max: u32,
    created: u64,
    spec: &'s Function,
    tokens: Option<TokenBucket>,
}

/// An instance, with the request that it has.
#[derive(Debug)]
#[repr(align(64))]
struct Slot {
    state: State,
    instance: InstanceId,
    created: SimTime,
    number: u64,
    source: LocalSource,
    /// The neighbors among idle instances by last use. `older` also links the free list; `newer` is undefined for the
    /// newest.
    older: Key<Self>,
    newer: Key<Self>,
    cold: bool,
    cut_off: bool,
}

/// What an instance does.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Idle, kept until then.
    Idle { deadline: SimTime },
    /// Starting for a request, which then runs this long unless it times out.
    Starting { born: SimTime, runs: Span },
    /// Running a request.
    Running { born: SimTime, started: SimTime },
}

impl<'s> FastCell<'s> {
    /// None if the platform, or any of these functions or sources, is not of the common kind.
    pub(super) fn new(
        specs: impl Iterator<Item = &'s Function>,
        mut sources: impl Iterator<Item = &'s Source>,
        platform: &Platform,
    ) -> Option<Self> {
        // Without `..`, here and below, so that a new field requires a decision on whether this engine supports it.
        let Platform {
            preset: _,
            account_limit: _, // its effect is already part of the cell
            min_unreserved: _,
            request_rate: _, // checked by the caller
            init_timeout: _, // also part of the functions
            scaling,
            memory_budget_mb,
            stem_cells,
            placement: _, // who has machines is simulated in full
            registry: _,
            billing: _,
        } = platform;
        let has_path = |source: &Source| {
            let Source { name: _, target, arrivals: _, duration: _, payload: _ } = source;
            matches!(target, Target::Component(_))
        };
        if memory_budget_mb.is_some() || !stem_cells.is_empty() || sources.any(has_path) {
            return None;
        }
        let functions = specs.enumerate().map(|(place, spec)| FastFunction::new(LocalFn(place as u32), spec, *scaling));
        functions.collect::<Option<_>>().map(Self)
    }

    /// The only function, if there is only one.
    pub(super) fn alone(mut self) -> Result<FastFunction<'s>, Self> {
        if self.0.len() == 1 { self.0.pop().ok_or(self) } else { Err(self) }
    }
}

impl<'s> FastFunction<'s> {
    fn new(id: LocalFn, spec: &'s Function, scaling: Option<ScalingRate>) -> Option<Self> {
        let Function {
            name: _,
            platform: _, // the only one: without a path nobody is at a site
            app: _,      // only used by policies that decide for applications
            runtime: _,
            memory_mb: _,
            architecture: _,
            cpu,
            gpu: _,
            node_group: _,
            image: _,
            ephemeral_storage_mb: _,
            readiness_probe: _, // part of the start of an instance
            has_own_machines: _,
            timeout,
            selection,
            max_lifetime,
            payload_limit: _,            // sizes are known on a path only
            termination_grace_period: _, // only used for instances that a policy withdraws
            duration: _,                 // drawn by the sources
            cold_duration: _,            // these two are drawn when an instance is created
            cold_start: _,
            steps,
            batching,
            failure_ratio,
            init_timeout: _,
            snapshot_charged: _,
            keep_alive,
            scaling: policy,
            concurrency,
            initial,
        } = spec;
        let Concurrency { per_instance, max_instances, reserved, provisioned, overflow, queue_order: _ } = *concurrency;
        let is_common = per_instance == 1
            && provisioned == 0
            && steps.is_empty()
            && *failure_ratio == 0.0
            && cpu.sharing.is_none()
            && batching.is_none()
            && overflow == Overflow::Reject
            && matches!(policy, ScalingSpec::PerRequest(_))
            && *selection == Selection::MostRecentlyUsed
            && max_lifetime.is_none()
            && initial.is_none();
        let window = keep_alive.fixed_window()?;
        is_common.then(|| Self {
            id,
            levels: Levels::default(),
            newest: Key::NIL,
            oldest: Key::NIL,
            free: Key::NIL,
            expires: SimTime::NEVER,
            window,
            timeout: timeout.unwrap_or(Span::FOREVER),
            slots: Vec::new(),
            reserved,
            instances_max: max_instances.unwrap_or(u32::MAX),
            created: 0,
            spec,
            tokens: scaling.map(TokenBucket::new),
        })
    }

    /// Removes the instances whose window has ended before `now`, and reports the levels that held until then.
    #[inline]
    fn advance<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        if self.expires < now {
            self.expire_before(now, ctx);
        }
        ctx.observer.levels(now, self.id, &self.levels);
    }

    #[inline(never)]
    fn expire_before<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        while self.expires < now {
            let (place, deadline) = (self.oldest, self.expires);
            ctx.counts.expirations += u64::from(deadline < ctx.sources.horizon());
            ctx.observer.levels(deadline, self.id, &self.levels);
            self.levels.idle -= 1;
            let slot = &mut self.slots[place.index()];
            ctx.observer.instance_removed(deadline, self.id, slot.instance, slot.created);
            // `newer` may be out of date if it is the newest itself.
            self.oldest = if place == self.newest { Key::NIL } else { slot.newer };
            slot.older = std::mem::replace(&mut self.free, place);
            match self.slots.get_mut(self.oldest.index()) {
                None => self.newest = Key::NIL,
                Some(oldest) => oldest.older = Key::NIL,
            }
            self.expires = self.deadline_of(self.oldest);
        }
    }

    fn deadline_of(&self, place: Key<Slot>) -> SimTime {
        match self.slots.get(place.index()).map(|slot| slot.state) {
            Some(State::Idle { deadline }) => deadline,
            _ => SimTime::NEVER,
        }
    }

    /// The limit that prevents a new instance, if any.
    fn limit_reached(&mut self, now: SimTime) -> Option<Limit> {
        if self.levels.instances() >= self.instances_max {
            Some(Limit::MaxInstances)
        } else if self.tokens.as_mut().is_some_and(|tokens| !tokens.take(now)) {
            Some(Limit::ScalingRate)
        } else {
            None
        }
    }

    /// Creates an instance for a request, which waits for it to start, or runs at once if starting takes no time.
    #[cold]
    fn create<O: Observer>(&mut self, new: NewRequest, now: SimTime, ctx: &mut Context<O>) {
        if let Some(limit) = self.limit_reached(now) {
            self.reject(new, limit, now, ctx);
            return;
        }
        self.take_up(ctx);
        ctx.observer.assigned(now, self.id, true, true);
        let mut rng = ctx.sources.cold_start_rng(new.source, new.number);
        let ColdStart { start_up, billed, init_again } = self.spec.cold_start(&mut rng);
        let service = self.spec.cold_duration.as_ref().map_or(new.service, |duration| duration.sample(&mut rng));
        let service = service + init_again;
        let instance = InstanceId(self.created);
        self.created += 1;
        let runs = service.min(self.timeout);
        let (ready, starts_at_once) = (now + start_up, start_up == Span::ZERO);
        let place = self.insert(Slot {
            state: match starts_at_once {
                true => State::Running { born: now, started: now },
                false => State::Starting { born: now, runs },
            },
            instance,
            created: now,
            number: new.number,
            source: new.source,
            older: Key::NIL,
            newer: Key::NIL,
            cold: true,
            cut_off: service > self.timeout,
        });
        ctx.observer.instance_created(now, self.id, instance, ready, billed, false);
        if starts_at_once {
            self.levels.busy += 1;
            ctx.events.push(Event::of_item(now + runs, Kind::Completion, self.id, place));
        } else {
            self.levels.starting += 1;
            ctx.events.push(Event::of_item(ready, Kind::Ready, self.id, place));
        }
    }

    fn insert(&mut self, slot: Slot) -> Key<Slot> {
        let place = self.free;
        if let Some(free) = self.slots.get_mut(place.index()) {
            self.free = free.older;
            *free = slot;
            return place;
        }
        let place = Key::new(u32::try_from(self.slots.len()).expect("fewer than 2^32 instances live at a time"));
        self.slots.push(slot);
        place
    }

    /// An invocation ends.
    #[inline(always)]
    fn complete<O: Observer>(&mut self, place: Key<Slot>, now: SimTime, ctx: &mut Context<O>) {
        self.advance(now, ctx);
        let slot = &mut self.slots[place.index()];
        if let State::Running { born, started } = slot.state {
            let ended = Finished {
                source: slot.source,
                number: slot.number,
                function: self.id,
                instance: Some(slot.instance),
                born,
                assigned: born,
                instance_ready: started,
                started,
                ended: now,
                cold: slot.cold,
                cold_affected: slot.cold,
                provisioned: false,
                outcome: if slot.cut_off { Outcome::TimedOut } else { Outcome::Completed },
            };
            ctx.end_invocation(&ended, Key::NIL);
        }
        if slot.cut_off && slot.cold && self.discard(place, now, ctx) {
            return;
        }
        let slot = &mut self.slots[place.index()];
        let deadline = now + self.window;
        slot.state = State::Idle { deadline };
        slot.older = self.newest;
        if self.newest.is_nil() {
            (self.oldest, self.expires) = (place, deadline);
        } else {
            self.slots[self.newest.index()].newer = place;
        }
        self.newest = place;
        self.levels.in_progress -= 1;
        if self.reserved.is_none() {
            ctx.account.release();
        }
        self.levels.busy -= 1;
        self.levels.idle += 1;
    }

    /// A request times out. If its instance was still initializing, it is unusable for others and is removed.
    #[cold]
    fn discard<O: Observer>(&mut self, place: Key<Slot>, now: SimTime, ctx: &mut Context<O>) -> bool {
        let slot = &mut self.slots[place.index()];
        let is_lost = self.spec.is_cut_off_while_it_starts(&mut ctx.sources.cold_start_rng(slot.source, slot.number));
        if is_lost {
            self.levels.in_progress -= 1;
            self.levels.busy -= 1;
            if self.reserved.is_none() {
                ctx.account.release();
            }
            ctx.observer.instance_removed(now, self.id, slot.instance, slot.created);
            slot.older = std::mem::replace(&mut self.free, place);
        }
        is_lost
    }

    /// An instance has started: its request begins to run.
    fn become_ready<O: Observer>(&mut self, place: Key<Slot>, now: SimTime, ctx: &mut Context<O>) {
        self.advance(now, ctx);
        let slot = &mut self.slots[place.index()];
        if let State::Starting { born, runs } = slot.state {
            self.levels.starting -= 1;
            self.levels.busy += 1;
            slot.state = State::Running { born, started: now };
            ctx.events.push(Event::of_item(now + runs, Kind::Completion, self.id, place));
        }
    }

    /// A request arrives.
    #[inline(always)]
    fn serve<O: Observer>(&mut self, new: NewRequest, now: SimTime, ctx: &mut Context<O>) {
        self.advance(now, ctx);
        ctx.observer.arrived(now, self.id);
        let limit = match self.reserved {
            Some(most) => (self.levels.in_progress >= most).then_some(Limit::Reserved),
            None => (!ctx.account.has_room()).then_some(Limit::Account),
        };
        if let Some(limit) = limit {
            self.reject(new, limit, now, ctx);
            return;
        }
        let place = self.newest;
        let Some(slot) = self.slots.get_mut(place.index()) else {
            self.create(new, now, ctx);
            return;
        };
        self.newest = slot.older;
        slot.state = State::Running { born: now, started: now };
        slot.number = new.number;
        slot.source = new.source;
        slot.cold = false;
        slot.cut_off = new.service > self.timeout;
        if self.newest.is_nil() {
            (self.oldest, self.expires) = (Key::NIL, SimTime::NEVER);
        }
        self.take_up(ctx);
        self.levels.busy += 1;
        self.levels.idle -= 1;
        ctx.observer.assigned(now, self.id, false, false);
        let ends = now + new.service.min(self.timeout);
        ctx.events.push(Event::of_item(ends, Kind::Completion, self.id, place));
    }

    /// One more request in progress.
    #[inline]
    fn take_up<O: Observer>(&mut self, ctx: &mut Context<O>) {
        self.levels.in_progress += 1;
        if self.reserved.is_none() {
            ctx.account.acquire();
        }
    }

    #[cold]
    #[inline(never)]
    fn reject<O: Observer>(&self, new: NewRequest, limit: Limit, now: SimTime, ctx: &mut Context<O>) {
        ctx.observer.throttled(now, self.id, limit);
        let ended = Finished::unserved(new.source, new.number, self.id, now, now, Outcome::Rejected);
        ctx.end_invocation(&ended, Key::NIL);
    }
}

/// A single function needs no lookup.
impl<O: Observer> Model<O> for FastFunction<'_> {
    const HAS_EFFECTS: bool = false;

    fn start(&mut self, _: &mut Context<O>) {}

    #[inline(always)]
    fn arrive(&mut self, _: Node, new: NewRequest, now: SimTime, ctx: &mut Context<O>) {
        self.serve(new, now, ctx);
    }

    #[inline(always)]
    fn handle(&mut self, event: Event, ctx: &mut Context<O>) {
        if event.kind() == Kind::Completion {
            ctx.counts.completions += 1;
            self.complete(event.key(), event.at(), ctx);
        } else {
            ctx.counts.instances_ready += 1;
            self.become_ready(event.key(), event.at(), ctx);
        }
    }

    fn apply(&mut self, _: Effect, _: SimTime, _: &mut Context<O>) {}

    #[inline]
    fn prefetch(&self, _: LocalFn) {
        prefetch(self);
        prefetch(&self.timeout);
    }

    #[inline]
    fn prefetch_idle(&self, _: LocalFn) {
        // Another request may take it first; then it is one that was used before it.
        if let Some(newest) = self.slots.get(self.newest.index()) {
            prefetch(newest);
        }
    }

    #[inline]
    fn prefetch_item(&self, event: Event) {
        prefetch(&self.slots[event.item() as usize]);
    }

    fn fullest(&self, _: SimTime) -> (Node, u64) {
        (self.id.into(), self.levels.in_progress.into())
    }

    fn latency(&self, event: Event) -> Span {
        match self.slots[event.item() as usize].state {
            State::Running { born, .. } | State::Starting { born, .. } => event.at().since(born),
            State::Idle { .. } => Span::ZERO,
        }
    }

    fn end(&mut self, end: SimTime, ctx: &mut Context<O>) {
        self.advance(end, ctx);
        debug_assert!(self.levels.in_progress == 0, "every request has ended");
    }
}

impl<O: Observer> Model<O> for FastCell<'_> {
    const HAS_EFFECTS: bool = false;

    fn start(&mut self, _: &mut Context<O>) {}

    #[inline]
    fn arrive(&mut self, at: Node, new: NewRequest, now: SimTime, ctx: &mut Context<O>) {
        self.0[at.index()].serve(new, now, ctx);
    }

    #[inline]
    fn handle(&mut self, event: Event, ctx: &mut Context<O>) {
        self.0[event.function().index()].handle(event, ctx);
    }

    fn apply(&mut self, _: Effect, _: SimTime, _: &mut Context<O>) {}

    #[inline]
    fn prefetch(&self, function: LocalFn) {
        Model::<O>::prefetch(&self.0[function.index()], function);
    }

    #[inline]
    fn prefetch_idle(&self, function: LocalFn) {
        Model::<O>::prefetch_idle(&self.0[function.index()], function);
    }

    #[inline]
    fn prefetch_item(&self, event: Event) {
        Model::<O>::prefetch_item(&self.0[event.function().index()], event);
    }

    fn fullest(&self, now: SimTime) -> (Node, u64) {
        let each = self.0.iter().map(|function| Model::<O>::fullest(function, now));
        each.max_by_key(|(_, held)| *held).unwrap_or((Node(0), 0))
    }

    fn latency(&self, event: Event) -> Span {
        Model::<O>::latency(&self.0[event.function().index()], event)
    }

    fn end(&mut self, end: SimTime, ctx: &mut Context<O>) {
        self.0.iter_mut().for_each(|function| function.end(end, ctx));
    }
}

#[cfg(test)]
mod tests;
