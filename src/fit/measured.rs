//! What logs, traces and metrics say, whatever format they have.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher as _};

use super::step;
use crate::policy::scaling::replay::Gauge;

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer.
    #[default]
    Completed,
    /// With an error.
    Failed,
    /// Cut off.
    TimedOut,
    /// Refused before it ran.
    Throttled,
}

/// One request or invocation, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// When it arrived, in seconds since 1970 or since the start of the log.
    pub at_s: Option<f64>,
    /// How long it ran, without initialization where that is known by itself.
    pub duration_s: Option<f64>,
    /// How long initialization took.
    pub init_s: Option<f64>,
    /// Whether it met a cold start.
    pub cold: Option<bool>,
    /// What served it: a number of [`Measured::instances`].
    pub instance: Option<u32>,
    /// What was called: a number of [`Measured::functions`].
    pub function: u32,
    /// Memory of the instance.
    pub memory_mb: Option<u32>,
    /// What was charged.
    pub billed_s: Option<f64>,
    /// How it ended.
    pub outcome: Outcome,
}

impl Request {
    /// What was charged, in GB-seconds.
    #[must_use]
    pub fn billed_gb_s(&self) -> Option<f64> {
        Some(self.billed_s? * f64::from(self.memory_mb?) / 1_024.0)
    }
}

/// What a metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Requests in an interval.
    Requests,
    /// Requests per second.
    Rate,
    /// Running or response time, its mean.
    DurationMean,
    /// The same, its median.
    DurationP50,
    /// The same, its 90th percentile.
    DurationP90,
    /// The same, its 95th percentile.
    DurationP95,
    /// The same, its 99th percentile.
    DurationP99,
    /// Requests in progress.
    Concurrency,
    /// Instances or pods there are.
    Instances,
    /// Instances or pods an autoscaler wants.
    DesiredInstances,
    /// Refused requests in an interval.
    Throttles,
    /// Failed requests in an interval.
    Errors,
    /// Cold starts in an interval.
    ColdStarts,
    /// What everything cost in an interval, USD.
    Cost,
    /// Something else that autoscalers decide on.
    Gauge(Gauge),
}

impl Metric {
    /// What to call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Rate => "request rate",
            Self::DurationMean => "mean duration",
            Self::DurationP50 => "p50 duration",
            Self::DurationP90 => "p90 duration",
            Self::DurationP95 => "p95 duration",
            Self::DurationP99 => "p99 duration",
            Self::Concurrency => "concurrency",
            Self::Instances => "instances",
            Self::DesiredInstances => "desired instances",
            Self::Throttles => "throttles",
            Self::Errors => "errors",
            Self::ColdStarts => "cold starts",
            Self::Cost => "cost",
            Self::Gauge(gauge) => gauge.name(),
        }
    }
}

/// Everything that files say.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Names of functions; the first is "" if some have none.
    pub functions: Vec<String>,
    /// Names of instances: log streams, ids.
    pub instances: Vec<String>,
    /// Requests, in the order of the files.
    pub requests: Vec<Request>,
    /// Values of metrics at times (seconds since 1970), the time being the start of an interval.
    pub series: BTreeMap<Metric, Vec<(f64, f64)>>,
    /// Percentiles of durations that somebody else made: share and seconds.
    pub percentiles: Vec<(f64, f64)>,
    /// Initializations that failed or belong to no request, in seconds.
    pub failed_inits: Vec<f64>,
    /// Whether durations include the way to the function and back, as clients see them.
    pub seen_by_clients: bool,
    /// Whether times have a resolution of a second only.
    pub whole_seconds: bool,
    /// Formats that were read: file, name of the format, how many records.
    pub read: Vec<(String, &'static str, usize)>,
    /// Lines that were not understood: file, line, why. The first few.
    pub skipped: Vec<(String, usize, String)>,
    /// How many there were.
    pub skipped_count: usize,
    /// What files do not say and was assumed, such as units.
    pub assumed: Vec<String>,
    /// Why a file cannot be used at all.
    pub(crate) refused: Option<String>,
    /// Which series each value of `series` is of: a number for its name, and that of the file.
    pub(crate) origins: BTreeMap<Metric, Vec<(u64, usize)>>,
}

