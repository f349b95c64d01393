//! The observer that measures: one for each simulated cell.

use std::collections::HashMap;

use super::batches::length;
use super::cost::{self, ByArchitecture, Usage};
use super::peaks::{HighLevels, Running, SlotTrack, Slots};
use super::summary::Shape;
use super::tally::{Integrals, LIMITS, Peaks, Tally};
use super::timeline::Point;
use super::window::Window;
use crate::engine::{Cell, EventCounts, Finished, Levels, Limit, Observer, Outcome};
use crate::id::{FnId, InstanceId};
use crate::scenario::{Billing, Function, Scenario};
use crate::stats::Histogram;
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// So many functions at most are always simulated together, so that the peaks of their sum are exact.
pub const TOGETHER_MAX: usize = 32;
/// Histograms of so many functions are fine (2^10 buckets for each power of two), of more of them coarse (2^7).
const FINE_MAX: usize = 256;
/// Histograms of one interval of the time series.
const INTERVAL_BITS: u32 = 5;

/// What all functions of a replication share. Cells add to it in any order.
#[derive(Debug)]
pub struct Total {
    tally: Tally,
    intervals: Vec<Interval>,
    /// Where functions may be simulated apart.
    slots: Option<Slots>,
    /// Where they are simulated together: known after the run.
    peaks: Peaks,
    events: EventCounts,
    /// The batches, where intervals are made from them.
    batches: Vec<Tally>,
}

/// One interval of the time series: of the total, or of the function that is in it.
#[derive(Debug)]
struct Interval {
    counts: Counts,
    integrals: Integrals,
    latency: Histogram,
}

/// What happened in an interval.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    arrived: u64,
    completed: u64,
    rejected: u64,
    timed_out: u64,
    throttled: u64,
    cold: u64,
}

/// One replication of one function.
#[derive(Clone, Debug)]
pub struct FunctionRecord {
    /// What was measured; the cost is not known yet.
    pub(super) shape: Shape<f64>,
    /// What is charged for.
    pub(super) usage: Usage,
    /// Throttled by each of [`LIMITS`].
    pub(super) throttled: [u64; LIMITS.len()],
    /// Refused because the queue was full.
    pub(super) queue_full: u64,
    /// Its time series, where functions have one.
    pub(super) points: Vec<Point>,
    /// Its batches, where intervals are made from them.
    pub(super) batches: Vec<Shape<f64>>,
}

/// One replication of everything.
#[derive(Clone, Debug)]
pub struct Replication {
    /// The total; its cost is not known yet.
    pub(super) total: Shape<f64>,
    /// Every function, in the order of the scenario.
    pub(super) functions: Vec<FunctionRecord>,
    /// The time series of the total.
    pub(super) points: Vec<Point>,
    /// T_exec, T_func, queueing, cold start of the total.
    pub(super) histograms: [Histogram; 4],
    /// Events by kind.
    pub(super) events: EventCounts,
    /// The batches of the total, where intervals are made from them.
    pub(super) batches: Vec<Shape<f64>>,
}

impl Replication {
    /// Requests simulated, the warm-up included.
    #[must_use]
    pub const fn simulated(&self) -> u64 {
        self.events.arrivals
    }
}

impl Total {
    /// Nothing yet.
    #[must_use]
    pub fn new(scenario: &Scenario, window: &Window) -> Self {
        let intervals = (0..window.intervals()).map(|_| Interval::new()).collect();
        let slots = (scenario.functions.len() > TOGETHER_MAX).then(|| Slots::new(window.until));
        let tally = Tally::new(histogram_bits(scenario));
        Self { tally, intervals, slots, peaks: Peaks::default(), events: EventCounts::default(), batches: Vec::new() }
    }

    /// Adds what was recorded of other cells.
    pub fn merge(&mut self, other: &Self) {
        self.tally.merge(&other.tally);
        for (mine, theirs) in self.intervals.iter_mut().zip(&other.intervals) {
            mine.merge(theirs);
        }
        if let (Some(mine), Some(theirs)) = (&mut self.slots, &other.slots) {
            mine.merge(theirs);
        }
        self.peaks = Peaks {
            instances: self.peaks.instances.max(other.peaks.instances),
            in_progress: self.peaks.in_progress.max(other.peaks.in_progress),
            queued: self.peaks.queued.max(other.peaks.queued),
        };
        self.events += other.events;
        self.add_batches(&other.batches);
    }

