//! Scaling: how many instances there should be, decided on a clock of its own rather than by each request.
//!
//! Every policy here is a deterministic state machine: it is told the time and what was measured, and answers with a
//! number. It schedules nothing and knows no engine, so that the conformance tests run the very code the engine runs.

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

/// The most instances that a policy may order where nothing else limits them.
pub const ORDERED_MAX: u32 = 1_000_000;
/// The most that a number of instances can be.
const MANY: u32 = ORDERED_MAX;
/// For so long after the horizon a policy is asked while requests wait.
pub const COOL_DOWN: Span = Span::from_secs(3600);
/// The shortest time between two decisions.
const MIN_PAUSE: Span = Span::from_millis(1);
/// Measurements that a policy remembers at a time.
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

/// What the parameters of a scaling policy say about it.
pub trait Policy {
    /// The policy, with no memory yet; none where each request decides. It draws from a `stream` for each purpose.
    fn build(&self, stream: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>>;

    /// What the policy governs.
    fn governs(&self) -> Governs {
        Governs::Instances
    }

    /// Whether the policy orders every instance, so that requests wait for them.
    fn owns_all_instances(&self) -> bool {
        self.governs() == Governs::Instances
    }

    /// The most instances that the policy orders, where it knows.
    fn most_ordered(&self) -> u32 {
        0
    }

    /// The most provisioned instances that the policy may order.
    fn most_provisioned(&self) -> u32 {
        if self.governs() == Governs::Provisioned { self.most_ordered() } else { 0 }
    }

    /// How many requests an instance takes, where the policy says so itself.
    fn slots(&self, _memory_mb: u32) -> Option<Slots> {
        None
    }

    /// Which instance serves a request, where the policy brings that with it.
    fn selection(&self) -> Option<Selection> {
        None
    }

    /// How long a request waits for an instance unless the scenario says it, by the mean start of an instance.
    fn queue_timeout(&self, _mean_start_s: f64) -> Option<Span> {
        None
    }

    /// The least time between two moments at which it acts by its own clock; none: it has none, or acts a few times only.
    fn pause(&self) -> Option<Span> {
        None
    }

    /// Instances that it keeps at least. They are ready when a run begins, and some clouds charge for them as such.
    fn minimum_instances(&self) -> u32 {
        0
    }

    /// How long a busy instance that it withdraws may go on where nothing else is said, of a function with this timeout;
    /// none: until it has finished.
    fn termination_grace_period(&self, _timeout: Option<Span>) -> Option<Span> {
        None
    }

    /// What the policy decides on, if it looks at totals and no single instance: any of these will do.
    fn decides_on(&self) -> &'static [Gauge] {
        &[]
    }

    /// The policy on recorded metrics.
    ///
    /// # Errors
    /// What would have to be recorded for it.
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

    /// Why the platform has no instances of this memory.
    fn refused_memory(&self, _memory_mb: u32) -> Option<Refusal> {
        None
    }
}

/// The time between two decisions, or two measurements, of a policy.
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

/// How many requests an instance takes at once, under the policy's own name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// The key.
    pub key: &'static str,
    /// How many; 0: any number.
    pub number: u32,
}

/// What the real platform would refuse, and what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it has.
    pub what: &'static str,
    /// What to write instead.
    pub help: &'static str,
}

choice! {
    /// Which instances a policy orders.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Governs {
        "provisioned" => Provisioned, "Those kept warm: a request that finds none of them free gets one of its own.";
        "all" => Instances, "All of the function's: a request that finds none with a free slot waits.";
    }
}

/// Decides how many instances a function should have.
///
/// The engine asks at [`Scaling::next`], and checks the answer.
pub trait Scaling: Send {
    /// When it wants to be asked next. It may become earlier whenever the policy is told something; so a policy that decides
    /// again and again may pass over decisions that change nothing unless something happens.
    fn next(&self) -> SimTime;

