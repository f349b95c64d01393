//! What a node group had in a period.

use crate::cluster::NodeLevels;
use crate::time::SimTime;

/// Something that instances request and nodes have, times how long.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Use {
    requested: u128,
    allocatable: u128,
}

impl Use {
    fn hold(&mut self, requested: u64, allocatable: u64, ns: u128) {
        self.requested += u128::from(requested) * ns;
        self.allocatable += u128::from(allocatable) * ns;
    }

    /// What was requested of what there was; none where there was nothing.
    pub(super) fn share(self) -> Option<f64> {
        (self.allocatable > 0).then(|| self.requested as f64 / self.allocatable as f64)
    }
}

/// What a node group had in a period. What lasts for no time at all does not count.
#[derive(Clone, Copy, Debug)]
pub(super) struct NodeUse {
    known_until: SimTime,
    pub(super) nodes_peak: u64,
    pub(super) pending_peak: u64,
    pub(super) cpu: Use,
    pub(super) memory: Use,
}

impl NodeUse {
    /// That of a period that begins now.
    pub(super) fn from(now: SimTime) -> Self {
        let (cpu, memory) = (Use::default(), Use::default());
        Self { known_until: now, nodes_peak: 0, pending_peak: 0, cpu, memory }
    }

    /// These levels held from where they are known to until `now`.
    pub(super) fn hold(&mut self, held: &NodeLevels, now: SimTime) {
        if now > self.known_until {
            let NodeLevels { nodes, pending, requested, allocatable } = *held;
            let ns = u128::from(now.since(self.known_until).as_nanos());
            self.nodes_peak = self.nodes_peak.max(nodes);
            self.pending_peak = self.pending_peak.max(pending);
            self.cpu.hold(requested.cpu_m, allocatable.cpu_m, ns);
            self.memory.hold(requested.memory_mb, allocatable.memory_mb, ns);
            self.known_until = now;
        }
    }
}
