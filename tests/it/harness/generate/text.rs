//! A drawn scenario as TOML: one line for each key of a table that stands for itself, so that a failure can be read.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The file of a table.
pub(super) fn document(file: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (key, value) in file {
        match value {
            Value::Array(tables) => tables.iter().for_each(|table| section(&mut text, &format!("[[{key}]]"), table)),
            table => section(&mut text, &format!("[{key}]"), table),
        }
    }
    text
}

fn section(text: &mut String, head: &str, table: &Value) {
    let _ = writeln!(text, "{head}");
    for (key, value) in table.as_object().into_iter().flatten() {
        let _ = writeln!(text, "{} = {}", quoted(key), inline(value));
    }
}

/// The table, its place in its list and the key that stand on a line (from 1) of [`document`].
pub(super) fn at_line(file: &Map<String, Value>, line: usize) -> Option<(&str, usize, &str)> {
    let mut first = 1;
    for (name, value) in file {
        let tables = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for (place, table) in tables.iter().enumerate() {
            let keys = table.as_object()?;
            if line <= first + keys.len() {
                let key = line.checked_sub(first + 1).and_then(|place| keys.keys().nth(place));
                return Some((name, place, key.map_or("", String::as_str)));
            }
            first += keys.len() + 1;
        }
    }
    None
}

/// A value on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{} = {}", quoted(key), inline(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        // Text and numbers of JSON are those of TOML.
        other => other.to_string(),
    }
}

fn quoted(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if is_bare { key.to_owned() } else { Value::from(key).to_string() }
}