    /// How many instances there should be: a whole number from 0 to [`View::limit`]; none: as many as were ordered last.
    /// The next [`Scaling::next`] lies after [`View::now`].
    fn decide(&mut self, view: &View<'_>) -> Option<f64>;

    /// What its last answer rests on, in words; none where it only looked, or says nothing about itself. It is asked right
    /// after [`Scaling::decide`], and only if somebody wants to know.
    fn why(&self) -> Option<String> {
        None
    }

    /// The metrics that its last answer rests on, where [`replay`] can decide on them again.
    fn inputs(&self) -> Vec<(Gauge, f64)> {
        Vec::new()
    }

    /// A request arrived.
    fn arrived(&mut self, _now: SimTime) {}

    /// A request was given to an instance; `waited`: not at once. The answer is given back when it ends.
    fn placed(&mut self, _now: SimTime, _instance: InstanceId, _waited: bool) -> RequestTag {
        false
    }

    /// A request on an instance ended; `mark` is what [`Scaling::placed`] had answered.
    fn ended(&mut self, _now: SimTime, _instance: InstanceId, _mark: RequestTag) {}

    /// The request that arrived last waits in front of the instances.
    fn queued(&mut self, _now: SimTime) {}

    /// A request ended without having been given to an instance; `waited`: it had been held back. If not, it is the one
    /// that arrived last.
    fn ended_unserved(&mut self, _now: SimTime, _waited: bool) {}

    /// An instance is ready to serve.
    fn ready(&mut self, _now: SimTime, _instance: InstanceId) {}

    /// An instance is gone, or takes no further request.
    fn withdrawn(&mut self, _now: SimTime, _instance: InstanceId) {}

    /// Whether an arriving request is sent to any instance that is ready, to wait there, even if all of its slots are
    /// taken; so many may wait at each. None: it waits in front of all instances until one has a slot.
    fn waits_at_instance(&self) -> Option<u32> {
        None
    }

    /// The instance that an arriving request is sent to, to [wait there](Scaling::waits_at_instance) if all of its slots are
    /// taken; none: a random one.
    fn route(&mut self) -> Option<InstanceId> {
        None
    }

    /// Whether it leads requests to instances itself, by [`Scaling::choose`], except where they are sent to any.
    fn chooses(&self) -> bool {
        false
    }

    /// The instance that the next request goes to, to wait there if all of its slots are taken; none: it waits in front. The
    /// next one that is [placed](Scaling::placed) is the one chosen for.
    fn choose(&mut self) -> Option<InstanceId> {
        None
    }

    /// Whether it looks at [`View::instances`], which is empty if not: thousands take time to list.
    fn looks_at_instances(&self, _now: SimTime) -> bool {
        false
    }

    /// Which instances go first when there are too many. Starting ones go before ready ones.
    fn removal(&self) -> Removal {
        Removal::IdleFirst
    }
}

/// What a policy remembers about a request.
pub type RequestTag = bool;

/// Which ready instances go first when there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Idle ones, youngest first; then busy ones, youngest first.
    IdleFirst,
    /// The youngest, idle or not: as the ReplicaSet of Kubernetes, which knows nothing of requests.
    Youngest,
    /// Idle ones, the one that has been idle longest first; then busy ones, youngest first.
    LongestIdle,
}

/// What a scaling policy may look at: read only. Counts are of the instances that it governs and that take requests.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The moment of the question.
    pub now: SimTime,
    /// The most it may ask for.
    pub limit: u32,
    /// What it ordered last.
    pub ordered: u32,
    /// Requests that one instance serves at a time.
    pub per_instance: u32,
    /// How many there are of those ordered, and how many of them are ready.
    pub existing: u32,
    /// See `existing`.
    pub ready: u32,
    /// Requests on them: those on instances that were withdrawn are in progress too.
    pub taken: u32,
    /// Those ordered, in the order of their creation, for a policy that [looks at them](Scaling::looks_at_instances).
    pub instances: &'a [InstanceView],
    /// Requests on instances.
    pub in_progress: u32,
    /// Requests that wait in front of the instances.
    pub queued: u32,
    /// Everything since the start.
    pub totals: Totals,
}

/// One instance, as a scaling policy sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceView {
    /// Its number in its function.
    pub id: InstanceId,
    /// When it was ordered.
    pub created: SimTime,
    /// When it became ready, if it has.
    pub ready: Option<SimTime>,
    /// Requests on it.
    pub in_flight: u32,
    /// When it became ready, or the last request on it ended.
    pub last_used: SimTime,
}

/// What happened in a function since the start of the run; a policy takes differences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests that arrived.
    pub arrived: u64,
    /// Requests that ended, served or not.
    pub ended: u64,
    /// Integral of the requests on instances, in ns.
    pub in_progress_ns: u128,
    /// Integral of the requests that wait in front, in ns.
    pub queued_ns: u128,
    /// Integral of the instances that take requests and are ready, in ns.
    pub ready_ns: u128,
    /// Integral of all requests of the function in progress or waiting, whatever instances they are on, in ns.
    pub load_ns: u128,
}

impl View<'_> {
    /// Whether nobody is there, and there are as many instances as were ordered: then nothing happens by itself.
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
