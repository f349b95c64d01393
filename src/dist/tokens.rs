//! Distributions of numbers of tokens, for requests to language models.

use super::{Dist, DistError};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Positive};
use crate::time::Span;

/// What stands for a token in a distribution of durations. Fractions of it are rounded up.
const TOKEN: Span = Span::from_millis(1);

/// The most tokens that a request may have.
const TOKENS_MAX: u32 = 100_000_000;

union! {
    /// A distribution of numbers of tokens, at least 1.
    pub enum TokensSpec ("distribution of tokens"): TokenLaw {
        "constant" => Constant(ConstantTokens),
        "uniform" => Uniform(UniformTokens),
        "geometric" => Geometric(GeometricTokens),
        "log-normal" => LogNormal(LogNormalTokens),
    }
}

/// What the parameters of a distribution of tokens make.
pub trait TokenLaw {
    /// The distribution, ready to be sampled.
    ///
    /// # Errors
    /// Parameters that make none.
    fn law(&self) -> Result<Tokens, DistError>;
}

/// A distribution of numbers of tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokens(Dist);

impl Tokens {
    /// Draws a number, at least 1.
    pub fn sample(&self, stream: &mut Stream) -> u64 {
        self.0.sample(stream).as_nanos().div_ceil(TOKEN.as_nanos()).clamp(1, u64::from(TOKENS_MAX))
    }
}

fn tokens(number: f64) -> Span {
    Span::from_nanos_f64_saturating(number * TOKEN.as_nanos() as f64)
}

parameters! {
    /// Always the same number.
    pub struct ConstantTokens {
        /// The number.
        required value: Count<1, TOKENS_MAX>,
    }
}

impl TokenLaw for ConstantTokens {
    fn law(&self) -> Result<Tokens, DistError> {
        Ok(Tokens(Dist::Constant(tokens(f64::from(self.value)))))
    }
}

parameters! {
    /// Every number from min to max is equally likely.
    pub struct UniformTokens {
        /// Smallest number.
        required min: Count<1, TOKENS_MAX>,
        /// Largest number.
        required max: Count<1, TOKENS_MAX>,
    }
}

impl UniformTokens {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        check.rule("max", self.max, self.max >= self.min, "it must not be below `min`");
    }
}

impl TokenLaw for UniformTokens {
    fn law(&self) -> Result<Tokens, DistError> {
        // Each number has its nanoseconds: those above the number before it.
        let above = tokens(f64::from(self.min) - 1.0) + Span::from_nanos(1);
        Dist::uniform(above, tokens(f64::from(self.max))).map(Tokens)
    }
}

parameters! {
    /// After each token it ends with the same probability.
    pub struct GeometricTokens {
        /// Mean, above 1.
        required mean: Positive,
    }
}

impl GeometricTokens {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let is_one = self.mean > 1.0 && self.mean <= f64::from(TOKENS_MAX);
        check.rule("mean", self.mean, is_one, "it must be above 1, and at most 1e8");
    }
}

impl TokenLaw for GeometricTokens {
    fn law(&self) -> Result<Tokens, DistError> {
        // An exponential, rounded up, is geometric: it goes on beyond n with probability exp(-1 / m) each time.
        let mean = -1.0 / (1.0 - 1.0 / self.mean).ln();
        Dist::exponential(tokens(mean)).map(Tokens)
    }
}

parameters! {
    /// Log-normal, rounded up: `median` and `p99`.
    pub struct LogNormalTokens {
        /// Median.
        required median: Count<1, TOKENS_MAX>,
        /// 99th percentile.
        required p99: Count<1, TOKENS_MAX>,
    }
}

impl LogNormalTokens {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        check.rule("p99", self.p99, self.p99 >= self.median, "it must not be below `median`");
    }
}

impl TokenLaw for LogNormalTokens {
    fn law(&self) -> Result<Tokens, DistError> {
        Dist::log_normal_p99(tokens(f64::from(self.median)), tokens(f64::from(self.p99))).map(Tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Streams};

    /// Mean, smallest and largest of many.
    fn drawn(law: &dyn TokenLaw) -> (f64, u64, u64) {
        const MANY: u64 = 200_000;
        let law = law.law().expect("a law");
        let mut stream = Streams::new(1, 0).stream("t", Purpose::Tokens);
        let all: Vec<u64> = (0..MANY).map(|_| law.sample(&mut stream)).collect();
        let mean = all.iter().sum::<u64>() as f64 / MANY as f64;
        (mean, all.iter().copied().min().unwrap_or(0), all.iter().copied().max().unwrap_or(0))
    }

    #[test]
    fn laws_have_their_means() {
        assert_eq!(drawn(&ConstantTokens { value: 300 }), (300.0, 300, 300));
        let (mean, least, most) = drawn(&UniformTokens { min: 1, max: 10 });
        assert!((mean - 5.5).abs() < 3.9 * (99.0f64 / 12.0 / 200_000.0).sqrt(), "{mean}");
        assert_eq!((least, most), (1, 10));
        // Variance (1 - p) / p^2 with p = 1/20.
        let (mean, least, _) = drawn(&GeometricTokens { mean: 20.0 });
        assert!((mean - 20.0).abs() < 3.9 * (0.95f64 * 400.0 / 200_000.0).sqrt(), "{mean}");
        assert_eq!(least, 1);
    }
}
