//! Terraform: a plan as `terraform show -json` prints it, and state files.

mod apis;
mod aws;
mod azurerm;
mod google;
mod nodes;

use std::collections::HashMap;

use super::Format;
use crate::import::model::{Addition, Kind, Link, Model, Origin, Platform, Setting, Thing, as_name};
use crate::import::reader::{Found, Item, Notes, Table};
use crate::import::tree::{Node, Value};

pub(in crate::import) const PLAN: Format = Format { name: "Terraform plan", is: is_plan, read: read_plan };
pub(in crate::import) const STATE: Format = Format { name: "Terraform state", is: is_state, read: read_state };

fn is_plan(document: &Node) -> bool {
    document.get("planned_values").is_some()
        || document.get("format_version").is_some()
            && (document.get("values").is_some() || document.get("resource_changes").is_some())
}

fn is_state(document: &Node) -> bool {
    document.get("terraform_version").is_some() && document.get("resources").is_some()
}

fn read_plan(document: &Node, model: &mut Model, notes: &Notes) {
    let mut references = HashMap::new();
    if let Some(root) = document.at(&["configuration", "root_module"]) {
        expressions(root, "", &mut references, 0);
    }
    // `terraform show -json` without a plan prints `values`.
    let values = document.get("planned_values").or_else(|| document.get("values"));
    let mut found = Vec::new();
    if let Some(root) = values.and_then(|values| values.get("root_module")) {
        module(root, &mut found, 0);
    }
    read_all(&found, &references, model, notes);
}

/// A resource as it is written.
struct Written<'a> {
    kind: &'a str,
    name: &'a str,
    address: String,
    values: &'a Node,
}

fn read_all(found: &[Written<'_>], references: &References, model: &mut Model, notes: &Notes) {
    let sizes = sizes(found, notes);
    for Written { kind, name, address, values } in found {
        let table = Item::new(values, address.as_str(), notes).table();
        Resource { kind, name, address, references, sizes: &sizes, notes, table }.read(model);
    }
}

/// What others name for a size: the names by which they do, and the size.
type Sizes = Vec<(Vec<String>, Found<String>)>;

/// Sizes of plans of Azure, and types of machines in launch templates.
fn sizes(found: &[Written<'_>], notes: &Notes) -> Sizes {
    let mut sizes = Sizes::new();
    for Written { kind, address, values, .. } in found {
        let table = Item::new(values, address.as_str(), notes).table();
        table.skip_rest();
        let size = match *kind {
            "azurerm_service_plan" => table.text("sku_name"),
            "azurerm_app_service_plan" => {
                let sku = table.block("sku");
                sku.skip_rest();
                sku.text("size")
            }
            "aws_launch_template" | "aws_launch_configuration" => table.text("instance_type"),
            _ => continue,
        };
        let names = ["id", "name", "arn"].into_iter().filter_map(|key| table.node.get(key)?.text().map(str::to_owned));
        let names = names.chain([without_index(address)]).collect();
        sizes.extend(size.filter(|size| !size.value.is_empty()).map(|size| (names, size)));
    }
    sizes
}

/// What expressions of resources refer to, by address and key.
type References = HashMap<(String, String), Vec<String>>;

fn expressions(module: &Node, prefix: &str, found: &mut References, depth: usize) {
    for resource in module.get("resources").map_or(&[][..], Node::elements) {
        let Some(address) = resource.get("address").and_then(Node::text) else { continue };
        for expression in resource.get("expressions").map_or(&[][..], Node::entries) {
            let mut names = Vec::new();
            references(&expression.node, prefix, &mut names);
            if !names.is_empty() {
                found.insert((format!("{prefix}{address}"), expression.key.clone()), names);
            }
        }
    }
    if depth < 50 {
        for call in module.get("module_calls").map_or(&[][..], Node::entries) {
            if let Some(inner) = call.node.get("module") {
                expressions(inner, &format!("{prefix}module.{}.", call.key), found, depth + 1);
            }
        }
    }
}

/// What an expression or the blocks in it refer to.
fn references(expression: &Node, prefix: &str, names: &mut Vec<String>) {
    match &expression.value {
        Value::List(blocks) => blocks.iter().for_each(|block| references(block, prefix, names)),
        Value::Map(entries) => {
            for entry in entries {
                if entry.key == "references" {
                    let written = entry.node.elements().iter().filter_map(Node::text);
                    names.extend(written.map(|name| format!("{prefix}{name}")));
                } else {
                    references(&entry.node, prefix, names);
                }
            }
        }
        _ => {}
    }
}

fn module<'a>(node: &'a Node, found: &mut Vec<Written<'a>>, depth: usize) {
    for resource in node.get("resources").map_or(&[][..], Node::elements) {
        let of = |key: &str| resource.get(key).and_then(Node::text).unwrap_or_default();
        if let Some(values) = resource.get("values").filter(|_| of("mode") != "data") {
            found.push(Written { kind: of("type"), name: of("name"), address: of("address").to_owned(), values });
        }
    }
    if depth < 50 {
        let children = node.get("child_modules").map_or(&[][..], Node::elements);
        children.iter().for_each(|child| module(child, found, depth + 1));
    }
}

fn read_state(document: &Node, model: &mut Model, notes: &Notes) {
    let mut found = Vec::new();
    for resource in document.get("resources").map_or(&[][..], Node::elements) {
        let of = |key: &str| resource.get(key).and_then(Node::text).unwrap_or_default();
        if of("mode") == "data" {
            continue;
        }
        let (kind, name) = (of("type"), of("name"));
        let module = resource.get("module").and_then(Node::text).map(|module| format!("{module}.")).unwrap_or_default();
        for (number, instance) in resource.get("instances").map_or(&[][..], Node::elements).iter().enumerate() {
            let index = match instance.get("index_key").and_then(Node::text) {
                Some(key) if key.parse::<u64>().is_ok() => format!("[{key}]"),
                Some(key) => format!("[\"{key}\"]"),
                None if number > 0 => format!("[{number}]"),
                None => String::new(),
            };
            let address = format!("{module}{kind}.{name}{index}");
            found.extend(instance.get("attributes").map(|values| Written { kind, name, address, values }));
        }
    }
    read_all(&found, &References::new(), model, notes);
}

struct Resource<'a> {
    kind: &'a str,
    name: &'a str,
    address: &'a str,
    references: &'a References,
    sizes: &'a Sizes,
    notes: &'a Notes,
    table: Table<'a>,
}

