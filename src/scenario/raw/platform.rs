//! What all functions share: limits, the rate of growth, prices.

use crate::policy::keep_alive::KeepAliveSpec;
use crate::scenario::preset::Preset;
use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Duration, Flag, Positive, Rate, Size, Text};
use crate::time::Span;

table! {
    /// What all functions share. With a preset, only what differs from it has to be written.
    struct PlatformTable {
        /// The platform that the values not written here come from.
        optional preset: Preset,
        /// Limits of the account.
        optional concurrency: AccountTable,
        /// How fast a function may grow; "none": at once.
        optional scaling: OrNone<ScalingTable>,
        /// Initialisation that a request waits for (the billed phases of its cold start) is cut off after this long and begins
        /// anew when the request runs, under the function's `timeout`; "none": it takes as long as it takes.
        optional init_timeout: OrNone<Duration>,
        /// The memory that all instances share; "none": there is enough.
        optional memory: OrNone<MemoryTable>,
        /// Instances that are started for nobody yet, as the pre-warmed ones of Apache OpenWhisk.
        optional stem_cells: List<StemCellsTable, 0, 1000>,
        /// How many vCPUs an instance has by its memory, where functions do not say it in `cpu.limit`; without it: 1.
        optional cpu: PlatformCpuTable,
        /// What is charged; "none": nothing is.
        optional billing: OrNone<BillingTable>,
        /// When idle instances go, for every function that does not say.
        optional keep_alive: KeepAliveSpec,
    }
}

table! {
    /// Limits of the account.
    struct AccountTable {
        /// Requests in progress over all functions; "none": no limit.
        optional account_limit: OrNone<Count<1, 1_000_000_000>>,
        /// What reserved and provisioned concurrency must leave of the account limit.
        default min_unreserved: Count<0, 1_000_000_000> = 0,
        /// Requests that may start each second for each unit of concurrency: of the account, of a function's `reserved`, and of
        /// its `provisioned`, beyond which requests go to other instances. A token bucket of one second's worth; "none": no
        /// limit.
        optional request_rate_per_concurrency: OrNone<Rate>,
        /// A limit in memory: that of all instances at work. It is simulated as an `account-limit` of so many requests as the
        /// function with the most memory could have in progress within it.
        optional account_memory: Size,
    }
}

table! {
    /// How many vCPUs come with the memory of an instance: in proportion, or by size. It is the `cpu.limit` of functions that
    /// have a table `cpu` without one, and what is charged for where a platform charges for vCPUs.
    struct PlatformCpuTable {
        /// vCPUs for each GB.
        optional per_gb: Positive,
        /// Sizes, smallest first: an instance has what the first size gives that is not smaller than its memory.
        optional sizes: List<CpuSizeTable, 1, 100>,
        /// The period of the quota that enforces the limit, from 1ms to 1s; without it: 100ms.
        optional period: Duration,
    }
}

table! {
    /// What comes with one size of instances.
    struct CpuSizeTable {
        /// Memory of the size.
        required memory: Size,
        /// Its vCPUs.
        required vcpus: Positive,
        /// Its clock cycles, where they are what is charged for: GHz.
        optional ghz: Positive,
    }
}

table! {
    /// How fast each function may grow: a token bucket, never fuller than `burst`.
    struct ScalingTable {
        /// Instances that may be created at once.
        required burst: Count<1, 1_000_000_000>,
        /// Further instances per time.
        required rate: Rate,
    }
}

table! {
    /// The memory that all instances of all functions share, as on one machine. Where it is short, idle instances make room
    /// for new ones: first those that `keep-alive.greedy-dual` values least; without it, those used longest ago.
    struct MemoryTable {
        /// How much there is.
        required budget: Size,
    }
}

table! {
    /// Stem cells: instances that are started for nobody yet and become those of any function with this runtime and memory.
    /// Such a start takes only the billed phases, as `init`; the others, `environment` and `image`, are what a new cell takes
    /// to replace it. Cells use up `platform.memory`, but are nobody's instances in results.
    struct StemCellsTable {
        /// The runtime of the functions they are for; without it, of those that name none.
        optional runtime: Text,
        /// Memory of each.
        default memory: Size = 256,
        /// How many there are.
        default count: Count<1, 100_000> = 2,
    }
}

