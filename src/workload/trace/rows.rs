//! Traces with a row for each request: forewarm's own, and Azure Functions 2021 (Zhang et al., SOSP 2021).
//!
//! Up to [`KEPT_MAX`] requests are kept in 16 bytes each, function by function, and replayed from memory. A longer trace is
//! read again for each replication.

mod columns;
mod reader;

pub use reader::RowReader;

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::TraceFunction;
use super::error::{OnError, Remark, Skipped, TraceError, many_rows};
use super::moment::Moment;
use super::names::Names;
use super::table::{Row, Table};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};
use crate::workload::Input;
use columns::{Columns, Written, key};

/// Functions of a trace.
const FUNCTIONS_MAX: usize = 1_000_000;
/// Requests that are kept: 512 MB.
const KEPT_MAX: u64 = 1 << 25;

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

/// What the rows of a function say, while they are read.
#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    invocations: u64,
    has_durations: bool,
    memory_mb: Option<u32>,
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
        let (mut seen, mut is_kept): (Vec<Seen>, _) = (Vec::new(), true);
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
                    seen.push(Seen::default());
                    places.insert(Box::from(key), place);
                    place
                }
            };
            let function = &mut seen[place as usize];
            function.invocations += 1;
            function.has_durations |= request.duration.is_some();
            if request.memory_mb.is_some() {
                function.memory_mb = function.memory_mb.max(request.memory_mb.map(whole_mb));
            }
            scan.first = scan.first.min(request.start);
            rows += 1;
            if is_kept {
                let duration = request.duration.unwrap_or(Span::FOREVER);
                function.requests.push(Request { at: request.start, duration });
                if rows > kept_max {
                    is_kept = false;
                    seen.iter_mut().for_each(|function| function.requests = Vec::new());
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
        let mut kept = Vec::new();
        for (function, seen) in scan.functions.iter_mut().zip(seen) {
            (function.invocations, function.memory_mb) = (seen.invocations, seen.memory_mb);
            function.has_durations = seen.has_durations;
            if is_kept {
                let requests = in_order(seen.requests, zero);
                let spans = requests.iter().filter_map(Request::duration);
                let sum: u128 = spans.map(|span| u128::from(span.as_nanos())).sum();
                let mean_s = sum as f64 / requests.len().max(1) as f64 / NANOS_PER_SECOND as f64;
                function.duration_mean_s = function.has_durations.then_some(mean_s);
                kept.push(requests);
            }
        }
        scan.kept = is_kept.then_some(kept);
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

#[cfg(test)]
mod tests;
