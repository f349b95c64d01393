//! What is measured of components of the path: declared metrics, objectives on them, comparisons and plans over them.

use forewarm::metric::component::{OPEN, kinds};
use forewarm::scenario::{ParseOptions, parse};
use serde_json::Value;

use crate::harness::{Folder, Memory, result, summary};

/// One of each kind of component.
const EVERY_KIND: &str = r#"
[scenario]
name = "every-kind"
[simulation]
horizon = "10m"
replications = 2
[[gateway]]
name = "api"
target = "front"
throttle = { rate = "5/s", burst = 5 }
[[queue]]
name = "orders"
target = "worker"
max-receives = 2
dead-letter = "dead"
[[queue]]
name = "dead"
[[stream]]
name = "clicks"
target = "worker"
[[topic]]
name = "news"
targets = ["worker"]
[[dependency]]
name = "db"
latency.constant.value = "10ms"
concurrency = 5
cache = { hit-ratio = 0.5 }
[[workflow]]
name = "checkout"
[[workflow.state]]
name = "pay"
task = "worker"
[[router]]
name = "either"
policy = "weighted"
targets = [{ target = "front", share = 1 }, { target = "worker", share = 1 }]
[[function]]
name = "front"
[[function.step]]
run.constant.value = "5ms"
[[function.step]]
call = "db"
[[function]]
name = "worker"
duration.constant.value = "50ms"
failure-ratio = "20%"
[[source]]
name = "web"
target = "api"
arrivals.poisson.rate = "6/s"
client = { timeout = "1s", retry = { max-attempts = 2, on = ["throttled", "error"] } }
[[source]]
name = "events"
target = "worker"
invoke = "async"
arrivals.poisson.rate = "1/s"
"#;

fn every_kind() -> String {
    let source = |target: &str| {
        format!("[[source]]\nname = \"to-{target}\"\ntarget = \"{target}\"\narrivals.poisson.rate = \"1/s\"\n")
    };
    let sources: String = ["orders", "clicks", "news", "checkout", "either"].map(source).concat();
    format!("{EVERY_KIND}{sources}")
}

/// The dotted keys of the figures of a component.
fn keys(figures: &Value, prefix: &str, to: &mut Vec<String>) {
    for (key, value) in figures.as_object().into_iter().flatten() {
        let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        if value.get("half_width").is_some() { to.push(key) } else { keys(value, &key, to) }
    }
}

#[test]
fn every_figure_of_a_component_is_a_declared_metric() {
    let summary = serde_json::to_value(summary(&every_kind())).expect("JSON");
    for kind in kinds() {
        let group = summary.get(kind.group).and_then(Value::as_object);
        let group = group.unwrap_or_else(|| panic!("the scenario has one of each kind, but no {}", kind.group));
        for (name, figures) in group {
            let mut found = Vec::new();
            keys(figures, "", &mut found);
            for key in &found {
                let is_open = OPEN.iter().any(|open| key.starts_with(open));
                assert!(is_open || kind.find(key).is_some(), "{key} of {} {name} is not declared", kind.kind);
            }
            // A dependency without a cache has no hits.
            let missing = kind.metrics.iter().filter(|metric| !found.contains(&metric.key));
            let missing: Vec<&str> =
                missing.map(|metric| metric.key.as_str()).filter(|key| !key.starts_with("cache.")).collect();
            assert!(missing.is_empty(), "{} {name} has no {missing:?}", kind.kind);
        }
    }
}

/// 300 messages at once, ten at a time, 20 s each, and three receives.
const ORDERS: &str = r#"
[scenario]
name = "orders"
[simulation]
horizon = "1h"
replications = 2
[[function]]
name = "process"
timeout = "1m"
duration.constant.value = "20s"
concurrency.reserved = 10
[[queue]]
name = "orders"
target = "process"
visibility-timeout = "2m"
max-receives = 3
dead-letter = "dead"
consumer = { batch-size = 1, throttled = "return" }
[[queue]]
name = "dead"
[[source]]
name = "shop"
target = "orders"
arrivals.burst = { size = 300, every = "2h", first = "1m" }
"#;

#[test]
fn objectives_are_asked_of_components_and_of_attempts() {
    let objectives = r#"
[[objective]]
metric = "messages.dead_lettered"
queue = "orders"
below = 1
[[objective]]
metric = "dead_letter_ratio"
queue = "orders"
below = "50%"
[[objective]]
metric = "depth.peak"
queue = "orders"
below = 1000
[[objective]]
metric = "amplification"
queue = "orders"
below = 2
[[objective]]
metric = "attempts_per_request"
source = "shop"
below = 2
"#;
    let summary = summary(&format!("{ORDERS}{objectives}"));
    let orders = summary.components.queues.get("orders").expect("a queue");
    let dead = orders.get("messages.dead_lettered").expect("a figure").mean;
    assert!(dead > 50.0, "{dead}");
    let found: Vec<(f64, bool)> = summary.objectives.iter().map(|one| (one.value.mean, one.met)).collect();
    let peak = orders.get("depth.peak").expect("a figure").mean;
    assert_eq!(found, [(dead, false), (dead / 300.0, true), (peak, true), (1.0, true), (1.0, true)]);
    assert_eq!(summary.objectives[0].subject(), "messages.dead_lettered of queue.orders");
}

