//! Experiments: replications and cells, on all threads. The only place with threads.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use crate::engine::{Observer, SimError};
use crate::measure::RunResult;
use crate::scenario::Scenario;

/// Is told how far an experiment has come, from any thread, and says whether to go on.
pub trait Progress: Sync {
    /// Another `share` (0..=1) of the whole work is done, with this many more requests simulated.
    fn advance(&self, share: f64, requests: u64) -> ControlFlow<()>;
}

/// Goes on to the end without telling anybody.
impl Progress for () {
    fn advance(&self, _: f64, _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// What an experiment gives back.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was found.
    pub result: RunResult,
    /// Requests simulated, over all replications and the warm-up.
    pub simulated: u64,
}

/// Runs all replications of a scenario on `threads` threads. The result does not depend on `threads`.
///
/// `log`, if there is one, is told what happens in the first replication, with the ids of the scenario and all
/// functions in one order of time.
///
/// # Errors
/// When `progress` breaks, or when a trace turns out to be malformed.
pub fn run<O: Observer + Send>(
    scenario: &Scenario,
    threads: NonZeroUsize,
    progress: &dyn Progress,
    log: Option<O>,
) -> Result<Run, SimError> {
    let _ = (scenario, threads, progress, log);
    todo!()
}
