//! What can be typed after `forewarm import`.

use std::path::PathBuf;

use clap::Args;

use super::value;
use crate::time::Span;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  forewarm import template.yaml                                          SAM or CloudFormation
  forewarm import template.yaml --rps 50 --p50 120ms --p99 900ms --out shop.toml
  forewarm import serverless.yml queues.yaml --rps checkout=20 --rps search=5
  terraform show -json plan.tfplan > plan.json; forewarm import plan.json
  kubectl get deployment,hpa,scaledobject,ksvc -o yaml > all.yaml; forewarm import all.yaml
  forewarm import template.yaml --traffic fitted.toml --out shop.toml    what `forewarm fit` wrote

The scenario is written to FILE or standard output; the list of what was understood, assumed and ignored goes to the other stream. \
Infrastructure files do not say how many requests arrive or how long they run: what the options do not give is marked as ASSUMED.")]
pub(in crate::cli) struct ImportArgs {
    /// SAM, CloudFormation, serverless.yml, a Terraform plan or state as JSON, Kubernetes YAML, host.json, output of the aws
    /// command; several files are combined; `-` reads standard input
    #[arg(value_name = "FILE", required = true)]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// The traffic: a trace or counts per interval (.csv), or a scenario from `forewarm fit` (.toml)
    #[arg(long, value_name = "FILE", conflicts_with = "rps")]
    pub(in crate::cli) traffic: Option<PathBuf>,
    /// Average requests per second, of each function that is called from outside or of the one named; may be repeated
    #[arg(long, value_name = "[NAME=]N", value_parser = value::rate_of)]
    pub(in crate::cli) rps: Vec<(Option<String>, f64)>,
    /// Median duration of a request, as in 150ms
    #[arg(long, value_name = "TIME", value_parser = value::time, requires = "p99")]
    pub(in crate::cli) p50: Option<Span>,
    /// 99th percentile of the duration, as in 600ms
    #[arg(long, value_name = "TIME", value_parser = value::time, requires = "p50")]
    pub(in crate::cli) p99: Option<Span>,
    /// Duration of a cold start [default: that of the preset]
    #[arg(long, value_name = "TIME", value_parser = value::time)]
    pub(in crate::cli) cold: Option<Span>,
    /// Write the scenario to this file, which must not exist yet [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Print only errors (and the scenario, without --out)
    #[arg(long, short)]
    pub(in crate::cli) quiet: bool,
}
