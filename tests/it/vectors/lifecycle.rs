//! `kpa_lifecycle_vectors.json`: reconciles, from creation to zero and back.

use std::collections::BTreeMap;

use forewarm::policy::scaling::knative::annotations::Annotations;
use forewarm::policy::scaling::knative::config::ConfigMap;
use forewarm::policy::scaling::knative::decider::Decision;
use forewarm::policy::scaling::knative::reconciler::{Activity, Effects, Reason, Reconciler, Situation};
use forewarm::policy::scaling::knative::service::Mode;
use forewarm::policy::scaling::knative::settings::{Reachability, Revision, Settings};
use forewarm::time::Span;
use serde::Deserialize;

use super::{Comparison, at, load, millis};

const FILE: &str = "kpa_lifecycle_vectors.json";

#[derive(Deserialize)]
struct File {
    sequences: Vec<Sequence>,
}

#[derive(Deserialize)]
struct Sequence {
    id: u64,
    name: String,
    config_map: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    container_concurrency: u32,
    progress_deadline_ms: u64,
    persisted: bool,
    start_ms: u64,
    start_replicas: i32,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    t_ms: u64,
    sks_sync: bool,
    desired: i32,
    ebc: i32,
    ready: i32,
    probe_ok: bool,
    probe_err: bool,
    reachability: String,
    expect: Expect,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Expect {
    active: String,
    reason: String,
    active_since_ms: u64,
    initialized: bool,
    status_desired: i32,
    status_actual: i32,
    replicas: i32,
    patched: Option<i32>,
    sks_mode: String,
    num_activators: i32,
    enqueue_after_ms: Vec<u64>,
    sync_probes: u32,
    async_probes: u32,
    sks_proxy_since_ms: Option<u64>,
}

impl Expect {
    fn of(reconciler: &Reconciler, effects: &Effects) -> Self {
        let status = reconciler.status();
        let service = reconciler.service().written().expect("the first reconcile writes it");
        Self {
            active: match status.activity {
                Activity::Activating => "Unknown",
                Activity::Active => "True",
                Activity::Inactive => "False",
            }
            .to_owned(),
            reason: match status.reason {
                Reason::None => "",
                Reason::Queued => "Queued",
                Reason::NoTraffic => "NoTraffic",
                Reason::TimedOut => "TimedOut",
            }
            .to_owned(),
            active_since_ms: millis(status.since),
            initialized: status.initialized,
            status_desired: status.desired,
            status_actual: status.actual,
            replicas: reconciler.replicas(),
            patched: effects.replicas,
            sks_mode: match service.mode {
                Mode::Serve => "Serve",
                Mode::Proxy => "Proxy",
            }
            .to_owned(),
            num_activators: service.activators,
            enqueue_after_ms: effects.look_again.iter().map(|span| span.as_nanos() / 1_000_000).collect(),
            sync_probes: effects.probed.into(),
            async_probes: effects.keep_probing.into(),
            sks_proxy_since_ms: reconciler.service().proxied_since().map(millis),
        }
    }
}

pub(super) fn entries(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

pub(super) fn reachability(name: &str) -> Reachability {
    match name {
        "" => Reachability::Unknown,
        "Reachable" => Reachability::Reachable,
        "Unreachable" => Reachability::Unreachable,
        other => panic!("unknown reachability {other}"),
    }
}

#[test]
fn vectors_of_lifecycles() {
    let mut comparison = Comparison::new(FILE, "reconciles");
    for sequence in load::<File>(FILE).sequences {
        comparison.sequences += 1;
        let name = format!("{} {}", sequence.id, sequence.name);
        let config = ConfigMap::from_entries(entries(&sequence.config_map)).expect("accepted");
        let annotations = Annotations::from_entries(entries(&sequence.annotations)).expect("readable");
        let mut reconciler = Reconciler::new(at(sequence.start_ms), sequence.start_replicas, sequence.persisted);
        for (number, step) in sequence.steps.iter().enumerate() {
            let revision = Revision {
                container_concurrency: sequence.container_concurrency,
                reachability: reachability(&step.reachability),
                progress_deadline: Span::from_millis(sequence.progress_deadline_ms),
            };
            if step.sks_sync {
                reconciler.service_catches_up(at(step.t_ms), step.ready);
            }
            let situation = Situation {
                decision: Decision { desired: step.desired, excess_burst_capacity: step.ebc },
                ready: step.ready,
                activator_answers: step.probe_ok && !step.probe_err,
            };
            let settings = Settings::resolve(&config, &annotations, &revision);
            let effects = reconciler.reconcile(at(step.t_ms), &settings, &situation);
            comparison.equal(&name, number, &Expect::of(&reconciler, &effects), &step.expect);
        }
    }
    comparison.finish();
}
