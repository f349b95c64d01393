//! One HPA: a sync every 15 s turns proposals into replicas.

use super::behavior::{Behavior, Memory};
use super::calculator::{Calculator, MetricError, Reading, Target};
use super::pods::Initialization;
use crate::policy::scaling::peak::Peak;
use crate::time::{SimTime, Span};

/// The controller syncs an HPA this often.
pub const SYNC_PERIOD: Span = Span::from_secs(15);
/// The controller's default window for scaling down, unless a flag or a behavior sets another.
pub const DOWNSCALE_WINDOW: Span = Span::from_secs(300);

/// The settings of an HPA and the flags of its controller.
#[derive(Clone, Debug, PartialEq)]
pub struct HpaSpec {
    /// Minimum number of replicas.
    pub min_replicas: i32,
    /// Maximum number of replicas.
    pub max_replicas: i32,
    /// Windows and rates; without them, a window for scaling down and at most a doubling when scaling up.
    pub behavior: Option<Behavior>,
    /// The window for scaling down without `behavior`.
    pub downscale_window: Span,
    /// Tolerance and readiness.
    pub calculator: Calculator,
}

impl Default for HpaSpec {
    fn default() -> Self {
        Self {
            min_replicas: 1,
            max_replicas: i32::MAX,
            behavior: None,
            downscale_window: DOWNSCALE_WINDOW,
            calculator: Calculator::default(),
        }
    }
}

/// A metric: its target and its measurement.
pub type Measured = (Target, Result<Reading, MetricError>);

/// The result of a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sync {
    /// The proposal of the metrics before stabilization; `None` if they were not evaluated or gave none.
    pub proposal: Option<i32>,
    /// Replicas from now on.
    pub desired: i32,
}

/// An HPA and its history.
///
/// Source: `reconcileAutoscaler` in `pkg/controller/podautoscaler/horizontal.go` of kubernetes/kubernetes.
#[derive(Clone, Debug)]
pub struct Hpa {
    spec: HpaSpec,
    past: Past,
    started: bool,
}

/// Its history, with or without a behavior.
#[derive(Clone, Debug)]
enum Past {
    Behavior(Box<Memory>),
    /// The maximum recommendation of the window.
    Window(Peak<i32>),
}

impl Hpa {
    /// A new HPA.
    #[must_use]
    pub fn new(spec: HpaSpec) -> Self {
        let past = match &spec.behavior {
            Some(behavior) => Past::Behavior(Box::new(Memory::new(behavior.clone()))),
            None => Past::Window(Peak::default()),
        };
        Self { spec, past, started: false }
    }

    /// The minimum number of replicas.
    pub(crate) const fn min_replicas(&self) -> i32 {
        self.spec.min_replicas
    }

    /// Stands for all syncs up to `last` that proposed no more than the minimum, which is there. How much less they proposed
    /// makes no difference, then or later.
    pub(crate) fn hold(&mut self, last: SimTime, replicas: i32) {
        if let Past::Behavior(memory) = &mut self.past {
            memory.stabilize(last, replicas, replicas);
        }
    }

    /// When samples of young pods count.
    pub(super) fn initialization(&self) -> &Initialization {
        &self.spec.calculator.initialization
    }

    /// One sync at `now`, with `current` replicas in the specification of the target and `status` replicas that exist.
    pub fn sync(&mut self, now: SimTime, current: i32, status: i32, metrics: &[Measured]) -> Sync {
        if !self.started {
            self.started = true;
            // The initial size counts as a recommendation.
            match &mut self.past {
                Past::Behavior(memory) => memory.stabilize(now, current, current),
                Past::Window(largest) => largest.of(now, current, self.spec.downscale_window),
            };
        }
        let (min, max) = (self.spec.min_replicas, self.spec.max_replicas);
        let (proposal, desired) = if current == 0 && min != 0 {
            (None, current)
        } else if current > max {
            (None, max)
        } else if current < min {
            (None, min)
        } else {
            let proposal = self.propose(now, current, status, metrics);
            (proposal, proposal.map_or(current, |proposal| self.normalize(now, current, proposal)))
        };
        if let Past::Behavior(memory) = &mut self.past
            && desired != current
        {
            memory.scaled(now, desired - current);
        }
        Sync { proposal, desired }
    }

