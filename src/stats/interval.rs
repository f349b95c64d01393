//! Confidence intervals, of 95 % where nothing else is said: of means over replications, of differences, of shares, of
//! ratios of sums.
//!
//! None is returned where the data do not support an interval: too few values, or values that are not finite.

use std::sync::OnceLock;

use statrs::distribution::{Beta, ContinuousCDF, StudentsT};

/// What a 95 % interval misses.
const ALPHA: f64 = 0.05;

/// An estimate and half of its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Half of the interval.
    pub half_width: f64,
}

/// Half of the Student-t interval of the mean of independent `values`; none with fewer than two.
#[must_use]
pub fn mean_half_width(values: &[f64]) -> Option<f64> {
    let (_, variance) = mean_and_variance(values)?;
    let n = values.len() as f64;
    Some(t_95(values.len() - 1)? * (variance / n).sqrt())
}

/// The exact interval of a probability (Clopper and Pearson 1934): at least 95 % at any size. Without a success the upper
/// end is about 3.7 / trials, the two-sided rule of three.
#[must_use]
pub fn clopper_pearson(successes: u64, trials: u64) -> Option<(f64, f64)> {
    clopper_pearson_at(successes as f64, trials as f64, ALPHA)
}

/// The same, missing `alpha`, of numbers that need not be whole.
pub(super) fn clopper_pearson_at(k: f64, n: f64, alpha: f64) -> Option<(f64, f64)> {
    if !(n > 0.0 && (0.0..=n).contains(&k)) {
        return None;
    }
    let end = |a: f64, b: f64, p: f64| Beta::new(a, b).ok().map(|law| quantile(&law, p, (0.0, 1.0)));
    let low = if k == 0.0 { 0.0 } else { end(k, n - k + 1.0, alpha / 2.0)? };
    let high = if k == n { 1.0 } else { end(k + 1.0, n - k, 1.0 - alpha / 2.0)? };
    Some((low, high))
}

/// What a probability stays below with 95 % confidence if none of `trials` trials was a success: 1 - 0.05^(1 / trials), about
/// 3 / trials (the rule of three; one-sided, unlike [`clopper_pearson`]). None without trials.
#[must_use]
pub fn none_seen_below(trials: u64) -> Option<f64> {
    (trials > 0).then(|| -(ALPHA.ln() / trials as f64).exp_m1())
}

/// Sum of the first over sum of the second, from pairs of independent replications, with a jackknife interval (Efron and
/// Tibshirani 1993, chapter 11). None with fewer than two pairs or where a denominator is missing.
///
/// For a cold-start ratio, a share of rejections: pooled numbers are less biased than a mean of ratios.
#[must_use]
pub fn ratio_of_sums(pairs: &[(f64, f64)]) -> Option<Estimate> {
    let n = pairs.len() as f64;
    let (top, bottom) = pairs.iter().fold((0.0, 0.0), |(top, bottom), pair| (top + pair.0, bottom + pair.1));
    let value = top / bottom;
    let pseudo: Vec<f64> =
        pairs.iter().map(|pair| n * value - (n - 1.0) * (top - pair.0) / (bottom - pair.1)).collect();
    Some(Estimate { value, half_width: mean_half_width(&pseudo)? })
}

/// Mean and variance (n - 1) of at least two finite values.
pub(super) fn mean_and_variance(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    Some((mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)))
}

/// [`student_t`] for 95 %, looked up: a summary asks for the same one for every number of every function.
fn t_95(freedom: usize) -> Option<f64> {
    static KNOWN: [OnceLock<Option<f64>>; 256] = [const { OnceLock::new() }; 256];
    let of = || student_t(freedom as f64, ALPHA);
    KNOWN.get(freedom).map_or_else(of, |known| *known.get_or_init(of))
}

/// What Student's t with at least one degree of freedom exceeds, on either side, with probability `alpha` (up to 0.5).
pub(super) fn student_t(freedom: f64, alpha: f64) -> Option<f64> {
    let law = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let p = 1.0 - alpha / 2.0;
    let mut high = 4.0;
    while law.cdf(high) < p {
        high *= 2.0;
    }
    Some(quantile(&law, p, (0.0, high)))
}

