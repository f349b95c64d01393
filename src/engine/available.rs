//! The instances with a free slot, kept in the order that the selection rule asks for.

use std::collections::{BTreeSet, VecDeque};

use rand::RngExt as _;

use super::instance::Instance;
use super::slab::{Key, Slab};
use crate::id::InstanceId;
use crate::policy::selection::Selection;
use crate::rng::Stream;
use crate::time::SimTime;

/// The available instances of one function (or its provisioned ones), ready to answer its selection rule.
#[derive(Debug)]
pub(super) enum Available {
    /// By last use, least recent first. An instance that is used again gets a new entry; the old one becomes stale.
    Recency { entries: VecDeque<Entry>, stale: usize, stamps: u64, most_recent: bool },
    /// By creation.
    Age { by_id: BTreeSet<(InstanceId, Key<Instance>)>, rule: ByAge },
    /// In no order.
    Random { places: Vec<Key<Instance>>, stream: Box<Stream> },
}

/// Which of the instances sorted by creation is taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum ByAge {
    Newest,
    Oldest,
    /// The one created after this one, cyclically.
    After(Option<InstanceId>),
}

/// An instance in the list by last use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The instance's keep-alive deadline, if it is idle.
    pub(super) deadline: SimTime,
    pub(super) place: Key<Instance>,
    stamp: u64,
}

impl Available {
    pub(super) fn new(selection: Selection, stream: impl FnOnce() -> Stream) -> Self {
        let recency = |most_recent| Self::Recency { entries: VecDeque::new(), stale: 0, stamps: 0, most_recent };
        let age = |rule| Self::Age { by_id: BTreeSet::new(), rule };
        match selection {
            Selection::MostRecentlyUsed => recency(true),
            Selection::LeastRecentlyUsed => recency(false),
            Selection::Newest => age(ByAge::Newest),
            Selection::Oldest => age(ByAge::Oldest),
            Selection::RoundRobin => age(ByAge::After(None)),
            Selection::Random => Self::Random { places: Vec::new(), stream: Box::new(stream()) },
        }
    }

    /// An instance became available.
    #[inline]
    pub(super) fn insert(&mut self, place: Key<Instance>, instances: &mut Slab<Instance>) {
        let instance = instances.get_mut(place);
        instance.listed = true;
        match self {
            Self::Recency { entries, stamps, .. } => {
                *stamps += 1;
                instance.stamp = *stamps;
                entries.push_back(Entry { deadline: instance.deadline, place, stamp: *stamps });
            }
            Self::Age { by_id, .. } => {
                by_id.insert((instance.id, place));
            }
            Self::Random { places, .. } => {
                instance.position = places.len() as u32;
                places.push(place);
            }
        }
    }

    /// An instance was used and has a free slot: it is available, and the most recently used.
    #[inline]
    pub(super) fn touch(&mut self, place: Key<Instance>, instances: &mut Slab<Instance>) {
        if !instances.get(place).listed {
            self.insert(place, instances);
        } else if let Self::Recency { .. } = self {
            self.remove(place, instances);
            self.insert(place, instances);
        }
    }

    /// Marks an instance as unavailable, whether or not it was available.
    pub(super) fn remove(&mut self, place: Key<Instance>, instances: &mut Slab<Instance>) {
        let instance = instances.get_mut(place);
        if !std::mem::take(&mut instance.listed) {
            return;
        }
        match self {
            Self::Recency { entries, stale, .. } => {
                instance.stamp = 0;
                *stale += 1;
                if *stale > 32 && *stale > entries.len() / 2 {
                    entries.retain(|entry| instances.get(entry.place).stamp == entry.stamp);
                    *stale = 0;
                }
            }
            Self::Age { by_id, .. } => {
                by_id.remove(&(instance.id, place));
            }
            Self::Random { places, .. } => {
                let position = instance.position;
                places.swap_remove(position as usize);
                if let Some(&moved) = places.get(position as usize) {
                    instances.get_mut(moved).position = position;
                }
            }
        }
    }

    /// Takes the instance that the rule names out of the list.
    #[inline]
    pub(super) fn take(&mut self, instances: &mut Slab<Instance>) -> Option<Key<Instance>> {
        let place = self.choose(instances)?;
        instances.get_mut(place).listed = false;
        Some(place)
    }

    #[inline]
    fn choose(&mut self, instances: &mut Slab<Instance>) -> Option<Key<Instance>> {
        match self {
            Self::Recency { entries, stale, most_recent, .. } => loop {
                let entry = if *most_recent { entries.pop_back() } else { entries.pop_front() }?;
                if instances.get(entry.place).stamp == entry.stamp {
                    return Some(entry.place);
                }
                *stale -= 1;
            },
            Self::Age { by_id, rule } => {
                let chosen = match rule {
                    ByAge::Newest => by_id.last().copied(),
                    ByAge::Oldest => by_id.first().copied(),
                    ByAge::After(last) => {
                        let next = last.and_then(|InstanceId(last)| {
                            let from = (InstanceId(last + 1), Key::new(0));
                            by_id.range(from..).next().copied()
                        });
                        let chosen = next.or_else(|| by_id.first().copied());
                        *last = chosen.map(|(id, _)| id).or(*last);
                        chosen
                    }
                }?;
                by_id.remove(&chosen);
                Some(chosen.1)
            }
            Self::Random { places, stream } => {
                if places.is_empty() {
                    return None;
                }
                let place = places[stream.random_range(0..places.len())];
                self.remove(place, instances);
                Some(place)
            }
        }
    }

