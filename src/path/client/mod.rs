//! Clients: timeouts, retries and protection.
//!
//! A client makes attempts for a request until one succeeds, a failure is not retryable, or something forbids another
//! attempt: the number of attempts, the deadline or the budget. An attempt that exceeds the timeout is abandoned, which
//! does not stop the work on it. The breaker and the bulkhead are inside the retry loop: what they reject counts as a
//! failed attempt that was not sent. The rate limit comes first: what waits for it is not an attempt yet. With hedging,
//! copies of an attempt are sent while it is out, or at once when it fails; the first success counts (gRPC, gRFC A6;
//! Polly's hedging).
//!
//! All requests share one client: one budget and one breaker, like one SDK object or one sidecar. A bucket per calling
//! instance is not possible here, because a call does not say which instance makes it. n instances have n buckets,
//! which together end a storm later by what the n - 1 others hold.

pub mod backoff;
pub mod breaker;
pub mod budget;
mod kind;
mod parameters;
pub mod rate_limit;
mod scope;

pub use backoff::Backoff;
pub use breaker::{Breaker, BreakerSpec, Permit, Verdict};
pub use budget::{Budget, BudgetSpec};
pub use parameters::{Cause, ClientParameters, Per, Refund};
pub use rate_limit::{Advice, RateLimit, RateLimitSpec};

use std::collections::VecDeque;

use super::slots::{Key, Slots};
use super::{Abandon, Books, CallId, Component, Outcome, Parcel, Ports, Spec, Token};
use crate::rng::Stream;
use crate::time::{SimTime, Span};
use scope::Scoped;

pub(crate) use kind::KIND;

/// A client of the scenario: its name, target and parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Its name in results.
    pub name: String,
    /// Its target.
    pub target: String,
    /// Its parameters.
    pub parameters: Box<ClientParameters>,
}

impl Spec for Client {
    fn targets(&self) -> Vec<&str> {
        vec![&self.target]
    }

    fn build(&self, stream: Stream) -> Box<dyn Component> {
        let parameters = &self.parameters;
        let budget = parameters.retry.as_ref().and_then(|retry| Some((retry.per, retry.budget.clone()?)));
        let breaker = parameters.breaker.clone().map(|breaker| (parameters.breaker_per, breaker));
        Box::new(AtWork {
            budget: budget.map(|(per, spec)| Scoped::new(per == Per::Instance, move || spec.build())),
            breaker: breaker.map(|(per, spec)| Scoped::new(per == Per::Instance, move || spec.build())),
            rate_limit: parameters.rate_limit.as_ref().map(|limit| limit.build()),
            parameters: parameters.clone(),
            stream,
            requests: Slots::default(),
            attempts: Slots::default(),
            held_back: VecDeque::new(),
            paced_at: SimTime::NEVER,
            is_timing: false,
            is_closing: false,
            counts: Counts::default(),
        })
    }
}

/// The state of a client.
struct AtWork {
    parameters: Box<ClientParameters>,
    stream: Stream,
    /// Requests in order of arrival, which is the order of their deadlines.
    requests: Slots<Request>,
    /// Attempts in the order in which they were made, which is the order of their timeouts.
    attempts: Slots<Attempt>,
    budget: Option<Scoped<dyn Budget>>,
    breaker: Option<Scoped<dyn Breaker>>,
    rate_limit: Option<Box<dyn RateLimit>>,
    /// Requests that wait for the rate limit before their next attempt.
    held_back: VecDeque<Key>,
    /// The earliest alarm for those requests.
    paced_at: SimTime,
    /// Whether there is an alarm for the oldest attempt's timeout.
    is_timing: bool,
    /// Whether there is an alarm for the oldest request's deadline.
    is_closing: bool,
    counts: Counts,
}

