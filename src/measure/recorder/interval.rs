//! One interval of the time series while it is recorded.

use super::super::tally::Integrals;
use super::super::timeline::Point;
use crate::engine::{Finished, Outcome, RequestEnd};
use crate::stats::Histogram;
use crate::time::{NANOS_PER_SECOND, Span};

/// Its histogram has 2^5 buckets for each power of two.
const HISTOGRAM_BITS: u32 = 5;

/// An interval of the total, or the current one of a function.
#[derive(Debug)]
pub(in super::super) struct Interval {
    pub(in super::super) counts: Counts,
    pub(super) integrals: Integrals,
    latency: Histogram,
}

/// The counters of an interval.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Counts {
    pub(in super::super) arrived: u64,
    completed: u64,
    rejected: u64,
    timed_out: u64,
    pub(super) throttled: u64,
    pub(super) cold: u64,
}

impl Interval {
    pub(in super::super) fn new() -> Self {
        Self { counts: Counts::default(), integrals: Integrals::default(), latency: Histogram::new(HISTOGRAM_BITS) }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let Self { counts, integrals, latency } = other;
        let Counts { arrived, completed, rejected, timed_out, throttled, cold } = *counts;
        self.counts.arrived += arrived;
        self.counts.completed += completed;
        self.counts.rejected += rejected;
        self.counts.timed_out += timed_out;
        self.counts.throttled += throttled;
        self.counts.cold += cold;
        self.integrals.merge(integrals);
        if completed > 0 {
            self.latency.merge(latency);
        }
    }

    /// Begins the next one.
    pub(super) fn clear(&mut self) {
        if self.counts.completed > 0 {
            self.latency.clear();
        }
        self.counts = Counts::default();
        self.integrals = Integrals::default();
    }

    /// The finished interval, of this `length`.
    pub(in super::super) fn point(&self, length: Span) -> Point {
        let mean = |integral: u128| integral as f64 / length.as_nanos() as f64;
        let quantiles = self.latency.quantiles([0.5, 0.95, 0.99]).unwrap_or([f64::NAN; 3]);
        let [p50, p95, p99] = quantiles.map(|ns| ns / NANOS_PER_SECOND as f64);
        let Counts { arrived, completed, rejected, timed_out, throttled, cold } = self.counts;
        Point {
            arrived: arrived as f64,
            completed: completed as f64,
            rejected: rejected as f64,
            timed_out: timed_out as f64,
            throttled: throttled as f64,
            cold: cold as f64,
            instances_busy: mean(self.integrals.busy),
            instances_idle: mean(self.integrals.idle),
            instances_starting: mean(self.integrals.starting),
            concurrency: mean(self.integrals.in_progress),
            queue: mean(self.integrals.queued),
            latency_s_p50: p50,
            latency_s_p95: p95,
            latency_s_p99: p99,
        }
    }

    /// Counts how a request ended.
    #[inline(always)]
    pub(super) fn count(&mut self, request: &Finished) {
        self.count_outcome(request.outcome, request.ended.since(request.born));
    }

    /// The same of a request on a path.
    pub(in super::super) fn count_end(&mut self, request: &RequestEnd) {
        self.count_outcome(request.outcome, request.ended.since(request.born));
    }

    #[inline(always)]
    fn count_outcome(&mut self, outcome: Outcome, latency: Span) {
        match outcome {
            Outcome::Completed => {
                self.counts.completed += 1;
                self.latency.record(latency.as_nanos());
            }
            // As in the tally of the whole run.
            Outcome::Rejected | Outcome::BreakerOpen => self.counts.rejected += 1,
            Outcome::QueueTimedOut | Outcome::TimedOut | Outcome::Expired => self.counts.timed_out += 1,
            Outcome::Failed | Outcome::NoBudget | Outcome::TooLarge | Outcome::Unfinished => {}
        }
    }
}
