//! `forewarm sweep` as people and clusters meet it: killed, interrupted, in parts, with wrong input.

use std::fs;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Answer, Folder};

/// Points of about a hundredth of a second each, in debug mode.
const SWEEP: &str = r#"
[scenario]
name = "small"
[simulation]
horizon = "20m"
replications = 2
[platform]
preset = "aws-lambda"
billing.free-requests = 0
billing.free-gb-seconds = 0
[[function]]
name = "f"
memory = "256MB"
timeout = "2s"
duration.exponential.mean = "200ms"
cold-start.exponential.mean = "400ms"
keep-alive.fixed.window = "5s"
[[source]]
name = "s"
function = "f"
arrivals.poisson.rate = "30/m"
[[objective]]
metric = "latency_s.p99"
function = "f"
below = 1.5
[sweep]
"function.f.memory" = ["256MB", "1GB"]
"function.f.keep-alive.fixed.window" = { from = "1s", to = "30s", points = 4, scale = "log" }
"source.s.arrivals.poisson.rate" = ["1/m", "30/m", "2/s", "5/s"]
"#;

fn folder() -> Folder {
    Folder::with("small.toml", SWEEP)
}

fn words(arguments: &str) -> Vec<&str> {
    arguments.split(' ').collect()
}

fn start(folder: &Folder, arguments: &str) -> Child {
    folder.start(&words(arguments))
}

/// What it says when all goes well.
#[track_caller]
fn done(folder: &Folder, arguments: &str) -> String {
    folder.run(&words(arguments)).ends(0).said()
}

/// What it says when it does not do it.
#[track_caller]
fn refused(folder: &Folder, arguments: &str) -> String {
    folder.run(&words(arguments)).ends(2).said()
}

/// What must be the same however a sweep was made.
const FILES: [&str; 2] = ["sweep.csv", "sweep.parquet"];

fn assert_same(folder: &Folder, one: &str, other: &str) {
    for file in FILES {
        let (a, b) = (folder.bytes(&format!("{one}/{file}")), folder.bytes(&format!("{other}/{file}")));
        assert!(a == b, "{file} of {one} and {other} differ");
    }
}

#[test]
fn where_nothing_works_is_not_the_best() {
    let folder = Folder::new();
    let objective = SWEEP.find("[[objective]]").expect("an objective");
    let text = format!("{}[sweep]\n\"function.f.concurrency.reserved\" = [0, 5]\n", &SWEEP[..objective]);
    folder.write("small.toml", &text);
    let text = done(&folder, "sweep small.toml");
    assert!(text.lines().any(|line| line.starts_with("> 2 ")), "{text}");
}

#[test]
fn every_point_has_a_row() {
    let folder = folder();
    let text = done(&folder, "sweep small.toml");
    assert!(text.contains(" of 32 configurations meet every objective; "), "{text}");
    assert!(!folder.exists("results/small.partial"));
    let csv = folder.read("results/small/sweep.csv");
    let header = "point,function.f.memory,function.f.keep-alive.fixed.window,source.s.arrivals.poisson.rate,replications,\
                  objectives_met,requests_arrived,requests_arrived_half_width,";
    assert!(csv.starts_with(header), "{csv}");
    assert!(
        csv.lines()
            .next()
            .is_some_and(|line| line.ends_with("function.f.latency_s_p99,function.f.latency_s_p99_half_width"))
    );
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 32);
    assert_eq!(rows[0][..5], ["1", "256", "1", "0.016666666666666666", "2"]);
    assert_eq!(rows[31][..5], ["32", "1024", "30", "5", "2"]);
    // A row is what `run` says of the point.
    folder.run(&words("run small.toml --quiet --set function.f.memory=1GB --set function.f.keep-alive.fixed.window=30s --set source.s.arrivals.poisson.rate=5/s --out one"));
    let one: Value = serde_json::from_str(&folder.read("one/summary.json")).expect("JSON");
    let column =
        |name: &str| csv.lines().next().expect("a header").split(',').position(|column| column == name).expect("there");
    for key in ["latency_s.p99", "cost_usd.total", "instances.mean", "cold_start_ratio"] {
        let found = key.split('.').fold(&one["total"], |value, word| &value[word]);
        let name = key.replace('.', "_");
        for (name, part) in [(name.clone(), "mean"), (name + "_half_width", "half_width")] {
            let number: f64 = rows[31][column(&name)].parse().expect("a number");
            assert_eq!(Some(number), found[part].as_f64(), "{name}");
        }
    }
    for (name, part) in [("function.f.latency_s_p99", "mean"), ("function.f.latency_s_p99_half_width", "half_width")] {
        let number: f64 = rows[31][column(name)].parse().expect("a number");
        assert_eq!(Some(number), one["functions"]["f"]["latency_s"]["p99"][part].as_f64(), "{name}");
    }
    // On one thread, and as JSON.
    let text = folder.run(&words("sweep small.toml --out again --threads 1 --format json")).ends(0).out;
    let answer: Value = serde_json::from_str(&text).expect("JSON and nothing else");
    assert_eq!(answer["points"], 32);
    assert_same(&folder, "results/small", "again");
}

