//! Azure Functions, Consumption plan: the scale controller.
//!
//! The view of the Consumption plan's scale controller: one function app (here: one function).
//!
//! Published (learn.microsoft.com/azure/azure-functions, event-driven-scaling and functions-target-based-scaling): for
//! HTTP triggers, at most one new instance per second; for all others, a decision at most every 30 s; one instance at a
//! time, or four with target-based scaling, where instances = length of the source / target executions per instance; at
//! most 200 instances. Measured: an idle instance stays about 20 min (Shahrad et al., ATC 2020; Shilkov, January 2021:
//! half are gone after 22 min, nine of ten after 28), and requests wait at busy instances (STeLLAR, IISWC 2021).
//!
//! Not published; assumptions: the controller wants as many instances as the known requests need at the target (for
//! HTTP too, where it is said to consider latency as well); an incremental source gets one more while anything waits.
//! Instances are removed, one at a time or with target-based scaling all at once, when no decision of the last
//! `idle_timeout` wanted them. The first request of a function without instances gets one at once. The front end sends
//! each request to a random instance. Not modeled: the ten minutes after which a draining instance is stopped, and the
//! 230 s after which an HTTP request times out (set `queue-timeout` or `timeout`).

use super::clock::Clock;
use super::peak::Peak;
use super::{MANY, Policy, Scaling, Slots, View};
use crate::rng::{Purpose, Stream};
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Positive, PositiveDuration};
use crate::time::{SimTime, Span};

/// Delay after the first request of a function without instances until the controller sees it, with all that arrived in
/// the meantime.
pub(super) const A_MOMENT: Span = Span::from_nanos(1);

choice! {
    /// What triggers a function.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Trigger {
        "http" => Http, "HTTP requests: at most one new instance per second.";
        "target-based" => TargetBased, "Events of a source of known length: at most four new instances every 30 s.";
        "incremental" => Incremental, "Events of any other source: at most one new instance every 30 s.";
    }
}

parameters! {
    /// The scale controller of Azure Functions on the Consumption plan.
    pub struct AzureConsumptionSpec {
        /// Trigger of the function.
        default trigger: Trigger = Trigger::Http,
        /// Target number of executions per instance. Default: what it can run at once (HTTP), or 16.
        optional target_executions_per_instance: Positive,
        /// With trigger = "http": requests that an instance runs at once (host.json).
        default max_concurrent_requests: Count<1, MANY> = 100,
        /// With trigger = "http": requests that an instance holds, including waiting ones; beyond that, it returns 429
        /// (host.json).
        default max_outstanding_requests: Count<1, MANY> = 200,
        /// Maximum number of instances: 200 on Windows, 100 on Linux.
        default max_instances: Count<1, MANY> = 200,
        /// Always-ready instances (Premium plan). Default: none.
        optional always_ready: Count<1, MANY>,
        /// How long an instance must be surplus before it is removed: measured, not published.
        default idle_timeout: PositiveDuration = Span::from_secs(1200),
    }
}

/// Default of Service Bus and Storage Queue per instance.
const TARGET_EXECUTIONS: f64 = 16.0;

impl AzureConsumptionSpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        let most = "the Consumption plan has at most 200 instances (100 on Linux)";
        check.rule("max-instances", self.max_instances, self.max_instances <= 200, most);
        let (most, ready) = (self.max_instances, self.always_ready.unwrap_or(0));
        check.rule("always-ready", ready, ready <= most, format!("there are at most {most} instances (max-instances)"));
        let (concurrent, outstanding) = (self.max_concurrent_requests, self.max_outstanding_requests);
        let rule = format!("the {concurrent} requests that run at once are outstanding too");
        check.rule("max-outstanding-requests", outstanding, outstanding >= concurrent, rule);
    }

    /// Target number of executions per instance.
    fn target(&self) -> f64 {
        self.target_executions_per_instance.unwrap_or(match self.trigger {
            Trigger::Http => f64::from(self.max_concurrent_requests),
            Trigger::TargetBased | Trigger::Incremental => TARGET_EXECUTIONS,
        })
    }
}

impl Policy for AzureConsumptionSpec {
    fn build(&self, _: &dyn Fn(Purpose) -> Stream) -> Option<Box<dyn Scaling>> {
        Some(Box::new(AzureConsumption::new(self.clone())))
    }

