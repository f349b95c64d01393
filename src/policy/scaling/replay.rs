//! A policy on recorded metrics: what it would have decided, tick by tick.
//!
//! Pods and load are as recorded. The state of the policy (windows, panic, stabilization) follows from its own
//! decisions. A gauge keeps its value until the next sample, for at most `HOLD`: in a longer gap nothing is decided.

use super::{Scaling, Totals, View};
use crate::rng::{Purpose, Stream};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// How long a sample is valid, at least; otherwise twice the usual time between samples. The lookback of Prometheus.
const HOLD: Span = Span::from_secs(300);
/// Maximum number of pods: more than a Kubernetes cluster has must be an error in the recording.
pub const PODS_MAX: u32 = 200_000;
/// Maximum number of decisions of a replay; the rest of a longer recording is not replayed.
pub const TICKS_MAX: usize = 2_000_000;

macro_rules! gauges {
    ($($(#[doc = $doc:literal])+ $name:ident = $key:literal,)*) => {
        /// A quantity that monitoring records over time and autoscalers decide on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Gauge {
            $($(#[doc = $doc])+ $name,)*
        }
        impl Gauge {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name in tables.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $key,)* }
            }
        }
    };
}

gauges! {
    /// Existing pods.
    Pods = "pods",
    /// Ready pods.
    Ready = "ready_pods",
    /// Ordered pods.
    Desired = "desired_pods",
    /// Requests in progress.
    Concurrency = "concurrency",
    /// Requests per second.
    Rate = "requests_per_second",
    /// Queued requests or messages.
    Queue = "queue_length",
    /// Average use of the CPU that pods request; 1: all of it.
    CpuUtilization = "cpu_utilization",
    /// Average number of requests in progress per pod.
    ConcurrencyPerPod = "concurrency_per_pod",
    /// Average requests per second per pod.
    RatePerPod = "requests_per_second_per_pod",
    /// Queued requests or messages per pod.
    QueuePerPod = "queue_length_per_pod",
    /// Knative's average over the stable window.
    StableConcurrency = "stable_concurrency",
    /// Knative's average over the panic window.
    PanicConcurrency = "panic_concurrency",
    /// Knative's average over the stable window, of requests per second.
    StableRate = "stable_requests_per_second",
    /// Knative's average over the panic window, of requests per second.
    PanicRate = "panic_requests_per_second",
    /// Pods behind the averages per pod. Default: the ready ones.
    SampledPods = "sampled_pods",
    /// Running pods without a sample. Default: none.
    MissingPods = "missing_pods",
    /// Pods behind the CPU utilization. Default: the ready ones.
    CpuSampledPods = "cpu_sampled_pods",
    /// Running pods without a CPU sample. Default: none.
    CpuMissingPods = "cpu_missing_pods",
}

impl Gauge {
    /// The gauge with this name in a table.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|gauge| gauge.name() == name)
    }

    /// Whether its values are numbers of pods.
    const fn is_pods(self) -> bool {
        use Gauge::{CpuMissingPods, CpuSampledPods, Desired, MissingPods, Pods, Ready, SampledPods};
        matches!(self, Pods | Ready | Desired | SampledPods | MissingPods | CpuSampledPods | CpuMissingPods)
    }
}

/// The values of all gauges at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded([Option<f64>; Gauge::ALL.len()]);

impl Recorded {
    /// A value, if it was recorded.
    #[must_use]
    pub fn get(&self, gauge: Gauge) -> Option<f64> {
        self.0[gauge as usize]
    }

    /// Sets the value from now on.
    pub fn set(&mut self, gauge: Gauge, value: f64) {
        let most = if gauge.is_pods() { f64::from(PODS_MAX) } else { 1e12 };
        self.0[gauge as usize] = Some(value.clamp(0.0, most));
    }

    /// A number of pods, if it was recorded.
    pub(super) fn count(&self, gauge: Gauge) -> Option<u32> {
        self.get(gauge).map(|value| value.round() as u32)
    }

    /// Existing pods: as recorded, or else the ready ones, or the ordered ones.
    pub(super) fn pods(&self) -> u32 {
        [Gauge::Pods, Gauge::Ready, Gauge::Desired].iter().find_map(|gauge| self.count(*gauge)).unwrap_or(0)
    }

    /// Ready pods: as recorded, or else the existing ones.
    pub(super) fn ready(&self) -> u32 {
        self.count(Gauge::Ready).unwrap_or_else(|| self.pods())
    }

    /// Ordered pods: as recorded, or else the existing ones.
    fn ordered(&self) -> Option<u32> {
        [Gauge::Desired, Gauge::Pods, Gauge::Ready].iter().find_map(|gauge| self.count(*gauge))
    }
}

/// Values recorded at one time.
pub type Sample = (SimTime, Vec<(Gauge, f64)>);

/// What a replay knows about the function besides its policy.
pub struct Conditions<'a> {
    /// Requests that a pod serves at once.
    pub per_instance: u32,
    /// Maximum number of pods.
    pub limit: u32,
    /// When the recording starts, since the Unix epoch, because Knative's windows are aligned to that clock; `None`:
    /// unknown.
    pub start: Option<Span>,
    /// Whether a gauge was recorded.
    pub has: &'a dyn Fn(Gauge) -> bool,
    /// Random numbers for this purpose.
    pub stream: &'a dyn Fn(Purpose) -> Stream,
}

