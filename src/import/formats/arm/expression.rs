//! Expressions of ARM templates, as far as the template says their values: `[parameters('memory')]`, `[concat('a', variables('b'))]`.

use std::cell::Cell;

use crate::import::tree::{Entry, Node, Unknown, Value};

/// Expressions within expressions.
const MAX_DEPTH: usize = 30;
/// Parameters and variables that are looked up: those that name each other could grow without end.
const MAX_STEPS: u32 = 20_000;
/// Values in a parameter or a variable.
const MAX_VALUES: usize = 500;
/// Characters of a text that an expression makes.
const MAX_TEXT: usize = 10_000;

/// What a template says besides its resources.
pub(super) struct Template<'a> {
    pub(super) parameters: &'a [Entry],
    /// Values that a deployment within a template gives to its parameters.
    pub(super) given: &'a [Entry],
    pub(super) variables: &'a [Entry],
    /// Parameters and variables that were looked up.
    pub(super) steps: Cell<u32>,
}

/// A text, and whether all of it is known.
struct Text {
    text: String,
    is_known: bool,
}

impl Template<'_> {
    /// A node with its expressions evaluated. What only a deployment knows keeps what is known of it as its name.
    pub(super) fn resolve(&self, node: &Node) -> Node {
        self.resolve_at(node, 0)
    }

    fn resolve_at(&self, node: &Node, depth: usize) -> Node {
        let value = match &node.value {
            Value::Scalar(text) if text.starts_with('[') && text.ends_with(']') && !text.starts_with("[[") => {
                return self.expression(node, &text[1..text.len() - 1], depth);
            }
            Value::List(elements) => {
                Value::List(elements.iter().map(|element| self.resolve_at(element, depth)).collect())
            }
            Value::Map(entries) => {
                let entry = |entry: &Entry| Entry { node: self.resolve_at(&entry.node, depth), ..entry.clone() };
                Value::Map(entries.iter().map(entry).collect())
            }
            other => other.clone(),
        };
        Node { value, ..node.clone() }
    }

    fn expression(&self, node: &Node, written: &str, depth: usize) -> Node {
        // A parameter or variable alone may be anything, and is changed where it has its value.
        let mut parser = Parser { rest: written.trim() };
        let whole = parser.call().filter(|_| parser.rest.trim().is_empty());
        if let Some((name, arguments)) = &whole
            && let [argument] = &arguments[..]
            && let Some(found) = self.named(name, argument)
            && depth < MAX_DEPTH
        {
            return self.resolve_at(found, depth + 1);
        }
        let found = self.text(written.trim(), depth);
        let value = if found.is_known {
            Value::Scalar(found.text)
        } else {
            Value::Unknown(Unknown { text: format!("[{written}]"), names: vec![found.text] })
        };
        Node::new(value, node.place)
    }

    /// The value of a parameter or a variable.
    fn named(&self, function: &str, argument: &str) -> Option<&Node> {
        let name = argument.trim().strip_prefix('\'')?.strip_suffix('\'')?;
        self.steps.set(self.steps.get().saturating_add(1));
        if self.steps.get() > MAX_STEPS {
            return None;
        }
        let of = |entries: &[Entry]| entries.iter().position(|entry| entry.key.eq_ignore_ascii_case(name));
        let found = match function {
            "parameters" => match of(self.given) {
                Some(at) => self.given[at].node.get("value"),
                None => self.parameters[of(self.parameters)?].node.get("defaultValue"),
            },
            "variables" => Some(&self.variables[of(self.variables)?].node),
            _ => None,
        };
        found.filter(|found| found.has_at_most(MAX_VALUES))
    }

    fn text(&self, written: &str, depth: usize) -> Text {
        let unknown = || Text { text: String::new(), is_known: false };
        if depth > MAX_DEPTH {
            return unknown();
        }
        let written = written.trim();
        if let Some(inner) = written.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            return Text { text: inner.replace("\'\'", "\'"), is_known: true };
        }
        if written.parse::<f64>().is_ok() {
            return Text { text: written.to_owned(), is_known: true };
        }
        let mut parser = Parser { rest: written };
        let Some((name, arguments)) = parser.call() else { return unknown() };
        // A property of a result is known only after deployment.
        let is_whole = parser.rest.trim().is_empty();
        if let [argument] = &arguments[..]
            && let Some(found) = self.named(name, argument)
        {
            return match (&self.resolve_at(found, depth + 1).value, is_whole) {
                (Value::Scalar(text), true) => Text { text: text.clone(), is_known: true },
                (Value::Unknown(unknown), true) => {
                    Text { text: unknown.names.concat().chars().take(MAX_TEXT).collect(), is_known: false }
                }
                _ => unknown(),
            };
        }
        let mut values = arguments.iter().map(|argument| self.text(argument, depth + 1));
        let mut made = match name {
            "concat" => values.fold(Text { text: String::new(), is_known: true }, |mut all, next| {
                all.text.push_str(&next.text);
                Text { is_known: all.is_known && next.is_known, ..all }
            }),
            "format" => {
                let Some(form) = values.next() else { return unknown() };
                let mut all = form;
                for (number, value) in values.enumerate() {
                    all.text = all.text.replace(&format!("{{{number}}}"), &value.text);
                    all.is_known &= value.is_known;
                    if all.text.len() > MAX_TEXT {
                        return unknown();
                    }
                }
                all
            }
            "toLower" | "string" | "int" | "trim" => values.next().unwrap_or_else(unknown),
            // A resource is known by the last part of its name.
            "resourceId" => values.next_back().unwrap_or_else(unknown),
            _ => unknown(),
        };
        if name == "toLower" {
            made.text = made.text.to_lowercase();
        }
        made.text.truncate(made.text.char_indices().nth(MAX_TEXT).map_or(made.text.len(), |(at, _)| at));
        Text { is_known: made.is_known && is_whole, ..made }
    }
}