    /// Adds the batches of a function or of a cell.
    pub(super) fn add_batches(&mut self, batches: &[Tally]) {
        if self.batches.is_empty() {
            self.batches = batches.to_vec();
        } else {
            self.batches.iter_mut().zip(batches).for_each(|(mine, theirs)| mine.merge(theirs));
        }
    }

    /// Whether functions that were simulated apart may have hit a limit on the requests in progress of them all.
    #[must_use]
    pub fn may_exceed(&self, limit: u32) -> bool {
        self.slots.as_ref().is_none_or(|slots| slots.in_progress_bound() > u64::from(limit))
    }

    /// The replication, when all cells are in. `functions`: every function, in the order of the scenario.
    #[must_use]
    pub fn finish(self, window: &Window, functions: Vec<FunctionRecord>) -> Replication {
        let peaks = self.slots.as_ref().map_or(self.peaks, |slots| slots.peaks(window.from, window.until));
        let static_estimate = functions.iter().map(|function| function.shape.instances.static_estimate);
        let static_estimate = static_estimate.filter(|estimate| !estimate.is_nan()).sum();
        let points = self.intervals.iter().enumerate();
        Replication {
            total: self.tally.shape(window.measured(), &peaks, static_estimate),
            functions,
            points: points.map(|(index, interval)| interval.point(window.length_of(index))).collect(),
            histograms: self.tally.histograms(),
            events: self.events,
            batches: (self.batches.iter())
                .map(|tally| tally.shape(length(window, self.batches.len()), &Peaks::default(), f64::NAN))
                .collect(),
        }
    }
}

impl Interval {
    fn new() -> Self {
        Self { counts: Counts::default(), integrals: Integrals::default(), latency: Histogram::new(INTERVAL_BITS) }
    }

    fn merge(&mut self, other: &Self) {
        self.counts.arrived += other.counts.arrived;
        self.counts.completed += other.counts.completed;
        self.counts.rejected += other.counts.rejected;
        self.counts.timed_out += other.counts.timed_out;
        self.counts.throttled += other.counts.throttled;
        self.counts.cold += other.counts.cold;
        self.integrals.merge(&other.integrals);
        if other.counts.completed > 0 {
            self.latency.merge(&other.latency);
        }
    }

    fn clear(&mut self) {
        if self.counts.completed > 0 {
            self.latency.clear();
        }
        self.counts = Counts::default();
        self.integrals = Integrals::default();
    }

    fn point(&self, length: Span) -> Point {
        let mean = |integral: u128| integral as f64 / length.as_nanos() as f64;
        let quantiles = self.latency.quantiles([0.5, 0.95, 0.99]).unwrap_or([f64::NAN; 3]);
        let [p50, p95, p99] = quantiles.map(|ns| ns / NANOS_PER_SECOND as f64);
        let Counts { arrived, completed, rejected, timed_out, throttled, cold } = self.counts;
        Point {
            arrived: arrived as f64,
            completed: completed as f64,
            rejected: rejected as f64,
            timed_out: timed_out as f64,
            throttled: throttled as f64,
            cold: cold as f64,
            instances_busy: mean(self.integrals.busy),
            instances_idle: mean(self.integrals.idle),
            instances_starting: mean(self.integrals.starting),
            concurrency: mean(self.integrals.in_progress),
            queue: mean(self.integrals.queued),
            latency_s_p50: p50,
            latency_s_p95: p95,
            latency_s_p99: p99,
        }
    }
}

/// Records a cell while it is simulated.
#[derive(Debug)]
pub struct Recorder<'a> {
    window: &'a Window,
    functions: Vec<Track<'a>>,
    total: &'a mut Total,
    /// Where several functions are simulated together.
    running: Option<Running>,
}

