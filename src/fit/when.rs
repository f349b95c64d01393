//! Times as logs write them.

use super::units;

/// Days from 1970 to a day of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Months from March on, so that the leap day is the last of a year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Seconds since 1970 of a number of seconds, milli-, micro- or nanoseconds, by its size.
pub(super) fn of_number(number: f64) -> Option<f64> {
    let size = number.abs();
    let factor = match size {
        _ if !number.is_finite() => return None,
        _ if size < 1e11 => 1.0,
        _ if size < 1e14 => 1e-3,
        _ if size < 1e17 => 1e-6,
        _ => 1e-9,
    };
    Some(number * factor)
}

/// Seconds since 1970: an ISO date and time, one of a web server's log, or a number.
pub(super) fn parse(text: &str) -> Option<f64> {
    let text = text.trim().trim_matches(['"', '[', ']']);
    if let Ok(number) = text.parse::<f64>() {
        return of_number(number);
    }
    iso(text).or_else(|| web(text))
}

/// How the times of a column are meant, in all rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// Seconds of the unit that the name of the column gives.
    pub(super) unit_s: Option<f64>,
    /// What separates columns.
    separator: u8,
    /// Whether dates such as 20/03/2026 have the day first; none if no row tells.
    day_first: Option<bool>,
    /// The line of a date of which this is not known yet.
    unclear: Option<usize>,
}

/// A number in a unit that would be beyond this (3,170 years) is in a smaller one, as is one of no unit.
const TOO_LATE_S: f64 = 1e11;

impl Clock {
    /// The clock of a column, by its name.
    pub(super) fn of(column: &str, separator: u8) -> Self {
        Self { unit_s: units::split(column).1, separator, day_first: None, unclear: None }
    }

    /// Learns from a field which of day and month comes first.
    ///
    /// # Errors
    /// What contradicts the rows before it.
    pub(super) fn learn(&mut self, line: usize, text: &str) -> Result<(), String> {
        let Some(Slashed { first, second, .. }) = slashed(text) else { return Ok(()) };
        let found = match (first > 12, second > 12) {
            (true, false) => true,
            (false, true) => false,
            _ => {
                self.unclear.get_or_insert(line);
                return Ok(());
            }
        };
        if *self.day_first.get_or_insert(found) == found {
            return Ok(());
        }
        let (here, before) = if found { ("day", "month") } else { ("month", "day") };
        Err(format!(
            "`{}` has the {here} first, but a date before it the {before}; write dates as in 2024-03-01T10:00:00Z",
            text.trim()
        ))
    }

    /// The line of a date that can be read in two ways, if no row tells which.
    pub(super) fn ambiguous(&self) -> Option<usize> {
        self.unclear.filter(|_| self.day_first.is_none())
    }

    /// Seconds since 1970, or since the start of the table.
    pub(super) fn read(&self, text: &str) -> Option<f64> {
        if let Some(number) = units::number(text, self.separator) {
            let at = number * self.unit_s.unwrap_or(1.0);
            return if at.abs() < TOO_LATE_S { Some(at) } else { of_number(number) };
        }
        parse(text).or_else(|| {
            let Slashed { first, second, year, time } = slashed(text)?;
            let (month, day) = if self.day_first? { (second, first) } else { (first, second) };
            let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && year >= 1970;
            is_date.then_some(days(year, month, day) as f64 * 86_400.0 + clock(time)?)
        })
    }
}

fn whole(text: &str) -> Option<i64> {
    (!text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

/// `2026-03-20T07:13:52.102Z`, `2026-03-20 07:13:52 +0900`, `2026-03-20`.
fn iso(text: &str) -> Option<f64> {
    let date = text.get(..10)?;
    let mut parts = date.split(['-', '/']);
    let (year, month, day) = (whole(parts.next()?)?, whole(parts.next()?)?, whole(parts.next()?)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year < 1970 {
        return None;
    }
    let midnight = days(year, month, day) as f64 * 86_400.0;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return Some(midnight);
    }
    let rest = rest.strip_prefix(['T', ' ', 't'])?;
    Some(midnight + clock(rest)?)
}

/// Seconds of `07:13:52.102+09:00`, less the zone.
fn clock(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.' | ','))).unwrap_or(text.len());
    let (time, zone) = text.split_at(end);
    let mut parts = time.split(':');
    let hours = whole(parts.next()?)? as f64;
    let minutes = whole(parts.next()?)? as f64;
    let seconds: f64 = match parts.next() {
        Some(seconds) => seconds.replace(',', ".").parse().ok()?,
        None => 0.0,
    };
    if hours > 24.0 || minutes > 59.0 || !(0.0..61.0).contains(&seconds) {
        return None;
    }
    Some(hours * 3_600.0 + minutes * 60.0 + seconds - offset(zone)?)
}

/// Seconds of `Z`, `+09:00`, ` +0900`, `UTC`; nothing is UTC.
fn offset(zone: &str) -> Option<f64> {
    let zone = zone.trim();
    if zone.is_empty() || matches!(zone, "Z" | "z" | "UTC" | "GMT") {
        return Some(0.0);
    }
    let sign = match zone.as_bytes()[0] {
        b'+' => 1.0,
        b'-' => -1.0,
        _ => return None,
    };
    let digits: String = zone[1..].chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes) = match digits.len() {
        2 => (whole(&digits)?, 0),
        4 => (whole(&digits[..2])?, whole(&digits[2..])?),
        _ => return None,
    };
    Some(sign * (hours * 3_600 + minutes * 60) as f64)
}

/// `10/Oct/2026:13:55:36 -0700`.
fn web(text: &str) -> Option<f64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (date, rest) = text.split_once(':')?;
    let mut parts = date.split('/');
    let day = whole(parts.next()?)?;
    let name = parts.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as i64 + 1;
    let year = whole(parts.next()?)?;
    Some(days(year, month, day) as f64 * 86_400.0 + clock(rest)?)
}

