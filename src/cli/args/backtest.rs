//! What can be typed after `forewarm backtest`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::shared::{ChangeArgs, FormatArgs};
use super::value;
use crate::study::backtest::Knob;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  forewarm backtest shop.toml --measured lambda.log
  forewarm backtest shop.toml --measured lambda.log --calibrate function.shop.keep-alive.fixed.window=60s..3600s
  forewarm backtest shop.toml --measured metrics.json pods.json --format json
  forewarm backtest today.toml --measured lambda.log --against tomorrow.toml

The recorded requests are replayed through the settings of the scenario; its sources do not matter. Each metric stands beside what \
was measured, and the verdict says whether the measured value lies where 95 % of single runs of the simulation do.

With --calibrate at most three parameters are fitted on the first 70 % of the time; the errors on the held-out 30 % say whether \
that is worth anything. With --against both scenarios meet the same requests, and their differences are paired.")]
pub(in crate::cli) struct BacktestArgs {
    /// The scenario file; `-` reads it from standard input
    #[arg(value_name = "SCENARIO")]
    pub(in crate::cli) path: PathBuf,
    /// Logs, traces or metrics, as `forewarm fit` reads them
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub(in crate::cli) measured: Vec<PathBuf>,
    /// Compare with another scenario under the same requests
    #[arg(long, value_name = "SCENARIO", conflicts_with = "calibrate")]
    pub(in crate::cli) against: Option<PathBuf>,
    /// Fit a parameter within a range on the first 70 % of the time; may be repeated, three times at most
    #[arg(long, value_name = "KEY=LOW..HIGH", value_parser = value::knob)]
    pub(in crate::cli) calibrate: Vec<Knob>,
    #[command(flatten)]
    pub(in crate::cli) changes: ChangeArgs,
    /// Worker threads, which do not change the result [default: one for each core]
    #[arg(long, value_name = "N", value_parser = value::threads)]
    pub(in crate::cli) threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(in crate::cli) format: FormatArgs,
    /// Print nothing but errors and what --format json asks for
    #[arg(long, short)]
    pub(in crate::cli) quiet: bool,
    /// Show no progress bar
    #[arg(long)]
    pub(in crate::cli) no_progress: bool,
}
