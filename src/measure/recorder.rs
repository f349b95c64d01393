//! The observer that measures: one for each simulated cell.

mod function;
mod generation;
pub(super) mod interval;
pub(super) mod nodes;
mod total;

use super::peaks::OnlinePeaks;
use super::replication::FunctionRecord;
use super::tally::LIMITS;
use super::window::Window;
use crate::cluster::NodeLevels;
use crate::engine::{Cell, EventCounts, Finished, Generated, Levels, Limit, Observer};
use crate::id::{FnId, GroupId, InstanceId, LocalFn};
use crate::scenario::Scenario;
use crate::stats::books::Books;
use crate::time::{SimTime, Span};
use function::{BilledStart, FunctionRecorder};
use nodes::NodeIntervals;
pub use total::Total;

/// Up to this many functions are always simulated together, so that the peaks of their sum are exact.
pub const TOGETHER_MAX: usize = 32;

/// Records a cell while it is simulated; if a function is `ALONE` in it, no lookups are needed.
#[derive(Debug)]
pub struct Recorder<'a, const ALONE: bool> {
    window: &'a Window,
    functions: Vec<FunctionRecorder<'a>>,
    total: &'a mut Total,
    /// If several functions are simulated together.
    running: Option<OnlinePeaks>,
}

impl<'a, const ALONE: bool> Recorder<'a, ALONE> {
    /// Records the functions of `cell` into `total`.
    ///
    /// # Panics
    /// If there are several functions and `ALONE` is set.
    #[must_use]
    pub fn new(scenario: &'a Scenario, cell: &Cell, window: &'a Window, total: &'a mut Total) -> Self {
        assert!(!ALONE || cell.functions.len() == 1, "a function is alone in its cell");
        let recorder = |id: &FnId| FunctionRecorder::new(scenario, *id, window);
        let running = (cell.functions.len() > 1 && total.slots.is_none()).then(OnlinePeaks::default);
        Self { window, functions: cell.functions.iter().map(recorder).collect(), total, running }
    }

    /// The functions' records, in the order of the cell, when the simulation is over.
    #[must_use]
    pub fn finish(self, events: EventCounts) -> Vec<FunctionRecord> {
        let Self { window, mut functions, total, running } = self;
        functions.iter_mut().for_each(FunctionRecorder::hand_on_peaks);
        total.events += events;
        if let Some(running) = &running {
            total.peaks = running.peaks();
        } else if let [alone] = &functions[..] {
            total.peaks = alone.peaks;
        }
        functions.into_iter().map(|recorder| recorder.finish(window, total)).collect()
    }

    #[inline(always)]
    fn running(&mut self) -> Option<&mut OnlinePeaks> {
        if ALONE { None } else { self.running.as_mut() }
    }
}

/// The place of a function in the list of a recorder.
#[inline(always)]
const fn place<const ALONE: bool>(function: LocalFn) -> usize {
    if ALONE { 0 } else { function.index() }
}