/// Reads calls of functions.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    /// A name with its arguments as they are written.
    fn call(&mut self) -> Option<(&'a str, Vec<&'a str>)> {
        let (name, after) = self.rest.split_once('(')?;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.') {
            return None;
        }
        let (mut arguments, mut start, mut open, mut is_quoted) = (Vec::new(), 0, 0, false);
        for (at, byte) in after.bytes().enumerate() {
            match byte {
                b'\'' => is_quoted = !is_quoted,
                _ if is_quoted => {}
                b'(' | b'[' => open += 1,
                b')' if open == 0 => {
                    let last = after[start..at].trim();
                    if !last.is_empty() {
                        arguments.push(last);
                    }
                    self.rest = &after[at + 1..];
                    return Some((name, arguments));
                }
                b')' | b']' => open -= 1,
                b',' if open == 0 => {
                    arguments.push(after[start..at].trim());
                    start = at + 1;
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::json;

    #[test]
    fn what_the_template_knows_is_evaluated() {
        let text = r#"{"parameters": {"name": {"defaultValue": "[format('func-{0}', uniqueString('x'))]"}, "memory": {"defaultValue": 2048},
                       "circle": {"defaultValue": "[parameters('circle')]"}},
                       "variables": {"plan": "[concat(toLower('PLAN-'), parameters('memory'))]", "it": "it''s [not] one"}}"#;
        let document = json::parse(0, text).unwrap();
        let template = Template {
            parameters: document.get("parameters").unwrap().entries(),
            given: &[],
            variables: document.get("variables").unwrap().entries(),
            steps: Cell::default(),
        };
        let resolved = |text: &str| template.resolve(&Node::new(Value::Scalar(text.to_owned()), Default::default()));
        let known = |text: &str| resolved(text).text().map(str::to_owned);
        assert_eq!(known("[parameters('memory')]").as_deref(), Some("2048"));
        assert_eq!(known("[variables('plan')]").as_deref(), Some("plan-2048"));
        assert_eq!(known("[resourceId('Microsoft.Web/serverfarms', variables('plan'))]").as_deref(), Some("plan-2048"));
        assert_eq!(known("[concat('it''s (', 'a, b', ')')]").as_deref(), Some("it's (a, b)"));
        assert_eq!(known("plain").as_deref(), Some("plain"));
        assert_eq!(known("[[literal]").as_deref(), Some("[[literal]"));
        for text in ["[parameters('circle')]", "[reference('x').y]", "[broken(]", "[unknown]", "[parameters('none')]"] {
            assert_eq!(known(text), None, "{text}");
        }
        let Value::Unknown(name) = resolved("[parameters('name')]").value else { panic!("it is not known") };
        assert_eq!(name.names, ["func-"]);
    }
}
