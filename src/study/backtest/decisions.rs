//! What the autoscaler of a scenario would have decided on recorded metrics, beside what was recorded.

use std::collections::BTreeSet;

use super::super::StudyError;
use crate::fit::Measured;
use crate::measure::backtest::Decisions;
use crate::policy::scaling::replay::{Conditions, Gauge, Sample, TICKS_MAX, replay};
use crate::policy::scaling::{ORDERED_MAX, ScalingSpec};
use crate::rng::Streams;
use crate::scenario::Scenario;
use crate::time::{SimTime, Span};

/// Times after this (s) count from 1970, and not from the start of a run.
const A_DATE: f64 = 5e8;

/// The decisions; none where no pods were recorded, or no policy of the scenario decides on a clock of its own.
///
/// # Errors
/// A recording that lacks what the policy decides on, and is of no use for anything else.
pub(super) fn of(
    scenario: &Scenario,
    measured: &Measured,
    caveats: &mut Vec<String>,
) -> Result<Option<Decisions>, StudyError> {
    let gauges = measured.gauges();
    let recorded: BTreeSet<Gauge> = gauges.iter().map(|(_, gauge, _)| *gauge).collect();
    let outcome = [Gauge::Desired, Gauge::Pods, Gauge::Ready].into_iter().find(|gauge| recorded.contains(gauge));
    let mut scaled =
        scenario.functions.iter().filter(|function| !matches!(function.scaling, ScalingSpec::PerRequest(_)));
    let (Some(outcome), Some(function)) = (outcome, scaled.next()) else { return Ok(None) };
    if scaled.next().is_some() {
        caveats.push(
            "decisions are not compared: metrics belong to one function, and several of the scenario have an autoscaler"
                .to_owned(),
        );
        return Ok(None);
    }
    let policy = function.scaling.name();
    let streams = Streams::new(scenario.simulation.seed, 0);
    let first = gauges.first().map_or(0.0, |(at, ..)| *at);
    let conditions = Conditions {
        per_instance: function.concurrency.per_instance,
        limit: function.concurrency.max_instances.unwrap_or(ORDERED_MAX),
        start: Some(first).filter(|first| *first > A_DATE).and_then(|first| Span::from_secs_f64(first).ok()),
        has: &|gauge| recorded.contains(&gauge),
        stream: &|purpose| streams.stream(&function.name, purpose),
    };
    let mut one = match function.scaling.replay(&conditions) {
        Ok(one) => one,
        Err(wanted) if measured.has_requests() => {
            caveats.push(format!("decisions of `{policy}` are not compared: it decides on {wanted}"));
            return Ok(None);
        }
        Err(wanted) => {
            let message = format!("`{policy}` of function `{}` decides on {wanted}", function.name);
            return Err(StudyError::question(message, "record that too, beside the number of pods"));
        }
    };
    let mut samples: Vec<Sample> = Vec::new();
    for (at, gauge, value) in gauges {
        let at = SimTime::ZERO + Span::from_secs_f64(at - first).unwrap_or(Span::ZERO);
        match samples.last_mut() {
            Some((last, values)) if *last == at => values.push((gauge, value)),
            _ => samples.push((at, vec![(gauge, value)])),
        }
    }
    let ticks = replay(&mut *one, &samples, outcome);
    if ticks.len() >= TICKS_MAX {
        caveats.push(format!("decisions are compared for the first {TICKS_MAX} only"));
    }
    if outcome != Gauge::Desired {
        caveats.push(
            "decisions are compared with the pods there were, which follow a decision only when pods have started"
                .to_owned(),
        );
    }
    let recorded = recorded.into_iter().map(Gauge::name).collect();
    Ok(Some(Decisions { function: function.name.clone(), policy, outcome: outcome.name(), recorded, ticks }))
}
