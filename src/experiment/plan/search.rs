//! The search: the cheapest candidate that is shown to meet the objectives, with few replications.
//!
//! Candidates that differ only in a key of which more is never worse form a line. Cost decreases along it to a valley
//! and increases from there (either part may be missing): a provisioned instance saves money as long as it is busy.
//! Candidates before the valley cost more and perform worse; from there on, bisection finds the smallest that meets the
//! objectives. A line is abandoned as soon as everything left on it is shown to cost more than a candidate on another
//! line. The most promising lines are searched first. Undecided candidates get more replications, up to the last look.
//! All statements come from simultaneous intervals ([`Levels`]), so several searches over the same samples (without an
//! objective, without the winner) need no further correction.

use std::cmp::Ordering;

use super::samples::{Exclusion, Problem, Samples};
use super::space::{Line, Space};
use crate::engine::SimError;
use crate::measure::plan::{Kind, Observation};
use crate::stats::selection::{Finding, Levels};

/// Lines that are searched at the same time: enough to keep cores busy, few enough to avoid wasted work.
const WIDTH: usize = 4;

/// The source of observations. The same candidate and replication give the same observation, and replication `k` of all
/// candidates uses common random numbers.
pub trait Sampler {
    /// Observes replications `from..to` of some candidates.
    ///
    /// # Errors
    /// When it is interrupted or a simulation fails.
    fn observe(&mut self, jobs: &[Job]) -> Result<Vec<Vec<Observation>>, SimError>;
}

/// Requested replications of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// The candidate.
    pub candidate: usize,
    /// The first replication.
    pub from: u32,
    /// The end of the range (exclusive).
    pub to: u32,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchResult {
    /// The cheapest candidate that is shown to meet all requirements; none if there is none.
    pub best: Option<usize>,
    /// Candidates that may be cheaper but are inconclusive.
    pub open: Vec<usize>,
    /// Candidates that meet the requirements and may be cheaper by more than the indifference.
    pub ties: Vec<usize>,
}

/// A search for the cheapest candidate, with its observations so far.
pub struct Search<'a> {
    sampler: &'a mut dyn Sampler,
    space: Space,
    samples: Samples,
}

/// The state of a line.
#[derive(Clone, Debug)]
struct State {
    /// What is left to search: from the valley on, or all of it if the first costs about the same.
    line: Line,
    /// The place of the cheapest seen.
    valley: usize,
    /// Candidates before this place are out.
    low: usize,
    /// The smallest place that is shown to meet the requirements; the length if there is none.
    high: usize,
    /// Nothing is left to do on it.
    is_done: bool,
}

/// What to do next on a line.
enum Step {
    /// More replications of these candidates.
    Observe(Vec<usize>),
    /// Something was concluded.
    Concluded,
}

impl<'a> Search<'a> {
    /// A search without observations.
    pub fn new(sampler: &'a mut dyn Sampler, mut space: Space, problem: Problem, levels: Levels) -> Self {
        if problem.requirements.iter().any(|one| one.kind == Kind::Other) {
            space.distrust_all();
        }
        Self { sampler, space, samples: Samples::new(problem, levels) }
    }

    /// The observations.
    #[must_use]
    pub const fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Which axes behaved as monotone in all observations.
    #[must_use]
    pub fn trusted(&self) -> Vec<bool> {
        self.space.trusted()
    }

    /// The cheapest candidate that is shown to meet all requirements not excluded by `without`.
    ///
    /// # Errors
    /// When observing fails.
    pub fn cheapest(&mut self, without: Exclusion) -> Result<SearchResult, SimError> {
        loop {
            let Some(mut lines) = self.begin(without)? else { continue };
            while let Some(candidates) = self.round(&mut lines, without) {
                self.sample(&candidates)?;
                if self.is_contradicted(&candidates) {
                    break;
                }
            }
            if lines.iter().all(|line| line.is_done) {
                return self.conclude(&lines, without);
            }
        }
    }

    /// The lines from their valleys on; none if an axis turned out not to be monotone.
    fn begin(&mut self, without: Exclusion) -> Result<Option<Vec<State>>, SimError> {
        let lines = self.space.lines().into_iter().map(|Line(mut line)| {
            line.retain(|candidate| Some(*candidate) != without.candidate);
            Line(line)
        });
        let lines: Vec<Line> = lines.filter(|line| !line.0.is_empty()).collect();
        loop {
            let probes: Vec<usize> = lines.iter().flat_map(|line| self.probes(line)).collect();
            if probes.is_empty() {
                break;
            }
            self.sample(&probes)?;
            if self.is_contradicted(&probes) {
                return Ok(None);
            }
        }
        let from_valley = |Line(mut line): Line| {
            let valley = self.valley(&line);
            // Among candidates with about the same cost, the smallest is good enough.
            let from = if self.samples.is_not_cheaper(line[valley], line[0]) { 0 } else { valley };
            let rest = line.split_off(from);
            State { valley: valley - from, low: 0, high: rest.len(), is_done: false, line: Line(rest) }
        };
        Ok(Some(lines.into_iter().map(from_valley).collect()))
    }

