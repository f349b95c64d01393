//! Watches a run period by period, as a monitoring service watches a real system.
//!
//! What is watched, and for how long each period is, is said by who wants to know; each has periods of its own, the first of which begins
//! where the measured part does. What happens at the very end of a period belongs to the next one.

mod interval;
mod meter;
mod nodes;

pub use interval::Interval;

use meter::Meter;

use crate::cluster::NodeLevels;
use crate::engine::{CallEnd, CallMade, Finished, Limit, Observer, Outcome, RequestEnd};
use crate::id::{ComponentId, GroupId, InstanceId, LocalFn, LocalSource};
use crate::metric::signal::Event;
use crate::path::{ComponentSpec, Gauges};
use crate::scenario::{CallerId, Destination, Scenario, Subject};
use crate::time::{SimTime, Span};

/// Is told of every period that is over.
pub trait Periods {
    /// Period number `period`, from 0, of what is watched at place `watch` ended now.
    fn ended(&mut self, watch: usize, period: u64, end: SimTime, interval: &Interval);
}

/// One subject that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// What is watched.
    pub subject: Subject,
    /// How long a period is.
    pub period: Span,
}

#[derive(Debug)]
struct Watched {
    period: Span,
    number: u64,
    end: SimTime,
    interval: Interval,
    /// The node group that it is, if it is one. What nodes have is told when it changes, with what held until then: a period of theirs
    /// ends when that is known.
    nodes: Option<GroupId>,
}

impl Watched {
    /// The period is over, and another one begins.
    fn close(&mut self, place: usize, to: &mut impl Periods) {
        self.interval.close(self.end);
        to.ended(place, self.number, self.end, &self.interval);
        self.interval.clear();
        (self.number, self.end) = (self.number + 1, self.end + self.period);
    }
}

/// The earliest end of a period that time alone ends.
fn next_end(watched: &[Watched]) -> SimTime {
    watched.iter().filter(|one| one.nodes.is_none()).map(|one| one.end).min().unwrap_or(SimTime::NEVER)
}

/// What a call means at who makes it, where that is a queue or the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Somebody who asks is asked for.
    Passes,
    /// Messages are handed over.
    Delivers,
    /// Messages are given up.
    GivesUp,
}

/// The observer that watches.
#[derive(Debug)]
pub struct Monitor<P> {
    watched: Vec<Watched>,
    /// The earliest end of a period.
    next: SimTime,
    until: SimTime,
    /// Places in `watched`.
    total: Vec<usize>,
    functions: Vec<Vec<usize>>,
    sources: Vec<Vec<usize>>,
    components: Vec<Vec<usize>>,
    /// Who calls whom, with what that means.
    edges: Vec<(CallerId, Destination, Role)>,
    /// Where all requests are watched, and charged for.
    meter: Option<Meter>,
    /// What each component has cost.
    costs_usd: Vec<f64>,
    /// How often components are looked at.
    every: Option<Span>,
    from: SimTime,
    to: P,
}

impl<P: Periods> Monitor<P> {
    /// Watches these subjects of a scenario, all functions of which are simulated together.
    pub fn new(scenario: &Scenario, watches: &[Watch], to: P) -> Self {
        let from = SimTime::from(scenario.simulation.warm_up);
        let until = SimTime::from(scenario.simulation.horizon);
        let mut total = Vec::new();
        let mut functions = vec![Vec::new(); scenario.functions.len()];
        let mut sources = vec![Vec::new(); scenario.sources.len()];
        let mut components = vec![Vec::new(); scenario.components.len()];
        let watched: Vec<Watched> = watches
            .iter()
            .enumerate()
            .map(|(place, watch)| {
                let mut nodes = None;
                match watch.subject {
                    Subject::Total => total.push(place),
                    Subject::Function(id) => functions[id.index()].push(place),
                    Subject::Source(id) => sources[id.index()].push(place),
                    Subject::Component(id) => components[id.index()].push(place),
                    Subject::NodeGroup(id) => nodes = Some(id),
                }
                let Watch { period, .. } = *watch;
                Watched { period, number: 0, end: from + period, interval: Interval::new(from), nodes }
            })
            .collect();
        let meter = if total.is_empty() { None } else { Meter::of(scenario) };
        let has_meter = meter.is_some();
        let needs_components = |watch: &&Watch| match watch.subject {
            Subject::Component(_) => true,
            Subject::Total => has_meter,
            Subject::Function(_) | Subject::Source(_) | Subject::NodeGroup(_) => false,
        };
        let of_components = watches.iter().filter(needs_components);
        let every = of_components.map(|watch| watch.period.as_nanos()).reduce(common).map(Span::from_nanos);
        let calls = scenario.calls();
        let role = |place: usize| {
            let edge = calls.edges[place];
            let CallerId::Component(id) = edge.from else { return Role::Passes };
            let number = place as u32 - calls.of_components[id.index()];
            role(&scenario.components[id.index()].spec, number)
        };
        let edges = calls.edges.iter().enumerate().map(|(place, edge)| (edge.from, edge.to, role(place)));
        let next = next_end(&watched);
        Self {
            edges: edges.collect(),
            watched,
            next,
            until,
            total,
            functions,
            sources,
            components,
            every,
            meter,
            costs_usd: vec![0.0; scenario.components.len()],
            from,
            to,
        }
    }

