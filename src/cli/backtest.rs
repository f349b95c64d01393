//! `forewarm backtest`.

use serde_json::Value;

use super::args::{BacktestArgs, Format};
use super::cancel::CancelToken;
use super::exit::{CliError, ExitStatus};
use super::fit::measured;
use super::job::cores;
use super::load::{self, ScenarioSource};
use super::progress::ProgressBar;
use super::report::names;
use super::terminal;
use crate::experiment::compare::Compared;
use crate::measure::summary::Stat;
use crate::path::quantity_of;
use crate::report::Report as _;
use crate::study::backtest::{self, MAX_KNOBS, Options, Replay};
use crate::study::compare::{self, Compare};
use crate::study::{Study as _, StudyError};

/// Reads, replays, prints.
pub(super) fn backtest(args: &BacktestArgs) -> Result<ExitStatus, CliError> {
    if args.calibrate.len() > MAX_KNOBS {
        let message = format!("--calibrate was given {} times", args.calibrate.len());
        return Err(CliError::input(message, "fit at most three parameters, to avoid overfitting"));
    }
    let source = ScenarioSource::of(&args.path, &args.changes)?;
    let measured = measured(&args.measured)?;
    let parse = load::options(&args.changes, None);
    let cancel = CancelToken::on_interrupt()?;
    let threads = args.threads.unwrap_or_else(cores);
    let bar = || ProgressBar::start(cancel.clone(), !args.no_progress && !args.quiet && terminal::is_watched());
    if let Some(against) = &args.against {
        let other = ScenarioSource::of(against, &args.changes)?;
        let replays = [Replay::of(source.source(), &measured, &parse)?, Replay::of(other.source(), &measured, &parse)?];
        let names = names(&[args.path.with_extension(""), against.with_extension("")]);
        let options = compare::Options { parse: replays[0].source().1.clone(), ..compare::Options::default() };
        let sources: Vec<_> = names.into_iter().zip(replays.iter().map(|replay| replay.source().0)).collect();
        let (mut study, _) = Compare::read_each(&sources, &options)?;
        let bar = bar();
        let answer = study.run(threads, &bar);
        bar.stop();
        let found = answer?.found;
        if cancel.is_interrupted() {
            return Err(StudyError::Cancelled.into());
        }
        let text = match args.format.format {
            Format::Json => found.json(),
            Format::Text => contrasts(&found),
        };
        terminal::print(&text)?;
        return Ok(ExitStatus::Success);
    }
    let options = Options { parse, knobs: args.calibrate.clone() };
    let bar = bar();
    let found = backtest::backtest(source.source(), &measured, &options, threads, &bar);
    bar.stop();
    let found = found?;
    match args.format.format {
        Format::Json => terminal::print(&terminal::pretty(&found.json()))?,
        Format::Text if args.quiet => {}
        Format::Text => terminal::print(&found.text())?,
    }
    Ok(ExitStatus::Success)
}

/// The second scenario beside the first, metric by metric.
fn contrasts(found: &Compared) -> String {
    let json: Value = serde_json::from_str(&found.json()).unwrap_or_default();
    let list = json["contrasts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let name = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let other = list.first().map(|contrast| name(&contrast["variant"])).unwrap_or_default();
    let mut text =
        format!("  {:34} {:>22} {other:>22} {:>22}  verdict\n", "metric", name(&json["baseline"]), "difference");
    for contrast in list {
        let metric = name(&contrast["metric"]);
        let quantity = quantity_of(&metric);
        let stat = |value: &Value| {
            serde_json::from_value(value.clone()).map_or_else(|_| "-".to_owned(), |stat: Stat| quantity.stat(&stat))
        };
        text.push_str(&format!(
            "  {metric:34} {:>22} {:>22} {:>22}  {}\n",
            stat(&contrast["baseline"]),
            stat(&contrast["value"]),
            stat(&contrast["difference"]),
            name(&contrast["verdict"]).replace('-', " ")
        ));
    }
    text.push_str("\nThe recorded requests under both settings, paired: a counterfactual, not a forecast.\n");
    text
}
