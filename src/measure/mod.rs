//! What is recorded of a run: summary, time series, distributions, cost.

mod alarm;
mod batches;
pub mod chaos;
pub mod comparison;
mod cost;
mod critical;
mod details;
pub mod evidence;
mod flow;
mod minimum;
pub mod monitor;
mod objective;
mod packed;
mod path;
mod peaks;
pub mod plan;
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
pub use flow::CallsResult;
pub use minimum::MinimumInstances;
pub use path::{Components, Figures, Group};
pub use recorder::{Recorder, TOGETHER_MAX, Total};
pub use replication::{FunctionRecord, Replication};
pub use replications::Replications;
pub(crate) use result::precision_reached;
pub use window::Window;

/// Everything a run leaves: what reports are made from.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// The statistics.
    pub summary: summary::Summary,
    /// What happened when.
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
    /// What kind of result it is, as in `run`. Folders written before there was one have none: see [`Manifest::kind`].
    #[serde(default)]
    pub kind: String,
    /// The command line, or whatever else made it.
    pub command: String,
    /// Hash of the resolved scenario.
    pub scenario_hash: String,
    /// The resolved scenario as text.
    pub scenario: String,
    /// Root of the random numbers.
    pub seed: u64,
    /// Independent runs.
    pub replications: u32,
    /// Worker threads.
    pub threads: usize,
    /// Time it took, s.
    pub wall_s: f64,
    /// Invocations simulated, over all replications.
    pub invocations: u64,
    /// Simulated invocations for each second of wall time.
    pub invocations_per_s: f64,
    /// The files beside it that were written with it: whatever else is in the folder belongs to somebody else.
    #[serde(default)]
    pub files: Vec<String>,
}

impl Manifest {
    /// The kind of the result; of an old folder, the command that made it.
    #[must_use]
    pub fn kind(&self) -> &str {
        let of_command = || self.command.split_whitespace().nth(1).unwrap_or_default();
        if self.kind.is_empty() { of_command() } else { &self.kind }
    }
}
