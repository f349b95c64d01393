//! The checked scenario. Everything that the engine and the experiments read, and nothing they would have to check.

use serde::{Deserialize, Serialize};

use super::objective::{Objective, Subject};
use super::plan::Plan;
use super::sweep::Sweep;
use crate::cluster::{Class, Image, NodeGroup, PlacementSpec, RegistrySpec, Resources, thousandths};
use crate::dist::Dist;
use crate::dist::tokens::Tokens;
use crate::id::{ComponentId, FnId, GroupId, PoolId};
use crate::metric::signal::Signal;
use crate::path::ComponentSpec;
use crate::path::bucket::BucketSpec;
use crate::policy::keep_alive::KeepAliveSpec;
use crate::policy::keep_alive::greedy_dual::Rule;
use crate::policy::scaling::ScalingSpec;
use crate::policy::selection::Selection;
use crate::rng::Stream;
use crate::time::Span;
use crate::workload::{ArrivalSpec, Payload};

/// A whole scenario, checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Name: letters, digits, `-`, `_`.
    pub name: String,
    /// Free text.
    pub description: String,
    /// 64-bit hash (16 hex digits) of the resolved text.
    pub hash: String,
    /// The scenario after presets, variants and `--set`, as text that reads back to the same scenario.
    pub resolved: String,
    /// Simulated time, replications and random seed.
    pub simulation: Simulation,
    /// Settings shared by all functions.
    pub platform: Platform,
    /// The functions, in the order of the file (or of the trace that brought them).
    pub functions: Vec<Function>,
    /// The components that requests pass before they reach a function.
    pub components: Vec<Component>,
    /// The sources of requests, in the order of the file.
    pub sources: Vec<Source>,
    /// The sites, in the order of the file.
    pub sites: Vec<Site>,
    /// The machines that instances run on, in the order of the file; none: there are always enough.
    pub node_groups: Vec<NodeGroup>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// Named changes to this scenario.
    pub variants: Vec<Variant>,
    /// Objectives.
    pub objectives: Vec<Objective>,
    /// What is watched while the run goes on.
    pub alarms: Vec<Alarm>,
    /// What a sweep varies.
    pub sweep: Option<Sweep>,
    /// What a plan may change.
    pub plan: Option<Plan>,
    /// Keys of values that `forewarm import` had to assume.
    pub assumed: Vec<String>,
    /// Assumptions: unverified values and values that do not apply to every service.
    pub assumptions: Vec<Assumption>,
}

/// Something that a scenario takes from a preset and that readers of its results must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assumption {
    /// Why.
    pub kind: AssumptionKind,
    /// What it is about: a key of the preset, or a runtime with its package.
    pub subject: String,
    /// What is assumed, and on what grounds.
    pub text: String,
}

/// Why something has to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssumptionKind {
    /// The value is unpublished: it is from memory, derived or assumed.
    Unverified,
    /// It was measured of a function that does nothing; what a real one loads comes on top.
    MinimalFunction,
    /// The scenario says something that the platform does not have, and something else stands for it.
    Adapted,
}

/// Simulated time, replications and random seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// Arrivals stop here; requests counted before are followed to their end.
    pub horizon: Span,
    /// When it begins, s since 1970.
    pub start_s: i64,
    /// The start that is not measured. Shorter than the horizon.
    pub warm_up: Span,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Whether a pilot decides how long the warm-up is; until then it is zero.
    pub warm_up_is_auto: bool,
    /// Independent runs, at least 1; with `precision`, at the first look.
    pub replications: u32,
    /// The number is not set.
    pub replications_by_default: bool,
    /// How narrow intervals must be; none: as many runs as `replications`.
    pub precision: Option<Precision>,
    /// Into how many batches one run is cut, from which its intervals are made; none: they are made from replications.
    pub batches: Option<u32>,
    /// For how long after the horizon requests are followed.
    pub drain: Option<Span>,
}

/// Kinds of components that keep what they were given, or try again.
const LASTING: [&str; 6] = ["clients", "queues", "asynchronous", "topics", "streams", "workflows"];

/// [`Scenario::drain`] where requests may be on their way for ever.
const DRAIN: Span = Span::from_secs(900);

/// Until when replications are added.
#[derive(Clone, Debug, PartialEq)]
pub struct Precision {
    /// What must be narrow enough, at least one.
    pub targets: Vec<PrecisionTarget>,
    /// No more replications than this, and no fewer than `replications`.
    pub max_replications: u32,
}

