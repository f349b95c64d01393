//! From replications to what reports are made from: means with intervals.

use super::cost::{Prices, Usage};
use super::evidence::{self, EndedBy, Evidence, MetricReached, PrecisionReached, with_batches};
use super::objective;
use super::path::{self, Components};
use super::replication::{FunctionRecord, Replication};
use super::stability::{Tipped, Verdict};
use super::summary::{
    FailedBy, LimitHit, Requests, ScenarioRef, Shape, SourceRequests, SourceResult, StabilityResult, Stat, Summary,
};
use super::tally::LIMITS;
use super::timeline::{Bins, Distributions, Point, Series, SourceSeries, Timeline};
use super::window::Window;
use super::{MONTH, RunResult};
use crate::engine::Limit;
use crate::id::SourceId;
use crate::metric::{Metric, Statistic};
use crate::scenario::{Billing, FreeResources, Function, Overflow, ResourceBilling, Scenario, Source, Subject, Target};
use crate::stats::{Histogram, interval};
use crate::time::{NANOS_PER_SECOND, Span};

/// Histograms for drawing have 2^5 bins for each power of two.
const DRAWN_BITS: u32 = 5;

impl RunResult {
    /// The result of a scenario's replications, in their order. At least one is needed.
    #[must_use]
    pub fn of(scenario: &Scenario, mut replications: Vec<Replication>) -> Self {
        let window = Window::of(scenario);
        let monthly: Vec<f64> =
            replications.iter_mut().map(|replication| replication.charge(scenario, window.measured())).collect();
        let free: Vec<f64> =
            replications.iter().map(|replication| replication.free_in_a_month(scenario, window.measured())).collect();
        let names = scenario.functions.iter().map(|function| function.name.clone());
        let totals: Vec<&Shape<f64>> = replications.iter().map(|replication| &replication.total.shape).collect();
        // In a comparison there are replications after all.
        let is_batched = scenario.simulation.batches.is_some() && replications.len() == 1;
        let batches = replications.first().filter(|_| is_batched);
        let total = stats(&totals);
        let total = batches.map_or_else(|| total.clone(), |one| with_batches(&total, &one.batches));
        let functions: Vec<(String, Shape<Stat>)> = names
            .enumerate()
            .map(|(index, name)| {
                let shapes: Vec<_> = replications.iter().map(|one| &one.functions[index].record.shape).collect();
                let shape = stats(&shapes);
                let batches = batches.map(|one| &one.functions[index].batches).filter(|batches| !batches.is_empty());
                (name, batches.map_or_else(|| shape.clone(), |batches| with_batches(&shape, batches)))
            })
            .collect();
        let batch_means = batches.map(|one| {
            let length = window.batch(one.batches.len());
            evidence::batch_means(&one.batches, length.as_secs_f64())
        });
        let summary = Summary {
            scenario: ScenarioRef { name: scenario.name.clone(), hash: scenario.hash.clone() },
            seed: scenario.simulation.seed,
            replications: replications.len() as u32,
            horizon_s: scenario.simulation.horizon.as_secs_f64(),
            measured_s: window.measured().as_secs_f64(),
            sources: sources(scenario, &replications),
            components: Components::of(scenario, &replications),
            stability: stability(scenario, &window, &replications),
            objectives: objective::results(scenario, &replications, |subject, key| match subject {
                Subject::Total => total.get(key).copied(),
                Subject::Function(id) => functions[id.index()].1.get(key).copied(),
                Subject::Source(_) => None,
            }),
            events: events(&replications),
            limits: limits(scenario, &replications),
            has_prices: scenario.has_prices(),
            monthly_cost_usd: Stat::of(&monthly),
            monthly_free_usd: Stat::of(&free),
            assumptions: scenario.assumptions.clone(),
            evidence: Evidence {
                rare: evidence::rare(scenario, &replications),
                few: evidence::few(scenario, &replications),
                batch_means,
                ..Evidence::default()
            },
            total,
            functions,
        };
        Self {
            summary,
            timeline: timeline(scenario, &window, &replications),
            distributions: distributions(&replications),
            limit_lines: limit_lines(scenario),
        }
    }
}

