//! Moments as they stand in files: numbers, whose unit the column's name or their size tells, or dates.

use super::decimal::Decimal;
use super::error::TraceError;
use super::table::Row;
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

const SECOND: u64 = NANOS_PER_SECOND;
const DAY: u64 = 86_400 * SECOND;
/// No trace has lasted for so long (three years): such a moment is counted from 1970 on.
const SINCE_1970: u64 = 100_000_000 * SECOND;
/// So many seconds (3,170 years) are no moment of this era: the number is in a smaller unit.
pub(super) const TOO_LARGE: u64 = 100_000_000_000;

/// How the numbers of a column are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// In units of so many nanoseconds; what is too large for that, by its size.
    Unit(u64),
    /// In these units, as was asked.
    Fixed(u64),
    /// Seconds, but milli-, micro- or nanoseconds since 1970 where they are too large for seconds.
    Seconds,
    /// The name of the column says nothing of a unit: only since 1970, by their size, or dates.
    Dates,
}

/// A moment of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) nanos: u64,
}

impl Moment {
    /// Whether it is counted from 1970 on, and not from the start of the trace.
    pub(super) const fn is_absolute(nanos: u64) -> bool {
        nanos >= SINCE_1970
    }
}

impl Clock {
    /// What the name of a column tells; none: it is no column of times.
    pub(super) fn of_column(name: &str) -> Option<Self> {
        let name: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
        let name = name.trim_matches('_');
        Some(match name {
            "time" | "timestamp" | "ts" | "t" | "epoch" | "unix" | "unixtime" | "unix_time" | "unix_timestamp"
            | "epoch_time" | "at" => Self::Seconds,
            "date" | "datetime" | "date_time" | "period" | "start" | "start_time" | "starttime" | "interval_start"
            | "period_start" | "window_start" | "bucket" | "timegenerated" | "time_generated" | "time_utc"
            | "timestamp_utc" | "utc" => Self::Dates,
            _ => match name.rsplit('_').next()? {
                "s" | "sec" | "secs" | "second" | "seconds" if name != "s" => Self::Seconds,
                "ms" | "millis" | "millisecond" | "milliseconds" => Self::Unit(1_000_000),
                "us" | "micros" | "microsecond" | "microseconds" => Self::Unit(1_000),
                "ns" | "nanos" | "nanosecond" | "nanoseconds" => Self::Unit(1),
                "min" | "mins" | "minute" | "minutes" => Self::Unit(60 * SECOND),
                "hour" | "hours" | "hr" | "hrs" => Self::Unit(3_600 * SECOND),
                "day" | "days" => Self::Unit(DAY),
                _ => return None,
            },
        })
    }

    /// Reads the moment in a column of a row.
    pub(super) fn read(self, row: &Row<'_>, column: usize) -> Result<Moment, TraceError> {
        let text = row.text(column)?;
        if let Some(number) = Decimal::read(text.as_bytes()) {
            return self.of_number(number).map_err(|(why, help)| row.wrong_field(column, text, &why).help(help));
        }
        match date_time(text) {
            Ok(Some(nanos)) => Ok(Moment { nanos }),
            Ok(None) => {
                // Numbers with an exponent, and what is none at all.
                let seconds = row.number(column).map_err(|error| {
                    let is_like_date = text.contains(['-', '/', ':']) && text.len() >= 8;
                    if is_like_date { error.help("write seconds, or a time as in 1998-04-30 21:30:00") } else { error }
                })?;
                let unit = match self {
                    Self::Unit(unit) | Self::Fixed(unit) => unit,
                    Self::Seconds | Self::Dates => SECOND,
                };
                let span = Span::from_secs_f64(seconds * (unit as f64 / SECOND as f64));
                span.map(|span| Moment { nanos: span.as_nanos() })
                    .map_err(|error| row.wrong_field(column, text, &format!("is not a point in time: {error}")))
            }
            Err(why) => Err(row.wrong_field(column, text, why).help("write dates as in 2024-03-01T10:00:00Z")),
        }
    }

