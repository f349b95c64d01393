//! The metrics: everything that a run measures about a function and about all of them together, declared once.
//!
//! `shape` declares the tree of metrics: a new metric is a line there, and its value where it is measured. Everything
//! that reads metrics by their names (summary, CSV, Parquet, objectives, `forewarm list metrics`, the reference, reports)
//! asks this registry, and keeps no list of its own.

pub mod component;
mod quantity;
mod shape;
pub mod signal;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

pub use quantity::Quantity;
pub use shape::{Cost, Instances, Invocations, Level, Requests, Shape, Times};

/// One metric: a number of each function and of the total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its dotted key, as in `latency_s.p99`.
    pub key: String,
    /// What it means.
    pub about: String,
    /// What is known of it.
    pub traits: Traits,
}

impl std::ops::Deref for Metric {
    type Target = Traits;

    fn deref(&self) -> &Traits {
        &self.traits
    }
}

/// What is known of a metric beside its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// What its numbers are.
    pub quantity: Quantity,
    /// The side on which it is better; none if it depends on who asks, as for instances.
    pub better: Option<Better>,
    /// How that of a whole run follows from those of its parts.
    pub whole: Whole,
    /// How it is made.
    pub statistic: Statistic,
}

/// The side on which a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// Whether what is served keeps up with what arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stability {
    /// It keeps up.
    #[default]
    Stable,
    /// It fell behind for a time, and caught up or is about to.
    Backlogged,
    /// It falls behind, and does not recover while the run lasts.
    Overloaded,
}

impl Stability {
    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Backlogged => "backlogged",
            Self::Overloaded => "overloaded",
        }
    }
}

/// How the metric of a whole run follows from those of equal parts of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// It is their mean, or nearly.
    Mean,
    /// It is their sum.
    Sum,
    /// It does not follow from them: a largest value, a price that depends on the month.
    Other,
}

/// How a metric is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// A mean, a standard deviation, a count, an amount.
    Plain,
    /// A quantile, in thousandths: 990 of p99.
    Quantile(u16),
    /// A ratio of counts, which are metrics themselves: the sum of some over another.
    Ratio {
        /// The keys of what is counted.
        events: &'static [&'static str],
        /// The key of what it is counted of.
        of: &'static str,
    },
}

impl Metric {
    /// The name of its column in tables: `latency_s_p99`.
    #[must_use]
    pub fn column(&self) -> String {
        self.key.replace('.', "_")
    }

    /// The group that it belongs to: `latency_s` of `latency_s.p99`.
    #[must_use]
    pub fn group(&self) -> &str {
        self.key.split('.').next().unwrap_or(&self.key)
    }

    /// Whether it is measured of requests, hence of those of a source too, and not of instances, levels or money.
    #[must_use]
    pub fn is_of_requests(&self) -> bool {
        let is_counted = matches!(self.group(), "requests" | "invocations");
        is_counted || matches!(self.statistic, Statistic::Ratio { .. }) || self.is_of_times()
    }

    /// Whether it is about the times of requests.
    #[must_use]
    pub fn is_of_times(&self) -> bool {
        self.quantity == Quantity::Seconds && self.key.contains("_s.")
    }

    /// Whether it is judged over all requests that arrive, one without a successful answer being infinitely late: quantiles of
    /// latency are.
    #[must_use]
    pub fn is_judged_over_all(&self) -> bool {
        self.group() == "latency_s" && self.quantile().is_some()
    }

    /// The quantile that it is, as a number between 0 and 1.
    #[must_use]
    pub fn quantile(&self) -> Option<f64> {
        match self.statistic {
            Statistic::Quantile(thousandths) => Some(f64::from(thousandths) / 1000.0),
            Statistic::Plain | Statistic::Ratio { .. } => None,
        }
    }

    /// Events and what they are counted of, where it is a ratio of counts.
    #[must_use]
    pub fn counts(&self, shape: &Shape<f64>) -> Option<(f64, f64)> {
        let Statistic::Ratio { events, of } = self.statistic else { return None };
        let count = |key: &str| shape.get(key).copied().unwrap_or(f64::NAN);
        Some((events.iter().map(|key| count(key)).sum(), count(of)))
    }
}

impl Better {
    /// The side on which the metric of a dotted key is better.
    #[must_use]
    pub fn of(key: &str) -> Option<Self> {
        find(key)?.better
    }
}

