//! The text of a scenario as a tree of values, each with its place; and the tree as canonical TOML again.
//!
//! Presets, defaults, variants and `--set` are changes to this tree, made before anything is interpreted.

use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Problem, Problems, SourceSpan};
use super::limits::{MAX_SYNTAX_ERRORS, MAX_VALUES};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) place: SourceSpan,
    pub(crate) value: Value,
}

/// What TOML knows.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    /// Every integer that may be meant; beyond that, `None`.
    Integer(Option<i128>),
    Float(f64),
    Boolean(bool),
    Datetime(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) key: String,
    pub(crate) place: SourceSpan,
    pub(crate) node: Node,
}

impl Entry {
    /// A key and its value, both said to stand at one place.
    pub fn new(key: &str, place: SourceSpan, value: Value) -> Self {
        Self { key: key.to_owned(), place, node: Node::at(place, value) }
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.node == other.node
    }
}

impl Node {
    /// Reads TOML, as much as can be read; what cannot is reported.
    pub fn parse(text: &str, source: usize, problems: &mut Problems) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut lines = HashSet::new();
        for error in errors.into_iter().take(MAX_SYNTAX_ERRORS) {
            // A second error on a line is usually the same mistake.
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            if lines.insert(text[..start].rfind('\n')) {
                problems.push(syntax_problem(text, source, error.message(), error.span()));
            }
        }
        let mut convert = Convert { source, left: MAX_VALUES };
        let root = convert.table(table.get_ref(), SourceSpan::new(source, 0..0));
        if convert.left == 0 {
            let message = format!("the file has more than {MAX_VALUES} values, which is the limit");
            problems.push(Problem::error(SourceSpan::new(source, 0..0), message));
        }
        root
    }

    /// Reads one value, as after `key =`.
    pub fn parse_value(text: &str, source: usize, offset: usize) -> Option<Self> {
        let value = DeValue::parse(text).ok()?;
        let mut node = Convert { source, left: MAX_VALUES }.value(&value);
        node.move_to(SourceSpan::new(source, offset..offset + text.len()));
        Some(node)
    }

    /// A value that stands nowhere of its own.
    pub fn at(place: SourceSpan, value: Value) -> Self {
        Self { place, value }
    }

    /// The value of a key, if this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The entries, if this is a table.
    pub fn entries(&self) -> &[Entry] {
        if let Value::Table(entries) = &self.value { entries } else { &[] }
    }

    /// The elements, if this is a list.
    pub fn elements(&self) -> &[Self] {
        if let Value::List(elements) = &self.value { elements } else { &[] }
    }

    /// The text, if this is one.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// Says that this value and all in it come from `place`.
    pub fn move_to(&mut self, place: SourceSpan) {
        self.place = place;
        match &mut self.value {
            Value::List(elements) => elements.iter_mut().for_each(|element| element.move_to(place)),
            Value::Table(entries) => {
                for entry in entries {
                    entry.place = place;
                    entry.node.move_to(place);
                }
            }
            _ => {}
        }
    }

    /// How many values there are in all.
    pub fn count(&self) -> usize {
        let inside: usize = match &self.value {
            Value::List(elements) => elements.iter().map(Self::count).sum(),
            Value::Table(entries) => entries.iter().map(|entry| entry.node.count()).sum(),
            _ => 0,
        };
        1 + inside
    }
}

impl Value {
    /// A text.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::Datetime(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    /// As TOML on one line.
    pub fn to_toml(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Integer(number) => number.map_or("nan".to_owned(), |number| number.to_string()),
            Self::Float(number) => format!("{number:?}"),
            Self::Boolean(value) => value.to_string(),
            Self::Datetime(text) => text.clone(),
            Self::List(elements) => {
                let inside: Vec<String> = elements.iter().map(|element| element.value.to_toml()).collect();
                format!("[{}]", inside.join(", "))
            }
            Self::Table(entries) => {
                let inside: Vec<String> = entries
                    .iter()
                    .map(|entry| format!("{} = {}", bare_or_quoted(&entry.key), entry.node.value.to_toml()))
                    .collect();
                if inside.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", inside.join(", ")) }
            }
        }
    }
}

/// A whole document: a `[table]` for each table, a `[[list]]` for each list of tables, and one line for each key in them.
pub fn to_document(root: &Value) -> String {
    let Value::Table(sections) = root else { return root.to_toml() };
    let mut text = String::new();
    for section in sections {
        let key = bare_or_quoted(&section.key);
        match &section.node.value {
            Value::Table(entries) => write_section(&mut text, &format!("[{key}]"), entries),
            Value::List(elements) => {
                for element in elements {
                    write_section(&mut text, &format!("[[{key}]]"), element.entries());
                }
            }
            other => text.push_str(&format!("{key} = {}\n", other.to_toml())),
        }
    }
    text
}

