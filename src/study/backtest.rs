//! How near a simulation comes to what was measured: the recorded load through the settings of a scenario, metric by metric.

use std::fmt::Write as _;
use std::num::NonZeroUsize;

use serde_json::{Value, json};

use super::{Source, StudyError};
use crate::experiment::{self, Progress};
use crate::fit::observed::Observed;
use crate::fit::{Measured, Metric, step};
use crate::measure::RunResult;
use crate::measure::summary::Stat;
use crate::metric;
use crate::report::format::Quantity;
use crate::scenario::{Files, ParseOptions, Problems, Scenario, instead, parse_bytes};
use crate::time::Span;
use crate::workload::Input;

/// What the recorded load is called in the scenario that replays it.
const RECORDED: &str = "recorded load";
/// Part of the time on which parameters are fitted.
const TRAINED_ON: f64 = 0.7;
/// Replications: enough to say how much one run differs from another.
const REPLICATIONS: u32 = 20;
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
}

/// How a measured value lies in what runs of the simulation give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Where 95 % of single runs lie.
    Within,
    /// Outside.
    Outside,
}

/// One metric.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its key.
    pub key: &'static str,
    /// What it is.
    pub quantity: Quantity,
    /// What was measured.
    pub measured: f64,
    /// The mean of the simulation with its interval.
    pub simulated: Stat,
    /// Where 95 % of single runs lie.
    pub range: (f64, f64),
    /// How the measured value lies in it.
    pub verdict: Verdict,
}

impl Row {
    /// Simulated over measured, less one; none where nothing was measured.
    #[must_use]
    pub fn error(&self) -> Option<f64> {
        (self.measured.abs() > 0.0).then(|| self.simulated.mean / self.measured - 1.0)
    }
}

/// The comparison over some part of the time.
#[derive(Clone, Debug)]
pub struct Part {
    /// Which part, and under which parameters.
    pub title: String,
    /// One row for each metric that both have.
    pub rows: Vec<Row>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Backtest {
    /// The scenario.
    pub name: String,
    /// Requests that were replayed.
    pub requests: usize,
    /// Over how many seconds.
    pub length_s: f64,
    /// Replications behind each mean.
    pub replications: u32,
    /// All of the time; or, with fitted parameters, before and after on both parts.
    pub parts: Vec<Part>,
    /// Fitted parameters with their values.
    pub fitted: Vec<(String, String)>,
    /// Intervals: start (s), measured and simulated mean requests in progress, measured and simulated cold starts.
    pub over_time: Vec<[f64; 5]>,
    /// What has to be known.
    pub caveats: Vec<String>,
}

/// The load of measurements, as text that a scenario can name.
struct Load<'a> {
    inner: &'a dyn Files,
    csv: String,
}

impl Files for Load<'_> {
    fn input(&self, path: &str) -> Input {
        if path == RECORDED { Input::of_bytes(RECORDED, self.csv.as_bytes().to_vec()) } else { self.inner.input(path) }
    }
}

/// The scenario with the recorded load in place of its sources, and the file of that load.
pub struct Replay<'a> {
    text: String,
    load: Load<'a>,
    options: ParseOptions,
    name: String,
    origin_s: f64,
    length_s: f64,
    requests: usize,
    caveats: Vec<String>,
}

