//! Alarms on metrics while a run is in progress.

use super::super::objective::Subject;
use crate::metric::signal::Signal;
use crate::time::Span;

/// A metric that is evaluated period by period.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// Unique name.
    pub name: String,
    /// The name of the subject.
    pub metric: String,
    /// The metric.
    pub signal: Signal,
    /// The subject.
    pub subject: Subject,
    /// The threshold.
    pub threshold: f64,
    /// When a period breaches the threshold.
    pub comparison: Comparison,
    /// Length of a period.
    pub period: Span,
    /// Number of the latest periods that must breach the threshold.
    pub datapoints: u32,
    /// Number of the latest periods that are evaluated.
    pub of: u32,
    /// How a period without data is treated.
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

    /// The comparison in words.
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

/// How a period without data is treated; the names are those of CloudWatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is skipped; without any data, the alarm has insufficient data.
    Missing,
    /// It is skipped; if that leaves the state undecided, it stays the same.
    Ignore,
    /// As breaching the threshold.
    Breaching,
    /// As within the threshold.
    NotBreaching,
}
