//! The search: the cheapest candidate that is shown to meet the objectives, with few replications.
//!
//! Candidates that differ only in something of which more is never worse form a line. Along it cost may fall, rise, or fall
//! and then rise: what lies before the cheapest of a line is neither cheaper nor better, and is left out. Bisection finds
//! the smallest of the rest that meets; a line is given up as soon as all that is left on it is shown to cost more than what
//! was found on another. The lines that promise to be cheapest are looked at first. What is undecided gets more replications, up to the last
//! look. All statements come from ranges that hold together ([`Levels`]), so that several searches over the same samples
//! (without an objective, without the winner) need no allowance of their own.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::space::{Line, Space};
use crate::engine::SimError;
use crate::measure::plan::{Kind, Observation, Requirement};
use crate::stats::selection::{Events, Finding, Levels, Range, Side, share_range};

/// Lines that are looked at together: enough to keep cores busy, few enough not to look in vain.
const WIDTH: usize = 4;
/// A range this narrow, as a part of the bound, and still around it: more replications would not tell anything that matters.
const AT_THE_BOUND: f64 = 0.005;

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

/// What is asked of a search.
#[derive(Clone, Debug)]
pub struct Question {
    /// What must be met, all of it.
    pub requirements: Vec<Requirement>,
    /// A difference in cost of less than this part does not matter.
    pub indifference: f64,
}

/// What a search leaves out of the question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Without {
    /// A requirement that is dropped.
    pub requirement: Option<usize>,
    /// A candidate that may not win.
    pub candidate: Option<usize>,
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

