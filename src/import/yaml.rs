//! YAML as a tree: all documents of a text, with tags, merge keys and aliases.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::tree::{Entry, MAX_DEPTH, MAX_NODES, Node, Place, Value};

/// What is wrong with a text, and where.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) place: Place,
    pub(super) message: String,
}

impl SyntaxError {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into() }
    }
}

/// The documents of a text.
///
/// # Errors
/// The first mistake in it.
pub(super) fn parse(file: usize, text: &str) -> Result<Vec<Node>, SyntaxError> {
    let mut lines = Lines::of(file, text);
    let mut indented = Cow::Borrowed(text);
    let mut repairs = MAX_REPAIRS.min(MAX_REPAIRED / text.len().max(1));
    loop {
        match documents(&lines, &indented) {
            Ok(documents) => return Ok(documents),
            Err(Wrong::Syntax(line, error)) => match line.filter(|_| repairs > 0).and_then(|from| lines.indent(from)) {
                Some(more) => {
                    indented = Cow::Owned(more);
                    repairs -= 1;
                }
                None => return Err(error),
            },
            Err(Wrong::Content(error)) => return Err(error),
        }
    }
}

/// Lines that are indented for the parser, at most, and bytes that are parsed again for it.
const MAX_REPAIRS: usize = 200;
const MAX_REPAIRED: usize = 20_000_000;
/// How far a line is indented: further than anything around it.
const INDENTED: usize = 200;

/// What is wrong.
enum Wrong {
    /// The text; if it is a line that other parsers take as it is, the first line that it may be.
    Syntax(Option<usize>, SyntaxError),
    /// What it says.
    Content(SyntaxError),
}

fn documents(lines: &Lines<'_>, text: &str) -> Result<Vec<Node>, Wrong> {
    let mut builder = Builder { lines, open: Vec::new(), anchors: HashMap::new(), nodes: 0, documents: Vec::new() };
    let mut parser = Parser::<StrInput<'_>>::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let line = error.marker().line();
            let place = lines.place(line, error.marker().col(), 0);
            // Within brackets and quotes, libyaml and what is made of it take lines that are not indented.
            let loose = match error.info() {
                "invalid indentation" | "invalid indentation in flow construct" => Some(line),
                "invalid indentation in quoted scalar" => Some(line + 1),
                _ => None,
            };
            Wrong::Syntax(loose, SyntaxError::new(place, format!("this is not YAML: {}", error.info())))
        })?;
        builder.take(event, &span).map_err(Wrong::Content)?;
    }
    Ok(builder.documents)
}

/// Where the lines of a text begin.
struct Lines<'a> {
    file: usize,
    text: &'a str,
    starts: Vec<usize>,
    /// Lines (from 1) that the parser is given with more indentation, in order.
    indented: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(file: usize, text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1)).collect();
        Self { file, text, starts, indented: Vec::new() }
    }

    /// Indents the first line from `from` on that is not yet, and not empty: the text with all that are.
    fn indent(&mut self, from: usize) -> Option<String> {
        let is_empty = |line: &usize| {
            let end = self.starts.get(*line).copied().unwrap_or(self.text.len());
            self.text[self.starts[line - 1]..end].trim().is_empty()
        };
        let line = (from.max(1)..=self.starts.len()).find(|line| !self.indented.contains(line) && !is_empty(line))?;
        self.indented.push(line);
        self.indented.sort_unstable();
        let mut made = String::with_capacity(self.text.len() + INDENTED * self.indented.len());
        let mut done = 0;
        for line in &self.indented {
            let start = self.starts[line - 1];
            made.push_str(&self.text[done..start]);
            made.extend(std::iter::repeat_n(' ', INDENTED));
            done = start;
        }
        made.push_str(&self.text[done..]);
        Some(made)
    }

    /// A line (from 1), a column (from 0, in characters), a length in characters, of which one line is shown.
    fn place(&self, line: usize, column: usize, length: usize) -> Place {
        let number = line.clamp(1, self.starts.len());
        let column =
            if self.indented.binary_search(&number).is_ok() { column.saturating_sub(INDENTED) } else { column };
        let start = self.starts[number - 1];
        let rest = &self.text[start..self.starts.get(number).copied().unwrap_or(self.text.len())];
        let byte = |column: usize| rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at);
        // Of an endless line its beginning has to do.
        let far = if rest.len() > 100_000 { 0 } else { column };
        let (from, to) = (byte(far), byte(far.saturating_add(length.min(200))));
        Place::new(self.file, number, start + from, start + to)
    }

    fn of_span(&self, span: &Span) -> Place {
        self.place(span.start.line(), span.start.col(), span.len())
    }
}

