//! Options that several commands share.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::value;

/// How a simulation is carried out, and where its results go.
#[derive(Debug, Args)]
pub(in crate::cli) struct JobArgs {
    /// Folder for the results; earlier results in it are replaced, and a folder with other files is refused [default:
    /// results/NAME or results/NAME-VARIANT, after the scenario]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Number of worker threads; does not change the results [default: one per core]
    #[arg(long, value_name = "N", value_parser = value::threads)]
    pub(in crate::cli) threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(in crate::cli) format: FormatArgs,
    /// Print only errors (and the JSON of --format json)
    #[arg(long, short)]
    pub(in crate::cli) quiet: bool,
    /// Print all details instead of the answer alone
    #[arg(long, short, conflicts_with = "quiet")]
    pub(in crate::cli) verbose: bool,
    /// Do not show a progress bar
    #[arg(long)]
    pub(in crate::cli) no_progress: bool,
}

/// Changes to the scenario, a variant among them.
#[derive(Debug, Args)]
pub(in crate::cli) struct ScenarioArgs {
    /// Apply a variant of the scenario
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) variant: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) changes: ChangeArgs,
}

/// Changes to the scenario.
#[derive(Debug, Args)]
pub(in crate::cli) struct ChangeArgs {
    /// Override a value by its dotted key, as in function.checkout.memory=512MB; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::change)]
    pub(in crate::cli) set: Vec<(String, String)>,
    /// Random seed (overrides simulation.seed)
    #[arg(long, value_name = "N")]
    pub(in crate::cli) seed: Option<u64>,
    /// Number of independent replications (overrides simulation.replications)
    #[arg(long, value_name = "N")]
    pub(in crate::cli) replications: Option<u32>,
    /// Refuse to read files outside the scenario's folder; use it for scenarios from others
    #[arg(long)]
    pub(in crate::cli) confine_files: bool,
}

/// What makes a result fail.
#[derive(Debug, Args)]
pub(in crate::cli) struct EnforceArgs {
    /// Count an objective as met only if its whole 95 % confidence interval is within the bound. With =OBJECTIVE, also add
    /// an objective, as in --enforce='latency_s.p99<800ms' or --enforce='function.NAME:rejection_ratio<1%'; may be repeated
    #[arg(long, value_name = "OBJECTIVE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(in crate::cli) enforce: Vec<String>,
    /// Write the objectives to this file as JUnit XML, whether or not they are met
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) junit: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct FormatArgs {
    /// Format of standard output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(in crate::cli) format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// Human-readable summary
    Text,
    /// The result as JSON, and nothing else
    Json,
}
