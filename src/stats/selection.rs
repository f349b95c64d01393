//! Selection: which of many systems meet their requirements, and which of those is the cheapest, with simultaneous
//! confidence.
//!
//! A system is evaluated after planned numbers of replications until its verdict is clear. The total error probability
//! is split evenly over all systems, requirements and looks (Bonferroni), whether or not they are evaluated, so it does
//! not matter which of them a search visits, in which order, and why. The sequential screening of Andradóttir and Kim
//! ("Fully sequential procedures for comparing constrained systems via simulation", 2010) has the same two parts,
//! feasibility and cost, with common random numbers and an indifference zone.

use std::collections::HashMap;

use super::comparison::Looks;
use super::interval::{clopper_pearson_at, mean_and_variance, student_t};

/// A mean and its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The mean of what was seen.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Counts of a rare event in one replication.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Events {
    /// Times it happened; need not be whole where it was interpolated.
    pub seen: f64,
    /// Times it could have happened.
    pub trials: f64,
}

/// The side of a bound that is good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Side {
    /// Less than this.
    Below(f64),
    /// More than this.
    Above(f64),
}

/// The verdict on a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is met: all of the range is on the good side.
    Met,
    /// It is not met: all of the range is on the other side.
    Missed,
    /// The range holds the bound.
    Open,
}

/// The level of each statement, so that all hold simultaneously.
#[derive(Clone, Debug)]
pub struct Levels {
    looks: Looks,
    /// What one range of a requirement may miss.
    requirement: f64,
    /// What one range of a difference in cost may miss.
    cost: f64,
    /// Quantiles of Student's t, by level (requirement, cost) and number of values.
    quantiles: HashMap<(bool, usize), f64>,
}

/// The parts of what may go wrong: for requirements, for differences in cost. The rest is for what is said afterwards.
const REQUIREMENTS: f64 = 0.5;
const COSTS: f64 = 0.25;
/// See `REQUIREMENTS`.
pub const AFTERWARDS: f64 = 1.0 - REQUIREMENTS - COSTS;

impl Levels {
    /// Levels for `systems` with `requirements` each, so that at most `alpha` goes wrong; looks after `first` replications,
    /// twice as many and so on up to `most`.
    #[must_use]
    pub fn new(alpha: f64, systems: usize, requirements: usize, first: u32, most: u32) -> Self {
        let looks = Looks::new(1, first, most);
        let (systems, many) = (systems.max(1) as f64, looks.sizes().len() as f64);
        let requirement = alpha * REQUIREMENTS / (systems * requirements.max(1) as f64 * many);
        // Each cost by itself, and each pair.
        let pairs = systems * (systems + 1.0) / 2.0;
        let cost = alpha * COSTS / (pairs * many);
        let mut quantiles = HashMap::new();
        for &size in looks.sizes() {
            for (is_cost, level) in [(false, requirement), (true, cost)] {
                let t = student_t(f64::from(size - 1), level).unwrap_or(f64::INFINITY);
                quantiles.insert((is_cost, size as usize), t);
            }
        }
        Self { looks, requirement, cost, quantiles }
    }

    /// Replications at each look, growing.
    #[must_use]
    pub fn looks(&self) -> &[u32] {
        self.looks.sizes()
    }

    /// The look after `done` replications; none after the last.
    #[must_use]
    pub fn next_look(&self, done: u32) -> Option<u32> {
        self.looks().iter().copied().find(|look| *look > done)
    }

    /// What one range of a requirement may miss.
    #[must_use]
    pub const fn requirement(&self) -> f64 {
        self.requirement
    }

    /// What one range of a difference in cost may miss.
    #[must_use]
    pub const fn cost(&self) -> f64 {
        self.cost
    }

    /// The range of a mean, as sure as a requirement's.
    #[must_use]
    pub fn range(&self, values: &[f64]) -> Option<Range> {
        self.student(values, false)
    }

    /// The range of a mean difference in cost.
    #[must_use]
    pub fn cost_range(&self, differences: &[f64]) -> Option<Range> {
        self.student(differences, true)
    }

    fn student(&self, values: &[f64], is_cost: bool) -> Option<Range> {
        let known = self.quantiles.get(&(is_cost, values.len())).copied();
        let level = if is_cost { self.cost } else { self.requirement };
        let t = known.or_else(|| student_t(values.len().checked_sub(1)? as f64, level))?;
        student_range(values, t)
    }