impl RunResult {
    /// Adds what became of the precision that was asked for.
    pub(crate) fn tell_precision(&mut self, reached: Vec<MetricReached>, looks: Vec<u32>, is_whole: bool) {
        let ended_by = match is_whole {
            false => EndedBy::Interruption,
            true if evidence::is_narrow(&reached) => EndedBy::Precision,
            true => EndedBy::MaxReplications,
        };
        let replications = self.summary.replications;
        let precision = PrecisionReached { looks, replications, ended_by, metrics: reached };
        self.summary.evidence.precision = Some(precision);
    }
}

/// What of the precision that a scenario asks for its replications have reached, and whether that is all of it.
pub(crate) fn precision_reached(scenario: &Scenario, replications: &mut [Replication]) -> (Vec<MetricReached>, bool) {
    let measured = Window::of(scenario).measured();
    replications.iter_mut().for_each(|replication| {
        replication.charge(scenario, measured);
    });
    let reached = evidence::reached(scenario, replications);
    let is_narrow = evidence::is_narrow(&reached);
    (reached, is_narrow)
}

impl Stat {
    /// The mean of independent values with half of its 95 % interval. Values that are not there (NaN) are left out.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let there: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        let mean = there.iter().sum::<f64>() / there.len() as f64;
        Self { mean, half_width: interval::mean_half_width(&there) }
    }
}

/// Events and what they are counted of, over all; none where the metric is not a ratio of counts.
pub(super) fn sums(metric: &Metric, shapes: &[&Shape<f64>]) -> Option<(f64, f64)> {
    let pairs = shapes.iter().map(|shape| metric.counts(shape));
    pairs.into_iter().try_fold((0.0, 0.0), |(events, of), pair| pair.map(|pair| (events + pair.0, of + pair.1)))
}

/// The statistic of one metric. A ratio of counts is that of their sums, with its jackknife interval, because a mean of
/// ratios is biased where replications differ in size; NaN where nothing was there to count.
pub(super) fn stat_of(shapes: &[&Shape<f64>], metric: &Metric) -> Stat {
    let pairs: Option<Vec<(f64, f64)>> = shapes.iter().map(|shape| metric.counts(shape)).collect();
    if let (Some(pairs), Some((events, of))) = (pairs, sums(metric, shapes)) {
        return Stat { mean: events / of, half_width: interval::ratio_of_sums(&pairs).map(|ratio| ratio.half_width) };
    }
    let values: Vec<f64> = shapes.iter().map(|shape| shape.get(&metric.key).copied().unwrap_or(f64::NAN)).collect();
    Stat::of(&values)
}

/// Metric by metric.
fn stats(shapes: &[&Shape<f64>]) -> Shape<Stat> {
    let columns: Vec<Vec<f64>> = shapes
        .iter()
        .map(|shape| {
            let mut values = Vec::new();
            shape.visit(|_, value| values.push(*value));
            values
        })
        .collect();
    let mut place = 0;
    Shape::build(|metric| {
        let values: Vec<f64> = columns.iter().map(|column| column[place]).collect();
        place += 1;
        match metric.statistic {
            Statistic::Ratio { .. } => stat_of(shapes, metric),
            Statistic::Plain | Statistic::Quantile(_) => Stat::of(&values),
        }
    })
}

