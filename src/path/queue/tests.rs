use std::collections::VecDeque;

use super::super::Action;
use super::super::bucket::BucketSpec;
use super::super::testing::Bench;
use super::parameters::*;
use super::*;
use crate::rng::{Purpose, Streams};
use crate::schema::declare::*;
use crate::schema::diagnostic::Problems;

/// A queue like Amazon SQS, with the target "work".
fn sqs() -> QueueSpec {
    QueueSpec {
        name: "orders".to_owned(),
        site: None,
        preset: Preset::Sqs,
        target: Some("work".to_owned()),
        kind: None,
        groups: 1,
        visibility_timeout: None,
        retention: None,
        delay: None,
        max_receives: None,
        dead_letter: None,
        redrive_after: None,
        poison_ratio: 0.0,
        max_in_flight: None,
        per_million_usd: None,
        consumer: None,
    }
}

fn consumer() -> ConsumerSpec {
    ConsumerSpec {
        batch_size: None,
        batch_window: None,
        max_concurrency: None,
        partial_failure: None,
        pollers: None,
        provisioned: None,
        throttled: None,
        throttle_retry: None,
        renewal: None,
        backoff: None,
        dispatch: None,
        long_poll: None,
        poll_interval: None,
    }
}

/// One message in a batch.
fn singly() -> ConsumerSpec {
    ConsumerSpec { batch_size: Some(1), ..consumer() }
}

fn secs(secs: u64) -> Option<Span> {
    Some(Span::from_secs(secs))
}

/// The calls of the target since the last call of this function: time, token, first message and number of messages.
fn calls(bench: &mut Bench) -> Vec<(f64, Token, u64, u32)> {
    let call = |(at, action)| match action {
        Action::Call { token, target: 0, parcel } => Some((at, token, parcel.number, parcel.items)),
        _ => None,
    };
    bench.take().into_iter().filter_map(call).collect()
}

/// The same without the tokens.
fn delivered(bench: &mut Bench) -> Vec<(f64, u64, u32)> {
    calls(bench).into_iter().map(|(at, _, first, number)| (at, first, number)).collect()
}

/// This many messages arrive at once, numbered from 1.
fn send(bench: &mut Bench, messages: u32) {
    (1..=messages).for_each(|number| bench.arrive(number));
}

/// A function with a fixed duration and a maximum number of simultaneous calls; more are throttled.
struct Function {
    takes: f64,
    limit: usize,
    /// When and how the calls in progress end.
    running: VecDeque<(f64, Token)>,
}

impl Function {
    fn new(takes: f64, limit: usize) -> Self {
        Self { takes, limit, running: VecDeque::new() }
    }

    /// Runs until then. `how`: how a call ends, by the time of its end, which comes just before anything else at that
    /// time.
    fn run(&mut self, bench: &mut Bench, until: u32, how: impl Fn(f64) -> Outcome) {
        for step in 0..=until * 10 {
            let now = f64::from(step) / 10.0;
            bench.until((now - 1e-6).max(0.0));
            self.serve(bench);
            while let Some((at, token)) = self.running.front().copied().filter(|(at, _)| *at <= now) {
                self.running.pop_front();
                bench.answer(token, how(at));
                self.serve(bench);
            }
            bench.until(now);
            self.serve(bench);
        }
    }

    fn serve(&mut self, bench: &mut Bench) {
        loop {
            let calls = calls(bench);
            if calls.is_empty() {
                return;
            }
            for (at, token, ..) in calls {
                if self.running.len() < self.limit {
                    self.running.push_back((at + self.takes, token));
                } else {
                    bench.answer(token, Outcome::Rejected);
                }
            }
        }
    }
}

fn figures<const N: usize>(bench: &mut Bench, keys: [&str; N]) -> [f64; N] {
    let books = bench.books();
    let of = |key: &str| books.get(&format!("messages.{key}"));
    let [sent, redriven, completed, dead, expired, remaining] =
        ["sent", "redriven", "completed", "dead_lettered", "expired", "remaining"].map(|key| of(key).expect(key));
    assert_eq!(sent + redriven, completed + dead + expired + remaining, "{books:?}");
    keys.map(|key| of(key).or_else(|| books.get(key)).expect(key))
}

