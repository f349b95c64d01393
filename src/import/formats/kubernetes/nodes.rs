//! Machines of a cluster: NodePools and EC2NodeClasses of Karpenter, the flags of the Cluster Autoscaler, and eksctl.

use super::{found_quantity, name_of};
use crate::import::machine::{bounds, node_group};
use crate::import::model::{Addition, Model, Origin, Setting, Thing, megabytes, number, text};
use crate::import::reader::{Found, Item, Notes, Table};
use crate::import::tree::{Node, Value};

const KARPENTER: &str = "a NodePool is scaled by Karpenter";
const CLUSTER_AUTOSCALER: &str = "a node group with a minimum and a maximum is scaled by the Cluster Autoscaler";

/// A NodePool (v1, v1beta1) of Karpenter.
pub(super) fn node_pool(document: &Node, object: &Table<'_>, model: &mut Model, notes: &Notes) {
    let name = name_of(document);
    let spec = object.table("spec");
    spec.skip(&["weight"]);
    let template = spec.table("template");
    template.skip(&["metadata"]);
    let node = template.table("spec");
    node.skip(&["taints", "startupTaints", "expireAfter", "terminationGracePeriod"]);
    let mut kind = None;
    for item in node.list("requirements") {
        let requirement = item.table();
        let key = requirement.text("key").map(|found| found.value).unwrap_or_default();
        let values = requirement.list("values");
        requirement.skip(&["operator", "minValues"]);
        match key.as_str() {
            "node.kubernetes.io/instance-type" => kind = values.first().and_then(Item::text),
            "karpenter.sh/capacity-type" if values.iter().all(|value| value.node.text() == Some("spot")) => {
                let why = "spot interruptions are not in the file: add `spot` to the node group";
                notes.ignore(item.node.place, item.address.clone(), why);
            }
            _ => {}
        }
    }
    let mut thing = node_group(&name, document.place, kind);
    let limits = spec.table("limits");
    limits.skip(&["nvidia.com/gpu"]);
    let per_node = |key: &str| {
        let value = &thing.settings.iter().find(|setting| setting.key == key)?.value;
        value.trim_matches('"').trim_end_matches("MB").parse::<f64>().ok()
    };
    let fit = |limit: Option<Found<f64>>, each: Option<f64>| {
        let each = each.filter(|each| *each > 0.0)?;
        limit.map(|limit| limit.map(|limit| (limit / each).floor().max(1.0) as u64))
    };
    let by_memory = found_quantity(limits.get("memory")).map(|found| found.map(|bytes| bytes / 1_048_576.0));
    let most = [
        fit(found_quantity(limits.get("cpu")), per_node("cpu")),
        fit(by_memory, per_node("memory")),
        limits.whole("nodes"),
    ];
    let most = most.into_iter().flatten().min_by_key(|found| found.value);
    disruption(&mut thing, &spec.table("disruption"));
    bounds(&mut thing, None, most, "karpenter", KARPENTER);
    kubelet(&node.table("kubelet")).into_iter().for_each(|setting| thing.apply(setting));
    let class = node.table("nodeClassRef");
    class.skip(&["group", "kind", "apiVersion"]);
    if let Some(class) = class.text("name") {
        model.aliases.push((format!("NodeClass/{}", class.value), vec![name]));
    }
    model.things.push(thing);
}

/// When nodes may go. The autoscaler becomes a table with parameters where there are any.
fn disruption(thing: &mut Thing, disruption: &Table<'_>) {
    let policy = disruption.get("consolidationPolicy").and_then(|item| {
        item.parsed("WhenEmpty or WhenEmptyOrUnderutilized", |word| match word {
            "WhenEmpty" => Some(text("when-empty")),
            "WhenEmptyOrUnderutilized" | "WhenUnderutilized" => Some(text("when-empty-or-underutilized")),
            _ => None,
        })
    });
    thing.put("autoscaler.karpenter.consolidation-policy", policy, |policy| policy);
    let after = super::go_duration(disruption.get("consolidateAfter").filter(|item| item.node.text() != Some("Never")));
    thing.put("autoscaler.karpenter.consolidate-after", after, |after| after);
    // Of several budgets the strictest counts; those with a schedule hold for a part of the time only.
    let budgets = disruption.list("budgets");
    let shares = budgets.iter().filter_map(|item| {
        let budget = item.table();
        budget.skip(&["reasons"]);
        let is_always = budget.get("schedule").is_none();
        budget.skip(&["duration"]);
        let nodes = budget.get("nodes")?;
        let share = nodes.node.text()?.strip_suffix('%')?.trim().parse::<f64>().ok()? / 100.0;
        (is_always && (0.0..=1.0).contains(&share)).then(|| Found { value: share, origin: nodes.origin() })
    });
    let strictest = shares.min_by(|a, b| a.value.total_cmp(&b.value));
    thing.put("autoscaler.karpenter.disruption-budget", strictest, number);
    disruption.skip(&["expireAfter"]);
}

