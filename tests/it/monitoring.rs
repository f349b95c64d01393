//! What a monitoring system would see of a run: alarms, metrics minute by minute, traces.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::ops::ControlFlow;
use std::process::Command;

use forewarm::engine::{Cell, simulate};
use forewarm::id::{FnId, SourceId};
use forewarm::measure::monitor::{Interval, Monitor, Periods, Watch};
use forewarm::measure::summary::Summary;
use forewarm::measure::{AlarmState, Change};
use forewarm::metric::signal::{Event, Signal, Statistic};
use forewarm::rng::Streams;
use forewarm::scenario::Subject;
use forewarm::time::{SimTime, Span};
use serde_json::Value;

use crate::harness::{Folder, scenario, summary};

/// One request at a time for five seconds each; three at once in the first, third and fourth minute, of which two are refused.
const BURSTS: &str = r#"
[scenario]
name = "bursts"
[simulation]
horizon = "8m"
replications = 2
[[function]]
name = "f"
duration.constant.value = "5s"
keep-alive.forever = {}
concurrency.reserved = 1
[[source]]
name = "s"
function = "f"
arrivals.times.at = ["10s", "10s", "10s", "130s", "130s", "130s", "190s", "190s", "190s"]
"#;

fn with(alarm: &str) -> String {
    format!("{BURSTS}[[alarm]]\nname = \"a\"\n{alarm}\n")
}

/// When an alarm changed (s), and to what.
fn changes_of(found: &Summary, place: usize) -> Vec<(f64, &'static str)> {
    let change = |one: &Change| {
        let state = match one.state {
            AlarmState::Ok => "ok",
            AlarmState::Alarm => "alarm",
            AlarmState::InsufficientData => "insufficient-data",
        };
        (one.at_s, state)
    };
    found.alarms[place].changes.iter().map(change).collect()
}

/// The changes of the alarm, in whole minutes.
fn changes(alarm: &str) -> Vec<(f64, &'static str)> {
    changes_of(&summary(&with(alarm)), 0).into_iter().map(|(at, state)| (at / 60.0, state)).collect()
}

/// By hand: minutes 1, 3 and 4 breach.
#[test]
fn an_alarm_goes_off_and_back_when_it_should() {
    for (alarm, expected) in [
        // One of one: at the end of each minute that breaches.
        (
            "metric = \"requests.rejected\"\nfunction = \"f\"\nthreshold = 1",
            &[(1.0, "alarm"), (2.0, "ok"), (3.0, "alarm"), (5.0, "ok")][..],
        ),
        // Two of three: X, X 0, X 0 X, 0 X X, X X 0, X 0 0.
        (
            "metric = \"requests.rejected\"\nfunction = \"f\"\nthreshold = 1\ndatapoints = 2\nof = 3",
            &[(1.0, "ok"), (3.0, "alarm"), (6.0, "ok")][..],
        ),
        // Of the limit, of the source and of all requests the same.
        (
            "metric = \"invocations.throttled\"\nfunction = \"f\"\nthreshold = 2\ncomparison = \"at-least\"\nof = 2",
            &[(1.0, "ok"), (4.0, "alarm"), (5.0, "ok")][..],
        ),
        (
            "metric = \"failure_ratio\"\nsource = \"s\"\nthreshold = \"50%\"\ndatapoints = 2\nof = 3",
            // Two thirds fail in minutes 1, 3 and 4; the others have no requests, and what is known breaches.
            &[(1.0, "ok"), (2.0, "alarm")][..],
        ),
        (
            "metric = \"failure_ratio\"\nthreshold = \"50%\"\ndatapoints = 2\nof = 3\nmissing = \"not-breaching\"",
            // The latest three with data within five minutes: in the eighth it is the fourth alone.
            &[(1.0, "ok"), (3.0, "alarm"), (8.0, "ok")][..],
        ),
        // Two minutes together.
        (
            "metric = \"requests.arrived\"\nthreshold = 5\nperiod = \"2m\"",
            &[(2.0, "ok"), (4.0, "alarm"), (6.0, "ok")][..],
        ),
        (
            "metric = \"concurrency.peak\"\nfunction = \"f\"\nthreshold = 1\ncomparison = \"below\"",
            &[(1.0, "ok"), (2.0, "alarm"), (3.0, "ok"), (5.0, "alarm")][..],
        ),
    ] {
        assert_eq!(changes(alarm), expected, "{alarm}");
    }
}

