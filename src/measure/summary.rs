//! The summary: every statistic that people read, in the shape that `summary.json` fixes.
//!
//! A [`Shape`] is generic over what stands at its leaves: one replication's numbers (`Shape<f64>`) or means with
//! intervals over replications (`Shape<Stat>`). The leaves have dotted keys (`latency_s.p99`), the same in the file, in
//! objectives and in `forewarm list metrics`.

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;

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

/// Declares a group of leaves with their keys; see the module.
macro_rules! leaves {
    ($(#[$doc:meta])* $group:ident { $($(#[doc = $leaf_doc:literal])* $leaf:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $group<T> {
            $($(#[doc = $leaf_doc])* pub $leaf: T,)*
        }
        impl<T> $group<T> {
            fn visit<'a>(&'a self, prefix: &str, each: &mut dyn FnMut(String, &'a T)) {
                $(each(format!("{prefix}{}", stringify!($leaf)), &self.$leaf);)*
            }
            fn build(prefix: &str, make: &mut dyn FnMut(String) -> T) -> Self {
                Self { $($leaf: make(format!("{prefix}{}", stringify!($leaf))),)* }
            }
            fn describe(prefix: &str, each: &mut dyn FnMut(String, &'static str)) {
                $(each(format!("{prefix}{}", stringify!($leaf)), concat!($($leaf_doc),*));)*
            }
        }
    };
}

leaves! {
    /// Requests by how they ended. They add up to those that arrived.
    Requests {
        /// Requests born in the measured part.
        arrived,
        /// Served to the end.
        completed,
        /// Refused for good.
        rejected,
        /// Waited or ran for longer than allowed.
        timed_out,
        /// Ended by an error of the function.
        failed,
        /// Still waiting when nothing more could happen.
        unfinished,
    }
}

leaves! {
    /// Invocations: attempts of requests on the platform.
    Invocations {
        /// Those that got an instance.
        started,
        /// Those for which an instance was created.
        cold,
        /// Those that waited for an instance being created, their own or another's.
        cold_affected,
        /// Those that a limit refused or held back.
        throttled,
    }
}

leaves! {
    /// A distribution of times, in seconds.
    Times {
        /// Mean.
        mean,
        /// Standard deviation.
        sd,
        /// Median.
        p50,
        /// 90th percentile.
        p90,
        /// 95th percentile.
        p95,
        /// 99th percentile.
        p99,
        /// 99.9th percentile.
        p999,
        /// Largest.
        max,
    }
}

leaves! {
    /// Instances; averages are weighted by time over the measured part.
    Instances {
        /// Mean number in existence.
        mean,
        /// Mean number serving at least one request.
        busy_mean,
        /// Mean number warm and free.
        idle_mean,
        /// Mean number being started.
        starting_mean,
        /// Most at one moment.
        peak,
        /// Created in the measured part.
        created,
        /// Mean time from creation to removal, of those removed in the measured part.
        lifespan_mean_s,
        /// The static estimate N_instance = load / capacity of one instance: what the formula says without simulating.
        static_estimate,
    }
}

leaves! {
    /// A level over time.
    Level {
        /// Mean weighted by time.
        mean,
        /// Highest.
        peak,
    }
}

leaves! {
    /// Cost of the measured part, in US dollars.
    Cost {
        /// All of it.
        total,
        /// Charged by request.
        requests,
        /// Charged by GB-second on demand.
        compute,
        /// Provisioned concurrency: having it and running on it.
        provisioned,
        /// Everything else.
        other,
        /// Cost of a million arrived requests at this mix.
        per_million_requests,
    }
}

/// Everything measured about one function, or about all together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shape<T> {
    /// Requests by how they ended.
    pub requests: Requests<T>,
    /// Attempts on the platform.
    pub invocations: Invocations<T>,
    /// Cold over started.
    pub cold_start_ratio: T,
    /// Rejected over arrived.
    pub rejection_ratio: T,
    /// T_exec of completed requests: T_wait + T_func.
    pub latency_s: Times<T>,
    /// T_wait of completed requests: queueing + cold start.
    pub wait_s: Times<T>,
    /// The part of T_wait before an instance was found or ordered.
    pub queueing_s: Times<T>,
    /// The part of T_wait for an instance to become ready.
    pub cold_start_s: Times<T>,
    /// T_func of completed requests.
    pub execution_s: Times<T>,
    /// Instances.
    pub instances: Instances<T>,
    /// Requests in progress, those waiting for their instance to start included.
    pub concurrency: Level<T>,
    /// Requests waiting for capacity.
    pub queue: Level<T>,
    /// Money.
    pub cost_usd: Cost<T>,
}

impl<T> Shape<T> {
    /// Calls `each` with the dotted key and the value of every leaf, in the order of the file.
    pub fn visit<'a>(&'a self, mut each: impl FnMut(String, &'a T)) {
        let each = &mut each;
        self.requests.visit("requests.", each);
        self.invocations.visit("invocations.", each);
        each("cold_start_ratio".into(), &self.cold_start_ratio);
        each("rejection_ratio".into(), &self.rejection_ratio);
        self.latency_s.visit("latency_s.", each);
        self.wait_s.visit("wait_s.", each);
        self.queueing_s.visit("queueing_s.", each);
        self.cold_start_s.visit("cold_start_s.", each);
        self.execution_s.visit("execution_s.", each);
        self.instances.visit("instances.", each);
        self.concurrency.visit("concurrency.", each);
        self.queue.visit("queue.", each);
        self.cost_usd.visit("cost_usd.", each);
    }

    /// Makes a shape by asking for every leaf by its dotted key, in the order of [`Shape::visit`].
    pub fn build(mut make: impl FnMut(String) -> T) -> Self {
        let make = &mut make;
        Self {
            requests: Requests::build("requests.", make),
            invocations: Invocations::build("invocations.", make),
            cold_start_ratio: make("cold_start_ratio".into()),
            rejection_ratio: make("rejection_ratio".into()),
            latency_s: Times::build("latency_s.", make),
            wait_s: Times::build("wait_s.", make),
            queueing_s: Times::build("queueing_s.", make),
            cold_start_s: Times::build("cold_start_s.", make),
            execution_s: Times::build("execution_s.", make),
            instances: Instances::build("instances.", make),
            concurrency: Level::build("concurrency.", make),
            queue: Level::build("queue.", make),
            cost_usd: Cost::build("cost_usd.", make),
        }
    }

    /// The leaf with this dotted key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&T> {
        let mut found = None;
        self.visit(|name, value| {
            if name == key {
                found = Some(value);
            }
        });
        found
    }
}

/// A metric with its function: `latency_s.p99 of checkout`; of the total the metric alone.
pub(super) fn subject(metric: &str, function: Option<&str>) -> String {
    function.map_or_else(|| metric.to_owned(), |function| format!("{metric} of {function}"))
}

/// Every metric: its dotted key and what it means, in the order of the file.
#[must_use]
pub fn metrics() -> Vec<(String, String)> {
    let mut list: Vec<(String, String)> = Vec::new();
    let mut group = |about: &str, describe: fn(&str, &mut dyn FnMut(String, &'static str)), prefix: &str| {
        describe(prefix, &mut |key, doc| list.push((key, format!("{about}{}", doc.trim()))));
    };
    group("", Requests::<f64>::describe, "requests.");
    group("", Invocations::<f64>::describe, "invocations.");
    group("", |_, each| each("cold_start_ratio".into(), "Cold over started invocations."), "");
    group("", |_, each| each("rejection_ratio".into(), "Rejected over arrived requests."), "");
    group("T_exec of completed requests: ", Times::<f64>::describe, "latency_s.");
    group("T_wait of completed requests: ", Times::<f64>::describe, "wait_s.");
    group("T_wait before an instance was found: ", Times::<f64>::describe, "queueing_s.");
    group("T_wait for an instance to start: ", Times::<f64>::describe, "cold_start_s.");
    group("T_func of completed requests: ", Times::<f64>::describe, "execution_s.");
    group("", Instances::<f64>::describe, "instances.");
    group("Requests in progress: ", Level::<f64>::describe, "concurrency.");
    group("Requests waiting for capacity: ", Level::<f64>::describe, "queue.");
    group("", Cost::<f64>::describe, "cost_usd.");
    list
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
