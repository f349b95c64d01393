//! The instances that a scaling policy has created and that accept requests. The next one to remove and the nth ready
//! one are found without scanning all of them.

use std::num::NonZeroU32;

use super::super::instance::Instance;
use super::super::slab::{Key, Slab};
use crate::bits::Bits;
use crate::id::InstanceId;
use crate::policy::scaling::Removal;
use crate::policy::scaling::by_instance::position;
use crate::time::SimTime;

/// Minimum number of gaps before they are closed.
const GAPS_MIN: usize = 64;

/// A place in the order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Order(NonZeroU32);

/// The instances, in the order of their creation.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    /// Sorted by id. A removed one leaves a gap, until there are more gaps than members.
    members: Vec<Member>,
    /// Positions of the starting, the ready, and the ready but idle instances.
    starting: Bits,
    ready: Bits,
    idle: Bits,
    /// Requests on them.
    taken: u32,
}

/// An instance of the fleet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) key: Key<Instance>,
    pub(super) id: InstanceId,
    pub(super) ready: Option<SimTime>,
    /// When it became ready, or the last request on it ended.
    pub(super) last_used: SimTime,
}

impl Order {
    fn new(place: usize) -> Self {
        let number = u32::try_from(place + 1).ok().and_then(NonZeroU32::new);
        Self(number.expect("a policy orders fewer than 2^32 instances"))
    }

