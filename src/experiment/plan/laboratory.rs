//! Where the search gets its observations: the simulator.

use std::num::NonZeroUsize;

use super::search::{Job, Laboratory};
use crate::engine::SimError;
use crate::experiment::{Prepared, Progress, Unit, simulate_all};
use crate::measure::plan::{Observation, Subjects};
use crate::measure::{Replication, RunResult};
use crate::scenario::Scenario;

/// Simulates candidates on some threads.
pub(super) struct Simulator<'a> {
    pub(super) candidates: &'a [Scenario],
    pub(super) subjects: &'a Subjects,
    pub(super) threads: NonZeroUsize,
    pub(super) progress: &'a dyn Progress,
    /// Requests simulated so far.
    pub(super) simulated: u64,
}

impl Laboratory for Simulator<'_> {
    fn observe(&mut self, jobs: &[Job]) -> Result<Vec<Vec<Observation>>, SimError> {
        let prepared: Vec<Prepared<'_>> =
            jobs.iter().map(|job| Prepared::of(&self.candidates[job.candidate])).collect();
        let units: Vec<Unit<'_>> = (prepared.iter().zip(jobs))
            .flat_map(|(one, job)| (job.from..job.to).map(|replication| one.unit(replication, self.progress)))
            .collect();
        let mut replications = whole(&units, self.threads, self.progress)?.into_iter();
        let mut observed = Vec::new();
        for job in jobs {
            let scenario = &self.candidates[job.candidate];
            let those = replications.by_ref().take((job.to - job.from) as usize);
            let list: Vec<Observation> = those.map(|mut one| self.subjects.observe(scenario, &mut one)).collect();
            self.simulated += list.iter().map(|one| one.simulated).sum::<u64>();
            observed.push(list);
        }
        Ok(observed)
    }
}

impl Simulator<'_> {
    /// Complete results of some replications of a scenario, which need not be a candidate.
    ///
    /// # Errors
    /// When it is interrupted or a simulation fails.
    pub(super) fn run(&mut self, scenario: &Scenario, count: u32) -> Result<(Vec<Observation>, RunResult), SimError> {
        let prepared = Prepared::of(scenario);
        let units: Vec<Unit<'_>> = (0..count).map(|replication| prepared.unit(replication, self.progress)).collect();
        let mut replications = whole(&units, self.threads, self.progress)?;
        let observed: Vec<Observation> =
            replications.iter_mut().map(|one| self.subjects.observe(scenario, one)).collect();
        self.simulated += observed.iter().map(|one| one.simulated).sum::<u64>();
        Ok((observed, RunResult::of(scenario, replications)))
    }
}

/// All replications, or why not.
fn whole(units: &[Unit<'_>], threads: NonZeroUsize, progress: &dyn Progress) -> Result<Vec<Replication>, SimError> {
    progress.begin();
    let (replications, stopped) = simulate_all(units, threads, None::<()>);
    match (replications.into_iter().collect(), stopped) {
        (Some(replications), None) => Ok(replications),
        (_, Some(error)) => Err(error),
        (None, None) => Err(SimError::Cancelled),
    }
}
