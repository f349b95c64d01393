//! A topic: each published message goes to every subscriber, with separate retries for each.
//!
//! The delivery policy is that of Amazon SNS (SNS developer guide, message delivery retries). The numbers of retries in
//! its four phases and the delays are parameters: at once, after the minimum delay, with growing delays, and after the
//! maximum delay. SNS makes 3 + 2 + 10 + 100,000 retries to Lambda and SQS, over 23 days. How the delays of the third
//! phase grow is not published: here by a constant factor.

use std::collections::BTreeMap;

use rand::RngExt;

use super::books::{Books, Level, Measured, Times};
use super::timers::Timers;
use super::{CallId, Component, Disturbance, Gauges, Outcome, Parcel, Ports, Spec, Token, drawn};
use crate::dist::{Dist, DistSpec};
use crate::metric::component::{EVENTS, Flow, Kind, Losses, USD, component_metrics};
use crate::metric::signal::{Event, Signal};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Flag, Name, PositiveDuration, Text, Window};
use crate::time::{SimTime, Span};

/// What results report about topics.
pub(crate) const KIND: Kind = Kind {
    title: "Topics",
    rows_are: "Topic",
    arrivals: "messages.published",
    headline: &["messages.dropped", "delivery_s.p99"],
    keeps: true,
    lasts: true,
    metrics: component_metrics! {
        "messages.published": EVENTS, "Messages that were published.";
        "messages.delivered": EVENTS.higher(), "Deliveries that were accepted.";
        "messages.dropped": EVENTS.lower(), "Deliveries that were discarded.";
        "messages.in_flight": EVENTS.lower(), "Deliveries in progress at the end of the run.";
        "retries": EVENTS.lower(), "Deliveries that were retried.";
        "cost_usd": USD, "Cost of the topic.";
        @times "delivery_s", "Time from publishing to acceptance by a subscriber";
        @level "in_flight", "Deliveries in progress";
    },
    limits: &[],
    columns: &[
        ("messages.published", "Published"),
        ("messages.delivered", "Delivered"),
        ("messages.dropped", "Dropped"),
        ("retries", "Retries"),
        ("cost_usd", "Cost"),
    ],
    flow: Some(Flow {
        incoming: &["messages.delivered", "messages.dropped", "messages.in_flight"],
        succeeded: &["messages.delivered"],
        failed: &["messages.dropped"],
        remaining: &["messages.in_flight"],
        time: Some(("p99", "delivery_s.p99")),
        word: "lost",
    }),
    losses: Some(Losses { what: "deliveries of topic", of: "messages.published", lost: &["messages.dropped"] }),
    signals: &[
        ("messages.published", Signal::Count(Event::Arrived)),
        ("messages.delivered", Signal::Count(Event::Deleted)),
        ("in_flight", Signal::InFlight),
    ],
    has_latency: false,
};

parameters! {
    /// A topic: messages are accepted at once and delivered to every target, with retries until the target accepts
    /// them.
    pub struct TopicSpec {
        /// Name and description.
        required name: Name,
        /// Its site. Default: the first `[[site]]`.
        optional site: Name,
        /// The subscribers, each of which receives every message.
        required targets: List<Text, 1, MAX_SUBSCRIPTIONS>,
        /// The product that provides all values of `retry` not set here.
        default preset: Preset = Preset::Sns,
        /// Time from accepting a message to its first delivery. Default: as in the preset (S3: a median of 1 s).
        optional latency: OrNone<DistSpec>,
        /// When a failed delivery is retried.
        optional retry: RetrySpec,
        /// Price per million published messages. Default: as in the preset (SNS: 0.50).
        optional per_million_usd: Amount,
    }
}

parameters! {
    /// When a failed delivery is retried, phase by phase. All defaults are those of the topic's preset.
    pub struct RetrySpec {
        /// Immediate retries (SNS: 3).
        optional immediate: Count<0, 1_000>,
        /// Retries after `min-delay` each (SNS: 2).
        optional after_min_delay: Count<0, MAX_RETRIES>,
        /// Retries with delays that grow from `min-delay` to `max-delay` (SNS: 10).
        optional growing: Count<0, MAX_RETRIES>,
        /// Retries after `max-delay` each (SNS: 100000).
        optional after_max_delay: Count<0, MAX_RETRIES>,
        /// Shortest delay (SNS: 1s).
        optional min_delay: PositiveDuration,
        /// Longest delay (SNS: 20s).
        optional max_delay: PositiveDuration,
        /// Whether each delay is drawn uniformly from zero to its value.
        optional jitter: Flag,
        /// Age at which a message is discarded (SNS: "forever").
        optional max_age: Window,
    }
}

