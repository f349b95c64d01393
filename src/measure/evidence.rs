//! Evidence in addition to the intervals of a summary: the precision requested and reached, rare events for which an
//! interval of means is not valid, the warm-up, and the independence of batches.

use serde::{Deserialize, Serialize};

use super::quantile;
use super::replications::Replications;
use super::result::{stat_of, sums};
use super::summary::{Asked, Shape, Stat};
use crate::id::FnId;
use crate::metric::{self, Metric, Statistic, Whole};
use crate::scenario::{Function, Goal, Objective, Overflow, PrecisionTarget, Scenario, Subject, Tolerance};
use crate::stats::batch::Dependence;
use crate::stats::interval::{clopper_pearson, none_seen_below};

/// With fewer events than this, the t interval of a ratio is not reliable.
const SELDOM: u64 = 10;
/// Maximum number of functions for which rare events are listed individually.
const FUNCTIONS: usize = 100;

/// The evidence of a summary. Parts that do not apply are omitted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The precision requested and reached.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub precision: Option<PrecisionReached>,
    /// Ratios with few observed events.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rare: Vec<Rare>,
    /// Quantiles of objectives that are based on few requests.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub few: Vec<SparseQuantile>,
    /// The warm-up that a pilot has found.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub warm_up: Option<WarmUp>,
    /// The batches from which intervals are computed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub batch_means: Option<BatchMeans>,
}

/// The precision requested and reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecisionReached {
    /// Replications at the looks that were planned.
    pub looks: Vec<u32>,
    /// Replications when it ended.
    pub replications: u32,
    /// Why it ended.
    pub ended_by: EndedBy,
    /// Metric by metric.
    pub metrics: Vec<MetricReached>,
}

/// Why no more replications were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndedBy {
    /// All intervals were narrow enough.
    Precision,
    /// The maximum was reached.
    MaxReplications,
    /// It was interrupted.
    Interruption,
}

/// The interval of a metric, compared with the requested one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricReached {
    /// Dotted key of the metric.
    pub metric: String,
    /// The function; none: the total.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub function: Option<String>,
    /// The requested precision: a percentage of the mean (`5%`), or a number in the unit of the metric.
    pub asked: String,
    /// The same in the unit of the metric.
    pub asked_half_width: Option<f64>,
    /// The half-width reached: that of the 95 % interval, or for rare events of the binomial interval.
    pub half_width: Option<f64>,
    /// Whether that is narrow enough.
    pub met: bool,
}

/// A ratio with few observed events, with an interval that is valid for small numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rare {
    /// `cold_start_ratio` or `rejection_ratio`.
    pub metric: String,
    /// The function; none: the total.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub function: Option<String>,
    /// Events seen, over all replications.
    pub seen: u64,
    /// Of so many.
    pub of: u64,
    /// The ratio is above this, at 95 % (Clopper-Pearson).
    pub low: f64,
    /// The ratio is below this, at 95 %; where none was seen one-sided: 1 - 0.05^(1 / of).
    pub high: f64,
}

/// A quantile with so few requests beyond it, or so few that do not depend on each other, that its interval may be too
/// narrow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SparseQuantile {
    /// Dotted key of the metric.
    pub metric: String,
    /// The function; none: not of one alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub function: Option<String>,
    /// The source; none: not of one alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// Requests beyond it in a replication, on average.
    pub beyond: f64,
    /// How many independent requests beyond it would make it vary as much between replications. Requests that depend on
    /// each other, as those of the same backlog do, count as fewer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub independent: Option<f64>,
}

/// The warm-up that a pilot has found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WarmUp {
    /// How long it is, s.
    pub chosen_s: f64,
    /// Whether all series settle; if not, half of the horizon is discarded.
    pub is_settled: bool,
    /// Length of an interval of the series, s.
    pub interval_s: f64,
    /// Replications of the pilot, which are not part of the results.
    pub replications: u32,
    /// The series.
    pub series: Vec<PilotSeries>,
}

/// A series of the pilot, mean over its replications.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PilotSeries {
    /// What it is.
    pub name: String,
    /// Where MSER-5 cuts it, s; none: it does not settle.
    pub truncation_s: Option<f64>,
    /// A value for each interval.
    pub values: Vec<f64>,
}

