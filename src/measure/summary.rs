//! The summary: all statistics, as written to `summary.json`.

use serde::{Deserialize, Serialize};

use super::alarm::AlarmResult;
use super::critical::LatencyPart;
use super::evidence::Evidence;
use super::fault::FaultResult;
use super::flow::CallsResult;
use super::path::Components;
pub use super::stability::Verdict;
use crate::metric::component::NODE_GROUP;
pub use crate::metric::{Cost, Instances, Invocations, Level, Requests, Shape, Times};
use crate::metric::{Quantity, Stability, WITHIN};
use crate::scenario::{Assumption, Bound, Goal, Objective, Scenario, Subject};

/// A mean over replications and the half-width of its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stat {
    /// Mean over replications. NaN (null in JSON) if there was nothing to measure.
    #[serde(deserialize_with = "null_is_nan")]
    pub mean: f64,
    /// Half-width of the 95 % confidence interval; none with one replication.
    pub half_width: Option<f64>,
}

impl Stat {
    /// The ends of the interval; the lower one of an amount that is never below zero is not either.
    #[must_use]
    pub fn range(&self) -> Option<(f64, f64)> {
        let half = self.half_width?;
        let low = self.mean - half;
        Some((if self.mean >= 0.0 { low.max(0.0) } else { low }, self.mean + half))
    }
}

/// Money in JSON: with the ends of its interval, if there is one, as in a plan.
pub(crate) fn with_range<S: serde::Serializer>(stat: &Stat, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Ranged {
        mean: f64,
        half_width: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        low: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        high: Option<f64>,
    }
    let (low, high) = stat.range().unzip();
    Ranged { mean: stat.mean, half_width: stat.half_width, low, high }.serialize(to)
}

fn null_is_nan<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// A metric with its function: `latency_s.p99 of checkout`; of the total the metric alone.
pub(super) fn subject(metric: &str, function: Option<&str>) -> String {
    function.map_or_else(|| metric.to_owned(), |function| format!("{metric} of {function}"))
}

/// The result of a run: the content of `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Which scenario.
    pub scenario: ScenarioRef,
    /// The random seed.
    pub seed: u64,
    /// Number of independent replications.
    pub replications: u32,
    /// Simulated time, s.
    pub horizon_s: f64,
    /// Measured period, s.
    pub measured_s: f64,
    /// All functions together.
    pub total: Shape<Stat>,
    /// Each function, in the order of the scenario.
    #[serde(with = "ordered_map")]
    pub functions: Vec<(String, Shape<Stat>)>,
    /// Each source, in the order of the scenario. Omitted if there are very many and each is the only one of its
    /// function.
    #[serde(with = "ordered_map", default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<(String, SourceResult)>,
    /// Counters of path components.
    #[serde(flatten)]
    pub components: Components,
    /// Who called whom, where requests are on a path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallsResult>,
    /// Where the latency of the requests that were answered successfully went, along the critical path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latency_parts: Vec<LatencyPart>,
    /// When alarms went off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmResult>,
    /// What each fault did.
    #[serde(with = "ordered_map", default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<(String, FaultResult)>,
    /// Whether processing keeps up with arrivals.
    #[serde(default)]
    pub stability: StabilityResult,
    /// Objectives with their results.
    pub objectives: Vec<ObjectiveResult>,
    /// N_event: events simulated in one replication, by kind.
    #[serde(with = "ordered_map")]
    pub events: Vec<(String, Stat)>,
    /// Limits that throttled requests, most frequent first.
    pub limits: Vec<LimitHit>,
    /// Whether the scenario has prices; without them all costs are 0.
    pub has_prices: bool,
    /// Cost of 30 days at the measured rate: prices by monthly volume, minus `monthly_free_usd`.
    #[serde(serialize_with = "with_range")]
    pub monthly_cost_usd: Stat,
    /// Deduction of free amounts from the list price of these 30 days.
    pub monthly_free_usd: Stat,
    /// Assumptions taken from the preset: unpublished values, cold starts of minimal functions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<Assumption>,
    /// Evidence in addition to the intervals.
    #[serde(flatten)]
    pub evidence: Evidence,
}

impl Summary {
    /// Whether requests may be on a path: then `total` counts requests of sources, and functions count attempts.
    #[must_use]
    pub fn is_on_path(&self) -> bool {
        self.sources.iter().any(|(_, source)| source.requests.failed_by.breaker.is_some())
    }
}

/// Which scenario a result belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioRef {
    /// Its name.
    pub name: String,
    /// Hash of its resolved text.
    pub hash: String,
}

