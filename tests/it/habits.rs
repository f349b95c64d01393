//! Small things that make a program easy to live with.

use serde_json::Value;

use crate::harness::{Folder, MISSED, QUICK, variants};

#[test]
fn init_names_the_scenario_after_its_file() {
    let folder = Folder::new();
    for (file, name) in [("shop.toml", "shop"), ("my shop.v2.toml", "my-shop-v2"), ("ä.toml", "web-api")] {
        folder.run(&["init", "web-api", "--out", file]).ends(0);
        folder.run(&["check", file]).ends(0);
        assert!(folder.read(file).contains(&format!("[scenario]\nname = \"{name}\"\n")), "{file}");
    }
    for template in ["minimal", "aws-lambda", "queue", "trace"] {
        folder.run(&["init", template, "--out", &format!("{template}-1.toml")]).ends(0);
        assert!(folder.read(&format!("{template}-1.toml")).contains(&format!("name = \"{template}-1\"")));
    }
}

#[test]
fn a_variant_has_a_folder_of_its_own() {
    let folder = Folder::new();
    folder.write("x.toml", &variants());
    folder.run(&["run", "x.toml", "--quiet"]).ends(0);
    let answer = folder.run(&["run", "x.toml", "--variant", "slow"]).ends(0);
    assert!(answer.out.contains("Results in results/quick-slow: open"), "{}", answer.out);
    assert_eq!(folder.names("results"), ["quick", "quick-slow"]);
}

#[test]
fn two_files_stand_side_by_side() {
    let folder = Folder::new();
    folder.write("today.toml", QUICK);
    folder.write("tomorrow.toml", &QUICK.replace("100ms", "200ms").replace("\"quick\"", "\"other\""));
    let arguments =
        ["compare", "today.toml", "tomorrow.toml", "--max-replications", "8", "--out", "o", "--format", "json"];
    let found: Value = serde_json::from_str(&folder.run(&arguments).ends(0).out).expect("JSON");
    let names: Vec<&str> =
        found["contenders"].as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["today", "tomorrow"]);
    let mean = |place: usize| found["contenders"][place]["summary"]["total"]["execution_s"]["mean"]["mean"].as_f64();
    let near = |place: usize, expected: f64| mean(place).is_some_and(|mean| (mean - expected).abs() < 1e-9);
    assert!(near(0, 0.1) && near(1, 0.2), "{:?} {:?}", mean(0), mean(1));
    let again = folder.run(&["report", "o", "--format", "html"]).ends(0).out;
    assert!(again == folder.read("o/report.html"));
    folder.write("longer.toml", &QUICK.replace("10m", "20m"));
    let answer = folder.run(&["compare", "today.toml", "longer.toml"]).ends(2);
    assert!(answer.err.contains("simulate different periods"), "{}", answer.err);
    folder.run(&["compare", "today.toml", "longer.toml", "--set", "simulation.horizon=5m", "--quiet"]).ends(0);
    folder.run(&["compare", "today.toml", "longer.toml", "--policies", "all"]).ends(2);
}

#[test]
fn check_prints_the_scenario_that_would_run() {
    let folder = Folder::new();
    folder.write("x.toml", &variants());
    let printed = folder.run(&["check", "x.toml", "--print", "--variant", "slow", "--seed", "7"]).ends(0).out;
    folder.write("printed.toml", &printed);
    folder.run(&["run", "x.toml", "--variant", "slow", "--seed", "7", "--out", "a", "--quiet"]).ends(0);
    folder.run(&["run", "printed.toml", "--out", "b", "--quiet"]).ends(0);
    assert_eq!(folder.read("a/summary.json"), folder.read("b/summary.json"));
    assert_eq!(folder.json("a/manifest.json")["scenario"], printed);
}

