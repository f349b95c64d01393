//! One function: its instances, what a request does there, and how instances start.

use super::Destination;
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
    /// The platform it runs on.
    pub platform: PlatformId,
    /// The application it belongs to; none: it is one by itself.
    pub app: Option<String>,
    /// Language and version.
    pub runtime: Option<String>,
    /// Configured memory of an instance, MB (1 GB = 1024 MB).
    pub memory_mb: u32,
    /// CPU architecture, which determines the price.
    pub architecture: Architecture,
    /// Processors of an instance.
    pub cpu: Cpu,
    /// GPUs that an instance takes of its node.
    pub gpu: f64,
    /// The node group on whose nodes its instances run; none: any on whose nodes one fits.
    pub node_group: Option<GroupId>,
    /// The image that a node must have before an instance starts.
    pub image: Option<Image>,
    /// Longest duration of a request; none: no limit.
    pub timeout: Option<Span>,
    /// Which instance serves the next request.
    pub selection: Selection,
    /// An instance this old takes no further request and goes when it is free.
    pub max_lifetime: Option<Span>,
    /// Largest payload of an invocation, bytes.
    pub payload_limit: Option<u64>,
    /// How long a busy instance that its scaling policy withdraws may go on before what it has fails; none: until it is
    /// free.
    pub termination_grace_period: Option<Span>,
    /// T_func of one request (unless the trace brings it).
    pub duration: Dist,
    /// T_func of a request that is cold, in place of `duration`.
    pub cold_duration: Option<Dist>,
    /// What a request does, in order, in place of running for `duration`; empty: nothing but that.
    pub steps: Vec<Step>,
    /// How it serves requests in batches, in place of running for `duration`; none: it does not.
    pub batching: Option<Batching>,
    /// The part of its runs that fail.
    pub failure_ratio: f64,
    /// The phases between the decision to create an instance and its readiness; empty: at once.
    pub cold_start: Vec<Phase>,
    /// Initialization (the billed phases of `cold_start`) that a request waits for is cut off after this long, and begins
    /// anew under the request's timeout; none: never.
    pub init_timeout: Option<Span>,
    /// Whether instances are restored from a snapshot that is charged for.
    pub snapshot_charged: bool,
    /// When idle instances are removed.
    pub keep_alive: KeepAliveSpec,
    /// How the number of instances is determined.
    pub scaling: ScalingSpec,
    /// Concurrency and its limits.
    pub concurrency: Concurrency,
    /// What is there at the start of the run, beside provisioned instances; none: nothing.
    pub initial: Option<Initial>,
}

/// Instances of a function that are there at the start of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Initial {
    /// Those that serve a request, which is none of the scenario's.
    pub busy: u32,
    /// Those that are idle.
    pub idle: u32,
    /// When idle ones go if nobody asks for them, the one used longest ago first; of the others keep-alive decides.
    pub idle_expire_in: Vec<Span>,
    /// How old all of them are, for `max_lifetime`.
    pub age: Span,
}

/// The processors of an instance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cpu {
    /// vCPUs that it takes of its node.
    pub request: f64,
    /// vCPUs.
    pub vcpus: f64,
    /// Clock cycles, GHz, where they are charged for; else 0.
    pub ghz: f64,
    /// The part of the duration of a request in which a processor is at work, 0 to 1.
    pub bound_share: f64,
    /// How the requests of an instance share them; none: each runs as long as if it were alone.
    pub sharing: Option<CpuSharing>,
}

/// How the requests of an instance share its processors, beside the limit ([`Cpu::vcpus`]) and the part of their running
/// times that is work ([`Cpu::bound_share`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuSharing {
    /// Processors that a single request can use at most, at least 1.
    pub threads: u32,
    /// The limit holds in each period: what has used it up waits for the next one.
    pub period: Span,
}

/// A model that serves the requests on an instance in one batch, a token of each in every step.
#[derive(Clone, Debug, PartialEq)]
pub struct Batching {
    /// What every step takes.
    pub per_step: Span,
    /// What each prompt token adds to the step that processes it.
    pub per_prompt_token: Span,
    /// What each request in the batch adds; with `per_step` more than nothing.
    pub per_request: Span,
    /// Requests in the batch at most.
    pub max_batch: u32,
    /// Tokens of prompts and answers that the batch has room for.
    pub kv_cache_tokens: u64,
    /// Tokens of a prompt.
    pub prompt_tokens: Tokens,
    /// Tokens of an answer.
    pub output_tokens: Tokens,
}

