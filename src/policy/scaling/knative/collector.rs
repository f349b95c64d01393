//! The metric collector: the windows of one revision, filled by scrapes and by activators.

use super::REPORT_INTERVAL;
use super::decider::Observed;
use super::settings::{Metric, MetricSpec};
use super::stats::Stat;
use super::window::Window;
use crate::time::SimTime;

/// The stable and the panic window of the metrics of one revision.
///
/// Source: `pkg/autoscaler/metrics/collector.go` of knative/serving.
#[derive(Clone, Debug)]
pub struct Collector {
    concurrency: Option<Windows>,
    rps: Option<Windows>,
    scrape: bool,
}

#[derive(Clone, Debug)]
struct Windows {
    stable: Window,
    panic: Window,
}

impl Collector {
    /// Empty windows. Updates do not change the aggregation.
    #[must_use]
    pub fn new(spec: &MetricSpec) -> Self {
        let windows = || Some(Windows::new(spec));
        Self { concurrency: windows(), rps: windows(), scrape: spec.scrape }
    }

    /// The same for one metric only: the decider never reads the other.
    #[must_use]
    pub fn of_metric(spec: &MetricSpec, metric: Metric) -> Self {
        let both = Self::new(spec);
        match metric {
            Metric::Concurrency => Self { rps: None, ..both },
            Metric::Rps => Self { concurrency: None, ..both },
        }
    }

    /// Applies changed settings at wall-clock time `now`; windows of another length are resized.
    pub fn update(&mut self, now: SimTime, spec: &MetricSpec) {
        self.scrape = spec.scrape;
        for windows in [&mut self.concurrency, &mut self.rps].into_iter().flatten() {
            windows.stable.resize(now, spec.stable_window);
            windows.panic.resize(now, spec.panic_window);
        }
    }

    /// Records a report for time `at`. Requests that came through an activator are subtracted, because the activator
    /// reports them too.
    pub fn record(&mut self, at: SimTime, stat: Stat) {
        if let Some(windows) = &mut self.concurrency {
            windows.record(at, stat.concurrency - stat.proxied_concurrency);
        }
        if let Some(windows) = &mut self.rps {
            windows.record(at, stat.requests - stat.proxied_requests);
        }
    }

    /// Records zeros every second from `from` to `until`.
    pub fn record_zeros(&mut self, from: SimTime, until: SimTime) {
        for windows in [&mut self.concurrency, &mut self.rps].into_iter().flatten() {
            windows.stable.record_zeros(from, until);
            windows.panic.record_zeros(from, until);
        }
    }

    fn windows(&self, metric: Metric) -> Option<&Windows> {
        match metric {
            Metric::Concurrency => self.concurrency.as_ref(),
            Metric::Rps => self.rps.as_ref(),
        }
    }

    /// The stable window of `metric`, if it is collected.
    #[must_use]
    pub fn stable(&self, metric: Metric) -> Option<&Window> {
        self.windows(metric).map(|windows| &windows.stable)
    }

    /// Whether pods are scraped; see [`MetricSpec::scrape`].
    #[must_use]
    pub fn scrapes(&self) -> bool {
        self.scrape
    }

    /// The averages of `metric` at `now`; `None` if it is not collected, or if its stable window is empty although pods
    /// are scraped.
    #[must_use]
    pub fn observe(&self, metric: Metric, now: SimTime) -> Option<Observed> {
        let windows = self.windows(metric)?;
        if self.scrape && windows.stable.is_empty(now) {
            return None;
        }
        Some(Observed { stable: windows.stable.average(now), panic: windows.panic.average(now) })
    }
}

impl Windows {
    fn new(spec: &MetricSpec) -> Self {
        Self {
            stable: Window::new(spec.aggregation, spec.stable_window, REPORT_INTERVAL),
            panic: Window::new(spec.aggregation, spec.panic_window, REPORT_INTERVAL),
        }
    }

    fn record(&mut self, at: SimTime, value: f64) {
        self.stable.record(at, value);
        self.panic.record(at, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::scaling::knative::settings::Aggregation;
    use crate::time::Span;

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(secs)
    }

    fn spec(scrape: bool) -> MetricSpec {
        MetricSpec {
            stable_window: Span::from_secs(60),
            panic_window: Span::from_secs(6),
            aggregation: Aggregation::Linear,
            scrape,
        }
    }

    #[test]
    fn proxied_requests_count_once() {
        let mut collector = Collector::new(&spec(true));
        collector
            .record(at(100), Stat { concurrency: 5.0, proxied_concurrency: 2.0, requests: 9.0, proxied_requests: 4.0 });
        collector.record(at(100), Stat { concurrency: 2.0, requests: 4.0, ..Stat::default() });
        assert_eq!(collector.observe(Metric::Concurrency, at(100)), Some(Observed { stable: 5.0, panic: 5.0 }));
        assert_eq!(collector.observe(Metric::Rps, at(100)), Some(Observed { stable: 9.0, panic: 9.0 }));
    }

    #[test]
    fn no_data_unless_nothing_is_scraped() {
        assert_eq!(Collector::new(&spec(true)).observe(Metric::Rps, at(5)), None);
        assert_eq!(
            Collector::new(&spec(false)).observe(Metric::Rps, at(5)),
            Some(Observed { stable: 0.0, panic: 0.0 })
        );
    }
}
