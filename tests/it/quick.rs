//! `forewarm quick`: an answer from a handful of numbers.

use crate::harness::Folder;

/// A service with little load, so that it is over at once.
const SERVICE: [&str; 9] = ["quick", "--preset", "aws-lambda", "--rps", "2", "--p50", "150ms", "--p99", "600ms"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&SERVICE[..], more].concat()
}

#[test]
fn five_lines_without_a_file() {
    let folder = Folder::new();
    let answer = folder.run(&with(&["--cold", "2s", "--memory", "1GB", "--slo", "p99<800ms"]));
    let names: Vec<&str> = answer.out.lines().map(|line| line.split(':').next().expect("a name")).collect();
    assert_eq!(names, ["Users feel", "Cost", "Limits", "Set", "Next"], "{answer:?}");
    assert_eq!(answer.err, "");
    assert_eq!(folder.names(""), ["quick.toml"], "it writes nothing");
    assert_eq!(folder.run(&with(&["--cold", "2s", "--slo", "p99<800ms"])).out, answer.out, "1GB is the default");
}

/// The median and the 99th percentile of what runs so long, warm, are those that were told.
#[test]
fn users_feel_what_the_options_say() {
    let folder = Folder::new();
    let answer = folder.run(&with(&["--cold", "1ms", "--format", "json"])).ends(0);
    let found: serde_json::Value = serde_json::from_str(&answer.out).expect("JSON");
    let total = &found["run"]["total"];
    let near = |value: &serde_json::Value, expected: f64| {
        let value = value["mean"].as_f64().expect("a number");
        assert!((value / expected - 1.0).abs() < 0.05, "{value} instead of {expected}");
    };
    near(&total["latency_s"]["p50"], 0.15);
    near(&total["latency_s"]["p99"], 0.6);
    // The mean of the log-normal: 150 ms * exp(sigma^2 / 2) with sigma = ln(600 / 150) / 2.3263.
    near(&total["execution_s"]["mean"], 0.150 * ((4.0_f64.ln() / 2.326_347_9).powi(2) / 2.0).exp());
    assert!(found["plan"].is_null(), "nothing must be met");
}

#[test]
fn what_it_saves_is_what_it_answered() {
    let folder = Folder::new();
    let slo = ["--slo", "p99<1s", "--slo", "cold_start_ratio<1%"];
    let saving = [&slo[..], &["--save", "my shop.toml"]].concat();
    let answer = folder.run(&with(&saving));
    assert!(answer.out.ends_with("Wrote my shop.toml. Next: forewarm run 'my shop.toml'\n"), "{answer:?}");
    let text = folder.read("my shop.toml");
    assert!(text.contains("name = \"my-shop\"") && text.contains("below = \"1%\""), "{text}");
    folder.run(&["check", "my shop.toml"]).ends(0);
    let json = folder.run(&with(&[&slo[..], &["--format", "json"]].concat())).out;
    let found: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    folder.run(&["run", "my shop.toml", "--out", "o", "--quiet"]);
    assert_eq!(folder.json("o/summary.json")["total"], found["run"]["total"]);
    assert!(found["plan"]["best"].is_number(), "{found:#}");
    // A file that is there stays as it is.
    let again = folder.run(&with(&saving)).ends(2);
    assert!(again.err.contains("already exists"), "{}", again.err);
    assert_eq!(folder.read("my shop.toml"), text);
}

#[test]
fn the_exit_code_says_whether_it_can_be_met() {
    let folder = Folder::new();
    folder.run(&with(&["--slo", "p99<10s"])).ends(0);
    let answer = folder.run(&with(&["--slo", "p99<100ms"])).ends(1);
    assert!(answer.out.contains("p99") && answer.out.contains("below 100 ms"), "{}", answer.out);
}

#[test]
fn what_is_wrong_is_said() {
    let folder = Folder::new();
    for (more, said) in [
        (&["--slo", "p98<1s"][..], "latency_s.p9"),
        (&["--slo", "p99"], "METRIC<VALUE"),
        (&["--slo", "p99<1"], ""),
        (&["--memory", "lots"], "memory"),
        (&["--memory", "1GB\"\nx = 1"], "letters and digits"),
        (&["--cold", "2"], "unit"),
    ] {
        let answer = folder.run(&with(more));
        assert!(said.is_empty() || answer.code == Some(2) && answer.err.contains(said), "{more:?}: {answer:?}");
    }
    let lambda = ["quick", "--preset", "lambda", "--rps", "1", "--p50", "1s", "--p99", "2s"];
    assert!(folder.run(&lambda).ends(2).err.contains("aws-lambda"));
    let turned = ["quick", "--rps", "1", "--p50", "1s", "--p99", "500ms"];
    assert!(folder.run(&turned).ends(2).err.contains("--p99 500ms is shorter than --p50 1s"));
    folder.run(&["quick", "--rps", "0", "--p50", "1s", "--p99", "2s"]).ends(2);
    folder.run(&["quick", "--rps", "1"]).ends(2);
    assert_eq!(folder.names(""), ["quick.toml"]);
}

/// A service that is always the same, and one that is hardly ever called.
#[test]
fn the_ends_of_what_can_be_asked() {
    let folder = Folder::new();
    for (rps, p99, slo) in [
        ("0.001", "150ms", &["--slo", "p99<1s"][..]),
        ("0.5", "150ms", &["--slo", "p99<1s"]),
        ("1000", "151ms", &[]),
        ("5000", "1h", &[]),
    ] {
        let answer = folder.run(&[&["quick", "--rps", rps, "--p50", "150ms", "--p99", p99][..], slo].concat());
        assert!(matches!(answer.code, Some(0 | 1)), "{answer:?}");
        assert_eq!(answer.out.lines().count(), 6, "{answer:?}");
    }
}

/// Every preset answers, with a memory that its platform has; what cannot be is said.
#[test]
fn every_preset_answers() {
    let folder = Folder::new();
    let listed = folder.run(&["list", "platforms", "--format", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.out).expect("JSON");
    let names: Vec<&str> = listed.as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    assert!(names.len() >= 16, "{names:?}");
    for name in names {
        let answer = folder.run(&["quick", "--preset", name, "--rps", "0.05", "--p50", "50ms", "--p99", "80ms"]);
        assert_eq!(answer.code, Some(0), "{name}: {answer:?}");
        // What Huawei charges and how its instances start is published.
        assert!(answer.out.contains("Based on:") || name == "huawei-functiongraph", "{name}: {answer:?}");
    }
    let flex = ["quick", "--preset", "azure-flex", "--rps", "1", "--p50", "50ms", "--p99", "80ms", "--memory", "1GB"];
    assert!(folder.run(&flex).ends(2).err.contains("allows 512MB, 2048MB, 4096MB"));
}

/// What keeps instances warm is called otherwise on other platforms.
#[test]
fn what_to_set_is_a_key_of_the_platform() {
    let folder = Folder::new();
    let service = ["--rps", "0.0005", "--p50", "150ms", "--p99", "600ms", "--slo", "cold_affected_ratio<1%"];
    let answer = folder.run(&[&["quick", "--preset", "gcp-functions", "--save", "run.toml"][..], &service].concat());
    assert!(answer.out.contains("min-instances = "), "{answer:?}");
    let text = folder.read("run.toml");
    assert!(text.contains("\"function.main.scaling.cloud-run.min-instances\" = [0, "), "{text}");
}
