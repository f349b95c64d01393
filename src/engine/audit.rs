//! Invariants of every run, asserted in debug builds: an observer with its own counters, which it compares with those
//! of the engine for each function after every change. Release builds omit it.

use super::observer::{Finished, Levels, Observer, RequestEnd};
use super::{Cell, EventCounts};
use crate::id::{FnId, InstanceId, LocalFn};
use crate::path::Outcome;
use crate::policy::keep_alive::KeepAliveSpec;
use crate::policy::scaling::ScalingSpec;
use crate::scenario::{Function, Overflow, Scenario};
use crate::time::{SimTime, Span};

/// The counters of a cell.
pub(super) struct Audit<'s> {
    functions: Vec<Books<'s>>,
    horizon: SimTime,
    /// Whether requests may be delayed on their path or retried.
    has_paths: bool,
    /// Requests that were answered.
    answered: u64,
}

/// The counters of a function. Requests in progress at the start count as arrived and assigned at that time.
struct Books<'s> {
    spec: &'s Function,
    /// Whether instances run on machines.
    has_machines: bool,
    /// Levels are known up to here.
    last: SimTime,
    arrived: u64,
    /// Of them: in progress when the run began.
    initial: u64,
    assigned: u64,
    /// Those that ended, and of them those that had been assigned.
    ended: u64,
    served: u64,
    created: u64,
    removed: u64,
    /// Integrals of the requests in the function and of those queued, in ns.
    present_ns: u128,
    queued_ns: u128,
    /// Sums of the times that requests spent in the function and in the queue, in ns.
    sojourn_ns: u128,
    waited_ns: u128,
}

impl<'s> Audit<'s> {
    pub(super) fn new(scenario: &'s Scenario, cell: &Cell) -> Self {
        let books = |id: &FnId| Books {
            spec: &scenario.functions[id.index()],
            has_machines: !scenario.functions[id.index()].groups_of(&scenario.node_groups).is_empty(),
            last: SimTime::ZERO,
            arrived: 0,
            initial: 0,
            assigned: 0,
            ended: 0,
            served: 0,
            created: 0,
            removed: 0,
            present_ns: 0,
            queued_ns: 0,
            sojourn_ns: 0,
            waited_ns: 0,
        };
        Self {
            functions: cell.functions.iter().map(books).collect(),
            horizon: SimTime::from(scenario.simulation.horizon),
            has_paths: scenario.has_path(),
            answered: 0,
        }
    }

    /// At the end of the run no request is left, all are counted, and Little's law holds to the nanosecond.
    pub(super) fn finish(&self, counts: &EventCounts) {
        for books in &self.functions {
            let name = &books.spec.name;
            assert_eq!(books.arrived, books.ended, "{name}: every request ends, once");
            assert_eq!(books.present_ns, books.sojourn_ns, "{name}: Little's law of the requests in the function");
            assert_eq!(books.queued_ns, books.waited_ns, "{name}: Little's law of the queue");
        }
        let sum = |of: fn(&Books<'_>) -> u64| self.functions.iter().map(of).sum::<u64>();
        assert_eq!(self.answered, counts.arrivals, "every request is answered, once");
        let arrived = sum(|books| books.arrived - books.initial);
        assert!(self.has_paths || arrived == counts.arrivals, "arrivals are counted");
    }
}

impl Books<'_> {
    /// A request with this arrival time leaves; it was queued until `assigned`.
    fn end(&mut self, born: SimTime, assigned: SimTime, ended: SimTime, was_served: bool) {
        assert!(born <= assigned && assigned <= ended, "{}: {born} {assigned} {ended}", self.spec.name);
        self.ended += 1;
        self.served += u64::from(was_served);
        self.sojourn_ns += u128::from(ended.since(born).as_nanos());
        self.waited_ns += u128::from(assigned.since(born).as_nanos());
    }

    /// Levels agree with the counts of arrivals and departures.
    fn conserve(&self, held: &Levels) {
        let name = &self.spec.name;
        assert_eq!(u64::from(held.instances()), self.created - self.removed, "{name}: instances, {held:?}");
        assert_eq!(u64::from(held.in_progress), self.assigned - self.served, "{name}: in progress, {held:?}");
        let gone_unserved = self.ended - self.served;
        assert_eq!(u64::from(held.queued), self.arrived - self.assigned - gone_unserved, "{name}: queued, {held:?}");
    }

