//! The scheduler of Kubernetes, as its source has it (`pkg/scheduler`, plugins `NodeResourcesFit`,
//! `NodeResourcesBalancedAllocation`, `ImageLocality` and `PodTopologySpread`): of the nodes on which a pod fits a sample is scored, and of
//! those with the highest score one is taken at random.
//!
//! A score is a sum over plugins, each 0 to 100, with these weights. `TaintToleration`, `NodeAffinity` and `InterPodAffinity` give all
//! nodes the same here and are left out.

use rand::RngExt;

use super::{NodeId, Placement, View};
use crate::cluster::node::Node;
use crate::cluster::resources::Resources;
use crate::rng::Stream;

/// Weights of the plugins in the default configuration.
const FIT: u64 = 1;
const BALANCED: u64 = 1;
const IMAGE: u64 = 1;
const SPREAD: u64 = 2;

/// The default constraints of `PodTopologySpread`: how far the numbers of pods of a service may differ between nodes and between zones
/// before that matters.
const NODE_SKEW: f64 = 3.0;
const ZONE_SKEW: f64 = 5.0;

/// An image below the first size does not count, one above the second counts full, MB.
const IMAGE_MB: [u64; 2] = [23, 1000];

/// Fewer nodes than that are all scored.
const SCORED_MIN: usize = 100;

/// What a resource is worth, 0 to 100: requested with the pod, and what there is.
type Fit = fn(u64, u64) -> u64;

/// A scheduler.
#[derive(Debug)]
pub(super) struct Scheduler {
    fit: Fit,
    percentage: u32,
    stream: Stream,
    /// Where the next search begins, so that every node has its turn.
    start: usize,
    /// The nodes that are scored: what plugins say of each, and how crowded it is with pods of the same class.
    scored: Vec<(NodeId, u64, u64)>,
}

impl Scheduler {
    pub(super) const fn new(fit: Fit, percentage: u32, stream: Stream) -> Self {
        Self { fit, percentage, stream, start: 0, scored: Vec::new() }
    }

    /// So many nodes on which the pod fits are looked for (`numFeasibleNodesToFind`).
    fn to_find(&self, nodes: usize) -> usize {
        if nodes < SCORED_MIN || self.percentage >= 100 {
            return nodes;
        }
        let percentage = match self.percentage as usize {
            0 => 50_usize.saturating_sub(nodes / 125).max(5),
            percentage => percentage,
        };
        (nodes * percentage / 100).max(SCORED_MIN)
    }

    /// The nodes to score.
    fn find(&mut self, view: &View<'_>) {
        self.scored.clear();
        if view.only.is_some() {
            self.scored.extend(view.all_fitting().map(|(id, _)| (id, 0, 0)));
            return;
        }
        let places = view.nodes.places();
        let wanted = self.to_find(places);
        let mut looked_at = 0;
        while looked_at < places && self.scored.len() < wanted {
            let id = NodeId(((self.start + looked_at) % places) as u32);
            looked_at += 1;
            if view.fitting(id).is_some() {
                self.scored.push((id, 0, 0));
            }
        }
        self.start = if places == 0 { 0 } else { (self.start + looked_at) % places };
    }

    /// How crowded nodes are with pods of the same class: that of each node, and of its zone.
    fn crowds(&mut self, view: &View<'_>) {
        let zone_of = |node: &Node| view.groups[node.group].zone;
        let mut zones: Vec<(usize, u64)> = Vec::new();
        for (id, ..) in &self.scored {
            if let Some(zone) = view.nodes.get(*id).and_then(zone_of)
                && !zones.iter().any(|(known, _)| *known == zone)
            {
                let pods = view.groups.iter().filter(|group| group.zone == Some(zone));
                zones.push((zone, pods.map(|group| group.pods_of_class[view.class]).sum()));
            }
        }
        let weight = |size: usize| ((size + 2) as f64).ln();
        let (by_node, by_zone) = (weight(self.scored.len()), weight(zones.len()));
        for (id, _, crowd) in &mut self.scored {
            let Some(node) = view.nodes.get(*id) else { continue };
            let mut score = f64::from(node.pods_of(view.class)) * by_node + (NODE_SKEW - 1.0);
            if let Some((_, pods)) = zones.iter().find(|(zone, _)| zone_of(node) == Some(*zone)) {
                score += *pods as f64 * by_zone + (ZONE_SKEW - 1.0);
            }
            *crowd = score.round() as u64;
        }
    }
}

