//! What the program writes, and what it leaves alone: results folders, logs, and what a killed run leaves behind.

use std::fs;

use crate::harness::{Folder, QUICK, variants};
use crate::reports::choices;

#[test]
fn a_foreign_folder_is_left_alone() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("mine")).expect("a new folder");
    folder.write("mine/manifest.json", "{\"name\": \"an app\"}");
    let answer = folder.run(&["run", "quick.toml", "--out", "mine"]).ends(2);
    assert!(answer.err.contains("not created by forewarm") && answer.err.contains("--out DIR"), "{}", answer.err);
    assert_eq!(folder.names("mine"), ["manifest.json"]);
    folder.run(&["run", "quick.toml", "--out", "."]).ends(2);
    folder.run(&["run", "quick.toml", "--out", "quick.toml"]).ends(2);
    assert_eq!(folder.names(""), ["mine", "quick.toml"]);
}

#[test]
fn earlier_results_are_replaced_and_it_is_said() {
    let folder = Folder::new();
    let run = |more: &[&str]| folder.run(&[&["run", "quick.toml"], more].concat()).ends(0).out;
    let first = run(&["--seed", "1", "--requests", "results/quick/logs/requests.csv"]);
    assert!(first.contains("\nResults in results/quick: open report.html"), "{first}");
    let second = run(&["--seed", "2"]);
    let said = "Results in results/quick (replaced the results of `forewarm run quick.toml --seed 1 --requests \
                results/quick/logs/requests.csv`): open report.html";
    assert!(second.contains(said), "{second}");
    assert!(run(&["--seed", "2"]).contains("results/quick (replaced earlier results): open"));
    assert_eq!(folder.json("results/quick/manifest.json")["seed"], 2);
    assert!(!folder.exists("results/quick/logs"));
    assert_eq!(folder.names("results"), ["quick"]);
    // A command that a stranger wrote into the manifest is no advice.
    let manifest = folder.read("results/quick/manifest.json").replace("quick.toml --seed 2", "quick.toml; id");
    folder.write("results/quick/manifest.json", &manifest);
    assert!(run(&["--seed", "3"]).contains("results/quick (replaced earlier results): open"));
}

/// Each command, with its results in `out`.
fn commands(folder: &Folder) -> [Vec<&'static str>; 4] {
    folder.write("variants.toml", &variants());
    folder.write("choices.toml", &choices());
    [
        vec!["run", "quick.toml", "--out", "out", "--quiet"],
        vec!["compare", "variants.toml", "--max-replications", "8", "--out", "out", "--quiet"],
        vec!["sweep", "choices.toml", "--out", "out", "--quiet"],
        vec!["plan", "choices.toml", "--out", "out", "--quiet"],
    ]
}

#[test]
fn files_of_somebody_else_among_results_keep_every_command_from_replacing_them() {
    let folder = Folder::new();
    for command in commands(&folder) {
        let name = command[0];
        folder.run(&command).ends(0);
        folder.run(&command).ends(0);
        folder
            .run(&[&["run", "quick.toml", "--out", "out", "--requests", "out/log.csv"][..], &["--quiet"]].concat())
            .ends(0);
        folder.run(&command).ends(0);
        fs::create_dir_all(folder.path().join("out/.git/objects")).expect("a folder");
        for file in [".git/HEAD", "mine.toml", "notes.md", "chart.svg", "z1", "z2"] {
            folder.write(&format!("out/{file}"), "mine");
        }
        let before = folder.names("out");
        for next in commands(&folder) {
            let answer = folder.run(&next).ends(2);
            let expected =
                "out holds files that forewarm did not write: .git/, chart.svg, mine.toml, notes.md, z1 and 1 more";
            assert!(answer.err.contains(expected), "{name}, then {}: {}", next[0], answer.err);
        }
        assert_eq!(folder.names("out"), before);
        assert_eq!(folder.read("out/mine.toml"), "mine");
        fs::remove_dir_all(folder.path().join("out")).expect("a folder");
    }
    assert_eq!(folder.names(""), ["choices.toml", "quick.toml", "variants.toml"]);
}

#[test]
fn a_folder_that_was_empty_is_not_emptied_again() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("exp")).expect("a folder");
    let run = |scenario: &str| {
        let mut command = folder.command(&["run", scenario, "--quiet", "--out", "."]);
        command.current_dir(folder.path().join("exp")).status().expect("it starts").code()
    };
    assert_eq!(run("../quick.toml"), Some(0));
    folder.write("exp/mine.toml", QUICK);
    assert_eq!(run("mine.toml"), Some(2));
    assert_eq!(folder.read("exp/mine.toml"), QUICK);
}

#[test]
fn logs_never_replace_what_forewarm_did_not_write() {
    let folder = Folder::new();
    for (option, name) in [
        ("--requests", "mine.toml"),
        ("--requests", "mine.csv"),
        ("--requests", "mine.csv.gz"),
        ("--requests", "mine.parquet"),
        ("--timeline", "mine.json"),
        ("--timeline", "mine.json.gz"),
        ("--junit", "mine.xml"),
    ] {
        if name.ends_with("parquet") && cfg!(not(feature = "parquet")) {
            continue;
        }
        let run = || {
            let log = ["run", "quick.toml", "--quiet", "--out", "out", "--enforce=latency_s.p99<10s", option, name];
            folder.run(&log)
        };
        folder.write(name, QUICK);
        let answer = run().ends(2);
        assert!(answer.err.contains(&format!("{name} exists and was not created by forewarm")), "{}", answer.err);
        assert_eq!(folder.read(name), QUICK);
        fs::remove_file(folder.path().join(name)).expect("a file");
        run().ends(0);
        // What forewarm wrote there it writes again.
        let first = folder.bytes(name);
        run().ends(0);
        if option != "--junit" {
            assert!(folder.bytes(name) == first, "{name}");
        }
        fs::remove_file(folder.path().join(name)).expect("a file");
    }
    assert_eq!(folder.names(""), ["out", "quick.toml"]);
}