    /// The largest proposal; `None` if all metrics failed, or if some failed and the others would scale down.
    pub(super) fn propose(&self, now: SimTime, current: i32, status: i32, metrics: &[Measured]) -> Option<i32> {
        let proposals = metrics.iter().map(|(target, reading)| {
            self.spec.calculator.propose(*target, reading.as_ref().ok()?, now, current, status).ok()
        });
        let (largest, have_all) = proposals.fold((None, true), |(largest, have_all), proposal: Option<i32>| {
            (largest.max(proposal), have_all && proposal.is_some())
        });
        largest.filter(|largest| have_all || *largest >= current)
    }

    /// From the proposal to the decision.
    fn normalize(&mut self, now: SimTime, current: i32, proposal: i32) -> i32 {
        let (min, max) = (self.spec.min_replicas, self.spec.max_replicas);
        match &mut self.past {
            Past::Behavior(memory) => {
                let stabilized = memory.stabilize(now, current, proposal);
                memory.limit_rate(now, current, stabilized, (min, max))
            }
            Past::Window(largest) => {
                // Here a recommendation exactly as old as the window still counts.
                let held = largest.of(now, proposal, self.spec.downscale_window);
                let doubled = current.saturating_mul(2).max(4);
                if held < min { min } else { held.min(max.min(doubled)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(1_000 + secs)
    }

    fn hpa(behavior: Option<Behavior>) -> Hpa {
        Hpa::new(HpaSpec { max_replicas: 100, behavior, ..HpaSpec::default() })
    }

    fn defaults() -> Option<Behavior> {
        Some(Behavior::with_downscale_window(DOWNSCALE_WINDOW))
    }

    fn load(value: i64) -> Measured {
        (Target::AverageValue(100), Ok(Reading::Value { value, ready: 1 }))
    }

    /// Replicas after each sync, each starting from the previous decision.
    fn replicas(hpa: &mut Hpa, mut current: i32, syncs: &[(u64, i64)]) -> Vec<i32> {
        let mut sync = |(secs, value): &(u64, i64)| {
            current = hpa.sync(at(*secs), current, current, &[load(*value)]).desired;
            current
        };
        syncs.iter().map(&mut sync).collect()
    }

    #[test]
    fn growth_with_and_without_behavior() {
        let syncs = [(0, 2000), (15, 2000), (30, 2000), (45, 2000)];
        assert_eq!(replicas(&mut hpa(defaults()), 1, &syncs), [5, 10, 20, 20]);
        assert_eq!(replicas(&mut hpa(None), 1, &syncs), [4, 8, 16, 20]);
        assert_eq!(replicas(&mut hpa(defaults()), 1, &[(0, 2000), (10, 2000), (20, 2000)]), [5, 5, 10]);
    }

    #[test]
    fn the_starting_size_holds_for_the_window() {
        let syncs: Vec<_> = (0..=21).map(|k| (15 * k, 400)).collect();
        assert_eq!(replicas(&mut hpa(defaults()), 10, &syncs)[19..], [10, 4, 4]);
        assert_eq!(replicas(&mut hpa(None), 10, &syncs)[19..], [10, 10, 4]);
    }

    #[test]
    fn bounds_come_before_metrics() {
        let spec = HpaSpec { min_replicas: 3, max_replicas: 10, ..HpaSpec::default() };
        for (current, desired) in [(12, 10), (2, 3), (0, 0)] {
            let sync = Hpa::new(spec.clone()).sync(at(0), current, current, &[load(500)]);
            assert_eq!(sync, Sync { proposal: None, desired }, "{current}");
        }
    }

    #[test]
    fn a_failed_metric_forbids_a_decrease_only() {
        let failed = (Target::Pods(1), Err(MetricError::Unavailable));
        let sync = |metrics: &[Measured]| hpa(None).sync(at(0), 4, 4, metrics);
        assert_eq!(sync(&[failed.clone(), load(800)]), Sync { proposal: Some(8), desired: 8 });
        assert_eq!(sync(&[failed.clone(), load(100)]), Sync { proposal: None, desired: 4 });
        assert_eq!(sync(&[failed]), Sync { proposal: None, desired: 4 });
        assert_eq!(sync(&[load(200), load(600)]).proposal, Some(6));
    }
}
