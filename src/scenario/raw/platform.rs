//! Settings shared by all functions: limits, scaling rate, prices.

use crate::cluster::{PlacementSpec, RegistrySpec};
use crate::policy::keep_alive::KeepAliveSpec;
use crate::scenario::preset::Preset;
use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Duration, Flag, Positive, Rate, Size, Text};
use crate::time::Span;

table! {
    /// Settings shared by all functions. With a preset, only differences from it need to be set.
    struct PlatformTable {
        /// The platform that provides all values not set here.
        optional preset: Preset,
        /// Account limits.
        optional concurrency: AccountTable,
        /// How fast a function may scale out; "none": no limit.
        optional scaling: OrNone<ScalingTable>,
        /// An initialization that a request waits for (the billed phases of its cold start) is stopped after this time
        /// and repeated when the request runs, under the function's `timeout`; "none": no limit.
        optional init_timeout: OrNone<Duration>,
        /// Memory shared by all instances; "none": unlimited.
        optional memory: OrNone<MemoryTable>,
        /// Pre-warmed instances that are not assigned to a function yet, as in Apache OpenWhisk.
        optional stem_cells: List<StemCellsTable, 0, 1000>,
        /// vCPUs of an instance by its memory, for functions without `cpu.limit`. Default: 1.
        optional cpu: PlatformCpuTable,
        /// The node on which an instance is placed, where there are node groups.
        optional placement: PlacementSpec,
        /// The source of images and how fast nodes pull them, where there are node groups.
        optional registry: RegistrySpec,
        /// Prices; "none": no charges.
        optional billing: OrNone<BillingTable>,
        /// When idle instances are removed, for functions that do not set it.
        optional keep_alive: KeepAliveSpec,
    }
}

table! {
    /// The platform of a site. With a preset, only what differs from it has to be written.
    struct SitePlatformTable {
        /// The platform that provides all values not set here.
        optional preset: Preset,
        /// Account limits.
        optional concurrency: AccountTable,
        /// How fast a function may scale out; "none": no limit.
        optional scaling: OrNone<ScalingTable>,
        /// As in `[platform]`.
        optional init_timeout: OrNone<Duration>,
        /// vCPUs of an instance by its memory, for functions without `cpu.limit`. Default: 1.
        optional cpu: PlatformCpuTable,
        /// Prices; "none": no charges.
        optional billing: OrNone<BillingTable>,
        /// When idle instances are removed, for functions that do not set it.
        optional keep_alive: KeepAliveSpec,
    }
}

impl SitePlatformTable {
    /// The same as a platform: what its functions could share with those of other sites is only in `[platform]`.
    pub(in crate::scenario) fn whole(&self) -> PlatformTable {
        let Self { place, preset, concurrency, scaling, init_timeout, cpu, billing, keep_alive } = self.clone();
        PlatformTable {
            place,
            preset,
            concurrency,
            scaling,
            init_timeout,
            memory: Spanned::absent(place),
            stem_cells: Spanned::absent(place),
            cpu,
            placement: Spanned::absent(place),
            registry: Spanned::absent(place),
            billing,
            keep_alive,
        }
    }
}

table! {
    /// Account limits.
    struct AccountTable {
        /// Limit on requests in progress over all functions; "none": no limit.
        optional account_limit: OrNone<Count<1, 1_000_000_000>>,
        /// Part of the account limit that reserved and provisioned concurrency must leave unreserved.
        default min_unreserved: Count<0, 1_000_000_000> = 0,
        /// Requests that may start per second for each unit of concurrency: of the account, of a function's `reserved`
        /// concurrency, and of its `provisioned` concurrency, beyond which requests go to on-demand instances. A token
        /// bucket that holds one second's worth; "none": no limit.
        optional request_rate_per_concurrency: OrNone<Rate>,
        /// Limit on the memory of all busy instances. It is simulated as an `account-limit`: the number of requests
        /// that the function with the most memory could have in progress within it.
        optional account_memory: Size,
    }
}

table! {
    /// How many vCPUs come with the memory of an instance: in proportion, or by size. This is the default `cpu.limit`
    /// of functions with a `cpu` table, and what is charged where a platform charges for vCPUs.
    struct PlatformCpuTable {
        /// vCPUs per GB of memory.
        optional per_gb: Positive,
        /// Sizes, smallest first: an instance gets the first size with at least its memory.
        optional sizes: List<CpuSizeTable, 1, 100>,
        /// Period of the quota that enforces the limit, from 1ms to 1s. Default: 100ms.
        optional period: Duration,
    }
}

table! {
    /// An instance size.
    struct CpuSizeTable {
        /// Memory of the size.
        required memory: Size,
        /// Its vCPUs.
        required vcpus: Positive,
        /// Its clock speed in GHz, for platforms that charge GHz-seconds.
        optional ghz: Positive,
    }
}

table! {
    /// How fast each function may scale out: a token bucket that holds at most `burst` tokens.
    struct ScalingTable {
        /// Instances that can be created at once.
        required burst: Count<1, 1_000_000_000>,
        /// Additional instances per unit of time.
        required rate: Rate,
    }
}

table! {
    /// Memory shared by all instances of all functions, as on one machine. When it runs out, idle instances are evicted
    /// for new ones: those that `keep-alive.greedy-dual` values least, or otherwise the least recently used.
    struct MemoryTable {
        /// Total memory.
        required budget: Size,
    }
}

