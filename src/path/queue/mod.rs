//! A queue between senders of messages and the function that processes them.
//!
//! Messages are accepted at once. Pollers (`consumer`) receive batches of visible messages and call the target. A
//! message is hidden from the time it is received until its visibility timeout has passed. Its receives are counted on
//! receipt, so a delivery that the target throttles counts as a failed one. A message that has been processed is
//! deleted. One that has been received `max-receives` times becomes a dead letter at the next receive; one that is
//! older than `retention` is lost.
//!
//! The rules are those of Amazon SQS with Lambda's event source mapping (SQS developer guide; Lambda developer guide,
//! services-sqs-errorhandling): the mapping does not retry a function's *error*, and the messages come back when their
//! visibility timeout has passed; it retries a *throttled* batch until then. Users report that throttled messages come
//! back and use up their receives (github.com/adobe/spacecat-audit-worker pull 2876, github.com/DataBiosphere/azul
//! issue 3708): that is `throttled = "return"`. Differences of other clouds are parameters: see `presets`.

mod consumer;
mod kind;
mod parameters;
mod presets;
mod ready;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use rand::RngExt;

use super::batch::together;
use super::books::{Books, Level, Measured, Times};
use super::pace::Pace;
use super::timers::Timers;
use super::{CallId, Component, Disturbance, Gauges, Outcome, Parcel, Ports, Spec, Token, drawn, either};
use crate::dist::Dist;
use crate::rng::Stream;
use crate::time::{SimTime, Span};
use consumer::Pollers;
use parameters::ROUND_TRIP;
pub use parameters::{Kind, Preset, QueueSpec, Throttled};
use presets::Settings;
use ready::{Groups, Ready};

pub(crate) use kind::KIND;

/// Messages per receive or delete call, the unit that is charged.
const PER_CALL: u64 = 10;

/// The tokens of alarms.
const ALARM: Token = Token(0);
const DEADLINE: Token = Token(1);

impl Spec for QueueSpec {
    fn targets(&self) -> Vec<&str> {
        [&self.target, &self.dead_letter].into_iter().flatten().map(String::as_str).collect()
    }

    fn build(&self, stream: Stream) -> Box<dyn Component> {
        Box::new(Queue::new(Settings::of(self), u32::from(self.target.is_some()), stream))
    }
}

impl QueueSpec {
    /// How long a received message is hidden, where nobody extends that: if the target takes longer, it is delivered
    /// again in the meantime.
    #[must_use]
    pub fn processing_limit(&self) -> Option<Span> {
        let settings = Settings::of(self);
        (!settings.renewal).then_some(settings.visibility_timeout)
    }

    /// Whether the product rejects a visibility timeout shorter than the timeout of the function. AWS does, when the
    /// event source mapping is created.
    #[must_use]
    pub const fn requires_visibility_for_timeout(&self) -> bool {
        matches!(self.preset, parameters::Preset::Sqs | parameters::Preset::SqsFifo)
    }
}

/// What happens at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// A message becomes visible.
    Appears(u64),
    /// A message expires.
    Expires(u64),
    /// A dead letter is redriven.
    ComesBack(u64),
    /// The messages of a batch become visible again.
    Lapses(u64),
    /// A batch has waited long enough for more messages.
    Closes(u64),
    /// A throttled batch is retried.
    Retries(u64),
    /// The number of pollers changes.
    Grows,
    /// The next batch may be delivered.
    Dispatches,
    /// An empty queue is polled.
    Polls,
}

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Not visible yet, and never received.
    Delayed,
    Visible,
    /// Received in a batch, or hidden after that.
    Hidden(Option<u64>),
}

#[derive(Clone, Copy, Debug)]
struct Message {
    parcel: Parcel,
    sent: SimTime,
    expires: SimTime,
    group: u32,
    receives: u32,
    place: Place,
    is_too_old: bool,
    is_redriven: bool,
    /// Whether it was sent in the measured period of the run.
    is_measured: bool,
}

/// Messages received together.
#[derive(Debug)]
struct Batch {
    messages: Vec<u64>,
    /// The group of a FIFO queue that was last received from.
    group: Option<u32>,
    /// When its messages become visible again.
    lapses: SimTime,
    has_lapsed: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waiting for more messages, until then.
    Filling(SimTime),
    /// The target has been called.
    Out,
    /// Throttled; it is retried then.
    Held(SimTime),
}

