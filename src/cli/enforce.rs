//! When a result fails: objectives from the command line, confidence, and the JUnit file for CI.

use std::io::Write as _;
use std::path::Path;

use super::args::EnforceArgs;
use super::cancel::CancelToken;
use super::exit::{CliError, ExitStatus};
use super::output::{Output, Own, Sink};
use super::results::Results;
use super::terminal;
use crate::measure::summary::ObjectiveResult;
use crate::report::junit::{self, Suite};
use crate::scenario::{Objective, Scenario};

/// Adds the objectives of the command line to every scenario, and checks that there is something to judge.
///
/// # Errors
/// All problems at once.
pub(super) fn add<'a>(
    args: &EnforceArgs,
    scenarios: impl IntoIterator<Item = &'a mut Scenario>,
) -> Result<(), CliError> {
    for scenario in scenarios {
        let (mut wrong, mut added) = (Vec::new(), Vec::new());
        for text in args.enforce.iter().filter(|text| !text.is_empty()) {
            match Objective::read(text, scenario) {
                Ok(objective) => {
                    if let Some((message, help)) = objective.doubt_of_text(text, scenario) {
                        terminal::complain(&format!("warning: --enforce={text}: {message}\nhelp: {help}\n"));
                    }
                    added.push(objective);
                }
                Err((message, help)) => wrong.push(format!("--enforce={text}: {message}\nhelp: {help}")),
            }
        }
        if !wrong.is_empty() {
            return Err(CliError::Input(anyhow::anyhow!(wrong.join("\nerror: "))));
        }
        scenario.objectives.extend(added);
        if scenario.objectives.is_empty() && (is_confident(args) || args.junit.is_some()) {
            let option = if is_confident(args) { "--enforce" } else { "--junit" };
            return Err(CliError::input(
                format!("{option}: the scenario has no objective"),
                "add an [[objective]] to it, or one here, as in --enforce='latency_s.p99<800ms'",
            ));
        }
    }
    Ok(())
}

/// Whether a bare `--enforce` requires whole intervals to be within bounds.
fn is_confident(args: &EnforceArgs) -> bool {
    args.enforce.iter().any(String::is_empty)
}

/// Rejects `--enforce` if there will be no intervals.
///
/// # Errors
/// With fewer than two replications.
pub(super) fn needs_intervals(args: &EnforceArgs, replications: u32) -> Result<(), CliError> {
    if is_confident(args) && replications < 2 {
        return Err(CliError::input(
            "--enforce judges confidence intervals, and one replication has none",
            "add --replications 5, or omit --enforce to judge by the mean",
        ));
    }
    Ok(())
}

/// The file of `--junit`, opened before the simulation.
pub(super) struct Enforcement {
    confident: bool,
    junit: Option<(Output, Sink)>,
}

impl Enforcement {
    /// Opens the file, inside the results folder if its path is in there.
    ///
    /// # Errors
    /// A file that forewarm did not write, or an error of the operating system.
    pub(super) fn open(args: &EnforceArgs, results: &Results, cancel: &CancelToken) -> Result<Self, CliError> {
        let own = Own { option: "--junit", marks: &[junit::MARK] };
        let open = |path: &Path| Output::open(path, own, Some(results), cancel);
        let junit = args.junit.as_deref().map(open).transpose()?;
        Ok(Self { confident: is_confident(args), junit })
    }

    /// Writes the file and returns the exit status; states the reason for a failure even if `quiet`.
    ///
    /// # Errors
    /// An error of the operating system.
    pub(super) fn close(self, suites: &[Suite<'_>], seconds: f64, quiet: bool) -> Result<ExitStatus, CliError> {
        if let Some((output, mut sink)) = self.junit {
            let text = junit::render(suites, seconds, self.confident);
            output.keep(sink.write_all(text.as_bytes()).map(|()| sink))?;
        }
        let objectives =
            || suites.iter().flat_map(|suite| suite.summary.objectives.iter().map(move |one| (suite, one)));
        let is_unsure = |one: &ObjectiveResult| self.confident && one.met && !one.is_met_with_confidence();
        for (suite, one) in objectives().filter(|(_, one)| is_unsure(one)) {
            terminal::complain(&format!("--enforce: {}: {}\n", suite.name, junit::found(one, true)));
        }
        let missed: Vec<String> = objectives()
            .filter(|(_, one)| !one.met)
            .map(|(suite, one)| format!("{}: {}", suite.name, junit::found(one, false)))
            .collect();
        if quiet && let Some(first) = missed.first() {
            let more = if missed.len() > 1 { format!(" (and {} more)", missed.len() - 1) } else { String::new() };
            terminal::complain(&format!("objective not met: {first}{more}\n"));
        }
        let is_met = missed.is_empty() && !objectives().any(|(_, one)| is_unsure(one));
        Ok(if is_met { ExitStatus::Success } else { ExitStatus::ObjectiveMissed })
    }
}
