//! What happens to a configuration when the load grows.

use super::Input;
use super::samples::{conclude, shown_range};
use super::simulator::{Sample, Simulator};
use crate::engine::SimError;
use crate::measure::RunResult;
use crate::measure::plan::{
    Binding, Estimate, Headroom, LoadPoint, Months, Observation, Outcome, Requirement, Verdict,
};
use crate::scenario::limits::MAX_REQUESTS;
use crate::scenario::plan::Growth;
use crate::scenario::{Scenario, Source};
use crate::stats::comparison::Looks;
use crate::stats::selection::mean_range;

/// Multiples of today's load, from which the first is searched that the configuration does not bear.
pub(super) const MULTIPLES: [f64; 7] = [1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0];
/// Bisection steps between the last multiple that holds and the first that does not.
pub(super) const HALVINGS: usize = 5;
/// Replications at another load than today's, at most: only where it is not clear earlier.
const AT_A_LOAD: u32 = 48;
/// Share of throttled requests from which a limit counts as reached.
const BINDS: f64 = 0.001;

/// The requirements.
pub(super) struct Problem<'a> {
    /// The number of the configuration.
    pub(super) candidate: usize,
    pub(super) requirements: &'a [Requirement],
    /// Replications at today's load.
    pub(super) today: u32,
    /// Replications at any other load at the first look, and at most.
    pub(super) first: u32,
    pub(super) most: u32,
    /// Error probability over all statements made here.
    pub(super) alpha: f64,
    pub(super) growth: Option<&'a Growth>,
}

/// Looks for the first load that the configuration does not bear: halves the list of multiples, then the way between the
/// last that holds and the first that does not. More load is taken never to serve better. Also hands back the run at today's load,
/// and how many replications were simulated.
pub(super) fn headroom(
    problem: &Problem<'_>,
    simulator: &mut Simulator<'_>,
) -> Result<(Headroom, RunResult, u64), SimError> {
    let (scenario, before) = (&simulator.candidates[problem.candidate], simulator.runs());
    let sample = simulator.candidate(problem.candidate, problem.today)?;
    let today = sample.result(scenario);
    let mut first = problem.point(1.0, &sample, &today, problem.verdicts(&sample));
    // It is known to meet the objectives at this load, perhaps from more replications.
    first.verdict = Verdict::Met;
    first.objectives.iter_mut().for_each(|objective| objective.verdict = Verdict::Met);
    let mut points = vec![first];
    let mut look_at = |multiple: f64, points: &mut Vec<LoadPoint>, most: u32| {
        let point = problem.at(&scenario.under_load(multiple), multiple, most, simulator)?;
        let place = points.partition_point(|one| one.multiple < multiple);
        points.insert(place, point);
        Ok::<bool, SimError>(points[place].verdict == Verdict::Met)
    };
    let known = multiples(requests(scenario)).len();
    let (mut holds, mut breaks) = (0, known);
    while breaks - holds > 1 {
        let middle = holds + (breaks - holds) / 2;
        if look_at(MULTIPLES[middle], &mut points, problem.most)? { holds = middle } else { breaks = middle }
    }
    let broken = |points: &[LoadPoint]| points.iter().position(|point| point.verdict != Verdict::Met);
    for _ in 0..HALVINGS {
        let Some(place) = broken(&points) else { break };
        let middle = (points[place - 1].multiple * points[place].multiple).sqrt();
        look_at(middle, &mut points, problem.most)?;
    }
    // Beyond that a few replications show which limit is the first in the way.
    for multiple in &MULTIPLES[..known] {
        let place = points.partition_point(|point| point.multiple < *multiple);
        let is_broken = broken(&points).is_some_and(|broken| broken < place);
        if is_broken
            && !points[..place].iter().any(holds_back)
            && points.get(place).is_none_or(|point| point.multiple > *multiple)
        {
            look_at(*multiple, &mut points, problem.first)?;
        }
    }
    let place = broken(&points);
    let holds_to =
        place.map_or(points.last(), |place| points.get(place.wrapping_sub(1))).map_or(1.0, |one| one.multiple);
    let first_broken = place.map(|place| &points[place]);
    let headroom = Headroom {
        replications: problem.today,
        holds_to,
        breaks_at: first_broken.map(|point| point.multiple),
        breaks_first: first_broken.and_then(|point| problem.worst(point)),
        first_limit: points.iter().find(|point| holds_back(point)).and_then(|point| point.binding.clone()),
        growth: problem.growth.map(|growth| Months {
            growth: growth.text.clone(),
            months: holds_to.ln() / growth.by_month.ln_1p(),
            at_least: place.is_none(),
        }),
        points,
    };
    Ok((headroom, today, simulator.runs() - before))
}

