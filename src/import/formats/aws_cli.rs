//! What the `aws` command prints about functions that are deployed.

use super::Format;
use super::lambda::{self, count, duration, flag, link, partial_failure, setting};
use crate::import::model::{Addition, Kind, Model, Origin, Platform, Setting, Thing, as_name, number, text};
use crate::import::reader::{Item, Notes, Table};
use crate::import::tree::Node;

pub(in crate::import) const FORMAT: Format = Format { name: "output of the aws command", is, read };

/// Keys that only such an output has at its top.
const KEYS: [&str; 9] = [
    "Configuration",
    "Functions",
    "EventSourceMappings",
    "ProvisionedConcurrencyConfigs",
    "AccountLimit",
    "ScalableTargets",
    "ScalingPolicies",
    "FunctionArn",
    "RequestedProvisionedConcurrentExecutions",
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
    let limit = root.table("AccountLimit");
    model.platform.extend(count("concurrency.account-limit", limit.get("ConcurrentExecutions")));
    limit.skip_rest();
    for item in root.list("ScalableTargets") {
        let table = item.table();
        let settings = [
            count("scaling.target-tracking.min-capacity", table.get("MinCapacity")),
            count("scaling.target-tracking.max-capacity", table.get("MaxCapacity")),
        ];
        scaled(&item, &table, model, settings.into_iter().flatten().collect());
    }
    for item in root.list("ScalingPolicies") {
        let table = item.table();
        let config = table.table("TargetTrackingScalingPolicyConfiguration");
        let settings = [
            setting("scaling.target-tracking.target", config.number("TargetValue").map(|found| found.map(number))),
            duration("scaling.target-tracking.scale-out-cooldown", config.get("ScaleOutCooldown")),
            duration("scaling.target-tracking.scale-in-cooldown", config.get("ScaleInCooldown")),
            flag("scaling.target-tracking.disable-scale-in", config.get("DisableScaleIn")),
        ];
        config.skip_rest();
        scaled(&item, &table, model, settings.into_iter().flatten().collect());
    }
    if root.get("Attributes").is_some() {
        queue(&root.table("Attributes"), model);
    }
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
    let function = table.get("FunctionArn").and_then(|arn| arn.node.text().map(str::to_owned)).unwrap_or_default();
    let is_stream =
        from.iter().any(|arn| arn.contains(":kinesis:") || arn.contains(":dynamodb:") || arn.contains(":kafka:"));
    let scaling = table.table("ScalingConfig");
    let settings = vec![
        count("consumer.batch-size", table.get("BatchSize")),
        duration("consumer.batch-window", table.get("MaximumBatchingWindowInSeconds")),
        count("consumer.max-concurrency", scaling.get("MaximumConcurrency")),
        partial_failure(
            "consumer.partial-failure",
            table.get("FunctionResponseTypes").filter(|item| !item.elements().is_empty()),
        ),
        count("consumer.parallelization", table.get("ParallelizationFactor").filter(|_| is_stream)),
        flag("consumer.bisect", table.get("BisectBatchOnFunctionError").filter(|_| is_stream)),
    ];
    table.skip_rest();
    let kind = if is_stream { Kind::Stream } else { Kind::Queue };
    model.links.push(link(kind, from, &function, table.place(), settings));
}

fn queue(table: &Table<'_>, model: &mut Model) {
    let arn = table.get("QueueArn").and_then(|arn| arn.node.text().map(str::to_owned)).unwrap_or_default();
    let name = arn.rsplit(':').next().unwrap_or("queue").to_owned();
    let mut queue = Thing::new(Kind::Queue, Platform::Lambda, as_name(&name), table.place());
    queue.ids = vec![arn, name.clone()];
    let preset = if name.ends_with(".fifo") { "sqs-fifo" } else { "sqs" };
    queue.set("preset", text(preset), Origin::Default("an SQS queue".to_owned()));
    queue.settings.extend(duration("visibility-timeout", table.get("VisibilityTimeout")));
    queue.settings.extend(duration("retention", table.get("MessageRetentionPeriod")));
    queue.settings.extend(duration("delay", table.get("DelaySeconds")));
    if let Some(item) = table.get("RedrivePolicy") {
        let policy: serde_json::Value =
            item.node.text().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let most = policy["maxReceiveCount"].as_u64().or_else(|| policy["maxReceiveCount"].as_str()?.parse().ok());
        if let Some(most) = most {
            queue.set("max-receives", most.to_string(), item.origin());
        }
    }
    table.skip_rest();
    model.things.push(queue);
}
