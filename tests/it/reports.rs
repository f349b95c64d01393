//! `forewarm report`: what folders hold, rendered again.

use std::fs;
use std::num::NonZeroUsize;

use forewarm::experiment;
use forewarm::measure::Manifest;
use forewarm::report::document::{html, markdown};
use forewarm::report::{Report as _, csv, json, read_back};
use proptest::prelude::*;

use crate::harness::drawn::{Kind, any_scenario};
use crate::harness::{Folder, QUICK, scenario};

fn variants() -> String {
    format!(
        "{QUICK}[[variant]]\nname = \"slow\"\nset = {{ \"function.f.duration.constant.value\" = \"200ms\" }}\n\
         [[objective]]\nmetric = \"latency_s.p99\"\nbelow = 1.0\n"
    )
}

/// A scenario with prices, objectives, `[sweep]` and `[plan]`.
pub(crate) fn choices() -> String {
    let priced = QUICK.replace("[[function]]", "[platform]\npreset = \"aws-lambda\"\n[[function]]\nmemory = \"512MB\"");
    format!(
        "{}[[objective]]\nmetric = \"latency_s.p99\"\nbelow = 1.0\n\
         [sweep]\n\"function.f.memory\" = [\"512MB\", \"1024MB\"]\n\
         \"function.f.concurrency.provisioned\" = [0, 1]\n\
         [plan]\n\"function.f.memory\" = [\"512MB\", \"1024MB\"]\n",
        priced.replace("arrivals.constant.rate", "arrivals.poisson.rate")
    )
}

#[test]
fn what_is_stored_makes_the_very_same_page() {
    let folder = Folder::new();
    folder.write("x.toml", &variants());
    folder.run(&["run", "x.toml", "--out", "one", "--replications", "3", "--quiet"]).ends(0);
    folder.run(&["compare", "x.toml", "--out", "compared", "--max-replications", "8", "--quiet"]).ends(0);
    folder.write("choices.toml", &choices());
    folder.run(&["sweep", "choices.toml", "--out", "swept", "--quiet"]).ends(0);
    folder.run(&["plan", "choices.toml", "--out", "planned", "--quiet"]).ends(0);
    for name in ["one", "compared", "swept", "planned"] {
        let again = folder.run(&["report", name, "--format", "html"]).ends(0).out;
        assert!(again == folder.read(&format!("{name}/report.html")), "{name}");
        folder.run(&["report", name, "--out", "new/page.html"]).ends(0);
        assert!(again == folder.read("new/page.html"), "the name says that it is HTML; a report is written over");
        let paper = folder.run(&["report", name, "--format", "pdf-ready"]).ends(0).out;
        assert!(paper.contains("class=\"paper\"") && !paper.contains("<script"));
    }
    let text = folder.run(&["report", "compared"]).ends(0).out;
    assert!(
        text.lines().any(|line| line.starts_with("| slow ") && line.contains("| 200 ms") && line.contains("+100 ms")),
        "{text}"
    );
}

#[test]
fn runs_stand_side_by_side() {
    let folder = Folder::new();
    folder.write("x.toml", &variants());
    folder.run(&["run", "x.toml", "--out", "a/x", "--quiet"]).ends(0);
    folder
        .run(&["run", "x.toml", "--out", "b/x", "--quiet", "--variant", "slow", "--set", "simulation.horizon=20m"])
        .ends(0);
    let text = folder.run(&["report", "a/x", "b/x"]).ends(0).out;
    assert!(text.contains("# 2 runs side by side") && text.contains("| a/x "), "{text}");
    assert!(text.contains("200 ms (+100 ms (+100 %))"), "{text}");
    folder.run(&["report", "a/x", "b/x", "--out", "both.html"]).ends(0);
    let page = folder.read("both.html");
    assert!(page.contains("2 runs side by side") && page.contains("id=\"chart-distribution\""));
    folder.run(&["compare", "x.toml", "--out", "compared", "--max-replications", "8", "--quiet"]).ends(0);
    let answer = folder.run(&["report", "a/x", "compared"]).ends(2);
    assert!(answer.err.contains("compared is not a result of `forewarm run`"), "{}", answer.err);
}

