//! The command line.

mod backtest;
mod fit;
mod import;
mod logs;
mod quick;
mod shared;
mod trace;
mod value;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args as Group, Parser, Subcommand, ValueEnum};

use super::job::cores;
use crate::scenario::Tolerance;
use crate::scenario::template::TEMPLATES;
pub(super) use backtest::BacktestArgs;
pub(super) use fit::FitArgs;
pub(super) use import::ImportArgs;
pub(super) use logs::LogArgs;
pub(super) use quick::QuickArgs;
pub(super) use shared::{ChangeArgs, EnforceArgs, Format, FormatArgs, JobArgs, ScenarioArgs};
pub(super) use trace::{GenerateArgs, GenerateKind, InspectArgs, TraceCommand};
use value::MAX_SHARDS;

/// Simulates serverless scaling: what users will feel, what it will cost, which limit binds first.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  forewarm init web-api --out shop.toml   write an example to start from
  forewarm check shop.toml                report every problem in it
  forewarm run shop.toml                  simulate it; results in results/<name>
  forewarm compare shop.toml              which of its variants to take
  forewarm sweep shop.toml                every combination of the values in its [sweep]
  forewarm plan shop.toml                 what to set, what it costs, when it stops holding
  forewarm chaos shop.toml                which faults do the most damage
  forewarm report results/shop            rebuild the report of saved results
  forewarm quick --rps 300 --p50 150ms --p99 600ms    an answer without a file
  forewarm import template.yaml --out shop.toml       a scenario from infrastructure files
  forewarm fit lambda.log --out fitted.toml           arrivals and durations from logs

Exit codes: 0 done, 1 an objective is not met, 2 bad input or usage, 3 interrupted, 4 disk full or permission."
)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Simulate a scenario: a summary on the terminal, the results in a folder
    Run(RunArgs),
    /// Compare the scenario's variants and say which to take, by how much it is better, and how sure that is
    Compare(CompareArgs),
    /// Inject a catalogue of faults, one at a time, and rank them by damage
    Chaos(ChaosArgs),
    /// Rebuild a report from saved results (HTML, Markdown or print), or show several runs side by side
    Report(ReportArgs),
    /// Simulate every combination of the values in `[sweep]`
    Sweep(SweepArgs),
    /// Find the cheapest configuration that meets the objectives, and the load it holds up to
    Plan(PlanArgs),
    /// Answer in a few lines, without a scenario file: latency, cost, limits, and what to set
    Quick(QuickArgs),
    /// Replay measured requests through a scenario's settings and compare the results with the measurements
    Backtest(BacktestArgs),
    /// Create a scenario from infrastructure files: SAM, serverless.yml, Terraform, Kubernetes and others
    Import(ImportArgs),
    /// Estimate arrivals, durations and cold starts from logs, traces and metrics
    Fit(FitArgs),
    /// Check scenario files and report every problem at once
    Check(CheckArgs),
    /// List the policies, platforms, distributions, arrival processes and metrics that a scenario can use
    List(ListArgs),
    /// Inspect a trace of requests, or generate one
    #[command(subcommand)]
    Trace(TraceCommand),
    /// Print the JSON Schema of the scenario file, for editors
    #[command(after_help = "\
Example:
  forewarm schema > forewarm.schema.json")]
    Schema,
    /// Print a commented example scenario, or write it to a file
    Init(InitArgs),
    /// Print shell completions
    Completions(CompletionArgs),
}

impl Command {
    /// Threads of the pool; none: the command needs no pool.
    pub(super) fn threads(&self) -> Option<NonZeroUsize> {
        let asked = match self {
            Self::Run(RunArgs { job, .. })
            | Self::Compare(CompareArgs { job, .. })
            | Self::Chaos(ChaosArgs { job, .. })
            | Self::Sweep(SweepArgs { job, .. })
            | Self::Plan(PlanArgs { job, .. }) => job.threads,
            Self::Quick(args) => args.threads,
            Self::Backtest(args) => args.threads,
            // They read traces.
            Self::Check(_) | Self::Trace(_) | Self::Import(_) | Self::Report(_) => None,
            Self::Fit(_) | Self::List(_) | Self::Schema | Self::Init(_) | Self::Completions(_) => return None,
        };
        Some(asked.unwrap_or_else(cores))
    }
}

