//! What results report about dependencies, and how reports show it.

use crate::metric::component::{EVENTS, Flow, Kind, RATIO, USD, component_metrics};
use crate::metric::signal;

/// What results report about dependencies.
pub(crate) const KIND: Kind = Kind {
    title: "Dependencies",
    rows_are: "Dependency",
    arrivals: "calls.arrived",
    headline: &["throttled_ratio", "failure_ratio", "latency_s.p99", "concurrency.peak"],
    keeps: false,
    lasts: false,
    metrics: component_metrics! {
        "calls.arrived": EVENTS, "Calls that arrived.";
        "calls.completed": EVENTS.higher(), "Calls with a successful response.";
        "calls.throttled": EVENTS.lower(), "Calls that were throttled.";
        "calls.timed_out": EVENTS.lower(), "Calls that waited too long for a connection.";
        "calls.failed": EVENTS.lower(), "Calls that ended with an error.";
        "calls.unfinished": EVENTS.lower(), "Calls without a response at the end of the run.";
        "throttled_ratio": RATIO(&["calls.throttled"], "calls.arrived"), "Throttled calls as a share of arrivals.";
        "failure_ratio": RATIO(
            &["calls.throttled", "calls.timed_out", "calls.failed", "calls.unfinished"],
            "calls.arrived"
        ), "Calls without a successful response, as a share of all.";
        "cache.hits": EVENTS.higher(), "Calls served from the cache.";
        "cache.misses": EVENTS.lower(), "Calls that were not in the cache.";
        "cost_usd": USD, "Cost of the dependency.";
        @times "wait_s", "Time until a call is served";
        @times "latency_s", "Response time of a call";
        @level "concurrency", "Calls in progress";
        @level "queue", "Calls that wait";
    },
    limits: &[("throttle", "calls.throttled"), ("borrow-timeout", "calls.timed_out")],
    columns: &[
        ("calls.arrived", "Calls"),
        ("latency_s.p99", "Latency p99"),
        ("wait_s.p99", "Wait p99"),
        ("calls.throttled", "Throttled"),
        ("calls.timed_out", "Timed out"),
        ("calls.failed", "Failed"),
        ("concurrency.peak", "Peak concurrency"),
        ("cost_usd", "Cost"),
    ],
    flow: Some(Flow {
        incoming: &["calls.arrived"],
        succeeded: &["calls.completed"],
        failed: &["calls.throttled", "calls.timed_out", "calls.failed"],
        remaining: &["calls.unfinished"],
        time: Some(("p99", "latency_s.p99")),
        word: "failed",
    }),
    losses: None,
    signals: signal::CALLS,
    has_latency: true,
};
