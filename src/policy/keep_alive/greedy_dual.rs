//! Keep-alive as caching: idle containers stay until memory is needed, and the least valuable goes first.
//!
//! Source: Fuerst and Sharma, "FaasCache: keeping serverless computing alive with greedy-dual caching", ASPLOS 2021, and
//! its simulator.

use rand::RngExt;

use crate::id::{FnId, InstanceId};
use crate::rng::Stream;
use crate::time::{SimTime, Span};

/// What makes a container valuable. All take the least valuable idle containers first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Clock + frequency x cost / size.
    GreedyDual,
    /// Clock + frequency x cost.
    Frequency,
    /// Clock + frequency / size.
    Size,
    /// The time of the last use.
    LeastRecentlyUsed,
    /// The time of the last use; besides, whatever has been idle for this long goes.
    TimeToLive(Span),
    /// Credit, set to the cost of a start at each use; making room takes credit in proportion to size from all.
    Landlord,
    /// A random whole number from 0 to 9, drawn at each use.
    Random,
}

/// What a cache knows about a function.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Worth {
    /// What a cold start costs more than a warm one, in seconds.
    pub cost: f64,
    /// What a warm run takes, in seconds: the credit of [`Rule::Landlord`].
    pub warm: f64,
    /// Memory of a container, in MB.
    pub size: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Container {
    id: InstanceId,
    function: FnId,
    busy: bool,
    last_used: SimTime,
    priority: f64,
}

/// The containers of one host, and what each is worth.
///
/// Frequencies count the uses of a function over all its containers, and start again when its last one goes. The clock
/// is the priority of the container that went last, so that old fame fades.
#[derive(Clone, Debug)]
pub struct Cache {
    rule: Rule,
    worth: Vec<Worth>,
    uses: Vec<u64>,
    containers: Vec<Container>,
    clock: f64,
    stream: Stream,
}

impl Cache {
    /// An empty cache for functions with the given worth, by [`FnId::index`]; only [`Rule::Random`] draws from `stream`.
    #[must_use]
    pub fn new(rule: Rule, worth: Vec<Worth>, stream: Stream) -> Self {
        let uses = vec![0; worth.len()];
        Self { rule, worth, uses, containers: Vec::new(), clock: 0.0, stream }
    }

    /// Container `id` of `function`, new or idle so far, takes a request at `now`. All containers of the function get
    /// the priority this use gives. An unknown function is worth nothing.
    pub fn used(&mut self, id: InstanceId, function: FnId, now: SimTime) {
        if let Some(uses) = self.uses.get_mut(function.index()) {
            *uses += 1;
        }
        let priority = self.priority(function, now);
        if !self.containers.iter().any(|container| container.id == id) {
            self.containers.push(Container { id, function, busy: true, last_used: now, priority });
        }
        for container in self.containers.iter_mut().filter(|container| container.function == function) {
            if container.id == id {
                container.busy = true;
                container.last_used = now;
                container.priority = priority;
            } else if matches!(self.rule, Rule::GreedyDual | Rule::Frequency | Rule::Size) {
                container.priority = priority;
            }
        }
    }

    /// Container `id` falls idle at `now`.
    pub fn idle(&mut self, id: InstanceId, now: SimTime) {
        if let Some(container) = self.containers.iter_mut().find(|container| container.id == id) {
            container.busy = false;
            container.last_used = now;
            if let Rule::LeastRecentlyUsed | Rule::TimeToLive(_) = self.rule {
                container.priority = now.as_secs_f64();
            }
        }
    }

    /// Makes at least `needed` MB free when `free` MB are: the containers that go, in the order they go. Nothing goes if
    /// that does not suffice: then the request is dropped.
    pub fn make_room(&mut self, needed: f64, free: f64) -> Option<Vec<InstanceId>> {
        if free >= needed {
            return Some(Vec::new());
        }
        let idle = self.containers.iter().filter(|container| !container.busy);
        let reclaimable: f64 = idle.map(|container| self.worth_of(container.function).size).sum();
        if free + reclaimable < needed {
            return None;
        }
        if self.rule == Rule::Landlord {
            self.charge();
        }
        let mut going = Vec::new();
        let mut room = free;
        while room < needed {
            let idle = self.containers.iter().filter(|container| !container.busy);
            let least = idle.min_by(|a, b| {
                a.priority.total_cmp(&b.priority).then(a.last_used.cmp(&b.last_used)).then(a.id.cmp(&b.id))
            });
            let Some(least) = least.copied() else { break };
            room += self.worth_of(least.function).size;
            self.clock = self.clock.max(least.priority);
            self.remove(least.id);
            going.push(least.id);
        }
        Some(going)
    }

    /// When an idle container goes even without need.
    #[must_use]
    pub fn time_to_live(&self) -> Span {
        match self.rule {
            Rule::TimeToLive(window) => window,
            _ => Span::FOREVER,
        }
    }

    /// Container `id` is gone.
    pub fn remove(&mut self, id: InstanceId) {
        let Some(place) = self.containers.iter().position(|container| container.id == id) else { return };
        let function = self.containers.remove(place).function;
        if !self.containers.iter().any(|container| container.function == function)
            && let Some(uses) = self.uses.get_mut(function.index())
        {
            *uses = 0;
        }
    }

