//! The program as people and scripts meet it, in a temporary folder.

use std::fs;

use forewarm::scenario::template::TEMPLATES;
use serde_json::Value;

use crate::harness::{Folder, MISSED, QUICK, variants};

#[test]
fn every_help_shows_an_example() {
    let folder = Folder::new();
    for command in ["run", "compare", "chaos", "report", "check", "list", "schema", "init", "completions"] {
        let help = folder.run(&[command, "--help"]).ends(0).out;
        assert!(help.contains(&format!("\n  forewarm {command}")), "{help}");
    }
    let help = folder.run(&["--help"]).ends(0).out;
    assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
    assert_eq!(folder.run(&["--version"]).ends(0).out, format!("forewarm {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_is_2() {
    let folder = Folder::new();
    for arguments in [
        &[][..],
        &["fly"],
        &["run"],
        &["run", "quick.toml", "--set", "novalue"],
        &["run", "quick.toml", "--threads", "0"],
        &["run", "quick.toml", "--format", "xml"],
        &["run", "missing.toml"],
        &["run", "."],
        &["compare"],
        &["compare", "missing.toml"],
        &["compare", "quick.toml"],
        &["compare", "quick.toml", "--max-replications", "1"],
        &["compare", "quick.toml", "--precision", "5"],
        &["check"],
        &["check", "missing.toml"],
        &["init", "nothing"],
        &["list", "planets"],
    ] {
        let answer = folder.run(arguments).ends(2);
        assert!(answer.out.is_empty() && !answer.err.is_empty(), "{arguments:?}: {answer:?}");
    }
    assert_eq!(folder.names(""), ["quick.toml"]);
}

#[test]
fn check_reports_all_files_and_all_problems() {
    let folder = Folder::new();
    let answer = folder.run(&["check", "quick.toml"]).ends(0);
    assert_eq!((answer.out.as_str(), answer.err.as_str()), ("quick.toml: ok\n", ""));
    assert_eq!(folder.run(&["check", "--quiet", "quick.toml"]).ends(0).out, "");
    folder.write("bad.toml", &QUICK.replace("10m", "10").replace("rate =", "rat ="));
    folder.write("binary.toml", "a = \"\u{0}\"");
    let answer = folder.run(&["check", "bad.toml", "missing.toml", "binary.toml", "quick.toml"]).ends(2);
    assert_eq!(answer.out, "quick.toml: ok\n");
    for part in ["bad.toml:5:11", "missing.toml", "binary.toml:1"] {
        assert!(answer.err.contains(part), "{part}: {}", answer.err);
    }
    insta::assert_snapshot!(folder.run(&["check", "bad.toml"]).ends(2).err);
    folder.run(&["check", "quick.toml", "--set", "function.f.memory=lots"]).ends(2);
}

#[test]
fn a_scenario_on_standard_input() {
    let folder = Folder::new();
    assert_eq!(folder.run_with_input(&["check", "-"], QUICK).ends(0).out, "-: ok\n");
    let answer = folder.run_with_input(&["check", "-"], "[scenario]\nname = 1\n").ends(2);
    assert!(answer.err.contains("standard input:2:8"), "{}", answer.err);
    folder.run_with_input(&["run", "-", "--quiet"], QUICK).ends(0);
    assert!(folder.path().join("results/quick/report.html").exists());
}

#[test]
fn files_of_a_scenario_are_meant_from_its_folder() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("sub")).expect("a new folder");
    folder.write("sub/durations.txt", "100ms\n200ms\n");
    folder.write(
        "sub/x.toml",
        &QUICK.replace("duration.constant.value = \"100ms\"", "duration.empirical.file = \"durations.txt\""),
    );
    folder.run(&["check", "sub/x.toml"]).ends(0);
    let text = folder.read("sub/x.toml");
    let answer = folder.run_with_input(&["check", "-"], &text).ends(2);
    assert!(answer.err.contains("durations.txt"), "{}", answer.err);
}

