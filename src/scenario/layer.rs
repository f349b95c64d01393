//! Layers of defaults: a function inherits from the function defaults, these from the platform, and all of them from
//! the preset. Layering works on the tree, before it is interpreted.

use super::preset::Preset;
use super::raw::FileTable;
use super::raw::function::FunctionTable;
use crate::schema::decode::Field;
use crate::schema::diagnostic::{Problems, SourceSpan};
use crate::schema::shape::Shape;
use crate::schema::tree::{Entry, Node, Value};

/// Fills in presets and defaults.
pub(super) fn complete(root: &mut Node, problems: &mut Problems) {
    let preset = preset_of(root);
    let place = preset.map(|(_, place)| place);
    if let Some((preset, place)) = preset {
        let billing = root.get("platform").and_then(|platform| platform.get("billing"));
        let free_tier = billing.and_then(|billing| billing.get("free-tier"));
        let has_free_tier = free_tier.is_some_and(|flag| flag.value == Value::Boolean(true));
        merge(root, &preset.file().values(place, has_free_tier), FileTable::SHAPE, Some(place));
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
            merge(function, &defaults, FunctionTable::SHAPE, place);
            cold_start(function, preset, problems);
        }
    }
    cold_start(&mut defaults, preset, problems);
    sections.push(Entry::new("function-defaults", defaults.place, defaults.value));
}

/// The preset named by the file, and its location.
fn preset_of(root: &Node) -> Option<(Preset, SourceSpan)> {
    let node = root.get("platform")?.get("preset")?;
    Some((Preset::named(node.text()?)?, node.place))
}

/// Removes the function defaults, if any, from the sections.
fn take_defaults(sections: &mut Vec<Entry>) -> Node {
    match sections.iter().position(|section| section.key == "function-defaults") {
        Some(at) => sections.remove(at).node,
        None => Node::at(SourceSpan::default(), Value::Table(Vec::new())),
    }
}

/// Gives a function the cold start of its runtime, if the preset knows it and nothing else is set.
fn cold_start(function: &mut Node, preset: Option<(Preset, SourceSpan)>, problems: &mut Problems) {
    let Some((preset, place)) = preset else { return };
    let runtime = function.get("runtime");
    if function.get("cold-start").is_some() || runtime.is_some_and(|runtime| runtime.text().is_none()) {
        return;
    }
    // With `cold-duration`, the cold start is part of the duration, unless a runtime is named.
    let cold_start = if function.get("cold-duration").is_some() && runtime.is_none() {
        Some(Value::from_text("none"))
    } else {
        preset.file().cold_starts.of(function, problems).map(|known| known.value)
    };
    if let (Value::Table(entries), Some(cold_start)) = (&mut function.value, cold_start) {
        let mut node = Node::at(place, cold_start);
        node.move_to(place);
        entries.push(Entry::new("cold-start", place, node.value));
    }
}

/// Merges `under` into `over`: tables with known keys are merged; lists and tables that select a kind replace the
/// whole. A scaling policy that the preset names too keeps the preset's values where none are set; `preset` is their
/// location.
fn merge(over: &mut Node, under: &Node, shape: Shape, preset: Option<SourceSpan>) {
    let (Value::Table(entries), Shape::Table(table)) = (&mut over.value, shape.inner()) else { return };
    for lower in under.entries() {
        let Some(field) = table.field(&lower.key) else { continue };
        match entries.iter_mut().find(|entry| entry.key == lower.key) {
            Some(upper) if lower.key == "scaling" && matches!(field.shape, Shape::Union(_)) => {
                fill_policy(&mut upper.node, &lower.node, preset);
            }
            Some(upper) => merge(&mut upper.node, &lower.node, field.shape, preset),
            None => entries.push(lower.clone()),
        }
    }
}

/// Fills in what a preset sets for something of the same kind.
fn fill_policy(over: &mut Node, under: &Node, preset: Option<SourceSpan>) {
    let ([kind], Value::Table(policy)) = (under.entries(), &mut over.value) else { return };
    let Some(same) = policy.iter_mut().find(|entry| entry.key == kind.key) else { return };
    let Value::Table(parameters) = &mut same.node.value else { return };
    for lower in kind.node.entries() {
        if Some(lower.place) == preset && !parameters.iter().any(|entry| entry.key == lower.key) {
            parameters.push(lower.clone());
        }
    }
}
