//! The events whose bucket is not open yet.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::event::Event;
use crate::prefetch::prefetch;
use crate::time::SimTime;

/// Target number of events per bucket: with fewer, opening a bucket dominates the cost; with more, sorting does. At
/// most half of all events, because inserting into the open bucket costs more.
const BUCKET_EVENTS: usize = 64;
const BUCKET_PART: usize = 2;
/// The calendar covers this multiple of the mean delay, so that nearly all events are in a bucket rather than in the
/// heap: 2 % of exponential delays are longer than four means.
const SPARE: usize = 4;
const BUCKETS_MIN: usize = 64;
/// Buckets and events between two reviews of the bucket length: rare enough that redistributing all events costs almost
/// nothing, frequent enough to follow a changing load.
const REVIEW: usize = 4096;
/// A review lengthens buckets by at most 2^3: a length that fits a quiet period would hold far too many events
/// afterwards.
const LENGTHENING_MAX: u32 = 3;
/// Events per chunk: 15 events of 16 bytes and the number of the next chunk fill four cache lines.
const CHUNK: usize = 15;
/// No chunk.
const NONE: u32 = u32::MAX;

/// Buckets of equal length, used cyclically, and the events beyond them.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    /// A bucket is 2^shift ns long; at least 2 ns, so that the bucket after the last of the clock has a number.
    shift: u32,
    /// The bucket after the one that is open.
    first: u64,
    /// Their number is a power of two.
    buckets: Vec<Bucket>,
    chunks: Vec<Chunk>,
    /// The head of the list of free chunks.
    free: u32,
    /// Events in buckets.
    len: usize,
    /// Events after the last bucket.
    beyond: BinaryHeap<Reverse<Event>>,
    /// Buckets that were open since the last review, and events in them.
    passed: usize,
    passed_events: usize,
}

/// The events of a bucket: the first of a chain of chunks, and how many are in that one. The others are full.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    chunk: u32,
    len: u32,
}

/// Events of a bucket.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Chunk {
    events: [Event; CHUNK],
    next: u32,
}

const EMPTY: Bucket = Bucket { chunk: NONE, len: CHUNK as u32 };

impl Calendar {
    pub(super) fn len(&self) -> usize {
        self.len + self.beyond.len()
    }

    /// A bucket is 2^shift ns long.
    pub(super) const fn shift(&self) -> u32 {
        self.shift
    }

    /// The bucket of an event beyond the open one, if there is one.
    #[inline]
    fn bucket_of(&self, event: Event) -> Option<usize> {
        let bucket = event.at().as_nanos() >> self.shift;
        (bucket - self.first < self.buckets.len() as u64).then(|| self.place_of(bucket))
    }

    #[inline]
    fn place_of(&self, bucket: u64) -> usize {
        bucket as usize & (self.buckets.len() - 1)
    }

    /// Events that a bucket is to have.
    fn bucket_events(&self) -> usize {
        (self.len() / BUCKET_PART).clamp(1, BUCKET_EVENTS)
    }

    #[inline]
    pub(super) fn push(&mut self, event: Event) {
        let Some(place) = self.bucket_of(event) else {
            self.beyond.push(Reverse(event));
            return;
        };
        let bucket = &mut self.buckets[place];
        if bucket.len as usize == CHUNK {
            let next = bucket.chunk;
            *bucket = Bucket { chunk: self.free, len: 0 };
            if let Some(chunk) = self.chunks.get_mut(self.free as usize) {
                self.free = std::mem::replace(&mut chunk.next, next);
            } else {
                bucket.chunk = self.chunks.len() as u32;
                self.chunks.push(Chunk { events: [Event::NEVER; CHUNK], next });
            }
        }
        self.chunks[bucket.chunk as usize].events[bucket.len as usize] = event;
        bucket.len += 1;
        self.len += 1;
    }

    /// Prefetches the place of an event at this time.
    #[inline]
    pub(super) fn prefetch(&self, at: SimTime) {
        let bucket = (at.as_nanos() >> self.shift).wrapping_sub(self.first);
        if bucket < self.buckets.len() as u64 {
            let Bucket { chunk, len } = self.buckets[self.place_of(self.first + bucket)];
            let (chunk, len) = if len as usize == CHUNK { (self.free, 0) } else { (chunk, len) };
            if let Some(chunk) = self.chunks.get(chunk as usize) {
                prefetch(&chunk.events[len as usize]);
            }
        }
    }

