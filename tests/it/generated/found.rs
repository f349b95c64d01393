//! What drawn scenarios have found, each as small as it could be made.

use super::studies::hold;
use crate::harness::summary;

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
