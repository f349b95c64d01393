//! What is in a trace: how much, when, how long, how bursty, and who is called most.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Azure2019, RateTrace, Remark, RowTrace, Skipped, TraceError, TraceFunction};
use crate::stats::{Histogram, Moments};
use crate::time::Span;
use crate::workload::Counts;

/// Bars of the series before they are put together: two days of minutes, four months of hours.
const MAX_BARS: usize = 3_000;
/// Busiest functions that are named.
const BUSIEST: usize = 10;
/// Draws that stand for the durations of traces that have them by function.
const DRAWS: u64 = 1_000_000;

/// What is in a trace. Serialised, it is what `forewarm trace inspect --format json` shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraceStats {
    /// Functions.
    pub functions: u64,
    /// Applications; none: the trace does not know them.
    pub apps: Option<u64>,
    /// Requests.
    pub invocations: u64,
    /// From time 0 to the last request or the end of the last interval, seconds.
    pub span_s: f64,
    /// Requests per second over the span; none: it has no length.
    pub rate_mean: Option<f64>,
    /// Requests over time.
    pub series: Series,
    /// The interval with the most requests.
    pub peak: Peak,
    /// Index of dispersion of the requests in an interval, variance over mean: 1 for a Poisson process of constant rate,
    /// more where the rate changes or requests come in bursts.
    pub dispersion: Option<f64>,
    /// Coefficient of variation of the times between requests: 1 for Poisson. None where only counts are known.
    pub interarrival_cv: Option<f64>,
    /// Durations; none: the trace does not know them.
    pub duration_s: Option<Durations>,
    /// The functions with the most requests.
    pub busiest: Vec<Busy>,
    /// Share of the requests that the busiest 1 % of the functions get (at least one function).
    pub top_1_percent_share: f64,
    /// The same of the busiest 10 %.
    pub top_10_percent_share: f64,
    /// Share of the functions called once an hour or less, on average over the span.
    pub at_most_hourly_share: f64,
    /// Share of the functions called once a minute or less.
    pub at_most_minutely_share: f64,
    /// By trigger, if the trace knows triggers.
    pub triggers: Vec<Trigger>,
    /// Rows that were left out.
    pub skipped_rows: u64,
    /// Why the first of them was.
    pub skipped_first: Option<String>,
    /// What else there is to know.
    pub remarks: Vec<String>,
}

/// Requests over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    /// Length of a bar, seconds: a minute (or the trace's interval), in long traces an hour or more.
    pub bar_s: f64,
    /// Requests of each, from time 0.
    pub counts: Vec<u64>,
}

/// The fullest interval.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Peak {
    /// Length of an interval, seconds: a minute, or the trace's interval. `dispersion` is of these intervals too.
    pub interval_s: f64,
    /// Its start.
    pub at_s: f64,
    /// Its requests.
    pub invocations: u64,
}

/// Percentiles of the durations, seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Durations {
    /// Mean.
    pub mean: f64,
    /// 1st percentile.
    pub p1: f64,
    /// 25th percentile.
    pub p25: f64,
    /// Median.
    pub p50: f64,
    /// 75th percentile.
    pub p75: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Longest.
    pub max: f64,
}

/// A busy function.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Busy {
    /// Its readable name.
    pub name: String,
    /// Its requests.
    pub invocations: u64,
    /// Their share of all.
    pub share: f64,
}

/// Functions with the same trigger.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trigger {
    /// As in the trace.
    pub trigger: String,
    /// How many.
    pub functions: u64,
    /// Their requests.
    pub invocations: u64,
}

impl TraceStats {
    /// Of a trace with a row for each request, which is read once more.
    ///
    /// # Errors
    /// If it cannot be read any more.
    pub fn of_rows(trace: &RowTrace) -> Result<Self, TraceError> {
        let mut minutes = Tally::new(Span::from_secs(60));
        let (mut gaps, mut lengths, mut mean) = (Moments::default(), Histogram::new(9), Moments::default());
        let mut before = None;
        let mut reader = trace.read()?;
        for arrival in reader.by_ref() {
            minutes.add(arrival.at.as_nanos() / minutes.interval.as_nanos(), 1);
            if let Some(before) = before.replace(arrival.at) {
                gaps.record(arrival.at.since(before).as_nanos());
            }
            if let Some(duration) = arrival.duration {
                lengths.record(duration.as_nanos());
                mean.record(duration.as_nanos());
            }
        }
        if let Some(error) = reader.error() {
            return Err(error.clone());
        }
        let apps = (trace.apps < trace.functions.len() as u64).then_some(trace.apps);
        let stats =
            describe(trace.functions.iter(), apps, trace.last.as_secs_f64(), minutes, (&trace.skipped, &trace.remarks));
        let cv = gaps.mean_s().filter(|mean| *mean > 0.0).and_then(|mean| Some(gaps.sd_s()? / mean));
        Ok(Self { interarrival_cv: cv, duration_s: durations(&lengths, &mean), ..stats })
    }

