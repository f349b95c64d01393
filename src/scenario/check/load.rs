//! How much load arrives, compared with what can be served and simulated.

use crate::id::FnId;
use crate::policy::scaling::{COOL_DOWN, Load, ORDERED_MAX, ScalingSpec};
use crate::scenario::limits::{FEW_REQUESTS, MANY_DECISIONS, MANY_ORDERED, MANY_REQUESTS, MAX_DECISIONS, MAX_REQUESTS};
use crate::scenario::model::{Function, Overflow, Scenario, Source, Target};
use crate::scenario::raw::FileTable;
use crate::scenario::raw::function::FunctionTable;
use crate::schema::diagnostic::{Problem, Problems, SourceSpan};
use crate::time::Span;
use crate::workload::ArrivalSpec;

/// Default number of replications: enough for an interval.
const DEFAULT_REPLICATIONS: u32 = 5;

/// Warns about load that will not be served or sent, and rejects runs that would never end.
pub(super) fn check(scenario: &Scenario, file: &FileTable, problems: &mut Problems) {
    let horizon = scenario.simulation.horizon.as_secs_f64();
    // Requests per second of each function that sources call directly, and the load they cause.
    let mut rates = vec![(0.0, 0.0); scenario.functions.len()];
    for source in &scenario.sources {
        let function = if let Target::Function(id) = source.target { Some(id.index()) } else { None };
        let service = service_of(scenario, source);
        let rate = source.arrivals.mean_rate(service, horizon);
        if let Some(known) = function.and_then(|at| rates.get_mut(at)) {
            *known = (known.0 + rate, known.1 + rate * service);
        }
    }
    for ((function, table), (rate, _)) in scenario.functions.iter().zip(file.function.iter()).zip(&rates) {
        ordered(function, table, *rate, problems);
    }
    let (reached, _) = scenario.reached();
    for ((place, (function, table)), (rate, load)) in
        scenario.functions.iter().zip(file.function.iter()).enumerate().zip(rates)
    {
        if !reached.contains(&FnId(place as u32)) {
            let message = format!("no source sends requests to `function.{}`", function.name);
            problems.push(Problem::warning(table.name.place, message).help(
                "it will receive no requests; add a [[source]] \
                                                                        for it",
            ));
        } else if function.duration.mean_s().is_infinite() {
            let message = format!("the mean of `function.{}.duration` is infinite", function.name);
            let help = "averages do not converge, however long the run; a tail index (shape) above 1 has a finite mean";
            problems.push(Problem::warning(table.duration.place, message).help(help));
        } else {
            overload(scenario, function, table, (rate, load), problems);
        }
    }
    if let Some(circle) = scenario.endless_circle() {
        let names: Vec<String> = circle.iter().map(|one| scenario.name_of(*one)).collect();
        let message = format!("these calls form an endless loop: {}", names.join(" -> "));
        let place = names.iter().find_map(|name| super::path::place_of(file, name)).unwrap_or(file.place);
        problems.push(Problem::error(place, message).help("remove one of these calls"));
    }
    let place = file.simulation.as_ref().map_or(file.place, |simulation| simulation.horizon.place);
    decisions(scenario, place, problems);
    let (total, runs) = (expected_requests(scenario), scenario.simulation.replications);
    if total > MAX_REQUESTS {
        let message = format!(
            "about {total:.1e} requests would be simulated in each replication: the limit is \
                     {MAX_REQUESTS:.0e}"
        );
        problems.push(Problem::error(place, message).help("shorten the horizon or lower the rates"));
    } else if total * f64::from(runs) > MANY_REQUESTS {
        let message = format!("about {:.1e} requests will be simulated, which takes a while", total * f64::from(runs));
        problems.push(Problem::warning(place, message).help("a shorter horizon is often enough"));
    }
}

/// The default number of replications, which follows from the scenario alone.
pub(super) fn default_replications(scenario: &Scenario) -> u32 {
    if expected_requests(scenario) < FEW_REQUESTS { DEFAULT_REPLICATIONS } else { 1 }
}

