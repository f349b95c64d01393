//! Placement: on which of the nodes that it fits on a pod is put.
//!
//! A new rule is a file beside this one and a line in [`PlacementRule`] and in [`PlacementRule::build`].

mod best_fit;
mod first_fit;
mod hash;
mod least_allocated;
mod most_allocated;
mod random;
mod round_robin;
mod scheduler;

use super::node::{self, NodeId, Nodes};
use super::parameters::PlacementSpec;
use super::resources::Resources;
use super::{Class, GroupState};
use crate::rng::Stream;
use crate::schema::declare::*;

choice! {
    /// Which of the nodes that a pod fits on it gets.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum PlacementRule {
        "least-allocated" => LeastAllocated, "The default of the Kubernetes scheduler: least requested, evenly requested, spread over nodes and zones, and with the image present.";
        "most-allocated" => MostAllocated, "The same, but most requested: nodes are filled one after another.";
        "first-fit" => FirstFit, "The first node, in the order in which nodes were added.";
        "best-fit" => BestFit, "The node that is fullest afterwards.";
        "round-robin" => RoundRobin, "The node after that of the previous pod.";
        "hash" => Hash, "Like Apache OpenWhisk: a home node by the name of the function, then steps that depend on the function.";
        "random" => Random, "A random one, with equal probability.";
    }
}

impl PlacementRule {
    /// The rule at work; what it draws comes from `stream`.
    pub(super) fn build(spec: &PlacementSpec, stream: Stream) -> Box<dyn Placement> {
        let percentage = spec.percentage_of_nodes_to_score;
        match spec.policy {
            Self::LeastAllocated => Box::new(least_allocated::rule(percentage, stream)),
            Self::MostAllocated => Box::new(most_allocated::rule(percentage, stream)),
            Self::FirstFit => Box::new(first_fit::FirstFit),
            Self::BestFit => Box::new(best_fit::BestFit),
            Self::RoundRobin => Box::new(round_robin::RoundRobin::default()),
            Self::Hash => Box::new(hash::HomeNode::default()),
            Self::Random => Box::new(random::Random(stream)),
        }
    }
}

/// A rule at work.
pub(super) trait Placement: Send + std::fmt::Debug {
    /// A node for a pod; none where it fits on none.
    fn choose(&mut self, view: &View<'_>) -> Option<NodeId>;
}

/// What a rule sees: a class of pods, and the nodes.
pub(super) struct View<'a> {
    pub(super) nodes: &'a Nodes,
    pub(super) groups: &'a [GroupState],
    pub(super) class: usize,
    pub(super) of_class: &'a Class,
    /// Where a pod of the class is known to fit on no other node.
    pub(super) only: Option<&'a [NodeId]>,
    /// Nodes that have the image of the class.
    pub(super) nodes_with_image: u32,
}

impl<'a> View<'a> {
    /// The node at a place, if a pod of the class fits there.
    #[inline]
    pub(super) fn fitting(&self, id: NodeId) -> Option<&'a node::Node> {
        let node = self.nodes.get(id)?;
        self.of_class.fits(node).then_some(node)
    }

    /// The nodes on which a pod of the class fits, in the order of their places.
    pub(super) fn all_fitting(&self) -> impl Iterator<Item = (NodeId, &'a node::Node)> + '_ {
        let places = if self.only.is_some() { 0 } else { self.nodes.places() as u32 };
        let known = self.only.unwrap_or_default().iter().copied();
        known.chain((0..places).map(NodeId)).filter_map(|id| Some((id, self.fitting(id)?)))
    }

    /// What a pod of the class requests.
    pub(super) fn demand(&self) -> &Resources {
        &self.of_class.demand
    }
}
