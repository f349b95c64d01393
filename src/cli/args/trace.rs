//! What can be typed after `forewarm trace`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, value_parser};

use super::shared::FormatArgs;
use super::value;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum TraceCommand {
    /// Summarize a trace: functions, rate over time, durations, burstiness
    Inspect(InspectArgs),
    /// Generate a trace of a population of functions like that of Azure
    Generate(GenerateArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  forewarm trace inspect requests.csv.gz
  forewarm trace inspect invocations.csv --durations durations.csv
  forewarm trace inspect rates.csv --format json | jq .peak

Supported formats: forewarm's own (time_s,function[,duration_s][,memory_mb]), Azure Functions 2019 and 2021, and counts \
or rates per interval (time,count). The format is recognized by its columns; gzip and zstd files are decompressed.")]
pub(in crate::cli) struct InspectArgs {
    /// The trace; for Azure 2019, the file of invocations
    #[arg(value_name = "FILE")]
    pub(in crate::cli) path: PathBuf,
    /// Azure 2019: the file of durations
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) durations: Option<PathBuf>,
    /// Azure 2019: the file of memory
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) memory: Option<PathBuf>,
    /// Skip and count rows that cannot be read
    #[arg(long)]
    pub(in crate::cli) skip_errors: bool,
    #[command(flatten)]
    pub(in crate::cli) format: FormatArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  forewarm trace generate --functions 500 --invocations 1000000 --out azure/
  forewarm trace generate --functions 20 --invocations 50000 --as forewarm --out requests.csv.gz

The distributions are those of Shahrad et al., \"Serverless in the Wild\" (ATC 2020). A scenario can also use such a population \
without a file: arrivals.population = { functions = 500, invocations-per-day = 1e6 }.")]
pub(in crate::cli) struct GenerateArgs {
    /// Number of functions
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub(in crate::cli) functions: u32,
    /// Requests per day, over all functions
    #[arg(long, value_name = "N", default_value_t = 100_000.0, value_parser = value::requests)]
    pub(in crate::cli) invocations: f64,
    /// Length of the trace, in minutes
    #[arg(long, value_name = "N", default_value_t = 1_440, value_parser = value_parser!(u32).range(1..=100_000))]
    pub(in crate::cli) minutes: u32,
    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(in crate::cli) seed: u64,
    /// Format of the trace
    #[arg(long = "as", value_name = "KIND", value_enum, default_value_t = GenerateKind::Azure2019)]
    pub(in crate::cli) kind: GenerateKind,
    /// Output: for azure-2019 a folder, which gets three files; for forewarm a file (.csv, .csv.gz or .csv.zst)
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) out: PathBuf,
    /// Print only errors
    #[arg(long, short)]
    pub(in crate::cli) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum GenerateKind {
    /// Counts per function and minute, with durations and memory in separate files
    #[value(name = "azure-2019")]
    Azure2019,
    /// One row per request
    Forewarm,
}
