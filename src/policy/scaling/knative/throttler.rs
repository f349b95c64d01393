//! The state of the activator's throttler for one revision: its breaker, its load balancer, and the pods that it knows.
//! One activator stands for all of them, so all pods belong to it.

use std::ops::Range;

use super::activator::{LoadBalancer, Pods, assigned_pods, capacity};
use super::breaker::{Breaker, MAX_CAPACITY};
use crate::bits::Bits;
use crate::id::InstanceId;
use crate::rng::Stream;

/// Queue of an activator beyond [`MAX_CAPACITY`].
const QUEUE_DEPTH: u64 = 10_000;

/// The throttler of one revision. Requests wait in the engine's queue: here, slots are only taken and given back.
#[derive(Debug)]
pub struct Throttler {
    limit: u64,
    breaker: Breaker<()>,
    balancer: LoadBalancer,
    fleet: Fleet,
}

/// The ready pods, in the order of their addresses. A new one comes last; when one in the middle is removed, the last
/// takes its place, because the order does not matter.
#[derive(Debug)]
struct Fleet {
    limit: u64,
    pods: Vec<InstanceId>,
    /// Requests of this activator on each pod.
    in_flight: Vec<u64>,
    /// Pods with fewer requests than the limit.
    free: Bits,
}

impl Throttler {
    /// A throttler for container concurrency `limit` (0: none), without pods.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        let limit = u64::from(limit);
        let fleet = Fleet { limit, pods: Vec::new(), in_flight: Vec::new(), free: Bits::default() };
        let breaker = Breaker::new(QUEUE_DEPTH, MAX_CAPACITY, 0);
        Self { limit, breaker, balancer: LoadBalancer::for_limit(limit), fleet }
    }

    /// A pod becomes ready; returns its address.
    pub fn add(&mut self, pod: InstanceId) -> usize {
        self.fleet.pods.push(pod);
        self.fleet.in_flight.push(0);
        let address = self.fleet.pods.len() - 1;
        self.fleet.free.set(address, true);
        self.update_capacity();
        address
    }

    /// The pod at `address` is gone; returns the one that now has its address, if any. Requests of this activator on it
    /// keep their slots until they end.
    pub fn remove(&mut self, address: usize) -> Option<InstanceId> {
        let last = self.fleet.pods.len() - 1;
        self.fleet.pods.swap_remove(address);
        self.fleet.in_flight.swap_remove(address);
        self.fleet.free.set(last, false);
        if address < last {
            self.fleet.show(address);
        }
        self.update_capacity();
        self.fleet.pods.get(address).copied()
    }

    /// Lets a request through to a pod, if there is a slot.
    pub fn acquire(&mut self, stream: &mut Stream) -> Option<InstanceId> {
        if !self.breaker.reserve() {
            return None;
        }
        let Some(address) = self.balancer.pick(&self.fleet, self.limit, stream) else {
            self.breaker.finish();
            return None;
        };
        self.fleet.in_flight[address] += 1;
        self.fleet.show(address);
        Some(self.fleet.pods[address])
    }

    /// A request that was let through has ended; `address`: that of its pod, if it still exists.
    pub fn release(&mut self, address: Option<usize>) {
        self.breaker.finish();
        if let Some(address) = address {
            self.fleet.in_flight[address] -= 1;
            self.fleet.show(address);
        }
    }

    fn update_capacity(&mut self) {
        let pods = self.fleet.pods.len();
        let assigned = assigned_pods(pods, Some(0), 1).len() as u64;
        self.breaker.set_capacity(capacity(self.limit, pods as u64, assigned, 1));
    }
}

impl Fleet {
    /// Updates whether the pod at an address has a free slot.
    fn show(&mut self, address: usize) {
        let is_free = self.limit == 0 || self.in_flight[address] < self.limit;
        self.free.set(address, is_free);
    }
}

impl Pods for Fleet {
    fn count(&self) -> usize {
        self.pods.len()
    }

    fn in_flight(&self, pod: usize) -> u64 {
        self.in_flight[pod]
    }

    fn first_free(&self, pods: Range<usize>, _limit: u64) -> Option<usize> {
        self.free.first_in(pods)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::rng::{Purpose, Streams};

    fn stream() -> Stream {
        Streams::new(1, 0).stream("web", Purpose::Routing)
    }

    #[test]
    fn as_many_as_the_pods_have_slots() {
        let (mut throttler, mut stream) = (Throttler::new(2), stream());
        assert_eq!(throttler.acquire(&mut stream), None);
        let pods = [7, 9].map(|id| throttler.add(InstanceId(id)));
        let got: Vec<_> = (0..5).map(|_| throttler.acquire(&mut stream).map(|pod| pod.0)).collect();
        assert_eq!(got, [Some(7), Some(7), Some(9), Some(9), None]);
        throttler.release(Some(pods[1]));
        assert_eq!(throttler.acquire(&mut stream), Some(InstanceId(9)));
        // Without the first pod there are two slots, while three requests are still in progress.
        assert_eq!(throttler.remove(pods[0]), Some(InstanceId(9)));
        throttler.release(None);
        throttler.release(None);
        assert_eq!(throttler.acquire(&mut stream), None);
        throttler.release(Some(0));
        assert_eq!(throttler.acquire(&mut stream), Some(InstanceId(9)));
    }

    proptest! {
        /// With its index of free pods, it picks the same as a load balancer that checks every pod.
        #[test]
        fn the_index_changes_nothing(limit in 1_u32..6, steps in prop::collection::vec((0_u8..8, any::<usize>()), 0..300)) {
            let (mut throttler, mut stream) = (Throttler::new(limit), stream());
            let mut balancer = LoadBalancer::for_limit(u64::from(limit));
            let (mut pods, mut in_flight): (Vec<InstanceId>, Vec<u64>) = (Vec::new(), Vec::new());
            let mut on: BTreeMap<usize, InstanceId> = BTreeMap::new();
            let mut same = self::stream();
            for (number, (step, choice)) in steps.into_iter().enumerate() {
                match step {
                    0 => {
                        let pod = InstanceId(number as u64);
                        prop_assert_eq!(throttler.add(pod), pods.len());
                        pods.push(pod);
                        in_flight.push(0);
                    }
                    1 if !pods.is_empty() => {
                        let address = choice % pods.len();
                        pods.swap_remove(address);
                        in_flight.swap_remove(address);
                        prop_assert_eq!(throttler.remove(address), pods.get(address).copied());
                    }
                    2 | 3 if !on.is_empty() => {
                        let request = *on.keys().nth(choice % on.len()).expect("one of them");
                        let pod = on.remove(&request);
                        let address = pods.iter().position(|it| Some(*it) == pod);
                        address.into_iter().for_each(|address| in_flight[address] -= 1);
                        throttler.release(address);
                    }
                    _ => {
                        let has_capacity = (on.len() as u64) < u64::from(limit) * pods.len() as u64;
                        let address = has_capacity.then(|| balancer.pick(&in_flight, u64::from(limit), &mut same));
                        let address = address.flatten();
                        address.into_iter().for_each(|address| in_flight[address] += 1);
                        let pod = address.map(|address| pods[address]);
                        prop_assert_eq!(throttler.acquire(&mut stream), pod);
                        on.extend(pod.map(|pod| (number, pod)));
                    }
                }
            }
        }
    }
}
