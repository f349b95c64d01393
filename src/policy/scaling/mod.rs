//! Scaling: how many instances there should be, decided on a clock of its own rather than by each request.
//!
//! Every policy here is a deterministic state machine: it is told the time and what was measured, and answers with a
//! number. It schedules nothing and knows no engine, so that the conformance tests run the very code the engine runs.

mod azure_consumption;
mod azure_flex;
mod clock;
mod cloud_run;
pub mod hpa;
pub mod keda;
pub mod knative;
mod openfaas;
mod peak;
pub mod predictive;
pub mod schedule;
pub mod scheduled;
pub mod target_tracking;
#[cfg(test)]
pub(crate) mod testing;
mod thresholds;

pub use azure_consumption::{AzureConsumption, AzureConsumptionSpec, Trigger};
pub use azure_flex::{AzureFlex, AzureFlexSpec};
pub use cloud_run::{CloudRun, CloudRunSpec};
pub use openfaas::{OpenFaas, OpenFaasCe, OpenFaasCeSpec, OpenFaasLoad, OpenFaasSpec};
pub use thresholds::{Load, Thresholds, ThresholdsSpec};

use crate::id::InstanceId;
use crate::rng::{Purpose, Stream};
use crate::time::{SimTime, Span};
use hpa::autoscaler::{Autoscaler, AutoscalerSpec};
use keda::autoscaler::{KedaAutoscaler, KedaSpec};
use knative::KnativeSpec;
use predictive::{Predictive, PredictiveSpec};
use schedule::Timer;
use scheduled::{Scheduled, ScheduledSpec};
use target_tracking::tracker::{Tracker, TrackerSpec};

/// The most instances that a policy may order where nothing else limits them.
pub const ORDERED_MAX: u32 = 1_000_000;
/// For so long after the horizon a policy is asked while requests wait.
pub const COOL_DOWN: Span = Span::from_secs(3600);

/// What a scenario says about scaling.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ScalingSpec {
    /// A request that finds no instance with a free slot gets one of its own.
    #[default]
    PerRequest,
    /// So many instances that each has a target of load.
    Thresholds(ThresholdsSpec),
    /// The Knative Pod Autoscaler.
    Knative(Box<KnativeSpec>),
    /// Azure Functions, Consumption plan.
    AzureConsumption(AzureConsumptionSpec),
    /// Azure Functions, Flex Consumption plan.
    AzureFlex(AzureFlexSpec),
    /// Google Cloud Run.
    CloudRun(Box<CloudRunSpec>),
    /// OpenFaaS Pro.
    OpenFaas(Box<OpenFaasSpec>),
    /// OpenFaaS, Community Edition.
    OpenFaasCe(OpenFaasCeSpec),
    /// The Kubernetes HorizontalPodAutoscaler.
    Hpa(Box<AutoscalerSpec>),
    /// A `ScaledObject` of KEDA on the function's queue.
    Keda(Box<KedaSpec>),
    /// Target tracking of provisioned instances.
    TargetTracking(Box<TrackerSpec>),
    /// A timetable.
    Scheduled(ScheduledSpec),
    /// Instances for the load that is forecast.
    Predictive(Box<PredictiveSpec>),
    /// What a test wants answered.
    #[cfg(test)]
    Scripted(testing::Script),
}

