//! Texts that mean something: names of other things, of files, of metrics; and free keys.

use serde_json::{Value, json};

use super::{Draft, values};

/// The files that drawn scenarios name, with what is in them.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("trace.csv", "time_s,function,duration_s\n0.5,a,0.1\n1,b,0.2\n1.5,a,\n9,b,0.4\n20,a,3\n"),
    ("azure2021.csv", "app,func,end_timestamp,duration\na,f,1.5,0.5\na,g,2.5,0.25\nb,h,9.5,1\n"),
    ("azure2019.csv", "HashOwner,HashApp,HashFunction,Trigger,1,2,3\no,a,f,http,3,0,2\no,a,g,timer,1,1,1\n"),
    ("durations.csv", "HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum\no,a,f,120,5,20,900\n"),
    ("memory.csv", "HashOwner,HashApp,SampleCount,AverageAllocatedMb\no,a,5,170\n"),
    ("rates.csv", "time_s,count,rate\n0,3,0.3\n10,5,0.5\n20,0,0\n30,9,0.9\n"),
    ("values.txt", "120\n90\n# a comment\n300\n\n95.5\n"),
    (
        "states.asl.json",
        r#"{"StartAt": "One", "States": {
            "One": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:func1", "Next": "Two"},
            "Two": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsPresent": true, "Next": "Three"}], "Default": "Four"},
            "Three": {"Type": "Wait", "SecondsPath": "$.s", "Next": "Four"},
            "Four": {"Type": "Map", "ItemProcessor": {"StartAt": "Five", "States": {"Five": {"Type": "Pass", "End": true}}}, "End": true}}}"#,
    ),
];

/// Metrics that can be asked for.
const METRICS: [&str; 9] = [
    "latency_s.p99",
    "latency_s.mean",
    "latency_s.p50",
    "wait_s.p95",
    "cold_start_ratio",
    "failure_ratio",
    "cost_usd.total",
    "instances.mean",
    "execution_s.p90",
];

/// Keys of a function that can be varied, with values.
const SETTABLE: [(&str, [&str; 2]); 5] = [
    ("memory", ["\"256MB\"", "\"1GB\""]),
    ("timeout", ["\"10s\"", "\"1m\""]),
    ("failure-ratio", ["0.0", "0.1"]),
    ("concurrency.max-instances", ["2", "50"]),
    ("concurrency.provisioned", ["0", "2"]),
];

/// A name, where a name is asked for.
pub(super) fn name(draft: &mut Draft) -> String {
    let list = match draft.key() {
        "policy" => ["fixed", "halving", "adaptive"].map(str::to_owned).to_vec(),
        "between" => draft.names.of("site"),
        // A key that is called like a list names one of it.
        "async" => draft.names.of("function"),
        kind => draft.names.of(kind),
    };
    one_of(draft, list).unwrap_or_else(|| format!("name{}", draft.chance.below(1_000)))
}

fn one_of(draft: &mut Draft, mut list: Vec<String>) -> Option<String> {
    (!list.is_empty()).then(|| list.swap_remove(draft.chance.below(list.len())))
}

/// A text, where any is allowed.
pub(super) fn text(draft: &mut Draft) -> String {
    let key = draft.key().to_owned();
    let is_in = |draft: &Draft, table: &str| draft.path.iter().any(|key| key == table);
    let one = |draft: &mut Draft, all: &[&str]| (*draft.chance.one_of(all)).to_owned();
    match key.as_str() {
        "target" if is_in(draft, "fault") => one_of(draft, draft.names.breakable()).unwrap_or_default(),
        // A state of the file in Amazon States Language.
        "One" => one_of(draft, draft.names.of("function")).unwrap_or_default(),
        "target" | "targets" | "call" | "task" | "dead-letter" | "on-failure" => {
            let mut callable = draft.names.callable_by(&draft.owner);
            if is_in(draft, "queue") && key == "dead-letter" {
                callable.retain(|name| name.starts_with("queu"));
            }
            one_of(draft, callable).unwrap_or_default()
        }
        "metric" => one(draft, &METRICS),
        "runtime" => one(draft, &["nodejs22", "python3.12", "java21", "go", "dotnet8", "rust"]),
        "framework" => one(draft, &["spring-boot", "express", "fastapi"]),
        "file" if is_in(draft, "rate-trace") => "rates.csv".to_owned(),
        "file" if is_in(draft, "empirical") => "values.txt".to_owned(),
        "durations" => "durations.csv".to_owned(),
        "memory" => "memory.csv".to_owned(),
        "asl" => "states.asl.json".to_owned(),
        "time-column" => "time_s".to_owned(),
        "count-column" => "count".to_owned(),
        "rate-column" => "rate".to_owned(),
        "separator" => one(draft, &[",", ",", ",", ";"]),
        "cron" => one(draft, &["*/5 * * * *", "* * * * *", "cron(0 12 * * ? *)"]),
        "time-zone" => one(draft, &["UTC", "Europe/Berlin", "America/New_York"]),
        "start" => one(draft, &["0s", "1s", "10s"]),
        "jitter" => one(draft, &["none", "full", "equal", "decorrelated", "20%"]),
        _ => one(draft, &["something", "a-b", "x y \u{e9}", ""]),
    }
}

