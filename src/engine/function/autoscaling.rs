//! A function whose instances are created by a scaling policy: the engine's side of [`Scaling`].

use rand::RngExt as _;

use super::super::SimError;
use super::super::event::{Event, Kind};
use super::super::instance::Instance;
use super::super::invocation::Invocation;
use super::super::kernel::Context;
use super::super::observer::{Levels, Limit, Observer, ScalingDecision};
use super::super::slab::{Key, Slab};
use super::FunctionState;
use super::fleet::{Fleet, Member, Order};
use super::lifecycle::{Cause, Reason};
use super::placement::Placement;
use crate::policy::scaling::{COOL_DOWN, Governs, InstanceView, ORDERED_MAX, Scaling, Totals, View};
use crate::rng::{Purpose, Stream, Streams};
use crate::scenario::Function;
use crate::time::SimTime;

/// A policy at work on one function.
pub(super) struct Autoscaling {
    policy: Box<dyn Scaling>,
    governs: Governs,
    limit: u32,
    ordered: u32,
    /// Random choices of an instance for requests that go to any.
    routes: Stream,
    /// The instances that it created and that accept requests.
    fleet: Fleet,
    /// Requests on instances of the kind that it controls.
    in_progress: u32,
    totals: Totals,
    /// Totals are known up to here.
    reached: SimTime,
    /// The earliest pending event that asks it.
    asked_at: SimTime,
    /// Buffer for the policy's view.
    views: Vec<InstanceView>,
}

impl Autoscaling {
    /// The policy of a function; none if requests create instances.
    pub(super) fn new(spec: &Function, streams: &Streams) -> Option<Self> {
        let policy = spec.scaling.build(&|purpose| streams.stream(&spec.name, purpose))?;
        let limit = spec.concurrency.max_instances.unwrap_or(ORDERED_MAX).min(ORDERED_MAX);
        Some(Self {
            policy,
            governs: spec.scaling.governs(),
            limit,
            ordered: spec.concurrency.provisioned.max(spec.scaling.minimum_instances().min(limit)),
            routes: streams.stream(&spec.name, Purpose::Policy),
            fleet: Fleet::default(),
            in_progress: 0,
            totals: Totals::default(),
            reached: SimTime::ZERO,
            asked_at: SimTime::NEVER,
            views: Vec::new(),
        })
    }

    /// Whether all instances were created by the policy.
    pub(super) const fn owns_all_instances(&self) -> bool {
        matches!(self.governs, Governs::Instances)
    }

    /// Hands an instance that existed before the policy over to it.
    pub(super) fn adopt(&mut self, key: Key<Instance>, instances: &mut Slab<Instance>) {
        self.fleet.add(key, SimTime::ZERO, instances);
        let instance = instances.get(key);
        if instance.ready {
            self.policy.ready(SimTime::ZERO, instance.id);
        }
    }

    /// How many instances there are to be.
    pub(super) const fn ordered(&self) -> u32 {
        self.ordered
    }

    /// Number of its instances that accept requests.
    pub(super) const fn ready(&self) -> usize {
        self.fleet.ready()
    }

    /// How many requests may wait at an instance, if they are sent there without a free slot.
    pub(super) fn waits_at_instance(&self) -> Option<u32> {
        self.policy.waits_at_instance().filter(|_| self.fleet.ready() > 0)
    }

    /// Whether the policy routes requests to instances itself.
    pub(super) fn chooses(&self) -> bool {
        self.policy.chooses()
    }

    /// A request without an instance ended.
    pub(super) fn ended_unserved(&mut self, now: SimTime, waited: bool) {
        self.totals.ended += 1;
        self.policy.ended_unserved(now, waited);
    }

    /// The request that arrived last waits in front.
    pub(super) fn queued(&mut self, now: SimTime) {
        self.policy.queued(now);
    }

    /// These levels held until `now`; so many of the requests queued waited in front of the instances.
    pub(super) fn integrate(&mut self, now: SimTime, levels: &Levels, in_front: usize) {
        let held = u128::from(now.since(self.reached).as_nanos());
        if held > 0 {
            self.totals.in_progress_ns += u128::from(self.in_progress) * held;
            self.totals.queued_ns += in_front as u128 * held;
            self.totals.ready_ns += self.fleet.ready() as u128 * held;
            self.totals.load_ns += (u128::from(levels.in_progress) + u128::from(levels.queued)) * held;
            self.reached = now;
        }
    }

    /// Whether an instance is of the kind that it controls.
    pub(super) const fn has(&self, instance: &Instance) -> bool {
        self.owns_all_instances() || instance.provisioned
    }
}