    /// Of a trace with counts by function and minute.
    #[must_use]
    pub fn of_counts(trace: &Azure2019) -> Self {
        let mut sums = vec![0_u64; trace.minutes as usize];
        for (_, counts) in &trace.functions {
            sums.iter_mut().zip(counts.iter()).for_each(|(sum, count)| *sum += count as u64);
        }
        let mut minutes = Tally::new(Span::from_secs(60));
        sums.iter().zip(0..).for_each(|(&sum, place)| minutes.add(place, sum));
        let functions = || trace.functions.iter().map(|(function, _)| function);
        let stats = describe(
            functions(),
            Some(trace.apps),
            trace.minutes as f64 * 60.0,
            minutes,
            (&trace.skipped, &trace.remarks),
        );
        Self { duration_s: drawn_durations(functions), ..stats }
    }

    /// Of a rate trace, which knows no functions.
    #[must_use]
    pub fn of_rate(trace: &RateTrace) -> Self {
        let Counts { interval, .. } = trace.counts;
        let mut tally = Tally::new(interval);
        trace.counts.iter().zip(0..).for_each(|(count, place)| tally.add(place, count.round() as u64));
        let span_s = trace.counts.intervals() as f64 * interval.as_secs_f64();
        describe(std::iter::empty(), None, span_s, tally, (&trace.skipped, &trace.remarks))
    }
}

fn describe<'a>(
    functions: impl Iterator<Item = &'a TraceFunction>,
    apps: Option<u64>,
    span_s: f64,
    mut minutes: Tally,
    (skipped, remarks): (&Skipped, &[Remark]),
) -> TraceStats {
    minutes.close();
    let invocations = minutes.sum as u64;
    let share = |part: u64| if invocations == 0 { 0.0 } else { part as f64 / invocations as f64 };
    let mut order: Vec<&TraceFunction> = functions.collect();
    order.sort_by_key(|function| std::cmp::Reverse(function.invocations));
    let top = |percent: usize| {
        let many = (order.len() * percent).div_ceil(100);
        share(order.iter().take(many).map(|function| function.invocations).sum())
    };
    let rarely = |per: f64| {
        let rare = order.iter().filter(|function| function.invocations as f64 * per <= span_s).count();
        rare as f64 / order.len().max(1) as f64
    };
    let mut triggers: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for function in order.iter().filter(|function| !function.trigger.is_empty()) {
        let (functions, invocations) = triggers.entry(&function.trigger).or_default();
        (*functions, *invocations) = (*functions + 1, *invocations + function.invocations);
    }
    let interval_s = minutes.interval.as_secs_f64();
    TraceStats {
        functions: order.len() as u64,
        apps,
        invocations,
        span_s,
        rate_mean: (span_s > 0.0).then(|| invocations as f64 / span_s),
        dispersion: minutes.dispersion(),
        peak: Peak { interval_s, at_s: minutes.peak.0 as f64 * interval_s, invocations: minutes.peak.1 },
        series: Series { bar_s: interval_s * minutes.per_bar as f64, counts: minutes.bars },
        interarrival_cv: None,
        duration_s: None,
        busiest: (order.iter().take(BUSIEST))
            .map(|f| Busy { name: f.name.clone(), invocations: f.invocations, share: share(f.invocations) })
            .collect(),
        top_1_percent_share: top(1),
        top_10_percent_share: top(10),
        at_most_hourly_share: rarely(3600.0),
        at_most_minutely_share: rarely(60.0),
        triggers: (triggers.into_iter())
            .map(|(trigger, (functions, invocations))| Trigger { trigger: trigger.to_owned(), functions, invocations })
            .collect(),
        skipped_rows: skipped.rows,
        skipped_first: skipped.first.as_ref().map(ToString::to_string),
        // Rows that are left out are counted above.
        remarks: remarks.iter().map(ToString::to_string).collect(),
    }
}

