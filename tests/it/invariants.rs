//! What must hold in every run, over drawn scenarios in which features are on or off; and that a run is its seed.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use forewarm::engine::{Cell, EventCounts, Finished, Levels, Limit, Observer, Outcome, simulate};
use forewarm::id::{InstanceId, LocalFn, PlatformId};
use forewarm::policy::scaling::ScalingSpec;
use forewarm::rng::Streams;
use forewarm::scenario::{Function, Overflow, Scenario};
use forewarm::time::{SimTime, Span};
use proptest::prelude::*;

use crate::harness::drawn::{Kind, any_scenario, function};
use crate::harness::scenario;

/// Watches a run and fails at the first thing that cannot be, beyond what the engine itself asserts in debug builds: levels,
/// limits, conservation and Little's law.
///
/// Where a scaling policy orders the instances, a starting one may be withdrawn.
struct Auditor<'a> {
    scenario: &'a Scenario,
    functions: Vec<Audit>,
    now: SimTime,
    /// Requests of the scenario that have started on unreserved concurrency.
    unreserved_started: u64,
    ended: HashSet<(u32, u64)>,
    fingerprint: u64,
}

#[derive(Default)]
struct Audit {
    served: u64,
    throttled: u64,
    rejected: u64,
    cold: u64,
    live: HashMap<InstanceId, (SimTime, SimTime)>,
    created: u64,
}

impl<'a> Auditor<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        Self {
            scenario,
            functions: scenario.functions.iter().map(|_| Audit::default()).collect(),
            now: SimTime::ZERO,
            unreserved_started: 0,
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
        assert_eq!(self.ended.len() as u64, counts.arrivals, "every request has ended, once");
        let served: u64 = self.functions.iter().map(|audit| audit.served).sum();
        assert_eq!(served, counts.completions, "completions are counted");
        for audit in &self.functions {
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
        self.note(1, now, &[function.index() as u64]);
    }

    fn throttled(&mut self, now: SimTime, function: LocalFn, by: Limit) {
        self.functions[function.index()].throttled += 1;
        self.note(2, now, &[function.index() as u64, by as u64]);
    }

    fn assigned(&mut self, now: SimTime, function: LocalFn, cold: bool, cold_affected: bool) {
        self.functions[function.index()].cold += u64::from(cold);
        if self.scenario.functions[function.index()].concurrency.reserved.is_none() {
            self.unreserved_started += 1;
        }
        // A second's worth at once, and then so many each second; what is provisioned has its own.
        let is_provisioned =
            |function: &Function| function.concurrency.provisioned.max(function.scaling.most_provisioned()) > 0;
        if !self.scenario.functions.iter().any(is_provisioned) {
            let startable = self
                .scenario
                .unreserved_request_rate(PlatformId::default())
                .map(|rate| rate as f64 * (1.0 + now.as_secs_f64()));
            assert!(startable.is_none_or(|startable| self.unreserved_started as f64 <= startable + 1e-6));
        }
        self.note(3, now, &[function.index() as u64, u64::from(cold), u64::from(cold_affected)]);
    }

    fn finished(&mut self, request: &Finished) {
        assert!(self.ended.insert((request.source.0, request.number)), "a request ends once");
        let index = request.function.index();
        let spec = &self.scenario.functions[index];
        let audit = &mut self.functions[index];
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
            other @ (Outcome::BreakerOpen | Outcome::NoBudget | Outcome::Expired | Outcome::TooLarge) => {
                panic!("only clients end requests like this: {other:?}")
            }
            Outcome::Unfinished => {
                assert!(request.instance.is_none() && request.ended >= SimTime::from(self.scenario.simulation.horizon));
            }
            Outcome::Failed => {
                assert!(spec.termination_grace_period.is_some(), "only an instance that is cut off fails requests");
            }
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
        let audit = &mut self.functions[function.index()];
        audit.created += 1;
        assert!(audit.live.insert(instance, (now, ready)).is_none(), "an instance is created once");
        self.note(5, now, &[function.index() as u64, instance.0, ready.as_nanos(), billed.as_nanos()]);
    }

    fn instance_found(&mut self, function: LocalFn, instance: InstanceId, _: bool) {
        let audit = &mut self.functions[function.index()];
        assert!(audit.live.insert(instance, (SimTime::ZERO, SimTime::ZERO)).is_none(), "an instance is found once");
        self.note(8, SimTime::ZERO, &[function.index() as u64, instance.0]);
    }

    fn initial_ended(&mut self, now: SimTime, function: LocalFn, instance: InstanceId) {
        let audit = &mut self.functions[function.index()];
        assert!(audit.live.contains_key(&instance));
        audit.served += 1;
        self.note(9, now, &[function.index() as u64, instance.0]);
    }

    fn instance_removed(&mut self, now: SimTime, function: LocalFn, instance: InstanceId, created: SimTime) {
        let audit = &mut self.functions[function.index()];
        let (was, ready) = audit.live.remove(&instance).expect("it was there");
        assert_eq!(was, created);
        let is_ordered = !matches!(self.scenario.functions[function.index()].scaling, ScalingSpec::PerRequest(_));
        assert!(now >= ready || is_ordered, "nobody goes while starting");
        self.note(6, now, &[function.index() as u64, instance.0]);
    }

    fn levels(&mut self, now: SimTime, function: LocalFn, held: &Levels) {
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
            let run = forewarm::experiment::run(&scenario(text), threads, &(), None).expect("it runs");
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
