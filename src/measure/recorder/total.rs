//! The functions of a replication taken together.

use super::super::alarm::{Alarms, History};
use super::super::fault::FaultMeasures;
use super::super::path::OnPath;
use super::super::peaks::Slots;
use super::super::replication::{FunctionRecord, Record, Replication, RunMeasures};
use super::super::stability::Tipped;
use super::super::tally::{Peaks, Tally};
use super::super::timeline::Point;
use super::super::window::Window;
use super::TOGETHER_MAX;
use super::interval::Interval;
use super::nodes::NodeIntervals;
use crate::engine::EventCounts;
use crate::id::{FnId, GroupId, SourceId};
use crate::scenario::Scenario;
use crate::stats::books::Books;

/// The sums over the functions of a replication. Cells add to it in any order.
#[derive(Debug)]
pub struct Total {
    pub(super) tally: Tally,
    pub(super) intervals: Vec<Interval>,
    /// If functions may be simulated separately.
    pub(super) slots: Option<Slots>,
    /// If they are simulated together; known after the run.
    pub(super) peaks: Peaks,
    pub(super) events: EventCounts,
    /// The sources that are measured separately.
    pub(in super::super) sources: Vec<(SourceId, Record)>,
    /// For each objective of the scenario that names a time, the requests answered within it.
    pub(in super::super) answered: Vec<u64>,
    /// The batches, if intervals are computed from them.
    batches: Vec<Tally>,
    /// What became of the alarms; all functions are simulated together where there are any.
    pub(in super::super) alarms: Vec<History>,
    /// What faults did; all functions are simulated together where there are any.
    pub(in super::super) faults: Vec<FaultMeasures>,
    /// Where requests may be on a path.
    pub(in super::super) on_path: Option<OnPath>,
    /// The books of the node groups, when the run is over.
    pub(super) nodes: Vec<(GroupId, Books)>,
    /// Their time series, by group.
    pub(super) node_intervals: Vec<NodeIntervals>,
}

impl Total {
    /// Nothing yet.
    #[must_use]
    pub fn new(scenario: &Scenario, window: &Window) -> Self {
        let intervals = (0..window.intervals()).map(|_| Interval::new()).collect();
        let slots = (scenario.functions.len() > TOGETHER_MAX).then(|| Slots::new(window.until));
        let tally = Tally::of(scenario);
        Self {
            tally,
            intervals,
            slots,
            peaks: Peaks::default(),
            events: EventCounts::default(),
            sources: Vec::new(),
            answered: vec![0; scenario.objectives.len()],
            batches: Vec::new(),
            alarms: Vec::new(),
            faults: Vec::new(),
            on_path: None,
            nodes: Vec::new(),
            node_intervals: Vec::new(),
        }
    }

