//! What holds a function back: how fast it may grow, and what the account has left.

use std::collections::BTreeSet;

use crate::id::LocalFn;
use crate::scenario::ScalingRate;
use crate::time::SimTime;

/// Tokens for new instances: `burst` at first, one more every `refill`, never more than `burst`.
#[derive(Debug)]
pub(super) struct TokenBucket {
    rate: ScalingRate,
    tokens: u32,
    /// The moment up to which refilling has been accounted for; a full bucket starts afresh when it is taken from.
    refilled: SimTime,
}

impl TokenBucket {
    pub(super) const fn new(rate: ScalingRate) -> Self {
        Self { rate, tokens: rate.burst, refilled: SimTime::ZERO }
    }

    /// Takes a token, if there is one at `now`.
    pub(super) fn take(&mut self, now: SimTime) -> bool {
        self.fill(now);
        let there = self.tokens > 0;
        self.tokens -= u32::from(there);
        there
    }

    /// When the next token comes into an empty bucket.
    pub(super) fn next(&self) -> SimTime {
        self.refilled + self.rate.refill
    }

    fn fill(&mut self, now: SimTime) {
        let refill = self.rate.refill.as_nanos().max(1);
        let gained = now.since(self.refilled).as_nanos() / refill;
        let room = u64::from(self.rate.burst - self.tokens);
        if gained >= room {
            self.tokens = self.rate.burst;
            self.refilled = now;
        } else {
            self.tokens += gained as u32;
            self.refilled = SimTime::from_nanos(self.refilled.as_nanos() + gained * refill);
        }
    }
}

/// The account's unreserved concurrency, shared by all functions that have none reserved.
#[derive(Debug)]
pub(super) struct Account {
    limit: u32,
    used: u32,
    /// Functions whose queue waits for the account, by the birth of the request in front.
    waiting: BTreeSet<(SimTime, LocalFn)>,
}

impl Account {
    /// An account with this much unreserved concurrency.
    pub(super) const fn new(limit: u32) -> Self {
        Self { limit, used: 0, waiting: BTreeSet::new() }
    }

    #[inline]
    pub(super) const fn has_room(&self) -> bool {
        self.used < self.limit
    }

    #[inline]
    pub(super) fn acquire(&mut self) {
        debug_assert!(self.has_room());
        self.used += 1;
    }

    #[inline]
    pub(super) fn release(&mut self) {
        self.used -= 1;
    }

    /// A function's queue, whose front request was born at `born`, waits for room.
    pub(super) fn wait(&mut self, born: SimTime, function: LocalFn) {
        self.waiting.insert((born, function));
    }

    /// It waits no longer.
    pub(super) fn leave(&mut self, born: SimTime, function: LocalFn) {
        self.waiting.remove(&(born, function));
    }

    /// Whether any function waits for room.
    #[inline]
    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether a function waits and there is room.
    #[inline]
    pub(super) fn has_next(&self) -> bool {
        self.is_waited_for() && self.has_room()
    }

    /// The function that has waited longest, if there is room for one of its requests.
    #[inline]
    pub(super) fn next_waiting(&mut self) -> Option<LocalFn> {
        if !self.has_next() {
            return None;
        }
        self.waiting.pop_first().map(|(_, function)| function)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    fn at(secs: u64) -> SimTime {
        SimTime::from(Span::from_secs(secs))
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_one_token_each_refill() {
        let mut bucket = TokenBucket::new(ScalingRate { burst: 2, refill: Span::from_secs(10) });
        assert!(bucket.take(at(100)) && bucket.take(at(100)) && !bucket.take(at(100)));
        assert_eq!(bucket.next(), at(110));
        assert!(!bucket.take(at(109)));
        assert!(bucket.take(at(110)) && !bucket.take(at(119)));
        // What is not used does not pile up beyond the burst.
        assert!(bucket.take(at(1_000)) && bucket.take(at(1_000)) && !bucket.take(at(1_000)));
        // Part of a refill is not lost when a token is taken in between.
        assert!(bucket.take(at(1_015)));
        assert_eq!(bucket.next(), at(1_020));
    }

    #[test]
    fn who_waited_longest_comes_first() {
        let mut account = Account::new(1);
        account.acquire();
        account.wait(at(5), LocalFn(3));
        account.wait(at(4), LocalFn(7));
        assert_eq!(account.next_waiting(), None);
        account.release();
        assert_eq!(account.next_waiting(), Some(LocalFn(7)));
    }
}
