//! OpenFaaS: the autoscaler of OpenFaaS Pro, and the alerts of the Community Edition.
//!
//! A function with the autoscaler of OpenFaaS Pro, with the labels `com.openfaas.scale.*`.
//!
//! Published (docs.openfaas.com/architecture/autoscaling; recording rules in the chart openfaas of faas-netes): desired
//! = ready replicas x mean load per replica / (target x target proportion), rounded up, between min and max; the load
//! by type as in [`OpenFaasLoad`]; with a `down.window`, fewer replicas only if nothing in it recommended more; to zero
//! when no request arrived for `zero-duration`. At zero, the gateway blocks the first request, sets the minimum, and
//! passes it on when a replica is ready.
//!
//! Not published; assumptions: it decides when the rules are evaluated, every 15 s, and sees them without delay. CPU
//! follows from requests: each in progress uses `cpu_per_request`. A replica at its `max_inflight` returns 429, and the
//! request is rejected; requests are spread over replicas at random, as by a Kubernetes Service.
//!
//! A function with the Community Edition of OpenFaaS: Prometheus fires an alert, Alertmanager passes it on, and the
//! gateway adds replicas.
//!
//! Published (chart openfaas of faas-netes, gateway/handlers/alerthandler.go): the alert is that more than 5 requests
//! per second were completed over the last 10 s, for 5 s; evaluated every 15 s. Each time the gateway is notified, it
//! adds ceil(max / 100 x factor) replicas up to max, at most 5; when the alert ends, it goes back to min. Alertmanager
//! notifies of a new alert after 5 s, of its end at the next 10 s, and repeats it every 30 s.
//!
//! Assumptions: the clocks of Prometheus and Alertmanager start together, from which the rest follows. An alert fires
//! at the evaluation after the one that first saw it; the gateway is notified 5 s later, then every 40 s (the first
//! multiple of 10 s beyond 30 s), and of its end 10 s after the evaluation that saw it. There are never zero replicas;
//! requests are spread over replicas at random. Everything that ended counts as completed, even if it was not served.

use std::collections::VecDeque;

use super::peak::Peak;
use super::replay::Gauge;
use super::{MANY, POD_GRACE_PERIOD, Pause, Policy, Removal, Scaling, Slots, Totals, View};
use crate::policy::selection::Selection;
use crate::rng::{Purpose, Stream};
use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Duration, Flag, Positive};
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

choice! {
    /// The load that is measured per replica.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum OpenFaasLoad {
        "rps" => Rps, "Requests completed per second, over the last 30 s.";
        "capacity" => Capacity, "Maximum number of requests in flight over the last 45 s.";
        "cpu" => Cpu, "Milli-CPU in use, over the last minute.";
    }
}

parameters! {
    /// OpenFaaS Pro: replicas by load, down to zero.
    pub struct OpenFaasSpec {
        /// What is measured: the label `type`.
        default load: OpenFaasLoad = OpenFaasLoad::Rps,
        /// Target load per replica.
        default target: Positive = 50.0,
        /// Share of it to aim for.
        default target_proportion: Positive = 0.9,
        /// Minimum number of replicas under load.
        default min: Count<1, MANY> = 1,
        /// Maximum number of replicas.
        default max: Count<1, MANY> = 20,
        /// Whether it may scale to zero.
        default zero: Flag = false,
        /// How long there must have been no requests before it does.
        default zero_duration: Duration = Span::from_secs(900),
        /// Scales in only if no decision within this time recommended more: the label `down.window`.
        default down_window: Duration = Span::ZERO,
        /// Requests that a replica accepts before it returns 429 (variable of its watchdog); 0: no limit.
        default max_inflight: Count<0, MANY> = 0,
        /// Milli-CPU that a request in progress uses.
        default cpu_per_request: Amount = 1000.0,
        /// Interval between decisions: how often Prometheus evaluates its rules.
        default interval: Pause = Span::from_secs(15),
    }
}

