//! What holds others, or anything: lists, tables with free keys, what can be taken away.

use std::marker::PhantomData;

use super::super::diagnostic::SourceSpan;
use super::super::scalars::is_name;
use super::super::shape::{ListShape, Shape};
use super::super::tree::{Entry, Node, Value};
use super::{Field, Reader, Spanned};

/// A list of `MIN..=MAX` elements. An element that cannot be read is left out.
#[derive(Debug)]
pub struct List<T, const MIN: u32, const MAX: u32>(PhantomData<T>);

impl<T: Field, const MIN: u32, const MAX: u32> Field for List<T, MIN, MAX> {
    type Value = Vec<T::Value>;
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
            reader.left_out += usize::from(value.is_none());
            values.extend(value);
        }
        Some(values)
    }
    fn write(values: &Self::Value) -> Value {
        Value::List(values.iter().map(|value| Node::at(SourceSpan::default(), T::write(value))).collect())
    }
}

/// A table with free keys, in the order of the file.
#[derive(Debug)]
pub struct Map<T, const MAX: u32>(PhantomData<T>);

impl<T: Field, const MAX: u32> Field for Map<T, MAX> {
    type Value = Vec<(String, Spanned<T::Value>)>;
    const SHAPE: Shape = Shape::Map(&ListShape { item: T::SHAPE, min: 0, max: MAX });
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self::Value> {
        let Value::Table(entries) = &node.value else {
            reader.refuse(node, Self::SHAPE);
            return None;
        };
        reader.bounded(node.place, entries.len(), &ListShape { item: T::SHAPE, min: 0, max: MAX })?;
        let read = |entry: &Entry| {
            let value = reader.within(&entry.key, |reader| T::read(&entry.node, reader))?;
            Some((entry.key.clone(), Spanned { value, place: entry.place, broken: false }))
        };
        Some(entries.iter().filter_map(read).collect())
    }
    fn write(values: &Self::Value) -> Value {
        let entry = |(key, at): &(String, Spanned<T::Value>)| Entry::new(key, at.place, T::write(&at.value));
        Value::Table(values.iter().map(entry).collect())
    }
}

/// "none", or a value: what a preset or the defaults set can be taken away again.
#[derive(Debug)]
pub struct OrNone<T>(PhantomData<T>);

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
pub struct Any;

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
