//! Whole runs under the scaling of cloud platforms, with numbers that follow from what those say about themselves.

use std::ops::ControlFlow;

use forewarm::engine::{Cell, Finished, Observer, Outcome, simulate};
use forewarm::id::{InstanceId, LocalFn};
use forewarm::rng::Streams;
use forewarm::time::{SimTime, Span};

use crate::harness::scenario;

/// What happened, in seconds to the millisecond.
#[derive(Default)]
struct Log {
    created: Vec<f64>,
    removed: Vec<f64>,
    waits: Vec<f64>,
    unserved: usize,
}

impl Observer for &mut Log {
    fn instance_created(&mut self, now: SimTime, _: LocalFn, _: InstanceId, _: SimTime, _: Span, _: bool) {
        self.created.push(rounded(now.as_secs_f64()));
    }

    fn instance_removed(&mut self, now: SimTime, _: LocalFn, _: InstanceId, _: SimTime) {
        self.removed.push(rounded(now.as_secs_f64()));
    }

    fn finished(&mut self, request: &Finished) {
        if request.outcome == Outcome::Completed {
            self.waits.push(rounded(request.started.since(request.born).as_secs_f64()));
        } else {
            self.unserved += 1;
        }
    }
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

/// An hour of a function that starts in 2 s and is called as `arrivals` says.
fn hour(function: &str, arrivals: &str) -> Log {
    let scenario = scenario(&format!(
        "[scenario]\nname = \"cloud\"\n[simulation]\nhorizon = \"1h\"\n[[function]]\nname = \"f\"\n\
         cold-start.constant.value = \"2s\"\n{function}\n[[source]]\nname = \"s\"\nfunction = \"f\"\n\
         arrivals.{arrivals}\n"
    ));
    let mut log = Log::default();
    let mut pulse = |_, _| ControlFlow::Continue(());
    simulate(&scenario, &Cell::whole(&scenario), &Streams::new(1, 0), &mut log, &mut pulse).expect("it runs");
    log
}

#[test]
fn cloud_run_starts_what_a_burst_needs_and_keeps_it_for_a_quarter_of_an_hour() {
    // 1,000 / 80 = 12.5; the metrics, 1,000 x 10 s / 60 s / 48 = 3.5, ask for less. Idle from 72 s on until 972 s, seen at
    // the next multiple of 5 s.
    let log = hour(
        "duration.constant.value = \"10s\"\nscaling.cloud-run = {}",
        "burst = { size = 1000, every = \"2h\", first = \"1m\" }",
    );
    assert_eq!(log.created, [60.0; 13]);
    assert_eq!(log.removed, [975.0; 13]);
    assert_eq!(log.waits, vec![2.0; 1000]);
}

#[test]
fn cloud_run_gives_up_after_ten_seconds() {
    // 4 instances of 80 each run for a minute. 3.5 starts are 7 s, and so it is 10 s.
    let function = "duration.constant.value = \"1m\"\nscaling.cloud-run = { max-instances = 4 }";
    let log = hour(function, "burst = { size = 400, every = \"2h\", first = \"1m\" }");
    assert_eq!((log.created.len(), log.waits.len(), log.unserved), (4, 320, 80));
}

#[test]
fn azure_consumption_adds_one_instance_a_second_and_requests_wait_at_busy_ones() {
    // 300 for half an hour each: 3 instances, 0 s, 1 s and 2 s after the first; the first 100 and 100 more wait for it.
    let function = "duration.constant.value = \"30m\"\nscaling.azure-consumption = {}";
    let log = hour(function, "burst = { size = 300, every = \"2h\", first = \"1m\" }");
    assert_eq!(log.created, [60.0, 61.0, 62.0]);
    assert_eq!(log.waits.iter().filter(|wait| **wait == 2.0).count(), 100);
    assert_eq!(log.waits.iter().filter(|wait| **wait == 4.0).count(), 100);
}

#[test]
fn azure_queues_add_four_instances_every_thirty_seconds() {
    // 160 messages of half an hour at 16 each: 10 instances, the first four when the messages come.
    let function = "duration.constant.value = \"30m\"\nscaling.azure-consumption.trigger = \"target-based\"";
    let log = hour(function, "burst = { size = 160, every = \"2h\", first = \"1m\" }");
    assert_eq!(log.created.len(), 10);
    let by = |seconds: f64| log.created.iter().filter(|at| **at <= seconds).count();
    assert_eq!((by(60.0), by(90.0), by(120.0)), (4, 8, 10));
}

#[test]
fn azure_flex_follows_concurrency_at_once() {
    // 400 requests at 16 each: 25 instances.
    let function = "memory = \"2GB\"\nduration.constant.value = \"10s\"\nscaling.azure-flex = {}";
    let log = hour(function, "burst = { size = 400, every = \"2h\", first = \"1m\" }");
    assert_eq!(log.created, [60.0; 25]);
    assert_eq!((log.removed.len(), log.unserved), (25, 0));
}

#[test]
fn openfaas_wakes_from_zero_for_the_first_request() {
    // The first replica is there from the start; nobody comes for 15 min; the request at 1,000 s waits for a start.
    let function = "duration.constant.value = \"1s\"\nscaling.openfaas.zero = true";
    let log = hour(function, "times.at = [\"10s\", \"1000s\"]");
    assert_eq!(log.created, [0.0, 1000.0]);
    assert_eq!(log.removed, [915.0, 1905.0]);
    assert_eq!(log.waits, [0.0, 2.0]);
}

#[test]
fn the_alert_of_openfaas_adds_replicas_up_to_five() {
    // 6 requests a second for an hour: heard of at 35 s and then every 40 s.
    let log = hour("duration.constant.value = \"100ms\"\nscaling.openfaas-ce = {}", "constant.rate = \"6/s\"");
    assert_eq!(log.created, [0.0, 35.0, 75.0, 115.0, 155.0]);
    // Four a second are not more than five, although three of them are refused.
    let busy =
        hour("duration.constant.value = \"1s\"\nscaling.openfaas-ce = { max-inflight = 1 }", "constant.rate = \"4/s\"");
    assert_eq!(busy.created, [0.0]);
    assert!(busy.unserved > 10_000);
}

/// Three come while the only replica starts, and are served one after the other. Who comes meanwhile is not behind them: it
/// meets a busy replica.
#[test]
fn who_waits_for_the_first_replica_is_no_queue_for_others() {
    let log = hour(
        "duration.constant.value = \"1s\"\nscaling.openfaas-ce = { max-inflight = 1 }",
        "times.at = [\"500ms\", \"1s\", \"1500ms\", \"2500ms\", \"4500ms\", \"6s\"]",
    );
    assert_eq!((log.waits, log.unserved), (vec![1.5, 2.0, 2.5, 0.0], 2));
}
