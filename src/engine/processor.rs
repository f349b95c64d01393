//! The processors of one instance, shared equally by the requests that run on it (egalitarian processor sharing), under a
//! quota as the bandwidth control of Linux enforces it.
//!
//! All requests go at the same speed, so one number says how much service each of them has received since the instance was idle: the
//! *attained service*. A request is through when that has grown by its work, and requests are through in the order of the
//! attained service at which they are (Kleinrock, Queueing Systems II, 1976, section 4.4). An arrival or a
//! departure changes the speed and no entry of that order, so each change costs one search in it, whatever the number of requests.
//!
//! Work is counted in whole [`UNIT`]s. What a division leaves over is less than a nanosecond's billionth part, so that a
//! request gets the work it asked for, and less than a nanosecond's more because it ends at a whole nanosecond.

use std::collections::BTreeSet;

use super::invocation::Invocation;
use super::slab::Key;
use crate::cluster::{Ask, CORE, UNLIMITED};
use crate::time::{SimTime, Span};

/// Work of one core in one nanosecond.
const UNIT: u64 = CORE;

/// Cores are told apart by this part of one.
const PER_CORE: f64 = 1e6;

/// What every instance of a function may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bandwidth {
    /// Units of work that one request gets at most in a nanosecond.
    each: u64,
    /// The same of all together.
    all: u64,
    quota: Option<Quota>,
}

/// Work that may be done in each period; what wants more waits for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Quota {
    work: u128,
    period: u128,
}

impl Bandwidth {
    /// `limit` cores in each `period`; a request runs in `threads` threads at the most. An instance has as many processors as
    /// its limit rounded up, or as a request has threads where that is more. So a whole limit is never throttled.
    pub(super) fn new(limit: f64, threads: u32, period: Span) -> Self {
        let millionths = (limit * PER_CORE).round().max(1.0) as u64;
        let cores = (limit.ceil() as u64).max(u64::from(threads));
        let work = u128::from(millionths) * u128::from(UNIT / PER_CORE as u64) * u128::from(period.as_nanos());
        let quota = Quota { work, period: u128::from(period.as_nanos()) };
        let all = cores * UNIT;
        let is_throttled = u128::from(all) * quota.period > work;
        Self { each: u64::from(threads) * UNIT, all, quota: is_throttled.then_some(quota) }
    }
}

/// A point on the way of an instance: the service that each of its requests has attained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Attained(u128);

impl Attained {
    /// Nothing yet.
    pub(super) const START: Self = Self(0);

    /// The work between two points, rounded to whole nanoseconds of one core.
    pub(super) fn work_since(self, earlier: Self) -> Span {
        let nanos = (self.0.saturating_sub(earlier.0) + u128::from(UNIT / 2)) / u128::from(UNIT);
        Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn after(self, work: Span) -> Self {
        Self(self.0 + u128::from(work.as_nanos()) * u128::from(UNIT))
    }
}

/// The processors of an instance, at work or not.
#[derive(Debug)]
pub(super) struct Processor {
    /// What holds until here is known.
    known_until: SimTime,
    attained: Attained,
    /// Who runs, by the point at which they are through.
    running: BTreeSet<(Attained, Key<Invocation>)>,
    /// What its node gives it, in units of work in a nanosecond; [`UNLIMITED`] where there is enough for all.
    share: u64,
    /// Under a quota: the end of the current period, and the work done in it.
    period_ends: u128,
    used: u128,
}

impl Processor {
    pub(super) const fn new() -> Self {
        Self {
            known_until: SimTime::ZERO,
            attained: Attained::START,
            running: BTreeSet::new(),
            share: UNLIMITED,
            period_ends: 0,
            used: 0,
        }
    }

    pub(super) const fn attained(&self) -> Attained {
        self.attained
    }

    /// A request begins to run; says the point at which it is through. What holds until `now` is known.
    pub(super) fn add(
        &mut self,
        request: Key<Invocation>,
        work: Span,
        now: SimTime,
        bandwidth: &Bandwidth,
    ) -> Attained {
        self.advance(now, bandwidth);
        if self.running.is_empty() {
            self.attained = Attained::START;
            // A period that has ended while nothing ran was the last: the next begins with the work.
            let at = u128::from(now.as_nanos());
            if let Some(quota) = bandwidth.quota.filter(|_| at >= self.period_ends) {
                (self.period_ends, self.used) = (at + quota.period, 0);
            }
        }
        let through = self.attained.after(work);
        self.running.insert((through, request));
        through
    }

    /// A request goes that is not through.
    pub(super) fn remove(&mut self, request: Key<Invocation>, through: Attained, now: SimTime, bandwidth: &Bandwidth) {
        self.advance(now, bandwidth);
        let was_there = self.running.remove(&(through, request));
        debug_assert!(was_there, "who goes was running");
    }

    /// A request that is through, if there is one.
    pub(super) fn take_finished(&mut self, now: SimTime, bandwidth: &Bandwidth) -> Option<Key<Invocation>> {
        self.advance(now, bandwidth);
        let &(through, request) = self.running.first()?;
        if through > self.attained {
            return None;
        }
        debug_assert!(
            self.attained.0 - through.0 <= u128::from(bandwidth.each),
            "it has got what it asked for, and less than a nanosecond's more: {self:?}"
        );
        self.running.pop_first();
        Some(request)
    }

