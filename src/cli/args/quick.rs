//! What can be typed after `forewarm quick`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::shared::FormatArgs;
use super::value;
use crate::cli::exit::CliError;
use crate::cli::print::name_of;
use crate::scenario::quick::Quick;
use crate::scenario::registry;
use crate::time::Span;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  forewarm quick --rps 300 --p50 150ms --p99 600ms
  forewarm quick --preset aws-lambda --rps 300 --p50 150ms --p99 600ms --cold 2s --memory 1GB --slo 'p99<800ms'
  forewarm quick --preset gcp-cloud-run --rps 300 --p50 150ms --p99 600ms --slo 'p99<800ms'
  forewarm quick --rps 5 --p50 80ms --p99 400ms --slo 'p99<1s' --slo 'cold_start_ratio<1%' --save shop.toml

One function, called at a constant average rate (a Poisson process), in a scenario that --save writes for run, compare and plan. \
With --slo it also finds the number of warm instances (on AWS Lambda, the provisioned concurrency) that meets every \
objective at the lowest cost.

Exit code 1: an objective is missed, and no tried setting meets all of them.")]
pub(in crate::cli) struct QuickArgs {
    /// The platform, with its limits, cold starts and prices
    #[arg(long, value_name = "NAME", default_value = "aws-lambda", value_parser = presets())]
    pub(in crate::cli) preset: String,
    /// Average requests per second
    #[arg(long, value_name = "N", value_parser = value::rate)]
    pub(in crate::cli) rps: f64,
    /// Median duration of a request, as in 150ms
    #[arg(long, value_name = "TIME", value_parser = value::time)]
    pub(in crate::cli) p50: Span,
    /// 99th percentile of the duration, as in 600ms
    #[arg(long, value_name = "TIME", value_parser = value::time)]
    pub(in crate::cli) p99: Span,
    /// Duration of a cold start [default: that of the preset]
    #[arg(long, value_name = "TIME", value_parser = value::time)]
    pub(in crate::cli) cold: Option<Span>,
    /// Memory of an instance [default: 1GB, or the nearest that the platform has]
    #[arg(long, value_name = "SIZE", value_parser = value::plain)]
    pub(in crate::cli) memory: Option<String>,
    /// An objective: `METRIC<VALUE` or `METRIC>VALUE`; p99 alone means that of the latency; may be repeated
    #[arg(long, value_name = "OBJECTIVE", value_parser = value::slo)]
    pub(in crate::cli) slo: Vec<value::Slo>,
    /// Write the scenario to this file, which must not exist yet
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) save: Option<PathBuf>,
    /// Random seed
    #[arg(long, value_name = "N")]
    pub(in crate::cli) seed: Option<u64>,
    /// Number of worker threads; does not change the results [default: one per core]
    #[arg(long, value_name = "N", value_parser = value::threads)]
    pub(in crate::cli) threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(in crate::cli) format: FormatArgs,
    /// Do not show a progress bar
    #[arg(long)]
    pub(in crate::cli) no_progress: bool,
}

impl QuickArgs {
    /// What the scenario is made from.
    ///
    /// # Errors
    /// Options that contradict each other.
    pub(in crate::cli) fn scenario(&self) -> Result<Quick, CliError> {
        if self.p99 < self.p50 {
            let message = format!("--p99 {} is shorter than --p50 {}", self.p99, self.p50);
            return Err(CliError::input(message, "99 of 100 requests take at least as long as half of them"));
        }
        let name = self.save.as_deref().map_or_else(|| "quick".to_owned(), name_of);
        Ok(Quick {
            name,
            preset: self.preset.clone(),
            rps: self.rps,
            p50: self.p50,
            p99: self.p99,
            cold: self.cold,
            memory: self.memory.clone(),
            objectives: self.slo.iter().map(|slo| slo.0.clone()).collect(),
            provisioned: Vec::new(),
        })
    }
}

fn presets() -> PossibleValuesParser {
    PossibleValuesParser::new(registry::platforms().into_iter().map(|listed| listed.name))
}
