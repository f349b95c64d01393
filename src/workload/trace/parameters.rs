//! What a scenario says about recorded requests. The files are read by somebody else.

use super::table::may_separate;
use super::{OnError, RateOptions, RowOptions, moment};
use crate::dist::Unit;
use crate::schema::declare::*;
use crate::schema::limits::MAX_TEXT;
use crate::schema::scalars::{Positive, PositiveDuration, Text};
use crate::workload::{ArrivalSpec, Process, Spread};

parameters! {
    /// Recorded requests from a file.
    pub struct TraceSpec {
        /// The file; for azure-2019, the invocations, as a list for several days. Plain, gzip or zstd.
        required file: Spanned<Paths>,
        /// Format of the file.
        required format: TraceFormat,
        /// azure-2019: the file of durations, or a list.
        optional durations: Paths,
        /// azure-2019: the file of memory, or a list.
        optional memory: Paths,
        /// azure-2019: how requests are distributed within a minute.
        default spread: Spread = Spread::Auto,
        /// Start of the run: a time in the trace, such as "2d", or a date. Default: time zero of the trace, or the
        /// first request if times count from 1970.
        optional start: Text,
        /// forewarm, azure-2021: unit of numeric times. Default: seconds. Durations are always in seconds.
        optional time_unit: Unit,
        /// Field separator, such as ";" or "tab". Default: detected from the header.
        optional separator: Text,
        /// What to do with a row that cannot be read.
        default on_error: OnError = OnError::Fail,
    }
}

impl TraceSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let is_azure_2019 = self.format == TraceFormat::Azure2019;
        for (key, is_given) in [("durations", self.durations.is_some()), ("memory", self.memory.is_some())] {
            if is_given && !is_azure_2019 {
                let what = "applies to azure-2019 only: other formats have it in their rows";
                check.wrong_with(key, what, format!("remove `{key}`"));
            }
        }
        if self.has_too_many_files() {
            let what = "several files are allowed for azure-2019 only, one for each day";
            let help = "concatenate the files in order of time, or use a [[source]] for each";
            check.fault_in(check.span("file"), "file", what, Some(help));
        }
        for (key, is_given) in [("start", self.start.is_some()), ("time-unit", self.time_unit.is_some())] {
            if is_given && is_azure_2019 {
                let what = "needs timestamps, which azure-2019 does not have: its first minute is time zero";
                check.wrong_with(key, what, format!("remove `{key}`"));
            }
        }
        check_reading(check, self.start.as_deref(), self.separator.as_deref());
    }

    /// All the files.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let others = [&self.durations, &self.memory].into_iter().flatten();
        std::iter::once(&self.file.value).chain(others).flatten().map(String::as_str)
    }

    /// Whether there are several files where one is read.
    fn has_too_many_files(&self) -> bool {
        self.file.len() > 1 && self.format != TraceFormat::Azure2019
    }

    /// How to read it; none if that is written wrongly.
    #[must_use]
    pub fn options(&self) -> Option<RowOptions> {
        if self.has_too_many_files() {
            return None;
        }
        Some(RowOptions {
            on_error: self.on_error,
            start: self.start.as_deref().map(moment::start).transpose().ok()?,
            time_unit: self.time_unit.map(Unit::span),
            separator: self.separator.as_deref().map(separator).transpose().ok()?,
        })
    }
}

impl Process for TraceSpec {
    /// They bring their functions.
    fn arrivals(&self) -> Option<ArrivalSpec> {
        None
    }
}

parameters! {
    /// Recorded request counts or rates per interval, from two columns of a file.
    pub struct RateTraceSpec {
        /// The file: plain, gzip or zstd.
        required file: Spanned<Text>,
        /// Column of times. Default: a column called time, timestamp, date, minute, hour or similar.
        optional time_column: Text,
        /// Column of counts. Default: a column called count, requests, invocations, sum or similar.
        optional count_column: Text,
        /// Column of rates per second, instead of counts. Default: a column called rate, rps or similar.
        optional rate_column: Text,
        /// Unit of numeric times. Default: detected from the column name or their magnitude.
        optional time_unit: Unit,
        /// Length of the intervals. Default: the smallest distance between two times, or their common divisor.
        optional interval: PositiveDuration,
        /// Start of the run: a time in the trace, such as "2d", or a date. Default: the first interval.
        optional start: Text,
        /// Field separator, such as ";" or "tab". Default: detected from the header.
        optional separator: Text,
        /// Factor applied to the counts.
        default scale: Positive = 1.0,
        /// How requests are distributed within an interval.
        default spread: Spread = Spread::Poisson,
        /// What to do with a row that cannot be read.
        default on_error: OnError = OnError::Fail,
    }
}

