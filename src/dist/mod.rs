//! Distributions of durations.
//!
//! A closed set, called in the innermost loop: an enum. Parameters are checked by the constructors, so a [`Dist`] that
//! exists can be sampled. Samples are whole nanoseconds; moments are in seconds. The constructors stand with their
//! mathematics, one file for each group.

mod error;
mod gamma;
mod hazard;
mod mixture;
mod normal;
mod scaled;
mod table;
#[cfg(test)]
mod tests;
pub mod tokens;

use std::sync::Arc;

use rand::RngExt;

pub use error::DistError;
pub use gamma::Gamma;
pub use mixture::HyperExponential;
pub use table::{Empirical, Percentiles, Unit};

use crate::rng::{Block, Stream, standard_exponential, standard_normal};
use crate::schema::declare::*;
use crate::schema::scalars::Duration;
use crate::time::{NANOS_PER_SECOND, Span};

use error::report;
use gamma::{ErlangSpec, GammaSpec};
use hazard::{BurrSpec, ExponentialSpec, ParetoSpec, WeibullSpec};
use mixture::HyperExponentialSpec;
use normal::{LogNormalSpec, NormalSpec};
use table::{EmpiricalSpec, PercentilesSpec};

union! {
    /// A distribution of durations.
    pub enum DistSpec ("distribution"): Distribution {
        "constant" => Constant(ConstantSpec),
        "uniform" => Uniform(UniformSpec),
        "exponential" => Exponential(ExponentialSpec),
        "log-normal" => LogNormal(LogNormalSpec),
        "normal" => Normal(NormalSpec),
        "gamma" => Gamma(GammaSpec),
        "erlang" => Erlang(ErlangSpec),
        "weibull" => Weibull(WeibullSpec),
        "pareto" => Pareto(ParetoSpec),
        "hyper-exponential" => HyperExponential(HyperExponentialSpec),
        "burr" => Burr(BurrSpec),
        "percentiles" => Percentiles(PercentilesSpec),
        "empirical" => Empirical(EmpiricalSpec),
    }
}

/// What the parameters of a distribution make.
pub trait Distribution {
    /// The distribution, ready to be sampled.
    ///
    /// # Errors
    /// Parameters that make none.
    fn dist(&self) -> Result<Dist, DistError>;

    /// The file that holds its values, and their unit, where it does not hold them itself.
    fn file(&self) -> Option<(&Spanned<String>, Option<Unit>)> {
        None
    }

    /// Takes the values that were read from its file.
    fn load(&mut self, _values: &Empirical) {}
}

parameters! {
    /// Always the same value.
    pub struct ConstantSpec {
        /// The value; 0s is allowed.
        required value: Duration,
    }
}

impl Distribution for ConstantSpec {
    fn dist(&self) -> Result<Dist, DistError> {
        Ok(Dist::Constant(self.value))
    }
}

parameters! {
    /// Equally likely from min to max.
    pub struct UniformSpec {
        /// Smallest value.
        required min: Duration,
        /// Largest value.
        required max: Duration,
    }
}

impl UniformSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        report(check, self.dist(), &[]);
    }
}

impl Distribution for UniformSpec {
    fn dist(&self) -> Result<Dist, DistError> {
        Dist::uniform(self.min, self.max)
    }
}

/// A distribution of durations (never negative). Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub enum Dist {
    /// Always the same.
    Constant(Span),
    /// Every nanosecond from the smallest to the largest is equally likely.
    Uniform {
        /// Smallest value.
        min: Span,
        /// Largest value.
        max: Span,
    },
    /// Exponential with this mean in nanoseconds.
    Exponential {
        /// Mean, ns.
        mean_ns: f64,
    },
    /// Log-normal; the logarithm of the nanoseconds is normal.
    LogNormal {
        /// Mean of ln(ns).
        mu: f64,
        /// Standard deviation of ln(ns).
        sigma: f64,
    },
    /// Normal, a negative draw counting as 0.
    Normal {
        /// Mean before clipping, ns.
        mean_ns: f64,
        /// Standard deviation before clipping, ns.
        sd_ns: f64,
    },
    /// Gamma; Erlang is the same with a whole shape.
    Gamma(Arc<Gamma>),
    /// Weibull: P(X > x) = exp(-(x / scale)^shape).
    Weibull {
        /// Scale, ns.
        scale_ns: f64,
        /// Shape.
        shape: f64,
    },
    /// Pareto: P(X > x) = (minimum / x)^shape.
    Pareto {
        /// Smallest value, ns.
        minimum_ns: f64,
        /// Shape: the tail index.
        shape: f64,
    },
    /// A mixture of exponentials.
    HyperExponential(HyperExponential),
    /// Burr XII: P(X > x) = (1 + (x / scale)^c)^-k.
    Burr {
        /// Scale, ns.
        scale_ns: f64,
        /// Inner shape.
        c: f64,
        /// Outer shape.
        k: f64,
    },
    /// Through known percentiles.
    Percentiles(Percentiles),
    /// Observed values, drawn with equal probability.
    Empirical(Empirical),
}

impl Dist {
    /// Draws a value: whole nanoseconds, rounded down, at most [`Span::MAX_WRITTEN`].
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> Span {
        match self {
            Self::Constant(value) => *value,
            Self::Exponential { mean_ns } => Span::from_nanos_f64_saturating(mean_ns * standard_exponential(stream)),
            Self::LogNormal { mu, sigma } => {
                Span::from_nanos_f64_saturating((mu + sigma * standard_normal(stream)).exp())
            }
            _ => self.sample_other(stream),
        }
    }