    /// Levels are within the limits.
    fn limit(&self, held: &Levels) {
        let Function { name, concurrency, scaling, keep_alive, .. } = self.spec;
        let owns_all_instances = scaling.owns_all_instances();
        // If a policy creates the instances, no request waits for a particular one to start.
        let serving = if owns_all_instances { held.busy } else { held.busy + held.starting };
        // A busy instance that is draining does not count towards the limit: its replacement is there already.
        let is_replaced = owns_all_instances || self.has_machines && concurrency.provisioned > 0;
        let limited = if is_replaced { held.starting + held.idle } else { held.instances() };
        let slots = u64::from(serving) * u64::from(concurrency.per_instance);
        assert!(u64::from(held.in_progress) <= slots, "{name}: more requests than slots, {held:?}");
        // An instance starts for a request, unless a policy created it or loads it in advance.
        // One that is lost with its machine is replaced, whether it is asked for or not.
        let is_asked_for = !self.has_machines
            && matches!(scaling, ScalingSpec::PerRequest(_))
            && !matches!(keep_alive, KeepAliveSpec::HybridHistogram(_));
        let least = if is_asked_for { held.busy + held.starting } else { held.busy };
        assert!(held.in_progress >= least, "{name}: a busy instance without a request, {held:?}");
        let most = concurrency.max_instances.map(|most| most.max(concurrency.provisioned));
        assert!(most.is_none_or(|most| limited <= most), "{name}: too many instances, {held:?}");
        assert!(concurrency.reserved.is_none_or(|most| held.in_progress <= most), "{name}: reserved, {held:?}");
        match concurrency.overflow {
            // Requests that wait at instances are queued too.
            _ if owns_all_instances => {}
            Overflow::Queue { limit, .. } => assert!(limit.is_none_or(|most| held.queued <= most), "{name}: {held:?}"),
            Overflow::Reject => assert_eq!(held.queued, 0, "{name}: nobody may wait, {held:?}"),
        }
    }
}

impl Observer for Audit<'_> {
    fn arrived(&mut self, now: SimTime, function: LocalFn) {
        assert!(now < self.horizon || self.has_paths, "nothing arrives after the horizon");
        self.functions[function.index()].arrived += 1;
    }

    fn assigned(&mut self, _: SimTime, function: LocalFn, cold: bool, cold_affected: bool) {
        assert!(cold_affected || !cold, "who has an instance created waits for it");
        self.functions[function.index()].assigned += 1;
    }

    fn finished(&mut self, request: &Finished) {
        let was_served = request.instance.is_some();
        assert!(
            was_served || !matches!(request.outcome, Outcome::Completed | Outcome::TimedOut),
            "it ran somewhere: {request:?}"
        );
        assert!(request.started <= request.ended && request.started >= request.assigned, "{request:?}");
        self.functions[request.function.index()].end(request.born, request.assigned, request.ended, was_served);
    }

    fn request_ended(&mut self, end: &RequestEnd) {
        assert!(end.born < self.horizon && end.born <= end.ended, "{end:?}");
        self.answered += 1;
    }

    fn instance_created(
        &mut self,
        now: SimTime,
        function: LocalFn,
        _: InstanceId,
        ready: SimTime,
        billed: Span,
        _: bool,
    ) {
        assert!(ready >= now && billed <= ready.since(now), "no more is billed of a start-up than it takes");
        self.functions[function.index()].created += 1;
    }

    fn instance_found(&mut self, function: LocalFn, _: InstanceId, is_busy: bool) {
        let books = &mut self.functions[function.index()];
        books.created += 1;
        let busy = u64::from(is_busy);
        (books.initial, books.arrived, books.assigned) =
            (books.initial + busy, books.arrived + busy, books.assigned + busy);
    }

    fn initial_ended(&mut self, now: SimTime, function: LocalFn, _: InstanceId) {
        self.functions[function.index()].end(SimTime::ZERO, SimTime::ZERO, now, true);
    }

    fn instance_removed(&mut self, now: SimTime, function: LocalFn, _: InstanceId, created: SimTime) {
        assert!(created <= now, "it was there before it goes");
        self.functions[function.index()].removed += 1;
    }

    fn levels(&mut self, now: SimTime, function: LocalFn, held: &Levels) {
        let books = &mut self.functions[function.index()];
        assert!(now >= books.last, "{}: time goes back from {} to {now}", books.spec.name, books.last);
        let ns = u128::from(now.since(books.last).as_nanos());
        books.present_ns += ns * (u128::from(held.in_progress) + u128::from(held.queued));
        books.queued_ns += ns * u128::from(held.queued);
        books.last = now;
        books.conserve(held);
        books.limit(held);
    }
}
