//! Traces with a row for each request: forewarm's own, and Azure Functions 2021 (Zhang et al., SOSP 2021).
//!
//! Up to [`KEPT_MAX`] requests are kept in 16 bytes each, function by function, and replayed from memory. A longer trace is
//! read again for each replication.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::TraceFunction;
use super::decimal::Decimal;
use super::error::{OnError, Remark, Skipped, TraceError, many_rows};
use super::moment::{Clock, Moment, TOO_LARGE};
use super::names::Names;
use super::table::{Row, Table, shown};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};
use crate::workload::{Arrival, Input};

/// Functions of a trace.
const FUNCTIONS_MAX: usize = 1_000_000;
/// Requests that are kept: 512 MB.
const KEPT_MAX: u64 = 1 << 25;
/// Requests held back because later rows may begin earlier, where a trace is read again.
const HELD_MAX: usize = 20_000_000;

/// How the rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowFormat {
    /// `time_s,function[,duration_s][,memory_mb]`, in order of time.
    Forewarm,
    /// `app,func,end_timestamp,duration`, in any order that does not stray far.
    Azure2021,
}

/// How a trace is read. What is not given is told by the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowOptions {
    /// What to do with a row that cannot be read.
    pub on_error: OnError,
    /// What is time zero, in the times of the trace. None: the zero of these times, or, where they are counted from 1970
    /// on, the first request.
    pub start: Option<SimTime>,
    /// The unit of times (not of durations) that are numbers; none: seconds.
    pub time_unit: Option<Span>,
    /// What separates the fields.
    pub separator: Option<u8>,
}

/// A trace that has been looked through once: what it brings, its requests if they are few enough, and how it can be read
/// in order.
#[derive(Clone)]
pub struct RowTrace {
    input: Input,
    format: RowFormat,
    options: RowOptions,
    /// Its functions, in the order of their first rows.
    pub functions: Vec<TraceFunction>,
    places: Arc<Places>,
    /// Apps, where the format knows them; else functions.
    pub apps: u64,
    /// When the first request begins.
    pub first: SimTime,
    /// When the last request begins.
    pub last: SimTime,
    /// Rows left out.
    pub skipped: Skipped,
    /// What its user should know.
    pub remarks: Vec<Remark>,
    /// How much earlier than an earlier row a row may begin.
    lateness: Span,
    /// Time zero in the times of the file.
    zero: SimTime,
    kept: Option<Vec<Box<[Request]>>>,
}

/// The places of the functions by app and name.
type Places = HashMap<Box<[u8]>, u32, FixedState>;

/// A kept request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    at: SimTime,
    /// [`Span::FOREVER`]: not known.
    duration: Span,
}

impl Request {
    /// When it comes.
    #[inline]
    #[must_use]
    pub const fn at(&self) -> SimTime {
        self.at
    }

    /// How long it runs, if the trace says so.
    #[inline]
    #[must_use]
    pub fn duration(&self) -> Option<Span> {
        (self.duration != Span::FOREVER).then_some(self.duration)
    }
}

/// Where the columns are, and what times are in.
#[derive(Clone, Copy, Debug)]
enum Columns {
    Forewarm { time: usize, function: usize, duration: Option<usize>, memory: Option<usize> },
    Azure2021 { app: usize, function: usize, end: usize, duration: usize },
}

/// A row as it is written. Its start is in the times of the file.
struct Written<'a> {
    start: SimTime,
    /// Its column, for what is wrong with it.
    column: usize,
    app: &'a [u8],
    function: &'a [u8],
    duration: Option<Span>,
    memory_mb: Option<f64>,
}

impl Columns {
    fn find(table: &Table, format: RowFormat) -> Result<Self, TraceError> {
        Ok(match format {
            RowFormat::Forewarm => Self::Forewarm {
                time: table.need(&["time_s"])?,
                function: table.need(&["function"])?,
                duration: table.column(&["duration_s"]),
                memory: table.column(&["memory_mb"]),
            },
            RowFormat::Azure2021 => Self::Azure2021 {
                app: table.need(&["app"])?,
                function: table.need(&["func"])?,
                end: table.need(&["end_timestamp"])?,
                duration: table.need(&["duration"])?,
            },
        })
    }

