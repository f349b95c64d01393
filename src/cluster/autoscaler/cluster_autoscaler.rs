//! The Cluster Autoscaler of Kubernetes, after its FAQ and the defaults of its flags (August 2026).
//!
//! Every `scan-interval` it looks at the pods that find no node. Those that the nodes that boot will take are left out. For the others
//! it estimates, group by group, how many nodes take how many of them, and its `expander` chooses one group. When no pod waits it
//! looks for nodes of which little is requested and whose pods fit elsewhere; such a node goes when it has been so for
//! `scale-down-unneeded-time` and no node was added for `scale-down-delay-after-add`: up to `max-empty-bulk-delete` empty ones at
//! a time, else one whose pods have to move.
//!
//! Left out: the time-out of nodes that do not come (`max-node-provision-time`) and the back-off after it, balancing between similar
//! groups, pod disruption budgets.

use std::collections::BTreeMap;

use rand::RngExt;

use super::packing::{Estimate, estimate, largest_first, without_upcoming};
use super::{Decision, Fleet, NodeAutoscaler, Parameters};
use crate::cluster::node::{self, Condition, NodeId};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, PositiveDuration, Share};
use crate::time::{SimTime, Span};

/// Nodes with pods that are looked at in one scan, at most (`scale-down-non-empty-candidates-count`).
const CANDIDATES: usize = 30;

parameters! {
    /// The Cluster Autoscaler of Kubernetes.
    pub struct ClusterAutoscalerSpec {
        /// How often it looks for pods that find no node.
        default scan_interval: PositiveDuration = Span::from_secs(10),
        /// Which group grows where several could.
        default expander: Expander = Expander::LeastWaste,
        /// A node of which less than this part of CPU and of memory is requested may go.
        default scale_down_utilization_threshold: Share = 0.5,
        /// When it has been so for this long.
        default scale_down_unneeded_time: Duration = Span::from_secs(600),
        /// And no node was added for this long.
        default scale_down_delay_after_add: Duration = Span::from_secs(600),
        /// Empty nodes that go at once, at most.
        default max_empty_bulk_delete: Count<1, 10_000> = 10,
        /// How long the pods of a node that goes may finish what they do.
        default max_graceful_termination: Duration = Span::from_secs(600),
    }
}

choice! {
    /// Which group grows where several could.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Expander {
        "least-waste" => LeastWaste, "The one that leaves the least CPU and memory unused.";
        "most-pods" => MostPods, "The one that fits the most pods.";
        "price" => Price, "The one with the lowest price per pod that fits.";
        "random" => Random, "A random one.";
    }
}

#[cfg(test)]
impl ClusterAutoscalerSpec {
    pub(in crate::cluster) const fn standard() -> Self {
        Self {
            scan_interval: Span::from_secs(10),
            expander: Expander::LeastWaste,
            scale_down_utilization_threshold: 0.5,
            scale_down_unneeded_time: Span::from_secs(600),
            scale_down_delay_after_add: Span::from_secs(600),
            max_empty_bulk_delete: 10,
            max_graceful_termination: Span::from_secs(600),
        }
    }
}

impl Parameters for ClusterAutoscalerSpec {
    fn build(&self, groups: Vec<usize>, stream: Stream) -> Option<Box<dyn NodeAutoscaler>> {
        let spec = self.clone();
        Some(Box::new(ClusterAutoscaler {
            spec,
            groups,
            stream,
            unneeded: BTreeMap::new(),
            added: None,
            next: SimTime::NEVER,
        }))
    }
}

#[derive(Debug)]
struct ClusterAutoscaler {
    spec: ClusterAutoscalerSpec,
    groups: Vec<usize>,
    stream: Stream,
    /// Nodes that are not needed, by place and serial number, and since when.
    unneeded: BTreeMap<(NodeId, u64), SimTime>,
    /// When it added nodes last.
    added: Option<SimTime>,
    next: SimTime,
}

impl ClusterAutoscaler {
    /// The next scan after this moment.
    fn scan_after(&self, now: SimTime) -> SimTime {
        let interval = self.spec.scan_interval.as_nanos();
        SimTime::from_nanos((now.as_nanos() / interval + 1).saturating_mul(interval))
    }

    /// The part of a node that is requested: of CPU or of memory, whichever is more.
    fn utilization(node: &node::Node) -> f64 {
        let (requested, all) = (node.requested(), node.allocatable);
        let share = |requested: u64, all: u64| requested as f64 / all as f64;
        share(requested.cpu_m, all.cpu_m).max(share(requested.memory_mb, all.memory_mb))
    }

    fn scale_up(&mut self, fleet: &Fleet<'_>) -> Vec<Decision> {
        let waiting = without_upcoming(fleet, largest_first(fleet));
        let mut options: Vec<(usize, Estimate)> = Vec::new();
        for &group in &self.groups {
            let most = fleet.groups[group].spec.most().saturating_sub(fleet.size(group));
            let estimate = estimate(fleet, &waiting, group, most);
            if estimate.nodes > 0 {
                options.push((group, estimate));
            }
        }
        let Some((group, estimate)) = self.choose(options, fleet) else { return Vec::new() };
        self.added = Some(fleet.now);
        vec![Decision::Add(group); estimate.nodes as usize]
    }

