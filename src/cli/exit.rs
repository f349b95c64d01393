//! How a command ends, and the exit codes that scripts rely on.

use std::fmt;
use std::io;
use std::process::ExitCode;

use super::terminal;
use crate::scenario::Problems;
use crate::workload::TraceError;

/// How a command ended that completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExitStatus {
    /// Nothing is wrong.
    Success,
    /// An objective is not met.
    ObjectiveMissed,
    /// A checked file has problems.
    Invalid,
}

/// Why a command ended early.
#[derive(Debug)]
pub(super) enum CliError {
    /// The command line is invalid.
    Usage(String),
    /// Bad input or usage.
    Input(anyhow::Error),
    /// A scenario that cannot be simulated.
    Scenario(Problems),
    /// Ctrl-C, with no result to keep.
    Interrupted,
    /// Ctrl-C, and what was known by then is kept.
    Unfinished,
    /// Ctrl-C, and this many replications are kept.
    Kept(u32),
    /// Ctrl-C, and what is done can be gone on with; says how.
    Paused(String),
    /// The environment failed: disk full, permission.
    Environment(anyhow::Error),
    /// The reader of the output has closed it.
    ClosedPipe,
}

impl ExitStatus {
    pub(super) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Success => 0,
            Self::ObjectiveMissed => 1,
            Self::Invalid => 2,
        })
    }
}

/// The exit code of what was interrupted.
pub(super) const INTERRUPTED: u8 = 3;

impl CliError {
    /// Bad input, with what to do instead.
    pub(super) fn input(message: impl fmt::Display, help: &str) -> Self {
        Self::Input(anyhow::anyhow!("{message}\nhelp: {help}"))
    }

    /// What is wrong with a trace: its content is bad input, the failure to read it is not.
    pub(super) fn of_trace(error: TraceError) -> Self {
        if error.is_io { Self::Environment(error.into()) } else { Self::Input(error.into()) }
    }

    /// What the operating system answered to `what`: a path that makes no sense is bad input, anything else is not.
    pub(super) fn of_path(what: impl fmt::Display, error: io::Error) -> Self {
        use io::ErrorKind::{AlreadyExists, InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound};
        let kind = error.kind();
        let error = anyhow::Error::new(error).context(what.to_string());
        match kind {
            NotFound | NotADirectory | IsADirectory | InvalidInput | InvalidFilename | AlreadyExists => {
                Self::Input(error)
            }
            _ => Self::Environment(error),
        }
    }

    /// What the operating system answered to writing `what`.
    pub(super) fn of_writing(what: impl fmt::Display, error: io::Error) -> Self {
        Self::Environment(anyhow::Error::new(error).context(format!("cannot write {what}")))
    }

    pub(super) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::ClosedPipe => 0,
            Self::Scenario(problems) if problems.are_of_environment() => 4,
            Self::Usage(_) | Self::Input(_) | Self::Scenario(_) => 2,
            Self::Interrupted | Self::Unfinished | Self::Kept(_) | Self::Paused(_) => INTERRUPTED,
            Self::Environment(_) => 4,
        })
    }

    /// Says on standard error what went wrong.
    pub(super) fn explain(&self) {
        match self {
            Self::Input(error) | Self::Environment(error) => terminal::error(&format!("{error:#}")),
            Self::Usage(message) => terminal::complain(message),
            Self::Scenario(problems) => terminal::problems(problems),
            Self::Interrupted => terminal::complain("interrupted: no results were written\n"),
            Self::Unfinished => {
                terminal::complain("interrupted: the results are incomplete\n");
            }
            Self::Kept(replications) => {
                terminal::complain(&format!("interrupted: the results cover {replications} replications\n"));
            }
            Self::Paused(message) => terminal::complain(&format!("interrupted: {message}\n")),
            Self::ClosedPipe => {}
        }
    }
}