/// Counters.
#[derive(Debug, Default)]
struct Tally {
    sent: u64,
    redriven: u64,
    completed: u64,
    dead_lettered: u64,
    /// Distinct messages among the dead letters.
    discarded: u64,
    expired: u64,
    receives: u64,
    /// Delete calls.
    deletes: u64,
    batches: u64,
    age: Times,
    depth: Level,
    in_flight: Level,
}

/// The state of a queue.
struct Queue {
    settings: Settings,
    dead_letter_target: u32,
    stream: Stream,
    /// Number of the next message, batch or call to the dead-letter queue.
    serial: u64,
    messages: BTreeMap<u64, Message>,
    ready: Ready,
    visible: u64,
    hidden: u64,
    /// Dead letters to be redriven.
    parked: BTreeMap<u64, Message>,
    batches: BTreeMap<u64, Batch>,
    filling: Option<u64>,
    pollers: Option<Pollers>,
    is_growing: bool,
    pace: Option<Pace>,
    /// Whether it waits for a token.
    awaits_dispatch: bool,
    /// Where the queue is polled only at intervals: since when it has been empty for its receivers, and whether a poll
    /// is scheduled.
    quiet_since: Option<SimTime>,
    measured: Measured,
    is_polling: bool,
    /// Polls of an empty queue.
    empty_polls: u64,
    /// Faults: the share of messages that is not accepted, and whether there is an outage.
    errors: f64,
    /// The share of messages that a fault makes poisonous.
    poison: f64,
    /// Delay until messages become visible.
    delay: Option<Dist>,
    /// Where order is kept: no message becomes visible before those sent earlier.
    last_appears: SimTime,
    is_out: bool,
    timers: Timers<Timer>,
    /// Alarms that come after responses at the same time.
    deadlines: Timers<Timer>,
    tally: Tally,
}

impl Queue {
    fn new(settings: Settings, dead_letter_target: u32, stream: Stream) -> Self {
        let ready = match settings.kind {
            Kind::Standard => Ready::Standard(VecDeque::new()),
            Kind::Fifo => Ready::Fifo(Groups::default()),
        };
        Self {
            pace: settings.dispatch.as_ref().map(Pace::new),
            pollers: settings.pollers.map(|pollers| Pollers::new(pollers, settings.long_poll)),
            settings,
            dead_letter_target,
            stream,
            serial: 0,
            messages: BTreeMap::new(),
            ready,
            visible: 0,
            hidden: 0,
            parked: BTreeMap::new(),
            batches: BTreeMap::new(),
            filling: None,
            is_growing: false,
            awaits_dispatch: false,
            quiet_since: Some(SimTime::ZERO),
            measured: Measured::default(),
            is_polling: false,
            empty_polls: 0,
            errors: 0.0,
            poison: 0.0,
            delay: None,
            last_appears: SimTime::ZERO,
            is_out: false,
            timers: Timers::new(ALARM, false),
            deadlines: Timers::new(DEADLINE, true),
            tally: Tally::default(),
        }
    }

    /// Empty receives until then.
    fn empty_receives(&self, end: SimTime) -> u64 {
        let in_vain = if self.pollers.is_some() { self.in_vain(end) } else { 0 };
        let of_pollers = self.pollers.as_ref().map_or(0, |pollers| pollers.empty_receives(end));
        of_pollers + self.empty_polls + in_vain
    }

    /// Cost until then.
    fn cost_usd(&self, end: SimTime) -> f64 {
        let Tally { sent, redriven, receives, deletes, .. } = self.tally;
        let calls = sent + redriven + receives + self.empty_receives(end) + deletes;
        let pollers = self.pollers.as_ref().map_or(0.0, |pollers| pollers.cost_usd(end));
        calls as f64 / 1e6 * self.settings.per_million_usd + pollers
    }

