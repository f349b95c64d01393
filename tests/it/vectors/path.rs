//! `kpa_path_vectors.json`: breaker, statistics, activator capacity, assignment and load balancing.

use std::collections::{BTreeMap, BTreeSet};

use forewarm::policy::scaling::knative::activator::{LoadBalancer, assigned_pods, capacity};
use forewarm::policy::scaling::knative::breaker::{Admission, Breaker};
use forewarm::policy::scaling::knative::stats::{ActivatorReporter, RequestStats};
use forewarm::rng::{Purpose, Streams};
use serde::Deserialize;

use super::{Comparison, at, load};

const FILE: &str = "kpa_path_vectors.json";

#[derive(Deserialize)]
struct File {
    breaker: Vec<BreakerRun>,
    request_stats: Vec<StatsRun>,
    activator_reporter: Vec<ReporterRun>,
    calculate_capacity: Vec<Capacity>,
    assign_slice: Vec<Slice>,
    lb_sequences: Vec<BalancerRun>,
}

#[derive(Deserialize)]
struct BreakerRun {
    id: u64,
    queue_depth: u64,
    max_concurrency: u64,
    initial_capacity: u64,
    ops: Vec<BreakerOp>,
}

#[derive(Deserialize)]
struct BreakerOp {
    op: String,
    #[serde(default)]
    id: u64,
    n: u64,
    #[serde(default)]
    rejected: bool,
    ok: Option<bool>,
    in_flight: u64,
    running: BTreeSet<u64>,
}

#[test]
fn vectors_of_breakers() {
    let mut comparison = Comparison::new(FILE, "breakers");
    for run in load::<File>(FILE).breaker {
        comparison.sequences += 1;
        let name = format!("breaker {}", run.id);
        let mut breaker = Breaker::new(run.queue_depth, run.max_concurrency, run.initial_capacity);
        let mut running = BTreeSet::new();
        for (number, op) in run.ops.iter().enumerate() {
            match op.op.as_str() {
                "arrive" => {
                    let admission = breaker.arrive(op.id);
                    if admission == Admission::Running {
                        running.insert(op.id);
                    }
                    comparison.equal(&name, number, &(admission == Admission::Rejected), &op.rejected);
                }
                "reserve" => {
                    let reserved = breaker.reserve();
                    if reserved {
                        running.insert(op.id);
                    }
                    comparison.equal(&name, number, &Some(reserved), &op.ok);
                }
                // Only what runs can finish; the data also ask it of others.
                "finish" => {
                    if running.remove(&op.id) {
                        running.extend(breaker.finish());
                    }
                }
                "cancel" => {
                    breaker.cancel(op.id);
                }
                "capacity" => running.extend(breaker.set_capacity(op.n)),
                other => panic!("unknown operation {other}"),
            }
            comparison.equal(&name, number, &breaker.in_flight(), &op.in_flight);
            comparison.equal(&name, number, &breaker.running(), &(running.len() as u64));
            comparison.equal(&name, number, &running, &op.running);
        }
    }
    comparison.finish();
}

#[derive(Deserialize)]
struct StatsRun {
    id: u64,
    t0_ms: u64,
    ops: Vec<StatsOp>,
}

#[derive(Deserialize)]
struct StatsOp {
    op: String,
    t_ms: u64,
    report: Option<Report>,
}

#[derive(Deserialize)]
struct Report {
    avg_conc: f64,
    avg_proxied_conc: f64,
    req: f64,
    proxied_req: f64,
}

#[test]
fn vectors_of_request_statistics() {
    let mut comparison = Comparison::new(FILE, "request statistics");
    for run in load::<File>(FILE).request_stats {
        comparison.sequences += 1;
        let name = format!("request statistics {}", run.id);
        let mut stats = RequestStats::new(at(run.t0_ms));
        for (number, op) in run.ops.iter().enumerate() {
            let now = at(op.t_ms);
            match op.op.as_str() {
                "in" => stats.request_in(now, false),
                "proxied_in" => stats.request_in(now, true),
                "out" => stats.request_out(now, false),
                "proxied_out" => stats.request_out(now, true),
                "report" => {
                    let (got, expected) = (stats.report(now), op.report.as_ref().expect("a report says something"));
                    comparison.close(&name, number, got.concurrency, expected.avg_conc);
                    comparison.close(&name, number, got.proxied_concurrency, expected.avg_proxied_conc);
                    comparison.equal(&name, number, &got.requests, &expected.req);
                    comparison.equal(&name, number, &got.proxied_requests, &expected.proxied_req);
                }
                other => panic!("unknown operation {other}"),
            }
        }
    }
    comparison.finish();
}