/// A policy that decides on recorded metrics.
pub trait Replay {
    /// When it next decides.
    fn next(&self) -> SimTime;

    /// From `now` on, these are the recorded values. This may bring the next decision forward to `now`.
    fn observe(&mut self, now: SimTime, recorded: &Recorded);

    /// Pods that it orders, where `before` had been ordered (`None`: unknown); `None` without data, or without a
    /// decision.
    fn decide(&mut self, now: SimTime, before: Option<u32>) -> Option<u32>;

    /// The reason for its last decision, in words.
    fn why(&self) -> Option<String>;
}

/// One decision next to what was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Time of the decision.
    pub at: SimTime,
    /// Pods ordered, or existing, at the last sample before the next decision.
    pub recorded: Option<u32>,
    /// Pods that the policy orders.
    pub decided: u32,
    /// Existing pods, and how many of them were ready.
    pub pods: u32,
    /// See `pods`.
    pub ready: u32,
    /// The reason for the decision.
    pub why: String,
}

/// Replays a policy on samples in order of time. `outcome` is the gauge with which its decisions are compared.
#[must_use]
pub fn replay(policy: &mut dyn Replay, samples: &[Sample], outcome: Gauge) -> Vec<Tick> {
    let hold = hold(samples);
    let mut recorded = Recorded::default();
    let mut ticks: Vec<Tick> = Vec::new();
    for (place, (at, values)) in samples.iter().enumerate() {
        let earlier = recorded.ordered();
        for (gauge, value) in values {
            recorded.set(*gauge, *value);
        }
        policy.observe(*at, &recorded);
        let next = samples.get(place + 1).map_or(*at + Span::from_nanos(1), |(next, _)| *next);
        let until = next.min(*at + hold);
        let mut before = earlier;
        let mut now = policy.next().max(*at);
        while now < until && ticks.len() < TICKS_MAX {
            if now > *at {
                before = recorded.ordered();
            }
            if let Some(decided) = policy.decide(now, before) {
                let (pods, ready) = (recorded.pods(), recorded.ready());
                let why = policy.why().unwrap_or_default();
                ticks.push(Tick { at: now, recorded: None, decided, pods, ready, why });
            }
            // Never twice at the same time.
            now = policy.next().max(now + Span::from_nanos(1));
        }
        if until < next {
            recorded = Recorded::default();
            policy.observe(until, &recorded);
        }
    }
    let mut tick = 0;
    for (at, values) in samples {
        while ticks.get(tick + 1).is_some_and(|next| next.at <= *at) {
            tick += 1;
        }
        let value = values.iter().rev().find(|(gauge, _)| *gauge == outcome);
        if let (Some(tick), Some((_, value))) = (ticks.get_mut(tick), value)
            && (tick.at..tick.at + hold).contains(at)
        {
            tick.recorded = Some(value.clamp(0.0, f64::from(PODS_MAX)).round() as u32);
        }
    }
    ticks
}

/// How long a sample is valid.
fn hold(samples: &[Sample]) -> Span {
    let mut steps: Vec<u64> = samples.windows(2).map(|pair| pair[1].0.since(pair[0].0).as_nanos()).collect();
    steps.sort_unstable();
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(0);
    HOLD.max(Span::from_nanos(usual.saturating_mul(2)))
}

/// A policy on recorded metrics that uses totals and no individual pods.
pub(super) struct OnTotals {
    policy: Box<dyn Scaling>,
    per_instance: u32,
    limit: u32,
    recorded: Recorded,
    totals: Totals,
    /// Totals are known up to this time.
    reached: SimTime,
    /// Requests that have arrived, including a fraction of the next one.
    arrived: f64,
    has_looked: bool,
}

impl OnTotals {
    pub(super) fn new(policy: Box<dyn Scaling>, conditions: &Conditions<'_>) -> Self {
        Self {
            policy,
            per_instance: conditions.per_instance,
            limit: conditions.limit,
            recorded: Recorded::default(),
            totals: Totals::default(),
            reached: SimTime::ZERO,
            arrived: 0.0,
            has_looked: false,
        }
    }

    /// Requests in progress, and queued requests.
    fn load(&self) -> (f64, f64) {
        let queue = self.recorded.get(Gauge::QueuePerPod).map(|each| each * f64::from(self.recorded.ready().max(1)));
        let queue = self.recorded.get(Gauge::Queue).or(queue).unwrap_or(0.0);
        let each = self.recorded.get(Gauge::ConcurrencyPerPod).map(|each| each * f64::from(self.recorded.ready()));
        (self.recorded.get(Gauge::Concurrency).or(each).unwrap_or(0.0), queue)
    }

