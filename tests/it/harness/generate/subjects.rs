//! What a scenario may say, as a list: each key of each table, and each word that may stand at it. Tables that are declared once
//! and used in many places count once.

use std::collections::HashSet;

use serde_json::Value;

/// A key, or a word at a key.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// What it is called here: its table and itself.
    pub(super) id: String,
    /// How it is reached from the file: keys, `[]` for an element, `*` for a free key, `=word`.
    pub(super) path: Vec<String>,
}

/// All subjects of a schema; `first` are the tables whose places are preferred.
pub(super) fn all(schema: &Value, first: &[&str]) -> Vec<Subject> {
    let mut found = Found { subjects: Vec::new(), tables: HashSet::new() };
    let properties = schema["properties"].as_object();
    for key in first {
        if let Some(table) = properties.and_then(|tables| tables.get(*key)) {
            found.look(table, &[(*key).to_owned()]);
        }
    }
    found.look(schema, &[]);
    found.subjects
}

/// The name of the key of a table that stands at `place`.
fn id(place: &str, table: &Value, key: &str) -> String {
    let keys: Vec<&str> = table["properties"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    // A thing that has kinds is the same wherever it stands.
    let place = if table["maxProperties"] == 1 { "" } else { place };
    format!("{key} of {place}{{{}}}", keys.join(" "))
}

/// The words that may stand there, if there are any.
pub(super) fn words(schema: &Value) -> Vec<&str> {
    let listed = schema["oneOf"].as_array().into_iter().flatten();
    let of_choice = listed.filter_map(|word| word["const"].as_str());
    let of_enum = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    of_choice.chain(of_enum).collect()
}

/// What else may stand there, if several kinds of values may.
pub(super) fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array())
}

/// Whether a step of a path is a key.
fn is_key(step: &str) -> bool {
    !step.starts_with(['[', '*', '|', '='])
}

struct Found {
    subjects: Vec<Subject>,
    tables: HashSet<String>,
}

impl Found {
    fn look(&mut self, schema: &Value, path: &[String]) {
        let place = path.iter().rev().find(|step| is_key(step)).map_or("", String::as_str);
        let below = |step: &str| [path, &[step.to_owned()]].concat();
        for (number, one) in alternatives(schema).into_iter().flatten().enumerate() {
            if one["const"].is_null() {
                self.look(one, &below(&format!("|{number}")));
            }
        }
        if let Some(properties) = schema["properties"].as_object()
            && self.tables.insert(id(place, schema, ""))
        {
            for (key, value) in properties {
                let path = below(key);
                let id = id(place, schema, key);
                let alternative = |one: &&Value| one["const"].as_str().is_some();
                let constants = alternatives(value).into_iter().flatten().filter(alternative);
                for word in words(value).into_iter().chain(constants.filter_map(|one| one["const"].as_str())) {
                    let path = [&path[..], &[format!("={word}")]].concat();
                    self.subjects.push(Subject { id: format!("{id} = {word}"), path });
                }
                self.subjects.push(Subject { id, path: path.clone() });
                self.look(value, &path);
            }
        }
        for free in [&schema["additionalProperties"], &schema["patternProperties"]["[.]"]] {
            if free.is_object() {
                self.look(free, &below("*"));
            }
        }
        if schema["items"].is_object() {
            self.look(&schema["items"], &below("[]"));
        }
    }
}

/// The subjects that a value has, which stands at `place`.
pub(super) fn of(place: &str, schema: &Value, value: &Value, found: &mut HashSet<String>) {
    for one in alternatives(schema).into_iter().flatten().filter(|one| may_be(one, value)) {
        of(place, one, value, found);
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| of(place, &schema["items"], item, found)),
        Value::Object(entries) => {
            for (key, value) in entries {
                let declared = &schema["properties"][key.as_str()];
                if declared.is_object() {
                    let id = id(place, schema, key);
                    if let Some(word) = value.as_str() {
                        found.insert(format!("{id} = {word}"));
                    }
                    found.insert(id);
                    of(key, declared, value, found);
                } else if schema["additionalProperties"].is_object() {
                    of(place, &schema["additionalProperties"], value, found);
                } else if schema["patternProperties"].is_object() {
                    of(place, &schema["patternProperties"]["[.]"], value, found);
                }
            }
        }
        _ => {}
    }
}

/// Whether a table or a list may be what this alternative declares.
fn may_be(alternative: &Value, value: &Value) -> bool {
    let known = alternative["properties"].as_object();
    match value {
        Value::Object(entries) => {
            let all_known = known.is_some_and(|known| entries.keys().all(|key| known.contains_key(key)));
            all_known || alternative["additionalProperties"].is_object()
        }
        Value::Array(_) => alternative["items"].is_object(),
        _ => false,
    }
}
