//! What values must mean together to be accepted: where only one of several keys may stand, what must be in order, which kinds
//! go with which. It is told by keys, wherever they stand.

use serde_json::{Map, Value, json};

use super::Draft;
use super::values::{seconds, written};

/// Of tables that have all these keys: the sets of which exactly one stands.
const EITHER: &[&[&[&str]]] = &[
    &[&["median", "p99"], &["median", "sigma"], &["mean", "sd"]],
    &[&["scale", "shape"], &["mean", "shape"]],
    &[&["function"], &["target"], &["target", "client"], &["function", "client"], &["function", "invoke"]],
    &[&["function"], &["source"], &[]],
    &[&["replications"], &["precision"], &["intervals", "batches"], &["intervals"], &[]],
    &[&["run"], &["wait"], &["call"], &["call", "client"], &["parallel"]],
    &[&["at", "for"], &["every", "lasts"]],
    &[
        &["slow-down"],
        &["errors"],
        &["delay"],
        &["outage"],
        &["cold-start"],
        &["deploy"],
        &["crash"],
        &["throttle"],
        &["poison"],
        &["flush"],
    ],
    &[
        &["task"],
        &["task", "timeout"],
        &["task", "retry"],
        &["task", "catch"],
        &["wait"],
        &["parallel"],
        &["map"],
        &["choice"],
        &["pass"],
        &["succeed"],
        &["fail"],
    ],
    &[&["metric", "below"], &["metric", "above"], &["share", "within"], &["stability"]],
    &[&["rate", "amplitude"], &["low", "peak"]],
    &[&["rate", "shape"], &["rate", "cv"]],
    &[&["values"], &["file", "unit"]],
    &[&["asl", "targets", "choices", "items", "waits"], &["state"]],
    &[&["from", "to", "step"], &["from", "to", "points"], &["from", "to", "points", "scale"]],
    &[&["hit-ratio"], &["warms-up"]],
    &[&["duration"], &["step"], &["batching"]],
    &[&["per-gb"], &["sizes"]],
    &[&["every"], &["every", "precision"], &["cron", "time-zone"], &["cron", "precision"]],
    &[&["count-column"], &["rate-column"], &[]],
    &[&["redrive-after"], &["dead-letter"], &[]],
    &[&["pollers"], &["provisioned"], &[]],
    &[
        &["account-limit", "min-unreserved", "request-rate-per-concurrency"],
        &["account-memory"],
        &["account-limit"],
        &[],
    ],
];

/// Pairs of keys of one table of which the second is not less than the first.
const ORDERED: &[(&str, &str)] = &[
    ("min", "max"),
    ("median", "p99"),
    ("low", "peak"),
    ("initial", "max"),
    ("min-window", "max-window"),
    ("min-delay", "max-delay"),
    ("min-instances", "max-instances"),
    ("min-replicas", "max-replicas"),
    ("min-scale", "max-scale"),
    ("min-capacity", "max-capacity"),
    ("min-replications", "max-replications"),
    ("base-ejection-time", "max-ejection-time"),
    ("throttle-backoff", "max-throttle-backoff"),
    ("backoff", "max-backoff"),
    ("bin", "range"),
    ("timeout", "deadline"),
    ("within", "every"),
    ("minimum-calls", "window"),
    ("head", "tail"),
    ("start", "max"),
    ("min-samples", "of"),
];

/// Lists whose elements rise: their key, and the key in an element that rises, if elements are tables.
const RISING: &[(&str, &str)] = &[("points", "at"), ("points", "p"), ("at", ""), ("actions", "at"), ("schedule", "at")];

