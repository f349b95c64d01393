//! The activator's throttler: how much it lets through, which pods belong to it, and which of them serves next.

use std::ops::Range;

use rand::RngExt;

use super::breaker::MAX_CAPACITY;
use crate::rng::Stream;

/// How many requests one of `activators` activators lets through to a revision at once, with container concurrency
/// `limit` (0: none), `backends` pods in the cluster and `assigned` pods that it addresses directly (0: it goes through
/// the cluster's address).
///
/// Source: `calculateCapacity` in `pkg/activator/net/throttler.go` of knative/serving.
#[must_use]
pub fn capacity(limit: u64, backends: u64, assigned: u64, activators: u64) -> u64 {
    let wanted = if assigned > 0 {
        limit.saturating_mul(assigned)
    } else {
        let whole = limit.saturating_mul(backends);
        if whole == 0 { 0 } else { (whole / activators.max(1)).max(1) }
    };
    if backends > 0 && (limit == 0 || wanted > MAX_CAPACITY) { MAX_CAPACITY } else { wanted }
}

/// Which of `pods` pods, in the order of their addresses, belong to activator `index` of `activators` when the revision
/// limits concurrency (otherwise all belong to all). An activator without an index among them gets all.
///
/// Source: `assignSlice` in `pkg/activator/net/throttler.go` of knative/serving.
#[must_use]
pub fn assigned_pods(pods: usize, index: Option<usize>, activators: usize) -> Vec<usize> {
    let Some(index) = index.filter(|index| pods > 1 && activators > 1 && *index < activators) else {
        return (0..pods).collect();
    };
    if activators > pods {
        return vec![index % pods];
    }
    let block = pods / activators;
    let remainder = pods % activators;
    let mut assigned: Vec<usize> = (index * block..(index + 1) * block).filter(|pod| *pod < pods).collect();
    if index < remainder {
        assigned.push(pods - remainder + index);
    }
    assigned
}

/// The pods that a [`LoadBalancer`] picks from, in the order of their addresses. A list of the requests on each pod is
/// one implementation.
pub trait Pods {
    /// Number of pods.
    fn count(&self) -> usize;

    /// Requests on a pod.
    fn in_flight(&self, pod: usize) -> u64;

    /// The first pod of some of them with fewer requests than `limit`.
    fn first_free(&self, pods: Range<usize>, limit: u64) -> Option<usize>;
}

impl<T: AsRef<[u64]> + ?Sized> Pods for T {
    fn count(&self) -> usize {
        self.as_ref().len()
    }

    fn in_flight(&self, pod: usize) -> u64 {
        self.as_ref()[pod]
    }

    fn first_free(&self, mut pods: Range<usize>, limit: u64) -> Option<usize> {
        pods.find(|pod| self.in_flight(*pod) < limit)
    }
}

/// Which pod serves the next request. In flight means requests of this activator.
///
/// Source: `pkg/activator/net/lb_policy.go` of knative/serving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadBalancer {
    /// Without a concurrency limit: the less busy of two at random.
    RandomChoiceOfTwo,
    /// Up to a limit of 3: the first pod with a free slot, in the order of addresses.
    FirstAvailable,
    /// With a limit of 4 or more: round robin, skipping full pods.
    RoundRobin {
        /// The pod after the last one picked.
        next: usize,
    },
}

impl LoadBalancer {
    /// The policy for container concurrency `limit`.
    #[must_use]
    pub fn for_limit(limit: u64) -> Self {
        match limit {
            0 => Self::RandomChoiceOfTwo,
            1..=3 => Self::FirstAvailable,
            _ => Self::RoundRobin { next: 0 },
        }
    }

    /// The pod for the next request, given the requests in flight on each and the `limit` of each; `None` if all are
    /// full.
    pub fn pick(&mut self, pods: &(impl Pods + ?Sized), limit: u64, stream: &mut Stream) -> Option<usize> {
        match self {
            Self::RandomChoiceOfTwo => pick_of_two(pods, stream),
            Self::FirstAvailable => pods.first_free(0..pods.count(), limit),
            Self::RoundRobin { next } => {
                let start = if *next >= pods.count() { 0 } else { *next };
                let pod = pods.first_free(start..pods.count(), limit).or_else(|| pods.first_free(0..start, limit));
                *next = pod.map_or(start, |pod| pod + 1);
                pod
            }
        }
    }
}

