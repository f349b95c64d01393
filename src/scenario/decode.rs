//! The tolerant reader: from a tree to `raw` types, reporting every problem on the way instead of stopping at the first.
//!
//! [`table!`], [`union!`] and [`choice!`] make from one declaration the type, its reading, its writing and its shape.

use std::fmt::Debug;
use std::ops::Deref;

use super::diagnostic::{Place, Problem, Problems, instead, nearest};
use super::leaf::is_name;
use super::shape::{KindShape, ListShape, Shape, TableShape, UnionShape};
use super::tree::{Entry, Node, Value};

/// Something that can stand in a scenario file.
pub(super) trait Field {
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
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
    /// Whether something was written there that could not be read: no reason to complain again.
    pub(super) broken: bool,
}

impl<T> Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
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
pub(super) struct Reader<'a> {
    pub(super) problems: &'a mut Problems,
    path: Vec<String>,
    /// The keys that mistyped ones probably mean, with the table: they are not missing too.
    meant: Vec<(Place, &'static str)>,
}

impl<'a> Reader<'a> {
    /// A reader at the root, or at a key below it.
    pub(super) fn new(problems: &'a mut Problems, path: &[&str]) -> Self {
        Self { problems, path: path.iter().map(|&key| key.to_owned()).collect(), meant: Vec::new() }
    }

    /// The dotted key that is being read, as `--set` would name it.
    pub(super) fn path(&self) -> String {
        self.path.join(".")
    }

