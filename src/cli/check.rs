//! `forewarm check`.

use std::path::Path;

use super::args::{CheckArgs, ScenarioArgs};
use super::exit::{CliError, ExitStatus};
use super::job::cores;
use super::load::{self, ScenarioSource};
use super::terminal;
use crate::experiment::sweep::{Failure, Task};
use crate::measure::sweep::Columns;
use crate::scenario::Problems;

/// How many configurations of a sweep are checked as well.
const MAX_CHECKED: u64 = 10_000;

/// `forewarm check`: every problem of every file.
pub(super) fn check(args: &CheckArgs) -> Result<ExitStatus, CliError> {
    let mut worst = ExitStatus::Success;
    for path in &args.paths {
        match check_one(path, &args.scenario) {
            Ok((resolved, warnings)) => {
                if !warnings.is_empty() {
                    terminal::problems(&warnings);
                }
                if args.print {
                    terminal::print(&resolved)?;
                } else if !args.quiet {
                    terminal::print(&format!("{}: ok\n", path.display()))?;
                }
            }
            Err(failed @ CliError::Environment(_)) => return Err(failed),
            Err(CliError::Scenario(problems)) if problems.are_of_environment() => {
                return Err(CliError::Scenario(problems));
            }
            Err(wrong) => {
                wrong.explain();
                worst = ExitStatus::Invalid;
            }
        }
    }
    Ok(worst)
}

/// Checks a scenario, and the points of its sweep if they are not very many; hands back the
/// scenario written out, and what is suspicious.
fn check_one(path: &Path, args: &ScenarioArgs) -> Result<(String, Problems), CliError> {
    let text = ScenarioSource::of(path, &args.changes)?;
    let options = load::options(&args.changes, args.variant.clone());
    let (base, scenario, warnings) = text.base(&options).map_err(CliError::Scenario)?;
    if let Some(sweep) = &scenario.sweep
        && let Some(points) = sweep.points().filter(|points| points.count() <= MAX_CHECKED)
    {
        let columns = Columns::of(&scenario);
        let warm_up = scenario.simulation.warm_up;
        let task = Task { base: &base, sweep, points: &points, columns: &columns, warm_up };
        if let Err(Failure::Points(problems)) = task.survey(cores(), &()) {
            return Err(CliError::Scenario(problems));
        }
    }
    Ok((scenario.resolved, warnings))
}
