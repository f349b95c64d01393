//! The dependency step by step, and against closed forms.

use rand_distr::Exp1;

use super::*;
use crate::dist::ConstantSpec;
use crate::path::Action;
use crate::path::bucket::BucketSpec;
use crate::path::testing::Bench;
use crate::rng::{Purpose, Streams};
use crate::schema::diagnostic::Problems;

fn secs(secs: f64) -> Span {
    Span::from_secs_f64(secs).expect("a time")
}

fn constant(value: f64) -> DistSpec {
    DistSpec::Constant(Box::new(ConstantSpec { value: secs(value) }))
}

/// A latency of 1 s.
fn spec() -> DependencySpec {
    DependencySpec {
        name: "db".into(),
        site: None,
        latency: constant(1.0),
        concurrency: None,
        queue_limit: None,
        queue_order: Order::Fifo,
        borrow_timeout: None,
        throttle: None,
        on_demand: None,
        contention: None,
        cache: None,
        failure_ratio: 0.0,
        outcomes: None,
        per_million_usd: 0.0,
    }
}

/// When and how each call ended.
fn ends(bench: &mut Bench) -> Vec<(f64, u32, Outcome)> {
    let answer = |(at, action)| match action {
        Action::Answer { call, outcome } => (at, call.0, outcome),
        other => panic!("it only answers: {other:?}"),
    };
    bench.take().into_iter().map(answer).collect()
}

fn figure(bench: &mut Bench, key: &str) -> f64 {
    bench.books().get(key).unwrap_or_else(|| panic!("no figure {key}"))
}

fn check_balance(bench: &mut Bench) {
    let kinds = ["completed", "throttled", "timed_out", "failed", "unfinished"];
    let ended: f64 = kinds.map(|kind| figure(bench, &format!("calls.{kind}"))).iter().sum();
    assert_eq!(figure(bench, "calls.arrived"), ended);
}

#[test]
fn connections_are_given_in_order_and_too_long_a_wait_ends() {
    let served = |queue_order| {
        let spec = DependencySpec {
            concurrency: Some(1),
            queue_limit: Some(3),
            borrow_timeout: Some(secs(2.0)),
            queue_order,
            ..spec()
        };
        let mut bench = Bench::new(&spec);
        (0..5).for_each(|id| bench.arrive(id));
        bench.until(10.0);
        check_balance(&mut bench);
        assert_eq!(figure(&mut bench, "queue.peak"), 3.0);
        ends(&mut bench)
    };
    use Outcome::{Completed, QueueTimedOut, Rejected};
    // At 2 s a connection becomes free at the very moment the wait times out: that is in time.
    let fifo =
        [(0.0, 4, Rejected), (1.0, 0, Completed), (2.0, 1, Completed), (2.0, 3, QueueTimedOut), (3.0, 2, Completed)];
    assert_eq!(served(Order::Fifo), fifo);
    let lifo =
        [(0.0, 4, Rejected), (1.0, 0, Completed), (2.0, 3, Completed), (2.0, 1, QueueTimedOut), (3.0, 2, Completed)];
    assert_eq!(served(Order::Lifo), lifo);
}

#[test]
fn a_slow_down_slows_what_is_running_and_a_standstill_ends() {
    let mut bench = Bench::new(&DependencySpec { latency: constant(10.0), ..spec() });
    bench.arrive(0);
    bench.until(4.0);
    bench.disturb(&Disturbance::Speed(0.5));
    bench.until(6.0);
    bench.disturb(&Disturbance::Speed(0.0));
    bench.until(100.0);
    assert_eq!(ends(&mut bench), []);
    bench.disturb(&Disturbance::Speed(1.0));
    bench.until(200.0);
    assert_eq!(ends(&mut bench), [(105.0, 0, Outcome::Completed)], "4 s + 2 s at half speed, and 5 s are left");
}

#[test]
fn calls_on_too_few_cores_take_longer_each() {
    let mut bench = Bench::new(&DependencySpec { contention: Some(ContentionSpec { cores: 2.0 }), ..spec() });
    (0..4).for_each(|id| bench.arrive(id));
    bench.until(10.0);
    let at_two = (0..4).map(|id| (2.0, id, Outcome::Completed)).collect::<Vec<_>>();
    assert_eq!(ends(&mut bench), at_two);
    // The first is half done when two more arrive; then three share two cores.
    bench.arrive(4);
    bench.until(10.5);
    bench.arrive(5);
    bench.arrive(6);
    bench.until(20.0);
    let expected = [(11.25, 4, Outcome::Completed), (11.75, 5, Outcome::Completed), (11.75, 6, Outcome::Completed)];
    assert_eq!(ends(&mut bench), expected);
}

