//! What happens at every combination of values.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use super::{Answer, Source, Study, StudyError};
use crate::engine::SimError;
use crate::experiment::sweep::{Failure, Task, by_cost};
use crate::experiment::{Progress, warm_up};
use crate::measure::sweep::{Columns, Row};
use crate::report::Artefact;
use crate::report::sweep::digest::Digest;
use crate::report::sweep::{SweepReport, Tables, columns};
use crate::scenario::sweep::{Points, Sweep as Asked};
use crate::scenario::{ParseOptions, Problems, Scenario, ScenarioFactory};
use crate::time::Span;

/// A scenario with its `[sweep]`. All rows are held in memory; the command line keeps them in a journal instead.
pub struct Sweep<'a> {
    source: Source<'a>,
    options: ParseOptions,
    scenario: Scenario,
}

impl<'a> Study<'a> for Sweep<'a> {
    type Options = ParseOptions;
    type Found = SweepReport;

    /// Reads and checks all but the points, which are checked before the first is simulated.
    fn read(source: Source<'a>, options: &ParseOptions) -> Result<(Self, Problems), StudyError> {
        let (_, scenario, warnings) = ScenarioFactory::read(source.name, source.bytes, options, source.files)?;
        asked(source.name, &scenario)?;
        Ok((Self { source, options: options.clone(), scenario }, warnings))
    }

    fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    fn run(&mut self, threads: NonZeroUsize, progress: &dyn Progress) -> Result<Answer<SweepReport>, StudyError> {
        let (base, scenario, _) =
            ScenarioFactory::read(self.source.name, self.source.bytes, &self.options, self.source.files)?;
        let (sweep, points) = asked(self.source.name, &scenario)?;
        let measured = Columns::of(&scenario);
        let warm_up = resolve_warm_up(&scenario, threads, progress)?;
        let task = Task { base: &base, sweep, points: &points, columns: &measured, warm_up };
        let costs = task.survey(threads, progress)?;
        progress.begin();
        let (rows, simulated) = (Mutex::new(Vec::new()), AtomicU64::new(0));
        let each = |row: Row, requests: u64| {
            simulated.fetch_add(requests, Relaxed);
            rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
            ControlFlow::Continue(())
        };
        let numbers = by_cost((0..points.count()).collect(), &costs);
        task.simulate(&numbers, &costs, threads, progress, &each)?;
        let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
        rows.sort_by_key(|row| row.number);
        let replications = rows.iter().map(Row::replications).max().unwrap_or_default();
        let mut digest = Digest::new(sweep, &measured);
        let table = columns(sweep, &measured);
        let mut tables = Tables::new(&table, |_| Ok(Vec::new())).map_err(|error| in_memory(&error))?;
        for row in rows {
            let point = points.get(row.number);
            digest.add(&point, &row);
            tables.write(point, row).map_err(|error| in_memory(&error))?;
        }
        let tables = tables.finish().map_err(|error| in_memory(&error))?;
        let tables = tables.into_iter().map(|(name, content)| Artefact::new(name, content)).collect();
        let found = SweepReport { scenario: scenario.clone(), digest, tables };
        Ok(Answer { found, replications, simulated: simulated.into_inner(), is_whole: true })
    }
}

/// How a scenario is swept, and the points.
///
/// # Errors
/// A scenario without `[sweep]`.
pub fn asked<'a>(name: &str, scenario: &'a Scenario) -> Result<(&'a Asked, Points<'a>), StudyError> {
    scenario.sweep.as_ref().and_then(|sweep| Some((sweep, sweep.points()?))).ok_or_else(|| {
        StudyError::question(
            format!("{name} has no [sweep]"),
            "add it with keys and the values they take, as in\n\n  [sweep]\n  \"function.NAME.memory\" = [\"512MB\", \
             \"1024MB\"]\n",
        )
    })
}

/// The warm-up of all points that leave it open: the one that a pilot of the unchanged scenario finds. The same for every
/// shard.
///
/// # Errors
/// As of the simulation.
pub fn resolve_warm_up(scenario: &Scenario, threads: NonZeroUsize, progress: &dyn Progress) -> Result<Span, Failure> {
    let mut unchanged = scenario.clone();
    let found = warm_up::resolve(&mut unchanged, threads, progress).map_err(|error| match error {
        SimError::Cancelled => Failure::Cancelled,
        error => Failure::Simulation("the pilot for the warm-up".to_owned(), error),
    })?;
    if found.is_some() {
        progress.begin();
    }
    Ok(unchanged.simulation.warm_up)
}

impl From<Failure> for StudyError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Points(problems) => Self::Scenario(problems),
            Failure::Cancelled => Self::Cancelled,
            Failure::Simulation(place, error) => Self::Simulation { place: Some(place), error },
        }
    }
}

fn in_memory((file, error): &(&'static str, std::io::Error)) -> StudyError {
    StudyError::question(format!("cannot make {file}: {error}"), "this is a bug")
}
