//! Rate traces: how many requests came in each interval.

use super::error::{OnError, Remark, Skipped, TraceError, many_rows};
use super::moment::{Clock, Moment};
use super::table::{Row, Table};
use crate::time::{SimTime, Span};
use crate::workload::{Counts, Input, Spread};

/// Intervals of a rate trace, gaps included: eleven years of minutes.
const INTERVALS_MAX: u64 = 6_000_000;
/// Rows of a rate trace: several may stand for one interval.
const RATE_ROWS_MAX: usize = 20_000_000;
/// What stands where nothing was measured.
const NOTHING: [&str; 7] = ["", "-", "null", "none", "nan", "n/a", "undefined"];

/// How a rate trace is read. What is not given is told by the columns.
#[derive(Clone, Debug, Default)]
pub struct RateOptions {
    /// Where the requests lie in their interval.
    pub spread: Spread,
    /// What the counts are multiplied with; none: 1.
    pub scale: Option<f64>,
    /// What to do with a row that cannot be read.
    pub on_error: OnError,
    /// The column of times.
    pub time_column: Option<String>,
    /// The column of counts.
    pub count_column: Option<String>,
    /// A column of rates per second, in place of counts.
    pub rate_column: Option<String>,
    /// The unit of times that are numbers.
    pub time_unit: Option<Span>,
    /// The length of the intervals.
    pub interval: Option<Span>,
    /// What is time zero, in the times of the trace; none: its first interval.
    pub start: Option<SimTime>,
    /// What separates the fields.
    pub separator: Option<u8>,
}

/// A rate trace, read whole.
#[derive(Clone, Debug)]
pub struct RateTrace {
    /// Requests by interval, the first of which begins at time zero.
    pub counts: Counts,
    /// Rows left out.
    pub skipped: Skipped,
    /// What its user should know.
    pub remarks: Vec<Remark>,
}

/// Where the columns are, and what they mean.
pub(super) struct Columns {
    time: usize,
    clock: Clock,
    value: usize,
    /// A rate is per so long; none: a count.
    per: Option<Span>,
}

/// A row: its time, what came, its line.
type Counted = (u64, f64, u64);

impl Columns {
    pub(super) fn find(table: &Table, options: &RateOptions) -> Result<Self, TraceError> {
        let named = |name: &Option<String>| name.as_ref().map(|name| table.need(&[name.as_str()])).transpose();
        let columns = || table.columns().iter().enumerate();
        let time = match named(&options.time_column)? {
            Some(column) => column,
            None => columns().find(|(_, name)| Clock::of_column(name).is_some()).map(|(place, _)| place).ok_or_else(
                || {
                    table
                        .lacks("no column is called time, timestamp, date, minute or similar")
                        .also("name it: time-column = \"...\"")
                },
            )?,
        };
        let clock = match options.time_unit {
            Some(unit) => Clock::Fixed(unit.as_nanos()),
            None => Clock::of_column(&table.columns()[time]).unwrap_or(Clock::Dates),
        };
        let (value, per) = match (named(&options.count_column)?, named(&options.rate_column)?) {
            (Some(column), _) => (column, None),
            (None, Some(column)) => {
                (column, Some(per(&table.columns()[column]).flatten().unwrap_or(Span::from_secs(1))))
            }
            (None, None) => {
                let others = || columns().filter(|(place, _)| *place != time);
                let counts = others().find(|(_, name)| per(name) == Some(None));
                let found = counts.or_else(|| others().find(|(_, name)| per(name).is_some()));
                found.map(|(place, name)| (place, per(name).flatten())).ok_or_else(|| {
                    let help = "name it: count-column = \"...\" (requests in each interval) or rate-column = \"...\" (per second)";
                    table.lacks("no column is called count, requests, sum or rate").also(help)
                })?
            }
        };
        Ok(Self { time, clock, value, per })
    }
}

