//! What the tests of the processes measure. Tolerances are 3.9 standard errors, or the quantile of the same probability.

use super::Arrivals;
use crate::rng::Streams;
use crate::workload::ArrivalSpec;

/// The first `n` moments, s.
pub(super) fn take(spec: &ArrivalSpec, seed: u64, n: usize) -> Vec<f64> {
    start(spec, seed).take(n).collect()
}

/// The moments before `end`, s.
pub(super) fn until(spec: &ArrivalSpec, seed: u64, end: f64) -> Vec<f64> {
    start(spec, seed).take_while(|at| *at < end).collect()
}

fn start(spec: &ArrivalSpec, seed: u64) -> impl Iterator<Item = f64> {
    let arrivals = Arrivals::new(spec, &Streams::new(seed, 0), "s").expect("no trace");
    arrivals.map(|arrival| arrival.at.as_secs_f64())
}

/// The gaps, the first from 0, times a factor.
pub(super) fn scaled_gaps(times: &[f64], factor: f64) -> Vec<f64> {
    let mut before = 0.0;
    times.iter().map(|at| (at - std::mem::replace(&mut before, *at)) * factor).collect()
}

/// How many come in each window, up to that of the last moment.
pub(super) fn counts(times: &[f64], window: f64) -> Vec<f64> {
    let last = times.last().map_or(0.0, |last| (last / window).floor());
    let mut counts = vec![0.0; last as usize + 1];
    for at in times {
        counts[(at / window) as usize] += 1.0;
    }
    counts
}

/// The mean.
pub(super) fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Variance over mean.
pub(super) fn dispersion(values: &[f64]) -> f64 {
    variance(values) / average(values)
}

fn variance(values: &[f64]) -> f64 {
    let mean = average(values);
    values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}

#[track_caller]
pub(super) fn assert_near(found: f64, expected: f64, standard_error: f64) {
    let off = (found - expected) / standard_error;
    assert!(off.abs() < 3.9, "{found} is {off:.1} standard errors from {expected}");
}

/// That independent values have this mean, by their own standard error.
#[track_caller]
pub(super) fn assert_mean(values: &[f64], expected: f64) {
    assert_near(average(values), expected, (variance(values) / values.len() as f64).sqrt());
}

/// Kolmogorov-Smirnov, and the mean and dispersion, which it does not see well: of Exp(1).
#[track_caller]
pub(super) fn assert_exponential(gaps: &[f64]) {
    let n = gaps.len() as f64;
    assert_near(average(gaps), 1.0, 1.0 / n.sqrt());
    // Neighbouring gaps do not know each other: the correlation at lag 1 has standard error 1 / sqrt(n).
    let products: f64 = gaps.windows(2).map(|pair| (pair[0] - 1.0) * (pair[1] - 1.0)).sum();
    assert_near(products / n, 0.0, 1.0 / n.sqrt());
    let mut shares: Vec<f64> = gaps.iter().map(|gap| -(-gap).exp_m1()).collect();
    shares.sort_by(f64::total_cmp);
    assert_uniform(&shares);
}

/// Kolmogorov-Smirnov: that sorted values are uniform between 0 and 1.
#[track_caller]
pub(super) fn assert_uniform(sorted: &[f64]) {
    assert!(sorted.is_sorted());
    let n = sorted.len() as f64;
    let distance =
        sorted.iter().enumerate().map(|(k, x)| (x - k as f64 / n).max((k as f64 + 1.0) / n - x)).fold(0.0, f64::max);
    // P(sqrt(n) D > x) = 2 exp(-2 x^2): 2.23 has the probability of 3.9 standard errors.
    assert!(distance * n.sqrt() < 2.23, "distance {distance} of {n} values");
}
