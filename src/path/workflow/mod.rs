//! Workflows: sequential, parallel and repeated states that call functions.
//!
//! The semantics are those of the Amazon States Language (states-language.net) as run by AWS Step Functions: a failed
//! state is retried by the first matching retrier, each with its own count and delay; then it continues with the first
//! matching catcher; else its branch fails. A failed branch ends the others, whose functions keep running. Each state
//! entered, and each retry, is a transition.
//!
//! An execution is a tree of frames: one for its sequence, one for each branch, and one for each map item in progress.
//! A frame is in one state and waits for one thing, so the memory of an execution grows with what it does at the same
//! time.

mod asl;
mod durable;
mod json;
mod kind;
mod machine;
mod parameters;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rand::RngExt;

use super::books::{Books, Level, Measured, Times};
use super::pace::Pace;
use super::timers::Timers;
use super::{Abandon, CallId, Component, Disturbance, Gauges, Outcome, Parcel, Ports, Spec, Token, drawn};
use crate::dist::Dist;
use crate::rng::Stream;
use crate::schema::diagnostic::Problems;
use crate::time::{SimTime, Span};
pub use machine::Machine;
use machine::{Cause, Kind, Retry};
use parameters::Settings;

pub(crate) use kind::KIND;
pub use parameters::{Answer, WorkflowSpec};

/// A workflow with its states.
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    machine: Machine,
    settings: Settings,
}

impl WorkflowSpec {
    /// The workflow of a scenario. `asl`: name and contents of its file, if it has one; problems in it are reported.
    /// Problems of listed states are those of the table, and are reported when it is read.
    #[must_use]
    pub fn workflow(&self, asl: Option<(&str, &str)>, problems: &mut Problems) -> Option<Workflow> {
        let machine = match asl {
            Some((name, text)) => asl::parse(name, text, self, problems)?,
            None => self.listed(&mut Vec::new())?,
        };
        let settings = Settings::of(self, machine.timeout);
        let machine = match &self.orchestrator {
            Some(function) => durable::with_orchestrator(machine, function, settings.dispatch.as_ref()),
            None => machine,
        };
        Some(Workflow { machine, settings })
    }
}

impl Spec for Workflow {
    fn targets(&self) -> Vec<&str> {
        self.machine.targets.iter().map(String::as_str).collect()
    }

    fn awaited(&self) -> (Vec<usize>, usize) {
        let certain = self.machine.certain();
        let all = certain.len();
        (certain, all)
    }

    fn build(&self, stream: Stream) -> Box<dyn Component> {
        Box::new(AtWork {
            critical: vec![0; self.machine.states.len()],
            machine: self.machine.clone(),
            starts: self.settings.start_throttle.as_ref().map(Pace::new),
            transitions: self.settings.transition_throttle.as_ref().map(Pace::new),
            settings: self.settings.clone(),
            stream,
            serial: 0,
            executions: BTreeMap::new(),
            frames: BTreeMap::new(),
            timers: Timers::new(Token(0), true),
            errors: 0.0,
            delay: None,
            is_out: false,
            tally: Tally::default(),
        })
    }
}

/// An execution that has not ended.
#[derive(Debug)]
struct Execution {
    /// The call that waits for its end.
    call: Option<CallId>,
    parcel: Parcel,
    started: SimTime,
    /// The frame of its sequence.
    root: u64,
    /// Events so far.
    history: u32,
    /// Whether it was started in the measured period of the run.
    is_measured: bool,
}

/// The current position of a sequence, a branch or an item.
#[derive(Debug)]
struct Frame {
    execution: u64,
    parent: Option<u64>,
    state: usize,
    /// When the state was entered, and when its current attempt began.
    entered: SimTime,
    began: SimTime,
    /// How often each retrier of the state has been used.
    retries: Vec<u32>,
    waits: Waits,
    /// Whether it counts its own events: it is an item of a distributed map.
    is_apart: bool,
    /// Events so far, if it counts its own.
    history: u32,
    /// Time spent in earlier states, ns, along the slowest path from the beginning to here.
    way: Vec<(usize, u64)>,
}

#[derive(Debug)]
enum Waits {
    Nothing,
    /// For its turn to enter its state, then.
    Turn(SimTime),
    /// For the response to a call, at most until then.
    Call(SimTime),
    /// For a time: to continue or to retry.
    Time(SimTime),
    /// For branches or items.
    Children {
        out: Vec<u64>,
        items: u32,
        failures: u32,
    },
}

