//! What experiments cost around their runs: many short replications beside as many requests in a few, and a plan beside one run of
//! a configuration.
//!
//! `cargo bench --bench experiments`. The figures per element of `replications` are requests.

#![expect(dead_code, reason = "not every bench needs all of what they share")]

mod common;

use std::hint::black_box;
use std::num::NonZeroUsize;

use common::{InMemory, one_function, whole};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use forewarm::scenario::ParseOptions;
use forewarm::study::plan::{Options, Plan};
use forewarm::study::{Source, Study as _};

const REQUESTS: f64 = 300_000.0;

fn replications(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("replications");
    group.throughput(Throughput::Elements(REQUESTS as u64)).sample_size(10);
    for number in [3_u32, 300] {
        let mut scenario = one_function(REQUESTS / f64::from(number), 1.0, "1s");
        scenario.simulation.replications = number;
        group.bench_function(BenchmarkId::from_parameter(number), |bench| bench.iter(|| whole(black_box(&scenario))));
    }
    group.finish();
}

/// The example of the guide to plans with ten requests a second, for a tenth of its time.
fn busy(plan: &str) -> String {
    format!(
        "[scenario]\nname = \"busy\"\n[simulation]\nhorizon = \"13m\"\nwarm-up = \"1m\"\nreplications = 1\n\
         [platform]\npreset = \"aws-lambda\"\n\
         [[function]]\nname = \"checkout\"\nmemory = \"1024MB\"\nduration.log-normal = {{ median = \"150ms\", p99 = \"500ms\" }}\n\
         cold-start.log-normal = {{ median = \"650ms\", p99 = \"1400ms\" }}\nkeep-alive.fixed.window = \"6m\"\n\
         [[source]]\nname = \"shop\"\nfunction = \"checkout\"\narrivals.poisson.rate = \"10/s\"\n\
         [[objective]]\nmetric = \"latency_s.p99\"\nfunction = \"checkout\"\nbelow = 0.8\n{plan}"
    )
}

/// The figure of `configuration` is one replication; a plan of thirteen configurations takes fewer than a hundred of them.
fn plan(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    group.sample_size(10);
    let one = common::read(&busy(""));
    group.bench_function("configuration", |bench| bench.iter(|| whole(black_box(&one))));
    let text = busy("[plan]\n\"function.checkout.concurrency.provisioned\" = { from = 0, to = 12 }\n");
    let options = Options { parse: ParseOptions::default(), ..Options::default() };
    group.bench_function("thirteen-configurations", |bench| {
        bench.iter(|| {
            let files = InMemory(Vec::new());
            let source = Source { name: "bench.toml", bytes: text.as_bytes(), files: &files };
            let (mut plan, _) = Plan::read(source, &options).expect("right");
            plan.run(NonZeroUsize::MIN, &()).expect("it runs").simulated
        });
    });
    group.finish();
}

criterion_group!(benches, replications, plan);
criterion_main!(benches);
