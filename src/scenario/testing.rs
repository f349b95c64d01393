//! Scenarios for tests, from text alone.

/// What the integration tests draw.
#[path = "../../tests/it/harness/drawn.rs"]
pub(crate) mod drawn;

use super::{Files, ParseOptions, Scenario, parse};
use crate::workload::Input;

/// For scenarios that name no files.
pub(crate) struct NoFiles;

impl Files for NoFiles {
    fn input(&self, path: &str) -> Input {
        panic!("{path} is read")
    }
}

/// A scenario that is right and names no files.
pub(crate) fn scenario(text: &str) -> Scenario {
    parse("test.toml", text, &ParseOptions::default(), &NoFiles).unwrap_or_else(|wrong| panic!("{wrong}"))
}
