//! What an invocation costs: the engine alone, the engine with everything that `run` measures, populations and traces, the
//! event queue at many pending events, the drawing of times, the request log, and what stands around a run; and the bare loop
//! of `../shared/floor`, where it lies beside the project.
//!
//! `cargo bench --bench engine`; the figures per element are requests (or draws).

#![expect(clippy::disallowed_methods, reason = "the floor is a program beside the project")]

mod common;

use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use common::{InMemory, bare, one_function, read, read_with, whole};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use foldhash::fast::FixedState;
use forewarm::dist::Dist;
use forewarm::experiment;
use forewarm::measure::Manifest;
use forewarm::report::Report as _;
use forewarm::report::document::html;
use forewarm::report::document::terminal::{self, Detail};
use forewarm::report::requests::RequestLog;
use forewarm::rng::{Purpose, Streams};
use forewarm::scenario::Scenario;
use forewarm::time::Span;
use forewarm::workload::population::PopulationSpec;
use forewarm::workload::trace::write::{Azure2019Output, azure_2019};
use memchr::memchr;
use rand::RngExt as _;

const RATES: [f64; 3] = [0.9, 50.0, 1_000.0];
const REQUESTS: f64 = 200_000.0;

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

fn engine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one-function");
    group.throughput(Throughput::Elements(REQUESTS as u64)).sample_size(10);
    let floor = floor();
    for rate in RATES {
        let scenario = one_function(REQUESTS, rate, "1.991s");
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

/// Functions of a population like that of Azure, 20 minutes of it, under an account limit.
fn population(account_limit: u32) -> Scenario {
    read(&format!(
        "[scenario]\nname = \"population\"\n[simulation]\nhorizon = \"20m\"\n\
         [platform.concurrency]\naccount-limit = {account_limit}\nmin-unreserved = 0\n\
         [function-defaults]\nkeep-alive.fixed.window = \"600s\"\n\
         [[source]]\nname = \"azure\"\n[source.arrivals.population]\nfunctions = 2000\ninvocations-per-day = {}\n",
        REQUESTS * 72.0
    ))
}

/// The files of Azure 2019 for a day of a small population.
fn azure_files() -> InMemory {
    let functions = PopulationSpec { functions: 500, invocations_per_day: REQUESTS, seed: 1 }.draw();
    let mut to = Azure2019Output { invocations: Vec::new(), durations: Vec::new(), memory: Vec::new() };
    azure_2019(&mut to, &functions, 1_440, &Streams::new(1, 0), || Ok(())).expect("memory");
    InMemory(vec![
        ("invocations", to.invocations.into()),
        ("durations", to.durations.into()),
        ("memory", to.memory.into()),
    ])
}

const REPLAY: &str = "[scenario]\nname = \"replay\"\n[simulation]\nhorizon = \"24h\"\n\
    [function-defaults]\nkeep-alive.fixed.window = \"600s\"\n\
    [[source]]\nname = \"recorded\"\n[source.arrivals.trace]\nfile = \"invocations\"\nformat = \"azure-2019\"\n\
    durations = \"durations\"\nmemory = \"memory\"\n";

/// Many unlike functions: apart from each other, coupled by a limit, and from recorded counts.
fn populations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("population");
    group.sample_size(10);
    for (name, account_limit) in [("limit-not-binding", 1_000_000), ("limit-binding", 300)] {
        let scenario = population(account_limit);
        group.throughput(Throughput::Elements(whole(&scenario)));
        group.bench_function(name, |bench| bench.iter(|| whole(black_box(&scenario))));
    }
    let files = azure_files();
    let scenario = read_with(REPLAY, &files);
    group.throughput(Throughput::Elements(whole(&scenario)));
    group.bench_function("azure-2019-read", |bench| bench.iter(|| read_with(REPLAY, black_box(&files))));
    group.bench_function("azure-2019-replay", |bench| bench.iter(|| whole(black_box(&scenario))));
    group.finish();
}

/// Requests that a reader made by hand for this one file finds and keeps. It knows no other columns, and nothing can be wrong.
fn by_hand(text: &[u8]) -> usize {
    let nanos = |field: &[u8]| {
        let (mut number, mut unit, mut is_part) = (0, 1_000_000_000, false);
        for &byte in field {
            if byte == b'.' {
                is_part = true;
                continue;
            }
            number = 10 * number + u64::from(byte - b'0');
            if is_part {
                unit /= 10;
            }
        }
        number * unit
    };
    let (mut places, mut kept) = (HashMap::<_, _, FixedState>::default(), Vec::<Vec<(u64, u64)>>::new());
    let mut rest = &text[memchr(b'\n', text).expect("a header") + 1..];
    while let Some(end) = memchr(b'\n', rest) {
        let line = &rest[..end];
        rest = &rest[end + 1..];
        let first = memchr(b',', line).expect("a second field");
        let second = first + 1 + memchr(b',', &line[first + 1..]).expect("a third field");
        let place = *places.entry(&line[first + 1..second]).or_insert_with(|| {
            kept.push(Vec::new());
            kept.len() - 1
        });
        kept[place].push((nanos(&line[..first]), nanos(&line[second + 1..])));
    }
    kept.iter().map(Vec::len).sum()
}

/// Rows of a trace: so many that reading them takes longer than creating its functions.
const ROWS: f64 = 2_000_000.0;

