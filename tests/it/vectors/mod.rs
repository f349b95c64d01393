//! Conformance: what the real Knative autoscaler decided, tick by tick, and worked cases for the HPA.
//!
//! The data come from the folder `FOREWARM_VECTORS`, else from `shared/vectors` beside the project, else from the small
//! selection in `tests/vectors` (its README says how it was made). All files must be there. Everything is compared
//! exactly, except where the data's README names a tolerance.
#![expect(clippy::print_stdout, reason = "each test says how much it compared")]

mod configs;
mod decisions;
mod hpa;
mod lifecycle;
mod path;
mod pipelines;
mod windows;

use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use forewarm::policy::scaling::knative::settings::{Aggregation, DeciderSpec, Metric, MetricSpec};
use forewarm::time::{SimTime, Span};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// How far averages may be off: the exponentials of the original differ from libm's in the last digit.
const TOLERANCE: f64 = 1e-12;

/// The content of a file of vectors.
fn load<T: DeserializeOwned>(file: &str) -> T {
    let path = folder().join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("FOREWARM_VECTORS") {
        return PathBuf::from(folder);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = root.join("../shared/vectors");
    if shared.is_dir() { shared } else { root.join("tests/vectors") }
}

/// What a test has compared, and where it found a difference.
struct Comparison {
    file: &'static str,
    what: &'static str,
    sequences: usize,
    compared: usize,
    differences: Vec<String>,
}

impl Comparison {
    fn new(file: &'static str, what: &'static str) -> Self {
        Self { file, what, sequences: 0, compared: 0, differences: Vec::new() }
    }

    /// One comparison in sequence `name`, at `tick`.
    fn equal<T: PartialEq + Debug>(&mut self, name: &str, tick: usize, got: &T, expected: &T) {
        self.holds(got == expected, name, tick, got, expected);
    }

    /// The same for averages.
    fn close(&mut self, name: &str, tick: usize, got: f64, expected: f64) {
        let close = (got - expected).abs() <= TOLERANCE * got.abs().max(expected.abs());
        self.holds(close, name, tick, &got, &expected);
    }

    fn holds<T: Debug>(&mut self, holds: bool, name: &str, tick: usize, got: &T, expected: &T) {
        self.compared += 1;
        if !holds {
            self.differences.push(format!("{}: {name}: tick {tick}: expected {expected:?}, got {got:?}", self.file));
        }
    }

    /// Prints the count; fails on any difference, and if there was nothing to compare.
    fn finish(self) {
        let Self { file, what, sequences, compared, differences } = self;
        println!("{file}: {what}: {sequences} sequences, {compared} comparisons, {} differences", differences.len());
        assert!(compared > 0, "{file}: nothing to compare in {what}");
        let shown: Vec<_> = differences.iter().take(20).map(String::as_str).collect();
        assert!(differences.is_empty(), "{} differences, the first:\n{}", differences.len(), shown.join("\n"));
    }
}

/// A time of the data: milliseconds since the Unix epoch.
fn at(millis: u64) -> SimTime {
    SimTime::ZERO + Span::from_millis(millis)
}

fn millis(time: SimTime) -> u64 {
    time.since(SimTime::ZERO).as_nanos() / 1_000_000
}

/// The resolved settings, as the data write them.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Config {
    max_scale_up_rate: f64,
    max_scale_down_rate: f64,
    metric: String,
    target_value: f64,
    total_value: f64,
    target_burst_capacity: f64,
    activator_capacity: f64,
    panic_threshold: f64,
    stable_window_ms: u64,
    panic_window_ms: u64,
    scale_down_delay_ms: u64,
    initial_scale: i32,
    reachable: bool,
    activation_scale: i32,
    #[serde(default)]
    aggregation: String,
    #[serde(default)]
    scrape_target: String,
}

impl Config {
    fn decider(&self) -> DeciderSpec {
        DeciderSpec {
            metric: match self.metric.as_str() {
                "concurrency" => Metric::Concurrency,
                "rps" => Metric::Rps,
                other => panic!("unknown metric {other}"),
            },
            target_value: self.target_value,
            total_value: self.total_value,
            target_burst_capacity: self.target_burst_capacity,
            activator_capacity: self.activator_capacity,
            panic_threshold: self.panic_threshold,
            stable_window: Span::from_millis(self.stable_window_ms),
            scale_down_delay: Span::from_millis(self.scale_down_delay_ms),
            max_scale_up_rate: self.max_scale_up_rate,
            max_scale_down_rate: self.max_scale_down_rate,
            reachable: self.reachable,
            activation_scale: self.activation_scale,
            initial_scale: self.initial_scale,
        }
    }

    fn metric(&self) -> MetricSpec {
        MetricSpec {
            stable_window: Span::from_millis(self.stable_window_ms),
            panic_window: Span::from_millis(self.panic_window_ms),
            aggregation: aggregation(&self.aggregation),
            scrape: !self.scrape_target.is_empty(),
        }
    }
}

fn aggregation(name: &str) -> Aggregation {
    match name {
        "" | "linear" => Aggregation::Linear,
        "weighted-exponential" | "weightedExponential" | "weighted" => Aggregation::WeightedExponential,
        other => panic!("unknown aggregation {other}"),
    }
}
