//! What is read off every replication of a candidate, and what is asked of it.

use super::super::comparison::Better;
use super::super::replication::Replication;
use super::super::summary::{Shape, Times, subject};
use super::super::window::Window;
use super::Asked;
use crate::metric::{self, Metric, Statistic};
use crate::scenario::{Bound, Scenario};
use crate::stats::selection::{Events, Side};

/// The metric of latency where no objective names a time.
const LATENCY: &str = "latency_s.p99";

/// What one replication of a candidate shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// Cost of a month, US dollars.
    pub month_usd: f64,
    /// The latency of the front, s.
    pub latency_s: f64,
    /// The metric of each objective.
    pub values: Vec<f64>,
    /// The rare events behind each objective, where there are some.
    pub events: Vec<Option<Events>>,
    /// Requests simulated.
    pub simulated: u64,
}

/// What is asked of the metric of an objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Requirement {
    /// The bound.
    pub side: Side,
    /// What it means for the share of its events, where there are some.
    pub share: Option<Side>,
    /// What may be expected of it when there is more of a monotone axis.
    pub kind: Kind,
}

/// How a requirement depends on what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is met the better, the more there is.
    Service,
    /// A budget for everything: the cheapest candidate meets it, or none does.
    Budget,
    /// Unknown.
    Other,
}

/// What is read off every replication: the objectives, and a latency for the front.
#[derive(Clone, Debug)]
pub struct Subjects {
    objectives: Vec<Subject>,
    latency: Subject,
}

#[derive(Clone, Debug)]
struct Subject {
    metric: String,
    function: Option<String>,
    bound: Option<Bound>,
}

impl Subjects {
    /// Those of a scenario.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let objectives: Vec<Subject> = (scenario.objectives.iter())
            .map(|objective| Subject {
                metric: objective.metric.clone(),
                function: objective.function.map(|id| scenario.functions[id.index()].name.clone()),
                bound: Some(objective.bound),
            })
            .collect();
        let time =
            objectives.iter().find(|one| one.metric.starts_with("latency_s.") || one.metric.starts_with("wait_s."));
        let latency = Subject { metric: LATENCY.to_owned(), function: None, bound: None };
        let latency = time.map_or(latency, |one| Subject { bound: None, ..one.clone() });
        Self { objectives, latency }
    }

    /// What the front calls latency: a metric, and the function it is about.
    #[must_use]
    pub fn latency(&self) -> String {
        subject(&self.latency.metric, self.latency.function.as_deref())
    }

    /// What is asked of each objective.
    #[must_use]
    pub fn requirements(&self) -> Vec<Requirement> {
        self.objectives.iter().map(Subject::requirement).collect()
    }

    /// The objectives, as they are written.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        let asked = |one: &Subject| {
            let (below, above) = match one.bound {
                Some(Bound::Below(bound)) => (Some(bound), None),
                Some(Bound::Above(bound)) => (None, Some(bound)),
                None => (None, None),
            };
            Asked { metric: one.metric.clone(), function: one.function.clone(), below, above }
        };
        self.objectives.iter().map(asked).collect()
    }

    /// What a replication of a candidate shows.
    #[must_use]
    pub fn observe(&self, scenario: &Scenario, replication: &mut Replication) -> Observation {
        let month_usd = replication.charge(scenario, Window::of(scenario).measured());
        let shape = |subject: &Subject| match &subject.function {
            None => Some(&replication.total),
            // A variant may have other functions.
            Some(name) => {
                let place = scenario.functions.iter().position(|function| function.name == *name)?;
                Some(&replication.functions[place].shape)
            }
        };
        let value = |subject: &Subject| shape(subject)?.get(&subject.metric).copied();
        Observation {
            month_usd,
            latency_s: value(&self.latency).unwrap_or(f64::NAN),
            values: self.objectives.iter().map(|one| value(one).unwrap_or(f64::NAN)).collect(),
            events: self.objectives.iter().map(|one| one.events(shape(one)?)).collect(),
            simulated: replication.simulated(),
        }
    }
}