#[test]
fn all_that_is_wrong_with_folders_is_said_at_once() {
    let folder = Folder::new();
    folder.run(&["run", "quick.toml", "--out", "good", "--quiet"]).ends(0);
    for name in ["cut", "old", "bare", "odd"] {
        fs::create_dir(folder.path().join(name)).expect("a folder");
        for file in folder.names("good") {
            folder.write(&format!("{name}/{file}"), &folder.read(&format!("good/{file}")));
        }
    }
    let summary = folder.read("good/summary.json");
    folder.write("cut/summary.json", &summary[..summary.len() / 2]);
    folder.write("old/summary.json", &summary.replace("\"events\"", "\"happenings\""));
    fs::remove_file(folder.path().join("bare/charts.json")).expect("a file");
    folder.write("odd/manifest.json", &folder.read("good/manifest.json").replace("\"run\"", "\"dance\""));
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    let answer = folder
        .run(&["report", "good", "cut", "old", "bare", "odd", "empty", "nowhere", "quick.toml", "--out", "x.html"])
        .ends(2);
    for expected in [
        "cut/summary.json: EOF",
        "old/summary.json: missing field `events`",
        "bare/charts.json is missing",
        "create it again: forewarm run quick.toml",
        "there is no report for results of kind \"dance\"",
        "empty is not a results folder",
        "nowhere does not exist",
        "quick.toml is not a results folder",
    ] {
        assert!(answer.err.contains(expected), "{expected} in {}", answer.err);
    }
    assert!(!folder.path().join("x.html").exists());
}

#[test]
fn a_file_of_somebody_else_is_left_alone() {
    let folder = Folder::new();
    folder.run(&["run", "quick.toml", "--out", "good", "--quiet"]).ends(0);
    folder.write("mine.html", "<p>forewarm is good");
    for (option, file) in
        [("--out", "mine.html"), ("--out", "quick.toml"), ("--out", "."), ("--out", "quick.toml/x"), ("--out", "x.pdf")]
    {
        let before = folder.names("");
        let answer = folder.run(&["report", "good", option, file]).ends(2);
        assert!(answer.err.starts_with("error: "), "{}", answer.err);
        assert_eq!(folder.names(""), before);
    }
    assert_eq!(folder.read("mine.html"), "<p>forewarm is good");
    for name in ["x.md", "x.html", "x.md"] {
        folder.run(&["report", "good", "--out", name]).ends(0);
    }
    assert!(folder.read("x.md").starts_with("<!-- forewarm report -->\n# "));
}

/// A manifest as every run has one.
fn manifest() -> Manifest {
    Manifest {
        version: "0.1.0".into(),
        kind: "run".into(),
        command: "forewarm run x.toml".into(),
        scenario_hash: "0".into(),
        scenario: "text".into(),
        seed: 1,
        replications: 1,
        threads: 1,
        wall_s: 0.1,
        invocations: 1,
        invocations_per_s: 10.0,
        files: Vec::new(),
    }
}

/// The report of a run, and the one that is made of its files.
fn both_reports(text: &str) -> [[String; 2]; 2] {
    let scenario = scenario(text);
    let threads = NonZeroUsize::new(1).expect("one");
    let result = experiment::run(&scenario, threads, &(), None).expect("it runs").result;
    let mut timeline = Vec::new();
    csv::timeline(&result.timeline, &mut timeline).expect("in memory");
    let timeline = String::from_utf8(timeline).expect("UTF-8");
    let back =
        read_back::run(&json::summary(&result.summary), &timeline, &json::charts(&result)).expect("it reads back");
    let manifest = manifest();
    [&result, &back].map(|result| {
        let document = result.document(&manifest);
        [html::render(&document), markdown::render(&document, &manifest.command)]
    })
}

/// Functions that complete nothing: what would be measured of them is no number.
const NOBODY: &str = "[[function]]\nname = \"nobody\"\nduration.constant.value = \"1s\"\nconcurrency.reserved = 0\n\
                      [[source]]\nname = \"n\"\nfunction = \"nobody\"\narrivals.constant.rate = \"1/s\"\n\
                      [[function]]\nname = \"idle\"\nduration.constant.value = \"1s\"\n";

#[test]
fn drawn_scenarios_make_the_very_same_page() {
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    let drawn = (any_scenario(Kind::Any), any::<bool>(), 1..4_u32);
    proptest!(config, |((text, has_nobody, replications) in drawn)| {
        let text = text.replace("horizon = \"5m\"", &format!("horizon = \"1m\"\nreplications = {replications}"));
        let [written, again] = both_reports(&(text + if has_nobody { NOBODY } else { "" }));
        prop_assert!(written == again);
    });
}

#[test]
fn many_functions_without_a_number_make_the_very_same_page() {
    let mut text = QUICK.replace("10m", "1m");
    for index in 0..40 {
        text.push_str(
            &NOBODY
                .replace("nobody", &format!("nobody-{index}"))
                .replace("\"n\"", &format!("\"n{index}\""))
                .replace("idle", &format!("idle-{index}")),
        );
    }
    let [written, again] = both_reports(&text);
    assert!(written == again);
    assert!(written[0].contains("100 ms"), "the function that ran is among those shown");
}
