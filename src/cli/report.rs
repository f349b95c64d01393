//! `forewarm report`: renders again what commands have left in their folders.

use std::fs::{self, File};
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};

use super::args::{ReportArgs, ReportFormat};
use super::exit::{Done, Stop};
use super::halt::Halt;
use super::output::{Output, Own};
use super::results::MANIFEST;
use super::run::is_command_line;
use super::{load, terminal};
use crate::measure::comparison::Comparison;
use crate::measure::plan::Plan;
use crate::measure::{Manifest, RunResult};
use crate::report::runs::{self, Stored};
use crate::report::stored::{self, Kind, SWEEP};
use crate::report::sweep::digest::Digest;
use crate::report::{chart, comparison, html, markdown, page, plan, sweep};
use crate::scenario::Scenario;

/// By these a file is known as a report, which may be written over.
const MARKS: [&str; 2] = [markdown::MARK, "name=\"generator\" content=\"forewarm "];

/// Reads the folders, renders, writes.
pub(super) fn report(args: &ReportArgs) -> Result<Done, Stop> {
    let format = format(args)?;
    let output = match &args.out {
        Some(path) => {
            let own = Own { option: "--out", marks: &MARKS };
            Some(Output::open(path, own, None, &Halt::default())?)
        }
        None if format != ReportFormat::Markdown && terminal::is_output_watched() => {
            return Err(Stop::input(
                "HTML is not for the terminal",
                "name a file with --out FILE, as in --out report.html",
            ));
        }
        None => None,
    };
    let text = render(folders(&args.folders)?, format)?;
    match output {
        Some((output, mut sink)) => output.keep(sink.write_all(text.as_bytes()).map(|()| sink))?,
        None => terminal::print(&text)?,
    }
    Ok(Done::Well)
}

/// What was asked for, else what the name of the file says, else what can be read on a terminal.
fn format(args: &ReportArgs) -> Result<ReportFormat, Stop> {
    let extension = args.out.as_deref().and_then(Path::extension).and_then(|extension| extension.to_str());
    match (args.format, extension) {
        (_, Some("pdf")) => Err(Stop::input(
            "--out: forewarm makes no PDF itself",
            "write --format pdf-ready --out report.html and print that to a PDF with a browser; see forewarm report --help",
        )),
        (Some(format), _) => Ok(format),
        (None, Some("html" | "htm")) => Ok(ReportFormat::Html),
        (None, _) => Ok(ReportFormat::Markdown),
    }
}

/// What is in a folder.
enum Folder {
    Run(Box<RunResult>, Manifest),
    Compare(Box<Comparison>, Vec<(String, RunResult)>, Manifest),
    Plan(Box<Plan>, Manifest),
    Sweep(Box<(Scenario, Digest)>, Manifest),
}

/// What is in each folder, with its name; or all that is wrong with any of them.
fn folders(paths: &[PathBuf]) -> Result<Vec<(String, Folder)>, Stop> {
    let (mut found, mut wrong, mut is_environment) = (Vec::new(), Vec::new(), false);
    for path in paths {
        match folder(path) {
            Ok(folder) => found.push(folder),
            Err(Stop::Input(error)) => wrong.push(format!("{error:#}")),
            Err(Stop::Environment(error)) => {
                is_environment = true;
                wrong.push(format!("{error:#}"));
            }
            Err(Stop::Scenario(problems)) => wrong.push(problems.render(false)),
            Err(other) => return Err(other),
        }
    }
    if !wrong.is_empty() {
        let error = anyhow::anyhow!(wrong.join("\nerror: "));
        return Err(if is_environment { Stop::Environment(error) } else { Stop::Input(error) });
    }
    Ok(names(paths).into_iter().zip(found).collect())
}

/// The last part of each path, or the whole path if two would be called the same.
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

