//! The search: the cheapest candidate that is shown to meet the objectives, with few replications.
//!
//! Candidates that differ only in something of which more is never worse form a line. Along it cost may fall, rise, or fall
//! and then rise: what lies before the cheapest of a line is neither cheaper nor better, and is left out. Bisection finds
//! the smallest of the rest that meets; a line is given up as soon as all that is left on it is shown to cost more than what
//! was found on another. The lines that promise to be cheapest are looked at first. What is undecided gets more replications, up to the last
//! look. All statements come from ranges that hold together ([`Levels`]), so that several searches over the same samples
//! (without an objective, without the winner) need no allowance of their own.

use std::cmp::Ordering;

use super::samples::{Question, Samples, Without};
use super::space::{Line, Space};
use crate::engine::SimError;
use crate::measure::plan::{Kind, Observation};
use crate::stats::selection::{Finding, Levels};

/// Lines that are looked at together: enough to keep cores busy, few enough not to look in vain.
const WIDTH: usize = 4;
/// Where observations come from. The same candidate and replication give the same observation, and replication `k` of all
/// candidates has the same luck.
pub trait Laboratory {
    /// Observes replications `from..to` of some candidates.
    ///
    /// # Errors
    /// When it is interrupted or a simulation fails.
    fn observe(&mut self, jobs: &[Job]) -> Result<Vec<Vec<Observation>>, SimError>;
}

/// Replications of a candidate that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// The candidate.
    pub candidate: usize,
    /// The first replication.
    pub from: u32,
    /// The first that is not wanted any more.
    pub to: u32,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The cheapest that is shown to meet all; none if no candidate is.
    pub best: Option<usize>,
    /// Candidates of which it stays open whether they meet, and which may be cheaper.
    pub open: Vec<usize>,
    /// Candidates that meet, and of which it stays open whether they are cheaper by more than the indifference.
    pub ties: Vec<usize>,
}

/// A search for the cheapest candidate, and what it has seen so far.
pub struct Search<'a> {
    lab: &'a mut dyn Laboratory,
    space: Space,
    samples: Samples,
}

/// How far a line has come.
#[derive(Clone, Debug)]
struct State {
    line: Line,
    /// Candidates before this place are out.
    low: usize,
    /// The smallest place that is shown to meet; the length where none is.
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
    /// A search that has seen nothing yet.
    pub fn new(lab: &'a mut dyn Laboratory, mut space: Space, question: Question, levels: Levels) -> Self {
        if question.requirements.iter().any(|one| one.kind == Kind::Other) {
            space.distrust_all();
        }
        Self { lab, space, samples: Samples::new(question, levels) }
    }

    /// What was observed.
    #[must_use]
    pub const fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Which axes did what is expected of monotone ones wherever it was looked at.
    #[must_use]
    pub fn trusted(&self) -> Vec<bool> {
        self.space.trusted()
    }

    /// The cheapest candidate that is shown to meet everything but what `without` leaves out.
    ///
    /// # Errors
    /// When observing fails.
    pub fn cheapest(&mut self, without: Without) -> Result<Found, SimError> {
        loop {
            let Some(mut lines) = self.begin(without)? else { continue };
            while let Some(candidates) = self.round(&mut lines, without) {
                self.look_on(&candidates)?;
                if self.is_contradicted(&candidates) {
                    break;
                }
            }
            if lines.iter().all(|line| line.is_done)
                && let Some(found) = self.conclude(&lines, without)?
            {
                return Ok(found);
            }
        }
    }

    /// The first look at all lines: their ends, and where each is cheapest. None if it shows that an axis is not what it was
    /// taken for.
    fn begin(&mut self, without: Without) -> Result<Option<Vec<State>>, SimError> {
        let lines = self.space.lines().into_iter().map(|Line(mut line)| {
            line.retain(|candidate| Some(*candidate) != without.candidate);
            Line(line)
        });
        let lines: Vec<Line> = lines.filter(|line| !line.0.is_empty()).collect();
        loop {
            let wanted: Vec<usize> = lines.iter().flat_map(|line| self.descend(line)).collect();
            if wanted.is_empty() {
                break;
            }
            self.look_on(&wanted)?;
            if self.is_contradicted(&wanted) {
                return Ok(None);
            }
        }
        let rest = |Line(mut line): Line| Line(line.split_off(self.cheapest_place(&line)));
        let state = |line: Line| State { low: 0, high: line.0.len(), is_done: false, line };
        Ok(Some(lines.into_iter().map(rest).map(state).collect()))
    }

