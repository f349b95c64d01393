//! Judging objectives from replications.

use super::replication::{Record, Replication};
use super::result::stat_of;
use super::summary::{Asked, ObjectiveResult, Shape, Stat};
use super::tally::LatencyOfAll;
use crate::metric;
use crate::scenario::objective::{FAILURE_RATIO, TOLERATED_FAILURES};
use crate::scenario::{Goal, Objective, Scenario, Subject, Target};
use crate::stats::interval;
use crate::stats::selection::Events;

/// Measurements of one replication for a subject.
pub(super) struct Measured<'a> {
    pub(super) shape: &'a Shape<f64>,
    latency_of_all: Option<&'a LatencyOfAll>,
}

impl<'a> From<&'a Record> for Measured<'a> {
    fn from(record: &'a Record) -> Self {
        Self { shape: &record.shape, latency_of_all: record.latency_of_all.as_ref() }
    }
}

impl Measured<'_> {
    /// A metric as it is judged: latency quantiles over all requests, with failures as infinitely late.
    pub(super) fn judged(&self, key: &str) -> f64 {
        let of_all = self.latency_of_all.and_then(|all| all.get(key));
        of_all.or_else(|| self.shape.get(key).copied()).unwrap_or(f64::NAN)
    }

    /// Requests without a successful response, and all that arrived.
    pub(super) fn failures(&self) -> (f64, f64) {
        let requests = &self.shape.requests;
        (requests.arrived - requests.completed, requests.arrived)
    }
}

impl Replication {
    /// What was measured of a subject of the scenario.
    pub(super) fn measured(&self, scenario: &Scenario, subject: Subject) -> Measured<'_> {
        match subject {
            Subject::Total => (&self.total).into(),
            Subject::Function(id) => (&self.functions[id.index()].record).into(),
            Subject::Source(id) => match self.sources.iter().find(|(known, _)| *known == id) {
                Some((_, record)) => record.into(),
                // It is the only source of its function, or of the scenario.
                None => match scenario.sources[id.index()].target {
                    Target::Function(function) => (&self.functions[function.index()].record).into(),
                    Target::ByTrace(_) | Target::Component(_) => (&self.total).into(),
                },
            },
        }
    }

    /// The value of an objective, by index; infinite if a quantile is never reached.
    pub(super) fn value(&self, scenario: &Scenario, place: usize) -> f64 {
        let objective = &scenario.objectives[place];
        let measured = self.measured(scenario, objective.subject);
        match &objective.goal {
            Goal::Metric { metric, .. } => measured.judged(&metric.key),
            Goal::Share { .. } => self.answered[place] as f64 / measured.shape.requests.arrived,
            Goal::Stability { at_worst } => {
                let tipped = match objective.subject {
                    Subject::Function(id) => self.functions[id.index()].tipped,
                    Subject::Total | Subject::Source(_) => self.tipped,
                };
                f64::from(u8::from(tipped.verdict <= *at_worst))
            }
        }
    }

    /// The events that a ratio or a share is made of, where the value of an objective is one.
    pub(super) fn events(&self, scenario: &Scenario, place: usize) -> Option<Events> {
        let objective = &scenario.objectives[place];
        let measured = self.measured(scenario, objective.subject);
        let (seen, trials) = match &objective.goal {
            Goal::Metric { metric, .. } => metric.counts(measured.shape)?,
            Goal::Share { .. } => (self.answered[place] as f64, measured.shape.requests.arrived),
            Goal::Stability { .. } => return None,
        };
        Some(Events { seen, trials })
    }
}

/// All objectives of a scenario and what was found. `stat` is that of a metric of a subject, as the summary has it.
pub(super) fn results(
    scenario: &Scenario,
    replications: &[Replication],
    stat: impl Fn(Subject, &str) -> Option<Stat>,
) -> Vec<ObjectiveResult> {
    let result = |(place, objective): (usize, &Objective)| {
        let asked = Asked::of(objective, scenario);
        let measured: Vec<Measured<'_>> =
            replications.iter().map(|one| one.measured(scenario, objective.subject)).collect();
        let shapes: Vec<&Shape<f64>> = measured.iter().map(|one| one.shape).collect();
        let failures = metric::find(FAILURE_RATIO).map_or(0.0, |ratio| stat_of(&shapes, ratio).mean);
        let of_all = objective.is_of_all_requests() && failures > 0.0;
        let value = match &objective.goal {
            Goal::Metric { metric, .. } if of_all => {
                Stat::of(&measured.iter().map(|one| one.judged(&metric.key)).collect::<Vec<_>>())
            }
            Goal::Metric { metric, .. } => {
                stat(objective.subject, &metric.key).unwrap_or_else(|| stat_of(&shapes, metric))
            }
            Goal::Stability { .. } => {
                Stat::of(&replications.iter().map(|one| one.value(scenario, place)).collect::<Vec<_>>())
            }
            Goal::Share { .. } => pooled(replications.iter().filter_map(|one| one.events(scenario, place))),
        };
        let has_failed = objective.needs_few_failures() && failures >= TOLERATED_FAILURES;
        let is_never = value.mean == f64::INFINITY;
        ObjectiveResult {
            met: asked.is_met_by(value.mean) && !has_failed,
            failure_ratio: (has_failed || is_never).then_some(failures),
            asked,
            value,
        }
    };
    scenario.objectives.iter().enumerate().map(result).collect()
}

/// The ratio of the sums with its jackknife interval.
fn pooled(events: impl Iterator<Item = Events>) -> Stat {
    let pairs: Vec<(f64, f64)> = events.map(|one| (one.seen, one.trials)).collect();
    let (seen, trials) = pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    Stat { mean: seen / trials, half_width: interval::ratio_of_sums(&pairs).map(|ratio| ratio.half_width) }
}
