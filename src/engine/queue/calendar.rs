//! The events whose bucket is not open yet.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::event::Event;

/// Events that a bucket is to have: with fewer, opening one costs more than its events; with more, sorting them does. Where
/// that is more than half of all events it is half of them: what is pushed into the open bucket is inserted, which costs more.
const BUCKET_EVENTS: usize = 64;
const BUCKET_PART: usize = 2;
/// The calendar reaches so many times as far as events lie ahead on average, so that nearly all find a bucket and not the
/// heap: of exponential delays 2 % are longer than four means.
const SPARE: usize = 4;
const BUCKETS_MIN: usize = 64;
/// Buckets and events that pass between two looks at how well buckets fit: seldom enough that laying all events out anew
/// costs next to nothing, often enough to follow a load that changes.
const REVIEW: usize = 4096;
/// A bucket becomes at most 2^3 times as long at one look: one that fits a quiet time would take far too many afterwards.
const LENGTHENING_MAX: u32 = 3;
/// Events of a chunk: 15 of 16 bytes and the number of the next chunk fill four lines of the cache.
const CHUNK: usize = 15;
/// No chunk.
const NONE: u32 = u32::MAX;

/// Buckets of equal length, used in turn, and what lies beyond them.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    /// A bucket is 2^shift ns long; at least 2 ns, so that the bucket after the last of the clock has a number.
    shift: u32,
    /// The bucket after the one that is open.
    first: u64,
    /// Their number is a power of two.
    buckets: Vec<Bucket>,
    chunks: Vec<Chunk>,
    /// The first chunk that is free, of a chain.
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

    /// Where an event belongs that is not open, if there is a bucket for it.
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

    /// Begins with these events, more than one: the earlier half tells how dense they are.
    pub(super) fn build(&mut self, mut events: Vec<Event>) {
        let middle = events.len() / 2;
        events.select_nth_unstable(middle);
        let median = events[middle].at().as_nanos();
        let earliest = events[..middle].iter().map(|event| event.at().as_nanos()).min().unwrap_or(median);
        self.arrange(((median - earliest) / middle.max(1) as u64).max(2).ilog2(), earliest, BUCKETS_MIN, events);
    }

    /// Moves the events of the next bucket that has any to `open`, and returns the bucket's last moment. There must be one.
    /// `insert_count`: events that came into the last bucket when it was open.
    pub(super) fn next(&mut self, open: &mut Vec<Event>, insert_count: usize) -> u64 {
        self.passed_events += insert_count;
        if self.passed + self.passed_events >= REVIEW {
            self.review();
        }
        while open.is_empty() {
            if self.len == 0 {
                // Nothing for a long time: straight to the next event.
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

    /// Takes in what lay beyond the buckets and does so no longer.
    #[inline]
    fn catch_up(&mut self) {
        while let Some(Reverse(event)) = self.beyond.peek()
            && self.bucket_of(*event).is_some()
            && let Some(Reverse(event)) = self.beyond.pop()
        {
            self.push(event);
        }
    }

    /// Makes buckets shorter or longer where they have far too many events or too few, and more or fewer.
    #[cold]
    fn review(&mut self) {
        let bucket_events = self.bucket_events();
        let full = bucket_events * self.passed.max(1);
        let shift = if self.passed_events > 2 * full {
            self.shift.saturating_sub((self.passed_events / full).ilog2()).max(1)
        } else if 2 * self.passed_events < full {
            // In steps: after a quiet time alone a bucket would take far too many events, and be open for far too long.
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
            // No event lies before the first bucket, whatever its length: a longer one begins earlier.
            self.arrange(shift, self.first << self.shift, new, events);
        }
    }

    /// Lays the events into so many buckets of this length, the first of them at a time; there are no others.
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
