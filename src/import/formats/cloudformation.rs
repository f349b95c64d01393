//! AWS CloudFormation and SAM templates, as YAML with short tags or JSON, and what the CDK synthesizes.

use super::Format;
use super::intrinsics::{Template, under};
use super::lambda::{self, count, duration, flag, link, partial_failure, setting};
use crate::import::model::{
    Addition, Body, Dialect, Kind, Link, Model, Origin, Platform, Setting, Thing, as_name, number, seconds, text,
};
use crate::import::reader::{Item, Notes, Table};
use crate::import::tree::{Node, Place, Value};

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
        mappings: document.get("Mappings"),
        conditions: document.get("Conditions"),
    };
    let globals = document.get("Globals").map(|globals| template.resolve(globals));
    let resources = document.get("Resources").map_or(&[][..], Node::entries);
    for entry in resources {
        let kind = entry.node.get("Type").and_then(Node::text).unwrap_or_default();
        let address = format!("Resources.{}", entry.key);
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
                function.body = self.own.and_then(|own| Body::of(dialect, own));
                model.things.push(function);
            }
            "AWS::Lambda::Alias" | "AWS::Lambda::Version" => {
                table.skip(&["FunctionVersion", "Name", "Description", "CodeSha256", "RoutingConfig"]);
                let config = table.table("ProvisionedConcurrencyConfig");
                let settings = lambda::provisioned(config.get("ProvisionedConcurrentExecutions"));
                let to = table.get("FunctionName").map(|name| name.reference()).unwrap_or_default();
                model.aliases.push((self.id.to_owned(), to.clone()));
                if !settings.is_empty() {
                    model.additions.push(Addition { to, place, what: format!("{} {}", self.kind, self.id), settings });
                }
            }
            "AWS::Lambda::EventSourceMapping" => {
                table.skip(&["Enabled", "StartingPosition", "FilterCriteria", "Topics"]);
                let from = table.get("EventSourceArn").map(|arn| arn.reference()).unwrap_or_default();
                let to = table.get("FunctionName").map(|name| name.reference()).unwrap_or_default();
                let settings = Self::consumer(table);
                let kind = if from.iter().any(|name| is_stream(name)) { Kind::Stream } else { Kind::Queue };
                model.links.push(Link { from, kind, to, place, settings });
            }
            "AWS::Lambda::EventInvokeConfig" => {
                table.skip(&["Qualifier", "DestinationConfig"]);
                let to = table.get("FunctionName").map(|name| name.reference()).unwrap_or_default();
                let settings = async_settings(table);
                model.additions.push(Addition { to, place, what: format!("EventInvokeConfig {}", self.id), settings });
            }
            "AWS::SQS::Queue" => self.queue(place, model),
            "AWS::Kinesis::Stream" => {
                let mut stream = self.thing(Kind::Stream, place, "Name");
                stream.settings.extend(count("shards", table.get("ShardCount")));
                stream.set("preset", text("kinesis"), Origin::Default("a Kinesis stream".to_owned()));
                table.skip_rest();
                model.things.push(stream);
            }
            "AWS::DynamoDB::Table" | "AWS::Serverless::SimpleTable" => {
                let mut stream = self.thing(Kind::Stream, place, "TableName");
                stream.set("preset", text("dynamodb"), Origin::Default("a stream of DynamoDB".to_owned()));
                if table.get("StreamSpecification").is_some() {
                    model.things.push(stream);
                }
                table.skip_rest();
            }
            "AWS::SNS::Topic" => {
                let topic = self.thing(Kind::Topic, place, "TopicName");
                for subscription in table.list("Subscription") {
                    let subscription = subscription.table();
                    subscription.skip(&["Protocol"]);
                    let to = subscription.get("Endpoint").map(|end| end.reference()).unwrap_or_default();
                    let from = vec![self.id.to_owned()];
                    model.links.push(Link { from, kind: Kind::Topic, to, place, settings: Vec::new() });
                }
                table.skip_rest();
                model.things.push(topic);
            }
            "AWS::Serverless::Api"
            | "AWS::Serverless::HttpApi"
            | "AWS::ApiGateway::RestApi"
            | "AWS::ApiGatewayV2::Api" => {
                let mut gateway = self.thing(Kind::Gateway, place, "Name");
                self.throttle(&mut gateway.settings);
                table.skip_rest();
                model.things.push(gateway);
            }
            "AWS::ApiGateway::Stage" | "AWS::ApiGateway::Deployment" | "AWS::ApiGatewayV2::Stage" => {
                let api = if self.kind.contains("V2") { "ApiId" } else { "RestApiId" };
                let to = table.get(api).map(|api| api.reference()).unwrap_or_default();
                let mut settings = Vec::new();
                self.throttle(&mut settings);
                table.skip_rest();
                if !settings.is_empty() {
                    model.additions.push(Addition { to, place, what: format!("stage {}", self.id), settings });
                }
            }
            "AWS::StepFunctions::StateMachine" | "AWS::Serverless::StateMachine" => {
                let mut workflow = self.thing(Kind::Workflow, place, "StateMachineName");
                let inline = table.get("Definition").or_else(|| table.get("DefinitionString"));
                let uri = table.text("DefinitionUri");
                match (inline, uri) {
                    (_, Some(uri)) => workflow.put("asl", Some(uri), text),
                    (Some(inline), None) => {
                        let why = "the definition is inside the template: save it as a file and reference it with \
                                   `asl`";
                        self.notes.ignore(inline.node.place, inline.address, why);
                    }
                    _ => {}
                }
                table.skip_rest();
                model.things.push(workflow);
            }
            "AWS::ApplicationAutoScaling::ScalableTarget" => self.scalable_target(place, model),
            "AWS::ApplicationAutoScaling::ScalingPolicy" => self.scaling_policy(place, model),
            "AWS::Events::Rule" | "AWS::Scheduler::Schedule" => self.rule(place, model),
            kind => {
                table.skip_rest();
                let why = if kind.is_empty() {
                    "it has no Type".to_owned()
                } else {
                    format!("{kind} not relevant to the simulation")
                };
                self.notes.ignore(place, format!("Resources.{}", self.id), why);
            }
        }
    }

    fn thing(&self, kind: Kind, place: Place, name: &'static str) -> Thing {
        let mut thing = Thing::new(kind, Platform::Lambda, as_name(self.id), place);
        thing.ids.push(self.id.to_owned());
        if let Some(item) = self.table.get(name) {
            thing.ids.extend(item.reference());
        }
        thing
    }

    fn function(&self, place: Place, model: &mut Model) -> Thing {
        let table = &self.table;
        table.skip(&[
            "Handler",
            "CodeUri",
            "Code",
            "Role",
            "Policies",
            "Environment",
            "Description",
            "Tags",
            "Tracing",
            "TracingConfig",
            "Layers",
            "VpcConfig",
            "EphemeralStorage",
            "LoggingConfig",
            "AutoPublishAlias",
            "AutoPublishAliasAllProperties",
            "DeploymentPreference",
            "InlineCode",
            "ImageUri",
            "ImageConfig",
            "KmsKeyArn",
            "PermissionsBoundary",
            "FileSystemConfigs",
            "AssumeRolePolicyDocument",
            "VersionDescription",
            "CodeSigningConfigArn",
            "RuntimeManagementConfig",
            "PropagateTags",
            "RolePath",
            "SourceKMSKeyArn",
            "RecursiveLoop",
        ]);
        let mut function = lambda::function(self.id, place);
        if let Some(name) = table.get("FunctionName") {
            function.ids.extend(name.reference());
        }
        lambda::memory(&mut function, table.number("MemorySize"));
        lambda::timeout(&mut function, table.number("Timeout"));
        lambda::architecture(&mut function, table.get("Architectures"));
        lambda::runtime(&mut function, table.get("Runtime"));
        lambda::package(&mut function, table.get("PackageType"));
        lambda::reserved(&mut function, table.get("ReservedConcurrentExecutions"));
        let config = table.table("ProvisionedConcurrencyConfig");
        function.settings.extend(lambda::provisioned(config.get("ProvisionedConcurrentExecutions")));
        lambda::snap_start(table.table("SnapStart").get("ApplyOn"), self.notes);
        let invoke = table.table("EventInvokeConfig");
        invoke.skip(&["DestinationConfig"]);
        function.settings.extend(async_settings(&invoke));
        table.refuse("DeadLetterQueue", "not simulated: destination of failed asynchronous invocations");
        table.refuse("DeadLetterConfig", "not simulated: destination of failed asynchronous invocations");
        table.refuse("FunctionUrlConfig", "a function URL: its requests are part of the function's source");
        if let Some(events) = table.get("Events") {
            for entry in events.node.entries() {
                let event = Item::new(&entry.node, format!("{}.{}", events.address, entry.key), self.notes).table();
                self.event(&event, &entry.key, model);
            }
        }
        function
    }

    fn event(&self, event: &Table<'_>, name: &str, model: &mut Model) {
        let kind = event.text("Type").map(|kind| kind.value).unwrap_or_default();
        let table = event.table("Properties");
        let place = event.place();
        let link = |kind, from, settings| link(kind, from, self.id, place, settings);
        match kind.as_str() {
            "Api" | "HttpApi" => {
                let is_rest = kind == "Api";
                let api = table.get(if is_rest { "RestApiId" } else { "ApiId" });
                let implicit = if is_rest { "ServerlessRestApi" } else { "ServerlessHttpApi" };
                let from = api.map_or_else(|| vec![implicit.to_owned()], |api| api.reference());
                let timeout = table.number("TimeoutInMillis").map(|found| found.map(|ms| seconds(ms / 1_000.0)));
                table.skip_rest();
                model.links.push(link(Kind::Gateway, from, vec![setting("timeout", timeout)]));
            }
            "SQS" => {
                let from = table.get("Queue").map(|queue| queue.reference()).unwrap_or_default();
                let settings = Self::consumer(&table);
                table.skip(&["Enabled", "FilterCriteria"]);
                model.links.push(link(Kind::Queue, from, settings.into_iter().map(Some).collect()));
            }
            "Kinesis" | "DynamoDB" | "MSK" | "SelfManagedKafka" | "DocumentDB" => {
                let from = table.get("Stream").map(|stream| stream.reference()).unwrap_or_default();
                let settings = Self::consumer(&table);
                table.skip_rest();
                model.links.push(link(Kind::Stream, from, settings.into_iter().map(Some).collect()));
            }
            "Schedule" | "ScheduleV2" => {
                let item = table.get("Schedule").or_else(|| table.get("ScheduleExpression"));
                let every = lambda::schedule(item, self.notes);
                table.skip_rest();
                model.links.push(link(Kind::Schedule, vec![name.to_owned()], vec![every]));
            }
            "" => self.notes.ignore(place, event.address.clone(), "it has no Type"),
            _ => {
                let from = ["Topic", "Bucket"].iter().find_map(|key| table.get(key)).map(|from| from.reference());
                table.skip_rest();
                model.links.push(link(Kind::Topic, from.unwrap_or_else(|| vec![name.to_owned()]), Vec::new()));
            }
        }
    }

    /// What is said about how a function takes messages, under `consumer`.
    fn consumer(table: &Table<'_>) -> Vec<Setting> {
        let scaling = table.table("ScalingConfig");
        let settings = [
            count("consumer.batch-size", table.get("BatchSize")),
            duration("consumer.batch-window", table.get("MaximumBatchingWindowInSeconds")),
            count("consumer.max-concurrency", scaling.get("MaximumConcurrency")),
            partial_failure("consumer.partial-failure", table.get("FunctionResponseTypes")),
            count("consumer.parallelization", table.get("ParallelizationFactor")),
            flag("consumer.bisect", table.get("BisectBatchOnFunctionError")),
            table.get("MaximumRetryAttempts").and_then(|item| {
                let found = item.number()?;
                (found.value >= 0.0).then(|| Setting {
                    key: "consumer.max-attempts".to_owned(),
                    value: number(found.value + 1.0),
                    origin: found.origin,
                })
            }),
        ];
        settings.into_iter().flatten().collect()
    }

    fn queue(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        let mut queue = self.thing(Kind::Queue, place, "QueueName");
        table.skip(&[
            "Tags",
            "KmsMasterKeyId",
            "KmsDataKeyReusePeriodSeconds",
            "SqsManagedSseEnabled",
            "ContentBasedDeduplication",
            "MaximumMessageSize",
            "ReceiveMessageWaitTimeSeconds",
            "RedriveAllowPolicy",
            "DeduplicationScope",
            "FifoThroughputLimit",
        ]);
        let fifo = table.flag("FifoQueue").is_some_and(|found| found.value);
        let preset = if fifo { "sqs-fifo" } else { "sqs" };
        queue.set("preset", text(preset), Origin::Default("an SQS queue".to_owned()));
        queue.settings.extend(duration("visibility-timeout", table.get("VisibilityTimeout")));
        queue.settings.extend(duration("retention", table.get("MessageRetentionPeriod")));
        queue.settings.extend(duration("delay", table.get("DelaySeconds")));
        let redrive = table.table("RedrivePolicy");
        queue.settings.extend(count("max-receives", redrive.get("maxReceiveCount")));
        if let Some(dead) = redrive.get("deadLetterTargetArn") {
            let names = dead.reference();
            if let Some(name) = names.first() {
                queue.set("dead-letter", text(as_name(name.rsplit(':').next().unwrap_or(name))), dead.origin());
            }
        }
        model.things.push(queue);
    }

    /// The throttle of an API: of method settings, of a usage plan, of SAM's or HTTP APIs' routes.
    fn throttle(&self, settings: &mut Vec<Setting>) {
        let table = &self.table;
        let places = table.list("MethodSettings").into_iter().map(|item| item.table());
        let more = [table.table("DefaultRouteSettings")];
        for place in places.chain(more) {
            let rate = place.number("ThrottlingRateLimit");
            let burst = place.whole("ThrottlingBurstLimit");
            place.skip_rest();
            if let (Some(rate), Some(burst)) = (rate, burst) {
                let value = format!("{{ rate = {}, burst = {} }}", text(format!("{}/s", rate.value)), burst.value);
                settings.push(Setting { key: "throttle".to_owned(), value, origin: rate.origin });
                return;
            }
        }
    }

    fn scalable_target(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        table.skip(&["RoleARN", "ServiceNamespace", "SuspendedState"]);
        let is_lambda = table.text("ScalableDimension").is_some_and(|found| found.value.starts_with("lambda:"));
        let to = target_of(table);
        let settings = [
            count("scaling.target-tracking.min-capacity", table.get("MinCapacity")),
            count("scaling.target-tracking.max-capacity", table.get("MaxCapacity")),
        ];
        table.refuse("ScheduledActions", "not read: add them as `scaling.target-tracking.schedule`");
        if is_lambda {
            let settings = settings.into_iter().flatten().collect();
            model.additions.push(Addition {
                to: to.clone(),
                place,
                what: format!("ScalableTarget {}", self.id),
                settings,
            });
            // A policy names the target, and the target the function.
            model.aliases.push((self.id.to_owned(), to));
        }
    }

    fn scaling_policy(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        table.skip(&["PolicyName", "PolicyType", "ServiceNamespace", "ScalableDimension"]);
        let config = table.table("TargetTrackingScalingPolicyConfiguration");
        config.skip(&["PredefinedMetricSpecification"]);
        config.refuse("CustomizedMetricSpecification", "only the utilization of provisioned concurrency is simulated");
        table.refuse("StepScalingPolicyConfiguration", "only target tracking is simulated");
        let target = config.number("TargetValue").map(|found| found.map(number));
        let settings = [
            setting("scaling.target-tracking.target", target),
            duration("scaling.target-tracking.scale-out-cooldown", config.get("ScaleOutCooldown")),
            duration("scaling.target-tracking.scale-in-cooldown", config.get("ScaleInCooldown")),
            flag("scaling.target-tracking.disable-scale-in", config.get("DisableScaleIn")),
        ];
        let mut to = target_of(table);
        to.extend(table.get("ScalingTargetId").map(|id| id.reference()).unwrap_or_default());
        let settings: Vec<_> = settings.into_iter().flatten().collect();
        if !settings.is_empty() {
            model.additions.push(Addition { to, place, what: format!("ScalingPolicy {}", self.id), settings });
        }
    }

    fn rule(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        let every = table
            .get("ScheduleExpression")
            .is_some()
            .then(|| lambda::schedule(table.get("ScheduleExpression"), self.notes));
        let targets = table.list("Targets").into_iter().map(|item| item.table());
        let more = [table.table("Target")];
        for target in targets.chain(more) {
            let to = target.get("Arn").map(|arn| arn.reference()).unwrap_or_default();
            target.skip_rest();
            if to.is_empty() {
                continue;
            }
            let kind = if every.is_some() { Kind::Schedule } else { Kind::Topic };
            let settings = every.clone().flatten().into_iter().collect();
            model.links.push(Link { from: vec![self.id.to_owned()], kind, to, place, settings });
        }
        table.skip_rest();
    }
}

/// What a scalable target or its policy is about: `function:NAME:ALIAS`.
fn target_of(table: &Table<'_>) -> Vec<String> {
    let Some(item) = table.get("ResourceId") else { return Vec::new() };
    let mut names = item.reference();
    names.extend(item.node.text().and_then(|text| text.split(':').nth(1)).map(str::to_owned));
    names
}

fn is_stream(name: &str) -> bool {
    name.contains(":kinesis:") || name.contains(":dynamodb:") || name.contains("/stream/")
}

fn async_settings(table: &Table<'_>) -> Vec<Setting> {
    let attempts = table.get("MaximumRetryAttempts").and_then(|item| item.number());
    let attempts = attempts.map(|found| found.map(|retries| number(retries + 1.0)));
    let settings =
        [setting("async.max-attempts", attempts), duration("async.max-age", table.get("MaximumEventAgeInSeconds"))];
    settings.into_iter().flatten().collect()
}