impl Placement for Scheduler {
    fn choose(&mut self, view: &View<'_>) -> Option<NodeId> {
        self.find(view);
        if let [(only, ..)] = self.scored[..] {
            return Some(only);
        }
        self.crowds(view);
        let crowds = self.scored.iter().map(|(.., crowd)| *crowd);
        let (least, most) = crowds.fold((u64::MAX, 0), |(least, most), crowd| (least.min(crowd), most.max(crowd)));
        let nodes = view.nodes.iter().count() as u64;
        for (id, score, crowd) in &mut self.scored {
            let Some(node) = view.nodes.get(*id) else { continue };
            let mut requested = node.requested();
            requested += *view.demand();
            *score = FIT * mean_of(&requested, &node.allocatable, self.fit)
                + BALANCED * balanced(&requested, &node.allocatable)
                + IMAGE * image(view, node, nodes)
                + SPREAD * (100 * (most + least - *crowd)).checked_div(most).unwrap_or(100);
        }
        let best = self.scored.iter().map(|(_, score, _)| *score).max()?;
        let ties: Vec<NodeId> = self.scored.iter().filter(|(_, score, _)| *score == best).map(|(id, ..)| *id).collect();
        let place = if ties.len() > 1 { self.stream.random_range(0..ties.len()) } else { 0 };
        ties.get(place).copied()
    }
}

/// The mean over CPU and memory, of those that a node has.
fn mean_of(requested: &Resources, all: &Resources, fit: Fit) -> u64 {
    let pairs = [(requested.cpu_m, all.cpu_m), (requested.memory_mb, all.memory_mb)];
    let (mut sum, mut count) = (0, 0);
    for (requested, all) in pairs.into_iter().filter(|(_, all)| *all > 0) {
        sum += fit(requested, all);
        count += 1;
    }
    sum / count.max(1)
}

/// How alike the requested shares of CPU and memory are (`balancedResourceScorer`): 100 less the standard deviation of the two, in
/// percent.
fn balanced(requested: &Resources, all: &Resources) -> u64 {
    let share = |requested: u64, all: u64| (requested as f64 / all as f64).min(1.0);
    let deviation = (share(requested.cpu_m, all.cpu_m) - share(requested.memory_mb, all.memory_mb)).abs() / 2.0;
    ((1.0 - deviation) * 100.0) as u64
}

/// Whether a node has the image of the pod: by its size, and the less the fewer nodes have it, so that they are not crowded.
fn image(view: &View<'_>, node: &Node, nodes: u64) -> u64 {
    let Some(image) = view.of_class.image.as_ref().filter(|image| node.images.has(image.id)) else { return 0 };
    let size = (f64::from(image.size_mb) * (f64::from(view.nodes_with_image) / nodes.max(1) as f64)) as u64;
    100 * (size.clamp(IMAGE_MB[0], IMAGE_MB[1]) - IMAGE_MB[0]) / (IMAGE_MB[1] - IMAGE_MB[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(cpu_m: u64, memory_mb: u64) -> Resources {
        Resources { cpu_m, memory_mb, ..Resources::default() }
    }

    /// The values of the test of Kubernetes itself (`TestNumFeasibleNodesToFind`).
    #[test]
    fn so_many_nodes_are_scored_as_kubernetes_scores() {
        let streams = crate::rng::Streams::new(1, 0);
        let scored = |percentage, nodes| {
            Scheduler::new(|_, _| 0, percentage, streams.stream("s", crate::rng::Purpose::Nodes)).to_find(nodes)
        };
        for (percentage, nodes, expected) in [
            (0, 10, 10),
            (40, 10, 10),
            (0, 1000, 420),
            (40, 1000, 400),
            (0, 6000, 300),
            (40, 6000, 2400),
            (0, 100, 100),
        ] {
            assert_eq!(scored(percentage, nodes), expected, "{percentage} % of {nodes}");
        }
    }

    /// Kubernetes documents this one: a node of 4 vCPUs and 10,000 MB, of which 3 and 5,000 are requested with the pod.
    /// LeastAllocated: (25 + 50) / 2 = 37. Balanced: shares 0.75 and 0.5, deviation 0.125, 87. MostAllocated: (75 + 50) / 2 = 62.
    #[test]
    fn scores_by_hand() {
        let (requested, all) = (resources(3000, 5000), resources(4000, 10_000));
        assert_eq!(mean_of(&requested, &all, |requested, all| (all - requested) * 100 / all), 37);
        assert_eq!(mean_of(&requested, &all, |requested, all| requested * 100 / all), 62);
        assert_eq!(balanced(&requested, &all), 87);
        assert_eq!(balanced(&resources(2000, 5000), &all), 100);
        assert_eq!(balanced(&resources(4000, 0), &all), 50);
    }
}