    #[inline]
    fn read<'a>(self, row: &Row<'a>, unit: Option<Span>) -> Result<Written<'a>, TraceError> {
        match self {
            Self::Forewarm { time, function, duration, memory } => {
                let name = row.field(function)?;
                if name.is_empty() {
                    return Err(row.wrong("the function has no name"));
                }
                Ok(Written {
                    start: moment(row, time, unit)?,
                    column: function,
                    app: b"",
                    function: name,
                    duration: duration.map(|column| row.seconds(column)).transpose()?,
                    memory_mb: memory.map(|column| row.number(column)).transpose()?,
                })
            }
            Self::Azure2021 { app, function, end, duration } => {
                let (end, duration) = (moment(row, end, unit)?, row.seconds(duration)?);
                Ok(Written {
                    // What began before the recording did is taken to begin with it.
                    start: SimTime::from(end.since(SimTime::from(duration).min(end))),
                    column: function,
                    app: row.field(app)?,
                    function: row.field(function)?,
                    duration: Some(duration),
                    memory_mb: None,
                })
            }
        }
    }
}

/// A time of the file. A number that cannot be seconds is refused: the durations beside it may be in another unit too.
#[inline]
fn moment(row: &Row<'_>, column: usize, unit: Option<Span>) -> Result<SimTime, TraceError> {
    let field = row.field(column)?;
    let nanos = match (Decimal::read(field), unit) {
        (Some(number), None) if number.whole() < TOO_LARGE => number.times(NANOS_PER_SECOND),
        (Some(number), Some(unit)) => number.times(unit.as_nanos()),
        (Some(_), None) => {
            let why = "cannot be seconds";
            let help = "state the unit, as in time-unit = \"ms\"; durations are always in seconds";
            return Err(row.wrong_field(column, row.text(column)?, why).help(help));
        }
        (None, _) => None,
    };
    if let Some(nanos) = nanos {
        return Ok(SimTime::from_nanos(nanos));
    }
    let clock = unit.map_or(Clock::Seconds, |unit| Clock::Fixed(unit.as_nanos()));
    clock.read(row, column).map(|moment| SimTime::from_nanos(moment.nanos))
}

/// What tells functions apart: a name is unique only within its app.
#[inline]
fn key<'a>(buffer: &'a mut Vec<u8>, request: &Written<'a>) -> &'a [u8] {
    if request.app.is_empty() {
        return request.function;
    }
    buffer.clear();
    buffer.extend_from_slice(request.app);
    buffer.push(0);
    buffer.extend_from_slice(request.function);
    buffer
}

impl RowTrace {
    /// Looks through a trace once. Memory grows with its functions, and with its rows up to `KEPT_MAX` of them.
    ///
    /// # Errors
    /// What cannot be read, and, with [`OnError::Fail`], the first row that is wrong.
    pub fn scan(input: &Input, format: RowFormat, options: RowOptions) -> Result<Self, TraceError> {
        Self::scan_keeping(input, format, options, KEPT_MAX)
    }

