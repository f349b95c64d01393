//! The platform: limits of the account, scaling rate, prices.

use std::collections::{BTreeMap, HashMap};

use super::Checker;
use crate::cluster::{PlacementSpec, RegistrySpec};
use crate::policy::keep_alive::greedy_dual::Rule;
use crate::scenario::limits::MAX_PROVISIONED;
use crate::scenario::model::{
    Billing, ExtraPrices, FreeResources, Function, MinimumBilling, Platform, ProvisionedBilling, ResourceBilling,
    ScalingRate, StemCells, Tier, UnitBilling,
};
use crate::scenario::preset::Preset;
use crate::scenario::raw::FileTable;
use crate::scenario::raw::function::FunctionTable;
use crate::scenario::raw::platform::{
    AccountTable, BillingTable, PlatformCpuTable, PlatformTable, ScalingTable, StemCellsTable, TierTable,
};
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::{Problem, SourceSpan};
use crate::time::Span;

/// Maximum number of requests per second per unit of concurrency.
const MAX_REQUEST_RATE: u32 = 1_000_000;

impl Checker<'_, '_> {
    /// What all functions share; without the table, no limits and no prices.
    pub(super) fn platform(&mut self, table: Option<&PlatformTable>) -> Option<Platform> {
        let Some(table) = table else {
            return Some(Platform {
                preset: None,
                account_limit: None,
                min_unreserved: 0,
                request_rate: None,
                init_timeout: None,
                scaling: None,
                memory_budget_mb: None,
                stem_cells: Vec::new(),
                placement: PlacementSpec::standard(),
                registry: RegistrySpec::standard(),
                billing: None,
            });
        };
        let account = table.concurrency.as_ref();
        let account_limit = account.and_then(|account| account.account_limit.flatten());
        let min_unreserved = account.map_or(0, |account| *account.min_unreserved);
        let request_rate = match account {
            Some(account) => self.request_rate(account)?,
            None => None,
        };
        let init_timeout = table.init_timeout.flatten();
        let scaling = match table.scaling.as_ref().and_then(Option::as_ref) {
            Some(scaling) => Some(self.scaling_rate(scaling)?),
            None => None,
        };
        let billing = match table.billing.as_ref().and_then(Option::as_ref) {
            Some(billing) => Some(self.billing(billing, *table.preset)?),
            None => None,
        };
        if let Some(cpu) = table.cpu.as_ref() {
            self.cpu_sizes(cpu);
            self.quota_period(&cpu.period, "platform.cpu.period");
        }
        let preset = table.preset.map(|preset| preset.name().to_owned());
        let cells = |cells: &StemCellsTable| StemCells {
            runtime: cells.runtime.value.clone(),
            memory_each_mb: *cells.memory,
            count: *cells.count,
        };
        let stem_cells = table.stem_cells.as_ref().map_or(Vec::new(), |list| list.iter().map(cells).collect());
        let memory = table.memory.as_ref().and_then(Option::as_ref);
        let memory_budget_mb = match memory {
            Some(memory) => Some((*memory.budget)?),
            None => None,
        };
        Some(Platform {
            preset,
            account_limit,
            min_unreserved,
            request_rate,
            init_timeout,
            scaling,
            memory_budget_mb,
            stem_cells,
            placement: table.placement.value.clone().unwrap_or_else(PlacementSpec::standard),
            registry: table.registry.value.clone().unwrap_or_else(RegistrySpec::standard),
            billing,
        })
    }

    /// Requests that may start per second, per unit of concurrency.
    fn request_rate(&mut self, account: &AccountTable) -> Option<Option<u32>> {
        let at = &account.request_rate_per_concurrency;
        let Some(rate) = at.flatten() else { return (!at.broken).then_some(None) };
        if rate.fract() == 0.0 && rate <= f64::from(MAX_REQUEST_RATE) {
            return Some(Some(rate as u32));
        }
        let message = format!("`platform.concurrency.request-rate-per-concurrency` is {rate}/s");
        let help = format!("it must be a whole number of requests per second, 1/s to {MAX_REQUEST_RATE}/s");
        self.problems.push(Problem::error(at.place, message).help(help));
        None
    }

    fn scaling_rate(&mut self, table: &ScalingTable) -> Option<ScalingRate> {
        let (burst, rate) = ((*table.burst)?, (*table.rate)?);
        // A rate below one in 292 years counts as none.
        let refill = Span::from_secs_f64(1.0 / rate).unwrap_or(Span::FOREVER);
        Some(ScalingRate { burst, refill: refill.max(Span::from_nanos(1)) })
    }

