//! What is measured of components of the path: declared metrics, objectives on them, comparisons and plans over them.

use forewarm::path::kinds;
use forewarm::scenario::{ParseOptions, parse};
use serde_json::Value;

use crate::harness::{Folder, Memory, result, summary};

/// Keys that begin so depend on the scenario: of the states of a workflow, of the targets of a router.
const OPEN: [&str; 2] = ["critical_path.", "share."];

/// One of each kind of component.
const EVERY_KIND: &str = r#"
[scenario]
name = "every-kind"
[simulation]
horizon = "10m"
replications = 2
[[site]]
name = "home"
[[site]]
name = "far"
[[link]]
name = "wan"
between = ["home", "far"]
latency.constant.value = "5ms"
[[tenant]]
name = "shop"
throttle = { rate = "100/s", burst = 100 }
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
site = "far"
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
tenant = "shop"
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
            let missing = kind.metrics().iter().filter(|metric| !found.contains(&metric.key));
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
    // The figures of a component by its name.
    let figure = |name: &str| summary.components.figure(name, "messages.dead_lettered").map(|stat| stat.mean);
    assert_eq!([figure("queue.orders"), figure("queue.order"), figure("stream.orders")], [Some(dead), None, None]);
}

#[test]
fn who_has_no_client_makes_one_attempt() {
    let summary = summary(
        "[scenario]\nname = \"once\"\n[simulation]\nhorizon = \"1m\"\n[[function]]\nname = \"f\"\n\
         duration.constant.value = \"1s\"\n[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"1/s\"\n\
         [[objective]]\nmetric = \"attempts_per_request\"\nsource = \"s\"\nbelow = 2\n",
    );
    assert_eq!(summary.objectives[0].value.mean, 1.0);
}

