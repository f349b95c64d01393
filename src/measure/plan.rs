//! A capacity plan: what is asked of each candidate, and what was found, the content of `plan.json`.

use serde::{Deserialize, Serialize};

use super::comparison::Better;
use super::recorder::Replication;
use super::summary::{ScenarioRef, Shape, Times};
use super::window::Window;
use crate::scenario::{Bound, Scenario};
use crate::stats::selection::{Events, Finding, Range, Side};

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
        match &self.latency.function {
            Some(function) => format!("{} of {function}", self.latency.metric),
            None => self.latency.metric.clone(),
        }
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
        let share = match (quantile(&self.metric), side) {
            (Some(p), Side::Below(_)) => Some(Side::Below(1.0 - p)),
            (Some(p), Side::Above(_)) => Some(Side::Above(1.0 - p)),
            (None, side) => self.metric.ends_with("_ratio").then_some(side),
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
        match self.metric.as_str() {
            "cold_start_ratio" => Some(Events { seen: shape.invocations.cold, trials: shape.invocations.started }),
            "rejection_ratio" => Some(Events { seen: shape.requests.rejected, trials: shape.requests.arrived }),
            metric => {
                quantile(metric)?;
                let times = match metric.split('.').next()? {
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
    }
}

/// The quantile that a metric is: 0.99 of `latency_s.p99`.
fn quantile(metric: &str) -> Option<f64> {
    let digits = metric.split_once(".p")?.1;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { format!("0.{digits}").parse().ok() } else { None }
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

/// What a plan found: the content of `plan.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The scenario.
    pub scenario: ScenarioRef,
    /// Root of the random numbers.
    pub seed: u64,
    /// Simulated time of a replication, s.
    pub horizon_s: f64,
    /// The part of it that was measured, s.
    pub measured_s: f64,
    /// Whether it came to its end. If not, what follows is what was known when it was interrupted.
    pub is_finished: bool,
    /// What must be met.
    pub objectives: Vec<Asked>,
    /// What may be changed.
    pub axes: Vec<AxisFound>,
    /// The number of the cheapest candidate that is shown to meet every objective; none if none is.
    pub best: Option<usize>,
    /// The cheapest of the others.
    pub runner_up: Option<usize>,
    /// Where no candidate is shown to meet everything: the one that misses by the least.
    pub nearest: Option<Nearest>,
    /// What each objective costs.
    pub prices: Vec<Price>,
    /// The metric of the front.
    pub latency: String,
    /// Candidates than which none that was looked at is both cheaper and faster, the cheapest first.
    pub front: Vec<usize>,
    /// What happens to the best when the load grows.
    pub headroom: Option<Headroom>,
    /// The static estimate of each function beside what was simulated.
    pub static_estimates: Vec<StaticEstimate>,
    /// Every candidate that was looked at, by number.
    pub candidates: Vec<Candidate>,
    /// How it was found.
    pub method: Method,
}

/// An objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Key of the summary.
    pub metric: String,
    /// The function; none: the total.
    pub function: Option<String>,
    /// It must stay below this.
    pub below: Option<f64>,
    /// It must stay above this.
    pub above: Option<f64>,
}

/// A mean and the range that holds the true one; all ranges of a plan hold together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean; none where nothing was there to measure.
    pub mean: Option<f64>,
    /// Lower end of the range; none where there are too few values.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

impl Estimate {
    /// A range of what is never below zero, as an estimate; without one, the mean alone.
    #[must_use]
    pub fn positive(range: Option<Range>, mean: f64) -> Self {
        let estimate = Self::of(range, mean);
        Self { low: estimate.low.map(|low| low.max(0.0)), ..estimate }
    }

    /// A range as an estimate; without one, the mean alone.
    #[must_use]
    pub fn of(range: Option<Range>, mean: f64) -> Self {
        let finite = |value: f64| value.is_finite().then_some(value);
        match range {
            Some(range) => Self { mean: finite(range.mean), low: finite(range.low), high: finite(range.high) },
            None => Self { mean: finite(mean), low: None, high: None },
        }
    }
}

/// What may be said of an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is shown to be met.
    Met,
    /// It is shown to be missed.
    Missed,
    /// Neither is shown.
    Open,
}

