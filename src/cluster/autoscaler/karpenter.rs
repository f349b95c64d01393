//! Karpenter, after its source and the defaults of its resources (August 2026).
//!
//! Pods that find no node are collected: a batch closes when none has come for `batch-idle-duration`, at the latest
//! `batch-max-duration` after its first. It is packed, largest pods first, on the nodes that boot and on new ones; a new node is of any group
//! that still has all that is packed in it, and becomes one of the cheapest of these. Each group is what Karpenter calls an instance
//! type.
//!
//! Nodes that are empty, or whose pods fit elsewhere, are removed: found every `poll-interval`, looked at again after
//! `validation-duration`, and no more of them at a time than the budget allows.
//!
//! Left out: replacing a node by a cheaper one, consolidation of several nodes at once, drift, expiry.

use std::collections::BTreeMap;

use super::packing::{largest_first, without_upcoming};
use super::{Decision, Fleet, NodeAutoscaler, Parameters};
use crate::cluster::node::{Condition, NodeId};
use crate::cluster::resources::Resources;
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Duration, PositiveDuration, Ratio};
use crate::time::{SimTime, Span};

/// Pods that still wait after their batch are looked at again after this.
const RETRY: Span = Span::from_secs(10);

parameters! {
    /// Karpenter.
    pub struct KarpenterSpec {
        /// A batch of pods closes when none has come for so long.
        default batch_idle_duration: PositiveDuration = Span::from_secs(1),
        /// And at the latest so long after its first.
        default batch_max_duration: PositiveDuration = Span::from_secs(10),
        /// Which nodes may go.
        default consolidation_policy: Consolidation = Consolidation::WhenEmptyOrUnderutilized,
        /// How long after the last pod came or went on a node it may be looked at.
        default consolidate_after: Duration = Span::ZERO,
        /// How often it looks for nodes that may go.
        default poll_interval: PositiveDuration = Span::from_secs(10),
        /// How long after it has found one it looks again before it acts.
        default validation_duration: Duration = Span::from_secs(15),
        /// The part of the nodes that may be going at the same time, rounded up.
        default disruption_budget: Ratio = 0.1,
        /// How long the pods of a node that goes may finish what they do.
        default termination_grace_period: Duration = Span::from_secs(600),
    }
}

choice! {
    /// Which nodes may go.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Consolidation {
        "when-empty" => WhenEmpty, "Those without pods.";
        "when-empty-or-underutilized" => WhenEmptyOrUnderutilized, "Those without pods, and those whose pods fit on other nodes.";
    }
}

#[cfg(test)]
impl KarpenterSpec {
    pub(in crate::cluster) const fn standard() -> Self {
        Self {
            batch_idle_duration: Span::from_secs(1),
            batch_max_duration: Span::from_secs(10),
            consolidation_policy: Consolidation::WhenEmptyOrUnderutilized,
            consolidate_after: Span::ZERO,
            poll_interval: Span::from_secs(10),
            validation_duration: Span::from_secs(15),
            disruption_budget: 0.1,
            termination_grace_period: Span::from_secs(600),
        }
    }
}

impl Parameters for KarpenterSpec {
    fn build(&self, groups: Vec<usize>, _: Stream) -> Option<Box<dyn NodeAutoscaler>> {
        Some(Box::new(Karpenter {
            spec: self.clone(),
            groups,
            batch: None,
            found: BTreeMap::new(),
            poll: SimTime::NEVER,
            retry: SimTime::NEVER,
        }))
    }
}

#[derive(Debug)]
struct Karpenter {
    spec: KarpenterSpec,
    groups: Vec<usize>,
    /// The open batch: when its first and its last pod came.
    batch: Option<(SimTime, SimTime)>,
    /// Nodes that may go, by place and serial number, and when they are looked at again.
    found: BTreeMap<(NodeId, u64), SimTime>,
    poll: SimTime,
    /// When pods that still wait are looked at again.
    retry: SimTime,
}

/// A node that is to be added: what is in it, and the groups it can be of.
#[derive(Debug)]
struct Claim {
    requested: Resources,
    options: Vec<usize>,
}

impl Karpenter {
    /// When the open batch closes.
    fn closes(&self) -> SimTime {
        self.batch.map_or(SimTime::NEVER, |(first, last)| {
            (last + self.spec.batch_idle_duration).min(first + self.spec.batch_max_duration)
        })
    }