/// What the client wants done.
#[derive(Clone, Debug)]
struct Request {
    call: CallId,
    parcel: Parcel,
    begun: SimTime,
    is_measured: bool,
    /// Tries so far: the first and the retries.
    tries: u32,
    /// Copies of this try that may still be sent.
    copies: u32,
    /// When the next copy is sent or the next try begins.
    next: SimTime,
    /// Delay before the last retry.
    delay: Span,
    /// Tokens last taken from the budget.
    taken: Option<f64>,
    /// Attempts of this try that the budget allowed.
    held: u32,
    /// The most recent attempt that is out.
    out: Option<Key>,
}

/// An attempt that is out.
#[derive(Clone, Debug)]
struct Attempt {
    request: Key,
    begun: SimTime,
    permit: Permit,
    /// The previous attempt of the same request that is still out.
    sibling: Option<Key>,
}

/// Counters of requests that arrived in the measured period.
#[derive(Clone, Debug, Default)]
struct Counts {
    arrived: u64,
    succeeded: u64,
    failed: u64,
    made: u64,
    answered: u64,
    timed_out: u64,
    outrun: u64,
    refused: u64,
}

/// Topics of tokens: an attempt, the next copy of an attempt, the next try of a request.
const ATTEMPT: u32 = 0;
const COPY: u32 = 1;
const RETRY: u32 = 2;
/// The alarms for the oldest attempt and the oldest request. No key has this topic.
const TIMEOUT: Token = Token(3);
const DEADLINE: Token = Token(7);
/// The alarm for attempts that wait for the rate limit.
const PACE: Token = Token(11);

/// What follows a failed try.
enum Next {
    /// The next try, at once.
    Now,
    /// The next try, later.
    At(SimTime),
    /// Nothing: the request has failed.
    End(Outcome),
}

impl AtWork {
    /// Begins the next try of a request, and again while it is rejected locally and may be retried at once.
    fn begin(&mut self, key: Key, ports: &mut Ports<'_>) {
        loop {
            let copies = self.parameters.hedge.as_ref().map_or(0, |hedge| hedge.max);
            let Some(request) = self.requests.get_mut(key) else { return };
            (request.tries, request.copies) = (request.tries + 1, copies);
            let sent = match self.ask(ports.now) {
                Advice::Go => self.send(key, ports),
                Advice::Refuse => self.refuse(key),
                Advice::Wait(wait) => {
                    if self.held_back.is_empty() {
                        self.wake_for_held_back(ports.now + wait, ports);
                    }
                    self.held_back.push_back(key);
                    return;
                }
            };
            match sent {
                Ok(()) => {
                    self.hedge(key, ports);
                    return;
                }
                Err(refused) => {
                    if !self.go_on(key, refused, ports) {
                        return;
                    }
                }
            }
        }
    }

    /// Asks the rate limit for one more attempt.
    fn ask(&mut self, now: SimTime) -> Advice {
        match &mut self.rate_limit {
            None => Advice::Go,
            // Earlier requests go first, and there is an alarm for them.
            Some(_) if !self.held_back.is_empty() => Advice::Wait(Span::ZERO),
            Some(limit) => limit.ask(now, &mut self.stream),
        }
    }

    /// The rate limit rejects an attempt.
    fn refuse(&mut self, key: Key) -> Result<(), Outcome> {
        if self.requests.get(key).is_some_and(|request| request.is_measured) {
            self.counts.made += 1;
            self.counts.refused += 1;
        }
        Err(Outcome::Rejected)
    }

    /// Sends the attempts that the rate limit now admits.
    fn let_go(&mut self, ports: &mut Ports<'_>) {
        while let (Some(&key), Some(limit)) = (self.held_back.front(), &mut self.rate_limit) {
            // The deadline may have passed in the meantime.
            if self.requests.get(key).is_none() {
                self.held_back.pop_front();
                continue;
            }
            let sent = match limit.ask(ports.now, &mut self.stream) {
                Advice::Go => self.send(key, ports),
                Advice::Refuse => self.refuse(key),
                Advice::Wait(wait) => {
                    self.wake_for_held_back(ports.now + wait, ports);
                    return;
                }
            };
            self.held_back.pop_front();
            match sent {
                Ok(()) => self.hedge(key, ports),
                Err(refused) => {
                    if self.go_on(key, refused, ports) {
                        self.begin(key, ports);
                    }
                }
            }
        }
    }