impl Replication {
    /// Fills in the cost and returns that of a month. Doing it again changes nothing.
    pub(super) fn charge(&mut self, scenario: &Scenario, measured: Span) -> f64 {
        let all = self.usage();
        let month = all.to_month(measured);
        let billing = scenario.platform.billing.as_ref();
        let prices = billing.map_or_else(Prices::default, |billing| Prices::of_month(&month, billing));
        for FunctionRecord { record, usage, .. } in &mut self.functions {
            let shape = &mut record.shape;
            shape.cost_usd = prices.cost(usage, shape.requests.arrived, shape.requests.completed);
        }
        let total = &mut self.total.shape;
        let requests = &total.requests;
        total.cost_usd = prices.cost(&all, requests.arrived, requests.completed);
        let (components, nodes) = (path::cost_usd(&self.components), path::cost_usd(&self.nodes));
        total.cost_usd.add(components, nodes, requests.arrived, requests.completed);
        let months = MONTH.as_secs_f64() / measured.as_secs_f64();
        let besides = (components + nodes) * months;
        prices.cost(&month, requests.arrived * months, requests.completed * months).total + besides
    }

    /// What free amounts take off the list price of a month, US dollars.
    fn free_in_a_month(&self, scenario: &Scenario, measured: Span) -> f64 {
        let month = self.usage().to_month(measured);
        let total = |billing: &Billing| Prices::of_month(&month, billing).cost(&month, 1.0, 1.0).total;
        let billing = scenario.platform.billing.as_ref();
        billing.map_or(0.0, |billing| {
            let resources = ResourceBilling { free: FreeResources::default(), ..billing.resources.clone() };
            total(&Billing { free_requests: 0.0, free_gb_seconds: 0.0, resources, ..billing.clone() }) - total(billing)
        })
    }

    /// What is charged for, of all functions together.
    fn usage(&self) -> Usage {
        let mut all = Usage::default();
        self.functions.iter().for_each(|function| all += function.usage);
        all
    }
}

/// Whether what is served keeps up with what arrives.
fn stability(scenario: &Scenario, window: &Window, replications: &[Replication]) -> StabilityResult {
    let worst = |of: &dyn Fn(&Replication) -> Tipped| Verdict::worst(&replications.iter().map(of).collect::<Vec<_>>());
    let functions = scenario.functions.iter().enumerate().filter(|_| window.series_by_function);
    let kept = scenario.components.iter().enumerate().filter_map(|(place, component)| {
        let all: Option<Vec<Tipped>> =
            replications.iter().map(|one| one.components.get(place).and_then(Tipped::of_kept)).collect();
        Some((component.name.clone(), Verdict::worst(&all?)))
    });
    StabilityResult {
        components: kept.collect(),
        run: worst(&|one| one.tipped),
        functions: functions
            .map(|(place, function)| (function.name.clone(), worst(&|one| one.functions[place].tipped)))
            .collect(),
    }
}

/// So many sources are told at most, where each is the only one of its function and says the same.
const SOURCES_MAX: usize = 1000;

/// What became of the requests of each source.
fn sources(scenario: &Scenario, replications: &[Replication]) -> Vec<(String, SourceResult)> {
    let is_repeated = replications.iter().all(|one| one.sources.is_empty());
    if is_repeated && scenario.sources.len() > SOURCES_MAX {
        return Vec::new();
    }
    let result = |(place, source): (usize, &Source)| {
        let subject = Subject::Source(SourceId(place as u32));
        let measured: Vec<_> = replications.iter().map(|one| one.measured(scenario, subject).shape).collect();
        let all = stats(&measured);
        let failed = |of: &Requests<f64>| of.rejected + of.timed_out + of.failed;
        // What only happens on a path is told apart there.
        let by_path: Vec<[f64; 3]> =
            replications.iter().map(|one| one.by_path(SourceId(place as u32)).map(|count| count as f64)).collect();
        let on_path = |which: usize| {
            let counts: Vec<f64> = by_path.iter().map(|counts| counts[which]).collect();
            scenario.has_path().then(|| Stat::of(&counts))
        };
        let besides = |which: usize, of: &dyn Fn(&Requests<f64>) -> f64| {
            let counts = measured.iter().zip(&by_path).map(|(shape, counts)| of(&shape.requests) - counts[which]);
            Stat::of(&counts.collect::<Vec<_>>())
        };
        let requests = SourceRequests {
            arrived: all.requests.arrived,
            succeeded: all.requests.completed,
            failed: Stat::of(&measured.iter().map(|shape| failed(&shape.requests)).collect::<Vec<_>>()),
            unfinished: all.requests.unfinished,
            failed_by: FailedBy {
                timed_out: besides(2, &|of| of.timed_out),
                throttled: besides(0, &|of| of.rejected),
                error: besides(1, &|of| of.failed),
                breaker: on_path(0),
                budget: on_path(1),
                expired: on_path(2),
            },
        };
        let (failure_ratio, latency_s, cold_start_ratio) = (all.failure_ratio, all.latency_s, all.cold_start_ratio);
        let attempts_per_request = attempts_per_request(scenario, source, replications);
        let result = SourceResult { requests, failure_ratio, attempts_per_request, latency_s, cold_start_ratio };
        (source.name.clone(), result)
    };
    scenario.sources.iter().enumerate().map(result).collect()
}

