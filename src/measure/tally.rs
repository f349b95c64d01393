//! Counters of one or many functions: integers only, so that adding in any order gives the same result.

use super::cost::Usage;
use super::summary::{Cost, Instances, Invocations, Level, Requests, Shape, Times};
use crate::engine::{Finished, Levels, Limit, Outcome, RequestEnd};
use crate::metric;
use crate::prefetch::prefetch;
use crate::scenario::Scenario;
use crate::stats::{Histogram, Moments};
use crate::time::{NANOS_PER_SECOND, Span};

/// Up to this many functions have fine histograms (2^10 buckets for each power of two), more have coarse ones (2^7).
const FINE_MAX: usize = 256;

/// Integrals of levels over time: level times nanoseconds. Fields that every event needs come last, because in the recorder of a
/// function more of these follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Integrals {
    pub(super) starting: u128,
    pub(super) queued: u128,
    pub(super) busy: u128,
    pub(super) idle: u128,
    pub(super) in_progress: u128,
}

impl Integrals {
    /// These levels held for this long.
    #[inline]
    pub(super) fn add(&mut self, levels: &Levels, held: Span) {
        let Levels { starting, busy, idle, in_progress, queued } = *levels;
        let ns = u128::from(held.as_nanos());
        self.busy += u128::from(busy) * ns;
        self.idle += u128::from(idle) * ns;
        self.in_progress += u128::from(in_progress) * ns;
        // Usually zero.
        if starting | queued != 0 {
            self.starting += u128::from(starting) * ns;
            self.queued += u128::from(queued) * ns;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let Self { starting, busy, idle, in_progress, queued } = other;
        self.starting += starting;
        self.busy += busy;
        self.idle += idle;
        self.in_progress += in_progress;
        self.queued += queued;
    }

    /// Takes away a part of it.
    pub(super) fn subtract(&mut self, part: &Self) {
        let Self { starting, busy, idle, in_progress, queued } = part;
        self.starting -= starting;
        self.busy -= busy;
        self.idle -= idle;
        self.in_progress -= in_progress;
        self.queued -= queued;
    }
}

/// The highest levels seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Peaks {
    /// All instances.
    pub instances: u64,
    /// Requests in progress.
    pub in_progress: u64,
    /// Requests waiting for capacity.
    pub queued: u64,
}

/// Times of one kind.
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Sample {
    moments: Moments,
    histogram: Histogram,
}

impl Sample {
    fn new(bits: u32) -> Self {
        Self { histogram: Histogram::new(bits), moments: Moments::default() }
    }

    #[inline]
    fn record(&mut self, time: Span) {
        self.histogram.record(time.as_nanos());
        self.moments.record(time.as_nanos());
    }

    /// Both taken together.
    fn with(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.merge(other);
        both
    }

    fn merge(&mut self, other: &Self) {
        let Self { histogram, moments } = other;
        self.histogram.merge(histogram);
        self.moments.merge(moments);
    }

    /// With `zeros` more values that are zero.
    fn times(&self, zeros: u64) -> Times<f64> {
        let mut all = Self { histogram: self.histogram.clone(), moments: self.moments };
        all.histogram.add_zeros(zeros);
        all.moments.add_zeros(zeros);
        let quantiles = all.histogram.quantiles([0.5, 0.9, 0.95, 0.99, 0.999, 1.0]).unwrap_or([f64::NAN; 6]);
        let [p50, p90, p95, p99, p999, max] = quantiles.map(|ns| ns / NANOS_PER_SECOND as f64);
        Times {
            mean: all.moments.mean_s().unwrap_or(f64::NAN),
            sd: all.moments.sd_s().unwrap_or(f64::NAN),
            p50,
            p90,
            p95,
            p99,
            p999,
            max,
        }
    }
}

/// The group of metrics that is judged over all requests.
const LATENCY: &str = "latency_s";

/// Quantiles of latency by key, over all requests that arrived, with failures as infinitely late.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LatencyOfAll(Vec<f64>);

impl LatencyOfAll {
    /// Those with these values, s, in the order of [`Self::keys`].
    pub(super) const fn of(values: Vec<f64>) -> Self {
        Self(values)
    }

    /// The keys of the quantiles.
    pub(super) fn keys() -> impl Iterator<Item = &'static str> {
        metric::quantiles(LATENCY).map(|(_, key)| key)
    }

    /// The quantiles, s, in the order of [`Self::keys`].
    pub(super) fn values(&self) -> &[f64] {
        &self.0
    }

    /// The quantile with this key, s.
    pub(super) fn get(&self, key: &str) -> Option<f64> {
        Self::keys().position(|known| known == key).and_then(|place| self.0.get(place)).copied()
    }
}

