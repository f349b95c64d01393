//! How much arrives, compared with what can be served and with what can be simulated.

use crate::dist::Dist;
use crate::scenario::diagnostic::{Problem, Problems};
use crate::scenario::limits::{MANY_REQUESTS, MAX_REQUESTS};
use crate::scenario::model::{Function, Overflow, Scenario, Target};
use crate::scenario::raw::FileTable;
use crate::time::{SimTime, Span};
use crate::workload::ArrivalSpec;

/// Warns of what will not be served or never asked for, and refuses what would never end.
pub(super) fn check(scenario: &Scenario, file: &FileTable, problems: &mut Problems) {
    let horizon = scenario.simulation.horizon.as_secs_f64();
    // Requests per second and whether anything comes at all, of each function.
    let mut rates = vec![(0.0, false); scenario.functions.len()];
    let mut total = 0.0;
    let slowest = |function: Option<&Function>| function.map_or(0.0, |function| function.duration.mean_s());
    for source in &scenario.sources {
        let function = if let Target::Function(id) = source.target { Some(id.index()) } else { None };
        let rate = mean_rate(&source.arrivals, slowest(function.and_then(|at| scenario.functions.get(at))), horizon);
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
            problems.push(Problem::warning(table.name.place, message).help("it will do nothing; add a [[source]] for it"));
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
        let message = format!("about {total:.1e} requests would be simulated in each run: at most {MAX_REQUESTS:.0e} can be");
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

/// Requests per second on average until the horizon (seconds), where a request takes `service` seconds.
fn mean_rate(arrivals: &ArrivalSpec, service: f64, horizon: f64) -> f64 {
    match arrivals {
        ArrivalSpec::Constant { rate } | ArrivalSpec::Poisson { rate } | ArrivalSpec::Diurnal { rate, .. } => *rate,
        ArrivalSpec::Mmpp { states } => {
            let time: f64 = states.iter().map(|state| state.stay.as_secs_f64()).sum();
            states.iter().map(|state| state.rate * state.stay.as_secs_f64()).sum::<f64>() / time
        }
        ArrivalSpec::Piecewise { points, period } => {
            let end = period.map_or(horizon, Span::as_secs_f64);
            let mut points: Vec<(f64, f64)> = points.iter().map(|(at, rate)| (at.as_secs_f64(), *rate)).collect();
            let (Some(&first), Some(&last)) = (points.first(), points.last()) else { return 0.0 };
            points.insert(0, (0.0, first.1));
            points.push((end.max(last.0), last.1));
            // Trapezoids, the last cut at the end.
            let area = |pair: &[(f64, f64)]| {
                let ((from, low), (to, high)) = (pair[0], pair[1]);
                let until = to.min(end);
                if until <= from {
                    return 0.0;
                }
                let reached = low + (high - low) * (until - from) / (to - from);
                (until - from) * (low + reached) / 2.0
            };
            points.windows(2).map(area).sum::<f64>() / end
        }
        ArrivalSpec::Burst { size, every, background, .. } => f64::from(*size) / every.as_secs_f64() + background,
        ArrivalSpec::Renewal { gap } => 1.0 / mean_s(gap),
        ArrivalSpec::Closed { users, think } => f64::from(*users) / (mean_s(think) + service).max(1e-9),
        ArrivalSpec::Times { at } => at.len() as f64 / horizon,
        ArrivalSpec::Counts(counts) => {
            let until = Span::from_secs_f64(horizon).map_or(SimTime::NEVER, SimTime::from);
            counts.expected_before(until) / horizon
        }
    }
}

/// Three digits are enough here.
fn short(number: f64) -> String {
    let digits = if number >= 100.0 || number <= 0.0 { 0 } else { (2 - number.log10().floor() as i32).clamp(0, 9) };
    let text = format!("{number:.0$}", digits as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The mean, at least a nanosecond: gaps of zero must not make endless rates.
fn mean_s(dist: &Dist) -> f64 {
    dist.mean_s().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::MmppState;

    #[test]
    fn mean_rates_are_those_of_the_formulas() {
        let seconds = Span::from_secs;
        let state = |rate, stay| MmppState { rate, stay: seconds(stay) };
        // (10 * 60 + 1 * 540) / 600
        let mmpp = ArrivalSpec::Mmpp { states: [state(10.0, 60), state(1.0, 540)].into() };
        assert!((mean_rate(&mmpp, 0.0, 1e5) - 1.9).abs() < 1e-12);
        // Up from 0 to 10 over 100 s, then 10 until 200 s: (500 + 1000) / 200.
        let point = |at, rate| (SimTime::from(seconds(at)), rate);
        let points = [point(0, 0.0), point(100, 10.0)];
        let piecewise = ArrivalSpec::Piecewise { points: points.into(), period: None };
        assert!((mean_rate(&piecewise, 0.0, 200.0) - 7.5).abs() < 1e-12);
        // Cut at 50 s: the mean of 0 and 5.
        assert!((mean_rate(&piecewise, 0.0, 50.0) - 2.5).abs() < 1e-12);
        let periodic = ArrivalSpec::Piecewise { points: points.into(), period: Some(seconds(200)) };
        assert!((mean_rate(&periodic, 0.0, 1e6) - 7.5).abs() < 1e-12);
        // 100 users, 9 s of thinking and 1 s of service.
        let closed = ArrivalSpec::Closed { users: 100, think: Dist::Constant(seconds(9)) };
        assert!((mean_rate(&closed, 1.0, 1e5) - 10.0).abs() < 1e-12);
        let burst = ArrivalSpec::Burst { size: 600, every: seconds(300), first: Span::ZERO, within: Span::ZERO, background: 3.0 };
        assert!((mean_rate(&burst, 0.0, 1e5) - 5.0).abs() < 1e-12);
    }
}
