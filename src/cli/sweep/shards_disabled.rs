//! Shards are Parquet files: without Parquet there are none.

use std::path::Path;

use super::{CliError, ExitStatus, SweepCommand};

impl SweepCommand<'_> {
    pub(super) fn part(&self, _number: u32, _of: u32) -> Result<ExitStatus, CliError> {
        Err(Self::without_parquet())
    }

    pub(super) fn merge(&self, _folder: &Path) -> Result<ExitStatus, CliError> {
        Err(Self::without_parquet())
    }

    fn without_parquet() -> CliError {
        CliError::input(
            "this build of forewarm does not include Parquet, which shards require",
            "build forewarm with its default features",
        )
    }
}
