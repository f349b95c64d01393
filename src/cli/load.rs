//! Scenario files, and the files they name.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::args::ChangeArgs;
use super::exit::CliError;
use super::folder::resolve;
use crate::scenario::limits::MAX_FILE_BYTES;
use crate::scenario::{Files, ParseOptions, Problems, Scenario, ScenarioFactory, nearest};
use crate::study::Source;
use crate::workload::Input;

/// The file name that means standard input.
const STANDARD_INPUT: &str = "-";

/// The parse options of the command line.
pub(super) fn options(changes: &ChangeArgs, variant: Option<String>) -> ParseOptions {
    ParseOptions {
        set: changes.set.clone(),
        variant,
        policy: None,
        platform: None,
        seed: changes.seed,
        replications: changes.replications,
        precision: Vec::new(),
        max_replications: None,
    }
}

/// A scenario as it was written.
pub(super) struct ScenarioSource {
    name: String,
    bytes: Vec<u8>,
    files: Disk,
}

impl ScenarioSource {
    /// The content of a file or, for `-`, of standard input.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn of(path: &Path, changes: &ChangeArgs) -> Result<Self, CliError> {
        let from_stdin = path == Path::new(STANDARD_INPUT);
        let (name, folder) = if from_stdin {
            ("standard input".to_owned(), PathBuf::new())
        } else {
            (path.display().to_string(), path.parent().unwrap_or(Path::new("")).to_owned())
        };
        let bytes = if from_stdin { read(io::stdin().lock()) } else { File::open(path).and_then(read) };
        let bytes = bytes.map_err(|error| match near(path).filter(|_| error.kind() == io::ErrorKind::NotFound) {
            Some(near) => {
                CliError::input(format!("there is no file {name}"), &format!("did you mean {}?", near.display()))
            }
            None => CliError::of_path(format!("cannot read the scenario {name}"), error),
        })?;
        let inside = fs::canonicalize(if folder.as_os_str().is_empty() { Path::new(".") } else { &folder }).ok();
        let outside = if changes.confine_files { Outside::Refused } else { Outside::Hidden };
        Ok(Self { name, bytes, files: Disk { folder, inside, outside } })
    }

    /// A text without a file that refers to no files.
    pub(super) fn written(name: &str, text: String) -> Self {
        Self { name: name.to_owned(), bytes: text.into_bytes(), files: Disk::here() }
    }

    /// A text for a folder, relative to which it names files.
    pub(super) fn written_in(name: &str, text: String, folder: PathBuf) -> Self {
        Self { name: name.to_owned(), bytes: text.into_bytes(), files: Disk { folder, ..Disk::here() } }
    }

    /// The scenario, and the base for variations of it.
    ///
    /// # Errors
    /// All problems in it.
    pub(super) fn base<'a>(
        &'a self,
        options: &'a ParseOptions,
    ) -> Result<(ScenarioFactory<'a>, Scenario, Problems), Problems> {
        ScenarioFactory::read(&self.name, &self.bytes, options, &self.files)
    }

    /// The same for a study.
    pub(super) fn source(&self) -> Source<'_> {
        Source { name: &self.name, bytes: &self.bytes, files: &self.files }
    }
}

/// The existing file with the name nearest to a missing one.
fn near(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let near = nearest(path.file_name()?.to_str()?, names.iter().map(String::as_str))?;
    Some(folder.map_or_else(|| PathBuf::from(near), |folder| folder.join(near)))
}

/// The whole text, up to a little more than the size limit of scenarios.
fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The files that a scenario names, relative to its folder.
pub(super) struct Disk {
    folder: PathBuf,
    /// The folder without links, if it is that of a file that somebody named: whoever wrote a scenario may show what lies
    /// beside it, and nothing else.
    inside: Option<PathBuf>,
    outside: Outside,
}

/// How files outside the scenario's folder are treated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outside {
    /// They are read, but their content is never shown.
    Hidden,
    /// They are not read.
    Refused,
}

impl Disk {
    /// Files that are meant from the folder in which forewarm was started, by a text from anywhere.
    pub(super) fn here() -> Self {
        Self { folder: PathBuf::new(), inside: None, outside: Outside::Hidden }
    }

    /// Whether a path is inside the folder, with links resolved.
    fn is_inside(&self, path: &Path) -> bool {
        let Some(inside) = &self.inside else { return false };
        resolve(path).is_ok_and(|real| real.starts_with(inside))
    }
}

impl Files for Disk {
    fn input(&self, path: &str) -> Input {
        let path = self.folder.join(path);
        let (name, is_inside) = (path.display().to_string(), self.is_inside(&path));
        if !is_inside && self.outside == Outside::Refused {
            let refused = "it is outside the folder of the scenario, which --confine-files does not allow";
            return Input::new(name, move || Err(io::Error::new(io::ErrorKind::InvalidInput, refused)));
        }
        let input = Input::new(name, move || Ok(Box::new(File::open(&path)?)));
        if is_inside { input } else { input.confidential() }
    }
}
