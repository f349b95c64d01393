//! The breaker: how many requests run, how many wait, and which are rejected. There is one in each queue-proxy and, for
//! each revision, in each activator.

use std::collections::VecDeque;

/// The capacity that means "no limit".
pub const MAX_CAPACITY: u64 = i32::MAX as u64;

/// The queue of a queue-proxy holds this multiple of the requests that a pod handles at once.
pub const QUEUE_FACTOR: u32 = 10;

/// A semaphore with a bounded queue, first come, first served.
///
/// Source: `pkg/queue/breaker.go` of knative/serving. There, waiters are woken by tokens in a channel, one for each
/// slot that becomes free; a waiter that is woken in vain (after a change of capacity) goes to the back of the queue.
/// Tokens without a waiter make no difference: the next request to wait uses them up before it sleeps.
#[derive(Clone, Debug)]
pub struct Breaker<T> {
    /// Maximum number of requests inside, running or waiting.
    slots: u64,
    capacity: u64,
    running: u64,
    waiting: VecDeque<T>,
}

/// What happens to an arriving request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It runs at once.
    Running,
    /// It waits.
    Waiting,
    /// The queue is full: 503.
    Rejected,
}

impl<T: Copy + PartialEq> Breaker<T> {
    /// A breaker that runs up to `capacity` requests and holds `queue_depth + max_concurrency` in all.
    #[must_use]
    pub fn new(queue_depth: u64, max_concurrency: u64, capacity: u64) -> Self {
        Self { slots: queue_depth.saturating_add(max_concurrency), capacity, running: 0, waiting: VecDeque::new() }
    }

    /// The breaker of a queue-proxy with container concurrency `limit` (above 0), with a queue of ten times as many.
    #[must_use]
    pub fn of_queue_proxy(limit: u64) -> Self {
        Self::new(limit.saturating_mul(u64::from(QUEUE_FACTOR)), limit, limit)
    }

    /// Request `id` arrives.
    pub fn arrive(&mut self, id: T) -> Admission {
        if self.in_flight() >= self.slots {
            Admission::Rejected
        } else if self.acquire(id) {
            Admission::Running
        } else {
            Admission::Waiting
        }
    }

    /// Takes a slot at once or not at all.
    pub fn reserve(&mut self) -> bool {
        let free = self.in_flight() < self.slots && self.running < self.capacity;
        self.running += u64::from(free);
        free
    }

    /// A running request ends; returns the one that runs in its place.
    pub fn finish(&mut self) -> Option<T> {
        self.running = self.running.saturating_sub(1);
        if self.running >= self.capacity {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.running += 1;
        Some(next)
    }

    /// Request `id` stops waiting; returns false if it was not waiting.
    pub fn cancel(&mut self, id: T) -> bool {
        let place = self.waiting.iter().position(|waiting| *waiting == id);
        place.is_some_and(|place| self.waiting.remove(place).is_some())
    }

    /// Changes the maximum number of running requests; returns those that start to run.
    pub fn set_capacity(&mut self, capacity: u64) -> Vec<T> {
        let before = std::mem::replace(&mut self.capacity, capacity);
        self.wake(capacity.saturating_sub(before))
    }

    /// Requests running and waiting.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.running + self.waiting.len() as u64
    }

    /// Requests running.
    #[must_use]
    pub fn running(&self) -> u64 {
        self.running
    }

    /// Maximum number of running requests.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Runs `id` if there is a slot, otherwise puts it at the end of the queue.
    fn acquire(&mut self, id: T) -> bool {
        if self.running < self.capacity {
            self.running += 1;
            return true;
        }
        self.waiting.push_back(id);
        false
    }

    /// Wakes `count` waiters; returns those that start to run.
    fn wake(&mut self, mut count: u64) -> Vec<T> {
        let mut started = Vec::new();
        while count > 0
            && let Some(first) = self.waiting.pop_front()
        {
            count -= 1;
            if self.acquire(first) {
                started.push(first);
            }
        }
        started
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_come_first_served_and_the_next_is_refused() {
        let mut breaker = Breaker::new(1, 2, 2);
        assert_eq!(
            [1, 2, 3, 4].map(|id| breaker.arrive(id)),
            [Admission::Running, Admission::Running, Admission::Waiting, Admission::Rejected]
        );
        assert_eq!((breaker.finish(), breaker.running()), (Some(3), 2));
        assert_eq!((breaker.finish(), breaker.finish(), breaker.in_flight()), (None, None, 0));
    }

    #[test]
    fn a_queue_proxy_holds_eleven_times_its_limit() {
        let mut breaker = Breaker::of_queue_proxy(2);
        let refused = (0..30).filter(|id| breaker.arrive(*id) == Admission::Rejected).count();
        assert_eq!((refused, breaker.running(), breaker.in_flight()), (8, 2, 22));
    }

    #[test]
    fn who_is_woken_in_vain_goes_to_the_back() {
        let mut breaker = Breaker::new(10, 5, 3);
        for id in 1..=6 {
            breaker.arrive(id);
        }
        assert!(breaker.set_capacity(1).is_empty());
        // Two more slots, but three requests still run: 4 and 5 are woken in vain.
        assert!(breaker.set_capacity(3).is_empty());
        assert_eq!([breaker.finish(), breaker.finish(), breaker.finish()], [Some(6), Some(4), Some(5)]);
    }

    #[test]
    fn less_capacity_wakes_nobody() {
        let mut breaker = Breaker::new(10, 5, 3);
        for id in 1..=6 {
            breaker.arrive(id);
        }
        assert!(breaker.set_capacity(2).is_empty());
        assert_eq!([breaker.finish(), breaker.finish(), breaker.finish()], [None, Some(4), Some(5)]);
    }

    #[test]
    fn reserve_takes_a_slot_or_nothing() {
        let mut breaker = Breaker::new(5, 1, 1);
        assert!(breaker.reserve());
        assert!(!breaker.reserve());
        assert_eq!(breaker.arrive(1), Admission::Waiting);
        assert!(breaker.cancel(1));
        assert!(!breaker.cancel(1));
        assert_eq!(breaker.finish(), None);
    }

    #[test]
    fn no_limit_is_a_capacity_like_any_other() {
        let mut breaker = Breaker::new(10_000, MAX_CAPACITY, 0);
        assert_eq!(breaker.arrive('a'), Admission::Waiting);
        assert_eq!(breaker.set_capacity(MAX_CAPACITY), ['a']);
        assert_eq!(breaker.set_capacity(0), []);
        assert_eq!(breaker.arrive('b'), Admission::Waiting);
    }
}
