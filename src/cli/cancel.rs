//! What ends a run early: Ctrl-C, or an output that failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::exit::{CliError, INTERRUPTED};
use super::terminal;

/// Flags that are set once and polled.
#[derive(Clone, Debug, Default)]
pub(super) struct CancelToken(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    interrupted: AtomicBool,
    failed: AtomicBool,
}

impl CancelToken {
    /// Makes Ctrl-C (and SIGTERM) set the flag; a second one ends the process at once.
    ///
    /// # Errors
    /// If the handler cannot be installed.
    pub(super) fn on_interrupt() -> Result<Self, CliError> {
        let cancel = Self::default();
        let flags = Arc::clone(&cancel.0);
        ctrlc::set_handler(move || {
            if flags.interrupted.swap(true, Relaxed) {
                std::process::exit(INTERRUPTED.into());
            }
            terminal::complain("\nstopping; press Ctrl-C again to stop at once\n");
        })
        .map_err(|error| CliError::Environment(anyhow::Error::new(error).context("cannot watch for Ctrl-C")))?;
        Ok(cancel)
    }

    /// Whether the run was cancelled.
    pub(super) fn is_cancelled(&self) -> bool {
        self.is_interrupted() || self.0.failed.load(Relaxed)
    }

    /// Whether Ctrl-C was pressed.
    pub(super) fn is_interrupted(&self) -> bool {
        self.0.interrupted.load(Relaxed)
    }

    /// Reports that an output failed, so that the run stops.
    pub(super) fn output_failed(&self) {
        self.0.failed.store(true, Relaxed);
    }
}
