//! What is wrong with a drawn scenario is taken out of it: the checks name the keys, or at least the line.

use serde_json::{Map, Value, json};

use super::text;

/// Removes what each message names, else the key on its line; whether there was anything.
pub(super) fn repair<'a>(file: &mut Map<String, Value>, problems: impl Iterator<Item = (&'a str, usize)>) -> bool {
    let before = file.clone();
    let mut has_removed = false;
    for (message, line) in problems {
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        // What is named after a key may be a key of its table.
        let pairs =
            quoted.first().into_iter().flat_map(|first| quoted[1..].iter().map(move |key| format!("{first}.{key}")));
        let named = pairs.chain(quoted.iter().map(|&key| key.to_owned()));
        has_removed |= named.into_iter().any(|key| remove(file, &key)) || remove_line(file, &before, line);
    }
    file.retain(|_, value| value.as_array().is_none_or(|items| !items.is_empty()));
    has_removed
}

/// Removes what a dotted key names; false where nothing is there, or where nothing may be removed.
fn remove(file: &mut Map<String, Value>, key: &str) -> bool {
    let steps: Vec<&str> = key.split('.').collect();
    // A name stays, and so does what every scenario has.
    if matches!(steps[..], ["scenario" | "simulation"] | ["simulation", "horizon"]) || steps.last() == Some(&"name") {
        return false;
    }
    let Some((last, steps)) = steps.split_last() else { return false };
    let mut at = match steps.split_first() {
        None => return last.contains('-') && file.remove(*last).is_some(),
        Some((first, _)) => file.get_mut(*first),
    };
    if let ["function"] = steps {
        return reset(at, last);
    }
    for step in steps.iter().skip(1) {
        at = match at {
            Some(Value::Object(table)) => table.get_mut(*step),
            Some(Value::Array(items)) => place(items, step).and_then(|place| items.get_mut(place)),
            _ => None,
        };
    }
    match at {
        Some(Value::Object(table)) => take_out(table, last),
        Some(Value::Array(items)) => place(items, last).map(|place| items.remove(place)).is_some(),
        _ => false,
    }
}

/// Takes a key out of a table; what every function and every source must have gets the plainest value there is.
fn take_out(table: &mut Map<String, Value>, key: &str) -> bool {
    let plain = match key {
        "duration" if !table.contains_key("arrivals") => json!({"constant": {"value": "100ms"}}),
        "step" => json!([{"run": {"constant": {"value": "100ms"}}}]),
        "arrivals" => json!({"poisson": {"rate": "1/s"}}),
        "latency" => json!({"constant": {"value": "10ms"}}),
        "state" => json!([{"name": "state1", "pass": true}]),
        "target" | "function" if table.contains_key("arrivals") => json!("func1"),
        _ => return table.remove(key).is_some(),
    };
    let replaced = table.remove(key);
    let has_changed = replaced.as_ref().is_some_and(|old| *old != plain);
    if replaced.is_some() {
        table.insert(if key == "target" { "function" } else { key }.to_owned(), plain);
    }
    has_changed
}

/// Makes a function one that has nothing special: others refer to it.
fn reset(functions: Option<&mut Value>, name: &str) -> bool {
    let found = functions.and_then(Value::as_array_mut).and_then(|all| all.iter_mut().find(|one| one["name"] == name));
    let Some(function) = found else { return false };
    let plain = json!({"name": name, "duration": {"constant": {"value": "100ms"}}});
    let has_changed = *function != plain;
    *function = plain;
    has_changed
}

/// Removes the key on a line of the file as it was before.
fn remove_line(file: &mut Map<String, Value>, before: &Map<String, Value>, line: usize) -> bool {
    let Some((name, place, key)) = text::at_line(before, line) else { return false };
    let table = match file.get_mut(name) {
        Some(Value::Array(items)) => {
            let named = items.iter().position(|item| *item == before[name][place]);
            named.and_then(|place| items.get_mut(place)).and_then(Value::as_object_mut)
        }
        Some(Value::Object(table)) if name != "scenario" => Some(table),
        _ => None,
    };
    match (key, table) {
        ("" | "name", Some(table)) if name != "function" => {
            // The whole table is wrong.
            let table = std::mem::take(table);
            let Some(Value::Array(items)) = file.get_mut(name) else { return !table.is_empty() };
            items.retain(|item| item.as_object().is_none_or(|item| !item.is_empty()));
            true
        }
        (key, Some(table)) => key != "horizon" && take_out(table, key),
        _ => false,
    }
}

/// The place of an element in a list: by its name, else its number, from 1 on.
fn place(items: &[Value], name: &str) -> Option<usize> {
    let named = items.iter().position(|item| item["name"] == name);
    named.or_else(|| name.parse::<usize>().ok()?.checked_sub(1)).filter(|place| *place < items.len())
}