/// How narrow the interval of a metric must be.
#[derive(Clone, Debug, PartialEq)]
pub struct PrecisionTarget {
    /// Key of the summary, as `latency_s.p99`.
    pub metric: String,
    /// The function it is about; none: the total.
    pub function: Option<FnId>,
    /// The most that half of the 95 % interval may be.
    pub half_width: Tolerance,
}

/// A size in the unit of a metric, or as a part of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// As a part of the mean.
    Relative(f64),
    /// In the unit of the metric.
    Absolute(f64),
}

impl std::fmt::Display for Tolerance {
    /// `5%` or `0.001`, as it is written in scenarios.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            // Percentages that were typed, without what binary fractions add.
            Self::Relative(part) => write!(f, "{}%", (part * 1e10).round() / 1e8),
            Self::Absolute(value) => write!(f, "{value}"),
        }
    }
}

impl std::str::FromStr for Tolerance {
    type Err = String;

    /// Reads a percentage or a number above 0.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (number, is_part) = text.strip_suffix('%').map_or((text, false), |number| (number.trim_end(), true));
        match number.parse::<f64>() {
            Ok(size) if size.is_finite() && size > 0.0 && is_part => Ok(Self::Relative(size / 100.0)),
            Ok(size) if size.is_finite() && size > 0.0 => Ok(Self::Absolute(size)),
            _ => Err("write a percentage, as in 5%, or a number above 0, as in 0.01".to_owned()),
        }
    }
}

/// Settings shared by all functions.
#[derive(Clone, Debug, PartialEq)]
pub struct Platform {
    /// The preset the values came from, if any.
    pub preset: Option<String>,
    /// Requests in progress over all functions of the account; none: no limit.
    pub account_limit: Option<u32>,
    /// What must stay unreserved of the account limit (reserved and provisioned concurrency may not eat it).
    pub min_unreserved: u32,
    /// Requests that may start each second for each unit of concurrency: of the account, of reserved and of provisioned
    /// concurrency; none: no limit.
    pub request_rate: Option<u32>,
    /// Initialization is cut off after this long, and begins anew under the timeout of the request; none: never.
    pub init_timeout: Option<Span>,
    /// How fast each function may grow; none: at once.
    pub scaling: Option<ScalingRate>,
    /// Memory of all instances of all functions, MB; none: no limit.
    pub memory_budget_mb: Option<u32>,
    /// Pre-warmed instances (stem cells).
    pub stem_cells: Vec<StemCells>,
    /// On which node an instance is placed.
    pub placement: PlacementSpec,
    /// Where images come from.
    pub registry: RegistrySpec,
    /// What is charged; none: nothing is.
    pub billing: Option<Billing>,
}

/// Pre-warmed instances that can become those of any function with this runtime and memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StemCells {
    /// The runtime; none: that of functions that name none.
    pub runtime: Option<String>,
    /// Memory of each, MB.
    pub memory_each_mb: u32,
    /// Number of cells.
    pub count: u32,
}

impl StemCells {
    /// Memory of all, MB.
    #[must_use]
    pub fn memory_mb(&self) -> u64 {
        u64::from(self.memory_each_mb) * u64::from(self.count)
    }
}

impl Platform {
    /// The stem cells that become instances of a function.
    #[must_use]
    pub fn stem_cells_of(&self, function: &Function) -> Option<PoolId> {
        let fits = |cells: &StemCells| cells.runtime == function.runtime && cells.memory_each_mb == function.memory_mb;
        self.stem_cells.iter().position(fits).map(|place| PoolId(place as u32))
    }
}

/// A token bucket for each function: `burst` instances at once, refilled continuously, never fuller than `burst`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScalingRate {
    /// Instances that can be created at once.
    pub burst: u32,
    /// Time for one more token.
    pub refill: Span,
}

/// One deployed function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Unique name.
    pub name: String,
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

/// A source of requests.
#[derive(Clone, Debug)]
pub struct Source {
    /// Unique name.
    pub name: String,
    /// Where its requests go.
    pub target: Target,
    /// When requests arrive.
    pub arrivals: ArrivalSpec,
    /// T_func of its requests, in place of that of their function.
    pub duration: Option<Dist>,
    /// How large its requests are, and their answers; none: that does not matter.
    pub payload: Option<Payload>,
}

