//! The memory shared by all functions: allocation, eviction, and functions that wait for it.

use std::collections::{BTreeSet, VecDeque};

use super::instance::Instance;
use super::slab::Key;
use crate::id::{InstanceId, LocalFn};
use crate::policy::keep_alive::greedy_dual::{Cache, Victim, Worth};
use crate::rng::{Purpose, Streams};
use crate::scenario::{Function, Scenario, StemCells};
use crate::time::SimTime;

/// The memory budget. Idle instances created by requests may be evicted; provisioned ones and those created by a policy
/// are not.
pub(super) struct Memory {
    free_mb: u64,
    sizes_mb: Vec<u32>,
    cache: Cache<Key<Instance>>,
    /// Whether an effect that handles the next two is pending.
    pub(super) is_announced: bool,
    /// Instances to evict at this moment.
    evicted: VecDeque<Victim<Key<Instance>>>,
    /// Functions whose queue waits for memory, by the arrival time of their first request.
    waiting: BTreeSet<(SimTime, LocalFn)>,
}

impl Memory {
    /// None if there is no budget.
    pub(super) fn of<'s>(
        scenario: &Scenario,
        functions: impl Iterator<Item = &'s Function> + Clone,
        streams: &Streams,
    ) -> Option<Self> {
        // Stem cells always occupy memory.
        let budget = u64::from(scenario.platform.memory_budget_mb?);
        let stem_cells: u64 = scenario.platform.stem_cells.iter().map(StemCells::memory_mb).sum();
        let stream = streams.stream("platform.memory", Purpose::Policy);
        Some(Self {
            free_mb: budget.saturating_sub(stem_cells),
            sizes_mb: functions.clone().map(|function| function.memory_mb).collect(),
            cache: Cache::new(scenario.eviction_rule(), functions.map(worth).collect(), stream),
            is_announced: false,
            evicted: VecDeque::new(),
            waiting: BTreeSet::new(),
        })
    }

    /// Whether an instance of a function fits, possibly after evicting idle ones.
    pub(super) fn fits(&self, function: LocalFn) -> bool {
        let size = f64::from(self.sizes_mb[function.index()]);
        self.free_mb as f64 + self.cache.reclaimable() >= size
    }

    /// Allocates memory for an instance, evicting others if necessary; returns whether there is enough.
    pub(super) fn take(&mut self, function: LocalFn) -> bool {
        let size = self.sizes_mb[function.index()];
        let Some(victims) = self.cache.make_room(f64::from(size), self.free_mb as f64) else { return false };
        for victim in victims {
            self.free_mb += u64::from(self.sizes_mb[victim.function.index()]);
            self.evicted.push_back(victim);
        }
        self.free_mb -= u64::from(size);
        true
    }

    /// Whether an instance of a function fits without evicting any.
    pub(super) fn is_free(&self, function: LocalFn) -> bool {
        self.free_mb >= u64::from(self.sizes_mb[function.index()])
    }

    /// An instance takes a request.
    pub(super) fn used(&mut self, function: LocalFn, id: InstanceId, place: Key<Instance>, now: SimTime) {
        self.cache.used(function, id, place, now);
    }

    /// An instance that was created without a request is idle.
    pub(super) fn loaded(&mut self, function: LocalFn, id: InstanceId, place: Key<Instance>, now: SimTime) {
        self.cache.loaded(function, id, place, now);
    }

    /// An instance has no request.
    pub(super) fn idle(&mut self, function: LocalFn, id: InstanceId, now: SimTime) {
        self.cache.idle(function, id, now);
    }

    /// An instance has been removed without being evicted.
    pub(super) fn gone(&mut self, function: LocalFn, id: InstanceId) {
        self.cache.remove(function, id);
        self.free_mb += u64::from(self.sizes_mb[function.index()]);
    }

    /// Whether a change requires a follow-up effect; true only once until that has been applied.
    pub(super) fn is_to_be_announced(&mut self) -> bool {
        let has_more = !self.evicted.is_empty() || !self.waiting.is_empty();
        has_more && !std::mem::replace(&mut self.is_announced, true)
    }

    /// Whether no instance has to be evicted, and no waiting function could get the free memory.
    pub(super) fn is_settled(&self) -> bool {
        self.evicted.is_empty() && self.waiting.first().is_none_or(|(_, first)| !self.fits(*first))
    }

    /// The next instance to evict.
    pub(super) fn next_evicted(&mut self) -> Option<Victim<Key<Instance>>> {
        self.evicted.pop_front()
    }

    /// The same of one function.
    pub(super) fn next_evicted_of(&mut self, function: LocalFn) -> Option<Victim<Key<Instance>>> {
        let found = self.evicted.iter().position(|victim| victim.function == function)?;
        self.evicted.remove(found)
    }

    /// Registers a function whose first queued request arrived at `born`.
    pub(super) fn wait(&mut self, born: SimTime, function: LocalFn) {
        self.waiting.insert((born, function));
    }

    /// Removes it.
    pub(super) fn leave(&mut self, born: SimTime, function: LocalFn) {
        self.waiting.remove(&(born, function));
    }

    /// The function that has waited longest, if an instance of it fits. Smaller ones behind it keep waiting; otherwise
    /// it might starve.
    pub(super) fn next_waiting(&mut self) -> Option<LocalFn> {
        let &(_, first) = self.waiting.first()?;
        if !self.fits(first) {
            return None;
        }
        self.waiting.pop_first().map(|(_, function)| function)
    }
}

/// Data of a function for the cache: mean start time and duration.
fn worth(function: &Function) -> Worth {
    let finite = |secs: f64| if secs.is_finite() { secs } else { 0.0 };
    let warm = finite(function.duration.mean_s());
    let start: f64 = function.cold_start.iter().map(|phase| finite(phase.duration.mean_s())).sum();
    let cold = start + function.cold_duration.as_ref().map_or(warm, |duration| finite(duration.mean_s()));
    Worth { cost: (cold - warm).max(0.0), warm, size: f64::from(function.memory_mb) }
}