    const fn place(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl Fleet {
    pub(super) const fn len(&self) -> usize {
        self.starting.count() + self.ready.count()
    }

    pub(super) const fn ready(&self) -> usize {
        self.ready.count()
    }

    pub(super) const fn taken(&self) -> u32 {
        self.taken
    }

    fn has(&self, place: usize) -> bool {
        self.ready.contains(place) || self.starting.contains(place)
    }

    /// Those there are, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().enumerate().filter(|(place, _)| self.has(*place)).map(|(_, member)| member)
    }

    /// Adds the newest instance, starting or already ready.
    pub(super) fn add(&mut self, key: Key<Instance>, now: SimTime, instances: &mut Slab<Instance>) {
        let instance = instances.get_mut(key);
        let place = self.members.len();
        instance.order = Some(Order::new(place));
        let ready = instance.ready.then_some(now);
        self.members.push(Member { key, id: instance.id, ready, last_used: now });
        self.starting.set(place, !instance.ready);
        self.ready.set(place, instance.ready);
        self.idle.set(place, instance.ready);
    }

    /// One has started.
    pub(super) fn make_ready(&mut self, order: Order, now: SimTime) {
        let place = order.place();
        let member = &mut self.members[place];
        (member.ready, member.last_used) = (Some(now), now);
        self.starting.set(place, false);
        self.ready.set(place, true);
        self.idle.set(place, true);
    }

    /// One does not answer any more: it counts as one that starts, and is the first to go.
    pub(super) fn make_unready(&mut self, order: Order) -> InstanceId {
        let place = order.place();
        self.ready.set(place, false);
        self.idle.set(place, false);
        self.starting.set(place, true);
        self.members[place].ready = None;
        self.members[place].id
    }

    /// One has a request.
    pub(super) fn occupy(&mut self, order: Order) {
        self.taken += 1;
        self.idle.set(order.place(), false);
    }

    /// A request on it has ended; `is_idle`: the last one.
    pub(super) fn vacate(&mut self, order: Order, is_idle: bool, now: SimTime) {
        self.taken -= 1;
        self.members[order.place()].last_used = now;
        self.idle.set(order.place(), is_idle);
    }

    /// The instance with this id.
    pub(super) fn find(&self, id: InstanceId) -> Option<Key<Instance>> {
        let place = position(&self.members, id, |member| member.id).ok()?;
        self.has(place).then(|| self.members[place].key)
    }

    /// The nth of those that are ready, in the order of creation.
    pub(super) fn nth_ready(&self, n: usize) -> Option<Key<Instance>> {
        let place = if self.ready.count() == self.members.len() { n } else { self.ready.nth(n)? };
        self.members.get(place).map(|member| member.key)
    }

    /// The next instances to remove, in this order: starting ones first, newest first; then in the order of the policy.
    pub(super) fn victims(&self, count: usize, removal: Removal) -> Vec<Order> {
        let busy = self.ready.descending().filter(|place| !self.idle.contains(*place));
        let youngest = self.starting.descending();
        let victims: Vec<usize> = match removal {
            Removal::Youngest => youngest.chain(self.ready.descending()).take(count).collect(),
            Removal::IdleFirst => youngest.chain(self.idle.descending()).chain(busy).take(count).collect(),
            Removal::LongestIdle => youngest.chain(self.longest_idle(count)).chain(busy).take(count).collect(),
        };
        victims.into_iter().map(Order::new).collect()
    }

    /// The given number of idle instances, longest idle first, ties by age.
    fn longest_idle(&self, count: usize) -> Vec<usize> {
        let since = |place: &usize| (self.members[*place].last_used, *place);
        let mut idle: Vec<usize> = self.idle.descending().collect();
        if count < idle.len() {
            idle.select_nth_unstable_by_key(count, since);
            idle.truncate(count);
        }
        idle.sort_unstable_by_key(since);
        idle
    }

    /// Removes an instance that is gone or accepts no further requests.
    pub(super) fn remove(&mut self, order: Order, instances: &mut Slab<Instance>) -> Member {
        let place = order.place();
        for kind in [&mut self.starting, &mut self.ready, &mut self.idle] {
            kind.set(place, false);
        }
        let member = self.members[place];
        let instance = instances.get_mut(member.key);
        instance.order = None;
        self.taken -= instance.in_flight;
        member
    }

    /// Closes the gaps, if there are many.
    pub(super) fn tidy(&mut self, instances: &mut Slab<Instance>) {
        while self.members.len().checked_sub(1).is_some_and(|last| !self.has(last)) {
            self.members.pop();
        }
        if self.members.len() < 2 * self.len() + GAPS_MIN {
            return;
        }
        let gone = std::mem::take(self);
        self.taken = gone.taken;
        for (place, member) in gone.members.iter().enumerate().filter(|(place, _)| gone.has(*place)) {
            let now = self.members.len();
            instances.get_mut(member.key).order = Some(Order::new(now));
            self.members.push(*member);
            self.starting.set(now, gone.starting.contains(place));
            self.ready.set(now, gone.ready.contains(place));
            self.idle.set(now, gone.idle.contains(place));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// What it does, with a list of all instances: (id, whether it is ready, whether it is busy, when it was used last).
    #[derive(Default)]
    struct Plain(Vec<(u64, bool, bool, u64)>);

    impl Plain {
        fn victim(&self, removal: Removal) -> Option<usize> {
            let starting = self.0.iter().rposition(|(_, ready, ..)| !ready);
            let is_idle = |instance: &(u64, bool, bool, u64)| instance.1 && !instance.2;
            let idle = || match removal {
                Removal::IdleFirst => self.0.iter().rposition(is_idle),
                Removal::LongestIdle => {
                    let idle = self.0.iter().enumerate().filter(|(_, instance)| is_idle(instance));
                    idle.min_by_key(|(_, instance)| instance.3).map(|(index, _)| index)
                }
                Removal::Youngest => None,
            };
            starting.or_else(idle).or_else(|| self.0.len().checked_sub(1))
        }
    }

    proptest! {
        #[test]
        fn those_that_go_are_those_that_a_look_at_all_finds(
            removal in select(vec![Removal::IdleFirst, Removal::LongestIdle, Removal::Youngest]),
            steps in prop::collection::vec((0_u8..6, any::<usize>()), 0..400),
        ) {
            let (mut fleet, mut plain, mut instances) = (Fleet::default(), Plain::default(), Slab::new());
            let mut keys = Vec::new();
            for (number, (step, choice)) in steps.into_iter().enumerate() {
                let now = SimTime::from_nanos(number as u64 / 3);
                let chosen = (!plain.0.is_empty()).then(|| choice % plain.0.len().max(1));
                match (step, chosen) {
                    (1, Some(index)) if !plain.0[index].1 => {
                        let key: Key<Instance> = keys[plain.0[index].0 as usize];
                        fleet.make_ready(instances.get(key).order.expect("it is there"), now);
                        (plain.0[index].1, plain.0[index].3) = (true, now.as_nanos());
                    }
                    (2 | 3, Some(index)) if plain.0[index].1 => {
                        let key: Key<Instance> = keys[plain.0[index].0 as usize];
                        let order = instances.get(key).order.expect("it is there");
                        if plain.0[index].2 {
                            fleet.vacate(order, true, now);
                            instances.get_mut(key).in_flight = 0;
                            (plain.0[index].2, plain.0[index].3) = (false, now.as_nanos());
                        } else {
                            fleet.occupy(order);
                            instances.get_mut(key).in_flight = 1;
                            plain.0[index].2 = true;
                        }
                    }
                    (4, Some(index)) => {
                        let gone = fleet.victims(index + 1, removal);
                        prop_assert_eq!(gone.len(), index + 1);
                        for order in gone {
                            let id = fleet.remove(order, &mut instances).id.0;
                            let expected = plain.victim(removal).expect("there are some");
                            prop_assert_eq!(id, plain.0.remove(expected).0);
                        }
                        fleet.tidy(&mut instances);
                    }
                    _ => {
                        let id = keys.len() as u64;
                        keys.push(instances.insert(Instance::new(InstanceId(id), now, SimTime::NEVER)));
                        fleet.add(keys[id as usize], now, &mut instances);
                        plain.0.push((id, false, false, now.as_nanos()));
                    }
                }
                prop_assert!(fleet.iter().map(|member| member.id.0).eq(plain.0.iter().map(|instance| instance.0)));
                let ready: Vec<u64> = plain.0.iter().filter(|instance| instance.1).map(|instance| instance.0).collect();
                prop_assert_eq!((fleet.len(), fleet.ready()), (plain.0.len(), ready.len()));
                prop_assert_eq!(fleet.taken() as usize, plain.0.iter().filter(|instance| instance.2).count());
                for n in [0, ready.len() / 2, ready.len()] {
                    let id = fleet.nth_ready(n).map(|key| instances.get(key).id.0);
                    prop_assert_eq!(id, ready.get(n).copied());
                }
                if let Some((id, ..)) = plain.0.first() {
                    prop_assert_eq!(fleet.find(InstanceId(*id)), Some(keys[*id as usize]));
                }
            }
        }
    }
}