/// Maximum number of subscriptions of a topic: SNS allows 12.5 million, but those are mostly phones.
const MAX_SUBSCRIPTIONS: u32 = 10_000;
/// Maximum number of retries of a phase.
const MAX_RETRIES: u32 = 10_000_000;

choice! {
    /// The product that a preset describes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Preset {
        "sns" => Sns, "Amazon SNS, to Lambda, SQS and other services of AWS.";
        "sns-http" => SnsHttp, "Amazon SNS, to HTTP.";
        "eventbridge" => Eventbridge, "A rule of Amazon EventBridge.";
        "s3" => S3, "Event notifications of an Amazon S3 bucket: each request is an event such as the creation of an object.";
    }
}

/// When a delivery is retried.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Retry {
    immediate: u32,
    after_min_delay: u32,
    growing: u32,
    after_max_delay: u32,
    min_delay: Span,
    max_delay: Span,
    jitter: bool,
    max_age: Span,
}

impl Preset {
    /// The retries and the price of a preset.
    const fn values(self) -> (Retry, f64) {
        let sns = Retry {
            immediate: 3,
            after_min_delay: 2,
            growing: 10,
            after_max_delay: 100_000,
            min_delay: Span::from_secs(1),
            max_delay: Span::from_secs(20),
            jitter: false,
            max_age: Span::FOREVER,
        };
        match self {
            Self::Sns => (sns, 0.5),
            // Notifications are free. How their delivery is retried is not published.
            Self::S3 => (sns, 0.0),
            // The default policy: 3 retries, 20 s apart.
            Self::SnsHttp => (Retry { immediate: 0, after_min_delay: 0, growing: 0, after_max_delay: 3, ..sns }, 0.5),
            // EventBridge API, RetryPolicy: 185 retries in 24 h, exponential with jitter. The delays are not published;
            // these last that long in total.
            Self::Eventbridge => {
                let (immediate, after_min_delay, growing, after_max_delay) = (0, 0, 10, 175);
                let (max_delay, max_age) = (Span::from_secs(900), Span::from_secs(86_400));
                (
                    Retry {
                        immediate,
                        after_min_delay,
                        growing,
                        after_max_delay,
                        max_delay,
                        jitter: true,
                        max_age,
                        ..sns
                    },
                    1.0,
                )
            }
        }
    }
}

impl Preset {
    /// Time until a message is delivered. S3 User Guide, "Amazon S3 Event Notifications": typically in seconds,
    /// sometimes a minute or longer; the distribution is an assumption.
    fn latency(self) -> Option<Dist> {
        match self {
            Self::S3 => Dist::log_normal_p99(Span::from_secs(1), Span::from_secs(15)).ok(),
            _ => None,
        }
    }
}

impl Retry {
    fn of(spec: &TopicSpec) -> Self {
        let (preset, _) = spec.preset.values();
        let Some(retry) = &spec.retry else { return preset };
        Self {
            immediate: retry.immediate.unwrap_or(preset.immediate),
            after_min_delay: retry.after_min_delay.unwrap_or(preset.after_min_delay),
            growing: retry.growing.unwrap_or(preset.growing),
            after_max_delay: retry.after_max_delay.unwrap_or(preset.after_max_delay),
            min_delay: retry.min_delay.unwrap_or(preset.min_delay),
            max_delay: retry.max_delay.unwrap_or(preset.max_delay),
            jitter: retry.jitter.unwrap_or(preset.jitter),
            max_age: retry.max_age.unwrap_or(preset.max_age),
        }
    }