/// An objective, by names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Dotted key of the metric; none: a share of all requests within a time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub metric: Option<String>,
    /// The function; none: not of one alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub function: Option<String>,
    /// The source; none: not of one alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// The component of the path, such as "queue.orders"; none: it is about requests.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub component: Option<String>,
    /// The metric must stay below this.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub below: Option<f64>,
    /// The metric must stay above this.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub above: Option<f64>,
    /// At least this share of all requests that arrive must succeed in time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub share: Option<f64>,
    /// Within this time, s.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub within: Option<f64>,
    /// Required stability in every replication; the value is the share of replications that meet it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stability: Option<Stability>,
    /// Added by forewarm, because a recommendation without it would be worthless.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub implied: bool,
}

impl Asked {
    /// What an objective or an alarm is about, by name.
    pub(super) fn about(subject: Subject, scenario: &Scenario) -> Self {
        let (mut function, mut source, mut component) = (None, None, None);
        match subject {
            Subject::Total => {}
            Subject::Function(id) => function = Some(scenario.functions[id.index()].name.clone()),
            Subject::Source(id) => source = Some(scenario.sources[id.index()].name.clone()),
            Subject::Component(id) => component = Some(scenario.components[id.index()].name.clone()),
            Subject::NodeGroup(id) => {
                component = Some(format!("{NODE_GROUP}.{}", scenario.node_groups[id.index()].spec.name));
            }
        }
        Self { function, source, component, ..Self::default() }
    }

    /// An objective of a scenario.
    #[must_use]
    pub fn of(objective: &Objective, scenario: &Scenario) -> Self {
        let named = Self { implied: objective.is_implied, ..Self::about(objective.subject, scenario) };
        match &objective.goal {
            Goal::Metric { metric, bound } => {
                let (below, above) = match bound {
                    Bound::Below(bound) => (Some(*bound), None),
                    Bound::Above(bound) => (None, Some(*bound)),
                };
                Self { metric: Some(metric.key.clone()), below, above, ..named }
            }
            Goal::Stability { at_worst } => Self { stability: Some(*at_worst), ..named },
            Goal::Share { share, within } => Self { share: Some(*share), within: Some(within.as_secs_f64()), ..named },
        }
    }

    /// What its numbers are.
    #[must_use]
    pub fn quantity(&self) -> Quantity {
        self.metric.as_deref().map_or(Quantity::Ratio, Quantity::of)
    }

    /// The key of its metric; of a share of requests what stands in its place: `within_0.8s`.
    #[must_use]
    pub fn key(&self) -> String {
        match (&self.metric, self.within) {
            _ if self.stability.is_some() => "stability".to_owned(),
            (Some(metric), _) => metric.clone(),
            (None, within) => format!("{WITHIN}{}s", within.unwrap_or_default()),
        }
    }

    /// The metric with its function or source: `latency_s.p99 of checkout`.
    #[must_use]
    pub fn subject(&self) -> String {
        let what = match (&self.metric, self.within) {
            _ if self.stability.is_some() => "stability".to_owned(),
            (Some(metric), _) => metric.clone(),
            (None, within) => match within.unwrap_or_default() {
                within if within < 1.0 => format!("requests completed within {} ms", (within * 1e6).round() / 1e3),
                within => format!("requests completed within {within} s"),
            },
        };
        let source = self.source.as_ref().map(|source| format!("source {source}"));
        subject(&what, self.function.as_deref().or(source.as_deref()).or(self.component.as_deref()))
    }

    /// What a share must be at least: of requests, or of replications.
    #[must_use]
    pub fn least(&self) -> Option<f64> {
        self.share.or(self.stability.map(|_| 1.0))
    }

    /// Whether a value is on the right side.
    #[must_use]
    pub fn is_met_by(&self, value: f64) -> bool {
        let is_finite = value.is_finite();
        is_finite
            && self.below.is_none_or(|bound| value < bound)
            && self.above.is_none_or(|bound| value > bound)
            && self.least().is_none_or(|least| value >= least)
    }

    /// By what share of the bound a value misses it; negative if it does not.
    #[must_use]
    pub fn excess(&self, value: f64) -> f64 {
        let part = |by: f64, bound: f64| if bound == 0.0 { by } else { by / bound.abs() };
        match (self.below, self.above.or(self.least())) {
            (Some(bound), _) => part(value - bound, bound),
            (None, Some(bound)) => part(bound - value, bound),
            (None, None) => f64::NEG_INFINITY,
        }
    }
}

