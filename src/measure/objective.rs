//! Judging objectives from replications.

use super::path;
use super::quantile;
use super::replication::{Record, Replication, RunMeasures};
use super::replications::Replications;
use super::result::stat_of;
use super::stability::Tipped;
use super::summary::{Asked, ObjectiveResult, Shape, Stat};
use super::tally::LatencyOfAll;
use crate::id::SourceId;
use crate::metric::component::{ATTEMPTS_PER_REQUEST, find_of_batching};
use crate::metric::{self, Metric};
use crate::scenario::objective::{FAILURE_RATIO, TOLERATED_FAILURES};
use crate::scenario::{Goal, Objective, Scenario, Subject, Target};
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

/// Whose numbers those of a source are that is not measured apart: it is the only one of its function, or of all.
pub(super) fn owner(scenario: &Scenario, source: SourceId) -> Subject {
    match scenario.sources[source.index()].target {
        Target::Function(function) => Subject::Function(function),
        Target::ByTrace(_) | Target::Component(_) => Subject::Total,
    }
}

impl Replication {
    /// What was measured of a subject of the scenario.
    pub(super) fn measured(&self, scenario: &Scenario, subject: Subject) -> Measured<'_> {
        match subject {
            // Of a component itself `value_on_path` tells.
            Subject::Total | Subject::Component(_) | Subject::NodeGroup(_) => (&self.measures.total).into(),
            Subject::Function(id) => (&self.functions[id.index()].measures.record).into(),
            Subject::Source(id) => match self.measures.source(id) {
                Some(record) => record.into(),
                None => self.measured(scenario, owner(scenario, id)),
            },
        }
    }

    /// The value of an objective, by index; infinite if a quantile is never reached.
    pub(super) fn value(&self, scenario: &Scenario, place: usize) -> f64 {
        let objective = &scenario.objectives[place];
        let measured = self.measured(scenario, objective.subject);
        if let Some(value) = value_on_path(scenario, objective, &self.measures) {
            return value;
        }
        let tipped = match objective.subject {
            Subject::Function(id) => self.functions[id.index()].measures.tipped,
            Subject::Total | Subject::Source(_) | Subject::Component(_) | Subject::NodeGroup(_) => self.measures.tipped,
        };
        value(objective, &measured, self.measures.answered[place], tipped)
    }

    /// The events that a ratio or a share is made of, where the value of an objective is one.
    pub(super) fn events(&self, scenario: &Scenario, place: usize) -> Option<Events> {
        let objective = &scenario.objectives[place];
        if let Some(events) = events_on_path(objective, &self.measures) {
            return events;
        }
        events(objective, &self.measured(scenario, objective.subject), self.measures.answered[place])
    }
}

/// The value of an objective in a replication in which so many requests were answered in time.
pub(super) fn value(objective: &Objective, measured: &Measured<'_>, answered: u64, tipped: Tipped) -> f64 {
    match &objective.goal {
        Goal::Metric { metric, .. } => measured.judged(&metric.key),
        Goal::Share { .. } => answered as f64 / measured.shape.requests.arrived,
        Goal::Stability { at_worst } => f64::from(u8::from(tipped.verdict <= *at_worst)),
    }
}

/// The events that a ratio or a share is made of, where the value of an objective is one.
fn events(objective: &Objective, measured: &Measured<'_>, answered: u64) -> Option<Events> {
    let (seen, trials) = match &objective.goal {
        Goal::Metric { metric, .. } => metric.counts(measured.shape)?,
        Goal::Share { .. } => (answered as f64, measured.shape.requests.arrived),
        Goal::Stability { .. } => return None,
    };
    Some(Events { seen, trials })
}

/// All objectives of a scenario and what was found. `stat` is that of a metric of a subject, as the summary has it.
pub(super) fn results(
    scenario: &Scenario,
    replications: &Replications,
    stat: impl Fn(Subject, &str) -> Option<Stat>,
) -> Vec<ObjectiveResult> {
    let result = |(place, objective): (usize, &Objective)| {
        let asked = Asked::of(objective, scenario);
        let records = replications.measured(scenario, objective.subject);
        let measured: Vec<Measured<'_>> = records.iter().map(Measured::from).collect();
        let shapes: Vec<&Shape<f64>> = measured.iter().map(|one| one.shape).collect();
        let failures = metric::find(FAILURE_RATIO).map_or(0.0, |ratio| stat_of(&shapes, ratio).mean);
        let of_all = objective.is_of_all_requests() && failures > 0.0;
        let value = match &objective.goal {
            Goal::Metric { metric, .. } if of_all => {
                quantile::stat(&metric.key, |key| measured.iter().map(|one| one.judged(key)).collect())
            }
            Goal::Metric { metric, .. } if is_of_path(objective, metric) => {
                let counts: Option<Vec<Events>> =
                    replications.iter().map(|one| events_on_path(objective, one).flatten()).collect();
                match counts {
                    Some(counts) => pooled(counts.into_iter()),
                    None => Stat::of(&replications.values(scenario, place)),
                }
            }
            Goal::Metric { metric, .. } => {
                stat(objective.subject, &metric.key).unwrap_or_else(|| stat_of(&shapes, metric))
            }
            Goal::Stability { .. } => Stat::of(&replications.values(scenario, place)),
            Goal::Share { .. } => {
                let pairs = replications.iter().zip(&measured);
                pooled(pairs.filter_map(|(one, measured)| events(objective, measured, one.answered[place])))
            }
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

/// The value of an objective on what is on the path of requests; none of another one.
pub(super) fn value_on_path(scenario: &Scenario, objective: &Objective, run: &RunMeasures) -> Option<f64> {
    let Goal::Metric { metric, .. } = &objective.goal else { return None };
    match objective.subject {
        Subject::Component(id) => Some(path::figure(scenario, run, id, metric)),
        Subject::NodeGroup(id) => Some(path::of_nodes(run, id, &metric.key)),
        Subject::Source(id) if metric.key == ATTEMPTS_PER_REQUEST => {
            Some(path::attempts_per_request(scenario, run, id))
        }
        Subject::Function(id) if find_of_batching(&metric.key).is_some() => Some(path::generated(run, id, &metric.key)),
        Subject::Total | Subject::Function(_) | Subject::Source(_) => None,
    }
}

/// The events that it is made of, if its value is a ratio; none of an objective on requests.
fn events_on_path(objective: &Objective, run: &RunMeasures) -> Option<Option<Events>> {
    let Goal::Metric { metric, .. } = &objective.goal else { return None };
    let Subject::Component(id) = objective.subject else { return None };
    Some(path::counts(run, id, metric).map(|(seen, trials)| Events { seen, trials }))
}

/// Whether a metric is not in every [`Shape`]: it is of what is on the path of requests, or of batches.
fn is_of_path(objective: &Objective, metric: &Metric) -> bool {
    !objective.subject.is_of_requests() || metric.key == ATTEMPTS_PER_REQUEST || find_of_batching(&metric.key).is_some()
}

/// The ratio of the sums with its jackknife interval.
fn pooled(events: impl Iterator<Item = Events>) -> Stat {
    let pairs: Vec<(f64, f64)> = events.map(|one| (one.seen, one.trials)).collect();
    Stat::of_ratio(&pairs)
}
