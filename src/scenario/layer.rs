//! What is not written comes from below: a function takes from the function defaults, the defaults from the platform, and
//! all of it from the preset. Layering works on the tree, before anything is interpreted.

use super::raw::FileTable;
use super::raw::function::FunctionTable;
use super::raw::platform::Preset;
use crate::schema::decode::Field;
use crate::schema::diagnostic::{Problems, SourceSpan};
use crate::schema::shape::Shape;
use crate::schema::tree::{Entry, Node, Value};

/// Fills in what presets and defaults say.
pub(super) fn complete(root: &mut Node, problems: &mut Problems) {
    let preset = preset_of(root);
    if let Some((preset, place)) = preset {
        let billing = root.get("platform").and_then(|platform| platform.get("billing"));
        let free_tier = billing.and_then(|billing| billing.get("free-tier"));
        let has_free_tier = free_tier.is_some_and(|flag| flag.value == Value::Boolean(true));
        merge(root, &preset.values(place, has_free_tier), FileTable::SHAPE);
    }
    let Value::Table(sections) = &mut root.value else { return };
    let keep_alive = sections
        .iter()
        .find(|section| section.key == "platform")
        .and_then(|platform| platform.node.entries().iter().find(|entry| entry.key == "keep-alive").cloned());
    let mut defaults = take_defaults(sections);
    if let (Value::Table(entries), Some(keep_alive)) = (&mut defaults.value, keep_alive)
        && !entries.iter().any(|entry| entry.key == "keep-alive")
    {
        entries.push(keep_alive);
    }
    for section in sections.iter_mut().filter(|section| section.key == "function") {
        let Value::List(functions) = &mut section.node.value else { continue };
        for function in functions {
            merge(function, &defaults, FunctionTable::SHAPE);
            cold_start(function, preset, problems);
        }
    }
    cold_start(&mut defaults, preset, problems);
    sections.push(Entry::new("function-defaults", defaults.place, defaults.value));
}

/// The preset that the file names, and where.
fn preset_of(root: &Node) -> Option<(Preset, SourceSpan)> {
    let node = root.get("platform")?.get("preset")?;
    Some((Preset::named(node.text()?)?, node.place))
}

/// Takes the function defaults out of the sections; they may be absent.
fn take_defaults(sections: &mut Vec<Entry>) -> Node {
    match sections.iter().position(|section| section.key == "function-defaults") {
        Some(at) => sections.remove(at).node,
        None => Node::at(SourceSpan::default(), Value::Table(Vec::new())),
    }
}

/// Gives a function the cold start of its runtime, where the preset knows it and nothing else is said.
fn cold_start(function: &mut Node, preset: Option<(Preset, SourceSpan)>, problems: &mut Problems) {
    let Some((preset, place)) = preset else { return };
    let runtime = function.get("runtime");
    if function.get("cold-start").is_some() || runtime.is_some_and(|runtime| runtime.text().is_none()) {
        return;
    }
    // With `cold-duration` the cold start is in the duration, unless a runtime is named.
    let cold_start = if function.get("cold-duration").is_some() && runtime.is_none() {
        Some(Value::from_text("none"))
    } else {
        let image = function.get("package").and_then(Node::text) == Some("image");
        preset.cold_start(runtime, image, problems)
    };
    if let (Value::Table(entries), Some(cold_start)) = (&mut function.value, cold_start) {
        let mut node = Node::at(place, cold_start);
        node.move_to(place);
        entries.push(Entry::new("cold-start", place, node.value));
    }
}

/// Puts `under` beneath `over`: tables with known keys are merged; what names a kind or is a list replaces the whole.
fn merge(over: &mut Node, under: &Node, shape: Shape) {
    let (Value::Table(entries), Shape::Table(table)) = (&mut over.value, shape.inner()) else { return };
    for lower in under.entries() {
        let Some(field) = table.field(&lower.key) else { continue };
        match entries.iter_mut().find(|entry| entry.key == lower.key) {
            Some(upper) => merge(&mut upper.node, &lower.node, field.shape),
            None => entries.push(lower.clone()),
        }
    }
}