/// A start-up that the platform charges for, unless it comes to nothing.
#[derive(Clone, Copy, Debug)]
struct BilledStart {
    /// The part of it that is charged.
    billed: Span,
    ready: SimTime,
    provisioned: bool,
    /// Whether it began in the measured part.
    counts: bool,
}

/// One function while it is recorded: first what every event needs.
#[derive(Debug)]
#[repr(C, align(64))]
struct Track<'a> {
    /// Levels are known up to here.
    last: SimTime,
    /// Until then nothing has to be closed, neither at an edge nor a slot of the peaks.
    quiet_until: SimTime,
    /// The highest levels since something was closed.
    highest: HighLevels,
    interval: u32,
    /// Levels times time in the current interval.
    integrals: Integrals,
    billed_ns: u128,
    billing: Option<&'a Billing>,
    tally: Tally,
    spec: &'a Function,
    /// The next moment at which something has to be closed: an interval, the warm-up, the run.
    edge: SimTime,
    /// Whether `last` lies in the measured part.
    is_measuring: bool,
    slot: SlotTrack,
    peaks: Peaks,
    /// What of the current interval's integrals belongs to the warm-up.
    unmeasured: Integrals,
    /// The current interval, where functions have a time series.
    now: Option<Box<Interval>>,
    points: Vec<Point>,
    billed_provisioned_ns: u128,
    /// The start-up of instances whose first request has not ended, or that were not created for a request.
    billed_starts: HashMap<InstanceId, BilledStart>,
    /// Provisioned instances that exist, and since when.
    provisioned: HashMap<InstanceId, SimTime>,
    /// For how long provisioned instances were had that are gone, as it is charged for.
    provisioned_ns: u128,
}

impl<'a> Recorder<'a> {
    /// Records the functions of `cell` into `total`.
    #[must_use]
    pub fn new(scenario: &'a Scenario, cell: &Cell, window: &'a Window, total: &'a mut Total) -> Self {
        let bits = histogram_bits(scenario);
        let billing = scenario.platform.billing.as_ref();
        let track = |id: &FnId| Track::new(&scenario.functions[id.index()], billing, bits, window);
        let running = (cell.functions.len() > 1 && total.slots.is_none()).then(Running::default);
        Self { window, functions: cell.functions.iter().map(track).collect(), total, running }
    }

    /// The functions' records, in the order of the cell, when the simulation is over.
    #[must_use]
    pub fn finish(self, events: EventCounts) -> Vec<FunctionRecord> {
        let Self { window, mut functions, total, running } = self;
        functions.iter_mut().for_each(Track::hand_on_peaks);
        total.events += events;
        if let Some(running) = &running {
            total.peaks = running.peaks();
        } else if let [alone] = &functions[..] {
            total.peaks = alone.peaks;
        }
        functions.into_iter().map(|track| track.finish(window, total)).collect()
    }
}

