//! Commands without a command line: a scenario as text and options in, named files out. A program, a server or another
//! language runs a [`Study`] as `forewarm` itself does.
//!
//! | file | asks |
//! |---|---|
//! | [`run`] | what happens |
//! | [`chaos`] | what hurts most when it goes wrong |
//! | [`compare`] | which contender is best |
//! | [`plan`] | which configuration is the cheapest that meets the objectives |
//! | [`backtest`] | how near a simulation comes to what was measured |
//! | [`sweep`] | what happens at every combination of values |

pub mod backtest;
pub mod chaos;
pub mod compare;
pub mod plan;
pub mod run;
pub mod sweep;

use std::num::NonZeroUsize;

use thiserror::Error;

use crate::engine::SimError;
use crate::experiment::Progress;
use crate::measure::Manifest;
use crate::report::{self, Artefact, Report};
use crate::scenario::{Files, Problems, Scenario};

/// The text of a scenario and the files that it names.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// What it is called in messages, usually its path.
    pub name: &'a str,
    /// The text.
    pub bytes: &'a [u8],
    /// The files that it names.
    pub files: &'a dyn Files,
}

/// A question about a scenario. Reading and simulating are two steps, so that whoever asks can show the warnings, add
/// objectives and reserve a place for the files in between.
pub trait Study<'a>: Sized {
    /// The options.
    type Options;
    /// What is found.
    type Found: Report;

    /// Reads and checks everything that it takes; with it, what is suspicious.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    fn read(source: Source<'a>, options: &Self::Options) -> Result<(Self, Problems), StudyError>;

    /// The scenario that the manifest holds.
    fn scenario(&self) -> &Scenario;

    /// Simulates on `threads` threads, which do not change the result.
    ///
    /// # Errors
    /// What the engine refuses; and [`StudyError::Cancelled`] when `progress` breaks before there is anything to show.
    fn run(&mut self, threads: NonZeroUsize, progress: &dyn Progress) -> Result<Answer<Self::Found>, StudyError>;
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum StudyError {
    /// What is wrong in the scenario.
    #[error("{0}")]
    Scenario(Problems),
    /// What is wrong with the question, and what to ask instead.
    #[error("{message}\nhelp: {help}")]
    Question {
        /// What is wrong.
        message: String,
        /// What to do about it.
        help: String,
    },
    /// What the engine refuses; `place` says where, if it is not everywhere.
    #[error("{}{error}", place.as_deref().map(|place| format!("{place}: ")).unwrap_or_default())]
    Simulation {
        /// The point of a sweep, say.
        place: Option<String>,
        /// What it said.
        error: SimError,
    },
    /// It was interrupted before there was a result.
    #[error("cancelled")]
    Cancelled,
}

impl StudyError {
    /// A question that makes no sense, with what to ask instead.
    pub(crate) fn question(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Question { message: message.into(), help: help.into() }
    }
}

impl From<SimError> for StudyError {
    fn from(error: SimError) -> Self {
        match error {
            SimError::Cancelled => Self::Cancelled,
            error => Self::Simulation { place: None, error },
        }
    }
}

impl From<Problems> for StudyError {
    fn from(problems: Problems) -> Self {
        Self::Scenario(problems)
    }
}

/// What was found, and what it took.
#[derive(Clone, Debug)]
pub struct Answer<R> {
    /// What was found.
    pub found: R,
    /// Replications; where they differ, the most.
    pub replications: u32,
    /// Requests simulated in all.
    pub simulated: u64,
    /// Whether it ended by itself. If not, it is what was known when it was told to stop.
    pub is_whole: bool,
}

/// Who asked, and how long the answer took: what a manifest holds and no study knows.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The command line, or whatever else made it.
    pub command: String,
    /// Worker threads.
    pub threads: NonZeroUsize,
    /// Time it took, s.
    pub wall_s: f64,
}

impl<R: Report> Answer<R> {
    /// How it was made.
    #[must_use]
    pub fn manifest(&self, scenario: &Scenario, origin: Origin) -> Manifest {
        Manifest {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            kind: self.found.kind().to_owned(),
            command: origin.command,
            scenario_hash: scenario.hash.clone(),
            scenario: scenario.resolved.clone(),
            seed: scenario.simulation.seed,
            replications: self.replications,
            threads: origin.threads.get(),
            wall_s: origin.wall_s,
            invocations: self.simulated,
            invocations_per_s: self.simulated as f64 / origin.wall_s.max(f64::MIN_POSITIVE),
            files: Vec::new(),
        }
    }

    /// Every file of the results folder, rendered on the threads of the current rayon pool.
    #[must_use]
    pub fn files(&self, manifest: &Manifest) -> Vec<Artefact> {
        report::files(&self.found, manifest)
    }
}
