//! The result of a plan: the content of `plan.json`.

mod subjects;

use serde::{Deserialize, Serialize};

pub use super::summary::Asked;
use super::summary::{ScenarioRef, Stat, Summary};
use crate::scenario::axis::short_names;
use crate::stats::selection::{Finding, Range};
pub use subjects::{Kind, Observation, Requirement, Subjects};

/// The result of a plan: the content of `plan.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The scenario.
    pub scenario: ScenarioRef,
    /// The random seed.
    pub seed: u64,
    /// Simulated time of a replication, s.
    pub horizon_s: f64,
    /// Measured period, s.
    pub measured_s: f64,
    /// Whether it completed. If not, it contains what was known when it was interrupted.
    pub is_finished: bool,
    /// What must be met.
    pub objectives: Vec<Asked>,
    /// What may be changed.
    pub axes: Vec<AxisFound>,
    /// The number of the cheapest candidate that is shown to meet every objective; none if none is.
    pub best: Option<usize>,
    /// The cheapest of the others.
    pub runner_up: Option<usize>,
    /// Today's configuration, the recommended one and the runner-up, over the same replications, so that differences
    /// are comparable.
    #[serde(default)]
    pub beside: Vec<Beside>,
    /// If no candidate is shown to meet every objective: the one that misses by the least.
    pub nearest: Option<Nearest>,
    /// What each objective costs.
    pub prices: Vec<Price>,
    /// The metric of the front.
    pub latency: String,
    /// The Pareto front: candidates for which no evaluated one is both cheaper and faster, the cheapest first.
    pub front: Vec<usize>,
    /// The headroom of the best candidate.
    pub headroom: Option<Headroom>,
    /// The static estimate of each function, compared with the simulation.
    pub static_estimates: Vec<StaticEstimate>,
    /// Every evaluated candidate, by number.
    pub candidates: Vec<Candidate>,
    /// How it was found.
    pub method: Method,
}

impl Plan {
    /// An evaluated candidate.
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
        short_names(&self.axes.iter().map(|axis| axis.key.as_str()).collect::<Vec<_>>())
    }
}

/// A mean and its interval; all intervals of a plan hold simultaneously.
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

/// The verdict on an objective.
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

/// An objective and how a candidate meets it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The metric.
    pub value: Estimate,
    /// What may be said.
    pub verdict: Verdict,
    /// Whether too few requests are expected to prove it, so that the mean decides.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub by_mean: bool,
}

/// Something that may be changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AxisFound {
    /// The dotted key, `variant` or `policy`.
    pub key: String,
    /// Its values.
    pub values: Vec<String>,
    /// Its values in their base unit (MB, s, 1/s); none where one is no number.
    #[serde(default)]
    pub numbers: Vec<Option<f64>>,
    /// Whether bisection was used along it: larger values were assumed to perform at least as well, and no observation
    /// contradicts that.
    pub is_monotone: bool,
}

/// An evaluated configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its number: all combinations, the last axis fastest.
    pub number: usize,
    /// Its value on each axis.
    pub values: Vec<String>,
    /// Replications made of it.
    pub replications: u32,
    /// Cost of a month, US dollars.
    #[serde(rename = "monthly_cost_usd")]
    pub month_usd: Estimate,
    /// The metric of the front, s.
    pub latency_s: Estimate,
    /// The verdict on all objectives together.
    pub verdict: Verdict,
    /// Each objective.
    pub objectives: Vec<Outcome>,
}

/// The role of a configuration in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The scenario as written.
    Today,
    /// The recommended one.
    Recommended,
    /// The cheapest of the others.
    RunnerUp,
}

/// A configuration in the table, averaged over the same replications.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// What it is.
    pub role: Role,
    /// Its number; none where today's configuration is not one of the candidates.
    pub candidate: Option<usize>,
    /// Replications.
    pub replications: u32,
    /// Cost of a month, US dollars.
    pub month_usd: Stat,
    /// The free tier deducted from the list price of a month, US dollars, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_free_usd: Option<Stat>,
    /// 99th percentile of the latency of completed requests, s.
    pub latency_s_p99: Stat,
    /// Requests without a successful response as a share of those that arrived.
    pub failure_ratio: Stat,
    /// Invocations that waited for an instance to start, as a share of those started.
    pub cold_affected_ratio: Stat,
    /// Objectives that are met on average.
    pub met: usize,
    /// All objectives.
    pub objectives: usize,
}