/// Requests in intervals of equal length, in the order of time.
struct Tally {
    interval: Span,
    /// The interval that is being counted.
    open: (u64, u64),
    sum: u128,
    sum_of_squares: u128,
    peak: (u64, u64),
    bars: Vec<u64>,
    per_bar: u64,
}

impl Tally {
    fn new(interval: Span) -> Self {
        Self { interval, open: (0, 0), sum: 0, sum_of_squares: 0, peak: (0, 0), bars: Vec::new(), per_bar: 1 }
    }

    /// Counts requests of an interval; intervals never fall.
    fn add(&mut self, place: u64, count: u64) {
        if place != self.open.0 {
            self.close();
            self.open = (place, 0);
        }
        self.open.1 += count;
    }

    /// Ends the open interval.
    fn close(&mut self) {
        let (place, count) = self.open;
        self.open.1 = 0;
        self.sum += u128::from(count);
        self.sum_of_squares += u128::from(count).pow(2);
        if count > self.peak.1 {
            self.peak = (place, count);
        }
        while place / self.per_bar >= MAX_BARS as u64 {
            // Minutes to hours to days to weeks.
            let factor = match self.per_bar {
                1 => 60,
                60 => 24,
                _ => 7,
            };
            self.per_bar *= factor;
            self.bars = self.bars.chunks(factor as usize).map(|bars| bars.iter().sum()).collect();
        }
        let bar = (place / self.per_bar) as usize;
        if self.bars.len() <= bar {
            self.bars.resize(bar + 1, 0);
        }
        self.bars[bar] += count;
    }

    /// Variance over mean of the intervals from the first to the last; intervals without requests count too.
    fn dispersion(&self) -> Option<f64> {
        let intervals = (self.open.0 + 1) as f64;
        let mean = self.sum as f64 / intervals;
        let variance = (self.sum_of_squares as f64 - self.sum as f64 * mean) / (intervals - 1.0);
        (intervals > 1.0 && mean > 0.0).then(|| variance.max(0.0) / mean)
    }
}

/// Durations of functions of which only distributions are known: as many quantiles of each as it has requests, a million
/// in all at most.
fn drawn_durations<'a, I: Iterator<Item = &'a TraceFunction>>(functions: impl Fn() -> I) -> Option<Durations> {
    let known = || functions().filter_map(|f| Some((f.duration.as_ref()?, f.invocations)));
    let total: u64 = known().map(|(_, invocations)| invocations).sum();
    let scale = (DRAWS as f64 / total as f64).min(1.0);
    let (mut lengths, mut mean, mut owed) = (Histogram::new(9), Moments::default(), 0.0);
    for (dist, invocations) in known() {
        owed += invocations as f64 * scale;
        let draws = owed as u64;
        owed -= draws as f64;
        for draw in 0..draws {
            let value = dist.quantile((draw as f64 + 0.5) / draws as f64).as_nanos();
            lengths.record(value);
            mean.record(value);
        }
    }
    durations(&lengths, &mean)
}

fn durations(lengths: &Histogram, mean: &Moments) -> Option<Durations> {
    let at = |p: f64| lengths.quantile(p).map(|nanos| nanos / 1e9);
    Some(Durations {
        mean: mean.mean_s()?,
        p1: at(0.01)?,
        p25: at(0.25)?,
        p50: at(0.5)?,
        p75: at(0.75)?,
        p95: at(0.95)?,
        p99: at(0.99)?,
        max: at(1.0)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_counts_the_empty_intervals_too() {
        let mut tally = Tally::new(Span::from_secs(60));
        for (place, count) in [(0, 2), (0, 1), (3, 5)] {
            tally.add(place, count);
        }
        tally.close();
        assert_eq!((tally.bars.as_slice(), tally.peak), ([3, 0, 0, 5].as_slice(), (3, 5)));
        // 3, 0, 0, 5: mean 2, variance (1 + 4 + 4 + 9) / 3.
        assert_eq!(tally.dispersion(), Some(3.0));
    }

    #[test]
    fn long_series_become_hours_and_days() {
        let mut tally = Tally::new(Span::from_secs(60));
        (0..3_001).for_each(|minute| tally.add(minute, 1));
        tally.close();
        assert_eq!((tally.per_bar, tally.bars.len(), tally.bars[0], tally.bars[50]), (60, 51, 60, 1));
        tally.add(3_000 * 60, 1);
        tally.close();
        assert_eq!((tally.per_bar, tally.bars[0], tally.bars[2], tally.bars.len()), (1440, 1440, 121, 126));
    }
}
