//! The events of the bucket that is open, sorted.

use super::super::event::Event;

/// Parts into which the events of a bucket are distributed for sorting: twice the target number of events, so that most
/// parts have at most one.
const PARTS: usize = 128;
/// With fewer events, the overhead of the parts exceeds the gain.
const LAY_OUT_MIN: usize = 12;

/// Events in order.
#[derive(Debug)]
pub(super) struct OpenBucket {
    /// The earliest, or [`Event::NEVER`].
    first: Event,
    /// The others, the latest first.
    sorted: Vec<Event>,
    /// What is still to be sorted.
    unsorted: Vec<Event>,
}

impl Default for OpenBucket {
    fn default() -> Self {
        Self { first: Event::NEVER, sorted: Vec::new(), unsorted: Vec::new() }
    }
}

impl OpenBucket {
    /// The earliest event, or [`Event::NEVER`].
    #[inline]
    pub(super) fn first(&self) -> Event {
        self.first
    }

    /// Removes the earliest event, if there is one.
    #[inline]
    pub(super) fn pop(&mut self) {
        self.first = self.sorted.pop().unwrap_or(Event::NEVER);
    }

    /// All but the earliest, in order.
    pub(super) fn rest(&self) -> impl Iterator<Item = Event> + Clone {
        self.sorted.iter().rev().copied()
    }

    /// Where the events of the next bucket are put, when the last one is over.
    pub(super) fn unsorted(&mut self) -> &mut Vec<Event> {
        &mut self.unsorted
    }

    /// Sorts the events of a bucket, which is 2^shift ns long.
    pub(super) fn sort(&mut self, shift: u32) {
        let Self { sorted, unsorted, .. } = self;
        match unsorted.len() {
            ..LAY_OUT_MIN => {
                std::mem::swap(sorted, unsorted);
                insert_each(sorted);
            }
            LAY_OUT_MIN..=PARTS => {
                lay_out(unsorted, shift, sorted);
                insert_each(sorted);
            }
            _ => {
                std::mem::swap(sorted, unsorted);
                sorted.sort_unstable_by(|a, b| b.cmp(a));
            }
        }
        unsorted.clear();
        self.pop();
    }
}

/// Sorts at most [`PARTS`] events of a bucket by their part of it, latest first. They are roughly evenly spread, so
/// most are then in the right place.
fn lay_out(events: &[Event], shift: u32, sorted: &mut Vec<Event>) {
    let part_of = |event: Event| {
        let part = event.at().as_nanos() >> shift.saturating_sub(PARTS.ilog2());
        !part as usize % PARTS
    };
    let mut places = [0_u8; PARTS];
    events.iter().for_each(|event| places[part_of(*event)] += 1);
    let mut begin = 0;
    for place in &mut places {
        begin += std::mem::replace(place, begin);
    }
    sorted.resize(events.len(), Event::NEVER);
    for event in events {
        let place = &mut places[part_of(*event)];
        sorted[usize::from(*place)] = *event;
        *place += 1;
    }
}

/// Sorts what is nearly in order, the latest first.
fn insert_each(events: &mut [Event]) {
    for next in 1..events.len() {
        let event = events[next];
        let mut place = next;
        while place > 0 && events[place - 1] < event {
            events[place] = events[place - 1];
            place -= 1;
        }
        events[place] = event;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::event::Kind;
    use super::*;
    use crate::time::SimTime;

    proptest! {
        #[test]
        fn any_events_of_a_slot_come_in_order(
            shift in 1..40u32, bucket in 0..1_000u64, times in prop::collection::vec(any::<u64>(), 0..2 * PARTS), crowded in 0..3u32
        ) {
            let length = 1 << shift;
            let event = |(item, time): (usize, &u64)| {
                // All over the bucket, in a part of it, or at one moment.
                let at = bucket * length + time % (length >> (shift * crowded / 2));
                Event::new(SimTime::from_nanos(at), Kind::Completion, 0, item as u32)
            };
            let mut events: Vec<Event> = times.iter().enumerate().map(event).collect();
            let mut open = OpenBucket::default();
            open.unsorted().extend(&events);
            open.sort(shift);
            prop_assert_eq!(open.rest().count(), events.len().saturating_sub(1));
            events.sort();
            for event in events {
                prop_assert_eq!(open.first(), event);
                open.pop();
            }
            prop_assert_eq!(open.first(), Event::NEVER);
        }
    }
}
