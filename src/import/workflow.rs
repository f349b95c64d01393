//! Definitions in Amazon States Language: what their tasks call, what has to stand for what no file describes, and the definition
//! as a file of its own.

use serde_json::{Map, Number, Value as Json};

use super::json;
use super::model::{Definition, Kind, Model, Origin, Setting, Thing, as_name, part, text};
use super::reader::Notes;
use super::tree::{Entry, Node, Place, Unknown, Value};
use crate::schema::scalars::is_name;

/// The key under which a workflow keeps the name of the file that has its definition, until all files are read.
pub(super) const ELSEWHERE: &str = "definition";

/// The place of a definition that is one text.
pub(super) fn of_text(node: &Node, notes: &Notes, address: &str) -> Option<Node> {
    let written = match &node.value {
        Value::Scalar(text) => text.clone(),
        Value::Unknown(unknown) => placeholders(&unknown.text),
        Value::Map(_) => return Some(node.clone()),
        _ => return None,
    };
    match json::parse(node.place.file(), &written) {
        Ok(machine) => Some(placed(machine, node.place)),
        Err(error) => {
            notes.ignore(node.place, address, format!("not a definition in Amazon States Language: {}", error.message));
            None
        }
    }
}

/// What CloudFormation joins into a text, as the placeholders of a text.
fn placeholders(text: &str) -> String {
    let (mut made, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("!GetAtt ").into_iter().chain(rest.find("!Ref ")).min() {
        let (before, after) = rest.split_at(at);
        let after = after.split_once(' ').map_or("", |(_, after)| after);
        let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | ':'))).unwrap_or(after.len());
        // A pseudo parameter ends where the text around it goes on: `AWS::Partition` of `arn:!Ref AWS::Partition:states`.
        let pseudo = ["AWS::Partition", "AWS::Region", "AWS::AccountId", "AWS::URLSuffix", "AWS::StackName"];
        let known = pseudo.iter().find(|name| after.starts_with(*name)).map(|name| name.len());
        let colon = after[..end].find(':').unwrap_or(end);
        let (name, after) = after.split_at(known.unwrap_or(colon));
        made.push_str(before);
        made.push_str(&if name == "AWS::Partition" { "aws".to_owned() } else { format!("${{{name}}}") });
        rest = after;
    }
    made.push_str(rest);
    made
}

/// A tree all of which stands at one place.
fn placed(node: Node, place: Place) -> Node {
    let value = match node.value {
        Value::List(elements) => Value::List(elements.into_iter().map(|element| placed(element, place)).collect()),
        Value::Map(entries) => {
            let entry = |entry: Entry| Entry { place, node: placed(entry.node, place), ..entry };
            Value::Map(entries.into_iter().map(entry).collect())
        }
        other => other,
    };
    Node { value, place, tag: None }
}

/// Gives workflows the definitions that stand in files of their own.
pub(super) fn find_definitions(model: &mut Model, notes: &Notes) {
    let named: Vec<usize> = (0..model.things.len())
        .filter(|at| model.things[*at].kind == Kind::Workflow && model.things[*at].has(ELSEWHERE))
        .collect();
    let mut taken = Vec::new();
    for at in named {
        let Some(setting) = model.things[at].settings.iter().position(|setting| setting.key == ELSEWHERE) else {
            continue;
        };
        let setting = model.things[at].settings.remove(setting);
        let file = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned();
        let wanted = file(setting.value.trim_matches('"'));
        let is_it = |thing: &Thing| {
            thing.kind == Kind::Workflow && thing.definition.is_some() && thing.ids.iter().any(|id| file(id) == wanted)
        };
        match model.things.iter().position(is_it) {
            Some(other) => {
                let machine = model.things[other].definition.as_ref().map(|definition| definition.machine.clone());
                let substitutions =
                    model.things[at].definition.take().map(|definition| definition.substitutions).unwrap_or_default();
                model.things[at].definition =
                    machine.map(|machine| Definition { machine, substitutions, address: "States".to_owned() });
                taken.push(other);
            }
            None => {
                model.things[at].definition = None;
                if let Origin::Read { place, address } = setting.origin {
                    notes.ignore(place, address, format!("its definition is in {wanted}: name that file too"));
                }
            }
        }
    }
    let mut at = 0;
    model.things.retain(|_| {
        at += 1;
        !taken.contains(&(at - 1))
    });
}

