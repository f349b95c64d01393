//! Traces with a row for each request: forewarm's own, and Azure Functions 2021 (Zhang et al., SOSP 2021).
//!
//! Up to `KEPT_MAX` requests are kept in 16 bytes each, function by function, and replayed from memory. A longer trace is
//! read again for each replication.

mod columns;
mod places;
mod reader;
mod scan;

pub use reader::RowReader;

use std::sync::Arc;

use super::TraceFunction;
use super::error::{OnError, Remark, Skipped};
use crate::time::{SimTime, Span};
use crate::workload::Input;
use places::Places;

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

impl RowTrace {
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

/// Memory that instances can have: whole megabytes, at least one.
pub(super) fn whole_mb(mb: f64) -> u32 {
    mb.ceil().clamp(1.0, f64::from(1 << 20)) as u32
}

#[cfg(test)]
mod tests;
