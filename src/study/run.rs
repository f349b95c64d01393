//! What happens: one scenario, as many replications as it asks for.

use std::num::NonZeroUsize;

use super::{Answer, Source, Study, StudyError};
use crate::experiment::{self, Log, Progress, warm_up};
use crate::measure::RunResult;
use crate::scenario::{ParseOptions, Problems, Scenario, parse_bytes};

/// One scenario.
#[derive(Clone, Debug)]
pub struct Run {
    /// The scenario, which may be changed before it is simulated.
    pub scenario: Scenario,
}

impl Run {
    /// Simulates; `log`, if there is one, is told what happens in the first replication.
    ///
    /// # Errors
    /// As of [`Study::run`].
    pub fn run_observed(
        &mut self,
        threads: NonZeroUsize,
        progress: &dyn Progress,
        log: Option<Log<'_>>,
    ) -> Result<Answer<RunResult>, StudyError> {
        let warm_up = warm_up::resolve(&mut self.scenario, threads, progress)?;
        if warm_up.is_some() {
            progress.begin();
        }
        let mut run = experiment::run(&self.scenario, threads, progress, log)?;
        run.result.summary.evidence.warm_up = warm_up;
        let replications = run.result.summary.replications;
        Ok(Answer { found: run.result, replications, simulated: run.simulated, is_whole: run.is_whole })
    }
}

impl<'a> Study<'a> for Run {
    type Options = ParseOptions;
    type Found = RunResult;

    fn read(source: Source<'a>, options: &ParseOptions) -> Result<(Self, Problems), StudyError> {
        let (scenario, warnings) = parse_bytes(source.name, source.bytes, options, source.files)?;
        Ok((Self { scenario }, warnings))
    }

    fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    fn run(&mut self, threads: NonZeroUsize, progress: &dyn Progress) -> Result<Answer<RunResult>, StudyError> {
        self.run_observed(threads, progress, None)
    }
}
