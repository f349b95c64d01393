//! Experiments: replications, cells and contenders. Only here are simulations distributed over threads.

mod cells;
pub mod chaos;
pub mod compare;
pub mod plan;
pub mod sweep;
pub mod warm_up;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::engine::{Cell, Halt, Observer, SimError, simulate};
use crate::measure::{
    Alarms, Batches, Details, Faults, FunctionRecord, MinimumInstances, Recorder, Replication, Replications, RunResult,
    Total, Window, precision_reached,
};
use crate::rng::Streams;
use crate::scenario::Scenario;
use crate::stats::precision::{Patience, looks};
use crate::time::SimTime;
use cells::Partition;

/// Receives the progress of an experiment, from any thread, and decides whether to continue.
pub trait Progress: Sync {
    /// A new phase starts: shares count from zero again.
    fn begin(&self) {}

    /// A further `share` (0..=1) of the work is done, with this many more requests simulated.
    fn advance(&self, share: f64, requests: u64) -> ControlFlow<()>;

    /// Whether so little memory is left that the simulation has to stop.
    fn is_out_of_memory(&self) -> bool {
        false
    }
}

/// Runs to the end without reporting.
impl Progress for () {
    fn advance(&self, _: f64, _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// An observer of one replication. Not generic: the engine would be compiled again for each type.
pub type Log<'a> = &'a mut (dyn Observer + Send + 'a);

/// The result of an experiment.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was found.
    pub result: RunResult,
    /// Requests simulated, over all replications and the warm-up.
    pub simulated: u64,
    /// Whether it completed. If not, it contains the completed replications, from the first on.
    pub is_whole: bool,
}

/// Runs a scenario on `threads` threads: the configured number of replications, or until its intervals are narrow
/// enough. The result does not depend on `threads`.
///
/// `log`, if given, observes the first replication, with the ids of the scenario and all functions in order of time.
///
/// # Errors
/// If `progress` breaks before one replication is complete, or if a trace is malformed.
pub fn run(
    scenario: &Scenario,
    threads: NonZeroUsize,
    progress: &dyn Progress,
    mut log: Option<Log<'_>>,
) -> Result<Run, SimError> {
    let prepared = Prepared::of(scenario);
    let first = scenario.simulation.replications;
    let precision = scenario.simulation.precision.as_ref();
    let looks = precision.map_or_else(|| vec![first], |precision| looks(first, precision.max_replications));
    let mut replications = Replications::default();
    let (mut patience, mut reached, mut is_whole) = (Patience::default(), Vec::new(), true);
    for look in &looks {
        if !replications.is_empty() {
            progress.begin();
        }
        let done = replications.len() as u32;
        let units: Vec<ReplicationJob<'_>> = (done..*look).map(|number| prepared.unit(number, progress)).collect();
        let stopped =
            simulate_all(&units, threads, log.take(), |_, replication| replications.push(scenario, replication));
        match stopped {
            None => {}
            Some(SimError::Cancelled) if !replications.is_empty() => is_whole = false,
            Some(error) => return Err(error),
        }
        if precision.is_some() {
            let (now, is_narrow) = precision_reached(scenario, &replications);
            reached = now;
            if !is_whole || patience.is_over(is_narrow) {
                break;
            }
        }
    }
    let simulated = replications.simulated();
    let mut result = RunResult::of(scenario, &replications);
    if precision.is_some() {
        result.set_precision(reached, looks, is_whole);
    }
    Ok(Run { result, simulated, is_whole })
}

/// A scenario with data common to all its replications.
struct Prepared<'a> {
    scenario: &'a Scenario,
    window: Window,
    plan: Partition,
}

impl<'a> Prepared<'a> {
    fn of(scenario: &'a Scenario) -> Self {
        Self { scenario, window: Window::of(scenario), plan: Partition::of(scenario) }
    }

    /// A replication of it.
    fn unit<'b>(&'b self, replication: u32, progress: &'b dyn Progress) -> ReplicationJob<'b> {
        let work = Work { scenario: self.scenario, window: &self.window, plan: &self.plan, progress };
        ReplicationJob { work, replication }
    }
}

/// One replication of one scenario.
struct ReplicationJob<'a> {
    work: Work<'a>,
    replication: u32,
}

/// What is to be simulated.
#[derive(Clone, Copy)]
struct Work<'a> {
    scenario: &'a Scenario,
    window: &'a Window,
    plan: &'a Partition,
    progress: &'a dyn Progress,
}

/// A task for a thread: a cell of a unit.
struct Task<'a> {
    /// Index of the unit.
    unit: usize,
    cell: &'a Cell,
    /// Its share of all work.
    share: f64,
}

