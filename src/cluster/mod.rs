//! The machines under the functions: node groups, where pods are placed, node autoscalers, images, and what happens to nodes.
//!
//! A [`Cluster`] is a state machine. It is told of pods that come and go and of times that have come; it answers with [`Notice`]s. It
//! knows no functions, no events and no engine, so that tests go through it step by step.
//!
//! A pod waits for a node on which its requests fit, then for its image; then it begins to start.

pub mod autoscaler;
mod books;
mod cpu;
mod failures;
mod images;
mod node;
pub mod parameters;
mod placement;
mod pods;
mod resources;
mod schedule;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

pub use books::NodeLevels;
pub use cpu::{Ask, CORE, UNLIMITED};
pub use images::{Image, Layer};
pub use node::{NodeId, Nodes};
pub use parameters::{NodeGroupSpec, PlacementSpec, RegistrySpec};
pub use placement::PlacementRule;
pub use pods::{Owner, PodId};
pub use resources::{Resources, Shortage, thousandths};

use crate::dist::Dist;
use crate::rng::{Purpose, Stream, Streams};
use crate::stats::books::{Books, Measured};
use crate::time::{SimTime, Span};
use autoscaler::{AutoscalerSpec, Fleet, NodeAutoscaler};
use books::{GroupBooks, StartBooks};
use images::{ImageCache, Pulls};
use node::{Condition, Node};
use placement::Placement;
use pods::{Pending, Place, Pod, Pods};

/// For so long after the horizon nodes are added while pods wait.
const COOL_DOWN: Span = Span::from_secs(3600);

/// A node group, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeGroup {
    /// What the scenario says.
    pub spec: NodeGroupSpec,
    /// How long a node boots.
    pub boot: Dist,
}

/// What pods of one kind request: those of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// The name of the function.
    pub name: String,
    /// What each of them requests.
    pub demand: Resources,
    /// The groups on whose nodes they may be.
    pub groups: Vec<usize>,
    /// The image that they need.
    pub image: Option<Image>,
    /// Whether they share the processors of their node with the others that do.
    pub shares_cpu: bool,
}

impl Class {
    /// Whether one of them fits on a node now.
    fn fits(&self, node: &Node) -> bool {
        node.condition == Condition::Ready && self.demand.fits_in(&node.free) && self.groups.contains(&node.group)
    }
}

/// All that a cluster is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its node groups.
    pub groups: Vec<NodeGroup>,
    /// What its pods request.
    pub classes: Vec<Class>,
    /// How pods are placed.
    pub placement: PlacementSpec,
    /// Where images come from.
    pub registry: RegistrySpec,
    /// What is measured.
    pub measured: Measured,
}

/// What happens to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It has its node and its image: it begins to start, which takes so long.
    Begins(Owner, Span),
    /// Its node goes: it takes no further request, and goes when it has finished.
    Drains(Owner),
    /// Its node has failed, and nobody knows.
    Fails(Owner),
    /// It is found out that its node does not answer.
    Unreachable(Owner),
    /// Its node is gone or given up, and the pod with it.
    Lost(Owner),
}

/// What happens to nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Failure {
    /// From now on each of them fails for good at this rate, per second; 0: none any more.
    Crashes(f64),
    /// All of them fail, and none becomes ready until it is over.
    Outage(bool),
}

/// A node group at work.
#[derive(Debug)]
struct GroupState {
    spec: NodeGroupSpec,
    boot: Dist,
    /// Groups in one zone have one number.
    zone: Option<usize>,
    /// Its nodes, and those of them that are going.
    nodes: u32,
    leaving: u32,
    /// How often its nodes crash, each, per second.
    crash_rate: f64,
    /// Outages that last, and the nodes that have booted meanwhile, with their serial numbers.
    outages: u32,
    stalled: Vec<(NodeId, u64)>,
    /// The smallest requests of pods that may be on its nodes.
    smallest: Vec<Resources>,
    /// What observers know that there is.
    told: NodeLevels,
    /// Pods on its nodes, by class.
    pods_of_class: Vec<u64>,
    books: GroupBooks,
    stream: Stream,
}

/// Something that is due at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// A node has booted.
    Ready,
    /// A node crashes, if it still does then.
    Crash,
    /// It is found out that a node has failed.
    Unreachable,
    /// The pods of a node that goes have no more time.
    Grace,
    /// The cloud says that it will take a node back.
    Notice,
    /// It does.
    Reclaim,
}

