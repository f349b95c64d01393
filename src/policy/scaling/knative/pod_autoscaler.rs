//! The whole loop of one revision: everything in this folder, with its clocks, as one scaling policy.

use super::autoscaler::Autoscaler;
use super::breaker::QUEUE_FACTOR;
use super::collector::Collector;
use super::decider::{Decider, Tick};
use super::ingress::{Ingress, LoadBalancing};
use super::reconciler::Reconciler;
use super::scrape;
use super::service::Mode;
use super::settings::{DeciderSpec, Metric, Settings};
use super::stats::{ActivatorReporter, RequestStats, Stat};
use super::throttler::Throttler;
use super::{REPORT_INTERVAL, TICK_INTERVAL};
use crate::id::InstanceId;
use crate::policy::scaling::by_instance::ByInstance;
use crate::policy::scaling::replay::Gauge;
use crate::policy::scaling::{Removal, RequestTag, Scaling, View};
use crate::rng::Stream;
use crate::time::{SimTime, Span};

/// When a run starts, since the Unix epoch: a whole minute, because buckets and slots are aligned to the Unix clock.
pub(super) const EPOCH: Span = Span::from_secs(1_000_000_020);
/// How much longer a request is in progress for the proxy that counts it than for the pod: the minimum time to read it,
/// pass it on and return the response. So no average is exactly a whole number.
const PROXY_DELAY: Span = Span::from_nanos(10_000);

/// The Knative Pod Autoscaler with the settings of its revision.
#[derive(Clone, Debug, PartialEq)]
pub struct KnativeSpec {
    /// The config map and the annotations combined.
    pub settings: Settings,
    /// Container concurrency: requests that a pod handles at once; 0: no limit.
    pub container_concurrency: u32,
    /// How the ingress chooses a pod when the activator is not in the path.
    pub ingress: LoadBalancing,
}

impl KnativeSpec {
    /// The policy at the creation of the revision. It draws the pods to scrape from `stream`, and the routes of
    /// requests from `routes`.
    #[must_use]
    pub fn build(&self, stream: Stream, routes: Stream) -> PodAutoscaler {
        let initial = self.settings.decider.initial_scale;
        PodAutoscaler {
            spec: self.clone(),
            stream,
            autoscaler: Autoscaler::default(),
            reconciler: Reconciler::new(SimTime::ZERO + EPOCH, initial, true),
            activator: ActivatorReporter::default(),
            throttler: Throttler::new(self.container_concurrency),
            ingress: Ingress::new(self.ingress),
            routes,
            is_proxied: false,
            pods: ByInstance::default(),
            through_activator: true,
            reported: [SimTime::ZERO; 2],
            report_at: SimTime::ZERO,
            tick_at: SimTime::ZERO + TICK_INTERVAL,
            reconcile_at: SimTime::ZERO,
            open: 0,
            rests_until: None,
            has_decided: false,
        }
    }
}

/// Collector, decider and reconciler of one revision, with the reports of its queue-proxies and its activator. One
/// activator stands for all of them; the requests that it proxies are marked.
#[derive(Debug)]
pub struct PodAutoscaler {
    spec: KnativeSpec,
    stream: Stream,
    autoscaler: Autoscaler,
    reconciler: Reconciler,
    activator: ActivatorReporter,
    throttler: Throttler,
    ingress: Ingress,
    /// For the routes of requests.
    routes: Stream,
    /// Whether the throttler has let through the next request to be placed.
    is_proxied: bool,
    /// The ready pods that are not being deleted.
    pods: ByInstance<Pod>,
    /// Whether the request that arrived last goes through the activator.
    through_activator: bool,
    /// The times of the last two reports of the queue-proxies on the wall clock, most recent first.
    reported: [SimTime; 2],
    report_at: SimTime,
    tick_at: SimTime,
    reconcile_at: SimTime,
    /// Requests on pods, including pods being deleted.
    open: u32,
    /// While nothing happens, reports and ticks are skipped up to this tick, because each of them would decide the same
    /// as the one before. What they would have recorded is made up for when something happens.
    rests_until: Option<SimTime>,
    /// Whether the policy was last asked at a tick, or for further orders.
    has_decided: bool,
}