    /// The key that is being read, as it stands in its table.
    fn key(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// Reports a value that is not what it should be.
    pub(super) fn refuse(&mut self, node: &Node, shape: Shape) {
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
            problem = problem.help(format!("each element is a table of its own: write [[{path}]]"));
        }
        if let (Value::Table(_) | Value::List(_), Shape::List(_)) | (_, Shape::Table(_)) = (&node.value, shape)
            && let Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) = node.value
        {
            problem = problem.help(format!("its keys are written as `{}.KEY = ...`", self.key()));
        }
        self.problems.push(problem);
    }

    /// Reads something below a key.
    pub(super) fn within<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key.to_owned());
        let value = read(self);
        self.path.pop();
        value
    }

    /// Reads a key that must be there.
    pub(super) fn required<T: Field>(&mut self, table: &Node, key: &str) -> At<Option<T::Value>> {
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

    /// Reads a key that may be there.
    pub(super) fn optional<T: Field>(&mut self, table: &Node, key: &str) -> At<Option<T::Value>> {
        match table.get(key) {
            None => {
                let mistyped = self.meant.iter().any(|(place, meant)| *place == table.place && *meant == key);
                At { value: None, place: table.place, broken: mistyped }
            }
            Some(node) => {
                let value = self.within(key, |reader| T::read(node, reader));
                At { broken: value.is_none(), value, place: node.place }
            }
        }
    }

    /// Reads a key that has a default.
    pub(super) fn with_default<T: Field>(&mut self, table: &Node, key: &str, default: T::Value) -> At<T::Value> {
        let At { value, place, broken } = self.optional::<T>(table, key);
        At { value: value.unwrap_or(default), place, broken }
    }

    /// Checks that this is a table and that all its keys are known.
    pub(super) fn table(&mut self, node: &Node, shape: &'static TableShape) -> Option<()> {
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

    fn unknown_key(&mut self, entry: &Entry, table: Place, shape: &'static TableShape) {
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
    pub(super) fn kind<'n>(&mut self, node: &'n Node, shape: &'static UnionShape) -> Option<&'n Entry> {
        let path = self.path();
        let names = || shape.all().map(|kind| kind.key);
        let Value::Table(entries) = &node.value else {
            // Either the kind stands there without its parameters, or a parameter without its kind.
            let named = node.text().and_then(|text| nearest(text, names()));
            let kind = named.unwrap_or_else(|| shape.all().last().map_or("", |kind| kind.key));
            let kind = shape
                .kind(kind)
                .filter(|_| named.is_some())
                .or_else(|| shape.all().find(|kind| !["phases", "snapshot"].contains(&kind.key)));
            let example = kind.map_or_else(String::new, |kind| {
                let first = if let Shape::Table(table) = kind.shape { table.keys().next() } else { None };
                let value = if named.is_some() { "...".to_owned() } else { node.value.to_toml() };
                first.map_or(format!("{} = {{}}", kind.key), |first| format!("{}.{first} = {value}", kind.key))
            });
            let message = format!("`{path}` must be a table that names the kind of {}", shape.what);
            let problem = Problem::error(node.place, message).help(format!("write `{}.{example}`", self.key()));
            self.problems.push(problem.help(list("the kinds are", names())));
            return None;
        };
        let mut known = entries.iter().filter(|entry| shape.kind(&entry.key).is_some());
        let (first, second) = (known.next(), known.next());
        for entry in entries.iter().filter(|entry| shape.kind(&entry.key).is_none()) {
            let message = format!("unknown kind of {} `{}` in `{path}`", shape.what, entry.key);
            let takes =
                |kind: &&KindShape| matches!(kind.shape, Shape::Table(table) if table.field(&entry.key).is_some());
            let owners: Vec<&str> = shape.all().filter(takes).map(|kind| kind.key).collect();
            let help = match (first, &owners[..]) {
                (_, []) => instead(&entry.key, "the kinds are", names()),
                (Some(first), _) => format!("write `{}.{}.{}`", self.key(), first.key, entry.key),
                (None, [owner]) => format!("write `{}.{owner}.{}`", self.key(), entry.key),
                (None, _) => {
                    format!("write `{}.KIND.{}`, with KIND one of {}", self.key(), entry.key, owners.join(", "))
                }
            };
            self.problems.push(Problem::error(entry.place, message).help(help));
        }
        if let (Some(first), Some(second)) = (first, second) {
            let message = format!("`{path}` is given twice: as `{}` and as `{}`", first.key, second.key);
            self.problems.push(Problem::error(second.place, message).help("keep one of them"));
        }
        if entries.is_empty() {
            let message = format!("`{path}` does not say which {} it is", shape.what);
            self.problems.push(Problem::missing(node.place, message).help(list("the kinds are", names())));
        }
        first
    }

    /// Reads what follows the name of a kind.
    pub(super) fn of_kind<T: Field>(&mut self, entry: &Entry) -> Option<T::Value> {
        self.within(&entry.key, |reader| T::read(&entry.node, reader))
    }

    fn bounded(&mut self, place: Place, count: usize, shape: &ListShape) -> Option<()> {
        let limit = if count > shape.max as usize {
            format!("at most {} are allowed", shape.max)
        } else if count < shape.min as usize {
            format!("at least {} must be there", shape.min)
        } else {
            return Some(());
        };
        self.problems.push(Problem::error(place, format!("`{}` has {count} elements: {limit}", self.path())));
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

fn list(what: &str, names: impl Iterator<Item = &'static str>) -> String {
    format!("{what} {}", names.collect::<Vec<_>>().join(", "))
}

/// A list of `MIN..=MAX` elements. An element that cannot be read is left out.
#[derive(Debug)]
pub(super) struct List<T, const MIN: u32, const MAX: u32>(std::marker::PhantomData<T>);

impl<T: Field, const MIN: u32, const MAX: u32> Field for List<T, MIN, MAX> {
    type Value = Vec<At<T::Value>>;
    const SHAPE: Shape = Shape::List(&ListShape { item: T::SHAPE, min: MIN, max: MAX });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self::Value> {
        let Value::List(elements) = &node.value else {
            reader.refuse(node, Self::SHAPE);
            return None;
        };
        reader.bounded(node.place, elements.len(), &ListShape { item: T::SHAPE, min: MIN, max: MAX })?;
        let mut values = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            if reader.problems.is_full() {
                break;
            }
            let name = element.get("name").and_then(Node::text).filter(|name| is_name(name));
            let name = name.map_or_else(|| (index + 1).to_string(), str::to_owned);
            let value = reader.within(&name, |reader| T::read(element, reader));
            values.extend(value.map(|value| At { value, place: element.place, broken: false }));
        }
        Some(values)
    }
    fn write(values: &Self::Value) -> Value {
        Value::List(values.iter().map(|at| Node::at(at.place, T::write(&at.value))).collect())
    }
}

/// A table with free keys, in the order of the file.
#[derive(Debug)]
pub(super) struct Map<T, const MAX: u32>(std::marker::PhantomData<T>);

impl<T: Field, const MAX: u32> Field for Map<T, MAX> {
    type Value = Vec<(String, At<T::Value>)>;
    const SHAPE: Shape = Shape::Map(&ListShape { item: T::SHAPE, min: 0, max: MAX });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self::Value> {
        let Value::Table(entries) = &node.value else {
            reader.refuse(node, Self::SHAPE);
            return None;
        };
        reader.bounded(node.place, entries.len(), &ListShape { item: T::SHAPE, min: 0, max: MAX })?;
        let read = |entry: &Entry| {
            let value = reader.within(&entry.key, |reader| T::read(&entry.node, reader))?;
            Some((entry.key.clone(), At { value, place: entry.place, broken: false }))
        };
        Some(entries.iter().filter_map(read).collect())
    }
    fn write(values: &Self::Value) -> Value {
        let entry = |(key, at): &(String, At<T::Value>)| entry(key, at.place, T::write(&at.value));
        Value::Table(values.iter().map(entry).collect())
    }
}

/// "none", or a value: what a preset or the defaults set can be taken away again.
#[derive(Debug)]
pub(super) struct OrNone<T>(std::marker::PhantomData<T>);

impl<T: Field> Field for OrNone<T> {
    type Value = Option<T::Value>;
    const SHAPE: Shape = Shape::OrNone(&T::SHAPE);
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self::Value> {
        if node.text() == Some("none") { Some(None) } else { T::read(node, reader).map(Some) }
    }
    fn write(value: &Self::Value) -> Value {
        value.as_ref().map_or_else(|| Value::from_text("none"), T::write)
    }
}

/// Anything, kept as it is.
#[derive(Debug)]
pub(super) struct Any;

impl Field for Any {
    type Value = Node;
    const SHAPE: Shape = Shape::Any;
    fn read(node: &Node, _reader: &mut Reader<'_>) -> Option<Node> {
        Some(node.clone())
    }
    fn write(node: &Node) -> Value {
        node.value.clone()
    }
}

/// An entry for a key.
pub(super) fn entry(key: &str, place: Place, value: Value) -> Entry {
    Entry { key: key.to_owned(), place, node: Node::at(place, value) }
}

/// `max_instances` as `max-instances`, when compiling.
pub(super) const fn with_dashes<const N: usize>(name: &str) -> [u8; N] {
    let bytes = name.as_bytes();
    let mut dashed = [0; N];
    let mut at = 0;
    while at < N {
        dashed[at] = if bytes[at] == b'_' { b'-' } else { bytes[at] };
        at += 1;
    }
    dashed
}

/// The key of a field in the file.
macro_rules! key {
    ($field:ident) => {{
        const BYTES: [u8; stringify!($field).len()] = $crate::scenario::decode::with_dashes(stringify!($field));
        const KEY: &str = match std::str::from_utf8(&BYTES) {
            Ok(key) => key,
            Err(_) => panic!("a field name is ASCII"),
        };
        KEY
    }};
}

/// What differs between the three modes of a field of [`table!`].
macro_rules! mode {
    (type default $type:ty) => { At<<$type as Field>::Value> };
    (type $mode:ident $type:ty) => { At<Option<<$type as Field>::Value>> };
    (read required $type:ty, $node:ident, $reader:ident, $key:expr) => { $reader.required::<$type>($node, $key) };
    (read optional $type:ty, $node:ident, $reader:ident, $key:expr) => { $reader.optional::<$type>($node, $key) };
    (read default $type:ty, $node:ident, $reader:ident, $key:expr, $value:expr) => {
        $reader.with_default::<$type>($node, $key, $value)
    };
    (write default $type:ty, $at:expr) => { Some(<$type as Field>::write(&$at.value)) };
    (write $mode:ident $type:ty, $at:expr) => { $at.value.as_ref().map(<$type as Field>::write) };
    (is_required required) => { true };
    (is_required $mode:ident) => { false };
    (default $type:ty) => { None };
    (default $type:ty, $value:expr) => { Some(|| <$type as Field>::write(&$value)) };
}

/// Declares a table of the file: `required`, `optional` and `default` keys, each with its meaning and its type.
macro_rules! table {
    (
        $(#[doc = $doc:literal])+
        struct $name:ident {
            $($(#[doc = $field_doc:literal])+ $mode:ident $field:ident: $type:ty $(= $value:expr)?,)*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub(in $crate::scenario) struct $name {
            /// Where it stands.
            pub(in $crate::scenario) place: Place,
            $($(#[doc = $field_doc])+ pub(in $crate::scenario) $field: mode!(type $mode $type),)*
        }
        impl $name {
            const TABLE: &'static TableShape = &TableShape {
                doc: concat!($($doc),+),
                fields: &[$(FieldShape {
                    key: key!($field),
                    doc: concat!($($field_doc),+),
                    shape: <$type as Field>::SHAPE,
                    required: mode!(is_required $mode),
                    default: mode!(default $type $(, $value)?),
                }),*],
                dotted: None,
            };
        }
        impl Field for $name {
            type Value = Self;
            const SHAPE: Shape = Shape::Table(Self::TABLE);
            fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                reader.table(node, Self::TABLE)?;
                Some(Self {
                    place: node.place,
                    $($field: mode!(read $mode $type, node, reader, key!($field) $(, $value)?),)*
                })
            }
            fn write(table: &Self) -> Value {
                let Self { place: _place, $($field),* } = table;
                let written: [Option<Entry>; Self::TABLE.fields.len()] = [$(
                    mode!(write $mode $type, $field).map(|written| entry(key!($field), *_place, written))
                ),*];
                Value::Table(written.into_iter().flatten().collect())
            }
        }
    };
}

/// Declares a table with one key that names the kind: an enum.
macro_rules! union {
    (
        $(#[doc = $doc:literal])+
        enum $name:ident ($what:literal) {
            $($(#[doc = $kind_doc:literal])+ $key:literal => $kind:ident($table:ty),)*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub(in $crate::scenario) enum $name {
            $($(#[doc = $kind_doc])+ $kind($table),)*
        }
        impl $name {
            pub(in $crate::scenario) const UNION: &'static UnionShape = &UnionShape {
                what: $what,
                doc: concat!($($doc),+),
                kinds: &[$(KindShape {
                    key: $key,
                    doc: concat!($($kind_doc),+),
                    shape: <$table as Field>::SHAPE,
                }),*],
                also: None,
            };
            /// Reads the one kind that stands there.
            pub(in $crate::scenario) fn read_kind(kind: &Entry, reader: &mut Reader<'_>) -> Option<Self> {
                match kind.key.as_str() {
                    $($key => reader.of_kind::<$table>(kind).map(Self::$kind),)*
                    _ => None,
                }
            }
        }
        impl Field for $name {
            type Value = Self;
            const SHAPE: Shape = Shape::Union(Self::UNION);
            fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                let kind = reader.kind(node, Self::UNION)?;
                Self::read_kind(kind, reader)
            }
            fn write(value: &Self) -> Value {
                let (key, place, written) = match value {
                    $(Self::$kind(table) => ($key, table.place, <$table as Field>::write(table)),)*
                };
                Value::Table(vec![entry(key, place, written)])
            }
        }
    };
}

/// Declares the words that stand for the values of an enum.
macro_rules! choice {
    ($type:ty { $($word:literal => $value:path, $doc:literal;)+ }) => {
        impl Field for $type {
            type Value = Self;
            const SHAPE: Shape = Shape::Choice(&[$(($word, $doc)),+]);
            fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                match node.text() {
                    $(Some($word) => Some($value),)+
                    _ => reader.refuse_choice(node, &[$($word),+]),
                }
            }
            fn write(value: &Self) -> Value {
                Value::from_text(match value { $($value => $word,)+ })
            }
        }
    };
}

pub(super) use {choice, key, mode, table, union};

impl Reader<'_> {
    /// Reports a word that is none of the known ones.
    pub(super) fn refuse_choice<T>(&mut self, node: &Node, words: &[&str]) -> Option<T> {
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