/// What became of a unit when its last cell came in.
enum Whole {
    /// A replication.
    Replication(Box<Replication>),
    /// The limit that its cells share may have been reached.
    Exceeded,
}

/// A replication whose cells are being simulated.
struct Partial {
    total: Total,
    functions: Vec<Option<FunctionRecord>>,
    functions_in: usize,
    /// Whether all functions were simulated together, so that a shared limit has been kept.
    is_together: bool,
}

/// Cells of one unit simulated by one thread, summed here first: the sums are integers, so any order gives the same
/// result.
struct Batch<'a> {
    unit: usize,
    total: Total,
    records: Vec<(&'a Cell, Vec<FunctionRecord>)>,
}

/// Simulates all units, each thread the next cell that is left, and hands over what they leave, in their order and as soon as
/// it is there. Says why it stopped before the end, if it did: what comes after the first unit that is not whole is missing
/// then.
///
/// `log`, if given, observes the first unit.
fn simulate_all(
    units: &[ReplicationJob<'_>],
    threads: NonZeroUsize,
    log: Option<Log<'_>>,
    mut each: impl FnMut(usize, Replication) + Send,
) -> Option<SimError> {
    // A logged unit is simulated in one cell, so that events are in order.
    let has_log = log.is_some();
    let tasks: Vec<Task<'_>> = (units.iter().enumerate())
        .flat_map(|(place, unit)| {
            let cells = match unit.work.plan {
                Partition::Apart { cells, .. } if !(place == 0 && has_log) => &cells[..],
                plan => std::slice::from_ref(plan.whole()),
            };
            let share = 1.0 / (units.len() * cells.len()) as f64;
            cells.iter().map(move |cell| Task { unit: place, cell, share })
        })
        .collect();
    let done = InOrder { next: 0, early: BTreeMap::new(), each: &mut each };
    let partials: Vec<Mutex<Option<Box<Partial>>>> = units.iter().map(|_| Mutex::new(None)).collect();
    let pool = Pool { units, partials: &partials, log: &Mutex::new(log), done: &Mutex::new(done) };
    pool.all(&tasks, threads)
}

/// Whole units, which are handed over in their order.
struct InOrder<'a> {
    next: usize,
    /// Those that are whole before one that comes first.
    early: BTreeMap<usize, Replication>,
    each: &'a mut (dyn FnMut(usize, Replication) + Send),
}

impl InOrder<'_> {
    fn add(&mut self, unit: usize, replication: Replication) {
        self.early.insert(unit, replication);
        while let Some(replication) = self.early.remove(&self.next) {
            (self.each)(self.next, replication);
            self.next += 1;
        }
    }
}

/// Units, how far each has come, and what happens with those that are whole.
struct Pool<'a, 'l> {
    units: &'a [ReplicationJob<'a>],
    partials: &'a [Mutex<Option<Box<Partial>>>],
    log: &'a Mutex<Option<Log<'l>>>,
    done: &'a Mutex<InOrder<'a>>,
}

impl Pool<'_, '_> {
    /// Runs all tasks, with each thread taking the next; the first error stops it.
    fn all(&self, tasks: &[Task<'_>], threads: NonZeroUsize) -> Option<SimError> {
        let next = AtomicUsize::new(0);
        let failed: Mutex<Option<SimError>> = Mutex::new(None);
        let worker = || {
            let mut batch: Option<Batch<'_>> = None;
            let mut work = || {
                while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if lock(&failed).is_some() {
                        return Ok(());
                    }
                    if let Some(other) = batch.take_if(|batch| batch.unit != task.unit) {
                        self.hand_in(other)?;
                    }
                    let batch = batch.get_or_insert_with(|| self.batch(task.unit));
                    self.one(task, batch)?;
                }
                batch.take().map_or(Ok(()), |last| self.hand_in(last))
            };
            if let Err(error) = work() {
                lock(&failed).get_or_insert(error);
            }
        };
        let threads = threads.get().min(tasks.len());
        if threads <= 1 {
            worker();
        } else {
            rayon::scope(|scope| (0..threads).for_each(|_| scope.spawn(|_| worker())));
        }
        unlock(failed)
    }

    /// Nothing of a unit yet.
    fn batch<'b>(&self, unit: usize) -> Batch<'b> {
        let work = self.units[unit].work;
        Batch { unit, total: Total::new(work.scenario, work.window), records: Vec::new() }
    }

