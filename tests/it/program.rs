//! The program as people and scripts meet it, in a temporary folder.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::cargo_bin;
use forewarm::scenario::template::TEMPLATES;
use serde_json::Value;
use tempfile::TempDir;

/// A scenario that is over at once, with room for more keys at its end.
pub(crate) const QUICK: &str = r#"
[scenario]
name = "quick"
[simulation]
horizon = "10m"
[[function]]
name = "f"
duration.constant.value = "100ms"
[[source]]
name = "s"
function = "f"
arrivals.constant.rate = "1/s"
"#;

/// An objective that is not met.
pub(crate) const MISSED: &str = "[[objective]]\nmetric = \"latency_s.mean\"\nbelow = 0.05\n";

/// A folder with the scenario `quick.toml` in it.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary folder"));
        folder.write("quick.toml", QUICK);
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("a writable folder");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin!("forewarm"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        Answer::of(self.command(arguments).output().expect("the program starts"))
    }

    fn run_with_input(&self, arguments: &[&str], input: &str) -> Answer {
        let mut command = self.command(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it is read");
        Answer::of(child.wait_with_output().expect("it ends"))
    }
}

/// What the program answered.
#[derive(Debug)]
pub(crate) struct Answer {
    code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Answer {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

#[test]
fn every_help_shows_an_example() {
    let folder = Folder::new();
    for command in ["run", "compare", "report", "check", "list", "schema", "init", "completions"] {
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
    assert!(answer.err.contains("quick.toml exists already"), "{}", answer.err);
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

/// Two variants of a scenario with luck in it: one makes it slower for certain, one makes cold starts a little rarer.
fn variants() -> String {
    let text = QUICK
        .replace(
            "duration.constant.value = \"100ms\"",
            "duration.exponential.mean = \"100ms\"\nkeep-alive.fixed.window = \"4s\"",
        )
        .replace("arrivals.constant.rate", "arrivals.poisson.rate");
    format!(
        "{text}[[variant]]\nname = \"slow\"\nset = {{ \"function.f.duration.exponential.mean\" = \"200ms\" }}\n\
         [[variant]]\nname = \"longer\"\nset = {{ \"function.f.keep-alive.fixed.window\" = \"4100ms\" }}\n"
    )
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

#[test]
fn a_pilot_finds_the_warm_up() {
    let folder = Folder::new();
    let auto = |text: String| text.replace("horizon = \"10m\"", "horizon = \"1h\"\nwarm-up = \"auto\"");
    folder.write("x.toml", &auto(variants()));
    let answer = folder.run(&["run", "x.toml"]).ends(0);
    assert!(answer.out.contains("where a pilot has settled (MSER-5)"), "{}", answer.out);
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
    assert!(answer.out.contains("did not settle within half of the horizon"), "{}", answer.out);
}

#[test]
fn a_comparison_leaves_a_whole_folder() {
    let folder = Folder::new();
    folder.write("x.toml", &variants());
    let answer = folder.run(&["compare", "x.toml", "--seed", "7", "--out", "out"]).ends(0);
    assert_eq!(answer.err, "", "no progress where nobody watches");
    assert!(answer.out.contains("\nslow: better on ") && answer.out.contains("\nlonger: better on "), "{}", answer.out);
    assert!(
        answer.out.contains("Bonferroni") && answer.out.contains("\nResults in out: open report.html"),
        "{}",
        answer.out
    );
    assert!(answer.out.lines().all(|line| line.chars().count() <= 80), "{}", answer.out);
    assert_eq!(
        folder.names("out"),
        [
            "cold-starts.svg",
            "comparison.csv",
            "comparison.json",
            "instances.svg",
            "manifest.json",
            "report.html",
            "timeline.csv",
            "tradeoff.svg"
        ]
    );
    let (found, manifest) = (folder.json("out/comparison.json"), folder.json("out/manifest.json"));
    assert_eq!((&found["baseline"], &found["seed"]), (&Value::from("unchanged"), &Value::from(7)));
    assert_eq!((&manifest["replications"], &manifest["seed"]), (&found["replications"], &found["seed"]));
    let names: Vec<_> = found["contenders"].as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["unchanged", "slow", "longer"]);
    let contrast = |variant: &str, metric: &str| {
        let all = found["contrasts"].as_array().expect("a list");
        all.iter().find(|one| one["variant"] == variant && one["metric"] == metric).expect("a contrast").clone()
    };
    let slower = contrast("slow", "latency_s.mean");
    assert_eq!((&slower["verdict"], &slower["better"]), (&Value::from("worse"), &Value::from("lower")));
    let by = slower["difference"]["mean"].as_f64().expect("a number");
    assert!((by - 0.1).abs() < 0.02, "{slower:#}");
    assert!(slower["confidence"].as_f64() > Some(0.99) && contrast("slow", "instances.mean")["confidence"] == 0.95);
    assert_eq!(
        contrast("slow", "instances.mean")["verdict"],
        Value::Null,
        "fewer instances are not better by themselves"
    );
    let rows = folder.read("out/comparison.csv").lines().count();
    assert_eq!(rows, 1 + found["contrasts"].as_array().expect("a list").len());
    let page = folder.read("out/report.html");
    assert!(page.contains("Who wins on what, and by how much") && page.contains("<svg"));
    // The manifest holds the scenario with its variants.
    folder.write("again.toml", manifest["scenario"].as_str().expect("text"));
    folder.run(&["compare", "again.toml", "--out", "again", "--quiet"]).ends(0);
    assert_eq!(folder.read("again/comparison.csv"), folder.read("out/comparison.csv"));
}

#[test]
fn a_comparison_does_not_depend_on_threads() {
    let folder = Folder::new();
    folder.write("x.toml", &variants());
    let run = |threads: &str| {
        let answer =
            folder.run(&["compare", "x.toml", "--threads", threads, "--out", threads, "--format", "json"]).ends(0);
        assert_eq!(answer.out, folder.read(&format!("{threads}/comparison.json")), "json, and nothing else");
        answer.out
    };
    assert_eq!(run("1"), run("3"));
    for name in ["comparison.csv", "tradeoff.svg", "cold-starts.svg", "instances.svg"] {
        assert_eq!(folder.read(&format!("1/{name}")), folder.read(&format!("3/{name}")), "{name}");
    }
}

#[test]
fn replications_of_a_comparison() {
    let folder = Folder::new();
    folder.write("x.toml", &variants());
    let made = |arguments: &[&str]| {
        let all = [&["compare", "x.toml", "--format", "json"], arguments].concat();
        let found: Value = serde_json::from_str(&folder.run(&all).ends(0).out).expect("JSON");
        (found["replications"].as_u64().expect("a number"), found["method"]["is_settled"].as_bool().expect("a bool"))
    };
    assert_eq!(made(&["--replications", "3", "--max-replications", "3"]).0, 3);
    assert_eq!(made(&["--max-replications", "5"]).0, 5);
    let asked = ["--precision", "latency_s.mean=0.004", "--max-replications", "500"];
    let (replications, is_settled) = made(&asked);
    assert!(replications > 8 && is_settled, "{replications}");
    assert_eq!(made(&["--precision", "0.0001%", "--max-replications", "16"]), (16, false));
}

#[test]
fn what_cannot_be_compared_is_2() {
    let folder = Folder::new();
    let answer = folder.run(&["compare", "quick.toml"]).ends(2);
    assert!(answer.err.contains("no variants to compare") && answer.err.contains("[[variant]]"), "{}", answer.err);
    folder.write("x.toml", &variants());
    for (arguments, part) in [
        (&["--baseline", "slwo"][..], "did you mean `slow`?"),
        (&["--precision", "latency_s.p9=1%"], "did you mean `latency_s.p90`?"),
        (&["--replications", "1"], "2 or more"),
        (&["--replications", "9", "--max-replications", "8"], "--max-replications 8"),
    ] {
        let answer = folder.run(&[&["compare", "x.toml"], arguments].concat()).ends(2);
        assert!(answer.err.contains(part), "{part}: {}", answer.err);
    }
    folder.write("taken.toml", &variants().replace("\"slow\"", "\"unchanged\""));
    assert!(folder.run(&["compare", "taken.toml"]).ends(2).err.contains("another name"));
    folder.write("wrong.toml", &variants().replace("4100ms", "4100"));
    let answer = folder.run(&["compare", "wrong.toml"]).ends(2);
    assert!(answer.err.contains("wrong.toml:") && answer.err.contains("longer"), "{}", answer.err);
    assert!(!folder.path().join("results").exists());
}

/// The names of the contenders, and what it said on standard error.
fn policies(folder: &Folder, arguments: &[&str]) -> (Vec<String>, String) {
    let short = ["compare", "x.toml", "--max-replications", "2", "--format", "json"];
    let answer = folder.run(&[&short, arguments].concat()).ends(0);
    let found: Value = serde_json::from_str(&answer.out).expect("JSON");
    let names = found["contenders"].as_array().expect("a list").iter().map(|one| one["name"].as_str().expect("text"));
    (names.map(str::to_owned).collect(), answer.err)
}

#[test]
fn policies_take_the_place_of_variants() {
    let folder = Folder::new();
    folder.write("x.toml", &variants());
    let (names, said) = policies(&folder, &["--policies", "knative,keda,knative"]);
    assert_eq!((names, said.as_str()), (vec!["unchanged".into(), "knative".into(), "keda".into()], ""));
    let (names, _) = policies(&folder, &["--policies", "forever,slow", "--baseline", "longer"]);
    assert_eq!(names, ["unchanged", "forever", "slow", "longer"], "variants that are named");
    // What a policy cannot do without is given by a variant of its name.
    folder.write(
        "x.toml",
        &format!(
            "{}[[variant]]\nname = \"hpa\"\nset = {{ \"function.f.scaling.hpa.max-replicas\" = 5 }}\n",
            variants()
        ),
    );
    assert_eq!(policies(&folder, &["--policies", "hpa", "--baseline", "hpa"]).0, ["unchanged", "hpa"]);
    let (names, said) = policies(&folder, &["--policies", "all"]);
    assert!(names.contains(&"hpa".to_owned()) && names.contains(&"halving".to_owned()), "{names:?}");
    assert!(said.contains("\n  per-request: it is what the scenario has\n"), "{said}");
    assert!(said.contains("\n  thresholds: `function-defaults.scaling.thresholds` needs `target`\n"), "{said}");
}

/// A contender is what the scenario would be if it said so itself; parameters of the same policy stay.
#[test]
fn a_policy_replaces_what_every_function_says() {
    let folder = Folder::new();
    let one = variants();
    let second = one[one.find("[[function]]").expect("a function")..one.find("[[variant]]").expect("a variant")]
        .replace("\"f\"", "\"g\"")
        .replace("\"s\"", "\"t\"");
    let said = |first: &str, second_says: &str| {
        let first = one.replace("[[function]]\n", &format!("[[function]]\nscaling.{first}\n"));
        format!("{first}{}", second.replace("[[function]]\n", &format!("[[function]]\nscaling.{second_says}\n")))
    };
    let knative = "knative.container-concurrency = 2";
    folder.write("x.toml", &said("thresholds.target = 2", knative));
    folder.write("as-if.toml", &said("knative = {}", knative));
    let summary = |file: &str, arguments: &[&str], contender: usize| {
        let short = ["compare", file, "--max-replications", "2", "--format", "json"];
        let found: Value = serde_json::from_str(&folder.run(&[&short, arguments].concat()).ends(0).out).expect("JSON");
        found["contenders"][contender]["summary"]["functions"].clone()
    };
    let found = summary("x.toml", &["--policies", "knative"], 1);
    assert_eq!(found, summary("as-if.toml", &[], 0));
    assert_ne!(found, summary("x.toml", &["--policies", "knative"], 0));
}

#[test]
fn policies_that_cannot_be_compared_are_2() {
    let folder = Folder::new();
    folder.write("x.toml", &variants());
    for (arguments, parts) in [
        (&["--policies", "knativ"][..], &["no policy \"knativ\"", "did you mean `knative`?"][..]),
        (&["--policies", "random"], &["`random` is a kind of selection"]),
        (&["--policies", "hpa"], &["--policies:1:1", "needs `max-replicas`", "a [[variant]] called `hpa`"]),
        (&["--policies", "keda", "--baseline", "ked"], &["did you mean `keda`?"]),
        (&["--policies"], &["--policies <NAMES>"]),
    ] {
        let answer = folder.run(&[&["compare", "x.toml"], arguments].concat()).ends(2);
        assert!(parts.iter().all(|part| answer.err.contains(part)), "{arguments:?}: {}", answer.err);
    }
    assert!(!folder.path().join("results").exists());
}

#[test]
fn an_objective_that_a_contender_misses_is_1() {
    let folder = Folder::new();
    let objective = "[[objective]]\nmetric = \"latency_s.mean\"\nbelow = ";
    folder.write("x.toml", &format!("{}{objective}0.15\n", variants()));
    let answer = folder.run(&["compare", "x.toml", "--baseline", "longer"]).ends(1);
    assert!(answer.out.contains("NOT MET  slow") && answer.out.contains("met      unchanged"), "{}", answer.out);
    assert!(answer.out.contains("\nunchanged: "), "the scenario itself is a contender like others: {}", answer.out);
    folder.write("x.toml", &format!("{}{objective}0.5\n", variants()));
    folder.run(&["compare", "x.toml"]).ends(0);
}

#[test]
fn a_foreign_folder_is_left_alone() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("mine")).expect("a new folder");
    folder.write("mine/manifest.json", "{\"name\": \"an app\"}");
    let answer = folder.run(&["run", "quick.toml", "--out", "mine"]).ends(2);
    assert!(answer.err.contains("not made by forewarm") && answer.err.contains("--out DIR"), "{}", answer.err);
    assert_eq!(folder.names("mine"), ["manifest.json"]);
    folder.run(&["run", "quick.toml", "--out", "."]).ends(2);
    folder.run(&["run", "quick.toml", "--out", "quick.toml"]).ends(2);
    assert_eq!(folder.names(""), ["mine", "quick.toml"]);
}

#[test]
fn earlier_results_are_replaced() {
    let folder = Folder::new();
    folder.run(&["run", "quick.toml", "--seed", "1", "--quiet"]).ends(0);
    folder.write("results/quick/stale.svg", "old");
    folder.run(&["run", "quick.toml", "--seed", "2", "--quiet"]).ends(0);
    assert_eq!(folder.json("results/quick/manifest.json")["seed"], 2);
    assert!(!folder.path().join("results/quick/stale.svg").exists());
    assert_eq!(folder.names("results"), ["quick"]);
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
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_closed_pipe_is_success() {
        let folder = Folder::new();
        for arguments in
            [&["schema"][..], &["run", "quick.toml"], &["run", "quick.toml", "--format", "json"], &["--help"]]
        {
            let mut child =
                folder.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
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
        let child = folder.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
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
        assert!(answer.err.contains("interrupted: the results are those of "), "{}", answer.err);
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
        assert!(answer.err.contains("interrupted: the results are those of "), "{}", answer.err);
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