table! {
    /// What is charged, in US dollars.
    struct BillingTable {
        /// Each request.
        default per_request_usd: Amount = 0.0,
        /// GB-seconds of execution on x86, by the volume of the month. Of an instance that serves several requests at a time
        /// the time is charged in which it has one or more, once.
        default gb_second_usd_x86: List<TierTable, 0, 100> = Vec::new(),
        /// The same on Arm.
        default gb_second_usd_arm: List<TierTable, 0, 100> = Vec::new(),
        /// GB-seconds of every instance, idle or not: for whoever pays for machines and not for requests.
        default instance_gb_second_usd: Amount = 0.0,
        /// The memory that is charged for is rounded up to a multiple of this.
        optional memory_step: Size,
        /// vCPU-seconds of execution, by the volume of the month, for the same time as GB-seconds.
        optional vcpu_second_usd: List<TierTable, 1, 100>,
        /// GHz-seconds of execution, for the same time (Google Cloud Run functions, 1st generation).
        optional ghz_second_usd: Amount,
        /// A second of a processor at work: the running time of every request, times `cpu.cpu-bound-share` of its function
        /// (Cloudflare Workers).
        optional cpu_second_usd: Amount,
        /// vCPU-seconds of every instance, idle or not.
        optional instance_vcpu_second_usd: Amount,
        /// For how long an instance is charged at least, where every instance is.
        optional instance_minimum: Duration,
        /// What the account costs a month in any case. Functions share it by their requests.
        optional per_month_usd: Amount,
        /// One unit that several amounts are converted to and that has tiers of its own (Alibaba Cloud: CU).
        optional unit: UnitTable,
        /// Durations are rounded up to a multiple of this.
        default granularity: Duration = Span::from_millis(1),
        /// And are at least this.
        default minimum: Duration = Span::ZERO,
        /// Whether the billed phases of a cold start are charged like execution.
        default init_billed: Flag = true,
        /// Whether the free amounts of the preset count, a month: on AWS Lambda 1,000,000 requests and 400,000 GB-seconds.
        default free_tier: Flag = false,
        /// Requests a month that cost nothing.
        default free_requests: Amount = 0.0,
        /// GB-seconds a month that cost nothing.
        default free_gb_seconds: Amount = 0.0,
        /// vCPU-seconds a month that cost nothing.
        optional free_vcpu_seconds: Amount,
        /// GHz-seconds a month that cost nothing.
        optional free_ghz_seconds: Amount,
        /// Seconds of a processor at work that cost nothing a month.
        optional free_cpu_seconds: Amount,
        /// GB-seconds of instances that cost nothing a month.
        optional free_instance_gb_seconds: Amount,
        /// vCPU-seconds of instances that cost nothing a month.
        optional free_instance_vcpu_seconds: Amount,
        /// Keeping a snapshot, each GB-second; without it, what the preset charges, else nothing.
        optional snapshot_gb_second_usd: Amount,
        /// Restoring a snapshot, each GB of memory and restore; without it, what the preset charges, else nothing.
        optional snapshot_restore_gb_usd: Amount,
        /// What provisioned concurrency costs; "none": as other execution.
        optional provisioned: OrNone<ProvisionedTable>,
        /// What minimum instances cost: `min-instances` of the scaling policies `cloud-run` and `thresholds`, `always-ready` of
        /// `azure-flex`. "none": nothing while they are idle.
        optional minimum_instances: OrNone<MinimumTable>,
    }
}

table! {
    /// The price of one tier.
    struct TierTable {
        /// The tier ends at this many a month; the last has no end.
        optional up_to: Amount,
        /// Price of one.
        required usd: Amount,
    }
}

table! {
    /// A unit of account: so many of it for each of these, at one price.
    struct UnitTable {
        /// Units for a request.
        default per_request: Amount = 0.0,
        /// Units for a GB-second of execution.
        default per_gb_second: Amount = 0.0,
        /// Units for a vCPU-second of execution.
        default per_vcpu_second: Amount = 0.0,
        /// The price of a unit, by the volume of the month.
        required usd: List<TierTable, 1, 100>,
    }
}

table! {
    /// What instances cost that a scaling policy keeps at least.
    struct MinimumTable {
        /// A GB-second of one that is idle.
        default idle_gb_second_usd: Amount = 0.0,
        /// A vCPU-second of one that is idle.
        optional idle_vcpu_second_usd: Amount,
        /// A GB-second of one that is busy; without it, what any other costs.
        optional busy_gb_second_usd: Amount,
    }
}

table! {
    /// What provisioned concurrency costs, US dollars per GB-second.
    struct ProvisionedTable {
        /// For having it, x86.
        required reserve_usd_x86: Amount,
        /// For running on it, x86.
        required execution_usd_x86: Amount,
        /// For having it, Arm.
        required reserve_usd_arm: Amount,
        /// For running on it, Arm.
        required execution_usd_arm: Amount,
        /// The time it is had is rounded up to a multiple of this.
        default granularity: Duration = Span::from_millis(1),
    }
}
