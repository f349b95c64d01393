//! What an HPA sees of its pods: samples of the requests on them, taken at intervals and visible with a delay.
//!
//! Every `resolution`, each ready pod is sampled: its average since the previous sample. `delay` later the HPA can see
//! it. With 15 s for both, as for metrics-server and the kubelet, what a sync sees ended at least 15 s and less than 30
//! s ago. A pod that became ready in between counts as idle before.

use std::collections::VecDeque;

use crate::id::InstanceId;
use crate::policy::scaling::by_instance::{self, ByInstance};
use crate::policy::scaling::next_multiple;
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// How samples are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// Interval, and so the time that each sample covers.
    pub resolution: Span,
    /// Delay until the HPA can see a sample.
    pub delay: Span,
}

impl Default for Sampling {
    /// `--metric-resolution` of metrics-server, and as long again for what lies between a pod and the HPA.
    fn default() -> Self {
        Self { resolution: Span::from_secs(15), delay: Span::from_secs(15) }
    }
}

/// What a pod did while a sample was taken, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    /// Average number of requests in progress.
    pub(super) concurrency: i64,
    /// Requests per second that reached it.
    pub(super) rate: i64,
}

/// The samples taken at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scrape {
    pub(super) at: SimTime,
    /// By id.
    pods: Vec<(InstanceId, Work)>,
}

impl Scrape {
    /// The sample of a pod; `None` if it was not ready.
    pub(super) fn of(&self, pod: InstanceId) -> Option<Work> {
        let place = by_instance::position(&self.pods, pod, |(id, _)| *id).ok()?;
        Some(self.pods[place].1)
    }

    /// Whether all of so many pods have a sample, and did nothing.
    pub(super) fn is_idle(&self, pods: usize) -> bool {
        self.pods.len() == pods && self.pods.iter().all(|(_, work)| *work == Work::default())
    }
}

/// Takes the samples.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    sampling: Sampling,
    next: SimTime,
    meters: ByInstance<Meter>,
    /// Oldest first; if any is visible, the first is.
    scrapes: VecDeque<Scrape>,
    /// The buffer of a sample that is no longer visible, for reuse.
    spare: Vec<(InstanceId, Work)>,
}

/// What a pod has done since the last sample.
#[derive(Clone, Copy, Debug)]
struct Meter {
    in_flight: u32,
    /// The integral is known up to here.
    reached: SimTime,
    /// Integral of the requests on the pod, in ns.
    work_ns: u128,
    received: u32,
}

impl Meter {
    fn advance(&mut self, now: SimTime) {
        self.work_ns += u128::from(self.in_flight) * u128::from(now.since(self.reached).as_nanos());
        self.reached = now;
    }

    fn read(&mut self, now: SimTime, over: Span) -> Work {
        self.advance(now);
        let over = u128::from(over.as_nanos().max(1));
        let milli = |sum: u128| i64::try_from(sum * 1000 / over).unwrap_or(i64::MAX);
        let work = Work {
            concurrency: milli(self.work_ns),
            rate: milli(u128::from(self.received) * u128::from(NANOS_PER_SECOND)),
        };
        (self.work_ns, self.received) = (0, 0);
        work
    }
}

impl Sampler {
    pub(super) fn new(sampling: Sampling) -> Self {
        let next = SimTime::ZERO + sampling.resolution;
        Self { sampling, next, meters: ByInstance::default(), scrapes: VecDeque::new(), spare: Vec::new() }
    }

    /// When the next samples are due.
    pub(super) const fn next(&self) -> SimTime {
        self.next
    }

    /// The time that a sample covers.
    pub(super) const fn resolution(&self) -> Span {
        self.sampling.resolution
    }

    pub(super) fn ready(&mut self, now: SimTime, pod: InstanceId) {
        self.meters.insert(pod, Meter { in_flight: 0, reached: now, work_ns: 0, received: 0 });
    }

    pub(super) fn withdrawn(&mut self, pod: InstanceId) {
        self.meters.remove(pod);
    }

    pub(super) fn placed(&mut self, now: SimTime, pod: InstanceId) {
        if let Some(meter) = self.meters.get_mut(pod) {
            meter.advance(now);
            meter.in_flight += 1;
            meter.received += 1;
        }
    }

    pub(super) fn ended(&mut self, now: SimTime, pod: InstanceId) {
        if let Some(meter) = self.meters.get_mut(pod) {
            meter.advance(now);
            meter.in_flight = meter.in_flight.saturating_sub(1);
        }
    }

    /// Samples every pod, if a sample is due.
    pub(super) fn sample(&mut self, now: SimTime) {
        if now >= self.next {
            let over = self.sampling.resolution;
            let mut pods = std::mem::take(&mut self.spare);
            pods.clear();
            pods.extend(self.meters.iter_mut().map(|(pod, meter)| (pod, meter.read(now, over))));
            self.scrapes.push_back(Scrape { at: now, pods });
            self.next = next_multiple(now, over);
        }
    }

    /// Samples that are not visible yet, if no pod has done anything since the last one.
    pub(super) fn unseen(&self, now: SimTime) -> Option<impl Iterator<Item = &Scrape>> {
        let is_idle = |meter: &Meter| meter.work_ns == 0 && meter.received == 0;
        let delay = self.sampling.delay;
        self.meters.values().all(is_idle).then(|| self.scrapes.iter().filter(move |scrape| scrape.at + delay > now))
    }

    /// Takes the samples skipped up to `until`, while no pod did anything, except those that will never be visible.
    pub(super) fn catch_up(&mut self, until: SimTime) {
        let over = self.sampling.resolution.as_nanos();
        let kept = (self.sampling.delay.as_nanos().div_ceil(over) + 1).saturating_mul(over);
        if let Some(first) = until.as_nanos().checked_sub(kept).filter(|first| *first > self.next.as_nanos()) {
            self.next = next_multiple(SimTime::from_nanos(first), self.sampling.resolution);
        }
        while self.next <= until {
            self.sample(self.next);
        }
    }

    /// The most recent visible samples, if any.
    pub(super) fn seen(&mut self, now: SimTime) -> Option<&Scrape> {
        let delay = self.sampling.delay;
        while self.scrapes.get(1).is_some_and(|newer| newer.at + delay <= now) {
            self.spare = self.scrapes.pop_front().unwrap_or_default().pods;
        }
        self.scrapes.front().filter(|scrape| scrape.at + delay <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(secs)
    }

    #[test]
    fn averages_of_the_time_between_samples_seen_after_the_delay() {
        let pod = InstanceId(3);
        let mut sampler = Sampler::new(Sampling::default());
        sampler.ready(at(3), pod);
        sampler.placed(at(5), pod);
        sampler.placed(at(10), pod);
        sampler.sample(at(15));
        sampler.ended(at(20), pod);
        assert_eq!(sampler.seen(at(29)), None);
        // 10 s of the first request and 5 s of the second in 15 s; 2 requests in 15 s.
        let first = Work { concurrency: 1000, rate: 133 };
        assert_eq!(sampler.seen(at(30)).map(|scrape| (scrape.at, scrape.of(pod))), Some((at(15), Some(first))));
        sampler.sample(at(30));
        assert_eq!(sampler.seen(at(44)).map(|scrape| scrape.at), Some(at(15)));
        // Two requests for 5 s and one for 10 s.
        let second = Work { concurrency: 1333, rate: 0 };
        assert_eq!(sampler.seen(at(45)).map(|scrape| (scrape.at, scrape.of(pod))), Some((at(30), Some(second))));
        assert_eq!(sampler.next(), at(45));
    }
}