/// What the name of a column says about its numbers: counts, or a rate per so long.
fn per(name: &str) -> Option<Option<Span>> {
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let name = name.trim_matches('_');
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    Some(match name {
        "count" | "counts" | "requests" | "request_count" | "requestcount" | "invocations" | "invocation_count"
        | "sum" | "samplecount" | "sample_count" | "hits" | "calls" | "total" | "events" | "messages" | "arrivals" => {
            None
        }
        "rate" | "rps" | "qps" | "tps" | "reqps" | "req_s" | "requests_s" => Some(Span::from_secs(1)),
        "rpm" => Some(Span::from_secs(60)),
        _ if ends(&["per_second", "per_sec", "per_s"]) => Some(Span::from_secs(1)),
        _ if ends(&["per_minute", "per_min"]) => Some(Span::from_secs(60)),
        _ if ends(&["per_hour"]) => Some(Span::from_secs(3_600)),
        _ => return None,
    })
}

impl RateTrace {
    /// Reads a file with two columns: when an interval begins, and how many requests came in it, or at which rate. Rows may
    /// be in any order; intervals without a row have no requests; rows of the same time add up. Times are numbers or dates;
    /// the first is time zero. Without `interval` the least distance of two times is one, or what divides all of them.
    ///
    /// # Errors
    /// What cannot be read, and, with [`OnError::Fail`], the first row that is wrong.
    pub fn read(input: &Input, options: &RateOptions) -> Result<Self, TraceError> {
        let mut table = Table::open(input, options.separator)?;
        let columns = Columns::find(&table, options)?;
        let mut skipped = Skipped::default();
        let (mut rows, mut without): (Vec<Counted>, u64) = (Vec::new(), 0);
        while let Some(row) = table.next()? {
            let read = columns.clock.read(&row, columns.time).and_then(|at| Ok((at, amount(&row, columns.value)?)));
            match read {
                Ok((Moment { nanos }, amount)) => {
                    without += u64::from(amount.is_none());
                    rows.push((nanos, amount.unwrap_or(0.0), row.line()));
                }
                Err(error) => skipped.take(options.on_error, error)?,
            }
            if rows.len() > RATE_ROWS_MAX {
                return Err(row.wrong(format!("a rate trace has at most {RATE_ROWS_MAX} rows")));
            }
        }
        if let Some(error) = skipped.first.as_ref().filter(|_| rows.is_empty()) {
            return Err(error.clone());
        }
        rows.sort_by_key(|row| row.0);
        let read = rows.len();
        rows.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            kept.1 += if is_same { next.1 } else { 0.0 };
            is_same
        });
        let name = table.name();
        let mut remarks: Vec<Remark> = skipped.remark(name).into_iter().collect();
        if read > rows.len() {
            let rows = read - rows.len();
            remarks.push(Remark::new(
                name,
                format!("{} with the time of another row: the numbers are added", many_rows(rows as u64)),
            ));
        }
        if without > 0 {
            remarks.push(Remark::new(name, format!("{} without a number: counted as 0", many_rows(without))));
        }
        let interval = match options.interval {
            Some(interval) => interval,
            None => interval(&rows).ok_or_else(|| {
                let message = "the interval cannot be determined from fewer than two rows";
                TraceError::new(name, None, message).help("set its length: interval = \"1m\"")
            })?,
        };
        let counts = place(name, &rows, interval)?;
        let weight = columns.per.map_or(1.0, |per| interval.as_secs_f64() / per.as_secs_f64());
        let first = rows.first().map_or(0, |row| row.0);
        let (before, start) = shift(first, options.start, interval);
        if before >= counts.len() {
            let message = "all intervals are before `start`";
            return Err(
                TraceError::new(name, None, message).help("a date requires times that are dates or count from 1970")
            );
        }
        let counts = counts.into_iter().skip(before).map(|count| count * weight);
        let scale = options.scale.unwrap_or(1.0);
        Ok(Self { counts: Counts::new(interval, start, options.spread, scale, counts), skipped, remarks })
    }
}

/// How many intervals lie before time zero, and when the first of the others begins.
fn shift(first: u64, start: Option<SimTime>, interval: Span) -> (usize, SimTime) {
    let Some(start) = start.map(SimTime::as_nanos) else { return (0, SimTime::ZERO) };
    if first >= start {
        return (0, SimTime::from_nanos(first - start));
    }
    let before = (start - first).div_ceil(interval.as_nanos().max(1));
    (before as usize, SimTime::from_nanos(first + before * interval.as_nanos() - start))
}

