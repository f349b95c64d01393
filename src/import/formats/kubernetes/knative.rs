//! Services of Knative and, in the same form, of Cloud Run; the cluster's `config-autoscaler`.

use super::{containers, found_quantity, go_duration, memory, name_of, pod_resources, skip_pod, without_probes};
use crate::import::formats::lambda::setting;
use crate::import::model::{
    Addition, Kind, Model, Origin, Platform, Setting, Thing, as_name, megabytes, number, seconds, text,
};
use crate::import::reader::{Found, Item, Notes, Table};
use crate::import::tree::{Entry, Node};

/// By this id every Knative service is meant.
const EVERY: &str = "knative:*";

/// A service.
pub(super) fn service(document: &Node, object: &Table<'_>, model: &mut Model, notes: &Notes) {
    let name = name_of(document);
    let spec = object.table("spec");
    spec.skip(&["traffic"]);
    let is_template = spec.node.get("template").is_some();
    let template = spec.table("template");
    let metadata = template.table("metadata");
    metadata.skip(&["labels", "name", "creationTimestamp"]);
    let own = document.at(&["metadata", "annotations"]);
    let inner = metadata.get("annotations");
    let pod = template.table("spec");
    let pod = if is_template { &pod } else { &spec };
    skip_pod(pod);
    pod.skip(&["responseStartTimeoutSeconds", "idleTimeoutSeconds"]);
    let mut service = Thing::new(Kind::Function, Platform::Kubernetes, as_name(&name), document.place);
    service.ids.push(name);
    let containers = containers(pod);
    without_probes(&containers);
    let all: Vec<&Entry> =
        own.into_iter().chain(inner.as_ref().map(|inner| inner.node)).flat_map(Node::entries).collect();
    let is_google = document.at(&["metadata", "labels", "cloud.googleapis.com/location"]).is_some()
        || all.iter().any(|entry| entry.key.starts_with("run.googleapis.com/"));
    let annotations = Annotations { all, notes, address: object.address.clone() };
    if is_google {
        let limits = containers.first().map(|container| container.table("resources")).map(|resources| {
            resources.skip(&["requests"]);
            resources.table("limits")
        });
        let limit = |key: &'static str| limits.as_ref().and_then(|limits| limits.get(key));
        cloud_run(
            &mut service,
            &CLOUD_RUN,
            &CloudRun {
                concurrency: pod.get("containerConcurrency"),
                cpu: limit("cpu"),
                memory: limit("memory"),
                timeout: pod.get("timeoutSeconds"),
                min: [annotations.google("minScale"), annotations.get(&["min-scale", "minScale"])],
                max: [annotations.google("maxScale"), annotations.get(&["max-scale", "maxScale"])],
                cpu_is_throttled: annotations
                    .google("cpu-throttling")
                    .and_then(|item| item.flag())
                    .is_none_or(|found| found.value),
            },
        );
        if let Some(limits) = &limits {
            limits.skip(&["nvidia.com/gpu"]);
        }
        annotations.skip(&[]);
    } else {
        service.ids.push(EVERY.to_owned());
        pod_resources(&mut service, &containers);
        knative(&mut service, pod.get("containerConcurrency"), &annotations);
        service.set("timeout", seconds(300.0), Origin::Default("not set: 300 s is the default".to_owned()));
        service.put("timeout", pod.number("timeoutSeconds"), seconds);
    }
    model.things.push(service);
}

/// The annotations of a service and its template.
struct Annotations<'a> {
    all: Vec<&'a Entry>,
    notes: &'a Notes,
    address: String,
}

impl<'a> Annotations<'a> {
    /// The annotation `autoscaling.knative.dev/NAME`, in its new or its old spelling.
    fn get(&self, names: &[&str]) -> Option<Item<'a>> {
        let entry = self.all.iter().rev().find(|entry| {
            entry.key.strip_prefix("autoscaling.knative.dev/").is_some_and(|name| names.contains(&name))
        })?;
        Some(Item::new(&entry.node, format!("{}.annotations.{}", self.address, entry.key), self.notes))
    }

    /// The annotation `run.googleapis.com/NAME`.
    fn google(&self, name: &str) -> Option<Item<'a>> {
        let is = |entry: &&&Entry| entry.key.strip_prefix("run.googleapis.com/") == Some(name);
        let entry = self.all.iter().rev().find(is)?;
        Some(Item::new(&entry.node, format!("{}.annotations.{}", self.address, entry.key), self.notes))
    }

    /// Says which annotations about scaling nobody read.
    fn skip(&self, known: &[&str]) {
        for entry in &self.all {
            let Some(name) = entry.key.strip_prefix("autoscaling.knative.dev/") else { continue };
            if !known.contains(&name) && !["min-scale", "minScale", "max-scale", "maxScale"].contains(&name) {
                let near = crate::schema::diagnostic::nearest(name, known.iter().copied());
                let why = near.map_or_else(
                    || "not read".to_owned(),
                    |near| format!("not read: did you mean `autoscaling.knative.dev/{near}`?"),
                );
                self.notes.ignore(entry.place, &entry.key, why);
            }
        }
    }
}

