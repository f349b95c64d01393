//! Thresholds: as many instances as a target load per instance requires.
//!
//! The simplest rule, typical of home-made autoscalers: every `interval`, as many instances as `load / target`, rounded
//! up; fewer only if no decision of the last `scale_down_delay` wanted more.

use super::clock::Clock;
use super::peak::Peak;
use super::replay::Gauge;
use super::{MANY, Pause, Policy, Scaling, Totals, View};
use crate::rng::{Purpose, Stream};
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, Positive};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

choice! {
    /// The load that is measured per instance.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Load {
        "concurrency" => Concurrency, "Requests in progress or queued, averaged over the interval.";
        "request-rate" => RequestRate, "Requests per second, averaged over the interval.";
        "queue-depth" => QueueDepth, "Requests that are queued at the time of the decision.";
    }
}

parameters! {
    /// Enough instances to keep the load of each at a target, decided at fixed intervals.
    pub struct ThresholdsSpec {
        /// What is measured.
        default load: Load = Load::Concurrency,
        /// Target load per instance.
        required target: Positive,
        /// Interval between decisions.
        default interval: Pause = Span::from_secs(10),
        /// Scales in only if no decision within this time wanted more instances.
        default scale_down_delay: Duration = Span::from_secs(60),
        /// Minimum number of instances.
        default min_instances: Count<0, MANY> = 1,
    }
}

impl Policy for ThresholdsSpec {
    fn build(&self, _: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        Some(Box::new(Thresholds::new(self.clone())))
    }

    fn decides_on(&self) -> &'static [Gauge] {
        match self.load {
            Load::Concurrency => &[Gauge::Concurrency, Gauge::ConcurrencyPerPod],
            Load::RequestRate => &[Gauge::Rate],
            Load::QueueDepth => &[Gauge::Queue, Gauge::QueuePerPod],
        }
    }

    fn minimum_instances(&self) -> u32 {
        self.min_instances
    }

    fn pause(&self) -> Option<Span> {
        Some(self.interval)
    }
}

/// The state of the policy.
#[derive(Clone, Debug)]
struct Thresholds {
    spec: ThresholdsSpec,
    clock: Clock,
    before: Totals,
    wanted: Peak,
    /// The last load, the instances for it, and the result.
    last: Option<(f64, f64, f64)>,
}

impl Thresholds {
    /// A policy without history.
    fn new(spec: ThresholdsSpec) -> Self {
        Self { clock: Clock::new(spec.interval), spec, before: Totals::default(), wanted: Peak::default(), last: None }
    }

    fn load(&self, view: &View<'_>) -> f64 {
        let period = view.totals.since(&self.before);
        let interval_ns = self.spec.interval.as_nanos() as f64;
        match self.spec.load {
            Load::Concurrency => (period.in_progress_ns + period.queued_ns) as f64 / interval_ns,
            Load::RequestRate => period.arrived as f64 / (interval_ns / NANOS_PER_SECOND as f64),
            Load::QueueDepth => f64::from(view.queued),
        }
    }
}

impl Scaling for Thresholds {
    fn next(&self) -> SimTime {
        self.clock.next()
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        let least = f64::from(self.spec.min_instances);
        let load = self.load(view);
        let wanted = view.bounded((load / self.spec.target).ceil().max(least));
        self.before = view.totals;
        self.clock.ticked(view.now);
        let answer = self.wanted.of(view.now, wanted, self.spec.scale_down_delay);
        self.last = Some((load, wanted, answer));
        if load == 0.0 && view.is_quiet() && answer == f64::from(view.ordered) {
            self.clock.rest(self.wanted.holds_until(view.now, self.spec.scale_down_delay));
        }
        Some(answer)
    }

    fn arrived(&mut self, now: SimTime) {
        self.clock.wake(now);
    }

    fn why(&self) -> Option<String> {
        let (load, wanted, answer) = self.last?;
        let what = match self.spec.load {
            Load::Concurrency => "requests in progress or queued on average",
            Load::RequestRate => "requests a second",
            Load::QueueDepth => "requests queued",
        };
        let target = self.spec.target;
        let mut why = format!("{load:.2} {what} over the target {target}: {wanted} instances");
        if wanted == f64::from(self.spec.min_instances) && load / target < wanted {
            why += " (min-instances)";
        }
        if answer > wanted {
            why += &format!("; {answer} were needed within scale-down-delay {}", self.spec.scale_down_delay);
        }
        Some(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its decisions at 10 s, 20 s ... with this many requests in progress during each interval.
    fn answers(spec: &ThresholdsSpec, in_progress: &[u32]) -> Vec<f64> {
        let mut policy = Thresholds::new(spec.clone());
        let mut totals = Totals::default();
        let view = |now, totals| View {
            now,
            limit: 100,
            ordered: 0,
            per_instance: 1,
            existing: 0,
            ready: 0,
            taken: 0,
            instances: &[],
            in_progress: 0,
            queued: 0,
            totals,
        };
        policy.decide(&view(SimTime::ZERO, totals));
        let decide = |load: &u32| {
            let now = policy.next();
            totals.in_progress_ns += u128::from(*load) * u128::from(spec.interval.as_nanos());
            policy.decide(&view(now, totals)).expect("it always answers")
        };
        in_progress.iter().map(decide).collect()
    }

    #[test]
    fn as_many_as_the_load_needs_and_fewer_only_after_the_delay() {
        let spec = ThresholdsSpec {
            load: Load::Concurrency,
            target: 7.0,
            interval: Span::from_secs(10),
            scale_down_delay: Span::from_secs(20),
            min_instances: 1,
        };
        let answers = answers(&spec, &[0, 7, 8, 50, 1, 1, 1, 1000]);
        assert_eq!(answers, [1.0, 1.0, 2.0, 8.0, 8.0, 8.0, 1.0, 100.0]);
    }
}
