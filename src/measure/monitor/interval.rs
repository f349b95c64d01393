//! What happened to a subject in one period.

use super::nodes::NodeUse;
use crate::metric::signal::{Event, Signal, Statistic};
use crate::path::Gauges;
use crate::stats::{Histogram, Moments};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// Histograms have 2^8 bins for each power of two: quantiles are exact to 0.4 %.
const BITS: u32 = 8;

/// A number that goes up and down, and its highest in a period. What lasts for no time at all does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Level {
    now: u64,
    since: SimTime,
    peak: u64,
}

impl Level {
    /// It goes up or down.
    pub(super) fn add(&mut self, more: i64, now: SimTime) {
        self.hold(now);
        self.now = self.now.saturating_add_signed(more);
        self.since = now;
    }

    fn hold(&mut self, now: SimTime) {
        if now > self.since {
            self.peak = self.peak.max(self.now);
        }
    }

    /// The highest of the period that ends now; another one begins.
    fn close(&mut self, end: SimTime) -> u64 {
        self.hold(end);
        // What ends right now was of this period alone.
        self.since = self.since.max(end);
        std::mem::take(&mut self.peak)
    }
}

/// Times of one kind in a period.
#[derive(Clone, Debug)]
pub(super) struct Times {
    histogram: Histogram,
    moments: Moments,
}

impl Times {
    fn new() -> Self {
        Self { histogram: Histogram::new(BITS), moments: Moments::default() }
    }

    pub(super) fn record(&mut self, time: Span) {
        self.histogram.record(time.as_nanos());
        self.moments.record(time.as_nanos());
    }

    fn get(&self, statistic: Statistic) -> Option<f64> {
        match statistic {
            Statistic::Mean => self.moments.mean_s(),
            Statistic::Quantile(share) => self.histogram.quantiles([share]).map(|[ns]| ns / NANOS_PER_SECOND as f64),
        }
    }

    fn clear(&mut self) {
        if self.histogram.count() > 0 {
            self.histogram.clear();
            self.moments = Moments::default();
        }
    }
}

/// A period of a subject: what happened in it, and what was at its end.
#[derive(Clone, Debug)]
pub struct Interval {
    pub(super) events: [u64; Event::NUMBER],
    pub(super) latency: Times,
    pub(super) execution: Times,
    pub(super) concurrency: Level,
    pub(super) instances: Level,
    pub(super) queue: Level,
    peaks: [u64; 3],
    pub(super) gauges: Gauges,
    /// What everything has cost so far; none where that is not known.
    pub(super) cost_usd: Option<f64>,
    pub(super) nodes: NodeUse,
    end: SimTime,
}

impl Interval {
    /// One that begins at `from`.
    pub(super) fn new(from: SimTime) -> Self {
        Self {
            events: [0; Event::NUMBER],
            latency: Times::new(),
            execution: Times::new(),
            concurrency: Level::default(),
            instances: Level::default(),
            queue: Level::default(),
            peaks: [0; 3],
            gauges: Gauges::default(),
            cost_usd: None,
            nodes: NodeUse::from(from),
            end: SimTime::ZERO,
        }
    }

    pub(super) fn count(&mut self, event: Event, number: u64) {
        self.events[event as usize] += number;
    }

    /// The period is over.
    pub(super) fn close(&mut self, end: SimTime) {
        self.end = end;
        self.peaks = [&mut self.concurrency, &mut self.instances, &mut self.queue].map(|level| level.close(end));
    }

    /// Another one begins.
    pub(super) fn clear(&mut self) {
        self.events = [0; Event::NUMBER];
        self.nodes = NodeUse::from(self.end);
        self.latency.clear();
        self.execution.clear();
    }

    /// The value of a signal; none where there was nothing to measure.
    #[must_use]
    pub fn value(&self, signal: Signal) -> Option<f64> {
        let sum = |events: &[Event]| events.iter().map(|event| self.events[*event as usize]).sum::<u64>();
        match signal {
            Signal::Count(event) => Some(self.events[event as usize] as f64),
            Signal::Sum(events) => Some(sum(events) as f64),
            Signal::Ratio(events, of) => {
                let of = sum(of);
                (of > 0).then(|| sum(events) as f64 / of as f64)
            }
            Signal::Latency(statistic) => self.latency.get(statistic),
            Signal::Execution(statistic) => self.execution.get(statistic),
            Signal::Concurrency => Some(self.peaks[0] as f64),
            Signal::Instances => Some(self.peaks[1] as f64),
            Signal::Queue => Some(self.peaks[2] as f64),
            Signal::Depth => Some(self.gauges.waiting as f64),
            Signal::InFlight => Some(self.gauges.in_flight as f64),
            Signal::Cost => self.cost_usd,
            Signal::Nodes => Some(self.nodes.nodes_peak as f64),
            Signal::PendingPods => Some(self.nodes.pending_peak as f64),
            Signal::CpuUtilization => self.nodes.cpu.share(),
            Signal::MemoryUtilization => self.nodes.memory.share(),
            // A queue without messages has an oldest one of no age, as the clouds report it.
            Signal::OldestAge => Some(self.gauges.oldest.map_or(0.0, |sent| self.end.since(sent).as_secs_f64())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> SimTime {
        SimTime::from(Span::from_secs(secs))
    }

    #[test]
    fn a_peak_is_what_lasted() {
        let mut level = Level::default();
        level.add(3, at(1));
        level.add(5, at(2));
        // For no time at all.
        level.add(100, at(4));
        level.add(-100, at(4));
        level.add(-6, at(5));
        assert_eq!(level.close(at(60)), 8);
        // What is still there is the least that the next one has.
        assert_eq!(level.close(at(120)), 2);
        // What begins at the very end belongs to the next.
        level.add(7, at(180));
        assert_eq!(level.close(at(180)), 2);
        assert_eq!(level.close(at(240)), 9);
    }

    #[test]
    fn ratios_and_times_of_nothing_are_missing() {
        let mut interval = Interval::new(SimTime::ZERO);
        let ratio = Signal::Ratio(&[Event::Failed], &[Event::Failed, Event::Succeeded]);
        assert_eq!(interval.value(ratio), None);
        assert_eq!(interval.value(Signal::Latency(Statistic::Mean)), None);
        assert_eq!(interval.value(Signal::Count(Event::Failed)), Some(0.0));
        interval.count(Event::Failed, 1);
        interval.count(Event::Succeeded, 3);
        interval.latency.record(Span::from_secs(2));
        assert_eq!(interval.value(ratio), Some(0.25));
        assert_eq!(interval.value(Signal::Latency(Statistic::Quantile(1.0))), Some(2.0));
        interval.clear();
        assert_eq!(interval.value(ratio), None);
    }
}