/// The autoscaler of a revision.
fn knative(service: &mut Thing, concurrency: Option<Item<'_>>, annotations: &Annotations<'_>) {
    // The table is there, whatever is in it.
    let default = Origin::Default("not set: Knative's default is no limit".to_owned());
    service.set("scaling.knative.container-concurrency", "0", default);
    service.put("scaling.knative.container-concurrency", concurrency.and_then(|item| item.whole()), |count| {
        count.to_string()
    });
    if let Some(class) = annotations.get(&["class"])
        && class.node.text().is_some_and(|class| class.starts_with("hpa"))
    {
        let why = "not simulated: the class hpa; import the HorizontalPodAutoscaler too";
        annotations.notes.ignore(class.node.place, class.address, why);
    }
    let numbers = [
        ("target", vec!["target"]),
        ("target-utilization-percentage", vec!["target-utilization-percentage", "targetUtilizationPercentage"]),
        ("target-burst-capacity", vec!["target-burst-capacity", "targetBurstCapacity"]),
        ("panic-window-percentage", vec!["panic-window-percentage", "panicWindowPercentage"]),
        ("panic-threshold-percentage", vec!["panic-threshold-percentage", "panicThresholdPercentage"]),
        ("initial-scale", vec!["initial-scale", "initialScale"]),
        ("min-scale", vec!["min-scale", "minScale"]),
        ("max-scale", vec!["max-scale", "maxScale"]),
        ("activation-scale", vec!["activation-scale", "activationScale"]),
    ];
    let mut known = vec!["class", "metric", "metric-aggregation-algorithm", "rollout-duration"];
    for (key, names) in &numbers {
        let found = annotations.get(names).and_then(|item| item.number());
        service.put(&format!("scaling.knative.{key}"), found, number);
        known.extend(names);
    }
    for (key, names) in [
        ("window", ["window", "window"]),
        ("scale-down-delay", ["scale-down-delay", "scaleDownDelay"]),
        ("scale-to-zero-pod-retention-period", ["scale-to-zero-pod-retention-period", "scaleToZeroPodRetentionPeriod"]),
    ] {
        service.settings.extend(setting(&format!("scaling.knative.{key}"), go_duration(annotations.get(&names))));
        known.extend(names);
    }
    let metric = annotations.get(&["metric"]).and_then(|item| {
        item.parsed("concurrency or rps (cpu and memory need the class hpa)", |word| {
            matches!(word, "concurrency" | "rps").then(|| text(word))
        })
    });
    service.put("scaling.knative.metric", metric, |metric| metric);
    annotations.skip(&known);
}

/// What the cluster says for every service that does not.
pub(super) fn config_autoscaler(object: &Table<'_>, model: &mut Model) {
    object.skip(&["binaryData", "immutable"]);
    let data = object.table("data");
    data.skip(&["_example", "pod-autoscaler-class", "max-scale-limit", "rps-target-default"]);
    let mut settings: Vec<Setting> = Vec::new();
    let mut add =
        |key: &str, found: Option<Found<String>>| settings.extend(setting(&format!("scaling.knative.{key}"), found));
    for key in [
        "target-burst-capacity",
        "panic-window-percentage",
        "panic-threshold-percentage",
        "max-scale-up-rate",
        "max-scale-down-rate",
        "initial-scale",
        "min-scale",
        "max-scale",
        "activator-capacity",
    ] {
        add(key, data.number(key).map(|found| found.map(number)));
    }
    // The share may be written as 0.7 or as 70.
    let share = data.number("container-concurrency-target-percentage");
    add(
        "target-utilization-percentage",
        share.map(|found| found.map(|share| number(if share <= 1.0 { share * 100.0 } else { share }))),
    );
    add("target", data.number("container-concurrency-target-default").map(|found| found.map(number)));
    data.refuse("requests-per-second-target-default", "not read: write `target` for services with the metric rps");
    for key in ["scale-to-zero-grace-period", "scale-to-zero-pod-retention-period", "scale-down-delay"] {
        add(key, go_duration(data.get(key)));
    }
    add("window", go_duration(data.get("stable-window")));
    for key in ["enable-scale-to-zero", "allow-zero-initial-scale"] {
        add(key, data.flag(key).map(|found| found.map(|is| is.to_string())));
    }
    let (to, what) = (vec![EVERY.to_owned()], "config-autoscaler".to_owned());
    model.additions.push(Addition { to, place: object.place(), what, settings });
}

