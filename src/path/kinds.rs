//! The kinds of components: what each reports in results, by kind, by group and by key.

use std::sync::LazyLock;

use super::component_kinds;
use crate::metric::component::{AMPLIFICATION, COUNT, Kind, metric};
use crate::metric::signal::{self, Signal};
use crate::metric::{Metric, Quantity, find};

/// A kind with its names and metrics.
#[derive(Debug)]
pub struct Described {
    /// The kind as in names such as `queue.orders`.
    pub kind: &'static str,
    /// Its group in results, as in `queues`.
    pub group: &'static str,
    about: Kind,
    metrics: Vec<Metric>,
}

impl std::ops::Deref for Described {
    type Target = Kind;

    fn deref(&self) -> &Kind {
        &self.about
    }
}

impl Described {
    fn new(kind: &'static str, group: &'static str, about: Kind) -> Self {
        let mut metrics = (about.metrics)();
        metrics.push(metric(AMPLIFICATION, "Arrivals per request of the sources.", COUNT.lower()));
        Self { kind, group, about, metrics }
    }

    /// Its metrics.
    #[must_use]
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// The metric with this dotted key.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.key == key)
    }
}

macro_rules! declared {
    (
        listed { $($(#[doc = $doc:literal])+ $key:ident in $group:ident: $table:ident => $kind:ident($spec:ident),)* }
        other { $($(#[doc = $other_doc:literal])+ $(#[cfg($test:meta)])? $name:literal in $other_group:ident: $module:ident => $other:ident($other_spec:ty),)* }
    ) => {
        static KINDS: LazyLock<Vec<Described>> = LazyLock::new(|| {
            vec![
                $(Described::new(stringify!($key), stringify!($group), super::$key::KIND),)*
                $($(#[cfg($test)])? Described::new($name, stringify!($other_group), super::$module::KIND),)*
            ]
        });
    };
}

component_kinds!(declared);

/// Every kind.
#[must_use]
pub fn kinds() -> &'static [Described] {
    &KINDS
}

/// The kind with this group in results.
#[must_use]
pub fn of_group(group: &str) -> Option<&'static Described> {
    kinds().iter().find(|kind| kind.group == group)
}

/// What the metric with this dotted key measures, of requests or of any component; else a plain number.
#[must_use]
pub fn quantity_of(key: &str) -> Quantity {
    match find(key) {
        Some(metric) => metric.quantity,
        None => match kinds().iter().find_map(|kind| kind.find(key)) {
            Some(metric) => metric.quantity,
            None => Quantity::of(key),
        },
    }
}

/// The signals of a kind of subject: `total`, `function`, `source`, `node-group`, or a kind of component such as `queue`.
#[must_use]
pub fn signals_of(subject: &str) -> Vec<(String, Signal)> {
    match kinds().iter().find(|kind| kind.kind == subject) {
        Some(kind) => signal::named(kind.signals, kind.has_latency),
        None => signal::of_kind(subject),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Statistic;
    use crate::metric::component::NODE_GROUP;

    /// All kinds except the one for tests.
    fn real() -> impl Iterator<Item = &'static Described> {
        kinds().iter().filter(|kind| kind.group != "scripted")
    }

    #[test]
    fn keys_are_unique_and_mean_the_same_everywhere() {
        let mut known: Vec<(&str, Quantity)> = Vec::new();
        for kind in real() {
            for (place, metric) in kind.metrics().iter().enumerate() {
                assert!(kind.metrics()[..place].iter().all(|other| other.key != metric.key), "{} twice", metric.key);
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
        for kind in real() {
            for metric in kind.metrics() {
                let Statistic::Ratio { events, of } = metric.statistic else { continue };
                for key in events.iter().chain([&of]) {
                    assert_eq!(kind.find(key).map(|count| count.quantity), Some(Quantity::Count), "{key}");
                }
            }
        }
    }

    #[test]
    fn every_kind_has_signals_with_units_in_their_names() {
        let kinds = real().map(|kind| kind.kind).chain(["total", "function", "source", NODE_GROUP]);
        for kind in kinds {
            let all = signals_of(kind);
            assert!(!all.is_empty(), "{kind}");
            for (place, (name, signal)) in all.iter().enumerate() {
                assert!(all[..place].iter().all(|(other, _)| other != name), "{name} of {kind} twice");
                let parts: Vec<&str> = name.split('.').collect();
                let ends_in = |suffix: &str| parts.iter().any(|part| part.ends_with(suffix));
                let is_said = match signal.quantity() {
                    Quantity::Seconds => ends_in("_s"),
                    Quantity::Usd => ends_in("_usd"),
                    Quantity::Ratio => ends_in("_ratio") || ends_in("_utilization"),
                    Quantity::Count => true,
                };
                assert!(is_said, "{name} of {kind}");
            }
        }
    }

    #[test]
    fn what_reports_show_are_metrics() {
        for kind in real() {
            let flow = kind.flow.iter().flat_map(|flow| {
                let sums = [flow.incoming, flow.succeeded, flow.failed, flow.remaining].concat();
                sums.into_iter().chain(flow.time.map(|(_, key)| key))
            });
            let losses = kind.losses.iter().flat_map(|losses| losses.lost.iter().copied().chain([losses.of]));
            for key in kind.columns.iter().map(|(key, _)| *key).chain(flow).chain(losses) {
                assert!(kind.find(key).is_some(), "{key} of {}", kind.kind);
            }
        }
    }
}