    /// Delay between the failure of this attempt and the next.
    fn pause(&self, failures: u64) -> Option<Span> {
        let mut left = failures.checked_sub(1)?;
        for (retries, pause) in [(self.immediate, Span::ZERO), (self.after_min_delay, self.min_delay)] {
            if left < u64::from(retries) {
                return Some(pause);
            }
            left -= u64::from(retries);
        }
        if left < u64::from(self.growing) {
            let (min, max) = (self.min_delay.as_nanos() as f64, self.max_delay.as_nanos() as f64);
            let part = (left + 1) as f64 / f64::from(self.growing);
            return Some(Span::from_nanos_f64_saturating((min * (max / min).powf(part)).round()));
        }
        (left - u64::from(self.growing) < u64::from(self.after_max_delay)).then_some(self.max_delay)
    }
}

impl TopicSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let retry = Retry::of(self);
        if retry.max_delay < retry.min_delay {
            let what = format!("({}) is shorter than `min-delay` ({})", retry.max_delay, retry.min_delay);
            check.wrong("retry.max-delay", what);
        }
        if self.preset == Preset::SnsHttp && retry.max_delay > Span::from_secs(3_600) {
            check.refused("retry.max-delay", format!("= {}: it is at most 1h", retry.max_delay), "Amazon SNS");
        }
        for (place, target) in self.targets.iter().enumerate() {
            if self.targets[..place].contains(target) {
                check.wrong(&format!("targets.{}", place + 1), format!("is \"{target}\" again"));
            }
        }
    }
}

impl Spec for TopicSpec {
    fn targets(&self) -> Vec<&str> {
        self.targets.iter().map(String::as_str).collect()
    }

    fn build(&self, stream: Stream) -> Box<dyn Component> {
        Box::new(Topic {
            subscriptions: self.targets.len() as u32,
            retry: Retry::of(self),
            latency: match &self.latency {
                Some(latency) => latency.as_ref().and_then(|latency| latency.dist().ok()),
                None => self.preset.latency(),
            },
            per_million_usd: self.per_million_usd.unwrap_or(self.preset.values().1),
            stream,
            serial: 0,
            deliveries: BTreeMap::new(),
            timers: Timers::new(Token(0), true),
            errors: 0.0,
            delay: None,
            is_out: false,
            tally: Tally::default(),
        })
    }
}

/// A message on its way to one subscriber.
#[derive(Clone, Copy, Debug)]
struct Delivery {
    parcel: Parcel,
    target: u32,
    published: SimTime,
    failures: u64,
    /// Whether it was published in the measured period of the run.
    is_measured: bool,
}

#[derive(Debug, Default)]
struct Tally {
    published: u64,
    delivered: u64,
    dropped: u64,
    retries: u64,
    delivery: Times,
    in_flight: Level,
}

/// The state of a topic.
struct Topic {
    subscriptions: u32,
    retry: Retry,
    latency: Option<Dist>,
    per_million_usd: f64,
    stream: Stream,
    serial: u64,
    deliveries: BTreeMap<u64, Delivery>,
    /// When deliveries are retried.
    timers: Timers<u64>,
    errors: f64,
    /// Delay until messages are delivered.
    delay: Option<Dist>,
    is_out: bool,
    tally: Tally,
}

impl Topic {
    /// A delivery failed: it is retried or dropped.
    fn failed(&mut self, id: u64, outcome: Outcome, now: SimTime) {
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        delivery.failures += 1;
        let pause = self.retry.pause(delivery.failures).map(|pause| {
            let drawn = self.retry.jitter.then(|| self.stream.random_range(0..=pause.as_nanos()));
            drawn.map_or(pause, Span::from_nanos)
        });
        // A payload that is too large stays too large.
        let pause = pause.filter(|_| outcome != Outcome::TooLarge);
        match pause.filter(|pause| (now + *pause).since(delivery.published) <= self.retry.max_age) {
            Some(pause) => {
                self.tally.retries += u64::from(delivery.is_measured);
                self.timers.set(now + pause, id);
            }
            None => {
                self.tally.dropped += u64::from(delivery.is_measured);
                self.deliveries.remove(&id);
            }
        }
    }

    fn update_gauges(&mut self, ports: &mut Ports<'_>) {
        self.tally.in_flight.set(self.deliveries.len() as u64, ports.now);
        self.timers.arm(ports);
    }
}

