//! The observations of every replication of a candidate, and the requirements on them.

use super::super::comparison::Better;
use super::super::replication::Replication;
use super::super::summary::{Asked, Shape, Times};
use super::super::window::Window;
use crate::metric::Statistic;
use crate::scenario::objective::FAILURE_RATIO;
use crate::scenario::{Bound, Goal, Objective, Scenario, Subject};
use crate::stats::selection::{Events, Side};

/// The latency metric if no objective names one.
const LATENCY: &str = "latency_s.p99";

/// What one replication of a candidate shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// Cost of a month, US dollars.
    pub month_usd: f64,
    /// Cost of a million requests that are answered successfully, US dollars: by this candidates are compared.
    pub per_million_usd: f64,
    /// The latency of the front, s.
    pub latency_s: f64,
    /// The value of each objective; infinite where a quantile is never reached because so many requests fail.
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
    /// Its expected behavior for larger values of a monotone axis.
    pub kind: Kind,
    /// Whether the requests of all replications together decide, and not the mean over replications.
    pub is_pooled: bool,
}

/// How a requirement depends on what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Larger values make it easier to meet.
    Service,
    /// A budget for everything: the cheapest candidate meets it, or none does.
    Budget,
    /// Unknown.
    Other,
}

/// The observations of every replication: the objectives, and a latency for the front.
#[derive(Clone, Debug)]
pub struct Subjects {
    objectives: Vec<Objective>,
    asked: Vec<Asked>,
    /// The objective whose metric is the latency of the front; none: that of the total.
    latency: Option<usize>,
}

impl Subjects {
    /// Those of a scenario. Its candidates have the same objectives.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let is_time = |objective: &Objective| matches!(&objective.goal, Goal::Metric { metric, .. } if matches!(metric.group(), "latency_s" | "wait_s"));
        Self {
            asked: scenario.objectives.iter().map(|objective| Asked::of(objective, scenario)).collect(),
            latency: scenario.objectives.iter().position(is_time),
            objectives: scenario.objectives.clone(),
        }
    }

    /// What the front calls latency: a metric, and whose it is.
    #[must_use]
    pub fn latency(&self) -> String {
        self.latency.map_or_else(|| LATENCY.to_owned(), |place| self.asked[place].subject())
    }

    /// What is asked of each objective.
    #[must_use]
    pub fn requirements(&self) -> Vec<Requirement> {
        self.objectives.iter().map(requirement).collect()
    }

    /// The objectives, as they are written.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.clone()
    }

    /// What a replication of a candidate shows.
    #[must_use]
    pub fn observe(&self, scenario: &Scenario, replication: &mut Replication) -> Observation {
        let month_usd = replication.charge(scenario, Window::of(scenario).measured());
        let replication = &*replication;
        let places = || 0..self.objectives.len();
        let latency_s = match self.latency {
            Some(place) => replication.value(scenario, place),
            None => replication.measured(scenario, Subject::Total).judged(LATENCY),
        };
        Observation {
            month_usd,
            per_million_usd: per_million(replication.measured(scenario, Subject::Total).shape),
            latency_s,
            values: places().map(|place| replication.value(scenario, place)).collect(),
            events: places().map(|place| events(replication, scenario, place)).collect(),
            simulated: replication.simulated(),
        }
    }
}

/// The cost of a million successful requests; NaN if nothing arrived, infinite if nothing succeeded.
fn per_million(shape: &Shape<f64>) -> f64 {
    const NOTHING_SUCCEEDED: f64 = 1e15;
    let requests = &shape.requests;
    if requests.completed == 0.0 && requests.arrived > 0.0 {
        return NOTHING_SUCCEEDED;
    }
    shape.cost_usd.per_million_succeeded
}

