//! Durable functions: an orchestrator function instead of a service that keeps the state.
//!
//! The orchestrator is a function. It runs until it has to wait for a task or a time, saves what has happened, and
//! ends: while it waits it holds no instance and costs nothing. What it waited for invokes it again; it replays the
//! saved history without repeating the work, and continues (docs.aws.amazon.com/durable-execution; Microsoft,
//! "Orchestrator code constraints in Durable Functions").
//!
//! So the workflow of a scenario is extended with states: the orchestrator runs first, and after each task and wait.
//! All its invocations take as long as requests of its function, which includes the replay. Retries of a task do not
//! invoke it in between.

use super::machine::{Catch, Causes, Kind, Machine, Retry, State};
use crate::dist::Dist;
use crate::time::Span;

/// The workflow with an orchestrator added. `dispatch`: delay until tasks and the orchestrator start.
pub(super) fn with_orchestrator(mut machine: Machine, orchestrator: &str, dispatch: Option<&Dist>) -> Machine {
    let target = Machine::target(&mut machine.targets, orchestrator);
    let run = |name: String, next: Option<usize>| State {
        name,
        kind: Kind::Task(target, None),
        next,
        retries: vec![REDELIVERED],
        catches: Vec::new(),
        is_replay: true,
    };
    for place in 0..machine.states.len() {
        if !matches!(machine.states[place].kind, Kind::Task(..) | Kind::Wait(_)) {
            continue;
        }
        let mut state = machine.states[place].clone();
        let mut add = |next: Option<usize>, what: &str| {
            machine.states.push(run(format!("replay after {what}{}", machine.states[place].name), next));
            machine.states.len() - 1
        };
        state.next = Some(add(state.next, ""));
        for Catch { next, .. } in &mut state.catches {
            *next = add(Some(*next), "failure of ");
        }
        machine.states[place] = state;
    }
    machine.states.push(run("orchestrator".to_owned(), Some(machine.start)));
    machine.start = machine.states.len() - 1;
    if let Some(dispatch) = dispatch {
        for place in 0..machine.states.len() {
            if matches!(machine.states[place].kind, Kind::Task(..)) {
                // States that lead to the task lead to its wait instead.
                let next = Some(machine.states.len());
                let name = format!("dispatch of {}", machine.states[place].name);
                let kind = Kind::Wait(dispatch.clone());
                let wait = State { name, kind, next, retries: Vec::new(), catches: Vec::new(), is_replay: true };
                let task = std::mem::replace(&mut machine.states[place], wait);
                machine.states.push(task);
            }
        }
    }
    machine
}

/// An orchestrator that fails or is throttled is invoked again: its state is not lost. The number of retries is not
/// published.
const REDELIVERED: Retry =
    Retry { on: Causes::ALL, interval: Span::from_secs(1), most: 3, rate: 2.0, max_delay: None, jitter: false };