#[test]
fn killed_twenty_times_it_ends_the_same() {
    let folder = folder();
    done(&folder, "sweep small.toml --out whole --quiet");
    let mut kills = 0;
    // Times from a fixed sequence that looks random: 0 to 150 ms.
    let mut state = 12_345_u64;
    for _ in 0..2_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut child = start(&folder, "sweep small.toml --out killed --resume --quiet");
        sleep(Duration::from_micros((state >> 33) % 150_000));
        if child.try_wait().expect("it can be asked").is_none() {
            child.kill().expect("it can be killed");
            kills += 1;
        }
        let answer = Answer::of(child.wait_with_output().expect("it ends"));
        match answer.code {
            None => {}
            // It was faster than the killer: from the start.
            Some(0) if kills < 20 => {
                assert_same(&folder, "whole", "killed");
                fs::remove_dir_all(folder.path().join("killed")).expect("results");
            }
            Some(0) => break,
            _ => panic!("{answer:?}"),
        }
        if kills >= 20 {
            done(&folder, "sweep small.toml --out killed --resume --quiet");
            break;
        }
    }
    assert!(kills >= 20, "killed {kills} times");
    assert_same(&folder, "whole", "killed");
    assert!(!folder.exists("killed.partial"));
}

/// The header of a journal that was killed while it was written has another name.
#[test]
fn what_a_killed_program_leaves_goes_with_the_journal() {
    let folder = folder();
    fs::create_dir(folder.path().join("left.partial")).expect("a folder");
    fs::write(folder.path().join("left.partial/.journal-x"), "{").expect("a file");
    done(&folder, "sweep small.toml --out left --resume --quiet");
    assert!(!folder.exists("left.partial"));
}

/// Leaves some points in `results/small.partial`.
fn interrupt(folder: &Folder) {
    for _ in 0..200 {
        let mut child = start(folder, "sweep small.toml --quiet");
        while fs::metadata(folder.path().join("results/small.partial/points.journal")).map_or(0, |file| file.len())
            < 6_000
        {
            if child.try_wait().expect("it can be asked").is_some() {
                break;
            }
            sleep(Duration::from_millis(1));
        }
        child.kill().ok();
        child.wait().expect("it ends");
        if folder.exists("results/small.partial") {
            return;
        }
        fs::remove_dir_all(folder.path().join("results")).expect("results");
    }
    panic!("it was always faster");
}

