//! Changes to a scenario by dotted keys: variants and `--set KEY=VALUE`.
//!
//! A list element is given by its `name`, as in `function.checkout.memory`. Missing tables are created; a key of
//! another kind (`keep-alive.fixed.window` where there is `halving`) replaces the existing kind.

use super::check::path::LISTS;
use super::raw::FileTable;
use super::registry;
use super::{ParseOptions, Tolerance};
use crate::schema::decode::Field;
use crate::schema::diagnostic::{Problem, Problems, SourceSpan, instead, nearest};
use crate::schema::shape::Shape;
use crate::schema::tree::{Entry, Node, Value};

/// The lists to which a variant can add, besides those of components.
const ADDED: [&str; 8] = ["function", "source", "site", "link", "tenant", "node-group", "fault", "alarm"];

/// Applies the changes of one variant (a `[[variant]]` as read): first its additions, so that they can be set too.
pub(super) fn apply_variant(root: &mut Node, variant: &Node, problems: &mut Problems) {
    for &list in ADDED.iter().chain(LISTS) {
        let Some(added) = variant.get(list) else { continue };
        add(root, list, added);
    }
    let Some(set) = variant.get("set") else { return };
    for change in set.entries() {
        let mut node = change.node.clone();
        if let (Value::Table(_), false) = (&node.value, change.key.contains('.')) {
            let message = format!("`{}` is not the dotted key of a value", change.key);
            let help = "write the whole key in quotes, as in \"function.checkout.memory\" = \"512MB\"";
            problems.push(Problem::error(change.place, message).help(help));
            continue;
        }
        // Problems of the value are best shown where the variant sets it.
        let place = node.place;
        node.move_to(place);
        set_key(root, &change.key, change.place, |_| node, problems);
    }
}

/// Appends the elements of a list to that of the file.
fn add(root: &mut Node, list: &str, added: &Node) {
    let Value::Table(sections) = &mut root.value else { return };
    match sections.iter_mut().find(|section| section.key == list) {
        Some(section) => {
            if let Value::List(elements) = &mut section.node.value {
                elements.extend_from_slice(added.elements());
            }
        }
        None => sections.push(Entry::new(list, added.place, added.value.clone())),
    }
}

/// Applies one `--set`; `option` is its name in messages.
pub(super) fn apply_set(root: &mut Node, option: &str, key: &str, value: &str, problems: &mut Problems) {
    let source = problems.add_source(option, format!("{key}={value}"), 1);
    let place = SourceSpan::new(source, 0..key.len());
    let parse = |shape: Shape| {
        let at = key.len() + 1;
        let text = || Node::at(SourceSpan::new(source, at..at + value.len()), Value::from_text(value.trim()));
        match Node::parse_value(value.trim(), source, at) {
            // Where text is expected, `memory=512` is the text 512, so that the error is about its unit.
            Some(node) if shape.is_quoted() && node.text().is_none() => text(),
            Some(node) => node,
            None => text(),
        }
    };
    set_key(root, key.trim(), place, parse, problems);
}

/// Sets the key of an axis to one of its values.
pub(super) fn apply_value(root: &mut Node, key: &str, place: SourceSpan, node: Node, problems: &mut Problems) {
    set_key(root, key, place, |_| node, problems);
}

/// The schema of the value of a dotted key; problems of the key are reported.
pub(super) fn shape_of(key: &str, place: SourceSpan, problems: &mut Problems) -> Option<Shape> {
    if key.split('.').any(str::is_empty) {
        problems.push(Problem::error(place, format!("`{key}` is not a dotted key")).help(EXAMPLE));
        return None;
    }
    Walk { key, place, done: Vec::new(), problems }.check(FileTable::SHAPE)
}

/// Sets a policy for every function, in the function defaults and nowhere else. If a function has the same policy
/// already, its parameters are kept.
pub(super) fn apply_policy(root: &mut Node, policy: &str, problems: &mut Problems) -> Option<()> {
    let source = problems.add_source("--policies", policy, 1);
    let place = SourceSpan::new(source, 0..policy.len());
    let Some(question) = registry::question_of(policy) else {
        let help = instead(policy, "the policies are", registry::exchangeable());
        problems.push(Problem::error(place, format!("there is no policy `{policy}`")).help(help));
        return None;
    };
    let forget_others = |function: &mut Node| {
        if let Value::Table(entries) = &mut function.value {
            entries.retain(|entry| entry.key != question || entry.node.get(policy).is_some());
        }
    };
    let Value::Table(sections) = &mut root.value else { return None };
    for section in sections.iter_mut() {
        match (section.key.as_str(), &mut section.node.value) {
            ("function-defaults", _) => forget_others(&mut section.node),
            ("function", Value::List(functions)) => functions.iter_mut().for_each(forget_others),
            _ => {}
        }
    }
    let table = |entries| Value::Table(entries);
    if !sections.iter().any(|section| section.key == "function-defaults") {
        sections.push(Entry::new("function-defaults", place, table(Vec::new())));
    }
    let defaults = sections.iter_mut().find(|section| section.key == "function-defaults")?;
    let Value::Table(entries) = &mut defaults.node.value else { return None };
    if !entries.iter().any(|entry| entry.key == question) {
        entries.push(Entry::new(question, place, table(vec![Entry::new(policy, place, table(Vec::new()))])));
    }
    Some(())
}