#[test]
fn what_is_sent_is_accepted_at_once_and_delivered_in_batches() {
    let mut bench = Bench::new(&sqs());
    send(&mut bench, 1);
    let done = bench.take();
    assert_eq!(done[0], (0.0, Action::Answer { call: CallId(1), outcome: Outcome::Completed }));
    let Action::Call { token: first, target: 0, parcel } = done[1].1 else { panic!("{done:?}") };
    assert_eq!(parcel, Parcel::one(0, 1));
    // Five pollers: the remaining messages wait, and go together.
    send(&mut bench, 24);
    let singles: Vec<_> = delivered(&mut bench);
    assert_eq!(singles, [(0.0, 1, 1), (0.0, 2, 1), (0.0, 3, 1), (0.0, 4, 1)]);
    bench.until(0.5);
    bench.answer(first, Outcome::Completed);
    assert_eq!(delivered(&mut bench), [(0.5, 5, 10)]);
    assert_eq!(figures(&mut bench, ["sent", "completed", "remaining", "receives"]), [25.0, 1.0, 24.0, 6.0]);
}

#[test]
fn a_batch_waits_for_more_until_it_is_full_or_its_window_is_over() {
    let consumer = ConsumerSpec { batch_size: Some(3), batch_window: secs(10), ..consumer() };
    let mut bench = Bench::new(&QueueSpec { consumer: Some(consumer), ..sqs() });
    send(&mut bench, 2);
    bench.until(9.0);
    assert_eq!(delivered(&mut bench), []);
    bench.until(20.0);
    assert_eq!(delivered(&mut bench), [(10.0, 1, 2)]);
    send(&mut bench, 7);
    assert_eq!(delivered(&mut bench), [(20.0, 1, 3), (20.0, 4, 3)]);
    bench.until(35.0);
    assert_eq!(delivered(&mut bench), [(30.0, 7, 1)]);
}

#[test]
fn what_failed_comes_back_when_its_visibility_timeout_has_passed_and_dies_at_the_receive_after_the_last() {
    let spec = QueueSpec {
        visibility_timeout: secs(30),
        max_receives: Some(Some(3)),
        dead_letter: Some("dead".to_owned()),
        ..sqs()
    };
    assert_eq!(spec.targets(), ["work", "dead"]);
    let mut bench = Bench::new(&spec);
    send(&mut bench, 1);
    for receive in 0..3u32 {
        let at = f64::from(receive) * 30.0;
        bench.until(at);
        let [(time, token, ..)] = calls(&mut bench)[..] else { panic!("one call") };
        assert_eq!(time, at);
        bench.until(at + 5.0);
        bench.answer(token, Outcome::Failed);
        assert_eq!(figures(&mut bench, ["dead_lettered", "in_flight.peak"]), [0.0, 1.0]);
    }
    bench.until(89.0);
    assert_eq!(bench.take(), []);
    bench.until(90.0);
    let done = bench.take();
    let [(90.0, Action::Call { target: 1, parcel, token })] = done[..] else { panic!("{done:?}") };
    assert_eq!(parcel, Parcel::one(0, 1));
    bench.answer(token, Outcome::Completed);
    assert_eq!(figures(&mut bench, ["dead_lettered", "remaining"]), [1.0, 0.0]);
}

#[test]
fn dead_letters_come_back_once() {
    let spec = QueueSpec { max_receives: Some(Some(1)), redrive_after: secs(600), ..sqs() };
    let mut bench = Bench::new(&spec);
    send(&mut bench, 1);
    Function::new(1.0, 9).run(&mut bench, 2_000, |_| Outcome::Failed);
    assert_eq!(figures(&mut bench, ["sent", "redriven", "dead_lettered", "batches"]), [1.0, 1.0, 2.0, 2.0]);
    assert_eq!(figures(&mut bench, ["discarded"]), [1.0], "one message, however often");
}

