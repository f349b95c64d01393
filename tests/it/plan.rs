//! `forewarm plan`: against what queueing theory says, and as a program.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::queueing::mmc_wait_exceeds;
use forewarm::experiment::Progress;
use forewarm::experiment::plan::space::{Axis, Space};
use forewarm::experiment::plan::{FIRST, Input, Planned, plan};
use forewarm::measure::plan::{Plan, Verdict};
use forewarm::scenario::{ParseOptions, Scenario, ScenarioFactory};

use crate::harness::{Folder, Memory};

/// A plan of this text.
fn planned(text: &str, threads: usize, progress: &dyn Progress) -> Option<Planned> {
    let (files, options) = (Memory::default(), ParseOptions::default());
    let read = ScenarioFactory::read("test.toml", text.as_bytes(), &options, &files);
    let (mut base, scenario, _) = read.unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
    let asked = scenario.plan.clone().expect("a plan");
    let axes = asked.axes.iter().map(|choice| Axis { len: choice.levels.len(), is_monotone: false }).collect();
    let space = Space::new(axes);
    let one = |number| asked.scenario(&mut base, &scenario, &space.places(number));
    let candidates: Vec<Scenario> =
        (0..space.len()).map(one).collect::<Result<_, _>>().unwrap_or_else(|wrong| panic!("{wrong}"));
    let input =
        Input { scenario: &scenario, plan: &asked, candidates: &candidates, first: FIRST, skips_headroom: false };
    plan(&input, NonZeroUsize::new(threads).expect("a thread"), progress).ok()
}

/// M/M/c: a queue, no cold starts; every server costs the same.
fn staffing(seed: u64, rate: f64, metric: &str, below: f64) -> String {
    format!(
        "[scenario]\nname = \"staffing\"\n[simulation]\nhorizon = \"45m\"\nwarm-up = \"10m\"\nseed = {seed}\n\
         [platform]\n[platform.billing]\ninstance-gb-second-usd = 0.0001\n\
         [[function]]\nname = \"f\"\nmemory = \"1GB\"\nduration.exponential.mean = \"1s\"\nkeep-alive.fixed.window = \"forever\"\n\
         concurrency = {{ per-instance = 1, overflow = \"queue\", max-instances = 30 }}\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"{rate}/s\"\n\
         [[objective]]\nmetric = \"{metric}\"\nbelow = {below}\n\
         [plan]\n\"function.f.concurrency.max-instances\" = {{ from = 1, to = 30 }}\n"
    )
}

/// What is found is what Erlang C says: the smallest number of servers with P(wait > t) below 1 %. It is found with a tenth of
/// an exhaustive search's runs.
#[test]
fn staffing_is_that_of_erlang_c() {
    let (rate, service, t) = (10.0, 1.0, 0.6);
    let exact = (1..=30).find(|servers| mmc_wait_exceeds(*servers, rate, service, t) < 0.01).expect("some");
    // So that the answer is clear: neither it nor the one before is at the bound.
    let [before, after] = [exact - 1, exact].map(|servers| mmc_wait_exceeds(servers, rate, service, t));
    assert!(before > 0.015 && after < 0.008, "{before} {after}");
    for seed in 1..=4 {
        let found = planned(&staffing(seed, rate, "wait_s.p99", t), 2, &()).expect("it runs").plan;
        let best = found.candidate(found.best.expect("some meet")).expect("it was looked at");
        assert_eq!(best.values, [exact.to_string()], "seed {seed}");
        assert!(found.method.runs.best * 10 <= found.method.runs.exhaustive, "seed {seed}: {:?}", found.method.runs);
        assert_eq!(found.method.runs.exhaustive, 30 * 80);
        assert!(found.axes[0].is_monotone);
    }
}

/// Threads change nothing.
#[test]
fn the_same_bytes_on_any_number_of_threads() {
    let text = staffing(3, 4.0, "wait_s.mean", 0.1);
    let [one, two] = [1, 5].map(|threads| {
        let planned = planned(&text, threads, &()).expect("it runs");
        format!("{:?} {}", planned.plan, planned.simulated)
    });
    assert_eq!(one, two);
}