    fn slots(&self, _memory_mb: u32) -> Option<Slots> {
        Some(match self.trigger {
            Trigger::Http => Slots { key: "max-concurrent-requests", number: self.max_concurrent_requests },
            Trigger::TargetBased | Trigger::Incremental => {
                Slots { key: "target-executions-per-instance", number: (self.target().ceil() as u32).min(MANY) }
            }
        })
    }

    fn minimum_instances(&self) -> u32 {
        self.always_ready.unwrap_or(0)
    }

    fn pause(&self) -> Option<Span> {
        Some(self.interval())
    }
}

/// The state of the scale controller.
#[derive(Clone, Debug)]
struct AzureConsumption {
    spec: AzureConsumptionSpec,
    clock: Clock,
    wanted: Peak,
}

impl AzureConsumptionSpec {
    /// How often the controller decides.
    pub(super) const fn interval(&self) -> Span {
        match self.trigger {
            Trigger::Http => Span::from_secs(1),
            Trigger::TargetBased | Trigger::Incremental => Span::from_secs(30),
        }
    }

    /// Maximum number of instances added at once.
    const fn step(&self) -> f64 {
        match self.trigger {
            Trigger::Http | Trigger::Incremental => 1.0,
            Trigger::TargetBased => 4.0,
        }
    }

    fn wanted(&self, view: &View<'_>) -> f64 {
        match self.trigger {
            Trigger::Http | Trigger::TargetBased => {
                ((f64::from(view.in_progress) + f64::from(view.queued)) / self.target()).ceil()
            }
            Trigger::Incremental if view.queued > 0 => f64::from(view.ordered) + 1.0,
            Trigger::Incremental => view.instances.iter().filter(|instance| instance.in_flight > 0).count() as f64,
        }
    }
}

impl AzureConsumption {
    /// A controller without history.
    fn new(spec: AzureConsumptionSpec) -> Self {
        Self { clock: Clock::new(spec.interval()), spec, wanted: Peak::default() }
    }
}

impl Scaling for AzureConsumption {
    fn next(&self) -> SimTime {
        self.clock.next()
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        let (spec, ordered) = (&self.spec, f64::from(view.ordered));
        let least = f64::from(spec.always_ready.unwrap_or(0));
        let wanted = view.bounded(spec.wanted(view).max(least).min(f64::from(spec.max_instances)));
        let peak = self.wanted.of(view.now, wanted, spec.idle_timeout);
        let answer = if wanted > ordered {
            wanted.min(least.max(ordered + spec.step()))
        } else if peak < ordered && spec.trigger == Trigger::TargetBased {
            peak
        } else if peak < ordered {
            ordered - 1.0
        } else {
            ordered
        };
        // Without instances, it waits for a request.
        if answer == 0.0 {
            self.clock.start(SimTime::NEVER);
        } else {
            self.clock.ticked(view.now);
            if wanted == least && view.is_quiet() && answer == ordered {
                self.clock.rest(self.wanted.holds_until(view.now, spec.idle_timeout));
            }
        }
        Some(view.bounded(answer))
    }

    fn arrived(&mut self, now: SimTime) {
        if self.clock.stands_still() {
            self.clock.start(now + A_MOMENT);
        } else {
            self.clock.wake(now);
        }
    }

    fn looks_at_instances(&self, _now: SimTime) -> bool {
        self.spec.trigger == Trigger::Incremental
    }

    fn waits_at_instance(&self) -> Option<u32> {
        (self.spec.trigger == Trigger::Http)
            .then(|| self.spec.max_outstanding_requests.saturating_sub(self.spec.max_concurrent_requests))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, ready, view};
    use super::*;

    fn spec(trigger: Trigger, target: f64) -> AzureConsumptionSpec {
        AzureConsumptionSpec {
            trigger,
            target_executions_per_instance: Some(target),
            max_concurrent_requests: 100,
            max_outstanding_requests: 200,
            max_instances: 200,
            always_ready: None,
            idle_timeout: Span::from_secs(1200),
        }
    }