/// What happens at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// A frame enters its state.
    Begins(u64),
    /// A frame continues after a wait, or retries.
    GoesOn(u64),
    /// The call of a frame has timed out.
    TimesOut(u64),
    /// An execution has timed out.
    Ends(u64),
}

/// The next thing to do in a frame.
#[derive(Clone, Copy, Debug)]
enum Step {
    Enter(u64, usize),
    Begin(u64),
    Run(u64),
    Succeed(u64),
    Fail(u64, Cause),
}

#[derive(Debug, Default)]
struct Tally {
    started: u64,
    throttled: u64,
    succeeded: u64,
    failed: u64,
    transitions: u64,
    latency: Times,
    in_progress: Level,
    /// Time of executions, in tenths of a second begun.
    tenths: u64,
}

/// The state of a workflow.
struct AtWork {
    machine: Machine,
    settings: Settings,
    starts: Option<Pace>,
    transitions: Option<Pace>,
    stream: Stream,
    serial: u64,
    executions: BTreeMap<u64, Execution>,
    frames: BTreeMap<u64, Frame>,
    /// Responses come first.
    timers: Timers<Timer>,
    /// How long states were on the critical path of executions that succeeded, ns.
    critical: Vec<u128>,
    errors: f64,
    /// Delay until states are entered.
    delay: Option<Dist>,
    is_out: bool,
    tally: Tally,
}