    /// Draws a value for each of `places`: the same as one after the other, and faster.
    pub fn sample_each<T>(&self, stream: &mut Stream, places: &mut [T], put: impl Fn(&mut T, Span)) {
        match self {
            Self::Exponential { mean_ns } => Block::<2>::lend(stream, |stream| {
                for place in places {
                    put(place, Span::from_nanos_f64_saturating(mean_ns * standard_exponential(stream)));
                }
            }),
            Self::LogNormal { mu, sigma } => Block::<3>::lend(stream, |stream| {
                for place in places {
                    let normal = standard_normal(stream);
                    put(place, Span::from_nanos_f64_saturating((mu + sigma * normal).exp()));
                }
            }),
            _ => places.iter_mut().for_each(|place| put(place, self.sample(stream))),
        }
    }

    /// The kinds that are not worth the space where [`Dist::sample`] is inlined.
    fn sample_other(&self, stream: &mut Stream) -> Span {
        match self {
            Self::Uniform { min, max } => *min + Span::from_nanos(stream.random_range(0..=(*max - *min).as_nanos())),
            Self::Empirical(values) => values.sample(stream),
            Self::Normal { mean_ns, sd_ns } => {
                Span::from_nanos_f64_saturating(mean_ns + sd_ns * standard_normal(stream))
            }
            Self::Gamma(gamma) => Span::from_nanos_f64_saturating(gamma.sample_ns(stream)),
            Self::HyperExponential(mixture) => Span::from_nanos_f64_saturating(mixture.sample_ns(stream)),
            Self::Percentiles(table) => Span::from_nanos_f64_saturating(table.quantile_ns(stream.random())),
            _ => Span::from_nanos_f64_saturating(self.at_hazard_ns(standard_exponential(stream))),
        }
    }

    /// Mean in seconds; may be infinite. Of the real-valued law: samples, rounded down, lie half a nanosecond lower.
    #[must_use]
    pub fn mean_s(&self) -> f64 {
        self.moments_ns().0 / NANOS_PER_SECOND as f64
    }

    /// Variance in seconds squared; may be infinite.
    #[must_use]
    pub fn variance_s2(&self) -> f64 {
        self.moments_ns().1 / (NANOS_PER_SECOND as f64).powi(2)
    }

    /// Coefficient of variation, standard deviation over mean; 0 for what does not vary, infinite with the variance.
    #[must_use]
    pub fn cv(&self) -> f64 {
        let (mean, variance) = self.moments_ns();
        if variance == 0.0 || variance.is_infinite() { variance } else { variance.sqrt() / mean }
    }

    /// The value that a draw stays below with probability `p` (the inverse of the distribution function).
    ///
    /// `p` is clamped to 0..=1. Unbounded values are capped at [`Span::MAX_WRITTEN`].
    #[must_use]
    pub fn quantile(&self, p: f64) -> Span {
        let p = if p >= 0.0 { p.min(1.0) } else { 0.0 }; // NaN too
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { min, max } => *min + Span::from_nanos_f64_saturating(p * (*max - *min).as_nanos() as f64),
            Self::Empirical(values) => values.quantile(p),
            Self::LogNormal { mu, sigma } => {
                Span::from_nanos_f64_saturating((mu + normal::scaled_quantile(*sigma, p)).exp())
            }
            Self::Normal { mean_ns, sd_ns } => {
                Span::from_nanos_f64_saturating(mean_ns + normal::scaled_quantile(*sd_ns, p))
            }
            Self::Gamma(gamma) => Span::from_nanos_f64_saturating(gamma.quantile_ns(p)),
            Self::HyperExponential(mixture) => Span::from_nanos_f64_saturating(mixture.quantile_ns(p)),
            Self::Percentiles(table) => Span::from_nanos_f64_saturating(table.quantile_ns(p)),
            _ => Span::from_nanos_f64_saturating(self.at_hazard_ns(-(-p).ln_1p())),
        }
    }

    /// Mean (ns) and variance (ns squared).
    fn moments_ns(&self) -> (f64, f64) {
        match self {
            Self::Constant(value) => (value.as_nanos() as f64, 0.0),
            Self::Uniform { min, max } => {
                let width = (*max - *min).as_nanos() as f64;
                (min.as_nanos() as f64 + width / 2.0, width * (width + 2.0) / 12.0)
            }
            Self::LogNormal { mu, sigma } => normal::log_normal_moments(*mu, *sigma),
            Self::Normal { mean_ns, sd_ns } => normal::clipped_moments(*mean_ns, *sd_ns),
            Self::Gamma(gamma) => gamma.moments_ns(),
            Self::HyperExponential(mixture) => mixture.moments_ns(),
            Self::Percentiles(table) => table.moments_ns(),
            Self::Empirical(values) => values.moments_ns(),
            Self::Exponential { mean_ns } => (*mean_ns, mean_ns * mean_ns),
            Self::Weibull { scale_ns, shape } => hazard::weibull_moments(*scale_ns, *shape),
            Self::Pareto { minimum_ns, shape } => hazard::pareto_moments(*minimum_ns, *shape),
            Self::Burr { scale_ns, c, k } => hazard::burr_moments(*scale_ns, *c, *k),
        }
    }

    /// A distribution over every nanosecond from `min` to `max`.
    ///
    /// # Errors
    /// Refuses `min` above `max`, and what does not fit the clock.
    pub fn uniform(min: Span, max: Span) -> Result<Self, DistError> {
        error::fits("max", max)?;
        if min > max { Err(DistError::MinAboveMax { min, max }) } else { Ok(Self::Uniform { min, max }) }
    }
}
