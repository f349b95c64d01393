//! The fast engine beside the general one, call by call.

use std::cell::Cell;
use std::ops::ControlFlow;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::engine::kernel::PREFETCH_FROM;
use crate::engine::{self, EventCounts, Finished, Levels, Limit, Observer, simulate, simulate_general};
use crate::id::{InstanceId, LocalFn};
use crate::rng::Streams;
use crate::scenario::testing::drawn::{Kind, any_scenario};
use crate::scenario::testing::generate::Generator;
use crate::scenario::{Scenario, testing};
use crate::time::{SimTime, Span};

/// Every call, as text. Levels that held for no time say nothing, and nobody counts what is idle after the horizon.
#[derive(Default)]
struct Calls {
    all: Vec<Vec<String>>,
    levels: Vec<(SimTime, Levels)>,
    horizon: SimTime,
}

impl Calls {
    fn note(&mut self, function: LocalFn, call: String) {
        self.all[function.index()].push(call);
    }
}

impl Observer for Calls {
    fn arrived(&mut self, now: SimTime, function: LocalFn) {
        self.note(function, format!("{now:?} arrived"));
    }
    fn throttled(&mut self, now: SimTime, function: LocalFn, by: Limit) {
        self.note(function, format!("{now:?} {by:?}"));
    }
    fn assigned(&mut self, now: SimTime, function: LocalFn, cold: bool, affected: bool) {
        self.note(function, format!("{now:?} assigned {cold} {affected}"));
    }
    fn finished(&mut self, request: &Finished) {
        self.note(request.function, format!("{request:?}"));
    }
    fn instance_created(
        &mut self,
        now: SimTime,
        function: LocalFn,
        instance: InstanceId,
        ready: SimTime,
        billed: Span,
        provisioned: bool,
    ) {
        self.note(function, format!("{now:?} created {instance:?} {ready:?} {billed:?} {provisioned}"));
    }
    fn instance_removed(&mut self, now: SimTime, function: LocalFn, instance: InstanceId, created: SimTime) {
        if now < self.horizon {
            self.note(function, format!("{now:?} removed {instance:?} {created:?}"));
        }
    }
    fn levels(&mut self, now: SimTime, function: LocalFn, held: &Levels) {
        let (last, levels) = self.levels[function.index()];
        if now > last {
            if levels != *held && last < self.horizon {
                self.note(function, format!("{last:?} {held:?}"));
            }
            self.levels[function.index()] = (now, *held);
        }
    }
}

/// The events of a scenario and all calls about its functions, as `simulate` makes them or as the general engine does.
fn calls(scenario: &Scenario, may_be_direct: bool) -> (EventCounts, Calls) {
    let functions = scenario.functions.len();
    let mut calls = Calls {
        all: vec![Vec::new(); functions],
        levels: vec![(SimTime::ZERO, Levels::default()); functions],
        horizon: SimTime::from(scenario.simulation.horizon),
    };
    let (cell, streams) = (engine::Cell::whole(scenario), Streams::new(5, 0));
    let mut pulse = |_, _| ControlFlow::Continue(());
    let run = if may_be_direct { simulate } else { simulate_general };
    let events = run(scenario, &cell, &streams, &mut calls, &mut pulse);
    (events.expect("it runs"), calls)
}

/// Whether the fast engine takes care of a scenario.
fn is_direct(scenario: &Scenario) -> bool {
    engine::direct(scenario, &engine::Cell::whole(scenario)).is_some()
}

/// Compares the two ways; the number of requests.
fn compare(scenario: &Scenario) -> Result<u64, TestCaseError> {
    let (short, long) = (calls(scenario, true), calls(scenario, false));
    prop_assert_eq!(short.0, long.0);
    for (short, long) in short.1.all.iter().zip(&long.1.all) {
        let differs = short.iter().zip(long).find(|(short, long)| short != long);
        prop_assert_eq!(differs, None);
        prop_assert_eq!(short.len(), long.len());
    }
    Ok(short.0.arrivals)
}

/// Whatever scenario is drawn, `simulate` says the same as the general engine; and many are drawn of which the fast one
/// takes care.
#[test]
fn the_short_way_is_the_long_way() {
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 250, failure_persistence: None, ..Config::default() },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let (taken, requests) = (Cell::new(0), Cell::new(0));
    let tested = runner.run(&prop_oneof![1 => any_scenario(Kind::Any), 5 => any_scenario(Kind::Plain)], |text| {
        let scenario = testing::scenario(&text);
        taken.set(taken.get() + u64::from(is_direct(&scenario)));
        requests.set(requests.get() + compare(&scenario)?);
        Ok(())
    });
    tested.unwrap_or_else(|error| panic!("{error}"));
    assert!(taken.get() > 100 && requests.get() > 50_000, "{} with {} requests", taken.get(), requests.get());
}

/// So does every scenario over all keys of the file that the fast engine takes care of: a key that makes it wrong is found when it
/// is declared.
#[test]
fn the_short_way_is_the_long_way_whatever_a_scenario_says() {
    // What the fast engine leaves to the other in any case.
    let special = ["step", "scaling", "selection", "failure-ratio", "max-lifetime", "initial", "concurrency"];
    let generator = Generator::new(crate::scenario::schema());
    let (mut taken, mut requests) = (0, 0);
    for number in 0..900 {
        let omitted = &special[..special.len() - number as usize % 2];
        let Some(scenario) = testing::generated(&generator, number * 101, omitted) else { continue };
        let expected = scenario.sources.iter().map(|source| source.arrivals.mean_rate(0.1, 1.0)).sum::<f64>();
        if is_direct(&scenario) && expected < 100.0 {
            taken += 1;
            requests += compare(&scenario).unwrap_or_else(|error| panic!("draw {number}: {error}"));
        }
    }
    assert!(taken > 8 && requests > 1_000, "{taken} with {requests} requests");
}

/// With so many arrivals and ends of requests pending, data is prefetched: the fast engine still says what the general one says,
/// and users and components, which have nothing to prefetch, do no harm.
#[test]
fn prefetching_changes_nothing() {
    let many = PREFETCH_FROM[1] + 200;
    let functions: String = (0..many)
        .map(|index| {
            format!(
                "[[function]]\nname = \"f{index}\"\nduration.exponential.mean = \"80s\"\n\
                 [[source]]\nname = \"s{index}\"\nfunction = \"f{index}\"\narrivals.poisson.rate = \"1/m\"\n"
            )
        })
        .collect();
    let head = format!(
        "[scenario]\nname = \"many\"\n[simulation]\nhorizon = \"10m\"\n\
         [platform.concurrency]\nmin-unreserved = 0\naccount-limit = {}\n",
        many + 300
    );
    let scenario = testing::scenario(&format!("{head}{functions}"));
    assert!(is_direct(&scenario));
    let requests = compare(&scenario).unwrap_or_else(|error| panic!("{error}"));
    assert!(requests > 10_000, "{requests}");
    let others = "[[source]]\nname = \"users\"\nfunction = \"f0\"\narrivals.closed = { users = 3, think-time.constant.value = \"1s\" }\n\
                  [[gateway]]\nname = \"api\"\ntarget = \"f1\"\n\
                  [[source]]\nname = \"web\"\ntarget = \"api\"\narrivals.poisson.rate = \"1/m\"\n";
    let mixed = testing::scenario(&format!("{head}{functions}{others}"));
    assert!(!is_direct(&mixed));
    let (events, _) = calls(&mixed, true);
    assert!(events.arrivals > requests, "{} and {requests}", events.arrivals);
}
