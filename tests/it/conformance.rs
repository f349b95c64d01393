//! What every policy must do, whichever it is. The list is the registry's: a policy without a sample fails.

use std::num::NonZeroUsize;

use forewarm::experiment;
use forewarm::scenario::{ParseOptions, Scenario, parse, registry};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{RngSeed, TestRunner};

use crate::harness::Memory;
use crate::harness::scenario;
use crate::invariants::audit;

/// A policy by its question and name, with a table for it as it stands under `[[function]]`. Several may have one name.
type Sample = (&'static str, &'static str, &'static str);

/// One line for each policy. Its times are short, for the drawn scenarios last ten minutes. A scaling policy that says
/// itself how many requests an instance takes stands in [`SAYS_ITS_SLOTS`] too.
#[rustfmt::skip] // one line each
const SAMPLES: &[Sample] = &[
    ("keep-alive", "fixed", "keep-alive.fixed.window = \"30s\""),
    ("keep-alive", "forever", "keep-alive.forever = {}"),
    ("keep-alive", "halving", "keep-alive.halving.period = \"20s\""),
    ("keep-alive", "drawn", "keep-alive.drawn.window.exponential.mean = \"20s\""),
    ("keep-alive", "measured", "keep-alive.measured.platform = \"azure-functions\""),
    ("keep-alive", "adaptive", "keep-alive.adaptive = { quantile = 0.9, of = 5, min-samples = 2, min-window = \"1s\" }"),
    ("keep-alive", "hybrid-histogram", "keep-alive.hybrid-histogram = { bin = \"1s\", range = \"1m\", min-samples = 2, min-cv = 0.5 }"),
    ("keep-alive", "greedy-dual", "keep-alive.greedy-dual = {}"),
    ("keep-alive", "greedy-dual", "keep-alive.greedy-dual.rule = \"frequency\""),
    ("keep-alive", "greedy-dual", "keep-alive.greedy-dual.rule = \"size\""),
    ("keep-alive", "greedy-dual", "keep-alive.greedy-dual.rule = \"least-recently-used\""),
    ("keep-alive", "greedy-dual", "keep-alive.greedy-dual.rule = \"landlord\""),
    ("keep-alive", "greedy-dual", "keep-alive.greedy-dual.rule = \"random\""),
    ("keep-alive", "greedy-dual", "keep-alive.greedy-dual = { rule = \"time-to-live\", time-to-live = \"30s\" }"),
    ("scaling", "per-request", "scaling.per-request = {}"),
    ("scaling", "thresholds", "scaling.thresholds = { target = 0.7, min-instances = 0 }"),
    ("scaling", "thresholds", "scaling.thresholds = { load = \"request-rate\", target = 2, scale-down-delay = \"0s\" }"),
    ("scaling", "thresholds", "scaling.thresholds = { load = \"queue-depth\", target = 3, interval = \"1s\" }"),
    ("scaling", "knative", "scaling.knative = {}"),
    ("scaling", "knative", "scaling.knative = { container-concurrency = 1, window = \"20s\", target-burst-capacity = 0 }"),
    ("scaling", "azure-consumption", "scaling.azure-consumption = { max-concurrent-requests = 2, idle-timeout = \"1m\" }"),
    ("scaling", "azure-consumption", "scaling.azure-consumption = { trigger = \"target-based\", idle-timeout = \"1m\" }"),
    ("scaling", "azure-consumption", "scaling.azure-consumption = { trigger = \"incremental\", idle-timeout = \"1m\" }"),
    ("scaling", "azure-flex", "scaling.azure-flex = { scale-in-delay = \"30s\" }\nmemory = \"512MB\""),
    ("scaling", "azure-flex", "scaling.azure-flex = { per-instance-concurrency = 1, always-ready = 2 }\nmemory = \"2GB\""),
    ("scaling", "cloud-run", "scaling.cloud-run = { idle-timeout = \"1m\" }"),
    ("scaling", "cloud-run", "scaling.cloud-run = { concurrency = 1, cpu-per-request = 0.3, max-instances = 9 }"),
    ("scaling", "openfaas", "scaling.openfaas = { target = 1, zero = true, zero-duration = \"20s\", max-inflight = 2 }"),
    ("scaling", "openfaas", "scaling.openfaas = { load = \"capacity\", target = 2, down-window = \"1m\" }"),
    ("scaling", "openfaas", "scaling.openfaas = { load = \"cpu\", target = 700, min = 2, max = 9 }"),
    ("scaling", "openfaas-ce", "scaling.openfaas-ce = { threshold = 1 }"),
    ("scaling", "hpa", "scaling.hpa = { max-replicas = 9, initial-replicas = 2, target-cpu-utilization = 70, target-queue-length = 2.5, \
        behavior.scale-up = { tolerance = 0.05, policies = [{ percent = 50, period = \"30s\" }] }, \
        behavior.scale-down.policies = [{ pods = 1, period = \"1m\" }, { percent = 10, period = \"1m\" }] }"),
    ("scaling", "hpa", "scaling.hpa = { max-replicas = 5, target-requests-per-second = 1, downscale-stabilization = \"30s\" }"),
    ("scaling", "hpa", "scaling.hpa = { max-replicas = 5, target-concurrency = 1.5, behavior.scale-down.select-policy = \"min\" }"),
    ("scaling", "keda", "scaling.keda = { cooldown-period = \"1m\" }"),
    ("scaling", "keda", "scaling.keda = { min-replicas = 1, idle-replicas = 0, behavior.scale-down.stabilization-window = \"1m\" }"),
    ("scaling", "target-tracking", "scaling.target-tracking = { max-capacity = 2 }"),
    ("scaling", "target-tracking", "scaling.target-tracking = { max-capacity = 2, in-datapoints = 3, \
        schedule = [{ at = \"1m\", every = \"3m\", min-capacity = 2 }, { at = \"2m\", min-capacity = 0, max-capacity = 1 }] }"),
    ("scaling", "scheduled", "scaling.scheduled.actions = [{ at = \"2m\", instances = 1 }, { at = \"3m\", every = \"1m\", instances = 2 }]"),
    ("scaling", "scheduled", "scaling.scheduled = { governs = \"all\", instances = 3, actions = [{ at = \"5m\", instances = 1 }] }"),
    ("scaling", "predictive", "scaling.predictive = { ahead = 2, forecast.holt-winters = { season = \"3m\", level = 0.5 } }"),
    ("scaling", "predictive", "scaling.predictive = { governs = \"provisioned\", max-instances = 2, forecast.quantile.of = 3 }"),
    ("scaling", "predictive", "scaling.predictive = { min-instances = 0, interval = \"20s\", forecast.oracle = {} }"),
];

/// Policies under which `concurrency.per-instance` may not be written.
const SAYS_ITS_SLOTS: &[&str] = &["knative", "azure-consumption", "azure-flex", "cloud-run", "openfaas", "openfaas-ce"];

/// Questions whose answers are single words: the word is its own sample.
const WORDS: [(&str, &str); 2] = [("selection", "selection"), ("overflow", "concurrency.overflow")];

/// Every sample, those of single words made up.
fn samples() -> Vec<(String, String)> {
    let mut samples = Vec::new();
    for (question, listed) in registry::policies() {
        let key = WORDS.iter().find(|(word, _)| *word == question).map(|(_, key)| key);
        for policy in listed {
            let name = policy.name;
            let own = SAMPLES.iter().filter(|(of, called, _)| (*of, *called) == (question, name));
            let tables: Vec<String> = match key {
                Some(key) => vec![format!("{key} = \"{name}\"")],
                None => own.map(|(.., table)| (*table).to_owned()).collect(),
            };
            assert!(!tables.is_empty(), "{question} {name} has no sample: add one to SAMPLES");
            samples.extend(tables.into_iter().map(|table| (name.to_owned(), table)));
        }
    }
    samples
}

/// What else a function may have, drawn on or off; never what the sample itself says.
fn features(name: &str, sample: &str) -> impl Strategy<Value = String> + use<> {
    let drawn = [
        select(vec!["constant.value = \"1s\"", "exponential.mean = \"2s\"", "constant.value = \"0s\""]).boxed(),
        select(vec![
            "",
            "cold-start.constant.value = \"3s\"",
            "cold-start.exponential.mean = \"500ms\"",
            "cold-start.phases = { environment.exponential.mean = \"2s\", init.constant.value = \"500ms\" }",
            "cold-start.snapshot = { restore.constant.value = \"1s\", charged = false }",
        ])
        .boxed(),
        select(vec!["", "concurrency.per-instance = 2", "concurrency.per-instance = 7"]).boxed(),
        select(vec!["", "concurrency.max-instances = 2", "concurrency.reserved = 3"]).boxed(),
        select(vec![
            "",
            "concurrency.overflow = \"reject\"",
            "concurrency.overflow = \"queue\"\nconcurrency.queue-limit = 4",
            "concurrency.overflow = \"queue\"\nconcurrency.queue-timeout = \"2s\"",
        ])
        .boxed(),
        select(vec!["", "timeout = \"1s\""]).boxed(),
        select(vec!["", "termination-grace-period = \"1s\"", "termination-grace-period = \"none\""]).boxed(),
        select(vec!["", "selection = \"random\"", "selection = \"oldest\""]).boxed(),
        select(vec![
            "poisson.rate = \"2/s\"",
            "poisson.rate = \"6/m\"",
            "burst = { size = 40, every = \"2m\" }",
            "closed = { users = 9, think-time.exponential.mean = \"3s\" }",
        ])
        .boxed(),
    ];
    let says_slots = SAYS_ITS_SLOTS.contains(&name);
    let sample = sample.to_owned();
    drawn.prop_map(move |[duration, start, slots, limit, overflow, timeout, grace, selection, arrivals]| {
        let slots = if says_slots { "" } else { slots };
        let said = |line: &&str| line.split_once(" =").is_none_or(|(key, _)| !sample.starts_with(&format!("{key} ")));
        let more: Vec<&str> =
            [start, slots, limit, overflow, timeout, grace, selection].into_iter().filter(said).collect();
        let more = more.join("\n");
        format!(
            "[[function]]\nname = \"f\"\n{sample}\nduration.{duration}\n{more}\n\
             [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.{arrivals}\n"
        )
    })
}

/// A drawn scenario around a sample: alone, or beside another function and with too little for both.
fn around(name: &str, sample: &str) -> impl Strategy<Value = String> + use<> {
    // Instances have 128 MB, and 2 GB at most where a sample says so.
    let platform = select(vec![
        "",
        "[platform]\nconcurrency.account-limit = 5\n",
        "[platform]\nmemory.budget = \"2304MB\"\n",
        "[[platform.stem-cells]]\nmemory = \"128MB\"\ncount = 2\n",
    ]);
    let other = "[[function]]\nname = \"other\"\nduration.constant.value = \"1s\"\n\
        [[source]]\nname = \"t\"\nfunction = \"other\"\narrivals.poisson.rate = \"1/s\"\n";
    (0..1000_u32, platform, features(name, sample), any::<bool>()).prop_map(
        move |(seed, platform, function, has_other)| {
            let other = if has_other { other } else { "" };
            format!("{}{platform}{function}{other}", head(seed, 1))
        },
    )
}

fn head(seed: u32, replications: u32) -> String {
    format!(
        "[scenario]\nname = \"drawn\"\n[simulation]\nhorizon = \"10m\"\nseed = {seed}\nreplications = {replications}\n"
    )
}

/// Checks so many drawn scenarios around every sample; the draws are the same each time.
fn for_all(cases: u32, holds: impl Fn(&str, &str) -> Result<(), TestCaseError>) {
    for (name, sample) in samples() {
        let config = ProptestConfig {
            cases,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(1),
            ..ProptestConfig::default()
        };
        let run = TestRunner::new(config).run(&around(&name, &sample), |text| holds(&sample, &text));
        run.unwrap_or_else(|wrong| panic!("{sample}: {wrong}"));
    }
}

/// The scenario that its own resolved text says.
fn again(scenario: &Scenario) -> Scenario {
    parse("resolved.toml", &scenario.resolved, &ParseOptions::default(), &Memory::default())
        .unwrap_or_else(|wrong| panic!("{wrong}\n{}", scenario.resolved))
}

#[test]
fn nothing_impossible_happens_and_a_run_is_its_seed() {
    for_all(60, |_, text| {
        let scenario = scenario(text);
        prop_assert_eq!(audit(&scenario), audit(&scenario), "the same seed gives the same run");
        Ok(())
    });
}

#[test]
fn parameters_survive_a_round_trip() {
    for_all(24, |_, text| {
        let scenario = scenario(text);
        let again = again(&scenario);
        prop_assert_eq!(&scenario.resolved, &again.resolved);
        prop_assert_eq!(format!("{:?}", scenario.functions), format!("{:?}", again.functions));
        Ok(())
    });
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for_all(4, |_, text| {
        let three = text.replace("replications = 1", "replications = 3");
        let run = |threads: usize| {
            let threads = NonZeroUsize::new(threads).expect("one or more");
            let run = experiment::run(&scenario(&three), threads, &(), None).expect("it runs");
            serde_json::to_vec(&run.result.summary).expect("JSON")
        };
        prop_assert_eq!(run(1), run(3));
        Ok(())
    });
}

/// A function under a sample, called as `arrivals` says.
fn called(sample: &str, arrivals: &str) -> Scenario {
    scenario(&format!(
        "{}[[function]]\nname = \"f\"\n{sample}\nduration.constant.value = \"100ms\"\n\
         cold-start.constant.value = \"1s\"\n[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.{arrivals}\n",
        head(1, 1)
    ))
}

#[test]
fn nobody_comes() {
    for (_, sample) in samples() {
        let scenario = called(&sample, "times.at = [\"599s\"]").without_arrivals();
        assert_eq!(audit(&scenario), audit(&scenario), "{sample}");
    }
}

#[test]
fn everybody_comes_at_once() {
    for (_, sample) in samples() {
        audit(&called(&sample, "burst = { size = 5000, every = \"1h\", first = \"1m\" }"));
        audit(&called(&sample, "burst = { size = 5000, every = \"1h\", first = \"0s\" }"));
    }
}

trait WithoutArrivals {
    fn without_arrivals(self) -> Self;
}

impl WithoutArrivals for Scenario {
    fn without_arrivals(mut self) -> Self {
        self.sources.clear();
        self
    }
}