#[test]
fn the_schema_holds_for_every_template() {
    let folder = Folder::new();
    let schema: Value = serde_json::from_str(&folder.run(&["schema"]).ends(0).out).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for template in TEMPLATES {
        let text = folder.run(&["init", template.name]).ends(0).out;
        assert_eq!(text, template.text);
        let value: Value = toml::from_str(&text).expect("TOML");
        let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", template.name);
    }
    assert!(!validator.is_valid(&serde_json::json!({"scenario": {"nme": "x"}})));
}

#[test]
fn init_never_overwrites() {
    let folder = Folder::new();
    folder.run(&["init", "queue", "--out", "new.toml"]).ends(0);
    folder.run(&["check", "new.toml"]).ends(0);
    let answer = folder.run(&["init", "--out", "quick.toml"]).ends(2);
    assert!(answer.err.contains("quick.toml already exists"), "{}", answer.err);
    assert_eq!(folder.read("quick.toml"), QUICK);
    folder.run(&["init", "--out", "no/such/folder.toml"]).ends(2);
}

#[test]
fn lists_are_for_people_and_for_scripts() {
    let folder = Folder::new();
    for (what, name) in [
        ("policies", "round-robin"),
        ("platforms", "aws-lambda"),
        ("distributions", "hyper-exponential"),
        ("arrivals", "rate-trace"),
        ("metrics", "latency_s.p99"),
    ] {
        assert!(folder.run(&["list", what]).ends(0).out.contains(name));
        let json: Value =
            serde_json::from_str(&folder.run(&["list", what, "--format", "json"]).ends(0).out).expect("JSON");
        let entries = json.as_array().expect("a list");
        assert!(entries.iter().any(|entry| entry["name"] == name), "{json:#}");
        assert!(entries.iter().all(|entry| entry["about"].is_string()), "{json:#}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(folder.run(&["completions", shell]).ends(0).out.contains("forewarm"));
    }
}

#[test]
fn a_platform_is_listed_with_the_source_of_every_value() {
    let folder = Folder::new();
    let text = folder.run(&["list", "platforms", "azure-flex"]).ends(0).out;
    for expected in [
        "gb-second-usd-x86 = [{ usd = 2.6e-5 }]\n      azure.microsoft.com/pricing/details/functions",
        "memory-sizes = [\"512MB\", \"2048MB\", \"4096MB\"]",
        "(not verified)",
        "Not available:",
        "Notes:",
    ] {
        assert!(text.contains(expected), "{expected} is missing:\n{text}");
    }
    let json = folder.run(&["list", "platforms", "azure-flex", "--format", "json"]).ends(0).out;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let values = json["values"].as_array().expect("values");
    assert!(
        values.iter().all(|one| one["source"].is_string() && one["date"].is_string() && one["verified"].is_boolean())
    );
    assert!(folder.run(&["list", "platforms", "azure"]).ends(2).err.contains("there is no platform \"azure\""));
    assert!(folder.run(&["list", "metrics", "latency_s.p99"]).ends(2).err.contains("only accepted for platforms"));
}

#[test]
fn a_run_leaves_a_whole_folder() {
    let folder = Folder::new();
    let answer = folder.run(&["run", "quick.toml", "--seed", "7", "--replications", "2", "--threads", "1"]).ends(0);
    assert_eq!(answer.err, "", "no progress where nobody watches");
    assert!(answer.out.contains("\nResults in results/quick: open report.html"), "{}", answer.out);
    assert!(answer.out.contains(" invocations in "), "{}", answer.out);
    let names = folder.names("results/quick");
    for name in ["manifest.json", "summary.json", "functions.csv", "timeline.csv", "latency.svg", "report.html"] {
        assert!(names.iter().any(|known| known == name), "{name} in {names:?}");
    }
    assert_eq!(folder.names("results"), ["quick"]);
    let (manifest, summary) = (folder.json("results/quick/manifest.json"), folder.json("results/quick/summary.json"));
    assert_eq!(manifest["command"], "forewarm run quick.toml --seed 7 --replications 2 --threads 1");
    assert_eq!((&manifest["seed"], &manifest["replications"]), (&summary["seed"], &summary["replications"]));
    assert_eq!((manifest["seed"].as_u64(), manifest["replications"].as_u64()), (Some(7), Some(2)));
    assert_eq!(manifest["scenario_hash"], summary["scenario"]["hash"]);
    assert!(manifest["invocations"].as_u64() >= Some(2 * 599), "{manifest:#}");
    // The manifest holds the scenario that was run.
    folder.write("again.toml", manifest["scenario"].as_str().expect("text"));
    folder.run(&["run", "again.toml", "--out", "again", "--quiet"]).ends(0);
    assert_eq!(folder.read("again/summary.json"), folder.read("results/quick/summary.json"));
}

#[test]
fn json_is_all_there_is_on_standard_output() {
    let folder = Folder::new();
    let answer = folder.run(&["run", "quick.toml", "--format", "json", "--out", "out"]).ends(0);
    assert_eq!(answer.out, folder.read("out/summary.json"));
    assert_eq!(folder.run(&["run", "quick.toml", "--format", "json", "--quiet"]).ends(0).out, answer.out);
    let silent = folder.run(&["run", "quick.toml", "--quiet"]).ends(0);
    assert_eq!((silent.out.as_str(), silent.err.as_str()), ("", ""));
}

#[test]
fn an_objective_that_is_not_met_is_1() {
    let folder = Folder::new();
    folder.write("missed.toml", &format!("{QUICK}{MISSED}"));
    let answer = folder.run(&["run", "missed.toml"]).ends(1);
    assert!(answer.out.contains("NOT MET"), "{}", answer.out);
    folder.write("met.toml", &format!("{QUICK}{}", MISSED.replace("0.05", "0.5")));
    folder.run(&["run", "met.toml"]).ends(0);
    assert_eq!(folder.json("results/quick/summary.json")["objectives"][0]["met"], true);
}

#[test]
fn variants_and_changes_are_applied() {
    let folder = Folder::new();
    folder.write(
        "x.toml",
        &format!(
            "{QUICK}[[variant]]\nname = \"slow\"\nset = {{ \"function.f.duration.constant.value\" = \"200ms\" }}\n"
        ),
    );
    let mean = |arguments: &[&str]| {
        let mut all = vec!["run", "x.toml", "--format", "json"];
        all.extend(arguments);
        let summary: Value = serde_json::from_str(&folder.run(&all).ends(0).out).expect("JSON");
        summary["total"]["execution_s"]["mean"]["mean"].as_f64().expect("a number")
    };
    assert!((mean(&["--variant", "slow"]) - 0.2).abs() < 1e-9);
    assert!((mean(&["--set", "function.f.duration.constant.value=300ms"]) - 0.3).abs() < 1e-9);
    let answer = folder.run(&["run", "x.toml", "--variant", "slwo"]).ends(2);
    assert!(answer.err.contains("slow"), "{}", answer.err);
}

#[test]
fn a_run_until_it_is_precise() {
    let folder = Folder::new();
    folder.write("x.toml", &variants());
    let answer = folder.run(&["run", "x.toml", "--precision", "latency_s.mean=5%", "--max-replications", "40"]).ends(0);
    assert!(answer.out.contains("precision: reached after "), "{}", answer.out);
    let found = folder.json("results/quick/summary.json");
    assert_eq!(found["precision"]["ended_by"], "precision");
    assert_eq!(found["precision"]["replications"], found["replications"]);
    assert_eq!(found["precision"]["metrics"][0]["asked"], "5%");
    assert!(folder.read("results/quick/report.html").contains("precision: reached after"));
    // The text of the manifest runs the same again.
    folder.write("again.toml", folder.json("results/quick/manifest.json")["scenario"].as_str().expect("text"));
    folder.run(&["run", "again.toml", "--out", "again"]).ends(0);
    assert_eq!(folder.read("again/summary.json"), folder.read("results/quick/summary.json"));
    // A fixed number takes the place of precision.
    folder.run(&["run", "again.toml", "--replications", "3"]).ends(0);
    assert_eq!(folder.json("results/quick/summary.json")["replications"], 3);

    let wrong = folder.run(&["run", "x.toml", "--precision", "latency_s.p98=5%"]).ends(2);
    assert!(wrong.err.contains("--precision:1:1") && wrong.err.contains("did you mean"), "{}", wrong.err);
    let wrong = folder.run(&["run", "x.toml", "--max-replications", "9"]).ends(2);
    assert!(wrong.err.contains("names no metric") && wrong.err.contains("--max-replications:1:1"), "{}", wrong.err);
    folder.run(&["run", "x.toml", "--precision", "5%"]).ends(2);
}

/// A text whatever its lines.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_pilot_finds_the_warm_up() {
    let folder = Folder::new();
    let auto = |text: String| text.replace("horizon = \"10m\"", "horizon = \"1h\"\nwarm-up = \"auto\"");
    folder.write("x.toml", &auto(variants()));
    let answer = folder.run(&["run", "x.toml", "--verbose"]).ends(0);
    assert!(in_one_line(&answer.out).contains("the pilot run is steady after that (MSER-5)"), "{}", answer.out);
    let found = folder.json("results/quick/summary.json");
    let chosen = found["warm_up"]["chosen_s"].as_f64().expect("a number");
    assert_eq!(found["measured_s"], 3_600.0 - chosen);
    assert!(folder.read("results/quick/warm-up.svg").contains("measured from here"));
    folder.run(&["compare", "x.toml", "--max-replications", "8"]).ends(0);
    let compared = folder.json("results/quick/comparison.json");
    assert_eq!(compared["measured_s"], found["measured_s"], "the choice is that of the unchanged scenario");
    let measured = |one: &Value| one["summary"]["measured_s"].clone();
    assert!(compared["contenders"].as_array().expect("a list").iter().all(|one| measured(one) == found["measured_s"]));

    folder.write(
        "full.toml",
        &auto(QUICK.replace("\"1/s\"", "\"20/s\""))
            .replace("duration", "concurrency = { max-instances = 1, overflow = \"queue\" }\nduration"),
    );
    let answer = folder.run(&["run", "full.toml"]).ends(0);
    let said = in_one_line(&answer.out);
    assert!(said.contains("did not become steady within half of the horizon"), "{said}");
}

