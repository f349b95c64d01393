//! Declarations of what a file may hold: `table!`, `parameters!`, `union!` and `choice!` make from each one the type, its
//! reading, its writing and its shape. Declarations import everything from here, because that is what they are made of.

pub(crate) use super::check::{Check, Unchecked};
pub(crate) use super::decode::{Any, Field, List, Map, OrNone, Reader, Spanned};
pub(crate) use super::diagnostic::SourceSpan;
pub(crate) use super::shape::{FieldShape, KindShape, LeafShape, Shape, TableShape, UnionShape};
pub(crate) use super::tree::{Entry, Node, Value};

/// The key of a field in the file.
macro_rules! key {
    ($field:ident) => {{
        const NAME: &str = without_raw(stringify!($field));
        const BYTES: [u8; NAME.len()] = with_dashes(NAME);
        const KEY: &str = match std::str::from_utf8(&BYTES) {
            Ok(key) => key,
            Err(_) => panic!("a field name is ASCII"),
        };
        KEY
    }};
}

/// What differs between the three modes of a field of [`table!`].
macro_rules! mode {
    (type default $type:ty) => { Spanned<<$type as Field>::Value> };
    (type $mode:ident $type:ty) => { Spanned<Option<<$type as Field>::Value>> };
    (plain optional $type:ty) => { Option<<$type as Field>::Value> };
    (plain $mode:ident $type:ty) => { <$type as Field>::Value };
    (take required $read:ident) => { $read.value? };
    (take $mode:ident $read:ident) => { $read.value };
    (read required $type:ty, $node:ident, $reader:ident, $key:expr) => { $reader.required::<$type>($node, $key) };
    (read optional $type:ty, $node:ident, $reader:ident, $key:expr) => { $reader.optional::<$type>($node, $key) };
    (read default $type:ty, $node:ident, $reader:ident, $key:expr, $value:expr) => {
        $reader.with_default::<$type>($node, $key, $value)
    };
    (write default $type:ty, $at:expr) => { Some(<$type as Field>::write(&$at.value)) };
    (write $mode:ident $type:ty, $at:expr) => { $at.value.as_ref().map(<$type as Field>::write) };
    (write_plain optional $type:ty, $value:expr) => { $value.as_ref().map(<$type as Field>::write) };
    (write_plain $mode:ident $type:ty, $value:expr) => { Some(<$type as Field>::write($value)) };
    (is_required required) => { true };
    (is_required $mode:ident) => { false };
    (default $type:ty) => { None };
    (default $type:ty, $value:expr) => { Some(|| <$type as Field>::write(&$value)) };
}

