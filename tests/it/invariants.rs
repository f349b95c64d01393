//! What must hold in every run, over drawn scenarios in which features are on or off; and that a run is its seed.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use forewarm::engine::{Cell, EventCounts, Finished, Levels, Limit, Observer, Outcome, simulate};
use forewarm::id::{InstanceId, LocalFn};
use forewarm::policy::keep_alive::KeepAliveSpec;
use forewarm::policy::scaling::ScalingSpec;
use forewarm::rng::Streams;
use forewarm::scenario::{Function, Overflow, Scenario};
use forewarm::time::{SimTime, Span};
use proptest::prelude::*;

use crate::harness::drawn::{Kind, any_scenario, function};
use crate::harness::scenario;

/// Policies under which a request may wait at an instance whose slots are all taken.
const WAITS_THERE: [&str; 2] = ["knative", "azure-consumption"];

/// Watches a run and fails at the first thing that cannot be.
///
/// Where a scaling policy orders the instances, a starting one may be withdrawn, nobody waits for a certain one to start,
/// and one that finishes what it has no longer counts towards `max-instances`.
struct Auditor<'a> {
    scenario: &'a Scenario,
    functions: Vec<Audit>,
    now: SimTime,
    unreserved_in_progress: i64,
    ended: HashSet<(u32, u64)>,
    fingerprint: u64,
}

#[derive(Default)]
struct Audit {
    last: SimTime,
    arrived: u64,
    assigned: u64,
    finished: u64,
    served: u64,
    throttled: u64,
    rejected: u64,
    cold: u64,
    live: HashMap<InstanceId, (SimTime, SimTime)>,
    on_instance: HashMap<InstanceId, u32>,
    created: u64,
    /// Requests that were in progress at the start: they count as arrived, too.
    initial: u64,
}

