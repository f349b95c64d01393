//! One function: its instances, its queue, and what happens to them. One method for each event.

mod company;
mod expiry;
mod governor;
mod initial;
mod waiting;

use std::collections::{BinaryHeap, VecDeque};

use super::Shared;
use super::apps::Membership;
use super::available::Available;
use super::event::{Event, Kind};
use super::instance::{Instance, NOBODY};
use super::limits::TokenBucket;
use super::observer::{Finished, Levels, Limit, Observer, Outcome};
use super::slab::Slab;
use crate::id::{FnId, InstanceId, SourceId};
use crate::policy::keep_alive::Window;
use crate::policy::scaling::Mark;
use crate::rng::{Purpose, Streams};
use crate::scenario::{Function, Platform};
use crate::time::{SimTime, Span};
use company::Company;
use expiry::Expiry;
use governor::Governor;

/// A request on its way: waiting, or on an instance.
#[derive(Clone, Debug)]
pub(super) struct Request {
    born: SimTime,
    /// How long it will run: drawn at birth.
    service: Span,
    number: u64,
    source: u32,
    assigned: SimTime,
    started: SimTime,
    instance: u32,
    /// The next request that waits for the same instance to start.
    next: u32,
    cold: bool,
    cold_affected: bool,
    /// What the scaling policy remembers about it.
    mark: Mark,
}

/// What a request is born with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Birth {
    /// How long it will run.
    pub(super) service: Span,
    /// Its number in its source.
    pub(super) number: u64,
    pub(super) source: u32,
}

impl Request {
    #[inline]
    const fn new(born: SimTime, birth: Birth) -> Self {
        Self {
            born,
            service: birth.service,
            number: birth.number,
            source: birth.source,
            assigned: born,
            started: born,
            instance: NOBODY,
            next: NOBODY,
            cold: false,
            cold_affected: false,
            mark: false,
        }
    }
}

/// Which concurrency a function's requests use up.
#[derive(Clone, Copy, Debug)]
enum Quota {
    /// Its own.
    Reserved(u32),
    /// The account's.
    Account,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
enum Placement {
    /// To an instance that is ready and was taken out of its list.
    Ready(u32),
    /// To an instance that is starting and has a slot left.
    Starting(u32),
    /// To an instance that is ready and has no slot left, to wait there.
    Waiting(u32),
    /// To a new instance.
    Create,
}

/// A function in the course of the simulation.
pub(super) struct FunctionState<'s> {
    id: FnId,
    spec: &'s Function,
    quota: Quota,
    max_instances: u32,
    levels: Levels,
    instances: Slab<Instance>,
    created: u64,
    on_demand: Available,
    provisioned: Available,
    /// Whether there may ever be provisioned instances.
    has_provisioned: bool,
    /// Starting instances with a slot left, first created first; used or ready ones are dropped when met.
    starting: VecDeque<(u32, InstanceId)>,
    /// Whether starting instances stand in `on_demand` among the ready ones: the rule `newest` asks for it.
    starting_is_available: bool,
    keep_alive: Window,
    company: Option<Box<Company>>,
    expiry: Expiry,
    /// The earliest pending event that looks for expired instances. A function simulated alone needs none: it looks
    /// whenever something happens to it, and nobody sees the difference.
    expiry_event: Option<SimTime>,
    requests: Slab<Request>,
    queue: VecDeque<u32>,
    /// The limit that the queue waits for.
    held_by: Limit,
    /// Under this time the function waits for the account.
    account_ticket: Option<SimTime>,
    tokens: Option<TokenBucket>,
    token_pending: bool,
    timeout_pending: bool,
    /// Where a policy orders instances.
    governor: Option<Box<Governor>>,
    /// How long the requests run on that are in progress at the start.
    in_progress_at_start: Vec<Span>,
}

