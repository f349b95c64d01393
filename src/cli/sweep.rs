//! `forewarm sweep`.

#[cfg(feature = "parquet")]
mod parts;
#[cfg(not(feature = "parquet"))]
#[path = "sweep/no_parts.rs"]
mod parts;

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::args::{Format, SweepArgs};
use super::exit::{Done, Stop};
use super::folder::resolve;
use super::halt::Halt;
use super::journal::{Identity, Journal, Unfit};
use super::load::{self, Text};
use super::meter::{self, Meter};
use super::results::{Results, default_folder, placed};
use super::run::{command_line, manifest, threads};
use super::terminal;
use crate::engine::SimError;
use crate::experiment::sweep::{Failure, Task, by_cost, shard};
use crate::experiment::{Progress as _, warm_up};
use crate::measure::Manifest;
use crate::measure::sweep::{Columns, Row};
use crate::report::number::count;
use crate::report::sweep::digest::Digest;
use crate::report::sweep::{self as report, Column};
use crate::scenario::Scenario;

/// The file in which the points are kept that are done.
const JOURNAL: &str = "points.journal";

/// Reads, checks all points, simulates, writes, prints.
pub(super) fn sweep(args: &SweepArgs) -> Result<Done, Stop> {
    let text = Text::of(&args.path, &args.scenario.changes)?;
    let options = load::options(&args.scenario.changes, args.scenario.variant.clone());
    let (base, scenario, warnings) = text.base(&options).map_err(Stop::Scenario)?;
    if !warnings.is_empty() && !args.job.quiet {
        terminal::problems(&warnings);
    }
    let points = scenario.sweep.as_ref().and_then(|sweep| Some((sweep, sweep.points()?)));
    let Some((sweep, points)) = points else {
        return Err(Stop::input(
            format!("{} has no [sweep]", args.path.display()),
            "name keys and the values they take, as in\n\n  [sweep]\n  \"function.NAME.memory\" = [\"512MB\", \"1024MB\"]\n",
        ));
    };
    let columns = Columns::of(&scenario);
    let warm_up = scenario.simulation.warm_up;
    let task = Task { base: &base, sweep, points: &points, columns: &columns, warm_up };
    let study = Study {
        args,
        scenario: &scenario,
        task,
        table: report::columns(sweep, &columns),
        threads: threads(args.job.threads),
        halt: Halt::on_interrupt()?,
    };
    match (&args.merge, args.shard) {
        (Some(folder), _) => study.merge(folder),
        (None, Some((number, of))) => study.part(number, of),
        (None, None) if args.dry_run => study.show(),
        (None, None) => study.whole(),
    }
}

/// What is asked, read and checked.
struct Study<'a> {
    args: &'a SweepArgs,
    scenario: &'a Scenario,
    task: Task<'a>,
    table: Vec<Column>,
    threads: NonZeroUsize,
    halt: Halt,
}

/// How much was simulated, and how long it took.
#[derive(Clone, Copy, Default)]
struct Effort {
    simulated: u64,
    wall_s: f64,
}