#[test]
fn what_is_processed_too_late_is_delivered_again_and_deleted_once() {
    let mut bench = Bench::new(&sqs());
    send(&mut bench, 1);
    let [(_, first, ..)] = calls(&mut bench)[..] else { panic!("one call") };
    bench.until(30.0);
    let [(30.0, second, 1, 1)] = calls(&mut bench)[..] else { panic!("again") };
    bench.until(35.0);
    bench.answer(first, Outcome::Completed);
    assert_eq!(figures(&mut bench, ["completed", "remaining"]), [1.0, 0.0]);
    bench.answer(second, Outcome::Failed);
    bench.until(100.0);
    assert_eq!(calls(&mut bench), []);
    assert_eq!(figures(&mut bench, ["completed", "batches"]), [1.0, 2.0]);
    // A response at the very moment of the timeout is in time.
    send(&mut bench, 1);
    let [(_, token, ..)] = calls(&mut bench)[..] else { panic!("one call") };
    bench.until(129.999_999_999);
    bench.answer(token, Outcome::Completed);
    bench.until(200.0);
    assert_eq!(calls(&mut bench), []);
}

#[test]
fn old_messages_are_lost_unless_they_are_being_processed() {
    let consumer = ConsumerSpec { max_concurrency: Some(2), ..singly() };
    let mut bench = Bench::new(&QueueSpec { retention: secs(60), consumer: Some(consumer), ..sqs() });
    bench.until(35.0);
    send(&mut bench, 5);
    let out = calls(&mut bench);
    bench.until(94.0);
    // The delivered messages have come back and been received again in the meantime, without a response.
    assert_eq!(figures(&mut bench, ["expired", "remaining", "in_flight.peak"]), [0.0, 5.0, 2.0]);
    bench.until(95.0);
    assert_eq!(figures(&mut bench, ["expired", "remaining"]), [5.0, 0.0]);
    bench.answer(out[0].1, Outcome::Completed);
    assert_eq!(figures(&mut bench, ["completed"]), [0.0]);
    // It expires while it is being processed.
    bench.until(100.0);
    send(&mut bench, 1);
    let [(_, token, ..)] = calls(&mut bench)[..] else { panic!("one call") };
    bench.answer(out[1].1, Outcome::Completed);
    bench.until(120.0);
    bench.answer(token, Outcome::Completed);
    assert_eq!(figures(&mut bench, ["completed", "expired"]), [1.0, 5.0]);
}

#[test]
fn a_delay_hides_what_was_sent() {
    let mut bench = Bench::new(&QueueSpec { delay: secs(15), ..sqs() });
    send(&mut bench, 1);
    bench.until(14.0);
    assert_eq!(figures(&mut bench, ["remaining", "depth.peak"]), [1.0, 1.0]);
    bench.until(15.0);
    assert_eq!(delivered(&mut bench), [(15.0, 1, 1)]);
}

/// Reserved concurrency 10, 300 messages at once, 20 s each, visibility timeout 2 minutes: dead letters without any
/// error.
fn lost(max_receives: u32, throttled: Throttled, max_concurrency: Option<u32>) -> f64 {
    let consumer = ConsumerSpec { throttled: Some(throttled), max_concurrency, ..singly() };
    let mut bench = Bench::new(&QueueSpec {
        visibility_timeout: secs(120),
        max_receives: Some(Some(max_receives)),
        consumer: Some(consumer),
        ..sqs()
    });
    send(&mut bench, 300);
    Function::new(20.0, 10).run(&mut bench, 3_600, |_| Outcome::Completed);
    let [dead, completed] = figures(&mut bench, ["dead_lettered", "completed"]);
    assert_eq!(dead + completed, 300.0);
    dead
}

