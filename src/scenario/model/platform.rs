//! What all functions share.

use super::{Billing, Function};
use crate::cluster::{PlacementSpec, RegistrySpec};
use crate::id::PoolId;
use crate::time::Span;

/// Settings shared by all functions.
#[derive(Clone, Debug, PartialEq)]
pub struct Platform {
    /// The preset the values came from, if any.
    pub preset: Option<String>,
    /// Requests in progress over all functions of the account; none: no limit.
    pub account_limit: Option<u32>,
    /// What must stay unreserved of the account limit (reserved and provisioned concurrency may not eat it).
    pub min_unreserved: u32,
    /// Requests that may start each second for each unit of concurrency: of the account, of reserved and of provisioned
    /// concurrency; none: no limit.
    pub request_rate: Option<u32>,
    /// Initialization is cut off after this long, and begins anew under the timeout of the request; none: never.
    pub init_timeout: Option<Span>,
    /// How fast each function may grow; none: at once.
    pub scaling: Option<ScalingRate>,
    /// Memory of all instances of all functions, MB; none: no limit.
    pub memory_budget_mb: Option<u32>,
    /// Pre-warmed instances (stem cells).
    pub stem_cells: Vec<StemCells>,
    /// On which node an instance is placed.
    pub placement: PlacementSpec,
    /// Where images come from.
    pub registry: RegistrySpec,
    /// What is charged; none: nothing is.
    pub billing: Option<Billing>,
}

/// Pre-warmed instances that can become those of any function with this runtime and memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StemCells {
    /// The runtime; none: that of functions that name none.
    pub runtime: Option<String>,
    /// Memory of each, MB.
    pub memory_each_mb: u32,
    /// Number of cells.
    pub count: u32,
}

impl StemCells {
    /// Memory of all, MB.
    #[must_use]
    pub fn memory_mb(&self) -> u64 {
        u64::from(self.memory_each_mb) * u64::from(self.count)
    }
}

impl Platform {
    /// The stem cells that become instances of a function.
    #[must_use]
    pub fn stem_cells_of(&self, function: &Function) -> Option<PoolId> {
        let fits = |cells: &StemCells| cells.runtime == function.runtime && cells.memory_each_mb == function.memory_mb;
        self.stem_cells.iter().position(fits).map(|place| PoolId(place as u32))
    }
}

/// A token bucket for each function: `burst` instances at once, refilled continuously, never fuller than `burst`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScalingRate {
    /// Instances that can be created at once.
    pub burst: u32,
    /// Time for one more token.
    pub refill: Span,
}
