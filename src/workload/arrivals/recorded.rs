//! Recorded requests of one function, replayed from memory.

use std::sync::Arc;

use super::Arrival;
use crate::workload::trace::RowTrace;

/// Where the replay is.
pub(super) struct Recorded {
    of: Arc<RowTrace>,
    function: u32,
    next: usize,
}

impl Recorded {
    pub(super) fn new(of: &Arc<RowTrace>, function: u32) -> Self {
        Self { of: Arc::clone(of), function, next: 0 }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Option<Arrival> {
        let request = self.of.kept(self.function).get(self.next)?;
        self.next += 1;
        Some(Arrival { at: request.at(), function: 0, duration: request.duration() })
    }
}
