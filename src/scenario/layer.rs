//! Layers of defaults: a function inherits from the function defaults, these from the platform, and all of them from
//! the preset. Layering works on the tree, before it is interpreted.

use super::preset::Preset;
use super::raw::FileTable;
use super::raw::function::FunctionTable;
use super::raw::platform::SitePlatformTable;
use crate::schema::decode::Field;
use crate::schema::diagnostic::{Problems, SourceSpan};
use crate::schema::shape::Shape;
use crate::schema::tree::{Entry, Node, Value};

/// A preset and the location of its name.
type Named = Option<(Preset, SourceSpan)>;

/// Fills in presets and defaults.
pub(super) fn complete(root: &mut Node, problems: &mut Problems) {
    let preset = preset_of(root.get("platform"));
    let written = root.get("function-defaults").cloned();
    if let Some((preset, place)) = preset {
        let has_free_tier = has_free_tier(root.get("platform"));
        merge(root, &preset.file().values(place, has_free_tier), FileTable::SHAPE, Some(place));
    }
    let Value::Table(sections) = &mut root.value else { return };
    let keep_alive = entry_of(sections, "platform").and_then(|platform| platform.get("keep-alive").cloned());
    let mut defaults = take_defaults(sections);
    add_keep_alive(&mut defaults, keep_alive);
    let sites = sites(sections, written.as_ref());
    let first = sites.first().map(|site| site.name.clone());
    for section in sections.iter_mut().filter(|section| section.key == "function") {
        let Value::List(functions) = &mut section.node.value else { continue };
        for function in functions {
            let site = function.get("site").and_then(Node::text).or(first.as_deref());
            let own = sites.iter().find(|known| Some(known.name.as_str()) == site).and_then(|site| site.own.as_ref());
            let (defaults, preset) = own.map_or((&defaults, preset), |(defaults, preset)| (defaults, *preset));
            merge(function, defaults, FunctionTable::SHAPE, preset.map(|(_, place)| place));
            cold_start(function, preset, problems);
        }
    }
    if sites.iter().any(|site| site.own.is_some()) {
        // Read again they are to mean the same, also for functions on another platform.
        defaults = written.unwrap_or_else(no_defaults);
    } else {
        cold_start(&mut defaults, preset, problems);
    }
    sections.push(Entry::new("function-defaults", defaults.place, defaults.value));
}

/// Where sites have platforms of their own, leaves only what the file says in the function defaults that are written out. A declared
/// default would come before what the platform of a site sets, if the text is read again with a variant that adds functions.
pub(super) fn leave_open(written: &mut Value, root: &Node) {
    let sites = root.get("site").map_or(&[][..], Node::elements);
    if !sites.iter().any(|site| site.get("platform").is_some()) {
        return;
    }
    if let (Value::Table(sections), Some(read)) = (written, root.get("function-defaults"))
        && let Some(defaults) = sections.iter_mut().find(|section| section.key == "function-defaults")
    {
        retain(&mut defaults.node, read);
    }
}

/// Keeps the keys that another table has too.
fn retain(node: &mut Node, of: &Node) {
    if let (Value::Table(entries), Value::Table(_)) = (&mut node.value, &of.value) {
        entries.retain(|entry| of.get(&entry.key).is_some());
        for entry in entries {
            if let Some(of) = of.get(&entry.key) {
                retain(&mut entry.node, of);
            }
        }
    }
}

/// A site; if it has a platform of its own, with the defaults of its functions.
struct Site {
    name: String,
    own: Option<(Node, Named)>,
}

/// Completes the platforms of sites. `written` are the function defaults of the file, which apply at all sites.
fn sites(sections: &mut [Entry], written: Option<&Node>) -> Vec<Site> {
    let Some(listed) = sections.iter_mut().find(|section| section.key == "site") else { return Vec::new() };
    let Value::List(listed) = &mut listed.node.value else { return Vec::new() };
    let site = |site: &mut Node| {
        let name = site.get("name").and_then(Node::text).unwrap_or_default().to_owned();
        let Value::Table(entries) = &mut site.value else { return Site { name, own: None } };
        let platform = entries.iter_mut().find(|entry| entry.key == "platform").map(|entry| &mut entry.node);
        let own = platform.map(|platform| {
            let preset = preset_of(Some(platform));
            let mut defaults = written.cloned().unwrap_or_else(no_defaults);
            if let Some((preset, place)) = preset {
                let values = preset.file().values(place, has_free_tier(Some(platform)));
                if let Some(under) = values.get("platform") {
                    merge(platform, under, SitePlatformTable::SHAPE, Some(place));
                }
                if let Some(under) = values.get("function-defaults") {
                    merge(&mut defaults, under, FunctionTable::SHAPE, Some(place));
                }
            }
            add_keep_alive(&mut defaults, platform.get("keep-alive").cloned());
            (defaults, preset)
        });
        Site { name, own }
    };
    listed.iter_mut().map(site).collect()
}

/// Adds the keep-alive of the platform, if nothing else is set.
fn add_keep_alive(defaults: &mut Node, keep_alive: Option<Node>) {
    if let (Value::Table(entries), Some(keep_alive)) = (&mut defaults.value, keep_alive)
        && !entries.iter().any(|entry| entry.key == "keep-alive")
    {
        entries.push(Entry::new("keep-alive", keep_alive.place, keep_alive.value));
    }
}

/// The content of a section.
fn entry_of<'n>(sections: &'n [Entry], key: &str) -> Option<&'n Node> {
    sections.iter().find(|section| section.key == key).map(|section| &section.node)
}

/// Whether a platform deducts the free amounts of its preset.
fn has_free_tier(platform: Option<&Node>) -> bool {
    let flag = platform.and_then(|platform| platform.get("billing")?.get("free-tier"));
    flag.is_some_and(|flag| flag.value == Value::Boolean(true))
}

/// The preset named by a platform.
fn preset_of(platform: Option<&Node>) -> Named {
    let node = platform?.get("preset")?;
    Some((Preset::named(node.text()?)?, node.place))
}

/// Removes the function defaults, if any, from the sections.
fn take_defaults(sections: &mut Vec<Entry>) -> Node {
    match sections.iter().position(|section| section.key == "function-defaults") {
        Some(at) => sections.remove(at).node,
        None => no_defaults(),
    }
}

/// Nothing is set.
fn no_defaults() -> Node {
    Node::at(SourceSpan::default(), Value::Table(Vec::new()))
}

/// Gives a function the cold start of its runtime, if the preset knows it and nothing else is set.
fn cold_start(function: &mut Node, preset: Named, problems: &mut Problems) {
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
