//! How the time for a request grows with the number of functions and of live instances, on one thread.
//!
//! `cargo bench --bench scaling` measures for some minutes and writes the charts of `docs/performance.md`, with their
//! numbers, into `docs/images`. With `-- --test` it runs a tiny version and writes nothing.

#![expect(clippy::disallowed_methods, reason = "a bench looks at the clock and writes files")]

mod common;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;
use std::{env, fs};

use common::{bare, one_function, read, whole};
use forewarm::id::FnId;
use forewarm::report::chart::{Axis, BLUE, Dash, Mark, Panel, Plot, Scale, Shape, Style, Tip, VERMILLION};
use forewarm::report::format::{Quantity, count, duration};
use forewarm::scenario::{Scenario, Target};

/// Functions or instances.
const SIZES: [u32; 11] = [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000];
/// Requests of every point.
const REQUESTS: f64 = 2_000_000.0;
/// Times that every point is measured; the least counts, because what disturbs only ever adds.
const TIMES: u32 = 5;

/// What is drawn as one chart.
struct Chart {
    /// Its file, without the extension.
    name: &'static str,
    /// What grows.
    axis: &'static str,
    /// One of it.
    one: &'static str,
    /// A scenario with about so many requests, and so many of what grows.
    scenario: fn(f64, u32) -> Scenario,
}

const CHARTS: [Chart; 2] = [
    Chart { name: "scaling-functions", axis: "functions", one: "function", scenario: functions },
    Chart { name: "scaling-instances", axis: "live instances", one: "live instance", scenario: instances },
];

/// Seconds for each request.
struct Point {
    size: u32,
    measured: f64,
    bare: f64,
}

fn main() {
    // Without `--bench` it is `cargo test --benches` that calls.
    let is_test = env::args().any(|word| word == "--test") || !env::args().any(|word| word == "--bench");
    let (sizes, requests, times) = if is_test { (&SIZES[..3], 1_000.0, 1) } else { (&SIZES[..], REQUESTS, TIMES) };
    let mut table = "chart,size,run_ns,engine_alone_ns\n".to_owned();
    for chart in &CHARTS {
        let points: Vec<Point> = sizes.iter().map(|size| chart.measure(requests, *size, times)).collect();
        for Point { size, measured, bare } in &points {
            writeln!(table, "{},{size},{:.1},{:.1}", chart.name, measured * 1e9, bare * 1e9).expect("memory");
        }
        let svg = chart.plot(&points).svg(900.0);
        if !is_test {
            write(&format!("{}.svg", chart.name), &svg);
        }
    }
    print(&table);
    if !is_test {
        write("scaling.csv", &table);
    }
}

impl Chart {
    fn measure(&self, requests: f64, size: u32, times: u32) -> Point {
        let scenario = (self.scenario)(requests, size);
        let least =
            |run: fn(&Scenario) -> u64| (0..times).map(|_| clocked(run, &scenario)).fold(f64::INFINITY, f64::min);
        Point { size, measured: least(whole), bare: least(bare) }
    }

    fn plot(&self, points: &[Point]) -> Plot {
        let at = |point: &Point| f64::from(point.size);
        let line =
            |value: fn(&Point) -> f64| Shape::Line(points.iter().map(|point| (at(point), value(point))).collect());
        let (first, last) = points.first().zip(points.last()).expect("points");
        let title = format!(
            "A request takes {} with one {}, {} with {}",
            duration(first.measured),
            self.one,
            duration(last.measured),
            count(at(last))
        );
        let marks = vec![
            Mark::new(
                "run, with everything measured",
                Style::line(VERMILLION, Dash::Solid, 2.25),
                line(|p| p.measured),
            ),
            Mark::new("engine alone, in one queue", Style::line(BLUE, Dash::Dashed, 2.0), line(|p| p.bare)),
        ];
        Plot {
            description: format!("{title}. One thread."),
            title,
            x: Axis::new(self.axis, Quantity::Count, Scale::Log),
            panels: vec![Panel {
                y: Axis::new("time for a request", Quantity::Seconds, Scale::Log),
                height: 260.0,
                marks,
            }],
            tips: points.iter().map(|point| tip(self.axis, point)).collect(),
        }
    }
}

/// A strip around a point, as wide as half of a step on both sides.
fn tip(axis: &str, point: &Point) -> Tip {
    let (size, half_step) = (f64::from(point.size), 10f64.powf(0.25));
    let (measured, bare) = (duration(point.measured), duration(point.bare));
    Tip {
        from: size / half_step,
        to: size * half_step,
        text: format!("{} {axis}\nrun: {measured}\nengine alone: {bare}", count(size)),
    }
}

/// Seconds for each request of one run.
fn clocked(run: fn(&Scenario) -> u64, scenario: &Scenario) -> f64 {
    let start = Instant::now();
    let requests = run(scenario);
    start.elapsed().as_secs_f64() / requests.max(1) as f64
}

/// One function with `size` requests in progress on average.
fn instances(requests: f64, size: u32) -> Scenario {
    one_function(requests, f64::from(size), "1s")
}

/// `size` functions that are all alike; together they get 1,000 requests a second, 100 of them in progress on average.
fn functions(requests: f64, size: u32) -> Scenario {
    let mut scenario = read(&format!(
        "[scenario]\nname = \"alike\"\n[simulation]\nhorizon = \"{}s\"\n[[function]]\nname = \"f\"\n\
         duration.exponential.mean = \"100ms\"\nkeep-alive.fixed.window = \"600s\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"{}/s\"\n",
        requests / 1_000.0,
        1_000.0 / f64::from(size)
    ));
    // A file may not hold so many functions as a trace may bring.
    let (function, source) = (scenario.functions[0].clone(), scenario.sources[0].clone());
    for index in 1..size {
        let (mut function, mut source) = (function.clone(), source.clone());
        function.name = format!("f{index}");
        source.name = format!("s{index}");
        source.target = Target::Function(FnId(index));
        scenario.functions.push(function);
        scenario.sources.push(source);
    }
    scenario
}

fn write(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images").join(name);
    fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

#[expect(clippy::print_stdout, reason = "what a bench is run for")]
fn print(table: &str) {
    print!("{table}");
}