    /// Adds what was recorded of other cells.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            tally,
            intervals,
            slots,
            peaks,
            events,
            sources,
            answered,
            batches,
            alarms,
            faults,
            on_path,
            nodes,
            node_intervals,
        } = other;
        debug_assert!(alarms.is_empty() && faults.is_empty(), "who has alarms or faults is simulated together");
        debug_assert!(node_intervals.is_empty(), "what is on nodes is simulated together");
        debug_assert!(on_path.is_none(), "what is on a path is simulated together");
        self.tally.merge(tally);
        for (mine, theirs) in self.intervals.iter_mut().zip(intervals) {
            mine.merge(theirs);
        }
        if let (Some(mine), Some(theirs)) = (&mut self.slots, slots) {
            mine.merge(theirs);
        }
        let Peaks { instances, in_progress, queued } = *peaks;
        self.peaks = Peaks {
            instances: self.peaks.instances.max(instances),
            in_progress: self.peaks.in_progress.max(in_progress),
            queued: self.peaks.queued.max(queued),
        };
        self.events += *events;
        self.sources.extend_from_slice(sources);
        self.answered.iter_mut().zip(answered).for_each(|(mine, theirs)| *mine += theirs);
        self.add_batches(batches);
        self.nodes.extend_from_slice(nodes);
    }

    /// Adds the batches of a function or of a cell.
    pub(in super::super) fn add_batches(&mut self, batches: &[Tally]) {
        if self.batches.is_empty() {
            self.batches = batches.to_vec();
        } else {
            self.batches.iter_mut().zip(batches).for_each(|(mine, theirs)| mine.merge(theirs));
        }
    }

    /// Adds what alarms saw.
    pub fn set_alarms(&mut self, alarms: Alarms) {
        self.alarms = alarms.finish();
    }

    /// Whether functions that were simulated separately may have reached their common limit on requests in progress.
    #[must_use]
    pub fn may_exceed(&self, limit: u32) -> bool {
        self.slots.as_ref().is_none_or(|slots| slots.in_progress_bound() > u64::from(limit))
    }

    /// The replication, when all cells are in. `functions`: every function, in the order of the scenario.
    #[must_use]
    pub fn finish(mut self, window: &Window, mut functions: Vec<FunctionRecord>) -> Replication {
        self.sources.sort_by_key(|(id, _)| *id);
        self.nodes.sort_by_key(|(id, _)| *id);
        let peaks = self.slots.as_ref().map_or(self.peaks, |slots| slots.peaks(window.from, window.until));
        let static_estimate = functions.iter().map(|function| function.measures.record.shape.instances.static_estimate);
        let static_estimate = static_estimate.filter(|estimate| !estimate.is_nan()).sum();
        let points = self.intervals.iter().enumerate();
        let points: Vec<Point> = points.map(|(index, interval)| interval.point(window.length_of(index))).collect();
        if self.on_path.is_some() {
            for function in &mut functions {
                function.measures.tipped = Tipped::of_backlog(&function.points, window);
            }
        }
        let mut tipped = match window.series_by_function {
            true => functions.iter().fold(Tipped::default(), |worst, function| worst.or(function.measures.tipped)),
            false if self.on_path.is_some() => Tipped::of_backlog(&points, window),
            false => Tipped::of(&points, self.tally.given_up(), window),
        };
        let mut total = Record {
            shape: self.tally.shape(window.measured(), &peaks, static_estimate),
            latency_of_all: self.tally.latency_of_all(),
            by_path: self.tally.by_path,
        };
        let mut components = Vec::new();
        let mut source_points = Vec::new();
        let (mut arrows, mut spent) = (Vec::new(), None);
        let mut points = points;
        if let Some(on_path) = self.on_path {
            on_path.points(&mut points, window);
            let OnPath { requests, sources, components: mut books, intervals: _, arrows: of_calls, critical } = on_path;
            (arrows, spent) = (of_calls.finish(), Some(critical.finish()));
            source_points = sources;
            total.latency_of_all = requests.latency_of_all();
            total.by_path = requests.by_path;
            requests.ask(&mut total.shape, window.measured());
            books.sort_by_key(|(id, _)| *id);
            components.extend(books.into_iter().map(|(_, books)| books));
            let of_sources = source_points.iter().map(|counts| Tipped::of_source(counts, window));
            let kept = components.iter().filter_map(Tipped::of_kept);
            tipped = of_sources.chain(kept).fold(tipped, Tipped::or);
        }
        let generated = functions.iter_mut().enumerate();
        let generated =
            generated.filter_map(|(place, one)| Some((FnId(place as u32), one.generation.take()?))).collect();
        let starts = functions.iter_mut().enumerate();
        let starts = starts.filter_map(|(place, one)| Some((FnId(place as u32), one.starts.take()?))).collect();
        let (sources, answered, events) = (self.sources, self.answered, self.events);
        Replication {
            measures: RunMeasures {
                total,
                sources,
                answered,
                tipped,
                components,
                generated,
                starts,
                nodes: self.nodes.into_iter().map(|(_, books)| books).collect(),
                arrows,
                spent,
                alarms: self.alarms,
                faults: self.faults,
                events,
            },
            functions,
            points,
            histograms: self.tally.histograms(),
            source_points,
            node_points: self.node_intervals.iter().map(|one| one.points(window)).collect(),
            batches: (self.batches.iter())
                .map(|tally| tally.shape(window.batch(self.batches.len()), &Peaks::default(), f64::NAN))
                .collect(),
        }
    }
}
