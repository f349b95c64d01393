//! Metrics by interval, as they were measured and as they are simulated.

use crate::fit::measured::{Measured, Metric, Outcome, Request};
use crate::fit::observed::Observed;
use crate::fit::{hold_s, step};
use crate::measure::RunResult;
use crate::measure::backtest::OverTime;
use crate::measure::summary::{Shape, Stat};
use crate::measure::timeline::Point;
use crate::metric::Quantity;
use crate::policy::scaling::replay::Gauge;
use crate::scenario::Scenario;
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

/// Quantiles of latencies: key, title, share, and the column of a run.
type Latency = (&'static str, &'static str, f64, fn(&Point) -> f64);

const LATENCIES: [Latency; 2] = [
    ("latency_p50", "p50 latency", 0.5, |point| point.latency_s_p50),
    ("latency_p95", "p95 latency", 0.95, |point| point.latency_s_p95),
];

/// What was measured, beside the time series of a run; the length of an interval.
pub(super) fn of(
    measured: &Measured,
    observed: &Observed,
    result: &RunResult,
    scenario: &Scenario,
    origin_s: f64,
) -> (Span, Vec<OverTime>) {
    let total = result.timeline.series.iter().find(|series| series.function.is_none());
    let Some(points) = total.map(|series| &series.points).filter(|points| !points.is_empty()) else {
        return (Span::ZERO, Vec::new());
    };
    let group = points.len().div_ceil(INTERVALS);
    let interval = Span::from_nanos(result.timeline.interval.as_nanos().saturating_mul(group as u64));
    // Of a last interval that has hardly begun, counts say nothing.
    let begun = scenario.simulation.horizon.as_secs_f64() / interval.as_secs_f64();
    let number = (begun.round() as usize).clamp(1, points.len().div_ceil(group));
    let points = &points[..points.len().min(number * group)];
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
        found.push(OverTime { key, title, quantity: Quantity::Count, is_count, measured: seen, simulated });
    }
    let fine = Bins { origin_s, width_s: result.timeline.interval.as_secs_f64(), number: points.len() };
    for (key, title, share, column) in LATENCIES {
        // Intervals count by the requests that were completed in them.
        let averages = |values: &[f64]| -> Vec<f64> {
            let both: Vec<(f64, f64)> =
                values.iter().copied().zip(points.iter().map(|point| point.completed)).collect();
            both.chunks(group)
                .map(|chunk| {
                    let known = || chunk.iter().filter(|(value, weight)| !value.is_nan() && *weight > 0.0);
                    let weights: f64 = known().map(|(_, weight)| weight).sum();
                    known().map(|(value, weight)| value * weight).sum::<f64>() / weights
                })
                .collect()
        };
        if let Some(seen) = fine.latencies(measured, share) {
            let simulated: Vec<f64> = points.iter().map(column).collect();
            let (measured, simulated) = (averages(&seen), averages(&simulated));
            let quantity = Quantity::Seconds;
            found.push(OverTime { key, title, quantity, is_count: false, measured, simulated });
        }
    }
    if let Some(measured) = bins.charged(measured, observed)
        && let Some(simulated) = spent(observed, result, scenario, points.len())
    {
        let simulated = simulated.chunks(group).map(|chunk| chunk.iter().sum()).collect();
        let (key, quantity) = ("cost", Quantity::Usd);
        found.push(OverTime { key, title: key, quantity, is_count: true, measured, simulated });
    }
    (interval, found)
}

/// The metric of a cost that was measured.
fn cost_key(observed: &Observed) -> Option<(&'static str, f64)> {
    observed.metrics.iter().copied().find(|(key, _)| key.starts_with("cost_usd."))
}