#[test]
fn generated_traces_replace_nothing() {
    let folder = Folder::new();
    let generate = |more: &[&str]| folder.run(&[&["trace", "generate", "--functions", "2", "--quiet"], more].concat());
    for (kind, out, file) in [
        ("forewarm", "x.csv", "x.csv"),
        ("forewarm", "x.csv.gz", "x.csv.gz"),
        ("azure-2019", "azure", "azure/function_durations_percentiles.anon.d01.csv"),
    ] {
        generate(&["--as", kind, "--out", out]).ends(0);
        folder.write(file, "precious");
        let answer = generate(&["--as", kind, "--out", out]).ends(2);
        assert!(answer.err.contains("already exists"), "{}", answer.err);
        assert_eq!(folder.read(file), "precious");
    }
    assert_eq!(folder.names(""), ["azure", "quick.toml", "x.csv", "x.csv.gz"]);
}

#[test]
fn logs_do_not_collide_with_results_or_with_one_another() {
    let folder = Folder::new();
    for name in ["summary.json", "manifest.json", "timeline.csv", "latency.svg", "report.html"] {
        let answer = folder.run(&["run", "quick.toml", "--out", "out", "--timeline", &format!("out/{name}")]).ends(2);
        assert!(answer.err.contains(&format!("out/{name} is the name of a results file")), "{}", answer.err);
    }
    for (requests, timeline) in [("x", "x"), ("x", "./x"), ("out/x", "out/../out/x"), ("new/x", "new/./x")] {
        folder.run(&["run", "quick.toml", "--out", "out", "--requests", requests, "--timeline", timeline]).ends(2);
    }
    let junit = ["--enforce=latency_s.p99<10s", "--junit", "x"];
    folder.run(&[&["run", "quick.toml", "--out", "out", "--requests", "x"], &junit[..]].concat()).ends(2);
    assert_eq!(folder.names(""), ["quick.toml"]);
}

#[test]
fn several_at_once_write_to_one_folder_one_after_the_other_or_say_why_not() {
    let folder = Folder::new();
    folder.write("x.toml", &QUICK.replace("10m", "10h").replace("1/s", "100/s"));
    let seeds = ["1", "2", "3", "4"];
    let children = seeds.map(|seed| folder.start(&["run", "x.toml", "--quiet", "--out", "out", "--seed", seed]));
    let answers = children.map(|child| crate::harness::Answer::of(child.wait_with_output().expect("it ends")));
    let mut done = Vec::new();
    for (answer, seed) in answers.iter().zip(seeds) {
        match answer.code {
            Some(0) => done.push(seed.to_owned()),
            _ => {
                assert_eq!(answer.code, Some(2), "{answer:?}");
                assert!(answer.err.contains("out is in use by another forewarm"), "{}", answer.err);
            }
        }
    }
    let kept = folder.json("out/manifest.json")["seed"].to_string();
    assert!(done.contains(&kept), "{kept} of {done:?}");
    assert_eq!(folder.names(""), ["out", "quick.toml", "x.toml"]);
}

#[cfg(unix)]
mod killed {
    use std::time::{Duration, Instant};

    use super::*;

    /// Starts a run that would take long, and hands it back when its temporary files are there.
    fn started(folder: &Folder, out: &str) -> std::process::Child {
        let before = folder.names("").len();
        let child = folder.start(&["run", "long.toml", "--quiet", "--out", out, "--requests", &format!("{out}.csv")]);
        let began = Instant::now();
        while folder.names("").len() < before + 4 {
            assert!(began.elapsed() < Duration::from_secs(20), "it does not begin: {:?}", folder.names(""));
            std::thread::sleep(Duration::from_millis(5));
        }
        child
    }

    #[test]
    fn what_a_killed_run_leaves_goes_with_the_next_and_what_is_alive_stays() {
        let folder = Folder::new();
        folder.write("long.toml", &QUICK.replace("10m", "20d").replace("1/s", "100/s"));
        folder.run(&["run", "quick.toml", "--quiet", "--out", "a"]).ends(0);
        let before = folder.read("a/summary.json");
        let (mut dead, mut alive) = (started(&folder, "a"), started(&folder, "b"));
        dead.kill().and_then(|()| dead.wait()).expect("it was running");
        assert_eq!(folder.read("a/summary.json"), before, "the earlier results are there");
        assert_eq!(folder.names("").iter().filter(|name| name.starts_with(".forewarm-")).count(), 8);
        folder.run(&["run", "quick.toml", "--quiet", "--out", "c"]).ends(0);
        assert_eq!(folder.names("").iter().filter(|name| name.starts_with(".forewarm-")).count(), 4);
        let answer = folder.run(&["run", "quick.toml", "--quiet", "--out", "b"]).ends(2);
        assert!(answer.err.contains("b is in use by another forewarm"), "{}", answer.err);
        folder.run(&["run", "quick.toml", "--quiet", "--out", "a"]).ends(0);
        alive.kill().and_then(|()| alive.wait()).expect("it was running");
        folder.run(&["run", "quick.toml", "--quiet", "--out", "a"]).ends(0);
        assert_eq!(folder.names(""), ["a", "c", "long.toml", "quick.toml"]);
    }
}
