//! First fit: the first node, in the order in which they were added. A node that is added in place of one that is gone takes its
//! turn.

use super::{NodeId, Placement, View};

#[derive(Debug)]
pub(super) struct FirstFit;

impl Placement for FirstFit {
    fn choose(&mut self, view: &View<'_>) -> Option<NodeId> {
        view.all_fitting().map(|(id, _)| id).next()
    }
}