    /// Simulates a task and adds it to a batch of the same unit.
    fn one<'b>(&self, task: &Task<'b>, batch: &mut Batch<'b>) -> Result<(), SimError> {
        let log = (task.unit == 0).then(|| lock(self.log).take()).flatten();
        let unit = &self.units[task.unit];
        let records = unit.work.one(task, unit.replication, &mut batch.total, log)?;
        batch.records.push((task.cell, records));
        Ok(())
    }

    /// Adds a batch to its unit. The last one completes it; where the shared limit may have been reached, the cells were
    /// wrong, and it is simulated once more, together.
    fn hand_in(&self, batch: Batch<'_>) -> Result<(), SimError> {
        let place = batch.unit;
        match self.complete(batch) {
            None => {}
            Some(Whole::Replication(replication)) => lock(self.done).add(place, *replication),
            Some(Whole::Exceeded) => {
                let cell = self.units[place].work.plan.whole();
                let mut together = self.batch(place);
                self.one(&Task { unit: place, cell, share: 1.0 / self.units.len() as f64 }, &mut together)?;
                if let Some(Whole::Replication(replication)) = self.complete(together) {
                    lock(self.done).add(place, *replication);
                }
            }
        }
        Ok(())
    }

    /// Adds a batch to its unit, and says what became of that if it was the last one.
    fn complete(&self, batch: Batch<'_>) -> Option<Whole> {
        let work = self.units[batch.unit].work;
        let functions = work.scenario.functions.len();
        let mut state = lock(&self.partials[batch.unit]);
        let mut partial = match state.take() {
            Some(mut partial) => {
                partial.total.merge(&batch.total);
                partial
            }
            None => Box::new(Partial {
                total: batch.total,
                functions: vec![None; functions],
                functions_in: 0,
                is_together: false,
            }),
        };
        for (cell, records) in batch.records {
            partial.functions_in += records.len();
            partial.is_together |= records.len() == functions;
            for (function, record) in cell.functions.iter().zip(records) {
                partial.functions[function.index()] = Some(record);
            }
        }
        if partial.functions_in < functions {
            *state = Some(partial);
            return None;
        }
        drop(state);
        Some(partial.complete(work))
    }
}

impl Work<'_> {
    /// Simulates one task into `total`.
    fn one(
        self,
        task: &Task<'_>,
        replication: u32,
        total: &mut Total,
        log: Option<Log<'_>>,
    ) -> Result<Vec<FunctionRecord>, SimError> {
        let streams = Streams::new(self.scenario.simulation.seed, replication);
        let horizon = self.window.until.as_nanos() as f64;
        let mut reached = SimTime::ZERO;
        let mut pulse = |now: SimTime, requests| {
            let now = now.min(self.window.until);
            let share = now.since(reached).as_nanos() as f64 / horizon * task.share;
            reached = now;
            if self.progress.is_out_of_memory() {
                return ControlFlow::Break(Halt::OutOfMemory);
            }
            self.progress.advance(share, requests).map_break(|()| Halt::Cancelled)
        };
        let (scenario, cell, window) = (self.scenario, task.cell, self.window);
        let mut batches = Batches::new(scenario, cell, window);
        let mut details = Details::new(scenario, cell, window);
        let mut minimum = MinimumInstances::new(scenario, cell, window);
        let mut alarms = Alarms::new(scenario);
        let mut faults = Faults::new(scenario, window);
        let is_plain = batches.is_none()
            && details.is_none()
            && minimum.is_none()
            && alarms.is_none()
            && faults.is_none()
            && log.is_none();
        // Specialized versions for the common cases.
        if is_plain && cell.functions.len() == 1 {
            let mut recorder = Recorder::<true>::new(scenario, cell, window, total);
            let events = simulate(scenario, cell, &streams, &mut recorder, &mut pulse)?;
            return Ok(recorder.finish(events));
        }
        let mut recorder = Recorder::<false>::new(scenario, cell, window, total);
        let events = if is_plain {
            simulate(scenario, cell, &streams, &mut recorder, &mut pulse)?
        } else {
            let beside = (batches.as_mut(), (details.as_mut(), (minimum.as_mut(), (alarms.as_mut(), faults.as_mut()))));
            simulate(scenario, cell, &streams, ((&mut recorder, beside), log), &mut pulse)?
        };
        let mut records = recorder.finish(events);
        if let Some(batches) = batches {
            batches.finish(total, &mut records);
        }
        if let Some(details) = details {
            details.finish(window, total);
        }
        if let Some(alarms) = alarms {
            total.set_alarms(alarms.finish());
        }
        if let Some(faults) = faults {
            faults.finish(total);
        }
        if let Some(minimum) = minimum {
            minimum.finish(&mut records);
        }
        Ok(records)
    }
}

