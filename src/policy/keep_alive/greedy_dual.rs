//! Keep-alive as caching: idle containers stay until memory is needed; the least valuable is removed first.
//!
//! Source: Fuerst and Sharma, "FaasCache: keeping serverless computing alive with greedy-dual caching", ASPLOS 2021, and
//! its simulator.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;

use super::{Policy, Window};
use crate::id::{InstanceId, LocalFn};
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::Duration;
use crate::time::{SimTime, Span};

parameters! {
    /// When memory is needed, least valuable first, as in a cache.
    pub struct GreedyDualSpec {
        /// How the value of an instance is computed.
        default rule: Rule = Rule::GreedyDual,
        /// With rule = "time-to-live": idle time after which an instance is removed in any case. Default: 10 minutes.
        optional time_to_live: Duration,
    }
}

impl GreedyDualSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if self.time_to_live.is_some() && self.rule != Rule::TimeToLive {
            let help = "with the other rules instances stay until their memory is needed: remove it";
            check.wrong_with("time-to-live", "is for rule = \"time-to-live\"", help);
        }
    }
}

impl Policy for GreedyDualSpec {
    fn build(&self, _: &dyn Fn() -> Stream) -> Window {
        Window::Fixed(match self.rule {
            Rule::TimeToLive => self.time_to_live.unwrap_or(Span::from_secs(600)),
            _ => Span::FOREVER,
        })
    }

    fn eviction_rule(&self) -> Option<Rule> {
        Some(self.rule)
    }
}

choice! {
    /// What makes a container valuable. Under every rule, the least valuable idle containers are removed first.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub enum Rule {
        "greedy-dual" => GreedyDual, "Clock + uses of its function * additional time of a cold start / memory.";
        "least-recently-used" => LeastRecentlyUsed, "The time of its last use.";
        "frequency" => Frequency, "Clock + uses of its function * additional time of a cold start.";
        "size" => Size, "Clock + uses of its function / memory.";
        "time-to-live" => TimeToLive, "The time of its last use; idle instances are removed after ten minutes in any case.";
        "landlord" => Landlord, "Credit for each use, from which all containers pay rent in proportion to memory when memory is short.";
        "random" => Random, "A whole number from 0 to 9, drawn at each use.";
    }
}

/// What a cache knows about a function.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Worth {
    /// Extra time of a cold start over a warm one, in seconds.
    pub cost: f64,
    /// Duration of a warm run, in seconds: the credit of [`Rule::Landlord`].
    pub warm: f64,
    /// Memory of a container, in MB.
    pub size: f64,
}

/// A container to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Victim<H> {
    /// Its function.
    pub function: LocalFn,
    /// Its number in its function.
    pub id: InstanceId,
    /// Its identifier for the owner.
    pub handle: H,
}

/// A priority as a whole number, in the same order.
type Rank = i64;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Container<H> {
    handle: H,
    last_used: SimTime,
    /// Priority of this container, where the rule distinguishes those of a function.
    priority: f64,
    is_idle: bool,
}

/// The containers of one function.
#[derive(Clone, Debug)]
struct Kept<H> {
    /// Uses of all its containers; starts again when the last one is removed.
    uses: u64,
    /// Priority of all its containers, where the rule gives all the same one.
    priority: f64,
    containers: BTreeMap<InstanceId, Container<H>>,
    /// The idle ones, least valuable first.
    idle: BTreeSet<(Rank, SimTime, InstanceId)>,
    /// The position of the function among the others.
    entry: Option<(Rank, SimTime, LocalFn, InstanceId)>,
}

impl<H> Default for Kept<H> {
    fn default() -> Self {
        Self { uses: 0, priority: 0.0, containers: BTreeMap::new(), idle: BTreeSet::new(), entry: None }
    }
}

/// The containers of one host, and their values.
///
/// Frequencies count the uses of a function over all its containers, and start again when its last one is removed. The
/// clock is the priority of the container that was removed last, so old uses lose weight. Among equal values, the least
/// recently used is removed.
#[derive(Clone, Debug)]
pub struct Cache<H> {
    rule: Rule,
    worth: Vec<Worth>,
    kept: Vec<Kept<H>>,
    /// The least valuable idle container of each function.
    order: BTreeSet<(Rank, SimTime, LocalFn, InstanceId)>,
    reclaimable: f64,
    clock: f64,
    stream: Stream,
}