    /// Starts with these events, at least two; the earlier half determines their density.
    pub(super) fn build(&mut self, mut events: Vec<Event>) {
        let middle = events.len() / 2;
        events.select_nth_unstable(middle);
        let median = events[middle].at().as_nanos();
        let earliest = events[..middle].iter().map(|event| event.at().as_nanos()).min().unwrap_or(median);
        self.arrange(((median - earliest) / middle.max(1) as u64).max(2).ilog2(), earliest, BUCKETS_MIN, events);
    }

    /// Moves the events of the next nonempty bucket to `open`, and returns the end of that bucket. There must be one.
    /// `insert_count`: events inserted into the last bucket while it was open.
    pub(super) fn next(&mut self, open: &mut Vec<Event>, insert_count: usize) -> u64 {
        self.passed_events += insert_count;
        if self.passed + self.passed_events >= REVIEW {
            self.review();
        }
        while open.is_empty() {
            if self.len == 0 {
                // Skips a long empty period.
                self.first = self.beyond.peek().map_or(self.first, |event| event.0.at().as_nanos() >> self.shift);
                self.catch_up();
            }
            let place = self.place_of(self.first);
            let Bucket { mut chunk, mut len } = std::mem::replace(&mut self.buckets[place], EMPTY);
            while let Some(Chunk { events, next }) = self.chunks.get_mut(chunk as usize) {
                open.extend_from_slice(&events[..len as usize]);
                let next = std::mem::replace(next, self.free);
                self.free = chunk;
                (chunk, len) = (next, CHUNK as u32);
            }
            self.len -= open.len();
            self.passed_events += open.len();
            self.first += 1;
            self.passed += 1;
            self.catch_up();
        }
        // After the last bucket of the clock this comes to its last moment: 2^64 is 0 here.
        (self.first << self.shift).wrapping_sub(1)
    }

    /// Moves events from the heap to the buckets that now cover them.
    #[inline]
    fn catch_up(&mut self) {
        while let Some(Reverse(event)) = self.beyond.peek()
            && self.bucket_of(*event).is_some()
            && let Some(Reverse(event)) = self.beyond.pop()
        {
            self.push(event);
        }
    }

    /// Adapts the length and number of buckets if they have far too many or too few events.
    #[cold]
    fn review(&mut self) {
        let bucket_events = self.bucket_events();
        let full = bucket_events * self.passed.max(1);
        let shift = if self.passed_events > 2 * full {
            self.shift.saturating_sub((self.passed_events / full).ilog2()).max(1)
        } else if 2 * self.passed_events < full {
            // In steps: after a quiet period, a bucket would otherwise have far too many events, and stay open for far
            // too long.
            (self.shift + (full / self.passed_events.max(1)).ilog2().min(LENGTHENING_MAX)).min(62)
        } else {
            self.shift
        };
        (self.passed, self.passed_events) = (0, 0);
        let (buckets, needed) = (self.buckets.len(), SPARE * (self.len() / bucket_events).next_power_of_two());
        let new = if 2 * buckets < needed || buckets > 8 * needed {
            needed.max(BUCKETS_MIN)
        } else if 8 * self.beyond.len() > self.len() && buckets < 4 * needed {
            2 * buckets
        } else {
            buckets
        };
        if shift != self.shift || new != buckets {
            let events = self.take_all();
            // No event is before the first bucket: a longer bucket starts earlier.
            self.arrange(shift, self.first << self.shift, new, events);
        }
    }

    /// Distributes all events over this many buckets of this length, starting at the given time.
    fn arrange(&mut self, shift: u32, from: u64, buckets: usize, events: Vec<Event>) {
        (self.shift, self.first, self.free) = (shift, from >> shift, NONE);
        self.buckets.resize(buckets, EMPTY);
        events.into_iter().for_each(|event| self.push(event));
    }

    /// All events, in no order; none is left.
    pub(super) fn take_all(&mut self) -> Vec<Event> {
        let mut all = Vec::with_capacity(self.len());
        for Bucket { mut chunk, mut len } in self.buckets.drain(..) {
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
