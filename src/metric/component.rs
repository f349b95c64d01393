//! The metrics of what lies on the path of requests: what each kind of component counts, declared once.
//!
//! A component leaves its figures under these keys (`path::books`). Ratios, and the amplification, follow from them.

use std::sync::LazyLock;

use super::shape::{COUNT, EVENTS, SECONDS, USD};
use super::{Metric, Traits};

/// What is measured of the components of one kind.
#[derive(Clone, Debug)]
pub struct Kind {
    /// The kind as names have it: `queue` of `queue.orders`.
    pub kind: &'static str,
    /// Its group in results, as in `queues`.
    pub group: &'static str,
    /// The key of what arrives.
    pub arrivals: &'static str,
    /// The keys of what most people ask for first, on which contenders are set side by side.
    pub headline: &'static [&'static str],
    /// Its metrics.
    pub metrics: Vec<Metric>,
}

/// Attempts at a component for each request of the sources: its key, the same for every kind.
pub const AMPLIFICATION: &str = "amplification";

const RATIO: fn(&'static [&'static str], &'static str) -> Traits = |events, of| Traits::ratio(events, of).lower();

macro_rules! kinds {
    ($($kind:literal => $group:literal, $arrivals:literal, [$($headline:literal),*] {
        $($key:literal: $traits:expr, $about:literal;)*
        $(@times $times:literal, $of:literal;)*
        $(@level $level:literal, $what:literal;)*
    })*) => {
        fn declared() -> Vec<Kind> {
            vec![$(Kind {
                kind: $kind,
                group: $group,
                arrivals: $arrivals,
                headline: &[$($headline),*],
                metrics: [
                    vec![$(metric($key, $about, $traits)),*],
                    $(times($times, $of),)*
                    $(level($level, $what),)*
                    vec![metric(AMPLIFICATION, "Arrivals per request of the sources.", COUNT.lower())],
                ]
                .concat(),
            }),*]
        }
    };
}

fn metric(key: &str, about: &str, traits: Traits) -> Metric {
    Metric { key: key.to_owned(), about: about.to_owned(), traits }
}

fn times(name: &str, of: &str) -> Vec<Metric> {
    let seconds = SECONDS.lower();
    let list = [
        ("mean", "mean", seconds),
        ("sd", "standard deviation", seconds),
        ("p50", "median", seconds.quantile(500)),
        ("p90", "90th percentile", seconds.quantile(900)),
        ("p95", "95th percentile", seconds.quantile(950)),
        ("p99", "99th percentile", seconds.quantile(990)),
        ("p999", "99.9th percentile", seconds.quantile(999)),
        ("max", "largest", seconds.of_the_whole()),
    ];
    list.map(|(key, about, traits)| metric(&format!("{name}.{key}"), &format!("{of}: {about}."), traits)).to_vec()
}

fn level(name: &str, what: &str) -> Vec<Metric> {
    vec![
        metric(&format!("{name}.mean"), &format!("{what}: mean weighted by time."), COUNT.lower()),
        metric(&format!("{name}.peak"), &format!("{what}: highest."), COUNT.lower().of_the_whole()),
    ]
}

