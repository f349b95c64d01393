//! What is counted of a node group.

use super::resources::{Resources, Shortage};
use crate::stats::books::{Books, Measured, Times};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// A number that goes up and down.
#[derive(Clone, Copy, Debug, Default)]
struct Gauge {
    level: u64,
    peak: u64,
    integral: u128,
}

/// What a node group has at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeLevels {
    /// Nodes, those that boot included.
    pub nodes: u64,
    /// Pods that wait for a node.
    pub pending: u64,
    /// What pods request of the nodes.
    pub requested: Resources,
    /// What the nodes have for pods.
    pub allocatable: Resources,
}

/// How long pods of one class waited before they began to start.
#[derive(Debug, Default)]
pub(super) struct StartBooks {
    /// For their node.
    pub(super) node_s: Times,
    /// For their image there.
    pub(super) image_s: Times,
}

impl StartBooks {
    /// The figures at the end of the run.
    pub(super) fn close(&self, has_image: bool) -> Books {
        let mut books = Books::default();
        books.times("node_s", &self.node_s);
        if has_image {
            books.times("image_s", &self.image_s);
        }
        books
    }
}

/// The books of a node group.
#[derive(Debug)]
pub(super) struct GroupBooks {
    measured: Measured,
    last: SimTime,
    nodes: Gauge,
    pending: Gauge,
    /// Nodes whose pods ask for more CPU than there is, where pods share it.
    short_of_cpu: Gauge,
    shares_cpu: bool,
    requested: Resources,
    allocatable: Resources,
    /// What is free where no pod fits any more.
    stranded: Resources,
    requested_ns: [u128; 3],
    stranded_ns: [u128; 3],
    allocatable_ns: [u128; 3],
    pending_s: Times,
    image_s: Times,
    has_images: bool,
    pub(super) counts: Counts,
    /// What had happened, and how many pods were pending, when the measured part ended.
    at_end: Option<(Counts, u64)>,
}

/// What happened until the measured part ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Pods: those made, those that got a node, those that went while they waited, and those that nodes took with them.
    pub(super) created: u64,
    pub(super) placed: u64,
    pub(super) withdrawn: u64,
    pub(super) lost: u64,
    /// Nodes that came after the start, and those that went.
    pub(super) added: u64,
    pub(super) removed: u64,
    /// Pods that found no node, by the resource that most nodes had too little of; the last: there was no node.
    pub(super) short_of: [u64; Shortage::ALL.len() + 1],
}

impl GroupBooks {
    pub(super) fn new(measured: Measured, has_images: bool, shares_cpu: bool) -> Self {
        Self {
            measured,
            last: SimTime::ZERO,
            nodes: Gauge::default(),
            pending: Gauge::default(),
            short_of_cpu: Gauge::default(),
            shares_cpu,
            requested: Resources::default(),
            allocatable: Resources::default(),
            stranded: Resources::default(),
            requested_ns: [0; 3],
            stranded_ns: [0; 3],
            allocatable_ns: [0; 3],
            pending_s: Times::default(),
            image_s: Times::default(),
            has_images,
            counts: Counts::default(),
            at_end: None,
        }
    }

    /// What held until now is added up.
    fn advance(&mut self, now: SimTime) {
        if now >= self.measured.until && self.at_end.is_none() {
            self.at_end = Some((self.counts, self.pending.level));
        }
        let passed = self.measured.between(self.last, now);
        self.last = self.last.max(now);
        if passed > 0 {
            for gauge in [&mut self.nodes, &mut self.pending, &mut self.short_of_cpu] {
                gauge.integral += u128::from(gauge.level) * passed;
                gauge.peak = gauge.peak.max(gauge.level);
            }
            let of = |all: &Resources| [all.cpu_m, all.memory_mb, all.gpu_m].map(|amount| u128::from(amount) * passed);
            add(&mut self.requested_ns, of(&self.requested));
            add(&mut self.allocatable_ns, of(&self.allocatable));
            add(&mut self.stranded_ns, of(&self.stranded));
        }
    }

    /// Counts something that happens now.
    pub(super) fn count(&mut self, now: SimTime, what: impl FnOnce(&mut Counts)) {
        self.advance(now);
        what(&mut self.counts);
    }

    pub(super) fn node_added(&mut self, allocatable: &Resources, now: SimTime) {
        self.advance(now);
        self.nodes.level += 1;
        self.allocatable += *allocatable;
    }

