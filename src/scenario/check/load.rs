//! How much arrives, compared with what can be served and with what can be simulated.

use crate::scenario::limits::{MANY_REQUESTS, MAX_REQUESTS};
use crate::scenario::model::{Function, Overflow, Scenario, Target};
use crate::scenario::raw::FileTable;
use crate::schema::diagnostic::{Problem, Problems};
use crate::time::Span;

/// Warns of what will not be served or never asked for, and refuses what would never end.
pub(super) fn check(scenario: &Scenario, file: &FileTable, problems: &mut Problems) {
    let horizon = scenario.simulation.horizon.as_secs_f64();
    // Requests per second and whether anything comes at all, of each function.
    let mut rates = vec![(0.0, false); scenario.functions.len()];
    let mut total = 0.0;
    let slowest = |function: Option<&Function>| function.map_or(0.0, |function| function.duration.mean_s());
    for source in &scenario.sources {
        let function = if let Target::Function(id) = source.target { Some(id.index()) } else { None };
        let rate = source.arrivals.mean_rate(slowest(function.and_then(|at| scenario.functions.get(at))), horizon);
        total += rate * horizon;
        match (&source.target, function.and_then(|at| rates.get_mut(at))) {
            (_, Some(known)) => *known = (known.0 + rate, true),
            (Target::ByTrace(targets), None) => {
                targets.iter().filter_map(|id| rates.get_mut(id.index()).map(|known| known.1 = true)).for_each(drop);
            }
            _ => {}
        }
    }
    for ((function, table), (rate, called)) in scenario.functions.iter().zip(file.function.iter()).zip(rates) {
        if !called {
            let message = format!("no source sends requests to `function.{}`", function.name);
            problems
                .push(Problem::warning(table.name.place, message).help("it will do nothing; add a [[source]] for it"));
        } else if function.duration.mean_s().is_infinite() {
            let message = format!("the mean of `function.{}.duration` is infinite", function.name);
            let help = "averages will not settle however long the run; a tail index (shape) above 1 has a mean";
            problems.push(Problem::warning(table.duration.place, message).help(help));
        } else {
            overload(scenario, function, table, rate, problems);
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

/// Warns where the mean load of a function is more than it may ever serve.
fn overload(
    scenario: &Scenario,
    function: &Function,
    table: &crate::scenario::raw::function::FunctionTable,
    rate: f64,
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
    let mean = function.timeout.map_or(f64::INFINITY, Span::as_secs_f64).min(function.duration.mean_s());
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
