//! `forewarm run`.

use std::path::{Path, PathBuf};

use super::args::{LogArgs, RunArgs};
use super::cancel::CancelToken;
use super::disk_space;
use super::enforce::{self, Enforcement};
use super::exit::{CliError, ExitStatus};
use super::load::{self, ScenarioSource};
use super::output::{Output, Own, Sink};
use super::results::Results;
use crate::dist::Dist;
use crate::engine::Observer;
use crate::experiment::Log;
use crate::report::decisions::{self, DecisionLog};
use crate::report::junit::Suite;
use crate::report::metrics::{self, Form, MetricsLog};
use crate::report::otlp::{self, TraceLog};
use crate::report::perfetto::{self, TraceWriter};
use crate::report::requests::{self, RequestLog};
use crate::scenario::{ParseOptions, Scenario, Source};
use crate::study::run::Run;
use crate::study::{Study as _, StudyError};
use crate::time::SimTime;

/// Reads, simulates, writes, prints.
pub(super) fn run(args: &RunArgs) -> Result<ExitStatus, CliError> {
    let source = ScenarioSource::of(&args.path, &args.scenario.changes)?;
    let options = ParseOptions {
        precision: args.precision.clone(),
        max_replications: args.max_replications,
        ..load::options(&args.scenario.changes, args.scenario.variant.clone())
    };
    let (mut study, warnings) = Run::read(source.source(), &options)?;
    args.job.warn(&warnings);
    enforce::add(&args.enforce, [&mut study.scenario])?;
    enforce::needs_intervals(&args.enforce, study.scenario.simulation.replications)?;
    let cancel = CancelToken::on_interrupt()?;
    let folder = args.job.folder(&study.scenario, args.scenario.variant.as_deref());
    let results = Results::reserve(&folder)?;
    let mut logs = Logs::open(&args.logs, args.job.quiet, &study.scenario, &results, &cancel)?;
    let enforcement = Enforcement::open(&args.enforce, &results, &cancel)?;

    let progress = args.job.progress(&cancel);
    let answer = study.run_observed(args.job.threads(), &progress, logs.observers().as_mut().map(|log| log as Log<'_>));
    let took = progress.stop();
    let answer = match answer {
        // If an output stopped the run, this returns its error.
        Ok(answer) => logs.keep().map(|()| answer)?,
        Err(StudyError::Cancelled) if !cancel.is_interrupted() => {
            return Err(logs.keep().err().unwrap_or(CliError::Interrupted));
        }
        Err(error) => return Err(error.into()),
    };

    let scenario = &study.scenario;
    let manifest = args.job.write(&results, &answer, scenario, took)?;
    let suite = Suite { name: scenario.name.clone(), summary: &answer.found.summary };
    let status = enforcement.close(&[suite], took.as_secs_f64(), args.job.quiet)?;
    let earlier = results.commit(&manifest)?;
    args.job.print(&answer.found, &folder, &manifest, earlier.as_ref())?;
    if cancel.is_interrupted() {
        return Err(CliError::Kept(answer.replications));
    }
    Ok(status)
}

/// Files written during the simulation.
struct Logs {
    requests: Option<(Output, RequestLog<Sink>)>,
    timeline: Option<(Output, TraceWriter<Sink>)>,
    decisions: Option<(Output, DecisionLog<Sink>)>,
    metrics: Option<(Output, MetricsLog<Sink>)>,
    traces: Option<(Output, TraceLog<Sink>)>,
}

impl Logs {
    fn open(
        args: &LogArgs,
        quiet: bool,
        scenario: &Scenario,
        results: &Results,
        cancel: &CancelToken,
    ) -> Result<Self, CliError> {
        let named = [
            ("--requests", &args.requests),
            ("--timeline", &args.timeline),
            ("--decisions", &args.decisions),
            ("--metrics", &args.metrics),
            ("--traces", &args.traces),
        ];
        for (place, (option, path)) in named.iter().enumerate() {
            let other = named[..place].iter().find(|(_, other)| path.is_some() && other == path);
            if let Some((other, _)) = other {
                return Err(CliError::input(
                    format!("{other} and {option} use the same file"),
                    "use two different files",
                ));
            }
        }
        let functions: Vec<&str> = scenario.functions.iter().map(|function| function.name.as_str()).collect();
        let sources: Vec<&str> = scenario.sources.iter().map(|source| source.name.as_str()).collect();
        let open = |path: &PathBuf, option, marks| Output::open(path, Own { option, marks }, Some(results), cancel);
        let mut logs = Self { requests: None, timeline: None, decisions: None, metrics: None, traces: None };
        let expected = expected_requests(scenario);
        if let Some(path) = &args.requests {
            let (output, sink) = open(path, "--requests", &requests::MARKS)?;
            disk_space::check("--requests", path, output.room(), expected, quiet)?;
            logs.requests = Some((output, request_log(path, sink, &sources, &functions)?));
        }
        if let Some(path) = &args.timeline {
            let (output, sink) = open(path, "--timeline", &[perfetto::MARK])?;
            disk_space::check("--timeline", path, output.room(), expected, quiet)?;
            logs.timeline = Some((output, TraceWriter::new(sink, &sources, &functions).with_path(scenario)));
        }
        if let Some(path) = &args.decisions {
            let policies = scenario.functions.iter().map(|one| (one.name.clone(), one.scaling.name())).collect();
            let (output, sink) = open(path, "--decisions", &decisions::MARKS)?;
            logs.decisions = Some((output, DecisionLog::new(sink, policies)));
        }
        if let Some(path) = &args.metrics {
            let (output, sink) = open(path, "--metrics", &metrics::MARKS)?;
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            logs.metrics = Some((output, metrics::log(sink, Form::of(&name), scenario)));
        }
        if let Some(path) = &args.traces {
            let (output, sink) = open(path, "--traces", &otlp::MARKS)?;
            let is_lines = path.extension().is_some_and(|extension| extension == "jsonl");
            logs.traces = Some((output, TraceLog::new(sink, is_lines, args.traces_sample, scenario)));
        }
        Ok(logs)
    }

    /// The observers, if there are any.
    fn observers(&mut self) -> Option<impl Observer + Send> {
        let requests = self.requests.as_mut().map(|(_, log)| log);
        let timeline = self.timeline.as_mut().map(|(_, log)| log);
        let decisions = self.decisions.as_mut().map(|(_, log)| log);
        let metrics = self.metrics.as_mut().map(|(_, log)| log);
        let traces = self.traces.as_mut().map(|(_, log)| log);
        let is_any =
            requests.is_some() || timeline.is_some() || decisions.is_some() || metrics.is_some() || traces.is_some();
        is_any.then_some((requests, (timeline, (decisions, (metrics, traces)))))
    }

    /// Finishes the files and gives them their final names.
    fn keep(self) -> Result<(), CliError> {
        if let Some((output, log)) = self.requests {
            output.keep(log.finish())?;
        }
        if let Some((output, log)) = self.timeline {
            output.keep(log.finish())?;
        }
        if let Some((output, log)) = self.decisions {
            output.keep(log.finish())?;
        }
        if let Some((output, log)) = self.metrics {
            output.keep(metrics::finish(log))?;
        }
        if let Some((output, log)) = self.traces {
            output.keep(log.finish())?;
        }
        Ok(())
    }
}

/// The expected number of requests in a replication; none if only a trace knows.
fn expected_requests(scenario: &Scenario) -> Option<f64> {
    let until = SimTime::from(scenario.simulation.horizon);
    let slowest = scenario.functions.iter().map(|function| function.duration.mean_s()).fold(0.0, f64::max);
    let service = |source: &Source| source.service(&scenario.functions).map_or(slowest, Dist::mean_s);
    scenario.sources.iter().map(|source| source.arrivals.expected_before(until, service(source))).sum()
}

/// Parquet if the name says so, CSV if not.
fn request_log(path: &Path, sink: Sink, sources: &[&str], functions: &[&str]) -> Result<RequestLog<Sink>, CliError> {
    let failed = |error| CliError::of_writing(path.display(), error);
    if path.extension().is_none_or(|extension| extension != "parquet") {
        return RequestLog::csv(sink, sources, functions).map_err(failed);
    }
    #[cfg(feature = "parquet")]
    return RequestLog::parquet(sink, sources, functions).map_err(failed);
    #[cfg(not(feature = "parquet"))]
    return Err(CliError::input(
        "this build of forewarm does not include Parquet",
        "use a file name that ends in .csv",
    ));
}