impl<H: Copy> Cache<H> {
    /// An empty cache for functions with these costs, by [`LocalFn::index`]; only [`Rule::Random`] draws from `stream`.
    #[must_use]
    pub fn new(rule: Rule, worth: Vec<Worth>, stream: Stream) -> Self {
        let kept = worth.iter().map(|_| Kept::default()).collect();
        Self { rule, worth, kept, order: BTreeSet::new(), reclaimable: 0.0, clock: 0.0, stream }
    }

    /// Container `id` of `function`, new or idle until now, takes a request at `now`. Where priorities belong to
    /// functions, all its containers get the priority of this use.
    pub fn used(&mut self, function: LocalFn, id: InstanceId, handle: H, now: SimTime) {
        self.kept[function.index()].uses += 1;
        let priority = self.priority(function, now);
        self.take_from_idle(function, id);
        let kept = &mut self.kept[function.index()];
        kept.priority = priority;
        kept.containers.insert(id, Container { handle, last_used: now, priority, is_idle: false });
        self.place_function(function);
    }

    /// Container `id` was created without a request and is idle at `now`: its value is that of the function.
    pub fn loaded(&mut self, function: LocalFn, id: InstanceId, handle: H, now: SimTime) {
        let priority = self.priority(function, now);
        let kept = &mut self.kept[function.index()];
        kept.priority = priority;
        kept.containers.insert(id, Container { handle, last_used: now, priority, is_idle: false });
        self.idle(function, id, now);
    }

    /// Container `id` becomes idle at `now`.
    pub fn idle(&mut self, function: LocalFn, id: InstanceId, now: SimTime) {
        let (by_function, by_last_use) = (self.is_by_function(), self.is_by_last_use());
        let kept = &mut self.kept[function.index()];
        let Some(container) = kept.containers.get_mut(&id).filter(|container| !container.is_idle) else { return };
        container.is_idle = true;
        container.last_used = now;
        if by_last_use {
            container.priority = now.as_secs_f64();
        }
        kept.idle.insert(key(by_function, id, container));
        self.reclaimable += self.worth[function.index()].size;
        self.place_function(function);
    }

    /// Memory of idle containers, MB.
    #[must_use]
    pub const fn reclaimable(&self) -> f64 {
        self.reclaimable
    }

    /// Makes at least `needed` MB free, given that `free` MB are: returns the containers removed, in order. If that is
    /// not enough, none is removed: the request is dropped.
    pub fn make_room(&mut self, needed: f64, free: f64) -> Option<Vec<Victim<H>>> {
        if free >= needed {
            return Some(Vec::new());
        }
        if free + self.reclaimable < needed {
            return None;
        }
        if self.rule == Rule::Landlord {
            self.charge();
        }
        let mut going = Vec::new();
        let mut room = free;
        while room < needed {
            let Some(&(.., function, id)) = self.order.first() else { break };
            let kept = &self.kept[function.index()];
            let Some(container) = kept.containers.get(&id) else { break };
            let priority = if self.is_by_function() { kept.priority } else { container.priority };
            room += self.worth[function.index()].size;
            self.clock = self.clock.max(priority);
            going.push(Victim { function, id, handle: container.handle });
            self.remove(function, id);
        }
        Some(going)
    }

    /// Container `id` is gone; ignored if that is already known.
    pub fn remove(&mut self, function: LocalFn, id: InstanceId) {
        self.take_from_idle(function, id);
        let kept = &mut self.kept[function.index()];
        if kept.containers.remove(&id).is_some() && kept.containers.is_empty() {
            kept.uses = 0;
        }
        self.place_function(function);
    }

    fn take_from_idle(&mut self, function: LocalFn, id: InstanceId) {
        let by_function = self.is_by_function();
        let kept = &mut self.kept[function.index()];
        if let Some(container) = kept.containers.get(&id).filter(|container| container.is_idle) {
            kept.idle.remove(&key(by_function, id, container));
            self.reclaimable -= self.worth[function.index()].size;
        }
    }

    /// Puts a function at the position of its least valuable idle container.
    fn place_function(&mut self, function: LocalFn) {
        let by_function = self.is_by_function();
        let kept = &mut self.kept[function.index()];
        let entry = kept.idle.first().map(|&(own, last_used, id)| {
            (if by_function { rank(kept.priority) } else { own }, last_used, function, id)
        });
        if entry != kept.entry {
            if let Some(old) = kept.entry.take() {
                self.order.remove(&old);
            }
            kept.entry = entry;
            self.order.extend(entry);
        }
    }