    fn priority(&mut self, function: FnId, now: SimTime) -> f64 {
        let worth = self.worth_of(function);
        let uses = self.uses.get(function.index()).map_or(0.0, |uses| *uses as f64);
        let size = worth.size.max(f64::MIN_POSITIVE);
        match self.rule {
            Rule::GreedyDual => self.clock + uses * worth.cost / size,
            Rule::Frequency => self.clock + uses * worth.cost,
            Rule::Size => self.clock + uses / size,
            Rule::LeastRecentlyUsed | Rule::TimeToLive(_) => now.as_secs_f64(),
            Rule::Landlord => worth.warm,
            Rule::Random => f64::from(self.stream.random_range(0..10_u8)),
        }
    }

    /// Takes rent from all, running ones included: as much for each MB as the poorest can pay.
    fn charge(&mut self) {
        let size = |container: &Container| self.worth_of(container.function).size.max(f64::MIN_POSITIVE);
        let rent = self.containers.iter().map(|c| c.priority / size(c)).fold(f64::INFINITY, f64::min);
        let sizes: Vec<f64> = self.containers.iter().map(size).collect();
        for (container, size) in self.containers.iter_mut().zip(sizes) {
            container.priority -= rent * size;
        }
    }

    fn worth_of(&self, function: FnId) -> Worth {
        self.worth.get(function.index()).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Streams};

    const A: FnId = FnId(0);
    const B: FnId = FnId(1);
    const C: FnId = FnId(2);

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(secs)
    }

    /// A costs 2 s and 100 MB, B 1 s and 200 MB, C 3 s and 400 MB.
    fn cache(rule: Rule) -> Cache {
        let worth = [(2.0, 100.0), (1.0, 200.0), (3.0, 400.0)];
        let stream = Streams::new(1, 0).stream("host", Purpose::Policy);
        Cache::new(rule, worth.map(|(cost, size)| Worth { cost, warm: cost, size }).to_vec(), stream)
    }

    /// Containers 0, 1, 2 of A, B, C, used once each at 0, 1, 2 s, and idle since.
    fn filled(rule: Rule) -> Cache {
        let mut cache = cache(rule);
        for (n, function) in [A, B, C].into_iter().enumerate() {
            let id = InstanceId(n as u64);
            cache.used(id, function, at(n as u64));
            cache.idle(id, at(n as u64));
        }
        cache
    }

    fn room(cache: &mut Cache, needed: f64) -> Option<Vec<u64>> {
        Some(cache.make_room(needed, 0.0)?.into_iter().map(|id| id.0).collect())
    }

    #[test]
    fn the_order_of_each_rule() {
        for (rule, order) in [
            (Rule::GreedyDual, [1, 2, 0]),        // 2/100 = 0.02, 1/200 = 0.005, 3/400 = 0.0075
            (Rule::Frequency, [1, 0, 2]),         // 2, 1, 3
            (Rule::Size, [2, 1, 0]),              // 1/100, 1/200, 1/400
            (Rule::LeastRecentlyUsed, [0, 1, 2]), // 0, 1, 2 s
            (Rule::TimeToLive(Span::from_secs(600)), [0, 1, 2]),
            (Rule::Landlord, [1, 2, 0]), // rent 0.005 for each MB: 2 - 0.5, 1 - 1, 3 - 2
        ] {
            assert_eq!(room(&mut filled(rule), 700.0), Some(order.to_vec()), "{rule:?}");
        }
    }

    #[test]
    fn only_as_many_as_needed_or_none() {
        let mut cache = filled(Rule::GreedyDual);
        assert_eq!(room(&mut cache, 701.0), None);
        assert_eq!(cache.make_room(150.0, 200.0), Some(Vec::new()));
        cache.used(InstanceId(1), B, at(3));
        assert_eq!(room(&mut cache, 300.0), Some(vec![2]), "busy containers stay");
        assert_eq!(room(&mut cache, 200.0), None);
    }

    #[test]
    fn the_clock_ages_what_is_not_used() {
        let mut cache = filled(Rule::GreedyDual);
        assert_eq!(room(&mut cache, 200.0), Some(vec![1]));
        assert_eq!(cache.clock, 0.005);
        // B again: 0.005 + 1/200 = 0.01, its frequency has started anew; C is still at 0.0075.
        cache.used(InstanceId(3), B, at(9));
        cache.idle(InstanceId(3), at(9));
        assert_eq!(cache.containers.last().map(|container| container.priority), Some(0.01));
        assert_eq!(room(&mut cache, 500.0), Some(vec![2, 3]));
        assert_eq!(cache.clock, 0.01);
    }

    #[test]
    fn all_containers_of_a_function_share_its_fame() {
        let mut cache = filled(Rule::GreedyDual);
        cache.used(InstanceId(7), B, at(5));
        cache.used(InstanceId(7), B, at(6));
        // Three uses of B: 3/200 = 0.015 for the idle container 1 as well; C with 0.0075 goes first.
        assert_eq!(room(&mut cache, 500.0), Some(vec![2, 1]));
    }

    #[test]
    fn random_priorities_order_nothing_for_good() {
        let mut cache = filled(Rule::Random);
        let mut first = std::collections::BTreeSet::new();
        for round in 0..100 {
            for (id, function) in [(0, A), (1, B), (2, C)] {
                cache.used(InstanceId(id), function, at(round));
                cache.idle(InstanceId(id), at(round));
            }
            first.extend(cache.make_room(1.0, 0.0).into_iter().flatten());
        }
        assert_eq!(first.len(), 3);
    }

    #[test]
    fn only_one_rule_expires() {
        assert_eq!(cache(Rule::TimeToLive(Span::from_secs(600))).time_to_live(), Span::from_secs(600));
        assert_eq!(cache(Rule::Landlord).time_to_live(), Span::FOREVER);
    }
}