    fn billing(&mut self, table: &BillingTable, preset: Option<Preset>) -> Option<Billing> {
        let granularity = self.positive(table.granularity.place, *table.granularity, "platform.billing.granularity");
        let x86 = self.tiers(&table.gb_second_usd_x86, "platform.billing.gb-second-usd-x86");
        let arm = self.tiers(&table.gb_second_usd_arm, "platform.billing.gb-second-usd-arm");
        let provisioned = match table.provisioned.as_ref().and_then(Option::as_ref) {
            None => None,
            Some(table) => {
                let path = "platform.billing.provisioned.granularity";
                Some(ProvisionedBilling {
                    reserve_usd_x86: (*table.reserve_usd_x86)?,
                    execution_usd_x86: (*table.execution_usd_x86)?,
                    reserve_usd_arm: (*table.reserve_usd_arm)?,
                    execution_usd_arm: (*table.execution_usd_arm)?,
                    granularity: self.positive(table.granularity.place, *table.granularity, path)?,
                })
            }
        };
        if *table.free_tier && preset.is_none() {
            let message = "`platform.billing.free-tier` has no effect without a preset";
            let help = "write free-requests and free-gb-seconds, or [platform] preset = \"aws-lambda\"";
            self.problems.push(Problem::warning(table.free_tier.place, message).help(help));
        }
        // They are not in the text of the preset, because few functions have a snapshot.
        let (keeping, restoring) = preset.map_or((0.0, 0.0), |preset| preset.file().snapshot_prices);
        Some(Billing {
            per_request_usd: *table.per_request_usd,
            gb_second_usd_x86: x86?,
            gb_second_usd_arm: arm?,
            granularity: granularity?,
            minimum: *table.minimum,
            init_billed: *table.init_billed,
            free_requests: *table.free_requests,
            free_gb_seconds: *table.free_gb_seconds,
            provisioned,
            resources: self.resources(table)?,
            minimum_instances: table.minimum_instances.as_ref().and_then(Option::as_ref).map(|table| MinimumBilling {
                idle_usd: *table.idle_gb_second_usd,
                busy_usd: *table.busy_gb_second_usd,
            }),
            extras: ExtraPrices {
                instance_gb_second_usd: *table.instance_gb_second_usd,
                ephemeral_gb_second_usd: table.ephemeral_gb_second_usd.unwrap_or(0.0),
                ephemeral_included_mb: table.ephemeral_included.unwrap_or(0),
                snapshot_cache_gb_second_usd: table.snapshot_gb_second_usd.unwrap_or(keeping),
                snapshot_restore_gb_usd: table.snapshot_restore_gb_usd.unwrap_or(restoring),
                ..ExtraPrices::default()
            },
        })
    }

    /// Prices of vCPUs and instances.
    fn resources(&mut self, table: &BillingTable) -> Option<ResourceBilling> {
        let vcpu_second_usd = match table.vcpu_second_usd.as_ref() {
            Some(tiers) => self.tiers(tiers, "platform.billing.vcpu-second-usd")?,
            None => Vec::new(),
        };
        let unit = match table.unit.as_ref() {
            Some(unit) => Some(UnitBilling {
                per_request: *unit.per_request,
                per_gb_second: *unit.per_gb_second,
                per_vcpu_second: *unit.per_vcpu_second,
                usd: self.tiers(unit.usd.as_ref()?, "platform.billing.unit.usd")?,
            }),
            None => None,
        };
        let minimum = table.minimum_instances.as_ref().and_then(Option::as_ref);
        let amount = |amount: &Spanned<Option<f64>>| amount.unwrap_or(0.0);
        Some(ResourceBilling {
            memory_step_mb: *table.memory_step,
            vcpu_second_usd,
            ghz_second_usd: amount(&table.ghz_second_usd),
            cpu_second_usd: amount(&table.cpu_second_usd),
            instance_vcpu_second_usd: amount(&table.instance_vcpu_second_usd),
            instance_minimum: table.instance_minimum.unwrap_or(Span::ZERO),
            minimum_idle_vcpu_second_usd: minimum.map_or(0.0, |minimum| amount(&minimum.idle_vcpu_second_usd)),
            per_month_usd: amount(&table.per_month_usd),
            unit,
            free: FreeResources {
                vcpu_seconds: amount(&table.free_vcpu_seconds),
                ghz_seconds: amount(&table.free_ghz_seconds),
                cpu_seconds: amount(&table.free_cpu_seconds),
                instance_gb_seconds: amount(&table.free_instance_gb_seconds),
                instance_vcpu_seconds: amount(&table.free_instance_vcpu_seconds),
            },
        })
    }