impl<'s> FunctionState<'s> {
    /// `is_alone`: no other function is simulated with this one.
    pub(super) fn new(
        id: FnId,
        spec: &'s Function,
        membership: Option<Membership>,
        platform: &Platform,
        streams: &Streams,
        is_alone: bool,
    ) -> Self {
        let concurrency = &spec.concurrency;
        let available = || Available::new(spec.selection, || streams.stream(&spec.name, Purpose::Policy));
        let keep_alive = spec.keep_alive.build(|| streams.stream(&spec.name, Purpose::KeepAlive));
        // Where memory is short, an instance may go from anywhere in the list.
        let has_deadlines = spec.initial.as_ref().is_some_and(|initial| !initial.idle_expire_in.is_empty());
        let by_last_use = concurrency.per_instance == 1
            && spec.selection.is_by_last_use()
            && platform.memory_budget_mb.is_none()
            && !has_deadlines;
        let governor = Governor::new(spec, streams).map(Box::new);
        let expiry = match (&keep_alive, spec.max_lifetime) {
            _ if governor.as_ref().is_some_and(|governor| governor.orders_all()) => Expiry::Never,
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
            on_demand: available(),
            provisioned: available(),
            has_provisioned: concurrency.provisioned > 0
                || governor.as_ref().is_some_and(|governor| !governor.orders_all()),
            starting: VecDeque::new(),
            starting_is_available: spec.selection.includes_starting(),
            keep_alive,
            company: Company::new(spec, membership, platform, streams).map(Box::new),
            expiry,
            expiry_event: (!is_alone).then_some(SimTime::NEVER),
            requests: Slab::new(),
            queue: VecDeque::new(),
            held_by: Limit::MaxInstances,
            account_ticket: None,
            tokens: platform.scaling.map(TokenBucket::new),
            token_pending: false,
            timeout_pending: false,
            governor,
            in_progress_at_start: initial::services(spec, streams),
        }
    }

    /// Makes the provisioned instances, ready at the start, and asks the scaling policy when it wants to be asked.
    pub(super) fn provision<O: Observer>(&mut self, shared: &mut Shared<O>) {
        for _ in 0..self.spec.concurrency.provisioned {
            let place = self.create_instance(SimTime::ZERO, SimTime::NEVER);
            self.take_memory(SimTime::ZERO, shared);
            let instance = self.instances.get_mut(place);
            instance.ready = true;
            instance.provisioned = true;
            self.levels.idle += 1;
            let id = instance.id;
            shared.observer.instance_created(SimTime::ZERO, self.id, id, SimTime::ZERO, Span::ZERO, true);
            self.provisioned.insert(place, &mut self.instances);
            if let Some(governor) = self.governor.as_mut().filter(|governor| !governor.orders_all()) {
                governor.took_over(place, id);
            }
        }
        self.begin(shared);
        self.watch_policy(SimTime::ZERO, shared);
    }

    /// A request arrives.
    #[inline]
    pub(super) fn arrive<O: Observer>(&mut self, birth: Birth, now: SimTime, shared: &mut Shared<O>) {
        self.advance(now, shared);
        match &mut self.keep_alive {
            Window::Fixed(_) => {}
            Window::Asked(policy) => policy.observe_arrival(now),
            Window::ByApp => self.tell_app_of_arrival(now, shared),
        }
        shared.observer.arrived(now, self.id);
        if self.governor.is_some() {
            self.tell_arrival(now, shared);
        }
        // Where the service leads to the instances, nobody waits for those who came when there was none.
        let passes_queue = self.governor.as_ref().is_some_and(|governor| governor.waits_at_instance().is_some());
        let placement =
            if self.queue.is_empty() || passes_queue { self.place(now, true, shared) } else { Err(self.held_by) };
        match placement {
            Ok(placement) => {
                let request = self.requests.insert(Request::new(now, birth));
                self.assign(request, placement, now, shared);
            }
            Err(limit) => self.hold_back(Request::new(now, birth), limit, now, shared),
        }
    }

