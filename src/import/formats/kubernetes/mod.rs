//! Kubernetes objects: Knative and Cloud Run services, Deployments, HorizontalPodAutoscalers, KEDA's ScaledObjects, Karpenter.

mod deployment;
mod eventing;
mod hpa;
mod keda;
mod knative;
mod nodes;

use super::Format;
use crate::import::model::{Model, Origin, Thing, megabytes, number, seconds};
use crate::import::reader::{Found, Item, Notes, Table};
use crate::import::tree::{Node, Place};

pub(in crate::import) const FORMAT: Format = Format { name: "Kubernetes object", is, read };
pub(in crate::import) use deployment::REPLICAS;
pub(in crate::import) use knative::{CLOUD_FUNCTIONS, CLOUD_RUN, CloudRun, cloud_run};

/// The key of the CPU that a pod requests, which matters where there are node groups.
pub(in crate::import) const CPU_REQUEST: &str = "cpu.request";

/// The target of an HPA for CPU, as a percentage of what pods request.
pub(in crate::import) const CPU_TARGET: &str = "scaling.hpa.target-cpu-utilization";

/// The key under which a target for CPU of each pod waits for what pods request.
pub(in crate::import) const AVERAGE_CPU: &str = "scaling.hpa.average-cpu";

/// Kinds that describe no load and no scaling.
const WITHOUT_EFFECT: [&str; 14] = [
    "Namespace",
    "ServiceAccount",
    "Secret",
    "Ingress",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "NetworkPolicy",
    "Gateway",
    "HTTPRoute",
    "PodDisruptionBudget",
    "TriggerAuthentication",
    "Service",
];

fn is(document: &Node) -> bool {
    document.get("apiVersion").is_some() && document.get("kind").is_some()
}

fn read(document: &Node, model: &mut Model, notes: &Notes) {
    let kind = document.get("kind").and_then(Node::text).unwrap_or_default();
    if kind.ends_with("List") && document.get("items").is_some() {
        document.get("items").map_or(&[][..], Node::elements).iter().filter(|item| is(item)).for_each(|item| {
            // A list of lists is not what `kubectl get` prints.
            if !item.get("kind").and_then(Node::text).unwrap_or_default().ends_with("List") {
                read(item, model, notes);
            }
        });
        return;
    }
    let group =
        document.get("apiVersion").and_then(Node::text).unwrap_or_default().split('/').next().unwrap_or_default();
    let name = name(document);
    let object = Item::new(document, name, notes).table();
    object.skip(&["apiVersion", "kind", "metadata", "status"]);
    match (group, kind) {
        ("serving.knative.dev", "Service" | "Configuration" | "Revision") | ("run.googleapis.com", "Service") => {
            knative::service(document, &object, model, notes);
        }
        ("v1", "ConfigMap") if document.at(&["metadata", "name"]).and_then(Node::text) == Some("config-autoscaler") => {
            knative::config_autoscaler(&object, model);
        }
        ("apps", "Deployment" | "StatefulSet" | "ReplicaSet") | ("v1", "ReplicationController") => {
            let containers = document.at(&["spec", "template", "spec", "containers"]).map_or(&[][..], Node::elements);
            if containers.iter().any(|container| nodes::cluster_autoscaler(container, model, notes)) {
                object.skip_rest();
            } else {
                deployment::read(document, &object, kind, model, notes);
            }
        }
        ("autoscaling", "HorizontalPodAutoscaler") => hpa::read(&object, model, notes),
        ("batch", "CronJob") => eventing::cron_job(document, &object, model),
        ("sources.knative.dev", "PingSource") => eventing::ping_source(document, &object, model),
        ("eventing.knative.dev", "Broker") => eventing::broker(document, &object, model),
        ("eventing.knative.dev", "Trigger") => eventing::trigger(document, &object, model, notes),
        ("karpenter.sh", "NodePool") => nodes::node_pool(document, &object, model, notes),
        ("karpenter.k8s.aws", "EC2NodeClass") => nodes::node_class(document, &object, model),
        ("eksctl.io", "ClusterConfig") => nodes::eksctl(&object, model),
        ("keda.sh", "ScaledObject") => keda::read(&object, model, notes),
        _ => {
            object.skip_rest();
            let why =
                if WITHOUT_EFFECT.contains(&kind) { "not relevant to the simulation" } else { "this kind is not read" };
            notes.ignore(document.place, format!("{kind} {}", name_of(document)), why);
        }
    }
}

/// Kind and name, as `Deployment web`.
fn name(document: &Node) -> String {
    let kind = document.get("kind").and_then(Node::text).unwrap_or_default();
    format!("{kind}/{}", name_of(document))
}

/// The name of an object.
fn name_of(document: &Node) -> String {
    let name = document.at(&["metadata", "name"]).or_else(|| document.at(&["metadata", "generateName"]));
    name.and_then(Node::text).unwrap_or("unnamed").to_owned()
}

/// A quantity, as `500m`, `1Gi`, `2e3`.
pub(in crate::import) fn quantity(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 14] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("", 1.0),
    ];
    let (digits, factor) = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))?;
    digits
        .trim()
        .parse::<f64>()
        .ok()
        .map(|number| number * factor)
        .filter(|number| number.is_finite() && *number >= 0.0)
}

/// A quantity with its origin.
fn found_quantity(item: Option<Item<'_>>) -> Option<Found<f64>> {
    item?.parsed("a quantity such as 500m or 1Gi", quantity)
}

/// The memory of an instance.
pub(in crate::import) fn memory(thing: &mut Thing, item: Option<Item<'_>>) {
    thing.put("memory", found_quantity(item), |bytes| megabytes(bytes / 1_048_576.0));
}

