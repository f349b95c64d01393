//! What starts work in a cluster: CronJobs, and Knative's sources, brokers and triggers.

use super::{containers, name_of, place, pod_resources, skip_pod};
use crate::import::formats::azure::iso_duration;
use crate::import::formats::lambda::setting;
use crate::import::model::{Kind, Link, Model, Origin, Platform, Setting, Thing, as_name, number, seconds, text};
use crate::import::reader::{Notes, Table};
use crate::import::tree::Node;

/// A pod for each time that a schedule fires.
pub(super) fn cron_job(document: &Node, object: &Table<'_>, model: &mut Model) {
    let name = name_of(document);
    let mut thing = Thing::new(Kind::Function, Platform::Kubernetes, as_name(&name), document.place);
    thing.ids.extend([format!("CronJob/{name}"), name.clone()]);
    let spec = object.table("spec");
    spec.skip(&["successfulJobsHistoryLimit", "failedJobsHistoryLimit", "startingDeadlineSeconds"]);
    let is_suspended = spec.flag("suspend").is_some_and(|found| found.value);
    spec.refuse("concurrencyPolicy", "not simulated: a job may run beside the one before it");
    let settings = timing(&spec, "timeZone");
    let job = spec.table("jobTemplate");
    job.skip(&["metadata"]);
    let job = job.table("spec");
    job.skip(&[
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "completions",
        "parallelism",
        "completionMode",
        "podFailurePolicy",
    ]);
    thing.put("timeout", job.number("activeDeadlineSeconds"), seconds);
    let template = job.table("template");
    template.skip(&["metadata"]);
    let pod = template.table("spec");
    skip_pod(&pod);
    pod.skip(&["terminationGracePeriodSeconds", "activeDeadlineSeconds"]);
    let containers = containers(&pod);
    pod_resources(&mut thing, &containers);
    // Nothing is sent to the pod of a job, so it need not be ready.
    containers.iter().for_each(|container| container.skip(&["readinessProbe", "startupProbe"]));
    let reason = "a job has a pod of its own".to_owned();
    thing.set("keep-alive.fixed.window", text("1ms"), Origin::Default(reason));
    if !is_suspended {
        let from = vec![format!("CronJob/{name}-schedule")];
        model.links.push(Link { from, kind: Kind::Schedule, to: vec![name], place: document.place, settings });
        model.things.push(thing);
    }
}

fn timing(spec: &Table<'_>, zone: &'static str) -> Vec<Setting> {
    let schedule = spec.text("schedule").map(|found| found.map(text));
    let zone = spec.text(zone).filter(|zone| !zone.value.is_empty()).map(|found| found.map(text));
    [setting("cron", schedule), setting("time-zone", zone)].into_iter().flatten().collect()
}

/// The names of where events go: `ref` to an object, or a `uri`.
fn sink(table: &Table<'_>) -> Vec<String> {
    let reference = table.table("ref");
    let names = reference.get("name").map(|name| name.reference()).unwrap_or_default();
    let uri = table.get("uri").map(|uri| uri.reference()).unwrap_or_default();
    reference.skip_rest();
    table.skip_rest();
    if names.is_empty() { uri } else { names }
}

/// An event whenever a schedule fires.
pub(super) fn ping_source(document: &Node, object: &Table<'_>, model: &mut Model) {
    let spec = object.table("spec");
    spec.skip(&["data", "jsonData", "dataBase64", "contentType", "ceOverrides"]);
    let settings = timing(&spec, "timezone");
    let to = sink(&spec.table("sink"));
    let from = vec![format!("PingSource/{}", name_of(document))];
    model.links.push(Link { from, kind: Kind::Schedule, to, place: place(object), settings });
}

/// A broker: what comes goes to every trigger.
pub(super) fn broker(document: &Node, object: &Table<'_>, model: &mut Model) {
    let name = name_of(document);
    object.skip_rest();
    if !model.things.iter().any(|thing| thing.kind == Kind::Topic && thing.is_called(&name)) {
        let mut broker = Thing::new(Kind::Topic, Platform::Kubernetes, as_name(&name), document.place);
        broker.ids.push(name);
        broker.set("per-million-usd", "0.0", Origin::Default("a broker of Knative".to_owned()));
        model.things.push(broker);
    }
}

/// A trigger: the queue of its subscriber.
pub(super) fn trigger(document: &Node, object: &Table<'_>, model: &mut Model, notes: &Notes) {
    let name = name_of(document);
    let spec = object.table("spec");
    spec.refuse("filter", "not simulated: a filter; give the rate of what passes it");
    spec.refuse("filters", "not simulated: a filter; give the rate of what passes it");
    let broker = spec.text("broker").map_or_else(|| "default".to_owned(), |found| found.value);
    let mut queue = Thing::new(Kind::Queue, Platform::Kubernetes, as_name(&name), document.place);
    queue.ids.push(name.clone());
    queue.set("preset", text("knative-broker"), Origin::Default("a trigger of a broker".to_owned()));
    let delivery = spec.table("delivery");
    delivery.refuse("timeout", "not simulated: a time-out of deliveries");
    // `retry` is how often it is tried again.
    queue.put("max-receives", delivery.whole("retry"), |retries| number(retries as f64 + 1.0));
    let pause = delivery.get("backoffDelay").and_then(|item| item.parsed("a duration such as PT0.5S", iso_duration));
    let grows = delivery.text("backoffPolicy").is_none_or(|found| found.value != "linear");
    if let Some(pause) = pause {
        let doublings = if grows { "64" } else { "0" };
        let reason = if grows { "exponential" } else { "linear" };
        queue.set("consumer.backoff.doublings", doublings, Origin::Default(format!("backoffPolicy: {reason}")));
        queue.set("consumer.backoff.max", text("1d"), Origin::Default("no limit".to_owned()));
        queue.set("consumer.backoff.min", seconds(pause.value), pause.origin);
    }
    let dead = sink(&delivery.table("deadLetterSink"));
    if !dead.is_empty() {
        let why = "not simulated: where events go that were given up";
        notes.ignore(document.place, format!("{}.spec.delivery.deadLetterSink", object.address), why);
    }
    let to = sink(&spec.table("subscriber"));
    let at = document.place;
    model.links.push(Link { from: vec![name.clone()], kind: Kind::Queue, to, place: at, settings: Vec::new() });
    if !model.things.iter().any(|thing| thing.kind == Kind::Topic && thing.is_called(&broker)) {
        let mut topic = Thing::new(Kind::Topic, Platform::Kubernetes, as_name(&broker), at);
        topic.ids.push(broker.clone());
        topic.set("per-million-usd", "0.0", Origin::Default("a broker of Knative".to_owned()));
        model.things.push(topic);
    }
    model.links.push(Link { from: vec![broker], kind: Kind::Topic, to: vec![name], place: at, settings: Vec::new() });
    model.things.push(queue);
}
