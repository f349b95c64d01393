//! The requests on an instance that serves them in one batch, a token of each in every step (continuous batching, as of Orca,
//! OSDI 2022, and of vLLM).
//!
//! A step takes `per_step + per_prompt_token x tokens of the prompts that it takes in + per_request x requests in the batch`.
//! Requests are taken in between steps, first come, first served, while there is room; the step that takes one in processes its
//! prompt and yields its first token, and each later one the next. So all requests of a batch are equally far from where they
//! were, a number of steps says it, and nothing happens between two changes of the batch: there is no event for a token.
//!
//! The KV cache bounds the batch, too: a request that is taken in reserves a place for each token of its prompt and of its answer,
//! until it is through.

use std::collections::{BTreeMap, VecDeque};

use super::invocation::Invocation;
use super::slab::Key;
use crate::scenario::Batching;
use crate::time::{SimTime, Span};

/// The batch of an instance, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The end of a step, from which on nobody came or went.
    since: SimTime,
    /// Steps done until then.
    done: u64,
    /// How long the first step from there on takes, and each one after it.
    first: Span,
    each: Span,
    /// Who is in the batch, by the step after which it is through, with the tokens that it reserves.
    running: BTreeMap<(u64, Key<Invocation>), u64>,
    /// What they reserve together.
    reserved: u64,
    waiting: VecDeque<Key<Invocation>>,
    /// Whether who waits longest needs more of the cache than is free.
    is_full: bool,
    /// Whether somebody has left in the middle of a step, so that later ones are shorter.
    has_left: bool,
}

/// A request that is taken into the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Admitted {
    pub(super) request: Key<Invocation>,
    /// The step after which it is through.
    pub(super) through: u64,
    /// When its first token is there.
    pub(super) first_token: SimTime,
}

/// So many times a span.
fn times(count: u64, span: Span) -> Span {
    Span::from_nanos(span.as_nanos().saturating_mul(count))
}

impl Batch {
    /// A request waits to be taken in.
    pub(super) fn arrive(&mut self, request: Key<Invocation>) {
        self.waiting.push_back(request);
    }

    /// When the batch changes next: somebody is through, or can be taken in. Never, if nobody is there.
    pub(super) fn next(&self, now: SimTime, max: usize) -> SimTime {
        let Some((&(through, _), _)) = self.running.first_key_value() else {
            return if self.waiting.is_empty() { SimTime::NEVER } else { now };
        };
        let ends = self.since + self.first + times(through.saturating_sub(self.done + 1), self.each);
        let has_room = !self.is_full && self.running.len() < max;
        let changes = self.has_left || has_room && !self.waiting.is_empty();
        if changes { ends.min(self.step_end(now)) } else { ends }
    }

    /// The end of the step that is in progress, or just now.
    fn step_end(&self, now: SimTime) -> SimTime {
        let first = self.since + self.first;
        if now <= first || self.each == Span::ZERO {
            return first;
        }
        let steps = now.since(first).as_nanos().div_ceil(self.each.as_nanos());
        first + times(steps, self.each)
    }

    /// Whether a step ends now, so that the batch may change.
    pub(super) fn is_between_steps(&self, now: SimTime) -> bool {
        self.running.is_empty() || self.step_end(now) == now
    }

    /// Counts the steps until now, when one ends.
    pub(super) fn end_step(&mut self, now: SimTime) {
        if self.running.is_empty() || now < self.since + self.first {
            self.since = self.since.max(now);
            return;
        }
        let later = now.since(self.since + self.first).as_nanos();
        debug_assert!(later.is_multiple_of(self.each.as_nanos().max(1)), "a step ends now: {self:?}");
        self.done += 1 + later.checked_div(self.each.as_nanos()).unwrap_or(0);
        (self.since, self.first) = (now, self.each);
    }

    /// Takes out a request that is through, if there is one.
    pub(super) fn take_finished(&mut self) -> Option<Key<Invocation>> {
        let first = self.running.first_entry()?;
        let (through, request) = *first.key();
        if through > self.done {
            return None;
        }
        debug_assert_eq!(through, self.done, "it got as many tokens as it asked for");
        self.reserved -= first.remove();
        self.is_full = false;
        Some(request)
    }

    /// Takes in who waits, as far as there is room, between two steps; `tokens` says how many a request has, of its prompt and
    /// of its answer. One that needs more than the whole cache has the batch to itself.
    pub(super) fn admit(
        &mut self,
        spec: &Batching,
        now: SimTime,
        slowed: impl Fn(Span) -> Span,
        tokens: impl Fn(Key<Invocation>) -> (u64, u64),
    ) -> Vec<Admitted> {
        let mut prompts = 0u64;
        let mut admitted = Vec::new();
        self.is_full = false;
        while self.running.len() < spec.max_batch as usize
            && let Some(&request) = self.waiting.front()
        {
            let (prompt, output) = tokens(request);
            let needs = prompt.saturating_add(output);
            if !self.running.is_empty() && self.reserved.saturating_add(needs) > spec.kv_cache_tokens {
                self.is_full = true;
                break;
            }
            self.waiting.pop_front();
            prompts = prompts.saturating_add(prompt);
            // One that needs too much is alone, and counts as all there is.
            let needs = needs.min(spec.kv_cache_tokens);
            self.reserved += needs;
            let through = self.done + output.max(1);
            self.running.insert((through, request), needs);
            admitted.push(Admitted { request, through, first_token: SimTime::NEVER });
        }
        let all = self.running.len() as u64;
        self.each = slowed(spec.per_step + times(all, spec.per_request));
        self.first = self.each + slowed(times(prompts, spec.per_prompt_token));
        (self.since, self.has_left) = (now, false);
        admitted.iter_mut().for_each(|one| one.first_token = now + self.first);
        admitted
    }

    /// A request goes that is not through; `through`: the step that it was in the batch for, if it was.
    pub(super) fn remove(&mut self, request: Key<Invocation>, through: Option<u64>) {
        match through {
            Some(through) => {
                let reserved = self.running.remove(&(through, request));
                debug_assert!(reserved.is_some(), "who goes was in the batch");
                self.reserved -= reserved.unwrap_or(0);
                self.has_left = !self.running.is_empty();
            }
            None => self.waiting.retain(|waiting| *waiting != request),
        }
        self.is_full = false;
    }
}

#[cfg(test)]
mod tests;