    fn number(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// A message arrives.
    fn add(&mut self, message: Message, ports: &Ports<'_>) {
        let id = self.number();
        self.timers.set(message.expires, Timer::Expires(id));
        let mut appears = ports.now + self.settings.delay + drawn(self.delay.as_ref(), &mut self.stream);
        if self.settings.kind == Kind::Fifo {
            appears = appears.max(self.last_appears);
            self.last_appears = appears;
        }
        self.messages.insert(id, message);
        if appears == ports.now { self.appear(id) } else { self.timers.set(appears, Timer::Appears(id)) }
    }

    /// A message becomes visible, or is lost if it has expired in the meantime.
    fn appear(&mut self, id: u64) {
        let Some(message) = self.messages.get_mut(&id) else { return };
        let (group, was) = (message.group, message.place);
        if message.is_too_old {
            self.expire(id);
            return;
        }
        message.place = Place::Visible;
        let is_again = matches!(was, Place::Hidden(_));
        self.hidden -= u64::from(is_again);
        self.visible += 1;
        self.ready.push(id, group, is_again);
    }

    /// Removes a message, wherever it is.
    fn remove(&mut self, id: u64) -> Option<Message> {
        let message = self.messages.remove(&id)?;
        self.timers.cancel(message.expires, Timer::Expires(id));
        match message.place {
            Place::Delayed => {}
            Place::Visible => {
                self.visible -= 1;
                self.ready.remove(id, message.group, |id| !self.messages.contains_key(&id));
            }
            Place::Hidden(_) => {
                self.hidden -= 1;
                self.ready.delete(message.group);
            }
        }
        Some(message)
    }

    /// A message has expired: it is lost, unless it is being processed.
    fn expire(&mut self, id: u64) {
        let Some(message) = self.messages.get_mut(&id) else { return };
        if let (Place::Hidden(_), false) = (message.place, message.is_too_old) {
            message.is_too_old = true;
            return;
        }
        if let Some(message) = self.remove(id) {
            self.tally.expired += u64::from(message.is_measured);
        }
    }

    fn complete(&mut self, id: u64, now: SimTime) {
        let Some(message) = self.remove(id) else { return };
        if message.is_measured {
            self.tally.completed += 1;
            self.tally.age.record(now.since(message.sent));
        }
    }

    /// A message about to be received has been received too often.
    fn bury(&mut self, id: u64, ports: &mut Ports<'_>) {
        let Some(message) = self.remove(id) else { return };
        self.tally.dead_lettered += u64::from(message.is_measured);
        self.tally.discarded += u64::from(message.is_measured && !message.is_redriven);
        if self.settings.has_dead_letter_queue {
            let token = Token(self.number());
            ports.call(self.dead_letter_target, token, message.parcel);
        } else if let (Some(after), false) = (self.settings.redrive_after, message.is_redriven) {
            self.parked.insert(id, message);
            self.timers.set(ports.now + after, Timer::ComesBack(id));
        }
    }

    /// Redrives a dead letter.
    fn come_back(&mut self, id: u64, ports: &Ports<'_>) {
        let Some(message) = self.parked.remove(&id) else { return };
        self.tally.redriven += u64::from(message.is_measured);
        let expires = ports.now + self.settings.retention;
        let place = Place::Delayed;
        self.add(Message { expires, place, receives: 0, is_redriven: true, ..message }, ports);
    }

    /// Receives the next message into a batch, moving dead letters on the way.
    fn receive(&mut self, batch: u64, group: &mut Option<u32>, ports: &mut Ports<'_>) -> Option<u64> {
        while let Some(id) = self.ready.pop(group) {
            let Some(message) = self.messages.get_mut(&id) else { continue };
            message.place = Place::Hidden(Some(batch));
            (self.visible, self.hidden) = (self.visible - 1, self.hidden + 1);
            if self.settings.max_receives.is_some_and(|most| message.receives >= most) {
                self.bury(id, ports);
                continue;
            }
            message.receives += 1;
            return Some(id);
        }
        None
    }

    /// Whether receivers know that there are messages: an empty queue is polled only at intervals.
    fn is_noticed(&mut self, ports: &Ports<'_>) -> bool {
        let (Some(interval), Some(since)) = (&self.settings.poll_interval, self.quiet_since) else { return true };
        let (next, _) = interval.next(since, ports.now);
        if next > ports.now {
            if !self.is_polling {
                self.is_polling = true;
                self.timers.set(next, Timer::Polls);
            }
            return false;
        }
        self.empty_polls += self.in_vain(ports.now);
        self.quiet_since = None;
        true
    }

    /// Empty polls in the measured period since the queue was empty.
    fn in_vain(&self, until: SimTime) -> u64 {
        let (Some(interval), Some(since)) = (&self.settings.poll_interval, self.quiet_since) else { return 0 };
        let looked = |until: SimTime| if until > since { interval.next(since, until).1 } else { 0 };
        looked(self.measured.nearest(until)) - looked(self.measured.from)
    }

    /// Receives as much as possible.
    fn receive_all(&mut self, ports: &mut Ports<'_>) {
        if self.visible > 0 && self.is_noticed(ports) {
            self.receive_visible(ports);
            if self.visible == 0 {
                self.quiet_since = Some(ports.now);
            }
        }
    }

    fn receive_visible(&mut self, ports: &mut Ports<'_>) {
        while self.visible > 0 && (self.filling.is_some() || !self.ready.is_empty()) {
            let Some(number) = self.filling.take().or_else(|| self.open(ports)) else { return };
            let Some(mut batch) = self.batches.remove(&number) else { return };
            let before = batch.messages.len();
            while batch.messages.len() < self.settings.batch_size as usize && self.has_room() {
                let mut group = batch.group;
                let Some(id) = self.receive(number, &mut group, ports) else { break };
                batch.group = group;
                batch.messages.push(id);
            }
            let received = (batch.messages.len() - before) as u64;
            if ports.is_measured {
                self.tally.receives += received.div_ceil(PER_CALL);
            }
            if batch.messages.is_empty() {
                // Only dead letters were left, or groups that cannot be received from.
                self.give_back_poller(ports.now);
                self.deadlines.cancel(batch.lapses, Timer::Lapses(number));
                return;
            }
            let State::Filling(closes) = batch.state else { return };
            let is_full = batch.messages.len() >= self.settings.batch_size as usize;
            self.batches.insert(number, batch);
            if is_full || closes <= ports.now {
                self.dispatch(number, ports);
            } else {
                if before == 0 {
                    self.timers.set(closes, Timer::Closes(number));
                }
                self.filling = Some(number);
                if received == 0 {
                    return;
                }
            }
        }
    }

    fn has_room(&self) -> bool {
        self.hidden < u64::from(self.settings.max_in_flight)
    }

    /// A free poller, if there is one, begins a batch.
    fn open(&mut self, ports: &Ports<'_>) -> Option<u64> {
        let is_free = self.pollers.as_ref().is_some_and(|pollers| pollers.free() > 0);
        if !is_free || self.is_out || !self.has_room() || !self.may_dispatch(ports.now) {
            return None;
        }
        let number = self.number();
        let lapses = if self.settings.renewal { SimTime::NEVER } else { ports.now + self.settings.visibility_timeout };
        self.deadlines.set(lapses, Timer::Lapses(number));
        let state = State::Filling(ports.now + self.settings.batch_window);
        let batch = Batch { messages: Vec::new(), group: None, lapses, has_lapsed: false, state };
        self.batches.insert(number, batch);
        if let Some(pollers) = &mut self.pollers {
            pollers.take(ports.now);
        }
        Some(number)
    }

    /// Whether the token bucket has a token; if not, sets an alarm for the next one.
    fn may_dispatch(&mut self, now: SimTime) -> bool {
        let Some(next) = self.pace.as_ref().map(|pace| pace.next(now)).filter(|next| *next > now) else { return true };
        if !self.awaits_dispatch {
            self.awaits_dispatch = true;
            self.timers.set(next, Timer::Dispatches);
        }
        false
    }

    /// Delivers a batch.
    fn dispatch(&mut self, number: u64, ports: &mut Ports<'_>) {
        if let Some(pace) = &mut self.pace {
            pace.take(ports.now);
        }
        if ports.is_measured {
            self.tally.batches += 1;
        }
        self.call(number, ports);
    }

    fn call(&mut self, number: u64, ports: &mut Ports<'_>) {
        let Some(batch) = self.batches.get_mut(&number) else { return };
        if let State::Filling(closes) = batch.state {
            self.timers.cancel(closes, Timer::Closes(number));
        }
        batch.state = State::Out;
        let parcels = batch.messages.iter().filter_map(|id| self.messages.get(id)).map(|message| message.parcel);
        let Some(mut parcel) = together(parcels) else {
            // All of its messages have been processed by an earlier, slow delivery.
            self.end(number, ports.now);
            return;
        };
        // A target that reports failures per message does not fail itself.
        parcel.is_poison &= !self.settings.partial_failure;
        ports.call(0, Token(number), parcel);
    }

    fn give_back_poller(&mut self, now: SimTime) {
        if let Some(pollers) = &mut self.pollers {
            pollers.release(now);
        }
    }

    /// A batch has ended: its poller is free.
    fn end(&mut self, number: u64, now: SimTime) -> Option<Batch> {
        let batch = self.batches.remove(&number)?;
        self.deadlines.cancel(batch.lapses, Timer::Lapses(number));
        match batch.state {
            State::Filling(closes) => self.timers.cancel(closes, Timer::Closes(number)),
            State::Held(retries) => self.deadlines.cancel(retries, Timer::Retries(number)),
            State::Out => {}
        }
        if self.filling == Some(number) {
            self.filling = None;
        }
        self.give_back_poller(now);
        Some(batch)
    }

    /// A batch was processed; the messages reported as failed come back.
    fn succeed(&mut self, number: u64, ports: &Ports<'_>) {
        let Some(batch) = self.end(number, ports.now) else { return };
        if let Some(pollers) = &mut self.pollers {
            pollers.succeeded(ports.now);
        }
        let is_poison = |id: &u64| self.messages.get(id).is_some_and(|message| message.parcel.is_poison);
        let is_fifo = self.settings.kind == Kind::Fifo;
        let (failed, processed): (Vec<u64>, Vec<u64>) = if !self.settings.partial_failure {
            (Vec::new(), batch.messages.clone())
        } else if is_fifo {
            let first = batch.messages.iter().position(is_poison).unwrap_or(batch.messages.len());
            (batch.messages[first..].to_vec(), batch.messages[..first].to_vec())
        } else {
            batch.messages.iter().partition(|id| is_poison(id))
        };
        if ports.is_measured {
            self.tally.deletes += (processed.len() as u64).div_ceil(PER_CALL);
        }
        for id in processed {
            self.complete(id, ports.now);
        }
        for id in failed {
            self.fail(id, number, batch.lapses, ports.now);
        }
    }

    /// A message of a batch was not processed: it stays hidden for a while.
    fn fail(&mut self, id: u64, batch: u64, lapses: SimTime, now: SimTime) {
        // It may be in another batch by now.
        let Some(message) = self.messages.get_mut(&id).filter(|message| message.place == Place::Hidden(Some(batch)))
        else {
            return;
        };
        message.place = Place::Hidden(None);
        let appears = match &self.settings.backoff {
            Some(backoff) => now + backoff.after(message.receives),
            None if self.settings.renewal => now + ROUND_TRIP,
            None => lapses.max(now),
        };
        if appears <= now { self.appear(id) } else { self.timers.set(appears, Timer::Appears(id)) }
    }

    /// A batch was not processed.
    fn give_back(&mut self, number: u64, now: SimTime) {
        let Some(batch) = self.end(number, now) else { return };
        for id in batch.messages {
            self.fail(id, number, batch.lapses, now);
        }
    }

    /// A batch was throttled: it is retried or returned.
    fn refused(&mut self, number: u64, now: SimTime) {
        if let Some(pollers) = &mut self.pollers {
            pollers.lower(now);
        }
        match self.batches.get_mut(&number) {
            Some(batch) if self.settings.throttled == Throttled::Hold && !batch.has_lapsed => {
                let retries = now + self.settings.throttle_retry;
                batch.state = State::Held(retries);
                self.deadlines.set(retries, Timer::Retries(number));
            }
            _ => self.give_back(number, now),
        }
    }

    /// The messages of a batch become visible again, even if its call is still out.
    fn lapse(&mut self, number: u64, now: SimTime) {
        let Some(batch) = self.batches.get_mut(&number) else { return };
        batch.has_lapsed = true;
        if batch.state == State::Out {
            let (messages, lapses) = (batch.messages.clone(), batch.lapses);
            for id in messages {
                self.fail(id, number, lapses, now);
            }
        } else {
            self.give_back(number, now);
        }
    }

    fn happen(&mut self, timer: Timer, ports: &mut Ports<'_>) {
        match timer {
            Timer::Appears(id) => self.appear(id),
            Timer::Expires(id) => self.expire(id),
            Timer::ComesBack(id) => self.come_back(id, ports),
            Timer::Lapses(number) => self.lapse(number, ports.now),
            Timer::Closes(number) => {
                if self.filling == Some(number) {
                    self.filling = None;
                }
                self.dispatch(number, ports);
            }
            Timer::Retries(number) => self.call(number, ports),
            Timer::Grows => {
                self.is_growing = false;
                let has_backlog = self.has_backlog();
                if let Some(pollers) = &mut self.pollers {
                    pollers.tick(has_backlog, ports.now);
                }
            }
            Timer::Dispatches => self.awaits_dispatch = false,
            Timer::Polls => self.is_polling = false,
        }
    }

    /// Whether messages wait while no poller is free.
    fn has_backlog(&self) -> bool {
        self.visible > 0 && self.pollers.as_ref().is_some_and(|pollers| pollers.free() == 0)
    }

    /// Called after every notification.
    fn update_gauges(&mut self, ports: &mut Ports<'_>) {
        self.receive_all(ports);
        let has_backlog = self.has_backlog();
        if let (Some(pollers), false) = (&self.pollers, self.is_growing)
            && let Some(pause) = pollers.pause()
            && pollers.is_restless(has_backlog)
        {
            self.is_growing = true;
            self.timers.set(ports.now + pause, Timer::Grows);
        }
        let waiting = self.messages.len() as u64 - self.hidden;
        self.tally.depth.set(waiting, ports.now);
        self.tally.in_flight.set(self.hidden, ports.now);
        self.timers.arm(ports);
        self.deadlines.arm(ports);
    }
}

impl Component for Queue {
    fn measured(&mut self, measured: Measured) {
        self.tally.depth.measured(measured);
        self.tally.in_flight.measured(measured);
        self.measured = measured;
        if let Some(pollers) = &mut self.pollers {
            pollers.measured(measured);
        }
    }