#[test]
fn a_throttle_and_a_script_say_how_calls_end() {
    let throttle = Some(Throttle(vec![BucketSpec { rate: 1.0, burst: Some(2.0) }]));
    let mut bench = Bench::new(&DependencySpec { throttle, per_million_usd: 1e6, ..spec() });
    (0..3).for_each(|id| bench.arrive(id));
    assert_eq!(ends(&mut bench), [(0.0, 2, Outcome::Rejected)]);
    assert_eq!((figure(&mut bench, "calls.throttled"), figure(&mut bench, "cost_usd")), (1.0, 2.0));

    let script = vec![Scripted::Ok, Scripted::Error, Scripted::Throttled, Scripted::Timeout];
    let mut bench = Bench::new(&DependencySpec { outcomes: Some(script), ..spec() });
    (0..5).for_each(|id| bench.arrive(id));
    bench.until(1.0);
    use Outcome::{Completed, Failed, Rejected, TimedOut};
    let expected = [(0.0, 2, Rejected), (1.0, 0, Completed), (1.0, 1, Failed), (1.0, 3, TimedOut), (1.0, 4, Completed)];
    assert_eq!(ends(&mut bench), expected);
    check_balance(&mut bench);
}

#[test]
fn failures_take_their_time_and_are_as_many_as_said() {
    let mut bench = Bench::new(&DependencySpec { failure_ratio: 0.1, ..spec() });
    bench.disturb(&Disturbance::Errors(0.2));
    (0..10_000).for_each(|id| bench.arrive(id));
    bench.until(1.0);
    assert!(ends(&mut bench).iter().all(|(at, ..)| *at == 1.0));
    // 1 - 0.9 x 0.8 of 10,000: standard deviation 45.
    assert!((figure(&mut bench, "calls.failed") - 2_800.0).abs() < 4.0 * 45.0);
}

#[test]
fn a_cache_climbs_as_an_exponential_and_an_outage_empties_it() {
    let warms_up = Some(WarmsUpSpec { working_set: 1_000, hit_ratio: 1.0 });
    let cache = Some(CacheSpec { hit_ratio: None, warms_up, latency: Some(constant(0.25)) });
    let mut bench = Bench::new(&DependencySpec { cache, ..spec() });
    let mut id = 0;
    let hits_of_next_thousand = |bench: &mut Bench, id: &mut u32| {
        let before = figure(bench, "cache.hits");
        for _ in 0..1_000 {
            bench.arrive(*id);
            *id += 1;
            bench.until(f64::from(*id) * 2.0);
        }
        figure(bench, "cache.hits") - before
    };
    // 1 - exp(-x) from 0 to 1 is 1/e of it; the next 1,000 calls 1 - (1/e)(1 - 1/e).
    assert!((hits_of_next_thousand(&mut bench, &mut id) - 367.9).abs() < 60.0);
    assert!((hits_of_next_thousand(&mut bench, &mut id) - 767.5).abs() < 60.0);
    let took = |(at, call, _): &(f64, u32, Outcome)| at - f64::from(*call) * 2.0;
    assert!(ends(&mut bench).iter().map(took).all(|took| took == 0.25 || took == 1.25));
    bench.disturb(&Disturbance::Outage(true));
    bench.arrive(id);
    assert_eq!(ends(&mut bench)[0].2, Outcome::Failed);
    bench.disturb(&Disturbance::Outage(false));
    assert!((hits_of_next_thousand(&mut bench, &mut id) - 367.9).abs() < 60.0);
    check_balance(&mut bench);
}

#[test]
fn an_outage_fails_what_is_under_way() {
    let mut bench = Bench::new(&DependencySpec { concurrency: Some(1), ..spec() });
    (0..3).for_each(|id| bench.arrive(id));
    bench.until(0.5);
    bench.disturb(&Disturbance::Outage(true));
    assert_eq!(ends(&mut bench).len(), 3);
    bench.until(5.0);
    bench.disturb(&Disturbance::Outage(false));
    bench.arrive(3);
    bench.until(10.0);
    assert_eq!(ends(&mut bench), [(6.0, 3, Outcome::Completed)]);
    check_balance(&mut bench);
}

/// Poisson calls at this rate per second, with a mean latency of 1 s, until 30,000 have ended.
fn under_load(spec: DependencySpec, rate: f64) -> Bench {
    let node = Node::parse_value("{ exponential = { mean = '1s' } }", 0, 0).expect("TOML");
    let mut problems = Problems::default();
    let latency = DistSpec::read(&node, &mut Reader::new(&mut problems, &[])).expect("a distribution");
    let mut bench = Bench::new(&DependencySpec { latency, ..spec });
    let mut dice = Streams::new(11, 0).stream("load", Purpose::Arrivals);
    let mut at = 0.0;
    for id in 0..30_000 {
        at += dice.sample::<f64, _>(Exp1) / rate;
        bench.until(at);
        bench.arrive(id);
        bench.take();
    }
    bench.until(at + 1e4);
    check_balance(&mut bench);
    bench
}

