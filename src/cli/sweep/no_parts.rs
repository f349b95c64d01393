//! Shards are Parquet files: without Parquet there are none.

use std::path::Path;

use super::{Done, Stop, Study};

impl Study<'_> {
    pub(super) fn part(&self, _number: u32, _of: u32) -> Result<Done, Stop> {
        Err(Self::without_parquet())
    }

    pub(super) fn merge(&self, _folder: &Path) -> Result<Done, Stop> {
        Err(Self::without_parquet())
    }

    fn without_parquet() -> Stop {
        Stop::input(
            "this forewarm was built without Parquet, of which shards are made",
            "build it with its default features",
        )
    }
}
