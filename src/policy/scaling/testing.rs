//! Shared by the tests of the policies.

use std::collections::{BTreeSet, VecDeque};

use rand::RngExt as _;

use super::{InstanceView, Policy, Removal, Scaling, Totals, View};
use crate::id::InstanceId;
use crate::rng::{Purpose, Stream, Streams};
use crate::time::{SimTime, Span};

/// A time, in seconds.
pub(super) fn at(seconds: u64) -> SimTime {
    SimTime::from_nanos(seconds * 1_000_000_000)
}

/// An empty view at a time, on which tests set what matters.
pub(super) const fn view(now: SimTime) -> View<'static> {
    let totals = Totals { arrived: 0, ended: 0, in_progress_ns: 0, queued_ns: 0, ready_ns: 0, load_ns: 0 };
    View {
        now,
        limit: 1_000_000,
        ordered: 0,
        per_instance: 1,
        existing: 0,
        ready: 0,
        taken: 0,
        instances: &[],
        in_progress: 0,
        queued: 0,
        totals,
    }
}

/// Instances that have been ready since the start, with this many requests on each.
pub(super) fn ready(in_flight: &[u32]) -> Vec<InstanceView> {
    let instance = |(id, &in_flight): (usize, &u32)| InstanceView {
        id: InstanceId(id as u64),
        created: SimTime::ZERO,
        ready: Some(SimTime::ZERO),
        in_flight,
        last_used: SimTime::ZERO,
    };
    in_flight.iter().enumerate().map(instance).collect()
}

/// A policy with scripted answers: one per second, the last one repeated.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// What it answers.
    pub answers: Vec<f64>,
    /// How long after a question it is next asked.
    pub pause: Span,
    /// Which instances are removed first.
    pub removal: Removal,
    /// When it is next asked.
    pub next: SimTime,
}

impl Script {
    /// These answers, one second apart.
    pub(crate) fn of(answers: &[f64]) -> Self {
        let pause = Span::from_secs(1);
        Self { answers: answers.to_vec(), pause, removal: Removal::IdleFirst, next: SimTime::ZERO }
    }
}

impl Policy for Script {
    fn build(&self, _: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        Some(Box::new(self.clone()))
    }

    fn pause(&self) -> Option<Span> {
        Some(self.pause)
    }
}

impl Scaling for Script {
    fn next(&self) -> SimTime {
        self.next
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        self.next = view.now + self.pause;
        let answer = self.answers.first().copied();
        if self.answers.len() > 1 {
            self.answers.remove(0);
        }
        answer
    }

    fn removal(&self) -> Removal {
        self.removal
    }
}

/// A function of a policy: requests of 100 ms, one at a time on an instance, which starts in 300 ms.
struct World {
    now: SimTime,
    ordered: u32,
    instances: Vec<InstanceView>,
    created: u64,
    /// Requests that wait in front, and those on instances.
    queued: VecDeque<()>,
    in_progress: u32,
    totals: Totals,
    /// What it ordered, and when; how often it was asked.
    orders: Vec<(SimTime, u32)>,
    asked: u32,
}

const STARTS: Span = Span::from_millis(300);
const RUNS: Span = Span::from_millis(100);

impl World {
    fn hold(&mut self, until: SimTime) {
        let held = u128::from(until.since(self.now).as_nanos());
        let ready = self.instances.iter().filter(|instance| instance.ready.is_some()).count();
        self.totals.in_progress_ns += u128::from(self.in_progress) * held;
        self.totals.queued_ns += self.queued.len() as u128 * held;
        self.totals.ready_ns += ready as u128 * held;
        self.totals.load_ns += (self.queued.len() as u128 + u128::from(self.in_progress)) * held;
        self.now = until;
    }

    /// Requests that wait go to idle instances.
    fn serve(&mut self, policy: &mut impl Scaling, ends: &mut BTreeSet<(SimTime, u64)>) {
        let is_idle = |instance: &&mut InstanceView| instance.ready.is_some() && instance.in_flight == 0;
        while !self.queued.is_empty()
            && let Some(instance) = self.instances.iter_mut().find(is_idle)
        {
            self.queued.pop_front();
            instance.in_flight = 1;
            self.in_progress += 1;
            ends.insert((self.now + RUNS, instance.id.0));
            policy.placed(self.now, instance.id);
        }
    }

