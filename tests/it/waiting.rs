//! Functions that wait for the same account, or for the same memory: whose first waiting request is oldest goes first.

use std::ops::ControlFlow;

use forewarm::engine::{Cell, EventCounts, Finished, Observer, Outcome, simulate};
use forewarm::rng::Streams;
use forewarm::time::{SimTime, Span};

use crate::harness::scenario;

/// When requests came and began to run (s), by function; those that were not served have no beginning.
type Begun = Vec<Vec<(u64, Option<u64>)>>;

#[derive(Default)]
struct Starts(Begun);

impl Observer for &mut Starts {
    fn finished(&mut self, request: &Finished) {
        let seconds = |at: SimTime| at.since(SimTime::ZERO).as_nanos() / Span::from_secs(1).as_nanos();
        let started = (request.outcome == Outcome::Completed).then(|| seconds(request.started));
        self.0[request.function.index()].push((seconds(request.born), started));
    }
}

/// Functions with these keys, in the order of their letters, whose requests come at the moments `at` (s) and wait for what they need.
fn run(rest: &str, functions: &[(&str, &[u64])]) -> (EventCounts, Begun) {
    let mut text = format!("[scenario]\nname = \"waiting\"\n[simulation]\nhorizon = \"5m\"\n{rest}\n");
    for (place, (keys, at)) in functions.iter().enumerate() {
        let at: Vec<String> = at.iter().map(|secs| format!("\"{secs}s\"")).collect();
        let memory = if keys.contains("memory = ") { "" } else { "memory = \"1000MB\"\n" };
        text += &format!(
            "[[source]]\nname = \"s{place}\"\nfunction = \"f{place}\"\narrivals.times.at = [{}]\n\
             [[function]]\nname = \"f{place}\"\n{memory}concurrency.overflow = \"queue\"\n{keys}\n",
            at.join(", ")
        );
    }
    let scenario = scenario(&text);
    let mut starts = Starts(vec![Vec::new(); functions.len()]);
    let mut pulse = |_, _| ControlFlow::Continue(());
    let events =
        simulate(&scenario, &Cell::whole(&scenario), &Streams::new(1, 0), &mut starts, &mut pulse).expect("it runs");
    starts.0.iter_mut().for_each(|of_one| of_one.sort_unstable());
    (events, starts.0)
}

fn starts(rest: &str, functions: &[(&str, &[u64])]) -> Begun {
    run(rest, functions).1
}

/// The first function has waited since 1 s, but the request that came then is served by its own instance at 10 s. From then on its
/// first request is one of 6 s, and the second function, which has waited since 5 s, comes first when the third is through at 15 s.
#[test]
fn who_serves_its_first_request_itself_waits_as_long_as_the_next() {
    let at: [&[u64]; 3] = [&[0, 1, 6], &[5], &[0]];
    let secs = |secs: u32| format!("duration.constant.value = \"{secs}s\"\n");
    let expected = [vec![(0, Some(0)), (1, Some(10)), (6, Some(20))], vec![(5, Some(15))], vec![(0, Some(0))]];
    // Two requests in progress, one of them on what the first function has for itself.
    let provisioned = secs(10) + "concurrency.provisioned = 1";
    let account = "[platform]\nconcurrency.account-limit = 2";
    assert_eq!(starts(account, &[(&provisioned, at[0]), (&secs(10), at[1]), (&secs(15), at[2])]), expected);
    let memory = "[platform]\nmemory.budget = \"2000MB\"";
    assert_eq!(starts(memory, &[(&secs(10), at[0]), (&secs(10), at[1]), (&secs(15), at[2])]), expected);
    // With another request at 4 s it is still the first.
    let at: [&[u64]; 3] = [&[0, 1, 4, 6], &[5], &[0]];
    let of_first = vec![(0, Some(0)), (1, Some(10)), (4, Some(15)), (6, Some(20))];
    let expected = [of_first, vec![(5, Some(25))], vec![(0, Some(0))]];
    assert_eq!(starts(account, &[(&provisioned, at[0]), (&secs(10), at[1]), (&secs(15), at[2])]), expected);
    assert_eq!(starts(memory, &[(&secs(10), at[0]), (&secs(10), at[1]), (&secs(15), at[2])]), expected);
}

/// The same where the request of 1 s gives up at 11 s.
#[test]
fn whose_first_request_gives_up_waits_as_long_as_the_next() {
    let impatient = "duration.constant.value = \"10s\"\nconcurrency.queue-timeout = \"10s\"";
    let patient = "duration.constant.value = \"10s\"";
    let busy = "duration.constant.value = \"15s\"";
    let functions: [(&str, &[u64]); 3] = [(impatient, &[1, 6]), (patient, &[5]), (busy, &[0])];
    let expected = [vec![(1, None), (6, None)], vec![(5, Some(15))], vec![(0, Some(0))]];
    assert_eq!(starts("[platform]\nconcurrency.account-limit = 1", &functions), expected);
    assert_eq!(starts("[platform]\nmemory.budget = \"1000MB\"", &functions), expected);
}

/// The first function needs all of the memory, and gives up at 11 s. After that it is in nobody's way: the second has what is free at 15 s.
#[test]
fn who_has_given_up_does_not_wait_for_memory() {
    let all = "memory = \"2000MB\"\nduration.constant.value = \"10s\"\nconcurrency.queue-timeout = \"10s\"";
    let secs = |secs: u32| format!("duration.constant.value = \"{secs}s\"");
    let functions: [(&str, &[u64]); 4] = [(all, &[1]), (&secs(10), &[5]), (&secs(15), &[0]), (&secs(100), &[0])];
    let starts = starts("[platform]\nmemory.budget = \"2000MB\"", &functions);
    assert_eq!(starts[..2], [[(1, None)], [(5, Some(15))]]);
}

/// Of three requests in progress two are reserved for the third function, which has 2000MB of memory until 30 s; the second has the
/// other one and 1000MB, but not from 10 s to 15 s. The first function waits for the account until 10 s, for memory until 30 s, and
/// then for the account again, until 35 s.
#[test]
fn who_waits_for_memory_may_wait_for_the_account_before_and_after() {
    let big = "memory = \"2000MB\"\nduration.constant.value = \"1s\"";
    let reserved = "duration.constant.value = \"30s\"\nconcurrency.reserved = 2";
    let platform = "[platform]\nconcurrency.account-limit = 3\nmemory.budget = \"3000MB\"";
    let functions: [(&str, &[u64]); 3] =
        [(big, &[1]), ("duration.constant.value = \"10s\"", &[0, 15, 24]), (reserved, &[0, 0])];
    let starts = starts(platform, &functions);
    assert_eq!(starts[0], [(1, Some(35))]);
    assert_eq!(starts[1], [(0, Some(0)), (15, Some(15)), (24, Some(25))]);
}

/// The second and the third wait for the token of 11 s, but the one instance is free at 5 s and at 9 s. The token comes once, whoever
/// waits for it.
#[test]
fn a_token_comes_once() {
    let platform = "[platform]\nscaling = { burst = 1, rate = \"6/m\" }";
    let (events, starts) = run(platform, &[("duration.constant.value = \"4s\"", &[1, 2, 3])]);
    assert_eq!(starts, [[(1, Some(1)), (2, Some(5)), (3, Some(9))]]);
    assert_eq!(events.scaling_tokens, 1);
}
