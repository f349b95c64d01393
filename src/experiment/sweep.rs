//! Sweeps: every point is a separate scenario, and all cores work until the last is done.

use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use super::{Progress, lock, run, unlock};
use crate::engine::SimError;
use crate::measure::sweep::{Columns, Row};
use crate::rng::seed_of;
use crate::scenario::sweep::{Point, Points, Sweep};
use crate::scenario::{GroupedProblems, Problems, Scenario, ScenarioFactory, Source};
use crate::time::Span;

/// Points looked at before what was found is put in order.
const CHUNK: u64 = 4_096;
/// Fixed cost of a point, as a number of requests.
const POINT: u64 = 2_000;

/// What is swept.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    /// The scenario that is changed.
    pub base: &'a ScenarioFactory<'a>,
    /// How.
    pub sweep: &'a Sweep,
    /// Its points.
    pub points: &'a Points<'a>,
    /// What is kept of each.
    pub columns: &'a Columns,
    /// The warm-up of points with "auto".
    pub warm_up: Span,
}

/// Why a sweep ended early.
#[derive(Debug)]
pub enum Failure {
    /// Invalid points.
    Points(Problems),
    /// The error of the simulation of one point.
    Simulation(String, SimError),
    /// It was interrupted.
    Cancelled,
}

impl Task<'_> {
    /// Checks all points and estimates the cost of each, as a number of requests. Deterministic on all machines,
    /// because shards are derived from it.
    ///
    /// # Errors
    /// Everything that is wrong with any point; and when `progress` breaks.
    pub fn survey(self, threads: NonZeroUsize, progress: &dyn Progress) -> Result<Vec<u64>, Failure> {
        let count = self.points.count();
        let mut costs: Vec<u64> = Vec::with_capacity(count as usize);
        let mut findings = self.base.findings();
        for start in (0..count).step_by(CHUNK as usize) {
            let chunk = start..count.min(start + CHUNK);
            let share = (chunk.end - chunk.start) as f64 / count as f64;
            self.look_at(chunk, threads, &mut costs, &mut findings);
            if progress.advance(share, 0).is_break() {
                return Err(Failure::Cancelled);
            }
            if findings.is_full() {
                break;
            }
        }
        findings.finish().map_or(Ok(costs), |problems| Err(Failure::Points(problems)))
    }

    fn look_at(self, chunk: Range<u64>, threads: NonZeroUsize, costs: &mut Vec<u64>, findings: &mut GroupedProblems) {
        // Checking a few points is faster than starting threads.
        let threads = threads.get().min(((chunk.end - chunk.start) as usize).div_ceil(8));
        let next = AtomicUsize::new(0);
        let found: Vec<Mutex<Option<Result<u64, Problems>>>> = chunk.clone().map(|_| Mutex::new(None)).collect();
        on_threads(threads, &|| {
            let mut base = self.base.clone();
            loop {
                let place = next.fetch_add(1, Relaxed);
                let Some(slot) = found.get(place) else { break };
                let point = self.points.get(chunk.start + place as u64);
                *lock(slot) = Some(self.scenario(&mut base, &point).map(|scenario| cost(&scenario)));
            }
        });
        for (number, found) in chunk.zip(found) {
            match unlock(found) {
                Some(Ok(cost)) => costs.push(cost),
                Some(Err(problems)) => findings.add(&self.name(&self.points.get(number)), &problems),
                None => {}
            }
        }
    }

    /// Simulates points, in the order given, on `threads` threads, and passes each row to `each` when it is done, in
    /// any order, with the number of requests simulated for it. `costs` are those of all points.
    ///
    /// Each row is a function of its point alone. Each thread works on one point; at the end, idle threads help with
    /// the replications and cells of the others. So it is best to start with the most expensive points.
    ///
    /// # Errors
    /// When `progress` or `each` breaks, and what the engine refuses. What was handed over before is whole.
    pub fn simulate(
        self,
        numbers: &[u64],
        costs: &[u64],
        threads: NonZeroUsize,
        progress: &dyn Progress,
        each: &(dyn Fn(Row, u64) -> ControlFlow<()> + Sync),
    ) -> Result<(), Failure> {
        let all: u128 = numbers.iter().map(|number| u128::from(costs[*number as usize])).sum();
        let next = AtomicUsize::new(0);
        let has_failed = AtomicBool::new(false);
        let failed: Mutex<Option<Failure>> = Mutex::new(None);
        on_threads(threads.get(), &|| {
            let mut base = self.base.clone();
            while !has_failed.load(Relaxed) {
                let Some(&number) = numbers.get(next.fetch_add(1, Relaxed)) else { break };
                let part =
                    Part { whole: progress, weight: costs[number as usize] as f64 / all as f64, done: Mutex::new(0.0) };
                let done = self.one(&mut base, number, threads, &part);
                let done = done.and_then(|(row, simulated)| match each(row, simulated) {
                    ControlFlow::Continue(()) => Ok(()),
                    ControlFlow::Break(()) => Err(Failure::Cancelled),
                });
                if let Err(failure) = done {
                    has_failed.store(true, Relaxed);
                    lock(&failed).get_or_insert(failure);
                }
                part.finish();
            }
        });
        unlock(failed).map_or(Ok(()), Err)
    }

    fn one(
        self,
        base: &mut ScenarioFactory<'_>,
        number: u64,
        threads: NonZeroUsize,
        progress: &dyn Progress,
    ) -> Result<(Row, u64), Failure> {
        let point = self.points.get(number);
        let scenario = self.scenario(base, &point).map_err(Failure::Points)?;
        let run = run(&scenario, threads, progress, None).map_err(|error| match error {
            SimError::Cancelled => Failure::Cancelled,
            error => Failure::Simulation(self.name(&point), error),
        })?;
        // Only complete points are kept.
        if !run.is_whole {
            return Err(Failure::Cancelled);
        }
        Ok((self.columns.row(number, &run.result.summary), run.simulated))
    }

    /// The scenario of a point.
    fn scenario(self, base: &mut ScenarioFactory<'_>, point: &Point) -> Result<Scenario, Problems> {
        let mut scenario = base.with(self.sweep.axes().zip(&point.levels))?;
        if !self.sweep.common_random_numbers {
            scenario.simulation.seed = seed_of(scenario.simulation.seed, point.number);
        }
        let simulation = &mut scenario.simulation;
        if simulation.warm_up_is_auto {
            // The same for all points, so that they stay comparable; at most half of the horizon.
            simulation.warm_up = self.warm_up.min(Span::from_nanos(simulation.horizon.as_nanos() / 2));
        }
        Ok(scenario)
    }

    /// What a point is called: `point 3 (function.f.memory = 512MB)`.
    fn name(self, point: &Point) -> String {
        format!("configuration {} ({})", point.number + 1, self.points.describe(point))
    }
}