/// Times of completed requests that had to wait; for the others, T_exec = T_func and everything else is zero.
#[derive(Clone, Debug)]
struct DelayedSamples {
    latency: Sample,
    wait: Sample,
    queueing: Sample,
    cold_start: Sample,
    execution: Sample,
}

impl DelayedSamples {
    fn merge(&mut self, other: &Self) {
        let Self { latency, wait, queueing, cold_start, execution } = other;
        self.latency.merge(latency);
        self.wait.merge(wait);
        self.queueing.merge(queueing);
        self.cold_start.merge(cold_start);
        self.execution.merge(execution);
    }
}

/// All counters of one or many functions. Fields that every request needs come first.
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Tally {
    pub(super) arrived: u64,
    started: u64,
    cold: u64,
    cold_affected: u64,
    direct: Sample,
    rejected: u64,
    waited: Option<Box<DelayedSamples>>,
    bits: u32,
    /// Timed out in the queue.
    pub(super) gave_up: u64,
    /// Timed out while they ran.
    pub(super) cut_off: u64,
    failed: u64,
    unfinished: u64,
    /// Of the rejected, failed and timed out: refused by a breaker, out of budget, too old.
    pub(super) by_path: [u64; 3],
    /// By limit, in the order of [`LIMITS`].
    pub(super) throttled: [u64; LIMITS.len()],
    /// Requests refused because the queue was full.
    pub(super) queue_full: u64,
    pub(super) created: u64,
    removed: u64,
    lifespans_ns: u128,
    pub(super) integrals: Integrals,
}

/// The limits that are counted.
pub(super) const LIMITS: [Limit; 8] = [
    Limit::Account,
    Limit::Reserved,
    Limit::MaxInstances,
    Limit::ScalingRate,
    Limit::Scaling,
    Limit::InstanceQueue,
    Limit::Memory,
    Limit::RequestRate,
];

impl Tally {
    /// Nothing yet, for a function of a scenario or for its total.
    pub(super) fn of(scenario: &Scenario) -> Self {
        let bits = if scenario.functions.len() <= FINE_MAX { 10 } else { 7 };
        Self {
            bits,
            arrived: 0,
            rejected: 0,
            gave_up: 0,
            cut_off: 0,
            failed: 0,
            unfinished: 0,
            by_path: [0; 3],
            started: 0,
            cold: 0,
            cold_affected: 0,
            throttled: [0; LIMITS.len()],
            queue_full: 0,
            created: 0,
            removed: 0,
            lifespans_ns: 0,
            integrals: Integrals::default(),
            direct: Sample::new(bits),
            waited: None,
        }
    }

