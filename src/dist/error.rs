//! What the constructors refuse, and the checks they share.

use super::Dist;
use crate::schema::check::Check;
use crate::time::Span;

/// Why parameters do not make a distribution.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DistError {
    /// A duration of zero where there must be some.
    #[error("`{0}` must be longer than zero, as in \"250ms\"")]
    NotPositive(&'static str),
    /// A duration beyond the clock.
    #[error("`{0}` is too long: the limit is 292 years")]
    TooLong(&'static str),
    /// A number out of range (or not a number).
    #[error("`{name}` must be a number from {low} to {high}, not {value}")]
    OutOfRange {
        /// The parameter.
        name: &'static str,
        /// What it was.
        value: f64,
        /// The least it may be.
        low: f64,
        /// The most it may be.
        high: f64,
    },
    /// The ends of a range are exchanged.
    #[error("`min` ({min}) must not be above `max` ({max})")]
    MinAboveMax {
        /// The lower end.
        min: Span,
        /// The upper end.
        max: Span,
    },
    /// A tail that lies below the middle.
    #[error("`p99` ({p99}) must not be below `median` ({median})")]
    TailBelowMedian {
        /// The median.
        median: Span,
        /// The 99th percentile.
        p99: Span,
    },
    /// Nothing to draw from.
    #[error("`{0}` must not be empty: give at least one")]
    Empty(&'static str),
    /// A branch that is never or more than always taken.
    #[error("branch {place}: `probability` must be above 0 and at most 1, not {probability}")]
    BranchProbability {
        /// Which branch, counted from 1.
        place: usize,
        /// What it was.
        probability: f64,
    },
    /// Probabilities that leave something over.
    #[error("the probabilities of the branches must add up to 1, not {0}")]
    ProbabilitySum(f64),
    /// Too few percentiles to draw a line through.
    #[error("at least two points are needed")]
    FewPoints,
    /// A mean that no distribution with these percentiles has.
    #[error("`mean` ({mean}) contradicts the points, which only allow {}", range(*.low, *.high))]
    MeanBeyondPoints {
        /// What it was.
        mean: Span,
        /// The least it can be.
        low: Span,
        /// The most it can be; [`Span::MAX_WRITTEN`] and above: anything.
        high: Span,
    },
    /// Percentiles out of order.
    #[error("point {place}: `p` must increase from point to point, and the value must not decrease")]
    Unsorted {
        /// Which point, counted from 1.
        place: usize,
    },
}

impl DistError {
    /// The parameter that is to blame, if it is one.
    pub(crate) const fn parameter(&self) -> &'static str {
        match self {
            Self::NotPositive(name) | Self::TooLong(name) | Self::Empty(name) | Self::OutOfRange { name, .. } => name,
            Self::MinAboveMax { .. } => "max",
            Self::MeanBeyondPoints { .. } => "mean",
            Self::TailBelowMedian { .. } => "p99",
            _ => "",
        }
    }
}

/// A range of durations that may be open above.
fn range(low: Span, high: Span) -> String {
    if high >= Span::MAX_WRITTEN { format!("{low} or more") } else { format!("from {low} to {high}") }
}

/// The nanoseconds of a duration that must be some.
pub(super) fn positive(name: &'static str, span: Span) -> Result<f64, DistError> {
    if span == Span::ZERO { Err(DistError::NotPositive(name)) } else { fits(name, span) }
}

/// The nanoseconds of a duration that must fit the clock.
pub(super) fn fits(name: &'static str, span: Span) -> Result<f64, DistError> {
    if span > Span::MAX_WRITTEN { Err(DistError::TooLong(name)) } else { Ok(span.as_nanos() as f64) }
}

/// A number in a range; NaN is in none.
pub(super) fn within(name: &'static str, value: f64, low: f64, high: f64) -> Result<f64, DistError> {
    if (low..=high).contains(&value) { Ok(value) } else { Err(DistError::OutOfRange { name, value, low, high }) }
}

/// Reports what a constructor refuses, at the parameter that is to blame; `called`: names of the constructor's that the file
/// has otherwise.
pub(super) fn report(check: &mut Check<'_, '_, '_>, result: Result<Dist, DistError>, called: &[(&str, &str)]) {
    let Err(error) = result else { return };
    let blamed = error.parameter();
    let key = called.iter().find(|(name, _)| *name == blamed).map_or(blamed, |(_, key)| *key);
    check.of_kind(check.span(key), error);
}

/// The same, at the element of a list that is to blame.
pub(super) fn report_in_list(check: &mut Check<'_, '_, '_>, result: Result<Dist, DistError>, list: &str) {
    let Err(error) = result else { return };
    let place = match error {
        DistError::Unsorted { place } | DistError::BranchProbability { place, .. } => {
            check.span(&format!("{list}.{place}"))
        }
        DistError::MeanBeyondPoints { .. } => check.span("mean"),
        _ => check.span(list),
    };
    check.of_kind(place, error);
}
