//! AWS CloudFormation and SAM templates, as YAML with short tags or JSON, and what the CDK synthesizes.

mod api;
mod function;
mod messaging;
mod nodes;
mod scaling;
mod workflow;

use super::Format;
use super::intrinsics::{Template, under};
use super::lambda::{self, Spelling};
use crate::import::export::ALIAS;
use crate::import::model::{Addition, Body, Dialect, Kind, Link, Model, Platform, Setting, Thing, as_name};
use crate::import::reader::{Item, Notes, Table};
use crate::import::tree::{Entry, Node, Place, Value};

pub(in crate::import) const FORMAT: Format = Format { name: "AWS CloudFormation or SAM template", is, read };

fn is(document: &Node) -> bool {
    let is_resource = |node: &Node| node.get("Type").and_then(Node::text).is_some_and(|kind| kind.contains("::"));
    document.get("AWSTemplateFormatVersion").is_some()
        || document.get("Transform").is_some() && document.get("Resources").is_some()
        || document
            .get("Resources")
            .is_some_and(|resources| resources.entries().iter().any(|entry| is_resource(&entry.node)))
}

fn read(document: &Node, model: &mut Model, notes: &Notes) {
    let template = Template {
        parameters: document.get("Parameters").map_or(&[][..], Node::entries),
        given: &model.parameters.clone(),
        mappings: document.get("Mappings"),
        conditions: document.get("Conditions"),
    };
    let globals = document.get("Globals").map(|globals| template.resolve(globals));
    let resources = document.get("Resources").map_or(&[][..], Node::entries);
    for entry in resources {
        let kind = entry.node.get("Type").and_then(Node::text).unwrap_or_default();
        let address = format!("Resources.{}", entry.key);
        if let Value::Unknown(unknown) = &entry.node.value {
            notes.ignore(entry.place, address, format!("`{}` is in another file: pass that file too", unknown.text));
            continue;
        }
        if let Some(condition) = entry.node.get("Condition").and_then(Node::text)
            && template.condition(condition, 0) == Some(false)
        {
            notes.ignore(entry.place, address, format!("its condition {condition} does not hold"));
            continue;
        }
        let nothing = Node::new(Value::Map(Vec::new()), entry.place);
        let mut properties = template.resolve(entry.node.get("Properties").unwrap_or(&nothing));
        if matches!(properties.value, Value::Null) {
            properties = nothing;
        }
        let section = kind.strip_prefix("AWS::Serverless::");
        if let Some(global) = section.and_then(|section| globals.as_ref()?.get(section)) {
            properties = under(&properties, global);
        }
        let resource = Resource {
            template: &template,
            resources,
            own: entry.node.get("Properties"),
            id: &entry.key,
            kind,
            table: Item::new(&properties, format!("{address}.Properties"), notes).table(),
            notes,
        };
        resource.read(model, entry.place);
    }
}

struct Resource<'a> {
    template: &'a Template<'a>,
    /// All resources of the template, as they are written.
    resources: &'a [Entry],
    /// Its properties, as they are written.
    own: Option<&'a Node>,
    id: &'a str,
    kind: &'a str,
    table: Table<'a>,
    notes: &'a Notes,
}