#[derive(Deserialize)]
struct ReporterRun {
    id: u64,
    ops: Vec<ReporterOp>,
}

#[derive(Deserialize)]
struct ReporterOp {
    op: String,
    t_ms: u64,
    sent: Vec<Sent>,
    live: bool,
}

#[derive(Deserialize)]
struct Sent {
    conc: f64,
    req: f64,
}

#[test]
fn vectors_of_activator_reports() {
    let mut comparison = Comparison::new(FILE, "activator reports");
    for run in load::<File>(FILE).activator_reporter {
        comparison.sequences += 1;
        let name = format!("activator reporter {}", run.id);
        let mut reporter = ActivatorReporter::default();
        for (number, op) in run.ops.iter().enumerate() {
            let now = at(op.t_ms);
            let sent = match op.op.as_str() {
                "in" => reporter.request_in(now),
                "out" => {
                    reporter.request_out(now);
                    None
                }
                "report" => reporter.report(now),
                other => panic!("unknown operation {other}"),
            };
            comparison.equal(&name, number, &sent.iter().count(), &op.sent.len());
            for (got, expected) in sent.iter().zip(&op.sent) {
                comparison.close(&name, number, got.concurrency, expected.conc);
                comparison.equal(&name, number, &got.requests, &expected.req);
            }
            comparison.equal(&name, number, &reporter.is_live(), &op.live);
        }
    }
    comparison.finish();
}

#[derive(Deserialize)]
struct Capacity {
    cc: u64,
    backends: u64,
    trackers: u64,
    activators: u64,
    capacity: u64,
}

#[test]
fn vectors_of_activator_capacity() {
    let mut comparison = Comparison::new(FILE, "capacities");
    for (number, case) in load::<File>(FILE).calculate_capacity.iter().enumerate() {
        comparison.sequences += 1;
        let got = capacity(case.cc, case.backends, case.trackers, case.activators);
        comparison.equal("capacity", number, &got, &case.capacity);
    }
    comparison.finish();
}

#[derive(Deserialize)]
struct Slice {
    pods: usize,
    index: i64,
    activators: usize,
    assigned: Vec<usize>,
}

#[test]
fn vectors_of_pod_assignment() {
    let mut comparison = Comparison::new(FILE, "assignments");
    for (number, case) in load::<File>(FILE).assign_slice.iter().enumerate() {
        comparison.sequences += 1;
        let got = assigned_pods(case.pods, usize::try_from(case.index).ok(), case.activators);
        comparison.equal("assignment", number, &got, &case.assigned);
    }
    comparison.finish();
}

#[derive(Deserialize)]
struct BalancerRun {
    policy: String,
    cc: u64,
    pods: usize,
    ops: Vec<BalancerOp>,
}

#[derive(Deserialize)]
struct BalancerOp {
    op: String,
    id: u64,
    pod: i64,
}

#[test]
fn vectors_of_load_balancing() {
    let mut comparison = Comparison::new(FILE, "load balancing");
    let mut stream = Streams::new(1, 0).stream("vectors", Purpose::Policy);
    for (sequence, run) in load::<File>(FILE).lb_sequences.iter().enumerate() {
        comparison.sequences += 1;
        let name = format!("load balancing {sequence}");
        let mut balancer = LoadBalancer::for_limit(run.cc);
        let expected = match run.policy.as_str() {
            "first_available" => LoadBalancer::FirstAvailable,
            "round_robin" => LoadBalancer::RoundRobin { next: 0 },
            other => panic!("unknown policy {other}"),
        };
        comparison.equal(&name, 0, &balancer, &expected);
        let mut in_flight = vec![0; run.pods];
        let mut pod_of = BTreeMap::new();
        for (number, op) in run.ops.iter().enumerate() {
            let pod = match op.op.as_str() {
                "acquire" => {
                    let pod = balancer.pick(&in_flight, run.cc, &mut stream);
                    if let Some(pod) = pod {
                        in_flight[pod] += 1;
                        pod_of.insert(op.id, pod);
                    }
                    pod
                }
                "release" => {
                    let pod = pod_of.remove(&op.id);
                    if let Some(pod) = pod {
                        in_flight[pod] -= 1;
                    }
                    pod
                }
                other => panic!("unknown operation {other}"),
            };
            comparison.equal(&name, number, &pod.map_or(-1, |pod| pod as i64), &op.pod);
        }
    }
    comparison.finish();
}
