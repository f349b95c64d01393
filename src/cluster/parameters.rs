//! What a scenario says about machines: node groups, how pods are placed, where images come from.

use super::autoscaler::{AutoscalerSpec, AutoscalerWord};
use super::placement::PlacementRule;
use super::resources::{Resources, thousandths};
use crate::dist::DistSpec;
use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Duration, Flag, Name, Positive, PositiveDuration, Rate, RateOrZero, Size};
use crate::schema::sizes::Bandwidth;
use crate::time::Span;

/// The most nodes that a group can have.
pub const MAX_NODES: u32 = 100_000;

/// 100 MB a second, in bytes (1 MB = 1024 x 1024).
const NODE_BANDWIDTH: f64 = 100.0 * 1_048_576.0;

/// Pods that a node takes unless something else is said: `maxPods` of the kubelet.
const MAX_PODS: u32 = 110;

parameters! {
    /// Machines of one kind that instances run on: a managed node group, a node pool.
    pub struct NodeGroupSpec {
        /// Unique name.
        required name: Name,
        /// vCPUs of a node.
        required cpu: Positive,
        /// Memory of a node.
        required memory: Size,
        /// GPUs of a node.
        default gpu: Amount = 0.0,
        /// Pods that a node takes at most (`maxPods` of the kubelet).
        default pods_max: Count<1, 10_000> = MAX_PODS,
        /// What of every node instances cannot have: the system, the kubelet, daemon sets.
        default overhead: OverheadSpec = OverheadSpec::NOTHING,
        /// How many nodes there are, always; in place of `min` and `max`.
        optional count: Count<1, MAX_NODES>,
        /// Fewest nodes, which are there when the run begins; with `max`, without it 0.
        optional min: Count<0, MAX_NODES>,
        /// Most nodes, with an autoscaler.
        optional max: Count<1, MAX_NODES>,
        /// What adds and removes nodes: its name alone, or a table with its parameters.
        default autoscaler: AutoscalerWord = AutoscalerSpec::nothing(),
        /// Time from the decision to add a node until it is ready for pods; without it: at once.
        optional boot: DistSpec,
        /// Price of a node, US dollars per hour, from the decision to add it until it is removed.
        default per_hour_usd: Amount = 0.0,
        /// The zone where the nodes are, for spreading and for faults.
        optional zone: Name,
        /// Images that a node keeps on disk, those used longest ago going first; without it: all of them.
        optional image_cache: Size,
        /// The cloud may take nodes back.
        optional spot: SpotSpec,
    }
}

parameters! {
    /// What of every node instances cannot have.
    pub struct OverheadSpec {
        /// vCPUs.
        default cpu: Amount = 0.0,
        /// Memory.
        optional memory: Size,
    }
}

parameters! {
    /// The cloud takes nodes back when it needs them.
    pub struct SpotSpec {
        /// How often, each node, as in "1/d": at random, independently of each other.
        required interruptions: Rate,
        /// How long before it is said: 2 minutes on AWS, 30 s on Google Cloud and Azure. Then the node takes no further pods, and its
        /// instances no further requests.
        default notice: PositiveDuration = Span::from_secs(120),
    }
}

parameters! {
    /// On which node a pod is placed.
    pub struct PlacementSpec {
        /// Which of the nodes that it fits on.
        default policy: PlacementRule = PlacementRule::LeastAllocated,
        /// With policy = "least-allocated" or "most-allocated": of how many nodes that fit the best is taken, in percent of all
        /// nodes; 0: as many as Kubernetes looks at, all of up to 100 nodes and fewer of more.
        default percentage_of_nodes_to_score: Count<0, 100> = 0,
        /// After a node has failed it takes so long until that is found out and its instances get no further requests
        /// (`node-monitor-grace-period` of Kubernetes).
        default node_monitor_grace_period: Duration = Span::from_secs(50),
        /// And then so long until its instances are given up, so that others are started in their place (`tolerationSeconds` for
        /// nodes that are unreachable).
        default unreachable_toleration: Duration = Span::from_secs(300),
    }
}

parameters! {
    /// The readiness probe of Kubernetes: an instance gets requests from the first probe that succeeds. Probes are sent every `period`
    /// from the start of its container, which is after the phases `environment` and `image` of its cold start.
    pub struct ReadinessProbe {
        /// `periodSeconds`.
        default period: PositiveDuration = Span::from_secs(10),
        /// `initialDelaySeconds`.
        default initial_delay: Duration = Span::ZERO,
    }
}