impl Resource<'_> {
    fn read(&self, model: &mut Model, place: Place) {
        let table = &self.table;
        match self.kind {
            "AWS::Serverless::Function" | "AWS::Lambda::Function" => {
                let mut function = self.function(place, model);
                let dialect =
                    if self.kind == "AWS::Serverless::Function" { Dialect::Sam } else { Dialect::CloudFormation };
                function.body = self.own.and_then(|own| Body::of(dialect, own)).map(|mut body| {
                    // Written under Globals, it holds for the function too.
                    body.keys.extend(table.node.get(ALIAS).map(|_| ALIAS.to_owned()));
                    body
                });
                model.things.push(function);
            }
            "AWS::Lambda::Alias" | "AWS::Lambda::Version" => {
                table.skip(&["FunctionVersion", "Name", "Description", "CodeSha256", "RoutingConfig"]);
                let config = table.table("ProvisionedConcurrencyConfig");
                let settings = lambda::provisioned(config.get("ProvisionedConcurrentExecutions"));
                let to = self.names("FunctionName");
                model.aliases.push((self.id.to_owned(), to.clone()));
                self.add(model, to, place, settings);
            }
            "AWS::Lambda::EventSourceMapping" => {
                table.skip(&["StartingPosition", "StartingPositionTimestamp", "Topics", "Tags", "Queues"]);
                let from = self.names("EventSourceArn");
                let settings = lambda::consumer(table, Spelling::Aws);
                let is_stream = is_stream(&from) || table.node.get("Topics").is_some();
                let kind = if is_stream { Kind::Stream } else { Kind::Queue };
                if self.is_enabled(table) {
                    model.links.push(Link { from, kind, to: self.names("FunctionName"), place, settings });
                }
                table.skip_rest();
            }
            "AWS::Lambda::EventInvokeConfig" => {
                table.skip(&["Qualifier"]);
                self.add(model, self.names("FunctionName"), place, self.invoke_config(table));
            }
            "AWS::Lambda::Url" => {
                model.links.push(api::url(self.id, self.names("TargetFunctionArn"), place));
                table.skip_rest();
            }
            "AWS::SQS::Queue" => self.queue(place, model),
            "AWS::Kinesis::Stream" => self.stream(place, model),
            "AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable" | "AWS::Serverless::SimpleTable" => {
                self.table_of_dynamodb(place, model);
            }
            "AWS::SNS::Topic" => self.topic(place, model),
            "AWS::S3::Bucket" => self.bucket(place, model),
            "AWS::SNS::Subscription" => self.subscription(place, model),
            "AWS::Events::Rule" | "AWS::Scheduler::Schedule" => self.rule(place, model),
            "AWS::Serverless::Api"
            | "AWS::Serverless::HttpApi"
            | "AWS::ApiGateway::RestApi"
            | "AWS::ApiGatewayV2::Api" => self.api(place, model),
            "AWS::ApiGateway::Method" | "AWS::ApiGatewayV2::Integration" => self.integration(place, model),
            "AWS::ApiGateway::Stage" | "AWS::ApiGateway::Deployment" | "AWS::ApiGatewayV2::Stage" => {
                self.stage(place, model);
            }
            "AWS::ApiGateway::Authorizer" | "AWS::ApiGatewayV2::Authorizer" => self.authorizer(place, model),
            "AWS::ApiGatewayV2::Route" => self.route(place, model),
            "AWS::ApiGateway::UsagePlan" => self.usage_plan(),
            "AWS::ElasticLoadBalancingV2::TargetGroup" => self.target_group(place, model),
            "AWS::StepFunctions::StateMachine" | "AWS::Serverless::StateMachine" => self.state_machine(place, model),
            "AWS::Pipes::Pipe" => self.pipe(place, model),
            "AWS::AutoScaling::AutoScalingGroup" | "AWS::EKS::Nodegroup" => self.nodes(place, model),
            // Read where a group names it.
            "AWS::EC2::LaunchTemplate" | "AWS::AutoScaling::LaunchConfiguration" => table.skip_rest(),
            "AWS::ApplicationAutoScaling::ScalableTarget" => self.scalable_target(place, model),
            "AWS::ApplicationAutoScaling::ScalingPolicy" => self.scaling_policy(place, model),
            kind => {
                table.skip_rest();
                let why =
                    if kind.is_empty() { "it has no Type".to_owned() } else { format!("{kind} is not simulated") };
                self.notes.ignore(place, format!("Resources.{}", self.id), why);
            }
        }
    }

    fn thing(&self, kind: Kind, place: Place, name: &'static str) -> Thing {
        let mut thing = Thing::new(kind, Platform::Lambda, as_name(self.id), place);
        thing.ids.push(self.id.to_owned());
        thing.ids.extend(self.names(name));
        thing
    }

    /// What the value of a key names.
    fn names(&self, key: &'static str) -> Vec<String> {
        self.table.get(key).map(|item| item.reference()).unwrap_or_default()
    }

    fn add(&self, model: &mut Model, to: Vec<String>, place: Place, settings: Vec<Setting>) {
        if !settings.is_empty() {
            model.additions.push(Addition { to, place, what: format!("{} {}", self.kind, self.id), settings });
        }
    }

    /// Whether something is switched on; what is not is listed.
    fn is_enabled(&self, table: &Table<'_>) -> bool {
        let is_off = |item: &Item<'_>| matches!(item.node.text(), Some("false" | "False" | "DISABLED"));
        match table.get("Enabled").or_else(|| table.get("State")).filter(is_off) {
            Some(item) => {
                self.notes.ignore(item.node.place, item.address, "it is disabled");
                false
            }
            None => true,
        }
    }
}

fn is_stream(names: &[String]) -> bool {
    let parts = [":kinesis:", ":dynamodb:", "/stream/", ":kafka:"];
    names.iter().any(|name| parts.iter().any(|part| name.contains(part)))
}