    /// The same, which keeps at most so many requests.
    fn scan_keeping(input: &Input, format: RowFormat, options: RowOptions, kept_max: u64) -> Result<Self, TraceError> {
        let mut table = Table::open(input, options.separator)?;
        let columns = Columns::find(&table, format)?;
        let mut scan = Self {
            input: input.clone(),
            format,
            options,
            functions: Vec::new(),
            places: Arc::default(),
            apps: 0,
            first: SimTime::NEVER,
            last: SimTime::ZERO,
            skipped: Skipped::default(),
            remarks: Vec::new(),
            lateness: Span::ZERO,
            zero: SimTime::ZERO,
            kept: None,
        };
        let (mut places, mut apps, mut names) = (Places::default(), HashMap::new(), Names::default());
        let mut kept: Option<Vec<Vec<Request>>> = Some(Vec::new());
        let (mut buffer, mut rows, mut early) = (Vec::new(), 0_u64, 0_u64);
        while let Some(row) = table.next()? {
            let read = columns.read(&row, options.time_unit).and_then(|request| scan.in_order(&row, request));
            let request = match read {
                Ok(request) => request,
                Err(error) => {
                    scan.skipped.take(options.on_error, error)?;
                    continue;
                }
            };
            if request.start < scan.last {
                scan.lateness = scan.lateness.max(scan.last.since(request.start));
            }
            scan.last = scan.last.max(request.start);
            if options.start.is_some_and(|start| request.start < start) {
                early += 1;
                continue;
            }
            let key = key(&mut buffer, &request);
            let place = match places.get(key) {
                Some(&place) => place,
                None => {
                    let (Ok(function), Ok(app)) = (row.text(request.column), std::str::from_utf8(request.app)) else {
                        let error =
                            row.text(request.column).err().unwrap_or_else(|| row.wrong("`app` is not text in UTF-8"));
                        scan.skipped.take(options.on_error, error)?;
                        continue;
                    };
                    let place = scan.functions.len() as u32;
                    if scan.functions.len() >= FUNCTIONS_MAX {
                        return Err(row.wrong(format!("the trace has more than {FUNCTIONS_MAX} functions")));
                    }
                    let app = *apps.entry(app.to_owned()).or_insert(place);
                    scan.functions.push(TraceFunction {
                        name: match format {
                            RowFormat::Forewarm => names.unique([function]),
                            RowFormat::Azure2021 => names.of_hash(function),
                        },
                        app: (format == RowFormat::Azure2021).then_some(u64::from(app)),
                        ..TraceFunction::default()
                    });
                    kept.iter_mut().for_each(|kept| kept.push(Vec::new()));
                    places.insert(Box::from(key), place);
                    place
                }
            };
            let function = &mut scan.functions[place as usize];
            function.invocations += 1;
            function.has_durations |= request.duration.is_some();
            if request.memory_mb.is_some() {
                function.memory_mb = function.memory_mb.max(request.memory_mb.map(whole_mb));
            }
            scan.first = scan.first.min(request.start);
            rows += 1;
            if let Some(requests) = kept.as_mut().map(|kept| &mut kept[place as usize]) {
                let duration = request.duration.unwrap_or(Span::FOREVER);
                requests.push(Request { at: request.start, duration });
                if rows > kept_max {
                    kept = None;
                }
            }
        }
        scan.remarks.extend(scan.skipped.remark(table.name()));
        if scan.functions.is_empty() {
            let message = if early > 0 { "all requests are before `start`" } else { "it contains no requests" };
            let error = TraceError::new(table.name(), None, message);
            return Err(match scan.skipped.first {
                Some(first) => error.help(format!("{} rows were skipped; the first: {first}", scan.skipped.rows)),
                None => error,
            });
        }
        if early > 0 {
            scan.remarks.push(Remark::new(table.name(), format!("{} before `start`: skipped", many_rows(early))));
        }
        scan.apps = if format == RowFormat::Forewarm { scan.functions.len() } else { apps.len() } as u64;
        scan.places = Arc::new(places);
        let is_absolute = Moment::is_absolute(scan.first.as_nanos());
        scan.zero = options.start.unwrap_or(if is_absolute { scan.first } else { SimTime::ZERO });
        let zero = scan.zero;
        (scan.first, scan.last) = (since(scan.first, zero), since(scan.last, zero));
        scan.kept = kept.map(|kept| kept.into_iter().map(|requests| in_order(requests, zero)).collect());
        for (function, requests) in scan.functions.iter_mut().zip(scan.kept.iter().flatten()) {
            let sum: u128 = requests.iter().filter_map(Request::duration).map(|span| u128::from(span.as_nanos())).sum();
            let mean_s = sum as f64 / requests.len().max(1) as f64 / NANOS_PER_SECOND as f64;
            function.duration_mean_s = function.has_durations.then_some(mean_s);
        }
        Ok(scan)
    }

