//! The internal queue of a platform for asynchronous invocations of a function.
//!
//! An event is accepted at once, and the function is invoked as soon as possible. The rules are those of AWS Lambda
//! (developer guide, invocation-async-error-handling): when the function fails, the event is retried after one minute,
//! then after two; when it is throttled, after one second, doubling up to five minutes, until the event is too old.
//! Throttled tries do not count as attempts. Lambda documents, without numbers, that it reads a long queue more slowly;
//! this is not modeled.

use std::collections::BTreeMap;

use rand::RngExt;

use super::books::{Books, Level, Measured, Times};
use super::timers::Timers;
use super::{CallId, Component, Disturbance, Gauges, Outcome, Parcel, Ports, Spec, Token, drawn};
use crate::dist::Dist;
use crate::metric::component::{EVENTS, Flow, Kind, Losses, RATIO, component_metrics};
use crate::metric::signal::{self, Signal};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Count, PositiveDuration, Ratio, Text};
use crate::schema::sizes::Bytes;
use crate::time::{SimTime, Span};

/// What results report about the queues of asynchronous invocations.
pub(crate) const KIND: Kind = Kind {
    title: "Asynchronous invocation",
    rows_are: "Function",
    arrivals: "events.received",
    headline: &["events.dead_lettered", "events.expired", "age_s.p99"],
    keeps: true,
    lasts: true,
    metrics: component_metrics! {
        "events.received": EVENTS, "Events that were accepted.";
        "events.duplicated": EVENTS.lower(), "Events that were delivered twice.";
        "events.completed": EVENTS.higher(), "Events that were processed.";
        "events.dead_lettered": EVENTS.lower(), "Events that exceeded the maximum attempts.";
        "events.expired": EVENTS.lower(), "Events that became too old.";
        "events.discarded": EVENTS.lower(), "Events that exceeded the maximum attempts or became too old, each counted \
                                             once even if both copies of a duplicated one did.";
        "events.remaining": EVENTS.lower(), "Events left at the end of the run.";
        "attempts": EVENTS, "Attempted invocations.";
        "throttled": EVENTS.lower(), "Throttled invocations.";
        "dead_letter_ratio": RATIO(&["events.discarded"], "events.received"), "Discarded events as a share of all.";
        @times "age_s", "Time from accepting an event to its completion";
        @level "depth", "Events that wait";
    },
    limits: &[],
    columns: &[
        ("events.received", "Received"),
        ("events.completed", "Completed"),
        ("events.dead_lettered", "Dead letters"),
        ("events.expired", "Expired"),
        ("events.remaining", "Remaining"),
        ("attempts", "Attempts"),
        ("age_s.p99", "Age p99"),
    ],
    flow: Some(Flow {
        incoming: &["events.received", "events.duplicated"],
        succeeded: &["events.completed"],
        failed: &["events.dead_lettered", "events.expired"],
        remaining: &["events.remaining"],
        time: Some(("age p99", "age_s.p99")),
        word: "lost",
    }),
    losses: Some(Losses {
        what: "events of function",
        of: "events.received",
        lost: &["events.dead_lettered", "events.expired"],
    }),
    signals: &[
        ("events.received", Signal::Count(signal::Event::Succeeded)),
        ("events.completed", Signal::Count(signal::Event::Deleted)),
        ("events.dead_lettered", Signal::Count(signal::Event::DeadLettered)),
        ("depth", Signal::Depth),
        ("oldest_age_s", Signal::OldestAge),
    ],
    has_latency: false,
};

parameters! {
    /// How asynchronous invocations of a function are handled.
    pub struct AsyncParameters {
        /// Maximum number of attempts for an event whose function fails.
        default max_attempts: Count<1, 1_000> = 3,
        /// Delays before each retry after a failure; the last one applies to all further retries.
        default backoff: List<PositiveDuration, 1, 1_000> = vec![Span::from_secs(60), Span::from_secs(120)],
        /// Delay before an event is retried after being throttled; doubles each time.
        default throttle_backoff: PositiveDuration = Span::from_secs(1),
        /// Longest such delay.
        default max_throttle_backoff: PositiveDuration = Span::from_secs(300),
        /// Age at which an event is discarded.
        default max_age: PositiveDuration = Span::from_secs(6 * 3_600),
        /// Destination of discarded events: a queue or any other target. Default: they are only counted.
        optional dead_letter: Text,
        /// Largest payload of an event; a larger one is rejected, as by HTTP 413. AWS Lambda: 1MB since late 2025, 256KB before.
        default payload_limit: Bytes = 1 << 20,
        /// Share of events that are delivered twice (delivery is at least once).
        default duplicate_ratio: Ratio = 0.0,
    }
}

