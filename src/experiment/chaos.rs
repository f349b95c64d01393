//! Injects a catalog of faults into a scenario, each with the random draws of the undisturbed run.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::{Prepared, Progress, ReplicationJob, simulate_all};
use crate::dist::Dist;
use crate::engine::SimError;
use crate::id::ComponentId;
use crate::measure::chaos::{Chaos, Effect, Reference, rank};
use crate::measure::summary::ScenarioRef;
use crate::measure::{Replications, RunResult, Window};
use crate::path::ComponentSpec;
use crate::scenario::{Destination, Fault, FaultKind, Scenario, Source, Target, Timing};
use crate::time::{SimTime, Span};
use crate::workload::ArrivalSpec;

/// Maximum number of targets of each kind.
const TARGETS_MAX: usize = 20;
/// Faults that are simulated at the same time, which bounds memory.
const TOGETHER: usize = 16;
/// No fault lasts longer than this, unless the time series is coarser.
const LASTS: Span = Span::from_secs(600);
/// And no shorter than this many intervals of the time series.
const INTERVALS: u64 = 3;
/// Speed of slow targets.
const SPEED: f64 = 0.2;
/// Share of calls that fail.
const ERRORS: f64 = 0.5;
/// Delay added to each call.
const DELAY: Span = Span::from_secs(1);
/// Factor by which starts take longer.
const COLD_START: f64 = 5.0;
/// Factor of requests during a spike.
const SPIKE: f64 = 10.0;
/// The name of the fault. No name in a scenario has a space, so that it has random numbers of its own.
const NAME: &str = "fault of the catalogue";

/// The result of a catalog of faults.
#[derive(Clone, Debug)]
pub struct Found {
    /// What was found.
    pub chaos: Chaos,
    /// Requests simulated, over all faults and replications.
    pub simulated: u64,
    /// Whether it completed. If not, it contains the completed faults.
    pub is_whole: bool,
}

/// One fault of the catalog.
struct Entry<'a> {
    fault: &'static str,
    kind: &'static str,
    target: &'a str,
    what: What,
}

/// The change to the scenario.
enum What {
    Fault(Vec<Destination>, FaultKind),
    Spike(Source),
    NewTenant(Vec<Source>),
}

/// Simulates the scenario and each fault on `threads` threads, which do not change the result.
///
/// # Errors
/// When a trace turns out to be malformed, and when `progress` breaks before one fault is whole.
pub fn chaos(scenario: &Scenario, threads: NonZeroUsize, progress: &dyn Progress) -> Result<Found, SimError> {
    progress.begin();
    let mut simulated = 0;
    let (mut all, stopped) = replications(&[scenario], threads, progress, &mut simulated);
    let undisturbed = match (all.pop().flatten(), stopped) {
        (Some(undisturbed), None) => undisturbed,
        (_, stopped) => return Err(stopped.unwrap_or(SimError::Cancelled)),
    };
    let reference = Reference::of(scenario, &undisturbed, when(scenario));
    let when = reference.when();
    let result = RunResult::of(scenario, &undisturbed);
    let (entries, left_out) = catalogue(scenario, &result, when);

    let mut effects: Vec<Effect> = Vec::new();
    let mut is_whole = true;
    for chunk in entries.chunks(TOGETHER) {
        progress.begin();
        let disturbed: Vec<Scenario> = chunk.iter().map(|entry| entry.disturb(scenario, when)).collect();
        let scenarios: Vec<&Scenario> = disturbed.iter().collect();
        let (all, stopped) = replications(&scenarios, threads, progress, &mut simulated);
        for (entry, replications) in chunk.iter().zip(all) {
            if let Some(replications) = replications {
                let names = (entry.fault, entry.kind, entry.target);
                let ends_at_once = matches!(&entry.what, What::Fault(_, kind) if kind.is_over_at_once());
                effects.push(reference.effect(names, ends_at_once, &replications));
            }
        }
        match stopped {
            None => {}
            Some(SimError::Cancelled) if !effects.is_empty() => {
                is_whole = false;
                break;
            }
            Some(error) => return Err(error),
        }
    }
    rank(&mut effects);
    let chaos = Chaos {
        scenario: ScenarioRef { name: scenario.name.clone(), hash: scenario.hash.clone() },
        seed: scenario.simulation.seed,
        replications: scenario.simulation.replications,
        horizon_s: scenario.simulation.horizon.as_secs_f64(),
        at_s: when.0.as_secs_f64(),
        lasts_s: when.1.as_secs_f64(),
        interval_s: reference.interval().as_secs_f64(),
        undisturbed: reference.undisturbed(),
        effects,
        left_out,
    };
    Ok(Found { chaos, simulated, is_whole })
}

