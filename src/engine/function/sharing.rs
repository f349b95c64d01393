//! Requests that share the processors of their instance. Each one computes first, at the speed that the others leave to it, and
//! then waits, for a time that does not depend on the others.

use super::super::cluster::machines_of;
use super::super::event::{Event, Kind};
use super::super::instance::Instance;
use super::super::invocation::Invocation;
use super::super::kernel::{Context, Effect};
use super::super::observer::Observer;
use super::super::processor::{Attained, Bandwidth, Processor};
use super::super::slab::Key;
use super::FunctionState;
use super::steps::Speed;
use crate::cluster::Ask;
use crate::scenario::Function;
use crate::time::{SimTime, Span};

/// The processors of a function's instances at work.
pub(super) struct Sharing {
    bandwidth: Bandwidth,
    /// The part of a running time that is work of a processor.
    bound_share: f64,
    /// By the places of instances.
    processors: Vec<Shared>,
    /// By the places of invocations.
    runs: Vec<Run>,
}

struct Shared {
    processor: Processor,
    /// The pending event that looks who is through; never, if none is pending. One that says otherwise is passed over.
    due: SimTime,
    /// What its node knows that it asks for.
    asked: Ask,
}

/// An invocation that computes, or does not.
#[derive(Clone, Copy, Debug)]
struct Run {
    is_computing: bool,
    /// The points at which it began and at which it is through.
    began: Attained,
    through: Attained,
    /// How long it waits when it has computed.
    wait: Span,
}

const IDLE: Run = Run { is_computing: false, began: Attained::START, through: Attained::START, wait: Span::ZERO };

impl Sharing {
    /// None if the requests of this function do not share processors.
    pub(super) fn of(spec: &Function) -> Option<Self> {
        let sharing = spec.cpu.sharing?;
        Some(Self {
            bandwidth: Bandwidth::new(spec.cpu.vcpus, sharing.threads, sharing.period),
            bound_share: spec.cpu.bound_share,
            processors: Vec::new(),
            runs: Vec::new(),
        })
    }

    /// How long an invocation computes that runs so long with a processor to itself.
    fn work_of(&self, runs: Span) -> Span {
        if self.bound_share >= 1.0 {
            return runs;
        }
        Span::from_nanos_f64_saturating((runs.as_nanos() as f64 * self.bound_share).round()).min(runs)
    }

    /// An instance is created, perhaps in the place of one that has gone.
    pub(super) fn renew(&mut self, instance: Key<Instance>) {
        let shared = self.at(instance);
        (shared.processor, shared.asked) = (Processor::new(), Ask::default());
    }

    fn at(&mut self, on: Key<Instance>) -> &mut Shared {
        while self.processors.len() <= on.index() {
            self.processors.push(Shared { processor: Processor::new(), due: SimTime::NEVER, asked: Ask::default() });
        }
        &mut self.processors[on.index()]
    }
}