/// Service at capacity: headroom ends where the load reaches it, and the limit is named.
#[test]
fn headroom_ends_where_erlang_says() {
    let text = staffing(1, 10.0, "wait_s.p99", 0.5) + "growth = \"10%/month\"\n";
    let found = planned(&text, 2, &()).expect("it runs").plan;
    let servers: u64 = found.candidate(found.best.expect("some")).expect("seen").values[0].parse().expect("a number");
    let headroom = found.headroom.expect("it has one");
    // The true multiple at which P(wait > t) reaches 1 % lies between what holds and what is surely broken.
    let true_multiple = (100..400).map(|percent| f64::from(percent) / 100.0);
    let end = true_multiple
        .clone()
        .find(|multiple| mmc_wait_exceeds(servers, 10.0 * multiple, 1.0, 0.5) > 0.01)
        .expect("it breaks");
    assert!(headroom.holds_to <= end, "{} and {end}", headroom.holds_to);
    let missed = headroom.points.iter().find(|point| point.verdict == Verdict::Missed).expect("it breaks");
    assert!(missed.multiple >= end, "{} and {end}", missed.multiple);
    assert_eq!(headroom.breaks_first, Some(0));
    assert_eq!(headroom.first_limit.expect("a limit").limit, "max-instances");
    let months = headroom.growth.expect("it grows").months;
    assert!((months - headroom.holds_to.ln() / 1.1_f64.ln()).abs() < 1e-9);
    // The static estimate is the load, and does not do.
    let rule = &found.static_estimates[0];
    assert!((rule.instances - 10.0).abs() < 0.3, "{rule:?}");
    let set = found.candidates.iter().find(|one| Some(one.number) == rule.as_set).expect("it was looked at");
    assert_eq!((set.values[0].as_str(), set.verdict), ("10", Verdict::Missed));
}

/// The recommendation, the runner-up and today's configuration get more replications only while more make their figures more
/// precise, but never fewer than a run of the scenario has.
#[test]
fn what_is_precise_takes_few_replications() {
    let shown = |text: &str| {
        let found = planned(text, 2, &()).expect("it runs").plan;
        let best = found.candidate(found.best.expect("some meet")).expect("it was looked at");
        assert_eq!(found.beside.len(), 3);
        assert!(found.beside.iter().all(|one| one.replications == best.replications), "{:?}", found.beside);
        assert_eq!(found.headroom.as_ref().expect("it has one").replications, best.replications);
        best.replications
    };
    let regular = |replications: u32, most: u32| {
        let text = staffing(1, 4.0, "wait_s.mean", 0.1);
        text.replace("seed = 1", &format!("replications = {replications}"))
            .replace("duration.exponential.mean", "duration.constant.value")
            .replace("arrivals.poisson.rate", "arrivals.constant.rate")
            .replace("from = 1, to = 30", &format!("from = 1, to = {most}"))
    };
    assert_eq!(shown(&regular(1, 30)), 6, "no replication differs from another");
    assert_eq!(shown(&regular(8, 30)), 12, "a run has eight");
    assert_eq!(shown(&regular(1, 20)), 12, "nothing is known of today's configuration, with 30, before it is shown");
    assert_eq!(shown(&staffing(1, 4.0, "wait_s.mean", 0.1)), 12, "random requests");
}

/// What is interrupted keeps what is known, and says that it is not finished.
#[test]
fn what_is_interrupted_is_kept_as_unfinished() {
    struct Impatient(AtomicU32);
    impl Progress for Impatient {
        fn begin(&self) {
            let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(1)));
        }
        fn advance(&self, _: f64, _: u64) -> ControlFlow<()> {
            if self.0.load(Ordering::Relaxed) == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    let text = staffing(3, 4.0, "wait_s.mean", 0.1);
    assert!(planned(&text, 2, &Impatient(AtomicU32::new(1))).is_none(), "nothing was seen");
    let kept = planned(&text, 2, &Impatient(AtomicU32::new(3))).expect("two batches are whole").plan;
    assert!(!kept.is_finished && kept.best.is_none() && !kept.candidates.is_empty());
}