/// Samples of all candidates, and what may be said from them.
pub struct Search<'a> {
    lab: &'a mut dyn Laboratory,
    space: Space,
    question: Question,
    levels: Levels,
    samples: BTreeMap<usize, Vec<Observation>>,
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
        Self { lab, space, question, levels, samples: BTreeMap::new() }
    }

    /// Everything that was observed, by candidate.
    #[must_use]
    pub const fn samples(&self) -> &BTreeMap<usize, Vec<Observation>> {
        &self.samples
    }

    /// Replications made.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.samples.values().map(|sample| sample.len() as u64).sum()
    }

    /// The levels of what is said.
    #[must_use]
    pub const fn levels(&self) -> &Levels {
        &self.levels
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
        let seen: Vec<usize> = (0..line.len()).filter(|place| self.done(line[*place]) > 0).collect();
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
            _ if place > 0 && !self.is_cheaper(line[place], line[0]) && !self.is_not_cheaper(line[place], line[0]) => {
                return self.behind(&[line[place]], line[0]).unwrap_or_default();
            }
            _ => return Vec::new(),
        };
        vec![line[next]]
    }

    /// The place of the cheapest of those that were seen, after as many replications of each; of about equal ones the first.
    fn lowest(&self, line: &[usize], seen: &[usize]) -> usize {
        let first_look = self.levels.looks().first().map_or(0, |look| *look as usize);
        let cost = |place: usize| {
            let sample = self.samples.get(&line[place]).map_or(&[][..], Vec::as_slice);
            sample.iter().take(first_look).map(|one| one.month_usd).sum::<f64>()
        };
        // Steps that make no difference that matters even if all of a line is made of them.
        let step = self.question.indifference / line.len() as f64;
        let cheaper = |a: usize, b: usize| if cost(b) < cost(a) - step * cost(a).abs() { b } else { a };
        seen.iter().copied().reduce(cheaper).unwrap_or_default()
    }

    /// Where on a line the cheapest is: the first, unless another is cheaper by what matters.
    fn cheapest_place(&self, line: &[usize]) -> usize {
        let seen: Vec<usize> = (0..line.len()).filter(|place| self.done(line[*place]) > 0).collect();
        let place = self.lowest(line, &seen);
        if self.is_not_cheaper(line[place], line[0]) { 0 } else { place }
    }

    /// The candidates to look at next; none when every line is done.
    fn round(&self, lines: &mut [State], without: Without) -> Option<Vec<usize>> {
        loop {
            let incumbent = self.incumbent(lines);
            let mut open: Vec<usize> = (0..lines.len()).filter(|place| !lines[*place].is_done).collect();
            if open.is_empty() {
                return None;
            }
            open.sort_by_cached_key(|place| Cost(self.cost(lines[*place].reference()), *place));
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
        lines.iter().filter_map(State::found).min_by(|a, b| self.by_cost(*a, *b))
    }

    fn step(&self, state: &mut State, incumbent: Option<usize>, without: Without) -> Step {
        let reference = state.reference();
        if self.is_ruled_out(state.last(), without) {
            return state.end();
        }
        if let Some(incumbent) = incumbent.filter(|one| self.by_cost(*one, reference) == Ordering::Less) {
            // To prove that the line costs more, at both its ends, is cheaper than to search it.
            let close: Vec<usize> =
                [reference, state.last()].into_iter().filter(|one| !self.is_not_cheaper(*one, incumbent)).collect();
            if close.is_empty() {
                return state.end();
            }
            if let Some(behind) = self.behind(&close, incumbent) {
                return Step::Observe(behind);
            }
        }
        let last = state.last();
        if state.low > 0 && state.high > state.line.0.len() - 1 && !self.is_clear(last, without) {
            // If not even the last meets, none does.
            return Step::Observe(vec![last]);
        }
        let place = state.next();
        let candidate = state.line.0[place];
        match self.judge(candidate, without) {
            Finding::Met => state.high = place,
            Finding::Missed => state.low = place + 1,
            Finding::Open if self.is_undecidable(candidate, without) => state.low = place + 1,
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
                state.found().is_some_and(|winner| beyond.copied().any(|more| self.is_cheaper(more, winner)))
            };
            if let Some(axis) = self.space.line_axis().filter(|_| found.iter().any(falls)) {
                self.space.distrust(axis);
                return Ok(None);
            }
            let winner = |state: &&State| state.found().unwrap_or_default();
            found.sort_by(|a, b| self.by_cost(winner(a), winner(b)));
            let Some(best) = found.first().map(winner) else { break };
            let rivals = found.iter().flat_map(|state| [winner(state), state.last()]);
            let mut close: Vec<usize> = rivals.filter(|one| !self.is_not_cheaper(*one, best)).collect();
            close.sort_unstable();
            close.dedup();
            match self.behind(&close, best) {
                // With more seen, what was shown to meet still does: it was shown.
                Some(behind) => self.look_on(&behind)?,
                None => return Ok(Some(Found { best: Some(best), open: self.open(Some(best), without), ties: close })),
            }
        }
        Ok(Some(Found { best: None, open: self.open(None, without), ties: Vec::new() }))
    }

    /// Those of some candidates and one more that have the fewest replications and may have more; none if there are none to
    /// be compared with it, or no more replications.
    fn behind(&self, close: &[usize], one: usize) -> Option<Vec<usize>> {
        let fewest = close.iter().map(|other| self.done(*other)).min()?.min(self.done(one));
        self.levels.next_look(fewest)?;
        let all = close.iter().copied().chain([one]);
        Some(all.filter(|candidate| self.done(*candidate) == fewest).collect())
    }

    /// Candidates that were looked at to the end, may meet, and may be cheaper.
    fn open(&self, best: Option<usize>, without: Without) -> Vec<usize> {
        let seen = self.samples.keys().copied();
        seen.filter(|one| Some(*one) != without.candidate)
            .filter(|one| self.judge(*one, without) == Finding::Open && self.is_undecidable(*one, without))
            .filter(|one| best.is_none_or(|best| !self.is_not_cheaper(*one, best)))
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
            let from = self.done(candidate);
            Some(Job { candidate, from, to: self.levels.next_look(from)? })
        };
        let jobs: Vec<Job> = candidates.into_iter().filter_map(job).collect();
        let observed = self.lab.observe(&jobs)?;
        for (job, observations) in jobs.iter().zip(observed) {
            self.samples.entry(job.candidate).or_default().extend(observations);
        }
        Ok(())
    }

    /// What may be said of a candidate: met when all is met, missed when anything is missed.
    #[must_use]
    pub fn judge(&self, candidate: usize, without: Without) -> Finding {
        let findings: Vec<Finding> = self.asked(without).map(|place| self.judge_one(candidate, place)).collect();
        if findings.contains(&Finding::Missed) {
            Finding::Missed
        } else if findings.iter().all(|finding| *finding == Finding::Met) {
            Finding::Met
        } else {
            Finding::Open
        }
    }

    /// What may be said of one requirement of a candidate: what the first look that said something said.
    #[must_use]
    pub fn judge_one(&self, candidate: usize, place: usize) -> Finding {
        let Some(sample) = self.samples.get(&candidate) else { return Finding::Open };
        let requirement = self.question.requirements[place];
        let at = |look: &u32| {
            let sample = &sample[..*look as usize];
            let values = there(sample, place);
            if values.is_empty() {
                // Nothing was ever there to measure: no request was completed.
                return Finding::Missed;
            }
            let events: Option<Vec<Events>> = sample.iter().map(|one| one.events[place]).collect();
            self.levels.judge(&values, requirement.side, events.as_deref().zip(requirement.share))
        };
        let looks = self.levels.looks().iter().filter(|look| **look <= self.done(candidate));
        looks.map(at).find(|finding| *finding != Finding::Open).unwrap_or(Finding::Open)
    }

    /// The range of a requirement's metric.
    #[must_use]
    pub fn range(&self, candidate: usize, place: usize) -> Option<Range> {
        let sample = self.samples.get(&candidate)?;
        let events: Option<Vec<Events>> = sample.iter().map(|one| one.events[place]).collect();
        let range = self.levels.range(&there(sample, place));
        shown_range(range, &self.question.requirements[place], events.as_deref(), self.levels.requirement())
    }

    /// The mean cost of a month of a candidate that was looked at.
    #[must_use]
    pub fn cost(&self, candidate: usize) -> f64 {
        let sample = self.samples.get(&candidate).map_or(&[][..], Vec::as_slice);
        sample.iter().map(|one| one.month_usd).sum::<f64>() / sample.len() as f64
    }

    /// The requirements that are asked for. A budget is not: it is looked at when the cheapest is known.
    fn asked(&self, without: Without) -> impl Iterator<Item = usize> + '_ {
        let all = self.question.requirements.iter().enumerate();
        all.filter(move |(place, one)| Some(*place) != without.requirement && one.kind != Kind::Budget)
            .map(|(place, _)| place)
    }

    /// Whether it, or one with more of everything, is shown to miss.
    fn is_ruled_out(&self, candidate: usize, without: Without) -> bool {
        let rules_out = |seen: usize| self.judge(seen, without) == Finding::Missed;
        if !self.space.trusted().contains(&true) {
            return rules_out(candidate);
        }
        self.samples.keys().any(|seen| self.space.dominates(*seen, candidate) && rules_out(*seen))
    }

    /// Whether it is known whether it meets, or will not be.
    fn is_clear(&self, candidate: usize, without: Without) -> bool {
        self.judge(candidate, without) != Finding::Open || self.is_undecidable(candidate, without)
    }

    /// Whether more replications would not tell: there are no more, or the bound is hit.
    fn is_undecidable(&self, candidate: usize, without: Without) -> bool {
        let is_at_the_bound = |place: usize| {
            let (Side::Below(bound) | Side::Above(bound)) = self.question.requirements[place].side;
            let width = |range: Range| (range.high - range.low).max(0.0) / 2.0;
            self.judge_one(candidate, place) == Finding::Open
                && self.range(candidate, place).is_some_and(|range| {
                    width(range) <= AT_THE_BOUND * bound.abs() && (range.low..=range.high).contains(&bound)
                })
        };
        self.levels.next_look(self.done(candidate)).is_none() || self.asked(without).any(is_at_the_bound)
    }

    /// Whether a candidate is shown not to be cheaper than another by more than does not matter.
    fn is_not_cheaper(&self, candidate: usize, than: usize) -> bool {
        let tolerance = self.question.indifference * self.cost(than).abs();
        candidate == than || self.difference(candidate, than).is_some_and(|range| range.low >= -tolerance)
    }

    /// Whether a candidate is shown to be cheaper than another by more than does not matter.
    fn is_cheaper(&self, candidate: usize, than: usize) -> bool {
        let tolerance = self.question.indifference * self.cost(than).abs();
        self.difference(candidate, than).is_some_and(|range| range.high < -tolerance)
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
        all.filter(|candidate| !self.samples.contains_key(candidate)).collect()
    }

    /// The range of the difference in cost of two candidates, at a look that both had.
    #[must_use]
    pub fn difference(&self, candidate: usize, than: usize) -> Option<Range> {
        let (a, b) = (self.samples.get(&candidate)?, self.samples.get(&than)?);
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a.month_usd - b.month_usd).collect();
        self.levels.cost_range(&differences)
    }

    /// Cheaper ones first; of equal ones the first.
    fn by_cost(&self, a: usize, b: usize) -> Ordering {
        self.cost(a).total_cmp(&self.cost(b)).then(a.cmp(&b))
    }

    /// Replications of a candidate.
    #[must_use]
    pub fn done(&self, candidate: usize) -> u32 {
        self.samples.get(&candidate).map_or(0, |sample| sample.len() as u32)
    }

    /// Whether what was just seen contradicts a monotone axis: there is more of it, and a metric is surely worse. The axis is
    /// then no longer taken for monotone.
    fn is_contradicted(&mut self, new: &[usize]) -> bool {
        if !self.space.trusted().contains(&true) {
            return false;
        }
        for &one in new {
            let places = self.space.places(one);
            for &other in self.samples.keys() {
                let others = self.space.places(other);
                let mut different = (0..places.len()).filter(|axis| places[*axis] != others[*axis]);
                let (Some(axis), None) = (different.next(), different.next()) else { continue };
                let (less, more) = if places[axis] < others[axis] { (one, other) } else { (other, one) };
                if self.space.trusted()[axis] && self.is_worse(more, less) {
                    self.space.distrust(axis);
                    return true;
                }
            }
        }
        false
    }

    /// Whether some requirement's metric is surely worse.
    fn is_worse(&self, candidate: usize, than: usize) -> bool {
        let (Some(a), Some(b)) = (self.samples.get(&candidate), self.samples.get(&than)) else { return false };
        self.asked(Without::default()).any(|place| {
            let pairs = a.iter().zip(b).map(|(a, b)| a.values[place] - b.values[place]);
            let differences: Vec<f64> = pairs.filter(|difference| difference.is_finite()).collect();
            let Some(range) = self.levels.range(&differences) else { return false };
            match self.question.requirements[place].side {
                Side::Below(_) => range.low > 0.0,
                Side::Above(_) => range.high < 0.0,
            }
        })
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

/// The range of a metric, where it is a share no narrower than its events allow.
pub(super) fn shown_range(
    range: Option<Range>,
    requirement: &Requirement,
    events: Option<&[Events]>,
    alpha: f64,
) -> Option<Range> {
    let range = range?;
    let is_share = requirement.share == Some(requirement.side);
    let by_events = events.filter(|_| is_share).and_then(|events| share_range(events, alpha));
    Some(by_events.map_or(range, |share| Range {
        mean: range.mean,
        low: range.low.min(share.low),
        high: range.high.max(share.high),
    }))
}

/// The values of a requirement's metric that are there.
fn there(sample: &[Observation], place: usize) -> Vec<f64> {
    sample.iter().map(|one| one.values[place]).filter(|value| value.is_finite()).collect()
}

#[cfg(test)]
mod tests;
