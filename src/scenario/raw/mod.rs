//! The scenario file as it may be written: its tables and keys, with their meaning, types and defaults.
//!
//! The doc comments here are what `forewarm schema` shows. What the values mean together is for `check`.

pub(super) mod alarm;
pub(super) mod batching;
pub(super) mod cold_start;
pub(super) mod function;
pub(super) mod origin;
pub(super) mod path;
pub(super) mod plan;
pub(super) mod platform;
pub(super) mod precision;
pub(super) mod sweep;

use super::limits::{
    MAX_BATCHES, MAX_COMPONENTS, MAX_FUNCTIONS, MAX_NODE_GROUPS, MAX_OBJECTIVES, MAX_ORIGINS, MAX_REPLICATIONS,
    MAX_SOURCES, MAX_VARIANTS,
};
use crate::cluster::NodeGroupSpec;
use crate::dist::DistSpec;
use crate::path::client::ClientParameters;
use crate::path::component_kinds;
use crate::path::link::LinkParameters;
use crate::path::tenant::TenantParameters;
use crate::schema::declare::*;
use crate::schema::moment::Moment;
use crate::schema::scalars::{Count, Duration, MetricValue, Name, Seed, Text, WarmUp};
use crate::time::Span;
use crate::workload::{ArrivalParameters, SizeSpec};
use alarm::AlarmTable;
use function::{DefaultsTable, FunctionTable};
use origin::OriginTable;
use path::FaultTable;
use plan::PlanTable;
use platform::{PlatformTable, SitePlatformTable};
use precision::{Intervals, PrecisionTable};
use sweep::SweepTable;