fn requirement(objective: &Objective) -> Requirement {
    let (metric, bound) = match &objective.goal {
        Goal::Metric { metric, bound } => (metric, bound),
        Goal::Share { share, .. } => {
            // "At least" means above any smaller value.
            let side = Side::Above(share.next_down());
            return Requirement { side, share: Some(side), kind: Kind::Service, is_pooled: true };
        }
        Goal::Stability { .. } => {
            let side = Side::Above(1.0_f64.next_down());
            return Requirement { side, share: None, kind: Kind::Service, is_pooled: false };
        }
    };
    let (side, better) = match bound {
        Bound::Above(bound) => (Side::Above(*bound), Better::Higher),
        Bound::Below(bound) => (Side::Below(*bound), Better::Lower),
    };
    let share = match (metric.statistic, side) {
        (Statistic::Quantile(of), Side::Below(_)) => Some(Side::Below(1.0 - f64::from(of) / 1000.0)),
        (Statistic::Quantile(of), Side::Above(_)) => Some(Side::Above(1.0 - f64::from(of) / 1000.0)),
        (Statistic::Ratio { .. }, side) => Some(side),
        (Statistic::Plain, _) => None,
    };
    let is_total = objective.subject == Subject::Total;
    let kind = match metric.better {
        _ if metric.key == "cost_usd.total" && is_total && better == Better::Lower => Kind::Budget,
        Some(side) if side == better && metric.group() != "cost_usd" => Kind::Service,
        _ => Kind::Other,
    };
    Requirement { side, share, kind, is_pooled: metric.key == FAILURE_RATIO && better == Better::Lower }
}

/// The events that a share is made of: cold starts, failures, requests slower than the bound of a quantile.
fn events(replication: &Replication, scenario: &Scenario, place: usize) -> Option<Events> {
    if let Some(events) = replication.events(scenario, place) {
        return Some(events);
    }
    let objective = &scenario.objectives[place];
    let Goal::Metric { metric, bound: Bound::Below(bound) | Bound::Above(bound) } = &objective.goal else {
        return None;
    };
    metric.quantile()?;
    if !objective.subject.is_of_requests() {
        return None;
    }
    let measured = replication.measured(scenario, objective.subject);
    let shape = measured.shape;
    let times = match metric.group() {
        "latency_s" => &shape.latency_s,
        "wait_s" => &shape.wait_s,
        "execution_s" => &shape.execution_s,
        "queueing_s" => &shape.queueing_s,
        "cold_start_s" => &shape.cold_start_s,
        _ => return None,
    };
    let completed = shape.requests.completed;
    let slow = share_above(times, *bound) * completed;
    Some(if objective.is_of_all_requests() {
        let (failed, arrived) = measured.failures();
        Events { seen: slow + failed, trials: arrived }
    } else {
        Events { seen: slow, trials: completed }
    })
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
    let place = known.iter().rposition(|(_, value)| *value <= bound).unwrap_or(0);
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
            let metric = crate::metric::find(metric).expect("a metric");
            let goal = Goal::Metric { metric, bound };
            requirement(&Objective { subject: Subject::Total, goal, is_implied: false }).kind
        };
        assert_eq!(kind("latency_s.p99", Bound::Below(1.0)), Kind::Service);
        assert_eq!(kind("requests.completed", Bound::Above(1.0)), Kind::Service);
        assert_eq!(kind("latency_s.p99", Bound::Above(1.0)), Kind::Other);
        assert_eq!(kind("cost_usd.total", Bound::Below(1.0)), Kind::Budget);
        assert_eq!(kind("cost_usd.per_million_requests", Bound::Below(1.0)), Kind::Other);
        assert_eq!(kind("instances.mean", Bound::Below(1.0)), Kind::Other);
    }

    #[test]
    fn a_requirement_says_what_share_it_is_about_and_what_decides() {
        let of = |goal| {
            let found = requirement(&Objective { subject: Subject::Total, goal, is_implied: false });
            (found.share, found.is_pooled)
        };
        let metric = |key: &str, bound| Goal::Metric { metric: crate::metric::find(key).expect("a metric"), bound };
        let share_of_p99 = 1.0 - 0.99;
        assert_eq!(of(metric("latency_s.p99", Bound::Below(1.0))), (Some(Side::Below(share_of_p99)), false));
        assert_eq!(of(metric("latency_s.p99", Bound::Above(1.0))), (Some(Side::Above(share_of_p99)), false));
        assert_eq!(of(metric("cold_start_ratio", Bound::Below(0.1))), (Some(Side::Below(0.1)), false));
        assert_eq!(of(metric("failure_ratio", Bound::Below(0.1))), (Some(Side::Below(0.1)), true));
        assert_eq!(of(metric("failure_ratio", Bound::Above(0.1))), (Some(Side::Above(0.1)), false));
        assert_eq!(of(metric("latency_s.mean", Bound::Below(1.0))), (None, false));
        assert_eq!(of(Goal::Stability { at_worst: crate::metric::Stability::Stable }), (None, false));
        assert_eq!(
            of(Goal::Share { share: 0.5, within: crate::time::Span::from_secs(1) }),
            (Some(Side::Above(0.5_f64.next_down())), true)
        );
    }
}
