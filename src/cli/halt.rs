//! What ends a run early: Ctrl-C, and an output that can take no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::exit::{INTERRUPTED, Stop};
use super::terminal;

/// Flags that are raised once and looked at now and then.
#[derive(Clone, Debug, Default)]
pub(super) struct Halt(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    interrupted: AtomicBool,
    failed: AtomicBool,
}

impl Halt {
    /// From now on Ctrl-C (and a polite request to end) raises the flag; the second one ends the program at once.
    ///
    /// # Errors
    /// If the system has no room for a handler.
    pub(super) fn on_interrupt() -> Result<Self, Stop> {
        let halt = Self::default();
        let flags = Arc::clone(&halt.0);
        ctrlc::set_handler(move || {
            if flags.interrupted.swap(true, Relaxed) {
                std::process::exit(INTERRUPTED.into());
            }
            terminal::complain("\nstopping; press Ctrl-C again to stop at once\n");
        })
        .map_err(|error| Stop::Environment(anyhow::Error::new(error).context("cannot watch for Ctrl-C")))?;
        Ok(halt)
    }

    /// Whether to go on.
    pub(super) fn is_raised(&self) -> bool {
        self.is_interrupted() || self.0.failed.load(Relaxed)
    }

    /// Whether somebody pressed Ctrl-C.
    pub(super) fn is_interrupted(&self) -> bool {
        self.0.interrupted.load(Relaxed)
    }

    /// An output can take no more: going on would be in vain.
    pub(super) fn output_failed(&self) {
        self.0.failed.store(true, Relaxed);
    }
}
