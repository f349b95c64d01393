//! Resource limits of the process, and errors if they are too low.

use super::exit::CliError;

/// Address space that the smallest run needs; memory is reserved in large pieces and used in small ones.
#[cfg(unix)]
const LEAST_ADDRESS_SPACE: u64 = 384 << 20;

/// Refuses to begin where the address space is too small, which would end in an abort somewhere; and takes care that a file
/// that may grow no further is an error of writing and not the end of the program.
///
/// # Errors
/// Too little address space.
#[cfg(unix)]
pub(super) fn obey() -> Result<(), CliError> {
    use rustix::process::{Resource, getrlimit};
    use signal_hook::consts::SIGXFSZ;
    let heed = signal_hook::flag::register(SIGXFSZ, std::sync::Arc::default());
    heed.map_err(|error| {
        CliError::Environment(anyhow::Error::new(error).context("cannot watch for the limit of file sizes"))
    })?;
    match getrlimit(Resource::As).current {
        Some(limit) if limit < LEAST_ADDRESS_SPACE => Err(CliError::Environment(anyhow::anyhow!(
            "the address space is limited to {} MB, and forewarm needs at least {} MB\nhelp: raise it with `ulimit -v`",
            limit >> 20,
            LEAST_ADDRESS_SPACE >> 20
        ))),
        _ => Ok(()),
    }
}

/// Other systems have no such limits.
#[cfg(not(unix))]
pub(super) fn obey() -> Result<(), CliError> {
    Ok(())
}