/// All replications of each scenario; none for incomplete ones.
fn replications(
    scenarios: &[&Scenario],
    threads: NonZeroUsize,
    progress: &dyn Progress,
    simulated: &mut u64,
) -> (Vec<Option<Replications>>, Option<SimError>) {
    let prepared: Vec<Prepared<'_>> = scenarios.iter().map(|scenario| Prepared::of(scenario)).collect();
    let count = |one: &Prepared<'_>| one.scenario.simulation.replications;
    let units: Vec<ReplicationJob<'_>> =
        prepared.iter().flat_map(|one| (0..count(one)).map(|number| one.unit(number, progress))).collect();
    let of: Vec<usize> = (prepared.iter().enumerate())
        .flat_map(|(place, one)| std::iter::repeat_n(place, count(one) as usize))
        .collect();
    let mut found = vec![Replications::default(); scenarios.len()];
    let stopped = simulate_all(&units, threads, None, |unit, replication| {
        found[of[unit]].push(scenarios[of[unit]], replication);
    });
    *simulated += found.iter().map(Replications::simulated).sum::<u64>();
    let all =
        found.into_iter().zip(&prepared).map(|(found, one)| Some(found).filter(|all| all.len() == count(one) as usize));
    (all.collect(), stopped)
}

/// When faults start, and how long they last: after a third of the measured period, for a tenth of it, up to ten
/// minutes.
fn when(scenario: &Scenario) -> (Span, Span) {
    let window = Window::of(scenario);
    let measured = window.measured().as_nanos();
    let at = scenario.simulation.warm_up + Span::from_nanos(measured / 3);
    let shortest = Span::from_nanos(window.interval.as_nanos().saturating_mul(INTERVALS));
    let lasts = Span::from_nanos(measured / 10).min(LASTS.max(shortest));
    (at, lasts)
}