#[test]
fn what_was_meant_is_suggested() {
    let folder = Folder::new();
    folder.write("quickstart.toml", QUICK);
    for (arguments, expected) in [
        (&["run", "quickstrat.toml"][..], "did you mean quickstart.toml?"),
        (&["check", "./quickstrat.toml"], "did you mean ./quickstart.toml?"),
        (&["compare", "quickstrat.toml"], "did you mean quickstart.toml?"),
        (&["run", "quick.toml", "--variant", "nope"], "the scenario has no variants"),
        (&["run", "quick.toml", "--set", "platform.preset=lambda"], "did you mean `aws-lambda`?"),
        (&["compare", "quick.toml", "--policies", "all", "--precision", "p99=5%"], "did you mean `latency_s.p99`?"),
        (
            &["run", "quick.toml", "--set", "objective=[{ metric = \"p99\", below = 1.0 }]"],
            "did you mean `latency_s.p99`?",
        ),
    ] {
        let answer = folder.run(arguments).ends(2);
        assert!(answer.err.contains(expected), "{arguments:?}: {}", answer.err);
    }
}

#[test]
fn kubernetes_files_are_told_in_one_sentence() {
    let folder = Folder::new();
    for (kind, version) in [("HorizontalPodAutoscaler", "autoscaling/v2"), ("Service", "serving.knative.dev/v1")] {
        let yaml =
            format!("# mine\napiVersion: {version}\nkind: {kind}\nmetadata:\n  name: x\nspec:\n  minReplicas: 2\n");
        folder.write("x.yaml", &yaml);
        let answer = folder.run(&["run", "x.yaml"]).ends(2);
        assert!(answer.err.contains(&format!("this is YAML of a Kubernetes {kind}, not a scenario")), "{}", answer.err);
        assert!(answer.err.contains("1 error") && answer.err.contains("forewarm import"), "{}", answer.err);
    }
}

#[test]
fn quiet_says_in_one_line_why_it_failed() {
    let folder = Folder::new();
    folder.write("missed.toml", &format!("{QUICK}{MISSED}"));
    let answer = folder.run(&["run", "missed.toml", "--quiet"]).ends(1);
    assert_eq!((answer.out.as_str(), answer.err.lines().count()), ("", 1));
    assert_eq!(answer.err, "objective not met: quick: latency_s.mean is 100 ms, not below 50 ms\n");
    let answer = folder.run(&["run", "missed.toml", "--quiet", "--enforce=latency_s.p99<1ms"]).ends(1);
    assert!(answer.err.ends_with("(and 1 more)\n"), "{}", answer.err);
}

#[test]
fn help_is_a_command_and_an_objective_may_stand_apart() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["help", "run"]).ends(0).out, folder.run(&["run", "--help"]).ends(0).out);
    folder.run(&["run", "quick.toml", "--quiet", "--enforce", "latency_s.p99 < 1s"]).ends(0);
    folder.run(&["run", "--quiet", "--enforce", "latency_s.p99<1ms", "quick.toml"]).ends(1);
    folder.run(&["run", "--quiet", "--enforce", "quick.toml"]).ends(2);
}

#[test]
fn one_metric_has_one_name_in_the_files_of_a_plan() {
    let folder = Folder::new();
    folder.write("x.toml", &crate::reports::choices());
    folder.run(&["plan", "x.toml", "--out", "p", "--quiet"]).ends(0);
    folder.run(&["sweep", "x.toml", "--out", "s", "--quiet"]).ends(0);
    let memory = |file: &str| {
        let text = folder.read(file);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let place =
            reader.headers().expect("names").iter().position(|name| name == "function.f.memory").expect("a column");
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
        rows.iter().map(|row| row[place].to_owned()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(memory("p/plan.csv"), memory("s/sweep.csv"));
    assert!(
        folder.read("p/plan.csv").contains(",monthly_cost_usd,") && !folder.read("p/plan.csv").contains("month_usd,")
    );
    assert!(folder.json("p/plan.json")["candidates"][0]["monthly_cost_usd"]["mean"].is_number());
}