    fn wake_for_held_back(&mut self, at: SimTime, ports: &mut Ports<'_>) {
        // An earlier alarm checks again.
        if at < self.paced_at {
            self.paced_at = at;
            ports.wake(PACE, at);
        }
    }

    /// Makes one attempt; returns why it was not sent, if it was not.
    fn send(&mut self, key: Key, ports: &mut Ports<'_>) -> Result<(), Outcome> {
        let Some(request) = self.requests.get_mut(key) else { return Ok(()) };
        let measured = u64::from(request.is_measured);
        self.counts.made += measured;
        let instance = request.parcel.instance;
        let permit = match self.breaker.as_mut().and_then(|breaker| breaker.of(instance)) {
            None => Permit::default(),
            Some(breaker) => match breaker.permit(ports.now) {
                Some(permit) => permit,
                None => {
                    self.counts.refused += measured;
                    return Err(Outcome::BreakerOpen);
                }
            },
        };
        let limit = self.parameters.bulkhead.as_ref().map_or(usize::MAX, |bulkhead| bulkhead.max_concurrent as usize);
        if self.attempts.len() >= limit {
            // The bulkhead is inside the breaker, which sees a failure.
            if let Some(breaker) = self.breaker.as_mut().and_then(|breaker| breaker.of(instance)) {
                breaker.ended(permit, Verdict::Failure, Span::ZERO, ports.now);
            }
            self.counts.refused += measured;
            return Err(Outcome::Rejected);
        }
        let attempt = Attempt { request: key, begun: ports.now, permit, sibling: request.out };
        let attempt = self.attempts.insert(attempt);
        request.out = Some(attempt);
        ports.call(0, attempt.token(ATTEMPT), request.parcel);
        if let (Some(timeout), false) = (self.parameters.timeout, self.is_timing) {
            self.is_timing = true;
            ports.wake_late(TIMEOUT, ports.now + timeout);
        }
        Ok(())
    }

    /// Sends the copies that are due and schedules the next one.
    fn hedge(&mut self, key: Key, ports: &mut Ports<'_>) {
        let Some(after) = self.parameters.hedge.as_ref().map(|hedge| hedge.after) else { return };
        while after == Span::ZERO && self.send_copy(key, ports) {}
        if let Some(request) = self.requests.get_mut(key)
            && request.copies > 0
        {
            request.next = ports.now + after;
            ports.wake(key.token(COPY), request.next);
        }
    }

    /// Sends a copy if one is left, the budget allows it and it is not rejected locally.
    fn send_copy(&mut self, key: Key, ports: &mut Ports<'_>) -> bool {
        let Some(copies) = self.requests.get(key).map(|request| request.copies).filter(|copies| *copies > 0) else {
            return false;
        };
        let is_sent =
            self.take(key, Cause::Error) && self.ask(ports.now) == Advice::Go && self.send(key, ports).is_ok();
        if let Some(request) = self.requests.get_mut(key) {
            request.copies = if is_sent { copies - 1 } else { 0 };
        }
        is_sent
    }

    /// The budget that applies to a request.
    fn budget_of(&mut self, key: Key) -> Option<&mut dyn Budget> {
        let instance = self.requests.get(key)?.parcel.instance;
        self.budget.as_mut()?.of(instance).map(|budget| budget as &mut dyn Budget)
    }

    /// Asks the budget for one more attempt.
    fn take(&mut self, key: Key, cause: Cause) -> bool {
        let open = self.requests.len();
        let (Some(budgets), Some(request)) = (&mut self.budget, self.requests.get_mut(key)) else { return true };
        let instance = request.parcel.instance;
        let open = budgets.open(instance, open);
        let Some(budget) = budgets.of(instance) else { return true };
        let Some(taken) = budget.take(cause, open) else { return false };
        (request.taken, request.held) = (Some(taken), request.held + 1);
        true
    }

