//! The pending events.
//!
//! A binary heap, as long as few events are pending. Beyond that most of its time would go into waiting for memory: so
//! only the events of the near future stay in the heap, and those to come lie unsorted in slots of equal length, each of
//! which is made the heap when its time has come (a calendar queue with a heap for the current day; R. Brown, CACM
//! 31(10), 1988). The length of a slot follows the density of the events. The order is that of the heap in every case.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::event::Event;

/// Events from which on slots are worth their while.
const MANY: usize = 1024;
/// Slots at a time; a power of two.
const SLOTS: usize = 1 << 13;
/// Events that a slot is to have.
const SLOT_EVENTS: usize = 64;
/// Slots, and events of so many full ones, after which their length is looked at.
const REVIEW: usize = 64;

/// The pending events, earliest first.
#[derive(Debug)]
pub(super) struct EventQueue {
    /// All events up to `near_to`; not empty unless the queue is.
    near: BinaryHeap<Reverse<Event>>,
    /// The last moment of the near future: that of the clock where no other is far.
    near_to: u64,
    far: Option<Box<Far>>,
    /// Events from which on there is a far future.
    many: usize,
    /// Whether a slot has become near since somebody asked.
    has_approached: bool,
    /// Events taken from the near future.
    taken: usize,
}

/// The events that are not near.
#[derive(Debug)]
struct Far {
    /// A slot is 2^shift ns long; at least 2 ns, so that the slot after the last of the clock has a number.
    shift: u32,
    /// The slot after the near future.
    first: u64,
    slots: Vec<Vec<Reverse<Event>>>,
    /// Events in slots.
    len: usize,
    /// Events after the last slot.
    beyond: BinaryHeap<Reverse<Event>>,
    /// Slots that became the near future since the last review, and events that were taken from there.
    passed: usize,
    passed_events: usize,
}

impl Default for EventQueue {
    fn default() -> Self {
        Self::with_many(MANY)
    }
}

impl EventQueue {
    fn with_many(many: usize) -> Self {
        Self { near: BinaryHeap::new(), near_to: u64::MAX, far: None, many, has_approached: false, taken: 0 }
    }

    #[inline]
    pub(super) fn push(&mut self, event: Event) {
        if event.at().as_nanos() <= self.near_to {
            self.near.push(Reverse(event));
            if self.near.len() > self.many && self.far.is_none() {
                self.spread();
            }
        } else {
            self.push_far(event);
        }
    }

    /// The earliest event, or [`Event::NEVER`].
    #[inline]
    pub(super) fn first(&self) -> Event {
        self.near.peek().map_or(Event::NEVER, |event| event.0)
    }

    /// The events of the near future, in no order.
    pub(super) fn near(&self) -> impl Iterator<Item = Event> + Clone {
        self.near.iter().map(|event| event.0)
    }

    /// Whether others than before are the events of the near future since this was asked last.
    #[inline]
    pub(super) fn has_approached(&mut self) -> bool {
        std::mem::take(&mut self.has_approached)
    }

    /// Removes the earliest event.
    #[inline]
    pub(super) fn pop(&mut self) {
        self.near.pop();
        self.taken += 1;
        if self.near.is_empty() && self.far.is_some() {
            self.approach();
        }
    }

    /// Puts `event` in the place of the earliest: cheaper than to pop and push.
    #[inline]
    pub(super) fn replace_first(&mut self, event: Event) {
        if event.at().as_nanos() <= self.near_to {
            if let Some(mut first) = self.near.peek_mut() {
                *first = Reverse(event);
            }
            self.taken += 1;
        } else {
            self.push_far(event);
            self.pop();
        }
    }

    #[inline]
    fn push_far(&mut self, event: Event) {
        if let Some(far) = &mut self.far {
            far.push(Reverse(event));
        }
        if self.near.is_empty() {
            self.approach();
        }
    }

    /// Many events: from now on only some of them are near.
    #[cold]
    fn spread(&mut self) {
        let mut events = std::mem::take(&mut self.near).into_vec();
        // The nearer half tells how dense they are.
        let middle = events.len() / 2;
        let earliest = events.first().map_or(0, |first| first.0.at().as_nanos());
        let (_, median, _) = events.select_nth_unstable_by(middle, |a, b| b.cmp(a));
        let length = (median.0.at().as_nanos() - earliest) / (middle / SLOT_EVENTS).max(1) as u64;
        let shift = length.max(2).ilog2();
        let mut far = Far::new(shift, earliest >> shift);
        events.into_iter().for_each(|event| far.push(event));
        self.far = Some(Box::new(far));
        self.approach();
    }

