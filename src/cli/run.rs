//! `forewarm run`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::args::{Format, RunArgs};
use super::exit::{Done, Stop};
use super::gate::{self, Gate};
use super::halt::Halt;
use super::meter::{self, Meter};
use super::output::{Output, Own, Sink};
use super::results::{Results, default_folder, placed};
use super::{load, room, terminal};
use crate::engine::SimError;
use crate::experiment::{self, Progress as _, Run};
use crate::measure::{Manifest, RunResult};
use crate::report::junit::Suite;
use crate::report::number::count;
use crate::report::perfetto::{self, TraceWriter};
use crate::report::requests::{self, RequestLog};
use crate::report::wording::harmless;
use crate::report::{chart, csv, html, json, table};
use crate::scenario::Scenario;
use crate::time::SimTime;

/// Reads, simulates, writes, prints.
pub(super) fn run(args: &RunArgs) -> Result<Done, Stop> {
    let (mut scenario, warnings) = load::scenario(&args.path, &args.scenario, &args.precision, args.max_replications)?;
    if !warnings.is_empty() && !args.job.quiet {
        terminal::problems(&warnings);
    }
    gate::add(&args.gate, [&mut scenario])?;
    gate::needs_intervals(&args.gate, scenario.simulation.replications)?;
    let halt = Halt::on_interrupt()?;
    let folder =
        args.job.out.clone().unwrap_or_else(|| default_folder(&scenario.name, args.scenario.variant.as_deref()));
    let results = Results::reserve(&folder)?;
    let logs = Logs::open(args, &scenario, &results, &halt)?;
    let gate = Gate::open(&args.gate, &results, &halt)?;
    let threads = threads(args.job.threads);

    let (run, wall_s) = simulate(args, &mut scenario, threads, logs, &halt)?;

    let done = run.result.summary.replications;
    let manifest = manifest(&scenario, done, threads, run.simulated, wall_s);
    write(&results, &run.result, &manifest)?;
    let suite = Suite { name: scenario.name.clone(), summary: &run.result.summary };
    let outcome = gate.close(&[suite], wall_s, args.job.quiet)?;
    let earlier = results.commit(&manifest)?;
    print(args, &placed(&folder, earlier.as_ref(), &manifest), &run, &manifest)?;
    if halt.is_interrupted() {
        return Err(Stop::Kept(done));
    }
    Ok(outcome)
}

/// The run, and how long it took in seconds.
fn simulate(
    args: &RunArgs,
    scenario: &mut Scenario,
    threads: NonZeroUsize,
    mut logs: Logs,
    halt: &Halt,
) -> Result<(Run, f64), Stop> {
    let meter = Meter::start(halt.clone(), !args.job.quiet && !args.job.no_progress && terminal::is_watched());
    let requests = logs.requests.as_mut().map(|(_, log)| log);
    let timeline = logs.timeline.as_mut().map(|(_, log)| log);
    let observers = (requests.is_some() || timeline.is_some()).then_some((requests, timeline));
    let run = experiment::warm_up::settle(scenario, threads, &meter).and_then(|warm_up| {
        if warm_up.is_some() {
            meter.begin();
        }
        let mut run = experiment::run(scenario, threads, &meter, observers)?;
        run.result.summary.evidence.warm_up = warm_up;
        Ok(run)
    });
    let wall_s = meter.stop().as_secs_f64();
    match run {
        // If it was an output that stopped the run, its error is here.
        Ok(run) => logs.keep().map(|()| (run, wall_s)),
        Err(SimError::Cancelled) if halt.is_interrupted() => Err(Stop::Interrupted),
        Err(SimError::Cancelled) => logs.keep().and(Err(Stop::Interrupted)),
        Err(SimError::Trace(error)) => Err(Stop::of_trace(error)),
        Err(error) => Err(Stop::Input(error.into())),
    }
}

/// What is written while the simulation runs.
struct Logs {
    requests: Option<(Output, RequestLog<Sink>)>,
    timeline: Option<(Output, TraceWriter<Sink>)>,
}

impl Logs {
    fn open(args: &RunArgs, scenario: &Scenario, results: &Results, halt: &Halt) -> Result<Self, Stop> {
        if args.requests.is_some() && args.requests == args.timeline {
            return Err(Stop::input("--requests and --timeline name the same file", "name two files"));
        }
        let functions: Vec<&str> = scenario.functions.iter().map(|function| function.name.as_str()).collect();
        let sources: Vec<&str> = scenario.sources.iter().map(|source| source.name.as_str()).collect();
        let open = |path: &PathBuf, option, marks| Output::open(path, Own { option, marks }, Some(results), halt);
        let mut logs = Self { requests: None, timeline: None };
        let expected = expected_requests(scenario);
        if let Some(path) = &args.requests {
            let (output, sink) = open(path, "--requests", &requests::MARKS)?;
            room::check("--requests", path, output.room(), expected, args.job.quiet)?;
            logs.requests = Some((output, request_log(path, sink, &sources, &functions)?));
        }
        if let Some(path) = &args.timeline {
            let (output, sink) = open(path, "--timeline", &[perfetto::MARK])?;
            room::check("--timeline", path, output.room(), expected, args.job.quiet)?;
            logs.timeline = Some((output, TraceWriter::new(sink, &sources, &functions)));
        }
        Ok(logs)
    }

    /// Writes the ends and gives the files their names.
    fn keep(self) -> Result<(), Stop> {
        if let Some((output, log)) = self.requests {
            output.keep(log.finish())?;
        }
        if let Some((output, log)) = self.timeline {
            output.keep(log.finish())?;
        }
        Ok(())
    }
}

