//! Google Cloud Run: metrics of the last minute, an immediate instance for a request without a free slot, and idle
//! instances that are kept for a while.
//!
//! One revision of a Cloud Run service (or of a second-generation function).
//!
//! Published (docs.cloud.google.com/run/docs/about-instance-autoscaling, 2026): instances = the larger of CPU in use /
//! (CPUs per instance x CPU target) and concurrent requests / (maximum concurrency x concurrency target), each averaged
//! over one minute and rounded up, with both targets at 60 %; evaluated periodically (older versions: every 5 s). In
//! addition, a request without a free slot starts an instance at once. Idle instances are kept up to 15 min, minimum
//! instances forever. From zero, only a request starts an instance.
//!
//! Not published, and modeled so: before a run there was no load, so its first minute is averaged with nothing; requests
//! that wait count only for the instance that they start, and as many start as the waiting ones need beyond the slots of
//! those on their way; an instance is kept for all of `idle_timeout` after its last request, and the one that has
//! been idle longest goes first. CPU follows from requests, not from what code does: each in progress uses
//! `cpu_per_request`, all together no more than the ready instances have. Absent: `max_instances` exceeded for a moment.

use std::collections::VecDeque;

use super::clock::{Clock, just_before};
use super::{InstanceView, MANY, Pause, Policy, REMEMBERED_MAX, Removal, RequestTag, Scaling, Slots, Totals, View};
use crate::id::InstanceId;
use crate::rng::{Purpose, Stream};
use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Duration, Positive, PositiveDuration, Share};
use crate::time::{SimTime, Span};

parameters! {
    /// Google Cloud Run and its functions: metrics over the last minute, plus an immediate instance when no slot is
    /// free.
    pub struct CloudRunSpec {
        /// Simultaneous requests per instance.
        default concurrency: Count<1, MANY> = 80,
        /// Share of it to aim for.
        default concurrency_target: Share = 0.6,
        /// vCPUs of an instance.
        default cpu: Positive = 1.0,
        /// Share of them to aim for.
        default cpu_target: Share = 0.6,
        /// vCPUs that a request in progress uses; 0: scaling ignores the CPU.
        default cpu_per_request: Amount = 0.0,
        /// Time over which metrics are averaged.
        default window: PositiveDuration = Span::from_secs(60),
        /// Interval between decisions.
        default interval: Pause = Span::from_secs(5),
        /// How long an idle instance is kept: the maximum by the documentation, the usual time as measured.
        default idle_timeout: Duration = Span::from_secs(900),
        /// Minimum number of instances.
        default min_instances: Count<0, MANY> = 0,
        /// Maximum number of instances.
        default max_instances: Count<1, MANY> = 100,
    }
}

impl CloudRunSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let (concurrency, most) = (self.concurrency, self.max_instances);
        let rule = "an instance of Cloud Run takes at most 1000 requests";
        check.rule("concurrency", concurrency, concurrency <= 1000, rule);
        let rule = "less than 1 vCPU takes one request at a time: write concurrency = 1";
        check.rule("cpu", self.cpu, self.cpu >= 1.0 || concurrency == 1, rule);
        for (key, target) in [("concurrency-target", self.concurrency_target), ("cpu-target", self.cpu_target)] {
            check.rule(key, target, target > 0.0, "a target is above 0");
        }
        let remembered = self.window.as_nanos() / self.interval.as_nanos();
        let rule =
            format!("that is {remembered} times in a `window`, and each is remembered: at most {REMEMBERED_MAX}");
        check.rule("interval", self.interval, remembered <= REMEMBERED_MAX, rule);
        let rule = format!("there are at most {most} instances (max-instances)");
        check.rule("min-instances", self.min_instances, self.min_instances <= most, rule);
    }
}

impl Policy for CloudRunSpec {
    fn build(&self, _: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        Some(Box::new(CloudRun::new(self.clone())))
    }

    fn minimum_instances(&self) -> u32 {
        self.min_instances
    }

    fn slots(&self, _memory_mb: u32) -> Option<Slots> {
        Some(Slots { key: "concurrency", number: self.concurrency })
    }