impl OpenFaasSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        at_most(check, self.min, self.max);
        let rule = "com.openfaas.scale.down.window is at most 5m";
        check.rule("down-window", self.down_window, self.down_window <= Span::from_secs(300), rule);
    }
}

fn at_most(check: &mut Check<'_, '_, '_>, min: u32, max: u32) {
    check.rule("min", min, min <= max, format!("there are at most {max} replicas (max)"));
}

impl Policy for OpenFaasSpec {
    fn build(&self, _: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        Some(Box::new(OpenFaas::new(self.clone())))
    }

    fn decides_on(&self) -> &'static [Gauge] {
        match self.load {
            OpenFaasLoad::Rps => &[Gauge::Rate],
            OpenFaasLoad::Capacity | OpenFaasLoad::Cpu => &[Gauge::Concurrency, Gauge::ConcurrencyPerPod],
        }
    }

    fn slots(&self, _memory_mb: u32) -> Option<Slots> {
        Some(Slots { key: "max-inflight", number: self.max_inflight })
    }

    fn selection(&self) -> Option<Selection> {
        Some(Selection::Random)
    }

    fn termination_grace_period(&self, _timeout: Option<Span>) -> Option<Span> {
        Some(POD_GRACE_PERIOD)
    }

    fn pause(&self) -> Option<Span> {
        Some(self.interval.min(SAMPLE))
    }
}

/// Interval at which the maximum in flight is determined.
const SAMPLE: Span = Span::from_secs(5);

/// The state of the autoscaler.
#[derive(Clone, Debug)]
struct OpenFaas {
    spec: OpenFaasSpec,
    tick: SimTime,
    sample: SimTime,
    /// When a request last arrived at a function at zero.
    awake: SimTime,
    past: Past,
    in_flight: Peak,
    recommended: Peak,
    last_request: SimTime,
    ordered: f64,
}

/// Totals at past evaluations.
#[derive(Clone, Debug, Default)]
struct Past(VecDeque<(SimTime, Totals)>);

impl Past {
    /// What happened in the last `window`; before the run there was nothing.
    fn last(&mut self, now: SimTime, totals: Totals, window: Span) -> Totals {
        self.0.push_back((now, totals));
        while self.0.get(1).is_some_and(|(at, _)| *at + window <= now) {
            self.0.pop_front();
        }
        totals.since(&self.0.front().map_or(totals, |(_, before)| *before))
    }
}

fn per_second(count: u64, window: Span) -> f64 {
    count as f64 * NANOS_PER_SECOND as f64 / window.as_nanos() as f64
}

impl OpenFaas {
    /// An autoscaler without history.
    fn new(spec: OpenFaasSpec) -> Self {
        Self {
            spec,
            tick: SimTime::ZERO,
            sample: SimTime::ZERO,
            awake: SimTime::NEVER,
            past: Past::default(),
            in_flight: Peak::default(),
            recommended: Peak::default(),
            last_request: SimTime::ZERO,
            ordered: 0.0,
        }
    }

    /// The total load of all replicas.
    fn load(&mut self, view: &View<'_>, most_in_flight: f64) -> f64 {
        match self.spec.load {
            OpenFaasLoad::Rps => {
                let window = Span::from_secs(30);
                per_second(self.past.last(view.now, view.totals, window).ended, window)
            }
            OpenFaasLoad::Capacity => most_in_flight,
            OpenFaasLoad::Cpu => {
                let window = Span::from_secs(60);
                let busy = self.past.last(view.now, view.totals, window).in_progress_ns as f64;
                busy / window.as_nanos() as f64 * self.spec.cpu_per_request
            }
        }
    }

    fn is_idle(&self, view: &View<'_>) -> bool {
        self.spec.zero && view.in_progress + view.queued == 0 && self.last_request + self.spec.zero_duration <= view.now
    }