/// What a table looks like.
macro_rules! described {
    (
        ($($doc:literal)+) $name:ident {
            $(($($field_doc:literal)+) $mode:ident $field:ident: $type:ty $(= $value:expr)?,)*
        }
    ) => {
        impl $name {
            /// What it looks like.
            pub(crate) const TABLE: &'static TableShape = &TableShape {
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
    };
}

/// Declares a table whose values keep their places: `required`, `optional` and `default` keys, each with its meaning and its type.
macro_rules! table {
    (
        $(#[doc = $doc:literal])+
        struct $name:ident {
            $($(#[doc = $field_doc:literal])+ $mode:ident $field:ident: $type:ty $(= $value:expr)?,)*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub(crate) struct $name {
            /// Where it stands.
            pub(crate) place: SourceSpan,
            $($(#[doc = $field_doc])+ pub(crate) $field: mode!(type $mode $type),)*
        }
        described! { ($($doc)+) $name { $(($($field_doc)+) $mode $field: $type $(= $value)?,)* } }
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
                    mode!(write $mode $type, $field).map(|written| Entry::new(key!($field), *_place, written))
                ),*];
                Value::Table(written.into_iter().flatten().collect())
            }
        }
    };
}

/// Declares the parameters of something: a table that is plain values once it is read. What they mean together is looked at
/// right then, by its own `check(&self, &mut Check)`, if it has one.
macro_rules! parameters {
    (
        $(#[doc = $doc:literal])+
        pub struct $name:ident {
            $($(#[doc = $field_doc:literal])+ $mode:ident $field:ident: $type:ty $(= $value:expr)?,)*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $field_doc])+ pub $field: mode!(plain $mode $type),)*
        }
        described! { ($($doc)+) $name { $(($($field_doc)+) $mode $field: $type $(= $value)?,)* } }
        impl Field for $name {
            type Value = Self;
            const SHAPE: Shape = Shape::Table(Self::TABLE);
            fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                reader.table(node, Self::TABLE)?;
                let left_out = reader.left_out;
                $(let $field = mode!(read $mode $type, node, reader, key!($field) $(, $value)?);)*
                let parameters = Self { $($field: mode!(take $mode $field),)* };
                if reader.checks() && reader.left_out == left_out {
                    parameters.check(&mut Check::new(node, reader));
                }
                Some(parameters)
            }
            fn write(parameters: &Self) -> Value {
                let Self { $($field),* } = parameters;
                let written: [Option<Entry>; Self::TABLE.fields.len()] = [$(
                    mode!(write_plain $mode $type, $field)
                        .map(|written| Entry::new(key!($field), SourceSpan::default(), written))
                ),*];
                Value::Table(written.into_iter().flatten().collect())
            }
        }
    };
}

/// Declares a table with one key that names the kind: an enum. One of [`parameters!`] is `pub`, and its kinds share what
/// they can do in a trait; `besides` has those that no file can name.
macro_rules! union {
    (
        $(#[doc = $doc:literal])+
        pub enum $name:ident ($what:literal): $trait:ident {
            $($key:literal => $kind:ident($table:ty),)*
        }
        $(besides { $(#[$meta:meta])* $other_key:literal => $other:ident($other_type:ty) })?
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $(#[doc = concat!("`", $key, "`.")] $kind(Box<$table>),)*
            $($(#[$meta])* #[doc = "Of tests."] $other($other_type),)?
        }
        impl $name {
            /// What it looks like.
            pub(crate) const UNION: &'static UnionShape = &UnionShape {
                what: $what,
                doc: concat!($($doc),+),
                kinds: &[$(KindShape {
                    key: $key,
                    doc: <$table as Field>::SHAPE.doc(),
                    shape: <$table as Field>::SHAPE,
                }),*],
                also: None,
                words: false,
            };
            /// Reads the one kind that stands there.
            pub(crate) fn read_kind(kind: &Entry, reader: &mut Reader<'_>) -> Option<Self> {
                match kind.key.as_str() {
                    $($key => reader.of_kind::<$table>(kind).map(|table| Self::$kind(Box::new(table))),)*
                    _ => None,
                }
            }
            /// Its name in a file.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => $key,)*
                    $($(#[$meta])* Self::$other(_) => $other_key,)?
                }
            }
        }
        impl std::ops::Deref for $name {
            type Target = dyn $trait;
            fn deref(&self) -> &Self::Target {
                match self {
                    $(Self::$kind(parameters) => &**parameters,)*
                    $($(#[$meta])* Self::$other(other) => other,)?
                }
            }
        }
        impl std::ops::DerefMut for $name {
            fn deref_mut(&mut self) -> &mut Self::Target {
                match self {
                    $(Self::$kind(parameters) => &mut **parameters,)*
                    $($(#[$meta])* Self::$other(other) => other,)?
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
                let written = match value {
                    $(Self::$kind(table) => <$table as Field>::write(table),)*
                    $($(#[$meta])* Self::$other(_) => Value::Table(Vec::new()),)?
                };
                Value::Table(vec![Entry::new(value.name(), SourceSpan::default(), written)])
            }
        }
    };
    (
        $(#[doc = $doc:literal])+
        enum $name:ident ($what:literal) {
            $($(#[doc = $kind_doc:literal])+ $key:literal => $kind:ident($table:ty),)*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub(crate) enum $name {
            $($(#[doc = $kind_doc])+ $kind($table),)*
        }
        impl $name {
            /// What it looks like.
            pub(crate) const UNION: &'static UnionShape = &UnionShape {
                what: $what,
                doc: concat!($($doc),+),
                kinds: &[$(KindShape {
                    key: $key,
                    doc: concat!($($kind_doc),+),
                    shape: <$table as Field>::SHAPE,
                }),*],
                also: None,
                words: false,
            };
            /// Reads the one kind that stands there.
            pub(crate) fn read_kind(kind: &Entry, reader: &mut Reader<'_>) -> Option<Self> {
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
                Value::Table(vec![Entry::new(key, place, written)])
            }
        }
    };
}

/// Declares the words that stand for the values of an enum; or, as `choice! { enum X { "word" => Value, "Doc."; } }`, the enum
/// with them.
macro_rules! choice {
    ($(#[$meta:meta])* $vis:vis enum $type:ident { $($(#[$of:meta])* $word:literal => $value:ident, $doc:literal;)+ }) => {
        $(#[$meta])*
        $vis enum $type {
            $(#[doc = $doc] $(#[$of])* $value,)+
        }

        choice! { $type { $($word => $type::$value, $doc;)+ } }
    };
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

/// `r#for` as `for`, when compiling.
pub const fn without_raw(name: &str) -> &str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// `max_instances` as `max-instances`, when compiling.
pub const fn with_dashes<const N: usize>(name: &str) -> [u8; N] {
    let bytes = name.as_bytes();
    let mut dashed = [0; N];
    let mut at = 0;
    while at < N {
        dashed[at] = if bytes[at] == b'_' { b'-' } else { bytes[at] };
        at += 1;
    }
    dashed
}

pub(crate) use {choice, described, key, mode, parameters, table, union};