/// The multiples that can be simulated of so many requests in a replication.
pub(super) fn multiples(requests: f64) -> &'static [f64] {
    &MULTIPLES[..MULTIPLES.partition_point(|one| requests * one <= MAX_REQUESTS).max(1)]
}

/// Replications at another load than today's, at most.
pub(super) fn most(input: &Input<'_>) -> u32 {
    AT_A_LOAD.min(input.plan.max_replications).max(input.first)
}

/// Whether a limit holds requests back at a load.
fn holds_back(point: &LoadPoint) -> bool {
    point.binding.as_ref().is_some_and(|binding| binding.share >= BINDS)
}

impl Problem<'_> {
    /// What happens at a load, after as many replications as tell it, up to `most`.
    fn at(
        &self,
        scenario: &Scenario,
        multiple: f64,
        most: u32,
        simulator: &mut Simulator<'_>,
    ) -> Result<LoadPoint, SimError> {
        let mut sample = Sample::default();
        for look in self.looks().sizes().iter().take_while(|look| **look <= most) {
            simulator.extend(scenario, &mut sample, *look)?;
            if together(&self.verdicts(&sample)) != Verdict::Open {
                break;
            }
        }
        let objectives = self.verdicts(&sample);
        Ok(self.point(multiple, &sample, &sample.result(scenario), objectives))
    }

    fn looks(&self) -> Looks {
        Looks::new(1, self.first, self.most)
    }

    /// What may go wrong in one of the statements.
    fn alpha_of_one(&self) -> f64 {
        let loads = MULTIPLES.len() + HALVINGS;
        self.alpha / (loads * self.looks().sizes().len() * self.requirements.len().max(1)) as f64
    }

    fn verdicts(&self, sample: &Sample) -> Vec<Outcome> {
        let of = |(place, one)| outcome(one, place, &sample.observed, self.most, self.alpha_of_one());
        self.requirements.iter().enumerate().map(of).collect()
    }

    fn point(&self, multiple: f64, sample: &Sample, result: &RunResult, objectives: Vec<Outcome>) -> LoadPoint {
        let estimate = |value: fn(&Observation) -> f64| {
            let values: Vec<f64> = sample.observed.iter().map(value).filter(|value| value.is_finite()).collect();
            Estimate::positive(mean_range(&values, self.alpha_of_one()), f64::NAN)
        };
        let arrived = result.summary.total.requests.arrived.mean;
        let binding = result.summary.limits.first().map(|hit| Binding {
            limit: hit.limit.clone(),
            function: hit.function.clone(),
            value: hit.value,
            share: hit.throttled.mean / arrived,
            multiple,
        });
        LoadPoint {
            multiple,
            replications: sample.observed.len() as u32,
            month_usd: estimate(|one| one.month_usd),
            latency_s: estimate(|one| one.latency_s),
            verdict: together(&objectives),
            objectives,
            instances_mean: result.summary.total.instances.mean.mean,
            binding,
        }
    }

    /// The objective that fails most clearly.
    fn worst(&self, point: &LoadPoint) -> Option<usize> {
        let rank = |place: &usize| match point.objectives[*place].verdict {
            Verdict::Missed => 0,
            Verdict::Open => 1,
            Verdict::Met => 2,
        };
        (0..point.objectives.len()).min_by_key(rank).filter(|place| rank(place) < 2)
    }
}

/// All objectives together.
pub(super) fn together(objectives: &[Outcome]) -> Verdict {
    let is = |verdict| objectives.iter().any(|objective| objective.verdict == verdict);
    if is(Verdict::Missed) {
        Verdict::Missed
    } else if is(Verdict::Open) {
        Verdict::Open
    } else {
        Verdict::Met
    }
}

fn outcome(requirement: &Requirement, place: usize, observed: &[Observation], most: u32, alpha: f64) -> Outcome {
    let range = |values: &[f64]| mean_range(values, alpha);
    let finding = conclude(requirement, place, observed, most, alpha, range);
    let value = Estimate::positive(shown_range(requirement, place, observed, alpha, range), f64::NAN);
    Outcome { value, verdict: finding.into(), by_mean: false }
}

/// Requests expected in one replication.
pub(super) fn requests(scenario: &Scenario) -> f64 {
    let horizon = scenario.simulation.horizon.as_secs_f64();
    let rate = |source: &Source| source.arrivals.mean_rate(source.service_mean_s(&scenario.functions), horizon);
    scenario.sources.iter().map(|source| rate(source) * horizon).sum()
}