/// Every pod reports every second, but of thousands only a few are scraped, and many have nothing new to report. So a
/// pod's reports are made up for when something happens to it or when it is scraped.
#[derive(Debug)]
struct Pod {
    /// Its address at the throttler and the ingress.
    address: usize,
    ready: SimTime,
    stats: RequestStats,
    /// The last report made.
    reported: SimTime,
    /// What a scrape finds: that report.
    latest: Stat,
}

impl Pod {
    /// Makes the reports that are due; only the last two of them matter.
    fn catch_up(&mut self, [last, before]: [SimTime; 2]) -> &mut RequestStats {
        if self.reported < before {
            self.stats.report(before);
        }
        if self.reported < last {
            self.latest = self.stats.report(last);
            self.reported = last;
        }
        &mut self.stats
    }
}

impl PodAutoscaler {
    /// Whether the activator is in the path: through the mode of the service, or because no pod is ready.
    fn activator_serves(&self) -> bool {
        let mode = self.reconciler.service().seen().map(|service| service.mode);
        mode != Some(Mode::Serve) || self.pods.is_empty()
    }

    fn ready_count(&self) -> i32 {
        self.pods.len() as i32
    }

    /// After a tick: until which tick nothing will change unless something happens.
    fn rest(&self, view_now: SimTime) -> Option<SimTime> {
        if self.activator.is_live() || self.open > 0 || self.pods.len() > 1 || self.report_at <= view_now {
            return None;
        }
        let until = self.autoscaler.rests_until(view_now + EPOCH, self.ready_count())?;
        let waits =
            until.as_nanos().saturating_sub((self.tick_at + EPOCH).as_nanos()).div_ceil(TICK_INTERVAL.as_nanos());
        let until = self.tick_at + Span::from_nanos(waits.saturating_mul(TICK_INTERVAL.as_nanos()));
        (until > self.tick_at).then_some(until)
    }

    /// Makes up for the reports and ticks skipped before `until`.
    fn wake(&mut self, until: SimTime) {
        if self.rests_until.take().is_none() || self.report_at >= until {
            return;
        }
        let passed = (until.as_nanos() - 1 - self.report_at.as_nanos()) / REPORT_INTERVAL.as_nanos();
        let last = self.report_at + Span::from_nanos(passed * REPORT_INTERVAL.as_nanos());
        if !self.pods.is_empty() {
            self.autoscaler.scraped_nothing(self.report_at + EPOCH, last + EPOCH);
        }
        let before = if passed > 0 {
            SimTime::from_nanos(last.as_nanos() - REPORT_INTERVAL.as_nanos()) + EPOCH
        } else {
            self.reported[0]
        };
        self.reported = [last + EPOCH, before];
        self.report_at = last + REPORT_INTERVAL;
        let skipped = until.since(self.tick_at).as_nanos().div_ceil(TICK_INTERVAL.as_nanos());
        self.tick_at = self.tick_at + Span::from_nanos(skipped * TICK_INTERVAL.as_nanos());
    }

    /// A request arrives at the activator, which pokes the autoscaler if it is the first.
    fn enter_activator(&mut self, now: SimTime) {
        if let Some(first) = self.activator.request_in(now + EPOCH)
            && self.autoscaler.push(now + EPOCH, first, Some(self.ready_count()))
        {
            self.reconcile_at = now;
        }
    }

    /// Queue-proxies and activator report, and a sample of the pods is scraped.
    fn report(&mut self, now: SimTime) -> bool {
        self.reported = [now, self.reported[0]];
        let ready = self.ready_count();
        let stat = self.activator.report(now);
        let is_news = stat.is_some_and(|stat| self.autoscaler.push(now, delayed(stat), Some(ready)));
        if let Some(stat) = self.scrape(now) {
            self.autoscaler.scraped(now, delayed(stat));
        }
        is_news
    }

