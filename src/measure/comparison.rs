//! What a comparison of variants found: the content of `comparison.json`.

pub mod choice;
mod design;
mod over_load;
mod precision;

use serde::{Deserialize, Serialize};

use super::summary::{ScenarioRef, Stat, Summary, subject};
pub use crate::metric::Better;
pub use crate::scenario::Tolerance;
pub use design::{COLD_AFFECTED_RATIO, Design, HEADLINE, Sample};
pub use over_load::{ContenderCost, Crossing, LoadPoint, OverLoad};
pub use precision::{DEFAULT_PRECISION, Precision};

/// What a comparison found: the content of `comparison.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The baseline's scenario.
    pub scenario: ScenarioRef,
    /// The random seed.
    pub seed: u64,
    /// Paired replications: independent runs of every contender, with common random numbers.
    pub replications: u32,
    /// Simulated time, s.
    pub horizon_s: f64,
    /// Measured period, s.
    pub measured_s: f64,
    /// The contender that the others are compared with.
    pub baseline: String,
    /// The statistical method.
    pub method: Method,
    /// Every variant and metric compared with the baseline; those with a verdict first.
    pub contrasts: Vec<Contrast>,
    /// The absolute results of each contender, the unchanged scenario first.
    pub contenders: Vec<Contender>,
    /// Cost of each under other loads, if requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_load: Option<OverLoad>,
}

impl Comparison {
    /// Names of the variants, in order: all contenders but the baseline.
    pub fn variants(&self) -> impl Iterator<Item = &str> {
        self.contenders.iter().map(|contender| contender.name.as_str()).filter(|name| *name != self.baseline)
    }

    /// The contrasts of a variant on which a verdict is given.
    pub fn judged<'a>(&'a self, variant: &'a str) -> impl Iterator<Item = &'a Contrast> {
        self.contrasts.iter().filter(move |contrast| contrast.variant == variant && contrast.better.is_some())
    }
}

/// The statistical method of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// Probability that all intervals with a verdict hold simultaneously, at all looks.
    pub confidence: f64,
    /// How the error probability is split over comparisons and looks: `bonferroni`, evenly.
    pub adjustment: String,
    /// Number of simultaneous intervals: variants times metrics with a verdict.
    pub comparisons: usize,
    /// Replications at each planned look; it ends at the first at which everything followed is clear.
    pub looks: Vec<u32>,
    /// The resulting confidence of each interval.
    pub interval_confidence: f64,
    /// Largest difference that does not matter: `1% of the baseline`.
    pub precision: String,
    /// What was followed until it was clear.
    pub followed: Vec<String>,
    /// Whether it became clear.
    pub is_settled: bool,
}

/// One metric of one variant beside the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// The contender that is compared with the baseline.
    pub variant: String,
    /// Dotted key of the metric.
    pub metric: String,
    /// The function; none: the total.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub function: Option<String>,
    /// The source; none: not of one alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// The component of the path, such as "queue.orders"; none: it is about requests.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub component: Option<String>,
    /// The side on which it is better; none: no verdict is given, as on the times of those requests that succeed where more
    /// than 0.1 % of them fail.
    pub better: Option<Better>,
    /// The baseline by itself, with its own 95 % interval; null where so many requests fail that a quantile is never reached.
    pub baseline: Stat,
    /// The variant by itself, with its own 95 % interval.
    pub value: Stat,
    /// The variant minus the baseline, paired by replication, with an interval of `confidence`.
    pub difference: Stat,
    /// The difference as a part of the baseline; none if that is zero.
    pub relative: Option<f64>,
    /// Confidence of the interval of the difference: adjusted where there is a verdict, 0.95 elsewhere.
    pub confidence: f64,
    /// Replications in which both had a value.
    pub pairs: u32,
    /// The verdict; none without an interval, or if neither direction is better.
    pub verdict: Option<Verdict>,
    /// If inconclusive: about how many more replications would decide it. None if out of reach.
    pub more_replications: Option<u32>,
}

impl Contrast {
    /// The metric with its function: `latency_s.p99 of checkout`.
    #[must_use]
    pub fn subject(&self) -> String {
        let source = self.source.as_ref().map(|source| format!("source {source}"));
        subject(&self.metric, self.function.as_deref().or(source.as_deref()).or(self.component.as_deref()))
    }
}

/// The verdict on a variant, from the interval of its difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The whole interval is on the better side, and not all of it within the precision.
    Better,
    /// The whole interval is on the worse side, and not all of it within the precision.
    Worse,
    /// The whole interval is within the precision: whatever the difference is, it does not matter.
    NotDifferentEnough,
    /// The interval holds zero and is too wide to say more.
    NotYetDistinguishable,
}

/// One of those that are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contender {
    /// Its name.
    pub name: String,
    /// What it did by itself.
    pub summary: Summary,
}