    /// A request's execution ends.
    pub(super) fn complete<O: Observer>(&mut self, place: u32, now: SimTime, shared: &mut Shared<O>) {
        self.advance(now, shared);
        let request = self.requests.get(place);
        let (on, mark) = (request.instance, request.mark);
        let instance = self.instances.get_mut(on);
        let provisioned = instance.provisioned;
        let cut_off = self.spec.timeout.is_some_and(|timeout| request.service > timeout);
        let is_initial = request.source == NOBODY;
        if is_initial {
            shared.observer.initial_ended(now, self.id, instance.id);
        } else {
            shared.finish(&Finished {
                source: SourceId(request.source),
                number: request.number,
                function: self.id,
                instance: Some(instance.id),
                born: request.born,
                assigned: request.assigned,
                started: request.started,
                ended: now,
                cold: request.cold,
                cold_affected: request.cold_affected,
                provisioned,
                outcome: if cut_off { Outcome::TimedOut } else { Outcome::Completed },
            });
        }
        self.requests.remove(place);
        self.levels.in_progress -= 1;
        if self.governor.is_some() && !is_initial {
            self.tell_end(on, mark, now);
        }
        if !provisioned && matches!(self.quota, Quota::Account) {
            shared.account.release();
        }
        if let Window::ByApp = self.keep_alive {
            self.tell_app_of_end(now, shared);
        }
        self.free_slot(on, now, shared);
        if self.account_ticket.is_none() || provisioned {
            self.serve_queue(now, shared);
        }
    }

    /// An instance has started: those who waited for it begin to run.
    pub(super) fn become_ready<O: Observer>(&mut self, place: u32, now: SimTime, shared: &mut Shared<O>) {
        let instance = self.instances.get_mut(place);
        if instance.ready || instance.deadline != now {
            return; // withdrawn while it started
        }
        shared.counts.instances_ready += 1;
        self.advance(now, shared);
        self.levels.starting -= 1;
        let instance = self.instances.get_mut(place);
        instance.ready = true;
        instance.deadline = SimTime::NEVER;
        instance.last_waiting = NOBODY;
        let mut next = std::mem::replace(&mut instance.first_waiting, NOBODY);
        let has_slot = instance.in_flight < self.spec.concurrency.per_instance;
        if instance.in_flight == 0 {
            self.levels.idle += 1;
        } else {
            self.levels.busy += 1;
        }
        let list = if instance.provisioned { &mut self.provisioned } else { &mut self.on_demand };
        if has_slot && !instance.listed {
            list.insert(place, &mut self.instances);
        }
        if self.company.is_some() {
            self.loaded(place, now, shared);
        }
        if self.governor.is_some() {
            self.tell_ready(place, now, shared);
        }
        while next != NOBODY {
            let request = next;
            next = self.requests.get(request).next;
            self.start(request, now, shared);
        }
        self.serve_queue_with(place, now, shared);
    }

    /// There is a token for a new instance again.
    pub(super) fn token_arrived<O: Observer>(&mut self, now: SimTime, shared: &mut Shared<O>) {
        self.advance(now, shared);
        self.token_pending = false;
        self.serve_queue(now, shared);
    }

    /// Nothing more will happen: what still waits stays unfinished. Levels are reported up to `end`.
    pub(super) fn end<O: Observer>(&mut self, end: SimTime, shared: &mut Shared<O>) {
        self.advance(end, shared);
        while !self.queue.is_empty() {
            self.drop_front(Outcome::Unfinished, end, shared);
        }
    }

    /// Requests that have not ended.
    pub(super) fn is_at_rest(&self) -> bool {
        self.requests.len() == 0
    }

    /// Removes the instances whose window has ended before `now`, and reports the levels that held until then.
    #[inline]
    fn advance<O: Observer>(&mut self, now: SimTime, shared: &mut Shared<O>) {
        self.expire_before(now, shared);
        if let Some(governor) = &mut self.governor {
            governor.integrate(now, &self.levels);
        }
        shared.observer.levels(now, self.id, &self.levels);
    }

