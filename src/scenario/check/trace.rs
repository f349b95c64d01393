//! Where traces join: recorded arrivals, and the functions they bring.

use super::Checker;
use crate::scenario::diagnostic::{Place, Problem};
use crate::scenario::raw::FileTable;
use crate::scenario::raw::arrivals::{ArrivalTable, RateTraceTable, TraceTable};
use crate::workload::ArrivalSpec;

/// Whether each request names its function itself.
pub(super) fn names_functions(table: &ArrivalTable) -> bool {
    matches!(table, ArrivalTable::Trace(_))
}

/// Whether a source of the file may bring the running time of its requests.
pub(super) fn brings_durations(file: &FileTable) -> bool {
    file.source.iter().any(|source| source.arrivals.as_ref().is_some_and(names_functions))
}

impl Checker<'_, '_> {
    /// JOIN HERE: opens and checks a trace with the readers of `workload`.
    pub(super) fn trace(&mut self, table: &TraceTable, path: &str) -> Option<ArrivalSpec> {
        self.not_yet(table.place, path)
    }

    /// JOIN HERE: the same for a rate trace.
    pub(super) fn rate_trace(&mut self, table: &RateTraceTable, path: &str) -> Option<ArrivalSpec> {
        self.not_yet(table.place, path)
    }

    fn not_yet(&mut self, place: Place, path: &str) -> Option<ArrivalSpec> {
        self.problems.push(Problem::error(place, format!("`{path}`: traces are not available yet")));
        None
    }
}
