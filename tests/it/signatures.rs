//! What each policy is known for, in a small scenario of `docs/policies`, as numbers and as a chart in `docs/images`.
//! `FOREWARM_BLESS=1 cargo test signatures` draws the charts anew.

use std::fs;
use std::path::Path;

use forewarm::measure::RunResult;
use forewarm::measure::timeline::Point;
use forewarm::report::chart::{Axis, BLUE, Mark, Panel, Plot, SKY, Scale, Shape, Style};
use forewarm::report::format::Quantity;
use forewarm::scenario::registry;

use crate::harness::result;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A policy with the title of its chart, and how many instances there are at some moments (s).
type Signature = (&'static str, &'static str, &'static [(f64, f64)]);

/// How the numbers follow is said in the scenarios, and step by step in the tests of the policies.
#[rustfmt::skip] // one line each
const SIGNATURES: &[Signature] = &[
    // Keep-alive. Idle from 63 s on, where a start takes 2 s and a request 1 s.
    ("fixed", "All removed ten minutes after their last request", &[(100.0, 16.0), (650.0, 16.0), (680.0, 0.0)]),
    ("forever", "Never removed", &[(100.0, 16.0), (650.0, 16.0), (1190.0, 16.0)]),
    ("halving", "Half of them removed every 380 s", &[(425.0, 16.0), (460.0, 8.0), (805.0, 8.0), (840.0, 4.0), (1220.0, 2.0), (1600.0, 1.0), (1970.0, 0.0)]),
    ("drawn", "Each instance has its own idle time", &[(360.0, 40.0), (965.0, 0.0)]),
    ("measured", "Removed as measured on Azure", &[(1250.0, 78.0), (1500.0, 26.0)]),
    ("adaptive", "The window follows the idle times", &[(295.0, 1.0), (325.0, 0.0), (700.0, 1.0), (1000.0, 1.0), (1415.0, 1.0), (1440.0, 0.0)]),
    ("hybrid-histogram", "Unloaded at once, reloaded just in time", &[(19_700.0, 1.0), (20_000.0, 0.0), (21_300.0, 0.0), (21_500.0, 1.0), (22_000.0, 0.0), (23_300.0, 1.0)]),
    ("greedy-dual", "The cheapest to start is evicted first", &[(5.0, 1.0), (15.0, 2.0), (25.0, 2.0), (85.0, 2.0)]),
    // No policy: pre-warming by a second source.
    ("pings", "A ping every five minutes keeps one instance", &[(10.0, 1.0), (1900.0, 1.0), (7500.0, 1.0), (14_300.0, 1.0)]),
    // Scaling.
    ("per-request", "An instance for each request, until its keep-alive ends", &[(50.0, 0.0), (100.0, 20.0), (250.0, 20.0), (340.0, 0.0)]),
    ("thresholds", "Up at once, down after a delay", &[(40.0, 1.0), (100.0, 5.0), (220.0, 5.0), (280.0, 1.0)]),
    ("knative", "A panic stays for a stable window", &[(15.2, 9.0), (45.2, 9.0), (60.2, 9.0), (75.2, 2.0), (140.2, 2.0)]),
    ("hpa", "Up at the next sync, down five minutes later", &[(20.0, 1.0), (40.0, 3.0), (440.0, 3.0), (460.0, 1.0)]),
    ("keda", "Zero to one by polling, one to many by the HPA", &[(25.0, 0.0), (40.0, 1.0), (60.0, 3.0), (410.0, 3.0), (500.0, 2.0), (590.0, 1.0), (610.0, 0.0)]),
    ("cloud-run", "All at once, and kept for 15 minutes", &[(50.0, 0.0), (70.0, 13.0), (970.0, 13.0), (980.0, 0.0)]),
    ("azure-consumption", "Four more every thirty seconds", &[(55.0, 0.0), (75.0, 4.0), (105.0, 8.0), (125.0, 10.0)]),
    ("azure-flex", "All at once", &[(55.0, 0.0), (65.0, 25.0)]),
    ("openfaas", "To zero after 15 minutes, and back", &[(900.0, 1.0), (925.0, 0.0), (1010.0, 1.0), (1880.0, 1.0), (1930.0, 0.0)]),
    ("openfaas-ce", "One more every 40 s, up to five", &[(30.0, 1.0), (60.0, 2.0), (100.0, 3.0), (140.0, 4.0), (290.0, 5.0)]),
    ("target-tracking", "Out after three minutes, in after fifteen", &[(170.0, 10.0), (190.0, 13.0), (1490.0, 13.0), (1510.0, 2.0)]),
    ("scheduled", "By the clock, regardless of load", &[(50.0, 2.0), (70.0, 5.0), (130.0, 1.0), (190.0, 5.0), (250.0, 1.0)]),
    ("predictive", "Ahead of the wave from the second time on", &[(60.0, 0.0), (100.0, 8.0), (150.0, 8.0), (310.0, 8.0), (350.0, 8.0), (550.0, 8.0)]),
];

/// Intervals of a chart: as many as can be told apart.
const INTERVALS: usize = 150;

fn path(name: &str) -> String {
    format!("docs/policies/{name}.toml")
}

fn run(name: &str) -> RunResult {
    let text = fs::read_to_string(Path::new(ROOT).join(path(name))).unwrap_or_else(|error| panic!("{name}: {error}"));
    result(&text)
}

fn instances(point: &Point) -> f64 {
    point.instances_busy + point.instances_idle + point.instances_starting
}

#[test]
fn every_policy_has_its_signature() {
    let listed = registry::policies().into_iter().filter(|(question, _)| ["keep-alive", "scaling"].contains(question));
    let mut names: Vec<&str> =
        listed.flat_map(|(_, policies)| policies.into_iter().map(|policy| policy.name)).collect();
    let mut known: Vec<&str> = SIGNATURES.iter().map(|(name, ..)| *name).collect();
    names.push("pings");
    names.sort_unstable();
    known.sort_unstable();
    assert_eq!(names, known);
    let page = fs::read_to_string(Path::new(ROOT).join("docs/background/policies.md")).expect("the page");
    for name in names {
        assert!(page.contains(&format!("(../images/policies/{name}.svg)")), "the chart of {name} is not shown");
        assert!(page.contains(&format!("(../policies/{name}.toml)")), "the scenario of {name} is not linked");
    }
}

#[test]
fn signatures_show_in_numbers() {
    let mut wrong = Vec::new();
    for (name, _, expected) in SIGNATURES {
        let timeline = run(name).timeline;
        let of = |at: f64| instances(&timeline.series[0].points[(at / timeline.interval.as_secs_f64()) as usize]);
        for (at, instances) in *expected {
            if (of(*at) - instances).abs() > 1e-9 {
                wrong.push(format!("{name}: {} instances at {at} s, not {instances}", of(*at)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn signatures_are_drawn() {
    for (name, title, _) in SIGNATURES {
        let image = Path::new(ROOT).join(format!("docs/images/policies/{name}.svg"));
        let svg = chart(title, &run(name));
        if std::env::var_os("FOREWARM_BLESS").is_some() {
            fs::write(&image, &svg).expect("a chart");
        }
        let found = fs::read_to_string(&image).unwrap_or_default();
        assert!(found == svg, "{} is out of date: FOREWARM_BLESS=1 cargo test signatures", image.display());
    }
}

/// Instances over time, and how many of them are busy: a panel for each function.
fn chart(title: &str, result: &RunResult) -> String {
    let series = &result.timeline.series;
    let length = result.timeline.interval.as_secs_f64();
    let functions = if series.len() > 2 { &series[1..] } else { &series[..1] };
    let panels = functions.iter().enumerate().map(|(place, one)| {
        let names = if place == 0 { ["existing", "busy"] } else { [""; 2] };
        let [all, busy] = [instances, |point: &Point| point.instances_busy];
        Panel {
            y: Axis::new(
                one.function.clone().filter(|_| functions.len() > 1).unwrap_or_else(|| "instances".to_owned()),
                Quantity::Count,
                Scale::Linear,
            ),
            height: if functions.len() > 1 { 50.0 } else { 130.0 },
            marks: vec![
                Mark::new(names[0], Style::fill(SKY), steps(&one.points, length, all)),
                Mark::new(names[1], Style::fill(BLUE), steps(&one.points, length, busy)),
            ],
        }
    });
    Plot {
        title: title.to_owned(),
        description: format!("{title}: instances over time, and how many of them are busy."),
        x: Axis::new("time simulated", Quantity::Seconds, Scale::Time),
        panels: panels.collect(),
        tips: Vec::new(),
    }
    .svg(900.0)
}

/// Intervals made longer until there are few, and those that follow one another with the same value made one.
fn steps(points: &[Point], length: f64, value: fn(&Point) -> f64) -> Shape {
    let each = points.len().div_ceil(INTERVALS);
    let mut steps: Vec<(f64, f64, f64, f64)> = Vec::new();
    for (place, some) in points.chunks(each).enumerate() {
        let from = (place * each) as f64 * length;
        let (to, mean) = (from + some.len() as f64 * length, some.iter().map(value).sum::<f64>() / some.len() as f64);
        match steps.last_mut().filter(|last| (last.3 - mean).abs() < 1e-9) {
            Some(last) => last.1 = to,
            None => steps.push((from, to, 0.0, mean)),
        }
    }
    Shape::Steps(steps)
}
