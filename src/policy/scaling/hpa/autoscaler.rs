//! The HPA of a Deployment as a scaling policy: its clock, and what it sees of the pods.
//!
//! Requests wait in front of the pods until one of them has a free slot. A pod uses the share of its requested CPU that
//! its busy slots are of all its slots. From creation to readiness, a pod is Pending.

use super::calculator::{MetricError, Reading, Resource, Target};
use super::controller::{Hpa, HpaSpec, Measured, SYNC_PERIOD, Sync};
use super::pods::{Phase, Pod, PodReading, Sample, group};
use super::samples::{Sampler, Sampling, Scrape, Work};
use crate::id::InstanceId;
use crate::policy::scaling::clock::Clock;
use crate::policy::scaling::replay::Gauge;
use crate::policy::scaling::{InstanceView, Removal, RequestTag, Scaling, View};
use crate::time::{SimTime, Span};

/// An HPA, its metrics, and the Deployment that it scales.
#[derive(Clone, Debug, PartialEq)]
pub struct AutoscalerSpec {
    /// The HPA and the flags of its controller.
    pub hpa: HpaSpec,
    /// The metrics, at least one.
    pub metrics: Vec<Metric>,
    /// Interval between syncs, usually [`SYNC_PERIOD`].
    pub sync_period: Span,
    /// How its pods are measured.
    pub sampling: Sampling,
    /// Number of pods when the Deployment is created, at the start of the run.
    pub initial_replicas: u32,
}

/// A metric with its target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// CPU in percent of what the pods request (Resource, `averageUtilization`).
    CpuUtilization(u32),
    /// Requests in progress on a pod (Pods, `averageValue`).
    Concurrency(f64),
    /// Requests per second that reach a pod (Pods, `averageValue`).
    RequestRate(f64),
    /// Requests that wait in front of the pods at the time of the sync, per pod (External, `averageValue`).
    QueueLength(f64),
}

impl Default for AutoscalerSpec {
    fn default() -> Self {
        Self {
            hpa: HpaSpec::default(),
            metrics: vec![Metric::CpuUtilization(80)],
            sync_period: SYNC_PERIOD,
            sampling: Sampling::default(),
            initial_replicas: 1,
        }
    }
}

/// The state of the HPA.
#[derive(Clone, Debug)]
pub struct Autoscaler {
    hpa: Hpa,
    metrics: Vec<Metric>,
    initial_replicas: u32,
    sampler: Sampler,
    /// When it syncs. While it rests, no samples are taken either.
    clock: Clock,
    /// `spec.replicas` of the Deployment, once it is there.
    replicas: Option<i32>,
    /// What the last sync saw and decided; `None` if the policy was last asked outside a sync.
    last: Option<Seen>,
    /// Whether the Deployment has just been created.
    is_new: bool,
}

/// What a sync saw and decided.
#[derive(Clone, Debug)]
struct Seen {
    now: SimTime,
    measured: Vec<Measured>,
    /// Number of slots per pod.
    slots: u32,
    current: i32,
    sync: Sync,
}

/// The average of a metric over the pods that count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Average {
    /// In the unit of the metric; CPU as a fraction of the request; `None` if no pods count.
    pub(super) value: Option<f64>,
    /// Number of pods that count.
    pub(super) sampled: usize,
    /// Running pods without a sample.
    pub(super) missing: usize,
}

/// The result of a sync, and its reason.
pub(super) fn in_words(metrics: &[Metric], averages: &[Option<Average>], current: i32, sync: Sync) -> String {
    let value = |average: &Option<Average>| average.and_then(|average| average.value);
    let metrics = metrics.iter().zip(averages).map(|(metric, average)| metric.in_words(value(average)));
    let metrics = metrics.collect::<Vec<_>>().join(", ");
    let desired = sync.desired;
    match sync.proposal {
        None if desired == current => format!("{metrics}: no proposal, stays at {current}"),
        None => format!("{metrics}: no proposal, bounds make it {desired}"),
        Some(proposal) if proposal == desired => format!("{metrics}: proposes {proposal}"),
        Some(proposal) => {
            format!("{metrics}: proposes {proposal}; stabilization, rate limits and bounds make it {desired}")
        }
    }
}

