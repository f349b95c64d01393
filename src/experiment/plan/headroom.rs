//! What happens to a configuration when the load grows.

use super::laboratory::Simulator;
use super::samples::{conclude, shown_range};
use crate::engine::SimError;
use crate::measure::RunResult;
use crate::measure::plan::{
    Binding, Estimate, Headroom, LoadPoint, Months, Observation, Outcome, Requirement, Verdict,
};
use crate::scenario::limits::MAX_REQUESTS;
use crate::scenario::plan::Growth;
use crate::scenario::{Scenario, Source};
use crate::stats::selection::mean_range;

/// Multiples of today's load that are always evaluated.
const MULTIPLES: [f64; 7] = [1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0];
/// Bisection steps between the last multiple that holds and the first that does not.
const HALVINGS: usize = 5;
/// Share of throttled requests from which a limit counts as reached.
const BINDS: f64 = 0.001;

/// The requirements.
pub(super) struct Question<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) requirements: &'a [Requirement],
    pub(super) replications: u32,
    /// Error probability over all statements made here.
    pub(super) alpha: f64,
    pub(super) growth: Option<&'a Growth>,
}

/// Evaluates increasing loads with common random numbers, then finds by bisection where the first objective is missed.
/// Also returns the run at today's load.
pub(super) fn headroom(
    question: &Question<'_>,
    simulator: &mut Simulator<'_>,
) -> Result<(Headroom, RunResult, u64), SimError> {
    let mut points = Vec::new();
    let mut today = None;
    let mut runs = 0;
    for multiple in MULTIPLES {
        if requests(question.scenario) * multiple > MAX_REQUESTS && multiple > 1.0 {
            break;
        }
        let (point, result) = question.at(multiple, simulator)?;
        runs += u64::from(question.replications);
        points.push(point);
        today.get_or_insert(result);
    }
    if let Some(first) = points.first_mut() {
        // It is known to meet the objectives at this load, perhaps from more replications.
        first.verdict = Verdict::Met;
        first.objectives.iter_mut().for_each(|objective| objective.verdict = Verdict::Met);
    }
    let broken = |points: &[LoadPoint]| points.iter().position(|point| point.verdict != Verdict::Met);
    for _ in 0..HALVINGS {
        let Some(place) = broken(&points).filter(|place| *place > 0) else { break };
        let middle = (points[place - 1].multiple * points[place].multiple).sqrt();
        let (point, _) = question.at(middle, simulator)?;
        runs += u64::from(question.replications);
        points.insert(place, point);
    }
    let place = broken(&points);
    let holds_to =
        place.map_or(points.last(), |place| points.get(place.wrapping_sub(1))).map_or(1.0, |one| one.multiple);
    let first_broken = place.map(|place| &points[place]);
    let headroom = Headroom {
        replications: question.replications,
        holds_to,
        breaks_at: first_broken.map(|point| point.multiple),
        breaks_first: first_broken.and_then(|point| question.worst(point)),
        first_limit: points.iter().filter_map(|point| point.binding.clone()).find(|binding| binding.share >= BINDS),
        growth: question.growth.map(|growth| Months {
            growth: growth.text.clone(),
            months: holds_to.ln() / growth.by_month.ln_1p(),
            at_least: place.is_none(),
        }),
        points,
    };
    let Some(today) = today else { return Err(SimError::Cancelled) };
    Ok((headroom, today, runs))
}

impl Question<'_> {
    fn at(&self, multiple: f64, simulator: &mut Simulator<'_>) -> Result<(LoadPoint, RunResult), SimError> {
        let scenario = self.scenario.under_load(multiple);
        let (observed, result) = simulator.run(&scenario, self.replications)?;
        let statements = (MULTIPLES.len() + HALVINGS) * self.requirements.len().max(1);
        let alpha = self.alpha / statements as f64;
        let objectives: Vec<Outcome> =
            self.requirements.iter().enumerate().map(|(place, one)| outcome(one, place, &observed, alpha)).collect();
        let estimate = |value: fn(&Observation) -> f64| {
            let values: Vec<f64> = observed.iter().map(value).filter(|value| value.is_finite()).collect();
            Estimate::positive(mean_range(&values, alpha), f64::NAN)
        };
        let arrived = result.summary.total.requests.arrived.mean;
        let binding = result.summary.limits.first().map(|hit| Binding {
            limit: hit.limit.clone(),
            function: hit.function.clone(),
            value: hit.value,
            share: hit.throttled.mean / arrived,
            multiple,
        });
        let point = LoadPoint {
            multiple,
            month_usd: estimate(|one| one.month_usd),
            latency_s: estimate(|one| one.latency_s),
            verdict: together(&objectives),
            objectives,
            instances_mean: result.summary.total.instances.mean.mean,
            binding,
        };
        Ok((point, result))
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

fn outcome(requirement: &Requirement, place: usize, observed: &[Observation], alpha: f64) -> Outcome {
    let range = |values: &[f64]| mean_range(values, alpha);
    let finding = conclude(requirement, place, observed, observed.len() as u32, alpha, range);
    let value = Estimate::positive(shown_range(requirement, place, observed, alpha, range), f64::NAN);
    Outcome { value, verdict: finding.into(), by_mean: false }
}

/// Requests expected in one replication.
fn requests(scenario: &Scenario) -> f64 {
    let horizon = scenario.simulation.horizon.as_secs_f64();
    let rate = |source: &Source| source.arrivals.mean_rate(source.service_mean_s(&scenario.functions), horizon);
    scenario.sources.iter().map(|source| rate(source) * horizon).sum()
}