#[test]
fn one_row_for_each_request_and_a_slice_for_each_invocation() {
    let folder = Folder::new();
    let out = ["run", "quick.toml", "--quiet", "--out", "out"];
    let run = |more: &[&str]| folder.run(&[&out[..], more].concat()).ends(0);
    run(&["--requests", "new/requests.csv", "--timeline", "out/timeline.json"]);
    let text = folder.read("new/requests.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    let arrived = folder.json("out/summary.json")["total"]["requests"]["arrived"]["mean"].as_f64();
    assert_eq!(Some(rows.len() as f64), arrived);
    assert_eq!(
        (&rows[3][0], &rows[3][1], &rows[3][2], &rows[3][12], &rows[3][15]),
        ("s", "3", "f", "0.1", "completed")
    );
    let trace = folder.json("out/timeline.json");
    let slices = trace.as_array().expect("a list").iter().filter(|event| event["cat"] == "completed").count();
    assert_eq!(slices, rows.len());
    assert_eq!(folder.names("new"), ["requests.csv"]);

    run(&["--requests", "requests.csv.gz"]);
    let mut unpacked = String::new();
    let packed = fs::read(folder.path().join("requests.csv.gz")).expect("a file");
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked).expect("gzip");
    assert_eq!(unpacked, text);
    run(&["--requests", "requests.csv.zst"]);
    let packed = fs::read(folder.path().join("requests.csv.zst")).expect("a file");
    assert_eq!(zstd::decode_all(&packed[..]).expect("zstd"), text.as_bytes());
    #[cfg(feature = "parquet")]
    {
        use parquet::file::reader::{FileReader as _, SerializedFileReader};
        run(&["--requests", "requests.parquet"]);
        let file = fs::File::open(folder.path().join("requests.parquet")).expect("a file");
        let reader = SerializedFileReader::new(file).expect("Parquet");
        assert_eq!(reader.metadata().file_metadata().num_rows(), rows.len() as i64);
    }
}

