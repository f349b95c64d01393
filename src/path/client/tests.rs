//! The client step by step.

use rand::RngExt;

use super::backoff::BackoffSpec;
use super::budget::{GrpcSpec, RatioSpec};
use super::parameters::{BulkheadParameters, HedgeParameters, Per, RetryParameters};
use super::rate_limit::{AdaptiveThrottlingSpec, AwsAdaptiveSpec};
use super::*;
use crate::path::client::backoff::{ExponentialSpec, Jitter};
use crate::path::client::breaker::SimpleSpec;
use crate::path::testing::Bench;
use crate::path::{Abandon, Action};
use crate::rng::{Purpose, Streams};

fn secs(secs: f64) -> Span {
    Span::from_secs_f64(secs).expect("a time")
}

fn retry(max_attempts: u32) -> RetryParameters {
    RetryParameters {
        max_attempts,
        on: vec![Cause::Timeout, Cause::Throttled, Cause::Error],
        backoff: None,
        budget: None,
        per: Per::Source,
    }
}

/// The client, between a test that sends requests and a test that responds.
struct Talk {
    bench: Bench,
    /// The attempts, in order.
    attempts: Vec<Token>,
}

impl Talk {
    fn with(parameters: ClientParameters) -> Self {
        let client = Client { name: "web".into(), target: "api".into(), parameters: Box::new(parameters) };
        assert_eq!(client.targets(), ["api"]);
        Self { bench: Bench::new(&client), attempts: Vec::new() }
    }

    /// What it has done since the last call: `call`, `abandon N`, `answer ID OUTCOME`.
    fn did(&mut self) -> Vec<(f64, String)> {
        let tell = |(at, action)| {
            let what = match action {
                Action::Call { token, target: 0, .. } => {
                    self.attempts.push(token);
                    "call".to_owned()
                }
                Action::Abandon { token, .. } => {
                    let number = self.attempts.iter().position(|known| *known == token).expect("a known attempt");
                    format!("abandon {number}")
                }
                Action::Answer { call, outcome } => format!("answer {} {outcome:?}", call.0),
                other => panic!("{other:?}"),
            };
            (at, what)
        };
        self.bench.take().into_iter().map(tell).collect()
    }

    fn answer(&mut self, attempt: usize, outcome: Outcome) {
        self.bench.answer(self.attempts[attempt], outcome);
    }

    fn figure(&mut self, key: &str) -> f64 {
        self.bench.books().get(key).unwrap_or_else(|| panic!("no figure {key}"))
    }

    fn check_conservation(&mut self) {
        let mut figure = |key: &str| self.figure(key);
        let ends = figure("attempts.answered") + figure("attempts.timed_out") + figure("attempts.refused");
        assert_eq!(figure("attempts.made"), ends + figure("attempts.in_flight"));
        let ends = figure("calls.succeeded") + figure("calls.failed") + figure("calls.unfinished");
        assert_eq!(figure("calls.arrived"), ends);
    }
}

fn steps(steps: &[(f64, &str)]) -> Vec<(f64, String)> {
    steps.iter().map(|(at, what)| (*at, (*what).to_owned())).collect()
}

#[test]
fn without_anything_a_call_is_one_attempt() {
    let mut talk = Talk::with(ClientParameters::once());
    talk.bench.arrive(4);
    assert_eq!(talk.did(), steps(&[(0.0, "call")]));
    talk.bench.until(1e6);
    assert_eq!(talk.did(), []);
    talk.answer(0, Outcome::Failed);
    assert_eq!(talk.did(), steps(&[(1e6, "answer 4 Failed")]));
    talk.check_conservation();
}