    /// The instances that it orders with this many known requests at each of its decisions.
    fn orders(spec: AzureConsumptionSpec, queued: &[u32]) -> Vec<f64> {
        let mut policy = AzureConsumption::new(spec);
        let mut ordered = 0;
        let decide = |&queued: &u32| {
            let answer = policy.decide(&View { queued, ordered, ..view(policy.next()) }).expect("an answer");
            ordered = answer as u32;
            answer
        };
        queued.iter().map(decide).collect()
    }

    #[test]
    fn http_gets_one_instance_a_second() {
        // 350 requests at 100 each need 4; from the second at which 80 are left, 1: but 4 were wanted a moment ago.
        assert_eq!(orders(spec(Trigger::Http, 100.0), &[350, 350, 350, 80, 80]), [1.0, 2.0, 3.0, 3.0, 3.0]);
    }

    #[test]
    fn instances_that_are_always_ready_are_there_at_once_and_stay() {
        let premium = AzureConsumptionSpec { always_ready: Some(3), ..spec(Trigger::Http, 100.0) };
        assert_eq!(orders(premium, &[0, 0, 450, 450, 0]), [3.0, 3.0, 4.0, 5.0, 5.0]);
        let mut policy =
            AzureConsumption::new(AzureConsumptionSpec { always_ready: Some(1), ..spec(Trigger::Http, 100.0) });
        let quiet = |now| View { ordered: 1, existing: 1, ..view(at(now)) };
        assert_eq!((policy.decide(&view(at(0))), policy.decide(&quiet(5000))), (Some(1.0), Some(1.0)));
    }

    #[test]
    fn a_queue_gets_four_at_a_time_every_thirty_seconds() {
        // 160 messages at 16 each need 10.
        let mut policy = AzureConsumption::new(spec(Trigger::TargetBased, 16.0));
        let first = policy.decide(&View { queued: 160, ..view(at(0)) });
        assert_eq!((first, policy.next()), (Some(4.0), at(30)));
        assert_eq!(orders(spec(Trigger::TargetBased, 16.0), &[160, 160, 160, 160]), [4.0, 8.0, 10.0, 10.0]);
    }

    #[test]
    fn any_other_source_gets_one_while_something_waits() {
        assert_eq!(orders(spec(Trigger::Incremental, 16.0), &[1, 900, 900, 0]), [1.0, 2.0, 3.0, 3.0]);
    }

    #[test]
    fn an_instance_goes_twenty_minutes_after_it_was_wanted() {
        let mut policy = AzureConsumption::new(spec(Trigger::Http, 100.0));
        policy.decide(&View { queued: 150, ordered: 1, ..view(at(0)) });
        let busy = ready(&[1, 0]);
        let later = |now| View { ordered: 2, in_progress: 1, instances: &busy, ..view(at(now)) };
        assert_eq!(policy.decide(&later(1200)), Some(2.0));
        assert_eq!(policy.decide(&later(1201)), Some(1.0));
    }

    #[test]
    fn at_rest_it_is_asked_when_an_instance_goes() {
        let mut policy = AzureConsumption::new(spec(Trigger::Http, 100.0));
        policy.decide(&View { queued: 150, ordered: 1, existing: 1, ..view(at(0)) });
        let quiet = |now| View { ordered: 2, existing: 2, ..view(at(now)) };
        assert_eq!((policy.decide(&quiet(1)), policy.next()), (Some(2.0), at(1201)));
        policy.arrived(at(30));
        assert_eq!(policy.next(), at(31), "a tick at the moment of an arrival came before it");
        assert_eq!((policy.decide(&quiet(31)), policy.next()), (Some(2.0), at(1201)));
        assert_eq!((policy.decide(&quiet(1201)), policy.next()), (Some(1.0), at(1202)));
    }

    #[test]
    fn no_more_than_the_plan_allows() {
        let plan = AzureConsumptionSpec { max_instances: 5, ..spec(Trigger::TargetBased, 1.0) };
        assert_eq!(orders(plan, &[1000, 1000]), [4.0, 5.0]);
    }

    #[test]
    fn the_first_request_is_seen_at_once() {
        let mut policy = AzureConsumption::new(spec(Trigger::Http, 100.0));
        assert_eq!(policy.decide(&view(at(0))), Some(0.0));
        policy.arrived(at(0) + Span::from_nanos(5));
        assert_eq!(policy.next(), at(0) + Span::from_nanos(6));
    }
}
