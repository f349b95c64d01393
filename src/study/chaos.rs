//! What hurts most: the scenario under a catalogue of faults.

use std::num::NonZeroUsize;

use super::{Answer, Source, Study, StudyError};
use crate::experiment::chaos::{self as experiment, Found};
use crate::experiment::{Progress, warm_up};
use crate::scenario::{ParseOptions, Problems, Scenario, parse_bytes};

/// One scenario, and everything that can go wrong in it.
#[derive(Clone, Debug)]
pub struct Chaos {
    /// The undisturbed scenario.
    pub scenario: Scenario,
}

impl<'a> Study<'a> for Chaos {
    type Options = ParseOptions;
    type Found = Found;

    fn read(source: Source<'a>, options: &ParseOptions) -> Result<(Self, Problems), StudyError> {
        let (scenario, warnings) = parse_bytes(source.name, source.bytes, options, source.files)?;
        Ok((Self { scenario }, warnings))
    }

    fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    fn run(&mut self, threads: NonZeroUsize, progress: &dyn Progress) -> Result<Answer<Found>, StudyError> {
        warm_up::resolve(&mut self.scenario, threads, progress)?;
        let found = experiment::chaos(&self.scenario, threads, progress)?;
        let (replications, simulated) = (found.chaos.replications, found.simulated);
        Ok(Answer { replications, simulated, is_whole: found.is_whole, found })
    }
}
