//! `hpa_vectors.json`: worked cases of the HPA; these never met the real controller.

use forewarm::policy::scaling::hpa::behavior::{Amount, Behavior, Policy, ScalingRules, Select};
use forewarm::policy::scaling::hpa::calculator::{Reading, Resource, Target};
use forewarm::policy::scaling::hpa::controller::{Hpa, HpaSpec, Measured};
use forewarm::policy::scaling::hpa::pods::{Phase, Pod, PodReading, Sample};
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
