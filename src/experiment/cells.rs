//! What couples functions, all in one place; cells are derived from it.

use std::collections::HashMap;

use crate::engine::Cell;
use crate::id::{FnId, PlatformId, PoolId, SourceId};
use crate::measure::TOGETHER_MAX;
use crate::scenario::{Concurrency, Function, Platform, Scenario, Source, Target};
use crate::time::Span;

/// How the functions of a scenario are simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Partition {
    /// All in one cell.
    Together(Cell),
    /// In cells, those with the most requests first.
    Apart {
        /// The cells. Every function is in one of them.
        cells: Vec<Cell>,
        /// Their sum is exact only if at most this many requests are in progress on unreserved concurrency.
        shared_limit: Option<u32>,
        /// All in one.
        whole: Cell,
    },
}

impl Partition {
    /// A few functions are simulated together; of many, those that share a source. All are simulated together with a
    /// memory budget, node groups, an account limit that is expected to be reached, or a request rate limit that may be reached. The
    /// cells themselves detect whether an account limit may have been reached.
    pub(super) fn of(scenario: &Scenario) -> Self {
        let whole = Cell::whole(scenario);
        // Without `..`, here and in `cells`, so that a new field requires a decision on whether it couples functions.
        let Platform {
            preset: _,
            account_limit,
            min_unreserved: _,
            request_rate: _, // the whole cell tells
            init_timeout: _, // of each start
            scaling: _,      // a bucket for each function
            memory_budget_mb,
            stem_cells: _, // in `cells`
            placement: _,  // node groups couple all functions
            registry: _,
            billing: _,
        } = &scenario.platform;
        let limit = account_limit.map(|_| scenario.unreserved_concurrency(PlatformId::default()));
        if memory_budget_mb.is_some()
            || whole.unreserved_rate.is_some()
            || scenario.functions.len() <= TOGETHER_MAX
            || scenario.has_path()
            || !scenario.node_groups.is_empty()
            || !scenario.faults.is_empty()
            || !scenario.alarms.is_empty()
            || limit.is_some_and(|limit| in_progress_peak(scenario) >= f64::from(limit))
        {
            return Self::Together(whole);
        }
        let mut cells = cells(scenario);
        if cells.len() == 1 {
            return Self::Together(whole);
        }
        let horizon = scenario.simulation.horizon.as_secs_f64();
        let rate = |source: &Source| source.arrivals.mean_rate(service_s(scenario, source), horizon);
        let rates: Vec<f64> = scenario.sources.iter().map(rate).collect();
        let weight = |cell: &Cell| cell.sources.iter().map(|source| rates[source.index()]).sum::<f64>();
        cells.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.functions.cmp(&b.functions)));
        Self::Apart { cells, shared_limit: limit, whole }
    }

    /// All functions in one cell.
    pub(super) const fn whole(&self) -> &Cell {
        match self {
            Self::Together(whole) | Self::Apart { whole, .. } => whole,
        }
    }
}

/// Parts of the run whose load is estimated.
const PARTS: usize = 96;

/// Mean duration of requests of this source, s; 0 if it depends on the request.
fn service_s(scenario: &Scenario, source: &Source) -> f64 {
    source.service_mean_s(&scenario.functions)
}

/// The function that all requests of a source go to.
fn target<'s>(scenario: &'s Scenario, source: &Source) -> Option<&'s Function> {
    match &source.target {
        Target::Function(id) => Some(&scenario.functions[id.index()]),
        Target::ByTrace(_) | Target::Component(_) => None,
    }
}

/// Expected requests in progress in the busiest part of the run, over all functions without reserved concurrency.
/// Requests longer than a part count with their average over the run.
fn in_progress_peak(scenario: &Scenario) -> f64 {
    let horizon = scenario.simulation.horizon;
    let part = Span::from_nanos((horizon.as_nanos() / PARTS as u64).max(1));
    let mut in_progress = [0.0; PARTS];
    for source in &scenario.sources {
        let service = service_s(scenario, source);
        if target(scenario, source).is_none_or(|function| function.concurrency.reserved.is_some())
            || !service.is_finite()
        {
            continue;
        }
        let expected = (service <= part.as_secs_f64())
            .then(|| source.arrivals.expected_by_interval(part, PARTS as u64, service))
            .flatten()
            .unwrap_or_else(|| {
                vec![source.arrivals.mean_rate(service, horizon.as_secs_f64()) * part.as_secs_f64(); PARTS]
            });
        for (in_progress, requests) in in_progress.iter_mut().zip(expected) {
            *in_progress += requests / part.as_secs_f64() * service;
        }
    }
    in_progress.into_iter().fold(0.0, f64::max)
}

