//! Nodes: what each has left, which pods are on it, which images it keeps.

use super::cpu::NodeCpu;
use super::images::ImageCache;
use super::pods::PodId;
use super::resources::Resources;
use crate::time::SimTime;

/// The place of a node in the list; used again when the node is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The place in a list.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a node is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It boots.
    Booting,
    /// It takes pods.
    Ready,
    /// It takes no further pods: it is going to be removed when the last one has gone.
    Draining,
    /// It does not answer.
    Failed,
}

/// A node.
#[derive(Debug)]
pub struct Node {
    /// The place of its group.
    pub group: usize,
    pub(super) condition: Condition,
    /// Marks its timers: those of a node that had this place before mean nothing.
    pub(super) serial: u64,
    /// What an empty node has for pods.
    pub allocatable: Resources,
    /// What its pods leave of it.
    pub free: Resources,
    pub(super) pods: Vec<PodId>,
    /// The number of pods of each class that has any there.
    classes: Vec<(usize, u32)>,
    pub(super) images: ImageCache,
    pub(super) cpu: NodeCpu,
    /// What is free there, if no pod fits any more.
    pub(super) stranded: Resources,
    /// When it crashes, where nodes do.
    pub(super) crashes: SimTime,
    /// When it became ready, or the last pod came or went.
    pub(super) changed: SimTime,
}

impl Node {
    pub(super) fn new(group: usize, serial: u64, allocatable: Resources, images: ImageCache, now: SimTime) -> Self {
        Self {
            group,
            condition: Condition::Booting,
            serial,
            allocatable,
            free: allocatable,
            pods: Vec::new(),
            classes: Vec::new(),
            images,
            cpu: NodeCpu::default(),
            stranded: Resources::default(),
            crashes: SimTime::NEVER,
            changed: now,
        }
    }

    /// What its pods have requested.
    #[must_use]
    pub fn requested(&self) -> Resources {
        self.allocatable.without(&self.free)
    }

    /// The number of pods of a class there.
    #[must_use]
    pub fn pods_of(&self, class: usize) -> u32 {
        self.classes.iter().find(|(known, _)| *known == class).map_or(0, |(_, count)| *count)
    }

    pub(super) fn take(&mut self, pod: PodId, class: usize, demand: &Resources, now: SimTime) {
        self.changed = now;
        debug_assert!(demand.fits_in(&self.free), "a node never has more than fits");
        self.free -= *demand;
        self.pods.push(pod);
        match self.classes.iter_mut().find(|(known, _)| *known == class) {
            Some((_, count)) => *count += 1,
            None => self.classes.push((class, 1)),
        }
    }

    pub(super) fn release(&mut self, pod: PodId, class: usize, demand: &Resources, now: SimTime) {
        self.changed = now;
        self.free += *demand;
        if let Some(place) = self.pods.iter().position(|known| *known == pod) {
            self.pods.swap_remove(place);
        }
        if let Some(place) = self.classes.iter().position(|(known, _)| *known == class) {
            self.classes[place].1 -= 1;
            if self.classes[place].1 == 0 {
                self.classes.swap_remove(place);
            }
        }
    }
}

/// All nodes.
#[derive(Debug, Default)]
pub struct Nodes {
    list: Vec<Option<Node>>,
    /// Places that can be used again, the lowest last.
    unused: Vec<NodeId>,
    serial: u64,
}

impl Nodes {
    /// Places: nodes, and gaps where there was one.
    #[must_use]
    pub fn places(&self) -> usize {
        self.list.len()
    }

    /// The node at a place.
    #[must_use]
    pub fn get(&self, id: NodeId) -> Option<&Node> {
        self.list.get(id.index()).and_then(Option::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.list.get_mut(id.index()).and_then(Option::as_mut)
    }

    /// The node at a place, if it is still the one with this serial number.
    pub(super) fn same(&mut self, id: NodeId, serial: u64) -> Option<&mut Node> {
        self.get_mut(id).filter(|node| node.serial == serial)
    }

    /// All nodes, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.list.iter().enumerate().filter_map(|(place, node)| Some((NodeId(place as u32), node.as_ref()?)))
    }

    pub(super) fn add(&mut self, make: impl FnOnce(u64) -> Node) -> NodeId {
        self.serial += 1;
        let node = make(self.serial);
        match self.unused.pop() {
            Some(id) => {
                self.list[id.index()] = Some(node);
                id
            }
            None => {
                self.list.push(Some(node));
                NodeId(self.list.len() as u32 - 1)
            }
        }
    }

    pub(super) fn remove(&mut self, id: NodeId) -> Option<Node> {
        let node = self.list.get_mut(id.index()).and_then(Option::take)?;
        let at = self.unused.partition_point(|known| *known > id);
        self.unused.insert(at, id);
        Some(node)
    }
}