impl ScalingSpec {
    /// The name of the policy in a scenario.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PerRequest => "per-request",
            Self::Thresholds(_) => "thresholds",
            Self::Knative(_) => "knative",
            Self::AzureConsumption(_) => "azure-consumption",
            Self::AzureFlex(_) => "azure-flex",
            Self::CloudRun(_) => "cloud-run",
            Self::OpenFaas(_) => "openfaas",
            Self::OpenFaasCe(_) => "openfaas-ce",
            Self::Hpa(_) => "hpa",
            Self::Keda(_) => "keda",
            Self::TargetTracking(_) => "target-tracking",
            Self::Scheduled(_) => "scheduled",
            Self::Predictive(_) => "predictive",
            #[cfg(test)]
            Self::Scripted(_) => "scripted",
        }
    }

    /// The policy, with no memory yet; none where each request decides. It draws from a `stream` for each purpose.
    #[must_use]
    pub fn build(&self, stream: impl Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        Some(match self {
            Self::PerRequest => return None,
            Self::Thresholds(spec) => Box::new(Thresholds::new(spec.clone())),
            Self::Knative(spec) => Box::new(spec.build(stream(Purpose::Scaling), stream(Purpose::Routing))),
            Self::AzureConsumption(spec) => Box::new(AzureConsumption::new(spec.clone())),
            Self::AzureFlex(spec) => Box::new(AzureFlex::new(spec.clone())),
            Self::CloudRun(spec) => Box::new(CloudRun::new((**spec).clone())),
            Self::OpenFaas(spec) => Box::new(OpenFaas::new((**spec).clone())),
            Self::OpenFaasCe(spec) => Box::new(OpenFaasCe::new(spec.clone())),
            Self::Hpa(spec) => Box::new(Autoscaler::new(AutoscalerSpec::clone(spec))),
            Self::Keda(spec) => Box::new(KedaAutoscaler::new(KedaSpec::clone(spec))),
            Self::TargetTracking(spec) => Box::new(Tracker::new(TrackerSpec::clone(spec))),
            Self::Scheduled(spec) => Box::new(Scheduled::new(spec)),
            Self::Predictive(spec) => Box::new(Predictive::new(PredictiveSpec::clone(spec))),
            #[cfg(test)]
            Self::Scripted(script) => Box::new(script.clone()),
        })
    }

    /// Whether a policy orders every instance, so that requests wait for them.
    #[must_use]
    pub const fn orders_all(&self) -> bool {
        !matches!(self, Self::PerRequest) && matches!(self.governs(), Governs::Instances)
    }

    /// What the policy governs.
    #[must_use]
    pub const fn governs(&self) -> Governs {
        match self {
            Self::PerRequest | Self::Thresholds(_) | Self::Knative(_) => Governs::Instances,
            Self::AzureConsumption(_) | Self::AzureFlex(_) | Self::CloudRun(_) => Governs::Instances,
            Self::OpenFaas(_) | Self::OpenFaasCe(_) => Governs::Instances,
            Self::Hpa(_) | Self::Keda(_) => Governs::Instances,
            Self::TargetTracking(_) => Governs::Provisioned,
            Self::Scheduled(spec) => spec.governs,
            Self::Predictive(spec) => spec.governs,
            #[cfg(test)]
            Self::Scripted(_) => Governs::Instances,
        }
    }

    /// The least time between two moments at which it acts by its own clock; none: it has none, or acts a few times only.
    #[must_use]
    pub fn pause(&self) -> Option<Span> {
        let second = Span::from_secs(1);
        let every = |timers: &mut dyn Iterator<Item = Timer>| timers.filter_map(|timer| timer.every).min();
        match self {
            Self::PerRequest => None,
            Self::Thresholds(spec) => Some(spec.interval),
            Self::Knative(_) | Self::AzureFlex(_) => Some(second),
            Self::AzureConsumption(spec) => Some(spec.interval()),
            Self::CloudRun(spec) => Some(spec.interval),
            Self::OpenFaas(spec) => Some(spec.interval.min(openfaas::SAMPLE)),
            Self::OpenFaasCe(_) => Some(openfaas::SAMPLE),
            Self::Hpa(spec) => Some(spec.sync_period.min(spec.sampling.resolution)),
            Self::Keda(spec) => Some(spec.object.polling_interval.min(hpa::controller::SYNC_PERIOD)),
            Self::TargetTracking(spec) => {
                let scheduled = every(&mut spec.actions.iter().map(|(timer, _)| *timer));
                Some(
                    scheduled.map_or(target_tracking::DATAPOINT_PERIOD, |pause| {
                        pause.min(target_tracking::DATAPOINT_PERIOD)
                    }),
                )
            }
            Self::Scheduled(spec) => every(&mut spec.actions.iter().map(|(timer, _)| *timer)),
            Self::Predictive(spec) => Some(spec.interval),
            #[cfg(test)]
            Self::Scripted(script) => Some(script.pause),
        }
    }

    /// Instances that it keeps at least, where clouds charge for them as such.
    #[must_use]
    pub fn minimum_instances(&self) -> u32 {
        match self {
            Self::Thresholds(spec) => spec.min_instances,
            Self::CloudRun(spec) => spec.min_instances,
            Self::AzureFlex(spec) => spec.always_ready,
            _ => 0,
        }
    }

    /// How long a busy instance that it withdraws may go on where nothing else is said, of a function with this time-out;
    /// none: until it has finished.
    ///
    /// Sources: `terminationGracePeriodSeconds` of a pod is 30 s by default; Knative gives its pods the revision's
    /// `timeoutSeconds`, 300 s by default.
    #[must_use]
    pub fn termination_grace_period(&self, timeout: Option<Span>) -> Option<Span> {
        match self {
            Self::Hpa(_) | Self::Keda(_) | Self::OpenFaas(_) | Self::OpenFaasCe(_) => Some(Span::from_secs(30)),
            Self::Knative(_) => timeout.or(Some(Span::from_secs(300))),
            _ => None,
        }
    }

    /// The most provisioned instances that the policy may order.
    #[must_use]
    pub fn most_provisioned(&self) -> u32 {
        match self {
            Self::TargetTracking(spec) => spec.most(),
            Self::Scheduled(spec) if spec.governs == Governs::Provisioned => spec.most(),
            Self::Predictive(spec) if spec.governs == Governs::Provisioned => spec.max_instances.unwrap_or(u32::MAX),
            _ => 0,
        }
    }
}

/// Which instances a policy orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Governs {
    /// All of the function's: a request that finds none with a free slot waits.
    Instances,
    /// The provisioned ones: a request that finds none of them free gets one of its own.
    Provisioned,
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

    /// A request arrived.
    fn arrived(&mut self, _now: SimTime) {}

    /// A request was given to an instance; `waited`: not at once. The answer is given back when it ends.
    fn placed(&mut self, _now: SimTime, _instance: InstanceId, _waited: bool) -> Mark {
        false
    }

    /// A request on an instance ended; `mark` is what [`Scaling::placed`] had answered.
    fn ended(&mut self, _now: SimTime, _instance: InstanceId, _mark: Mark) {}

    /// The request that arrived last waits in front of the instances.
    fn held_back(&mut self, _now: SimTime) {}

    /// A request ended without having been given to an instance; `waited`: it had been held back. If not, it is the one
    /// that arrived last.
    fn gave_up(&mut self, _now: SimTime, _waited: bool) {}

    /// An instance is ready to serve.
    fn ready(&mut self, _now: SimTime, _instance: InstanceId) {}

    /// An instance is gone, or takes no further request.
    fn withdrawn(&mut self, _now: SimTime, _instance: InstanceId) {}

    /// Whether an arriving request is sent to any instance that is ready, to wait there, even if all of its slots are
    /// taken; so many may wait at each. None: it waits in front of all instances until one has a slot.
    fn waits_at_instance(&self) -> Option<u32> {
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
pub type Mark = bool;

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