    fn desired(&mut self, view: &View<'_>, most_in_flight: f64) -> f64 {
        let load = self.load(view, most_in_flight);
        let (least, most) = (f64::from(self.spec.min), f64::from(self.spec.max));
        let desired = (load / (self.spec.target * self.spec.target_proportion)).ceil().clamp(least, most);
        let desired = self.recommended.of(view.now, desired, self.spec.down_window);
        // At zero it stays there until a request arrives.
        if self.is_idle(view) || (self.ordered == 0.0 && view.now > SimTime::ZERO) { 0.0 } else { desired }
    }
}

impl Scaling for OpenFaas {
    fn next(&self) -> SimTime {
        self.tick.min(self.sample).min(self.awake)
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        let in_flight = f64::from(view.in_progress) + f64::from(view.queued);
        let most_in_flight = self.in_flight.of(view.now, in_flight, Span::from_secs(45));
        if self.sample <= view.now {
            let is_asked_for = self.spec.load == OpenFaasLoad::Capacity;
            self.sample = if is_asked_for { view.now + SAMPLE } else { SimTime::NEVER };
        }
        if self.awake <= view.now {
            self.awake = SimTime::NEVER;
            self.ordered = self.ordered.max(f64::from(self.spec.min));
        }
        if self.tick <= view.now {
            self.ordered = self.desired(view, most_in_flight);
            self.tick = view.now + self.spec.interval;
        }
        self.ordered = view.bounded(self.ordered);
        Some(self.ordered)
    }

    fn arrived(&mut self, now: SimTime) {
        self.last_request = now;
        if self.ordered == 0.0 {
            self.awake = now;
        }
    }

    fn waits_at_instance(&self) -> Option<u32> {
        Some(0)
    }

    fn removal(&self) -> Removal {
        Removal::Youngest
    }
}

parameters! {
    /// OpenFaaS Community Edition: an alert adds replicas.
    pub struct OpenFaasCeSpec {
        /// Completed requests per second, over the last 10 s, above which the alert fires.
        default threshold: Positive = 5.0,
        /// Minimum number of replicas.
        default min: Count<1, MANY> = 1,
        /// Maximum number of replicas.
        default max: Count<1, MANY> = 5,
        /// Replicas that an alert adds each time, as a percentage of the maximum.
        default factor: Count<0, 100> = 20,
        /// Requests that a replica accepts before it returns 429; 0: no limit.
        default max_inflight: Count<0, MANY> = 0,
    }
}

impl OpenFaasCeSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        at_most(check, self.min, self.max);
        let rule = "the Community Edition has at most 5 replicas of a function";
        check.rule("max", self.max, self.max <= 5, rule);
    }
}

impl Policy for OpenFaasCeSpec {
    fn build(&self, _: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        Some(Box::new(OpenFaasCe::new(self.clone())))
    }

    fn decides_on(&self) -> &'static [Gauge] {
        &[Gauge::Rate]
    }

    fn slots(&self, _memory_mb: u32) -> Option<Slots> {
        Some(Slots { key: "max-inflight", number: self.max_inflight })
    }

    fn selection(&self) -> Option<Selection> {
        Some(Selection::Random)
    }

    fn termination_grace_period(&self, _timeout: Option<Span>) -> Option<Span> {
        Some(POD_GRACE_PERIOD)
    }

    fn pause(&self) -> Option<Span> {
        Some(SAMPLE)
    }
}

/// Interval at which Prometheus evaluates its rules.
const EVALUATION: Span = Span::from_secs(15);
/// Window of its rate.
const RATE_WINDOW: Span = Span::from_secs(10);
/// Delay until Alertmanager notifies of a new alert.
const GROUP_WAIT: Span = Span::from_secs(5);
/// Interval at which it notifies of the end of an alert.
const GROUP_INTERVAL: Span = Span::from_secs(10);
/// Interval at which it repeats an alert.
const REPEAT: Span = Span::from_secs(40);

