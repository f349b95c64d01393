//! Number of pollers.
//!
//! A poller receives a batch, calls the target, and deletes the messages that were processed; then it receives again.
//! While it receives nothing it polls, and each poll that returns no message is charged as a receive.

use std::collections::VecDeque;

use super::super::books::Measured;
use super::parameters::Growth;
use super::presets::Pollers as Settings;
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// The pollers of a queue.
#[derive(Debug)]
pub(super) struct Pollers {
    settings: Settings,
    long_poll: Option<Span>,
    /// The target number: more are busy after it has decreased.
    wanted: u32,
    busy: u32,
    /// Since when idle pollers have been polling, the longest-waiting first, and how many of them.
    idle: VecDeque<(SimTime, u32)>,
    /// Maximum number that was busy at the same time since `calm_since`.
    peak: u32,
    /// When there was last a backlog, or when the need of this calm period was last evaluated.
    calm_since: SimTime,
    /// The part of `step` that is not yet a whole poller, in parts of `per`.
    carried: u128,
    measured: Measured,
    empty_receives: u64,
    /// Pollers billed by the hour: until when they have been added up, and the sum, ns.
    paid_since: SimTime,
    paid_ns: u128,
}

impl Pollers {
    pub(super) fn new(settings: Settings, long_poll: Option<Span>) -> Self {
        Self {
            settings,
            long_poll,
            wanted: settings.start,
            busy: 0,
            idle: VecDeque::from([(SimTime::ZERO, settings.start)]),
            peak: 0,
            calm_since: SimTime::ZERO,
            carried: 0,
            measured: Measured::default(),
            empty_receives: 0,
            paid_since: SimTime::ZERO,
            paid_ns: 0,
        }
    }

    /// Sets what is measured.
    pub(super) fn measured(&mut self, measured: Measured) {
        (self.measured, self.paid_since) = (measured, measured.from);
    }

    /// Pollers that are free to receive.
    pub(super) fn free(&self) -> u32 {
        self.wanted.saturating_sub(self.busy)
    }

    /// The longest-waiting poller receives.
    pub(super) fn take(&mut self, now: SimTime) {
        self.busy += 1;
        self.peak = self.peak.max(self.busy);
        if let Some((since, number)) = self.idle.front_mut() {
            let since = *since;
            *number -= 1;
            if *number == 0 {
                self.idle.pop_front();
            }
            self.count(since, 1, now);
        }
    }

    /// A poller has finished its batch.
    pub(super) fn release(&mut self, now: SimTime) {
        self.busy -= 1;
        self.fit(now);
    }

    /// A batch was processed.
    pub(super) fn succeeded(&mut self, now: SimTime) {
        if self.settings.growth == Growth::Success {
            self.add(self.settings.step, now);
        }
    }

    /// A batch failed or was throttled: the number is halved.
    pub(super) fn lower(&mut self, now: SimTime) {
        self.pay(now);
        self.wanted = (self.wanted / 2).max(self.settings.least);
        (self.peak, self.calm_since) = (self.busy, now);
        self.fit(now);
    }

    /// How often to call [`Self::tick`] while [`Self::is_restless`].
    pub(super) fn pause(&self) -> Option<Span> {
        let Settings { growth, step, start, least, every, .. } = self.settings;
        (growth == Growth::Backlog && (step > 0 || least < start)).then_some(every)
    }

    /// Whether their number changes with time alone.
    pub(super) fn is_restless(&self, has_backlog: bool) -> bool {
        has_backlog && self.wanted < self.settings.max || self.wanted != self.settings.start
    }

    /// Another interval has passed. With a backlog, their number grows. After a calm period without one, it drops to
    /// what was needed in it, at least `start`.
    pub(super) fn tick(&mut self, has_backlog: bool, now: SimTime) {
        let Settings { start, step, per, every, max, .. } = self.settings;
        if has_backlog {
            self.carried += u128::from(step) * u128::from(every.as_nanos());
            let per = u128::from(per.as_nanos());
            let more = (self.carried / per).min(u128::from(u32::MAX)) as u32;
            self.carried %= per;
            self.add(more, now);
        } else if now.since(self.calm_since) >= per {
            self.pay(now);
            self.wanted = self.peak.clamp(start, max);
            self.fit(now);
        } else {
            return;
        }
        (self.peak, self.calm_since) = (self.busy, now);
    }

    fn add(&mut self, more: u32, now: SimTime) {
        self.pay(now);
        self.wanted = self.wanted.saturating_add(more).min(self.settings.max);
        self.fit(now);
    }

    /// Adjusts the idle pollers to the target number.
    fn fit(&mut self, now: SimTime) {
        let free = self.free();
        let mut idle: u32 = self.idle.iter().map(|(_, number)| number).sum();
        if idle < free {
            match self.idle.back_mut() {
                Some((since, number)) if *since == now => *number += free - idle,
                _ => self.idle.push_back((now, free - idle)),
            }
        }
        while idle > free {
            let Some((since, number)) = self.idle.pop_back() else { break };
            let gone = number.min(idle - free);
            self.count(since, gone, now);
            if number > gone {
                self.idle.push_back((since, number - gone));
            }
            idle -= gone;
        }
    }

