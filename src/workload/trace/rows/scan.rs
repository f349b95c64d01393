//! Looking through a trace for the first time, on all threads.
//!
//! Blocks of rows are read one after the other and parsed side by side, each as if it stood alone. What depends on earlier rows
//! is added in the order of the file, and a block that cannot stand alone is parsed again, so that the number of threads and the
//! length of blocks change nothing.

use std::collections::HashMap;
use std::io;
use std::mem;
use std::sync::Arc;

use rayon::prelude::*;

use super::super::TraceFunction;
use super::super::blocks::{BLOCK, Blocks};
use super::super::error::{Remark, Skipped, TraceError, many_rows};
use super::super::moment::Moment;
use super::super::names::Names;
use super::super::table::{Header, ROWS_MAX, Row, Rows, Table};
use super::columns::{Columns, Written, key};
use super::places::Places;
use super::{Request, RowFormat, RowOptions, RowTrace, since, whole_mb};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};
use crate::workload::Input;

/// Functions of a trace.
const FUNCTIONS_MAX: usize = 1_000_000;
/// Requests that are kept: 512 MB.
const KEPT_MAX: u64 = 1 << 25;
/// Blocks that each thread parses before what they found is put together.
const BLOCKS_PER_THREAD: usize = 8;
/// Marks the place of a function among those that are new in its block.
const NEW: u32 = 1 << 31;

/// What was read before a block.
#[derive(Clone, Copy)]
struct Before {
    rows: u64,
    /// When the last request begins.
    last: SimTime,
}

impl Before {
    /// Nothing.
    const NOTHING: Self = Self { rows: 0, last: SimTime::ZERO };
}

/// How rows are read.
struct Parser {
    format: RowFormat,
    options: RowOptions,
    columns: Columns,
    /// The functions of the blocks before.
    places: Places,
}

/// A request as it is parsed.
struct Parsed {
    request: Request,
    /// Its function: its place or, with [`NEW`], that among the functions that are new in the block.
    function: u32,
    /// 0: not known.
    memory_mb: u32,
}

/// A function that no earlier block has.
struct NewFunction {
    key: Box<[u8]>,
    app: String,
    name: String,
    line: u64,
}

/// Rows and what they say. Lines are counted from the first one.
struct Part {
    rows: Rows,
    /// Rows of the file before these, if that was known when they were parsed.
    rows_before: u64,
    requests: Vec<Parsed>,
    new: Vec<NewFunction>,
    /// The places in `new`.
    new_places: Places,
    key: Vec<u8>,
    /// Requests before `start`.
    early: u64,
    skipped: Skipped,
    /// When the first and the last request begin, with those before `start`.
    span: (SimTime, SimTime),
    /// How much earlier than an earlier row of the block one begins.
    lateness: Span,
    /// What ends the reading.
    failed: Option<TraceError>,
}

impl Part {
    /// No rows yet.
    fn new(rows: Rows) -> Self {
        Self {
            rows,
            rows_before: 0,
            requests: Vec::new(),
            new: Vec::new(),
            new_places: Places::default(),
            key: Vec::new(),
            early: 0,
            skipped: Skipped::default(),
            span: (SimTime::NEVER, SimTime::ZERO),
            lateness: Span::ZERO,
            failed: None,
        }
    }

    /// Parses the rows.
    fn parse(&mut self, parser: &Parser, before: Before) {
        self.rows_before = before.rows;
        self.rows.rewind(before.rows);
        self.requests.clear();
        self.new.clear();
        self.new_places.clear();
        (self.early, self.skipped, self.lateness) = (0, Skipped::default(), Span::ZERO);
        self.span = (SimTime::NEVER, before.last);
        self.failed = self.parse_all(parser).err();
    }

