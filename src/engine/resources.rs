//! What functions of a cell share beside the account. Few scenarios have any of it.

use super::apps::Apps;
use super::cluster::Machines;
use super::memory::Memory;
use super::stem_cells::Pools;

/// What functions may share beside the account.
pub(super) struct SharedResources {
    /// Decisions about keep-alive that concern a whole application.
    pub(super) apps: Apps,
    /// A budget of memory.
    pub(super) memory: Option<Memory>,
    /// Instances that wait to become those of a function.
    pub(super) stem_cells: Pools,
    /// The machines that instances run on.
    pub(super) machines: Option<Machines>,
}

impl SharedResources {
    /// None if there is nothing in it.
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
