//! Recorded requests. Files are opened by somebody else and read as they are (plain, gzip, zstd). What is kept
//! of them is small: counts in few bytes, requests in 16 bytes each, up to a bound.

mod azure_2019;
mod blocks;
mod decimal;
mod error;
mod moment;
mod names;
mod parameters;
mod rate;
mod rows;
pub mod stats;
mod table;
pub mod write;

pub use azure_2019::{Azure2019, Azure2019Files};
pub(crate) use error::{CONFIDENTIAL, is_of_environment};
pub use error::{OnError, Remark, Skipped, TraceError};
pub use parameters::{RateTraceSpec, TraceFormat, TraceSpec};
pub use rate::{RateOptions, RateTrace};
pub use rows::{Request, RowFormat, RowOptions, RowReader, RowTrace};
pub use stats::TraceStats;

use crate::dist::Dist;
use crate::workload::Input;
use table::Table;

/// A function that a trace brings, and what the trace knows about it.
#[derive(Clone, Debug, Default)]
pub struct TraceFunction {
    /// Letters, digits, `-`, `_`; unique in the trace.
    pub name: String,
    /// Functions with the same number belong to one app; none where the trace does not know apps.
    pub app: Option<u64>,
    /// What calls it (http, timer, queue ...), if that is known; else empty.
    pub trigger: String,
    /// Memory, MB.
    pub memory_mb: Option<u32>,
    /// The law of its duration, where the trace has one for the function.
    pub duration: Option<Dist>,
    /// Whether each request brings its own duration.
    pub has_durations: bool,
    /// The mean of the durations that its requests bring, seconds, where they are kept.
    pub duration_mean_s: Option<f64>,
    /// Its requests.
    pub invocations: u64,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceKind {
    /// A row for each request.
    Rows(RowFormat),
    /// Counts by function and minute.
    Azure2019,
    /// Counts by interval.
    Rate,
}

impl TraceKind {
    /// Tells by its columns how a file is written.
    ///
    /// # Errors
    /// If it cannot be read, or its columns are those of no known trace.
    pub fn of(input: &Input) -> Result<Self, TraceError> {
        let table = Table::open(input, None)?;
        let has = |columns: &[&str]| columns.iter().all(|column| table.column(&[column]).is_some());
        if has(&["time_s", "function"]) {
            Ok(Self::Rows(RowFormat::Forewarm))
        } else if has(&["app", "func", "end_timestamp"]) {
            Ok(Self::Rows(RowFormat::Azure2021))
        } else if has(&["HashApp", "HashFunction"]) {
            Ok(Self::Azure2019)
        } else if rate::Columns::find(&table, &RateOptions::default()).is_ok() {
            Ok(Self::Rate)
        } else {
            let help = "known are time_s,function (forewarm), app,func,end_timestamp,duration (Azure 2021), \
                        HashApp,HashFunction,1,2,... (Azure 2019), and a time with a count or a rate";
            Err(TraceError::new(&input.name, Some(1), "the columns match no known trace format").help(help))
        }
    }
}
