//! The metrics of measurements that a simulation has too, for a comparison.

use super::hold_s;
use super::measured::{Measured, Metric, Outcome, Request};
use crate::policy::scaling::replay::Gauge;

/// What was measured, by the keys of the summary of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Keys, as `latency_s.p99`, and values.
    pub metrics: Vec<(&'static str, f64)>,
    /// What has to be known about them.
    pub caveats: Vec<String>,
    /// Billed GB-seconds and requests, where every request has them.
    pub billed: Option<(f64, f64)>,
    /// What was charged, if it was recorded.
    pub cost_usd: Option<f64>,
}

impl Observed {
    /// The metrics of what arrived from a time on and before another.
    #[must_use]
    pub fn of(measured: &Measured, from_s: f64, to_s: f64) -> Self {
        let inside = |at: f64| (from_s..to_s).contains(&at);
        let requests: Vec<&Request> =
            measured.requests.iter().filter(|request| request.at_s.is_some_and(inside)).collect();
        let mut observed = Self { caveats: measured.assumed.clone(), ..Self::default() };
        let costs: Vec<f64> = measured.series.get(&Metric::Cost).map_or_else(Vec::new, |points| {
            points.iter().filter(|(at, _)| inside(*at)).map(|(_, value)| *value).collect()
        });
        observed.cost_usd = (!costs.is_empty()).then(|| costs.iter().sum());
        if requests.is_empty() {
            observed.of_series(measured, &inside);
            return observed;
        }
        observed.of_requests(&requests, measured);
        // Pods are never in a log of requests.
        observed.pods(measured, &inside);
        observed
    }

    fn of_requests(&mut self, requests: &[&Request], measured: &Measured) {
        let all = requests.len() as f64;
        let known = requests.iter().filter(|request| request.cold.is_some()).count();
        if known * 10 >= requests.len() * 9 {
            let cold = requests.iter().filter(|request| request.cold == Some(true)).count();
            self.metrics.push(("cold_start_ratio", cold as f64 / known as f64));
        }
        let share =
            |outcome: Outcome| requests.iter().filter(|request| request.outcome == outcome).count() as f64 / all;
        let failures = 1.0 - share(Outcome::Completed);
        let throttled = share(Outcome::Throttled);
        if throttled > 0.0 || measured.seen_by_clients {
            self.metrics.push(("rejection_ratio", throttled));
        }
        self.metrics.push(("failure_ratio", failures));
        let completed = requests.iter().filter(|request| request.outcome == Outcome::Completed);
        let mut times: Vec<f64> = completed.filter_map(|request| request.duration_s).collect();
        if !times.is_empty() {
            times.sort_by(f64::total_cmp);
            let keys: [&'static str; 5] = if measured.seen_by_clients {
                ["latency_s.mean", "latency_s.p50", "latency_s.p90", "latency_s.p95", "latency_s.p99"]
            } else {
                ["execution_s.mean", "execution_s.p50", "execution_s.p90", "execution_s.p95", "execution_s.p99"]
            };
            self.metrics.push((keys[0], times.iter().sum::<f64>() / times.len() as f64));
            for (key, share) in keys[1..].iter().zip([0.5, 0.9, 0.95, 0.99]) {
                // A quantile beyond the data would be their largest value.
                if (1.0 - share) * times.len() as f64 >= 2.0 {
                    let place = (share * (times.len() - 1) as f64).round() as usize;
                    self.metrics.push((key, times[place]));
                }
            }
        }
        let (mean, peak) = concurrency(requests);
        self.metrics.push(("concurrency.mean", mean));
        if !measured.whole_seconds {
            self.metrics.push(("concurrency.peak", peak));
        }
        let billed = || requests.iter().filter(|request| request.outcome != Outcome::Throttled);
        let sum: Option<f64> = billed().map(|request| request.billed_gb_s()).sum();
        self.billed = sum.map(|sum| (sum, billed().count() as f64));
    }