fn folder(path: &Path) -> Result<Folder, Stop> {
    let shown = path.display();
    let manifest = match fs::read_to_string(path.join(MANIFEST)) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            let message = match path.exists() {
                true => format!("{shown} is not a results folder: there is no {MANIFEST} in it"),
                false => format!("{shown} does not exist"),
            };
            return Err(Stop::input(message, "name a folder that forewarm wrote its results to, as in results/NAME"));
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(Stop::input(format!("{shown}/{MANIFEST} is not text"), "it was not written by forewarm"));
        }
        Err(error) => return Err(Stop::of_path(format!("cannot read {shown}/{MANIFEST}"), error)),
    };
    let manifest = stored::manifest(&manifest).map_err(|error| {
        Stop::input(format!("{shown}/{error}"), "the folder was not written by forewarm, or the file was cut off")
    })?;
    let again = |message: String| {
        let (version, command) = (&manifest.version, &manifest.command);
        // What anybody may have written there is no advice.
        let again = if is_command_line(command) { format!("; make it again: {command}") } else { String::new() };
        let help = format!("it was written by forewarm {version}{again}");
        Stop::input(message, &help)
    };
    let wrong = |error: stored::StoredError| again(format!("{shown}/{error}"));
    let kind = Kind::of(&manifest).map_err(|error| {
        Stop::input(format!("{shown}/{error}"), "a report can be made of what run, compare, sweep and plan leave")
    })?;
    let cannot_read = |name: &str, error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => again(format!("{shown}/{name} is missing")),
        io::ErrorKind::InvalidData => again(format!("{shown}/{name} is not text")),
        _ => Stop::of_path(format!("cannot read {shown}/{name}"), error),
    };
    let mut texts = Vec::new();
    for name in kind.files() {
        texts.push(fs::read_to_string(path.join(name)).map_err(|error| cannot_read(name, error))?);
    }
    match (kind, &texts[..]) {
        (Kind::Run, [summary, timeline, charts]) => {
            let result = stored::run(summary, timeline, charts).map_err(wrong)?;
            Ok(Folder::Run(Box::new(result), manifest))
        }
        (Kind::Compare, [found, timeline]) => {
            let (found, results) = stored::comparison(found, timeline).map_err(wrong)?;
            Ok(Folder::Compare(Box::new(found), results, manifest))
        }
        (Kind::Plan, [plan]) => Ok(Folder::Plan(Box::new(stored::plan(plan).map_err(wrong)?), manifest)),
        (Kind::Sweep, _) => {
            let name = format!("{shown}/{MANIFEST}");
            let scenario = load::of_manifest(&name, &manifest.scenario).map_err(Stop::Scenario)?;
            let table = File::open(path.join(SWEEP)).map_err(|error| cannot_read(SWEEP, error))?;
            let digest = stored::sweep(&scenario, BufReader::new(table)).map_err(wrong)?;
            Ok(Folder::Sweep(Box::new((scenario, digest)), manifest))
        }
        _ => Err(again(format!("{shown} is not whole"))),
    }
}

/// The text of the report: of one folder what the command itself writes, of several runs one beside the other.
fn render(mut folders: Vec<(String, Folder)>, format: ReportFormat) -> Result<String, Stop> {
    let is_markdown = format == ReportFormat::Markdown;
    let text = if folders.len() > 1 {
        let runs = side_by_side(folders)?;
        if is_markdown {
            markdown::runs(&runs)
        } else {
            let results: Vec<_> = runs.iter().map(|run| (run.name.clone(), run.result.clone())).collect();
            runs::render(&runs, &chart::runs::charts(&results))
        }
    } else {
        match folders.pop() {
            Some((_, Folder::Run(result, manifest))) if is_markdown => markdown::run(&result, &manifest),
            Some((_, Folder::Run(result, manifest))) => html::run(&result, &manifest),
            Some((_, Folder::Compare(found, _, manifest))) if is_markdown => markdown::comparison(&found, &manifest),
            Some((_, Folder::Compare(found, results, manifest))) => {
                comparison::page(&found, &manifest, &chart::compare::charts(&found, &results))
            }
            Some((_, Folder::Plan(found, manifest))) if is_markdown => {
                markdown::of_terminal("Plan", &plan::table(&found, false), &manifest)
            }
            Some((_, Folder::Plan(found, manifest))) => plan::page(&found, &manifest, &chart::plan::charts(&found)),
            Some((_, Folder::Sweep(found, manifest))) => {
                let (scenario, digest) = *found;
                if is_markdown {
                    markdown::of_terminal("Sweep", &sweep::page::answer(&scenario, &digest), &manifest)
                } else {
                    sweep::page::page(&scenario, &digest, &manifest, &sweep::chart::charts(&digest))
                }
            }
            None => String::new(),
        }
    };
    Ok(if format == ReportFormat::PdfReady { page::for_paper(&text) } else { text })
}

fn side_by_side(folders: Vec<(String, Folder)>) -> Result<Vec<Stored>, Stop> {
    let run = |(name, folder)| match folder {
        Folder::Run(result, manifest) => Ok(Stored { name, result: *result, manifest }),
        _ => Err(Stop::input(
            format!("{name} is not of forewarm run, and only runs can be set side by side"),
            "make a report of it alone",
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