/// A product that is Cloud Run, with its defaults.
pub(in crate::import) struct Product {
    name: &'static str,
    concurrency: &'static str,
    memory_mb: f64,
    timeout_s: f64,
}

/// A service of Cloud Run.
pub(in crate::import) const CLOUD_RUN: Product =
    Product { name: "Cloud Run", concurrency: "80", memory_mb: 512.0, timeout_s: 300.0 };

/// A function of Cloud Functions, 2nd generation (Cloud Run functions): one request at a time.
pub(in crate::import) const CLOUD_FUNCTIONS: Product =
    Product { name: "Cloud Functions", concurrency: "1", memory_mb: 256.0, timeout_s: 60.0 };

/// What a description of Cloud Run says, however it spells it.
pub(in crate::import) struct CloudRun<'a> {
    pub(in crate::import) concurrency: Option<Item<'a>>,
    pub(in crate::import) cpu: Option<Item<'a>>,
    pub(in crate::import) memory: Option<Item<'a>>,
    /// In seconds, with or without its unit.
    pub(in crate::import) timeout: Option<Item<'a>>,
    /// Instances of the service, and of its revision: the larger counts.
    pub(in crate::import) min: [Option<Item<'a>>; 2],
    /// Likewise: the smaller counts.
    pub(in crate::import) max: [Option<Item<'a>>; 2],
    /// Whether there is CPU only while requests are in progress, which is how requests are billed.
    pub(in crate::import) cpu_is_throttled: bool,
}

/// Memory, time-out, scaling and billing of Cloud Run.
pub(in crate::import) fn cloud_run(service: &mut Thing, product: &Product, said: &CloudRun<'_>) {
    let default = |value: &str| Origin::Default(format!("not set: the default of {} is {value}", product.name));
    let counts =
        |items: &[Option<Item<'_>>; 2]| -> Vec<Found<u64>> { items.iter().flatten().filter_map(Item::whole).collect() };
    let (memory_mb, timeout_s) = (product.memory_mb, product.timeout_s);
    service.set("memory", megabytes(memory_mb), default(&format!("{memory_mb} MiB")));
    memory(service, said.memory.clone());
    service.set("timeout", seconds(timeout_s), default(&format!("{timeout_s} s")));
    let timeout = said.timeout.as_ref().and_then(|item| {
        item.parsed("seconds such as 300 or 300s", |text| text.trim_end_matches('s').parse::<f64>().ok())
    });
    service.put("timeout", timeout, seconds);
    service.set("scaling.cloud-run.concurrency", product.concurrency, default(product.concurrency));
    service.set("scaling.cloud-run.max-instances", "100", default("100"));
    let at_least_one = |count: u64| count.max(1).to_string();
    let concurrency = said.concurrency.as_ref().and_then(Item::whole).filter(|found| found.value > 0);
    service.put("scaling.cloud-run.concurrency", concurrency, at_least_one);
    service.put("scaling.cloud-run.cpu", found_quantity(said.cpu.clone()).filter(|found| found.value > 0.0), number);
    let min = counts(&said.min).into_iter().max_by_key(|found| found.value).filter(|found| found.value > 0);
    service.put("scaling.cloud-run.min-instances", min, |count| count.to_string());
    let max = counts(&said.max).into_iter().filter(|found| found.value > 0).min_by_key(|found| found.value);
    service.put("scaling.cloud-run.max-instances", max, at_least_one);
    service.platform = if said.cpu_is_throttled { Platform::CloudRun } else { Platform::CloudRunInstances };
}