    fn arrived(&mut self, call: CallId, parcel: Parcel, ports: &mut Ports<'_>) {
        if self.is_out || self.errors > 0.0 && self.stream.random_bool(self.errors) {
            ports.answer(call, Outcome::Failed);
            return;
        }
        ports.answer(call, Outcome::Completed);
        let ratio = either(self.settings.poison_ratio, self.poison);
        let is_poison = ratio > 0.0 && self.stream.random_bool(ratio);
        let group = if self.settings.groups > 1 { self.stream.random_range(0..self.settings.groups) } else { 0 };
        self.tally.sent += u64::from(ports.is_measured);
        let message = Message {
            parcel: Parcel { is_poison: parcel.is_poison || is_poison, ..parcel },
            sent: ports.now,
            expires: ports.now + self.settings.retention,
            group,
            receives: 0,
            place: Place::Delayed,
            is_too_old: false,
            is_redriven: false,
            is_measured: ports.is_measured,
        };
        self.add(message, ports);
        self.update_gauges(ports);
    }

    fn woken(&mut self, token: Token, ports: &mut Ports<'_>) {
        self.timers.rang(token, ports.now);
        self.deadlines.rang(token, ports.now);
        // What the other kind of alarm covers is left to it.
        while let Some(timer) = if token == ALARM { &mut self.timers } else { &mut self.deadlines }.due(ports.now) {
            self.happen(timer, ports);
        }
        self.update_gauges(ports);
    }