impl FunctionState<'_> {
    /// The policy is due to decide.
    pub(in super::super) fn scaling_due<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        if self.autoscaling.as_ref().is_none_or(|autoscaling| autoscaling.asked_at != now) {
            return; // superseded by an earlier decision
        }
        self.advance(now, ctx);
        ctx.counts.scaling_decisions += 1;
        let Some(autoscaling) = &mut self.autoscaling else { return };
        autoscaling.asked_at = SimTime::NEVER;
        autoscaling.views.clear();
        if autoscaling.policy.looks_at_instances(now) {
            autoscaling.views.extend(autoscaling.fleet.iter().map(|member| {
                let instance = self.instances.get(member.key);
                let (created, in_flight) = (instance.created, instance.in_flight);
                InstanceView { id: member.id, created, ready: member.ready, in_flight, last_used: member.last_used }
            }));
        }
        let view = View {
            now,
            limit: autoscaling.limit,
            ordered: autoscaling.ordered,
            per_instance: self.spec.concurrency.per_instance,
            existing: autoscaling.fleet.len() as u32,
            ready: autoscaling.fleet.ready() as u32,
            taken: autoscaling.fleet.taken(),
            instances: &autoscaling.views,
            in_progress: autoscaling.in_progress,
            queued: self.queue.len() as u32,
            totals: autoscaling.totals,
        };
        let (existing, ready, in_progress, queued) = (view.existing, view.ready, view.in_progress, view.queued);
        let answer = autoscaling.policy.decide(&view);
        if let Some(fault) = fault(answer, autoscaling.limit, autoscaling.policy.next(), now) {
            // The run does not stop immediately, so keep the first error.
            ctx.fault.get_or_insert_with(|| SimError::Policy {
                policy: self.spec.scaling.name().to_owned(),
                function: self.spec.name.clone(),
                fault,
                at: now.since(SimTime::ZERO),
            });
            return;
        }
        let before = autoscaling.ordered;
        if let Some(answer) = answer {
            autoscaling.ordered = answer as u32;
        }
        if ctx.observer.needs_decisions() && answer.is_some() {
            let (ordered, why) = (autoscaling.ordered, autoscaling.policy.why());
            // An observation without a decision is not reported.
            if why.is_some() || ordered != before {
                let why = why.unwrap_or_default();
                let inputs = autoscaling.policy.inputs();
                let decision = ScalingDecision { before, ordered, existing, ready, in_progress, queued, inputs, why };
                ctx.observer.decided(now, self.id, &decision);
            }
        }
        ctx.work(autoscaling.views.len() + autoscaling.ordered.abs_diff(before) as usize);
        self.scale(now, ctx);
        self.serve_queue(now, ctx);
        self.watch_policy(now, ctx);
    }

    /// Schedules the next decision of the policy. After the horizon, only while requests wait.
    pub(super) fn watch_policy<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        let Some(autoscaling) = &mut self.autoscaling else { return };
        let next = autoscaling.policy.next().max(now);
        let horizon = ctx.sources.horizon();
        let is_waited_for = self.levels.in_progress + self.levels.queued > 0;
        let is_needed = next < horizon || is_waited_for && next < horizon + COOL_DOWN;
        if next < autoscaling.asked_at && is_needed {
            autoscaling.asked_at = next;
            ctx.events.push(Event::of_function(next, Kind::Scaling, self.id));
        }
    }

    /// Creates or withdraws instances until their number is the desired one.
    pub(super) fn scale<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        let Some(autoscaling) = &self.autoscaling else { return };
        let (have, ordered) = (autoscaling.fleet.len(), autoscaling.ordered as usize);
        if have == ordered {
            return; // as after nearly all decisions
        }
        let surplus = autoscaling.fleet.victims(have.saturating_sub(ordered), autoscaling.policy.removal());
        if !surplus.is_empty() {
            for order in surplus {
                self.withdraw(order, now, ctx);
            }
            self.fleet_changed(now);
        }
        let owns_all_instances = self.autoscaling.as_ref().is_some_and(|autoscaling| autoscaling.owns_all_instances());
        for _ in have..ordered {
            // Instances created by requests count towards the limit too, so this is retried at the next decision. The
            // same applies if there is too little memory.
            let has_room = owns_all_instances || self.levels.instances() < self.max_instances;
            if !has_room || !self.take_memory(now, ctx) {
                return;
            }
            let key = self.create(Reason::Order, now, ctx);
            if let Some(autoscaling) = &mut self.autoscaling {
                autoscaling.fleet.add(key, now, &mut self.instances);
            }
        }
    }

    /// One instance takes no further request, because its machine goes.
    pub(super) fn withdraw_one<O: Observer>(&mut self, order: Order, now: SimTime, ctx: &mut Context<O>) {
        self.withdraw(order, now, ctx);
        self.fleet_changed(now);
    }

    /// An instance that was ordered does not answer any more.
    pub(super) fn make_unready(&mut self, order: Order, now: SimTime) {
        let Some(autoscaling) = &mut self.autoscaling else { return };
        let id = autoscaling.fleet.make_unready(order);
        autoscaling.policy.withdrawn(now, id);
        self.provisioned_changed(now);
    }

    /// An instance that was ordered is gone.
    pub(super) fn forget_order(&mut self, order: Order, now: SimTime) {
        let Some(autoscaling) = &mut self.autoscaling else { return };
        let member = autoscaling.fleet.remove(order, &mut self.instances);
        if !has_stopped_answering(&member, &self.instances) {
            autoscaling.policy.withdrawn(now, member.id);
        }
        self.fleet_changed(now);
    }

    /// Instances have gone from the fleet.
    fn fleet_changed(&mut self, now: SimTime) {
        if let Some(autoscaling) = &mut self.autoscaling {
            autoscaling.fleet.tidy(&mut self.instances);
        }
        self.provisioned_changed(now);
    }

    /// An instance accepts no further requests and is removed once it is free.
    fn withdraw<O: Observer>(&mut self, order: Order, now: SimTime, ctx: &mut Context<O>) {
        let Some(autoscaling) = &mut self.autoscaling else { return };
        let member = autoscaling.fleet.remove(order, &mut self.instances);
        if !has_stopped_answering(&member, &self.instances) {
            autoscaling.policy.withdrawn(now, member.id);
        }
        let key = member.key;
        let instance = self.instances.get_mut(key);
        instance.retires = now;
        let is_free = instance.in_flight == 0;
        let list = if instance.provisioned { &mut self.provisioned } else { &mut self.on_demand };
        list.remove(key, &mut self.instances);
        if is_free {
            self.remove_instance(key, Cause::Retired, now, ctx);
        } else {
            self.begin_grace_period(key, now, ctx);
        }
    }

    /// Replaces the instances that are ordered and ready, as a deployment does: they are withdrawn, and others start.
    pub(super) fn replace_ordered<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        if self.autoscaling.as_ref().is_none_or(|autoscaling| !autoscaling.owns_all_instances()) {
            return; // what is provisioned stays
        }
        for key in self.instances.keys() {
            let instance = self.instances.get(key);
            if let Some(order) = instance.order.filter(|_| instance.ready) {
                self.withdraw(order, now, ctx);
            }
        }
        if let Some(autoscaling) = &mut self.autoscaling {
            autoscaling.fleet.tidy(&mut self.instances);
        }
        self.scale(now, ctx);
        self.watch_policy(now, ctx);
    }

    /// Sends a request to the instance that the policy chooses, to wait there if no slot is free.
    pub(super) fn place_as_chosen(&mut self) -> Result<Placement, Limit> {
        let chosen = self.autoscaling.as_mut().and_then(|autoscaling| {
            let id = autoscaling.policy.choose()?;
            Some(autoscaling.fleet.find(id).expect("it chooses among those that are ready"))
        });
        let place = chosen.ok_or(Limit::Scaling)?;
        if self.instances.get(place).in_flight < self.spec.concurrency.per_instance {
            self.on_demand.remove(place, &mut self.instances);
            Ok(Placement::Ready(place))
        } else {
            Ok(Placement::Waiting(place))
        }
    }

    /// Sends a request to the ready instance that the policy routes it to, or to a random one, to wait there if no slot is free; at
    /// most `most` wait at one.
    pub(super) fn place_directly(&mut self, most: u32) -> Result<Placement, Limit> {
        let Some(autoscaling) = &mut self.autoscaling else { return Err(Limit::Scaling) };
        let place = match autoscaling.policy.route() {
            Some(id) => autoscaling.fleet.find(id),
            None => {
                let nth = autoscaling.routes.random_range(0..autoscaling.fleet.ready() as u32) as usize;
                autoscaling.fleet.nth_ready(nth)
            }
        };
        let Some(place) = place else { return Err(Limit::Scaling) };
        let slots = self.spec.concurrency.per_instance;
        let in_flight = self.instances.get(place).in_flight;
        if in_flight < slots {
            self.on_demand.remove(place, &mut self.instances);
            Ok(Placement::Ready(place))
        } else if in_flight - slots < most {
            Ok(Placement::Waiting(place))
        } else {
            Err(Limit::InstanceQueue)
        }
    }

    /// The first request waiting at an instance starts to run there.
    pub(super) fn start_next_at<O: Observer>(&mut self, place: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        let instance = self.instances.get_mut(place);
        let first = instance.first_waiting;
        if first.is_nil() {
            return;
        }
        let next = self.invocations.get(first).next;
        instance.first_waiting = next;
        if next.is_nil() {
            instance.last_waiting = Key::NIL;
        }
        self.invocations.get_mut(first).assigned = now; // until now it was queueing
        self.levels.queued -= 1;
        self.levels.in_progress += 1;
        ctx.observer.assigned(now, self.id, false, false);
        self.start(first, now, ctx);
    }

    pub(super) fn notify_arrival<O: Observer>(&mut self, now: SimTime, ctx: &mut Context<O>) {
        if let Some(autoscaling) = &mut self.autoscaling {
            autoscaling.totals.arrived += 1;
            autoscaling.policy.arrived(now);
            self.watch_policy(now, ctx);
        }
    }

    pub(super) fn notify_placement(&mut self, request: Key<Invocation>, placement: Placement, now: SimTime) {
        let (Placement::Ready(place) | Placement::Waiting(place)) = placement else { return };
        let instance = self.instances.get(place);
        if let Some(autoscaling) = self.autoscaling.as_mut().filter(|autoscaling| autoscaling.has(instance)) {
            autoscaling.in_progress += 1;
            if let Some(order) = instance.order {
                autoscaling.fleet.occupy(order);
            }
            self.invocations.get_mut(request).mark = autoscaling.policy.placed(now, instance.id);
        }
    }

    /// A request that was assigned to an instance has ended.
    pub(super) fn notify_end(&mut self, request: Key<Invocation>, now: SimTime) {
        let request = self.invocations.get(request);
        let (instance, mark) = (self.instances.get(request.instance), request.mark);
        if let Some(autoscaling) = &mut self.autoscaling {
            autoscaling.totals.ended += 1;
            if autoscaling.has(instance) {
                autoscaling.in_progress -= 1;
                if let Some(order) = instance.order {
                    autoscaling.fleet.vacate(order, instance.in_flight == 1, now);
                }
                autoscaling.policy.ended(now, instance.id, mark);
            }
        }
    }

    pub(super) fn notify_ready<O: Observer>(&mut self, place: Key<Instance>, now: SimTime, ctx: &mut Context<O>) {
        let (id, order) = (self.instances.get(place).id, self.instances.get(place).order);
        if let (Some(autoscaling), Some(order)) = (&mut self.autoscaling, order) {
            autoscaling.fleet.make_ready(order, now);
            autoscaling.policy.ready(now, id);
            self.provisioned_changed(now);
            self.watch_policy(now, ctx);
        }
    }
}