#[test]
fn refused_deliveries_use_up_receives() {
    let returned = [1, 3].map(|most| lost(most, Throttled::Return, None));
    assert!((201.0..260.0).contains(&returned[0]) && (75.0..130.0).contains(&returned[1]), "{returned:?}");
    let held = [1, 3].map(|most| lost(most, Throttled::Hold, None));
    assert!(held[0] < 30.0 && held[1] == 0.0, "{held:?}");
    for throttled in [Throttled::Hold, Throttled::Return] {
        assert_eq!([1, 3].map(|most| lost(most, throttled, Some(10))), [0.0, 0.0]);
    }
}

#[test]
fn a_held_batch_is_tried_again_until_its_visibility_timeout_has_passed() {
    let mut bench = Bench::new(&QueueSpec { visibility_timeout: secs(5), consumer: Some(singly()), ..sqs() });
    send(&mut bench, 1);
    let mut times = Vec::new();
    for second in 0..=8u32 {
        bench.until(second.into());
        for (at, token, ..) in calls(&mut bench) {
            times.push(at);
            bench.answer(token, Outcome::Rejected);
        }
    }
    // At 5 s it stops retrying, and the message is received a second time.
    assert_eq!(times, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    assert_eq!(figures(&mut bench, ["batches", "receives"]), [2.0, 2.0]);
}

#[test]
fn one_with_reserved_concurrency_of_one_serves_what_is_held() {
    let mut bench = Bench::new(&QueueSpec { visibility_timeout: secs(90), consumer: Some(singly()), ..sqs() });
    send(&mut bench, 4);
    Function::new(3.0, 1).run(&mut bench, 20, |_| Outcome::Completed);
    let [completed, last] = figures(&mut bench, ["completed", "age_s.max"]);
    assert!(completed == 4.0 && (11.9..14.0).contains(&last), "{completed} {last}");
}

#[test]
fn a_backlog_drains_faster_each_second() {
    let mut bench = Bench::new(&sqs());
    send(&mut bench, 100_000);
    let mut out = calls(&mut bench);
    assert_eq!(out.len(), 5);
    let mut concurrency = vec![out.len()];
    for second in 1..=70u32 {
        bench.until(f64::from(second) - 0.001);
        for (_, token, ..) in out.drain(..) {
            bench.answer(token, Outcome::Completed);
        }
        bench.until(f64::from(second));
        out.extend(calls(&mut bench));
        concurrency.push(out.len());
    }
    assert_eq!((concurrency[1], concurrency[30], concurrency[60]), (10, 155, 305));
    assert_eq!(figures(&mut bench, ["completed"]), [100_000.0]);
    // 10 x (5 + 10 + ...) messages: all gone after 62 s.
    assert_eq!(concurrency.iter().position(|out| *out == 0), Some(63));
}

#[test]
fn errors_halve_the_pollers_and_partial_failures_do_not() {
    for (partial_failure, after) in [(false, 2), (true, 5)] {
        let consumer = ConsumerSpec { partial_failure: Some(partial_failure), ..singly() };
        let mut bench = Bench::new(&QueueSpec { consumer: Some(consumer), ..sqs() });
        send(&mut bench, 20);
        for (_, token, ..) in calls(&mut bench) {
            bench.answer(token, Outcome::Failed);
        }
        assert_eq!(calls(&mut bench).len(), after);
    }
}

#[test]
fn only_the_poison_comes_back_where_the_target_says_which_it_is() {
    let of = |kind, partial_failure| {
        let consumer = ConsumerSpec { partial_failure: Some(partial_failure), max_concurrency: Some(2), ..consumer() };
        let spec = QueueSpec { kind: Some(kind), delay: secs(1), consumer: Some(consumer), ..sqs() };
        let mut bench = Bench::new(&spec);
        for number in 1..=10 {
            bench.arrive_with(number, Parcel { is_poison: number == 4, ..Parcel::one(0, number.into()) });
        }
        bench.until(1.0);
        let done = bench.take();
        let Some((_, Action::Call { token, parcel, .. })) = done.last() else { panic!("{done:?}") };
        // A target that reports failures per message does not fail.
        assert_eq!((parcel.is_poison, parcel.items), (!partial_failure, 10));
        bench.answer(*token, if parcel.is_poison { Outcome::Failed } else { Outcome::Completed });
        let [completed] = figures(&mut bench, ["completed"]);
        bench.until(31.0);
        (completed, delivered(&mut bench))
    };
    assert_eq!(of(Kind::Standard, false), (0.0, vec![(31.0, 1, 10)]));
    assert_eq!(of(Kind::Standard, true), (9.0, vec![(31.0, 4, 1)]));
    assert_eq!(of(Kind::Fifo, true), (3.0, vec![(31.0, 4, 7)]));
}

#[test]
fn a_group_has_one_batch_at_a_time_in_order() {
    let spec = QueueSpec { preset: Preset::SqsFifo, consumer: Some(singly()), max_receives: Some(Some(2)), ..sqs() };
    let mut bench = Bench::new(&spec);
    send(&mut bench, 3);
    let [(0.0, first, 1, 1)] = calls(&mut bench)[..] else { panic!("one") };
    bench.until(10.0);
    bench.answer(first, Outcome::Failed);
    // The others wait for the failed one.
    bench.until(30.0);
    let [(30.0, again, 1, 1)] = calls(&mut bench)[..] else { panic!("the same") };
    bench.answer(again, Outcome::Failed);
    bench.until(60.0);
    let [(60.0, second, 2, 1)] = calls(&mut bench)[..] else { panic!("the next") };
    assert_eq!(figures(&mut bench, ["dead_lettered"]), [1.0]);
    bench.answer(second, Outcome::Completed);
    assert_eq!(delivered(&mut bench), [(60.0, 3, 1)]);
}

#[test]
fn nothing_of_a_group_overtakes_whatever_fails() {
    for seed in 0..50 {
        let mut stream = Streams::new(seed, 0).stream("order", Purpose::Path);
        let mut of = |most: u32| stream.random_range(0..=most);
        let consumer = ConsumerSpec { batch_size: Some(1 + of(3)), partial_failure: Some(of(1) == 0), ..consumer() };
        let spec = QueueSpec {
            preset: Preset::SqsFifo,
            visibility_timeout: secs(5),
            max_receives: Some((of(1) == 0).then_some(1 + of(2))),
            poison_ratio: if of(1) == 0 { 0.1 } else { 0.0 },
            consumer: Some(consumer),
            ..sqs()
        };
        let mut bench = Bench::new(&spec);
        let mut sent = 0;
        for step in 0..400u32 {
            bench.until(step.into());
            if of(2) == 0 {
                sent += 1;
                bench.arrive(sent);
            }
            while let [(_, token, first, _)] = calls(&mut bench)[..] {
                // The first message that is still in the queue.
                let [completed, dead] = figures(&mut bench, ["completed", "dead_lettered"]);
                assert_eq!(first as f64, completed + dead + 1.0, "{spec:?}");
                let ends = [Outcome::Completed, Outcome::Completed, Outcome::Failed];
                bench.answer(token, ends[of(2) as usize]);
            }
        }
    }
}

#[test]
fn groups_are_processed_beside_each_other_each_in_order() {
    let spec = QueueSpec { preset: Preset::SqsFifo, groups: 50, ..sqs() };
    let mut bench = Bench::new(&spec);
    send(&mut bench, 2_000);
    Function::new(0.1, 3).run(&mut bench, 500, |at| if at % 7.0 < 0.2 { Outcome::Failed } else { Outcome::Completed });
    assert_eq!(figures(&mut bench, ["completed"]), [2_000.0]);
}

#[test]
fn idle_pollers_cost_money() {
    let mut bench = Bench::new(&QueueSpec { per_million_usd: Some(1e6), ..sqs() });
    send(&mut bench, 1);
    let [(_, token, ..)] = calls(&mut bench)[..] else { panic!("one") };
    bench.answer(token, Outcome::Completed);
    bench.until(60.0);
    // Sent, received, deleted; and 5 pollers with waits of 20 s.
    assert_eq!(figures(&mut bench, ["empty_receives", "cost_usd"]), [15.0, 18.0]);
}

#[test]
fn cloud_tasks_backs_off_as_its_documentation_says() {
    let backoff = BackoffSpec { min: Span::from_secs(10), max: Span::from_secs(300), doublings: 3 };
    let consumer = ConsumerSpec { backoff: Some(Some(backoff)), ..consumer() };
    let mut bench = Bench::new(&QueueSpec { preset: Preset::CloudTasks, consumer: Some(consumer), ..sqs() });
    send(&mut bench, 1);
    let mut times = Vec::new();
    for second in 0..1_500u32 {
        bench.until(second.into());
        for (at, token, ..) in calls(&mut bench) {
            times.push(at);
            bench.answer(token, Outcome::Failed);
        }
    }
    let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [10.0, 20.0, 40.0, 80.0, 160.0, 240.0, 300.0, 300.0, 300.0]);
}

