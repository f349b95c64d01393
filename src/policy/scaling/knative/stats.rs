//! What queue-proxies and activators report about the requests that pass through them.

use crate::time::SimTime;

/// The report of one reporter for one period, and the unit in which scrapes add up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stat {
    /// Average number of requests in progress, including queued ones.
    pub concurrency: f64,
    /// Of these, requests that came through an activator, which reports them as well.
    pub proxied_concurrency: f64,
    /// Requests that arrived in the period, per second.
    pub requests: f64,
    /// Of these, requests that came through an activator.
    pub proxied_requests: f64,
}

/// The running averages of one queue-proxy or activator.
///
/// Source: `RequestStats` of knative.dev/networking. A request counts from its *arrival*, before it queues.
#[derive(Clone, Debug)]
pub struct RequestStats {
    concurrency: f64,
    proxied_concurrency: f64,
    last_change: SimTime,
    period: Stat,
    secs_in_use: f64,
}

impl RequestStats {
    /// No request yet, at `now`.
    #[must_use]
    pub fn new(now: SimTime) -> Self {
        Self { concurrency: 0.0, proxied_concurrency: 0.0, last_change: now, period: Stat::default(), secs_in_use: 0.0 }
    }

    /// A request arrives; `proxied` if it came through an activator.
    pub fn request_in(&mut self, now: SimTime, proxied: bool) {
        self.advance(now);
        self.concurrency += 1.0;
        self.period.requests += 1.0;
        if proxied {
            self.proxied_concurrency += 1.0;
            self.period.proxied_requests += 1.0;
        }
    }

    /// A request ends.
    pub fn request_out(&mut self, now: SimTime, proxied: bool) {
        self.advance(now);
        self.concurrency -= 1.0;
        if proxied {
            self.proxied_concurrency -= 1.0;
        }
    }

    /// The averages since the last report (0 if no time has passed); begins a new period.
    pub fn report(&mut self, now: SimTime) -> Stat {
        self.advance(now);
        let mut report = std::mem::take(&mut self.period);
        if self.secs_in_use > 0.0 {
            report.concurrency /= self.secs_in_use;
            report.proxied_concurrency /= self.secs_in_use;
        }
        self.secs_in_use = 0.0;
        report
    }

    fn advance(&mut self, now: SimTime) {
        let secs = now.since(self.last_change).as_secs_f64();
        if secs > 0.0 {
            self.period.concurrency += self.concurrency * secs;
            self.period.proxied_concurrency += self.proxied_concurrency * secs;
            self.secs_in_use += secs;
            self.last_change = now;
        }
    }
}

/// The reports of one activator about one revision. It forgets a revision that becomes idle, and reports the first
/// request of an unknown one at once: that is the signal to scale from zero.
///
/// Source: `pkg/activator/handler/concurrency_reporter.go` of knative/serving.
#[derive(Clone, Debug, Default)]
pub struct ActivatorReporter {
    state: Option<ReporterState>,
}

#[derive(Clone, Debug)]
struct ReporterState {
    stats: RequestStats,
    open: u64,
    /// 1 until the request that was reported at once has been subtracted from a report.
    called_out: f64,
}

impl ActivatorReporter {
    /// A request arrives; returns a report to be sent to the autoscaler at once, if any.
    pub fn request_in(&mut self, now: SimTime) -> Option<Stat> {
        let unknown = self.state.is_none();
        let state =
            self.state.get_or_insert_with(|| ReporterState { stats: RequestStats::new(now), open: 0, called_out: 1.0 });
        state.open += 1;
        state.stats.request_in(now, false);
        unknown.then_some(Stat { concurrency: 1.0, requests: 1.0, ..Stat::default() })
    }

    /// A request ends, served or not.
    pub fn request_out(&mut self, now: SimTime) {
        if let Some(state) = &mut self.state {
            state.open = state.open.saturating_sub(1);
            state.stats.request_out(now, false);
        }
    }

    /// The report of a second; `None` if the revision is unknown.
    pub fn report(&mut self, now: SimTime) -> Option<Stat> {
        let state = self.state.as_mut()?;
        let report = state.stats.report(now);
        let called_out = std::mem::take(&mut state.called_out);
        if report.concurrency == 0.0 && state.open == 0 {
            self.state = None;
        }
        Some(Stat {
            concurrency: (report.concurrency - called_out).max(0.0),
            requests: report.requests - called_out,
            ..Stat::default()
        })
    }

    /// Whether the revision is known.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    fn at(millis: u64) -> SimTime {
        SimTime::ZERO + Span::from_millis(millis)
    }

    #[test]
    fn averages_are_weighted_by_time() {
        let mut stats = RequestStats::new(at(0));
        assert_eq!(stats.report(at(0)), Stat::default());
        stats.request_in(at(500), true);
        stats.request_in(at(750), false);
        // 0.5 s with one request, 0.25 s of it with two.
        let expected = Stat { concurrency: 0.75, proxied_concurrency: 0.5, requests: 2.0, proxied_requests: 1.0 };
        assert_eq!(stats.report(at(1_000)), expected);
        stats.request_out(at(1_500), true);
        let expected = Stat { concurrency: 1.5, proxied_concurrency: 0.5, ..Stat::default() };
        assert_eq!(stats.report(at(2_000)), expected);
    }

    #[test]
    fn the_past_adds_nothing() {
        let mut stats = RequestStats::new(at(1_000));
        stats.request_in(at(500), false);
        assert_eq!(stats.report(at(2_000)).concurrency, 1.0);
    }

    #[test]
    fn the_first_request_is_called_out_and_taken_off_later() {
        let mut reporter = ActivatorReporter::default();
        assert_eq!(reporter.report(at(0)), None);
        let call = Stat { concurrency: 1.0, requests: 1.0, ..Stat::default() };
        assert_eq!(reporter.request_in(at(0)), Some(call));
        assert_eq!(reporter.request_in(at(0)), None);
        // Two requests for the whole second, one of which was reported at once.
        assert_eq!(reporter.report(at(1_000)), Some(call));
        reporter.request_out(at(1_000));
        reporter.request_out(at(1_000));
        assert!(reporter.is_live());
        assert_eq!(reporter.report(at(2_000)), Some(Stat::default()));
        assert!(!reporter.is_live());
    }

    #[test]
    fn a_short_first_request_reports_no_negative_concurrency() {
        let mut reporter = ActivatorReporter::default();
        assert!(reporter.request_in(at(0)).is_some());
        reporter.request_out(at(100));
        assert_eq!(reporter.report(at(1_000)), Some(Stat::default()));
        assert!(reporter.is_live(), "it saw activity in this period");
    }

    #[test]
    fn an_open_request_keeps_a_revision_known() {
        let mut reporter = ActivatorReporter::default();
        assert!(reporter.request_in(at(1_000)).is_some());
        assert_eq!(reporter.report(at(1_000)), Some(Stat::default()), "no time has passed since it came");
        assert!(reporter.is_live());
    }
}
