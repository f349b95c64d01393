//! The scale-down delay: the largest decision of the last few slots.

use std::collections::VecDeque;

use crate::time::{SimTime, Span};

/// The maximum of the values recorded in the last `ceil(delay / slot)` slots, aligned to the Unix clock.
///
/// Source: `pkg/autoscaler/aggregation/max` of knative/serving. Gaps only let entries expire: nothing is removed before
/// something newer is recorded.
#[derive(Clone, Debug)]
pub struct DelayWindow {
    slot: Span,
    slots: u64,
    /// (slot, value), with slots ascending and values descending: the possible maxima.
    entries: VecDeque<(u64, i32)>,
}

impl DelayWindow {
    /// A window over `delay` in slots of `slot`, which must not be zero.
    #[must_use]
    pub fn new(delay: Span, slot: Span) -> Self {
        Self { slot, slots: delay.as_nanos().div_ceil(slot.as_nanos()).max(1), entries: VecDeque::new() }
    }

    /// Records `value` at `now` and returns the maximum of the window that ends there. Time must not go backwards.
    pub fn record(&mut self, now: SimTime, value: i32) -> i32 {
        let slot = now.as_nanos() / self.slot.as_nanos();
        while self.entries.back().is_some_and(|(_, smaller)| *smaller <= value) {
            self.entries.pop_back();
        }
        while self.entries.front().is_some_and(|(old, _)| slot.saturating_sub(*old) >= self.slots) {
            self.entries.pop_front();
        }
        // A smaller value never hides a larger one of the same slot.
        if self.entries.back().is_none_or(|(newest, _)| *newest != slot) {
            self.entries.push_back((slot, value));
        }
        self.entries.front().map_or(value, |(_, largest)| *largest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(delay_secs: u64) -> DelayWindow {
        DelayWindow::new(Span::from_secs(delay_secs), Span::from_secs(2))
    }

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(secs)
    }

    #[test]
    fn five_seconds_are_three_slots() {
        let mut w = window(5);
        assert_eq!(w.record(at(0), 9), 9);
        assert_eq!(w.record(at(2), 1), 9);
        assert_eq!(w.record(at(4), 2), 9);
        assert_eq!(w.record(at(6), 1), 2);
    }

    #[test]
    fn the_largest_of_one_slot_counts() {
        let mut w = window(1);
        assert_eq!(w.record(at(0), 5), 5);
        assert_eq!(w.record(at(1), 3), 5);
        assert_eq!(w.record(at(1), 7), 7);
        assert_eq!(w.record(at(2), 3), 3);
    }

    #[test]
    fn a_gap_ages_everything_out() {
        let mut w = window(30);
        assert_eq!(w.record(at(0), 50), 50);
        assert_eq!(w.record(at(1_000), 2), 2);
    }
}