/// Approximate number of requests in a replication.
fn expected_requests(scenario: &Scenario) -> f64 {
    let horizon = scenario.simulation.horizon.as_secs_f64();
    let of = |source: &Source| {
        let rate = source.arrivals.mean_rate(service_of(scenario, source), horizon);
        let spec = if let Target::Function(id) = source.target { scenario.functions.get(id.index()) } else { None };
        (rate + spec.map_or(0.0, |spec| refused_rate(scenario, spec, &source.arrivals))) * horizon
    };
    scenario.sources.iter().map(of).sum()
}

/// Mean duration of a source's requests, up to the timeout, s.
fn service_of(scenario: &Scenario, source: &Source) -> f64 {
    let service = source.service_mean_s(&scenario.functions);
    let Target::Function(id) = source.target else { return service };
    let timeout = scenario.functions.get(id.index()).and_then(|function| function.timeout);
    timeout.map_or(f64::INFINITY, Span::as_secs_f64).min(service)
}

/// Mean duration of a request, up to the timeout, s.
fn service_s(function: &Function) -> f64 {
    function.timeout.map_or(f64::INFINITY, Span::as_secs_f64).min(function.duration.mean_s())
}

/// Additional requests per second of a closed loop beyond those served: a rejected user thinks and immediately tries
/// again, and so does one whose request leaves the queue unserved.
fn refused_rate(scenario: &Scenario, function: &Function, arrivals: &ArrivalSpec) -> f64 {
    let ArrivalSpec::Closed { users, think } = arrivals else { return 0.0 };
    let (queue, patience) = match function.concurrency.overflow {
        Overflow::Reject => (0.0, 0.0),
        Overflow::Queue { limit: None, timeout: None } => return 0.0,
        Overflow::Queue { limit, timeout } => {
            (limit.filter(|_| timeout.is_none()).map_or(0.0, f64::from), timeout.map_or(0.0, Span::as_secs_f64))
        }
    };
    let asking = f64::from(*users) - served_at_once(scenario, function) - queue;
    asking.max(0.0) / (think.mean_s() + patience).max(1e-9)
}

/// Maximum number of requests of a function in progress, averaged over the run, if instances are added one by one.
fn served_at_once(scenario: &Scenario, function: &Function) -> f64 {
    let (concurrency, platform) = (&function.concurrency, scenario.platform_of(function.platform));
    let slots = f64::from(concurrency.per_instance);
    let grown = platform.scaling.filter(|_| !function.scaling.owns_all_instances()).map(|rate| {
        let refills = scenario.simulation.horizon.as_secs_f64() / rate.refill.as_secs_f64();
        f64::from(rate.burst) + refills / 2.0
    });
    let fitting = platform.memory_budget_mb.map(|budget| (budget as f64 / f64::from(function.memory_mb)).floor());
    let instances = [concurrency.max_instances.map(f64::from), grown, fitting].into_iter().flatten();
    let shared = concurrency.reserved.or(platform.account_limit).map_or(f64::INFINITY, f64::from);
    (instances.fold(f64::INFINITY, f64::min) * slots).min(shared)
}

/// How often scaling policies decide, compared with what can be simulated.
fn decisions(scenario: &Scenario, place: SourceSpan, problems: &mut Problems) {
    // While requests wait, they decide beyond the horizon too, for as long as a run may take to drain.
    let until = scenario.simulation.horizon.as_secs_f64() + COOL_DOWN.as_secs_f64();
    let of = |function: &Function| function.scaling.pause().map_or(0.0, |pause| until / pause.as_secs_f64());
    let total: f64 = scenario.functions.iter().map(of).sum();
    let runs = f64::from(scenario.simulation.replications);
    let busiest = scenario.functions.iter().max_by(|a, b| of(a).total_cmp(&of(b)));
    let Some((name, pause)) = busiest.and_then(|function| Some((&function.name, function.scaling.pause()?))) else {
        return;
    };
    let help = format!("`function.{name}` decides every {pause}: use a longer interval, or a shorter horizon");
    if total > MAX_DECISIONS {
        let message = format!(
            "scaling policies would make about {total:.1e} decisions in each replication: the limit is \
             {MAX_DECISIONS:.0e}"
        );
        problems.push(Problem::error(place, message).help(help));
    } else if total * runs > MANY_DECISIONS {
        let message = format!("scaling policies will make up to {:.1e} decisions, which takes a while", total * runs);
        problems.push(Problem::warning(place, message).help(help));
    }
}

