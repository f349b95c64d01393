//! Horizon, replications, seed and precision.

use crate::id::FnId;
use crate::stats::books::Measured;
use crate::time::{SimTime, Span};

/// Simulated time, replications and random seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// Arrivals stop here; requests counted before it are followed to their end.
    pub horizon: Span,
    /// Start of the run, s since 1970.
    pub start_s: i64,
    /// The initial period that is not measured. Shorter than the horizon.
    pub warm_up: Span,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Whether a pilot run determines the warm-up; until then it is zero.
    pub warm_up_is_auto: bool,
    /// Independent replications, at least 1; with `precision`, the initial number.
    pub replications: u32,
    /// Whether the number is the default.
    pub replications_by_default: bool,
    /// Target precision; `None`: exactly `replications` are run.
    pub precision: Option<Precision>,
    /// Number of batches into which a single run is split for its intervals; `None`: intervals are from replications.
    pub batches: Option<u32>,
    /// How long after the horizon requests are followed.
    pub drain: Option<Span>,
}

impl Simulation {
    /// What is measured.
    #[must_use]
    pub fn measured(&self) -> Measured {
        Measured { from: SimTime::from(self.warm_up), until: SimTime::from(self.horizon) }
    }
}

/// When to stop adding replications.
#[derive(Clone, Debug, PartialEq)]
pub struct Precision {
    /// The metrics and their targets, at least one.
    pub targets: Vec<PrecisionTarget>,
    /// Maximum number of replications, at least `replications`.
    pub max_replications: u32,
}

/// The target precision of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct PrecisionTarget {
    /// Key in the summary, such as `latency_s.p99`.
    pub metric: String,
    /// Index of the function; `None`: the total.
    pub function: Option<FnId>,
    /// Maximum half-width of the 95 % interval.
    pub half_width: Tolerance,
}

/// A half-width in the unit of a metric, or relative to its mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// Relative to the mean.
    Relative(f64),
    /// In the unit of the metric.
    Absolute(f64),
}

impl std::fmt::Display for Tolerance {
    /// `5%` or `0.001`, as it is written in scenarios.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            // Percentages as typed, without the error of binary fractions.
            Self::Relative(part) => write!(f, "{}%", (part * 1e10).round() / 1e8),
            Self::Absolute(value) => write!(f, "{value}"),
        }
    }
}

impl std::str::FromStr for Tolerance {
    type Err = String;

    /// Reads a percentage or a number above 0.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (number, is_part) = text.strip_suffix('%').map_or((text, false), |number| (number.trim_end(), true));
        match number.parse::<f64>() {
            Ok(size) if size.is_finite() && size > 0.0 && is_part => Ok(Self::Relative(size / 100.0)),
            Ok(size) if size.is_finite() && size > 0.0 => Ok(Self::Absolute(size)),
            _ => Err("write a percentage, as in 5%, or a number above 0, as in 0.01".to_owned()),
        }
    }
}
