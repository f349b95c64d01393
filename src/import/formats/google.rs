//! What `gcloud` prints about Cloud Functions, Cloud Run services in the form of its API, Pub/Sub subscriptions, Cloud Tasks queues
//! and Cloud Scheduler jobs.

use super::Format;
use super::kubernetes::{CLOUD_FUNCTIONS, CLOUD_RUN, CloudRun, cloud_run};
use super::lambda::{count, setting};
use crate::import::model::{
    Kind, Link, Model, Origin, Platform, Setting, Thing, as_name, megabytes, number, seconds, text,
};
use crate::import::reader::{Found, Item, Notes, Table};
use crate::import::tree::{Node, Place, Value};

pub(in crate::import) const FORMAT: Format = Format { name: "output of gcloud", is, read };

/// Names of resources as Google's interfaces have them: `projects/P/locations/L/functions/NAME`.
fn of_kind(document: &Node, kind: &str) -> bool {
    let name = document.get("name").and_then(Node::text).unwrap_or_default();
    name.starts_with("projects/") && name.contains(&format!("/{kind}/"))
}

fn is_one(document: &Node) -> bool {
    ["functions", "services", "subscriptions", "queues", "jobs"].iter().any(|kind| of_kind(document, kind))
}

fn is(document: &Node) -> bool {
    // `list` prints them all.
    is_one(document) || document.elements().first().is_some_and(is_one)
}

fn read(document: &Node, model: &mut Model, notes: &Notes) {
    if !document.elements().is_empty() {
        document.elements().iter().filter(|one| is_one(one)).for_each(|one| read(one, model, notes));
        return;
    }
    let written = document.get("name").and_then(Node::text).unwrap_or_default();
    let name = written.rsplit('/').next().unwrap_or("service");
    let table = Item::new(document, name, notes).table();
    table.skip_rest();
    let thing = |kind| {
        let mut thing = Thing::new(kind, Platform::CloudRun, as_name(name), document.place);
        thing.ids.extend([written.to_owned(), name.to_owned()]);
        for key in ["uri", "url"] {
            thing.ids.extend(table.get(key).and_then(|item| item.node.text().map(str::to_owned)));
        }
        thing
    };
    if of_kind(document, "functions") {
        function(thing(Kind::Function), &table, model);
    } else if of_kind(document, "services") {
        service(thing(Kind::Function), &table, model);
    } else if of_kind(document, "subscriptions") {
        let push = table.table("pushConfig");
        let endpoint = push.get("pushEndpoint").map(|item| item.reference()).unwrap_or_default();
        push.skip_rest();
        let topic = table.get("topic").map(|item| item.reference()).unwrap_or_default();
        let mut queue = thing(Kind::Queue);
        let retry = table.table("retryPolicy");
        let dead = table.table("deadLetterPolicy");
        subscription(
            &mut queue,
            table.get("ackDeadlineSeconds"),
            [retry.get("minimumBackoff"), retry.get("maximumBackoff")],
            dead.get("maxDeliveryAttempts"),
        );
        [retry, dead].iter().for_each(Table::skip_rest);
        push_to(queue, topic, endpoint, document.place, model);
    } else if of_kind(document, "queues") {
        let (rates, retry) = (table.table("rateLimits"), table.table("retryConfig"));
        let mut queue = thing(Kind::Queue);
        tasks(
            &mut queue,
            [rates.get("maxDispatchesPerSecond"), rates.get("maxConcurrentDispatches")],
            [retry.get("maxAttempts"), retry.get("minBackoff"), retry.get("maxBackoff"), retry.get("maxDoublings")],
        );
        [rates, retry].iter().for_each(Table::skip_rest);
        model.things.push(queue);
    } else {
        let target = ["httpTarget", "pubsubTarget"].into_iter().map(|key| table.table(key));
        let target: Vec<_> = target.collect();
        let to = target.iter().find_map(|target| target.get("uri").or_else(|| target.get("topicName")));
        let to = to.map(|item| item.reference()).unwrap_or_default();
        target.iter().for_each(Table::skip_rest);
        let settings = cron(table.get("schedule"), table.get("timeZone"));
        let from = vec![name.to_owned()];
        model.links.push(Link { from, kind: Kind::Schedule, to, place: document.place, settings });
    }
}

