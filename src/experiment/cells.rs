//! What couples functions, in one place: cells are made from it.

use std::collections::HashMap;

use crate::engine::Cell;
use crate::id::{FnId, SourceId};
use crate::measure::TOGETHER_MAX;
use crate::scenario::{Scenario, Target};

/// How the functions of a scenario are simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// All in one cell.
    Together(Cell),
    /// In cells, those with the most requests first.
    Apart {
        /// The cells. Every function is in one of them.
        cells: Vec<Cell>,
        /// Their sum is exact only while no more requests than this are in progress on unreserved concurrency.
        shared_limit: Option<u32>,
    },
}

impl Plan {
    /// Few functions are simulated together; of many those that share a source. An account limit that is sure to bind
    /// keeps all together, and so does a budget of memory; of a limit that may bind, the cells themselves tell.
    pub(super) fn of(scenario: &Scenario) -> Self {
        let limit = scenario.platform.account_limit.map(|_| scenario.unreserved_concurrency());
        let load = Load::of(scenario);
        let shares_memory = scenario.platform.memory_budget_mb.is_some();
        if shares_memory
            || scenario.functions.len() <= TOGETHER_MAX
            || limit.is_some_and(|limit| load.in_progress >= f64::from(limit))
        {
            return Self::Together(Cell::whole(scenario));
        }
        let mut cells = cells(scenario);
        if cells.len() == 1 {
            return Self::Together(Cell::whole(scenario));
        }
        let weight = |cell: &Cell| cell.sources.iter().map(|source| load.rates[source.index()]).sum::<f64>();
        cells.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.functions.cmp(&b.functions)));
        Self::Apart { cells, shared_limit: limit }
    }
}

/// What is to be expected.
struct Load {
    /// Requests per second of each source.
    rates: Vec<f64>,
    /// Requests in progress on average, over all functions without reserved concurrency.
    in_progress: f64,
}

impl Load {
    fn of(scenario: &Scenario) -> Self {
        let horizon = scenario.simulation.horizon.as_secs_f64();
        let mut in_progress = 0.0;
        let rates = scenario
            .sources
            .iter()
            .map(|source| {
                let function = match &source.target {
                    Target::Function(id) => Some(&scenario.functions[id.index()]),
                    Target::ByTrace(_) => None,
                };
                let service = function.map_or(0.0, |function| function.duration.mean_s());
                let rate = source.arrivals.mean_rate(service, horizon);
                if function.is_some_and(|function| function.concurrency.reserved.is_none()) && service.is_finite() {
                    in_progress += rate * service;
                }
                rate
            })
            .collect();
        Self { rates, in_progress }
    }
}

/// Functions that share a source belong together, and so do the sources of a function, and functions of an application
/// that decides for them together, and those that take the same stem cells.
fn cells(scenario: &Scenario) -> Vec<Cell> {
    let mut groups = Groups((0..scenario.functions.len()).collect());
    for source in &scenario.sources {
        if let Target::ByTrace(functions) = &source.target {
            for pair in functions.windows(2) {
                groups.join(pair[0].index(), pair[1].index());
            }
        }
    }
    let mut apps: HashMap<&str, usize> = HashMap::new();
    for (place, function) in scenario.functions.iter().enumerate().filter(|(_, f)| f.keep_alive.is_by_app()) {
        if let Some(app) = function.app.as_deref() {
            groups.join(*apps.entry(app).or_insert(place), place);
        }
    }
    let mut pools: HashMap<u32, usize> = HashMap::new();
    for (place, function) in scenario.functions.iter().enumerate() {
        if let Some(pool) = scenario.platform.stem_cells_of(function) {
            groups.join(*pools.entry(pool).or_insert(place), place);
        }
    }
    let unreserved = scenario.unreserved_concurrency();
    let mut cells: Vec<Cell> = Vec::new();
    let mut place = vec![usize::MAX; scenario.functions.len()];
    for function in 0..scenario.functions.len() {
        let root = groups.root(function);
        if place[root] == usize::MAX {
            place[root] = cells.len();
            cells.push(Cell { functions: Vec::new(), sources: Vec::new(), unreserved });
        }
        cells[place[root]].functions.push(FnId(function as u32));
    }
    for (index, source) in scenario.sources.iter().enumerate() {
        let function = match &source.target {
            Target::Function(id) => Some(*id),
            Target::ByTrace(functions) => functions.first().copied(),
        };
        if let Some(function) = function {
            cells[place[groups.root(function.index())]].sources.push(SourceId(index as u32));
        }
    }
    cells
}

/// Disjoint sets; the root of a set is its smallest member.
struct Groups(Vec<usize>);

impl Groups {
    fn root(&mut self, mut member: usize) -> usize {
        while self.0[member] != member {
            self.0[member] = self.0[self.0[member]];
            member = self.0[member];
        }
        member
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_is_transitive() {
        let mut groups = Groups((0..6).collect());
        groups.join(4, 2);
        groups.join(2, 5);
        groups.join(1, 0);
        assert_eq!((0..6).map(|member| groups.root(member)).collect::<Vec<_>>(), [0, 0, 2, 3, 2, 2]);
    }
}