    /// 3.5 times the mean start, and at least 10 s (docs.cloud.google.com/run/docs/about-instance-autoscaling).
    fn queue_timeout(&self, mean_start_s: f64) -> Option<Span> {
        // A start with an infinite mean is waited for.
        Span::from_secs_f64((3.5 * mean_start_s).max(10.0)).ok()
    }

    fn pause(&self) -> Option<Span> {
        Some(self.interval)
    }
}

/// The autoscaler of one revision.
#[derive(Clone, Debug)]
struct CloudRun {
    spec: CloudRunSpec,
    /// When the metrics are looked at.
    clock: Clock,
    /// The values that have held since the last evaluation, while it rests.
    rest: Option<Rest>,
    /// Set when a request may not have found a free slot.
    at_once: SimTime,
    /// Totals at the evaluations of the last minute, preceded by one more, from which the minute is counted.
    past: VecDeque<(SimTime, Totals)>,
    /// The last recommendation from the metrics.
    recommended: f64,
    /// Requests in progress, and the slots of instances, started or starting.
    requests: u64,
    room: u64,
    /// No idle instance has been kept long enough before this time.
    goes_at: SimTime,
    /// Instances that were last needed, recommended and ordered.
    last: Option<(f64, f64, f64)>,
}

/// Nothing is in progress and this number of instances is ready, so the result of every skipped decision is known.
#[derive(Clone, Copy, Debug)]
struct Rest {
    since: SimTime,
    totals: Totals,
    ready: u32,
}

impl CloudRun {
    /// An autoscaler without history.
    fn new(spec: CloudRunSpec) -> Self {
        Self {
            clock: Clock::new(spec.interval),
            spec,
            rest: None,
            at_once: SimTime::NEVER,
            past: VecDeque::new(),
            recommended: 0.0,
            requests: 0,
            room: 0,
            goes_at: SimTime::ZERO,
            last: None,
        }
    }

    /// The recommendation from the metrics of the last minute, and its maximum while no request arrives.
    fn recommend(&mut self, now: SimTime, totals: Totals) -> (f64, f64) {
        self.past.push_back((now, totals));
        while self.past.get(1).is_some_and(|(at, _)| *at + self.spec.window <= now) {
            self.past.pop_front();
        }
        let before = self.past.front().map_or(totals, |(_, before)| *before);
        let minute = totals.since(&before);
        let window = self.spec.window.as_nanos() as f64;
        let requests = minute.in_progress_ns as f64 / window;
        let ready = minute.ready_ns as f64 / window;
        let spec = &self.spec;
        let cpus = requests * spec.cpu_per_request;
        let by_concurrency = (requests / (f64::from(spec.concurrency) * spec.concurrency_target)).ceil();
        let recommended = |cpus: f64| (cpus / spec.cpu / spec.cpu_target).ceil().max(by_concurrency);
        (recommended(cpus.min(ready * spec.cpu)), recommended(cpus))
    }

    /// Something happens: from now on, metrics are evaluated again. Adds what the evaluations skipped until now would have seen,
    /// as far back as the window reaches.
    fn wake(&mut self, now: SimTime) {
        let (Some(Rest { since, totals, ready }), Some(last)) = (self.rest.take(), self.clock.wake(now)) else {
            return;
        };
        let (interval, window) = (self.spec.interval.as_nanos(), self.spec.window.as_nanos());
        let looks = last.since(since).as_nanos() / interval;
        let seen = |look: u64| {
            let held = Span::from_nanos(look * interval);
            let ready_ns = totals.ready_ns + u128::from(ready) * u128::from(held.as_nanos());
            (since + held, Totals { ready_ns, ..totals })
        };
        self.past.extend((looks.saturating_sub(window / interval + 1).max(1)..looks).map(seen));
        let (at, totals) = seen(looks);
        self.recommended = self.recommend(at, totals).0;
    }

    /// The recommendation does not grow until an instance has been idle for long enough, unless something happens.
    fn may_rest(&self, view: &View<'_>, most: f64, answer: f64) -> bool {
        let is_quiet = self.requests == 0 && view.is_quiet() && view.ready == view.existing;
        is_quiet && most <= answer && answer == f64::from(view.ordered)
    }

