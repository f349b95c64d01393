//! Limits of a function: how fast it may scale out, how many requests may start per second, and the remaining account
//! concurrency.

use std::collections::BTreeSet;

use crate::id::{LocalFn, PlatformId};
use crate::scenario::{ScalingRate, Scenario};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// Tokens for new instances: `burst` at first, one more every `refill`, never more than `burst`.
#[derive(Debug)]
pub(super) struct TokenBucket {
    rate: ScalingRate,
    tokens: u32,
    /// The time up to which refilling has been accounted for; restarts when a token is taken from a full bucket.
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

    /// When an empty bucket gets its next token.
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

/// Requests that may start each second: a token bucket that holds one second's worth and is full at first.
#[derive(Debug)]
pub(super) struct RequestRate {
    per_second: u64,
    /// In billionths of a request, so that a nanosecond adds a whole number of them.
    tokens: u64,
    /// Refilling has been accounted for up to here.
    filled: SimTime,
}

impl RequestRate {
    pub(super) const fn new(per_second: u64) -> Self {
        Self { per_second, tokens: Self::full(per_second), filled: SimTime::ZERO }
    }

    const fn full(per_second: u64) -> u64 {
        per_second.saturating_mul(NANOS_PER_SECOND)
    }

    /// Whether one more request may start.
    #[inline]
    pub(super) fn has_room(&mut self, now: SimTime) -> bool {
        self.fill(now);
        self.tokens >= NANOS_PER_SECOND
    }

    /// Takes a token, after [`Self::has_room`] at this moment.
    #[inline]
    pub(super) fn take(&mut self) {
        debug_assert!(self.tokens >= NANOS_PER_SECOND);
        self.tokens -= NANOS_PER_SECOND;
    }

    /// When there will be a token, after [`Self::has_room`] returned false.
    pub(super) fn next(&self) -> SimTime {
        let missing = NANOS_PER_SECOND.saturating_sub(self.tokens);
        missing
            .checked_div(self.per_second)
            .map_or(SimTime::NEVER, |_| self.filled + Span::from_nanos(missing.div_ceil(self.per_second)))
    }

    /// Changes the rate at `now`.
    pub(super) fn change(&mut self, per_second: u64, now: SimTime) {
        self.fill(now);
        self.per_second = per_second;
        self.tokens = self.tokens.min(Self::full(per_second));
    }

    fn fill(&mut self, now: SimTime) {
        let gained = now.since(self.filled).as_nanos().saturating_mul(self.per_second);
        self.tokens = self.tokens.saturating_add(gained).min(Self::full(self.per_second));
        self.filled = now;
    }
}

/// The account's unreserved concurrency, shared by all functions without reserved concurrency.
#[derive(Debug)]
pub(super) struct Account {
    limit: u32,
    used: u32,
    /// Rate limit on request starts; none: unlimited.
    rate: Option<RequestRate>,
    /// Functions whose queue waits for the account, by the arrival time of their first request.
    waiting: BTreeSet<(SimTime, LocalFn)>,
}

impl Account {
    /// An account with this unreserved concurrency and rate limit.
    pub(super) fn new(limit: u32, per_second: Option<u64>) -> Self {
        Self { limit, used: 0, rate: per_second.map(RequestRate::new), waiting: BTreeSet::new() }
    }

    /// The account of a platform.
    pub(super) fn of(scenario: &Scenario, platform: PlatformId) -> Self {
        let rate = scenario.unreserved_request_rate_that_may_bind(platform);
        Self::new(scenario.unreserved_concurrency(platform), rate)
    }

    /// The rate limit, if it can ever be reached.
    pub(super) const fn rate(&mut self) -> Option<&mut RequestRate> {
        self.rate.as_mut()
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

    /// Registers a function whose first queued request arrived at `born`.
    pub(super) fn wait(&mut self, born: SimTime, function: LocalFn) {
        self.waiting.insert((born, function));
    }

    /// Removes it.
    pub(super) fn leave(&mut self, born: SimTime, function: LocalFn) {
        self.waiting.remove(&(born, function));
    }

    /// Whether any function waits.
    #[inline]
    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether a function waits and there is capacity.
    #[inline]
    pub(super) fn has_next(&self) -> bool {
        self.is_waited_for() && self.has_room()
    }

    /// The function that has waited longest, if there is capacity for one of its requests.
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
        // Two more would be three.
        assert!(bucket.take(at(1_100)) && bucket.take(at(1_120)) && bucket.take(at(1_120)) && !bucket.take(at(1_120)));
    }

    #[test]
    fn a_rate_holds_one_second_of_requests_and_refills_by_the_nanosecond() {
        let nanos = SimTime::from_nanos;
        let mut rate = RequestRate::new(3);
        let mut started = |now: SimTime| {
            let mut count = 0;
            while rate.has_room(now) {
                rate.take();
                count += 1;
            }
            (count, rate.next())
        };
        // Three at once; a third of a second later, rounded up to the nanosecond, one more.
        assert_eq!(started(at(0)), (3, nanos(333_333_334)));
        assert_eq!(started(nanos(333_333_333)).0, 0);
        // What is left over below a request is not lost: three in each second.
        assert_eq!(started(nanos(333_333_334)), (1, nanos(666_666_667)));
        assert_eq!(started(at(1)), (2, nanos(1_333_333_334)));
        // No more than a second's worth is saved up.
        assert_eq!(started(at(100)).0, 3);
        let mut rate = RequestRate::new(0);
        assert!(!rate.has_room(at(5)) && rate.next() == SimTime::NEVER);
        // A higher rate fills faster from then on; a lower one keeps no more than its own second's worth.
        rate.change(10, at(5));
        assert!(!rate.has_room(at(5)) && rate.has_room(nanos(5_100_000_000)));
        assert!(rate.has_room(at(7)));
        rate.change(1, at(7));
        rate.take();
        assert!(!rate.has_room(at(7)) && rate.next() == at(8));
        // Larger numbers than anybody has: it never holds anybody back.
        assert!(RequestRate::new(u64::MAX).has_room(at(3)));
    }

    #[test]
    fn who_waited_longest_comes_first() {
        let mut account = Account::new(1, None);
        account.acquire();
        account.wait(at(5), LocalFn(3));
        account.wait(at(4), LocalFn(7));
        assert_eq!(account.next_waiting(), None);
        account.release();
        assert_eq!(account.next_waiting(), Some(LocalFn(7)));
    }
}
