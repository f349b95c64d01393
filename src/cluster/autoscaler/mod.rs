//! Node autoscalers: what adds nodes when pods find none, and removes those that are not needed.
//!
//! A new one is a file beside this one and a line in [`AutoscalerSpec`]. It is a state machine: it is told of pods that find no node,
//! says when it wants to be asked, and answers with [`Decision`]s. One autoscaler of a kind looks after all node groups that name it.

mod cluster_autoscaler;
mod karpenter;
mod packing;

use std::fmt::Debug;

use super::node::{Condition, NodeId, Nodes};
use super::resources::Resources;
use super::{Class, GroupState};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::time::SimTime;
pub use cluster_autoscaler::ClusterAutoscalerSpec;
pub use karpenter::KarpenterSpec;

union! {
    /// What adds and removes the nodes of a group.
    pub enum AutoscalerSpec ("node autoscaler"): Parameters {
        "none" => Nothing(NoAutoscaler),
        "cluster-autoscaler" => ClusterAutoscaler(ClusterAutoscalerSpec),
        "karpenter" => Karpenter(KarpenterSpec),
    }
}

parameters! {
    /// Nothing: there are always as many nodes as `count` says.
    pub struct NoAutoscaler {}
}

impl AutoscalerSpec {
    /// Nothing adds nodes.
    #[must_use]
    pub fn nothing() -> Self {
        Self::Nothing(Box::new(NoAutoscaler {}))
    }

    /// Whether something does.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        !matches!(self, Self::Nothing(_))
    }
}

/// [`AutoscalerSpec`], which may also be written as a word: with its defaults.
#[derive(Debug)]
pub struct AutoscalerWord;

impl AutoscalerWord {
    const UNION: &'static UnionShape = &UnionShape { words: true, ..*AutoscalerSpec::UNION };
}

impl Field for AutoscalerWord {
    type Value = AutoscalerSpec;
    const SHAPE: Shape = Shape::Union(Self::UNION);
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<AutoscalerSpec> {
        match node.text() {
            Some(word) if Self::UNION.kind(word).is_some() => {
                let kind = Entry::new(word, node.place, Value::Table(Vec::new()));
                AutoscalerSpec::read_kind(&kind, reader)
            }
            _ => AutoscalerSpec::read(node, reader),
        }
    }
    fn write(value: &AutoscalerSpec) -> Value {
        AutoscalerSpec::write(value)
    }
}

/// What the parameters of an autoscaler say about it.
pub trait Parameters: Debug + Send + Sync {
    /// The autoscaler of these groups; none where nothing adds nodes.
    fn build(&self, groups: Vec<usize>, stream: Stream) -> Option<Box<dyn NodeAutoscaler>>;
}

impl Parameters for NoAutoscaler {
    fn build(&self, _: Vec<usize>, _: Stream) -> Option<Box<dyn NodeAutoscaler>> {
        None
    }
}

/// What an autoscaler wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// One more node of this group.
    Add(usize),
    /// A node goes: at once where no pod is on it, else when its pods have gone, at the latest after the grace period.
    Remove(NodeId, crate::time::Span),
}

/// A node autoscaler at work.
pub trait NodeAutoscaler: Debug + Send {
    /// A pod finds no node.
    fn unschedulable(&mut self, now: SimTime);

    /// When it wants to be asked.
    fn next(&self) -> SimTime;

    /// It is asked, at the time it wanted to be.
    fn decide(&mut self, fleet: &Fleet<'_>) -> Vec<Decision>;

    /// Something has changed: a pod has come or gone, a node has become ready.
    fn changed(&mut self, fleet: &Fleet<'_>);
}

/// What an autoscaler sees.
pub struct Fleet<'a> {
    /// The present.
    pub now: SimTime,
    /// All nodes, those that boot too.
    pub nodes: &'a Nodes,
    /// All groups.
    pub(super) groups: &'a [GroupState],
    /// What pods request, by class.
    pub classes: &'a [Class],
    /// How many pods of each class wait.
    pub pending: &'a [u64],
    /// Whether nodes that are not needed may still go: not after the horizon, when nothing is charged.
    pub may_shrink: bool,
}

impl Fleet<'_> {
    fn is_pending(&self) -> bool {
        self.pending.iter().any(|count| *count > 0)
    }

    /// Nodes of a group, those included that boot or drain.
    fn size(&self, group: usize) -> u32 {
        self.groups[group].nodes
    }

    /// How many nodes of a group may go.
    fn surplus(&self, group: usize) -> u32 {
        let state = &self.groups[group];
        (state.nodes - state.leaving).saturating_sub(state.spec.fewest())
    }

    /// The ready nodes of these groups.
    fn ready<'s>(&'s self, groups: &'s [usize]) -> impl Iterator<Item = (NodeId, &'s super::node::Node)> + 's {
        let is_ready = |node: &super::node::Node| node.condition == Condition::Ready && groups.contains(&node.group);
        self.nodes.iter().filter(move |(_, node)| is_ready(node))
    }

    /// Whether all pods of a node fit on other ready nodes, of which it is found out what they would have left.
    fn fits_elsewhere(&self, leaving: NodeId, free: &mut [(NodeId, Resources)]) -> bool {
        let Some(node) = self.nodes.get(leaving) else { return false };
        let mut taken: Vec<(usize, Resources)> = Vec::new();
        for (place, class) in self.classes.iter().enumerate() {
            let mut left = u64::from(node.pods_of(place));
            for (at, (id, has)) in free.iter_mut().enumerate() {
                if left == 0 {
                    break;
                }
                let Some(other) = self.nodes.get(*id).filter(|_| *id != leaving) else { continue };
                if !class.groups.contains(&other.group) {
                    continue;
                }
                let fits = class.demand.times_in(has).min(left);
                if fits > 0 {
                    taken.push((at, class.demand.times(fits)));
                    *has -= class.demand.times(fits);
                    left -= fits;
                }
            }
            if left > 0 {
                taken.into_iter().for_each(|(at, amount)| free[at].1 += amount);
                return false;
            }
        }
        true
    }
}
