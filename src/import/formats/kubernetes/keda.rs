//! KEDA's ScaledObjects, as far as they scale by the length of a queue.

use super::{hpa, place};
use crate::import::formats::lambda::{duration, setting};
use crate::import::model::{Addition, Model, Origin, Setting};
use crate::import::reader::{Item, Notes, Table};
use crate::schema::diagnostic::nearest;

/// A trigger that counts messages.
struct Queue {
    kind: &'static str,
    /// Keys that say how many messages each pod is to have; the first that is set counts.
    targets: &'static [&'static str],
    /// The target if none is set.
    default: &'static str,
    /// The key that says from how many messages on there are pods.
    activation: &'static str,
}

impl Queue {
    const fn new(
        kind: &'static str,
        targets: &'static [&'static str],
        default: &'static str,
        activation: &'static str,
    ) -> Self {
        Self { kind, targets, default, activation }
    }
}

/// Where a trigger has two keys, the first is the older one, which KEDA reads before the other.
const QUEUES: [Queue; 12] = [
    Queue::new("aws-sqs-queue", &["queueLength"], "5", "activationQueueLength"),
    Queue::new("azure-queue", &["queueLength"], "5", "activationQueueLength"),
    Queue::new("azure-servicebus", &["messageCount"], "5", "activationMessageCount"),
    Queue::new("gcp-pubsub", &["subscriptionSize", "value"], "10", "activationValue"),
    Queue::new("rabbitmq", &["queueLength", "value"], "20", "activationValue"),
    Queue::new("kafka", &["lagThreshold"], "10", "activationLagThreshold"),
    Queue::new("apache-kafka", &["lagThreshold"], "10", "activationLagThreshold"),
    Queue::new("nats-jetstream", &["lagThreshold"], "10", "activationLagThreshold"),
    Queue::new("redis", &["listLength"], "5", "activationListLength"),
    Queue::new("redis-streams", &["lagCount", "pendingEntriesCount"], "5", "activationLagCount"),
    Queue::new("activemq", &["targetQueueSize"], "10", "activationTargetQueueSize"),
    Queue::new("artemis-queue", &["queueLength"], "10", "activationQueueLength"),
];

/// Modes of `rabbitmq` and `gcp-pubsub` that count messages; others are rates, ages and ratios.
const COUNTING_MODES: [&str; 3] = ["QueueLength", "SubscriptionSize", "NumUndeliveredMessages"];

/// Keys of triggers that change what is counted, or how many pods that gives.
const NOT_SIMULATED: [(&str, &str); 10] = [
    ("scaleOnDelayed", "not simulated: messages that are delayed count too"),
    ("useRegex", "not simulated: several queues"),
    ("operation", "not simulated: several queues"),
    ("allowIdleConsumers", "not simulated: how many pods partitions allow"),
    ("limitToPartitionsWithLag", "not simulated: how many pods partitions allow"),
    ("ensureEvenDistributionOfPartitions", "not simulated: how many pods partitions allow"),
    ("partitionLimitation", "not simulated: lag of some partitions only"),
    ("excludePersistentLag", "not simulated: partitions on which nothing is processed"),
    ("aggregation", "not simulated: the length over a time"),
    ("timeHorizon", "not simulated: the length over a time"),
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
        trigger.skip(&["name", "authenticationRef", "useCachedMetrics"]);
        let kind = trigger.text("type").map(|found| found.value).unwrap_or_default();
        let metadata = trigger.table("metadata");
        match countable(&kind, &trigger, &metadata) {
            Ok(_) if has_queue => {
                metadata.skip_rest();
                notes.ignore(item.node.place, format!("{} ({kind})", item.address), "not simulated: a second trigger");
            }
            Ok(queue) => {
                has_queue = true;
                settings.extend(of_queue(queue, &metadata, notes));
            }
            Err(why) => {
                metadata.skip_rest();
                notes.ignore(item.node.place, format!("{} ({kind})", item.address), format!("not simulated: {why}"));
            }
        }
    }
    if !has_queue {
        let reason = "no trigger of the ScaledObject that can be simulated: 5 messages per pod are assumed".to_owned();
        settings.push(Setting::new("scaling.keda.queue-length", "5", Origin::Assumed(reason)));
    }
    model.additions.push(Addition { to, place: place(object), what: object.address.clone(), settings });
}