/// The machines at work.
#[derive(Debug)]
pub struct Cluster {
    groups: Vec<GroupState>,
    classes: Vec<Class>,
    /// How long pods waited, by class.
    starts: Vec<StartBooks>,
    nodes: Nodes,
    pods: Pods,
    pending: Pending,
    /// Nodes with room that pods which wait have not been tried on.
    fresh: Vec<NodeId>,
    placement: Box<dyn Placement>,
    autoscalers: Vec<Box<dyn NodeAutoscaler>>,
    pulls: Pulls,
    /// How many nodes have an image, by its number.
    nodes_with_image: Vec<u32>,
    timers: BinaryHeap<Reverse<(SimTime, Timer, NodeId, u64)>>,
    notices: VecDeque<(PodId, Notice)>,
    measured: Measured,
    /// How long it takes to find out that a node has failed, and then to give up its pods.
    detection: [Span; 2],
    /// Whether autoscalers have not been told of what has happened.
    is_stale: bool,
}

impl Cluster {
    /// A cluster with the nodes that are there when the run begins.
    #[must_use]
    pub fn new(setup: &Setup, streams: &Streams) -> Self {
        let mut zones: Vec<&str> = Vec::new();
        let has_images = setup.classes.iter().any(|class| class.image.is_some());
        let shares_cpu = setup.classes.iter().any(|class| class.shares_cpu);
        let smallest = |group: usize| {
            let on_it = setup.classes.iter().filter(|class| class.groups.contains(&group));
            resources::smallest(on_it.map(|class| class.demand))
        };
        let groups = setup.groups.iter().enumerate().map(|(place, NodeGroup { spec, boot })| GroupState {
            smallest: smallest(place),
            told: NodeLevels::default(),
            spec: spec.clone(),
            boot: boot.clone(),
            zone: spec.zone.as_deref().map(|zone| {
                zones.iter().position(|known| *known == zone).unwrap_or_else(|| {
                    zones.push(zone);
                    zones.len() - 1
                })
            }),
            nodes: 0,
            leaving: 0,
            crash_rate: 0.0,
            outages: 0,
            stalled: Vec::new(),
            pods_of_class: vec![0; setup.classes.len()],
            books: GroupBooks::new(setup.measured, has_images, shares_cpu),
            stream: streams.stream(&spec.name, Purpose::Nodes),
        });
        let groups: Vec<GroupState> = groups.collect();
        let images = setup.classes.iter().filter_map(|class| Some(class.image.as_ref()?.id + 1)).max().unwrap_or(0);
        let mut cluster = Self {
            groups,
            classes: setup.classes.clone(),
            starts: setup.classes.iter().map(|_| StartBooks::default()).collect(),
            nodes: Nodes::default(),
            pods: Pods::default(),
            pending: Pending::new(setup.classes.len()),
            fresh: Vec::new(),
            placement: PlacementRule::build(&setup.placement, streams.stream("platform.placement", Purpose::Nodes)),
            autoscalers: autoscalers(setup, streams),
            pulls: Pulls::new(setup.registry.clone()),
            nodes_with_image: vec![0; images],
            timers: BinaryHeap::new(),
            notices: VecDeque::new(),
            measured: setup.measured,
            detection: [setup.placement.node_monitor_grace_period, setup.placement.unreachable_toleration],
            is_stale: true,
        };
        for group in 0..cluster.groups.len() {
            for _ in 0..cluster.groups[group].spec.fewest() {
                let id = cluster.add_node(group, SimTime::ZERO);
                cluster.make_ready(id, SimTime::ZERO);
            }
        }
        cluster.fresh.clear();
        cluster
    }

    /// A pod is made; says whether it begins to start at once. If not there will be a [`Notice::Begins`].
    pub fn add(&mut self, class: usize, owner: Owner, start_up: Span, now: SimTime) -> (PodId, bool) {
        // Who has waited longer comes first.
        self.place_pending(now);
        let turn = self.pending.next_turn();
        let pod = Pod { owner, class, start_up, created: now, placed: now, place: Place::Pending(turn) };
        let id = self.pods.add(pod);
        let home = self.home(class);
        self.groups[home].books.count(now, |counts| counts.created += 1);
        // Where one of a class waits none of it fits.
        if self.pending.count(class) == 0 && self.place(id, None, now) {
            return (id, matches!(self.pods.get(id).map(|pod| pod.place), Some(Place::On(_))));
        }
        self.pending.push(class, turn, id);
        let short_of = self.short_of(class);
        let books = &mut self.groups[home].books;
        books.pending(true, now);
        books.count(now, |counts| counts.short_of[short_of] += 1);
        self.autoscalers.iter_mut().for_each(|autoscaler| autoscaler.unschedulable(now));
        self.is_stale = true;
        (id, false)
    }

