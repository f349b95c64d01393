//! Traces: recorded arrivals, and the functions they define.

use std::collections::HashMap;
use std::sync::Arc;

use super::path::Targets;
use super::{Checker, Names};
use crate::id::FnId;
use crate::scenario::data::{Traced, problem_of, warn_of};
use crate::scenario::model::{Function, Source, Target};
use crate::scenario::preset::Allowed;
use crate::scenario::raw::function::FunctionTable;
use crate::scenario::raw::{FileTable, SourceTable};
use crate::schema::decode::{Field as _, Reader};
use crate::schema::diagnostic::{Problem, Problems, SourceSpan};
use crate::schema::tree::{Entry, Node, Value};
use crate::workload::trace::{RateTrace, RateTraceSpec, TraceFunction};
use crate::workload::{ArrivalParameters, ArrivalSpec};

/// Whether each request names its function itself.
pub(super) fn names_functions(table: &ArrivalParameters) -> bool {
    matches!(table, ArrivalParameters::Trace(_) | ArrivalParameters::Population(_))
}

/// The traces of a file, and what they know about functions.
pub(super) struct Traces {
    /// Of each source, if it has one.
    of_source: Vec<Option<Traced>>,
    /// The functions that are not in the file, in the order in which traces name them.
    brought: Vec<Arc<str>>,
    known: HashMap<Arc<str>, TraceFunction>,
    /// The application of a function, if its trace knows it: indices are per trace.
    apps: HashMap<Arc<str>, String>,
}

impl Traces {
    /// What the trace says about a function of the file.
    pub(super) fn function(&self, name: &str) -> Option<&TraceFunction> {
        self.known.get(name)
    }

    /// The application that a trace gives for a function; no name in a file has this form.
    pub(super) fn app(&self, name: &str) -> Option<String> {
        self.apps.get(name).cloned()
    }

    /// Names of the functions that are not in the file.
    pub(super) fn brought(&self) -> impl Iterator<Item = &str> {
        self.brought.iter().map(AsRef::as_ref)
    }
}

impl Checker<'_, '_> {
    /// Scans all traces.
    pub(super) fn traces(&mut self, file: &FileTable, functions: &mut Names) -> Traces {
        let mut traces =
            Traces { of_source: Vec::new(), brought: Vec::new(), known: HashMap::new(), apps: HashMap::new() };
        for source in file.source.iter() {
            let traced = match source.arrivals.as_ref() {
                Some(ArrivalParameters::Trace(table)) => self.data.trace(table, self.problems),
                Some(ArrivalParameters::Population(table)) => self.data.population(table),
                _ => None,
            };
            if traced.is_none() && source.arrivals.as_ref().is_some_and(names_functions) {
                functions.forget();
            }
            if let (Some(traced), None) = (&traced, source.function.as_ref()) {
                for function in traced.functions() {
                    let name: Arc<str> = function.name.as_str().into();
                    if !traces.known.contains_key(&name) && functions.place(&name).is_none() {
                        traces.brought.push(Arc::clone(&name));
                    }
                    if let (Some(app), false) = (function.app, traces.known.contains_key(&name)) {
                        let app = format!("{}/{app}", source.name.as_deref().unwrap_or("?"));
                        traces.apps.insert(Arc::clone(&name), app);
                    }
                    traces.known.entry(name).or_insert_with(|| function.clone());
                }
            }
            traces.of_source.push(traced);
        }
        // The requests of other sources have no recorded durations.
        for source in file.source.iter().filter(|source| source.function.is_some()) {
            let name = source.function.as_deref().unwrap_or_default();
            if let Some(function) = traces.known.get_mut(name) {
                function.has_durations = false;
            }
        }
        traces
    }

