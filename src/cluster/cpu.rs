//! The processors of a node, shared by the pods that compute there: weighted max-min fairness, as the CPU controller of Linux has
//! it. A pod never gets more than it asks for; what it leaves goes to the others, by weight.
//!
//! As long as all of them together cannot ask for more than the node has, nobody is told anything.

use super::Cluster;
use super::node::NodeId;
use super::pods::{Owner, PodId};
use super::resources::Resources;
use crate::time::SimTime;

/// A core, in the units in which its parts are counted: work in a nanosecond. A multiple of a million, so that a millionth of a core
/// is a whole number of them.
pub const CORE: u64 = 1_000_000 << 12;

/// What a pod gets on a node that has enough for all.
pub const UNLIMITED: u64 = u64::MAX;

/// The smallest weight: `cpu.shares` of 2, which Kubernetes gives to a container that requests nothing.
const LEAST_WEIGHT: u64 = 2;

/// How much CPU a pod asks for, in parts of a [`CORE`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// With the requests that it has, when no quota keeps it back.
    pub most: u64,
    /// Now: nothing, while it has used up its quota.
    pub now: u64,
}

/// The pods of a node that compute.
#[derive(Debug, Default)]
pub(super) struct NodeCpu {
    pods: Vec<Share>,
    /// What they can ask for together.
    most: u128,
    /// Whether that is more than there is, so that each pod has its share.
    pub(super) is_short: bool,
    /// Whether shares are going to be computed again at this moment.
    is_announced: bool,
}

#[derive(Clone, Copy, Debug)]
struct Share {
    pod: PodId,
    owner: Owner,
    weight: u64,
    ask: Ask,
    gets: u64,
}

impl NodeCpu {
    /// A pod asks for this much from now on; says whether shares change.
    fn ask(&mut self, pod: PodId, owner: Owner, weight: u64, ask: Ask, capacity: u64) -> bool {
        let place = self.pods.iter().position(|known| known.pod == pod);
        match place {
            Some(place) => {
                self.most -= u128::from(self.pods[place].ask.most);
                if ask.most == 0 {
                    self.pods.remove(place);
                } else {
                    self.pods[place].ask = ask;
                }
            }
            None if ask.most > 0 => self.pods.push(Share { pod, owner, weight, ask, gets: UNLIMITED }),
            None => {}
        }
        self.most += u128::from(ask.most);
        let changes = self.is_short || self.most > u128::from(capacity);
        changes && !std::mem::replace(&mut self.is_announced, true)
    }

    /// Divides the processors anew; says who gets what, of those for whom it changes.
    fn share(&mut self, capacity: u64) -> Vec<(Owner, u64)> {
        self.is_announced = false;
        self.is_short = self.most > u128::from(capacity);
        let before: Vec<u64> = self.pods.iter().map(|share| share.gets).collect();
        if self.is_short {
            fill(&mut self.pods, capacity);
        } else {
            self.pods.iter_mut().for_each(|share| share.gets = UNLIMITED);
        }
        let changed = self.pods.iter().zip(before).filter(|(share, before)| share.gets != *before);
        changed.map(|(share, _)| (share.owner, share.gets)).collect()
    }
}

/// Water-filling: those that ask for least of their weight first, each gets what it asks for, at the most its part by weight of what
/// is left.
fn fill(pods: &mut [Share], capacity: u64) {
    let mut order: Vec<usize> = (0..pods.len()).collect();
    let level = |a: &Share, b: &Share| {
        let of = |ask: u64, weight: u64| u128::from(ask) * u128::from(weight);
        of(a.ask.now, b.weight).cmp(&of(b.ask.now, a.weight))
    };
    order.sort_by(|a, b| level(&pods[*a], &pods[*b]));
    let mut left = u128::from(capacity);
    let mut weights: u128 = pods.iter().map(|share| u128::from(share.weight)).sum();
    for place in order {
        let share = &mut pods[place];
        let part = left * u128::from(share.weight) / weights;
        share.gets = u64::try_from(part).map_or(share.ask.now, |part| part.min(share.ask.now));
        left -= u128::from(share.gets);
        weights -= u128::from(share.weight);
    }
}

/// What a node has, in parts of a [`CORE`].
const fn capacity(allocatable: &Resources) -> u64 {
    allocatable.cpu_m.saturating_mul(CORE / 1000)
}

impl Cluster {
    /// A pod asks for CPU, or for more or less than before; names its node if shares there have to be computed again.
    pub fn ask_for_cpu(&mut self, id: PodId, ask: Ask) -> Option<NodeId> {
        let pod = self.pods.get(id)?;
        let (owner, at) = (pod.owner, pod.node()?);
        let weight = self.classes[pod.class].demand.cpu_m.max(LEAST_WEIGHT);
        let node = self.nodes.get_mut(at)?;
        let capacity = capacity(&node.allocatable);
        node.cpu.ask(id, owner, weight, ask, capacity).then_some(at)
    }

