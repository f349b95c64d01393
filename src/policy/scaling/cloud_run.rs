//! Google Cloud Run: metrics of the last minute, an instance at once for a request that finds no room, and idle instances
//! that are kept for a while.
//!
//! A service of Cloud Run (or a function of the second generation), one revision.
//!
//! Published (docs.cloud.google.com/run/docs/about-instance-autoscaling, 2026): instances = the larger of CPU in use /
//! (CPUs of an instance x CPU target) and concurrent requests / (maximum concurrency x concurrency target), each rounded up
//! and on average over one minute, both targets 60 %; evaluated periodically (older copies: every 5 s); besides, a request
//! that finds no room starts an instance at once. Idle instances are kept up to 15 min, minimum ones for ever. From zero
//! only a request starts an instance.
//!
//! Not published, and modeled so: before a run there was no load, so its first minute is averaged with nothing; requests
//! that wait count only for the instance that they start, and as many start as the waiting ones need beyond the slots of
//! those on their way; an instance is kept for all of `idle_timeout` after its last request, and the one that has
//! been idle longest goes first. CPU follows from requests, not from what code does: each in progress uses
//! `cpu_per_request`, all together no more than the ready instances have. Absent: `max_instances` exceeded for a moment.

use std::collections::VecDeque;

use super::clock::Clock;
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
        // A start whose mean is infinite is waited for.
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
    /// What has held since the last look, while it rests.
    rest: Option<Rest>,
    /// Set when a request may have found no room.
    at_once: SimTime,
    /// Totals at the evaluations of the last minute; one more in front, from which the minute is counted.
    past: VecDeque<(SimTime, Totals)>,
    /// What the metrics recommended last.
    recommended: f64,
    /// Requests that have not ended, and those for which there is room on instances, started or not.
    requests: u64,
    room: u64,
    /// Before that no idle instance has been kept for long enough.
    goes_at: SimTime,
    /// Instances that were needed, recommended and ordered last.
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
    /// An autoscaler that has seen nothing.
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

    /// What the metrics of the last minute ask for.
    fn recommend(&mut self, now: SimTime, totals: Totals) -> f64 {
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
        let cpus = (requests * spec.cpu_per_request).min(ready * spec.cpu);
        let by_cpu = (cpus / spec.cpu / spec.cpu_target).ceil();
        let by_concurrency = (requests / (f64::from(spec.concurrency) * spec.concurrency_target)).ceil();
        by_cpu.max(by_concurrency)
    }

    /// Something happens: from now on the metrics are looked at again.
    fn wake(&mut self, now: SimTime) {
        // A look at this very moment came before it.
        self.remember_rest(now + Span::from_nanos(1));
        self.clock.wake(now);
    }

    /// Remembers what looks before `end` would have seen that were passed over, as far back as the window reaches.
    fn remember_rest(&mut self, end: SimTime) {
        let Some(Rest { since, totals, ready }) = self.rest.take() else { return };
        let (interval, window) = (self.spec.interval.as_nanos(), self.spec.window.as_nanos());
        let passed = end.since(since).as_nanos();
        let first = passed.saturating_sub(window.saturating_add(interval)) / interval;
        for look in first.max(1)..passed.div_ceil(interval) {
            let held = look * interval;
            let ready_ns = totals.ready_ns + u128::from(ready) * u128::from(held);
            self.past.push_back((since + Span::from_nanos(held), Totals { ready_ns, ..totals }));
        }
    }

    /// Nothing that is looked at changes until an instance has been idle for long enough, unless something happens.
    fn may_rest(&self, view: &View<'_>, answer: f64) -> bool {
        self.recommended == 0.0
            && self.requests == 0
            && view.is_quiet()
            && view.ready == view.existing
            && view.existing == view.ordered
            && answer == f64::from(view.ordered)
    }

    /// Instances that are on their way, busy, or not idle for long enough.
    fn kept(&mut self, view: &View<'_>) -> u32 {
        if !self.looks_at_instances(view.now) {
            return view.existing;
        }
        let idle = view.instances.iter().filter(|instance| instance.ready.is_some() && instance.in_flight == 0);
        let goes_at = |instance: &InstanceView| instance.last_used + self.spec.idle_timeout;
        let gone = idle.clone().filter(|instance| goes_at(instance) <= view.now).count() as u32;
        // One that falls idle later goes later than that.
        self.goes_at = idle.map(goes_at).fold(view.now + self.spec.idle_timeout, SimTime::min);
        view.existing - gone
    }

    /// Instances that the waiting requests need beyond those on their way.
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
        let is_look = self.clock.next() <= view.now;
        if is_look {
            self.remember_rest(view.now);
            self.recommended = self.recommend(view.now, view.totals);
            self.clock.ticked(view.now);
        }
        self.at_once = SimTime::NEVER;
        let needed = f64::from(self.kept(view) + self.missing(view));
        let wanted = needed.max(self.recommended).max(f64::from(self.spec.min_instances));
        let answer = view.bounded(wanted.min(f64::from(self.spec.max_instances)));
        self.last = Some((needed, self.recommended, answer));
        self.room = answer as u64 * u64::from(self.spec.concurrency);
        if is_look && self.may_rest(view, answer) {
            self.rest = Some(Rest { since: view.now, totals: view.totals, ready: view.ready });
            self.clock.rest(SimTime::from_nanos(self.goes_at.as_nanos().saturating_sub(1)));
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
    use rand::RngExt as _;

    use super::super::testing::{at, ready, view};
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

    /// What it answers at each multiple of 5 s with so many requests in progress and instances ready all the time.
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
        // 480 requests / (80 x 0.6) = 10 when the minute is full; after 30 s half of that.
        let answers = under(spec(), 480, 10, 15);
        assert_eq!((answers[0], answers[6], answers[12], answers[14]), (0.0, 5.0, 10.0, 10.0));
    }

    #[test]
    fn cpu_at_sixty_percent_over_a_minute() {
        // 20 requests at 0.25 vCPU are 5; / 2 vCPU / 0.6 = 4.2; by concurrency 20 / 48 = 1.
        let cpu = CloudRunSpec { cpu: 2.0, cpu_per_request: 0.25, ..spec() };
        assert_eq!(under(cpu.clone(), 20, 10, 13)[12], 5.0);
        // Two instances have no more than 4 vCPU: 4 / 2 / 0.6 = 3.3.
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

    /// What the metrics recommend while requests of 100 ms come to instances that start at once and stay, and how often it was
    /// asked. If not `rests`, it is woken after each look.
    fn recommended_over_time(arrivals: &[u64], rests: bool) -> (Vec<(SimTime, f64)>, u32) {
        const RUNS: u64 = 100;
        let spec =
            CloudRunSpec { idle_timeout: Span::from_secs(100_000), cpu_per_request: 1.0, cpu_target: 0.01, ..spec() };
        let mut policy = CloudRun::new(spec);
        let (mut recommended, mut asked) = (vec![(SimTime::ZERO, 0.0)], 0);
        let (mut instances, mut requests) = (1, 0);
        let (mut totals, mut reached) = (Totals::default(), SimTime::ZERO);
        let mut look = |policy: &mut CloudRun, now: SimTime, instances: &mut u32, requests: u32, totals: Totals| {
            let (existing, in_progress) = (*instances, requests);
            let there = View { existing, ready: existing, ordered: existing, ..view(now) };
            let answer = policy.decide(&View { in_progress, taken: in_progress, totals, ..there });
            *instances = answer.expect("an answer").max(1.0) as u32;
            asked += 1;
            if recommended.last().is_none_or(|(_, last)| *last != policy.recommended) {
                recommended.push((now, policy.recommended));
            }
            if !rests {
                policy.wake(now);
            }
        };
        let mut events: Vec<(u64, bool)> = arrivals.iter().flat_map(|at| [(*at, true), (at + RUNS, false)]).collect();
        events.sort_unstable();
        for (at, is_arrival) in events {
            let at = SimTime::from_nanos(at * 1_000_000);
            let mut hold = |until: SimTime, instances: u32, requests: u32| {
                let held = u128::from(until.since(reached).as_nanos());
                totals.in_progress_ns += u128::from(requests) * held;
                totals.ready_ns += u128::from(instances) * held;
                reached = until;
                totals
            };
            // At the same moment a look comes before an arrival, and after an end.
            while policy.next() < at || is_arrival && policy.next() == at {
                let now = policy.next();
                let totals = hold(now, instances, requests);
                look(&mut policy, now, &mut instances, requests, totals);
            }
            hold(at, instances, requests);
            if is_arrival {
                policy.arrived(at);
                requests += 1;
            } else {
                policy.ended(at, InstanceId(0), false);
                requests -= 1;
            }
        }
        (recommended, asked)
    }

    #[test]
    fn what_rests_decides_as_what_is_asked_every_five_seconds() {
        let mut stream = crate::rng::Streams::new(7, 0).stream("cloud-run", Purpose::Arrivals);
        let (mut rested, mut asked) = (0, 0);
        for _ in 0..50 {
            let mut at = 0;
            let arrivals: Vec<u64> = (0..60)
                .map(|_| {
                    // Whole seconds now and then: a request at the moment of a look.
                    let gap = [50, 700, 5_000, 31_000, 400_000][stream.random_range(0..5)];
                    at +=
                        if stream.random_range(0..3) == 0 { gap / 1_000 * 1_000 } else { stream.random_range(0..gap) };
                    at
                })
                .collect();
            let [resting, restless] = [true, false].map(|rests| recommended_over_time(&arrivals, rests));
            assert_eq!(resting.0, restless.0, "{arrivals:?}");
            assert!(resting.0.len() > 2, "{arrivals:?}");
            (rested, asked) = (rested + resting.1, asked + restless.1);
        }
        assert!(rested * 3 < asked, "{rested} of {asked}");
    }

    #[test]
    fn minimum_and_maximum() {
        let few = CloudRunSpec { min_instances: 3, max_instances: 4, ..spec() };
        assert_eq!(under(few.clone(), 0, 3, 1), [3.0]);
        assert_eq!(under(few, 4800, 4, 13)[12], 4.0);
    }
}
