//! The events that are not due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::event::Event;

/// Events that a slot is to have, and the part of all events where that is less: what comes into a slot when it is due
/// already costs more.
const SLOT_EVENTS: usize = 64;
const SLOT_PART: usize = 2;
/// Slots that there are to be for the events of one: a few times what they are spread over, so that nearly all find a slot.
const ROOM: usize = 4;
const SLOTS_MIN: usize = 64;
/// Slots and events that pass between two looks at how well slots fit.
const REVIEW: usize = 4096;
/// A slot becomes at most 2^3 times as long at one look.
const LENGTHENING_MAX: u32 = 3;
/// Events of a chunk: with the number of the next one they fill lines of the cache.
const CHUNK: usize = 15;
/// No chunk.
const NONE: u32 = u32::MAX;

/// Slots of equal length, used in turn, and what lies beyond them.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    /// A slot is 2^shift ns long; at least 2 ns, so that the slot after the last of the clock has a number.
    shift: u32,
    /// The slot after the one that is due.
    first: u64,
    /// Their number is a power of two.
    slots: Vec<Slot>,
    chunks: Vec<Chunk>,
    /// The first chunk that is free, of a chain.
    free: u32,
    /// Events in slots.
    len: usize,
    /// Events after the last slot.
    beyond: BinaryHeap<Reverse<Event>>,
    /// Slots that were due since the last review, and events in them.
    passed: usize,
    passed_events: usize,
}

/// The events of a slot: the first of a chain of chunks, and how many are in that one. The others are full.
#[derive(Clone, Copy, Debug)]
struct Slot {
    chunk: u32,
    len: u32,
}

/// Events of a slot.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Chunk {
    events: [Event; CHUNK],
    next: u32,
}

const EMPTY: Slot = Slot { chunk: NONE, len: CHUNK as u32 };

impl Calendar {
    pub(super) fn len(&self) -> usize {
        self.len + self.beyond.len()
    }

    /// A slot is 2^shift ns long.
    pub(super) const fn shift(&self) -> u32 {
        self.shift
    }

    /// Where an event belongs that is not due, if there is a slot for it.
    #[inline]
    fn slot_of(&self, event: Event) -> Option<usize> {
        let slot = event.at().as_nanos() >> self.shift;
        (slot - self.first < self.slots.len() as u64).then(|| self.place_of(slot))
    }

    #[inline]
    fn place_of(&self, slot: u64) -> usize {
        slot as usize & (self.slots.len() - 1)
    }

    /// Events that a slot is to have.
    fn slot_events(&self) -> usize {
        (self.len() / SLOT_PART).clamp(1, SLOT_EVENTS)
    }

    #[inline]
    pub(super) fn push(&mut self, event: Event) {
        let Some(place) = self.slot_of(event) else {
            self.beyond.push(Reverse(event));
            return;
        };
        let slot = &mut self.slots[place];
        if slot.len as usize == CHUNK {
            let next = slot.chunk;
            *slot = Slot { chunk: self.free, len: 0 };
            if let Some(chunk) = self.chunks.get_mut(self.free as usize) {
                self.free = std::mem::replace(&mut chunk.next, next);
            } else {
                slot.chunk = self.chunks.len() as u32;
                self.chunks.push(Chunk { events: [Event::NEVER; CHUNK], next });
            }
        }
        self.chunks[slot.chunk as usize].events[slot.len as usize] = event;
        slot.len += 1;
        self.len += 1;
    }

    /// Begins with these events, more than one: the earlier half tells how dense they are.
    pub(super) fn spread(&mut self, mut events: Vec<Event>) {
        let middle = events.len() / 2;
        events.select_nth_unstable(middle);
        let median = events[middle].at().as_nanos();
        let earliest = events[..middle].iter().map(|event| event.at().as_nanos()).min().unwrap_or(median);
        self.arrange(((median - earliest) / middle.max(1) as u64).max(2).ilog2(), earliest, SLOTS_MIN, events);
    }

    /// Moves the events of the next slot that has any to `due`, and returns the slot's last moment. There must be one.
    /// `came_late`: events that came into the last slot when it was due.
    pub(super) fn next(&mut self, due: &mut Vec<Event>, came_late: usize) -> u64 {
        self.passed_events += came_late;
        if self.passed + self.passed_events >= REVIEW {
            self.review();
        }
        while due.is_empty() {
            if self.len == 0 {
                // Nothing for a long time: straight to the next event.
                self.first = self.beyond.peek().map_or(self.first, |event| event.0.at().as_nanos() >> self.shift);
                self.catch_up();
            }
            let place = self.place_of(self.first);
            let Slot { mut chunk, mut len } = std::mem::replace(&mut self.slots[place], EMPTY);
            while let Some(Chunk { events, next }) = self.chunks.get_mut(chunk as usize) {
                due.extend_from_slice(&events[..len as usize]);
                let next = std::mem::replace(next, self.free);
                self.free = chunk;
                (chunk, len) = (next, CHUNK as u32);
            }
            self.len -= due.len();
            self.passed_events += due.len();
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
        let slot_events = self.slot_events();
        let full = slot_events * self.passed.max(1);
        let shift = if self.passed_events > 2 * full {
            self.shift.saturating_sub((self.passed_events / full).ilog2()).max(1)
        } else if 2 * self.passed_events < full {
            // In steps: after a quiet time alone a slot would take far too many events, and be due for far too long.
            (self.shift + (full / self.passed_events.max(1)).ilog2().min(LENGTHENING_MAX)).min(62)
        } else {
            self.shift
        };
        (self.passed, self.passed_events) = (0, 0);
        let (slots, needed) = (self.slots.len(), ROOM * (self.len() / slot_events).next_power_of_two());
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
        self.slots.resize(slots, EMPTY);
        events.into_iter().for_each(|event| self.push(event));
    }

    /// All events, in no order; none is left.
    pub(super) fn take_all(&mut self) -> Vec<Event> {
        let mut all = Vec::with_capacity(self.len());
        for Slot { mut chunk, mut len } in self.slots.drain(..) {
            while let Some(full) = self.chunks.get(chunk as usize) {
                all.extend_from_slice(&full.events[..len as usize]);
                (chunk, len) = (full.next, CHUNK as u32);
            }
        }
        all.extend(self.beyond.drain().map(|event| event.0));
        self.chunks.clear();
        self.len = 0;
        all
    }
}
