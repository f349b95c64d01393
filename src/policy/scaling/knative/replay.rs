//! The autoscaler of one revision on recorded metrics: its own averages if they were recorded, otherwise the load.

use super::autoscaler::Autoscaler;
use super::collector::Collector;
use super::decider::Observed;
use super::pod_autoscaler::{EPOCH, averages, in_words};
use super::reconciler::Reconciler;
use super::settings::{Metric, Settings};
use super::stats::Stat;
use super::{REPORT_INTERVAL, TICK_INTERVAL};
use crate::policy::scaling::replay::{Conditions, Gauge, Recorded, Replay, next_tick, wanted};
use crate::time::{SimTime, Span};

/// Collector, decider and reconciler of a revision with recorded pods and load. It is created at the first sample.
struct KnativeReplay {
    settings: Settings,
    limit: u32,
    /// When it starts, since the Unix epoch.
    epoch: Span,
    /// Whether the averages over the windows were recorded.
    has_averages: bool,
    autoscaler: Autoscaler,
    reconciler: Option<Reconciler>,
    recorded: Recorded,
    report_at: SimTime,
    tick_at: SimTime,
    /// The activator requests a tick at once.
    poked_at: SimTime,
    reconcile_at: SimTime,
}

impl Settings {
    /// The autoscaler of a revision with these settings on recorded metrics.
    ///
    /// # Errors
    /// What has to be recorded.
    pub fn replay(self, conditions: &Conditions<'_>) -> Result<Box<dyn Replay>, String> {
        let settings = self;
        let metric = settings.decider.metric;
        let has_averages = averages(metric).into_iter().all(conditions.has);
        let load: &[Gauge] = match metric {
            Metric::Concurrency => &[Gauge::Concurrency, Gauge::ConcurrencyPerPod],
            Metric::Rps => &[Gauge::Rate, Gauge::RatePerPod],
        };
        if !has_averages && !load.iter().any(|gauge| (conditions.has)(*gauge)) {
            let [stable, panic] = averages(metric).map(Gauge::name);
            return Err(format!("`{stable}` and `{panic}`, or {}", wanted(load)));
        }
        Ok(Box::new(KnativeReplay {
            settings,
            limit: conditions.limit,
            epoch: conditions.start.unwrap_or(EPOCH),
            has_averages,
            autoscaler: Autoscaler::default(),
            reconciler: None,
            recorded: Recorded::default(),
            report_at: if has_averages { SimTime::NEVER } else { SimTime::ZERO },
            tick_at: SimTime::ZERO,
            poked_at: SimTime::NEVER,
            reconcile_at: SimTime::ZERO,
        }))
    }
}

impl KnativeReplay {
    fn ready(&self) -> i32 {
        self.recorded.ready() as i32
    }

    /// The averages as they were recorded.
    fn observed(&self) -> Option<Observed> {
        let [stable, panic] = averages(self.settings.decider.metric).map(|gauge| self.recorded.get(gauge));
        Some(Observed { stable: stable?, panic: panic? })
    }

    fn tick(&mut self, now: SimTime) -> bool {
        let ready = Some(self.ready());
        if self.has_averages {
            self.autoscaler.tick_on(now + self.epoch, ready, self.observed())
        } else {
            self.autoscaler.tick(now + self.epoch, ready)
        }
    }

    /// The combined report of pods and activator, as far as the load was recorded.
    fn report(&mut self, now: SimTime) -> bool {
        let ready = self.ready();
        let whole = |gauge, each| {
            let sum = self.recorded.get(each).map(|value| value * f64::from(ready));
            self.recorded.get(gauge).or(sum)
        };
        let concurrency = whole(Gauge::Concurrency, Gauge::ConcurrencyPerPod);
        let requests = whole(Gauge::Rate, Gauge::RatePerPod);
        if concurrency.is_none() && requests.is_none() {
            return false;
        }
        let stat =
            Stat { concurrency: concurrency.unwrap_or(0.0), requests: requests.unwrap_or(0.0), ..Stat::default() };
        if self.settings.metric.scrape && ready > 0 {
            self.autoscaler.scraped(now + self.epoch, stat);
            return false;
        }
        let is_asked = stat.concurrency + stat.requests > 0.0;
        is_asked && self.autoscaler.push(now + self.epoch, stat, Some(ready))
    }
}

impl Replay for KnativeReplay {
    fn next(&self) -> SimTime {
        self.tick_at.min(self.report_at).min(self.poked_at).min(self.reconcile_at)
    }

    fn observe(&mut self, now: SimTime, recorded: &Recorded) {
        let before = self.ready();
        self.recorded = recorded.clone();
        let ready = self.ready();
        if self.reconciler.is_none() {
            let (metric, scaled) = (&self.settings.metric, self.settings.decider.metric);
            self.autoscaler.create_collector(Collector::of_metric(metric, scaled));
            self.autoscaler.create_decider(self.settings.decider.clone(), now + self.epoch, ready);
            let ordered = recorded.count(Gauge::Desired).unwrap_or(recorded.pods());
            self.reconciler = Some(Reconciler::new(now + self.epoch, ordered as i32, true));
            self.tick_at = now + TICK_INTERVAL;
            self.reconcile_at = now;
        } else if before != ready {
            self.reconcile_at = now;
        }
        let is_asked = self.observed().is_some_and(|observed| observed.stable + observed.panic > 0.0);
        let is_at_zero = self.autoscaler.published().is_some_and(|published| published.desired == 0);
        if self.has_averages && is_asked && is_at_zero {
            self.poked_at = now;
        }
    }

    fn decide(&mut self, now: SimTime, _: Option<u32>) -> Option<u32> {
        let mut is_news = self.reconcile_at <= now;
        if self.report_at <= now {
            is_news |= self.report(now);
            self.report_at = now + REPORT_INTERVAL;
        }
        let is_tick = self.tick_at <= now;
        if is_tick || self.poked_at <= now {
            is_news |= self.tick(now);
        }
        self.poked_at = SimTime::NEVER;
        if is_tick {
            self.tick_at = next_tick(self.tick_at, TICK_INTERVAL, now);
        }
        let ready = self.ready();
        let at = now + self.epoch;
        let reconciler = self.reconciler.as_mut()?;
        if is_news && let Some(decision) = self.autoscaler.published() {
            let again = reconciler.settle(at, &self.settings, decision, ready);
            self.reconcile_at = again.map_or(SimTime::NEVER, |again| now + again);
        }
        let replicas = u32::try_from(reconciler.replicas()).ok()?;
        (is_tick || is_news).then_some(replicas.min(self.limit))
    }

    fn why(&self) -> Option<String> {
        let decider = self.autoscaler.decider()?;
        let Some(tick) = decider.last() else { return Some("no metrics yet: initial scale".to_owned()) };
        let replicas = self.reconciler.as_ref().map_or(tick.desired, Reconciler::replicas);
        Some(in_words(&tick, decider.spec(), replicas))
    }
}
