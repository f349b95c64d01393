//! The number of pods that one metric requires.

use super::pods::{Groups, Initialization, PodReading, Sum, group};
use crate::time::SimTime;

/// A resource that pods request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// CPU time; samples of young pods are ignored.
    Cpu,
    /// Memory.
    Memory,
}

/// The target of a metric. Values are in thousandths of the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A metric of each pod, averaged.
    Pods(i64),
    /// Use of a resource by each pod, averaged.
    ResourceValue(Resource, i64),
    /// Use of a resource in whole percent of what the pods request.
    ResourceUtilization(Resource, i32),
    /// A value of something else, object or external, that decreases with more pods.
    Value(i64),
    /// A value of something else, divided by the number of pods.
    AverageValue(i64),
}

/// The measurement of a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Values of the individual pods.
    Pods(Vec<PodReading>),
    /// One value (for an external metric, the sum), in thousandths, and the number of pods.
    Value {
        /// The value.
        value: i64,
        /// Pods running and ready.
        ready: i32,
    },
}

/// Why a metric gives no proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// No pod has a sample that counts.
    #[error("did not receive metrics for targeted pods (pods might be unready)")]
    NoSamples,
    /// A pod does not specify its resource request.
    #[error("a pod has no request for the resource, so it has no utilization")]
    NoRequest,
    /// The target is zero or negative.
    #[error("the target must be greater than zero")]
    BadTarget,
    /// A metric of pods was measured as a single value, or vice versa.
    #[error("the metric was not measured the way its target needs")]
    WrongReading,
    /// The metrics service did not respond.
    #[error("unable to get the metric")]
    Unavailable,
}

/// How far a metric may be from its target before anything is changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Above the target.
    pub up: f64,
    /// Below it.
    pub down: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { up: 0.1, down: 0.1 }
    }
}

impl Tolerance {
    /// Before 1.33 this was `|1 - ratio| <= tolerance`; in doubles, a ratio of 1.1 is outside that.
    fn contains(&self, ratio: f64) -> bool {
        1.0 - self.down <= ratio && ratio <= 1.0 + self.up
    }
}

/// Computes proposals with the controller's flags.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Calculator {
    /// The tolerance.
    pub tolerance: Tolerance,
    /// When CPU samples are ignored.
    pub initialization: Initialization,
}

impl Calculator {
    /// Pods that `target` asks for at `now`, given what was measured, `current` replicas in the specification and
    /// `status` replicas there are.
    ///
    /// # Errors
    /// An error when the metric gives no proposal; see [`MetricError`].
    pub fn propose(
        &self,
        target: Target,
        reading: &Reading,
        now: SimTime,
        current: i32,
        status: i32,
    ) -> Result<i32, MetricError> {
        match (target, reading) {
            (Target::Pods(value), Reading::Pods(pods)) => self.plain(pods, false, now, value, current),
            (Target::ResourceValue(resource, value), Reading::Pods(pods)) => {
                self.plain(pods, resource == Resource::Cpu, now, value, current)
            }
            (Target::ResourceUtilization(resource, percent), Reading::Pods(pods)) => {
                if pods.iter().any(|reading| reading.request.is_none()) {
                    return Err(MetricError::NoRequest);
                }
                let assumed =
                    |request: Option<i64>| request.unwrap_or(0).saturating_mul(i64::from(percent.max(100))) / 100;
                let groups = group(pods, resource == Resource::Cpu, now, &self.initialization, assumed);
                self.propose_from_pods(&groups, |pods| utilization_ratio(pods, percent), current)
            }
            (Target::Value(target), Reading::Value { value, ready }) => {
                let ratio = ratio(*value, target)?;
                Ok(if current == 0 {
                    ceil(ratio)
                } else if self.tolerance.contains(ratio) {
                    current
                } else {
                    ceil(ratio * f64::from(*ready))
                })
            }
            (Target::AverageValue(target), Reading::Value { value, .. }) => {
                let whole = ratio(*value, target)?;
                let each = *value as f64 / (target as f64 * f64::from(status));
                Ok(if self.tolerance.contains(each) { status } else { ceil(whole) })
            }
            _ => Err(MetricError::WrongReading),
        }
    }

    fn plain(
        &self,
        pods: &[PodReading],
        cpu: bool,
        now: SimTime,
        target: i64,
        current: i32,
    ) -> Result<i32, MetricError> {
        let groups = group(pods, cpu, now, &self.initialization, |_| target);
        self.propose_from_pods(&groups, |pods| average_ratio(pods, target), current)
    }

    /// Missing or unready pods are first left out, then counted against the resulting direction: missing ones at their
    /// assumed use when scaling down, all of them as idle when scaling up.
    fn propose_from_pods(
        &self,
        groups: &Groups,
        ratio_of: impl Fn(&Sum) -> Result<f64, MetricError>,
        current: i32,
    ) -> Result<i32, MetricError> {
        let Groups { ready, unready, missing } = *groups;
        if ready.pods == 0 {
            return Err(MetricError::NoSamples);
        }
        let ratio = ratio_of(&ready)?;
        let unready_matter = unready.pods > 0 && ratio > 1.0;
        if missing.pods == 0 && !unready_matter {
            return Ok(if self.tolerance.contains(ratio) { current } else { ceil(ratio * ready.pods as f64) });
        }
        let counted = if ratio < 1.0 {
            ready.and(missing)
        } else if ratio > 1.0 {
            ready.and(missing.idle()).and(unready)
        } else {
            ready
        };
        let refilled = ratio_of(&counted)?;
        let turned = ratio < 1.0 && refilled > 1.0 || ratio > 1.0 && refilled < 1.0;
        if self.tolerance.contains(refilled) || turned {
            return Ok(current);
        }
        let wanted = ceil(refilled * counted.pods as f64);
        let against = refilled < 1.0 && wanted > current || refilled > 1.0 && wanted < current;
        Ok(if against { current } else { wanted })
    }
}