/// The averages, as they are recorded.
fn inputs(metrics: &[Metric], averages: &[Option<Average>]) -> Vec<(Gauge, f64)> {
    let mut inputs: Vec<(Gauge, f64)> = Vec::new();
    for (metric, average) in metrics.iter().zip(averages) {
        let Some(Average { value, sampled, missing }) = *average else { continue };
        inputs.extend(value.map(|value| (metric.gauge(), value)));
        let counts = match metric {
            Metric::CpuUtilization(_) => [Gauge::CpuSampledPods, Gauge::CpuMissingPods],
            Metric::Concurrency(_) | Metric::RequestRate(_) => [Gauge::SampledPods, Gauge::MissingPods],
            Metric::QueueLength(_) => continue,
        };
        for (gauge, count) in counts.into_iter().zip([sampled, missing]) {
            if inputs.iter().all(|(known, _)| *known != gauge) {
                inputs.push((gauge, count as f64));
            }
        }
    }
    inputs
}

impl Autoscaler {
    /// An HPA whose Deployment has not been created yet.
    #[must_use]
    pub fn new(spec: AutoscalerSpec) -> Self {
        Self {
            hpa: Hpa::new(spec.hpa),
            metrics: spec.metrics,
            initial_replicas: spec.initial_replicas,
            sampler: Sampler::new(spec.sampling),
            clock: Clock::new(spec.sync_period),
            replicas: None,
            last: None,
            is_new: false,
        }
    }

    /// The averages that were measured.
    fn averages(&self, seen: &Seen) -> Vec<Option<Average>> {
        let average = |(metric, (_, reading)): (&Metric, &Measured)| {
            let reading = reading.as_ref().ok()?;
            Some(metric.average(reading, seen.slots, seen.now, &self.hpa))
        };
        self.metrics.iter().zip(&seen.measured).map(average).collect()
    }

    fn sync(&mut self, view: &View<'_>) -> i32 {
        let Some(current) = self.replicas else { return self.initial_replicas as i32 };
        let window = self.sampler.resolution();
        let measured = measure(&self.metrics, view, self.sampler.seen(view.now), window);
        let sync = self.hpa.sync(view.now, current, view.existing as i32, &measured);
        self.last = Some(Seen { now: view.now, measured, slots: view.per_instance, current, sync });
        sync.desired
    }

    /// Whether no sync changes anything unless something happens: the minimum is there, nobody is on it, and no sample that is
    /// yet to be seen asks for more.
    fn may_rest(&self, view: &View<'_>) -> bool {
        let replicas = self.hpa.min_replicas();
        let is_least = view.existing as i32 == replicas && view.ready == view.existing && view.is_quiet();
        let mistrusted = self.hpa.initialization().cpu_period;
        let is_enough = |proposal: Option<i32>| proposal.is_some_and(|proposal| proposal <= replicas);
        is_least
            && self.replicas == Some(replicas)
            && self.last.as_ref().is_some_and(|seen| is_enough(seen.sync.proposal))
            && view.instances.iter().all(|pod| pod.created + mistrusted <= view.now)
            && self.sampler.unseen(view.now).is_some_and(|mut scrapes| {
                scrapes.all(|scrape| {
                    if scrape.is_idle(view.existing as usize) {
                        return true;
                    }
                    let measured = measure(&self.metrics, view, Some(scrape), self.sampler.resolution());
                    is_enough(self.hpa.propose(view.now, replicas, replicas, &measured))
                })
            })
    }

