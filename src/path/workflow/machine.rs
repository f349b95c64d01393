//! A workflow as states on levels. Each branch of a parallel state, and the processing of each map item, is a level of
//! its own; a state is followed by one on the same level, or by the end of its level.

use crate::dist::Dist;
use crate::time::Span;

/// A workflow, in whichever form it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    pub(super) states: Vec<State>,
    /// The first state.
    pub(super) start: usize,
    /// The targets of tasks.
    pub(super) targets: Vec<String>,
    /// Timeout of an execution.
    pub(super) timeout: Option<Span>,
}

/// A state.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The state to continue with; `None`: its level ends.
    pub(super) next: Option<usize>,
    /// Retries; the first match applies.
    pub(super) retries: Vec<Retry>,
    /// Catches, once no retry is left; the first match applies.
    pub(super) catches: Vec<Catch>,
    /// Whether it was added to the workflow's own states: it runs the orchestrator, or is a delay before something
    /// starts.
    pub(super) is_replay: bool,
}

/// What a state does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Calls this target and waits for the response, up to a timeout.
    Task(usize, Option<Span>),
    Wait(Dist),
    /// All these levels at once, given by their first states: it ends with the last one, or with the first that fails.
    Parallel(Vec<usize>),
    Map(Each),
    /// One of these states, with these probabilities.
    Choice(Vec<(f64, usize)>),
    Pass,
    Succeed,
    Fail,
}

/// The same level for each of many items.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Each {
    /// Its first state.
    pub(super) start: usize,
    pub(super) items: u32,
    /// Maximum number processed at the same time.
    pub(super) at_once: u32,
    /// Maximum number that may fail.
    pub(super) tolerated: u32,
    /// Whether the items are separate executions, whose events do not count here.
    pub(super) distributed: bool,
}

/// Why a state failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Error,
    Timeout,
    Throttled,
}

/// A set of causes of failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Causes(u8);

impl Causes {
    /// All causes.
    pub(super) const ALL: Self = Self(7);

    /// With one more cause.
    pub(super) const fn with(self, cause: Cause) -> Self {
        Self(self.0 | 1 << cause as u8)
    }

    /// The union.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it contains a cause.
    pub(super) const fn has(self, cause: Cause) -> bool {
        self.0 & 1 << cause as u8 != 0
    }
}

/// After which failures, how often and when a state is retried.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Retry {
    pub(super) on: Causes,
    pub(super) interval: Span,
    /// Maximum number of retries: attempts minus one.
    pub(super) most: u32,
    pub(super) rate: f64,
    pub(super) max_delay: Option<Span>,
    /// Whether the delay is drawn uniformly from zero to its value.
    pub(super) jitter: bool,
}

/// The failures after which it continues with another state.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Catch {
    pub(super) on: Causes,
    pub(super) next: usize,
}

impl State {
    /// The states that can follow on its level, including after failures.
    fn ways(&self) -> impl Iterator<Item = usize> {
        let choice = if let Kind::Choice(ways) = &self.kind { &ways[..] } else { &[] };
        let caught = self.catches.iter().map(|catch| catch.next);
        self.next.into_iter().chain(choice.iter().map(|(_, next)| *next)).chain(caught)
    }

    /// Whether its level can end here.
    fn can_end(&self) -> bool {
        self.next.is_none() && !matches!(self.kind, Kind::Choice(_))
    }

    /// The first states of its levels.
    fn levels(&self) -> &[usize] {
        match &self.kind {
            Kind::Parallel(starts) => starts,
            Kind::Map(each) => std::slice::from_ref(&each.start),
            _ => &[],
        }
    }
}

impl Machine {
    /// The index of a task's target.
    pub(super) fn target(targets: &mut Vec<String>, name: &str) -> usize {
        targets.iter().position(|known| known == name).unwrap_or_else(|| {
            targets.push(name.to_owned());
            targets.len() - 1
        })
    }

    /// A state from which no path leads to an end.
    pub(super) fn endless(&self) -> Option<usize> {
        let mut ends: Vec<bool> = self.states.iter().map(State::can_end).collect();
        loop {
            let can_end = |at: &usize| !ends[*at] && self.states[*at].ways().any(|next| ends[next]);
            let Some(found) = (0..self.states.len()).find(can_end) else { break };
            ends[found] = true;
        }
        ends.iter().position(|ends| !ends)
    }

    /// The targets that every execution without failures calls, whatever its choices.
    pub(super) fn certain(&self) -> Vec<usize> {
        let (mut targets, mut seen) = (Vec::new(), vec![false; self.states.len()]);
        let mut open = vec![self.start];
        while let Some(at) = open.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            let State { kind, next, .. } = &self.states[at];
            match kind {
                Kind::Task(target, _) => targets.push(*target),
                Kind::Parallel(starts) => open.extend(starts),
                Kind::Map(each) if each.items > 0 => open.push(each.start),
                Kind::Map(_) | Kind::Wait(_) | Kind::Choice(_) | Kind::Pass | Kind::Succeed | Kind::Fail => {}
            }
            open.extend(next);
        }
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    /// The states reachable from the start.
    pub(super) fn reached(&self) -> Vec<bool> {
        let mut reached = vec![false; self.states.len()];
        let mut open = vec![self.start];
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut reached[at], true) {
                let state = &self.states[at];
                open.extend(state.ways().chain(state.levels().iter().copied()));
            }
        }
        reached
    }
}
