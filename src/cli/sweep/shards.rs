//! Shards: parts of a sweep that are made anywhere and put together somewhere.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use super::super::claim::Claim;
use super::super::folder::{MadeFolders, resolve};
use super::{Effort, SweepCommand, on_disk};
use crate::cli::exit::{CliError, ExitStatus};
use crate::cli::journal::{Identity, Journal, Unfit};
use crate::cli::results::Results;
use crate::cli::terminal;
use crate::experiment::sweep::shard;
use crate::measure::sweep::Row;
use crate::report::format::count;
use crate::report::sweep::parquet::{Rows, Shard, ShardError};

/// Missing shards named one by one.
const NAMED: usize = 10;

/// What a part says about itself.
#[derive(serde::Serialize, serde::Deserialize)]
struct Label {
    #[serde(flatten)]
    sweep: Identity,
    shard: u32,
    shards: u32,
}

impl SweepCommand<'_> {
    /// Simulates one shard and writes its part.
    pub(super) fn part(&self, number: u32, of: u32) -> Result<ExitStatus, CliError> {
        let folder = self.parts_folder();
        let failed = |error| CliError::of_path(format!("cannot write a part to {}", folder.display()), error);
        let made = MadeFolders::make(&folder).map_err(failed)?;
        let path = folder.join(part_name(number, of));
        if path.exists() && self.is_whole(&path, number, of) {
            if !self.args.job.quiet {
                terminal::complain(&format!("{} already exists and is complete\n", path.display()));
            }
            return Ok(ExitStatus::Success);
        }
        // Fail now rather than after the simulation.
        let claim = Claim::of(&resolve(&path).map_err(failed)?, &path)?;
        let file = File::create_new(claim.temporary()).map_err(failed)?;
        let mut journal =
            Journal::unnamed(&folder, &self.identity(), self.task.columns.width()).map_err(|unfit| match unfit {
                Unfit::Io(error) => failed(error),
                unfit => self.unfit(unfit, &folder),
            })?;
        let costs = self.survey()?;
        let range = shard(&costs, number, of);
        let interrupted = |_: &str| "the shard starts over when you run it again".to_owned();
        let effort = self.simulate(range.clone().collect(), &costs, &mut journal, interrupted)?;
        let label = Label { sweep: self.identity(), shard: number, shards: of };
        let label = serde_json::to_string(&label).map_err(|error| CliError::Environment(error.into()))?;
        let failed = |error| CliError::of_writing(path.display(), error);
        let mut rows =
            Rows::new(BufWriter::with_capacity(1 << 18, file), self.table.clone(), Some(label)).map_err(failed)?;
        for number in range.clone() {
            let row = journal.row(number).map_err(failed)?;
            rows.write(self.task.points.get(number), row).map_err(failed)?;
        }
        rows.finish().and_then(on_disk).map_err(failed)?;
        fs::rename(claim.temporary(), &path).map_err(failed)?;
        made.keep();
        if !self.args.job.quiet {
            let (points, all) = (count((range.end - range.start) as f64), count(self.task.points.count() as f64));
            let path = path.display();
            terminal::print(&format!(
                "{points} of {all} configurations in {path}, {:.2} s.\n",
                effort.took.as_secs_f64()
            ))?;
        }
        Ok(ExitStatus::Success)
    }

    /// Puts all parts together.
    pub(super) fn merge(&self, folder: &Path) -> Result<ExitStatus, CliError> {
        let found = parts_in(folder)?;
        let Some(&(_, of)) = found.first() else {
            return Err(CliError::input(
                format!("{} contains no parts of a sweep", folder.display()),
                &format!("run the shards first, as in `{}`", self.shard_command(1, 64, folder)),
            ));
        };
        if let Some((_, other)) = found.iter().find(|(_, other)| *other != of) {
            let message = format!("{} contains parts of {of} shards and parts of {other} shards", folder.display());
            return Err(CliError::input(message, "remove those that do not belong to this sweep"));
        }
        self.refuse_missing(folder, &found, of)?;
        let results = Results::reserve(&self.folder())?;
        let mut rows = AllRows { study: self, folder, of, shard: 0, part: None, next: 0 };
        self.write(results, std::iter::from_fn(|| rows.next_row().transpose()), Effort::default())?;
        Ok(ExitStatus::Success)
    }

    /// Names the shards that are not there, with the commands that make them.
    fn refuse_missing(&self, folder: &Path, found: &[(u32, u32)], of: u32) -> Result<(), CliError> {
        let is_there = |number: &u32| found.binary_search(&(*number, of)).is_ok();
        let missing: Vec<u32> = (1..=of).filter(|number| !is_there(number)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let commands: String = missing
            .iter()
            .take(NAMED)
            .map(|number| format!("\n  {}", self.shard_command(*number, of, folder)))
            .collect();
        let more = match missing.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!("\n  ... and {more} more: {}", numbers(&missing[NAMED..])),
        };
        let are = if missing.len() == 1 { "is" } else { "are" };
        let message = format!("{} of {of} shards {are} missing in {}", missing.len(), folder.display());
        Err(CliError::input(message, &format!("run them with{commands}{more}")))
    }

    /// Whether this is the part of a shard of this sweep, from the first row to the last.
    fn is_whole(&self, path: &Path, number: u32, of: u32) -> bool {
        let Ok(mut part) = self.open(path, number, of) else { return false };
        loop {
            match part.next_row() {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    /// Opens a part, if it is one of this sweep.
    fn open(&self, path: &Path, number: u32, of: u32) -> Result<Shard, CliError> {
        let shown = path.display();
        let file = File::open(path).map_err(|error| CliError::of_path(format!("cannot read {shown}"), error))?;
        let part = Shard::open(file, &self.table).map_err(|error| self.refuse(path, &error, number, of))?;
        let label: Label = serde_json::from_str(&part.label)
            .map_err(|error| self.refuse(path, &ShardError::Damaged(error.to_string()), number, of))?;
        if let Some(difference) = self.identity().difference(&label.sweep) {
            let help = format!("run it again with\n  {}", self.shard_command(number, of, folder_of(path)));
            return Err(CliError::input(format!("{shown} is a part of another sweep: {difference}"), &help));
        }
        if (label.shard, label.shards) != (number, of) {
            let message =
                format!("{shown} contains shard {}/{}, which does not match its name", label.shard, label.shards);
            return Err(CliError::input(message, "restore its original name"));
        }
        Ok(part)
    }

    fn refuse(&self, path: &Path, error: &ShardError, number: u32, of: u32) -> CliError {
        let help = format!("run it again with\n  {}", self.shard_command(number, of, folder_of(path)));
        CliError::input(format!("{} cannot be used: {error}", path.display()), &help)
    }
}

/// The rows of all parts, one part after the other.
struct AllRows<'a> {
    study: &'a SweepCommand<'a>,
    folder: &'a Path,
    of: u32,
    /// The shard that is read.
    shard: u32,
    part: Option<Shard>,
    /// The point that must come next.
    next: u64,
}

impl AllRows<'_> {
    fn next_row(&mut self) -> Result<Option<Row>, CliError> {
        loop {
            let path = self.folder.join(part_name(self.shard, self.of));
            if let Some(part) = &mut self.part {
                match part.next_row().map_err(|error| self.study.refuse(&path, &error, self.shard, self.of))? {
                    Some(row) if row.number == self.next => {
                        self.next += 1;
                        return Ok(Some(row));
                    }
                    Some(row) => {
                        let message = format!(
                            "{} contains configuration {} instead of configuration {}",
                            path.display(),
                            row.number + 1,
                            self.next + 1
                        );
                        return Err(CliError::input(
                            message,
                            "run all shards with the same version of forewarm on the same kind of machine",
                        ));
                    }
                    None => self.part = None,
                }
            }
            if self.shard == self.of {
                let all = self.study.task.points.count();
                if self.next < all {
                    let message = format!("the parts contain {} of {all} configurations", self.next);
                    return Err(CliError::input(
                        message,
                        "run all shards with the same version of forewarm on the same kind of machine",
                    ));
                }
                return Ok(None);
            }
            self.shard += 1;
            let path = self.folder.join(part_name(self.shard, self.of));
            self.part = Some(self.study.open(&path, self.shard, self.of)?);
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// Names sort like numbers.
fn part_name(number: u32, of: u32) -> String {
    let width = of.to_string().len();
    format!("part-{number:0width$}-of-{of}.parquet")
}

/// The shards whose parts are in a folder, in order.
fn parts_in(folder: &Path) -> Result<Vec<(u32, u32)>, CliError> {
    let failed = |error| CliError::of_path(format!("cannot read {}", folder.display()), error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let number = name.to_str().and_then(|name| {
            let (number, of) = name.strip_prefix("part-")?.strip_suffix(".parquet")?.split_once("-of-")?;
            let (number, of) = (number.parse().ok()?, of.parse().ok()?);
            (name == part_name(number, of) && (1..=of).contains(&number)).then_some((number, of))
        });
        found.extend(number);
    }
    found.sort_unstable();
    Ok(found)
}

/// Numbers in a row as stretches: `3, 7-9`.
fn numbers(numbers: &[u32]) -> String {
    let mut stretches: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match stretches.last_mut() {
            Some((_, end)) if *end + 1 == *number => *end = *number,
            _ => stretches.push((*number, *number)),
        }
    }
    let text = |(from, to): &(u32, u32)| if from == to { from.to_string() } else { format!("{from}-{to}") };
    let shown = stretches.iter().take(20).map(text).collect::<Vec<_>>().join(", ");
    if stretches.len() > 20 { shown + ", ..." } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_like_numbers() {
        assert_eq!(part_name(3, 64), "part-03-of-64.parquet");
        assert_eq!(part_name(1, 1), "part-1-of-1.parquet");
    }

    #[test]
    fn many_numbers_are_stretches() {
        assert_eq!(numbers(&[1, 2, 3, 7, 9, 10]), "1-3, 7, 9-10");
        assert_eq!(numbers(&[]), "");
    }
}