#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  forewarm run shop.toml
  forewarm run shop.toml --set function.checkout.memory=512MB --replications 10
  forewarm run shop.toml --variant provisioned --out results/provisioned
  forewarm run shop.toml --precision latency_s.p99=5% --max-replications 100
  forewarm run shop.toml --format json | jq .total.latency_s.p99.mean
  forewarm run shop.toml --requests requests.parquet --timeline timeline.json
  forewarm run shop.toml --decisions decisions.csv
  forewarm run shop.toml --metrics metrics.csv --traces traces.json --traces-sample 1000
  forewarm run shop.toml --enforce --enforce='function.checkout:latency_s.p99<800ms' --junit objectives.xml
  forewarm init | forewarm run -

Open the --timeline file at https://ui.perfetto.dev.

Exit code 1: an objective is not met. An objective is met if the mean is within its bound; with --enforce, only if the \
whole 95 % confidence interval is.")]
pub(super) struct RunArgs {
    /// The scenario file; `-` reads it from standard input
    #[arg(value_name = "SCENARIO")]
    pub(super) path: PathBuf,
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    /// Add replications until the half-width of the 95 % confidence interval is at most this: METRIC=5% (of the mean) or
    /// METRIC=VALUE; may be repeated
    #[arg(long, value_name = "METRIC=P", value_parser = value::precision_of_metric)]
    pub(super) precision: Vec<(String, Tolerance)>,
    /// With --precision: maximum number of replications [default: 200]
    #[arg(long, value_name = "N", value_parser = value::replications())]
    pub(super) max_replications: Option<u32>,
    #[command(flatten)]
    pub(super) logs: LogArgs,
    #[command(flatten)]
    pub(super) enforce: EnforceArgs,
    #[command(flatten)]
    pub(super) job: JobArgs,
}

#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  forewarm compare shop.toml
  forewarm compare shop.toml --baseline provisioned-2
  forewarm compare today.toml tomorrow.toml
  forewarm compare shop.toml --policies knative,keda,per-request
  forewarm compare shop.toml --policies all --baseline cloud-run
  forewarm compare shop.toml --platforms all
  forewarm compare shop.toml --platforms gcp-cloud-run,servers --loads 0.1..100
  forewarm compare shop.toml --precision 2% --max-replications 200
  forewarm compare shop.toml --precision latency_s.p99=0.01 --precision cost_usd.total=1%
  forewarm compare shop.toml --format json | jq '.contrasts[] | select(.verdict == \"better\")'

All contenders serve the same requests, with common random numbers. The comparison starts with the scenario's replications, \
but at least 8, and doubles them until the verdict on every metric named by an objective is clear. All verdicts hold \
simultaneously with 95 % confidence.

With --policies the contenders are policies instead of variants: only the scaling (or the keep-alive) of every function \
changes, to the defaults of the policy. A policy with a required setting, such as `max-replicas` of `hpa`, takes it from a \
variant with the policy's name. Other variants take part only if they are named too.

With --platforms the contenders are the same traffic and functions on other platforms: scaling, keep-alive, cold starts, \
concurrency and prices are those of each platform. Memory and timeouts are set to the nearest allowed value, and settings \
that have no equivalent are listed. With --loads each contender is also simulated under several loads, to find where another \
one becomes the cheapest.

Exit code 1: at least one contender, the baseline included, misses an objective.")]
pub(super) struct CompareArgs {
    /// The scenario file with its variants, or several files to compare with each other; `-` reads one from standard input
    #[arg(value_name = "SCENARIO", required = true)]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) changes: ChangeArgs,
    /// Compare scaling or keep-alive policies (see `forewarm list policies`); `all`: every policy that applies
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(super) policies: Vec<String>,
    /// Compare platforms (see `forewarm list platforms`); `all`: every platform
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "policies")]
    pub(super) platforms: Vec<String>,
    /// Also simulate loads between these multiples of the scenario's load, as in 0.1..100, to show cost over load
    #[arg(long, value_name = "FROM..TO", value_parser = value::loads)]
    pub(super) loads: Option<(f64, f64)>,
    /// The contender that the others are compared with [default: the scenario without a variant]
    #[arg(long, value_name = "NAME")]
    pub(super) baseline: Option<String>,
    /// Add replications until the half-width of the intervals is at most this: 5% (of the baseline) or METRIC=VALUE; may be
    /// repeated
    #[arg(long, value_name = "P", value_parser = value::precision)]
    pub(super) precision: Vec<(Option<String>, Tolerance)>,
    /// Maximum number of replications of each contender [default: 64]
    #[arg(long, value_name = "N", value_parser = value::replications())]
    pub(super) max_replications: Option<u32>,
    #[command(flatten)]
    pub(super) enforce: EnforceArgs,
    #[command(flatten)]
    pub(super) job: JobArgs,
}