    /// An attempt has ended and is no longer out.
    fn end(&mut self, key: Key, verdict: Verdict, now: SimTime) -> Option<Attempt> {
        let attempt = self.attempts.remove(key)?;
        let instance = self.requests.get(attempt.request).map(|request| request.parcel.instance);
        if let (Some(breakers), Some(instance)) = (&mut self.breaker, instance)
            && let Some(breaker) = breakers.of(instance)
        {
            breaker.ended(attempt.permit, verdict, now.since(attempt.begun), now);
        }
        // Removes it from the chain of its request.
        if let Some(request) = self.requests.get_mut(attempt.request) {
            if request.out == Some(key) {
                request.out = attempt.sibling;
            } else {
                let mut later = request.out;
                while let Some(at) = later.and_then(|later| self.attempts.get_mut(later)) {
                    if at.sibling == Some(key) {
                        at.sibling = attempt.sibling;
                        break;
                    }
                    later = at.sibling;
                }
            }
        }
        Some(attempt)
    }

    /// Abandons an attempt.
    fn abandon(&mut self, key: Key, verdict: Verdict, how: Abandon, ports: &mut Ports<'_>) -> Option<Attempt> {
        let attempt = self.end(key, verdict, ports.now)?;
        ports.abandon(key.token(ATTEMPT), how);
        if let (Some(limit), true) = (&mut self.rate_limit, verdict != Verdict::Cancelled) {
            limit.ended(Some(Cause::Timeout), ports.now);
        }
        if self.requests.get(attempt.request).is_some_and(|request| request.is_measured) {
            self.counts.timed_out += 1;
            self.counts.outrun += u64::from(verdict == Verdict::Cancelled);
        }
        Some(attempt)
    }

    /// An attempt that was sent has failed and is no longer out.
    fn failed(&mut self, key: Key, outcome: Outcome, ports: &mut Ports<'_>) {
        let is_retried = self.parameters.retry.as_ref().is_none_or(|retry| retry.on.contains(&Cause::of(outcome)));
        if let (Some(budget), true) = (self.budget_of(key), is_retried) {
            budget.failed();
        }
        if !is_retried {
            self.close_request(key, outcome, ports);
            return;
        }
        if self.send_copy(key, ports) {
            return;
        }
        // The try has not failed while a copy is out.
        if self.requests.get(key).is_some_and(|request| request.out.is_none()) && self.go_on(key, outcome, ports) {
            self.begin(key, ports);
        }
    }

    /// A try has failed; returns whether the next one begins at once.
    fn go_on(&mut self, key: Key, outcome: Outcome, ports: &mut Ports<'_>) -> bool {
        match self.next(key, outcome, ports.now) {
            Next::Now => return true,
            Next::End(outcome) => self.close_request(key, outcome, ports),
            Next::At(at) => {
                if let Some(request) = self.requests.get_mut(key) {
                    (request.next, request.copies) = (at, 0);
                }
                ports.wake(key.token(RETRY), at);
            }
        }
        false
    }

    /// What follows a failed try.
    fn next(&mut self, key: Key, outcome: Outcome, now: SimTime) -> Next {
        let Some(request) = self.requests.get_mut(key) else { return Next::End(outcome) };
        let (held, instance) = (std::mem::take(&mut request.held), request.parcel.instance);
        if let Some(budget) = self.budget.as_mut().and_then(|budget| budget.of(instance)) {
            budget.released(held);
        }
        let cause = Cause::of(outcome);
        let retry = self.parameters.retry.as_ref();
        // A local rejection may have a cause that is not retried.
        let Some(retry) = retry.filter(|retry| request.tries < retry.max_attempts && retry.on.contains(&cause)) else {
            return Next::End(outcome);
        };
        let backoff = retry.backoff.as_ref();
        let delay = backoff.map(|backoff| backoff.delay(request.tries, request.delay, &mut self.stream));
        let at = now + delay.unwrap_or_default();
        let ends = self.parameters.deadline.map_or(SimTime::NEVER, |deadline| request.begun + deadline);
        if at >= ends {
            // An attempt that reaches the deadline has just timed out.
            return Next::End(if now >= ends { Outcome::TimedOut } else { Outcome::Expired });
        }
        request.delay = delay.unwrap_or_default();
        match (self.take(key, cause), at > now) {
            (false, _) => Next::End(Outcome::NoBudget),
            (true, false) => Next::Now,
            (true, true) => Next::At(at),
        }
    }

