//! What can be typed.

mod backtest;
mod fit;
mod import;
mod quick;
mod shared;
mod trace;
mod value;

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args as Group, Parser, Subcommand, ValueEnum};

use crate::scenario::Tolerance;
use crate::scenario::template::TEMPLATES;
pub(super) use backtest::BacktestArgs;
pub(super) use fit::FitArgs;
pub(super) use import::ImportArgs;
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
  forewarm check shop.toml                find every mistake in it
  forewarm run shop.toml                  simulate it; results in results/<name>
  forewarm compare shop.toml              its variants side by side
  forewarm sweep shop.toml                every combination of the values in its [sweep]
  forewarm plan shop.toml                 what to set, what it costs, when it breaks
  forewarm chaos shop.toml                what hurts most when it goes wrong
  forewarm report results/shop            the report of stored results again
  forewarm quick --rps 300 --p50 150ms --p99 600ms    an answer without a file
  forewarm import template.yaml --out shop.toml       a scenario of your infrastructure files
  forewarm fit lambda.log --out fitted.toml           arrivals and running times from logs

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
    /// Compare the scenario's variants: who wins on what, by how much, and how certain it is
    Compare(CompareArgs),
    /// Disturb the scenario with a catalogue of faults, one at a time, and rank them by damage
    Chaos(ChaosArgs),
    /// Make the report of stored results again, as HTML, Markdown or for paper; several runs side by side
    Report(ReportArgs),
    /// Simulate a grid of points: every combination of the values in `[sweep]`
    Sweep(SweepArgs),
    /// Find the cheapest configuration that meets the objectives, and say when it breaks
    Plan(PlanArgs),
    /// Answer in a few lines and without a file: what users feel, what it costs, what binds, what to set
    Quick(QuickArgs),
    /// Replay measured requests through the settings of a scenario: measured, simulated, error
    Backtest(BacktestArgs),
    /// Make a scenario of infrastructure files: SAM, serverless.yml, Terraform, Kubernetes ...
    Import(ImportArgs),
    /// Find arrivals, running times and cold starts in logs, traces and metrics
    Fit(FitArgs),
    /// Check scenario files and report every problem at once
    Check(CheckArgs),
    /// List what a scenario can name
    List(ListArgs),
    /// Look into recorded requests, or make some up
    #[command(subcommand)]
    Trace(TraceCommand),
    /// Print the JSON Schema of the scenario file, for editors
    #[command(after_help = "\
Example:
  forewarm schema > forewarm.schema.json")]
    Schema,
    /// Print a commented example scenario, or write it to a file
    Init(InitArgs),
    /// Print the completions for a shell
    Completions(CompletionArgs),
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
  forewarm run shop.toml --enforce --enforce='function.checkout:latency_s.p99<800ms' --junit objectives.xml
  forewarm init | forewarm run -

The file of --timeline opens at https://ui.perfetto.dev.

