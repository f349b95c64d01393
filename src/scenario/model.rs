//! The checked scenario: everything that the engine and the experiments read, with nothing left for them to check.

mod alarm;
mod billing;
mod fault;
mod function;
mod path;
mod platform;
mod simulation;

use serde::{Deserialize, Serialize};

use super::objective::Objective;
use super::plan::Plan;
use super::sweep::Sweep;
use crate::cluster::{Class, NodeGroup};
use crate::id::{FnId, PlatformId};
use crate::policy::keep_alive::greedy_dual::Rule;
use crate::time::Span;
pub use alarm::{Alarm, Comparison, Missing};
pub use billing::{
    Billing, ExtraPrices, FreeResources, MinimumBilling, ProvisionedBilling, ResourceBilling, Tier, UnitBilling,
};
pub use fault::{Fault, FaultKind, Timing};
pub use function::{
    Architecture, Batching, ColdStart, Concurrency, Cpu, CpuSharing, Function, Initial, Overflow, Phase, QueueOrder,
    Step, Work,
};
pub use path::{Component, Destination, Site, Source, Target};
pub use platform::{Platform, ScalingRate, StemCells};
pub use simulation::{Precision, PrecisionTarget, Simulation, Tolerance};

/// A whole scenario, checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Name: letters, digits, `-`, `_`.
    pub name: String,
    /// Free text.
    pub description: String,
    /// 64-bit hash (16 hex digits) of the resolved text.
    pub hash: String,
    /// The scenario after presets, variants and `--set`, as text that reads back to the same scenario.
    pub resolved: String,
    /// Simulated time, replications and random seed.
    pub simulation: Simulation,
    /// Settings shared by all functions, but for those at sites with a platform of their own.
    pub platform: Platform,
    /// The platforms of sites that have their own, in the order of the file.
    pub site_platforms: Vec<Platform>,
    /// The functions, in the order of the file (or of the trace that defines them).
    pub functions: Vec<Function>,
    /// The components that requests pass before or after they reach a function.
    pub components: Vec<Component>,
    /// The sources of requests, in the order of the file.
    pub sources: Vec<Source>,
    /// The sites, in the order of the file.
    pub sites: Vec<Site>,
    /// The machines that instances run on, in the order of the file; empty: there are always enough.
    pub node_groups: Vec<NodeGroup>,
    /// Injected faults.
    pub faults: Vec<Fault>,
    /// Named changes to this scenario.
    pub variants: Vec<Variant>,
    /// Objectives.
    pub objectives: Vec<Objective>,
    /// Alarms.
    pub alarms: Vec<Alarm>,
    /// What a sweep varies.
    pub sweep: Option<Sweep>,
    /// What a plan may change.
    pub plan: Option<Plan>,
    /// Keys of values that `forewarm import` had to assume.
    pub assumed: Vec<String>,
    /// Assumptions: unverified values and values that do not apply to every service.
    pub assumptions: Vec<Assumption>,
}

/// A value of a preset that readers of the results should know about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assumption {
    /// The reason.
    pub kind: AssumptionKind,
    /// The subject: a key of the preset, or a runtime with its package type.
    pub subject: String,
    /// The assumption and its basis.
    pub text: String,
}

/// Why readers should know about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssumptionKind {
    /// The value is unpublished: it is from memory, derived or assumed.
    Unverified,
    /// It was measured with a function that does nothing; a real one takes longer to load.
    MinimalFunction,
    /// The platform lacks something that the scenario sets, and something else stands for it.
    Adapted,
}

/// [`Scenario::drain`] if requests may be on their way forever.
const DRAIN: Span = Span::from_secs(900);

/// A named change to a scenario: keys and the values set.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Unique name.
    pub name: String,
    /// Dotted key and TOML value, in the order of the file. Additions are not included.
    pub set: Vec<(String, String)>,
}

impl Scenario {
    /// The pods that a function's instances are.
    ///
    /// # Panics
    /// If there is no such function.
    #[must_use]
    pub fn pod_class(&self, id: FnId) -> Class {
        let function = &self.functions[id.index()];
        Class {
            name: function.name.clone(),
            demand: function.requests(),
            groups: function.groups_of(&self.node_groups),
            image: function.image.clone(),
            shares_cpu: function.cpu.sharing.is_some(),
        }
    }

    /// Whether a function's instances are paid for through the nodes they run on.
    #[must_use]
    pub fn pays_for_nodes(&self, function: &Function) -> bool {
        let groups = function.groups_of(&self.node_groups);
        groups.into_iter().any(|place| self.node_groups[place].spec.per_hour_usd > 0.0)
    }

    /// The platform with this number.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn platform_of(&self, id: PlatformId) -> &Platform {
        id.0.checked_sub(1).map_or(&self.platform, |place| &self.site_platforms[place as usize])
    }

    /// All platforms, that of the scenario first.
    pub fn platforms(&self) -> impl Iterator<Item = (PlatformId, &Platform)> {
        (0..).map(PlatformId).zip(std::iter::once(&self.platform).chain(&self.site_platforms))
    }

    /// Whether anything has a price.
    #[must_use]
    pub fn has_prices(&self) -> bool {
        self.platforms().any(|(_, platform)| platform.billing.is_some())
            || self.node_groups.iter().any(|group| group.spec.per_hour_usd > 0.0)
    }

    /// Whether requests may pass components, or do more at a function than run. This checks all functions: for one of
    /// many cells, use [`Self::has_path_to`].
    #[must_use]
    pub fn has_path(&self) -> bool {
        !self.components.is_empty() || self.functions.iter().any(|function| !function.steps.is_empty())
    }

    /// The same for these functions, which are simulated together: with a path, these are all functions.
    #[must_use]
    pub fn has_path_to(&self, functions: &[FnId]) -> bool {
        !self.components.is_empty() || functions.iter().any(|id| !self.functions[id.index()].steps.is_empty())
    }

    /// How long after the horizon requests on a path are followed; `None`: to their end.
    #[must_use]
    pub fn drain(&self) -> Option<Span> {
        let lasts = |component: &Component| component.spec.kind().lasts;
        self.simulation.drain.or_else(|| self.components.iter().any(lasts).then_some(DRAIN))
    }

    /// What is evicted when memory is short: as `greedy-dual` of the functions says, else the least recently used.
    #[must_use]
    pub fn eviction_rule(&self) -> Rule {
        let mut rules = self.functions.iter().filter_map(|function| function.keep_alive.eviction_rule());
        rules.next().unwrap_or(Rule::LeastRecentlyUsed)
    }

    /// What reserved concurrency, provisioned concurrency and the maximum that policies may provision leave of the account
    /// limit of a platform; `u32::MAX` without a limit.
    #[must_use]
    pub fn unreserved_concurrency(&self, platform: PlatformId) -> u32 {
        let own = self.functions.iter().filter(|function| function.platform == platform);
        let taken = own.map(|function| {
            let concurrency = &function.concurrency;
            let provisioned = concurrency.provisioned.max(function.scaling.most_provisioned());
            u64::from(concurrency.reserved.unwrap_or(provisioned))
        });
        self.platform_of(platform)
            .account_limit
            .map_or(u32::MAX, |limit| u64::from(limit).saturating_sub(taken.sum()).try_into().unwrap_or(u32::MAX))
    }
}