/// What can be asked of components and of whatever else counts calls, by the key that names one.
const METRICS: &[(&str, &[&str])] = &[
    ("gateway", &["requests.arrived", "requests.throttled"]),
    ("queue", &["age_s.p99", "messages.completed"]),
    ("stream", &["iterator_age_s.p99", "records.completed"]),
    ("topic", &["messages.published", "messages.delivered"]),
    ("dependency", &["calls.arrived", "calls.failed"]),
    ("workflow", &["executions.started", "executions.failed"]),
    ("router", &["calls.arrived", "calls.failed"]),
    ("link", &["calls.arrived", "calls.lost"]),
    ("tenant", &["requests.arrived", "requests.throttled"]),
    ("async", &["events.received", "events.completed"]),
];

/// One of the kinds of a thing.
pub(super) fn kind<'a>(draft: &mut Draft, kinds: &[&'a str]) -> &'a str {
    // Most functions are not scaled by a policy, most sources draw their arrivals.
    let common: &[&str] = match draft.key() {
        "scaling" => &["per-request"],
        "arrivals" => &["poisson", "constant", "burst", "diurnal", "closed"],
        _ => &[],
    };
    let common: Vec<&'a str> = kinds.iter().copied().filter(|kind| common.contains(kind)).collect();
    let is_common = !common.is_empty() && draft.chance.happens(0.5);
    draft.chance.one_of(if is_common { &common } else { kinds })
}

/// Makes of the keys that are written those that may stand together; `meant` stays.
pub(super) fn choose<'a>(draft: &mut Draft, keys: &[&'a str], chosen: &mut Vec<&'a str>, meant: Option<&str>) {
    for sets in EITHER {
        let all = || sets.iter().copied().flatten().copied();
        if !all().all(|key| keys.contains(&key)) {
            continue;
        }
        let fitting: Vec<&[&str]> = sets
            .iter()
            .copied()
            .filter(|set| meant.is_none_or(|meant| set.contains(&meant) || !all().any(|key| key == meant)))
            .collect();
        let set = draft.chance.one_of(&fitting);
        chosen.retain(|key| !all().any(|other| other == *key));
        chosen.extend(keys.iter().copied().filter(|key| set.contains(key)));
    }
    // What is measured is that of one thing.
    if keys.contains(&"metric") && keys.contains(&"source") {
        let is_subject =
            |key: &str| matches!(key, "function" | "source") || METRICS.iter().any(|(kind, _)| *kind == key);
        let subjects: Vec<&str> = chosen.iter().copied().filter(|key| is_subject(key)).collect();
        let kept = meant.filter(|key| is_subject(key)).or(subjects.first().copied());
        chosen.retain(|key| !is_subject(key) || Some(*key) == kept);
        if meant.is_some_and(|key| METRICS.iter().any(|(kind, _)| *kind == key)) {
            chosen.retain(|key| {
                !["share", "within", "stability", "metric", "below", "above"].contains(key) || Some(*key) == meant
            });
            chosen.extend(keys.iter().copied().filter(|key| matches!(*key, "metric" | "below")));
        }
    }
    chosen.sort_by_key(|key| keys.iter().position(|known| known == key));
}

/// The least number of elements of a list that the schema does not say.
pub(super) fn least_items(key: &str) -> u64 {
    match key {
        "branches" | "points" | "states" => 2,
        "state" | "step" => 1,
        // The ways of the state in the file.
        "Two" => 2,
        _ => 0,
    }
}

/// The size of a value, to compare it with others of its kind.
fn size(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| {
        let text = value.as_str()?;
        let number = |unit: &str| text.strip_suffix(unit)?.parse::<f64>().ok();
        seconds(text)
            .or_else(|| number("/s"))
            .or_else(|| number("/m").map(|rate| rate / 60.0))
            .or_else(|| number("%").map(|percent| percent / 100.0))
            .or_else(|| (text == "forever").then_some(f64::INFINITY))
    })
}