    /// Instances that are starting, busy, or not yet idle for long enough.
    fn kept(&mut self, view: &View<'_>) -> u32 {
        if !self.looks_at_instances(view.now) {
            return view.existing;
        }
        let idle = view.instances.iter().filter(|instance| instance.ready.is_some() && instance.in_flight == 0);
        let goes_at = |instance: &InstanceView| instance.last_used + self.spec.idle_timeout;
        let gone = idle.clone().filter(|instance| goes_at(instance) <= view.now).count() as u32;
        // An instance that becomes idle later is removed later.
        self.goes_at = idle.map(goes_at).fold(view.now + self.spec.idle_timeout, SimTime::min);
        view.existing - gone
    }

    /// Instances that the waiting requests need beyond those that are starting.
    fn missing(&self, view: &View<'_>) -> u32 {
        let free = u64::from(view.existing) * u64::from(self.spec.concurrency) - u64::from(view.taken);
        let waiting = u64::from(view.queued).saturating_sub(free);
        waiting.div_ceil(u64::from(self.spec.concurrency)) as u32
    }

    fn leave(&mut self) {
        self.requests = self.requests.saturating_sub(1);
    }
}

impl Scaling for CloudRun {
    fn next(&self) -> SimTime {
        self.clock.next().min(self.at_once)
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        self.wake(just_before(view.now));
        let mut most = f64::INFINITY;
        if self.clock.next() <= view.now {
            (self.recommended, most) = self.recommend(view.now, view.totals);
            self.clock.ticked(view.now);
        }
        self.at_once = SimTime::NEVER;
        let needed = f64::from(self.kept(view) + self.missing(view));
        let wanted = needed.max(self.recommended).max(f64::from(self.spec.min_instances));
        let answer = view.bounded(wanted.min(f64::from(self.spec.max_instances)));
        self.last = Some((needed, self.recommended, answer));
        self.room = answer as u64 * u64::from(self.spec.concurrency);
        if self.may_rest(view, most, answer) {
            self.rest = Some(Rest { since: view.now, totals: view.totals, ready: view.ready });
            let is_least = answer <= f64::from(self.spec.min_instances);
            self.clock.rest(if is_least { SimTime::NEVER } else { just_before(self.goes_at) });
        }
        Some(answer)
    }

    fn why(&self) -> Option<String> {
        let (needed, recommended, answer) = self.last?;
        let bounds = (self.spec.min_instances, self.spec.max_instances);
        Some(format!(
            "{recommended} instances by CPU and concurrency over the last {}; {needed} kept or needed for requests that wait; \
             bounds {} to {}: {answer}",
            self.spec.window, bounds.0, bounds.1
        ))
    }

    fn arrived(&mut self, now: SimTime) {
        self.wake(now);
        self.requests += 1;
        if self.requests > self.room {
            self.at_once = now;
        }
    }

    fn ended(&mut self, _now: SimTime, _instance: InstanceId, _mark: RequestTag) {
        self.leave();
    }

    fn ended_unserved(&mut self, _now: SimTime, _waited: bool) {
        self.leave();
    }

    fn ready(&mut self, now: SimTime, _instance: InstanceId) {
        self.wake(now);
    }

    fn withdrawn(&mut self, now: SimTime, _instance: InstanceId) {
        self.wake(now);
    }

    fn looks_at_instances(&self, now: SimTime) -> bool {
        now >= self.goes_at
    }

    fn removal(&self) -> Removal {
        Removal::LongestIdle
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, ready, rests_without_a_trace, view};
    use super::*;

    fn spec() -> CloudRunSpec {
        CloudRunSpec {
            concurrency: 80,
            concurrency_target: 0.6,
            cpu: 1.0,
            cpu_target: 0.6,
            cpu_per_request: 0.0,
            window: Span::from_secs(60),
            interval: Span::from_secs(5),
            idle_timeout: Span::from_secs(900),
            min_instances: 0,
            max_instances: 100,
        }
    }