impl AtWork {
    fn number(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// A frame that is about to enter a state.
    fn spawn(&mut self, execution: u64, parent: Option<u64>, way: Vec<(usize, u64)>, now: SimTime) -> u64 {
        let id = self.number();
        let above = parent.and_then(|parent| self.frames.get(&parent));
        let is_distributed =
            |state: usize| matches!(&self.machine.states[state].kind, Kind::Map(each) if each.distributed);
        let is_apart = above.is_some_and(|above| above.is_apart || is_distributed(above.state));
        let frame = Frame {
            execution,
            parent,
            state: 0,
            entered: now,
            began: now,
            retries: Vec::new(),
            waits: Waits::Nothing,
            is_apart,
            history: 0,
            way,
        };
        self.frames.insert(id, frame);
        id
    }

    fn start(&mut self, call: Option<CallId>, parcel: Parcel, ports: &mut Ports<'_>) {
        let (id, is_measured) = (self.number(), ports.is_measured);
        let root = self.spawn(id, None, Vec::new(), ports.now);
        self.tally.started += u64::from(is_measured);
        // A task takes the function's duration, not the source's.
        let parcel = Parcel { service: None, ..parcel };
        self.executions.insert(id, Execution { call, parcel, started: ports.now, root, history: 1, is_measured });
        self.timers.set(ports.now + self.settings.timeout, Timer::Ends(id));
        self.work(Step::Enter(root, self.machine.start), ports);
    }

    /// Does this and everything that follows from it at the same time.
    fn work(&mut self, step: Step, ports: &mut Ports<'_>) {
        let mut steps = vec![step];
        while let Some(step) = steps.pop() {
            match step {
                Step::Enter(frame, state) => self.enter(frame, state, &mut steps, ports.now),
                Step::Begin(frame) => self.begin(frame, &mut steps, ports),
                Step::Run(frame) => self.run(frame, &mut steps, ports),
                Step::Succeed(frame) => self.succeed(frame, &mut steps, ports),
                Step::Fail(frame, cause) => self.fail(frame, cause, &mut steps, ports),
            }
        }
    }

    /// A transition into a state, or into it again. Too many events end the execution.
    fn transition(&mut self, id: u64, events: u32, ports: &mut Ports<'_>) -> bool {
        if self.frames.get(&id).is_some_and(|frame| self.machine.states[frame.state].is_replay) {
            return true; // the orchestrator is charged as a function
        }
        let history = self.happened(id, events);
        let Some(execution) = self.frames.get(&id).map(|frame| frame.execution) else { return false };
        if history > self.settings.max_history {
            self.end(execution, Outcome::Failed, ports);
            return false;
        }
        let Some(running) = self.executions.get(&execution) else { return false };
        self.tally.transitions += u64::from(running.is_measured);
        true
    }

    /// Adds events to the history to which a frame belongs; returns their number.
    fn happened(&mut self, id: u64, events: u32) -> u32 {
        let Some(frame) = self.frames.get_mut(&id) else { return 0 };
        let execution = self.executions.get_mut(&frame.execution);
        let own = &mut frame.history;
        let history = if frame.is_apart { own } else { execution.map_or(own, |execution| &mut execution.history) };
        *history = history.saturating_add(events);
        *history
    }

    fn enter(&mut self, id: u64, state: usize, steps: &mut Vec<Step>, now: SimTime) {
        let Some(frame) = self.frames.get_mut(&id) else { return };
        (frame.state, frame.entered) = (state, now);
        frame.retries = vec![0; self.machine.states[state].retries.len()];
        let turn = self.transitions.as_mut().map_or(now, |pace| (pace.next(now), pace.take(now)).0);
        let turn = turn + drawn(self.delay.as_ref(), &mut self.stream);
        if turn > now {
            frame.waits = Waits::Turn(turn);
            self.timers.set(turn, Timer::Begins(id));
        } else {
            steps.push(Step::Begin(id));
        }
    }

    fn begin(&mut self, id: u64, steps: &mut Vec<Step>, ports: &mut Ports<'_>) {
        self.wait_for(id, Waits::Nothing);
        if self.transition(id, 2, ports) {
            steps.push(Step::Run(id));
        }
    }

    fn run(&mut self, id: u64, steps: &mut Vec<Step>, ports: &mut Ports<'_>) {
        let Some(frame) = self.frames.get_mut(&id) else { return };
        frame.began = ports.now;
        let execution = frame.execution;
        match &self.machine.states[frame.state].kind {
            Kind::Task(target, timeout) => {
                let until = ports.now + timeout.unwrap_or(Span::FOREVER);
                frame.waits = Waits::Call(until);
                self.timers.set(until, Timer::TimesOut(id));
                let Some(running) = self.executions.get(&execution) else { return };
                ports.call(*target as u32, Token(id), running.parcel);
                let events = if self.machine.states[frame.state].is_replay { 0 } else { 3 };
                self.happened(id, events);
            }
            Kind::Wait(dist) => {
                let until = ports.now + dist.sample(&mut self.stream);
                frame.waits = Waits::Time(until);
                self.timers.set(until, Timer::GoesOn(id));
            }
            Kind::Parallel(starts) => {
                let starts = starts.clone();
                let mut out = Vec::with_capacity(starts.len());
                for start in starts {
                    let child = self.spawn(execution, Some(id), Vec::new(), ports.now);
                    out.push(child);
                    steps.push(Step::Enter(child, start));
                }
                // The last step on the stack is done next.
                let first = steps.len() - out.len();
                steps[first..].reverse();
                self.wait_for(id, Waits::Children { out, items: 0, failures: 0 });
            }
            Kind::Map(each) => {
                let at_once = each.items.min(each.at_once);
                let (items, start) = (each.items - at_once, each.start);
                if at_once == 0 {
                    steps.push(Step::Succeed(id));
                    return;
                }
                let out: Vec<u64> =
                    (0..at_once).map(|_| self.spawn(execution, Some(id), Vec::new(), ports.now)).collect();
                steps.extend(out.iter().rev().map(|child| Step::Enter(*child, start)));
                self.wait_for(id, Waits::Children { out, items, failures: 0 });
            }
            Kind::Choice(ways) => {
                let mut left = self.stream.random::<f64>() * ways.iter().map(|(share, _)| share).sum::<f64>();
                let taken = ways.iter().find(|(share, _)| {
                    left -= share;
                    left < 0.0
                });
                let Some((_, next)) = taken.or_else(|| ways.iter().rfind(|(share, _)| *share > 0.0)) else { return };
                steps.push(Step::Enter(id, *next));
            }
            Kind::Pass | Kind::Succeed => steps.push(Step::Succeed(id)),
            Kind::Fail => steps.push(Step::Fail(id, Cause::Error)),
        }
    }

    fn wait_for(&mut self, id: u64, waits: Waits) {
        if let Some(frame) = self.frames.get_mut(&id) {
            frame.waits = waits;
        }
    }

    /// A state has done its work.
    fn succeed(&mut self, id: u64, steps: &mut Vec<Step>, ports: &mut Ports<'_>) {
        let Some(frame) = self.frames.get_mut(&id) else { return };
        let state = &self.machine.states[frame.state];
        // The part of this time spent in its branches is already on the path.
        let until = if state.has_children() { frame.began } else { ports.now };
        spent(&mut frame.way, frame.state, until.since(frame.entered));
        frame.waits = Waits::Nothing;
        match state.next {
            Some(next) => steps.push(Step::Enter(id, next)),
            None => self.leave(id, steps, ports),
        }
    }

    /// A sequence, a branch or an item has ended.
    fn leave(&mut self, id: u64, steps: &mut Vec<Step>, ports: &mut Ports<'_>) {
        let Some(frame) = self.frames.remove(&id) else { return };
        match frame.parent {
            Some(parent) => self.child_ended(parent, id, frame.way, steps, ports.now),
            None => {
                if self.executions.get(&frame.execution).is_some_and(|execution| execution.is_measured) {
                    for (state, ns) in frame.way {
                        self.critical[state] += u128::from(ns);
                    }
                }
                self.end(frame.execution, Outcome::Completed, ports);
            }
        }
    }

    /// A branch or an item has ended, successfully or with a failure that is tolerated.
    fn child_ended(&mut self, id: u64, child: u64, way: Vec<(usize, u64)>, steps: &mut Vec<Step>, now: SimTime) {
        let Some(frame) = self.frames.get_mut(&id) else { return };
        let execution = frame.execution;
        let Waits::Children { out, items, .. } = &mut frame.waits else { return };
        let place = out.iter().position(|known| *known == child);
        if let (true, Kind::Map(each)) = (*items > 0, &self.machine.states[frame.state].kind) {
            // The next item waited for this one, so its path goes through it.
            *items -= 1;
            let start = each.start;
            let next = self.spawn(execution, Some(id), way, now);
            if let (Some(Frame { waits: Waits::Children { out, .. }, .. }), Some(place)) =
                (self.frames.get_mut(&id), place)
            {
                out[place] = next;
            }
            steps.push(Step::Enter(next, start));
            return;
        }
        if let Some(place) = place {
            out.swap_remove(place);
        }
        if out.is_empty() {
            // That was the last one.
            for (state, ns) in way {
                spent(&mut frame.way, state, Span::from_nanos(ns));
            }
            steps.push(Step::Succeed(id));
        }
    }

    /// A state has failed: it is retried, continues with another state, or fails its branch.
    fn fail(&mut self, id: u64, cause: Cause, steps: &mut Vec<Step>, ports: &mut Ports<'_>) {
        let Some(frame) = self.frames.get_mut(&id) else { return };
        frame.waits = Waits::Nothing;
        let state = &self.machine.states[frame.state];
        let fits = |(retry, used): &(&Retry, &mut u32)| retry.on.has(cause) && **used < retry.most;
        // The first retrier that matches the cause decides, even when it is used up.
        let entry = state.retries.iter().zip(&mut frame.retries).find(|(retry, _)| retry.on.has(cause)).filter(fits);
        if let Some((retry, used)) = entry {
            let until = ports.now + delay(retry, *used, &mut self.stream);
            *used += 1;
            frame.waits = Waits::Time(until);
            self.timers.set(until, Timer::GoesOn(id));
            self.transition(id, 0, ports);
            return;
        }
        if let Some(catch) = state.catches.iter().find(|catch| catch.on.has(cause)) {
            spent(&mut frame.way, frame.state, ports.now.since(frame.entered));
            steps.push(Step::Enter(id, catch.next));
            return;
        }
        let (execution, parent) = (frame.execution, frame.parent);
        let Some(parent) = parent else {
            let outcome = if cause == Cause::Timeout { Outcome::TimedOut } else { Outcome::Failed };
            self.end(execution, outcome, ports);
            return;
        };
        spent(&mut frame.way, frame.state, ports.now.since(frame.entered));
        let way = self.frames.remove(&id).map(|frame| frame.way).unwrap_or_default();
        let Some(above) = self.frames.get_mut(&parent) else { return };
        if let (Waits::Children { failures, .. }, Kind::Map(each)) =
            (&mut above.waits, &self.machine.states[above.state].kind)
            && *failures < each.tolerated
        {
            *failures += 1;
            self.child_ended(parent, id, way, steps, ports.now);
            return;
        }
        self.stop_children(parent, ports);
        steps.push(Step::Fail(parent, cause));
    }

    /// Ends the branches or items of a frame.
    fn stop_children(&mut self, id: u64, ports: &mut Ports<'_>) {
        let mut open = Vec::new();
        if let Some(Frame { waits: Waits::Children { out, .. }, .. }) = self.frames.get_mut(&id) {
            open.append(out);
        }
        while let Some(id) = open.pop() {
            self.stop(id, &mut open, ports);
        }
    }

    /// Ends a frame; `open`: the stack of its branches or items.
    fn stop(&mut self, id: u64, open: &mut Vec<u64>, ports: &mut Ports<'_>) {
        match self.frames.remove(&id).map(|frame| frame.waits) {
            // The function keeps running and is billed.
            Some(Waits::Call(until)) => {
                self.timers.cancel(until, Timer::TimesOut(id));
                ports.abandon(Token(id), Abandon::GoesOn);
            }
            Some(Waits::Turn(turn)) => self.timers.cancel(turn, Timer::Begins(id)),
            Some(Waits::Time(until)) => self.timers.cancel(until, Timer::GoesOn(id)),
            Some(Waits::Children { out, .. }) => open.extend(out),
            Some(Waits::Nothing) | None => {}
        }
    }

    /// An execution has ended.
    fn end(&mut self, id: u64, outcome: Outcome, ports: &mut Ports<'_>) {
        let Some(execution) = self.executions.remove(&id) else { return };
        let Execution { call, started, root, is_measured, .. } = execution;
        self.timers.cancel(started + self.settings.timeout, Timer::Ends(id));
        let mut open = vec![root];
        while let Some(frame) = open.pop() {
            self.stop(frame, &mut open, ports);
        }
        if is_measured {
            let took = ports.now.since(started);
            self.tally.tenths += took.as_nanos().div_ceil(100_000_000);
            if outcome.is_success() {
                self.tally.succeeded += 1;
                self.tally.latency.record(took);
            } else {
                self.tally.failed += 1;
            }
        }
        if let Some(call) = call {
            ports.answer(call, outcome);
        }
    }

    fn update_gauges(&mut self, ports: &mut Ports<'_>) {
        self.tally.in_progress.set(self.executions.len() as u64, ports.now);
        self.timers.arm(ports);
    }
}

impl AtWork {
    /// Cost so far.
    fn cost_usd(&self) -> f64 {
        let Tally { started, transitions, tenths, .. } = self.tally;
        let Settings { per_million_usd, executions_per_million_usd, per_second_usd, per_checkpoint_usd, .. } =
            &self.settings;
        let counted = transitions as f64 * per_million_usd + started as f64 * executions_per_million_usd;
        counted / 1e6 + tenths as f64 / 10.0 * per_second_usd + transitions as f64 * per_checkpoint_usd
    }
}

impl machine::State {
    /// Whether other frames work for it.
    const fn has_children(&self) -> bool {
        match &self.kind {
            Kind::Parallel(_) => true,
            Kind::Map(each) => each.items > 0,
            _ => false,
        }
    }
}

/// Adds time of a state to the path.
fn spent(way: &mut Vec<(usize, u64)>, state: usize, time: Span) {
    match way.iter_mut().find(|(known, _)| *known == state) {
        Some((_, ns)) => *ns = ns.saturating_add(time.as_nanos()),
        None => way.push((state, time.as_nanos())),
    }
}

/// Delay before a state is retried, after this many retries by this retrier.
fn delay(retry: &Retry, used: u32, stream: &mut Stream) -> Span {
    let grown = retry.interval.as_nanos() as f64 * retry.rate.powi(used.min(1_000) as i32);
    let delay = Span::from_nanos_f64_saturating(grown.round()).min(retry.max_delay.unwrap_or(Span::FOREVER));
    if retry.jitter { Span::from_nanos(stream.random_range(0..=delay.as_nanos())) } else { delay }
}

impl Component for AtWork {
    fn measured(&mut self, measured: Measured) {
        self.tally.in_progress.measured(measured);
    }