impl Source {
    /// How long its requests run, where that does not depend on the request.
    #[must_use]
    pub fn service<'a>(&'a self, functions: &'a [Function]) -> Option<&'a Dist> {
        let of_target = || match &self.target {
            Target::Function(id) => functions.get(id.index()).map(|function| &function.duration),
            Target::ByTrace(_) | Target::Component(_) => None,
        };
        self.duration.as_ref().or_else(of_target)
    }

    /// The mean of it, s; 0 where it depends on the request.
    #[must_use]
    pub fn service_mean_s(&self, functions: &[Function]) -> f64 {
        let brought = self.arrivals.service_s();
        brought.unwrap_or_else(|| self.service(functions).map_or(0.0, Dist::mean_s))
    }
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

/// A place where functions and components are.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Unique name.
    pub name: String,
    /// The functions and components that are there.
    pub holds: Vec<Destination>,
}

/// Something that is made to go wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Unique name.
    pub name: String,
    /// Where.
    pub targets: Vec<Destination>,
    /// The groups whose nodes it strikes, in place of functions and components.
    pub node_groups: Vec<GroupId>,
    /// When.
    pub timing: Timing,
    /// What.
    pub kind: FaultKind,
}

/// When something goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Timing {
    /// Once, at this time of the run, for so long.
    Once {
        /// From then on.
        at: Span,
        /// For so long.
        lasts: Span,
    },
    /// Again and again.
    AtRandom {
        /// The time from the end of one to the beginning of the next.
        every: Dist,
        /// How long it lasts.
        lasts: Dist,
    },
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum FaultKind {
    /// Work is done at this speed, 1 being full.
    SlowDown(f64),
    /// This part of the runs or calls fails.
    Errors(f64),
    /// Each takes so much longer.
    Delay(Dist),
    /// Nothing succeeds.
    Outage,
    /// Instances take so many times as long to start.
    ColdStart(f64),
    /// All instances are replaced.
    Deploy,
    /// Each instance, or each node, crashes so many times a second, at random moments.
    Crash(f64),
    /// What comes faster is refused.
    Throttle(BucketSpec),
    /// This part of the messages or records that are sent is poison.
    Poison(f64),
    /// What a cache holds is lost.
    Flush,
}

impl FaultKind {
    /// Its key in a file.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SlowDown(_) => "slow-down",
            Self::Errors(_) => "errors",
            Self::Delay(_) => "delay",
            Self::Outage => "outage",
            Self::ColdStart(_) => "cold-start",
            Self::Deploy => "deploy",
            Self::Crash(_) => "crash",
            Self::Throttle(_) => "throttle",
            Self::Poison(_) => "poison",
            Self::Flush => "flush",
        }
    }

    /// Whether it is about the instances of functions.
    const fn is_of_instances(&self) -> bool {
        matches!(self, Self::ColdStart(_) | Self::Deploy | Self::Crash(_))
    }

    /// Whether it is over as soon as it has happened.
    #[must_use]
    pub const fn is_over_at_once(&self) -> bool {
        matches!(self, Self::Deploy | Self::Flush)
    }

    /// Whether it does anything to a function or to components of this group.
    #[must_use]
    pub fn befalls(&self, group: &str) -> bool {
        match group {
            "functions" => !matches!(self, Self::Poison(_) | Self::Flush),
            "gateways" => !self.is_of_instances() && !matches!(self, Self::SlowDown(_) | Self::Poison(_)),
            "dependencies" => !self.is_of_instances() && !matches!(self, Self::Poison(_)),
            "links" => matches!(self, Self::SlowDown(_) | Self::Errors(_) | Self::Delay(_) | Self::Outage),
            "queues" | "streams" => matches!(self, Self::Errors(_) | Self::Outage | Self::Poison(_)),
            "topics" | "workflows" | "asynchronous" => matches!(self, Self::Errors(_) | Self::Outage),
            _ => false,
        }
    }
}

/// Something that is watched period by period.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// Unique name.
    pub name: String,
    /// The name of what is watched.
    pub metric: String,
    /// What is watched.
    pub signal: Signal,
    /// Of what.
    pub subject: Subject,
    /// What it is compared with.
    pub threshold: f64,
    /// When a period breaches the threshold.
    pub comparison: Comparison,
    /// How long a period is.
    pub period: Span,
    /// So many of the latest periods must breach it.
    pub datapoints: u32,
    /// Of so many.
    pub of: u32,
    /// What a period without data counts as.
    pub missing: Missing,
}

