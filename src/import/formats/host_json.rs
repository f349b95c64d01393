//! `host.json` of Azure Functions.

use super::Format;
use super::azure::{self, STORAGE_QUEUES, timespan};
use super::lambda::{count, setting};
use crate::import::model::{Addition, Model, Origin, Setting, seconds};
use crate::import::reader::{Item, Notes};
use crate::import::tree::Node;

pub(in crate::import) const FORMAT: Format = Format { name: "host.json of Azure Functions", is, read };

fn is(document: &Node) -> bool {
    document.says("version", "2.0")
        && ["extensions", "functionTimeout", "extensionBundle", "logging", "concurrency"]
            .iter()
            .any(|key| document.get(key).is_some())
}

fn read(document: &Node, model: &mut Model, notes: &Notes) {
    let root = Item::new(document, "", notes).table();
    root.skip(&[
        "version",
        "logging",
        "extensionBundle",
        "healthMonitor",
        "watchDirectories",
        "managedDependency",
        "singleton",
        "tracing",
        "aggregator",
        "retry",
        "watchFiles",
        "telemetryMode",
    ]);
    root.refuse("concurrency", "not simulated: dynamic concurrency");
    // The folder of the file is named like the app.
    let folder = model.file.rsplit(['/', '\\']).nth(1).filter(|name| !matches!(*name, "" | "." | ".."));
    let mut app = azure::app(folder.unwrap_or("app"), document.place);
    azure::consumption(&mut app, None);
    let timeout = root.get("functionTimeout").and_then(|item| item.parsed("a duration such as 00:05:00", timespan));
    app.put("timeout", timeout, seconds);
    let extensions = root.table("extensions");
    let has = |key: &str| extensions.node.get(key).is_some();
    let is_http = has("http") || !["queues", "serviceBus", "eventHubs"].iter().any(|key| has(key));
    if !is_http {
        let reason = "the file has queue settings".to_owned();
        app.set(azure::TRIGGER, "\"target-based\"", Origin::Default(reason));
    }
    let http = extensions.table("http");
    http.skip(&["routePrefix", "customHeaders", "hsts", "dynamicThrottlesEnabled"]);
    let (most, waiting) = (http.get("maxConcurrentRequests"), http.get("maxOutstandingRequests"));
    // -1 is no limit, and so the most that may be written.
    let limit = |item: Option<Item<'_>>| {
        item.and_then(|item| item.number())
            .map(|found| found.map(|count| if count < 1.0 { "1000000".to_owned() } else { format!("{count:.0}") }))
    };
    // What concerns the other trigger goes when all files are read.
    app.put("scaling.azure-consumption.max-concurrent-requests", limit(most), |count| count);
    app.put("scaling.azure-consumption.max-outstanding-requests", limit(waiting), |count| count);
    let queues = extensions.table("queues");
    queues.skip(&["maxPollingInterval", "messageEncoding"]);
    let batch = queues.whole("batchSize");
    let threshold = queues.whole("newBatchThreshold");
    if let Some(batch) = batch {
        // It fetches anew when only the threshold is left, so that both run at once.
        let threshold = threshold.map_or(batch.value / 2, |found| found.value);
        app.set(
            "scaling.azure-consumption.target-executions-per-instance",
            (batch.value + threshold).max(1).to_string(),
            batch.origin,
        );
    }
    let visibility = queues.get("visibilityTimeout").filter(|item| item.node.text() != Some("00:00:00"));
    let visibility = visibility.and_then(|item| item.parsed("a duration such as 00:05:00", timespan));
    // The trigger hides a message for 10 minutes while it is processed; this is how long one that failed is hidden.
    let backoff = visibility.map(|found| found.map(|pause| format!("{{ min = {0}, max = {0} }}", seconds(pause))));
    let settings = [setting("consumer.backoff", backoff), count("max-receives", queues.get("maxDequeueCount"))];
    add(STORAGE_QUEUES, settings.into_iter().flatten().collect(), document, model);
    let bus = extensions.table("serviceBus");
    bus.skip_rest();
    for key in ["durableTask", "eventHubs", "cosmosDB", "eventGrid", "sendGrid", "signalR", "blobs", "kafka", "mongo"] {
        extensions.refuse(key, "not simulated");
    }
    model.things.push(app);
}

/// Settings for all queues of a kind.
fn add(to: &str, settings: Vec<Setting>, document: &Node, model: &mut Model) {
    if !settings.is_empty() {
        model.additions.push(Addition {
            to: vec![to.to_owned()],
            place: document.place,
            what: "extensions".to_owned(),
            settings,
        });
    }
}
