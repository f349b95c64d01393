//! What scaling policies cost: a request of many functions that mostly rest, a request among many live instances, and an instance
//! that goes among many.
//!
//! `cargo bench --bench policies`; the figures per element are requests, or instances. The names are those of scenarios: what is
//! compared is `per-request` and a policy, ten live instances and ten thousand, a thousand that go and a hundred thousand.

#![expect(dead_code, reason = "not every bench needs all of what they share")]

mod common;

use std::hint::black_box;

use common::{read, whole};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use forewarm::scenario::Scenario;

/// Scaling policies as they stand under `[[function]]`.
const POLICIES: [(&str, &str); 8] = [
    ("per-request", "keep-alive.fixed.window = \"600s\""),
    ("knative", "scaling.knative = {}"),
    ("azure-consumption", "scaling.azure-consumption = {}"),
    ("cloud-run", "scaling.cloud-run = {}"),
    ("openfaas", "scaling.openfaas = {}"),
    ("hpa", "scaling.hpa = { max-replicas = 100 }"),
    ("keda", "scaling.keda = {}"),
    ("thresholds", "scaling.thresholds.target = 0.7"),
];

/// The same for one function with so many requests in progress, each on an instance of its own where that can be said.
fn crowded(number: u32) -> [(&'static str, String); 7] {
    let (most, first) = (number * 3, number * 5 / 4);
    [
        ("per-request", "keep-alive.fixed.window = \"600s\"".to_owned()),
        ("knative", "scaling.knative = { container-concurrency = 1 }".to_owned()),
        ("predictive", "scaling.predictive.forecast.quantile.of = 10".to_owned()),
        ("cloud-run", format!("scaling.cloud-run = {{ concurrency = 1, max-instances = {most} }}")),
        ("keda", format!("scaling.keda = {{ queue-length = 1, max-replicas = {most}, initial-replicas = {first} }}")),
        (
            "hpa",
            format!(
                "scaling.hpa = {{ max-replicas = {most}, target-cpu-utilization = 60, initial-replicas = {first} }}"
            ),
        ),
        ("thresholds", "scaling.thresholds.target = 0.7".to_owned()),
    ]
}

const FUNCTIONS: usize = 200;
const REQUESTS: f64 = 100_000.0;

/// Functions that are all alike, each with a request every 43 s, as a thousand with two million requests a day.
fn resting(policy: &str) -> Scenario {
    let functions = (0..FUNCTIONS).map(|index| {
        format!(
            "[[function]]\nname = \"f{index}\"\nduration.log-normal = {{ median = \"200ms\", p99 = \"1s\" }}\n{policy}\n\
             [[source]]\nname = \"s{index}\"\nfunction = \"f{index}\"\narrivals.poisson.rate = \"2000/d\"\n"
        )
    });
    let horizon = REQUESTS / FUNCTIONS as f64 / 2_000.0 * 86_400.0;
    let head = format!("[scenario]\nname = \"resting\"\n[simulation]\nhorizon = \"{horizon}s\"\n");
    read(&(head + &functions.collect::<String>()))
}

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resting-functions");
    group.throughput(Throughput::Elements(REQUESTS as u64)).sample_size(10);
    for (name, policy) in POLICIES {
        let scenario = resting(policy);
        group.bench_function(name, |bench| bench.iter(|| whole(black_box(&scenario))));
    }
    group.finish();

    let mut group = criterion.benchmark_group("live-instances");
    group.sample_size(10);
    for number in [10, 10_000] {
        for (name, policy) in crowded(number) {
            let requests = REQUESTS.max(f64::from(number) * 60.0);
            let scenario = read(&format!(
                "[scenario]\nname = \"crowd\"\n[simulation]\nhorizon = \"{}s\"\n[[function]]\nname = \"f\"\n\
                 duration.exponential.mean = \"1s\"\n{policy}\n\
                 [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"{number}/s\"\n",
                requests / f64::from(number)
            ));
            group.throughput(Throughput::Elements(requests as u64));
            group.bench_function(BenchmarkId::new(name, number), |bench| bench.iter(|| whole(black_box(&scenario))));
        }
    }
    group.finish();
}

/// A timetable orders so many instances, and withdraws all of them at once.
fn removal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("removal");
    group.sample_size(10);
    for number in [1_000_u32, 100_000] {
        for (name, first) in [("idle", 3_000), ("busy", 1)] {
            let scenario = read(&format!(
                "[scenario]\nname = \"removal\"\n[simulation]\nhorizon = \"1m\"\n[[function]]\nname = \"f\"\n\
                 duration.constant.value = \"20s\"\n\
                 scaling.scheduled = {{ governs = \"all\", instances = {number}, actions = [{{ at = \"10s\", instances = 0 }}] }}\n\
                 [[source]]\nname = \"s\"\nfunction = \"f\"\n\
                 arrivals.burst = {{ size = {number}, every = \"1h\", first = \"{first}s\" }}\n"
            ));
            group.throughput(Throughput::Elements(u64::from(number)));
            group.bench_function(BenchmarkId::new(name, number), |bench| bench.iter(|| whole(black_box(&scenario))));
        }
    }
    group.finish();
}

criterion_group!(benches, requests, removal);
criterion_main!(benches);
