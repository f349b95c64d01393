//! What an invocation costs: the engine alone, the engine with everything that `run` measures, the event queue at many
//! pending events, the drawing of times; and the bare loop of `../shared/floor`, where it lies beside the project.
//!
//! `cargo bench --bench engine`; the figures per element are requests (or draws).

#![expect(clippy::disallowed_methods, reason = "the floor is a program beside the project")]

use std::fs;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use forewarm::dist::Dist;
use forewarm::engine::{Cell, simulate};
use forewarm::experiment;
use forewarm::rng::{Purpose, Streams};
use forewarm::scenario::{Files, ParseOptions, Scenario, parse};
use forewarm::time::Span;
use forewarm::workload::Input;

const RATES: [f64; 3] = [0.9, 50.0, 1_000.0];
const REQUESTS: f64 = 200_000.0;

struct NoFiles;

impl Files for NoFiles {
    fn input(&self, path: &str) -> Input {
        Input::new(path, || Err(std::io::ErrorKind::NotFound.into()))
    }
}

fn read(text: &str) -> Scenario {
    parse("bench.toml", text, &ParseOptions::default(), &NoFiles).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// The case of the floor: Poisson arrivals, exponential times, a window of ten minutes.
fn one_function(rate: f64, mean: &str) -> Scenario {
    read(&format!(
        "[scenario]\nname = \"one\"\n[simulation]\nhorizon = \"{}s\"\n[[function]]\nname = \"f\"\n\
         duration.exponential.mean = \"{mean}\"\ncold-duration.exponential.mean = \"2.244s\"\n\
         keep-alive.fixed.window = \"600s\"\n[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"{rate}/s\"\n",
        REQUESTS / rate
    ))
}

fn functions(number: usize) -> Scenario {
    let functions = (0..number).map(|index| {
        let rate = 100.0 / (index + 1) as f64;
        format!(
            "[[function]]\nname = \"f{index}\"\nduration.exponential.mean = \"500ms\"\nkeep-alive.fixed.window = \"600s\"\n\
             [[source]]\nname = \"s{index}\"\nfunction = \"f{index}\"\narrivals.poisson.rate = \"{rate}/s\"\n"
        )
    });
    let sum: f64 = (1..=number).map(|index| 100.0 / index as f64).sum();
    let horizon = REQUESTS / sum;
    let head = format!("[scenario]\nname = \"many\"\n[simulation]\nhorizon = \"{horizon}s\"\n");
    read(&(head + &functions.collect::<String>()))
}

fn bare(scenario: &Scenario) -> u64 {
    let mut pulse = |_, _| ControlFlow::Continue(());
    let streams = Streams::new(1, 0);
    simulate(scenario, &Cell::whole(scenario), &streams, (), &mut pulse).expect("it runs").arrivals
}

fn whole(scenario: &Scenario) -> u64 {
    experiment::run(scenario, NonZeroUsize::MIN, &(), None::<()>).expect("it runs").simulated
}

fn engine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one-function");
    group.throughput(Throughput::Elements(REQUESTS as u64)).sample_size(10);
    let floor = floor();
    for rate in RATES {
        let scenario = one_function(rate, "1.991s");
        group.bench_function(BenchmarkId::new("engine", rate), |bench| bench.iter(|| bare(black_box(&scenario))));
        group.bench_function(BenchmarkId::new("measured", rate), |bench| bench.iter(|| whole(black_box(&scenario))));
        if let Some(floor) = &floor {
            group.bench_function(BenchmarkId::new("floor", rate), |bench| {
                bench.iter_custom(|times| (0..times).map(|_| run_floor(floor, rate)).sum());
            });
        }
    }
    group.finish();

    let mut group = criterion.benchmark_group("many-functions");
    group.throughput(Throughput::Elements(REQUESTS as u64)).sample_size(10);
    for number in [10, 1_000] {
        let scenario = functions(number);
        group.bench_function(BenchmarkId::new("measured", number), |bench| bench.iter(|| whole(black_box(&scenario))));
    }
    group.finish();
}

/// As many completions are pending as requests are served at a time.
fn queue(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pending-events");
    group.throughput(Throughput::Elements(REQUESTS as u64)).sample_size(10);
    for (pending, mean) in [(10, "10ms"), (1_000, "1s"), (50_000, "50s")] {
        let scenario = one_function(1_000.0, mean);
        group.bench_function(BenchmarkId::from_parameter(pending), |bench| bench.iter(|| bare(black_box(&scenario))));
    }
    group.finish();
}

fn sampling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("draw");
    let mean = Span::from_secs(1);
    let laws = [
        ("exponential", Dist::exponential(mean)),
        ("log-normal", Dist::log_normal_p99(mean, Span::from_secs(5))),
        ("gamma", Dist::gamma(mean, 2.0)),
        ("weibull", Dist::weibull_mean(mean, 0.7)),
    ];
    for (name, law) in laws {
        let law = law.expect("a law");
        let mut stream = Streams::new(1, 0).stream(name, Purpose::Service);
        group.bench_function(name, |bench| bench.iter(|| law.sample(&mut stream)));
    }
    group.finish();
}

/// The bare loop, built from a copy of its source; none where that is not there.
fn floor() -> Option<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (source, copy) = (project.join("../shared/floor"), project.join("target/floor"));
    fs::create_dir_all(copy.join("src")).ok()?;
    for file in ["Cargo.toml", "src/main.rs"] {
        fs::copy(source.join(file), copy.join(file)).ok()?;
    }
    let built = Command::new(env!("CARGO")).args(["build", "--release", "--quiet"]).current_dir(&copy).status();
    built.is_ok_and(|status| status.success()).then(|| copy.join("target/release/floor"))
}

/// The time the loop itself says it took.
fn run_floor(program: &Path, rate: f64) -> Duration {
    let output = Command::new(program).args([REQUESTS.to_string(), rate.to_string(), "600".into()]).output();
    let text = output.expect("the floor runs").stdout;
    let found: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    Duration::from_secs_f64(found["wall_s"].as_f64().expect("a time"))
}

criterion_group!(benches, engine, queue, sampling);
criterion_main!(benches);
