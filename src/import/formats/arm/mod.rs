//! ARM templates of Azure, and what Bicep is built to: function apps with their plans, queues of Service Bus and of storage accounts,
//! event hubs.

mod expression;

use std::cell::Cell;

use super::Format;
use super::azure::{self, SERVICE_BUS, STORAGE_QUEUES};
use super::lambda::{count, setting};
use crate::import::model::{Kind, Model, Origin, Setting, megabytes, seconds};
use crate::import::reader::{Item, Notes, Table};
use crate::import::tree::{Entry, Node, Value};
use expression::Template;

pub(in crate::import) const FORMAT: Format = Format { name: "ARM template of Azure", is, read };

/// Deployments within deployments.
const MAX_DEPTH: usize = 10;

fn is(document: &Node) -> bool {
    let schema = document.get("$schema").and_then(Node::text).unwrap_or_default().to_lowercase();
    schema.contains("deploymenttemplate.json") && document.get("resources").is_some()
}

fn read(document: &Node, model: &mut Model, notes: &Notes) {
    let mut plans = Vec::new();
    let given = model.parameters.clone();
    template(document, &given, "", 0, &mut Reading { model, notes, plans: &mut plans });
}

struct Reading<'a> {
    model: &'a mut Model,
    notes: &'a Notes,
    /// Names of plans, and the names of their sizes.
    plans: &'a mut Vec<(String, String)>,
}

fn template(document: &Node, given: &[Entry], at: &str, depth: usize, reading: &mut Reading<'_>) {
    let entries = |key: &str| document.get(key).map_or(&[][..], Node::entries);
    let (parameters, variables) = (entries("parameters"), entries("variables"));
    let template = Template { parameters, given, variables, steps: Cell::default() };
    // Bicep writes them as a map by symbolic names where they have such.
    let resources: Vec<(String, &Node)> = match document.get("resources").map(|resources| &resources.value) {
        Some(Value::List(elements)) => {
            elements.iter().enumerate().map(|(number, one)| (format!("{at}resources[{number}]"), one)).collect()
        }
        Some(Value::Map(entries)) => {
            entries.iter().map(|entry| (format!("{at}resources.{}", entry.key), &entry.node)).collect()
        }
        _ => Vec::new(),
    };
    let resolved: Vec<(String, Node, &Node)> =
        resources.into_iter().map(|(address, node)| (address, shallow(&template, node), node)).collect();
    // Apps name their plans, wherever those stand.
    for (_, node, _) in &resolved {
        if kind(node).eq_ignore_ascii_case("Microsoft.Web/serverfarms") {
            let sku = node.at(&["sku", "name"]).or_else(|| node.at(&["sku", "tier"]));
            reading.plans.push((name(node), sku.and_then(Node::text).unwrap_or_default().to_owned()));
        }
    }
    for (address, node, written) in &resolved {
        if kind(node).eq_ignore_ascii_case("Microsoft.Resources/deployments") {
            if let Some(inner) = written.at(&["properties", "template"])
                && depth < MAX_DEPTH
            {
                let given = node.at(&["properties", "parameters"]).map(Node::entries).unwrap_or_default().to_vec();
                self::template(inner, &given, &format!("{address}.template."), depth + 1, reading);
            }
        } else {
            resource(node, kind(node), address, reading);
        }
    }
}

/// A resource with its expressions evaluated, but for a template in it, which has its own parameters.
fn shallow(template: &Template<'_>, node: &Node) -> Node {
    let mut copy = node.clone();
    if let Value::Map(entries) = &mut copy.value
        && let Some(properties) = entries.iter_mut().find(|entry| entry.key == "properties")
        && let Value::Map(inner) = &mut properties.node.value
    {
        inner.retain(|entry| entry.key != "template");
    }
    template.resolve(&copy)
}

fn kind(node: &Node) -> &str {
    node.get("type").and_then(Node::text).unwrap_or_default()
}

/// The name of a resource: the last part of `namespace/queue`, as far as it is known.
fn name(node: &Node) -> String {
    let name = match node.get("name").map(|name| &name.value) {
        Some(Value::Scalar(text)) => text.clone(),
        Some(Value::Unknown(unknown)) => unknown.names.concat(),
        _ => String::new(),
    };
    let last = name.rsplit('/').next().unwrap_or_default().trim_matches('-').to_owned();
    if last.is_empty() { "app".to_owned() } else { last }
}