    fn parse_all(&mut self, parser: &Parser) -> Result<(), TraceError> {
        let options = &parser.options;
        while let Some(row) = self.rows.next()? {
            let read = parser.columns.read(&row, options.time_unit);
            let written = match read.and_then(|written| parser.in_order(&row, written, self.span.1)) {
                Ok(written) => written,
                Err(error) => {
                    self.skipped.take(options.on_error, error)?;
                    continue;
                }
            };
            let Written { start, .. } = written;
            self.lateness = self.lateness.max(self.span.1.since(start.min(self.span.1)));
            self.span = (self.span.0.min(start), self.span.1.max(start));
            if options.start.is_some_and(|zero| start < zero) {
                self.early += 1;
                continue;
            }
            let key = key(&mut self.key, &written);
            let function = match parser.places.get(key).or_else(|| self.new_places.get(key)) {
                Some(function) => function,
                None => {
                    let (Ok(name), Ok(app)) = (row.text(written.column), std::str::from_utf8(written.app)) else {
                        let error = row.text(written.column).err();
                        let error = error.unwrap_or_else(|| row.wrong("`app` is not text in UTF-8"));
                        self.skipped.take(options.on_error, error)?;
                        continue;
                    };
                    let place = self.new.len() as u32 | NEW;
                    self.new_places.insert(key, place);
                    let (app, name, line) = (app.to_owned(), name.to_owned(), row.line());
                    self.new.push(NewFunction { key: Box::from(key), app, name, line });
                    place
                }
            };
            let duration = written.duration.unwrap_or(Span::FOREVER);
            self.requests.push(Parsed {
                request: Request { at: start, duration },
                function,
                memory_mb: written.memory_mb.map_or(0, whole_mb),
            });
        }
        Ok(())
    }

    /// How many rows these are.
    const fn count(&self) -> u64 {
        self.rows.taken() - self.rows_before
    }

    /// Whether these rows say the same behind others as if they stood alone.
    fn stands_behind(&self, before: Before, format: RowFormat) -> bool {
        let is_in_order = format == RowFormat::Azure2021 || self.span.0 >= before.last;
        is_in_order && before.rows + self.count() <= ROWS_MAX
    }
}

impl Parser {
    /// Refuses a row of forewarm's own format that falls back in time.
    #[inline]
    fn in_order<'a>(&self, row: &Row<'_>, request: Written<'a>, last: SimTime) -> Result<Written<'a>, TraceError> {
        if self.format == RowFormat::Forewarm && request.start < last {
            let message =
                format!("the time goes back from {} s to {} s", last.as_secs_f64(), request.start.as_secs_f64());
            return Err(row.wrong(message).help("sort the rows by time"));
        }
        Ok(request)
    }
}

/// What the rows of a function say.
#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    invocations: u64,
    has_durations: bool,
    memory_mb: u32,
}

/// What is known of all functions.
struct Merged {
    header: Arc<Header>,
    functions: Vec<TraceFunction>,
    seen: Vec<Seen>,
    apps: HashMap<String, u32>,
    names: Names,
    before: Before,
    /// Lines of the file so far.
    line: u64,
    early: u64,
    first: SimTime,
    skipped: Skipped,
    lateness: Span,
    requests: u64,
    /// Whether the requests are kept, and how many at most.
    is_kept: bool,
    kept_max: u64,
}

impl Merged {
    /// Adds what the next rows say, but for their requests.
    fn add(&mut self, part: &mut Part, parser: &mut Parser) -> Result<(), TraceError> {
        if !part.stands_behind(self.before, parser.format) {
            part.parse(parser, self.before);
        }
        let mut places = Vec::with_capacity(part.new.len());
        for new in part.new.drain(..) {
            places.push(match parser.places.get(&new.key) {
                Some(place) => place,
                None => self.function(new, parser)?,
            });
        }
        let in_file = |error: TraceError| error.behind(self.line);
        if let Some(error) = part.failed.take() {
            return Err(in_file(error));
        }
        let skipped = mem::take(&mut part.skipped);
        self.skipped.add(Skipped { first: skipped.first.map(in_file), ..skipped });
        if !places.is_empty() {
            let new = part.requests.iter_mut().filter(|parsed| parsed.function & NEW != 0);
            new.for_each(|parsed| parsed.function = places[(parsed.function & !NEW) as usize]);
        }
        let last = self.before.last;
        self.lateness = self.lateness.max(part.lateness).max(last.since(part.span.0.min(last)));
        self.early += part.early;
        self.requests += part.requests.len() as u64;
        self.line += part.rows.line();
        self.before = Before { rows: self.before.rows + part.count(), last: last.max(part.span.1) };
        Ok(())
    }