#[test]
fn what_an_objective_cannot_be_about_is_said() {
    for (objective, expected) in [
        ("metric = \"messages.dead\"\nqueue = \"orders\"\nbelow = 1", "messages.dead_lettered"),
        ("metric = \"messages.sent\"\nqueue = \"order\"\nbelow = 1", "there is no queue \"order\""),
        ("metric = \"messages.sent\"\nqueue = \"orders\"\nsource = \"shop\"\nbelow = 1", "not both"),
        ("share = \"99%\"\nwithin = \"1s\"\nqueue = \"orders\"", "a share of requests"),
        ("stability = \"stable\"\nqueue = \"orders\"", "messages.remaining"),
        ("metric = \"attempts_per_request\"\nbelow = 2", "there is no metric"),
    ] {
        let text = format!("{ORDERS}[[objective]]\n{objective}\n");
        let wrong = parse("x.toml", &text, &ParseOptions::default(), &Memory::default()).expect_err(objective);
        assert!(wrong.to_string().contains(expected), "{objective}: {wrong}");
    }
}

#[test]
fn what_is_enforced_may_be_about_a_component() {
    let folder = Folder::new();
    folder.write("orders.toml", ORDERS);
    let answer = folder.run(&["run", "orders.toml", "--enforce=queue.orders:messages.dead_lettered<1"]);
    answer.ends(1);
    let answer = folder.run(&["run", "orders.toml", "--enforce=queue.order:messages.dead_lettered<1"]);
    let said = answer.ends(2).said();
    assert!(said.contains("did you mean `queue.orders`"), "{said}");
}

/// Batch size and concurrency of a consumer can be planned; today's configuration is none of the candidates if it sets neither.
#[test]
fn a_plan_may_change_what_is_on_the_path() {
    let plan = r#"
[[objective]]
metric = "messages.dead_lettered"
queue = "orders"
below = 1
[plan]
max-replications = 4
"queue.orders.consumer.max-concurrency" = [2, 10]
"queue.orders.consumer.batch-size" = [1, 5]
"#;
    let folder = Folder::new();
    folder.write("orders.toml", &format!("{ORDERS}{plan}"));
    let answer = folder.run(&["plan", "orders.toml", "--format", "json"]);
    let found: Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{}", answer.err));
    let today = found["beside"].as_array().and_then(|all| all.iter().find(|one| one["role"] == "today"));
    let today = today.expect("today's configuration");
    assert!(today["candidate"].is_null(), "{today}");
    assert_eq!(today["met"], 1, "of two, one of them implied: {today}");
    assert!(found["best"].is_number(), "{found}");
}

#[test]
fn contenders_are_set_side_by_side_on_what_components_count() {
    let variant = "[[variant]]\nname = \"held\"\nset = { \"queue.orders.consumer.max-concurrency\" = 10 }\n";
    let folder = Folder::new();
    folder.write("orders.toml", &format!("{ORDERS}{variant}"));
    let answer = folder.run(&["compare", "orders.toml", "--format", "json"]);
    let found: Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{}", answer.err));
    let contrast = found["contrasts"].as_array().and_then(|all| {
        all.iter().find(|one| one["component"] == "queue.orders" && one["metric"] == "messages.dead_lettered")
    });
    let contrast = contrast.expect("a contrast");
    assert_eq!(contrast["value"]["mean"], 0.0);
    assert_eq!(contrast["difference"]["mean"].as_f64(), contrast["baseline"]["mean"].as_f64().map(|dead| -dead));
}

/// A request fails twice and succeeds the third time: 3 x 100 ms and 2 x 1 s in between.
#[test]
fn latency_over_time_is_that_of_requests() {
    let text = r#"
[scenario]
name = "again"
[simulation]
horizon = "10m"
[[function]]
name = "f"
[[function.step]]
call = "flaky"
[[dependency]]
name = "flaky"
latency.constant.value = "100ms"
outcomes = ["error", "error", "ok"]
[[source]]
name = "s"
function = "f"
arrivals.constant.rate = "0.1/s"
[source.client.retry]
max-attempts = 3
on = ["error"]
backoff.constant = { delay = "1s" }
"#;
    let result = result(text);
    let total = &result.timeline.series[0].points;
    let answered: Vec<_> = total.iter().filter(|point| point.completed > 0.0).collect();
    assert!(answered.len() > 50);
    for point in answered {
        // The histogram of an interval is exact to 1/32.
        assert!((point.latency_s_p99 / 2.3 - 1.0).abs() < 0.04, "{point:?}");
    }
    let arrived: f64 = total.iter().map(|point| point.arrived).sum();
    assert_eq!(arrived, result.summary.total.requests.arrived.mean, "requests, not attempts");
}