/// How many attempts a source's client made for each request, where it has one.
fn attempts_per_request(scenario: &Scenario, source: &Source, replications: &[Replication]) -> Option<Stat> {
    let Target::Component(id) = source.target else { return None };
    let is_client = scenario.components[id.index()].spec.group() == "clients";
    let books = replications.iter().filter_map(|one| one.components.get(id.index()));
    let values: Vec<f64> = books.filter_map(|books| books.get("attempts_per_request")).collect();
    is_client.then(|| Stat::of(&values))
}

fn events(replications: &[Replication]) -> Vec<(String, Stat)> {
    let counts: Vec<_> = replications.iter().map(|replication| replication.events.by_kind()).collect();
    // What few scenarios have is not there in the others.
    let is_shown = |(kind, stat): &(String, Stat)| {
        !["pre-warm", "alarm", "step", "fault", "machine"].contains(&kind.as_str()) || stat.mean > 0.0
    };
    let kinds = counts.first().map_or(&[][..], |first| first.as_slice()).iter().map(|(kind, _)| *kind);
    kinds
        .enumerate()
        .map(|(index, kind)| {
            let values: Vec<f64> = counts.iter().map(|count| count[index].1 as f64).collect();
            (kind.to_owned(), Stat::of(&values))
        })
        .filter(is_shown)
        .collect()
}

/// Which limits held requests back, most often first.
fn limits(scenario: &Scenario, replications: &[Replication]) -> Vec<LimitHit> {
    let mut hits = Vec::new();
    for (index, function) in scenario.functions.iter().enumerate() {
        let mut hit = |limit: &str, value: Option<f64>, times: &dyn Fn(&FunctionRecord) -> u64| {
            let counts: Vec<f64> =
                replications.iter().map(|replication| times(&replication.functions[index]) as f64).collect();
            if counts.iter().any(|count| *count > 0.0) {
                let (limit, function) = (limit.to_owned(), function.name.clone());
                hits.push(LimitHit { limit, function, value, throttled: Stat::of(&counts) });
            }
        };
        for (place, limit) in LIMITS.iter().enumerate() {
            let (name, value) = describe(*limit, scenario, function);
            hit(name, value, &|record| record.throttled[place]);
        }
        let (queue_limit, patience) = match function.concurrency.overflow {
            Overflow::Queue { limit, timeout } => (limit.map(f64::from), timeout),
            Overflow::Reject => (None, None),
        };
        hit("queue-limit", queue_limit, &|record| record.queue_full);
        hit("queue-timeout", patience.map(Span::as_secs_f64), &|record| record.gave_up);
        hit("timeout", function.timeout.map(Span::as_secs_f64), &|record| record.cut_off);
    }
    hits.sort_by(|a, b| b.throttled.mean.total_cmp(&a.throttled.mean));
    hits
}

