//! Peak memory, each measured in a process of its own: it must not grow with requests or replications, and only so much with
//! functions.
//!
//! `cargo bench --bench memory` prints megabytes, and fails where more of something takes more than it may. With `-- --test` the
//! sizes are tiny. Linux only: elsewhere nobody says what the peak was.

#![expect(clippy::disallowed_methods, reason = "a bench starts processes and prints")]
#![expect(clippy::print_stdout, reason = "its result is a table")]
#![expect(dead_code, reason = "not every bench needs all of what they share")]

mod common;

use std::process::{Command, ExitCode};

use common::{one_function, read, whole};
use forewarm::scenario::Scenario;

/// Something of which there may be more: its name, two sizes, and by how much the second may take more memory than the first.
type Case = (&'static str, [u32; 2], f64, fn(u32) -> Scenario);

const CASES: [Case; 3] = [
    ("requests", [100_000, 3_000_000], 1.1, |requests| one_function(f64::from(requests), 50.0, "1s")),
    ("replications", [3, 1_000], 2.0, replications),
    // Ten times as many.
    ("functions", [1_000, 10_000], 10.0, functions),
];

/// A hundred functions, in so many replications.
fn replications(replications: u32) -> Scenario {
    let mut scenario = functions(100);
    scenario.simulation.replications = replications;
    scenario
}

fn functions(number: u32) -> Scenario {
    read(&format!(
        "[scenario]\nname = \"many\"\n[simulation]\nhorizon = \"10m\"\n[[source]]\nname = \"azure\"\n\
         arrivals.population = {{ functions = {number}, invocations-per-day = {}.0 }}\n",
        number * 1_000
    ))
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    if let Some(at) = words.iter().position(|word| word == "--one") {
        let (case, size) = (&words[at + 1], words[at + 2].parse().expect("a size"));
        let (.., scenario) = CASES.into_iter().find(|(name, ..)| name == case).expect("a case");
        whole(&scenario(size));
        println!("{}", peak_kb().unwrap_or(0));
        return ExitCode::SUCCESS;
    }
    if peak_kb().is_none() {
        println!("the peak of the memory is not known here");
        return ExitCode::SUCCESS;
    }
    // Without `--bench` it is `cargo test --benches` that calls.
    let is_test = words.iter().any(|word| word == "--test") || !words.iter().any(|word| word == "--bench");
    let mut is_good = true;
    for (name, sizes, most, _) in CASES {
        let sizes = if is_test { [10, 20] } else { sizes };
        let peaks = sizes.map(|size| f64::from(in_a_process(name, size)) / 1024.0);
        let ratio = peaks[1] / peaks[0];
        println!("{name:14} {} and {}: {:.1} and {:.1} MB, {ratio:.2} times", sizes[0], sizes[1], peaks[0], peaks[1]);
        is_good &= is_test || ratio <= most;
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The peak of one case, in KB.
fn in_a_process(name: &str, size: u32) -> u32 {
    let program = std::env::current_exe().expect("a program");
    let output = Command::new(program).args(["--one", name, &size.to_string()]).output().expect("it starts");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// The most memory that this process has had, in KB, where the system tells.
fn peak_kb() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?.trim().parse().ok()
}