    /// Makes up for what was passed over up to `until`.
    fn wake(&mut self, until: SimTime) {
        if self.clock.rests() {
            if let Some(last) = self.clock.wake(until) {
                self.hpa.hold(last, self.hpa.min_replicas());
            }
            self.sampler.catch_up(until);
        }
    }
}

/// What the metrics are, where these samples are the newest.
fn measure(metrics: &[Metric], view: &View<'_>, scrape: Option<&Scrape>, window: Span) -> Vec<Measured> {
    metrics.iter().map(|metric| metric.measure(view, scrape, window)).collect()
}

impl Metric {
    fn measure(self, view: &View<'_>, scrape: Option<&Scrape>, window: Span) -> Measured {
        let pods = |value: fn(&Work) -> i64| {
            let scrape = scrape.ok_or(MetricError::Unavailable)?;
            let reading = |instance| pod_reading(instance, scrape, window, view.per_instance, value);
            Ok(Reading::Pods(view.instances.iter().map(reading).collect()))
        };
        match self {
            Self::CpuUtilization(percent) => {
                (Target::ResourceUtilization(Resource::Cpu, percent as i32), pods(|work| work.concurrency))
            }
            Self::Concurrency(target) => (Target::Pods(milli(target)), pods(|work| work.concurrency)),
            Self::RequestRate(target) => (Target::Pods(milli(target)), pods(|work| work.rate)),
            Self::QueueLength(target) => {
                let reading = Reading::Value { value: i64::from(view.queued) * 1000, ready: view.ready as i32 };
                (Target::AverageValue(milli(target)), Ok(reading))
            }
        }
    }
}

impl Metric {
    /// The average over the pods that count.
    fn average(self, reading: &Reading, slots: u32, now: SimTime, hpa: &Hpa) -> Average {
        match reading {
            Reading::Value { value, .. } => Average { value: Some(*value as f64 / 1000.0), sampled: 0, missing: 0 },
            Reading::Pods(pods) => {
                let is_cpu = matches!(self, Self::CpuUtilization(_));
                let groups = group(pods, is_cpu, now, hpa.initialization(), |_| 0);
                let (sampled, missing) = (groups.ready.pods, groups.missing.pods);
                let sum = groups.ready.used;
                let whole = sampled as f64 * 1000.0 * if is_cpu { f64::from(slots) } else { 1.0 };
                Average { value: (sampled > 0).then(|| sum as f64 / whole), sampled, missing }
            }
        }
    }

    /// The gauge under which its average is recorded.
    pub(super) const fn gauge(self) -> Gauge {
        match self {
            Self::CpuUtilization(_) => Gauge::CpuUtilization,
            Self::Concurrency(_) => Gauge::ConcurrencyPerPod,
            Self::RequestRate(_) => Gauge::RatePerPod,
            Self::QueueLength(_) => Gauge::Queue,
        }
    }

    fn in_words(self, average: Option<f64>) -> String {
        let found = average.map_or_else(|| "no sample of".to_owned(), |average| format!("{average:.2}"));
        match (self, average) {
            (Self::CpuUtilization(target), None) => format!("no sample of CPU utilization (target {target} %)"),
            (Self::CpuUtilization(target), Some(found)) => {
                format!("CPU utilization {:.1} % (target {target} %)", 100.0 * found)
            }
            (Self::Concurrency(target), _) => format!("{found} requests on each pod (target {target})"),
            (Self::RequestRate(target), _) => format!("{found} requests a second for each pod (target {target})"),
            (Self::QueueLength(target), _) => format!("{found} requests queued (target {target} for each pod)"),
        }
    }
}

