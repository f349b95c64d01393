//! What results report about queues, and how reports show it.

use crate::metric::component::{EVENTS, Flow, Kind, Losses, RATIO, USD, component_metrics};
use crate::metric::signal::{Event, Signal};

/// What results report about queues.
pub(crate) const KIND: Kind = Kind {
    title: "Queues",
    rows_are: "Queue",
    arrivals: "messages.sent",
    headline: &["messages.dead_lettered", "messages.expired", "age_s.p99", "depth.peak"],
    keeps: true,
    lasts: true,
    metrics: component_metrics! {
        "messages.sent": EVENTS, "Messages that were sent to it.";
        "messages.redriven": EVENTS, "Messages redriven from the dead-letter queue.";
        "messages.completed": EVENTS.higher(), "Messages that were processed and deleted.";
        "messages.dead_lettered": EVENTS.lower(), "Messages that were received too often.";
        "messages.discarded": EVENTS.lower(), "Messages that became dead letters, each counted once even if it was \
                                               redriven and became one again.";
        "messages.expired": EVENTS.lower(), "Messages that exceeded the retention period.";
        "messages.remaining": EVENTS.lower(), "Messages left at the end of the run.";
        "receives": EVENTS, "Receives of messages.";
        "empty_receives": EVENTS.lower(), "Receives that found no message.";
        "batches": EVENTS, "Batches that were delivered.";
        "dead_letter_ratio": RATIO(&["messages.discarded"], "messages.sent"), "Messages that became dead letters, as a \
                                                                              share of those sent.";
        "cost_usd": USD, "Cost of the queue.";
        @times "age_s", "Time from sending a message to its deletion";
        @level "depth", "Messages that wait";
        @level "in_flight", "Messages received but not yet deleted";
    },
    limits: &[],
    columns: &[
        ("messages.sent", "Sent"),
        ("messages.completed", "Completed"),
        ("messages.dead_lettered", "Dead letters"),
        ("messages.expired", "Expired"),
        ("messages.remaining", "Remaining"),
        ("age_s.p99", "Age p99"),
        ("depth.peak", "Peak depth"),
        ("cost_usd", "Cost"),
    ],
    flow: Some(Flow {
        incoming: &["messages.sent", "messages.redriven"],
        succeeded: &["messages.completed"],
        failed: &["messages.dead_lettered", "messages.expired"],
        remaining: &["messages.remaining"],
        time: Some(("age p99", "age_s.p99")),
        word: "lost",
    }),
    losses: Some(Losses {
        what: "messages of queue",
        of: "messages.sent",
        lost: &["messages.dead_lettered", "messages.expired"],
    }),
    signals: &[
        ("messages.sent", Signal::Count(Event::Succeeded)),
        ("messages.delivered", Signal::Count(Event::Delivered)),
        ("messages.completed", Signal::Count(Event::Deleted)),
        ("messages.dead_lettered", Signal::Count(Event::DeadLettered)),
        ("depth", Signal::Depth),
        ("in_flight", Signal::InFlight),
        ("oldest_age_s", Signal::OldestAge),
    ],
    has_latency: false,
};
