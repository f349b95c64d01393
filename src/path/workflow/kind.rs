//! What results report about workflows, and how reports show it.

use crate::metric::component::{EVENTS, Flow, Kind, RATIO, USD, component_metrics};
use crate::metric::signal::{ENDED, Event, LOST, Signal};

/// What results report about workflows.
pub(crate) const KIND: Kind = Kind {
    title: "Workflows",
    rows_are: "Workflow",
    arrivals: "executions.started",
    headline: &["executions.failed", "latency_s.p99"],
    keeps: false,
    lasts: true,
    metrics: component_metrics! {
        "executions.started": EVENTS, "Executions that began.";
        "executions.throttled": EVENTS.lower(), "Executions that were throttled.";
        "executions.succeeded": EVENTS.higher(), "Executions that succeeded.";
        "executions.failed": EVENTS.lower(), "Executions that failed.";
        "executions.remaining": EVENTS.lower(), "Executions in progress at the end of the run.";
        "transitions": EVENTS.lower(), "Transitions between states.";
        "failure_ratio": RATIO(&["executions.failed", "executions.remaining"], "executions.started"), "Unsuccessful \
                                                                                                       executions as a \
                                                                                                       share of all.";
        "cost_usd": USD, "Cost of the workflow.";
        @times "latency_s", "Duration of an execution";
        @level "in_progress", "Executions in progress";
    },
    limits: &[("start-throttle", "executions.throttled")],
    columns: &[
        ("executions.started", "Started"),
        ("executions.succeeded", "Succeeded"),
        ("executions.failed", "Failed"),
        ("latency_s.p99", "Latency p99"),
        ("transitions", "Transitions"),
        ("cost_usd", "Cost"),
    ],
    flow: Some(Flow {
        incoming: &["executions.started", "executions.throttled"],
        succeeded: &["executions.succeeded"],
        failed: &["executions.throttled", "executions.failed"],
        remaining: &["executions.remaining"],
        time: Some(("p99", "latency_s.p99")),
        word: "failed",
    }),
    losses: None,
    signals: &[
        ("executions.started", Signal::Count(Event::Arrived)),
        ("executions.succeeded", Signal::Count(Event::Succeeded)),
        ("executions.throttled", Signal::Count(Event::Throttled)),
        ("executions.failed", Signal::Count(Event::Failed)),
        ("failure_ratio", Signal::Ratio(LOST, ENDED)),
    ],
    has_latency: true,
};
