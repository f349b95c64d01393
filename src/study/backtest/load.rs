//! The recorded load through the settings of a scenario: the scenario with other sources, and the file that they name.

use std::fmt::Write as _;

use super::super::{Source, StudyError};
use crate::fit::{Measured, Metric, step};
use crate::scenario::{Files, ParseOptions, Problems, Scenario, instead, parse_bytes};
use crate::time::Span;
use crate::workload::Input;

/// What the recorded load is called in the scenario that replays it.
const RECORDED: &str = "recorded load";
/// Replications: enough to say how much one run differs from another.
const REPLICATIONS: u32 = 20;

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
    pub(super) origin_s: f64,
    pub(super) length_s: f64,
    pub(super) requests: usize,
    pub(super) caveats: Vec<String>,
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

    pub(super) fn scenario(
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
