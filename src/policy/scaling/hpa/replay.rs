//! The HPA on recorded metrics: its status and its pods, sync by sync.

use super::autoscaler::{AutoscalerSpec, Average, Metric, in_words, milli};
use super::calculator::{MetricError, Reading, Resource, Target};
use super::controller::{Hpa, Measured, Sync};
use super::pods::{Phase, Pod, PodReading, Sample};
use crate::policy::scaling::replay::{Conditions, Gauge, Recorded, Replay, next_tick, wanted};
use crate::time::{SimTime, Span};

/// Maximum number of individual pods of a Deployment; if there are more, each stands for several.
const PODS_MAX: u32 = 10_000;

/// An HPA with recorded pods. It syncs at the first sample, then every period.
struct HpaReplay {
    hpa: Hpa,
    metrics: Vec<Metric>,
    /// The recorded gauge of each metric.
    sources: Vec<Gauge>,
    sync_period: Span,
    slots: u32,
    limit: u32,
    sync_at: SimTime,
    has_synced: bool,
    recorded: Recorded,
    /// The averages, the replicas before, and the result of the last sync.
    last: Option<(Vec<Option<Average>>, i32, Sync)>,
}

impl AutoscalerSpec {
    /// The HPA on recorded metrics.
    ///
    /// # Errors
    /// What has to be recorded.
    pub fn replay(self, conditions: &Conditions<'_>) -> Result<Box<dyn Replay>, String> {
        let source = |metric: &Metric| {
            let enough = metric.sources();
            enough.iter().copied().find(|gauge| (conditions.has)(*gauge)).ok_or_else(|| wanted(enough))
        };
        let sources = self.metrics.iter().map(source).collect::<Result<_, _>>()?;
        Ok(Box::new(HpaReplay {
            hpa: Hpa::new(self.hpa),
            metrics: self.metrics,
            sources,
            sync_period: self.sync_period,
            slots: conditions.per_instance,
            limit: conditions.limit,
            sync_at: SimTime::ZERO,
            has_synced: false,
            recorded: Recorded::default(),
            last: None,
        }))
    }
}

impl Metric {
    /// The gauges from which it can be computed, best first.
    const fn sources(self) -> &'static [Gauge] {
        match self {
            Self::CpuUtilization(_) => &[Gauge::CpuUtilization],
            Self::Concurrency(_) => &[Gauge::ConcurrencyPerPod, Gauge::Concurrency],
            Self::RequestRate(_) => &[Gauge::RatePerPod, Gauge::Rate],
            Self::QueueLength(_) => &[Gauge::Queue, Gauge::QueuePerPod],
        }
    }

    /// The recorded value, converted to the HPA's metric.
    fn recorded(self, source: Gauge, recorded: &Recorded, slots: u32) -> (Option<Average>, Measured) {
        let ready = recorded.ready();
        let [sampled, missing] = match self {
            Self::CpuUtilization(_) => [Gauge::CpuSampledPods, Gauge::CpuMissingPods],
            _ => [Gauge::SampledPods, Gauge::MissingPods],
        };
        let sampled = recorded.count(sampled).unwrap_or(ready).min(PODS_MAX);
        let missing = recorded.count(missing).unwrap_or(0).min(PODS_MAX);
        let value = recorded.get(source).map(|value| match source {
            Gauge::Concurrency | Gauge::Rate => value / f64::from(ready.max(1)),
            Gauge::QueuePerPod => value * f64::from(recorded.pods().max(1)),
            _ => value,
        });
        let is_known =
            value.is_some() || recorded.get(Gauge::SampledPods).or(recorded.get(Gauge::CpuSampledPods)).is_some();
        let average = is_known.then(|| {
            let value = value.filter(|_| sampled > 0 || matches!(self, Self::QueueLength(_)));
            Average { value, sampled: sampled as usize, missing: missing as usize }
        });
        let pods = |scale: f64| {
            let Some(average) = &average else { return Err(MetricError::Unavailable) };
            let sum = (average.value.unwrap_or(0.0) * f64::from(sampled) * scale).round() as i64;
            Ok(Reading::Pods(pods(sum, sampled, missing, recorded.pods().min(PODS_MAX), slots)))
        };
        let measured = match self {
            Self::CpuUtilization(percent) => {
                (Target::ResourceUtilization(Resource::Cpu, percent as i32), pods(1000.0 * f64::from(slots)))
            }
            Self::Concurrency(target) | Self::RequestRate(target) => (Target::Pods(milli(target)), pods(1000.0)),
            Self::QueueLength(target) => {
                let value = value.ok_or(MetricError::Unavailable);
                let reading = value.map(|value| Reading::Value { value: milli(value), ready: ready as i32 });
                (Target::AverageValue(milli(target)), reading)
            }
        };
        (average, measured)
    }
}

/// Pods that use `sum` in total: those with a sample, those without, and those that are not ready yet.
fn pods(sum: i64, sampled: u32, missing: u32, all: u32, slots: u32) -> Vec<PodReading> {
    let ready = Pod {
        phase: Phase::Running,
        deleting: false,
        started: SimTime::ZERO,
        ready: true,
        ready_changed: SimTime::ZERO,
    };
    let request = Some(i64::from(slots) * 1000);
    let number = i64::from(sampled.max(1));
    let of = |place: i64| {
        let value = sum / number + i64::from(place < sum % number);
        // A sample as old as the pod is recent enough for any flag of the controller.
        let sample = Some(Sample { value, at: SimTime::NEVER, window: Span::ZERO });
        PodReading { pod: ready, sample, request }
    };
    let without = PodReading { pod: ready, sample: None, request };
    let pending = PodReading { pod: Pod { phase: Phase::Pending, ready: false, ..ready }, ..without };
    let others = all.saturating_sub(sampled).saturating_sub(missing);
    (0..i64::from(sampled))
        .map(of)
        .chain(std::iter::repeat_n(without, missing as usize))
        .chain(std::iter::repeat_n(pending, others as usize))
        .collect()
}

impl Replay for HpaReplay {
    fn next(&self) -> SimTime {
        self.sync_at
    }

    fn observe(&mut self, _: SimTime, recorded: &Recorded) {
        self.recorded = recorded.clone();
    }

    fn decide(&mut self, now: SimTime, before: Option<u32>) -> Option<u32> {
        self.sync_at =
            if self.has_synced { next_tick(self.sync_at, self.sync_period, now) } else { now + self.sync_period };
        self.has_synced = true;
        let current = before? as i32;
        let (averages, measured): (Vec<_>, Vec<_>) = self
            .metrics
            .iter()
            .zip(&self.sources)
            .map(|(metric, source)| metric.recorded(*source, &self.recorded, self.slots))
            .unzip();
        let sync = self.hpa.sync(now, current, self.recorded.pods() as i32, &measured);
        self.last = Some((averages, current, sync));
        u32::try_from(sync.desired).ok().map(|desired| desired.min(self.limit))
    }

    fn why(&self) -> Option<String> {
        self.last.as_ref().map(|(averages, current, sync)| in_words(&self.metrics, averages, *current, *sync))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_become_pods_with_the_same_sum() {
        let all = pods(1001, 3, 1, 6, 2);
        let values: Vec<i64> = all.iter().filter_map(|pod| Some(pod.sample?.value)).collect();
        assert_eq!((values, all.len()), (vec![334, 334, 333], 6));
        assert_eq!(all.iter().filter(|pod| pod.pod.phase == Phase::Pending).count(), 2);
    }
}
