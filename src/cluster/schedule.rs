//! How pods get nodes and leave them, and how nodes come and go.

use super::failures::exponential;
use super::images::Image;
use super::node::{Condition, Node, NodeId};
use super::placement::View;
use super::pods::{Place, Pod, PodId};
use super::resources::{Resources, Shortage};
use super::{Cluster, ImageCache, Notice, Timer};
use crate::time::{SimTime, Span};

impl Cluster {
    /// A node for a pod of a class; `only`: it is known to fit on no other.
    pub(super) fn choose(&mut self, class: usize, only: Option<&[NodeId]>) -> Option<NodeId> {
        let of_class = &self.classes[class];
        let nodes_with_image = of_class.image.as_ref().map_or(0, |image| self.nodes_with_image[image.id]);
        let view = View { nodes: &self.nodes, groups: &self.groups, class, of_class, only, nodes_with_image };
        self.placement.choose(&view)
    }

    /// Puts a pod that waits on a node, if it fits on one.
    pub(super) fn place(&mut self, id: PodId, only: Option<&[NodeId]>, now: SimTime) -> bool {
        let Some(class) = self.pods.get(id).map(|pod| pod.class) else { return false };
        let Some(node) = self.choose(class, only) else { return false };
        self.put(id, node, now);
        true
    }

    /// A pod is on a node from now on: it needs its image there.
    pub(super) fn put(&mut self, id: PodId, at: NodeId, now: SimTime) {
        let (Some(pod), Some(node)) = (self.pods.get_mut(id), self.nodes.get_mut(at)) else { return };
        let class = &self.classes[pod.class];
        node.take(id, pod.class, &class.demand, now);
        let group = &mut self.groups[node.group];
        group.pods_of_class[pod.class] += 1;
        group.books.pod_placed(&class.demand, pod.created, now);
        pod.placed = now;
        if self.measured.has(pod.created) {
            self.starts[pod.class].node_s.record(now.since(pod.created));
        }
        match &class.image {
            Some(image) if !node.images.has(image.id) => {
                pod.place = Place::Pulling(at);
                self.pulls.ask(at, image, &node.images.missing(image), id, now);
            }
            image => {
                pod.place = Place::On(at);
                if let Some(image) = image {
                    node.images.acquire(image.id, now);
                    group.books.image_waited(Span::ZERO, now);
                    if self.measured.has(now) {
                        self.starts[pod.class].image_s.record(Span::ZERO);
                    }
                }
            }
        }
        self.find_stranded(at, now);
        self.is_stale = true;
    }

    /// Pods that wait get what has become free, those that have waited longest first. One that does not fit keeps nobody
    /// from it.
    pub(super) fn place_pending(&mut self, now: SimTime) {
        if self.fresh.is_empty() {
            return;
        }
        let mut fresh = std::mem::take(&mut self.fresh);
        if self.pending.is_empty() {
            return;
        }
        fresh.sort_unstable();
        fresh.dedup();
        let mut open: Vec<usize> = (0..self.classes.len()).filter(|class| self.pending.count(*class) > 0).collect();
        loop {
            let mut first: Option<(u64, PodId, usize)> = None;
            for &class in &open {
                if let Some((turn, pod)) = self.pending.first(class, &self.pods)
                    && first.is_none_or(|(least, ..)| turn < least)
                {
                    first = Some((turn, pod, class));
                }
            }
            let Some((_, pod, class)) = first else { break };
            if self.place(pod, Some(&fresh), now) {
                self.pending.left(class);
                let home = self.home(class);
                self.groups[home].books.pending(false, now);
                self.notify_begin(pod);
            } else {
                open.retain(|other| *other != class);
            }
        }
    }

    /// A pod that had to wait for its node begins to start, if it has its image.
    fn notify_begin(&mut self, id: PodId) {
        if let Some(Pod { owner, start_up, place: Place::On(_), .. }) = self.pods.get(id) {
            self.notices.push_back((id, Notice::Begins(*owner, *start_up)));
        }
    }

    /// An image is on the disk of a node.
    pub(super) fn keep_image(&mut self, at: NodeId, image: Image, now: SimTime) {
        let Some(node) = self.nodes.get_mut(at).filter(|node| !node.images.has(image.id)) else { return };
        self.nodes_with_image[image.id] += 1;
        for gone in node.images.add(image, now) {
            self.nodes_with_image[gone] -= 1;
        }
    }

    /// A pod on a node has got its image.
    pub(super) fn has_image(&mut self, id: PodId, at: NodeId, now: SimTime) {
        let (Some(pod), Some(node)) = (self.pods.get_mut(id), self.nodes.get_mut(at)) else { return };
        pod.place = Place::On(at);
        if let Some(image) = &self.classes[pod.class].image {
            node.images.acquire(image.id, now);
        }
        self.groups[node.group].books.image_waited(now.since(pod.placed), now);
        if self.measured.has(now) {
            self.starts[pod.class].image_s.record(now.since(pod.placed));
        }
        self.notify_begin(id);
    }

    /// A pod leaves its node.
    pub(super) fn release(&mut self, id: PodId, pod: &Pod, at: NodeId, now: SimTime) {
        let Some(node) = self.nodes.get_mut(at) else { return };
        let class = &self.classes[pod.class];
        node.release(id, pod.class, &class.demand, now);
        if let (Some(image), Place::On(_)) = (&class.image, pod.place) {
            node.images.release(image.id, now);
        }
        let group = &mut self.groups[node.group];
        group.pods_of_class[pod.class] -= 1;
        group.books.pod_gone(&class.demand, now);
        let condition = node.condition;
        self.find_stranded(at, now);
        let Some(node) = self.nodes.get(at) else { return };
        match condition {
            Condition::Ready => self.fresh.push(at),
            Condition::Draining if node.pods.is_empty() => self.delete_node(at, now),
            Condition::Draining | Condition::Booting | Condition::Failed => {}
        }
    }

