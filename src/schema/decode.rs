//! The tolerant reader: from a tree to the types that are declared, reporting every problem on the way instead of stopping at the first.
//!
//! What can be read is declared (`declare`): the reader knows nothing of single keys.

mod containers;

use std::fmt::{self, Debug};
use std::ops::Deref;

use super::diagnostic::{Problem, Problems, SourceSpan, instead, nearest};
use super::shape::{KindShape, ListShape, Shape, TableShape, UnionShape};
use super::tree::{Entry, Node, Value};
pub use containers::{Any, List, Map, OrNone};

/// Something that can stand in a scenario file.
pub trait Field {
    /// What it is once read.
    type Value: Clone + Debug;
    /// What it looks like.
    const SHAPE: Shape;
    /// Reads it. What is wrong is reported; `None` if nothing is left.
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self::Value>;
    /// Writes it, so that it reads back the same.
    fn write(value: &Self::Value) -> Value;
}

/// A value that was read, and where it stands: where it is absent, the place of its table.
#[derive(Clone)]
pub struct Spanned<T> {
    pub value: T,
    pub place: SourceSpan,
    /// Whether something was written there that could not be read, or that was refused: no reason to complain again.
    pub broken: bool,
}

impl<T> Spanned<Option<T>> {
    /// Nothing, in a table that stands there.
    pub(crate) const fn absent(place: SourceSpan) -> Self {
        Self { value: None, place, broken: false }
    }
}

/// Only the value: where it stands does not count.
impl<T: Debug> Debug for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// Only the value: where it stands does not count.
impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// What keeps its place.
impl<T: Field> Field for Spanned<T> {
    type Value = Spanned<T::Value>;
    const SHAPE: Shape = T::SHAPE;
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self::Value> {
        T::read(node, reader).map(|value| Spanned { value, place: node.place, broken: false })
    }
    fn write(value: &Self::Value) -> Value {
        T::write(&value.value)
    }
}

/// A large table among small ones.
impl<T: Field<Value = T> + Clone + Debug> Field for Box<T> {
    type Value = Self;
    const SHAPE: Shape = T::SHAPE;
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        T::read(node, reader).map(Self::new)
    }
    fn write(value: &Self) -> Value {
        T::write(value)
    }
}

/// Where the reading is, and what it found.
pub struct Reader<'a> {
    pub(crate) problems: &'a mut Problems,
    path: Vec<String>,
    /// Whether the text was read whole, so that it makes sense to look at what values mean together.
    whole: bool,
    /// Elements of lists that could not be read and were left out.
    pub left_out: usize,
    /// What was refused of parameters that could be read.
    pub refused: usize,
    /// The keys that mistyped ones probably mean, with the table: they are not missing too.
    meant: Vec<(SourceSpan, &'static str)>,
}

impl<'a> Reader<'a> {
    /// A reader at the root, or at a key below it.
    pub fn new(problems: &'a mut Problems, path: &[&str]) -> Self {
        Self {
            problems,
            path: path.iter().map(|&key| key.to_owned()).collect(),
            whole: true,
            left_out: 0,
            refused: 0,
            meant: Vec::new(),
        }
    }

    /// A reader of what is left of a text with errors of syntax.
    pub fn of_fragments(problems: &'a mut Problems) -> Self {
        Self { whole: false, ..Self::new(problems, &[]) }
    }

    /// Whether parameters are checked as they are read.
    pub fn checks(&self) -> bool {
        self.whole
    }

    /// The dotted key that is being read, as `--set` would name it.
    pub fn path(&self) -> String {
        self.path.join(".")
    }