/// Of definitions without anything beside them, the functions that their tasks call.
pub(super) fn functions_of_tasks(model: &mut Model) {
    if model.functions().next().is_some() {
        return;
    }
    let mut made: Vec<Thing> = Vec::new();
    for workflow in model.things.iter().filter(|thing| thing.kind == Kind::Workflow) {
        let Some(definition) = &workflow.definition else { continue };
        for task in tasks(definition).tasks.into_iter().filter(|task| task.is_function) {
            let name = task.names.first().map_or(task.state.as_str(), |name| part(name));
            // The version of an ARN is not its name.
            let name = as_name(name.trim_start_matches("${").split('}').next().unwrap_or(name));
            if made.iter().any(|known| known.name == name || task.names.iter().any(|other| known.is_called(other))) {
                continue;
            }
            let mut function = Thing::new(Kind::Function, workflow.platform, name, task.place);
            function.ids = task.names;
            let reason = "a definition in Amazon States Language does not say it: the default of Lambda";
            function.set("memory", text("128MB"), Origin::Assumed(reason.to_owned()));
            made.push(function);
        }
    }
    model.things.extend(made);
}

/// What a task of a definition calls.
pub(super) struct Task {
    pub(super) state: String,
    pub(super) place: Place,
    /// Names of what it calls; of a service that is not simulated none.
    pub(super) names: Vec<String>,
    /// The service, as `dynamodb:putItem`.
    pub(super) service: String,
    /// Whether it is a function.
    pub(super) is_function: bool,
}

/// What is read of a definition.
#[derive(Default)]
pub(super) struct Tasks {
    pub(super) tasks: Vec<Task>,
    /// What the definition does not say.
    pub(super) assumed: Vec<Setting>,
}

/// How long a state waits that only knows when it runs.
const ASSUMED_WAIT: &str = "1m";
/// Items of a map that only knows when it runs.
const ASSUMED_ITEMS: &str = "10";

/// Goes through the states.
pub(super) fn tasks(definition: &Definition) -> Tasks {
    let mut found = Tasks::default();
    level(&definition.machine, definition, &mut found);
    found
}

fn level(machine: &Node, definition: &Definition, found: &mut Tasks) {
    for entry in machine.get("States").map_or(&[][..], Node::entries) {
        let state = &entry.node;
        let mut assume = |table: &str, value: String, reason: String| {
            found.assumed.push(Setting::new(format!("{table}.{}", key(&entry.key)), value, Origin::Assumed(reason)));
        };
        match state.get("Type").and_then(Node::text) {
            Some("Task") => found.tasks.push(task(entry, definition)),
            Some("Wait") if state.get("Seconds").and_then(Node::text).is_none_or(|s| s.parse::<f64>().is_err()) => {
                let reason = "how long it waits is known only when it runs".to_owned();
                assume("waits", text(ASSUMED_WAIT), reason);
            }
            Some("Choice") => {
                let ways = state.get("Choices").map_or(0, |choices| choices.elements().len())
                    + usize::from(state.get("Default").is_some());
                if ways > 1 {
                    let share = format!("{:.4}", 1.0 / ways as f64);
                    let share = share.trim_end_matches('0');
                    let reason = "which way it goes depends on data: all equally often".to_owned();
                    assume("choices", format!("[{}]", vec![share; ways].join(", ")), reason);
                }
            }
            Some("Map") => {
                assume("items", ASSUMED_ITEMS.to_owned(), "how many items there are depends on data".to_owned());
                if let Some(inner) = state.get("ItemProcessor").or_else(|| state.get("Iterator")) {
                    level(inner, definition, found);
                }
            }
            Some("Parallel") => state
                .get("Branches")
                .map_or(&[][..], Node::elements)
                .iter()
                .for_each(|branch| level(branch, definition, found)),
            _ => {}
        }
    }
}

/// Service integrations that call something of a scenario, and the key that names it.
const INTEGRATIONS: [(&str, &[&str]); 6] = [
    ("lambda:invoke", &["FunctionName"]),
    ("sqs:sendMessage", &["QueueUrl"]),
    ("sns:publish", &["TopicArn"]),
    ("kinesis:putRecord", &["StreamName", "StreamARN"]),
    ("states:startExecution", &["StateMachineArn"]),
    ("states:startSyncExecution", &["StateMachineArn"]),
];

fn task(entry: &Entry, definition: &Definition) -> Task {
    let state = &entry.node;
    let mut task = Task {
        state: entry.key.clone(),
        place: entry.place,
        names: Vec::new(),
        service: "a task".to_owned(),
        is_function: false,
    };
    let Some(resource) = state.get("Resource") else { return task };
    let written = match &resource.value {
        Value::Scalar(text) => text.clone(),
        Value::Unknown(unknown) => placeholders(&unknown.text),
        _ => return task,
    };
    match written.split_once(":states:::") {
        Some((_, service)) => {
            let service = service.strip_prefix("aws-sdk:").unwrap_or(service);
            task.service = service.to_owned();
            let plain = service.split('.').next().unwrap_or(service);
            task.is_function = plain.eq_ignore_ascii_case("lambda:invoke");
            let keys = INTEGRATIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(plain)).map(|(_, keys)| *keys);
            let arguments = state.get("Parameters").or_else(|| state.get("Arguments"));
            let named = keys.unwrap_or_default().iter().find_map(|key| arguments?.get(key));
            task.names = named.map(|node| names(node, definition)).unwrap_or_default();
        }
        _ => {
            task.service = part(&written).trim_matches(['$', '{', '}']).to_owned();
            task.names = names(resource, definition);
            task.is_function = written.contains(":function:") || written.contains("${");
        }
    }
    task
}