/// Makes the values of a table agree with each other.
pub(super) fn adjust(draft: &mut Draft, table: &mut Map<String, Value>) {
    order(table);
    let has = |table: &Map<String, Value>, key: &str| table.contains_key(key);
    if has(table, "batches") {
        table.insert("intervals".to_owned(), json!("batch-means"));
    }
    if draft.key() == "concurrency" && ["queue-limit", "queue-timeout", "queue-order"].iter().any(|key| has(table, key))
    {
        table.insert("overflow".to_owned(), json!("queue"));
    }
    if has(table, "metric") {
        for (kind, metrics) in METRICS {
            if has(table, kind) {
                table.insert("metric".to_owned(), json!(draft.chance.one_of(metrics)));
            }
        }
    }
    // The steps of a batch say how long a request runs.
    if has(table, "batching") {
        ["duration", "cold-duration", "step", "initial", "cpu"].iter().for_each(|key| drop(table.remove(*key)));
    }
    if has(table, "model-size") || has(table, "load-per-second") {
        table.entry("model-size").or_insert_with(|| json!("16GB"));
        table.entry("load-per-second").or_insert_with(|| json!("3500MB"));
    }
    // Only what keeps messages can have poison ones.
    if let (Some(queue), true) = (draft.names.of("queue").first(), has(table, "poison")) {
        table.insert("target".to_owned(), json!(format!("queue.{queue}")));
    }
    // A way has two ends.
    if let ([one, other, ..], true) = (&draft.names.of("site")[..], has(table, "between")) {
        table.insert("between".to_owned(), json!([one, other]));
    }
    // A window is a number of parts.
    if let Some(part) = table
        .get("health-snapshot-interval")
        .or_else(|| table.get("rolling-window"))
        .and_then(Value::as_str)
        .and_then(seconds)
    {
        let part = part.clamp(0.01, 10.0);
        table.insert("health-snapshot-interval".to_owned(), json!(written(part)));
        table.insert("rolling-window".to_owned(), json!(written(part * (1 + draft.chance.below(12)) as f64)));
    }
    // A season is a number of intervals.
    if let Some(law) =
        table.get_mut("forecast").and_then(Value::as_object_mut).and_then(|kinds| kinds.values_mut().next())
        && law.get("season").is_some()
    {
        let interval = draft.chance.magnitude(0.5, 10.0);
        law["season"] = json!(written((interval * 1e3).round() * 1e-3 * (2 + draft.chance.below(6)) as f64));
        table.insert("interval".to_owned(), json!(format!("{}ms", (interval * 1e3).round())));
    }
    if has(table, "interval") && has(table, "file") {
        table.insert("interval".to_owned(), json!(draft.chance.one_of(&["10s", "5s"])));
    }
    // There is nothing behind it that could be called.
    let is_nobody = |value: &Value| value == "";
    for key in ["dead-letter", "on-failure", "target", "call", "client"] {
        if table.get(key).is_some_and(is_nobody)
            || key == "client" && table.get("call").is_none() && has(table, "parallel")
        {
            table.remove(key);
        }
    }
    if table
        .get("parallel")
        .and_then(Value::as_array)
        .is_some_and(|calls| calls.iter().any(|call| call.get("call").is_none() && call.is_object()))
    {
        table.remove("parallel");
    }
    let is_of_batch = ["a", "b", "c"].iter().any(|key| has(table, key));
    if draft.key() == "step" && !is_of_batch && !["run", "wait", "call", "parallel"].iter().any(|key| has(table, key)) {
        table.remove("client");
        table.insert("run".to_owned(), json!({"constant": {"value": written(draft.chance.magnitude(0.001, 1.0))}}));
    }
    // Each format has files of its own.
    if has(table, "file")
        && let Some(format) = table.get("format").and_then(Value::as_str)
    {
        let file = match format {
            "azure-2019" => "azure2019.csv",
            "azure-2021" => "azure2021.csv",
            _ => "trace.csv",
        };
        let foreign: &[&str] =
            if format == "azure-2019" { &["start", "time-unit"] } else { &["durations", "memory", "spread"] };
        foreign.iter().for_each(|key| drop(table.remove(*key)));
        table.insert("file".to_owned(), json!(file));
    }
    // What brings its functions with it names none.
    let brings = |arrivals: &Value| ["trace", "population"].iter().any(|kind| arrivals.get(*kind).is_some());
    if table.get("arrivals").is_some_and(brings) {
        ["function", "target", "invoke", "client"].iter().for_each(|key| drop(table.remove(*key)));
    }
}