    /// Estimates the total of all pods from a scrape.
    fn scrape(&mut self, now: SimTime) -> Option<Stat> {
        let reported = self.reported;
        let mut pods: Vec<&mut Pod> = match self.pods.len() {
            // A single pod stands for itself; most revisions have no more than that.
            0 | 1 => {
                let pod = self.pods.iter_mut().next()?.1;
                pod.catch_up(reported);
                return Some(pod.latest);
            }
            _ => self.pods.iter_mut().map(|(_, pod)| pod).collect(),
        };
        let ages: Vec<Span> = pods.iter().map(|pod| now.since(pod.ready)).collect();
        let chosen = scrape::choose(&ages, self.spec.settings.metric.stable_window, &mut self.stream);
        let mut scrape = |index: usize| {
            pods[index].catch_up(reported);
            pods[index].latest
        };
        let sampled: Vec<Stat> = chosen.into_iter().map(&mut scrape).collect();
        scrape::extrapolate(&sampled, pods.len())
    }

    /// Reconciles until nothing is left to do.
    fn reconcile(&mut self, view_now: SimTime) {
        let Some(decision) = self.autoscaler.published() else { return };
        let ready = self.ready_count();
        let again = self.reconciler.settle(view_now + EPOCH, &self.spec.settings, decision, ready);
        self.reconcile_at = again.map_or(SimTime::NEVER, |again| view_now + again);
    }
}

/// What a tick saw and decided, in words, given the `replicas` that were finally ordered.
pub(super) fn in_words(tick: &Tick, spec: &DeciderSpec, replicas: i32) -> String {
    let [(stable, _), (panic, _)] = tick.wanted;
    let mut why = format!(
        "stable average {:.2} and panic average {:.2} over target {}: {stable} and {panic} pods",
        tick.observed.stable,
        tick.observed.panic,
        // 70 % of 7 is not quite 4.9.
        (spec.target_value * 1e6).round() / 1e6
    );
    let share = 100.0 * panic / f64::from(tick.ready.max(1));
    if tick.panics {
        why += &format!(
            "; panic ({share:.0} % of {} ready pods, threshold {:.0} %): no scale-down, {} pods",
            tick.ready,
            100.0 * spec.panic_threshold,
            tick.undelayed
        );
    } else if tick.undelayed > 0 || stable > 0.0 {
        why += &format!("; no panic: {} pods", tick.undelayed);
    }
    let (floor, ceiling) = tick.bounds;
    if stable.max(panic) > ceiling {
        why += &format!("; scale-up rate: at most {ceiling}");
    } else if stable < floor {
        why += &format!("; scale-down rate: at least {floor}");
    }
    if tick.desired != tick.undelayed {
        why += &format!("; scale-down delay: {}", tick.desired);
    }
    if replicas != tick.desired {
        why += &format!("; scale bounds, activation and grace periods: {replicas}");
    }
    why
}

/// The gauges under which the averages over the stable and the panic window are recorded.
pub(super) const fn averages(metric: Metric) -> [Gauge; 2] {
    match metric {
        Metric::Concurrency => [Gauge::StableConcurrency, Gauge::PanicConcurrency],
        Metric::Rps => [Gauge::StableRate, Gauge::PanicRate],
    }
}

/// The averages of a tick as they are recorded.
fn inputs(tick: &Tick, metric: Metric) -> Vec<(Gauge, f64)> {
    averages(metric).into_iter().zip([tick.observed.stable, tick.observed.panic]).collect()
}

/// Includes the proxy's own time: by Little's law, requests per second times the additional time of each.
fn delayed(stat: Stat) -> Stat {
    let secs = PROXY_DELAY.as_secs_f64();
    Stat {
        concurrency: stat.concurrency + stat.requests * secs,
        proxied_concurrency: stat.proxied_concurrency + stat.proxied_requests * secs,
        ..stat
    }
}