    fn arrived(&mut self, call: CallId, parcel: Parcel, ports: &mut Ports<'_>) {
        if self.is_out || self.errors > 0.0 && self.stream.random_bool(self.errors) {
            ports.answer(call, Outcome::Failed);
            return;
        }
        if let Some(pace) = &mut self.starts {
            if pace.next(ports.now) > ports.now {
                self.tally.throttled += u64::from(ports.is_measured);
                ports.answer(call, Outcome::Rejected);
                return;
            }
            pace.take(ports.now);
        }
        let waits = self.settings.answer == Answer::End;
        if !waits {
            ports.answer(call, Outcome::Completed);
        }
        self.start(waits.then_some(call), parcel, ports);
        self.update_gauges(ports);
    }

    fn woken(&mut self, token: Token, ports: &mut Ports<'_>) {
        self.timers.rang(token, ports.now);
        while let Some(timer) = self.timers.due(ports.now) {
            match timer {
                Timer::Begins(id) => self.work(Step::Begin(id), ports),
                Timer::GoesOn(id) => {
                    let is_wait = |frame: &Frame| matches!(self.machine.states[frame.state].kind, Kind::Wait(_));
                    let is_wait = self.frames.get(&id).is_some_and(is_wait);
                    self.work(if is_wait { Step::Succeed(id) } else { Step::Run(id) }, ports);
                }
                Timer::TimesOut(id) => {
                    ports.abandon(Token(id), Abandon::GoesOn);
                    self.work(Step::Fail(id, Cause::Timeout), ports);
                }
                Timer::Ends(id) => self.end(id, Outcome::TimedOut, ports),
            }
        }
        self.update_gauges(ports);
    }

