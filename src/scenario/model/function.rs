//! One function: its instances, what a request does on them, and how instances start.

use super::Destination;
use crate::cluster::parameters::ReadinessProbe;
use crate::cluster::{Image, NodeGroup, Resources, thousandths};
use crate::dist::Dist;
use crate::dist::tokens::Tokens;
use crate::id::{GroupId, PlatformId};
use crate::policy::keep_alive::KeepAliveSpec;
use crate::policy::scaling::ScalingSpec;
use crate::policy::selection::Selection;
use crate::rng::Stream;
use crate::time::Span;

/// One deployed function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Unique name.
    pub name: String,
    /// Its platform.
    pub platform: PlatformId,
    /// The application to which it belongs; `None`: an application of its own.
    pub app: Option<String>,
    /// Language and version.
    pub runtime: Option<String>,
    /// Configured memory of an instance, MB (1 GB = 1024 MB).
    pub memory_mb: u32,
    /// CPU architecture, which determines the price.
    pub architecture: Architecture,
    /// The CPU of an instance.
    pub cpu: Cpu,
    /// GPUs that an instance takes from its node.
    pub gpu: f64,
    /// The node group on whose nodes its instances run; `None`: any group with nodes on which one fits.
    pub node_group: Option<GroupId>,
    /// Ephemeral storage of an instance, MB; `None`: what is included.
    pub ephemeral_storage_mb: Option<u32>,
    /// When an instance that has started counts as ready; `None`: at once.
    pub readiness_probe: Option<ReadinessProbe>,
    /// Whether its platform runs instances on machines of its own, whatever node groups there are.
    pub has_own_machines: bool,
    /// The image that a node must have before an instance starts.
    pub image: Option<Image>,
    /// Longest duration of a request; none: no limit.
    pub timeout: Option<Span>,
    /// Which instance serves the next request.
    pub selection: Selection,
    /// An instance of this age accepts no more requests and is removed when it is free.
    pub max_lifetime: Option<Span>,
    /// Largest payload of an invocation, bytes.
    pub payload_limit: Option<u64>,
    /// How long a busy instance may continue after its scaling policy withdraws it, before its requests fail; `None`:
    /// until it is free.
    pub termination_grace_period: Option<Span>,
    /// T_func of one request (unless a trace provides it).
    pub duration: Dist,
    /// T_func of a cold request, instead of `duration`.
    pub cold_duration: Option<Dist>,
    /// The steps of a request, in order, instead of `duration`; empty: there are none.
    pub steps: Vec<Step>,
    /// How it serves requests in batches, instead of `duration`; `None`: it does not.
    pub batching: Option<Batching>,
    /// The share of its runs that fail.
    pub failure_ratio: f64,
    /// The phases from the decision to create an instance to its readiness; empty: it is ready at once.
    pub cold_start: Vec<Phase>,
    /// Initialization (the billed phases of `cold_start`) that a request waits for is stopped after this long, and
    /// starts again under the request's timeout; `None`: no limit.
    pub init_timeout: Option<Span>,
    /// Whether instances are restored from a snapshot that is charged.
    pub snapshot_charged: bool,
    /// When idle instances are removed.
    pub keep_alive: KeepAliveSpec,
    /// How the number of instances is determined.
    pub scaling: ScalingSpec,
    /// Concurrency and its limits.
    pub concurrency: Concurrency,
    /// The state at the start of the run, besides provisioned instances; `None`: empty.
    pub initial: Option<Initial>,
}

/// Instances of a function at the start of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Initial {
    /// Instances that serve a request which is not counted.
    pub busy: u32,
    /// Idle instances.
    pub idle: u32,
    /// When unused idle instances are removed, least recently used first; keep-alive decides about the others.
    pub idle_expire_in: Vec<Span>,
    /// Age of all of them, for `max_lifetime`.
    pub age: Span,
}

/// The CPU of an instance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cpu {
    /// vCPUs that it requests of its node.
    pub request: f64,
    /// vCPUs.
    pub vcpus: f64,
    /// Clock speed, GHz, where it is charged; else 0.
    pub ghz: f64,
    /// The share of a request's duration in which it computes, 0 to 1.
    pub bound_share: f64,
    /// How the requests on an instance share the CPU; `None`: they do not slow each other down.
    pub sharing: Option<CpuSharing>,
}

/// How the requests on an instance share its CPU, besides the limit ([`Cpu::vcpus`]) and the share of their durations
/// that is computation ([`Cpu::bound_share`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuSharing {
    /// Maximum number of vCPUs that a single request can use, at least 1.
    pub threads: u32,
    /// The limit applies in each period: an instance that has used it up waits for the next one.
    pub period: Span,
}

