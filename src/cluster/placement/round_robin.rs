//! Round robin: the next node after that of the pod before.

use super::{NodeId, Placement, View};

#[derive(Debug, Default)]
pub(super) struct RoundRobin {
    next: u32,
}

impl Placement for RoundRobin {
    fn choose(&mut self, view: &View<'_>) -> Option<NodeId> {
        let places = view.nodes.places() as u32;
        let chosen = match view.only {
            Some(_) => {
                let behind = |id: &NodeId| (id.0 < self.next, *id);
                view.all_fitting().map(|(id, _)| id).min_by_key(behind)
            }
            None => {
                let turns = (0..places).map(|step| NodeId((self.next + step) % places));
                turns.into_iter().find(|id| view.fitting(*id).is_some())
            }
        }?;
        self.next = (chosen.0 + 1) % places;
        Some(chosen)
    }
}