impl Scaling for PodAutoscaler {
    fn next(&self) -> SimTime {
        match self.rests_until {
            Some(until) => until.min(self.reconcile_at),
            None => self.report_at.min(self.tick_at).min(self.reconcile_at),
        }
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        let now = view.now + EPOCH;
        let ready = self.ready_count();
        self.wake(view.now);
        if self.autoscaler.published().is_none() {
            let Settings { metric, decider, .. } = &self.spec.settings;
            self.autoscaler.create_collector(Collector::of_metric(metric, decider.metric));
            self.autoscaler.create_decider(decider.clone(), now, ready);
        }
        let mut is_news = self.reconcile_at <= view.now;
        if self.report_at <= view.now {
            is_news |= self.report(now);
            self.report_at = view.now + REPORT_INTERVAL;
        }
        let is_tick = self.tick_at <= view.now;
        if is_tick {
            is_news |= self.autoscaler.tick(now, Some(ready));
            self.tick_at = view.now + TICK_INTERVAL;
        }
        if is_news {
            self.reconcile(view.now);
        }
        let answer = view.bounded(f64::from(self.reconciler.replicas()));
        self.has_decided = is_tick || is_news || answer != f64::from(view.ordered);
        if is_tick && answer == f64::from(view.existing) {
            self.rests_until = self.rest(view.now);
        }
        Some(answer)
    }

    fn why(&self) -> Option<String> {
        let decider = self.autoscaler.decider().filter(|_| self.has_decided)?;
        let Some(tick) = decider.last() else { return Some("no metrics yet: initial scale".to_owned()) };
        Some(in_words(&tick, decider.spec(), self.reconciler.replicas()))
    }

    fn inputs(&self) -> Vec<(Gauge, f64)> {
        let tick = self.autoscaler.decider().and_then(Decider::last);
        tick.map_or_else(Vec::new, |tick| inputs(&tick, self.spec.settings.decider.metric))
    }

    fn arrived(&mut self, now: SimTime) {
        // At the same time, the policy is asked before a request arrives.
        self.wake(now + Span::from_nanos(1));
        self.through_activator = self.activator_serves();
        if self.through_activator {
            self.enter_activator(now);
        }
    }

    fn queued(&mut self, now: SimTime) {
        // A waiting request waits in the activator, even if it would have gone to a pod but for another limit.
        if !self.through_activator {
            self.enter_activator(now);
        }
    }

    fn chooses(&self) -> bool {
        true
    }

    fn choose(&mut self) -> Option<InstanceId> {
        let pod = self.throttler.acquire(&mut self.routes)?;
        self.is_proxied = true;
        Some(pod)
    }

    fn route(&mut self) -> Option<InstanceId> {
        self.ingress.pick(&mut self.routes)
    }

    fn placed(&mut self, now: SimTime, instance: InstanceId) -> RequestTag {
        self.open += 1;
        let proxied = std::mem::take(&mut self.is_proxied);
        if let Some(pod) = self.pods.get_mut(instance) {
            pod.catch_up(self.reported).request_in(now + EPOCH, proxied);
            if !proxied {
                self.ingress.sent(pod.address);
            }
        }
        proxied
    }

    fn ended(&mut self, now: SimTime, instance: InstanceId, proxied: RequestTag) {
        self.open -= 1;
        let pod = self.pods.get_mut(instance);
        if proxied {
            self.activator.request_out(now + EPOCH);
            self.throttler.release(pod.as_ref().map(|pod| pod.address));
        }
        if let Some(pod) = pod {
            pod.catch_up(self.reported).request_out(now + EPOCH, proxied);
            if !proxied {
                self.ingress.ended(pod.address);
            }
        }
    }

    fn ended_unserved(&mut self, now: SimTime, waited: bool) {
        // A request rejected by a pod came directly.
        if waited || self.through_activator {
            self.activator.request_out(now + EPOCH);
        }
    }

    fn ready(&mut self, now: SimTime, instance: InstanceId) {
        self.wake(now);
        let at = now + EPOCH;
        let (stats, reported) = (RequestStats::new(at), self.reported[0]);
        let address = self.throttler.add(instance);
        self.ingress.add(instance);
        self.pods.insert(instance, Pod { address, ready: at, stats, reported, latest: Stat::default() });
        self.reconcile_at = now;
    }

    fn withdrawn(&mut self, now: SimTime, instance: InstanceId) {
        self.wake(now);
        if let Some(pod) = self.pods.remove(instance) {
            let moved = self.throttler.remove(pod.address);
            self.ingress.remove(pod.address);
            if let Some(moved) = moved.and_then(|moved| self.pods.get_mut(moved)) {
                moved.address = pod.address;
            }
            self.reconcile_at = now + Span::from_nanos(1);
        }
    }

