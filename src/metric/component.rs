//! What results say of the components on the path of requests: each kind declares a [`Kind`] beside its component, and
//! `path::kinds` collects them.
//!
//! A component leaves its figures under these keys (`path::books`). Ratios, and the amplification, follow from them.

use std::sync::LazyLock;

pub(crate) use super::shape::{COUNT, EVENTS, SECONDS, USD};
use super::signal::Signal;
use super::{Metric, Quantity, Traits};

/// What results say of the components of one kind; declared beside the component.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The heading of their table in reports.
    pub title: &'static str,
    /// What a row of it is.
    pub rows_are: &'static str,
    /// The key of what arrives.
    pub arrivals: &'static str,
    /// The keys of what most people ask for first, on which contenders are set side by side.
    pub headline: &'static [&'static str],
    /// Whether it answers before it calls, so that nobody waits for what it calls.
    pub keeps: bool,
    /// Whether it keeps what it was given, or tries again, so that something may be left at the horizon.
    pub lasts: bool,
    /// Its metrics, without those that every kind has.
    pub metrics: fn() -> Vec<Metric>,
    /// The limits that may hold back what arrives, and the keys of what they refused or timed out.
    pub limits: &'static [(&'static str, &'static str)],
    /// What reports show of each: keys of metrics and their headings.
    pub columns: &'static [(&'static str, &'static str)],
    /// What becomes of what arrives; none: it is not shown in the flow.
    pub flow: Option<Flow>,
    /// What of what was accepted may be lost.
    pub losses: Option<Losses>,
    /// What is watched of it period by period, but for latency.
    pub signals: &'static [(&'static str, Signal)],
    /// Whether its latency is watched too.
    pub has_latency: bool,
}

/// What becomes of what arrives: in = succeeded + failed + remaining. The figures of several keys are added up.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// What arrives.
    pub incoming: &'static [&'static str],
    /// What is done with, successfully.
    pub succeeded: &'static [&'static str],
    /// What failed, was refused or given up.
    pub failed: &'static [&'static str],
    /// What is still there at the end.
    pub remaining: &'static [&'static str],
    /// A time that says how it keeps up: what it is called, and its key.
    pub time: Option<(&'static str, &'static str)>,
    /// What failing is called there.
    pub word: &'static str,
}

/// What was accepted and then lost.
#[derive(Clone, Copy, Debug)]
pub struct Losses {
    /// What is lost of whom, as in "messages of queue".
    pub what: &'static str,
    /// The key of what was accepted.
    pub of: &'static str,
    /// The keys of what was lost.
    pub lost: &'static [&'static str],
}

/// Attempts at a component for each request of the sources: its key, the same for every kind.
pub const AMPLIFICATION: &str = "amplification";

/// A ratio of counts of which less is better.
pub(crate) const RATIO: fn(&'static [&'static str], &'static str) -> Traits =
    |events, of| Traits::ratio(events, of).lower();

/// Declares the metrics of a component: counts and the like, then times (`@times`) and levels (`@level`), which are several
/// metrics each.
macro_rules! component_metrics {
    (
        $($key:literal: $traits:expr, $about:literal;)*
        $(@times $times:literal, $of:literal;)*
        $(@level $level:literal, $what:literal;)*
    ) => {
        || {
            [
                vec![$($crate::metric::component::metric($key, $about, $traits)),*],
                $($crate::metric::component::times($times, $of),)*
                $($crate::metric::component::level($level, $what),)*
            ]
            .concat()
        }
    };
}

pub(crate) use component_metrics;

/// A metric.
pub(crate) fn metric(key: &str, about: &str, traits: Traits) -> Metric {
    Metric { key: key.to_owned(), about: about.to_owned(), traits }
}

