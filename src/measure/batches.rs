//! The observer that measures the batches of one long run: successive periods of equal length, each with the requests
//! that arrive in it.

use super::recorder::Total;
use super::replication::FunctionRecord;
use super::tally::{LIMITS, Peaks, Tally};
use super::window::Window;
use crate::engine::{Cell, Finished, Levels, Limit, Observer};
use crate::id::{InstanceId, LocalFn};
use crate::scenario::Scenario;
use crate::time::{SimTime, Span};

/// Maximum number of functions with their own batches; with more, only the total has batches.
const FUNCTIONS: usize = 32;

/// The batches of a cell while it is simulated. Memory grows with their number, not with requests.
#[derive(Debug)]
pub struct Batches {
    from: SimTime,
    until: SimTime,
    length: Span,
    /// Whether each function has batches of its own.
    is_by_function: bool,
    /// The batches of each function, or of all functions.
    tallies: Vec<Vec<Tally>>,
    /// Time up to which the levels of each function are known.
    last: Vec<SimTime>,
}

impl Batches {
    /// None if intervals are computed from replications.
    #[must_use]
    pub fn new(scenario: &Scenario, cell: &Cell, window: &Window) -> Option<Self> {
        let count = scenario.simulation.batches? as usize;
        let is_by_function = scenario.functions.len() <= FUNCTIONS;
        let owners = if is_by_function { cell.functions.len() } else { 1 };
        Some(Self {
            from: window.from,
            until: window.until,
            length: window.batch(count),
            is_by_function,
            tallies: vec![vec![Tally::of(scenario); count]; owners],
            last: vec![SimTime::ZERO; cell.functions.len()],
        })
    }

    /// Adds the batches to the total, and to the functions of the cell if they have their own.
    pub fn finish(self, total: &mut Total, functions: &mut [FunctionRecord]) {
        if self.is_by_function {
            let shape = |tally: &Tally| tally.shape(self.length, &Peaks::default(), f64::NAN);
            for (function, tallies) in functions.iter_mut().zip(&self.tallies) {
                function.batches = tallies.iter().map(shape).collect();
            }
        }
        for tallies in &self.tallies {
            total.add_batches(tallies);
        }
    }

    /// The batch in which something happens, if it happens in the measured period.
    fn at(&mut self, function: LocalFn, now: SimTime) -> Option<&mut Tally> {
        if now < self.from || now >= self.until {
            return None;
        }
        let batch = (now.since(self.from).as_nanos() / self.length.as_nanos()) as usize;
        let owner = if self.is_by_function { function.index() } else { 0 };
        let tallies = &mut self.tallies[owner];
        let last = tallies.len() - 1;
        // The remainder belongs to the last batch.
        tallies.get_mut(batch.min(last))
    }
}

impl Observer for Batches {
    fn arrived(&mut self, now: SimTime, function: LocalFn) {
        if let Some(tally) = self.at(function, now) {
            tally.arrived += 1;
        }
    }

    fn throttled(&mut self, now: SimTime, function: LocalFn, by: Limit) {
        let place = LIMITS.iter().position(|limit| *limit == by);
        if let (Some(tally), Some(place)) = (self.at(function, now), place) {
            tally.throttled[place] += 1;
        }
    }

    fn finished(&mut self, request: &Finished) {
        if let Some(tally) = self.at(request.function, request.born) {
            tally.finish(request);
        }
    }

    fn instance_created(
        &mut self,
        now: SimTime,
        function: LocalFn,
        _: InstanceId,
        _: SimTime,
        _: Span,
        provisioned: bool,
    ) {
        if let Some(tally) = self.at(function, now).filter(|_| !provisioned) {
            tally.created += 1;
        }
    }

    fn levels(&mut self, now: SimTime, function: LocalFn, held: &Levels) {
        let now = now.min(self.until);
        let mut since = self.last[function.index()].max(self.from);
        while since < now {
            let batch = since.since(self.from).as_nanos() / self.length.as_nanos() + 1;
            let end = self.from + Span::from_nanos(self.length.as_nanos().saturating_mul(batch));
            let end = end.min(now);
            if let Some(tally) = self.at(function, since) {
                tally.integrals.add(held, end.since(since));
            }
            since = end;
        }
        let last = &mut self.last[function.index()];
        *last = now.max(*last);
    }
}
