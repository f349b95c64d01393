//! Pods: what is to run on a node, and those that wait for one.

use std::collections::VecDeque;

use super::node::NodeId;
use crate::time::{SimTime, Span};

/// A pod. The number is used again when the pod is gone, with another generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PodId {
    index: u32,
    generation: u32,
}

impl PodId {
    /// No pod.
    pub const NIL: Self = Self { index: u32::MAX, generation: 0 };

    /// Whether it is no pod.
    #[must_use]
    pub const fn is_nil(self) -> bool {
        self.index == u32::MAX
    }
}

/// The owner of a pod: a number chosen by the caller that creates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(pub u64);

/// Where a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It waits for a node; the number is its turn.
    Pending(u64),
    /// On a node, where its image is being pulled.
    Pulling(NodeId),
    /// On a node, at work.
    On(NodeId),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Pod {
    pub(super) owner: Owner,
    pub(super) class: usize,
    /// How long it takes to start when it has its node and its image.
    pub(super) start_up: Span,
    pub(super) created: SimTime,
    pub(super) placed: SimTime,
    pub(super) place: Place,
}

impl Pod {
    /// Its node, if it is at work there.
    pub(super) const fn node(&self) -> Option<NodeId> {
        match self.place {
            Place::On(node) => Some(node),
            Place::Pending(_) | Place::Pulling(_) => None,
        }
    }
}

/// All pods.
#[derive(Debug, Default)]
pub(super) struct Pods {
    list: Vec<(u32, Option<Pod>)>,
    unused: Vec<u32>,
}

impl Pods {
    pub(super) fn add(&mut self, pod: Pod) -> PodId {
        let index = self.unused.pop().unwrap_or_else(|| {
            self.list.push((0, None));
            self.list.len() as u32 - 1
        });
        let slot = &mut self.list[index as usize];
        *slot = (slot.0.wrapping_add(1), Some(pod));
        PodId { index, generation: slot.0 }
    }

    pub(super) fn get(&self, id: PodId) -> Option<&Pod> {
        let (generation, pod) = self.list.get(id.index as usize)?;
        pod.as_ref().filter(|_| *generation == id.generation)
    }

    pub(super) fn get_mut(&mut self, id: PodId) -> Option<&mut Pod> {
        let (generation, pod) = self.list.get_mut(id.index as usize)?;
        pod.as_mut().filter(|_| *generation == id.generation)
    }

    pub(super) fn remove(&mut self, id: PodId) -> Option<Pod> {
        let (generation, pod) = self.list.get_mut(id.index as usize)?;
        let pod = pod.take_if(|_| *generation == id.generation)?;
        self.unused.push(id.index);
        Some(pod)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.list.len() - self.unused.len()
    }
}

/// The pods that wait for a node, by class: what does not fit for one of a class does not fit for any of it. A pod that is gone
/// leaves its place in the queue empty until its turn comes.
#[derive(Debug)]
pub(super) struct Pending {
    classes: Vec<Queue>,
    turn: u64,
}

#[derive(Clone, Debug, Default)]
struct Queue {
    pods: VecDeque<(u64, PodId)>,
    /// Those that are still there.
    count: u64,
}

impl Pending {
    pub(super) fn new(classes: usize) -> Self {
        Self { classes: vec![Queue::default(); classes], turn: 0 }
    }

    /// The turn of the next pod that has to wait.
    pub(super) fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    pub(super) fn push(&mut self, class: usize, turn: u64, pod: PodId) {
        let queue = &mut self.classes[class];
        queue.pods.push_back((turn, pod));
        queue.count += 1;
    }

    /// A pod that waits is gone, or has a node.
    pub(super) fn left(&mut self, class: usize) {
        let queue = &mut self.classes[class];
        queue.count -= 1;
        if queue.count == 0 {
            queue.pods.clear();
        }
    }

    pub(super) fn count(&self, class: usize) -> u64 {
        self.classes[class].count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.classes.iter().all(|queue| queue.count == 0)
    }

    /// The pod of a class that has waited longest.
    pub(super) fn first(&mut self, class: usize, pods: &Pods) -> Option<(u64, PodId)> {
        let queue = &mut self.classes[class];
        while let Some(&(turn, pod)) = queue.pods.front() {
            if pods.get(pod).is_some_and(|pod| pod.place == Place::Pending(turn)) {
                return Some((turn, pod));
            }
            queue.pods.pop_front();
        }
        None
    }
}