    /// What was told of the periods. Those that the run did not reach end now.
    pub fn finish(mut self) -> P {
        self.advance(self.until);
        self.to
    }

    /// Periods that are over by now end.
    #[inline]
    fn advance(&mut self, now: SimTime) {
        if now >= self.next {
            self.close_until(now);
        }
    }

    fn close_until(&mut self, now: SimTime) {
        while self.next <= now.min(self.until) {
            let end = self.next;
            self.charge(end);
            for (place, one) in self.watched.iter_mut().enumerate() {
                if one.nodes.is_none() && one.end == end {
                    one.close(place, &mut self.to);
                }
            }
            self.next = next_end(&self.watched);
        }
        if self.next > self.until {
            self.next = SimTime::NEVER;
        }
    }

    /// What everything has cost until the end of a period.
    fn charge(&mut self, end: SimTime) {
        let Some(meter) = &self.meter else { return };
        let is_over = |place: &usize| self.watched[*place].end == end;
        if self.total.iter().any(is_over) {
            let cost_usd = meter.cost_usd() + self.costs_usd.iter().sum::<f64>();
            self.each(&Places::Total, |interval| interval.cost_usd = Some(cost_usd));
        }
    }

    /// Whether something that happens now is watched.
    fn is_watched(&self, now: SimTime) -> bool {
        now >= self.from && now < self.until
    }

    fn each(&mut self, places: &Places, mut change: impl FnMut(&mut Interval)) {
        let list = match places {
            Places::Total => &self.total,
            Places::Function(function) => &self.functions[*function],
            Places::Source(source) => &self.sources[*source],
            Places::Component(component) => &self.components[*component],
        };
        for place in list {
            change(&mut self.watched[*place].interval);
        }
    }

    fn count(&mut self, places: &Places, event: Event, number: u64, now: SimTime) {
        if self.is_watched(now) {
            self.each(places, |interval| interval.count(event, number));
        }
    }

    /// Something changed at a function, and so in the total.
    fn level(&mut self, function: LocalFn, mut change: impl FnMut(&mut Interval)) {
        self.each(&Places::Function(function.index()), &mut change);
        self.each(&Places::Total, change);
    }

    fn ended(&mut self, places: &Places, outcome: Outcome, latency: Span, now: SimTime) {
        let Some(event) = event_of(outcome) else { return };
        if self.is_watched(now) {
            self.each(places, |interval| {
                interval.count(event, 1);
                if event == Event::Succeeded {
                    interval.latency.record(latency);
                }
            });
        }
    }
}

/// Whose periods something belongs to.
enum Places {
    Total,
    Function(usize),
    Source(usize),
    Component(usize),
}

/// What an end is counted as; none of what has not ended.
const fn event_of(outcome: Outcome) -> Option<Event> {
    match outcome {
        Outcome::Completed => Some(Event::Succeeded),
        Outcome::Rejected | Outcome::BreakerOpen => Some(Event::Throttled),
        Outcome::QueueTimedOut | Outcome::TimedOut | Outcome::Expired => Some(Event::TimedOut),
        Outcome::Failed | Outcome::NoBudget => Some(Event::Failed),
        Outcome::TooLarge => Some(Event::TooLarge),
        Outcome::Unfinished => None,
    }
}

/// What the calls of a component to its target of this number are.
fn role(spec: &ComponentSpec, number: u32) -> Role {
    let is_first = number == 0;
    match spec {
        ComponentSpec::Queue(queue) if queue.target.is_none() => Role::GivesUp,
        ComponentSpec::Queue(_) | ComponentSpec::Async(_) | ComponentSpec::Stream(_) if !is_first => Role::GivesUp,
        ComponentSpec::Queue(_) | ComponentSpec::Async(_) | ComponentSpec::Stream(_) | ComponentSpec::Topic(_) => {
            Role::Delivers
        }
        _ => Role::Passes,
    }
}

