//! The pending events.
//!
//! A few of them are kept in order. More lie unsorted in slots of equal length, and only the slot that is due is brought into
//! order (a calendar queue; R. Brown, CACM 31(10), 1988). So an event costs the same however many are pending. The length and
//! the number of slots follow the events.

mod calendar;
mod due;
mod few;

use super::event::Event;
use calendar::Calendar;
use due::Due;
use few::Few;

/// Events from which on slots are worth their while.
const FEW: usize = 16;

/// The pending events, earliest first.
#[derive(Debug)]
pub(super) struct EventQueue {
    /// The earliest event, or [`Event::NEVER`].
    first: Event,
    /// The events of the slot that is due.
    due: Due,
    /// Those that came when their slot was due already, and how many came; where there are few events, all.
    late: Few,
    came_late: usize,
    /// The last moment of the slot that is due: that of the clock where no event is far.
    due_to: u64,
    /// All other events.
    far: Calendar,
    /// Whether there is a far future.
    is_spread: bool,
    /// Whether somebody is to be told that events approach.
    has_approached: bool,
    /// Events up to which all are in order, and those from which on what approaches is told.
    few: usize,
    many: usize,
}

impl EventQueue {
    /// From `many` far events on it is told when they approach.
    pub(super) fn new(many: usize) -> Self {
        Self::with_few(FEW, many)
    }

    fn with_few(few: usize, many: usize) -> Self {
        Self {
            first: Event::NEVER,
            due: Due::default(),
            late: Few::default(),
            came_late: 0,
            due_to: u64::MAX,
            far: Calendar::default(),
            is_spread: false,
            has_approached: false,
            few,
            many,
        }
    }

    #[inline]
    pub(super) fn push(&mut self, event: Event) {
        self.put(event);
        if !self.is_spread && self.late.len() > self.few {
            self.spread();
        }
    }

    /// The earliest event, or [`Event::NEVER`].
    #[inline]
    pub(super) fn first(&self) -> Event {
        self.first
    }

    /// Removes the earliest event.
    #[inline]
    pub(super) fn pop(&mut self) {
        self.remove_first();
        if self.is_spread && self.first == Event::NEVER {
            self.approach();
        }
    }

    /// Puts `event` in the place of the earliest.
    #[inline]
    pub(super) fn replace_first(&mut self, event: Event) {
        self.remove_first();
        self.put(event);
        if self.first == Event::NEVER {
            self.approach();
        }
    }

    #[inline]
    fn remove_first(&mut self) {
        if self.due.first() < self.late.first() {
            self.due.pop();
        } else {
            self.late.pop();
        }
        self.first = self.due.first().min(self.late.first());
    }

    #[inline]
    fn put(&mut self, event: Event) {
        if event.at().as_nanos() <= self.due_to {
            self.late.push(event);
            self.came_late += 1;
            self.first = self.first.min(event);
        } else {
            self.far.push(event);
        }
    }

    /// Whether, of many events, others than before will soon be the earliest, since this was asked last.
    #[inline]
    pub(super) fn has_approached(&mut self) -> bool {
        self.has_approached && std::mem::take(&mut self.has_approached)
    }

    /// The events that will soon be the earliest, when it was told that they approach.
    pub(super) fn soon(&self) -> impl Iterator<Item = Event> + Clone {
        self.due.rest()
    }

    /// More than a few events: from now on only some of them are in order.
    #[cold]
    fn spread(&mut self) {
        self.far.spread(self.late.take_all());
        (self.is_spread, self.came_late) = (true, 0);
        self.approach();
    }

    /// The next slot with events is due.
    #[inline(never)]
    fn approach(&mut self) {
        if self.far.len() <= self.few / 4 {
            self.far.take_all().into_iter().for_each(|event| self.late.push(event));
            (self.due_to, self.is_spread) = (u64::MAX, false);
            self.first = self.late.first();
            return;
        }
        self.has_approached = self.far.len() >= self.many;
        self.due_to = self.far.next(self.due.unsorted(), std::mem::take(&mut self.came_late));
        self.due.sort(self.far.shift());
        self.first = self.due.first();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::event::Kind;
    use super::*;
    use crate::time::SimTime;

    /// One step of a simulation: so many events are pushed, each so long after the present, and so many are popped.
    type Step = (Vec<(u64, u32)>, usize);

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let delay = prop_oneof![0..100u64, 0..1_000_000u64, 0..u64::MAX / 1_000];
        let pushes = prop::collection::vec((delay, 0..100u32), 0..60);
        prop::collection::vec((pushes, 0..60usize), 1..60)
    }

