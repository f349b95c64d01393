//! Time windows: the measured period, and the intervals of the time series.

use crate::scenario::Scenario;
use crate::time::{SimTime, Span};

/// The most intervals of a time series, and the fewest where many functions have one each.
const INTERVALS: [u64; 2] = [300, 24];
/// Rows of all time series together.
const ROWS_MAX: u64 = 48_000;
/// Readable interval lengths, s; beyond them, whole days.
const LENGTHS_S: [u64; 17] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200];

/// The time windows of a run.
#[derive(Clone, Debug)]
pub struct Window {
    /// Start of the measured period.
    pub from: SimTime,
    /// The horizon, which is the end of the measured period.
    pub until: SimTime,
    /// Length of the intervals of the time series.
    pub interval: Span,
    /// Whether every function has a time series of its own, and not only the total.
    pub series_by_function: bool,
}

impl Window {
    /// Those of a scenario.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let horizon = scenario.simulation.horizon;
        let rows = |intervals: u64| intervals.saturating_mul(scenario.functions.len() as u64);
        let series_by_function = rows(INTERVALS[1]) <= ROWS_MAX;
        let intervals = match scenario.functions.len() as u64 {
            functions if series_by_function => (ROWS_MAX / functions.max(1)).clamp(INTERVALS[1], INTERVALS[0]),
            _ => INTERVALS[0],
        };
        Self {
            from: SimTime::from(scenario.simulation.warm_up),
            until: SimTime::from(horizon),
            interval: nice_interval(horizon, intervals),
            series_by_function,
        }
    }

    /// Length of the measured period.
    #[must_use]
    pub fn measured(&self) -> Span {
        self.until.since(self.from)
    }

    /// Whether a moment lies in the measured period.
    pub(super) fn measures(&self, at: SimTime) -> bool {
        at >= self.from && at < self.until
    }

    /// How long each of `count` batches of the measured period is.
    pub(super) fn batch(&self, count: usize) -> Span {
        Span::from_nanos((self.measured().as_nanos() / count as u64).max(1))
    }

    /// How many intervals there are; the last may be cut short by the horizon.
    #[must_use]
    pub fn intervals(&self) -> usize {
        self.until.as_nanos().div_ceil(self.interval.as_nanos()).max(1) as usize
    }

    /// When interval `index` ends.
    pub(super) fn end_of(&self, index: usize) -> SimTime {
        SimTime::from_nanos(self.interval.as_nanos().saturating_mul(index as u64 + 1)).min(self.until)
    }

    /// How long interval `index` is.
    pub(super) fn length_of(&self, index: usize) -> Span {
        self.end_of(index).since(SimTime::from_nanos(self.interval.as_nanos().saturating_mul(index as u64)))
    }
}

/// The shortest nice length that cuts `horizon` into at most `most` intervals. Below a second: a round decimal number.
fn nice_interval(horizon: Span, most: u64) -> Span {
    let least = horizon.as_nanos().div_ceil(most).max(1);
    let decimal = (0..9).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u64.pow(power)));
    let nice = decimal.chain(LENGTHS_S.map(|secs| secs * 1_000_000_000)).find(|length| *length >= least);
    let day = 86_400 * 1_000_000_000;
    Span::from_nanos(nice.unwrap_or_else(|| least.div_ceil(day) * day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_nice_and_not_too_many() {
        for (horizon, most, interval) in [
            (Span::from_secs(86_400), 300, Span::from_secs(300)),
            (Span::from_secs(3_600), 300, Span::from_secs(15)),
            (Span::from_secs(60), 300, Span::from_millis(200)),
            (Span::from_secs(30 * 86_400), 300, Span::from_secs(14_400)),
            (Span::from_secs(3_650 * 86_400), 300, Span::from_secs(13 * 86_400)),
            (Span::from_nanos(5), 300, Span::from_nanos(1)),
        ] {
            assert_eq!(nice_interval(horizon, most), interval, "{horizon}");
        }
    }
}