    /// What to look at next to find where a line is cheapest, if cost rises, falls, or falls and then rises along it: the ends,
    /// what is beside the cheapest seen, the middle of the wider gap beside it. Nothing when it is known.
    fn descend(&self, Line(line): &Line) -> Vec<usize> {
        let last = line.len() - 1;
        let seen: Vec<usize> = (0..line.len()).filter(|place| self.samples.done(line[*place]) > 0).collect();
        let ends = [0, last].into_iter().filter(|end| !seen.contains(end)).map(|end| line[end]);
        let ends: Vec<usize> = ends.collect();
        if !ends.is_empty() {
            return ends;
        }
        let place = self.lowest(line, &seen);
        let at = seen.binary_search(&place).unwrap_or_default();
        let left = at.checked_sub(1).map(|before| seen[before]);
        let right = seen.get(at + 1).copied();
        let next = match (left, right) {
            (None, Some(right)) if right > 1 => 1,
            (Some(left), None) if left + 1 < last => last - 1,
            (Some(left), Some(right)) if right - left > 2 => {
                if right - place >= place - left {
                    place + (right - place) / 2
                } else {
                    place - (place - left) / 2
                }
            }
            // Whether it is cheaper than the first by what matters: otherwise the smaller one is as good.
            _ if place > 0
                && !self.samples.is_cheaper(line[place], line[0])
                && !self.samples.is_not_cheaper(line[place], line[0]) =>
            {
                return self.samples.behind(&[line[place]], line[0]).unwrap_or_default();
            }
            _ => return Vec::new(),
        };
        vec![line[next]]
    }

    /// The place of the cheapest of those that were seen, after as many replications of each; of about equal ones the first.
    fn lowest(&self, line: &[usize], seen: &[usize]) -> usize {
        let first_look = self.samples.levels().looks().first().map_or(0, |look| *look as usize);
        let cost = |place: usize| {
            let sample = self.samples.of(line[place]);
            sample.iter().take(first_look).map(|one| one.month_usd).sum::<f64>()
        };
        // Steps that make no difference that matters even if all of a line is made of them.
        let step = self.samples.indifference() / line.len() as f64;
        let cheaper = |a: usize, b: usize| if cost(b) < cost(a) - step * cost(a).abs() { b } else { a };
        seen.iter().copied().reduce(cheaper).unwrap_or_default()
    }

    /// Where on a line the cheapest is: the first, unless another is cheaper by what matters.
    fn cheapest_place(&self, line: &[usize]) -> usize {
        let seen: Vec<usize> = (0..line.len()).filter(|place| self.samples.done(line[*place]) > 0).collect();
        let place = self.lowest(line, &seen);
        if self.samples.is_not_cheaper(line[place], line[0]) { 0 } else { place }
    }

