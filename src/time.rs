//! Simulated time: exact unsigned nanoseconds, and how people write them.
//!
//! [`SimTime`] is a point, [`Span`] a length. Both are integers so that sums and ties are exact: Little's law holds as
//! an equality. Floating point stays outside the clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

/// Nanoseconds in one second.
pub const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// The units a duration may carry, largest first, with their length in nanoseconds.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400 * NANOS_PER_SECOND),
    ("h", 3_600 * NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("s", NANOS_PER_SECOND),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A length of simulated time in whole nanoseconds (at most about 584 years).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

/// A point in simulated time: nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimTime(u64);

/// Why a text or a number is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// Nothing was written.
    #[error("a duration is missing: write a number and a unit, as in \"250ms\" or \"1m30s\"")]
    Empty,
    /// A number without a unit.
    #[error("`{0}` has no unit: write \"{0}s\" or \"{0}ms\" (units: ns us ms s m h d)")]
    NoUnit(String),
    /// A unit that does not exist.
    #[error("`{0}` is not a unit of time: use ns, us, ms, s, m, h or d")]
    UnknownUnit(String),
    /// Not a number where one should stand.
    #[error("`{0}` is not a duration: write a number and a unit, as in \"250ms\" or \"1m30s\"")]
    NotANumber(String),
    /// Less than nothing, or not a number at all.
    #[error("a duration cannot be negative, infinite or NaN")]
    OutOfRange,
    /// More than the clock can hold.
    #[error("a duration of more than 292 years does not fit the clock")]
    TooLarge,
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than any simulation: what "forever" means.
    pub const FOREVER: Self = Self(u64::MAX);
    /// The longest duration that may be written, half of the clock, so that sums of two do not overflow.
    pub const MAX_WRITTEN: Self = Self(u64::MAX / 2);

    /// A span of whole nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A span of whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// A span of whole seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * NANOS_PER_SECOND)
    }

    /// A span of `secs` seconds, rounded to the nanosecond.
    ///
    /// # Errors
    /// Refuses NaN, negative and infinite values and what does not fit the clock.
    pub fn from_secs_f64(secs: f64) -> Result<Self, SpanError> {
        if !secs.is_finite() || secs < 0.0 {
            return Err(SpanError::OutOfRange);
        }
        let nanos = (secs * NANOS_PER_SECOND as f64).round();
        if nanos > Self::MAX_WRITTEN.0 as f64 { Err(SpanError::TooLarge) } else { Ok(Self(nanos as u64)) }
    }

    /// A span from drawn nanoseconds: rounded down, negative and NaN to zero, capped at [`Span::MAX_WRITTEN`].
    ///
    /// For samples of distributions, where a draw beyond the clock is possible but must not stop the run.
    #[inline]
    #[must_use]
    pub fn from_nanos_f64_saturating(nanos: f64) -> Self {
        // Signed numbers are converted faster, and the largest of them is the longest span.
        Self((nanos as i64).max(0) as u64)
    }

    /// The span in nanoseconds.
    #[inline]
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The span in seconds.
    #[inline]
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }

    /// The sum of two spans; at most the longest one that the clock can hold.
    #[inline]
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl SimTime {
    /// The start of the run.
    pub const ZERO: Self = Self(0);
    /// After everything.
    pub const NEVER: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the start.
    #[inline]
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    #[inline]
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start.
    #[inline]
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }

    /// The time from `earlier` to here; zero if `earlier` is later.
    #[inline]
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Span> for SimTime {
    type Output = Self;
    /// Saturates at [`SimTime::NEVER`], so that `now + Span::FOREVER` is never.
    #[inline]
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for SimTime {
    type Output = Self;
    /// Saturates at the start of the run.
    #[inline]
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Add for Span {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

impl AddAssign for Span {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Span {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<Span> for SimTime {
    /// The point that lies `span` after the start.
    fn from(span: Span) -> Self {
        Self(span.0)
    }
}

impl FromStr for Span {
    type Err = SpanError;

    /// Reads `"250ms"`, `"1.5h"` or `"1m30s"`: numbers with units, added up.
    fn from_str(text: &str) -> Result<Self, SpanError> {
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(SpanError::Empty);
        }
        let mut total: f64 = 0.0;
        let mut exact: Option<u64> = Some(0);
        while !rest.is_empty() {
            let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let (number, after) = rest.split_at(number_len);
            let unit_len = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
            let (unit, next) = after.split_at(unit_len);
            if number.is_empty() {
                let negative = rest.strip_prefix('-').is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()));
                return Err(if negative { SpanError::OutOfRange } else { SpanError::NotANumber(text.to_owned()) });
            }
            let value: f64 = number.parse().map_err(|_| SpanError::NotANumber(text.to_owned()))?;
            let unit = unit.trim();
            if unit.is_empty() {
                return Err(SpanError::NoUnit(text.trim().to_owned()));
            }
            let nanos = UNITS
                .iter()
                .find(|(name, _)| *name == unit)
                .map(|(_, nanos)| *nanos)
                .ok_or_else(|| SpanError::UnknownUnit(unit.to_owned()))?;
            total += value * nanos as f64;
            exact = exact.and_then(|sum| number.parse::<u64>().ok()?.checked_mul(nanos)?.checked_add(sum));
            rest = next.trim_start();
        }
        if total > Self::MAX_WRITTEN.0 as f64 {
            return Err(SpanError::TooLarge);
        }
        Ok(Self(exact.unwrap_or(total.round() as u64)))
    }
}

impl fmt::Display for Span {
    /// Writes the span in a form that [`FromStr`] reads back exactly, as in `1m30s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if *self == Self::FOREVER {
            return f.write_str("forever");
        }
        let mut rest = self.0;
        for (unit, nanos) in UNITS {
            if rest >= nanos {
                write!(f, "{}{unit}", rest / nanos)?;
                rest %= nanos;
            }
        }
        Ok(())
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Span(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        for (text, nanos) in [
            ("0s", 0),
            ("250ms", 250_000_000),
            ("1m30s", 90_000_000_000),
            ("1.5h", 5_400_000_000_000),
            (" 10 m ", 600_000_000_000),
            ("1d", 86_400_000_000_000),
            ("3us", 3_000),
            ("0.5ns", 1),
        ] {
            assert_eq!(text.parse(), Ok(Span::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_duration() {
        for text in ["", "10", "10 parsecs", "-5s", "s", "1.2.3s", "NaN", "1e3s", "999999d"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        for secs in [f64::NAN, -1.0, f64::INFINITY, 1e20] {
            assert!(Span::from_secs_f64(secs).is_err(), "{secs}");
        }
    }

    #[test]
    fn forever_after_now_is_never() {
        assert_eq!(SimTime::from_nanos(5) + Span::FOREVER, SimTime::NEVER);
    }

    proptest! {
        #[test]
        fn display_reads_back_exactly(nanos in 0..=Span::MAX_WRITTEN.as_nanos()) {
            let span = Span::from_nanos(nanos);
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }
    }
}
