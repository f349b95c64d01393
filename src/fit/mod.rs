//! From logs and metrics to arrivals, durations and cold starts: what a scenario needs and no infrastructure file says.
//! Nothing here calls a cloud: it reads texts.
//!
//! | file | does |
//! |---|---|
//! | `readers` | a file for each format: from a text to [`Measured`] |
//! | `measured` | requests and series of metrics |
//! | `units` | numbers as tables write them, and the units in names of columns |
//! | `when` | times as logs write them |
//! | `arrivals` | how requests come |
//! | `laws` | laws of durations, chosen by an information criterion |
//! | `keep_alive` | how long idle instances stay |
//! | `memory` | what more memory brings |
//! | `observed` | metrics of a run, as they were measured |
//! | `write` | the scenario, and what the data cannot tell |

pub mod arrivals;
pub mod keep_alive;
pub mod laws;
pub mod measured;
pub mod memory;
pub mod observed;
mod readers;
mod units;
mod when;
mod write;

use arrivals::Arrivals;
use keep_alive::KeepAlive;
use laws::Found;
pub use measured::{Measured, Metric, Outcome, Request};
use memory::CpuBound;
use readers::{Content, LAST, READERS};

/// Bytes of a file, unpacked.
pub const MAX_BYTES: usize = 1 << 30;

/// What was found for one function.
#[derive(Clone, Debug)]
pub struct FittedFunction {
    /// Its name in the scenario.
    pub name: String,
    /// How requests arrive.
    pub arrivals: Option<Arrivals>,
    /// Durations of warm requests, or of all where nobody knows which were cold.
    pub durations: Option<Found>,
    /// Initialization.
    pub inits: Option<Found>,
    /// Durations of cold requests, where initialization is part of them.
    pub cold_durations: Option<Found>,
    /// How long idle instances stay.
    pub keep_alive: Option<KeepAlive>,
    /// What memory brings.
    pub cpu_bound: Option<CpuBound>,
    /// Memory, the size seen most.
    pub memory_mb: Option<u32>,
    /// Requests, and those among them that met a cold start, failed, timed out, were throttled.
    pub counts: Counts,
    /// What the data cannot tell, and what has to be known about them.
    pub caveats: Vec<String>,
}

/// Numbers of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub requests: usize,
    /// Those of which it is known whether they were cold.
    pub known: usize,
    /// Cold ones.
    pub cold: usize,
    /// Failed.
    pub failed: usize,
    /// Cut off.
    pub timed_out: usize,
    /// Refused.
    pub throttled: usize,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The functions, the one with most requests first.
    pub functions: Vec<FittedFunction>,
    /// The scenario, with comments.
    pub scenario: String,
    /// What was found, for people.
    pub report: String,
}

/// Reads files.
///
/// # Errors
/// A file that is of no format, in one sentence.
pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Measured, String> {
    let mut measured = Measured::default();
    for (name, text) in files {
        let text = text.trim_start_matches('\u{feff}');
        let content = Content::of(name, text);
        let before = (measured.requests.len(), measured.series.values().map(Vec::len).sum::<usize>());
        let reader =
            READERS.iter().find(|reader| (reader.is)(&content)).or(Some(&LAST).filter(|reader| (reader.is)(&content)));
        let Some(reader) = reader else {
            let known: Vec<&str> = READERS.iter().chain([&LAST]).map(|reader| reader.name).collect();
            let what = if text.trim().is_empty() { "is empty" } else { "is not in a supported format" };
            return Err(format!(
                "{name} {what}\nhelp: supported formats are: {}; for infrastructure files, use `forewarm import`",
                known.join(", ")
            ));
        };
        (reader.read)(&content, &mut measured);
        if let Some(wrong) = measured.refused.take() {
            return Err(wrong);
        }
        let count =
            measured.requests.len() - before.0 + measured.series.values().map(Vec::len).sum::<usize>() - before.1;
        measured.read.push((name.to_owned(), reader.name, count));
        if count == 0 && measured.percentiles.is_empty() {
            let why = measured
                .skipped
                .iter()
                .find(|(file, ..)| file == name)
                .map(|(_, line, why)| format!(": line {line}: {why}"));
            let why = why.unwrap_or_default();
            return Err(format!("{name} looks like {}, but nothing in it could be used{why}", reader.name));
        }
    }
    measured.sort();
    Ok(measured)
}

