//! What a command has left in its folder, read back: texts in, values out.

use std::io;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::csv::{TOTAL, read_nodes, read_timeline};
use super::kinds::Folder;
use super::phrases::harmless;
use super::sweep::digest::Digest;
use super::sweep::{self as report, csv};
use crate::measure::chaos::Chaos;
use crate::measure::comparison::Comparison;
use crate::measure::plan::Plan;
use crate::measure::summary::Summary;
use crate::measure::sweep::Columns;
use crate::measure::timeline::{Distributions, Point, Series, Timeline};
use crate::measure::{Manifest, RunResult};
use crate::scenario::{ParseOptions, Problems, Scenario, parse_bytes};
use crate::time::Span;

/// Why a results folder cannot be read back.
#[derive(Debug, Error)]
pub enum StoredError {
    /// A file that cannot be read.
    #[error("{file}: {error}")]
    Io {
        /// Its name.
        file: &'static str,
        /// The error of the operating system.
        error: io::Error,
    },
    /// A file that this version would not have written.
    #[error("{file}: {reason}")]
    Content {
        /// Its name.
        file: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The scenario in the manifest.
    #[error("{0}")]
    Scenario(Problems),
}

impl StoredError {
    /// A file that this version would not have written.
    pub(super) fn content(file: &'static str, reason: impl Into<String>) -> Self {
        Self::Content { file, reason: reason.into() }
    }
}

/// The file by which forewarm knows its own folders.
pub const MANIFEST: &str = "manifest.json";
pub(super) const SUMMARY: &str = "summary.json";
pub(super) const TIMELINE: &str = "timeline.csv";
pub(super) const CHARTS: &str = "charts.json";
pub(super) const COMPARISON: &str = "comparison.json";
pub(super) const PLAN: &str = "plan.json";
pub(super) const CHAOS: &str = "chaos.json";
/// The table of a sweep.
pub const SWEEP: &str = "sweep.csv";

/// The content of `charts.json`: what the charts of a run are drawn from, beyond the summary and the time series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Charts {
    /// Length of an interval of the time series, s.
    interval_s: f64,
    /// Horizontal lines of the chart of instances: name and value.
    limit_lines: Vec<(String, f64)>,
    /// Bins as lower edge (s), upper edge (s) and share of all requests; `zero` is the share that has none at all.
    distributions: Distributions,
}

impl Charts {
    /// Those of a result.
    #[must_use]
    pub fn of(result: &RunResult) -> Self {
        Self {
            interval_s: result.timeline.interval.as_secs_f64(),
            limit_lines: result.limit_lines.clone(),
            distributions: result.distributions.clone(),
        }
    }
}

/// The manifest of a folder.
///
/// # Errors
/// A text that is not one.
pub fn manifest(text: &str) -> Result<Manifest, StoredError> {
    let manifest: Manifest = json(MANIFEST, text)?;
    let [version, command] = [&manifest.version, &manifest.command].map(|text| harmless(text, false).into_owned());
    Ok(Manifest { version, command, ..manifest })
}

/// The text of a file of a folder.
///
/// # Errors
/// An error of the operating system.
pub(super) fn text(folder: &dyn Folder, file: &'static str) -> Result<String, StoredError> {
    let mut text = String::new();
    let read = folder.open(file).and_then(|mut from| from.read_to_string(&mut text));
    read.map(|_| text).map_err(|error| StoredError::Io { file, error })
}

/// The scenario that a manifest holds.
///
/// # Errors
/// What this version finds wrong in it; files that it names are not there from every folder.
pub(super) fn scenario(manifest: &Manifest, folder: &dyn Folder) -> Result<Scenario, StoredError> {
    let options = ParseOptions::default();
    let parsed = parse_bytes(MANIFEST, manifest.scenario.as_bytes(), &options, folder.scenario_files());
    parsed.map(|(scenario, _)| scenario).map_err(StoredError::Scenario)
}

