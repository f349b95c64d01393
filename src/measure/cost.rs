//! The cost of a run: usage times prices.
//!
//! Tiers and free amounts apply to the monthly volume of the account, so unit prices are averages over a month's usage.
//! With these the cost is linear: the costs of functions add up to that of the account, and the measured period costs
//! its share of the month.

use std::ops::AddAssign;

use super::summary::Cost;
use crate::scenario::{Architecture, Billing, ExtraPrices, FreeResources, ProvisionedBilling, Tier};
use crate::time::Span;

/// The month that projections are for: 30 days.
pub const MONTH: Span = Span::from_secs(30 * 86_400);

/// A quantity for each processor architecture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ByArchitecture {
    /// x86-64.
    pub x86: f64,
    /// 64-bit Arm.
    pub arm: f64,
}

/// Billed usage over a period, of one function or the whole account.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Requests that are charged.
    pub requests: f64,
    /// GB-seconds of execution on demand, from billed durations.
    pub on_demand_gb_s: ByArchitecture,
    /// GB-seconds of provisioned concurrency.
    pub provisioned_gb_s: ByArchitecture,
    /// GB-seconds of execution on provisioned concurrency, from billed durations.
    pub provisioned_execution_gb_s: ByArchitecture,
    /// GB-seconds of minimum instances that were idle.
    pub minimum_idle_gb_s: f64,
    /// GB-seconds of minimum instances that were busy, where those have a price of their own.
    pub minimum_busy_gb_s: f64,
    /// GB-seconds of ephemeral storage beyond what is included.
    pub ephemeral_gb_s: f64,
    /// GB-seconds of keeping snapshots.
    pub snapshot_cache_gb_s: f64,
    /// GB of memory restored from snapshots.
    pub snapshot_restored_gb: f64,
    /// Hours of provisioned event pollers.
    pub poller_hours: f64,
    /// GB-seconds of all instances, busy or idle.
    pub instance_gb_s: f64,
    /// Processors.
    pub cpu: CpuUsage,
}

/// Billed CPU usage over a period.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CpuUsage {
    /// vCPU-seconds of execution, from billed durations.
    pub vcpu_s: f64,
    /// GHz-seconds of execution, from billed durations.
    pub ghz_s: f64,
    /// CPU-seconds.
    pub cpu_s: f64,
    /// vCPU-seconds of all instances, busy or idle.
    pub instance_vcpu_s: f64,
    /// vCPU-seconds of minimum instances that were idle.
    pub minimum_idle_vcpu_s: f64,
}

/// Unit prices of an account, US dollars. The default charges nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Prices {
    request: f64,
    on_demand: ByArchitecture,
    provisioned: ByArchitecture,
    provisioned_execution: ByArchitecture,
    minimum_idle: f64,
    minimum_busy: f64,
    /// For each unit of [`CpuUsage`].
    cpu: CpuUsage,
    instance_gb: f64,
    extras: ExtraPrices,
}

