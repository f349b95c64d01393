//! Distributions that need more than their parameters: files, and the phases of a cold start.

use super::Checker;
use crate::dist::{Dist, DistSpec};
use crate::scenario::model::Phase;
use crate::scenario::raw::cold_start::{ColdStartTable, SnapshotTable};
use crate::schema::decode::Spanned;

/// Phases of the platform, before any code of the function runs: never billed.
const UNBILLED: [&str; 2] = ["environment", "image"];

impl Checker<'_, '_> {
    /// A distribution; problems of its parameters have been reported.
    pub(super) fn dist(&mut self, spec: &DistSpec) -> Option<Dist> {
        match spec.file() {
            Some((file, unit)) => self.data.empirical(&file.value, unit, file.place, self.problems),
            None => spec.dist().ok(),
        }
    }

    /// Reads the file of a distribution, if it has one, so that it can be built at any time.
    pub(super) fn load(&mut self, spec: Option<&mut DistSpec>) {
        if let Some(spec) = spec
            && let Some((file, unit)) = spec.file()
            && let Some(Dist::Empirical(values)) = self.data.empirical(&file.value, unit, file.place, self.problems)
        {
            spec.load(&values);
        }
    }

    /// The phases of a cold start.
    pub(super) fn cold_start(&mut self, table: &ColdStartTable) -> Option<Vec<Phase>> {
        match table {
            ColdStartTable::Single(dist) => {
                let duration = self.dist(dist)?;
                Some(vec![Phase { name: "init".to_owned(), duration, billed: true }])
            }
            ColdStartTable::Snapshot(table) => self.snapshot(table),
            ColdStartTable::Phases(_, phases) => {
                let phase = |(name, dist): &(String, Spanned<DistSpec>)| {
                    let duration = self.dist(dist)?;
                    Some(Phase { name: name.clone(), duration, billed: !UNBILLED.contains(&name.as_str()) })
                };
                // All are checked before an invalid one ends it.
                phases.iter().map(phase).collect::<Vec<_>>().into_iter().collect()
            }
        }
    }

    fn snapshot(&mut self, table: &SnapshotTable) -> Option<Vec<Phase>> {
        let phases = [
            ("environment", table.environment.as_ref(), false),
            ("restore", table.restore.as_ref(), false),
            ("hooks", table.hooks.as_ref(), true),
        ];
        let phase = |(name, dist, billed): (&str, Option<&DistSpec>, bool)| {
            let duration = dist.map(|dist| self.dist(dist))?;
            Some(duration.map(|duration| Phase { name: name.to_owned(), duration, billed }))
        };
        // All are checked before an invalid one ends it.
        let phases = phases.into_iter().filter_map(phase).collect::<Vec<_>>();
        phases.into_iter().collect::<Option<_>>().filter(|_| table.restore.is_some())
    }
}
