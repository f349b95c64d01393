//! What was observed of the candidates, and what may be said from it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::measure::plan::{Kind, Observation, Requirement};
use crate::stats::selection::{Events, Finding, Levels, Range, Side, share_range};

/// A range this narrow, as a part of the bound, and still around it: more replications would not tell anything that matters.
const AT_THE_BOUND: f64 = 0.005;

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

/// The observations of all candidates that were looked at. All statements hold together ([`Levels`]).
pub struct Samples {
    question: Question,
    levels: Levels,
    seen: BTreeMap<usize, Vec<Observation>>,
}

impl Samples {
    /// Nothing yet.
    pub(super) const fn new(question: Question, levels: Levels) -> Self {
        Self { question, levels, seen: BTreeMap::new() }
    }

    /// Adds the next observations of a candidate.
    pub(super) fn add(&mut self, candidate: usize, observations: Vec<Observation>) {
        self.seen.entry(candidate).or_default().extend(observations);
    }

    /// The candidates that were looked at, by number.
    pub fn candidates(&self) -> impl Iterator<Item = usize> + '_ {
        self.seen.keys().copied()
    }

    /// The observations of a candidate, by replication.
    #[must_use]
    pub fn of(&self, candidate: usize) -> &[Observation] {
        self.seen.get(&candidate).map_or(&[], Vec::as_slice)
    }

    /// Replications made.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.seen.values().map(|sample| sample.len() as u64).sum()
    }

    /// The levels of what is said.
    #[must_use]
    pub const fn levels(&self) -> &Levels {
        &self.levels
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
        let sample = self.of(candidate);
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
        let sample = self.of(candidate);
        let events: Option<Vec<Events>> = sample.iter().map(|one| one.events[place]).collect();
        let range = self.levels.range(&there(sample, place));
        shown_range(range, &self.question.requirements[place], events.as_deref(), self.levels.requirement())
    }

    /// The mean cost of a month of a candidate that was looked at.
    #[must_use]
    pub fn cost(&self, candidate: usize) -> f64 {
        let sample = self.of(candidate);
        sample.iter().map(|one| one.month_usd).sum::<f64>() / sample.len() as f64
    }

    /// The mean cost of a month at the first look, with the same luck for all.
    pub(super) fn cost_at_first(&self, candidate: usize) -> f64 {
        let sample = self.of(candidate);
        let first = self.levels.looks().first().map_or(sample.len(), |first| sample.len().min(*first as usize));
        sample[..first].iter().map(|one| one.month_usd).sum::<f64>() / first as f64
    }

    /// The requirements that are asked for. A budget is not: it is looked at when the cheapest is known.
    fn asked(&self, without: Without) -> impl Iterator<Item = usize> + '_ {
        let all = self.question.requirements.iter().enumerate();
        all.filter(move |(place, one)| Some(*place) != without.requirement && one.kind != Kind::Budget)
            .map(|(place, _)| place)
    }

    /// Whether it is known whether it meets, or will not be.
    pub(super) fn is_clear(&self, candidate: usize, without: Without) -> bool {
        self.judge(candidate, without) != Finding::Open || self.is_undecidable(candidate, without)
    }

    /// Whether more replications would not tell: there are no more, or the bound is hit.
    pub(super) fn is_undecidable(&self, candidate: usize, without: Without) -> bool {
        let is_at_the_bound = |place: usize| {
            let (Side::Below(bound) | Side::Above(bound)) = self.question.requirements[place].side;
            let width = |range: Range| (range.high - range.low).max(0.0) / 2.0;
            self.judge_one(candidate, place) == Finding::Open
                && self.range(candidate, place).is_some_and(|range| {
                    width(range) <= AT_THE_BOUND * bound.abs() && (range.low..=range.high).contains(&bound)
                })
        };
        self.next_look(candidate).is_none() || self.asked(without).any(is_at_the_bound)
    }

    /// Whether a candidate is shown not to be cheaper than another by more than does not matter.
    pub(super) fn is_not_cheaper(&self, candidate: usize, than: usize) -> bool {
        let tolerance = self.question.indifference * self.cost(than).abs();
        candidate == than || self.difference(candidate, than).is_some_and(|range| range.low >= -tolerance)
    }

    /// Whether a candidate is shown to be cheaper than another by more than does not matter.
    pub(super) fn is_cheaper(&self, candidate: usize, than: usize) -> bool {
        let tolerance = self.question.indifference * self.cost(candidate).abs();
        self.difference(candidate, than).is_some_and(|range| range.high < -tolerance)
    }

    /// Whether a candidate is shown to cost more than another by no more than does not matter.
    pub(super) fn costs_as_little(&self, candidate: usize, as_another: usize) -> bool {
        let tolerance = self.question.indifference * self.cost(as_another).abs();
        candidate == as_another || self.difference(candidate, as_another).is_some_and(|range| range.high <= tolerance)
    }

    /// The range of the difference in cost of two candidates, at a look that both had.
    #[must_use]
    pub fn difference(&self, candidate: usize, than: usize) -> Option<Range> {
        let pairs = self.of(candidate).iter().zip(self.of(than));
        let differences: Vec<f64> = pairs.map(|(a, b)| a.month_usd - b.month_usd).collect();
        self.levels.cost_range(&differences)
    }

    /// Cheaper ones first; of equal ones the first.
    pub(super) fn by_cost(&self, a: usize, b: usize) -> Ordering {
        self.cost(a).total_cmp(&self.cost(b)).then(a.cmp(&b))
    }

    /// Replications of a candidate.
    #[must_use]
    pub fn done(&self, candidate: usize) -> u32 {
        self.of(candidate).len() as u32
    }

    /// Replications at the next look at a candidate; none if there is no more.
    #[must_use]
    pub fn next_look(&self, candidate: usize) -> Option<u32> {
        self.levels.next_look(self.done(candidate))
    }

    /// Whether some requirement's metric is surely worse.
    pub(super) fn is_worse(&self, candidate: usize, than: usize) -> bool {
        self.asked(Without::default()).any(|place| {
            let pairs = self.of(candidate).iter().zip(self.of(than));
            let differences = pairs.map(|(a, b)| a.values[place] - b.values[place]);
            let differences: Vec<f64> = differences.filter(|difference| difference.is_finite()).collect();
            let Some(range) = self.levels.range(&differences) else { return false };
            match self.question.requirements[place].side {
                Side::Below(_) => range.low > 0.0,
                Side::Above(_) => range.high < 0.0,
            }
        })
    }

    /// Those of some candidates and one more that have the fewest replications and may have more; none if there are none to
    /// be compared with it, or no more replications.
    pub(super) fn behind(&self, close: &[usize], one: usize) -> Option<Vec<usize>> {
        let fewest = close.iter().map(|other| self.done(*other)).min()?.min(self.done(one));
        self.levels.next_look(fewest)?;
        let all = close.iter().copied().chain([one]);
        Some(all.filter(|candidate| self.done(*candidate) == fewest).collect())
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
