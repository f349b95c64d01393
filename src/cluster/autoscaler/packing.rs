//! How many nodes pending pods need: first fit, largest pods first, class by class.

use super::{Condition, Fleet};
use crate::cluster::resources::Resources;

/// The classes with pods that wait, those that request most CPU first, then most memory.
pub(super) fn largest_first(fleet: &Fleet<'_>) -> Vec<(usize, u64)> {
    let mut waiting: Vec<(usize, u64)> =
        fleet.pending.iter().copied().enumerate().filter(|(_, count)| *count > 0).collect();
    waiting.sort_by_key(|(class, _)| {
        let demand = &fleet.classes[*class].demand;
        (std::cmp::Reverse((demand.cpu_m, demand.memory_mb)), *class)
    });
    waiting
}

/// What waits when the nodes that boot are ready, and as much of it is placed on them as fits.
pub(super) fn without_upcoming(fleet: &Fleet<'_>, waiting: Vec<(usize, u64)>) -> Vec<(usize, u64)> {
    let upcoming = fleet.nodes.iter().filter(|(_, node)| node.condition == Condition::Booting);
    let mut free: Vec<(usize, Resources)> = upcoming.map(|(_, node)| (node.group, node.free)).collect();
    let mut left = Vec::new();
    for (class, mut count) in waiting {
        let of_class = &fleet.classes[class];
        for (group, has) in free.iter_mut().filter(|(group, _)| of_class.groups.contains(group)) {
            debug_assert!(*group < fleet.groups.len());
            let fits = of_class.demand.times_in(has).min(count);
            *has -= of_class.demand.times(fits);
            count -= fits;
        }
        if count > 0 {
            left.push((class, count));
        }
    }
    left
}

/// New nodes of one group with pods in them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Estimate {
    pub(super) nodes: u32,
    /// Pods in them.
    pub(super) pods: u64,
    /// What these request, and what the nodes have.
    pub(super) requested: Resources,
    pub(super) available: Resources,
}

/// How many nodes of a group, `most` of them, take how many of the pods that wait.
pub(super) fn estimate(fleet: &Fleet<'_>, waiting: &[(usize, u64)], group: usize, most: u32) -> Estimate {
    let allocatable = fleet.groups[group].spec.allocatable();
    let mut new: Vec<Resources> = Vec::new();
    let mut estimate = Estimate { nodes: 0, pods: 0, requested: Resources::default(), available: Resources::default() };
    for &(class, mut count) in waiting {
        let of_class = &fleet.classes[class];
        let each = of_class.demand.times_in(&allocatable);
        if !of_class.groups.contains(&group) || each == 0 {
            continue;
        }
        let before = count;
        for has in &mut new {
            let fits = of_class.demand.times_in(has).min(count);
            *has -= of_class.demand.times(fits);
            count -= fits;
        }
        while count > 0 && (new.len() as u32) < most {
            let fits = each.min(count);
            let mut has = allocatable;
            has -= of_class.demand.times(fits);
            new.push(has);
            count -= fits;
        }
        estimate.pods += before - count;
        estimate.requested += of_class.demand.times(before - count);
    }
    estimate.nodes = new.len() as u32;
    estimate.available = allocatable.times(u64::from(estimate.nodes));
    estimate
}
