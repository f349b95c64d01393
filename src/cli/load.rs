//! Scenario files, and the files they name.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::args::ScenarioArgs;
use super::exit::Stop;
use crate::measure::summary::metrics;
use crate::scenario::{Files, ParseOptions, Problems, Scenario, limits::MAX_FILE_BYTES, parse_bytes};
use crate::workload::Input;

/// The name that means standard input.
const STANDARD_INPUT: &str = "-";

/// Reads and checks the scenario in a file or, for `-`, on standard input.
///
/// # Errors
/// A file that cannot be read, and everything that is wrong in it.
pub(super) fn scenario(path: &Path, args: &ScenarioArgs) -> Result<(Scenario, Problems), Stop> {
    let options = ParseOptions {
        set: args.set.clone(),
        variant: args.variant.clone(),
        seed: args.seed,
        replications: args.replications,
        metrics: metrics().into_iter().map(|(key, _)| key).collect(),
    };
    let from_stdin = path == Path::new(STANDARD_INPUT);
    let (name, folder) = if from_stdin {
        ("standard input".to_owned(), PathBuf::new())
    } else {
        (path.display().to_string(), path.parent().unwrap_or(Path::new("")).to_owned())
    };
    let bytes = if from_stdin { read(io::stdin().lock()) } else { File::open(path).and_then(read) };
    let bytes = bytes.map_err(|error| Stop::of_path(format!("cannot read the scenario {name}"), error))?;
    parse_bytes(&name, &bytes, &options, &Disk { folder }).map_err(Stop::Scenario)
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