    /// What to evaluate next to find the valley of a line: its ends, then the middle of the wider gap next to the
    /// cheapest; nothing if there is no gap.
    fn probes(&self, Line(line): &Line) -> Vec<usize> {
        let is_seen = |place: &usize| !self.samples.of(line[*place]).is_empty();
        let last = line.len() - 1;
        if !is_seen(&0) || !is_seen(&last) {
            return [0, last].into_iter().filter(|place| !is_seen(place)).map(|place| line[place]).collect();
        }
        let valley = self.valley(line);
        let left = (0..valley).rev().find(is_seen).unwrap_or(valley);
        let right = (valley + 1..=last).find(is_seen).unwrap_or(valley);
        let (from, to) = if valley - left > right - valley { (left, valley) } else { (valley, right) };
        if to - from > 1 { vec![line[from + (to - from) / 2]] } else { Vec::new() }
    }

    /// The place of the cheapest on a line of those that were seen; the first of equal ones.
    fn valley(&self, line: &[usize]) -> usize {
        let seen = (0..line.len()).filter(|place| !self.samples.of(line[*place]).is_empty());
        let cost = |place: usize| self.samples.price_at_first(line[place]);
        seen.min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or_default()
    }

    /// The candidates to evaluate next; none when every line is done.
    fn round(&self, lines: &mut [State], without: Exclusion) -> Option<Vec<usize>> {
        loop {
            let incumbent = self.incumbent(lines);
            let mut open: Vec<usize> = (0..lines.len()).filter(|place| !lines[*place].is_done).collect();
            if open.is_empty() {
                return None;
            }
            open.sort_by_cached_key(|place| Cost(self.samples.price_of(lines[*place].reference()), *place));
            let mut wanted = Vec::new();
            for place in open.into_iter().take(WIDTH) {
                match self.step(&mut lines[place], incumbent, without) {
                    Step::Observe(candidates) => wanted.extend(candidates),
                    Step::Concluded => {
                        wanted.clear();
                        break;
                    }
                }
            }
            if !wanted.is_empty() {
                wanted.sort_unstable();
                wanted.dedup();
                return Some(wanted);
            }
        }
    }

    /// The cheapest of what was found on the lines so far.
    fn incumbent(&self, lines: &[State]) -> Option<usize> {
        lines.iter().filter_map(State::found).min_by(|a, b| self.samples.by_cost(*a, *b))
    }

    fn step(&self, state: &mut State, incumbent: Option<usize>, without: Exclusion) -> Step {
        let reference = state.reference();
        if self.is_ruled_out(state.last(), without) {
            return state.end();
        }
        if let Some(incumbent) = incumbent.filter(|one| self.samples.by_cost(*one, reference) == Ordering::Less) {
            // Proving that the line costs more is cheaper than searching it.
            if self.samples.is_not_cheaper(reference, incumbent) {
                return state.end();
            }
            if let Some(behind) = self.samples.behind(&[reference], incumbent) {
                return Step::Observe(behind);
            }
        }
        let last = state.last();
        if state.low > 0 && state.high > state.line.0.len() - 1 && !self.samples.is_clear(last, without) {
            // If the last does not meet the requirements, none does.
            return Step::Observe(vec![last]);
        }
        let place = state.next();
        let candidate = state.line.0[place];
        match self.samples.judge(candidate, without) {
            Finding::Met => state.high = place,
            Finding::Missed => state.low = place + 1,
            Finding::Open if self.samples.is_undecidable(candidate, without) => state.low = place + 1,
            Finding::Open => return Step::Observe(vec![candidate]),
        }
        state.is_done = state.low >= state.high;
        Step::Concluded
    }

    /// The winner of the lines, compared with all other candidates that meet the requirements, and what remains
    /// inconclusive.
    fn conclude(&mut self, lines: &[State], without: Exclusion) -> Result<SearchResult, SimError> {
        let Some(mut best) = self.incumbent(lines) else {
            return Ok(SearchResult { best: None, open: self.open(None, without), ties: Vec::new() });
        };
        loop {
            let others = self.samples.candidates().filter(|one| Some(*one) != without.candidate);
            let close: Vec<usize> = others
                .filter(|one| !self.samples.is_not_cheaper(*one, best))
                .filter(|one| self.samples.judge(*one, without) == Finding::Met)
                .collect();
            if let Some(cheaper) = close.iter().find(|one| self.samples.is_cheaper(**one, best)) {
                best = *cheaper; // cost has more than one valley
                continue;
            }
            match self.samples.behind(&close, best) {
                // Verdicts do not change with more observations.
                Some(behind) => self.sample(&behind)?,
                None => {
                    return Ok(SearchResult { best: Some(best), open: self.open(Some(best), without), ties: close });
                }
            }
        }
    }

