//! Gateways step by step.

use super::parameters::Preset;
use super::*;
use crate::dist::DistSpec;
use crate::path::bucket::{BucketSpec, Throttle};
use crate::path::client::ClientParameters;
use crate::path::testing::Bench;
use crate::schema::declare::*;
use crate::schema::diagnostic::Problems;

fn spec() -> GatewaySpec {
    GatewaySpec {
        name: "api".into(),
        site: None,
        target: "checkout".into(),
        preset: None,
        throttle: None,
        timeout: None,
        latency: None,
        cache: None,
        authorizer: None,
        throttled_as: None,
        payload_limit: None,
        per_million_usd: Some(3.5),
        client: None,
    }
}

fn bucket(rate: f64, burst: f64) -> Option<Option<Throttle>> {
    Some(Some(Throttle(vec![BucketSpec { rate, burst: Some(burst) }])))
}

/// Which target was called, and when.
type Called = (f64, u32, Token);
/// Which call was answered, when, and how.
type Answered = (f64, u32, Outcome);

/// What the gateway did.
fn did(bench: &mut Bench) -> (Vec<Called>, Vec<Answered>) {
    let (mut calls, mut answers) = (Vec::new(), Vec::new());
    for (at, action) in bench.take() {
        match action {
            Action::Call { token, target, .. } => calls.push((at, target, token)),
            Action::Answer { call, outcome } => answers.push((at, call.0, outcome)),
            _ => {}
        }
    }
    (calls, answers)
}

fn balance(bench: &mut Bench) -> f64 {
    let books = bench.books();
    let figure = |key: &str| books.get(&format!("requests.{key}")).expect("a figure");
    let ends = ["throttled", "timed_out", "cached", "completed", "failed", "unfinished"].map(figure);
    assert_eq!(figure("arrived"), ends.iter().sum::<f64>());
    figure("arrived")
}

#[test]
fn the_first_refusal_of_a_constant_load_comes_when_the_burst_is_used_up() {
    // 20 / (60 - 40) = 1 s.
    let mut bench = Bench::new(&GatewaySpec { throttle: bucket(40.0, 20.0), ..spec() });
    for number in 0..120 {
        bench.until(f64::from(number) / 60.0);
        bench.arrive(number);
    }
    let (_, answers) = did(&mut bench);
    assert!((answers[0].0 - 1.0).abs() <= 2.0 / 60.0 && answers[0].2 == Outcome::Rejected, "{:?}", answers[0]);
    let books = bench.books();
    let throttled = books.get("requests.throttled").expect("a figure");
    assert!((throttled - 20.0).abs() <= 1.0, "120 - 20 - 2 s x 40: {throttled}");
    assert_eq!(books.get("cost_usd"), Some((120.0 - throttled) * 3.5 / 1e6), "refused ones cost nothing");
    balance(&mut bench);
}

#[test]
fn when_it_stops_waiting_the_target_runs_on() {
    let latency = Some(Some(DistSpec::Constant(Box::new(constant(0.5)))));
    let timeout = Some(Some(Span::from_secs(29)));
    let mut bench = Bench::new(&GatewaySpec { latency, timeout, ..spec() });
    bench.arrive(0);
    bench.until(0.5);
    let (calls, _) = did(&mut bench);
    assert_eq!((calls[0].0, calls[0].1), (0.5, 0));
    bench.until(30.0);
    let abandon = Action::Abandon { token: calls[0].2, how: Abandon::GoesOn };
    let answer = Action::Answer { call: CallId(0), outcome: Outcome::TimedOut };
    assert_eq!(bench.take(), [(29.5, abandon), (29.5, answer)]);
    bench.answer(calls[0].2, Outcome::Completed);
    assert_eq!(bench.take(), []);
    assert_eq!(bench.books().get("requests.timed_out"), Some(1.0));
    balance(&mut bench);
}

fn constant(secs: f64) -> crate::dist::ConstantSpec {
    crate::dist::ConstantSpec { value: Span::from_secs_f64(secs).expect("a time") }
}

#[test]
fn a_warm_cache_answers_without_the_target_and_cools_without_success() {
    let cache = Some(CacheSpec { hit_ratio: 1.0, ttl: Span::from_secs(10) });
    let mut bench = Bench::new(&GatewaySpec { cache, ..spec() });
    bench.arrive(0);
    let (calls, answers) = did(&mut bench);
    assert_eq!((calls.len(), answers.len()), (1, 0), "it is cold at first");
    bench.answer(calls[0].2, Outcome::Completed);
    bench.until(9.9);
    bench.arrive(1);
    let (calls, answers) = did(&mut bench);
    assert_eq!((calls.len(), answers.len()), (0, 2));
    bench.until(10.0);
    bench.arrive(2);
    let (calls, _) = did(&mut bench);
    bench.answer(calls[0].2, Outcome::Failed);
    bench.arrive(3);
    assert_eq!(did(&mut bench).0.len(), 1, "a failure warms nothing");
    assert_eq!(bench.books().get("requests.cached"), Some(1.0));
    balance(&mut bench);
}

