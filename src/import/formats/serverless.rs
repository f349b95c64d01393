//! `serverless.yml` of the Serverless Framework, for AWS.

mod variables;

use super::Format;
use super::cloudformation;
use super::intrinsics::Template;
use super::lambda::{self, Spelling, count, duration, link};
use crate::import::model::{
    Body, Definition, Dialect, Kind, Model, Origin, Platform, Setting, Thing, as_name, megabytes, seconds, text,
};
use crate::import::path::FUNCTION_URL;
use crate::import::reader::{Item, Notes, Table};
use crate::import::tree::{Entry, Node, Place, Value};
use crate::import::workflow::of_text;

pub(in crate::import) const FORMAT: Format = Format { name: "serverless.yml", is, read };

fn is(document: &Node) -> bool {
    document.get("service").is_some() && document.get("provider").is_some()
}

fn read(document: &Node, model: &mut Model, notes: &Notes) {
    let document = &variables::resolve(document, document, 0);
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
        "stepFunctions",
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
    let authorizers = provider.node.at(&["httpApi", "authorizers"]).map_or(&[][..], Node::entries);
    for entry in authorizers {
        let function = entry.node.get("functionName").or_else(|| entry.node.get("functionArn"));
        let names = function.map(|node| Item::new(node, entry.key.as_str(), notes).reference());
        model.aliases.extend(names.map(|names| (entry.key.clone(), names)));
    }
    // Short tags and functions of CloudFormation may stand anywhere in the settings of functions.
    let blocks = document.get("resources").map(|resources| match &resources.value {
        Value::List(blocks) => blocks.iter().collect(),
        _ => vec![resources],
    });
    let block = blocks.iter().flatten().find(|block| block.get("Resources").is_some());
    let template = Template {
        parameters: block.and_then(|block| block.get("Parameters")).map_or(&[][..], Node::entries),
        given: &model.parameters.clone(),
        mappings: block.and_then(|block| block.get("Mappings")),
        conditions: block.and_then(|block| block.get("Conditions")),
    };
    if let Some(functions) = root.get("functions") {
        let resolved = template.resolve(functions.node);
        let functions = Item::new(&resolved, functions.address, notes);
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
    // The plugin serverless-step-functions.
    if let Some(machines) = document.get("stepFunctions").and_then(|plugin| plugin.get("stateMachines")) {
        for entry in machines.entries() {
            let resolved = template.resolve(&entry.node);
            state_machine(entry, &resolved, model, notes);
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

fn state_machine(entry: &Entry, resolved: &Node, model: &mut Model, notes: &Notes) {
    let table = Item::new(resolved, format!("stepFunctions.stateMachines.{}", entry.key), notes).table();
    let mut workflow = Thing::new(Kind::Workflow, Platform::Lambda, as_name(&entry.key), entry.place);
    workflow.ids.push(entry.key.clone());
    workflow.ids.extend(table.text("name").map(|found| found.value));
    let express = table.text("type").filter(|found| found.value == "EXPRESS");
    workflow.put("preset", express, |_| text("step-functions-express"));
    workflow.definition = table.get("definition").and_then(|item| {
        let machine = of_text(item.node, notes, &item.address)?;
        Some(Definition { machine, substitutions: Vec::new(), address: item.address })
    });
    model.things.push(workflow);
    for event in table.list("events") {
        self::event(&event, &entry.key, model, notes);
    }
    table.skip_rest();
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
    let destinations = table.table("destinations");
    destinations.refuse("onSuccess", "not simulated: destination of results of asynchronous invocations");
    let on_failure = destinations.get("onFailure").map(|item| inner_arn(&item)).or_else(|| table.get("onError"));
    function.settings.extend(lambda::asynchronous(
        table.get("maximumRetryAttempts"),
        table.get("maximumEventAge"),
        on_failure,
    ));
    if let Some(item) = table.get("url").filter(|item| item.node.text() != Some("false")) {
        let from = vec![format!("{}-url", entry.key), FUNCTION_URL.to_owned()];
        model.links.push(link(Kind::Gateway, from, &entry.key, item.node.place, Vec::new()));
    }
    table.refuse("disabled", "treated as enabled");
    for event in table.list("events") {
        self::event(&event, &entry.key, model, notes);
    }
    model.things.push(function);
}

/// The ARN of what may be written as a map with type and arn.
fn inner_arn<'a>(item: &Item<'a>) -> Item<'a> {
    match item.node.get("arn") {
        Some(_) => {
            let table = item.table();
            table.skip(&["type"]);
            table.get("arn").unwrap_or_else(|| item.clone())
        }
        None => item.clone(),
    }
}

/// What the framework says about how a function takes messages.
fn consumer(table: &Table<'_>) -> Vec<Setting> {
    let mut settings = lambda::consumer(table, Spelling::Serverless);
    settings.extend(count("consumer.max-concurrency", table.get("maximumConcurrency")));
    settings.extend(duration("consumer.batch-window", table.get("batchWindow")));
    let failed = table.table("destinations").get("onFailure").filter(|item| item.node.get("arn").is_none());
    settings.extend(failed.map(|item| Setting::reference("on-failure", &item)));
    settings
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
    if let Some(off) = table.get("enabled").filter(|item| item.node.text() == Some("false")) {
        table.skip_rest();
        notes.ignore(off.node.place, off.address, "it is disabled");
        return;
    }
    let arn = |key: &'static str| table.get(key).map_or_else(|| inner.reference(), |item| item.reference());
    let own = format!("{function}-{kind}");
    let made = match kind {
        "http" if table.get("async").is_some_and(|item| item.node.text() == Some("true")) => {
            link(Kind::Source, vec![own], function, place, Vec::new())
        }
        "http" | "httpApi" | "websocket" => {
            let api = if kind == "http" { "ServerlessRestApi" } else { "ServerlessHttpApi" };
            let settings = authorizer(&table);
            link(Kind::Gateway, vec![api.to_owned()], function, place, settings)
        }
        "alb" => link(Kind::Gateway, vec![ALB.to_owned()], function, place, Vec::new()),
        "sqs" => link(Kind::Queue, arn("arn"), function, place, consumer(&table)),
        "stream" | "kafka" | "msk" => {
            let kafka = table.get("topic").map(|topic| vec![format!("kafka:{}", topic.node.text().unwrap_or("topic"))]);
            let from = kafka.filter(|_| kind != "stream").unwrap_or_else(|| arn("arn"));
            link(Kind::Stream, from, function, place, consumer(&table))
        }
        "schedule" => {
            let rates = match table.get("rate") {
                Some(rate) if matches!(rate.node.value, Value::List(_)) => rate.elements(),
                Some(rate) => vec![rate],
                None => vec![inner.clone()],
            };
            for rate in rates {
                let settings = lambda::schedule(Some(rate), &table, notes);
                model.links.push(link(Kind::Schedule, vec![own.clone()], function, place, settings));
            }
            table.skip_rest();
            return;
        }
        "sns" => {
            let name = table.get("arn").or_else(|| table.get("topicName")).unwrap_or_else(|| inner.clone());
            link(Kind::Topic, name.reference(), function, place, Vec::new())
        }
        "eventBridge" | "cloudwatchEvent" => {
            if let Some(schedule) = table.get("schedule") {
                let settings = lambda::schedule(Some(schedule), &table, notes);
                link(Kind::Schedule, vec![own], function, place, settings)
            } else {
                let mut rule = Thing::new(Kind::Topic, Platform::Lambda, own.clone(), place);
                rule.set("preset", "\"eventbridge\"", Origin::Default("a rule of EventBridge".to_owned()));
                let retry = table.table("retryPolicy");
                let retries = lambda::event_retries(retry.get("maximumRetryAttempts"), retry.get("maximumEventAge"));
                rule.settings.extend(retries);
                model.things.push(rule);
                link(Kind::Topic, vec![own], function, place, Vec::new())
            }
        }
        _ => link(Kind::Source, vec![own], function, place, Vec::new()),
    };
    table.skip_rest();
    model.links.push(made);
}

/// The load balancer of functions with an event `alb`.
const ALB: &str = "LoadBalancer";

/// An authorizer that is a function of the same file.
fn authorizer(table: &Table<'_>) -> Vec<Setting> {
    let Some(item) = table.get("authorizer") else { return Vec::new() };
    let target = |item: &Item<'_>| {
        Some(Setting::reference("authorizer.target", item)).filter(|setting| setting.names != ["aws_iam"])
    };
    if item.node.text().is_some() {
        return target(&item).into_iter().collect();
    }
    let table = item.table();
    table.skip_rest();
    let named = table.get("name").or_else(|| table.get("arn")).or_else(|| table.get("id"));
    let ttl = duration("authorizer.cache-ttl", table.get("resultTtlInSeconds"));
    named.and_then(|named| target(&named)).into_iter().chain(ttl).collect()
}

static NOTHING: Node = Node { value: Value::Null, place: Place::NOWHERE, tag: None };