/// What a limit is called in results, and its value.
fn describe(limit: Limit, scenario: &Scenario, function: &Function) -> (&'static str, Option<f64>) {
    let concurrency = &function.concurrency;
    match limit {
        Limit::Account => ("account-limit", scenario.platform.account_limit.map(f64::from)),
        Limit::Reserved => ("reserved", concurrency.reserved.map(f64::from)),
        Limit::MaxInstances => ("max-instances", concurrency.max_instances.map(f64::from)),
        Limit::ScalingRate => ("scaling-rate", scenario.platform.scaling.map(|rate| f64::from(rate.burst))),
        Limit::Scaling => ("scaling", None),
        Limit::InstanceQueue => ("instance-queue", None),
        Limit::Memory => ("memory", scenario.platform.memory_budget_mb.map(f64::from)),
        Limit::RequestRate => {
            let per_second = match concurrency.reserved {
                Some(reserved) => scenario.request_rate_of(reserved),
                None => scenario.unreserved_request_rate(),
            };
            ("request-rate", per_second.map(|rate| rate as f64))
        }
    }
}

fn timeline(scenario: &Scenario, window: &Window, replications: &[Replication]) -> Timeline {
    let series = |function: Option<String>, points: &dyn Fn(&Replication) -> Vec<Point>| Series {
        function,
        points: mean_points(&replications.iter().map(points).collect::<Vec<_>>()),
    };
    let mut all = vec![series(None, &|replication| replication.points.clone())];
    if window.series_by_function {
        all.extend(scenario.functions.iter().enumerate().map(|(index, function)| {
            series(Some(function.name.clone()), &|replication| replication.functions[index].points.clone())
        }));
    }
    let mean = |values: &mut dyn Iterator<Item = u64>| {
        let values: Vec<f64> = values.map(|count| count as f64).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let sources = scenario.sources.iter().enumerate().filter_map(|(place, source)| {
        let intervals = replications.first()?.source_points.get(place)?.len();
        let point = |index: usize| {
            std::array::from_fn(|what| mean(&mut replications.iter().map(|one| one.source_points[place][index][what])))
        };
        Some(SourceSeries { source: source.name.clone(), points: (0..intervals).map(point).collect() })
    });
    Timeline { interval: window.interval, series: all, sources: sources.collect() }
}

/// Interval by interval the mean over replications; percentiles over those in which something was completed.
pub(super) fn mean_points(replications: &[Vec<Point>]) -> Vec<Point> {
    let intervals = replications.first().map_or(0, Vec::len);
    (0..intervals)
        .map(|index| {
            let mean = |column: usize| {
                let values = replications.iter().map(|points| points[index].values()[column]);
                let (sum, count) = values
                    .filter(|value| !value.is_nan())
                    .fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
                sum / f64::from(count)
            };
            Point::of(std::array::from_fn(mean))
        })
        .collect()
}

fn distributions(replications: &[Replication]) -> Distributions {
    let bins = |which: usize| {
        let mut pooled = Histogram::new(DRAWN_BITS);
        replications.iter().for_each(|replication| pooled.merge(&replication.histograms[which]));
        let count = pooled.count().max(1) as f64;
        let seconds = |ns: u64| ns as f64 / NANOS_PER_SECOND as f64;
        let filled = pooled.iter_bins().skip(usize::from(pooled.zeros() > 0));
        Bins {
            bins: filled.map(|(low, high, n)| (seconds(low), seconds(high), n as f64 / count)).collect(),
            zero: pooled.zeros() as f64 / count,
        }
    };
    Distributions { latency: bins(0), execution: bins(1), queueing: bins(2), cold_start: bins(3) }
}

/// Limits on the number of instances or of requests in progress, for the chart of instances.
fn limit_lines(scenario: &Scenario) -> Vec<(String, f64)> {
    let mut lines = Vec::new();
    if let Some(limit) = scenario.platform.account_limit {
        lines.push(("account-limit".to_owned(), f64::from(limit)));
    }
    if let [function] = &scenario.functions[..] {
        let concurrency = &function.concurrency;
        for (name, limit) in [("reserved", concurrency.reserved), ("max-instances", concurrency.max_instances)] {
            lines.extend(limit.map(|limit| (name.to_owned(), f64::from(limit))));
        }
    }
    lines
}