    fn of_series(&mut self, measured: &Measured, inside: &dyn Fn(f64) -> bool) {
        let points = |metric: Metric| -> Vec<f64> {
            measured.series.get(&metric).map_or_else(Vec::new, |points| {
                points.iter().filter(|(at, _)| inside(*at)).map(|(_, value)| *value).collect()
            })
        };
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let requests: f64 = points(Metric::Requests).iter().sum();
        for (metric, key) in [
            (Metric::Throttles, "rejection_ratio"),
            (Metric::Errors, "failure_ratio"),
            (Metric::ColdStarts, "cold_start_ratio"),
        ] {
            let values = points(metric);
            if !values.is_empty() && requests > 0.0 {
                self.metrics.push((key, values.iter().sum::<f64>() / requests));
            }
        }
        let mut averaged = false;
        for (metric, key) in [
            (Metric::DurationMean, "execution_s.mean"),
            (Metric::DurationP50, "execution_s.p50"),
            (Metric::DurationP90, "execution_s.p90"),
            (Metric::DurationP95, "execution_s.p95"),
            (Metric::DurationP99, "execution_s.p99"),
        ] {
            let values = points(metric);
            if !values.is_empty() {
                self.metrics.push((key, mean(&values)));
                averaged |= metric != Metric::DurationMean;
            }
        }
        if averaged {
            self.caveats.push(
                "percentiles of intervals were averaged, which does not give a percentile of all requests".to_owned(),
            );
        }
        let concurrency = points(Metric::Concurrency);
        if !concurrency.is_empty() {
            self.metrics.push(("concurrency.peak", concurrency.iter().copied().fold(0.0, f64::max)));
        }
        self.pods(measured, inside);
    }

    fn pods(&mut self, measured: &Measured, inside: &dyn Fn(f64) -> bool) {
        let ready = Metric::Gauge(Gauge::Ready);
        let points = [Metric::Instances, ready].iter().find_map(|metric| measured.series.get(metric));
        let Some(points) = points else { return };
        let there: Vec<(f64, f64)> = points.iter().copied().filter(|(at, _)| inside(*at)).collect();
        if there.is_empty() {
            return;
        }
        // Each value holds until the next, not forever.
        let hold = hold_s(points);
        let (mut sum, mut length) = (0.0, 0.0);
        for pair in there.windows(2) {
            let held = (pair[1].0 - pair[0].0).min(hold);
            sum += pair[0].1 * held;
            length += held;
        }
        let mean = if length > 0.0 { sum / length } else { there[0].1 };
        self.metrics.push(("instances.mean", mean));
        self.metrics.push(("instances.peak", there.iter().map(|(_, value)| *value).fold(0.0, f64::max)));
    }

    /// The value of a key.
    #[cfg(test)]
    fn get(&self, key: &str) -> Option<f64> {
        self.metrics.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }
}

/// Requests in progress, initialization included: their mean from the first arrival to the last, and their peak.
fn concurrency(requests: &[&Request]) -> (f64, f64) {
    let mut changes: Vec<(f64, f64)> = Vec::new();
    for request in requests.iter().filter(|request| request.outcome != Outcome::Throttled) {
        if let (Some(at), Some(duration)) = (request.at_s, request.duration_s) {
            changes.push((at, 1.0));
            changes.push((at + duration + request.init_s.unwrap_or(0.0), -1.0));
        }
    }
    // What ends at a moment makes room for what begins then.
    changes.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let (mut level, mut peak, mut area) = (0.0_f64, 0.0_f64, 0.0);
    for pair in changes.windows(2) {
        level += pair[0].1;
        peak = peak.max(level);
        area += level * (pair[1].0 - pair[0].0);
    }
    let length = match (changes.first(), changes.last()) {
        (Some(first), Some(last)) if last.0 > first.0 => last.0 - first.0,
        _ => return (0.0, peak),
    };
    (area / length, peak)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrency_is_counted_over_time() {
        let request =
            |at: f64, duration: f64| Request { at_s: Some(at), duration_s: Some(duration), ..Request::default() };
        let requests = [request(0.0, 2.0), request(1.0, 2.0), request(3.0, 1.0)];
        let (mean, peak) = concurrency(&requests.iter().collect::<Vec<_>>());
        assert_eq!((mean, peak), (5.0 / 4.0, 2.0));
    }

    #[test]
    fn quantiles_need_data_beyond_them() {
        let requests = (0..100)
            .map(|n| Request { at_s: Some(f64::from(n)), duration_s: Some(f64::from(n)), ..Request::default() })
            .collect();
        let measured = Measured { requests, ..Measured::default() };
        let observed = Observed::of(&measured, 0.0, 1e9);
        assert_eq!(observed.get("execution_s.p95"), Some(94.0));
        assert_eq!(observed.get("execution_s.p99"), None);
        assert_eq!(observed.get("cold_start_ratio"), None);
    }
}