#[test]
fn an_attempt_that_takes_too_long_is_given_up_and_the_next_one_made() {
    let mut talk =
        Talk::with(ClientParameters { timeout: Some(secs(1.0)), retry: Some(retry(3)), ..ClientParameters::once() });
    talk.bench.arrive(7);
    talk.bench.until(2.5);
    let expected = [(0.0, "call"), (1.0, "abandon 0"), (1.0, "call"), (2.0, "abandon 1"), (2.0, "call")];
    assert_eq!(talk.did(), steps(&expected));
    talk.answer(0, Outcome::Completed); // nobody waits for it any more
    talk.bench.until(10.0);
    assert_eq!(talk.did(), steps(&[(3.0, "abandon 2"), (3.0, "answer 7 TimedOut")]));
    assert_eq!((talk.figure("attempts.timed_out"), talk.figure("attempts_per_request")), (3.0, 3.0));
    talk.check_conservation();
}

#[test]
fn each_attempt_has_its_own_time_out_among_many() {
    let mut talk = Talk::with(ClientParameters { timeout: Some(secs(1.0)), ..ClientParameters::once() });
    for (id, at) in [(0, 0.0), (1, 0.25), (2, 0.5)] {
        talk.bench.until(at);
        talk.bench.arrive(id);
    }
    talk.did();
    talk.answer(0, Outcome::Completed);
    talk.bench.until(1.5);
    let expected = [
        (0.5, "answer 0 Completed"),
        (1.25, "abandon 1"),
        (1.25, "answer 1 TimedOut"),
        (1.5, "abandon 2"),
        (1.5, "answer 2 TimedOut"),
    ];
    assert_eq!(talk.did(), steps(&expected));
}

#[test]
fn tries_wait_as_the_back_off_says() {
    let exponential = ExponentialSpec { initial: secs(1.0), factor: 2.0, max: secs(3.0), jitter: Jitter::None };
    let backoff = Some(BackoffSpec::Exponential(Box::new(exponential)));
    let mut talk = Talk::with(ClientParameters {
        retry: Some(RetryParameters { backoff, ..retry(4) }),
        ..ClientParameters::once()
    });
    talk.bench.arrive(0);
    let mut calls = Vec::new();
    for attempt in 0..4 {
        let did = talk.did();
        assert_eq!(did.len(), 1, "{did:?}");
        calls.push(did[0].0);
        talk.answer(attempt, Outcome::Rejected);
        talk.bench.until([1.0, 3.0, 6.0, 100.0][attempt]);
    }
    assert_eq!(calls, [0.0, 1.0, 3.0, 6.0]);
    assert_eq!(talk.did(), steps(&[(6.0, "answer 0 Rejected")]));
}

#[test]
fn only_what_is_worth_it_is_tried_again() {
    let all = [Outcome::TimedOut, Outcome::Rejected, Outcome::QueueTimedOut, Outcome::Failed];
    let retried = |on: Cause| {
        all.map(|outcome| {
            let retry = RetryParameters { on: vec![on], ..retry(2) };
            let mut talk = Talk::with(ClientParameters { retry: Some(retry), ..ClientParameters::once() });
            talk.bench.arrive(0);
            talk.did();
            talk.answer(0, outcome);
            talk.did() == steps(&[(0.0, "call")])
        })
    };
    assert_eq!(retried(Cause::Timeout), [true, false, false, false]);
    assert_eq!(retried(Cause::Throttled), [false, true, true, false]);
    assert_eq!(retried(Cause::Error), [false, false, false, true]);
}

#[test]
fn the_deadline_ends_all_attempts_and_no_try_begins_that_it_would_forbid() {
    let mut talk = Talk::with(ClientParameters {
        timeout: Some(secs(1.0)),
        deadline: Some(secs(2.5)),
        retry: Some(retry(10)),
        ..ClientParameters::once()
    });
    talk.bench.arrive(0);
    talk.bench.until(10.0);
    assert_eq!(talk.did()[5..], steps(&[(2.5, "abandon 2"), (2.5, "answer 0 TimedOut")]));
    let backoff = backoff::ConstantSpec { delay: secs(2.5), jitter: Jitter::None };
    let backoff = Some(BackoffSpec::Constant(Box::new(backoff)));
    let retry = Some(RetryParameters { backoff, ..retry(10) });
    let mut talk = Talk::with(ClientParameters { deadline: Some(secs(2.5)), retry, ..ClientParameters::once() });
    talk.bench.arrive(0);
    talk.did();
    talk.answer(0, Outcome::Failed);
    assert_eq!(talk.did(), steps(&[(0.0, "answer 0 Expired")]));
    talk.bench.until(10.0);
    assert_eq!(talk.did(), []);
}

