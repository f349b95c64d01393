//! `forewarm report`: rebuilds reports from results folders.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

use super::args::{ReportArgs, ReportFormat};
use super::cancel::CancelToken;
use super::exit::{CliError, ExitStatus};
use super::job::is_command_line;
use super::output::{Output, Own};
use super::{load, terminal};
use crate::measure::Manifest;
use crate::report::Report;
use crate::report::document::{html, markdown};
use crate::report::kinds::{self, side_by_side};
use crate::report::read_back::{self, MANIFEST, StoredError};
use crate::scenario::Files;

/// Marks that identify a report, which may be overwritten.
const MARKS: [&str; 2] = [markdown::MARK, "name=\"generator\" content=\"forewarm "];

/// Reads the folders, renders, writes.
pub(super) fn report(args: &ReportArgs) -> Result<ExitStatus, CliError> {
    let format = format(args)?;
    let output = match &args.out {
        Some(path) => {
            let own = Own { option: "--out", marks: &MARKS };
            Some(Output::open(path, own, None, &CancelToken::default())?)
        }
        None if format != ReportFormat::Markdown && terminal::is_output_watched() => {
            return Err(CliError::input(
                "HTML is not printed to the terminal",
                "write it to a file, as in --out report.html",
            ));
        }
        None => None,
    };
    let text = render(folders(&args.folders)?, format)?;
    match output {
        Some((output, mut sink)) => output.keep(sink.write_all(text.as_bytes()).map(|()| sink))?,
        None => terminal::print(&text)?,
    }
    Ok(ExitStatus::Success)
}

/// The requested format, else that of the file name, else the one for a terminal.
fn format(args: &ReportArgs) -> Result<ReportFormat, CliError> {
    let extension = args.out.as_deref().and_then(Path::extension).and_then(|extension| extension.to_str());
    match (args.format, extension) {
        (_, Some("pdf")) => Err(CliError::input(
            "--out: forewarm does not create PDF files",
            "use --format pdf-ready --out report.html and print that to PDF with a browser; see forewarm report --help",
        )),
        (Some(format), _) => Ok(format),
        (None, Some("html" | "htm")) => Ok(ReportFormat::Html),
        (None, _) => Ok(ReportFormat::Markdown),
    }
}

/// The content of a results folder.
struct Stored {
    report: Box<dyn Report>,
    manifest: Manifest,
}

/// The content of each folder, with its name; or all problems of all folders.
fn folders(paths: &[PathBuf]) -> Result<Vec<(String, Stored)>, CliError> {
    let (mut found, mut wrong, mut is_environment) = (Vec::new(), Vec::new(), false);
    for path in paths {
        match folder(path) {
            Ok(folder) => found.push(folder),
            Err(CliError::Input(error)) => wrong.push(format!("{error:#}")),
            Err(CliError::Environment(error)) => {
                is_environment = true;
                wrong.push(format!("{error:#}"));
            }
            Err(CliError::Scenario(problems)) => wrong.push(problems.render(false)),
            Err(other) => return Err(other),
        }
    }
    if !wrong.is_empty() {
        let error = anyhow::anyhow!(wrong.join("\nerror: "));
        return Err(if is_environment { CliError::Environment(error) } else { CliError::Input(error) });
    }
    Ok(names(paths).into_iter().zip(found).collect())
}

/// The last component of each path, or the whole path if two are equal.
pub(super) fn names(paths: &[PathBuf]) -> Vec<String> {
    let short: Vec<String> = paths
        .iter()
        .map(|path| {
            path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
        })
        .collect();
    let is_used_twice = |name: &String| short.iter().filter(|other| *other == name).count() > 1;
    let name =
        |(name, path): (&String, &PathBuf)| if is_used_twice(name) { path.display().to_string() } else { name.clone() };
    short.iter().zip(paths).map(name).collect()
}

fn folder(path: &Path) -> Result<Stored, CliError> {
    let shown = path.display();
    let manifest = match fs::read_to_string(path.join(MANIFEST)) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            let message = match path.exists() {
                true => format!("{shown} is not a results folder: it has no {MANIFEST}"),
                false => format!("{shown} does not exist"),
            };
            return Err(CliError::input(message, "use a folder with results of forewarm, as in results/NAME"));
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(CliError::input(format!("{shown}/{MANIFEST} is not text"), "it was not written by forewarm"));
        }
        Err(error) => return Err(CliError::of_path(format!("cannot read {shown}/{MANIFEST}"), error)),
    };
    let manifest = read_back::manifest(&manifest).map_err(|error| {
        CliError::input(format!("{shown}/{error}"), "the folder was not written by forewarm, or the file is truncated")
    })?;
    let again = |message: String| {
        let (version, command) = (&manifest.version, &manifest.command);
        // The text may come from anyone, so it is not repeated as advice.
        let again = if is_command_line(command) { format!("; create it again: {command}") } else { String::new() };
        CliError::input(message, &format!("it was written by forewarm {version}{again}"))
    };
    let report = kinds::read(&manifest, &OnDisk { folder: path, scenario_files: load::Disk::here() });
    match report {
        Ok(report) => Ok(Stored { report, manifest }),
        Err(StoredError::Scenario(problems)) => Err(CliError::Scenario(problems)),
        Err(StoredError::Io { file, error }) => Err(match error.kind() {
            io::ErrorKind::NotFound => again(format!("{shown}/{file} is missing")),
            io::ErrorKind::InvalidData => again(format!("{shown}/{file} is not text")),
            _ => CliError::of_path(format!("cannot read {shown}/{file}"), error),
        }),
        Err(error) => Err(again(format!("{shown}/{error}"))),
    }
}

/// A results folder on disk.
struct OnDisk<'a> {
    folder: &'a Path,
    scenario_files: load::Disk,
}

impl kinds::Folder for OnDisk<'_> {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(BufReader::new(File::open(self.folder.join(name))?)))
    }

    fn scenario_files(&self) -> &dyn Files {
        &self.scenario_files
    }
}

/// The text of the report: for one folder, the one that the command wrote; for several runs, a side-by-side report.
fn render(mut folders: Vec<(String, Stored)>, format: ReportFormat) -> Result<String, CliError> {
    let (document, command) = match folders.pop() {
        Some((_, Stored { report, manifest })) if folders.is_empty() => (report.document(&manifest), manifest.command),
        last => {
            let runs = runs(folders.into_iter().chain(last).collect())?;
            let commands: Vec<&str> = runs.iter().map(|run| run.manifest.command.as_str()).collect();
            (side_by_side::document(&runs), commands.join("; "))
        }
    };
    Ok(match format {
        ReportFormat::Markdown => markdown::render(&document, &command),
        ReportFormat::Html => html::render(&document),
        ReportFormat::PdfReady => html::for_paper(&html::render(&document)),
    })
}

fn runs(folders: Vec<(String, Stored)>) -> Result<Vec<side_by_side::Stored>, CliError> {
    let run = |(name, stored): (String, Stored)| match stored.report.as_run() {
        Some(result) => Ok(side_by_side::Stored { name, result: result.clone(), manifest: stored.manifest }),
        None => Err(CliError::input(
            format!("{name} is not a result of `forewarm run`; only runs can be shown side by side"),
            "create a report of it alone",
        )),
    };
    folders.into_iter().map(run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_where_they_differ() {
        let paths = ["a/x", "b/x", "b/y/", ".."].map(PathBuf::from);
        assert_eq!(names(&paths), ["a/x", "b/x", "y", ".."]);
    }
}