/// Skipped lines that are kept.
const MAX_SKIPPED: usize = 20;

impl Measured {
    /// The number of a function.
    pub(super) fn function(&mut self, name: &str) -> u32 {
        number_of(&mut self.functions, name)
    }

    /// The number of an instance.
    pub(super) fn instance(&mut self, name: &str) -> u32 {
        number_of(&mut self.instances, name)
    }

    /// Takes in a value of a metric. What is measured of different functions has different names: values at the same time are
    /// added up. Values of one series that files repeat count once.
    pub(super) fn add(&mut self, metric: Metric, series: impl Hash, at_s: f64, value: f64) {
        if at_s.is_finite() && value.is_finite() {
            let mut hasher = DefaultHasher::new();
            series.hash(&mut hasher);
            self.series.entry(metric).or_default().push((at_s, value));
            self.origins.entry(metric).or_default().push((hasher.finish(), self.read.len()));
        }
    }

    /// A file cannot be used.
    pub(super) fn refuse(&mut self, file: &str, line: usize, why: &str) {
        self.refused.get_or_insert_with(|| format!("{file}:{line}: {why}"));
    }

    /// A line is not understood.
    pub(super) fn skip(&mut self, file: &str, line: usize, why: impl Into<String>) {
        self.skipped_count += 1;
        if self.skipped.len() < MAX_SKIPPED {
            self.skipped.push((file.to_owned(), line, why.into()));
        }
    }

