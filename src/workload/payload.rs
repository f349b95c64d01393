//! How large requests and their answers are.

use crate::dist::{Dist, DistError};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::sizes::Bytes;
use crate::time::Span;

union! {
    /// A distribution of sizes.
    pub enum SizeSpec ("size"): Sizes {
        "constant" => Constant(ConstantSize),
        "uniform" => Uniform(UniformSize),
        "exponential" => Exponential(ExponentialSize),
        "log-normal" => LogNormal(LogNormalSize),
    }
}

/// What the parameters of a distribution of sizes make.
pub trait Sizes {
    /// The distribution, a nanosecond standing for a byte.
    ///
    /// # Errors
    /// Parameters that make none.
    fn law(&self) -> Result<Dist, DistError>;
}

parameters! {
    /// Always the same size.
    pub struct ConstantSize {
        /// The size.
        required value: Bytes,
    }
}

parameters! {
    /// Uniformly distributed between two sizes.
    pub struct UniformSize {
        /// Smallest size.
        required min: Bytes,
        /// Largest size.
        required max: Bytes,
    }
}

parameters! {
    /// Exponential.
    pub struct ExponentialSize {
        /// The mean.
        required mean: Bytes,
    }
}

parameters! {
    /// Log-normal: most are small, a few are large.
    pub struct LogNormalSize {
        /// Median.
        required median: Bytes,
        /// 99th percentile.
        required p99: Bytes,
    }
}

/// Checks that the parameters make a distribution.
macro_rules! checked {
    ($($size:ident, $key:literal;)+) => {
        $(impl $size {
            fn check(&self, check: &mut Check<'_, '_, '_>) {
                if self.law().is_err() {
                    check.wrong($key, "contradicts the other sizes");
                }
            }
        })+
    };
}

checked! {
    ConstantSize, "value";
    UniformSize, "max";
    ExponentialSize, "mean";
    LogNormalSize, "p99";
}

impl Sizes for ConstantSize {
    fn law(&self) -> Result<Dist, DistError> {
        Ok(Dist::Constant(Span::from_nanos(self.value)))
    }
}

impl Sizes for UniformSize {
    fn law(&self) -> Result<Dist, DistError> {
        Dist::uniform(Span::from_nanos(self.min), Span::from_nanos(self.max))
    }
}

impl Sizes for ExponentialSize {
    fn law(&self) -> Result<Dist, DistError> {
        Dist::exponential(Span::from_nanos(self.mean))
    }
}

impl Sizes for LogNormalSize {
    fn law(&self) -> Result<Dist, DistError> {
        Dist::log_normal_p99(Span::from_nanos(self.median), Span::from_nanos(self.p99))
    }
}

/// How large the requests of a source are, and their answers.
#[derive(Clone, Debug)]
pub struct Payload {
    request: Dist,
    answer: Dist,
}

impl Payload {
    /// Of requests and of answers; what is not given has no size. None if neither is, or if they make no distribution.
    #[must_use]
    pub fn of(request: Option<&SizeSpec>, answer: Option<&SizeSpec>) -> Option<Self> {
        let law = |spec: Option<&SizeSpec>| spec.map_or(Ok(Dist::Constant(Span::ZERO)), |spec| spec.law()).ok();
        (request.is_some() || answer.is_some()).then_some(Self { request: law(request)?, answer: law(answer)? })
    }

    /// The sizes of a request and of its answer, bytes.
    pub fn sample(&self, stream: &mut Stream) -> (u64, u64) {
        (self.request.sample(stream).as_nanos(), self.answer.sample(stream).as_nanos())
    }
}
