//! The decision: one tick of the autoscaler for one revision.

use super::TICK_INTERVAL;
use super::delay::DelayWindow;
use super::settings::DeciderSpec;
use crate::time::{SimTime, Span};

/// What the metric collector sees: averages of the scaled metric over the revision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed {
    /// Over the stable window.
    pub stable: f64,
    /// Over the panic window.
    pub panic: f64,
}

/// The result of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Desired pods.
    pub desired: i32,
    /// Capacity left after load and target burst; a negative value puts the activator into the path.
    pub excess_burst_capacity: i32,
}

/// The decider of one revision: its settings, whether it panics, and its delayed decisions.
///
/// Source: `pkg/autoscaler/scaling/autoscaler.go` of knative/serving; `ceil` and `floor` act on raw doubles.
#[derive(Clone, Debug)]
pub struct Decider {
    spec: DeciderSpec,
    panic_since: Option<SimTime>,
    max_panic_pods: i32,
    delay: Option<DelayWindow>,
    last: Option<Tick>,
}

/// What a tick saw and decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tick {
    /// The averages.
    pub observed: Observed,
    /// Ready pods.
    pub ready: i32,
    /// Pods for the stable and for the panic average, before and after the limits of rates.
    pub wanted: [(f64, i32); 2],
    /// Maximum and minimum by the rates.
    pub bounds: (f64, f64),
    /// Whether it panics.
    pub panics: bool,
    /// Desired pods before a decrease is delayed.
    pub undelayed: i32,
    /// Desired pods.
    pub desired: i32,
}

impl Decider {
    /// A decider that finds `ready` pods at `now` (0 if they cannot be counted). With more than one it starts in panic
    /// mode, so that a restart does not scale in before there is data. Whether decreases are delayed is fixed here.
    #[must_use]
    pub fn new(spec: DeciderSpec, now: SimTime, ready: i32) -> Self {
        let delay =
            (spec.scale_down_delay > Span::ZERO).then(|| DelayWindow::new(spec.scale_down_delay, TICK_INTERVAL));
        Self { spec, panic_since: (ready > 1).then_some(now), max_panic_pods: ready, delay, last: None }
    }

    /// Applies changed settings; panic and delayed decisions stay.
    pub fn update(&mut self, spec: DeciderSpec) {
        self.spec = spec;
    }

    /// What the last valid tick saw and decided.
    #[must_use]
    pub fn last(&self) -> Option<Tick> {
        self.last
    }

    /// The settings in force.
    #[must_use]
    pub fn spec(&self) -> &DeciderSpec {
        &self.spec
    }

    /// When it was last above the panic threshold, in panic mode.
    #[must_use]
    pub fn panic_since(&self) -> Option<SimTime> {
        self.panic_since
    }

    /// Maximum number of pods decided in this panic.
    #[must_use]
    pub fn max_panic_pods(&self) -> i32 {
        self.max_panic_pods
    }

    /// Until when every tick decides the same as at `now`, with `ready` pods and the given `observed` averages, if only
    /// zeros are recorded from now on, once a second if there are pods. `load_leaves`: when the last load leaves the
    /// stable window. `None` if unknown: only quiet revisions are considered.
    ///
    /// The averages do not grow in this time, so neither does the number of pods for them, and the excess burst
    /// capacity does not fall.
    #[must_use]
    pub fn rests_until(&self, ready: i32, observed: Observed, load_leaves: Option<SimTime>) -> Option<SimTime> {
        let spec = &self.spec;
        let pods_for_stable = (observed.stable / spec.target_value).ceil();
        let pods_for_panic = (observed.panic / spec.target_value).ceil();
        let may_leave_activator =
            excess_burst_capacity(spec, ready, observed.panic) < 0 && excess_burst_capacity(spec, ready, 0.0) >= 0;
        let is_quiet = pods_for_stable <= 1.0
            && pods_for_panic <= 1.0
            && pods_for_panic / f64::from(ready.max(1)) < spec.panic_threshold;
        if !is_quiet || may_leave_activator || self.delay.is_some() {
            return None;
        }
        let load_leaves = if pods_for_stable > 0.0 { load_leaves? } else { SimTime::NEVER };
        let panic_ends = self.panic_since.map_or(SimTime::NEVER, |since| since + spec.stable_window);
        Some(load_leaves.min(panic_ends))
    }