    /// Fully evaluated candidates that may meet the requirements and may be cheaper.
    fn open(&self, best: Option<usize>, without: Exclusion) -> Vec<usize> {
        let seen = self.samples.candidates();
        seen.filter(|one| Some(*one) != without.candidate)
            .filter(|one| {
                self.samples.judge(*one, without) == Finding::Open && self.samples.is_undecidable(*one, without)
            })
            .filter(|one| best.is_none_or(|best| !self.samples.is_not_cheaper(*one, best)))
            .collect()
    }

    /// Gives candidates the replications up to their next look.
    ///
    /// # Errors
    /// When observing fails.
    pub fn sample(&mut self, candidates: &[usize]) -> Result<(), SimError> {
        let mut candidates = candidates.to_vec();
        candidates.sort_unstable();
        candidates.dedup();
        let job = |candidate| {
            let from = self.samples.done(candidate);
            Some(Job { candidate, from, to: self.samples.next_look(candidate)? })
        };
        let jobs: Vec<Job> = candidates.into_iter().filter_map(job).collect();
        let observed = self.sampler.observe(&jobs)?;
        for (job, observations) in jobs.iter().zip(observed) {
            self.samples.add(job.candidate, observations);
        }
        Ok(())
    }

    /// Whether it, or one with more of everything, is shown to miss.
    fn is_ruled_out(&self, candidate: usize, without: Exclusion) -> bool {
        let rules_out = |seen: usize| self.samples.judge(seen, without) == Finding::Missed;
        if !self.space.trusted().contains(&true) {
            return rules_out(candidate);
        }
        self.samples.candidates().any(|seen| self.space.dominates(seen, candidate) && rules_out(seen))
    }

    /// About `many` candidates that have not been evaluated yet, evenly from all lines.
    #[must_use]
    pub fn thinned(&self, many: usize) -> Vec<usize> {
        let lines = self.space.lines();
        let of_each = (many / lines.len().max(1)).max(1);
        let every = (lines.len() / many.max(1)).max(1);
        let some = |Line(line): &Line| -> Vec<usize> {
            let last = line.len() - 1;
            (0..of_each.min(line.len())).map(|part| line[part * last / of_each.max(2).saturating_sub(1)]).collect()
        };
        let all = lines.iter().step_by(every).flat_map(some);
        all.filter(|candidate| self.samples.of(*candidate).is_empty()).collect()
    }

    /// Whether the last observations contradict a monotone axis: a larger value with a significantly worse metric. The
    /// axis then no longer counts as monotone.
    fn is_contradicted(&mut self, new: &[usize]) -> bool {
        if !self.space.trusted().contains(&true) {
            return false;
        }
        for &one in new {
            let places = self.space.places(one);
            for other in self.samples.candidates() {
                let others = self.space.places(other);
                let mut different = (0..places.len()).filter(|axis| places[*axis] != others[*axis]);
                let (Some(axis), None) = (different.next(), different.next()) else { continue };
                let (less, more) = if places[axis] < others[axis] { (one, other) } else { (other, one) };
                if self.space.trusted()[axis] && self.samples.is_worse(more, less) {
                    self.space.distrust(axis);
                    return true;
                }
            }
        }
        false
    }
}

impl State {
    /// The cheapest candidate left on the line.
    fn reference(&self) -> usize {
        self.line.0[self.low.saturating_sub(1).max(self.valley)]
    }

    fn last(&self) -> usize {
        self.line.0[self.line.0.len() - 1]
    }

    /// Where to evaluate next: the ends, then the middle of the rest.
    fn next(&self) -> usize {
        let last = self.line.0.len() - 1;
        match (self.low, self.high) {
            (0, high) if high > last => 0,
            (low, high) => low + (high.min(last + 1) - low) / 2,
        }
        .min(last)
    }

    /// What was found on it.
    fn found(&self) -> Option<usize> {
        self.line.0.get(self.high).copied().filter(|_| self.is_done)
    }

    /// It is abandoned: nothing on it can be the cheapest.
    fn end(&mut self) -> Step {
        self.high = self.line.0.len();
        self.is_done = true;
        Step::Concluded
    }
}

/// Cost and number of a line, in their order.
#[derive(PartialEq)]
struct Cost(f64, usize);

impl Eq for Cost {}

impl PartialOrd for Cost {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cost {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

#[cfg(test)]
mod tests;