/// A state as a key of TOML.
pub(super) fn key(state: &str) -> String {
    if is_name(state) { state.to_owned() } else { text(state) }
}

/// What a value names: itself, and what the placeholders in it stand for.
fn names(node: &Node, definition: &Definition) -> Vec<String> {
    let (mut names, written) = match &node.value {
        Value::Scalar(text) => (vec![text.clone()], text.clone()),
        Value::Unknown(Unknown { text, names }) => (names.clone(), placeholders(text)),
        _ => return Vec::new(),
    };
    let mut rest = written.as_str();
    while let Some((name, after)) = rest.split_once("${").and_then(|(_, after)| after.split_once('}')) {
        rest = after;
        match definition.substitutions.iter().find(|entry| entry.key == name).map(|entry| &entry.node.value) {
            Some(Value::Scalar(text)) => names.push(text.clone()),
            Some(Value::Unknown(unknown)) => names.extend(unknown.names.iter().cloned()),
            _ => {
                let resource = name.split('.').next().unwrap_or(name);
                names.push(resource.to_owned());
                let ends = ["LambdaFunctionArn", "FunctionArn", "LambdaArn", "Arn", "ARN"];
                names.extend(ends.iter().filter_map(|end| resource.strip_suffix(end)).map(str::to_owned));
            }
        }
    }
    names.retain(|name| !name.is_empty() && !name.starts_with("AWS::"));
    names
}

/// What stands for a service that is not simulated, or for a function that no file describes.
pub(super) fn stand_in(workflow: &Thing, task: &Task) -> Thing {
    let plain: String = task.service.chars().take(40).collect();
    let name = as_name(&format!("{}-{}", workflow.name, plain.replace(['.', ':'], "-")));
    let mut dependency = Thing::new(Kind::Dependency, workflow.platform, name, task.place);
    // `.sync` waits for a job, `.waitForTaskToken` for somebody.
    let takes = if task.service.contains(".sync") || task.service.contains(".waitFor") { "1m" } else { "50ms" };
    let reason = format!("how long {} takes is in no infrastructure file", task.service);
    dependency.set("latency.constant.value", text(takes), Origin::Assumed(reason));
    dependency
}

/// The definition as a file.
pub(super) fn written(machine: &Node) -> String {
    let mut text = serde_json::to_string_pretty(&json_of(machine, "")).unwrap_or_default();
    text.push('\n');
    text
}

/// Keys whose values are numbers, and those that are true or false: the tree keeps only what was written.
const NUMBERS: [&str; 12] = [
    "Seconds",
    "TimeoutSeconds",
    "HeartbeatSeconds",
    "IntervalSeconds",
    "MaxDelaySeconds",
    "MaxAttempts",
    "BackoffRate",
    "MaxConcurrency",
    "MaxItemsPerBatch",
    "MaxInputBytesPerBatch",
    "ToleratedFailurePercentage",
    "ToleratedFailureCount",
];

fn json_of(node: &Node, key: &str) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::List(elements) => Json::Array(elements.iter().map(|element| json_of(element, "")).collect()),
        Value::Map(entries) => {
            let members = entries.iter().map(|entry| (entry.key.clone(), json_of(&entry.node, &entry.key)));
            Json::Object(members.collect::<Map<String, Json>>())
        }
        Value::Unknown(unknown) => Json::String(placeholders(&unknown.text)),
        Value::Scalar(text) if NUMBERS.contains(&key) => match (text.parse::<u64>(), text.parse::<f64>()) {
            (Ok(whole), _) => Json::Number(whole.into()),
            (_, Ok(number)) => Number::from_f64(number).map_or_else(|| Json::String(text.clone()), Json::Number),
            _ => Json::String(text.clone()),
        },
        Value::Scalar(text) if key == "End" => Json::Bool(text == "true"),
        Value::Scalar(text) => Json::String(text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_becomes_placeholders() {
        let cases = [
            ("arn:!Ref AWS::Partition:states:::lambda:invoke", "arn:aws:states:::lambda:invoke"),
            ("\"!GetAtt Charge886CB40B.Arn\"", "\"${Charge886CB40B.Arn}\""),
            ("!Ref Queue:x", "${Queue}:x"),
            ("arn:${Q}", "arn:${Q}"),
        ];
        for (text, expected) in cases {
            assert_eq!(placeholders(text), expected);
        }
    }
}
