//! Tenants: customers with their own quotas, whatever they call.
//!
//! A tenant's quota applies to all its calls together: those of its sources and those of its functions. Calls that are
//! too fast or too many at a time are throttled before they reach anything, so other tenants are not affected.

use super::books::{Books, Level, Measured, Times};
use super::bucket::{Buckets, Throttle};
use super::slots::{Key, Slots};
use super::{Abandon, CallId, Component, Outcome, Parcel, Ports, Spec, Token};
use crate::metric::component::{EVENTS, Flow, Kind, RATIO, component_metrics};
use crate::metric::signal;
use crate::rng::Stream;
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Name};
use crate::time::SimTime;

/// What results report about tenants.
pub(crate) const KIND: Kind = Kind {
    title: "Tenants",
    rows_are: "Tenant",
    arrivals: "requests.arrived",
    headline: &["throttled_ratio", "latency_s.p99"],
    keeps: false,
    lasts: false,
    metrics: component_metrics! {
        "requests.arrived": EVENTS, "Calls of the tenant.";
        "requests.throttled": EVENTS.lower(), "Calls throttled by a quota.";
        "requests.completed": EVENTS.higher(), "Calls with a successful response.";
        "requests.failed": EVENTS.lower(), "Other calls without a successful response.";
        "requests.unfinished": EVENTS.lower(), "Calls without a response at the end of the run.";
        "throttled_ratio": RATIO(&["requests.throttled"], "requests.arrived"), "Throttled calls as a share of all.";
        @times "latency_s", "Response time of a call";
        @level "concurrency", "Calls in progress";
    },
    limits: &[("quota", "requests.throttled")],
    columns: &[
        ("requests.arrived", "Arrived"),
        ("requests.throttled", "Throttled"),
        ("requests.completed", "Completed"),
        ("requests.failed", "Failed"),
        ("latency_s.p99", "Latency p99"),
        ("concurrency.peak", "Peak concurrency"),
    ],
    flow: Some(Flow {
        incoming: &["requests.arrived"],
        succeeded: &["requests.completed"],
        failed: &["requests.throttled", "requests.failed"],
        remaining: &["requests.unfinished"],
        time: Some(("p99", "latency_s.p99")),
        word: "failed",
    }),
    losses: None,
    signals: signal::SERVED_REQUESTS,
    has_latency: true,
};

parameters! {
    /// A customer with a quota.
    pub struct TenantParameters {
        /// Unique name.
        required name: Name,
        /// Token buckets, as a table or an ordered list; calls beyond them are throttled.
        optional throttle: Throttle,
        /// Maximum number of calls in progress; more are throttled. Default: no limit.
        optional max_concurrency: Count<1, 1_000_000_000>,
    }
}

/// A tenant, with one entry for each target of its calls.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantSpec {
    /// Its quota.
    pub parameters: TenantParameters,
    /// The target of each entry.
    pub targets: Vec<String>,
}

impl Spec for TenantSpec {
    fn targets(&self) -> Vec<&str> {
        self.targets.iter().map(String::as_str).collect()
    }

    fn build(&self, _: Stream) -> Box<dyn Component> {
        Box::new(Tenant {
            buckets: self.parameters.throttle.as_ref().map(Buckets::new),
            max_concurrency: self.parameters.max_concurrency.unwrap_or(u32::MAX),
            calls: Slots::default(),
            counts: Counts::default(),
            latency: Times::default(),
            concurrency: Level::default(),
        })
    }
}

/// The state of a tenant.
struct Tenant {
    buckets: Option<Buckets>,
    max_concurrency: u32,
    calls: Slots<Call>,
    counts: Counts,
    latency: Times,
    concurrency: Level,
}

struct Call {
    id: CallId,
    begun: SimTime,
    is_measured: bool,
}

/// Counters of calls that arrived in the measured period. Each is throttled, completed, failed or unfinished.
#[derive(Default)]
struct Counts {
    arrived: u64,
    throttled: u64,
    completed: u64,
    failed: u64,
}

impl Component for Tenant {
    fn measured(&mut self, measured: Measured) {
        self.concurrency.measured(measured);
    }

    fn arrived(&mut self, id: CallId, parcel: Parcel, ports: &mut Ports<'_>) {
        let measured = u64::from(ports.is_measured);
        self.counts.arrived += measured;
        let is_too_much = self.calls.len() >= self.max_concurrency as usize;
        if is_too_much || self.buckets.as_mut().is_some_and(|buckets| !buckets.take(ports.now)) {
            self.counts.throttled += measured;
            ports.answer(id, Outcome::Rejected);
            return;
        }
        let key = self.calls.insert(Call { id, begun: ports.now, is_measured: ports.is_measured });
        self.concurrency.set(self.calls.len() as u64, ports.now);
        ports.call(ports.entry, key.token(0), parcel);
    }

