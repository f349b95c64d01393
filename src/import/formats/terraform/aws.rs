//! Functions, queues, streams, topics, rules and state machines of AWS in Terraform.

use super::Resource;
use crate::import::formats::lambda::{self, Spelling, count, duration, is_said, setting};
use crate::import::model::{Definition, Kind, Link, Model, Origin, Platform, Setting, Thing, seconds, text};
use crate::import::path::{FUNCTION_URL, OFF};
use crate::import::reader::{Item, Table};
use crate::import::workflow::of_text;

impl Resource<'_> {
    /// Takes in a resource of AWS, other than an API; false if it is none that is known.
    pub(super) fn aws(&self, model: &mut Model) -> bool {
        let table = &self.table;
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
            "aws_lambda_event_source_mapping" => self.mapping(model),
            "aws_lambda_function_event_invoke_config" => {
                let destination = table.block("destination_config").block("on_failure").get("destination");
                let mut settings = lambda::asynchronous(
                    table.get("maximum_retry_attempts"),
                    table.get("maximum_event_age_in_seconds"),
                    None,
                );
                let destination = destination.filter(is_said);
                settings.extend(self.reference("async.dead-letter", "destination_config", destination.as_ref()));
                self.add(model, self.refers("function_name"), settings);
            }
            "aws_lambda_function_url" => {
                let from = vec![format!("{}-url", self.name), FUNCTION_URL.to_owned()];
                self.link(model, Kind::Gateway, from, self.refers("function_name"), Vec::new());
            }
            "aws_sqs_queue" => self.queue(model),
            "aws_sqs_queue_redrive_policy" => {
                let mut settings = Thing::new(Kind::Queue, Platform::Lambda, "", table.place());
                self.redrive(&mut settings);
                self.add(model, self.refers("queue_url"), settings.settings);
            }
            "aws_kinesis_stream" => {
                let mut stream = self.thing(Kind::Stream);
                stream.set("preset", text("kinesis"), Origin::Default("a Kinesis stream".to_owned()));
                let mode = table.block("stream_mode_details");
                if mode.text("stream_mode").is_some_and(|found| found.value == "ON_DEMAND") {
                    stream.set("shards", "4", Origin::Default("on demand: a new stream has 4 shards".to_owned()));
                }
                mode.skip_rest();
                let shards = table.get("shard_count").filter(|item| item.node.text() != Some("0"));
                stream.settings.extend(count("shards", shards));
                let hours = table.number("retention_period").map(|found| found.map(|hours| seconds(hours * 3_600.0)));
                stream.settings.extend(setting("retention", hours));
                model.things.push(stream);
            }
            "aws_dynamodb_table" => {
                let mut stream = self.thing(Kind::Stream);
                stream.ids.extend(table.text("stream_arn").map(|found| found.value));
                stream.set("preset", text("dynamodb"), Origin::Default("a stream of DynamoDB".to_owned()));
                if table.flag("stream_enabled").is_some_and(|found| found.value) {
                    model.things.push(stream);
                }
            }
            "aws_pipes_pipe" => {
                let source = table.block("source_parameters");
                let keys = ["sqs_queue_parameters", "kinesis_stream_parameters", "dynamodb_stream_parameters"];
                let parameters = keys.map(|key| source.block(key));
                let settings =
                    parameters.iter().flat_map(|table| lambda::consumer(table, Spelling::Terraform)).collect();
                parameters.iter().chain([&source]).for_each(Table::skip_rest);
                if let Some(item) = table.get("enrichment").filter(is_said) {
                    let why = "not simulated: what a pipe calls between its source and its target";
                    self.notes.ignore(item.node.place, item.address, why);
                }
                match table.get("desired_state").filter(|item| item.node.text() == Some("STOPPED")) {
                    Some(off) => self.notes.ignore(off.node.place, off.address, "it is disabled"),
                    None => self.link(model, Kind::Queue, self.refers("source"), self.refers("target"), settings),
                }
            }
            "aws_sns_topic" => {
                let mut topic = self.thing(Kind::Topic);
                topic.set("preset", text("sns"), Origin::Default("an SNS topic".to_owned()));
                model.things.push(topic);
            }
            "aws_sns_topic_subscription" => {
                if let Some(filter) = table.get("filter_policy").filter(is_said) {
                    let why = "not simulated: a filter; give the rate of what passes it";
                    self.notes.ignore(filter.node.place, filter.address, why);
                }
                self.link(model, Kind::Topic, self.refers("topic_arn"), self.refers("endpoint"), Vec::new());
            }
            "aws_cloudwatch_event_rule" | "aws_cloudwatch_event_target" | "aws_scheduler_schedule" => self.rule(model),
            "aws_s3_bucket_notification" => self.notification(model),
            "aws_appautoscaling_target" | "aws_appautoscaling_policy" => self.scaling(model),
            "aws_sfn_state_machine" => self.state_machine(model),
            _ => return false,
        }
        true
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
        lambda::architecture(&mut function, table.get("architectures").filter(is_said));
        lambda::runtime(&mut function, table.get("runtime").filter(is_said));
        lambda::package(&mut function, table.get("package_type"));
        lambda::reserved(&mut function, table.get("reserved_concurrent_executions"));
        lambda::snap_start(table.block("snap_start").get("apply_on"), self.notes);
        let dead = table.block("dead_letter_config").get("target_arn").filter(is_said);
        function.settings.extend(self.reference("async.dead-letter", "dead_letter_config", dead.as_ref()));
        function
    }

    fn mapping(&self, model: &mut Model) {
        let table = &self.table;
        let from = self.refers("event_source_arn");
        let parts = ["kinesis", "dynamodb", "_msk_", ":kafka:"];
        let is_stream = from.iter().any(|name| parts.iter().any(|part| name.contains(part)));
        let mut settings = lambda::consumer(table, Spelling::Terraform);
        if !settings.iter().any(|setting| setting.key == "on-failure") {
            settings.extend(self.reference("on-failure", "destination_config", None));
        }
        if let Some(off) = table.get("enabled").filter(|item| item.node.text() == Some("false")) {
            self.notes.ignore(off.node.place, off.address, "it is disabled");
            return;
        }
        let kind = if is_stream { Kind::Stream } else { Kind::Queue };
        self.link(model, kind, from, self.refers("function_name"), settings);
    }

    fn queue(&self, model: &mut Model) {
        let table = &self.table;
        let mut queue = self.thing(Kind::Queue);
        lambda::sqs(&mut queue, table.flag("fifo_queue").is_some_and(|found| found.value));
        queue.settings.extend(duration("visibility-timeout", table.get("visibility_timeout_seconds")));
        queue.settings.extend(duration("retention", table.get("message_retention_seconds")));
        queue.settings.extend(duration("delay", table.get("delay_seconds")));
        self.redrive(&mut queue);
        model.things.push(queue);
    }

    /// Where messages go that were received too often. The policy is a text, which is known only after apply where it holds the
    /// ARN of a queue that is made with it.
    fn redrive(&self, queue: &mut Thing) {
        match self.table.get("redrive_policy").filter(is_said) {
            Some(item) => lambda::redrive(queue, &item, self.notes),
            None => {
                if let Some(dead) = self.reference("dead-letter", "redrive_policy", None) {
                    queue.apply(dead);
                    let reason = "its redrive policy is known only after apply".to_owned();
                    queue.set("max-receives", "5", Origin::Assumed(reason));
                }
            }
        }
    }

    /// A rule of EventBridge with its targets, and a schedule.
    fn rule(&self, model: &mut Model) {
        let table = &self.table;
        let is_off = |item: &Item<'_>| matches!(item.node.text(), Some("false" | "DISABLED"));
        let off = ["state", "is_enabled"].into_iter().find_map(|key| table.get(key).filter(is_off));
        let timing = || lambda::schedule(table.get("schedule_expression").filter(is_said), table, self.notes);
        match self.kind {
            "aws_cloudwatch_event_rule" => {
                let timing = timing();
                let is_scheduled = table.get("schedule_expression").is_some_and(|item| is_said(&item));
                let mut rule = self.thing(if is_scheduled { Kind::Schedule } else { Kind::Topic });
                if let Some(off) = off {
                    self.notes.ignore(off.node.place, off.address, "it is disabled");
                    rule.settings.push(Setting::new(OFF, "true", Origin::Default(String::new())));
                } else if is_scheduled {
                    rule.settings.extend(timing);
                } else {
                    rule.set("preset", text("eventbridge"), Origin::Default("a rule of EventBridge".to_owned()));
                }
                model.things.push(rule);
            }
            "aws_cloudwatch_event_target" => {
                let retry = table.block("retry_policy");
                let settings = lambda::event_retries(
                    retry.get("maximum_retry_attempts"),
                    retry.get("maximum_event_age_in_seconds"),
                );
                self.link(model, Kind::Topic, self.refers("rule"), self.refers("arn"), settings);
            }
            _ => {
                let target = table.block("target");
                let mut to = target.get("arn").map(|arn| arn.reference()).unwrap_or_default();
                to.extend(self.referred("target"));
                target.skip_rest();
                match off {
                    Some(off) => self.notes.ignore(off.node.place, off.address, "it is disabled"),
                    None => self.link(model, Kind::Schedule, vec![self.address.to_owned()], to, timing()),
                }
            }
        }
    }

    /// What a bucket of S3 tells of its objects.
    fn notification(&self, model: &mut Model) {
        for (block, key) in [("lambda_function", "lambda_function_arn"), ("queue", "queue_arn"), ("topic", "topic_arn")]
        {
            for item in self.table.list(block) {
                let table = item.table();
                let mut to = table.get(key).map(|arn| arn.reference()).unwrap_or_default();
                to.extend(self.referred(block));
                table.skip_rest();
                let from = vec![format!("{}-s3", self.name)];
                model.links.push(Link { from, kind: Kind::Source, to, place: item.node.place, settings: Vec::new() });
            }
        }
    }

    /// Application Auto Scaling of provisioned concurrency.
    fn scaling(&self, model: &mut Model) {
        let table = &self.table;
        if self.kind == "aws_appautoscaling_target" {
            if table.text("service_namespace").is_some_and(|found| found.value == "lambda") {
                self.add(model, self.scaled(), lambda::scalable_target(table, Spelling::Terraform));
                model.aliases.push((self.address.to_owned(), self.scaled()));
            }
            return;
        }
        let config: Table<'_> = table.block("target_tracking_scaling_policy_configuration");
        let settings = lambda::target_tracking(&config, Spelling::Terraform);
        config.skip_rest();
        let is_lambda = table.text("service_namespace").is_none_or(|found| found.value == "lambda");
        if is_lambda {
            self.add(model, self.scaled(), settings);
        }
    }

    fn state_machine(&self, model: &mut Model) {
        let table = &self.table;
        let mut workflow = self.thing(Kind::Workflow);
        let express = table.text("type").filter(|found| found.value == "EXPRESS");
        workflow.put("preset", express, |_| text("step-functions-express"));
        match table.get("definition").filter(is_said) {
            Some(item) => {
                if let Some(machine) = of_text(item.node, self.notes, &item.address) {
                    workflow.definition =
                        Some(Definition { machine, substitutions: Vec::new(), address: item.address });
                }
            }
            None => {
                let why = "its definition is known only after apply: name what `aws stepfunctions describe-state-machine` prints";
                self.notes.ignore(table.place(), self.address, why);
            }
        }
        model.things.push(workflow);
    }
}