impl Prices {
    /// The mean prices for an account that uses `month` in a month.
    ///
    /// The free GB-seconds are taken from both architectures in proportion, before the tiers. They are not for
    /// provisioned concurrency.
    #[must_use]
    pub fn of_month(month: &Usage, billing: &Billing) -> Self {
        let compute = month.on_demand_gb_s;
        let charged = paid_share(compute.sum(), billing.free_gb_seconds);
        let average = |volume: f64, charged: f64, tiers: &[Tier]| {
            if volume > 0.0 { tiered_usd(volume * charged, tiers) / volume } else { 0.0 }
        };
        let (provisioned, provisioned_execution) =
            billing.provisioned.as_ref().map(provisioned_prices).unwrap_or_default();
        let resources = &billing.resources;
        let FreeResources { vcpu_seconds, ghz_seconds, cpu_seconds, instance_gb_seconds, instance_vcpu_seconds } =
            resources.free;
        let cpu = &month.cpu;
        let mut prices = Self {
            request: billing.per_request_usd * paid_share(month.requests, billing.free_requests),
            on_demand: ByArchitecture {
                x86: average(compute.x86, charged, &billing.gb_second_usd_x86),
                arm: average(compute.arm, charged, &billing.gb_second_usd_arm),
            },
            provisioned,
            provisioned_execution,
            minimum_idle: billing.minimum_instances.map_or(0.0, |prices| prices.idle_usd),
            minimum_busy: billing.minimum_instances.and_then(|prices| prices.busy_usd).unwrap_or(0.0),
            cpu: CpuUsage {
                vcpu_s: average(cpu.vcpu_s, paid_share(cpu.vcpu_s, vcpu_seconds), &resources.vcpu_second_usd),
                ghz_s: resources.ghz_second_usd * paid_share(cpu.ghz_s, ghz_seconds),
                cpu_s: resources.cpu_second_usd * paid_share(cpu.cpu_s, cpu_seconds),
                instance_vcpu_s: resources.instance_vcpu_second_usd
                    * paid_share(cpu.instance_vcpu_s, instance_vcpu_seconds),
                minimum_idle_vcpu_s: resources.minimum_idle_vcpu_second_usd,
            },
            instance_gb: billing.extras.instance_gb_second_usd * paid_share(month.instance_gb_s, instance_gb_seconds),
            extras: billing.extras,
        };
        if let Some(unit) = &resources.unit {
            let units = month.requests * unit.per_request
                + compute.sum() * unit.per_gb_second
                + cpu.vcpu_s * unit.per_vcpu_second;
            let usd = average(units, 1.0, &unit.usd);
            prices.request += unit.per_request * usd;
            prices.on_demand.x86 += unit.per_gb_second * usd;
            prices.on_demand.arm += unit.per_gb_second * usd;
            prices.cpu.vcpu_s += unit.per_vcpu_second * usd;
        }
        if month.requests > 0.0 {
            prices.request += resources.per_month_usd / month.requests;
        }
        prices
    }

    /// The cost of `usage`, caused by `arrived` requests, of which `succeeded` were successful.
    #[must_use]
    pub fn cost(&self, usage: &Usage, arrived: f64, succeeded: f64) -> Cost<f64> {
        let requests = usage.requests * self.request;
        let compute = usage.on_demand_gb_s.times(self.on_demand)
            + usage.cpu.vcpu_s * self.cpu.vcpu_s
            + usage.cpu.ghz_s * self.cpu.ghz_s
            + usage.cpu.cpu_s * self.cpu.cpu_s;
        let provisioned = usage.provisioned_gb_s.times(self.provisioned)
            + usage.provisioned_execution_gb_s.times(self.provisioned_execution)
            + usage.minimum_idle_gb_s * self.minimum_idle
            + usage.minimum_busy_gb_s * self.minimum_busy
            + usage.cpu.minimum_idle_vcpu_s * self.cpu.minimum_idle_vcpu_s;
        let other = usage.ephemeral_gb_s * self.extras.ephemeral_gb_second_usd
            + usage.snapshot_cache_gb_s * self.extras.snapshot_cache_gb_second_usd
            + usage.snapshot_restored_gb * self.extras.snapshot_restore_gb_usd
            + usage.poller_hours * self.extras.poller_hour_usd
            + usage.instance_gb_s * self.instance_gb
            + usage.cpu.instance_vcpu_s * self.cpu.instance_vcpu_s;
        let total = requests + compute + provisioned + other;
        Cost {
            total,
            requests,
            compute,
            provisioned,
            gateways: 0.0,
            messaging: 0.0,
            workflows: 0.0,
            dependencies: 0.0,
            links: 0.0,
            nodes: 0.0,
            other,
            per_million_requests: total / arrived * 1e6,
            per_million_succeeded: total / succeeded * 1e6,
        }
    }
}

impl Cost<f64> {
    /// With what functions cost on another platform, of `arrived` requests, of which `succeeded` were successful.
    pub(super) fn and(self, other: &Self, arrived: f64, succeeded: f64) -> Self {
        let total = self.total + other.total;
        Self {
            total,
            requests: self.requests + other.requests,
            compute: self.compute + other.compute,
            provisioned: self.provisioned + other.provisioned,
            other: self.other + other.other,
            per_million_requests: total / arrived * 1e6,
            per_million_succeeded: total / succeeded * 1e6,
            ..self
        }
    }

