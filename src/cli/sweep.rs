//! `forewarm sweep`.

#[cfg(feature = "parquet")]
mod shards;
#[cfg(not(feature = "parquet"))]
#[path = "sweep/shards_disabled.rs"]
mod shards;

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::args::SweepArgs;
use super::cancel::CancelToken;
use super::exit::{CliError, ExitStatus};
use super::folder::resolve;
use super::job::{command_line, default_folder};
use super::journal::{Identity, Journal, TEMPORARY, Unfit};
use super::load::{self, ScenarioSource};
use super::results::Results;
use super::terminal;
use crate::experiment::sweep::{Failure, Task, by_cost, shard};
use crate::measure::sweep::{Columns, Row};
use crate::report::format::count;
use crate::report::sweep::digest::Digest;
use crate::report::sweep::{Column, SweepReport, Tables, columns};
use crate::scenario::Scenario;
use crate::study::sweep as study;
use crate::study::{Answer, StudyError};

/// The file that keeps finished configurations.
const JOURNAL: &str = "points.journal";

/// Reads, checks all configurations, simulates, writes, prints.
pub(super) fn sweep(args: &SweepArgs) -> Result<ExitStatus, CliError> {
    let text = ScenarioSource::of(&args.path, &args.scenario.changes)?;
    let options = load::options(&args.scenario.changes, args.scenario.variant.clone());
    let (base, scenario, warnings) = text.base(&options).map_err(CliError::Scenario)?;
    args.job.warn(&warnings);
    let (sweep, points) = study::asked(&args.path.display().to_string(), &scenario)?;
    let measured = Columns::of(&scenario);
    let warm_up = scenario.simulation.warm_up;
    let task = Task { base: &base, sweep, points: &points, columns: &measured, warm_up };
    let command = SweepCommand {
        args,
        scenario: &scenario,
        task,
        table: columns(sweep, &measured),
        threads: args.job.threads(),
        cancel: CancelToken::on_interrupt()?,
    };
    match (&args.merge, args.shard) {
        (Some(folder), _) => command.merge(folder),
        (None, Some((number, of))) => command.part(number, of),
        (None, None) if args.dry_run => command.show(),
        (None, None) => command.whole(),
    }
}

/// The command's input, read and checked.
struct SweepCommand<'a> {
    args: &'a SweepArgs,
    scenario: &'a Scenario,
    task: Task<'a>,
    table: Vec<Column>,
    threads: NonZeroUsize,
    cancel: CancelToken,
}

/// How many requests were simulated, and how long it took.
#[derive(Clone, Copy, Default)]
struct Effort {
    simulated: u64,
    took: Duration,
}