/// When a value breaches a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is greater.
    Above,
    /// It is greater or equal.
    AtLeast,
    /// It is less.
    Below,
    /// It is less or equal.
    AtMost,
}

impl Comparison {
    /// Whether a value breaches a threshold.
    #[must_use]
    pub fn is_breached_by(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
            Self::Below => value < threshold,
            Self::AtMost => value <= threshold,
        }
    }

    /// As it is said.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::AtLeast => "at least",
            Self::Below => "below",
            Self::AtMost => "at most",
        }
    }
}

/// What a period counts as in which there was nothing to measure: the names are those of CloudWatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// As nothing; if there is no data at all, the alarm has insufficient data.
    Missing,
    /// As nothing; what is left open by that stays as it is.
    Ignore,
    /// As breaching.
    Breaching,
    /// As not breaching.
    NotBreaching,
}

/// A component of the path of requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Unique name.
    pub name: String,
    /// What it does.
    pub spec: ComponentSpec,
    /// Where it passes requests on to.
    pub targets: Vec<Destination>,
}

/// Where a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// To a function.
    Function(FnId),
    /// To another component.
    Component(ComponentId),
    /// By this entry of a component that has several, which leads to its target of the same number.
    Entry(ComponentId, u32),
}

/// Where the requests of a source go.
#[derive(Clone, Debug)]
pub enum Target {
    /// All to one function.
    Function(FnId),
    /// Each to the function that its row of the trace names: place `i` is the function of the trace's `i`-th name.
    ByTrace(std::sync::Arc<[FnId]>),
    /// All to one component of the path.
    Component(ComponentId),
}

/// A named change to a scenario: keys and the values set.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Unique name.
    pub name: String,
    /// Dotted key and TOML value, in the order of the file. What it adds is not among them.
    pub set: Vec<(String, String)>,
}

/// What the platform charges, in US dollars.
#[derive(Clone, Debug, PartialEq)]
pub struct Billing {
    /// Price per request.
    pub per_request_usd: f64,
    /// GB-seconds of execution, tiered by the month's volume, for x86.
    pub gb_second_usd_x86: Vec<Tier>,
    /// The same for Arm.
    pub gb_second_usd_arm: Vec<Tier>,
    /// Billed durations are rounded up to a multiple of this.
    pub granularity: Span,
    /// Minimum billed duration.
    pub minimum: Span,
    /// Whether the billed phases of a cold start are charged as execution.
    pub init_billed: bool,
    /// Free requests per month.
    pub free_requests: f64,
    /// Free GB-seconds per month.
    pub free_gb_seconds: f64,
    /// Provisioned concurrency.
    pub provisioned: Option<ProvisionedBilling>,
    /// Instances that a scaling policy keeps at least; none: as all others.
    pub minimum_instances: Option<MinimumBilling>,
    /// Processors, instances and what else a cloud may charge for.
    pub resources: ResourceBilling,
    /// What else may be charged.
    pub extras: ExtraPrices,
}

/// What is charged for processors and for instances, and how; the default charges nothing for them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceBilling {
    /// The memory that is charged for is rounded up to a multiple of this, MB; none: it is charged for as it is.
    pub memory_step_mb: Option<u32>,
    /// vCPU-seconds of execution, tiered by the month's volume.
    pub vcpu_second_usd: Vec<Tier>,
    /// A GHz-second of execution.
    pub ghz_second_usd: f64,
    /// The state of a second of a processor.
    pub cpu_second_usd: f64,
    /// A vCPU-second of an instance, idle or not.
    pub instance_vcpu_second_usd: f64,
    /// For how long an instance is charged at least.
    pub instance_minimum: Span,
    /// A vCPU-second of a minimum instance that is idle.
    pub minimum_idle_vcpu_second_usd: f64,
    /// The account, a month.
    pub per_month_usd: f64,
    /// A unit of account.
    pub unit: Option<UnitBilling>,
    /// What is free each month.
    pub free: FreeResources,
}

/// What costs nothing each month, beside requests and GB-seconds of execution.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FreeResources {
    /// vCPU-seconds of execution.
    pub vcpu_seconds: f64,
    /// GHz-seconds of execution.
    pub ghz_seconds: f64,
    /// Seconds of a processor at work.
    pub cpu_seconds: f64,
    /// GB-seconds of instances.
    pub instance_gb_seconds: f64,
    /// vCPU-seconds of instances.
    pub instance_vcpu_seconds: f64,
}

