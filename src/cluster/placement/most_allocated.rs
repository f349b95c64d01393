//! Bin packing with the scheduler of Kubernetes: the node of which the most is requested.

use super::scheduler::Scheduler;
use crate::rng::Stream;

/// The mean, over CPU and memory, of what is requested with the pod, in percent of the node, as `mostResourceScorer` has it.
pub(super) fn rule(percentage: u32, stream: Stream) -> Scheduler {
    Scheduler::new(|requested, all| requested.min(all) * 100 / all, percentage, stream)
}
