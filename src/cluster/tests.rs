//! Clusters step by step, without an engine.

use super::autoscaler::{ClusterAutoscalerSpec, KarpenterSpec};
use super::parameters::{OverheadSpec, SpotSpec};
use super::*;
use proptest::prelude::*;
use std::sync::Arc;

fn at(secs: f64) -> SimTime {
    SimTime::ZERO + Span::from_secs_f64(secs).expect("a time")
}

/// A group of nodes without any.
pub(super) fn group(name: &str, cpu: f64, memory: u32) -> NodeGroupSpec {
    NodeGroupSpec {
        name: name.to_owned(),
        cpu,
        memory,
        gpu: 0.0,
        pods_max: 110,
        overhead: OverheadSpec { cpu: 0.0, memory: None },
        count: None,
        min: None,
        max: Some(100),
        autoscaler: AutoscalerSpec::nothing(),
        boot: None,
        per_hour_usd: 0.0,
        zone: None,
        image_cache: None,
        spot: None,
    }
}

fn class(name: &str, cpu_m: u64, memory_mb: u64) -> Class {
    let demand = Resources { cpu_m, memory_mb, gpu_m: 0, pods: 1 };
    Class { name: name.to_owned(), demand, groups: vec![0], image: None, shares_cpu: false }
}

/// A cluster with a clock; pods are numbered in the order in which they are made.
struct Bench {
    cluster: Cluster,
    now: SimTime,
    pods: Vec<PodId>,
    /// What was said, and when (s).
    said: Vec<(f64, Notice)>,
}

impl Bench {
    fn new(groups: &[(NodeGroupSpec, f64)], classes: &[Class], policy: PlacementRule) -> Self {
        let boot = |secs: f64| Dist::Constant(Span::from_secs_f64(secs).expect("a time"));
        let setup = Setup {
            groups: groups.iter().map(|(spec, secs)| NodeGroup { spec: spec.clone(), boot: boot(*secs) }).collect(),
            classes: classes.to_vec(),
            placement: PlacementSpec { policy, ..PlacementSpec::standard() },
            registry: RegistrySpec::standard(),
            measured: Measured { from: SimTime::ZERO, until: at(100_000.0) },
        };
        let cluster = Cluster::new(&setup, &Streams::new(1, 0));
        Self { cluster, now: SimTime::ZERO, pods: Vec::new(), said: Vec::new() }
    }

    fn hear(&mut self) {
        self.cluster.apply_changes(self.now);
        while let Some(notice) = self.cluster.take() {
            self.said.push((self.now.since(SimTime::ZERO).as_secs_f64(), notice));
        }
        self.check();
    }

    /// Lets time pass, and wakes the cluster whenever it wants to be.
    fn until(&mut self, secs: f64) {
        while self.cluster.next() <= at(secs) {
            self.now = self.cluster.next();
            self.cluster.wake(self.now);
            self.hear();
        }
        self.now = at(secs);
    }

    /// A pod is made; says the place of its node, if it has one.
    fn add(&mut self, class: usize) -> Option<u32> {
        let owner = Owner(self.pods.len() as u64);
        let (pod, _) = self.cluster.add(class, owner, Span::from_secs(1), self.now);
        self.pods.push(pod);
        self.hear();
        self.node_of(self.pods.len() - 1)
    }

    fn remove(&mut self, number: usize) {
        self.cluster.remove(self.pods[number], self.now);
        self.hear();
    }

    fn node_of(&self, number: usize) -> Option<u32> {
        match self.cluster.pods.get(self.pods[number])?.place {
            Place::Pending(_) => None,
            Place::Pulling(node) | Place::On(node) => Some(node.0),
        }
    }

    /// When pods began to start that had to wait: (number, s).
    fn begun(&self) -> Vec<(u64, f64)> {
        let begun = |(secs, notice): &(f64, Notice)| match notice {
            Notice::Begins(owner, _) => Some((owner.0, *secs)),
            _ => None,
        };
        self.said.iter().filter_map(begun).collect()
    }

    fn nodes(&self) -> u32 {
        self.cluster.groups.iter().map(|group| group.nodes).sum()
    }