kinds! {
    "client" => "clients", "calls.arrived", ["attempts_per_request", "calls.failed"] {
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
    }
    "gateway" => "gateways", "requests.arrived", ["throttled_ratio", "failure_ratio", "latency_s.p99"] {
        "requests.arrived": EVENTS, "Requests that arrived.";
        "requests.throttled": EVENTS.lower(), "Requests throttled by the gateway.";
        "requests.timed_out": EVENTS.lower(), "Requests whose target did not respond in time.";
        "requests.cached": EVENTS.higher(), "Requests served from the cache.";
        "requests.completed": EVENTS.higher(), "Requests with a successful response of the target.";
        "requests.failed": EVENTS.lower(), "Requests that the target throttled or failed.";
        "requests.unfinished": EVENTS.lower(), "Requests without a response at the end of the run.";
        "throttled_ratio": RATIO(&["requests.throttled"], "requests.arrived"), "Throttled requests as a share of \
                                                                                arrivals.";
        "failure_ratio": RATIO(
            &["requests.throttled", "requests.timed_out", "requests.failed", "requests.unfinished"],
            "requests.arrived"
        ), "Requests without a successful response, as a share of all.";
        "cost_usd": USD, "Cost of the gateway.";
        @times "latency_s", "Response time of a request";
    }
    "queue" => "queues", "messages.sent", ["messages.dead_lettered", "messages.expired", "age_s.p99", "depth.peak"] {
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
    }
    "async" => "asynchronous", "events.received", ["events.dead_lettered", "events.expired", "age_s.p99"] {
        "events.received": EVENTS, "Events that were accepted.";
        "events.duplicated": EVENTS.lower(), "Events that were delivered twice.";
        "events.completed": EVENTS.higher(), "Events that were processed.";
        "events.dead_lettered": EVENTS.lower(), "Events that exceeded the maximum attempts.";
        "events.expired": EVENTS.lower(), "Events that became too old.";
        "events.discarded": EVENTS.lower(), "Events that exceeded the maximum attempts or became too old, each counted \
                                             once even if both copies of a duplicated one did.";
        "events.remaining": EVENTS.lower(), "Events left at the end of the run.";
        "attempts": EVENTS, "Attempted invocations.";
        "throttled": EVENTS.lower(), "Throttled invocations.";
        "dead_letter_ratio": RATIO(&["events.discarded"], "events.received"), "Discarded events as a share of all.";
        @times "age_s", "Time from accepting an event to its completion";
        @level "depth", "Events that wait";
    }
    "topic" => "topics", "messages.published", ["messages.dropped", "delivery_s.p99"] {
        "messages.published": EVENTS, "Messages that were published.";
        "messages.delivered": EVENTS.higher(), "Deliveries that were accepted.";
        "messages.dropped": EVENTS.lower(), "Deliveries that were discarded.";
        "messages.in_flight": EVENTS.lower(), "Deliveries in progress at the end of the run.";
        "retries": EVENTS.lower(), "Deliveries that were retried.";
        "cost_usd": USD, "Cost of the topic.";
        @times "delivery_s", "Time from publishing to acceptance by a subscriber";
        @level "in_flight", "Deliveries in progress";
    }
    "stream" => "streams", "records.sent", ["records.skipped", "records.expired", "iterator_age_s.max"] {
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
    }
    "dependency" => "dependencies", "calls.arrived", ["throttled_ratio", "failure_ratio", "latency_s.p99", "concurrency.peak"] {
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
    }
    "workflow" => "workflows", "executions.started", ["executions.failed", "latency_s.p99"] {
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
    }
    "link" => "links", "calls.arrived", ["calls.lost", "wait_s.p99"] {
        "calls.arrived": EVENTS, "Calls over the link.";
        "calls.answered": EVENTS.higher(), "Calls whose response arrived.";
        "calls.lost": EVENTS.lower(), "Calls that never arrived, or whose response did not.";
        "calls.failed": EVENTS.lower(), "Calls that failed because of an outage of the link.";
        "calls.unfinished": EVENTS.lower(), "Calls without a response at the end of the run.";
        "bytes": EVENTS, "Bytes transferred, in both directions.";
        "loss_ratio": RATIO(&["calls.lost"], "calls.arrived"), "Lost calls as a share of all.";
        @times "wait_s", "Time that payloads waited for bandwidth";
    }
    "tenant" => "tenants", "requests.arrived", ["throttled_ratio", "latency_s.p99"] {
        "requests.arrived": EVENTS, "Calls of the tenant.";
        "requests.throttled": EVENTS.lower(), "Calls throttled by a quota.";
        "requests.completed": EVENTS.higher(), "Calls with a successful response.";
        "requests.failed": EVENTS.lower(), "Other calls without a successful response.";
        "requests.unfinished": EVENTS.lower(), "Calls without a response at the end of the run.";
        "throttled_ratio": RATIO(&["requests.throttled"], "requests.arrived"), "Throttled calls as a share of all.";
        @times "latency_s", "Response time of a call";
        @level "concurrency", "Calls in progress";
    }
    "router" => "routers", "calls.arrived", ["failure_ratio", "calls.failed_over"] {
        "calls.arrived": EVENTS, "Calls that arrived.";
        "calls.completed": EVENTS.higher(), "Calls with a successful response.";
        "calls.failed": EVENTS.lower(), "Calls that were not.";
        "calls.unfinished": EVENTS.lower(), "Calls without a response at the end of the run.";
        "calls.failed_over": EVENTS, "Calls that were sent to a failover target.";
        "failure_ratio": RATIO(&["calls.failed", "calls.unfinished"], "calls.arrived"), "Calls without a successful \
                                                                                         response, as a share of all.";
    }
}

/// Attempts sent per request of a source; 1 without retries.
pub const ATTEMPTS_PER_REQUEST: &str = "attempts_per_request";

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(declared);
static OF_SOURCES: LazyLock<Metric> = LazyLock::new(|| {
    let about = "Attempts sent per request; 1 without retries.";
    metric(ATTEMPTS_PER_REQUEST, about, COUNT.lower())
});

/// Every kind.
#[must_use]
pub fn kinds() -> &'static [Kind] {
    &KINDS
}

/// The kind with this group in results.
#[must_use]
pub fn of_group(group: &str) -> Option<&'static Kind> {
    kinds().iter().find(|kind| kind.group == group)
}

/// The one metric that sources have beside those of requests.
#[must_use]
pub fn of_sources() -> &'static Metric {
    &OF_SOURCES
}

impl Kind {
    /// The metric with this dotted key.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Quantity, Statistic};
    use super::*;

    #[test]
    fn keys_are_unique_and_mean_the_same_everywhere() {
        let mut known: Vec<(&str, Quantity)> = Vec::new();
        for kind in kinds() {
            for (place, metric) in kind.metrics.iter().enumerate() {
                assert!(kind.metrics[..place].iter().all(|other| other.key != metric.key), "{} twice", metric.key);
                assert!(metric.about.ends_with('.'), "{}", metric.key);
                if let Some((_, quantity)) = known.iter().find(|(key, _)| *key == metric.key) {
                    assert_eq!(*quantity, metric.quantity, "{} of {}", metric.key, kind.kind);
                }
                known.push((&metric.key, metric.quantity));
            }
            for key in kind.headline.iter().chain([&kind.arrivals]) {
                assert!(kind.find(key).is_some(), "{key} of {}", kind.kind);
            }
        }
    }

    #[test]
    fn ratios_are_made_of_counts() {
        for kind in kinds() {
            for metric in &kind.metrics {
                let Statistic::Ratio { events, of } = metric.statistic else { continue };
                for key in events.iter().chain([&of]) {
                    assert_eq!(kind.find(key).map(|count| count.quantity), Some(Quantity::Count), "{key}");
                }
            }
        }
    }
}
