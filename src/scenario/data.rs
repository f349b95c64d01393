//! Data files that a scenario names, each read only once.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::sync::Arc;

use super::limits::MAX_DATA_BYTES;
use crate::dist::{Dist, Unit};
use crate::schema::diagnostic::{Problem, Problems, SourceSpan};
use crate::schema::limits::MAX_LISTED;
use crate::time::Span;
use crate::workload::population::PopulationSpec;
use crate::workload::trace::{
    Azure2019, Azure2019Files, CONFIDENTIAL, Remark, RowFormat, RowOptions, RowTrace, TraceError, TraceFormat,
    TraceFunction, TraceSpec, is_of_environment,
};
use crate::workload::{ArrivalSpec, Input};

/// Where the files named by the scenario come from: the disk, or in tests a table in memory.
pub trait Files: Sync {
    /// The file at `path`, as written in the scenario. Whether it is readable shows when it is opened.
    fn input(&self, path: &str) -> Input;
}

/// For scenarios without files: none can be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn input(&self, path: &str) -> Input {
        Input::new(path, || Err(io::Error::new(io::ErrorKind::NotFound, "no files can be read here")))
    }
}

/// Sources that define functions.
#[derive(Clone)]
pub(super) enum Traced {
    /// A trace with one row per request.
    Rows(Arc<RowTrace>),
    /// Arrivals by function.
    ByFunction(Arc<[(TraceFunction, ArrivalSpec)]>),
}

impl Traced {
    /// The functions it defines.
    pub(super) fn functions(&self) -> Box<dyn Iterator<Item = &TraceFunction> + '_> {
        match self {
            Self::Rows(trace) => Box::new(trace.functions.iter()),
            Self::ByFunction(functions) => Box::new(functions.iter().map(|(function, _)| function)),
        }
    }

    fn of_counts(trace: Azure2019) -> Self {
        let functions = trace.functions.into_iter();
        Self::ByFunction(functions.map(|(function, counts)| (function, ArrivalSpec::Counts(counts))).collect())
    }

    fn of_population(spec: &PopulationSpec) -> Self {
        let functions = spec.draw().into_iter().map(|function| {
            let traced = TraceFunction {
                name: function.name.clone(),
                app: Some(u64::from(function.app)),
                trigger: function.trigger.to_owned(),
                memory_mb: Some(function.memory_mb),
                duration: Some(function.duration()),
                has_durations: false,
                duration_mean_s: None,
                invocations: function.per_day as u64,
            };
            (traced, function.arrivals())
        });
        Self::ByFunction(functions.collect())
    }
}

/// Returns what is known about a trace.
pub(super) fn warn_of(remarks: &[Remark], is_confidential: bool, place: SourceSpan, problems: &mut Problems) {
    for remark in remarks {
        let problem = Problem::warning(place, format!("\"{}\": {}", remark.file, remark.message));
        problems.push(match &remark.example {
            Some(first) => problem.help(format!("the first: {}", first.clone().about(is_confidential))),
            None => problem,
        });
    }
}

/// Problems of the trace that the scenario names at `place`.
pub(super) fn problem_of(error: &TraceError, is_confidential: bool, place: SourceSpan) -> Problem {
    let problem = Problem::error(place, error.clone().about(is_confidential).to_string());
    if error.is_io { problem.of_environment() } else { problem }
}

/// The files read so far.
#[derive(Clone)]
pub(super) struct Data<'a> {
    pub(super) files: &'a dyn Files,
    known: HashMap<(String, Option<Unit>), Option<Dist>>,
    traces: HashMap<String, Option<Traced>>,
    bytes_left: u64,
}

impl<'a> Data<'a> {
    /// An empty cache.
    pub(super) fn new(files: &'a dyn Files) -> Self {
        Self { files, known: HashMap::new(), traces: HashMap::new(), bytes_left: MAX_DATA_BYTES }
    }

    /// The distribution of the values in a file; problems are reported once.
    pub(super) fn empirical(
        &mut self,
        path: &str,
        unit: Option<Unit>,
        place: SourceSpan,
        problems: &mut Problems,
    ) -> Option<Dist> {
        let key = (path.to_owned(), unit);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let read = self.read(path, unit, place, problems);
        self.known.insert(key, read.clone());
        read
    }

    /// A population, generated once.
    pub(super) fn population(&mut self, spec: &PopulationSpec) -> Option<Traced> {
        let draw = || Some(Traced::of_population(spec));
        self.traces.entry(format!("{spec:?}")).or_insert_with(draw).clone()
    }

    /// A trace, scanned once; problems are reported once.
    pub(super) fn trace(&mut self, table: &TraceSpec, problems: &mut Problems) -> Option<Traced> {
        let key = format!("{table:?}");
        if let Some(known) = self.traces.get(&key) {
            return known.clone();
        }
        let place = table.file.place;
        let is_confidential = table.paths().any(|path| self.files.input(path).is_confidential);
        let read = table.options().and_then(|options| match self.read_trace(table, options) {
            Ok((traced, remarks)) => {
                warn_of(&remarks, is_confidential, place, problems);
                Some(traced)
            }
            Err(error) => {
                problems.push(problem_of(&error, is_confidential, place));
                None
            }
        });
        self.traces.insert(key, read.clone());
        read
    }