fn write_section(text: &mut String, header: &str, entries: &[Entry]) {
    let blank = if text.is_empty() { "" } else { "\n" };
    text.push_str(&format!("{blank}{header}\n"));
    for entry in entries {
        text.push_str(&format!("{} = {}\n", bare_or_quoted(&entry.key), entry.node.value.to_toml()));
    }
}

fn bare_or_quoted(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// From the parser's values to ours: owned, in the order of the text, and not endlessly many.
struct Convert {
    source: usize,
    left: usize,
}

impl Convert {
    fn table(&mut self, table: &DeTable<'_>, place: SourceSpan) -> Node {
        let mut entries: Vec<Entry> = Vec::with_capacity(table.len());
        for (key, value) in table {
            if self.left == 0 {
                break;
            }
            let place = SourceSpan::new(self.source, key.span());
            entries.push(Entry { key: key.get_ref().to_string(), place, node: self.value(value) });
        }
        // The parser sorts by key; a `[[list]]` is met where it was first written.
        entries.sort_by_key(|entry| entry.place.order());
        Node::at(place, Value::Table(entries))
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>) -> Node {
        self.left = self.left.saturating_sub(1);
        let place = SourceSpan::new(self.source, value.span());
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => Value::Integer(i128::from_str_radix(number.as_str(), number.radix()).ok()),
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(value) => Value::Boolean(*value),
            DeValue::Datetime(date) => Value::Datetime(date.to_string()),
            DeValue::Array(elements) => {
                Value::List(elements.iter().take(self.left).map(|element| self.value(element)).collect())
            }
            DeValue::Table(table) => return self.table(table, place),
        };
        Node::at(place, value)
    }
}

/// An error of syntax in plain words, with advice where the mistake is a common one.
fn syntax_problem(text: &str, source: usize, message: &str, span: Option<Range<usize>>) -> Problem {
    let span = span.map_or(0..0, |span| span.start.min(text.len())..span.end.min(text.len()));
    let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let word = text.get(span.clone()).unwrap_or_default();
    let place = SourceSpan::new(source, span);
    if message == "duplicate key" {
        let problem = Problem::error(place, format!("`{word}` is given twice"));
        return problem.help("a key and a [table] stand once; for one more element of a list write [[...]]");
    }
    if message.contains("recursion limit") || message.contains("recursion depth") {
        return Problem::error(place, "keys or values are nested too deeply: at most 80 levels are read");
    }
    let problem = Problem::error(place, in_plain_words(message));
    if text.trim_start().starts_with('{') {
        return problem.help("this looks like JSON; a scenario is TOML: `forewarm init` writes an example");
    }
    match (line.split_once('='), line.split_once(':')) {
        (Some((key, value)), _) => {
            let value = value.split('#').next().unwrap_or_default().trim();
            let unquoted = value.starts_with(|c: char| c.is_alphanumeric()) && !value.contains(['"', '\'', '{', '[']);
            if !unquoted {
                return problem;
            }
            problem.help(format!("names and quantities need quotes: `{} = \"{value}\"`", key.trim()))
        }
        (None, Some((key, value))) if !key.contains(['[', '"']) => match value.trim() {
            "" => problem.help(format!("this looks like YAML; in TOML it is [{}]", key.trim())),
            value => problem.help(format!("this looks like YAML; in TOML it is `{} = \"{value}\"`", key.trim())),
        },
        _ => problem,
    }
}

/// What the parser says, without its jargon.
fn in_plain_words(message: &str) -> String {
    let plain = match message {
        "invalid basic string, expected `\"`" | "invalid literal string, expected `'`" => {
            "unterminated text: a closing quote is missing"
        }
        "string values must be quoted, expected literal string" => "this is neither a number nor text in quotes",
        "key with no value, expected `=`" => "key without a value: `=` is missing",
        "unclosed table, expected `]`" => "unterminated table header: `]` is missing",
        "unclosed array, expected `]`" => "unterminated list: `]` is missing",
        "unclosed inline table, expected `}`" => "unterminated table: `}` is missing",
        _ if message.starts_with("invalid basic string, expected non-double-quote") => {
            "text must not contain this character"
        }
        _ => return message.to_owned(),
    };
    plain.to_owned()
}