    /// No node has more than fits; what is on nodes and what waits is what there is; what is counted adds up.
    fn check(&self) {
        let cluster = &self.cluster;
        let mut on_nodes = 0;
        for (_, node) in cluster.nodes.iter() {
            let mut sum = Resources::default();
            for pod in &node.pods {
                sum += cluster.classes[cluster.pods.get(*pod).expect("a pod").class].demand;
            }
            assert!(sum.fits_in(&node.allocatable), "{sum:?} on {:?}", node.allocatable);
            assert_eq!(node.requested(), sum);
            on_nodes += node.pods.len();
        }
        let pending: u64 = (0..cluster.classes.len()).map(|class| cluster.pending.count(class)).sum();
        assert_eq!(on_nodes as u64 + pending, cluster.pods.len() as u64);
        let sum = |of: fn(&GroupBooks) -> u64| cluster.groups.iter().map(|group| of(&group.books)).sum::<u64>();
        let (created, placed) = (sum(|books| books.counts.created), sum(|books| books.counts.placed));
        let (withdrawn, waiting) = (sum(|books| books.counts.withdrawn), sum(GroupBooks::pending_now));
        assert_eq!(created, placed + withdrawn + waiting, "pods are conserved");
        assert_eq!(waiting, pending);
    }
}

fn fixed(count: u32) -> NodeGroupSpec {
    NodeGroupSpec { count: Some(count), max: None, ..group("fixed", 4.0, 8192) }
}

/// The nodes that eight pods of one vCPU and 1 GB get, of two with 4 vCPUs and 8 GB.
fn eight_on_two(policy: PlacementRule) -> Vec<u32> {
    let mut bench = Bench::new(&[(fixed(2), 0.0)], &[class("f", 1000, 1024)], policy);
    (0..8).map(|_| bench.add(0).expect("a node")).collect()
}