/// A number or a text with a unit: a bound of a metric, an end of a range; or anything.
pub(super) fn amount(draft: &mut Draft) -> Value {
    match draft.key() {
        "share" => json!(draft.chance.one_of(&["99%", "99.9%", "50%"])),
        "within" => json!(draft.chance.one_of(&["800ms", "10s", "1m"])),
        "from" | "to" | "step" if draft.path.iter().any(|key| key.ends_with(".memory")) => {
            json!(if draft.key() == "to" { "1024MB" } else { "256MB" })
        }
        "from" => json!(1),
        "to" => json!(9),
        "step" => json!(4),
        _ => json!(super::chance::rounded(draft.chance.magnitude(0.01, 10.0))),
    }
}

/// The keys of a table whose keys are free.
pub(super) fn free_keys(draft: &mut Draft, wanted: Option<&str>) -> Vec<String> {
    let function = one_of(draft, draft.names.of("function")).unwrap_or_default();
    let settable = |draft: &mut Draft| {
        let key = match wanted {
            Some("cpu-bound-share") => "memory",
            Some(_) => "concurrency.max-instances",
            // What is zipped is not varied by itself too.
            None if draft.key() == "sweep" => SETTABLE[2 + draft.chance.below(SETTABLE.len() - 2)].0,
            None => SETTABLE[draft.chance.below(SETTABLE.len())].0,
        };
        format!("function.{function}.{key}")
    };
    match draft.key() {
        "phases" => {
            let all = ["environment", "image", "runtime", "init"];
            all.into_iter().filter(|_| draft.chance.happens(0.6)).map(str::to_owned).collect()
        }
        "metrics" => vec![METRICS[draft.chance.below(2)].to_owned()],
        "functions" => vec![function],
        _ if draft.path.iter().any(|key| key == "precision") => vec![METRICS[draft.chance.below(2)].to_owned()],
        "set" | "sweep" | "plan" | "origin" => vec![settable(draft)],
        "zip" if wanted.is_some() => vec![settable(draft)],
        "zip" => ["memory", "timeout"].map(|key| format!("function.{function}.{key}")).to_vec(),
        "targets" => vec!["One".to_owned()],
        "choices" => vec!["Two".to_owned()],
        "waits" => vec!["Three".to_owned()],
        "items" => vec!["Four".to_owned()],
        _ => vec!["free".to_owned()],
    }
}

/// The values of a dotted key that is varied or set, if it is one.
pub(super) fn of_key(draft: &mut Draft, key: &str) -> Option<Value> {
    let place = draft.key().to_owned();
    let (_, values) =
        SETTABLE.iter().find(|(known, _)| key.strip_prefix("function.").is_some_and(|rest| rest.ends_with(known)))?;
    let values = values.map(|value| serde_json::from_str::<Value>(value).unwrap_or_default());
    match place.as_str() {
        "set" => Some(values[draft.chance.below(2)].clone()),
        "plan" if key.ends_with("memory") && draft.chance.happens(0.5) => {
            Some(json!({"values": values, "cpu-bound-share": 0.5}))
        }
        "sweep" | "plan" if key.ends_with("max-instances") && draft.chance.happens(0.5) => {
            Some(json!({"from": 1, "to": 9, "step": 4}))
        }
        "sweep" | "plan" | "zip" => Some(json!(values)),
        _ => None,
    }
}

/// A list of anything: what a variant adds, or values that are varied.
pub(super) fn listed(draft: &mut Draft) -> Value {
    let name = format!("added-{}-{}", draft.key(), draft.owner);
    let target = one_of(draft, draft.names.of("function")).unwrap_or_default();
    let constant = json!({"constant": {"value": values::written(0.2)}});
    let item = match draft.key() {
        "function" => json!({"name": name, "duration": constant}),
        "source" => json!({"name": name, "function": target, "arrivals": {"poisson": {"rate": "1/s"}}}),
        "gateway" | "queue" | "stream" => json!({"name": name, "target": target}),
        "topic" => json!({"name": name, "targets": [target]}),
        "dependency" => json!({"name": name, "latency": constant}),
        "workflow" => json!({"name": name, "state": [{"name": "one", "task": target}]}),
        "router" => json!({"name": name, "targets": [{"target": target}]}),
        "site" | "tenant" => json!({"name": name}),
        "link" => json!({"name": name, "between": draft.names.of("site")}),
        "node-group" => json!({"name": name, "cpu": 4, "memory": "8GB", "count": 2}),
        "alarm" => json!({"name": name, "metric": "failure_ratio", "function": target, "threshold": 0.5}),
        "fault" => json!({"name": name, "target": target, "at": "1s", "for": "2s", "outage": true}),
        _ => return json!([1, 2]),
    };
    json!([item])
}