    /// Whether all containers of a function have one priority.
    const fn is_by_function(&self) -> bool {
        matches!(self.rule, Rule::GreedyDual | Rule::Frequency | Rule::Size)
    }

    const fn is_by_last_use(&self) -> bool {
        matches!(self.rule, Rule::LeastRecentlyUsed | Rule::TimeToLive)
    }

    fn priority(&mut self, function: LocalFn, now: SimTime) -> f64 {
        let worth = self.worth[function.index()];
        let uses = self.kept[function.index()].uses as f64;
        let size = worth.size.max(f64::MIN_POSITIVE);
        match self.rule {
            Rule::GreedyDual => self.clock + uses * worth.cost / size,
            Rule::Frequency => self.clock + uses * worth.cost,
            Rule::Size => self.clock + uses / size,
            Rule::LeastRecentlyUsed | Rule::TimeToLive => now.as_secs_f64(),
            Rule::Landlord => worth.warm,
            Rule::Random => f64::from(self.stream.random_range(0..10_u8)),
        }
    }

    /// Charges all containers rent, running ones included: as much per MB as the poorest can pay.
    fn charge(&mut self) {
        let each = |kept: &Kept<H>, size: f64| {
            kept.containers.values().map(|container| container.priority / size).fold(f64::INFINITY, f64::min)
        };
        let sizes: Vec<f64> = self.worth.iter().map(|worth| worth.size.max(f64::MIN_POSITIVE)).collect();
        let rents = self.kept.iter().zip(&sizes).map(|(kept, size)| each(kept, *size));
        let rent = rents.fold(f64::INFINITY, f64::min);
        for (index, size) in sizes.into_iter().enumerate() {
            let kept = &mut self.kept[index];
            if kept.containers.is_empty() {
                continue;
            }
            kept.containers.values_mut().for_each(|container| container.priority -= rent * size);
            let idle = kept.containers.iter().filter(|(_, container)| container.is_idle);
            kept.idle = idle.map(|(id, container)| key(false, *id, container)).collect();
            self.place_function(LocalFn(index as u32));
        }
    }
}

/// The position of a container among the idle ones of its function.
fn key<H>(by_function: bool, id: InstanceId, container: &Container<H>) -> (Rank, SimTime, InstanceId) {
    (if by_function { 0 } else { rank(container.priority) }, container.last_used, id)
}

