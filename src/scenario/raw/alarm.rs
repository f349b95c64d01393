//! Alarms: what is watched while the run goes on.

use crate::scenario::model::{Comparison, Missing};
use crate::schema::declare::*;
use crate::schema::scalars::{Count, MetricValue, Name, PositiveDuration, Text};
use crate::time::Span;

/// The most periods that an alarm looks back, as on CloudWatch with periods of a minute.
pub(in crate::scenario) const MAX_PERIODS: u32 = 1_440;

table! {
    /// An alarm on a metric: it goes off when enough of the latest periods breach the threshold, as CloudWatch evaluates alarms.
    struct AlarmTable {
        /// Unique name.
        required name: Name,
        /// What is watched, as "latency_s.p99", "failure_ratio", "invocations.throttled", "oldest_age_s" of a queue; of
        /// each period by itself, but "cost_usd.total" since the measured part began.
        required metric: Text,
        /// The function it is about; without it and the keys below, all requests.
        optional function: Name,
        /// The source it is about.
        optional source: Name,
        /// The gateway it is about.
        optional gateway: Name,
        /// The queue it is about.
        optional queue: Name,
        /// The stream it is about.
        optional stream: Name,
        /// The topic it is about.
        optional topic: Name,
        /// The dependency it is about.
        optional dependency: Name,
        /// The workflow it is about.
        optional workflow: Name,
        /// The router it is about.
        optional router: Name,
        /// The link between sites it is about.
        optional link: Name,
        /// The tenant it is about.
        optional tenant: Name,
        /// The function about the queue of whose asynchronous invocations it is.
        optional r#async: Name,
        /// What the metric is compared with: "800ms", "1%", "$100", or a number in its unit.
        required threshold: MetricValue,
        /// When a period breaches it.
        default comparison: Comparison = Comparison::Above,
        /// How long a period is: 10s, 20s, 30s or whole minutes.
        default period: PositiveDuration = Span::from_secs(60),
        /// How many of the latest periods must breach it; without it, all that are evaluated.
        optional datapoints: Count<1, MAX_PERIODS>,
        /// How many of the latest periods are evaluated.
        default of: Count<1, MAX_PERIODS> = 1,
        /// What a period counts as in which there was nothing to measure.
        default missing: Missing = Missing::Missing,
    }
}

choice! { Comparison {
    "above" => Comparison::Above, "The metric is above the threshold.";
    "at-least" => Comparison::AtLeast, "It is at or above the threshold.";
    "below" => Comparison::Below, "It is below the threshold.";
    "at-most" => Comparison::AtMost, "It is at or below the threshold.";
} }

choice! { Missing {
    "missing" => Missing::Missing, "As nothing: without any data the alarm has insufficient data.";
    "ignore" => Missing::Ignore, "As nothing: where that leaves it open, the alarm stays as it is.";
    "breaching" => Missing::Breaching, "As one that breaches the threshold.";
    "not-breaching" => Missing::NotBreaching, "As one that does not.";
} }