    fn answered(&mut self, token: Token, outcome: Outcome, ports: &mut Ports<'_>) {
        let number = token.0;
        if !self.batches.contains_key(&number) {
            return; // a dead letter has arrived
        }
        match outcome {
            Outcome::Completed => self.succeed(number, ports),
            Outcome::Rejected | Outcome::BreakerOpen | Outcome::QueueTimedOut => self.refused(number, ports.now),
            _ => {
                if let (Some(pollers), false) = (&mut self.pollers, self.settings.partial_failure) {
                    pollers.lower(ports.now);
                }
                self.give_back(number, ports.now);
            }
        }
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
        self.update_gauges(ports);
    }

    fn gauges(&self, now: SimTime) -> Gauges {
        let oldest = self.messages.values().next().map(|message| message.sent);
        let all = self.messages.len() as u64;
        let given_up = self.tally.dead_lettered + self.tally.expired;
        Gauges { waiting: all - self.hidden, in_flight: self.hidden, oldest, given_up, cost_usd: self.cost_usd(now) }
    }

    fn close(&mut self, end: SimTime, books: &mut Books) {
        let empty_receives = self.empty_receives(end);
        let Tally { sent, redriven, completed, dead_lettered, discarded, expired, receives, batches, .. } = self.tally;
        let remaining = self.messages.values().filter(|message| message.is_measured).count() as u64;
        books.count("messages.sent", sent);
        books.count("messages.redriven", redriven);
        books.count("messages.completed", completed);
        books.count("messages.dead_lettered", dead_lettered);
        books.count("messages.discarded", discarded);
        books.count("messages.expired", expired);
        books.count("messages.remaining", remaining);
        books.count("receives", receives);
        books.count("empty_receives", empty_receives);
        books.count("batches", batches);
        books.times("age_s", &self.tally.age);
        books.level("depth", &self.tally.depth, end);
        books.level("in_flight", &self.tally.in_flight, end);
        books.figure("cost_usd", self.cost_usd(end));
    }
}
