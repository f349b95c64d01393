//! One function while it is recorded.

use std::collections::HashMap;

use super::super::cost::{self, ByArchitecture, CpuUsage, Usage};
use super::super::peaks::{HighLevels, SlotTrack};
use super::super::replication::{FunctionMeasures, FunctionRecord, Record};
use super::super::stability::Tipped;
use super::super::tally::{Integrals, Peaks, Tally};
use super::super::timeline::Point;
use super::super::window::Window;
use super::generation::Generation;
use super::interval::Interval;
use super::total::Total;
use crate::engine::{Finished, Generated, Levels, Outcome};
use crate::id::{FnId, InstanceId};
use crate::prefetch::prefetch;
use crate::scenario::{Billing, Function, Overflow, Scenario};
use crate::stats::books::Books;
use crate::time::{SimTime, Span};

/// One function while it is recorded. Fields that every event needs come first.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct FunctionRecorder<'a> {
    /// Levels are known up to here.
    last: SimTime,
    /// Until then no interval boundary or peak slot has to be closed.
    quiet_until: SimTime,
    /// The highest levels since something was closed.
    highest: HighLevels,
    interval: u32,
    /// The next moment at which something has to be closed: an interval, the warm-up, the run.
    edge: SimTime,
    slot: SlotTrack,
    /// Whether `last` lies in the measured period.
    is_measuring: bool,
    /// If each request is charged individually.
    by_request: Option<&'a Billing>,
    /// Levels times time in the current interval.
    integrals: Integrals,
    billed_ns: u128,
    pub(super) tally: Tally,
    spec: &'a Function,
    billing: Option<&'a Billing>,
    pub(super) peaks: Peaks,
    /// The part of the current interval's integrals that belongs to the warm-up.
    unmeasured: Integrals,
    /// The current interval, where functions have a time series.
    current: Option<Box<Interval>>,
    points: Vec<Point>,
    billed_provisioned_ns: u128,
    /// The starts of instances whose first request has not ended, or that were not created for a request.
    billed_starts: HashMap<InstanceId, BilledStart>,
    /// Provisioned instances that exist, and since when.
    provisioned: HashMap<InstanceId, SimTime>,
    /// Billed time of removed provisioned instances.
    provisioned_ns: u128,
    /// Billed time beyond the lifetime of instances that were removed before their minimum.
    short_ns: u128,
    /// Work of processors, where requests share them.
    computed_ns: u128,
    /// What is generated, where requests are served in batches.
    generation: Option<Box<Generation>>,
    /// How long instances waited for nodes and images, when the run is over.
    starts: Option<Box<Books>>,
    /// Whether what its instances use is paid with the nodes that they run on.
    pays_for_nodes: bool,
}

/// A start that the platform charges for if it completes.
#[derive(Clone, Copy, Debug)]
pub(super) struct BilledStart {
    /// The part of it that is charged.
    pub(super) billed: Span,
    pub(super) ready: SimTime,
    pub(super) provisioned: bool,
    /// Whether it began in the measured period.
    pub(super) counts: bool,
}

/// The part of a lifetime that is measured, ns.
fn had(from: SimTime, until: SimTime, window: &Window) -> u128 {
    u128::from(until.min(window.until).since(from.max(window.from)).as_nanos())
}

impl<'a> FunctionRecorder<'a> {
    pub(super) fn new(scenario: &'a Scenario, function: FnId, window: &Window) -> Self {
        let is_measuring = window.from == SimTime::ZERO;
        let end = window.end_of(0);
        let spec = &scenario.functions[function.index()];
        let billing = scenario.platform_of(spec.platform).billing.as_ref();
        Self {
            last: SimTime::ZERO,
            quiet_until: SimTime::ZERO,
            highest: HighLevels::default(),
            interval: 0,
            integrals: Integrals::default(),
            billed_ns: 0,
            by_request: billing.filter(|_| !spec.shares_instances()),
            tally: Tally::of(scenario),
            spec,
            billing,
            edge: if is_measuring { end } else { end.min(window.from) },
            is_measuring,
            slot: SlotTrack::default(),
            peaks: Peaks::default(),
            unmeasured: Integrals::default(),
            current: window.series_by_function.then(|| Box::new(Interval::new())),
            points: Vec::new(),
            billed_provisioned_ns: 0,
            billed_starts: HashMap::new(),
            provisioned: HashMap::new(),
            provisioned_ns: 0,
            short_ns: 0,
            computed_ns: 0,
            generation: spec.batching.as_ref().map(|_| Box::default()),
            starts: None,
            pays_for_nodes: scenario.pays_for_nodes(spec),
        }
    }