/// Within four standard errors, which are wider than those of independent draws.
fn assert_near(value: f64, expected: f64, relative: f64) {
    assert!((value / expected - 1.0).abs() < relative, "{value} is not near {expected}");
}

#[test]
fn a_pool_is_an_m_m_c_queue() {
    // Erlang C with 3 servers and a load of 2.4 Erlang is 0.6472; the mean wait is that over 3 - 2.4.
    let mut bench = under_load(DependencySpec { concurrency: Some(3), ..spec() }, 2.4);
    assert_near(figure(&mut bench, "wait_s.mean"), 0.6472 / 0.6, 0.15);
    // Erlang B with 3 servers and a load of 2.4 Erlang, where no call may wait.
    let blocked = 2.304 / (1.0 + 2.4 + 2.88 + 2.304);
    let mut bench = under_load(DependencySpec { concurrency: Some(3), queue_limit: Some(0), ..spec() }, 2.4);
    assert_near(figure(&mut bench, "calls.throttled") / 30_000.0, blocked, 0.05);
}

#[test]
fn waits_that_end_are_as_many_as_in_a_queue_with_reneging() {
    // M/M/1 whose customers wait at most 2 s, in units of the mean service time: with P0 rate exp(-(1 - rate) x) as the
    // density of the work ahead of a customer up to 2, the share that gives up is rate P0 exp(-2 (1 - rate)).
    for rate in [0.8, 1.5] {
        let spec = DependencySpec { concurrency: Some(1), borrow_timeout: Some(secs(2.0)), ..spec() };
        let mut bench = under_load(spec, rate);
        let tail = (-2.0 * (1.0 - rate)).exp();
        let empty = 1.0 / (1.0 + rate * (1.0 - tail) / (1.0 - rate) + rate * tail);
        assert_near(figure(&mut bench, "calls.timed_out") / 30_000.0, rate * empty * tail, 0.06);
    }
}

#[test]
fn contention_is_processor_sharing() {
    // M/M/1 under processor sharing: 1 / (1 - 0.6).
    let mut bench = under_load(DependencySpec { contention: Some(ContentionSpec { cores: 1.0 }), ..spec() }, 0.6);
    assert_near(figure(&mut bench, "latency_s.mean"), 2.5, 0.06);
    assert_near(figure(&mut bench, "calls.completed"), 30_000.0, 1e-9);
}

#[test]
fn calls_balance_whatever_happens() {
    let mut dice = Streams::new(13, 0).stream("dice", Purpose::Path);
    for round in 0..64_u32 {
        let flag = |bit: u32| round >> bit & 1 == 1;
        let warms_up = Some(WarmsUpSpec { working_set: 20, hit_ratio: 0.9 });
        let mut bench = Bench::new(&DependencySpec {
            concurrency: flag(0).then_some(2),
            queue_limit: flag(1).then_some(3),
            queue_order: if flag(2) { Order::Lifo } else { Order::Fifo },
            borrow_timeout: flag(3).then(|| secs(0.7)),
            contention: flag(4).then_some(ContentionSpec { cores: 1.5 }),
            cache: flag(5).then(|| CacheSpec { hit_ratio: None, warms_up, latency: Some(constant(0.1)) }),
            throttle: flag(1).then(|| Throttle(vec![BucketSpec { rate: 3.0, burst: Some(4.0) }])),
            on_demand: flag(2).then_some(OnDemandSpec { initial: 3.0, factor: 2.0, window: secs(30.0) }),
            failure_ratio: 0.1,
            ..spec()
        });
        let (mut at, mut answered) = (0.0, 0);
        for id in 0..200 {
            at += 0.4 * dice.sample::<f64, _>(Exp1);
            bench.until(at);
            match dice.random_range(0..20) {
                0 => bench.disturb(&Disturbance::Speed(0.3)),
                1 => bench.disturb(&Disturbance::Speed(1.0)),
                2 => bench.disturb(&Disturbance::Outage(true)),
                3..5 => bench.disturb(&Disturbance::Outage(false)),
                _ => {}
            }
            bench.arrive(id);
            answered += ends(&mut bench).len();
            check_balance(&mut bench);
            assert_eq!(figure(&mut bench, "calls.unfinished"), f64::from(id + 1) - answered as f64);
        }
        bench.disturb(&Disturbance::Speed(1.0));
        bench.until(at + 1_000.0);
        assert_eq!(figure(&mut bench, "calls.unfinished"), 0.0, "round {round}: nothing is forgotten");
    }
}