    /// The candidates to look at next; none when every line is done.
    fn round(&self, lines: &mut [State], without: Without) -> Option<Vec<usize>> {
        loop {
            let incumbent = self.incumbent(lines);
            let mut open: Vec<usize> = (0..lines.len()).filter(|place| !lines[*place].is_done).collect();
            if open.is_empty() {
                return None;
            }
            open.sort_by_cached_key(|place| Cost(self.samples.cost(lines[*place].reference()), *place));
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

    fn step(&self, state: &mut State, incumbent: Option<usize>, without: Without) -> Step {
        let reference = state.reference();
        if self.is_ruled_out(state.last(), without) {
            return state.end();
        }
        if let Some(incumbent) = incumbent.filter(|one| self.samples.by_cost(*one, reference) == Ordering::Less) {
            // To prove that the line costs more, at both its ends, is cheaper than to search it.
            let close: Vec<usize> = [reference, state.last()]
                .into_iter()
                .filter(|one| !self.samples.is_not_cheaper(*one, incumbent))
                .collect();
            if close.is_empty() {
                return state.end();
            }
            if let Some(behind) = self.samples.behind(&close, incumbent) {
                return Step::Observe(behind);
            }
        }
        let last = state.last();
        if state.low > 0 && state.high > state.line.0.len() - 1 && !self.samples.is_clear(last, without) {
            // If not even the last meets, none does.
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

    /// The winner of the lines, with what stays open; none if more of an axis turns out to be cheaper where it was taken to cost
    /// more.
    fn conclude(&mut self, lines: &[State], without: Without) -> Result<Option<Found>, SimError> {
        let mut found: Vec<&State> = lines.iter().filter(|line| line.found().is_some()).collect();
        loop {
            let falls = |state: &&State| {
                let beyond = state.line.0.iter().skip(state.high + 1);
                state.found().is_some_and(|winner| beyond.copied().any(|more| self.samples.is_cheaper(more, winner)))
            };
            if let Some(axis) = self.space.line_axis().filter(|_| found.iter().any(falls)) {
                self.space.distrust(axis);
                return Ok(None);
            }
            let winner = |state: &&State| state.found().unwrap_or_default();
            found.sort_by(|a, b| self.samples.by_cost(winner(a), winner(b)));
            let Some(best) = found.first().map(winner) else { break };
            let rivals = found.iter().flat_map(|state| [winner(state), state.last()]);
            let mut close: Vec<usize> = rivals.filter(|one| !self.samples.is_not_cheaper(*one, best)).collect();
            close.sort_unstable();
            close.dedup();
            match self.samples.behind(&close, best) {
                // With more seen, what was shown to meet still does: it was shown.
                Some(behind) => self.look_on(&behind)?,
                None => return Ok(Some(Found { best: Some(best), open: self.open(Some(best), without), ties: close })),
            }
        }
        Ok(Some(Found { best: None, open: self.open(None, without), ties: Vec::new() }))
    }

    /// Candidates that were looked at to the end, may meet, and may be cheaper.
    fn open(&self, best: Option<usize>, without: Without) -> Vec<usize> {
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
    pub fn look_on(&mut self, candidates: &[usize]) -> Result<(), SimError> {
        let mut candidates = candidates.to_vec();
        candidates.sort_unstable();
        candidates.dedup();
        let job = |candidate| {
            let from = self.samples.done(candidate);
            Some(Job { candidate, from, to: self.samples.next_look(candidate)? })
        };
        let jobs: Vec<Job> = candidates.into_iter().filter_map(job).collect();
        let observed = self.lab.observe(&jobs)?;
        for (job, observations) in jobs.iter().zip(observed) {
            self.samples.add(job.candidate, observations);
        }
        Ok(())
    }

    /// Whether it, or one with more of everything, is shown to miss.
    fn is_ruled_out(&self, candidate: usize, without: Without) -> bool {
        let rules_out = |seen: usize| self.samples.judge(seen, without) == Finding::Missed;
        if !self.space.trusted().contains(&true) {
            return rules_out(candidate);
        }
        self.samples.candidates().any(|seen| self.space.dominates(seen, candidate) && rules_out(seen))
    }

    /// Candidates that nobody looked at yet, evenly from all lines, about `many` in all.
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

    /// Whether what was just seen contradicts a monotone axis: there is more of it, and a metric is surely worse. The axis is
    /// then no longer taken for monotone.
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
    /// The candidate than which nothing that is left on the line is cheaper: cost rises along it.
    fn reference(&self) -> usize {
        self.line.0[self.low.saturating_sub(1)]
    }

    fn last(&self) -> usize {
        self.line.0[self.line.0.len() - 1]
    }

    /// Where to look next: at the ends, then in the middle of what is left.
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

    /// It is given up; whatever was found on it is not the cheapest.
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