Exit code 1: an objective is not met. An objective is met if the mean is on the right side; with --enforce, if the whole \
95 % interval is.")]
pub(super) struct RunArgs {
    /// The scenario file; `-` reads it from standard input
    #[arg(value_name = "SCENARIO")]
    pub(super) path: PathBuf,
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    /// Run until half of the 95 % interval is this short: METRIC=5% of the mean, or METRIC=VALUE; may be repeated
    #[arg(long, value_name = "METRIC=P", value_parser = value::precision_of_metric)]
    pub(super) precision: Vec<(String, Tolerance)>,
    /// With a precision: never make more replications than this [default: 200]
    #[arg(long, value_name = "N", value_parser = value::replications())]
    pub(super) max_replications: Option<u32>,
    /// Write one row for each request of the first replication: .csv, .csv.gz, .csv.zst or .parquet
    #[arg(long, value_name = "FILE")]
    pub(super) requests: Option<PathBuf>,
    /// Write instances and invocations of the first replication as Chrome trace events: .json, .json.gz
    #[arg(long, value_name = "FILE")]
    pub(super) timeline: Option<PathBuf>,
    /// Write each decision of a scaling policy in the first replication, with its inputs and its reason: .csv, .csv.gz or
    /// .csv.zst
    #[arg(long, value_name = "FILE")]
    pub(super) decisions: Option<PathBuf>,
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

All contenders serve the same requests, with common random numbers. It begins with the scenario's replications, but at least 8, and \
doubles them until the verdict on every metric that an objective names is clear. Verdicts hold together at 95 %, however \
many there are and however often it looked.

With --policies the contenders are policies in place of the variants: everything stays as it is but the scaling (or the \
keep-alive) of every function, which has the defaults of the policy. A policy that needs more, as `hpa` needs \
`max-replicas`, takes it from a variant of its name; other variants take part if they are named too.

With --platforms the contenders are the same traffic and functions on other platforms: what belongs to the scenario's own platform \
(scaling, keep-alive, cold starts, concurrency, prices) is that of each. Memory and time-outs are the nearest that it allows, and what \
could not be taken along is listed. With --loads each contender is simulated under several loads too, for the load at which another one \
becomes the cheapest.

Exit code 1: an objective is not met by every contender, the baseline included.")]
pub(super) struct CompareArgs {
    /// The scenario file with its variants, or several files, which stand side by side as variants do; `-` reads one from
    /// standard input
    #[arg(value_name = "SCENARIO", required = true)]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) changes: ChangeArgs,
    /// Compare scaling or keep-alive policies, as `forewarm list policies` names them; `all`: whichever can be had
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(super) policies: Vec<String>,
    /// Compare platforms, as `forewarm list platforms` names them; `all`: every one
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "policies")]
    pub(super) platforms: Vec<String>,
    /// Simulate loads between these multiples of the scenario's too, as in 0.1..100, for the cost of each contender over the load
    #[arg(long, value_name = "FROM..TO", value_parser = value::loads)]
    pub(super) loads: Option<(f64, f64)>,
    /// Compare with this variant or policy [default: the scenario without a variant]
    #[arg(long, value_name = "NAME")]
    pub(super) baseline: Option<String>,
    /// Go on until half of the interval is this short: 5% of the baseline, or METRIC=VALUE (also 5%); may be repeated
    #[arg(long, value_name = "P", value_parser = value::precision)]
    pub(super) precision: Vec<(Option<String>, Tolerance)>,
    /// Never make more replications of each contender than this [default: 64]
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

Each fault disturbs a run of its own, from a third of the measured time on and for a tenth of it, at most 10 minutes. It meets \
the same requests as the undisturbed run, with common random numbers; damage is the difference.

Functions, gateways and dependencies are slow (20 % of their speed), return errors (50 %), answer 1 s later or are down; all \
instances of a function are replaced by a deployment, or start 5 times as slowly; queues, streams, topics and workflows \
return errors or are down; sources send 10 times as much.

Faults are ranked by requests and messages lost, then by the time to recover, then by p99 while they last.")]
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
  forewarm sweep shop.toml --resume                            go on after an interruption
  forewarm sweep shop.toml --dry-run --shards 64               points, expected cost, shards
  forewarm sweep shop.toml --shard 3/64 --out parts            one of 64 parts, on any machine
  forewarm sweep shop.toml --merge parts --out results/shop    all parts in one

The table [sweep] of the scenario names keys and the values they take:

  [sweep]
  \"function.checkout.memory\" = [\"512MB\", \"1024MB\", \"2048MB\"]
  \"function.checkout.concurrency.provisioned\" = { from = 0, to = 50, step = 10 }
  \"source.web.arrivals.poisson.rate\" = { from = \"10/s\", to = \"1000/s\", points = 7, scale = \"log\" }

All points are checked before the first runs, and serve the same requests, with common random numbers. Each point is kept when it is \
done, in a folder beside that of the results, and --resume goes on from there after Ctrl-C, a crash or a power cut, with the \
same result. The same is true of shards: run one again, and it writes the same file.