/// The state of the alerts.
#[derive(Clone, Debug)]
struct OpenFaasCe {
    spec: OpenFaasCeSpec,
    evaluation: SimTime,
    /// When the totals for the next evaluation's rate are taken.
    start_of_rate: SimTime,
    before: Totals,
    alert: Alert,
    /// When the gateway is next notified.
    heard: SimTime,
    ordered: f64,
}

/// The state of the alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alert {
    Inactive,
    Pending,
    Firing,
}

impl OpenFaasCe {
    /// Alerts without history.
    fn new(spec: OpenFaasCeSpec) -> Self {
        Self {
            ordered: f64::from(spec.min),
            spec,
            evaluation: SimTime::ZERO + EVALUATION,
            start_of_rate: SimTime::ZERO,
            before: Totals::default(),
            alert: Alert::Inactive,
            heard: SimTime::NEVER,
        }
    }

    fn evaluate(&mut self, now: SimTime, totals: Totals) {
        let rate = per_second(totals.since(&self.before).ended, RATE_WINDOW);
        let alert = match self.alert {
            _ if rate <= self.spec.threshold => Alert::Inactive,
            Alert::Inactive => Alert::Pending,
            Alert::Pending | Alert::Firing => Alert::Firing,
        };
        match (self.alert, alert) {
            (Alert::Pending, Alert::Firing) => self.heard = now + GROUP_WAIT,
            (Alert::Firing, Alert::Inactive) => self.heard = now + GROUP_INTERVAL,
            _ => {}
        }
        self.alert = alert;
    }

    fn hear(&mut self, now: SimTime) {
        if self.alert == Alert::Firing {
            let most = f64::from(self.spec.max);
            let step = (most / 100.0 * f64::from(self.spec.factor)).ceil();
            self.ordered = (self.ordered + step).min(most);
            self.heard = now + REPEAT;
        } else {
            self.ordered = f64::from(self.spec.min);
            self.heard = SimTime::NEVER;
        }
    }
}

impl Scaling for OpenFaasCe {
    fn next(&self) -> SimTime {
        self.start_of_rate.min(self.evaluation).min(self.heard)
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        let now = view.now;
        if self.evaluation <= now {
            self.evaluate(now, view.totals);
            self.evaluation = now + EVALUATION;
        }
        if self.start_of_rate <= now {
            self.before = view.totals;
            // The first evaluation is early, and is repeated.
            let due = SimTime::from_nanos(self.evaluation.as_nanos() - RATE_WINDOW.as_nanos());
            self.start_of_rate = if due > now { due } else { due + EVALUATION };
        }
        if self.heard <= now {
            self.hear(now);
        }
        Some(view.bounded(self.ordered))
    }

    fn waits_at_instance(&self) -> Option<u32> {
        Some(0)
    }

    fn removal(&self) -> Removal {
        Removal::Youngest
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, view};
    use super::*;

    fn spec(load: OpenFaasLoad) -> OpenFaasSpec {
        OpenFaasSpec {
            load,
            target: 50.0,
            target_proportion: 0.9,
            min: 1,
            max: 20,
            zero: false,
            zero_duration: Span::from_secs(900),
            down_window: Span::ZERO,
            max_inflight: 0,
            cpu_per_request: 1000.0,
            interval: Span::from_secs(15),
        }
    }

    /// What it orders at each multiple of 5 s up to `until`, given the totals and requests in flight at that time.
    fn orders(policy: &mut dyn Scaling, until: u64, seen: impl Fn(u64) -> (Totals, u32)) -> Vec<f64> {
        let mut answers = Vec::new();
        for now in (0..=until).step_by(5) {
            let (totals, in_progress) = seen(now);
            let mut answer = answers.last().copied().unwrap_or(0.0);
            while policy.next() <= at(now) {
                answer = policy.decide(&View { totals, in_progress, ..view(at(now)) }).expect("an answer");
            }
            answers.push(answer);
        }
        answers
    }

    fn completed(ended: u64) -> Totals {
        Totals { ended, ..Totals::default() }
    }