/// Applies the options for the number of replications and the precision.
pub(super) fn apply_replications(root: &mut Node, options: &ParseOptions, problems: &mut Problems) {
    let wants_precision = !options.precision.is_empty() || options.max_replications.is_some();
    let count = |text: u32| text.to_string();
    if !wants_precision {
        if let Some(replications) = options.replications {
            if let Some(simulation) = entries_of(root, &["simulation"], SourceSpan::default()) {
                simulation.retain(|entry| entry.key != "precision");
            }
            apply_set(root, "--replications", "simulation.replications", &count(replications), problems);
        }
        return;
    }
    if let Some(most) = options.max_replications {
        apply_set(root, "--max-replications", "simulation.precision.max-replications", &count(most), problems);
    }
    // Precision replaces a fixed number, which becomes the initial number.
    let fixed = entries_of(root, &["simulation"], SourceSpan::default()).and_then(|simulation| {
        let at = simulation.iter().position(|entry| entry.key == "replications")?;
        Some(simulation.remove(at))
    });
    let first = |number: u32| options.max_replications.map_or(number, |most| number.min(most));
    if let Some(replications) = options.replications {
        let key = "simulation.precision.min-replications";
        apply_set(root, "--replications", key, &count(first(replications)), problems);
    } else if let Some(fixed) = fixed
        && let Value::Integer(Some(number)) = fixed.node.value
        && let Ok(number @ 2..) = u32::try_from(number)
        && let Some(precision) = entries_of(root, &["simulation", "precision"], fixed.place)
        && !precision.iter().any(|entry| entry.key == "min-replications")
    {
        let number = Value::Integer(Some(first(number).into()));
        precision.push(Entry::new("min-replications", fixed.place, number));
    }
    for (metric, tolerance) in &options.precision {
        // The name of the metric contains a dot, so it cannot be part of a dotted key.
        let text = format!("{metric}={tolerance}");
        let value = match tolerance {
            Tolerance::Relative(_) => Value::from_text(tolerance.to_string()),
            Tolerance::Absolute(size) => Value::Float(*size),
        };
        let source = problems.add_source("--precision", text.as_str(), 1);
        let place = SourceSpan::new(source, 0..metric.len());
        if let Some(metrics) = entries_of(root, &["simulation", "precision", "metrics"], place) {
            metrics.retain(|entry| entry.key != *metric);
            metrics.push(Entry::new(metric, place, value));
        }
    }
}

/// The entries of a table by its path, created if missing; `None` if there is something else.
fn entries_of<'n>(root: &'n mut Node, path: &[&str], place: SourceSpan) -> Option<&'n mut Vec<Entry>> {
    let Value::Table(entries) = &mut root.value else { return None };
    let Some((key, rest)) = path.split_first() else { return Some(entries) };
    let at = entries.iter().position(|entry| entry.key == *key).unwrap_or_else(|| {
        entries.push(Entry::new(key, place, Value::Table(Vec::new())));
        entries.len() - 1
    });
    entries_of(&mut entries[at].node, rest, place)
}

fn set_key(
    root: &mut Node,
    key: &str,
    place: SourceSpan,
    value: impl FnOnce(Shape) -> Node,
    problems: &mut Problems,
) -> Option<()> {
    let (mut node, mut shape) = (root, FileTable::SHAPE);
    let mut walk = Walk { key, place, done: Vec::new(), problems };
    shape_of(key, place, walk.problems)?;
    for segment in key.split('.') {
        (node, shape) = walk.step(node, shape, segment)?;
        walk.done.push(segment.to_owned());
    }
    if let Shape::List(list) = shape
        && let Shape::Table(item) = list.item
        && item.field("name").is_some()
    {
        let message = format!("`{key}` is a list: set its elements one by one");
        walk.problems.push(Problem::error(place, message).help(format!("name one, as in {key}.NAME.KEY")));
        return None;
    }
    *node = value(shape);
    Some(())
}