    fn choose(&mut self, options: Vec<(usize, Estimate)>, fleet: &Fleet<'_>) -> Option<(usize, Estimate)> {
        let price = |group: usize| fleet.groups[group].spec.per_hour_usd;
        let score = |(group, estimate): &(usize, Estimate)| match self.spec.expander {
            Expander::LeastWaste => {
                let wasted = |used: u64, all: u64| 1.0 - used as f64 / all as f64;
                wasted(estimate.requested.cpu_m, estimate.available.cpu_m)
                    + wasted(estimate.requested.memory_mb, estimate.available.memory_mb)
            }
            Expander::MostPods => -(estimate.pods as f64),
            Expander::Price => price(*group) * f64::from(estimate.nodes) / estimate.pods as f64,
            Expander::Random => 0.0,
        };
        let scores: Vec<f64> = options.iter().map(score).collect();
        let least = scores.iter().copied().fold(f64::INFINITY, f64::min);
        let mut best: Vec<_> = options.into_iter().zip(scores).filter(|(_, score)| *score == least).collect();
        let place = if best.len() > 1 { self.stream.random_range(0..best.len()) } else { 0 };
        (place < best.len()).then(|| best.swap_remove(place).0)
    }

    /// Finds out which nodes are not needed.
    fn look(&mut self, fleet: &Fleet<'_>) {
        let before = std::mem::take(&mut self.unneeded);
        let mut free: Vec<_> = fleet
            .nodes
            .iter()
            .filter(|(_, node)| node.condition == Condition::Ready)
            .map(|(id, node)| (id, node.free))
            .collect();
        let mut with_pods = 0;
        for (id, node) in fleet.ready(&self.groups) {
            let is_used = Self::utilization(node) >= self.spec.scale_down_utilization_threshold;
            if is_used && !node.pods.is_empty() {
                continue;
            }
            if !node.pods.is_empty() {
                with_pods += 1;
                if with_pods > CANDIDATES || !fleet.fits_elsewhere(id, &mut free) {
                    continue;
                }
            }
            // Where it goes nobody else's pods can.
            free.retain(|(other, _)| *other != id);
            let key = (id, node.serial);
            self.unneeded.insert(key, before.get(&key).copied().unwrap_or(fleet.now));
        }
    }

    fn scale_down(&self, fleet: &Fleet<'_>) -> Vec<Decision> {
        let is_late = |since: &SimTime| fleet.now.since(*since) >= self.spec.scale_down_unneeded_time;
        let mut surplus: BTreeMap<usize, u32> =
            self.groups.iter().map(|group| (*group, fleet.surplus(*group))).collect();
        let mut may_go = |group: usize| {
            let left = surplus.get_mut(&group).filter(|left| **left > 0);
            left.map(|left| *left -= 1).is_some()
        };
        let late: Vec<(NodeId, &node::Node)> = (self.unneeded.iter())
            .filter(|(_, since)| is_late(since))
            .filter_map(|((id, _), _)| Some((*id, fleet.nodes.get(*id)?)))
            .collect();
        let most = self.spec.max_empty_bulk_delete as usize;
        let empty = late.iter().filter(|(_, node)| node.pods.is_empty() && may_go(node.group)).take(most);
        let mut going: Vec<Decision> = empty.map(|(id, _)| Decision::Remove(*id, Span::ZERO)).collect();
        if going.is_empty() {
            let one = late.iter().find(|(_, node)| !node.pods.is_empty() && may_go(node.group));
            going.extend(one.map(|(id, _)| Decision::Remove(*id, self.spec.max_graceful_termination)));
        }
        going
    }
}

impl NodeAutoscaler for ClusterAutoscaler {
    fn unschedulable(&mut self, now: SimTime) {
        self.next = self.next.min(self.scan_after(now));
    }

    fn next(&self) -> SimTime {
        self.next
    }

    fn decide(&mut self, fleet: &Fleet<'_>) -> Vec<Decision> {
        self.next = SimTime::NEVER;
        let mut decisions = if fleet.is_pending() { self.scale_up(fleet) } else { Vec::new() };
        if decisions.is_empty() && fleet.may_shrink {
            self.look(fleet);
            let is_soon = |added: SimTime| fleet.now.since(added) < self.spec.scale_down_delay_after_add;
            if !self.added.is_some_and(is_soon) {
                decisions = self.scale_down(fleet);
            }
        }
        decisions
    }

    fn changed(&mut self, fleet: &Fleet<'_>) {
        let may_shrink = fleet.may_shrink && self.groups.iter().any(|group| fleet.surplus(*group) > 0);
        if fleet.is_pending() || may_shrink {
            self.next = self.next.min(self.scan_after(fleet.now));
        }
    }
}
