//! A scenario on another platform: the same traffic and functions, with that platform's values instead of those of the
//! platform for which it was written.

use super::model::{Assumption, AssumptionKind, Function};
use super::preset::Preset;
use crate::schema::diagnostic::SourceSpan;
use crate::schema::tree::{Entry, Node, Value};

/// Keys of a function that belong to the machines that it runs on.
const OF_MACHINES: [&str; 3] = ["node-group", "gpu", "image"];

/// Keys of a function that belong to its platform.
const OF_PLATFORM: [&str; 10] = [
    "scaling",
    "keep-alive",
    "selection",
    "max-lifetime",
    "termination-grace-period",
    "concurrency",
    "cold-start",
    "cold-duration",
    "initial",
    "memory",
];

/// Moves the tree of a scenario to another platform; `functions` are those of the scenario as it is. Returns what could
/// not be kept as it is.
pub(super) fn put_on(root: &mut Node, preset: Preset, functions: &[Function], place: SourceSpan) -> Vec<Assumption> {
    let mut adapted = Vec::new();
    let free_tier = root.get("platform").and_then(|platform| platform.get("billing")?.get("free-tier").cloned());
    let Value::Table(sections) = &mut root.value else { return adapted };
    sections.retain(|section| !matches!(section.key.as_str(), "platform" | "sweep" | "plan" | "variant"));
    if let Some(reason) = preset.allowed().lack("node-group") {
        leave_nodes(sections, preset, reason, &mut adapted);
    }
    let mut platform = vec![Entry::new("preset", place, Value::from_text(preset.name()))];
    if let Some(flag) = free_tier {
        let billing = Value::Table(vec![Entry::new("free-tier", place, flag.value)]);
        platform.push(Entry::new("billing", place, billing));
    }
    sections.push(Entry::new("platform", place, Value::Table(platform)));
    for section in sections.iter_mut() {
        match (section.key.as_str(), &mut section.node.value) {
            ("function-defaults", Value::Table(entries)) => strip(entries, preset, "function-defaults", &mut adapted),
            ("function", Value::List(listed)) => {
                for table in listed {
                    let name = table.get("name").and_then(Node::text).unwrap_or_default().to_owned();
                    let Value::Table(entries) = &mut table.value else { continue };
                    strip(entries, preset, &name, &mut adapted);
                    if let Some(function) = functions.iter().find(|function| function.name == name) {
                        fit(entries, preset, function, place, &mut adapted);
                    }
                }
            }
            _ => {}
        }
    }
    adapted
}

/// Removes node groups, and what is about them alone.
fn leave_nodes(sections: &mut Vec<Entry>, preset: Preset, reason: &str, adapted: &mut Vec<Assumption>) {
    let before = sections.len();
    sections.retain(|section| section.key != "node-group");
    if sections.len() == before {
        return;
    }
    let name = preset.name();
    told(adapted, "node-group", format!("there are no node groups on {name}: {reason}"));
    for section in &mut *sections {
        let is_of_nodes: fn(&Node) -> bool = match section.key.as_str() {
            "objective" | "alarm" => |table| table.get("node-group").is_some(),
            "fault" => |table| {
                let target = table.get("target").and_then(Node::text).unwrap_or_default();
                target.starts_with("node-group.") || target.starts_with("zone.")
            },
            _ => continue,
        };
        let Value::List(tables) = &mut section.node.value else { continue };
        let all = tables.len();
        tables.retain(|table| !is_of_nodes(table));
        let (key, left) = (&section.key, all - tables.len());
        if left > 0 {
            let (what, verb) = if left == 1 { (key.clone(), "does") } else { (format!("{key}s"), "do") };
            told(adapted, key, format!("{left} {what} about nodes {verb} not apply on {name}"));
        }
    }
    sections.retain(|section| !matches!(&section.node.value, Value::List(tables) if tables.is_empty()));
}

fn told(adapted: &mut Vec<Assumption>, subject: &str, text: String) {
    adapted.push(Assumption { kind: AssumptionKind::Adapted, subject: subject.to_owned(), text });
}