Exit codes: 2, what was typed or written is wrong: do not try again; 3 or 4, interrupted or the machine failed: do.")]
pub(super) struct SweepArgs {
    /// The scenario file with its `[sweep]`; `-` reads it from standard input
    #[arg(value_name = "SCENARIO")]
    pub(super) path: PathBuf,
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    /// Go on with a sweep that was interrupted; begin it if there is none
    #[arg(long, conflicts_with_all = ["shard", "merge", "dry_run"])]
    pub(super) resume: bool,
    /// Simulate shard K of N only, and write its part into the folder --out [default: results/NAME.parts]
    #[arg(long, value_name = "K/N", value_parser = value::shard, conflicts_with_all = ["merge", "dry_run"])]
    pub(super) shard: Option<(u32, u32)>,
    /// Put the parts in this folder together, and simulate nothing
    #[arg(long, value_name = "DIR", conflicts_with = "dry_run")]
    pub(super) merge: Option<PathBuf>,
    /// Check all points, say how many they are and what they will cost, and simulate nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// With --dry-run: show the commands of so many shards
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
  forewarm plan shop.toml --export sam --patch template.yaml | patch -p1
  forewarm plan shop.toml --format json | jq '.best as $b | .candidates[] | select(.number == $b)'

The scenario says what must be met ([[objective]]) and what may be changed ([plan]), as in

  [plan]
  growth = \"5%/month\"
  \"function.checkout.memory\" = { values = [\"512MB\", \"1GB\", \"2GB\"], cpu-bound-share = 0.7 }
  \"function.checkout.concurrency.provisioned\" = { from = 0, to = 20 }

The answer is the cheapest configuration that meets every objective with confidence: the far end of each interval is on the \
right side, not only the mean. All that is said holds together at 95 %.

Exit code 1: no configuration is shown to meet every objective; the nearest is reported.")]
pub(super) struct PlanArgs {
    /// The scenario file with its objectives and its `[plan]`; `-` reads it from standard input
    #[arg(value_name = "SCENARIO")]
    pub(super) path: PathBuf,
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    /// Print the recommended values as a change of your own file, which --patch names, and nothing else
    #[arg(long, value_name = "FORM", value_enum, requires = "patch")]
    pub(super) export: Option<ExportForm>,
    /// With --export: the file to change, as `forewarm import` read it; for terraform, the plan as JSON
    #[arg(long, value_name = "FILE", requires = "export")]
    pub(super) patch: Option<PathBuf>,
    /// Write a comment for a pull request: before, after, cost, verdict (Markdown)
    #[arg(long, value_name = "FILE")]
    pub(super) comment: Option<PathBuf>,
    /// Never make more replications of a configuration than this, in place of plan.max-replications
    #[arg(long, value_name = "N", value_parser = value::replications())]
    pub(super) max_replications: Option<u32>,
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

For a PDF, let a browser print what pdf-ready makes:
  forewarm report results/shop --format pdf-ready --out shop.html
  chromium --headless --no-pdf-header-footer --print-to-pdf=shop.pdf shop.html

Nothing is simulated. Of one folder this is the report that the command wrote itself. Of several runs the numbers stand \
side by side, with differences to the first. A file that forewarm did not write is never written over.")]
pub(super) struct ReportArgs {
    /// Results folders; several must be of runs, and the first is what the others are set beside
    #[arg(value_name = "DIR", required = true)]
    pub(super) folders: Vec<PathBuf>,
    /// How it is written [default: html if the name of FILE ends so, else markdown]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(super) format: Option<ReportFormat>,
    /// Write it to this file [default: standard output]; a report that is there is replaced
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
    /// The page laid out for A4: light, everything unfolded, each part on a new sheet
    PdfReady,
}

#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  forewarm check scenarios/*.toml
  forewarm check shop.toml --set platform.concurrency.account-limit=500
  forewarm check shop.toml --print                             the scenario with every default written out
  forewarm check theirs/*.toml --confine-files                 scenarios that others wrote")]
pub(super) struct CheckArgs {
    /// The scenario files; `-` reads one from standard input
    #[arg(value_name = "SCENARIO", required = true)]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    /// Print the scenario with every default and change written out, and nothing else
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
    /// Of platforms: every value of this one, with its source and date
    pub(super) name: Option<String>,
    #[command(flatten)]
    pub(super) format: FormatArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Listing {
    /// How instances are kept, chosen and what happens when there are too few
    Policies,
    /// Presets: the values of real platforms
    Platforms,
    /// Distributions of durations
    Distributions,
    /// Arrival processes
    Arrivals,
    /// Keys of the summary, which objectives can name
    Metrics,
}

#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  forewarm init
  forewarm init aws-lambda --out shop.toml")]
pub(super) struct InitArgs {
    /// Which example
    #[arg(default_value = TEMPLATES[0].name, value_parser = templates())]
    pub(super) template: String,
    /// Write it to this file, which must not exist yet
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