    fn waits_at_instance(&self) -> Option<u32> {
        let most = self.spec.container_concurrency.saturating_mul(QUEUE_FACTOR);
        (!self.activator_serves()).then_some(most)
    }

    fn removal(&self) -> Removal {
        Removal::Youngest
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use rand::RngExt as _;

    use super::*;
    use crate::policy::scaling::knative::annotations::Annotations;
    use crate::policy::scaling::knative::config::ConfigMap;
    use crate::policy::scaling::knative::settings::{Metric, Revision};
    use crate::policy::scaling::testing::view;
    use crate::rng::{Purpose, Streams};

    /// A revision in a small world: pods start in 300 ms, and requests that cannot be placed wait. Returns what became
    /// of it, and how often the policy was asked.
    fn story(spec: &KnativeSpec, arrivals: &[(SimTime, Span)], rests: bool) -> (Vec<String>, u32) {
        let streams = Streams::new(1, 0);
        let mut policy = spec.build(streams.stream("f", Purpose::Scaling), streams.stream("f", Purpose::Routing));
        let mut pods: Vec<(InstanceId, SimTime)> = Vec::new();
        let mut running: Vec<(SimTime, InstanceId, RequestTag)> = Vec::new();
        let (mut waiting, mut next_id, mut asked) = (VecDeque::new(), 0, 0);
        let mut told = Vec::new();
        let mut arrivals = arrivals.iter().copied().peekable();
        let end = SimTime::ZERO + Span::from_secs(2_000);
        loop {
            // At the same time, requests end, pods become ready, the policy is asked, and requests arrive, in this
            // order.
            let ends = running.iter().map(|(at, ..)| *at).min().unwrap_or(SimTime::NEVER);
            let ready = pods.iter().map(|(_, at)| *at).filter(|at| *at > SimTime::ZERO).min().unwrap_or(SimTime::NEVER);
            let arrives = arrivals.peek().map_or(SimTime::NEVER, |(at, _)| *at);
            let now = ends.min(ready).min(policy.next()).min(arrives);
            if now >= end {
                return (told, asked);
            }
            if ends == now {
                let index = running.iter().position(|(at, ..)| *at == now).expect("one ends");
                let (_, pod, mark) = running.remove(index);
                policy.ended(now, pod, mark);
            } else if ready == now {
                let (pod, at) = pods.iter_mut().find(|(_, at)| *at == now).expect("one is ready");
                *at = SimTime::ZERO;
                policy.ready(now, *pod);
            } else if policy.next() <= now {
                asked += 1;
                let answer = policy
                    .decide(&View { existing: pods.len() as u32, ..view(now) })
                    .expect("it always answers") as usize;
                if !rests {
                    policy.rests_until = None;
                }
                if answer != pods.len() {
                    told.push(format!("{now}: {answer} pods"));
                }
                while pods.len() < answer {
                    pods.push((InstanceId(next_id), now + Span::from_millis(300)));
                    next_id += 1;
                }
                while pods.len() > answer {
                    let (pod, _) = pods.pop().expect("one is left");
                    policy.withdrawn(now, pod);
                }
            } else if let Some((_, runs)) = arrivals.next() {
                policy.arrived(now);
                let direct = policy.waits_at_instance().and_then(|_| pods.iter().find(|(_, at)| *at == SimTime::ZERO));
                let pod = match direct {
                    Some((pod, _)) => Some(*pod),
                    None if waiting.is_empty() => policy.choose(),
                    None => None,
                };
                if let Some(pod) = pod {
                    let mark = policy.placed(now, pod);
                    running.push((now + runs, pod, mark));
                    told.push(format!("{now}: {pod:?} {mark}"));
                } else {
                    policy.queued(now);
                    waiting.push_back(runs);
                }
            }
            while let Some(runs) = waiting.front().copied()
                && let Some(pod) = policy.choose()
            {
                waiting.pop_front();
                let mark = policy.placed(now, pod);
                running.push((now + runs, pod, mark));
                told.push(format!("{now}: {pod:?} {mark} waited"));
            }
        }
    }

    /// Requests of all kinds: single, at whole seconds, in bursts, with long silences.
    fn arrivals(seed: u64) -> Vec<(SimTime, Span)> {
        let mut stream = Streams::new(seed, 0).stream("s", Purpose::Arrivals);
        let mut at = SimTime::ZERO;
        let mut found = Vec::new();
        while at < SimTime::ZERO + Span::from_secs(1_800) {
            let gap_ms = match stream.random_range(0..10) {
                0 => 0,
                1 | 2 => stream.random_range(0..2_000),
                3 | 4 => 1_000 * stream.random_range(1..70),
                5..=7 => stream.random_range(10_000..70_000),
                8 => stream.random_range(60_000..100_000),
                _ => stream.random_range(0..300),
            };
            at = at + Span::from_millis(gap_ms);
            let burst = if stream.random_range(0..12) == 0 { 30 } else { 1 };
            let runs = [0, 1, 250, 1_000, 4_000][stream.random_range(0..5)];
            found.extend((0..burst).map(|_| (at, Span::from_millis(runs))));
        }
        found
    }

    #[test]
    fn what_rests_decides_as_what_is_asked_every_second() {
        let variants = [
            (0, Annotations::default()),
            (1, Annotations { target_burst_capacity: Some(0.0), ..Annotations::default() }),
            (
                2,
                Annotations {
                    target_burst_capacity: Some(-1.0),
                    window: Some(Span::from_secs(10)),
                    ..Annotations::default()
                },
            ),
            (0, Annotations { min_scale: Some(1), target: Some(2.0), ..Annotations::default() }),
            (10, Annotations { metric: Some(Metric::Rps), target: Some(1.0), ..Annotations::default() }),
            (0, Annotations { target_burst_capacity: Some(60.0), target: Some(100.0), ..Annotations::default() }),
        ];
        let (mut asked, mut asked_each_second) = (0, 0);
        for (container_concurrency, annotations) in variants {
            let config = ConfigMap::default();
            let revision = Revision { container_concurrency, ..Revision::default() };
            let spec = KnativeSpec {
                settings: Settings::resolve(&config, &annotations, &revision),
                container_concurrency,
                ingress: LoadBalancing::default(),
            };
            for seed in 0..8 {
                let arrivals = arrivals(seed);
                let (resting, restless) = (story(&spec, &arrivals, true), story(&spec, &arrivals, false));
                assert_eq!(resting.0, restless.0, "{annotations:?}, seed {seed}");
                asked += resting.1;
                asked_each_second += restless.1;
            }
        }
        assert!(asked * 3 < asked_each_second, "{asked} of {asked_each_second}");
    }

    /// Requests that begin and end at various times, and a report every second, some of which are never read.
    #[test]
    fn reports_made_late_are_the_reports() {
        let at = |millis: u64| SimTime::ZERO + EPOCH + Span::from_millis(millis);
        let mut pod = Pod {
            address: 0,
            ready: at(300),
            stats: RequestStats::new(at(300)),
            reported: at(0),
            latest: Stat::default(),
        };
        let mut each_second = RequestStats::new(at(300));
        let mut reported = [at(0); 2];
        let events: [(u64, i32); 9] = [
            (300, 1),
            (300, 1),
            (1_000, 1),
            (1_350, -1),
            (6_100, 1),
            (7_000, -1),
            (7_999, 1),
            (12_700, -1),
            (12_701, -1),
        ];
        let mut next = events.iter().peekable();
        for second in 1..=15 {
            // Events at the very time of a report come before it.
            while let Some((millis, change)) = next.next_if(|(millis, _)| *millis <= second * 1_000) {
                for stats in [&mut each_second, pod.catch_up(reported)] {
                    match change {
                        1 => stats.request_in(at(*millis), *millis < 1_000),
                        _ => stats.request_out(at(*millis), *millis < 2_000),
                    }
                }
            }
            let latest = each_second.report(at(second * 1_000));
            reported = [at(second * 1_000), reported[0]];
            if [1, 2, 6, 8, 13, 15].contains(&second) {
                pod.catch_up(reported);
                assert_eq!(pod.latest, latest, "{second} s");
            }
        }
    }
}
