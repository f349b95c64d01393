//! Scenarios for tests, from text alone.

/// The strategies of the integration tests.
#[path = "../../tests/it/harness/drawn.rs"]
pub(crate) mod drawn;

/// Scenarios over all keys.
#[path = "../../tests/it/harness/generate/mod.rs"]
#[expect(dead_code, reason = "the integration tests use all of it")]
pub(crate) mod generate;

use super::{Files, NoFiles, ParseOptions, Scenario, parse};
use crate::workload::Input;
use generate::{FILES, Generator};

/// A valid scenario without files.
pub(crate) fn scenario(text: &str) -> Scenario {
    parse("test.toml", text, &ParseOptions::default(), &NoFiles).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// The files named by generated scenarios.
struct DrawnFiles;

impl Files for DrawnFiles {
    fn input(&self, path: &str) -> Input {
        let file = FILES.iter().find(|(name, _)| *name == path);
        Input::of_bytes(path, file.map_or("", |(_, text)| text).as_bytes().to_vec())
    }
}

/// The scenario of a draw over all keys without a path, its functions without those of `omitted`, if it is accepted.
pub(crate) fn generated(generator: &Generator, number: u64, omitted: &[&str]) -> Option<Scenario> {
    let mut drawn = generator.draw(number);
    drawn.omit(omitted);
    drawn.omit_path();
    for _ in 0..20 {
        let problems = match parse("drawn.toml", &drawn.text(), &ParseOptions::default(), &DrawnFiles) {
            Ok(scenario) => return Some(scenario),
            Err(problems) => problems,
        };
        if !drawn.repair(problems.errors().map(|problem| (problem.message.as_str(), problems.location(problem).1))) {
            return None;
        }
    }
    None
}
