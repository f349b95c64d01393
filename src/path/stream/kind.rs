//! What results report about streams, and how reports show it.

use crate::metric::component::{EVENTS, Flow, Kind, Losses, RATIO, USD, component_metrics};
use crate::metric::signal::{Event, Signal};

/// What results report about streams.
pub(crate) const KIND: Kind = Kind {
    title: "Streams",
    rows_are: "Stream",
    arrivals: "records.sent",
    headline: &["records.skipped", "records.expired", "iterator_age_s.max"],
    keeps: true,
    lasts: true,
    metrics: component_metrics! {
        "records.sent": EVENTS, "Records that were written.";
        "records.throttled": EVENTS.lower(), "Records throttled by a limit of the shard.";
        "records.completed": EVENTS.higher(), "Records that were processed.";
        "records.skipped": EVENTS.lower(), "Records that exceeded the maximum attempts.";
        "records.expired": EVENTS.lower(), "Records that became too old.";
        "records.remaining": EVENTS.lower(), "Records left at the end of the run.";
        "batches": EVENTS, "Batches that were read.";
        "retries": EVENTS.lower(), "Batches that were retried.";
        "loss_ratio": RATIO(&["records.skipped", "records.expired"], "records.sent"), "Skipped and expired records as \
                                                                                       a share of all.";
        "cost_usd": USD, "Cost of the stream.";
        @times "iterator_age_s", "Age of the records when they are read";
        @level "depth", "Records that wait";
    },
    limits: &[("write-limit", "records.throttled")],
    columns: &[
        ("records.sent", "Sent"),
        ("records.completed", "Completed"),
        ("records.skipped", "Skipped"),
        ("records.expired", "Expired"),
        ("records.remaining", "Remaining"),
        ("iterator_age_s.max", "Max. iterator age"),
        ("retries", "Retries"),
        ("cost_usd", "Cost"),
    ],
    flow: Some(Flow {
        incoming: &["records.sent", "records.throttled"],
        succeeded: &["records.completed"],
        failed: &["records.throttled", "records.skipped", "records.expired"],
        remaining: &["records.remaining"],
        time: Some(("age max", "iterator_age_s.max")),
        word: "lost",
    }),
    losses: Some(Losses {
        what: "records of stream",
        of: "records.sent",
        lost: &["records.skipped", "records.expired"],
    }),
    signals: &[
        ("records.sent", Signal::Count(Event::Succeeded)),
        ("records.throttled", Signal::Count(Event::Throttled)),
        ("records.completed", Signal::Count(Event::Deleted)),
        ("records.skipped", Signal::Count(Event::DeadLettered)),
        ("depth", Signal::Depth),
        ("iterator_age_s", Signal::OldestAge),
    ],
    has_latency: false,
};
