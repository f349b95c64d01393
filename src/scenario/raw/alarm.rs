//! Alarms: metrics that are watched while a run is in progress.

use crate::path::component_kinds;
use crate::scenario::model::{Comparison, Missing};
use crate::schema::declare::*;
use crate::schema::scalars::{Count, MetricValue, Name, PositiveDuration, Text};
use crate::time::Span;

/// Maximum number of periods that an alarm evaluates, as on CloudWatch with periods of a minute.
pub(in crate::scenario) const MAX_PERIODS: u32 = 1_440;

macro_rules! alarm_table {
    (listed { $($(#[doc = $doc:literal])+ $list:ident in $group:ident: $table:ident => $kind:ident($spec:ident),)* } $($other:tt)*) => {
        table! {
            /// An alarm on a metric: it goes into the ALARM state when enough of the latest periods breach the threshold, as
            /// CloudWatch evaluates alarms.
            struct AlarmTable {
                /// Unique name.
                required name: Name,
                /// The metric, such as "latency_s.p99", "failure_ratio", "invocations.throttled", or "oldest_age_s" of a queue;
                /// computed for each period, except "cost_usd.total", which accumulates over the measured period.
                required metric: Text,
                /// The function it applies to. Default: all requests, unless one of the keys below is set.
                optional function: Name,
                /// The source it applies to.
                optional source: Name,
                $(/// The component of this kind that it applies to.
                optional $list: Name,)*
                /// The link between sites it applies to.
                optional link: Name,
                /// The tenant it applies to.
                optional tenant: Name,
                /// The function whose asynchronous invocations it applies to.
                optional r#async: Name,
                /// The node group it applies to.
                optional node_group: Name,
                /// The threshold: "800ms", "1%", "$100", or a number in the unit of the metric.
                required threshold: MetricValue,
                /// How a period is compared with the threshold.
                default comparison: Comparison = Comparison::Above,
                /// Length of a period: 10s, 20s, 30s or whole minutes.
                default period: PositiveDuration = Span::from_secs(60),
                /// Number of the latest periods that must breach it. Default: all that are evaluated.
                optional datapoints: Count<1, MAX_PERIODS>,
                /// Number of the latest periods that are evaluated.
                default of: Count<1, MAX_PERIODS> = 1,
                /// How to treat a period without data.
                default missing: Missing = Missing::Missing,
            }
        }
    };
}

component_kinds!(alarm_table);

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