/// Exchanges what is in the wrong order.
fn order(table: &mut Map<String, Value>) {
    for (low, high) in ORDERED {
        let sizes = |table: &Map<String, Value>| Some((size(table.get(*low)?)?, size(table.get(*high)?)?));
        if let Some((first, second)) = sizes(table)
            && first > second
            && table[*low].is_string() == table[*high].is_string()
            && let (Some(first), Some(second)) = (table.remove(*low), table.remove(*high))
        {
            table.insert((*low).to_owned(), second);
            table.insert((*high).to_owned(), first);
        }
    }
}

/// Puts the elements of a list in order, and makes them differ.
pub(super) fn arrange(draft: &mut Draft, items: &mut Vec<Value>) {
    let key = draft.key().to_owned();
    if key == "Two" {
        items.truncate(2);
    }
    for (_, within) in RISING.iter().filter(|(list, _)| *list == key) {
        let size_of = |item: &Value| size(if within.is_empty() { item } else { &item[*within] });
        if items.iter().all(|item| size_of(item).is_some()) {
            items.sort_by(|a, b| size_of(a).unwrap_or(0.0).total_cmp(&size_of(b).unwrap_or(0.0)));
            items.dedup_by(|a, b| size_of(a) == size_of(b));
        }
    }
    if key == "points" && items.iter().all(|item| !item["p"].is_null()) {
        let mut values: Vec<Value> = items.iter().map(|item| item["value"].clone()).collect();
        values.sort_by(|a, b| size(a).unwrap_or(0.0).total_cmp(&size(b).unwrap_or(0.0)));
        items.iter_mut().zip(values).for_each(|(item, value)| item["value"] = value);
    }
    let names = items.len();
    for (place, item) in items.iter_mut().enumerate() {
        if let Some(table) = item.as_object_mut() {
            if table.contains_key("name") {
                table.insert("name".to_owned(), json!(format!("{key}{}", place + 1)));
            }
            // Probabilities are parts of one.
            if table.contains_key("probability") {
                table.insert("probability".to_owned(), json!(if names == 2 { 0.5 } else { 1.0 / names as f64 }));
            }
            // The last tier has no end, the others have.
            if table.contains_key("usd") && !table.contains_key("name") {
                table.remove("up-to");
                if place + 1 < names {
                    table.insert("up-to".to_owned(), json!(10 * (place + 1)));
                }
            }
        }
    }
    if items.iter().all(Value::is_string) && key != "outcomes" && !RISING.iter().any(|(list, _)| *list == key) {
        items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        items.dedup();
    }
}