    /// The key that is being read, as it stands in its table.
    fn key(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// Reports a value that is not what it should be.
    pub fn refuse(&mut self, node: &Node, shape: Shape) {
        let found = match &node.value {
            Value::Integer(Some(number)) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Text(text) if text.len() <= 40 => format!("\"{text}\""),
            Value::Boolean(value) => value.to_string(),
            other => other.kind().to_owned(),
        };
        let path = self.path();
        let mut problem = Problem::error(node.place, format!("`{path}` must be {}, not {found}", shape.expected()));
        if let (Value::Table(_), Shape::List(ListShape { item: Shape::Table(_), .. })) = (&node.value, shape) {
            problem = problem.help(format!("each element is a separate table: write [[{path}]]"));
        }
        let key = self.key();
        problem = match shape {
            Shape::Table(_) => problem.help(format!("its keys are written as `{key}.KEY = ...`")),
            Shape::Map(map) => problem.help(format!("write `{key}.NAME = ...` for each, with {}", map.item.expected())),
            _ => problem,
        };
        self.problems.push(problem);
    }

    /// Reads something below a key.
    pub fn within<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key.to_owned());
        let value = read(self);
        self.path.pop();
        value
    }

    /// Reads a key that must be there.
    pub fn required<T: Field>(&mut self, table: &Node, key: &str) -> Spanned<Option<T::Value>> {
        let at = self.optional::<T>(table, key);
        if at.value.is_none() && !at.broken {
            let example = if T::SHAPE.inner().is_quoted() { "\"...\"" } else { "..." };
            let what = T::SHAPE.expected();
            let message = match self.path().as_str() {
                "" => format!("the table [{key}] is missing"),
                path => format!("`{path}` needs `{key}`"),
            };
            let help = match T::SHAPE {
                Shape::Table(table) => {
                    let keys: Vec<_> =
                        table.fields.iter().filter(|field| field.required).map(|field| field.key).collect();
                    format!("add [{key}] with `{}`; `forewarm init` writes an example", keys.join("` and `"))
                }
                Shape::Union(union) => {
                    let kinds: Vec<&str> = union.all().map(|kind| kind.key).collect();
                    format!("add `{key}.KIND`, with KIND one of {}", kinds.join(", "))
                }
                _ => format!("add `{key} = {example}`: {what}"),
            };
            self.problems.push(Problem::missing(at.place, message).help(help));
        }
        at
    }

    /// Whether a key without a value was written all the same, or another in its place.
    pub fn is_broken(&self, table: &Node, key: &str) -> bool {
        table.get(key).is_some() || self.meant.iter().any(|(place, meant)| *place == table.place && *meant == key)
    }

    /// Reads a key that may be there.
    pub fn optional<T: Field>(&mut self, table: &Node, key: &str) -> Spanned<Option<T::Value>> {
        match table.get(key) {
            None => Spanned { value: None, place: table.place, broken: self.is_broken(table, key) },
            Some(node) => {
                let refused = self.refused;
                let value = self.within(key, |reader| T::read(node, reader));
                Spanned { broken: value.is_none() || self.refused > refused, value, place: node.place }
            }
        }
    }

    /// Reads a key that has a default.
    pub fn with_default<T: Field>(&mut self, table: &Node, key: &str, default: T::Value) -> Spanned<T::Value> {
        let Spanned { value, place, broken } = self.optional::<T>(table, key);
        Spanned { value: value.unwrap_or(default), place, broken }
    }

    /// Checks that this is a table and that all its keys are known.
    pub fn table(&mut self, node: &Node, shape: &'static TableShape) -> Option<()> {
        let Value::Table(entries) = &node.value else {
            self.refuse(node, Shape::Table(shape));
            return None;
        };
        let is_known = |key: &str| shape.field(key).is_some() || shape.dotted.is_some() && key.contains('.');
        for entry in entries.iter().filter(|entry| !is_known(&entry.key)) {
            if self.problems.is_full() {
                break;
            }
            self.unknown_key(entry, node.place, shape);
        }
        Some(())
    }

    fn unknown_key(&mut self, entry: &Entry, table: SourceSpan, shape: &'static TableShape) {
        let key = &entry.key;
        let message = match self.path().as_str() {
            "" => format!("unknown key `{key}`"),
            path => format!("unknown key `{key}` in `{path}`"),
        };
        if let (Some(_), Value::Table(_), None) = (shape.dotted, &entry.node.value, nearest(key, shape.keys())) {
            let message = format!("`{key}` is not the dotted key of a value");
            let help = "write the whole key in quotes, as in \"function.checkout.memory\" = [\"512MB\", \"1GB\"]";
            self.problems.push(Problem::error(entry.place, message).help(help));
            return;
        }
        let help = match (nearest(key, shape.keys()), home_of(Shape::Table(shape), key, 3)) {
            (Some(near), _) => {
                self.meant.push((table, near));
                format!("did you mean `{near}`?")
            }
            (None, Some(home)) => format!("write it as `{home} = ...`"),
            (None, None) if shape.keys().next().is_none() => "this table has no keys".to_owned(),
            (None, None) => instead(key, "the known keys are", shape.keys()),
        };
        self.problems.push(Problem::error(entry.place, message).help(help));
    }

    /// Finds the one key of a table that names a kind.
    pub fn kind<'n>(&mut self, node: &'n Node, shape: &'static UnionShape) -> Option<&'n Entry> {
        let Value::Table(entries) = &node.value else {
            self.refuse_kind(node, shape);
            return None;
        };
        let path = self.path();
        let mut known = entries.iter().filter(|entry| shape.kind(&entry.key).is_some());
        let (first, second) = (known.next(), known.next());
        for entry in entries.iter().filter(|entry| shape.kind(&entry.key).is_none()) {
            self.unknown_kind(entry, first, shape);
        }
        if let (Some(first), Some(second)) = (first, second) {
            let message = format!("`{path}` is set twice: as `{}` and as `{}`", first.key, second.key);
            self.problems.push(Problem::error(second.place, message).help("keep one of them"));
        }
        if entries.is_empty() {
            let message = format!("`{path}` does not name a {}", shape.what);
            self.problems.push(Problem::missing(node.place, message).help(kinds(shape)));
        }
        first
    }

    /// Reports a value where a table with a kind must be: either the kind stands there without its parameters, or a
    /// parameter without its kind.
    fn refuse_kind(&mut self, node: &Node, shape: &'static UnionShape) {
        let named = node.text().and_then(|text| nearest(text, shape.all().map(|kind| kind.key)));
        let kind = named
            .and_then(|named| shape.kind(named))
            .or_else(|| shape.all().find(|kind| !["phases", "snapshot"].contains(&kind.key)));
        let example = kind.map_or_else(String::new, |kind| {
            let first = if let Shape::Table(table) = kind.shape { table.keys().next() } else { None };
            let value = if named.is_some() { "...".to_owned() } else { node.value.to_toml() };
            first.map_or(format!("{} = {{}}", kind.key), |first| format!("{}.{first} = {value}", kind.key))
        });
        let message = format!("`{}` must be a table that names the kind of {}", self.path(), shape.what);
        let problem = Problem::error(node.place, message).help(format!("write `{}.{example}`", self.key()));
        self.problems.push(problem.help(kinds(shape)));
    }

    /// Reports a key that is no kind, but perhaps one of the keys of a kind. `known`: the kind that stands beside it.
    fn unknown_kind(&mut self, entry: &Entry, known: Option<&Entry>, shape: &'static UnionShape) {
        let message = format!("unknown kind of {} `{}` in `{}`", shape.what, entry.key, self.path());
        let takes = |kind: &&KindShape| matches!(kind.shape, Shape::Table(table) if table.field(&entry.key).is_some());
        let owners: Vec<&str> = shape.all().filter(takes).map(|kind| kind.key).collect();
        let help = match (known, &owners[..]) {
            (_, []) => instead(&entry.key, "the kinds are", shape.all().map(|kind| kind.key)),
            (Some(known), _) => format!("write `{}.{}.{}`", self.key(), known.key, entry.key),
            (None, [owner]) => format!("write `{}.{owner}.{}`", self.key(), entry.key),
            (None, _) => format!("write `{}.KIND.{}`, with KIND one of {}", self.key(), entry.key, owners.join(", ")),
        };
        self.problems.push(Problem::error(entry.place, message).help(help));
    }

    /// Reads what follows the name of a kind.
    pub fn of_kind<T: Field>(&mut self, entry: &Entry) -> Option<T::Value> {
        self.within(&entry.key, |reader| T::read(&entry.node, reader))
    }

    fn bounded(&mut self, place: SourceSpan, count: usize, shape: &ListShape) -> Option<()> {
        let limit = if count > shape.max as usize {
            format!("at most {} are allowed", shape.max)
        } else if count < shape.min as usize {
            format!("at least {} required", shape.min)
        } else {
            return Some(());
        };
        self.problems.push(Problem::error(place, format!("`{}` has {count} elements: {limit}", self.path())));
        None
    }

    /// Reports a word that is none of the known ones.
    pub fn refuse_choice<T>(&mut self, node: &Node, words: &[&str]) -> Option<T> {
        let path = self.path();
        let problem = match node.text() {
            Some(text) => {
                let message = format!("`{path}` cannot be \"{text}\"");
                Problem::error(node.place, message).help(instead(text, "it can be", words.iter().copied()))
            }
            None => {
                let message = format!("`{path}` must be text, not {}", node.value.kind());
                Problem::error(node.place, message).help(format!("it can be \"{}\"", words.join("\" or \"")))
            }
        };
        self.problems.push(problem);
        None
    }
}

/// Where in a shape a key is known: the dotted key to it, at most `depth` tables down.
fn home_of(shape: Shape, key: &str, depth: u32) -> Option<String> {
    let inside = |name: &str, shape: Shape| home_of(shape, key, depth - 1).map(|path| format!("{name}.{path}"));
    match shape.inner() {
        Shape::Table(table) if table.field(key).is_some() => Some(key.to_owned()),
        Shape::Table(table) if depth > 0 => table.fields.iter().find_map(|field| inside(field.key, field.shape)),
        Shape::Union(union) if union.kind(key).is_some() => Some(key.to_owned()),
        Shape::Union(union) if depth > 0 => union.all().find_map(|kind| inside(kind.key, kind.shape)),
        _ => None,
    }
}

fn kinds(shape: &UnionShape) -> String {
    let names: Vec<&str> = shape.all().map(|kind| kind.key).collect();
    format!("the kinds are {}", names.join(", "))
}
