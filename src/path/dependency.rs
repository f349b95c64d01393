//! Dependencies: databases, caches and other services that a function calls and waits for.
//!
//! A call passes token buckets, then a cache, then a connection pool: if all connections are in use, it waits up to its
//! timeout, and if too many calls are already waiting, it is rejected. With a connection, it takes its latency at full
//! speed. With contention, n simultaneous calls on c cores each take `max(1, n / c)` times as long (processor sharing),
//! and a fault slows down running calls too. A pool without contention under Poisson load is an M/M/c queue.
//!
//! The state of a cache that warms up is the number of items of its working set that it holds: the hit probability is
//! their share, and each successful miss adds one. So the hit ratio grows as 1 - exp(-calls / working set), and does
//! not change while the dependency fails: the look-aside cache of Huang et al., "Metastable Failures in the Wild", OSDI
//! 2022 (github.com/lexiangh/Metastability).

mod kind;

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rand::RngExt;

use super::books::{Books, Level, Measured, Times};
use super::bucket::{Buckets, OnDemand, OnDemandSpec, Throttle};
use super::slots::{Key, Slots};
use super::{CallId, Component, Disturbance, Gauges, Outcome, Parcel, Ports, Spec, Token};
use crate::dist::{Dist, DistSpec};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Name, Positive, PositiveDuration, Ratio};
use crate::time::{SimTime, Span};

pub(crate) use kind::KIND;

/// Maximum number of connections and of waiting calls.
const MANY: u32 = 1_000_000_000;

parameters! {
    /// A service that a function calls and waits for: a database, a cache, or another service.
    pub struct DependencySpec {
        /// Unique name.
        required name: Name,
        /// Its site. Default: the first `[[site]]`.
        optional site: Name,
        /// Duration of a call once it has a connection, without contention.
        required latency: DistSpec,
        /// Number of connections: calls processed at a time. Default: unlimited.
        optional concurrency: Count<1, MANY>,
        /// Calls that may wait for a connection. Default: unlimited.
        optional queue_limit: Count<0, MANY>,
        /// Order in which waiting calls get a connection.
        default queue_order: Order = Order::Fifo,
        /// How long a call may wait for a connection. Default: no limit (Amazon RDS Proxy: 120s).
        optional borrow_timeout: PositiveDuration,
        /// Token buckets, as a table or an ordered list. A DynamoDB table with provisioned capacity accumulates up to
        /// 300 s of unused capacity: burst = 300 s of the rate.
        optional throttle: Throttle,
        /// A limit that follows the load, like that of an on-demand DynamoDB table.
        optional on_demand: OnDemandSpec,
        /// Simultaneous calls slow each other down.
        optional contention: ContentionSpec,
        /// A cache in front of it.
        optional cache: CacheSpec,
        /// Share of calls that fail, after their usual duration.
        default failure_ratio: Ratio = 0.0,
        /// Outcomes of successive calls, in order of arrival; the list repeats.
        optional outcomes: List<Scripted, 1, 100_000>,
        /// Price per million calls that were not throttled.
        default per_million_usd: Amount = 0.0,
    }
}

parameters! {
    /// Calls at a time slow each other down: n of them on c cores take max(1, n / c) times as long.
    pub struct ContentionSpec {
        /// Number of calls that do not slow each other down.
        required cores: Positive,
    }
}

parameters! {
    /// A cache before a dependency: exactly one of `hit-ratio` and `warms-up`.
    pub struct CacheSpec {
        /// Share of calls that it answers.
        optional hit_ratio: Ratio,
        /// The cache is empty at the start and after an outage.
        optional warms_up: WarmsUpSpec,
        /// Latency of a cache lookup, hit or miss.
        optional latency: DistSpec,
    }
}

parameters! {
    /// A cache that is empty at first.
    pub struct WarmsUpSpec {
        /// Number of distinct items that are requested.
        required working_set: Count<1, MANY>,
        /// Share of calls that it answers once it holds all of them.
        default hit_ratio: Ratio = 1.0,
    }
}

impl CacheSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        check.either(&[&[("hit-ratio", self.hit_ratio.is_some())], &[("warms-up", self.warms_up.is_some())]]);
    }
}

