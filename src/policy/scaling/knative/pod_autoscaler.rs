//! The whole loop of one revision: everything in this folder, on its clocks, as one scaling policy.

use std::collections::BTreeMap;

use super::autoscaler::Autoscaler;
use super::breaker::QUEUE_FACTOR;
use super::reconciler::{Effects, Reconciler, Situation};
use super::scrape;
use super::service::Mode;
use super::settings::Settings;
use super::stats::{ActivatorReporter, RequestStats, Stat};
use super::throttler::Throttler;
use super::{REPORT_INTERVAL, TICK_INTERVAL};
use crate::id::InstanceId;
use crate::policy::scaling::{Mark, Removal, Scaling, View};
use crate::rng::Stream;
use crate::time::{SimTime, Span};

/// When a run starts, since the Unix epoch: a whole minute, for buckets and slots are aligned to the Unix clock.
const EPOCH: Span = Span::from_secs(1_000_000_020);
/// By how much longer than it runs a request is in progress for the proxy that counts it: the least that reading it,
/// handing it on and handing back the answer may take. So no average is a whole number exactly.
const PROXY_DELAY: Span = Span::from_nanos(10_000);
/// How long after a failed probe of the activator the revision is looked at again.
const PROBE_AGAIN: Span = Span::from_secs(1);

/// The Knative Pod Autoscaler with its revision's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct KnativeSpec {
    /// What the config map and the annotations say together.
    pub settings: Settings,
    /// Requests that a pod handles at once (CC); 0 is no limit.
    pub container_concurrency: u32,
}

impl KnativeSpec {
    /// The policy at the creation of the revision. It draws the pods that are scraped from `stream`, and from `routes` where
    /// requests go.
    #[must_use]
    pub fn build(&self, stream: Stream, routes: Stream) -> PodAutoscaler {
        let initial = self.settings.decider.initial_scale;
        PodAutoscaler {
            spec: self.clone(),
            stream,
            autoscaler: Autoscaler::default(),
            reconciler: Reconciler::new(SimTime::ZERO + EPOCH, initial, true),
            activator: ActivatorReporter::default(),
            throttler: Throttler::new(self.container_concurrency, routes),
            is_proxied: false,
            pods: BTreeMap::new(),
            through_activator: true,
            reported: [SimTime::ZERO; 2],
            report_at: SimTime::ZERO,
            tick_at: SimTime::ZERO + TICK_INTERVAL,
            reconcile_at: SimTime::ZERO,
        }
    }
}

/// Collector, decider and reconciler of one revision, with what its queue-proxies and its activator report. One activator
/// stands for all of them; what it proxies is marked.
#[derive(Debug)]
pub struct PodAutoscaler {
    spec: KnativeSpec,
    stream: Stream,
    autoscaler: Autoscaler,
    reconciler: Reconciler,
    activator: ActivatorReporter,
    throttler: Throttler,
    /// Whether the next request that is placed was let through by the throttler.
    is_proxied: bool,
    /// The ready pods that are not being deleted.
    pods: BTreeMap<InstanceId, Pod>,
    /// Whether the request that arrived last goes through the activator.
    through_activator: bool,
    /// The last two reports of the queue-proxies, as a wall clock shows them, the later first.
    reported: [SimTime; 2],
    report_at: SimTime,
    tick_at: SimTime,
    reconcile_at: SimTime,
}

/// Every pod reports every second, but of thousands only a few are scraped, and many have nothing new to say. So what a
/// pod would have reported is made up when something happens to it or somebody asks.
#[derive(Debug)]
struct Pod {
    /// Its address in the throttler.
    address: usize,
    ready: SimTime,
    stats: RequestStats,
    /// The last report that has been made.
    reported: SimTime,
    /// What a scrape finds: that report.
    latest: Stat,
}

impl Pod {
    /// Makes the reports that are due; all but the last two have been replaced by others.
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
    /// Whether the activator is in the path: by the mode of the service, or because no pod is ready.
    fn activator_serves(&self) -> bool {
        let mode = self.reconciler.service().seen().map(|service| service.mode);
        mode != Some(Mode::Serve) || self.pods.is_empty()
    }

    fn ready_count(&self) -> i32 {
        self.pods.len() as i32
    }

