//! Requests that an instance serves in one batch: they wait there to be taken in, and end with their last token.

use super::super::batch::Batch;
use super::super::event::{Event, Kind};
use super::super::instance::Instance;
use super::super::invocation::Invocation;
use super::super::kernel::Context;
use super::super::observer::{Generated, Observer};
use super::super::slab::Key;
use super::FunctionState;
use crate::scenario::{Batching, Function};
use crate::time::{SimTime, Span};

/// The batches of a function's instances.
pub(super) struct Batches<'s> {
    spec: &'s Batching,
    /// By the places of instances.
    instances: Vec<Served>,
    /// By the places of invocations.
    sequences: Vec<Sequence>,
}

#[derive(Default)]
struct Served {
    batch: Batch,
    /// The pending event that looks what changes; one that says otherwise is passed over.
    due: Option<SimTime>,
}

/// A request at its instance, or none.
#[derive(Clone, Copy, Debug)]
struct Sequence {
    is_there: bool,
    prompt: u64,
    output: u64,
    /// The step after which it is through, when it is in the batch.
    through: Option<u64>,
    first_token: SimTime,
    /// What a fault adds to its run, after the last token.
    delay: Span,
}

const NONE: Sequence =
    Sequence { is_there: false, prompt: 0, output: 0, through: None, first_token: SimTime::NEVER, delay: Span::ZERO };

impl<'s> Batches<'s> {
    /// None if this function does not serve in batches.
    pub(super) fn of(spec: &'s Function) -> Option<Self> {
        let spec = spec.batching.as_ref()?;
        Some(Self { spec, instances: Vec::new(), sequences: Vec::new() })
    }

    /// An instance is created, perhaps in the place of one that has gone.
    pub(super) fn renew(&mut self, instance: Key<Instance>) {
        self.at(instance).batch = Batch::default();
    }

    fn at(&mut self, on: Key<Instance>) -> &mut Served {
        if self.instances.len() <= on.index() {
            self.instances.resize_with(on.index() + 1, Served::default);
        }
        &mut self.instances[on.index()]
    }
}

impl FunctionState<'_> {
    /// An invocation waits at its instance to be taken into the batch; says whether there is one.
    pub(super) fn join_batch<O: Observer>(
        &mut self,
        place: Key<Invocation>,
        now: SimTime,
        ctx: &mut Context<O>,
    ) -> bool {
        let Some(batches) = &mut self.batches else { return false };
        let request = self.invocations.get(place);
        // A request has the same tokens in every attempt, and under every policy.
        let (prompt, output) = request.source().map_or((1, 1), |source| {
            let mut stream = ctx.sources.tokens_rng(source, request.number);
            (batches.spec.prompt_tokens.sample(&mut stream), batches.spec.output_tokens.sample(&mut stream))
        });
        if batches.sequences.len() <= place.index() {
            batches.sequences.resize(place.index() + 1, NONE);
        }
        batches.sequences[place.index()] =
            Sequence { is_there: true, prompt, output, delay: self.failures.delay(), ..NONE };
        let on = request.instance;
        batches.at(on).batch.arrive(place);
        self.watch_batch(on, now, ctx);
        true
    }

    /// Schedules an event for when the batch of an instance changes.
    fn watch_batch<O: Observer>(&mut self, on: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        let Some(batches) = &mut self.batches else { return };
        let max = batches.spec.max_batch as usize;
        let served = batches.at(on);
        let next = served.batch.next(now, max);
        if next < served.due.unwrap_or(SimTime::NEVER) {
            served.due = Some(next);
            ctx.events.push(Event::of_item(next, Kind::Processor, self.id, on));
        }
    }

    /// The batch of an instance may change.
    pub(super) fn batch_due<O: Observer>(&mut self, on: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        let Some(batches) = &mut self.batches else { return };
        let served = batches.at(on);
        if served.due != Some(now) {
            return; // it has changed before, or the instance has gone
        }
        ctx.counts.processor_looks += 1;
        if served.batch.is_between_steps(now) {
            // Until all is done that happens now, `due` keeps others from looking.
            served.batch.end_step(now);
            while let Some(batches) = &mut self.batches
                && let Some(place) = batches.at(on).batch.take_finished()
            {
                let sequence = std::mem::replace(&mut batches.sequences[place.index()], NONE);
                self.end_sequence(place, sequence, now, ctx);
            }
            self.take_in(on, now);
        }
        if let Some(batches) = &mut self.batches {
            batches.at(on).due = None;
        }
        self.watch_batch(on, now, ctx);
    }

    /// Who waits at an instance is taken in between two steps.
    fn take_in(&mut self, on: Key<Instance>, now: SimTime) {
        let speed = self.speed;
        let Some(batches) = &mut self.batches else { return };
        let Batches { spec, instances, sequences } = &mut **batches;
        let tokens = |place: Key<Invocation>| (sequences[place.index()].prompt, sequences[place.index()].output);
        for admitted in instances[on.index()].batch.admit(spec, now, |span| speed.scaled(span), tokens) {
            let sequence = &mut sequences[admitted.request.index()];
            (sequence.through, sequence.first_token) = (Some(admitted.through), admitted.first_token);
        }
    }

    /// An invocation has its last token.
    fn end_sequence<O: Observer>(
        &mut self,
        place: Key<Invocation>,
        sequence: Sequence,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        let request = self.invocations.get_mut(place);
        request.service = now.since(request.started) + sequence.delay;
        let ends = request.ends(self.spec.timeout);
        let (born, tokens, first_token) = (request.born, sequence.output, sequence.first_token);
        if request.source().is_some() {
            ctx.observer.generated(now, self.id, &Generated { born, first_token, tokens });
        }
        if sequence.delay == Span::ZERO {
            self.complete_now(place, now, ctx);
        } else {
            ctx.events.push(Event::of_item(ends, Kind::Completion, self.id, place));
        }
    }

    /// An invocation has ended: if it was not through, it leaves the batch, or those who wait for it.
    pub(super) fn leave_batch<O: Observer>(&mut self, place: Key<Invocation>, now: SimTime, ctx: &mut Context<O>) {
        let Some(batches) = &mut self.batches else { return };
        let Some(sequence) = batches.sequences.get_mut(place.index()).filter(|sequence| sequence.is_there) else {
            return;
        };
        let through = std::mem::replace(sequence, NONE).through;
        let on = self.invocations.get(place).instance;
        batches.at(on).batch.remove(place, through);
        self.watch_batch(on, now, ctx);
    }
}