/// An EC2NodeClass of Karpenter: what the kubelet keeps for itself.
pub(super) fn node_class(document: &Node, object: &Table<'_>, model: &mut Model) {
    let spec = object.table("spec");
    let settings = kubelet(&spec.table("kubelet"));
    spec.skip_rest();
    if !settings.is_empty() {
        let name = name_of(document);
        model.additions.push(Addition {
            to: vec![format!("NodeClass/{name}")],
            place: document.place,
            what: format!("EC2NodeClass {name}"),
            settings,
        });
    }
}

/// Pods of a node, and what is kept for the system.
fn kubelet(kubelet: &Table<'_>) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut put = |key: &str, found: Option<Found<String>>| {
        settings.extend(found.map(|found| Setting::new(key, found.value, found.origin)));
    };
    put("pods-max", kubelet.whole("maxPods").map(|found| found.map(|count| count.clamp(1, 10_000).to_string())));
    let (kube, system) = (kubelet.table("kubeReserved"), kubelet.table("systemReserved"));
    let sum = |key: &'static str| {
        let both = [&kube, &system].map(|table| found_quantity(table.get(key)));
        both.into_iter().flatten().reduce(|a, b| Found { value: a.value + b.value, origin: a.origin })
    };
    put("overhead.cpu", sum("cpu").map(|found| found.map(number)));
    put("overhead.memory", sum("memory").map(|found| found.map(|bytes| megabytes(bytes / 1_048_576.0))));
    for table in [&kube, &system] {
        table.skip(&["ephemeral-storage", "pid"]);
    }
    kubelet.skip_rest();
    settings
}

/// Flags of the Cluster Autoscaler: node groups, and when nodes go. False if the container is not one.
pub(super) fn cluster_autoscaler(container: &Node, model: &mut Model, notes: &Notes) -> bool {
    let image = container.get("image").and_then(Node::text).unwrap_or_default();
    if !image.contains("cluster-autoscaler") {
        return false;
    }
    let words = ["command", "args"].iter().flat_map(|key| container.get(key).map_or(&[][..], Node::elements));
    let mut settings: Vec<Setting> = Vec::new();
    let mut groups: Vec<Thing> = Vec::new();
    for word in words {
        let Value::Scalar(flag) = &word.value else { continue };
        let Some((name, value)) = flag.trim_start_matches('-').split_once('=') else { continue };
        let origin = Origin::Read { place: word.place, address: format!("--{name}") };
        let span = || value.parse::<crate::time::Span>().ok().map(|span| text(span.to_string()));
        let written = match name {
            "nodes" => {
                let parts: Vec<&str> = value.splitn(3, ':').collect();
                if let [min, max, group] = parts[..]
                    && let (Ok(min), Ok(max)) = (min.parse::<u64>(), max.parse::<u64>())
                {
                    let mut thing = node_group(group, word.place, None);
                    let found = |value| Some(Found { value, origin: origin.clone() });
                    bounds(&mut thing, found(min), found(max), "cluster-autoscaler", CLUSTER_AUTOSCALER);
                    groups.push(thing);
                }
                continue;
            }
            "scan-interval" | "scale-down-unneeded-time" | "scale-down-delay-after-add" => span(),
            "scale-down-utilization-threshold" => value.parse::<f64>().ok().map(number),
            "max-empty-bulk-delete" => value.parse::<u64>().ok().map(|count| count.to_string()),
            "expander" if ["least-waste", "most-pods", "price", "random"].contains(&value) => Some(text(value)),
            "max-graceful-termination-sec" => value.parse::<f64>().ok().map(crate::import::model::seconds),
            _ => continue,
        };
        let key = if name == "max-graceful-termination-sec" { "max-graceful-termination" } else { name };
        match written {
            Some(value) => {
                settings.push(Setting::new(format!("autoscaler.cluster-autoscaler.{key}"), value, origin));
            }
            None => notes.ignore(word.place, format!("--{name}"), format!("`{value}` is not understood")),
        }
    }
    if groups.is_empty() && !settings.is_empty() {
        notes.ignore(
            container.place,
            "flags of the Cluster Autoscaler",
            "no node group is named by --nodes: add what they say to the node groups of the scenario",
        );
    }
    for group in &mut groups {
        if group.has("autoscaler") && !settings.is_empty() {
            group.remove("autoscaler");
            settings.iter().for_each(|setting| group.apply(setting.clone()));
        }
    }
    model.things.extend(groups);
    true
}

/// A cluster of eksctl.
pub(super) fn eksctl(object: &Table<'_>, model: &mut Model) {
    for item in object.list("managedNodeGroups").into_iter().chain(object.list("nodeGroups")) {
        let group = item.table();
        let name = group.text("name").map_or_else(|| "nodes".to_owned(), |found| found.value);
        let first = group.list("instanceTypes").first().and_then(Item::text);
        let mut thing = node_group(&name, group.place(), group.text("instanceType").or(first));
        let desired = group.whole("desiredCapacity");
        let (min, max) = (group.whole("minSize"), group.whole("maxSize"));
        bounds(&mut thing, min.or(desired.clone()), max.or(desired), "cluster-autoscaler", CLUSTER_AUTOSCALER);
        thing.put("pods-max", group.whole("maxPodsPerNode"), |count| count.clamp(1, 10_000).to_string());
        group.skip_rest();
        model.things.push(thing);
    }
    object.skip_rest();
}
