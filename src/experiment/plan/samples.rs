//! Observations of the candidates, and the conclusions that they allow.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::measure::plan::{Kind, Observation, Requirement};
use crate::stats::selection::{Events, Finding, Levels, Range, Side, finding, judge, share_range};

/// Relative width of an interval that still contains the bound, below which more replications are not useful.
const AT_THE_BOUND: f64 = 0.005;

/// The question of a search.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The requirements, all of which must be met.
    pub requirements: Vec<Requirement>,
    /// Relative difference in cost that does not matter.
    pub indifference: f64,
    /// Replications of a single run of a candidate, which must meet the requirements too.
    pub of_a_run: u32,
}

/// What a search excludes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exclusion {
    /// A requirement that is dropped.
    pub requirement: Option<usize>,
    /// A candidate that may not win.
    pub candidate: Option<usize>,
}

/// The observations of all evaluated candidates. All statements hold simultaneously ([`Levels`]).
pub struct Samples {
    problem: Problem,
    levels: Levels,
    seen: BTreeMap<usize, Vec<Observation>>,
}

impl Samples {
    /// Nothing yet.
    pub(super) const fn new(problem: Problem, levels: Levels) -> Self {
        Self { problem, levels, seen: BTreeMap::new() }
    }

    /// Adds the next observations of a candidate.
    pub(super) fn add(&mut self, candidate: usize, observations: Vec<Observation>) {
        self.seen.entry(candidate).or_default().extend(observations);
    }

    /// The evaluated candidates, by number.
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

    /// The confidence levels.
    #[must_use]
    pub const fn levels(&self) -> &Levels {
        &self.levels
    }

    /// The verdict on a candidate: met if all requirements are met, missed if any is missed.
    #[must_use]
    pub fn judge(&self, candidate: usize, without: Exclusion) -> Finding {
        let findings: Vec<Finding> = self.asked(without).map(|place| self.judge_one(candidate, place)).collect();
        if findings.contains(&Finding::Missed) {
            Finding::Missed
        } else if findings.iter().all(|finding| *finding == Finding::Met) {
            Finding::Met
        } else {
            Finding::Open
        }
    }

    /// The verdict on one requirement of a candidate, from the first conclusive look.
    #[must_use]
    pub fn judge_one(&self, candidate: usize, place: usize) -> Finding {
        let (sample, requirement) = (self.of(candidate), &self.problem.requirements[place]);
        let (alpha, most) = (self.levels.requirement(), self.most());
        let at = |look: &u32| {
            let sample = &sample[..*look as usize];
            conclude(requirement, place, sample, most, alpha, |values| self.levels.range(values))
        };
        let looks = self.levels.looks().iter().filter(|look| **look <= self.done(candidate));
        let finding = looks.map(at).find(|finding| *finding != Finding::Open).unwrap_or(Finding::Open);
        let of_a_run = &sample[..sample.len().min(self.problem.of_a_run as usize)];
        match finding {
            Finding::Met if !of_a_run.is_empty() && !requirement.is_good(mean(requirement, place, of_a_run)) => {
                Finding::Missed
            }
            finding => finding,
        }
    }

    /// Replications at the last look.
    fn most(&self) -> u32 {
        self.levels.looks().last().copied().unwrap_or_default()
    }

    /// Whether there will be too few requests to prove a requirement, so that the mean decides.
    #[must_use]
    pub fn is_by_mean(&self, candidate: usize, place: usize) -> bool {
        let (sample, requirement) = (self.of(candidate), &self.problem.requirements[place]);
        requirement.is_pooled && !is_provable(requirement, place, sample, self.most(), self.levels.requirement())
    }

    /// The range of a requirement's metric.
    #[must_use]
    pub fn range(&self, candidate: usize, place: usize) -> Option<Range> {
        let requirement = &self.problem.requirements[place];
        let alpha = self.levels.requirement();
        shown_range(requirement, place, self.of(candidate), alpha, |values| self.levels.range(values))
    }