/// Inverts a distribution function by bisection. (The library's own inverses are off in the fourth digit for
/// Beta(1, 1,000,000), and in the first for Student's t with ten million degrees of freedom.)
fn quantile(law: &impl ContinuousCDF<f64, f64>, p: f64, (mut low, mut high): (f64, f64)) -> f64 {
    while high - low > 1e-13 * high {
        let middle = low + (high - low) / 2.0;
        if law.cdf(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Student's sleep data (Cushny and Peebles 1905), as R ships it.
    const SLEEP: [f64; 10] = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];

    fn near(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
    }

    #[test]
    fn student_t_is_that_of_the_tables() {
        // NIST/SEMATECH e-Handbook, 1.3.6.7.2.
        for (freedom, value) in
            [(1.0, 12.706), (2.0, 4.303), (4.0, 2.776), (10.0, 2.228), (30.0, 2.042), (100.0, 1.984)]
        {
            near(student_t(freedom, 0.05).expect("freedom"), value, 5e-4);
        }
        near(student_t(1e7, 0.05).expect("freedom"), 1.959_963_984_540_054, 1e-5);
        // The column 0.999 of the same table: far out, as simultaneous intervals need it.
        for (freedom, value) in [(4.0, 7.173), (7.0, 4.785), (30.0, 3.385)] {
            near(student_t(freedom, 0.002).expect("freedom"), value, 6e-4);
        }
        near(student_t(1.0, 0.002).expect("freedom"), (std::f64::consts::PI * 0.499).tan(), 1e-6);
    }

    #[test]
    fn shares_have_the_intervals_of_newcombe() {
        // Newcombe 1998, Statistics in Medicine 17, table I, method 5 (Clopper-Pearson).
        for (successes, trials, exact) in [
            (81, 263, (0.2527, 0.3676)),
            (15, 148, (0.0578, 0.1617)),
            (0, 20, (0.0, 0.1684)),
            (1, 29, (0.0009, 0.1776)),
        ] {
            let (low, high) = clopper_pearson(successes, trials).expect("trials");
            near(low, exact.0, 5e-5);
            near(high, exact.1, 5e-5);
            let (low, high) = clopper_pearson(trials - successes, trials).expect("trials");
            near(low, 1.0 - exact.1, 5e-5);
            near(high, 1.0 - exact.0, 5e-5);
        }
        // No success in n: 1 - 0.025^(1/n).
        let (_, high) = clopper_pearson(0, 1_000_000).expect("trials");
        near(high / -(0.025_f64.ln() / 1e6).exp_m1(), 1.0, 1e-6);
        // One-sided: 0.05^(1/n) of all probabilities at the bound show nothing.
        near(none_seen_below(20).expect("trials"), 1.0 - 0.05_f64.powf(0.05), 1e-12);
        near(none_seen_below(1_000_000).expect("trials"), 2.9957e-6, 1e-10);
        assert_eq!((clopper_pearson(3, 2), none_seen_below(0)), (None, None));
    }

    #[test]
    fn a_ratio_of_sums_by_hand() {
        // 6/4; without one pair 5/3, 4/3, 3/2: pseudo-values 7/6, 11/6, 3/2 with sd 1/3, so t(2) / (3 sqrt 3).
        let found = ratio_of_sums(&[(1.0, 1.0), (2.0, 1.0), (3.0, 2.0)]).expect("pairs");
        near(found.value, 1.5, 1e-12);
        near(found.half_width, 4.302_652_7 / 27.0_f64.sqrt(), 1e-6);
        // With equal denominators it is the interval of a mean.
        let pairs: Vec<(f64, f64)> = SLEEP.iter().map(|x| (3.0 * x, 3.0)).collect();
        near(ratio_of_sums(&pairs).expect("pairs").half_width, mean_half_width(&SLEEP).expect("values"), 1e-12);
    }

    #[test]
    fn without_enough_values_there_is_no_interval() {
        assert_eq!(mean_half_width(&[]), None);
        assert_eq!(mean_half_width(&[1.0]), None);
        assert_eq!(mean_half_width(&[1.0, f64::NAN]), None);
        assert_eq!(mean_half_width(&[2.0, 2.0]), Some(0.0));
        assert_eq!(ratio_of_sums(&[(1.0, 0.0), (1.0, 0.0)]), None);
        assert_eq!(ratio_of_sums(&[(1.0, 1.0), (1.0, 0.0)]), None);
    }
}
