//! Throttled requests: the queue in front of the instances, and when it is served.

use super::super::event::{Event, Kind};
use super::super::invocation::Invocation;
use super::super::kernel::Context;
use super::super::limits::TokenBucket;
use super::super::observer::{Finished, Limit, Observer};
use super::super::slab::Key;
use super::FunctionState;
use crate::path::Outcome;
use crate::policy::keep_alive::Window;
use crate::scenario::{Overflow, QueueOrder};
use crate::time::SimTime;

impl FunctionState<'_> {
    /// The first requests of the queue may have timed out.
    pub(in super::super) fn queue_timeout<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        self.advance(now, ctx);
        self.timeout_pending = false;
        while self.front_deadline().is_some_and(|deadline| deadline <= now) {
            self.drop_front(Outcome::QueueTimedOut, now, ctx);
        }
        if self.queue.is_empty() {
            self.leave_account(ctx);
        } else {
            self.wait_with_new_front(ctx);
        }
        self.watch_front(ctx);
    }

    /// The account has capacity, and it is this function's turn.
    pub(in super::super) fn account_has_room<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        self.advance(now, ctx);
        self.account_wait = None;
        self.serve_front(Limit::Account, now, ctx);
    }

    /// Serves the first request of the queue, now that `limit` has capacity for one; the next waits for it again.
    pub(super) fn serve_front<O: Observer>(&mut self, limit: Limit, now: SimTime, ctx: &mut Context<O>) {
        let Some(front) = self.next_in_queue(now, ctx) else { return };
        match self.place(now, false, ctx) {
            Ok(placement) => {
                self.pop_next();
                self.levels.queued -= 1;
                self.assign(front, placement, now, ctx);
                if self.queue.is_empty() {
                    self.leave_account(ctx);
                } else {
                    self.wait_for(limit, ctx);
                }
            }
            Err(limit) => self.wait_for(limit, ctx),
        }
    }

    /// A limit is reached: the request is rejected or queued.
    pub(super) fn reject_or_queue<O: Observer>(
        &mut self,
        request: Invocation,
        limit: Limit,
        now: SimTime,
        ctx: &mut Context<O>,
    ) -> Option<Key<Invocation>> {
        ctx.observer.throttled(now, self.id, limit);
        let has_room = match self.spec.concurrency.overflow {
            _ if limit == Limit::InstanceQueue => false,
            Overflow::Reject => false,
            Overflow::Queue { limit, .. } => limit.is_none_or(|most| self.queue.len() < most as usize),
        };
        if !has_room {
            self.finish_unserved(&request, Outcome::Rejected, false, now, ctx);
            return None;
        }
        let first = self.queue.is_empty();
        let place = self.invocations.insert(request);
        self.queue.push_back(place);
        self.levels.queued += 1;
        if let Some(autoscaling) = &mut self.autoscaling {
            autoscaling.queued(now);
        }
        if first {
            self.wait_for(limit, ctx);
            self.watch_front(ctx);
        }
        self.watch_policy(now, ctx);
        Some(place)
    }

    /// Serves as many requests as possible from the front of the queue.
    #[inline(always)]
    pub(super) fn serve_queue<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        while let Some(front) = self.next_in_queue(now, ctx) {
            match self.place(now, false, ctx) {
                Ok(placement) => {
                    self.pop_next();
                    self.levels.queued -= 1;
                    self.assign(front, placement, now, ctx);
                    if self.queue.is_empty() {
                        self.leave_account(ctx);
                    }
                }
                Err(limit) => {
                    self.wait_for(limit, ctx);
                    return;
                }
            }
        }
    }

    /// Whose turn it is.
    #[inline(always)]
    fn next_in_queue<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) -> Option<Key<Invocation>> {
        if !ctx.dropped.is_empty() {
            self.drop_unwanted(now, ctx);
        }
        self.peek_next()
    }

    #[inline(always)]
    fn peek_next(&self) -> Option<Key<Invocation>> {
        match self.spec.concurrency.queue_order {
            QueueOrder::Fifo => self.queue.front().copied(),
            QueueOrder::Lifo => self.queue.back().copied(),
        }
    }

    /// Those leave the queue whose turn it is and whose callers do not want them any more.
    #[cold]
    fn drop_unwanted<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        while let Some(next) = self.peek_next()
            && ctx.dropped.contains(&self.invocations.get(next).call.get())
        {
            self.pop_next();
            self.drop_waiting(next, Outcome::QueueTimedOut, now, ctx);
        }
        if self.queue.is_empty() {
            self.leave_account(ctx);
        }
    }

    #[inline]
    fn pop_next(&mut self) {
        match self.spec.concurrency.queue_order {
            QueueOrder::Fifo => self.queue.pop_front(),
            QueueOrder::Lifo => self.queue.pop_back(),
        };
    }

    /// Schedules another attempt to serve the queue when `limit` may have capacity.
    pub(super) fn wait_for<O: Observer>(&mut self, limit: Limit, ctx: &mut Context<O>) {
        self.held_by = limit;
        match limit {
            Limit::Account => self.wait_for_account(ctx),
            Limit::ScalingRate => {
                let next = self.tokens.as_ref().map_or(SimTime::NEVER, TokenBucket::next);
                self.watch_token(next, ctx);
            }
            Limit::RequestRate => {
                let next = self.next_request(ctx);
                self.watch_token(next, ctx);
            }
            Limit::Memory => self.wait_for_memory(ctx),
            // A completion or an instance's end of this function wakes the queue.
            _ => {}
        }
    }

    /// The queue waits for the account, as long as its first request has waited, which may not be the one that it had when it began to
    /// wait.
    fn wait_for_account<O: Observer>(&mut self, ctx: &mut Context<O>) {
        let Some(&front) = self.queue.front() else { return };
        let born = self.invocations.get(front).born;
        let before = self.account_wait.replace(born);
        if before != Some(born) {
            let account = ctx.account_of(self.spec.platform);
            if let Some(before) = before {
                account.leave(before, self.id);
            }
            account.wait(born, self.id);
        }
    }

    /// The queue has another first request: what it waits for, it waits for in the place of this one.
    fn wait_with_new_front<O: Observer>(&mut self, ctx: &mut Context<O>) {
        if self.account_wait.is_some() {
            self.wait_for_account(ctx);
        }
        if self.waits_for_memory() {
            self.wait_for_memory(ctx);
        }
    }

    /// Schedules serving the queue when a token is available. A token beyond the end of the clock is ignored: scheduled
    /// at the end, it would be scheduled again forever.
    fn watch_token<O: Observer>(&mut self, next: SimTime, ctx: &mut Context<O>) {
        if next < self.token_due {
            self.token_due = next;
            ctx.events.push(Event::of_function(next, Kind::Token, self.id));
        }
    }

    pub(super) fn leave_account<O: Observer>(&mut self, ctx: &mut Context<O>) {
        if let Some(born) = self.account_wait.take() {
            ctx.account_of(self.spec.platform).leave(born, self.id);
        }
        if self.resources.is_some() {
            self.leave_memory(ctx);
        }
    }

    /// When the first request of the queue times out.
    pub(super) fn front_deadline(&self) -> Option<SimTime> {
        let Overflow::Queue { timeout: Some(timeout), .. } = self.spec.concurrency.overflow else { return None };
        self.queue.front().map(|&front| self.invocations.get(front).born + timeout)
    }

    pub(super) fn watch_front<O: Observer>(&mut self, ctx: &mut Context<O>) {
        if let (false, Some(deadline)) = (self.timeout_pending, self.front_deadline()) {
            self.timeout_pending = true;
            ctx.events.push(Event::of_function(deadline, Kind::QueueTimeout, self.id));
        }
    }

    /// The first request of the queue ends without having been served.
    pub(super) fn drop_front<O: Observer>(&mut self, outcome: Outcome, now: SimTime, ctx: &mut Context<O>) {
        if let Some(front) = self.queue.pop_front() {
            self.drop_waiting(front, outcome, now, ctx);
        }
    }

    /// A request removed from the queue ends without having been served.
    fn drop_waiting<O: Observer>(
        &mut self,
        place: Key<Invocation>,
        outcome: Outcome,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        self.levels.queued -= 1;
        let request = self.invocations.get(place).clone();
        self.invocations.remove(place);
        self.finish_unserved(&request, outcome, true, now, ctx);
    }

    pub(super) fn finish_unserved<O: Observer>(
        &mut self,
        request: &Invocation,
        outcome: Outcome,
        waited: bool,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        if let Some(autoscaling) = &mut self.autoscaling {
            autoscaling.ended_unserved(now, waited);
        }
        if let Window::ByApp = self.keep_alive {
            self.notify_app_of_loss(ctx);
        }
        let source = request.source().expect("what was in progress at the start is served");
        let ended = Finished::unserved(source, request.number, self.id, request.born, now, outcome);
        ctx.end_invocation(&ended, request.call);
    }
}
