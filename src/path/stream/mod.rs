//! A stream between senders of records and the function that processes them.
//!
//! The records of a shard are read in order, batch by batch, by as many readers as `parallelization` says: a record belongs to one of
//! them by its key, and order is kept for each key. A batch that fails is tried again before anything behind it, so that one poison record
//! blocks its reader until the attempts are used up or the records are too old. With `bisect` a batch that fails is cut in two; with
//! `partial-failure` the records before the first that failed are done with. The rules are those of Lambda's event source mapping (Lambda
//! developer guide, services-kinesis-parameters and services-kinesis-batchfailurereporting).

mod kind;
mod parameters;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use rand::RngExt;

use super::batch::together;
use super::books::{Books, Level, Measured, Times};
use super::pace::Pace;
use super::timers::Timers;
use super::{CallId, Component, Disturbance, Gauges, Outcome, Parcel, Ports, Spec, Token, drawn, either};
use crate::dist::Dist;
use crate::rng::Stream as Numbers;
use crate::time::{NANOS_PER_SECOND, SimTime, Span};
use parameters::Settings;

pub(crate) use kind::KIND;
pub use parameters::{Preset, StreamSpec};

impl Spec for StreamSpec {
    fn targets(&self) -> Vec<&str> {
        [self.target.as_str()].into_iter().chain(self.on_failure.as_deref()).collect()
    }

    fn build(&self, stream: Numbers) -> Box<dyn Component> {
        Box::new(Stream::new(Settings::of(self), stream))
    }
}

#[derive(Clone, Copy, Debug)]
struct Record {
    parcel: Parcel,
    sent: SimTime,
    /// Whether it was sent in the measured period of the run.
    is_measured: bool,
}

/// A reader of a shard, or of its part of one.
#[derive(Debug)]
struct Reader {
    records: VecDeque<Record>,
    /// The batches at the front, the first one last: more than one after a batch has been split.
    batches: Vec<Batch>,
    state: State,
    /// When it acts next.
    alarm: SimTime,
}

#[derive(Clone, Copy, Debug)]
struct Batch {
    records: u32,
    /// Attempts that failed.
    failures: u32,
    /// Consecutive attempts that failed or were throttled.
    pauses: u32,
}