/// Whether an instance was ready and counts as one that starts since it does not answer: the policy has been told that it is gone.
fn has_stopped_answering(member: &Member, instances: &Slab<Instance>) -> bool {
    member.ready.is_none() && instances.get(member.key).ready
}

/// What is wrong with a decision, or with the time of the next one.
fn fault(answer: Option<f64>, limit: u32, next: SimTime, now: SimTime) -> Option<String> {
    match answer {
        Some(answer) if answer.is_nan() => Some("answered with a number that is none (NaN)".into()),
        Some(answer) if answer < 0.0 => Some(format!("asked for {answer} instances")),
        Some(answer) if answer > f64::from(limit) => {
            Some(format!("asked for {answer} instances, more than the limit of {limit}"))
        }
        Some(answer) if answer.fract() != 0.0 => {
            Some(format!("asked for {answer} instances, which is not a whole number"))
        }
        _ if next <= now => Some("wants to be asked again at the same moment, for ever".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::engine::{Cell, EventCounts, simulate};
    use crate::id::{InstanceId, LocalFn};
    use crate::policy::scaling::testing::Script;
    use crate::policy::scaling::{Removal, ScalingSpec};
    use crate::scenario::testing;
    use crate::time::Span;

    /// Requests that run for 10 s, on instances that start in 500 ms; at most five.
    const SCENARIO: &str = r#"
        [scenario]
        name = "scripted"
        [simulation]
        horizon = "1m"
        [[function]]
        name = "f"
        duration.constant.value = "10s"
        cold-start.constant.value = "500ms"
        scaling.thresholds.target = 1
        concurrency.max-instances = 5
        [[source]]
        name = "s"
        function = "f"
        arrivals.times.at = ["100ms", "600ms", "10s"]
    "#;

    /// Instances as they come and go: when (ms), and which.
    #[derive(Debug, Default)]
    struct Log {
        created: Vec<(u64, u64)>,
        removed: Vec<(u64, u64)>,
    }

    impl Observer for &mut Log {
        fn instance_created(&mut self, now: SimTime, _: LocalFn, id: InstanceId, _: SimTime, _: Span, _: bool) {
            self.created.push((now.as_nanos() / 1_000_000, id.0));
        }

        fn instance_removed(&mut self, now: SimTime, _: LocalFn, id: InstanceId, _: SimTime) {
            self.removed.push((now.as_nanos() / 1_000_000, id.0));
        }
    }

    fn run(script: Script) -> Result<(EventCounts, Log), SimError> {
        let mut scenario = testing::scenario(SCENARIO);
        scenario.functions[0].scaling = ScalingSpec::Scripted(script);
        let mut log = Log::default();
        let mut pulse = |_, _| ControlFlow::Continue(());
        let counts = simulate(&scenario, &Cell::whole(&scenario), &Streams::new(1, 0), &mut log, &mut pulse)?;
        Ok((counts, log))
    }

    /// Every second 5,000 instances come or go: with the events of those that come ready 450,000 units of work, so six looks on
    /// the way and one at the end. With five at a time the last one is all there is.
    #[test]
    fn decisions_count_as_work() {
        let looks = |most: u32| {
            let mut scenario = testing::scenario(SCENARIO);
            let script: Vec<f64> = (0..60).map(|second| f64::from(if second % 2 == 0 { most } else { 0 })).collect();
            scenario.functions[0].scaling = ScalingSpec::Scripted(Script::of(&script));
            scenario.functions[0].concurrency.max_instances = Some(most);
            let mut looks = 0;
            let mut pulse = |_, _| {
                looks += 1;
                ControlFlow::Continue(())
            };
            let cell = Cell::whole(&scenario);
            simulate(&scenario, &cell, &Streams::new(1, 0), (), &mut pulse).expect("it runs");
            looks
        };
        assert_eq!(looks(5), 1);
        assert!(looks(5_000) >= 7, "{}", looks(5_000));
    }

    fn error(script: Script) -> String {
        run(script).expect_err("it is stopped").to_string()
    }

    #[test]
    fn nonsense_is_stopped_with_the_name_of_who_said_it() {
        let says = |answer: f64| error(Script::of(&[1.0, answer]));
        let of = |fault: &str| format!("the scaling policy `scripted` of function `f` {fault}, at 1s");
        assert_eq!(says(f64::NAN), of("answered with a number that is none (NaN)"));
        assert_eq!(says(-1.0), of("asked for -1 instances"));
        assert_eq!(says(6.0), of("asked for 6 instances, more than the limit of 5"));
        assert_eq!(says(f64::INFINITY), of("asked for inf instances, more than the limit of 5"));
        assert_eq!(says(f64::NEG_INFINITY), of("asked for -inf instances"));
        assert_eq!(says(2.5), of("asked for 2.5 instances, which is not a whole number"));
    }

    #[test]
    fn asking_again_at_once_is_stopped() {
        let hasty = Script { pause: Span::ZERO, ..Script::of(&[1.0]) };
        let said =
            "the scaling policy `scripted` of function `f` wants to be asked again at the same moment, for ever, at 0s";
        assert_eq!(error(hasty), said);
    }

    #[test]
    fn no_answer_leaves_what_was_ordered() {
        let silent = Script { answers: Vec::new(), ..Script::of(&[]) };
        let (counts, log) = run(silent).expect("it runs");
        assert_eq!((counts.completions, log.created.len()), (0, 0));
    }

    #[test]
    fn a_limit_is_no_fault() {
        let (counts, log) = run(Script::of(&[5.0, -0.0, 5.0])).expect("it runs");
        assert_eq!((counts.completions, log.created.len()), (3, 10));
    }

    /// Of three instances 0 serves from 0.5 s, 2 from 0.6 s, both for 10 s, and 1 from 10 s to 20 s. At 12 s there are to be
    /// two, at 13 s one.
    #[test]
    fn who_goes_first() {
        let script = [vec![3.0; 12], vec![2.0, 1.0]].concat();
        let gone = |removal| run(Script { removal, ..Script::of(&script) }).expect("it runs").1.removed;
        assert_eq!(gone(Removal::IdleFirst), [(12_000, 2), (13_000, 0)]);
        assert_eq!(gone(Removal::LongestIdle), [(12_000, 0), (13_000, 2)]);
        assert_eq!(gone(Removal::Youngest), [(12_000, 2), (20_000, 1)]);
    }
}
