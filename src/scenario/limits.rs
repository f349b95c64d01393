//! Limits on the size of a scenario, so that no input makes forewarm hang or run out of memory. Each is far above
//! realistic values; the error names it.

use crate::time::Span;

/// Values with an entry in `[origin]`.
pub(crate) const MAX_ORIGINS: u32 = 100_000;
/// Bytes of a scenario file.
pub const MAX_FILE_BYTES: usize = 16 << 20;
/// Values read again to check the variants: variants times values of the file.
pub const MAX_VARIANT_VALUES: usize = 20_000_000;
/// Functions written in the file.
pub const MAX_FUNCTIONS: u32 = 20_000;
/// Sources.
pub const MAX_SOURCES: u32 = 20_000;
/// Components of one kind, or faults.
pub const MAX_COMPONENTS: u32 = 10_000;
/// Node groups.
pub const MAX_NODE_GROUPS: u32 = 1_000;
/// Variants.
pub const MAX_VARIANTS: u32 = 1_000;
/// Objectives.
pub const MAX_OBJECTIVES: u32 = 10_000;
/// Bytes of a data file.
pub const MAX_DATA_BYTES: u64 = 64 << 20;
/// Instances that are always running, over all functions.
pub const MAX_PROVISIONED: u32 = 1_000_000;
/// Independent replications.
pub const MAX_REPLICATIONS: u32 = 10_000;
/// Batches of one run.
pub const MAX_BATCHES: u32 = 1_000;
/// Horizon: ten years.
pub const MAX_HORIZON: Span = Span::from_secs(3_650 * 86_400);
/// Requests expected in one replication, over all sources.
pub const MAX_REQUESTS: f64 = 1e11;
/// Smaller runs get several replications by default.
pub const FEW_REQUESTS: f64 = 2e6;
/// Larger runs get a warning that they will take long.
pub const MANY_REQUESTS: f64 = 2e9;
/// Decisions of scaling policies in one replication, over all functions.
pub const MAX_DECISIONS: f64 = 1e10;
/// More decisions get a warning that the run will take long.
pub const MANY_DECISIONS: f64 = 5e8;
/// More instances ordered at once by a scaling policy get a warning that the run will take long.
pub const MANY_ORDERED: f64 = 1e5;
/// Points of a sweep.
pub const MAX_SWEEP_POINTS: u64 = 10_000_000;
/// Values of one key of a sweep.
pub const MAX_LEVELS: u32 = 1_000_000;
/// Sampled points of a sweep: the length of the Sobol sequence.
pub const MAX_SAMPLES: u32 = 1 << 16;
/// Keys or groups of keys that are varied together; also the dimensions of the Sobol sequence.
pub const MAX_AXES: u32 = 256;
/// Configurations of a plan.
pub const MAX_CANDIDATES: usize = 4_096;
