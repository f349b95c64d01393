//! What is watched while a run goes on.

use super::super::objective::Subject;
use crate::metric::signal::Signal;
use crate::time::Span;

/// Something that is watched period by period.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// Unique name.
    pub name: String,
    /// The name of what is watched.
    pub metric: String,
    /// What is watched.
    pub signal: Signal,
    /// Of what.
    pub subject: Subject,
    /// What it is compared with.
    pub threshold: f64,
    /// When a period breaches the threshold.
    pub comparison: Comparison,
    /// How long a period is.
    pub period: Span,
    /// Number of the latest periods that must breach the threshold.
    pub datapoints: u32,
    /// Number of the latest periods that are evaluated.
    pub of: u32,
    /// What a period without data counts as.
    pub missing: Missing,
}

/// When a value breaches a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is greater.
    Above,
    /// It is greater or equal.
    AtLeast,
    /// It is less.
    Below,
    /// It is less or equal.
    AtMost,
}

impl Comparison {
    /// Whether a value breaches a threshold.
    #[must_use]
    pub fn is_breached_by(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
            Self::Below => value < threshold,
            Self::AtMost => value <= threshold,
        }
    }

    /// As it is said.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::AtLeast => "at least",
            Self::Below => "below",
            Self::AtMost => "at most",
        }
    }
}

/// What a period counts as in which there was nothing to measure: the names are those of CloudWatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// As nothing; if there is no data at all, the alarm has insufficient data.
    Missing,
    /// As nothing; what is left open by that stays as it is.
    Ignore,
    /// As breaching.
    Breaching,
    /// As not breaching.
    NotBreaching,
}
