//! What faults do in one run: what was lost while they were on, and how long it took to recover.
//!
//! A run has no undisturbed twin ([`chaos`](super::chaos) has one). What is usual is what was measured before the fault first
//! began. Requests count in the interval of the time series in which they arrived, so that a backlog counts against the time in
//! which it holds requests up.

use serde::{Deserialize, Serialize};

use super::chaos::{ANSWERED, IN_A_ROW, SLOWER};
use super::recorder::Total;
use super::replication::RunMeasures;
use super::summary::Stat;
use super::window::Window;
use crate::engine::{Finished, Observer, RequestEnd};
use crate::scenario::{Scenario, Timing};
use crate::stats::Histogram;
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// Histograms have 2^5 bins for each power of two.
const BITS: u32 = 5;

/// Watches the faults of a scenario while it runs.
#[derive(Debug)]
pub struct Faults {
    window: Window,
    watches: Vec<Watch>,
    intervals: Vec<Interval>,
}

/// One fault.
#[derive(Debug, Default)]
struct Watch {
    /// Since when it is on, and how many messages had been given up by then.
    on: Option<(SimTime, u64)>,
    first: Option<SimTime>,
    last_end: Option<SimTime>,
    measures: FaultMeasures,
    /// By the first interval that begins after it: how often it was over, and when, ns, summed up.
    ends: Vec<(u64, u128)>,
}

/// Requests by their arrival.
#[derive(Debug)]
struct Interval {
    arrived: u64,
    succeeded: u64,
    latency: Histogram,
}

/// What one replication shows of a fault.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct FaultMeasures {
    times: u64,
    active_ns: u128,
    lost: u64,
    lost_messages: u64,
    lost_work_ns: u128,
    recovered: u64,
    recovery_s: f64,
}

impl Faults {
    /// None where there are none.
    #[must_use]
    pub fn new(scenario: &Scenario, window: &Window) -> Option<Self> {
        let count = window.intervals();
        let interval = |_| Interval { arrived: 0, succeeded: 0, latency: Histogram::new(BITS) };
        let watch = |_| Watch { ends: vec![(0, 0); count + 1], ..Watch::default() };
        (!scenario.faults.is_empty()).then(|| Self {
            window: window.clone(),
            watches: scenario.faults.iter().map(watch).collect(),
            intervals: (0..count).map(interval).collect(),
        })
    }

    /// What was seen.
    pub fn finish(mut self, total: &mut Total) {
        for watch in &mut self.watches {
            let is_good = usual(&self.intervals, &self.window, watch.first);
            let length = u128::from(self.window.interval.as_nanos());
            for (first, (times, ended)) in watch.ends.iter().enumerate().filter(|(_, (times, _))| *times > 0) {
                let Some(intervals) = good_row(is_good.get(first..).unwrap_or_default()) else { continue };
                watch.measures.recovered += times;
                if intervals > 0 {
                    let begins = (first + intervals) as u128 * length;
                    let waited = begins * u128::from(*times) - ended;
                    watch.measures.recovery_s += waited as f64 / NANOS_PER_SECOND as f64;
                }
            }
        }
        total.faults = self.watches.into_iter().map(|watch| watch.measures).collect();
    }
}

/// Which intervals are as usual before `first`: as large a share of their requests succeeds, and the median of latency is not
/// much higher. An interval without requests is as usual.
fn usual(intervals: &[Interval], window: &Window, first: Option<SimTime>) -> Vec<bool> {
    let length = window.interval.as_nanos();
    let from = window.from.as_nanos().div_ceil(length) as usize;
    let until = first.map_or(0, |first| first.as_nanos() / length) as usize;
    let (mut arrived, mut succeeded, mut latency) = (0, 0, Histogram::new(BITS));
    for interval in intervals.get(from..until).unwrap_or_default() {
        arrived += interval.arrived;
        succeeded += interval.succeeded;
        latency.merge(&interval.latency);
    }
    let share = if arrived > 0 { succeeded as f64 / arrived as f64 } else { 1.0 };
    let median = latency.quantile(0.5).unwrap_or(f64::INFINITY);
    let is_good = |interval: &Interval| {
        let is_answered = interval.succeeded as f64 >= ANSWERED * share * interval.arrived as f64;
        is_answered && interval.latency.quantile(0.5).is_none_or(|now| now <= SLOWER * median)
    };
    intervals.iter().map(is_good).collect()
}

/// How many intervals pass until several in a row are good.
pub(super) fn good_row(is_good: &[bool]) -> Option<usize> {
    let row = IN_A_ROW.min(is_good.len()).max(1);
    is_good.windows(row).position(|row| row.iter().all(|good| *good))
}

impl Observer for Faults {
    fn fault(&mut self, now: SimTime, fault: u32, is_on: bool, given_up: u64) {
        let window = &self.window;
        let Some(watch) = self.watches.get_mut(fault as usize) else { return };
        if is_on {
            watch.on = Some((now, given_up));
            watch.first.get_or_insert(now);
            watch.measures.times += 1;
        } else if let Some((since, before)) = watch.on.take() {
            watch.last_end = Some(now);
            watch.measures.active_ns += u128::from(now.min(window.until).since(since).as_nanos());
            watch.measures.lost_messages += given_up - before;
            let next = now.as_nanos().div_ceil(window.interval.as_nanos()) as usize;
            if let Some((times, ended)) = watch.ends.get_mut(next).filter(|_| now < window.until) {
                *times += 1;
                *ended += u128::from(now.as_nanos());
            }
        }
    }

