//! The names of a list: they must be unique, and can be looked up.

use std::collections::HashMap;

use crate::schema::diagnostic::{Problem, Problems, instead};
use crate::schema::tree::{Node, Value};

/// The names of a list, including elements that could not be read.
pub(super) struct Names {
    list: Vec<String>,
    places: HashMap<String, usize>,
    /// Whether the value is not a list at all, so that no names are known.
    broken: bool,
}

impl Names {
    /// The names of the elements of a list of the file. Reports duplicates.
    pub(super) fn of(root: &Node, list: &str, problems: &mut Problems) -> Self {
        let node = root.get(list);
        let broken = node.is_some_and(|node| !matches!(node.value, Value::List(_)));
        let mut names = Self { list: Vec::new(), places: HashMap::new(), broken };
        let elements = node.map_or(&[][..], Node::elements);
        for (index, element) in elements.iter().enumerate() {
            let Some((node, name)) = element.get("name").and_then(|node| Some((node, node.text()?))) else { continue };
            if let Some(first) = names.places.get(name).and_then(|&first| elements[first].get("name")) {
                let message = format!("two [[{list}]] tables are called \"{name}\"");
                let line = problems.line_number(first.place);
                let help = format!("names must be unique: the first is on line {line}; rename one of them");
                problems.push(Problem::error(node.place, message).help(help));
            } else {
                names.places.insert(name.to_owned(), index);
                names.list.push(name.to_owned());
            }
        }
        names
    }

    /// Adds a name that is not in the file.
    pub(super) fn add(&mut self, name: &str) {
        self.places.insert(name.to_owned(), self.list.len());
        self.list.push(name.to_owned());
    }

    /// Some names are unknown, so no name is reported as wrong.
    pub(super) fn forget(&mut self) {
        self.broken = true;
    }

    /// The index of a name in the list.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Whether no names are known because the list itself is invalid.
    pub(super) fn are_unknown(&self) -> bool {
        self.broken
    }

    /// All of them.
    pub(super) fn list(&self) -> &[String] {
        &self.list
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// What to write instead of an unknown name.
    pub(super) fn nearest(&self, name: &str) -> String {
        instead(name, "the names are", self.list.iter().map(String::as_str))
    }

    /// What to write if a name is missing.
    pub(super) fn help(&self) -> String {
        match self.list.first() {
            Some(name) => format!("name the function that receives the requests, as in function = \"{name}\""),
            None => "name the function that receives the requests, and add it with [[function]]".to_owned(),
        }
    }
}
