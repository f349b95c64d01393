//! The file of a preset.
//!
//! Every value is `{ value = ..., from = "..." }`: `from` names one of `[sources]`, each with its location and date.
//! `note` adds details, `unverified = true` says that the value has not been published. `[scenario]` is a fragment of a
//! scenario; `extends` names a preset whose values apply where the file has none of its own.

use super::allowed::Allowed;
use super::cold_start::ColdStarts;
use super::{NAMES, TEXTS};
use crate::schema::diagnostic::{Problems, SourceSpan};
use crate::schema::tree::{Entry, Node, Value};

/// The contents of a preset.
#[derive(Debug)]
pub(in crate::scenario) struct PresetFile {
    /// The fragment of a scenario.
    scenario: Node,
    /// The monthly free tier: keys of `platform.billing`.
    free_tier: Vec<Entry>,
    /// The price of keeping a snapshot per GB-second, and of restoring one per GB.
    pub(in crate::scenario) snapshot_prices: (f64, f64),
    /// How instances are kept warm; `None`: there is no way.
    pub(in crate::scenario) kept_warm: Option<KeptWarm>,
    /// What the platform allows.
    pub(super) allowed: Allowed,
    /// Its cold starts.
    pub(in crate::scenario) cold_starts: ColdStarts,
    /// Every value.
    pub(in crate::scenario) facts: Vec<Fact>,
    /// What is not modeled, and further notes.
    pub(in crate::scenario) notes: Vec<String>,
    /// The presets of `[[gateway]]` commonly used in front of its functions.
    pub(in crate::scenario) gateways: Vec<String>,
}

/// A number of instances that are kept warm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptWarm {
    /// The key of a function.
    pub key: String,
    /// Its default.
    pub standard: u64,
    /// Its minimum.
    pub least: u64,
    /// Largest size.
    pub most: u64,
}

impl KeptWarm {
    fn read(node: &Node) -> Option<Self> {
        let number = |key| match node.get(key).map(|node| &node.value) {
            Some(Value::Integer(Some(number))) => u64::try_from(*number).ok(),
            _ => None,
        };
        let key = node.get("key")?.text()?.to_owned();
        let least = number("least").unwrap_or(0);
        Some(Self {
            key,
            standard: number("standard").unwrap_or(least),
            least,
            most: number("most").unwrap_or(u64::MAX),
        })
    }
}

/// A value of a preset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Its dotted key.
    pub key: String,
    /// The value as TOML.
    pub value: String,
    /// Its source.
    pub origin: Origin,
}

/// The source of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The publication, page or measurement.
    pub source: String,
    /// When it was retrieved or measured, as in `2026-08`.
    pub date: String,
    /// Whether it has not been published: it is from memory, derived or assumed.
    pub unverified: bool,
    /// Further notes.
    pub note: Option<String>,
}

impl Fact {
    /// Its basis, in words.
    #[must_use]
    pub fn grounds(&self) -> String {
        let Origin { source, date, note, .. } = &self.origin;
        let note = note.as_ref().map_or(String::new(), |note| format!("; {note}"));
        format!("{source}, {date}{note}")
    }
}

impl PresetFile {
    /// Reads a file. An error in it is a bug of forewarm: a test reads all of them strictly.
    pub(super) fn read(text: &str) -> Self {
        let root = extended(text);
        let mut facts = Vec::new();
        let title = root.get("title").and_then(Node::text).unwrap_or_default().to_owned();
        let sources = root.get("sources").cloned().unwrap_or_else(empty);
        let mut section = |key: &str| {
            let path = if key == "scenario" { String::new() } else { key.to_owned() };
            root.get(key).map_or_else(empty, |node| plain(node, path, &sources, &mut facts))
        };
        let mut scenario = section("scenario");
        let free_tier = match section("free-tier").value {
            Value::Table(entries) => entries,
            _ => Vec::new(),
        };
        let limits = section("limits");
        let snapshot = section("snapshot");
        let cold_starts = section("cold-start");
        scenario.move_to(SourceSpan::default());
        let text = |node: &Node| node.text().map(str::to_owned);
        let number = |key| match snapshot.get(key).map(|node| &node.value) {
            Some(Value::Float(price)) => *price,
            _ => 0.0,
        };
        let list = |key| root.get(key).map_or(&[][..], Node::elements).iter().filter_map(text).collect();
        Self {
            scenario,
            free_tier,
            snapshot_prices: (number("gb-second-usd"), number("restore-gb-usd")),
            kept_warm: root.get("kept-warm-by").and_then(KeptWarm::read),
            allowed: Allowed::read(title, &limits, root.get("decides"), root.get("lacks")),
            cold_starts: ColdStarts::read(&cold_starts),
            facts,
            notes: list("notes"),
            gateways: list("gateways"),
        }
    }

