//! What tests share: scenarios from text, files in memory, tolerances, and the program in a folder of its own.

pub(crate) mod drawn;
mod folder;
pub(crate) mod generate;

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use forewarm::experiment;
use forewarm::measure::RunResult;
use forewarm::measure::summary::{Stat, Summary};
use forewarm::scenario::{Files, ParseOptions, Scenario, parse};
use forewarm::workload::Input;

pub(crate) use folder::{Answer, Folder, MISSED, QUICK, variants};

/// Reads a scenario; what is wrong with it fails the test. There is one replication unless it says otherwise.
pub(crate) fn scenario(text: &str) -> Scenario {
    let mut scenario = parse("test.toml", text, &ParseOptions::default(), &Memory::default())
        .unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
    if scenario.simulation.replications_by_default {
        scenario.simulation.replications = 1;
    }
    scenario
}

/// Runs it on two threads.
pub(crate) fn result(text: &str) -> RunResult {
    let threads = NonZeroUsize::new(2).expect("two");
    experiment::run(&scenario(text), threads, &(), None).expect("it runs").result
}

pub(crate) fn summary(text: &str) -> Summary {
    result(text).summary
}

/// The standard error of a mean over `n` replications, from half of its 95 % interval.
pub(crate) fn standard_error(stat: Stat, n: u32) -> f64 {
    use statrs::distribution::{ContinuousCDF, StudentsT};
    let t = StudentsT::new(0.0, 1.0, f64::from(n - 1)).expect("two replications").inverse_cdf(0.975);
    stat.half_width.expect("two replications") / t
}

/// Fails unless `stat` lies within 3.9 of its standard errors of what it should be.
pub(crate) fn assert_close(what: &str, stat: Stat, n: u32, expected: f64) {
    let error = standard_error(stat, n);
    let away = (stat.mean - expected).abs();
    assert!(
        away <= 3.9 * error + 1e-12 * expected.abs(),
        "{what}: {} instead of {expected}: {:.1} standard errors of {error}",
        stat.mean,
        away / error
    );
}

/// Files in memory.
#[derive(Default)]
pub(crate) struct Memory(HashMap<String, Vec<u8>>);

impl Memory {
    pub(crate) fn with(mut self, path: &str, bytes: &[u8]) -> Self {
        self.0.insert(path.to_owned(), bytes.to_vec());
        self
    }
}

impl Files for Memory {
    fn input(&self, path: &str) -> Input {
        match self.0.get(path) {
            Some(bytes) => Input::of_bytes(path, bytes.clone()),
            None => Input::new(path, || Err(io::Error::new(io::ErrorKind::NotFound, "no such file"))),
        }
    }
}

/// The folder of shared data that may lie beside the project; says so when it does not.
#[expect(clippy::print_stderr, reason = "a test that checks nothing must not look like one that does")]
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("FOREWARM_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let found = folder.join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!("skipped: {} is not there", found.display());
    None
}
