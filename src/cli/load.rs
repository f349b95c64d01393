//! Scenario files, and the files they name.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::args::ChangeArgs;
use super::exit::CliError;
use crate::scenario::limits::MAX_FILE_BYTES;
use crate::scenario::{Base, Files, ParseOptions, Problems, Scenario};
use crate::study::Source;
use crate::workload::Input;

/// The name that means standard input.
const STANDARD_INPUT: &str = "-";

/// What the options of the command line ask for.
pub(super) fn options(changes: &ChangeArgs, variant: Option<String>) -> ParseOptions {
    ParseOptions {
        set: changes.set.clone(),
        variant,
        policy: None,
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
    /// What is in a file or, for `-`, on standard input.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn of(path: &Path) -> Result<Self, CliError> {
        let from_stdin = path == Path::new(STANDARD_INPUT);
        let (name, folder) = if from_stdin {
            ("standard input".to_owned(), PathBuf::new())
        } else {
            (path.display().to_string(), path.parent().unwrap_or(Path::new("")).to_owned())
        };
        let bytes = if from_stdin { read(io::stdin().lock()) } else { File::open(path).and_then(read) };
        let bytes = bytes.map_err(|error| CliError::of_path(format!("cannot read the scenario {name}"), error))?;
        Ok(Self { name, bytes, files: Disk { folder } })
    }

    /// The scenario, and what many scenarios can be made from.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub(super) fn base<'a>(&'a self, options: &'a ParseOptions) -> Result<(Base<'a>, Scenario, Problems), Problems> {
        Base::read(&self.name, &self.bytes, options, &self.files)
    }

    /// The same for a study.
    pub(super) fn source(&self) -> Source<'_> {
        Source { name: &self.name, bytes: &self.bytes, files: &self.files }
    }
}

/// Everything, but not much more than a scenario may have.
fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The files that a scenario names, meant from its folder.
pub(super) struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Files that are meant from the folder in which forewarm was started.
    pub(super) fn here() -> Self {
        Self { folder: PathBuf::new() }
    }
}

impl Files for Disk {
    fn input(&self, path: &str) -> Input {
        let path = self.folder.join(path);
        Input::new(path.display().to_string(), move || Ok(Box::new(File::open(&path)?)))
    }
}
