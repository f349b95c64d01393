//! Resource limits of the process, and errors if they are too low.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

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

/// Share of the available memory, and of the address space, that may be in use. A list that grows needs twice its room while it
/// is moved.
const OF_MEMORY: f64 = 0.4;
const OF_ADDRESS_SPACE: f64 = 0.15;
/// How often the memory in use is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Whether the program uses more memory than the system can give it; known on Linux only.
pub(super) struct MemoryWatch {
    /// Bytes that may be in use.
    limit: Option<u64>,
    started: Instant,
    /// When it is looked at next, ns after the start.
    next: AtomicU64,
}

impl MemoryWatch {
    pub(super) fn start() -> Self {
        Self { limit: limit(), started: Instant::now(), next: AtomicU64::new(0) }
    }

    /// Whether too much is in use.
    pub(super) fn is_exceeded(&self) -> bool {
        let Some(limit) = self.limit else { return false };
        let now = self.started.elapsed().as_nanos() as u64;
        if now < self.next.load(Relaxed) {
            return false;
        }
        self.next.store(now + LOOK.as_nanos() as u64, Relaxed);
        in_use().is_some_and(|bytes| bytes > limit)
    }
}

/// Bytes that may be in use: of what is free now, and of what the process may have.
fn limit() -> Option<u64> {
    let available = figure("/proc/meminfo", "MemAvailable:")? + in_use()?;
    let of_group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    let memory = of_group.map_or(available, |most: u64| most.min(available));
    let limit = (memory as f64 * OF_MEMORY) as u64;
    Some(address_space().map_or(limit, |space| limit.min((space as f64 * OF_ADDRESS_SPACE) as u64)))
}

/// Bytes that the process has in memory.
fn in_use() -> Option<u64> {
    figure("/proc/self/status", "VmRSS:")
}

/// A figure in kB of a file of the kernel, in bytes.
fn figure(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

/// Bytes of address space that the process may have.
#[cfg(unix)]
fn address_space() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current
}

/// Other systems have no such limit.
#[cfg(not(unix))]
fn address_space() -> Option<u64> {
    None
}