/// The batches from which intervals are computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchMeans {
    /// How many.
    pub count: u32,
    /// Length of each, s.
    pub length_s: f64,
    /// Whether they can be considered independent.
    pub is_independent: bool,
    /// Metric by metric.
    pub checks: Vec<BatchCheck>,
}

/// What the batches of a metric say about each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchCheck {
    /// Dotted key of the metric, of the total.
    pub metric: String,
    /// Autocorrelation at lag 1.
    pub lag1: f64,
    /// Von Neumann's ratio, about 2 for independent batches.
    pub von_neumann: f64,
    /// In standard deviations from independence.
    pub z: f64,
    /// Whether that is consistent with independence.
    pub is_independent: bool,
}

/// Ratios with few observed events.
pub(super) fn rare(scenario: &Scenario, replications: &Replications) -> Vec<Rare> {
    let of = |function: Option<FnId>| {
        let records = replications.measured(scenario, subject_of(function));
        let shapes: Vec<&Shape<f64>> = records.iter().map(|record| &record.shape).collect();
        let name = function.map(|id| scenario.functions[id.index()].name.clone());
        let ratios = metric::metrics().iter().filter(|metric| matches!(metric.statistic, Statistic::Ratio { .. }));
        // The narrower ratio covers the wider one, which is failures and, where requests create instances, cold starts.
        let requests_create = of_functions(scenario, function).any(|function| !function.scaling.owns_all_instances());
        let covered = if requests_create { "cold_affected_ratio" } else { "cold_start_ratio" };
        ratios
            .filter(|ratio| ratio.key != covered && ratio.key != "failure_ratio")
            .filter(|ratio| may_be(ratio, scenario, function))
            .filter_map(|ratio| seldom(ratio, name.clone(), &shapes))
            .collect::<Vec<Rare>>()
    };
    let functions = Some(scenario.functions.len()).filter(|count| (2..=FUNCTIONS).contains(count)).unwrap_or(0);
    std::iter::once(None).chain((0..functions).map(|place| Some(FnId(place as u32)))).flat_map(of).collect()
}

/// With fewer requests than this beyond a quantile its interval is not to be trusted.
pub(crate) const FEW_BEYOND: f64 = 30.0;
/// Nor with fewer independent ones than this.
const FEW_INDEPENDENT: f64 = 0.5;

/// Quantiles that objectives ask for and that rest on few requests.
pub(super) fn few(scenario: &Scenario, replications: &Replications) -> Vec<SparseQuantile> {
    let few = |objective: &Objective| {
        // Of components it is not known how much lies beyond.
        if !objective.subject.is_of_requests() {
            return None;
        }
        let Goal::Metric { metric, .. } = &objective.goal else { return None };
        let beyond = 1.0 - metric.quantile()?;
        let records = replications.measured(scenario, objective.subject);
        let beyond = records.iter().map(|record| record.shape.requests.arrived).sum::<f64>()
            / replications.len() as f64
            * beyond;
        let shapes: Vec<&Shape<f64>> = records.iter().map(|record| &record.shape).collect();
        let independent = quantile::independent_beyond(&shapes, &metric.key).filter(|number| number.is_finite());
        let is_few = beyond < FEW_BEYOND || independent.is_some_and(|number| number < FEW_INDEPENDENT);
        let Asked { function, source, .. } = Asked::of(objective, scenario);
        is_few.then(|| SparseQuantile { metric: metric.key.clone(), function, source, beyond, independent })
    };
    scenario.objectives.iter().filter_map(few).collect()
}

/// Whether the events of a ratio are possible: without a limit, or if all requests may wait, nothing is rejected.
fn may_be(ratio: &Metric, scenario: &Scenario, function: Option<FnId>) -> bool {
    let may_reject = |function: &Function| {
        let (concurrency, platform) = (&function.concurrency, scenario.platform_of(function.platform));
        let is_shared =
            platform.account_limit.is_some() || platform.scaling.is_some() || platform.memory_budget_mb.is_some();
        let is_limited = is_shared || concurrency.max_instances.is_some() || concurrency.reserved.is_some();
        let waits = matches!(concurrency.overflow, Overflow::Queue { limit: None, .. });
        function.scaling.owns_all_instances() || (is_limited && !waits)
    };
    ratio.key != "rejection_ratio" || of_functions(scenario, function).any(may_reject)
}

