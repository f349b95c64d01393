//! The events that are not near.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::event::Event;
use super::near::Near;

/// Events that a slot is to have.
const SLOT_EVENTS: usize = 2;
/// Slots that there are to be for the events of one: a few times what they are spread over, so that nearly all find a slot.
const ROOM: usize = 4;
const SLOTS_MIN: usize = 64;
/// Slots and events that pass between two looks at how well slots fit.
const REVIEW: usize = 4096;
/// The end of a chain.
const NONE: u32 = u32::MAX;

/// Slots of equal length, used in turn, and what lies beyond them.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    /// A slot is 2^shift ns long; at least 2 ns, so that the slot after the last of the clock has a number.
    shift: u32,
    /// The slot after the near future.
    first: u64,
    /// Of each slot the first event in a chain. Their number is a power of two.
    slots: Vec<u32>,
    links: Vec<Link>,
    /// The first link that is free, of a chain.
    free: u32,
    /// Events in slots.
    len: usize,
    /// Events after the last slot.
    beyond: BinaryHeap<Reverse<Event>>,
    /// Slots that became the near future since the last review, and events in them.
    passed: usize,
    passed_events: usize,
}

/// An event in the chain of its slot.
#[derive(Clone, Copy, Debug)]
struct Link {
    event: Event,
    next: u32,
}

impl Calendar {
    pub(super) fn len(&self) -> usize {
        self.len + self.beyond.len()
    }

    /// How long so many slots are, ns.
    pub(super) fn length_of(&self, slots: u64) -> u64 {
        slots.saturating_mul(1 << self.shift)
    }

    /// Where an event belongs that is not near, if there is a slot for it.
    #[inline]
    fn slot_of(&self, event: Event) -> Option<usize> {
        let slot = event.at().as_nanos() >> self.shift;
        (slot - self.first < self.slots.len() as u64).then(|| self.place_of(slot))
    }

    #[inline]
    fn place_of(&self, slot: u64) -> usize {
        slot as usize & (self.slots.len() - 1)
    }

    #[inline(always)]
    pub(super) fn push(&mut self, event: Event) {
        let Some(slot) = self.slot_of(event) else {
            self.beyond.push(Reverse(event));
            return;
        };
        let link = Link { event, next: self.slots[slot] };
        let place = self.free;
        if let Some(free) = self.links.get_mut(place as usize) {
            self.free = free.next;
            *free = link;
            self.slots[slot] = place;
        } else {
            self.slots[slot] = self.links.len() as u32;
            self.links.push(link);
        }
        self.len += 1;
    }

    /// Begins with these events, more than one: the earlier half tells how dense they are.
    pub(super) fn spread(&mut self, mut events: Vec<Event>) {
        let middle = events.len() / 2;
        events.select_nth_unstable(middle);
        let median = events[middle].at().as_nanos();
        let earliest = events[..middle].iter().map(|event| event.at().as_nanos()).min().unwrap_or(median);
        let length = (median - earliest) / (middle / SLOT_EVENTS).max(1) as u64;
        self.arrange(length.max(2).ilog2(), earliest, SLOTS_MIN, events);
    }

    /// Moves the events of the next slot that has any to the near future, which then reaches to the moment returned.
    pub(super) fn next(&mut self, near: &mut Near) -> u64 {
        if self.passed + self.passed_events >= REVIEW {
            self.review();
        }
        while near.is_empty() {
            if self.len == 0 {
                // Nothing for a long time: straight to the next event.
                self.first = self.beyond.peek().map_or(self.first, |event| event.0.at().as_nanos() >> self.shift);
                self.catch_up();
            }
            let slot = self.place_of(self.first);
            let mut place = std::mem::replace(&mut self.slots[slot], NONE);
            while let Some(link) = self.links.get_mut(place as usize) {
                near.push(link.event);
                let next = std::mem::replace(&mut link.next, self.free);
                self.free = place;
                place = next;
                self.len -= 1;
                self.passed_events += 1;
            }
            self.first += 1;
            self.passed += 1;
            self.catch_up();
        }
        // After the last slot of the clock this comes to its last moment: 2^64 is 0 here.
        (self.first << self.shift).wrapping_sub(1)
    }

    /// Takes in what lay beyond the slots and does so no longer.
    #[inline]
    fn catch_up(&mut self) {
        while let Some(Reverse(event)) = self.beyond.peek()
            && self.slot_of(*event).is_some()
            && let Some(Reverse(event)) = self.beyond.pop()
        {
            self.push(event);
        }
    }

    /// Makes slots shorter or longer where they have far too many events or too few, and more or fewer.
    #[cold]
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
        let (slots, needed) = (self.slots.len(), ROOM * (self.len() / SLOT_EVENTS).next_power_of_two());
        let new = if 2 * slots < needed || slots > 8 * needed {
            needed.max(SLOTS_MIN)
        } else if 8 * self.beyond.len() > self.len() && slots < 4 * needed {
            2 * slots
        } else {
            slots
        };
        if shift != self.shift || new != slots {
            let events = self.take_all();
            // No event lies before the first slot, whatever its length: a longer one begins earlier.
            self.arrange(shift, self.first << self.shift, new, events);
        }
    }

    /// Lays the events into so many slots of this length, the first of them at a time; there are no others.
    fn arrange(&mut self, shift: u32, from: u64, slots: usize, events: Vec<Event>) {
        (self.shift, self.first, self.free) = (shift, from >> shift, NONE);
        self.slots.resize(slots, NONE);
        events.into_iter().for_each(|event| self.push(event));
    }

    /// The events of the next slots.
    pub(super) fn soon(&self, slots: u64) -> impl Iterator<Item = Event> + Clone {
        let slots = slots.min(self.slots.len() as u64);
        (self.first..self.first + slots).flat_map(move |slot| {
            let mut place = self.slots[self.place_of(slot)];
            std::iter::from_fn(move || {
                let link = self.links.get(place as usize)?;
                place = link.next;
                Some(link.event)
            })
        })
    }

    /// Reads the events of the next slots, so that they are near: the first of each slot, then the second. No step waits
    /// for the one before, as following one chain after the other would.
    pub(super) fn read_ahead(&self, slots: u64) -> u64 {
        let slots = slots.min(self.slots.len() as u64);
        let next = |place: u32| self.links.get(place as usize).map_or(NONE, |link| link.next);
        let heads = || (self.first..self.first + slots).map(|slot| self.slots[self.place_of(slot)]);
        let firsts = heads().fold(0, |read, head| read ^ next(head));
        u64::from(heads().fold(firsts, |read, head| read ^ next(next(head))))
    }

    /// All events, in no order; none is left.
    pub(super) fn take_all(&mut self) -> Vec<Event> {
        let all = self.soon(u64::MAX).chain(self.beyond.iter().map(|event| event.0)).collect();
        self.slots.clear();
        self.links.clear();
        self.beyond.clear();
        self.len = 0;
        all
    }
}