#[test]
fn what_fails_at_once_and_comes_back_at_once_takes_time_all_the_same() {
    let at_once = BackoffSpec { min: Span::ZERO, max: Span::ZERO, doublings: 0 };
    for backoff in [None, Some(at_once)] {
        let consumer = ConsumerSpec { backoff: Some(backoff), ..consumer() };
        let mut bench = Bench::new(&QueueSpec { preset: Preset::PubsubPull, consumer: Some(consumer), ..sqs() });
        send(&mut bench, 1);
        let mut attempts = 0;
        for step in 0..=1_000u32 {
            bench.until(f64::from(step) / 1_000.0);
            for (_, token, ..) in calls(&mut bench) {
                attempts += 1;
                bench.answer(token, Outcome::Failed);
            }
        }
        assert_eq!(attempts, 1_001);
    }
}

#[test]
fn a_bucket_of_tokens_holds_deliveries_back() {
    let dispatch = BucketSpec { rate: 2.0, burst: Some(3.0) };
    let consumer = ConsumerSpec { dispatch: Some(Some(dispatch)), ..consumer() };
    let mut bench = Bench::new(&QueueSpec { preset: Preset::CloudTasks, consumer: Some(consumer), ..sqs() });
    send(&mut bench, 6);
    bench.until(10.0);
    let times: Vec<f64> = delivered(&mut bench).into_iter().map(|(at, ..)| at).collect();
    assert_eq!(times, [0.0, 0.0, 0.0, 0.5, 1.0, 1.5]);
}

