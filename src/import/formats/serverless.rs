//! `serverless.yml` of the Serverless Framework, for AWS.

use super::Format;
use super::cloudformation;
use super::lambda::{self, count, duration, link, partial_failure};
use crate::import::model::{Body, Dialect, Kind, Model, Origin, Setting, megabytes, number, seconds};
use crate::import::reader::{Item, Notes, Table};
use crate::import::tree::{Entry, Node, Unknown, Value};

pub(in crate::import) const FORMAT: Format = Format { name: "serverless.yml", is, read };

/// Variables within variables.
const MAX_VARIABLES: usize = 20;
/// Characters of a text that variables make.
const MAX_TEXT: usize = 100_000;

fn is(document: &Node) -> bool {
    document.get("service").is_some() && document.get("provider").is_some()
}

fn read(document: &Node, model: &mut Model, notes: &Notes) {
    let document = &resolve(document, document, 0);
    let root = Item::new(document, "", notes).table();
    root.skip(&[
        "service",
        "frameworkVersion",
        "plugins",
        "package",
        "custom",
        "configValidationMode",
        "useDotenv",
        "app",
        "org",
        "variablesResolutionMode",
        "build",
        "layers",
        "outputs",
        "params",
        "deprecationNotificationMode",
        "disabledDeprecations",
        "stages",
        "state",
    ]);
    let provider = root.table("provider");
    if let Some(name) = provider.text("name").filter(|name| name.value != "aws") {
        let why = format!("functions for {} are not supported: only aws is", name.value);
        notes.ignore(document.place, "provider.name", why);
        root.skip_rest();
        provider.skip_rest();
        return;
    }
    provider.skip(&[
        "stage",
        "region",
        "profile",
        "environment",
        "iam",
        "iamRoleStatements",
        "apiGateway",
        "httpApi",
        "logs",
        "tracing",
        "vpc",
        "tags",
        "stackName",
        "deploymentBucket",
        "lambdaHashingVersion",
        "versionFunctions",
        "layers",
        "logRetentionInDays",
        "deploymentMethod",
        "endpointType",
        "apiName",
        "stackTags",
        "ecr",
        "role",
        "rolePermissionsBoundary",
        "kmsKeyArn",
        "eventBridge",
        "websocketsApiName",
        "s3",
        "usagePlan",
        "build",
    ]);
    if let Some(functions) = root.get("functions") {
        // Functions in files of their own come as a list of maps.
        let maps: Vec<Item<'_>> =
            if matches!(functions.node.value, Value::List(_)) { functions.elements() } else { vec![functions] };
        for map in maps {
            if let Value::Unknown(unknown) = &map.node.value {
                notes.ignore(
                    map.node.place,
                    map.address,
                    format!("`{}` is in another file: pass that file too", unknown.text),
                );
                continue;
            }
            for entry in map.node.entries() {
                let table = Item::new(&entry.node, format!("{}.{}", map.address, entry.key), notes).table();
                function(entry, &table, &provider, model, notes);
            }
        }
    }
    // Resources are CloudFormation.
    if let Some(resources) = root.get("resources") {
        let blocks: Vec<Item<'_>> =
            if matches!(resources.node.value, Value::List(_)) { resources.elements() } else { vec![resources] };
        for block in blocks.iter().filter(|block| block.node.get("Resources").is_some()) {
            (cloudformation::FORMAT.read)(block.node, model, notes);
        }
    }
}

fn function(entry: &Entry, table: &Table<'_>, provider: &Table<'_>, model: &mut Model, notes: &Notes) {
    table.skip(&[
        "handler",
        "description",
        "environment",
        "role",
        "iamRoleStatements",
        "iamRoleStatementsName",
        "layers",
        "tags",
        "vpc",
        "package",
        "tracing",
        "dependsOn",
        "condition",
        "fileSystemConfig",
        "ephemeralStorageSize",
        "versionFunction",
        "kmsKeyArn",
        "logs",
        "iamRoleStatementsInherit",
    ]);
    let mut function = lambda::function(&entry.key, entry.place);
    function.set(
        "memory",
        megabytes(1_024.0),
        Origin::Default("not set: the framework's default is 1024 MB".to_owned()),
    );
    function.set("timeout", seconds(6.0), Origin::Default("not set: the framework's default is 6 s".to_owned()));
    function.body = Body::of(Dialect::Serverless, &entry.node);
    if let Some(name) = table.get("name") {
        function.ids.extend(name.reference());
    }
    // The framework makes this logical id of the name.
    let mut id: String = entry.key.replace('-', "Dash").replace('_', "Underscore");
    if let Some(first) = id.get(..1).map(str::to_uppercase) {
        id.replace_range(..1, &first);
    }
    function.ids.push(format!("{id}LambdaFunction"));
    let either = |key: &'static str| table.get(key).or_else(|| provider.get(key));
    lambda::memory(&mut function, either("memorySize").and_then(|item| item.number()));
    lambda::timeout(&mut function, either("timeout").and_then(|item| item.number()));
    lambda::architecture(&mut function, either("architecture"));
    lambda::runtime(&mut function, either("runtime"));
    if let Some(image) = table.get("image") {
        function.set("package", "\"image\"", image.origin());
    }
    lambda::reserved(&mut function, table.get("reservedConcurrency"));
    function.settings.extend(lambda::provisioned(table.get("provisionedConcurrency")));
    if let Some(item) = table.get("snapStart")
        && item.node.text() == Some("true")
    {
        lambda::snap_start(Some(item), notes);
    }
    if let Some(item) = table.get("maximumRetryAttempts")
        && let Some(found) = item.number()
    {
        function.set("async.max-attempts", number(found.value + 1.0), found.origin);
    }
    function.settings.extend(duration("async.max-age", table.get("maximumEventAge")));
    table.refuse("destinations", "not simulated: destination of results of asynchronous invocations");
    table.refuse("onError", "not simulated: destination of failed asynchronous invocations");
    table.refuse("url", "a function URL: its requests are part of the function's source");
    table.refuse("disabled", "treated as enabled");
    for event in table.list("events") {
        self::event(&event, &entry.key, model, notes);
    }
    model.things.push(function);
}