    /// The verdict on a requirement: see [`judge`].
    #[must_use]
    pub fn judge(&self, values: &[f64], side: Side, events: Option<(&[Events], Side)>) -> Finding {
        judge(self.range(values), side, events, self.requirement)
    }
}

/// The range of a mean that misses with probability `alpha`; none from fewer than two values.
#[must_use]
pub fn mean_range(values: &[f64], alpha: f64) -> Option<Range> {
    student_range(values, student_t(values.len().checked_sub(1)? as f64, alpha)?)
}

fn student_range(values: &[f64], t: f64) -> Option<Range> {
    let (mean, variance) = mean_and_variance(values)?;
    let half = t * (variance / values.len() as f64).sqrt();
    Some(Range { mean, low: mean - half, high: mean + half })
}

/// The verdict on a mean with a known interval. If rare events decide (a rejection in a million requests, the requests
/// slower than a bound), `events` must agree: events that never occur in a few replications have zero variance, and an
/// interval of zero width would claim a certainty that the data do not support.
#[must_use]
pub fn judge(range: Option<Range>, side: Side, events: Option<(&[Events], Side)>, alpha: f64) -> Finding {
    let Some(range) = range else { return Finding::Open };
    let by_mean = finding(range, side);
    let Some((events, side)) = events else { return by_mean };
    match share_range(events, alpha).map(|range| finding(range, side)) {
        Some(by_share) if by_share == by_mean => by_mean,
        Some(_) => Finding::Open,
        None => by_mean,
    }
}

/// What a range says of a bound.
#[must_use]
pub fn finding(range: Range, side: Side) -> Finding {
    let (met, missed) = match side {
        Side::Below(bound) => (range.high < bound, range.low >= bound),
        Side::Above(bound) => (range.low > bound, range.high <= bound),
    };
    if met {
        Finding::Met
    } else if missed {
        Finding::Missed
    } else {
        Finding::Open
    }
}

/// The Clopper-Pearson interval of a share over all replications. Clustered events carry less information than their
/// number, which is therefore divided by the design effect (Kish 1965): the ratio of its variance between replications
/// to that of independent events. None without trials.
#[must_use]
pub fn share_range(events: &[Events], alpha: f64) -> Option<Range> {
    let sum = |field: fn(&Events) -> f64| events.iter().map(field).sum::<f64>();
    let (seen, trials) = (sum(|one| one.seen), sum(|one| one.trials));
    if !(trials > 0.0 && seen >= 0.0 && seen <= trials) {
        return None;
    }
    let effect = design_effect(events, seen / trials);
    let (low, high) = clopper_pearson_at(seen / effect, trials / effect, alpha)?;
    Some(Range { mean: seen / trials, low, high })
}