    fn ask(&mut self, policy: &mut impl Scaling) {
        let now = self.now;
        let ready = self.instances.iter().filter(|instance| instance.ready.is_some()).count() as u32;
        let looks = policy.looks_at_instances(now);
        let instances = if looks { self.instances.clone() } else { Vec::new() };
        let answer = policy.decide(&View {
            limit: 1000,
            ordered: self.ordered,
            existing: self.instances.len() as u32,
            ready,
            taken: self.instances.iter().map(|instance| instance.in_flight).sum(),
            instances: &instances,
            in_progress: self.in_progress,
            queued: self.queued.len() as u32,
            totals: self.totals,
            ..view(now)
        });
        self.asked += 1;
        assert!(policy.next() > now, "asks again at {now:?}");
        let before = self.ordered;
        self.ordered = answer.map_or(before, |answer| answer as u32);
        if self.ordered != before {
            self.orders.push((now, self.ordered));
        }
        while self.instances.len() > self.ordered as usize {
            let starting = self.instances.iter().rposition(|instance| instance.ready.is_none());
            let idle = self.instances.iter().enumerate().filter(|(_, instance)| instance.in_flight == 0);
            let place = match policy.removal() {
                Removal::LongestIdle => idle.min_by_key(|(_, instance)| instance.last_used).map(|(place, _)| place),
                Removal::IdleFirst => idle.map(|(place, _)| place).next_back(),
                Removal::Youngest => None,
            };
            let gone = self.instances.remove(starting.or(place).unwrap_or(self.instances.len() - 1));
            policy.withdrawn(now, gone.id);
        }
        while self.instances.len() < self.ordered as usize {
            let id = InstanceId(self.created);
            self.created += 1;
            self.instances.push(InstanceView { id, created: now, ready: None, in_flight: 0, last_used: now });
        }
    }
}

/// What a policy orders under these arrivals (ms), until `horizon` and for as long as something happens; and how often it is asked.
/// `wakes` is called after each question.
fn orders<P: Scaling>(
    mut policy: P,
    arrivals: &[u64],
    horizon: SimTime,
    wakes: impl Fn(&mut P, SimTime),
) -> (Vec<(SimTime, u32)>, u32) {
    let mut world = World {
        now: SimTime::ZERO,
        ordered: 0,
        instances: Vec::new(),
        created: 0,
        queued: VecDeque::new(),
        in_progress: 0,
        totals: Totals::default(),
        orders: Vec::new(),
        asked: 0,
    };
    let mut arrivals = arrivals.iter().map(|ms| SimTime::from_nanos(ms * 1_000_000)).peekable();
    let mut ends = BTreeSet::new();
    loop {
        let starts = |instance: &InstanceView| instance.ready.is_none().then_some(instance.created + STARTS);
        let start = world.instances.iter().filter_map(starts).min().unwrap_or(SimTime::NEVER);
        let end = ends.first().map_or(SimTime::NEVER, |(at, _)| *at);
        let arrival = arrivals.peek().copied().unwrap_or(SimTime::NEVER);
        // At one moment requests end, instances become ready, the policy is asked, and requests arrive, in this order.
        let now = end.min(start).min(policy.next()).min(arrival);
        if now >= horizon {
            return (world.orders, world.asked);
        }
        world.hold(now);
        if end == now {
            let (_, id) = ends.pop_first().expect("one ends");
            world.in_progress -= 1;
            if let Some(instance) = world.instances.iter_mut().find(|instance| instance.id.0 == id) {
                (instance.in_flight, instance.last_used) = (0, now);
            }
            policy.ended(now, InstanceId(id), false);
            world.serve(&mut policy, &mut ends);
        } else if start == now {
            let is_due = |instance: &&mut InstanceView| starts(instance) == Some(now);
            let instance = world.instances.iter_mut().find(is_due).expect("one starts");
            (instance.ready, instance.last_used) = (Some(now), now);
            policy.ready(now, instance.id);
            world.serve(&mut policy, &mut ends);
        } else if policy.next() == now {
            world.ask(&mut policy);
            wakes(&mut policy, now);
        } else {
            arrivals.next();
            policy.arrived(now);
            world.queued.push_back(());
            world.serve(&mut policy, &mut ends);
            if !world.queued.is_empty() {
                policy.queued(now);
            }
        }
    }
}

/// A policy that rests orders the same at the same moments as one that is woken after each question, under arrivals of all kinds.
/// The answer is how often the one and the other were asked.
pub(crate) fn rests_without_a_trace<P: Scaling>(new: impl Fn() -> P, wake: impl Fn(&mut P, SimTime)) -> [u32; 2] {
    let mut stream = Streams::new(7, 0).stream("resting", Purpose::Arrivals);
    let mut asked = [0, 0];
    let mut different = BTreeSet::new();
    for _ in 0..200 {
        let mut at = 0;
        let mut arrivals = Vec::new();
        for _ in 0..stream.random_range(1..60) {
            // Whole seconds now and then: a request at the moment of a question.
            let gap = [50, 700, 5_000, 31_000, 400_000][stream.random_range(0..5)];
            at += if stream.random_range(0..3) == 0 { gap / 1_000 * 1_000 } else { stream.random_range(0..gap) };
            let burst = if stream.random_range(0..8) == 0 { stream.random_range(1..60) } else { 1 };
            arrivals.extend((0..burst).map(|_| at));
        }
        let horizon = SimTime::from_nanos((at + 3_000_000) * 1_000_000);
        let (rested, often) = orders(new(), &arrivals, horizon, |_, _| ());
        let (restless, more) = orders(new(), &arrivals, horizon, &wake);
        assert_eq!(rested, restless, "{arrivals:?}");
        asked = [asked[0] + often, asked[1] + more];
        different.insert(rested.len());
    }
    assert!(different.len() > 1, "it decides something: {different:?}");
    asked
}