impl Component for Topic {
    fn measured(&mut self, measured: Measured) {
        self.tally.in_flight.measured(measured);
    }

    fn arrived(&mut self, call: CallId, parcel: Parcel, ports: &mut Ports<'_>) {
        if self.is_out || self.errors > 0.0 && self.stream.random_bool(self.errors) {
            ports.answer(call, Outcome::Failed);
            return;
        }
        ports.answer(call, Outcome::Completed);
        let is_measured = ports.is_measured;
        self.tally.published += u64::from(is_measured);
        for target in 0..self.subscriptions {
            self.serial += 1;
            let delivery = Delivery { parcel, target, published: ports.now, failures: 0, is_measured };
            self.deliveries.insert(self.serial, delivery);
            let delay = drawn(self.latency.as_ref(), &mut self.stream) + drawn(self.delay.as_ref(), &mut self.stream);
            if delay > Span::ZERO {
                self.timers.set(ports.now + delay, self.serial);
            } else {
                ports.call(target, Token(self.serial), parcel);
            }
        }
        self.update_gauges(ports);
    }

    fn woken(&mut self, token: Token, ports: &mut Ports<'_>) {
        self.timers.rang(token, ports.now);
        while let Some(id) = self.timers.due(ports.now) {
            if let Some(delivery) = self.deliveries.get(&id) {
                ports.call(delivery.target, Token(id), delivery.parcel);
            }
        }
        self.update_gauges(ports);
    }

