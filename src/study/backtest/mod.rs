//! How near a simulation comes to what was measured: the recorded load through the settings of a scenario, metric by metric;
//! and what its autoscaler would have decided on the recorded metrics.
//!
//! | file | does |
//! |---|---|
//! | `load` | the scenario with the recorded load |
//! | `over_time` | metrics by interval, measured and simulated |
//! | `calibrate` | parameters fitted to measurements |
//! | `decisions` | decisions of the autoscaler on recorded metrics |

mod calibrate;
mod decisions;
mod load;
mod over_time;

use std::num::NonZeroUsize;

use super::{Source, StudyError};
use crate::experiment::{self, Progress};
use crate::fit::Measured;
use crate::fit::observed::Observed;
use crate::measure::backtest::{Backtest, Part, Row, Verdict};
use crate::measure::{ByArchitecture, Prices, RunResult, Usage};
use crate::metric;
use crate::scenario::{ParseOptions, Scenario, parse_bytes};
use crate::time::Span;
use calibrate::search;
pub use load::Replay;

/// Part of the time on which parameters are fitted.
const TRAINED_ON: f64 = 0.7;
/// Replications while parameters are searched.
const SEARCH: u32 = 6;
/// Parameters that may be fitted at once: more would explain anything.
pub const MAX_KNOBS: usize = 3;

/// A parameter to fit, with its range.
#[derive(Clone, Debug, PartialEq)]
pub struct Knob {
    /// The dotted key.
    pub key: String,
    /// The smallest value.
    pub low: f64,
    /// The largest value.
    pub high: f64,
    /// The unit of both, as `s` or `/s`; may be empty.
    pub unit: String,
}

impl Knob {
    fn value(&self, number: f64) -> String {
        let is_count = self.unit.is_empty() && self.low.fract() == 0.0 && self.high.fract() == 0.0;
        if is_count { format!("{}", number.round()) } else { format!("{:.6}{}", number, self.unit) }
    }
}

/// The options.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Changes to the scenario.
    pub parse: ParseOptions,
    /// Parameters to fit.
    pub knobs: Vec<Knob>,
    /// What was charged over the time of the measurements, USD.
    pub cost_usd: Option<f64>,
}

