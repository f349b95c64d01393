//! What the platform charges.

use crate::time::Span;

/// What the platform charges, in US dollars.
#[derive(Clone, Debug, PartialEq)]
pub struct Billing {
    /// Price per request.
    pub per_request_usd: f64,
    /// GB-seconds of execution, tiered by the month's volume, for x86.
    pub gb_second_usd_x86: Vec<Tier>,
    /// The same for Arm.
    pub gb_second_usd_arm: Vec<Tier>,
    /// Billed durations are rounded up to a multiple of this.
    pub granularity: Span,
    /// Minimum billed duration.
    pub minimum: Span,
    /// Whether the billed phases of a cold start are charged as execution.
    pub init_billed: bool,
    /// Free requests per month.
    pub free_requests: f64,
    /// Free GB-seconds per month.
    pub free_gb_seconds: f64,
    /// Provisioned concurrency.
    pub provisioned: Option<ProvisionedBilling>,
    /// Instances that a scaling policy keeps at least; none: as all others.
    pub minimum_instances: Option<MinimumBilling>,
    /// Processors, instances and what else a cloud may charge for.
    pub resources: ResourceBilling,
    /// What else may be charged.
    pub extras: ExtraPrices,
}

/// What is charged for processors and for instances, and how; the default charges nothing for them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceBilling {
    /// The memory that is charged for is rounded up to a multiple of this, MB; none: it is charged for as it is.
    pub memory_step_mb: Option<u32>,
    /// vCPU-seconds of execution, tiered by the month's volume.
    pub vcpu_second_usd: Vec<Tier>,
    /// A GHz-second of execution.
    pub ghz_second_usd: f64,
    /// The state of a second of a processor.
    pub cpu_second_usd: f64,
    /// A vCPU-second of an instance, idle or not.
    pub instance_vcpu_second_usd: f64,
    /// For how long an instance is charged at least.
    pub instance_minimum: Span,
    /// A vCPU-second of a minimum instance that is idle.
    pub minimum_idle_vcpu_second_usd: f64,
    /// The account, a month.
    pub per_month_usd: f64,
    /// A unit of account.
    pub unit: Option<UnitBilling>,
    /// What is free each month.
    pub free: FreeResources,
}

/// What costs nothing each month, beside requests and GB-seconds of execution.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FreeResources {
    /// vCPU-seconds of execution.
    pub vcpu_seconds: f64,
    /// GHz-seconds of execution.
    pub ghz_seconds: f64,
    /// Seconds of a processor at work.
    pub cpu_seconds: f64,
    /// GB-seconds of instances.
    pub instance_gb_seconds: f64,
    /// vCPU-seconds of instances.
    pub instance_vcpu_seconds: f64,
}

/// A unit of account that several amounts are converted to.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitBilling {
    /// Units per request.
    pub per_request: f64,
    /// Units per GB-second of execution.
    pub per_gb_second: f64,
    /// Units per vCPU-second of execution.
    pub per_vcpu_second: f64,
    /// US dollars for a unit, tiered by the month's volume.
    pub usd: Vec<Tier>,
}

/// Prices beside execution, US dollars; 0: not charged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ExtraPrices {
    /// A GB-second of ephemeral storage beyond what comes with every instance.
    pub ephemeral_gb_second_usd: f64,
    /// Keeping a snapshot, for each GB-second.
    pub snapshot_cache_gb_second_usd: f64,
    /// Restoring a snapshot, for each GB of memory and restore.
    pub snapshot_restore_gb_usd: f64,
    /// An hour of a provisioned event poller.
    pub poller_hour_usd: f64,
    /// An instance in existence, idle or not, for each GB-second.
    pub instance_gb_second_usd: f64,
}

/// What instances cost that a scaling policy keeps at least, US dollars per GB-second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MinimumBilling {
    /// While they serve nobody.
    pub idle_usd: f64,
    /// While they serve; none: as any other.
    pub busy_usd: Option<f64>,
}

/// Price of one volume tier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tier {
    /// The tier ends at this many a month; none: never.
    pub up_to: Option<f64>,
    /// Price per unit.
    pub usd: f64,
}

/// Price of provisioned concurrency, US dollars per GB-second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProvisionedBilling {
    /// Provisioned capacity, x86.
    pub reserve_usd_x86: f64,
    /// Execution on provisioned instances, x86.
    pub execution_usd_x86: f64,
    /// Provisioned capacity, Arm.
    pub reserve_usd_arm: f64,
    /// Execution on provisioned instances, Arm.
    pub execution_usd_arm: f64,
    /// Provisioned time is rounded up to a multiple of this.
    pub granularity: Span,
}
