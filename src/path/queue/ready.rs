//! Which messages can be received, and in which order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Messages that can be received.
#[derive(Debug)]
pub(super) enum Ready {
    /// In the order in which they became visible. Some may be gone: who takes one looks.
    Standard(VecDeque<u64>),
    /// In the order in which they were sent, group by group.
    Fifo(Groups),
}

/// Groups of messages that have any that are not deleted.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: BTreeMap<u32, Group>,
    /// Those that can be received from: the one that could first is the next.
    ready: VecDeque<u32>,
}

#[derive(Debug, Default)]
struct Group {
    /// Its visible messages.
    visible: BTreeSet<u64>,
    /// Its messages that have been received and neither deleted nor become visible again: while there are any, nothing of the group
    /// can be received.
    hidden: u32,
    /// Whether it is among the ready ones.
    is_queued: bool,
}

impl Ready {
    /// A message can be received, for the first time or again.
    pub(super) fn push(&mut self, id: u64, group: u32, is_again: bool) {
        match self {
            Self::Standard(order) => order.push_back(id),
            Self::Fifo(all) => all.change(group, |group| {
                group.visible.insert(id);
                group.hidden -= u32::from(is_again);
            }),
        }
    }

    /// The next message for a batch: in a fifo queue of the group that was received from last (`held`), or when that has none left, of the
    /// one that could be received from for the longest time.
    pub(super) fn pop(&mut self, held: &mut Option<u32>) -> Option<u64> {
        match self {
            Self::Standard(order) => order.pop_front(),
            Self::Fifo(all) => all.pop(held),
        }
    }

    /// Whether there is surely nothing that can be received.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Standard(order) => order.is_empty(),
            Self::Fifo(all) => all.ready.is_empty(),
        }
    }

    /// A visible message is gone.
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

    /// A message that was received is gone.
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
            // One that has come to stand among the ready ones again waits for its turn.
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