impl Study<'_> {
    /// The whole sweep on this machine.
    fn whole(&self) -> Result<Done, Stop> {
        let folder = self.folder();
        // Fails now and not after the long part.
        drop(Results::reserve(&folder)?);
        let partial =
            partial(&folder).map_err(|error| Stop::of_path(format!("cannot write to {}", folder.display()), error))?;
        let mut journal = self.journal(&partial)?;
        let costs = match self.survey() {
            Ok(costs) => costs,
            Err(refused) => {
                // A sweep that was refused leaves nothing behind.
                if journal.done() == 0 {
                    forget(&partial, journal);
                }
                return Err(refused);
            }
        };
        let numbers = (0..self.task.points.count()).filter(|number| !journal.has(*number)).collect();
        let again = |kept: &str| format!("{kept} points are kept; go on with `{}`", self.again("--resume"));
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
        Ok(Done::Well)
    }

    /// Where the results go.
    fn folder(&self) -> PathBuf {
        self.args.job.out.clone().unwrap_or_else(|| self.default_folder())
    }

    fn default_folder(&self) -> PathBuf {
        default_folder(&self.scenario.name, self.args.scenario.variant.as_deref())
    }

    /// Where parts go.
    fn parts_folder(&self) -> PathBuf {
        let own = || beside(&self.default_folder(), ".parts").unwrap_or_default();
        self.args.job.out.clone().unwrap_or_else(own)
    }

    /// The command that makes a part, with everything that changes the scenario.
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
        words.extend(["--shard".to_owned(), format!("{number}/{of}")]);
        words.extend(["--out".to_owned(), folder.display().to_string()]);
        command_line(words.into_iter())
    }

    /// What makes points fit together.
    fn identity(&self) -> Identity {
        Identity {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: self.scenario.name.clone(),
            hash: self.scenario.hash.clone(),
            seed: self.scenario.simulation.seed,
            points: self.task.points.count(),
        }
    }

    /// The journal in the folder `partial`: the one that is there with `--resume`, else a new one.
    fn journal(&self, partial: &Path) -> Result<Journal, Stop> {
        let path = partial.join(JOURNAL);
        let (identity, width) = (self.identity(), self.task.columns.width());
        if !path.exists() {
            fs::create_dir_all(partial)
                .map_err(|error| Stop::of_path(format!("cannot write to {}", partial.display()), error))?;
            return Journal::create(&path, &identity, width).map_err(|unfit| self.unfit(unfit, partial));
        }
        let journal = Journal::open(&path, &identity, width).map_err(|unfit| self.unfit(unfit, partial))?;
        if !self.args.resume && journal.done() > 0 {
            let (done, all) = (count(journal.done() as f64), count(identity.points as f64));
            let shown = partial.display();
            return Err(Stop::input(
                format!("{shown} holds {done} of {all} points of a sweep that was interrupted"),
                &format!(
                    "go on with `{}`, or begin again after `rm -r {}`",
                    self.again("--resume"),
                    command_line([String::new(), shown.to_string()].into_iter()).trim_start_matches("forewarm "),
                ),
            ));
        }
        if journal.done() > 0 && !self.args.job.quiet {
            let (done, all) = (count(journal.done() as f64), count(identity.points as f64));
            terminal::complain(&format!("going on: {done} of {all} points are done\n"));
        }
        Ok(journal)
    }

    fn unfit(&self, unfit: Unfit, partial: &Path) -> Stop {
        let shown = partial.display();
        let help =
            format!("keep it under another name or remove it (rm -r {shown}), or write elsewhere with --out DIR");
        match unfit {
            Unfit::Io(error) => Stop::of_path(format!("cannot keep points in {shown}"), error),
            Unfit::InUse => Stop::input(
                format!("another forewarm is writing to {shown}"),
                "wait for it, or write elsewhere with --out DIR",
            ),
            Unfit::Different(reason) => Stop::input(format!("{shown} holds points of another sweep: {reason}"), &help),
            Unfit::Foreign => Stop::input(format!("{shown} exists and was not made by forewarm"), &help),
        }
    }

    /// The command that was typed, with one more option.
    fn again(&self, option: &str) -> String {
        let mut words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        if !words.iter().any(|word| word == option) {
            words.push(option.to_owned());
        }
        command_line(words.into_iter())
    }

    /// Checks all points; says what each costs.
    fn survey(&self) -> Result<Vec<u64>, Stop> {
        let meter = self.meter();
        meter.say(format!("checking {} points", count(self.task.points.count() as f64)));
        let costs = self.task.survey(self.threads, &meter);
        meter.stop();
        costs.map_err(|failure| stop(failure, || "nothing was simulated".to_owned()))
    }

    fn meter(&self) -> Meter {
        let job = &self.args.job;
        Meter::start(self.halt.clone(), !job.quiet && !job.no_progress && terminal::is_watched())
    }

    /// The task with the warm-up that a pilot of the unchanged scenario finds, where it is left open: the same for every shard.
    fn settled(&self, meter: &Meter) -> Result<Task<'_>, Failure> {
        let mut unchanged = self.scenario.clone();
        let found = warm_up::settle(&mut unchanged, self.threads, meter).map_err(|error| match error {
            SimError::Cancelled => Failure::Cancelled,
            error => Failure::Simulation("the pilot for the warm-up".to_owned(), error),
        })?;
        if found.is_some() {
            meter.begin();
        }
        Ok(Task { warm_up: unchanged.simulation.warm_up, ..self.task })
    }

    /// Simulates points into the journal. `interrupted` says what is left of so many, and how to go on.
    fn simulate(
        &self,
        numbers: Vec<u64>,
        costs: &[u64],
        journal: &mut Journal,
        interrupted: impl Fn(&str) -> String,
    ) -> Result<Effort, Stop> {
        let meter = self.meter();
        let all = journal.done() + numbers.len() as u64;
        let (simulated, failed) = (AtomicU64::new(0), Mutex::new(None));
        let journal = Mutex::new(journal);
        let each = |row: Row, requests: u64| {
            simulated.fetch_add(requests, Relaxed);
            let mut journal = journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Err(error) = journal.append(&row) {
                failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
                self.halt.output_failed();
                return ControlFlow::Break(());
            }
            meter.say(format!("{} of {} points", count(journal.done() as f64), count(all as f64)));
            ControlFlow::Continue(())
        };
        let done = self.settled(&meter);
        let done = done.and_then(|task| task.simulate(&by_cost(numbers, costs), costs, self.threads, &meter, &each));
        let wall_s = meter.stop().as_secs_f64();
        let journal = journal.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(error) = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return Err(Stop::of_writing("the points that are done", error));
        }
        journal.sync().map_err(|error| Stop::of_writing("the points that are done", error))?;
        let kept = format!("{} of {}", count(journal.done() as f64), count(all as f64));
        done.map_err(|failure| stop(failure, || interrupted(&kept)))?;
        Ok(Effort { simulated: simulated.into_inner(), wall_s })
    }

    /// Writes the results folder from all rows in their order, and prints.
    fn write(
        &self,
        results: Results,
        rows: impl Iterator<Item = Result<Row, Stop>>,
        effort: Effort,
    ) -> Result<(), Stop> {
        let mut digest = Digest::new(self.task.sweep, self.task.columns);
        let mut files = Files::create(&results, &self.table)?;
        let replications = Cell::new(0);
        for row in rows {
            let row = row?;
            let point = self.task.points.get(row.number);
            replications.set(replications.get().max(row.replications()));
            digest.add(&point, &row);
            files.write(point, row).map_err(|(name, error)| results.failed(name, error))?;
            if self.halt.is_interrupted() {
                return Err(Stop::Paused(format!("all points are kept; go on with `{}`", self.again("--resume"))));
            }
        }
        files.finish().map_err(|(name, error)| results.failed(name, error))?;
        let manifest = manifest(self.scenario, replications.get(), self.threads, effort.simulated, effort.wall_s);
        let charts = report::chart::charts(&digest);
        for chart in &charts {
            results.write(&format!("{}.svg", chart.name), &chart.svg)?;
        }
        results.write("report.html", report::page::page(self.scenario, &digest, &manifest, &charts))?;
        let earlier = results.commit(&manifest)?;
        self.print(&digest, &manifest, earlier.as_ref())
    }

    fn print(&self, digest: &Digest, manifest: &Manifest, earlier: Option<&Manifest>) -> Result<(), Stop> {
        if self.args.job.format.format == Format::Json {
            return terminal::print(&report::page::json(self.scenario, digest));
        }
        if self.args.job.quiet {
            return Ok(());
        }
        let speed = match manifest.invocations {
            0 => String::new(),
            all => {
                let (invocations, rate) = (count(all as f64), meter::rate(manifest.invocations_per_s));
                format!("{invocations} invocations in {:.2} s ({rate}).\n", manifest.wall_s)
            }
        };
        terminal::print(&format!(
            "{}\nResults in {}: open report.html in a browser; every point is in sweep.csv and sweep.parquet.\n{speed}",
            report::page::answer(self.scenario, digest),
            placed(&self.folder(), earlier, manifest),
        ))
    }

    /// How many points there are, what they cost, and which shards they make.
    fn show(&self) -> Result<Done, Stop> {
        let costs = self.survey()?;
        let all: u128 = costs.iter().map(|cost| u128::from(*cost)).sum();
        let mut text = format!(
            "{} points, about {} requests in all; every point is right.\n",
            count(costs.len() as f64),
            count(all as f64)
        );
        if let Some(of) = self.args.shards {
            let parts = self.parts_folder();
            text.push_str("\n   points    cost  command\n");
            for number in 1..=of {
                let range = shard(&costs, number, of);
                let cost: u128 =
                    costs[range.start as usize..range.end as usize].iter().map(|cost| u128::from(*cost)).sum();
                let share = 100.0 * cost as f64 / all.max(1) as f64;
                let command = self.shard_command(number, of, &parts);
                text.push_str(&format!("{:>9}  {share:>4.1} %  {command}\n", count((range.end - range.start) as f64)));
            }
        }
        terminal::print(&text)?;
        Ok(Done::Well)
    }
}

