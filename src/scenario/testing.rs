//! Scenarios for tests, from text alone.

/// What the integration tests draw.
#[path = "../../tests/it/harness/drawn.rs"]
pub(crate) mod drawn;

use super::{NoFiles, ParseOptions, Scenario, parse};

/// A scenario that is right and names no files.
pub(crate) fn scenario(text: &str) -> Scenario {
    parse("test.toml", text, &ParseOptions::default(), &NoFiles).unwrap_or_else(|wrong| panic!("{wrong}"))
}