fn event(item: &Item<'_>, function: &str, model: &mut Model, notes: &Notes) {
    // `- http: GET /path`, `- http: {...}`, or `- websocket`.
    let (kind, inner) = match item.node.entries() {
        [entry, ..] => (entry.key.as_str(), Item::new(&entry.node, format!("{}.{}", item.address, entry.key), notes)),
        [] => (item.node.text().unwrap_or_default(), item.clone()),
    };
    let place = item.node.place;
    let table = if matches!(inner.node.value, Value::Map(_)) {
        inner.table()
    } else {
        Item::new(&NOTHING, inner.address.clone(), notes).table()
    };
    let arn = |key: &'static str| table.get(key).map_or_else(|| inner.reference(), |item| item.reference());
    let consumer = || {
        vec![
            count("consumer.batch-size", table.get("batchSize")),
            duration("consumer.batch-window", table.get("maximumBatchingWindow").or_else(|| table.get("batchWindow"))),
            count("consumer.max-concurrency", table.get("maximumConcurrency")),
            partial_failure("consumer.partial-failure", table.get("functionResponseType")),
            count("consumer.parallelization", table.get("parallelizationFactor")),
            lambda::flag("consumer.bisect", table.get("bisectBatchOnFunctionError")),
        ]
    };
    let made = match kind {
        "http" | "httpApi" | "alb" | "websocket" => {
            table.skip_rest();
            let api = if kind == "http" { "ServerlessRestApi" } else { "ServerlessHttpApi" };
            link(Kind::Gateway, vec![api.to_owned()], function, place, Vec::new())
        }
        "sqs" => {
            table.skip(&["enabled", "filterPatterns"]);
            link(Kind::Queue, arn("arn"), function, place, consumer())
        }
        "stream" | "kafka" | "msk" | "activemq" | "rabbitmq" => {
            let made = link(Kind::Stream, arn("arn"), function, place, consumer());
            table.skip_rest();
            made
        }
        "schedule" => {
            let rates = match table.get("rate") {
                Some(rate) if matches!(rate.node.value, Value::List(_)) => rate.elements(),
                Some(rate) => vec![rate],
                None => vec![inner.clone()],
            };
            table.skip_rest();
            if table.get("enabled").is_some_and(|item| item.node.text() == Some("false")) {
                notes.ignore(place, inner.address, "the schedule is not enabled");
                return;
            }
            for rate in rates {
                let every = lambda::schedule(Some(rate), notes);
                model.links.push(link(
                    Kind::Schedule,
                    vec![format!("{function}-schedule")],
                    function,
                    place,
                    vec![every],
                ));
            }
            return;
        }
        _ => {
            table.skip_rest();
            link(Kind::Topic, vec![format!("{function}-{kind}")], function, place, Vec::<Option<Setting>>::new())
        }
    };
    model.links.push(made);
}

static NOTHING: Node = Node { value: Value::Null, place: crate::import::tree::Place::NOWHERE, tag: None };

/// The node with the variables in it that the file itself says.
fn resolve(node: &Node, root: &Node, depth: usize) -> Node {
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
        let found = variable(&after[..end], root, depth);
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

/// The value of `self:custom.memory.${opt:stage}, 512`.
fn variable(text: &str, root: &Node, depth: usize) -> Option<Node> {
    if depth > MAX_VARIABLES {
        return None;
    }
    let mut alternatives = split(text).into_iter();
    let first = alternatives.next()?.trim();
    // Variables may stand in variables.
    let inner = Node::new(Value::Scalar(first.to_owned()), root.place);
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
        Some(("sls", "stage")) => Some(Node::new(Value::Scalar(stage(root)), root.place)),
        Some(_) => None,
        None => {
            let literal = first.trim_matches(['\'', '"']);
            (literal != first || literal.parse::<f64>().is_ok())
                .then(|| Node::new(Value::Scalar(literal.to_owned()), root.place))
        }
    };
    found.filter(|node| !matches!(node.value, Value::Null | Value::Unknown(_))).or_else(|| {
        let rest: Vec<&str> = alternatives.collect();
        if rest.is_empty() { None } else { variable(&rest.join(","), root, depth + 1) }
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
