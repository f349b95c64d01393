//! Gamma and Erlang.

use std::sync::Arc;

use rand_distr::Distribution as _;
use statrs::distribution::ContinuousCDF;

use super::{Dist, DistError, Distribution, error};
use crate::dist::error::report;
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, Positive};
use crate::time::Span;

/// Shapes beyond these ends are 0 or the mean, for all that a clock can tell.
const SHAPES: (f64, f64) = (0.001, 1e6);

/// A gamma distribution, ready to be sampled.
#[derive(Clone, Debug, PartialEq)]
pub struct Gamma {
    shape: f64,
    scale_ns: f64,
    sampler: rand_distr::Gamma<f64>,
    standard: statrs::distribution::Gamma,
}

parameters! {
    /// Coefficient of variation 1 / sqrt(shape).
    pub struct GammaSpec {
        /// Mean.
        required mean: Duration,
        /// Shape: the coefficient of variation is 1 / sqrt(shape).
        required shape: Positive,
    }
}

impl GammaSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        report(check, self.dist(), &[]);
    }
}

impl Distribution for GammaSpec {
    fn dist(&self) -> Result<Dist, DistError> {
        Dist::gamma(self.mean, self.shape)
    }
}

parameters! {
    /// The sum of exponential stages: coefficient of variation 1 / sqrt(stages).
    pub struct ErlangSpec {
        /// Mean over all stages.
        required mean: Duration,
        /// Number of stages.
        required stages: Count<1, 1_000_000>,
    }
}

impl ErlangSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        report(check, self.dist(), &[]);
    }
}

impl Distribution for ErlangSpec {
    fn dist(&self) -> Result<Dist, DistError> {
        Dist::erlang(self.mean, self.stages)
    }
}

impl Dist {
    /// Gamma with this mean and shape; the coefficient of variation is 1 / sqrt(shape).
    ///
    /// # Errors
    /// Refuses a mean of zero, a shape out of 0.001..=1000000, and what does not fit the clock.
    pub fn gamma(mean: Span, shape: f64) -> Result<Self, DistError> {
        Self::gamma_named("shape", mean, shape)
    }

    /// Erlang: the sum of `stages` exponential stages, with this mean over all.
    ///
    /// # Errors
    /// Refuses a mean of zero, no or more than a million stages, and what does not fit the clock.
    pub fn erlang(mean: Span, stages: u32) -> Result<Self, DistError> {
        error::within("stages", f64::from(stages), 1.0, SHAPES.1)?;
        Self::gamma_named("stages", mean, f64::from(stages))
    }

    fn gamma_named(name: &'static str, mean: Span, shape: f64) -> Result<Self, DistError> {
        let mean_ns = error::positive("mean", mean)?;
        error::within(name, shape, SHAPES.0, SHAPES.1)?;
        let refused = DistError::OutOfRange { name, value: shape, low: SHAPES.0, high: SHAPES.1 };
        let scale_ns = mean_ns / shape;
        let sampler = rand_distr::Gamma::new(shape, scale_ns).map_err(|_| refused.clone())?;
        let standard = statrs::distribution::Gamma::new(shape, 1.0).map_err(|_| refused)?;
        Ok(Self::Gamma(Arc::new(Gamma { shape, scale_ns, sampler, standard })))
    }
}

impl Gamma {
    /// All values times `factor`.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        let scale_ns = self.scale_ns * factor;
        let sampler = rand_distr::Gamma::new(self.shape, scale_ns).unwrap_or(self.sampler);
        Self { shape: self.shape, scale_ns, sampler, standard: self.standard }
    }

    pub(super) fn sample_ns(&self, stream: &mut Stream) -> f64 {
        self.sampler.sample(stream)
    }

    pub(super) fn quantile_ns(&self, p: f64) -> f64 {
        self.scale_ns * self.standard.inverse_cdf(p)
    }

    pub(super) fn moments_ns(&self) -> (f64, f64) {
        (self.shape * self.scale_ns, self.shape * self.scale_ns * self.scale_ns)
    }
}