impl<const ALONE: bool> Observer for Recorder<'_, ALONE> {
    #[inline(always)]
    fn levels(&mut self, now: SimTime, function: LocalFn, held: &Levels) {
        let (from, until) = (self.window.from, self.window.until);
        if let Some(running) = self.running() {
            running.held(now, from, until);
        }
        self.functions[place::<ALONE>(function)].advance(now, held, self.window, self.total);
    }

    #[inline]
    fn prefetch(&self, function: LocalFn) {
        self.functions[place::<ALONE>(function)].prefetch();
    }

    #[inline]
    fn prefetch_end(&self, function: LocalFn, latency: Span) {
        self.functions[place::<ALONE>(function)].tally.prefetch_end(latency);
    }

    #[inline]
    fn needs_order(&self) -> bool {
        self.running.is_some()
    }

    #[inline]
    fn arrived(&mut self, now: SimTime, function: LocalFn) {
        let recorder = &mut self.functions[place::<ALONE>(function)];
        if let Some(interval) = recorder.interval_in(&mut self.total.intervals) {
            interval.counts.arrived += 1;
        }
        recorder.tally.arrived += u64::from(now >= self.window.from);
        if let Some(running) = self.running() {
            running.arrived();
        }
    }

    fn throttled(&mut self, now: SimTime, function: LocalFn, by: Limit) {
        let recorder = &mut self.functions[place::<ALONE>(function)];
        if let Some(interval) = recorder.interval_in(&mut self.total.intervals) {
            interval.counts.throttled += 1;
        }
        if now >= self.window.from {
            let place = LIMITS.iter().position(|limit| *limit == by);
            place.into_iter().for_each(|place| recorder.tally.throttled[place] += 1);
        }
    }

    #[inline]
    fn assigned(&mut self, _: SimTime, function: LocalFn, cold: bool, _: bool) {
        if cold {
            let recorder = &mut self.functions[place::<ALONE>(function)];
            if let Some(interval) = recorder.interval_in(&mut self.total.intervals) {
                interval.counts.cold += 1;
            }
        }
        if let Some(running) = self.running() {
            running.assigned();
        }
    }

    #[inline(always)]
    fn finished(&mut self, request: &Finished) {
        let recorder = &mut self.functions[place::<ALONE>(request.function)];
        if let Some(interval) = recorder.interval_in(&mut self.total.intervals) {
            interval.count(request);
        }
        recorder.finish_request(request, request.born >= self.window.from);
        if let Some(running) = self.running() {
            running.finished(request.instance.is_some());
        }
    }

    fn instance_created(
        &mut self,
        now: SimTime,
        function: LocalFn,
        instance: InstanceId,
        ready: SimTime,
        billed: Span,
        provisioned: bool,
    ) {
        let start = BilledStart { billed, ready, provisioned, counts: self.window.measures(now) };
        self.functions[place::<ALONE>(function)].create(instance, now, start);
        if let Some(running) = self.running() {
            running.created();
        }
    }

    fn instance_begins(&mut self, _: SimTime, function: LocalFn, instance: InstanceId, ready: SimTime) {
        self.functions[place::<ALONE>(function)].begin(instance, ready);
    }

    fn nodes_closed(&mut self, group: GroupId, books: &Books) {
        self.total.nodes.push((group, books.clone()));
    }

    fn node_levels(&mut self, now: SimTime, group: GroupId, held: &NodeLevels) {
        let all = &mut self.total.node_intervals;
        if all.len() <= group.index() {
            all.resize_with(group.index() + 1, NodeIntervals::default);
        }
        all[group.index()].advance(now, held, self.window);
    }

    fn starts_closed(&mut self, function: LocalFn, books: &Books) {
        self.functions[place::<ALONE>(function)].close_starts(books);
    }

    fn served(&mut self, now: SimTime, function: LocalFn, instance: InstanceId, since: SimTime, provisioned: bool) {
        self.functions[place::<ALONE>(function)].serve(instance, since, now, provisioned, self.window);
    }

    fn generated(&mut self, now: SimTime, function: LocalFn, answer: &Generated) {
        self.functions[place::<ALONE>(function)].generate(now, answer, self.window);
    }

    fn computed(&mut self, now: SimTime, function: LocalFn, work: Span) {
        if self.window.measures(now) {
            self.functions[place::<ALONE>(function)].compute(work);
        }
    }

    fn instance_found(&mut self, _: LocalFn, _: InstanceId, is_busy: bool) {
        if let Some(running) = self.running() {
            running.created();
            if is_busy {
                running.arrived();
                running.assigned();
            }
        }
    }

    fn initial_ended(&mut self, _: SimTime, _: LocalFn, _: InstanceId) {
        if let Some(running) = self.running() {
            running.finished(true);
        }
    }

    fn instance_removed(&mut self, now: SimTime, function: LocalFn, instance: InstanceId, created: SimTime) {
        self.functions[place::<ALONE>(function)].remove(instance, created, now, self.window);
        if let Some(running) = self.running() {
            running.removed();
        }
    }
}