#[test]
fn the_budget_is_shared_by_all_requests() {
    let budget = Some(BudgetSpec::Ratio(Box::new(RatioSpec { share: 0.0, burst: 2.0 })));
    let retry = RetryParameters { budget, ..retry(3) };
    let mut talk =
        Talk::with(ClientParameters { timeout: Some(secs(1.0)), retry: Some(retry), ..ClientParameters::once() });
    for id in 0..3 {
        talk.bench.arrive(id);
    }
    talk.bench.until(10.0);
    let ends: Vec<_> = talk.did().into_iter().filter(|(_, what)| what.starts_with("answer")).collect();
    let expected = [(1.0, "answer 2 NoBudget"), (2.0, "answer 0 NoBudget"), (2.0, "answer 1 NoBudget")];
    assert_eq!(ends, steps(&expected));
    assert_eq!(talk.figure("attempts.made"), 5.0);
}

#[test]
fn grpc_counts_only_failures_that_are_tried_again() {
    let spec = |on| {
        let budget = Some(BudgetSpec::Grpc(Box::new(GrpcSpec { tokens: 2, ratio: 0.1 })));
        let retry = RetryParameters { budget, on: vec![on], ..retry(2) };
        let mut talk = Talk::with(ClientParameters { retry: Some(retry), ..ClientParameters::once() });
        talk.bench.arrive(0);
        talk.bench.arrive(1);
        talk.did();
        talk.answer(0, Outcome::Failed);
        talk.answer(1, Outcome::Rejected);
        talk.did()
    };
    // One failure leaves 1 of 2 tokens, which is not more than half.
    assert_eq!(spec(Cause::Error), steps(&[(0.0, "answer 0 NoBudget"), (0.0, "answer 1 Rejected")]));
    assert_eq!(spec(Cause::Throttled), steps(&[(0.0, "answer 0 Failed"), (0.0, "answer 1 NoBudget")]));
}

#[test]
fn what_the_breaker_refuses_is_a_failed_attempt_that_reached_nobody() {
    let simple = SimpleSpec { failure_ratio: 0.5, minimum_calls: 2, window: secs(10.0), open: secs(5.0), trials: 1 };
    let breaker = Some(BreakerSpec::Simple(Box::new(simple)));
    let mut talk = Talk::with(ClientParameters { breaker, retry: Some(retry(4)), ..ClientParameters::once() });
    talk.bench.arrive(0);
    talk.did();
    talk.answer(0, Outcome::Failed);
    assert_eq!(talk.did(), steps(&[(0.0, "call")]));
    talk.answer(1, Outcome::Rejected);
    assert_eq!(talk.did(), steps(&[(0.0, "answer 0 BreakerOpen")]), "both tries that were left are refused at once");
    assert_eq!((talk.figure("attempts.refused"), talk.figure("attempts_per_request")), (2.0, 2.0));
    talk.bench.until(5.0);
    talk.bench.arrive(1);
    assert_eq!(talk.did(), steps(&[(5.0, "call")]));
    talk.answer(2, Outcome::Completed);
    assert_eq!(talk.did(), steps(&[(5.0, "answer 1 Completed")]));
    talk.check_conservation();
}