choice! {
    /// Order in which waiting calls get a connection.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Order {
        "fifo" => Fifo, "First in, first out.";
        "lifo" => Lifo, "Last in, first out: under overload, some requests are served in time instead of none.";
    }
}

choice! {
    /// How a scripted call ends.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Scripted {
        "ok" => Ok, "Successfully.";
        "error" => Error, "With an error, after its latency.";
        "timeout" => Timeout, "With a timeout of the dependency itself, after its latency.";
        "throttled" => Throttled, "Throttled at once.";
    }
}

impl Spec for DependencySpec {
    fn targets(&self) -> Vec<&str> {
        Vec::new()
    }

    fn build(&self, stream: Stream) -> Box<dyn Component> {
        // The parameters are valid once checked.
        let cache_latency = self.cache.as_ref().and_then(|cache| cache.latency.as_ref()?.dist().ok());
        Box::new(Dependency {
            latency: self.latency.dist().unwrap_or(Dist::Constant(Span::ZERO)),
            cache_latency,
            buckets: self.throttle.as_ref().map(Buckets::new),
            on_demand: self.on_demand.clone().map(OnDemand::new),
            spec: self.clone(),
            stream,
            scripted: 0,
            filled: 0,
            asking: Slots::default(),
            waiting: Slots::default(),
            running: BinaryHeap::new(),
            serial: 0,
            done: 0.0,
            looked: SimTime::ZERO,
            armed: SimTime::NEVER,
            is_borrowing: false,
            speed: 1.0,
            errors: 0.0,
            delay: None,
            is_out: false,
            fault_throttle: None,
            counts: Counts::default(),
            wait: Times::default(),
            times: Times::default(),
            busy: Level::default(),
            queue: Level::default(),
        })
    }
}

/// The state of a dependency.
struct Dependency {
    spec: DependencySpec,
    latency: Dist,
    cache_latency: Option<Dist>,
    stream: Stream,
    buckets: Option<Buckets>,
    on_demand: Option<OnDemand>,
    /// How many calls have taken their outcome from the script.
    scripted: usize,
    /// Items of the working set that the cache holds.
    filled: u32,
    /// Calls in the cache lookup.
    asking: Slots<Call>,
    /// Calls that wait for a connection, in order of arrival.
    waiting: Slots<Call>,
    /// Calls with a connection; the first to end is on top.
    running: BinaryHeap<Running>,
    serial: u64,
    /// What a call that has been running from the start would have done until `looked`, ns of work at full speed.
    done: f64,
    looked: SimTime,
    /// The earliest alarm for the end of a running call.
    armed: SimTime,
    /// Whether there is an alarm for the call that has waited longest.
    is_borrowing: bool,
    speed: f64,
    errors: f64,
    delay: Option<Dist>,
    is_out: bool,
    /// Token bucket of a throttling fault.
    fault_throttle: Option<Buckets>,
    counts: Counts,
    wait: Times,
    times: Times,
    busy: Level,
    queue: Level,
}

#[derive(Clone, Copy)]
struct Call {
    id: CallId,
    /// When it arrived at the dependency.
    arrived: SimTime,
    /// When it began to wait for a connection.
    queued: SimTime,
    is_measured: bool,
    /// How it ends.
    outcome: Outcome,
    /// Whether it missed a cache that is warming up.
    fills: bool,
}

/// A call with a connection.
struct Running {
    /// The value of `done` at which it ends.
    until: f64,
    serial: u64,
    call: Call,
}

impl Ord for Running {
    fn cmp(&self, other: &Self) -> Ordering {
        // `BinaryHeap` has its largest item on top.
        other.until.total_cmp(&self.until).then(other.serial.cmp(&self.serial))
    }
}

