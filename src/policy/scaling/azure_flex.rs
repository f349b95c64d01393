//! Azure Functions, Flex Consumption plan: instances by concurrency, for each function separately.
//!
//! A group of functions that are scaled together on the Flex Consumption plan: all HTTP functions of an app, or any
//! other function alone (here: one function).
//!
//! Published (learn.microsoft.com/azure/azure-functions, flex-consumption-plan and functions-concurrency): the number
//! of instances follows from the concurrency per instance: 4, 16 or 32 HTTP requests at 512, 2,048 or 4,096 MB;
//! always-ready instances; at most 100 instances by default, and never more than 1,000.
//!
//! Not published; assumptions: how often it decides (every second, and at once for the first request of a function
//! without instances), how many instances it adds at a time (all that are needed: 1,000 in less than a minute were
//! shown, techcommunity.microsoft.com, June 2024), and when instances are removed (when no decision of the last
//! `scale_in_delay` needed them). A request waits in front of all instances until one has a slot. Not modeled: the
//! regional memory quota, and the 230 s after which an HTTP request times out.

use super::azure_consumption::A_MOMENT;
use super::clock::Clock;
use super::peak::Peak;
use super::replay::Gauge;
use super::{MANY, Policy, Refusal, Scaling, Slots, View};
use crate::rng::{Purpose, Stream};
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration};
use crate::time::{SimTime, Span};

/// Interval between decisions.
const INTERVAL: Span = Span::from_secs(1);

parameters! {
    /// Azure Functions on the Flex Consumption plan: instances by concurrency.
    pub struct AzureFlexSpec {
        /// Simultaneous requests per instance. Default: 4, 16 or 32, depending on its memory.
        optional per_instance_concurrency: Count<1, 1000>,
        /// Always-ready instances.
        default always_ready: Count<0, MANY> = 0,
        /// Maximum number of instances.
        default max_instances: Count<1, MANY> = 100,
        /// How long an instance must be surplus before it is removed: not published.
        default scale_in_delay: Duration = Span::from_secs(300),
    }
}

impl AzureFlexSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let most = self.max_instances;
        let rule = "the Flex Consumption plan has at most 1000 instances";
        check.rule("max-instances", most, most <= 1000, rule);
        let rule = format!("there are at most {most} instances (max-instances)");
        check.rule("always-ready", self.always_ready, self.always_ready <= most, rule);
    }
}

impl Policy for AzureFlexSpec {
    fn build(&self, _: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        Some(Box::new(AzureFlex::new(self.clone())))
    }

    fn decides_on(&self) -> &'static [Gauge] {
        &[Gauge::Concurrency, Gauge::ConcurrencyPerPod, Gauge::Queue]
    }

    fn minimum_instances(&self) -> u32 {
        self.always_ready
    }

    fn slots(&self, memory_mb: u32) -> Option<Slots> {
        let number = self.per_instance_concurrency.or(standard_concurrency(memory_mb))?;
        Some(Slots { key: "per-instance-concurrency", number })
    }

    fn refused_memory(&self, memory_mb: u32) -> Option<Refusal> {
        standard_concurrency(memory_mb).is_none().then_some(Refusal {
            what: "the Flex Consumption plan has instances of 512MB, 2048MB and 4096MB",
            help: "write memory = \"2048MB\", which is what the plan gives unless told otherwise",
        })
    }

    fn pause(&self) -> Option<Span> {
        Some(INTERVAL)
    }
}

/// The default concurrency of HTTP functions, by the memory of an instance (MB); `None`: no such instance size exists.
const fn standard_concurrency(memory_mb: u32) -> Option<u32> {
    match memory_mb {
        512 => Some(4),
        2048 => Some(16),
        4096 => Some(32),
        _ => None,
    }
}

/// The state of the plan.
#[derive(Clone, Debug)]
struct AzureFlex {
    spec: AzureFlexSpec,
    clock: Clock,
    wanted: Peak,
    /// The last requests, concurrency per instance, the instances for them, and the result.
    last: Option<[f64; 4]>,
}

impl AzureFlex {
    /// A plan without history.
    fn new(spec: AzureFlexSpec) -> Self {
        Self { spec, clock: Clock::new(INTERVAL), wanted: Peak::default(), last: None }
    }
}