#[test]
fn a_bulkhead_holds_attempts_to_its_limit() {
    let bulkhead = Some(BulkheadParameters { max_concurrent: 2 });
    let mut talk = Talk::with(ClientParameters { bulkhead, ..ClientParameters::once() });
    (0..3).for_each(|id| talk.bench.arrive(id));
    assert_eq!(talk.did(), steps(&[(0.0, "call"), (0.0, "call"), (0.0, "answer 2 Rejected")]));
    talk.answer(0, Outcome::Completed);
    talk.bench.arrive(3);
    assert_eq!(talk.did(), steps(&[(0.0, "answer 0 Completed"), (0.0, "call")]));
    talk.check_conservation();
}

#[test]
fn attempts_wait_for_the_rate_limit_in_order_and_are_no_attempts_yet() {
    let adaptive = AwsAdaptiveSpec { beta: 0.7, scale: 0.4, min_rate: 0.5, smoothing: 0.8 };
    let rate_limit = Some(RateLimitSpec::AwsAdaptive(Box::new(adaptive)));
    let mut talk = Talk::with(ClientParameters { rate_limit, deadline: Some(secs(3.0)), ..ClientParameters::once() });
    talk.bench.arrive(0);
    talk.did();
    talk.answer(0, Outcome::Rejected);
    // Nothing has been measured yet: one attempt every two seconds.
    (1..4).for_each(|id| talk.bench.arrive(id));
    assert_eq!(talk.did(), steps(&[(0.0, "answer 0 Rejected")]));
    assert_eq!((talk.figure("attempts.made"), talk.figure("calls.unfinished")), (1.0, 3.0));
    talk.bench.until(2.5);
    assert_eq!(talk.did(), steps(&[(2.0, "call")]));
    talk.answer(1, Outcome::Completed);
    talk.bench.until(10.0);
    let expected = [(2.5, "answer 1 Completed"), (3.0, "answer 2 TimedOut"), (3.0, "answer 3 TimedOut")];
    assert_eq!(talk.did(), steps(&expected));
    talk.bench.until(100.0);
    talk.check_conservation();
}

#[test]
fn copies_are_sent_while_there_is_no_answer_and_the_first_success_counts() {
    let hedge = Some(HedgeParameters { after: secs(1.0), max: 2 });
    let mut talk = Talk::with(ClientParameters { hedge: hedge.clone(), ..ClientParameters::once() });
    talk.bench.arrive(0);
    talk.bench.until(10.0);
    assert_eq!(talk.did(), steps(&[(0.0, "call"), (1.0, "call"), (2.0, "call")]));
    talk.answer(1, Outcome::Completed);
    let did = talk.did();
    assert_eq!(did, steps(&[(10.0, "abandon 2"), (10.0, "abandon 0"), (10.0, "answer 0 Completed")]));
    assert_eq!((talk.figure("attempts.timed_out"), talk.figure("attempts.outrun")), (2.0, 2.0));
    talk.check_conservation();

    let mut talk = Talk::with(ClientParameters { hedge, ..ClientParameters::once() });
    talk.bench.arrive(0);
    talk.bench.until(0.5);
    talk.did();
    talk.answer(0, Outcome::Failed);
    assert_eq!(talk.did(), steps(&[(0.5, "call")]), "a copy at once");
    talk.bench.until(1.5);
    assert_eq!(talk.did(), steps(&[(1.0, "call")]), "the alarm of the first");
    talk.answer(1, Outcome::Failed);
    assert_eq!(talk.did(), []);
    talk.answer(2, Outcome::Rejected);
    assert_eq!(talk.did(), steps(&[(1.5, "answer 0 Rejected")]));
}

#[test]
fn all_copies_at_once_if_it_waits_for_none() {
    let hedge = Some(HedgeParameters { after: Span::ZERO, max: 2 });
    let mut talk = Talk::with(ClientParameters { hedge, ..ClientParameters::once() });
    talk.bench.arrive(0);
    assert_eq!(talk.did(), steps(&[(0.0, "call"), (0.0, "call"), (0.0, "call")]));
}