#[test]
fn what_an_objective_cannot_be_about_is_said() {
    for (objective, expected) in [
        ("metric = \"messages.dead\"\nqueue = \"orders\"\nbelow = 1", "messages.dead_lettered"),
        ("metric = \"messages.sent\"\nqueue = \"order\"\nbelow = 1", "there is no queue \"order\""),
        ("metric = \"messages.sent\"\nqueue = \"orders\"\nsource = \"shop\"\nbelow = 1", "not both"),
        ("share = \"99%\"\nwithin = \"1s\"\nqueue = \"orders\"", "applies to a function, a source or all requests"),
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
    let priced = ORDERS.replacen("[[function]]", "[platform]\npreset = \"aws-lambda\"\n[[function]]", 1);
    folder.write("orders.toml", &format!("{priced}{plan}"));
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

/// Each request succeeds with its third attempt, after 2.3 s.
const AGAIN: &str = r#"
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

/// A request fails twice and succeeds the third time: 3 x 100 ms and 2 x 1 s in between.
#[test]
fn latency_over_time_is_that_of_requests() {
    let result = result(AGAIN);
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

/// Of requests the time to the last answer counts, of a function each attempt; exactly at the bound is within it.
#[test]
fn a_share_within_a_time_is_that_of_requests() {
    let share = |within: &str, of: &str| format!("[[objective]]\nshare = \"50%\"\nwithin = \"{within}\"\n{of}\n");
    let asked = [
        ("2300ms", "", 1.0),
        ("2299999us", "", 0.0),
        ("2300ms", "source = \"s\"", 1.0),
        ("2299999us", "source = \"s\"", 0.0),
        ("100ms", "function = \"f\"", 1.0 / 3.0),
        ("99999us", "function = \"f\"", 0.0),
    ];
    let objectives = asked.map(|(within, of, _)| share(within, of)).concat();
    let result = result(&format!("{AGAIN}{objectives}"));
    for (objective, (within, of, expected)) in result.summary.objectives.iter().zip(asked) {
        assert!((objective.value.mean - expected).abs() < 1e-12, "{within} {of}: {}", objective.value.mean);
    }
    // The attempts of each interval.
    let points = &result.timeline.sources[0].points;
    let sum = |of: usize| points.iter().map(|point| point[of]).sum::<f64>();
    assert_eq!((sum(0), sum(1), sum(2)), (59.0, 59.0, 3.0 * 59.0));
}

/// Who called whom: on every arrow calls = succeeded + failed + abandoned + open, and what a component is sent is what arrives there.
#[test]
fn calls_are_conserved_on_every_arrow() {
    let summary = summary(&every_kind());
    for one in &summary.calls {
        let ends = one.succeeded.mean + one.failed.mean + one.abandoned.mean + one.open.mean;
        assert_eq!(one.calls.mean, ends, "{} to {}", one.from, one.to);
    }
    let into = |to: &str| summary.calls.iter().filter(|one| one.to == to).map(|one| one.calls.mean).sum::<f64>();
    for (group, kind, key) in [
        ("gateways", "gateway", "requests.arrived"),
        ("dependencies", "dependency", "calls.arrived"),
        ("workflows", "workflow", "executions.started"),
        ("routers", "router", "calls.arrived"),
        ("topics", "topic", "messages.published"),
        ("streams", "stream", "records.sent"),
        ("queues", "queue", "messages.sent"),
        ("links", "link", "calls.arrived"),
        ("tenants", "tenant", "requests.arrived"),
    ] {
        let groups = summary.components.groups();
        let (_, group) = groups.iter().find(|(known, _)| *known == group).expect("one of each kind");
        for (name, figures) in &group.0 {
            assert_eq!(into(&format!("{kind}.{name}")), figures.get(key).expect(key).mean, "{kind} {name}");
        }
    }
    for (name, function) in &summary.functions {
        assert_eq!(into(&format!("function.{name}")), function.requests.arrived.mean, "{name}");
    }
}

/// The share of the latency at a place.
fn share(result: &forewarm::measure::RunResult, at: &str, part: Option<&str>) -> (f64, f64) {
    let found = result.summary.latency_parts.iter().find(|one| one.at == at && one.part.as_deref() == part);
    found.map_or((0.0, 0.0), |one| (one.share.mean, one.share_of_slowest.mean))
}

/// 20 ms in the function, then two calls at once: of 100 ms and of 300 ms, of which only the longer counts; 480 ms then wait for the
/// connection of a database that serves one call of 200 ms at a time and is busy for as long.
#[test]
fn latency_is_split_along_the_critical_path() {
    let text = r#"
[scenario]
name = "critical"
[simulation]
horizon = "100s"
[[function]]
name = "front"
cold-start.constant.value = "500ms"
keep-alive.forever = {}
[[function.step]]
run.constant.value = "20ms"
[[function.step]]
parallel = [{ call = "short" }, { call = "long" }]
[[function.step]]
call = "again"
[[dependency]]
name = "short"
latency.constant.value = "100ms"
[[dependency]]
name = "long"
latency.constant.value = "300ms"
[[dependency]]
name = "again"
latency.constant.value = "40ms"
outcomes = ["error", "ok"]
[[source]]
name = "s"
function = "front"
arrivals.times.at = ["1s", "10s", "20s", "30s", "40s"]
"#;
    let with_client = text.replace(
        "call = \"again\"\n[[dep",
        "call = \"again\"\nclient.retry = { max-attempts = 2, on = [\"error\"], backoff.constant.delay = \"60ms\" }\n[[dep",
    );
    let result = result(&with_client);
    // Of each: 20 + 300 + 40 + 60 + 40 = 460 ms, and of the first 500 ms more.
    let all = 5.0 * 0.46 + 0.5;
    assert!((result.summary.total.latency_s.mean.mean - all / 5.0).abs() < 1e-9);
    for (at, part, of_each, of_first) in [
        ("function.front", Some("running"), 0.02, 0.02),
        ("function.front", Some("cold-start"), 0.1, 0.5),
        ("function.front", Some("queueing"), 0.0, 0.0),
        ("dependency.short", None, 0.0, 0.0),
        ("dependency.long", None, 0.3, 0.3),
        ("dependency.again", None, 0.08, 0.08),
        ("client.front.step-3", None, 0.06, 0.06),
    ] {
        let (found, slowest) = share(&result, at, part);
        assert!((found - 5.0 * of_each / all).abs() < 1e-12, "{at} {part:?}: {found}");
        // The slowest of five is the one with the cold start.
        assert!((slowest - of_first / 0.96).abs() < 1e-12, "{at} {part:?}: {slowest}");
    }
    let sum: f64 = result.summary.latency_parts.iter().map(|one| one.share.mean).sum();
    assert!((sum - 1.0).abs() < 1e-12);
}

/// What takes too long is given up after a second, and counts until then; what it does afterwards does not.
#[test]
fn what_is_abandoned_counts_until_then() {
    let text = r#"
[scenario]
name = "abandoned"
[simulation]
horizon = "100s"
[[dependency]]
name = "slow"
latency.constant.value = "10s"
[[dependency]]
name = "fast"
latency.constant.value = "100ms"
[[router]]
name = "either"
policy = "failover"
targets = [{ target = "slow", share = 1 }, { target = "fast", share = 1 }]
[[source]]
name = "s"
target = "either"
arrivals.times.at = ["1s"]
client = { timeout = "1s", retry = { max-attempts = 3, on = ["timeout"] } }
"#;
    let result = result(text);
    let calls = &result.summary.calls;
    let of_client = calls.iter().find(|one| one.from == "client.s").expect("its attempts");
    assert_eq!(of_client.calls.mean, of_client.succeeded.mean + of_client.abandoned.mean);
    assert!(of_client.abandoned.mean >= 1.0, "{of_client:?}");
    let sum: f64 = result.summary.latency_parts.iter().map(|one| one.share.mean).sum();
    assert!(result.summary.latency_parts.is_empty() || (sum - 1.0).abs() < 1e-12, "{:?}", result.summary.latency_parts);
}

/// Of 17,000 requests every fourth is followed: more than 8,192 of them, and of every second, would be too many. Of four that come at once
/// the first does not wait, and it is those that are followed.
#[test]
fn of_many_requests_every_second_or_fourth_is_followed() {
    let text = |bursts: u32| {
        format!(
            "[scenario]\nname = \"many\"\n[simulation]\nhorizon = \"{}s\"\n[[function]]\nname = \"front\"\n[[function.step]]\n\
             call = \"back\"\n[[function]]\nname = \"back\"\nduration.constant.value = \"1s\"\nkeep-alive.forever = {{}}\n\
             concurrency = {{ max-instances = 1, overflow = \"queue\" }}\n[[source]]\nname = \"s\"\nfunction = \"front\"\n\
             arrivals.burst = {{ size = 4, every = \"10s\", first = \"1s\" }}\n",
            10 * bursts
        )
    };
    // The first waits for nobody, the second for a second and so on.
    for (bursts, queueing, running) in [(2_000, 6.0, 4.0), (4_000, 2.0, 2.0), (4_250, 0.0, 1.0)] {
        let result = result(&text(bursts));
        assert_eq!(result.summary.total.requests.completed.mean, f64::from(4 * bursts));
        let of = |part| share(&result, "function.back", Some(part)).0;
        let expected = queueing / (queueing + running);
        assert!((of("queueing") - expected).abs() < 1e-12, "{bursts}: {}", of("queueing"));
        assert!((of("running") - (1.0 - expected)).abs() < 1e-12, "{bursts}: {}", of("running"));
    }
}

/// Two functions behind a client. The second waits: three requests that come at once to its one instance run from 0 s, 1 s and 2 s
/// on, and the last, which takes 3 s, is the slowest.
#[test]
fn waiting_is_a_part_of_the_critical_path_too() {
    let text = r#"
[scenario]
name = "waits"
[simulation]
horizon = "100s"
[[function]]
name = "front"
[[function.step]]
call = "back"
[[function]]
name = "back"
duration.constant.value = "1s"
keep-alive.forever = {}
concurrency = { max-instances = 1, overflow = "queue" }
[[source]]
name = "s"
function = "front"
arrivals.times.at = ["10s", "10s", "10s"]
"#;
    let result = result(text);
    assert_eq!(result.summary.latency_parts.len(), 2, "what took no time is left out");
    for (at, part, of_all, of_slowest) in [
        ("function.front", Some("queueing"), 0.0, 0.0),
        ("function.back", Some("running"), 3.0 / 6.0, 1.0 / 3.0),
        ("function.back", Some("queueing"), 3.0 / 6.0, 2.0 / 3.0),
        ("function.back", Some("cold-start"), 0.0, 0.0),
    ] {
        let (found, slowest) = share(&result, at, part);
        assert!(
            (found - of_all).abs() < 1e-12 && (slowest - of_slowest).abs() < 1e-12,
            "{at} {part:?}: {found} {slowest}"
        );
    }
}

/// Four requests that fail, and tokens for two retries: two fail in spite of a second attempt, two for want of tokens.
#[test]
fn what_is_not_retried_for_want_of_budget_has_failed_by_that() {
    let text = r#"
[scenario]
name = "budget"
[simulation]
horizon = "100s"
[[dependency]]
name = "db"
latency.constant.value = "100ms"
outcomes = ["error"]
[[source]]
name = "s"
target = "db"
arrivals.times.at = ["1s", "10s", "20s", "30s"]
client.retry = { max-attempts = 2, on = ["error"], budget.token-bucket = { capacity = 10, cost = 5 } }
"#;
    let summary = summary(text);
    assert!(!summary.has_prices, "nothing is charged for");
    let (_, source) = &summary.sources[0];
    let by = &source.requests.failed_by;
    assert_eq!((source.requests.failed.mean, by.error.mean), (4.0, 2.0));
    let on_path = [by.breaker, by.budget, by.expired].map(|stat| stat.expect("there is a path").mean);
    assert_eq!(on_path, [0.0, 2.0, 0.0]);
    assert_eq!(source.attempts_per_request.map(|stat| stat.mean), Some(1.5));
}
