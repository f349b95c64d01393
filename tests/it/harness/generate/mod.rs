//! Whole scenarios, drawn at random over everything that a scenario file may say.
//!
//! What may be said is taken from the JSON Schema, which is made from the declared tables: a new key is drawn, in the range
//! and with the unit that it declares, without anybody thinking of it. What values must mean together to be accepted is
//! in [`relations`] and [`texts`]; a key that these do not know is drawn all the same.
//!
//! A draw is its number. Each has one [subject](subjects::Subject), a key or a word, that it is about and certainly has; the rest is up
//! to chance. So many draws in succession as there are subjects have each key at least once.
//!
//! It knows nothing of the crate, so that unit tests may include it too.

mod chance;
mod names;
mod relations;
mod repair;
mod subjects;
mod text;
mod texts;
mod values;

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use chance::Chance;
use names::Names;
use subjects::Subject;
pub(crate) use texts::FILES;

/// How likely a key is written that may be left out: seldom in large tables, so that scenarios stay readable.
const KEYS_WRITTEN: f64 = 4.0;

/// Draws scenarios.
pub(crate) struct Generator {
    schema: Value,
    subjects: Vec<Subject>,
}

/// A scenario that was drawn.
#[derive(Clone)]
pub(crate) struct Drawn {
    file: Map<String, Value>,
}

impl Generator {
    /// A generator of what a schema allows.
    pub(crate) fn new(schema: Value) -> Self {
        let subjects = subjects::all(&schema, &["function", "source", "gateway"]);
        Self { schema, subjects }
    }

    /// All keys and words of the schema; draw `n` has the one at place `n` modulo their number.
    pub(crate) fn subjects(&self) -> impl ExactSizeIterator<Item = &str> {
        self.subjects.iter().map(|subject| subject.id.as_str())
    }

    /// The scenario of a number.
    pub(crate) fn draw(&self, number: u64) -> Drawn {
        let subject = &self.subjects[(number % self.subjects.len() as u64) as usize];
        let mut chance = Chance::of(number);
        let tables = self.schema["properties"].as_object();
        let lists =
            tables.into_iter().flatten().filter(|(_, table)| table["type"] == "array").map(|(key, _)| key.as_str());
        let names = Names::draw(&mut chance, lists, subject.path.first().map(String::as_str));
        let mut draft = Draft { chance, names, path: Vec::new(), owner: String::new() };
        let mut file = draft.file(&self.schema, &subject.path);
        relations::settle(&mut file, &mut draft);
        Drawn { file }
    }

    /// The keys and words that a scenario has, of [`Self::subjects`].
    pub(crate) fn subjects_of(&self, drawn: &Drawn) -> HashSet<String> {
        let mut found = HashSet::new();
        subjects::of("", &self.schema, &Value::Object(drawn.file.clone()), &mut found);
        found
    }
}

impl Drawn {
    /// Its file.
    pub(crate) fn text(&self) -> String {
        text::document(&self.file)
    }

    /// Leaves out everything between sources and functions, and what goes wrong: functions are simulated apart.
    pub(crate) fn omit_path(&mut self) {
        let stays = ["function", "source", "variant", "objective"];
        self.file.retain(|list, value| !value.is_array() || stays.contains(&list.as_str()));
    }

    /// Leaves keys out of all functions.
    pub(crate) fn omit(&mut self, keys: &[&str]) {
        for function in self.file.get_mut("function").and_then(Value::as_array_mut).into_iter().flatten() {
            keys.iter().for_each(|key| drop(function.as_object_mut().and_then(|table| table.remove(*key))));
        }
    }

    /// Takes out what is wrong, of which these are the messages and the lines; whether something was found.
    pub(crate) fn repair<'a>(&mut self, problems: impl Iterator<Item = (&'a str, usize)>) -> bool {
        repair::repair(&mut self.file, problems)
    }
}

/// A scenario that is being drawn.
pub(super) struct Draft {
    chance: Chance,
    names: Names,
    /// The keys down to where it is.
    path: Vec<String>,
    /// The name of the function, source or component that is being drawn.
    owner: String,
}

impl Draft {
    /// The file, with what `wanted` leads to.
    fn file(&mut self, schema: &Value, wanted: &[String]) -> Map<String, Value> {
        let mut file = Map::new();
        for (key, table) in schema["properties"].as_object().into_iter().flatten() {
            let wanted = below(wanted, key);
            self.owner.clone_from(key);
            let value = if table["type"] == "array" {
                self.named(key, table, wanted)
            } else {
                let probability = match key.as_str() {
                    "scenario" | "simulation" => 1.0,
                    "platform" => 0.5,
                    "function-defaults" => 0.15,
                    _ => 0.04,
                };
                let is_drawn = wanted.is_some() || self.chance.happens(probability);
                is_drawn.then(|| self.at(key, |draft| draft.value(table, wanted)))
            };
            file.extend(value.map(|value| (key.clone(), value)));
        }
        file
    }

