//! What ends a run early: Ctrl-C, and an output that can take no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::exit::{CliError, INTERRUPTED};
use super::terminal;

/// Flags that are raised once and looked at now and then.
#[derive(Clone, Debug, Default)]
pub(super) struct CancelToken(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    interrupted: AtomicBool,
    failed: AtomicBool,
}

impl CancelToken {
    /// From now on Ctrl-C (and a polite request to end) raises the flag; the second one ends the program at once.
    ///
    /// # Errors
    /// If the system has no room for a handler.
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

    /// Whether to go on.
    pub(super) fn is_cancelled(&self) -> bool {
        self.is_interrupted() || self.0.failed.load(Relaxed)
    }

    /// Whether Ctrl-C was pressed.
    pub(super) fn is_interrupted(&self) -> bool {
        self.0.interrupted.load(Relaxed)
    }

    /// An output can take no more: going on would be in vain.
    pub(super) fn output_failed(&self) {
        self.0.failed.store(true, Relaxed);
    }
}
