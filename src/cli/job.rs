//! What the commands that simulate have in common: threads, progress, the files of an answer, what is printed of it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{Format, JobArgs};
use super::cancel::CancelToken;
use super::exit::CliError;
use super::progress::{self, ProgressBar};
use super::results::Results;
use super::terminal;
use crate::engine::SimError;
use crate::measure::Manifest;
use crate::report::Report;
use crate::report::number::count;
use crate::scenario::{Problems, Scenario};
use crate::study::{Answer, Origin, StudyError};

impl JobArgs {
    /// As many as were asked for, else one for each core.
    pub(super) fn threads(&self) -> NonZeroUsize {
        self.threads.unwrap_or_else(cores)
    }

    /// Where the results go.
    pub(super) fn folder(&self, scenario: &Scenario) -> PathBuf {
        self.out.clone().unwrap_or_else(|| Path::new("results").join(&scenario.name))
    }

    /// A progress bar, if somebody wants to see it.
    pub(super) fn progress(&self, cancel: &CancelToken) -> ProgressBar {
        ProgressBar::start(cancel.clone(), !self.quiet && !self.no_progress && terminal::is_watched())
    }

    /// Shows what is suspicious in a scenario.
    pub(super) fn warn(&self, warnings: &Problems) {
        if !warnings.is_empty() && !self.quiet {
            terminal::problems(warnings);
        }
    }

    /// Writes every file of an answer, and says how it was made.
    ///
    /// # Errors
    /// What the system answers.
    pub(super) fn write<R: Report>(
        &self,
        results: &Results,
        answer: &Answer<R>,
        scenario: &Scenario,
        took: Duration,
    ) -> Result<Manifest, CliError> {
        let command = command_line(std::env::args_os().map(|word| word.to_string_lossy().into_owned()));
        let origin = Origin { command, threads: self.threads(), wall_s: took.as_secs_f64() };
        let manifest = answer.manifest(scenario, origin);
        for file in answer.files(&manifest) {
            results.write(&file.name, file.content)?;
        }
        Ok(manifest)
    }

    /// Prints what was found, and where the rest is.
    ///
    /// # Errors
    /// What the system answers.
    pub(super) fn print(&self, found: &impl Report, folder: &Path, manifest: &Manifest) -> Result<(), CliError> {
        if self.format.format == Format::Json {
            return terminal::print(&found.json());
        }
        if self.quiet {
            return Ok(());
        }
        let speed = match manifest.invocations {
            0 => String::new(),
            all => {
                let (all, rate) = (count(all as f64), progress::rate(manifest.invocations_per_s));
                format!("{all} invocations in {:.2} s ({rate}).\n", manifest.wall_s)
            }
        };
        terminal::print(&format!(
            "{}\nResults in {}: open report.html in a browser.\n{speed}",
            found.text(terminal::colour_out()),
            folder.display(),
        ))
    }
}

impl From<StudyError> for CliError {
    fn from(error: StudyError) -> Self {
        match error {
            StudyError::Scenario(problems) => Self::Scenario(problems),
            StudyError::Question { message, help } => Self::input(message, &help),
            StudyError::Cancelled => Self::Interrupted,
            StudyError::Simulation { error: SimError::Trace(error), .. } => Self::of_trace(error),
            StudyError::Simulation { place: Some(place), error } => {
                Self::Input(anyhow::Error::new(error).context(place))
            }
            StudyError::Simulation { place: None, error } => Self::Input(error.into()),
        }
    }
}

/// One thread for each core.
pub(super) fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// The command as it can be typed again, the program by its name only.
pub(super) fn command_line(arguments: impl Iterator<Item = String>) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=./:,+@%".contains(c);
    let quoted = arguments.skip(1).map(|word| match word.chars().all(plain) && !word.is_empty() {
        true => word,
        false => format!("'{}'", word.replace('\'', r"'\''")),
    });
    std::iter::once("forewarm".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
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
}