/// A date such as `03/20/2026 07:13` or `20/03/2026`.
struct Slashed<'a> {
    first: i64,
    second: i64,
    year: i64,
    time: &'a str,
}

fn slashed(text: &str) -> Option<Slashed<'_>> {
    let text = text.trim();
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
    let mut parts = date.split('/');
    let (first, second, year) = (whole(parts.next()?)?, whole(parts.next()?)?, parts.next()?);
    let is_date = parts.next().is_none() && year.len() == 4 && first <= 31;
    Some(Slashed { first, second, year: whole(year)?, time: time.trim() }).filter(|_| is_date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_a_table_tell_day_and_month() {
        let mut clock = Clock::of("time", b',');
        assert_eq!(clock.learn(2, "03/04/2025 07:13:52"), Ok(()));
        assert_eq!((clock.ambiguous(), clock.read("03/04/2025 07:13:52")), (Some(2), None));
        assert_eq!(clock.learn(3, "20/03/2025"), Ok(()));
        assert_eq!((clock.ambiguous(), clock.read("20/03/2025 07:13:52")), (None, Some(1_742_454_832.0)));
        assert_eq!(clock.read("03/04/2025"), parse("2025-04-03"));
        assert!(clock.learn(4, "03/20/2025").unwrap_err().contains("`03/20/2025` has the month first"));
        let mut american = Clock::of("time", b',');
        assert_eq!(american.learn(2, "03/20/2025"), Ok(()));
        assert_eq!(american.read("03/04/2025"), parse("2025-03-04"));
    }

    #[test]
    fn the_name_of_a_column_tells_the_unit_of_its_numbers() {
        for (column, text, expected) in [
            ("minute", "2", 120.0),
            ("hour", "2", 7_200.0),
            ("time_ms", "1500", 1.5),
            ("time", "1500", 1_500.0),
            ("start_ns", "1742454832102000000", 1_742_454_832.102),
            ("timestamp", "1742454832102", 1_742_454_832.102),
            ("minute", "1742454832", 1_742_454_832.0),
            ("minute", "2025-03-20 07:13:52", 1_742_454_832.0),
        ] {
            let found = Clock::of(column, b',').read(text).unwrap_or(f64::NAN);
            assert!((found - expected).abs() < 1e-4, "{column} {text}: {found} instead of {expected}");
        }
        assert_eq!(Clock::of("time_s", b';').read("0,5"), Some(0.5));
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        let cases = [
            ("1970-01-01T00:00:00Z", 0.0),
            ("2025-03-20T07:13:52.102000", 1_742_454_832.102),
            ("2025-03-20T16:13:52+09:00", 1_742_454_832.0),
            ("2025-03-20 07:13:52", 1_742_454_832.0),
            ("2025/03/20 07:13:52,5", 1_742_454_832.5),
            ("[20/Mar/2025:07:13:52 +0000]", 1_742_454_832.0),
            ("20/Mar/2025:00:13:52 -0700", 1_742_454_832.0),
            ("1742454832102", 1_742_454_832.102),
            ("1742454832.102", 1_742_454_832.102),
            ("1742454832102000000", 1_742_454_832.102),
            ("2024-02-29", 1_709_164_800.0),
        ];
        for (text, expected) in cases {
            let found = parse(text).unwrap_or(f64::NAN);
            assert!((found - expected).abs() < 1e-4, "{text}: {found} instead of {expected}");
        }
        for wrong in ["", "x", "2025-13-01", "2025-03-20T25:00", "2025-03-20T", "é", "20/Foo/2025:07:13:52", "NaN"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
