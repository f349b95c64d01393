//! What goes wrong at a function: slow work, errors, an outage, a deployment.

use super::super::event::{Event, Kind};
use super::super::kernel::Context;
use super::super::observer::Observer;
use super::FunctionState;
use super::lifecycle::Cause;
use super::steps::Speed;
use crate::dist::Dist;
use crate::path::{Disturbance, Outcome};
use crate::rng::{Purpose, Stream, Streams, chance};
use crate::scenario::Function;
use crate::time::{SimTime, Span};

/// How runs of a function fail by themselves.
pub(super) struct Failures {
    ratio: f64,
    /// On top of it, while a fault lasts.
    burst: f64,
    /// Whether nothing succeeds.
    is_out: bool,
    /// What is added to each run.
    delay: Option<Dist>,
    stream: Stream,
}

impl Failures {
    pub(super) fn of(spec: &Function, streams: &Streams) -> Self {
        Self {
            ratio: spec.failure_ratio,
            burst: 0.0,
            is_out: false,
            delay: None,
            stream: streams.stream(&spec.name, Purpose::Failures),
        }
    }

    /// What is added to a run that begins.
    pub(super) fn delay(&mut self) -> Span {
        self.delay.as_ref().map_or(Span::ZERO, |delay| delay.sample(&mut self.stream))
    }

    /// Whether a run fails that has just ended.
    pub(super) fn fails(&mut self) -> bool {
        self.is_out
            || self.ratio > 0.0 && chance(&mut self.stream, self.ratio)
            || self.burst > 0.0 && chance(&mut self.stream, self.burst)
    }
}

impl FunctionState<'_> {
    /// A fault begins or ends.
    pub(in super::super) fn disturbed<O: Observer>(
        &mut self,
        disturbance: &Disturbance,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        self.advance(now, ctx);
        self.is_unusual = true;
        match disturbance {
            Disturbance::Speed(speed) => self.change_speed(Speed(*speed), now, ctx),
            Disturbance::Errors(ratio) => self.failures.burst = *ratio,
            Disturbance::Delay(delay) => self.failures.delay = delay.clone(),
            Disturbance::Outage(is_out) => self.failures.is_out = *is_out,
            Disturbance::Deploy => self.deploy(now, ctx),
            Disturbance::ColdStart(factor) => self.cold_start_factor = *factor,
        }
    }

    /// Running work takes longer or shorter from now on, what is left of it too.
    fn change_speed<O: Observer>(&mut self, speed: Speed, now: SimTime, ctx: &mut Context<O>) {
        let before = std::mem::replace(&mut self.speed, speed);
        if before == speed || self.steps.is_some() {
            return; // steps that run are not interrupted; those that begin go at the new speed
        }
        let change = Speed(speed.0 / before.0);
        self.change_speed_of_processors(change, now, ctx);
        for place in self.invocations.keys() {
            if self.is_computing(place) {
                continue;
            }
            let request = self.invocations.get_mut(place);
            if request.started == SimTime::NEVER {
                continue;
            }
            let done = now.since(request.started);
            let left = (request.started + request.service).since(now);
            let left = change.scaled(left);
            request.service = done + left;
            let ends = request.ends(self.spec.timeout);
            ctx.events.push(Event::of_item(ends, Kind::Completion, self.id, place));
        }
    }

    /// All instances are replaced: idle ones go now, busy ones when they are free.
    fn deploy<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        self.replace_ordered(now, ctx);
        for key in self.instances.keys() {
            let instance = self.instances.get_mut(key);
            if instance.provisioned || !instance.ready || instance.order.is_some() {
                continue;
            }
            instance.retires = instance.retires.min(now);
            if instance.is_idle() {
                self.on_demand.remove(key, &mut self.instances);
                self.remove_instance(key, Cause::Retired, now, ctx);
            }
        }
        self.serve_queue(now, ctx);
    }

    /// Nobody waits any more for the answer to a run: it ends at once.
    pub(in super::super) fn cancel<O: Observer>(
        &mut self,
        place: super::super::slab::Key<super::super::invocation::Invocation>,
        call: super::super::slab::Key<super::super::path::Call>,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        let request = self.invocations.get(place);
        if request.call != call || request.started == SimTime::NEVER {
            return; // it waits, or has ended already
        }
        self.advance(now, ctx);
        self.end_run(place, Outcome::Failed, now, ctx);
    }
}
