//! Puts together what several files say about the same thing.

use super::formats::azure::TRIGGER;
use super::formats::kubernetes::{AVERAGE_CPU, CPU_REQUEST, CPU_TARGET, REPLICAS, quantity};
use super::model::{Addition, Kind, Model, Names, Origin, Platform, Setting, Thing, as_name};
use super::reader::Notes;
use super::workflow;

/// Names that stand for names that stand for names.
const MAX_ALIASES: usize = 10;

/// Makes each thing once, with all its settings.
pub(super) fn join(model: &mut Model, notes: &Notes) {
    merge_same(model, notes);
    workflow::find_definitions(model, notes);
    workflow::functions_of_tasks(model);
    add(model, notes);
    model.things.iter_mut().for_each(cpu_target);
    machines(model, notes);
    for thing in &mut model.things {
        finish(thing);
    }
    name_apart(&mut model.things);
}

/// One thing of what two files describe.
fn merge_same(model: &mut Model, notes: &Notes) {
    let mut merged: Vec<Thing> = Vec::new();
    for thing in std::mem::take(&mut model.things) {
        let same = merged.iter_mut().find(|known| {
            let is_meant =
                || known.is_meant(&thing.name) || thing.ids.iter().any(|id| !id.contains('*') && known.is_meant(id));
            let other_file = known.place.file() != thing.place.file();
            known.kind == thing.kind && known.platform == thing.platform && other_file && is_meant()
        });
        let Some(known) = same else {
            merged.push(thing);
            continue;
        };
        for setting in thing.settings {
            let is_read = |setting: &Setting| matches!(setting.origin, Origin::Read { .. });
            match known.settings.iter_mut().find(|other| other.key == setting.key) {
                None => known.settings.push(setting),
                Some(other) if !is_read(&setting) || other.value == setting.value => {}
                Some(other) => {
                    if let (Origin::Read { place, address }, true) = (&other.origin, is_read(other)) {
                        notes.ignore(*place, address.clone(), format!("another file sets {}", setting.value));
                    }
                    *other = setting;
                }
            }
        }
        known.ids.push(thing.name);
        known.ids.extend(thing.ids);
    }
    model.things = merged;
}

/// All names that a list of names stands for.
pub(super) fn resolved(names: &[String], aliases: &[(String, Vec<String>)]) -> Vec<String> {
    let mut all = names.to_vec();
    for _ in 0..MAX_ALIASES {
        let more: Vec<String> = (aliases.iter())
            .filter(|(alias, _)| all.contains(alias))
            .flat_map(|(_, names)| names.iter().filter(|name| !all.contains(name)).cloned().collect::<Vec<_>>())
            .collect();
        if more.is_empty() {
            break;
        }
        all.extend(more);
    }
    all
}

/// Gives settings to the things that they are for.
fn add(model: &mut Model, notes: &Notes) {
    for Addition { to, place, what, settings } in std::mem::take(&mut model.additions) {
        let names = resolved(&to, &model.aliases);
        let is_for = |thing: &Thing| names.iter().any(|name| thing.is_meant(name));
        // What holds for a whole cluster gives way to what a service says.
        let gives_way = to.iter().any(|name| name.contains('*'));
        let mut is_known = false;
        for thing in model.things.iter_mut().filter(|thing| is_for(thing)) {
            is_known = true;
            for setting in &settings {
                let own = thing
                    .settings
                    .iter()
                    .any(|known| known.key == setting.key && matches!(known.origin, Origin::Read { .. }));
                if !(gives_way && own) {
                    thing.apply(setting.clone());
                }
            }
        }
        if !is_known && gives_way {
            notes.ignore(place, what, "there is nothing in these files for which it holds");
            continue;
        }
        if is_known {
            continue;
        }
        let is_pod = settings
            .iter()
            .any(|setting| setting.key.starts_with("scaling.hpa.") || setting.key.starts_with("scaling.keda."));
        match to.first().filter(|_| is_pod) {
            Some(name) => {
                let mut thing = Thing::new(Kind::Function, Platform::Kubernetes, as_name(name), place);
                thing.ids.push(name.clone());
                thing.settings = settings;
                model.things.push(thing);
            }
            None => {
                let named = if to.is_empty() {
                    "its purpose is unknown".to_owned()
                } else {
                    format!("no file describes {}", to.join(" or "))
                };
                notes.ignore(place, what, named);
            }
        }
    }
}