    fn request_ended(&mut self, end: &RequestEnd) {
        let is_success = end.outcome.is_success();
        let place = (end.born.as_nanos() / self.window.interval.as_nanos()) as usize;
        if let Some(interval) = self.intervals.get_mut(place) {
            interval.arrived += 1;
            if is_success {
                interval.succeeded += 1;
                interval.latency.record(end.ended.since(end.born).as_nanos());
            }
        }
        if is_success || end.born < self.window.from {
            return;
        }
        for watch in &mut self.watches {
            // It was under way at some moment of the fault: it ends while that is on, or arrived before it was over.
            watch.measures.lost += u64::from(watch.on.is_some() || watch.last_end.is_some_and(|over| over > end.born));
        }
    }

    fn finished(&mut self, invocation: &Finished) {
        if invocation.outcome.is_success() || invocation.born < self.window.from {
            return;
        }
        let work = u128::from(invocation.ended.since(invocation.started).as_nanos());
        for watch in self.watches.iter_mut().filter(|watch| watch.on.is_some()) {
            watch.measures.lost_work_ns += work;
        }
    }
}

/// A fault and what it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultResult {
    /// What goes wrong, such as "outage".
    pub kind: String,
    /// Where, as the scenario says: "checkout", "zone.eu.1".
    pub target: String,
    /// When it begins, s; none: at random.
    pub at_s: Option<f64>,
    /// How long it lasts, s; none: at random.
    pub lasts_s: Option<f64>,
    /// How many times it begins.
    pub times: Stat,
    /// How long it is on until the horizon, s.
    pub active_s: Stat,
    /// Requests of the sources without a successful response that were under way at some moment while it was on.
    pub lost: Stat,
    /// Messages and records that are dead-lettered, expire, are skipped or dropped while it is on.
    pub lost_messages: Stat,
    /// Time that instances spent on invocations that fail while it is on, s.
    pub lost_work_s: Stat,
    /// How many times requests were as before it by the end of the run.
    pub recovered: Stat,
    /// How long after its end that was, s, where it was.
    pub recovered_after_s: Stat,
}

/// All faults of a scenario and what replications show.
pub(super) fn results(scenario: &Scenario, replications: &[RunMeasures]) -> Vec<(String, FaultResult)> {
    let seconds = |ns: u128| ns as f64 / NANOS_PER_SECOND as f64;
    let result = |(place, fault): (usize, &crate::scenario::Fault)| {
        let stat = |of: &dyn Fn(&FaultMeasures) -> f64| {
            let values = replications.iter().filter_map(|one| one.faults.get(place)).map(of);
            Stat::of(&values.collect::<Vec<_>>())
        };
        let (at, lasts) = match &fault.timing {
            Timing::Once { at, lasts } => (Some(*at), Some(*lasts)),
            Timing::AtRandom { .. } => (None, None),
        };
        let result = FaultResult {
            kind: fault.kind.name().to_owned(),
            target: fault.target.clone(),
            at_s: at.map(Span::as_secs_f64),
            lasts_s: lasts.map(Span::as_secs_f64),
            times: stat(&|one| one.times as f64),
            active_s: stat(&|one| seconds(one.active_ns)),
            lost: stat(&|one| one.lost as f64),
            lost_messages: stat(&|one| one.lost_messages as f64),
            lost_work_s: stat(&|one| seconds(one.lost_work_ns)),
            recovered: stat(&|one| one.recovered as f64),
            recovered_after_s: stat(&|one| one.recovery_s / one.recovered as f64),
        };
        (fault.name.clone(), result)
    };
    scenario.faults.iter().enumerate().map(result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_is_what_was_before_the_fault() {
        let interval = |arrived, succeeded, secs: u64| {
            let mut latency = Histogram::new(BITS);
            (0..succeeded).for_each(|_| latency.record(Span::from_secs(secs).as_nanos()));
            Interval { arrived, succeeded, latency }
        };
        let window = Window {
            from: SimTime::ZERO,
            until: SimTime::from(Span::from_secs(60)),
            interval: Span::from_secs(10),
            series_by_function: true,
        };
        let at = |secs| Some(SimTime::from(Span::from_secs(secs)));
        // Before 20 s, all 10 requests succeed in 1 s: 95 % of them are enough, 90 % are not, nor are more than 2 s.
        let intervals =
            [(5, 5, 1), (5, 5, 1), (20, 19, 1), (20, 18, 1), (20, 20, 3), (0, 0, 0)].map(|(a, s, l)| interval(a, s, l));
        assert_eq!(usual(&intervals, &window, at(20)), [true, true, true, false, false, true]);
        // Of half, half is usual.
        let intervals = [(10, 5, 1), (20, 10, 1), (20, 9, 1)].map(|(a, s, l)| interval(a, s, l));
        assert_eq!(usual(&intervals, &window, at(10)), [true, true, false]);
        // Without anything before, all must succeed, however long it takes.
        assert_eq!(usual(&intervals, &window, at(0)), [false; 3]);
        assert_eq!(usual(&[interval(10, 10, 99)], &window, None), [true]);
    }

    #[test]
    fn several_good_intervals_in_a_row_are_needed() {
        let row = |text: &str| good_row(&text.bytes().map(|byte| byte == b'+').collect::<Vec<_>>());
        assert_eq!(row("+++--"), Some(0));
        assert_eq!(row("-+-+++"), Some(3));
        assert_eq!(row("++-++-"), None);
        assert_eq!(row("++"), Some(0), "near the end fewer are there");
        assert_eq!(row("+"), Some(0));
        assert_eq!(row("-"), None);
        assert_eq!(row(""), None, "nothing is known after the horizon");
    }
}
