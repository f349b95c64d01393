//! The search against the whole truth, which a made-up laboratory knows.

use rand_distr::{Distribution, Normal};

use super::super::space::Axis;
use super::*;
use crate::measure::plan::Requirement;
use crate::rng::{Purpose, Streams};
use crate::stats::selection::Side;

/// Cost and metrics of each candidate are known; replications scatter around them, with common random numbers.
struct Truth {
    seed: u64,
    cost: Vec<f64>,
    metrics: Vec<Vec<f64>>,
    /// Standard deviations: shared and own, as parts of the value.
    scatter: (f64, f64),
    runs: u64,
}

impl Sampler for Truth {
    fn observe(&mut self, jobs: &[Job]) -> Result<Vec<Vec<Observation>>, SimError> {
        self.runs += jobs.iter().map(|job| u64::from(job.to - job.from)).sum::<u64>();
        let one = |candidate: usize, replication: u32| {
            let streams = Streams::new(self.seed, replication);
            let normal = Normal::new(0.0, 1.0).expect("a law");
            let shared = normal.sample(&mut streams.stream("shared", Purpose::Arrivals)) * self.scatter.0;
            let mut own = streams.stream(&format!("own {candidate}"), Purpose::Arrivals);
            let mut scattered = |value: f64| value * (1.0 + shared + normal.sample(&mut own) * self.scatter.1);
            let cost = scattered(self.cost[candidate]);
            Observation {
                per_million_usd: cost,
                month_usd: cost,
                values: self.metrics[candidate].iter().map(|value| scattered(*value)).collect(),
                events: vec![None; self.metrics[candidate].len()],
                ..Observation::default()
            }
        };
        Ok(jobs.iter().map(|job| (job.from..job.to).map(|k| one(job.candidate, k)).collect()).collect())
    }
}

fn question(bounds: &[f64]) -> Problem {
    let requirement =
        |bound: &f64| Requirement { side: Side::Below(*bound), share: None, kind: Kind::Service, is_pooled: false };
    Problem { requirements: bounds.iter().map(requirement).collect(), indifference: 0.01, of_a_run: 0 }
}

/// The cheapest that meets, by looking at everything.
fn exhaustive(truth: &Truth, bounds: &[f64]) -> Option<usize> {
    let meets = |one: &usize| truth.metrics[*one].iter().zip(bounds).all(|(value, bound)| value < bound);
    (0..truth.cost.len()).filter(meets).min_by(|a, b| truth.cost[*a].total_cmp(&truth.cost[*b]))
}

const FIRST: u32 = 5;
const MOST: u32 = 80;

fn search(truth: &mut Truth, space: &Space, bounds: &[f64], without: Exclusion) -> (SearchResult, u64) {
    let levels = Levels::new(0.05, space.len(), bounds.len(), FIRST, MOST);
    let mut search = Search::new(truth, space.clone(), question(bounds), levels);
    let found = search.cheapest(without).expect("nothing fails");
    let runs = search.samples().runs();
    (found, runs)
}

/// Sizes of memory times numbers of instances. More instances cost more and wait less; more memory is faster and dearer for
/// each, with an optimum between.
fn grid(seed: u64, scatter: (f64, f64)) -> (Truth, Space) {
    let (sizes, numbers) = (4, 40);
    let space = Space::new(vec![Axis { len: sizes, is_monotone: false }, Axis { len: numbers, is_monotone: true }]);
    let of = |size: usize, number: usize| {
        let speed = [1.0, 1.8, 2.5, 2.8][size];
        let cost = (number as f64 + 1.0) * [1.0, 1.6, 2.6, 4.5][size];
        (cost, vec![100.0 / (speed * (number as f64 + 1.0)), 5.0 / speed])
    };
    let all: Vec<(f64, Vec<f64>)> =
        (0..sizes).flat_map(|size| (0..numbers).map(move |number| of(size, number))).collect();
    let (cost, metrics) = all.into_iter().unzip();
    (Truth { seed, cost, metrics, scatter, runs: 0 }, space)
}

