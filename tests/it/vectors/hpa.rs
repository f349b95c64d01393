//! `hpa_vectors.json`: worked cases of the HPA; these never met the real controller.

use forewarm::policy::scaling::hpa::autoscaler::{self, AutoscalerSpec};
use forewarm::policy::scaling::hpa::behavior::{Amount, Behavior, Policy, ScalingRules, Select};
use forewarm::policy::scaling::hpa::calculator::{Reading, Resource, Target};
use forewarm::policy::scaling::hpa::controller::{Hpa, HpaSpec, Measured};
use forewarm::policy::scaling::hpa::pods::{Phase, Pod, PodReading, Sample};
use forewarm::policy::scaling::replay::{Conditions, Gauge, replay};
use forewarm::rng::Streams;
use forewarm::time::{SimTime, Span};
use serde::Deserialize;

use super::{Comparison, load};

const FILE: &str = "hpa_vectors.json";
/// The data start at 0 s; here the pods are an hour old by then.
const START: SimTime = SimTime::from_nanos(3_600_000_000_000);

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: u64,
    name: String,
    min: i32,
    max: i32,
    behavior: Option<Rules>,
    ticks: Vec<Tick>,
}

#[derive(Deserialize)]
struct Rules {
    up: Direction,
    down: Direction,
}

#[derive(Deserialize)]
struct Direction {
    window: u64,
    select: String,
    policies: Vec<(String, i32, u64)>,
}

#[derive(Deserialize)]
struct Tick {
    t: u64,
    current: i32,
    metrics: Vec<Metric>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metric {
    kind: String,
    #[serde(default)]
    values: Vec<i64>,
    total: Option<i64>,
    target: i64,
    #[serde(default)]
    missing: usize,
    #[serde(default)]
    unready: usize,
    request: Option<i64>,
}

#[derive(Deserialize)]
struct Expect {
    raw: Option<i32>,
    desired: i32,
}

impl From<Direction> for ScalingRules {
    fn from(direction: Direction) -> Self {
        let policy = |(kind, amount, period): (String, i32, u64)| Policy {
            amount: match kind.as_str() {
                "Pods" => Amount::Pods(amount),
                "Percent" => Amount::Percent(amount),
                other => panic!("unknown policy {other}"),
            },
            period: Span::from_secs(period),
        };
        Self {
            window: Span::from_secs(direction.window),
            select: match direction.select.as_str() {
                "Max" => Select::Max,
                "Min" => Select::Min,
                "Disabled" => Select::Disabled,
                other => panic!("unknown select {other}"),
            },
            policies: direction.policies.into_iter().map(policy).collect(),
        }
    }
}

impl Metric {
    fn measured(&self, now: SimTime, current: i32) -> Measured {
        let target = match self.kind.as_str() {
            "pods" => Target::Pods(self.target),
            "cpu_value" => Target::ResourceValue(Resource::Cpu, self.target),
            "memory_value" => Target::ResourceValue(Resource::Memory, self.target),
            "cpu_utilization" => Target::ResourceUtilization(Resource::Cpu, self.target as i32),
            "memory_utilization" => Target::ResourceUtilization(Resource::Memory, self.target as i32),
            "external_average" | "object_average" => Target::AverageValue(self.target),
            "external_value" | "object_value" => Target::Value(self.target),
            other => panic!("unknown metric {other}"),
        };
        let reading = match self.total {
            Some(value) => Reading::Value { value, ready: current },
            None => Reading::Pods(self.pods(now)),
        };
        (target, Ok(reading))
    }

