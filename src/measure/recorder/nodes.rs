//! The time series of a node group.

use super::super::timeline::NodePoint;
use super::super::window::Window;
use crate::cluster::NodeLevels;
use crate::time::SimTime;

/// What a node group had in each interval, times how long, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct NodeIntervals {
    known_until: SimTime,
    sums: Vec<[u128; 6]>,
}

impl NodeIntervals {
    /// These levels held from where they are known to until `now`.
    pub(super) fn advance(&mut self, now: SimTime, held: &NodeLevels, window: &Window) {
        let until = now.min(window.until);
        self.sums.resize(window.intervals(), [0; 6]);
        let NodeLevels { nodes, pending, requested, allocatable } = *held;
        let levels = [nodes, pending, requested.cpu_m, allocatable.cpu_m, requested.memory_mb, allocatable.memory_mb];
        while self.known_until < until {
            let index = (self.known_until.as_nanos() / window.interval.as_nanos()) as usize;
            let end = window.end_of(index).min(until);
            let lasted = u128::from(end.since(self.known_until).as_nanos());
            if let Some(sums) = self.sums.get_mut(index) {
                sums.iter_mut().zip(levels).for_each(|(sum, level)| *sum += u128::from(level) * lasted);
            }
            self.known_until = end;
        }
    }

    /// The means of each interval.
    pub(super) fn points(&self, window: &Window) -> Vec<NodePoint> {
        let point = |(index, sums): (usize, &[u128; 6])| {
            let length = window.length_of(index).as_nanos() as f64;
            let [nodes, pending, cpu, all_cpu, memory, all_memory] = sums.map(|sum| sum as f64);
            NodePoint {
                nodes: nodes / length,
                pending: pending / length,
                cpu_utilization: cpu / all_cpu,
                memory_utilization: memory / all_memory,
            }
        };
        self.sums.iter().enumerate().map(point).collect()
    }
}