#[test]
fn the_program_writes_a_plan_and_says_whether_there_is_one() {
    let folder = Folder::with("meets.toml", &staffing(1, 2.0, "wait_s.mean", 0.2));
    folder.write("never.toml", &staffing(1, 2.0, "latency_s.mean", 0.2));
    let meets = folder.run(&["plan", "meets.toml", "--out", "m", "--format", "json"]).ends(0);
    let plan: Plan = serde_json::from_str(&meets.out).expect("a plan");
    assert!(plan.is_finished && plan.best.is_some() && plan.runner_up.is_some());
    for file in ["plan.json", "plan.csv", "report.html", "manifest.json", "front.svg", "headroom.svg"] {
        assert!(folder.exists(&format!("m/{file}")), "{file}");
    }
    assert_eq!(folder.read("m/plan.csv").lines().count(), plan.candidates.len() + 1);
    // A request runs for a second on average: no number of instances changes that.
    folder.run(&["plan", "never.toml", "--out", "n", "--quiet"]).ends(1);
    let plan: Plan = serde_json::from_str(&folder.read("n/plan.json")).expect("a plan");
    let nearest = plan.nearest.expect("one is nearest");
    assert!(nearest.by.is_some_and(|by| (by - 4.0).abs() < 0.3), "1 s in place of 0.2 s: {nearest:?}");
}

/// The cheapest that meets may do so by refusing requests.
#[test]
fn an_objective_on_failures_is_added_where_there_is_none() {
    let refusing = "[scenario]\nname = \"m\"\n[simulation]\nhorizon = \"10m\"\n[platform]\npreset = \"aws-lambda\"\n\
        [[function]]\nname = \"f\"\nmemory = \"256MB\"\nduration.exponential.mean = \"200ms\"\n\
        [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"5/s\"\n\
        [plan]\n\"function.f.concurrency.reserved\" = [1, 2]\n\
        [[objective]]\nmetric = \"latency_s.p99\"\nbelow = 2.0\n";
    let folder = Folder::with("m.toml", refusing);
    folder.write("asked.toml", &format!("{refusing}[[objective]]\nmetric = \"failure_ratio\"\nbelow = 0.99\n"));
    let said = |name: &str| -> String {
        folder.run(&["plan", name]).ends(1).out.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(said("m.toml").contains("below 0.1 % (added by default)"));
    assert!(!said("asked.toml").contains("by default"));
}

#[test]
fn what_cannot_be_planned_is_said_with_advice() {
    let folder = Folder::new();
    let good = staffing(1, 2.0, "wait_s.mean", 0.2);
    let (before, _) = good.split_once("[plan]").expect("a plan");
    let cases = [
        (before.to_owned(), "has no [plan]"),
        (good.replace("[[objective]]\nmetric = \"wait_s.mean\"\nbelow = 0.2\n", ""), "has no objectives"),
        (good.replace("[platform]\n[platform.billing]\ninstance-gb-second-usd = 0.0001\n", ""), "has no prices"),
        (good.replace("from = 1, to = 30", "from = 0, to = 30"), "max-instances"),
        (good.replace("from = 1, to = 30", "from = 1, to = 30000"), "at most 4096"),
        (format!("{before}[plan]\n"), "names no keys to change"),
        (format!("{before}[plan]\npolicy = [\"knativ\"]\n"), "there is no policy \"knativ\""),
        (format!("{before}[plan]\nvariant = [\"x\"]\n"), "the scenario has no variants"),
        (good.clone() + "growth = \"fast\"\n", "5%/month"),
        (good.clone() + "confidence = 95\n", "0.5 to 0.9999"),
        (good.clone() + "\"function.f.memory\" = { values = [\"1GB\"], cpu-bound-share = 1.5 }\n", "from 0 to 1"),
        (good.clone() + "\"function.f.timeout\" = { values = [\"1s\"], cpu-bound-share = 0.5 }\n", "applies to memory"),
        (good.clone() + "\"function.g.memory\" = [\"1GB\"]\n", "there is no function \"g\""),
    ];
    for (text, expected) in cases {
        folder.write("x.toml", &text);
        let answer = folder.run(&["plan", "x.toml", "--out", "out"]).ends(2);
        assert!(answer.err.contains(expected), "{expected}: {}", answer.err);
        assert!(!folder.exists("out"));
    }
}