/// A target for the CPU of each pod as a percentage of what the pod requests, which another file may say.
fn cpu_target(thing: &mut Thing) {
    let value = |key: &str| thing.settings.iter().find(|setting| setting.key == key);
    let Some(average) = value(AVERAGE_CPU).cloned() else { return };
    let request = value(CPU_REQUEST).and_then(|request| request.value.parse::<f64>().ok()).filter(|cpu| *cpu > 0.0);
    thing.remove(AVERAGE_CPU);
    match (request, quantity(&average.value), average.origin) {
        (Some(request), Some(cpu), Origin::Read { place, address }) => {
            let percent = (100.0 * cpu / request).round().clamp(1.0, 1000.0);
            // A percentage cannot be written where the file has an amount.
            let (place, address) = (place.part(0), format!("{address} ({} of {request} CPU requested)", average.value));
            thing.set(CPU_TARGET, percent.to_string(), Origin::Read { place, address });
        }
        _ => {
            let reason = format!("averageValue {} of an unknown CPU request: 80 % is assumed", average.value);
            thing.set(CPU_TARGET, "80", Origin::Assumed(reason));
        }
    }
}

/// Node groups are for pods: where functions run on another platform, they stay out of the scenario.
fn machines(model: &mut Model, notes: &Notes) {
    let only_pods = model.functions().all(|function| function.platform == Platform::Kubernetes);
    if !only_pods {
        for group in model.things.iter().filter(|thing| thing.kind == Kind::NodeGroup) {
            let what = format!("node group {}", group.name);
            notes.ignore(group.place, what, "some functions of these files run on another platform");
        }
        model.things.retain(|thing| thing.kind != Kind::NodeGroup);
    }
    if !model.things.iter().any(|thing| thing.kind == Kind::NodeGroup) {
        model.things.iter_mut().for_each(|thing| thing.remove(CPU_REQUEST));
    }
}

/// What follows from several settings together.
fn finish(thing: &mut Thing) {
    if thing.kind != Kind::Function {
        return;
    }
    if thing.has("scaling.hpa") && !thing.has("scaling.hpa.max-replicas") {
        let reason = "missing in the HPA, though required: 10 is assumed".to_owned();
        thing.set("scaling.hpa.max-replicas", "10", Origin::Assumed(reason));
    }
    // Of an app that is started by HTTP and by queues, what concerns the other way has no meaning.
    let trigger = thing.settings.iter().find(|setting| setting.key == TRIGGER).map(|setting| setting.value.clone());
    match trigger.as_deref() {
        Some("\"http\"") => thing.remove("scaling.azure-consumption.target-executions-per-instance"),
        Some(_) => {
            thing.remove("scaling.azure-consumption.max-concurrent-requests");
            thing.remove("scaling.azure-consumption.max-outstanding-requests");
        }
        None => {}
    }
    let tracks = thing.has("scaling.target-tracking");
    if tracks && !thing.has("scaling.target-tracking.max-capacity") {
        let reason = "the scalable target is in none of the files: 100 is assumed".to_owned();
        thing.set("scaling.target-tracking.max-capacity", "100", Origin::Assumed(reason));
    }
    let Some(at) = thing.settings.iter().position(|setting| setting.key == REPLICAS) else { return };
    let Setting { mut value, mut origin, .. } = thing.settings.remove(at);
    if value == "0" {
        value = "1".to_owned();
        origin = Origin::Assumed("the file says 0 replicas, which serve nothing: 1 is assumed".to_owned());
    }
    match ["hpa", "keda"].into_iter().find(|policy| thing.has(&format!("scaling.{policy}"))) {
        Some(policy) => {
            // An autoscaler that is not given a number of pods begins with what it finds.
            if matches!(origin, Origin::Read { .. }) {
                thing.set(format!("scaling.{policy}.initial-replicas"), value, origin);
            }
        }
        None => {
            thing.set("concurrency.provisioned", value.clone(), origin.clone());
            thing.set("concurrency.max-instances", value, origin);
            let reason = "requests wait for a free pod".to_owned();
            thing.set("concurrency.overflow", "\"queue\"", Origin::Default(reason));
        }
    }
}

/// Names are unique within a kind.
fn name_apart(things: &mut [Thing]) {
    let mut names = Names::default();
    for thing in things {
        thing.name = names.free(thing.kind, std::mem::take(&mut thing.name));
    }
}