fn resource(node: &Node, kind: &str, address: &str, reading: &mut Reading<'_>) {
    let lower = kind.to_lowercase();
    let item = Item::new(node, address, reading.notes);
    let table = item.table();
    table.skip_rest();
    let properties = table.table("properties");
    match lower.as_str() {
        "microsoft.web/sites" => {
            let of = node.get("kind").and_then(Node::text).unwrap_or_default();
            if of.contains("functionapp") {
                app(node, &properties, reading);
            }
        }
        "microsoft.servicebus/namespaces/queues" | "microsoft.servicebus/namespaces/topics/subscriptions" => {
            let name = name(node);
            azure::queue(&name, "service-bus", SERVICE_BUS, node.place, reading.model);
            let keys = ["lockDuration", "maxDeliveryCount", "defaultMessageTimeToLive"];
            set(Kind::Queue, &name, azure::service_bus(&properties, keys), reading.model);
        }
        "microsoft.storage/storageaccounts/queueservices/queues" => {
            azure::queue(&name(node), "azure-storage", STORAGE_QUEUES, node.place, reading.model);
        }
        "microsoft.eventhub/namespaces/eventhubs" => {
            let name = name(node);
            azure::hub(&name, node.place, reading.model);
            let days = properties.number("messageRetentionInDays");
            let settings = [
                count("shards", properties.get("partitionCount")),
                setting("retention", days.map(|found| found.map(|days| seconds(days * 86_400.0)))),
            ];
            set(Kind::Stream, &name, settings.into_iter().flatten().collect(), reading.model);
        }
        "microsoft.web/serverfarms" => {}
        _ => reading.notes.ignore(node.place, address, format!("{kind} is not simulated")),
    }
    properties.skip_rest();
    // Children stand within their parent too; their kind goes on where that of the parent ends.
    for child in node.get("resources").map_or(&[][..], Node::elements) {
        let own = self::kind(child);
        let whole = if own.starts_with("Microsoft.") { own.to_owned() } else { format!("{kind}/{own}") };
        resource(child, &whole, &format!("{address}.resources"), reading);
    }
}

fn set(kind: Kind, name: &str, settings: Vec<Setting>, model: &mut Model) {
    if let Some(thing) = model.things.iter_mut().find(|thing| thing.kind == kind && thing.is_called(name)) {
        settings.into_iter().for_each(|setting| thing.apply(setting));
    }
}

fn app(node: &Node, properties: &Table<'_>, reading: &mut Reading<'_>) {
    let mut app = azure::app(&name(node), node.place);
    let plan = node.at(&["properties", "serverFarmId"]).map(|id| match &id.value {
        Value::Scalar(text) => text.rsplit('/').next().unwrap_or_default().to_owned(),
        Value::Unknown(unknown) => unknown.names.concat(),
        _ => String::new(),
    });
    let size =
        plan.and_then(|plan| reading.plans.iter().find(|(name, _)| *name == plan || *name == plan.trim_matches('-')));
    let size = size.map(|(_, size)| size.to_uppercase()).unwrap_or_default();
    let config = properties.table("functionAppConfig");
    let scale = config.table("scaleAndConcurrency");
    let site = properties.table("siteConfig");
    if !matches!(scale.node.value, Value::Null) || size.starts_with("FC") || size == "FLEXCONSUMPTION" {
        let reason = || Origin::Default("the Flex Consumption plan".to_owned());
        app.set("memory", megabytes(2_048.0), reason());
        app.set("scaling.azure-flex.max-instances", "100", reason());
        app.put("memory", scale.number("instanceMemoryMB"), megabytes);
        app.put("scaling.azure-flex.max-instances", scale.whole("maximumInstanceCount"), |count| count.to_string());
        let http = scale.table("triggers").table("http");
        app.settings.extend(count("scaling.azure-flex.per-instance-concurrency", http.get("perInstanceConcurrency")));
        let ready: Vec<_> = scale.list("alwaysReady").into_iter().map(|item| item.table()).collect();
        if let Some(first) = ready.first().and_then(|first| first.get("instanceCount")) {
            let all: u64 = ready.iter().filter_map(|ready| ready.whole("instanceCount")).map(|found| found.value).sum();
            app.set("scaling.azure-flex.always-ready", all.to_string(), first.origin());
        }
        ready.iter().for_each(Table::skip_rest);
    } else {
        let (most, least) = (site.get("functionAppScaleLimit"), site.get("minimumElasticInstanceCount"));
        azure::on_plan(&mut app, &size, most, least, reading.notes);
    }
    [config, scale, site].iter().for_each(Table::skip_rest);
    reading.model.things.push(app);
}
