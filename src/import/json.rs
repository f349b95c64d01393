//! JSON as a tree, with the comments that Azure's files have. `serde_json` keeps no places, and YAML's reader takes no tabs.

use super::tree::{Entry, MAX_DEPTH, MAX_NODES, Node, Place, Value};
use super::yaml::SyntaxError;

/// The value of a text.
///
/// # Errors
/// The first mistake in it.
pub(super) fn parse(file: usize, text: &str) -> Result<Node, SyntaxError> {
    let mut reader = Reader { file, text, at: 0, line: 1, nodes: 0 };
    reader.space();
    let node = reader.value()?;
    reader.space();
    if reader.at < text.len() { Err(reader.wrong("unexpected text after the value")) } else { Ok(node) }
}

struct Reader<'a> {
    file: usize,
    text: &'a str,
    at: usize,
    line: usize,
    nodes: usize,
}

/// A list or map that is not closed yet.
enum Open {
    List(Place, Vec<Node>),
    Map(Place, Vec<Entry>, String, Place),
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        loop {
            while let Some(byte) = self.peek().filter(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
                self.line += usize::from(byte == b'\n');
                self.at += 1;
            }
            let rest = &self.text.as_bytes()[self.at..];
            let end = if rest.starts_with(b"//") {
                rest.iter().position(|byte| *byte == b'\n')
            } else if rest.starts_with(b"/*") {
                rest.windows(2).position(|two| two == b"*/").map(|at| at + 2)
            } else {
                return;
            };
            let comment = &rest[..end.unwrap_or(rest.len())];
            self.line += comment.iter().filter(|byte| **byte == b'\n').count();
            self.at += comment.len();
        }
    }

    fn wrong(&self, message: &str) -> SyntaxError {
        let place = Place::new(self.file, self.line, self.at, self.at);
        SyntaxError::new(place, format!("this is not JSON: {message}"))
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    fn value(&mut self) -> Result<Node, SyntaxError> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            self.nodes += 1;
            if self.nodes > MAX_NODES {
                return Err(self.wrong(&format!("more than the limit of {MAX_NODES} values")));
            }
            if open.len() > MAX_DEPTH {
                return Err(self.wrong(&format!("nested deeper than the limit of {MAX_DEPTH} levels")));
            }
            let (start, line) = (self.at, self.line);
            let mut done = match self.peek() {
                Some(b'{') => {
                    self.at += 1;
                    self.space();
                    let place = Place::new(self.file, line, start, start + 1);
                    if self.eat(b'}') {
                        Node::new(Value::Map(Vec::new()), place)
                    } else {
                        let (key, at) = self.key()?;
                        open.push(Open::Map(place, Vec::new(), key, at));
                        continue;
                    }
                }
                Some(b'[') => {
                    self.at += 1;
                    self.space();
                    let place = Place::new(self.file, line, start, start + 1);
                    if self.eat(b']') {
                        Node::new(Value::List(Vec::new()), place)
                    } else {
                        open.push(Open::List(place, Vec::new()));
                        continue;
                    }
                }
                Some(b'"') => {
                    let text = self.string()?;
                    Node::new(Value::Scalar(text), Place::new(self.file, line, start, self.at))
                }
                _ => self.word()?,
            };
            // Close whatever ends here.
            loop {
                let Some(parent) = open.pop() else { return Ok(done) };
                self.space();
                match parent {
                    Open::List(place, mut elements) => {
                        elements.push(done);
                        if self.eat(b',') {
                            self.space();
                            open.push(Open::List(place, elements));
                            break;
                        }
                        if !self.eat(b']') {
                            return Err(self.wrong("expected `,` or `]`"));
                        }
                        done = Node::new(Value::List(elements), place);
                    }
                    Open::Map(place, mut entries, key, at) => {
                        entries.push(Entry { key, place: at, node: done });
                        if self.eat(b',') {
                            self.space();
                            let (key, at) = self.key()?;
                            open.push(Open::Map(place, entries, key, at));
                            break;
                        }
                        if !self.eat(b'}') {
                            return Err(self.wrong("expected `,` or `}`"));
                        }
                        done = Node::new(Value::Map(entries), place);
                    }
                }
            }
        }
    }

    fn key(&mut self) -> Result<(String, Place), SyntaxError> {
        let (start, line) = (self.at, self.line);
        if self.peek() != Some(b'"') {
            return Err(self.wrong("expected a key in double quotes"));
        }
        let key = self.string()?;
        let place = Place::new(self.file, line, start, self.at);
        self.space();
        if !self.eat(b':') {
            return Err(self.wrong("expected `:` after the key"));
        }
        self.space();
        Ok((key, place))
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Result<Node, SyntaxError> {
        let start = self.at;
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        while self.peek().is_some_and(is_part) {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        let place = Place::new(self.file, self.line, start, self.at);
        match word {
            "null" => Ok(Node::new(Value::Null, place)),
            "true" | "false" => Ok(Node::new(Value::Scalar(word.to_owned()), place)),
            _ if word.parse::<f64>().is_ok_and(f64::is_finite) => Ok(Node::new(Value::Scalar(word.to_owned()), place)),
            _ => {
                self.at = start;
                Err(self.wrong("expected a value"))
            }
        }
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(length) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | b'\n')) else {
                return Err(self.wrong("a text without its closing quote"));
            };
            text.push_str(&rest[..length]);
            self.at += length + 1;
            match rest.as_bytes()[length] {
                b'"' => return Ok(text),
                b'\n' => {
                    self.at -= 1;
                    return Err(self.wrong("unterminated string"));
                }
                _ => text.push(self.escaped()?),
            }
        }
    }

    /// The character after a backslash.
    fn escaped(&mut self) -> Result<char, SyntaxError> {
        let letter = self.peek();
        self.at += 1;
        Ok(match letter {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(quoted @ (b'"' | b'\\' | b'/')) => char::from(quoted),
            Some(b'u') => {
                let first = self.unit()?;
                if (0xD800..0xDC00).contains(&first) && self.text[self.at..].starts_with("\\u") {
                    self.at += 2;
                    let second = self.unit()?;
                    let code = 0x1_0000 + ((first - 0xD800) << 10) + (second.wrapping_sub(0xDC00) & 0x3FF);
                    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
                } else {
                    char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
                }
            }
            _ => {
                self.at -= 1;
                return Err(self.wrong("no such escape"));
            }
        })
    }

    fn unit(&mut self) -> Result<u32, SyntaxError> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(unit) => {
                self.at += 4;
                Ok(unit)
            }
            None => Err(self.wrong("expected four hexadecimal digits")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_lines() {
        let node =
            parse(1, "{\n\t\"a\": [1, -2.5e3, true, null, \"x\\n\\u00e9\\ud83d\\ude00\"],\r\n\"b\": {}, \"c\": []}")
                .unwrap();
        let list = node.get("a").unwrap();
        assert_eq!(list.place.line(), 2);
        assert_eq!(list.elements()[1].text(), Some("-2.5e3"));
        assert_eq!(list.elements()[4].text(), Some("x\né😀"));
        assert!(matches!(list.elements()[3].value, Value::Null));
        assert_eq!(node.get("b").unwrap().place.line(), 3);
    }

    #[test]
    fn it_agrees_with_serde_json_about_what_is_json() {
        let texts = [
            "",
            "{",
            "}",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "[1 2]",
            "\"a",
            "\"a\nb\"",
            "nul",
            "1 2",
            "{a: 1}",
            "[]",
            "{}",
            "1e5",
            "\"\\x\"",
            "\"\\u12\"",
            "[[[]]]",
            "{\"a\":{\"b\":[{}]}}",
            "é",
            "\"é\"",
            "\\",
            "\"\\",
            "\"\\ud800\"",
        ];
        for text in texts {
            let theirs = serde_json::from_str::<serde_json::Value>(text).is_ok();
            // A lone surrogate is replaced, as browsers do.
            assert_eq!(parse(0, text).is_ok(), theirs || text.contains("ud800"), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert!(parse(0, &"[".repeat(1_000_000)).unwrap_err().message.contains("deeper"));
        assert!(parse(0, &"{\"a\":".repeat(1_000_000)).unwrap_err().message.contains("deeper"));
    }
}
