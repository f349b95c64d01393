//! `forewarm backtest`.

use std::io::Write as _;
use std::path::PathBuf;

use serde_json::Value;

use super::args::{BacktestArgs, Format};
use super::cancel::CancelToken;
use super::exit::{CliError, ExitStatus};
use super::fit::measured;
use super::job::{command_line, cores};
use super::load::{self, ScenarioSource};
use super::output::{Output, Own};
use super::progress::ProgressBar;
use super::report::names;
use super::terminal;
use crate::experiment::compare::Compared;
use crate::measure::summary::Stat;
use crate::path::quantity_of;
use crate::report::document::markdown::MARK;
use crate::report::{Report as _, backtest as report};
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
    let open = |path: &Option<PathBuf>, option, marks| {
        path.as_deref().map(|path| Output::open(path, Own { option, marks }, None, &cancel)).transpose()
    };
    let page = open(&args.report, "--report", &["name=\"generator\" content=\"forewarm ", MARK])?;
    let ticks = open(&args.decisions, "--decisions", &[report::DECISIONS_MARK])?;
    let options = Options { parse, knobs: args.calibrate.clone(), cost_usd: args.cost };
    let bar = bar();
    let found = backtest::backtest(source.source(), &measured, &options, threads, &bar);
    bar.stop();
    let found = found?;
    if let Some((output, mut sink)) = page {
        let is_markdown = args.report.as_ref().is_some_and(|path| path.extension().is_some_and(|end| end == "md"));
        let text = if is_markdown {
            report::as_markdown(
                &found,
                &command_line(std::env::args_os().map(|word| word.to_string_lossy().into_owned())),
            )
        } else {
            report::page(&found)
        };
        let written = sink.write_all(text.as_bytes()).map(|()| sink);
        output.keep(written)?;
    }
    if let Some((output, mut sink)) = ticks {
        let Some(decisions) = &found.decisions else {
            return Err(CliError::input(
                "--decisions: there are none to compare",
                "record pods, and what the autoscaler of the scenario decides on",
            ));
        };
        let written = sink.write_all(report::ticks(decisions).as_bytes()).map(|()| sink);
        output.keep(written)?;
    }
    match args.format.format {
        Format::Json => terminal::print(&terminal::pretty(&report::json(&found)))?,
        Format::Text if args.quiet => {}
        Format::Text => terminal::print(&report::text(&found, terminal::colour_out()))?,
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