/// The points of a shard (from 1) out of `shards`: a stretch of all points, so that each shard costs about the same.
#[must_use]
pub fn shard(costs: &[u64], shard: u32, shards: u32) -> Range<u64> {
    let all: u128 = costs.iter().map(|cost| u128::from(*cost)).sum();
    let mut before: u128 = 0;
    // A point belongs where its middle lies.
    let owners = costs.iter().map(|cost| {
        let middle = 2 * before + u128::from(*cost);
        before += u128::from(*cost);
        (middle * u128::from(shards) / (2 * all).max(1)) as u32 + 1
    });
    let (mut start, mut end) = (0, 0);
    for owner in owners {
        start += u64::from(owner < shard);
        end += u64::from(owner <= shard);
    }
    start..end
}

/// The numbers of points, the most expensive first.
#[must_use]
pub fn by_cost(mut numbers: Vec<u64>, costs: &[u64]) -> Vec<u64> {
    numbers.sort_by_key(|number| (std::cmp::Reverse(costs[*number as usize]), *number));
    numbers
}

/// What a scenario will cost, as a number of requests.
fn cost(scenario: &Scenario) -> u64 {
    let horizon = scenario.simulation.horizon.as_secs_f64();
    let rate = |source: &Source| source.arrivals.mean_rate(source.service_mean_s(&scenario.functions), horizon);
    let rates = scenario.sources.iter().map(rate);
    let requests = rates.filter(|rate| rate.is_finite()).sum::<f64>() * horizon;
    let runs = u64::from(scenario.simulation.replications);
    // Rounded, so that machines agree even if logarithms differ in the last digit.
    let rounded = (requests / 100.0).round() as u64 * 100;
    runs.saturating_mul(rounded.saturating_add(POINT + scenario.functions.len() as u64))
}

/// Runs the same work on several threads, which share it.
fn on_threads(threads: usize, work: &(dyn Fn() + Sync)) {
    let pool = (threads > 1).then(|| rayon::ThreadPoolBuilder::new().num_threads(threads).build());
    match pool {
        Some(Ok(pool)) => {
            pool.broadcast(|_| work());
        }
        // With one thread, or where the system gives no more.
        _ => work(),
    }
}

/// The progress of one point as a share of the total.
struct Part<'a> {
    whole: &'a dyn Progress,
    weight: f64,
    done: Mutex<f64>,
}

impl Part<'_> {
    /// What was not reported is done too.
    fn finish(self) {
        let rest = (1.0 - unlock(self.done)).max(0.0);
        let _ = self.whole.advance(rest * self.weight, 0);
    }
}

