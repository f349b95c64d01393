//! Random: any node on which the pod fits, with equal probability.

use rand::RngExt;

use super::{NodeId, Placement, View};
use crate::rng::Stream;

#[derive(Debug)]
pub(super) struct Random(pub(super) Stream);

impl Placement for Random {
    fn choose(&mut self, view: &View<'_>) -> Option<NodeId> {
        let fitting: Vec<NodeId> = view.all_fitting().map(|(id, _)| id).collect();
        let last = fitting.len().checked_sub(1)?;
        let place = if last == 0 { 0 } else { self.0.random_range(0..=last) };
        fitting.get(place).copied()
    }
}
