//! A distribution of times that are all longer or shorter by a factor.

use std::sync::Arc;

use super::Dist;
use crate::time::Span;

impl Dist {
    /// The distribution of `factor` times a value of this one. The same random numbers draw the same value, scaled; a
    /// factor of 1 changes nothing. What no longer fits the clock is its end.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        if factor == 1.0 {
            return self.clone();
        }
        let span = |value: Span| Span::from_nanos_f64_saturating(value.as_nanos() as f64 * factor);
        match self {
            Self::Constant(value) => Self::Constant(span(*value)),
            Self::Uniform { min, max } => Self::Uniform { min: span(*min), max: span(*max) },
            Self::Exponential { mean_ns } => Self::Exponential { mean_ns: mean_ns * factor },
            Self::LogNormal { mu, sigma } => Self::LogNormal { mu: mu + factor.ln(), sigma: *sigma },
            Self::Normal { mean_ns, sd_ns } => Self::Normal { mean_ns: mean_ns * factor, sd_ns: sd_ns * factor },
            Self::Gamma(gamma) => Self::Gamma(Arc::new(gamma.scaled(factor))),
            Self::Weibull { scale_ns, shape } => Self::Weibull { scale_ns: scale_ns * factor, shape: *shape },
            Self::Pareto { minimum_ns, shape } => Self::Pareto { minimum_ns: minimum_ns * factor, shape: *shape },
            Self::HyperExponential(mixture) => Self::HyperExponential(mixture.scaled(factor)),
            Self::Burr { scale_ns, c, k } => Self::Burr { scale_ns: scale_ns * factor, c: *c, k: *k },
            Self::Percentiles(table) => Self::Percentiles(table.scaled(factor)),
            Self::Empirical(values) => Self::Empirical(values.scaled(factor)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Streams};

    #[test]
    fn every_kind_draws_the_same_value_scaled() {
        let ms = Span::from_millis;
        let all = [
            Dist::Constant(ms(200)),
            Dist::uniform(ms(100), ms(300)).unwrap(),
            Dist::exponential(ms(200)).unwrap(),
            Dist::LogNormal { mu: 19.0, sigma: 0.8 },
            Dist::Normal { mean_ns: 2e8, sd_ns: 3e7 },
            Dist::gamma(ms(200), 2.5).unwrap(),
            Dist::weibull(ms(200), 0.8).unwrap(),
            Dist::pareto(ms(200), 2.5).unwrap(),
            Dist::hyper_exponential(&[(0.3, ms(50)), (0.7, ms(300))]).unwrap(),
            Dist::burr(ms(200), 2.0, 1.5).unwrap(),
            Dist::percentiles(&[(0.0, ms(10)), (0.5, ms(200)), (1.0, ms(900))]).unwrap(),
            Dist::percentiles_with_mean(&[(0.5, ms(200)), (0.9, ms(900))], ms(400)).unwrap(),
            Dist::empirical(vec![ms(100), ms(200), ms(500)]).unwrap(),
        ];
        for dist in all {
            let scaled = dist.scaled(0.4);
            assert!((scaled.mean_s() / dist.mean_s() - 0.4).abs() < 1e-6, "{dist:?}");
            assert!((scaled.cv() - dist.cv()).abs() < 1e-6, "{dist:?}");
            assert_eq!(dist.scaled(1.0), dist);
            let stream = || Streams::new(1, 0).stream("x", Purpose::Service);
            let (mut a, mut b) = (stream(), stream());
            for _ in 0..100 {
                let (value, other) = (dist.sample(&mut a).as_nanos() as f64, scaled.sample(&mut b).as_nanos() as f64);
                // A uniform draw of another width takes other bits of the same random number.
                let tolerance = if matches!(dist, Dist::Uniform { .. }) { 1e8 } else { 2.0 };
                assert!((other - 0.4 * value).abs() <= tolerance, "{dist:?}: {other} of {value}");
            }
        }
    }
}
