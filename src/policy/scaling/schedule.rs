//! Actions at given times.

use crate::time::{SimTime, Span};

/// When an action happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timer {
    /// First, from the start of the run.
    pub(super) at: Span,
    /// Interval of repetition; `None`: once.
    pub(super) every: Option<Span>,
}

impl Timer {
    /// Its first time after `now`.
    fn after(self, now: SimTime) -> SimTime {
        let first = SimTime::ZERO + self.at;
        match self.every {
            _ if now < first => first,
            None | Some(Span::ZERO) => SimTime::NEVER,
            Some(every) => {
                let rung = now.since(first).as_nanos() / every.as_nanos() + 1;
                SimTime::from_nanos(every.as_nanos().saturating_mul(rung).saturating_add(first.as_nanos()))
            }
        }
    }
}

/// A list of actions and when each is due next.
#[derive(Clone, Debug)]
pub(super) struct Schedule<T> {
    entries: Vec<(Timer, T, SimTime)>,
}

impl<T: Copy> Schedule<T> {
    pub(super) fn new(entries: impl IntoIterator<Item = (Timer, T)>) -> Self {
        let entry = |(timer, what): (Timer, T)| (timer, what, SimTime::ZERO + timer.at);
        Self { entries: entries.into_iter().map(entry).collect() }
    }

    /// When the next action is due.
    pub(super) fn next(&self) -> SimTime {
        self.entries.iter().map(|(.., next)| *next).min().unwrap_or(SimTime::NEVER)
    }

    /// The actions that are due, in the order of the list, so that the last one prevails.
    pub(super) fn due(&mut self, now: SimTime) -> Vec<T> {
        let due = |(timer, what, next): &mut (Timer, T, SimTime)| {
            (*next <= now).then(|| {
                *next = timer.after(now);
                *what
            })
        };
        self.entries.iter_mut().filter_map(due).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(secs)
    }

    #[test]
    fn once_and_again_and_again() {
        let timer = |at, every: Option<u64>| Timer { at: Span::from_secs(at), every: every.map(Span::from_secs) };
        let mut schedule = Schedule::new([(timer(0, None), 'a'), (timer(8, Some(24)), 'b'), (timer(32, None), 'c')]);
        let mut done = Vec::new();
        while schedule.next() < at(60) {
            let now = schedule.next();
            done.extend(schedule.due(now).into_iter().map(|what| (now, what)));
        }
        assert_eq!(done, [(at(0), 'a'), (at(8), 'b'), (at(32), 'b'), (at(32), 'c'), (at(56), 'b')]);
        assert_eq!(Schedule::<u8>::new([]).next(), SimTime::NEVER);
    }
}
