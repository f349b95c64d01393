//! Scaling: how many instances there should be, decided on a policy's own clock rather than by each request.
//!
//! Every policy here is a deterministic state machine: it is notified of the time and of measurements, and returns a
//! number. It schedules nothing and does not know the engine, so the conformance tests run exactly the code that the
//! engine runs.

mod azure_consumption;
mod azure_flex;
pub mod by_instance;
mod clock;
mod cloud_run;
#[cfg_attr(
    not(any(test, feature = "internals")),
    expect(dead_code, reason = "recorded decisions prove all of it, and runs use a part")
)]
pub mod hpa;
pub mod keda;
#[cfg_attr(
    not(any(test, feature = "internals")),
    expect(dead_code, reason = "recorded decisions prove all of it, and runs use a part")
)]
pub mod knative;
mod openfaas;
mod peak;
mod per_request;
pub mod predictive;
pub mod replay;
mod schedule;
mod scheduled;
mod target_tracking;
#[cfg(test)]
pub(crate) mod testing;
mod thresholds;

pub use azure_consumption::AzureConsumptionSpec;
pub use azure_flex::AzureFlexSpec;
pub use cloud_run::CloudRunSpec;
pub use openfaas::{OpenFaasCeSpec, OpenFaasSpec};
pub use per_request::PerRequest;
pub use scheduled::ScheduledSpec;
pub use target_tracking::TargetTrackingSpec;
pub use thresholds::{Load, ThresholdsSpec};

use crate::id::InstanceId;
use crate::policy::selection::Selection;
use crate::rng::{Purpose, Stream};
use crate::schema::declare::*;
use crate::schema::diagnostic::Problem;
use crate::schema::scalars::PositiveDuration;
use crate::time::{SimTime, Span};
use hpa::parameters::HpaParameters;
use keda::KedaParameters;
use knative::KnativeParameters;
use predictive::PredictiveSpec;
use replay::{Conditions, Gauge, OnTotals, Replay};

/// `terminationGracePeriodSeconds` of a pod, unless it is said otherwise.
const POD_GRACE_PERIOD: Span = Span::from_secs(30);

/// Maximum number of instances that a policy orders where nothing else limits it.
pub const ORDERED_MAX: u32 = 1_000_000;
/// Maximum number of instances.
const MANY: u32 = ORDERED_MAX;
/// How long after the horizon a policy is still asked while requests wait.
pub const COOL_DOWN: Span = Span::from_secs(3600);
/// Minimum time between two decisions.
const MIN_PAUSE: Span = Span::from_millis(1);
/// Maximum number of measurements that a policy remembers.
const REMEMBERED_MAX: u64 = 100_000;

union! {
    /// How the number of instances is determined.
    pub enum ScalingSpec ("scaling"): Policy {
        "per-request" => PerRequest(PerRequest),
        "thresholds" => Thresholds(ThresholdsSpec),
        "knative" => Knative(KnativeParameters),
        "azure-consumption" => AzureConsumption(AzureConsumptionSpec),
        "azure-flex" => AzureFlex(AzureFlexSpec),
        "cloud-run" => CloudRun(CloudRunSpec),
        "openfaas" => OpenFaas(OpenFaasSpec),
        "openfaas-ce" => OpenFaasCe(OpenFaasCeSpec),
        "hpa" => Hpa(HpaParameters),
        "keda" => Keda(KedaParameters),
        "target-tracking" => TargetTracking(TargetTrackingSpec),
        "scheduled" => Scheduled(ScheduledSpec),
        "predictive" => Predictive(PredictiveSpec),
    }
    besides { #[cfg(test)] "scripted" => Scripted(testing::Script) }
}

impl Default for ScalingSpec {
    fn default() -> Self {
        Self::PerRequest(Box::new(PerRequest {}))
    }
}

/// What the parameters of a scaling policy define.
pub trait Policy {
    /// The policy, without history; `None` where each request decides. Its random draws come from one `stream` per
    /// purpose.
    fn build(&self, stream: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>>;

    /// Which instances the policy controls.
    fn governs(&self) -> Governs {
        Governs::Instances
    }

    /// Whether the policy orders every instance, so that requests wait for them.
    fn owns_all_instances(&self) -> bool {
        self.governs() == Governs::Instances
    }

    /// Maximum number of instances that the policy orders, if it has one.
    fn most_ordered(&self) -> u32 {
        0
    }

    /// Maximum number of provisioned instances that the policy orders, if it has one.
    fn most_provisioned(&self) -> u32 {
        if self.governs() == Governs::Provisioned { self.most_ordered() } else { 0 }
    }

    /// Requests that an instance serves at once, if the policy sets it.
    fn slots(&self, _memory_mb: u32) -> Option<Slots> {
        None
    }

    /// Which instance serves a request, if the policy determines it.
    fn selection(&self) -> Option<Selection> {
        None
    }

    /// The default time that a request waits for an instance, given the mean start time of an instance.
    fn queue_timeout(&self, _mean_start_s: f64) -> Option<Span> {
        None
    }

    /// Minimum time between two decisions by its own clock; `None`: it has no clock, or decides only a few times.
    fn pause(&self) -> Option<Span> {
        None
    }

    /// Minimum number of instances. They are ready when a run begins, and some clouds charge for them as such.
    fn minimum_instances(&self) -> u32 {
        0
    }

    /// How long a busy instance that it withdraws may continue by default, for a function with this timeout; `None`:
    /// until it is done.
    fn termination_grace_period(&self, _timeout: Option<Span>) -> Option<Span> {
        None
    }

    /// What the policy decides on, if it uses totals and no individual instances: any of these is enough.
    fn decides_on(&self) -> &'static [Gauge] {
        &[]
    }