impl<'a> Replay<'a> {
    /// Puts the load of measurements under the settings of a scenario.
    ///
    /// # Errors
    /// A scenario that is none, and measurements that do not fit it.
    pub fn of(source: Source<'a>, measured: &Measured, options: &ParseOptions) -> Result<Self, StudyError> {
        // As it was written first: what is wrong in it is said with its lines.
        let (scenario, _) = parse_bytes(source.name, source.bytes, options, source.files)?;
        let text = String::from_utf8_lossy(source.bytes);
        let mut tables: toml::Table = text
            .trim_start_matches('\u{feff}')
            .parse()
            .map_err(|error| StudyError::question(format!("{}: {error}", source.name), "write TOML"))?;
        for key in ["source", "variant", "sweep", "plan", "objective", "origin"] {
            tables.remove(key);
        }
        let mut caveats = Vec::new();
        let (first, last) = measured.extent().ok_or_else(|| {
            StudyError::question(
                "none of the measurements has a timestamp",
                "export timestamps too: without them, no load can be replayed",
            )
        })?;
        let (csv, arrivals, length, requests) = load(measured, &scenario, first, last, &mut caveats)?;
        let length = length.clamp(1.0, 366.0 * 86_400.0);
        tables.insert("source".to_owned(), arrivals);
        let mut simulation =
            tables.remove("simulation").and_then(|table| table.try_into::<toml::Table>().ok()).unwrap_or_default();
        let horizon = Span::from_secs_f64(length).unwrap_or(Span::from_secs(3_600)).to_string();
        simulation.insert("horizon".to_owned(), horizon.into());
        simulation.insert("warm-up".to_owned(), "0s".into());
        for key in ["precision", "intervals", "batches"] {
            simulation.remove(key);
        }
        tables.insert("simulation".to_owned(), simulation.into());
        let mut options = options.clone();
        options.variant = None;
        options.set.retain(|(key, _)| {
            !["source", "simulation", "objective", "plan", "sweep", "variant"]
                .contains(&key.split('.').next().unwrap_or(key))
        });
        options.replications = Some(options.replications.unwrap_or(REPLICATIONS).max(2));
        options.precision.clear();
        let load = Load { inner: source.files, csv };
        Ok(Self {
            text: tables.to_string(),
            load,
            options,
            name: source.name.to_owned(),
            origin_s: first,
            length_s: length,
            requests,
            caveats,
        })
    }

    /// The text of the scenario, for a study of another kind.
    #[must_use]
    pub fn source(&self) -> (Source<'_>, &ParseOptions) {
        (Source { name: &self.name, bytes: self.text.as_bytes(), files: &self.load }, &self.options)
    }

    fn scenario(
        &self,
        set: &[(String, String)],
        replications: Option<u32>,
        from: f64,
        to: f64,
    ) -> Result<Scenario, Problems> {
        let mut options = self.options.clone();
        options.set.extend(set.iter().cloned());
        if replications.is_some() {
            options.replications = replications;
        }
        let (mut scenario, _) = parse_bytes(&self.name, self.text.as_bytes(), &options, &self.load)?;
        scenario.simulation.horizon = Span::from_secs_f64(to).unwrap_or(scenario.simulation.horizon);
        scenario.simulation.warm_up = Span::from_secs_f64(from).unwrap_or(Span::ZERO);
        Ok(scenario)
    }
}

