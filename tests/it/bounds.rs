//! What would never end or not fit: calls in a circle, backlogs beyond memory, settings that a real platform refuses.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use forewarm::experiment::{self, Progress};
use forewarm::scenario::{ParseOptions, parse};

use crate::harness::{Memory, result, scenario};

const HEAD: &str = "[scenario]\nname = \"x\"\n[simulation]\nhorizon = \"1m\"\nreplications = 1\n";
const FUNCTION: &str = "[[function]]\nname = \"f\"\nduration.constant.value = \"100ms\"\n";
const SOURCE: &str = "[[source]]\nname = \"s\"\ntarget = \"a\"\narrivals.constant.rate = \"1/s\"\n";

/// What is said about a scenario; nothing if it can be simulated.
fn said(text: &str) -> String {
    let text = format!("{HEAD}{text}");
    parse("x.toml", &text, &ParseOptions::default(), &Memory::default())
        .map_or_else(|wrong| wrong.to_string(), |_| String::new())
}

#[test]
fn a_circle_of_calls_is_refused_where_nobody_can_leave_it() {
    let router = |policy: &str, targets: &str| {
        format!("[[router]]\nname = \"a\"\npolicy = \"{policy}\"\ntargets = [{targets}]\n{FUNCTION}{SOURCE}")
    };
    let workflow = |states: &str| format!("[[workflow]]\nname = \"a\"\n{states}{FUNCTION}{SOURCE}");
    let state = |name: &str, what: &str| format!("[[workflow.state]]\nname = \"{name}\"\n{what}\n");
    let both = "{ target = \"f\" }, { target = \"a\" }";
    for (circle, text) in [
        ("router.a -> router.a", router("weighted", "{ target = \"a\" }")),
        ("router.a -> router.a", router("weighted", "{ target = \"f\", share = 0 }, { target = \"a\" }")),
        ("router.a -> router.a", router("failover", both)),
        ("router.a -> router.a", router("latency", both)),
        ("workflow.a -> workflow.a", workflow(&(state("one", "task = \"f\"") + &state("two", "task = \"a\"")))),
        (
            "gateway.a -> router.r -> gateway.a",
            format!(
                "[[gateway]]\nname = \"a\"\ntarget = \"r\"\n[[router]]\nname = \"r\"\ntargets = [{{ target = \"a\" }}]\n\
                 {SOURCE}"
            ),
        ),
    ] {
        let said = said(&text);
        assert!(said.contains(&format!("endless loop: {circle}\n")), "{text}: {said}");
        // It is shown at the table of one of those in the circle.
        assert!(!said.contains("x.toml:1:1"), "{said}");
    }
    // One call in two goes on to the function: each request makes two calls of the router on average.
    let found = result(&format!("{HEAD}{}", router("weighted", both)));
    assert_eq!(found.summary.total.requests.completed.mean, 59.0);
    let choice = "choice = [{ share = 0.25, next = \"again\" }, { share = 0.75, next = \"end\" }]";
    let ends = state("which", choice) + &state("again", "task = \"a\"") + &state("end", "pass = true");
    assert_eq!(said(&workflow(&ends).replace(FUNCTION, "")), "");
}

/// There is no memory left from the beginning.
struct Full;

impl Progress for Full {
    fn advance(&self, _: f64, _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn is_out_of_memory(&self) -> bool {
        true
    }
}

#[test]
fn a_backlog_beyond_memory_is_named() {
    let slow = "[[function]]\nname = \"f\"\nduration.constant.value = \"10m\"\nkeep-alive.forever = {}\n\
                concurrency = { max-instances = 1, overflow = \"queue\" }\n";
    let source = |target: &str| format!("[[source]]\nname = \"s\"\n{target}\narrivals.constant.rate = \"10000/s\"\n");
    let queue = "[[queue]]\nname = \"q\"\ntarget = \"f\"\nvisibility-timeout = \"30m\"\n";
    let database = "[[dependency]]\nname = \"db\"\nlatency.constant.value = \"10m\"\nconcurrency = 1\n";
    for (what, text) in [
        ("function.f", format!("{slow}{}", source("function = \"f\""))),
        ("function.f", format!("{slow}{}client = {{}}\n", source("function = \"f\""))),
        ("queue.q", format!("{slow}{queue}{}", source("target = \"q\""))),
        ("dependency.db", format!("{FUNCTION}{database}{}client.timeout = \"1h\"\n", source("target = \"db\""))),
        ("function.f", format!("{FUNCTION}{}", source("function = \"f\"")).replace("100ms", "30s")),
    ] {
        let scenario = scenario(&format!("{HEAD}{text}"));
        let stopped = experiment::run(&scenario, NonZeroUsize::MIN, &Full, None);
        let error = stopped.expect_err("there is no memory").to_string();
        assert!(error.contains(&format!("`{what}` holds ")), "{what}: {error}");
    }
}

#[test]
fn what_aws_refuses_is_refused() {
    let lambda = |function: &str| {
        format!("[platform]\npreset = \"aws-lambda\"\n{FUNCTION}{function}\n{SOURCE}").replace("\"a\"", "\"f\"")
    };
    let gateway = |preset: &str, timeout: &str| {
        format!(
            "{FUNCTION}[[gateway]]\nname = \"a\"\ntarget = \"f\"\npreset = \"{preset}\"\ntimeout = \"{timeout}\"\n{SOURCE}"
        )
    };
    for (text, part) in [
        (lambda("async.max-attempts = 4"), "`function.f.async.max-attempts` is 4: AWS Lambda allows at most 3"),
        (lambda("async.max-age = \"30s\""), "`function.f.async.max-age` is 30s: AWS Lambda allows 1m to 6h"),
        (lambda("async.max-age = \"7h\""), "is 7h: AWS Lambda allows 1m to 6h"),
        (gateway("aws-http", "31s"), "`gateway.a.timeout` = 31s: it is at most 30s"),
    ] {
        let said = said(&text);
        assert!(said.contains(part), "{part}: {said}");
    }
    for text in [
        lambda("async = { max-attempts = 3, max-age = \"60s\" }"),
        lambda("").replace("preset = \"aws-lambda\"", "")
            + "[[function]]\nname = \"g\"\nduration.constant.value = \"1s\"\nasync.max-attempts = 8\n",
        gateway("aws-http", "30s"),
        gateway("aws-rest", "2m"),
    ] {
        assert_eq!(said(&text), "", "{text}");
    }
}
