//! What a replication leaves: numbers that are not means yet.

use super::cost::Usage;
use super::summary::Shape;
use super::tally::LIMITS;
use super::timeline::Point;
use crate::engine::EventCounts;
use crate::stats::Histogram;

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