    /// Adds the recorded values, which have held until `now`.
    fn advance(&mut self, now: SimTime) {
        let held = now.since(self.reached).as_nanos() as f64;
        let (concurrency, queue) = self.load();
        let integral = |level: f64| (level * held) as u128;
        self.arrived += self.recorded.get(Gauge::Rate).unwrap_or(0.0) * held / NANOS_PER_SECOND as f64;
        self.totals.arrived = self.arrived as u64;
        self.totals.ended = self.totals.arrived;
        self.totals.in_progress_ns += integral(concurrency);
        self.totals.queued_ns += integral(queue);
        self.totals.load_ns += integral(concurrency + queue);
        self.totals.ready_ns += u128::from(self.recorded.ready()) * held as u128;
        self.reached = now;
    }
}

impl Replay for OnTotals {
    fn next(&self) -> SimTime {
        self.policy.next()
    }

    fn observe(&mut self, now: SimTime, recorded: &Recorded) {
        self.advance(now);
        self.recorded = recorded.clone();
        let (concurrency, queue) = self.load();
        if concurrency + queue + recorded.get(Gauge::Rate).unwrap_or(0.0) > 0.0 {
            self.policy.arrived(now);
        }
    }

    fn decide(&mut self, now: SimTime, before: Option<u32>) -> Option<u32> {
        self.advance(now);
        let (concurrency, queue) = self.load();
        let (existing, ready) = (self.recorded.pods(), self.recorded.ready());
        let view = View {
            now,
            limit: self.limit,
            ordered: before.unwrap_or(existing),
            per_instance: self.per_instance,
            existing,
            ready,
            taken: concurrency.round() as u32,
            instances: &[],
            in_progress: concurrency.round() as u32,
            queued: queue.round() as u32,
            totals: self.totals,
        };
        let answer = self.policy.decide(&view).map(|answer| answer as u32);
        self.has_looked = self.policy.why().is_some();
        answer.filter(|answer| self.has_looked || Some(*answer) != before)
    }

    fn why(&self) -> Option<String> {
        self.policy.why()
    }
}

/// The first time after `now` that is a whole number of periods after `tick`.
pub(super) fn next_tick(tick: SimTime, period: Span, now: SimTime) -> SimTime {
    let passed = now.as_nanos().saturating_sub(tick.as_nanos()) / period.as_nanos().max(1);
    tick + Span::from_nanos(period.as_nanos().saturating_mul(passed + 1))
}

/// Names of gauges in an error, as `a` or `b`.
pub(super) fn wanted(of: &[Gauge]) -> String {
    let names: Vec<String> = of.iter().map(|gauge| format!("`{}`", gauge.name())).collect();
    names.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> SimTime {
        SimTime::ZERO + Span::from_secs(secs)
    }

    /// Orders as many pods as the concurrency, every 10 s.
    struct Follower(SimTime, Recorded, Vec<Option<u32>>);

    impl Replay for Follower {
        fn next(&self) -> SimTime {
            self.0
        }
        fn observe(&mut self, _: SimTime, recorded: &Recorded) {
            self.1 = recorded.clone();
        }
        fn decide(&mut self, now: SimTime, before: Option<u32>) -> Option<u32> {
            self.0 = now + Span::from_secs(10);
            self.2.push(before);
            self.1.count(Gauge::Concurrency)
        }
        fn why(&self) -> Option<String> {
            None
        }
    }

    #[test]
    fn a_sample_holds_until_the_next_one_and_a_decision_is_compared_with_the_last_before_the_next() {
        let samples: Vec<Sample> = [(0, 3.0, 3.0), (4, 9.0, 4.0), (25, 5.0, 9.0), (2_000, 7.0, 6.0)]
            .map(|(s, load, desired)| (at(s), vec![(Gauge::Concurrency, load), (Gauge::Desired, desired)]))
            .to_vec();
        let mut policy = Follower(SimTime::ZERO, Recorded::default(), Vec::new());
        let ticks = replay(&mut policy, &samples, Gauge::Desired);
        let found: Vec<_> =
            ticks.iter().map(|tick| (tick.at.as_nanos() / 1_000_000_000, tick.decided, tick.recorded)).collect();
        // Nothing is decided from 325 s to 2000 s, where nothing was recorded.
        assert_eq!(found[..4], [(0, 3, Some(4)), (10, 9, None), (20, 9, Some(9)), (30, 5, None)]);
        assert_eq!(found[found.len() - 2..], [(320, 5, None), (2_000, 7, Some(6))]);
        // What had been ordered before a decision is not the value recorded at the same time.
        assert_eq!(policy.2[..4], [None, Some(4), Some(4), Some(9)]);
        assert_eq!(policy.2.last(), Some(&None), "after a gap nobody knows");
    }

    #[test]
    fn nothing_recorded_nothing_decided() {
        let mut policy = Follower(SimTime::ZERO, Recorded::default(), Vec::new());
        assert_eq!(replay(&mut policy, &[], Gauge::Pods), []);
        assert_eq!(replay(&mut policy, &[(at(1), vec![(Gauge::Rate, 1.0)])], Gauge::Pods), []);
    }

    #[test]
    fn gauges_have_one_name_each() {
        for gauge in Gauge::ALL {
            assert_eq!(Gauge::of_name(gauge.name()), Some(*gauge));
        }
    }
}
