//! What results report about clients, and how reports show it.

use crate::metric::component::{COUNT, EVENTS, Kind, RATIO, component_metrics};
use crate::metric::signal;

/// What results report about clients.
pub(crate) const KIND: Kind = Kind {
    title: "Clients",
    rows_are: "Client",
    arrivals: "calls.arrived",
    headline: &["attempts_per_request", "calls.failed"],
    keeps: false,
    lasts: true,
    metrics: component_metrics! {
        "calls.arrived": EVENTS, "Requests of the caller.";
        "calls.succeeded": EVENTS.higher(), "Requests with a successful response.";
        "calls.failed": EVENTS.lower(), "Requests without a successful response.";
        "calls.unfinished": EVENTS.lower(), "Requests without a response at the end of the run.";
        "attempts.made": EVENTS, "Attempts, including those rejected by the circuit breaker.";
        "attempts.answered": EVENTS, "Attempts with a response in time.";
        "attempts.timed_out": EVENTS.lower(), "Attempts that timed out.";
        "attempts.outrun": EVENTS, "Attempts whose hedged copy got a response first.";
        "attempts.refused": EVENTS.lower(), "Attempts rejected by the circuit breaker, which were not sent.";
        "attempts.in_flight": EVENTS, "Attempts without a response at the end of the run.";
        "attempts_per_request": COUNT.lower(), "Attempts sent per request.";
        "failure_ratio": RATIO(&["calls.failed", "calls.unfinished"], "calls.arrived"), "Requests without a successful \
                                                                                         response, as a share of all.";
    },
    limits: &[],
    columns: &[
        ("attempts_per_request", "Attempts per request"),
        ("calls.succeeded", "Succeeded"),
        ("calls.failed", "Failed"),
        ("attempts.timed_out", "Attempts timed out"),
        ("attempts.refused", "Rejected by breaker"),
    ],
    flow: None,
    losses: None,
    signals: signal::CALLS,
    has_latency: true,
};
