//! `forewarm quick`: an answer without a file.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;

use serde_json::json;

use super::args::{Format, QuickArgs};
use super::exit::{Done, Stop};
use super::halt::Halt;
use super::load::Text;
use super::meter::Meter;
use super::plan::candidates;
use super::run::threads;
use super::texts::create_new;
use super::{load, terminal};
use crate::engine::SimError;
use crate::experiment::plan::{self, FIRST, Planned};
use crate::experiment::{self, Run};
use crate::report::{json as text, quick as report};
use crate::scenario::quick::{Quick, provisioned};
use crate::scenario::{Base, ParseOptions, Scenario};

/// What the scenario is called in messages.
const NAME: &str = "these options";
/// Replications of a configuration, at most: the answer is there in seconds.
const MOST: u32 = 10;

/// Simulates what the options say, looks for what to set, prints; writes the scenario if that is asked for.
pub(super) fn quick(args: &QuickArgs) -> Result<Done, Stop> {
    let mut quick = args.scenario()?;
    let options = ParseOptions { seed: args.seed, ..load::no_options() };
    let halt = Halt::on_interrupt()?;
    let threads = threads(args.threads);
    quick.provisioned = {
        let text = Text::written(NAME, quick.text());
        let (_, scenario, _) = text.base(&options).map_err(Stop::Scenario)?;
        levels(&quick, &scenario)
    };
    let text = Text::written(NAME, quick.text());
    let (mut base, scenario, _) = text.base(&options).map_err(Stop::Scenario)?;
    let mut saved = args.save.as_deref().map(|path| Ok((path, create_new(path)?))).transpose()?;
    let answered = answer(args, &mut base, &scenario, threads, &halt).and_then(|(run, planned)| {
        if let Some((path, file)) = &mut saved {
            let written = file.write_all(quick.text().as_bytes()).and_then(|()| file.sync_all());
            written.map_err(|error| Stop::of_writing(path.display(), error))?;
        }
        print(args, &scenario, &run, planned.as_ref())
    });
    if let (Err(_), Some((path, _))) = (&answered, &saved) {
        let _ = std::fs::remove_file(path);
    }
    answered
}

/// Numbers of provisioned instances to choose from.
fn levels(quick: &Quick, scenario: &Scenario) -> Vec<u64> {
    let busy = scenario.functions.first().map_or(0.0, |function| quick.rps * function.duration.mean_s());
    let platform = &scenario.platform;
    let most = platform.account_limit.map_or(u32::MAX, |limit| limit.saturating_sub(platform.min_unreserved));
    provisioned(busy, most.into())
}

/// What the scenario gives, and what to set where something must be met.
fn answer(
    args: &QuickArgs,
    base: &mut Base<'_>,
    scenario: &Scenario,
    threads: NonZeroUsize,
    halt: &Halt,
) -> Result<(Run, Option<Planned>), Stop> {
    let failed = |error| match error {
        SimError::Cancelled => Stop::Interrupted,
        error => Stop::Input(error.into()),
    };
    let meter = Meter::start(halt.clone(), !args.no_progress && terminal::is_watched());
    let run = experiment::run(scenario, threads, &meter, None::<()>).map_err(failed)?;
    let planned = match &scenario.plan {
        Some(asked) if scenario.platform.billing.is_some() => {
            meter.stop();
            let mut asked = asked.clone();
            asked.max_replications = asked.max_replications.min(MOST);
            let candidates = candidates(base, scenario, &asked, halt)?;
            let input = plan::Input { scenario, plan: &asked, candidates: &candidates, first: FIRST };
            let meter = Meter::start(halt.clone(), !args.no_progress && terminal::is_watched());
            let planned = plan::plan(&input, threads, &meter).map_err(failed)?;
            meter.stop();
            Some(planned)
        }
        _ => {
            meter.stop();
            None
        }
    };
    if halt.is_interrupted() { Err(Stop::Interrupted) } else { Ok((run, planned)) }
}

fn print(args: &QuickArgs, scenario: &Scenario, run: &Run, planned: Option<&Planned>) -> Result<Done, Stop> {
    let summary = &run.result.summary;
    let found = planned.map(|planned| &planned.plan);
    let is_met =
        summary.objectives.iter().all(|objective| objective.met) || found.is_some_and(|plan| plan.best.is_some());
    let done = if is_met { Done::Well } else { Done::Missed };
    if args.format.format == Format::Json {
        let parse = |text: String| serde_json::from_str::<serde_json::Value>(&text);
        let both = parse(text::summary(summary))
            .and_then(|run| Ok(json!({ "run": run, "plan": found.map(|plan| parse(text::plan(plan))).transpose()? })));
        let both = both.map_err(|error| Stop::Environment(error.into()))?;
        terminal::print(&terminal::pretty(&both))?;
        return Ok(done);
    }
    let next = match args.save.as_deref().map(Path::display) {
        Some(shown) => format!("Wrote {shown}. Next: forewarm run {shown}"),
        None => "Next: --save FILE.toml writes this as a scenario, for run, compare and plan".to_owned(),
    };
    let has_prices = scenario.platform.billing.is_some();
    terminal::print(&format!("{}{next}\n", report::answer(summary, found, has_prices)))?;
    Ok(done)
}
