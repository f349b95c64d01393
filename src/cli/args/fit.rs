//! What can be typed after `forewarm fit`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  forewarm fit lambda.log --out fitted.toml
  forewarm fit insights.csv --out fitted.toml --report fitted.html
  forewarm fit access.log; forewarm fit k6.json; forewarm fit prometheus.json
  forewarm import template.yaml --traffic fitted.toml --out shop.toml

Supported input: AWS Lambda logs, CloudWatch Logs Insights and metrics, Prometheus range queries, OTLP and X-Ray traces, logs of ALB, \
API Gateway, nginx and Apache, results of k6, Locust and JMeter, the request log of forewarm, and tables with a row for each \
request or interval. Several files are read as one; .gz and .zst are unpacked.

The scenario is written to FILE or standard output; the findings go to the other stream.")]
pub(in crate::cli) struct FitArgs {
    /// Logs, traces or metrics; `-` reads standard input
    #[arg(value_name = "FILE", required = true)]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// Write the scenario to this file, which must not exist yet [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Write a page with charts of the data and the fit to this file; an existing page is replaced
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) report: Option<PathBuf>,
    /// Print only errors (and the scenario, without --out)
    #[arg(long, short)]
    pub(in crate::cli) quiet: bool,
}
