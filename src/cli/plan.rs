//! `forewarm plan`.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::args::{ExportForm, PlanArgs};
use super::cancel::CancelToken;
use super::exit::{CliError, ExitStatus};
use super::import::read;
use super::load::{self, ScenarioSource};
use super::output::{Output, Own};
use super::results::Results;
use super::terminal;
use crate::experiment::Progress;
use crate::import::File;
use crate::import::export::{Change, Form, export};
use crate::measure::plan::Plan as Found;
use crate::report::comment;
use crate::report::format::{count, roughly};
use crate::report::preview::{self, Speed};
use crate::study::Study as _;
use crate::study::plan::{Options, Plan};

/// Length of the sample from which the time of a plan is estimated.
const SAMPLE: Duration = Duration::from_millis(300);
/// A plan that is expected to take longer says so before it starts.
const LONG: Duration = Duration::from_secs(5);

/// Reads, checks all configurations, searches, writes, prints.
pub(super) fn plan(args: &PlanArgs) -> Result<ExitStatus, CliError> {
    let source = ScenarioSource::of(&args.path, &args.scenario.changes)?;
    let options = Options {
        parse: load::options(&args.scenario.changes, args.scenario.variant.clone()),
        max_replications: args.max_replications,
        skips_headroom: false,
    };
    let cancel = CancelToken::on_interrupt()?;
    let go_on = || if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let (mut study, warnings) = Plan::read_while(source.source(), &options, &go_on)?;
    args.job.warn(&warnings);
    if args.dry_run {
        let speed = speed(&study, args, &cancel)?;
        terminal::print(&format!(
            "{}\nAll configurations are valid. Nothing was written.\n",
            preview::text(&study.preview(), study.asked(), speed.as_ref())
        ))?;
        return Ok(ExitStatus::Success);
    }
    // Before the search, which may take long.
    let patched = args.patch.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let folder = args.job.folder(study.scenario(), args.scenario.variant.as_deref());
    let results = Results::reserve(&folder)?;

    if let Some(line) = outlook(&study, args, &cancel)? {
        terminal::complain(&line);
    }
    let progress = args.job.progress(&cancel);
    let answer = study.run(args.job.threads(), &progress);
    let took = progress.stop();
    let answer = answer?;

    let manifest = args.job.write(&results, &answer, study.scenario(), took)?;
    let earlier = results.commit(&manifest)?;
    if let Some(path) = &args.comment {
        let own = Own { option: "--comment", marks: &[comment::MARK] };
        let (output, mut sink) = Output::open(path, own, None, &cancel)?;
        let written = sink
            .write_all(comment::comment(&answer.found, &|key| value_of(&study.scenario().resolved, key)).as_bytes())
            .map(|()| sink);
        output.keep(written)?;
    }
    match args.export {
        Some(form) => terminal::print_file(&exported(form, &patched, &answer.found)?)?,
        None => args.job.print(&answer.found, &folder, &manifest, earlier.as_ref())?,
    }
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

/// The speed of a short sample; none if it ends too soon to tell.
fn speed(study: &Plan, args: &PlanArgs, cancel: &CancelToken) -> Result<Option<Speed>, CliError> {
    struct Sampling<'a> {
        cancel: &'a CancelToken,
        started: Instant,
    }
    impl Progress for Sampling<'_> {
        fn advance(&self, _: f64, _: u64) -> ControlFlow<()> {
            let is_over = self.cancel.is_cancelled() || self.started.elapsed() > SAMPLE;
            if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    let sampling = Sampling { cancel, started: Instant::now() };
    let sampled = study.sample(args.job.threads(), &sampling)?;
    let replications_per_s = sampled.replications / sampling.started.elapsed().as_secs_f64();
    if cancel.is_interrupted() {
        return Err(CliError::Interrupted);
    }
    let is_known = replications_per_s.is_finite() && replications_per_s > 0.0;
    Ok(is_known.then_some(Speed { replications_per_s, threads: args.job.threads().get() }))
}

/// The line that a long plan prints before it starts.
fn outlook(study: &Plan, args: &PlanArgs, cancel: &CancelToken) -> Result<Option<String>, CliError> {
    if args.job.quiet || args.job.no_progress {
        return Ok(None);
    }
    let preview = study.preview();
    let usual = speed(study, args, cancel)?.and_then(|speed| speed.usual(&preview));
    Ok(usual.filter(|time| *time >= LONG).map(|time| {
        let number = count(preview.candidates as f64);
        format!("planning over {number} configurations: about {} (--dry-run tells more)\n", roughly(time))
    }))
}

/// The recommended values as a patch of the file that they came from.
fn exported(form: ExportForm, files: &[File], found: &Found) -> Result<String, CliError> {
    let Some(best) = found.best.and_then(|best| found.candidate(best)) else {
        terminal::complain("no configuration is shown to meet every objective: nothing to export\n");
        return Ok(String::new());
    };
    let form = match form {
        ExportForm::Sam => Form::Sam,
        ExportForm::Cloudformation => Form::CloudFormation,
        ExportForm::Serverless => Form::Serverless,
        ExportForm::Kubernetes => Form::Kubernetes,
        ExportForm::Terraform => Form::Terraform,
    };
    let axes = found.axes.iter().zip(&best.values);
    let changes: Vec<Change> = axes.map(|(axis, value)| (axis.key.clone(), value.clone())).collect();
    export(form, files, &changes).map_err(CliError::Scenario)
}

/// The value of a dotted key in a resolved scenario; elements of lists are addressed by name.
fn value_of(resolved: &str, key: &str) -> Option<String> {
    let tables: toml::Table = resolved.parse().ok()?;
    let mut value = &toml::Value::Table(tables);
    for part in key.split('.') {
        value = match value {
            toml::Value::Array(elements) => {
                elements.iter().find(|element| element.get("name").and_then(toml::Value::as_str) == Some(part))?
            }
            _ => value.get(part)?,
        };
    }
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}
