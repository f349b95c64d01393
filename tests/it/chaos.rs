//! `forewarm chaos` as people and scripts meet it.

use serde_json::Value;

use crate::harness::Folder;

/// A function that saves to a table, under a steady load.
const SHOP: &str = r#"
[scenario]
name = "shop"
[simulation]
horizon = "10m"
replications = 2
[platform]
preset = "aws-lambda"
[[dependency]]
name = "table"
latency.constant.value = "10ms"
[[function]]
name = "checkout"
keep-alive.fixed.window = "10m"
concurrency.max-instances = 10
[[function.step]]
run.constant.value = "50ms"
[[function.step]]
call = "table"
[[source]]
name = "web"
function = "checkout"
arrivals.poisson.rate = "5/s"
"#;

#[test]
fn faults_are_ranked_and_the_folder_is_whole() {
    let folder = Folder::new();
    folder.write("shop.toml", SHOP);
    let answer = folder.run(&["chaos", "shop.toml", "--out", "out"]).ends(0);
    assert!(answer.out.starts_with("What hurts most: outage of "), "{}", answer.out);
    assert!(answer.out.lines().all(|line| line.chars().count() <= 80), "{}", answer.out);
    assert_eq!(folder.names("out"), ["chaos.csv", "chaos.json", "manifest.json", "report.html"]);
    assert_eq!(folder.json("out/manifest.json")["kind"], "chaos");

    let chaos = folder.json("out/chaos.json");
    assert_eq!((&chaos["at_s"], &chaos["lasts_s"]), (&Value::from(200.0), &Value::from(60.0)));
    let effects = chaos["effects"].as_array().expect("a list");
    let lost: Vec<f64> = effects.iter().map(|one| one["lost"]["mean"].as_f64().expect("a number")).collect();
    assert!(lost.is_sorted_by(|a, b| a >= b), "{lost:?}");
    // 5 requests a second for 60 s.
    assert!((lost[0] - 300.0).abs() < 60.0, "{lost:?}");
    assert_eq!(folder.read("out/chaos.csv").lines().count(), 1 + effects.len());
    let csv = folder.read("out/chaos.csv");
    assert!(csv.contains("\nslow,dependency,table,") && csv.contains("\nspike,source,web,"), "{csv}");

    let again = folder.run(&["report", "out"]).ends(0);
    assert!(again.out.contains("What hurts most: outage of "), "{}", again.out);
    let json = folder.run(&["chaos", "shop.toml", "--out", "out", "--format", "json"]).ends(0).out;
    assert_eq!(json, folder.read("out/chaos.json"));
}

#[test]
fn what_is_wrong_is_2() {
    let folder = Folder::new();
    folder.write("shop.toml", &SHOP.replace("rate =", "rat ="));
    assert!(folder.run(&["chaos", "shop.toml"]).ends(2).err.contains("rat"));
    folder.run(&["chaos"]).ends(2);
}