    /// Prefetches the cache lines that any request needs.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.arrived);
        prefetch(&self.direct.histogram);
    }

    /// Prefetches the data for a request of this duration that did not wait.
    #[inline]
    pub(super) fn prefetch_end(&self, latency: Span) {
        self.direct.histogram.prefetch(latency.as_nanos());
    }

    /// A counted request has ended.
    #[inline(always)]
    pub(super) fn finish(&mut self, request: &Finished) {
        self.invoked(request);
        match request.outcome {
            Outcome::Completed => {
                let (latency, wait) = (request.ended.since(request.born), request.wait());
                if wait == Span::ZERO {
                    self.direct.record(latency);
                } else {
                    self.record_waited(latency, wait, request.cold_start());
                }
            }
            Outcome::Rejected => self.rejected += 1,
            Outcome::QueueTimedOut => self.gave_up += 1,
            Outcome::TimedOut => self.cut_off += 1,
            Outcome::Failed | Outcome::TooLarge => self.failed += 1,
            Outcome::Unfinished => self.unfinished += 1,
            Outcome::BreakerOpen | Outcome::NoBudget | Outcome::Expired => self.end_on_path(request.outcome),
        }
    }

    /// Counts an invocation that was made for a request; the outcome is that of the request.
    pub(super) fn invoked(&mut self, invocation: &Finished) {
        self.started += u64::from(invocation.instance.is_some());
        self.cold += u64::from(invocation.cold);
        self.cold_affected += u64::from(invocation.cold_affected);
    }

    #[cold]
    fn end_on_path(&mut self, outcome: Outcome) {
        let [breaker, budget, expired] = &mut self.by_path;
        let (all, of_these) = match outcome {
            Outcome::BreakerOpen => (&mut self.rejected, breaker),
            Outcome::NoBudget => (&mut self.failed, budget),
            _ => (&mut self.gave_up, expired),
        };
        *all += 1;
        *of_these += 1;
    }

    /// A request on a path has been answered, which waited and ran here and there.
    pub(super) fn end_request(&mut self, end: &RequestEnd) {
        self.arrived += 1;
        match end.outcome {
            Outcome::Completed => self.direct.record(end.ended.since(end.born)),
            Outcome::Rejected => self.rejected += 1,
            Outcome::QueueTimedOut => self.gave_up += 1,
            Outcome::TimedOut => self.cut_off += 1,
            Outcome::Failed | Outcome::TooLarge => self.failed += 1,
            Outcome::Unfinished => self.unfinished += 1,
            Outcome::BreakerOpen | Outcome::NoBudget | Outcome::Expired => self.end_on_path(end.outcome),
        }
    }

    /// Replaces the attempts counted by functions with the requests of sources and their latency.
    pub(super) fn ask(self, shape: &mut Shape<f64>, measured: Span) {
        let asked = self.shape(measured, &Peaks::default(), f64::NAN);
        shape.requests = asked.requests;
        shape.rejection_ratio = asked.rejection_ratio;
        shape.failure_ratio = asked.failure_ratio;
        shape.latency_s = asked.latency_s;
    }

    #[inline(never)]
    fn record_waited(&mut self, latency: Span, wait: Span, cold_start: Span) {
        let bits = self.bits;
        let waited = self.waited.get_or_insert_with(|| {
            let sample = || Sample::new(bits);
            Box::new(DelayedSamples {
                latency: sample(),
                wait: sample(),
                queueing: sample(),
                cold_start: sample(),
                execution: sample(),
            })
        });
        waited.latency.record(latency);
        waited.wait.record(wait);
        waited.queueing.record(wait - cold_start);
        waited.cold_start.record(cold_start);
        waited.execution.record(latency - wait);
    }

    /// An instance is gone.
    pub(super) fn remove(&mut self, lifespan: Span) {
        self.removed += 1;
        self.lifespans_ns += u128::from(lifespan.as_nanos());
    }

    /// Adds what another one counted.
    pub(super) fn merge(&mut self, other: &Self) {
        let Self {
            arrived,
            started,
            cold,
            cold_affected,
            direct,
            waited,
            bits: _, // the same for all of a scenario
            rejected,
            gave_up,
            cut_off,
            failed,
            unfinished,
            by_path,
            throttled,
            queue_full,
            created,
            removed,
            lifespans_ns,
            integrals,
        } = other;
        self.arrived += arrived;
        self.rejected += rejected;
        self.gave_up += gave_up;
        self.cut_off += cut_off;
        self.failed += failed;
        self.unfinished += unfinished;
        self.by_path.iter_mut().zip(by_path).for_each(|(mine, theirs)| *mine += theirs);
        self.started += started;
        self.cold += cold;
        self.cold_affected += cold_affected;
        for (mine, theirs) in self.throttled.iter_mut().zip(throttled) {
            *mine += theirs;
        }
        self.queue_full += queue_full;
        self.created += created;
        self.removed += removed;
        self.lifespans_ns += lifespans_ns;
        self.integrals.merge(integrals);
        self.direct.merge(direct);
        match (&mut self.waited, waited) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (None, Some(theirs)) => self.waited = Some(theirs.clone()),
            (_, None) => {}
        }
    }

    /// The numbers that people read, except for cost, and for the static estimate, which needs to know capacities.
    pub(super) fn shape(&self, measured: Span, peaks: &Peaks, static_estimate: f64) -> Shape<f64> {
        let count = |n: u64| n as f64;
        let ratio = |part: u64, of: u64| if of == 0 { f64::NAN } else { part as f64 / of as f64 };
        let mean = |integral: u128| {
            if measured == Span::ZERO { f64::NAN } else { integral as f64 / measured.as_nanos() as f64 }
        };
        let completed = self.completed();
        let direct = self.direct.moments.count();
        let none = || Sample::new(self.bits).times(direct);
        let (latency_s, wait_s, queueing_s, cold_start_s, execution_s) = match &self.waited {
            None => (self.direct.times(0), none(), none(), none(), self.direct.times(0)),
            Some(waited) => (
                self.direct.with(&waited.latency).times(0),
                waited.wait.times(direct),
                waited.queueing.times(direct),
                waited.cold_start.times(direct),
                self.direct.with(&waited.execution).times(0),
            ),
        };
        let integrals = &self.integrals;
        let (busy_mean, idle_mean, starting_mean) =
            (mean(integrals.busy), mean(integrals.idle), mean(integrals.starting));
        Shape {
            requests: Requests {
                arrived: count(self.arrived),
                completed: count(completed),
                rejected: count(self.rejected),
                timed_out: count(self.gave_up + self.cut_off),
                failed: count(self.failed),
                unfinished: count(self.unfinished),
            },
            invocations: Invocations {
                started: count(self.started),
                cold: count(self.cold),
                cold_affected: count(self.cold_affected),
                throttled: count(self.throttled.iter().sum()),
            },
            cold_start_ratio: ratio(self.cold, self.started),
            cold_affected_ratio: ratio(self.cold_affected, self.started),
            rejection_ratio: ratio(self.rejected, self.arrived),
            failure_ratio: ratio(self.unsuccessful(), self.arrived),
            latency_s,
            wait_s,
            queueing_s,
            cold_start_s,
            execution_s,
            instances: Instances {
                mean: mean(integrals.busy + integrals.idle + integrals.starting),
                busy_mean,
                idle_mean,
                starting_mean,
                peak: count(peaks.instances),
                created: count(self.created),
                lifespan_mean_s: if self.removed == 0 {
                    f64::NAN
                } else {
                    self.lifespans_ns as f64 / self.removed as f64 / NANOS_PER_SECOND as f64
                },
                static_estimate,
            },
            concurrency: Level { mean: mean(integrals.in_progress), peak: count(peaks.in_progress) },
            queue: Level { mean: mean(integrals.queued), peak: count(peaks.queued) },
            cost_usd: no_cost(),
        }
    }

    /// Which part of those that timed out did so in the queue.
    pub(super) fn given_up(&self) -> f64 {
        self.gave_up as f64 / (self.gave_up + self.cut_off).max(1) as f64
    }

    /// Requests without a successful answer.
    pub(super) const fn unsuccessful(&self) -> u64 {
        self.rejected + self.gave_up + self.cut_off + self.failed + self.unfinished
    }

    /// Quantiles of latency over all requests that arrived, with failures as infinitely late; none if all succeeded,
    /// when they equal those of completed requests.
    pub(super) fn latency_of_all(&self) -> Option<LatencyOfAll> {
        let unsuccessful = self.unsuccessful();
        if unsuccessful == 0 {
            return None;
        }
        let shares: Vec<f64> = metric::quantiles(LATENCY).map(|(of, _)| f64::from(of) / 1000.0).collect();
        let among = |histogram: &Histogram| histogram.quantiles_with(unsuccessful, &shares);
        let values = match &self.waited {
            None => among(&self.direct.histogram),
            Some(waited) => among(&self.direct.with(&waited.latency).histogram),
        };
        let values = values?.into_iter().map(|ns| ns / NANOS_PER_SECOND as f64);
        Some(LatencyOfAll(values.collect()))
    }

    /// Invocations that got an instance.
    pub(super) const fn started(&self) -> u64 {
        self.started
    }

    /// Requests served to the end.
    fn completed(&self) -> u64 {
        self.direct.moments.count() + self.waited.as_ref().map_or(0, |waited| waited.latency.moments.count())
    }

    /// Mean T_func of completed requests, s.
    pub(super) fn execution_mean_s(&self) -> f64 {
        let waited = self.waited.as_ref().map_or(0, |waited| waited.execution.moments.sum_ns());
        (self.direct.moments.sum_ns() + waited) as f64 / self.completed() as f64 / NANOS_PER_SECOND as f64
    }

    /// The histograms behind the chart of latency: T_exec, T_func, queueing, cold start.
    pub(super) fn histograms(&self) -> [Histogram; 4] {
        let direct = self.direct.moments.count();
        let with_zeros = |histogram: Option<&Histogram>| {
            let mut histogram = histogram.cloned().unwrap_or_else(|| Histogram::new(self.bits));
            histogram.add_zeros(direct);
            histogram
        };
        let with_direct = |other: Option<&Histogram>| {
            let mut histogram = self.direct.histogram.clone();
            other.into_iter().for_each(|other| histogram.merge(other));
            histogram
        };
        let waited = self.waited.as_deref();
        [
            with_direct(waited.map(|waited| &waited.latency.histogram)),
            with_direct(waited.map(|waited| &waited.execution.histogram)),
            with_zeros(waited.map(|waited| &waited.queueing.histogram)),
            with_zeros(waited.map(|waited| &waited.cold_start.histogram)),
        ]
    }
}

/// What stands in a shape until prices are known.
fn no_cost() -> Cost<f64> {
    super::cost::Prices::default().cost(&Usage::default(), 0.0, 0.0)
}