/// The queue that a trigger counts, or why it cannot be simulated.
fn countable(kind: &str, trigger: &Table<'_>, metadata: &Table<'_>) -> Result<&'static Queue, String> {
    let queue = QUEUES.iter().find(|queue| queue.kind == kind);
    let metric = trigger.text("metricType").map(|found| found.value);
    let Some(queue) = queue else { return Err("a trigger that does not count messages".to_owned()) };
    if let Some(metric) = metric.filter(|metric| metric != "AverageValue") {
        return Err(format!("metricType {metric}, whose target is not per pod"));
    }
    let mode = metadata.text("mode").map(|found| found.value);
    if matches!(kind, "rabbitmq" | "gcp-pubsub")
        && let Some(mode) = mode.filter(|mode| !COUNTING_MODES.contains(&mode.as_str()))
    {
        return Err(format!("mode {mode}, which does not count messages"));
    }
    if kind == "redis-streams" && metadata.get("consumerGroup").is_none() {
        return Err("without consumerGroup, messages that have been processed count too".to_owned());
    }
    Ok(queue)
}

/// Target and threshold of a queue.
fn of_queue(queue: &Queue, metadata: &Table<'_>, notes: &Notes) -> Vec<Setting> {
    let whole = |item: Item<'_>, least: f64| {
        let found = item.parsed("a number of messages", |text| {
            text.parse::<f64>().ok().filter(|count| (0.0..1e9).contains(count))
        })?;
        let rounded = found.value.round().max(least);
        if rounded != found.value {
            notes.ignore(item.node.place, item.address, format!("{} is rounded to {rounded} messages", found.value));
        }
        Some(found.map(|_| rounded.to_string()))
    };
    let default = |why: &str| {
        let reason = format!("{why}: the default of {} is {}", queue.kind, queue.default);
        Setting::new("scaling.keda.queue-length", queue.default, Origin::Default(reason))
    };
    let target = queue.targets.iter().copied().find_map(|key| metadata.get(key));
    let target = target.map(|item| setting("scaling.keda.queue-length", whole(item, 1.0)));
    let activation = metadata.get(queue.activation).and_then(|item| whole(item, 0.0));
    // What is in progress counts, unless one of these says otherwise.
    let without_in_flight = metadata
        .get("queueLengthStrategy")
        .and_then(|item| {
            item.parsed("all or visibleonly", |text| matches!(text, "all" | "visibleonly").then(|| text == "all"))
        })
        .or_else(|| metadata.flag("excludeUnacknowledged").map(|found| found.map(|is| !is)));
    let in_flight = metadata.flag("scaleOnInFlight").or(without_in_flight);
    for (key, why) in NOT_SIMULATED {
        if metadata.node.get(key).is_some_and(|node| node.text() != Some("false")) {
            metadata.refuse(key, why);
        }
    }
    // Most keys say where the queue is; a misspelt one would silently leave a target at its default.
    let ours = || queue.targets.iter().copied().chain([queue.activation]);
    for entry in metadata.node.entries() {
        let key = entry.key.as_str();
        let is_read = ours().any(|known| known == key)
            || matches!(key, "valueIfNull" | "queueLengthStrategy" | "subscriptionName");
        let near = nearest(key, ours());
        if !is_read && (key.starts_with("activation") || near.is_some()) {
            let why = near.map_or_else(|| "not read".to_owned(), |near| format!("not read: did you mean `{near}`?"));
            notes.ignore(entry.place, format!("{}.{key}", metadata.address), why);
        }
    }
    metadata.skip_rest();
    let mut settings = vec![match target {
        Some(read) => read.unwrap_or_else(|| default("not readable")),
        None => default("not set"),
    }];
    settings.extend(setting("scaling.keda.activation-queue-length", activation));
    settings.extend(setting("scaling.keda.scale-on-in-flight", in_flight.map(|found| found.map(|is| is.to_string()))));
    settings
}