fn function(mut function: Thing, table: &Table<'_>, model: &mut Model) {
    let config = table.table("serviceConfig");
    function.ids.extend(config.get("uri").and_then(|item| item.node.text().map(str::to_owned)));
    if matches!(config.node.value, Value::Null) {
        // The first generation has one request at a time in an instance.
        function.set("memory", text("256MB"), Origin::Default("not set: 256 MB is the default".to_owned()));
        function.put("memory", table.number("availableMemoryMb"), megabytes);
        function.set("timeout", seconds(60.0), Origin::Default("not set: 60 s is the default".to_owned()));
        span("timeout", table.get("timeout")).into_iter().for_each(|setting| function.apply(setting));
        function.put("concurrency.max-instances", table.whole("maxInstances").filter(|most| most.value > 0), |most| {
            most.to_string()
        });
        if table.whole("minInstances").is_some_and(|least| least.value > 0) {
            table.refuse("minInstances", "not simulated: instances that are kept by the first generation");
        }
    } else {
        cloud_run(
            &mut function,
            &CLOUD_FUNCTIONS,
            &CloudRun {
                concurrency: config.get("maxInstanceRequestConcurrency"),
                cpu: config.get("availableCpu"),
                memory: config.get("availableMemory"),
                timeout: config.get("timeoutSeconds"),
                min: [config.get("minInstanceCount"), None],
                max: [config.get("maxInstanceCount"), None],
                cpu_is_throttled: true,
            },
        );
    }
    config.skip_rest();
    let trigger = table.table("eventTrigger");
    let topic = trigger.get("pubsubTopic").or_else(|| trigger.get("resource"));
    if let Some(topic) = topic {
        let mut queue =
            Thing::new(Kind::Queue, Platform::CloudRun, as_name(&format!("{}-events", function.name)), table.place());
        queue.ids.push(queue.name.clone());
        subscription(&mut queue, None, [None, None], None);
        push_to(queue, topic.reference(), vec![function.name.clone()], table.place(), model);
    }
    trigger.skip_rest();
    model.things.push(function);
}

fn service(mut service: Thing, table: &Table<'_>, model: &mut Model) {
    let template = table.table("template");
    let scaling = template.table("scaling");
    let container = template.list("containers").first().map(Item::table);
    let resources = container.as_ref().map(|container| container.table("resources"));
    let limits = resources.as_ref().map(|resources| resources.table("limits"));
    let limit = |key: &'static str| limits.as_ref().and_then(|limits| limits.get(key));
    // Of the whole service, whatever its revisions.
    let own = table.table("scaling");
    cloud_run(
        &mut service,
        &CLOUD_RUN,
        &CloudRun {
            concurrency: template.get("maxInstanceRequestConcurrency"),
            cpu: limit("cpu"),
            memory: limit("memory"),
            timeout: template.get("timeout"),
            min: [own.get("minInstanceCount"), scaling.get("minInstanceCount")],
            max: [own.get("maxInstanceCount"), scaling.get("maxInstanceCount")],
            // The interface leaves out what is false.
            cpu_is_throttled: resources.as_ref().is_none_or(|resources| {
                resources.get("cpuIdle").and_then(|item| item.flag()).is_some_and(|idle| idle.value)
            }),
        },
    );
    [Some(template), Some(scaling), Some(own), container, resources, limits]
        .iter()
        .flatten()
        .for_each(Table::skip_rest);
    model.things.push(service);
}

/// A duration as Google's interfaces write it: `3.5s`.
pub(super) fn span(key: &str, item: Option<Item<'_>>) -> Option<Setting> {
    let found: Option<Found<f64>> = item
        .and_then(|item| item.parsed("seconds such as 300s", |text| text.trim_end_matches('s').parse::<f64>().ok()));
    setting(key, found.map(|found| found.map(seconds)))
}