impl ReadinessProbe {
    /// How long after the start of its container an instance is ready that can serve after so long: the first probe then.
    #[must_use]
    pub fn ready_after(&self, serves: Span) -> Span {
        let period = self.period.as_nanos();
        Span::from_nanos(serves.max(self.initial_delay).as_nanos().div_ceil(period).saturating_mul(period))
    }
}

impl PlacementSpec {
    /// What holds where nothing is said.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            policy: PlacementRule::LeastAllocated,
            percentage_of_nodes_to_score: 0,
            node_monitor_grace_period: Span::from_secs(50),
            unreachable_toleration: Span::from_secs(300),
        }
    }
}

parameters! {
    /// Where images come from, and how fast they get onto a node.
    pub struct RegistrySpec {
        /// What a node downloads at most, of compressed images.
        default node_bandwidth: Bandwidth = NODE_BANDWIDTH,
        /// What all nodes download together at most, each the same share; without it: no limit.
        optional bandwidth: Bandwidth,
        /// How fast a node unpacks what it has downloaded, of compressed images; without it: while it downloads.
        optional unpack: Bandwidth,
        /// Whether a node pulls one image after the other (`serializeImagePulls` of the kubelet); else all at once.
        default serialize_pulls: Flag = true,
        /// Pulls that a node begins at most, a second, after the first `pull-burst` (`registryPullQPS` of the kubelet); "0/s": no limit.
        default pull_qps: RateOrZero = 5.0,
        /// Pulls that it begins at once (`registryBurst` of the kubelet).
        default pull_burst: Count<1, 10_000> = 10,
    }
}

impl RegistrySpec {
    /// What holds where nothing is said.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            node_bandwidth: NODE_BANDWIDTH,
            bandwidth: None,
            unpack: None,
            serialize_pulls: true,
            pull_qps: 5.0,
            pull_burst: 10,
        }
    }
}

impl OverheadSpec {
    const NOTHING: Self = Self { cpu: 0.0, memory: None };
}

impl NodeGroupSpec {
    /// What an empty node has for pods.
    #[must_use]
    pub fn allocatable(&self) -> Resources {
        let all = Resources {
            cpu_m: thousandths(self.cpu),
            memory_mb: u64::from(self.memory),
            gpu_m: thousandths(self.gpu),
            pods: u64::from(self.pods_max),
        };
        let memory_mb = u64::from(self.overhead.memory.unwrap_or(0));
        all.without(&Resources { cpu_m: thousandths(self.overhead.cpu), memory_mb, ..Resources::default() })
    }

    /// Nodes that are there when the run begins, and the fewest that an autoscaler leaves.
    #[must_use]
    pub fn fewest(&self) -> u32 {
        self.count.or(self.min).unwrap_or(0)
    }

    /// The most nodes there can be.
    #[must_use]
    pub fn most(&self) -> u32 {
        self.count.or(self.max).unwrap_or(0)
    }

    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let ways: [&[(&'static str, bool)]; 3] = [
            &[("count", self.count.is_some())],
            &[("max", self.max.is_some())],
            &[("min", self.min.is_some()), ("max", self.max.is_some())],
        ];
        if check.either(&ways).is_none() {
            return;
        }
        if let (Some(min), Some(max)) = (self.min, self.max) {
            check.rule("max", max, max >= min, format!("it must be at least `min` ({min})"));
        }
        let is_scaled = self.autoscaler.is_there();
        if self.count.is_some() && is_scaled {
            let help = "write min and max, or autoscaler = \"none\"";
            check.conflict("count", "has a fixed number of nodes and an autoscaler", help);
        }
        if self.max.is_some() && !is_scaled {
            let help =
                "write autoscaler = \"cluster-autoscaler\" or \"karpenter\", or `count` in place of `min` and `max`";
            check.conflict("max", "has `max`, and no autoscaler that would add nodes", help);
        }
        let usable = self.allocatable();
        if usable.cpu_m == 0 || usable.memory_mb == 0 {
            check.wrong_with("overhead", "leaves nothing of a node", "write less than a node has");
        }
    }
}