/// A pod as a metric sees it. It requests one CPU per slot.
fn pod_reading(
    instance: &InstanceView,
    scrape: &Scrape,
    window: Span,
    slots: u32,
    value: fn(&Work) -> i64,
) -> PodReading {
    let sample = scrape.of(instance.id).map(|work| Sample { value: value(&work), at: scrape.at, window });
    let pod = Pod {
        phase: if instance.ready.is_some() { Phase::Running } else { Phase::Pending },
        deleting: false,
        started: instance.created,
        ready: instance.ready.is_some(),
        ready_changed: instance.ready.unwrap_or(instance.created),
    };
    PodReading { pod, sample, request: Some(i64::from(slots) * 1000) }
}

pub(super) fn milli(value: f64) -> i64 {
    (value * 1000.0).round() as i64
}

impl Scaling for Autoscaler {
    fn next(&self) -> SimTime {
        let next = self.clock.next();
        if self.clock.rests() { next } else { next.min(self.sampler.next()) }
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        self.sampler.sample(view.now);
        (self.last, self.is_new) = (None, false);
        if view.now < self.clock.next() {
            return None;
        }
        self.clock.ticked_at_multiple(view.now);
        self.is_new = self.replicas.is_none();
        let replicas = view.bounded(f64::from(self.sync(view)));
        self.replicas = Some(replicas as i32);
        if self.may_rest(view) {
            self.clock.rest(SimTime::NEVER);
        }
        Some(replicas)
    }

    fn why(&self) -> Option<String> {
        match &self.last {
            Some(seen) => Some(in_words(&self.metrics, &self.averages(seen), seen.current, seen.sync)),
            None => self.is_new.then(|| "initial replicas".to_owned()),
        }
    }

    fn inputs(&self) -> Vec<(Gauge, f64)> {
        self.last.as_ref().map_or_else(Vec::new, |seen| inputs(&self.metrics, &self.averages(seen)))
    }

    fn arrived(&mut self, now: SimTime) {
        self.wake(now);
    }

    fn placed(&mut self, now: SimTime, instance: InstanceId) -> RequestTag {
        self.sampler.placed(now, instance);
        false
    }

    fn ended(&mut self, now: SimTime, instance: InstanceId, _mark: RequestTag) {
        self.sampler.ended(now, instance);
    }

    fn ready(&mut self, now: SimTime, instance: InstanceId) {
        self.wake(now);
        self.sampler.ready(now, instance);
    }

    fn withdrawn(&mut self, now: SimTime, instance: InstanceId) {
        self.wake(now);
        self.sampler.withdrawn(instance);
    }

    fn looks_at_instances(&self, _now: SimTime) -> bool {
        self.metrics.iter().any(|metric| !matches!(metric, Metric::QueueLength(_)))
    }

    fn removal(&self) -> Removal {
        Removal::Youngest
    }
}

