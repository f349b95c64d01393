//! Normal (clipped at 0) and log-normal.

use std::f64::consts::{PI, SQRT_2};

use statrs::function::erf::{erfc, erfc_inv};

use super::{Dist, DistError, Distribution, error};
use crate::dist::error::report;
use crate::schema::declare::*;
use crate::schema::scalars::{Duration, Positive};
use crate::time::Span;

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

/// The widest log-normal: its 99th percentile is ten thousand million times its median.
const MAX_SIGMA: f64 = 10.0;

parameters! {
    /// Bell-shaped; negative draws count as 0.
    pub struct NormalSpec {
        /// Mean before clipping.
        required mean: Duration,
        /// Standard deviation before clipping.
        required sd: Duration,
    }
}

impl NormalSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        report(check, self.dist(), &[]);
    }
}

impl Distribution for NormalSpec {
    fn dist(&self) -> Result<Dist, DistError> {
        Dist::normal(self.mean, self.sd)
    }
}

parameters! {
    /// Skewed, as most service times are: `median` with `p99` or `sigma`; or `mean` with `sd`.
    pub struct LogNormalSpec {
        /// Median.
        optional median: Duration,
        /// 99th percentile.
        optional p99: Duration,
        /// Standard deviation of the logarithm.
        optional sigma: Positive,
        /// Mean of the durations.
        optional mean: Duration,
        /// Standard deviation of the durations.
        optional sd: Duration,
    }
}

impl LogNormalSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let (median, p99, sigma) =
            (("median", self.median.is_some()), ("p99", self.p99.is_some()), ("sigma", self.sigma.is_some()));
        let (mean, sd) = (("mean", self.mean.is_some()), ("sd", self.sd.is_some()));
        if check.either(&[&[median, p99], &[median, sigma], &[mean, sd]]).is_some() {
            let spread = if self.sigma.is_some() {
                "sigma"
            } else if self.p99.is_some() {
                "p99"
            } else {
                "sd"
            };
            report(check, self.dist(), &[("sigma", spread)]);
        }
    }
}

impl Distribution for LogNormalSpec {
    fn dist(&self) -> Result<Dist, DistError> {
        let median = self.median.unwrap_or(Span::ZERO);
        match (self.p99, self.sigma) {
            (Some(p99), _) => Dist::log_normal_p99(median, p99),
            (None, Some(sigma)) => Dist::log_normal_sigma(median, sigma),
            (None, None) => Dist::log_normal_moments(self.mean.unwrap_or(Span::ZERO), self.sd.unwrap_or(Span::ZERO)),
        }
    }
}

impl Dist {
    /// Normal with this mean and standard deviation, where a negative draw counts as 0.
    ///
    /// # Errors
    /// Refuses a standard deviation of zero, and what does not fit the clock.
    pub fn normal(mean: Span, sd: Span) -> Result<Self, DistError> {
        Ok(Self::Normal { mean_ns: error::fits("mean", mean)?, sd_ns: error::positive("sd", sd)? })
    }

    /// Log-normal with this median and 99th percentile.
    ///
    /// # Errors
    /// Refuses a median of zero, a 99th percentile below it (or absurdly far above), and what does not fit the clock.
    pub fn log_normal_p99(median: Span, p99: Span) -> Result<Self, DistError> {
        let ratio = error::fits("p99", p99)? / error::positive("median", median)?;
        if ratio < 1.0 {
            return Err(DistError::TailBelowMedian { median, p99 });
        }
        Self::log_normal_sigma(median, ratio.ln() / Z99)
    }

    /// Log-normal with this median and this standard deviation of the logarithm.
    ///
    /// # Errors
    /// Refuses a median of zero, a sigma out of 0..=10, and what does not fit the clock.
    pub fn log_normal_sigma(median: Span, sigma: f64) -> Result<Self, DistError> {
        let mu = error::positive("median", median)?.ln();
        Ok(Self::LogNormal { mu, sigma: error::within("sigma", sigma, 0.0, MAX_SIGMA)? })
    }

    /// Log-normal with this mean and standard deviation (of the durations, not of their logarithms).
    ///
    /// # Errors
    /// Refuses a mean of zero, a standard deviation absurdly far above it, and what does not fit the clock.
    pub fn log_normal_moments(mean: Span, sd: Span) -> Result<Self, DistError> {
        let mean_ns = error::positive("mean", mean)?;
        let cv = error::fits("sd", sd)? / mean_ns;
        let sigma = error::within("sigma", (cv * cv).ln_1p().sqrt(), 0.0, MAX_SIGMA)?;
        Ok(Self::LogNormal { mu: mean_ns.ln() - sigma * sigma / 2.0, sigma })
    }
}

/// `sd` times the `p`-quantile of the standard normal distribution; 0 where nothing varies.
pub(super) fn scaled_quantile(sd: f64, p: f64) -> f64 {
    if sd == 0.0 { 0.0 } else { -sd * SQRT_2 * erfc_inv(2.0 * p) }
}

/// Mean and variance of exp(N(mu, sigma)).
pub(super) fn log_normal_moments(mu: f64, sigma: f64) -> (f64, f64) {
    let mean = (mu + sigma * sigma / 2.0).exp();
    (mean, mean * mean * (sigma * sigma).exp_m1())
}

/// Mean and variance of max(0, N(mean, sd)).
///
/// With N = max(0, -X): X = max(0, X) - N and max(0, X) * N = 0, so the clipped variance is
/// Var X - Var N - 2 E max(0, X) E N, in which nothing cancels when clipping is rare.
pub(super) fn clipped_moments(mean: f64, sd: f64) -> (f64, f64) {
    let a = mean / sd;
    let below = erfc(a / SQRT_2) / 2.0;
    let density = (-a * a / 2.0).exp() / (2.0 * PI).sqrt();
    let lost = density - a * below;
    let lost_square = (1.0 + a * a) * below - a * density;
    let variance = 1.0 - (lost_square - lost * lost) - 2.0 * (a + lost) * lost;
    (mean + sd * lost, sd * sd * variance)
}
