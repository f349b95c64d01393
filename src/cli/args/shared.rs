//! Options that several commands share.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::value;

/// How a simulation is carried out, and where its results go.
#[derive(Debug, Args)]
pub(in crate::cli) struct JobArgs {
    /// Folder for the results [default: results/NAME, after the scenario, or results/NAME-VARIANT]; earlier results there
    /// are replaced, a folder with other files in it is refused
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Worker threads, which do not change the result [default: one for each core]
    #[arg(long, value_name = "N", value_parser = value::threads)]
    pub(in crate::cli) threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(in crate::cli) format: FormatArgs,
    /// Print nothing but errors and what --format json asks for
    #[arg(long, short)]
    pub(in crate::cli) quiet: bool,
    /// Print everything that has room on a terminal, and not the answer alone
    #[arg(long, short, conflicts_with = "quiet")]
    pub(in crate::cli) verbose: bool,
    /// Show no progress bar
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
    /// Set a value of the scenario by its dotted key, as in function.checkout.memory=512MB; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::change)]
    pub(in crate::cli) set: Vec<(String, String)>,
    /// Root of the random numbers, in place of simulation.seed
    #[arg(long, value_name = "N")]
    pub(in crate::cli) seed: Option<u64>,
    /// Independent runs, in place of simulation.replications
    #[arg(long, value_name = "N")]
    pub(in crate::cli) replications: Option<u32>,
    /// Refuse to read files outside the folder of the scenario, for scenarios that others wrote
    #[arg(long)]
    pub(in crate::cli) confine_files: bool,
}

/// What makes a result fail.
#[derive(Debug, Args)]
pub(in crate::cli) struct EnforceArgs {
    /// Let an objective be met only if all of its 95 % interval is. With =OBJECTIVE: add one, as in
    /// --enforce='latency_s.p99<800ms' or ='function.NAME:rejection_ratio<1%'; may be repeated
    #[arg(long, value_name = "OBJECTIVE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(in crate::cli) enforce: Vec<String>,
    /// Write the objectives as JUnit XML, as CI systems read it, whether they are met or not
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) junit: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct FormatArgs {
    /// What standard output carries; json: the result and nothing else
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(in crate::cli) format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// For people
    Text,
    /// For scripts
    Json,
}
