//! The pending events, as a calendar queue (R. Brown, CACM 31(10), 1988).
//!
//! A few events are kept sorted. More are kept unsorted in time buckets of equal length, and only the open bucket is
//! sorted, so the cost of an event does not depend on the number of pending ones. The length and number of buckets
//! adapt to the events.
//!
//! ```text
//!      sorted       sorted
//!   +----------+  +---------+  +--------+--------+--------+-- ... --+--------+
//!   |   open   |  | inserts |  | bucket | bucket | bucket |         | bucket |  + a heap of what lies
//!   |  bucket  |  |         |  |        unsorted, in chunks of 15            |    beyond the last one
//!   +----------+  +---------+  +--------+--------+--------+-- ... --+--------+
//!    what was in   what was      the calendar: bucket k holds the times from k * 2^shift to
//!    it when it    pushed into   (k + 1) * 2^shift ns; each is opened when the one before is empty
//!    was opened    it since
//!        \            /
//!      first = the earlier one
//! ```
//!
//! While there are few events, all of them are inserts, and there is no calendar.

mod calendar;
mod open_bucket;
mod sorted_buffer;

use super::event::Event;
use crate::time::SimTime;
use calendar::Calendar;
use open_bucket::OpenBucket;
use sorted_buffer::SortedBuffer;

/// More events than this go into a calendar. Up to this number, all fit in four cache lines, and an insertion costs
/// less than opening a bucket.
const SORTED_MAX: usize = 16;

/// The pending events, earliest first.
#[derive(Debug)]
pub(super) struct EventQueue {
    /// The earliest event, or [`Event::NEVER`].
    first: Event,
    /// The events of the bucket that is open.
    open: OpenBucket,
    /// Events inserted into the open bucket, and their number; all events if there are few.
    inserts: SortedBuffer,
    insert_count: usize,
    /// The end of the open bucket; the end of the clock if there is no calendar.
    open_until: u64,
    /// All other events.
    calendar: Calendar,
    /// Whether there is a calendar.
    uses_calendar: bool,
    /// Whether a bucket has been opened that has not been reported yet.
    bucket_opened: bool,
    /// Number of events up to which all are sorted, and number of events in the calendar from which opened buckets are
    /// reported.
    sorted_max: usize,
    prefetch_from: usize,
}

impl EventQueue {
    /// With at least `prefetch_from` events in the calendar, opened buckets are reported.
    pub(super) fn new(prefetch_from: usize) -> Self {
        Self::with_limits(SORTED_MAX, prefetch_from)
    }

    fn with_limits(sorted_max: usize, prefetch_from: usize) -> Self {
        Self {
            first: Event::NEVER,
            open: OpenBucket::default(),
            inserts: SortedBuffer::default(),
            insert_count: 0,
            open_until: u64::MAX,
            calendar: Calendar::default(),
            uses_calendar: false,
            bucket_opened: false,
            sorted_max,
            prefetch_from,
        }
    }

    #[inline]
    pub(super) fn push(&mut self, event: Event) {
        self.put(event);
        if !self.uses_calendar && self.inserts.len() > self.sorted_max {
            self.build_calendar();
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
        if self.uses_calendar && self.first == Event::NEVER {
            self.open_next_bucket();
        }
    }

    /// Replaces the earliest event.
    #[inline]
    pub(super) fn replace_first(&mut self, event: Event) {
        self.remove_first();
        self.put(event);
        if self.first == Event::NEVER {
            self.open_next_bucket();
        }
    }

    #[inline]
    fn remove_first(&mut self) {
        if self.open.first() < self.inserts.first() {
            self.open.pop();
        } else {
            self.inserts.pop();
        }
        self.first = self.open.first().min(self.inserts.first());
    }

    #[inline(always)]
    fn put(&mut self, event: Event) {
        if event.at().as_nanos() <= self.open_until {
            self.inserts.push(event);
            self.insert_count += 1;
            self.first = self.first.min(event);
        } else {
            self.calendar.push(event);
        }
    }

    /// Whether a bucket has been opened since the last call, so that the data of its events can be prefetched together.
    #[inline]
    pub(super) fn bucket_opened(&mut self) -> bool {
        self.bucket_opened && std::mem::take(&mut self.bucket_opened)
    }

    /// The events of the opened bucket, except the earliest.
    pub(super) fn upcoming(&self) -> impl Iterator<Item = Event> + Clone {
        self.open.rest()
    }

    /// Prefetches the place of an event at this time, if it is in the calendar.
    #[inline]
    pub(super) fn prefetch(&self, at: SimTime) {
        self.calendar.prefetch(at);
    }

    /// Switches to a calendar when there are many events.
    #[cold]
    fn build_calendar(&mut self) {
        self.calendar.build(self.inserts.take_all());
        (self.uses_calendar, self.insert_count) = (true, 0);
        self.open_next_bucket();
    }

    /// Opens the next bucket with events.
    #[inline(never)]
    fn open_next_bucket(&mut self) {
        if self.calendar.len() <= self.sorted_max / 4 {
            self.calendar.take_all().into_iter().for_each(|event| self.inserts.push(event));
            (self.open_until, self.uses_calendar) = (u64::MAX, false);
            self.first = self.inserts.first();
            return;
        }
        self.bucket_opened = self.calendar.len() >= self.prefetch_from;
        self.open_until = self.calendar.next(self.open.unsorted(), std::mem::take(&mut self.insert_count));
        self.open.sort(self.calendar.shift());
        self.first = self.open.first();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::event::Kind;
    use super::*;

    /// One step of a simulation: so many events are pushed, each so long after the present, and so many are popped.
    type Step = (Vec<(u64, u32)>, usize);

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let delay = prop_oneof![0..100u64, 0..1_000_000u64, 0..u64::MAX / 1_000];
        let pushes = prop::collection::vec((delay, 0..100u32), 0..60);
        prop::collection::vec((pushes, 0..60usize), 1..60)
    }

    proptest! {
        #[test]
        fn events_come_in_order_however_many_there_are(steps in steps(), sorted_max in prop_oneof![Just(2usize), Just(SORTED_MAX), Just(64)]) {
            let mut queue = EventQueue::with_limits(sorted_max, usize::MAX);
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
    fn the_length_of_buckets_follows_the_density() {
        let mut queue = EventQueue::new(1024);
        let at = |gap: u64, queue: &mut EventQueue| {
            for step in 0..400_000_u64 {
                let now = queue.first().at().as_nanos();
                // Pending: about 4,000 gaps ahead.
                let next = now + 1 + (step * 7_919) % (8_000 * gap);
                queue.replace_first(Event::new(SimTime::from_nanos(next), Kind::Completion, 0, step as u32));
            }
            queue.calendar.shift()
        };
        for item in 0..4_000_u32 {
            let event = Event::new(SimTime::from_nanos(u64::from(item)), Kind::Completion, 0, item);
            queue.push(event);
        }
        let (short, long) = (at(10, &mut queue), at(10_000, &mut queue));
        assert!(short + 5 < long, "{short} {long}");
    }
}