    /// Adds the requests of rows that have been added, function by function.
    fn keep(&mut self, part: &Part) {
        if self.is_kept && self.requests > self.kept_max {
            self.is_kept = false;
            self.seen.iter_mut().for_each(|function| function.requests = Vec::new());
        }
        for Parsed { request, function, memory_mb } in &part.requests {
            self.first = self.first.min(request.at);
            let seen = &mut self.seen[*function as usize];
            seen.invocations += 1;
            seen.has_durations |= request.duration().is_some();
            seen.memory_mb = seen.memory_mb.max(*memory_mb);
            if self.is_kept {
                seen.requests.push(*request);
            }
        }
    }

    /// Adds a function.
    fn function(&mut self, new: NewFunction, parser: &mut Parser) -> Result<u32, TraceError> {
        let place = self.functions.len() as u32;
        if self.functions.len() >= FUNCTIONS_MAX {
            let message = format!("the trace has more than {FUNCTIONS_MAX} functions");
            return Err(self.header.wrong(self.line + new.line, message));
        }
        let app = *self.apps.entry(new.app).or_insert(place);
        self.functions.push(TraceFunction {
            name: match parser.format {
                RowFormat::Forewarm => self.names.unique([new.name.as_str()]),
                RowFormat::Azure2021 => self.names.of_hash(&new.name),
            },
            app: (parser.format == RowFormat::Azure2021).then_some(u64::from(app)),
            ..TraceFunction::default()
        });
        self.seen.push(Seen::default());
        parser.places.insert(&new.key, place);
        Ok(place)
    }

    /// The trace, when all rows have been added and kept.
    fn finish(mut self, input: &Input, parser: Parser) -> Result<RowTrace, TraceError> {
        let (name, Parser { format, options, places, .. }) = (self.header.name(), parser);
        let mut remarks: Vec<Remark> = self.skipped.remark(name).into_iter().collect();
        if self.functions.is_empty() {
            let message = if self.early > 0 { "all requests are before `start`" } else { "it contains no requests" };
            let error = TraceError::new(name, None, message);
            return Err(match self.skipped.first {
                Some(first) => error.help(format!("{} rows were skipped; the first: {first}", self.skipped.rows)),
                None => error,
            });
        }
        if self.early > 0 {
            remarks.push(Remark::new(name, format!("{} before `start`: skipped", many_rows(self.early))));
        }
        let is_kept = self.is_kept;
        let is_absolute = Moment::is_absolute(self.first.as_nanos());
        let zero = options.start.unwrap_or(if is_absolute { self.first } else { SimTime::ZERO });
        let kept = self.functions.par_iter_mut().zip(self.seen).map(|(function, seen)| {
            function.invocations = seen.invocations;
            function.memory_mb = (seen.memory_mb > 0).then_some(seen.memory_mb);
            function.has_durations = seen.has_durations;
            let requests = sorted(seen.requests, zero);
            if is_kept {
                let spans = requests.iter().filter_map(Request::duration);
                let sum: u128 = spans.map(|span| u128::from(span.as_nanos())).sum();
                let mean_s = sum as f64 / requests.len().max(1) as f64 / NANOS_PER_SECOND as f64;
                function.duration_mean_s = function.has_durations.then_some(mean_s);
            }
            requests
        });
        let kept: Vec<_> = kept.collect();
        Ok(RowTrace {
            input: input.clone(),
            format,
            options,
            places: Arc::new(places),
            apps: if format == RowFormat::Forewarm { self.functions.len() } else { self.apps.len() } as u64,
            functions: self.functions,
            first: since(self.first, zero),
            last: since(self.before.last, zero),
            skipped: self.skipped,
            remarks,
            lateness: self.lateness,
            zero,
            kept: is_kept.then_some(kept),
        })
    }
}