/// A list or a map that is not closed yet.
struct Open {
    node: Node,
    anchor: usize,
    /// Of a map: the key that waits for its value.
    key: Option<(String, Place)>,
    /// Nodes there were before it.
    before: usize,
}

struct Builder<'a> {
    lines: &'a Lines<'a>,
    open: Vec<Open>,
    /// What an anchor stands for, and how many nodes that is.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    documents: Vec<Node>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), SyntaxError> {
        let place = self.lines.of_span(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_null = style == ScalarStyle::Plain
                    && tag.is_none()
                    && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if is_null { Value::Null } else { Value::Scalar(text.into_owned()) };
                let node = Node { value, place, tag: tag.as_deref().and_then(short) };
                self.count(1, place)?;
                self.keep(anchor, &node, 1);
                self.add(node)
            }
            Event::SequenceStart(anchor, tag) => self.begin(Value::List(Vec::new()), anchor, tag.as_deref(), place),
            Event::MappingStart(anchor, tag) => self.begin(Value::Map(Vec::new()), anchor, tag.as_deref(), place),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { mut node, anchor, before, .. }) = self.open.pop() else { return Ok(()) };
                merge(&mut node);
                self.keep(anchor, &node, self.nodes - before);
                self.add(node)
            }
            Event::Alias(anchor) => {
                let Some((node, count)) = self.anchors.get(&anchor) else {
                    return Err(SyntaxError::new(place, "this alias names no anchor above it"));
                };
                let (node, count) = (node.clone(), *count);
                self.count(count, place)?;
                if depth_with(&node, self.open.len()) > MAX_DEPTH {
                    return Err(too_deep(place));
                }
                self.add(node)
            }
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => Ok(()),
        }
    }

    fn begin(&mut self, value: Value, anchor: usize, tag: Option<&Tag>, place: Place) -> Result<(), SyntaxError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(place));
        }
        let before = self.nodes;
        self.count(1, place)?;
        let node = Node { value, place, tag: tag.and_then(short) };
        self.open.push(Open { node, anchor, key: None, before });
        Ok(())
    }

    /// So many nodes more, before they are made: aliases of aliases grow without end.
    fn count(&mut self, more: usize, place: Place) -> Result<(), SyntaxError> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MAX_NODES {
            let message =
                format!("the file has more than {MAX_NODES} values with its aliases expanded, which is the limit");
            return Err(SyntaxError::new(place, message));
        }
        Ok(())
    }

    fn keep(&mut self, anchor: usize, node: &Node, count: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), count));
        }
    }

    fn add(&mut self, node: Node) -> Result<(), SyntaxError> {
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        match (&mut open.node.value, open.key.take()) {
            (Value::List(elements), _) => elements.push(node),
            (Value::Map(entries), Some((key, place))) => entries.push(Entry { key, place, node }),
            (Value::Map(_), None) => {
                let key = match node.value {
                    Value::Scalar(text) => text,
                    Value::Null => String::new(),
                    _ => return Err(SyntaxError::new(node.place, format!("{} cannot be a key", node.kind()))),
                };
                open.key = Some((key, node.place));
            }
            _ => {}
        }
        Ok(())
    }
}

fn too_deep(place: Place) -> SyntaxError {
    SyntaxError::new(place, format!("values are nested deeper than the limit of {MAX_DEPTH} levels"))
}

/// How deep a node reaches that stands at a depth.
fn depth_with(node: &Node, above: usize) -> usize {
    let mut deepest = above;
    let mut open = vec![(node, above)];
    while let Some((node, depth)) = open.pop() {
        deepest = deepest.max(depth);
        if deepest > MAX_DEPTH {
            break;
        }
        match &node.value {
            Value::List(elements) => open.extend(elements.iter().map(|element| (element, depth + 1))),
            Value::Map(entries) => open.extend(entries.iter().map(|entry| (&entry.node, depth + 1))),
            _ => {}
        }
    }
    deepest
}

