//! The ingress in front of a revision: the pod to which it sends a request while the activator is not in the path. The
//! public service then has the pods as its endpoints, and the ingress chooses among them by itself, however busy they
//! are.
//!
//! Kourier leaves the load balancing of its Envoy clusters at the default, round robin (`pkg/envoy/api/cluster.go` of
//! knative-extensions/net-kourier sets none). One gateway with one worker is assumed, because each worker of Envoy has
//! its own rotation.

use rand::RngExt as _;

use crate::id::InstanceId;
use crate::rng::Stream;
use crate::schema::declare::*;

choice! {
    /// How an ingress chooses a pod.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum LoadBalancing {
        #[default]
        "round-robin" => RoundRobin, "Round robin: Kourier, Contour.";
        "least-request" => LeastRequest, "The less busy of two random pods, which may be the same: Istio.";
        "random" => Random, "A random pod: kube-proxy, or many independent gateways.";
    }
}

/// The ingress of one revision. Pods have the same addresses as in the throttler.
#[derive(Debug)]
pub struct Ingress {
    load_balancing: LoadBalancing,
    pods: Vec<InstanceId>,
    /// Requests in progress on each pod.
    in_flight: Vec<u32>,
    next: usize,
}

impl Ingress {
    /// An ingress without pods.
    #[must_use]
    pub fn new(load_balancing: LoadBalancing) -> Self {
        Self { load_balancing, pods: Vec::new(), in_flight: Vec::new(), next: 0 }
    }

    /// A pod becomes ready. It gets the last address.
    pub fn add(&mut self, pod: InstanceId) {
        self.pods.push(pod);
        self.in_flight.push(0);
    }

    /// The pod at `address` is gone; the last pod gets its address.
    pub fn remove(&mut self, address: usize) {
        self.pods.swap_remove(address);
        self.in_flight.swap_remove(address);
    }

    /// The pod for the next request, if there is one.
    pub fn pick(&mut self, stream: &mut Stream) -> Option<InstanceId> {
        let count = self.pods.len();
        if count == 0 {
            return None;
        }
        let address = match self.load_balancing {
            LoadBalancing::RoundRobin => {
                let turn = if self.next < count { self.next } else { 0 };
                self.next = turn + 1;
                turn
            }
            LoadBalancing::LeastRequest => {
                let [first, second] = [stream.random_range(0..count), stream.random_range(0..count)];
                if self.in_flight[second] < self.in_flight[first] { second } else { first }
            }
            LoadBalancing::Random => stream.random_range(0..count),
        };
        Some(self.pods[address])
    }

    /// A request is on its way to the pod at `address`.
    pub fn sent(&mut self, address: usize) {
        self.in_flight[address] += 1;
    }

    /// A request that was sent to the pod at `address` has ended.
    pub fn ended(&mut self, address: usize) {
        self.in_flight[address] -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Streams};

    fn stream() -> Stream {
        Streams::new(1, 0).stream("web", Purpose::Routing)
    }

    fn ingress(load_balancing: LoadBalancing, pods: u64) -> Ingress {
        let mut ingress = Ingress::new(load_balancing);
        (0..pods).for_each(|pod| ingress.add(InstanceId(pod)));
        ingress
    }

    fn picks(ingress: &mut Ingress, count: usize) -> Vec<u64> {
        let mut stream = stream();
        (0..count).filter_map(|_| ingress.pick(&mut stream)).map(|pod| pod.0).collect()
    }

    #[test]
    fn in_turn_whatever_runs_there() {
        let mut ingress = ingress(LoadBalancing::RoundRobin, 3);
        ingress.sent(1);
        assert_eq!(picks(&mut ingress, 4), [0, 1, 2, 0]);
        // The last pod gets the address of the removed one.
        ingress.remove(0);
        assert_eq!(picks(&mut ingress, 3), [1, 2, 1]);
        ingress.remove(1);
        ingress.remove(0);
        assert!(picks(&mut ingress, 3).is_empty());
    }

    #[test]
    fn the_busiest_of_three_is_taken_if_it_is_drawn_twice() {
        let mut ingress = ingress(LoadBalancing::LeastRequest, 3);
        ingress.sent(2);
        ingress.sent(2);
        ingress.ended(2);
        let picked = picks(&mut ingress, 9_000);
        let count = |pod| picked.iter().filter(|it| **it == pod).count();
        // 1/9 and 4/9 of 9,000, and four standard deviations of 30 and 47.
        assert!(count(2).abs_diff(1_000) < 120, "{}", count(2));
        assert!(count(0).abs_diff(4_000) < 190, "{}", count(0));
    }

    #[test]
    fn any_pod_is_as_likely_as_another() {
        let mut ingress = ingress(LoadBalancing::Random, 3);
        (0..5).for_each(|_| ingress.sent(2));
        let found = picks(&mut ingress, 9_000).into_iter().filter(|it| *it == 2).count();
        assert!(found.abs_diff(3_000) < 180, "{found}");
    }
}