    /// The policy on recorded metrics.
    ///
    /// # Errors
    /// What has to be recorded for that.
    fn replay(&self, conditions: &Conditions<'_>) -> Result<Box<dyn Replay>, String> {
        let gauges = self.decides_on();
        match self.build(conditions.stream) {
            Some(policy) if gauges.iter().any(|gauge| (conditions.has)(*gauge)) => {
                Ok(Box::new(OnTotals::new(policy, conditions)))
            }
            Some(_) if !gauges.is_empty() => Err(replay::wanted(gauges)),
            _ => Err("single requests and instances, which metrics do not show".to_owned()),
        }
    }

    /// Why the platform has no instances with this memory.
    fn refused_memory(&self, _memory_mb: u32) -> Option<Refusal> {
        None
    }
}

/// Interval between two decisions, or two measurements, of a policy.
#[derive(Debug)]
pub struct Pause;

impl Field for Pause {
    type Value = Span;
    const SHAPE: Shape = PositiveDuration::SHAPE;
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Span> {
        let pause = PositiveDuration::read(node, reader)?;
        if pause < MIN_PAUSE {
            let message = format!("`{}` = {pause}: a scaling policy acts at most once in {MIN_PAUSE}", reader.path());
            let help = format!("no autoscaler is faster: write {MIN_PAUSE} or more");
            reader.problems.push(Problem::error(node.place, message).help(help));
            return None;
        }
        Some(pause)
    }
    fn write(value: &Span) -> Value {
        PositiveDuration::write(value)
    }
}

/// Requests that an instance serves at once, with the policy's own key for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// The key.
    pub key: &'static str,
    /// The number; 0: unlimited.
    pub number: u32,
}

/// A value that the real platform would reject, and what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The actual value.
    pub what: &'static str,
    /// What to write instead.
    pub help: &'static str,
}

choice! {
    /// Which instances a policy orders.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Governs {
        "provisioned" => Provisioned, "Warm instances: a request gets a separate instance if none of them is free.";
        "all" => Instances, "All instances of the function: a request waits if none has a free slot.";
    }
}

/// Decides how many instances a function should have.
///
/// The engine asks at [`Scaling::next`], and checks the result.
pub trait Scaling: Send {
    /// When it is next asked. Any notification may bring this forward, so a policy that decides at intervals may skip
    /// decisions that change nothing unless something happens.
    fn next(&self) -> SimTime;