impl Progress for Part<'_> {
    fn advance(&self, share: f64, requests: u64) -> ControlFlow<()> {
        let mut done = lock(&self.done);
        // The effort of a point with a precision target is unknown.
        let share = share.min(1.0 - *done).max(0.0);
        *done += share;
        drop(done);
        self.whole.advance(share * self.weight, requests)
    }

    fn is_out_of_memory(&self) -> bool {
        self.whole.is_out_of_memory()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::NoFiles;
    use crate::scenario::ParseOptions;

    /// All rows of a sweep, in the order of the points, as bits.
    fn rows(sweep: &str, threads: usize) -> Vec<Vec<u64>> {
        let text = format!(
            "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"20m\"\nreplications = 3\n[[function]]\nname = \"f\"\n\
             duration.exponential.mean = \"200ms\"\ncold-start.exponential.mean = \"1s\"\nkeep-alive.fixed.window = \"5s\"\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"20/m\"\n\
             [[objective]]\nmetric = \"latency_s.p99\"\nfunction = \"f\"\nbelow = 1.5\n[sweep]\n{sweep}\n"
        );
        let options = ParseOptions::default();
        let (base, scenario, _) = ScenarioFactory::read("x.toml", text.as_bytes(), &options, &NoFiles).expect("right");
        let sweep = scenario.sweep.as_ref().expect("a sweep");
        let (points, columns) = (sweep.points().expect("few"), Columns::of(&scenario));
        let task = Task { base: &base, sweep, points: &points, columns: &columns, warm_up: Span::ZERO };
        let threads = NonZeroUsize::new(threads).expect("some");
        let costs = task.survey(threads, &()).expect("right");
        let found = Mutex::new(Vec::new());
        let each = |row: Row, _| {
            lock(&found).push(row);
            ControlFlow::Continue(())
        };
        let numbers = by_cost((0..points.count()).collect(), &costs);
        task.simulate(&numbers, &costs, threads, &(), &each).expect("it runs");
        let mut found = unlock(found);
        found.sort_by_key(|row| row.number);
        assert!(found.iter().map(|row| row.number).eq(0..points.count()));
        found.into_iter().map(|row| row.values.into_iter().map(f64::to_bits).collect()).collect()
    }

    const WINDOWS: &str = "\"function.f.keep-alive.fixed.window\" = [\"1s\", \"5s\", \"30s\"]\n";
    const SEEDED: &str = "\"scenario.description\" = [\"a\", \"b\"]\n";

    #[test]
    fn threads_change_nothing() {
        let rate = "\"source.s.arrivals.poisson.rate\" = { from = \"1/m\", to = \"4/s\", points = 4, scale = \"log\" }";
        let sweep = format!("{WINDOWS}{rate}");
        assert_eq!(rows(&sweep, 1), rows(&sweep, 5));
    }

    #[test]
    fn points_have_common_random_numbers_unless_told_otherwise() {
        let same = rows(SEEDED, 2);
        assert_eq!(same[0], same[1]);
        let other = rows(&format!("{SEEDED}common-random-numbers = false"), 2);
        assert!(other[0] != other[1] && other[0] != same[0]);
    }

    #[test]
    fn what_cannot_work_is_a_result() {
        // Everything is rejected; everything times out.
        let found = rows("\"function.f.concurrency.reserved\" = [0, 5]\n\"function.f.timeout\" = [\"1ns\", \"1h\"]", 2);
        let met = |row: &Vec<u64>| f64::from_bits(row[1]);
        assert_eq!(found.iter().map(met).collect::<Vec<_>>().len(), 4);
        assert!(found[..3].iter().all(|row| met(row) == 0.0), "nothing was completed in time");
    }

    #[test]
    fn shards_are_all_points_once_and_cost_about_the_same() {
        let costs: Vec<u64> = (0..1_000).map(|number| 10 + number % 7 * 1_000 + number).collect();
        for shards in [1, 3, 64, 1_500] {
            let ranges: Vec<Range<u64>> = (1..=shards).map(|number| shard(&costs, number, shards)).collect();
            assert!(ranges.iter().flat_map(Clone::clone).eq(0..1_000), "{shards} shards");
            let cost = |range: &Range<u64>| costs[range.start as usize..range.end as usize].iter().sum::<u64>();
            let even = costs.iter().sum::<u64>() / u64::from(shards);
            let most = costs.iter().max().expect("some");
            assert!(ranges.iter().all(|range| cost(range).abs_diff(even) <= 2 * most), "{shards} shards");
        }
        assert_eq!(shard(&[], 1, 3), 0..0);
    }

    #[test]
    fn the_most_expensive_first() {
        assert_eq!(by_cost(vec![0, 1, 2, 3], &[5, 9, 5, 1]), [1, 0, 2, 3]);
    }

    #[test]
    fn who_is_told_to_stop_stops() {
        struct Stop;
        impl Progress for Stop {
            fn advance(&self, _: f64, _: u64) -> ControlFlow<()> {
                ControlFlow::Break(())
            }
        }
        let part = Part { whole: &Stop, weight: 0.5, done: Mutex::new(0.0) };
        assert!(part.advance(0.1, 1).is_break());
    }
}