    fn answered(&mut self, token: Token, outcome: Outcome, ports: &mut Ports<'_>) {
        let Some(call) = self.calls.remove(Key::of(token).0) else { return };
        self.concurrency.set(self.calls.len() as u64, ports.now);
        if call.is_measured {
            if outcome.is_success() {
                self.counts.completed += 1;
                self.latency.record(ports.now.since(call.begun));
            } else {
                self.counts.failed += 1;
            }
        }
        ports.answer(call.id, outcome);
    }

    fn cancelled(&mut self, id: CallId, ports: &mut Ports<'_>) {
        let Some(key) = self.calls.iter().find(|(_, call)| call.id == id).map(|(key, _)| key) else { return };
        ports.abandon(key.token(0), Abandon::Cancels);
        self.answered(key.token(0), Outcome::Failed, ports);
    }

    fn close(&mut self, end: SimTime, books: &mut Books) {
        let Counts { arrived, throttled, completed, failed } = self.counts;
        let unfinished = self.calls.iter().filter(|(_, call)| call.is_measured).count() as u64;
        books.count("requests.arrived", arrived);
        books.count("requests.throttled", throttled);
        books.count("requests.completed", completed);
        books.count("requests.failed", failed);
        books.count("requests.unfinished", unfinished);
        books.times("latency_s", &self.latency);
        books.level("concurrency", &self.concurrency, end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Action;
    use crate::path::bucket::BucketSpec;
    use crate::path::testing::Bench;

    fn spec(throttle: Option<(f64, f64)>, max_concurrency: Option<u32>) -> TenantSpec {
        let throttle = throttle.map(|(rate, burst)| Throttle(vec![BucketSpec { rate, burst: Some(burst) }]));
        let parameters = TenantParameters { name: "acme".into(), throttle, max_concurrency };
        TenantSpec { parameters, targets: vec!["api".into(), "checkout".into()] }
    }

    #[test]
    fn a_steady_load_is_first_refused_at_burst_over_excess() {
        // 20/s against 10/s with a burst of 5: the bucket is empty after 5 / (20 - 10) = 0.5 s.
        let mut bench = Bench::new(&spec(Some((10.0, 5.0)), None));
        let mut refused = None;
        for number in 0..40 {
            let at = f64::from(number) / 20.0;
            bench.until(at);
            bench.arrive_at(number, Parcel::one(0, number.into()), number % 2);
            match bench.take()[..] {
                [(_, Action::Call { target, token, .. })] => {
                    assert_eq!(target, number % 2, "both entries share the bucket, and lead to their own target");
                    bench.answer(token, Outcome::Completed);
                }
                _ => refused = refused.or(Some(at)),
            }
            bench.take();
        }
        // The tenth call takes the token gained since the ninth: at 0.45 s there is half of one.
        assert_eq!(refused, Some(0.45));
        let books = bench.books();
        // Until 1.95 s: the initial 5 tokens and 19.5 gained.
        assert_eq!(books.get("requests.completed"), Some(24.0));
        assert_eq!(books.get("requests.throttled"), Some(16.0));
    }

    #[test]
    fn what_is_in_progress_counts_until_it_is_answered() {
        let mut bench = Bench::new(&spec(None, Some(1)));
        bench.arrive_at(0, Parcel::one(0, 0), 0);
        let [(_, Action::Call { token, .. })] = bench.take()[..] else { panic!("it calls") };
        bench.arrive_at(1, Parcel::one(0, 1), 1);
        assert_eq!(bench.take(), [(0.0, Action::Answer { call: CallId(1), outcome: Outcome::Rejected })]);
        bench.until(2.0);
        bench.answer(token, Outcome::Failed);
        bench.arrive_at(2, Parcel::one(0, 2), 1);
        assert!(matches!(bench.take()[..], [(_, Action::Answer { .. }), (_, Action::Call { target: 1, .. })]));
        let books = bench.books();
        let of = |key| books.get(key).expect(key);
        assert_eq!((of("requests.failed"), of("requests.throttled"), of("requests.unfinished")), (1.0, 1.0, 1.0));
        assert_eq!((of("concurrency.mean"), of("concurrency.peak")), (1.0, 1.0));
    }
}
