//! Rate traces: how many requests came in each interval.

use super::error::{OnError, Skipped, TraceError};
use super::table::{Row, Table};
use crate::time::{SimTime, Span};
use crate::workload::{Counts, Input, Spread};

/// Intervals of a rate trace, gaps included: eleven years of minutes.
const INTERVALS_MAX: u64 = 6_000_000;

/// A rate trace, read whole.
#[derive(Clone, Debug)]
pub struct RateTrace {
    /// Requests by interval, the first of which begins at time zero.
    pub counts: Counts,
    /// Rows left out.
    pub skipped: Skipped,
}

impl RateTrace {
    /// Reads a file with two columns: when an interval begins (seconds, or `YYYY-MM-DD HH:MM:SS`), and how many requests
    /// came in it. The length of the intervals is the distance of the first two rows; rows that are missing count as zero.
    ///
    /// # Errors
    /// What cannot be read, and, with [`OnError::Fail`], the first row that is wrong.
    pub fn read(input: &Input, spread: Spread, scale: f64, on_error: OnError) -> Result<Self, TraceError> {
        let mut table = Table::open(input)?;
        let count = table.need(&["count", "requests", "invocations", "rate"])?;
        let time = table.column(&["time_s", "time", "timestamp", "period"]).unwrap_or(usize::from(count == 0));
        let mut skipped = Skipped::default();
        let (mut first, mut interval) = (None, None);
        let mut counts: Vec<f64> = Vec::new();
        while let Some(row) = table.next()? {
            match (moment(&row, time), row.number(count)) {
                (Ok(at), Ok(number)) => match place(&row, at, &mut first, &mut interval, counts.len() as u64) {
                    Ok(place) => {
                        counts.resize(place as usize, 0.0);
                        counts.push(number);
                    }
                    Err(error) => skipped.take(on_error, error)?,
                },
                (Err(error), _) | (_, Err(error)) => skipped.take(on_error, error)?,
            }
        }
        let Some(interval) = interval else {
            let message = "an interval cannot be learnt from fewer than two rows";
            return Err(TraceError::new(table.name(), None, message));
        };
        Ok(Self { counts: Counts::new(interval, SimTime::ZERO, spread, scale, counts), skipped })
    }
}

/// The number of the interval that begins at `at`.
fn place(
    row: &Row<'_>,
    at: f64,
    first: &mut Option<f64>,
    interval: &mut Option<Span>,
    known: u64,
) -> Result<u64, TraceError> {
    let since = at - *first.get_or_insert(at);
    if since == 0.0 && known == 0 {
        return Ok(0);
    }
    if since <= 0.0 {
        return Err(row.wrong("the time does not rise").help("sort the rows by time, one row for each interval"));
    }
    if interval.is_none() {
        let length = Span::from_secs_f64(since).map_err(|error| row.wrong(error.to_string()))?;
        if length == Span::ZERO {
            return Err(row.wrong("the interval is shorter than a nanosecond"));
        }
        *interval = Some(length);
    }
    let length = interval.map_or(1.0, Span::as_secs_f64);
    let place = (since / length).round();
    if (place * length - since).abs() > length / 100.0 {
        let message =
            format!("the row lies {since} s after the first, which is no multiple of the interval, {length} s");
        return Err(row.wrong(message).help("the first two rows tell the length of all intervals"));
    }
    if place >= INTERVALS_MAX as f64 {
        return Err(row.wrong(format!("more than {INTERVALS_MAX} intervals")));
    }
    if (place as u64) < known {
        return Err(row.wrong("the time does not rise").help("sort the rows by time, one row for each interval"));
    }
    Ok(place as u64)
}

/// Seconds, from a number or from a date and a time of day.
fn moment(row: &Row<'_>, column: usize) -> Result<f64, TraceError> {
    let text = row.text(column)?;
    date_time(text).map_or_else(|| row.number(column), Ok).map_err(|error| {
        if text.contains('-') { error.help("write seconds, or a time as in 1998-04-30 21:30:00") } else { error }
    })
}

/// Seconds since 1970 of `YYYY-MM-DD HH:MM:SS[.frac]`, also with a `T` between and a `Z` behind.
fn date_time(text: &str) -> Option<f64> {
    let (date, time) = text.trim_end_matches('Z').split_once([' ', 'T'])?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.splitn(3, ':');
    let (hour, minute): (u32, u32) = (time.next()?.parse().ok()?, time.next()?.parse().ok()?);
    let second: f64 = time.next().map_or(Some(0.0), |second| second.parse().ok())?;
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && (0..=9999).contains(&year);
    if !valid || hour > 23 || minute > 59 || !(0.0..61.0).contains(&second) {
        return None;
    }
    // Days since 1970 in the proleptic Gregorian calendar, with years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = days + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(days as f64 * 86_400.0 + f64::from(hour * 3_600 + minute * 60) + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, on_error: OnError) -> Result<RateTrace, TraceError> {
        RateTrace::read(&Input::of_bytes("rate.csv", text.as_bytes()), Spread::Uniform, 1.0, on_error)
    }

    fn counts(text: &str) -> (f64, Vec<f64>) {
        let trace = read(text, OnError::Fail).unwrap();
        (trace.counts.interval.as_secs_f64(), trace.counts.iter().collect())
    }

    #[test]
    fn dates_are_counted_in_seconds() {
        assert_eq!(date_time("1970-01-01 00:00:00"), Some(0.0));
        assert_eq!(date_time("2000-03-01T00:00:01.5Z"), Some(951_868_801.5));
        assert_eq!(date_time("1998-04-30 21:30:00"), Some(893_971_800.0));
        assert_eq!(date_time("2000-13-01 00:00:00"), None);
        assert_eq!(date_time("12"), None);
    }

    #[test]
    fn the_first_two_rows_tell_the_interval_and_gaps_are_zero() {
        assert_eq!(counts("time_s,count\n0,5\n10,0\n40,2.5\n"), (10.0, vec![5.0, 0.0, 0.0, 0.0, 2.5]));
        assert_eq!(counts("period,count\n1998-04-30 21:30:00,2\n1998-04-30 21:31:00,11\n"), (60.0, vec![2.0, 11.0]));
        assert_eq!(counts("count,time\n7,100\n8,101\n"), (1.0, vec![7.0, 8.0]));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let message = |text: &str| read(text, OnError::Fail).unwrap_err().to_string();
        assert_eq!(
            message("time,count\n0,1\n0,2\n"),
            "rate.csv:3: the time does not rise; sort the rows by time, one row for each interval"
        );
        assert_eq!(
            message("time,count\n0,1\n1,x\n"),
            "rate.csv:3: `count`: \"x\" is not a number; write for example 0.25"
        );
        assert_eq!(
            message("time,count\n0,1\n1,-2\n"),
            "rate.csv:3: `count`: \"-2\" is negative; write for example 0.25"
        );
        assert_eq!(message("time,count\n0,1\n"), "rate.csv: an interval cannot be learnt from fewer than two rows");
        assert_eq!(
            message("time,number\n0,1\n"),
            "rate.csv:1: there is no column `count`; the columns are `time`, `number`"
        );
        assert!(message("time,count\n0,1\n1,1\n1e300,1\n").contains("more than 6000000 intervals"));
        assert!(message("time,count\n0,1\n10,1\n13,1\n").contains("no multiple of the interval"));
        let skipped = read("time,count\n0,1\n1,x\n2,3\n4,4\n", OnError::Skip).unwrap();
        assert_eq!((skipped.skipped.rows, skipped.counts.iter().sum::<f64>()), (1, 8.0));
    }
}
