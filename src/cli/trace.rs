//! `forewarm trace`: inspects and generates traces.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::args::{Format, GenerateArgs, GenerateKind, InspectArgs, TraceCommand};
use super::cancel::CancelToken;
use super::exit::{CliError, ExitStatus};
use super::output::{Output, Own, Sink};
use super::terminal;
use crate::report::format::count;
use crate::report::trace as report;
use crate::rng::Streams;
use crate::time::{SimTime, Span};
use crate::workload::population::PopulationSpec;
use crate::workload::trace::write::{self, Azure2019Output};
use crate::workload::trace::{
    Azure2019, Azure2019Files, OnError, RateOptions, RateTrace, RowOptions, RowTrace, TraceError, TraceKind, TraceStats,
};
use crate::workload::{Input, Spread};

/// File names of the published traces, first day.
const AZURE_FILES: [&str; 3] = [
    "invocations_per_function_md.anon.d01.csv",
    "function_durations_percentiles.anon.d01.csv",
    "app_memory_percentiles.anon.d01.csv",
];

/// `forewarm trace ...`.
pub(super) fn trace(command: &TraceCommand) -> Result<ExitStatus, CliError> {
    match command {
        TraceCommand::Inspect(args) => inspect(args),
        TraceCommand::Generate(args) => generate(args),
    }
}

fn inspect(args: &InspectArgs) -> Result<ExitStatus, CliError> {
    let stats = stats(args).map_err(CliError::of_trace)?;
    let text = match args.format.format {
        Format::Text => report::render(&args.path.display().to_string(), &stats),
        Format::Json => {
            terminal::pretty(&serde_json::to_value(&stats).map_err(|error| CliError::Environment(error.into()))?)
        }
    };
    terminal::print(&text)?;
    Ok(ExitStatus::Success)
}

fn stats(args: &InspectArgs) -> Result<TraceStats, TraceError> {
    let on_error = if args.skip_errors { OnError::Skip } else { OnError::Fail };
    let file = input(&args.path);
    Ok(match TraceKind::of(&file)? {
        TraceKind::Rows(format) => {
            let options = RowOptions { on_error, ..RowOptions::default() };
            TraceStats::of_rows(&RowTrace::scan(&file, format, options)?)?
        }
        TraceKind::Rate => {
            let options = RateOptions { on_error, ..RateOptions::default() };
            TraceStats::of_rate(&RateTrace::read(&file, &options)?)
        }
        TraceKind::Azure2019 => {
            let other = |path: &Option<PathBuf>| path.as_deref().map(input).into_iter().collect();
            let (durations, memory) = (other(&args.durations), other(&args.memory));
            let files = Azure2019Files { invocations: vec![file], durations, memory };
            TraceStats::of_counts(&Azure2019::read(&files, Spread::Uniform, on_error)?)
        }
    })
}

fn input(path: &Path) -> Input {
    let path = path.to_owned();
    Input::new(path.display().to_string(), move || Ok(Box::new(File::open(&path)?)))
}

fn generate(args: &GenerateArgs) -> Result<ExitStatus, CliError> {
    let cancel = CancelToken::on_interrupt()?;
    let spec = PopulationSpec { functions: args.functions, invocations_per_day: args.invocations, seed: args.seed };
    let functions = spec.draw();
    let streams = Streams::new(args.seed, 0);
    let go_on = || if cancel.is_cancelled() { Err(io::ErrorKind::Other.into()) } else { Ok(()) };
    // Generated traces look like recorded ones, so nothing is overwritten.
    let own = Own { option: "--out", marks: &[] };
    let open = |path: &Path| Output::open(path, own, None, &cancel);
    let (written, outputs) = match args.kind {
        GenerateKind::Azure2019 => {
            let [first, second, third] = AZURE_FILES.map(|name| open(&args.out.join(name)));
            let ((one, invocations), (two, durations), (three, memory)) = (first?, second?, third?);
            let mut to = Azure2019Output { invocations, durations, memory };
            let written = write::azure_2019(&mut to, &functions, args.minutes, &streams, go_on);
            (written, vec![(one, to.invocations), (two, to.durations), (three, to.memory)])
        }
        GenerateKind::Forewarm => {
            let (output, mut sink) = open(&args.out)?;
            let horizon = SimTime::from(Span::from_secs(u64::from(args.minutes) * 60));
            let written = write::rows(&mut sink, &functions, horizon, &streams, |_| go_on());
            (written, vec![(output, sink)])
        }
    };
    if cancel.is_interrupted() {
        return Err(CliError::Interrupted);
    }
    let requests = written.map_err(|error| CliError::of_writing(args.out.display(), error))?;
    outputs.into_iter().try_for_each(|(output, sink): (Output, Sink)| output.keep(Ok(sink)))?;
    if !args.quiet {
        let (requests, functions) = (count(requests as f64), count(functions.len() as f64));
        terminal::print(&format!("{requests} requests of {functions} functions in {}.\n", args.out.display()))?;
    }
    Ok(ExitStatus::Success)
}
