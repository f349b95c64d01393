//! Queues, streams, topics and rules of CloudFormation.

use super::{Resource, is_stream};
use crate::import::formats::lambda::{self, Spelling, count, duration};
use crate::import::model::{Kind, Link, Model, Origin, Platform, Setting, Thing, as_name, seconds, text};
use crate::import::reader::Table;
use crate::import::tree::{Place, Value};

impl Resource<'_> {
    pub(super) fn queue(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        let mut queue = self.thing(Kind::Queue, place, "QueueName");
        table.skip(&[
            "Tags",
            "KmsMasterKeyId",
            "KmsDataKeyReusePeriodSeconds",
            "SqsManagedSseEnabled",
            "ContentBasedDeduplication",
            "MaximumMessageSize",
            "RedriveAllowPolicy",
            "DeduplicationScope",
            "FifoThroughputLimit",
        ]);
        lambda::sqs(&mut queue, table.flag("FifoQueue").is_some_and(|found| found.value));
        queue.settings.extend(duration("visibility-timeout", table.get("VisibilityTimeout")));
        queue.settings.extend(duration("retention", table.get("MessageRetentionPeriod")));
        queue.settings.extend(duration("delay", table.get("DelaySeconds")));
        // An event source mapping waits for messages in its own way.
        table.skip(&["ReceiveMessageWaitTimeSeconds"]);
        if let Some(item) = table.get("RedrivePolicy") {
            if matches!(item.node.value, Value::Scalar(_)) {
                lambda::redrive(&mut queue, &item, self.notes);
            } else {
                let redrive = item.table();
                queue.settings.extend(count("max-receives", redrive.get("maxReceiveCount")));
                let dead = redrive.get("deadLetterTargetArn");
                queue.settings.extend(dead.map(|dead| Setting::reference("dead-letter", &dead)));
            }
        }
        model.things.push(queue);
    }

    pub(super) fn stream(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        let mut stream = self.thing(Kind::Stream, place, "Name");
        stream.set("preset", text("kinesis"), Origin::Default("a Kinesis stream".to_owned()));
        let mode = table.table("StreamModeDetails");
        if mode.text("StreamMode").is_some_and(|found| found.value == "ON_DEMAND") {
            stream.set("shards", "4", Origin::Default("on demand: a new stream has 4 shards".to_owned()));
        }
        stream.settings.extend(count("shards", table.get("ShardCount")));
        let hours = table.number("RetentionPeriodHours").map(|found| found.map(|hours| seconds(hours * 3_600.0)));
        stream.settings.extend(lambda::setting("retention", hours));
        table.skip(&["Tags", "StreamEncryption", "DesiredShardLevelMetrics"]);
        model.things.push(stream);
    }

    /// A table of DynamoDB counts for its stream.
    pub(super) fn table_of_dynamodb(&self, place: Place, model: &mut Model) {
        let mut stream = self.thing(Kind::Stream, place, "TableName");
        stream.set("preset", text("dynamodb"), Origin::Default("a stream of DynamoDB".to_owned()));
        if self.table.get("StreamSpecification").is_some() {
            model.things.push(stream);
        }
        self.table.skip_rest();
    }

    /// A pipe of EventBridge: it takes messages or records as an event source mapping does.
    pub(super) fn pipe(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        table.refuse("Enrichment", "not simulated: what a pipe calls between its source and its target");
        let source = table.table("SourceParameters");
        source.refuse("FilterCriteria", "not simulated: a filter; give the rate of what passes it");
        let keys = ["SqsQueueParameters", "KinesisStreamParameters", "DynamoDBStreamParameters"];
        let parameters = keys.map(|key| source.table(key));
        let settings = parameters.iter().flat_map(|table| lambda::consumer(table, Spelling::Aws)).collect();
        parameters.iter().chain([&source]).for_each(Table::skip_rest);
        let from = self.names("Source");
        let is_queue = source.node.get(keys[0]).is_some() || !is_stream(&from);
        let is_stopped = table.get("DesiredState").filter(|item| item.node.text() == Some("STOPPED"));
        match is_stopped {
            Some(item) => self.notes.ignore(item.node.place, item.address, "it is disabled"),
            None => {
                let kind = if is_queue { Kind::Queue } else { Kind::Stream };
                model.links.push(Link { from, kind, to: self.names("Target"), place, settings });
            }
        }
        table.skip_rest();
    }

    pub(super) fn topic(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        let mut topic = self.thing(Kind::Topic, place, "TopicName");
        topic.set("preset", text("sns"), Origin::Default("an SNS topic".to_owned()));
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

    pub(super) fn subscription(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        table.refuse("FilterPolicy", "not simulated: a filter; give the rate of what passes it");
        table.refuse("RedrivePolicy", "not simulated: dead letters of a subscription");
        let (from, to) = (self.names("TopicArn"), self.names("Endpoint"));
        table.skip_rest();
        model.links.push(Link { from, kind: Kind::Topic, to, place, settings: Vec::new() });
    }

    /// What a bucket tells of its objects.
    pub(super) fn bucket(&self, place: Place, model: &mut Model) {
        let config = self.table.table("NotificationConfiguration");
        let lists =
            [("LambdaConfigurations", "Function"), ("QueueConfigurations", "Queue"), ("TopicConfigurations", "Topic")];
        for (list, key) in lists {
            for item in config.list(list) {
                let table = item.table();
                let to = table.get(key).map(|arn| arn.reference()).unwrap_or_default();
                table.skip_rest();
                let from = vec![format!("{}-s3", self.id)];
                model.links.push(Link {
                    from,
                    kind: Kind::Source,
                    to,
                    place: item.node.place.or(place),
                    settings: Vec::new(),
                });
            }
        }
        config.skip_rest();
        self.table.skip_rest();
    }

    /// A subscription that SAM makes: straight, or through a queue that it makes too.
    pub(super) fn sns_event(&self, table: &Table<'_>, own: &str, place: Place, model: &mut Model) {
        let from = table.get("Topic").map(|item| item.reference()).unwrap_or_default();
        table.refuse("FilterPolicy", "not simulated: a filter; give the rate of what passes it");
        table.skip(&["Region", "FilterPolicyScope", "RedrivePolicy"]);
        let link = |kind, from, to: &str, settings| lambda::link(kind, from, to, place, settings);
        let through = table.get("SqsSubscription").filter(|item| !matches!(item.node.text(), Some("false")));
        let Some(through) = through else {
            model.links.push(link(Kind::Topic, from, self.id, Vec::new()));
            return;
        };
        let settings = match through.node.value {
            Value::Map(_) => {
                let table = through.table();
                table.skip(&["Enabled", "QueueArn", "QueueUrl", "QueuePolicyLogicalId"]);
                lambda::consumer(&table, Spelling::Aws)
            }
            _ => Vec::new(),
        };
        let given =
            through.node.get("QueueArn").and_then(|_| through.table().get("QueueArn").map(|arn| arn.reference()));
        let queue = given.unwrap_or_else(|| {
            let mut queue = Thing::new(Kind::Queue, Platform::Lambda, as_name(own), place);
            queue.ids.push(own.to_owned());
            lambda::sqs(&mut queue, false);
            model.things.push(queue);
            vec![own.to_owned()]
        });
        model.links.push(Link { from, kind: Kind::Topic, to: queue.clone(), place, settings: Vec::new() });
        model.links.push(link(Kind::Queue, queue, self.id, settings));
    }

    /// A rule of EventBridge that SAM makes.
    pub(super) fn rule_event(&self, table: &Table<'_>, own: &str, place: Place, model: &mut Model) {
        let mut rule = Thing::new(Kind::Topic, Platform::Lambda, as_name(own), place);
        rule.ids.push(own.to_owned());
        rule.set("preset", text("eventbridge"), Origin::Default("a rule of EventBridge".to_owned()));
        let retry = table.table("RetryPolicy");
        rule.settings
            .extend(lambda::event_retries(retry.get("MaximumRetryAttempts"), retry.get("MaximumEventAgeInSeconds")));
        table.refuse("DeadLetterConfig", "not simulated: events that a rule could not deliver");
        if self.is_enabled(table) {
            model.links.push(lambda::link(Kind::Topic, rule.ids.clone(), self.id, place, Vec::new()));
            model.things.push(rule);
        }
        table.skip_rest();
    }

    /// A rule of EventBridge, by schedule or by pattern, or a schedule of EventBridge Scheduler.
    pub(super) fn rule(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        let is_scheduled = table.get("ScheduleExpression").is_some();
        let timing = lambda::schedule(table.get("ScheduleExpression"), table, self.notes);
        let targets = table.list("Targets").into_iter().map(|item| item.table());
        let targets: Vec<_> = targets.chain([table.table("Target")]).collect();
        let kind = if is_scheduled { Kind::Schedule } else { Kind::Topic };
        let is_enabled = self.is_enabled(table);
        let mut rule = self.thing(Kind::Topic, place, "Name");
        rule.set("preset", text("eventbridge"), Origin::Default("a rule of EventBridge".to_owned()));
        for target in &targets {
            let to = target.get("Arn").map(|arn| arn.reference()).unwrap_or_default();
            let retry = target.table("RetryPolicy");
            if !is_scheduled {
                let retries =
                    lambda::event_retries(retry.get("MaximumRetryAttempts"), retry.get("MaximumEventAgeInSeconds"));
                retries.into_iter().for_each(|setting| rule.apply(setting));
            }
            retry.skip_rest();
            target.skip_rest();
            if !to.is_empty() && is_enabled {
                let settings = timing.clone();
                model.links.push(Link { from: vec![self.id.to_owned()], kind, to, place, settings });
            }
        }
        table.skip_rest();
        if !is_scheduled && is_enabled {
            model.things.push(rule);
        }
    }
}