/// How many requests will arrive in a replication, about; none where only a trace knows.
fn expected_requests(scenario: &Scenario) -> Option<f64> {
    let until = SimTime::from(scenario.simulation.horizon);
    let slowest = scenario.functions.iter().map(|function| function.duration.mean_s()).fold(0.0, f64::max);
    scenario.sources.iter().map(|source| source.arrivals.expected_before(until, slowest)).sum()
}

/// Parquet if the name says so, CSV if not.
fn request_log(path: &Path, sink: Sink, sources: &[&str], functions: &[&str]) -> Result<RequestLog<Sink>, Stop> {
    let failed = |error| Stop::of_writing(path.display(), error);
    if path.extension().is_none_or(|extension| extension != "parquet") {
        return RequestLog::csv(sink, sources, functions).map_err(failed);
    }
    #[cfg(feature = "parquet")]
    return RequestLog::parquet(sink, sources, functions).map_err(failed);
    #[cfg(not(feature = "parquet"))]
    return Err(Stop::input("this forewarm was built without Parquet", "name a file that ends in .csv"));
}

/// As many as were asked for, else one for each core.
pub(super) fn threads(asked: Option<NonZeroUsize>) -> NonZeroUsize {
    asked.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}

/// How a result was made: `invocations` is over all replications.
pub(super) fn manifest(
    scenario: &Scenario,
    replications: u32,
    threads: NonZeroUsize,
    invocations: u64,
    wall_s: f64,
) -> Manifest {
    Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: harmless(&typed(), false).into_owned(),
        scenario_hash: scenario.hash.clone(),
        scenario: scenario.resolved.clone(),
        seed: scenario.simulation.seed,
        replications,
        threads: threads.get(),
        wall_s,
        invocations,
        invocations_per_s: invocations as f64 / wall_s.max(f64::MIN_POSITIVE),
        files: Vec::new(),
    }
}

/// The command that was typed.
fn typed() -> String {
    command_line(std::env::args_os().map(|word| word.to_string_lossy().into_owned()))
}

/// The command as it can be typed again, the program by its name only.
pub(super) fn command_line(arguments: impl Iterator<Item = String>) -> String {
    let quoted = arguments.skip(1).map(|word| match word.chars().all(is_plain) && !word.is_empty() {
        true => word,
        false => format!("'{}'", word.replace('\'', r"'\''")),
    });
    std::iter::once("forewarm".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

/// Whether a text, which may come from anywhere, is a command as [`command_line`] writes it: typed again, it starts forewarm
/// and nothing else.
pub(super) fn is_command_line(text: &str) -> bool {
    let (mut chars, mut is_quoted) = (text.chars(), false);
    while let Some(c) = chars.next() {
        let is_right = match c {
            '\'' => {
                is_quoted = !is_quoted;
                true
            }
            _ if is_quoted => !c.is_control(),
            '\\' => chars.next() == Some('\''),
            _ => c == ' ' || is_plain(c),
        };
        if !is_right {
            return false;
        }
    }
    !is_quoted && text.starts_with("forewarm ")
}

/// What a shell takes as it is.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "-_=./:,+@%".contains(c)
}

/// All files of the results folder.
fn write(results: &Results, result: &RunResult, manifest: &Manifest) -> Result<(), Stop> {
    let in_memory = |text: Result<(), ::csv::Error>| text.map_err(|error| Stop::Environment(error.into()));
    let (mut functions, mut timeline) = (Vec::new(), Vec::new());
    in_memory(csv::functions(&result.summary, &mut functions))?;
    in_memory(csv::timeline(&result.timeline, &mut timeline))?;
    let charts = chart::run::charts(result);
    results.write("summary.json", json::summary(&result.summary))?;
    results.write("functions.csv", functions)?;
    results.write("timeline.csv", timeline)?;
    results.write("charts.json", json::charts(result))?;
    for chart in &charts {
        results.write(&format!("{}.svg", chart.name), &chart.svg)?;
    }
    results.write("report.html", html::render(result, manifest, &charts))
}

fn print(args: &RunArgs, place: &str, run: &Run, manifest: &Manifest) -> Result<(), Stop> {
    let summary = &run.result.summary;
    if args.job.format.format == Format::Json {
        return terminal::print(&json::summary(summary));
    }
    if args.job.quiet {
        return Ok(());
    }
    let table = table::render(summary, terminal::colour_out());
    let (invocations, rate) = (count(run.simulated as f64), meter::rate(manifest.invocations_per_s));
    terminal::print(&format!(
        "{table}\nResults in {place}: open report.html in a browser.\n{invocations} invocations in {:.2} s ({rate}).\n",
        manifest.wall_s,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_typed_again() {
        let typed = ["/usr/bin/forewarm", "run", "my file.toml", "--set", "a.b=it's", ""];
        assert_eq!(
            command_line(typed.iter().map(ToString::to_string)),
            r"forewarm run 'my file.toml' --set 'a.b=it'\''s' ''"
        );
    }

    #[test]
    fn what_is_no_command_of_ours_is_told_apart() {
        for word in ["x", "it's", "a b", "'", "", "$(id)", "a;b", "'; id '", "\\"] {
            let line = command_line(["forewarm", "run", word].iter().map(ToString::to_string));
            assert!(is_command_line(&line), "{line}");
        }
        for line in [
            "forewarm run x; id",
            "forewarm run 'x' | sh",
            "forewarm run 'x",
            "curl evil",
            "forewarm run $(id)",
            "forewarm run x\nid",
            "forewarm run '\u{1b}[2J'",
            "forewarm run x \\; id",
        ] {
            assert!(!is_command_line(line), "{line}");
        }
    }
}