#[cfg(test)]
mod tests {
    use super::super::behavior::Behavior;
    use super::*;
    use crate::policy::scaling::Totals;
    use crate::policy::scaling::testing::rests_without_a_trace;

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(secs)
    }

    /// A Deployment whose pods start at once and have the given load.
    struct World {
        policy: Autoscaler,
        pods: Vec<InstanceView>,
        queued: u32,
    }

    impl World {
        fn new(spec: AutoscalerSpec) -> Self {
            Self { policy: Autoscaler::new(spec), pods: Vec::new(), queued: 0 }
        }

        /// Asks at every time up to `until`, with `busy` of two slots busy on each pod; returns what was ordered then.
        fn run(&mut self, until: SimTime, busy: u32) -> usize {
            while self.policy.next() <= until {
                let now = self.policy.next();
                let answer = self.policy.decide(&View {
                    now,
                    limit: 1000,
                    ordered: self.pods.len() as u32,
                    per_instance: 2,
                    existing: self.pods.len() as u32,
                    ready: self.pods.len() as u32,
                    taken: 0,
                    instances: &self.pods,
                    in_progress: 0,
                    queued: self.queued,
                    totals: Totals::default(),
                });
                let wanted = answer.map_or(self.pods.len(), |answer| answer as usize);
                while self.pods.len() > wanted {
                    let gone = self.pods.pop().expect("a pod");
                    self.policy.withdrawn(now, gone.id);
                }
                while self.pods.len() < wanted {
                    let id = InstanceId(self.pods.len() as u64);
                    self.pods.push(InstanceView {
                        id,
                        created: now,
                        ready: Some(now),
                        in_flight: 0,
                        last_used: SimTime::ZERO,
                    });
                    self.policy.ready(now, id);
                }
                for pod in &mut self.pods {
                    for _ in pod.in_flight..busy {
                        self.policy.placed(now, pod.id);
                    }
                    pod.in_flight = busy;
                }
            }
            self.pods.len()
        }
    }

    fn spec(metrics: Vec<Metric>) -> AutoscalerSpec {
        let hpa = HpaSpec { max_replicas: 100, ..HpaSpec::default() };
        AutoscalerSpec { hpa, metrics, initial_replicas: 4, ..AutoscalerSpec::default() }
    }

    #[test]
    fn cpu_is_the_share_of_slots_taken_and_seen_late() {
        let mut world = World::new(spec(vec![Metric::CpuUtilization(50)]));
        // All slots taken: 100 % of a target of 50 %. The sample of 15 s is seen at 30 s: 2 * 4 pods.
        assert_eq!((world.run(at(29), 2), world.run(at(30), 2)), (4, 8));
        // At 45 s the sample of 30 s is seen; the 4 new pods have none: 400 % over 8 pods are 50 %, on target.
        assert_eq!(world.run(at(45), 2), 8);
        // At 60 s all 8 have one, which covers the whole time since they became ready.
        assert_eq!(world.run(at(60), 2), 16);
    }

    #[test]
    fn the_largest_of_several_metrics_counts() {
        let all = vec![Metric::CpuUtilization(80), Metric::Concurrency(1.0), Metric::QueueLength(10.0)];
        let mut world = World::new(spec(all));
        world.queued = 47;
        // CPU 50 / 80 * 4 = 2.5, concurrency 1 / 1 * 4 = 4, queue 47 / 10 = 4.7.
        assert_eq!(world.run(at(30), 1), 5);
    }

    #[test]
    fn the_queue_is_seen_at_once() {
        let mut world = World::new(spec(vec![Metric::QueueLength(10.0)]));
        world.queued = 70;
        assert_eq!((world.run(at(14), 1), world.run(at(15), 1)), (4, 7));
    }

    #[test]
    fn what_rests_orders_as_what_syncs_on() {
        let mut slow = Behavior::with_downscale_window(Span::from_secs(40));
        slow.up.window = Span::from_secs(20);
        let hpa = HpaSpec { max_replicas: 100, downscale_window: Span::from_secs(30), ..HpaSpec::default() };
        let slow = HpaSpec { behavior: Some(slow), min_replicas: 2, ..hpa.clone() };
        let often = Sampling { resolution: Span::from_secs(4), delay: Span::from_secs(9) };
        let cases = [
            (hpa.clone(), Metric::CpuUtilization(2), Sampling::default()),
            (hpa, Metric::QueueLength(1.0), often),
            (slow.clone(), Metric::Concurrency(0.01), Sampling::default()),
            (slow, Metric::RequestRate(0.05), often),
        ];
        for (hpa, metric, sampling) in cases {
            let spec = AutoscalerSpec { hpa, sampling, ..spec(vec![metric]) };
            let [rests, restless] = rests_without_a_trace(|| Autoscaler::new(spec.clone()), Autoscaler::wake);
            assert!(rests * 3 < restless, "{rests} of {restless}");
        }
    }

    #[test]
    fn the_rate_is_what_a_pod_is_given() {
        let mut world = World::new(spec(vec![Metric::RequestRate(0.1)]));
        // Two requests in 15 s are 0.133 per second: 1.33 * 4 = 5.3.
        assert_eq!(world.run(at(30), 2), 6);
    }
}