/// The load as CSV and the source that replays it; over how many seconds, how many requests.
fn load(
    measured: &Measured,
    scenario: &Scenario,
    first: f64,
    last: f64,
    caveats: &mut Vec<String>,
) -> Result<(String, toml::Value, f64, usize), StudyError> {
    let names: Vec<&str> = scenario.functions.iter().map(|function| function.name.as_str()).collect();
    let only = match names[..] {
        [only] => Some(only),
        _ => None,
    };
    let arrivals = |kind: &str, table: toml::Table| {
        let inner = toml::Table::from_iter([(kind.to_owned(), toml::Value::Table(table))]);
        let mut source = toml::Table::new();
        source.insert("name".to_owned(), "recorded".into());
        source.insert("arrivals".to_owned(), inner.into());
        source
    };
    let timed: Vec<_> = measured.requests.iter().filter(|request| request.at_s.is_some()).collect();
    if !timed.is_empty() {
        let mut csv = "time_s,function\n".to_owned();
        for request in &timed {
            let name = measured.functions.get(request.function as usize).map_or("", String::as_str);
            let Some(function) = only.or_else(|| names.iter().copied().find(|known| *known == name)) else {
                let shown = if name.is_empty() {
                    "the measurements name no function".to_owned()
                } else {
                    format!("the measurements name the function \"{name}\"")
                };
                let help =
                    format!("the scenario has several: {}", instead(name, "its functions are", names.iter().copied()));
                return Err(StudyError::question(shown, help));
            };
            let _ = writeln!(csv, "{:.6},{function}", request.at_s.unwrap_or(first) - first);
        }
        let table =
            toml::Table::from_iter([("file".to_owned(), RECORDED.into()), ("format".to_owned(), "forewarm".into())]);
        let source = arrivals("trace", table);
        let longest = timed.iter().filter_map(|request| request.duration_s).fold(0.0, f64::max);
        return Ok((csv, toml::Value::Array(vec![source.into()]), last - first + longest.max(1.0), timed.len()));
    }
    let Some(only) = only else {
        return Err(StudyError::question(
            "these metrics belong to one function, but the scenario has several",
            "write a scenario with this function alone",
        ));
    };
    let counts = measured.series.get(&Metric::Requests);
    let rates = measured.series.get(&Metric::Rate);
    let (points, is_rate) = match (counts, rates) {
        (Some(counts), _) => (counts, false),
        (None, Some(rates)) => (rates, true),
        (None, None) => {
            return Err(StudyError::question(
                "the measurements contain no requests, so there is no load to replay",
                "export the number of requests too",
            ));
        }
    };
    let width = step(points);
    // Periods that are absent had no requests.
    let intervals = (((last - first) / width).round() as usize + 1).min(2_000_000);
    let mut bins = vec![0.0; intervals];
    for (at, value) in points {
        let bin = (((at - first) / width).round() as usize).min(intervals - 1);
        bins[bin] += if is_rate { value * width } else { *value };
    }
    let mut csv = "time_s,count\n".to_owned();
    for (bin, count) in bins.iter().enumerate() {
        let _ = writeln!(csv, "{},{}", bin as f64 * width, count.max(0.0).round());
    }
    caveats.push(format!(
        "the load is counts over intervals of {width} s: arrivals within an interval are assumed to be a Poisson \
         process"
    ));
    let table = toml::Table::from_iter([("file".to_owned(), RECORDED.into())]);
    let mut source = arrivals("rate-trace", table);
    source.insert("function".to_owned(), only.into());
    let total = bins.iter().sum::<f64>();
    Ok((csv, toml::Value::Array(vec![source.into()]), intervals as f64 * width, total.round() as usize))
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
    let replay = Replay::of(source, measured, &options.parse)?;
    let run =
        |set: &[(String, String)], replications: Option<u32>, from: f64, to: f64| -> Result<RunResult, StudyError> {
            progress.begin();
            let scenario = replay.scenario(set, replications, from, to)?;
            Ok(experiment::run(&scenario, threads, progress, None::<()>)?.result)
        };
    let observed = |from: f64, to: f64| Observed::of(measured, replay.origin_s + from, replay.origin_s + to);
    let length = replay.length_s;
    let whole = run(&[], None, 0.0, length)?;
    let all = observed(0.0, length);
    let mut found = Backtest {
        name: whole.summary.scenario.name.clone(),
        requests: replay.requests,
        length_s: length,
        replications: whole.summary.replications,
        parts: vec![Part { title: "all of the time".to_owned(), rows: rows(&all, &whole) }],
        fitted: Vec::new(),
        over_time: over_time(measured, &whole, replay.origin_s),
        caveats: replay.caveats.iter().chain(&all.caveats).cloned().collect(),
    };
    found.caveats.push("the simulation starts without instances; the real platform may not have".to_owned());
    if found.parts[0].rows.is_empty() {
        return Err(StudyError::question(
            "the measurements contain nothing to compare with a run",
            "export durations, cold starts, concurrency or pods",
        ));
    }
    if !options.knobs.is_empty() {
        let split = TRAINED_ON * length;
        let target = observed(0.0, split);
        let set = search(&options.knobs, &target, &|set| run(set, Some(SEARCH), 0.0, split))?;
        for (title, from, to) in [("first 70 %", 0.0, split), ("held-out last 30 %", split, length)] {
            let there = observed(from, to);
            for (state, set) in [("as it is", &[][..]), ("fitted", &set[..])] {
                let result = run(set, None, from, to)?;
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

/// Simulates with some keys set.
type Simulate<'a> = dyn Fn(&[(String, String)]) -> Result<RunResult, StudyError> + 'a;

/// Coordinate by coordinate, each on a grid that becomes finer around the best.
fn search(knobs: &[Knob], target: &Observed, run: &Simulate<'_>) -> Result<Vec<(String, String)>, StudyError> {
    const GRID: usize = 6;
    let middle =
        |knob: &Knob| if knob.low > 0.0 { (knob.low * knob.high).sqrt() } else { 0.5 * (knob.low + knob.high) };
    let mut values: Vec<f64> = knobs.iter().map(middle).collect();
    let settings = |values: &[f64]| -> Vec<(String, String)> {
        knobs.iter().zip(values).map(|(knob, value)| (knob.key.clone(), knob.value(*value))).collect()
    };
    for round in 0..2 {
        for (place, knob) in knobs.iter().enumerate() {
            let (low, high) = match round {
                0 => (knob.low, knob.high),
                _ if knob.low > 0.0 => {
                    let factor = (knob.high / knob.low).powf(1.0 / (GRID - 1) as f64);
                    ((values[place] / factor).max(knob.low), (values[place] * factor).min(knob.high))
                }
                _ => {
                    let width = (knob.high - knob.low) / (GRID - 1) as f64;
                    ((values[place] - width).max(knob.low), (values[place] + width).min(knob.high))
                }
            };
            let mut best = (f64::INFINITY, values[place]);
            for step in 0..GRID {
                let part = step as f64 / (GRID - 1) as f64;
                let value = if low > 0.0 { low * (high / low).powf(part) } else { low + part * (high - low) };
                let mut tried = values.clone();
                tried[place] = value;
                let cost = distance(target, &run(&settings(&tried))?);
                if cost < best.0 {
                    best = (cost, value);
                }
            }
            values[place] = best.1;
        }
    }
    Ok(settings(&values))
}

/// The sum of squared logarithms of ratios over all metrics.
fn distance(target: &Observed, result: &RunResult) -> f64 {
    rows(target, result)
        .iter()
        .map(|row| {
            let least = 1e-4 * row.measured.abs().max(row.simulated.mean.abs()).max(1e-9);
            ((row.simulated.mean.max(least)) / (row.measured.max(least))).ln().powi(2)
        })
        .sum()
}

/// Intervals that are shown.
const INTERVALS: usize = 24;

/// Requests in progress and cold starts of both by interval.
fn over_time(measured: &Measured, result: &RunResult, origin_s: f64) -> Vec<[f64; 5]> {
    let Some(total) = result.timeline.series.iter().find(|series| series.function.is_none()) else { return Vec::new() };
    let points = &total.points;
    if measured.requests.is_empty() || points.is_empty() {
        return Vec::new();
    }
    let interval = result.timeline.interval.as_secs_f64();
    let group = points.len().div_ceil(INTERVALS);
    let mut rows: Vec<[f64; 5]> = Vec::new();
    for (place, chunk) in points.chunks(group).enumerate() {
        let from = place as f64 * group as f64 * interval;
        let width = chunk.len() as f64 * interval;
        let concurrency = chunk.iter().map(|point| point.concurrency).sum::<f64>() / chunk.len() as f64;
        let cold = chunk.iter().map(|point| point.cold).sum::<f64>();
        let (mut busy, mut colds) = (0.0, 0.0);
        for request in &measured.requests {
            let Some(at) = request.at_s.map(|at| at - origin_s) else { continue };
            let end = at + request.duration_s.unwrap_or(0.0) + request.init_s.unwrap_or(0.0);
            busy += (end.min(from + width) - at.max(from)).max(0.0);
            colds += f64::from(u8::from(request.cold == Some(true) && (from..from + width).contains(&at)));
        }
        rows.push([from, busy / width, concurrency, colds, cold]);
    }
    rows
}

impl Backtest {
    /// A table for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!(
            "{}: {} recorded requests over {} replayed, {} replications\n",
            self.name,
            self.requests,
            crate::report::format::duration(self.length_s),
            self.replications
        );
        for part in &self.parts {
            let _ = write!(out, "\n{}\n", part.title);
            let _ = writeln!(out, "  {:20} {:>12} {:>22} {:>9}  verdict", "metric", "measured", "simulated", "error");
            for row in &part.rows {
                let error = row.error().map_or_else(|| "-".to_owned(), |error| format!("{:+.1} %", 100.0 * error));
                let verdict = match row.verdict {
                    Verdict::Within => "within run-to-run spread".to_owned(),
                    Verdict::Outside => match [row.range.0, row.range.1].map(|end| row.quantity.text(end)) {
                        [low, high] if low == high => "outside run-to-run spread".to_owned(),
                        [low, high] => format!("outside {low} to {high}"),
                    },
                };
                let _ = writeln!(
                    out,
                    "  {:20} {:>12} {:>22} {error:>9}  {verdict}",
                    row.key,
                    row.quantity.text(row.measured),
                    row.quantity.stat(&row.simulated)
                );
            }
        }
        if !self.fitted.is_empty() {
            out.push_str("\nFitted to the first 70 %:\n");
            self.fitted.iter().for_each(|(key, value)| {
                let _ = writeln!(out, "  {key} = {value}");
            });
        }
        if !self.over_time.is_empty() {
            let _ = write!(
                out,
                "\nOver time\n  {:>12} {:>24} {:>24}\n  {:>12} {:>12}{:>12} {:>12}{:>12}\n",
                "from", "requests in progress", "cold starts", "", "measured", "simulated", "measured", "simulated"
            );
            // Parts of the recorded time begin between two minutes.
            let unit = if self.length_s > 3_600.0 { 60.0 } else { 1.0 };
            for [from, busy, concurrency, colds, cold] in &self.over_time {
                let _ = writeln!(
                    out,
                    "  {:>12} {busy:>12.3}{concurrency:>12.3} {colds:>12.0}{cold:>12.1}",
                    crate::report::format::exactly((from / unit).round() * unit)
                );
            }
        }
        out.push('\n');
        for caveat in &self.caveats {
            let _ = writeln!(out, "Note: {caveat}.");
        }
        out.push_str(
            "This is a counterfactual, not a forecast: the same requests under the settings of the \
                      scenario.\n",
        );
        out
    }

    /// The same for scripts.
    #[must_use]
    pub fn json(&self) -> Value {
        let parts: Vec<Value> = self
            .parts
            .iter()
            .map(|part| {
                let rows: serde_json::Map<String, Value> = part
                    .rows
                    .iter()
                    .map(|row| {
                        let is_within = row.verdict == Verdict::Within;
                        let row_json = json!({"measured": row.measured, "simulated": row.simulated, "low": row.range.0, "high": row.range.1, "error": row.error(), "within": is_within});
                        (row.key.to_owned(), row_json)
                    })
                    .collect();
                json!({"part": part.title, "metrics": rows})
            })
            .collect();
        let fitted: serde_json::Map<String, Value> =
            self.fitted.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let over_time: Vec<Value> = self
            .over_time
            .iter()
            .map(|[from, busy, concurrency, colds, cold]| {
                json!({"from_s": from, "concurrency": {"measured": busy, "simulated": concurrency}, "cold": {"measured": colds, "simulated": cold}})
            })
            .collect();
        json!({
            "scenario": self.name,
            "requests": self.requests,
            "length_s": self.length_s,
            "replications": self.replications,
            "parts": parts,
            "fitted": fitted,
            "over_time": over_time,
            "notes": self.caveats,
        })
    }
}