#[test]
fn what_is_there_is_not_lost_silently() {
    let folder = folder();
    interrupt(&folder);
    let text = refused(&folder, "sweep small.toml");
    assert!(text.contains("of 32 configurations of an interrupted sweep"), "{text}");
    assert!(
        text.contains("`forewarm sweep small.toml --resume`") && text.contains("`rm -r results/small.partial`"),
        "{text}"
    );
    for (change, reason) in [
        ("--seed 5", "its seed is 1, not 5"),
        ("--set function.f.timeout=3s", "the scenario or the options have changed"),
    ] {
        let text = refused(&folder, &format!("sweep small.toml --resume {change}"));
        assert!(text.contains(reason), "{text}");
    }
    folder.write("small.toml", &SWEEP.replace("\"2/s\", ", ""));
    let text = refused(&folder, "sweep small.toml --resume");
    assert!(text.contains("it has 32 configurations, not 24"), "{text}");
    folder.write("small.toml", SWEEP);
    done(&folder, "sweep small.toml --resume --quiet");
    done(&folder, "sweep small.toml --out whole --quiet");
    assert_same(&folder, "whole", "results/small");
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_keeps_what_is_done() {
    let folder = folder();
    folder.write("small.toml", &SWEEP.replace("20m", "200h"));
    let child = start(&folder, "sweep small.toml");
    while fs::metadata(folder.path().join("results/small.partial/points.journal")).map_or(0, |file| file.len()) < 2_000
    {
        sleep(Duration::from_millis(1));
    }
    let signal = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(signal.success());
    let text = Answer::of(child.wait_with_output().expect("it ends")).ends(3).said();
    assert!(
        text.contains("of 32 configurations are done; continue with `forewarm sweep small.toml --resume`"),
        "{text}"
    );
}

#[test]
fn parts_are_the_whole() {
    let folder = folder();
    done(&folder, "sweep small.toml --out whole --quiet");
    for shard in [2, 5, 1, 4] {
        done(&folder, &format!("sweep small.toml --shard {shard}/5 --out parts --quiet"));
    }
    let text = refused(&folder, "sweep small.toml --merge parts");
    assert!(text.contains("1 of 5 shards is missing in parts"), "{text}");
    assert!(text.contains("\n  forewarm sweep small.toml --shard 3/5 --out parts\n"), "{text}");
    done(&folder, "sweep small.toml --shard 3/5 --out parts --quiet");
    // Again: the same bytes, whether it is made anew or found to be there.
    let part = folder.bytes("parts/part-3-of-5.parquet");
    let text = done(&folder, "sweep small.toml --shard 3/5 --out parts");
    assert!(text.contains("already exists and is complete"), "{text}");
    folder.write("parts/part-3-of-5.parquet", "half");
    done(&folder, "sweep small.toml --shard 3/5 --out parts --threads 1");
    assert!(folder.bytes("parts/part-3-of-5.parquet") == part);
    let text = done(&folder, "sweep small.toml --merge parts --out merged");
    assert!(text.contains("28 of 32 configurations meet every objective"), "{text}");
    assert_same(&folder, "whole", "merged");
    // More shards than points.
    for shard in 1..=40 {
        done(&folder, &format!("sweep small.toml --shard {shard}/40 --out many --quiet"));
    }
    done(&folder, "sweep small.toml --merge many --out merged --quiet");
    assert_same(&folder, "whole", "merged");
}

#[test]
fn wrong_parts_are_refused() {
    let folder = folder();
    for shard in [1, 2] {
        done(&folder, &format!("sweep small.toml --shard {shard}/2 --out parts --quiet"));
    }
    let merge = |reason: &str| {
        let text = refused(&folder, "sweep small.toml --merge parts --out merged");
        assert!(text.contains(reason), "{reason}: {text}");
        assert!(!folder.exists("merged"));
    };
    let (one, two) = (folder.bytes("parts/part-1-of-2.parquet"), folder.bytes("parts/part-2-of-2.parquet"));
    let restore = || folder.write("parts/part-2-of-2.parquet", &two);
    folder.write("parts/part-2-of-2.parquet", &one);
    merge("contains shard 1/2, which does not match its name");
    folder.write("parts/part-2-of-2.parquet", &two[..two.len() / 2]);
    merge("part-2-of-2.parquet cannot be used: it is corrupted");
    restore();
    done(&folder, "sweep small.toml --seed 9 --shard 2/2 --out other --quiet");
    fs::copy(folder.path().join("other/part-2-of-2.parquet"), folder.path().join("parts/part-2-of-2.parquet"))
        .expect("a copy");
    merge("is a part of another sweep: its seed is 9, not 1");
    restore();
    done(&folder, "sweep small.toml --shard 1/3 --out parts --quiet");
    merge("contains parts of 2 shards and parts of 3 shards");
    fs::remove_file(folder.path().join("parts/part-1-of-3.parquet")).expect("there");
    done(&folder, "sweep small.toml --merge parts --out merged --quiet");
    assert!(refused(&folder, "sweep small.toml --merge nowhere").contains("cannot read nowhere"));
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    assert!(refused(&folder, "sweep small.toml --merge empty").contains("empty contains no parts of a sweep"));
}

#[test]
fn all_points_are_checked_before_the_first_runs() {
    let folder = folder();
    let sweep = "\"simulation.warm-up\" = [\"0s\", \"1h\"]\n";
    folder.write("small.toml", &SWEEP.replace("[sweep]\n", &format!("[sweep]\n{sweep}")));
    let text = refused(&folder, "sweep small.toml");
    let wanted = "error: configuration 33 (simulation.warm-up = 1h, function.f.memory = 256MB, \
                  function.f.keep-alive.fixed.window = 1s, source.s.arrivals.poisson.rate = 1/m) and 31 more \
                  configurations: `simulation.warm-up` (1h) must be shorter";
    assert!(text.contains(wanted), "{text}");
    assert!(text.contains("--> small.toml:") && text.ends_with("1 error\n"), "{text}");
    assert!(!folder.exists("results/small.partial") && !folder.exists("results/small"));
    assert!(refused(&folder, "check small.toml").contains("configuration 33 (simulation.warm-up = 1h, "));
    folder.write("none.toml", SWEEP.split("[sweep]").next().expect("a start"));
    assert!(refused(&folder, "sweep none.toml").contains("none.toml has no [sweep]"));
    assert!(refused(&folder, "sweep small.toml --shard 0/3").contains("write K/N with K from 1 to N"));
    assert!(refused(&folder, "sweep small.toml --set function.f.memory=1GB").contains("is varied by [sweep]"));
}

#[test]
fn what_cannot_work_is_a_row() {
    let folder = folder();
    let start = SWEEP.split("[sweep]").next().expect("a start");
    let sweep = "[sweep]\nsampling.sobol.points = 8\n\"function.f.concurrency.reserved\" = [0, 1]\n\
                 \"function.f.timeout\" = { from = \"1ns\", to = \"2s\", scale = \"log\" }\n";
    folder.write("small.toml", &format!("{start}{sweep}"));
    done(&folder, "sweep small.toml");
    let csv = folder.read("results/small/sweep.csv");
    assert_eq!(csv.lines().count(), 9);
    assert!(csv.lines().skip(1).all(|row| row.contains(",true,") || row.contains(",false,")), "{csv}");
}

#[test]
fn a_dry_run_says_what_it_will_cost() {
    let folder = folder();
    let text = done(&folder, "sweep small.toml --dry-run --shards 4 --seed 3");
    assert!(text.starts_with("32 configurations, about "), "{text}");
    assert!(text.contains(" --seed 3 --shard 4/4 --out results/small.parts"), "{text}");
    assert!(!folder.exists("results"));
}