    /// Its decision at each multiple of 5 s, with this many requests in progress and instances ready throughout.
    fn under(spec: CloudRunSpec, in_progress: u32, ready: u32, decisions: u64) -> Vec<f64> {
        let mut policy = CloudRun::new(spec);
        let integral = |number: u32, now: u64| u128::from(number) * u128::from(now) * 1_000_000_000;
        let mut decide = |now: u64| {
            let (in_progress_ns, ready_ns) = (integral(in_progress, now), integral(ready, now));
            let totals = Totals { in_progress_ns, ready_ns, ..Totals::default() };
            policy.decide(&View { in_progress, totals, ..view(at(now)) })
        };
        (0..decisions).map(|tick| decide(tick * 5).expect("an answer")).collect()
    }

    #[test]
    fn concurrency_at_sixty_percent_over_a_minute() {
        // 480 requests / (80 x 0.6) = 10 once the minute is full; after 30 s, half of that.
        let answers = under(spec(), 480, 10, 15);
        assert_eq!((answers[0], answers[6], answers[12], answers[14]), (0.0, 5.0, 10.0, 10.0));
    }

    #[test]
    fn cpu_at_sixty_percent_over_a_minute() {
        // 20 requests at 0.25 vCPU use 5; / 2 vCPU / 0.6 = 4.2; by concurrency 20 / 48 = 1.
        let cpu = CloudRunSpec { cpu: 2.0, cpu_per_request: 0.25, ..spec() };
        assert_eq!(under(cpu.clone(), 20, 10, 13)[12], 5.0);
        // Two instances have at most 4 vCPU: 4 / 2 / 0.6 = 3.3.
        assert_eq!(under(cpu, 20, 2, 13)[12], 4.0);
    }

    #[test]
    fn who_finds_no_room_starts_an_instance_at_once() {
        let mut policy = CloudRun::new(spec());
        assert_eq!(policy.decide(&view(at(0))), Some(0.0));
        policy.arrived(at(1));
        assert_eq!(policy.next(), at(1));
        assert_eq!(policy.decide(&View { queued: 1, ..view(at(1)) }), Some(1.0));
        for _ in 0..79 {
            policy.arrived(at(1));
            assert_eq!(policy.next(), at(5), "there is room on the one that starts");
        }
        policy.arrived(at(2));
        let crowded = View { queued: 81, ordered: 1, existing: 1, ..view(policy.next()) };
        assert_eq!(policy.decide(&crowded), Some(2.0));
    }

    #[test]
    fn an_idle_instance_stays_fifteen_minutes() {
        let mut policy = CloudRun::new(spec());
        let mut two = ready(&[0, 0]);
        two[1].last_used = at(20);
        let mut answer = |now, instances: &[InstanceView]| {
            policy.decide(&View { instances, existing: instances.len() as u32, ..view(at(now)) })
        };
        assert_eq!(answer(0, &two), Some(2.0));
        assert_eq!(answer(899, &two), Some(2.0));
        assert_eq!(answer(900, &two), Some(1.0));
        assert_eq!(answer(919, &two[1..]), Some(1.0));
        assert_eq!(answer(920, &two[1..]), Some(0.0));
    }

    #[test]
    fn what_rests_decides_as_what_is_asked_every_five_seconds() {
        let spec = CloudRunSpec { concurrency: 1, concurrency_target: 1.0, ..spec() };
        let busy = CloudRunSpec { cpu_per_request: 1.0, cpu_target: 0.01, ..spec.clone() };
        for spec in [spec, CloudRunSpec { idle_timeout: Span::from_secs(7), ..busy.clone() }, busy] {
            let [rests, restless] = rests_without_a_trace(|| CloudRun::new(spec.clone()), CloudRun::wake);
            assert!(rests * 4 < restless, "{rests} of {restless}");
        }
    }

    #[test]
    fn minimum_and_maximum() {
        let few = CloudRunSpec { min_instances: 3, max_instances: 4, ..spec() };
        assert_eq!(under(few.clone(), 0, 3, 1), [3.0]);
        assert_eq!(under(few, 4800, 4, 13)[12], 4.0);
    }
}