impl SweepCommand<'_> {
    /// Runs the whole sweep on this machine.
    fn whole(&self) -> Result<ExitStatus, CliError> {
        let folder = self.folder();
        // Fail now rather than after the simulation.
        drop(Results::reserve(&folder)?);
        let partial = partial(&folder)
            .map_err(|error| CliError::of_path(format!("cannot write to {}", folder.display()), error))?;
        let mut journal = self.journal(&partial)?;
        let costs = match self.survey() {
            Ok(costs) => costs,
            Err(refused) => {
                // A rejected sweep leaves no files behind.
                if journal.done() == 0 {
                    forget(&partial, journal);
                }
                return Err(refused);
            }
        };
        let numbers = (0..self.task.points.count()).filter(|number| !journal.has(*number)).collect();
        let again = |kept: &str| format!("{kept} configurations are done; continue with `{}`", self.again("--resume"));
        let effort = self.simulate(numbers, &costs, &mut journal, again)?;
        let results = Results::reserve(&folder)?;
        let mut next = 0;
        let rows = std::iter::from_fn(|| {
            let number = next;
            next += 1;
            let mut row = |number| journal.row(number).map_err(|error| cannot_read(&partial.join(JOURNAL), error));
            (number < self.task.points.count()).then(|| row(number))
        });
        self.write(results, rows, effort)?;
        forget(&partial, journal);
        Ok(ExitStatus::Success)
    }

    /// The folder for the results.
    fn folder(&self) -> PathBuf {
        self.args.job.folder(self.scenario, self.args.scenario.variant.as_deref())
    }

    /// The folder for shards.
    fn parts_folder(&self) -> PathBuf {
        let default = default_folder(self.scenario, self.args.scenario.variant.as_deref());
        let own = || beside(&default, ".parts").unwrap_or_default();
        self.args.job.out.clone().unwrap_or_else(own)
    }

    /// The command that simulates a shard, with every option that changes the scenario.
    fn shard_command(&self, number: u32, of: u32, folder: &Path) -> String {
        let changes = &self.args.scenario.changes;
        let mut words = vec![String::new(), "sweep".to_owned(), self.args.path.display().to_string()];
        let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
        if let Some(variant) = &self.args.scenario.variant {
            option("--variant", variant.clone());
        }
        changes.set.iter().for_each(|(key, value)| option("--set", format!("{key}={value}")));
        changes.seed.iter().for_each(|seed| option("--seed", seed.to_string()));
        changes.replications.iter().for_each(|number| option("--replications", number.to_string()));
        if changes.confine_files {
            words.push("--confine-files".to_owned());
        }
        words.extend([
            "--shard".to_owned(),
            format!("{number}/{of}"),
            "--out".to_owned(),
            folder.display().to_string(),
        ]);
        command_line(words.into_iter())
    }

    /// Identifies results that belong to the same sweep.
    fn identity(&self) -> Identity {
        Identity {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: self.scenario.name.clone(),
            hash: self.scenario.hash.clone(),
            seed: self.scenario.simulation.seed,
            points: self.task.points.count(),
        }
    }

    /// The journal in the folder `partial`: the existing one with `--resume`, otherwise a new one.
    fn journal(&self, partial: &Path) -> Result<Journal, CliError> {
        let path = partial.join(JOURNAL);
        let (identity, width) = (self.identity(), self.task.columns.width());
        if !path.exists() {
            fs::create_dir_all(partial)
                .map_err(|error| CliError::of_path(format!("cannot write to {}", partial.display()), error))?;
            return Journal::create(&path, &identity, width).map_err(|unfit| self.unfit(unfit, partial));
        }
        let journal = Journal::open(&path, &identity, width).map_err(|unfit| self.unfit(unfit, partial))?;
        if !self.args.resume && journal.done() > 0 {
            let (done, all) = (count(journal.done() as f64), count(identity.points as f64));
            let shown = partial.display();
            return Err(CliError::input(
                format!("{shown} holds {done} of {all} configurations of an interrupted sweep"),
                &format!(
                    "continue with `{}`, or start over after `rm -r {}`",
                    self.again("--resume"),
                    command_line([String::new(), shown.to_string()].into_iter()).trim_start_matches("forewarm "),
                ),
            ));
        }
        if journal.done() > 0 && !self.args.job.quiet {
            let (done, all) = (count(journal.done() as f64), count(identity.points as f64));
            terminal::complain(&format!("resuming: {done} of {all} configurations are done\n"));
        }
        Ok(journal)
    }

    fn unfit(&self, unfit: Unfit, partial: &Path) -> CliError {
        let shown = partial.display();
        let help = format!("rename or remove it (rm -r {shown}), or write elsewhere with --out DIR");
        match unfit {
            Unfit::Io(error) => CliError::of_path(format!("cannot save configurations in {shown}"), error),
            Unfit::InUse => CliError::input(
                format!("another forewarm is writing to {shown}"),
                "wait for it, or write elsewhere with --out DIR",
            ),
            Unfit::Different(reason) => {
                CliError::input(format!("{shown} holds configurations of another sweep: {reason}"), &help)
            }
            Unfit::Foreign => CliError::input(format!("{shown} exists and was not created by forewarm"), &help),
        }
    }

    /// The command as typed, with one more option.
    fn again(&self, option: &str) -> String {
        let mut words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        if !words.iter().any(|word| word == option) {
            words.push(option.to_owned());
        }
        command_line(words.into_iter())
    }

    /// Checks all configurations; returns the cost of each.
    fn survey(&self) -> Result<Vec<u64>, CliError> {
        let meter = self.args.job.progress(&self.cancel);
        meter.say(format!("checking {} configurations", count(self.task.points.count() as f64)));
        let costs = self.task.survey(self.threads, &meter);
        meter.stop();
        costs.map_err(|failure| stop(failure, || "nothing was simulated".to_owned()))
    }

    /// Simulates configurations into the journal. `interrupted` builds the message after an interruption from what is kept.
    fn simulate(
        &self,
        numbers: Vec<u64>,
        costs: &[u64],
        journal: &mut Journal,
        interrupted: impl Fn(&str) -> String,
    ) -> Result<Effort, CliError> {
        let meter = self.args.job.progress(&self.cancel);
        let all = journal.done() + numbers.len() as u64;
        let (simulated, failed) = (AtomicU64::new(0), Mutex::new(None));
        let journal = Mutex::new(journal);
        let each = |row: Row, requests: u64| {
            simulated.fetch_add(requests, Relaxed);
            let mut journal = journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Err(error) = journal.append(&row) {
                failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
                self.cancel.output_failed();
                return ControlFlow::Break(());
            }
            meter.say(format!("{} of {} configurations", count(journal.done() as f64), count(all as f64)));
            ControlFlow::Continue(())
        };
        let warm_up = study::resolve_warm_up(self.scenario, self.threads, &meter);
        let done = warm_up.and_then(|warm_up| {
            let task = Task { warm_up, ..self.task };
            task.simulate(&by_cost(numbers, costs), costs, self.threads, &meter, &each)
        });
        let took = meter.stop();
        let journal = journal.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(error) = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return Err(CliError::of_writing("the completed configurations", error));
        }
        journal.sync().map_err(|error| CliError::of_writing("the completed configurations", error))?;
        let kept = format!("{} of {}", count(journal.done() as f64), count(all as f64));
        done.map_err(|failure| stop(failure, || interrupted(&kept)))?;
        Ok(Effort { simulated: simulated.into_inner(), took })
    }

    /// Writes the results folder from all rows, in order, and prints.
    fn write(
        &self,
        results: Results,
        rows: impl Iterator<Item = Result<Row, CliError>>,
        effort: Effort,
    ) -> Result<(), CliError> {
        let mut digest = Digest::new(self.task.sweep, self.task.columns);
        let mut tables = Tables::new(&self.table, |name| Ok(BufWriter::with_capacity(1 << 18, results.create(name)?)))
            .map_err(|(name, error)| results.failed(name, error))?;
        let mut replications = 0;
        for row in rows {
            let row = row?;
            let point = self.task.points.get(row.number);
            replications = replications.max(row.replications());
            digest.add(&point, &row);
            tables.write(point, row).map_err(|(name, error)| results.failed(name, error))?;
            if self.cancel.is_interrupted() {
                return Err(CliError::Paused(format!(
                    "all configurations are done; continue with `{}`",
                    self.again("--resume")
                )));
            }
        }
        for (name, file) in tables.finish().map_err(|(name, error)| results.failed(name, error))? {
            on_disk(file).map_err(|error| results.failed(name, error))?;
        }
        let found = SweepReport { scenario: self.scenario.clone(), digest, tables: Vec::new() };
        let answer = Answer { found, replications, simulated: effort.simulated, is_whole: true };
        let manifest = self.args.job.write(&results, &answer, self.scenario, effort.took)?;
        let earlier = results.commit(&manifest)?;
        self.args.job.print(&answer.found, &self.folder(), &manifest, earlier.as_ref())
    }

    /// Shows the number of configurations, their cost, and the commands of all shards.
    fn show(&self) -> Result<ExitStatus, CliError> {
        let costs = self.survey()?;
        let all: u128 = costs.iter().map(|cost| u128::from(*cost)).sum();
        let mut text = format!(
            "{} configurations, about {} requests in total; all are valid.\n",
            count(costs.len() as f64),
            count(all as f64)
        );
        if let Some(of) = self.args.shards {
            let parts = self.parts_folder();
            text.push_str("\nconfigurations    cost  command\n");
            for number in 1..=of {
                let range = shard(&costs, number, of);
                let cost: u128 =
                    costs[range.start as usize..range.end as usize].iter().map(|cost| u128::from(*cost)).sum();
                let share = 100.0 * cost as f64 / all.max(1) as f64;
                let command = self.shard_command(number, of, &parts);
                text.push_str(&format!("{:>14}  {share:>4.1} %  {command}\n", count((range.end - range.start) as f64)));
            }
        }
        terminal::print(&text)?;
        Ok(ExitStatus::Success)
    }
}