/// Replays, compares; fits parameters first where that is asked for.
///
/// # Errors
/// As of [`Replay::of`]; what the engine refuses; and nothing to compare.
pub fn backtest(
    source: Source<'_>,
    measured: &Measured,
    options: &Options,
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Backtest, StudyError> {
    // As it was written first: what is wrong in it is said with its lines.
    let (scenario, _) = parse_bytes(source.name, source.bytes, &options.parse, source.files)?;
    let mut caveats = Vec::new();
    let decisions = decisions::of(&scenario, measured, &mut caveats)?;
    let replay = match Replay::of(source, measured, &options.parse) {
        // Metrics of an autoscaler need not tell how many requests there were.
        Err(_) if decisions.is_some() && !measured.has_requests() => None,
        replay => Some(replay?),
    };
    let mut found = match &replay {
        Some(replay) => replayed(replay, measured, options, threads, progress)?,
        None => Backtest {
            name: scenario.name.clone(),
            requests: 0,
            length_s: measured.extent().map_or(0.0, |(first, last)| last - first),
            replications: 0,
            parts: Vec::new(),
            fitted: Vec::new(),
            interval: Span::ZERO,
            over_time: Vec::new(),
            decisions: None,
            caveats: vec!["no requests were recorded: only decisions are compared".to_owned()],
        },
    };
    if found.parts.iter().all(|part| part.rows.is_empty()) && decisions.is_none() {
        return Err(StudyError::question(
            "the measurements contain nothing to compare with a run",
            "export durations, cold starts, concurrency or pods",
        ));
    }
    found.decisions = decisions;
    found.caveats.append(&mut caveats);
    Ok(found)
}

/// Measured beside simulated.
fn replayed(
    replay: &Replay<'_>,
    measured: &Measured,
    options: &Options,
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Backtest, StudyError> {
    let run = |set: &[(String, String)],
               replications: Option<u32>,
               from: f64,
               to: f64|
     -> Result<(Scenario, RunResult), StudyError> {
        progress.begin();
        let scenario = replay.scenario(set, replications, from, to)?;
        let result = experiment::run(&scenario, threads, progress, None)?.result;
        Ok((scenario, result))
    };
    let observed = |from: f64, to: f64| Observed::of(measured, replay.origin_s + from, replay.origin_s + to);
    let length = replay.length_s;
    let (scenario, whole) = run(&[], None, 0.0, length)?;
    let mut all = observed(0.0, length);
    cost(&mut all, &scenario, options.cost_usd, length);
    let (interval, over_time) = over_time::of(measured, &all, &whole, &scenario, replay.origin_s);
    let mut found = Backtest {
        name: whole.summary.scenario.name.clone(),
        requests: replay.requests,
        length_s: length,
        replications: whole.summary.replications,
        parts: vec![Part { title: "all of the time".to_owned(), rows: rows(&all, &whole) }],
        fitted: Vec::new(),
        interval,
        over_time,
        decisions: None,
        caveats: replay.caveats.iter().chain(&all.caveats).cloned().collect(),
    };
    if found.over_time.iter().any(|one| one.key == "cost") {
        found
            .caveats
            .push("simulated costs over time are spread over the intervals by the instances in use".to_owned());
    }
    found.caveats.push(
        "the simulation starts with the minimum number of instances; the real platform may have had more".to_owned(),
    );
    if !options.knobs.is_empty() {
        let split = TRAINED_ON * length;
        let target = observed(0.0, split);
        let set = search(&options.knobs, &target, &|set| Ok(run(set, Some(SEARCH), 0.0, split)?.1))?;
        for (title, from, to) in [("first 70 %", 0.0, split), ("held-out last 30 %", split, length)] {
            let there = observed(from, to);
            for (state, set) in [("as it is", &[][..]), ("fitted", &set[..])] {
                let (_, result) = run(set, None, from, to)?;
                found.parts.push(Part { title: format!("{title}, {state}"), rows: rows(&there, &result) });
            }
        }
        found.fitted = set;
        found.caveats.push(
            "parameters were fitted to the first 70 % of the time; only the held-out 30 % show how good they are"
                .to_owned(),
        );
    }
    Ok(found)
}

/// What was charged: as given, as recorded, or the billed durations of a log at the prices of the scenario.
fn cost(observed: &mut Observed, scenario: &Scenario, given_usd: Option<f64>, length_s: f64) {
    if let Some(usd) = given_usd.or(observed.cost_usd) {
        observed.metrics.push(("cost_usd.total", usd));
        return;
    }
    let (Some(billing), Some((gb_s, requests))) = (&scenario.platform.billing, observed.billed) else { return };
    let mut architectures = scenario.functions.iter().map(|function| function.architecture);
    let Some(first) = architectures.next().filter(|first| architectures.all(|other| other == *first)) else { return };
    let usage = Usage { requests, on_demand_gb_s: ByArchitecture::only(first, gb_s), ..Usage::default() };
    let length = Span::from_secs_f64(length_s).unwrap_or(Span::ZERO);
    let cost = Prices::of_month(&usage.to_month(length), billing).cost(&usage, requests, requests);
    observed.metrics.push(("cost_usd.compute", cost.compute));
    observed.caveats.push(
        "measured cost: the billed durations of the log at the prices of the scenario, without other charges"
            .to_owned(),
    );
}

/// Every metric that both have.
fn rows(observed: &Observed, result: &RunResult) -> Vec<Row> {
    let n = f64::from(result.summary.replications);
    let row = |(key, measured): &(&'static str, f64)| {
        let simulated = *result.summary.total.get(key)?;
        let quantity = metric::find(key)?.quantity;
        if !simulated.mean.is_finite() {
            return None;
        }
        // The interval of the mean, widened to that of one more run.
        let half = simulated.half_width.unwrap_or(0.0) * (n + 1.0).sqrt();
        let range = (simulated.mean - half, simulated.mean + half);
        // What is counted in whole numbers may be one off.
        let slack = if key.ends_with("peak") { 1.0 } else { 0.0 };
        let is_within = *measured >= range.0 - slack && *measured <= range.1 + slack;
        let verdict = if is_within { Verdict::Within } else { Verdict::Outside };
        Some(Row { key, quantity, measured: *measured, simulated, range, verdict })
    };
    observed.metrics.iter().filter_map(row).collect()
}