impl RateTraceSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if self.has_two_columns() {
            check.conflict("rate-column", "has both `count-column` and `rate-column`", "remove one of them");
        }
        check_reading(check, self.start.as_deref(), self.separator.as_deref());
    }

    /// Whether what is counted is named twice.
    const fn has_two_columns(&self) -> bool {
        self.count_column.is_some() && self.rate_column.is_some()
    }

    /// How to read it; none if that is written wrongly.
    #[must_use]
    pub fn options(&self) -> Option<RateOptions> {
        if self.has_two_columns() {
            return None;
        }
        Some(RateOptions {
            spread: self.spread,
            scale: Some(self.scale),
            on_error: self.on_error,
            time_column: self.time_column.clone(),
            count_column: self.count_column.clone(),
            rate_column: self.rate_column.clone(),
            time_unit: self.time_unit.map(Unit::span),
            interval: self.interval,
            start: self.start.as_deref().map(moment::start).transpose().ok()?,
            separator: self.separator.as_deref().map(separator).transpose().ok()?,
        })
    }
}

impl Process for RateTraceSpec {
    /// They are read.
    fn arrivals(&self) -> Option<ArrivalSpec> {
        None
    }
}

/// Reports a time zero and a separator that cannot be.
fn check_reading(check: &mut Check<'_, '_, '_>, start: Option<&str>, by: Option<&str>) {
    if let Some((written, Err(help))) = start.map(|written| (written, moment::start(written))) {
        let what = format!("\"{written}\" is not a valid start of a trace");
        check.fault_in(check.span("start"), "start", what, Some(&help));
    }
    if let Some((written, Err(help))) = by.map(|written| (written, separator(written))) {
        let what = format!("\"{written}\" is not a valid field separator");
        check.fault_in(check.span("separator"), "separator", what, Some(help));
    }
}

/// What separates fields; an error: what to write instead.
fn separator(written: &str) -> Result<u8, &'static str> {
    match written.as_bytes() {
        b"tab" => Ok(b'\t'),
        [byte] if may_separate(*byte) => Ok(*byte),
        _ => Err("write \",\", \";\", \"|\" or \"tab\""),
    }
}

/// One path, or a list of them.
#[derive(Debug)]
pub struct Paths;

/// The most files of a trace.
const MAX_FILES: u32 = 1_000;

type PathList = List<Text, 1, MAX_FILES>;

impl Field for Paths {
    type Value = Vec<String>;
    const SHAPE: Shape = Shape::Leaf(&LeafShape {
        expected: "a path, or a list of paths",
        quoted: true,
        schema: || {
            let path = serde_json::json!({"type": "string", "maxLength": MAX_TEXT});
            let list = serde_json::json!({"type": "array", "items": path, "minItems": 1, "maxItems": MAX_FILES});
            serde_json::json!({"anyOf": [path, list]})
        },
    });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self::Value> {
        match &node.value {
            Value::List(_) => PathList::read(node, reader),
            Value::Text(_) => Text::read(node, reader).map(|path| vec![path]),
            _ => {
                reader.refuse(node, Self::SHAPE);
                None
            }
        }
    }
    fn write(paths: &Self::Value) -> Value {
        match &paths[..] {
            [path] => Text::write(path),
            _ => PathList::write(paths),
        }
    }
}

choice! {
    /// How a trace is written.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum TraceFormat {
        "azure-2019" => Azure2019, "Azure Functions 2019: counts per minute, functions by hash.";
        "azure-2021" => Azure2021, "Azure Functions 2021: one row per invocation.";
        "forewarm" => Forewarm, "`time_s,function[,duration_s][,memory_mb]`.";
    }
}

choice! { Spread {
    "uniform" => Spread::Uniform, "As many requests as counted, at random moments.";
    "poisson" => Spread::Poisson, "A Poisson process with the counted mean.";
    "equidistant" => Spread::Equidistant, "As many requests as counted, at equal intervals.";
    "timer" => Spread::Timer, "As many requests as counted, at equal intervals from an offset that is drawn once per \
                               function, as timers fire.";
    "auto" => Spread::Auto, "Like \"timer\" where a timer is the trigger or at most one request per second was \
                             counted, otherwise like \"uniform\".";
} }

choice! { OnError {
    "fail" => OnError::Fail, "The run ends with an error that names file and line.";
    "skip" => OnError::Skip, "The row is counted and skipped.";
} }