/// Five requests of two seconds on one instance: at 5 s, which is not measured and starts it, at 12 s, at 21 s and 22 s, one of which
/// waits, and at 35 s.
#[test]
fn every_period_has_its_own_numbers() {
    #[derive(Default)]
    struct Told(Vec<(usize, u64, u64, [Option<f64>; 11])>);
    impl Periods for Told {
        fn ended(&mut self, watch: usize, period: u64, end: SimTime, interval: &Interval) {
            let signals = [
                Signal::Count(Event::Arrived),
                Signal::Count(Event::Succeeded),
                Signal::Latency(Statistic::Mean),
                Signal::Latency(Statistic::Quantile(1.0)),
                Signal::Count(Event::Started),
                Signal::Count(Event::Cold),
                Signal::Count(Event::LimitHit),
                Signal::Execution(Statistic::Quantile(1.0)),
                Signal::Concurrency,
                Signal::Instances,
                Signal::Queue,
            ];
            let end = end.since(SimTime::ZERO).as_nanos() / 1_000_000_000;
            self.0.push((watch, period, end, signals.map(|signal| interval.value(signal))));
        }
    }
    let scenario = scenario(
        "[scenario]\nname = \"periods\"\n[simulation]\nwarm-up = \"10s\"\nhorizon = \"40s\"\n\
         [[function]]\nname = \"f\"\nduration.constant.value = \"2s\"\ncold-start.constant.value = \"1s\"\n\
         concurrency = { max-instances = 1, overflow = \"queue\" }\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"5s\", \"12s\", \"21s\", \"22s\", \"35s\"]\n",
    );
    let subjects = [Subject::Total, Subject::Function(FnId(0)), Subject::Source(SourceId(0))];
    let watches = subjects.map(|subject| Watch { subject, period: Span::from_secs(10) });
    let mut monitor = Monitor::new(&scenario, &watches, Told::default());
    let mut pulse = |_, _| ControlFlow::Continue(());
    simulate(&scenario, &Cell::whole(&scenario), &Streams::new(1, 0), &mut monitor, &mut pulse).expect("it runs");
    let told = monitor.finish().0;
    // Of requests: how many came and were answered, and how long that took on average and at most.
    let requests = [[1.0, 1.0, 2.0, 2.0], [2.0, 2.0, 2.5, 3.0], [1.0, 1.0, 2.0, 2.0]];
    // Of invocations: how many began, were cold, met a limit; the longest; the most in progress, the most instances, the most waiting.
    let invocations =
        [[1.0, 0.0, 0.0, 2.0, 1.0, 1.0, 0.0], [2.0, 0.0, 1.0, 2.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 2.0, 1.0, 1.0, 0.0]];
    for (period, (requests, invocations)) in requests.into_iter().zip(invocations).enumerate() {
        let of = |watch| {
            let found = told.iter().find(|one| (one.0, one.1) == (watch, period as u64)).expect("a period");
            assert_eq!(found.2, 20 + 10 * period as u64);
            found.3.map(|value| value.unwrap_or(f64::NAN))
        };
        for watch in [0, 1, 2] {
            for (value, expected) in of(watch)[..4].iter().zip(requests) {
                // Quantiles are exact to 0.4 %.
                assert!((value / expected - 1.0).abs() < 0.004, "{watch} {period}: {value}, not {expected}");
            }
        }
        for (value, expected) in of(1)[4..].iter().zip(invocations) {
            assert!((value - expected).abs() < 0.01, "{period}: {value}, not {expected}");
        }
        // Of all functions the same; how long invocations run is known of each.
        for place in [0, 1, 2, 4, 5, 6] {
            let (value, expected) = (of(0)[4 + place], invocations[place]);
            assert!((value - expected).abs() < 0.01, "{period}: {value}, not {expected}");
        }
    }
    assert_eq!(told.len(), 9);
}

/// Two of twelve messages are worked on to the end, and nothing happens any more: ten wait in every minute.
#[test]
fn a_queue_is_watched_while_nothing_happens() {
    let text = r#"
[scenario]
name = "queue"
[simulation]
horizon = "5m"
drain = "0s"
[[function]]
name = "f"
duration.constant.value = "20m"
timeout = "50m"
[[queue]]
name = "q"
target = "f"
visibility-timeout = "1h"
consumer = { batch-size = 1, max-concurrency = 2 }
[[source]]
name = "s"
target = "q"
arrivals.burst = { size = 12, every = "1h", first = "0s" }
[[alarm]]
name = "a"
metric = "depth"
queue = "q"
threshold = 10
comparison = "at-least"
"#;
    let found = summary(text);
    let alarm = &found.alarms[0];
    assert_eq!((alarm.first_at_s.mean, alarm.times.mean, alarm.in_alarm_ratio.mean), (60.0, 1.0, 1.0));
}