impl Observer for Recorder<'_> {
    #[inline(always)]
    fn levels(&mut self, now: SimTime, function: FnId, held: &Levels) {
        if let Some(running) = &mut self.running {
            running.held(now, self.window.from, self.window.until);
        }
        let track = &mut self.functions[function.index()];
        if now > track.last {
            if now > track.quiet_until {
                track.close_until(now, held, self.window, self.total);
            }
            track.hold(now, held);
        }
    }

    #[inline]
    fn prepare(&self, function: FnId) -> u64 {
        let track = &self.functions[function.index()];
        track.last.as_nanos() ^ track.billed_ns as u64 ^ track.tally.prepare()
    }

    #[inline]
    fn prepare_finish(&self, function: FnId, latency: Span) -> u64 {
        self.functions[function.index()].tally.prepare_finish(latency)
    }

    #[inline]
    fn needs_order(&self) -> bool {
        self.running.is_some()
    }

    #[inline]
    fn arrived(&mut self, now: SimTime, function: FnId) {
        let track = &mut self.functions[function.index()];
        if let Some(interval) = track.interval_in(&mut self.total.intervals) {
            interval.counts.arrived += 1;
        }
        track.tally.arrived += u64::from(now >= self.window.from);
        if let Some(running) = &mut self.running {
            running.arrived();
        }
    }

    fn throttled(&mut self, now: SimTime, function: FnId, by: Limit) {
        let track = &mut self.functions[function.index()];
        if let Some(interval) = track.interval_in(&mut self.total.intervals) {
            interval.counts.throttled += 1;
        }
        if now >= self.window.from {
            let place = LIMITS.iter().position(|limit| *limit == by);
            place.into_iter().for_each(|place| track.tally.throttled[place] += 1);
        }
    }

    #[inline]
    fn assigned(&mut self, _: SimTime, function: FnId, cold: bool, _: bool) {
        if cold {
            let track = &mut self.functions[function.index()];
            if let Some(interval) = track.interval_in(&mut self.total.intervals) {
                interval.counts.cold += 1;
            }
        }
        if let Some(running) = &mut self.running {
            running.assigned();
        }
    }

    #[inline]
    fn finished(&mut self, request: &Finished) {
        let track = &mut self.functions[request.function.index()];
        if let Some(interval) = track.interval_in(&mut self.total.intervals) {
            interval.count(request);
        }
        track.finish_request(request, request.born >= self.window.from);
        if let Some(running) = &mut self.running {
            running.finished(request.instance.is_some());
        }
    }

    fn instance_created(
        &mut self,
        now: SimTime,
        function: FnId,
        instance: InstanceId,
        ready: SimTime,
        billed: Span,
        provisioned: bool,
    ) {
        let track = &mut self.functions[function.index()];
        let counts = now >= self.window.from && now < self.window.until;
        if provisioned {
            track.provisioned.insert(instance, now);
        } else {
            track.tally.created += u64::from(counts);
        }
        if billed > Span::ZERO && track.billing.is_some_and(|billing| billing.init_billed) {
            track.billed_starts.insert(instance, BilledStart { billed, ready, provisioned, counts });
        }
        if let Some(running) = &mut self.running {
            running.created();
        }
    }

    fn instance_found(&mut self, _: FnId, _: InstanceId, is_busy: bool) {
        if let Some(running) = &mut self.running {
            running.created();
            if is_busy {
                running.arrived();
                running.assigned();
            }
        }
    }

    fn initial_ended(&mut self, _: SimTime, _: FnId, _: InstanceId) {
        if let Some(running) = &mut self.running {
            running.finished(true);
        }
    }

    fn instance_removed(&mut self, now: SimTime, function: FnId, instance: InstanceId, created: SimTime) {
        let track = &mut self.functions[function.index()];
        if !track.provisioned.is_empty() && track.provisioned.remove(&instance).is_some() {
            track.provisioned_ns += track.had(created, now, self.window);
        }
        if !track.billed_starts.is_empty()
            && let Some(start) = track.billed_starts.remove(&instance)
        {
            track.charge_start(&start, now);
        }
        if now >= self.window.from && now < self.window.until {
            self.functions[function.index()].tally.remove(now.since(created));
        }
        if let Some(running) = &mut self.running {
            running.removed();
        }
    }
}

impl Interval {
    #[inline]
    fn count(&mut self, request: &Finished) {
        match request.outcome {
            Outcome::Completed => {
                self.counts.completed += 1;
                self.latency.record(request.ended.since(request.born).as_nanos());
            }
            Outcome::Rejected => self.counts.rejected += 1,
            Outcome::QueueTimedOut | Outcome::TimedOut => self.counts.timed_out += 1,
            Outcome::Failed | Outcome::Unfinished => {}
        }
    }
}

impl<'a> Track<'a> {
    fn new(spec: &'a Function, billing: Option<&'a Billing>, bits: u32, window: &Window) -> Self {
        let is_measuring = window.from == SimTime::ZERO;
        let end = window.end_of(0);
        Self {
            last: SimTime::ZERO,
            quiet_until: SimTime::ZERO,
            highest: HighLevels::default(),
            interval: 0,
            integrals: Integrals::default(),
            billed_ns: 0,
            billing,
            tally: Tally::new(bits),
            spec,
            edge: if is_measuring { end } else { end.min(window.from) },
            is_measuring,
            slot: SlotTrack::default(),
            peaks: Peaks::default(),
            unmeasured: Integrals::default(),
            now: window.series_by_function.then(|| Box::new(Interval::new())),
            points: Vec::new(),
            billed_provisioned_ns: 0,
            billed_starts: HashMap::new(),
            provisioned: HashMap::new(),
            provisioned_ns: 0,
        }
    }