    /// A request has ended: its outstanding attempts are abandoned.
    fn close_request(&mut self, key: Key, outcome: Outcome, ports: &mut Ports<'_>) {
        self.close_request_with(key, outcome, self.parameters.on_timeout, ports);
    }

    /// The same, specifying what happens to the work on them.
    fn close_request_with(&mut self, key: Key, outcome: Outcome, how: Abandon, ports: &mut Ports<'_>) {
        let verdict = if outcome == Outcome::TimedOut { Verdict::Failure } else { Verdict::Cancelled };
        while let Some(attempt) = self.requests.get(key).and_then(|request| request.out) {
            self.abandon(attempt, verdict, how, ports);
        }
        let Some(request) = self.requests.remove(key) else { return };
        let instance = request.parcel.instance;
        if let Some(budgets) = &mut self.budget {
            if let Some(budget) = budgets.of(instance) {
                budget.released(request.held);
            }
            budgets.end(instance);
        }
        if let Some(breakers) = &mut self.breaker {
            breakers.end(instance);
        }
        if request.is_measured {
            let count = if outcome.is_success() { &mut self.counts.succeeded } else { &mut self.counts.failed };
            *count += 1;
        }
        ports.answer(request.call, outcome);
    }

    /// Abandons the attempts that have exceeded the timeout.
    fn time_out(&mut self, timeout: Span, ports: &mut Ports<'_>) {
        // Attempts that begin in the meantime are not the oldest, so the alarm is for an earlier one.
        while let Some((key, attempt)) = self.attempts.oldest() {
            let ends = attempt.begun + timeout;
            if ends > ports.now {
                ports.wake_late(TIMEOUT, ends);
                return;
            }
            // The deadline of the request may be at the same time; its alarm then finds nothing, or the next attempt.
            if let Some(attempt) = self.abandon(key, Verdict::Failure, self.parameters.on_timeout, ports) {
                self.failed(attempt.request, Outcome::TimedOut, ports);
            }
        }
        self.is_timing = false;
    }

    /// Ends the requests that have exceeded their deadline.
    fn expire(&mut self, deadline: Span, ports: &mut Ports<'_>) {
        self.is_closing = false;
        while let Some((key, request)) = self.requests.oldest() {
            let ends = request.begun + deadline;
            if ends > ports.now {
                self.is_closing = true;
                ports.wake_late(DEADLINE, ends);
                return;
            }
            self.close_request(key, Outcome::TimedOut, ports);
        }
    }
}

impl Component for AtWork {
    fn arrived(&mut self, call: CallId, parcel: Parcel, ports: &mut Ports<'_>) {
        self.counts.arrived += u64::from(ports.is_measured);
        let key = self.requests.insert(Request {
            call,
            parcel,
            begun: ports.now,
            is_measured: ports.is_measured,
            tries: 0,
            copies: 0,
            next: ports.now,
            delay: Span::ZERO,
            taken: None,
            held: 0,
            out: None,
        });
        if let Some(breakers) = &mut self.breaker {
            breakers.begin(parcel.instance);
        }
        if let Some(budgets) = &mut self.budget {
            budgets.begin(parcel.instance);
            if let Some(budget) = budgets.of(parcel.instance) {
                budget.began();
            }
        }
        if let (Some(deadline), false) = (self.parameters.deadline, self.is_closing) {
            self.is_closing = true;
            ports.wake_late(DEADLINE, ports.now + deadline);
        }
        self.begin(key, ports);
    }