    /// Whether it is defined how many vCPUs come with each memory size.
    fn cpu_sizes(&mut self, table: &PlatformCpuTable) {
        let sizes = table.sizes.as_ref().map_or(&[][..], Vec::as_slice);
        if table.per_gb.is_some() && !sizes.is_empty() {
            let problem = Problem::error(table.sizes.place, "`platform.cpu` has both `per-gb` and `sizes`");
            self.problems.push(problem.help(
                "vCPUs are either proportional to memory or listed by size: remove one of \
                                             them",
            ));
        }
        if let Some(pair) = sizes.windows(2).find(|pair| *pair[0].memory >= *pair[1].memory) {
            let problem = Problem::error(
                pair[1].place,
                "`platform.cpu.sizes`: the sizes must be in increasing order \
                                                         of memory",
            );
            self.problems.push(problem.help("list the smallest size first"));
        }
    }

    /// The limit of an account, if it is a limit on memory.
    pub(super) fn account_memory(&mut self, account: &AccountTable, functions: &[&Function]) -> Option<u32> {
        let quota = (*account.account_memory)?;
        let largest = functions.iter().map(|function| function.memory_mb).max()?;
        if largest > quota {
            let message = format!("a function of {largest}MB does not fit in `account-memory` = {quota}MB");
            self.problems.push(
                Problem::error(account.account_memory.place, message)
                    .help("raise it, or give the function less memory"),
            );
        }
        Some((quota / largest.max(1)).max(1))
    }

    fn tiers(&mut self, listed: &[TierTable], path: &str) -> Option<Vec<Tier>> {
        let mut tiers: Vec<Tier> = Vec::new();
        for (index, tier) in listed.iter().enumerate() {
            let is_last = index + 1 == listed.len();
            let before = tiers.last().and_then(|tier| tier.up_to).unwrap_or(0.0);
            let wrong = match *tier.up_to {
                None if tier.up_to.broken => return None,
                None if !is_last => "only the last tier may omit `up-to`",
                Some(_) if is_last => "the last tier must omit `up-to`: it has no upper end",
                Some(up_to) if up_to <= before => "the tiers must be in increasing order of `up-to`",
                _ => {
                    tiers.push(Tier { up_to: *tier.up_to, usd: (*tier.usd)? });
                    continue;
                }
            };
            let help = "as in [{ up-to = 6e9, usd = 1.67e-5 }, { usd = 1.5e-5 }]";
            self.problems.push(Problem::error(tier.place, format!("`{path}`: {wrong}")).help(help));
            return None;
        }
        Some(tiers)
    }

    /// Whether what must be in memory fits, and which instances are removed when others do not fit.
    pub(super) fn memory(&mut self, file: &FileTable, functions: &[Function]) {
        let memory = file.platform.as_ref().and_then(|platform| platform.memory.as_ref()?.as_ref());
        let budget = memory.and_then(|memory| Some((memory.budget.place, (*memory.budget)?)));
        let mut rule: Option<(&str, &Function)> = None;
        let tables: HashMap<&str, &FunctionTable> =
            file.function.iter().filter_map(|table| Some((table.name.as_deref()?, table))).collect();
        let cells = file.platform.as_ref().and_then(|platform| platform.stem_cells.as_ref());
        let of_cells = |cells: &StemCellsTable| u64::from(*cells.memory) * u64::from(*cells.count);
        let mut always: u64 = cells.map_or(0, |list| list.iter().map(of_cells).sum());
        for function in functions {
            let (name, table) = (&function.name, tables.get(function.name.as_str()));
            let at_start = function.initial.as_ref();
            let at_start = at_start.map_or(0, |initial| u64::from(initial.busy) + u64::from(initial.idle));
            always += u64::from(function.memory_mb) * (u64::from(function.concurrency.provisioned) + at_start);
            if let Some((place, budget)) = budget.filter(|(_, budget)| function.memory_mb > *budget) {
                let message = format!(
                    "an instance of `function.{name}` has {}MB: `platform.memory.budget` is {budget}MB",
                    function.memory_mb
                );
                let place = table.map_or(place, |table| table.memory.place);
                self.problems.push(Problem::error(place, message).help("no request to it could ever be served"));
            }
            let Some(own) = function.keep_alive.eviction_rule() else { continue };
            let other = rule.filter(|(_, first): &(_, &Function)| {
                first.keep_alive.eviction_rule() != Some(own)
                    || own == Rule::TimeToLive && first.keep_alive != function.keep_alive
            });
            if let (Some((first, other)), Some(table)) = (other, table) {
                let other = other.keep_alive.eviction_rule().unwrap_or(own);
                let message = format!(
                    "`function.{name}.keep-alive.greedy-dual` uses a different rule from `function.{first}`: {own:?}, \
                     not {other:?}"
                );
                let help = "all functions share one cache: set it once, in [platform.keep-alive.greedy-dual]";
                self.problems.push(Problem::error(table.keep_alive.place, message).help(help));
            }
            if let (None, None, Some(table)) = (budget, rule, table) {
                let message = format!("`function.{name}.keep-alive.greedy-dual`: there is no `platform.memory`");
                let help = "without a memory limit, nothing is evicted; add one, as in platform.memory.budget = \
                            \"16GB\"";
                self.problems.push(Problem::warning(table.keep_alive.place, message).help(help));
            }
            rule.get_or_insert((name, function));
        }
        if let Some((place, budget)) = budget.filter(|(_, budget)| always > u64::from(*budget)) {
            let message = format!("instances at the start need {always}MB: `platform.memory.budget` is {budget}MB");
            self.problems.push(Problem::error(place, message));
        }
    }

