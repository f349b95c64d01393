//! What `forewarm run` writes while it simulates: files about its first replication.

use std::path::PathBuf;

use clap::Args as Group;

/// Files that are written while the first replication is simulated.
#[derive(Debug, Group)]
pub(in crate::cli) struct LogArgs {
    /// Write a row for each request of the first replication to this file: .csv, .csv.gz, .csv.zst or .parquet
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) requests: Option<PathBuf>,
    /// Write the instances and invocations of the first replication as Chrome trace events: .json or .json.gz
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) timeline: Option<PathBuf>,
    /// Write each scaling decision of the first replication, with its inputs and its reason: .csv, .csv.gz or .csv.zst
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) decisions: Option<PathBuf>,
    /// Write metrics of each minute of the first replication under the names of CloudWatch, or of Knative: .csv, or .om for
    /// OpenMetrics
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) metrics: Option<PathBuf>,
    /// Write sampled requests of the first replication as OpenTelemetry traces (OTLP/JSON): .json, or .jsonl with a trace on each
    /// line
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) traces: Option<PathBuf>,
    /// With --traces: write every N-th request of each source
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    pub(in crate::cli) traces_sample: u64,
}