    /// For how long a provisioned instance is charged that existed in these times.
    fn had(&self, from: SimTime, until: SimTime, window: &Window) -> u128 {
        let had = until.min(window.until).since(from.max(window.from));
        let prices = self.billing.and_then(|billing| billing.provisioned.as_ref());
        prices.map_or(0, |prices| u128::from(cost::round_up(had, prices.granularity).as_nanos()))
    }

    /// Where something is counted that happens now: where functions have no time series, with the total at once; after
    /// the last interval nobody asks.
    #[inline]
    fn interval_in<'i>(&'i mut self, total: &'i mut [Interval]) -> Option<&'i mut Interval> {
        match &mut self.now {
            Some(now) => Some(now),
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

    /// Hands on the highest levels since this was done last.
    fn hand_on_peaks(&mut self) {
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
        // After the last edge none is left, not even at the end of the clock, where sums of durations end.
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
        match &mut self.now {
            None => total.integrals.merge(&integrals),
            Some(now) => {
                now.integrals = integrals;
                total.merge(now);
                self.points.push(now.point(window.length_of(self.interval as usize)));
                now.clear();
            }
        }
        self.interval += 1;
    }

    #[inline]
    fn finish_request(&mut self, request: &Finished, counts: bool) {
        if counts {
            self.tally.finish(request);
            self.tally.queue_full += u64::from(request.outcome == Outcome::Rejected && self.has_queue());
        }
        if let (Some(billing), Some(instance)) = (self.billing, request.instance) {
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

    /// Charges what no request was charged for: the start of an instance that a policy ordered or loaded in advance. One
    /// that goes before it is ready is not charged.
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

    fn has_queue(&self) -> bool {
        matches!(self.spec.concurrency.overflow, crate::scenario::Overflow::Queue { .. })
    }

    fn finish(mut self, window: &Window, total: &mut Total) -> FunctionRecord {
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
        FunctionRecord {
            shape: self.tally.shape(measured, &self.peaks, static_estimate),
            usage: self.usage(window),
            throttled: self.tally.throttled,
            queue_full: self.tally.queue_full,
            points,
            batches: Vec::new(),
        }
    }

    /// What is charged for.
    fn usage(&self, window: &Window) -> Usage {
        if self.billing.is_none() {
            return Usage::default();
        }
        let gb_s = |nanos| ByArchitecture::only(self.spec.architecture, cost::gb_seconds(self.spec.memory_mb, nanos));
        let still_there = self.provisioned.values().map(|since| self.had(*since, window.until, window));
        let (kept, restored) = if self.spec.snapshot_charged {
            let memory_gb = f64::from(self.spec.memory_mb) / 1024.0;
            (window.measured().as_secs_f64() * memory_gb, self.tally.created as f64 * memory_gb)
        } else {
            (0.0, 0.0)
        };
        let had = self.provisioned_ns + still_there.sum::<u128>();
        let existed = self.tally.integrals.starting + self.tally.integrals.busy + self.tally.integrals.idle;
        Usage {
            instance_gb_s: cost::gb_seconds(self.spec.memory_mb, existed),
            requests: self.tally.started() as f64,
            on_demand_gb_s: gb_s(self.billed_ns),
            provisioned_gb_s: gb_s(had),
            provisioned_execution_gb_s: gb_s(self.billed_provisioned_ns),
            snapshot_cache_gb_s: kept,
            snapshot_restored_gb: restored,
            ..Usage::default()
        }
    }
}

pub(super) fn histogram_bits(scenario: &Scenario) -> u32 {
    if scenario.functions.len() <= FINE_MAX { 10 } else { 7 }
}