macro_rules! file_table {
    (listed { $($(#[doc = $doc:literal])+ $list:ident in $group:ident: $table:ident => $kind:ident($spec:ident),)* } $($other:tt)*) => {
        table! {
            /// A scenario: traffic, functions, the behavior of the platform, and objectives.
            struct FileTable {
                /// Name and description.
                required scenario: ScenarioTable,
                /// Simulated time, replications and random seed.
                required simulation: SimulationTable,
                /// Settings shared by all functions.
                optional platform: PlatformTable,
                /// Defaults for functions that do not set a value, and for functions defined by a trace.
                optional function_defaults: DefaultsTable,
                /// The functions.
                default function: List<FunctionTable, 0, MAX_FUNCTIONS> = Vec::new(),
                /// Sources of requests.
                default source: List<SourceTable, 0, MAX_SOURCES> = Vec::new(),
                $($(#[doc = $doc])+ default $list: List<Spanned<crate::path::$list::$table>, 0, MAX_COMPONENTS> = Vec::new(),)*
                /// Locations: regions, edge locations, clients. The default is the first.
                default site: List<SiteTable, 0, MAX_COMPONENTS> = Vec::new(),
                /// Network links between sites. Calls between two sites require one.
                default link: List<Spanned<LinkParameters>, 0, MAX_COMPONENTS> = Vec::new(),
                /// Customers with quotas.
                default tenant: List<Spanned<TenantParameters>, 0, MAX_COMPONENTS> = Vec::new(),
                /// Machines that instances run on. Default: there are always enough, and they cost nothing.
                default node_group: List<Spanned<NodeGroupSpec>, 0, MAX_NODE_GROUPS> = Vec::new(),
                /// Injected faults.
                default fault: List<FaultTable, 0, MAX_COMPONENTS> = Vec::new(),
                /// Alarms on metrics while the run is in progress.
                default alarm: List<AlarmTable, 0, MAX_OBJECTIVES> = Vec::new(),
                /// Named sets of changes.
                default variant: List<VariantTable, 0, MAX_VARIANTS> = Vec::new(),
                /// What `forewarm sweep` varies.
                optional sweep: SweepTable,
                /// What `forewarm plan` may change.
                optional plan: PlanTable,
                /// Objectives.
                default objective: List<ObjectiveTable, 0, MAX_OBJECTIVES> = Vec::new(),
                /// Origin of values, by dotted key (in quotes), as written by `forewarm import`.
                default origin: Map<OriginTable, MAX_ORIGINS> = Vec::new(),
            }
        }
    };
}

component_kinds!(file_table);

table! {
    /// Name and description.
    struct ScenarioTable {
        /// Name: letters, digits, '-', '_'. Results are written to a folder of this name.
        required name: Name,
        /// The question that the scenario answers.
        default description: Text = String::new(),
    }
}

table! {
    /// Simulated time, replications and random seed.
    struct SimulationTable {
        /// Simulated time until arrivals stop.
        required horizon: Duration,
        /// Start of the run, for schedules: a date (midnight UTC), or a time such as "2026-03-29T06:30:00Z". Default:
        /// Monday, 5 January 2026.
        optional start: Moment,
        /// Initial period that is discarded, while the platform is still cold; "auto": determined by a pilot run
        /// (MSER-5).
        default warm_up: WarmUp = Some(Span::ZERO),
        /// Seed of all random numbers.
        default seed: Seed = 1,
        /// Number of independent replications, from which intervals are computed. Default: 5, or 1 if 2 million
        /// requests or more are expected.
        optional replications: Count<1, MAX_REPLICATIONS>,
        /// Add replications until intervals are narrow enough.
        optional precision: PrecisionTable,
        /// What confidence intervals are computed from.
        default intervals: Intervals = Intervals::Replications,
        /// How long after the horizon to follow requests that are still in progress. Default: 15m if requests can wait
        /// on a path or be retried, otherwise until they end.
        optional drain: Duration,
        /// With intervals = "batch-means": number of batches into which the measured period is divided. Default: 25.
        optional batches: Count<10, MAX_BATCHES>,
    }
}

table! {
    /// Sources of requests.
    struct SourceTable {
        /// Unique name.
        required name: Name,
        /// The function that receives the requests; omit it if a trace names the function of each request.
        optional function: Name,
        /// The function or path component that receives the requests, instead of `function`. If two kinds share a name,
        /// qualify it, as in "queue.orders".
        optional target: Text,
        /// Whether the source waits for the response of its function.
        default invoke: Invoke = Invoke::Sync,
        /// How the source calls: timeout, retries, circuit breaker. Default: a single attempt without timeout.
        optional client: Box<ClientParameters>,
        /// Duration of its requests, T_func, instead of that of the function: for example, for pings. Cold requests
        /// still use the function's `cold-duration`.
        optional duration: DistSpec,
        /// Size of its requests, for the bandwidth of links.
        optional payload: SizeSpec,
        /// Size of successful responses.
        optional answer_payload: SizeSpec,
        /// Its site. Default: the first `[[site]]`.
        optional site: Name,
        /// The `[[tenant]]` whose quota covers its calls.
        optional tenant: Name,
        /// When requests arrive.
        required arrivals: ArrivalParameters,
    }
}

table! {
    /// A location: a region, an edge location, or clients.
    struct SiteTable {
        /// Unique name.
        required name: Name,
        /// The platform of its functions, with an account, limits and prices of its own. Default: `[platform]`.
        optional platform: SitePlatformTable,
        /// Availability zones, over which the instances of its functions are spread evenly. A fault with `outage` strikes one of
        /// them as "zone.SITE.1".
        default zones: Count<1, 100> = 1,
    }
}

choice! {
    /// Whether a source waits for the response of its function.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in crate::scenario) enum Invoke {
        "sync" => Sync, "The caller waits for the response.";
        "async" => Async, "The platform accepts the request at once and invokes the function from an internal \
                               queue.";
    }
}

macro_rules! variant_table {
    (listed { $($(#[doc = $doc:literal])+ $list:ident in $group:ident: $table:ident => $kind:ident($spec:ident),)* } $($other:tt)*) => {
        table! {
            /// A named set of changes to the scenario.
            struct VariantTable {
                /// Unique name.
                required name: Name,
                /// Dotted keys (in quotes) and values, as in "function.checkout.memory" = "512MB".
                default set: Map<Any, 1000> = Vec::new(),
                /// Functions that it adds, as `[[function]]`.
                default function: List<Any, 0, MAX_FUNCTIONS> = Vec::new(),
                /// Sources that it adds, as `[[source]]`.
                default source: List<Any, 0, MAX_SOURCES> = Vec::new(),
                $(/// What it adds to the list of this name.
                default $list: List<Any, 0, MAX_COMPONENTS> = Vec::new(),)*
                /// Sites that it adds, as `[[site]]`.
                default site: List<Any, 0, MAX_COMPONENTS> = Vec::new(),
                /// Links that it adds, as `[[link]]`.
                default link: List<Any, 0, MAX_COMPONENTS> = Vec::new(),
                /// Tenants that it adds, as `[[tenant]]`.
                default tenant: List<Any, 0, MAX_COMPONENTS> = Vec::new(),
                /// Node groups that it adds, as `[[node-group]]`.
                default node_group: List<Any, 0, MAX_NODE_GROUPS> = Vec::new(),
                /// Faults that it adds, as `[[fault]]`.
                default fault: List<Any, 0, MAX_COMPONENTS> = Vec::new(),
                /// Alarms that it adds, as `[[alarm]]`.
                default alarm: List<Any, 0, MAX_OBJECTIVES> = Vec::new(),
            }
        }

        impl VariantTable {
            /// Whether it neither sets nor adds anything.
            pub(in crate::scenario) fn changes_nothing(&self) -> bool {
                // Without `..`: a new key of a variant must be considered here.
                let Self { place: _, name: _, set, $($list,)* function, source, site, link, tenant, node_group, fault, alarm } =
                    self;
                let added = [$($list,)* function, source, site, link, tenant, node_group, fault, alarm];
                set.is_empty() && added.iter().all(|list| list.is_empty())
            }
        }
    };
}

component_kinds!(variant_table);

choice! {
    /// The worst verdict that is acceptable.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in crate::scenario) enum KeepsUp {
        "stable" => Stable, "No backlog, and no requests rejected for lack of capacity.";
        "backlogged" => Backlogged, "Temporary backlogs are acceptable.";
    }
}

macro_rules! objective_table {
    (listed { $($(#[doc = $doc:literal])+ $list:ident in $group:ident: $table:ident => $kind:ident($spec:ident),)* } $($other:tt)*) => {
        table! {
            /// An objective: `metric` with `below` or `above`, `share` with `within`, or `stability`.
            struct ObjectiveTable {
                /// A key of the summary, such as "latency_s.p99" (see `forewarm list metrics`). A quantile of latency is judged
                /// over all requests that arrive; one without a successful response counts as infinitely late.
                optional metric: Text,
                /// The function it applies to. Default: all requests, unless `source` is set.
                optional function: Name,
                /// The source it applies to.
                optional source: Name,
                $(/// The component of this kind that it applies to.
                optional $list: Name,)*
                /// The link between sites it applies to.
                optional link: Name,
                /// The tenant it applies to.
                optional tenant: Name,
                /// The function whose asynchronous invocations it applies to.
                optional r#async: Name,
                /// The node group it applies to.
                optional node_group: Name,
                /// The metric must stay below this: "800ms", "1%", or a number in its unit.
                optional below: MetricValue,
                /// The metric must stay above this.
                optional above: MetricValue,
                /// Share of all requests that arrive, such as "99.9%", that must succeed in time.
                optional share: MetricValue,
                /// The time limit, such as "800ms".
                optional within: MetricValue,
                /// Whether processing must keep up with arrivals, in every replication.
                optional stability: KeepsUp,
            }
        }
    };
}

component_kinds!(objective_table);