    /// This many have polled from then until now.
    fn count(&mut self, since: SimTime, number: u32, now: SimTime) {
        self.empty_receives += self.polls(since, number, now);
    }

    fn polls(&self, since: SimTime, number: u32, now: SimTime) -> u64 {
        let Some(poll) = self.long_poll else { return 0 };
        let polls = |until: SimTime| until.since(since).as_nanos() / poll.as_nanos();
        (polls(self.measured.nearest(now)) - polls(self.measured.from)) * u64::from(number)
    }

    /// The polls that returned nothing.
    pub(super) fn empty_receives(&self, end: SimTime) -> u64 {
        let idle = self.idle.iter().map(|(since, number)| self.polls(*since, *number, end));
        (self.empty_receives + idle.sum::<u64>()) / u64::from(self.settings.together)
    }

    /// Adds the cost of the pollers up to now.
    fn pay(&mut self, now: SimTime) {
        self.paid_ns = self.paid_ns_until(now);
        self.paid_since = now;
    }

    fn paid_ns_until(&self, now: SimTime) -> u128 {
        let paid = self.wanted.div_ceil(self.settings.together);
        self.paid_ns + u128::from(paid) * self.measured.between(self.paid_since, now)
    }

    /// Cost of the pollers that are billed by the hour.
    pub(super) fn cost_usd(&self, end: SimTime) -> f64 {
        let hours = self.paid_ns_until(end) as f64 / (3_600 * NANOS_PER_SECOND) as f64;
        hours * self.settings.per_hour_usd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQS: Settings = Settings {
        start: 5,
        growth: Growth::Backlog,
        step: 300,
        per: Span::from_secs(60),
        every: Span::from_secs(1),
        max: 1_250,
        least: 2,
        together: 1,
        per_hour_usd: 0.0,
    };

    fn at(secs: u64) -> SimTime {
        SimTime::from(Span::from_secs(secs))
    }

    /// Their number after whole minutes of backlog.
    fn grown(settings: Settings) -> Vec<u32> {
        let mut pollers = Pollers::new(settings, None);
        let mut numbers = vec![pollers.wanted];
        let ticks = 60 / settings.every.as_nanos().div_ceil(1_000_000_000);
        for minute in 0..5 {
            for tick in 1..=ticks {
                pollers.tick(true, at(minute * 60 + tick * 60 / ticks));
            }
            numbers.push(pollers.wanted);
        }
        numbers
    }

    #[test]
    fn pollers_grow_by_300_a_minute() {
        assert_eq!(grown(SQS), [5, 305, 605, 905, 1_205, 1_250]);
        assert_eq!(grown(Settings { every: Span::from_secs(60), ..SQS }), [5, 305, 605, 905, 1_205, 1_250]);
        // Remainders are not lost.
        assert_eq!(grown(Settings { step: 100, ..SQS }), [5, 105, 205, 305, 405, 505]);
    }

    #[test]
    fn halves_go_and_a_calm_minute_brings_back_what_is_needed() {
        let mut pollers = Pollers::new(SQS, None);
        for _ in 0..5 {
            pollers.take(at(0));
        }
        let lowered: Vec<u32> = (0..3).map(|_| (pollers.lower(at(10)), pollers.wanted).1).collect();
        assert_eq!((lowered, pollers.free()), (vec![2, 2, 2], 0));
        pollers.tick(false, at(69));
        assert_eq!(pollers.wanted, 2);
        pollers.tick(false, at(70));
        assert_eq!((pollers.wanted, pollers.is_restless(false)), (5, false));
        // Eight were needed.
        pollers.tick(true, at(71));
        (0..3).for_each(|_| pollers.take(at(72)));
        (0..8).for_each(|_| pollers.release(at(80)));
        pollers.tick(false, at(131));
        assert_eq!(pollers.wanted, 8);
        pollers.tick(false, at(191));
        assert_eq!(pollers.wanted, 5);
    }

    #[test]
    fn five_idle_pollers_receive_nothing_fifteen_times_a_minute() {
        let pollers = Pollers::new(SQS, Some(Span::from_secs(20)));
        assert_eq!(pollers.empty_receives(at(60)), 15);
        // Of a poller that is busy from 30 s on, only the first poll counts; the warm-up does not.
        let mut pollers = Pollers::new(SQS, Some(Span::from_secs(20)));
        pollers.measured(Measured { from: at(30), until: at(3_600) });
        pollers.take(at(30));
        pollers.release(at(50));
        assert_eq!(pollers.empty_receives(at(61)), 4 * 2);
        let mut pollers = Pollers::new(SQS, Some(Span::from_secs(20)));
        pollers.take(at(30));
        pollers.lower(at(50));
        assert_eq!(pollers.empty_receives(at(60)), 1 + 3 * 2 + 3);
    }
}
