//! Objectives as a gate: `--enforce` and `--junit`; and whether logs fit on the disk.

use crate::harness::{Folder, MISSED, QUICK};

/// Poisson arrivals, so that replications differ.
fn noisy(objective: &str) -> String {
    format!(
        "{}{objective}",
        QUICK.replace("constant.rate", "poisson.rate").replace("duration.constant.value", "duration.exponential.mean")
    )
}

#[test]
fn objectives_from_the_command_line_count_too() {
    let folder = Folder::new();
    let run = |objectives: &[&str], code| {
        let all = [&["run", "quick.toml", "--out", "out", "--quiet"], objectives].concat();
        folder.run(&all).ends(code)
    };
    run(&["--enforce=latency_s.mean<200ms"], 0);
    run(&["--enforce=latency_s.mean<200ms", "--enforce=function.f:latency_s.p99<0.05"], 1);
    let summary = folder.read("out/summary.json");
    assert!(summary.contains("\"below\": 0.2") && summary.contains("\"below\": 0.05"), "{summary}");
    run(&["--enforce=requests.completed>1e3"], 1);
    let wrong = run(&["--enforce=latency_s.p98<1s", "--enforce=function.g:latency_s.p99<1s"], 2).err;
    assert!(wrong.contains("did you mean `latency_s.p9") && wrong.contains("no function \"g\""), "{wrong}");
    assert_eq!(run(&["--enforce"], 2).err.lines().next(), Some("error: --enforce: the scenario has no objective"));
    assert!(run(&["--junit", "x.xml"], 2).err.contains("--junit: the scenario has no objective"));
}

#[test]
fn confidence_is_the_whole_interval() {
    let folder = Folder::new();
    folder.write("x.toml", &noisy(""));
    let run =
        |more: &[&str], code| folder.run(&[&["run", "x.toml", "--out", "out", "--quiet"], more].concat()).ends(code);
    run(&["--replications", "5"], 0);
    let mean = folder.read("out/functions.csv");
    let mut rows = mean.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let (head, total) = (rows.next().expect("a header"), rows.next_back().expect("a total"));
    let at = |name: &str| -> f64 {
        total[head.iter().position(|column| *column == name).expect("a column")].parse().expect("a number")
    };
    let (mean, half) = (at("latency_s_mean"), at("latency_s_mean_half_width"));
    let bound = |by: f64| format!("--enforce=latency_s.mean<{}", mean + by * half);
    run(&["--replications", "5", &bound(0.5)], 0);
    let unsure = run(&["--replications", "5", &bound(0.5), "--enforce"], 1);
    assert!(unsure.err.contains("with 95 % confidence: the interval extends beyond it"), "{}", unsure.err);
    run(&["--replications", "5", &bound(1.1), "--enforce"], 0);
    run(&["--replications", "1", &bound(1.1), "--enforce"], 2);
}

#[test]
fn junit_is_written_whether_objectives_are_met_or_not() {
    let folder = Folder::new();
    folder.write("missed.toml", &format!("{QUICK}{MISSED}"));
    folder.run(&["run", "missed.toml", "--out", "out", "--junit", "new/x.xml", "--quiet"]).ends(1);
    let text = folder.read("new/x.xml");
    assert!(
        text.contains("tests=\"1\" failures=\"1\"")
            && text.contains("<failure type=\"objective\" message=\"latency_s.mean is 100 ms, not below 50 ms\">"),
        "{text}"
    );
    folder.run(&["run", "missed.toml", "--out", "out", "--junit", "out/x.xml", "--quiet"]).ends(1);
    assert!(folder.names("out").iter().any(|name| name == "x.xml"), "it may lie in the results folder");
    let compared = format!(
        "{QUICK}{MISSED}[[variant]]\nname = \"fast\"\nset = {{ \"function.f.duration.constant.value\" = \"20ms\" }}\n"
    );
    folder.write("compared.toml", &compared);
    folder
        .run(&["compare", "compared.toml", "--out", "c", "--junit", "new/x.xml", "--quiet", "--max-replications", "8"])
        .ends(1);
    let text = folder.read("new/x.xml");
    assert!(
        text.contains("tests=\"2\" failures=\"1\"")
            && text.contains("<testsuite name=\"quick: fast\" tests=\"1\" failures=\"0\""),
        "{text}"
    );
    folder.write("mine.xml", "<mine/>");
    let before = folder.names("");
    for bad in ["mine.xml", ".", "mine.xml/x"] {
        folder.run(&["run", "missed.toml", "--out", "new-out", "--junit", bad, "--quiet"]).ends(2);
    }
    assert_eq!((folder.names(""), folder.read("mine.xml")), (before, "<mine/>".to_owned()));
}

#[test]
fn logs_that_cannot_fit_are_refused_before_the_long_part() {
    let folder = Folder::new();
    // 94 billion requests: nobody has room for a row of each.
    folder.write("long.toml", &QUICK.replace("10m", "3650d").replace("1/s", "300/s"));
    for (option, file) in [("--requests", "x.csv"), ("--timeline", "x.json")] {
        let answer = folder.run(&["run", "long.toml", "--quiet", option, file]).ends(4);
        assert!(answer.err.contains(&format!("{option}: about 94,608,000,000 requests need")), "{}", answer.err);
        assert!(answer.err.contains("help: free some space"), "{}", answer.err);
    }
    assert_eq!(folder.names(""), ["long.toml", "quick.toml"]);
}