    /// A list of things that are named beforehand, if there are any.
    fn named(&mut self, key: &str, list: &Value, wanted: Option<&[String]>) -> Option<Value> {
        let names = self.names.of(key);
        let items: Vec<Value> = (names.into_iter().enumerate())
            .map(|(place, name)| {
                self.owner = name.clone();
                let wanted = wanted.filter(|_| place == 0).and_then(|wanted| below(wanted, "[]"));
                let mut item = self.at(key, |draft| draft.value(&list["items"], wanted));
                if let Some(table) = item.as_object_mut()
                    && list["items"]["properties"]["name"].is_object()
                {
                    table.insert("name".to_owned(), json!(name));
                }
                item
            })
            .collect();
        (!items.is_empty()).then_some(Value::Array(items))
    }

    /// What is drawn one key further down.
    fn at<T>(&mut self, key: &str, draw: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key.to_owned());
        let drawn = draw(self);
        self.path.pop();
        drawn
    }

    /// The key that a value is drawn for.
    fn key(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// Whether a table of this key is being filled.
    fn is_in(&self, key: &str) -> bool {
        self.path.iter().any(|step| step == key)
    }

    /// A value of this schema; with `wanted`, it has what that leads to.
    fn value(&mut self, schema: &Value, wanted: Option<&[String]>) -> Value {
        if let Some(word) = wanted.and_then(<[String]>::first).and_then(|step| step.strip_prefix('=')) {
            return json!(word);
        }
        let words = subjects::words(schema);
        if !words.is_empty() && schema["anyOf"].is_null() {
            return json!(self.chance.one_of(&words));
        }
        if let Some(all) = subjects::alternatives(schema) {
            let meant = wanted.and_then(<[String]>::first).and_then(|step| step.strip_prefix('|')?.parse().ok());
            let number = meant.unwrap_or_else(|| {
                // "none" is one of many values.
                let is_none = all[0]["const"].is_string() && !self.chance.happens(0.15);
                usize::from(is_none) + self.chance.below(all.len() - usize::from(is_none))
            });
            let wanted = meant.and(wanted).map(|steps| &steps[1..]);
            // What is said of the key is said of its alternatives.
            let mut one = all[number].clone();
            if let (Some(one), Some(default)) = (one.as_object_mut(), schema.get("default")) {
                one.insert("default".to_owned(), default.clone());
            }
            return self.value(&one, wanted);
        }
        if let Some(word) = schema["const"].as_str() {
            return json!(word);
        }
        if schema["properties"].is_object() || schema["additionalProperties"].is_object() {
            return self.table(schema, wanted);
        }
        if schema["type"] == "array" {
            return self.list(schema, wanted);
        }
        values::scalar(self, schema)
    }

    fn table(&mut self, schema: &Value, wanted: Option<&[String]>) -> Value {
        let meant = wanted.and_then(<[String]>::first).map(String::as_str);
        let mut table = Map::new();
        if let Some(properties) = schema["properties"].as_object() {
            let required = |key: &str| schema["required"].as_array().is_some_and(|all| all.contains(&json!(key)));
            let keys: Vec<&str> = properties.keys().map(String::as_str).collect();
            let chosen: Vec<&str> = if schema["maxProperties"] == 1 {
                vec![meant.unwrap_or_else(|| relations::kind(self, &keys))]
            } else {
                let written = (KEYS_WRITTEN / keys.len() as f64).min(0.4);
                let mut chosen = keys.clone();
                chosen.retain(|key| required(key) || meant == Some(*key) || self.chance.happens(written));
                relations::choose(self, &keys, &mut chosen, meant);
                chosen
            };
            for key in chosen {
                let wanted = wanted.and_then(|wanted| below(wanted, key));
                let value = self.at(key, |draft| draft.value(&properties[key], wanted));
                table.insert(key.to_owned(), value);
            }
        }
        let free = [&schema["additionalProperties"], &schema["patternProperties"]["[.]"]];
        for item in free.into_iter().filter(|free| free.is_object()) {
            let wanted = wanted.and_then(|wanted| below(wanted, "*"));
            for key in texts::free_keys(self, wanted.and_then(<[String]>::last).map(String::as_str)) {
                let known = if wanted.is_none() { texts::of_key(self, &key) } else { None };
                let value = known.unwrap_or_else(|| self.at(&key, |draft| draft.value(item, wanted)));
                table.insert(key, value);
            }
        }
        relations::adjust(self, &mut table);
        Value::Object(table)
    }

    fn list(&mut self, schema: &Value, wanted: Option<&[String]>) -> Value {
        let least = schema["minItems"].as_u64().unwrap_or(0).max(relations::least_items(self.key())) as usize;
        let most = schema["maxItems"].as_u64().unwrap_or(3).min(4) as usize;
        let count = (least + self.chance.below(3)).min(most).max(usize::from(wanted.is_some()));
        if schema["items"].as_object().is_none_or(Map::is_empty) {
            return texts::listed(self);
        }
        let mut items: Vec<Value> = (0..count)
            .map(|place| {
                let wanted = wanted.filter(|_| place == 0).and_then(|wanted| below(wanted, "[]"));
                self.value(&schema["items"], wanted)
            })
            .collect();
        relations::arrange(self, &mut items);
        Value::Array(items)
    }
}

/// What is wanted below a key, if it leads there.
fn below<'a>(wanted: &'a [String], key: &str) -> Option<&'a [String]> {
    wanted.split_first().filter(|(first, _)| *first == key).map(|(_, rest)| rest)
}
