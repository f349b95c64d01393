//! Signals: what is watched while a run goes on, period by period, as monitoring services watch a real system. Alarms and exported
//! metrics are made of them.
//!
//! Their names are those of the summary; the value is that of one period: a count is of what happened in it, a ratio and a time of what
//! ended in it, a peak of its highest moment, a level of its end.

use super::Quantity;
use super::component::NODE_GROUP;

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Event {
    /// A request, call, message or invocation arrived.
    Arrived,
    /// It was answered successfully, or accepted.
    Succeeded,
    /// It was refused by a limit.
    Throttled,
    /// It took too long.
    TimedOut,
    /// It ended with an error.
    Failed,
    /// It was larger than allowed.
    TooLarge,
    /// An invocation began to be served.
    Started,
    /// An instance was created for an invocation.
    Cold,
    /// A limit refused an invocation or held it back.
    LimitHit,
    /// Messages that were handed to who processes them.
    Delivered,
    /// Messages that were processed.
    Deleted,
    /// Messages that were given up.
    DeadLettered,
}

impl Event {
    /// How many there are.
    pub const NUMBER: usize = Self::DeadLettered as usize + 1;
}

/// A statistic of times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// The mean.
    Mean,
    /// A quantile, between 0 and 1; 1 is the largest.
    Quantile(f64),
}

/// What is watched of a subject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Signal {
    /// How often something happened.
    Count(Event),
    /// How often any of these happened.
    Sum(&'static [Event]),
    /// The first over the second; missing where there was nothing to count.
    Ratio(&'static [Event], &'static [Event]),
    /// Latency of what was answered successfully.
    Latency(Statistic),
    /// Running time of invocations that completed.
    Execution(Statistic),
    /// Most requests in progress at a moment.
    Concurrency,
    /// Most instances at a moment.
    Instances,
    /// Most requests that waited for capacity at a moment.
    Queue,
    /// Messages that wait, at the end of the period.
    Depth,
    /// Messages being processed, at the end of the period.
    InFlight,
    /// How old the oldest message is, at the end of the period.
    OldestAge,
    /// What everything has cost since the beginning of the measured part.
    Cost,
    /// Most nodes at a moment, those that boot included.
    Nodes,
    /// Most instances that waited for a node at a moment.
    PendingPods,
    /// CPU requested by instances as a share of what the nodes have.
    CpuUtilization,
    /// The same for memory.
    MemoryUtilization,
}

use Event::{Arrived, Cold, Failed, LimitHit, Started, Succeeded, Throttled, TimedOut, TooLarge};

/// Events of what was not answered successfully.
pub(crate) const LOST: &[Event] = &[Throttled, TimedOut, Failed, TooLarge];
/// Events of what was answered.
pub(crate) const ENDED: &[Event] = &[Succeeded, Throttled, TimedOut, Failed, TooLarge];
/// What counts as failed where what is too large is not counted by itself.
const FAILED: Signal = Signal::Sum(&[Failed, TooLarge]);

