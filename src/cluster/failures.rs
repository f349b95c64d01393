//! How nodes fail, and how that is found out.
//!
//! A node that fails takes what runs on it with it at once. That it does not answer is found out when its heartbeats have been missing for
//! `node-monitor-grace-period`: then its pods get no further requests, and in a group with a fixed number or a minimum of nodes another one boots.
//! Its pods are given up `unreachable-toleration` later.

use rand::RngExt;

use super::node::{Condition, NodeId};
use super::{Cluster, Failure, Notice, Owner, Timer};
use crate::rng::Stream;
use crate::time::{SimTime, Span};

/// An exponentially distributed time, by the rate per second.
pub(super) fn exponential(stream: &mut Stream, rate: f64) -> Span {
    let uniform: f64 = stream.random();
    Span::from_secs_f64(-(1.0 - uniform).ln() / rate).unwrap_or(Span::FOREVER)
}

impl Cluster {
    /// Something happens to the nodes of these groups.
    pub fn fail(&mut self, groups: &[usize], failure: Failure, now: SimTime) {
        match failure {
            Failure::Crashes(rate) => {
                groups.iter().for_each(|group| self.groups[*group].crash_rate = rate);
                for id in self.standing(groups) {
                    self.draw_crash(id, now);
                }
            }
            Failure::Outage(true) => {
                groups.iter().for_each(|group| self.groups[*group].outages += 1);
                for id in self.standing(groups) {
                    self.node_fails(id, now);
                }
            }
            Failure::Outage(false) => {
                for &group in groups {
                    let state = &mut self.groups[group];
                    state.outages = state.outages.saturating_sub(1);
                    if state.outages > 0 {
                        continue;
                    }
                    for (id, serial) in std::mem::take(&mut state.stalled) {
                        if self.nodes.same(id, serial).is_some() {
                            self.make_ready(id, now);
                        }
                    }
                }
            }
        }
    }

    /// When a node crashes: the time to the next event of a Poisson process.
    pub(super) fn draw_crash(&mut self, id: NodeId, now: SimTime) {
        let Some(node) = self.nodes.get_mut(id) else { return };
        let state = &mut self.groups[node.group];
        node.crashes = SimTime::NEVER;
        if state.crash_rate > 0.0 {
            let at = now + exponential(&mut state.stream, state.crash_rate);
            // After the horizon nothing is measured.
            if at < self.measured.until {
                node.crashes = at;
                self.set_timer(at, Timer::Crash, id);
            }
        }
    }

    /// A node crashes, unless it was to crash at another time since.
    pub(super) fn crash_due(&mut self, id: NodeId, now: SimTime) {
        if self.nodes.get(id).is_some_and(|node| node.crashes == now) {
            self.node_fails(id, now);
        }
    }

    /// The nodes of these groups that work.
    fn standing(&self, groups: &[usize]) -> Vec<NodeId> {
        let works = |condition| matches!(condition, Condition::Ready | Condition::Draining);
        let all = self.nodes.iter().filter(|(_, node)| groups.contains(&node.group) && works(node.condition));
        all.map(|(id, _)| id).collect()
    }

    fn node_fails(&mut self, id: NodeId, now: SimTime) {
        let Some(node) = self.nodes.get_mut(id) else { return };
        // One that drains is on its way out already: it goes at the end of its grace period.
        node.crashes = SimTime::NEVER;
        let was_draining = node.condition == Condition::Draining;
        if !was_draining {
            node.condition = Condition::Failed;
        }
        self.is_stale = true;
        self.pulls.forget(id, now);
        self.notify_pods_of(id, Notice::Fails);
        let timer = if was_draining { Timer::Grace } else { Timer::Unreachable };
        self.set_timer(now + self.detection[0], timer, id);
    }

    /// It is found out that a node has failed.
    pub(super) fn find_failed(&mut self, id: NodeId, now: SimTime) {
        if self.nodes.get(id).is_none_or(|node| node.condition != Condition::Failed) {
            return;
        }
        self.leaves(id, now);
        self.notify_pods_of(id, Notice::Unreachable);
        self.set_timer(now + self.detection[1], Timer::Grace, id);
        if self.nodes.get(id).is_some_and(|node| node.pods.is_empty()) {
            self.lose_node(id, now);
        }
    }

    /// Something has happened to all pods of a node.
    pub(super) fn notify_pods_of(&mut self, id: NodeId, what: fn(Owner) -> Notice) {
        let Some(node) = self.nodes.get(id) else { return };
        for pod in &node.pods {
            if let Some(owner) = self.pods.get(*pod).map(|pod| pod.owner) {
                self.notices.push_back((*pod, what(owner)));
            }
        }
    }
}