/// A duration as Go writes it (`1m30s`), or a number of seconds.
fn go_duration(item: Option<Item<'_>>) -> Option<Found<String>> {
    item?.parsed("a duration such as 60s or 1m30s", |text| {
        if let Ok(seconds) = text.parse::<f64>() {
            return (seconds >= 0.0).then(|| self::seconds(seconds));
        }
        text.parse::<crate::time::Span>().ok().map(|span| crate::import::model::text(span.to_string()))
    })
}

/// The containers of a pod.
fn containers<'a>(spec: &Table<'a>) -> Vec<Table<'a>> {
    let read = |item: Item<'a>| {
        let container = item.table();
        container.skip(&[
            "name",
            "image",
            "ports",
            "env",
            "envFrom",
            "args",
            "command",
            "imagePullPolicy",
            "livenessProbe",
            "securityContext",
            "volumeMounts",
            "lifecycle",
            "workingDir",
            "terminationMessagePath",
            "terminationMessagePolicy",
        ]);
        container
    };
    spec.list("containers").into_iter().map(read).collect()
}

/// What the containers of a pod need together: memory from their limits, or their requests; the place is that of the one that
/// needs most.
fn pod_resources(thing: &mut Thing, containers: &[Table<'_>]) {
    let (mut memory, mut cpu) = (Vec::new(), Vec::new());
    for container in containers {
        let resources = container.table("resources");
        let (limits, requests) = (resources.table("limits"), resources.table("requests"));
        memory.extend(found_quantity(limits.get("memory").or_else(|| requests.get("memory"))));
        // What a node has to have left. Kubernetes takes the limit where there is no request.
        cpu.extend(found_quantity(requests.get("cpu").or_else(|| limits.get("cpu"))));
        requests.skip(&["memory", "cpu", "ephemeral-storage", "nvidia.com/gpu"]);
        limits.skip(&["cpu", "ephemeral-storage", "nvidia.com/gpu"]);
    }
    let sum = |found: Vec<Found<f64>>| {
        let value = found.iter().map(|found| found.value).sum();
        found.into_iter().max_by(|a, b| a.value.total_cmp(&b.value)).map(|most| Found { value, ..most })
    };
    thing.put("memory", sum(memory), |bytes| megabytes(bytes / 1_048_576.0));
    thing.put(CPU_REQUEST, sum(cpu).filter(|cpu| cpu.value > 0.0), number);
}

/// When a pod gets requests. It is ready when its last container is.
fn readiness(thing: &mut Thing, containers: &[Table<'_>], notes: &Notes) {
    const READY: &str = "not simulated: a pod that is ready stays ready";
    let mut probes = Vec::new();
    for container in containers {
        container.refuse("startupProbe", "not simulated: a pod has started when its cold start has ended");
        let Some(item) = container.get("readinessProbe") else { continue };
        let probe = item.table();
        probe.skip(&["httpGet", "tcpSocket", "exec", "grpc", "timeoutSeconds"]);
        probe.refuse("failureThreshold", READY);
        if probe.whole("successThreshold").is_some_and(|found| found.value > 1) {
            probe.refuse("successThreshold", "not simulated: a pod is ready after the first probe that succeeds");
        }
        let period = probe.number("periodSeconds").filter(|found| found.value > 0.0);
        let delay = probe.number("initialDelaySeconds");
        probes.push((item, period, delay));
    }
    let seconds_of = |found: &Option<Found<f64>>, default: f64| found.as_ref().map_or(default, |found| found.value);
    probes.sort_by(|(_, period, delay), (_, other, later)| {
        let latest = |period, delay| seconds_of(delay, 0.0) + seconds_of(period, 10.0);
        latest(other, later).total_cmp(&latest(period, delay))
    });
    let mut probes = probes.into_iter();
    let Some((_, period, delay)) = probes.next() else { return };
    thing.set("readiness-probe.period", seconds(10.0), Origin::Default("not set: the default is 10 s".to_owned()));
    thing.put("readiness-probe.period", period, seconds);
    thing.put("readiness-probe.initial-delay", delay, seconds);
    for (item, ..) in probes {
        notes.ignore(item.node.place, item.address, "not simulated: the probe of another container takes longer");
    }
}

/// Probes of pods whose platform decides itself when they are ready.
fn without_probes(containers: &[Table<'_>]) {
    for container in containers {
        for key in ["readinessProbe", "startupProbe"] {
            container.refuse(key, "not simulated: an instance is ready when its cold start has ended");
        }
    }
}

/// What a pod may say beside its containers.
fn skip_pod(spec: &Table<'_>) {
    spec.skip(&[
        "serviceAccountName",
        "serviceAccount",
        "volumes",
        "imagePullSecrets",
        "nodeSelector",
        "affinity",
        "tolerations",
        "securityContext",
        "initContainers",
        "restartPolicy",
        "dnsPolicy",
        "schedulerName",
        "enableServiceLinks",
        "topologySpreadConstraints",
        "priorityClassName",
        "automountServiceAccountToken",
        "hostNetwork",
        "runtimeClassName",
        "dnsConfig",
    ]);
}

/// The place of a document, for what it adds to others.
fn place(object: &Table<'_>) -> Place {
    object.place()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_those_of_kubernetes() {
        let cases = [
            ("500m", 0.5),
            ("1Gi", 1_073_741_824.0),
            ("128Mi", 134_217_728.0),
            ("1e3", 1_000.0),
            ("2", 2.0),
            ("1G", 1e9),
            ("0.5", 0.5),
        ];
        for (text, expected) in cases {
            assert_eq!(quantity(text), Some(expected), "{text}");
        }
        assert!(["", "x", "-1", "1GiB", "NaN", "inf"].iter().all(|text| quantity(text).is_none()));
    }
}