impl Resource<'_> {
    fn read(&self, model: &mut Model) {
        let known = self.aws(model) || self.api(model) || self.google(model) || self.azure(model) || self.nodes(model);
        if !known {
            let why = format!("{} is not simulated", self.kind);
            self.notes.ignore(self.table.place(), self.address, why);
        }
        // Providers list every key a resource can have: what is not read here is not worth a word each.
        self.table.skip_rest();
    }

    fn add(&self, model: &mut Model, to: Vec<String>, settings: Vec<Setting>) {
        if !settings.is_empty() {
            let (place, what) = (self.table.place(), self.address.to_owned());
            model.additions.push(Addition { to, place, what, settings });
        }
    }

    /// What a key names: its value, or what its expression refers to while that is not known.
    fn refers(&self, key: &'static str) -> Vec<String> {
        let known =
            self.table.get(key).and_then(|item| item.node.text().map(str::to_owned)).filter(|text| !text.is_empty());
        let mut names: Vec<String> = known.into_iter().collect();
        names.extend(self.referred(key));
        names
    }

    /// The function of `function:NAME:ALIAS`.
    fn scaled(&self) -> Vec<String> {
        let mut names = self.refers("resource_id");
        let inner = names.first().and_then(|name| name.split(':').nth(1)).map(str::to_owned);
        names.extend(inner);
        names
    }

    /// The size that one of these names stands for.
    fn size(&self, names: &[String]) -> Option<Found<String>> {
        let is_meant = |known: &String| names.iter().any(|name| name == known);
        self.sizes.iter().find(|(known, _)| known.iter().any(is_meant)).map(|(_, size)| size.clone())
    }

    fn thing(&self, kind: Kind) -> Thing {
        let key =
            self.table.get("name").and_then(|item| item.node.text().map(str::to_owned)).filter(|name| !name.is_empty());
        let name = key.unwrap_or_else(|| self.name.to_owned());
        let mut thing = Thing::new(kind, Platform::Lambda, as_name(&name), self.table.place());
        thing.ids = self.ids();
        thing.ids.push(name);
        thing
    }

    fn ids(&self) -> Vec<String> {
        let mut ids = vec![self.address.to_owned(), without_index(self.address)];
        for key in ["arn", "id", "url", "uri", "qualified_arn", "invoke_arn"] {
            ids.extend(
                self.table.get(key).and_then(|item| item.node.text().map(str::to_owned)).filter(|id| !id.is_empty()),
            );
        }
        ids
    }

    /// A setting whose value names what a key refers to, in itself or in a block of it.
    fn reference(&self, key: &str, of: &'static str, item: Option<&Item<'_>>) -> Option<Setting> {
        let mut names: Vec<String> = item.map(Item::reference).unwrap_or_default();
        names.extend(self.referred(of));
        let origin = item.map_or_else(
            || Origin::Read { place: self.table.place(), address: format!("{}.{of}", self.address) },
            Item::origin,
        );
        (!names.is_empty()).then(|| Setting { names, ..Setting::new(key, "", origin) })
    }

    /// What the expression of a key refers to.
    fn referred(&self, key: &str) -> Vec<String> {
        // `aws_lambda_function.web["a"]` has the expression of `aws_lambda_function.web`.
        let plain = without_index(self.address);
        let found = self.references.get(&(plain, key.to_owned())).map_or(&[][..], Vec::as_slice);
        found.iter().map(|name| of_resource(name)).collect()
    }

    fn link(&self, model: &mut Model, kind: Kind, from: Vec<String>, to: Vec<String>, settings: Vec<Setting>) {
        model.links.push(Link { from, kind, to, place: self.table.place(), settings });
    }
}

/// An address without the keys of `count` and `for_each`.
fn without_index(address: &str) -> String {
    let (mut plain, mut inside) = (String::new(), 0);
    for character in address.chars() {
        match character {
            '[' => inside += 1,
            ']' => inside -= 1,
            other if inside == 0 => plain.push(other),
            _ => {}
        }
    }
    plain
}

/// The resource of a reference: `aws_sqs_queue.jobs` of `aws_sqs_queue.jobs.arn`.
fn of_resource(reference: &str) -> String {
    let parts: Vec<&str> = reference.split('.').collect();
    let modules = parts.chunks(2).take_while(|pair| pair[0] == "module").count() * 2;
    without_index(&parts[..parts.len().min(modules + 2)].join("."))
}
