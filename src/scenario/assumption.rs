//! What a scenario takes from its preset that is nothing to rely on: unpublished values, and cold starts that
//! are those of minimal functions.
//!
//! Compared is what is meant, however it is written: a scenario that was written out with all its values rests on the same.

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

/// The processors of an instance: they matter to functions that say something about theirs.
const PROCESSORS: &str = "platform.cpu.";

/// Cold starts of functions that do nothing.
const RUNTIMES: &str = "cold-start.runtimes.";

/// What a scenario, completely written out, assumes.
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

/// The values of a preset, with everything that is meant by them.
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

/// The keys of the preset's cold start that a function has.
fn cold_start_of(function: &Node, preset: Preset) -> Vec<String> {
    let mut problems = Problems::default();
    let Some(known) = preset.file().cold_starts.of(function, &mut problems) else { return Vec::new() };
    let node = Node::at(SourceSpan::default(), known.value);
    let table = ColdStartTable::read(&node, &mut Reader::new(&mut problems, &[]));
    let is_its_own = table.is_some_and(|table| {
        function.get("cold-start").is_some_and(|cold_start| cold_start.value == ColdStartTable::write(&table))
    });
    let mut keys = if is_its_own { known.keys } else { Vec::new() };
    // With the dependencies that a function loads it is no minimal one any more.
    if keys.iter().any(|key| key == "cold-start.dependencies-per-mb") {
        keys.retain(|key| !key.starts_with(RUNTIMES));
    }
    keys
}

/// Whether a value is that of a function that does nothing yet.
fn is_minimal(fact: &Fact) -> bool {
    fact.key.starts_with(RUNTIMES)
}

/// A value and the grounds on which it stands.
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
