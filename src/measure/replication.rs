//! The raw results of a replication.

use super::alarm::History;
use super::cost::Usage;
use super::critical::Spent;
use super::fault::FaultMeasures;
use super::flow::Arrow;
use super::stability::Tipped;
use super::summary::Shape;
use super::tally::{LIMITS, LatencyOfAll};
use super::timeline::{NodePoint, Point};
use crate::engine::EventCounts;
use crate::id::{FnId, SourceId};
use crate::path::books::Books;
use crate::stats::Histogram;

/// Measurements of one replication for a subject.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    /// What was measured; the cost is not known yet.
    pub(super) shape: Shape<f64>,
    /// If requests failed: quantiles of latency over all requests.
    pub(super) latency_of_all: Option<LatencyOfAll>,
    /// Rejected by a breaker, out of retry budget, too old: included in rejected, failed and timed out.
    pub(super) by_path: [u64; 3],
}

/// What one replication measured of one function.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FunctionMeasures {
    /// What was measured.
    pub(super) record: Record,
    /// Throttled by each of [`LIMITS`].
    pub(super) throttled: [u64; LIMITS.len()],
    /// Rejected because the queue was full.
    pub(super) queue_full: u64,
    /// Timed out in the queue.
    pub(super) gave_up: u64,
    /// Timed out while running.
    pub(super) cut_off: u64,
    /// Its stability, if functions have a time series.
    pub(super) tipped: Tipped,
}

/// One replication of one function.
#[derive(Clone, Debug)]
pub struct FunctionRecord {
    /// Its numbers.
    pub(super) measures: FunctionMeasures,
    /// What is charged for.
    pub(super) usage: Usage,
    /// Its time series, where functions have one.
    pub(super) points: Vec<Point>,
    /// Its batches, where intervals are made from them.
    pub(super) batches: Vec<Shape<f64>>,
    /// What it generated, where it serves requests in batches.
    pub(super) generation: Option<Books>,
    /// How long its instances waited for a node and for their image, where there are nodes.
    pub(super) starts: Option<Books>,
}

/// What one replication measured of everything.
#[derive(Clone, Debug)]
pub struct RunMeasures {
    /// The total.
    pub(super) total: Record,
    /// Sources that share a function, in the order of the scenario; any other equals its function.
    pub(super) sources: Vec<(SourceId, Record)>,
    /// For each objective that names a time, the requests answered within it.
    pub(super) answered: Vec<u64>,
    /// Whether everything kept up.
    pub(super) tipped: Tipped,
    /// The books of the components, in the order of the scenario.
    pub(super) components: Vec<Books>,
    /// The books of the functions that serve requests in batches.
    pub(super) generated: Vec<(FnId, Books)>,
    /// How long instances of functions waited for a node and for their image.
    pub(super) starts: Vec<(FnId, Books)>,
    /// Where requests may be on a path: who called whom, in the order of the scenario.
    pub(super) arrows: Vec<Arrow>,
    /// And where their time went.
    pub(super) spent: Option<Spent>,
    /// What became of each alarm of the scenario.
    pub(super) alarms: Vec<History>,
    /// What each fault of the scenario did.
    pub(super) faults: Vec<FaultMeasures>,
    /// The books of the node groups, in the order of the scenario.
    pub(super) nodes: Vec<Books>,
    /// Events by kind.
    pub(super) events: EventCounts,
}

/// One replication of everything.
#[derive(Clone, Debug)]
pub struct Replication {
    /// Its numbers.
    pub(super) measures: RunMeasures,
    /// Every function, in the order of the scenario.
    pub(super) functions: Vec<FunctionRecord>,
    /// The time series of the total.
    pub(super) points: Vec<Point>,
    /// T_exec, T_func, queueing, cold start of the total.
    pub(super) histograms: [Histogram; 4],
    /// Where requests may be on a path: interval by interval arrived, succeeded, attempts and failed of each source.
    pub(super) source_points: Vec<Vec<[u64; 4]>>,
    /// The time series of the node groups.
    pub(super) node_points: Vec<Vec<NodePoint>>,
    /// The batches of the total, where intervals are made from them.
    pub(super) batches: Vec<Shape<f64>>,
}

impl Replication {
    /// Requests simulated, the warm-up included.
    #[must_use]
    pub const fn simulated(&self) -> u64 {
        self.measures.events.arrivals
    }
}

impl RunMeasures {
    /// Failures that only occur on a path: rejected by a breaker, out of retry budget, too old.
    pub(super) fn by_path(&self, source: SourceId) -> [u64; 3] {
        self.source(source).map_or([0; 3], |record| record.by_path)
    }

    /// A source that is measured apart.
    pub(super) fn source(&self, source: SourceId) -> Option<&Record> {
        self.sources.iter().find(|(id, _)| *id == source).map(|(_, record)| record)
    }
}
