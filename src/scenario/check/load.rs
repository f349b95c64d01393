//! How much arrives, compared with what can be served and with what can be simulated.

use std::collections::HashMap;

use crate::scenario::limits::{MANY_REQUESTS, MAX_REQUESTS};
use crate::scenario::model::{Function, Overflow, Scenario, Target};
use crate::scenario::raw::FileTable;
use crate::schema::diagnostic::{Problem, Problems};
use crate::time::{SimTime, Span};
use crate::workload::ArrivalSpec;

/// Warns of what will not be served or never asked for, and refuses what would never end.
pub(super) fn check(scenario: &Scenario, file: &FileTable, problems: &mut Problems) {
    let horizon = scenario.simulation.horizon.as_secs_f64();
    // Requests per second and whether anything comes at all, of each function.
    let mut loads = vec![Load::default(); scenario.functions.len()];
    let mut total = 0.0;
    let slowest = |function: Option<&Function>| function.map_or(0.0, |function| function.duration.mean_s());
    for source in &scenario.sources {
        let function = if let Target::Function(id) = source.target { Some(id.index()) } else { None };
        let of_function = || slowest(function.and_then(|at| scenario.functions.get(at)));
        let service = source.arrivals.service_s().unwrap_or_else(of_function);
        let rate = source.arrivals.mean_rate(service, horizon);
        total += rate * horizon;
        match (&source.target, function.and_then(|at| loads.get_mut(at))) {
            (_, Some(load)) => {
                let work = load.work + if rate > 0.0 { rate * service } else { 0.0 };
                *load = Load { rate: load.rate + rate, work, is_called: true };
            }
            (Target::ByTrace(targets), None) => {
                for id in targets.iter() {
                    if let Some(load) = loads.get_mut(id.index()) {
                        load.is_called = true;
                    }
                }
            }
            _ => {}
        }
    }
    within_horizon(scenario, file, problems);
    for ((function, table), load) in scenario.functions.iter().zip(file.function.iter()).zip(loads) {
        if !load.is_called {
            let message = format!("no source sends requests to `function.{}`", function.name);
            problems
                .push(Problem::warning(table.name.place, message).help("it will do nothing; add a [[source]] for it"));
        } else if function.duration.mean_s().is_infinite() {
            let message = format!("the mean of `function.{}.duration` is infinite", function.name);
            let help = "averages will not settle however long the run; a tail index (shape) above 1 has a mean";
            problems.push(Problem::warning(table.duration.place, message).help(help));
        } else {
            overload(scenario, function, table, load, problems);
        }
    }
    let place = file.simulation.as_ref().map_or(file.place, |simulation| simulation.horizon.place);
    let runs = scenario.simulation.replications;
    if total > MAX_REQUESTS {
        let message =
            format!("about {total:.1e} requests would be simulated in each run: at most {MAX_REQUESTS:.0e} can be");
        problems.push(Problem::error(place, message).help("shorten the horizon or lower the rates"));
    } else if total * f64::from(runs) > MANY_REQUESTS {
        let message = format!("about {:.1e} requests will be simulated: this takes a while", total * f64::from(runs));
        problems.push(Problem::warning(place, message).help("a shorter horizon often shows the same"));
    }
}

/// What a function is asked for.
#[derive(Clone, Copy, Default)]
struct Load {
    /// Requests per second.
    rate: f64,
    /// Seconds of running time that come per second.
    work: f64,
    /// Whether any source sends requests to it.
    is_called: bool,
}