    pub(super) fn node_removed(&mut self, allocatable: &Resources, now: SimTime) {
        self.advance(now);
        self.nodes.level -= 1;
        self.allocatable -= *allocatable;
    }

    pub(super) fn pod_placed(&mut self, demand: &Resources, created: SimTime, now: SimTime) {
        self.advance(now);
        self.requested += *demand;
        self.counts.placed += 1;
        if self.measured.has(created) {
            self.pending_s.record(now.since(created));
        }
    }

    pub(super) fn pod_gone(&mut self, demand: &Resources, now: SimTime) {
        self.advance(now);
        self.requested -= *demand;
    }

    pub(super) fn image_waited(&mut self, waited: Span, now: SimTime) {
        if self.measured.has(now) {
            self.image_s.record(waited);
        }
    }

    /// What is free on a node where no pod fits any more has changed.
    pub(super) fn stranded(&mut self, before: &Resources, after: &Resources, now: SimTime) {
        self.advance(now);
        self.stranded += *after;
        self.stranded -= *before;
    }

    /// What there is now.
    pub(super) const fn levels(&self) -> NodeLevels {
        let Self { nodes, pending, requested, allocatable, .. } = self;
        NodeLevels { nodes: nodes.level, pending: pending.level, requested: *requested, allocatable: *allocatable }
    }

    /// One more pod waits for a node, or one fewer.
    pub(super) fn pending(&mut self, more: bool, now: SimTime) {
        self.advance(now);
        self.pending.level = if more { self.pending.level + 1 } else { self.pending.level - 1 };
    }

    /// The pods of one more node ask for more CPU than there is, or of one fewer.
    pub(super) fn short_of_cpu(&mut self, more: bool, now: SimTime) {
        self.advance(now);
        let level = &mut self.short_of_cpu.level;
        *level = if more { *level + 1 } else { *level - 1 };
    }

    #[cfg(test)]
    pub(super) const fn pending_now(&self) -> u64 {
        self.pending.level
    }

    /// Node-seconds of the measured part until now.
    pub(super) fn node_seconds(&self) -> f64 {
        self.nodes.integral as f64 / NANOS_PER_SECOND as f64
    }

    /// The figures at the end of the run.
    pub(super) fn close(&mut self, per_hour_usd: f64, end: SimTime) -> Books {
        self.advance(end);
        let measured = self.measured.between(self.measured.from, self.measured.until);
        let mean = |gauge: &Gauge| gauge.integral as f64 / measured as f64;
        let mut books = Books::default();
        for (key, gauge) in [("count", &self.nodes), ("pending_pods", &self.pending)] {
            books.figure(&format!("{key}.mean"), mean(gauge));
            books.count(&format!("{key}.peak"), gauge.peak);
        }
        books.figure("node_seconds", self.node_seconds());
        let names = ["cpu_utilization", "memory_utilization", "gpu_utilization"];
        for (place, name) in names.into_iter().enumerate() {
            let (used, all) = (self.requested_ns[place], self.allocatable_ns[place]);
            // Of what there is none there is no use.
            if place < 2 || all > 0 {
                books.figure(name, used as f64 / all as f64);
            }
        }
        for (place, name) in ["cpu_stranded_share", "memory_stranded_share"].into_iter().enumerate() {
            books.figure(name, self.stranded_ns[place] as f64 / self.allocatable_ns[place] as f64);
        }
        if self.shares_cpu {
            books.figure("cpu_contention", self.short_of_cpu.integral as f64 / self.nodes.integral as f64);
        }
        books.times("pending_s", &self.pending_s);
        if self.has_images {
            books.times("image_s", &self.image_s);
        }
        let (counts, pending) = self.at_end.unwrap_or((self.counts, self.pending.level));
        let Counts { created, placed, withdrawn, lost, added, removed, short_of } = counts;
        let pods = [("created", created), ("placed", placed), ("withdrawn", withdrawn), ("lost", lost)];
        pods.into_iter().for_each(|(key, count)| books.count(&format!("pods.{key}"), count));
        books.count("pods.pending", pending);
        books.count("nodes.added", added);
        books.count("nodes.removed", removed);
        let resources = Shortage::ALL.iter().map(|(_, name)| *name).chain(["nodes"]);
        for (name, count) in resources.zip(short_of) {
            books.count(&format!("short_of.{name}"), count);
        }
        books.figure("cost_usd", self.node_seconds() / 3600.0 * per_hour_usd);
        books
    }
}

fn add(sums: &mut [u128; 3], more: [u128; 3]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}
