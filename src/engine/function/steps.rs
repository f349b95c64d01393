//! Invocations with steps: they compute, wait, and call others, while their instance stays busy.

use super::super::event::{Event, Kind};
use super::super::invocation::Invocation;
use super::super::kernel::{Context, Effect};
use super::super::observer::Observer;
use super::super::path::StepOf;
use super::super::slab::Key;
use super::FunctionState;
use crate::path::{CallId, Outcome, Parcel};
use crate::rng::{Purpose, Stream, Streams};
use crate::scenario::{Function, Work};
use crate::time::{SimTime, Span};

/// The steps of a function during the simulation.
pub(super) struct Steps {
    stream: Stream,
    serials: u64,
    /// Progress of invocations, by key.
    progress: Vec<Progress>,
}

#[derive(Clone, Copy, Debug)]
struct Progress {
    serial: u64,
    /// The step that it is at.
    step: u32,
    /// Calls of this step that have not been answered.
    open: u32,
    has_failed: bool,
    /// When the step ends, if it has a duration.
    due: SimTime,
}

/// Stands before the first step.
const BEFORE_THE_FIRST: u32 = u32::MAX;

const NOWHERE: Progress = Progress { serial: 0, step: 0, open: 0, has_failed: false, due: SimTime::NEVER };

impl Steps {
    /// None if the function has no steps.
    pub(super) fn of(spec: &Function, streams: &Streams) -> Option<Self> {
        (!spec.steps.is_empty()).then(|| Self {
            stream: streams.stream(&spec.name, Purpose::Steps),
            serials: 0,
            progress: Vec::new(),
        })
    }
}

impl FunctionState<'_> {
    /// Starts the first step of an invocation, after the delay of a fault.
    pub(super) fn begin_steps<O: Observer>(&mut self, place: Key<Invocation>, now: SimTime, ctx: &mut Context<O>) {
        let delay = self.failures.delay();
        let Some(steps) = &mut self.steps else { return };
        if steps.progress.len() <= place.index() {
            steps.progress.resize(place.index() + 1, NOWHERE);
        }
        steps.serials += 1;
        let progress = &mut steps.progress[place.index()];
        *progress = Progress { serial: steps.serials, ..NOWHERE };
        if delay == Span::ZERO {
            self.do_step(place, now, ctx);
        } else {
            (progress.step, progress.due) = (BEFORE_THE_FIRST, now + delay);
            ctx.events.push(Event::of_item(progress.due, Kind::Step, self.id, place));
        }
    }

    /// Starts the current step of an invocation, or ends the invocation after the last.
    fn do_step<O: Observer>(&mut self, place: Key<Invocation>, now: SimTime, ctx: &mut Context<O>) {
        let Some(steps) = &mut self.steps else { return };
        let Some(step) = self.spec.steps.get(steps.progress[place.index()].step as usize) else {
            // It ends now, regardless of pending events.
            let request = self.invocations.get_mut(place);
            request.service = now.since(request.started);
            self.complete_now(place, now, ctx);
            return;
        };
        let took = match &step.work {
            Work::Run(duration) => {
                let runs = self.speed.scaled(duration.sample(&mut steps.stream));
                if self.begin_to_compute(place, runs, Span::ZERO, now, ctx) {
                    return; // the step ends when that is through
                }
                runs
            }
            Work::Wait(duration) => duration.sample(&mut steps.stream),
            Work::Calls(targets) => {
                let progress = &mut steps.progress[place.index()];
                (progress.open, progress.due) = (targets.len() as u32, SimTime::NEVER);
                let request = self.invocations.get(place);
                let source = request.source().map_or(0, |source| source.0);
                let of = StepOf { function: self.id, invocation: place, serial: progress.serial };
                let id = self.instances.get(request.instance).id.0 & u64::from(u32::MAX);
                let instance = u64::from(request.instance.get()) << 32 | id;
                let cause = CallId(request.call.get());
                let parcel = Parcel { cause, instance, ..Parcel::one(source, request.number) };
                ctx.effects.push_back(Effect::StepCalls(of, progress.step, parcel));
                return;
            }
        };
        self.end_step_after(place, took, now, ctx);
    }

    /// The step that an invocation is at ends after this time.
    pub(super) fn end_step_after<O: Observer>(
        &mut self,
        place: Key<Invocation>,
        left: Span,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        let Some(steps) = &mut self.steps else { return };
        let progress = &mut steps.progress[place.index()];
        progress.due = now + left;
        ctx.events.push(Event::of_item(progress.due, Kind::Step, self.id, place));
    }

    /// A step with a duration may be over.
    pub(in super::super) fn step_due<O: Observer>(
        &mut self,
        place: Key<Invocation>,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        let Some(steps) = &mut self.steps else { return };
        let Some(progress) = steps.progress.get_mut(place.index()).filter(|progress| progress.due == now) else {
            return; // it has timed out
        };
        ctx.counts.steps += 1;
        (progress.step, progress.due) = (progress.step.wrapping_add(1), SimTime::NEVER);
        self.do_step(place, now, ctx);
    }

    /// A call of a step has a response. The step ends with the slowest call; if one failed, so does the invocation.
    pub(in super::super) fn step_answered<O: Observer>(
        &mut self,
        of: StepOf,
        outcome: Outcome,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        let place = of.invocation;
        let Some(steps) = &mut self.steps else { return };
        let progress = &mut steps.progress[place.index()];
        if progress.serial != of.serial {
            return; // the invocation has timed out
        }
        progress.has_failed |= !outcome.is_success();
        progress.open -= 1;
        if progress.open > 0 {
            return;
        }
        progress.step += 1;
        if progress.has_failed {
            let request = self.invocations.get_mut(place);
            request.service = now.since(request.started);
            request.is_poison = true;
            self.complete_now(place, now, ctx);
        } else {
            self.do_step(place, now, ctx);
        }
    }

    /// What runs goes on at another speed; who waits for a time or for a response is not affected.
    pub(super) fn change_speed_of_steps<O: Observer>(&mut self, change: Speed, now: SimTime, ctx: &mut Context<O>) {
        for place in self.invocations.keys() {
            let progress = self.steps.as_ref().and_then(|steps| steps.progress.get(place.index()));
            let Some(Progress { step, due, .. }) = progress.filter(|progress| progress.due != SimTime::NEVER) else {
                continue;
            };
            let runs = self.spec.steps.get(*step as usize).is_some_and(|step| matches!(step.work, Work::Run(_)));
            if runs && !self.is_computing(place) {
                self.end_step_after(place, change.scaled(due.since(now)), now, ctx);
            }
        }
    }

    /// An invocation has ended: pending events for it are outdated.
    pub(super) fn forget_steps(&mut self, place: Key<Invocation>) {
        if let Some(steps) = &mut self.steps
            && let Some(progress) = steps.progress.get_mut(place.index())
        {
            *progress = NOWHERE;
        }
    }
}

/// Processing speed; 1 is normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Speed(pub(super) f64);

impl Speed {
    /// The time for work that takes `work` at full speed.
    pub(super) fn scaled(self, work: Span) -> Span {
        if self.0 == 1.0 || work == Span::FOREVER {
            return work;
        }
        Span::from_secs_f64(work.as_secs_f64() / self.0).unwrap_or(Span::FOREVER)
    }
}
