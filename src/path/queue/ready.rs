//! Which messages can be received, and in which order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The messages that can be received.
#[derive(Debug)]
pub(super) enum Ready {
    /// In the order in which they became visible. Some may be gone, which is checked when they are taken.
    Standard(VecDeque<u64>),
    /// In the order in which they were sent, group by group.
    Fifo(Groups),
}

/// Groups that have messages which are not deleted.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: BTreeMap<u32, Group>,
    /// Groups that can be received from; the longest-waiting one is next.
    ready: VecDeque<u32>,
}

#[derive(Debug, Default)]
struct Group {
    /// Visible messages of the group.
    visible: BTreeSet<u64>,
    /// Messages of the group that have been received and neither deleted nor returned. While there are any, the group
    /// cannot be received from.
    hidden: u32,
    /// Whether the group is in `ready`.
    is_queued: bool,
}

impl Ready {
    /// A message becomes visible, for the first time or again.
    pub(super) fn push(&mut self, id: u64, group: u32, is_again: bool) {
        match self {
            Self::Standard(order) => order.push_back(id),
            Self::Fifo(all) => all.change(group, |group| {
                group.visible.insert(id);
                group.hidden -= u32::from(is_again);
            }),
        }
    }

    /// The next message for a batch. In a FIFO queue: from the group that was last received from (`held`), or if that
    /// has none left, from the longest-waiting group.
    pub(super) fn pop(&mut self, held: &mut Option<u32>) -> Option<u64> {
        match self {
            Self::Standard(order) => order.pop_front(),
            Self::Fifo(all) => all.pop(held),
        }
    }

    /// Whether it is certain that no message can be received.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Standard(order) => order.is_empty(),
            Self::Fifo(all) => all.ready.is_empty(),
        }
    }

    /// Removes a visible message.
    pub(super) fn remove(&mut self, id: u64, group: u32, is_gone: impl Fn(u64) -> bool) {
        match self {
            Self::Standard(order) => {
                while order.front().is_some_and(|first| is_gone(*first)) {
                    order.pop_front();
                }
            }
            Self::Fifo(all) => all.change(group, |group| {
                group.visible.remove(&id);
            }),
        }
    }

    /// Removes a message that was received.
    pub(super) fn delete(&mut self, group: u32) {
        if let Self::Fifo(all) = self {
            all.change(group, |group| group.hidden -= 1);
        }
    }
}

impl Groups {
    fn change(&mut self, name: u32, change: impl FnOnce(&mut Group)) {
        let group = self.groups.entry(name).or_default();
        change(group);
        if group.hidden == 0 && !group.visible.is_empty() && !group.is_queued {
            group.is_queued = true;
            self.ready.push_back(name);
        } else if group.hidden == 0 && group.visible.is_empty() && !group.is_queued {
            self.groups.remove(&name);
        }
    }

    fn pop(&mut self, held: &mut Option<u32>) -> Option<u64> {
        loop {
            // A group that has become ready again waits for its turn.
            let again = held.take().filter(|name| self.groups.get(name).is_some_and(|group| !group.is_queued));
            let name = again.or_else(|| self.ready.pop_front())?;
            let Some(group) = self.groups.get_mut(&name) else { continue };
            group.is_queued = false;
            if let Some(id) = group.visible.pop_first() {
                group.hidden += 1;
                *held = Some(name);
                return Some(id);
            }
            self.change(name, |_| {});
        }
    }
}