/// The files with a row for each point.
struct Files {
    csv: report::csv::Rows<BufWriter<File>>,
    #[cfg(feature = "parquet")]
    parquet: report::parquet::Rows<BufWriter<File>>,
}

/// The file that could not be written, and why.
type Failed = (&'static str, io::Error);

impl Files {
    const CSV: &'static str = "sweep.csv";
    #[cfg(feature = "parquet")]
    const PARQUET: &'static str = "sweep.parquet";

    fn create(results: &Results, table: &[Column]) -> Result<Self, Stop> {
        let create = |name: &str| Ok(BufWriter::with_capacity(1 << 18, results.create(name)?));
        Ok(Self {
            csv: report::csv::Rows::new(create(Self::CSV)?, table.to_vec())
                .map_err(|error| results.failed(Self::CSV, error.into()))?,
            #[cfg(feature = "parquet")]
            parquet: report::parquet::Rows::new(create(Self::PARQUET)?, table.to_vec(), None)
                .map_err(|error| results.failed(Self::PARQUET, error))?,
        })
    }

    fn write(&mut self, point: crate::scenario::sweep::Point, row: Row) -> Result<(), Failed> {
        self.csv.write(&point, &row).map_err(|error| (Self::CSV, error.into()))?;
        #[cfg(feature = "parquet")]
        self.parquet.write(point, row).map_err(|error| (Self::PARQUET, error))?;
        Ok(())
    }

    fn finish(self) -> Result<(), Failed> {
        finish(self.csv.finish()).map_err(|error| (Self::CSV, error))?;
        #[cfg(feature = "parquet")]
        finish(self.parquet.finish()).map_err(|error| (Self::PARQUET, error))?;
        Ok(())
    }
}

/// Forces the end of a file onto the disk.
fn finish(file: io::Result<BufWriter<File>>) -> io::Result<()> {
    file?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// The folder beside the results in which points are kept while there are no results.
fn partial(folder: &Path) -> io::Result<PathBuf> {
    beside(folder, ".partial")
}

/// The folder of the same name with an ending.
fn beside(folder: &Path, ending: &str) -> io::Result<PathBuf> {
    // `.` and the like have no name of their own.
    let folder = if folder.file_name().is_some() { folder.to_owned() } else { resolve(folder)? };
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    Ok(folder.with_file_name(name))
}

/// Removes the points that are kept, and their folder if nothing else is in it. What is left over does no harm.
fn forget(partial: &Path, journal: Journal) {
    drop(journal);
    let _ = fs::remove_file(partial.join(JOURNAL));
    let _ = fs::remove_dir(partial);
}

fn cannot_read(path: &Path, error: io::Error) -> Stop {
    Stop::Environment(anyhow::Error::new(error).context(format!("cannot read {}", path.display())))
}

/// Why it ended; `kept` says what there is after an interruption.
fn stop(failure: Failure, kept: impl Fn() -> String) -> Stop {
    match failure {
        Failure::Points(problems) => Stop::Scenario(problems),
        Failure::Cancelled => Stop::Paused(kept()),
        Failure::Simulation(_, SimError::Trace(error)) => Stop::of_trace(error),
        Failure::Simulation(point, error) => Stop::Input(anyhow::Error::new(error).context(point)),
    }
}
