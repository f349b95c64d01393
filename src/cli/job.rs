//! What the commands that simulate have in common: threads, progress, the files of an answer, what is printed of it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rayon::prelude::*;

use super::args::{Format, JobArgs};
use super::cancel::CancelToken;
use super::exit::CliError;
use super::progress::{self, ProgressBar};
use super::results::Results;
use super::terminal;
use crate::engine::SimError;
use crate::measure::Manifest;
use crate::report::document::terminal::Detail;
use crate::report::format::count;
use crate::report::phrases::harmless;
use crate::report::read_back::MANIFEST;
use crate::report::{self, Report};
use crate::scenario::{Problems, Scenario};
use crate::study::{Answer, Origin, StudyError};

impl JobArgs {
    /// As many as were asked for, else one for each core.
    pub(super) fn threads(&self) -> NonZeroUsize {
        self.threads.unwrap_or_else(cores)
    }

    /// Where the results go. Those of a variant do not replace those of the scenario.
    pub(super) fn folder(&self, scenario: &Scenario, variant: Option<&str>) -> PathBuf {
        self.out.clone().unwrap_or_else(|| default_folder(scenario, variant))
    }

    /// A progress bar, if it is shown.
    pub(super) fn progress(&self, cancel: &CancelToken) -> ProgressBar {
        ProgressBar::start(cancel.clone(), !self.quiet && !self.no_progress && terminal::is_watched())
    }

    /// Shows what is suspicious in a scenario.
    pub(super) fn warn(&self, warnings: &Problems) {
        if !warnings.is_empty() && !self.quiet {
            terminal::problems(warnings);
        }
    }

    /// Writes every file of an answer but the manifest, and says how it was made.
    ///
    /// # Errors
    /// An error of the operating system.
    pub(super) fn write<R: Report>(
        &self,
        results: &Results,
        answer: &Answer<R>,
        scenario: &Scenario,
        took: Duration,
    ) -> Result<Manifest, CliError> {
        let command = command_line(std::env::args_os().map(|word| word.to_string_lossy().into_owned()));
        let command = harmless(&command, false).into_owned();
        let origin = Origin { command, threads: self.threads(), wall_s: took.as_secs_f64() };
        let manifest = answer.manifest(scenario, origin);
        // The manifest comes last, when it is known what else there is. The others are written in parallel, because each waits
        // for the disk. Of several errors, that of the first file is reported.
        let files = answer.files(&manifest).into_par_iter().filter(|file| file.name != MANIFEST);
        let written: Vec<_> = files.map(|file| results.write(&file.name, file.content)).collect();
        written.into_iter().collect::<Result<(), _>>()?;
        Ok(manifest)
    }

    /// Prints what was found, where the rest is, and which `earlier` results were there.
    ///
    /// # Errors
    /// An error of the operating system.
    pub(super) fn print(
        &self,
        found: &impl Report,
        folder: &Path,
        manifest: &Manifest,
        earlier: Option<&Manifest>,
    ) -> Result<(), CliError> {
        if self.format.format == Format::Json {
            return terminal::print(&found.json());
        }
        if self.quiet {
            return Ok(());
        }
        let detail = if self.verbose { Detail::Everything } else { Detail::Answer };
        let speed = match manifest.invocations {
            0 => String::new(),
            all => {
                let (all, rate) = (count(all as f64), progress::rate(manifest.invocations_per_s));
                format!("{all} invocations in {:.2} s ({rate}).\n", manifest.wall_s)
            }
        };
        terminal::print(&format!(
            "{}\nResults in {}{}: open report.html in a browser.\n{speed}",
            report::document::terminal::render(&found.document(manifest), detail, terminal::colour_out()),
            folder.display(),
            replaced(earlier, manifest),
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

/// The default folder of results.
pub(super) fn default_folder(scenario: &Scenario, variant: Option<&str>) -> PathBuf {
    let name = &scenario.name;
    Path::new("results").join(variant.map_or_else(|| name.clone(), |variant| format!("{name}-{variant}")))
}

/// What results replaced, in words.
fn replaced(earlier: Option<&Manifest>, manifest: &Manifest) -> String {
    match earlier {
        None => String::new(),
        Some(earlier) if earlier.command != manifest.command && is_command_line(&earlier.command) => {
            format!(" (replaced the results of `{}`)", earlier.command)
        }
        Some(_) => " (replaced earlier results)".to_owned(),
    }
}

/// Starts the pool of threads, with this one in it: no more than there are cores, and only this one if the system provides no other.
///
/// # Errors
/// The system provides some threads, but fewer than wanted.
pub(super) fn start_threads(wanted: NonZeroUsize) -> Result<(), CliError> {
    let has_others = std::thread::Builder::new().spawn(|| ()).is_ok_and(|other| other.join().is_ok());
    let threads = if has_others { wanted.min(cores()).get() } else { 1 };
    let started = rayon::ThreadPoolBuilder::new().num_threads(threads).use_current_thread().build_global();
    started.map_err(|error| {
        let help = "raise the limits of processes and memory with `ulimit -u` and `ulimit -v`, or use fewer threads";
        CliError::Environment(anyhow::anyhow!("cannot start {threads} threads: {error}\nhelp: {help}"))
    })
}

/// One thread for each core.
pub(super) fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
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
