//! Reading a trace in order of time, again for each replication.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::super::error::{Skipped, TraceError};
use super::super::table::{Table, shown};
use super::columns::{Columns, key};
use super::places::Places;
use super::{RowOptions, RowTrace, since};
use crate::time::{SimTime, Span};
use crate::workload::Arrival;

/// Requests held back because later rows may begin earlier.
const HELD_MAX: usize = 20_000_000;

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

impl RowTrace {
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
        let Some(function) = self.places.get(key(&mut self.buffer, &request)) else {
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