    /// The mean cost of a month of a candidate that was looked at.
    #[must_use]
    pub fn cost(&self, candidate: usize) -> f64 {
        let sample = self.of(candidate);
        sample.iter().map(|one| one.month_usd).sum::<f64>() / sample.len() as f64
    }

    /// The price by which candidates are compared: the mean cost of a million successful requests.
    fn price(sample: &[Observation]) -> f64 {
        let there = || sample.iter().map(|one| one.per_million_usd).filter(|usd| !usd.is_nan());
        there().sum::<f64>() / there().count() as f64
    }

    /// The price at the first look, with common random numbers.
    pub(super) fn price_at_first(&self, candidate: usize) -> f64 {
        let sample = self.of(candidate);
        let first = self.levels.looks().first().map_or(sample.len(), |first| sample.len().min(*first as usize));
        Self::price(&sample[..first])
    }

    /// The price of an evaluated candidate.
    pub(super) fn price_of(&self, candidate: usize) -> f64 {
        Self::price(self.of(candidate))
    }

    /// The requirements except budgets, which are checked when the cheapest candidate is known.
    fn asked(&self, without: Exclusion) -> impl Iterator<Item = usize> + '_ {
        let all = self.problem.requirements.iter().enumerate();
        all.filter(move |(place, one)| Some(*place) != without.requirement && one.kind != Kind::Budget)
            .map(|(place, _)| place)
    }

    /// Whether it is known whether it meets, or will not be.
    pub(super) fn is_clear(&self, candidate: usize, without: Exclusion) -> bool {
        self.judge(candidate, without) != Finding::Open || self.is_undecidable(candidate, without)
    }

    /// Whether more replications would not tell: there are no more, or the bound is hit.
    pub(super) fn is_undecidable(&self, candidate: usize, without: Exclusion) -> bool {
        let is_at_the_bound = |place: usize| {
            let (Side::Below(bound) | Side::Above(bound)) = self.problem.requirements[place].side;
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
        let tolerance = self.problem.indifference * self.price_of(than).abs();
        candidate == than || self.price_difference(candidate, than).is_some_and(|range| range.low >= -tolerance)
    }

    /// Whether a candidate is shown to be cheaper than another by more than does not matter.
    pub(super) fn is_cheaper(&self, candidate: usize, than: usize) -> bool {
        let tolerance = self.problem.indifference * self.price_of(candidate).abs();
        self.price_difference(candidate, than).is_some_and(|range| range.high < -tolerance)
    }

    /// Whether a candidate is shown to cost more than another by no more than does not matter.
    pub(super) fn costs_as_little(&self, candidate: usize, as_another: usize) -> bool {
        let tolerance = self.problem.indifference * self.price_of(as_another).abs();
        candidate == as_another
            || self.price_difference(candidate, as_another).is_some_and(|range| range.high <= tolerance)
    }

    /// The range of the difference in cost of a month of two candidates, at a look that both had.
    #[must_use]
    pub fn difference(&self, candidate: usize, than: usize) -> Option<Range> {
        self.difference_of(candidate, than, |one| one.month_usd)
    }

    fn price_difference(&self, candidate: usize, than: usize) -> Option<Range> {
        self.difference_of(candidate, than, |one| one.per_million_usd)
    }

    fn difference_of(&self, candidate: usize, than: usize, cost: fn(&Observation) -> f64) -> Option<Range> {
        let pairs = self.of(candidate).iter().zip(self.of(than));
        let differences = pairs.map(|(a, b)| cost(a) - cost(b)).filter(|difference| !difference.is_nan());
        self.levels.cost_range(&differences.collect::<Vec<_>>())
    }

    /// Cheaper ones first; of equal ones the first.
    pub(super) fn by_cost(&self, a: usize, b: usize) -> Ordering {
        self.price_of(a).total_cmp(&self.price_of(b)).then(a.cmp(&b))
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
        self.asked(Exclusion::default()).any(|place| {
            let pairs = self.of(candidate).iter().zip(self.of(than));
            let differences = pairs.map(|(a, b)| a.values[place] - b.values[place]);
            let differences: Vec<f64> = differences.filter(|difference| difference.is_finite()).collect();
            let Some(range) = self.levels.range(&differences) else { return false };
            match self.problem.requirements[place].side {
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

impl Requirement {
    /// Whether a value is on the good side.
    fn is_good(&self, value: f64) -> bool {
        match self.side {
            Side::Below(bound) => value < bound,
            Side::Above(bound) => value > bound && value.is_finite(),
        }
    }
}

/// What observations say of a requirement. `most`: replications at the last look; `range`: that of a mean.
pub(super) fn conclude(
    requirement: &Requirement,
    place: usize,
    sample: &[Observation],
    most: u32,
    alpha: f64,
    range: impl Fn(&[f64]) -> Option<Range>,
) -> Finding {
    let values = there(sample, place);
    if values.is_empty() || values.contains(&f64::INFINITY) {
        // Nothing was ever there to measure, or so many requests fail that a quantile is never reached.
        return Finding::Missed;
    }
    let events = events(sample, place);
    if !requirement.is_pooled {
        return judge(range(&values), requirement.side, events.as_deref().zip(requirement.share), alpha);
    }
    let finding = share_range(&events.unwrap_or_default(), alpha).map(|range| finding(range, requirement.side));
    match finding {
        Some(Finding::Open) | None if !is_provable(requirement, place, sample, most, alpha) => {
            let is_good = requirement.is_good(mean(requirement, place, sample));
            match sample.len() >= most as usize {
                true if is_good => Finding::Met,
                true => Finding::Missed,
                false => Finding::Open,
            }
        }
        finding => finding.unwrap_or(Finding::Open),
    }
}

/// Whether the requests of the last look are enough to prove a share: if nothing but good ones were seen, would it be shown?
fn is_provable(requirement: &Requirement, place: usize, sample: &[Observation], most: u32, alpha: f64) -> bool {
    let trials: f64 = sample.iter().filter_map(|one| one.events[place]).map(|events| events.trials).sum();
    let trials = trials / sample.len() as f64 * f64::from(most);
    let seen = match requirement.side {
        Side::Below(_) => 0.0,
        Side::Above(_) => trials,
    };
    share_range(&[Events { seen, trials }], alpha).is_some_and(|range| finding(range, requirement.side) == Finding::Met)
}

/// The mean of a requirement's metric as a run has it: of shares and ratios that of all requests together.
fn mean(requirement: &Requirement, place: usize, sample: &[Observation]) -> f64 {
    let is_ratio = requirement.is_pooled || requirement.share == Some(requirement.side);
    if let Some(events) = events(sample, place).filter(|_| is_ratio) {
        let sum = |field: fn(&Events) -> f64| events.iter().map(field).sum::<f64>();
        return sum(|one| one.seen) / sum(|one| one.trials);
    }
    let values = there(sample, place);
    values.iter().sum::<f64>() / values.len() as f64
}

/// The range of a metric, where it is a share no narrower than its events allow; none where it is never reached.
pub(super) fn shown_range(
    requirement: &Requirement,
    place: usize,
    sample: &[Observation],
    alpha: f64,
    range: impl Fn(&[f64]) -> Option<Range>,
) -> Option<Range> {
    let values = there(sample, place);
    if values.contains(&f64::INFINITY) {
        return None;
    }
    let is_share = requirement.share == Some(requirement.side);
    let by_events = events(sample, place).filter(|_| is_share).and_then(|events| share_range(&events, alpha));
    if requirement.is_pooled {
        return by_events;
    }
    let range = range(&values)?;
    Some(by_events.map_or(range, |share| Range {
        mean: range.mean,
        low: range.low.min(share.low),
        high: range.high.max(share.high),
    }))
}

/// The values of a requirement's metric that are there.
fn there(sample: &[Observation], place: usize) -> Vec<f64> {
    sample.iter().map(|one| one.values[place]).filter(|value| !value.is_nan()).collect()
}

/// The events behind it, where there are some.
fn events(sample: &[Observation], place: usize) -> Option<Vec<Events>> {
    sample.iter().map(|one| one.events[place]).collect()
}
