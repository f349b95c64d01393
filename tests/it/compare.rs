//! `forewarm compare` as people and scripts meet it.

use serde_json::Value;

use crate::harness::{Folder, variants};

#[test]
fn a_comparison_leaves_a_whole_folder() {
    let folder = Folder::new();
    folder.write("x.toml", &variants());
    let answer = folder.run(&["compare", "x.toml", "--seed", "7", "--out", "out"]).ends(0);
    assert_eq!(answer.err, "", "no progress where nobody watches");
    for name in ["slow", "longer", "unchanged"] {
        let is_a_row = |line: &str| line.trim_start_matches(['>', ' ']).starts_with(&format!("{name} "));
        assert!(answer.out.lines().any(is_a_row), "{name} in {}", answer.out);
    }
    assert!(
        answer.out.contains("\nRule: ") && answer.out.contains("\nResults in out: open report.html"),
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
    assert!(page.contains("All differences") && page.contains("<svg"));
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
    assert!(said.contains("\n  per-request: the scenario already uses it\n"), "{said}");
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
        (&["--policies", "knativ"][..], &["no scaling or keep-alive policy \"knativ\"", "did you mean `knative`?"][..]),
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
    assert!(answer.out.contains("\n> unchanged  1 of 1 met "), "the scenario itself is a contender: {}", answer.out);
    assert!(answer.out.contains("\n  slow       0 of 1 met "), "{}", answer.out);
    folder.write("x.toml", &format!("{}{objective}0.5\n", variants()));
    folder.run(&["compare", "x.toml"]).ends(0);
}

/// A shop on AWS Lambda with what only AWS Lambda has.
const SHOP: &str = "[scenario]\nname = \"shop\"\n[simulation]\nhorizon = \"40m\"\nwarm-up = \"20m\"\n[platform]\npreset = \"aws-lambda\"\n\
    [[function]]\nname = \"f\"\nmemory = \"600MB\"\ntimeout = \"15m\"\narchitecture = \"arm\"\nruntime = \"java21\"\n\
    duration.constant.value = \"100ms\"\nconcurrency.provisioned = 2\n\
    [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"5/s\"\n\
    [[objective]]\nmetric = \"latency_s.p99\"\nbelow = \"2s\"\n";

#[test]
fn the_same_shop_stands_on_every_platform() {
    let folder = Folder::new();
    folder.write("shop.toml", SHOP);
    let answer = folder.run(&["compare", "shop.toml", "--platforms", "all", "--replications", "2", "--format", "json"]);
    let found: Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{answer:?}"));
    let contenders = found["contenders"].as_array().expect("contenders");
    let names: Vec<&str> = contenders.iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names[0], "aws-lambda", "as it is, it stands for its own platform");
    for name in ["azure-flex", "gcp-cloud-run", "cloudflare-workers", "knative", "servers"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("keep-alive")), "{names:?}");
    // The same requests everywhere; what could not be taken along is listed.
    let arrived = |place: usize| contenders[place]["summary"]["total"]["requests"]["arrived"]["mean"].as_f64();
    assert!((1..names.len()).all(|place| arrived(place) == arrived(0)), "{found:#}");
    let flex = &contenders[names.iter().position(|name| *name == "azure-flex").unwrap()]["summary"]["assumptions"];
    let adapted: Vec<&str> = flex
        .as_array()
        .expect("some")
        .iter()
        .filter(|one| one["kind"] == "adapted")
        .filter_map(|one| one["subject"].as_str())
        .collect();
    for subject in ["memory", "architecture", "runtime"] {
        assert!(adapted.contains(&subject), "{adapted:?}");
    }
}

