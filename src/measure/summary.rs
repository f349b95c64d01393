//! The summary: every statistic that people read, as `summary.json` holds it.

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
pub use crate::metric::{Cost, Instances, Invocations, Level, Requests, Shape, Times};

/// A mean over replications and half of its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stat {
    /// Mean over replications. NaN (null in JSON) where nothing was there to measure.
    #[serde(deserialize_with = "null_is_nan")]
    pub mean: f64,
    /// Half of the 95 % confidence interval; none with one replication.
    pub half_width: Option<f64>,
}

fn null_is_nan<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// A metric with its function: `latency_s.p99 of checkout`; of the total the metric alone.
pub(super) fn subject(metric: &str, function: Option<&str>) -> String {
    function.map_or_else(|| metric.to_owned(), |function| format!("{metric} of {function}"))
}

/// What a run found: the content of `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Which scenario.
    pub scenario: ScenarioRef,
    /// Root of the random numbers.
    pub seed: u64,
    /// Independent runs behind every number.
    pub replications: u32,
    /// Simulated time, s.
    pub horizon_s: f64,
    /// The part of it that was measured, s.
    pub measured_s: f64,
    /// All functions together.
    pub total: Shape<Stat>,
    /// Each function, in the order of the scenario.
    #[serde(with = "ordered_map")]
    pub functions: Vec<(String, Shape<Stat>)>,
    /// Objectives with what was found.
    pub objectives: Vec<ObjectiveResult>,
    /// N_event: events simulated in one replication, by kind.
    #[serde(with = "ordered_map")]
    pub events: Vec<(String, Stat)>,
    /// Which limits held requests back, most often first.
    pub limits: Vec<LimitHit>,
    /// Cost of 30 days at the measured rate, tiers and free grant applied to the month's volume.
    pub monthly_cost_usd: Stat,
    /// How sure all of it is, beside the intervals.
    #[serde(flatten)]
    pub evidence: Evidence,
}

/// Which scenario a result belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioRef {
    /// Its name.
    pub name: String,
    /// Hash of its resolved text.
    pub hash: String,
}

/// An objective and what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveResult {
    /// Dotted key of the metric.
    pub metric: String,
    /// The function; none: the total.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub function: Option<String>,
    /// The metric must stay below this.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub below: Option<f64>,
    /// The metric must stay above this.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub above: Option<f64>,
    /// What was found.
    pub value: Stat,
    /// Whether the mean is on the right side.
    pub met: bool,
}

impl ObjectiveResult {
    /// The metric with its function: `latency_s.p99 of checkout`.
    #[must_use]
    pub fn subject(&self) -> String {
        subject(&self.metric, self.function.as_deref())
    }

    /// Whether the whole 95 % interval is on the right side. Without an interval it is not known, so it is not.
    #[must_use]
    pub fn is_met_with_confidence(&self) -> bool {
        let Some(half) = self.value.half_width.filter(|half| half.is_finite()) else { return false };
        let (low, high) = (self.value.mean - half, self.value.mean + half);
        self.met && self.below.is_none_or(|bound| high < bound) && self.above.is_none_or(|bound| low > bound)
    }
}

/// A limit and how many invocations it held back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitHit {
    /// account-limit, reserved, max-instances, scaling-rate, queue-limit.
    pub limit: String,
    /// The function it held back.
    pub function: String,
    /// Its value, where it has one (instances, requests).
    pub value: Option<f64>,
    /// Invocations it refused or held back.
    pub throttled: Stat,
}

/// Writes a list of pairs as a JSON object, keeping its order.
mod ordered_map {
    use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
    use serde::ser::{Serialize, Serializer};
    use std::marker::PhantomData;

    pub(super) fn serialize<S: Serializer, V: Serialize>(list: &[(String, V)], to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(list.iter().map(|(key, value)| (key, value)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
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