#[test]
fn outputs_are_tried_before_the_long_part() {
    let folder = Folder::new();
    folder.write("long.toml", &long());
    folder.run(&["check", "long.toml"]).ends(0);
    for bad in [
        &["--requests", "."][..],
        &["--timeline", "quick.toml/x.json"],
        &["--out", "quick.toml/x"],
        &["--requests", "x", "--timeline", "x"],
    ] {
        folder.run(&[&["run", "long.toml"], bad].concat()).ends(2);
    }
    assert_eq!(folder.names(""), ["long.toml", "quick.toml"]);
}

/// A scenario that would take hours.
fn long() -> String {
    QUICK.replace("10m", "3650d").replace("1/s", "100/s")
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::harness::Answer;

    #[test]
    fn a_closed_pipe_is_success() {
        let folder = Folder::new();
        for arguments in
            [&["schema"][..], &["run", "quick.toml"], &["run", "quick.toml", "--format", "json"], &["--help"]]
        {
            let mut child = folder.start(arguments);
            drop(child.stdout.take());
            let answer = Answer::of(child.wait_with_output().expect("it ends")).ends(0);
            assert_eq!(answer.err, "", "{arguments:?}");
        }
        assert!(folder.path().join("results/quick/report.html").exists());
    }

    #[test]
    fn a_full_disk_is_4() {
        let full = Path::new("/dev/full");
        if !full.exists() {
            return;
        }
        let folder = Folder::new();
        let answer = folder.run(&["run", "quick.toml", "--requests", "/dev/full"]).ends(4);
        assert!(answer.err.contains("/dev/full"), "{}", answer.err);
        // Nobody waits for hours to hear that.
        folder.write("long.toml", &long());
        folder.run(&["run", "long.toml", "--timeline", "/dev/full"]).ends(4);
        assert_eq!(folder.names(""), ["long.toml", "quick.toml"]);
        let out = fs::OpenOptions::new().write(true).open(full).expect("a device");
        assert_eq!(
            folder.command(&["schema"]).stdout(out).stderr(Stdio::null()).status().expect("it ends").code(),
            Some(4)
        );
    }

    #[test]
    fn no_permission_is_4() {
        let folder = Folder::new();
        let locked = folder.path().join("locked");
        fs::create_dir(&locked).expect("a new folder");
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).expect("it is ours");
        if fs::write(locked.join("x"), "").is_ok() {
            return; // nothing is locked for root
        }
        folder.run(&["run", "quick.toml", "--out", "locked/x"]).ends(4);
        folder.run(&["run", "quick.toml", "--requests", "locked/x"]).ends(4);
        folder.run(&["init", "--out", "locked/x"]).ends(4);
        assert_eq!(folder.names(""), ["locked", "quick.toml"]);
    }

    /// Starts a command and interrupts it some time after it has begun.
    fn interrupted(folder: &Folder, arguments: &[&str], after: Duration) -> Answer {
        let child = folder.start(arguments);
        let began = Instant::now();
        // The folder that will be the results' shows that it is on its way.
        while !folder.path().join("results").exists() {
            assert!(began.elapsed() < Duration::from_secs(20), "it does not begin");
            sleep(Duration::from_millis(10));
        }
        sleep(after);
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
        Answer::of(child.wait_with_output().expect("it ends")).ends(3)
    }

    #[test]
    fn a_comparison_that_is_interrupted_keeps_what_is_whole() {
        let folder = Folder::new();
        folder.write("x.toml", &variants().replace("10m", "1h"));
        let arguments = ["compare", "x.toml", "--replications", "10000"];
        let answer = interrupted(&folder, &arguments, Duration::from_secs(2));
        assert!(answer.err.contains("interrupted: the results cover "), "{}", answer.err);
        let found = folder.json("results/quick/comparison.json");
        let replications = found["replications"].as_u64().expect("a number");
        assert!((2..10_000).contains(&replications), "{replications}");
        assert!(
            found["contenders"]
                .as_array()
                .expect("a list")
                .iter()
                .all(|one| one["summary"]["replications"] == replications)
        );
    }

    #[test]
    fn a_run_that_is_interrupted_keeps_whole_replications() {
        let folder = Folder::new();
        folder.write("x.toml", &variants().replace("10m", "1h"));
        let arguments = ["run", "x.toml", "--replications", "10000", "--requests", "requests.csv"];
        let answer = interrupted(&folder, &arguments, Duration::from_secs(2));
        assert!(answer.err.contains("interrupted: the results cover "), "{}", answer.err);
        let replications = folder.json("results/quick/summary.json")["replications"].as_u64().expect("a number");
        assert!((1..10_000).contains(&replications), "{replications}");
        assert_eq!(folder.json("results/quick/manifest.json")["replications"], replications);
        assert!(folder.read("requests.csv").lines().count() > 3_000, "the first replication is whole");
    }

    #[test]
    fn ctrl_c_is_3_and_leaves_nothing() {
        let folder = Folder::new();
        // A log of more than some days would not be begun: there is no room for it.
        folder.write("long.toml", &long().replace("3650d", "20d"));
        let arguments = ["run", "long.toml", "--requests", "requests.csv"];
        let answer = interrupted(&folder, &arguments, Duration::from_millis(100));
        assert!(answer.err.contains("interrupted"), "{}", answer.err);
        assert_eq!(answer.out, "");
        assert_eq!(folder.names(""), ["long.toml", "quick.toml"]);
    }
}

