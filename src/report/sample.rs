//! A result as a run would leave it, made up: a shop with a daily rhythm. For tests of reports.

use crate::experiment::compare::Compared;
use crate::measure::comparison::{Better, Comparison, Contender, Contrast, Method, Verdict};
use crate::measure::evidence::Evidence;
use crate::measure::summary::{Asked, LimitHit, ObjectiveResult, ScenarioRef, Shape, StabilityResult, Stat, Summary};
use crate::measure::timeline::{Bins, Distributions, Point, Series, Timeline};
use crate::measure::{Manifest, RunResult};
use crate::time::Span;

const NAMES: [&str; 5] = ["checkout", "search", "image-resize", "nightly-report", "login"];

/// A result of `functions` functions and `intervals` intervals of five minutes.
pub(in crate::report) fn result(functions: usize, intervals: usize) -> RunResult {
    let names: Vec<String> = (0..functions)
        .map(|i| NAMES.get(i).map_or_else(|| format!("function-{i:04}"), |name| (*name).to_owned()))
        .collect();
    let shapes: Vec<(String, Shape<Stat>)> =
        names.iter().enumerate().map(|(i, name)| (name.clone(), shape(1.0 / (i + 1) as f64))).collect();
    let total = shape((1..=functions).map(|i| 1.0 / i as f64).sum());
    let objective = |metric: &str, function: Option<&str>, below, mean, half, met| ObjectiveResult {
        asked: Asked {
            metric: Some(metric.into()),
            function: function.map(str::to_owned),
            below: Some(below),
            ..Asked::default()
        },
        value: stat(mean, half),
        met,
        failure_ratio: None,
    };
    let summary = Summary {
        scenario: ScenarioRef { name: "shop".into(), hash: "9f2c41d0a7e36b58".into() },
        seed: 42,
        replications: 5,
        horizon_s: 86_400.0,
        measured_s: 84_600.0,
        total,
        functions: shapes,
        components: Default::default(),
        calls: Vec::new(),
        latency_parts: Vec::new(),
        alarms: Vec::new(),
        faults: Vec::new(),
        sources: Vec::new(),
        stability: StabilityResult::default(),
        objectives: vec![
            objective("latency_s.p99", Some("checkout"), 0.8, 0.6123, 0.0142, true),
            objective("rejection_ratio", None, 0.001, 0.0052, 0.0003, false),
            objective("cold_start_ratio", Some("checkout"), 0.01, 0.0018, 0.0002, true),
        ],
        events: [("arrival", 4_320_112.0), ("start", 12_034.0), ("completion", 4_297_648.0), ("expiry", 11_902.0)]
            .map(|(kind, n)| (kind.to_owned(), stat(n, n * 0.001)))
            .to_vec(),
        limits: vec![
            LimitHit {
                limit: "reserved".into(),
                function: "checkout".into(),
                value: Some(200.0),
                throttled: stat(20_113.0, 950.0),
            },
            LimitHit {
                limit: "scaling-rate".into(),
                function: "checkout".into(),
                value: None,
                throttled: stat(2_351.0, 310.0),
            },
        ],
        has_prices: true,
        monthly_cost_usd: stat(1_234.56, 12.3),
        monthly_free_usd: stat(0.0, 0.0),
        assumptions: Vec::new(),
        evidence: Evidence::default(),
    };
    let total_series = Series { function: None, points: (0..intervals).map(|i| point(i, intervals, 1.0)).collect() };
    let per_function = names.iter().take(20).enumerate().map(|(f, name)| Series {
        function: Some(name.clone()),
        points: (0..intervals).map(|i| point(i, intervals, 0.5 / (f + 1) as f64)).collect(),
    });
    let series = std::iter::once(total_series).chain(per_function).collect();
    RunResult {
        summary,
        timeline: Timeline { interval: Span::from_secs(300), series, sources: Vec::new(), nodes: Vec::new() },
        distributions: distributions(),
        limit_lines: vec![("reserved (checkout)".into(), 200.0), ("account-limit".into(), 1_000.0)],
    }
}

/// The result of a run in which nothing arrived.
pub(in crate::report) fn empty() -> RunResult {
    let mut result = result(1, 0);
    let nothing = Shape::build(|metric| {
        let count = !metric.key.contains("_s") && !metric.key.ends_with("_ratio");
        Stat { mean: if count { 0.0 } else { f64::NAN }, half_width: None }
    });
    result.summary.total = nothing.clone();
    result.summary.functions[0].1 = nothing;
    result.summary.replications = 1;
    result.summary.objectives.clear();
    result.summary.limits.clear();
    result.summary.events.clear();
    result.summary.monthly_cost_usd = Stat { mean: 0.0, half_width: None };
    result.distributions = Distributions::default();
    result
}