/// A unit of account that several amounts are converted to.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitBilling {
    /// Units per request.
    pub per_request: f64,
    /// Units per GB-second of execution.
    pub per_gb_second: f64,
    /// Units per vCPU-second of execution.
    pub per_vcpu_second: f64,
    /// US dollars for a unit, tiered by the month's volume.
    pub usd: Vec<Tier>,
}

/// Prices beside execution, US dollars; 0: not charged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ExtraPrices {
    /// A GB-second of ephemeral storage beyond what comes with every instance.
    pub ephemeral_gb_second_usd: f64,
    /// Keeping a snapshot, for each GB-second.
    pub snapshot_cache_gb_second_usd: f64,
    /// Restoring a snapshot, for each GB of memory and restore.
    pub snapshot_restore_gb_usd: f64,
    /// An hour of a provisioned event poller.
    pub poller_hour_usd: f64,
    /// An instance in existence, idle or not, for each GB-second.
    pub instance_gb_second_usd: f64,
}

/// What instances cost that a scaling policy keeps at least, US dollars per GB-second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MinimumBilling {
    /// While they serve nobody.
    pub idle_usd: f64,
    /// While they serve; none: as any other.
    pub busy_usd: Option<f64>,
}

/// Price of one volume tier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tier {
    /// The tier ends at this many a month; none: never.
    pub up_to: Option<f64>,
    /// Price per unit.
    pub usd: f64,
}

/// Price of provisioned concurrency, US dollars per GB-second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProvisionedBilling {
    /// Provisioned capacity, x86.
    pub reserve_usd_x86: f64,
    /// Execution on provisioned instances, x86.
    pub execution_usd_x86: f64,
    /// Provisioned capacity, Arm.
    pub reserve_usd_arm: f64,
    /// Execution on provisioned instances, Arm.
    pub execution_usd_arm: f64,
    /// Provisioned time is rounded up to a multiple of this.
    pub granularity: Span,
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

impl Scenario {
    /// The pods that the instances of a function are.
    ///
    /// # Panics
    /// If there is no such function.
    #[must_use]
    pub fn pod_class(&self, id: FnId) -> Class {
        let function = &self.functions[id.index()];
        Class {
            name: function.name.clone(),
            demand: function.requests(),
            groups: function.groups_of(&self.node_groups),
            image: function.image,
        }
    }

    /// Whether what the instances of a function use is paid with the nodes they run on.
    #[must_use]
    pub fn pays_for_nodes(&self, function: &Function) -> bool {
        let groups = function.groups_of(&self.node_groups);
        groups.into_iter().any(|place| self.node_groups[place].spec.per_hour_usd > 0.0)
    }

    /// Whether anything has a price.
    #[must_use]
    pub fn has_prices(&self) -> bool {
        self.platform.billing.is_some() || self.node_groups.iter().any(|group| group.spec.per_hour_usd > 0.0)
    }

    /// Whether requests may reach functions by a path, or do more there than run.
    #[must_use]
    pub fn has_path(&self) -> bool {
        !self.components.is_empty() || self.functions.iter().any(|function| !function.steps.is_empty())
    }

    /// For how long after the horizon requests on a path are followed; none: to their end.
    #[must_use]
    pub fn drain(&self) -> Option<Span> {
        let lasts = |component: &Component| LASTING.contains(&component.spec.group());
        self.simulation.drain.or_else(|| self.components.iter().any(lasts).then_some(DRAIN))
    }

    /// Who goes first when memory is short: as the functions kept by `greedy-dual` say, else who was used longest ago.
    #[must_use]
    pub fn eviction_rule(&self) -> Rule {
        let mut rules = self.functions.iter().filter_map(|function| function.keep_alive.eviction_rule());
        rules.next().unwrap_or(Rule::LeastRecentlyUsed)
    }

    /// What reserved and provisioned concurrency, the most that a policy may provision, leave of the account limit for
    /// everybody else; `u32::MAX` without limit.
    #[must_use]
    pub fn unreserved_concurrency(&self) -> u32 {
        let taken = self.functions.iter().map(|function| {
            let concurrency = &function.concurrency;
            let provisioned = concurrency.provisioned.max(function.scaling.most_provisioned());
            u64::from(concurrency.reserved.unwrap_or(provisioned))
        });
        self.platform
            .account_limit
            .map_or(u32::MAX, |limit| u64::from(limit).saturating_sub(taken.sum()).try_into().unwrap_or(u32::MAX))
    }
}