#[test]
fn an_empty_azure_queue_is_looked_at_less_and_less_often() {
    let mut bench = Bench::new(&QueueSpec { preset: Preset::AzureStorage, ..sqs() });
    bench.until(0.05);
    send(&mut bench, 1);
    bench.until(1.0);
    assert_eq!(delivered(&mut bench), [(0.1, 1, 1)]);
    // Empty from then on: polled after 0.1, 0.3, 0.7, 1.5 ... 51.1, 102.3 s, then at intervals of at most a minute.
    bench.until(51.25);
    send(&mut bench, 1);
    bench.until(200.0);
    assert_eq!(delivered(&mut bench), [(102.4, 1, 1)]);
    bench.until(102.4 + 102.3 + 60.0 * 50.0 + 1.0);
    send(&mut bench, 2);
    bench.until(10_000.0);
    assert_eq!(delivered(&mut bench), [(3_264.7, 1, 1), (3_264.7, 2, 1)]);
    // While it was not empty, messages were received at once.
    let [empty] = figures(&mut bench, ["empty_receives"]);
    assert!((9.0 + 59.0..9.0 + 61.0 + 120.0).contains(&empty), "{empty}");
}

#[test]
fn provisioned_pollers_grow_faster_and_are_paid_for_by_the_hour() {
    let provisioned = ProvisionedSpec { min: 2, max: 80, per_hour_usd: 0.00925 };
    let spec = QueueSpec {
        consumer: Some(ConsumerSpec { provisioned: Some(provisioned), ..singly() }),
        per_million_usd: Some(0.0),
        visibility_timeout: secs(3_600),
        ..sqs()
    };
    let mut bench = Bench::new(&spec);
    send(&mut bench, 2_000);
    let mut out = vec![calls(&mut bench).len()];
    for minute in 1..=2u32 {
        bench.until(f64::from(minute) * 30.0);
        out.push(calls(&mut bench).len());
    }
    // 20 at first; 1,000 more in a minute, but 80 pollers provide 800.
    assert_eq!(out, [20, 500, 280]);
    // The price in AWS's example: 8,000 poller-hours for $74.
    let mut bench = Bench::new(&spec);
    send(&mut bench, 1);
    let [(_, token, ..)] = calls(&mut bench)[..] else { panic!("one") };
    bench.answer(token, Outcome::Completed);
    bench.until(4_000.0 * 3_600.0);
    let [cost] = figures(&mut bench, ["cost_usd"]);
    assert!((cost - 74.0).abs() < 1e-6, "{cost}");
}

