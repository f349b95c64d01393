//! Signals: what is watched while a run goes on, period by period, as monitoring services watch a real system. Alarms and exported
//! metrics are made of them.
//!
//! Their names are those of the summary; the value is that of one period: a count is of what happened in it, a ratio and a time of what
//! ended in it, a peak of its highest moment, a level of its end.

use super::Quantity;

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
}

use Event::{
    Arrived, Cold, DeadLettered, Deleted, Delivered, Failed, LimitHit, Started, Succeeded, Throttled, TimedOut,
};

const LOST: &[Event] = &[Throttled, TimedOut, Failed];
const ENDED: &[Event] = &[Succeeded, Throttled, TimedOut, Failed];

/// The signals of a kind of subject that are counts, ratios and levels: names and what they are.
type Named = (&'static str, Signal);

const REQUESTS: &[Named] = &[
    ("requests.arrived", Signal::Count(Arrived)),
    ("requests.completed", Signal::Count(Succeeded)),
    ("requests.rejected", Signal::Count(Throttled)),
    ("requests.timed_out", Signal::Count(TimedOut)),
    ("requests.failed", Signal::Count(Failed)),
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
const GATEWAY: &[Named] = &[
    ("requests.arrived", Signal::Count(Arrived)),
    ("requests.completed", Signal::Count(Succeeded)),
    ("requests.throttled", Signal::Count(Throttled)),
    ("requests.timed_out", Signal::Count(TimedOut)),
    ("requests.failed", Signal::Count(Failed)),
    ("throttled_ratio", Signal::Ratio(&[Throttled], ENDED)),
    ("failure_ratio", Signal::Ratio(LOST, ENDED)),
];
const CALLS: &[Named] = &[
    ("calls.arrived", Signal::Count(Arrived)),
    ("calls.completed", Signal::Count(Succeeded)),
    ("calls.throttled", Signal::Count(Throttled)),
    ("calls.timed_out", Signal::Count(TimedOut)),
    ("calls.failed", Signal::Count(Failed)),
    ("throttled_ratio", Signal::Ratio(&[Throttled], ENDED)),
    ("failure_ratio", Signal::Ratio(LOST, ENDED)),
];
const WORKFLOW: &[Named] = &[
    ("executions.started", Signal::Count(Arrived)),
    ("executions.succeeded", Signal::Count(Succeeded)),
    ("executions.throttled", Signal::Count(Throttled)),
    ("executions.failed", Signal::Count(Failed)),
    ("failure_ratio", Signal::Ratio(LOST, ENDED)),
];
const QUEUE: &[Named] = &[
    ("messages.sent", Signal::Count(Succeeded)),
    ("messages.delivered", Signal::Count(Delivered)),
    ("messages.completed", Signal::Count(Deleted)),
    ("messages.dead_lettered", Signal::Count(DeadLettered)),
    ("depth", Signal::Depth),
    ("in_flight", Signal::InFlight),
    ("oldest_age_s", Signal::OldestAge),
];
const ASYNC: &[Named] = &[
    ("events.received", Signal::Count(Succeeded)),
    ("events.completed", Signal::Count(Deleted)),
    ("events.dead_lettered", Signal::Count(DeadLettered)),
    ("depth", Signal::Depth),
    ("oldest_age_s", Signal::OldestAge),
];
const STREAM: &[Named] = &[
    ("records.sent", Signal::Count(Succeeded)),
    ("records.throttled", Signal::Count(Throttled)),
    ("records.completed", Signal::Count(Deleted)),
    ("records.skipped", Signal::Count(DeadLettered)),
    ("depth", Signal::Depth),
    ("iterator_age_s", Signal::OldestAge),
];
const TOPIC: &[Named] = &[
    ("messages.published", Signal::Count(Arrived)),
    ("messages.delivered", Signal::Count(Deleted)),
    ("in_flight", Signal::InFlight),
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

/// The signals of a kind of subject by name: `total`, `function`, `source`, or a kind of component as in `queue`.
#[must_use]
pub fn of_kind(kind: &str) -> Vec<(String, Signal)> {
    let (parts, has_latency): (&[&[Named]], bool) = match kind {
        "total" => (&[REQUESTS, FUNCTION, TOTAL], true),
        "function" => (&[REQUESTS, FUNCTION], true),
        "source" => (&[REQUESTS], true),
        "gateway" | "tenant" => (&[GATEWAY], true),
        "dependency" | "router" | "client" | "link" => (&[CALLS], true),
        "workflow" => (&[WORKFLOW], true),
        "queue" => (&[QUEUE], false),
        "async" => (&[ASYNC], false),
        "stream" => (&[STREAM], false),
        "topic" => (&[TOPIC], false),
        _ => (&[], false),
    };
    let mut all: Vec<(String, Signal)> =
        parts.iter().copied().flatten().map(|(name, signal)| ((*name).to_owned(), *signal)).collect();
    if has_latency {
        all.extend(TIMES.map(|(name, statistic)| (format!("latency_s.{name}"), Signal::Latency(statistic))));
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
            Self::Ratio(..) => Quantity::Ratio,
            Self::Cost => Quantity::Usd,
            Self::Latency(_) | Self::Execution(_) | Self::OldestAge => Quantity::Seconds,
            Self::Count(_)
            | Self::Sum(_)
            | Self::Concurrency
            | Self::Instances
            | Self::Queue
            | Self::Depth
            | Self::InFlight => Quantity::Count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::component;

    #[test]
    fn every_kind_has_signals_with_units_in_their_names() {
        let kinds = component::kinds().iter().map(|kind| kind.kind).chain(["total", "function", "source"]);
        for kind in kinds {
            let all = of_kind(kind);
            assert!(!all.is_empty(), "{kind}");
            for (place, (name, signal)) in all.iter().enumerate() {
                assert!(all[..place].iter().all(|(other, _)| other != name), "{name} of {kind} twice");
                let parts: Vec<&str> = name.split('.').collect();
                let ends_in = |suffix: &str| parts.iter().any(|part| part.ends_with(suffix));
                let is_said = match signal.quantity() {
                    Quantity::Seconds => ends_in("_s"),
                    Quantity::Usd => ends_in("_usd"),
                    Quantity::Ratio => ends_in("_ratio"),
                    Quantity::Count => true,
                };
                assert!(is_said, "{name} of {kind}");
            }
        }
    }
}