/// The result of a run, from the texts of its files: summary, time series, what else the charts need.
///
/// # Errors
/// The first text that is not what this version writes.
pub fn run(summary: &str, timeline: &str, charts: &str) -> Result<RunResult, StoredError> {
    let summary: Summary = json(SUMMARY, summary)?;
    let charts: Charts = json(CHARTS, charts)?;
    let interval =
        Span::from_secs_f64(charts.interval_s).map_err(|error| StoredError::content(CHARTS, error.to_string()))?;
    let series = read_timeline("function", timeline).map_err(|reason| StoredError::content(TIMELINE, reason))?;
    is_whole(&series, interval, summary.horizon_s)?;
    let nodes = read_nodes(timeline).map_err(|reason| StoredError::content(TIMELINE, reason))?;
    let series =
        series.into_iter().map(|(name, points)| Series { function: (name != TOTAL).then_some(name), points }).collect();
    Ok(RunResult {
        summary,
        timeline: Timeline { interval, series, sources: Vec::new(), nodes },
        distributions: charts.distributions,
        limit_lines: charts.limit_lines,
    })
}

/// A comparison with what its charts need of each contender, from the texts of its files.
///
/// # Errors
/// The first text that is not what this version writes.
pub fn comparison(comparison: &str, timeline: &str) -> Result<(Comparison, Vec<(String, RunResult)>), StoredError> {
    let comparison: Comparison = json(COMPARISON, comparison)?;
    let wrong = |reason: String| StoredError::content(TIMELINE, reason);
    let mut series = read_timeline("variant", timeline).map_err(wrong)?;
    let second = timeline.lines().find_map(|line| {
        let start: f64 = line.split(',').next()?.parse().ok()?;
        (start > 0.0).then_some(start)
    });
    // With one interval only, how long it is would not be seen: it is cut short by the horizon.
    let interval =
        Span::from_secs_f64(second.unwrap_or(comparison.horizon_s)).map_err(|error| wrong(error.to_string()))?;
    is_whole(&series, interval, comparison.horizon_s)?;
    let mut results = Vec::new();
    for contender in &comparison.contenders {
        let place = series.iter().position(|(name, _)| *name == contender.name);
        let place = place.ok_or_else(|| wrong(format!("there is nothing of `{}`", contender.name)))?;
        let (_, points) = series.swap_remove(place);
        let result = RunResult {
            summary: contender.summary.clone(),
            timeline: Timeline {
                interval,
                series: vec![Series { function: None, points }],
                sources: Vec::new(),
                nodes: Vec::new(),
            },
            distributions: Distributions::default(),
            limit_lines: Vec::new(),
        };
        results.push((contender.name.clone(), result));
    }
    Ok((comparison, results))
}

/// Whether a row of every interval is there for each series: a file may end early at the end of a line.
fn is_whole(series: &[(String, Vec<Point>)], interval: Span, horizon_s: f64) -> Result<(), StoredError> {
    let reaches = |points: &Vec<Point>| points.len() as f64 * interval.as_secs_f64() >= horizon_s * (1.0 - 1e-9);
    if series.iter().all(|(_, points)| reaches(points)) {
        return Ok(());
    }
    Err(StoredError::content(TIMELINE, "it ends before the horizon"))
}

/// A plan, from the text of its file.
///
/// # Errors
/// A text that is not what this version writes.
pub fn plan(plan: &str) -> Result<Plan, StoredError> {
    json(PLAN, plan)
}

/// What faults do, from the text of its file.
///
/// # Errors
/// A text that is not what this version writes.
pub fn chaos(chaos: &str) -> Result<Chaos, StoredError> {
    json(CHAOS, chaos)
}