/// An objective and its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveResult {
    /// The objective.
    #[serde(flatten)]
    pub asked: Asked,
    /// The value; infinite (null in JSON) if so many requests failed that the quantile is never reached.
    #[serde(serialize_with = "infinite_is_null", deserialize_with = "null_is_infinite")]
    pub value: Stat,
    /// Whether the mean is on the right side, and few enough requests failed to judge it.
    pub met: bool,
    /// Failed requests as a share of arrivals, if that is why it is not met.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure_ratio: Option<f64>,
}

impl std::ops::Deref for ObjectiveResult {
    type Target = Asked;

    fn deref(&self) -> &Asked {
        &self.asked
    }
}

impl ObjectiveResult {
    /// Whether the whole 95 % interval is on the right side; false without an interval.
    #[must_use]
    pub fn is_met_with_confidence(&self) -> bool {
        let Some(half) = self.value.half_width.filter(|half| half.is_finite()) else { return false };
        let ends = [self.value.mean - half, self.value.mean + half];
        self.met && ends.into_iter().all(|end| self.asked.is_met_by(end))
    }
}

fn infinite_is_null<S: serde::Serializer>(value: &Stat, to: S) -> Result<S::Ok, S::Error> {
    (value.mean != f64::INFINITY).then_some(value).serialize(to)
}

fn null_is_infinite<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Stat, D::Error> {
    Ok(Option::<Stat>::deserialize(from)?.unwrap_or(Stat { mean: f64::INFINITY, half_width: None }))
}

/// Whether processing keeps up with arrivals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StabilityResult {
    /// All functions: the worst of them.
    pub run: Verdict,
    /// Each function; omitted if there are too many for individual time series.
    #[serde(with = "ordered_map", default)]
    pub functions: Vec<(String, Verdict)>,
    /// Each component that stores messages, such as "queue.orders".
    #[serde(with = "ordered_map", default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<(String, Verdict)>,
}

/// What became of the requests of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceResult {
    /// Its requests by how they ended.
    pub requests: SourceRequests,
    /// Failed requests as a share of arrivals.
    pub failure_ratio: Stat,
    /// Attempts sent, divided by requests that arrived; 1 without retries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts_per_request: Option<Stat>,
    /// Latency of those that succeeded.
    pub latency_s: Times<Stat>,
    /// Cold starts as a share of the invocations that its requests started, those of attempts and steps included; of a batch of
    /// messages that of the first one.
    pub cold_start_ratio: Stat,
    /// Those of them whose instance was not ready when they arrived, as a share.
    pub cold_affected_ratio: Stat,
}

/// Requests of a source by how they ended: arrived = succeeded + failed + unfinished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceRequests {
    /// Requests that arrived in the measured period.
    pub arrived: Stat,
    /// Answered successfully.
    pub succeeded: Stat,
    /// Failed.
    pub failed: Stat,
    /// Requests still queued at the end of the run.
    pub unfinished: Stat,
    /// Failures by reason.
    pub failed_by: FailedBy,
}

/// Why requests failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailedBy {
    /// Requests that exceeded a timeout, waiting or running.
    pub timed_out: Stat,
    /// Refused.
    pub throttled: Stat,
    /// An error of the function or component that served them.
    pub error: Stat,
    /// Rejected by the circuit breaker of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<Stat>,
    /// Not retried because the retry budget of the client was used up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Stat>,
    /// Too old to be retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<Stat>,
}

/// A limit and the number of invocations it throttled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitHit {
    /// Of functions: account-limit, reserved, max-instances, scaling-rate, queue-limit, timeout, queue-timeout; of components: throttle,
    /// quota, start-throttle, write-limit, timeout, borrow-timeout.
    pub limit: String,
    /// The function or component it applied to.
    pub function: String,
    /// Its value, if it has one: instances, requests, or seconds for a timeout.
    pub value: Option<f64>,
    /// Invocations, requests, calls or records that it rejected, delayed or timed out.
    pub throttled: Stat,
}

/// Writes a list of pairs as a JSON object, keeping its order.
pub(super) mod ordered_map {
    use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
    use serde::ser::{Serialize, Serializer};
    use std::marker::PhantomData;

    pub(in super::super) fn serialize<S: Serializer, V: Serialize>(
        list: &[(String, V)],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_map(list.iter().map(|(key, value)| (key, value)))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
        from: D,
    ) -> Result<Vec<(String, V)>, D::Error> {
        struct Pairs<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Pairs<V> {
            type Value = Vec<(String, V)>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    list.push(pair);
                }
                Ok(list)
            }
        }
        from.deserialize_map(Pairs(PhantomData))
    }
}