    fn read_trace(&self, table: &TraceSpec, options: RowOptions) -> Result<(Traced, Vec<Remark>), TraceError> {
        let inputs = |paths: &[String]| -> Vec<Input> { paths.iter().map(|path| self.files.input(path)).collect() };
        let files = inputs(&table.file);
        let rows = |format| {
            let trace = RowTrace::scan(&files[0], format, options)?;
            let remarks = trace.remarks.clone();
            Ok((Traced::Rows(trace.into()), remarks))
        };
        match table.format {
            TraceFormat::Forewarm => rows(RowFormat::Forewarm),
            TraceFormat::Azure2021 => rows(RowFormat::Azure2021),
            TraceFormat::Azure2019 => {
                let files = Azure2019Files {
                    durations: inputs(table.durations.as_deref().unwrap_or_default()),
                    memory: inputs(table.memory.as_deref().unwrap_or_default()),
                    invocations: files,
                };
                let trace = Azure2019::read(&files, table.spread, options.on_error)?;
                let remarks = trace.remarks.clone();
                Ok((Traced::of_counts(trace), remarks))
            }
        }
    }

    /// The text of a file, and whether it must not be shown.
    pub(super) fn text(&mut self, path: &str, place: SourceSpan, problems: &mut Problems) -> Option<(String, bool)> {
        let mut bytes = Vec::new();
        let input = self.files.input(path);
        let result = input.open().and_then(|file| file.take(self.bytes_left + 1).read_to_end(&mut bytes));
        if let Err(error) = result {
            let help = "paths are relative to the folder of the scenario file";
            let problem = Problem::error(place, format!("cannot read \"{path}\": {error}")).help(help);
            problems.push(if is_of_environment(&error) { problem.of_environment() } else { problem });
            return None;
        }
        if bytes.len() as u64 > self.bytes_left {
            let message = format!("\"{path}\": the files of a scenario exceed {} MB in total", MAX_DATA_BYTES >> 20);
            problems.push(Problem::error(place, message));
            return None;
        }
        self.bytes_left -= bytes.len() as u64;
        let Ok(text) = String::from_utf8(bytes) else {
            problems.push(Problem::error(place, format!("\"{path}\" is not text in UTF-8")));
            return None;
        };
        Some((text, input.is_confidential))
    }

    fn read(&mut self, path: &str, unit: Option<Unit>, place: SourceSpan, problems: &mut Problems) -> Option<Dist> {
        let (text, is_confidential) = self.text(path, place, problems)?;
        let values = match parse(&text, unit) {
            Ok(values) => values,
            Err(wrong) if is_confidential => {
                let message = format!("line {} of \"{path}\" is not one value", wrong.line);
                problems.push(Problem::error(place, message).help(CONFIDENTIAL));
                return None;
            }
            Err(wrong) => {
                wrong.report(path, unit, problems);
                return None;
            }
        };
        match Dist::empirical(values) {
            Ok(dist) => Some(dist),
            Err(_) => {
                problems.push(Problem::error(place, format!("there are no values in \"{path}\"")));
                None
            }
        }
    }
}

/// An invalid line.
struct WrongLine<'a> {
    /// Counted from 1.
    line: usize,
    text: &'a str,
    word: &'a str,
    message: String,
}

impl WrongLine<'_> {
    /// Quotes the line.
    fn report(&self, path: &str, unit: Option<Unit>, problems: &mut Problems) {
        let source = problems.add_source(path, self.text.chars().take(200).collect::<String>(), self.line);
        let at = self.text.find(self.word).unwrap_or(0).min(200);
        let place = SourceSpan::new(source, at..(at + self.word.len()).min(200));
        let mut problem = Problem::error(place, self.message.as_str());
        if unit.is_none() {
            problem = problem.help("if all numbers have the same unit, set it in the scenario: unit = \"ms\"");
        }
        problems.push(problem);
    }
}

/// Reads one value per line, up to the first invalid one.
fn parse(text: &str, unit: Option<Unit>) -> Result<Vec<Span>, WrongLine<'_>> {
    let mut values = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let word = line.split('#').next().unwrap_or_default().trim();
        if word.is_empty() {
            continue;
        }
        let message = match (value(word, unit), values.len() < MAX_LISTED as usize) {
            (Ok(value), true) => {
                values.push(value);
                continue;
            }
            (Ok(_), false) => format!("more than {MAX_LISTED} values, which is the limit"),
            (Err(wrong), _) => wrong,
        };
        return Err(WrongLine { line: index + 1, text: line, word, message });
    }
    Ok(values)
}

fn value(word: &str, unit: Option<Unit>) -> Result<Span, String> {
    match (unit, word.parse::<f64>()) {
        (Some(unit), Ok(number)) => {
            Span::from_secs_f64(number * unit.span().as_secs_f64()).map_err(|error| error.to_string())
        }
        _ => word.parse().map_err(|error: crate::time::SpanError| error.to_string()),
    }
}
