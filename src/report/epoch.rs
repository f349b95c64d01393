//! Simulated time as a date, for systems that know no other.

use crate::scenario::Scenario;
use crate::time::SimTime;

const DAY_S: i128 = 86_400;
const NANOS: i128 = 1_000_000_000;

/// When a run begins, s since 1970: what `simulation.start` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Epoch(i64);

impl Epoch {
    pub(super) const fn of(scenario: &Scenario) -> Self {
        Self(scenario.simulation.start_s)
    }

    /// Whole nanoseconds since 1970.
    pub(super) fn nanos(self, at: SimTime) -> i128 {
        i128::from(self.0) * NANOS + i128::from(at.as_nanos())
    }

    /// Seconds since 1970, exactly, without zeros that say nothing.
    pub(super) fn seconds(self, at: SimTime) -> String {
        let nanos = self.nanos(at);
        let (sign, nanos) = if nanos < 0 { ("-", -nanos) } else { ("", nanos) };
        let (seconds, rest) = (nanos / NANOS, nanos % NANOS);
        let text = format!("{sign}{seconds}.{rest:09}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// `2026-01-05T00:01:00Z`: to the second below.
    pub(super) fn rfc3339(self, at: SimTime) -> String {
        let seconds = self.nanos(at).div_euclid(NANOS);
        let (days, second) = (seconds.div_euclid(DAY_S), seconds.rem_euclid(DAY_S));
        // Days since 1970 as a date of the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date algorithms", 2013).
        let days = days + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let date = day - (153 * month + 2) / 5 + 1;
        let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = year + era * 400 + later;
        format!("{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let at = |seconds: u64| SimTime::from(Span::from_secs(seconds));
        let epoch = Epoch(1_704_067_200);
        assert_eq!(epoch.rfc3339(at(0)), "2024-01-01T00:00:00Z");
        assert_eq!(epoch.rfc3339(at(59 * 86_400 + 3_661)), "2024-02-29T01:01:01Z");
        assert_eq!(epoch.rfc3339(at(366 * 86_400)), "2025-01-01T00:00:00Z");
        assert_eq!(Epoch(1_767_571_200).rfc3339(at(0)), "2026-01-05T00:00:00Z");
        assert_eq!(Epoch(-1).rfc3339(at(0)), "1969-12-31T23:59:59Z");
        assert_eq!(epoch.seconds(at(60)), "1704067260");
        assert_eq!(epoch.seconds(SimTime::from(Span::from_millis(1_500))), "1704067201.5");
        assert_eq!(Epoch(0).seconds(at(0)), "0");
    }
}
