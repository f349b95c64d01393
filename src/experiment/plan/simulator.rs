//! Where the search gets its observations: the simulator.

use std::num::NonZeroUsize;

use super::search::{Job, Sampler};
use crate::engine::SimError;
use crate::experiment::{Prepared, Progress, ReplicationJob, simulate_all};
use crate::measure::plan::{Observation, Subjects};
use crate::measure::{Replication, Replications, RunResult};
use crate::scenario::Scenario;

/// Candidates of which everything is kept: what comes after the search asks again for those with the most replications.
const KEPT: usize = 8;

/// Simulates candidates on some threads.
pub(super) struct Simulator<'a> {
    pub(super) candidates: &'a [Scenario],
    pub(super) subjects: &'a Subjects,
    pub(super) threads: NonZeroUsize,
    pub(super) progress: &'a dyn Progress,
    /// The candidate that is today's configuration. It is shown whatever is found, and so it is kept once it was observed.
    pub(super) today: Option<usize>,
    /// Requests and replications simulated so far.
    simulated: u64,
    runs: u64,
    /// The candidates that took the most to observe, the one that was observed last at the end.
    kept: Vec<(usize, Sample)>,
}

/// Replications of a scenario, from the first one on, and what they show.
#[derive(Default)]
pub(super) struct Sample {
    pub(super) observed: Vec<Observation>,
    replications: Replications,
}

impl Sample {
    /// Everything about them.
    pub(super) fn result(&self, scenario: &Scenario) -> RunResult {
        RunResult::of(scenario, &self.replications)
    }
}

impl<'a> Simulator<'a> {
    pub(super) const fn new(
        candidates: &'a [Scenario],
        subjects: &'a Subjects,
        threads: NonZeroUsize,
        progress: &'a dyn Progress,
        today: Option<usize>,
    ) -> Self {
        Self { candidates, subjects, threads, progress, today, simulated: 0, runs: 0, kept: Vec::new() }
    }

    /// Requests simulated so far.
    pub(super) const fn simulated(&self) -> u64 {
        self.simulated
    }

    /// Replications simulated so far.
    pub(super) const fn runs(&self) -> u64 {
        self.runs
    }

    /// What is kept of a candidate, if it has at most so many replications. It is not kept any more.
    fn take(&mut self, candidate: usize, most: u32) -> Sample {
        let place = self.kept.iter().position(|(kept, _)| *kept == candidate);
        let sample = place.map(|place| self.kept.remove(place).1).unwrap_or_default();
        if sample.observed.len() <= most as usize { sample } else { Sample::default() }
    }

    /// Keeps what is known of a candidate, in place of the one with the fewest replications; of several such, in place of
    /// the one that was not asked for longest.
    fn keep(&mut self, candidate: usize, sample: Sample) {
        if self.kept.len() == KEPT {
            let others = (0..KEPT).filter(|place| Some(self.kept[*place].0) != self.today);
            let fewest = others.min_by_key(|place| self.kept[*place].1.observed.len()).unwrap_or_default();
            self.kept.remove(fewest);
        }
        self.kept.push((candidate, sample));
    }

    /// So many replications of a candidate, of which those that are kept are not simulated again.
    ///
    /// # Errors
    /// When it is interrupted or a simulation fails.
    pub(super) fn candidate(&mut self, number: usize, count: u32) -> Result<Sample, SimError> {
        let mut sample = self.take(number, count);
        self.extend(&self.candidates[number], &mut sample, count)?;
        Ok(sample)
    }

    /// Adds replications of a scenario, which need not be a candidate, until there are so many.
    ///
    /// # Errors
    /// When it is interrupted or a simulation fails.
    pub(super) fn extend(&mut self, scenario: &Scenario, sample: &mut Sample, count: u32) -> Result<(), SimError> {
        let prepared = Prepared::of(scenario);
        let from = sample.observed.len() as u32;
        let units: Vec<ReplicationJob<'_>> =
            (from..count).map(|replication| prepared.unit(replication, self.progress)).collect();
        whole(&units, self.threads, self.progress, |_, mut replication| {
            self.simulated += replication.simulated();
            self.runs += 1;
            sample.observed.push(self.subjects.observe(scenario, &mut replication));
            sample.replications.push(scenario, replication);
        })
    }
}

impl Sampler for Simulator<'_> {
    fn observe(&mut self, jobs: &[Job]) -> Result<Vec<Vec<Observation>>, SimError> {
        let prepared: Vec<Prepared<'_>> =
            jobs.iter().map(|job| Prepared::of(&self.candidates[job.candidate])).collect();
        let units: Vec<ReplicationJob<'_>> = (prepared.iter().zip(jobs))
            .flat_map(|(one, job)| (job.from..job.to).map(|replication| one.unit(replication, self.progress)))
            .collect();
        let of: Vec<usize> = (jobs.iter().enumerate())
            .flat_map(|(place, job)| std::iter::repeat_n(place, (job.to - job.from) as usize))
            .collect();
        let mut observed: Vec<Vec<Observation>> = vec![Vec::new(); jobs.len()];
        // What is not kept from the first replication on is not kept at all.
        let mut samples: Vec<Option<Sample>> = (jobs.iter())
            .map(|job| Some(self.take(job.candidate, job.from)).filter(|kept| kept.observed.len() == job.from as usize))
            .collect();
        whole(&units, self.threads, self.progress, |unit, mut replication| {
            let scenario = &self.candidates[jobs[of[unit]].candidate];
            let observation = self.subjects.observe(scenario, &mut replication);
            self.simulated += observation.simulated;
            self.runs += 1;
            if let Some(sample) = &mut samples[of[unit]] {
                sample.observed.push(observation.clone());
                sample.replications.push(scenario, replication);
            }
            observed[of[unit]].push(observation);
        })?;
        for (job, sample) in jobs.iter().zip(samples) {
            if let Some(sample) = sample {
                self.keep(job.candidate, sample);
            }
        }
        Ok(observed)
    }
}

/// Hands over all replications, in their order, or says why there are not all.
fn whole(
    units: &[ReplicationJob<'_>],
    threads: NonZeroUsize,
    progress: &dyn Progress,
    each: impl FnMut(usize, Replication) + Send,
) -> Result<(), SimError> {
    progress.begin();
    simulate_all(units, threads, None, each).map_or(Ok(()), Err)
}