#[test]
fn pushes_start_slowly() {
    let mut bench = Bench::new(&QueueSpec { preset: Preset::PubsubPush, ..sqs() });
    send(&mut bench, 100);
    let mut out = calls(&mut bench);
    let mut together = vec![out.len()];
    for round in 1..5u32 {
        bench.until(round.into());
        for (_, token, ..) in std::mem::take(&mut out) {
            bench.answer(token, Outcome::Completed);
        }
        out = calls(&mut bench);
        together.push(out.len());
    }
    assert_eq!(together, [1, 2, 4, 8, 16]);
}

#[test]
fn a_queue_that_is_out_accepts_and_delivers_nothing() {
    let mut bench = Bench::new(&QueueSpec { delay: secs(5), ..sqs() });
    send(&mut bench, 1);
    bench.take();
    bench.disturb(&Disturbance::Outage(true));
    bench.arrive(2);
    assert_eq!(bench.take(), [(0.0, Action::Answer { call: CallId(2), outcome: Outcome::Failed })]);
    bench.until(20.0);
    assert_eq!(bench.take(), []);
    bench.disturb(&Disturbance::Outage(false));
    assert_eq!(delivered(&mut bench), [(20.0, 1, 1)]);
}

#[test]
fn some_messages_are_poison() {
    let mut bench =
        Bench::new(&QueueSpec { poison_ratio: 0.25, consumer: Some(singly()), preset: Preset::KnativeBroker, ..sqs() });
    send(&mut bench, 1_000);
    let done = bench.take();
    let poison = |(_, action): &&(f64, Action)| matches!(action, Action::Call { parcel, .. } if parcel.is_poison);
    let poison = done.iter().filter(poison).count();
    // 250, with a standard deviation of 13.7.
    assert!((195..305).contains(&poison), "{poison}");
}

