//! Which pods a metric counts: ready, unready, without a sample, or not at all.

use crate::time::{SimTime, Span};

/// The phase of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not all its containers have started.
    Pending,
    /// They have.
    Running,
    /// One of them has failed permanently.
    Failed,
}

/// The state of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its phase.
    pub phase: Phase,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// When it was started.
    pub started: SimTime,
    /// Whether it is ready.
    pub ready: bool,
    /// When that last changed.
    pub ready_changed: SimTime,
}

/// One pod as one metric sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodReading {
    /// The pod.
    pub pod: Pod,
    /// Its measurement, if any.
    pub sample: Option<Sample>,
    /// What the pod requests of the resource; needed for utilization only.
    pub request: Option<i64>,
}

/// A measured value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// In thousandths of the unit.
    pub value: i64,
    /// When it was taken.
    pub at: SimTime,
    /// The time it covers, up to `at`.
    pub window: Span,
}

/// The flags of the controller for how long a young pod's CPU samples are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Initialization {
    /// Within this time of its start, a pod counts only with a sample taken entirely since it became ready.
    pub cpu_period: Span,
    /// After that, an unready pod is ignored only if it was last ready within this time of its start.
    pub readiness_delay: Span,
}

impl Default for Initialization {
    fn default() -> Self {
        Self { cpu_period: Span::from_secs(300), readiness_delay: Span::from_secs(30) }
    }
}

/// Pods that count in the same way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) pods: usize,
    /// Their total use, and the total of the requests that are set.
    pub(super) used: i128,
    pub(super) requested: i128,
}

impl Sum {
    fn count(&mut self, used: i64, request: Option<i64>) {
        self.pods += 1;
        self.used += i128::from(used);
        self.requested += i128::from(request.unwrap_or(0));
    }

    /// The same pods, using nothing.
    pub(super) const fn idle(self) -> Self {
        Self { used: 0, ..self }
    }

    /// The sum of both.
    pub(super) const fn and(self, other: Self) -> Self {
        Self { pods: self.pods + other.pods, used: self.used + other.used, requested: self.requested + other.requested }
    }
}

/// The pods of a metric, by how they count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Groups {
    pub(super) ready: Sum,
    /// Their samples are ignored: they use nothing.
    pub(super) unready: Sum,
    /// Pods without a sample, which use an assumed value.
    pub(super) missing: Sum,
}

/// Groups the pods of a metric at `now`; `cpu` for a CPU metric. `assumed`: the use of a pod without a sample, by its
/// request.
///
/// Source: `groupPods` in `replica_calculator.go`.
pub(super) fn group(
    readings: &[PodReading],
    cpu: bool,
    now: SimTime,
    initialization: &Initialization,
    assumed: impl Fn(Option<i64>) -> i64,
) -> Groups {
    let mut groups = Groups::default();
    for reading in readings {
        let (pod, request) = (&reading.pod, reading.request);
        if pod.deleting || pod.phase == Phase::Failed {
            continue;
        }
        match reading.sample {
            _ if pod.phase == Phase::Pending => groups.unready.count(0, request),
            None => groups.missing.count(assumed(request), request),
            Some(sample) if cpu && is_unready(pod, &sample, now, initialization) => groups.unready.count(0, request),
            Some(sample) => groups.ready.count(sample.value, request),
        }
    }
    groups
}

fn is_unready(pod: &Pod, sample: &Sample, now: SimTime, initialization: &Initialization) -> bool {
    if pod.started + initialization.cpu_period > now {
        !pod.ready || sample.at < pod.ready_changed + sample.window
    } else {
        !pod.ready && pod.started + initialization.readiness_delay > pod.ready_changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(secs)
    }

    fn running(ready: bool, ready_changed: u64) -> Pod {
        Pod { phase: Phase::Running, deleting: false, started: at(1_000), ready, ready_changed: at(ready_changed) }
    }

    /// (ready, unready, missing) of one pod of a CPU metric with a sample over [`sampled` - 30 s, `sampled`].
    fn grouped(pod: Pod, sampled: Option<u64>, now: u64) -> (usize, usize, usize) {
        let sample = sampled.map(|secs| Sample { value: 1, at: at(secs), window: Span::from_secs(30) });
        let reading = PodReading { pod, sample, request: None };
        let groups = group(&[reading], true, at(now), &Initialization::default(), |_| 1);
        (groups.ready.pods, groups.unready.pods, groups.missing.pods)
    }

    const READY: (usize, usize, usize) = (1, 0, 0);
    const UNREADY: (usize, usize, usize) = (0, 1, 0);

    #[test]
    fn young_pods_need_a_sample_since_they_became_ready() {
        assert_eq!(grouped(running(true, 1_010), Some(1_040), 1_050), READY);
        assert_eq!(grouped(running(true, 1_010), Some(1_039), 1_050), UNREADY);
        assert_eq!(grouped(running(false, 1_010), Some(1_040), 1_050), UNREADY);
    }

    #[test]
    fn old_pods_that_were_ready_once_count() {
        assert_eq!(grouped(running(false, 1_100), Some(1_400), 1_400), READY);
        assert_eq!(grouped(running(false, 1_020), Some(1_400), 1_400), UNREADY);
    }

    #[test]
    fn without_a_sample_or_gone() {
        assert_eq!(grouped(running(true, 1_010), None, 1_050), (0, 0, 1));
        assert_eq!(grouped(Pod { phase: Phase::Pending, ..running(false, 0) }, None, 1_050), UNREADY);
        assert_eq!(grouped(Pod { phase: Phase::Failed, ..running(false, 0) }, Some(1_040), 1_050), (0, 0, 0));
        assert_eq!(grouped(Pod { deleting: true, ..running(true, 0) }, Some(1_040), 1_050), (0, 0, 0));
    }
}