impl Beside {
    /// What was found of a configuration.
    #[must_use]
    pub fn of(role: Role, candidate: Option<usize>, summary: &Summary) -> Self {
        let total = &summary.total;
        Self {
            role,
            candidate,
            replications: summary.replications,
            month_usd: summary.monthly_cost_usd,
            monthly_free_usd: Some(summary.monthly_free_usd).filter(|free| free.mean > 0.0),
            latency_s_p99: total.latency_s.p99,
            failure_ratio: total.failure_ratio,
            cold_affected_ratio: total.cold_affected_ratio,
            met: summary.objectives.iter().filter(|objective| objective.met).count(),
            objectives: summary.objectives.len(),
        }
    }
}

/// The candidate that misses by the least.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nearest {
    /// Its number.
    pub candidate: usize,
    /// The place of the objective that it misses by the largest part of the bound.
    pub objective: usize,
    /// That part of the bound; below zero where the mean meets it, but not surely; none where nothing was there to measure, or a
    /// quantile is never reached.
    pub by: Option<f64>,
}

/// The cost of an objective: the savings without it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// The place of the objective.
    pub objective: usize,
    /// The cheapest candidate that meets all others; none if none is shown to.
    pub best_without: Option<usize>,
    /// Monthly cost of the objective, US dollars: the best with it minus the best without it.
    #[serde(rename = "monthly_cost_usd")]
    pub month_usd: Option<Estimate>,
}

/// Headroom: a growing load with nothing else changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Headroom {
    /// Replications at today's load.
    pub replications: u32,
    /// Multiples of today's load, rising.
    pub points: Vec<LoadPoint>,
    /// The largest multiple at which every objective is shown to be met.
    pub holds_to: f64,
    /// The smallest above it at which one is not; none up to the last multiple.
    pub breaks_at: Option<f64>,
    /// The place of the objective that is not.
    pub breaks_first: Option<usize>,
    /// The first limit that is reached.
    pub first_limit: Option<Binding>,
    /// Growth of the load and the months until it no longer holds.
    pub growth: Option<Months>,
}

/// A multiple of today's load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadPoint {
    /// How many times today's load.
    pub multiple: f64,
    /// Replications: as many as tell whether the objectives are met.
    #[serde(default)]
    pub replications: u32,
    /// Cost of a month at this load, US dollars.
    #[serde(rename = "monthly_cost_usd")]
    pub month_usd: Estimate,
    /// The metric of the front, s.
    pub latency_s: Estimate,
    /// The verdict on all objectives together.
    pub verdict: Verdict,
    /// Each objective.
    pub objectives: Vec<Outcome>,
    /// Mean number of instances.
    pub instances_mean: f64,
    /// The limit that throttles the most requests.
    pub binding: Option<Binding>,
}

/// A limit that throttles requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// Its name.
    pub limit: String,
    /// Whose requests.
    pub function: String,
    /// Its value.
    pub value: Option<f64>,
    /// The share of all arrived requests that it throttled.
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
    /// Whether it is a lower bound, because no objective was missed up to the largest load tested.
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
    /// Shortfall of the estimate, as a share of that peak.
    pub short_by: f64,
    /// The key that sets instances, if there is one, with the value next to the estimate: the number of that candidate.
    pub as_set: Option<usize>,
}

/// How it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// Probability that all statements hold simultaneously.
    pub confidence: f64,
    /// Relative difference in cost that does not matter.
    pub indifference: f64,
    /// Replications at each planned look.
    pub looks: Vec<u32>,
    /// Configurations in all.
    pub candidates: usize,
    /// Number of evaluated configurations.
    pub looked_at: usize,
    /// The confidence of each single range of a metric.
    pub range_confidence: f64,
    /// The confidence of each single range of a difference in cost.
    pub cost_confidence: f64,
    /// Replications that were simulated.
    pub runs: Runs,
    /// Candidates that may be cheaper but are inconclusive.
    pub open: Vec<usize>,
    /// Candidates that may be cheaper by more than the indifference.
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
    /// Replications of an exhaustive search.
    pub exhaustive: u64,
}