    /// Checks that the provisioned instances of all functions can be simulated.
    pub(super) fn provisioned(&mut self, file: &FileTable, functions: &[Function]) {
        let own = |function: &Function| function.scaling.most_provisioned().max(function.concurrency.provisioned);
        let all: u64 = functions.iter().map(|function| u64::from(own(function))).sum();
        let last = functions.iter().rfind(|function| own(function) > 0);
        if let Some(last) = last.filter(|_| all > u64::from(MAX_PROVISIONED)) {
            let table = file.function.iter().find(|table| table.name.as_ref() == Some(&last.name));
            let place = table.map_or(file.place, |table| match last.scaling.most_provisioned() {
                0 => table.concurrency.provisioned.place,
                _ => table.scaling.place,
            });
            let message = format!("{all} instances are provisioned: at most {MAX_PROVISIONED} can be simulated");
            self.problems.push(Problem::error(place, message));
        }
    }

    /// What the functions of an account together take from its limit.
    pub(super) fn reservations<'t>(
        &mut self,
        account: &AccountTable,
        limit: Option<u32>,
        tables: impl Iterator<Item = &'t FunctionTable>,
        functions: &[&Function],
    ) {
        let most = |function: &'_ Function| function.scaling.most_provisioned();
        let with_policy = functions.iter().filter(|function| most(function) > 0);
        let by_policy: BTreeMap<&str, u32> =
            with_policy.map(|function| (function.name.as_str(), most(function))).collect();
        let mut last: Option<(SourceSpan, &str)> = None;
        let mut taken = 0_u64;
        for function in tables {
            let concurrency = &function.concurrency;
            let name = function.name.as_deref().unwrap_or("?");
            let policy = by_policy.get(name).copied().unwrap_or(0);
            let (reserved, own) = (concurrency.reserved.flatten(), policy.max(*concurrency.provisioned));
            // Provisioned instances are part of the function's reserved concurrency, if it has any.
            taken += u64::from(reserved.unwrap_or(own));
            if reserved.is_some() || own > 0 {
                let place = match reserved {
                    Some(_) => concurrency.reserved.place,
                    None if policy > 0 => function.scaling.place,
                    None => concurrency.provisioned.place,
                };
                last = Some((place, name));
            }
        }
        let (Some((place, name)), Some(limit)) = (last, limit) else { return };
        let unreserved = *account.min_unreserved;
        let available = u64::from(limit.saturating_sub(unreserved));
        if taken > available {
            let message = format!(
                "reserved and provisioned concurrency add up to {taken} (with \"{name}\"): the account allows {available}"
            );
            let help = if limit <= unreserved {
                format!("an account of {limit} must leave min-unreserved ({unreserved}), so nothing can be reserved")
            } else if account.account_limit.flatten().is_none() {
                format!("`account-memory` is enough for {limit} instances of the function with the most memory")
            } else {
                format!("which is account-limit ({limit}) minus min-unreserved ({unreserved})")
            };
            self.problems.push(Problem::error(place, message).help(help));
        }
    }
}