    fn of_number(self, number: Decimal) -> Result<Moment, (String, String)> {
        let whole = number.whole();
        let by_size = || match whole {
            0..TOO_LARGE => SECOND,
            _ if whole < 1_000 * TOO_LARGE => 1_000_000,
            _ if whole < 1_000_000 * TOO_LARGE => 1_000,
            _ => 1,
        };
        let unit = match self {
            Self::Fixed(unit) => unit,
            Self::Unit(unit) if u128::from(whole) * u128::from(unit) < u128::from(TOO_LARGE) * u128::from(SECOND) => {
                unit
            }
            _ => by_size(),
        };
        let nanos = number.times(unit);
        let nanos = nanos
            .ok_or_else(|| ("is too late for the simulated clock".to_owned(), "the limit is 292 years".to_owned()))?;
        if self == Self::Dates && !Moment::is_absolute(nanos) {
            let help = "state its unit: time-unit = \"s\" or \"m\"";
            return Err(("is a number in an unknown unit".to_owned(), help.to_owned()));
        }
        Ok(Moment { nanos })
    }
}

/// Where a trace begins, as a scenario says it: a time from the trace's own beginning on, or a date.
///
/// # Errors
/// What to write instead.
pub(super) fn start(text: &str) -> Result<SimTime, String> {
    let help = "write a time from the beginning of the trace, as in \"2d\", or a date, as in \"2024-03-01T10:00:00Z\"";
    match date_time(text) {
        Ok(Some(nanos)) => Ok(SimTime::from_nanos(nanos)),
        _ => text.parse::<Span>().map(SimTime::from).map_err(|_| help.to_owned()),
    }
}

/// Nanoseconds since 1970 of `YYYY-MM-DD[ HH:MM[:SS[.frac]]]`, also with `/` in the date, with a `T` between, and with `Z`,
/// `UTC`, `GMT` or an offset behind; without one it is UTC. None: it is no date; an error: a date that cannot be.
fn date_time(text: &str) -> Result<Option<u64>, &'static str> {
    let text = text.trim();
    let split = text.find([' ', 'T', 't']).unwrap_or(text.len());
    let (date, time) = (&text[..split], text[split..].trim_start_matches([' ', 'T', 't']));
    let mark = if date.contains('/') { '/' } else { '-' };
    let mut parts = date.splitn(3, mark);
    let (Some(first), Some(second), Some(third)) = (parts.next(), parts.next(), parts.next()) else { return Ok(None) };
    let number = |text: &str, most: usize| {
        let is_digits = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_digits.then(|| text.parse::<i64>().ok()).flatten()
    };
    let (Some(year), Some(month), Some(day)) = (number(first, 4), number(second, 2), number(third, 4)) else {
        return Ok(None);
    };
    if first.len() != 4 {
        let is_year_last = third.len() == 4;
        return if is_year_last { Err("is ambiguous: day and month could be swapped") } else { Ok(None) };
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return Err("is not a date: the month is out of range"),
    };
    if day < 1 || day > days {
        return Err("is not a date: the month has no such day");
    }
    let Some((clock, offset)) = time_of_day(time) else { return Err("is not a time of day") };
    // Days since 1970 in the proleptic Gregorian calendar, with years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let since = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let since = since + (153 * month + 2) / 5 + day - 1 - 719_468;
    let nanos = i128::from(since) * i128::from(DAY) + i128::from(clock) - i128::from(offset) * i128::from(SECOND);
    match u64::try_from(nanos) {
        Ok(nanos) if nanos <= Span::MAX_WRITTEN.as_nanos() => Ok(Some(nanos)),
        _ => Err("is not between 1970 and 2262"),
    }
}