impl Batch {
    const fn new(records: u32) -> Self {
        Self { records, failures: 0, pauses: 0 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It has no batch.
    Idle,
    /// It has records, and waits for more until then.
    Filling(SimTime),
    /// The target has been called.
    Out,
    /// Its batch is retried then.
    Pausing(SimTime),
}

#[derive(Debug, Default)]
struct Tally {
    sent: u64,
    throttled: u64,
    completed: u64,
    skipped: u64,
    expired: u64,
    batches: u64,
    retries: u64,
    iterator_age: Times,
    depth: Level,
}

/// The state of a stream.
struct Stream {
    settings: Settings,
    numbers: Numbers,
    /// When the shards are polled: this long after each whole interval.
    phases: Vec<Span>,
    /// Limits on the rate at which each shard accepts records, if any.
    paces: Vec<Pace>,
    readers: Vec<Reader>,
    /// When readers act.
    timers: Timers<u32>,
    /// Records that are neither processed nor lost.
    kept: u64,
    /// Number of the next call with a discarded batch.
    serial: u64,
    errors: f64,
    /// The share of records that a fault makes poisonous.
    poison: f64,
    /// Delay until batches are delivered.
    delay: Option<Dist>,
    is_out: bool,
    measured: Measured,
    tally: Tally,
}

/// Tokens of calls of the target are the numbers of readers; the others follow.
const OTHERS: u64 = 1 << 32;

impl Stream {
    fn new(settings: Settings, mut numbers: Numbers) -> Self {
        let shards = settings.shards as usize;
        let interval = settings.poll_interval.unwrap_or(Span::ZERO).as_nanos();
        let phase = |_| Span::from_nanos(if interval > 0 { numbers.random_range(0..interval) } else { 0 });
        let phases = (0..shards).map(phase).collect();
        let reader =
            |_| Reader { records: VecDeque::new(), batches: Vec::new(), state: State::Idle, alarm: SimTime::NEVER };
        Self {
            phases,
            paces: settings.write_limit.iter().map(Pace::new).cycle().take(shards).collect(),
            readers: (0..shards * settings.parallelization as usize).map(reader).collect(),
            settings,
            numbers,
            timers: Timers::new(Token(0), true),
            kept: 0,
            serial: OTHERS,
            errors: 0.0,
            poison: 0.0,
            delay: None,
            is_out: false,
            measured: Measured::default(),
            tally: Tally::default(),
        }
    }

    /// Cost until then.
    fn cost_usd(&self, end: SimTime) -> f64 {
        let Tally { sent, .. } = self.tally;
        let hours = self.measured.between(SimTime::ZERO, end) as f64 / (3_600 * NANOS_PER_SECOND) as f64;
        let shards = hours * f64::from(self.settings.shards) * self.settings.shard_per_hour_usd;
        sent as f64 / 1e6 * self.settings.per_million_usd + shards
    }

    /// Whether a shard accepts another record now.
    fn may_write(&mut self, shard: usize, now: SimTime) -> bool {
        let Some(pace) = self.paces.get_mut(shard) else { return true };
        let is_free = pace.next(now) == now;
        if is_free {
            pace.take(now);
        }
        is_free
    }

    /// The previous poll of a reader's shard, if there was one, and the next.
    fn polls(&self, reader: u32, now: SimTime) -> (Option<SimTime>, SimTime) {
        let Some(interval) = self.settings.poll_interval else { return (Some(now), SimTime::NEVER) };
        let first = SimTime::from(self.phases[(reader / self.settings.parallelization) as usize]);
        if now < first {
            return (None, first);
        }
        let last = now - Span::from_nanos(now.since(first).as_nanos() % interval.as_nanos());
        (Some(last), last + interval)
    }

    /// Advances a reader without an outstanding call: it begins a batch, or schedules its next action.
    fn advance(&mut self, number: u32, ports: &mut Ports<'_>) {
        let now = ports.now;
        let (last, next) = self.polls(number, now);
        if self.is_out || self.readers[number as usize].state == State::Out {
            return;
        }
        if let State::Pausing(until) = self.readers[number as usize].state {
            if now < until {
                self.alarm(number, until);
                return;
            }
            self.readers[number as usize].state = State::Idle;
        }
        self.expire(number, now);
        let reader = &mut self.readers[number as usize];
        if reader.batches.is_empty() {
            let read = last.map_or(0, |last| reader.records.partition_point(|record| record.sent <= last));
            let enough = self.settings.batch_size as usize;
            let more = if reader.records.len() > read { next } else { SimTime::NEVER };
            let closes = match reader.state {
                State::Filling(closes) => closes,
                _ => now + self.settings.batch_window,
            };
            if read == 0 {
                reader.state = State::Idle;
                self.alarm(number, more);
                return;
            }
            if read < enough && now < closes {
                reader.state = State::Filling(closes);
                self.alarm(number, closes.min(more));
                return;
            }
            reader.batches.push(Batch::new(read.min(enough) as u32));
            let delay = drawn(self.delay.as_ref(), &mut self.numbers);
            if delay > Span::ZERO {
                reader.state = State::Pausing(now + delay);
                self.alarm(number, now + delay);
                return;
            }
        }
        self.call(number, ports);
    }

    /// Reschedules a reader.
    fn alarm(&mut self, number: u32, at: SimTime) {
        let reader = &mut self.readers[number as usize];
        if reader.alarm != at {
            self.timers.cancel(reader.alarm, number);
            self.timers.set(at, number);
            reader.alarm = at;
        }
    }

    /// Expired records are skipped, also in a batch that is being retried.
    fn expire(&mut self, number: u32, now: SimTime) {
        let life = self.settings.life();
        let reader = &mut self.readers[number as usize];
        let too_old = reader.records.partition_point(|record| now.since(record.sent) >= life);
        for record in reader.records.drain(..too_old) {
            self.tally.expired += u64::from(record.is_measured);
        }
        self.kept -= too_old as u64;
        let mut gone = too_old as u32;
        while let Some(batch) = reader.batches.last_mut().filter(|_| gone > 0) {
            let part = gone.min(batch.records);
            (batch.records, gone) = (batch.records - part, gone - part);
            if batch.records == 0 {
                reader.batches.pop();
            }
        }
    }

    fn call(&mut self, number: u32, ports: &mut Ports<'_>) {
        let reader = &mut self.readers[number as usize];
        let Some(batch) = reader.batches.last() else { return };
        let parcels = reader.records.iter().take(batch.records as usize).map(|record| record.parcel);
        let Some(mut parcel) = together(parcels) else { return };
        // A target that reports failures per record does not fail itself.
        parcel.is_poison &= !self.settings.partial_failure;
        let is_again = batch.pauses > 0;
        reader.state = State::Out;
        if ports.is_measured {
            self.tally.batches += 1;
            self.tally.retries += u64::from(is_again);
        }
        ports.call(0, Token(number.into()), parcel);
    }

    /// Removes the first records of a reader: they are processed or lost.
    fn leave(&mut self, number: u32, records: u32, is_processed: bool, now: SimTime) {
        let reader = &mut self.readers[number as usize];
        let mut last = None;
        for record in reader.records.drain(..records as usize) {
            let tally = if is_processed { &mut self.tally.completed } else { &mut self.tally.skipped };
            *tally += u64::from(record.is_measured);
            last = Some(record);
        }
        self.kept -= u64::from(records);
        if let Some(record) = last.filter(|record| record.is_measured) {
            self.tally.iterator_age.record(now.since(record.sent));
        }
    }

    /// Retries a batch after a delay.
    fn pause(&mut self, number: u32, now: SimTime) {
        let reader = &mut self.readers[number as usize];
        let Some(batch) = reader.batches.last_mut() else { return };
        let doubled = 1u64.checked_shl(batch.pauses).unwrap_or(u64::MAX);
        batch.pauses = batch.pauses.saturating_add(1);
        let pause = Span::from_nanos(self.settings.backoff.as_nanos().saturating_mul(doubled));
        let until = now + pause.min(self.settings.max_backoff);
        reader.state = State::Pausing(until);
        self.alarm(number, until);
    }

    /// A batch was processed, up to the first failed record if there is one.
    fn succeeded(&mut self, number: u32, ports: &mut Ports<'_>) {
        let reader = &mut self.readers[number as usize];
        let Some(batch) = reader.batches.pop() else { return };
        let mut of_batch = reader.records.iter().take(batch.records as usize);
        let first = of_batch.position(|record| self.settings.partial_failure && record.parcel.is_poison);
        match first.map(|first| first as u32) {
            None => self.leave(number, batch.records, true, ports.now),
            Some(0) => {
                reader.batches.push(batch);
                self.failed(number, ports);
            }
            Some(first) => {
                // A new batch begins with the failed record; this split is not an attempt.
                reader.batches.push(Batch::new(batch.records - first));
                self.leave(number, first, true, ports.now);
                if self.settings.bisect { self.pause(number, ports.now) } else { self.failed(number, ports) }
            }
        }
    }

    /// A batch failed at its first record, or at an unknown one.
    fn failed(&mut self, number: u32, ports: &mut Ports<'_>) {
        let reader = &mut self.readers[number as usize];
        let Some(mut batch) = reader.batches.pop() else { return };
        if self.settings.bisect && batch.records > 1 {
            let first = batch.records / 2;
            reader.batches.push(Batch::new(batch.records - first));
            reader.batches.push(Batch::new(first));
            self.pause(number, ports.now);
            return;
        }
        batch.failures += 1;
        if self.settings.max_attempts.is_some_and(|most| batch.failures >= most) {
            let parcels = reader.records.iter().take(batch.records as usize).map(|record| record.parcel);
            if let (Some(parcel), true) = (together(parcels), self.settings.has_on_failure) {
                self.serial += 1;
                ports.call(1, Token(self.serial), parcel);
            }
            self.leave(number, batch.records, false, ports.now);
            return;
        }
        reader.batches.push(batch);
        self.pause(number, ports.now);
    }

    fn update_gauges(&mut self, ports: &mut Ports<'_>) {
        self.tally.depth.set(self.kept, ports.now);
        self.timers.arm(ports);
    }
}

impl Component for Stream {
    fn measured(&mut self, measured: Measured) {
        self.tally.depth.measured(measured);
        self.measured = measured;
    }

    fn arrived(&mut self, call: CallId, parcel: Parcel, ports: &mut Ports<'_>) {
        if self.is_out || self.errors > 0.0 && self.numbers.random_bool(self.errors) {
            ports.answer(call, Outcome::Failed);
            return;
        }
        let number = self.numbers.random_range(0..self.readers.len() as u32);
        let ratio = either(self.settings.poison_ratio, self.poison);
        let is_poison = ratio > 0.0 && self.numbers.random_bool(ratio);
        if !self.may_write((number / self.settings.parallelization) as usize, ports.now) {
            self.tally.throttled += u64::from(ports.is_measured);
            ports.answer(call, Outcome::Rejected);
            return;
        }
        ports.answer(call, Outcome::Completed);
        self.tally.sent += u64::from(ports.is_measured);
        self.kept += 1;
        let parcel = Parcel { is_poison: parcel.is_poison || is_poison, ..parcel };
        let record = Record { parcel, sent: ports.now, is_measured: ports.is_measured };
        self.readers[number as usize].records.push_back(record);
        self.advance(number, ports);
        self.update_gauges(ports);
    }

    fn woken(&mut self, token: Token, ports: &mut Ports<'_>) {
        self.timers.rang(token, ports.now);
        while let Some(number) = self.timers.due(ports.now) {
            self.readers[number as usize].alarm = SimTime::NEVER;
            self.advance(number, ports);
        }
        self.update_gauges(ports);
    }

    fn answered(&mut self, token: Token, outcome: Outcome, ports: &mut Ports<'_>) {
        if token.0 >= OTHERS {
            return;
        }
        let number = token.0 as u32;
        self.readers[number as usize].state = State::Idle;
        match outcome {
            Outcome::Completed => self.succeeded(number, ports),
            Outcome::Rejected | Outcome::BreakerOpen | Outcome::QueueTimedOut => self.pause(number, ports.now),
            _ => self.failed(number, ports),
        }
        self.advance(number, ports);
        self.update_gauges(ports);
    }

    fn disturbed(&mut self, disturbance: &Disturbance, ports: &mut Ports<'_>) {
        match disturbance {
            Disturbance::Outage(is_out) => self.is_out = *is_out,
            Disturbance::Errors(ratio) => self.errors = *ratio,
            Disturbance::Poison(ratio) => self.poison = *ratio,
            Disturbance::Delay(delay) => self.delay.clone_from(delay),
            _ => {}
        }
        for number in 0..self.readers.len() as u32 {
            self.advance(number, ports);
        }
        self.update_gauges(ports);
    }

    fn gauges(&self, now: SimTime) -> Gauges {
        let oldest = self.readers.iter().filter_map(|reader| reader.records.front()).map(|record| record.sent).min();
        let out = self.readers.iter().filter(|reader| reader.state == State::Out);
        let in_flight = out.filter_map(|reader| reader.batches.last()).map(|batch| u64::from(batch.records)).sum();
        let waiting = self.kept.saturating_sub(in_flight);
        let given_up = self.tally.skipped + self.tally.expired;
        Gauges { waiting, in_flight, oldest, given_up, cost_usd: self.cost_usd(now) }
    }

    fn close(&mut self, end: SimTime, books: &mut Books) {
        // Records that have expired since their reader last acted are lost too.
        for number in 0..self.readers.len() as u32 {
            if self.readers[number as usize].state != State::Out {
                self.expire(number, end);
            }
        }
        // A reader that stays blocked processes nothing: the batch in its way counts with its current age.
        for reader in &self.readers {
            let Some(batch) = reader.batches.last().filter(|batch| batch.pauses > 0) else { continue };
            let last = reader.records.get((batch.records as usize).saturating_sub(1));
            if let Some(record) = last.filter(|record| record.is_measured) {
                self.tally.iterator_age.record(end.since(record.sent));
            }
        }
        let Tally { sent, throttled, completed, skipped, expired, batches, retries, .. } = self.tally;
        let records = self.readers.iter().flat_map(|reader| &reader.records);
        books.count("records.sent", sent);
        books.count("records.throttled", throttled);
        books.count("records.completed", completed);
        books.count("records.skipped", skipped);
        books.count("records.expired", expired);
        books.count("records.remaining", records.filter(|record| record.is_measured).count() as u64);
        books.count("batches", batches);
        books.count("retries", retries);
        books.times("iterator_age_s", &self.tally.iterator_age);
        books.level("depth", &self.tally.depth, end);
        books.figure("cost_usd", self.cost_usd(end));
    }
}