    fn woken(&mut self, token: Token, ports: &mut Ports<'_>) {
        match (token, self.parameters.timeout, self.parameters.deadline) {
            (PACE, ..) => {
                if ports.now >= self.paced_at {
                    self.paced_at = SimTime::NEVER;
                }
                self.let_go(ports);
            }
            (TIMEOUT, Some(timeout), _) => {
                self.time_out(timeout, ports);
                self.let_go(ports);
            }
            (DEADLINE, _, Some(deadline)) => self.expire(deadline, ports),
            _ => {
                let (key, topic) = Key::of(token);
                // The alarm of an earlier try is obsolete.
                let Some(request) = self.requests.get(key).filter(|request| request.next == ports.now) else { return };
                if topic == RETRY && request.out.is_none() {
                    self.begin(key, ports);
                } else if topic == COPY && request.out.is_some() && self.send_copy(key, ports) {
                    self.hedge(key, ports);
                }
            }
        }
    }

    fn answered(&mut self, token: Token, outcome: Outcome, ports: &mut Ports<'_>) {
        let (key, _) = Key::of(token);
        let verdict = match (outcome, Cause::of(outcome)) {
            // A payload that is too large is the caller's error, not the service's.
            (Outcome::Completed | Outcome::TooLarge, _) => Verdict::Success,
            (_, Cause::Throttled) => Verdict::Throttled,
            _ => Verdict::Failure,
        };
        let Some(attempt) = self.end(key, verdict, ports.now) else { return };
        if let Some(limit) = &mut self.rate_limit {
            limit.ended((verdict != Verdict::Success).then(|| Cause::of(outcome)), ports.now);
        }
        let Some(request) = self.requests.get(attempt.request) else { return };
        self.counts.answered += u64::from(request.is_measured);
        if outcome == Outcome::TooLarge {
            self.close_request(attempt.request, outcome, ports);
        } else if outcome.is_success() {
            let (taken, instance) = (request.taken, request.parcel.instance);
            if let Some(budget) = self.budget.as_mut().and_then(|budget| budget.of(instance)) {
                budget.succeeded(taken);
            }
            self.close_request(attempt.request, outcome, ports);
        } else {
            self.failed(attempt.request, outcome, ports);
        }
        self.let_go(ports);
    }

    /// Its outstanding attempts are canceled too.
    fn cancelled(&mut self, call: CallId, ports: &mut Ports<'_>) {
        let found = self.requests.iter().find(|(_, request)| request.call == call).map(|(key, _)| key);
        if let Some(key) = found {
            self.close_request_with(key, Outcome::Failed, Abandon::Cancels, ports);
            self.let_go(ports);
        }
    }

    fn close(&mut self, _: SimTime, books: &mut Books) {
        let Counts { arrived, succeeded, failed, made, answered, timed_out, outrun, refused } = self.counts;
        let is_measured = |request: Key| self.requests.get(request).is_some_and(|request| request.is_measured);
        let unfinished = self.requests.iter().filter(|(_, request)| request.is_measured).count();
        let in_flight = self.attempts.iter().filter(|(_, attempt)| is_measured(attempt.request)).count();
        books.count("calls.arrived", arrived);
        books.count("calls.succeeded", succeeded);
        books.count("calls.failed", failed);
        books.count("calls.unfinished", unfinished as u64);
        books.count("attempts.made", made);
        books.count("attempts.answered", answered);
        books.count("attempts.timed_out", timed_out);
        books.count("attempts.outrun", outrun);
        books.count("attempts.refused", refused);
        books.count("attempts.in_flight", in_flight as u64);
        books.figure("attempts_per_request", (made - refused) as f64 / arrived as f64);
    }
}

#[cfg(test)]
mod tests;