impl Scaling for AzureFlex {
    fn next(&self) -> SimTime {
        self.clock.next()
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        let requests = f64::from(view.in_progress) + f64::from(view.queued);
        let per_instance = f64::from(self.spec.per_instance_concurrency.unwrap_or(view.per_instance));
        let wanted = (requests / per_instance).ceil().max(f64::from(self.spec.always_ready));
        let wanted = view.bounded(wanted.min(f64::from(self.spec.max_instances)));
        let answer = self.wanted.of(view.now, wanted, self.spec.scale_in_delay);
        self.last = Some([requests, per_instance, wanted, answer]);
        // Without instances, it waits for a request.
        if answer == 0.0 {
            self.clock.start(SimTime::NEVER);
        } else {
            self.clock.ticked(view.now);
            if view.is_quiet() && answer == f64::from(view.ordered) {
                self.clock.rest(self.wanted.holds_until(view.now, self.spec.scale_in_delay));
            }
        }
        Some(answer)
    }

    fn why(&self) -> Option<String> {
        let [requests, per_instance, wanted, answer] = self.last?;
        let mut why =
            format!("{requests} requests in progress or queued, {per_instance} for each instance: {wanted} instances");
        if answer > wanted {
            why += &format!("; {answer} were needed within the scale-in delay of {}", self.spec.scale_in_delay);
        }
        Some(why)
    }

    fn arrived(&mut self, now: SimTime) {
        if self.clock.stands_still() {
            self.clock.start(now + A_MOMENT);
        } else {
            self.clock.wake(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, view};
    use super::*;

    const SPEC: AzureFlexSpec = AzureFlexSpec {
        per_instance_concurrency: Some(16),
        always_ready: 1,
        max_instances: 100,
        scale_in_delay: Span::from_secs(300),
    };

    #[test]
    fn instances_follow_from_concurrency() {
        let answer = |requests: u32| {
            let (in_progress, queued) = (requests / 2, requests - requests / 2);
            AzureFlex::new(SPEC).decide(&View { in_progress, queued, ..view(at(0)) })
        };
        assert_eq!([0, 16, 17, 400, 9999].map(answer), [1.0, 1.0, 2.0, 25.0, 100.0].map(Some));
    }

    #[test]
    fn instances_go_after_the_delay() {
        let mut policy = AzureFlex::new(SPEC);
        assert_eq!(policy.decide(&View { queued: 64, ..view(at(0)) }), Some(4.0));
        assert_eq!(policy.decide(&View { ordered: 4, in_progress: 20, ..view(at(200)) }), Some(4.0));
        assert_eq!(policy.decide(&View { ordered: 4, ..view(at(301)) }), Some(2.0));
        assert_eq!(policy.decide(&View { ordered: 2, ..view(at(501)) }), Some(1.0));
    }

    #[test]
    fn at_rest_it_is_asked_when_instances_go() {
        let mut policy = AzureFlex::new(SPEC);
        policy.decide(&View { queued: 64, ..view(at(0)) });
        let quiet = |now, ordered| View { ordered, existing: ordered, ..view(at(now)) };
        assert_eq!((policy.decide(&quiet(1, 4)), policy.next()), (Some(4.0), at(301)));
        assert_eq!((policy.decide(&quiet(301, 4)), policy.next()), (Some(1.0), at(302)));
        // The always-ready instance stays.
        assert_eq!((policy.decide(&quiet(302, 1)), policy.next()), (Some(1.0), SimTime::NEVER));
        policy.arrived(at(1_000) + Span::from_millis(1));
        assert_eq!(policy.next(), at(1_001));
    }

    #[test]
    fn the_first_request_is_seen_at_once() {
        let mut policy = AzureFlex::new(AzureFlexSpec { always_ready: 0, ..SPEC });
        assert_eq!((policy.decide(&view(at(0))), policy.next()), (Some(0.0), SimTime::NEVER));
        policy.arrived(at(0) + Span::from_nanos(7));
        let now = policy.next();
        assert_eq!(now, at(0) + Span::from_nanos(8));
        assert_eq!(policy.decide(&View { queued: 1, ..view(now) }), Some(1.0));
        policy.arrived(now);
        assert!(policy.next() > now, "it is on its way");
    }
}