    #[test]
    fn requests_per_second() {
        // 100 requests/s over 30 s, / (50 x 0.9) = 2.2; at 15 s half of the window has seen them: 1.1.
        let answers = orders(&mut OpenFaas::new(spec(OpenFaasLoad::Rps)), 45, |now| (completed(100 * now), 100));
        assert_eq!(answers, [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0]);
    }

    #[test]
    fn the_example_of_the_documentation() {
        // Target 5, proportion 1: 15 in flight need 3 replicas, 25 need 5, none need the minimum.
        let capacity = OpenFaasSpec { target: 5.0, target_proportion: 1.0, ..spec(OpenFaasLoad::Capacity) };
        let mut policy = OpenFaas::new(capacity);
        let in_flight = |now: u64| {
            if now < 30 {
                15
            } else if now < 60 {
                25
            } else {
                0
            }
        };
        let answers = orders(&mut policy, 150, |now| (Totals::default(), in_flight(now)));
        // The 25 at 55 s are the maximum until 100 s.
        assert_eq!([3, 6, 12, 18, 20, 21].map(|tick| answers[tick]), [3.0, 5.0, 5.0, 5.0, 5.0, 1.0]);
    }

    #[test]
    fn milli_cpus() {
        // 2 requests in progress at 1,000 milli-CPU, / (500 x 0.9) = 4.4, once the minute is full.
        let mut policy = OpenFaas::new(OpenFaasSpec { target: 500.0, ..spec(OpenFaasLoad::Cpu) });
        let busy = |now: u64| Totals { in_progress_ns: u128::from(2 * now) * 1_000_000_000, ..Totals::default() };
        assert_eq!(orders(&mut policy, 75, |now| (busy(now), 2))[15], 5.0);
    }

    #[test]
    fn to_zero_and_back() {
        let mut policy = OpenFaas::new(OpenFaasSpec { zero: true, ..spec(OpenFaasLoad::Rps) });
        policy.arrived(at(10));
        let answers = orders(&mut policy, 930, |_| (completed(1), 0));
        assert_eq!([181, 182, 183, 186].map(|tick| answers[tick]), [1.0, 1.0, 0.0, 0.0]);
        policy.arrived(at(932));
        assert_eq!(policy.next(), at(932), "the gateway does not wait for the autoscaler");
        assert_eq!(policy.decide(&View { queued: 1, ..view(at(932)) }), Some(1.0));
        assert_eq!(policy.next(), at(945));
    }

    #[test]
    fn fewer_only_if_the_window_recommended_no_more() {
        let mut policy = OpenFaas::new(OpenFaasSpec { down_window: Span::from_secs(60), ..spec(OpenFaasLoad::Rps) });
        let answers = orders(&mut policy, 135, |now| (completed(100 * now.min(30)), 0));
        // 3 at 30 s; 2 at 45 s, 1 from 60 s on.
        assert_eq!([6, 18, 21, 24].map(|tick| answers[tick]), [3.0, 3.0, 2.0, 1.0]);
    }

    #[test]
    fn an_alert_adds_a_fifth_of_the_most() {
        let spec = OpenFaasCeSpec { threshold: 5.0, min: 1, max: 5, factor: 20, max_inflight: 0 };
        // 6 requests per second until 65 s: seen at 15 s, fires at 30 s, notified at 35 s and 75 s. At 75 s the rate is
        // back down: the alert ends, which is notified at 85 s.
        let answers = orders(&mut OpenFaasCe::new(spec.clone()), 90, |now| (completed(6 * now.min(65)), 0));
        assert_eq!([6, 7, 14, 15, 16, 17].map(|tick| answers[tick]), [1.0, 2.0, 2.0, 2.0, 2.0, 1.0]);
        let answers = orders(&mut OpenFaasCe::new(spec), 235, |now| (completed(6 * now), 0));
        assert_eq!([7, 14, 15, 23, 31, 39, 47].map(|tick| answers[tick]), [2.0, 2.0, 3.0, 4.0, 5.0, 5.0, 5.0]);
    }
}