    /// Finds an instance for one more request, or the limit that stands in the way. `arriving`: it comes just now, and
    /// not from the queue.
    #[inline]
    fn place<O: Observer>(&mut self, now: SimTime, arriving: bool, shared: &mut Shared<O>) -> Result<Placement, Limit> {
        if let Quota::Reserved(most) = self.quota
            && self.levels.in_progress >= most
        {
            return Err(Limit::Reserved);
        }
        if self.has_provisioned
            && let Some(place) = self.provisioned.take(&mut self.instances)
        {
            return Ok(Placement::Ready(place));
        }
        if matches!(self.quota, Quota::Account) && !shared.account.has_room() {
            return Err(Limit::Account);
        }
        if let Some(governor) = self.governor.as_mut().filter(|governor| governor.orders_all()) {
            if arriving && let Some(most) = governor.waits_at_instance() {
                return self.place_directly(most);
            }
            return self.on_demand.take(&mut self.instances).map(Placement::Ready).ok_or(Limit::Scaling);
        }
        while let Some(place) = self.on_demand.take(&mut self.instances) {
            let instance = self.instances.get(place);
            if instance.retires > now {
                return Ok(if instance.ready { Placement::Ready(place) } else { Placement::Starting(place) });
            }
            // Too old: it finishes what it has, out of the list; an idle one goes, and makes room for another.
            if instance.is_idle() {
                self.levels.idle -= 1;
                self.remove_instance(place, now, shared);
            }
        }
        if let Some(place) = self.starting_with_slot() {
            return Ok(Placement::Starting(place));
        }
        if self.levels.instances() >= self.max_instances {
            return Err(Limit::MaxInstances);
        }
        let shares_memory = self.company.is_some();
        if shares_memory && !self.fits_memory(shared) {
            return Err(Limit::Memory);
        }
        if self.tokens.as_mut().is_some_and(|tokens| !tokens.take(now)) {
            return Err(Limit::ScalingRate);
        }
        if shares_memory {
            self.take_memory(now, shared);
        }
        Ok(Placement::Create)
    }

    fn starting_with_slot(&mut self) -> Option<u32> {
        while let Some(&(place, id)) = self.starting.front() {
            let instance = self.instances.get(place);
            if instance.id == id && !instance.ready && instance.in_flight < self.spec.concurrency.per_instance {
                return Some(place);
            }
            self.starting.pop_front();
        }
        None
    }

    /// Gives a request its instance.
    #[inline]
    fn assign<O: Observer>(&mut self, request: u32, placement: Placement, now: SimTime, shared: &mut Shared<O>) {
        self.levels.in_progress += 1;
        self.requests.get_mut(request).assigned = now;
        if self.company.is_some() {
            self.tell_memory_of_use(placement, now, shared);
        }
        if self.governor.is_some() {
            self.tell_placement(request, placement, now);
        }
        let is_provisioned = matches!(placement, Placement::Ready(place) if self.instances.get(place).provisioned);
        if !is_provisioned && matches!(self.quota, Quota::Account) {
            shared.account.acquire();
        }
        match placement {
            Placement::Ready(place) => {
                let instance = self.instances.get_mut(place);
                if instance.in_flight == 0 {
                    self.levels.idle -= 1;
                    self.levels.busy += 1;
                }
                self.take_slot(place);
                let this = self.requests.get_mut(request);
                this.instance = place;
                shared.observer.assigned(now, self.id, false, this.cold_affected);
                self.start(request, now, shared);
            }
            Placement::Waiting(place) => {
                self.instances.get_mut(place).in_flight += 1;
                self.wait_at(request, place);
                shared.observer.assigned(now, self.id, false, false);
            }
            Placement::Starting(place) => {
                self.take_slot(place);
                self.wait_for_start(request, place);
                shared.observer.assigned(now, self.id, false, true);
            }
            Placement::Create => {
                shared.observer.assigned(now, self.id, true, true);
                self.create_for(request, now, shared);
            }
        }
    }

    /// One more request on an instance that was taken out of its list: it goes back if a slot is left.
    #[inline]
    fn take_slot(&mut self, place: u32) {
        let instance = self.instances.get_mut(place);
        instance.in_flight += 1;
        if instance.in_flight < self.spec.concurrency.per_instance && (instance.ready || self.starting_is_available) {
            let list = if instance.provisioned { &mut self.provisioned } else { &mut self.on_demand };
            list.insert(place, &mut self.instances);
        }
    }