/// A shop with a variant that is faster and dearer, and one of which little is known.
pub(in crate::report) fn comparison() -> Compared {
    let names = ["unchanged", "warm", "a-variant-with-a-name-that-is-longer-than-any-column"];
    let results: Vec<(String, RunResult)> = names.iter().map(|name| ((*name).to_owned(), result(3, 24))).collect();
    let summary = results[0].1.summary.clone();
    let stat = |mean, half| Stat { mean, half_width: Some(half) };
    let contrast =
        |variant: &str, metric: &str, function: Option<&str>, base: f64, by: f64, half: f64, verdict| Contrast {
            variant: variant.to_owned(),
            metric: metric.to_owned(),
            function: function.map(str::to_owned),
            source: None,
            component: None,
            better: Some(Better::Lower),
            baseline: stat(base, base * 0.1),
            value: stat(base + by, base * 0.1),
            difference: stat(by, half),
            relative: Some(by / base),
            confidence: 0.999,
            pairs: 16,
            verdict: Some(verdict),
            more_replications: (verdict == Verdict::NotYetDistinguishable).then_some(9_999),
        };
    let contrasts = vec![
        contrast(names[1], "latency_s.p99", Some("checkout"), 0.6, -0.2, 0.01, Verdict::Better),
        contrast(names[1], "cost_usd.per_million_requests", None, 9.3, 12_345.6, 0.04, Verdict::Worse),
        contrast(names[1], "latency_s.p50", None, 0.12, 0.0001, 0.0002, Verdict::NotDifferentEnough),
        contrast(names[2], "latency_s.p99", Some("checkout"), 0.6, -0.02, 0.1, Verdict::NotYetDistinguishable),
        contrast(
            names[2],
            "cost_usd.per_million_requests",
            None,
            9.3,
            12_345.6,
            99_999.9,
            Verdict::NotYetDistinguishable,
        ),
        contrast(names[2], "latency_s.p50", None, 0.12, 0.05, 0.01, Verdict::Worse),
    ];
    let comparison = Comparison {
        scenario: summary.scenario.clone(),
        seed: 42,
        replications: 16,
        horizon_s: 86_400.0,
        measured_s: 84_600.0,
        baseline: names[0].to_owned(),
        method: Method {
            confidence: 0.95,
            adjustment: "bonferroni".to_owned(),
            comparisons: 6,
            looks: vec![8, 16],
            interval_confidence: 0.995_833,
            precision: "1 % of the baseline".to_owned(),
            followed: vec!["latency_s.p99 of checkout".to_owned()],
            is_settled: false,
        },
        contrasts,
        contenders: results
            .iter()
            .map(|(name, result)| Contender { name: name.clone(), summary: result.summary.clone() })
            .collect(),
        over_load: None,
    };
    Compared { comparison, results, simulated: 0, is_whole: true }
}

/// The manifest that goes with it.
pub(in crate::report) fn manifest() -> Manifest {
    Manifest {
        version: "0.1.0".into(),
        kind: "run".into(),
        command: "forewarm run scenarios/shop.toml --replications 5".into(),
        scenario_hash: "9f2c41d0a7e36b58".into(),
        scenario: "[scenario]\nname = \"shop\"\n\n[simulation]\nhorizon = \"24h\"\nwarm-up = \"30m\"\nseed = 42\n\n\
                   [[function]]\nname = \"checkout\"\nmemory = \"1024MB\"\n"
            .into(),
        seed: 42,
        replications: 5,
        threads: 2,
        wall_s: 1.87,
        invocations: 21_489_240,
        invocations_per_s: 11_491_572.0,
        files: Vec::new(),
    }
}

fn stat(mean: f64, half_width: f64) -> Stat {
    Stat { mean, half_width: Some(half_width) }
}