    /// One tick at `now` with `ready` pods (`None`: they could not be counted) and the `observed` averages (`None`: no
    /// data). Without either it decides nothing and changes nothing.
    pub fn scale(&mut self, now: SimTime, ready: Option<i32>, observed: Option<Observed>) -> Option<Decision> {
        let (ready, observed) = (ready?, observed?);
        let spec = &self.spec;
        let present = f64::from(ready.max(1));
        let ceiling = (spec.max_scale_up_rate * present).ceil();
        let floor = if spec.reachable { (present / spec.max_scale_down_rate).floor() } else { 0.0 };
        let pods_for_stable = (observed.stable / spec.target_value).ceil();
        let pods_for_panic = (observed.panic / spec.target_value).ceil();
        let bound = |pods: f64| {
            let bounded = pods.max(floor).min(ceiling) as i32;
            // The activation scale is not limited by the scale-up rate.
            let activated = if spec.activation_scale > 1 && pods > 0.0 { spec.activation_scale } else { bounded };
            bounded.max(activated)
        };
        let (stable, panic) = (bound(pods_for_stable), bound(pods_for_panic));

        if pods_for_panic / present >= spec.panic_threshold {
            self.panic_since = Some(now);
        } else if self.panic_since.is_some_and(|since| since + spec.stable_window < now) {
            self.panic_since = None;
            self.max_panic_pods = 0;
        }
        let mut desired = stable;
        if self.panic_since.is_some() {
            // In panic mode, it never scales in.
            self.max_panic_pods = self.max_panic_pods.max(stable).max(panic);
            desired = self.max_panic_pods;
        }
        let undelayed = desired;
        if let Some(delay) = self.delay.as_mut().filter(|_| spec.reachable) {
            desired = delay.record(now, desired);
        }
        self.last = Some(Tick {
            observed,
            ready,
            wanted: [(pods_for_stable, stable), (pods_for_panic, panic)],
            bounds: (floor, ceiling),
            panics: self.panic_since.is_some(),
            undelayed,
            desired,
        });
        Some(Decision { desired, excess_burst_capacity: excess_burst_capacity(spec, ready, observed.panic) })
    }
}

