//! The most that was wanted lately.

use std::collections::VecDeque;

use crate::time::{SimTime, Span};

/// What was wanted, and when: only what nothing later outdoes, the most in front. So nothing that is asked of it takes
/// longer than what was added since, however far it reaches back.
#[derive(Clone, Debug)]
pub(super) struct Peak<T = f64>(VecDeque<(SimTime, T)>);

impl<T> Default for Peak<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Copy + PartialOrd> Peak<T> {
    /// Adds what is wanted `now`; the answer is the most that was wanted since `delay` ago, that moment included.
    pub(super) fn of(&mut self, now: SimTime, wanted: T, delay: Span) -> T {
        while self.0.back().is_some_and(|(_, less)| *less <= wanted) {
            self.0.pop_back();
        }
        self.0.push_back((now, wanted));
        while self.0.front().is_some_and(|(at, _)| *at + delay < now) {
            self.0.pop_front();
        }
        self.0.front().map_or(wanted, |(_, most)| *most)
    }

    /// Up to when the answer stays what it was, if no more is wanted from now on than what is wanted `now`, the least that ever
    /// is.
    pub(super) fn holds_until(&self, now: SimTime, delay: Span) -> SimTime {
        self.0.front().map_or(SimTime::NEVER, |(at, _)| if *at < now { *at + delay } else { SimTime::NEVER })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_of_the_last_twenty_seconds() {
        let mut peak = Peak::default();
        let wanted = [(0, 3.0), (10, 1.0), (20, 2.0), (30, 1.0), (40, 0.0), (50, 0.0), (60, 0.0)];
        let most = wanted.map(|(at, wanted)| peak.of(SimTime::from_nanos(at), wanted, Span::from_nanos(20)));
        assert_eq!(most, [3.0, 3.0, 3.0, 2.0, 2.0, 1.0, 0.0]);
    }
}
