//! What the `aws` command prints about functions that are deployed.

use super::Format;
use super::lambda::{self, Spelling, count, duration};
use crate::import::model::{Addition, Definition, Kind, Link, Model, Platform, Setting, Thing, as_name, text};
use crate::import::reader::{Item, Notes, Table};
use crate::import::tree::Node;
use crate::import::workflow::of_text;

pub(in crate::import) const FORMAT: Format = Format { name: "output of the aws command", is, read };

/// Keys that only such an output has at its top.
const KEYS: [&str; 11] = [
    "Configuration",
    "Functions",
    "EventSourceMappings",
    "ProvisionedConcurrencyConfigs",
    "AccountLimit",
    "ScalableTargets",
    "ScalingPolicies",
    "FunctionArn",
    "RequestedProvisionedConcurrentExecutions",
    "FunctionEventInvokeConfigs",
    "stateMachineArn",
];

fn is(document: &Node) -> bool {
    KEYS.iter().any(|key| document.get(key).is_some()) || document.at(&["Attributes", "QueueArn"]).is_some()
}

fn read(document: &Node, model: &mut Model, notes: &Notes) {
    let root = Item::new(document, "", notes).table();
    root.skip(&["Code", "Tags", "NextToken", "NextMarker", "ResponseMetadata", "AccountUsage"]);
    if document.get("FunctionArn").is_some()
        && document.get("EventSourceArn").is_none()
        && document.get("AllocatedProvisionedConcurrentExecutions").is_none()
    {
        model.things.push(function(&root, notes));
        return;
    }
    if document.get("RequestedProvisionedConcurrentExecutions").is_some() && document.get("FunctionArn").is_none() {
        root.skip_rest();
        let why = "get-provisioned-concurrency-config does not name the function: use \
                   list-provisioned-concurrency-configs";
        notes.ignore(document.place, "RequestedProvisionedConcurrentExecutions", why);
        return;
    }
    if root.get("stateMachineArn").is_some() {
        state_machine(&root, model, notes);
        return;
    }
    if root.get("Configuration").is_some() {
        let configuration = root.table("Configuration");
        let mut function = function(&configuration, notes);
        lambda::reserved(&mut function, root.table("Concurrency").get("ReservedConcurrentExecutions"));
        model.things.push(function);
    }
    for item in root.list("Functions") {
        model.things.push(function(&item.table(), notes));
    }
    for item in root.list("EventSourceMappings") {
        mapping(&item.table(), model);
    }
    for item in root.list("ProvisionedConcurrencyConfigs") {
        let table = item.table();
        let settings = lambda::provisioned(table.get("RequestedProvisionedConcurrentExecutions"));
        let to = table.get("FunctionArn").map(|arn| arn.reference()).unwrap_or_default();
        table.skip_rest();
        if !settings.is_empty() {
            model.additions.push(Addition { to, place: item.node.place, what: item.address, settings });
        }
    }
    for item in root.list("FunctionEventInvokeConfigs") {
        let table = item.table();
        let to = table.get("FunctionArn").map(|arn| arn.reference()).unwrap_or_default();
        let destination = table.table("DestinationConfig").table("OnFailure").get("Destination");
        let settings =
            lambda::asynchronous(table.get("MaximumRetryAttempts"), table.get("MaximumEventAgeInSeconds"), destination);
        table.skip_rest();
        model.additions.push(Addition { to, place: item.node.place, what: item.address, settings });
    }
    let limit = root.table("AccountLimit");
    model.platform.extend(count("concurrency.account-limit", limit.get("ConcurrentExecutions")));
    limit.skip_rest();
    for item in root.list("ScalableTargets") {
        let table = item.table();
        scaled(&item, &table, model, lambda::scalable_target(&table, Spelling::Aws));
    }
    for item in root.list("ScalingPolicies") {
        let table = item.table();
        let config = table.table("TargetTrackingScalingPolicyConfiguration");
        let settings = lambda::target_tracking(&config, Spelling::Aws);
        config.skip_rest();
        scaled(&item, &table, model, settings);
    }
    if root.get("Attributes").is_some() {
        queue(&root.table("Attributes"), model, notes);
    }
}