    /// Puts requests and series in the order of time.
    pub(super) fn sort(&mut self) {
        let key = |request: &Request| request.at_s.unwrap_or(f64::INFINITY);
        self.requests.sort_by(|a, b| key(a).total_cmp(&key(b)));
        for (metric, points) in &mut self.series {
            let origins = self.origins.remove(metric).unwrap_or_default();
            let found = keep_once(points, &origins);
            let (name, rename) = (metric.name(), "give series of different functions different names");
            if found.repeated > 0 {
                let values =
                    if found.repeated == 1 { "1 value".to_owned() } else { format!("{} values", found.repeated) };
                let line = format!("{name}: {values} of a series that is in several files counted once; {rename}");
                self.assumed.push(line);
            }
            if found.is_added {
                self.assumed.push(format!(
                    "{name}: series that have the same name in several files, but other values, are added up; omit exports \
                     that overlap"
                ));
            }
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
    }

    /// Whether it says how many requests there were, and when.
    #[must_use]
    pub fn has_requests(&self) -> bool {
        let has = |metric| self.series.get(&metric).is_some_and(|points| !points.is_empty());
        self.requests.iter().any(|request| request.at_s.is_some()) || has(Metric::Requests) || has(Metric::Rate)
    }

    /// What autoscalers decide on, in order of time: seconds as in `series`.
    #[must_use]
    pub fn gauges(&self) -> Vec<(f64, Gauge, f64)> {
        let gauge = |metric: Metric| match metric {
            Metric::Gauge(gauge) => Some(gauge),
            Metric::Concurrency => Some(Gauge::Concurrency),
            Metric::Rate => Some(Gauge::Rate),
            Metric::Instances => Some(Gauge::Pods),
            Metric::DesiredInstances => Some(Gauge::Desired),
            _ => None,
        };
        let mut all = Vec::new();
        for (metric, points) in &self.series {
            // A count of requests is a rate as well.
            let (named, factor) = match metric {
                Metric::Requests if !self.series.contains_key(&Metric::Rate) => (Gauge::Rate, 1.0 / step(points)),
                metric => match gauge(*metric) {
                    Some(gauge) => (gauge, 1.0),
                    None => continue,
                },
            };
            all.extend(points.iter().map(|(at, value)| (*at, named, value * factor)));
        }
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all
    }

    /// When the first and the last request arrived.
    #[must_use]
    pub fn extent(&self) -> Option<(f64, f64)> {
        let times = || self.requests.iter().filter_map(|request| request.at_s);
        let series = || self.series.values().flatten().map(|(at, _)| *at);
        let first = times().chain(series()).fold(f64::INFINITY, f64::min);
        let last = times().chain(series()).fold(f64::NEG_INFINITY, f64::max);
        (first <= last).then_some((first, last))
    }
}

/// What several files say about the same times.
#[derive(Clone, Copy, Default)]
struct Overlap {
    /// Values of one series that count once.
    repeated: usize,
    /// Whether there are series of one name that are not the same.
    is_added: bool,
}

/// A value, and where it is from.
#[derive(Clone, Copy, PartialEq)]
struct Point {
    series: u64,
    file: usize,
    at_s: f64,
    value: f64,
}

/// Keeps values once: equal ones of a series at one time, and those that a later file has again. A later file has the same
/// series if most of its values are the same at the same times; of the others, such as the last interval of an export, which
/// is incomplete, the larger counts.
fn keep_once(points: &mut Vec<(f64, f64)>, origins: &[(u64, usize)]) -> Overlap {
    let mut all: Vec<Point> = points
        .iter()
        .zip(origins)
        .map(|((at_s, value), (series, file))| Point { series: *series, file: *file, at_s: *at_s, value: *value })
        .collect();
    all.sort_by(|a, b| {
        let order = (a.series, a.file).cmp(&(b.series, b.file));
        order.then(a.at_s.total_cmp(&b.at_s)).then(a.value.total_cmp(&b.value))
    });
    all.dedup();
    points.clear();
    let mut overlap = Overlap::default();
    for series in all.chunk_by(|a, b| a.series == b.series) {
        // At each time of earlier files: the place of the first value, and the sum of all.
        let mut known: HashMap<u64, (usize, f64)> = HashMap::new();
        for file in series.chunk_by(|a, b| a.file == b.file) {
            let sum = |chunk: &[Point]| chunk.iter().map(|point| point.value).sum::<f64>();
            let times = || file.chunk_by(|a, b| a.at_s == b.at_s);
            let (mut same, mut other) = (0_usize, 0_usize);
            for chunk in times() {
                match known.get(&chunk[0].at_s.to_bits()) {
                    // Intervals without requests are alike in all series.
                    Some((_, before)) if *before == sum(chunk) => same += usize::from(*before != 0.0),
                    Some(_) => other += 1,
                    None => {}
                }
            }
            let is_same = same > other || other == 0;
            overlap.is_added |= !is_same;
            let mut added = Vec::new();
            for chunk in times() {
                let (at, sum) = (chunk[0].at_s.to_bits(), sum(chunk));
                match known.get_mut(&at) {
                    Some((place, before)) if is_same => {
                        points[*place].1 += (sum - *before).max(0.0);
                        *before = before.max(sum);
                        overlap.repeated += chunk.len();
                    }
                    _ => {
                        added.push((at, (points.len(), sum)));
                        points.extend(chunk.iter().map(|point| (point.at_s, point.value)));
                    }
                }
            }
            known.extend(added);
        }
    }
    overlap
}

/// The metric of a gauge.
pub(super) const fn of_gauge(gauge: Gauge) -> Metric {
    match gauge {
        Gauge::Concurrency => Metric::Concurrency,
        Gauge::Rate => Metric::Rate,
        Gauge::Pods => Metric::Instances,
        Gauge::Desired => Metric::DesiredInstances,
        gauge => Metric::Gauge(gauge),
    }
}

/// The place of a name, which is added if it is new. Few are looked for far: logs name the same ones again and again.
fn number_of(names: &mut Vec<String>, name: &str) -> u32 {
    let place = names.iter().rposition(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    });
    u32::try_from(place).unwrap_or(u32::MAX)
}