    /// What is charged besides functions, by the groups of components and nodes. Returns their sum.
    pub(super) fn add<'a>(
        &mut self,
        groups: impl Iterator<Item = (&'a str, f64)>,
        arrived: f64,
        succeeded: f64,
    ) -> f64 {
        let mut sum = 0.0;
        for (group, usd) in groups {
            let part = match group {
                "gateways" => &mut self.gateways,
                "queues" | "streams" | "topics" => &mut self.messaging,
                "workflows" => &mut self.workflows,
                "dependencies" => &mut self.dependencies,
                "links" => &mut self.links,
                "nodes" => &mut self.nodes,
                _ => &mut self.other,
            };
            *part += usd;
            sum += usd;
        }
        self.total += sum;
        self.per_million_requests = self.total / arrived * 1e6;
        self.per_million_succeeded = self.total / succeeded * 1e6;
        sum
    }
}

impl Usage {
    /// A month at the rate of this usage, which took `measured`. Nothing if that was no time.
    #[must_use]
    pub fn to_month(&self, measured: Span) -> Self {
        if measured == Span::ZERO {
            return Self::default();
        }
        let factor = MONTH.as_secs_f64() / measured.as_secs_f64();
        let Self {
            requests,
            on_demand_gb_s,
            provisioned_gb_s,
            provisioned_execution_gb_s,
            minimum_idle_gb_s,
            minimum_busy_gb_s,
            ephemeral_gb_s,
            snapshot_cache_gb_s,
            snapshot_restored_gb,
            poller_hours,
            instance_gb_s,
            cpu,
        } = *self;
        Self {
            requests: requests * factor,
            on_demand_gb_s: on_demand_gb_s.scaled(factor),
            provisioned_gb_s: provisioned_gb_s.scaled(factor),
            provisioned_execution_gb_s: provisioned_execution_gb_s.scaled(factor),
            minimum_idle_gb_s: minimum_idle_gb_s * factor,
            minimum_busy_gb_s: minimum_busy_gb_s * factor,
            ephemeral_gb_s: ephemeral_gb_s * factor,
            snapshot_cache_gb_s: snapshot_cache_gb_s * factor,
            snapshot_restored_gb: snapshot_restored_gb * factor,
            poller_hours: poller_hours * factor,
            instance_gb_s: instance_gb_s * factor,
            cpu: cpu.scaled(factor),
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        let Self {
            requests,
            on_demand_gb_s,
            provisioned_gb_s,
            provisioned_execution_gb_s,
            minimum_idle_gb_s,
            minimum_busy_gb_s,
            ephemeral_gb_s,
            snapshot_cache_gb_s,
            snapshot_restored_gb,
            poller_hours,
            instance_gb_s,
            cpu,
        } = other;
        self.requests += requests;
        self.on_demand_gb_s += on_demand_gb_s;
        self.provisioned_gb_s += provisioned_gb_s;
        self.provisioned_execution_gb_s += provisioned_execution_gb_s;
        self.minimum_idle_gb_s += minimum_idle_gb_s;
        self.minimum_busy_gb_s += minimum_busy_gb_s;
        self.ephemeral_gb_s += ephemeral_gb_s;
        self.snapshot_cache_gb_s += snapshot_cache_gb_s;
        self.snapshot_restored_gb += snapshot_restored_gb;
        self.poller_hours += poller_hours;
        self.instance_gb_s += instance_gb_s;
        self.cpu += cpu;
    }
}

impl CpuUsage {
    fn scaled(self, factor: f64) -> Self {
        let Self { vcpu_s, ghz_s, cpu_s, instance_vcpu_s, minimum_idle_vcpu_s } = self;
        Self {
            vcpu_s: vcpu_s * factor,
            ghz_s: ghz_s * factor,
            cpu_s: cpu_s * factor,
            instance_vcpu_s: instance_vcpu_s * factor,
            minimum_idle_vcpu_s: minimum_idle_vcpu_s * factor,
        }
    }
}

impl AddAssign for CpuUsage {
    fn add_assign(&mut self, other: Self) {
        let Self { vcpu_s, ghz_s, cpu_s, instance_vcpu_s, minimum_idle_vcpu_s } = other;
        self.vcpu_s += vcpu_s;
        self.ghz_s += ghz_s;
        self.cpu_s += cpu_s;
        self.instance_vcpu_s += instance_vcpu_s;
        self.minimum_idle_vcpu_s += minimum_idle_vcpu_s;
    }
}

/// The memory that is charged for, MB.
#[must_use]
pub fn billed_memory_mb(memory_mb: u32, billing: &Billing) -> u32 {
    let step = billing.resources.memory_step_mb.unwrap_or(1).max(1);
    memory_mb.div_ceil(step).saturating_mul(step)
}

impl ByArchitecture {
    /// All of it on one architecture.
    #[must_use]
    pub fn only(architecture: Architecture, quantity: f64) -> Self {
        match architecture {
            Architecture::X86 => Self { x86: quantity, arm: 0.0 },
            Architecture::Arm => Self { x86: 0.0, arm: quantity },
        }
    }

