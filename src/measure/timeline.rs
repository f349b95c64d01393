//! What happened when: one row for each interval and series.

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// The time series of a run, pooled over replications.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// Length of an interval.
    pub interval: Span,
    /// The total first, then functions (left out where there are too many to read).
    pub series: Vec<Series>,
}

/// One function's (or the total's) intervals in order of time, from the start of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The function; none: the total.
    pub function: Option<String>,
    /// One point for each interval.
    pub points: Vec<Point>,
}

/// One interval. Counts are means over replications, levels are weighted by time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// Requests that arrived.
    pub arrived: f64,
    /// Requests completed.
    pub completed: f64,
    /// Requests refused for good.
    pub rejected: f64,
    /// Requests timed out.
    pub timed_out: f64,
    /// Invocations a limit refused or held back.
    pub throttled: f64,
    /// Invocations for which an instance was created.
    pub cold: f64,
    /// Mean number of instances serving.
    pub instances_busy: f64,
    /// Mean number of instances warm and free.
    pub instances_idle: f64,
    /// Mean number of instances being started.
    pub instances_starting: f64,
    /// Mean number of requests in progress.
    pub concurrency: f64,
    /// Mean number of requests waiting for capacity.
    pub queue: f64,
    /// Median latency of requests completed in the interval, s; NaN without any.
    pub latency_s_p50: f64,
    /// 95th percentile.
    pub latency_s_p95: f64,
    /// 99th percentile.
    pub latency_s_p99: f64,
}

/// A distribution for drawing: the share of values in each bin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bins {
    /// Lower edge (s), upper edge (s) and share of all values (0..=1), in order; empty bins left out.
    pub bins: Vec<(f64, f64, f64)>,
    /// Share of values that are exactly zero.
    pub zero: f64,
}

/// The distributions behind the latency chart, of completed requests of the total.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Distributions {
    /// T_exec.
    pub latency: Bins,
    /// T_func.
    pub execution: Bins,
    /// T_wait before an instance was found or ordered.
    pub queueing: Bins,
    /// T_wait for an instance to start.
    pub cold_start: Bins,
}
