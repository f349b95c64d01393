//! The scenario file, exactly as it may be written: its tables and keys, with their meaning, types and defaults.
//!
//! The doc comments here are what `forewarm schema` shows. What the values mean together is for `check`.

pub(super) mod alarm;
pub(super) mod cold_start;
pub(super) mod function;
pub(super) mod origin;
pub(super) mod path;
pub(super) mod plan;
pub(super) mod platform;
pub(super) mod precision;
pub(super) mod sweep;

use super::limits::{
    MAX_BATCHES, MAX_COMPONENTS, MAX_FUNCTIONS, MAX_OBJECTIVES, MAX_ORIGINS, MAX_REPLICATIONS, MAX_SOURCES,
    MAX_VARIANTS,
};
use crate::dist::DistSpec;
use crate::path::client::ClientParameters;
use crate::path::dependency::DependencySpec;
use crate::path::gateway::GatewaySpec;
use crate::path::link::LinkParameters;
use crate::path::queue::QueueSpec;
use crate::path::router::RouterSpec;
use crate::path::stream::StreamSpec;
use crate::path::tenant::TenantParameters;
use crate::path::topic::TopicSpec;
use crate::path::workflow::WorkflowSpec;
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
        /// Gateways and load balancers.
        default gateway: List<Spanned<GatewaySpec>, 0, MAX_COMPONENTS> = Vec::new(),
        /// Queues of messages.
        default queue: List<Spanned<QueueSpec>, 0, MAX_COMPONENTS> = Vec::new(),
        /// Streams of records.
        default stream: List<Spanned<StreamSpec>, 0, MAX_COMPONENTS> = Vec::new(),
        /// Topics, which pass on what is published to all who subscribe.
        default topic: List<Spanned<TopicSpec>, 0, MAX_COMPONENTS> = Vec::new(),
        /// Databases, caches, other services.
        default dependency: List<Spanned<DependencySpec>, 0, MAX_COMPONENTS> = Vec::new(),
        /// Workflows: states one after the other and beside each other, with tasks that call.
        default workflow: List<Spanned<WorkflowSpec>, 0, MAX_COMPONENTS> = Vec::new(),
        /// Names that stand for several targets.
        default router: List<Spanned<RouterSpec>, 0, MAX_COMPONENTS> = Vec::new(),
        /// Where things are: regions, edge locations, clients. What names no site is at the first.
        default site: List<SiteTable, 0, MAX_COMPONENTS> = Vec::new(),
        /// The ways between sites. Calls between two sites need one.
        default link: List<Spanned<LinkParameters>, 0, MAX_COMPONENTS> = Vec::new(),
        /// Customers with quotas of their own.
        default tenant: List<Spanned<TenantParameters>, 0, MAX_COMPONENTS> = Vec::new(),
        /// What is made to go wrong.
        default fault: List<FaultTable, 0, MAX_COMPONENTS> = Vec::new(),
        /// What is watched while the run goes on.
        default alarm: List<AlarmTable, 0, MAX_OBJECTIVES> = Vec::new(),
        /// Named changes.
        default variant: List<VariantTable, 0, MAX_VARIANTS> = Vec::new(),
        /// What `forewarm sweep` varies.
        optional sweep: SweepTable,
        /// What `forewarm plan` may change.
        optional plan: PlanTable,
        /// What must be met.
        default objective: List<ObjectiveTable, 0, MAX_OBJECTIVES> = Vec::new(),
        /// Where values come from, by their dotted keys (in quotes), as `forewarm import` writes it.
        default origin: Map<OriginTable, MAX_ORIGINS> = Vec::new(),
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
        /// When the run begins, for schedules: a date, which begins at midnight UTC, or a moment such as "2026-03-29T06:30:00Z";
        /// without it, Monday, 5 January 2026.
        optional start: Moment,
        /// The start that is not measured, while the platform is still cold; "auto": a pilot decides (MSER-5).
        default warm_up: WarmUp = Some(Span::ZERO),
        /// Root of all random numbers.
        default seed: Seed = 1,
        /// Independent runs, from which the intervals are made; without it: 5, or 1 where 2 million requests or more are expected.
        optional replications: Count<1, MAX_REPLICATIONS>,
        /// Run until intervals are narrow enough.
        optional precision: PrecisionTable,
        /// What intervals are made from.
        default intervals: Intervals = Intervals::Replications,
        /// For how long after the horizon requests are followed that are still on their way; without it: 15m where requests may
        /// wait on a path or be tried again, else to their end.
        optional drain: Duration,
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
        /// What gets the requests, in place of `function`: a function or a component of the path, by its name; where two kinds
        /// share it, as in "queue.orders".
        optional target: Text,
        /// Whether it waits for the answer of its function.
        default invoke: Invoke = Invoke::Sync,
        /// How it calls: its patience, its retries, its circuit breaker; without it: once, for as long as it takes.
        optional client: Box<ClientParameters>,
        /// Running time of its requests, T_func, in place of that of the function: pings beside requests that do something. Of a
        /// request that is cold `cold-duration` stays that of the function.
        optional duration: DistSpec,
        /// How large its requests are, for the bandwidth of links.
        optional payload: SizeSpec,
        /// How large their answers are, if they are successful.
        optional answer_payload: SizeSpec,
        /// The site where it is; without it, the first `[[site]]`.
        optional site: Name,
        /// The `[[tenant]]` whose quota its calls count for.
        optional tenant: Name,
        /// When they come.
        required arrivals: ArrivalParameters,
    }
}