    fn answered(&mut self, token: Token, outcome: Outcome, ports: &mut Ports<'_>) {
        let id = token.0;
        let Some(Frame { waits: Waits::Call(until), .. }) = self.frames.get(&id) else { return };
        self.timers.cancel(*until, Timer::TimesOut(id));
        let step = match outcome {
            Outcome::Completed => Step::Succeed(id),
            Outcome::Rejected | Outcome::BreakerOpen | Outcome::QueueTimedOut | Outcome::NoBudget => {
                Step::Fail(id, Cause::Throttled)
            }
            Outcome::TimedOut => Step::Fail(id, Cause::Timeout),
            Outcome::Failed | Outcome::Expired | Outcome::Unfinished | Outcome::TooLarge => {
                Step::Fail(id, Cause::Error)
            }
        };
        self.work(step, ports);
        self.update_gauges(ports);
    }

    fn disturbed(&mut self, disturbance: &Disturbance, _: &mut Ports<'_>) {
        match disturbance {
            Disturbance::Outage(is_out) => self.is_out = *is_out,
            Disturbance::Errors(ratio) => self.errors = *ratio,
            Disturbance::Delay(delay) => self.delay.clone_from(delay),
            _ => {}
        }
    }

    fn gauges(&self, _: SimTime) -> Gauges {
        Gauges { in_flight: self.executions.len() as u64, cost_usd: self.cost_usd(), ..Gauges::default() }
    }