/// One phase of a cold start.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// environment, image, runtime, init, ...
    pub name: String,
    /// How long it takes.
    pub duration: Dist,
    /// Whether the platform charges for it where initialization is billed.
    pub billed: bool,
}

/// How many requests and instances at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concurrency {
    /// Requests one instance serves at a time, at least 1.
    pub per_instance: u32,
    /// Instances that may exist; none: no limit.
    pub max_instances: Option<u32>,
    /// Requests in progress that are guaranteed and at the same time the most; none: shares what is unreserved.
    pub reserved: Option<u32>,
    /// Always-ready instances.
    pub provisioned: u32,
    /// What a request meets when no instance may be created.
    pub overflow: Overflow,
    /// Who is served first of those that wait.
    pub queue_order: QueueOrder,
}

/// What a request meets when no instance may be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The request is rejected.
    Reject,
    /// The request waits in a first-in, first-out queue.
    Queue {
        /// Requests that may wait; none: no limit.
        limit: Option<u32>,
        /// Longest wait; then the request has timed out.
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

/// Who is served first of those that wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueOrder {
    /// First in, first out.
    #[default]
    Fifo,
    /// Who came last.
    Lifo,
}

/// One thing that a request does at its function.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Unique name among the steps of the function.
    pub name: String,
    /// What it does.
    pub work: Work,
}

/// What a step does. The instance is held meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Computes for so long.
    Run(Dist),
    /// Waits for so long, for nobody that is simulated.
    Wait(Dist),
    /// Calls all of these at once, and waits for the slowest answer.
    Calls(Vec<Destination>),
}

/// How the instance of a request starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColdStart {
    /// Until the request begins to run.
    pub start_up: Span,
    /// What of that belongs to phases that platforms charge for.
    pub billed: Span,
    /// Initialization that begins anew when the request runs, in front of what it does.
    pub init_again: Span,
}

impl Function {
    /// The start of an instance that is created for a request. Initialization that takes longer than allowed is cut off
    /// and begins anew within the request, as long as the first time would have been.
    pub fn cold_start(&self, rng: &mut Stream) -> ColdStart {
        let (start_up, billed) = self.start_up(rng);
        match self.init_timeout {
            Some(most) if billed > most => {
                ColdStart { start_up: start_up - (billed - most), billed: most, init_again: billed }
            }
            _ => ColdStart { start_up, billed, init_again: Span::ZERO },
        }
    }

    /// Whether an instance serves several requests at a time, so that it is charged for while it is busy and not for each of
    /// them.
    #[inline]
    #[must_use]
    pub const fn shares_instances(&self) -> bool {
        self.concurrency.per_instance > 1
    }

    /// Whether initialization that begins anew within a request takes up all of its timeout.
    pub fn is_cut_off_while_it_starts(&self, rng: &mut Stream) -> bool {
        self.init_timeout.is_some() && self.timeout.is_some_and(|timeout| self.cold_start(rng).init_again >= timeout)
    }

    /// How long an instance takes to start, and how much of that belongs to phases that platforms charge for.
    pub fn start_up(&self, rng: &mut Stream) -> (Span, Span) {
        let (mut start_up, mut billed) = (Span::ZERO, Span::ZERO);
        for phase in &self.cold_start {
            let duration = phase.duration.sample(rng);
            start_up += duration;
            if phase.billed {
                billed += duration;
            }
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

    /// The node groups on whose nodes its instances may run.
    #[must_use]
    pub fn groups_of(&self, groups: &[NodeGroup]) -> Vec<usize> {
        match self.node_group {
            Some(id) => vec![id.index()],
            None => {
                let fits = |group: &NodeGroup| self.requests().fits_in(&group.spec.allocatable());
                (0..groups.len()).filter(|place| fits(&groups[*place])).collect()
            }
        }
    }
}