impl PartialOrd for Running {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Running {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Running {}

/// Counters of calls that arrived in the measured period. Each is in one of those up to `failed`, or unfinished.
#[derive(Clone, Debug, Default)]
struct Counts {
    arrived: u64,
    completed: u64,
    throttled: u64,
    timed_out: u64,
    failed: u64,
    hits: u64,
    misses: u64,
    billed: u64,
}

/// The topic of a call in the cache lookup.
const ASKED: u32 = 0;
/// The alarms for the next end and for the longest wait. No key has this topic.
const WORK: Token = Token(3);
const BORROW: Token = Token(7);

/// Work, ns, that rounding may leave.
const ROUNDING: f64 = 1.0;

impl Dependency {
    /// Ends a call that was counted.
    fn end(&mut self, call: &Call, outcome: Outcome, ports: &mut Ports<'_>) {
        if call.is_measured {
            let counts = &mut self.counts;
            let count = match outcome {
                Outcome::Completed => &mut counts.completed,
                Outcome::Rejected => &mut counts.throttled,
                Outcome::QueueTimedOut | Outcome::TimedOut => &mut counts.timed_out,
                _ => &mut counts.failed,
            };
            *count += 1;
            if outcome.is_success() {
                self.times.record(ports.now.since(call.arrived));
            }
        }
        ports.answer(call.id, outcome);
    }

    /// How the next call ends, unless something happens to it.
    fn draw_outcome(&mut self) -> Outcome {
        if let Some(script) = &self.spec.outcomes {
            let scripted = script.get(self.scripted % script.len().max(1));
            self.scripted += 1;
            match scripted {
                Some(Scripted::Error) => return Outcome::Failed,
                Some(Scripted::Timeout) => return Outcome::TimedOut,
                Some(Scripted::Throttled) => return Outcome::Rejected,
                Some(Scripted::Ok) | None => {}
            }
        }
        for ratio in [self.spec.failure_ratio, self.errors] {
            if ratio > 0.0 && self.stream.random::<f64>() < ratio {
                return Outcome::Failed;
            }
        }
        Outcome::Completed
    }

    /// The cache lookup of a call has ended.
    fn asked(&mut self, mut call: Call, ports: &mut Ports<'_>) {
        if let Some(cache) = &self.spec.cache {
            let warm =
                |warms_up: &WarmsUpSpec| warms_up.hit_ratio * f64::from(self.filled) / f64::from(warms_up.working_set);
            let ratio = cache.warms_up.as_ref().map(warm).or(cache.hit_ratio).unwrap_or(0.0);
            let is_hit = ratio > 0.0 && self.stream.random::<f64>() < ratio;
            let count = if is_hit { &mut self.counts.hits } else { &mut self.counts.misses };
            *count += u64::from(call.is_measured);
            if is_hit {
                self.end(&call, Outcome::Completed, ports);
                return;
            }
            call.fills = cache.warms_up.is_some();
        }
        call.queued = ports.now;
        let has_connection = |limit: u32| (self.running.len() as u64) < u64::from(limit);
        if self.spec.concurrency.is_none_or(has_connection) {
            self.start(call, ports);
        } else if self.spec.queue_limit.is_some_and(|limit| self.waiting.len() as u64 >= u64::from(limit)) {
            self.end(&call, Outcome::Rejected, ports);
        } else {
            self.waiting.insert(call);
            self.queue.set(self.waiting.len() as u64, ports.now);
            if let (Some(timeout), false) = (self.spec.borrow_timeout, self.is_borrowing) {
                self.is_borrowing = true;
                ports.wake_late(BORROW, ports.now + timeout);
            }
        }
    }

    /// A call gets a connection.
    fn start(&mut self, call: Call, ports: &mut Ports<'_>) {
        if call.is_measured {
            self.wait.record(ports.now.since(call.queued));
        }
        let mut work = self.latency.sample(&mut self.stream);
        if let Some(delay) = &self.delay {
            work += delay.sample(&mut self.stream);
        }
        self.pass_time(ports.now);
        self.serial += 1;
        let until = self.done + work.as_nanos() as f64;
        self.running.push(Running { until, serial: self.serial, call });
        self.busy.set(self.running.len() as u64, ports.now);
    }

    /// Speed of each running call.
    fn pace(&self) -> f64 {
        let contention = self.spec.contention.as_ref();
        let crowd = contention.map_or(1.0, |contention| (self.running.len() as f64 / contention.cores).max(1.0));
        self.speed / crowd
    }

    /// Advances the running calls to the current time.
    fn pass_time(&mut self, now: SimTime) {
        if self.running.is_empty() {
            // Small numbers are exact.
            self.done = 0.0;
        } else {
            self.done += now.since(self.looked).as_nanos() as f64 * self.pace();
        }
        self.looked = now;
    }