    fn pods(&self, now: SimTime) -> Vec<PodReading> {
        let running = Pod {
            phase: Phase::Running,
            deleting: false,
            started: SimTime::ZERO,
            ready: true,
            ready_changed: SimTime::ZERO,
        };
        let missing = PodReading { pod: running, sample: None, request: self.request };
        let unready = PodReading { pod: Pod { phase: Phase::Pending, ready: false, ..running }, ..missing };
        let sampled = |value: &i64| {
            let sample = Sample { value: *value, at: now, window: Span::from_secs(30) };
            PodReading { sample: Some(sample), ..missing }
        };
        let others = std::iter::repeat_n(missing, self.missing).chain(std::iter::repeat_n(unready, self.unready));
        self.values.iter().map(sampled).chain(others).collect()
    }
}

#[test]
fn vectors_of_the_hpa() {
    let mut comparison = Comparison::new(FILE, "syncs");
    for case in load::<File>(FILE).cases {
        comparison.sequences += 1;
        let name = format!("{} {}", case.id, case.name);
        let mut hpa = Hpa::new(HpaSpec {
            min_replicas: case.min,
            max_replicas: case.max,
            behavior: case.behavior.map(|rules| Behavior { up: rules.up.into(), down: rules.down.into() }),
            ..HpaSpec::default()
        });
        for (number, tick) in case.ticks.iter().enumerate() {
            let now = START + Span::from_secs(tick.t);
            let metrics: Vec<_> = tick.metrics.iter().map(|metric| metric.measured(now, tick.current)).collect();
            let sync = hpa.sync(now, tick.current, tick.current, &metrics);
            comparison.equal(&name, number, &(sync.proposal, sync.desired), &(tick.expect.raw, tick.expect.desired));
        }
    }
    comparison.finish();
}

/// The same syncs on recorded metrics, as `forewarm backtest` sees them: averages and numbers of pods.
#[test]
fn vectors_of_the_hpa_on_recorded_metrics() {
    let mut compared = 0;
    for case in load::<File>(FILE).cases {
        // What a scenario has a target for, and at the period of the controller.
        let kinds = |metric: &Metric| ["pods", "cpu_utilization", "external_average"].contains(&metric.kind.as_str());
        let is_usual = case
            .ticks
            .iter()
            .all(|tick| tick.t % 15 == 0 && !tick.metrics.is_empty() && tick.metrics.iter().all(kinds));
        let is_steady = case.ticks.windows(2).all(|pair| pair[1].t - pair[0].t == 15);
        if !is_usual || !is_steady {
            continue;
        }
        let first = &case.ticks[0].metrics;
        let target = |metric: &Metric| match metric.kind.as_str() {
            "pods" => autoscaler::Metric::Concurrency(metric.target as f64 / 1000.0),
            "cpu_utilization" => autoscaler::Metric::CpuUtilization(metric.target as u32),
            _ => autoscaler::Metric::QueueLength(metric.target as f64 / 1000.0),
        };
        let spec = AutoscalerSpec {
            hpa: HpaSpec {
                min_replicas: case.min,
                max_replicas: case.max,
                behavior: case.behavior.map(|rules| Behavior { up: rules.up.into(), down: rules.down.into() }),
                ..HpaSpec::default()
            },
            metrics: first.iter().map(target).collect(),
            ..AutoscalerSpec::default()
        };
        let stream = |purpose| Streams::new(1, 0).stream("f", purpose);
        let conditions = Conditions { per_instance: 1, limit: 1_000_000, start: None, has: &|_| true, stream: &stream };
        let mut policy = spec.replay(&conditions).expect("all is recorded");
        // What was ordered before a sync is what was recorded a moment earlier.
        let mut samples: Vec<(SimTime, Vec<(Gauge, f64)>)> = Vec::new();
        for tick in &case.ticks {
            let at = SimTime::ZERO + Span::from_secs(tick.t + 15);
            let before = SimTime::from_nanos(at.as_nanos() - 1);
            let pods = f64::from(tick.current);
            samples.push((before, vec![(Gauge::Desired, pods), (Gauge::Pods, pods), (Gauge::Ready, pods)]));
            let mut values = Vec::new();
            for metric in &tick.metrics {
                let [average, sampled, missing] = match metric.kind.as_str() {
                    "pods" => [Gauge::ConcurrencyPerPod, Gauge::SampledPods, Gauge::MissingPods],
                    "cpu_utilization" => [Gauge::CpuUtilization, Gauge::CpuSampledPods, Gauge::CpuMissingPods],
                    _ => {
                        values.push((Gauge::Queue, metric.total.unwrap_or(0) as f64 / 1000.0));
                        continue;
                    }
                };
                let number = metric.values.len() as f64;
                // A CPU that a pod requests is 1000 here; in the data it is `request`.
                let request = metric.request.unwrap_or(1000) as f64;
                let sum = metric.values.iter().sum::<i64>() as f64;
                if number > 0.0 {
                    values.push((average, sum / number / request));
                }
                values.extend([(sampled, number), (missing, metric.missing as f64)]);
            }
            samples.push((at, values));
        }
        // The first sample starts the clock; syncs follow at each tick.
        samples.insert(0, (SimTime::ZERO, vec![(Gauge::Queue, 0.0)]));
        let ticks = replay(&mut *policy, &samples, Gauge::Desired);
        let decided: Vec<i32> = ticks.iter().map(|tick| tick.decided as i32).collect();
        let expected: Vec<i32> = case.ticks.iter().map(|tick| tick.expect.desired).collect();
        assert_eq!(decided, expected, "{} {}", case.id, case.name);
        compared += expected.len();
    }
    assert!(compared >= 50, "{compared} syncs");
}