#[test]
fn attempts_and_calls_balance_whatever_happens() {
    let mut dice = Streams::new(3, 0).stream("dice", Purpose::Path);
    let adaptive = AwsAdaptiveSpec { beta: 0.7, scale: 0.4, min_rate: 0.5, smoothing: 0.8 };
    let throttling = AdaptiveThrottlingSpec { k: 2.0, window: secs(5.0) };
    let limits =
        [RateLimitSpec::AwsAdaptive(Box::new(adaptive)), RateLimitSpec::AdaptiveThrottling(Box::new(throttling))];
    for round in 0..200u32 {
        let flag = |bit: u32| round >> bit & 1 == 1;
        let exponential = ExponentialSpec { initial: secs(0.5), factor: 2.0, max: secs(4.0), jitter: Jitter::Full };
        let simple = SimpleSpec { failure_ratio: 0.3, minimum_calls: 4, window: secs(5.0), open: secs(2.0), trials: 2 };
        let budget = RatioSpec { share: 0.5, burst: 5.0 };
        let retry = RetryParameters {
            backoff: flag(0).then(|| BackoffSpec::Exponential(Box::new(exponential))),
            budget: flag(1).then(|| BudgetSpec::Ratio(Box::new(budget))),
            ..retry(1 + round % 5)
        };
        let mut talk = Talk::with(ClientParameters {
            timeout: flag(2).then(|| secs(1.0)),
            deadline: flag(3).then(|| secs(3.0)),
            on_timeout: Abandon::Cancels,
            retry: flag(4).then_some(retry),
            hedge: flag(5).then(|| HedgeParameters { after: secs(0.5), max: 2 }),
            rate_limit: (round % 3 == 0).then(|| limits[(round / 3 % 2) as usize].clone()),
            bulkhead: flag(6).then_some(BulkheadParameters { max_concurrent: 3 }),
            breaker: flag(7).then(|| BreakerSpec::Simple(Box::new(simple))),
            breaker_per: Per::Source,
        });
        let mut open: Vec<Token> = Vec::new();
        let mut answered = 0;
        let mut look = |open: &mut Vec<Token>, bench: &mut Bench| {
            for (_, action) in bench.take() {
                match action {
                    Action::Call { token, .. } => {
                        assert!(!open.contains(&token), "no token means two attempts");
                        open.push(token);
                    }
                    Action::Abandon { token, .. } => {
                        let at = open.iter().position(|known| *known == token).expect("only what is out is given up");
                        open.swap_remove(at);
                    }
                    Action::Answer { .. } => answered += 1,
                    Action::Wake { .. } | Action::Lose { .. } => {}
                }
            }
            answered
        };
        for step in 0..100u32 {
            talk.bench.until(f64::from(step) * 0.25);
            look(&mut open, &mut talk.bench);
            if dice.random_bool(0.5) {
                talk.bench.arrive(step);
            } else if !open.is_empty() {
                let token = open.swap_remove(dice.random_range(0..open.len()));
                let outcomes = [Outcome::Completed, Outcome::Rejected, Outcome::Failed, Outcome::TimedOut];
                talk.bench.answer(token, outcomes[dice.random_range(0..4)]);
            }
            let answered = look(&mut open, &mut talk.bench);
            talk.check_conservation();
            assert_eq!(talk.figure("attempts.in_flight"), open.len() as f64);
            assert_eq!(talk.figure("calls.succeeded") + talk.figure("calls.failed"), f64::from(answered));
        }
    }
}

#[test]
fn each_attempt_times_out_in_its_time_however_many_begin_meanwhile() {
    let parameters = ClientParameters { timeout: Some(secs(1.0)), retry: Some(retry(2)), ..ClientParameters::once() };
    let mut talk = Talk::with(parameters);
    talk.bench.arrive(0);
    talk.bench.until(0.3);
    talk.bench.arrive(1);
    talk.bench.until(10.0);
    let calls: Vec<f64> = talk.did().into_iter().filter(|(_, what)| what == "call").map(|(at, _)| at).collect();
    assert_eq!(calls, [0.0, 0.3, 1.0, 1.3]);
}
