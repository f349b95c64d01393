//! The columns of row traces, and a row as it is written.

use super::super::decimal::Decimal;
use super::super::error::TraceError;
use super::super::moment::{Clock, TOO_LARGE};
use super::super::table::{Row, Table};
use super::RowFormat;
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// Where the columns are, and what times are in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Columns {
    Forewarm { time: usize, function: usize, duration: Option<usize>, memory: Option<usize> },
    Azure2021 { app: usize, function: usize, end: usize, duration: usize },
}

/// A row as it is written. Its start is in the times of the file.
pub(super) struct Written<'a> {
    pub(super) start: SimTime,
    /// Its column, for what is wrong with it.
    pub(super) column: usize,
    pub(super) app: &'a [u8],
    pub(super) function: &'a [u8],
    pub(super) duration: Option<Span>,
    pub(super) memory_mb: Option<f64>,
}

impl Columns {
    pub(super) fn find(table: &Table, format: RowFormat) -> Result<Self, TraceError> {
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
    pub(super) fn read<'a>(self, row: &Row<'a>, unit: Option<Span>) -> Result<Written<'a>, TraceError> {
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
pub(super) fn key<'a>(buffer: &'a mut Vec<u8>, request: &Written<'a>) -> &'a [u8] {
    if request.app.is_empty() {
        return request.function;
    }
    buffer.clear();
    buffer.extend_from_slice(request.app);
    buffer.push(0);
    buffer.extend_from_slice(request.function);
    buffer
}
