//! `forewarm import`.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Component, Path, PathBuf};

use super::args::ImportArgs;
use super::exit::{CliError, ExitStatus};
use super::load::ScenarioSource;
use super::print::{create_new, name_of, wrote};
use super::terminal;
use crate::import::{self, MAX_BYTES, Recorded, Traffic};
use crate::scenario::ParseOptions;
use crate::workload::Input;
use crate::workload::trace::TraceKind;

/// Reads the files, writes the scenario, lists what was understood.
pub(super) fn import(args: &ImportArgs) -> Result<ExitStatus, CliError> {
    let files: Vec<import::File> = args.files.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    let traffic = traffic(args)?;
    let name = match (&args.out, args.files.first()) {
        (Some(out), _) => name_of(out),
        (None, Some(first)) if first.as_os_str() != "-" => name_of(first),
        _ => "imported".to_owned(),
    };
    let imported = import::import(&name, &files, &traffic).map_err(CliError::Scenario)?;
    match &args.out {
        Some(path) => {
            let folder = path.parent().unwrap_or(Path::new(""));
            let beside = imported.beside.iter().map(|(name, text)| (folder.join(name), text.as_str()));
            let all: Vec<(PathBuf, &str)> = beside.chain([(path.clone(), imported.scenario.as_str())]).collect();
            write_all(&all)?;
            if !args.quiet {
                terminal::print(&format!("{}\n{}\n", imported.report, wrote(path)))?;
            }
        }
        None => {
            if let Some((name, _)) = imported.beside.first() {
                let message = format!("the scenario needs a file next to it, {name}: the definition of a workflow");
                return Err(CliError::input(message, "pass --out FILE: it is written to the same folder"));
            }
            terminal::print(&imported.scenario)?;
            if !args.quiet {
                terminal::complain(&imported.report);
            }
        }
    }
    accepted(args, &imported.scenario)
}

/// Writes files that must not exist yet: all or none.
fn write_all(files: &[(PathBuf, &str)]) -> Result<(), CliError> {
    let mut made: Vec<&Path> = Vec::new();
    for (path, text) in files {
        let written = create_new(path).and_then(|mut file| {
            made.push(path);
            let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
            written.map_err(|error| CliError::of_writing(path.display(), error))
        });
        if let Err(error) = written {
            made.iter().for_each(|path| {
                let _ = std::fs::remove_file(path);
            });
            return Err(error);
        }
    }
    Ok(())
}

/// Whether the scenario is one: what a file says may be what no platform allows.
fn accepted(args: &ImportArgs, scenario: &str) -> Result<ExitStatus, CliError> {
    let options = ParseOptions::default();
    let (source, name);
    match &args.out {
        Some(path) => {
            name = path.display().to_string();
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            source = ScenarioSource::written_in(&name, scenario.to_owned(), folder);
        }
        None => source = ScenarioSource::written("the scenario", scenario.to_owned()),
    }
    let (_, _, warnings) = source.base(&options).map_err(CliError::Scenario)?;
    if !warnings.is_empty() && !args.quiet {
        terminal::problems(&warnings);
    }
    Ok(ExitStatus::Success)
}

/// What is in a file; of one that is too long, as much as shows it.
pub(super) fn read(path: &Path) -> Result<import::File, CliError> {
    let from_stdin = path == Path::new("-");
    let name = if from_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let mut bytes = Vec::new();
    let read = if from_stdin {
        io::stdin().lock().take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| CliError::of_path(format!("cannot read {name}"), error))?;
    Ok(import::File { name, bytes })
}

/// Load and durations from the options.
fn traffic(args: &ImportArgs) -> Result<Traffic, CliError> {
    if let (Some(p50), Some(p99)) = (args.p50, args.p99)
        && p99 < p50
    {
        let message = format!("--p99 {p99} is shorter than --p50 {p50}");
        return Err(CliError::input(message, "99 of 100 requests take at least as long as half of them"));
    }
    let recorded = args.traffic.as_deref().map(|path| recorded(path, args.out.as_deref())).transpose()?;
    Ok(Traffic { rps: args.rps.clone(), p50: args.p50, p99: args.p99, cold: args.cold, recorded })
}

/// The kind of traffic in a file, and how the scenario refers to it.
fn recorded(path: &Path, out: Option<&Path>) -> Result<Recorded, CliError> {
    let name = path.display().to_string();
    if path.extension().is_some_and(|extension| extension == "toml") {
        let file = read(path)?;
        let text = String::from_utf8_lossy(&file.bytes);
        let tables = text.parse().map_err(|error| {
            CliError::input(
                format!("{name} is not TOML: {error}"),
                "--traffic accepts output of `forewarm fit`, or a CSV file",
            )
        })?;
        return Ok(Recorded::Scenario { name, tables });
    }
    let opened = path.to_owned();
    let input = Input::new(name, move || Ok(Box::new(File::open(&opened)?)));
    let named = from_folder_of(path, out).display().to_string();
    match TraceKind::of(&input).map_err(CliError::of_trace)? {
        TraceKind::Rate => Ok(Recorded::Rates(named)),
        TraceKind::Rows(_) => Ok(Recorded::Rows(named)),
        TraceKind::Azure2019 => Err(CliError::input(
            "--traffic needs the load of these functions, but this trace names others",
            "use counts by interval, or output of `forewarm fit`",
        )),
    }
}

/// A path relative to a scenario in another folder.
fn from_folder_of(path: &Path, out: Option<&Path>) -> PathBuf {
    let folder = out.and_then(Path::parent).unwrap_or(Path::new(""));
    if path.is_absolute() || folder.is_absolute() || folder.components().any(|part| part == Component::ParentDir) {
        return std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    }
    match path.strip_prefix(folder) {
        Ok(inside) => inside.to_owned(),
        Err(_) => {
            folder.components().filter(|part| *part != Component::CurDir).map(|_| "..").collect::<PathBuf>().join(path)
        }
    }
}
