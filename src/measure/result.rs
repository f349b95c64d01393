//! From replications to results: means with intervals.

use super::cost::{Prices, Usage};
use super::evidence::{self, EndedBy, Evidence, MetricReached, PrecisionReached, with_batches};
use super::path::{self, Components};
use super::quantile;
use super::replication::{FunctionMeasures, FunctionRecord, Replication, RunMeasures};
use super::replications::Replications;
use super::stability::{Tipped, Verdict};
use super::summary::{
    FailedBy, LimitHit, Requests, ScenarioRef, Shape, SourceRequests, SourceResult, StabilityResult, Stat, Summary,
};
use super::tally::LIMITS;
use super::timeline::{NodeSeries, Series, SourceSeries, Timeline};
use super::window::Window;
use super::{MONTH, RunResult};
use super::{alarm, critical, fault, flow, objective};
use crate::engine::Limit;
use crate::id::{FnId, PlatformId, SourceId};
use crate::metric::{Metric, Statistic, metrics};
use crate::scenario::{
    Billing, FreeResources, Function, Overflow, Platform, ResourceBilling, Scenario, Source, Subject, Target,
};
use crate::stats::interval;
use crate::time::Span;

impl RunResult {
    /// The result of a scenario's replications, in their order. At least one is needed.
    #[must_use]
    pub fn of(scenario: &Scenario, replications: &Replications) -> Self {
        let window = Window::of(scenario);
        let totals: Vec<&Shape<f64>> = replications.iter().map(|one| &one.total.shape).collect();
        let total = stats(&totals);
        let total = replications.batches().map_or_else(|| total.clone(), |batches| with_batches(&total, batches));
        let (mut functions, mut verdicts, mut limits) = (Vec::new(), Vec::new(), Vec::new());
        let unreserved: Vec<Option<u64>> =
            scenario.platforms().map(|(id, _)| scenario.unreserved_request_rate(id)).collect();
        for (place, function) in scenario.functions.iter().enumerate() {
            let id = FnId(place as u32);
            let measures = replications.function(id);
            let shapes: Vec<&Shape<f64>> = measures.iter().map(|one| &one.record.shape).collect();
            let shape = stats(&shapes);
            let batches = replications.function_batches(id);
            let shape = batches.map_or_else(|| shape.clone(), |batches| with_batches(&shape, batches));
            functions.push((function.name.clone(), shape));
            if window.series_by_function {
                let tipped: Vec<Tipped> = measures.iter().map(|one| one.tipped).collect();
                verdicts.push((function.name.clone(), Verdict::worst(&tipped)));
            }
            let unreserved = unreserved[function.platform.0 as usize];
            limits_of(scenario, unreserved, function, &measures, &mut limits);
        }
        limits_of_components(scenario, replications, &mut limits);
        limits.sort_by(|a, b| b.throttled.mean.total_cmp(&a.throttled.mean));
        let batch_means = replications.batches().map(|batches| {
            let length = window.batch(batches.len());
            evidence::batch_means(batches, length.as_secs_f64())
        });
        let summary = Summary {
            scenario: ScenarioRef { name: scenario.name.clone(), hash: scenario.hash.clone() },
            seed: scenario.simulation.seed,
            replications: replications.len() as u32,
            horizon_s: scenario.simulation.horizon.as_secs_f64(),
            measured_s: window.measured().as_secs_f64(),
            sources: sources(scenario, replications),
            components: Components::of(scenario, replications),
            calls: flow::results(scenario, replications),
            latency_parts: critical::results(scenario, replications),
            alarms: alarm::results(scenario, replications),
            faults: fault::results(scenario, replications),
            stability: stability(scenario, verdicts, replications),
            objectives: objective::results(scenario, replications, |subject, key| match subject {
                Subject::Total => total.get(key).copied(),
                Subject::Function(id) => functions[id.index()].1.get(key).copied(),
                Subject::Source(_) | Subject::Component(_) | Subject::NodeGroup(_) => None,
            }),
            events: events(replications),
            limits,
            has_prices: scenario.has_prices() || total.cost_usd.total.mean > 0.0,
            monthly_cost_usd: Stat::of(&replications.monthly_usd),
            monthly_free_usd: Stat::of(&replications.monthly_free_usd),
            assumptions: scenario.assumptions.clone(),
            evidence: Evidence {
                rare: evidence::rare(scenario, replications),
                few: evidence::few(scenario, replications),
                batch_means,
                ..Evidence::default()
            },
            total,
            functions,
        };
        Self {
            summary,
            timeline: timeline(scenario, &window, replications),
            distributions: replications.distributions(),
            limit_lines: limit_lines(scenario),
        }
    }
}

