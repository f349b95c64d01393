//! Values that were assumed and not replaced since.

use super::Checker;
use crate::scenario::raw::FileTable;
use crate::schema::diagnostic::Problem;
use crate::schema::tree::{Node, Value};

/// Maximum number of keys named in the warning; the others are counted.
const SHOWN: usize = 6;

impl Checker<'_, '_> {
    /// The keys of values that `forewarm import` had to assume and that have not been replaced, with a warning.
    pub(super) fn assumed(&mut self, file: &FileTable, root: &Node) -> Vec<String> {
        let is_assumed = |key: &str, value: Option<&str>| {
            let now = find(root, key);
            now.is_some_and(|now| value.is_none_or(|value| shown(now) == value))
        };
        let entries = file.origin.iter().filter(|(_, origin)| origin.assumed.is_some());
        let assumed: Vec<String> = entries
            .filter(|(key, origin)| is_assumed(key, origin.value.value.as_deref()))
            .map(|(key, _)| key.clone())
            .collect();
        if !assumed.is_empty() {
            let number = assumed.len();
            let values = if number == 1 { "1 value is" } else { &format!("{number} values are") };
            let mut named: Vec<String> = assumed.iter().take(SHOWN).map(|key| format!("`{key}`")).collect();
            if number > SHOWN {
                named.push(format!("{} more", number - SHOWN));
            }
            let message = format!("{values} ASSUMED, not measured: {}", named.join(", "));
            let help = "replace them with measured values; a value counts as assumed until it changes or its line in \
                        [origin] is removed";
            self.problems.push(Problem::warning(file.origin.place, message).help(help));
        }
        assumed
    }
}

/// The value of a dotted key, in which list elements are given by name.
fn find<'a>(root: &'a Node, key: &str) -> Option<&'a Node> {
    let mut node = root;
    for part in key.split('.') {
        node = match &node.value {
            Value::List(elements) => {
                elements.iter().find(|element| element.get("name").and_then(Node::text) == Some(part))?
            }
            _ => node.get(part)?,
        };
    }
    Some(node)
}

/// A value or a list of values, as written in `[origin]`.
fn shown(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => text.clone(),
        Value::Integer(Some(number)) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(is) => is.to_string(),
        Value::List(elements) => {
            let elements: Vec<String> = elements.iter().map(shown).collect();
            format!("[{}]", elements.join(", "))
        }
        _ => String::new(),
    }
}
