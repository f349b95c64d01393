//! What a run has cost so far, where each request is charged for by itself: its execution and the start of an instance that was made for
//! it when it ends, as the platform's meter does.
//!
//! Prices are those of a month that began with the measured part: the volume so far decides about tiers and free amounts.

use std::collections::HashMap;

use super::super::cost::{self, ByArchitecture, CpuUsage, Prices, Usage};
use crate::engine::Finished;
use crate::id::{InstanceId, LocalFn};
use crate::scenario::{Billing, Function, Scenario};
use crate::time::Span;

/// The meter of all functions.
#[derive(Debug)]
pub(super) struct Meter {
    billing: Billing,
    functions: Vec<Metered>,
}

/// What is charged for of a function.
#[derive(Debug)]
struct Metered {
    spec: Function,
    requests: u64,
    billed_ns: u128,
    /// The start-up of instances whose first request has not ended.
    starts: HashMap<InstanceId, Span>,
}

impl Meter {
    /// None where nothing is charged for.
    pub(super) fn of(scenario: &Scenario) -> Option<Self> {
        let metered =
            |spec: &Function| Metered { spec: spec.clone(), requests: 0, billed_ns: 0, starts: HashMap::new() };
        let billing = scenario.platform.billing.clone()?;
        Some(Self { billing, functions: scenario.functions.iter().map(metered).collect() })
    }

    /// An instance is made.
    pub(super) fn created(&mut self, function: LocalFn, instance: InstanceId, billed: Span) {
        if billed > Span::ZERO && self.billing.init_billed {
            self.functions[function.index()].starts.insert(instance, billed);
        }
    }

    /// An instance is gone.
    pub(super) fn removed(&mut self, function: LocalFn, instance: InstanceId) {
        self.functions[function.index()].starts.remove(&instance);
    }

    /// An invocation ended; `counts`: it arrived in the measured part.
    pub(super) fn finished(&mut self, request: &Finished, counts: bool) {
        let Some(instance) = request.instance else { return };
        let metered = &mut self.functions[request.function.index()];
        let start = if request.cold { metered.starts.remove(&instance) } else { None };
        if counts {
            let duration = request.ended.since(request.started) + start.unwrap_or(Span::ZERO);
            metered.billed_ns += u128::from(cost::billed_duration(duration, &self.billing).as_nanos());
            metered.requests += 1;
        }
    }

    /// What it costs until now, US dollars.
    pub(super) fn cost_usd(&self) -> f64 {
        let mut all = Usage::default();
        for Metered { spec, requests, billed_ns, .. } in &self.functions {
            let gb_s = cost::gb_seconds(cost::billed_memory_mb(spec.memory_mb, &self.billing), *billed_ns);
            let executed = *billed_ns as f64 / 1e9;
            all += Usage {
                requests: *requests as f64,
                on_demand_gb_s: ByArchitecture::only(spec.architecture, gb_s),
                cpu: CpuUsage {
                    vcpu_s: spec.cpu.vcpus * executed,
                    ghz_s: spec.cpu.ghz * executed,
                    ..CpuUsage::default()
                },
                ..Usage::default()
            };
        }
        Prices::of_month(&all, &self.billing).cost(&all, all.requests, all.requests).total
    }
}