/// Variance of the numbers seen over that of independent trials; at least 1.
fn design_effect(events: &[Events], share: f64) -> f64 {
    if events.len() < 2 || share <= 0.0 || share >= 1.0 {
        return 1.0;
    }
    let squares: f64 = events.iter().map(|one| (one.seen - share * one.trials).powi(2)).sum();
    let expected: f64 = events.iter().map(|one| one.trials * share * (1.0 - share)).sum();
    let freedom = (events.len() - 1) as f64 / events.len() as f64;
    (squares / (expected * freedom)).max(1.0)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_distr::{Distribution, Normal};

    use super::*;
    use crate::rng::{Purpose, Streams};

    #[test]
    fn what_may_go_wrong_is_split_over_everything() {
        // Ten systems, two requirements, looks after 4, 8, 16: 60 ranges share half, 10 costs and 45 pairs three times a quarter.
        let levels = Levels::new(0.06, 10, 2, 4, 16);
        assert_eq!(levels.looks(), [4, 8, 16]);
        assert!((levels.requirement() - 0.03 / 60.0).abs() < 1e-15);
        assert!((levels.cost() - 0.015 / 165.0).abs() < 1e-15);
        // One requirement has the whole half; without any there is nothing to divide by.
        assert!((Levels::new(0.06, 10, 1, 4, 16).requirement() - 0.03 / 30.0).abs() < 1e-15);
        assert_eq!(Levels::new(0.06, 10, 0, 4, 16).requirement(), Levels::new(0.06, 10, 1, 4, 16).requirement());
        assert_eq!((levels.next_look(0), levels.next_look(4), levels.next_look(16)), (Some(4), Some(8), None));
    }

    #[test]
    fn the_far_end_decides_and_not_the_mean() {
        let levels = Levels::new(0.05, 1, 1, 4, 4);
        let near = [0.9, 1.0, 0.8, 0.9];
        assert_eq!(levels.judge(&near, Side::Below(0.95), None), Finding::Open);
        assert_eq!(levels.judge(&near, Side::Below(2.0), None), Finding::Met);
        assert_eq!(levels.judge(&near, Side::Below(0.5), None), Finding::Missed);
        assert_eq!(levels.judge(&near, Side::Above(0.5), None), Finding::Met);
        assert_eq!(levels.judge(&near[..1], Side::Below(2.0), None), Finding::Open);
    }

    #[test]
    fn nothing_seen_is_not_certainty() {
        let seen = |trials| [Events { seen: 0.0, trials }; 4];
        let judged = |trials: f64, bound| {
            judge(mean_range(&[0.0; 4], 0.05), Side::Below(bound), Some((&seen(trials), Side::Below(bound))), 0.05)
        };
        // 0 of 4,000: below 1 - 0.025^(1/4000) = 0.00092 at 97.5 %.
        assert_eq!(judged(1000.0, 0.001), Finding::Met);
        assert_eq!(judged(1000.0, 0.0009), Finding::Open);
        assert_eq!(judged(100.0, 0.001), Finding::Open);
    }

    #[test]
    fn crowds_count_less() {
        let even = [Events { seen: 10.0, trials: 1000.0 }; 4];
        let range = share_range(&even, 0.05).expect("trials");
        // 40 of 4,000 without crowds: 0.007153 to 0.013597.
        assert!((range.low - 0.007_153).abs() < 1e-5 && (range.high - 0.013_597).abs() < 1e-5, "{range:?}");
        let crowd = [40.0, 0.0, 0.0, 0.0].map(|seen| Events { seen, trials: 1000.0 });
        let wide = share_range(&crowd, 0.05).expect("trials");
        assert!(wide.high > 2.0 * range.high && wide.low < range.low, "{wide:?}");
    }

    #[test]
    fn the_design_effect_by_hand() {
        let seen = |seen: [f64; 4]| seen.map(|seen| Events { seen, trials: 1000.0 });
        // 1 % of 1,000 is 10, with a variance of 9.9: (900 + 3 * 100) / (4 * 9.9) * 4/3.
        assert!((design_effect(&seen([40.0, 0.0, 0.0, 0.0]), 0.01) - 1200.0 / 29.7).abs() < 1e-12);
        assert_eq!(design_effect(&seen([10.0; 4]), 0.01), 1.0, "never less");
        for share in [0.0, 1.0] {
            assert_eq!(design_effect(&seen([1000.0 * share; 4]), share), 1.0);
        }
        assert_eq!(design_effect(&seen([40.0; 4])[..1], 0.01), 1.0);
    }

    /// At most what was promised goes wrong, over systems, requirements and looks, with the worst habit: looking until
    /// something is said.
    #[test]
    fn a_requirement_at_its_bound_is_seldom_decided() {
        let normal = Normal::new(1.0, 0.3).expect("a law");
        let (experiments, systems) = (400, 5);
        let levels = Levels::new(0.2, systems, 1, 4, 32);
        let mut wrong = 0;
        for seed in 0..experiments {
            let mut stream = Streams::new(seed, 0).stream("x", Purpose::Arrivals);
            let decided = (0..systems).any(|_| {
                let values: Vec<f64> = (0..32).map(|_| normal.sample(&mut stream)).collect();
                let judged = |look: &u32| levels.judge(&values[..*look as usize], Side::Below(1.0), None);
                levels.looks().iter().any(|look| judged(look) != Finding::Open)
            });
            wrong += u32::from(decided);
            let _: f64 = stream.random();
        }
        // Half of 20 % is for requirements: 40 of 400, and 3.9 standard errors more.
        assert!(wrong <= 63, "{wrong}");
        assert!(wrong >= 4, "{wrong}: so few that the test says nothing");
    }
}