/// The longest time of which both are multiples.
const fn common(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl<P: Periods> Observer for Monitor<P> {
    fn needs_order(&self) -> bool {
        true
    }

    fn gauges_every(&self) -> Option<(SimTime, Span)> {
        self.every.map(|every| (self.from + every, every))
    }

    fn gauged(&mut self, now: SimTime, component: ComponentId, gauges: &Gauges) {
        // Told before all else that happens now: the period is not over yet.
        self.advance(SimTime::from_nanos(now.as_nanos().saturating_sub(1)));
        self.costs_usd[component.index()] = gauges.cost_usd;
        self.each(&Places::Component(component.index()), |interval| interval.gauges = *gauges);
    }

    fn requested(&mut self, now: SimTime, source: LocalSource) {
        self.advance(now);
        self.count(&Places::Total, Event::Arrived, 1, now);
        self.count(&Places::Source(source.index()), Event::Arrived, 1, now);
    }

    fn request_ended(&mut self, end: &RequestEnd) {
        self.advance(end.ended);
        let latency = end.ended.since(end.born);
        self.ended(&Places::Total, end.outcome, latency, end.ended);
        self.ended(&Places::Source(end.source.index()), end.outcome, latency, end.ended);
    }

    fn arrived(&mut self, now: SimTime, function: LocalFn) {
        self.advance(now);
        self.count(&Places::Function(function.index()), Event::Arrived, 1, now);
        self.level(function, |interval| interval.queue.add(1, now));
    }

    fn throttled(&mut self, now: SimTime, function: LocalFn, _: Limit) {
        self.advance(now);
        self.count(&Places::Function(function.index()), Event::LimitHit, 1, now);
        self.count(&Places::Total, Event::LimitHit, 1, now);
    }

    fn assigned(&mut self, now: SimTime, function: LocalFn, cold: bool, _: bool) {
        self.advance(now);
        for places in [Places::Function(function.index()), Places::Total] {
            self.count(&places, Event::Started, 1, now);
            self.count(&places, Event::Cold, u64::from(cold), now);
        }
        self.level(function, |interval| {
            interval.queue.add(-1, now);
            interval.concurrency.add(1, now);
        });
    }

    fn finished(&mut self, request: &Finished) {
        let now = request.ended;
        self.advance(now);
        let place = Places::Function(request.function.index());
        self.ended(&place, request.outcome, now.since(request.born), now);
        if request.outcome == Outcome::Completed && self.is_watched(now) {
            self.each(&place, |interval| interval.execution.record(now.since(request.started)));
        }
        let counts = request.born >= self.from;
        if let Some(meter) = &mut self.meter {
            meter.finished(request, counts);
        }
        let had_instance = request.instance.is_some();
        self.level(request.function, |interval| {
            if had_instance { interval.concurrency.add(-1, now) } else { interval.queue.add(-1, now) }
        });
    }

    fn instance_created(
        &mut self,
        now: SimTime,
        function: LocalFn,
        instance: InstanceId,
        _: SimTime,
        billed: Span,
        _: bool,
    ) {
        self.advance(now);
        if let Some(meter) = &mut self.meter {
            meter.created(function, instance, billed);
        }
        self.level(function, |interval| interval.instances.add(1, now));
    }

    fn instance_found(&mut self, function: LocalFn, _: InstanceId, is_busy: bool) {
        self.level(function, |interval| {
            interval.instances.add(1, SimTime::ZERO);
            if is_busy {
                interval.concurrency.add(1, SimTime::ZERO);
            }
        });
    }

    fn initial_ended(&mut self, now: SimTime, function: LocalFn, _: InstanceId) {
        self.advance(now);
        self.level(function, |interval| interval.concurrency.add(-1, now));
    }

    fn instance_removed(&mut self, now: SimTime, function: LocalFn, instance: InstanceId, _: SimTime) {
        self.advance(now);
        if let Some(meter) = &mut self.meter {
            meter.removed(function, instance);
        }
        self.level(function, |interval| interval.instances.add(-1, now));
    }

    fn node_levels(&mut self, now: SimTime, group: GroupId, held: &NodeLevels) {
        for (place, one) in self.watched.iter_mut().enumerate().filter(|(_, one)| one.nodes == Some(group)) {
            while one.end <= now.min(self.until) {
                one.interval.nodes.hold(held, one.end);
                one.close(place, &mut self.to);
            }
            one.interval.nodes.hold(held, now);
        }
    }

    fn called(&mut self, call: &CallMade) {
        let now = call.at;
        self.advance(now);
        let (from, to, role) = self.edges[call.edge as usize];
        if let Destination::Component(id) = to {
            self.count(&Places::Component(id.index()), Event::Arrived, u64::from(call.items), now);
        }
        if let (CallerId::Component(id), Some(event)) = (
            from,
            match role {
                Role::Passes => None,
                Role::Delivers => Some(Event::Delivered),
                Role::GivesUp => Some(Event::DeadLettered),
            },
        ) {
            self.count(&Places::Component(id.index()), event, u64::from(call.items), now);
        }
    }

    fn call_ended(&mut self, end: &CallEnd) {
        let Some(outcome) = end.outcome else { return };
        let now = end.at;
        self.advance(now);
        let (from, to, role) = self.edges[end.edge as usize];
        if let Destination::Component(id) = to
            && let Some(event) = event_of(outcome)
            && self.is_watched(now)
        {
            let (items, latency) = (u64::from(end.items), now.since(end.made));
            self.each(&Places::Component(id.index()), |interval| {
                interval.count(event, items);
                if event == Event::Succeeded {
                    interval.latency.record(latency);
                }
            });
        }
        if let (CallerId::Component(id), Role::Delivers, true) = (from, role, outcome.is_success()) {
            self.count(&Places::Component(id.index()), Event::Deleted, u64::from(end.items), now);
        }
    }
}