    /// Ends the calls that are done, gives their connections to waiting calls, and sets the alarm for the next end.
    fn work(&mut self, ports: &mut Ports<'_>) {
        loop {
            self.pass_time(ports.now);
            while self.running.peek().is_some_and(|next| next.until <= self.done + ROUNDING)
                && let Some(Running { call, .. }) = self.running.pop()
            {
                if call.fills && call.outcome.is_success() {
                    let size = self.spec.cache.as_ref().and_then(|cache| Some(cache.warms_up.as_ref()?.working_set));
                    self.filled = (self.filled + 1).min(size.unwrap_or(0));
                }
                self.busy.set(self.running.len() as u64, ports.now);
                self.end(&call, call.outcome, ports);
            }
            let limit = self.spec.concurrency.map_or(usize::MAX, |limit| limit as usize);
            let before = self.running.len();
            while self.running.len() < limit
                && let Some((key, _)) = match self.spec.queue_order {
                    Order::Fifo => self.waiting.oldest(),
                    Order::Lifo => self.waiting.newest(),
                }
                && let Some(call) = self.waiting.remove(key)
            {
                self.queue.set(self.waiting.len() as u64, ports.now);
                self.start(call, ports);
            }
            if self.running.len() == before {
                break;
            }
        }
        let pace = self.pace();
        if let Some(next) = self.running.peek().filter(|_| pace > 0.0) {
            // A rounding error must not add a nanosecond.
            let rest = ((next.until - self.done).max(0.0) / pace - 0.25).ceil();
            let at = ports.now + Span::from_nanos_f64_saturating(rest);
            // A later alarm than the existing one is not needed yet.
            if at < self.armed {
                self.armed = at;
                ports.wake(WORK, at);
            }
        }
    }

    /// Ends the waits that have exceeded their timeout.
    fn give_up(&mut self, timeout: Span, ports: &mut Ports<'_>) {
        self.is_borrowing = false;
        while let Some((key, call)) = self.waiting.oldest() {
            let ends = call.queued + timeout;
            if ends > ports.now {
                self.is_borrowing = true;
                ports.wake_late(BORROW, ends);
                return;
            }
            if let Some(call) = self.waiting.remove(key) {
                self.queue.set(self.waiting.len() as u64, ports.now);
                self.end(&call, Outcome::QueueTimedOut, ports);
            }
        }
    }
}

impl Component for Dependency {
    fn measured(&mut self, measured: Measured) {
        self.busy.measured(measured);
        self.queue.measured(measured);
    }

    fn arrived(&mut self, id: CallId, _: Parcel, ports: &mut Ports<'_>) {
        let (now, is_measured) = (ports.now, ports.is_measured);
        self.counts.arrived += u64::from(is_measured);
        let mut call = Call { id, arrived: now, queued: now, is_measured, outcome: Outcome::Failed, fills: false };
        if self.is_out {
            self.end(&call, Outcome::Failed, ports);
            return;
        }
        if self.fault_throttle.as_mut().is_some_and(|fault_throttle| !fault_throttle.take(now))
            || self.buckets.as_mut().is_some_and(|buckets| !buckets.take(now))
            || self.on_demand.as_mut().is_some_and(|limit| !limit.take(now))
        {
            self.end(&call, Outcome::Rejected, ports);
            return;
        }
        call.outcome = self.draw_outcome();
        if call.outcome == Outcome::Rejected {
            self.end(&call, Outcome::Rejected, ports);
            return;
        }
        self.counts.billed += u64::from(is_measured);
        match self.cache_latency.as_ref().map(|latency| latency.sample(&mut self.stream)) {
            Some(asking) if asking > Span::ZERO => {
                let key = self.asking.insert(call);
                ports.wake(key.token(ASKED), now + asking);
            }
            _ => {
                self.asked(call, ports);
                self.work(ports);
            }
        }
    }

    fn woken(&mut self, token: Token, ports: &mut Ports<'_>) {
        match (token, self.spec.borrow_timeout) {
            (WORK, _) => {
                if ports.now >= self.armed {
                    self.armed = SimTime::NEVER;
                }
            }
            (BORROW, Some(timeout)) => self.give_up(timeout, ports),
            _ => {
                if let Some(call) = self.asking.remove(Key::of(token).0) {
                    self.asked(call, ports);
                }
            }
        }
        self.work(ports);
    }