    proptest! {
        #[test]
        fn events_come_in_order_however_many_there_are(steps in steps(), few in prop_oneof![Just(2usize), Just(FEW), Just(64)]) {
            let mut queue = EventQueue::with_few(few, usize::MAX);
            let mut expected = BTreeSet::new();
            let mut now = 0;
            for (pushes, pops) in steps {
                for (delay, item) in pushes {
                    let event = Event::new(SimTime::from_nanos(now + delay), Kind::Completion, 0, item);
                    if expected.insert(event) {
                        queue.push(event);
                    }
                }
                for pop in 0..pops {
                    let first = expected.first().copied();
                    prop_assert_eq!(queue.first(), first.unwrap_or(Event::NEVER));
                    let Some(first) = first else { break };
                    now = first.at().as_nanos();
                    expected.pop_first();
                    let next = Event::new(SimTime::from_nanos(now + 17 * pop as u64), Kind::Arrival, 1, pop as u32);
                    if pop % 3 == 0 && expected.insert(next) {
                        queue.replace_first(next);
                    } else {
                        queue.pop();
                    }
                }
            }
            for event in expected {
                prop_assert_eq!(queue.first(), event);
                queue.pop();
            }
            prop_assert_eq!(queue.first(), Event::NEVER);
        }
    }

    #[test]
    fn the_clock_has_an_end() {
        let event = |at, item| Event::new(SimTime::from_nanos(at), Kind::Completion, 0, item);
        for (gap, at_end) in [(0, 0), (0, 500), (1, 0), (1 << 40, 500), (u64::MAX / 3_000, 1)] {
            let mut queue = EventQueue::new(1024);
            let mut expected: Vec<Event> =
                (0..3_000).map(|item| event(u64::MAX - gap * u64::from(item), item)).collect();
            expected.iter().for_each(|event| queue.push(*event));
            // At the end of the clock more is to come.
            let late = (3_000..3_000 + at_end).map(|item| event(u64::MAX, item));
            expected.sort_unstable();
            for (place, first) in expected.iter().enumerate() {
                assert_eq!(queue.first(), *first, "{gap}");
                queue.pop();
                if place == 2_000 {
                    late.clone().for_each(|event| queue.push(event));
                }
            }
            late.for_each(|late| {
                assert_eq!(queue.first(), late, "{gap}");
                queue.pop();
            });
            assert_eq!(queue.first(), Event::NEVER);
        }
    }

    #[test]
    fn any_number_of_events_may_come_at_once() {
        let mut queue = EventQueue::new(1024);
        let at = SimTime::from_nanos(5_000_000);
        let event = |item| Event::new(at, Kind::Completion, 0, item);
        // 7,919 and 100,000 have no common divisor: every item once, in no order.
        (0..100_000_u64).for_each(|step| queue.push(event((step * 7_919 % 100_000) as u32)));
        for item in 0..100_000 {
            assert_eq!(queue.first(), event(item));
            queue.pop();
            if item % 1_000 == 0 {
                let late = Event::new(at, Kind::Arrival, 0, item);
                queue.push(late);
            }
        }
        for item in (0..100_000).step_by(1_000) {
            assert_eq!(queue.first(), Event::new(at, Kind::Arrival, 0, item));
            queue.pop();
        }
        assert_eq!(queue.first(), Event::NEVER);
    }

    #[test]
    fn events_may_lie_the_whole_clock_apart() {
        let mut queue = EventQueue::new(1024);
        let event = |item| Event::new(SimTime::from_nanos(if item < 8 { 0 } else { u64::MAX }), Kind::Ready, 0, item);
        (0..40).rev().for_each(|item| queue.push(event(item)));
        for item in 0..40 {
            assert_eq!(queue.first(), event(item));
            queue.pop();
        }
        assert_eq!(queue.first(), Event::NEVER);
    }

    #[test]
    fn the_length_of_slots_follows_the_density() {
        let mut queue = EventQueue::new(1024);
        let at = |gap: u64, queue: &mut EventQueue| {
            for step in 0..400_000_u64 {
                let now = queue.first().at().as_nanos();
                // Pending: about 4,000 gaps ahead.
                let next = now + 1 + (step * 7_919) % (8_000 * gap);
                queue.replace_first(Event::new(SimTime::from_nanos(next), Kind::Completion, 0, step as u32));
            }
            queue.far.shift()
        };
        for item in 0..4_000_u32 {
            let event = Event::new(SimTime::from_nanos(u64::from(item)), Kind::Completion, 0, item);
            queue.push(event);
        }
        let (short, long) = (at(10, &mut queue), at(10_000, &mut queue));
        assert!(short + 5 < long, "{short} {long}");
    }
}