    /// The values as a fragment of a scenario, with or without the free tier; their location is `place`, where the
    /// preset is named.
    pub(in crate::scenario) fn values(&self, place: SourceSpan, has_free_tier: bool) -> Node {
        let mut values = self.scenario.clone();
        if let (true, Some(billing)) = (has_free_tier, billing(&mut values)) {
            billing.extend(self.free_tier.iter().cloned());
        }
        values.move_to(place);
        values
    }
}

/// The tree of a file, with the preset that it extends as a layer below.
fn extended(text: &str) -> Node {
    let mut root = Node::parse(text, 0, &mut Problems::default());
    let base = root.get("extends").and_then(Node::text);
    let base = base.and_then(|base| NAMES.iter().position(|(name, _)| *name == base));
    if let Some(base) = base {
        lay_under(&mut root, extended(TEXTS[base]));
    }
    root
}

/// Whether a table is a value with its source, rather than one of other tables.
fn is_value(node: &Node) -> bool {
    node.get("value").is_some() && node.get("from").is_some()
}

/// Fills in the missing values of a tree.
fn lay_under(over: &mut Node, under: Node) {
    if is_value(over) || is_value(&under) {
        return;
    }
    let (Value::Table(entries), Value::Table(lower)) = (&mut over.value, under.value) else { return };
    for entry in lower {
        match entries.iter_mut().find(|upper| upper.key == entry.key) {
            Some(upper) => lay_under(&mut upper.node, entry.node),
            None => entries.push(entry),
        }
    }
}

/// The tree without the sources, which become facts.
fn plain(node: &Node, path: String, sources: &Node, facts: &mut Vec<Fact>) -> Node {
    if let (true, Some(value)) = (is_value(node), node.get("value")) {
        facts.push(Fact { key: path, value: value.value.to_toml(), origin: origin(node, sources) });
        return value.clone();
    }
    let Value::Table(entries) = &node.value else { return node.clone() };
    let entries = entries.iter().map(|entry| {
        let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
        Entry { node: plain(&entry.node, path, sources, facts), ..entry.clone() }
    });
    Node::at(node.place, Value::Table(entries.collect()))
}

/// The source of a value.
fn origin(node: &Node, sources: &Node) -> Origin {
    let source = node.get("from").and_then(Node::text).and_then(|name| sources.get(name));
    let text = |key| source.and_then(|source| source.get(key)).and_then(Node::text).unwrap_or_default().to_owned();
    let is_true = |node: Option<&Node>| node.and_then(|node| node.get("unverified")).is_some();
    Origin {
        source: text("of"),
        date: text("date"),
        unverified: is_true(Some(node)) || is_true(source),
        note: node.get("note").and_then(Node::text).map(str::to_owned),
    }
}

/// The prices among the values of a preset.
fn billing(values: &mut Node) -> Option<&mut Vec<Entry>> {
    let mut node = values;
    for key in ["platform", "billing"] {
        let Value::Table(entries) = &mut node.value else { return None };
        node = &mut entries.iter_mut().find(|entry| entry.key == key)?.node;
    }
    match &mut node.value {
        Value::Table(entries) => Some(entries),
        _ => None,
    }
}

fn empty() -> Node {
    Node::at(SourceSpan::default(), Value::Table(Vec::new()))
}