table! {
    /// A place: a region, an edge location, where clients are.
    struct SiteTable {
        /// Unique name.
        required name: Name,
    }
}

/// Whether a source waits for the answer of its function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) enum Invoke {
    Sync,
    Async,
}

choice! { Invoke {
    "sync" => Invoke::Sync, "It waits for the answer.";
    "async" => Invoke::Async, "The platform accepts the request at once, and calls the function from a queue of its own.";
} }

table! {
    /// A named change to the scenario.
    struct VariantTable {
        /// Unique name.
        required name: Name,
        /// Dotted keys (in quotes) and their values, as in "function.checkout.memory" = "512MB".
        default set: Map<Any, 1000> = Vec::new(),
        /// Functions that it adds, as `[[function]]`.
        default function: List<Any, 0, MAX_FUNCTIONS> = Vec::new(),
        /// Sources that it adds, as `[[source]]`.
        default source: List<Any, 0, MAX_SOURCES> = Vec::new(),
        /// Gateways that it adds, as `[[gateway]]`.
        default gateway: List<Any, 0, MAX_COMPONENTS> = Vec::new(),
        /// Queues that it adds, as `[[queue]]`.
        default queue: List<Any, 0, MAX_COMPONENTS> = Vec::new(),
        /// Streams that it adds, as `[[stream]]`.
        default stream: List<Any, 0, MAX_COMPONENTS> = Vec::new(),
        /// Topics that it adds, as `[[topic]]`.
        default topic: List<Any, 0, MAX_COMPONENTS> = Vec::new(),
        /// Dependencies that it adds, as `[[dependency]]`.
        default dependency: List<Any, 0, MAX_COMPONENTS> = Vec::new(),
        /// Workflows that it adds, as `[[workflow]]`.
        default workflow: List<Any, 0, MAX_COMPONENTS> = Vec::new(),
        /// Routers that it adds, as `[[router]]`.
        default router: List<Any, 0, MAX_COMPONENTS> = Vec::new(),
        /// Sites that it adds, as `[[site]]`.
        default site: List<Any, 0, MAX_COMPONENTS> = Vec::new(),
        /// Links that it adds, as `[[link]]`.
        default link: List<Any, 0, MAX_COMPONENTS> = Vec::new(),
        /// Tenants that it adds, as `[[tenant]]`.
        default tenant: List<Any, 0, MAX_COMPONENTS> = Vec::new(),
        /// Faults that it adds, as `[[fault]]`.
        default fault: List<Any, 0, MAX_COMPONENTS> = Vec::new(),
        /// Alarms that it adds, as `[[alarm]]`.
        default alarm: List<Any, 0, MAX_OBJECTIVES> = Vec::new(),
    }
}

/// How well something keeps up at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) enum KeepsUp {
    Stable,
    Backlogged,
}

choice! { KeepsUp {
    "stable" => KeepsUp::Stable, "No backlog, and nothing refused for want of capacity.";
    "backlogged" => KeepsUp::Backlogged, "A backlog may come and go.";
} }

table! {
    /// Something that must be met: `metric` with `below` or `above`, `share` with `within`, or `stability`.
    struct ObjectiveTable {
        /// A key of the summary, as "latency_s.p99" (`forewarm list metrics` shows them). A quantile of latency is judged over all
        /// requests that arrive: one without a successful answer is infinitely late.
        optional metric: Text,
        /// The function it is about; without it and without `source`, all requests.
        optional function: Name,
        /// The source it is about.
        optional source: Name,
        /// The gateway it is about: a metric of gateways, as "throttled_ratio".
        optional gateway: Name,
        /// The queue it is about: a metric of queues, as "age_s.p99".
        optional queue: Name,
        /// The stream it is about.
        optional stream: Name,
        /// The topic it is about.
        optional topic: Name,
        /// The dependency it is about.
        optional dependency: Name,
        /// The workflow it is about.
        optional workflow: Name,
        /// The router it is about.
        optional router: Name,
        /// The link between sites it is about.
        optional link: Name,
        /// The tenant it is about.
        optional tenant: Name,
        /// The function about the queue of whose asynchronous invocations it is.
        optional r#async: Name,
        /// The metric must stay below this: "800ms", "1%", or a number in its unit.
        optional below: MetricValue,
        /// The metric must stay above this.
        optional above: MetricValue,
        /// This part of all requests that arrive, as "99.9%", must be answered successfully in time.
        optional share: MetricValue,
        /// Within this time, as "800ms".
        optional within: MetricValue,
        /// What is served keeps up with what arrives, in every replication.
        optional stability: KeepsUp,
    }
}