/// A function's numbers with a load of `share` of the busiest.
fn shape(share: f64) -> Shape<Stat> {
    let times = |key: &str, [mean, sd, p50, p90, p95, p99, p999, max]: [f64; 8]| match key {
        "mean" => mean,
        "sd" => sd,
        "p50" => p50,
        "p90" => p90,
        "p95" => p95,
        "p99" => p99,
        "p999" => p999,
        _ => max,
    };
    Shape::build(|metric| {
        let (group, leaf) = metric.key.split_once('.').unwrap_or((&metric.key, ""));
        let mean = match (group, leaf) {
            ("requests", "arrived") => (4_320_112.0 * share).round(),
            ("requests", "completed") => (4_297_648.0 * share).round(),
            ("requests", "rejected") => (22_464.0 * share).round(),
            ("requests", _) => 0.0,
            ("invocations", "started") => (4_297_648.0 * share).round(),
            ("invocations", "cold") => (7_735.0 * share).round(),
            ("invocations", "cold_affected") => (9_821.0 * share).round(),
            ("invocations", _) => (22_464.0 * share).round(),
            ("cold_start_ratio", _) => 0.0018,
            ("cold_affected_ratio", _) => 0.0023,
            ("rejection_ratio" | "failure_ratio", _) => 0.0052,
            ("latency_s", leaf) => times(leaf, [0.1512, 0.12, 0.1231, 0.281, 0.3712, 0.6123, 1.43, 8.2]),
            ("wait_s", leaf) => times(leaf, [0.0112, 0.04, 0.0, 0.0, 0.013, 0.25, 0.71, 6.9]),
            ("queueing_s", leaf) => times(leaf, [0.0107, 0.04, 0.0, 0.0, 0.011, 0.24, 0.7, 6.9]),
            ("cold_start_s", leaf) => times(leaf, [0.000_45, 0.01, 0.0, 0.0, 0.0, 0.0, 0.25, 0.41]),
            ("execution_s", leaf) => times(leaf, [0.14, 0.1, 0.1201, 0.27, 0.35, 0.58, 0.9, 4.1]),
            ("instances", "mean") => 96.2 * share,
            ("instances", "busy_mean") => 61.3 * share,
            ("instances", "idle_mean") => 34.7 * share,
            ("instances", "starting_mean") => 0.2 * share,
            ("instances", "peak") => (214.0 * share).round(),
            ("instances", "created") => (12_034.0 * share).round(),
            ("instances", "lifespan_mean_s") => 3_410.0,
            ("instances", _) => 60.5 * share,
            ("concurrency", "mean") => 61.4 * share,
            ("concurrency", _) => (208.0 * share).round(),
            ("queue", "mean") => 0.54 * share,
            ("queue", _) => (1_000.0 * share).round(),
            ("cost_usd", "total") => 40.17 * share,
            ("cost_usd", "requests") => 0.86 * share,
            ("cost_usd", "compute") => 31.01 * share,
            ("cost_usd", "provisioned") => 8.3 * share,
            ("cost_usd", "per_million_requests" | "per_million_succeeded") => 9.3,
            ("cost_usd", _) => 0.0,
            _ => 9.3,
        };
        stat(mean, mean * 0.013)
    })
}

/// One interval of a day: quiet at night, a peak at noon that meets the limit.
fn point(index: usize, of: usize, scale: f64) -> Point {
    let day = index as f64 / of.max(1) as f64;
    let wave = (1.0 - (std::f64::consts::TAU * day).cos()) / 2.0;
    // Deterministic roughness, so that the lines look like measurements.
    let rough = |salt: f64| ((index as f64 * 12.9898 + salt).sin() * 43_758.547).fract().abs();
    let load = (20.0 + 160.0 * wave) * scale * (0.92 + 0.16 * rough(1.0));
    let burst = if (0.45..0.52).contains(&day) { 1.0 } else { 0.0 };
    Point {
        arrived: load * 300.0,
        completed: load * 300.0 * (1.0 - 0.05 * burst),
        rejected: load * 15.0 * burst * rough(2.0),
        timed_out: 0.0,
        throttled: load * 22.0 * burst * rough(2.0),
        cold: (load * 0.3 * rough(3.0)).floor() + 40.0 * burst,
        instances_busy: load,
        instances_idle: load * (0.2 + 0.5 * (1.0 - wave)),
        instances_starting: load * 0.02 * rough(4.0) + 8.0 * burst * rough(5.0),
        concurrency: load,
        queue: 12.0 * burst * rough(6.0) * scale,
        latency_s_p50: 0.12 * (0.97 + 0.06 * rough(7.0)),
        latency_s_p95: 0.36 * (0.9 + 0.2 * rough(8.0)) + 0.3 * burst,
        latency_s_p99: 0.55 * (0.8 + 0.4 * rough(9.0)) + 1.1 * burst * rough(2.0),
    }
}

fn distributions() -> Distributions {
    Distributions {
        latency: bell(0.0, 0.12, 0.36),
        execution: bell(0.0, 0.118, 0.34),
        queueing: bell(0.986, 0.2, 0.45),
        cold_start: bell(0.9982, 0.26, 0.1),
    }
}

/// A log-normal shape around `median` with the standard deviation `spread` in decades, and a share of zeros.
fn bell(zero: f64, median: f64, spread: f64) -> Bins {
    let weights: Vec<(f64, f64)> =
        (-40..=40).map(|step| (f64::from(step) / 10.0, (-0.5 * (f64::from(step) / 10.0f64).powi(2)).exp())).collect();
    let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let edge = |z: f64| median * 10f64.powf(z * spread);
    let bins =
        weights.iter().map(|(z, weight)| (edge(z - 0.05), edge(z + 0.05), (1.0 - zero) * weight / sum)).collect();
    Bins { bins, zero }
}
