//! The autoscaler of one revision: collector, decider, published decisions, and the poke from zero.

use super::collector::Collector;
use super::decider::{Decider, Decision, Observed};
use super::settings::{DeciderSpec, MetricSpec};
use super::stats::Stat;
use super::{REPORT_INTERVAL, UNKNOWN_SCALE};
use crate::time::SimTime;

/// Averages from here on are more than a rounding error.
const LEAST_LOAD: f64 = 2e-6;

/// Collector and decider of one revision. Ticks are due every [`super::TICK_INTERVAL`] from the creation of the decider,
/// the first after one interval; scrapes every [`REPORT_INTERVAL`] from the creation of the collector.
///
/// Source: `pkg/autoscaler/scaling/multiscaler.go` of knative/serving.
#[derive(Clone, Debug, Default)]
pub struct Autoscaler {
    collector: Option<Collector>,
    decider: Option<(Decider, Decision)>,
}

impl Autoscaler {
    /// Starts collecting metrics.
    pub fn create_collector(&mut self, collector: Collector) {
        self.collector = Some(collector);
    }

    /// Starts deciding, with `ready` pods at `now`. The number of desired pods is unknown until the first valid tick.
    pub fn create_decider(&mut self, spec: DeciderSpec, now: SimTime, ready: i32) {
        let burst = spec.target_burst_capacity;
        let excess = if burst == 0.0 || burst == -1.0 {
            burst
        } else {
            f64::from(spec.initial_scale) * spec.total_value - burst
        };
        let published = Decision { desired: UNKNOWN_SCALE, excess_burst_capacity: excess as i32 };
        self.decider = Some((Decider::new(spec, now, ready), published));
    }

    /// Applies changed settings at `now`.
    pub fn update(&mut self, now: SimTime, metric: &MetricSpec, decider: DeciderSpec) {
        if let Some(collector) = &mut self.collector {
            collector.update(now, metric);
        }
        if let Some((current, _)) = &mut self.decider {
            current.update(decider);
        }
    }

    /// The last decision; `None` before there is a decider.
    #[must_use]
    pub fn published(&self) -> Option<Decision> {
        self.decider.as_ref().map(|(_, published)| *published)
    }

    /// The decider, once created.
    #[must_use]
    pub fn decider(&self) -> Option<&Decider> {
        self.decider.as_ref().map(|(decider, _)| decider)
    }

    /// Records the result of a scrape for time `at`, if pods are scraped at all.
    pub fn scraped(&mut self, at: SimTime, stat: Stat) {
        if let Some(collector) = self.collector.as_mut().filter(|collector| collector.scrapes()) {
            collector.record(at, stat);
        }
    }

    /// Records scrapes that found nothing, from `from` to `until`.
    pub fn scraped_nothing(&mut self, from: SimTime, until: SimTime) {
        if let Some(collector) = self.collector.as_mut().filter(|collector| collector.scrapes()) {
            collector.record_zeros(from, until);
        }
    }

    /// Until when ticks decide the same as at `now`, with `ready` pods (none or one) that report only zeros from now
    /// on; see [`Decider::rests_until`].
    #[must_use]
    pub fn rests_until(&self, now: SimTime, ready: i32) -> Option<SimTime> {
        let (collector, (decider, published)) = (self.collector.as_ref()?, self.decider.as_ref()?);
        let metric = decider.spec().metric;
        let window = collector.stable(metric)?;
        let load = window.load_leaves();
        // Without reports, an average would grow before it falls.
        let is_recorded = ready > 0 && collector.scrapes();
        let is_empty = load.is_none_or(|(leaves, _)| leaves <= now);
        // When the last load is about to leave the window, the rest must be more than a rounding error.
        let is_clear = load.is_none_or(|(_, value)| value / window.bucket_count() as f64 >= LEAST_LOAD);
        if !window.is_linear() || !(is_empty || is_recorded && is_clear) || published.desired == UNKNOWN_SCALE {
            return None;
        }
        let observed = collector.observe(metric, now).unwrap_or(Observed { stable: 0.0, panic: 0.0 });
        decider.rests_until(ready, observed, load.map(|(leaves, _)| leaves))
    }