impl AsyncParameters {
    /// The behavior of AWS Lambda.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            max_attempts: 3,
            backoff: vec![Span::from_secs(60), Span::from_secs(120)],
            throttle_backoff: Span::from_secs(1),
            max_throttle_backoff: Span::from_secs(300),
            max_age: Span::from_secs(6 * 3_600),
            dead_letter: None,
            payload_limit: 1 << 20,
            duplicate_ratio: 0.0,
        }
    }

    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let Self { throttle_backoff, max_throttle_backoff, .. } = self;
        let rule = format!("it must be at least `throttle-backoff` ({throttle_backoff})");
        check.rule("max-throttle-backoff", max_throttle_backoff, max_throttle_backoff >= throttle_backoff, rule);
    }
}

/// The queue of asynchronous invocations of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct AsyncSpec {
    /// The function that it invokes.
    pub function: String,
    /// How it handles events.
    pub parameters: AsyncParameters,
}

impl Spec for AsyncSpec {
    fn targets(&self) -> Vec<&str> {
        let dead_letter = self.parameters.dead_letter.as_deref();
        [self.function.as_str()].into_iter().chain(dead_letter).collect()
    }

    fn build(&self, stream: Stream) -> Box<dyn Component> {
        Box::new(AsyncQueue {
            parameters: self.parameters.clone(),
            stream,
            serial: 0,
            events: BTreeMap::new(),
            timers: Timers::new(Token(0), true),
            errors: 0.0,
            delay: None,
            is_out: false,
            tally: Tally::default(),
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct Event {
    parcel: Parcel,
    received: SimTime,
    /// Attempts that failed.
    attempts: u32,
    /// Throttled attempts.
    refusals: u32,
    is_out: bool,
    /// Whether it arrived in the measured period.
    is_measured: bool,
    /// The other copy of a duplicated event.
    twin: Option<u64>,
    /// Whether the other copy has been discarded.
    is_twin_discarded: bool,
}

#[derive(Debug, Default)]
struct Tally {
    received: u64,
    duplicated: u64,
    completed: u64,
    dead_lettered: u64,
    expired: u64,
    /// Distinct events of which a copy was discarded.
    discarded: u64,
    attempts: u64,
    throttled: u64,
    age: Times,
    depth: Level,
}

/// The state of the queue.
struct AsyncQueue {
    parameters: AsyncParameters,
    stream: Stream,
    serial: u64,
    events: BTreeMap<u64, Event>,
    /// When events are retried or expire.
    timers: Timers<u64>,
    errors: f64,
    /// Delay until events reach the function.
    delay: Option<Dist>,
    is_out: bool,
    tally: Tally,
}

impl AsyncQueue {
    fn invoke(&mut self, id: u64, ports: &mut Ports<'_>) {
        let Some(event) = self.events.get_mut(&id) else { return };
        event.is_out = true;
        self.tally.attempts += u64::from(event.is_measured);
        ports.call(0, Token(id), event.parcel);
    }

    /// Schedules a retry of an event, or discards it if it would be too old by then.
    fn wait(&mut self, id: u64, pause: Span, now: SimTime) {
        let Some(event) = self.events.get_mut(&id) else { return };
        event.is_out = false;
        let expires = event.received + self.parameters.max_age;
        self.timers.set((now + pause).min(expires).max(now), id);
    }

    fn give_up(&mut self, id: u64, ports: &mut Ports<'_>) -> u64 {
        let Some(event) = self.events.remove(&id) else { return 0 };
        self.tally.discarded += u64::from(event.is_measured && !event.is_twin_discarded);
        if let Some(twin) = event.twin.and_then(|twin| self.events.get_mut(&twin)) {
            twin.is_twin_discarded = true;
        }
        if self.parameters.dead_letter.is_some() {
            self.serial += 1;
            ports.call(1, Token(self.serial), event.parcel);
        }
        u64::from(event.is_measured)
    }

    fn update_gauges(&mut self, ports: &mut Ports<'_>) {
        self.tally.depth.set(self.events.len() as u64, ports.now);
        self.timers.arm(ports);
    }
}

impl Component for AsyncQueue {
    fn measured(&mut self, measured: Measured) {
        self.tally.depth.measured(measured);
    }

    fn arrived(&mut self, call: CallId, parcel: Parcel, ports: &mut Ports<'_>) {
        if self.is_out || self.errors > 0.0 && self.stream.random_bool(self.errors) {
            ports.answer(call, Outcome::Failed);
            return;
        }
        if parcel.bytes > self.parameters.payload_limit {
            ports.answer(call, Outcome::TooLarge);
            return;
        }
        ports.answer(call, Outcome::Completed);
        let ratio = self.parameters.duplicate_ratio;
        let is_twice = ratio > 0.0 && self.stream.random_bool(ratio);
        let is_measured = ports.is_measured;
        self.tally.received += u64::from(is_measured);
        self.tally.duplicated += u64::from(is_measured && is_twice);
        let copies = self.serial + 1..self.serial + 2 + u64::from(is_twice);
        self.serial = copies.end - 1;
        for id in copies.clone() {
            let twin = copies.clone().find(|other| *other != id);
            let event = Event {
                parcel,
                received: ports.now,
                attempts: 0,
                refusals: 0,
                is_out: false,
                is_measured,
                twin,
                is_twin_discarded: false,
            };
            self.events.insert(id, event);
            let delay = drawn(self.delay.as_ref(), &mut self.stream);
            if delay > Span::ZERO {
                self.wait(id, delay, ports.now);
            } else {
                self.invoke(id, ports);
            }
        }
        self.update_gauges(ports);
    }

    fn woken(&mut self, token: Token, ports: &mut Ports<'_>) {
        self.timers.rang(token, ports.now);
        while let Some(id) = self.timers.due(ports.now) {
            let Some(event) = self.events.get(&id) else { continue };
            if ports.now.since(event.received) >= self.parameters.max_age {
                self.tally.expired += self.give_up(id, ports);
            } else {
                self.invoke(id, ports);
            }
        }
        self.update_gauges(ports);
    }

    fn answered(&mut self, token: Token, outcome: Outcome, ports: &mut Ports<'_>) {
        let id = token.0;
        // The response of the dead-letter target is ignored.
        let Some(event) = self.events.get_mut(&id) else { return };
        let AsyncParameters { backoff, max_attempts, throttle_backoff, max_throttle_backoff, .. } = &self.parameters;
        match outcome {
            Outcome::Completed => {
                if event.is_measured {
                    self.tally.completed += 1;
                    self.tally.age.record(ports.now.since(event.received));
                }
                self.events.remove(&id);
            }
            Outcome::Rejected | Outcome::BreakerOpen | Outcome::QueueTimedOut => {
                let doubled = 1u64.checked_shl(event.refusals).unwrap_or(u64::MAX);
                let pause = Span::from_nanos(throttle_backoff.as_nanos().saturating_mul(doubled));
                let pause = pause.min(*max_throttle_backoff);
                event.refusals = event.refusals.saturating_add(1);
                self.tally.throttled += u64::from(event.is_measured);
                self.wait(id, pause, ports.now);
            }
            _ => {
                event.attempts += 1;
                if event.attempts >= *max_attempts {
                    self.tally.dead_lettered += self.give_up(id, ports);
                } else {
                    let pause = backoff.get(event.attempts as usize - 1).or(backoff.last()).copied();
                    self.wait(id, pause.unwrap_or_default(), ports.now);
                }
            }
        }
        self.update_gauges(ports);
    }

    fn disturbed(&mut self, disturbance: &Disturbance, _: &mut Ports<'_>) {
        match disturbance {
            Disturbance::Outage(is_out) => self.is_out = *is_out,
            Disturbance::Errors(ratio) => self.errors = *ratio,
            Disturbance::Delay(delay) => self.delay.clone_from(delay),
            _ => {}
        }
    }

    fn gauges(&self, _: SimTime) -> Gauges {
        let in_flight = self.events.values().filter(|event| event.is_out).count() as u64;
        let oldest = self.events.values().next().map(|event| event.received);
        let given_up = self.tally.dead_lettered + self.tally.expired;
        Gauges { waiting: self.events.len() as u64 - in_flight, in_flight, oldest, given_up, ..Gauges::default() }
    }

    fn close(&mut self, end: SimTime, books: &mut Books) {
        let Tally { received, duplicated, completed, dead_lettered, expired, discarded, attempts, throttled, .. } =
            self.tally;
        let remaining = self.events.values().filter(|event| event.is_measured).count() as u64;
        books.count("events.received", received);
        books.count("events.duplicated", duplicated);
        books.count("events.completed", completed);
        books.count("events.dead_lettered", dead_lettered);
        books.count("events.expired", expired);
        books.count("events.discarded", discarded);
        books.count("events.remaining", remaining);
        books.count("attempts", attempts);
        books.count("throttled", throttled);
        books.times("age_s", &self.tally.age);
        books.level("depth", &self.tally.depth, end);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Action;
    use super::super::testing::Bench;
    use super::*;

    fn parameters() -> AsyncParameters {
        let mut problems = crate::schema::diagnostic::Problems::default();
        let node = Node::parse("", 0, &mut problems);
        AsyncParameters::read(&node, &mut Reader::new(&mut problems, &["async"])).expect("everything has a default")
    }

    fn bench(parameters: AsyncParameters) -> Bench {
        Bench::new(&AsyncSpec { function: "resize".to_owned(), parameters })
    }

    /// The times at which the function is called, up to a given time; each call ends after the given duration.
    fn tried(bench: &mut Bench, until: u32, takes: f64, ends: impl Fn(usize) -> Outcome) -> Vec<f64> {
        let (mut times, mut out) = (Vec::new(), Vec::new());
        for second in 0..=until {
            let now = f64::from(second);
            bench.until(now);
            out.extend(bench.take().into_iter().filter_map(|(at, action)| match action {
                Action::Call { target: 0, token, .. } => Some((at, token)),
                _ => None,
            }));
            while let Some(at) = out.iter().position(|(at, _)| at + takes <= now) {
                let (began, token) = out.remove(at);
                bench.answer(token, ends(times.len()));
                times.push(began);
            }
        }
        times
    }

    fn figures(bench: &mut Bench) -> [f64; 5] {
        let books = bench.books();
        let of = |key: &str| books.get(&format!("events.{key}")).expect(key);
        let ended = of("completed") + of("dead_lettered") + of("expired") + of("remaining");
        assert_eq!(of("received") + of("duplicated"), ended, "{books:?}");
        ["received", "completed", "dead_lettered", "expired", "remaining"].map(of)
    }

    #[test]
    fn what_always_fails_is_tried_at_once_after_one_minute_and_after_two_more() {
        let mut bench = bench(parameters());
        bench.arrive(1);
        assert_eq!(bench.done[0].1, Action::Answer { call: CallId(1), outcome: Outcome::Completed });
        assert_eq!(tried(&mut bench, 1_000, 0.0, |_| Outcome::Failed), [0.0, 60.0, 180.0]);
        assert_eq!(figures(&mut bench), [1.0, 0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn it_waits_from_the_end_of_an_attempt_on() {
        let mut bench = bench(parameters());
        bench.arrive(1);
        let ends = |attempt| if attempt == 2 { Outcome::Completed } else { Outcome::TimedOut };
        assert_eq!(tried(&mut bench, 1_000, 10.0, ends), [0.0, 70.0, 200.0]);
        assert_eq!(figures(&mut bench), [1.0, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(bench.books().get("age_s.max").map(f64::round), Some(210.0));
    }

    #[test]
    fn refusals_double_up_to_five_minutes_and_end_with_the_age_of_the_event() {
        let dead_letter = Some("lost".to_owned());
        let mut bench = bench(AsyncParameters { dead_letter, ..parameters() });
        bench.arrive(1);
        let times = tried(&mut bench, 21_599, 0.0, |_| Outcome::Rejected);
        assert_eq!(times[..11], [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 127.0, 255.0, 511.0, 811.0]);
        // 511 s for 9 tries, then one every 300 s: 70 more before 6 h.
        assert_eq!((times.len(), figures(&mut bench)), (1 + 9 + 70, [1.0, 0.0, 0.0, 0.0, 1.0]));
        bench.until(21_600.0);
        let done = bench.take();
        assert!(matches!(done[..], [(21_600.0, Action::Call { target: 1, .. })]), "{done:?}");
        assert_eq!(figures(&mut bench), [1.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn refusals_use_up_no_attempts() {
        let mut bench = bench(parameters());
        bench.arrive(1);
        let ends = |attempt| if attempt % 2 == 0 { Outcome::Rejected } else { Outcome::Failed };
        // Throttled at 0 s, failed at 1 s, throttled at 61 s, failed at 63 s, throttled at 183 s, failed at 187 s.
        assert_eq!(tried(&mut bench, 1_000, 0.0, ends), [0.0, 1.0, 61.0, 63.0, 183.0, 187.0]);
        assert_eq!(figures(&mut bench), [1.0, 0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn some_events_come_twice() {
        let mut bench = bench(AsyncParameters { duplicate_ratio: 1.0, ..parameters() });
        bench.arrive(1);
        assert_eq!(tried(&mut bench, 10, 1.0, |_| Outcome::Completed), [0.0, 0.0]);
        assert_eq!(figures(&mut bench), [1.0, 2.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn an_event_that_is_discarded_twice_counts_once() {
        for (fail, dead_lettered) in [(1, 1.0), (2, 2.0)] {
            let mut bench = bench(AsyncParameters { duplicate_ratio: 1.0, max_attempts: 1, ..parameters() });
            bench.arrive(1);
            let ends = |call| if call < fail { Outcome::Failed } else { Outcome::Completed };
            assert_eq!(tried(&mut bench, 10, 1.0, ends), [0.0, 0.0]);
            assert_eq!(figures(&mut bench), [1.0, 2.0 - dead_lettered, dead_lettered, 0.0, 0.0]);
            assert_eq!(bench.books().get("events.discarded"), Some(1.0));
        }
    }
}