    /// The next slot with events becomes the near future.
    #[cold]
    fn approach(&mut self) {
        let Some(mut far) = self.far.take() else { return };
        if far.len + far.beyond.len() <= self.many / 8 {
            let few = far.slots.iter_mut().flat_map(|slot| slot.drain(..));
            self.near.extend(few.chain(far.beyond.drain()));
            self.near_to = u64::MAX;
            return;
        }
        far.passed_events += std::mem::take(&mut self.taken);
        if far.passed >= REVIEW || far.passed_events >= REVIEW * SLOT_EVENTS {
            far.review();
        }
        let spare = std::mem::take(&mut self.near).into_vec();
        self.near = BinaryHeap::from(far.next(spare));
        // After the last slot of the clock this comes to its last moment: 2^64 is 0 here.
        self.near_to = (far.first << far.shift).wrapping_sub(1);
        self.has_approached = true;
        self.far = Some(far);
    }
}

impl Far {
    fn new(shift: u32, first: u64) -> Self {
        let slots = (0..SLOTS).map(|_| Vec::new()).collect();
        Self { shift, first, slots, len: 0, beyond: BinaryHeap::new(), passed: 0, passed_events: 0 }
    }

    #[inline]
    fn push(&mut self, event: Reverse<Event>) {
        let slot = event.0.at().as_nanos() >> self.shift;
        if slot - self.first < SLOTS as u64 {
            self.slots[slot as usize % SLOTS].push(event);
            self.len += 1;
        } else {
            self.beyond.push(event);
        }
    }

    /// The events of the next slot that has any; `spare` takes its place.
    fn next(&mut self, mut spare: Vec<Reverse<Event>>) -> Vec<Reverse<Event>> {
        if self.len == 0 {
            // Nothing for a long time: straight to the next event.
            self.first = self.beyond.peek().map_or(self.first, |event| event.0.at().as_nanos() >> self.shift);
            self.catch_up();
        }
        loop {
            let slot = &mut self.slots[self.first as usize % SLOTS];
            let found = !slot.is_empty();
            if found {
                std::mem::swap(slot, &mut spare);
                self.len -= spare.len();
            }
            self.first += 1;
            self.passed += 1;
            self.catch_up();
            if found || self.len == 0 {
                return spare;
            }
        }
    }

    /// Takes in what lay beyond the slots and does so no longer.
    #[inline]
    fn catch_up(&mut self) {
        while let Some(event) = self.beyond.peek()
            && (event.0.at().as_nanos() >> self.shift) - self.first < SLOTS as u64
        {
            if let Some(event) = self.beyond.pop() {
                self.push(event);
            }
        }
    }

    /// Makes slots shorter or longer where they have far too many events or too few.
    fn review(&mut self) {
        let full = SLOT_EVENTS * self.passed.max(1);
        let shift = if self.passed_events > 2 * full {
            self.shift.saturating_sub((self.passed_events / full).ilog2()).max(1)
        } else if 2 * self.passed_events < full {
            (self.shift + (full / self.passed_events.max(1)).ilog2()).min(62)
        } else {
            self.shift
        };
        (self.passed, self.passed_events) = (0, 0);
        if shift == self.shift {
            return;
        }
        let events: Vec<_> = self.slots.iter_mut().flat_map(|slot| slot.drain(..)).chain(self.beyond.drain()).collect();
        // No event lies before the first slot, whatever its length: a longer one begins earlier.
        self.first =
            if shift < self.shift { self.first << (self.shift - shift) } else { self.first >> (shift - self.shift) };
        (self.shift, self.len) = (shift, 0);
        events.into_iter().for_each(|event| self.push(event));
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
        fn events_come_in_order_however_many_there_are(steps in steps(), many in prop_oneof![Just(8usize), Just(64), Just(MANY)]) {
            let mut queue = EventQueue::with_many(many);
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
            let mut queue = EventQueue::default();
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
    fn the_length_of_slots_follows_the_density() {
        let mut queue = EventQueue::default();
        let at = |gap: u64, queue: &mut EventQueue| {
            for step in 0..400_000_u64 {
                let now = queue.first().at().as_nanos();
                // Pending: about 4,000 gaps ahead.
                let next = now + 1 + (step * 7_919) % (8_000 * gap);
                queue.replace_first(Event::new(SimTime::from_nanos(next), Kind::Completion, 0, step as u32));
            }
            queue.far.as_ref().map(|far| far.shift)
        };
        for item in 0..4_000_u32 {
            let event = Event::new(SimTime::from_nanos(u64::from(item)), Kind::Completion, 0, item);
            queue.push(event);
        }
        let (short, long) = (at(10, &mut queue), at(10_000, &mut queue));
        assert!(short.expect("many events") + 5 < long.expect("many events"), "{short:?} {long:?}");
    }
}