    /// A pod that is there when the run begins, with its image; none if it fits on no node.
    pub fn add_present(&mut self, class: usize, owner: Owner) -> Option<PodId> {
        let now = SimTime::ZERO;
        if !self.has_place(class) {
            return None;
        }
        let node = self.choose(class, None)?;
        let pod = Pod { owner, class, start_up: Span::ZERO, created: now, placed: now, place: Place::Pending(0) };
        let id = self.pods.add(pod);
        let home = self.home(class);
        self.groups[home].books.count(now, |counts| counts.created += 1);
        if let Some(image) = self.classes[class].image.clone() {
            self.keep_image(node, image, now);
        }
        self.put(id, node, now);
        Some(id)
    }

    /// Whether a pod that is there when the run begins has a place.
    pub fn has_place(&mut self, class: usize) -> bool {
        self.choose(class, None).is_some() || self.open_node_for(class)
    }

    /// The run begins: a node for pods that are there then, where an autoscaler may add one.
    fn open_node_for(&mut self, class: usize) -> bool {
        let fits = |group: &usize| {
            let state = &self.groups[*group];
            state.nodes < state.spec.most() && self.classes[class].demand.fits_in(&state.spec.allocatable())
        };
        let Some(group) = self.classes[class].groups.iter().copied().find(fits) else { return false };
        let id = self.add_node(group, SimTime::ZERO);
        self.make_ready(id, SimTime::ZERO);
        self.fresh.clear();
        true
    }

    /// Whether a pod waits for a node.
    #[must_use]
    pub fn is_pending(&self, id: PodId) -> bool {
        self.pods.get(id).is_some_and(|pod| matches!(pod.place, Place::Pending(_)))
    }

    /// A pod goes, wherever it is.
    pub fn remove(&mut self, id: PodId, now: SimTime) {
        let Some(pod) = self.pods.remove(id) else { return };
        self.is_stale = true;
        match pod.place {
            Place::Pending(_) => {
                let home = self.home(pod.class);
                self.pending.left(pod.class);
                self.groups[home].books.pending(false, now);
                self.groups[home].books.count(now, |counts| counts.withdrawn += 1);
            }
            Place::Pulling(node) | Place::On(node) => self.release(id, &pod, node, now),
        }
    }

    /// When it wants to be woken.
    #[must_use]
    pub fn next(&self) -> SimTime {
        let timer = self.timers.peek().map_or(SimTime::NEVER, |Reverse((at, ..))| *at);
        let asked = self.autoscalers.iter().map(|autoscaler| autoscaler.next()).min().unwrap_or(SimTime::NEVER);
        let asked = if asked < self.measured.until + COOL_DOWN { asked } else { SimTime::NEVER };
        timer.min(self.pulls.next()).min(asked)
    }

    /// The time has come.
    pub fn wake(&mut self, now: SimTime) {
        while let Some(Reverse((at, ..))) = self.timers.peek()
            && *at <= now
        {
            let Some(Reverse((_, timer, id, serial))) = self.timers.pop() else { break };
            if self.nodes.same(id, serial).is_some() {
                self.timer_due(timer, id, now);
            }
        }
        if self.pulls.next() <= now {
            for pulled in self.pulls.due(now) {
                self.keep_image(pulled.node, pulled.image, now);
                pulled.waiting.into_iter().for_each(|pod| self.has_image(pod, pulled.node, now));
            }
        }
        self.place_pending(now);
        self.ask_autoscalers(now);
    }

    /// Pods that wait get what has become free, and autoscalers are told of what has happened.
    pub fn apply_changes(&mut self, now: SimTime) {
        self.place_pending(now);
        if self.is_stale {
            self.is_stale = false;
            self.with_fleet(now, |autoscaler, fleet| autoscaler.changed(fleet));
        }
    }

    /// What has happened to a pod that is still there.
    pub fn take(&mut self) -> Option<Notice> {
        while let Some((pod, notice)) = self.notices.pop_front() {
            if self.pods.get(pod).is_some() {
                return Some(notice);
            }
        }
        None
    }

