//! Recorded requests. Files are opened by somebody else, read as they are (plain, gzip, zstd) and never loaded whole.

mod azure_2019;
mod error;
mod names;
mod rate;
mod rows;
pub mod stats;
mod table;

pub use azure_2019::{Azure2019, Azure2019Files};
pub use error::{OnError, Skipped, TraceError};
pub use rate::RateTrace;
pub use rows::{RowFormat, RowReader, RowTrace};
pub use stats::TraceStats;

use crate::dist::Dist;

/// A function that a trace brings, and what the trace knows about it.
#[derive(Clone, Debug, Default)]
pub struct TraceFunction {
    /// Letters, digits, `-`, `_`; unique in the trace.
    pub name: String,
    /// Functions with the same number belong to one app.
    pub app: u64,
    /// What calls it (http, timer, queue ...), if that is known; else empty.
    pub trigger: String,
    /// Memory, MB.
    pub memory_mb: Option<u32>,
    /// The law of its running time, where the trace has one for the function.
    pub duration: Option<Dist>,
    /// Whether each request brings its own running time.
    pub has_durations: bool,
    /// Its requests.
    pub invocations: u64,
}
