//! What can be typed after `forewarm trace`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, value_parser};

use super::shared::FormatArgs;
use super::value;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum TraceCommand {
    /// Show what is in a trace: functions, rate over time, running times, burstiness
    Inspect(InspectArgs),
    /// Write an Azure-like population of functions, of any size, as a trace
    Generate(GenerateArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  forewarm trace inspect requests.csv.gz
  forewarm trace inspect invocations.csv --durations durations.csv
  forewarm trace inspect rates.csv --format json | jq .peak

Known are forewarm's own format (time_s,function[,duration_s][,memory_mb]), Azure Functions 2019 and 2021, and counts \
or rates by interval (time,count), told apart by their columns; gzip and zstd are read as they are.")]
pub(in crate::cli) struct InspectArgs {
    /// The trace; of Azure 2019 the invocations
    #[arg(value_name = "FILE")]
    pub(in crate::cli) path: PathBuf,
    /// Azure 2019: the file of running times
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) durations: Option<PathBuf>,
    /// Azure 2019: the file of memory
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) memory: Option<PathBuf>,
    /// Count rows that cannot be read and leave them out
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

The distributions are those of Shahrad et al., \"Serverless in the Wild\" (ATC 2020). A scenario can use such a population \
without a file too: arrivals.population = { functions = 500, invocations-per-day = 1e6 }.")]
pub(in crate::cli) struct GenerateArgs {
    /// How many functions
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub(in crate::cli) functions: u32,
    /// Requests a day, all functions together
    #[arg(long, value_name = "N", default_value_t = 100_000.0, value_parser = value::requests)]
    pub(in crate::cli) invocations: f64,
    /// How long the trace is, in minutes
    #[arg(long, value_name = "N", default_value_t = 1_440, value_parser = value_parser!(u32).range(1..=100_000))]
    pub(in crate::cli) minutes: u32,
    /// Root of the random numbers
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(in crate::cli) seed: u64,
    /// How it is written
    #[arg(long = "as", value_name = "KIND", value_enum, default_value_t = GenerateKind::Azure2019)]
    pub(in crate::cli) kind: GenerateKind,
    /// Where: azure-2019 writes three files into this folder, forewarm this file (also .csv.gz, .csv.zst)
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) out: PathBuf,
    /// Print nothing but errors
    #[arg(long, short)]
    pub(in crate::cli) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum GenerateKind {
    /// Counts by function and minute, running times and memory in files of their own
    #[value(name = "azure-2019")]
    Azure2019,
    /// A row for each request
    Forewarm,
}