    /// On both.
    pub(super) fn sum(self) -> f64 {
        self.x86 + self.arm
    }

    fn scaled(self, factor: f64) -> Self {
        Self { x86: self.x86 * factor, arm: self.arm * factor }
    }

    fn times(self, price: Self) -> f64 {
        self.x86 * price.x86 + self.arm * price.arm
    }
}

impl AddAssign for ByArchitecture {
    fn add_assign(&mut self, other: Self) {
        let Self { x86, arm } = other;
        self.x86 += x86;
        self.arm += arm;
    }
}

/// The billed duration of an invocation that took `duration`: rounded up to the granularity, at least the minimum.
/// Where `init_billed`, the duration includes the billed phases of its cold start.
#[inline]
#[must_use]
pub fn billed_duration(duration: Span, billing: &Billing) -> Span {
    round_up(duration, billing.granularity).max(billing.minimum)
}

/// The next multiple of `granularity`, exactly; of zero, the span itself.
#[inline]
#[must_use]
pub fn round_up(span: Span, granularity: Span) -> Span {
    let step = granularity.as_nanos().max(1);
    Span::from_nanos(span.as_nanos().div_ceil(step).saturating_mul(step))
}

/// GB-seconds of `memory_mb` over `nanos` nanoseconds (1 GB = 1024 MB).
#[must_use]
pub fn gb_seconds(memory_mb: u32, nanos: u128) -> f64 {
    f64::from(memory_mb) / 1024.0 * (nanos as f64 / 1e9)
}

/// The share of a month's volume that is left to pay after the free part.
fn paid_share(volume: f64, free: f64) -> f64 {
    if volume > free { (volume - free) / volume } else { 0.0 }
}

/// The price of a month's volume; the last tier never ends.
fn tiered_usd(volume: f64, tiers: &[Tier]) -> f64 {
    let (mut usd, mut from) = (0.0, 0.0);
    for (place, tier) in tiers.iter().enumerate() {
        let end = if place + 1 == tiers.len() { None } else { tier.up_to };
        let to = end.map_or(volume, |end| end.min(volume)).max(from);
        usd += (to - from) * tier.usd;
        from = to;
    }
    usd
}

/// Having and running.
fn provisioned_prices(billing: &ProvisionedBilling) -> (ByArchitecture, ByArchitecture) {
    (
        ByArchitecture { x86: billing.reserve_usd_x86, arm: billing.reserve_usd_arm },
        ByArchitecture { x86: billing.execution_usd_x86, arm: billing.execution_usd_arm },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ResourceBilling;

    /// The prices of AWS Lambda in US East (aws.amazon.com/lambda/pricing, 2026).
    fn lambda(free_tier: bool) -> Billing {
        let tier = |up_to, usd| Tier { up_to, usd };
        Billing {
            per_request_usd: 0.2e-6,
            gb_second_usd_x86: vec![tier(Some(6e9), 1.66667e-5), tier(Some(15e9), 1.5e-5), tier(None, 1.33334e-5)],
            gb_second_usd_arm: vec![
                tier(Some(7.5e9), 1.33334e-5),
                tier(Some(18.75e9), 1.20001e-5),
                tier(None, 1.06667e-5),
            ],
            granularity: Span::from_millis(1),
            minimum: Span::from_millis(1),
            init_billed: true,
            free_requests: if free_tier { 1e6 } else { 0.0 },
            free_gb_seconds: if free_tier { 400_000.0 } else { 0.0 },
            provisioned: Some(ProvisionedBilling {
                reserve_usd_x86: 4.1667e-6,
                execution_usd_x86: 9.7222e-6,
                reserve_usd_arm: 3.3334e-6,
                execution_usd_arm: 7.7778e-6,
                granularity: Span::from_secs(300),
            }),
            minimum_instances: None,
            resources: ResourceBilling::default(),
            extras: ExtraPrices {
                ephemeral_gb_second_usd: 3.09e-8,
                ephemeral_included_mb: 512,
                snapshot_cache_gb_second_usd: 1.5046e-6,
                snapshot_restore_gb_usd: 1.397_998e-4,
                poller_hour_usd: 0.00925,
                instance_gb_second_usd: 0.0,
            },
        }
    }

    fn x86(quantity: f64) -> ByArchitecture {
        ByArchitecture::only(Architecture::X86, quantity)
    }

    /// GB-seconds of so many invocations of so many milliseconds, the way the recorder sums them.
    fn executed(invocations: u64, millis: u64, memory_mb: u32) -> f64 {
        let billed = billed_duration(Span::from_millis(millis), &lambda(true));
        gb_seconds(memory_mb, u128::from(billed.as_nanos()) * u128::from(invocations))
    }

    /// The cost of a month in whole cents: total, requests, compute, provisioned, other.
    fn cents(month: &Usage, billing: &Billing) -> [i64; 5] {
        let cost = Prices::of_month(month, billing).cost(month, month.requests, month.requests);
        [cost.total, cost.requests, cost.compute, cost.provisioned, cost.other].map(|usd| (usd * 100.0).round() as i64)
    }

    // The seven worked examples of the AWS Lambda pricing page, to the cent. Some count the free tier, some do not, as
    // printed there.

    #[test]
    fn aws_example_mobile_back_end() {
        let month = Usage { requests: 3e6, on_demand_gb_s: x86(executed(3_000_000, 120, 1536)), ..Usage::default() };
        assert_eq!(cents(&month, &lambda(true)), [273, 40, 233, 0, 0]);
    }

    #[test]
    fn aws_example_without_the_free_tier() {
        let month =
            Usage { requests: 7.44e6, on_demand_gb_s: x86(executed(7_440_000, 2000, 1024)), ..Usage::default() };
        assert_eq!(cents(&month, &lambda(false)), [24_949, 149, 24_800, 0, 0]);
    }

    #[test]
    fn aws_example_ephemeral_storage() {
        let month = Usage {
            requests: 6e6,
            on_demand_gb_s: x86(executed(6_000_000, 280, 4096)),
            ephemeral_gb_s: executed(6_000_000, 280, 2048 - 512),
            ..Usage::default()
        };
        assert_eq!(cents(&month, &lambda(true)), [10_641, 100, 10_533, 0, 8]);
    }

    #[test]
    fn whoever_pays_for_machines_pays_for_idle_ones_too() {
        let extras = ExtraPrices { instance_gb_second_usd: 2e-5, ..ExtraPrices::default() };
        let billing = Billing { extras, gb_second_usd_x86: Vec::new(), per_request_usd: 0.0, ..lambda(false) };
        let month = Usage { requests: 1e6, instance_gb_s: 3e6, on_demand_gb_s: x86(1e6), ..Usage::default() };
        assert_eq!(cents(&month, &billing), [6000, 0, 0, 0, 6000]);
    }

    #[test]
    fn aws_example_provisioned_with_spill_over() {
        let month = Usage {
            requests: 3e6,
            on_demand_gb_s: x86(executed(2_500_000, 120, 1536)),
            provisioned_gb_s: x86(executed(100, 8 * 3_600_000, 1536)),
            provisioned_execution_gb_s: x86(executed(500_000, 100, 1536)),
            ..Usage::default()
        };
        // Printed: 18.00 for having it and 0.73 for running on it.
        assert_eq!(cents(&month, &lambda(true)), [1996, 40, 83, 1873, 0]);
    }

    #[test]
    fn aws_example_all_provisioned() {
        let month = Usage {
            requests: 2e6,
            provisioned_gb_s: x86(executed(7, 24 * 3_600_000, 4096)),
            provisioned_execution_gb_s: x86(executed(2_000_000, 280, 4096)),
            ..Usage::default()
        };
        // Printed: 10.08 and 21.78.
        assert_eq!(cents(&month, &lambda(false)), [3226, 40, 0, 3186, 0]);
    }

    #[test]
    fn aws_example_snapshots() {
        let month = Usage {
            snapshot_cache_gb_s: executed(1, 31 * 86_400_000, 1024),
            snapshot_restored_gb: 74_400.0,
            ..Usage::default()
        };
        // Printed: 4.03 and 10.40.
        assert_eq!(cents(&month, &lambda(true)), [1443, 0, 0, 0, 1443]);
        let cache = Usage { snapshot_restored_gb: 0.0, ..month };
        assert_eq!(cents(&cache, &lambda(true))[4], 403);
    }

    #[test]
    fn aws_example_event_pollers() {
        assert_eq!(cents(&Usage { poller_hours: 8000.0, ..Usage::default() }, &lambda(true)), [7400, 0, 0, 0, 7400]);
    }

    #[test]
    fn tiers_apply_to_the_volume_of_the_month() {
        // 20 thousand million GB-s: 6 at the first price, 9 at the second, 5 at the third; the grant comes off first.
        let month = Usage { on_demand_gb_s: x86(20e9 + 400_000.0), ..Usage::default() };
        let expected = 6e9 * 1.66667e-5 + 9e9 * 1.5e-5 + 5e9 * 1.33334e-5;
        let cost = Prices::of_month(&month, &lambda(true)).cost(&month, 1.0, 1.0);
        assert!((cost.compute - expected).abs() < 1e-3, "{}", cost.compute);
        assert_eq!(tiered_usd(10.0, &[Tier { up_to: Some(4.0), usd: 1.0 }, Tier { up_to: Some(6.0), usd: 0.5 }]), 7.0);
        assert_eq!(tiered_usd(10.0, &[]), 0.0);
    }

    #[test]
    fn arm_has_its_own_prices_and_shares_the_grant() {
        let month = Usage { on_demand_gb_s: ByArchitecture { x86: 600_000.0, arm: 200_000.0 }, ..Usage::default() };
        let cost = Prices::of_month(&month, &lambda(true)).cost(&month, 1.0, 1.0);
        assert!((cost.compute - (300_000.0 * 1.66667e-5 + 100_000.0 * 1.33334e-5)).abs() < 1e-9, "{}", cost.compute);
    }

    #[test]
    fn functions_add_up_and_a_part_costs_its_share() {
        let billing = lambda(true);
        let hour = Span::from_secs(3600);
        let a = Usage { requests: 40_000.0, on_demand_gb_s: x86(9000.0), poller_hours: 2.0, ..Usage::default() };
        let b = Usage {
            requests: 1000.0,
            on_demand_gb_s: ByArchitecture::only(Architecture::Arm, 2000.0),
            provisioned_gb_s: x86(3600.0),
            ..Usage::default()
        };
        let mut account = a;
        account += b;
        let month = account.to_month(hour);
        let prices = Prices::of_month(&month, &billing);
        let whole = prices.cost(&account, 41_000.0, 40_000.0);
        let parts = prices.cost(&a, 40_000.0, 40_000.0).total + prices.cost(&b, 1000.0, 1000.0).total;
        assert!((whole.total - parts).abs() < 1e-12, "{} and {parts}", whole.total);
        assert!((prices.cost(&month, 1.0, 1.0).total - 720.0 * whole.total).abs() < 1e-9);
        assert!((whole.per_million_requests - whole.total / 0.041).abs() < 1e-9);
        assert!((whole.per_million_succeeded - whole.total / 0.040).abs() < 1e-9);
        // A month of 41,000 requests an hour: 29.52 million, of which one is free.
        assert!((720.0 * whole.requests - 28.52 * 0.2).abs() < 1e-9, "{}", whole.requests);
    }

    /// Usage of everything: the first quantity is one, the second two, and so on.
    fn everything(each: impl Fn(f64) -> f64) -> Usage {
        let both = |x86, arm| ByArchitecture { x86: each(x86), arm: each(arm) };
        Usage {
            requests: each(1.0),
            on_demand_gb_s: both(2.0, 3.0),
            provisioned_gb_s: both(4.0, 5.0),
            provisioned_execution_gb_s: both(6.0, 7.0),
            minimum_idle_gb_s: each(8.0),
            minimum_busy_gb_s: each(9.0),
            ephemeral_gb_s: each(10.0),
            snapshot_cache_gb_s: each(11.0),
            snapshot_restored_gb: each(12.0),
            poller_hours: each(13.0),
            instance_gb_s: each(14.0),
            cpu: CpuUsage {
                vcpu_s: each(15.0),
                ghz_s: each(16.0),
                cpu_s: each(17.0),
                instance_vcpu_s: each(18.0),
                minimum_idle_vcpu_s: each(19.0),
            },
        }
    }

    #[test]
    fn every_quantity_adds_up_scales_and_has_its_price() {
        let mut sum = everything(|quantity| quantity);
        sum += everything(|quantity| 10.0 * quantity);
        assert_eq!(sum, everything(|quantity| 11.0 * quantity));
        let eighth = Span::from_nanos(MONTH.as_nanos() / 8);
        assert_eq!(everything(|quantity| quantity).to_month(eighth), everything(|quantity| 8.0 * quantity));
        let two = ByArchitecture { x86: 2.0, arm: 2.0 };
        let prices = Prices {
            request: 2.0,
            on_demand: two,
            provisioned: two,
            provisioned_execution: two,
            minimum_idle: 2.0,
            minimum_busy: 2.0,
            cpu: CpuUsage { vcpu_s: 2.0, ghz_s: 2.0, cpu_s: 2.0, instance_vcpu_s: 2.0, minimum_idle_vcpu_s: 2.0 },
            instance_gb: 2.0,
            extras: ExtraPrices {
                ephemeral_gb_second_usd: 2.0,
                ephemeral_included_mb: 0,
                snapshot_cache_gb_second_usd: 2.0,
                snapshot_restore_gb_usd: 2.0,
                poller_hour_usd: 2.0,
                instance_gb_second_usd: 0.0,
            },
        };
        let cost = prices.cost(&everything(|quantity| quantity), 100.0, 50.0);
        let expected = [
            2.0,
            2.0 * (2.0 + 3.0 + 15.0 + 16.0 + 17.0),
            2.0 * (4.0 + 5.0 + 6.0 + 7.0 + 8.0 + 9.0 + 19.0),
            2.0 * (10.0 + 11.0 + 12.0 + 13.0 + 14.0 + 18.0),
        ];
        assert_eq!([cost.requests, cost.compute, cost.provisioned, cost.other], expected);
        assert_eq!((cost.total, cost.per_million_requests, cost.per_million_succeeded), (380.0, 3.8e6, 7.6e6));
        // The same again on another platform, of the same requests.
        let twice = cost.clone().and(&cost, 100.0, 50.0);
        assert_eq!([twice.requests, twice.compute, twice.provisioned, twice.other], expected.map(|usd| 2.0 * usd));
        assert_eq!((twice.total, twice.per_million_requests, twice.per_million_succeeded), (760.0, 7.6e6, 15.2e6));
    }

    #[test]
    fn no_usage_no_cost() {
        let prices = Prices::of_month(&Usage::default().to_month(Span::ZERO), &lambda(true));
        let cost = prices.cost(&Usage::default(), 0.0, 0.0);
        assert_eq!(cost.total, 0.0);
        assert!(cost.per_million_requests.is_nan());
        let used = Usage { requests: 5.0, on_demand_gb_s: x86(5.0), ..Usage::default() };
        assert_eq!(Prices::default().cost(&used, 5.0, 5.0).total, 0.0);
    }

    #[test]
    fn durations_round_up_exactly() {
        let billing = Billing { minimum: Span::from_millis(100), ..lambda(true) };
        for (nanos, billed_ms) in
            [(0, 100), (99_000_001, 100), (100_000_000, 100), (100_000_001, 101), (101_000_000, 101)]
        {
            assert_eq!(billed_duration(Span::from_nanos(nanos), &billing), Span::from_millis(billed_ms), "{nanos}");
        }
        assert_eq!(round_up(Span::from_secs(301), Span::from_secs(300)), Span::from_secs(600));
        assert_eq!(round_up(Span::ZERO, Span::from_secs(300)), Span::ZERO);
        assert_eq!(round_up(Span::from_nanos(7), Span::ZERO), Span::from_nanos(7));
        assert_eq!(round_up(Span::FOREVER, Span::from_secs(300)), Span::FOREVER);
    }
}
