//! JSON as a tree of values with their locations in the text.

use crate::schema::diagnostic::{Problem, SourceSpan};
use crate::schema::tree::{Entry, Node, Value};

/// Maximum nesting of values.
const MAX_DEPTH: u32 = 200;
/// Maximum number of values in a file.
const MAX_VALUES: usize = 1_000_000;

/// Reads a text, number `source` of those read.
///
/// # Errors
/// A problem and its location.
pub(super) fn parse(text: &str, source: usize) -> Result<Node, Problem> {
    let mut json = Json { text, source, at: 0, left: MAX_VALUES };
    let node = json.value(0)?;
    json.space();
    if json.at < text.len() { Err(json.wrong(json.at, "there is more behind the end")) } else { Ok(node) }
}

struct Json<'t> {
    text: &'t str,
    source: usize,
    at: usize,
    left: usize,
}

impl Json<'_> {
    fn place(&self, from: usize) -> SourceSpan {
        SourceSpan::new(self.source, from..self.at.max(from + 1).min(self.text.len()))
    }

    fn wrong(&self, from: usize, what: &str) -> Problem {
        Problem::error(self.place(from), format!("this is not JSON: {what}"))
    }

    fn rest(&self) -> &[u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn space(&mut self) {
        self.at += self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    /// Whether this comes next; if so, it is consumed.
    fn takes(&mut self, byte: u8) -> bool {
        self.space();
        let is_there = self.rest().first() == Some(&byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn value(&mut self, depth: u32) -> Result<Node, Problem> {
        self.space();
        let from = self.at;
        if depth > MAX_DEPTH {
            return Err(self.wrong(from, "its values are too deep in each other"));
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| self.wrong(from, "it has too many values"))?;
        let value = match self.rest().first() {
            Some(b'{') => self.table(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Node::at(self.place(from), value))
    }

    fn word(&mut self) -> Result<Value, Problem> {
        // A null value counts as absent.
        let words =
            [("true", Value::Boolean(true)), ("false", Value::Boolean(false)), ("null", Value::Table(Vec::new()))];
        for (word, value) in words {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.wrong(self.at, "a value is missing here"))
    }

    fn number(&mut self) -> Result<Value, Problem> {
        let from = self.at;
        let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        self.at += self.rest().iter().take_while(is_part).count();
        let text = &self.text[from..self.at];
        if let Ok(whole) = text.parse::<i128>() {
            return Ok(Value::Integer(Some(whole)));
        }
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        number.map(Value::Float).ok_or_else(|| self.wrong(from, "this is not a number"))
    }

    fn string(&mut self) -> Result<String, Problem> {
        let from = self.at;
        self.at += 1;
        loop {
            match self.rest().first() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(b'\n') | None => return Err(self.wrong(from, "this text has no end")),
                Some(_) => self.at += 1,
            }
            self.at = self.at.min(self.text.len());
        }
        self.at += 1;
        // Decodes the escapes.
        serde_json::from_str(&self.text[from..self.at]).map_err(|_| self.wrong(from, "this text has an unknown escape"))
    }

    fn list(&mut self, depth: u32) -> Result<Value, Problem> {
        self.at += 1;
        let mut elements = Vec::new();
        while !self.takes(b']') {
            if !elements.is_empty() && !self.takes(b',') {
                return Err(self.wrong(self.at, "a comma is missing here"));
            }
            elements.push(self.value(depth + 1)?);
        }
        Ok(Value::List(elements))
    }

    fn table(&mut self, depth: u32) -> Result<Value, Problem> {
        self.at += 1;
        let mut entries: Vec<Entry> = Vec::new();
        while !self.takes(b'}') {
            if !entries.is_empty() && !self.takes(b',') {
                return Err(self.wrong(self.at, "a comma is missing here"));
            }
            self.space();
            let from = self.at;
            if self.rest().first() != Some(&b'"') {
                return Err(self.wrong(from, "a key is missing here"));
            }
            let key = self.string()?;
            let place = self.place(from);
            if !self.takes(b':') {
                return Err(self.wrong(self.at, "a colon is missing here"));
            }
            let node = self.value(depth + 1)?;
            entries.push(Entry { key, place, node });
        }
        Ok(Value::Table(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_serde_json_reads() {
        let text = "{\"a\": [1, -2.5e3, \"x\\n\\u00e9\\\"\", true, null, {}], \"b\" : {\"c\":[]}}";
        let node = parse(text, 0).expect("JSON");
        assert_eq!(node.value.to_toml(), "{ a = [1, -2500.0, \"x\\né\\\"\", true, {}, {}], b = { c = [] } }");
        assert_eq!(parse(" 7 ", 0).expect("a number").value, Value::Integer(Some(7)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let deep = "[".repeat(100_000);
        for (text, expected) in [
            ("", "a value is missing here"),
            ("{\"a\" 1}", "a colon is missing here"),
            ("{\"a\": 1 \"b\": 2}", "a comma is missing here"),
            ("{a: 1}", "a key is missing here"),
            ("[1, 2", "a comma is missing here"),
            ("[1,]", "a value is missing here"),
            ("\"abc", "this text has no end"),
            ("\"abc\\", "this text has no end"),
            ("\"\\q\"", "this text has an unknown escape"),
            ("1.2.3", "this is not a number"),
            ("1e999", "this is not a number"),
            ("{} {}", "there is more behind the end"),
            ("é", "a value is missing here"),
            (&deep, "its values are too deep in each other"),
        ] {
            let problem = parse(text, 0).expect_err(expected);
            assert_eq!(problem.message, format!("this is not JSON: {expected}"));
        }
    }
}
