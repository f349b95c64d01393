//! Values of parameters in files of their own: of stacks of CloudFormation, and of ARM templates.

use super::Format;
use crate::import::tree::{Entry, Node, Value};

pub(in crate::import) const FORMAT: Format =
    Format { name: "values of parameters for CloudFormation or ARM", is, read: |_, _, _| {} };

fn is(document: &Node) -> bool {
    !values(document).is_empty()
}

/// The parameters to which a document gives values, each in the form of ARM: a map with the key `value`.
pub(in crate::import) fn values(document: &Node) -> Vec<Entry> {
    // As `aws cloudformation create-stack --parameters` takes them, and as `describe-stacks` prints them.
    let stacks = document.get("Stacks").map_or(&[][..], Node::elements);
    let lists = stacks.iter().filter_map(|stack| stack.get("Parameters")).chain([document]);
    let mut found: Vec<Entry> = lists.flat_map(Node::elements).filter_map(pair).collect();
    // A template configuration of CodePipeline.
    if let Some(parameters) = document.get("Parameters").filter(|_| document.get("Resources").is_none()) {
        let plain = parameters.entries().iter().filter(|entry| entry.node.text().is_some());
        found.extend(plain.map(|entry| value(&entry.key, &entry.node)));
    }
    let schema = document.get("$schema").and_then(Node::text).unwrap_or_default().to_lowercase();
    if schema.contains("deploymentparameters.json") {
        let entries = document.get("parameters").map_or(&[][..], Node::entries);
        found.extend(entries.iter().filter(|entry| entry.node.get("value").is_some()).cloned());
    }
    found
}

fn pair(node: &Node) -> Option<Entry> {
    Some(value(node.get("ParameterKey")?.text()?, node.get("ParameterValue")?))
}

fn value(name: &str, node: &Node) -> Entry {
    let inner = Entry { key: "value".to_owned(), place: node.place, node: node.clone() };
    Entry { key: name.to_owned(), place: node.place, node: Node::new(Value::Map(vec![inner]), node.place) }
}