/// Fills `parts` with the next blocks: a few for each thread, fewer where a row is long. Returns the error that ended reading, if any.
fn read(blocks: &mut Blocks, parts: &mut Vec<Part>, header: &Arc<Header>) -> Option<io::Error> {
    let wanted = BLOCKS_PER_THREAD * rayon::current_num_threads();
    let (mut place, mut bytes) = (0, 0);
    while place < wanted && bytes < wanted * BLOCK {
        if place == parts.len() {
            parts.push(Part::new(Rows::new(header)));
        }
        let part = &mut parts[place];
        if part.rows.length() > BLOCK {
            // What a large block has needed is not kept.
            *part = Part::new(Rows::new(header));
        }
        match part.rows.read(blocks) {
            Ok(true) => (place, bytes) = (place + 1, bytes + part.rows.length()),
            end => {
                parts.truncate(place);
                return end.err();
            }
        }
    }
    parts.truncate(place);
    None
}

impl RowTrace {
    /// Looks through a trace once, on the threads of the current rayon pool. Memory grows with its functions, and with its rows
    /// up to `KEPT_MAX` of them.
    ///
    /// # Errors
    /// What cannot be read, and, with [`OnError::Fail`](super::OnError::Fail), the first row that is wrong.
    pub fn scan(input: &Input, format: RowFormat, options: RowOptions) -> Result<Self, TraceError> {
        Self::scan_table(Table::open(input, options.separator)?, input, format, options, KEPT_MAX)
    }

    /// Looks through a table, and keeps at most so many requests.
    pub(super) fn scan_table(
        table: Table,
        input: &Input,
        format: RowFormat,
        options: RowOptions,
        kept_max: u64,
    ) -> Result<Self, TraceError> {
        let mut parser = Parser { format, options, columns: Columns::find(&table, format)?, places: Places::default() };
        let (rows, mut blocks) = table.into_parts();
        let header = Arc::clone(rows.header());
        let mut merged = Merged {
            header: Arc::clone(&header),
            functions: Vec::new(),
            seen: Vec::new(),
            apps: HashMap::new(),
            names: Names::default(),
            before: Before::NOTHING,
            line: rows.line(),
            early: 0,
            first: SimTime::NEVER,
            skipped: Skipped::default(),
            lateness: Span::ZERO,
            requests: 0,
            is_kept: true,
            kept_max,
        };
        // While some blocks are parsed, the requests of those before are taken, and the next ones read in their place.
        let (mut parts, mut others, mut failed) = (vec![Part::new(rows)], Vec::new(), None);
        while !parts.is_empty() {
            rayon::join(
                || {
                    others.iter().for_each(|part| merged.keep(part));
                    match failed {
                        None => failed = read(&mut blocks, &mut others, &header),
                        Some(_) => others.clear(),
                    }
                },
                || parts.par_iter_mut().for_each(|part| part.parse(&parser, Before::NOTHING)),
            );
            parts.iter_mut().try_for_each(|part| merged.add(part, &mut parser))?;
            mem::swap(&mut parts, &mut others);
        }
        others.iter().for_each(|part| merged.keep(part));
        match failed {
            Some(error) => Err(header.failed(merged.line, &error)),
            None => merged.finish(input, parser),
        }
    }
}

/// The requests of a function from time zero on, those of the same moment in the order of the file.
fn sorted(mut requests: Vec<Request>, zero: SimTime) -> Box<[Request]> {
    if zero > SimTime::ZERO {
        requests.iter_mut().for_each(|request| request.at = since(request.at, zero));
    }
    if !requests.is_sorted_by_key(|request| request.at) {
        requests.sort_by_key(|request| request.at);
    }
    requests.into_boxed_slice()
}
