//! Deployments: so many pods, unless an autoscaler says otherwise.

use super::{containers, name_of, pod_resources, readiness, skip_pod};
use crate::import::model::{Kind, Model, Origin, Platform, Thing, as_name};
use crate::import::reader::{Notes, Table};
use crate::import::tree::Node;

/// The key under which the pods of a Deployment wait for what is known of its autoscaler.
pub(in crate::import) const REPLICAS: &str = "replicas";

pub(super) fn read(document: &Node, object: &Table<'_>, kind: &str, model: &mut Model, notes: &Notes) {
    let name = name_of(document);
    let mut thing = Thing::new(Kind::Function, Platform::Kubernetes, as_name(&name), document.place);
    thing.ids.extend([format!("{kind}/{name}"), name]);
    let spec = object.table("spec");
    spec.skip(&[
        "selector",
        "strategy",
        "revisionHistoryLimit",
        "minReadySeconds",
        "progressDeadlineSeconds",
        "paused",
        "serviceName",
        "updateStrategy",
        "podManagementPolicy",
        "volumeClaimTemplates",
        "persistentVolumeClaimRetentionPolicy",
    ]);
    thing.set(REPLICAS, "1", Origin::Default("not set: the default of a Deployment is 1 pod".to_owned()));
    thing.put(REPLICAS, spec.whole("replicas"), |count| count.to_string());
    let template = spec.table("template");
    template.skip(&["metadata"]);
    let pod = template.table("spec");
    skip_pod(&pod);
    let containers = containers(&pod);
    pod_resources(&mut thing, &containers);
    readiness(&mut thing, &containers, notes);
    thing.put("termination-grace-period", pod.number("terminationGracePeriodSeconds"), crate::import::model::seconds);
    model.things.push(thing);
}
