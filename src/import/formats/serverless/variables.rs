//! Variables of the Serverless Framework, as far as the file itself says their values: `${self:...}`, `${sls:stage}`, and what is
//! written behind a comma for the others.

use crate::import::tree::{Entry, Node, Unknown, Value};

/// Variables within variables.
const MAX_VARIABLES: usize = 20;
/// Characters of a text that variables make.
const MAX_TEXT: usize = 100_000;

/// The node with the variables in it that the file itself says.
pub(super) fn resolve(node: &Node, root: &Node, depth: usize) -> Node {
    // Short tags of CloudFormation stay for its reader.
    let value = match &node.value {
        Value::Scalar(text) if node.tag.is_none() && text.contains("${") => return variables(node, text, root, depth),
        Value::List(elements) => Value::List(elements.iter().map(|element| resolve(element, root, depth)).collect()),
        Value::Map(entries) => {
            let entry = |entry: &Entry| Entry { node: resolve(&entry.node, root, depth), ..entry.clone() };
            Value::Map(entries.iter().map(entry).collect())
        }
        other => other.clone(),
    };
    Node { value, ..node.clone() }
}

/// A text with its variables filled in; a text that is one variable becomes what that is.
fn variables(node: &Node, text: &str, root: &Node, depth: usize) -> Node {
    let unknown = |text: &str| {
        Node::new(Value::Unknown(Unknown { text: text.to_owned(), names: vec![text.to_owned()] }), node.place)
    };
    if depth > MAX_VARIABLES {
        return unknown(text);
    }
    let (mut made, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        let Some(end) = closing(after) else { return unknown(text) };
        let found = variable(&after[..end], node, root, depth);
        if before.is_empty() && made.is_empty() && end + 1 == after.len() {
            return found.unwrap_or_else(|| unknown(text));
        }
        let Some(value) = found.as_ref().and_then(Node::text) else { return unknown(text) };
        made.push_str(before);
        made.push_str(value);
        if made.len() > MAX_TEXT {
            return unknown(text);
        }
        rest = &after[end + 1..];
    }
    made.push_str(rest);
    Node::new(Value::Scalar(made), node.place)
}

/// Where the variable ends whose beginning is cut off.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

/// The value of `self:custom.memory.${opt:stage}, 512`, which is written in a node.
fn variable(text: &str, node: &Node, root: &Node, depth: usize) -> Option<Node> {
    if depth > MAX_VARIABLES {
        return None;
    }
    let mut alternatives = split(text).into_iter();
    let first = alternatives.next()?.trim();
    // Variables may stand in variables.
    let inner = Node::new(Value::Scalar(first.to_owned()), node.place);
    let first = if first.contains("${") {
        variables(&inner, first, root, depth + 1).text()?.to_owned()
    } else {
        first.to_owned()
    };
    let found = match first.split_once(':') {
        Some(("self", path)) => {
            let keys: Vec<&str> = path.split('.').filter(|key| !key.is_empty()).collect();
            root.at(&keys).filter(|node| !std::ptr::eq(*node, root)).map(|node| resolve_value(node, root, depth + 1))
        }
        Some(("sls", "stage")) => Some(Node::new(Value::Scalar(stage(root)), node.place)),
        Some(_) => None,
        None => {
            let literal = first.trim_matches(['\'', '"']);
            (literal != first || literal.parse::<f64>().is_ok())
                .then(|| Node::new(Value::Scalar(literal.to_owned()), node.place))
        }
    };
    found.filter(|node| !matches!(node.value, Value::Null | Value::Unknown(_))).or_else(|| {
        let rest: Vec<&str> = alternatives.collect();
        if rest.is_empty() { None } else { variable(&rest.join(","), node, root, depth + 1) }
    })
}

/// Of a list or map only single values are followed: whole sections of a file could hold themselves.
fn resolve_value(node: &Node, root: &Node, depth: usize) -> Node {
    match &node.value {
        Value::Scalar(_) => resolve(node, root, depth),
        _ => node.clone(),
    }
}

/// The stage that is deployed if no option names one.
fn stage(root: &Node) -> String {
    root.at(&["provider", "stage"])
        .and_then(Node::text)
        .filter(|stage| !stage.contains("${"))
        .unwrap_or("dev")
        .to_owned()
}

/// Alternatives, between commas outside of braces and quotes.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut open, mut quote) = (Vec::new(), 0, 0_i32, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(mark), _) if mark == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '{') => open += 1,
            (None, '}') => open -= 1,
            (None, ',') if open == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}