    /// Records an activator's report, stamped with whole seconds, and ticks at once if the revision is at zero and the
    /// activator has requests. Reports that arrive before there is a collector are dropped. Returns the same as
    /// [`Autoscaler::tick`].
    pub fn push(&mut self, now: SimTime, stat: Stat, ready: Option<i32>) -> bool {
        let second = now.as_nanos() - now.as_nanos() % REPORT_INTERVAL.as_nanos();
        if let Some(collector) = &mut self.collector {
            collector.record(SimTime::from_nanos(second), stat);
        }
        let at_zero = self.published().is_some_and(|published| published.desired == 0);
        at_zero && stat.concurrency != 0.0 && self.tick(now, ready)
    }

    /// One tick at `now` with `ready` pods (`None`: they could not be counted). Returns whether to notify the
    /// reconciler: the desired pods changed, or the excess burst capacity crossed zero.
    pub fn tick(&mut self, now: SimTime, ready: Option<i32>) -> bool {
        let Some((decider, _)) = &self.decider else { return false };
        let observed = self.collector.as_ref().and_then(|collector| collector.observe(decider.spec().metric, now));
        self.tick_on(now, ready, observed)
    }

    /// The same, on averages from elsewhere (`None`: no data).
    pub fn tick_on(&mut self, now: SimTime, ready: Option<i32>, observed: Option<Observed>) -> bool {
        let Some((decider, published)) = &mut self.decider else { return false };
        let Some(decision) = decider.scale(now, ready, observed) else { return false };
        let before = std::mem::replace(published, decision);
        before.desired != decision.desired || (before.excess_burst_capacity < 0) != (decision.excess_burst_capacity < 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::scaling::knative::annotations::Annotations;
    use crate::policy::scaling::knative::config::ConfigMap;
    use crate::policy::scaling::knative::settings::{Revision, Settings};

    use crate::time::Span;

    fn at(millis: u64) -> SimTime {
        SimTime::ZERO + Span::from_millis(1_000_000 + millis)
    }

    fn settings(target_burst_capacity: f64) -> Settings {
        let annotations = Annotations { target_burst_capacity: Some(target_burst_capacity), ..Annotations::default() };
        Settings::resolve(&ConfigMap::default(), &annotations, &Revision::default())
    }

    fn autoscaler(target_burst_capacity: f64) -> Autoscaler {
        let settings = settings(target_burst_capacity);
        let mut autoscaler = Autoscaler::default();
        autoscaler.create_collector(Collector::new(&settings.metric));
        autoscaler.create_decider(settings.decider, at(0), 0);
        autoscaler
    }

    #[test]
    fn it_starts_without_a_wish() {
        for (burst, excess) in [(211.0, -111), (10.5, 89), (0.0, 0), (-1.0, -1)] {
            let published = autoscaler(burst).published();
            assert_eq!(published, Some(Decision { desired: -1, excess_burst_capacity: excess }), "{burst}");
        }
    }

    #[test]
    fn the_first_request_at_zero_pokes() {
        let request = Stat { concurrency: 1.0, requests: 1.0, ..Stat::default() };
        let mut autoscaler = autoscaler(-1.0);
        assert!(!autoscaler.push(at(100), request, Some(0)), "nothing is known yet: no poke");
        assert!(autoscaler.tick(at(70_000), Some(0)), "-1 becomes 0");
        assert!(!autoscaler.push(at(70_500), Stat::default(), Some(0)), "an idle activator does not poke");
        assert!(autoscaler.push(at(131_300), request, Some(0)));
        assert_eq!(autoscaler.published().expect("created").desired, 1);
        assert!(!autoscaler.push(at(131_400), request, Some(0)), "no longer at zero");
    }

    #[test]
    fn the_reconciler_hears_of_changes_only() {
        let mut autoscaler = autoscaler(211.0);
        autoscaler.scraped(at(1_000), Stat { concurrency: 50.0, ..Stat::default() });
        assert!(autoscaler.tick(at(2_000), Some(1)));
        assert!(!autoscaler.tick(at(4_000), Some(1)));
        assert!(autoscaler.tick(at(6_000), Some(3)), "the activator may leave");
        assert_eq!(autoscaler.published(), Some(Decision { desired: 1, excess_burst_capacity: 39 }));
        assert!(!autoscaler.tick(at(8_000), None));
    }
}
