//! Traces with a row for each request: forewarm's own, and Azure Functions 2021 (Zhang et al., SOSP 2021).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use super::TraceFunction;
use super::error::{OnError, Skipped, TraceError};
use super::names::Names;
use super::table::{Row, Table, shown};
use crate::time::{SimTime, Span};
use crate::workload::{Arrival, Input};

/// Functions of a trace.
const FUNCTIONS_MAX: usize = 1_000_000;
/// Requests held back because later rows may begin earlier.
const HELD_MAX: usize = 20_000_000;

/// How the rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowFormat {
    /// `time_s,function[,duration_s][,memory_mb]`, in order of time.
    Forewarm,
    /// `app,func,end_timestamp,duration`, in any order that does not stray far.
    Azure2021,
}

/// A trace that has been looked through once: what it brings, and how it can be read in order.
#[derive(Clone, Debug)]
pub struct RowTrace {
    input: Input,
    format: RowFormat,
    on_error: OnError,
    /// Its functions, in the order of their first rows.
    pub functions: Vec<TraceFunction>,
    places: Arc<HashMap<Box<[u8]>, u32>>,
    /// Apps, where the format knows them; else functions.
    pub apps: u64,
    /// When the first request begins.
    pub first: SimTime,
    /// When the last request begins.
    pub last: SimTime,
    /// Rows left out.
    pub skipped: Skipped,
    /// How much earlier than an earlier row a row may begin.
    lateness: Span,
}

/// Where the columns are.
#[derive(Clone, Copy, Debug)]
enum Columns {
    Forewarm { time: usize, function: usize, duration: Option<usize>, memory: Option<usize> },
    Azure2021 { app: usize, function: usize, end: usize, duration: usize },
}

/// A row as it is written.
struct Request<'a> {
    start: SimTime,
    app: &'a str,
    function: &'a str,
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

    fn read<'a>(self, row: &Row<'a>) -> Result<Request<'a>, TraceError> {
        match self {
            Self::Forewarm { time, function, duration, memory } => {
                let name = row.text(function)?;
                if name.is_empty() {
                    return Err(row.wrong("the function has no name"));
                }
                Ok(Request {
                    start: SimTime::from(row.seconds(time)?),
                    app: "",
                    function: name,
                    duration: duration.map(|column| row.seconds(column)).transpose()?,
                    memory_mb: memory.map(|column| row.number(column)).transpose()?,
                })
            }
            Self::Azure2021 { app, function, end, duration } => {
                let (end_s, duration_s) = (row.number(end)?, row.number(duration)?);
                // What began before the recording did is taken to begin with it.
                let start = row.span((end_s - duration_s).max(0.0), end)?;
                Ok(Request {
                    start: SimTime::from(start),
                    app: row.text(app)?,
                    function: row.text(function)?,
                    duration: Some(row.span(duration_s, duration)?),
                    memory_mb: None,
                })
            }
        }
    }
}

/// What tells functions apart: a name is unique only within its app.
fn write_key(key: &mut Vec<u8>, request: &Request<'_>) {
    key.clear();
    key.extend_from_slice(request.app.as_bytes());
    key.push(0);
    key.extend_from_slice(request.function.as_bytes());
}

impl RowTrace {
    /// Looks through a trace once. Memory grows with its functions, not with its rows.
    ///
    /// # Errors
    /// What cannot be read, and, with [`OnError::Fail`], the first row that is wrong.
    pub fn scan(input: &Input, format: RowFormat, on_error: OnError) -> Result<Self, TraceError> {
        let mut table = Table::open(input)?;
        let columns = Columns::find(&table, format)?;
        let mut scan = Self {
            input: input.clone(),
            format,
            on_error,
            functions: Vec::new(),
            places: Arc::default(),
            apps: 0,
            first: SimTime::NEVER,
            last: SimTime::ZERO,
            skipped: Skipped::default(),
            lateness: Span::ZERO,
        };
        let (mut places, mut apps, mut names) = (HashMap::new(), HashMap::new(), Names::default());
        let mut key = Vec::new();
        while let Some(row) = table.next()? {
            let request = match columns.read(&row).and_then(|request| scan.in_order(&row, request)) {
                Ok(request) => request,
                Err(error) => {
                    scan.skipped.take(on_error, error)?;
                    continue;
                }
            };
            write_key(&mut key, &request);
            let place = match places.get(&key[..]) {
                Some(&place) => place,
                None => {
                    let place = scan.functions.len() as u32;
                    if scan.functions.len() >= FUNCTIONS_MAX {
                        return Err(row.wrong(format!("the trace has more than {FUNCTIONS_MAX} functions")));
                    }
                    let app = *apps.entry(request.app.to_owned()).or_insert(place);
                    scan.functions.push(TraceFunction {
                        name: match format {
                            RowFormat::Forewarm => names.unique([request.function]),
                            RowFormat::Azure2021 => names.of_hash(request.function),
                        },
                        app: (format == RowFormat::Azure2021).then_some(u64::from(app)),
                        ..TraceFunction::default()
                    });
                    places.insert(key.clone().into_boxed_slice(), place);
                    place
                }
            };
            let function = &mut scan.functions[place as usize];
            function.invocations += 1;
            function.has_durations |= request.duration.is_some();
            function.memory_mb = function.memory_mb.max(request.memory_mb.map(whole_mb));
            if request.start < scan.last {
                scan.lateness = scan.lateness.max(scan.last.since(request.start));
            }
            (scan.first, scan.last) = (scan.first.min(request.start), scan.last.max(request.start));
        }
        if scan.functions.is_empty() {
            let error = TraceError::new(table.name(), None, "there is no request in it");
            return Err(match scan.skipped.first {
                Some(first) => error.help(format!("{} rows were left out; the first: {first}", scan.skipped.rows)),
                None => error,
            });
        }
        scan.apps = if format == RowFormat::Forewarm { scan.functions.len() } else { apps.len() } as u64;
        scan.places = Arc::new(places);
        Ok(scan)
    }

