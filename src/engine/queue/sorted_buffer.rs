//! A few events, kept sorted as they come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::event::Event;

/// Capacity for sorted events, and one sentinel: an insertion moves at most this many, half of them on average.
const PLACES: usize = 32;

/// The earliest events in order, and the rest in a heap if there are too many.
#[derive(Debug)]
pub(super) struct SortedBuffer {
    /// Latest first, after a sentinel that is never due.
    sorted: [Event; PLACES],
    /// The place of the earliest; 0 if there are none, and then the overflow is empty too.
    earliest: usize,
    /// None of them is earlier than a sorted one.
    overflow: BinaryHeap<Reverse<Event>>,
    /// Later events belong to the overflow.
    sorted_limit: Event,
}

impl Default for SortedBuffer {
    fn default() -> Self {
        Self { sorted: [Event::NEVER; PLACES], earliest: 0, overflow: BinaryHeap::new(), sorted_limit: Event::NEVER }
    }
}

impl SortedBuffer {
    pub(super) fn len(&self) -> usize {
        self.earliest + self.overflow.len()
    }

    /// The earliest event, or [`Event::NEVER`].
    #[inline]
    pub(super) fn first(&self) -> Event {
        self.sorted[self.earliest % PLACES]
    }

    #[inline]
    pub(super) fn push(&mut self, event: Event) {
        if event > self.sorted_limit || self.earliest == PLACES - 1 {
            self.push_to_overflow(event);
        } else {
            self.insert(event);
        }
    }

    /// Removes the earliest event, if there is one.
    #[inline]
    pub(super) fn pop(&mut self) {
        self.earliest = self.earliest.saturating_sub(1);
        if self.earliest == 0 && self.sorted_limit != Event::NEVER {
            self.sort_some();
        }
    }

    /// If there is space, and the event belongs here.
    #[inline]
    fn insert(&mut self, event: Event) {
        let mut place = self.earliest + 1;
        self.earliest = place;
        // Ends at the sentinel at the latest.
        while self.sorted[place - 1] < event {
            self.sorted[place] = self.sorted[place - 1];
            place -= 1;
        }
        self.sorted[place] = event;
    }

    #[cold]
    fn push_to_overflow(&mut self, event: Event) {
        if event > self.sorted_limit || event > self.sorted[1] {
            self.overflow.push(Reverse(event));
        } else {
            // No space: the latest event moves to the overflow.
            self.overflow.push(Reverse(self.sorted[1]));
            self.sorted.copy_within(2.., 1);
            self.earliest -= 1;
            self.insert(event);
        }
        self.sorted_limit = self.sorted[1].min(self.sorted_limit);
    }

    /// Sorts the next of the overflow, if there are any.
    #[cold]
    fn sort_some(&mut self) {
        let mut some = [Event::NEVER; PLACES / 2];
        while let Some(place) = some.get_mut(self.earliest)
            && let Some(Reverse(next)) = self.overflow.pop()
        {
            *place = next;
            self.earliest += 1;
        }
        for (place, event) in self.sorted[1..=self.earliest].iter_mut().rev().zip(some) {
            *place = event;
        }
        self.sorted_limit = if self.overflow.is_empty() { Event::NEVER } else { self.sorted[1] };
    }

    /// All events, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Event> + Clone {
        self.sorted[1..=self.earliest].iter().copied().chain(self.overflow.iter().map(|event| event.0))
    }

    /// All events, in no order; none is left.
    pub(super) fn take_all(&mut self) -> Vec<Event> {
        let all = self.iter().collect();
        self.overflow.clear();
        (self.earliest, self.sorted_limit) = (0, Event::NEVER);
        all
    }
}