    /// The number of instances: a whole number from 0 to [`View::limit`]; `None`: as last ordered. The next
    /// [`Scaling::next`] is after [`View::now`].
    fn decide(&mut self, view: &View<'_>) -> Option<f64>;

    /// The reason for its last result, in words; `None` if it made no decision or gives no reasons. Asked right after
    /// [`Scaling::decide`], and only if reasons are recorded.
    fn why(&self) -> Option<String> {
        None
    }

    /// The metrics behind its last result, from which [`replay`] can repeat the decision.
    fn inputs(&self) -> Vec<(Gauge, f64)> {
        Vec::new()
    }

    /// A request arrived.
    fn arrived(&mut self, _now: SimTime) {}

    /// A request was given to an instance. The returned mark is passed back when it ends.
    fn placed(&mut self, _now: SimTime, _instance: InstanceId) -> RequestTag {
        false
    }

    /// A request on an instance ended; `mark` is what [`Scaling::placed`] returned.
    fn ended(&mut self, _now: SimTime, _instance: InstanceId, _mark: RequestTag) {}

    /// The request that arrived last waits in front of the instances.
    fn queued(&mut self, _now: SimTime) {}

    /// A request ended without having been given to an instance; `waited`: it was queued. If not, it is the one that
    /// arrived last.
    fn ended_unserved(&mut self, _now: SimTime, _waited: bool) {}

    /// An instance is ready to serve.
    fn ready(&mut self, _now: SimTime, _instance: InstanceId) {}

    /// An instance is gone, or accepts no more requests.
    fn withdrawn(&mut self, _now: SimTime, _instance: InstanceId) {}

    /// If an arriving request is sent to any ready instance and waits there when all of its slots are taken: how many
    /// may wait at each. `None`: requests wait in front of all instances until one has a free slot.
    fn waits_at_instance(&self) -> Option<u32> {
        None
    }

    /// The instance to which an arriving request is sent, to [wait there](Scaling::waits_at_instance) if all of its
    /// slots are taken; `None`: a random one.
    fn route(&mut self) -> Option<InstanceId> {
        None
    }

    /// Whether it assigns requests to instances itself, by [`Scaling::choose`], unless they are sent to any.
    fn chooses(&self) -> bool {
        false
    }

    /// The instance for the next request, which waits there if all of its slots are taken; `None`: it waits in front.
    /// The choice is for the next request to be [placed](Scaling::placed).
    fn choose(&mut self) -> Option<InstanceId> {
        None
    }

    /// Whether it reads [`View::instances`], which is empty otherwise, because listing thousands takes time.
    fn looks_at_instances(&self, _now: SimTime) -> bool {
        false
    }

    /// Which instances are removed first when there are too many. Starting ones are removed before ready ones.
    fn removal(&self) -> Removal {
        Removal::IdleFirst
    }
}

/// What a policy remembers about a request.
pub type RequestTag = bool;

/// Which ready instances are removed first when there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Idle ones, youngest first; then busy ones, youngest first.
    IdleFirst,
    /// The youngest, idle or not: like the ReplicaSet of Kubernetes, which does not know about requests.
    Youngest,
    /// Idle ones, the longest idle first; then busy ones, youngest first.
    LongestIdle,
}

/// What a scaling policy can read. Counts are of the instances that it controls and that accept requests.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The current time.
    pub now: SimTime,
    /// Maximum number that it may order.
    pub limit: u32,
    /// The number last ordered.
    pub ordered: u32,
    /// Requests that one instance serves at a time.
    pub per_instance: u32,
    /// How many of the ordered instances exist, and how many of them are ready.
    pub existing: u32,
    /// See `existing`.
    pub ready: u32,
    /// Requests on instances, including instances that were withdrawn.
    pub taken: u32,
    /// The ordered instances, in order of creation, for a policy that [reads them](Scaling::looks_at_instances).
    pub instances: &'a [InstanceView],
    /// Requests on instances.
    pub in_progress: u32,
    /// Requests that wait in front of the instances.
    pub queued: u32,
    /// Totals since the start.
    pub totals: Totals,
}

/// One instance, as a scaling policy sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceView {
    /// Its identifier in the function.
    pub id: InstanceId,
    /// When it was ordered.
    pub created: SimTime,
    /// When it became ready, if it has.
    pub ready: Option<SimTime>,
    /// Requests on it.
    pub in_flight: u32,
    /// When it became ready, or when the last request on it ended.
    pub last_used: SimTime,
}

/// Totals of a function since the start of the run, of which a policy takes differences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests that arrived.
    pub arrived: u64,
    /// Requests that ended, served or not.
    pub ended: u64,
    /// Integral of the requests on instances, in ns.
    pub in_progress_ns: u128,
    /// Integral of the requests that wait in front of the instances, in ns.
    pub queued_ns: u128,
    /// Integral of the ready instances that accept requests, in ns.
    pub ready_ns: u128,
    /// Integral of all requests of the function in progress or queued, on whichever instances, in ns.
    pub load_ns: u128,
}

impl View<'_> {
    /// Whether there are no requests, and as many instances as ordered: then nothing happens by itself.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.in_progress == 0 && self.queued == 0 && self.existing == self.ordered
    }

    /// `instances` as an answer: rounded up, at least 0, at most the limit.
    #[must_use]
    pub fn bounded(&self, instances: f64) -> f64 {
        instances.ceil().clamp(0.0, f64::from(self.limit))
    }
}

impl Totals {
    /// What happened since `earlier`.
    #[must_use]
    pub const fn since(&self, earlier: &Self) -> Self {
        Self {
            arrived: self.arrived - earlier.arrived,
            ended: self.ended - earlier.ended,
            in_progress_ns: self.in_progress_ns - earlier.in_progress_ns,
            queued_ns: self.queued_ns - earlier.queued_ns,
            ready_ns: self.ready_ns - earlier.ready_ns,
            load_ns: self.load_ns - earlier.load_ns,
        }
    }
}

/// The first of the times `period`, 2 `period` ... that lies after `now`.
#[must_use]
pub const fn next_multiple(now: SimTime, period: Span) -> SimTime {
    let period = period.as_nanos();
    SimTime::from_nanos((now.as_nanos() / period + 1).saturating_mul(period))
}