/// What a report of a sweep needs of its table, read row by row. `scenario` is the one of the manifest.
///
/// # Errors
/// A scenario without `[sweep]`, and a table that is not that of this scenario or not whole.
pub(super) fn sweep(scenario: &Scenario, folder: &dyn Folder) -> Result<Digest, StoredError> {
    let table = folder.open(SWEEP).map_err(|error| StoredError::Io { file: SWEEP, error })?;
    let sweep = scenario.sweep.as_ref().and_then(|sweep| Some((sweep, sweep.points()?)));
    let Some((sweep, points)) = sweep else {
        return Err(StoredError::content(MANIFEST, "its scenario has no [sweep]"));
    };
    let wrong = |reason: String| StoredError::content(SWEEP, reason);
    let columns = Columns::of(scenario);
    let mut digest = Digest::new(sweep, &columns);
    for row in csv::read(table, report::columns(sweep, &columns)).map_err(wrong)? {
        let row = row.map_err(wrong)?;
        if row.number != digest.count || row.number >= points.count() {
            return Err(wrong(format!(
                "configuration {} does not follow configuration {}",
                row.number + 1,
                digest.count
            )));
        }
        digest.add(&points.get(row.number), &row);
    }
    match digest.count {
        all if all == points.count() => Ok(digest),
        some => Err(wrong(format!("it has {some} of {} configurations", points.count()))),
    }
}

fn json<T: serde::de::DeserializeOwned>(file: &'static str, text: &str) -> Result<T, StoredError> {
    serde_json::from_str(text).map_err(|error| StoredError::content(file, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::html;
    use crate::report::{Report as _, chart, csv, json as texts, sample};

    fn stored(result: &RunResult) -> [String; 3] {
        let mut timeline = Vec::new();
        csv::timeline(&result.timeline, &mut timeline).unwrap();
        [texts::summary(&result.summary), String::from_utf8(timeline).unwrap(), texts::charts(result)]
    }

    #[test]
    fn what_was_stored_makes_the_same_page() {
        let mut short = sample::result(1, 1);
        short.summary.horizon_s = 299.0;
        let mut empty = sample::empty();
        empty.summary.horizon_s = 0.0;
        for mut result in [sample::result(3, 288), short, empty] {
            result.limit_lines[0].0 = "<b>, \"quoted\"\nlines".into();
            if let Some(point) = result.timeline.series[0].points.first_mut() {
                point.latency_s_p99 = f64::NAN;
            }
            let [summary, timeline, charts] = stored(&result);
            let back = run(&summary, &timeline, &charts).unwrap();
            let manifest = sample::manifest();
            assert!(html::render(&result.document(&manifest)) == html::render(&back.document(&manifest)));
            assert!(chart::run::charts(&result) == chart::run::charts(&back));
        }
    }

    #[test]
    fn a_wrong_file_is_named() {
        let [summary, timeline, charts] = stored(&sample::result(2, 288));
        let half = |text: &str| text[..text.len() / 2].to_owned();
        let wrong = |answer: Result<RunResult, StoredError>| answer.unwrap_err().to_string();
        assert!(wrong(run(&half(&summary), &timeline, &charts)).starts_with("summary.json: EOF"));
        assert!(wrong(run(&summary, &timeline, "{}")).starts_with("charts.json: missing field"));
        assert!(wrong(run(&summary, "a,b\n1,2\n", &charts)).contains("columns"));
        assert!(wrong(run(&summary, &half(&timeline), &charts)).starts_with("timeline.csv"));
        assert!(wrong(run(&summary, &timeline.replacen("\n0,", "\n0,x,y,", 1), &charts)).starts_with("timeline.csv"));
        let early = timeline.split_inclusive('\n').take(2 * 288).collect::<String>();
        assert_eq!(wrong(run(&summary, &early, &charts)), "timeline.csv: it ends before the horizon");
        let old = summary.replace("\"queueing_s\"", "\"queuing_s\"");
        assert!(wrong(run(&old, &timeline, &charts)).contains("missing field `queueing_s`"));
    }
}
