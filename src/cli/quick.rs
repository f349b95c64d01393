//! `forewarm quick`: an answer without a file.

use std::io::Write as _;
use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::args::{Format, QuickArgs};
use super::cancel::CancelToken;
use super::exit::{CliError, ExitStatus};
use super::job::cores;
use super::load::ScenarioSource;
use super::print::{create_new, wrote};
use super::progress::ProgressBar;
use super::terminal;
use crate::measure::RunResult;
use crate::measure::plan::Plan as Planned;
use crate::report::{Report as _, quick as report};
use crate::scenario::quick::{Quick, provisioned};
use crate::scenario::registry::{self, Platform};
use crate::scenario::{ParseOptions, Scenario};
use crate::study::plan::{Options, Plan};
use crate::study::run::Run;
use crate::study::{Study as _, StudyError};

/// The name of the scenario in messages.
const NAME: &str = "these options";
/// Maximum number of replications of a configuration, so that the answer takes seconds.
const MOST: u32 = 10;

/// Simulates the options, searches for what to set, prints; writes the scenario with `--save`.
pub(super) fn quick(args: &QuickArgs) -> Result<ExitStatus, CliError> {
    let cancel = CancelToken::on_interrupt()?;
    let mut quick = args.scenario()?;
    let parse = ParseOptions { seed: args.seed, ..ParseOptions::default() };
    let plain = ScenarioSource::written(NAME, quick.text());
    quick.provisioned = levels(&quick, Run::read(plain.source(), &parse)?.0.scenario());
    let text = quick.text();
    let source = ScenarioSource::written(NAME, text.clone());
    let (mut run, _) = Run::read(source.source(), &parse)?;
    let mut saved = args.save.as_deref().map(|path| create_new(path).map(|file| (path, file))).transpose()?;
    let answered = (|| {
        let found = answer(args, &source, &mut run, &cancel)?;
        if let Some((path, file)) = &mut saved {
            let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
            written.map_err(|error| CliError::of_writing(path.display(), error))?;
        }
        print(args, run.scenario(), &found)
    })();
    if let (Err(_), Some((path, _))) = (&answered, &saved) {
        let _ = std::fs::remove_file(path);
    }
    answered
}

/// Candidate numbers of warm instances.
fn levels(quick: &Quick, scenario: &Scenario) -> Vec<u64> {
    let Some(function) = scenario.functions.first() else { return Vec::new() };
    let busy = quick.rps * function.duration.mean_s() / f64::from(function.concurrency.per_instance);
    let platform = &scenario.platform;
    let most = platform.account_limit.map_or(u32::MAX, |limit| limit.saturating_sub(platform.min_unreserved));
    let preset = registry::platform(&quick.preset);
    let Some(warm) = preset.as_ref().and_then(Platform::kept_warm) else { return Vec::new() };
    let mut levels = provisioned(busy, warm.least, warm.most.min(most.into()));
    // The current setting comes first; others are compared with it.
    levels.retain(|level| *level != warm.standard);
    levels.insert(0, warm.standard);
    levels
}

/// The result of the scenario, and what to set if there are objectives.
fn answer(
    args: &QuickArgs,
    source: &ScenarioSource,
    run: &mut Run,
    cancel: &CancelToken,
) -> Result<(RunResult, Option<Planned>), CliError> {
    let threads = args.threads.unwrap_or_else(cores);
    let progress = || ProgressBar::start(cancel.clone(), !args.no_progress && terminal::is_watched());
    let bar = progress();
    let result = run.run(threads, &bar);
    bar.stop();
    let result = result?.found;
    let has_choice = run.scenario.plan.is_some() && run.scenario.platform.billing.is_some();
    let planned = if has_choice {
        let parse = ParseOptions { seed: args.seed, ..ParseOptions::default() };
        let options = Options { parse, max_replications: Some(MOST), skips_headroom: true };
        let go_on = || if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let (mut plan, _) = Plan::read_while(source.source(), &options, &go_on)?;
        let bar = progress();
        let planned = plan.run(threads, &bar);
        bar.stop();
        Some(planned?.found)
    } else {
        None
    };
    if cancel.is_interrupted() { Err(StudyError::Cancelled.into()) } else { Ok((result, planned)) }
}

fn print(
    args: &QuickArgs,
    scenario: &Scenario,
    (result, planned): &(RunResult, Option<Planned>),
) -> Result<ExitStatus, CliError> {
    let is_met = result.summary.objectives.iter().all(|objective| objective.met);
    let can_be = planned.as_ref().is_some_and(|plan| plan.best.is_some());
    let status = if is_met || can_be { ExitStatus::Success } else { ExitStatus::ObjectiveMissed };
    if args.format.format == Format::Json {
        let value = |text: String| serde_json::from_str::<Value>(&text);
        let plan = planned.as_ref().map(|plan| value(plan.json())).transpose();
        let both = value(result.json()).and_then(|run| Ok(json!({ "run": run, "plan": plan? })));
        terminal::print(&terminal::pretty(&both.map_err(|error| CliError::Environment(error.into()))?))?;
        return Ok(status);
    }
    let next = match args.save.as_deref() {
        Some(path) => wrote(path),
        None => "Next:       --save FILE.toml writes this as a scenario, for run, compare and plan".to_owned(),
    };
    let answer = report::answer(&result.summary, planned.as_ref(), scenario.platform.billing.is_some());
    terminal::print(&format!("{answer}{next}\n"))?;
    Ok(status)
}