impl FunctionState<'_> {
    /// An invocation that runs `runs` with a processor to itself, and then waits for `delay`, begins to compute; says
    /// whether it has something to compute.
    pub(super) fn begin_to_compute<O: Observer>(
        &mut self,
        place: Key<Invocation>,
        runs: Span,
        delay: Span,
        now: SimTime,
        ctx: &mut Context<O>,
    ) -> bool {
        let Some(sharing) = &mut self.sharing else { return false };
        let work = sharing.work_of(runs);
        if work == Span::ZERO {
            return false;
        }
        let on = self.invocations.get(place).instance;
        let bandwidth = sharing.bandwidth;
        let processor = &mut sharing.at(on).processor;
        let through = processor.add(place, work, now, &bandwidth);
        let began = processor.attained();
        if sharing.runs.len() <= place.index() {
            sharing.runs.resize(place.index() + 1, IDLE);
        }
        sharing.runs[place.index()] = Run { is_computing: true, began, through, wait: runs - work + delay };
        self.watch_processor(on, ctx);
        true
    }

    /// Schedules an event for when the first request on an instance has finished computing, or the instance asks its node for more
    /// or less. Where that is later than before, the pending event finds nothing to do, and schedules the next one.
    fn watch_processor<O: Observer>(&mut self, on: Key<Instance>, ctx: &mut Context<O>) {
        let Some(sharing) = &mut self.sharing else { return };
        let bandwidth = sharing.bandwidth;
        let shared = sharing.at(on);
        let next = shared.processor.next(&bandwidth).min(shared.processor.next_ask(&bandwidth));
        if next < shared.due {
            shared.due = next;
            ctx.events.push(Event::of_item(next, Kind::Processor, self.id, on));
        }
        if self.has_machines() {
            self.ask_for_cpu(on, ctx);
        }
    }

    /// Tells the node of an instance what it asks for, if that has changed.
    fn ask_for_cpu<O: Observer>(&mut self, on: Key<Instance>, ctx: &mut Context<O>) {
        let Some(sharing) = &mut self.sharing else { return };
        let bandwidth = sharing.bandwidth;
        let shared = sharing.at(on);
        let ask = shared.processor.ask(&bandwidth);
        if std::mem::replace(&mut shared.asked, ask) == ask {
            return;
        }
        if ask.most == 0 {
            shared.processor.leave_node();
        }
        let pod = self.instances.get(on).pod;
        if let Some(machines) = machines_of(ctx)
            && let Some(node) = machines.cluster.ask_for_cpu(pod, ask)
        {
            ctx.effects.push_back(Effect::NodeCpuChanged(node));
        }
    }

    /// The node of an instance gives it this much of its processors from now on.
    pub(in super::super) fn take_share_of_node<O: Observer>(
        &mut self,
        on: Key<Instance>,
        share: u64,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        let Some(sharing) = &mut self.sharing else { return };
        let bandwidth = sharing.bandwidth;
        sharing.at(on).processor.set_share(share, now, &bandwidth);
        self.watch_processor(on, ctx);
    }

    /// Somebody on an instance may have computed all that it had to, or the batch there may change.
    pub(in super::super) fn processor_due<O: Observer>(
        &mut self,
        on: Key<Instance>,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        if self.batches.is_some() {
            return self.batch_due(on, now, ctx);
        }
        let Some(sharing) = &mut self.sharing else { return };
        let bandwidth = sharing.bandwidth;
        let shared = sharing.at(on);
        if shared.due != now {
            return; // somebody was through before, or the instance has gone
        }
        shared.due = SimTime::NEVER;
        ctx.counts.processor_looks += 1;
        while let Some(sharing) = &mut self.sharing
            && let Some(place) = sharing.at(on).processor.take_finished(now, &bandwidth)
        {
            let run = std::mem::replace(&mut sharing.runs[place.index()], IDLE);
            ctx.observer.computed(now, self.id, run.through.work_since(run.began));
            self.wait_after_computing(place, run.wait, now, ctx);
        }
        self.watch_processor(on, ctx);
    }

    /// An invocation, or the step that it is at, has computed: it waits for what else its running time holds.
    fn wait_after_computing<O: Observer>(
        &mut self,
        place: Key<Invocation>,
        wait: Span,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        if self.steps.is_some() {
            return self.end_step_after(place, wait, now, ctx);
        }
        let request = self.invocations.get_mut(place);
        request.service = now.since(request.started) + wait;
        if wait == Span::ZERO {
            self.complete_now(place, now, ctx);
        } else {
            let ends = request.ends(self.spec.timeout);
            ctx.events.push(Event::of_item(ends, Kind::Completion, self.id, place));
        }
    }

    /// An invocation has ended: if it was computing, the others on its instance have more of the processors.
    pub(super) fn stop_computing<O: Observer>(&mut self, place: Key<Invocation>, now: SimTime, ctx: &mut Context<O>) {
        let Some(sharing) = &mut self.sharing else { return };
        let Some(run) = sharing.runs.get_mut(place.index()).filter(|run| run.is_computing) else { return };
        let run = std::mem::replace(run, IDLE);
        let on = self.invocations.get(place).instance;
        let bandwidth = sharing.bandwidth;
        let processor = &mut sharing.at(on).processor;
        processor.remove(place, run.through, now, &bandwidth);
        let work = processor.attained().work_since(run.began);
        ctx.observer.computed(now, self.id, work);
        self.watch_processor(on, ctx);
    }

    /// Whether an invocation computes: then nobody knows yet when it ends.
    pub(super) fn is_computing(&self, place: Key<Invocation>) -> bool {
        let run = self.sharing.as_ref().and_then(|sharing| sharing.runs.get(place.index()));
        run.is_some_and(|run| run.is_computing)
    }

    /// Work goes faster or slower from now on: so does what is left of all that computes.
    pub(super) fn change_speed_of_processors<O: Observer>(
        &mut self,
        change: Speed,
        now: SimTime,
        ctx: &mut Context<O>,
    ) {
        if self.sharing.is_none() {
            return;
        }
        for on in self.instances.keys() {
            let Some(sharing) = &mut self.sharing else { return };
            let bandwidth = sharing.bandwidth;
            for (place, through) in sharing.at(on).processor.rescale(now, &bandwidth, |left| change.scaled(left)) {
                let run = &mut sharing.runs[place.index()];
                (run.through, run.wait) = (through, change.scaled(run.wait));
            }
            self.watch_processor(on, ctx);
        }
    }
}