table! {
    /// Stem cells: pre-warmed instances that can become an instance of any function with this runtime and memory. Such
    /// a start takes only the billed phases, such as `init`; replacing the cell takes the others, `environment` and
    /// `image`. Cells use `platform.memory`, but do not count as instances of a function in results.
    struct StemCellsTable {
        /// Runtime of the functions they serve. Default: functions without a runtime.
        optional runtime: Text,
        /// Memory of each cell.
        default memory: Size = 256,
        /// Number of cells.
        default count: Count<1, 100_000> = 2,
    }
}

table! {
    /// Prices, in US dollars.
    struct BillingTable {
        /// Price per request.
        default per_request_usd: Amount = 0.0,
        /// Price per GB-second of execution on x86, by monthly volume. An instance that serves several requests at a
        /// time is charged once for the time in which it has at least one.
        default gb_second_usd_x86: List<TierTable, 0, 100> = Vec::new(),
        /// The same on Arm.
        default gb_second_usd_arm: List<TierTable, 0, 100> = Vec::new(),
        /// Price per GB-second of every instance, busy or idle: for platforms where you pay for machines rather than
        /// requests.
        default instance_gb_second_usd: Amount = 0.0,
        /// Billed memory is rounded up to a multiple of this.
        optional memory_step: Size,
        /// Price per vCPU-second of execution, by monthly volume, for the same time as GB-seconds.
        optional vcpu_second_usd: List<TierTable, 1, 100>,
        /// Price per GHz-second of execution, for the same time (Google Cloud Run functions, 1st generation).
        optional ghz_second_usd: Amount,
        /// Price per CPU-second: the duration of each request times `cpu.cpu-bound-share` of its function (Cloudflare
        /// Workers).
        optional cpu_second_usd: Amount,
        /// Price per vCPU-second of every instance, busy or idle.
        optional instance_vcpu_second_usd: Amount,
        /// Price per GB-second of execution of `ephemeral-storage` beyond `ephemeral-included`.
        optional ephemeral_gb_second_usd: Amount,
        /// Ephemeral storage that is included. Default: none.
        optional ephemeral_included: Size,
        /// Minimum time charged per instance, where instances are charged.
        optional instance_minimum: Duration,
        /// Fixed monthly cost of the account, split over functions by their requests.
        optional per_month_usd: Amount,
        /// A billing unit into which several amounts are converted, with its own price tiers (Alibaba Cloud: CU).
        optional unit: UnitTable,
        /// Billed durations are rounded up to a multiple of this.
        default granularity: Duration = Span::from_millis(1),
        /// Minimum billed duration.
        default minimum: Duration = Span::ZERO,
        /// Whether the billed phases of a cold start are charged as execution.
        default init_billed: Flag = true,
        /// Whether to deduct the monthly free tier of the preset: on AWS Lambda 1,000,000 requests and 400,000
        /// GB-seconds.
        default free_tier: Flag = false,
        /// Free requests per month.
        default free_requests: Amount = 0.0,
        /// Free GB-seconds per month.
        default free_gb_seconds: Amount = 0.0,
        /// Free vCPU-seconds per month.
        optional free_vcpu_seconds: Amount,
        /// Free GHz-seconds per month.
        optional free_ghz_seconds: Amount,
        /// Free CPU-seconds per month.
        optional free_cpu_seconds: Amount,
        /// Free GB-seconds of instances per month.
        optional free_instance_gb_seconds: Amount,
        /// Free vCPU-seconds of instances per month.
        optional free_instance_vcpu_seconds: Amount,
        /// Price per GB-second of keeping a snapshot. Default: the price of the preset, or free.
        optional snapshot_gb_second_usd: Amount,
        /// Price per GB of memory of each snapshot restore. Default: the price of the preset, or free.
        optional snapshot_restore_gb_usd: Amount,
        /// Price of provisioned concurrency; "none": charged like other execution.
        optional provisioned: OrNone<ProvisionedTable>,
        /// Price of minimum instances: `min-instances` of the scaling policies `cloud-run` and `thresholds`,
        /// `always-ready` of `azure-flex`. "none": free while idle.
        optional minimum_instances: OrNone<MinimumTable>,
    }
}

table! {
    /// Price of a tier.
    struct TierTable {
        /// Monthly volume at which the tier ends; omit it for the last tier.
        optional up_to: Amount,
        /// Price per unit.
        required usd: Amount,
    }
}

table! {
    /// A billing unit: several amounts, converted to units and charged at one price.
    struct UnitTable {
        /// Units per request.
        default per_request: Amount = 0.0,
        /// Units per GB-second of execution.
        default per_gb_second: Amount = 0.0,
        /// Units per vCPU-second of execution.
        default per_vcpu_second: Amount = 0.0,
        /// Price per unit, by monthly volume.
        required usd: List<TierTable, 1, 100>,
    }
}

table! {
    /// Price of the minimum instances of a scaling policy.
    struct MinimumTable {
        /// Price per GB-second while idle.
        default idle_gb_second_usd: Amount = 0.0,
        /// Price per vCPU-second while idle.
        optional idle_vcpu_second_usd: Amount,
        /// Price per GB-second while busy. Default: the price of any other instance.
        optional busy_gb_second_usd: Amount,
    }
}

table! {
    /// Price of provisioned concurrency, US dollars per GB-second.
    struct ProvisionedTable {
        /// Provisioned capacity, x86.
        required reserve_usd_x86: Amount,
        /// Execution on provisioned instances, x86.
        required execution_usd_x86: Amount,
        /// Provisioned capacity, Arm.
        required reserve_usd_arm: Amount,
        /// Execution on provisioned instances, Arm.
        required execution_usd_arm: Amount,
        /// Provisioned time is rounded up to a multiple of this when an instance is removed.
        default granularity: Duration = Span::from_millis(1),
    }
}