/// What a month costs at the measured rate: the one metric of a summary that is not in every [`Shape`].
pub const MONTHLY_COST: &str = "monthly_cost_usd";

/// What the names of shares of requests within a time begin with, which objectives ask for: `within_0.8s`.
pub const WITHIN: &str = "within_";

static METRICS: LazyLock<Vec<Metric>> = LazyLock::new(shape::declared);

/// Every metric, in the order of `summary.json`.
#[must_use]
pub fn metrics() -> &'static [Metric] {
    &METRICS
}

/// The metric with this dotted key.
#[must_use]
pub fn find(key: &str) -> Option<&'static Metric> {
    metrics().iter().find(|metric| metric.key == key)
}

/// The quantiles that are metrics of a group of times, as thousandths with their keys.
pub fn quantiles(group: &str) -> impl Iterator<Item = (u16, &'static str)> {
    metrics().iter().filter(move |metric| metric.group() == group).filter_map(|metric| match metric.statistic {
        Statistic::Quantile(thousandths) => Some((thousandths, metric.key.as_str())),
        Statistic::Plain | Statistic::Ratio { .. } => None,
    })
}

/// The keys of all metrics, for messages.
pub fn keys() -> impl Iterator<Item = &'static str> {
    metrics().iter().map(|metric| metric.key.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_say_their_units() {
        for (place, metric) in metrics().iter().enumerate() {
            assert!(metrics()[..place].iter().all(|other| other.key != metric.key), "{} twice", metric.key);
            let last_words = [metric.group(), &metric.key];
            let ends_in = |suffix: &str| last_words.iter().any(|word| word.ends_with(suffix));
            let said = match metric.quantity {
                Quantity::Seconds => ends_in("_s"),
                Quantity::Usd => ends_in("_usd"),
                Quantity::Ratio => ends_in("_ratio"),
                Quantity::Count => !["_s", "_usd", "_ratio"].into_iter().any(ends_in),
            };
            assert!(said, "{}: {:?}", metric.key, metric.quantity);
            assert!(metric.about.ends_with('.'), "{}: {}", metric.key, metric.about);
        }
    }

    #[test]
    fn ratios_are_made_of_counts_that_there_are() {
        for metric in metrics() {
            let Statistic::Ratio { events, of } = metric.statistic else { continue };
            for key in events.iter().chain([&of]) {
                assert_eq!(find(key).map(|count| (count.quantity, count.whole)), Some((Quantity::Count, Whole::Sum)));
            }
        }
        let shape = Shape::build(|metric| match metric.key.as_str() {
            "invocations.cold" => 3.0,
            "invocations.started" => 12.0,
            _ => f64::NAN,
        });
        assert_eq!(find("cold_start_ratio").and_then(|ratio| ratio.counts(&shape)), Some((3.0, 12.0)));
    }

    #[test]
    fn the_side_and_the_quantile_of_a_metric() {
        for (key, better, quantile) in [
            ("latency_s.p99", Some(Better::Lower), Some(0.99)),
            ("wait_s.p999", Some(Better::Lower), Some(0.999)),
            ("latency_s.mean", Some(Better::Lower), None),
            ("cost_usd.total", Some(Better::Lower), None),
            ("queue.mean", Some(Better::Lower), None),
            ("requests.completed", Some(Better::Higher), None),
            ("requests.arrived", None, None),
            ("instances.peak", None, None),
        ] {
            let metric = find(key).unwrap_or_else(|| panic!("{key}"));
            assert_eq!((metric.better, metric.quantile()), (better, quantile), "{key}");
        }
        assert!(find("latency_s").is_none() && find("nonsense").is_none());
    }

    #[test]
    fn a_shape_is_walked_in_the_order_of_the_registry() {
        let shape = Shape::build(|metric| metric.key.clone());
        let mut keys = Vec::new();
        shape.visit(|metric, value| {
            assert_eq!(metric.key, *value);
            keys.push(value.as_str());
        });
        assert!(keys.iter().copied().eq(super::keys()));
        assert_eq!(shape.latency_s.p99, "latency_s.p99");
        assert_eq!(shape.get("cost_usd.total"), Some(&"cost_usd.total".to_owned()));
        assert_eq!(shape.get("cost_usd"), None);
    }
}
