//! What a scenario file may hold, as data: the declarations of `raw` describe themselves with these types.
//!
//! The decoder takes the known keys from here, `--set` its way through the tables, the defaults their layering, and
//! `scenario::schema` the JSON Schema.

use super::tree::Value;

/// What may stand at a place.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// One value: text, a number, a quantity.
    Leaf(&'static LeafShape),
    /// One of a few words, each with its meaning.
    Choice(&'static [(&'static str, &'static str)]),
    /// A table with known keys.
    Table(&'static TableShape),
    /// A table with exactly one key, which names the kind of thing.
    Union(&'static UnionShape),
    /// A list.
    List(&'static ListShape),
    /// A table with free keys.
    Map(&'static ListShape),
    /// The text "none", or the other.
    OrNone(&'static Shape),
    /// One, or a list of several.
    OneOrMore(&'static ListShape),
    /// Anything.
    Any,
}

/// One value.
#[derive(Debug)]
pub struct LeafShape {
    /// What is expected, as in "a duration such as \"250ms\"".
    pub(crate) expected: &'static str,
    /// Whether it is written in quotes.
    pub(crate) quoted: bool,
    /// Its JSON Schema.
    pub(crate) schema: fn() -> serde_json::Value,
}

/// A table with known keys.
#[derive(Debug)]
pub struct TableShape {
    pub(crate) doc: &'static str,
    pub(crate) fields: &'static [FieldShape],
    /// What any other key may hold that has a dot in it; none: there are no others.
    pub(crate) dotted: Option<&'static FieldShape>,
}

/// A key of a table.
#[derive(Debug)]
pub struct FieldShape {
    pub(crate) key: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    pub(crate) default: Option<fn() -> Value>,
}

/// The kinds of a thing.
#[derive(Debug)]
pub struct UnionShape {
    /// The thing, as in "distribution".
    pub(crate) what: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) kinds: &'static [KindShape],
    /// Kinds that it shares with another thing.
    pub(crate) also: Option<&'static UnionShape>,
    /// Whether the name of a kind alone stands for it with its defaults.
    pub(crate) words: bool,
}

/// One kind.
#[derive(Debug)]
pub struct KindShape {
    pub(crate) key: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) shape: Shape,
}

/// A list, or a table with free keys.
#[derive(Debug)]
pub struct ListShape {
    pub(crate) item: Shape,
    pub(crate) min: u32,
    pub(crate) max: u32,
}

impl TableShape {
    /// The field of a key.
    pub fn field(&self, key: &str) -> Option<&FieldShape> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().map(|field| field.key)
    }
}

impl UnionShape {
    /// All kinds, the shared ones last.
    pub fn all(&self) -> impl Iterator<Item = &'static KindShape> {
        self.kinds.iter().chain(self.also.map_or(&[][..], |also| also.kinds))
    }

    /// The kind of a name.
    pub fn kind(&self, key: &str) -> Option<&'static KindShape> {
        self.all().find(|kind| kind.key == key)
    }
}

impl Shape {
    /// What is expected, in words.
    pub fn expected(self) -> String {
        match self {
            Self::Leaf(leaf) => leaf.expected.to_owned(),
            Self::Choice(choices) => {
                let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
                words.join(" or ")
            }
            Self::Table(_) | Self::Map(_) => "a table".to_owned(),
            Self::Union(union) => format!("a table with the kind of {} as its key", union.what),
            Self::List(_) => "a list".to_owned(),
            Self::OrNone(shape) => format!("{}, or \"none\"", shape.expected()),
            Self::OneOrMore(list) => format!("{}, or a list of them", list.item.expected()),
            Self::Any => "anything".to_owned(),
        }
    }

    /// Whether a value of it is written in quotes, so that text without quotes must be meant as one.
    pub fn is_quoted(self) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.quoted,
            Self::Choice(_) => true,
            Self::OrNone(shape) => shape.is_quoted(),
            _ => false,
        }
    }

    /// What it is, as its declaration says.
    pub const fn doc(self) -> &'static str {
        match self {
            Self::Table(table) => table.doc,
            Self::Union(union) => union.doc,
            _ => "",
        }
    }

    /// Through "or none" to what may be there; one where there may be several.
    pub fn inner(self) -> Self {
        match self {
            Self::OrNone(shape) => shape.inner(),
            Self::OneOrMore(list) => list.item.inner(),
            shape => shape,
        }
    }
}
