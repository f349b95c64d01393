//! The statistic of a quantile over replications.
//!
//! The mean of sample quantiles is that of the law and a bias, which is of the order of their variance: where the quantile function
//! is Q, E[q] - Q(p) is about Var(q) Q''(p) / (2 Q'(p)^2) (David and Nagaraja 2003, Order Statistics, section 4.6, for independent
//! values, where Var(q) = p (1 - p) Q'(p)^2 / n; with the variance that is seen it holds for those that depend on each other too).
//! More replications narrow the interval and leave the bias. For a tail that decays exponentially Q'^2 / Q'' is the
//! mean excess, which follows from two quantiles. The interval is as much longer as the bias is then, and at most twice as long.
//! Where many values lie beyond the quantile, that is next to nothing.

use std::sync::LazyLock;

use super::summary::Stat;
use crate::metric::{Metric, Shape, metrics};
use crate::stats::interval;

/// The quantile beside another one of the same times: the next lower one, and for the lowest the next higher one.
#[derive(Clone, Copy)]
pub(super) struct Neighbour {
    /// Its place among all metrics.
    pub(super) place: usize,
    /// Its key.
    pub(super) key: &'static str,
    /// Mean excesses from the one to the other, if the tail decays exponentially: the logarithm of how many times as many values
    /// lie beyond the one as beyond the other.
    excesses: f64,
}

/// The neighbour of each metric, in their order; none where the metric is no quantile.
static NEIGHBOURS: LazyLock<Vec<Option<Neighbour>>> = LazyLock::new(|| metrics().iter().map(of).collect());

fn of(metric: &'static Metric) -> Option<Neighbour> {
    let p = metric.quantile()?;
    let others = metrics().iter().enumerate().filter_map(|(place, other)| Some((place, other, other.quantile()?)));
    let others: Vec<_> = others.filter(|(_, other, q)| other.group() == metric.group() && *q != p).collect();
    let lower = others.iter().filter(|(.., q)| *q < p).max_by(|a, b| a.2.total_cmp(&b.2));
    let (place, other, q) = lower.or_else(|| others.iter().min_by(|a, b| a.2.total_cmp(&b.2)))?;
    Some(Neighbour { place: *place, key: &other.key, excesses: ((1.0 - q) / (1.0 - p)).ln() })
}

/// The neighbour of the metric at a place.
pub(super) fn neighbour(place: usize) -> Option<Neighbour> {
    NEIGHBOURS.get(place).copied().flatten()
}

impl Neighbour {
    /// The statistic of a quantile with these values in replications, and of this one with those.
    pub(super) fn stat(self, values: &[f64], beside: &[f64]) -> Stat {
        let plain = Stat::of(values);
        let excess = (plain.mean - Stat::of(beside).mean) / self.excesses;
        let half_width = plain.half_width.map(|half| {
            let variance = interval::variance(values.iter().copied().filter(|value| !value.is_nan()));
            let bias = variance / (2.0 * excess);
            // Without a tail there is no bias.
            if bias.is_finite() && excess > 0.0 { half + bias.min(half) } else { half }
        });
        Stat { half_width, ..plain }
    }
}

/// The statistic of a quantile of these shapes; none where the metric is no quantile.
pub(super) fn stat(shapes: &[&Shape<f64>], metric: &Metric) -> Option<Stat> {
    let values = |key: &str| shapes.iter().map(|shape| shape.get(key).copied().unwrap_or(f64::NAN)).collect();
    metric.quantile().map(|_| stat_by(metric, values))
}

/// The statistic of a metric by what its values, and those of others with their keys, are in replications.
pub(super) fn stat_by(metric: &Metric, values: impl Fn(&str) -> Vec<f64>) -> Stat {
    let place = metrics().iter().position(|known| known.key == metric.key);
    match place.and_then(neighbour) {
        Some(neighbour) => neighbour.stat(&values(&metric.key), &values(neighbour.key)),
        None => Stat::of(&values(&metric.key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_key(key: &str) -> Neighbour {
        let place = metrics().iter().position(|metric| metric.key == key).expect("a metric");
        neighbour(place).expect("a quantile")
    }

    #[test]
    fn the_bias_by_hand() {
        let p99 = of_key("latency_s.p99");
        assert_eq!((p99.key, of_key("wait_s.p50").key), ("latency_s.p95", "wait_s.p90"));
        // Mean 5, variance 1; ln 5 mean excesses from 3 to 5: the bias is ln(5) / 4.
        let found = p99.stat(&[4.0, 5.0, 6.0], &[3.0, 3.0, 3.0]);
        let plain = interval::mean_half_width(&[4.0, 5.0, 6.0]).expect("three values");
        assert_eq!(found.mean, 5.0);
        assert!((found.half_width.expect("three values") - plain - 5.0_f64.ln() / 4.0).abs() < 1e-12);
        // The median takes its tail from above: (8 - 5) / ln 5.
        let median = of_key("latency_s.p50").stat(&[4.0, 5.0, 6.0], &[8.0, 8.0, 8.0]);
        assert!((median.half_width.expect("three values") - plain - 5.0_f64.ln() / 6.0).abs() < 1e-12);
    }

    #[test]
    fn without_a_tail_there_is_no_bias_and_it_is_bounded() {
        let p99 = of_key("latency_s.p99");
        let values = [4.0, 5.0, 6.0];
        let plain = interval::mean_half_width(&values);
        assert_eq!(p99.stat(&values, &values).half_width, plain);
        assert_eq!(p99.stat(&values, &[4.999; 3]).half_width, plain.map(|half| 2.0 * half));
        assert_eq!(p99.stat(&[2.0, 2.0], &[1.0, 1.0]).half_width, Some(0.0));
        assert_eq!(p99.stat(&[2.0], &[1.0]).half_width, None);
        assert_eq!(p99.stat(&[2.0, f64::INFINITY], &[1.0, 1.0]).half_width, None);
        let with_gap = p99.stat(&[4.0, f64::NAN, 5.0, 6.0], &[3.0, f64::NAN, 3.0, 3.0]);
        assert_eq!(with_gap, p99.stat(&values, &[3.0; 3]));
    }
}