/// The signals of a kind of subject that are counts, ratios and levels: names and what they are.
type Named = (&'static str, Signal);

const REQUESTS: &[Named] = &[
    ("requests.arrived", Signal::Count(Arrived)),
    ("requests.completed", Signal::Count(Succeeded)),
    ("requests.rejected", Signal::Count(Throttled)),
    ("requests.timed_out", Signal::Count(TimedOut)),
    ("requests.failed", FAILED),
    ("rejection_ratio", Signal::Ratio(&[Throttled], ENDED)),
    ("failure_ratio", Signal::Ratio(LOST, ENDED)),
];
const FUNCTION: &[Named] = &[
    ("invocations.started", Signal::Count(Started)),
    ("invocations.cold", Signal::Count(Cold)),
    ("invocations.throttled", Signal::Count(LimitHit)),
    ("cold_start_ratio", Signal::Ratio(&[Cold], &[Started])),
    ("concurrency.peak", Signal::Concurrency),
    ("instances.peak", Signal::Instances),
    ("queue.peak", Signal::Queue),
];
const TOTAL: &[Named] = &[("cost_usd.total", Signal::Cost)];
const NODES: &[Named] = &[
    ("count.peak", Signal::Nodes),
    ("pending_pods.peak", Signal::PendingPods),
    ("cpu_utilization", Signal::CpuUtilization),
    ("memory_utilization", Signal::MemoryUtilization),
];

/// What is watched of a component that passes calls on or answers them.
pub(crate) const CALLS: &[Named] = &[
    ("calls.arrived", Signal::Count(Arrived)),
    ("calls.completed", Signal::Count(Succeeded)),
    ("calls.throttled", Signal::Count(Throttled)),
    ("calls.timed_out", Signal::Count(TimedOut)),
    ("calls.failed", FAILED),
    ("throttled_ratio", Signal::Ratio(&[Throttled], ENDED)),
    ("failure_ratio", Signal::Ratio(LOST, ENDED)),
];

/// What is watched of a component that admits requests.
pub(crate) const SERVED_REQUESTS: &[Named] = &[
    ("requests.arrived", Signal::Count(Arrived)),
    ("requests.completed", Signal::Count(Succeeded)),
    ("requests.throttled", Signal::Count(Throttled)),
    ("requests.timed_out", Signal::Count(TimedOut)),
    ("requests.failed", FAILED),
    ("throttled_ratio", Signal::Ratio(&[Throttled], ENDED)),
    ("failure_ratio", Signal::Ratio(LOST, ENDED)),
];

/// The same where those that are too large are counted by themselves.
pub(crate) const SIZED_REQUESTS: &[Named] = &[
    ("requests.arrived", Signal::Count(Arrived)),
    ("requests.completed", Signal::Count(Succeeded)),
    ("requests.throttled", Signal::Count(Throttled)),
    ("requests.too_large", Signal::Count(TooLarge)),
    ("requests.timed_out", Signal::Count(TimedOut)),
    ("requests.failed", Signal::Count(Failed)),
    ("throttled_ratio", Signal::Ratio(&[Throttled], ENDED)),
    ("failure_ratio", Signal::Ratio(LOST, ENDED)),
];

/// Statistics of times and their names.
const TIMES: [(&str, Statistic); 6] = [
    ("mean", Statistic::Mean),
    ("p50", Statistic::Quantile(0.5)),
    ("p90", Statistic::Quantile(0.9)),
    ("p95", Statistic::Quantile(0.95)),
    ("p99", Statistic::Quantile(0.99)),
    ("max", Statistic::Quantile(1.0)),
];

/// Signals by name, and those of latency.
#[must_use]
pub fn named(signals: &[Named], has_latency: bool) -> Vec<(String, Signal)> {
    let mut all: Vec<(String, Signal)> = signals.iter().map(|(name, signal)| ((*name).to_owned(), *signal)).collect();
    if has_latency {
        all.extend(TIMES.map(|(name, statistic)| (format!("latency_s.{name}"), Signal::Latency(statistic))));
    }
    all
}

/// The signals of `total`, a `function`, a `source` or a `node-group` by name.
#[must_use]
pub fn of_kind(kind: &str) -> Vec<(String, Signal)> {
    let (parts, has_latency): (&[&[Named]], bool) = match kind {
        "total" => (&[REQUESTS, FUNCTION, TOTAL], true),
        "function" => (&[REQUESTS, FUNCTION], true),
        "source" => (&[REQUESTS], true),
        NODE_GROUP => (&[NODES], false),
        _ => (&[], false),
    };
    let mut all: Vec<(String, Signal)> = parts.iter().flat_map(|part| named(part, false)).collect();
    if has_latency {
        all.extend(named(&[], true));
    }
    if kind == "function" {
        all.extend(TIMES.map(|(name, statistic)| (format!("execution_s.{name}"), Signal::Execution(statistic))));
    }
    all
}

impl Signal {
    /// What its numbers are.
    #[must_use]
    pub const fn quantity(self) -> Quantity {
        match self {
            Self::Ratio(..) | Self::CpuUtilization | Self::MemoryUtilization => Quantity::Ratio,
            Self::Cost => Quantity::Usd,
            Self::Latency(_) | Self::Execution(_) | Self::OldestAge => Quantity::Seconds,
            Self::Count(_)
            | Self::Sum(_)
            | Self::Concurrency
            | Self::Instances
            | Self::Queue
            | Self::Depth
            | Self::InFlight
            | Self::Nodes
            | Self::PendingPods => Quantity::Count,
        }
    }
}
