//! Pre-warmed instances that can become an instance of any function they fit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::id::PoolId;
use crate::scenario::StemCells;
use crate::time::{SimTime, Span};

/// Pools of stem cells, in the order of the scenario. Nothing happens when a cell becomes ready, so the time of
/// readiness is enough.
pub(super) struct Pools(Vec<BinaryHeap<Reverse<SimTime>>>);

impl Pools {
    /// All cells are ready at the start.
    pub(super) fn new(kinds: &[StemCells]) -> Self {
        let pool = |cells: &StemCells| (0..cells.count).map(|_| Reverse(SimTime::ZERO)).collect();
        Self(kinds.iter().map(pool).collect())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a ready cell, if there is one; it is replaced after `start`.
    pub(super) fn take(&mut self, pool: PoolId, now: SimTime, start: Span) -> bool {
        let cells = &mut self.0[pool.index()];
        let is_ready = cells.peek().is_some_and(|Reverse(ready)| *ready <= now);
        if is_ready {
            cells.pop();
            cells.push(Reverse(now + start));
        }
        is_ready
    }
}