impl RunResult {
    /// Adds the precision requested and reached.
    pub(crate) fn set_precision(&mut self, reached: Vec<MetricReached>, looks: Vec<u32>, is_whole: bool) {
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
pub(crate) fn precision_reached(scenario: &Scenario, replications: &Replications) -> (Vec<MetricReached>, bool) {
    let reached = evidence::reached(scenario, replications);
    let is_narrow = evidence::is_narrow(&reached);
    (reached, is_narrow)
}

impl Stat {
    /// The mean of independent values with the half-width of its 95 % interval. Missing values (NaN) are ignored.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let there: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        let mean = there.iter().sum::<f64>() / there.len() as f64;
        Self { mean, half_width: interval::mean_half_width(&there) }
    }

    /// The ratio of sums, events over what they are counted of, with its jackknife interval.
    #[must_use]
    pub(super) fn of_ratio(pairs: &[(f64, f64)]) -> Self {
        let (events, of) = pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
        Self { mean: events / of, half_width: interval::ratio_of_sums(pairs).map(|ratio| ratio.half_width) }
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
    if let Some(pairs) = pairs {
        return Stat::of_ratio(&pairs);
    }
    let values = |key: &str| shapes.iter().map(|shape| shape.get(key).copied().unwrap_or(f64::NAN)).collect();
    quantile::stat(&metric.key, values)
}

/// Metric by metric.
fn stats(shapes: &[&Shape<f64>]) -> Shape<Stat> {
    let mut columns = vec![Vec::with_capacity(shapes.len()); metrics().len()];
    for shape in shapes {
        let mut column = columns.iter_mut();
        shape.visit(|_, value| column.next().into_iter().for_each(|column| column.push(*value)));
    }
    let mut place = 0;
    Shape::build(|metric| {
        let stat = match metric.statistic {
            Statistic::Ratio { .. } => stat_of(shapes, metric),
            Statistic::Plain | Statistic::Quantile(_) => quantile::stat_at(place, &columns),
        };
        place += 1;
        stat
    })
}

impl Replication {
    /// Fills in the cost and returns that of a month. Doing it again changes nothing.
    pub(super) fn charge(&mut self, scenario: &Scenario, measured: Span) -> f64 {
        let usages = self.usages(scenario);
        let months: Vec<Usage> = usages.iter().map(|usage| usage.to_month(measured)).collect();
        let prices = |(month, (_, platform)): (&Usage, (PlatformId, &Platform))| {
            platform.billing.as_ref().map_or_else(Prices::default, |billing| Prices::of_month(month, billing))
        };
        let prices: Vec<Prices> = months.iter().zip(scenario.platforms()).map(prices).collect();
        for (function, FunctionRecord { measures, usage, .. }) in scenario.functions.iter().zip(&mut self.functions) {
            let shape = &mut measures.record.shape;
            let prices = &prices[function.platform.0 as usize];
            shape.cost_usd = prices.cost(usage, shape.requests.arrived, shape.requests.completed);
        }
        let measures = &mut self.measures;
        let total = &mut measures.total.shape;
        let requests = &total.requests;
        let cost_of = |usages: &[Usage], arrived: f64, succeeded: f64| {
            let main = prices[0].cost(&usages[0], arrived, succeeded);
            let others = prices.iter().zip(usages).skip(1);
            others
                .fold(main, |sum, (prices, usage)| sum.and(&prices.cost(usage, arrived, succeeded), arrived, succeeded))
        };
        total.cost_usd = cost_of(&usages, requests.arrived, requests.completed);
        let groups = scenario.components.iter().map(|component| component.spec.group());
        let components = groups.zip(&measures.components);
        let nodes = measures.nodes.iter().map(|books| ("nodes", books));
        let usd = components.chain(nodes).map(|(group, books)| (group, books.get("cost_usd").unwrap_or(0.0)));
        let besides = total.cost_usd.add(usd, requests.arrived, requests.completed);
        let factor = MONTH.as_secs_f64() / measured.as_secs_f64();
        cost_of(&months, requests.arrived * factor, requests.completed * factor).total + besides * factor
    }

    /// Monthly deduction of free amounts from the list price, US dollars.
    pub(super) fn free_in_a_month(&self, scenario: &Scenario, measured: Span) -> f64 {
        let deducted = |(usage, (_, platform)): (&Usage, (PlatformId, &Platform))| {
            let month = usage.to_month(measured);
            let total = |billing: &Billing| Prices::of_month(&month, billing).cost(&month, 1.0, 1.0).total;
            platform.billing.as_ref().map_or(0.0, |billing| {
                let resources = ResourceBilling { free: FreeResources::default(), ..billing.resources.clone() };
                let free = Billing { free_requests: 0.0, free_gb_seconds: 0.0, resources, ..billing.clone() };
                total(&free) - total(billing)
            })
        };
        self.usages(scenario).iter().zip(scenario.platforms()).map(deducted).sum()
    }

    /// What is charged for on each platform, of all its functions together.
    fn usages(&self, scenario: &Scenario) -> Vec<Usage> {
        let mut all = vec![Usage::default(); 1 + scenario.site_platforms.len()];
        for (function, record) in scenario.functions.iter().zip(&self.functions) {
            all[function.platform.0 as usize] += record.usage;
        }
        all
    }
}

/// Whether processing keeps up with arrivals.
fn stability(scenario: &Scenario, functions: Vec<(String, Verdict)>, replications: &[RunMeasures]) -> StabilityResult {
    let kept = scenario.components.iter().enumerate().filter_map(|(place, component)| {
        let all: Option<Vec<Tipped>> =
            replications.iter().map(|one| one.components.get(place).and_then(Tipped::of_kept)).collect();
        Some((component.name.clone(), Verdict::worst(&all?)))
    });
    let run = Verdict::worst(&replications.iter().map(|one| one.tipped).collect::<Vec<_>>());
    StabilityResult { components: kept.collect(), run, functions }
}

/// Maximum number of sources listed if each is the only one of its function, with the same numbers.
const SOURCES_MAX: usize = 1000;

/// Outcomes of the requests of each source.
fn sources(scenario: &Scenario, replications: &Replications) -> Vec<(String, SourceResult)> {
    let is_repeated = replications.iter().all(|one| one.sources.is_empty());
    if is_repeated && scenario.sources.len() > SOURCES_MAX {
        return Vec::new();
    }
    let result = |(place, source): (usize, &Source)| {
        let subject = Subject::Source(SourceId(place as u32));
        let records = replications.measured(scenario, subject);
        let measured: Vec<&Shape<f64>> = records.iter().map(|record| &record.shape).collect();
        let all = stats(&measured);
        let failed = |of: &Requests<f64>| of.rejected + of.timed_out + of.failed;
        // Path-only failures are listed separately.
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
        let result = SourceResult {
            requests,
            failure_ratio: all.failure_ratio,
            attempts_per_request: attempts_per_request(scenario, source, replications),
            latency_s: all.latency_s,
            cold_start_ratio: all.cold_start_ratio,
            cold_affected_ratio: all.cold_affected_ratio,
        };
        (source.name.clone(), result)
    };
    scenario.sources.iter().enumerate().map(result).collect()
}

/// Attempts per request of a source's client, if it has one.
fn attempts_per_request(scenario: &Scenario, source: &Source, replications: &[RunMeasures]) -> Option<Stat> {
    let Target::Component(id) = source.target else { return None };
    let values = replications.iter().map(|one| path::attempts_of(scenario, one, id)).collect::<Option<Vec<f64>>>();
    values.map(|values| Stat::of(&values))
}

fn events(replications: &[RunMeasures]) -> Vec<(String, Stat)> {
    let counts: Vec<_> = replications.iter().map(|one| one.events.by_kind()).collect();
    // Optional parts are omitted if they do not apply.
    let is_shown = |(kind, stat): &(String, Stat)| {
        !["pre-warm", "alarm", "step", "fault", "processor", "machine"].contains(&kind.as_str()) || stat.mean > 0.0
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

/// Adds the limits that held requests of a function back. `unreserved`: how many requests without reserved concurrency may
/// start each second, which all functions decide.
fn limits_of(
    scenario: &Scenario,
    unreserved: Option<u64>,
    function: &Function,
    measures: &[FunctionMeasures],
    hits: &mut Vec<LimitHit>,
) {
    let mut hit = |limit: &str, value: Option<f64>, times: &dyn Fn(&FunctionMeasures) -> u64| {
        let counts: Vec<f64> = measures.iter().map(|one| times(one) as f64).collect();
        if counts.iter().any(|count| *count > 0.0) {
            let (limit, function) = (limit.to_owned(), function.name.clone());
            hits.push(LimitHit { limit, function, value, throttled: Stat::of(&counts) });
        }
    };
    for (place, limit) in LIMITS.iter().enumerate() {
        let (name, value) = describe(*limit, scenario, unreserved, function);
        hit(name, value, &|one| one.throttled[place]);
    }
    let (queue_limit, patience) = match function.concurrency.overflow {
        Overflow::Queue { limit, timeout } => (limit.map(f64::from), timeout),
        Overflow::Reject => (None, None),
    };
    hit("queue-limit", queue_limit, &|one| one.queue_full);
    hit("queue-timeout", patience.map(Span::as_secs_f64), &|one| one.gave_up);
    hit("timeout", function.timeout.map(Span::as_secs_f64), &|one| one.cut_off);
}

/// The same of what components refused or timed out.
fn limits_of_components(scenario: &Scenario, replications: &Replications, hits: &mut Vec<LimitHit>) {
    for (place, component) in scenario.components.iter().enumerate() {
        for (limit, key) in component.spec.kind().limits {
            let counts: Vec<f64> = replications
                .iter()
                .filter_map(|one| one.components.get(place))
                .filter_map(|books| books.get(key))
                .collect();
            if counts.iter().any(|count| *count > 0.0) {
                let (limit, function) = ((*limit).to_owned(), component.name.clone());
                hits.push(LimitHit { limit, function, value: None, throttled: Stat::of(&counts) });
            }
        }
    }
}

/// The name of a limit in results, and its value.
fn describe(
    limit: Limit,
    scenario: &Scenario,
    unreserved: Option<u64>,
    function: &Function,
) -> (&'static str, Option<f64>) {
    let (concurrency, platform) = (&function.concurrency, scenario.platform_of(function.platform));
    match limit {
        Limit::Account => ("account-limit", platform.account_limit.map(f64::from)),
        Limit::Reserved => ("reserved", concurrency.reserved.map(f64::from)),
        Limit::MaxInstances => ("max-instances", concurrency.max_instances.map(f64::from)),
        Limit::ScalingRate => ("scaling-rate", platform.scaling.map(|rate| f64::from(rate.burst))),
        Limit::Scaling => ("scaling", None),
        Limit::InstanceQueue => ("instance-queue", None),
        Limit::Memory => ("memory", platform.memory_budget_mb.map(f64::from)),
        Limit::RequestRate => {
            let per_second = match concurrency.reserved {
                Some(reserved) => scenario.request_rate_of(function.platform, reserved),
                None => unreserved,
            };
            ("request-rate", per_second.map(|rate| rate as f64))
        }
    }
}

fn timeline(scenario: &Scenario, window: &Window, replications: &Replications) -> Timeline {
    let mut all = vec![Series { function: None, points: replications.points() }];
    if window.series_by_function {
        all.extend(scenario.functions.iter().enumerate().map(|(place, function)| Series {
            function: Some(function.name.clone()),
            points: replications.function_points(FnId(place as u32)),
        }));
    }
    let sources = scenario.sources.iter().enumerate().filter_map(|(place, source)| {
        let mut points = replications.source_points(place)?;
        let has_client = matches!(source.target, Target::Component(id) if scenario.is_client_of_source(id));
        if !has_client {
            // Nobody tries again: each request is one attempt.
            points.iter_mut().for_each(|[arrived, _, attempts]| *attempts = *arrived);
        }
        Some(SourceSeries { source: source.name.clone(), points })
    });
    let nodes = scenario
        .node_groups
        .iter()
        .enumerate()
        .map(|(place, group)| NodeSeries { group: group.spec.name.clone(), points: replications.node_points(place) });
    Timeline { interval: window.interval, series: all, sources: sources.collect(), nodes: nodes.collect() }
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
