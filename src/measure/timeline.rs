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
    /// Where requests may be on a path: the sources.
    pub sources: Vec<SourceSeries>,
    /// The node groups.
    pub nodes: Vec<NodeSeries>,
}

/// One node group's intervals in order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSeries {
    /// The node group.
    pub group: String,
    /// One point for each interval.
    pub points: Vec<NodePoint>,
}

/// One source's intervals in order of time; counts are means over replications.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSeries {
    /// The source.
    pub source: String,
    /// For each interval: requests that arrived, requests that were answered successfully, and attempts that were made in it.
    pub points: Vec<[f64; 3]>,
}

/// One function's (or the total's) intervals in order of time, from the start of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The function; none: the total.
    pub function: Option<String>,
    /// One point for each interval.
    pub points: Vec<Point>,
}

/// Declares the columns of a time series, each with its name in files.
macro_rules! columns {
    ($(#[$doc:meta])* $point:ident { $(#[doc = $about:literal] $field:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $point {
            $(#[doc = $about] pub $field: f64,)*
        }
        impl $point {
            /// The names of its numbers in files, in their order.
            pub const COLUMNS: [&str; [$($name),*].len()] = [$($name),*];

            /// Its numbers, in the order of [`Self::COLUMNS`].
            #[must_use]
            pub const fn values(&self) -> [f64; Self::COLUMNS.len()] {
                [$(self.$field),*]
            }

            /// The point with these numbers, in the order of [`Self::COLUMNS`].
            #[must_use]
            pub const fn of(values: [f64; Self::COLUMNS.len()]) -> Self {
                let [$($field),*] = values;
                Self { $($field),* }
            }
        }
    };
}

columns! {
    /// One interval. Counts are means over replications, levels are weighted by time.
    Point {
        /// Requests that arrived.
        arrived = "requests_arrived",
        /// Requests completed.
        completed = "requests_completed",
        /// Requests rejected.
        rejected = "requests_rejected",
        /// Requests timed out.
        timed_out = "requests_timed_out",
        /// Invocations a limit rejected or delayed.
        throttled = "invocations_throttled",
        /// Invocations for which an instance was created.
        cold = "invocations_cold",
        /// Mean number of busy instances.
        instances_busy = "instances_busy_mean",
        /// Mean number of warm instances without a request.
        instances_idle = "instances_idle_mean",
        /// Mean number of instances being started.
        instances_starting = "instances_starting_mean",
        /// Mean number of requests in progress.
        concurrency = "concurrency_mean",
        /// Mean number of requests waiting for capacity.
        queue = "queue_mean",
        /// Median latency of requests completed in the interval, s; NaN without any.
        latency_s_p50 = "latency_s_p50",
        /// 95th percentile.
        latency_s_p95 = "latency_s_p95",
        /// 99th percentile.
        latency_s_p99 = "latency_s_p99",
    }
}

columns! {
    /// One interval of a node group: means over time and replications.
    NodePoint {
        /// Mean number of nodes, those that boot included.
        nodes = "nodes_mean",
        /// Mean number of instances that wait for a node.
        pending = "pending_pods_mean",
        /// CPU that instances request over that of the nodes; NaN without nodes.
        cpu_utilization = "cpu_utilization",
        /// Memory that instances request over that of the nodes; NaN without nodes.
        memory_utilization = "memory_utilization",
    }
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
    /// T_wait before an instance was assigned.
    pub queueing: Bins,
    /// T_wait for an instance to start.
    pub cold_start: Bins,
}