    /// A canceled call stops, and its connection is free again.
    fn cancelled(&mut self, id: CallId, ports: &mut Ports<'_>) {
        self.pass_time(ports.now);
        let of = |slots: &Slots<Call>| slots.iter().find(|(_, call)| call.id == id).map(|(key, _)| key);
        let call = if let Some(key) = of(&self.asking) {
            self.asking.remove(key)
        } else if let Some(key) = of(&self.waiting) {
            let call = self.waiting.remove(key);
            self.queue.set(self.waiting.len() as u64, ports.now);
            call
        } else {
            let call = self.running.iter().find(|running| running.call.id == id).map(|running| running.call);
            self.running.retain(|running| running.call.id != id);
            self.busy.set(self.running.len() as u64, ports.now);
            call
        };
        if let Some(call) = call {
            self.end(&call, Outcome::Failed, ports);
        }
        self.work(ports);
    }

    fn disturbed(&mut self, disturbance: &Disturbance, ports: &mut Ports<'_>) {
        self.pass_time(ports.now);
        match disturbance {
            Disturbance::Speed(speed) => self.speed = speed.max(0.0),
            Disturbance::Errors(ratio) => self.errors = *ratio,
            Disturbance::Delay(delay) => self.delay.clone_from(delay),
            Disturbance::Outage(is_out) => {
                self.is_out = *is_out;
                if *is_out {
                    self.fail_all(ports);
                }
            }
            Disturbance::Flush => self.filled = 0,
            Disturbance::Throttle(bucket) => {
                self.fault_throttle = bucket.as_ref().map(|bucket| Buckets::full(bucket, ports.now));
            }
            Disturbance::LoseZone(..)
            | Disturbance::Deploy
            | Disturbance::ColdStart(_)
            | Disturbance::Crash(_)
            | Disturbance::Poison(_) => {}
        }
        self.work(ports);
    }

    fn gauges(&self, _: SimTime) -> Gauges {
        let cost_usd = self.counts.billed as f64 * self.spec.per_million_usd / 1e6;
        Gauges { waiting: self.queue.get(), in_flight: self.busy.get(), cost_usd, ..Gauges::default() }
    }

    fn close(&mut self, end: SimTime, books: &mut Books) {
        let Counts { arrived, completed, throttled, timed_out, failed, hits, misses, billed } = self.counts;
        let open = self.asking.iter().chain(self.waiting.iter()).map(|(_, call)| call);
        let open = open.chain(self.running.iter().map(|running| &running.call));
        let unfinished = open.filter(|call| call.is_measured).count();
        books.count("calls.arrived", arrived);
        books.count("calls.completed", completed);
        books.count("calls.throttled", throttled);
        books.count("calls.timed_out", timed_out);
        books.count("calls.failed", failed);
        books.count("calls.unfinished", unfinished as u64);
        books.times("wait_s", &self.wait);
        books.times("latency_s", &self.times);
        books.level("concurrency", &self.busy, end);
        books.level("queue", &self.queue, end);
        if self.spec.cache.is_some() {
            books.count("cache.hits", hits);
            books.count("cache.misses", misses);
        }
        books.figure("cost_usd", billed as f64 * self.spec.per_million_usd / 1e6);
    }
}

impl Dependency {
    /// An outage: all calls in progress fail, and the cache is emptied.
    fn fail_all(&mut self, ports: &mut Ports<'_>) {
        self.filled = 0;
        while let Some(call) = self.asking.oldest().map(|(key, _)| key).and_then(|key| self.asking.remove(key)) {
            self.end(&call, Outcome::Failed, ports);
        }
        while let Some(call) = self.waiting.oldest().map(|(key, _)| key).and_then(|key| self.waiting.remove(key)) {
            self.end(&call, Outcome::Failed, ports);
        }
        while let Some(Running { call, .. }) = self.running.pop() {
            self.end(&call, Outcome::Failed, ports);
        }
        self.queue.set(0, ports.now);
        self.busy.set(0, ports.now);
    }
}

#[cfg(test)]
mod tests;