/// What a run cost in each interval: each part of its cost spread over time as what it is paid for.
fn spent(observed: &Observed, result: &RunResult, scenario: &Scenario, intervals: usize) -> Option<Vec<f64>> {
    let (key, _) = cost_key(observed)?;
    let series = |name: Option<&str>| result.timeline.series.iter().find(|series| series.function.as_deref() == name);
    let whole = series(None)?;
    let mut spent = vec![0.0; whole.points.len()];
    let mut spread = |usd: f64, points: &[Point], weight: &dyn Fn(&Point) -> f64| {
        let sum: f64 = points.iter().map(weight).sum();
        for (spent, point) in spent.iter_mut().zip(points) {
            *spent += usd * if sum > 0.0 { weight(point) / sum } else { 1.0 / points.len() as f64 };
        }
    };
    let billing = scenario.platform.billing.as_ref();
    let is_alive = billing.is_some_and(|billing| billing.resources.instance_vcpu_second_usd > 0.0);
    let in_use = |point: &Point| {
        let idle = if is_alive { point.instances_idle + point.instances_starting } else { 0.0 };
        point.instances_busy + idle
    };
    let of = |shape: &Shape<Stat>, key: &str| shape.get(key).map_or(0.0, |stat| stat.mean);
    for (name, shape) in &result.summary.functions {
        let points = &series(Some(name)).unwrap_or(whole).points;
        spread(of(shape, "cost_usd.compute"), points, &in_use);
    }
    if key == "cost_usd.total" {
        let total = &result.summary.total;
        let constant = of(total, "cost_usd.provisioned") + of(total, "cost_usd.nodes");
        spread(constant, &whole.points, &|_| 1.0);
        let rest = of(total, key) - constant - of(total, "cost_usd.compute");
        spread(rest, &whole.points, &|point| point.arrived);
    }
    spent.truncate(intervals);
    Some(spent)
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

    /// A quantile of what completed requests of each interval took, initialization included; nothing if none has a duration.
    fn latencies(&self, measured: &Measured, share: f64) -> Option<Vec<f64>> {
        let mut bins = vec![Vec::new(); self.number];
        for request in measured.requests.iter().filter(|request| request.outcome == Outcome::Completed) {
            if let (Some(at), Some(duration)) = (request.at_s, request.duration_s) {
                let took = duration + request.init_s.unwrap_or(0.0);
                // It is completed where it ends, as in a run.
                if let Some(bin) = self.of(at + took) {
                    bins[bin].push(took);
                }
            }
        }
        if bins.iter().all(Vec::is_empty) {
            return None;
        }
        let quantile = |mut times: Vec<f64>| {
            times.sort_by(f64::total_cmp);
            let place = (share * times.len().saturating_sub(1) as f64).round() as usize;
            times.get(place).copied().unwrap_or(f64::NAN)
        };
        Some(bins.into_iter().map(quantile).collect())
    }

    /// What was charged in each interval: as it was recorded, or the billed durations of its requests.
    fn charged(&self, measured: &Measured, observed: &Observed) -> Option<Vec<f64>> {
        if let Some(points) = measured.series.get(&Metric::Cost) {
            return Some(self.counts(points));
        }
        let ((_, usd), (all, _)) =
            (cost_key(observed).filter(|(key, _)| *key == "cost_usd.compute")?, observed.billed?);
        let mut bins = vec![0.0; self.number];
        for request in &measured.requests {
            if let (Some(at), Some(gb_s)) = (request.at_s, request.billed_gb_s())
                && let Some(bin) = self.of(at)
            {
                bins[bin] += usd * gb_s / all;
            }
        }
        Some(bins)
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

    #[test]
    fn latencies_are_those_of_what_ends_in_an_interval() {
        let request = |at: f64, duration: f64, outcome| Request {
            at_s: Some(at),
            duration_s: Some(duration),
            init_s: Some(1.0),
            outcome,
            ..Request::default()
        };
        let measured = Measured {
            requests: vec![
                request(101.0, 1.0, Outcome::Completed),
                request(102.0, 2.0, Outcome::Completed),
                request(103.0, 4.0, Outcome::Completed),
                request(104.0, 0.0, Outcome::Failed),
                request(108.0, 5.0, Outcome::Completed),
            ],
            ..Measured::default()
        };
        let found = BINS.latencies(&measured, 0.5).expect("durations");
        assert!(found[0] == 3.0 && found[1] == 6.0 && found[2].is_nan(), "{found:?}");
        assert_eq!(BINS.latencies(&Measured::default(), 0.5), None);
    }

    #[test]
    fn billed_durations_are_charged_where_they_arrive() {
        let request = |at: f64, billed: f64| Request {
            at_s: Some(at),
            billed_s: Some(billed),
            memory_mb: Some(512),
            ..Request::default()
        };
        let measured = Measured { requests: vec![request(101.0, 1.0), request(125.0, 3.0)], ..Measured::default() };
        let mut observed = Observed::of(&measured, 100.0, 130.0);
        assert_eq!(observed.billed, Some((2.0, 2.0)));
        assert_eq!(BINS.charged(&measured, &observed), None, "there is no price");
        observed.metrics.push(("cost_usd.compute", 8.0));
        assert_eq!(BINS.charged(&measured, &observed), Some(vec![2.0, 0.0, 6.0]));
        // Recorded costs count before those.
        let series = [(Metric::Cost, vec![(100.0, 5.0), (115.0, 6.0)])].into();
        near(BINS.charged(&Measured { series, ..measured }, &observed), &[10.0 / 3.0, 11.0 / 3.0, 4.0]);
    }
}