/// A model that serves the requests on an instance in one batch, generating one token of each per step.
#[derive(Clone, Debug, PartialEq)]
pub struct Batching {
    /// Base time of a step.
    pub per_step: Span,
    /// Additional time per prompt token processed in a step.
    pub per_prompt_token: Span,
    /// Additional time per request in the batch; if `per_step` is zero, this is not.
    pub per_request: Span,
    /// Maximum number of requests in the batch.
    pub max_batch: u32,
    /// Maximum number of tokens of prompts and responses in the batch.
    pub kv_cache_tokens: u64,
    /// Prompt tokens of a request.
    pub prompt_tokens: Tokens,
    /// Response tokens of a request.
    pub output_tokens: Tokens,
}

/// One phase of a cold start.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// environment, image, runtime, init, ...
    pub name: String,
    /// Its duration.
    pub duration: Dist,
    /// Whether the platform charges for it, where initialization is billed.
    pub billed: bool,
}

/// Numbers of requests and instances at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concurrency {
    /// Requests one instance serves at a time, at least 1.
    pub per_instance: u32,
    /// Maximum number of instances; `None`: no limit.
    pub max_instances: Option<u32>,
    /// Requests in progress that are both guaranteed and the maximum; `None`: shares the unreserved concurrency.
    pub reserved: Option<u32>,
    /// Always-ready instances.
    pub provisioned: u32,
    /// What happens to a request when no instance may be created.
    pub overflow: Overflow,
    /// Order in which waiting requests are served.
    pub queue_order: QueueOrder,
}

/// What happens to a request when no instance may be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The request is rejected.
    Reject,
    /// The request waits in a first-in, first-out queue.
    Queue {
        /// Maximum number of waiting requests; `None`: no limit.
        limit: Option<u32>,
        /// Longest wait, after which the request times out.
        timeout: Option<Span>,
    },
}

/// Processor architecture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Architecture {
    /// x86-64.
    #[default]
    X86,
    /// 64-bit Arm.
    Arm,
}

/// Order in which waiting requests are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueOrder {
    /// First in, first out.
    #[default]
    Fifo,
    /// Last in, first out.
    Lifo,
}

/// One step of a request at its function.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Unique name among the steps of the function.
    pub name: String,
    /// Its action.
    pub work: Work,
}

/// What a step does. The instance is busy in the meantime.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Computes for this time.
    Run(Dist),
    /// Waits for this time, for something that is not simulated.
    Wait(Dist),
    /// Makes all of these calls at once, and waits for the slowest response.
    Calls(Vec<Destination>),
}

/// How the instance of a request starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColdStart {
    /// Time until the request begins to run.
    pub start_up: Span,
    /// The part of it in phases that platforms charge for.
    pub billed: Span,
    /// Initialization that starts again when the request runs, before its own work.
    pub init_again: Span,
}

impl Function {
    /// The start of an instance that is created for a request. Initialization that exceeds the limit is stopped and
    /// starts again within the request, with the duration that it would have had.
    pub fn cold_start(&self, rng: &mut Stream) -> ColdStart {
        let (start_up, billed) = self.start_up(rng);
        match self.init_timeout {
            Some(most) if billed > most => {
                ColdStart { start_up: start_up - (billed - most), billed: most, init_again: billed }
            }
            _ => ColdStart { start_up, billed, init_again: Span::ZERO },
        }
    }

    /// Whether an instance serves several requests at a time, and so is charged while it is busy instead of per
    /// request.
    #[inline]
    #[must_use]
    pub const fn shares_instances(&self) -> bool {
        self.concurrency.per_instance > 1
    }

    /// Whether initialization that starts again within a request uses up its whole timeout.
    pub fn is_cut_off_while_it_starts(&self, rng: &mut Stream) -> bool {
        self.init_timeout.is_some() && self.timeout.is_some_and(|timeout| self.cold_start(rng).init_again >= timeout)
    }

    /// How long an instance takes to start, and the part of that in phases that platforms charge for.
    pub fn start_up(&self, rng: &mut Stream) -> (Span, Span) {
        let (mut start_up, mut billed) = (Span::ZERO, Span::ZERO);
        for phase in &self.cold_start {
            let duration = phase.duration.sample(rng);
            start_up += duration;
            if phase.billed {
                billed += duration;
            }
        }
        if let Some(probe) = &self.readiness_probe {
            start_up += probe.ready_after(billed) - billed;
        }
        (start_up, billed)
    }
}

impl Function {
    /// What an instance requests of its node.
    #[must_use]
    pub fn requests(&self) -> Resources {
        Resources {
            cpu_m: thousandths(self.cpu.request),
            memory_mb: u64::from(self.memory_mb),
            gpu_m: thousandths(self.gpu),
            pods: 1,
        }
    }

    /// The node groups on whose nodes its instances may run; none if its platform has machines of its own.
    #[must_use]
    pub fn groups_of(&self, groups: &[NodeGroup]) -> Vec<usize> {
        match self.node_group {
            _ if self.has_own_machines => Vec::new(),
            Some(id) => vec![id.index()],
            None => {
                let fits = |group: &NodeGroup| self.requests().fits_in(&group.spec.allocatable());
                (0..groups.len()).filter(|place| fits(&groups[*place])).collect()
            }
        }
    }
}