    fn provision(&self, fleet: &Fleet<'_>) -> Vec<Decision> {
        let allocatable = |group: usize| fleet.groups[group].spec.allocatable();
        let most = |group: usize| fleet.groups[group].spec.most().saturating_sub(fleet.size(group));
        let mut room: BTreeMap<usize, u32> = self.groups.iter().map(|group| (*group, most(*group))).collect();
        let mut claims: Vec<Claim> = Vec::new();
        for (class, mut count) in without_upcoming(fleet, largest_first(fleet)) {
            let of_class = &fleet.classes[class];
            let fits = |claim: &Claim, group: usize| {
                if !of_class.groups.contains(&group) {
                    return 0;
                }
                of_class.demand.times_in(&allocatable(group).without(&claim.requested))
            };
            let mut at = 0;
            while count > 0 {
                if at == claims.len() {
                    // Each claim takes a place in one of the groups that are left.
                    let is_open = |group: &usize| claims.len() < room.values().sum::<u32>() as usize && room[group] > 0;
                    let options: Vec<usize> = self.groups.iter().copied().filter(|group| is_open(group)).collect();
                    claims.push(Claim { requested: Resources::default(), options });
                }
                let claim = &mut claims[at];
                let most = claim.options.iter().map(|group| fits(claim, *group)).max().unwrap_or(0).min(count);
                if most == 0 {
                    if claim.requested == Resources::default() {
                        claims.pop();
                        break;
                    }
                    at += 1;
                    continue;
                }
                let options = claim.options.iter().copied().filter(|group| fits(claim, *group) >= most).collect();
                claim.requested += of_class.demand.times(most);
                claim.options = options;
                count -= most;
                at += 1;
            }
        }
        let price = |group: usize| fleet.groups[group].spec.per_hour_usd;
        let mut decisions = Vec::new();
        for claim in claims {
            let options = claim.options.into_iter().filter(|group| room[group] > 0);
            let cheapest = options.min_by(|a, b| {
                let size = |group: usize| allocatable(group).cpu_m;
                price(*a).total_cmp(&price(*b)).then(size(*a).cmp(&size(*b)))
            });
            if let Some(group) = cheapest {
                room.entry(group).and_modify(|left| *left -= 1);
                decisions.push(Decision::Add(group));
            }
        }
        decisions
    }

    /// Whether a node may go, as things are; what the others have left is kept in `free`.
    fn may_go(&self, id: NodeId, fleet: &Fleet<'_>, free: &mut Vec<(NodeId, Resources)>) -> bool {
        let Some(node) = fleet.nodes.get(id) else { return false };
        if node.condition != Condition::Ready || fleet.now.since(node.changed) < self.spec.consolidate_after {
            return false;
        }
        let is_underutilized = || self.spec.consolidation_policy == Consolidation::WhenEmptyOrUnderutilized;
        let may = node.pods.is_empty() || is_underutilized() && fleet.fits_elsewhere(id, free);
        if may {
            free.retain(|(other, _)| *other != id);
        }
        may
    }

    /// Nodes that may go, those with the fewest pods first, and no more than the budget allows.
    fn disrupt(&mut self, fleet: &Fleet<'_>) -> Vec<Decision> {
        let mut free: Vec<(NodeId, Resources)> = (fleet.nodes.iter())
            .filter(|(_, node)| node.condition == Condition::Ready)
            .map(|(id, node)| (id, node.free))
            .collect();
        let all: u32 = self.groups.iter().map(|group| fleet.size(*group)).sum();
        let leaving: u32 = self.groups.iter().map(|group| fleet.groups[*group].leaving).sum();
        let budget = (f64::from(all) * self.spec.disruption_budget).ceil() as usize;
        let mut budget = budget.saturating_sub(leaving as usize);
        let mut surplus: BTreeMap<usize, u32> =
            self.groups.iter().map(|group| (*group, fleet.surplus(*group))).collect();
        let mut candidates: Vec<_> =
            fleet.ready(&self.groups).map(|(id, node)| (node.pods.len(), id, node.serial, node.group)).collect();
        candidates.sort_unstable();
        let before = std::mem::take(&mut self.found);
        let (mut decisions, mut moved) = (Vec::new(), false);
        for (pods, id, serial, group) in candidates {
            // One node with pods at a time.
            if budget == 0 || moved && pods > 0 {
                break;
            }
            if surplus[&group] == 0 || !self.may_go(id, fleet, &mut free) {
                continue;
            }
            budget -= 1;
            surplus.entry(group).and_modify(|left| *left -= 1);
            moved |= pods > 0;
            let due = before.get(&(id, serial)).copied().unwrap_or(fleet.now + self.spec.validation_duration);
            if due <= fleet.now {
                decisions.push(Decision::Remove(id, self.spec.termination_grace_period));
            } else {
                self.found.insert((id, serial), due);
            }
        }
        decisions
    }
}

impl NodeAutoscaler for Karpenter {
    fn unschedulable(&mut self, now: SimTime) {
        let first = self.batch.map_or(now, |(first, _)| first);
        self.batch = Some((first, now));
    }

    fn next(&self) -> SimTime {
        let again = self.found.values().copied().min().unwrap_or(SimTime::NEVER);
        self.closes().min(self.poll).min(self.retry).min(again)
    }

    fn decide(&mut self, fleet: &Fleet<'_>) -> Vec<Decision> {
        let mut decisions = Vec::new();
        if self.closes() <= fleet.now || self.retry <= fleet.now {
            (self.batch, self.retry) = (None, SimTime::NEVER);
            if fleet.is_pending() {
                decisions = self.provision(fleet);
                self.retry = fleet.now + RETRY;
            }
        }
        let is_due = self.poll <= fleet.now || self.found.values().any(|due| *due <= fleet.now);
        if self.poll <= fleet.now {
            self.poll = SimTime::NEVER;
        }
        if fleet.may_shrink && is_due && !fleet.is_pending() && decisions.is_empty() {
            decisions = self.disrupt(fleet);
        } else if is_due {
            self.found.clear();
        }
        decisions
    }

    fn changed(&mut self, fleet: &Fleet<'_>) {
        let may_shrink = fleet.may_shrink && self.groups.iter().any(|group| fleet.surplus(*group) > 0);
        if may_shrink && self.poll == SimTime::NEVER {
            let interval = self.spec.poll_interval.as_nanos();
            self.poll = SimTime::from_nanos((fleet.now.as_nanos() / interval + 1).saturating_mul(interval));
        }
    }
}
