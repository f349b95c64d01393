//! Metrics by interval, as they were measured and as they are simulated.

use crate::fit::measured::{Measured, Metric, Outcome, Request};
use crate::fit::{hold_s, step};
use crate::measure::RunResult;
use crate::measure::backtest::OverTime;
use crate::measure::timeline::Point;
use crate::policy::scaling::replay::Gauge;
use crate::time::Span;

/// The most intervals: as many as a chart can show.
const INTERVALS: usize = 240;

/// A metric of requests, or of a series of values.
struct Kind {
    key: &'static str,
    title: &'static str,
    is_count: bool,
    /// Series that measure it, the best first.
    series: &'static [Metric],
    /// What one request counts, if requests tell.
    of_request: Option<fn(&Request) -> Option<f64>>,
    simulated: fn(&Point) -> f64,
}

const KINDS: [Kind; 5] = [
    Kind {
        key: "requests",
        title: "requests",
        is_count: true,
        series: &[Metric::Requests],
        of_request: Some(|_| Some(1.0)),
        simulated: |point| point.arrived,
    },
    Kind {
        key: "concurrency",
        title: "requests in progress",
        is_count: false,
        series: &[Metric::Concurrency],
        of_request: None,
        simulated: |point| point.concurrency,
    },
    Kind {
        key: "cold",
        title: "cold starts",
        is_count: true,
        series: &[Metric::ColdStarts],
        of_request: Some(|request| request.cold.map(|cold| f64::from(u8::from(cold)))),
        simulated: |point| point.cold,
    },
    Kind {
        key: "instances",
        title: "instances",
        is_count: false,
        series: &[Metric::Instances, Metric::Gauge(Gauge::Ready)],
        of_request: None,
        simulated: |point| point.instances_busy + point.instances_idle + point.instances_starting,
    },
    Kind {
        key: "throttled",
        title: "throttled requests",
        is_count: true,
        series: &[Metric::Throttles],
        of_request: Some(|request| Some(f64::from(u8::from(request.outcome == Outcome::Throttled)))),
        simulated: |point| point.rejected,
    },
];

/// What was measured, beside the time series of a run; the length of an interval.
pub(super) fn of(measured: &Measured, result: &RunResult, origin_s: f64) -> (Span, Vec<OverTime>) {
    let total = result.timeline.series.iter().find(|series| series.function.is_none());
    let Some(points) = total.map(|series| &series.points).filter(|points| !points.is_empty()) else {
        return (Span::ZERO, Vec::new());
    };
    let group = points.len().div_ceil(INTERVALS);
    let interval = Span::from_nanos(result.timeline.interval.as_nanos().saturating_mul(group as u64));
    let number = points.len().div_ceil(group);
    let bins = Bins { origin_s, width_s: interval.as_secs_f64(), number };
    let mut found = Vec::new();
    for kind in &KINDS {
        let Some(seen) = bins.measured(kind, measured) else { continue };
        let simulated: Vec<f64> = points
            .chunks(group)
            .map(|chunk| {
                let sum: f64 = chunk.iter().map(kind.simulated).sum();
                if kind.is_count { sum } else { sum / chunk.len() as f64 }
            })
            .collect();
        let is_nothing = |values: &[f64]| values.iter().all(|value| value.is_nan() || *value == 0.0);
        if is_nothing(&seen) && is_nothing(&simulated) {
            continue;
        }
        let (key, title, is_count) = (kind.key, kind.title, kind.is_count);
        found.push(OverTime { key, title, is_count, measured: seen, simulated });
    }
    (interval, found)
}

/// Intervals of the same length.
struct Bins {
    origin_s: f64,
    width_s: f64,
    number: usize,
}

impl Bins {
    /// The interval of a time.
    fn of(&self, at_s: f64) -> Option<usize> {
        let place = (at_s - self.origin_s) / self.width_s;
        (place >= 0.0 && place < self.number as f64).then_some(place as usize)
    }

    /// The values of a metric; nothing if it was not measured.
    fn measured(&self, kind: &Kind, measured: &Measured) -> Option<Vec<f64>> {
        let timed = || measured.requests.iter().filter_map(|request| Some((request.at_s?, request)));
        if kind.key == "concurrency" && timed().next().is_some() {
            return Some(self.in_progress(timed()));
        }
        if let Some(of_request) = kind.of_request
            && timed().any(|(_, request)| of_request(request).is_some())
        {
            let mut bins = vec![0.0; self.number];
            for (at, request) in timed() {
                if let (Some(bin), Some(value)) = (self.of(at), of_request(request)) {
                    bins[bin] += value;
                }
            }
            return Some(bins);
        }
        let points = kind.series.iter().find_map(|metric| measured.series.get(metric))?;
        Some(if kind.is_count { self.counts(points) } else { self.levels(points) })
    }

