//! Simulated time as a date, for systems that know no other: a run begins on Monday, 1 January 2024, 00:00 UTC.

use crate::time::SimTime;

/// When a run begins, s since 1970.
const BEGINS_S: u64 = 1_704_067_200;
const DAY_S: u64 = 86_400;

/// Whole nanoseconds since 1970.
pub(super) fn nanos(at: SimTime) -> u128 {
    u128::from(BEGINS_S) * 1_000_000_000 + u128::from(at.as_nanos())
}

/// Seconds since 1970, exactly, without zeros that say nothing.
pub(super) fn seconds(at: SimTime) -> String {
    let nanos = nanos(at);
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    if rest == 0 { seconds.to_string() } else { format!("{seconds}.{rest:09}").trim_end_matches('0').to_owned() }
}

/// `2024-01-01T00:01:00Z`: to the second below.
pub(super) fn rfc3339(at: SimTime) -> String {
    let seconds = (nanos(at) / 1_000_000_000) as u64;
    let (days, second) = (seconds / DAY_S, seconds % DAY_S);
    // Days since 1970 as a date of the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date algorithms", 2013).
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, early) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + early;
    format!("{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn a_run_begins_on_a_monday() {
        let at = |seconds: u64| SimTime::from(Span::from_secs(seconds));
        assert_eq!(rfc3339(at(0)), "2024-01-01T00:00:00Z");
        assert_eq!(rfc3339(at(59 * DAY_S + 3_661)), "2024-02-29T01:01:01Z");
        assert_eq!(rfc3339(at(366 * DAY_S)), "2025-01-01T00:00:00Z");
        assert_eq!(seconds(at(60)), "1704067260");
        assert_eq!(seconds(SimTime::from(Span::from_millis(1_500))), "1704067201.5");
    }
}