    /// Prefetches the cache lines that any event needs.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.last);
        prefetch(&self.by_request);
        prefetch(&self.integrals.busy);
        self.tally.prefetch();
    }

    /// These levels have held since the last report of the function.
    #[inline(always)]
    pub(super) fn advance(&mut self, now: SimTime, held: &Levels, window: &Window, total: &mut Total) {
        if now > self.last {
            if now > self.quiet_until {
                self.close_until(now, held, window, total);
            }
            self.hold(now, held);
        }
    }

    /// It has turned out when an instance becomes ready.
    pub(super) fn begin(&mut self, instance: InstanceId, ready: SimTime) {
        if let Some(start) = self.billed_starts.get_mut(&instance) {
            start.ready = ready;
        }
    }

    /// An instance is created. `start`: its start-up, which may be charged for.
    pub(super) fn create(&mut self, instance: InstanceId, now: SimTime, start: BilledStart) {
        if start.provisioned {
            self.provisioned.insert(instance, now);
        } else {
            self.tally.created += u64::from(start.counts);
        }
        if start.billed > Span::ZERO && self.billing.is_some_and(|billing| billing.init_billed) {
            self.billed_starts.insert(instance, start);
        }
    }

    /// An instance goes.
    pub(super) fn remove(&mut self, instance: InstanceId, created: SimTime, now: SimTime, window: &Window) {
        if !self.provisioned.is_empty() && self.provisioned.remove(&instance).is_some() {
            self.provisioned_ns += had(created, now, window) + self.rounding(created, now, window);
        }
        if !self.billed_starts.is_empty()
            && let Some(start) = self.billed_starts.remove(&instance)
        {
            self.charge_start(&start, now);
        }
        if window.measures(now) {
            self.tally.remove(now.since(created));
            if let Some(billing) = self.billing {
                let short = billing.resources.instance_minimum - now.since(created);
                self.short_ns += u128::from(short.as_nanos());
            }
        }
    }

    /// What is billed beyond the lifetime of a provisioned instance that goes now, in the measured period. At the ends of the period
    /// nothing is rounded: the instance goes on, and what the period costs is its share of the month.
    fn rounding(&self, created: SimTime, now: SimTime, window: &Window) -> u128 {
        let prices = self.billing.and_then(|billing| billing.provisioned.as_ref()).filter(|_| window.measures(now));
        let lifetime = now.since(created);
        prices.map_or(0, |prices| u128::from((cost::round_up(lifetime, prices.granularity) - lifetime).as_nanos()))
    }

    /// The interval in which to count a current event: that of the total if functions have no time series; after the
    /// last interval, it is not used.
    #[inline]
    pub(super) fn interval_in<'i>(&'i mut self, total: &'i mut [Interval]) -> Option<&'i mut Interval> {
        match &mut self.current {
            Some(current) => Some(current),
            None => total.get_mut(self.interval as usize),
        }
    }

    /// These levels have held since `last`.
    #[inline]
    fn hold(&mut self, now: SimTime, held: &Levels) {
        if now > self.last {
            self.integrals.add(held, now.since(self.last));
            self.highest.raise(HighLevels::of(held));
            self.last = now;
        }
    }

    /// Passes on the highest levels since the last call.
    pub(super) fn hand_on_peaks(&mut self) {
        let highest = std::mem::take(&mut self.highest);
        self.slot.raise(highest);
        if self.is_measuring {
            self.peaks.raise(highest);
        }
    }

    /// Closes edges and slots that end until `now`.
    #[inline]
    fn close_until(&mut self, now: SimTime, held: &Levels, window: &Window, total: &mut Total) {
        self.hand_on_peaks();
        let mut slot_ends = SimTime::NEVER;
        if let Some(slots) = &mut total.slots {
            slots.hold(&mut self.slot, self.last, now, held);
            slot_ends = slots.end_of(&self.slot);
        }
        if now >= self.edge {
            self.cross(now, held, window, &mut total.intervals);
        }
        let before_edge = SimTime::from_nanos(self.edge.as_nanos() - 1);
        self.quiet_until = before_edge.min(slot_ends);
    }

    /// Closes what ends until `now`.
    #[cold]
    fn cross(&mut self, now: SimTime, held: &Levels, window: &Window, total: &mut [Interval]) {
        // No boundary is left after the last, even at the end of the clock.
        while self.edge <= now && self.edge < SimTime::NEVER {
            let edge = self.edge;
            self.hold(edge, held);
            self.hand_on_peaks();
            if edge == window.from && !self.is_measuring {
                self.is_measuring = true;
                self.unmeasured = self.integrals;
            }
            if edge == window.end_of(self.interval as usize) {
                self.close_interval(window, &mut total[self.interval as usize]);
            }
            self.edge = if edge >= window.until {
                self.is_measuring = false;
                SimTime::NEVER
            } else {
                let end = window.end_of(self.interval as usize);
                if self.is_measuring { end } else { end.min(window.from) }
            };
        }
    }

    fn close_interval(&mut self, window: &Window, total: &mut Interval) {
        if self.is_measuring {
            self.tally.integrals.merge(&self.integrals);
            self.tally.integrals.subtract(&self.unmeasured);
        }
        self.unmeasured = Integrals::default();
        let integrals = std::mem::take(&mut self.integrals);
        match &mut self.current {
            None => total.integrals.merge(&integrals),
            Some(current) => {
                current.integrals = integrals;
                total.merge(current);
                self.points.push(current.point(window.length_of(self.interval as usize)));
                current.clear();
            }
        }
        self.interval += 1;
    }

    #[inline(always)]
    pub(super) fn finish_request(&mut self, request: &Finished, counts: bool) {
        if counts {
            self.tally.finish(request);
            self.tally.queue_full += u64::from(request.outcome == Outcome::Rejected && self.has_queue_limit());
        }
        if let (Some(billing), Some(instance)) = (self.by_request, request.instance) {
            let mut duration = request.ended.since(request.started);
            if request.cold
                && let Some(start) = self.billed_starts.remove(&instance)
            {
                duration += start.billed;
            }
            if counts {
                let billed = u128::from(cost::billed_duration(duration, billing).as_nanos());
                if request.provisioned {
                    self.billed_provisioned_ns += billed;
                } else {
                    self.billed_ns += billed;
                }
            }
        }
    }

    /// Charges the busy time of an instance that serves several requests at a time, including its start the first time.
    /// Only the measured period counts.
    pub(super) fn serve(
        &mut self,
        instance: InstanceId,
        since: SimTime,
        now: SimTime,
        provisioned: bool,
        window: &Window,
    ) {
        let Some(billing) = self.billing else { return };
        let mut busy = now.min(window.until).since(since.max(window.from));
        if !self.billed_starts.is_empty()
            && let Some(start) = self.billed_starts.remove(&instance).filter(|start| start.counts)
        {
            busy += start.billed;
        }
        if busy > Span::ZERO {
            let billed = u128::from(cost::billed_duration(busy, billing).as_nanos());
            if provisioned {
                self.billed_provisioned_ns += billed;
            } else {
                self.billed_ns += billed;
            }
        }
    }

    /// How long the function's instances waited for nodes and images.
    pub(super) fn close_starts(&mut self, books: &Books) {
        self.starts = Some(Box::new(books.clone()));
    }

    /// A request is answered that was served in a batch.
    pub(super) fn generate(&mut self, now: SimTime, answer: &Generated, window: &Window) {
        if let Some(generation) = &mut self.generation {
            generation.record(now, answer, window);
        }
    }

    /// Processors have done so much work.
    pub(super) fn compute(&mut self, work: Span) {
        self.computed_ns += u128::from(work.as_nanos());
    }

    /// Charges the starts of instances that were not created for a request. Instances removed before they are ready are
    /// not charged.
    fn charge_start(&mut self, start: &BilledStart, now: SimTime) {
        if let Some(billing) = self.billing.filter(|_| start.counts && start.ready <= now) {
            let billed = u128::from(cost::billed_duration(start.billed, billing).as_nanos());
            if start.provisioned {
                self.billed_provisioned_ns += billed;
            } else {
                self.billed_ns += billed;
            }
        }
    }

    fn has_queue_limit(&self) -> bool {
        matches!(self.spec.concurrency.overflow, Overflow::Queue { limit: Some(_), .. })
    }

    pub(super) fn finish(mut self, window: &Window, total: &mut Total) -> FunctionRecord {
        if let Some(slots) = &mut total.slots {
            slots.close(&mut self.slot);
        }
        for (_, start) in std::mem::take(&mut self.billed_starts) {
            self.charge_start(&start, window.until);
        }
        total.tally.merge(&self.tally);
        let measured = window.measured();
        let load = self.tally.arrived as f64 / measured.as_secs_f64() * self.tally.execution_mean_s();
        let static_estimate = load / f64::from(self.spec.concurrency.per_instance);
        let points = std::mem::take(&mut self.points);
        let record = Record {
            shape: self.tally.shape(measured, &self.peaks, static_estimate),
            latency_of_all: self.tally.latency_of_all(),
            by_path: [0; 3],
        };
        let measures = FunctionMeasures {
            record,
            throttled: self.tally.throttled,
            queue_full: self.tally.queue_full,
            gave_up: self.tally.gave_up,
            cut_off: self.tally.cut_off,
            tipped: Tipped::of(&points, self.tally.given_up(), window),
        };
        let generation = self.generation.as_ref().map(|generation| generation.books(window));
        let (usage, starts) = (self.usage(window), self.starts.map(|books| *books));
        FunctionRecord { measures, usage, points, batches: Vec::new(), generation, starts }
    }

    /// What is charged for.
    fn usage(&self, window: &Window) -> Usage {
        let Some(billing) = self.billing else { return Usage::default() };
        let memory_mb = cost::billed_memory_mb(self.spec.memory_mb, billing);
        let gb_s = |nanos| ByArchitecture::only(self.spec.architecture, cost::gb_seconds(memory_mb, nanos));
        let still_there = self.provisioned.values().map(|since| had(*since, window.until, window));
        let (kept, restored) = if self.spec.snapshot_charged {
            let memory_gb = f64::from(self.spec.memory_mb) / 1024.0;
            (window.measured().as_secs_f64() * memory_gb, self.tally.created as f64 * memory_gb)
        } else {
            (0.0, 0.0)
        };
        let had = self.provisioned_ns + still_there.sum::<u128>();
        let integrals = &self.tally.integrals;
        let existed = integrals.starting + integrals.busy + integrals.idle + self.short_ns;
        let seconds = |nanos: u128| nanos as f64 / 1e9;
        let cpu = &self.spec.cpu;
        let executed_ns = self.billed_ns + self.billed_provisioned_ns;
        let executed = seconds(executed_ns);
        let ephemeral_mb =
            self.spec.ephemeral_storage_mb.unwrap_or(0).saturating_sub(billing.extras.ephemeral_included_mb);
        if self.pays_for_nodes {
            // What its instances use is in the price of the nodes.
            return Usage { requests: self.tally.started() as f64, ..Usage::default() };
        }
        Usage {
            cpu: CpuUsage {
                vcpu_s: cpu.vcpus * executed,
                ghz_s: cpu.ghz * executed,
                cpu_s: match cpu.sharing {
                    Some(_) => seconds(self.computed_ns),
                    None => cpu.bound_share * seconds(integrals.in_progress),
                },
                instance_vcpu_s: cpu.vcpus * seconds(existed),
                minimum_idle_vcpu_s: 0.0,
            },
            instance_gb_s: cost::gb_seconds(memory_mb, existed),
            requests: self.tally.started() as f64,
            on_demand_gb_s: gb_s(self.billed_ns),
            provisioned_gb_s: gb_s(had),
            provisioned_execution_gb_s: gb_s(self.billed_provisioned_ns),
            ephemeral_gb_s: cost::gb_seconds(ephemeral_mb, executed_ns),
            snapshot_cache_gb_s: kept,
            snapshot_restored_gb: restored,
            ..Usage::default()
        }
    }
}