/// The average, a whole number, over the target.
fn average_ratio(pods: &Sum, target: i64) -> Result<f64, MetricError> {
    let average = pods.used / (pods.pods as i128).max(1);
    if target > 0 { Ok(average as f64 / target as f64) } else { Err(MetricError::BadTarget) }
}

/// The utilization in whole percent over the target.
fn utilization_ratio(pods: &Sum, target: i32) -> Result<f64, MetricError> {
    if pods.requested <= 0 {
        return Err(MetricError::NoRequest);
    }
    let percent = pods.used * 100 / pods.requested;
    if target > 0 { Ok(percent as f64 / f64::from(target)) } else { Err(MetricError::BadTarget) }
}

fn ratio(value: i64, target: i64) -> Result<f64, MetricError> {
    if target > 0 { Ok(value as f64 / target as f64) } else { Err(MetricError::BadTarget) }
}

fn ceil(pods: f64) -> i32 {
    pods.ceil() as i32
}

#[cfg(test)]
mod tests {
    use super::super::pods::{Phase, Pod, Sample};
    use super::*;
    use crate::time::Span;

    const NOW: SimTime = SimTime::from_nanos(1_000_000_000_000);

    fn pod(value: Option<i64>, request: i64) -> PodReading {
        let pod = Pod {
            phase: Phase::Running,
            deleting: false,
            started: SimTime::ZERO,
            ready: true,
            ready_changed: SimTime::ZERO,
        };
        let sample = value.map(|value| Sample { value, at: NOW, window: Span::from_secs(30) });
        PodReading { pod, sample, request: Some(request) }
    }

    fn unready() -> PodReading {
        let mut reading = pod(None, 100);
        reading.pod.phase = Phase::Pending;
        reading
    }

    fn propose(target: Target, pods: Vec<PodReading>) -> Result<i32, MetricError> {
        let current = pods.len() as i32;
        Calculator::default().propose(target, &Reading::Pods(pods), NOW, current, current)
    }

    fn pods(values: &[i64], missing: usize, unready_pods: usize) -> Vec<PodReading> {
        let mut all: Vec<_> = values.iter().map(|value| pod(Some(*value), 100)).collect();
        all.extend((0..missing).map(|_| pod(None, 100)));
        all.extend((0..unready_pods).map(|_| unready()));
        all
    }

    #[test]
    fn the_worked_examples_of_the_specification() {
        for (values, missing, unready, wanted) in [
            (&[100, 100, 100][..], 0, 0, 3),
            (&[110, 110, 110], 0, 0, 3), // 1.1 is inside
            (&[111, 111, 111], 0, 0, 4), // 3.33
            (&[200, 200, 200], 1, 0, 6), // 600 / 4 = 150
            (&[50, 50, 50], 1, 0, 3),    // 250 / 4 = 62 -> 2.48
            (&[150], 1, 0, 2),           // 75: would turn round
            (&[200, 200], 0, 1, 4),      // 400 / 3 = 133 -> 3.99
            (&[50, 50], 0, 1, 1),        // unready pods do not hold a decrease
            (&[100, 100, 100], 1, 0, 4), // exactly on target: a missing pod changes nothing
        ] {
            assert_eq!(propose(Target::Pods(100), pods(values, missing, unready)), Ok(wanted), "{values:?}");
        }
    }

    #[test]
    fn utilization_is_a_whole_percentage() {
        let mut values = vec![56; 9];
        values.push(55);
        let half = Target::ResourceUtilization(Resource::Cpu, 50);
        assert_eq!(propose(half, pods(&values, 0, 0)), Ok(10)); // 55.9 % is 55 %: 1.1
        assert_eq!(propose(half, pods(&[56; 10], 0, 0)), Ok(12)); // 1.12
        // A missing pod counts as using all it requests: 220 / 400 = 55 % of a target of 50 %.
        assert_eq!(propose(half, pods(&[40, 40, 40], 1, 0)), Ok(4));
        let no_request = vec![PodReading { request: None, ..pod(Some(1), 1) }];
        assert_eq!(propose(half, no_request), Err(MetricError::NoRequest));
    }

    #[test]
    fn metrics_of_something_else() {
        let propose = |target, value, current| {
            let reading = Reading::Value { value, ready: current };
            Calculator::default().propose(target, &reading, NOW, current, current)
        };
        assert_eq!(propose(Target::AverageValue(150), 1000, 5), Ok(7));
        assert_eq!(propose(Target::AverageValue(200), 1000, 5), Ok(5));
        assert_eq!(propose(Target::Value(100), 250, 4), Ok(10));
        assert_eq!(propose(Target::Value(100), 105, 4), Ok(4));
        assert_eq!(propose(Target::Value(100), 250, 0), Ok(3));
        assert_eq!(propose(Target::Value(0), 250, 4), Err(MetricError::BadTarget));
        assert_eq!(propose(Target::Pods(100), 250, 4), Err(MetricError::WrongReading));
    }

    #[test]
    fn no_samples_no_proposal() {
        assert_eq!(propose(Target::Pods(100), pods(&[], 3, 0)), Err(MetricError::NoSamples));
    }
}