    /// Refuses a row of forewarm's own format that falls back in time.
    #[inline]
    fn in_order<'a>(&self, row: &Row<'_>, request: Written<'a>) -> Result<Written<'a>, TraceError> {
        if self.format == RowFormat::Forewarm && request.start < self.last {
            let message =
                format!("the time goes back from {} s to {} s", self.last.as_secs_f64(), request.start.as_secs_f64());
            return Err(row.wrong(message).help("sort the rows by time"));
        }
        Ok(request)
    }

    /// Requests in the trace.
    #[must_use]
    pub fn invocations(&self) -> u64 {
        self.functions.iter().map(|function| function.invocations).sum()
    }

    /// Whether its requests are kept in memory.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// The requests of a function in order of time, where they are kept.
    #[inline]
    #[must_use]
    pub fn kept(&self, function: u32) -> &[Request] {
        self.kept.as_ref().and_then(|kept| kept.get(function as usize)).map_or(&[], |requests| requests)
    }

    /// Its requests, in order of time, read from the file.
    ///
    /// # Errors
    /// If the file cannot be opened any more.
    pub fn read(&self) -> Result<RowReader, TraceError> {
        let table = Table::open(&self.input, self.options.separator)?;
        let columns = Columns::find(&table, self.format)?;
        Ok(RowReader {
            table,
            columns,
            places: Arc::clone(&self.places),
            lateness: self.lateness,
            options: self.options,
            zero: self.zero,
            held: BinaryHeap::new(),
            rows: 0,
            latest: SimTime::ZERO,
            at_end: false,
            is_confidential: self.input.is_confidential,
            error: None,
            buffer: Vec::new(),
        })
    }
}

impl std::fmt::Debug for RowTrace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowTrace({:?}, {} requests)", self.input, self.invocations())
    }
}

/// A moment of the file, counted from time zero.
fn since(moment: SimTime, zero: SimTime) -> SimTime {
    SimTime::from(moment.since(zero.min(moment)))
}

/// The requests of a function from time zero on, those of the same moment in the order of the file.
fn in_order(mut requests: Vec<Request>, zero: SimTime) -> Box<[Request]> {
    if zero > SimTime::ZERO {
        requests.iter_mut().for_each(|request| request.at = since(request.at, zero));
    }
    if !requests.is_sorted_by_key(|request| request.at) {
        requests.sort_by_key(|request| request.at);
    }
    requests.into_boxed_slice()
}

/// Memory that instances can have: whole megabytes, at least one.
pub(super) fn whole_mb(mb: f64) -> u32 {
    mb.ceil().clamp(1.0, f64::from(1 << 20)) as u32
}

/// A row that is held back: start, its number in the file (which orders equal starts), function, duration.
type Held = (SimTime, u64, u32, Option<Span>);

/// Reads the requests of a trace in order of time. Rows are held back as long as a later one may begin earlier.
pub struct RowReader {
    table: Table,
    columns: Columns,
    places: Arc<Places>,
    lateness: Span,
    options: RowOptions,
    zero: SimTime,
    held: BinaryHeap<Reverse<Held>>,
    rows: u64,
    latest: SimTime,
    at_end: bool,
    is_confidential: bool,
    error: Option<TraceError>,
    buffer: Vec<u8>,
}

impl RowReader {
    /// What went wrong, if the requests ended because of it.
    #[must_use]
    pub fn error(&self) -> Option<&TraceError> {
        self.error.as_ref()
    }

