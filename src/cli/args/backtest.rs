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
  forewarm backtest shop.toml --measured metrics.json pods.json --decisions decisions.csv --report backtest.html
  forewarm backtest today.toml --measured lambda.log --against tomorrow.toml

The recorded requests are replayed through the scenario's settings; its own sources are ignored. Each metric is shown beside the \
measured value. The verdict says whether the measured value lies within the range of 95 % of single simulation runs.

With --calibrate, up to three parameters are fitted on the first 70 % of the time; the errors on the held-out 30 % show how well \
they generalize. If pods are recorded, the autoscaler of the scenario decides again on the recorded metrics, tick by tick, and its \
decisions are compared with the recorded pods. With --against, both scenarios serve the same requests, and their differences are paired.")]
pub(in crate::cli) struct BacktestArgs {
    /// The scenario file; `-` reads it from standard input
    #[arg(value_name = "SCENARIO")]
    pub(in crate::cli) path: PathBuf,
    /// Logs, traces or metrics in a format that `forewarm fit` reads
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub(in crate::cli) measured: Vec<PathBuf>,
    /// Also replay the same requests through another scenario, and compare
    #[arg(long, value_name = "SCENARIO", conflicts_with_all = ["calibrate", "cost", "report", "decisions"])]
    pub(in crate::cli) against: Option<PathBuf>,
    /// What was charged over the time of the measurements, in US dollars
    #[arg(long, value_name = "USD", value_parser = value::amount)]
    pub(in crate::cli) cost: Option<f64>,
    /// Write a page with charts to this file, or Markdown if it ends in .md; an existing report is replaced
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) report: Option<PathBuf>,
    /// Write each decision of the autoscaler on the recorded metrics to this CSV file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) decisions: Option<PathBuf>,
    /// Calibrate a parameter within a range on the first 70 % of the time; up to three times
    #[arg(long, value_name = "KEY=LOW..HIGH", value_parser = value::knob)]
    pub(in crate::cli) calibrate: Vec<Knob>,
    #[command(flatten)]
    pub(in crate::cli) changes: ChangeArgs,
    /// Number of worker threads; does not change the results [default: one per core]
    #[arg(long, value_name = "N", value_parser = value::threads)]
    pub(in crate::cli) threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(in crate::cli) format: FormatArgs,
    /// Print only errors (and the JSON of --format json)
    #[arg(long, short)]
    pub(in crate::cli) quiet: bool,
    /// Do not show a progress bar
    #[arg(long)]
    pub(in crate::cli) no_progress: bool,
}