#[test]
fn an_authorizer_is_asked_once_for_each_caller_while_its_answer_is_kept() {
    let authorizer = Some(AuthorizerSpec { target: "auth".into(), cache_ttl: Span::from_secs(60), callers: 1 });
    let spec = GatewaySpec { authorizer, ..spec() };
    assert_eq!(spec.targets(), ["checkout", "auth"]);
    let mut bench = Bench::new(&spec);
    bench.arrive(0);
    let (asked, _) = did(&mut bench);
    assert_eq!(asked[0].1, 1);
    bench.answer(asked[0].2, Outcome::Completed);
    assert_eq!(did(&mut bench).0[0].1, 0);
    bench.until(59.0);
    bench.arrive(1);
    assert_eq!(did(&mut bench).0[0].1, 0, "straight to the target");
    bench.until(60.0);
    bench.arrive(2);
    let (asked, _) = did(&mut bench);
    assert_eq!(asked[0].1, 1);
    bench.answer(asked[0].2, Outcome::Failed);
    assert_eq!(did(&mut bench).1, [(60.0, 2, Outcome::Failed)]);
    balance(&mut bench);
}

#[test]
fn what_the_target_refuses_is_an_error_behind_some_gateways() {
    let seen = |preset| {
        let mut bench = Bench::new(&GatewaySpec { preset, ..spec() });
        bench.arrive(0);
        bench.until(1.0);
        let (calls, _) = did(&mut bench);
        bench.answer(calls[0].2, Outcome::Rejected);
        let books = bench.books();
        assert_eq!((books.get("requests.throttled"), books.get("requests.failed")), (Some(0.0), Some(1.0)));
        did(&mut bench).1[0].2
    };
    assert_eq!(seen(None), Outcome::Rejected);
    assert_eq!(seen(Some(Preset::AwsRest)), Outcome::Failed);
    assert_eq!(seen(Some(Preset::Azure)), Outcome::Rejected);
}

#[test]
fn a_preset_says_what_the_file_does_not() {
    let rest = GatewaySpec { preset: Some(Preset::AwsRest), per_million_usd: None, ..spec() };
    let settings = rest.settings();
    assert_eq!((settings.timeout, settings.per_million_usd), (Some(Span::from_secs(29)), 3.5));
    assert_eq!(settings.throttle.0, [BucketSpec { rate: 10_000.0, burst: Some(5_000.0) }]);
    assert_eq!(settings.latency.map(|latency| latency.quantile(0.5)), Some(Span::from_millis(6)));
    let own = GatewaySpec { throttle: Some(None), timeout: Some(None), latency: Some(None), ..rest };
    assert_eq!(own.settings().throttle, Throttle::default());
    assert_eq!((own.settings().timeout, own.settings().latency), (None, None));
}

#[test]
fn with_a_client_it_tries_again_and_its_time_out_is_that_of_an_attempt() {
    let node = Node::parse_value("{ retry = { max-attempts = 3 } }", 0, 0).expect("TOML");
    let mut problems = Problems::default();
    let client = ClientParameters::read(&node, &mut Reader::new(&mut problems, &[])).map(Box::new);
    let timeout = Some(Some(Span::from_secs(2)));
    let mut bench = Bench::new(&GatewaySpec { client, timeout, ..spec() });
    bench.arrive(0);
    let (calls, _) = did(&mut bench);
    bench.until(1.0);
    bench.answer(calls[0].2, Outcome::Failed);
    let (calls, answers) = did(&mut bench);
    assert_eq!((calls[0].0, calls[0].1, answers.len()), (1.0, 0, 0));
    bench.until(3.0);
    let (calls, _) = did(&mut bench);
    assert_eq!((calls[0].0, calls[0].1), (3.0, 0), "the second has timed out");
    bench.answer(calls[0].2, Outcome::Completed);
    assert_eq!(did(&mut bench).1, [(3.0, 0, Outcome::Completed)]);
    bench.arrive(1);
    bench.until(100.0);
    assert_eq!(did(&mut bench).1, [(9.0, 1, Outcome::TimedOut)]);
    assert_eq!(bench.books().get("attempts.made"), Some(6.0));
    assert_eq!(bench.books().get("requests.timed_out"), Some(1.0));
    balance(&mut bench);
}

#[test]
fn faults_fail_delay_and_stop_it() {
    let mut bench = Bench::new(&spec());
    bench.disturb(&Disturbance::Outage(true));
    bench.arrive(0);
    assert_eq!(did(&mut bench).1, [(0.0, 0, Outcome::Failed)]);
    bench.disturb(&Disturbance::Outage(false));
    bench.disturb(&Disturbance::Errors(1.0));
    bench.arrive(1);
    assert_eq!(did(&mut bench).1, [(0.0, 1, Outcome::Failed)]);
    bench.disturb(&Disturbance::Errors(0.0));
    bench.disturb(&Disturbance::Delay(Some(Dist::Constant(Span::from_secs(2)))));
    bench.arrive(2);
    bench.until(3.0);
    assert_eq!(did(&mut bench).0[0].0, 2.0);
    assert_eq!(balance(&mut bench), 3.0);
}