    /// Reads one more row.
    fn fill(&mut self) -> Result<(), TraceError> {
        let on_error = self.options.on_error;
        let Some(row) = self.table.next()? else {
            self.at_end = true;
            return Ok(());
        };
        let request = match self.columns.read(&row, self.options.time_unit) {
            Ok(request) => request,
            Err(error) => return Skipped::default().take(on_error, error),
        };
        if self.latest.since(request.start.min(self.latest)) > self.lateness {
            // A row of forewarm's format that falls back; or the file has changed.
            let error = row.wrong("the time goes back further than when the file was first read");
            return Skipped::default().take(on_error, error.help("do not change the file during the run"));
        }
        if self.options.start.is_some_and(|start| request.start < start) {
            self.latest = self.latest.max(request.start);
            return Ok(());
        }
        let Some(&function) = self.places.get(key(&mut self.buffer, &request)) else {
            // In the first pass the row was left out, or it was not there.
            let name = String::from_utf8_lossy(request.function);
            let error =
                row.wrong(format!("the function \"{}\" was not there when the file was first read", shown(&name)));
            return Skipped::default().take(on_error, error.help("do not change the file during the run"));
        };
        self.latest = self.latest.max(request.start);
        self.held.push(Reverse((request.start, self.rows, function, request.duration)));
        self.rows += 1;
        if self.held.len() > HELD_MAX {
            let message = format!("more than {HELD_MAX} rows would have to be buffered to sort them");
            return Err(row.wrong(message).help("sort the file by start time"));
        }
        Ok(())
    }
}

