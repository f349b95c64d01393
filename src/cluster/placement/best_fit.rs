//! Best fit: the node of which the least is left then, as the mean of the free shares of CPU and memory; the first of equals.

use super::{NodeId, Placement, View};
use crate::cluster::node::Node;
use crate::cluster::resources::Resources;

#[derive(Debug)]
pub(super) struct BestFit;

/// What a node has left with one more pod, exactly: the sum of the shares of CPU and memory, both over one denominator.
fn left(node: &Node, demand: &Resources) -> (u128, u128) {
    let (free, all) = (node.free.without(demand), node.allocatable);
    let wide = |a: u64, b: u64| u128::from(a) * u128::from(b);
    (wide(free.cpu_m, all.memory_mb) + wide(free.memory_mb, all.cpu_m), wide(all.cpu_m, all.memory_mb))
}

impl Placement for BestFit {
    fn choose(&mut self, view: &View<'_>) -> Option<NodeId> {
        let mut best: Option<(NodeId, (u128, u128))> = None;
        for (id, node) in view.all_fitting() {
            let (left, of) = left(node, view.demand());
            if best.is_none_or(|(_, (least, of_least))| left * of_least < least * of) {
                best = Some((id, (left, of)));
            }
        }
        best.map(|(id, _)| id)
    }
}