/// How a key looks.
const EXAMPLE: &str = "keys look like simulation.horizon or function.checkout.memory";

/// The path given by a dotted key.
struct Walk<'a> {
    key: &'a str,
    place: SourceSpan,
    done: Vec<String>,
    problems: &'a mut Problems,
}

impl Walk<'_> {
    /// Checks the whole path before anything is changed, and returns the schema of its end; names of elements are
    /// resolved later.
    fn check(&mut self, mut shape: Shape) -> Option<Shape> {
        for segment in self.key.split('.') {
            shape = match shape.inner() {
                Shape::Table(table) => match table.field(segment) {
                    Some(field) => field.shape,
                    None => return self.unknown("key", segment, table.keys().collect()),
                },
                Shape::Union(union) => match union.kind(segment) {
                    Some(kind) => kind.shape,
                    None => {
                        let what = format!("kind of {}", union.what);
                        return self.unknown(&what, segment, union.all().map(|kind| kind.key).collect());
                    }
                },
                Shape::Map(list) | Shape::List(list) => list.item,
                Shape::Any => Shape::Any,
                Shape::Leaf(_) | Shape::Choice(_) | Shape::OrNone(_) | Shape::OneOrMore(_) => {
                    let message = format!("`{}` is a value: there is no `{segment}` in it", self.done.join("."));
                    self.problems.push(Problem::error(self.place, message));
                    return None;
                }
            };
            self.done.push(segment.to_owned());
        }
        self.done.clear();
        Some(shape)
    }

    /// One step down: to a key of a table, a kind, or a list element.
    fn step<'n>(&mut self, node: &'n mut Node, shape: Shape, segment: &str) -> Option<(&'n mut Node, Shape)> {
        let next = match shape.inner() {
            Shape::Table(table) => table.field(segment)?.shape,
            Shape::Union(union) => {
                if let Value::Table(entries) = &mut node.value {
                    entries.retain(|entry| entry.key == segment);
                }
                union.kind(segment)?.shape
            }
            Shape::Map(map) => map.item,
            Shape::List(list) => return Some((self.element(node, segment)?, list.item)),
            other => other,
        };
        Some((self.child(node, segment, next)?, next))
    }

    /// The value of a key of a table, created if missing.
    fn child<'n>(&self, node: &'n mut Node, key: &str, shape: Shape) -> Option<&'n mut Node> {
        if !matches!(node.value, Value::Table(_)) {
            // "none", or an invalid value, which is replaced by a table.
            node.value = Value::Table(Vec::new());
        }
        let Value::Table(entries) = &mut node.value else { return None };
        let at = entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
            let empty = if let Shape::List(_) = shape { Value::List(Vec::new()) } else { Value::Table(Vec::new()) };
            entries.push(Entry::new(key, self.place, empty));
            entries.len() - 1
        });
        Some(&mut entries[at].node)
    }

    /// The list element with this name.
    fn element<'n>(&mut self, node: &'n mut Node, name: &str) -> Option<&'n mut Node> {
        let list = self.done.join(".");
        let names: Vec<String> =
            node.elements().iter().filter_map(|element| Some(element.get("name")?.text()?.to_owned())).collect();
        let at = node.elements().iter().position(|element| element.get("name").and_then(Node::text) == Some(name));
        let nameless = names.is_empty() && !node.elements().is_empty();
        if let (Some(at), Value::List(elements)) = (at, &mut node.value) {
            return elements.get_mut(at);
        }
        if nameless {
            let message = format!("the elements of `{list}` have no names");
            self.problems.push(Problem::error(self.place, message).help(format!("set the whole list: {list}=[...]")));
        } else {
            let message = format!("there is no {list} \"{name}\"");
            let help = instead(name, &format!("names of {list}"), names.iter().map(String::as_str));
            self.problems.push(Problem::error(self.place, message).help(help));
        }
        None
    }

    fn unknown<T>(&mut self, what: &str, segment: &str, known: Vec<&str>) -> Option<T> {
        let message = format!("unknown {what} `{segment}` in `{}`", self.key);
        let help = match nearest(segment, known.iter().copied()) {
            Some(near) => {
                let mut whole = self.done.clone();
                whole.push(near.to_owned());
                whole.extend(self.key.split('.').skip(whole.len()).map(str::to_owned));
                format!("did you mean `{}`?", whole.join("."))
            }
            None => format!("{}; {EXAMPLE}", instead(segment, "the known keys here are", known)),
        };
        self.problems.push(Problem::error(self.place, message).help(help));
        None
    }
}