    /// Refuses a row of forewarm's own format that falls back in time.
    fn in_order<'a>(&self, row: &Row<'_>, request: Request<'a>) -> Result<Request<'a>, TraceError> {
        if self.format == RowFormat::Forewarm && request.start < self.last {
            let message =
                format!("the time falls back from {} s to {} s", self.last.as_secs_f64(), request.start.as_secs_f64());
            return Err(row.wrong(message).help("sort the rows by time"));
        }
        Ok(request)
    }

    /// Requests in the trace.
    #[must_use]
    pub fn invocations(&self) -> u64 {
        self.functions.iter().map(|function| function.invocations).sum()
    }

    /// Its requests, in order of time.
    ///
    /// # Errors
    /// If the file cannot be opened any more.
    pub fn read(&self) -> Result<RowReader, TraceError> {
        let table = Table::open(&self.input)?;
        let columns = Columns::find(&table, self.format)?;
        Ok(RowReader {
            table,
            columns,
            places: Arc::clone(&self.places),
            lateness: self.lateness,
            on_error: self.on_error,
            held: BinaryHeap::new(),
            rows: 0,
            latest: SimTime::ZERO,
            at_end: false,
            is_confidential: self.input.is_confidential,
            error: None,
            key: Vec::new(),
        })
    }
}

/// Memory that instances can have: whole megabytes, at least one.
pub(super) fn whole_mb(mb: f64) -> u32 {
    mb.ceil().clamp(1.0, f64::from(1 << 20)) as u32
}

/// A row that is held back: start, its number in the file (which orders equal starts), function, running time.
type Held = (SimTime, u64, u32, Option<Span>);

/// Reads the requests of a trace in order of time. Rows are held back as long as a later one may begin earlier.
pub struct RowReader {
    table: Table,
    columns: Columns,
    places: Arc<HashMap<Box<[u8]>, u32>>,
    lateness: Span,
    on_error: OnError,
    held: BinaryHeap<Reverse<Held>>,
    rows: u64,
    latest: SimTime,
    at_end: bool,
    is_confidential: bool,
    error: Option<TraceError>,
    key: Vec<u8>,
}

impl RowReader {
    /// What went wrong, if the requests ended because of it.
    #[must_use]
    pub fn error(&self) -> Option<&TraceError> {
        self.error.as_ref()
    }

    /// Reads one more row.
    fn fill(&mut self) -> Result<(), TraceError> {
        let Some(row) = self.table.next()? else {
            self.at_end = true;
            return Ok(());
        };
        let request = match self.columns.read(&row) {
            Ok(request) => request,
            Err(error) => return Skipped::default().take(self.on_error, error),
        };
        write_key(&mut self.key, &request);
        let Some(&function) = self.places.get(&self.key[..]) else {
            // In the first pass the row was left out, or it was not there.
            let error = row.wrong(format!("the function \"{}\" was not there a moment ago", shown(request.function)));
            return Skipped::default().take(self.on_error, error.help("do not change the file while it is read"));
        };
        if self.latest.since(request.start.min(self.latest)) > self.lateness {
            // A row of forewarm's format that falls back; or the file has changed.
            let error = row.wrong("the time falls back farther than anywhere a moment ago");
            return Skipped::default().take(self.on_error, error.help("do not change the file while it is read"));
        }
        self.latest = self.latest.max(request.start);
        self.held.push(Reverse((request.start, self.rows, function, request.duration)));
        self.rows += 1;
        if self.held.len() > HELD_MAX {
            let message = format!("more than {HELD_MAX} rows would have to be held to bring them into order");
            return Err(row.wrong(message).help("sort the file by start"));
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
                return Some(Arrival { at, function, duration });
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
        RowTrace::scan(&Input::of_bytes("requests.csv", text.as_ref()), format, on_error)
    }

    /// Start (ms), function and running time (ms) of every request.
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
        assert_eq!(message("time_s,function\n"), "requests.csv: there is no request in it");
        let rows = |rows: &str| message(&format!("time_s,function,duration_s\n0,f,1\n{rows}\n"));
        assert_eq!(rows("x,f,1"), "requests.csv:3: `time_s`: \"x\" is not a number; write for example 0.25");
        assert_eq!(rows("NaN,f,1"), "requests.csv:3: `time_s`: \"NaN\" is not a number; write for example 0.25");
        assert_eq!(rows("inf,f,1"), "requests.csv:3: `time_s`: \"inf\" is not a number; write for example 0.25");
        assert_eq!(rows("-1,f,1"), "requests.csv:3: `time_s`: \"-1\" is negative; write for example 0.25");
        assert_eq!(rows("1,f,"), "requests.csv:3: `duration_s`: \"\" is not a number; write for example 0.25");
        assert_eq!(rows("1,f"), "requests.csv:3: the row has 2 fields, the header 3");
        assert_eq!(rows("1,,1"), "requests.csv:3: the function has no name");
        assert_eq!(rows("5,f,1\n4,f,1"), "requests.csv:4: the time falls back from 5 s to 4 s; sort the rows by time");
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
}