impl Subject {
    fn requirement(&self) -> Requirement {
        let (side, better) = match self.bound {
            Some(Bound::Above(bound)) => (Side::Above(bound), Better::Higher),
            Some(Bound::Below(bound)) => (Side::Below(bound), Better::Lower),
            None => (Side::Below(f64::INFINITY), Better::Lower),
        };
        let metric = metric::find(&self.metric);
        let share = match (metric.and_then(Metric::quantile), side) {
            (Some(p), Side::Below(_)) => Some(Side::Below(1.0 - p)),
            (Some(p), Side::Above(_)) => Some(Side::Above(1.0 - p)),
            (None, side) => {
                metric.is_some_and(|metric| matches!(metric.statistic, Statistic::Ratio { .. })).then_some(side)
            }
        };
        let is_cost = self.metric.starts_with("cost_usd.");
        let kind = match Better::of(&self.metric) {
            _ if self.metric == "cost_usd.total" && self.function.is_none() && better == Better::Lower => Kind::Budget,
            Some(side) if side == better && !is_cost => Kind::Service,
            _ => Kind::Other,
        };
        Requirement { side, share, kind }
    }

    /// The events that a share is made of: cold starts, rejections, requests slower than the bound of a quantile.
    fn events(&self, shape: &Shape<f64>) -> Option<Events> {
        let metric = metric::find(&self.metric)?;
        if let Some((seen, trials)) = metric.counts(shape) {
            return Some(Events { seen, trials });
        }
        metric.quantile()?;
        let times = match metric.group() {
            "latency_s" => &shape.latency_s,
            "wait_s" => &shape.wait_s,
            "execution_s" => &shape.execution_s,
            "queueing_s" => &shape.queueing_s,
            "cold_start_s" => &shape.cold_start_s,
            _ => return None,
        };
        let Some(Bound::Below(bound) | Bound::Above(bound)) = self.bound else { return None };
        let trials = shape.requests.completed;
        Some(Events { seen: share_above(times, bound) * trials, trials })
    }
}

/// The share of times above a bound, linear between the quantiles that are known.
fn share_above(times: &Times<f64>, bound: f64) -> f64 {
    let known = [
        (1.0, 0.0),
        (0.5, times.p50),
        (0.1, times.p90),
        (0.05, times.p95),
        (0.01, times.p99),
        (0.001, times.p999),
        (0.0, times.max),
    ];
    if times.max <= bound || times.max.is_nan() {
        return 0.0;
    }
    // The last that the bound is not below.
    let place = known.iter().rposition(|(_, value)| *value <= bound).unwrap_or(0).min(known.len() - 2);
    let ((above, low), (beyond, high)) = (known[place], known[place + 1]);
    if high > low { above + (beyond - above) * ((bound - low) / (high - low)).clamp(0.0, 1.0) } else { above }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_above_a_bound_lies_between_quantiles() {
        let times = Times { mean: 1.0, sd: 1.0, p50: 1.0, p90: 2.0, p95: 3.0, p99: 4.0, p999: 8.0, max: 10.0 };
        for (bound, share) in
            [(0.5, 0.75), (1.0, 0.5), (4.0, 0.01), (6.0, 0.0055), (8.0, 0.001), (10.0, 0.0), (99.0, 0.0)]
        {
            assert!((share_above(&times, bound) - share).abs() < 1e-12, "{bound}: {}", share_above(&times, bound));
        }
        // Most wait for nothing.
        let rare = Times { mean: 0.0, sd: 0.0, p50: 0.0, p90: 0.0, p95: 0.0, p99: 0.0, p999: 1.0, max: 2.0 };
        assert!((share_above(&rare, 0.5) - 0.0055).abs() < 1e-12);
    }

    #[test]
    fn what_an_objective_is_decides_how_it_may_be_searched() {
        let kind = |metric: &str, bound| {
            Subject { metric: metric.to_owned(), function: None, bound: Some(bound) }.requirement().kind
        };
        assert_eq!(kind("latency_s.p99", Bound::Below(1.0)), Kind::Service);
        assert_eq!(kind("requests.completed", Bound::Above(1.0)), Kind::Service);
        assert_eq!(kind("latency_s.p99", Bound::Above(1.0)), Kind::Other);
        assert_eq!(kind("cost_usd.total", Bound::Below(1.0)), Kind::Budget);
        assert_eq!(kind("cost_usd.per_million_requests", Bound::Below(1.0)), Kind::Other);
        assert_eq!(kind("instances.mean", Bound::Below(1.0)), Kind::Other);
    }
}
