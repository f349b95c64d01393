//! Distributions of durations.
//!
//! A closed set, called in the innermost loop: an enum. Parameters are checked by the constructors, so a [`Dist`] that
//! exists can be sampled. Samples are whole nanoseconds; moments are in seconds.

use std::sync::Arc;

use crate::time::Span;

/// A distribution of durations (never negative).
#[derive(Clone, Debug, PartialEq)]
pub enum Dist {
    /// Always the same.
    Constant(Span),
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
    /// Observed values, drawn with equal probability.
    Empirical(Arc<[Span]>),
}

use crate::rng::Stream;
use rand::RngExt as _;
impl Dist {
    /// Sample.
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> Span {
        match self {
            Self::Constant(span) => *span,
            Self::Exponential { mean_ns } => {
                let x: f64 = stream.sample(rand_distr::Exp1);
                Span::from_nanos_f64_saturating(x * mean_ns)
            }
            Self::LogNormal { mu, sigma } => {
                let x: f64 = stream.sample(rand_distr::StandardNormal);
                Span::from_nanos_f64_saturating((mu + sigma * x).exp())
            }
            Self::Empirical(values) => values[stream.random_range(0..values.len())],
        }
    }
}
