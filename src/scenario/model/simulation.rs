//! How long, how often, from which seed, and how precisely.

use crate::id::FnId;
use crate::time::Span;

/// Simulated time, replications and random seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// Arrivals stop here; requests counted before are followed to their end.
    pub horizon: Span,
    /// When it begins, s since 1970.
    pub start_s: i64,
    /// The start that is not measured. Shorter than the horizon.
    pub warm_up: Span,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Whether a pilot decides how long the warm-up is; until then it is zero.
    pub warm_up_is_auto: bool,
    /// Independent runs, at least 1; with `precision`, at the first look.
    pub replications: u32,
    /// The number is not set.
    pub replications_by_default: bool,
    /// How narrow intervals must be; none: as many runs as `replications`.
    pub precision: Option<Precision>,
    /// Into how many batches one run is cut, from which its intervals are made; none: they are made from replications.
    pub batches: Option<u32>,
    /// For how long after the horizon requests are followed.
    pub drain: Option<Span>,
}

/// Until when replications are added.
#[derive(Clone, Debug, PartialEq)]
pub struct Precision {
    /// What must be narrow enough, at least one.
    pub targets: Vec<PrecisionTarget>,
    /// No more replications than this, and no fewer than `replications`.
    pub max_replications: u32,
}

/// How narrow the interval of a metric must be.
#[derive(Clone, Debug, PartialEq)]
pub struct PrecisionTarget {
    /// Key of the summary, as `latency_s.p99`.
    pub metric: String,
    /// The function it is about; none: the total.
    pub function: Option<FnId>,
    /// The most that half of the 95 % interval may be.
    pub half_width: Tolerance,
}

/// A size in the unit of a metric, or as a part of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// As a part of the mean.
    Relative(f64),
    /// In the unit of the metric.
    Absolute(f64),
}

impl std::fmt::Display for Tolerance {
    /// `5%` or `0.001`, as it is written in scenarios.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            // Percentages that were typed, without what binary fractions add.
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
