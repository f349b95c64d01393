//! The maximum of recent values.

use std::collections::VecDeque;

use crate::time::{SimTime, Span};

/// Values and their times: only those that no later value exceeds, largest first. So the cost of a query depends only
/// on what was added since the last one, however long the window is.
#[derive(Clone, Debug)]
pub(super) struct Peak<T = f64>(VecDeque<(SimTime, T)>);

impl<T> Default for Peak<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Copy + PartialOrd> Peak<T> {
    /// Adds the value at `now`; returns the maximum since `delay` ago, inclusive.
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

    /// Until when the result stays the same, if no more than the value at `now` is added from now on, and that is the
    /// minimum.
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
