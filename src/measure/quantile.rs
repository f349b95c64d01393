//! The statistic of a quantile over replications: its neighbours among the quantiles of the same times tell how far it may be off.

use std::sync::LazyLock;

use super::summary::Stat;
use crate::metric::{self, Metric, Shape, metrics};
use crate::stats::quantile::{QuantileInterval, quantile_interval};

/// The shares of the quantiles of each group of times, with the last part of their keys.
static SHARES: LazyLock<Vec<(f64, &'static str)>> = LazyLock::new(|| {
    let last = |key: &'static str| key.rsplit('.').next().unwrap_or(key);
    metric::quantiles("latency_s").map(|(thousandths, key)| (f64::from(thousandths) / 1000.0, last(key))).collect()
});

/// The share of a quantile, and the places and shares of the others of its group.
type Group = (f64, Vec<(usize, f64)>);

/// The group of each metric that is a quantile, in the order of metrics.
static GROUPS: LazyLock<Vec<Option<Group>>> = LazyLock::new(|| {
    let quantile = |metric: &Metric| Some((metric.quantile()?, metric.group().to_owned()));
    let of = |metric: &Metric| {
        let (share, group) = quantile(metric)?;
        let others = metrics().iter().map(quantile).enumerate();
        let others =
            others.filter_map(|(place, other)| other.filter(|other| other.1 == group).map(|(p, _)| (place, p)));
        Some((share, others.collect()))
    };
    metrics().iter().map(of).collect()
});

/// The statistic of the metric at a place, given the values of all metrics in replications.
pub(super) fn stat_at(place: usize, columns: &[Vec<f64>]) -> Stat {
    match &GROUPS[place] {
        None => Stat::of(&columns[place]),
        Some((share, others)) => {
            let others = others.iter().map(|(place, share)| (*share, Stat::of(&columns[*place]).mean));
            with(&columns[place], interval(*share, &columns[place], others))
        }
    }
}

/// The statistic of a dotted key, by what the values of this key and of others are in replications.
pub(super) fn stat(key: &str, values: impl Fn(&str) -> Vec<f64>) -> Stat {
    let own = values(key);
    let interval = interval_of(key, values);
    if is_quantile(key) { with(&own, interval) } else { Stat::of(&own) }
}

/// The independent requests that lie beyond a quantile; none where the key is not that of one, or with fewer than two values.
pub(super) fn independent_beyond(shapes: &[&Shape<f64>], key: &str) -> Option<f64> {
    let values = |key: &str| shapes.iter().map(|shape| shape.get(key).copied().unwrap_or(f64::NAN)).collect();
    interval_of(key, values).map(|interval| interval.independent_beyond)
}

fn is_quantile(key: &str) -> bool {
    share_of(key).is_some()
}

/// The share of the quantile that has this key, and what stands before its last part.
fn share_of(key: &str) -> Option<(f64, &str)> {
    let (group, last) = key.rsplit_once('.')?;
    SHARES.iter().find(|(_, name)| *name == last).map(|(share, _)| (*share, group))
}

fn interval_of(key: &str, values: impl Fn(&str) -> Vec<f64>) -> Option<QuantileInterval> {
    let (share, group) = share_of(key)?;
    let mean = |name: &str| Stat::of(&values(&format!("{group}.{name}"))).mean;
    interval(share, &values(key), SHARES.iter().map(|(share, name)| (*share, mean(name))))
}

/// Missing values are ignored.
fn interval(share: f64, values: &[f64], others: impl Iterator<Item = (f64, f64)>) -> Option<QuantileInterval> {
    if values.iter().any(|value| value.is_nan()) {
        let there: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        return quantile_interval(share, &there, others);
    }
    quantile_interval(share, values, others)
}

fn with(values: &[f64], interval: Option<QuantileInterval>) -> Stat {
    Stat { half_width: interval.map(|interval| interval.half_width), ..Stat::of(values) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_has_the_others_of_its_times_as_neighbours() {
        let value = |key: &str| match key {
            "latency_s.p99" | "dependencies.db.latency_s.p99" => vec![4.0, f64::NAN, 5.0, 6.0],
            "latency_s.p95" | "dependencies.db.latency_s.p95" => vec![3.0; 4],
            _ => vec![f64::NAN; 4],
        };
        let plain = Stat::of(&value("latency_s.p99"));
        let expected = plain.half_width.expect("an interval") + 5.0_f64.ln() / 4.0;
        let columns: Vec<Vec<f64>> = metrics().iter().map(|metric| value(&metric.key)).collect();
        let place = metrics().iter().position(|metric| metric.key == "latency_s.p99").expect("a metric");
        let found =
            [stat_at(place, &columns), stat("latency_s.p99", value), stat("dependencies.db.latency_s.p99", value)];
        for stat in found {
            assert_eq!(stat.mean, 5.0);
            assert!((stat.half_width.expect("an interval") - expected).abs() < 1e-12, "{stat:?}");
        }
        assert_eq!(stat("latency_s.max", |_| vec![1.0, 2.0]), Stat::of(&[1.0, 2.0]));
        assert_eq!(stat("latency_s.p99", |_| vec![1.0]), Stat { mean: 1.0, half_width: None });
    }
}