impl Iterator for RowReader {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        loop {
            if let Some(&Reverse((at, _, function, duration))) = self.held.peek()
                && (self.at_end || at + self.lateness <= self.latest)
            {
                self.held.pop();
                return Some(Arrival { at: since(at, self.zero), function, duration });
            }
            if self.at_end || self.error.is_some() {
                return None;
            }
            if let Err(error) = self.fill() {
                self.error = Some(error.about(self.is_confidential));
                self.held.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn scan(text: impl AsRef<[u8]>, format: RowFormat, on_error: OnError) -> Result<RowTrace, TraceError> {
        scan_with(text, format, RowOptions { on_error, ..RowOptions::default() })
    }

    fn scan_with(text: impl AsRef<[u8]>, format: RowFormat, options: RowOptions) -> Result<RowTrace, TraceError> {
        RowTrace::scan(&Input::of_bytes("requests.csv", text.as_ref()), format, options)
    }

    /// Start (ms), function and duration (ms) of every request.
    fn requests(trace: &RowTrace) -> Vec<(u64, u32, Option<u64>)> {
        let mut reader = trace.read().unwrap();
        let millis = |nanos: u64| nanos / 1_000_000;
        let all = reader.by_ref().map(|one| {
            (millis(one.at.as_nanos()), one.function, one.duration.map(|duration| millis(duration.as_nanos())))
        });
        let all = all.collect();
        assert_eq!(reader.error(), None);
        all
    }

    const OWN: &str = "time_s,function,duration_s,memory_mb\n0,web,0.1,128\n0.5,cart,0.2,512.5\n0.5,web,0.3,64\n";

    #[test]
    fn our_own_format() {
        let trace = scan(OWN, RowFormat::Forewarm, OnError::Fail).unwrap();
        assert_eq!(requests(&trace), [(0, 0, Some(100)), (500, 1, Some(200)), (500, 0, Some(300))]);
        let functions: Vec<_> =
            trace.functions.iter().map(|f| (f.name.as_str(), f.invocations, f.memory_mb, f.has_durations)).collect();
        assert_eq!(functions, [("web", 2, Some(128), true), ("cart", 1, Some(513), true)]);
        // Columns may come in any order and be absent.
        let trace = scan("function,time_s\nweb,1\n", RowFormat::Forewarm, OnError::Fail).unwrap();
        assert_eq!(requests(&trace), [(1_000, 0, None)]);
    }

    #[test]
    fn requests_recorded_at_their_end_come_in_the_order_of_their_start() {
        let text = "app,func,end_timestamp,duration\na,f,1.0,0.5\na,g,2.0,1.9\nb,f,3.0,0.1\na,f,3.5,2.0\na,f,0.9,5.0\n";
        let trace = scan(text, RowFormat::Azure2021, OnError::Fail).unwrap();
        // The last began before the recording: at its start. The same hash in another app is another function.
        let found = requests(&trace);
        assert_eq!(
            found,
            [
                (0, 0, Some(5_000)),
                (100, 1, Some(1_900)),
                (500, 0, Some(500)),
                (1_500, 0, Some(2_000)),
                (2_900, 2, Some(100))
            ]
        );
        assert_eq!((trace.functions.len(), trace.apps, trace.invocations()), (3, 2, 5));
    }

    #[test]
    fn compressed_files_are_read_as_they_are() {
        let plain = requests(&scan(OWN, RowFormat::Forewarm, OnError::Fail).unwrap());
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(OWN.as_bytes()).unwrap();
        let gzip = gzip.finish().unwrap();
        assert_eq!(requests(&scan(&gzip, RowFormat::Forewarm, OnError::Fail).unwrap()), plain);
        let zstd = zstd::encode_all(OWN.as_bytes(), 0).unwrap();
        assert_eq!(requests(&scan(&zstd, RowFormat::Forewarm, OnError::Fail).unwrap()), plain);
        for cut in [&gzip[..gzip.len() - 9], &zstd[..zstd.len() - 5]] {
            let error = scan(cut, RowFormat::Forewarm, OnError::Skip).unwrap_err();
            assert!(error.to_string().contains("cannot be read"), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let message = |text: &str| scan(text, RowFormat::Forewarm, OnError::Fail).unwrap_err().to_string();
        let columns = "the columns are `time`, `function`";
        assert_eq!(message("time,function\n1,f\n"), format!("requests.csv:1: there is no column `time_s`; {columns}"));
        assert_eq!(message(""), "requests.csv: the file is empty; its first line must name the columns");
        assert_eq!(message("time_s,function\n"), "requests.csv: it contains no requests");
        let rows = |rows: &str| message(&format!("time_s,function,duration_s\n0,f,1\n{rows}\n"));
        assert_eq!(rows("x,f,1"), "requests.csv:3: `time_s`: \"x\" is not a number; write for example 0.25");
        assert_eq!(rows("NaN,f,1"), "requests.csv:3: `time_s`: \"NaN\" is not a number; write for example 0.25");
        assert_eq!(rows("inf,f,1"), "requests.csv:3: `time_s`: \"inf\" is not a number; write for example 0.25");
        assert_eq!(rows("-1,f,1"), "requests.csv:3: `time_s`: \"-1\" is negative; write for example 0.25");
        assert_eq!(rows("1,f,"), "requests.csv:3: `duration_s`: \"\" is not a number; write for example 0.25");
        assert_eq!(rows("1,f"), "requests.csv:3: the row has 2 fields, the header 3");
        assert_eq!(rows("1,,1"), "requests.csv:3: the function has no name");
        assert_eq!(rows("5,f,1\n4,f,1"), "requests.csv:4: the time goes back from 5 s to 4 s; sort the rows by time");
        assert!(rows("1e300,f,1").starts_with("requests.csv:3: `time_s`: "), "{}", rows("1e300,f,1"));
        let bytes = scan(b"time_s,function\n0,\xff\n", RowFormat::Forewarm, OnError::Fail).unwrap_err();
        assert_eq!(bytes.to_string(), "requests.csv:2: `function` is not text in UTF-8");
    }

    #[test]
    fn wrong_rows_may_be_left_out() {
        let trace = scan("time_s,function\n0,f\nx,f\n1,f\n0.5,f\n2,f\n", RowFormat::Forewarm, OnError::Skip).unwrap();
        assert_eq!((trace.skipped.rows, trace.invocations()), (2, 3));
        assert_eq!(trace.skipped.first.as_ref().and_then(|first| first.line), Some(3));
        assert_eq!(requests(&trace).len(), 3);
    }

    #[test]
    fn times_since_1970_begin_with_the_first_request_or_at_the_start() {
        let text = "time_s,function,duration_s\n1709287200.0,a,0.1\n1709287201.0,a,0.2\n1709287202.5,a,0.1\n";
        let trace = scan(text, RowFormat::Forewarm, OnError::Fail).unwrap();
        assert_eq!(requests(&trace), [(0, 0, Some(100)), (1_000, 0, Some(200)), (2_500, 0, Some(100))]);
        assert_eq!((trace.first, trace.last), (SimTime::ZERO, SimTime::from(Span::from_millis(2_500))));
        let dates =
            text.replace("1709287200.0", "2024-03-01T10:00:00Z").replace("1709287201.0", "2024-03-01 11:00:01+01:00");
        let dates = dates.replace("1709287202.5", "2024-03-01 10:00:02.5 UTC");
        assert_eq!(requests(&scan(dates, RowFormat::Forewarm, OnError::Fail).unwrap()), requests(&trace));
        let start = super::super::moment::start("2024-03-01T10:00:01Z").ok();
        let trace = scan_with(text, RowFormat::Forewarm, RowOptions { start, ..RowOptions::default() }).unwrap();
        assert_eq!(requests(&trace), [(0, 0, Some(200)), (1_500, 0, Some(100))]);
        assert_eq!(trace.remarks[0].message, "1 row before `start`: skipped");
        let azure = "app,func,end_timestamp,duration\na,f,1709287201,0.5\na,f,1709287200.5,0.25\n";
        let trace = scan(azure, RowFormat::Azure2021, OnError::Fail).unwrap();
        assert_eq!(requests(&trace), [(0, 0, Some(250)), (250, 0, Some(500))]);
    }

    #[test]
    fn what_cannot_be_seconds_is_refused_and_can_be_said() {
        for (text, format) in [
            ("time_s,function\n1709287200000,a\n1709287200500,a\n", RowFormat::Forewarm),
            ("app,func,end_timestamp,duration\na,f,1709287200000,0\na,f,1709287200500,0\n", RowFormat::Azure2021),
        ] {
            let error = scan(text, format, OnError::Fail).unwrap_err().to_string();
            assert!(error.contains("cannot be seconds") && error.contains("time-unit"), "{error}");
            let time_unit = Some(Span::from_millis(1));
            let trace = scan_with(text, format, RowOptions { time_unit, ..RowOptions::default() }).unwrap();
            assert_eq!(requests(&trace).iter().map(|request| request.0).collect::<Vec<_>>(), [0, 500]);
        }
    }

    #[test]
    fn what_is_kept_is_what_is_read() {
        let text = "app,func,end_timestamp,duration\na,f,1.0,0.5\na,g,2.0,1.9\nb,f,3.0,0.1\na,f,3.5,2.0\na,f,0.9,5.0\n";
        let trace = scan(text, RowFormat::Azure2021, OnError::Fail).unwrap();
        for function in 0..3 {
            let kept = trace.kept(function).iter().map(|request| (request.at(), request.duration()));
            let read = trace.read().unwrap().filter(|arrival| arrival.function == function);
            assert_eq!(
                kept.collect::<Vec<_>>(),
                read.map(|arrival| (arrival.at, arrival.duration)).collect::<Vec<_>>()
            );
        }
        assert_eq!(trace.functions[0].duration_mean_s, Some(2.5));
        let input = Input::of_bytes("requests.csv", text.as_bytes());
        let long = RowTrace::scan_keeping(&input, RowFormat::Azure2021, RowOptions::default(), 4).unwrap();
        assert_eq!((long.is_kept(), long.kept(0).len(), requests(&long)), (false, 0, requests(&trace)));
        assert_eq!(size_of::<Request>(), 16);
    }

    #[test]
    fn fields_in_quotation_marks_hold_anything() {
        let text = "\"time_s\",function,\"note\"\n0,\"a,\"\"b\"\"\",x\n1,c,\"two\nlines\"\r\n\n2,d,y\n3,e,\"";
        let trace = scan(text, RowFormat::Forewarm, OnError::Fail).unwrap();
        assert_eq!(requests(&trace).iter().map(|request| request.0).collect::<Vec<_>>(), [0, 1_000, 2_000, 3_000]);
        assert_eq!(trace.functions[0].name, "a--b-");
        let error = scan(text.replace("2,d", "z,d"), RowFormat::Forewarm, OnError::Fail).unwrap_err();
        assert_eq!(error.line, Some(6));
    }
}