/// Nanoseconds since midnight, and the offset from UTC in seconds.
fn time_of_day(text: &str) -> Option<(u64, i64)> {
    let text = text.trim();
    if text.is_empty() {
        return Some((0, 0));
    }
    let zoneless = ["Z", "z", "UTC", "GMT"].iter().find_map(|zone| text.strip_suffix(zone)).unwrap_or(text);
    let (clock, offset) = match zoneless.find(['+', '-']) {
        Some(sign) if zoneless.len() == text.len() => {
            let digits: String = zoneless[sign + 1..].chars().filter(|c| *c != ':').collect();
            let (hours, minutes) = match digits.len() {
                2 => (digits.parse::<i64>().ok()?, 0),
                4 => (digits[..2].parse::<i64>().ok()?, digits[2..].parse::<i64>().ok()?),
                _ => return None,
            };
            if hours > 18 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3_600 + minutes * 60;
            (&zoneless[..sign], if zoneless.as_bytes()[sign] == b'-' { -seconds } else { seconds })
        }
        Some(_) => return None,
        None => (zoneless, 0),
    };
    let mut parts = clock.trim().splitn(3, ':');
    let two = |text: &str| if text.len() == 2 || text.len() == 1 { text.parse::<u64>().ok() } else { None };
    let (hour, minute) = (two(parts.next()?)?, two(parts.next()?)?);
    let second = Decimal::read(parts.next().unwrap_or("0").as_bytes())?.times(SECOND)?;
    (hour < 24 && minute < 60 && second < 61 * SECOND).then_some(((hour * 60 + minute) * 60 * SECOND + second, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<f64> {
        date_time(text).unwrap().map(|nanos| nanos as f64 / 1e9)
    }

    #[test]
    fn dates_are_counted_in_seconds() {
        assert_eq!(seconds("1970-01-01 00:00:00"), Some(0.0));
        assert_eq!(seconds("2000-03-01T00:00:01.5Z"), Some(951_868_801.5));
        assert_eq!(seconds("1998-04-30 21:30:00"), Some(893_971_800.0));
        for same in [
            "2024-03-01T10:00:00+00:00",
            "2024-03-01T10:00:00+0000",
            "2024-03-01 10:00:00 UTC",
            "2024-03-01T12:00:00+02:00",
            "2024-03-01T04:30-0530",
            "2024-03-01 09:00:00-01",
            "2024/03/01 10:00",
        ] {
            assert_eq!(seconds(same), Some(1_709_287_200.0), "{same}");
        }
        assert_eq!(seconds("2024-02-29"), Some(1_709_164_800.0));
        for none in ["12", "x", "1-2", "2024", ""] {
            assert_eq!(seconds(none), None, "{none}");
        }
        for wrong in
            ["2000-13-01", "2023-02-29", "2024-02-31 10:00", "2024-03-01 25:00", "03/01/2024 10:00", "1969-12-31"]
        {
            assert!(date_time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_name_or_the_size_tells_the_unit() {
        let nanos = |column: &str, text: &str| {
            let number = Decimal::read(text.as_bytes()).unwrap();
            Clock::of_column(column)?.of_number(number).ok().map(|moment| moment.nanos)
        };
        let at = 1_709_287_200_000_000_000;
        for text in ["1709287200", "1709287200000", "1709287200000000", "1709287200000000000"] {
            for column in ["Time", "timestamp", "time_s", "date", "minute", "@timestamp"] {
                assert_eq!(nanos(column, text), Some(at), "{column} {text}");
            }
        }
        assert_eq!(nanos("ts_ms", "1709287200000"), Some(at));
        assert_eq!(
            (nanos("minute", "2"), nanos("hour", "2"), nanos("Day", "1")),
            (Some(120 * SECOND), Some(7_200 * SECOND), Some(DAY))
        );
        assert_eq!((nanos("time", "60"), nanos("period", "60"), nanos("host", "60")), (Some(60 * SECOND), None, None));
        assert_eq!(
            Clock::Fixed(1_000_000).of_number(Decimal::read(b"500").unwrap()),
            Ok(Moment { nanos: 500_000_000 })
        );
    }

    #[test]
    fn a_start_is_a_time_or_a_date() {
        assert_eq!(start("2d"), Ok(SimTime::from_nanos(2 * DAY)));
        assert_eq!(start("1970-01-02"), Ok(SimTime::from_nanos(DAY)));
        assert!(start("noon").is_err() && start("2024-02-31").is_err());
    }
}
