//! The default of Kubernetes: the node of which the least is requested.

use super::scheduler::Scheduler;
use crate::rng::Stream;

/// The mean, over CPU and memory, of what is left with the pod, in percent of the node: whole numbers, rounded down, as
/// `leastResourceScorer` has it.
pub(super) fn rule(percentage: u32, stream: Stream) -> Scheduler {
    Scheduler::new(|requested, all| if requested > all { 0 } else { (all - requested) * 100 / all }, percentage, stream)
}