/// Removes what the platform does not have.
fn strip(entries: &mut Vec<Entry>, preset: Preset, name: &str, adapted: &mut Vec<Assumption>) {
    let has = |entries: &[Entry], key: &str, word: &str| {
        entries.iter().any(|entry| entry.key == key && entry.node.text() == Some(word))
    };
    let allowed = preset.allowed();
    for key in ["cold-start", "cold-duration"] {
        if entries.iter().any(|entry| entry.key == key) {
            told(
                adapted,
                key,
                format!(
                    "`{name}.{key}` was measured on another platform: replaced by the cold start of {}",
                    preset.name()
                ),
            );
        }
    }
    entries.retain(|entry| !OF_PLATFORM.contains(&entry.key.as_str()));
    if allowed.lack("node-group").is_some() {
        entries.retain(|entry| !OF_MACHINES.contains(&entry.key.as_str()));
    }
    strip_cpu(entries, preset, name, adapted);
    if let Some(reason) = allowed.lack("arm").filter(|_| has(entries, "architecture", "arm")) {
        entries.retain(|entry| entry.key != "architecture");
        told(adapted, "architecture", format!("`{name}` runs on x86: {reason}"));
    }
    let runtime = entries.iter().find(|entry| entry.key == "runtime").and_then(|entry| entry.node.text());
    let runtime = runtime.map(str::to_owned);
    let is_image = has(entries, "package", "image");
    let starts = &preset.file().cold_starts;
    if is_image && (allowed.lack("image").is_some() || !starts.knows(runtime.as_deref(), true)) {
        entries.retain(|entry| entry.key != "package");
        told(
            adapted,
            "package",
            format!("`{name}` uses the cold start of a zip archive: there is none for images on {}", preset.name()),
        );
    }
    let code = entries.iter_mut().find(|entry| entry.key == "code");
    if let Some(Entry { node: Node { value: Value::Table(parts), .. }, .. }) = code {
        for part in parts.iter().filter(|part| !starts.knows_code(part)) {
            let (key, preset) = (&part.key, preset.name());
            told(
                adapted,
                &format!("code.{key}"),
                format!("`{name}` starts without `code.{key}`: its effect on {preset} has not been measured"),
            );
        }
        parts.retain(|part| starts.knows_code(part));
    }
    if let Some(runtime) = runtime.filter(|runtime| !starts.knows(Some(runtime), false)) {
        entries.retain(|entry| entry.key != "runtime");
        let standard = starts.standard().unwrap_or("any runtime");
        told(
            adapted,
            "runtime",
            format!("`{name}` uses the cold start of {standard}: there is none for {runtime} on {}", preset.name()),
        );
    }
}

/// Removes how many vCPUs an instance has, where the platform decides it.
fn strip_cpu(entries: &mut [Entry], preset: Preset, name: &str, adapted: &mut Vec<Assumption>) {
    let allowed = preset.allowed();
    let cpu = entries.iter_mut().find(|entry| entry.key == "cpu");
    let Some(Entry { node: Node { value: Value::Table(keys), .. }, .. }) = cpu else { return };
    if let Some(reason) = allowed.lack("cpu-limit").filter(|_| keys.iter().any(|entry| entry.key == "limit")) {
        keys.retain(|entry| !matches!(entry.key.as_str(), "limit" | "period"));
        told(adapted, "cpu.limit", format!("`{name}` has no `cpu.limit` on {}: {reason}", preset.name()));
    }
    if allowed.lack("node-group").is_some() {
        keys.retain(|entry| entry.key != "request");
    }
}

/// Gives a function the nearest memory and timeout that the platform allows.
fn fit(
    entries: &mut Vec<Entry>,
    preset: Preset,
    function: &Function,
    place: SourceSpan,
    adapted: &mut Vec<Assumption>,
) {
    let allowed = preset.allowed();
    let memory = allowed.memory_near_mb(function.memory_mb);
    if memory != function.memory_mb {
        let (name, own) = (&function.name, function.memory_mb);
        told(
            adapted,
            "memory",
            format!("`{name}` has {memory}MB instead of {own}MB, the nearest size on {}", preset.name()),
        );
    }
    entries.push(Entry::new("memory", place, Value::from_text(format!("{memory}MB"))));
    let cpu = entries.iter_mut().find(|entry| entry.key == "cpu");
    if let Some(Entry { node: Node { value: Value::Table(keys), .. }, .. }) = cpu
        && keys.iter().any(|entry| entry.key == "limit")
        // How many requests share an instance there is left to the platform.
        && let Some((why, _)) = allowed.vcpus.refused(memory, function.cpu.vcpus, u32::MAX)
    {
        keys.retain(|entry| entry.key != "limit");
        let text = format!("`{}` has the vCPUs that come with its memory: {} {why}", function.name, preset.name());
        told(adapted, "cpu.limit", text);
    }
    entries.retain(|entry| entry.key != "timeout");
    let timeout = match (function.timeout, allowed.timeout) {
        (Some(own), Some(longest)) => Some(own.min(longest)),
        (own, longest) => own.or(longest),
    };
    if timeout != function.timeout
        && let Some(longest) = timeout
    {
        told(
            adapted,
            "timeout",
            format!("`{}` is limited to {longest}, the maximum of {}", function.name, preset.name()),
        );
    }
    let timeout = timeout.map_or("none".to_owned(), |timeout| timeout.to_string());
    entries.push(Entry::new("timeout", place, Value::from_text(timeout)));
}
