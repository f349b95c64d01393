//! Exponential, Weibull, Pareto and Burr XII: the value is an increasing function of a unit exponential.
//!
//! With E exponential of mean 1 and H the cumulative hazard, H(X) = E. So one function, the inverse of H, gives both the
//! sample (at a drawn E) and the quantile (at E = -ln(1 - p)), and keeps full precision in the tail.

use statrs::function::gamma::ln_gamma;

use super::{Dist, DistError, Distribution, error};
use crate::dist::error::report;
use crate::schema::declare::*;
use crate::schema::scalars::{Duration, Positive};
use crate::time::Span;

/// Shapes beyond these ends are constants or never finite in practice.
const SHAPES: (f64, f64) = (0.05, 1000.0);

parameters! {
    /// Memoryless.
    pub struct ExponentialSpec {
        /// Mean.
        required mean: Duration,
    }
}

impl ExponentialSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        report(check, self.dist(), &[]);
    }
}

impl Distribution for ExponentialSpec {
    fn dist(&self) -> Result<Dist, DistError> {
        Dist::exponential(self.mean)
    }
}

parameters! {
    /// Heavy-tailed below shape 1, exponential at 1: `scale` or `mean`, and `shape`.
    pub struct WeibullSpec {
        /// The 63.2nd percentile.
        optional scale: Duration,
        /// Mean.
        optional mean: Duration,
        /// Shape: below 1 heavy-tailed, 1 exponential.
        required shape: Positive,
    }
}

impl WeibullSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if check.either(&[&[("scale", self.scale.is_some())], &[("mean", self.mean.is_some())]]).is_some() {
            report(check, self.dist(), &[]);
        }
    }
}

impl Distribution for WeibullSpec {
    fn dist(&self) -> Result<Dist, DistError> {
        match (self.scale, self.mean) {
            (Some(scale), _) => Dist::weibull(scale, self.shape),
            (None, mean) => Dist::weibull_mean(mean.unwrap_or(Span::ZERO), self.shape),
        }
    }
}

parameters! {
    /// Power-law tail: P(X > x) = (scale / x)^shape.
    pub struct ParetoSpec {
        /// Smallest value.
        required scale: Duration,
        /// Tail index: the mean is infinite up to 1, the variance up to 2.
        required shape: Positive,
    }
}

impl ParetoSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        report(check, self.dist(), &[]);
    }
}

impl Distribution for ParetoSpec {
    fn dist(&self) -> Result<Dist, DistError> {
        Dist::pareto(self.scale, self.shape)
    }
}

parameters! {
    /// Burr XII: P(X > x) = (1 + (x / scale)^c)^-k.
    pub struct BurrSpec {
        /// Scale.
        required scale: Duration,
        /// Inner shape.
        required c: Positive,
        /// Outer shape.
        required k: Positive,
    }
}

impl BurrSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        report(check, self.dist(), &[]);
    }
}

impl Distribution for BurrSpec {
    fn dist(&self) -> Result<Dist, DistError> {
        Dist::burr(self.scale, self.c, self.k)
    }
}

impl Dist {
    /// Exponential with this mean.
    ///
    /// # Errors
    /// Refuses a mean of zero, and what does not fit the clock.
    pub fn exponential(mean: Span) -> Result<Self, DistError> {
        Ok(Self::Exponential { mean_ns: error::positive("mean", mean)? })
    }

    /// Weibull with this scale (its 63.2nd percentile) and shape (below 1: heavy tail, 1: exponential).
    ///
    /// # Errors
    /// Refuses a scale of zero, a shape out of 0.05..=1000, and what does not fit the clock.
    pub fn weibull(scale: Span, shape: f64) -> Result<Self, DistError> {
        Ok(Self::Weibull { scale_ns: error::positive("scale", scale)?, shape: checked_shape("shape", shape)? })
    }

    /// Weibull with this mean and shape.
    ///
    /// # Errors
    /// Refuses a mean of zero, a shape out of 0.05..=1000, and what does not fit the clock.
    pub fn weibull_mean(mean: Span, shape: f64) -> Result<Self, DistError> {
        let shape = checked_shape("shape", shape)?;
        Ok(Self::Weibull { scale_ns: error::positive("mean", mean)? / gamma_at(1.0 + 1.0 / shape), shape })
    }

    /// Pareto with this smallest value and tail index. The mean is infinite up to shape 1, the variance up to 2.
    ///
    /// # Errors
    /// Refuses a minimum of zero, a shape out of 0.05..=1000, and what does not fit the clock.
    pub fn pareto(minimum: Span, shape: f64) -> Result<Self, DistError> {
        Ok(Self::Pareto { minimum_ns: error::positive("scale", minimum)?, shape: checked_shape("shape", shape)? })
    }

    /// Burr XII with this scale and these shapes. The mean is infinite up to c * k = 1, the variance up to 2.
    ///
    /// # Errors
    /// Refuses a scale of zero, shapes out of 0.05..=1000, and what does not fit the clock.
    pub fn burr(scale: Span, c: f64, k: f64) -> Result<Self, DistError> {
        let scale_ns = error::positive("scale", scale)?;
        Ok(Self::Burr { scale_ns, c: checked_shape("c", c)?, k: checked_shape("k", k)? })
    }

    /// The value (ns) at which the cumulative hazard of one of this group reaches `hazard`; 0 for every other kind.
    pub(super) fn at_hazard_ns(&self, hazard: f64) -> f64 {
        match self {
            Self::Exponential { mean_ns } => mean_ns * hazard,
            Self::Weibull { scale_ns, shape } => scale_ns * hazard.powf(shape.recip()),
            Self::Pareto { minimum_ns, shape } => minimum_ns * (hazard / shape).exp(),
            Self::Burr { scale_ns, c, k } => scale_ns * (hazard / k).exp_m1().powf(c.recip()),
            _ => 0.0,
        }
    }
}

/// E X^n = scale^n * Gamma(1 + n / shape).
pub(super) fn weibull_moments(scale: f64, shape: f64) -> (f64, f64) {
    let (first, second) = (gamma_at(1.0 + 1.0 / shape), gamma_at(1.0 + 2.0 / shape));
    (scale * first, scale * scale * (second - first * first))
}

/// E X^n = minimum^n * shape / (shape - n), for n below the shape.
pub(super) fn pareto_moments(minimum: f64, shape: f64) -> (f64, f64) {
    if shape <= 1.0 {
        return (f64::INFINITY, f64::INFINITY);
    }
    let mean = minimum * shape / (shape - 1.0);
    if shape <= 2.0 {
        return (mean, f64::INFINITY);
    }
    (mean, (minimum / (shape - 1.0)).powi(2) * shape / (shape - 2.0))
}

/// E X^n = scale^n * k * Beta(k - n / c, 1 + n / c), for n below c * k (Burr 1942, type XII).
pub(super) fn burr_moments(scale: f64, c: f64, k: f64) -> (f64, f64) {
    let raw = |n: f64| {
        if c * k <= n {
            f64::INFINITY
        } else {
            k * (ln_gamma(k - n / c) + ln_gamma(1.0 + n / c) - ln_gamma(k + 1.0)).exp()
        }
    };
    let (first, second) = (raw(1.0), raw(2.0));
    (scale * first, if second.is_infinite() { second } else { scale * scale * (second - first * first) })
}

fn gamma_at(x: f64) -> f64 {
    ln_gamma(x).exp()
}

fn checked_shape(name: &'static str, value: f64) -> Result<f64, DistError> {
    error::within(name, value, SHAPES.0, SHAPES.1)
}
