//! What drawn scenarios have found, each as small as it could be made.

use forewarm::scenario::{ParseOptions, parse};

use super::read;
use super::studies::hold;
use crate::harness::{Memory, summary};

/// Fails unless everything holds.
fn holds(text: &str) {
    hold(text, 31).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
}

/// A minute with one function and what else a test is about.
fn minute(function: &str, rest: &str) -> String {
    format!(
        "[scenario]\nname = \"found\"\n[simulation]\nhorizon = \"1m\"\nreplications = 2\n\
         [[function]]\nname = \"f\"\n{function}\n{rest}\n"
    )
}

/// The entry that a replaced instance had in the list by last use stood for the one that came into its place.
#[test]
fn a_deployment_leaves_nothing_behind_in_the_list_by_last_use() {
    let text = minute(
        "duration.constant.value = \"500ms\"\ncold-start.constant.value = \"10s\"\nkeep-alive.fixed.window = \"5s\"",
        "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"1s\", \"1s\", \"15s\", \"16900ms\"]\n\
         [[fault]]\nname = \"new\"\ntarget = \"f\"\nat = \"12s\"\ndeploy = true\n",
    );
    holds(&text);
    let instances = summary(&text).total.instances;
    assert_eq!(instances.created.mean, 4.0, "two before it, one for each request after it");
}

/// Steps of `function-defaults` are numbered as those of functions are.
#[test]
fn steps_of_all_functions_need_no_name() {
    holds(&minute(
        "",
        "[function-defaults]\nstep = [{ run.constant.value = \"1s\" }, { wait.constant.value = \"2s\" }]\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"1/s\"\n",
    ));
}

/// What is not answered when nothing is followed any more is unfinished; the fast engine forgot it.
#[test]
fn what_runs_longer_than_the_drain_is_unfinished() {
    let text = minute(
        "duration.constant.value = \"10s\"",
        "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"1s\", \"52s\", \"58s\"]\n",
    )
    .replace("horizon", "drain = \"5s\"\nhorizon");
    holds(&text);
    let requests = summary(&text).total.requests;
    assert_eq!((requests.arrived.mean, requests.completed.mean, requests.unfinished.mean), (3.0, 2.0, 1.0));
}

/// Pods that a scaling policy has ordered were removed without its knowledge, and got requests ever after.
#[test]
fn a_deployment_replaces_what_a_scaling_policy_has_ordered() {
    // So many are there when the run begins; the others are created.
    for (scaling, found_there) in [
        ("thresholds = { target = 1.0, min-instances = 3 }", 3.0),
        ("hpa = { min-replicas = 3, max-replicas = 9, target-concurrency = 1.0 }", 0.0),
    ] {
        let text = minute(
            &format!("duration.constant.value = \"200ms\"\ncold-start.constant.value = \"1s\"\nscaling.{scaling}"),
            "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"2/s\"\n\
             [[fault]]\nname = \"new\"\ntarget = \"f\"\nat = \"20s\"\ndeploy = true\n",
        );
        holds(&text);
        let found = summary(&text).total;
        let (all, arrived) = (found_there + found.instances.created.mean, found.requests.arrived.mean);
        assert!(all >= 6.0 && found.instances.peak.mean < all, "{scaling}: {all} instances");
        assert_eq!(found.requests.completed.mean, arrived, "{scaling}: requests wait for the new ones");
    }
}

/// What is in progress at the start was held against the limits of functions of the file only.
#[test]
fn functions_of_a_trace_begin_within_the_limits_too() {
    let trace = "arrivals.trace = { file = \"azure2021.csv\", format = \"azure-2021\" }";
    let text = minute(
        "duration.constant.value = \"1s\"",
        &format!(
            "[platform]\nconcurrency.account-limit = 2\n[function-defaults]\nduration.constant.value = \"1s\"\n\
             initial.busy = 1\n[[source]]\nname = \"s\"\n{trace}\n"
        ),
    );
    let wrong = read(&text).expect_err("three functions have one request each").to_string();
    assert!(wrong.contains("3 requests are in progress at the start"), "{wrong}");
    holds(&text.replace("account-limit = 2", "account-limit = 9"));
}

/// How far the nearest configuration misses an objective on what is not there to measure: the stored plan could not be read.
#[test]
fn a_plan_whose_objective_is_never_measured_is_stored() {
    holds(&minute(
        "duration.constant.value = \"1s\"",
        "[platform]\nbilling.per-request-usd = 1e-6\n\
         [[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"1/s\"\n\
         [[function]]\nname = \"idle\"\nduration.constant.value = \"1s\"\n\
         [[objective]]\nmetric = \"cold_start_ratio\"\nfunction = \"idle\"\nbelow = 0.5\n\
         [plan]\n\"function.f.concurrency.max-instances\" = [2, 4]\n",
    ));
}

/// An instance whose memory another function had taken got a request at the same moment, before it was gone.
#[test]
fn an_instance_that_makes_room_serves_nobody_any_more() {
    let function = "memory = \"512MB\"\nduration.constant.value = \"100ms\"\nconcurrency.overflow = \"queue\"";
    let text = minute(
        function,
        &format!(
            "[[function]]\nname = \"g\"\n{function}\n[platform]\nmemory.budget = \"512MB\"\n\
             [[topic]]\nname = \"t\"\ntargets = [\"g\", \"f\"]\n\
             [[source]]\nname = \"first\"\nfunction = \"f\"\narrivals.times.at = [\"1s\"]\n\
             [[source]]\nname = \"both\"\ntarget = \"t\"\narrivals.times.at = [\"5s\"]\n"
        ),
    );
    holds(&text);
    let functions = summary(&text).functions;
    let cold: Vec<f64> = functions.iter().map(|(_, function)| function.invocations.cold.mean).collect();
    assert_eq!(cold, [2.0, 1.0], "the instance of f goes for that of g, and comes again for the second request");
}

/// The resolved text said the memory of functions that have no other, so that a variant added one of 128 MB to the Premium plan.
#[test]
fn what_a_variant_adds_has_the_defaults_of_its_site() {
    let text = minute(
        "duration.constant.value = \"500ms\"",
        "[platform]\npreset = \"knative\"\n[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.poisson.rate = \"1/s\"\n\
         [[site]]\nname = \"cloud\"\nplatform.preset = \"azure-premium\"\n\
         [[variant]]\nname = \"more\"\nfunction = [{ name = \"g\", duration = { constant = { value = \"200ms\" } } }]\n",
    );
    holds(&text);
    let options = ParseOptions { variant: Some("more".to_owned()), ..ParseOptions::default() };
    let functions = |text: &str| {
        let scenario =
            parse("found.toml", text, &options, &Memory::default()).unwrap_or_else(|wrong| panic!("{wrong}"));
        scenario.functions.iter().map(|one| (one.memory_mb, format!("{:?}", one.scaling))).collect::<Vec<_>>()
    };
    let (scenario, _) = read(&text).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(functions(&scenario.resolved), functions(&text));
}
