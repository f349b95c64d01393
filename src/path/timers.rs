//! Times that a component waits for and can cancel.

use std::collections::BTreeSet;

use super::{Ports, Token};
use crate::time::SimTime;

/// A queue of timed items. However many there are, only as many alarms are out as needed to be on time.
#[derive(Debug)]
pub(super) struct Timers<T> {
    token: Token,
    /// Whether responses at the same time come first.
    is_deadline: bool,
    waiting: BTreeSet<(SimTime, T)>,
    /// The alarms that are out, earliest last.
    alarms: Vec<SimTime>,
}

impl<T: Ord + Copy> Timers<T> {
    /// An empty queue whose alarms have this token.
    pub(super) const fn new(token: Token, is_deadline: bool) -> Self {
        Self { token, is_deadline, waiting: BTreeSet::new(), alarms: Vec::new() }
    }

    /// Schedules an item; never, if the time is beyond the range of the clock.
    pub(super) fn set(&mut self, at: SimTime, what: T) {
        if at < SimTime::NEVER {
            self.waiting.insert((at, what));
        }
    }

    /// Cancels an item.
    pub(super) fn cancel(&mut self, at: SimTime, what: T) {
        self.waiting.remove(&(at, what));
    }

    /// An alarm has gone off; tokens of other alarms are ignored.
    pub(super) fn rang(&mut self, token: Token, now: SimTime) {
        while token == self.token && self.alarms.last().is_some_and(|alarm| *alarm <= now) {
            self.alarms.pop();
        }
    }

    /// The next item that is due.
    pub(super) fn due(&mut self, now: SimTime) -> Option<T> {
        self.waiting.first().filter(|(at, _)| *at <= now)?;
        self.waiting.pop_first().map(|(_, what)| what)
    }

    /// Requests an alarm for the first item, unless one is out.
    pub(super) fn arm(&mut self, ports: &mut Ports<'_>) {
        let Some(&(at, _)) = self.waiting.first() else { return };
        let at = at.max(ports.now);
        if self.alarms.last().is_none_or(|alarm| at < *alarm) {
            self.alarms.push(at);
            if self.is_deadline { ports.wake_late(self.token, at) } else { ports.wake(self.token, at) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Action;
    use super::*;
    use crate::time::Span;

    /// The alarms requested when the timers are armed at a time.
    fn armed(timers: &mut Timers<u32>, now: u64) -> Vec<u64> {
        let mut actions = Vec::new();
        timers.arm(&mut Ports { now: at(now), is_measured: true, entry: 0, actions: &mut actions });
        let time = |action: &Action| match action {
            Action::Wake { at, .. } => at.as_nanos() / 1_000_000_000,
            other => panic!("{other:?}"),
        };
        actions.iter().map(time).collect()
    }

    fn at(secs: u64) -> SimTime {
        SimTime::from(Span::from_secs(secs))
    }

    #[test]
    fn an_alarm_is_asked_for_only_where_none_comes_in_time() {
        let mut timers = Timers::new(Token(0), false);
        assert_eq!(armed(&mut timers, 0), [0_u64; 0]);
        timers.set(at(30), 1);
        timers.set(SimTime::NEVER, 9);
        assert_eq!(armed(&mut timers, 0), [30]);
        assert_eq!(armed(&mut timers, 0), [0_u64; 0]);
        timers.set(at(10), 2);
        timers.set(at(20), 3);
        assert_eq!(armed(&mut timers, 0), [10]);
        timers.cancel(at(20), 3);
        timers.rang(Token(7), at(10));
        timers.rang(Token(0), at(10));
        assert_eq!((timers.due(at(10)), timers.due(at(10))), (Some(2), None));
        // The alarm of 30 s is still out.
        assert_eq!(armed(&mut timers, 10), [0_u64; 0]);
        timers.cancel(at(30), 1);
        timers.set(at(40), 4);
        assert_eq!(armed(&mut timers, 20), [0_u64; 0]);
        timers.rang(Token(0), at(30));
        assert_eq!(timers.due(at(30)), None);
        assert_eq!(armed(&mut timers, 30), [40]);
    }
}
