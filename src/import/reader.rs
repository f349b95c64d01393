//! Reads the maps of a file key by key, and remembers which keys nobody read.

use std::cell::RefCell;

use super::model::Origin;
use super::tree::{Node, Place, Value};
use crate::schema::diagnostic::nearest;

/// Something to say about a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Note {
    /// Where.
    pub(super) place: Place,
    /// What it is: a key, a resource.
    pub(super) what: String,
    /// Why it is said.
    pub(super) why: String,
}

/// What was not understood, from all files.
#[derive(Debug, Default)]
pub(super) struct Notes {
    ignored: RefCell<Vec<Note>>,
}

impl Notes {
    /// Something has no part in the scenario.
    pub(super) fn ignore(&self, place: Place, what: impl Into<String>, why: impl Into<String>) {
        let note = Note { place, what: what.into(), why: why.into() };
        let mut ignored = self.ignored.borrow_mut();
        if ignored.len() < MAX_NOTES && !ignored.contains(&note) {
            ignored.push(note);
        }
    }

    /// What was ignored, in the order of the files.
    pub(super) fn into_ignored(self) -> Vec<Note> {
        let mut ignored = self.ignored.into_inner();
        ignored.sort();
        ignored
    }
}

/// Notes that are kept; nobody reads more.
const MAX_NOTES: usize = 2_000;

/// A value with where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
}

impl<T> Found<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Found<U> {
        Found { value: change(self.value), origin: self.origin }
    }
}

/// A value and its address in the file.
#[derive(Clone, Debug)]
pub(super) struct Item<'a> {
    pub(super) node: &'a Node,
    pub(super) address: String,
    notes: &'a Notes,
}

impl<'a> Item<'a> {
    pub(super) fn new(node: &'a Node, address: impl Into<String>, notes: &'a Notes) -> Self {
        Self { node, address: address.into(), notes }
    }

    /// As a map whose keys are read one by one.
    pub(super) fn table(&self) -> Table<'a> {
        if !matches!(self.node.value, Value::Map(_) | Value::Null) {
            self.notes.ignore(self.node.place, &self.address, format!("expected a map, found {}", self.node.kind()));
        }
        Table { node: self.node, address: self.address.clone(), notes: self.notes, known: RefCell::default() }
    }

    /// The elements of a list.
    pub(super) fn elements(&self) -> Vec<Item<'a>> {
        let item = |(number, node)| Item::new(node, format!("{}[{number}]", self.address), self.notes);
        self.node.elements().iter().enumerate().map(item).collect()
    }

    pub(super) fn origin(&self) -> Origin {
        Origin::Read { place: self.node.place, address: self.address.clone() }
    }

    pub(super) fn text(&self) -> Option<Found<String>> {
        match &self.node.value {
            Value::Scalar(text) => Some(Found { value: text.clone(), origin: self.origin() }),
            Value::Null => None,
            Value::Unknown(unknown) => {
                let why = format!("`{}` is known only after deployment; the default is used", unknown.text);
                self.notes.ignore(self.node.place, &self.address, why);
                None
            }
            _ => {
                let why = format!("expected a single value, found {}", self.node.kind());
                self.notes.ignore(self.node.place, &self.address, why);
                None
            }
        }
    }

    /// A value that is read from its text; `expected` says what it must be.
    pub(super) fn parsed<T>(&self, expected: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Found<T>> {
        let found = self.text()?;
        let value = read(found.value.trim());
        if value.is_none() {
            let why = format!("`{}` is not {expected}: the default is used", found.value);
            self.notes.ignore(self.node.place, &self.address, why);
        }
        Some(Found { value: value?, origin: found.origin })
    }

    pub(super) fn number(&self) -> Option<Found<f64>> {
        self.parsed("a number", |text| text.replace('_', "").parse().ok().filter(|number: &f64| number.is_finite()))
    }

    pub(super) fn whole(&self) -> Option<Found<u64>> {
        self.parsed("a whole number", |text| {
            let number: f64 = text.replace('_', "").parse().ok()?;
            (number >= 0.0 && number.fract() == 0.0 && number < 1e15).then_some(number as u64)
        })
    }

    pub(super) fn flag(&self) -> Option<Found<bool>> {
        self.parsed("true or false", |text| match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "enabled" => Some(true),
            "false" | "no" | "off" | "disabled" => Some(false),
            _ => None,
        })
    }

    /// What a value refers to: names of resources, the last part of an ARN, a name.
    pub(super) fn reference(&self) -> Vec<String> {
        match &self.node.value {
            Value::Scalar(text) => vec![text.clone()],
            Value::Unknown(unknown) => unknown.names.clone(),
            _ => Vec::new(),
        }
    }
}