    /// Units of work that it could do in a nanosecond, if it were alone on its node and not throttled.
    fn most(&self, bandwidth: &Bandwidth) -> u128 {
        let asked = u128::from(bandwidth.each) * self.running.len() as u128;
        asked.min(u128::from(bandwidth.all))
    }

    /// Units of work that are done in a nanosecond, while it is not throttled.
    fn rate(&self, bandwidth: &Bandwidth) -> u128 {
        self.most(bandwidth).min(u128::from(self.share))
    }

    /// The work that it may still do in its period.
    fn left(&self, quota: Quota) -> u128 {
        quota.work - self.used
    }

    /// What it asks of its node. What holds until now is known.
    pub(super) fn ask(&self, bandwidth: &Bandwidth) -> Ask {
        let most = u64::try_from(self.most(bandwidth)).unwrap_or(u64::MAX);
        let is_throttled = bandwidth.quota.is_some_and(|quota| self.left(quota) == 0);
        Ask { most, now: if is_throttled { 0 } else { most } }
    }

    /// Its node gives it this much from now on.
    pub(super) fn set_share(&mut self, share: u64, now: SimTime, bandwidth: &Bandwidth) {
        self.advance(now, bandwidth);
        self.share = share;
    }

    /// Nothing runs: it asks for nothing, and has no share.
    pub(super) fn leave_node(&mut self) {
        self.share = UNLIMITED;
    }

    /// When it asks its node for more or less, if nobody comes or goes: when it has used up its quota, and when the next period
    /// begins. Never, where its node has enough for all whatever it asks for.
    pub(super) fn next_ask(&self, bandwidth: &Bandwidth) -> SimTime {
        let Some(quota) = bandwidth.quota.filter(|_| self.share != UNLIMITED && !self.running.is_empty()) else {
            return SimTime::NEVER;
        };
        let left = self.left(quota);
        let from = u128::from(self.known_until.as_nanos());
        let rate = self.rate(bandwidth);
        let at = if left == 0 {
            self.period_ends
        } else if rate == 0 {
            return SimTime::NEVER;
        } else if from + left.div_ceil(rate) < self.period_ends {
            from + left.div_ceil(rate)
        } else if quota.work.div_ceil(rate) < quota.period {
            self.period_ends + quota.work.div_ceil(rate)
        } else {
            return SimTime::NEVER;
        };
        SimTime::from_nanos(u64::try_from(at).unwrap_or(u64::MAX))
    }

    /// Service is attained until `now` as it has been.
    pub(super) fn advance(&mut self, now: SimTime, bandwidth: &Bandwidth) {
        let (from, until) = (u128::from(self.known_until.as_nanos()), u128::from(now.as_nanos()));
        self.known_until = now;
        let requests = self.running.len() as u128;
        if requests == 0 || until <= from {
            return;
        }
        let rate = self.rate(bandwidth);
        let Some(quota) = bandwidth.quota else {
            self.attained.0 += rate * (until - from) / requests;
            return;
        };
        let left = self.left(quota);
        if until < self.period_ends {
            let done = left.min(rate * (until - from));
            self.attained.0 += done / requests;
            self.used += done;
            return;
        }
        let in_first = left.min(rate * (self.period_ends - from));
        let beyond = until - self.period_ends;
        let (periods, rest) = (beyond / quota.period, beyond % quota.period);
        let in_each = quota.work.min(rate * quota.period);
        let in_last = quota.work.min(rate * rest);
        self.attained.0 += in_first / requests + periods * (in_each / requests) + in_last / requests;
        self.period_ends += (periods + 1) * quota.period;
        self.used = in_last;
    }

    /// When the first request is through if nobody comes or goes; never, if nobody runs or that is beyond the clock. What
    /// holds until then is known from [`Self::advance`].
    pub(super) fn next(&self, bandwidth: &Bandwidth) -> SimTime {
        let Some(&(through, _)) = self.running.first() else { return SimTime::NEVER };
        let rate = self.rate(bandwidth);
        if rate == 0 {
            return SimTime::NEVER;
        }
        let requests = self.running.len() as u128;
        let from = u128::from(self.known_until.as_nanos());
        let wanted = through.0.saturating_sub(self.attained.0);
        let at = match bandwidth.quota {
            None => from + (wanted * requests).div_ceil(rate),
            Some(quota) => {
                let in_first = self.left(quota).min(rate * (self.period_ends - from)) / requests;
                let in_each = quota.work.min(rate * quota.period) / requests;
                if wanted <= in_first {
                    from + (wanted * requests).div_ceil(rate)
                } else {
                    let later = wanted - in_first;
                    let Some(periods) = (later - 1).checked_div(in_each) else { return SimTime::NEVER };
                    let rest = later - periods * in_each;
                    self.period_ends + periods * quota.period + (rest * requests).div_ceil(rate)
                }
            }
        };
        SimTime::from_nanos(u64::try_from(at).unwrap_or(u64::MAX))
    }

    /// What each running request has left takes this much longer or shorter; says who is through when.
    pub(super) fn rescale(
        &mut self,
        now: SimTime,
        bandwidth: &Bandwidth,
        scaled: impl Fn(Span) -> Span,
    ) -> Vec<(Key<Invocation>, Attained)> {
        self.advance(now, bandwidth);
        let attained = self.attained;
        let running = std::mem::take(&mut self.running);
        let again = |(through, request): (Attained, _)| (attained.after(scaled(through.work_since(attained))), request);
        self.running = running.into_iter().map(again).collect();
        self.running.iter().map(|&(through, request)| (request, through)).collect()
    }
}

#[cfg(test)]
mod tests;
