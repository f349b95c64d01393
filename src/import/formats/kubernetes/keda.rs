//! KEDA's ScaledObjects, as far as they scale by the length of a queue.

use super::{hpa, place};
use crate::import::formats::lambda::{duration, setting};
use crate::import::model::{Addition, Model, Origin, Setting};
use crate::import::reader::{Notes, Table};

/// Triggers that count messages, and the key that says how many each pod is to have, with its default.
const QUEUES: [(&str, &str, &str); 12] = [
    ("aws-sqs-queue", "queueLength", "5"),
    ("azure-queue", "queueLength", "5"),
    ("azure-servicebus", "messageCount", "5"),
    ("gcp-pubsub", "value", "10"),
    ("rabbitmq", "value", "20"),
    ("kafka", "lagThreshold", "10"),
    ("apache-kafka", "lagThreshold", "10"),
    ("nats-jetstream", "lagThreshold", "10"),
    ("redis", "listLength", "5"),
    ("redis-streams", "pendingEntriesCount", "5"),
    ("activemq", "targetQueueSize", "10"),
    ("artemis-queue", "queueLength", "10"),
];

pub(super) fn read(object: &Table<'_>, model: &mut Model, notes: &Notes) {
    let spec = object.table("spec");
    let target = spec.table("scaleTargetRef");
    target.skip(&["apiVersion", "kind", "envSourceContainerName"]);
    let to = target.get("name").map(|name| name.reference()).unwrap_or_default();
    let count = |key: &str, name: &'static str| {
        setting(&format!("scaling.keda.{key}"), spec.whole(name).map(|found| found.map(|count| count.to_string())))
    };
    let mut settings: Vec<Setting> = [
        count("min-replicas", "minReplicaCount"),
        count("max-replicas", "maxReplicaCount"),
        count("idle-replicas", "idleReplicaCount"),
        duration("scaling.keda.polling-interval", spec.get("pollingInterval")),
        duration("scaling.keda.cooldown-period", spec.get("cooldownPeriod")),
        duration("scaling.keda.initial-cooldown-period", spec.get("initialCooldownPeriod")),
    ]
    .into_iter()
    .flatten()
    .collect();
    spec.refuse("fallback", "not simulated: fallback when the queue cannot be read");
    let advanced = spec.table("advanced");
    advanced.skip(&["restoreToOriginalReplicaCount"]);
    advanced.refuse("scalingModifiers", "not simulated: formulas over several triggers");
    let config = advanced.table("horizontalPodAutoscalerConfig");
    config.skip(&["name"]);
    settings.extend(hpa::behavior(&config.table("behavior"), "scaling.keda.behavior", notes));
    let mut has_queue = false;
    for item in spec.list("triggers") {
        let trigger = item.table();
        trigger.skip(&["name", "authenticationRef", "useCachedMetrics", "metricType"]);
        let kind = trigger.text("type").map(|found| found.value).unwrap_or_default();
        let metadata = trigger.table("metadata");
        let known = QUEUES.iter().find(|(name, ..)| *name == kind);
        let Some((_, key, default)) = known.filter(|_| !has_queue) else {
            metadata.skip_rest();
            let why = if known.is_some() {
                "not simulated: a second trigger"
            } else {
                "not simulated: a trigger that does not count messages"
            };
            notes.ignore(item.node.place, format!("{} ({kind})", item.address), why);
            continue;
        };
        has_queue = true;
        // The names of keys are those of a table of ours.
        let found = metadata.whole(key);
        let given = match found {
            Some(found) => setting("scaling.keda.queue-length", Some(found.map(|count| count.max(1).to_string()))),
            None => Some(Setting::new(
                "scaling.keda.queue-length",
                *default,
                Origin::Default(format!("not set: the default of {kind} is {default}")),
            )),
        };
        settings.extend(given);
        let active = metadata
            .whole("activationQueueLength")
            .or_else(|| metadata.whole("activationLagThreshold"))
            .or_else(|| metadata.whole("activationValue"));
        settings.extend(setting(
            "scaling.keda.activation-queue-length",
            active.map(|found| found.map(|count| count.to_string())),
        ));
        settings.extend(setting(
            "scaling.keda.scale-on-in-flight",
            metadata.flag("scaleOnInFlight").map(|found| found.map(|is| is.to_string())),
        ));
        metadata.skip_rest();
    }
    model.additions.push(Addition { to, place: place(object), what: object.address.clone(), settings });
}