    /// Counts of intervals that begin at their times, spread over these.
    fn counts(&self, points: &[(f64, f64)]) -> Vec<f64> {
        let width = step(points);
        let mut bins = vec![0.0; self.number];
        for (at, value) in points {
            self.each(*at, at + width, |bin, part| bins[bin] += value * part * self.width_s / width);
        }
        bins
    }

    /// Levels, each of which holds until the next: their averages over time, NaN where none holds.
    fn levels(&self, points: &[(f64, f64)]) -> Vec<f64> {
        let hold = hold_s(points);
        let mut bins = vec![(0.0, 0.0); self.number];
        for (place, (at, value)) in points.iter().enumerate() {
            let until = points.get(place + 1).map_or(f64::INFINITY, |(next, _)| *next).min(at + hold);
            self.each(*at, until, |bin, part| {
                bins[bin].0 += value * part;
                bins[bin].1 += part;
            });
        }
        bins.into_iter().map(|(sum, known)| if known > 0.0 { sum / known } else { f64::NAN }).collect()
    }

    /// The bins from one time to another, with the part of each that lies between them.
    fn each(&self, from_s: f64, to_s: f64, mut take: impl FnMut(usize, f64)) {
        let place = |at_s: f64| ((at_s - self.origin_s) / self.width_s).clamp(0.0, self.number as f64);
        let (mut at, to) = (place(from_s), place(to_s));
        while at < to {
            let end = (at.floor() + 1.0).min(to);
            take(at as usize, end - at);
            at = end;
        }
    }

    /// Requests in progress, initialization included.
    fn in_progress<'a>(&self, requests: impl Iterator<Item = (f64, &'a Request)>) -> Vec<f64> {
        let mut bins = vec![0.0; self.number];
        for (at, request) in requests {
            let length = request.duration_s.unwrap_or(0.0) + request.init_s.unwrap_or(0.0);
            self.each(at, at + length, |bin, part| bins[bin] += part);
        }
        bins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINS: Bins = Bins { origin_s: 100.0, width_s: 10.0, number: 3 };

    /// Equal but for rounding.
    fn near(found: Option<Vec<f64>>, expected: &[f64]) {
        let found = found.expect("measured");
        let is_near = found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(is_near, "{found:?} instead of {expected:?}");
    }

    #[test]
    fn requests_are_in_progress_in_each_interval_that_they_touch() {
        let request = |at: f64, duration: f64| Request {
            at_s: Some(at),
            duration_s: Some(duration),
            init_s: Some(1.0),
            ..Request::default()
        };
        let measured = Measured {
            requests: vec![request(105.0, 9.0), request(129.0, 60.0), request(500.0, 1.0)],
            ..Measured::default()
        };
        near(BINS.measured(&KINDS[1], &measured), &[0.5, 0.5, 0.1]);
        assert_eq!(BINS.measured(&KINDS[0], &measured), Some(vec![1.0, 0.0, 1.0]));
        assert_eq!(BINS.measured(&KINDS[2], &measured), None, "nobody knows which were cold");
    }

    #[test]
    fn levels_are_averaged_and_counts_are_added() {
        let mut measured = Measured::default();
        measured.series.insert(Metric::Instances, vec![(102.0, 2.0), (106.0, 4.0), (125.0, 7.0)]);
        measured.series.insert(Metric::Throttles, vec![(101.0, 2.0), (109.0, 4.0)]);
        // 2 for 4 s and 4 for 4 s; 4; 4 for 5 s and 7 for 5 s.
        near(BINS.measured(&KINDS[3], &measured), &[3.0, 4.0, 5.5]);
        // The second count is of 8 s, of which 1 s is in the first interval.
        near(BINS.measured(&KINDS[4], &measured), &[2.5, 3.5, 0.0]);
        let gap = vec![(100.0, 1.0), (101.0, 1.0), (102.0, 1.0), (103.0, 1.0), (100_000.0, 1.0)];
        let far = Bins { origin_s: 100.0, width_s: 1_000.0, number: 2 };
        assert!((far.levels(&gap)[0] - 1.0).abs() < 1e-9 && far.levels(&gap)[1].is_nan(), "a gap of hours is no value");
    }
}
