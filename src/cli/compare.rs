//! `forewarm compare`.

use super::args::CompareArgs;
use super::cancel::CancelToken;
use super::enforce::{self, Enforcement};
use super::exit::{CliError, ExitStatus};
use super::load::{self, ScenarioSource};
use super::report::names;
use super::results::Results;
use super::terminal;
use crate::report::junit::Suite;
use crate::study::Study as _;
use crate::study::compare::{Compare, Options};

/// Reads, simulates until the verdicts are clear, writes, prints.
pub(super) fn compare(args: &CompareArgs) -> Result<ExitStatus, CliError> {
    let options = Options {
        parse: load::options(&args.changes, None),
        policies: args.policies.clone(),
        platforms: args.platforms.clone(),
        loads: args.loads,
        baseline: args.baseline.clone(),
        precision: args.precision.clone(),
        max_replications: args.max_replications,
    };
    let sources: Vec<ScenarioSource> =
        args.paths.iter().map(|path| ScenarioSource::of(path, &args.changes)).collect::<Result<_, _>>()?;
    let (mut study, warnings) = match &sources[..] {
        [source] => Compare::read(source.source(), &options).map(|(study, warnings)| (study, vec![warnings]))?,
        _ => {
            let names = names(&args.paths.iter().map(|path| path.with_extension("")).collect::<Vec<_>>());
            let sources: Vec<_> = names.into_iter().zip(sources.iter().map(ScenarioSource::source)).collect();
            Compare::read_each(&sources, &options)?
        }
    };
    warnings.iter().for_each(|warnings| args.job.warn(warnings));
    if !study.notes.is_empty() && !args.job.quiet {
        let notes: String = study.notes.iter().map(|note| format!("  {note}\n")).collect();
        let help = "To include a policy, add a variant with its name that sets the parameters it requires.";
        let (what, help) = match args.platforms.is_empty() {
            true => ("--policies", help),
            false => ("--platforms", ""),
        };
        terminal::complain(&format!("Excluded from {what} all:\n{notes}{help}\n\n"));
    }
    enforce::add(&args.enforce, study.contenders.iter_mut().map(|(_, scenario)| scenario))?;
    let cancel = CancelToken::on_interrupt()?;
    let folder = args.job.folder(study.scenario(), None);
    let results = Results::reserve(&folder)?;
    let enforcement = Enforcement::open(&args.enforce, &results, &cancel)?;

    let progress = args.job.progress(&cancel);
    let answer = study.run(args.job.threads(), &progress);
    let took = progress.stop();
    let answer = answer?;

    let scenario = study.scenario();
    let manifest = args.job.write(&results, &answer, scenario, took)?;
    let suites = answer
        .found
        .results
        .iter()
        .map(|(name, result)| Suite { name: format!("{}: {name}", scenario.name), summary: &result.summary });
    let status = enforcement.close(&suites.collect::<Vec<_>>(), took.as_secs_f64(), args.job.quiet)?;
    let earlier = results.commit(&manifest)?;
    args.job.print(&answer.found, &folder, &manifest, earlier.as_ref())?;
    if cancel.is_interrupted() {
        return Err(CliError::Kept(answer.replications));
    }
    Ok(status)
}