impl From<Finding> for Verdict {
    fn from(finding: Finding) -> Self {
        match finding {
            Finding::Met => Self::Met,
            Finding::Missed => Self::Missed,
            Finding::Open => Self::Open,
        }
    }
}

/// An objective and what a candidate does about it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The metric.
    pub value: Estimate,
    /// What may be said.
    pub verdict: Verdict,
}

/// Something that may be changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AxisFound {
    /// The dotted key, `variant` or `policy`.
    pub key: String,
    /// Its values.
    pub values: Vec<String>,
    /// Whether bisection was used along it: more of it serves at least as well, and nothing that was seen contradicts that.
    pub is_monotone: bool,
}

/// A configuration that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its number: all combinations, the last axis fastest.
    pub number: usize,
    /// Its value on each axis.
    pub values: Vec<String>,
    /// Replications made of it.
    pub replications: u32,
    /// Cost of a month, US dollars.
    pub month_usd: Estimate,
    /// The metric of the front, s.
    pub latency_s: Estimate,
    /// What may be said of all objectives together.
    pub verdict: Verdict,
    /// Each objective.
    pub objectives: Vec<Outcome>,
}

/// The candidate that misses by the least.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nearest {
    /// Its number.
    pub candidate: usize,
    /// The place of the objective that it misses by the largest part of the bound.
    pub objective: usize,
    /// That part of the bound; below zero where the mean meets it, but not surely.
    pub by: f64,
}

/// What an objective costs: what would be saved without it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// The place of the objective.
    pub objective: usize,
    /// The cheapest candidate that meets all others; none if none is shown to.
    pub best_without: Option<usize>,
    /// What the objective costs in a month, US dollars: the best with it less the best without it.
    pub month_usd: Option<Estimate>,
}

/// What happens when the load grows and nothing else changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Headroom {
    /// Replications at each load.
    pub replications: u32,
    /// Multiples of today's load, rising.
    pub points: Vec<LoadPoint>,
    /// The largest multiple at which every objective is shown to be met.
    pub holds_to: f64,
    /// The smallest above it at which one is not; none up to the last multiple.
    pub breaks_at: Option<f64>,
    /// The place of the objective that is not.
    pub breaks_first: Option<usize>,
    /// The limit that is the first to hold requests back.
    pub first_limit: Option<Binding>,
    /// Growth of the load and the months until it no longer holds.
    pub growth: Option<Months>,
}

/// A multiple of today's load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadPoint {
    /// How many times today's load.
    pub multiple: f64,
    /// Cost of a month at this load, US dollars.
    pub month_usd: Estimate,
    /// The metric of the front, s.
    pub latency_s: Estimate,
    /// What may be said of all objectives together.
    pub verdict: Verdict,
    /// Each objective.
    pub objectives: Vec<Outcome>,
    /// Mean number of instances.
    pub instances_mean: f64,
    /// The limit that holds most requests back.
    pub binding: Option<Binding>,
}

/// A limit that holds requests back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// Its name.
    pub limit: String,
    /// Whose requests.
    pub function: String,
    /// Its value.
    pub value: Option<f64>,
    /// The part of all arrived requests that it held back or refused.
    pub share: f64,
    /// At which multiple of today's load.
    pub multiple: f64,
}

/// Growth and time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Months {
    /// As it was written.
    pub growth: String,
    /// Months until the load is `holds_to` times today's.
    pub months: f64,
    /// Whether it lasts longer than that, because nothing broke up to the largest load looked at.
    pub at_least: bool,
}

/// The estimate that needs no simulation: N_instance = L_load / C_instance, mean load over requests at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StaticEstimate {
    /// The function.
    pub function: String,
    /// N_instance.
    pub instances: f64,
    /// Mean number of instances simulated, with the recommended configuration.
    pub simulated_mean: f64,
    /// The most at one moment, mean over replications.
    pub simulated_peak: f64,
    /// What the estimate misses of that peak, as a part of it.
    pub short_by: f64,
    /// The key that sets instances, if there is one, with the value next to the estimate: the number of that candidate.
    pub as_set: Option<usize>,
}

