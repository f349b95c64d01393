//! What makes a result fail: objectives from the command line, confidence, and the file that tells a CI system.

use std::io::Write as _;
use std::path::Path;

use super::args::EnforceArgs;
use super::cancel::CancelToken;
use super::exit::{CliError, ExitStatus};
use super::output::{Output, Sink, refuse_foreign};
use super::results::Results;
use super::terminal;
use crate::id::FnId;
use crate::measure::summary::ObjectiveResult;
use crate::metric;
use crate::report::junit::{self, Suite};
use crate::scenario::{Bound, Objective, Quantity, Scenario, instead};

/// How an objective is written on the command line.
const FORM: &str = "write METRIC<VALUE or METRIC>VALUE, as in latency_s.p99<800ms or function.NAME:rejection_ratio<1%";

/// Adds the objectives of the command line to every scenario, and sees to it that there is something to judge by.
///
/// # Errors
/// All that is wrong with them, at once.
pub(super) fn add<'a>(
    args: &EnforceArgs,
    scenarios: impl IntoIterator<Item = &'a mut Scenario>,
) -> Result<(), CliError> {
    for scenario in scenarios {
        let (mut wrong, mut added) = (Vec::new(), Vec::new());
        for text in args.enforce.iter().filter(|text| !text.is_empty()) {
            match objective(text, scenario) {
                Ok(objective) => added.push(objective),
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

/// Whether a bare `--enforce` asks for whole intervals.
fn is_confident(args: &EnforceArgs) -> bool {
    args.enforce.iter().any(String::is_empty)
}

/// Refuses `--enforce` where there will be no interval.
///
/// # Errors
/// With fewer than two replications.
pub(super) fn needs_intervals(args: &EnforceArgs, replications: u32) -> Result<(), CliError> {
    if is_confident(args) && replications < 2 {
        return Err(CliError::input(
            "--enforce asks for whole intervals, and one replication makes none",
            "ask for more with --replications 5, or leave --enforce away to judge by the mean",
        ));
    }
    Ok(())
}

/// An objective as in `function.checkout:latency_s.p99<800ms`; else what is wrong and what to write instead.
fn objective(text: &str, scenario: &Scenario) -> Result<Objective, (String, String)> {
    let form = |message: &str| (message.to_owned(), FORM.to_owned());
    let at = text.rfind(['<', '>']).ok_or_else(|| form("there is neither < nor > in it"))?;
    let (subject, is_below, value) = (text[..at].trim(), text[at..].starts_with('<'), text[at + 1..].trim());
    if let Some(value) = value.strip_prefix('=') {
        let sign = &text[at..=at];
        let help = format!("an objective is a strict bound: write {subject}{sign}{}", value.trim());
        return Err((format!("`{sign}=` cannot be asked for"), help));
    }
    let (function, metric) = match subject.strip_prefix("function.") {
        Some(rest) => {
            let (name, metric) = rest.rsplit_once(':').ok_or_else(|| form("there is no : after the function"))?;
            let place = scenario.functions.iter().position(|function| function.name == name.trim());
            let place = place.ok_or_else(|| {
                let names = scenario.functions.iter().map(|function| function.name.as_str());
                (format!("there is no function \"{}\"", name.trim()), instead(name.trim(), "the functions are", names))
            })?;
            (Some(FnId(place as u32)), metric.trim())
        }
        None => (None, subject),
    };
    if metric::find(metric).is_none() {
        let help = instead(metric, "the metrics are", metric::keys());
        return Err((format!("there is no metric \"{metric}\""), format!("{help}; forewarm list metrics shows all")));
    }
    let value = Quantity::of(metric).read(value).map_err(|help| {
        let message = format!("`{value}` is not a value of this metric");
        (message, help.to_owned())
    })?;
    let bound = if is_below { Bound::Below(value) } else { Bound::Above(value) };
    Ok(Objective { metric: metric.to_owned(), function, bound })
}

/// The file of `--junit`, opened before the long part.
pub(super) struct Enforcement {
    confident: bool,
    junit: Option<(Output, Sink)>,
}

impl Enforcement {
    /// Opens the file, in the folder of the results if that is where it will lie.
    ///
    /// # Errors
    /// A file of somebody else, and what the system answers.
    pub(super) fn open(args: &EnforceArgs, results: &Results, cancel: &CancelToken) -> Result<Self, CliError> {
        let open = |path: &Path| {
            refuse_foreign(path, &[junit::MARK], "--junit")?;
            Output::open(path, Some(results), cancel)
        };
        let junit = args.junit.as_deref().map(open).transpose()?;
        Ok(Self { confident: is_confident(args), junit })
    }

    /// Writes the file, and says how the command ends.
    ///
    /// # Errors
    /// What the system answers.
    pub(super) fn close(self, suites: &[Suite<'_>], seconds: f64) -> Result<ExitStatus, CliError> {
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
        let is_met = objectives().all(|(_, one)| one.met && !is_unsure(one));
        Ok(if is_met { ExitStatus::Success } else { ExitStatus::ObjectiveMissed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::testing::NoFiles;
    use crate::scenario::{ParseOptions, parse, template};

    fn read(text: &str) -> Result<Objective, String> {
        let options = ParseOptions::default();
        let scenario = parse("x.toml", template::TEMPLATES[0].text, &options, &NoFiles).expect("a template");
        objective(text, &scenario).map_err(|(message, help)| format!("{message}: {help}"))
    }

    #[test]
    fn values_carry_the_unit_of_their_metric() {
        for (text, metric, expected) in [
            ("latency_s.p99<800ms", "latency_s.p99", Bound::Below(0.8)),
            ("latency_s.p99 < 0.8", "latency_s.p99", Bound::Below(0.8)),
            ("cold_start_ratio<1%", "cold_start_ratio", Bound::Below(0.01)),
            ("rejection_ratio<0.01", "rejection_ratio", Bound::Below(0.01)),
            ("cost_usd.total<$12.5", "cost_usd.total", Bound::Below(12.5)),
            ("requests.completed>1e6", "requests.completed", Bound::Above(1e6)),
        ] {
            let objective = read(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
            assert_eq!((objective.metric.as_str(), objective.function, objective.bound), (metric, None, expected));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_nearest_word() {
        for (text, expected) in [
            ("latency_s.p99", "neither < nor >"),
            ("latency_s.p98<1s", "did you mean `latency_s.p9"),
            ("latency_s.p99<=1s", "write latency_s.p99<1s"),
            ("latency_s.p99<1%", "write a duration"),
            ("latency_s.p99<", "write a duration"),
            ("latency_s.p99<NaN", "write a duration"),
            ("cold_start_ratio<1s", "write a percentage"),
            ("function.nobody:latency_s.p99<1s", "no function \"nobody\""),
            ("function.x<1s", "no : after the function"),
            ("<1s", "no metric \"\""),
        ] {
            let wrong = read(text).expect_err(text);
            assert!(wrong.contains(expected), "{text}: {wrong}");
        }
    }
}