/// Numbers that are ordered as `f64::total_cmp` orders these.
const fn rank(priority: f64) -> Rank {
    let bits = priority.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Streams};

    const A: LocalFn = LocalFn(0);
    const B: LocalFn = LocalFn(1);
    const C: LocalFn = LocalFn(2);

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(secs)
    }

    /// A costs 2 s and 100 MB, B 1 s and 200 MB, C 3 s and 400 MB.
    fn cache(rule: Rule) -> Cache<()> {
        let worth = [(2.0, 100.0), (1.0, 200.0), (3.0, 400.0)];
        let stream = Streams::new(1, 0).stream("host", Purpose::Policy);
        Cache::new(rule, worth.map(|(cost, size)| Worth { cost, warm: cost, size }).to_vec(), stream)
    }

    /// Containers 0, 1, 2 of A, B, C, used once each at 0, 1, 2 s, and idle since.
    fn filled(rule: Rule) -> Cache<()> {
        let mut cache = cache(rule);
        for (n, function) in [A, B, C].into_iter().enumerate() {
            let id = InstanceId(n as u64);
            cache.used(function, id, (), at(n as u64));
            cache.idle(function, id, at(n as u64));
        }
        cache
    }

    fn room(cache: &mut Cache<()>, needed: f64) -> Option<Vec<u64>> {
        Some(cache.make_room(needed, 0.0)?.into_iter().map(|victim| victim.id.0).collect())
    }

    #[test]
    fn the_order_of_each_rule() {
        for (rule, order) in [
            (Rule::GreedyDual, [1, 2, 0]),        // 2/100 = 0.02, 1/200 = 0.005, 3/400 = 0.0075
            (Rule::Frequency, [1, 0, 2]),         // 2, 1, 3
            (Rule::Size, [2, 1, 0]),              // 1/100, 1/200, 1/400
            (Rule::LeastRecentlyUsed, [0, 1, 2]), // 0, 1, 2 s
            (Rule::TimeToLive, [0, 1, 2]),
            (Rule::Landlord, [1, 2, 0]), // rent 0.005 for each MB: 2 - 0.5, 1 - 1, 3 - 2
        ] {
            assert_eq!(room(&mut filled(rule), 700.0), Some(order.to_vec()), "{rule:?}");
        }
    }

    /// A is used first, but B has been idle for longer.
    #[test]
    fn a_use_lasts_until_its_end() {
        for rule in [Rule::LeastRecentlyUsed, Rule::TimeToLive] {
            let mut cache = cache(rule);
            cache.used(A, InstanceId(0), (), at(0));
            cache.used(B, InstanceId(1), (), at(10));
            cache.idle(B, InstanceId(1), at(11));
            cache.idle(A, InstanceId(0), at(50));
            assert_eq!(room(&mut cache, 100.0), Some(vec![1]), "{rule:?}");
        }
    }

    #[test]
    fn only_as_many_as_needed_or_none() {
        let mut cache = filled(Rule::GreedyDual);
        assert_eq!(room(&mut cache, 701.0), None);
        assert_eq!(cache.make_room(150.0, 200.0), Some(Vec::new()));
        cache.used(B, InstanceId(1), (), at(3));
        assert_eq!(room(&mut cache, 300.0), Some(vec![2]), "busy containers stay");
        assert_eq!(room(&mut cache, 200.0), None);
    }

    #[test]
    fn the_clock_ages_what_is_not_used() {
        let mut cache = filled(Rule::GreedyDual);
        assert_eq!(room(&mut cache, 200.0), Some(vec![1]));
        assert_eq!(cache.clock, 0.005);
        // B again: 0.005 + 1/200 = 0.01, since its frequency has started again; C is still at 0.0075.
        cache.used(B, InstanceId(3), (), at(9));
        cache.idle(B, InstanceId(3), at(9));
        assert_eq!(cache.kept[B.index()].priority, 0.01);
        assert_eq!(room(&mut cache, 500.0), Some(vec![2, 3]));
        assert_eq!(cache.clock, 0.01);
    }

    #[test]
    fn all_containers_of_a_function_share_its_fame() {
        let mut cache = filled(Rule::GreedyDual);
        cache.used(B, InstanceId(7), (), at(5));
        cache.used(B, InstanceId(7), (), at(6));
        // Three uses of B: 3/200 = 0.015, for the idle container 1 as well; C with 0.0075 is removed first.
        assert_eq!(room(&mut cache, 500.0), Some(vec![2, 1]));
    }

    #[test]
    fn random_priorities_order_nothing_for_good() {
        let mut cache = filled(Rule::Random);
        let mut first = std::collections::BTreeSet::new();
        for round in 0..100 {
            for (id, function) in [(0, A), (1, B), (2, C)] {
                cache.used(function, InstanceId(id), (), at(round));
                cache.idle(function, InstanceId(id), at(round));
            }
            let gone = cache.make_room(1.0, 0.0).into_iter().flatten();
            first.extend(gone.map(|victim| victim.id));
        }
        assert_eq!(first.len(), 3);
    }

    /// A prewarmed container has the value of its function, and adds nothing to it.
    #[test]
    fn a_container_loaded_in_advance_is_no_use() {
        let mut cache = cache(Rule::GreedyDual);
        cache.used(B, InstanceId(0), (), at(0));
        cache.idle(B, InstanceId(0), at(0));
        cache.loaded(B, InstanceId(1), (), at(1));
        assert_eq!((cache.kept[B.index()].uses, cache.reclaimable()), (1, 400.0));
        assert_eq!(room(&mut cache, 200.0), Some(vec![0]), "used longest ago");
        cache.remove(B, InstanceId(0));
        assert_eq!(cache.reclaimable(), 200.0);
    }

    #[test]
    fn ranks_are_in_order() {
        let numbers = [f64::NEG_INFINITY, -2.0, -1e-300, -0.0, 0.0, 1e-300, 2.0, f64::INFINITY];
        assert!(numbers.windows(2).all(|pair| rank(pair[0]) < rank(pair[1])));
    }
}