/// The number of a row; none where nothing was measured.
fn amount(row: &Row<'_>, column: usize) -> Result<Option<f64>, TraceError> {
    let text = row.text(column)?;
    if NOTHING.iter().any(|nothing| text.eq_ignore_ascii_case(nothing)) {
        return Ok(None);
    }
    row.number(column).map(Some)
}

/// The length of the intervals of rows in order: the least distance, if all others are multiples of it, else what divides
/// all of them. A distance that was rounded is made more precise by the whole length.
fn interval(rows: &[Counted]) -> Option<Span> {
    let gaps = || rows.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let least = gaps().min()?;
    let fits = |gap: u64| {
        let times = (gap + least / 2) / least;
        gap.abs_diff(times * least) <= least / 100
    };
    if gaps().all(fits) {
        let whole = rows.last()?.0 - rows.first()?.0;
        let times = (whole as f64 / least as f64).round().max(1.0);
        return Some(Span::from_nanos((whole as f64 / times).round() as u64));
    }
    gaps().reduce(greatest_common_divisor).map(Span::from_nanos)
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// The requests of each interval, from the first row on.
fn place(name: &str, rows: &[Counted], interval: Span) -> Result<Vec<f64>, TraceError> {
    let length = interval.as_nanos().max(1);
    let first = rows.first().map_or(0, |row| row.0);
    let mut counts: Vec<f64> = Vec::new();
    for &(at, count, line) in rows {
        let since = at - first;
        let place = (since + length / 2) / length;
        let wrong = |message: String| TraceError::new(name, Some(line), message);
        if since.abs_diff(place * length) > length / 100 {
            let since = Span::from_nanos(since);
            let message =
                format!("the row is {since} after the first, which is not a multiple of the interval ({interval})");
            return Err(wrong(message).help("the rows of a rate trace must be equally spaced"));
        }
        if place >= INTERVALS_MAX {
            let message = format!("more than {INTERVALS_MAX} intervals of {interval}");
            return Err(wrong(message).help("set its length: interval = \"1m\""));
        }
        counts.resize((place as usize + 1).max(counts.len()), 0.0);
        counts[place as usize] += count;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_with(text: &str, options: &RateOptions) -> Result<RateTrace, TraceError> {
        RateTrace::read(&Input::of_bytes("rate.csv", text.as_bytes()), options)
    }

    fn counts(text: &str) -> (f64, Vec<f64>) {
        let trace = read_with(text, &RateOptions::default()).unwrap();
        (trace.counts.interval.as_secs_f64(), trace.counts.iter().collect())
    }

    fn message(text: &str) -> String {
        read_with(text, &RateOptions::default()).unwrap_err().to_string()
    }

    #[test]
    fn the_least_distance_is_the_interval_and_gaps_are_zero() {
        assert_eq!(counts("time_s,count\n0,5\n10,0\n40,2.5\n"), (10.0, vec![5.0, 0.0, 0.0, 0.0, 2.5]));
        assert_eq!(counts("period,count\n1998-04-30 21:30:00,2\n1998-04-30 21:31:00,11\n"), (60.0, vec![2.0, 11.0]));
        assert_eq!(counts("count,time\n7,100\n8,101\n"), (1.0, vec![7.0, 8.0]));
        // 120 and 180 s: minutes. And in any order.
        let (interval, found) =
            counts("Timestamp,Sum\n2024-03-01T10:05:00+00:00,3\n2024-03-01T10:00:00Z,1\n2024-03-01T10:02:00Z,2\n");
        assert_eq!((interval, found), (60.0, vec![1.0, 0.0, 2.0, 0.0, 0.0, 3.0]));
    }

    #[test]
    fn times_are_in_the_unit_that_they_must_be_in() {
        let three = |interval: f64| (interval, vec![60.0, 120.0, 180.0]);
        for text in [
            "\"Time\",\"count\"\n1709287200000,60\n1709287260000,120\n1709287320000,180\n",
            "time,count\n1709287200000000,60\n1709287260000000,120\n1709287320000000,180\n",
            "minute,requests\n0,60\n1,120\n2,180\n",
            "ts_ms;hits\n0;60\n60000;120\n120000;180\n",
            "sep=\t\nTime\tcount\n0\t60\n60\t120\n120\t180\n",
            "host,date,requests\na,2024-03-01 10:00,60\na,2024-03-01 10:01,120\na,2024-03-01 10:02,180\n",
            "timestamp,rate\n0,1\n60,2\n120,3\n",
            "time,requests per minute\n0,60\n60,120\n120,180\n",
        ] {
            assert_eq!(counts(text), three(60.0), "{text}");
        }
        assert_eq!(counts("hour,requests\n7,60\n8,120\n9,180\n"), three(3_600.0));
        assert_eq!(counts("time,rate\n0,0.25\n300,1\n"), (300.0, vec![75.0, 300.0]));
    }

    #[test]
    fn what_the_columns_do_not_tell_can_be_said() {
        let text = "slot|value|other\n5|1|x\n6|2|x\n9|3|x\n";
        let options = RateOptions {
            time_column: Some("slot".to_owned()),
            rate_column: Some("value".to_owned()),
            time_unit: Some(Span::from_secs(60)),
            start: Some(SimTime::from(Span::from_secs(360))),
            ..RateOptions::default()
        };
        let trace = read_with(text, &options).unwrap();
        // From minute 6 on: rates per second times a minute.
        assert_eq!(trace.counts.iter().collect::<Vec<_>>(), [120.0, 0.0, 0.0, 180.0]);
        assert_eq!(trace.counts.start, SimTime::ZERO);
        let earlier = RateOptions { start: Some(SimTime::from(Span::from_secs(60))), ..options.clone() };
        assert_eq!(read_with(text, &earlier).unwrap().counts.start, SimTime::from(Span::from_secs(240)));
        let single = RateOptions { interval: Some(Span::from_secs(60)), ..RateOptions::default() };
        assert_eq!(read_with("time,count\n0,7\n", &single).unwrap().counts.iter().sum::<f64>(), 7.0);
    }

    #[test]
    fn rows_of_one_time_add_up_and_nothing_is_zero() {
        let text = "date,host,requests\n2024-03-01,a,1\n2024-03-01,b,2\n2024-03-02,a,null\n2024-03-03,b,4\n";
        let trace = read_with(text, &RateOptions::default()).unwrap();
        assert_eq!(trace.counts.iter().collect::<Vec<_>>(), [3.0, 0.0, 4.0]);
        let remarks: Vec<String> = trace.remarks.iter().map(ToString::to_string).collect();
        assert_eq!(
            remarks,
            [
                "rate.csv: 1 row with the time of another row: the numbers are added",
                "rate.csv: 1 row without a number: counted as 0"
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        assert_eq!(
            message("time,count\n0,1\n1,x\n"),
            "rate.csv:3: `count`: \"x\" is not a number; write for example 0.25"
        );
        assert_eq!(
            message("time,count\n0,1\n1,-2\n"),
            "rate.csv:3: `count`: \"-2\" is negative; write for example 0.25"
        );
        assert!(message("time,count\n0,1\n").contains("the interval cannot be determined from fewer than two rows"));
        assert!(message("time,number\n0,1\n").contains("count-column"));
        assert!(message("slot,requests\n0,1\n").contains("time-column"));
        assert!(message("period,requests\n0,1\n1,1\n").contains("time-unit"));
        assert!(message("date,requests\n03/01/2024,1\n").contains("is ambiguous: day and month"));
        assert!(message("date,requests\n2023-02-31,1\n").contains("the month has no such day"));
        assert!(message("time,count\n0,1\n1,1\n9000000000,1\n").contains("more than 6000000 intervals"));
        let uneven = RateOptions { interval: Some(Span::from_secs(10)), ..RateOptions::default() };
        let error = read_with("time,count\n0,1\n10,1\n13,1\n", &uneven).unwrap_err();
        assert!(error.to_string().contains("not a multiple of the interval"), "{error}");
        let skip = RateOptions { on_error: OnError::Skip, ..RateOptions::default() };
        let skipped = read_with("time,count\n0,1\n1,x\n2,3\n4,4\n", &skip).unwrap();
        assert_eq!((skipped.skipped.rows, skipped.counts.iter().sum::<f64>()), (1, 8.0));
    }
}
