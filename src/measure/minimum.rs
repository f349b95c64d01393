//! Minimum instances of scaling policies: how long they were idle and busy.

use super::cost::{self, ByArchitecture};
use super::replication::FunctionRecord;
use super::window::Window;
use crate::engine::{Cell, Levels, Observer};
use crate::id::LocalFn;
use crate::scenario::{Function, Scenario};
use crate::time::SimTime;

/// Measures the minimum instances of a cell, only if they have a price.
#[derive(Debug)]
pub struct MinimumInstances<'a> {
    window: &'a Window,
    functions: Vec<Kept<'a>>,
}

/// The minimum instances of a function.
#[derive(Debug)]
struct Kept<'a> {
    spec: &'a Function,
    /// How many have a price.
    least: u32,
    /// Whether they have another while they are busy.
    has_busy_price: bool,
    /// Levels are known up to here.
    last: SimTime,
    idle_ns: u128,
    busy_ns: u128,
}

impl<'a> MinimumInstances<'a> {
    /// None if there are none with a price.
    #[must_use]
    pub fn new(scenario: &'a Scenario, cell: &Cell, window: &'a Window) -> Option<Self> {
        let kept = |spec: &'a Function| {
            let billing = scenario.platform_of(spec.platform).billing.as_ref();
            let prices = billing.and_then(|billing| billing.minimum_instances);
            Kept {
                spec,
                least: prices.map_or(0, |_| spec.scaling.minimum_instances()),
                has_busy_price: prices.is_some_and(|prices| prices.busy_usd.is_some()),
                last: SimTime::ZERO,
                idle_ns: 0,
                busy_ns: 0,
            }
        };
        let functions: Vec<_> = cell.functions.iter().map(|id| kept(&scenario.functions[id.index()])).collect();
        functions.iter().any(|kept| kept.least > 0).then_some(Self { window, functions })
    }

    /// Adds the billed usage. Busy minimum instances with their own price are charged at that price instead.
    pub fn finish(self, records: &mut [FunctionRecord]) {
        for (record, kept) in records.iter_mut().zip(&self.functions) {
            let gb_s = |nanos| cost::gb_seconds(kept.spec.memory_mb, nanos);
            record.usage.minimum_idle_gb_s += gb_s(kept.idle_ns);
            record.usage.cpu.minimum_idle_vcpu_s += kept.spec.cpu.vcpus * (kept.idle_ns as f64 / 1e9);
            if kept.has_busy_price {
                let busy = gb_s(kept.busy_ns).min(record.usage.on_demand_gb_s.sum());
                record.usage.minimum_busy_gb_s += busy;
                record.usage.on_demand_gb_s += ByArchitecture::only(kept.spec.architecture, -busy);
            }
        }
    }
}

impl Observer for MinimumInstances<'_> {
    fn levels(&mut self, now: SimTime, function: LocalFn, held: &Levels) {
        let kept = &mut self.functions[function.index()];
        let ns = u128::from(now.min(self.window.until).since(kept.last.max(self.window.from)).as_nanos());
        let busy = held.busy.min(kept.least);
        kept.busy_ns += u128::from(busy) * ns;
        kept.idle_ns += u128::from(held.idle.min(kept.least - busy)) * ns;
        kept.last = now;
    }
}
