//! Measuring a run: summary, time series, distributions, cost.

mod alarm;
pub mod backtest;
mod batches;
pub mod chaos;
pub mod comparison;
mod cost;
mod critical;
mod details;
pub mod evidence;
mod fault;
mod flow;
mod minimum;
pub mod monitor;
mod objective;
mod packed;
mod path;
mod peaks;
pub mod plan;
mod quantile;
mod recorder;
mod replication;
mod replications;
mod result;
mod stability;
pub mod summary;
pub mod sweep;
mod tally;
pub mod timeline;
mod window;

use serde::{Deserialize, Serialize};

pub use alarm::{AlarmResult, Alarms, Change, State as AlarmState};
pub use batches::Batches;
pub use cost::{
    ByArchitecture, CpuUsage, MONTH, Prices, Usage, billed_duration, billed_memory_mb, gb_seconds, round_up,
};
pub use critical::LatencyPart;
pub use details::Details;
pub use fault::{FaultResult, Faults};
pub use flow::CallsResult;
pub use minimum::MinimumInstances;
pub use path::{Components, Figures, Group};
pub use recorder::{Recorder, TOGETHER_MAX, Total};
pub use replication::{FunctionRecord, Replication};
pub use replications::Replications;
pub(crate) use result::precision_reached;
pub use window::Window;

/// The complete result of a run, from which reports are created.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// The statistics.
    pub summary: summary::Summary,
    /// The time series.
    pub timeline: timeline::Timeline,
    /// The distributions of the total.
    pub distributions: timeline::Distributions,
    /// Horizontal lines for the instance chart: name and number of instances or requests.
    pub limit_lines: Vec<(String, f64)>,
}

/// How a result was made: the content of `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of forewarm.
    pub version: String,
    /// Kind of result, such as `run`. Older folders have none: see [`Manifest::kind`].
    #[serde(default)]
    pub kind: String,
    /// The command line, or other origin.
    pub command: String,
    /// Hash of the resolved scenario.
    pub scenario_hash: String,
    /// The resolved scenario as text.
    pub scenario: String,
    /// The random seed.
    pub seed: u64,
    /// Independent replications.
    pub replications: u32,
    /// Worker threads.
    pub threads: usize,
    /// Elapsed time, s.
    pub wall_s: f64,
    /// Invocations simulated, over all replications.
    pub invocations: u64,
    /// Simulated invocations per second of elapsed time.
    pub invocations_per_s: f64,
    /// The files written with it; any other file in the folder is not forewarm's.
    #[serde(default)]
    pub files: Vec<String>,
}

impl Manifest {
    /// The kind of result; for older folders, derived from the command.
    #[must_use]
    pub fn kind(&self) -> &str {
        let of_command = || self.command.split_whitespace().nth(1).unwrap_or_default();
        if self.kind.is_empty() { of_command() } else { &self.kind }
    }
}