impl<'a> Auditor<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        Self {
            scenario,
            functions: scenario.functions.iter().map(|_| Audit::default()).collect(),
            now: SimTime::ZERO,
            unreserved_in_progress: 0,
            ended: HashSet::new(),
            fingerprint: 0xcbf2_9ce4_8422_2325,
        }
    }

    fn note(&mut self, what: u8, now: SimTime, values: &[u64]) {
        assert!(now >= self.now, "time goes back from {} to {now}", self.now);
        self.now = now;
        for word in [u64::from(what), now.as_nanos()].iter().chain(values) {
            for byte in word.to_le_bytes() {
                self.fingerprint = (self.fingerprint ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }

    fn finish(self, counts: &EventCounts) -> u64 {
        let arrived: u64 = self.functions.iter().map(|audit| audit.arrived - audit.initial).sum();
        assert_eq!(arrived, counts.arrivals, "arrivals are counted");
        assert_eq!(self.ended.len() as u64, arrived, "every request has ended, once");
        let served: u64 = self.functions.iter().map(|audit| audit.served).sum();
        assert_eq!(served, counts.completions, "completions are counted");
        for audit in &self.functions {
            assert_eq!(audit.arrived, audit.finished);
            assert!(audit.cold <= audit.created, "a cold start makes an instance");
            assert!(audit.rejected <= audit.throttled, "who is refused was throttled");
        }
        self.fingerprint
    }
}

impl Observer for Auditor<'_> {
    fn needs_order(&self) -> bool {
        true
    }

    fn arrived(&mut self, now: SimTime, function: LocalFn) {
        assert!(now < SimTime::from(self.scenario.simulation.horizon), "nothing arrives after the horizon");
        self.functions[function.index()].arrived += 1;
        self.note(1, now, &[function.index() as u64]);
    }

    fn throttled(&mut self, now: SimTime, function: LocalFn, by: Limit) {
        self.functions[function.index()].throttled += 1;
        self.note(2, now, &[function.index() as u64, by as u64]);
    }

    fn assigned(&mut self, now: SimTime, function: LocalFn, cold: bool, cold_affected: bool) {
        assert!(cold_affected || !cold);
        let audit = &mut self.functions[function.index()];
        audit.assigned += 1;
        audit.cold += u64::from(cold);
        if self.scenario.functions[function.index()].concurrency.reserved.is_none() {
            self.unreserved_in_progress += 1;
        }
        self.note(3, now, &[function.index() as u64, u64::from(cold), u64::from(cold_affected)]);
    }

    fn finished(&mut self, request: &Finished) {
        assert!(self.ended.insert((request.source.0, request.number)), "a request ends once");
        assert!(
            request.born <= request.assigned && request.assigned <= request.started && request.started <= request.ended
        );
        let index = request.function.index();
        let spec = &self.scenario.functions[index];
        let audit = &mut self.functions[index];
        audit.finished += 1;
        match request.outcome {
            Outcome::Completed | Outcome::TimedOut => {
                audit.served += 1;
                let instance = request.instance.expect("it ran somewhere");
                let (created, ready) = audit.live[&instance];
                assert!(
                    request.assigned >= created && request.started >= ready,
                    "it ran on an instance that was there"
                );
                let ran = request.ended.since(request.started);
                let timeout = spec.timeout.unwrap_or(Span::FOREVER);
                assert!(ran <= timeout, "nobody runs longer than allowed");
                assert!(
                    request.outcome == Outcome::Completed || ran == timeout,
                    "who has timed out ran as long as allowed"
                );
                if spec.concurrency.reserved.is_none() {
                    self.unreserved_in_progress -= 1;
                }
            }
            Outcome::Rejected => {
                audit.rejected += 1;
                assert!(request.instance.is_none() && request.ended == request.born, "it is refused at once");
            }
            Outcome::QueueTimedOut => {
                let Overflow::Queue { timeout: Some(timeout), .. } = spec.concurrency.overflow else {
                    panic!("there is no patience to lose")
                };
                assert_eq!(request.ended, request.born + timeout, "its patience ended just then");
            }
            Outcome::Unfinished => {
                assert!(request.instance.is_none() && request.ended >= SimTime::from(self.scenario.simulation.horizon));
            }
            Outcome::Failed => panic!("nothing fails yet"),
        }
        self.note(4, request.ended, &[index as u64, request.number, request.outcome as u64, request.born.as_nanos()]);
    }

    fn instance_created(
        &mut self,
        now: SimTime,
        function: LocalFn,
        instance: InstanceId,
        ready: SimTime,
        billed: Span,
        _: bool,
    ) {
        assert!(ready >= now && billed <= ready.since(now));
        let audit = &mut self.functions[function.index()];
        audit.created += 1;
        assert!(audit.live.insert(instance, (now, ready)).is_none(), "an instance is created once");
        self.note(5, now, &[function.index() as u64, instance.0, ready.as_nanos(), billed.as_nanos()]);
    }

    fn instance_found(&mut self, function: LocalFn, instance: InstanceId, is_busy: bool) {
        let audit = &mut self.functions[function.index()];
        assert!(audit.live.insert(instance, (SimTime::ZERO, SimTime::ZERO)).is_none(), "an instance is found once");
        if is_busy {
            audit.initial += 1;
            audit.arrived += 1;
            audit.assigned += 1;
            if self.scenario.functions[function.index()].concurrency.reserved.is_none() {
                self.unreserved_in_progress += 1;
            }
        }
        self.note(8, SimTime::ZERO, &[function.index() as u64, instance.0]);
    }

    fn initial_ended(&mut self, now: SimTime, function: LocalFn, instance: InstanceId) {
        let audit = &mut self.functions[function.index()];
        assert!(audit.live.contains_key(&instance));
        audit.finished += 1;
        audit.served += 1;
        if self.scenario.functions[function.index()].concurrency.reserved.is_none() {
            self.unreserved_in_progress -= 1;
        }
        self.note(9, now, &[function.index() as u64, instance.0]);
    }

    fn instance_removed(&mut self, now: SimTime, function: LocalFn, instance: InstanceId, created: SimTime) {
        let audit = &mut self.functions[function.index()];
        let (was, ready) = audit.live.remove(&instance).expect("it was there");
        assert_eq!(was, created);
        let is_ordered = !matches!(self.scenario.functions[function.index()].scaling, ScalingSpec::PerRequest(_));
        assert!(now >= ready || is_ordered, "nobody goes while starting");
        assert_eq!(audit.on_instance.get(&instance), None);
        self.note(6, now, &[function.index() as u64, instance.0]);
    }

    fn levels(&mut self, now: SimTime, function: LocalFn, held: &Levels) {
        let spec = &self.scenario.functions[function.index()];
        let audit = &mut self.functions[function.index()];
        assert!(now >= audit.last);
        audit.last = now;
        let concurrency = &spec.concurrency;
        assert_eq!(u64::from(held.instances()), audit.live.len() as u64, "instances = starting + busy + idle");
        assert_eq!(u64::from(held.in_progress), audit.assigned - audit.served, "in progress");
        assert_eq!(u64::from(held.queued), audit.arrived - audit.assigned - (audit.finished - audit.served), "queued");
        // Starting instances have a request unless a policy ordered them, or loads them before they are asked for.
        let is_loaded_ahead = matches!(spec.keep_alive, KeepAliveSpec::HybridHistogram { .. });
        let is_asked_for = matches!(spec.scaling, ScalingSpec::PerRequest(_)) && !is_loaded_ahead;
        let least = if is_asked_for { held.busy + held.starting } else { held.busy };
        let orders_all = spec.scaling.orders_all();
        let (most, counted) = if orders_all {
            (held.busy, held.starting + held.idle)
        } else {
            (held.busy + held.starting, held.instances())
        };
        assert!(
            WAITS_THERE.contains(&spec.scaling.name())
                || u64::from(held.in_progress) <= u64::from(most) * u64::from(concurrency.per_instance),
            "{held:?}"
        );
        assert!(held.in_progress >= least, "a busy instance serves somebody");
        assert!(concurrency.max_instances.is_none_or(|most| counted <= most.max(concurrency.provisioned)), "{held:?}");
        assert!(concurrency.reserved.is_none_or(|most| held.in_progress <= most), "{held:?}");
        match concurrency.overflow {
            Overflow::Queue { limit, .. } => assert!(limit.is_none_or(|most| held.queued <= most)),
            Overflow::Reject => assert_eq!(held.queued, 0),
        }
        let is_provisioned =
            |function: &Function| function.concurrency.provisioned.max(function.scaling.most_provisioned()) > 0;
        if !self.scenario.functions.iter().any(is_provisioned) {
            assert!(self.unreserved_in_progress <= i64::from(self.scenario.unreserved_concurrency()));
        }
        self.note(
            7,
            now,
            &[function.index() as u64, u64::from(held.in_progress), u64::from(held.queued), u64::from(held.idle)],
        );
    }
}

/// Simulates everything together under audit; the answer is a fingerprint of all that happened.
pub(crate) fn audit(scenario: &Scenario) -> u64 {
    let mut auditor = Auditor::new(scenario);
    let mut pulse = |_, _| ControlFlow::Continue(());
    let streams = Streams::new(scenario.simulation.seed, 0);
    let counts = simulate(scenario, &Cell::whole(scenario), &streams, &mut auditor, &mut pulse).expect("it runs");
    auditor.finish(&counts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_impossible_happens_and_a_run_is_its_seed(text in prop_oneof![any_scenario(Kind::Any), any_scenario(Kind::Plain)]) {
        let scenario = scenario(&text);
        prop_assert_eq!(audit(&scenario), audit(&scenario), "the same seed gives the same run");
    }

    /// What a function does when it is simulated with others that share nothing with it is what it does alone.
    #[test]
    fn a_function_added_leaves_the_others_alone(one in function(0, Kind::Any), other in function(1, Kind::Any), seed in 0..1000_u32) {
        let head = format!("[scenario]\nname = \"drawn\"\n[simulation]\nhorizon = \"5m\"\nreplications = 2\nseed = {seed}\n");
        let threads = NonZeroUsize::MIN;
        let shape = |text: &str| {
            let run = forewarm::experiment::run(&scenario(text), threads, &(), None::<()>).expect("it runs");
            serde_json::to_string(&run.result.summary.functions[0]).expect("JSON")
        };
        prop_assert_eq!(shape(&format!("{head}{one}")), shape(&format!("{head}{one}{other}")));
    }
}

/// A refactoring must not change these; what does is a results change and belongs in the CHANGELOG.
#[test]
fn fingerprints() {
    let base = "[scenario]\nname = \"fingerprint\"\n[simulation]\nhorizon = \"10m\"\nseed = 1\n";
    let source = "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"3/s\"\n";
    let function =
        "[[function]]\nname = \"f\"\nduration.exponential.mean = \"1s\"\ncold-start.exponential.mean = \"2s\"\n";
    let cases = [
        ("plain", "keep-alive.fixed.window = \"10s\""),
        ("concurrent", "keep-alive.fixed.window = \"10s\"\nconcurrency.per-instance = 4"),
        (
            "queue",
            "keep-alive.fixed.window = \"1m\"\nconcurrency.max-instances = 3\nconcurrency.overflow = \"queue\"\nconcurrency.queue-timeout = \"5s\"",
        ),
        ("halving", "keep-alive.halving.period = \"1m\"\nselection = \"random\"\nmax-lifetime = \"2m\""),
    ];
    let found: Vec<String> = cases
        .iter()
        .map(|(name, rest)| format!("{name} {:016x}", audit(&scenario(&format!("{base}{function}{rest}\n{source}")))))
        .collect();
    insta::assert_snapshot!(found.join("\n"));
}