fn pick_of_two(pods: &(impl Pods + ?Sized), stream: &mut Stream) -> Option<usize> {
    let (first, second) = match pods.count() {
        0 => return None,
        1 => return Some(0),
        2 => (0, 1),
        pods => {
            let first = stream.random_range(0..pods);
            let second = stream.random_range(0..pods - 1);
            (first, if second >= first { second + 1 } else { second })
        }
    };
    Some(match pods.in_flight(first).cmp(&pods.in_flight(second)) {
        std::cmp::Ordering::Less => first,
        std::cmp::Ordering::Greater => second,
        std::cmp::Ordering::Equal => {
            if stream.random() {
                first
            } else {
                second
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Streams};

    fn stream() -> Stream {
        Streams::new(1, 0).stream("web", Purpose::Policy)
    }

    #[test]
    fn capacity_with_and_without_pod_addresses() {
        for (limit, backends, assigned, activators, expected) in [
            (0, 0, 0, 1, 0),
            (0, 2, 2, 1, MAX_CAPACITY),
            (10, 3, 2, 5, 20),
            (10, 3, 0, 2, 15),
            (1, 2, 0, 40, 1),
            (10, 0, 0, 2, 0),
            (MAX_CAPACITY, 2, 2, 1, MAX_CAPACITY),
        ] {
            assert_eq!(capacity(limit, backends, assigned, activators), expected, "{limit} {backends} {assigned}");
        }
    }

    #[test]
    fn every_pod_belongs_to_one_activator() {
        assert_eq!(assigned_pods(5, Some(0), 3), [0, 3]);
        assert_eq!(assigned_pods(5, Some(1), 3), [1, 4]);
        assert_eq!(assigned_pods(5, Some(2), 3), [2]);
        assert_eq!(assigned_pods(3, Some(4), 5), [1]);
        assert_eq!(assigned_pods(3, None, 5), [0, 1, 2]);
        for (pods, activators) in [(10, 3), (10, 10), (11, 4), (2, 2)] {
            let mut all: Vec<_> = (0..activators).flat_map(|i| assigned_pods(pods, Some(i), activators)).collect();
            all.sort_unstable();
            assert_eq!(all, (0..pods).collect::<Vec<_>>(), "{pods} {activators}");
        }
    }

    #[test]
    fn round_robin_skips_full_pods() {
        let mut balancer = LoadBalancer::for_limit(4);
        let mut stream = stream();
        assert_eq!(balancer.pick(&[0, 4, 0], 4, &mut stream), Some(0));
        assert_eq!(balancer.pick(&[1, 4, 0], 4, &mut stream), Some(2));
        assert_eq!(balancer.pick(&[1, 4, 1], 4, &mut stream), Some(0));
        assert_eq!(balancer.pick(&[4, 4, 4], 4, &mut stream), None);
    }

    #[test]
    fn the_first_with_a_free_slot() {
        assert_eq!(LoadBalancer::for_limit(2).pick(&[2, 1, 0], 2, &mut stream()), Some(1));
    }

    #[test]
    fn the_less_busy_of_two() {
        let mut balancer = LoadBalancer::for_limit(0);
        let mut stream = stream();
        assert_eq!(balancer.pick(&[], 0, &mut stream), None);
        assert_eq!(balancer.pick(&[7], 0, &mut stream), Some(0));
        assert_eq!(balancer.pick(&[7, 6], 0, &mut stream), Some(1));
        // The busiest of many is never picked; a tie of two goes both ways.
        assert!((0..200).all(|_| balancer.pick(&[9, 1, 1, 1], 0, &mut stream) != Some(0)));
        let ties: Vec<_> = (0..200).filter_map(|_| balancer.pick(&[3, 3], 0, &mut stream)).collect();
        assert!(ties.contains(&0) && ties.contains(&1));
    }
}