/// `floor(capacity of the ready pods - target burst - load)`, computed on the panic average.
fn excess_burst_capacity(spec: &DeciderSpec, ready: i32, load: f64) -> i32 {
    let burst = spec.target_burst_capacity;
    if burst == 0.0 {
        0
    } else if burst > 0.0 {
        (f64::from(ready) * spec.total_value - burst - load).floor() as i32
    } else {
        -1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::scaling::knative::annotations::Annotations;
    use crate::policy::scaling::knative::config::ConfigMap;
    use crate::policy::scaling::knative::settings::{Revision, Settings};

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(1_000 + secs)
    }

    fn spec(target_value: f64) -> DeciderSpec {
        let settings = Settings::resolve(&ConfigMap::default(), &Annotations::default(), &Revision::default());
        DeciderSpec { target_value, ..settings.decider }
    }

    fn desired(decider: &mut Decider, secs: u64, ready: i32, load: f64) -> i32 {
        let observed = Observed { stable: load, panic: load };
        decider.scale(at(secs), Some(ready), Some(observed)).expect("a valid tick").desired
    }

    #[test]
    fn raw_doubles_decide() {
        for (load, target, pods) in [(2.1, 0.7, 4), (2.1, 3.0 * 0.7, 2), (70.0, 70.0, 1)] {
            assert_eq!(desired(&mut Decider::new(spec(target), at(0), 1), 2, 1, load), pods, "{load} / {target}");
        }
        let slow = DeciderSpec { max_scale_up_rate: 1.1, max_scale_down_rate: 1.1, panic_threshold: 1e9, ..spec(1.0) };
        let mut decider = Decider::new(slow, at(0), 0);
        assert_eq!(desired(&mut decider, 2, 50, 1e6), 56); // 1.1 * 50 = 55.00000000000001
        assert_eq!(desired(&mut decider, 4, 33, 0.0), 29); // 33 / 1.1 = 29.999999999999996
    }

    #[test]
    fn one_pod_above_target_is_a_panic_and_holds_for_a_stable_window() {
        let mut decider = Decider::new(spec(10.0), at(0), 1);
        assert_eq!(desired(&mut decider, 2, 1, 10.1), 2);
        assert_eq!(decider.panic_since(), Some(at(2)));
        assert_eq!(desired(&mut decider, 62, 2, 0.0), 2, "exactly one stable window later it still panics");
        assert_eq!(desired(&mut decider, 64, 2, 0.0), 1, "then at most half of the ready pods go");
        assert_eq!((decider.panic_since(), decider.max_panic_pods()), (None, 0));
    }

    #[test]
    fn from_zero_one_request_is_one_pod_or_two() {
        let mut decider = Decider::new(spec(1.0), at(0), 0);
        assert_eq!((desired(&mut decider, 2, 0, 1.0), decider.panic_since()), (1, None));
        let mut decider = Decider::new(spec(0.7), at(0), 0);
        assert_eq!((desired(&mut decider, 2, 0, 1.0), decider.panic_since()), (2, Some(at(2))));
    }

    #[test]
    fn a_restart_keeps_the_pods_it_finds() {
        let mut decider = Decider::new(spec(10.0), at(0), 7);
        assert_eq!(desired(&mut decider, 2, 7, 1.0), 7);
    }

    #[test]
    fn rates_limit_against_ready_pods() {
        let limited = DeciderSpec { max_scale_up_rate: 2.0, panic_threshold: 100.0, ..spec(1.0) };
        let mut decider = Decider::new(limited, at(0), 1);
        assert_eq!(desired(&mut decider, 2, 3, 100.0), 6);
        assert_eq!(desired(&mut decider, 4, 9, 0.0), 4);
        let gone = DeciderSpec { reachable: false, ..spec(1.0) };
        assert_eq!(desired(&mut Decider::new(gone, at(0), 1), 2, 9, 0.0), 0);
    }

    #[test]
    fn activation_scale_needs_load() {
        let activated = DeciderSpec { activation_scale: 5, ..spec(10.0) };
        let mut decider = Decider::new(activated, at(0), 0);
        assert_eq!(desired(&mut decider, 2, 0, 0.0), 0);
        assert_eq!(desired(&mut decider, 4, 0, 1.0), 5);
    }

    #[test]
    fn the_delay_holds_a_decrease() {
        let delayed = DeciderSpec { scale_down_delay: Span::from_secs(4), panic_threshold: 100.0, ..spec(1.0) };
        let mut decider = Decider::new(delayed, at(0), 1);
        let loads = [(0, 4.0), (2, 2.0), (4, 2.0), (6, 2.0)];
        let pods: Vec<_> = loads.iter().map(|(secs, load)| desired(&mut decider, *secs, 2, *load)).collect();
        assert_eq!(pods, [4, 4, 2, 2]);
    }

    #[test]
    fn the_activator_leaves_while_there_is_room_for_the_burst() {
        for (ready, load, excess) in [(3, 89.0, 0), (3, 89.5, -1), (0, 1.0, -212)] {
            assert_eq!(excess_burst_capacity(&spec(70.0), ready, load), excess);
        }
        let zero = DeciderSpec { target_burst_capacity: 0.0, ..spec(70.0) };
        assert_eq!(excess_burst_capacity(&zero, 1, 1e6), 0);
    }

    #[test]
    fn an_invalid_tick_changes_nothing() {
        let mut decider = Decider::new(spec(10.0), at(0), 5);
        assert_eq!(decider.scale(at(500), None, Some(Observed { stable: 0.0, panic: 0.0 })), None);
        assert_eq!(decider.scale(at(500), Some(5), None), None);
        assert_eq!((decider.panic_since(), decider.max_panic_pods()), (Some(at(0)), 5));
    }
}