#[test]
fn it_finds_what_an_exhaustive_search_finds_with_a_tenth_of_its_runs() {
    let bounds = [3.3, 4.0];
    let seeds = 200;
    let (mut wrong, mut most) = (0, 0);
    for seed in 0..seeds {
        let (mut truth, space) = grid(seed, (0.05, 0.02));
        let right = exhaustive(&truth, &bounds).expect("some meet");
        let (found, runs) = search(&mut truth, &space, &bounds, Exclusion::default());
        // What is promised: it meets, and none that meets is cheaper by more than the indifference, unless said to be open.
        let chosen = found.best.expect("some meet");
        let meets = truth.metrics[chosen].iter().zip(&bounds).all(|(value, bound)| value < bound);
        let is_cheap = truth.cost[chosen] <= truth.cost[right] * 1.0101 || found.open.contains(&right);
        wrong += u32::from(!(meets && is_cheap));
        most = most.max(runs);
        assert_eq!(runs, truth.runs);
    }
    // 5 % of 200, and the intervals are on the safe side.
    assert!(wrong <= 10, "{wrong} of {seeds}");
    let exhaustive = 160 * u64::from(MOST);
    assert!(most * 10 <= exhaustive, "{most} of {exhaustive}");
}

#[test]
fn without_noise_the_answer_is_exact() {
    for bounds in [[3.3, 4.0], [60.0, 6.0], [1.0, 2.1], [2.6, 1.9]] {
        let (mut truth, space) = grid(1, (1e-6, 1e-6));
        let right = exhaustive(&truth, &bounds);
        assert_eq!(search(&mut truth, &space, &bounds, Exclusion::default()).0.best, right, "{bounds:?}");
        // And without an objective, and without the winner.
        let relaxed = Exclusion { requirement: Some(0), candidate: None };
        let right_without = exhaustive(&truth, &[f64::INFINITY, bounds[1]]);
        assert_eq!(search(&mut truth, &space, &bounds, relaxed).0.best, right_without, "{bounds:?}");
        let second = Exclusion { requirement: None, candidate: right };
        let mut rest = Truth { cost: truth.cost.clone(), metrics: truth.metrics.clone(), ..grid(1, (0.0, 0.0)).0 };
        if let Some(right) = right {
            rest.cost[right] = f64::INFINITY;
            assert_eq!(search(&mut truth, &space, &bounds, second).0.best, exhaustive(&rest, &bounds), "{bounds:?}");
        }
    }
}

#[test]
fn what_cannot_be_met_is_said_to_be_so() {
    let (mut truth, space) = grid(1, (0.05, 0.02));
    let (found, runs) = search(&mut truth, &space, &[0.1, 4.0], Exclusion::default());
    assert_eq!(found, SearchResult::default());
    assert!(runs <= 4 * 2 * 20, "only the ends of the lines are looked at: {runs}");
}

#[test]
fn one_at_its_bound_stays_open_and_is_not_recommended() {
    let (mut truth, space) = grid(3, (0.05, 0.02));
    // Candidate (1, 9) misses by nothing: 100 / 18.
    let at_the_bound = space.candidate(&[1, 9]);
    let bounds = [100.0 / 18.0, 4.0];
    let (found, _) = search(&mut truth, &space, &bounds, Exclusion::default());
    let best = found.best.expect("some meet");
    assert!(truth.metrics[best][0] < bounds[0]);
    assert!(found.open.contains(&at_the_bound) || best == space.candidate(&[1, 10]), "{found:?}");
}

#[test]
fn an_axis_that_is_not_monotone_is_found_out() {
    // More is worse: bisection would look on the wrong side.
    let space = Space::new(vec![Axis { len: 12, is_monotone: true }]);
    let metrics = (0..12).map(|number| vec![1.0 + f64::from(number)]).collect();
    let cost = (0..12).map(|number| 20.0 - f64::from(number)).collect();
    let mut truth = Truth { seed: 1, cost, metrics, scatter: (0.02, 0.01), runs: 0 };
    let levels = Levels::new(0.05, 12, 1, FIRST, MOST);
    let mut search = Search::new(&mut truth, space, question(&[5.5]), levels);
    let found = search.cheapest(Exclusion::default()).expect("nothing fails");
    assert_eq!((found.best, search.trusted()), (Some(4), vec![false]));
}

