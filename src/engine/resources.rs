//! Resources that the functions of a cell share in addition to the account. Few scenarios have any.

use super::apps::Apps;
use super::cluster::Machines;
use super::memory::Memory;
use super::stem_cells::Pools;

/// Shared resources besides the account.
pub(super) struct SharedResources {
    /// Decisions about keep-alive that concern a whole application.
    pub(super) apps: Apps,
    /// A budget of memory.
    pub(super) memory: Option<Memory>,
    /// Stem cells.
    pub(super) stem_cells: Pools,
    /// The machines that instances run on.
    pub(super) machines: Option<Machines>,
}

impl SharedResources {
    /// None if it is empty.
    pub(super) fn of(
        apps: Apps,
        memory: Option<Memory>,
        stem_cells: Pools,
        machines: Option<Machines>,
    ) -> Option<Box<Self>> {
        let is_needed = !apps.is_empty() || memory.is_some() || !stem_cells.is_empty() || machines.is_some();
        is_needed.then(|| Box::new(Self { apps, memory, stem_cells, machines }))
    }
}
