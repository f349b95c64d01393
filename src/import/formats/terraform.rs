//! Terraform: a plan as `terraform show -json` prints it, and state files.

use std::collections::HashMap;

use super::lambda::{self, count, duration, flag, partial_failure, setting};
use super::{Format, kubernetes};
use crate::import::model::{
    Addition, Kind, Link, Model, Origin, Platform, Setting, Thing, as_name, number, seconds, text,
};
use crate::import::reader::{Item, Notes, Table};
use crate::import::tree::Node;

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
    if let Some(root) = values.and_then(|values| values.get("root_module")) {
        module(root, &references, model, notes, 0);
    }
}

/// What expressions of resources refer to, by address and key.
type References = HashMap<(String, String), Vec<String>>;

fn expressions(module: &Node, prefix: &str, found: &mut References, depth: usize) {
    for resource in module.get("resources").map_or(&[][..], Node::elements) {
        let Some(address) = resource.get("address").and_then(Node::text) else { continue };
        for expression in resource.get("expressions").map_or(&[][..], Node::entries) {
            let references = expression.node.get("references").map_or(&[][..], Node::elements);
            let names: Vec<String> =
                references.iter().filter_map(Node::text).map(|name| format!("{prefix}{name}")).collect();
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

fn module(node: &Node, references: &References, model: &mut Model, notes: &Notes, depth: usize) {
    for resource in node.get("resources").map_or(&[][..], Node::elements) {
        if resource.says("mode", "data") {
            continue;
        }
        let address = resource.get("address").and_then(Node::text).unwrap_or_default();
        let kind = resource.get("type").and_then(Node::text).unwrap_or_default();
        let name = resource.get("name").and_then(Node::text).unwrap_or_default();
        if let Some(values) = resource.get("values") {
            Resource { kind, name, address, references, notes, table: Item::new(values, address, notes).table() }
                .read(model);
        }
    }
    if depth < 50 {
        node.get("child_modules")
            .map_or(&[][..], Node::elements)
            .iter()
            .for_each(|child| module(child, references, model, notes, depth + 1));
    }
}

fn read_state(document: &Node, model: &mut Model, notes: &Notes) {
    let references = References::new();
    for resource in document.get("resources").map_or(&[][..], Node::elements) {
        if resource.says("mode", "data") {
            continue;
        }
        let kind = resource.get("type").and_then(Node::text).unwrap_or_default();
        let name = resource.get("name").and_then(Node::text).unwrap_or_default();
        let module = resource.get("module").and_then(Node::text).map(|module| format!("{module}.")).unwrap_or_default();
        for (number, instance) in resource.get("instances").map_or(&[][..], Node::elements).iter().enumerate() {
            let index = instance.get("index_key").and_then(Node::text);
            let address = match index {
                Some(key) if key.parse::<u64>().is_ok() => format!("{module}{kind}.{name}[{key}]"),
                Some(key) => format!("{module}{kind}.{name}[\"{key}\"]"),
                None if number > 0 => format!("{module}{kind}.{name}[{number}]"),
                None => format!("{module}{kind}.{name}"),
            };
            if let Some(values) = instance.get("attributes") {
                let table = Item::new(values, address.clone(), notes).table();
                Resource { kind, name, address: &address, references: &references, notes, table }.read(model);
            }
        }
    }
}

struct Resource<'a> {
    kind: &'a str,
    name: &'a str,
    address: &'a str,
    references: &'a References,
    notes: &'a Notes,
    table: Table<'a>,
}

impl Resource<'_> {
    fn read(&self, model: &mut Model) {
        let table = &self.table;
        let place = table.place();
        match self.kind {
            "aws_lambda_function" => model.things.push(self.function()),
            "aws_lambda_provisioned_concurrency_config" => {
                let settings = lambda::provisioned(table.get("provisioned_concurrent_executions"));
                self.add(model, self.refers("function_name"), settings);
            }
            "aws_lambda_alias" => {
                let mut names = vec![self.address.to_owned()];
                names.extend(table.get("arn").and_then(|arn| arn.node.text().map(str::to_owned)));
                let to = self.refers("function_name");
                model.aliases.extend(names.into_iter().map(|name| (name, to.clone())));
            }
            "aws_lambda_event_source_mapping" => {
                let from = self.refers("event_source_arn");
                let is_stream =
                    |name: &String| name.contains("kinesis") || name.contains("dynamodb") || name.contains("_msk_");
                let kind = if from.iter().any(is_stream) { Kind::Stream } else { Kind::Queue };
                let scaling = table.block("scaling_config");
                let settings = [
                    count("consumer.batch-size", table.get("batch_size")),
                    duration("consumer.batch-window", table.get("maximum_batching_window_in_seconds")),
                    count("consumer.max-concurrency", scaling.get("maximum_concurrency")),
                    partial_failure(
                        "consumer.partial-failure",
                        table.get("function_response_types").filter(|item| !item.elements().is_empty()),
                    ),
                    count("consumer.parallelization", table.get("parallelization_factor")),
                    flag("consumer.bisect", table.get("bisect_batch_on_function_error")),
                ];
                let settings = settings.into_iter().flatten().collect();
                model.links.push(Link { from, kind, to: self.refers("function_name"), place, settings });
            }
            "aws_lambda_function_event_invoke_config" => {
                let attempts =
                    table.number("maximum_retry_attempts").map(|found| found.map(|retries| number(retries + 1.0)));
                let age = duration("async.max-age", table.get("maximum_event_age_in_seconds"));
                let settings = [setting("async.max-attempts", attempts), age].into_iter().flatten().collect();
                self.add(model, self.refers("function_name"), settings);
            }
            "aws_sqs_queue" => self.queue(model),
            "aws_kinesis_stream" => {
                let mut stream = self.thing(Kind::Stream);
                stream.set("preset", text("kinesis"), Origin::Default("a Kinesis stream".to_owned()));
                stream.settings.extend(count("shards", table.get("shard_count")));
                model.things.push(stream);
            }
            "aws_sns_topic" => model.things.push(self.thing(Kind::Topic)),
            "aws_sns_topic_subscription" => {
                model.links.push(Link {
                    from: self.refers("topic_arn"),
                    kind: Kind::Topic,
                    to: self.refers("endpoint"),
                    place,
                    settings: Vec::new(),
                });
            }
            "aws_api_gateway_rest_api" | "aws_apigatewayv2_api" => model.things.push(self.thing(Kind::Gateway)),
            "aws_api_gateway_integration" | "aws_apigatewayv2_integration" => {
                let api = if self.kind.contains("v2") { "api_id" } else { "rest_api_id" };
                let uri = if self.kind.contains("v2") { "integration_uri" } else { "uri" };
                let timeout = table.number("timeout_milliseconds").map(|found| found.map(|ms| seconds(ms / 1_000.0)));
                let settings = setting("timeout", timeout).into_iter().collect();
                model.links.push(Link {
                    from: self.refers(api),
                    kind: Kind::Gateway,
                    to: self.refers(uri),
                    place,
                    settings,
                });
            }
            "aws_api_gateway_method_settings" | "aws_apigatewayv2_stage" => {
                let is_v2 = self.kind.contains("v2");
                let block = table.block(if is_v2 { "default_route_settings" } else { "settings" });
                let (rate, burst) = (block.number("throttling_rate_limit"), block.number("throttling_burst_limit"));
                block.skip_rest();
                if let (Some(rate), Some(burst)) = (rate, burst)
                    && rate.value > 0.0
                {
                    let value = format!("{{ rate = \"{}/s\", burst = {} }}", rate.value, number(burst.value));
                    let settings = vec![Setting { key: "throttle".to_owned(), value, origin: rate.origin }];
                    self.add(model, self.refers(if is_v2 { "api_id" } else { "rest_api_id" }), settings);
                }
            }
            "aws_appautoscaling_target" => {
                if table.text("service_namespace").is_some_and(|found| found.value == "lambda") {
                    let settings = [
                        count("scaling.target-tracking.min-capacity", table.get("min_capacity")),
                        count("scaling.target-tracking.max-capacity", table.get("max_capacity")),
                    ];
                    self.add(model, self.scaled(), settings.into_iter().flatten().collect());
                    model.aliases.push((self.address.to_owned(), self.scaled()));
                }
            }
            "aws_appautoscaling_policy" => {
                let config = table.block("target_tracking_scaling_policy_configuration");
                let target = config.number("target_value").map(|found| found.map(number));
                let settings = [
                    setting("scaling.target-tracking.target", target),
                    duration("scaling.target-tracking.scale-out-cooldown", config.get("scale_out_cooldown")),
                    duration("scaling.target-tracking.scale-in-cooldown", config.get("scale_in_cooldown")),
                    flag("scaling.target-tracking.disable-scale-in", config.get("disable_scale_in")),
                ];
                config.skip_rest();
                self.add(model, self.scaled(), settings.into_iter().flatten().collect());
            }
            "aws_sfn_state_machine" => {
                model.things.push(self.thing(Kind::Workflow));
                table.refuse("definition", "save the definition as a file and reference it with `asl`");
            }
            "aws_cloudwatch_event_target" => {
                let to = self.refers("arn");
                model.links.push(Link {
                    from: self.refers("rule"),
                    kind: Kind::Topic,
                    to,
                    place,
                    settings: Vec::new(),
                });
            }
            "aws_cloudwatch_event_rule" => {
                let mut rule = self.thing(Kind::Schedule);
                let every = table
                    .get("schedule_expression")
                    .filter(|item| item.node.text().is_some_and(|text| !text.is_empty()));
                rule.settings.extend(lambda::schedule(every, self.notes));
                model.things.push(rule);
            }
            "google_cloud_run_v2_service" => model.things.push(self.cloud_run()),
            "google_cloudfunctions2_function" => model.things.push(self.google_function()),
            kind => self.notes.ignore(place, self.address, format!("{kind} not relevant to the simulation")),
        }
        // Providers list every key a resource can have: what is not read here is not worth a word each.
        table.skip_rest();
    }

    fn add(&self, model: &mut Model, to: Vec<String>, settings: Vec<Setting>) {
        if !settings.is_empty() {
            model.additions.push(Addition { to, place: self.table.place(), what: self.address.to_owned(), settings });
        }
    }

    /// What a key names: its value, or what its expression refers to while that is not known.
    fn refers(&self, key: &'static str) -> Vec<String> {
        let known =
            self.table.get(key).and_then(|item| item.node.text().map(str::to_owned)).filter(|text| !text.is_empty());
        let mut names: Vec<String> = known.into_iter().collect();
        // `aws_lambda_function.web["a"]` has the expression of `aws_lambda_function.web`.
        let plain = without_index(self.address);
        if let Some(more) = self.references.get(&(plain, key.to_owned())) {
            names.extend(more.iter().map(|name| of_resource(name)));
        }
        names
    }

    /// The function of `function:NAME:ALIAS`.
    fn scaled(&self) -> Vec<String> {
        let mut names = self.refers("resource_id");
        let inner = names.first().and_then(|name| name.split(':').nth(1)).map(str::to_owned);
        names.extend(inner);
        names
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
        for key in ["arn", "id", "url", "qualified_arn", "invoke_arn"] {
            ids.extend(
                self.table.get(key).and_then(|item| item.node.text().map(str::to_owned)).filter(|id| !id.is_empty()),
            );
        }
        ids
    }

    fn function(&self) -> Thing {
        let table = &self.table;
        let name = table
            .get("function_name")
            .and_then(|item| item.node.text().map(str::to_owned))
            .unwrap_or_else(|| self.name.to_owned());
        let mut function = lambda::function(&name, table.place());
        function.ids.extend(self.ids());
        lambda::memory(&mut function, table.number("memory_size"));
        lambda::timeout(&mut function, table.number("timeout"));
        lambda::architecture(&mut function, table.get("architectures").filter(|item| !item.elements().is_empty()));
        lambda::runtime(&mut function, table.get("runtime").filter(|item| item.node.text() != Some("")));
        lambda::package(&mut function, table.get("package_type"));
        lambda::reserved(&mut function, table.get("reserved_concurrent_executions"));
        lambda::snap_start(table.block("snap_start").get("apply_on"), self.notes);
        function
    }

    fn queue(&self, model: &mut Model) {
        let table = &self.table;
        let mut queue = self.thing(Kind::Queue);
        let preset = if table.flag("fifo_queue").is_some_and(|found| found.value) { "sqs-fifo" } else { "sqs" };
        queue.set("preset", text(preset), Origin::Default("an SQS queue".to_owned()));
        queue.settings.extend(duration("visibility-timeout", table.get("visibility_timeout_seconds")));
        queue.settings.extend(duration("retention", table.get("message_retention_seconds")));
        queue.settings.extend(duration("delay", table.get("delay_seconds")));
        if let Some(item) = table.get("redrive_policy")
            && let Some(policy) = item.node.text().filter(|text| !text.is_empty())
        {
            let policy: serde_json::Value = serde_json::from_str(policy).unwrap_or_default();
            let count = policy["maxReceiveCount"].as_u64().or_else(|| policy["maxReceiveCount"].as_str()?.parse().ok());
            if let Some(count) = count {
                queue.set("max-receives", count.to_string(), item.origin());
            }
            if let Some(dead) = policy["deadLetterTargetArn"].as_str() {
                queue.set("dead-letter", text(as_name(dead.rsplit(':').next().unwrap_or(dead))), item.origin());
            }
        }
        model.things.push(queue);
    }

    fn cloud_run(&self) -> Thing {
        let mut service = self.thing(Kind::Function);
        service.platform = Platform::CloudRun;
        let template = self.table.block("template");
        let scaling = template.block("scaling");
        let container = template.block("containers");
        let limits = container.block("resources").table("limits");
        kubernetes::cloud_run(
            &mut service,
            template.get("max_instance_request_concurrency"),
            limits.get("cpu"),
            scaling.get("min_instance_count"),
            scaling.get("max_instance_count"),
        );
        kubernetes::memory(&mut service, limits.get("memory"));
        service.settings.extend(template.get("timeout").and_then(|item| {
            let found = item.parsed("seconds such as 300s", |text| text.trim_end_matches('s').parse::<f64>().ok())?;
            Some(Setting { key: "timeout".to_owned(), value: seconds(found.value), origin: found.origin })
        }));
        [template, scaling, container, limits].iter().for_each(Table::skip_rest);
        service
    }

    fn google_function(&self) -> Thing {
        let mut service = self.thing(Kind::Function);
        service.platform = Platform::CloudRun;
        let config = self.table.block("service_config");
        kubernetes::cloud_run(
            &mut service,
            config.get("max_instance_request_concurrency"),
            config.get("available_cpu"),
            config.get("min_instance_count"),
            config.get("max_instance_count"),
        );
        kubernetes::memory(&mut service, config.get("available_memory"));
        service.settings.extend(duration("timeout", config.get("timeout_seconds")));
        config.skip_rest();
        service
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
