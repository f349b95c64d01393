//! `host.json` of Azure Functions.

use super::Format;
use crate::import::model::{Kind, Model, Origin, Platform, Thing, as_name, seconds};
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
    let mut app = Thing::new(Kind::Function, Platform::Azure, as_name(folder.unwrap_or("app")), document.place);
    app.set("timeout", seconds(300.0), Origin::Default("not set: 5 minutes on the Consumption plan".to_owned()));
    app.set("memory", "\"1536MB\"", Origin::Default("an instance of the Consumption plan has 1.5 GB".to_owned()));
    let timeout = root.get("functionTimeout").and_then(|item| item.parsed("a duration such as 00:05:00", timespan));
    app.put("timeout", timeout, seconds);
    let extensions = root.table("extensions");
    let has = |key: &str| extensions.node.get(key).is_some();
    let is_http = has("http") || !["queues", "serviceBus", "eventHubs"].iter().any(|key| has(key));
    if is_http {
        app.set(
            "scaling.azure-consumption.trigger",
            "\"http\"",
            Origin::Default(
                "functions are assumed to be HTTP-triggered, unless the file has queue settings only".to_owned(),
            ),
        );
    } else {
        app.set(
            "scaling.azure-consumption.trigger",
            "\"target-based\"",
            Origin::Default("the file has queue settings".to_owned()),
        );
    }
    let http = extensions.table("http");
    http.skip(&["routePrefix", "customHeaders", "hsts", "dynamicThrottlesEnabled"]);
    let (most, waiting) = (http.get("maxConcurrentRequests"), http.get("maxOutstandingRequests"));
    // -1 is no limit, and so the most that may be written.
    let limit = |item: Option<Item<'_>>| {
        item.and_then(|item| item.number())
            .map(|found| found.map(|count| if count < 1.0 { "1000000".to_owned() } else { format!("{count:.0}") }))
    };
    if is_http {
        app.put("scaling.azure-consumption.max-concurrent-requests", limit(most), |count| count);
        app.put("scaling.azure-consumption.max-outstanding-requests", limit(waiting), |count| count);
    }
    let queues = extensions.table("queues");
    queues.skip(&["maxPollingInterval", "messageEncoding"]);
    let batch = queues.whole("batchSize");
    let threshold = queues.whole("newBatchThreshold");
    if !is_http && let Some(batch) = batch {
        // It fetches anew when only the threshold is left, so that both run at once.
        let threshold = threshold.map_or(batch.value / 2, |found| found.value);
        app.set(
            "scaling.azure-consumption.target-executions-per-instance",
            (batch.value + threshold).max(1).to_string(),
            batch.origin,
        );
    }
    for key in ["visibilityTimeout", "maxDequeueCount"] {
        queues.refuse(key, "belongs to a queue: set it as `queue.NAME.visibility-timeout` or `max-receives`");
    }
    for key in [
        "durableTask",
        "serviceBus",
        "eventHubs",
        "cosmosDB",
        "eventGrid",
        "sendGrid",
        "signalR",
        "blobs",
        "kafka",
        "mongo",
    ] {
        extensions.refuse(key, "not simulated");
    }
    model.things.push(app);
}

/// Seconds of `d.hh:mm:ss`; -1 is without end.
fn timespan(text: &str) -> Option<f64> {
    if text == "-1" {
        return Some(86_400.0);
    }
    let (days, rest) = match text.split_once('.') {
        Some((days, rest)) if rest.contains(':') => (days.parse::<f64>().ok()?, rest),
        _ => (0.0, text),
    };
    let parts: Option<Vec<f64>> = rest.split(':').map(|part| part.parse().ok()).collect();
    let [hours, minutes, seconds] = parts?[..] else { return None };
    let all = days * 86_400.0 + hours * 3_600.0 + minutes * 60.0 + seconds;
    (all.is_finite() && all > 0.0).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_are_read() {
        assert_eq!(timespan("00:05:00"), Some(300.0));
        assert_eq!(timespan("1.00:00:30"), Some(86_430.0));
        assert_eq!(timespan("00:00:01.5"), Some(1.5));
        assert_eq!(timespan("5m"), None);
    }
}