#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  forewarm chaos shop.toml
  forewarm chaos shop.toml --replications 20 --out results/shop-chaos
  forewarm chaos shop.toml --variant with-breaker
  forewarm chaos shop.toml --format json | jq '.effects[0]'

Each fault is injected in a separate run. It starts after a third of the measured time and lasts for a tenth of it, at most \
10 minutes. If no requests arrive in that time, it starts with the next ones. All runs serve the same requests, with common random \
numbers; damage is the difference from the run without faults.

Functions, gateways and dependencies slow down (to 20 % of their speed), return errors (50 %), answer 1 s later or are down. All \
instances of a function are replaced by a deployment, or take 5 times as long to start. Queues, streams, topics and workflows \
return errors or are down. Sources send 10 times as many requests.

Faults are ranked by requests and messages lost, then by time to recover, then by p99 during the fault.")]
pub(super) struct ChaosArgs {
    /// The scenario file; `-` reads it from standard input
    #[arg(value_name = "SCENARIO")]
    pub(super) path: PathBuf,
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    #[command(flatten)]
    pub(super) job: JobArgs,
}

#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  forewarm sweep shop.toml
  forewarm sweep shop.toml --resume                            resume after an interruption
  forewarm sweep shop.toml --dry-run --shards 64               configurations, expected time, shards
  forewarm sweep shop.toml --shard 3/64 --out parts            one of 64 shards, on any machine
  forewarm sweep shop.toml --merge parts --out results/shop    combine all shards

The table [sweep] of the scenario lists keys and their values:

  [sweep]
  \"function.checkout.memory\" = [\"512MB\", \"1024MB\", \"2048MB\"]
  \"function.checkout.concurrency.provisioned\" = { from = 0, to = 50, step = 10 }
  \"source.web.arrivals.poisson.rate\" = { from = \"10/s\", to = \"1000/s\", points = 7, scale = \"log\" }

All configurations are checked before the first one runs, and all serve the same requests, with common random numbers. Finished \
configurations are kept in a folder beside the results. After Ctrl-C, a crash or a power cut, --resume continues from there \
and gives the same result. Running a shard again writes the same file.

Exit codes: 2, bad input, do not retry; 3 or 4, interrupted or I/O error, safe to retry.")]
pub(super) struct SweepArgs {
    /// The scenario file with its `[sweep]`; `-` reads it from standard input
    #[arg(value_name = "SCENARIO")]
    pub(super) path: PathBuf,
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    /// Resume an interrupted sweep, or start it
    #[arg(long, conflicts_with_all = ["shard", "merge", "dry_run"])]
    pub(super) resume: bool,
    /// Simulate only shard K of N and write it to the folder --out [default: results/NAME.parts]
    #[arg(long, value_name = "K/N", value_parser = value::shard, conflicts_with_all = ["merge", "dry_run"])]
    pub(super) shard: Option<(u32, u32)>,
    /// Combine the shards in this folder without simulating
    #[arg(long, value_name = "DIR", conflicts_with = "dry_run")]
    pub(super) merge: Option<PathBuf>,
    /// Check all configurations and estimate the work without simulating
    #[arg(long)]
    pub(super) dry_run: bool,
    /// With --dry-run: print the commands for this many shards
    #[arg(long, value_name = "N", requires = "dry_run", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_SHARDS)))]
    pub(super) shards: Option<u32>,
    #[command(flatten)]
    pub(super) job: JobArgs,
}

#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  forewarm plan shop.toml
  forewarm plan shop.toml --set objective='[{ metric = \"latency_s.p99\", below = 0.5 }]'
  forewarm plan shop.toml --set plan.confidence=0.99 --max-replications 200
  forewarm plan shop.toml --dry-run                            the work and the time it takes
  forewarm plan shop.toml --export sam --patch template.yaml | patch -p1
  forewarm plan shop.toml --format json | jq '.best as $b | .candidates[] | select(.number == $b)'

The scenario says what must be met ([[objective]]) and what may be changed ([plan]):

  [plan]
  growth = \"5%/month\"
  \"function.checkout.memory\" = { values = [\"512MB\", \"1GB\", \"2GB\"], cpu-bound-share = 0.7 }
  \"function.checkout.concurrency.provisioned\" = { from = 0, to = 20 }

The answer is the cheapest configuration that meets every objective with confidence: the whole interval is within the bound, \
not only the mean. All statements hold simultaneously with 95 % confidence.