/// A map of which it is known which keys were read. Dropped, it says which were not.
pub(super) struct Table<'a> {
    pub(super) node: &'a Node,
    pub(super) address: String,
    notes: &'a Notes,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    /// The value of a key.
    pub(super) fn get(&self, key: &'static str) -> Option<Item<'a>> {
        self.known.borrow_mut().push(key);
        let node = self.node.get(key)?;
        Some(Item::new(node, self.join(key), self.notes))
    }

    /// The map of a key; an empty one where it is absent.
    pub(super) fn table(&self, key: &'static str) -> Table<'a> {
        match self.get(key) {
            Some(item) => item.table(),
            None => Table { node: &NOTHING, address: self.join(key), notes: self.notes, known: RefCell::default() },
        }
    }

    /// The first element of the list of a key, or the map that stands there itself: blocks in Terraform.
    pub(super) fn block(&self, key: &'static str) -> Table<'a> {
        match self.get(key) {
            Some(item) if matches!(item.node.value, Value::List(_)) => match item.elements().first() {
                Some(first) => first.table(),
                None => Table { node: &NOTHING, address: item.address, notes: self.notes, known: RefCell::default() },
            },
            Some(item) => item.table(),
            None => Table { node: &NOTHING, address: self.join(key), notes: self.notes, known: RefCell::default() },
        }
    }

    /// The elements of the list of a key.
    pub(super) fn list(&self, key: &'static str) -> Vec<Item<'a>> {
        self.get(key).map(|item| item.elements()).unwrap_or_default()
    }

    pub(super) fn text(&self, key: &'static str) -> Option<Found<String>> {
        self.get(key)?.text()
    }

    pub(super) fn number(&self, key: &'static str) -> Option<Found<f64>> {
        self.get(key)?.number()
    }

    pub(super) fn whole(&self, key: &'static str) -> Option<Found<u64>> {
        self.get(key)?.whole()
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<Found<bool>> {
        self.get(key)?.flag()
    }

    /// Keys that are known, and mean nothing to a simulation.
    pub(super) fn skip(&self, keys: &[&'static str]) {
        self.known.borrow_mut().extend(keys);
    }

    /// Every key is known, whatever it is.
    pub(super) fn skip_rest(&self) {
        self.known.borrow_mut().push(ANY);
    }

    /// A key that is read for what it means, which no simulation knows.
    pub(super) fn refuse(&self, key: &'static str, why: &str) {
        if let Some(item) = self.get(key) {
            self.notes.ignore(item.node.place, item.address, why);
        }
    }

    pub(super) fn place(&self) -> Place {
        self.node.place
    }

    fn join(&self, key: &str) -> String {
        if self.address.is_empty() { key.to_owned() } else { format!("{}.{key}", self.address) }
    }
}

impl Drop for Table<'_> {
    fn drop(&mut self) {
        let known = self.known.borrow();
        if known.contains(&ANY) {
            return;
        }
        for entry in self.node.entries() {
            if !known.contains(&entry.key.as_str()) {
                let why = match nearest(&entry.key, known.iter().copied()) {
                    Some(near) => format!("not read: did you mean `{near}`?"),
                    None => "not read".to_owned(),
                };
                self.notes.ignore(entry.place, self.join(&entry.key), why);
            }
        }
    }
}

/// Says that any key is known.
const ANY: &str = "*";

/// A map that is not there.
static NOTHING: Node = Node { value: Value::Null, place: Place::NOWHERE, tag: None };
