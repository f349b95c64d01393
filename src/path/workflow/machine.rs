//! What a workflow is made of: states on levels. The branches of a parallel state and what a map does with each item are levels of their
//! own; from a state the way leads to one of the same level, or to its end.

use crate::dist::Dist;
use crate::time::Span;

/// A workflow, however it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    pub(super) states: Vec<State>,
    /// The first state.
    pub(super) start: usize,
    /// What tasks call.
    pub(super) targets: Vec<String>,
    /// How long an execution may take.
    pub(super) timeout: Option<Span>,
}

/// A state.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Where it goes on; none: its level ends.
    pub(super) next: Option<usize>,
    /// Tried in this order.
    pub(super) retries: Vec<Retry>,
    /// Tried in this order when no retry is left.
    pub(super) catches: Vec<Catch>,
    /// Whether it is not one of the workflow's own: an orchestrator runs, or somebody waits for it to start.
    pub(super) is_replay: bool,
}

/// What a state does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Calls this target and waits for the answer, not longer than this.
    Task(usize, Option<Span>),
    Wait(Dist),
    /// All levels at once, by their first states: it ends with the last, or with the first that fails.
    Parallel(Vec<usize>),
    Map(Each),
    /// One of these ways, with these shares of all.
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
    /// So many may fail.
    pub(super) tolerated: u32,
    /// Whether the items are executions of their own, whose events do not count here.
    pub(super) distributed: bool,
}

/// Why a state failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Error,
    Timeout,
    Throttled,
}

/// Causes of failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Causes(u8);

impl Causes {
    /// Every one.
    pub(super) const ALL: Self = Self(7);

    /// With one more.
    pub(super) const fn with(self, cause: Cause) -> Self {
        Self(self.0 | 1 << cause as u8)
    }

    /// Those of either.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether one is among them.
    pub(super) const fn has(self, cause: Cause) -> bool {
        self.0 & 1 << cause as u8 != 0
    }
}

/// After which failures, how often and when a state is tried again.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Retry {
    pub(super) on: Causes,
    pub(super) interval: Span,
    /// Retries: attempts less one.
    pub(super) most: u32,
    pub(super) rate: f64,
    pub(super) max_delay: Option<Span>,
    /// Whether the delay is drawn, anything from zero to that.
    pub(super) jitter: bool,
}

/// After which failures it goes on elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Catch {
    pub(super) on: Causes,
    pub(super) next: usize,
}

impl State {
    /// Where the way can lead from here on its level, failures included.
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
    /// The target of a task, by its number.
    pub(super) fn target(targets: &mut Vec<String>, name: &str) -> usize {
        targets.iter().position(|known| known == name).unwrap_or_else(|| {
            targets.push(name.to_owned());
            targets.len() - 1
        })
    }

    /// A state from which no way leads to an end.
    pub(super) fn endless(&self) -> Option<usize> {
        let mut ends: Vec<bool> = self.states.iter().map(State::can_end).collect();
        loop {
            let can_end = |at: &usize| !ends[*at] && self.states[*at].ways().any(|next| ends[next]);
            let Some(found) = (0..self.states.len()).find(can_end) else { break };
            ends[found] = true;
        }
        ends.iter().position(|ends| !ends)
    }

    /// The targets that an execution without failures calls whatever its choices are.
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

    /// The states that can be reached from the start.
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