#[test]
fn every_message_is_somewhere_whatever_happens() {
    for seed in 0..100 {
        let mut stream = Streams::new(seed, 0).stream("generated", Purpose::Path);
        let mut of = |most: u32| stream.random_range(0..=most);
        let kind = if of(1) == 0 { Kind::Standard } else { Kind::Fifo };
        let backoff = BackoffSpec { min: Span::from_secs(of(3).into()), max: Span::from_secs(9), doublings: of(3) };
        let dispatch = BucketSpec { rate: 1.5, burst: Some(f64::from(1 + of(3))) };
        let consumer = ConsumerSpec {
            batch_size: Some(1 + of(4)),
            batch_window: secs(of(3).into()),
            max_concurrency: Some(2 + of(4)),
            partial_failure: Some(of(1) == 0),
            throttled: Some(if of(1) == 0 { Throttled::Hold } else { Throttled::Return }),
            renewal: Some(of(3) == 0),
            backoff: Some((of(1) == 0).then_some(backoff)),
            dispatch: Some((of(2) == 0).then_some(dispatch)),
            ..consumer()
        };
        let spec = QueueSpec {
            kind: Some(kind),
            groups: 1 + of(3),
            visibility_timeout: secs((1 + of(9)).into()),
            retention: secs((20 + of(60)).into()),
            delay: secs(of(2).into()),
            max_receives: Some((of(1) == 0).then_some(1 + of(4))),
            redrive_after: (of(2) == 0).then_some(Span::from_secs(7)),
            poison_ratio: f64::from(of(3)) / 10.0,
            max_in_flight: (of(2) == 0).then_some(1 + of(6)),
            consumer: Some(consumer),
            ..sqs()
        };
        let mut bench = Bench::new(&spec);
        let (mut out, mut sent, mut delivered) = (Vec::new(), 0, 0);
        for step in 0..900 {
            let now = f64::from(step) * 0.3;
            bench.until(now);
            if step < 300 && of(2) > 0 {
                sent += 1;
                bench.arrive(sent);
            }
            out.extend(calls(&mut bench));
            while !out.is_empty() && (of(2) > 0 || step > 600) {
                let (_, token, ..) = out.swap_remove(of(out.len() as u32 - 1) as usize);
                let ends = [Outcome::Completed, Outcome::Failed, Outcome::Rejected, Outcome::TimedOut];
                bench.answer(token, ends[of(3) as usize]);
                delivered += 1;
                out.extend(calls(&mut bench));
                assert!(delivered < 100_000, "{spec:?}");
            }
            if step % 10 == 0 {
                figures(&mut bench, []);
            }
        }
        // After twice the lifetime of a message, nothing is left and nothing has been lost track of.
        let [count, remaining] = figures(&mut bench, ["sent", "remaining"]);
        assert_eq!((count, remaining), (f64::from(sent), 0.0), "{spec:?}");
    }
}

#[test]
fn what_the_real_service_refuses_is_said() {
    let problems = |toml: &str| {
        let mut problems = Problems::default();
        let source = problems.add_source("test", toml.to_owned(), 1);
        let node = Node::parse(toml, source, &mut problems);
        let spec = QueueSpec::read(&node, &mut Reader::new(&mut problems, &["queue", "orders"]));
        (spec, if problems.is_empty() { String::new() } else { problems.to_string() })
    };
    let (spec, said) =
        problems("name = \"orders\"\ntarget = \"work\"\nconsumer.batch-size = 100\nconsumer.batch-window = \"5s\"");
    assert_eq!((spec.map(|spec| spec.processing_limit()), said.as_str()), (Some(secs(30)), ""));
    for (wrong, expected) in [
        ("consumer.batch-size = 100", "above 10 `batch-window` must be 1s or longer"),
        ("kind = \"fifo\"\nconsumer.batch-window = \"1s\"", "a fifo queue has none"),
        ("consumer.max-concurrency = 1", "it is from 2 to 1000"),
        ("visibility-timeout = \"13h\"", "it is at most 12h"),
        ("retention = \"30s\"", "from 1m to 14d"),
        ("groups = 4", "means nothing in a standard queue"),
        ("dead-letter = \"orders\"", "is the queue itself"),
        (
            "consumer = { provisioned = { min = 2, max = 4 }, max-concurrency = 5 }",
            "`provisioned` and `max-concurrency` together",
        ),
        ("consumer.provisioned = { min = 4, max = 2 }", "it must be at least `min` (4)"),
        ("visibility-timeout = \"1us\"", "it must be at least 1ms"),
        ("dead-letter = \"dead\"\nredrive-after = \"1h\"", "together"),
        ("consumer.backoff = { min = \"2s\", max = \"1s\" }", "it must be at least `min` (2s)"),
    ] {
        let (_, said) = problems(&format!("name = \"orders\"\n{wrong}"));
        assert!(said.contains(expected), "{wrong}: {said}");
    }
}