    fn close(&mut self, end: SimTime, books: &mut Books) {
        let Tally { started, throttled, succeeded, failed, transitions, .. } = self.tally;
        books.count("executions.started", started);
        books.count("executions.throttled", throttled);
        books.count("executions.succeeded", succeeded);
        books.count("executions.failed", failed);
        let remaining = self.executions.values().filter(|execution| execution.is_measured).count();
        books.count("executions.remaining", remaining as u64);
        books.count("transitions", transitions);
        books.times("latency_s", &self.tally.latency);
        books.level("in_progress", &self.tally.in_progress, end);
        let total = self.critical.iter().sum::<u128>() as f64;
        for (key, ns) in keys(&self.machine).into_iter().zip(&self.critical) {
            books.figure(&format!("critical_path.{key}"), *ns as f64 / total);
        }
        books.figure("cost_usd", self.cost_usd());
    }
}

/// Names of the states in results: characters not allowed in a key become `-`, and names stay unique.
fn keys(machine: &Machine) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for state in &machine.states {
        let fits = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
        let plain: String = state.name.chars().map(fits).collect();
        let mut key = plain.clone();
        let mut number = 2;
        while keys.contains(&key) {
            key = format!("{plain}-{number}");
            number += 1;
        }
        keys.push(key);
    }
    keys
}
