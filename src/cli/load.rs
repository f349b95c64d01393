//! Scenario files, and the files they name.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::args::{ChangeArgs, ScenarioArgs};
use super::exit::Stop;
use super::folder::resolve;
use crate::measure::summary::metrics;
use crate::scenario::limits::MAX_FILE_BYTES;
use crate::scenario::{
    Base, Files, ParseOptions, Problems, Scenario, Tolerance, WithVariants, nearest, parse_bytes, parse_variants,
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
    let text = Text::of(path, &args.changes)?;
    let options = options(&args.changes, args.variant.clone());
    let options = ParseOptions { precision: precision.to_vec(), max_replications, ..options };
    parse_bytes(&text.name, &text.bytes, &options, &text.files).map_err(Stop::Scenario)
}

/// Nothing is asked for beside what is in the scenario.
pub(super) fn no_options() -> ParseOptions {
    ParseOptions { metrics: metrics().into_iter().map(|(key, _)| key).collect(), ..ParseOptions::default() }
}

/// What the options of the command line ask for.
pub(super) fn options(changes: &ChangeArgs, variant: Option<String>) -> ParseOptions {
    ParseOptions {
        set: changes.set.clone(),
        variant,
        seed: changes.seed,
        replications: changes.replications,
        ..no_options()
    }
}

/// The scenario that a manifest holds; `name` is what it is called in messages.
///
/// # Errors
/// What this version finds wrong in it; files that it names are not there from every folder.
pub(super) fn of_manifest(name: &str, scenario: &str) -> Result<Scenario, Problems> {
    let options = no_options();
    let files = Disk { folder: PathBuf::new(), inside: None, outside: Outside::Hidden };
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
    pub(super) fn of(path: &Path, changes: &ChangeArgs) -> Result<Self, Stop> {
        let from_stdin = path == Path::new(STANDARD_INPUT);
        let (name, folder) = if from_stdin {
            ("standard input".to_owned(), PathBuf::new())
        } else {
            (path.display().to_string(), path.parent().unwrap_or(Path::new("")).to_owned())
        };
        let bytes = if from_stdin { read(io::stdin().lock()) } else { File::open(path).and_then(read) };
        let bytes = bytes.map_err(|error| match near(path).filter(|_| error.kind() == io::ErrorKind::NotFound) {
            Some(near) => Stop::input(format!("there is no file {name}"), &format!("did you mean {}?", near.display())),
            None => Stop::of_path(format!("cannot read the scenario {name}"), error),
        })?;
        let inside = fs::canonicalize(if folder.as_os_str().is_empty() { Path::new(".") } else { &folder }).ok();
        let outside = if changes.confine_files { Outside::Refused } else { Outside::Hidden };
        Ok(Self { name, bytes, files: Disk { folder, inside, outside } })
    }

    /// A text that is in no file, and names none.
    pub(super) fn written(name: &str, text: String) -> Self {
        let files = Disk { folder: PathBuf::new(), inside: None, outside: Outside::Hidden };
        Self { name: name.to_owned(), bytes: text.into_bytes(), files }
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

/// The file whose name is nearest to one that is not there.
fn near(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let stem = |name: &str| Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let wanted = path.file_name()?.to_str()?;
    let by_stem = || names.iter().find(|name| stem(name) == wanted && name.ends_with(".toml")).map(String::as_str);
    let near = nearest(wanted, names.iter().map(String::as_str)).or_else(by_stem)?;
    Some(folder.map_or_else(|| PathBuf::from(near), |folder| folder.join(near)))
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
    /// The folder without links, if it is that of a file that somebody named: whoever wrote a scenario may show what lies
    /// beside it, and nothing else.
    inside: Option<PathBuf>,
    outside: Outside,
}

/// What becomes of files outside the folder of the scenario.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outside {
    /// They are read, but nothing of them is shown.
    Hidden,
    /// They are not read.
    Refused,
}

impl Disk {
    /// Whether a path leads to a place in the folder, through links too.
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
            let refused = "it lies outside the folder of the scenario, which --confine-files forbids";
            return Input::new(name, move || Err(io::Error::new(io::ErrorKind::InvalidInput, refused)));
        }
        let input = Input::new(name, move || Ok(Box::new(File::open(&path)?)));
        if is_inside { input } else { input.confidential() }
    }
}
