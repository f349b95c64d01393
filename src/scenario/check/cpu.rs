//! The processors of an instance: how many there are, and how its requests share them.

use super::Checker;
use crate::scenario::model::{Cpu, CpuSharing};
use crate::scenario::raw::function::{CpuTable, FunctionTable};
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::Problem;
use crate::time::Span;

/// The default period of the CPU quota: `cpu.cfs_period_us` of Linux (kernel documentation, CFS Bandwidth Control),
/// which Kubernetes does not change (`cpuCFSQuotaPeriod` of the kubelet).
const PERIOD: Span = Span::from_millis(100);

/// The periods that Linux accepts.
const PERIODS: [Span; 2] = [Span::from_millis(1), Span::from_secs(1)];

/// CPU limits, in vCPUs: Kubernetes counts in thousandths.
const LIMITS: [f64; 2] = [0.001, 10_000.0];

/// Whether any key says how requests share the CPU; the request on the node does not.
fn shares(table: &CpuTable) -> bool {
    let CpuTable { place: _, request: _, limit, cpu_bound_share, threads, period } = table;
    limit.is_some() || cpu_bound_share.is_some() || threads.is_some() || period.is_some()
}

impl Checker<'_, '_> {
    /// The processors of an instance.
    pub(super) fn cpu_of(&self, table: &FunctionTable) -> Cpu {
        let own = table.cpu.as_ref();
        let memory = *table.memory;
        let platform = self.cpu.as_ref();
        let sizes = platform.and_then(|platform| platform.sizes.as_ref()).map_or(&[][..], Vec::as_slice);
        let size = sizes.iter().find(|size| *size.memory >= Some(memory)).or(sizes.last());
        let by_size = size.and_then(|size| *size.vcpus);
        let by_memory =
            platform.and_then(|platform| *platform.per_gb).map(|per_gb| per_gb * f64::from(memory) / 1024.0);
        let period = platform.and_then(|platform| *platform.period);
        let sharing = own.filter(|own| shares(own)).map(|own| CpuSharing {
            threads: own.threads.unwrap_or(1),
            period: own.period.or(period).unwrap_or(PERIOD),
        });
        let vcpus = own.and_then(|own| *own.limit).or(by_size).or(by_memory).unwrap_or(1.0);
        Cpu {
            request: own.and_then(|own| *own.request).unwrap_or(vcpus),
            vcpus,
            ghz: size.and_then(|size| *size.ghz).unwrap_or(0.0),
            bound_share: own.and_then(|own| *own.cpu_bound_share).unwrap_or(1.0),
            sharing,
        }
    }

    /// Rejects what cannot be shared, and warns about what is unlikely to be intended.
    pub(super) fn cpu(&mut self, table: &FunctionTable, path: &str, slots: u32) {
        let Some(own) = table.cpu.as_ref() else { return };
        if let Some(limit) = own.limit.filter(|limit| !(LIMITS[0]..=LIMITS[1]).contains(limit)) {
            let message = format!("`{path}.cpu.limit` is {limit}: it must be from {} to {}", LIMITS[0], LIMITS[1]);
            self.problems
                .push(Problem::error(own.limit.place, message).help("it is a number of vCPUs, such as 0.5 or 2"));
        }
        self.quota_period(&own.period, &format!("{path}.cpu.period"));
        if let (Some(request), Some(limit)) = (*own.request, *own.limit)
            && request > limit
        {
            let message = format!("`{path}.cpu.request` is {request} and its `limit` {limit}: Kubernetes rejects this");
            let help = format!("write a request of {limit} at most, or a limit of at least {request}");
            self.problems.push(Problem::warning(own.request.place, message).help(help));
        }
        if shares(own) && own.cpu_bound_share.is_none() && !own.cpu_bound_share.broken && slots > 1 {
            let message = format!(
                "`{path}` has `cpu` without `cpu-bound-share`: its requests, up to {slots} on an instance, compute all the \
                 time"
            );
            let help = "set the share of `duration` in which they compute, as in cpu.cpu-bound-share = 0.2";
            self.problems.push(Problem::warning(own.place, message).help(help));
        }
    }

    /// A period that Linux accepts.
    pub(super) fn quota_period(&mut self, period: &Spanned<Option<Span>>, key: &str) {
        if let Some(wrong) = period.value.filter(|period| !(PERIODS[0]..=PERIODS[1]).contains(period)) {
            let message = format!("`{key}` is {wrong}: it must be from {} to {}", PERIODS[0], PERIODS[1]);
            self.problems.push(Problem::error(period.place, message).help("the default of Linux is 100ms"));
        }
    }
}