#[test]
fn where_cost_falls_the_last_of_a_line_is_taken() {
    let space = Space::new(vec![Axis { len: 30, is_monotone: true }]);
    let metrics = (0..30).map(|number| vec![10.0 / (1.0 + f64::from(number))]).collect();
    let cost = (0..30).map(|number| 100.0 - f64::from(number)).collect();
    let mut truth = Truth { seed: 1, cost, metrics, scatter: (0.05, 0.001), runs: 0 };
    let (found, runs) = search(&mut truth, &space, &[5.0], Exclusion::default());
    assert_eq!((found.best, found.ties.len()), (Some(29), 0));
    assert!(runs <= 240, "{runs}");
}

#[test]
fn where_cost_has_a_valley_it_is_found() {
    // Falls to the place of the valley and rises from there, steeply or hardly; from `meets` on the objective is met.
    for valley in [0, 1, 7, 16, 28, 29] {
        for (meets, slope) in [(0, 1.0), (4, 0.3), (16, 2.0), (29, 1.0)] {
            let space = Space::new(vec![Axis { len: 30, is_monotone: true }]);
            let distance = |place: i32| f64::from((place - valley).abs());
            let cost =
                (0..30).map(|place| 100.0 + distance(place) * if place < valley { slope } else { 1.0 }).collect();
            let metrics = (0..30).map(|place| vec![if place < meets { 10.0 } else { 2.0 }]).collect();
            let mut truth = Truth { seed: 1, cost, metrics, scatter: (0.05, 1e-6), runs: 0 };
            let right = exhaustive(&truth, &[5.0]).expect("some meet");
            let (found, runs) = search(&mut truth, &space, &[5.0], Exclusion::default());
            assert_eq!(found.best, Some(right), "valley at {valley}, met from {meets}");
            assert!(runs <= 240, "{runs}");
        }
    }
}

#[test]
fn equal_cost_takes_the_smallest_that_meets() {
    let space = Space::new(vec![Axis { len: 30, is_monotone: true }]);
    let metrics = (0..30).map(|number| vec![10.0 / (1.0 + f64::from(number))]);
    let metrics: Vec<Vec<f64>> = metrics.collect();
    // What makes no difference that matters counts as equal.
    for slope in [0.0, -0.001] {
        let cost = (0..30).map(|number| 50.0 + slope * f64::from(number)).collect();
        let mut truth = Truth { seed: 1, cost, metrics: metrics.clone(), scatter: (0.05, 0.0), runs: 0 };
        let (found, _) = search(&mut truth, &space, &[1.1], Exclusion::default());
        assert_eq!(found.best, Some(9), "{slope}");
    }
}

/// What instances held ready cost that are cheaper in use than others: those that idle cost in vain, those that are missing are
/// replaced by dearer ones.
fn held_ready(number: f64, load: f64) -> f64 {
    let excess = number - load;
    100.0 + 4.0 * number + 3.0 * (load - number).max(0.0) * 4.0 + 0.01 * excess * excess
}

#[test]
fn where_cost_falls_and_rises_the_bottom_is_found() {
    let space = Space::new(vec![Axis { len: 2, is_monotone: false }, Axis { len: 40, is_monotone: true }]);
    let numbers = || (0..40).map(f64::from);
    let cost: Vec<f64> = [1.0, 0.8]
        .into_iter()
        .flat_map(|price| numbers().map(move |number| price * held_ready(number, 20.0)))
        .collect();
    for (bound, scatter) in [(5.0, (0.05, 0.0005)), (0.25, (0.0, 0.0)), (5.0, (0.0, 0.0))] {
        // The second row is cheaper, at its ends too, and never meets; the first has its bottom at 20, and at 25 meets the other bound.
        let metrics =
            (0..2).flat_map(|row| numbers().map(move |number| vec![f64::from(row) * 99.0 + 6.5 / (number + 1.0)]));
        let mut truth = Truth { seed: 1, cost: cost.clone(), metrics: metrics.collect(), scatter, runs: 0 };
        let right = exhaustive(&truth, &[bound]).expect("some meet");
        let (found, runs) = search(&mut truth, &space, &[bound], Exclusion::default());
        let best = found.best.expect("some meet");
        assert!(truth.cost[best] <= truth.cost[right] * 1.01, "{best} for {right}");
        assert!(runs <= 80 * u64::from(MOST) / 10, "{runs}");
        // The next best is beside it, not at an end.
        let second = search(&mut truth, &space, &[bound], Exclusion { requirement: None, candidate: Some(best) }).0;
        assert!(second.best.is_some_and(|second| second.abs_diff(best) <= 2), "{second:?} after {best}");
    }
}