/// The second attempt is made at 60 s exactly, when nothing else happens: it is the only one of the second minute, as the first is of the
/// first.
#[test]
fn a_call_at_the_end_of_a_period_belongs_to_the_next() {
    let text = r#"
[scenario]
name = "edge"
[simulation]
horizon = "5m"
[[dependency]]
name = "db"
latency.constant.value = "5s"
outcomes = ["error", "ok"]
[[source]]
name = "s"
target = "db"
arrivals.times.at = ["50s"]
client.retry = { max-attempts = 2, on = ["error"], backoff.constant.delay = "5s" }
"#;
    let changes = |comparison: &str| {
        let alarm = format!(
            "[[alarm]]\nname = \"a\"\nmetric = \"calls.arrived\"\ndependency = \"db\"\nthreshold = 1\ncomparison = \"{comparison}\"\n"
        );
        changes_of(&summary(&(text.to_owned() + &alarm)), 0)
    };
    assert_eq!(changes("above"), [(60.0, "ok")]);
    assert_eq!(changes("at-least"), [(60.0, "alarm"), (180.0, "ok")]);
}

/// Two requests in progress as the run begins, until 90 s. At 200 s, two more are served and a third one waits.
#[test]
fn what_is_there_when_a_run_begins_is_watched_too() {
    let text = r#"
[scenario]
name = "initial"
[simulation]
horizon = "5m"
[[function]]
name = "f"
duration.constant.value = "90s"
keep-alive.forever = {}
initial.busy = 2
concurrency = { max-instances = 2, overflow = "queue" }
[[source]]
name = "s"
function = "f"
arrivals.times.at = ["200s", "200s", "200s"]
"#;
    let alarm = |name: &str, metric: &str, threshold: u32| {
        format!(
            "[[alarm]]\nname = \"{name}\"\nmetric = \"{metric}\"\nfunction = \"f\"\nthreshold = {threshold}\n\
             comparison = \"at-least\"\n"
        )
    };
    let found = summary(&(text.to_owned() + &alarm("busy", "concurrency.peak", 2) + &alarm("waits", "queue.peak", 1)));
    assert_eq!(changes_of(&found, 0), [(60.0, "alarm"), (180.0, "ok"), (240.0, "alarm")]);
    assert_eq!(changes_of(&found, 1), [(60.0, "ok"), (240.0, "alarm")]);
}

/// Two of three instances have a place on the only node, from 70 s on and for good. The third waits for one until 170.5 s, when another is
/// free.
#[test]
fn nodes_are_watched_too() {
    let text = r#"
[scenario]
name = "pending"
[simulation]
horizon = "5m"
[[node-group]]
name = "g"
cpu = 1
memory = "8GB"
count = 1
[[function]]
name = "f"
memory = "1GB"
cpu.request = 0.5
duration.constant.value = "100s"
cold-start.constant.value = "500ms"
keep-alive.forever = {}
[[source]]
name = "s"
function = "f"
arrivals.times.at = ["70s", "70s", "70s"]
"#;
    let alarm = |metric: &str, threshold: &str| {
        let name = metric.replace('.', "-");
        format!("[[alarm]]\nname = \"{name}\"\nmetric = \"{metric}\"\nnode-group = \"g\"\nthreshold = {threshold}\n")
    };
    let alarms = [
        alarm("pending_pods.peak", "0"),
        alarm("count.peak", "1"),
        // Five sixths of the second minute, then all of it.
        alarm("cpu_utilization", "\"83%\""),
        alarm("memory_utilization", "\"21%\""),
    ];
    let found = summary(&(text.to_owned() + &alarms.concat()));
    let changes = |place| changes_of(&found, place);
    assert_eq!(changes(0), [(60.0, "ok"), (120.0, "alarm"), (240.0, "ok")]);
    assert_eq!(changes(1), [(60.0, "ok")]);
    assert_eq!(changes(2), [(60.0, "ok"), (120.0, "alarm")]);
    // Two of eight are more than that from the third minute on.
    assert_eq!(changes(3), [(60.0, "ok"), (180.0, "alarm")]);
    assert_eq!(found.alarms[0].component.as_deref(), Some("node-group.g"));
}

#[test]
fn what_is_found_of_an_alarm() {
    let summary = summary(&with("metric = \"requests.rejected\"\nfunction = \"f\"\nthreshold = 1"));
    let alarm = &summary.alarms[0];
    assert_eq!((alarm.replications, alarm.first_at_s.mean, alarm.times.mean), (2, 60.0, 2.0));
    // Three of eight minutes.
    assert_eq!(alarm.in_alarm_ratio.mean, 3.0 / 8.0);
}