/// How many instances a policy without bounds would order for the mean load of its function, or for a single request.
fn ordered(function: &Function, table: &FunctionTable, rate: f64, problems: &mut Problems) {
    let busy_s =
        |interval: Span| (rate * service_s(function)).max((service_s(function) / interval.as_secs_f64()).min(1.0));
    let (load, most) = match &function.scaling {
        ScalingSpec::Thresholds(spec) => {
            let load = match spec.load {
                Load::Concurrency => busy_s(spec.interval),
                Load::RequestRate => rate.max(1.0 / spec.interval.as_secs_f64()),
                Load::QueueDepth => 1.0,
            };
            (load / spec.target, None)
        }
        ScalingSpec::Predictive(spec) => (busy_s(spec.interval) * spec.margin / spec.target, spec.max_instances),
        _ => return,
    };
    let most = [most, function.concurrency.max_instances].into_iter().flatten().map(f64::from);
    let wanted = most.fold(load, f64::min);
    if rate <= 0.0 || wanted.is_nan() || wanted <= MANY_ORDERED {
        return;
    }
    let (name, policy) = (&function.name, function.scaling.name());
    let message = format!("`function.{name}.scaling.{policy}` will create about {wanted:.1e} instances");
    let help = "raise its target, or set an upper limit with concurrency.max-instances";
    let place = table.scaling.place;
    problems.push(if wanted > f64::from(ORDERED_MAX) {
        Problem::error(place, format!("{message}: the limit is {ORDERED_MAX}")).help(help)
    } else {
        Problem::warning(place, format!("{message}, which takes a while")).help(help)
    });
}

/// Warns if the mean load of a function is more than it can serve.
fn overload(
    scenario: &Scenario,
    function: &Function,
    table: &FunctionTable,
    (rate, load): (f64, f64),
    problems: &mut Problems,
) {
    let concurrency = &function.concurrency;
    let instances = concurrency.max_instances.map(|max| f64::from(max) * f64::from(concurrency.per_instance));
    let reserved = concurrency.reserved.or(scenario.platform_of(function.platform).account_limit).map(f64::from);
    let (bound, word) = match (instances, reserved) {
        (Some(instances), Some(reserved)) if instances <= reserved => (instances, "max-instances"),
        (_, Some(reserved)) if concurrency.reserved.is_some() => (reserved, "reserved"),
        (_, Some(account)) => (account, "account-limit"),
        (Some(instances), None) => (instances, "max-instances"),
        (None, None) => return,
    };
    let mean = load / rate;
    if load <= bound || concurrency.reserved == Some(0) {
        return;
    }
    let name = &function.name;
    let message = format!(
        "`function.{name}` needs {} requests in progress on average ({}/s of {} s each), but {word} allows {bound}",
        short(load),
        short(rate),
        short(mean)
    );
    let help = match concurrency.overflow {
        Overflow::Reject => format!("at least {:.0} % of its requests will be rejected", 100.0 * (1.0 - bound / load)),
        Overflow::Queue { .. } => "its queue will grow as long as this lasts".to_owned(),
    };
    problems.push(Problem::warning(table.name.place, message).help(help));
}

/// Three digits are enough here.
fn short(number: f64) -> String {
    let digits = if number >= 100.0 || number <= 0.0 { 0 } else { (2 - number.log10().floor() as i32).clamp(0, 9) };
    let text = format!("{number:.0$}", digits as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
