//! Requests on a path.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::{Cell, EventCounts, Finished, Observer, Outcome, RequestEnd, simulate};
use crate::id::{ComponentId, FnId};
use crate::path::ComponentSpec;
use crate::path::testing::Scripted;
use crate::rng::Streams;
use crate::scenario::{Component, Destination, Target, testing};
use crate::time::{SimTime, Span};

/// Two requests, at 1 s and at 2 s, that run for 10 s each on one instance; nobody may wait.
const SCENARIO: &str = r#"
    [scenario]
    name = "path"
    [simulation]
    horizon = "1m"
    [[function]]
    name = "f"
    duration.constant.value = "10s"
    concurrency.max-instances = 1
    [[source]]
    name = "s"
    function = "f"
    arrivals.times.at = ["1s", "2s"]
"#;

const FOREVER: Span = Span::FOREVER;

/// What is told: invocations and requests as they end (born, ended, how), in seconds.
#[derive(Debug, Default, PartialEq)]
struct Ends {
    invocations: Vec<(u64, u64, Outcome)>,
    requests: BTreeMap<u64, (u64, u64, Outcome)>,
}

fn secs(at: SimTime) -> u64 {
    assert_eq!(at.as_nanos() % 1_000_000_000, 0);
    at.as_nanos() / 1_000_000_000
}

impl Observer for &mut Ends {
    fn finished(&mut self, ended: &Finished) {
        self.invocations.push((secs(ended.born), secs(ended.ended), ended.outcome));
    }

    fn request_ended(&mut self, end: &RequestEnd) {
        let again = self.requests.insert(end.number, (secs(end.born), secs(end.ended), end.outcome));
        assert_eq!(again, None, "a request ends once");
    }
}

/// Runs the scenario with these components, each in front of the next and the last in front of the function.
fn run(path: &[Scripted]) -> (EventCounts, Ends) {
    let mut scenario = testing::scenario(SCENARIO);
    for (place, scripted) in path.iter().enumerate() {
        let target = match place + 1 {
            next if next < path.len() => Destination::Component(ComponentId(next as u32)),
            _ => Destination::Function(FnId(0)),
        };
        scenario.components.push(Component {
            name: format!("c{place}"),
            spec: ComponentSpec::Scripted(*scripted),
            targets: vec![target],
        });
    }
    if !path.is_empty() {
        scenario.sources[0].target = Target::Component(ComponentId(0));
    }
    let mut ends = Ends::default();
    let mut pulse = |_, _| ControlFlow::Continue(());
    let counts = simulate(&scenario, &Cell::whole(&scenario), &Streams::new(1, 0), &mut ends, &mut pulse);
    (counts.expect("it runs"), ends)
}

#[test]
fn without_a_path_the_invocation_is_the_request() {
    let (counts, ends) = run(&[]);
    let all = [(2, 2, Outcome::Rejected), (1, 11, Outcome::Completed)];
    assert_eq!(ends.invocations, all);
    assert_eq!(ends.requests.into_values().collect::<Vec<_>>(), [all[1], all[0]]);
    assert_eq!(counts.alarms, 0);
}

#[test]
fn a_delay_is_part_of_the_request_and_not_of_the_invocation() {
    let delay = |secs| Scripted { delay: Span::from_secs(secs), attempts: 1, timeout: FOREVER };
    let (counts, ends) = run(&[delay(3), delay(4)]);
    assert_eq!(ends.invocations, [(9, 9, Outcome::Rejected), (8, 18, Outcome::Completed)]);
    let requests = [(0, (1, 18, Outcome::Completed)), (1, (2, 9, Outcome::Rejected))];
    assert_eq!(ends.requests, BTreeMap::from(requests));
    assert_eq!((counts.arrivals, counts.completions, counts.alarms), (2, 1, 4));
}

#[test]
fn an_attempt_that_fails_is_made_again() {
    // The second request comes at 2, 6 and 10 s, when the instance is taken, and at 14 s, when it is not.
    let retry = Scripted { delay: Span::from_secs(4), attempts: 4, timeout: FOREVER };
    let (_, ends) = run(&[retry]);
    let outcomes: Vec<Outcome> = ends.invocations.iter().map(|end| end.2).collect();
    assert_eq!(ends.requests[&0], (1, 15, Outcome::Completed));
    assert_eq!(ends.requests[&1], (2, 28, Outcome::Completed));
    assert_eq!(
        outcomes,
        [Outcome::Rejected, Outcome::Rejected, Outcome::Rejected, Outcome::Completed, Outcome::Completed]
    );
}

#[test]
fn what_an_abandoned_attempt_answers_is_thrown_away() {
    // The attempt from 1 s on is given up at 4 s and runs on to 11 s; the next ones meet it, or run too long themselves.
    let impatient = Scripted { delay: Span::ZERO, attempts: 2, timeout: Span::from_secs(3) };
    let (counts, ends) = run(&[impatient]);
    assert_eq!(ends.requests[&0], (1, 4, Outcome::Rejected));
    assert_eq!(ends.requests[&1], (2, 2, Outcome::Rejected));
    assert_eq!(ends.invocations.last(), Some(&(1, 11, Outcome::Completed)));
    assert_eq!((counts.completions, ends.invocations.len()), (1, 4));
}

#[test]
fn what_is_not_answered_at_the_end_is_unfinished() {
    let (_, ends) = run(&[Scripted { delay: FOREVER, attempts: 1, timeout: FOREVER }]);
    let at_the_end = SimTime::from(Span::from_secs(60));
    assert_eq!(ends.invocations, []);
    assert!(ends.requests.values().all(|end| *end == (end.0, secs(at_the_end), Outcome::Unfinished)), "{ends:?}");
}