    /// One request fewer on an instance: it becomes available, idle, or goes.
    #[inline]
    fn free_slot<O: Observer>(&mut self, place: u32, now: SimTime, shared: &mut Shared<O>) {
        let instance = self.instances.get_mut(place);
        instance.in_flight -= 1;
        let (is_free, provisioned) = (instance.in_flight == 0, instance.provisioned);
        let retired = instance.retires <= now;
        let has_slot = instance.in_flight < self.spec.concurrency.per_instance;
        self.levels.busy -= u32::from(is_free);
        if self.governor.is_some() {
            self.start_next_at(place, now, shared);
        }
        let list = if provisioned { &mut self.provisioned } else { &mut self.on_demand };
        if retired {
            list.remove(place, &mut self.instances);
            if is_free {
                self.remove_instance(place, now, shared);
            }
            return;
        }
        if is_free {
            self.levels.idle += 1;
            if !provisioned {
                self.fall_idle(place, now, shared);
                if self.company.is_some() {
                    self.tell_memory_of_idle(place, now, shared);
                }
            }
        }
        if has_slot {
            let list = if provisioned { &mut self.provisioned } else { &mut self.on_demand };
            list.touch(place, &mut self.instances);
        }
    }

    /// Creates an instance for a request, which waits for it to start (or runs at once, if starting takes no time).
    fn create_for<O: Observer>(&mut self, request: u32, now: SimTime, shared: &mut Shared<O>) {
        let this = self.requests.get_mut(request);
        this.cold = true;
        this.cold_affected = true;
        let mut luck = shared.sources.cold_start_luck(this.source, this.number);
        let (start_up, billed) = self.spec.start_up(&mut luck);
        if let Some(duration) = &self.spec.cold_duration {
            this.service = duration.sample(&mut luck);
        }
        let start_up =
            if self.company.is_some() { self.start_up_with_stem_cell(start_up, billed, now, shared) } else { start_up };
        let retires = self.spec.max_lifetime.map_or(SimTime::NEVER, |lifetime| now + lifetime);
        let place = self.create_instance(now, retires);
        if self.company.is_some() {
            self.tell_memory_of_use(Placement::Ready(place), now, shared);
        }
        let ready = now + start_up;
        shared.observer.instance_created(now, self.id, self.instances.get(place).id, ready, billed, false);
        if start_up == Span::ZERO {
            self.levels.busy += 1;
            self.instances.get_mut(place).ready = true;
            self.take_slot(place);
            self.requests.get_mut(request).instance = place;
            self.start(request, now, shared);
        } else {
            self.levels.starting += 1;
            self.take_slot(place);
            self.wait_for_start(request, place);
            if self.spec.concurrency.per_instance > 1 && !self.starting_is_available {
                self.starting.push_back((place, self.instances.get(place).id));
            }
            self.instances.get_mut(place).deadline = ready;
            shared.events.push(Event::new(ready, Kind::Ready, self.id.0, place));
        }
    }

    fn create_instance(&mut self, now: SimTime, retires: SimTime) -> u32 {
        let id = InstanceId(self.created);
        self.created += 1;
        self.instances.insert(Instance::new(id, now, retires))
    }

    fn remove_instance<O: Observer>(&mut self, place: u32, at: SimTime, shared: &mut Shared<O>) {
        if self.company.is_some() {
            self.give_memory_back(place, shared);
        }
        self.drop_instance(place, at, shared);
    }

    fn drop_instance<O: Observer>(&mut self, place: u32, at: SimTime, shared: &mut Shared<O>) {
        let instance = self.instances.get_mut(place);
        instance.expiry_queued = SimTime::NEVER; // what stands in the expiry heap no longer means it
        shared.observer.instance_removed(at, self.id, instance.id, instance.created);
        self.instances.remove(place);
    }

    fn wait_for_start(&mut self, request: u32, place: u32) {
        self.wait_at(request, place);
        self.requests.get_mut(request).cold_affected = true;
    }

    /// A request waits at its instance, behind those that do already.
    fn wait_at(&mut self, request: u32, place: u32) {
        let instance = self.instances.get_mut(place);
        let last = std::mem::replace(&mut instance.last_waiting, request);
        if last == NOBODY {
            instance.first_waiting = request;
        } else {
            self.requests.get_mut(last).next = request;
        }
        self.requests.get_mut(request).instance = place;
    }

    /// A request begins to run.
    #[inline]
    fn start<O: Observer>(&mut self, place: u32, now: SimTime, shared: &mut Shared<O>) {
        let request = self.requests.get_mut(place);
        request.started = now;
        let runs = self.spec.timeout.map_or(request.service, |timeout| timeout.min(request.service));
        shared.events.push(Event::new(now + runs, Kind::Completion, self.id.0, place));
    }
}
