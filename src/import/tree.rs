//! A tree of values in which each knows where it was written: what YAML and JSON files become.

use crate::schema::diagnostic::SourceSpan;

/// Values of one file, aliases of YAML expanded.
pub(super) const MAX_NODES: usize = 1_000_000;
/// How deep values may be nested.
pub(super) const MAX_DEPTH: usize = 100;

/// A piece of one of the files that are imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    file: u32,
    /// From 1.
    line: u32,
    start: u32,
    end: u32,
}

impl Place {
    /// The place of what is not there.
    pub(super) const NOWHERE: Self = Self { file: 0, line: 0, start: 0, end: 0 };

    /// Bytes `start..end` of a file, which begin on a line.
    pub(super) fn new(file: usize, line: usize, start: usize, end: usize) -> Self {
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { file: narrow(file), line: narrow(line), start: narrow(start), end: narrow(end.max(start)) }
    }

    /// Its bytes.
    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The number of its file.
    pub(super) fn file(self) -> usize {
        self.file as usize
    }

    /// The number of its line, from 1.
    pub(super) fn line(self) -> u32 {
        self.line
    }

    /// The place of part of a value, or of what is computed from it: its line, with nothing that could be replaced there.
    pub(super) fn part(self, number: usize) -> Self {
        let start = self.start.saturating_add(u32::try_from(number).unwrap_or(u32::MAX)).min(self.end);
        Self { start, end: start, ..self }
    }

    /// Another place if this is that of what is not there.
    pub(super) fn or(self, other: Self) -> Self {
        if self == Self::NOWHERE { other } else { self }
    }

    /// The same for messages.
    pub(super) fn span(self) -> SourceSpan {
        SourceSpan::new(self.file as usize, self.start as usize..self.end as usize)
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
    /// The tag of YAML without its `!`, as `Ref`.
    pub(super) tag: Option<Box<str>>,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    /// A text, number or truth value, as it was written.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Something that only a deployment knows.
    Unknown(Unknown),
}

/// A value that only a deployment knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Unknown {
    /// As it was written.
    pub(super) text: String,
    /// What it refers to: names of resources of the file.
    pub(super) names: Vec<String>,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

impl Node {
    pub(super) fn new(value: Value, place: Place) -> Self {
        Self { value, place, tag: None }
    }

    /// The value of a key. A key that stands twice counts as it was written last.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().rev().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The value at the end of several keys.
    pub(super) fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The entries, if it is a map.
    pub(super) fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// The elements, if it is a list.
    pub(super) fn elements(&self) -> &[Self] {
        if let Value::List(elements) = &self.value { elements } else { &[] }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Scalar(text) = &self.value { Some(text) } else { None }
    }

    /// Whether the value of a key is this text.
    pub(super) fn says(&self, key: &str, text: &str) -> bool {
        self.get(key).and_then(Self::text) == Some(text)
    }

    /// Whether it is made of no more than so many values.
    pub(super) fn has_at_most(&self, most: usize) -> bool {
        let (mut open, mut count) = (vec![self], 0);
        while let Some(node) = open.pop() {
            count += 1;
            if count + open.len() > most {
                return false;
            }
            match &node.value {
                Value::List(elements) => open.extend(elements),
                Value::Map(entries) => open.extend(entries.iter().map(|entry| &entry.node)),
                _ => {}
            }
        }
        true
    }

    /// What to call it in a message.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Unknown(_) => "known only after deployment",
        }
    }
}
