//! The prices of the platform.

use crate::time::Span;

/// The prices of the platform, in US dollars.
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
    /// Minimum instances of a scaling policy; `None`: charged like all others.
    pub minimum_instances: Option<MinimumBilling>,
    /// vCPUs, instances and other resources.
    pub resources: ResourceBilling,
    /// Other prices.
    pub extras: ExtraPrices,
}

impl Billing {
    /// Whether any free amounts are deducted from the list price.
    #[must_use]
    pub fn has_free_tier(&self) -> bool {
        self.free_requests > 0.0 || self.free_gb_seconds > 0.0 || self.resources.free != FreeResources::default()
    }
}

/// Prices of vCPUs and instances; by default there are none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceBilling {
    /// Billed memory is rounded up to a multiple of this, MB; `None`: it is not rounded.
    pub memory_step_mb: Option<u32>,
    /// vCPU-seconds of execution, tiered by the month's volume.
    pub vcpu_second_usd: Vec<Tier>,
    /// A GHz-second of execution.
    pub ghz_second_usd: f64,
    /// A CPU-second.
    pub cpu_second_usd: f64,
    /// A vCPU-second of an instance, idle or not.
    pub instance_vcpu_second_usd: f64,
    /// Minimum time charged per instance.
    pub instance_minimum: Span,
    /// A vCPU-second of an idle minimum instance.
    pub minimum_idle_vcpu_second_usd: f64,
    /// Fixed price of the account per month.
    pub per_month_usd: f64,
    /// A billing unit.
    pub unit: Option<UnitBilling>,
    /// The monthly free tier.
    pub free: FreeResources,
}

/// Monthly free amounts, besides requests and GB-seconds of execution.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FreeResources {
    /// vCPU-seconds of execution.
    pub vcpu_seconds: f64,
    /// GHz-seconds of execution.
    pub ghz_seconds: f64,
    /// CPU-seconds.
    pub cpu_seconds: f64,
    /// GB-seconds of instances.
    pub instance_gb_seconds: f64,
    /// vCPU-seconds of instances.
    pub instance_vcpu_seconds: f64,
}

/// A billing unit into which several amounts are converted.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitBilling {
    /// Units per request.
    pub per_request: f64,
    /// Units per GB-second of execution.
    pub per_gb_second: f64,
    /// Units per vCPU-second of execution.
    pub per_vcpu_second: f64,
    /// US dollars per unit, tiered by the month's volume.
    pub usd: Vec<Tier>,
}

/// Other prices, US dollars; 0: not charged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ExtraPrices {
    /// A GB-second of ephemeral storage beyond the included amount.
    pub ephemeral_gb_second_usd: f64,
    /// The included amount, MB.
    pub ephemeral_included_mb: u32,
    /// Keeping a snapshot, per GB-second.
    pub snapshot_cache_gb_second_usd: f64,
    /// Restoring a snapshot, per GB of memory and restore.
    pub snapshot_restore_gb_usd: f64,
    /// A provisioned event poller, per hour.
    pub poller_hour_usd: f64,
    /// An instance, busy or idle, per GB-second.
    pub instance_gb_second_usd: f64,
}

/// Price of the minimum instances of a scaling policy, US dollars per GB-second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MinimumBilling {
    /// While idle.
    pub idle_usd: f64,
    /// While busy; `None`: like any other instance.
    pub busy_usd: Option<f64>,
}

/// Price of one volume tier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tier {
    /// Monthly volume at which the tier ends; `None`: it has no end.
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
    /// Provisioned time is rounded up to a multiple of this when an instance is removed.
    pub granularity: Span,
}
