//! The scenario file, exactly as it may be written: its tables and keys, with their meaning, types and defaults.
//!
//! The doc comments here are what `forewarm schema` shows. What the values mean together is for `check`.

pub(super) mod cold_start;
pub(super) mod function;
pub(super) mod plan;
pub(super) mod platform;
pub(super) mod precision;
pub(super) mod sweep;

use super::limits::{MAX_BATCHES, MAX_FUNCTIONS, MAX_OBJECTIVES, MAX_REPLICATIONS, MAX_SOURCES, MAX_VARIANTS};
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, MetricValue, Name, Seed, Text, WarmUp};
use crate::time::Span;
use crate::workload::ArrivalParameters;
use function::{DefaultsTable, FunctionTable};
use plan::PlanTable;
use platform::PlatformTable;
use precision::{Intervals, PrecisionTable};
use sweep::SweepTable;

table! {
    /// A scenario: what arrives, what the functions need, how the platform behaves, what must be met.
    struct FileTable {
        /// What it is called.
        required scenario: ScenarioTable,
        /// How long, how often, from which seed.
        required simulation: SimulationTable,
        /// What all functions share.
        optional platform: PlatformTable,
        /// Values for every function that does not set them, and for functions that a trace brings.
        optional function_defaults: DefaultsTable,
        /// The functions.
        default function: List<FunctionTable, 0, MAX_FUNCTIONS> = Vec::new(),
        /// Where requests come from.
        default source: List<SourceTable, 0, MAX_SOURCES> = Vec::new(),
        /// Named changes.
        default variant: List<VariantTable, 0, MAX_VARIANTS> = Vec::new(),
        /// What `forewarm sweep` varies.
        optional sweep: SweepTable,
        /// What `forewarm plan` may change.
        optional plan: PlanTable,
        /// What must be met.
        default objective: List<ObjectiveTable, 0, MAX_OBJECTIVES> = Vec::new(),
    }
}

table! {
    /// What the scenario is called.
    struct ScenarioTable {
        /// Name: letters, digits, '-', '_'. Results go into a folder of this name.
        required name: Name,
        /// What question it answers.
        default description: Text = String::new(),
    }
}

table! {
    /// How long, how often, from which seed.
    struct SimulationTable {
        /// Arrivals stop here.
        required horizon: Duration,
        /// The start that is not measured, while the platform is still cold; "auto": a pilot decides (MSER-5).
        default warm_up: WarmUp = Some(Span::ZERO),
        /// Root of all random numbers.
        default seed: Seed = 1,
        /// Independent runs, from which the intervals are made; without it: 1, or as many as `precision` needs.
        optional replications: Count<1, MAX_REPLICATIONS>,
        /// Run until intervals are narrow enough.
        optional precision: PrecisionTable,
        /// What intervals are made from.
        default intervals: Intervals = Intervals::Replications,
        /// With intervals = "batch-means": into how many batches the measured part is cut; without it, 25.
        optional batches: Count<10, MAX_BATCHES>,
    }
}

table! {
    /// Where requests come from.
    struct SourceTable {
        /// Unique name.
        required name: Name,
        /// The function that gets the requests; left out where a trace names the function of each.
        optional function: Name,
        /// When they come.
        required arrivals: ArrivalParameters,
    }
}

table! {
    /// A named change to the scenario.
    struct VariantTable {
        /// Unique name.
        required name: Name,
        /// Dotted keys (in quotes) and their values, as in "function.checkout.memory" = "512MB".
        required set: Map<Any, 1000>,
    }
}

table! {
    /// Something that must be met: `metric` with `below` or `above`.
    struct ObjectiveTable {
        /// A key of the summary, as "latency_s.p99" (`forewarm list metrics` shows them).
        required metric: Text,
        /// The function it is about; without it, the total.
        optional function: Name,
        /// The metric must stay below this: "800ms", "1%", or a number in its unit.
        optional below: MetricValue,
        /// The metric must stay above this.
        optional above: MetricValue,
    }
}