/// What is known only when all is drawn.
pub(super) fn settle(file: &mut Map<String, Value>, draft: &mut Draft) {
    let horizon = draft.chance.magnitude(5.0, 120.0);
    if let Some(table) = file.get_mut("simulation").and_then(Value::as_object_mut) {
        simulation(table, horizon, draft);
    }
    let brings = |source: &Value| ["trace", "population"].iter().any(|kind| source["arrivals"].get(*kind).is_some());
    let sources = file.get("source").and_then(Value::as_array);
    let is_brought = sources.is_some_and(|sources| sources.iter().any(brings));
    if is_brought {
        // What a trace does not say of its functions.
        let defaults = file.entry("function-defaults").or_insert_with(|| json!({}));
        if let Some(defaults) = defaults
            .as_object_mut()
            .filter(|defaults| !["step", "batching"].iter().any(|key| defaults.contains_key(*key)))
        {
            defaults.entry("duration").or_insert_with(|| json!({"constant": {"value": "200ms"}}));
        }
    }
    let functions = file.get("function").and_then(Value::as_array);
    let have_steps = !is_brought && functions.into_iter().flatten().any(|function| function.get("step").is_some());
    if let Some(defaults) = file.get_mut("function-defaults").and_then(Value::as_object_mut) {
        defaults.remove(if have_steps { "duration" } else { "step" });
    }
    for function in file.get_mut("function").and_then(Value::as_array_mut).into_iter().flatten() {
        if is_brought
            && function.get("step").is_some()
            && let Some(table) = function.as_object_mut()
        {
            table.remove("step");
        }
        if function.get("scaling").is_some_and(|scaling| scaling.get("azure-flex").is_some())
            && let Some(table) = function.as_object_mut()
        {
            table.insert("memory".to_owned(), json!("2048MB"));
        }
    }
    for workflow in file.get_mut("workflow").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(states) = workflow.get_mut("state").and_then(Value::as_array_mut) {
            connect(states, draft);
        }
        // A durable workflow has an orchestrator, and no other has one.
        let is_durable = workflow["preset"].as_str().is_some_and(|preset| preset.ends_with("-durable"));
        let orchestrator = draft.names.of("function").into_iter().next();
        if let Some(table) = workflow.as_object_mut() {
            match orchestrator.filter(|_| is_durable) {
                Some(function) => drop(table.insert("orchestrator".to_owned(), json!(function))),
                None => drop(table.remove("orchestrator")),
            }
        }
    }
}

fn simulation(table: &mut Map<String, Value>, horizon: f64, draft: &mut Draft) {
    table.insert("horizon".to_owned(), json!(written(horizon)));
    // The part that is measured is the larger one.
    if let Some(warm_up) = table.get("warm-up").and_then(Value::as_str).and_then(seconds) {
        table.insert("warm-up".to_owned(), json!(written(warm_up.min(horizon * 0.4))));
    }
    match table.get("replications").and_then(Value::as_u64) {
        Some(replications) => drop(table.insert("replications".to_owned(), json!(replications.min(4)))),
        None if table.contains_key("precision") || table.contains_key("batches") => {}
        None => drop(table.insert("replications".to_owned(), json!(1 + draft.chance.below(3)))),
    }
}

/// Gives the states of a workflow their names: each goes on to a later one, and branches have states of their own.
fn connect(states: &mut Vec<Value>, draft: &mut Draft) {
    let (count, mut inner) = (states.len(), Vec::new());
    for (place, state) in states.iter_mut().enumerate() {
        let later = (place + 1..count).map(|other| format!("state{}", other + 1)).collect::<Vec<_>>();
        let mut fresh = |draft: &mut Draft| {
            let name = format!("inner{}", inner.len() + 1);
            let wait = json!({"constant": {"value": written(draft.chance.magnitude(0.01, 5.0))}});
            inner.push(json!({"name": name, "wait": wait}));
            json!(name)
        };
        let Some(state) = state.as_object_mut() else { continue };
        for branch in state.get_mut("parallel").and_then(Value::as_array_mut).into_iter().flatten() {
            *branch = json!([fresh(draft)]);
        }
        if let Some(map) = state.get_mut("map") {
            map["states"] = json!([fresh(draft)]);
            map["items"] = json!(draft.chance.below(5));
        }
        let mut go_on = |holder: &mut Value| {
            let names: Vec<&str> = later.iter().map(String::as_str).collect();
            holder["next"] = json!(draft.chance.one_of(&names));
        };
        if later.is_empty() {
            ["next", "catch"].iter().for_each(|key| drop(state.remove(*key)));
            // There is nowhere to go on to.
            if state.remove("choice").is_some() {
                state.insert("pass".to_owned(), json!(true));
            }
            continue;
        }
        for key in ["catch", "choice"] {
            state.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().for_each(&mut go_on);
        }
        if state.contains_key("next") {
            let mut holder = json!({});
            go_on(&mut holder);
            state.insert("next".to_owned(), holder["next"].take());
        }
    }
    states.extend(inner);
}