    /// What is free on a node has changed: where no pod fits any more, it is of no use.
    fn find_stranded(&mut self, at: NodeId, now: SimTime) {
        let Some(node) = self.nodes.get_mut(at) else { return };
        let state = &mut self.groups[node.group];
        let is_of_use = state.smallest.is_empty() || state.smallest.iter().any(|demand| demand.fits_in(&node.free));
        let stranded = if is_of_use { Resources::default() } else { node.free };
        let before = std::mem::replace(&mut node.stranded, stranded);
        if before != stranded {
            state.books.stranded(&before, &stranded, now);
        }
    }

    /// What most nodes have too little of for a pod of a class: the place of it in the books.
    pub(super) fn short_of(&self, class: usize) -> usize {
        let of_class = &self.classes[class];
        let mut nodes = [0_u32; Shortage::ALL.len()];
        let of_groups = |node: &Node| node.condition == Condition::Ready && of_class.groups.contains(&node.group);
        for (_, node) in self.nodes.iter().filter(|(_, node)| of_groups(node)) {
            if let Some(short) = of_class.demand.shortage_in(&node.free) {
                nodes[short as usize] += 1;
            }
        }
        let most = nodes.iter().copied().max().unwrap_or(0);
        if most == 0 { nodes.len() } else { nodes.iter().position(|count| *count == most).unwrap_or(nodes.len()) }
    }

    /// One more node of a group, which boots.
    pub(super) fn boot_node(&mut self, group: usize, now: SimTime) {
        let state = &mut self.groups[group];
        if state.nodes - state.leaving >= state.spec.most() {
            return;
        }
        state.books.count(now, |counts| counts.added += 1);
        let boots = state.boot.sample(&mut state.stream);
        let id = self.add_node(group, now);
        if boots == Span::ZERO {
            self.make_ready(id, now);
        } else {
            self.set_timer(now + boots, Timer::Ready, id);
        }
    }

    pub(super) fn add_node(&mut self, group: usize, now: SimTime) -> NodeId {
        let state = &mut self.groups[group];
        let allocatable = state.spec.allocatable();
        state.nodes += 1;
        state.books.node_added(&allocatable, now);
        let images = ImageCache::new(state.spec.image_cache);
        self.nodes.add(|serial| Node::new(group, serial, allocatable, images, now))
    }

    /// A node takes pods from now on.
    pub(super) fn make_ready(&mut self, id: NodeId, now: SimTime) {
        let Some(node) = self.nodes.get_mut(id).filter(|node| node.condition == Condition::Booting) else { return };
        let state = &mut self.groups[node.group];
        if state.outages > 0 {
            return state.stalled.push((id, node.serial));
        }
        (node.condition, node.changed) = (Condition::Ready, now);
        self.fresh.push(id);
        self.is_stale = true;
        let state = &mut self.groups[node.group];
        if let Some(spot) = &state.spec.spot {
            let lives = exponential(&mut state.stream, spot.interruptions);
            // After the horizon nothing is charged or measured.
            if now + lives < self.measured.until {
                self.set_timer(now + lives, Timer::Notice, id);
            }
        }
        self.draw_crash(id, now);
    }

    /// A node takes no further pods, and goes when it has none, at the latest after the grace period.
    pub(super) fn drain(&mut self, id: NodeId, grace: Span, now: SimTime) {
        let Some(node) = self.nodes.get_mut(id) else { return };
        if node.condition == Condition::Draining || node.condition == Condition::Failed {
            return;
        }
        let is_empty = node.pods.is_empty();
        self.leaves(id, now);
        if is_empty {
            return self.delete_node(id, now);
        }
        self.notify_pods_of(id, Notice::Drains);
        if grace < Span::FOREVER {
            self.set_timer(now + grace, Timer::Grace, id);
        }
    }

    /// A node goes, and takes its pods with it.
    pub(super) fn lose_node(&mut self, id: NodeId, now: SimTime) {
        let Some(node) = self.nodes.get(id) else { return };
        let (pods, group) = (node.pods.len() as u64, node.group);
        if node.condition != Condition::Draining {
            self.leaves(id, now);
        }
        if pods == 0 {
            return self.delete_node(id, now);
        }
        self.groups[group].books.count(now, |counts| counts.lost += pods);
        self.notify_pods_of(id, Notice::Lost);
    }

    /// An empty node is no more.
    fn delete_node(&mut self, id: NodeId, now: SimTime) {
        let Some(node) = self.nodes.remove(id) else { return };
        debug_assert!(node.pods.is_empty(), "pods go first");
        self.pulls.forget(id, now);
        node.images.all().for_each(|image| self.nodes_with_image[image] -= 1);
        let state = &mut self.groups[node.group];
        state.nodes -= 1;
        state.leaving -= 1;
        state.books.node_removed(&node.allocatable, now);
        state.books.stranded(&node.stranded, &Resources::default(), now);
        if node.cpu.is_short {
            state.books.short_of_cpu(false, now);
        }
        state.books.count(now, |counts| counts.removed += 1);
        self.is_stale = true;
    }

    /// A node is going to be no more: where there must be as many as before, another one boots in its place.
    pub(super) fn leaves(&mut self, id: NodeId, now: SimTime) {
        let Some(node) = self.nodes.get_mut(id) else { return };
        let group = node.group;
        node.condition = Condition::Draining;
        self.is_stale = true;
        let state = &mut self.groups[group];
        state.leaving += 1;
        if state.nodes - state.leaving < state.spec.fewest() && now < self.measured.until {
            self.boot_node(group, now);
        }
    }
}
