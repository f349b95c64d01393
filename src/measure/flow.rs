//! Who called whom, and how that ended: the arrows of the map of a system.

use serde::{Deserialize, Serialize};

use super::replication::RunMeasures;
use super::summary::Stat;
use crate::engine::{CallEnd, CallMade};
use crate::scenario::{Scenario, Target};
use crate::time::SimTime;

/// What is counted of the calls on one arrow, of those made in the measured part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Arrow {
    calls: u64,
    succeeded: u64,
    failed: u64,
    /// Given up by the caller before there was an answer.
    abandoned: u64,
    /// How long the answered ones took, all together.
    took_ns: u128,
}

/// The arrows of a scenario while it runs, in the order of [`Scenario::calls`].
#[derive(Clone, Debug)]
pub(super) struct Arrows {
    from: SimTime,
    all: Vec<Arrow>,
}

impl Arrows {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let from = SimTime::from(scenario.simulation.warm_up);
        Self { from, all: vec![Arrow::default(); scenario.calls().edges.len()] }
    }

    /// A call is made.
    pub(super) fn called(&mut self, call: &CallMade) {
        if call.at >= self.from {
            self.all[call.edge as usize].calls += 1;
        }
    }

    /// A call has ended for its caller.
    pub(super) fn ended(&mut self, end: &CallEnd) {
        if end.made < self.from || end.is_late {
            return;
        }
        let arrow = &mut self.all[end.edge as usize];
        match end.outcome {
            None => arrow.abandoned += 1,
            Some(outcome) => {
                *(if outcome.is_success() { &mut arrow.succeeded } else { &mut arrow.failed }) += 1;
                arrow.took_ns += u128::from(end.at.since(end.made).as_nanos());
            }
        }
    }

    pub(super) fn finish(self) -> Vec<Arrow> {
        self.all
    }
}

/// The calls of one caller to one target: calls = succeeded + failed + abandoned + open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallsResult {
    /// Who calls, such as "source.web", "gateway.api", "function.checkout"; the client of a source is "client.web".
    pub from: String,
    /// Who is called.
    pub to: String,
    /// Calls made in the measured part.
    pub calls: Stat,
    /// Answered successfully.
    pub succeeded: Stat,
    /// Answered without success.
    pub failed: Stat,
    /// Given up by the caller before there was an answer.
    pub abandoned: Stat,
    /// Without an answer at the end of the run.
    pub open: Stat,
    /// Mean time to an answer, s.
    pub latency_s: Stat,
}

/// The calls on every arrow of a scenario with a path.
pub(super) fn results(scenario: &Scenario, replications: &[RunMeasures]) -> Vec<CallsResult> {
    let calls = scenario.calls();
    let result = |(place, edge): (usize, &crate::scenario::Edge)| {
        let arrows: Vec<Arrow> = replications.iter().map(|one| arrow(scenario, one, place)).collect();
        let count = |of: &dyn Fn(&Arrow) -> u64| Stat::of(&arrows.iter().map(|one| of(one) as f64).collect::<Vec<_>>());
        let took: Vec<(f64, f64)> =
            arrows.iter().map(|one| (one.took_ns as f64 / 1e9, (one.succeeded + one.failed) as f64)).collect();
        CallsResult {
            from: scenario.caller_name(edge.from),
            to: scenario.name_of(edge.to),
            calls: count(&|one| one.calls),
            succeeded: count(&|one| one.succeeded),
            failed: count(&|one| one.failed),
            abandoned: count(&|one| one.abandoned),
            open: count(&|one| one.calls - one.succeeded - one.failed - one.abandoned),
            latency_s: Stat::of_ratio(&took),
        }
    };
    if replications.iter().any(|one| one.arrows.is_empty()) {
        return Vec::new();
    }
    calls.edges.iter().enumerate().map(result).collect()
}

/// What was counted on an arrow. A source that calls a function itself makes requests and no calls.
fn arrow(scenario: &Scenario, replication: &RunMeasures, place: usize) -> Arrow {
    let own = replication.arrows[place];
    let Some((id, source)) = scenario.sources.iter().enumerate().nth(place) else { return own };
    let (Target::Function(_) | Target::ByTrace(_)) = source.target else { return own };
    let Some((_, record)) = replication.sources.iter().find(|(known, _)| known.index() == id) else { return own };
    let requests = &record.shape.requests;
    let failed = requests.rejected + requests.timed_out + requests.failed;
    let mean_s = record.shape.latency_s.mean;
    Arrow {
        calls: requests.arrived as u64,
        succeeded: requests.completed as u64,
        failed: failed as u64,
        abandoned: 0,
        // Of those that failed it is not known here.
        took_ns: if mean_s.is_nan() { 0 } else { (mean_s * requests.completed * 1e9) as u128 },
    }
}