#[test]
fn least_allocated_alternates_and_most_allocated_fills() {
    let spread = eight_on_two(PlacementRule::LeastAllocated);
    for pair in spread.chunks(2) {
        assert_ne!(pair[0], pair[1], "{spread:?}");
    }
    let packed = eight_on_two(PlacementRule::MostAllocated);
    // Of empty nodes any is taken, and what spreads pods over nodes has its say until one of them is fuller.
    assert_eq!(packed.iter().filter(|node| **node == packed[0]).count(), 4, "{packed:?}");
    assert_eq!(eight_on_two(PlacementRule::FirstFit), [0, 0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(eight_on_two(PlacementRule::BestFit), [0, 0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(eight_on_two(PlacementRule::RoundRobin), [0, 1, 0, 1, 0, 1, 0, 1]);
    let random = eight_on_two(PlacementRule::Random);
    assert_eq!(random.iter().filter(|node| **node == 0).count(), 4, "{random:?}");
}

/// Best fit takes the gap that fits, not the first: node 0 has 3 vCPUs left, node 1 has 1.
#[test]
fn best_fit_takes_the_smallest_gap() {
    let classes = [class("large", 3000, 1024), class("small", 1000, 1024)];
    let mut bench = Bench::new(&[(fixed(2), 0.0)], &classes, PlacementRule::BestFit);
    assert_eq!([bench.add(1), bench.add(0), bench.add(1)], [Some(0), Some(0), Some(1)]);
    assert_eq!([bench.add(0), bench.add(0)], [Some(1), None]);
}

/// Five nodes with room for two each: the home node, then steps of one size, which is one of 1, 2, 3.
#[test]
fn the_home_node_is_filled_first_and_then_those_a_step_away() {
    let mut bench = Bench::new(&[(fixed(5), 0.0)], &[class("checkout", 2000, 1024)], PlacementRule::Hash);
    let nodes: Vec<u32> = (0..10).map(|_| bench.add(0).expect("a node")).collect();
    let step = (nodes[2] + 5 - nodes[0]) % 5;
    let expected: Vec<u32> = (0..10).map(|pod| (nodes[0] + pod / 2 * step) % 5).collect();
    assert_eq!(nodes, expected);
    assert!([1, 2, 3].contains(&step), "{step}");
}

/// Two nodes of 4 vCPUs in zones a and b and one in a: a service is spread over zones too.
#[test]
fn pods_of_a_service_are_spread_over_zones() {
    let zoned =
        |name: &str, zone: &str| NodeGroupSpec { zone: Some(zone.to_owned()), name: name.to_owned(), ..fixed(1) };
    let groups = [(zoned("a1", "a"), 0.0), (zoned("a2", "a"), 0.0), (zoned("b", "b"), 0.0)];
    let anywhere = Class { groups: vec![0, 1, 2], ..class("f", 100, 128) };
    let mut bench = Bench::new(&groups, &[anywhere], PlacementRule::LeastAllocated);
    let mut of_node = [0; 3];
    for _ in 0..24 {
        of_node[bench.add(0).expect("a node") as usize] += 1;
    }
    // Without zones it would be 8 each.
    assert!(of_node[2] > 8 && of_node[2] <= 12, "{of_node:?}");
}

#[test]
fn pods_wait_in_order_and_small_ones_pass() {
    let classes = [class("large", 3000, 1024), class("small", 1000, 1024)];
    let mut bench = Bench::new(&[(fixed(1), 0.0)], &classes, PlacementRule::FirstFit);
    assert_eq!(bench.add(0), Some(0));
    assert_eq!([bench.add(0), bench.add(0)], [None, None]);
    assert_eq!(bench.add(1), Some(0), "it fits beside the large one");
    bench.now = at(5.0);
    bench.remove(3);
    assert_eq!(bench.begun(), [], "no large one fits in its place");
    bench.now = at(7.0);
    bench.remove(0);
    assert_eq!(bench.begun(), [(1, 7.0)]);
    bench.remove(2);
    let books = &bench.cluster.groups[0].books;
    assert_eq!((books.counts.withdrawn, books.pending_now()), (1, 0));
    assert_eq!(books.counts.short_of, [2, 0, 0, 0, 0], "CPU");
}

/// hosts.md: a pod is pending at 3 s, the scan is at 10 s, and the node boots for 180 s. The pod goes at 200 s; the node is
/// not needed from the scan at 210 s on, and goes 600 s later, which is more than 600 s after it was added.
#[test]
fn the_cluster_autoscaler_in_time() {
    let autoscaled =
        NodeGroupSpec { autoscaler: autoscaler(&ClusterAutoscalerSpec::standard()), ..group("ca", 4.0, 8192) };
    let mut bench = Bench::new(&[(autoscaled, 180.0)], &[class("f", 1000, 1024)], PlacementRule::LeastAllocated);
    bench.until(3.0);
    assert_eq!(bench.add(0), None);
    bench.until(9.9);
    assert_eq!(bench.nodes(), 0);
    bench.until(10.0);
    assert_eq!(bench.nodes(), 1);
    bench.until(189.9);
    assert_eq!(bench.begun(), []);
    bench.until(200.0);
    assert_eq!(bench.begun(), [(0, 190.0)]);
    bench.remove(0);
    bench.until(809.9);
    assert_eq!(bench.nodes(), 1);
    bench.until(810.0);
    assert_eq!(bench.nodes(), 0);
    assert_eq!(bench.cluster.next(), SimTime::NEVER, "nothing is left to be done");
    let books = bench.cluster.close(at(100_000.0)).remove(0);
    assert_eq!(books.get("node_seconds"), Some(800.0));
    assert_eq!(books.get("pending_s.max").map(|secs| (secs / 187.0 - 1.0).abs() < 0.01), Some(true));
}

/// A node that is added late is kept for `scale-down-delay-after-add`, though it is not needed for long.
#[test]
fn the_cluster_autoscaler_keeps_nodes_after_it_added_one() {
    let autoscaled =
        NodeGroupSpec { autoscaler: autoscaler(&ClusterAutoscalerSpec::standard()), ..group("ca", 4.0, 8192) };
    let mut bench = Bench::new(&[(autoscaled, 0.0)], &[class("f", 4000, 1024)], PlacementRule::FirstFit);
    bench.add(0);
    bench.until(100.0);
    bench.remove(0);
    // Not needed from 110 s on. Another node is added at 400 s.
    bench.until(395.0);
    bench.add(0);
    assert_eq!(bench.node_of(1), Some(0), "the empty node takes it");
    bench.add(0);
    bench.until(500.0);
    assert_eq!((bench.nodes(), bench.node_of(2)), (2, Some(1)));
    bench.remove(1);
    bench.until(1109.9);
    assert_eq!(bench.nodes(), 2, "not needed since 510 s");
    bench.until(1110.0);
    assert_eq!(bench.nodes(), 1);
}

/// Pods that fit on nodes that boot need no other, and as many nodes come as pods need: five of 2 vCPUs on nodes of 4.
#[test]
fn the_cluster_autoscaler_counts_upcoming_nodes() {
    let autoscaled =
        NodeGroupSpec { autoscaler: autoscaler(&ClusterAutoscalerSpec::standard()), ..group("ca", 4.0, 8192) };
    let mut bench = Bench::new(&[(autoscaled, 60.0)], &[class("f", 2000, 1024)], PlacementRule::FirstFit);
    (0..5).for_each(|_| assert_eq!(bench.add(0), None));
    bench.until(10.0);
    assert_eq!(bench.nodes(), 3);
    bench.add(0);
    bench.until(30.0);
    assert_eq!(bench.nodes(), 3, "the sixth has a place on the third");
    bench.add(0);
    bench.until(40.0);
    assert_eq!(bench.nodes(), 4);
}

/// Two groups: a pod of 3 vCPUs and 3 GB on a node of 4 and 4 GB wastes a quarter of each, on one of 16 and 64 GB nearly all.
#[test]
fn the_expander_wastes_least() {
    let spec = ClusterAutoscalerSpec::standard();
    let of = |name: &str, cpu, memory| NodeGroupSpec { autoscaler: autoscaler(&spec), ..group(name, cpu, memory) };
    let groups = [(of("large", 16.0, 65_536), 0.0), (of("small", 4.0, 4096), 0.0)];
    let anywhere = Class { groups: vec![0, 1], ..class("f", 3000, 3072) };
    let mut bench = Bench::new(&groups, &[anywhere], PlacementRule::FirstFit);
    bench.add(0);
    bench.until(10.0);
    assert_eq!(bench.cluster.groups.iter().map(|group| group.nodes).collect::<Vec<_>>(), [0, 1]);
}

fn karpenter(groups: &[(&str, f64, u32, f64)]) -> Bench {
    let autoscaler = AutoscalerSpec::Karpenter(Box::new(KarpenterSpec::standard()));
    let groups: Vec<(NodeGroupSpec, f64)> = (groups.iter())
        .map(|(name, cpu, memory, per_hour_usd)| {
            let spec = group(name, *cpu, *memory);
            (NodeGroupSpec { autoscaler: autoscaler.clone(), per_hour_usd: *per_hour_usd, ..spec }, 40.0)
        })
        .collect();
    let anywhere = Class { groups: (0..groups.len()).collect(), ..class("f", 1000, 1024) };
    Bench::new(&groups, &[anywhere], PlacementRule::FirstFit)
}

/// hosts.md: pods at 0, 0.5 and 1.2 s are one batch, which closes at 2.2 s; a stream of one every 0.9 s closes at 10 s.
#[test]
fn karpenter_batches() {
    let mut bench = karpenter(&[("k", 4.0, 8192, 0.2)]);
    for secs in [0.0, 0.5, 1.2] {
        bench.until(secs);
        bench.add(0);
    }
    bench.until(2.19);
    assert_eq!(bench.nodes(), 0);
    bench.until(2.2);
    assert_eq!(bench.nodes(), 1, "one for all three");
    bench.until(100.0);
    assert_eq!(bench.begun(), [(0, 42.2), (1, 42.2), (2, 42.2)]);

    let mut bench = karpenter(&[("k", 1.0, 8192, 0.2)]);
    for number in 0..12 {
        bench.until(f64::from(number) * 0.9);
        bench.add(0);
    }
    // The twelfth pod came at 9.9 s; ten seconds after the first the batch closes.
    assert_eq!(bench.nodes(), 0);
    bench.until(10.0);
    assert_eq!(bench.nodes(), 12);
}

/// Six pods of one vCPU: one node of 8 at $0.30 costs less than two of 4 at $0.20; two pods fit the cheapest, of 2 at $0.10.
#[test]
fn karpenter_takes_the_cheapest_node_that_holds_the_batch() {
    let groups = [("small", 2.0, 8192, 0.1), ("medium", 4.0, 16_384, 0.2), ("large", 8.0, 32_768, 0.3)];
    let of_each = |bench: &Bench| bench.cluster.groups.iter().map(|group| group.nodes).collect::<Vec<_>>();
    let mut bench = karpenter(&groups);
    (0..6).for_each(|_| assert_eq!(bench.add(0), None));
    bench.until(5.0);
    assert_eq!(of_each(&bench), [0, 0, 1]);
    let mut bench = karpenter(&groups);
    (0..2).for_each(|_| assert_eq!(bench.add(0), None));
    bench.until(5.0);
    assert_eq!(of_each(&bench), [1, 0, 0]);
}

/// An empty node is found at the next poll and goes 15 s later.
#[test]
fn karpenter_removes_empty_nodes() {
    let mut bench = karpenter(&[("k", 4.0, 8192, 0.2)]);
    bench.add(0);
    bench.until(101.0);
    bench.remove(0);
    bench.until(124.9);
    assert_eq!(bench.nodes(), 1);
    bench.until(125.0);
    assert_eq!(bench.nodes(), 0);
}

/// Two nodes with one pod each: one of them is emptied, and its pod is told to go.
#[test]
fn karpenter_consolidates() {
    let mut bench = karpenter(&[("k", 2.0, 8192, 0.2)]);
    (0..4).for_each(|_| assert_eq!(bench.add(0), None));
    bench.until(100.0);
    assert_eq!(bench.nodes(), 2);
    bench.remove(0);
    bench.remove(3);
    bench.until(130.0);
    let drains: Vec<u64> = bench
        .said
        .iter()
        .filter_map(|(_, notice)| match notice {
            Notice::Drains(owner) => Some(owner.0),
            _ => None,
        })
        .collect();
    assert_eq!(drains.len(), 1, "{:?}", bench.said);
    bench.remove(drains[0] as usize);
    assert_eq!(bench.nodes(), 1);
    assert!(bench.add(0).is_some(), "on the other one");
}

fn autoscaler(spec: &ClusterAutoscalerSpec) -> AutoscalerSpec {
    AutoscalerSpec::ClusterAutoscaler(Box::new(spec.clone()))
}

/// Three pods with images of their own on one node: 300 MB at 100 MB/s, one after the other.
#[test]
fn pods_wait_for_their_images() {
    let image = |id| Image { id, size_mb: 300, layers: Arc::default() };
    let with_image = |id| Class { image: Some(image(id)), ..class("f", 100, 128) };
    let classes = [with_image(0), with_image(1), with_image(2)];
    let mut bench = Bench::new(&[(fixed(1), 0.0)], &classes, PlacementRule::LeastAllocated);
    (0..3).for_each(|class| assert_eq!(bench.add(class), Some(0)));
    bench.add(0);
    bench.until(20.0);
    assert_eq!(bench.begun(), [(0, 3.0), (3, 3.0), (1, 6.0), (2, 9.0)]);
    let (_, begins) = bench.cluster.add(1, Owner(9), Span::ZERO, at(20.0));
    assert!(begins, "the image is there");
}

/// A spot node gets two minutes' notice; another one boots meanwhile, and what still runs is lost with it.
#[test]
fn spot_nodes_are_taken_back() {
    let spot = SpotSpec { interruptions: 1.0 / 3600.0, notice: Span::from_secs(120) };
    let mut bench = Bench::new(
        &[(NodeGroupSpec { spot: Some(spot), ..fixed(1) }, 60.0)],
        &[class("f", 100, 128)],
        PlacementRule::FirstFit,
    );
    bench.add(0);
    while bench.said.is_empty() {
        bench.until(bench.cluster.next().since(SimTime::ZERO).as_secs_f64());
    }
    let told = bench.said[0].0;
    assert_eq!((bench.said[0].1, bench.nodes()), (Notice::Drains(Owner(0)), 2));
    bench.until(told + 121.0);
    assert_eq!(bench.said.get(1).map(|(secs, notice)| (secs - told, *notice)), Some((120.0, Notice::Lost(Owner(0)))));
    bench.remove(0);
    assert_eq!(bench.nodes(), 1);
}

/// hosts.md: a node that fails is found out after 50 s, when another one boots in its place; its pods are given up after 300 s more.
#[test]
fn failed_nodes_are_found_out() {
    let mut bench = Bench::new(&[(fixed(1), 60.0)], &[class("f", 100, 128)], PlacementRule::FirstFit);
    bench.add(0);
    bench.until(100.0);
    bench.cluster.fail(&[0], Failure::Outage(true), bench.now);
    bench.cluster.fail(&[0], Failure::Outage(false), bench.now);
    bench.hear();
    assert_eq!(bench.add(0), None, "a node that has failed takes no pods");
    bench.until(1000.0);
    let owner = Owner(0);
    let expected = [
        (100.0, Notice::Fails(owner)),
        (150.0, Notice::Unreachable(owner)),
        (210.0, Notice::Begins(Owner(1), Span::from_secs(1))),
        (450.0, Notice::Lost(owner)),
    ];
    assert_eq!(bench.said, expected);
    bench.remove(0);
    assert_eq!(bench.nodes(), 1);
}

/// Ten nodes that crash once in 1000 s each for 10,000 s, and are replaced at once: 100 crashes, standard deviation 10, of which four
/// are allowed.
#[test]
fn nodes_crash_at_their_rate() {
    let mut bench = Bench::new(&[(fixed(10), 0.0)], &[class("f", 100, 128)], PlacementRule::FirstFit);
    bench.cluster.fail(&[0], Failure::Crashes(1e-3), bench.now);
    bench.until(10_000.0);
    bench.cluster.fail(&[0], Failure::Crashes(0.0), bench.now);
    let removed = bench.cluster.groups[0].books.counts.removed;
    assert!((60..=140).contains(&removed), "{removed}");
    bench.until(20_000.0);
    let later = bench.cluster.groups[0].books.counts.removed;
    assert!(later - removed <= 2, "nothing crashes any more: {removed} and {later}");
}

/// While an outage lasts no node becomes ready.
#[test]
fn nodes_wait_for_the_end_of_an_outage() {
    let mut bench = Bench::new(&[(fixed(2), 60.0)], &[class("f", 100, 128)], PlacementRule::FirstFit);
    bench.until(100.0);
    bench.cluster.fail(&[0], Failure::Outage(true), bench.now);
    bench.hear();
    bench.add(0);
    bench.until(400.0);
    assert_eq!((bench.begun(), bench.nodes()), (Vec::new(), 2));
    bench.cluster.fail(&[0], Failure::Outage(false), bench.now);
    bench.hear();
    assert_eq!(bench.begun(), [(0, 400.0)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever comes and goes: no node has more than fits, no pod is lost from the books, node-seconds are the sum over nodes.
    #[test]
    fn pods_are_conserved(
        policy in prop::sample::select(vec![
            PlacementRule::LeastAllocated, PlacementRule::MostAllocated, PlacementRule::FirstFit, PlacementRule::BestFit,
            PlacementRule::RoundRobin, PlacementRule::Hash, PlacementRule::Random,
        ]),
        kind in 0..3_u8,
        steps in prop::collection::vec((0..4_u8, any::<prop::sample::Index>(), 0..200_u32), 1..120),
    ) {
        let spec = group("g", 4.0, 8192);
        let spec = match kind {
            0 => NodeGroupSpec { count: Some(3), max: None, ..spec },
            1 => NodeGroupSpec { autoscaler: autoscaler(&ClusterAutoscalerSpec::standard()), min: Some(1), max: Some(6), ..spec },
            _ => NodeGroupSpec {
                autoscaler: AutoscalerSpec::Karpenter(Box::new(KarpenterSpec::standard())), max: Some(6), ..spec
            },
        };
        let image = Some(Image { id: 0, size_mb: 500, layers: Arc::default() });
        let classes = [class("a", 1500, 512), class("b", 250, 3000), Class { image, ..class("c", 4000, 8192) }];
        let mut bench = Bench::new(&[(spec, 45.0)], &classes, policy);
        let (mut there, mut node_seconds, mut now): (Vec<usize>, f64, f64) = (Vec::new(), 0.0, 0.0);
        for (step, index, tenths) in steps {
            let until = now + f64::from(tenths) / 10.0;
            // By hand: how many nodes there are between two moments at which something happens.
            while bench.cluster.next() <= at(until) {
                let next = bench.cluster.next().since(SimTime::ZERO).as_secs_f64();
                node_seconds += f64::from(bench.nodes()) * (next - now);
                now = next;
                bench.until(next);
            }
            node_seconds += f64::from(bench.nodes()) * (until - now);
            now = until;
            bench.until(until);
            // Pods that are told to go do.
            for (_, notice) in std::mem::take(&mut bench.said) {
                if let Notice::Drains(Owner(number)) | Notice::Lost(Owner(number)) = notice {
                    there.retain(|known| *known != number as usize);
                    bench.remove(number as usize);
                }
            }
            if step == 3 && !there.is_empty() {
                let gone = there.swap_remove(index.index(there.len()));
                bench.remove(gone);
            } else {
                there.push(bench.pods.len());
                bench.add(usize::from(step % 3));
            }
        }
        let books = bench.cluster.close(at(now)).remove(0);
        let counted = books.get("node_seconds").expect("a figure");
        prop_assert!((counted - node_seconds).abs() < 1e-6 * (1.0 + node_seconds), "{counted} and {node_seconds}");
    }
}