/// A subscription of Pub/Sub that pushes.
pub(super) fn subscription(
    queue: &mut Thing,
    deadline: Option<Item<'_>>,
    backoff: [Option<Item<'_>>; 2],
    attempts: Option<Item<'_>>,
) {
    queue.set("preset", text("pubsub-push"), Origin::Default("a push subscription of Pub/Sub".to_owned()));
    queue.put("visibility-timeout", deadline.and_then(|item| item.number()).filter(|found| found.value > 0.0), seconds);
    let [least, most] = backoff;
    // Both are given or both have their defaults: 10 s and 600 s (RetryPolicy of the Pub/Sub API).
    if least.is_some() || most.is_some() {
        let default = |key: &str, value: f64| {
            Setting::new(key, seconds(value), Origin::Default("the default of a retry policy".to_owned()))
        };
        queue.apply(span("consumer.backoff.min", least).unwrap_or_else(|| default("consumer.backoff.min", 10.0)));
        queue.apply(span("consumer.backoff.max", most).unwrap_or_else(|| default("consumer.backoff.max", 600.0)));
    }
    queue.settings.extend(count("max-receives", attempts));
}

/// A queue of Cloud Tasks. What its tasks call is in the code that makes them.
pub(super) fn tasks(queue: &mut Thing, rates: [Option<Item<'_>>; 2], retry: [Option<Item<'_>>; 4]) {
    queue.set("preset", text("cloud-tasks"), Origin::Default("a queue of Cloud Tasks".to_owned()));
    let [rate, most] = rates;
    let rate = rate.and_then(|item| item.number()).filter(|found| found.value > 0.0);
    queue.put("consumer.dispatch.rate", rate, |rate| text(format!("{}/s", number(rate))));
    queue.settings.extend(count("consumer.max-concurrency", most));
    let [attempts, least, longest, doublings] = retry;
    // Without limit is -1.
    let attempts = attempts.and_then(|item| item.number()).filter(|found| found.value != 0.0);
    queue.put("max-receives", attempts, |attempts| if attempts < 0.0 { text("none") } else { number(attempts) });
    if let (Some(least), Some(longest)) = (span("consumer.backoff.min", least), span("consumer.backoff.max", longest)) {
        queue.apply(least);
        queue.apply(longest);
        queue.settings.extend(count("consumer.backoff.doublings", doublings));
    }
}

/// A subscription between its topic and what it pushes to.
pub(super) fn push_to(queue: Thing, topic: Vec<String>, to: Vec<String>, place: Place, model: &mut Model) {
    let id = queue.ids.first().cloned().unwrap_or_else(|| queue.name.clone());
    let settings = Vec::new;
    model.links.push(Link { from: vec![id.clone()], kind: Kind::Queue, to, place, settings: settings() });
    if !topic.is_empty() {
        let name =
            topic.iter().find(|name| !name.is_empty()).map_or("topic", |name| name.rsplit('/').next().unwrap_or(name));
        let is_it = |thing: &Thing| thing.kind == Kind::Topic && topic.iter().any(|name| thing.is_meant(name));
        if !model.things.iter().any(is_it) {
            model.things.push(self::topic(name, topic.clone(), place));
        }
        model.links.push(Link { from: topic, kind: Kind::Topic, to: vec![id], place, settings: settings() });
    }
    model.things.push(queue);
}

/// A topic of Pub/Sub, which is paid for by its subscriptions.
pub(super) fn topic(name: &str, ids: Vec<String>, place: Place) -> Thing {
    let mut topic = Thing::new(Kind::Topic, Platform::CloudRun, as_name(name), place);
    topic.ids = ids;
    let reason = "Pub/Sub is paid for by its subscriptions".to_owned();
    topic.set("per-million-usd", "0.0", Origin::Default(reason));
    topic
}

/// When a job of Cloud Scheduler fires.
pub(super) fn cron(schedule: Option<Item<'_>>, zone: Option<Item<'_>>) -> Vec<Setting> {
    let schedule = schedule.and_then(|item| item.text()).map(|found| found.map(text));
    let zone = zone.and_then(|item| item.text()).filter(|zone| !zone.value.is_empty()).map(|found| found.map(text));
    [setting("cron", schedule), setting("time-zone", zone)].into_iter().flatten().collect()
}
