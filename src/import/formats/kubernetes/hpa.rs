//! HorizontalPodAutoscalers, `autoscaling/v2` and the short form of `v1`.

use super::{AVERAGE_CPU, CPU_TARGET, place, quantity};
use crate::import::formats::lambda::{duration, setting};
use crate::import::model::{Addition, Model, Origin, Setting, number};
use crate::import::reader::{Found, Item, Notes, Table};

pub(super) fn read(object: &Table<'_>, model: &mut Model, notes: &Notes) {
    let spec = object.table("spec");
    let target = spec.table("scaleTargetRef");
    target.skip(&["apiVersion", "kind"]);
    let to = target.get("name").map(|name| name.reference()).unwrap_or_default();
    let mut settings = vec![Setting::new(
        "scaling.hpa.min-replicas",
        "1",
        Origin::Default("not set: the minimum of an HPA is 1 pod".to_owned()),
    )];
    if let Some(found) = spec.whole("minReplicas") {
        settings[0] = Setting { value: found.value.to_string(), origin: found.origin, ..settings[0].clone() };
    }
    let most = spec.whole("maxReplicas").map(|found| found.map(|count| count.to_string()));
    settings.extend(setting("scaling.hpa.max-replicas", most));
    let before = settings.len();
    let cpu = spec.whole("targetCPUUtilizationPercentage").map(|found| found.map(|percent| percent.to_string()));
    settings.extend(setting(CPU_TARGET, cpu));
    for item in spec.list("metrics") {
        let Some(found) = metric(&item.table(), notes) else { continue };
        // Kubernetes takes the largest proposal of all metrics; a scenario has one target of each kind.
        let cpu = |key: &str| matches!(key, CPU_TARGET | AVERAGE_CPU);
        let is_same = |known: &Setting| known.key == found.key || cpu(&known.key) && cpu(&found.key);
        if settings.iter().any(is_same) {
            notes.ignore(item.node.place, item.address, "not simulated: a second metric of this kind");
        } else {
            settings.push(found);
        }
    }
    if settings.len() == before {
        let origin = match spec.node.get("metrics").or_else(|| spec.node.get("targetCPUUtilizationPercentage")) {
            None => Origin::Default("no metric: the default is 80 % CPU".to_owned()),
            Some(_) => Origin::Assumed("no metric of the HPA can be simulated: 80 % CPU is assumed".to_owned()),
        };
        settings.push(Setting::new(CPU_TARGET, "80", origin));
    }
    settings.extend(behavior(&spec.table("behavior"), "scaling.hpa.behavior", notes));
    model.additions.push(Addition { to, place: place(object), what: object.address.clone(), settings });
}

/// One metric as the key of the policy that is nearest to it.
fn metric(metric: &Table<'_>, notes: &Notes) -> Option<Setting> {
    let kind = metric.text("type")?.value;
    let block = metric.table(match kind.as_str() {
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        "Pods" => "pods",
        "Object" => "object",
        _ => "external",
    });
    block.skip(&["container", "describedObject"]);
    let inner = block.table("metric");
    inner.skip(&["selector"]);
    let name = block.text("name").or_else(|| inner.text("name")).map(|found| found.value).unwrap_or_default();
    let target = block.table("target");
    target.skip(&["type"]);
    let utilization = target.whole("averageUtilization");
    let average = target.get("averageValue").or_else(|| target.get("value"));
    let place = metric.place();
    if matches!(kind.as_str(), "Resource" | "ContainerResource") {
        return match (name.as_str(), utilization) {
            ("cpu", Some(found)) => setting(CPU_TARGET, Some(found.map(|percent| percent.to_string()))),
            ("cpu", None) if kind == "Resource" && average.is_some() => {
                let text =
                    average.and_then(|item| item.parsed("a quantity", |text| quantity(text).map(|_| text.to_owned())));
                setting(AVERAGE_CPU, text)
            }
            _ => {
                let what = match (name.as_str(), average) {
                    ("cpu", Some(_)) => "of a container as averageValue; write averageUtilization",
                    ("cpu", None) => "without a target",
                    _ => "of pods",
                };
                notes.ignore(place, metric.address.clone(), format!("not simulated: {name} {what}"));
                None
            }
        };
    }
    let lower = name.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let key = if kind == "External" || says(&["queue", "lag", "backlog", "messages"]) {
        "scaling.hpa.target-queue-length"
    } else if says(&["per_second", "rps", "qps", "request_rate", "requests_rate", "packets"]) {
        "scaling.hpa.target-requests-per-second"
    } else if says(&["concurren", "in_flight", "inflight", "in_progress", "active", "connections"]) {
        "scaling.hpa.target-concurrency"
    } else {
        notes.ignore(
            place,
            metric.address.clone(),
            format!(
                "not simulated: unclear whether {name} counts requests in progress, requests per second or a queue"
            ),
        );
        return None;
    };
    let average = average.and_then(|item| item.parsed("a quantity", quantity));
    setting(key, average.map(|found: Found<f64>| found.map(number)))
}

/// Windows and rates of both directions.
pub(super) fn behavior(table: &Table<'_>, key: &str, notes: &Notes) -> Vec<Setting> {
    let mut settings = Vec::new();
    for (name, direction) in [("scaleUp", "scale-up"), ("scaleDown", "scale-down")] {
        let table = table.table(name);
        let key = format!("{key}.{direction}");
        settings.extend(duration(&format!("{key}.stabilization-window"), table.get("stabilizationWindowSeconds")));
        let select = table.get("selectPolicy").and_then(|item| {
            item.parsed("Max, Min or Disabled", |text| {
                matches!(text, "Max" | "Min" | "Disabled").then(|| format!("\"{}\"", text.to_lowercase()))
            })
        });
        settings.extend(setting(&format!("{key}.select-policy"), select));
        let tolerance = table.get("tolerance").and_then(|item| item.parsed("a quantity", quantity));
        settings.extend(setting(&format!("{key}.tolerance"), tolerance.map(|found| found.map(number))));
        if let Some(policies) = table.get("policies") {
            let written: Vec<String> = policies.elements().iter().filter_map(|item| policy(item, notes)).collect();
            if !written.is_empty() {
                let value = format!("[{}]", written.join(", "));
                settings.push(Setting::new(format!("{key}.policies"), value, policies.origin()));
            }
        }
    }
    settings
}

fn policy(item: &Item<'_>, notes: &Notes) -> Option<String> {
    let table = item.table();
    let kind = table.text("type").map(|found| found.value);
    let (value, period) = (table.whole("value"), table.number("periodSeconds"));
    let key = match kind.as_deref() {
        Some("Pods") => "pods",
        Some("Percent") => "percent",
        _ => {
            notes.ignore(item.node.place, &item.address, "its type is neither Pods nor Percent");
            return None;
        }
    };
    let period = crate::import::model::seconds(period?.value);
    Some(format!("{{ {key} = {}, period = {period} }}", value?.value))
}
