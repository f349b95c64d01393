//! The functions of CloudFormation, as far as a template says their values: `Ref` and `Sub` of parameters with a default,
//! `If` and its conditions, `FindInMap`, `Join`, `Select`, `Split`. What only a deployment knows stays unknown, with its names.

use crate::import::tree::{Entry, Node, Unknown, Value};

/// Characters of a text that `Sub` or `Join` makes; longer ones are left unknown.
const MAX_TEXT: usize = 100_000;
/// Values in an entry of a mapping.
const MAX_VALUES: usize = 500;
/// Conditions within conditions.
const MAX_CONDITIONS: usize = 30;

/// What a template says besides its resources.
pub(super) struct Template<'a> {
    pub(super) parameters: &'a [Entry],
    /// Values of parameters, each under `value`, that count before their defaults.
    pub(super) given: &'a [Entry],
    pub(super) mappings: Option<&'a Node>,
    pub(super) conditions: Option<&'a Node>,
}

/// A call of a function: its name without `Fn::` and `!`, and its argument.
fn call(node: &Node) -> Option<(&str, Node)> {
    if let Some(tag) = &node.tag {
        return Some((tag, Node { tag: None, ..node.clone() }));
    }
    let [entry] = node.entries() else { return None };
    let name = match entry.key.as_str() {
        "Ref" | "Condition" => entry.key.as_str(),
        key => key.strip_prefix("Fn::")?,
    };
    Some((name, entry.node.clone()))
}

fn unknown(node: &Node, text: impl Into<String>, names: Vec<String>) -> Node {
    Node::new(Value::Unknown(Unknown { text: text.into(), names }), node.place)
}

impl Template<'_> {
    /// The node with everything in it that the template knows.
    pub(super) fn resolve(&self, node: &Node) -> Node {
        if let Some((name, argument)) = call(node) {
            return self.evaluate(node, name, &argument);
        }
        let value = match &node.value {
            Value::List(elements) => {
                let resolved = elements.iter().map(|element| self.resolve(element));
                Value::List(resolved.filter(|element| !matches!(element.value, Value::Null)).collect())
            }
            Value::Map(entries) => {
                let entry = |entry: &Entry| Entry { node: self.resolve(&entry.node), ..entry.clone() };
                Value::Map(entries.iter().map(entry).collect())
            }
            other => other.clone(),
        };
        Node { value, ..node.clone() }
    }

    fn evaluate(&self, node: &Node, name: &str, argument: &Node) -> Node {
        match name {
            "Ref" => self.reference(node, argument.text().unwrap_or_default()),
            "GetAtt" => {
                let parts: Vec<&str> = match argument.text() {
                    Some(text) => text.split('.').collect(),
                    None => argument.elements().iter().filter_map(Node::text).collect(),
                };
                let names = parts.first().map(|name| (*name).to_owned()).into_iter().collect();
                unknown(node, format!("!GetAtt {}", parts.join(".")), names)
            }
            "Sub" => self.substitute(node, argument),
            "If" => {
                let [condition, yes, no] = argument.elements() else { return unknown(node, "!If", Vec::new()) };
                let name = condition.text().unwrap_or_default();
                match self.condition(name, 0) {
                    Some(true) => self.resolve(yes),
                    Some(false) => self.resolve(no),
                    None => {
                        let mut names = Vec::new();
                        for branch in [yes, no] {
                            if let Value::Unknown(unknown) = self.resolve(branch).value {
                                names.extend(unknown.names);
                            }
                        }
                        unknown(node, format!("!If {name}"), names)
                    }
                }
            }
            "FindInMap" => {
                let keys: Vec<Node> = argument.elements().iter().map(|key| self.resolve(key)).collect();
                let texts: Option<Vec<&str>> = keys.iter().take(3).map(Node::text).collect();
                let found = texts.and_then(|keys| self.mappings?.at(&keys));
                let found = found.filter(|found| found.has_at_most(MAX_VALUES));
                found.cloned().unwrap_or_else(|| unknown(node, "!FindInMap", Vec::new()))
            }
            "Join" => {
                let [separator, list] = argument.elements() else { return unknown(node, "!Join", Vec::new()) };
                self.join(node, separator.text().unwrap_or_default(), &self.resolve(list))
            }
            "Select" => {
                let [index, list] = argument.elements() else { return unknown(node, "!Select", Vec::new()) };
                let index = self.resolve(index).text().and_then(|text| text.parse::<usize>().ok());
                let list = self.resolve(list);
                let chosen = index.and_then(|index| list.elements().get(index)).cloned();
                chosen.unwrap_or_else(|| unknown(node, "!Select", Vec::new()))
            }
            "Split" if let Some(list) = self.split(argument) => list,
            _ => {
                let mut names = Vec::new();
                collect(&self.resolve(argument), &mut names);
                unknown(node, format!("!{name}"), names)
            }
        }
    }

    fn reference(&self, node: &Node, name: &str) -> Node {
        if name == "AWS::NoValue" {
            return Node::new(Value::Null, node.place);
        }
        let parameter = self.parameters.iter().find(|parameter| parameter.key == name);
        let kind = parameter.and_then(|parameter| parameter.node.get("Type")).and_then(Node::text).unwrap_or_default();
        let is_list = kind == "CommaDelimitedList" || kind.starts_with("List<");
        if let Some(value) = self.given.iter().find(|given| given.key == name).and_then(|given| given.node.get("value"))
        {
            return list_of(value, ",", str::trim).filter(|_| is_list).unwrap_or_else(|| value.clone());
        }
        match parameter {
            Some(parameter) => match parameter.node.get("Default") {
                Some(default) if is_list && default.text().is_some() => list_of(default, ",", str::trim)
                    .unwrap_or_else(|| unknown(node, format!("!Ref {name} (a list)"), Vec::new())),
                // Its place is that of the default: there it is changed.
                Some(default) if default.text().is_some() => Node { tag: None, ..default.clone() },
                Some(_) => unknown(node, format!("!Ref {name} (a list)"), Vec::new()),
                None => unknown(node, format!("!Ref {name} (a parameter without Default)"), Vec::new()),
            },
            // SAM knows what it makes of a resource as `Function.Alias`.
            None => unknown(node, format!("!Ref {name}"), vec![name.split('.').next().unwrap_or(name).to_owned()]),
        }
    }

    /// The parts of a text that is known.
    fn split(&self, argument: &Node) -> Option<Node> {
        let [separator, text] = argument.elements() else { return None };
        let separator = separator.text().filter(|separator| !separator.is_empty())?;
        list_of(&self.resolve(text), separator, |part| part)
    }

    fn substitute(&self, node: &Node, argument: &Node) -> Node {
        let (text, own) = match argument.elements() {
            [text, own] => (text.text(), Some(own)),
            _ => (argument.text(), None),
        };
        let Some(text) = text else { return unknown(node, "!Sub", Vec::new()) };
        let (mut made, mut names, mut is_known) = (String::new(), Vec::new(), true);
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            made.push_str(before);
            let Some((name, after)) = after.split_once('}') else { break };
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                made.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let base = name.split('.').next().unwrap_or(name);
            let value = match own.and_then(|own| own.get(name)) {
                Some(value) => self.resolve(value),
                None if base == name => self.reference(node, name),
                None => unknown(node, name, vec![base.to_owned()]),
            };
            match value.value {
                Value::Scalar(value) => made.push_str(&value),
                Value::Unknown(other) => {
                    made.push_str(&format!("${{{name}}}"));
                    names.extend(other.names);
                    is_known = false;
                }
                _ => is_known = false,
            }
            if made.len() > MAX_TEXT {
                return unknown(node, "!Sub", Vec::new());
            }
        }
        made.push_str(rest);
        // An ARN that is known up to the region names its resource all the same.
        if is_known {
            Node::new(Value::Scalar(made), if node.tag.is_some() { node.place } else { argument.place })
        } else {
            names.retain(|name| !name.starts_with("AWS::"));
            names.push(made.clone());
            unknown(node, made, names)
        }
    }

    fn join(&self, node: &Node, separator: &str, list: &Node) -> Node {
        let (mut made, mut names, mut is_known) = (String::new(), Vec::new(), true);
        for (number, element) in list.elements().iter().enumerate() {
            if number > 0 {
                made.push_str(separator);
            }
            match &element.value {
                Value::Scalar(text) => made.push_str(text),
                Value::Unknown(other) => {
                    made.push_str(&other.text);
                    names.extend(other.names.iter().cloned());
                    is_known = false;
                }
                _ => is_known = false,
            }
            if made.len() > MAX_TEXT {
                return unknown(node, "!Join", Vec::new());
            }
        }
        if is_known {
            return Node::new(Value::Scalar(made), node.place);
        }
        names.push(made.clone());
        unknown(node, made, names)
    }

    /// Whether a condition holds, if the template knows.
    pub(super) fn condition(&self, name: &str, depth: usize) -> Option<bool> {
        self.holds(self.conditions?.get(name)?, depth)
    }

    fn holds(&self, node: &Node, depth: usize) -> Option<bool> {
        if depth > MAX_CONDITIONS {
            return None;
        }
        let (name, argument) = call(node)?;
        let inner = || argument.elements().iter().map(|element| self.holds(element, depth + 1));
        match name {
            "Condition" => self.condition(argument.text()?, depth + 1),
            "Equals" => {
                let [a, b] = argument.elements() else { return None };
                let (a, b) = (self.resolve(a), self.resolve(b));
                Some(a.text()? == b.text()?)
            }
            "Not" => inner().next()?.map(|holds| !holds),
            "And" => inner().try_fold(true, |all, holds| Some(all && holds?)),
            "Or" => inner().try_fold(false, |any, holds| Some(any || holds?)),
            _ => None,
        }
    }
}