/// The tag without what says that it is one: `Ref` of `!Ref`; none of YAML's own.
fn short(tag: &Tag) -> Option<Box<str>> {
    if tag.is_yaml_core_schema() {
        None
    } else {
        Some(format!("{}{}", tag.handle.trim_matches('!'), tag.suffix).into())
    }
}

/// Puts what `<<` brings under what the map says itself.
fn merge(node: &mut Node) {
    let Value::Map(entries) = &mut node.value else { return };
    if !entries.iter().any(|entry| entry.key == "<<") {
        return;
    }
    let (merged, own): (Vec<Entry>, Vec<Entry>) =
        std::mem::take(entries).into_iter().partition(|entry| entry.key == "<<");
    *entries = own;
    for entry in merged {
        let maps = match entry.node.value {
            Value::List(maps) => maps,
            _ => vec![entry.node],
        };
        for map in maps {
            let Value::Map(more) = map.value else { continue };
            for entry in more {
                if !entries.iter().any(|known| known.key == entry.key) {
                    entries.push(entry);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Node {
        parse(0, text).unwrap().remove(0)
    }

    #[test]
    fn tags_places_and_documents_are_kept() {
        let text = "a: !Ref Mem\nb:\n  - é: [!GetAtt 'X.Arn', 2]\n---\nc: |\n  x\n  y\n";
        let documents = parse(3, text).unwrap();
        assert_eq!(documents.len(), 2);
        let a = documents[0].get("a").unwrap();
        assert_eq!((a.text(), a.tag.as_deref(), a.place.line()), (Some("Mem"), Some("Ref"), 1));
        let list = documents[0].get("b").unwrap().elements()[0].get("é").unwrap();
        assert_eq!(list.elements()[0].tag.as_deref(), Some("GetAtt"));
        assert_eq!(list.elements()[1].place, Place::new(3, 3, 41, 42));
        assert_eq!(documents[1].get("c").unwrap().text(), Some("x\ny\n"));
    }

    #[test]
    fn merge_keys_give_way() {
        let node = one("base: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}\nboth: {<<: [{z: 1}, *b]}");
        assert_eq!(node.at(&["mine", "x"]).unwrap().text(), Some("1"));
        assert_eq!(node.at(&["mine", "y"]).unwrap().text(), Some("3"));
        assert_eq!(node.at(&["both", "y"]).unwrap().text(), Some("2"));
    }

    #[test]
    fn aliases_that_explode_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let before = format!("*a{}, ", level - 1).repeat(10);
            text.push_str(&format!("a{level}: &a{level} [{before}]\n"));
        }
        let error = parse(0, &text).unwrap_err();
        assert!(error.message.contains("aliases expanded"), "{}", error.message);
    }

    #[test]
    fn depth_is_bounded_whether_written_or_by_aliases() {
        for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
            assert!(parse(0, &text).is_err());
        }
        let mut text = "a0: &a0 [x]\n".to_owned();
        (1..500).for_each(|level| text.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1)));
        assert!(parse(0, &text).unwrap_err().message.contains("deeper"));
    }

    #[test]
    fn mistakes_have_a_place() {
        let error = parse(0, "a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert!(error.place.line() >= 2, "{error:?}");
        assert!(parse(0, "a: *nothing").is_err());
        assert!(parse(0, "? [a, b]\n: c").unwrap_err().message.contains("cannot be a key"));
    }

    #[test]
    fn lines_in_brackets_and_quotes_need_no_indentation() {
        let text = "a:\n  b: {\n  c: 1,\nd: [x,\n y]\n}\n  e: \"{\n1\n}\"\nf: é\n";
        let node = parse(0, text).expect("YAML").remove(0);
        assert_eq!(node.at(&["a", "b", "c"]).and_then(Node::text), Some("1"));
        assert_eq!(node.at(&["a", "b", "d"]).map(|list| list.elements().len()), Some(2));
        assert_eq!(node.at(&["a", "e"]).and_then(Node::text), Some("{ 1 }"));
        let places: Vec<&str> = [&["a", "b", "c"][..], &["a", "b", "d"], &["f"]]
            .iter()
            .map(|keys| node.at(keys).expect("a value"))
            .map(|node| &text[node.place.range()])
            .collect();
        assert!(places[0] == "1" && places[1].starts_with('[') && places[2] == "é", "{places:?}");
        // Outside of them indentation means something.
        assert!(parse(0, "a:\n   b: 1\n  c: 2\n").is_err());
    }
}