    /// The functions that are not in the file, made from its defaults.
    pub(super) fn brought_functions(
        &mut self,
        root: &Node,
        traces: &Traces,
        allowed: Option<&Allowed>,
    ) -> Option<Vec<Function>> {
        if traces.brought.is_empty() {
            return Some(Vec::new());
        }
        // The defaults have been read before, so their problems are known; here they are read again as a function.
        let mut node = root.get("function-defaults")?.clone();
        let place = node.place;
        if let Value::Table(entries) = &mut node.value {
            entries.push(Entry::new("name", place, Value::from_text("function-defaults")));
        }
        let mut known = Problems::default();
        let table = FunctionTable::read(&node, &mut Reader::new(&mut known, &[]))?;
        let some = traces.brought.iter().filter_map(|name| traces.known.get(name));
        let lacking = some.clone().find(|function| !function.has_durations && function.duration.is_none());
        if let (Some(function), None) = (lacking, table.duration.as_ref()) {
            let message = format!("the trace has no durations for `{}`", function.name);
            let help = "add [function-defaults] with a duration, as in duration.exponential.mean = \"500ms\"";
            self.problems.push(Problem::missing(place, message).help(help));
            return None;
        }
        let any = some.clone().next();
        let template = self.function(&table, "function-defaults", any, allowed)?;
        // Traces record what was used; platforms have a minimum and a maximum that can be configured.
        let configurable = |memory| allowed.map_or(memory, |allowed| allowed.memory_near_mb(memory));
        let made = some.map(|function| Function {
            name: function.name.clone(),
            app: template.app.clone().or_else(|| traces.app(&function.name)),
            memory_mb: function.memory_mb.map_or(template.memory_mb, configurable),
            duration: function.duration.clone().unwrap_or_else(|| template.duration.clone()),
            ..template.clone()
        });
        Some(made.collect())
    }

    /// The sources of one table: one per function, or a single one if a trace is too long to be kept in memory.
    pub(super) fn sources(
        &mut self,
        table: &SourceTable,
        place: usize,
        file: &FileTable,
        traces: &Traces,
        functions: &Names,
        targets: &mut Targets,
    ) -> Option<Vec<Source>> {
        if !table.arrivals.as_ref().is_some_and(names_functions) {
            return self.source(table, file, functions, targets).map(|source| vec![source]);
        }
        self.trace_is_at_no_site(table, file);
        let name = (*table.name).clone()?;
        let all_to = match table.function.as_ref() {
            Some(_) => Some(functions.find(&table.function, "function", self.problems)?),
            None => None,
        };
        let duration = self.source_duration(table)?;
        let find = |function: &TraceFunction| {
            all_to.or_else(|| functions.place(&function.name).map(|place| FnId(place as u32)))
        };
        match traces.of_source.get(place)?.as_ref()? {
            Traced::Rows(rows) if rows.is_kept() => (0..)
                .zip(&rows.functions)
                .map(|(place, function)| {
                    Some(Source {
                        name: format!("{name}/{}", function.name),
                        target: Target::Function(find(function)?),
                        arrivals: ArrivalSpec::Recorded { of: Arc::clone(rows), function: place },
                        duration: duration.clone(),
                        payload: None,
                    })
                })
                .collect(),
            Traced::Rows(rows) => {
                let to: Option<Vec<FnId>> = rows.functions.iter().map(find).collect();
                let arrivals = ArrivalSpec::Rows(Arc::clone(rows));
                Some(vec![Source { name, target: Target::ByTrace(to?.into()), arrivals, duration, payload: None }])
            }
            Traced::ByFunction(list) => list
                .iter()
                .map(|(function, arrivals)| {
                    Some(Source {
                        name: format!("{name}/{}", function.name),
                        target: Target::Function(find(function)?),
                        arrivals: arrivals.clone(),
                        duration: duration.clone(),
                        payload: None,
                    })
                })
                .collect(),
        }
    }

    /// The arrivals of a source; problems of the parameters have been reported.
    pub(super) fn arrivals(
        &mut self,
        spec: &ArrivalParameters,
        source: &str,
        place: SourceSpan,
    ) -> Option<ArrivalSpec> {
        if let ArrivalParameters::RateTrace(spec) = spec {
            return self.rate_trace(spec);
        }
        if let ArrivalParameters::Schedule(spec) = spec {
            return spec.from(self.start);
        }
        let mut process = spec.clone();
        let is_read = process.distribution().is_some_and(|dist| dist.file().is_some());
        self.load(process.distribution());
        let arrivals = process.arrivals();
        if arrivals.is_none() && is_read && !self.problems.has_errors() {
            let message = format!("`{source}.arrivals`: the values of the file are all zero");
            self.problems.push(Problem::error(place, message));
        }
        arrivals
    }

    fn rate_trace(&mut self, spec: &RateTraceSpec) -> Option<ArrivalSpec> {
        let input = self.data.files.input(&spec.file);
        match RateTrace::read(&input, &spec.options()?) {
            Ok(trace) => {
                warn_of(&trace.remarks, input.is_confidential, spec.file.place, self.problems);
                Some(ArrivalSpec::Counts(Arc::new(trace.counts)))
            }
            Err(error) => {
                self.problems.push(problem_of(&error, input.is_confidential, spec.file.place));
                None
            }
        }
    }
}