    /// A request comes to the activator, which calls out if it is the first.
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
        let reported = self.reported;
        let mut pods: Vec<&mut Pod> = self.pods.values_mut().collect();
        let ages: Vec<Span> = pods.iter().map(|pod| now.since(pod.ready)).collect();
        let chosen = scrape::choose(&ages, self.spec.settings.metric.stable_window, &mut self.stream);
        let mut scrape = |index: usize| {
            pods[index].catch_up(reported);
            pods[index].latest
        };
        let sampled: Vec<Stat> = chosen.into_iter().map(&mut scrape).collect();
        if let Some(stat) = scrape::extrapolate(&sampled, pods.len()) {
            self.autoscaler.scraped(now, delayed(stat));
        }
        is_news
    }

    /// Reconciles until nothing is left to be seen.
    fn reconcile(&mut self, view_now: SimTime) {
        let Some(decision) = self.autoscaler.published() else { return };
        let now = view_now + EPOCH;
        let ready = self.ready_count();
        loop {
            let service = self.reconciler.service();
            let before = (service.seen(), service.written());
            let activator_answers = service.proxied_since().is_some();
            let situation = Situation { decision, ready, activator_answers };
            let Effects { look_again, keep_probing, .. } =
                self.reconciler.reconcile(now, &self.spec.settings, &situation);
            self.reconciler.service_catches_up(now, ready);
            let again = if keep_probing { Some(PROBE_AGAIN) } else { look_again };
            let moment = Span::from_nanos(1);
            self.reconcile_at = again.map_or(SimTime::NEVER, |again| view_now + again.max(moment));
            let service = self.reconciler.service();
            if before == (service.seen(), service.written()) {
                return;
            }
        }
    }
}

/// With the proxy's own time: by Little's law, requests a second times what each takes longer.
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
        self.report_at.min(self.tick_at).min(self.reconcile_at)
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        let now = view.now + EPOCH;
        let ready = self.ready_count();
        if self.autoscaler.published().is_none() {
            self.autoscaler.create_collector(&self.spec.settings.metric);
            self.autoscaler.create_decider(self.spec.settings.decider.clone(), now, ready);
        }
        let mut is_news = self.reconcile_at <= view.now;
        if self.report_at <= view.now {
            is_news |= self.report(now);
            self.report_at = view.now + REPORT_INTERVAL;
        }
        if self.tick_at <= view.now {
            is_news |= self.autoscaler.tick(now, Some(ready));
            self.tick_at = view.now + TICK_INTERVAL;
        }
        if is_news {
            self.reconcile(view.now);
        }
        Some(view.bounded(f64::from(self.reconciler.replicas())))
    }

    fn arrived(&mut self, now: SimTime) {
        self.through_activator = self.activator_serves();
        if self.through_activator {
            self.enter_activator(now);
        }
    }

    fn held_back(&mut self, now: SimTime) {
        // Who waits, waits in the activator, even who would have gone to a pod, had no other limit stood in the way.
        if !self.through_activator {
            self.enter_activator(now);
        }
    }

    fn chooses(&self) -> bool {
        true
    }

    fn choose(&mut self) -> Option<InstanceId> {
        let pod = self.throttler.acquire()?;
        self.is_proxied = true;
        Some(pod)
    }

    fn placed(&mut self, now: SimTime, instance: InstanceId, _waited: bool) -> Mark {
        let proxied = std::mem::take(&mut self.is_proxied);
        if let Some(pod) = self.pods.get_mut(&instance) {
            pod.catch_up(self.reported).request_in(now + EPOCH, proxied);
        }
        proxied
    }

    fn ended(&mut self, now: SimTime, instance: InstanceId, proxied: Mark) {
        let pod = self.pods.get_mut(&instance);
        if proxied {
            self.activator.request_out(now + EPOCH);
            self.throttler.release(pod.as_ref().map(|pod| pod.address));
        }
        if let Some(pod) = pod {
            pod.catch_up(self.reported).request_out(now + EPOCH, proxied);
        }
    }

    fn gave_up(&mut self, now: SimTime, waited: bool) {
        // Who was refused by a pod came directly.
        if waited || self.through_activator {
            self.activator.request_out(now + EPOCH);
        }
    }

    fn ready(&mut self, now: SimTime, instance: InstanceId) {
        let at = now + EPOCH;
        let (stats, reported) = (RequestStats::new(at), self.reported[0]);
        let address = self.throttler.add(instance);
        self.pods.insert(instance, Pod { address, ready: at, stats, reported, latest: Stat::default() });
        self.reconcile_at = now;
    }

    fn withdrawn(&mut self, now: SimTime, instance: InstanceId) {
        if let Some(pod) = self.pods.remove(&instance) {
            let moved = self.throttler.remove(pod.address);
            if let Some(moved) = moved.and_then(|moved| self.pods.get_mut(&moved)) {
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
    use super::*;

    /// Requests in and out at all kinds of moments, reports every second, some of which nobody reads.
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
            // What happens at the very moment of a report came before it.
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