/// What `aws stepfunctions describe-state-machine` prints.
fn state_machine(root: &Table<'_>, model: &mut Model, notes: &Notes) {
    let arn = root.get("stateMachineArn").map(|arn| arn.reference()).unwrap_or_default();
    let name = root.text("name").map_or_else(|| "workflow".to_owned(), |found| found.value);
    let mut workflow = Thing::new(Kind::Workflow, Platform::Lambda, as_name(&name), root.place());
    workflow.ids = [arn, vec![name]].concat();
    let express = root.text("type").filter(|found| found.value == "EXPRESS");
    workflow.put("preset", express, |_| text("step-functions-express"));
    workflow.definition = root.get("definition").and_then(|item| {
        let machine = of_text(item.node, notes, &item.address)?;
        Some(Definition { machine, substitutions: Vec::new(), address: item.address })
    });
    root.skip_rest();
    model.things.push(workflow);
}

/// What Application Auto Scaling does to provisioned concurrency.
fn scaled(item: &Item<'_>, table: &Table<'_>, model: &mut Model, settings: Vec<Setting>) {
    let of_lambda = table.get("ServiceNamespace").is_some_and(|space| space.node.text() == Some("lambda"));
    let name =
        table.get("ResourceId").and_then(|id| id.node.text().and_then(|id| id.split(':').nth(1)).map(str::to_owned));
    table.skip_rest();
    if of_lambda && let Some(name) = name {
        model.additions.push(Addition { to: vec![name], place: item.node.place, what: item.address.clone(), settings });
    }
}

fn function(table: &Table<'_>, notes: &Notes) -> Thing {
    let name = table
        .get("FunctionName")
        .and_then(|name| name.node.text().map(str::to_owned))
        .unwrap_or_else(|| "function".to_owned());
    let mut function = lambda::function(&name, table.place());
    function.ids.extend(table.get("FunctionArn").map(|arn| arn.reference()).unwrap_or_default());
    lambda::memory(&mut function, table.number("MemorySize"));
    lambda::timeout(&mut function, table.number("Timeout"));
    lambda::architecture(&mut function, table.get("Architectures"));
    lambda::runtime(&mut function, table.get("Runtime"));
    lambda::package(&mut function, table.get("PackageType"));
    let snapshots = table.table("SnapStart");
    lambda::snap_start(snapshots.get("ApplyOn"), notes);
    // Everything else that is printed says nothing about scaling.
    snapshots.skip_rest();
    table.skip_rest();
    function
}

fn mapping(table: &Table<'_>, model: &mut Model) {
    let from = table.get("EventSourceArn").map(|arn| arn.reference()).unwrap_or_default();
    let to = table.get("FunctionArn").map(|arn| arn.reference()).unwrap_or_default();
    let parts = [":kinesis:", ":dynamodb:", ":kafka:"];
    let is_stream = from.iter().any(|arn| parts.iter().any(|part| arn.contains(part)));
    let settings = lambda::consumer(table, Spelling::Aws);
    let is_off = table.get("State").is_some_and(|state| matches!(state.node.text(), Some("Disabled" | "Disabling")));
    if is_off {
        table.refuse("State", "it is disabled");
    }
    table.skip_rest();
    if !is_off {
        let kind = if is_stream { Kind::Stream } else { Kind::Queue };
        model.links.push(Link { from, kind, to, place: table.place(), settings });
    }
}

fn queue(table: &Table<'_>, model: &mut Model, notes: &Notes) {
    let arn = table.get("QueueArn").and_then(|arn| arn.node.text().map(str::to_owned)).unwrap_or_default();
    let name = arn.rsplit(':').next().unwrap_or("queue").to_owned();
    let mut queue = Thing::new(Kind::Queue, Platform::Lambda, as_name(&name), table.place());
    lambda::sqs(&mut queue, name.ends_with(".fifo"));
    queue.ids = vec![arn, name];
    queue.settings.extend(duration("visibility-timeout", table.get("VisibilityTimeout")));
    queue.settings.extend(duration("retention", table.get("MessageRetentionPeriod")));
    queue.settings.extend(duration("delay", table.get("DelaySeconds")));
    if let Some(item) = table.get("RedrivePolicy") {
        lambda::redrive(&mut queue, &item, notes);
    }
    table.skip_rest();
    model.things.push(queue);
}
