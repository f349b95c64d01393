//! Times as logs write them.

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
    iso(text).or_else(|| web(text)).or_else(|| american(text))
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

/// `03/20/2026 07:13` or `20/03/2026`: which is the month is only known if one is above 12; else the American order.
fn american(text: &str) -> Option<f64> {
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
    let mut parts = date.split('/');
    let (first, second, year) = (whole(parts.next()?)?, whole(parts.next()?)?, whole(parts.next()?)?);
    let (month, day) = if first > 12 { (second, first) } else { (first, second) };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year < 1970 {
        return None;
    }
    Some(days(year, month, day) as f64 * 86_400.0 + clock(time)?)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("03/20/2025 07:13:52", 1_742_454_832.0),
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
