//! Observations of the candidates, and the conclusions that they allow.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::measure::plan::{Kind, Observation, Requirement};
use crate::stats::selection::{Events, Finding, Levels, Range, Side, finding, judge, share_range};

/// Relative width of an interval that still contains the bound, below which more replications are not useful.
const AT_THE_BOUND: f64 = 0.005;
/// Half of a range that is at most this share of the value is precise enough to be shown: margins that differ by less count
/// as equal too, and so do costs by default.
const PRECISE: f64 = 0.01;

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
        self.range_of(self.of(candidate), place)
    }

    fn range_of(&self, sample: &[Observation], place: usize) -> Option<Range> {
        let requirement = &self.problem.requirements[place];
        let alpha = self.levels.requirement();
        shown_range(requirement, place, sample, alpha, |values| self.levels.range(values))
    }

    /// The range of the cost of a month.
    #[must_use]
    pub fn month_usd(&self, candidate: usize) -> Option<Range> {
        self.month_usd_of(self.of(candidate))
    }

    fn month_usd_of(&self, sample: &[Observation]) -> Option<Range> {
        self.levels.cost_range(&finite(sample, |one| one.month_usd))
    }

    /// The range of the latency of the front; none where it is never reached.
    #[must_use]
    pub fn latency_s(&self, candidate: usize) -> Option<Range> {
        self.latency_s_of(self.of(candidate))
    }

    fn latency_s_of(&self, sample: &[Observation]) -> Option<Range> {
        let is_never = sample.iter().any(|one| one.latency_s == f64::INFINITY);
        if is_never { None } else { self.levels.range(&finite(sample, |one| one.latency_s)) }
    }

    /// Whether everything that is shown of a candidate is precise after its first replications, as many as `count`. The
    /// ranges hold at all looks simultaneously, so they may decide when to stop.
    #[must_use]
    pub fn is_precise(&self, candidate: usize, count: u32) -> bool {
        let sample = self.of(candidate);
        let sample = &sample[..sample.len().min(count as usize)];
        let mut objectives = self.problem.requirements.iter().enumerate();
        is_precise(self.month_usd_of(sample), f64::abs)
            && is_precise(self.latency_s_of(sample), f64::abs)
            && objectives.all(|(place, one)| is_precise(self.range_of(sample, place), |mean| one.scale(mean)))
    }

    /// Replications of a single run of a candidate.
    pub(super) const fn of_a_run(&self) -> u32 {
        self.problem.of_a_run
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
    /// What the precision of a value is relative to: the value, or its bound where that is larger. Of a share that should be
    /// large, what is missing to all matters: 99.9 % and 99 % are not nearly the same.
    fn scale(&self, value: f64) -> f64 {
        match self.side {
            Side::Above(bound) if self.share == Some(self.side) => (1.0 - bound).max(1.0 - value),
            Side::Below(bound) | Side::Above(bound) => bound.abs().max(value.abs()),
        }
    }

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

/// Whether half of a range is small beside the scale of its mean.
fn is_precise(range: Option<Range>, scale: impl Fn(f64) -> f64) -> bool {
    range.is_some_and(|range| (range.high - range.low) / 2.0 <= PRECISE * scale(range.mean))
}

/// The finite ones of some values.
fn finite(sample: &[Observation], value: fn(&Observation) -> f64) -> Vec<f64> {
    sample.iter().map(value).filter(|value| value.is_finite()).collect()
}

/// The values of a requirement's metric that are there.
fn there(sample: &[Observation], place: usize) -> Vec<f64> {
    sample.iter().map(|one| one.values[place]).filter(|value| !value.is_nan()).collect()
}

/// The events behind it, where there are some.
fn events(sample: &[Observation], place: usize) -> Option<Vec<Events>> {
    sample.iter().map(|one| one.events[place]).collect()
}

#[cfg(test)]
mod tests {
    use rand_distr::{Distribution, Normal};

    use super::super::PRECISE_FROM;
    use super::*;
    use crate::rng::{Purpose, Streams};
    use crate::stats::interval::mean_half_width;

    fn below(bound: f64) -> Requirement {
        Requirement { side: Side::Below(bound), share: None, kind: Kind::Service, is_pooled: false }
    }

    /// The levels of a plan of thirteen configurations with one objective.
    fn levels() -> Levels {
        Levels::new(0.05, 13, 2, 3, 80)
    }

    /// A configuration of which everything that is shown has these values.
    fn samples(requirement: Requirement, levels: &Levels, values: &[f64]) -> Samples {
        let problem = Problem { requirements: vec![requirement], indifference: 0.01, of_a_run: 0 };
        let mut samples = Samples::new(problem, levels.clone());
        let one = |value: &f64| Observation {
            per_million_usd: *value,
            month_usd: *value,
            latency_s: *value,
            values: vec![*value],
            events: vec![None],
            ..Observation::default()
        };
        samples.add(0, values.iter().map(one).collect());
        samples
    }

    fn normal(seed: u64, deviation: f64) -> Vec<f64> {
        let mut stream = Streams::new(seed, 0).stream("x", Purpose::Arrivals);
        let law = Normal::new(1.0, deviation).expect("a law");
        (0..12).map(|_| law.sample(&mut stream)).collect()
    }

    #[test]
    fn what_hardly_varies_is_precise_early() {
        let precise_from = |values: &[f64]| {
            let samples = samples(below(2.0), &levels(), values);
            [3, 6, 12].into_iter().find(|look| samples.is_precise(0, *look))
        };
        assert_eq!(precise_from(&[1.0; 12]), Some(3));
        assert_eq!(precise_from(&normal(1, 0.001)), Some(6));
        assert_eq!(precise_from(&normal(1, 0.003)), Some(12));
        assert_eq!(precise_from(&normal(1, 0.05)), None);
        assert_eq!(precise_from(&[1.0; 2]), Some(3), "two values have a range, though three are asked for");
        assert_eq!(precise_from(&[1.0]), None, "one has no range");
        assert_eq!(precise_from(&[f64::INFINITY; 12]), None, "what is never reached has none");
    }

    #[test]
    fn the_larger_of_bound_and_value_is_the_scale() {
        assert_eq!(below(0.5).scale(0.001), 0.5);
        assert_eq!(below(0.5).scale(2.0), 2.0);
        // Of 99.9 % of something, 0.1 % is missing.
        let share = Side::Above(0.999);
        let of_all = Requirement { side: share, share: Some(share), kind: Kind::Service, is_pooled: true };
        assert!((of_all.scale(0.9995) - 0.001).abs() < 1e-12);
        assert!((of_all.scale(0.9) - 0.1).abs() < 1e-12);
    }

    /// The 95 % interval that is shown keeps nearly all of its coverage where a plan stops at six replications in place of
    /// twelve, whatever the scatter: the worst is one with which it stops one time in six.
    #[test]
    fn stopping_early_keeps_the_coverage() {
        const EXPERIMENTS: u64 = 10_000;
        let levels = levels();
        let coverage = |deviation: f64, first: u32| {
            let mut early = 0;
            let holds = (0..EXPERIMENTS).filter(|seed| {
                let values = normal(*seed, deviation);
                let samples = samples(below(2.0), &levels, &values);
                let is_early = [3, 6].into_iter().find(|look| *look >= first && samples.is_precise(0, *look));
                early += u64::from(is_early.is_some());
                let shown = &values[..is_early.unwrap_or(12) as usize];
                let half = mean_half_width(shown).expect("values");
                (shown.iter().sum::<f64>() / shown.len() as f64 - 1.0).abs() <= half
            });
            (holds.count() as f64 / EXPERIMENTS as f64, early as f64 / EXPERIMENTS as f64)
        };
        for deviation in [0.0005, 0.0015, 0.002, 0.0025, 0.003, 0.01] {
            let (found, early) = coverage(deviation, PRECISE_FROM);
            assert!((0.93..=0.965).contains(&found), "{deviation}: {found}, early in {early}");
        }
        assert_eq!([0.0005, 0.01].map(|deviation| coverage(deviation, PRECISE_FROM).1.round()), [1.0, 0.0]);
        let (hasty, _) = coverage(0.0005, 3);
        assert!(hasty < 0.94, "{hasty}: three would do, so the test can tell nothing");
    }
}
