//! Values of a preset that should not be relied on: unpublished values, and cold starts of minimal functions.
//!
//! Meanings are compared, not spelling: a scenario written out with all its values has the same assumptions.

use super::model::{Assumption, AssumptionKind};
use super::preset::{Fact, Preset};
use super::raw::cold_start::ColdStartTable;
use super::raw::function::DefaultsTable;
use super::raw::platform::PlatformTable;
use crate::schema::decode::{Field, Reader};
use crate::schema::diagnostic::{Problems, SourceSpan};
use crate::schema::tree::{Entry, Node, Value};

/// When idle instances are removed, for functions that do not set it.
const KEEP_ALIVE: &str = "platform.keep-alive";

/// The vCPUs of an instance: they matter to functions that say how much CPU they use.
const PROCESSORS: &str = "platform.cpu.";

/// Cold starts of functions that do nothing.
const RUNTIMES: &str = "cold-start.runtimes.";

/// The assumptions of a scenario that is written out completely.
pub(super) fn of(written: &Value, preset: Preset) -> Vec<Assumption> {
    let root = Node::at(SourceSpan::default(), written.clone());
    let listed = root.get("function").map_or(&[][..], Node::elements);
    let defaults = root.get("function-defaults");
    let functions: Vec<&Node> =
        if listed.is_empty() { defaults.into_iter().collect() } else { listed.iter().collect() };
    let own = written_out(preset);
    let cold_starts: Vec<String> = functions.iter().flat_map(|function| cold_start_of(function, preset)).collect();
    let is_used = |fact: &&Fact| {
        if fact.key.starts_with("cold-start.") {
            return cold_starts.contains(&fact.key);
        }
        if fact.key.starts_with(PROCESSORS) && functions.iter().all(|function| function.get("cpu").is_none()) {
            return false;
        }
        let Some(value) = at(&own, &fact.key) else { return false };
        let of_function = fact.key.strip_prefix("function-defaults.");
        let of_function = of_function.or_else(|| (fact.key == KEEP_ALIVE).then_some("keep-alive"));
        match of_function {
            Some(key) => functions.iter().any(|function| at(function, key) == Some(value)),
            None => at(&root, &fact.key) == Some(value),
        }
    };
    let facts = preset.file().facts.iter().filter(|fact| fact.origin.unverified || is_minimal(fact)).filter(is_used);
    facts.map(|fact| told(preset, fact)).collect()
}

/// The values of a preset, with all their defaults.
fn written_out(preset: Preset) -> Node {
    let place = SourceSpan::default();
    let values = preset.file().values(place, true);
    let mut problems = Problems::default();
    let mut read = |key: &str| {
        let node = values.get(key)?;
        let reader = &mut Reader::new(&mut problems, &[]);
        match key {
            "platform" => PlatformTable::read(node, reader).map(|table| PlatformTable::write(&table)),
            _ => DefaultsTable::read(node, reader).map(|table| DefaultsTable::write(&table)),
        }
    };
    let sections = ["platform", "function-defaults"].map(|key| read(key).map(|value| Entry::new(key, place, value)));
    Node::at(place, Value::Table(sections.into_iter().flatten().collect()))
}

/// The keys of the preset's cold start that a function uses.
fn cold_start_of(function: &Node, preset: Preset) -> Vec<String> {
    let mut problems = Problems::default();
    let Some(known) = preset.file().cold_starts.of(function, &mut problems) else { return Vec::new() };
    let node = Node::at(SourceSpan::default(), known.value);
    let table = ColdStartTable::read(&node, &mut Reader::new(&mut problems, &[]));
    let is_its_own = table.is_some_and(|table| {
        function.get("cold-start").is_some_and(|cold_start| cold_start.value == ColdStartTable::write(&table))
    });
    let mut keys = if is_its_own { known.keys } else { Vec::new() };
    // A function that loads dependencies is no longer minimal.
    if keys.iter().any(|key| key == "cold-start.dependencies-per-mb") {
        keys.retain(|key| !key.starts_with(RUNTIMES));
    }
    keys
}

/// Whether a value is still that of a function that does nothing.
fn is_minimal(fact: &Fact) -> bool {
    fact.key.starts_with(RUNTIMES)
}

/// A value and its basis.
fn told(preset: Preset, fact: &Fact) -> Assumption {
    let grounds = fact.grounds();
    let unverified = if fact.origin.unverified { ", not verified" } else { "" };
    match fact.key.strip_prefix(RUNTIMES).and_then(|runtime| runtime.rsplit_once('.')) {
        Some((runtime, package)) => Assumption {
            kind: AssumptionKind::MinimalFunction,
            subject: format!("{runtime}, {package}"),
            text: format!(
                "the cold start is that of a minimal function ({runtime}, {package}) on {}{unverified}: {grounds}",
                preset.name()
            ),
        },
        None => Assumption {
            kind: AssumptionKind::Unverified,
            subject: fact.key.clone(),
            text: format!("{} = {}{unverified}: {grounds}", fact.key, fact.value),
        },
    }
}

/// The value of a dotted key.
fn at<'n>(root: &'n Node, key: &str) -> Option<&'n Value> {
    key.split('.').try_fold(root, |node, part| node.get(part)).map(|node| &node.value)
}