    /// Computes the shares of the pods of a node again: those that change.
    pub fn share_cpu(&mut self, at: NodeId, now: SimTime) -> Vec<(Owner, u64)> {
        let Some(node) = self.nodes.get_mut(at) else { return Vec::new() };
        let was_short = node.cpu.is_short;
        let shares = node.cpu.share(capacity(&node.allocatable));
        if node.cpu.is_short != was_short {
            self.groups[node.group].books.short_of_cpu(node.cpu.is_short, now);
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What pods get that ask for `asks`, each with its weight, in thousandths of a core.
    fn shares(cores_m: u64, pods: &[(u64, u64)]) -> Vec<u64> {
        let of = |(number, &(weight, ask)): (usize, &(u64, u64))| {
            let ask = ask * (CORE / 1000);
            Share { pod: PodId::NIL, owner: Owner(number as u64), weight, ask: Ask { most: ask, now: ask }, gets: 0 }
        };
        let mut all: Vec<Share> = pods.iter().enumerate().map(of).collect();
        fill(&mut all, cores_m * (CORE / 1000));
        all.iter().map(|share| share.gets / (CORE / 1000)).collect()
    }

    #[test]
    fn processors_are_divided_by_weight_and_nobody_gets_more_than_it_asks_for() {
        assert_eq!(shares(1000, &[(1, 1000), (3, 1000)]), [250, 750]);
        assert_eq!(shares(4000, &[(1, 1000), (3, 1000)]), [1000, 1000], "there is enough");
        // The second asks for less than its part: the others divide what it leaves, 1:2.
        assert_eq!(shares(4000, &[(1, 9000), (3, 1000), (2, 9000)]), [1000, 1000, 2000]);
        // What the second leaves makes the third get all that it asks for, too.
        assert_eq!(shares(4000, &[(2, 9000), (3, 500), (2, 1500)]), [2000, 500, 1500]);
        assert_eq!(shares(1000, &[(1, 0), (3, 400)]), [0, 400]);
    }

    #[test]
    fn nobody_is_told_anything_while_there_is_enough() {
        let pods: Vec<PodId> = {
            let mut pods = super::super::pods::Pods::default();
            let pod = |owner| super::super::pods::Pod {
                owner: Owner(owner),
                class: 0,
                start_up: crate::time::Span::ZERO,
                created: SimTime::ZERO,
                placed: SimTime::ZERO,
                place: super::super::pods::Place::Pending(0),
            };
            (0..3).map(|owner| pods.add(pod(owner))).collect()
        };
        let all = |part: u64| Ask { most: part, now: part };
        let mut node = NodeCpu::default();
        assert!(!node.ask(pods[0], Owner(0), 100, all(CORE), 2 * CORE));
        assert!(!node.ask(pods[1], Owner(1), 300, all(CORE), 2 * CORE));
        assert!(node.ask(pods[2], Owner(2), 400, all(CORE), 2 * CORE));
        assert!(!node.ask(pods[2], Owner(2), 400, all(CORE), 2 * CORE), "it has been said");
        let quarter = CORE / 4;
        assert_eq!(node.share(2 * CORE), [(Owner(0), quarter), (Owner(1), 3 * quarter), (Owner(2), CORE)]);
        // The second has used up its quota: the others have enough, and both are told.
        assert!(node.ask(pods[1], Owner(1), 300, Ask { most: CORE, now: 0 }, 2 * CORE));
        assert_eq!(node.share(2 * CORE), [(Owner(0), CORE), (Owner(1), 0)]);
        // It goes: no node is short any more.
        assert!(node.ask(pods[1], Owner(1), 300, all(0), 2 * CORE));
        assert_eq!(node.share(2 * CORE), [(Owner(0), UNLIMITED), (Owner(2), UNLIMITED)]);
        assert!(!node.ask(pods[0], Owner(0), 100, all(0), 2 * CORE));
        assert!(!node.ask(pods[2], Owner(2), 400, all(0), 2 * CORE));
        assert_eq!(node.most, 0);
    }

    proptest! {
        /// Nothing is left over while somebody wants more, and nobody who wants more has less for its weight than another.
        #[test]
        fn shares_are_max_min_fair(
            capacity in 1u64..64 * CORE,
            pods in prop::collection::vec((2u64..64_000, 0u64..9 * CORE), 1..40),
        ) {
            let of = |&(weight, now): &(u64, u64)| {
                Share { pod: PodId::NIL, owner: Owner(0), weight, ask: Ask { most: now, now }, gets: 0 }
            };
            let mut all: Vec<Share> = pods.iter().map(of).collect();
            fill(&mut all, capacity);
            let sum = |of: fn(&Share) -> u64| all.iter().map(|share| u128::from(of(share))).sum::<u128>();
            prop_assert_eq!(sum(|share| share.gets), u128::from(capacity).min(sum(|share| share.ask.now)));
            for a in &all {
                prop_assert!(a.gets <= a.ask.now);
                for b in all.iter().filter(|_| a.gets < a.ask.now) {
                    // Whole units: the parts of two pods are less than one of each apart.
                    let (of_a, of_b) = (u128::from(a.gets + 1) * u128::from(b.weight), u128::from(b.gets) * u128::from(a.weight));
                    prop_assert!(of_b <= of_a + u128::from(a.weight) * pods.len() as u128, "{a:?} {b:?}");
                }
            }
        }
    }
}