impl Partial {
    fn complete(self, work: Work<'_>) -> Whole {
        if let Partition::Apart { shared_limit: Some(limit), .. } = work.plan
            && !self.is_together
            && self.total.may_exceed(*limit)
        {
            return Whole::Exceeded;
        }
        let functions = self.functions.into_iter().flatten().collect();
        Whole::Replication(Box::new(self.total.finish(work.window, functions)))
    }
}

/// No thread panics while it holds one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn unlock<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::json;
    use crate::scenario::testing;

    /// Forty functions of all kinds, with a limit on the account.
    fn scenario(limit: u32) -> Scenario {
        let selection = ["most-recently-used", "least-recently-used", "newest", "oldest", "random", "round-robin"];
        let limits = ["reserved = 2", "max-instances = 2", "provisioned = 1", "per-instance = 3", "queue-limit = 3"];
        let keep_alive = ["fixed.window = \"30s\"", "halving.period = \"20s\"", "fixed.window = \"forever\""];
        let functions = (0..40).map(|index| {
            format!(
                "[[function]]\nname = \"f{index}\"\nselection = \"{}\"\nduration.exponential.mean = \"{}ms\"\n\
                 cold-start.exponential.mean = \"400ms\"\nkeep-alive.{}\nconcurrency.{}\nconcurrency.overflow = \"queue\"\n\
                 [[source]]\nname = \"s{index}\"\nfunction = \"f{index}\"\narrivals.poisson.rate = \"{}/m\"\n",
                selection[index % 6],
                100 + 37 * index,
                keep_alive[index % 3],
                limits[index % 5],
                1 + 3 * index,
            )
        });
        let head =
            "[scenario]\nname = \"cells\"\n[simulation]\nhorizon = \"20m\"\nwarm-up = \"2m\"\nreplications = 3\n";
        let platform = format!(
            "[platform]\npreset = \"alibaba-fc\"\n\
             concurrency = {{ account-limit = {limit}, request-rate-per-concurrency = \"10/s\" }}\n"
        );
        testing::scenario(&format!("{head}{platform}{}", functions.collect::<String>()))
    }

    /// Everything that a run says, as text.
    fn run_as(scenario: &Scenario, plan: &Partition, threads: usize) -> String {
        let prepared = Prepared { plan: plan.clone(), ..Prepared::of(scenario) };
        let threads = NonZeroUsize::new(threads).expect("a thread");
        let units: Vec<ReplicationJob<'_>> =
            (0..scenario.simulation.replications).map(|replication| prepared.unit(replication, &())).collect();
        let mut replications = Replications::default();
        let stopped = simulate_all(&units, threads, None, |_, one| replications.push(scenario, one));
        assert!(stopped.is_none(), "{stopped:?}");
        let result = RunResult::of(scenario, &replications);
        format!("{}\n{:?}\n{:?}", json::summary(&result.summary), result.timeline, result.distributions)
    }

    #[test]
    fn apart_and_together_give_the_same_bytes() {
        // About 45 are in progress on average, 24 of the limit are reserved: the last limit binds, the middle one nearly does.
        for (limit, binds) in [(1000, false), (130, false), (60, true)] {
            let scenario = scenario(limit);
            let plan = Partition::of(&scenario);
            assert!(matches!(&plan, Partition::Apart { cells, .. } if cells.len() == 40), "limit {limit}");
            let together = run_as(&scenario, &Partition::Together(Cell::whole(&scenario)), 1);
            assert_eq!(together.contains("\"account-limit\""), binds, "limit {limit}");
            assert!(together == run_as(&scenario, &plan, 1), "limit {limit}: apart is not together");
            assert!(together == run_as(&scenario, &plan, 5), "limit {limit}: threads matter");
        }
    }

    #[test]
    fn a_log_changes_nothing() {
        let scenario = scenario(1000);
        let text = |log: Option<Log<'_>>| {
            json::summary(&run(&scenario, NonZeroUsize::MIN, &(), log).expect("it runs").result.summary)
        };
        assert_eq!(text(None), text(Some(&mut ())));
    }

    #[test]
    fn who_is_told_to_stop_stops() {
        struct Stop;
        impl Progress for Stop {
            fn advance(&self, _: f64, _: u64) -> ControlFlow<()> {
                ControlFlow::Break(())
            }
        }
        let error = run(&scenario(1000), NonZeroUsize::MIN, &Stop, None).expect_err("it was told to stop");
        assert!(matches!(error, SimError::Cancelled));
    }
}
