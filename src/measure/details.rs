//! An additional observer for optional measurements: sources of functions with several of them, and requests completed
//! within the times that objectives name. Only created if needed.

use super::path::OnPath;
use super::recorder::Total;
use super::replication::Record;
use super::tally::{Peaks, Tally};
use super::window::Window;
use crate::engine::{CallEnd, CallMade, Cell, Finished, Observer, Outcome, RequestEnd};
use crate::id::{ComponentId, FnId, LocalSource, SourceId};
use crate::path::CallId;
use crate::path::books::Books;
use crate::scenario::{Goal, Scenario, Subject, Target};
use crate::time::{SimTime, Span};

/// Additional measurements of a cell.
#[derive(Debug)]
pub struct Details {
    from: SimTime,
    window: Window,
    /// The sources of the cell: their indices in the scenario, and the counters of those measured separately.
    sources: Vec<(SourceId, Option<Box<Tally>>)>,
    within: Vec<Within>,
    /// If requests may be on a path, they are counted at their final response.
    on_path: Option<OnPath>,
}

/// Requests that are answered in time.
#[derive(Debug)]
struct Within {
    /// The place of the objective.
    objective: usize,
    /// The function or source in the cell; none: all of them.
    only: Only,
    within: Span,
    answered: u64,
}

/// Whose requests are counted, by places in the cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Only {
    All,
    Function(usize),
    Source(usize),
}

impl Details {
    /// None if the recorder measures everything that is needed.
    #[must_use]
    pub fn new(scenario: &Scenario, cell: &Cell, window: &Window) -> Option<Self> {
        let within: Vec<Within> = (scenario.objectives.iter().enumerate())
            .filter_map(|(objective, one)| {
                let Goal::Share { within, .. } = one.goal else { return None };
                let only = match one.subject {
                    Subject::Total => Only::All,
                    Subject::Function(id) => Only::Function(cell.functions.iter().position(|own| *own == id)?),
                    Subject::Component(_) | Subject::NodeGroup(_) => return None,
                    Subject::Source(id) => Only::Source(cell.sources.iter().position(|own| *own == id)?),
                };
                Some(Within { objective, only, within, answered: 0 })
            })
            .collect();
        let on_path = OnPath::of(scenario, cell, window);
        let are_apart = match on_path {
            Some(_) => vec![true; cell.sources.len()],
            None => Self::are_apart(scenario, &cell.sources),
        };
        if within.is_empty() && !are_apart.contains(&true) && on_path.is_none() {
            return None;
        }
        let tally = |is_apart: bool| is_apart.then(|| Box::new(Tally::of(scenario)));
        let sources = cell.sources.iter().zip(are_apart).map(|(id, is_apart)| (*id, tally(is_apart))).collect();
        Some(Self { from: window.from, window: window.clone(), sources, within, on_path })
    }

    /// Which sources of a cell are measured separately: those that share a function with another, and those with many
    /// functions, unless it is the only source.
    fn are_apart(scenario: &Scenario, sources: &[SourceId]) -> Vec<bool> {
        let targets = |id: &SourceId| match &scenario.sources[id.index()].target {
            Target::Function(function) => std::slice::from_ref(function),
            Target::ByTrace(functions) => functions,
            Target::Component(_) => &[],
        };
        let goes_to_many = |id: &SourceId| matches!(scenario.sources[id.index()].target, Target::ByTrace(_));
        if let [only] = sources {
            return vec![goes_to_many(only) && scenario.sources.len() > 1];
        }
        let mut all: Vec<FnId> = sources.iter().flat_map(targets).copied().collect();
        all.sort_unstable();
        let is_shared = |function: &FnId| {
            let first = all.partition_point(|known| known < function);
            all.get(first + 1) == Some(function)
        };
        sources.iter().map(|id| goes_to_many(id) || targets(id).iter().any(is_shared)).collect()
    }

    /// Adds what was counted to the total.
    pub fn finish(self, window: &Window, total: &mut Total) {
        for (id, tally) in self.sources {
            let Some(tally) = tally else { continue };
            let shape = tally.shape(window.measured(), &Peaks::default(), f64::NAN);
            let record = Record { shape, latency_of_all: tally.latency_of_all(), by_path: tally.by_path };
            total.sources.push((id, record));
        }
        for one in self.within {
            total.answered[one.objective] += one.answered;
        }
        total.on_path = self.on_path;
    }
}

impl Observer for Details {
    fn called(&mut self, call: &CallMade) {
        if let Some(on_path) = &mut self.on_path {
            on_path.arrows.called(call);
            on_path.critical.called(call);
        }
    }

    fn call_served(&mut self, call: CallId, invocation: &Finished) {
        if let Some(on_path) = &mut self.on_path {
            on_path.critical.served(call, invocation);
        }
    }

    fn call_ended(&mut self, end: &CallEnd) {
        if let Some(on_path) = &mut self.on_path {
            on_path.arrows.ended(end);
            on_path.critical.ended(end);
        }
    }

    #[inline]
    fn finished(&mut self, request: &Finished) {
        if let Some(on_path) = &mut self.on_path {
            on_path.critical.invocation_ended(request);
        }
        if request.born < self.from {
            return;
        }
        let source = request.source.index();
        if let Some((_, Some(tally))) = self.sources.get_mut(source) {
            if self.on_path.is_some() {
                tally.invoked(request);
            } else {
                tally.arrived += 1;
                tally.finish(request);
            }
        }
        if request.outcome != Outcome::Completed {
            return;
        }
        let latency = request.ended.since(request.born);
        for one in &mut self.within {
            let counts = match one.only {
                Only::Function(place) => request.function.index() == place,
                Only::All | Only::Source(_) if self.on_path.is_some() => false,
                Only::All => true,
                Only::Source(place) => source == place,
            };
            one.answered += u64::from(counts && latency <= one.within);
        }
    }

    fn request_ended(&mut self, end: &RequestEnd) {
        let Some(on_path) = &mut self.on_path else { return };
        on_path.end(end, &self.window);
        on_path.critical.request_ended(end);
        if end.born < self.from {
            return;
        }
        on_path.requests.end_request(end);
        if let Some((_, Some(tally))) = self.sources.get_mut(end.source.index()) {
            tally.end_request(end);
        }
        let latency = end.ended.since(end.born);
        for one in &mut self.within {
            let counts = match one.only {
                Only::All => true,
                Only::Source(place) => end.source.index() == place,
                Only::Function(_) => false,
            };
            one.answered += u64::from(counts && end.outcome.is_success() && latency <= one.within);
        }
    }

    fn attempted(&mut self, now: SimTime, source: LocalSource) {
        if let Some(on_path) = &mut self.on_path {
            on_path.count(source, 2, now, &self.window);
        }
    }

    fn component_closed(&mut self, component: ComponentId, books: &Books) {
        if let Some(on_path) = &mut self.on_path {
            on_path.components.push((component, books.clone()));
        }
    }
}
