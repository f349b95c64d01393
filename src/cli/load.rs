//! Scenario files, and the files they name.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::args::{ChangeArgs, ScenarioArgs};
use super::exit::Stop;
use crate::scenario::limits::MAX_FILE_BYTES;
use crate::scenario::{
    Base, Files, ParseOptions, Problems, Scenario, Tolerance, WithVariants, parse_bytes, parse_variants,
};
use crate::workload::Input;

/// The name that means standard input.
const STANDARD_INPUT: &str = "-";

/// Reads and checks the scenario in a file or, for `-`, on standard input, with what is asked about precision.
///
/// # Errors
/// A file that cannot be read, and everything that is wrong in it.
pub(super) fn scenario(
    path: &Path,
    args: &ScenarioArgs,
    precision: &[(String, Tolerance)],
    max_replications: Option<u32>,
) -> Result<(Scenario, Problems), Stop> {
    let text = Text::of(path)?;
    let options = options(&args.changes, args.variant.clone());
    let options = ParseOptions { precision: precision.to_vec(), max_replications, ..options };
    parse_bytes(&text.name, &text.bytes, &options, &text.files).map_err(Stop::Scenario)
}

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

/// The scenario that a manifest holds; `name` is what it is called in messages.
///
/// # Errors
/// What this version finds wrong in it; files that it names are not there from every folder.
pub(super) fn of_manifest(name: &str, scenario: &str) -> Result<Scenario, Problems> {
    let options = ParseOptions::default();
    let files = Disk { folder: PathBuf::new() };
    parse_bytes(name, scenario.as_bytes(), &options, &files).map(|(scenario, _)| scenario)
}

/// A scenario as it was written.
pub(super) struct Text {
    name: String,
    bytes: Vec<u8>,
    files: Disk,
}

impl Text {
    /// What is in a file or, for `-`, on standard input.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn of(path: &Path) -> Result<Self, Stop> {
        let from_stdin = path == Path::new(STANDARD_INPUT);
        let (name, folder) = if from_stdin {
            ("standard input".to_owned(), PathBuf::new())
        } else {
            (path.display().to_string(), path.parent().unwrap_or(Path::new("")).to_owned())
        };
        let bytes = if from_stdin { read(io::stdin().lock()) } else { File::open(path).and_then(read) };
        let bytes = bytes.map_err(|error| Stop::of_path(format!("cannot read the scenario {name}"), error))?;
        Ok(Self { name, bytes, files: Disk { folder } })
    }

    /// The scenario, and every variant as a scenario of its own.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub(super) fn variants(&self, changes: &ChangeArgs) -> Result<WithVariants, Problems> {
        parse_variants(&self.name, &self.bytes, &options(changes, None), &self.files)
    }

    /// The scenario, and what many scenarios can be made from.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub(super) fn base<'a>(&'a self, options: &'a ParseOptions) -> Result<(Base<'a>, Scenario, Problems), Problems> {
        Base::read(&self.name, &self.bytes, options, &self.files)
    }

    /// The scenario with every function under a policy.
    ///
    /// # Errors
    /// What keeps the policy from being had without further parameters.
    pub(super) fn under_policy(&self, changes: &ChangeArgs, policy: &str) -> Result<Scenario, Problems> {
        let options = ParseOptions { policy: Some(policy.to_owned()), ..options(changes, None) };
        parse_bytes(&self.name, &self.bytes, &options, &self.files).map(|(scenario, _)| scenario)
    }
}

/// Everything, but not much more than a scenario may have.
fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The files that a scenario names, meant from its folder.
struct Disk {
    folder: PathBuf,
}

impl Files for Disk {
    fn input(&self, path: &str) -> Input {
        let path = self.folder.join(path);
        Input::new(path.display().to_string(), move || Ok(Box::new(File::open(&path)?)))
    }
}