/// A function, or all of them.
fn of_functions(scenario: &Scenario, function: Option<FnId>) -> impl Iterator<Item = &Function> {
    let range = function.map_or(0..scenario.functions.len(), |id| id.index()..id.index() + 1);
    scenario.functions[range].iter()
}

fn seldom(ratio: &Metric, function: Option<String>, shapes: &[&Shape<f64>]) -> Option<Rare> {
    let (seen, of) = sums(ratio, shapes)?;
    let (seen, of) = (seen as u64, of as u64);
    if seen >= SELDOM.min(of) {
        return None;
    }
    let (low, high) = if seen == 0 { (0.0, none_seen_below(of)?) } else { clopper_pearson(seen, of)? };
    Some(Rare { metric: ratio.key.clone(), function, seen, of, low, high })
}

fn subject_of(function: Option<FnId>) -> Subject {
    function.map_or(Subject::Total, Subject::Function)
}

/// The precision reached by the replications, compared with the one requested.
pub(super) fn reached(scenario: &Scenario, replications: &Replications) -> Vec<MetricReached> {
    let of = |target: &PrecisionTarget| {
        let function = target.function;
        let records = replications.measured(scenario, subject_of(function));
        let shapes: Vec<&Shape<f64>> = records.iter().map(|record| &record.shape).collect();
        let nothing = Stat { mean: f64::NAN, half_width: None };
        let stat = metric::find(&target.metric).map_or(nothing, |metric| stat_of(&shapes, metric));
        let name = function.map(|id| scenario.functions[id.index()].name.clone());
        let rare = metric::find(&target.metric).and_then(|ratio| seldom(ratio, name.clone(), &shapes));
        let half_width = rare.map_or(stat.half_width, |rare| Some((rare.high - rare.low) / 2.0));
        let asked = match target.half_width {
            Tolerance::Relative(part) => part * stat.mean.abs(),
            Tolerance::Absolute(size) => size,
        };
        MetricReached {
            metric: target.metric.clone(),
            function: name,
            asked: target.half_width.to_string(),
            asked_half_width: Some(asked).filter(|asked| asked.is_finite()),
            half_width,
            met: half_width.is_some_and(|half| half <= asked),
        }
    };
    scenario.simulation.precision.iter().flat_map(|precision| &precision.targets).map(of).collect()
}

/// Whether to stop: every interval is narrow enough, or its metric never had a value.
pub(super) fn is_narrow(reached: &[MetricReached]) -> bool {
    reached.iter().all(|one| one.met || one.asked_half_width.is_none())
}

/// Metrics checked for independence of batches.
const CHECKED: [&str; 2] = ["latency_s.mean", "instances.mean"];

/// The batches of a run and whether they are independent.
pub(super) fn batch_means(batches: &[Shape<f64>], length_s: f64) -> BatchMeans {
    let check = |metric: &str| {
        let values: Vec<f64> = batches.iter().filter_map(|batch| batch.get(metric).copied()).collect();
        let found = Dependence::of(&values)?;
        let (metric, is_independent) = (metric.to_owned(), found.is_harmless());
        Some(BatchCheck { metric, lag1: found.lag1, von_neumann: found.von_neumann, z: found.z, is_independent })
    };
    let checks: Vec<BatchCheck> = CHECKED.into_iter().filter_map(check).collect();
    let is_independent = checks.iter().all(|check| check.is_independent);
    BatchMeans { count: batches.len() as u32, length_s, is_independent, checks }
}

/// The statistics of a run with batches. Metrics without batch values (peaks, maxima, lifespans, cost) have no
/// interval.
pub(super) fn with_batches(whole: &Shape<Stat>, batches: &[Shape<f64>]) -> Shape<Stat> {
    let all: Vec<&Shape<f64>> = batches.iter().collect();
    let half_width = |metric: &Metric| {
        let factor = match metric.whole {
            Whole::Sum => batches.len() as f64,
            Whole::Mean => 1.0,
            Whole::Other => return None,
        };
        let is_there = all.iter().all(|batch| batch.get(&metric.key).is_some_and(|value| value.is_finite()));
        stat_of(&all, metric).half_width.filter(|_| is_there).map(|half| half * factor)
    };
    Shape::build(|metric| {
        let mean = whole.get(&metric.key).map_or(f64::NAN, |stat| stat.mean);
        Stat { mean, half_width: half_width(metric) }
    })
}