/// Flushes a file to disk.
fn on_disk(file: BufWriter<File>) -> io::Result<()> {
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// The folder beside the results that keeps configurations until there are results.
fn partial(folder: &Path) -> io::Result<PathBuf> {
    beside(folder, ".partial")
}

/// The folder of the same name with a suffix.
fn beside(folder: &Path, ending: &str) -> io::Result<PathBuf> {
    // `.` and `..` have no file name.
    let folder = if folder.file_name().is_some() { folder.to_owned() } else { resolve(folder)? };
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    Ok(folder.with_file_name(name))
}

/// Removes the kept configurations and what killed programs have left, and their folder if it is empty. Leftovers do no harm.
fn forget(partial: &Path, journal: Journal) {
    drop(journal);
    let _ = fs::remove_file(partial.join(JOURNAL));
    for entry in fs::read_dir(partial).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            let _ = fs::remove_file(entry.path());
        }
    }
    let _ = fs::remove_dir(partial);
}

fn cannot_read(path: &Path, error: io::Error) -> CliError {
    CliError::Environment(anyhow::Error::new(error).context(format!("cannot read {}", path.display())))
}

/// The error for a failed sweep; `kept` describes what an interruption left.
fn stop(failure: Failure, kept: impl Fn() -> String) -> CliError {
    match failure {
        Failure::Cancelled => CliError::Paused(kept()),
        failure => StudyError::from(failure).into(),
    }
}