    fn answered(&mut self, token: Token, outcome: Outcome, ports: &mut Ports<'_>) {
        if outcome.is_success() {
            if let Some(delivery) = self.deliveries.remove(&token.0).filter(|delivery| delivery.is_measured) {
                self.tally.delivered += 1;
                self.tally.delivery.record(ports.now.since(delivery.published));
            }
        } else {
            self.failed(token.0, outcome, ports.now);
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
        let cost_usd = self.tally.published as f64 / 1e6 * self.per_million_usd;
        let given_up = self.tally.dropped;
        Gauges { in_flight: self.deliveries.len() as u64, given_up, cost_usd, ..Gauges::default() }
    }

    fn close(&mut self, end: SimTime, books: &mut Books) {
        let Tally { published, delivered, dropped, retries, .. } = self.tally;
        let remaining = self.deliveries.values().filter(|delivery| delivery.is_measured).count() as u64;
        books.count("messages.published", published);
        books.count("messages.delivered", delivered);
        books.count("messages.dropped", dropped);
        books.count("messages.in_flight", remaining);
        books.count("retries", retries);
        books.times("delivery_s", &self.tally.delivery);
        books.level("in_flight", &self.tally.in_flight, end);
        books.figure("cost_usd", published as f64 / 1e6 * self.per_million_usd);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Action;
    use super::super::testing::Bench;
    use super::*;
    use crate::schema::diagnostic::Problems;

    fn read(toml: &str) -> (Option<TopicSpec>, Problems) {
        let mut problems = Problems::default();
        let source = problems.add_source("test", toml.to_owned(), 1);
        let node = Node::parse(toml, source, &mut problems);
        (TopicSpec::read(&node, &mut Reader::new(&mut problems, &["topic", "news"])), problems)
    }

    fn topic(more: &str) -> TopicSpec {
        let (spec, problems) = read(&format!("name = \"news\"\n{more}"));
        assert!(problems.is_empty(), "{problems}");
        spec.expect("a topic")
    }

    fn calls(bench: &mut Bench) -> Vec<(f64, u32, Token)> {
        let call = |(at, action)| match action {
            Action::Call { target, token, .. } => Some((at, target, token)),
            _ => None,
        };
        bench.take().into_iter().filter_map(call).collect()
    }

    fn figures(bench: &mut Bench, subscriptions: f64) -> [f64; 4] {
        let books = bench.books();
        let of = |key: &str| books.get(&format!("messages.{key}")).expect(key);
        let figures = ["published", "delivered", "dropped", "in_flight"].map(of);
        assert_eq!(figures[1], figures[0] * subscriptions - figures[2] - figures[3], "{books:?}");
        figures
    }

    #[test]
    fn everybody_gets_everything_and_each_is_tried_again_alone() {
        let mut bench = Bench::new(&topic("targets = [\"a\", \"b\"]\nretry = { immediate = 0, after-min-delay = 1 }"));
        bench.arrive(7);
        assert_eq!(bench.done[0].1, Action::Answer { call: CallId(7), outcome: Outcome::Completed });
        let [(0.0, 0, first), (0.0, 1, second)] = calls(&mut bench)[..] else { panic!("one each") };
        bench.answer(first, Outcome::Completed);
        bench.answer(second, Outcome::Rejected);
        assert_eq!(figures(&mut bench, 2.0), [1.0, 1.0, 0.0, 1.0]);
        bench.until(5.0);
        let [(1.0, 1, again)] = calls(&mut bench)[..] else { panic!("the second again") };
        bench.answer(again, Outcome::Completed);
        assert_eq!(figures(&mut bench, 2.0), [1.0, 2.0, 0.0, 0.0]);
    }

    /// The times of attempts at a delivery that always fails.
    fn tried(spec: &TopicSpec) -> Vec<f64> {
        let mut bench = Bench::new(spec);
        bench.arrive(1);
        let mut times = Vec::new();
        for step in 0..200_000u32 {
            bench.until(f64::from(step) / 128.0);
            let mut calls = calls(&mut bench);
            while let Some((at, _, token)) = calls.pop() {
                times.push(at);
                bench.answer(token, Outcome::Failed);
                bench.until(f64::from(step) / 128.0);
                calls.extend(self::calls(&mut bench));
            }
        }
        assert_eq!(figures(&mut bench, 1.0)[2], 1.0);
        times
    }

    #[test]
    fn sns_tries_at_once_then_each_second_then_more_and_more_slowly() {
        let times = tried(&topic("targets = [\"a\"]\nretry.after-max-delay = 20"));
        assert_eq!(times.len(), 1 + 3 + 2 + 10 + 20);
        assert_eq!(times[..6], [0.0, 0.0, 0.0, 0.0, 1.0, 2.0]);
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps[4..15].windows(2).all(|pair| pair[0] < pair[1]), "{gaps:?}");
        assert!(gaps[14..].iter().all(|gap| (gap - 20.0).abs() < 0.01), "{gaps:?}");
        // All retries together take 23 days.
        let retry = Retry::of(&topic("targets = [\"a\"]"));
        let mut pauses = 0..;
        let total: f64 = std::iter::from_fn(|| retry.pause(pauses.next()? + 1)).map(Span::as_secs_f64).sum();
        assert_eq!((total / 86_400.0).round(), 23.0);
        assert_eq!((retry.pause(100_015), retry.pause(100_016)), (Some(Span::from_secs(20)), None));
    }

    #[test]
    fn over_http_three_retries_are_20_s_apart() {
        assert_eq!(tried(&topic("targets = [\"a\"]\npreset = \"sns-http\"")), [0.0, 20.0, 40.0, 60.0]);
    }

    #[test]
    fn eventbridge_gives_up_within_a_day() {
        let mut bench = Bench::new(&topic("targets = [\"a\"]\npreset = \"eventbridge\""));
        bench.arrive(1);
        let (mut tries, mut last) = (0, 0.0);
        for second in (0..200_000u32).step_by(10) {
            bench.until(second.into());
            for (at, _, token) in calls(&mut bench) {
                (tries, last) = (tries + 1, at);
                bench.answer(token, Outcome::Failed);
            }
        }
        assert_eq!(figures(&mut bench, 1.0), [1.0, 0.0, 1.0, 0.0]);
        assert!((150..=186).contains(&tries) && (60_000.0..=86_400.0).contains(&last), "{tries} {last}");
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (wrong, expected) in [
            ("targets = [\"a\", \"b\", \"a\"]", "is \"a\" again"),
            ("targets = [\"a\"]\nretry = { min-delay = \"30s\" }", "is shorter than `min-delay` (30s)"),
            ("targets = []", "at least 1 required"),
        ] {
            let (_, problems) = read(&format!("name = \"news\"\n{wrong}"));
            assert!(problems.to_string().contains(expected), "{problems}");
        }
    }
}