    /// The run is over: the books of each group.
    pub fn close(&mut self, end: SimTime) -> Vec<Books> {
        let close = |group: &mut GroupState| group.books.close(group.spec.per_hour_usd, end);
        self.groups.iter_mut().map(close).collect()
    }

    /// How long the pods of each class waited for a node and for their image.
    pub fn close_starts(&self) -> Vec<Books> {
        let all = self.starts.iter().zip(&self.classes);
        all.map(|(books, class)| books.close(class.image.is_some())).collect()
    }

    /// What a group had until now, if it has something else from now on.
    pub fn next_levels(&mut self, group: usize) -> Option<NodeLevels> {
        let state = self.groups.get_mut(group)?;
        let now = state.books.levels();
        let held = std::mem::replace(&mut state.told, now);
        (held != now).then_some(held)
    }

    /// What a group has.
    #[must_use]
    pub fn levels(&self, group: usize) -> NodeLevels {
        self.groups[group].books.levels()
    }

    /// The number of groups.
    #[must_use]
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// The group whose books a pod that waits is in: the first one on whose nodes it may be.
    fn home(&self, class: usize) -> usize {
        self.classes[class].groups.first().copied().unwrap_or(0)
    }

    fn timer_due(&mut self, timer: Timer, id: NodeId, now: SimTime) {
        match timer {
            Timer::Ready => self.make_ready(id, now),
            Timer::Crash => self.crash_due(id, now),
            Timer::Unreachable => self.find_failed(id, now),
            Timer::Grace | Timer::Reclaim => self.lose_node(id, now),
            Timer::Notice => {
                let notice = self.nodes.get(id).and_then(|node| self.groups[node.group].spec.spot.as_ref());
                let notice = notice.map_or(Span::ZERO, |spot| spot.notice);
                self.set_timer(now + notice, Timer::Reclaim, id);
                self.drain(id, Span::FOREVER, now);
            }
        }
    }

    fn set_timer(&mut self, at: SimTime, timer: Timer, id: NodeId) {
        if let Some(node) = self.nodes.get(id).filter(|_| at < SimTime::NEVER) {
            self.timers.push(Reverse((at, timer, id, node.serial)));
        }
    }

    /// Does something with every autoscaler, which sees the whole.
    fn with_fleet<T>(
        &mut self,
        now: SimTime,
        mut each: impl FnMut(&mut dyn NodeAutoscaler, &Fleet<'_>) -> T,
    ) -> Vec<T> {
        if self.autoscalers.is_empty() {
            return Vec::new();
        }
        let pending: Vec<u64> = (0..self.classes.len()).map(|class| self.pending.count(class)).collect();
        let fleet = Fleet {
            now,
            nodes: &self.nodes,
            groups: &self.groups,
            classes: &self.classes,
            pending: &pending,
            may_shrink: now < self.measured.until,
        };
        self.autoscalers.iter_mut().map(|autoscaler| each(autoscaler.as_mut(), &fleet)).collect()
    }

    fn ask_autoscalers(&mut self, now: SimTime) {
        let decide = |autoscaler: &mut dyn NodeAutoscaler, fleet: &Fleet<'_>| {
            if autoscaler.next() <= now { autoscaler.decide(fleet) } else { Vec::new() }
        };
        let decisions = self.with_fleet(now, decide);
        self.is_stale = true;
        for decision in decisions.into_iter().flatten() {
            match decision {
                autoscaler::Decision::Add(group) => self.boot_node(group, now),
                autoscaler::Decision::Remove(node, grace) => self.drain(node, grace, now),
            }
        }
    }
}

/// One autoscaler for all groups that name one of a kind.
fn autoscalers(setup: &Setup, streams: &Streams) -> Vec<Box<dyn NodeAutoscaler>> {
    let mut kinds: Vec<(&AutoscalerSpec, Vec<usize>)> = Vec::new();
    for (place, group) in setup.groups.iter().enumerate() {
        let spec = &group.spec.autoscaler;
        match kinds.iter_mut().find(|(known, _)| *known == spec) {
            Some((_, groups)) => groups.push(place),
            None => kinds.push((spec, vec![place])),
        }
    }
    let stream = |spec: &AutoscalerSpec| streams.stream(spec.name(), Purpose::Nodes);
    kinds.into_iter().filter_map(|(spec, groups)| spec.build(groups, stream(spec))).collect()
}
