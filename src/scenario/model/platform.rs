//! Settings shared by all functions.

use super::{Billing, Function};
use crate::cluster::{PlacementSpec, RegistrySpec};
use crate::id::PoolId;
use crate::time::Span;

/// Settings shared by all functions.
#[derive(Clone, Debug, PartialEq)]
pub struct Platform {
    /// The preset from which values were taken, if any.
    pub preset: Option<String>,
    /// Requests in progress over all functions of the account; none: no limit.
    pub account_limit: Option<u32>,
    /// The part of the account limit that reserved and provisioned concurrency must leave unreserved.
    pub min_unreserved: u32,
    /// Requests that may start per second per unit of concurrency: of the account, of reserved and of provisioned
    /// concurrency; `None`: no limit.
    pub request_rate: Option<u32>,
    /// Initialization is stopped after this long, and starts again under the timeout of the request; `None`: no limit.
    pub init_timeout: Option<Span>,
    /// Scaling rate of each function; `None`: no limit.
    pub scaling: Option<ScalingRate>,
    /// Memory of all instances of all functions, MB; none: no limit.
    pub memory_budget_mb: Option<u32>,
    /// Pre-warmed instances (stem cells).
    pub stem_cells: Vec<StemCells>,
    /// The node on which an instance is placed.
    pub placement: PlacementSpec,
    /// The source of images.
    pub registry: RegistrySpec,
    /// Prices; `None`: nothing is charged.
    pub billing: Option<Billing>,
}

/// Pre-warmed instances that can become an instance of any function with this runtime and memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StemCells {
    /// The runtime; `None`: functions without a runtime.
    pub runtime: Option<String>,
    /// Memory of each cell, MB.
    pub memory_each_mb: u32,
    /// Number of cells.
    pub count: u32,
}

impl StemCells {
    /// Total memory, MB.
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

/// A token bucket per function: `burst` instances at once, refilled continuously up to `burst`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScalingRate {
    /// Instances that can be created at once.
    pub burst: u32,
    /// Time per additional token.
    pub refill: Span,
}