/// Groups functions that share a source, an application with a common policy, or stem cells, and the sources of a
/// function.
fn cells(scenario: &Scenario) -> Vec<Cell> {
    let mut groups = Groups((0..scenario.functions.len()).collect());
    for source in &scenario.sources {
        let Source { name: _, target, arrivals: _, duration: _, payload: _ } = source;
        if let Target::ByTrace(functions) = target {
            for pair in functions.windows(2) {
                groups.join(pair[0].index(), pair[1].index());
            }
        }
    }
    let mut apps: HashMap<&str, usize> = HashMap::new();
    let mut pools: HashMap<PoolId, usize> = HashMap::new();
    for (place, function) in scenario.functions.iter().enumerate() {
        let Function {
            name: _,
            platform: _, // one with a path to others is simulated with all of them
            app,
            runtime: _, // these two say which stem cells it takes
            memory_mb: _,
            architecture: _,
            cpu: _, // shared by the requests of an instance
            gpu: _,
            node_group: _, // whose instances run on nodes is simulated together with all others
            image: _,
            ephemeral_storage_mb: _,
            readiness_probe: _, // part of the start of an instance
            has_own_machines: _,
            timeout: _,
            selection: _,
            max_lifetime: _,
            payload_limit: _,
            termination_grace_period: _,
            duration: _,
            cold_duration: _,
            cold_start: _,
            steps: _, // functions with these are simulated with all others
            batching: _,
            failure_ratio: _,
            init_timeout: _,
            snapshot_charged: _,
            keep_alive,
            scaling: _,
            concurrency,
            initial: _,
        } = function;
        // All of it is the function's own, except what it leaves of the account limit.
        let Concurrency { per_instance: _, max_instances: _, reserved: _, provisioned: _, overflow: _, queue_order: _ } =
            concurrency;
        if let Some(app) = app.as_deref().filter(|_| keep_alive.is_by_app()) {
            groups.join(*apps.entry(app).or_insert(place), place);
        }
        if let Some(pool) = scenario.platform_of(function.platform).stem_cells_of(function) {
            groups.join(*pools.entry(pool).or_insert(place), place);
        }
    }
    let unreserved = scenario.unreserved_concurrency(PlatformId::default());
    let mut cells: Vec<Cell> = Vec::new();
    let mut place = vec![usize::MAX; scenario.functions.len()];
    for function in 0..scenario.functions.len() {
        let root = groups.root(function);
        if place[root] == usize::MAX {
            place[root] = cells.len();
            cells.push(Cell { functions: Vec::new(), sources: Vec::new(), unreserved, unreserved_rate: None });
        }
        cells[place[root]].functions.push(FnId(function as u32));
    }
    for (index, source) in scenario.sources.iter().enumerate() {
        let function = match &source.target {
            Target::Function(id) => Some(*id),
            Target::ByTrace(functions) => functions.first().copied(),
            Target::Component(_) => None,
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
    use crate::scenario::testing;

    /// Whether forty functions alike are simulated together under a limit.
    fn is_together(limit: u32, horizon: &str, mean: &str, arrivals: &str) -> bool {
        let platform = format!("[platform.concurrency]\nmin-unreserved = 0\naccount-limit = {limit}\n");
        is_together_on(&platform, horizon, mean, arrivals)
    }

    fn is_together_on(platform: &str, horizon: &str, mean: &str, arrivals: &str) -> bool {
        let functions = (0..40).map(|index| {
            format!(
                "[[function]]\nname = \"f{index}\"\nduration.exponential.mean = \"{mean}\"\n\
                 [[source]]\nname = \"s{index}\"\nfunction = \"f{index}\"\narrivals.{arrivals}\n"
            )
        });
        let head = format!("[scenario]\nname = \"peak\"\n[simulation]\nhorizon = \"{horizon}\"\n{platform}");
        let scenario = testing::scenario(&format!("{head}{}", functions.collect::<String>()));
        matches!(Partition::of(&scenario), Partition::Together(_))
    }

    #[test]
    fn a_limit_that_binds_at_the_peak_only_keeps_all_together() {
        // 20 in progress on average, 30 at the peak.
        let day = "diurnal = { rate = \"0.5/s\", amplitude = 0.5, period = \"1h\", peak-at = \"30m\" }";
        for (limit, expected) in [(19, true), (29, true), (31, false)] {
            assert_eq!(is_together(limit, "1h", "1s", day), expected, "limit {limit}");
        }
    }

    #[test]
    fn a_request_rate_that_may_bind_keeps_all_together() {
        // 40 functions of so many requests of 1 ms each second, of which 10 x 1,000 may start.
        let day = |rate: u32| {
            format!("diurnal = {{ rate = \"{rate}/s\", amplitude = 0.5, period = \"1h\", peak-at = \"30m\" }}")
        };
        for (rate, expected) in [(100, false), (150, false), (170, true), (300, true)] {
            // At the peak 40 x 1.5 x rate, and ten standard deviations more.
            let is_together = is_together_on(
                "[platform]\npreset = \"aws-lambda\"\n[platform.concurrency]\naccount-limit = 1000\n",
                "1h",
                "1ms",
                &day(rate),
            );
            assert_eq!(is_together, expected, "{rate}/s each");
        }
    }

    #[test]
    fn long_requests_are_in_progress_once() {
        // 200 requests at one moment run for 60 s, of 96: 125 in progress on average, and never 1,000.
        let burst = "burst = { size = 5, every = \"96s\", first = \"10s\" }";
        for (limit, expected) in [(120, true), (1_000, false)] {
            assert_eq!(is_together(limit, "96s", "60s", burst), expected, "limit {limit}");
        }
    }

    #[test]
    fn joining_is_transitive() {
        let mut groups = Groups((0..6).collect());
        groups.join(4, 2);
        groups.join(2, 5);
        groups.join(1, 0);
        assert_eq!((0..6).map(|member| groups.root(member)).collect::<Vec<_>>(), [0, 0, 2, 3, 2, 2]);
    }
}