/// The parts of a text as a list, each as `clean` makes it.
fn list_of(node: &Node, separator: &str, clean: impl Fn(&str) -> &str) -> Option<Node> {
    let text = node.text().filter(|text| text.matches(separator).count() < MAX_VALUES)?;
    let part = |(number, part)| Node::new(Value::Scalar(clean(part).to_owned()), node.place.part(number));
    Some(Node::new(Value::List(text.split(separator).enumerate().map(part).collect()), node.place))
}

/// The names that anything in a node refers to.
fn collect(node: &Node, names: &mut Vec<String>) {
    match &node.value {
        Value::Unknown(unknown) => names.extend(unknown.names.iter().cloned()),
        Value::List(elements) => elements.iter().for_each(|element| collect(element, names)),
        Value::Map(entries) => entries.iter().for_each(|entry| collect(&entry.node, names)),
        _ => {}
    }
}

/// Puts values under what a node says itself, as SAM's Globals: maps are merged, lists joined, single values give way.
pub(super) fn under(own: &Node, global: &Node) -> Node {
    let value = match (&own.value, &global.value) {
        (Value::Map(own), Value::Map(global)) => {
            let mut merged = own.clone();
            for entry in global {
                match merged.iter_mut().find(|known| known.key == entry.key) {
                    Some(known) => known.node = under(&known.node, &entry.node),
                    None => merged.push(entry.clone()),
                }
            }
            Value::Map(merged)
        }
        (Value::List(own), Value::List(global)) => Value::List(global.iter().chain(own).cloned().collect()),
        (Value::Null, other) => other.clone(),
        (other, _) => other.clone(),
    };
    Node { value, ..own.clone() }
}