#[test]
fn every_policy_says_why_it_decides() {
    let scenario = |scaling: &str| {
        format!(
            "[scenario]\nname = \"why\"\n[simulation]\nhorizon = \"10m\"\nreplications = 1\n[[function]]\nname = \"f\"\n\
             memory = \"512MB\"\nduration.constant.value = \"1s\"\ncold-start.constant.value = \"2s\"\n\
             scaling.{scaling}\n[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"5/s\"\n"
        )
    };
    // Five requests of a second each second are five in progress.
    let cases = [
        (
            "knative = { target = 2.5, container-concurrency = 10, target-utilization-percentage = 100 }",
            "and panic average 5.00 over target 2.5: ",
        ),
        ("hpa = { max-replicas = 9, target-concurrency = 1 }", "requests on each pod (target 1): proposes"),
        ("keda = { max-replicas = 9, queue-length = 5 }", "messages; the HPA proposes"),
        (
            "thresholds = { target = 1 }",
            "5.00 requests in progress or queued on average over the target 1: 5 instances",
        ),
        ("cloud-run = {}", "instances by CPU and concurrency over the last 1m"),
        ("azure-flex = {}", "requests in progress or queued, 4 for each instance: 2 instances"),
        ("scheduled = { actions = [{ at = \"0s\", instances = 6 }] }", "scheduled action: 6 instances"),
    ];
    for (scaling, reason) in cases {
        let folder = Folder::with("why.toml", &scenario(scaling));
        folder.run(&["run", "why.toml", "--quiet", "--decisions", "why.csv"]).ends(0);
        let text = folder.read("why.csv");
        let policy = scaling.split(' ').next().expect("a name");
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert!(!rows.is_empty() && rows.iter().all(|row| row.contains(&format!(",f,{policy},"))), "{text}");
        assert!(rows.iter().any(|row| row.contains(reason)), "{scaling}: {reason}: {text}");
        // One order follows the other.
        let orders: Vec<(&str, &str)> =
            rows.iter().map(|row| row.split(',').collect()).map(|cells: Vec<&str>| (cells[3], cells[4])).collect();
        assert!(orders.windows(2).all(|pair| pair[0].1 == pair[1].0), "{text}");
        // What is written does not change the result.
        let with = folder.read("results/why/summary.json");
        folder.run(&["run", "why.toml", "--quiet"]).ends(0);
        assert_eq!(folder.read("results/why/summary.json"), with);
    }
}
