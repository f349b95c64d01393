//! Arrival processes at work (a stand-in until the whole set lands).

use rand::RngExt as _;
use rand_distr::Exp1;

use super::ArrivalSpec;
use crate::rng::{Purpose, Stream, Streams};
use crate::time::{SimTime, Span};

/// One request as it comes out of a source.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When.
    pub at: SimTime,
    /// Its function's place among the trace's names.
    pub function: u32,
    /// Its running time, if the trace brings it.
    pub duration: Option<Span>,
}

/// Trace error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("trace")]
pub struct TraceError;

/// Running process.
pub enum Arrivals {
    /// Poisson.
    Poisson(f64, SimTime, Stream),
    /// Constant.
    Constant(f64, u64),
    /// None.
    Never,
}

impl Arrivals {
    /// New.
    pub fn new(spec: &ArrivalSpec, streams: &Streams, owner: &str) -> Result<Self, TraceError> {
        Ok(match spec {
            ArrivalSpec::Poisson { rate } => Self::Poisson(1e9 / rate, SimTime::ZERO, streams.stream(owner, Purpose::Arrivals)),
            ArrivalSpec::Constant { rate } => Self::Constant(1e9 / rate, 0),
            _ => Self::Never,
        })
    }
    /// Next.
    #[inline]
    pub fn next(&mut self) -> Option<Arrival> {
        let at = match self {
            Self::Poisson(gap, now, stream) => {
                let draw: f64 = stream.sample(Exp1);
                *now = *now + Span::from_nanos_f64_saturating(draw * *gap);
                *now
            }
            Self::Constant(gap, n) => {
                *n += 1;
                SimTime::from_nanos((*gap * *n as f64) as u64)
            }
            Self::Never => return None,
        };
        Some(Arrival { at, function: 0, duration: None })
    }
    /// Error.
    pub fn error(&self) -> Option<&TraceError> {
        None
    }
}

/// Closed users.
pub struct ClosedUsers(crate::dist::Dist, Stream);
impl ClosedUsers {
    /// New.
    pub fn new(think: crate::dist::Dist, streams: &Streams, owner: &str) -> Self {
        Self(think, streams.stream(owner, Purpose::Arrivals))
    }
    /// Next.
    pub fn next(&mut self, now: SimTime) -> SimTime {
        now + self.0.sample(&mut self.1)
    }
}