/// Rows of forewarm's own format: a day of 1,000 functions with Zipf rates, read on one thread and on two, replayed, and the same
/// load drawn.
fn rows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rows");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(10);
    let mut text = b"time_s,function,duration_s\n".to_vec();
    let (mut random, horizon) = (Streams::new(1, 0).stream("rows", Purpose::Arrivals), 86_400.0);
    let law = Dist::exponential(Span::from_millis(500)).expect("a law");
    for row in 0..ROWS as u64 {
        let at = row as f64 * horizon / ROWS;
        // Zipf, near enough: the logarithm of the rank is uniform.
        let rank = 1_000f64.powf(random.random::<f64>()) as u32;
        writeln!(text, "{at:.6},f{rank},{:.6}", law.sample(&mut random).as_secs_f64()).expect("memory");
    }
    let compressed = zstd::encode_all(&text[..], 3).expect("memory");
    group.bench_function("decode", |bench| {
        bench.iter(|| zstd::stream::copy_decode(black_box(&compressed[..]), io::sink()).expect("memory"));
    });
    let files = [("plain", text.clone()), ("zstd", compressed)];
    let scenario = REPLAY.split("[[source]]").next().expect("a head").to_owned()
        + "[[source]]\nname = \"recorded\"\narrivals.trace = { file = \"rows\", format = \"forewarm\" }\n";
    for (name, bytes) in files {
        let files = InMemory(vec![("rows", bytes.into())]);
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            group.bench_function(BenchmarkId::new(format!("read-{name}"), threads), |bench| {
                pool.install(|| bench.iter(|| read_with(&scenario, black_box(&files))));
            });
        }
    }
    group.bench_function("by-hand", |bench| bench.iter(|| by_hand(black_box(&text))));
    let recorded = read_with(&scenario, &InMemory(vec![("rows", text.into())]));
    group.bench_function("replay", |bench| bench.iter(|| whole(black_box(&recorded))));
    let head = "[scenario]\nname = \"drawn\"\n[simulation]\nhorizon = \"24h\"\n[function-defaults]\nkeep-alive.fixed.window = \"600s\"\n\
        duration.exponential.mean = \"500ms\"\n";
    let functions = (1..1_000).map(|rank| {
        let share = (f64::from(rank + 1) / f64::from(rank)).ln() / 1_000f64.ln();
        let rate = ROWS * share / horizon;
        format!(
            "[[function]]\nname = \"f{rank}\"\n[[source]]\nname = \"s{rank}\"\nfunction = \"f{rank}\"\n\
             arrivals.poisson.rate = \"{rate}/s\"\n"
        )
    });
    let drawn = read(&(head.to_owned() + &functions.collect::<String>()));
    group.bench_function("drawn", |bench| bench.iter(|| whole(black_box(&drawn))));
    group.finish();
}

/// A run on one thread with a log of its requests, which goes nowhere.
fn request_log(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("request-log");
    group.throughput(Throughput::Elements(REQUESTS as u64)).sample_size(10);
    let scenario = one_function(REQUESTS, 50.0, "1.991s");
    let run = |log: io::Result<RequestLog<io::Sink>>| {
        let mut log = log.expect("a log");
        let run = experiment::run(&scenario, NonZeroUsize::MIN, &(), Some(&mut log)).expect("it runs");
        log.finish().expect("a sink takes all");
        run.simulated
    };
    group.bench_function("csv", |bench| bench.iter(|| run(RequestLog::csv(io::sink(), &["s"], &["f"]))));
    #[cfg(feature = "parquet")]
    group.bench_function("parquet", |bench| bench.iter(|| run(RequestLog::parquet(io::sink(), &["s"], &["f"]))));
    group.finish();
}

/// What stands around a simulation: reading a scenario; ten thousand requests with table, charts and page.
fn around(criterion: &mut Criterion) {
    let quickstart = include_str!("../scenarios/quickstart.toml");
    criterion.bench_function("check", |bench| bench.iter(|| read(black_box(quickstart))));
    let scenario = one_function(10_000.0, 50.0, "1.991s");
    criterion.bench_function("run-of-10000-with-report", |bench| bench.iter(|| with_report(black_box(&scenario))));
}

/// Bytes of everything that is shown of a run.
fn with_report(scenario: &Scenario) -> usize {
    let run = experiment::run(scenario, NonZeroUsize::MIN, &(), None).expect("it runs");
    let manifest = Manifest {
        version: String::new(),
        kind: "run".into(),
        command: String::new(),
        scenario_hash: scenario.hash.clone(),
        scenario: scenario.resolved.clone(),
        seed: scenario.simulation.seed,
        replications: scenario.simulation.replications,
        threads: 1,
        wall_s: 1.0,
        invocations: run.simulated,
        invocations_per_s: run.simulated as f64,
        files: Vec::new(),
    };
    let document = run.result.document(&manifest);
    terminal::render(&document, Detail::Everything, false).len() + html::render(&document).len()
}

/// As many completions are pending as requests are served at a time.
fn queue(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pending-events");
    group.throughput(Throughput::Elements(REQUESTS as u64)).sample_size(10);
    for (pending, mean) in [(10, "10ms"), (1_000, "1s"), (50_000, "50s")] {
        let scenario = one_function(REQUESTS, 1_000.0, mean);
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

criterion_group!(benches, engine, populations, rows, queue, sampling, request_log, around);
criterion_main!(benches);