#[test]
fn servers_are_cheaper_from_some_load_on() {
    let folder = Folder::new();
    folder.write("shop.toml", SHOP);
    let args = ["compare", "shop.toml", "--platforms", "servers", "--loads", "0.5..32", "--replications", "2"];
    let text = folder.run(&args).ends(0).out;
    assert!(text.contains("Cost over load") && text.contains("servers above"), "{text}");
    let found: Value = serde_json::from_str(&folder.read("results/shop/comparison.json")).expect("JSON");
    let crossing = &found["over_load"]["crossings"][0];
    let points = found["over_load"]["points"].as_array().expect("points");
    let cost = |point: &Value, place: usize| point["contenders"][place]["month_usd"].as_f64().expect("a price");
    // Below it one is cheaper, above the other.
    for point in points {
        let is_below = point["load"].as_f64() < crossing["load"].as_f64();
        assert_eq!(cost(point, 0) < cost(point, 1), is_below, "{point:#}");
    }
    assert!(folder.read("results/shop/report.html").contains("break-even"));
    assert!(
        folder.run(&["compare", "shop.toml", "--platforms", "nimbus"]).ends(2).err.contains("there is no platform")
    );
    assert!(
        folder
            .run(&["compare", "shop.toml", "--platforms", "servers", "--loads", "5"])
            .ends(2)
            .err
            .contains("FROM..TO")
    );
}

/// Of two requests in progress on average, nine instances refuse 0.02 % and one instance refuses 67 %: what the others take says
/// nothing about it then, and it is not judged.
#[test]
fn times_of_those_that_succeed_are_judged_where_nearly_all_do() {
    let text = "[scenario]\nname = \"fails\"\n[simulation]\nhorizon = \"20m\"\n[[function]]\nname = \"f\"\n\
                duration.constant.value = \"1s\"\nconcurrency = { max-instances = 100, overflow = \"reject\" }\n\
                [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"2/s\"\n\
                [[objective]]\nmetric = \"failure_ratio\"\nbelow = \"90%\"\n\
                [[variant]]\nname = \"nine\"\nset = { \"function.f.concurrency.max-instances\" = 9 }\n\
                [[variant]]\nname = \"one\"\nset = { \"function.f.concurrency.max-instances\" = 1 }\n";
    let folder = Folder::with("x.toml", text);
    folder.run(&["compare", "x.toml", "--replications", "8", "--out", "out"]).ends(0);
    let found = folder.json("out/comparison.json");
    // Where there are objectives, replications go on until those are clear.
    assert_eq!(found["method"]["followed"], serde_json::json!(["failure_ratio"]));
    let better = |variant: &str, metric: &str| {
        let all = found["contrasts"].as_array().expect("a list");
        all.iter().find(|one| one["variant"] == variant && one["metric"] == metric).expect("a contrast")["better"]
            .clone()
    };
    for metric in ["latency_s.mean", "wait_s.mean"] {
        assert_eq!((better("nine", metric), better("one", metric)), ("lower".into(), Value::Null), "{metric}");
    }
    // Over all requests, those refused are infinitely late.
    assert_eq!(better("one", "latency_s.p99"), "lower");
}

/// Where a policy creates instances, those that wait for them are compared in place of cold starts, and everything else as ever.
#[test]
fn who_waits_for_instances_of_a_policy_is_compared() {
    let text = "[scenario]\nname = \"policy\"\n[simulation]\nhorizon = \"10m\"\n[[function]]\nname = \"f\"\n\
                memory = \"1GB\"\nduration.constant.value = \"1s\"\nscaling.cloud-run = {}\n\
                [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"2/s\"\n\
                [[variant]]\nname = \"slow\"\nset = { \"function.f.duration.constant.value\" = \"2s\" }\n";
    let folder = Folder::with("x.toml", text);
    folder.run(&["compare", "x.toml", "--replications", "4", "--out", "out"]).ends(0);
    let found = folder.json("out/comparison.json");
    let all = found["contrasts"].as_array().expect("a list");
    let judged: Vec<&str> =
        all.iter().filter(|one| !one["better"].is_null()).map(|one| one["metric"].as_str().expect("a key")).collect();
    let expected = [
        "latency_s.mean",
        "latency_s.p50",
        "latency_s.p95",
        "latency_s.p99",
        "wait_s.mean",
        "cold_affected_ratio",
        "failure_ratio",
        "requests.completed",
        "queue.mean",
        "cost_usd.total",
        "cost_usd.per_million_succeeded",
    ];
    assert_eq!(judged, expected);
}