/// Warns of sources that send nothing before the horizon, and of recorded ones that end long before it.
fn within_horizon(scenario: &Scenario, file: &FileTable, problems: &mut Problems) {
    let horizon = scenario.simulation.horizon;
    let mut all: HashMap<&str, Coverage> = HashMap::new();
    for source in &scenario.sources {
        // A trace has a source for each of its functions, with its own name before the slash.
        let name = source.name.split('/').next().unwrap_or_default();
        all.entry(name).or_default().add(&source.arrivals, SimTime::from(horizon));
    }
    for table in file.source.iter() {
        let Some((name, coverage)) = table.name.as_deref().and_then(|name| Some((name, all.get(name)?))) else {
            continue;
        };
        let place = table.arrivals.place;
        if !coverage.is_any {
            let mut message = format!("`source.{name}` sends no request before the horizon ({horizon})");
            let mut help = "a longer horizon shows something".to_owned();
            if let Some(first) = coverage.first.filter(|first| *first >= horizon) {
                message += &format!(": its first comes after {first}");
                help =
                    format!("write start = \"{first}\" in the table of the trace to begin there, or a longer horizon");
            }
            problems.push(Problem::warning(place, message).help(help));
        } else if let Some(end) = coverage.end.filter(|end| is_long_before(*end, horizon)) {
            let message = format!("`source.{name}` ends after {end}, long before the horizon ({horizon})");
            let help =
                format!("averages count the quiet time after it too; a horizon of about {end} ends with the trace");
            problems.push(Problem::warning(place, message).help(help));
        }
    }
}

/// Less than nine tenths of the way.
fn is_long_before(end: Span, horizon: Span) -> bool {
    u128::from(end.as_nanos()) * 10 < u128::from(horizon.as_nanos()) * 9
}

/// When a source sends requests.
#[derive(Default)]
struct Coverage {
    /// Whether any comes before the horizon.
    is_any: bool,
    /// Of recorded requests, the first and the end.
    first: Option<Span>,
    end: Option<Span>,
}

impl Coverage {
    fn add(&mut self, arrivals: &ArrivalSpec, horizon: SimTime) {
        let recorded = match arrivals {
            ArrivalSpec::Rows(trace) => Some((trace.first, trace.last)),
            ArrivalSpec::Recorded { of, function } => {
                let requests = of.kept(*function);
                requests.first().zip(requests.last()).map(|(first, last)| (first.at(), last.at()))
            }
            ArrivalSpec::Counts(counts) => {
                let length = counts.interval.as_nanos().saturating_mul(counts.intervals());
                Some((counts.start, SimTime::from_nanos(counts.start.as_nanos().saturating_add(length))))
            }
            _ => None,
        };
        // Of processes that remember, an average says nothing about a single request.
        let is_average =
            matches!(arrivals, ArrivalSpec::Renewal { .. } | ArrivalSpec::Mmpp { .. } | ArrivalSpec::Closed { .. });
        self.is_any |= match (arrivals.expected_before(horizon, 1.0), recorded) {
            (Some(expected), _) => is_average || expected > 0.0,
            (None, recorded) => recorded.is_none_or(|(first, _)| first < horizon),
        };
        if let Some((first, end)) = recorded {
            let [first, end] = [first, end].map(|at| at.since(SimTime::ZERO));
            self.first = Some(self.first.map_or(first, |known| known.min(first)));
            self.end = Some(self.end.map_or(end, |known| known.max(end)));
        }
    }
}

/// Warns where the mean load of a function is more than it may ever serve.
fn overload(
    scenario: &Scenario,
    function: &Function,
    table: &crate::scenario::raw::function::FunctionTable,
    load: Load,
    problems: &mut Problems,
) {
    let concurrency = &function.concurrency;
    let instances = concurrency.max_instances.map(|max| f64::from(max) * f64::from(concurrency.per_instance));
    let reserved = concurrency.reserved.or(scenario.platform.account_limit).map(f64::from);
    let (bound, word) = match (instances, reserved) {
        (Some(instances), Some(reserved)) if instances <= reserved => (instances, "max-instances"),
        (_, Some(reserved)) if concurrency.reserved.is_some() => (reserved, "reserved"),
        (_, Some(account)) => (account, "account-limit"),
        (Some(instances), None) => (instances, "max-instances"),
        (None, None) => return,
    };
    let Load { rate, work, .. } = load;
    let mean = function.timeout.map_or(f64::INFINITY, Span::as_secs_f64).min(work / rate.max(f64::MIN_POSITIVE));
    let load = rate * mean;
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
        Overflow::Queue { .. } => "its queue will grow for as long as this lasts".to_owned(),
    };
    problems.push(Problem::warning(table.name.place, message).help(help));
}

/// Three digits are enough here.
fn short(number: f64) -> String {
    let digits = if number >= 100.0 || number <= 0.0 { 0 } else { (2 - number.log10().floor() as i32).clamp(0, 9) };
    let text = format!("{number:.0$}", digits as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