Exit code 1: no configuration could be shown to meet every objective; the nearest one is reported.")]
pub(super) struct PlanArgs {
    /// The scenario file with its objectives and its `[plan]`; `-` reads it from standard input
    #[arg(value_name = "SCENARIO")]
    pub(super) path: PathBuf,
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    /// Print only a patch that sets the recommended values in your own file (see --patch)
    #[arg(long, value_name = "FORM", value_enum, requires = "patch")]
    pub(super) export: Option<ExportForm>,
    /// With --export: the file to patch, as `forewarm import` read it; for terraform, the plan as JSON. May be repeated for
    /// files that are only read, such as values of parameters
    #[arg(long, value_name = "FILE", requires = "export")]
    pub(super) patch: Vec<PathBuf>,
    /// Write a pull-request comment (Markdown) with before, after, cost and verdict to this file
    #[arg(long, value_name = "FILE")]
    pub(super) comment: Option<PathBuf>,
    /// Maximum number of replications of each configuration (overrides plan.max-replications)
    #[arg(long, value_name = "N", value_parser = value::replications())]
    pub(super) max_replications: Option<u32>,
    /// Check all configurations and estimate the work without planning; nothing is written
    #[arg(long, conflicts_with_all = ["export", "comment", "out"])]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) job: JobArgs,
}

#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  forewarm report results/shop                              Markdown, on the terminal
  forewarm report results/shop --out shop.html
  forewarm report results/before results/after --out both.html
  forewarm report results/shop >> \"$GITHUB_STEP_SUMMARY\"

For a PDF, print the pdf-ready page with a browser:
  forewarm report results/shop --format pdf-ready --out shop.html
  chromium --headless --no-pdf-header-footer --print-to-pdf=shop.pdf shop.html

Nothing is simulated. For one folder, the result is the same report that the command wrote. For several runs, the numbers are \
shown side by side, with differences from the first. A file that forewarm did not write is never overwritten.")]
pub(super) struct ReportArgs {
    /// Results folders; several must all be of `run`, and the first is the baseline
    #[arg(value_name = "DIR", required = true)]
    pub(super) folders: Vec<PathBuf>,
    /// Format of the report [default: html if FILE ends in .html, else markdown]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(super) format: Option<ReportFormat>,
    /// Write the report to this file [default: standard output]; an existing report is replaced
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportForm {
    /// A unified diff of an AWS SAM template
    Sam,
    /// A unified diff of an AWS CloudFormation template
    Cloudformation,
    /// A unified diff of serverless.yml
    Serverless,
    /// A unified diff of Kubernetes, Knative or Cloud Run YAML
    Kubernetes,
    /// An override file
    Terraform,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// Text with tables, for pull requests and terminals
    Markdown,
    /// The page with charts
    Html,
    /// The page laid out for printing on A4
    PdfReady,
}

#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  forewarm check scenarios/*.toml
  forewarm check shop.toml --set platform.concurrency.account-limit=500
  forewarm check shop.toml --print                             the resolved scenario
  forewarm check theirs/*.toml --confine-files                 scenarios from others")]
pub(super) struct CheckArgs {
    /// The scenario files; `-` reads one from standard input
    #[arg(value_name = "SCENARIO", required = true)]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    /// Print only the resolved scenario, with every default and change written out
    #[arg(long)]
    pub(super) print: bool,
    /// Print nothing but problems
    #[arg(long, short)]
    pub(super) quiet: bool,
}

#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  forewarm list policies
  forewarm list platforms azure-flex
  forewarm list metrics --format json")]
pub(super) struct ListArgs {
    /// What to list
    #[arg(value_enum)]
    pub(super) what: Listing,
    /// For platforms: show every value of this platform, with its source and date
    pub(super) name: Option<String>,
    #[command(flatten)]
    pub(super) format: FormatArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Listing {
    /// Scaling, keep-alive and selection policies
    Policies,
    /// Presets with the limits, timings and prices of real platforms
    Platforms,
    /// Probability distributions for durations
    Distributions,
    /// Arrival processes
    Arrivals,
    /// Metrics that objectives can use
    Metrics,
}

#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  forewarm init
  forewarm init aws-lambda --out shop.toml")]
pub(super) struct InitArgs {
    /// The example to print
    #[arg(default_value = TEMPLATES[0].name, value_parser = templates())]
    pub(super) template: String,
    /// Write the example to this file, which must not exist yet
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  forewarm completions bash > ~/.local/share/bash-completion/completions/forewarm
  forewarm completions zsh > ~/.zfunc/_forewarm")]
pub(super) struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

fn templates() -> PossibleValuesParser {
    PossibleValuesParser::new(TEMPLATES.iter().map(|template| PossibleValue::new(template.name).help(template.about)))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_declarations_fit_together() {
        Args::command().debug_assert();
    }
}