/// Fits what was measured, as a scenario called `name`.
#[must_use]
pub fn fit(name: &str, measured: &Measured) -> Fit {
    let mut functions: Vec<FittedFunction> = Vec::new();
    for (number, function) in measured.functions.iter().enumerate() {
        let requests: Vec<&Request> =
            measured.requests.iter().filter(|request| request.function as usize == number).collect();
        if !requests.is_empty() {
            functions.push(of_requests(function, &requests, measured));
        }
    }
    functions.sort_by_key(|function| std::cmp::Reverse(function.counts.requests));
    if functions.is_empty() {
        functions.push(of_series(measured));
    }
    let mut taken: Vec<String> = Vec::new();
    for function in &mut functions {
        let base = as_name(&function.name);
        let mut unique = base.clone();
        let mut number = 2;
        while taken.contains(&unique) {
            unique = format!("{base}-{number}");
            number += 1;
        }
        taken.push(unique.clone());
        function.name = unique;
    }
    let scenario = write::scenario(name, &functions, measured);
    let report = write::report(&functions, measured);
    Fit { functions, scenario, report }
}

fn of_requests(name: &str, requests: &[&Request], measured: &Measured) -> FittedFunction {
    let mut counts = Counts { requests: requests.len(), ..Counts::default() };
    for request in requests {
        counts.known += usize::from(request.cold.is_some());
        counts.cold += usize::from(request.cold == Some(true));
        match request.outcome {
            Outcome::Completed => {}
            Outcome::Failed => counts.failed += 1,
            Outcome::TimedOut => counts.timed_out += 1,
            Outcome::Throttled => counts.throttled += 1,
        }
    }
    let mut caveats = Vec::new();
    let times: Vec<f64> = requests.iter().filter_map(|request| request.at_s).collect();
    let arrivals = Arrivals::of_times(&times, measured.whole_seconds);
    if arrivals.is_none() {
        caveats.push("no timestamps of requests: arrivals cannot be fitted".to_owned());
    }
    let completed = || requests.iter().filter(|request| request.outcome == Outcome::Completed);
    let inits_known = requests.iter().any(|request| request.init_s.is_some());
    // Where initialization is known by itself, a cold request runs like any other; else it is part of its duration.
    let warm = completed().filter(|request| request.cold != Some(true)).filter_map(|request| request.duration_s);
    let cold = completed().filter(|request| request.cold == Some(true)).filter_map(|request| request.duration_s);
    let warm_durations = laws::fit(warm);
    let cold_durations = laws::fit(cold);
    let all = || laws::fit(completed().filter_map(|request| request.duration_s));
    let enough = |found: &Option<Found>| found.as_ref().is_some_and(|found| found.count >= 20);
    let durations = if enough(&warm_durations) { warm_durations } else { all() };
    let cold_durations = cold_durations.filter(|found| found.count >= 5);
    let inits = laws::fit(requests.iter().filter_map(|request| request.init_s));
    if counts.known == 0 {
        caveats.push("cold starts are not marked: their time is part of the durations".to_owned());
    } else if let (Some(cold), Some(warm)) = (&cold_durations, &durations)
        && differ(cold, warm)
    {
        let apart = if inits_known { ", excluding initialization" } else { "" };
        let ratio = cold.mean_s / warm.mean_s;
        caveats.push(format!(
            "cold requests run {ratio:.2} times as long as warm ones{apart}: `cold-duration` has their law"
        ));
    }
    if inits.is_some() {
        caveats.push(
            "logs do not include the time before initialization (placement, download): add it as the phase \
                      `environment` if your clients experience it"
                .to_owned(),
        );
    }
    let keep_alive = KeepAlive::of(requests);
    match &keep_alive {
        Some(found) if !found.is_good() => caveats.push(format!(
            "no fixed keep-alive window explains which instances were reused: {} of {} idle times contradict the best \
             one, so each instance gets its own window",
            found.misfits,
            found.seen.0 + found.seen.1
        )),
        None => caveats.push("too few idle times to fit the keep-alive: the platform's is used".to_owned()),
        Some(_) => {}
    }
    if measured.seen_by_clients {
        caveats.push("durations were measured by clients or proxies: they include waiting and the network".to_owned());
    }
    if measured.whole_seconds {
        caveats.push("times are in whole seconds: bursts within a second are not visible".to_owned());
    }
    let memory_mb = most_seen(requests.iter().filter_map(|request| request.memory_mb));
    let cpu_bound = CpuBound::of(requests);
    if cpu_bound.is_none() {
        caveats.push("one memory size only: the effect of other sizes is unknown".to_owned());
    }
    let differs = cold_durations.filter(|cold| durations.as_ref().is_none_or(|warm| differ(cold, warm)));
    FittedFunction {
        name: name.to_owned(),
        arrivals,
        durations,
        inits,
        cold_durations: differs,
        keep_alive,
        cpu_bound,
        memory_mb,
        counts,
        caveats,
    }
}