/// The metrics of times.
pub(crate) fn times(name: &str, of: &str) -> Vec<Metric> {
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

/// The metrics of a level.
pub(crate) fn level(name: &str, what: &str) -> Vec<Metric> {
    vec![
        metric(&format!("{name}.mean"), &format!("{what}: mean weighted by time."), COUNT.lower()),
        metric(&format!("{name}.peak"), &format!("{what}: highest."), COUNT.lower().of_the_whole()),
    ]
}

/// Attempts sent per request of a source; 1 without retries.
pub const ATTEMPTS_PER_REQUEST: &str = "attempts_per_request";

static OF_SOURCES: LazyLock<Metric> = LazyLock::new(|| {
    let about = "Attempts sent per request; 1 without retries.";
    metric(ATTEMPTS_PER_REQUEST, about, COUNT.lower())
});

/// The group in results, and the beginning of names such as "batching.chat", of what functions with `batching` generate.
pub const BATCHING: &str = "batching";

/// What most people ask of them first.
pub const BATCHING_HEADLINE: [&str; 3] = ["ttft_s.p99", "tpot_s.p99", "output_tokens_per_s"];

static OF_BATCHING: LazyLock<Vec<Metric>> = LazyLock::new(|| {
    let tokens = [
        metric("output_tokens", "Tokens of complete answers.", EVENTS.higher()),
        metric("output_tokens_per_s", "Tokens of complete answers, per second.", COUNT.higher()),
    ];
    let first = times("ttft_s", "Time from the arrival of a request to its first token");
    let each = times("tpot_s", "Mean time per further token of an answer");
    [first, each, tokens.to_vec()].concat()
});

/// The metrics that a function with `batching` has beside those of requests.
#[must_use]
pub fn of_batching() -> &'static [Metric] {
    &OF_BATCHING
}

/// That of these with a dotted key.
#[must_use]
pub fn find_of_batching(key: &str) -> Option<&'static Metric> {
    of_batching().iter().find(|metric| metric.key == key)
}

/// The one metric that sources have beside those of requests.
#[must_use]
pub fn of_sources() -> &'static Metric {
    &OF_SOURCES
}

/// The group in results, and the beginning of names such as "node-group.general", of node groups.
pub const NODE_GROUP: &str = "node-group";

static OF_NODES: LazyLock<Vec<Metric>> = LazyLock::new(|| {
    const SHARE: Traits = Traits { quantity: Quantity::Ratio, ..COUNT };
    let counts = [
        metric("node_seconds", "Sum of the times that nodes were there, in seconds.", EVENTS.lower()),
        metric("cpu_utilization", "CPU requested by instances as a share of what the nodes have.", SHARE),
        metric("memory_utilization", "Memory requested by instances as a share of what the nodes have.", SHARE),
        metric("gpu_utilization", "GPUs requested by instances as a share of what the nodes have.", SHARE),
        metric(
            "cpu_stranded_share",
            "Share of the CPU that is free on nodes on which no instance fits.",
            SHARE.lower(),
        ),
        metric(
            "memory_stranded_share",
            "Share of the memory that is free on nodes on which no instance fits.",
            SHARE.lower(),
        ),
        metric(
            "cpu_contention",
            "Share of node-seconds in which instances need more CPU than their node has.",
            SHARE.lower(),
        ),
        metric("nodes.added", "Nodes added.", EVENTS.lower()),
        metric("nodes.removed", "Nodes removed.", EVENTS),
        metric("pods.created", "Instances that needed a node.", EVENTS),
        metric("pods.pending", "Instances without a node at the end.", EVENTS.lower()),
        metric("pods.lost", "Instances that were lost with their node.", EVENTS.lower()),
        metric("cost_usd", "Cost of the nodes.", USD),
    ];
    let nodes = level("count", "Nodes, those that boot included");
    let pending = level("pending_pods", "Instances that wait for a node");
    let pending_s = times("pending_s", "Time that an instance waited for a node");
    let image_s = times("image_s", "Time that an instance waited for its image on its node");
    [nodes, pending, pending_s, image_s, counts.to_vec()].concat()
});

/// The metrics of node groups.
#[must_use]
pub fn of_nodes() -> &'static [Metric] {
    &OF_NODES
}
