//! How time grows with each size that a user chooses: doubles it three times and prints the exponent of the growth, 1 where
//! twice as much takes twice as long.
//!
//! `cargo bench --bench growth` takes a minute, and fails where an exponent is above 1.1. With `-- variants`, only what has this in
//! its name is measured. With `-- --test` it runs a tiny version.

#![expect(clippy::disallowed_methods, reason = "a bench looks at the clock and prints")]
#![expect(clippy::print_stdout, reason = "its result is a table")]
#![expect(dead_code, reason = "not every bench needs all of what they share")]

mod common;

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Instant;

use common::{InMemory, one_function, read, read_with, whole};
use forewarm::experiment::compare::{Contender, compare};
use forewarm::experiment::sweep::{Task, by_cost};
use forewarm::measure::comparison::{Design, Precision};
use forewarm::measure::sweep::Columns;
use forewarm::scenario::{ParseOptions, Scenario, ScenarioFactory};
use forewarm::time::Span;

/// The first size is doubled so many times.
const DOUBLINGS: u32 = 3;
/// Times that every size is measured; the least counts, because what disturbs only ever adds.
const TIMES: u32 = 3;
/// Growth beyond this is a fault: a logarithm and what caches cost stay below.
const MOST: f64 = 1.1;

/// Something that may grow: its name, its first size, that of the tiny version, and what prepares so much of it to be timed.
type Growth = (&'static str, u32, u32, fn(u32) -> Box<dyn Fn()>);

const GROWTHS: [Growth; 8] = [
    ("functions", 1_000, 8, functions),
    ("live instances", 2_000, 8, live_instances),
    ("queue", 20_000, 8, queue),
    ("horizon", 100, 1, horizon),
    ("replications", 50, 2, replications),
    ("variants", 8, 2, variants),
    ("points of a sweep", 100, 2, points),
    ("rows of a trace", 50_000, 8, rows),
];

fn main() -> ExitCode {
    // Without `--bench` it is `cargo test --benches` that calls.
    let is_test = std::env::args().any(|word| word == "--test") || !std::env::args().any(|word| word == "--bench");
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let is_asked = |name: &str| asked.is_empty() || asked.iter().any(|word| name.contains(word.as_str()));
    let mut is_good = true;
    for (name, first, tiny, prepare) in GROWTHS.into_iter().filter(|(name, ..)| is_asked(name)) {
        let (first, times) = if is_test { (tiny, 1) } else { (first, TIMES) };
        let measured: Vec<(f64, f64)> = (0..=DOUBLINGS)
            .map(|doubling| {
                let size = first << doubling;
                let work = prepare(size);
                let least = (0..times).map(|_| clocked(&work)).fold(f64::INFINITY, f64::min);
                (f64::from(size), least)
            })
            .collect();
        let exponent = exponent(&measured);
        let times: Vec<String> = measured.iter().map(|(_, time)| format!("{:.1} ms", time * 1e3)).collect();
        println!("{name:18} from {first:6}: {}; exponent {exponent:.2}", times.join(", "));
        is_good &= is_test || exponent <= MOST;
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn clocked(work: &dyn Fn()) -> f64 {
    let begin = Instant::now();
    work();
    begin.elapsed().as_secs_f64()
}

/// The slope of the straight line through the logarithms (least squares).
fn exponent(measured: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = measured.iter().map(|(size, time)| (size.ln(), time.ln())).collect();
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / logs.len() as f64;
    let (x, y) = (mean(|one| one.0), mean(|one| one.1));
    let (above, below) = logs
        .iter()
        .fold((0.0, 0.0), |(above, below), one| (above + (one.0 - x) * (one.1 - y), below + (one.0 - x).powi(2)));
    above / below
}

fn run(scenario: Scenario) -> Box<dyn Fn()> {
    Box::new(move || {
        whole(&scenario);
    })
}

/// Functions with a hundred requests each.
fn functions(number: u32) -> Box<dyn Fn()> {
    let functions = (0..number).map(|index| {
        format!(
            "[[function]]\nname = \"f{index}\"\nduration.exponential.mean = \"500ms\"\nkeep-alive.fixed.window = \"600s\"\n\
             [[source]]\nname = \"s{index}\"\nfunction = \"f{index}\"\narrivals.poisson.rate = \"100/h\"\n"
        )
    });
    let head = "[scenario]\nname = \"many\"\n[simulation]\nhorizon = \"1h\"\nreplications = 1\n";
    run(read(&(head.to_owned() + &functions.collect::<String>())))
}

/// One function with so many requests in progress, each of which lasts a tenth of the run.
fn live_instances(number: u32) -> Box<dyn Fn()> {
    run(one_function(f64::from(number) * 10.0, f64::from(number), "1s"))
}

/// So many requests that come at once to a hundred instances.
fn queue(length: u32) -> Box<dyn Fn()> {
    run(read(&format!(
        "[scenario]\nname = \"burst\"\n[simulation]\nhorizon = \"1d\"\nreplications = 1\n\
         [[function]]\nname = \"f\"\nduration.exponential.mean = \"100ms\"\nkeep-alive.fixed.window = \"600s\"\n\
         concurrency.max-instances = 100\nconcurrency.overflow = \"queue\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.burst = {{ size = {length}, every = \"1d\", first = \"1m\" }}\n"
    )))
}

/// So many times a thousand seconds at one request a second.
fn horizon(thousands: u32) -> Box<dyn Fn()> {
    run(one_function(f64::from(thousands) * 1_000.0, 1.0, "1s"))
}

/// A thousand requests.
fn thousand() -> Scenario {
    one_function(1_000.0, 1.0, "1s")
}

fn replications(number: u32) -> Box<dyn Fn()> {
    let mut scenario = thousand();
    scenario.simulation.replications = number;
    run(scenario)
}

fn variants(number: u32) -> Box<dyn Fn()> {
    let contenders: Vec<Contender> = (0..number).map(|index| (format!("v{index}"), thousand())).collect();
    Box::new(move || {
        let scenarios: Vec<&Scenario> = contenders.iter().map(|(_, scenario)| scenario).collect();
        let design = Design::new(&scenarios, 0, Precision::default(), 8, 8);
        compare(&contenders, &design, NonZeroUsize::MIN, &()).expect("it runs");
    })
}

fn points(number: u32) -> Box<dyn Fn()> {
    let text = format!(
        "[scenario]\nname = \"sweep\"\n[simulation]\nhorizon = \"1000s\"\nreplications = 1\n\
         [[function]]\nname = \"f\"\nduration.exponential.mean = \"1s\"\nkeep-alive.fixed.window = \"600s\"\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"1/s\"\n\
         [sweep]\n\"function.f.keep-alive.fixed.window\" = {{ from = \"1s\", to = \"1h\", points = {number} }}\n"
    );
    Box::new(move || {
        let (options, files) = (ParseOptions::default(), InMemory(Vec::new()));
        let read = ScenarioFactory::read("bench.toml", text.as_bytes(), &options, &files);
        let (base, scenario, _) = read.unwrap_or_else(|wrong| panic!("{wrong}"));
        let sweep = scenario.sweep.as_ref().expect("a sweep");
        let (points, columns) = (sweep.points().expect("few"), Columns::of(&scenario));
        let task = Task { base: &base, sweep, points: &points, columns: &columns, warm_up: Span::ZERO };
        let costs = task.survey(NonZeroUsize::MIN, &()).expect("right");
        let numbers = by_cost((0..points.count()).collect(), &costs);
        let goes_on = task.simulate(&numbers, &costs, NonZeroUsize::MIN, &(), &|_, _| ControlFlow::Continue(()));
        goes_on.expect("it runs");
    })
}

/// A recorded request each second, read and replayed.
fn rows(number: u32) -> Box<dyn Fn()> {
    let mut text = "time_s,function,duration_s\n".to_owned();
    for row in 0..number {
        writeln!(text, "{row}.5,f{},0.{:03}", row % 100, row % 997 + 1).expect("memory");
    }
    let scenario = format!(
        "[scenario]\nname = \"replay\"\n[simulation]\nhorizon = \"{number}s\"\nreplications = 1\n\
         [function-defaults]\nkeep-alive.fixed.window = \"600s\"\n\
         [[source]]\nname = \"recorded\"\narrivals.trace = {{ file = \"rows\", format = \"forewarm\" }}\n"
    );
    let files = InMemory(vec![("rows", text.into_bytes().into())]);
    Box::new(move || {
        whole(&read_with(&scenario, &files));
    })
}