/// Every applicable fault, and the number of omitted targets.
fn catalogue<'a>(scenario: &'a Scenario, result: &RunResult, when: (Span, Span)) -> (Vec<Entry<'a>>, usize) {
    let (functions, components) = scenario.reached();
    // The busiest functions first.
    let arrived =
        |place: usize| result.summary.functions.get(place).map_or(0.0, |(_, shape)| shape.requests.arrived.mean);
    let mut functions: Vec<_> = functions.into_iter().collect();
    functions.sort_by(|a, b| arrived(b.index()).total_cmp(&arrived(a.index())));
    let (mut entries, mut left_out) = (Vec::new(), functions.len().saturating_sub(TARGETS_MAX));
    for id in functions.into_iter().take(TARGETS_MAX) {
        let function = &scenario.functions[id.index()];
        let mut kinds = vec!["slow", "errors", "outage", "deploy", "delay"];
        if !function.cold_start.is_empty() {
            kinds.push("slow-cold-start");
        }
        let to = Destination::Function(id);
        entries.extend(kinds.into_iter().map(|fault| Entry::fault(fault, "function", &function.name, to)));
    }
    let mut count = 0;
    for id in components {
        let component = &scenario.components[id.index()];
        let (kind, kinds): (_, &[&'static str]) = match component.spec.group() {
            "gateways" => ("gateway", &["errors", "delay", "outage"]),
            "dependencies" => ("dependency", &["slow", "errors", "delay", "outage"]),
            "links" => ("link", &["slow", "delay", "outage"]),
            "queues" => ("queue", &["errors", "outage"]),
            "streams" => ("stream", &["errors", "outage"]),
            "topics" => ("topic", &["errors", "outage"]),
            "workflows" => ("workflow", &["errors", "outage"]),
            _ => continue,
        };
        count += 1;
        if count > TARGETS_MAX {
            left_out += 1;
            continue;
        }
        let to = Destination::Component(id);
        // Its name among components says what it is, which is told beside it.
        let name = component.name.split_once('.').filter(|(prefix, _)| *prefix == kind);
        let name = name.map_or(component.name.as_str(), |(_, name)| name);
        entries.extend(kinds.iter().map(|fault| Entry::fault(fault, kind, name, to)));
        if has_cache(&component.spec) {
            entries.push(Entry::fault("cache-flushed", kind, name, to));
        }
    }
    // The outage of the only site would be an outage of everything.
    for site in scenario.sites.iter().filter(|site| scenario.sites.len() > 1 && !site.holds.is_empty()) {
        let what = What::Fault(site.holds.clone(), FaultKind::Outage);
        entries.push(Entry { fault: "outage", kind: "site", target: &site.name, what });
    }
    for site in scenario.sites.iter().filter(|site| site.zones > 1) {
        let is_function = |to: &&Destination| matches!(to, Destination::Function(_));
        let functions: Vec<_> = site.holds.iter().filter(is_function).copied().collect();
        if !functions.is_empty() {
            let what = What::Fault(functions, FaultKind::ZoneOutage(0, site.zones));
            entries.push(Entry { fault: "zone-lost", kind: "site", target: &site.name, what });
        }
    }
    let spikes = scenario.sources.iter().filter_map(|source| {
        let what = What::Spike(additional(scenario, source, SPIKE - 1.0, "spike", when)?);
        Some(Entry { fault: "spike", kind: "source", target: &source.name, what })
    });
    let mut spikes: Vec<Entry<'_>> = spikes.collect();
    left_out += spikes.len().saturating_sub(TARGETS_MAX);
    spikes.truncate(TARGETS_MAX);
    entries.append(&mut spikes);
    let sources = scenario.sources.iter().filter_map(|source| additional(scenario, source, 1.0, "new tenant", when));
    let sources: Vec<Source> = sources.collect();
    if !sources.is_empty() {
        let what = What::NewTenant(sources);
        entries.push(Entry { fault: "new-tenant", kind: "source", target: "all sources", what });
    }
    (entries, left_out)
}

/// Whether it has a cache that a flush empties.
fn has_cache(spec: &ComponentSpec) -> bool {
    match spec {
        ComponentSpec::Gateway(gateway) => gateway.cache.is_some(),
        ComponentSpec::Dependency(dependency) => {
            dependency.cache.as_ref().is_some_and(|cache| cache.warms_up.is_some())
        }
        _ => false,
    }
}

/// `factor` times the load of a source on top of it; none if unknown, or for closed-loop users.
fn additional(
    scenario: &Scenario,
    source: &Source,
    factor: f64,
    name: &str,
    (at, lasts): (Span, Span),
) -> Option<Source> {
    if matches!(source.arrivals, ArrivalSpec::Closed { .. }) || matches!(source.target, Target::ByTrace(_)) {
        return None;
    }
    let service = source.service_mean_s(&scenario.functions);
    let (from, until) = (SimTime::from(at), SimTime::from(at + lasts));
    let before = |moment| source.arrivals.expected_before(moment, service);
    let rate = factor * (before(until)? - before(from)?) / lasts.as_secs_f64();
    let instant = Span::from_nanos(1);
    let points = [(from - instant, 0.0), (from, rate), (until, rate), (until + instant, 0.0)];
    let arrivals = ArrivalSpec::Piecewise { points: Arc::from(points), period: None };
    (rate > 0.0).then(|| Source { name: format!("{} {name}", source.name), arrivals, ..source.clone() })
}

/// Adds the sources of one more customer, with clients and quotas of its own.
fn add_tenant(scenario: &mut Scenario, sources: &[Source]) {
    let mut copies = HashMap::new();
    for source in sources {
        let target = match source.target {
            Target::Component(id) => Target::Component(copy(scenario, id, &mut copies)),
            ref target => target.clone(),
        };
        scenario.sources.push(Source { target, ..source.clone() });
    }
}

/// A copy of a client or tenant, with the tenants it calls; of anything else the component itself, which all customers share.
fn copy(scenario: &mut Scenario, id: ComponentId, copies: &mut HashMap<ComponentId, ComponentId>) -> ComponentId {
    if let Some(known) = copies.get(&id) {
        return *known;
    }
    let mut component = scenario.components[id.index()].clone();
    if !matches!(component.spec.group(), "clients" | "tenants") {
        return id;
    }
    for target in &mut component.targets {
        if let Destination::Component(id) | Destination::Entry(id, _) = target
            && scenario.components[id.index()].spec.group() == "tenants"
        {
            *id = copy(scenario, *id, copies);
        }
    }
    component.name.push_str(" of the new tenant");
    let new = ComponentId(scenario.components.len() as u32);
    scenario.components.push(component);
    copies.insert(id, new);
    new
}

impl<'a> Entry<'a> {
    fn fault(fault: &'static str, kind: &'static str, target: &'a str, to: Destination) -> Self {
        let what = match fault {
            "slow" => FaultKind::SlowDown(SPEED),
            "errors" => FaultKind::Errors(ERRORS),
            "delay" => FaultKind::Delay(Dist::Constant(DELAY)),
            "deploy" => FaultKind::Deploy,
            "slow-cold-start" => FaultKind::ColdStart(COLD_START),
            "cache-flushed" => FaultKind::Flush,
            _ => FaultKind::Outage,
        };
        Self { fault, kind, target, what: What::Fault(vec![to], what) }
    }

    /// The scenario with the fault.
    fn disturb(&self, scenario: &Scenario, (at, lasts): (Span, Span)) -> Scenario {
        let mut scenario = scenario.clone();
        match &self.what {
            What::Fault(targets, kind) => scenario.faults.push(Fault {
                name: NAME.to_owned(),
                target: self.target.to_owned(),
                targets: targets.clone(),
                node_groups: Vec::new(),
                timing: Timing::Once { at, lasts },
                kind: kind.clone(),
            }),
            What::Spike(source) => scenario.sources.push(source.clone()),
            What::NewTenant(sources) => add_tenant(&mut scenario, sources),
        }
        scenario
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::testing;

    /// A function that calls a table, with a source.
    fn scenario() -> Scenario {
        testing::scenario(
            "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"20m\"\nreplications = 2\n\
             [platform]\npreset = \"aws-lambda\"\n\
             [[dependency]]\nname = \"table\"\nlatency.constant.value = \"10ms\"\n\
             [[function]]\nname = \"f\"\ncold-start.constant.value = \"300ms\"\nkeep-alive.fixed.window = \"10m\"\n\
             concurrency.max-instances = 4\n\
             [[function.step]]\nrun.constant.value = \"50ms\"\n[[function.step]]\ncall = \"table\"\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"10/s\"\n",
        )
    }

    #[test]
    fn whatever_is_reached_is_disturbed_and_an_outage_costs_what_arrives_in_it() {
        let found = chaos(&scenario(), NonZeroUsize::MIN, &()).expect("it runs");
        let all = &found.chaos.effects;
        let names: std::collections::BTreeSet<_> =
            all.iter().map(|one| format!("{} {} {}", one.fault, one.kind, one.target)).collect();
        assert_eq!(all.len(), names.len());
        assert_eq!(all.len(), 6 + 4 + 2, "{names:?}");
        assert_eq!((found.chaos.at_s, found.chaos.lasts_s), (400.0, 120.0));
        let of = |fault: &str, target: &str| {
            all.iter().find(|one| one.fault == fault && one.target == target).unwrap_or_else(|| panic!("{fault}"))
        };
        // 10 requests a second for 120 s: all of them, or half of them.
        for target in ["f", "table"] {
            let lost = of("outage", target).lost.mean;
            assert!((lost - 1_200.0).abs() < 120.0, "{target}: {lost}");
            let lost = of("errors", target).lost.mean;
            assert!((lost - 600.0).abs() < 80.0, "{target}: {lost}");
            assert_eq!(of("outage", target).recovered_after_s, Some(0.0), "{target}");
        }
        // Four instances serve 66 a second; a spike brings 100.
        let spike = of("spike", "s").lost.mean;
        assert!(spike > 2_000.0 && spike < 9_000.0, "{spike}");
        // A new tenant brings 20 a second in all, which four instances serve.
        assert!(of("new-tenant", "all sources").lost.mean < 0.05 * spike);
        assert!(of("delay", "table").slows() && of("delay", "f").slows());
        assert_eq!(all[0].fault, "spike");
    }

    /// Half of what a customer sends is beyond its quota; so it is of one more customer with a quota of its own.
    #[test]
    fn a_new_tenant_has_a_quota_of_its_own() {
        let scenario = testing::scenario(
            "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"20m\"\nreplications = 1\n\
             [[function]]\nname = \"f\"\nduration.constant.value = \"10ms\"\n\
             [[tenant]]\nname = \"shop\"\nthrottle = { rate = \"5/s\", burst = 1 }\n\
             [[source]]\nname = \"s\"\ntenant = \"shop\"\nfunction = \"f\"\narrivals.constant.rate = \"10/s\"\n",
        );
        let found = chaos(&scenario, NonZeroUsize::MIN, &()).expect("it runs");
        let lost = |fault: &str| {
            let effects = &found.chaos.effects;
            effects.iter().find(|one| one.fault == fault).unwrap_or_else(|| panic!("{fault}")).lost.mean
        };
        // Poisson requests at 10/s, of which a bucket of one token and 5/s admits one every 1/5 + 1/10 s: 800 are refused in 120 s.
        // Of a spike of the same customer, nearly all.
        assert!((lost("new-tenant") - 800.0).abs() < 100.0, "{}", lost("new-tenant"));
        assert!((lost("spike") - 10_800.0).abs() < 400.0, "{}", lost("spike"));
    }

    /// A third of the measured period is 80 min, and a tenth at most 10 min: between the bursts at 50 and 90 min.
    #[test]
    fn faults_begin_when_requests_arrive() {
        let burst = |first: &str| {
            let scenario = testing::scenario(&format!(
                "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"4h\"\nreplications = 1\n\
                 [[function]]\nname = \"f\"\nduration.constant.value = \"1s\"\n\
                 [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.burst = {{ size = 30, {first} }}\n",
            ));
            chaos(&scenario, NonZeroUsize::MIN, &()).expect("it runs").chaos
        };
        for (bursts, at_s) in
            [("every = \"40m\", first = \"10m\"", 5_400.0), ("every = \"10h\", first = \"50m\"", 3_000.0)]
        {
            let found = burst(bursts);
            assert_eq!((found.at_s, found.lasts_s), (at_s, 600.0), "{bursts}");
            let outage = found.effects.iter().find(|one| one.fault == "outage").expect("an outage");
            assert_eq!(outage.lost.mean, 30.0, "{bursts}");
        }
    }

    #[test]
    fn a_fault_without_an_effect_changes_nothing() {
        let scenario = scenario();
        let table = Destination::Component(crate::id::ComponentId(0));
        let nothing = Entry {
            fault: "slow",
            kind: "dependency",
            target: "table",
            what: What::Fault(vec![table], FaultKind::SlowDown(1.0)),
        };
        let when = (Span::from_secs(400), Span::from_secs(120));
        let disturbed = nothing.disturb(&scenario, when);
        let all = replications(&[&scenario, &disturbed], NonZeroUsize::MIN, &(), &mut 0).0;
        let [plain, with]: [Replications; 2] =
            all.into_iter().map(|all| all.expect("it is whole")).collect::<Vec<_>>().try_into().expect("two");
        let reference = Reference::of(&scenario, &plain, when);
        let effect = reference.effect(("slow", "dependency", "table"), false, &with);
        assert_eq!((effect.lost.mean, effect.cost_usd.mean), (0.0, 0.0));
        assert_eq!((effect.p99_s, effect.recovered_after_s), (effect.undisturbed_p99_s, Some(0.0)));
        assert!(!effect.is_harmful());
    }

    #[test]
    fn threads_change_nothing() {
        let run = |threads| {
            let threads = NonZeroUsize::new(threads).expect("a thread");
            format!("{:?}", chaos(&scenario(), threads, &()).expect("it runs").chaos)
        };
        assert_eq!(run(1), run(3));
    }
}
