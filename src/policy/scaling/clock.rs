//! The clock of a policy that decides at a fixed interval and may skip decisions that change nothing.

use super::next_multiple;
use crate::time::{SimTime, Span};

/// Ticks at a fixed interval. At rest, the next tick is not the following one, unless something happens.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    interval: Span,
    /// The next tick; never: the clock is stopped.
    tick: SimTime,
    /// The tick at which the policy is next asked.
    asked: SimTime,
}

impl Clock {
    /// A clock that ticks at once, then every `interval`.
    pub(super) const fn new(interval: Span) -> Self {
        Self { interval, tick: SimTime::ZERO, asked: SimTime::ZERO }
    }

    pub(super) const fn next(&self) -> SimTime {
        self.asked
    }

    /// It has ticked.
    pub(super) fn ticked(&mut self, now: SimTime) {
        self.start(now + self.interval);
    }

    /// A tick has happened, perhaps late; ticks are at multiples of the interval.
    pub(super) fn ticked_at_multiple(&mut self, now: SimTime) {
        self.start(next_multiple(now, self.interval));
    }

    /// Restarts with a tick at this time; never: stops.
    pub(super) const fn start(&mut self, at: SimTime) {
        (self.tick, self.asked) = (at, at);
    }

    pub(super) fn stands_still(&self) -> bool {
        self.tick == SimTime::NEVER
    }

    /// Ticks up to this time change nothing unless something happens.
    pub(super) fn rest(&mut self, until: SimTime) {
        self.asked = self.after(until);
    }

    /// Whether ticks may be skipped.
    pub(super) fn rests(&self) -> bool {
        self.asked != self.tick
    }

    /// Something happens; a tick at this very time came before it. Returns the last tick that was skipped.
    pub(super) fn wake(&mut self, now: SimTime) -> Option<SimTime> {
        if !self.rests() {
            return None;
        }
        let first = self.tick;
        self.start(self.after(now));
        (self.tick > first).then(|| SimTime::from_nanos(self.tick.as_nanos() - self.interval.as_nanos()))
    }

    /// The first tick after a time.
    fn after(&self, moment: SimTime) -> SimTime {
        let Some(passed) = moment.as_nanos().checked_sub(self.tick.as_nanos()) else { return self.tick };
        let ticks = passed / self.interval.as_nanos() + 1;
        SimTime::from_nanos(ticks.saturating_mul(self.interval.as_nanos()).saturating_add(self.tick.as_nanos()))
    }
}

/// The last moment before this one.
pub(super) const fn just_before(moment: SimTime) -> SimTime {
    SimTime::from_nanos(moment.as_nanos().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::super::testing::at;
    use super::*;

    #[test]
    fn ticks_keep_their_phase_through_a_rest() {
        let mut clock = Clock::new(Span::from_secs(10));
        clock.ticked(at(3));
        assert_eq!(clock.next(), at(13));
        clock.rest(at(12));
        assert_eq!(clock.next(), at(13));
        clock.rest(at(13));
        assert_eq!(clock.next(), at(23));
        clock.rest(at(100));
        assert_eq!(clock.next(), at(103));
        assert!(clock.rests());
        assert_eq!((clock.wake(at(43)), clock.next(), clock.rests()), (Some(at(43)), at(53), false));
        assert_eq!((clock.wake(at(44)), clock.next()), (None, at(53)));
        clock.rest(at(100));
        assert_eq!((clock.wake(at(52)), clock.next()), (None, at(53)));
        clock.rest(SimTime::NEVER);
        assert_eq!((clock.next(), clock.rests(), clock.stands_still()), (SimTime::NEVER, true, false));
        clock.start(SimTime::NEVER);
        assert!(clock.stands_still());
    }
}