/// Twelve messages at once, each for 20 s, two at a time: none is younger than what has waited longest.
#[test]
fn a_queue_is_watched_at_the_end_of_each_minute() {
    let text = r#"
[scenario]
name = "queue"
[simulation]
horizon = "5m"
[[function]]
name = "f"
duration.constant.value = "20s"
keep-alive.forever = {}
[[queue]]
name = "q"
target = "f"
visibility-timeout = "10m"
consumer = { batch-size = 1, max-concurrency = 2 }
[[source]]
name = "s"
target = "q"
arrivals.burst = { size = 12, every = "1h", first = "0s" }
"#;
    let folder = Folder::new();
    folder.write("queue.toml", text);
    folder.run(&["run", "queue.toml", "--metrics", "metrics.csv"]).ends(0);
    let table = Table::of(&folder.read("metrics.csv"));
    // Just before 60 s four are done, two are processed, six wait; all were sent at 0 s. Just before 120 s the last two are processed.
    assert_eq!(table.column("AWS/SQS q ApproximateNumberOfMessagesVisible (Average)"), [6.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(table.column("AWS/SQS q ApproximateNumberOfMessagesNotVisible (Average)"), [2.0, 2.0, 0.0, 0.0, 0.0]);
    assert_eq!(table.column("AWS/SQS q ApproximateAgeOfOldestMessage (Maximum)"), [60.0, 120.0, 0.0, 0.0, 0.0]);
    assert_eq!(table.column("AWS/SQS q NumberOfMessagesSent (Sum)"), [12.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(table.column("AWS/SQS q NumberOfMessagesDeleted (Sum)").iter().sum::<f64>(), 12.0);
    assert_eq!(table.column("AWS/Lambda f ConcurrentExecutions (Maximum)"), [2.0, 2.0, 0.0, 0.0, 0.0]);
}

/// A table of metrics.
struct Table {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn of(text: &str) -> Self {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let names = reader.headers().expect("a head").iter().map(str::to_owned).collect();
        let rows = reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect();
        Self { names, rows }
    }

    /// The numbers of a column that are there.
    fn column(&self, name: &str) -> Vec<f64> {
        let place =
            self.names.iter().position(|known| known == name).unwrap_or_else(|| panic!("{name}: {:?}", self.names));
        self.rows.iter().filter_map(|row| row[place].parse().ok()).collect()
    }
}

#[test]
fn metrics_have_the_names_of_the_cloud_and_add_up() {
    let folder = Folder::new();
    folder.write("bursts.toml", BURSTS);
    folder.run(&["run", "bursts.toml", "--metrics", "metrics.csv"]).ends(0);
    let text = folder.read("metrics.csv");
    let table = Table::of(&text);
    assert_eq!(table.rows[0][..2], ["2026-01-05T00:01:00Z", "60"]);
    assert_eq!(table.column("AWS/Lambda f Invocations (Sum)"), [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(table.column("AWS/Lambda f Throttles (Sum)"), [2.0, 0.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(table.column("AWS/Lambda f ConcurrentExecutions (Maximum)"), [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    // Only where something ended.
    assert_eq!(table.column("AWS/Lambda f Duration (Average)"), [5_000.0; 3]);
    // What is written is read back by `fit`.
    let answer = folder.run(&["fit", "metrics.csv", "--out", "fitted.toml"]).ends(0);
    assert!(folder.read("fitted.toml").contains("5s"), "{}\n{}", answer.said(), folder.read("fitted.toml"));
}

/// Requests of 11 MB are refused by an API of 10 MB at most, as by HTTP 413: errors of the client.
#[test]
fn what_is_too_large_is_an_error_of_the_client() {
    let folder = Folder::new();
    folder.write(
        "x.toml",
        "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"1m\"\nreplications = 1\n\
         [platform]\npreset = \"aws-lambda\"\n\
         [[function]]\nname = \"f\"\nduration.constant.value = \"10ms\"\nfailure-ratio = 1.0\n\
         [[gateway]]\nname = \"api\"\npreset = \"aws-rest\"\ntarget = \"f\"\n\
         [[source]]\nname = \"small\"\ntarget = \"api\"\narrivals.times.at = [\"1s\", \"2s\"]\n\
         [[source]]\nname = \"large\"\ntarget = \"api\"\npayload.constant.value = \"11MB\"\narrivals.times.at = [\"3s\", \"4s\", \"5s\"]\n",
    );
    folder.run(&["run", "x.toml", "--metrics", "metrics.csv"]).ends(0);
    let table = Table::of(&folder.read("metrics.csv"));
    let [client, server] = ["4XXError", "5XXError"]
        .map(|name| table.column(&format!("AWS/ApiGateway api {name} (Sum)")).iter().sum::<f64>());
    assert_eq!((client, server), (3.0, 2.0));
}

/// Whether a program can be had.
fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

#[test]
fn prometheus_loads_open_metrics() {
    let folder = Folder::new();
    folder.write("bursts.toml", BURSTS);
    folder.run(&["run", "bursts.toml", "--metrics", "metrics.om"]).ends(0);
    let text = folder.read("metrics.om");
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert!(text.contains("\naws_lambda_throttles{function_name=\"f\"} 2 1767571260\n"), "{text}");
    // A family stands together.
    let families: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert_eq!(families.iter().collect::<HashSet<_>>().len(), families.len());
    if !is_there("promtool") {
        return;
    }
    let file = fs::File::open(folder.path().join("metrics.om")).expect("the file");
    let checked = Command::new("promtool").args(["check", "metrics"]).stdin(file).output().expect("it runs");
    assert!(checked.status.success(), "{checked:?}");
    let loaded = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "metrics.om", "blocks"])
        .current_dir(folder.path())
        .output()
        .expect("it runs");
    assert!(loaded.status.success(), "{loaded:?}");
}

/// A gateway, a function that calls a database and sends a message, and who processes it.
const SHOP: &str = r#"
[scenario]
name = "shop"
[simulation]
horizon = "2m"
[[gateway]]
name = "api"
target = "checkout"
latency.constant.value = "5ms"
[[function]]
name = "checkout"
cold-start.constant.value = "300ms"
keep-alive.forever = {}
[[function.step]]
run.constant.value = "20ms"
[[function.step]]
call = "db"
client = { timeout = "1s", retry = { max-attempts = 2, on = ["error"], backoff.constant.delay = "100ms" } }
[[function.step]]
call = "orders"
[[dependency]]
name = "db"
latency.constant.value = "40ms"
outcomes = ["ok", "error", "ok"]
[[queue]]
name = "orders"
target = "worker"
consumer = { batch-size = 1 }
[[function]]
name = "worker"
duration.constant.value = "250ms"
keep-alive.forever = {}
[[source]]
name = "web"
target = "api"
arrivals.constant.rate = "1/s"
client = { timeout = "5s" }
"#;

/// All spans of a document with their services.
fn spans(document: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for resource in document["resourceSpans"].as_array().expect("resources") {
        let attributes = resource["resource"]["attributes"].as_array().expect("attributes");
        let service = attributes.iter().find(|one| one["key"] == "service.name").expect("a service");
        let service = service["value"]["stringValue"].as_str().expect("a name").to_owned();
        for scope in resource["scopeSpans"].as_array().expect("scopes") {
            let own = scope["spans"].as_array().expect("spans").iter();
            all.extend(own.map(|span| (service.clone(), span.clone())));
        }
    }
    all
}

fn nanos(span: &Value, key: &str) -> u64 {
    span[key].as_str().expect("64-bit integers are strings").parse().expect("a number")
}

#[test]
fn a_request_is_a_trace_with_all_its_calls() {
    let folder = Folder::new();
    folder.write("shop.toml", SHOP);
    folder.run(&["run", "shop.toml", "--traces", "traces.json", "--traces-sample", "10"]).ends(0);
    let document = folder.json("traces.json");
    let all = spans(&document);
    let mut traces: HashMap<String, Vec<&(String, Value)>> = HashMap::new();
    let is_hex = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let mut ids = HashSet::new();
    for one in &all {
        let (trace, id) = (one.1["traceId"].as_str().expect("an id"), one.1["spanId"].as_str().expect("an id"));
        assert!(is_hex(trace, 32) && is_hex(id, 16), "{trace} {id}");
        assert!(ids.insert(id.to_owned()), "{id} twice");
        assert!(nanos(&one.1, "startTimeUnixNano") <= nanos(&one.1, "endTimeUnixNano"));
        assert!((1..=5).contains(&one.1["kind"].as_u64().expect("a kind")));
        assert!([1, 2].contains(&one.1["status"]["code"].as_u64().expect("a status")));
        traces.entry(trace.to_owned()).or_default().push(one);
    }
    assert_eq!(traces.len(), 12, "every tenth of 120");
    for spans in traces.values() {
        let own: HashSet<&str> = spans.iter().filter_map(|(_, span)| span["spanId"].as_str()).collect();
        let roots = spans.iter().filter(|(_, span)| span["parentSpanId"].is_null()).count();
        assert_eq!(roots, 1);
        for (_, span) in spans.iter().filter(|(_, span)| !span["parentSpanId"].is_null()) {
            assert!(own.contains(span["parentSpanId"].as_str().expect("an id")), "{span}");
        }
        let took = |service: &str, name: &str, kind: u64| -> Vec<u64> {
            let named = spans.iter().filter(|(of, span)| of == service && span["name"] == name && span["kind"] == kind);
            named.map(|(_, span)| nanos(span, "endTimeUnixNano") - nanos(span, "startTimeUnixNano")).collect()
        };
        // What runs: of the worker exactly its duration, of the database 40 ms for each attempt.
        assert_eq!(took("worker", "worker", 2), [250_000_000]);
        let attempts = took("db", "db", 3);
        assert!(matches!(attempts.len(), 1 | 2) && attempts.iter().all(|ns| *ns == 40_000_000), "{attempts:?}");
        let running = took("checkout", "checkout", 2);
        let waited = if attempts.len() == 2 { 100 + 40 } else { 0 };
        assert_eq!(running, [(20 + 40 + waited) * 1_000_000]);
        let request = took("web", "web", 3);
        let cold: u64 = took("checkout", "cold start", 1).iter().sum();
        assert_eq!(request, [running[0] + cold + 5_000_000]);
        assert_eq!(took("orders", "orders", 4), [0], "accepted at once");
    }
    // The same bytes again, and each trace on a line of its own.
    folder.run(&["run", "shop.toml", "--traces", "again.json", "--traces-sample", "10"]).ends(0);
    assert!(folder.bytes("traces.json") == folder.bytes("again.json"));
    folder.run(&["run", "shop.toml", "--traces", "lines.jsonl", "--traces-sample", "10"]).ends(0);
    let lines = folder.read("lines.jsonl");
    let of_lines: usize = lines.lines().map(|line| spans(&serde_json::from_str(line).expect("JSON")).len()).sum();
    assert_eq!(of_lines, all.len());
}

/// What `fit` reads out of traces is what ran.
#[test]
fn durations_come_back_from_traces() {
    let folder = Folder::new();
    folder.write("bursts.toml", BURSTS);
    folder.run(&["run", "bursts.toml", "--traces", "traces.json", "--traces-sample", "1"]).ends(0);
    let document = folder.json("traces.json");
    let all = spans(&document);
    let served: Vec<u64> = (all.iter().filter(|(_, span)| span["kind"] == 2))
        .map(|(_, span)| nanos(span, "endTimeUnixNano") - nanos(span, "startTimeUnixNano"))
        .collect();
    assert_eq!(served, [5_000_000_000; 3]);
    assert_eq!(all.iter().filter(|(_, span)| span["parentSpanId"].is_null()).count(), 9, "the refused ones too");
    folder.run(&["fit", "traces.json", "--out", "fitted.toml"]).ends(0);
    let fitted = folder.read("fitted.toml");
    assert!(fitted.contains("\"5s\""), "{fitted}");
}

/// A run is the same whether it is watched or not.
#[test]
fn who_watches_changes_nothing() {
    let folder = Folder::new();
    folder.write("shop.toml", SHOP);
    let plain = folder.run(&["run", "shop.toml", "--format", "json"]).ends(0);
    let watched = folder.run(&[
        "run",
        "shop.toml",
        "--format",
        "json",
        "--metrics",
        "m.csv",
        "--traces",
        "t.json",
        "--traces-sample",
        "1",
    ]);
    assert_eq!(plain.out, watched.ends(0).out);
    let alarm = "[[alarm]]\nname = \"late\"\nmetric = \"oldest_age_s\"\nqueue = \"orders\"\nthreshold = \"10s\"\n";
    folder.write("alarm.toml", &format!("{SHOP}{alarm}"));
    let alarmed: Value =
        serde_json::from_str(&folder.run(&["run", "alarm.toml", "--format", "json"]).ends(0).out).expect("JSON");
    let plain: Value = serde_json::from_str(&plain.out).expect("JSON");
    for part in ["total", "functions", "sources", "queues", "dependencies", "events"] {
        assert_eq!(plain[part], alarmed[part], "{part}");
    }
}

#[test]
fn what_an_alarm_cannot_be_is_said() {
    let folder = Folder::new();
    for (alarm, expected) in [
        ("metric = \"latency\"\nthreshold = 1", "cannot be watched for all requests together"),
        ("metric = \"oldest_age_s\"\nfunction = \"f\"\nthreshold = 1", "cannot be watched for a function"),
        ("metric = \"pending_pods.peak\"\nnode-group = \"g\"\nthreshold = 1", "there is no node-group"),
        ("metric = \"failure_ratio\"\nthreshold = \"5\"", "write a percentage"),
        ("metric = \"failure_ratio\"\nthreshold = \"5%\"\nperiod = \"45s\"", "whole minutes"),
        ("metric = \"failure_ratio\"\nthreshold = \"5%\"\ndatapoints = 3\nof = 2", "write at most 2"),
        ("metric = \"failure_ratio\"\nfunction = \"f\"\nsource = \"s\"\nthreshold = \"5%\"", "not both"),
        ("metric = \"failure_ratio\"\nqueue = \"q\"\nthreshold = \"5%\"", "there is no queue"),
        ("metric = \"failure_ratio\"\nthreshold = \"5%\"\ncomparison = \"more\"", "above"),
    ] {
        folder.write("x.toml", &with(alarm));
        let said = folder.run(&["check", "x.toml"]).ends(2).said();
        assert!(said.contains(expected), "{alarm}: {said}");
    }
}

/// A budget of which the bill so far is watched: what it is at the end is what the summary says.
#[test]
fn a_budget_alarm_goes_off_when_the_bill_reaches_it() {
    let text = r#"
[scenario]
name = "budget"
[simulation]
horizon = "20m"
[platform]
preset = "aws-lambda"
[[gateway]]
name = "api"
preset = "aws-http"
target = "f"
[[function]]
name = "f"
memory = "1024MB"
runtime = "nodejs22"
cold-start.constant.value = "100ms"
duration.constant.value = "1s"
[[source]]
name = "s"
target = "api"
arrivals.piecewise.points = [
    { at = "0s", rate = "50/s" },
    { at = "15m", rate = "50/s" },
    { at = "15m1s", rate = "0/s" },
    { at = "20m", rate = "0/s" },
]
"#;
    let plain = summary(text);
    let total = plain.total.cost_usd.total.mean;
    let alarm = |share: f64| {
        let threshold = total * share;
        summary(&format!(
            "{text}[[alarm]]\nname = \"budget\"\nmetric = \"cost_usd.total\"\nthreshold = \"${threshold:.9}\"\n"
        ))
    };
    // The last request is done long before the end: nothing above the whole, and just below it before the run is over.
    assert_eq!(alarm(1.000_01).alarms[0].replications, 0);
    assert_eq!(alarm(0.999_99).alarms[0].replications, 1);
    // The load is even over 15 minutes: half of the bill is reached in the eighth.
    let half = alarm(0.5);
    assert_eq!(half.alarms[0].first_at_s.mean, 480.0);
    assert_eq!(half.total, plain.total);
    // It is watched every minute, whoever else watches it less often.
    let keys = format!("metric = \"cost_usd.total\"\nthreshold = \"${:.9}\"", total * 0.5);
    let alarms = format!("[[alarm]]\nname = \"a\"\n{keys}\n[[alarm]]\nname = \"b\"\n{keys}\nperiod = \"5m\"\n");
    let found = summary(&format!("{text}{alarms}"));
    assert_eq!([0, 1].map(|place| found.alarms[place].first_at_s.mean), [480.0, 600.0]);
    let refused = text.replace("memory = \"1024MB\"", "memory = \"1024MB\"\nconcurrency.provisioned = 1");
    let folder = Folder::new();
    folder.write(
        "x.toml",
        &format!("{refused}[[alarm]]\nname = \"b\"\nmetric = \"cost_usd.total\"\nthreshold = \"$1\"\n"),
    );
    let said = folder.run(&["check", "x.toml"]).ends(2).said();
    assert!(said.contains("has provisioned concurrency"), "{said}");
}

/// In Perfetto a request can be followed: what begins a flow is drawn where it begins, and leads to a slice.
#[test]
fn flows_lead_from_slice_to_slice() {
    let folder = Folder::new();
    folder.write("shop.toml", SHOP);
    folder.run(&["run", "shop.toml", "--timeline", "timeline.json"]).ends(0);
    let events = folder.json("timeline.json");
    let events = events.as_array().expect("events");
    let number = |event: &Value, key: &str| event[key].as_f64().expect("a number");
    let track = |event: &Value| (event["pid"].as_u64(), event["tid"].as_u64());
    let mut slices: HashMap<_, Vec<(f64, f64)>> = HashMap::new();
    for slice in events.iter().filter(|event| event["ph"] == "X") {
        slices.entry(track(slice)).or_default().push((number(slice, "ts"), number(slice, "ts") + number(slice, "dur")));
    }
    for own in slices.values_mut() {
        own.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(own.windows(2).all(|pair| pair[0].1 <= pair[1].0 + 1e-9), "slices of a track do not overlap");
    }
    let ends = |phase: &str| -> HashMap<u64, &Value> {
        let own = events.iter().filter(|event| event["ph"] == phase);
        own.map(|event| (event["id"].as_u64().expect("an id"), event)).collect()
    };
    let (begin, end) = (ends("s"), ends("f"));
    assert!(begin.len() > 4 * 100, "{} flows of 120 requests", begin.len());
    for (id, from) in &begin {
        let to = end.get(id).unwrap_or_else(|| panic!("flow {id} leads nowhere"));
        for one in [from, to] {
            let at = number(one, "ts");
            let is_bound = slices[&track(one)].iter().any(|(start, end)| *start <= at && at <= *end);
            assert!(is_bound, "{one} is on no slice");
        }
        assert!(number(from, "ts") <= number(to, "ts"));
    }
}

/// On other clouds metrics have the names of Azure Monitor and of Google Cloud Monitoring, with their units.
#[test]
fn metrics_have_the_names_of_other_clouds() {
    let text = |preset: &str, queue: &str| {
        format!(
            "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"5m\"\n[platform]\npreset = \"{preset}\"\n\
             [[function]]\nname = \"f\"\nduration.constant.value = \"2s\"\ncold-start = \"none\"\n\
             [[queue]]\nname = \"q\"\npreset = \"{queue}\"\ntarget = \"f\"\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"1/m\"\n\
             [[source]]\nname = \"t\"\ntarget = \"q\"\narrivals.constant.rate = \"1/m\"\n"
        )
    };
    for (preset, queue, columns) in [
        (
            "azure-consumption",
            "service-bus",
            [
                "Microsoft.Web/sites f Requests (Total)",
                "Microsoft.ServiceBus/namespaces q IncomingMessages (Total)",
                "Microsoft.Web/sites f HttpResponseTime (Average)",
            ],
        ),
        (
            "gcp-functions-1st-gen",
            "pubsub-push",
            [
                "cloudfunctions.googleapis.com f function/execution_count",
                "pubsub.googleapis.com q subscription/ack_message_count",
                "cloudfunctions.googleapis.com f function/execution_times (p50)",
            ],
        ),
        (
            "gcp-cloud-run",
            "cloud-tasks",
            [
                "run.googleapis.com f request_count",
                "cloudtasks.googleapis.com q queue/task_attempt_count",
                "run.googleapis.com f request_latencies (p50)",
            ],
        ),
    ] {
        let folder = Folder::new();
        folder.write("x.toml", &text(preset, queue));
        folder.run(&["run", "x.toml", "--metrics", "metrics.csv"]).ends(0);
        let table = Table::of(&folder.read("metrics.csv"));
        // One a minute of each source; the one at the horizon is not counted.
        assert!(table.column(columns[0]).iter().sum::<f64>() >= 8.0, "{preset}");
        assert!((4.0..=5.0).contains(&table.column(columns[1]).iter().sum::<f64>()), "{preset}");
        let unit = match preset {
            "azure-consumption" => 1.0,
            "gcp-functions-1st-gen" => 1e9,
            _ => 1e3,
        };
        for value in table.column(columns[2]) {
            assert!((1.9..2.5).contains(&(value / unit)), "{preset}: {value}");
        }
    }
}

/// A cold start consists of what the platform does not charge for and of what it does.
#[test]
fn a_cold_start_has_phases() {
    let folder = Folder::new();
    let text = "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"1m\"\n[platform]\npreset = \"aws-lambda\"\n\
                [[function]]\nname = \"f\"\nduration.constant.value = \"1s\"\n\
                cold-start.phases = { environment.constant.value = \"200ms\", init.constant.value = \"300ms\" }\n\
                [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"1s\"]\n";
    folder.write("x.toml", text);
    folder.run(&["run", "x.toml", "--traces", "traces.json", "--traces-sample", "1"]).ends(0);
    let document = folder.json("traces.json");
    let all = spans(&document);
    let find = |name: &str| &all.iter().find(|(_, span)| span["name"] == name).unwrap_or_else(|| panic!("{name}")).1;
    let took = |name: &str| nanos(find(name), "endTimeUnixNano") - nanos(find(name), "startTimeUnixNano");
    assert_eq!(["cold start", "environment", "initialization"].map(took), [500_000_000, 200_000_000, 300_000_000]);
    assert_eq!(find("initialization")["parentSpanId"], find("cold start")["spanId"]);
    assert_eq!(find("environment")["endTimeUnixNano"], find("initialization")["startTimeUnixNano"]);
}
