//! `forewarm plan`.

use std::ops::ControlFlow;

use super::args::PlanArgs;
use super::cancel::CancelToken;
use super::exit::{CliError, ExitStatus};
use super::load::{self, ScenarioSource};
use super::results::Results;
use super::terminal;
use crate::study::Study as _;
use crate::study::plan::{Options, Plan};

/// Reads, checks all configurations, searches, writes, prints.
pub(super) fn plan(args: &PlanArgs) -> Result<ExitStatus, CliError> {
    let source = ScenarioSource::of(&args.path, &args.scenario.changes)?;
    let options = Options {
        parse: load::options(&args.scenario.changes, args.scenario.variant.clone()),
        max_replications: args.max_replications,
    };
    let cancel = CancelToken::on_interrupt()?;
    let go_on = || if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let (mut study, warnings) = Plan::read_while(source.source(), &options, &go_on)?;
    args.job.warn(&warnings);
    let folder = args.job.folder(study.scenario(), args.scenario.variant.as_deref());
    let results = Results::reserve(&folder)?;

    let progress = args.job.progress(&cancel);
    let answer = study.run(args.job.threads(), &progress);
    let took = progress.stop();
    let answer = answer?;

    let manifest = args.job.write(&results, &answer, study.scenario(), took)?;
    let earlier = results.commit(&manifest)?;
    args.job.print(&answer.found, &folder, &manifest, earlier.as_ref())?;
    if cancel.is_interrupted() {
        return Err(CliError::Unfinished);
    }
    if answer.found.best.is_some() {
        return Ok(ExitStatus::Success);
    }
    if args.job.quiet {
        terminal::complain("no configuration is shown to meet every objective\n");
    }
    Ok(ExitStatus::ObjectiveMissed)
}
