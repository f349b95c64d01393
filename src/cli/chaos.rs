//! `forewarm chaos`.

use super::args::ChaosArgs;
use super::cancel::CancelToken;
use super::exit::{CliError, ExitStatus};
use super::load::{self, ScenarioSource};
use super::results::Results;
use crate::study::Study as _;
use crate::study::chaos::Chaos;

/// Reads, simulates every fault, writes, prints.
pub(super) fn chaos(args: &ChaosArgs) -> Result<ExitStatus, CliError> {
    let source = ScenarioSource::of(&args.path, &args.scenario.changes)?;
    let options = load::options(&args.scenario.changes, args.scenario.variant.clone());
    let (mut study, warnings) = Chaos::read(source.source(), &options)?;
    args.job.warn(&warnings);
    let cancel = CancelToken::on_interrupt()?;
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
    Ok(ExitStatus::Success)
}
