//! Faults of a function: slow processing, errors, an outage, a deployment.

use rand::RngExt as _;
use rand_distr::Exp1;

use super::super::event::{Event, Kind};
use super::super::instance::Instance;
use super::super::kernel::Context;
use super::super::observer::Observer;
use super::super::slab::Key;
use super::FunctionState;
use super::lifecycle::Cause;
use super::steps::Speed;
use crate::dist::Dist;
use crate::path::Disturbance;
use crate::path::bucket::Buckets;
use crate::rng::{Purpose, Stream, Streams, chance};
use crate::scenario::Function;
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// Failures of a function without a fault.
pub(super) struct Failures {
    ratio: f64,
    /// Additional failures during a fault.
    burst: f64,
    /// Whether nothing succeeds.
    is_out: bool,
    /// Time added to each invocation.
    delay: Option<Dist>,
    stream: Stream,
    /// Token bucket of a throttling fault.
    throttle: Option<Buckets>,
    /// Crashes, while a fault causes them.
    crashes: Option<Crashes>,
}

/// The item of a fault event that may crash an instance; the start and end of a fault have item 0.
pub(in super::super) const CRASH: u32 = 1;

/// Crashes of instances, each at the same rate, by thinning: candidate events occur at `bound` times that rate, and each picks
/// one of `bound` places at random; a place without an instance crashes nothing. So each instance has exactly its rate.
struct Crashes {
    /// Rate of each instance.
    per_second: f64,
    /// Upper bound of the number of instances.
    bound: usize,
    /// Time of the next candidate event.
    due: SimTime,
}

impl Failures {
    pub(super) fn of(spec: &Function, streams: &Streams) -> Self {
        Self {
            ratio: spec.failure_ratio,
            burst: 0.0,
            is_out: false,
            delay: None,
            stream: streams.stream(&spec.name, Purpose::Failures),
            throttle: None,
            crashes: None,
        }
    }

    /// Whether a fault throttles a request.
    pub(super) fn refuses(&mut self, now: SimTime) -> bool {
        self.throttle.as_mut().is_some_and(|bucket| !bucket.take(now))
    }

    /// Whether there are more instances than the bound of the crashes.
    pub(super) fn outgrown(&self, instances: usize) -> bool {
        self.crashes.as_ref().is_some_and(|crashes| instances > crashes.bound)
    }

    /// Time added to a starting invocation.
    pub(super) fn delay(&mut self) -> Span {
        self.delay.as_ref().map_or(Span::ZERO, |delay| delay.sample(&mut self.stream))
    }

    /// Whether an invocation that has just ended fails.
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
            Disturbance::LoseZone(zone, zones) => self.lose_zone(u64::from(*zone), u64::from(*zones), now, ctx),
            Disturbance::Deploy => self.deploy(now, ctx),
            Disturbance::ColdStart(factor) => self.cold_start_factor = *factor,
            Disturbance::Throttle(bucket) => {
                self.failures.throttle = bucket.as_ref().map(|bucket| Buckets::full(bucket, now));
            }
            Disturbance::Crash(per_second) => {
                let due = SimTime::NEVER;
                self.failures.crashes =
                    (*per_second > 0.0).then_some(Crashes { per_second: *per_second, bound: 0, due });
                self.await_crash(now, ctx);
            }
            Disturbance::Poison(_) | Disturbance::Flush => {} // of messages, of caches
        }
    }

    /// Changes the processing speed, including that of running work.
    fn change_speed<O: Observer>(&mut self, speed: Speed, now: SimTime, ctx: &mut Context<O>) {
        let before = std::mem::replace(&mut self.speed, speed);
        if before == speed || self.batches.is_some() {
            return; // the steps of a batch are short: new ones have the new speed
        }
        let change = Speed(speed.0 / before.0);
        self.change_speed_of_processors(change, now, ctx);
        if self.steps.is_some() {
            self.change_speed_of_steps(change, now, ctx);
            return;
        }
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

    /// All instances are replaced: idle ones now, busy ones when they are free.
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

    /// The instances in a zone crash: each is in the next zone after the one that was created before it.
    fn lose_zone<O: Observer>(&mut self, zone: u64, zones: u64, now: SimTime, ctx: &mut Context<O>) {
        for key in self.instances.keys() {
            if self.instances.get(key).id.0 % zones == zone {
                self.crash(key, now, ctx);
            }
        }
    }

    /// Draws when an instance may crash next. Nothing crashes after the horizon.
    pub(super) fn await_crash<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        let instances = self.instances.len();
        let Failures { stream, crashes: Some(crashes), .. } = &mut *self.failures else { return };
        if instances > crashes.bound {
            crashes.bound = 2 * instances;
        }
        if crashes.bound == 0 {
            return; // as soon as there is one
        }
        let gap = stream.sample::<f64, _>(Exp1) / (crashes.per_second * crashes.bound as f64);
        crashes.due = now + Span::from_nanos_f64_saturating(gap * NANOS_PER_SECOND as f64);
        if crashes.due < ctx.sources.horizon() {
            ctx.events.push(Event::new(crashes.due, Kind::Fault, self.id.0, CRASH));
        }
    }

    /// An instance may crash.
    pub(in super::super) fn crash_due<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        let Failures { stream, crashes: Some(crashes), .. } = &mut *self.failures else { return };
        if crashes.due != now {
            return; // it has been drawn anew
        }
        let which = stream.random_range(0..crashes.bound);
        ctx.counts.faults += 1;
        self.advance(now, ctx);
        if let Some(key) = self.instances.keys().get(which).copied() {
            self.crash(key, now, ctx);
        }
        self.await_crash(now, ctx);
    }

    /// An instance that has started goes, and what runs on it fails. In place of a provisioned one the platform has another.
    fn crash<O: Observer>(&mut self, key: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        let instance = self.instances.get_mut(key);
        if !instance.ready {
            return;
        }
        if instance.order.is_some() {
            // Its scaling policy finds that one is missing and orders another.
            self.lose(key, Cause::Retired, now, ctx);
            if self.account_wait.is_none() {
                self.serve_queue(now, ctx);
            }
            return self.watch_policy(now, ctx);
        }
        if !instance.provisioned {
            instance.retires = now;
            if instance.is_idle() {
                self.on_demand.remove(key, &mut self.instances);
                self.remove_instance(key, Cause::Retired, now, ctx);
                return;
            }
        }
        let invocations = self.invocations.keys().into_iter();
        let on_it = invocations.filter(|place| {
            let request = self.invocations.get(*place);
            request.started != SimTime::NEVER && request.instance == key
        });
        for place in on_it.collect::<Vec<_>>() {
            self.fail_run(place, now, ctx);
        }
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
        self.fail_run(place, now, ctx);
    }
}