/// How it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// All that is said holds together with this probability.
    pub confidence: f64,
    /// Differences in cost of less than this part do not matter.
    pub indifference: f64,
    /// Replications at each planned look.
    pub looks: Vec<u32>,
    /// Configurations in all.
    pub candidates: usize,
    /// Of these, looked at.
    pub looked_at: usize,
    /// The confidence of each single range of a metric.
    pub range_confidence: f64,
    /// The confidence of each single range of a difference in cost.
    pub cost_confidence: f64,
    /// Replications that were simulated.
    pub runs: Runs,
    /// Candidates of which it stays open whether they meet, and which may be cheaper.
    pub open: Vec<usize>,
    /// Candidates of which it stays open whether they are cheaper by more than the indifference.
    pub ties: Vec<usize>,
}

/// Replications by what they were for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    /// To find the best.
    pub best: u64,
    /// To find the runner-up and what objectives cost.
    pub others: u64,
    /// To draw the front, and for the static estimate.
    pub front: u64,
    /// To see what happens when the load grows.
    pub headroom: u64,
    /// What it would take to make all planned replications of all candidates.
    pub exhaustive: u64,
}

impl Asked {
    /// The metric with its function: `latency_s.p99 of checkout`.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.function {
            Some(function) => format!("{} of {function}", self.metric),
            None => self.metric.clone(),
        }
    }

    /// By which part of the bound a value misses it; below zero if it does not.
    #[must_use]
    pub fn excess(&self, value: f64) -> f64 {
        let part = |by: f64, bound: f64| if bound == 0.0 { by } else { by / bound.abs() };
        match (self.below, self.above) {
            (Some(bound), _) => part(value - bound, bound),
            (None, Some(bound)) => part(bound - value, bound),
            (None, None) => f64::NEG_INFINITY,
        }
    }
}

impl Plan {
    /// A candidate that was looked at.
    #[must_use]
    pub fn candidate(&self, number: usize) -> Option<&Candidate> {
        self.candidates.iter().find(|one| one.number == number)
    }

    /// A candidate in words: `memory = 512MB, provisioned = 3`, with the shortest ends of keys that tell them apart.
    #[must_use]
    pub fn describe(&self, candidate: &Candidate) -> String {
        let pairs = self.short_keys().into_iter().zip(&candidate.values);
        pairs.map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
    }

    /// The keys of the axes without what they need not say: `checkout.memory`, or `memory` where one function is changed.
    #[must_use]
    pub fn short_keys(&self) -> Vec<String> {
        const DULL: [&str; 4] = ["concurrency", "scaling", "keep-alive", "fixed"];
        let short = |key: &str, with_function: bool| -> String {
            let parts: Vec<&str> = key.split('.').collect();
            let (&last, rest) = parts.split_last().unwrap_or((&"", &[]));
            let last = if last == "window" { "keep-alive" } else { last };
            let name = rest.get(1).filter(|name| with_function && !DULL.contains(name));
            name.map_or_else(|| last.to_owned(), |name| format!("{name} {last}"))
        };
        let keys: Vec<String> = self.axes.iter().map(|axis| short(&axis.key, false)).collect();
        let is_clear = keys.iter().all(|key| keys.iter().filter(|other| *other == key).count() == 1);
        let functions: Vec<&str> =
            self.axes.iter().filter_map(|axis| axis.key.strip_prefix("function.")?.split('.').next()).collect();
        if is_clear && functions.windows(2).all(|pair| pair[0] == pair[1]) {
            return keys;
        }
        self.axes.iter().map(|axis| short(&axis.key, true)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_shares() {
        assert_eq!(quantile("latency_s.p99"), Some(0.99));
        assert_eq!(quantile("wait_s.p999"), Some(0.999));
        assert_eq!(
            (quantile("latency_s.mean"), quantile("requests.pending"), quantile("cold_start_ratio")),
            (None, None, None)
        );
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