/// Whether two sets of values differ by more than chance (Kolmogorov and Smirnov, at 1 %).
fn differ(a: &Found, b: &Found) -> bool {
    let (n, m) = (a.values.len() as f64, b.values.len() as f64);
    let (mut place, mut worst) = (0, 0.0_f64);
    for (number, value) in a.values.iter().enumerate() {
        while b.values.get(place).is_some_and(|other| other < value) {
            place += 1;
        }
        let other = place as f64 / m;
        worst = worst.max((number as f64 / n - other).abs()).max(((number + 1) as f64 / n - other).abs());
    }
    worst > 1.63 * ((n + m) / (n * m)).sqrt() + 1.0 / n.min(m)
}

/// From metrics alone.
fn of_series(measured: &Measured) -> FittedFunction {
    let series = |metric: Metric| measured.series.get(&metric).map_or(&[][..], Vec::as_slice);
    let mut caveats = vec![
        "metrics by interval do not show individual requests: gaps, cold starts and the keep-alive cannot be fitted"
            .to_owned(),
    ];
    let (points, is_rate) = if series(Metric::Requests).is_empty() {
        (series(Metric::Rate), true)
    } else {
        (series(Metric::Requests), false)
    };
    let step = step(points);
    let rates: Vec<(f64, f64)> =
        points.iter().map(|(at, value)| (*at, if is_rate { *value } else { value / step })).collect();
    let arrivals = Arrivals::of_rates(&rates, step);
    if arrivals.is_none() {
        caveats.push("the metrics include no numbers of requests: the rate of arrivals is assumed".to_owned());
    }
    let weight = |at: f64| points.iter().find(|(other, _)| *other == at).map_or(1.0, |(_, value)| *value);
    // The middle of a percentile over intervals, weighted with their requests.
    let middle = |metric: Metric| {
        let points = series(metric);
        let all: f64 = points.iter().map(|(at, _)| weight(*at)).sum();
        (all > 0.0).then(|| points.iter().map(|(at, value)| weight(*at) * value).sum::<f64>() / all)
    };
    let mut shares: Vec<(f64, f64)> = measured.percentiles.clone();
    for (metric, share) in [
        (Metric::DurationP50, 0.5),
        (Metric::DurationP90, 0.9),
        (Metric::DurationP95, 0.95),
        (Metric::DurationP99, 0.99),
    ] {
        if let Some(value) = middle(metric).filter(|_| !shares.iter().any(|(known, _)| *known == share)) {
            shares.push((share, value));
        }
    }
    shares.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mean = middle(Metric::DurationMean);
    let durations = match (shares.len(), mean) {
        (0, Some(mean)) => {
            caveats.push("only the mean duration is known: an exponential distribution is assumed".to_owned());
            Some(laws::through(&[], mean))
        }
        (0, None) => {
            caveats.push("the metrics include no durations".to_owned());
            None
        }
        (_, mean) => {
            caveats.push(
                "percentiles of intervals were averaged, which does not give a percentile of all requests".to_owned(),
            );
            Some(laws::through(&shares, mean.unwrap_or(f64::NAN)))
        }
    };
    let total = points.iter().map(|(_, value)| if is_rate { value * step } else { *value }).sum::<f64>();
    let sum = |metric: Metric| series(metric).iter().map(|(_, value)| *value).sum::<f64>().round() as usize;
    let counts = Counts {
        requests: total.round() as usize,
        failed: sum(Metric::Errors),
        throttled: sum(Metric::Throttles),
        ..Counts::default()
    };
    FittedFunction {
        name: String::new(),
        arrivals,
        durations,
        inits: None,
        cold_durations: None,
        keep_alive: None,
        cpu_bound: None,
        memory_mb: None,
        counts,
        caveats,
    }
}

/// The least distance of two times of a series; a minute where there is none.
#[must_use]
pub fn step(points: &[(f64, f64)]) -> f64 {
    let least =
        points.windows(2).map(|pair| pair[1].0 - pair[0].0).filter(|step| *step > 0.0).fold(f64::INFINITY, f64::min);
    if least.is_finite() { least } else { 60.0 }
}

/// For so long a value of a series holds: five minutes as in Prometheus, or twice the usual time between two of them.
#[must_use]
pub fn hold_s(points: &[(f64, f64)]) -> f64 {
    let mut steps: Vec<f64> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    steps.sort_by(f64::total_cmp);
    steps.get(steps.len() / 2).map_or(300.0, |usual| (2.0 * usual).max(300.0))
}

fn most_seen(values: impl Iterator<Item = u32>) -> Option<u32> {
    let mut counts: Vec<(u32, usize)> = Vec::new();
    for value in values {
        match counts.iter_mut().find(|(known, _)| *known == value) {
            Some((_, count)) => *count += 1,
            None => counts.push((value, 1)),
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(value, _)| value).filter(|value| *value > 0)
}

/// What a name may be in a scenario.
fn as_name(text: &str) -> String {
    let name: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' })
        .take(60)
        .collect();
    let name = name.trim_matches('-').to_owned();
    if name.is_empty() { "main".to_owned() } else { name }
}