    /// The instance used longest ago, in a list by last use; where instances may be removed out of turn, perhaps a stale entry.
    #[inline]
    pub(super) fn least_recent(&self) -> Option<&Entry> {
        match self {
            Self::Recency { entries, .. } => entries.front(),
            Self::Age { .. } | Self::Random { .. } => None,
        }
    }

    /// Drops the entry that [`Available::least_recent`] shows; says whether it stood for an available instance.
    #[inline]
    pub(super) fn drop_least_recent(&mut self, instances: &Slab<Instance>) -> bool {
        let Self::Recency { entries, stale, .. } = self else { return false };
        let Some(entry) = entries.pop_front() else { return false };
        let is_current = instances.get(entry.place).stamp == entry.stamp;
        if !is_current {
            *stale -= 1;
        }
        is_current
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Streams};

    /// Makes three instances available in the order of creation, uses the first again, and asks twice.
    fn first_two(selection: Selection) -> [u64; 2] {
        let mut instances = Slab::new();
        let mut available = Available::new(selection, || Streams::new(1, 0).stream("f", Purpose::Policy));
        let places: Vec<Key<Instance>> =
            (0..3).map(|id| instances.insert(Instance::new(InstanceId(id), SimTime::ZERO, SimTime::NEVER))).collect();
        for &place in &places {
            available.insert(place, &mut instances);
        }
        available.touch(places[0], &mut instances);
        [(); 2].map(|()| {
            let place = available.take(&mut instances).expect("three are available");
            instances.get(place).id.0
        })
    }

    #[test]
    fn each_rule_takes_the_instance_it_names() {
        assert_eq!(first_two(Selection::MostRecentlyUsed), [0, 2]);
        assert_eq!(first_two(Selection::LeastRecentlyUsed), [1, 2]);
        assert_eq!(first_two(Selection::Newest), [2, 1]);
        assert_eq!(first_two(Selection::Oldest), [0, 1]);
        assert_eq!(first_two(Selection::RoundRobin), [0, 1]);
    }

    #[test]
    fn what_was_taken_and_has_been_used_is_available_again() {
        for selection in [
            Selection::MostRecentlyUsed,
            Selection::LeastRecentlyUsed,
            Selection::Newest,
            Selection::Oldest,
            Selection::RoundRobin,
            Selection::Random,
        ] {
            let mut instances = Slab::new();
            let mut available = Available::new(selection, || Streams::new(1, 0).stream("f", Purpose::Policy));
            let place = instances.insert(Instance::new(InstanceId(0), SimTime::ZERO, SimTime::NEVER));
            available.insert(place, &mut instances);
            for _ in 0..3 {
                assert_eq!(available.take(&mut instances), Some(place), "{selection:?}");
                assert_eq!(available.take(&mut instances), None, "{selection:?}");
                available.touch(place, &mut instances);
            }
        }
    }

    #[test]
    fn round_robin_comes_round() {
        let mut instances = Slab::new();
        let mut available = Available::new(Selection::RoundRobin, || unreachable!("no coins are tossed"));
        for id in 0..3 {
            let place = instances.insert(Instance::new(InstanceId(id), SimTime::ZERO, SimTime::NEVER));
            available.insert(place, &mut instances);
        }
        let mut order = Vec::new();
        for _ in 0..7 {
            let place = available.take(&mut instances).expect("available");
            order.push(instances.get(place).id.0);
            available.insert(place, &mut instances);
        }
        assert_eq!(order, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn random_takes_each_equally_often() {
        let mut instances = Slab::new();
        let mut available = Available::new(Selection::Random, || Streams::new(7, 0).stream("f", Purpose::Policy));
        for id in 0..5 {
            let place = instances.insert(Instance::new(InstanceId(id), SimTime::ZERO, SimTime::NEVER));
            available.insert(place, &mut instances);
        }
        let mut taken = [0u32; 5];
        for _ in 0..10_000 {
            let place = available.take(&mut instances).expect("available");
            taken[instances.get(place).id.0 as usize] += 1;
            available.insert(place, &mut instances);
        }
        // Chi-square with 4 degrees of freedom: 18.5 is exceeded once in a thousand.
        let chi: f64 = taken.iter().map(|&n| (f64::from(n) - 2_000.0).powi(2) / 2_000.0).sum();
        assert!(chi < 18.5, "{taken:?}");
    }
}
